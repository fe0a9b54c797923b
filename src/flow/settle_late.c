/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a helper process: a run whose caller is gone is settled without anybody's doing. What ends such a helper in the
 * middle (a limit, the OOM killer, a fault of ours) would end the next one as well, and the helpers that it has started
 * find their caller gone in turn. So the journal remembers each try, before it begins and when it has ended.
 */
#include "base/error.h"
#include "flow/lock.h"
#include "flow/settle.h"
#include "store/journal.h"

enum { LATE_LOCK_WAIT_MS = 10 * 60 * 1000 };

static void say_left(struct vfioadm_ctx *ctx, const char *run, const char *why)
{
	_cleanup_free_ char *text = str_format("The interrupted run %s is left as it is: %s. 'vfioadm settle' settles it.",
					       run, why);

	if (text && ctx->host->ops->announce)
		ctx->host->ops->announce(ctx->host, text);
}

/*
 * A step that returns late gives reason for one more try, and each try may leave such steps: there are no more of them
 * than there are steps.
 */
static const char *why_not_again(const struct journal_found *found)
{
	if (found->late_begun)
		return "the helper that began to settle it was ended in the middle";
	if (found->n_late > found->plan->n_steps)
		return "its helpers have tried often enough";
	return NULL;
}

/* 1: it was begun, which *ret says; 0: there is nothing to do. */
static int begin(struct vfioadm_ctx *ctx, struct store *store, const char *run, struct journal *ret)
{
	_cleanup_journal_found_ struct journal_found found = { 0 };
	const char *why;
	int r = journal_load(store, run, &found);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	why = why_not_again(&found);
	if (!why) {
		r = journal_reopen(store, run, ret);
		if (r == 0)
			r = journal_note(ret, JOURNAL_LATE, 0);
		if (r == 0)
			return 1;
		journal_close(ret);
		/* Without this note there would be no end to it. */
		why = "its journal cannot be written";
	}
	say_left(ctx, run, why);
	return r;
}

int settle_run_late(struct vfioadm_ctx *ctx, struct store *store, const char *run, unsigned wait_ms)
{
	struct vfioadm_settlement all = { 0 };
	struct journal journal = { 0 };
	int r = begin(ctx, store, run, &journal);

	if (r <= 0)
		return r;
	/* Written to by its own descriptor meanwhile, so that this one knows no end of it any more. */
	journal_close(&journal);
	r = settle_runs(ctx, store, run, wait_ms, &all, NULL, NULL);
	arena_free(&all.arena);
	if (journal_reopen(store, run, &journal) == 0)
		(void)!journal_note(&journal, JOURNAL_ENDED, 0);
	journal_close(&journal);
	return r;
}

static int settle_in(struct vfioadm_ctx *ctx, const char *run)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct host *h;
	int r = ctx_host(ctx, &h, NULL);

	if (r == 0)
		r = lock_host(ctx, &store, STORE_LATE_SETTLING, LATE_LOCK_WAIT_MS, 0, -1, NULL);
	return r < 0 ? r : settle_run_late(ctx, &store, run, ctx->timeout_s * 1000);
}

int settle_late(const char *run_dir, const char *run)
{
	struct vfioadm_ctx *ctx;
	int r = ctx_new_with_host(NULL, run_dir, &ctx);

	if (r < 0)
		return 1;
	/* The same program as this process, wherever it was installed. */
	r = vfioadm_ctx_set_helper(ctx, "/proc/self/exe");
	if (r == 0)
		r = settle_in(ctx, run);
	vfioadm_ctx_unref(ctx);
	return r < 0;
}
