/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a module is loaded without, because it would move more than is named. */
#include "policy/check.h"
#include "policy/codes.h"

static int say_of_module(struct vfioadm_plan *plan, const char *code, const char *message, const char *hint)
{
	struct vfioadm_finding *finding = plan_add_finding(plan);

	if (!finding || !message || !hint)
		return -ENOMEM;
	finding->code = code;
	finding->severity = code_info(code)->severity;
	finding->message = message;
	finding->hint = hint;
	return 0;
}

int check_module_command(struct vfioadm_plan *plan, const char *module, const char *about, const char *command,
			 const char *source)
{
	return say_of_module(plan, "module-command",
		   arena_format(&plan->arena,
				"%s has the command \"%s\" in place of loading %s. vfioadm does not run it: it loads %s "
				"without it, so that only what is named is moved.",
				source, command, about, module),
		   "If the device needs what the command does, do that by hand.");
}

int check_module_soft(struct vfioadm_plan *plan, const char *module, const char *soft, const char *command,
		      const char *source)
{
	return say_of_module(plan, "module-command",
		   command ? arena_format(&plan->arena,
					  "%s is a soft dependency of %s, and %s has the command \"%s\" in place of loading "
					  "it or a module that it needs: it is left out.",
					  soft, module, source, command) :
			     arena_format(&plan->arena,
					  "%s is a soft dependency of %s (%s), and it or a module that it needs takes PCI "
					  "devices: it is left out, so that only what is named is moved.",
					  soft, module, source),
		   arena_format(&plan->arena, "If the device needs it, load it by hand: modprobe %s", soft));
}

int check_configured_type(struct vfioadm_plan *plan, const struct cardtype *type, const char *source,
			  const struct vfioadm_function *f)
{
	char name[CARDTYPE_MAX];

	cardtype_format(type, name);
	return say_of_module(plan, "module-ids",
		   arena_format(&plan->arena,
				"%s gives card type %s to vfio-pci, which would take %s as well, as that has no driver. "
				"vfioadm loads vfio-pci without that type, so that only what is named is moved.",
				source, name, f->address),
		   arena_format(&plan->arena, "When the host needs nothing of its group, this gives it to vfio-pci as "
					      "well: vfioadm enable %s",
				name));
}
