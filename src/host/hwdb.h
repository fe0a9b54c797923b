/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_HWDB_H
#define VFIOADM_HOST_HWDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reader of systemd's compiled hardware database, hwdb.bin. libsystemd has one, but it believes every
 * offset in the file, which in another root may come from anybody, and to link it costs a start of the
 * command several milliseconds for its other libraries. Here each offset is checked when it is used, and
 * each lookup ends.
 */
struct hwdb {
	const char *data;
	size_t size;
	uint64_t node_size, child_size, value_size;
	uint64_t root;
};

/** data must outlive the result. -EBADMSG: this is no hwdb.bin. */
int hwdb_open(const char *data, size_t size, struct hwdb *ret);

/** What one lookup gives for a key that was asked for. */
struct hwdb_property {
	const char *key;
	const char *value; /* NULL: nothing; points into the data */
	uint64_t priority;
};

/**
 * Fills the values of the n keys from every pattern that matches text; of several values that of the later
 * file and line wins. Patterns may hold '*' and '?'; classes in brackets, which names of PCI functions do
 * not use, never match.
 */
void hwdb_lookup(const struct hwdb *db, const char *text, struct hwdb_property *properties,
		 size_t n);

#endif
