/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carrying a plan out: permission, lock, apply, and one line per function in the system log. */
#include <string.h>

#include "apply/apply.h"
#include "base/error.h"
#include "flow/flow.h"

static int check_runnable(struct host *h, const struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	if (plan->ran)
		return error_set(err, -EINVAL, VFIOADM_E_USAGE, "A plan can be run only once.");
	if (plan->result == VFIOADM_RESULT_REFUSED)
		return error_set(err, -EPERM, VFIOADM_E_REFUSED,
				 "A plan that was refused cannot be run; see its findings.");
	return ready_to_change(h, false, err);
}

static const char *verb_past(enum verb verb)
{
	static const char *const words[] = {
		[VERB_ASSIGN] = "assigned",
		[VERB_RELEASE] = "released",
		[VERB_ENABLE] = "taken by card type",
		[VERB_DISABLE] = "disabled",
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

int flow_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct apply apply = { .store = &store, .progress = ctx->progress, .userdata = ctx->userdata };
	struct host *h;
	int r = ctx_host(ctx, &h, err);

	if (r == 0)
		r = check_runnable(h, plan, err);
	if (r < 0)
		return r;
	if (plan->result == VFIOADM_RESULT_UNCHANGED)
		return 0;
	r = store_open_locked(&store, ctx->run_dir, verb_past(plan->verb), ctx->lock_wait_s * 1000,
			      ctx->cancel_fd, err);
	if (r < 0)
		return r;
	plan->ran = true;
	apply.host = h;
	r = apply_run(&apply, plan, err);
	announce(h, plan);
	return r;
}
