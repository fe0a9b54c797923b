/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_SCENARIO_SWEEP_H
#define VFIOADM_SCENARIO_SWEEP_H

#include <setjmp.h>

#include "runner.h"

/*
 * At each vfioadm of each scenario: the same command again and again, each time with one fault or one death
 * in it, each time in a process of its own that is forked for it. So the host is as the scenario has brought
 * it there, whatever happened in the times before. Whatever happens, what is left must be what was before or
 * what was wanted, never between; what is not, must be said so, and be settled afterwards.
 */

/* ---- sweep_world.c: everything that vfioadm may change, as sorted lines ---- */

/** "function ADDRESS driver=…", "id DRIVER …", "record ADDRESS", "enabled ID". */
int world_take(struct runner *run, struct strv *ret) MUST_CHECK;
/** What is not to be compared. Functions that are gone, or stuck in the kernel, never are. */
struct world_excuses {
	const char *named;	      /* functions that this text names */
	const struct strv *not_as_in; /* functions that are not as here */
	bool ids;		      /* what the kernel knows of IDs */
	bool rest;		      /* all but drivers and overrides */
};
/** NULL: after is like want; else what is not, in words. excuses may be NULL. */
char *world_difference(struct runner *run, const struct strv *want, const struct strv *after,
		       const struct world_excuses *excuses);
/** A function that the command moves is gone. */
bool world_lost_one(const struct strv *before, const struct strv *wanted, const struct strv *after);
/** How many journals there are. */
size_t world_journals(struct runner *run);

/* ---- sweep.c ---- */

/** Of the run without a fault, and what the processes tell. In memory that they share. */
struct sweep_shared {
	int status;
	unsigned operations, points;
	bool fired;        /* what was to happen has happened */
	char wanted[1 << 18];
};

struct sweep_case;
struct sweep {
	struct sweep_shared *shared;
	struct strv before, wanted;
	struct host *actor; /* the user of the model whose turn it is */
	unsigned cases, failed, lines;
	const struct sweep_case *first; /* which cases there are */
	size_t n_cases;
	unsigned every;  /* only each N-th case */
	unsigned budget; /* runs of vfioadm that are still to be swept in this scenario */
};

/** One kind of thing that happens at the n-th of something. */
struct sweep_case {
	const char *name; /* "hang at operation" */
	/* In a process of its own: makes it happen, runs the command, judges. 0 or FAILED with run->reason. */
	int (*run)(struct runner *run, struct sweep *sweep, const struct sweep_case *c, unsigned nth,
		   const struct strv *command);
	const struct fault *fault;
	int variant;
};

extern const struct sweep_case sweep_faults[], sweep_kills[];
extern const size_t sweep_n_faults, sweep_n_kills;

/** Another vfioadm takes the place of the one that ran: a context of its own on the same host. */
int sweep_another(struct runner *run, struct sweep *sweep) MUST_CHECK;
/** Has the fault that was armed come? */
bool sweep_fault_came(struct runner *run);
/** Helpers that are alone settle, each in a process of its own, which is the actor meanwhile. How many, or an errno. */
int sweep_late(struct runner *run, struct sweep *sweep) MUST_CHECK;
/**
 * What hangs goes on; helpers that are alone settle (late), the next vfioadm settles. Then nothing may be
 * left, and the whole is as before or as wanted. 0 or FAILED.
 */
int sweep_settle(struct runner *run, struct sweep *sweep, bool late,
		 const struct world_excuses *excuses);

/* ---- kill_points.c: each call that changes a file of ours is a place to die at ---- */

extern sigjmp_buf kill_jump;
/** Dies at the n-th point from now on (0: counts only): each call has one before it, one amid, one behind. */
void kill_points_begin(unsigned die_at);
/** Returns how many points there were. */
unsigned kill_points_end(void);
_Noreturn void kill_now(void);

#endif
