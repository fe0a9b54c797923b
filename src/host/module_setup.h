/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODULE_SETUP_H
#define VFIOADM_HOST_MODULE_SETUP_H

#include "base/str.h"
#include "model/inventory.h"

struct host;

/* What a module would get if it were loaded now: the one answer for import, enable, checks, release and the loader. */

struct module_parameter {
	const char *name;   /* as it is written: '-' and '_' are the same to the kernel */
	const char *value;  /* NULL: without "=" */
	const char *source; /* "/etc/modprobe.d/vfio.conf:3", "/proc/cmdline" */
	bool command_line;
	/* NULL: the kernel reads it. Else a clause that says why it does not: "vfio_pci is built into …". */
	const char *unread;
};

/** A command of modprobe.d in place of loading; vfioadm runs none. */
struct module_command {
	const char *module, *command, *source;
	const char *of; /* a soft dependency: of this module */
	bool loaded;	/* the module is there already */
};

/* Soft dependencies of soft dependencies; a chain that is longer is a circle. */
enum { MODULE_SOFT_DEPTH = 4 };

struct module_setup {
	struct arena arena;
	bool builtin; /* modprobe.d is nothing to it; the kernel itself reads the command line */
	struct module_parameter *parameters; /* in the kernel's order: of one name, the last that it reads counts */
	size_t n;
	struct module_command *commands; /* of the module and of those that it needs; they are left out */
	size_t n_commands;
	/* Soft dependencies that are left out, also of those that are loaded, and their line (command NULL) or command. */
	struct module_command *soft;
	size_t n_soft;
	const char *blacklist; /* source of the line that keeps it from being loaded by alias; NULL: none */
	/* Why it cannot be loaded at all, as a clause, and what to do; NULL: nothing of this prevents it. */
	const char *trouble, *trouble_source, *trouble_hint;
};

/** -ENOMEM. module may be spelled with dashes. */
int module_setup_read(struct host *h, const char *module, struct module_setup *ret) MUST_CHECK;
void module_setup_clear(struct module_setup *s);
#define _cleanup_module_setup_ CLEANUP(module_setup_clear)

/** The parameter that counts, or NULL. */
const struct module_parameter *module_setup_find(const struct module_setup *s, const char *name);
/** param_set_bool(): "1", "Y", "on", and the name alone. -EINVAL: the kernel refuses it, and the load with it. */
int module_parameter_bool(const struct module_parameter *p, bool *ret);

/** A command that is there so that nothing is loaded: "/bin/false", "echo no >&2; exit 1". */
bool module_command_forbids(const char *command);

#endif
