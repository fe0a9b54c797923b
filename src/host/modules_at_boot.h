/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODULES_AT_BOOT_H
#define VFIOADM_HOST_MODULES_AT_BOOT_H

#include <stdbool.h>

#include "base/str.h"

struct host;

/**
 * Does the configuration of this root have the module loaded at boot, whoever starts first? initramfs: the root is one
 * that has just been started. Lists of modules, the kernel command line, and lines of modprobe.d that load it along
 * with a module which is there. Scripts are not looked through. -ENOMEM.
 */
int modules_at_boot(struct host *h, const char *module, bool initramfs, bool *ret) MUST_CHECK;

#endif
