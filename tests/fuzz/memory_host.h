/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FUZZ_MEMORY_HOST_H
#define VFIOADM_FUZZ_MEMORY_HOST_H

#include "fake/tree.h"
#include "host/host.h"

/*
 * A host whose files are a tree in memory: like another root it can only be looked at, but it is made and
 * forgotten in no time. What only a running kernel answers (rtnetlink and the like) is taken from files below
 * "answers/", so that it can be hostile too.
 */
struct memory_host {
	struct host host;
	struct tree *tree; /* own, or somebody else's */
	struct tree own;
	struct node **dirs; /* by host_dir; NULL: free */
	size_t n_dirs;
	/* Called with each path that is looked at, links not resolved; may be NULL. */
	void (*touched)(const char *path, void *userdata);
	void *userdata;
};

/** tree: what it shows, left alone by host_free(); NULL: an empty one of its own. NULL: no memory. */
struct memory_host *memory_host_new(struct tree *tree) MUST_CHECK;
/** Each look at this file or directory fails with this errno from then on; 0: no longer. */
void memory_host_break(struct node *n, int error);

#endif
