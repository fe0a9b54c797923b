/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_TMP_TREE_H
#define TESTS_UNIT_TMP_TREE_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "host/observe.h"

/* A root in a temporary directory; missing parents are made. Every failure fails the test. */
struct tmp_tree {
	char dir[64];
	struct host *host;	       /* tmp_open() */
	struct vfioadm_inventory *inv; /* tmp_observe() */
};

int tmp_setup(void **state);
int tmp_teardown(void **state);

void tmp_dir(struct tmp_tree *t, const char *path);
void tmp_data(struct tmp_tree *t, const char *path, const void *data, size_t size);
/** text is written as it is. */
void tmp_file(struct tmp_tree *t, const char *path, const char *text);
void tmp_link(struct tmp_tree *t, const char *path, const char *target);
void tmp_fifo(struct tmp_tree *t, const char *path);
void tmp_remove(struct tmp_tree *t, const char *path);

/**
 * A function at place below sys/devices ("pci0000:00/0000:00:01.0"), with its link on the bus. ids is
 * "vendor device subvendor subdevice class" in hex; driver NULL: none; group -1: none.
 */
void tmp_function(struct tmp_tree *t, const char *place, const char *ids, const char *driver,
		  int group);
/** sys/class/CLASS/NAME, linked to the directory PLACE/NAME below sys/devices. */
void tmp_class(struct tmp_tree *t, const char *class, const char *place, const char *name);

struct host *tmp_open(struct tmp_tree *t);
/** Opens the host anew and observes it. */
struct vfioadm_inventory *tmp_observe(struct tmp_tree *t);
struct vfioadm_function *tmp_get(struct tmp_tree *t, const char *address);

/** "kind what: why" of each user, ", " between; '!' before those that no force helps against. */
const char *users_of(const struct vfioadm_function *f);
/** Items with commas between, "-" for none, "?" for unknown. */
const char *items_of(const struct vfioadm_list *list);
/** The string, "-" or "?". */
const char *text_of(const struct vfioadm_str *s);

#endif
