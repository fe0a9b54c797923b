/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "apply/private.h"
#include "base/error.h"
#include "base/helper.h"
#include "host/observe.h"
#include "policy/openable.h"

enum { DRIVER_MAX = 256 };

void report_step(struct apply *a, struct step *step, enum vfioadm_step_state state)
{
	step->pub.state = state;
	if (a->progress)
		a->progress(&step->pub, a->userdata);
}

bool is_stuck(const struct apply *a, const char *device)
{
	return strv_has(&a->stuck, device);
}

static int fail_gone(const char *device, struct vfioadm_error **err)
{
	error_set(err, -ENODEV, VFIOADM_E_VANISHED, "%s no longer exists.", device);
	error_device(err, device);
	error_hint(err, "Look at 'vfioadm list'.");
	return -ENODEV;
}

static int fail_edited(const char *name, struct vfioadm_error **err)
{
	_cleanup_free_ char *path = str_format("/etc/vfioadm.d/%s.conf", name);

	error_set(err, -EBUSY, VFIOADM_E_CHANGED, "%s was changed by somebody else while vfioadm was planning.",
		  path ? path : name);
	error_path(err, path);
	error_hint(err, "Look at the file, and try again.");
	return -EBUSY;
}

/* What the plan was made for must still be there, or another tool is at work on the same device. */
static int check_precondition(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	const char *wanted = step->expect_driver ? step->expect_driver : "";
	char driver[DRIVER_MAX];

	if (step->op.kind == OP_DECLARE && declaration_is_edited(a, step->op.value))
		return fail_edited(step->op.value, err);
	if (step->check_disks) {
		int r = disks_take_new(a, step, err);

		if (r < 0)
			return r;
	}
	if (!step->check_driver)
		return 0;
	if (observe_driver(a->host, step->pub.device, driver, sizeof(driver)) < 0)
		return fail_gone(step->pub.device, err);
	if (strcmp(driver, wanted) == 0)
		return 0;
	/* An override that was there already lets a module take the function as soon as it is loaded. */
	if (step->op.kind == OP_BIND && strcmp(driver, step->op.driver) == 0)
		return 0;
	error_set(err, -EBUSY, VFIOADM_E_CHANGED,
		  "Cannot %s: its driver changed during the run, and is now %s.",
		  step->pub.text, *driver ? driver : "(none)");
	error_device(err, step->pub.device);
	error_hint(err, "Find out which tool manages the device, then try again.");
	return -EBUSY;
}

static int check_incarnation(struct apply *a, const struct target *t, struct vfioadm_error **err)
{
	uint64_t now;

	if (!t->pub.taken || !t->incarnation)
		return 0;
	if (observe_incarnation(a->host, t->pub.device, &now) < 0)
		return fail_gone(t->pub.device, err);
	if (now == t->incarnation)
		return 0;
	error_set(err, -ESTALE, VFIOADM_E_CHANGED,
		  "%s was removed and rediscovered while vfioadm was planning.", t->pub.device);
	error_device(err, t->pub.device);
	error_hint(err, "Look whether it is still the same device, and try again.");
	return -ESTALE;
}

static int fail_moved(const char *device, const char *what, const char *before, const char *now,
		      struct vfioadm_error **err)
{
	error_set(err, -EBUSY, VFIOADM_E_CHANGED,
		  "%s was moved by somebody else while vfioadm was planning: its %s was %s and is %s.",
		  device, what, *before ? before : "(none)", *now ? now : "(none)");
	error_device(err, device);
	error_hint(err, "Look at 'vfioadm list', and try again.");
	return -EBUSY;
}

/*
 * Other programs take no lock of ours: one may have moved the function since the plan was made, and then
 * neither our record nor our undo would say the truth about what it was before.
 */
static int check_still_before(struct apply *a, const struct target *t, struct vfioadm_error **err)
{
	const char *before = t->pub.before ? t->pub.before : "";
	char driver[DRIVER_MAX];

	if (!t->pub.taken)
		return 0;
	if (observe_driver(a->host, t->pub.device, driver, sizeof(driver)) < 0)
		return fail_gone(t->pub.device, err);
	if (strcmp(driver, before) == 0)
		return 0;
	return fail_moved(t->pub.device, "driver", before, driver, err);
}

