/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_ZPOOL_CACHE_H
#define VFIOADM_HOST_ZPOOL_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

/**
 * Calls fn for each device in a zpool.cache: the pool's name and the path by which ZFS opens it, data, log,
 * special and dedup devices alike (cache and spare devices are not in it). Both hold during the call only.
 * -EBADMSG: the data are damaged or cut, and fn was called for what stands before that. Stops at a negative result
 * of fn and returns it.
 */
int zpool_cache_each(const void *data, size_t size, int (*fn)(const char *pool, const char *path, void *userdata),
		     void *userdata) MUST_CHECK;

#endif
