/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FAKE_FAULT_H
#define VFIOADM_FAKE_FAULT_H

#include "fake.h"
#include "kernel.h"

/* The host around the model: open directories, and the faults that are put between. */

struct armed {
	struct fault fault;
	char *match;   /* own copy */
	unsigned seen; /* operations that matched since */
	bool done;
};

struct fake_host {
	struct host base;
	struct kernel k;
	struct node **dirs; /* by host_dir; NULL: free */
	size_t n_dirs;
	struct armed *faults;
	size_t n_faults;
	unsigned operations;
	unsigned resume_at; /* number of the operation before which what hangs goes on; 0: none */
};

static inline struct fake_host *fake_of(struct host *h)
{
	return (struct fake_host *)h;
}

/** Counts the operation, lets the faults have their way with it, and carries it out. */
int fault_operate(struct fake_host *f, struct work *w) MUST_CHECK;

/** Looks an errno up by name, "EIO"; 0: there is none. */
int errno_by_name(const char *name);

#endif
