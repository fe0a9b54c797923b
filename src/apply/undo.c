/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Back to the state before: the undo operations of each step, in reverse, none of them blindly. */
#include <string.h>

#include "apply/private.h"
#include "host/observe.h"

enum { DRIVER_MAX = 256 };

bool is_same_device(struct apply *a, const char *device)
{
	uint64_t now;

	for (size_t i = 0; i < a->plan->n_targets; i++) {
		const struct target *t = &a->plan->targets[i];

		if (strcmp(t->pub.device, device) == 0 && t->incarnation)
			return observe_incarnation(a->host, device, &now) == 0 && now == t->incarnation;
	}
	return true;
}

static bool writes_override(const struct op *op, const char *device, const char *value)
{
	return op->kind == OP_SET_OVERRIDE && strcmp(op->device, device) == 0 && strcmp(op->value, value) == 0;
}

/*
 * An override that is neither the one before nor one that this run has written is somebody else's wish.
 * One that cannot be read is put back: the look at the end will tell.
 */
static bool override_is_ours(struct apply *a, const char *device)
{
	char now[DRIVER_MAX];
	const char *before = NULL;

	if (observe_override(a->host, device, now, sizeof(now)) < 0)
		return true;
	for (size_t i = 0; i < a->plan->n_targets; i++)
		if (strcmp(a->plan->targets[i].pub.device, device) == 0)
			before = a->plan->targets[i].override_before;
	if (strcmp(now, before ? before : "") == 0)
		return true;
	for (size_t i = 0; i < a->plan->n_steps; i++) {
		const struct step *step = &a->plan->steps[i];

		if (writes_override(&step->op, device, now))
			return true;
		for (size_t k = 0; k < step->n_undo; k++)
			if (writes_override(&step->undo[k], device, now))
				return true;
	}
	return false;
}

/*
 * Is there something for this operation to undo? The function may stand anywhere between the two states,
 * and another program may have moved it: only what is where our own step could have left it is touched.
 */
static bool undo_applies(struct apply *a, const struct op *op)
{
	char driver[DRIVER_MAX];

	if (op->kind == OP_DECLARE)
		return !declaration_is_edited(a, op->value);
	if (op->kind == OP_WRITE_MODPROBE)
		return !modprobe_is_of_others(a);
	if (!op->device || op->kind == OP_SAVE_RECORD || op->kind == OP_DROP_RECORD || op->kind == OP_HOLD ||
	    op->kind == OP_LET_GO)
		return true;
	/* Of a device that is gone nothing is left to put back. */
	if (observe_driver(a->host, op->device, driver, sizeof(driver)) < 0 ||
	    !is_same_device(a, op->device))
		return false;
	if (op->kind == OP_SET_OVERRIDE)
		return override_is_ours(a, op->device);
	if (op->kind == OP_SET_AUTOPROBE || op->kind == OP_SET_NUMVFS)
		return true;
	if (op->kind == OP_BIND)
		return !*driver;
	return *driver && (!op->driver || strcmp(driver, op->driver) == 0);
}

/* After a probe the plan does not know which driver took the function. */
static int unbind_whatever(struct apply *a, const struct op *op)
{
	char driver[DRIVER_MAX];
	struct op named = *op;
	bool no_effect;
	int r = observe_driver(a->host, op->device, driver, sizeof(driver));

	if (r < 0)
		return r;
	named.driver = driver;
	return operation_run(a, &named, &no_effect);
}

/* The step has come to nothing, or somebody else has put it back: to write it once more could only fail. */
static bool holds_already(struct apply *a, const struct op *op)
{
	return (op->kind == OP_SET_OVERRIDE || op->kind == OP_SET_AUTOPROBE || op->kind == OP_SET_NUMVFS) &&
	       operation_verify(a, op) == 0;
}

static int undo_operation(struct apply *a, const struct op *op)
{
	bool no_effect;
	int r;

	if (!undo_applies(a, op) || holds_already(a, op))
		return 0;
	if (op->kind == OP_UNBIND && !op->driver)
		r = unbind_whatever(a, op);
	else
		r = operation_run(a, op, &no_effect);
	if (r < 0)
		return r;
	return op->kind == OP_UNBIND && !op->driver ? 0 : operation_verify(a, op);
}

/* A sentence is for reading: of a hundred functions the first few are told, and that there are more. */
static const char *separator(struct strbuf *left)
{
	enum { ENOUGH = 400 };
	static const char more[] = "; and more";

	if (left->len < ENOUGH)
		return left->len ? "; " : "";
	if (strcmp(left->s + left->len - (sizeof(more) - 1), more) != 0)
		strbuf_addf(left, "%s", more);
	return NULL;
}

static void note_failure(const struct apply *a, struct strbuf *left, const struct step *step, int r)
{
	const char *before = separator(left);

	if (before)
		strbuf_addf(left, "%scould not undo \"%s\": %s", before, step->pub.text,
			    r == -EREMOTEIO && *a->host->image_error ? a->host->image_error : strerror(-r));
}

