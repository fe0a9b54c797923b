/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "apply/apply.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/helper.h"
#include "flow/flow.h"
#include "flow/lock.h"
#include "flow/settle.h"
#include "store/journal.h"

/* One run on its way to its end. */
struct settling {
	struct vfioadm_ctx *ctx;
	struct host *host;
	struct store *store;
	const char *run;
	struct journal_found found;
	struct strv names;    /* claims that its steps need */
	struct strv held;     /* of these the ones that somebody still has */
	struct strbuf left;
	enum vfioadm_settled_as as;
};

static void settling_clear(struct settling *s)
{
	journal_found_clear(&s->found);
	strv_clear(&s->names);
	strv_clear(&s->held);
	strbuf_clear(&s->left);
}

static int add_name(struct strv *names, const char *name)
{
	return strv_has(names, name) ? 0 : strv_add(names, name);
}

/* Steps that never began, or are undone already, need nobody. */
static int collect_names(struct settling *s)
{
	const struct vfioadm_plan *plan = s->found.plan;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];

		if (step->pub.state == VFIOADM_STEP_PLANNED || step->pub.state == VFIOADM_STEP_UNDONE)
			continue;
		if (step->pub.device)
			r = add_name(&s->names, step->pub.device);
		else if (apply_changes_host(step))
			r = add_name(&s->names, CLAIM_HOST);
		for (size_t j = 0; r == 0 && j < step->n_undo; j++)
			if (step->undo[j].device)
				r = add_name(&s->names, step->undo[j].device);
	}
	return r;
}

static int claim_until(struct settling *s, const char *name, int64_t end)
{
	pid_t holder;

	for (;;) {
		int r = s->host->ops->claim(s->host, s->ctx->run_dir, s->run, name, &holder);

		if (r != -EAGAIN || clock_ms() >= end || cancel_count(s->host->cancel_fd))
			return r;
		clock_pause();
	}
}

