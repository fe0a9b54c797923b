/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_APPLY_APPLY_H
#define VFIOADM_APPLY_APPLY_H

#include "host/host.h"
#include "model/plan.h"
#include "store/journal.h"

/*
 * Runs a plan: each step's precondition is looked at again, the step is run, and what it left behind is
 * read back, for a write that returned success proves nothing. On any failure everything that was done is
 * undone in reverse, and the state found before is looked for again.
 */
struct apply {
	struct host *host;
	struct store *store; /* open and locked */
	const char *root;    /* where etc/vfioadm.d is; NULL: nowhere, nothing can be declared */
	const char *run_dir;
	struct journal *journal; /* where each step is noted; one that is not open notes nothing */
	vfioadm_progress_fn progress;
	void *userdata;

	/* private */
	struct vfioadm_plan *plan;
	uint64_t log_position;
	bool log_known;
	bool changed; /* something had an effect */
	bool held;    /* the kernel still works on a step: on one of stuck, a card type or a module */
	bool image_left; /* an initramfs could not be made of what was there before */
	struct strv stuck; /* devices that the kernel still holds */
};

/** What a claim for steps that are not about one function is called. */
#define CLAIM_HOST "host"
/** Does the step change the host, or only what vfioadm remembers? */
bool apply_changes_host(const struct step *step);

/** Of what holding a disk has answered: no medium, or gone; nothing that could be mounted. */
bool disk_is_not_there(int r);
/** The host's hold(), which waits half a second at most for a disk that is shown and cannot be opened yet. */
int disk_hold(struct host *h, const char *address, const char *disk);

/**
 * Sets the result of the plan, the state of its steps and the outcomes. On failure the error says what
 * went wrong first, and then whether everything was put back.
 */
int apply_run(struct apply *a, struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;

/**
 * Brings a run that was interrupted to its end: forward when every function has its final driver already,
 * else back. held: names of claims that could not be had, because the kernel still works on a step of
 * theirs; these are left alone, and the run stays pending. *ret_left: in words, what is not as before.
 */
enum vfioadm_settled_as apply_settle(struct apply *a, struct vfioadm_plan *plan, bool back,
				     const struct strv *held, struct strbuf *ret_left);

#endif
