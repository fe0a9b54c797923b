/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODULES_H
#define VFIOADM_HOST_MODULES_H

#include "base/str.h"

struct host;
struct host_modules;
struct modprobe_conf;

/**
 * Modules whose alias matches text ("pci:v…", "vfio_pci:v…"), or that have this name; best first, that is
 * the alias with the fewest wildcards. -ENOENT, -ENOSYS: this root has no module index.
 */
int modules_lookup(struct host *h, const char *text, struct strv *ret) MUST_CHECK;

/** Does an alias pattern (with '*', '?' and '[…]') match the whole text? */
bool modules_glob(const char *pattern, const char *text);

/**
 * The best one that modules_lookup() passes over, as a line of modprobe's (blacklist, alias) keeps it from being loaded
 * for this alias; the line's source belongs to the host. -ENOENT: there is none.
 */
int modules_left_out(struct host *h, const char *text, char **ret_module, const char **ret_source) MUST_CHECK;

/** The modules that this one needs, as modules.dep says: all of them, not only its neighbours. Names with '_'. */
int modules_needed(struct host *h, const char *module, struct strv *ret) MUST_CHECK;
/** The running kernel has it built in. */
bool modules_builtin(struct host *h, const char *module);
/** It takes PCI functions when it is loaded. */
bool modules_drives_pci(struct host *h, const char *module);

/** modprobe.d and the command line as they were when modules_refresh() was called last; the host's own. -ENOMEM. */
int modules_conf(struct host *h, const struct modprobe_conf **ret) MUST_CHECK;
/** What is asked next looks at modprobe.d again. */
void modules_refresh(struct host *h);

void host_modules_free(struct host *h, struct host_modules *modules);

#endif
