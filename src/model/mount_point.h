/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_MOUNT_POINT_H
#define VFIOADM_MODEL_MOUNT_POINT_H

#include <stdbool.h>
#include <stddef.h>

/** What the host loses with a mount. */
enum mount_rank {
	MOUNT_DATA = 0,
	MOUNT_NEEDED, /* its services, its logs, or its next boot: /var, /boot, /efi */
	MOUNT_SYSTEM, /* its programs and their settings: /usr, /etc, /nix/store; it stops */
	MOUNT_ROOT,
};

enum mount_rank mount_rank(const char *point);
/** The same of the first length bytes. */
enum mount_rank mount_rank_of(const char *point, size_t length);
/** The root file system is that as well which the host cannot run without. */
static inline bool mount_is_system(const char *point)
{
	return mount_rank(point) >= MOUNT_SYSTEM;
}

#endif
