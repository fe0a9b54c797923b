/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODULES_H
#define VFIOADM_HOST_MODULES_H

#include "base/str.h"

struct host;
struct host_modules;

/**
 * Modules whose alias matches text ("pci:v…", "vfio_pci:v…"), or that have this name; best first, that is
 * the alias with the fewest wildcards. -ENOENT, -ENOSYS: this root has no module index.
 */
int modules_lookup(struct host *h, const char *text, struct strv *ret) MUST_CHECK;

/** Does an alias pattern (with '*', '?' and '[…]') match the whole text? */
bool modules_glob(const char *pattern, const char *text);

void host_modules_free(struct host *h, struct host_modules *modules);

#endif
