/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading a module moves nothing but what is named. */
#include <string.h>

#include "base/error.h"
#include "flow/loading.h"
#include "host/module_setup.h"
#include "policy/check.h"
#include "policy/planner.h"

static int fail_trouble(const struct step *step, const struct module_setup *setup, bool release,
			struct vfioadm_error **err)
{
	const char *driver = step->op.driver ? step->op.driver : step->op.value;

	error_set(err, -EPERM, driver_name_is_vfio(driver) ? VFIOADM_E_NO_VFIO_PCI : VFIOADM_E_NO_DRIVER,
		  "The module %s cannot be loaded: %s.", step->op.value, setup->trouble);
	error_path(err, setup->trouble_source);
	error_hint(err, "%s%s", setup->trouble_hint,
		   release ? " Or leave the device without a driver: vfioadm release --park." : "");
	return -EPERM;
}

static int say_left_out(struct vfioadm_plan *plan, const struct step *step, const struct module_setup *setup)
{
	const char *module = step->op.value;
	int r = 0;

	for (size_t i = 0; r == 0 && i < setup->n_commands; i++) {
		const struct module_command *c = &setup->commands[i];

		if (!c->loaded)
			r = check_module_command(plan, module, c->module, c->command, c->source);
	}
	for (size_t i = 0; r == 0 && i < setup->n_soft; i++)
		r = check_module_soft(plan, setup->soft[i].of, setup->soft[i].module, setup->soft[i].command,
				      setup->soft[i].source);
	return r;
}

/* ---- vfio-pci's configured card types ---- */

struct configured {
	struct cardtype *items; /* that it is loaded with */
	size_t n;
	bool changed; /* there are others, which it is not loaded with */
};

static void configured_clear(struct configured *c)
{
	free(c->items);
}

static int sort_out(struct look *look, struct vfioadm_plan *plan, const struct module_parameter *ids,
		    struct configured *ret)
{
	_cleanup_free_ char *list = strdup(ids->value);
	char *rest = list, *id;
	size_t n = 1;

	for (const char *p = ids->value; *p; p++)
		n += *p == ',';
	ret->items = calloc(n, sizeof(*ret->items));
	if (!list || !ret->items)
		return -ENOMEM;
	while ((id = strsep(&rest, ","))) {
		_cleanup_selection_ struct selection taken = { 0 };
		struct cardtype type;
		bool exact;

		if (cardtype_parse_parameter(id, &type, &exact) < 0)
			continue;
		if (plan_enable_taken(look->inv, &type, 1, &taken) < 0)
			return -ENOMEM;
		if (!taken.n) {
			ret->items[ret->n++] = type;
			continue;
		}
		ret->changed = true;
		if (check_configured_type(plan, &type, ids->source, &look->inv->functions[taken.items[0]]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int settle_types(struct look *look, struct vfioadm_plan *plan, struct step *step,
			const struct module_setup *setup)
{
	CLEANUP(configured_clear) struct configured c = { 0 };
	const struct module_parameter *ids = module_setup_find(setup, "ids");

	if (!ids || !ids->value || !*ids->value)
		return 0;
	if (sort_out(look, plan, ids, &c) < 0)
		return -ENOMEM;
	/* With the command's own types behind them the configured ones would be gone: of two the kernel takes the last. */
	return c.changed || step->op.options ? plan_load_with(plan, step, c.items, c.n) : 0;
}

int loading_settle(struct look *look, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	for (size_t i = 0; i < plan->n_steps; i++) {
		_cleanup_module_setup_ struct module_setup setup = { 0 };
		struct step *step = &plan->steps[i];
		int r;

		if (step->op.kind != OP_LOAD_MODULE)
			continue;
		if (module_setup_read(look->host, step->op.value, &setup) < 0)
			return error_oom(err);
		if (setup.trouble)
			return fail_trouble(step, &setup, plan->verb == VERB_RELEASE, err);
		r = say_left_out(plan, step, &setup);
		if (r == 0 && driver_name_equal(step->op.value, "vfio_pci"))
			r = settle_types(look, plan, step, &setup);
		if (r < 0)
			return error_oom(err);
	}
	return 0;
}
