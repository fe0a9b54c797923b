/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_SETTLE_H
#define VFIOADM_FLOW_SETTLE_H

#include "flow/ctx.h"
#include "model/inventory.h"
#include "store/store.h"

struct vfioadm_settlement {
	struct arena arena;
	struct vfioadm_settled *items;
	size_t n;
};

/** Functions (and CLAIM_HOST) of runs that could not be settled. */
struct unsettled {
	struct strv pending; /* the kernel still holds a step */
	struct strv failed;  /* something could not be put back */
};

void unsettled_clear(struct unsettled *u);

/**
 * Settles the runs whose journals are there, or only the one named. The store must be locked. wait_ms: how
 * long to wait for a step that the kernel still works on before the others of its run are put back; 0: the
 * run is left as it is, and a journal that cannot be read is an error. *ret_unsettled may be NULL.
 */
int settle_runs(struct vfioadm_ctx *ctx, struct store *store, const char *only, unsigned wait_ms,
		struct vfioadm_settlement *settlement, struct unsettled *ret_unsettled,
		struct vfioadm_error **err) MUST_CHECK;

/** The same when runs were settled: what those that could not be settled need stays, and what is named (or NULL). */
int settle_gone(struct vfioadm_ctx *ctx, struct store *store, const struct unsettled *unsettled,
		const struct strv *named, struct vfioadm_settlement *all, struct vfioadm_error **err) MUST_CHECK;
/** Of a function that is not there: says that it was assigned, where it was. */
void settle_explain_vanished(struct vfioadm_ctx *ctx, struct vfioadm_error **err);
/**
 * Adds what was assigned and is not there any more, but for busy ones, which a run has not let go; drop: with its
 * record. VFIOADM_E_STORE.
 */
int settle_vanished(struct vfioadm_ctx *ctx, struct store *store, const struct strv *busy, bool drop,
		    struct vfioadm_settlement *all, struct vfioadm_error **err) MUST_CHECK;
/** Adds a journal that cannot be read; set_aside: which is one no longer. -ENOMEM, or what moving it gave. */
int settle_damaged(struct vfioadm_ctx *ctx, struct store *store, const char *run, bool set_aside,
		   struct vfioadm_settlement *all) MUST_CHECK;

/**
 * Functions (and CLAIM_HOST) that journals tell of, without a lock and without changing anything: runs that
 * go on just now are among them. Who may not look, or finds none, gets none. -ENOMEM.
 */
int settle_pending(struct vfioadm_ctx *ctx, struct strv *ret) MUST_CHECK;

int flow_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret,
		struct vfioadm_error **err);

/**
 * One run, by a helper that is alone, unless such a helper was ended in the middle of it before: then the run is left,
 * and that goes to the system log. The store must be locked. 0: also where it is left, or there is no such run any more.
 */
int settle_run_late(struct vfioadm_ctx *ctx, struct store *store, const char *run, unsigned wait_ms) MUST_CHECK;

/**
 * What a helper process does whose write returned after its caller had given up or died: settles that run,
 * unless somebody else has. Returns an exit status.
 */
int settle_late(const char *run_dir, const char *run);

#endif
