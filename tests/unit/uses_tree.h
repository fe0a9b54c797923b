/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_USES_TREE_H
#define TESTS_UNIT_USES_TREE_H

#include "tmp_tree.h"

/* What the tests of the search for users put into a root: nodes, and processes that have them open. */

/** A device with a node at PLACE/NAME below sys/devices, in its class and (with_dev) in sys/dev/char. */
void uses_node(struct tmp_tree *t, const char *class, const char *place, const char *name, const char *number,
	       bool with_dev);
/** A process of the host's first PID namespace; also makes /proc complete when it is the first one. */
void uses_process(struct tmp_tree *t, int pid, const char *name);
void uses_open(struct tmp_tree *t, int pid, int fd, const char *target);
/** addresses: those to search for, blanks between. */
void uses_search(struct tmp_tree *t, const char *addresses);
/** The same of a host that was observed before. */
void uses_search_observed(struct tmp_tree *t, const char *addresses);
/** "code what: why" of each user, "; " between, in order. */
const char *uses_text(struct tmp_tree *t, const char *address);
/** The same, of those whose code starts so. */
const char *uses_of_code(struct tmp_tree *t, const char *address, const char *code);

#endif