/* Somebody who has set another override since wants something else of the function. */
static int check_override_still_before(struct apply *a, const struct target *t, struct vfioadm_error **err)
{
	const char *before = t->override_before ? t->override_before : "";
	char override[DRIVER_MAX];
	int r;

	if (!t->pub.taken)
		return 0;
	r = observe_override(a->host, t->pub.device, override, sizeof(override));
	if (r == -ENODEV)
		return fail_gone(t->pub.device, err);
	if (r < 0) {
		error_set(err, r, VFIOADM_E_STEP_FAILED, "The driver_override of %s cannot be read: %s.",
			  t->pub.device, strerror(-r));
		error_device(err, t->pub.device);
		error_hint(err, "Another program is changing its driver, or is stuck in doing so: wait for "
				"it, and try again.");
		return r;
	}
	if (strcmp(override, before) == 0)
		return 0;
	return fail_moved(t->pub.device, "driver_override", before, override, err);
}

static int check_cancelled(struct apply *a, const struct step *step, struct vfioadm_error **err)
{
	if (!cancel_count(a->host->cancel_fd))
		return 0;
	error_set(err, -ECANCELED, VFIOADM_E_CANCELLED, "Stopped by a signal before the step \"%s\".",
		  step->pub.text);
	error_hint(err, "Run the command again when it suits you.");
	return -ECANCELED;
}

/*
 * A write that failed may have taken effect all the same, so it is undone like one that worked. But an ID
 * that could not be removed must not be added, and what somebody else's module load brought must stay.
 */
static bool failed_without_effect(const struct step *step, int r)
{
	if (r == -ENOPKG)
		return true; /* there was no helper that could have tried */
	switch (step->op.kind) {
	case OP_REMOVE_ID:
		return r != -ETIMEDOUT;
	/* Said before the ID is stored: one that was there already is not ours to remove. */
	case OP_ADD_ID:
		return r == -EINVAL || r == -ENOMEM || r == -EPERM || r == -EACCES || r == -EROFS || r == -ENOENT;
	case OP_LOAD_MODULE:
		return r == -EEXIST;
	/* A file in memory: it is replaced, made or removed by one call, or stays as it was. */
	case OP_SAVE_RECORD:
	case OP_DROP_RECORD:
	case OP_SAVE_ID:
	case OP_DROP_ID:
	case OP_HOLD:
	case OP_LET_GO:
		return true;
	default:
		return false;
	}
}

/* What vfioadm remembers is no change of the host. */
bool apply_changes_host(const struct step *step)
{
	switch (step->op.kind) {
	case OP_SAVE_RECORD:
	case OP_DROP_RECORD:
	case OP_SAVE_ID:
	case OP_DROP_ID:
	case OP_DECLARE:
	case OP_WRITE_RULES:
	case OP_WRITE_MODPROBE:
	case OP_HOLD:
	case OP_LET_GO:
		return false;
	default:
		return true;
	}
}

/* A record follows what was done to a function; what is declared, and made from that, somebody has asked for. */
static bool is_a_change(const struct step *step)
{
	return apply_changes_host(step) || step->op.kind == OP_DECLARE || step->op.kind == OP_WRITE_RULES ||
	       step->op.kind == OP_WRITE_MODPROBE || step->op.kind == OP_HOLD || step->op.kind == OP_LET_GO;
}

static int fail_journal(struct apply *a, int r, struct vfioadm_error **err)
{
	error_set(err, r, VFIOADM_E_STORE, "The journal of this run cannot be written: %s.", strerror(-r));
	error_path(err, "/run/vfioadm/journal");
	error_hint(err, "vfioadm takes no step that it could not undo; make room there.");
	return r;
}

/* What cannot be noted after a step is found out by looking, so only the note before it must succeed. */
static void note_end(struct apply *a, const struct step *step, int r)
{
	size_t i = (size_t)(step - a->plan->steps);
	enum journal_event event = r == -ETIMEDOUT ? JOURNAL_STUCK :
				   r < 0	   ? JOURNAL_FAILED :
						     JOURNAL_DONE;

	(void)!journal_note(a->journal, event, i);
	if (step->no_effect)
		(void)!journal_note(a->journal, JOURNAL_NOTHING, i);
}

