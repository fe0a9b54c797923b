/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/macro.h"
#include "model/mount_point.h"

/* NixOS and Guix have all programs in their store; OSTree has the root file system's own disk at /sysroot. */
static const struct {
	const char *point;
	enum mount_rank rank;
} points[] = {
	{ "/", MOUNT_ROOT },	      { "/usr", MOUNT_SYSTEM },   { "/etc", MOUNT_SYSTEM },
	{ "/bin", MOUNT_SYSTEM },     { "/sbin", MOUNT_SYSTEM },  { "/lib", MOUNT_SYSTEM },
	{ "/lib64", MOUNT_SYSTEM },   { "/usr/bin", MOUNT_SYSTEM }, { "/usr/sbin", MOUNT_SYSTEM },
	{ "/usr/lib", MOUNT_SYSTEM }, { "/usr/lib64", MOUNT_SYSTEM }, { "/nix", MOUNT_SYSTEM },
	{ "/nix/store", MOUNT_SYSTEM }, { "/gnu", MOUNT_SYSTEM }, { "/gnu/store", MOUNT_SYSTEM },
	{ "/sysroot", MOUNT_SYSTEM }, { "/var", MOUNT_NEEDED },   { "/var/lib", MOUNT_NEEDED },
	{ "/var/log", MOUNT_NEEDED }, { "/boot", MOUNT_NEEDED },  { "/efi", MOUNT_NEEDED },
	{ "/boot/efi", MOUNT_NEEDED },
};

enum mount_rank mount_rank_of(const char *point, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		if (strlen(points[i].point) == length && strncmp(points[i].point, point, length) == 0)
			return points[i].rank;
	return MOUNT_DATA;
}

enum mount_rank mount_rank(const char *point)
{
	return mount_rank_of(point, strlen(point));
}