static int claim_all(struct settling *s, unsigned wait_ms)
{
	int64_t end = clock_ms() + wait_ms;

	STRV_FOREACH(i, &s->names) {
		int r = claim_until(s, s->names.items[i], end);

		if (r < 0 && r != -EAGAIN)
			return r;
		if (r == -EAGAIN && strv_add(&s->held, s->names.items[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Those that somebody else holds are not ours. */
static void unclaim_all(struct settling *s)
{
	s->host->ops->unclaim(s->host, (const char *const *)s->names.items, s->names.n);
}

static int settle_claimed(struct settling *s)
{
	struct journal journal = { 0 };
	struct apply a = {
		.host = s->host,
		.store = s->store,
		.root = s->ctx->root,
		.run_dir = s->ctx->run_dir,
		.journal = &journal,
	};
	int r = journal_reopen(s->store, s->run, &journal);

	if (r < 0)
		return r;
	s->as = apply_settle(&a, s->found.plan, s->found.back, &s->held, &s->left);
	journal_close(&journal);
	if (s->as == VFIOADM_SETTLED_FINISHED || s->as == VFIOADM_SETTLED_UNDONE)
		r = journal_remove(s->store, s->run);
	return r;
}

/* While the kernel may still bring a step to its end, nobody can say that the run has failed. */
static bool leave_alone(const struct settling *s, unsigned wait_ms)
{
	return s->held.n && !s->found.back && !wait_ms;
}

/*
 * A run that was killed amid a step is no stuck one: its step has as long as any other to return. Only then does it
 * keep functions from others. One that has waited in vain itself has noted that.
 */
static unsigned time_left_ms(const struct settling *s)
{
	const struct vfioadm_plan *plan = s->found.plan;
	int64_t age = journal_age_ms(s->store, s->run), all = (int64_t)s->ctx->timeout_s * 1000;

	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].pub.state == VFIOADM_STEP_STUCK)
			return 0;
	return age < 0 || age >= all ? 0 : (unsigned)(all - age);
}

static int settle_found(struct settling *s, unsigned wait_ms)
{
	char boot_id[64];
	int r = observe_boot_id(s->host, boot_id, sizeof(boot_id));

	if (r < 0)
		return r;
	if (!streq(boot_id, s->found.boot_id)) {
		/* All that it did went with that boot. */
		s->as = VFIOADM_SETTLED_STALE;
		return journal_remove(s->store, s->run);
	}
	r = collect_names(s);
	if (r == 0)
		r = claim_all(s, wait_ms ? wait_ms : time_left_ms(s));
	s->as = VFIOADM_SETTLED_PENDING;
	if (r == 0 && !leave_alone(s, wait_ms))
		r = settle_claimed(s);
	unclaim_all(s);
	return r;
}

/* ---- telling of it ---- */

static const char *message_of(struct arena *arena, const struct settling *s, const char *what)
{
	switch (s->as) {
	case VFIOADM_SETTLED_FINISHED:
		return arena_format(arena, "%s: had completed; its records were updated.", what);
	case VFIOADM_SETTLED_UNDONE:
		return arena_format(arena, "%s: was interrupted and undone%s%s.", what,
				    s->left.len ? "; " : "", s->left.len ? s->left.s : "");
	case VFIOADM_SETTLED_STALE:
		return arena_format(arena, "%s: belongs to an earlier boot; discarded.", what);
	case VFIOADM_SETTLED_PENDING:
		return arena_format(arena, "%s: the kernel still holds %s.", what,
				    s->held.n ? s->held.items[0] : "a step");
	default:
		return arena_format(arena, "%s: could not be put back: %s.", what,
				    s->left.len ? s->left.s : "(unknown)");
	}
}

static const char *hint_of(const struct settling *s)
{
	if (s->as == VFIOADM_SETTLED_PENDING)
		return s->found.late_begun ? "Stop what uses the device, and run 'vfioadm settle' again." :
					     "Stop what uses the device, and the run settles by itself.";
	if (s->as == VFIOADM_SETTLED_FAILED)
		return "Look at the kernel log, correct what prevents it, and run 'vfioadm settle' again.";
	return NULL;
}

static int copy_devices(struct arena *arena, const struct vfioadm_plan *plan, struct vfioadm_settled *ret)
{
	const char **devices = arena_alloc(arena, (plan->n_targets + 1) * sizeof(*devices));

	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_targets; i++) {
		if (!plan->targets[i].pub.taken)
			continue;
		devices[ret->n_devices] = arena_strdup(arena, plan->targets[i].pub.device);
		if (!devices[ret->n_devices++])
			return -ENOMEM;
	}
	ret->devices = devices;
	return 0;
}

static int report(struct vfioadm_settlement *all, const struct settling *s)
{
	struct vfioadm_settled *item = &all->items[all->n];
	const char *what;

	*item = (struct vfioadm_settled){ .as = s->as, .hint = hint_of(s) };
	item->run = arena_strdup(&all->arena, s->run);
	item->verb = journal_verb(s->found.plan->verb);
	if (copy_devices(&all->arena, s->found.plan, item) < 0)
		return -ENOMEM;
	what = arena_format(&all->arena, "%s %s%s", item->verb, item->n_devices ? item->devices[0] : "card type",
			    item->n_devices > 1 ? " and others" : "");
	item->message = what ? message_of(&all->arena, s, what) : NULL;
	if (!item->run || !item->message)
		return -ENOMEM;
	all->n++;
	return 0;
}

static void announce(const struct settling *s, const struct vfioadm_settled *item)
{
	if (s->host->ops->announce && s->as != VFIOADM_SETTLED_PENDING)
		s->host->ops->announce(s->host, item->message);
}

/* What is still held keeps its functions from every other run. */
static int add_unsettled(const struct settling *s, struct unsettled *u)
{
	struct strv *list = s->as == VFIOADM_SETTLED_PENDING ? &u->pending : &u->failed;
	/* Not yet being taken back: nobody knows where any of its functions will end. */
	bool some = s->as == VFIOADM_SETTLED_PENDING && s->found.back && s->held.n;
	const struct strv *names = some ? &s->held : &s->names;

	if (s->as != VFIOADM_SETTLED_PENDING && s->as != VFIOADM_SETTLED_FAILED)
		return 0;
	STRV_FOREACH(i, names)
		if (add_name(list, names->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

void unsettled_clear(struct unsettled *u)
{
	strv_clear(&u->pending);
	strv_clear(&u->failed);
}

static int fail_run(const char *run, int r, struct vfioadm_error **err)
{
	if (r == -ENOMEM)
		return error_oom(err);
	if (r == -EBADMSG)
		error_set(err, r, VFIOADM_E_STORE,
			  "The journal %s of an interrupted run is damaged, or of another version of vfioadm.",
			  run);
	else
		error_set(err, r, VFIOADM_E_STORE, "The interrupted run %s cannot be settled: %s.", run,
			  strerror(-r));
	error_hint(err, "Look at /run/vfioadm/journal/%s: it says what was done; 'vfioadm settle' moves it out of the way.",
		   run);
	return r;
}

static int fail_list(int r, struct vfioadm_error **err)
{
	if (r == -ENOMEM)
		return error_oom(err);
	error_set(err, r, VFIOADM_E_STORE, "The journals of interrupted runs in /run/vfioadm/journal cannot be looked at: "
		  "%s.", r == -EPERM ? "others than root can write there" : strerror(-r));
	error_path(err, "/run/vfioadm/journal");
	error_hint(err, "Make it a directory that only root can write.");
	return r;
}

static int settle_one(struct vfioadm_ctx *ctx, struct store *store, const char *run, unsigned wait_ms,
		      struct vfioadm_settlement *all, struct unsettled *unsettled, struct vfioadm_error **err)
{
	CLEANUP(settling_clear) struct settling s = {
		.ctx = ctx, .host = ctx->host, .store = store, .run = run
	};
	int r = journal_load(store, run, &s.found);

	if (r == -ENOENT)
		return 0; /* somebody else has just settled it */
	/* Whoever asks for something else would not hear of it. */
	if (r == -EBADMSG && wait_ms && unsettled) {
		r = settle_damaged(ctx, store, run, true, all);
		return r < 0 ? fail_run(run, r, err) : 0;
	}
	if (r == 0)
		r = settle_found(&s, wait_ms);
	if (r == 0)
		r = report(all, &s);
	if (r == 0 && unsettled)
		r = add_unsettled(&s, unsettled);
	if (r == -ENOPKG)
		return ready_no_helper(ctx->host, err);
	if (r < 0)
		return fail_run(run, r, err);
	announce(&s, &all->items[all->n - 1]);
	return 0;
}

int settle_runs(struct vfioadm_ctx *ctx, struct store *store, const char *only, unsigned wait_ms,
		struct vfioadm_settlement *settlement, struct unsettled *ret_unsettled,
		struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv runs = { 0 };
	int r = journal_sweep(store);

	if (r == 0)
		r = journal_list(store, &runs);
	if (r < 0)
		return fail_list(r, err);
	settlement->items = arena_alloc(&settlement->arena, (runs.n + 1) * sizeof(*settlement->items));
	if (!settlement->items)
		return error_oom(err);
	STRV_FOREACH(i, &runs)
		if (r == 0 && (!only || streq(only, runs.items[i])))
			r = settle_one(ctx, store, runs.items[i], wait_ms, settlement, ret_unsettled, err);
	return r;
}

static int pending_of(struct vfioadm_ctx *ctx, struct store *store, const char *run, struct strv *ret)
{
	CLEANUP(settling_clear) struct settling s = { .run = run };
	char boot_id[64];
	int r = journal_load(store, run, &s.found);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (observe_boot_id(ctx->host, boot_id, sizeof(boot_id)) < 0 || !streq(boot_id, s.found.boot_id))
		return 0;
	r = collect_names(&s);
	STRV_FOREACH(i, &s.names)
		if (r == 0)
			r = add_name(ret, s.names.items[i]);
	return r;
}

int settle_pending(struct vfioadm_ctx *ctx, struct strv *ret)
{
	_cleanup_strv_ struct strv runs = { 0 };
	_cleanup_store_ struct store store = STORE_CLOSED;
	int r = 0;

	if (!ctx->host->live || store_open(&store, ctx->run_dir, NULL) < 0 ||
	    journal_list(&store, &runs) < 0)
		return 0;
	STRV_FOREACH(i, &runs)
		if (r == 0)
			r = pending_of(ctx, &store, runs.items[i], ret);
	return r;
}

/* ---- the verb ---- */

/* Without changing anything: what there is. */
static int tell_runs(struct store *store, struct vfioadm_settlement *all, struct vfioadm_error **err)
{
	static const char died[] = "This run was interrupted. The helper that began to settle it ended before it had done so, "
				   "or is at work just now.";
	_cleanup_strv_ struct strv runs = { 0 };
	int r = journal_list(store, &runs);

	if (r < 0)
		return fail_list(r, err);
	all->items = arena_alloc(&all->arena, (runs.n + 1) * sizeof(*all->items));
	if (!all->items)
		return error_oom(err);
	STRV_FOREACH(i, &runs) {
		CLEANUP(settling_clear) struct settling s = {
			.run = runs.items[i], .as = VFIOADM_SETTLED_PENDING
		};

		r = journal_load(store, runs.items[i], &s.found);
		if (r == -EBADMSG) {
			r = settle_damaged(NULL, store, runs.items[i], false, all);
			if (r < 0)
				return error_oom(err);
			continue;
		}
		if (r == 0)
			r = collect_names(&s);
		if (r == 0)
			r = report(all, &s);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return fail_run(runs.items[i], r, err);
		all->items[all->n - 1].message = s.found.late_begun ? died : "This run was interrupted, or is going on just now.";
	}
	return 0;
}

int settle_gone(struct vfioadm_ctx *ctx, struct store *store, const struct unsettled *unsettled,
		const struct strv *named, struct vfioadm_settlement *all, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv busy = { 0 };
	int r = 0;

	for (size_t i = 0; named && r == 0 && i < named->n; i++)
		r = add_name(&busy, named->items[i]);
	STRV_FOREACH(i, &unsettled->pending)
		if (r == 0)
			r = add_name(&busy, unsettled->pending.items[i]);
	STRV_FOREACH(i, &unsettled->failed)
		if (r == 0)
			r = add_name(&busy, unsettled->failed.items[i]);
	return r < 0 ? error_oom(err) : settle_vanished(ctx, store, &busy, true, all, err);
}

static int settle_locked(struct vfioadm_ctx *ctx, struct vfioadm_settlement *all, struct vfioadm_error **err)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct unsettled unsettled = { 0 };
	int r = lock_host(ctx, &store, "settle", ctx->lock_wait_s * 1000, ctx->timeout_s * 1000, ctx->cancel_fd, err);

	if (r == 0)
		r = settle_runs(ctx, &store, NULL, ctx->timeout_s * 1000, all, &unsettled, err);
	if (r == 0)
		r = settle_gone(ctx, &store, &unsettled, NULL, all, err);
	unsettled_clear(&unsettled);
	return r;
}

static int settle_told(struct vfioadm_ctx *ctx, struct vfioadm_settlement *all, struct vfioadm_error **err)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	_cleanup_strv_ struct strv busy = { 0 };
	int r = store_open(&store, ctx->run_dir, err);

	if (r == 0)
		r = tell_runs(&store, all, err);
	if (r == 0 && settle_pending(ctx, &busy) < 0)
		r = error_oom(err);
	return r < 0 ? r : settle_vanished(ctx, &store, &busy, false, all, err);
}

int flow_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret,
		struct vfioadm_error **err)
{
	struct vfioadm_settlement *all = calloc(1, sizeof(*all));
	struct host *h = NULL;
	int r;

	if (!all)
		return error_oom(err);
	r = ctx_host(ctx, &h, err);

	if (r == 0)
		r = ready_to_change(h, dry_run, err);
	if (r == 0)
		r = !dry_run ? settle_locked(ctx, all, err) : h->live ? settle_told(ctx, all, err) : 0;
	if (!dry_run)
		ctx_end_cancel(ctx);
	if (r < 0) {
		vfioadm_settlement_free(all);
		return r;
	}
	*ret = all;
	return 0;
}

void vfioadm_settlement_free(struct vfioadm_settlement *settlement)
{
	if (settlement)
		arena_free(&settlement->arena);
	free(settlement);
}

size_t vfioadm_settlement_n(const struct vfioadm_settlement *settlement)
{
	return settlement->n;
}

const struct vfioadm_settled *vfioadm_settlement_run(const struct vfioadm_settlement *settlement, size_t i)
{
	return i < settlement->n ? &settlement->items[i] : NULL;
}

const char *vfioadm_settled_as_name(enum vfioadm_settled_as as)
{
	static const char *const names[] = {
		[VFIOADM_SETTLED_FINISHED] = "finished", [VFIOADM_SETTLED_UNDONE] = "undone",
		[VFIOADM_SETTLED_STALE] = "stale",	 [VFIOADM_SETTLED_PENDING] = "pending",
		[VFIOADM_SETTLED_FAILED] = "failed",
	};

	return as > 0 && (size_t)as < ARRAY_SIZE(names) ? names[as] : "unknown";
}
