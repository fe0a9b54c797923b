/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_NAMES_H
#define VFIOADM_HOST_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct host_names;

void host_names_free(struct host_names *names);

/**
 * sd-hwdb believes every offset in the file that it is given. true: data is a hwdb.bin whose tree ends,
 * and whose every node, string and child lies inside of it.
 */
bool hwdb_check(const char *data, size_t size);

#endif