static void note_driver(struct strbuf *left, const char *device, const char *now, const char *then)
{
	const char *before = separator(left);

	if (before)
		strbuf_addf(left, "%s%s has driver %s, before it had %s", before, device,
			    *now ? now : "(none)", *then ? then : "(none)");
}

static void note_override(struct strbuf *left, const char *device, const char *now, const char *then)
{
	const char *before = separator(left);

	if (before && !now)
		strbuf_addf(left, "%sdriver_override of %s could not be read", before, device);
	else if (before)
		strbuf_addf(left, "%sdriver_override of %s is %s, before it was %s", before, device,
			    *now ? now : "(none)", *then ? then : "(none)");
}

static bool undo_step(struct apply *a, struct step *step, struct strbuf *left)
{
	int first = 0;

	for (size_t i = 0; i < step->n_undo; i++) {
		const struct op *op = &step->undo[i];
		int r;

		if (op->device && is_stuck(a, op->device))
			continue;
		r = undo_operation(a, op);
		a->image_left |= r < 0 && op->kind == OP_REBUILD;
		if (r == -ETIMEDOUT && op->device)
			(void)!strv_add(&a->stuck, op->device);
		if (r < 0 && !first)
			first = r;
	}
	if (first)
		note_failure(a, left, step, first);
	(void)!journal_note(a->journal, first ? JOURNAL_LEFT : JOURNAL_UNDONE,
			    (size_t)(step - a->plan->steps));
	report_step(a, step, first ? VFIOADM_STEP_UNDO_FAILED : VFIOADM_STEP_UNDONE);
	return !first;
}

/* The undo has run; the state itself has the last word. */
static bool target_restored(struct apply *a, const struct target *t, struct strbuf *left)
{
	char driver[DRIVER_MAX], override[DRIVER_MAX];
	const char *before = t->pub.before ? t->pub.before : "";
	const char *override_before = t->override_before ? t->override_before : "";
	int r;

	if (!t->pub.taken || is_stuck(a, t->pub.device))
		return true;
	if (observe_driver(a->host, t->pub.device, driver, sizeof(driver)) < 0 ||
	    !is_same_device(a, t->pub.device))
		return true; /* gone, which the error says */
	if (strcmp(driver, before) != 0) {
		note_driver(left, t->pub.device, driver, before);
		return false;
	}
	r = observe_override(a->host, t->pub.device, override, sizeof(override));
	if (r == 0 && strcmp(override, override_before) == 0)
		return true;
	note_override(left, t->pub.device, r < 0 ? NULL : override, override_before);
	return false;
}

/* What has not begun, or is undone already, has nothing to take back. */
static bool has_begun(const struct step *step)
{
	return step->pub.state != VFIOADM_STEP_PLANNED && step->pub.state != VFIOADM_STEP_UNDONE;
}

/* A step of the host itself that the kernel still works on cannot be taken back before it has come to an end. */
static bool still_held(const struct apply *a, const struct step *step)
{
	if (step->pub.device)
		return is_stuck(a, step->pub.device);
	return apply_changes_host(step) && is_stuck(a, CLAIM_HOST);
}

static bool concerns(const struct step *step, const char *device)
{
	if (step->op.device && strcmp(step->op.device, device) == 0)
		return true;
	for (size_t i = 0; i < step->n_undo; i++)
		if (step->undo[i].device && strcmp(step->undo[i].device, device) == 0)
			return true;
	return false;
}

/* What this run has not moved, or has put back before, may be where somebody else wants it by now. */
static bool is_ours_to_restore(const struct apply *a, const char *device)
{
	for (size_t i = 0; i < a->plan->n_steps; i++) {
		const struct step *step = &a->plan->steps[i];

		if (has_begun(step) && !step->no_effect && concerns(step, device))
			return true;
	}
	return false;
}

/* Whatever was put back behind it: the next apply must see that the initramfs is of something else. */
static void note_image_left(struct apply *a)
{
	const struct op op = { .kind = OP_WRITE_RULES, .value = RULES_NO_IMAGE };
	bool no_effect;

	(void)!operation_run(a, &op, &no_effect);
	a->image_left = false;
}

bool undo_steps(struct apply *a, size_t last, struct strbuf *ret_left)
{
	_cleanup_free_ bool *ours = calloc(a->plan->n_targets + 1, sizeof(*ours));
	bool restored = true;

	for (size_t i = 0; ours && i < a->plan->n_targets; i++)
		ours[i] = is_ours_to_restore(a, a->plan->targets[i].pub.device);
	for (size_t i = last + 1; i-- > 0;) {
		struct step *step = &a->plan->steps[i];

		if (step->no_effect || !has_begun(step) || still_held(a, step) || !step->n_undo)
			continue;
		restored &= undo_step(a, step, ret_left);
	}
	if (a->image_left)
		note_image_left(a);
	for (size_t i = 0; i < a->plan->n_targets; i++)
		if (!ours || ours[i])
			restored &= target_restored(a, &a->plan->targets[i], ret_left);
	return restored && !ret_left->failed;
}