static int run_step(struct apply *a, struct step *step, struct vfioadm_error **err)
{
	int r = journal_note(a->journal, JOURNAL_BEGIN, (size_t)(step - a->plan->steps));

	if (r < 0)
		return fail_journal(a, r, err);
	report_step(a, step, VFIOADM_STEP_RUNNING);
	/* What the kernel said before is not about this step. */
	a->log_known = a->host->ops->log_position(a->host, &a->log_position) == 0;
	r = operation_run(a, &step->op, &step->no_effect);
	if (r < 0) {
		step->no_effect |= failed_without_effect(step, r);
		explain_failure(a, step, r, err);
	} else {
		r = operation_verify(a, &step->op);
		if (r == -EIO)
			explain_no_effect(a, step, err);
		else if (r < 0)
			explain_failure(a, step, r, err);
	}
	if (r == -ETIMEDOUT)
		(void)!strv_add(&a->stuck, step->pub.device ? step->pub.device : CLAIM_HOST);
	a->held |= r == -ETIMEDOUT;
	step->pub.error = r < 0 ? -r : 0;
	a->changed |= !step->no_effect && is_a_change(step);
	note_end(a, step, r);
	/* A disk that is gone must not be kept: its number would not be free when it is found anew. */
	if (step->op.kind == OP_UNBIND && r == 0)
		a->host->ops->let_go(a->host, step->op.device);
	report_step(a, step,
		    r == 0 ? VFIOADM_STEP_DONE :
		    r == -ETIMEDOUT ? VFIOADM_STEP_STUCK :
				      VFIOADM_STEP_FAILED);
	return r;
}

