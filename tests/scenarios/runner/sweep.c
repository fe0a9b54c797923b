/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each fault at each operation: the scenario is run once to see how many operations the command needs and
 * what comes of it, then again and again with one fault in it. Whatever happens, a host that is left must
 * be as before or as wanted, never between, and the exit status must say which.
 */
#include <string.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"
#include "sweep.h"

static void cancel(struct host *h, void *userdata)
{
	struct runner *run = userdata;

	(void)h;
	vfioadm_ctx_cancel(run->ctx);
}

static const struct {
	const char *name;
	struct fault fault;
} kinds[] = {
	{"EIO", {.kind = FAULT_FAIL, .error = EIO}},
	{"EBUSY", {.kind = FAULT_FAIL, .error = EBUSY}},
	{"ENODEV", {.kind = FAULT_FAIL, .error = ENODEV}},
	{"EPERM", {.kind = FAULT_FAIL, .error = EPERM}},
	{"EINTR though done", {.kind = FAULT_FAIL_DONE, .error = EINTR}},
	{"lie", {.kind = FAULT_LIE}},
	{"hang", {.kind = FAULT_HANG, .resume_after = -1}},
	{"vanish before", {.kind = FAULT_VANISH_BEFORE}},
	{"vanish after", {.kind = FAULT_VANISH_AFTER}},
	{"cancel", {.kind = FAULT_CALL, .call = cancel}},
};

size_t sweep_n_kinds(void)
{
	return ARRAY_SIZE(kinds);
}

/* An error for what was done all the same may leave more than can be known; it must be admitted then. */
static bool may_be_unsettled(enum fault_kind kind)
{
	return kind == FAULT_HANG || kind == FAULT_VANISH_BEFORE || kind == FAULT_VANISH_AFTER ||
	       kind == FAULT_FAIL_DONE;
}

static bool equal(const struct function_state *a, const struct function_state *b)
{
	return streq(a->driver, b->driver) && streq(a->override, b->override) &&
	       a->group_node == b->group_node && a->vfio_node == b->vfio_node;
}

/* Exit status 7 says that something is left: then only what it does not name is looked at. */
static bool admitted(const struct runner *run, const char *address)
{
	return run->status == 7 && run->err && strstr(run->err, address);
}

/* What is stuck or gone is left out of the comparison: it is in the kernel's hands, or in nobody's. */
static char *compare(struct runner *run, const struct snapshot *want, const struct snapshot *is)
{
	for (size_t i = 0; i < want->n; i++) {
		const struct function_state *w = &want->items[i],
					    *s = snapshot_find(is, w->address);

		if (!s || fake_stuck(run->fake, w->address) || equal(w, s) ||
		    admitted(run, w->address))
			continue;
		return str_format("%s: driver %s, override %s; it should be %s, %s", w->address,
				  s->driver, s->override, w->driver, w->override);
	}
	return NULL;
}

/* One of those that the command moves. */
static bool lost_one(const struct sweep *sweep, const struct snapshot *before,
		     const struct snapshot *after)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct function_state *b = &before->items[i];
		const struct function_state *w = snapshot_find(&sweep->wanted, b->address);

		if (w && !equal(w, b) && !snapshot_find(after, b->address))
			return true;
	}
	return false;
}

static int judge(struct runner *run, const struct snapshot *before, const struct snapshot *after)
{
	const struct sweep *sweep = run->sweep;
	enum fault_kind kind = kinds[sweep->kind].fault.kind;
	const struct snapshot *want = run->status == 0 ? &sweep->wanted : before;
	_cleanup_free_ char *difference = compare(run, want, after);

	if (run->status == 7 && !may_be_unsettled(kind))
		return runner_failed(run, "exit status 7, though nothing is stuck");
	if (run->status == 0 && lost_one(sweep, before, after))
		return runner_failed(run, "exit status 0, though a function is gone");
	if (run->status == 0 && fake_hangs(run->fake))
		return runner_failed(run, "exit status 0, though an operation hangs");
	/* A cancel that comes too late is none; a lie may be harmless. Codes of usage cannot be right. */
	if (run->status == 2)
		return runner_failed(run, "exit status 2");
	return difference ? runner_failed(run, "exit status %d, and %s", run->status, difference)
			  : 0;
}

static int arm(struct runner *run)
{
	struct fault fault = kinds[run->sweep->kind].fault;

	fault.nth = run->sweep->nth;
	fault.userdata = run;
	return fake_fault(run->fake, &fault);
}

/* "sweep vfioadm …": the words behind the first. */
int line_sweep(struct runner *run, const struct strv *words)
{
	struct strv command = {.items = words->items + 1, .n = words->n - 1};
	struct snapshot before = {0}, after = {0};
	unsigned first = run->fake ? fake_operations(run->fake) : 0;
	int r;

	if (!run->fake || !run->sweep)
		return run_vfioadm(run, &command);
	r = snapshot_take(recorder_inner(run->host), &before);
	if (r == 0 && run->sweep->nth)
		r = arm(run);
	if (r == 0)
		r = run_vfioadm(run, &command);
	fake_faults_clear(run->fake);
	if (r == 0)
		r = snapshot_take(recorder_inner(run->host), &after);
	if (r < 0) {
		snapshot_clear(&before);
		return r;
	}
	if (run->sweep->nth) {
		r = judge(run, &before, &after);
		snapshot_clear(&after);
	} else {
		r = run->status ? runner_failed(run, "exit status %d without a fault", run->status)
				: 0;
		run->sweep->operations = fake_operations(run->fake) - first;
		snapshot_clear(&run->sweep->wanted);
		run->sweep->wanted = after;
	}
	snapshot_clear(&before);
	/* What follows in the file is for runs without faults. */
	run->stop = true;
	run->may_differ = true;
	return r;
}

const char *sweep_name(const struct sweep *sweep, char buf[64])
{
	if (!sweep->nth)
		return "no fault";
	snprintf(buf, 64, "%s at operation %u of %u", kinds[sweep->kind].name, sweep->nth,
		 sweep->operations);
	return buf;
}
