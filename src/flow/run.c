/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carrying a plan out: permission, lock, apply, and one line per function in the system log. */
#include <string.h>

#include "apply/apply.h"
#include "base/error.h"
#include "flow/session.h"
#include "store/declared.h"

static int check_runnable(const struct vfioadm_ctx *ctx, struct host *h, const struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	if (plan->ran)
		return error_set(err, -EINVAL, VFIOADM_E_USAGE, "A plan can be run only once.");
	if (plan->result == VFIOADM_RESULT_REFUSED)
		return error_set(err, -EPERM, VFIOADM_E_REFUSED,
				 "A plan that was refused cannot be run; see its findings.");
	if (!session_of(plan))
		return error_set(err, -EINVAL, VFIOADM_E_USAGE,
				 "A plan that was made for a dry run cannot be run.");
	/* It holds locks of that context's host, and was planned for it. */
	if (session_of(plan)->ctx != ctx)
		return error_set(err, -EINVAL, VFIOADM_E_USAGE,
				 "A plan can only be run with the context that it was made with.");
	return ready_to_change(h, false, err);
}

static const char *verb_past(enum verb verb)
{
	static const char *const words[] = {
		[VERB_ASSIGN] = "assigned",
		[VERB_RELEASE] = "released",
		[VERB_ENABLE] = "taken by card type",
		[VERB_DISABLE] = "disabled",
		[VERB_APPLY] = "assigned as declared",
		[VERB_IMPORT] = "declared",
	};

	return words[verb];
}

/* Who is behind sudo: the login that the audit system knows; 4294967295 when there was none. */
static void login_uid(struct host *h, char *buf, size_t size)
{
	if (host_read_text(h, -1, "proc/self/loginuid", buf, size) <= 0 || streq(buf, "4294967295"))
		snprintf(buf, size, "%d", (int)getuid());
}

static void announce(struct host *h, const struct vfioadm_plan *plan)
{
	char uid[32], line[512];

	if (!h->ops->announce)
		return;
	login_uid(h, uid, sizeof(uid));
	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct vfioadm_outcome *o = &plan->targets[i].pub;

		if (!o->taken)
			continue;
		snprintf(line, sizeof(line), "%s %s by uid %s: driver %s before, %s now (%s)", o->device,
			 plan->result == VFIOADM_RESULT_DONE ? verb_past(plan->verb) : "not moved", uid,
			 o->before ? o->before : "none", o->after ? o->after : "none",
			 vfioadm_result_name(plan->result));
		h->ops->announce(h, line);
	}
}

static int fail_journal(int r, struct vfioadm_error **err)
{
	error_set(err, r, VFIOADM_E_STORE, "The journal of this run cannot be written: %s.", strerror(-r));
	error_path(err, RUN_DIR "/journal");
	error_hint(err, "vfioadm takes no step that it could not undo: make it a directory that only "
			"root can write, and make room there.");
	return r;
}

/* A run that has come to an end needs no journal; one that has not keeps it, and its functions. */
static bool has_ended(const struct vfioadm_plan *plan)
{
	return plan->result != VFIOADM_RESULT_UNSETTLED;
}

static int run_with_journal(struct vfioadm_ctx *ctx, struct session *s, struct vfioadm_plan *plan,
			    struct vfioadm_error **err)
{
	struct journal journal = { 0 };
	struct apply apply = {
		.host = ctx->host,
		.store = &s->store,
		.root = ctx->root,
		.run_dir = ctx->run_dir,
		.journal = &journal,
		.progress = ctx->progress,
		.userdata = ctx->userdata,
	};
	char boot_id[64];
	int r = observe_boot_id(ctx->host, boot_id, sizeof(boot_id));

	if (r == 0)
		r = journal_create(&s->store, s->run, plan, boot_id, &journal);
	if (r < 0)
		return fail_journal(r, err);
	r = apply_run(&apply, plan, err);
	journal_close(&journal);
	/* What cannot be removed is found to have ended by the next run. */
	if (has_ended(plan))
		(void)!journal_remove(&s->store, s->run);
	return r;
}

/* Whoever moves a function knows what it is to have from now on. */
static void forget_late(const struct vfioadm_ctx *ctx, const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < plan->n_targets; i++)
		if (plan->targets[i].pub.taken)
			(void)!late_drop(ctx->run_dir, plan->targets[i].pub.device);
}

int flow_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	struct host *h;
	int r = ctx_host(ctx, &h, err);

	if (r == 0)
		r = check_runnable(ctx, h, plan, err);
	if (r < 0)
		return r;
	if (plan->result == VFIOADM_RESULT_PLANNED) {
		plan->ran = true;
		r = session_claim_plan(session_of(plan), plan, err);
		if (r == 0) {
			r = run_with_journal(ctx, session_of(plan), plan, err);
			announce(h, plan);
			forget_late(ctx, plan);
		}
	}
	session_close(plan);
	return r;
}