static int run_steps(struct apply *a, size_t *ret_last, struct vfioadm_error **err)
{
	for (size_t i = 0; i < a->plan->n_steps; i++) {
		struct step *step = &a->plan->steps[i];
		int r = check_cancelled(a, step, err);

		if (r == 0)
			r = check_precondition(a, step, err);
		if (r < 0) {
			*ret_last = i - 1; /* this one has not begun; wraps to "none" for the first */
			return r;
		}
		*ret_last = i;
		r = run_step(a, step, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void note_after(struct apply *a, struct target *t)
{
	char driver[DRIVER_MAX];

	t->pub.after = NULL;
	if (observe_driver(a->host, t->pub.device, driver, sizeof(driver)) == 0 && *driver)
		t->pub.after = arena_strdup(&a->plan->arena, driver);
}

bool target_reached(const struct target *t)
{
	if (!t->check)
		return true;
	if (t->any_native)
		return t->pub.after && !driver_name_is_vfio(t->pub.after);
	if (!t->pub.after || !t->pub.wanted)
		return t->pub.after == t->pub.wanted;
	return strcmp(t->pub.after, t->pub.wanted) == 0;
}

/* All steps were seen to work; once more the whole, for a later step may have disturbed an earlier one. */
static int verify_targets(struct apply *a, struct vfioadm_error **err)
{
	for (size_t i = 0; i < a->plan->n_targets; i++) {
		struct target *t = &a->plan->targets[i];

		note_after(a, t);
		if (target_reached(t))
			continue;
		error_set(err, -EIO, VFIOADM_E_STEP_FAILED,
			  "%s: expected driver %s after the run, found %s.", t->pub.device,
			  t->pub.wanted ? t->pub.wanted : "(none)",
			  t->pub.after ? t->pub.after : "(none)");
		error_device(err, t->pub.device);
		error_hint(err, "Look for another tool that moves devices, and try again.");
		return -EIO;
	}
	return 0;
}

static int fail_not_openable(struct apply *a, const struct target *t, const struct obstacle *why,
			     struct vfioadm_error **err)
{
	struct vfioadm_finding *finding = plan_add_finding(a->plan);

	/* The error says it anyway; whoever reads findings gets the code. */
	if (finding)
		*finding = (struct vfioadm_finding){ .code = why->code, .severity = VFIOADM_REFUSES,
						     .device = t->pub.device, .message = why->message,
						     .hint = why->hint };
	error_set(err, -EPERM, VFIOADM_E_STEP_FAILED, "%s", why->message);
	error_device(err, t->pub.device);
	error_hint(err, "%s", why->hint ? why->hint : "Look at 'vfioadm check'.");
	return -EPERM;
}

/*
 * A group can be made, and grow, by the very bind: only now it is known for certain who is in it. What could be
 * foreseen, and all else that keeps a guest from opening the function, was asked before the first step.
 */
static int ask_openable(struct apply *a, const struct target *t, struct obstacle *ret)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = NULL;
	const struct vfioadm_function *f;
	const struct obstacle *first;
	struct obstacles all;
	int r = observe_group(a->host, t->pub.device, &inv);

	if (r < 0)
		return r;
	f = vfioadm_inventory_find(inv, t->pub.device);
	if (!f)
		return 0;
	r = openable_ask(inv, f, OPENABLE_NOW, NULL, &a->plan->arena, &all);
	first = r == 0 ? openable_first(&all) : NULL;
	if (first)
		*ret = *first;
	return r < 0 ? r : first != NULL;
}

int find_not_openable(struct apply *a, const struct target **ret, struct obstacle *ret_why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->plan->n_targets; i++) {
		*ret = &a->plan->targets[i];
		if ((*ret)->pub.taken && (*ret)->pub.wanted && driver_name_is_vfio((*ret)->pub.wanted))
			r = ask_openable(a, *ret, ret_why);
	}
	return r;
}

static int verify_openable(struct apply *a, struct vfioadm_error **err)
{
	const struct target *t;
	struct obstacle why;
	int r = find_not_openable(a, &t, &why);

	if (r < 0)
		return error_oom(err);
	return r ? fail_not_openable(a, t, &why, err) : 0;
}

static const char *edited_declaration(struct apply *a)
{
	for (size_t i = 0; i < a->plan->n_steps; i++)
		if (a->plan->steps[i].op.kind == OP_DECLARE && declaration_is_edited(a, a->plan->steps[i].op.value))
			return a->plan->steps[i].op.value;
	return NULL;
}

static void say_undone(struct apply *a, struct vfioadm_error **err)
{
	const char *edited = edited_declaration(a);

	if (edited)
		error_suffix(err, "all else is as it was before; /etc/vfioadm.d/%s.conf was edited during the run "
				  "and stays so.", edited);
	else
		error_suffix(err, "everything is as it was before.");
}

static void give_up(struct apply *a, size_t last, struct vfioadm_error **err)
{
	_cleanup_strbuf_ struct strbuf left = { 0 };
	bool restored;

	(void)!journal_note(a->journal, JOURNAL_BACK, 0);
	restored = last == (size_t)-1 ? true : undo_steps(a, last, &left);
	for (size_t i = 0; i < a->plan->n_targets; i++)
		note_after(a, &a->plan->targets[i]);
	if (restored && !a->held) {
		a->plan->result = VFIOADM_RESULT_UNDONE;
		say_undone(a, err);
		return;
	}
	a->plan->result = VFIOADM_RESULT_UNSETTLED;
	if (!restored) {
		error_recode(err, VFIOADM_E_UNDO_FAILED);
		error_suffix(err, "putting things back failed as well: %s.", left.s ? left.s : "(unknown)");
	} else if (!a->stuck.n) {
		error_suffix(err, "what was done before it is undone.");
	} else if (a->plan->n_targets > a->stuck.n) {
		error_suffix(err, "the other devices are as they were before.");
	}
}

int apply_run(struct apply *a, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	size_t last = (size_t)-1;
	int r = 0;

	a->plan = plan;
	/* Opens the log: what was written before is not read. */
	a->log_known = a->host->ops->log_position(a->host, &a->log_position) == 0;
	for (size_t i = 0; r == 0 && i < plan->n_targets; i++)
		r = check_incarnation(a, &plan->targets[i], err);
	for (size_t i = 0; r == 0 && i < plan->n_targets; i++)
		r = check_still_before(a, &plan->targets[i], err);
	for (size_t i = 0; r == 0 && i < plan->n_targets; i++)
		r = check_override_still_before(a, &plan->targets[i], err);
	if (r == 0)
		r = run_steps(a, &last, err);
	if (r == 0)
		r = verify_targets(a, err);
	if (r == 0)
		r = verify_openable(a, err);
	if (r < 0)
		give_up(a, last, err);
	else
		plan->result = a->changed ? VFIOADM_RESULT_DONE : VFIOADM_RESULT_UNCHANGED;
	strv_clear(&a->stuck);
	return r;
}
