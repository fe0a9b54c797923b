/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of a run that did not come to it: forward when nothing is missing but what we remember, else back. */
#include <string.h>

#include "apply/private.h"
#include "host/observe.h"

/*
 * Was the step done? Interrupted between its write and the note of it, the host knows; but for the IDs that
 * a driver holds there is no read-back, and what is not known has not been done.
 */
static bool step_is_done(struct apply *a, const struct step *step)
{
	if (step->pub.state == VFIOADM_STEP_DONE)
		return true;
	if (step->pub.state != VFIOADM_STEP_RUNNING)
		return false;
	switch (step->op.kind) {
	case OP_SET_OVERRIDE:
	case OP_UNBIND:
	case OP_BIND:
	case OP_PROBE:
		return operation_verify(a, &step->op) == 0;
	default:
		return false;
	}
}

/* Every change of the host was made, and every function has its final driver. */
static bool only_memory_is_missing(struct apply *a)
{
	for (size_t i = 0; i < a->plan->n_steps; i++) {
		const struct step *step = &a->plan->steps[i];

		/* A module load of another driver's leaves nothing to look at but "done". */
		if (apply_changes_host(step) && !step_is_done(a, step))
			return false;
	}
	for (size_t i = 0; i < a->plan->n_targets; i++) {
		struct target *t = &a->plan->targets[i];

		if (!t->pub.taken)
			continue;
		note_after(a, t);
		if (!is_same_device(a, t->pub.device) || !target_reached(t))
			return false;
	}
	return true;
}

static bool forward(struct apply *a, struct strbuf *left)
{
	bool no_effect;
	int first = 0;

	for (size_t i = 0; i < a->plan->n_steps; i++) {
		struct step *step = &a->plan->steps[i];
		int r;

		if (apply_changes_host(step) || step->pub.state == VFIOADM_STEP_DONE)
			continue;
		/* The run is long over: who has edited the file since has the last word. */
		if (step->op.kind == OP_DECLARE && declaration_is_edited(a, step->op.value))
			r = 0;
		else
			r = operation_run(a, &step->op, &no_effect);
		report_step(a, step, r < 0 ? VFIOADM_STEP_FAILED : VFIOADM_STEP_DONE);
		if (r < 0 && !first)
			first = r;
		if (r == 0)
			(void)!journal_note(a->journal, JOURNAL_DONE, i);
	}
	if (first)
		strbuf_addf(left, "/run/vfioadm cannot be written: %s", strerror(-first));
	return !first;
}

/*
 * With a driver that this run knows nothing of, somebody else has given the function something to do since:
 * that is not ours to take away.
 */
static bool moved_by_others(struct apply *a, struct target *t)
{
	note_after(a, t);
	return t->pub.taken && is_same_device(a, t->pub.device) && t->pub.after &&
	       !streq_null(t->pub.after, t->pub.before) && !streq_null(t->pub.after, t->pub.wanted) &&
	       !(t->any_native && !driver_name_is_vfio(t->pub.after));
}

/* What is left as somebody else has put it is told, but keeps no journal. */
static bool settled_but_for_others(struct apply *a, struct strbuf *left)
{
	bool others = false;

	for (size_t i = 0; i < a->plan->n_targets; i++) {
		struct target *t = &a->plan->targets[i];

		if (!moved_by_others(a, t))
			continue;
		if (!others)
			strbuf_clear(left);
		strbuf_addf(left, "%s%s was moved to %s by somebody else, and left there", others ? "; " : "",
			    t->pub.device, t->pub.after);
		others = true;
	}
	return others;
}

static enum vfioadm_settled_as go_back(struct apply *a, bool known, struct strbuf *left)
{
	bool restored;

	if (!known)
		(void)!journal_note(a->journal, JOURNAL_BACK, 0);
	restored = undo_steps(a, a->plan->n_steps - 1, left);
	if (a->stuck.n)
		return VFIOADM_SETTLED_PENDING;
	if (restored || settled_but_for_others(a, left))
		return VFIOADM_SETTLED_UNDONE;
	return VFIOADM_SETTLED_FAILED;
}

/*
 * The run may have been killed before its last look at the groups, which its own binds can have made or changed: what
 * no guest can open would have been taken back.
 */
static int ask_whether_openable(struct apply *a, struct strbuf *left)
{
	const struct target *t;
	struct obstacle why;
	int r = find_not_openable(a, &t, &why);

	if (r > 0)
		strbuf_addf(left, "no guest could have opened %s (%s)", t->pub.device, why.code);
	else if (r < 0)
		strbuf_addf(left, "whether a guest can open it could not be looked at: %s", strerror(-r));
	return r;
}

static enum vfioadm_settled_as go_on(struct apply *a, struct strbuf *left)
{
	_cleanup_strbuf_ struct strbuf not_back = { 0 };
	enum vfioadm_settled_as as;
	int r = ask_whether_openable(a, left);

	if (r == 0)
		return forward(a, left) ? VFIOADM_SETTLED_FINISHED : VFIOADM_SETTLED_FAILED;
	if (r < 0)
		return VFIOADM_SETTLED_FAILED;
	as = go_back(a, false, &not_back);
	if (not_back.len)
		strbuf_addf(left, "; %s", not_back.s);
	return as;
}

enum vfioadm_settled_as apply_settle(struct apply *a, struct vfioadm_plan *plan, bool back,
				     const struct strv *held, struct strbuf *ret_left)
{
	enum vfioadm_settled_as as;

	a->plan = plan;
	STRV_FOREACH(i, held)
		(void)!strv_add(&a->stuck, held->items[i]);
	if (!plan->n_steps)
		as = VFIOADM_SETTLED_UNDONE;
	else if (!back && !held->n && only_memory_is_missing(a))
		as = go_on(a, ret_left);
	else
		as = go_back(a, back, ret_left);
	strv_clear(&a->stuck);
	return as;
}
