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

/* A name that somebody claimed; stays while the lock is held or the claimant has not given it back. */
struct fake_claim {
	char *name, *run_dir, *run;
	struct fake_host *owner; /* NULL: gave it back, or died */
	bool locked;
	unsigned serial; /* the operation that outlasted its deadline; 0: none */
	pid_t pid;
	struct strv disks;
};

/* The kernel and what lies around it: one for all who use the same model. */
struct machine {
	unsigned users;
	struct kernel k;
	struct armed *faults;
	size_t n_faults;
	unsigned operations;
	unsigned resume_at; /* number of the operation before which what hangs goes on; 0: none */
	unsigned serial;
	struct fake_claim **claims;
	size_t n_claims;
	pid_t last_pid;
	struct strv used;     /* disks that somebody on the host has claimed */
	struct strv late;     /* runs to be settled late: run_dir, run, run_dir, … */
};

struct fake_host {
	struct host base;
	struct machine *m;
	struct node **dirs; /* by host_dir; NULL: free */
	size_t n_dirs;
};

static inline struct fake_host *fake_of(struct host *h)
{
	return (struct fake_host *)h;
}

/** Counts the operation, lets the faults have their way with it, and carries it out. */
int fault_operate(struct fake_host *f, struct work *w) MUST_CHECK;

/* claims.c */
int claims_operate(struct host *h, struct work *w, const char *claim) MUST_CHECK;
int fake_claim(struct host *h, const char *run_dir, const char *run, const char *name, pid_t *ret_holder);
void fake_unclaim(struct host *h, const char *const *names, size_t n);
int fake_hold(struct host *h, const char *name, const char *disk);
void fake_let_go(struct host *h, const char *name);
int fake_stuck_in(struct host *h, const char *name, struct strv *ret);
bool fake_is_ours(struct host *h, pid_t pid);
/** The function that a path is about, when this host has claimed it; else NULL. */
const char *claims_of_path(struct host *h, const char *path);
/** Operations that have returned meanwhile give their claims back. */
void claims_tidy(struct machine *m);
void claims_clear(struct machine *m);
int claims_use_disk(struct machine *m, const char *disk);
int claims_leave_disk(struct machine *m, const char *disk);

/** Looks an errno up by name, "EIO"; 0: there is none. */
int errno_by_name(const char *name);

#endif
