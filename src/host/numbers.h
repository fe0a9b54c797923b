/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_NUMBERS_H
#define VFIOADM_HOST_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

/*
 * Places by number (a namespace, a device), for as many as there are: everybody can make thousands of namespaces,
 * and a list that is looked through for each would cost squares. Zero-initialise; 0 is no number.
 */
struct numbers_map {
	struct numbers_slot {
		uint64_t number;
		size_t place;
	} * slots;
	size_t n, room; /* room: a power of two */
};

/** Its place, or -1. */
ssize_t numbers_find(const struct numbers_map *m, uint64_t number);
/** 1: it is new; 0: it was there, with the place that it had. -ENOMEM. */
int numbers_add(struct numbers_map *m, uint64_t number, size_t place) MUST_CHECK;
void numbers_clear(struct numbers_map *m);

#endif
