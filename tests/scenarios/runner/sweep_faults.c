/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each fault at each operation. The exit status must say what became of it. */
#include <string.h>
#include <sys/resource.h>

#include "fake/fake.h"
#include "sweep.h"

static void cancel(struct host *h, void *userdata)
{
	struct runner *run = userdata;

	(void)h;
	vfioadm_ctx_cancel(run->ctx);
}

static const struct fault faults[] = {
	{.kind = FAULT_FAIL, .error = EIO},
	{.kind = FAULT_FAIL, .error = EBUSY},
	{.kind = FAULT_FAIL, .error = ENODEV},
	{.kind = FAULT_FAIL, .error = EPERM},
	{.kind = FAULT_FAIL, .error = ENOMEM},
	{.kind = FAULT_FAIL, .error = EINVAL},
	{.kind = FAULT_FAIL, .error = EEXIST},
	{.kind = FAULT_FAIL_DONE, .error = EINTR},
	{.kind = FAULT_FAIL_DONE, .error = EIO},
	{.kind = FAULT_LIE},
	{.kind = FAULT_HANG, .resume_after = -1},
	{.kind = FAULT_HANG, .resume_after = 1},
	{.kind = FAULT_HANG, .resume_after = 3},
	{.kind = FAULT_VANISH_BEFORE},
	{.kind = FAULT_VANISH_AFTER},
	{.kind = FAULT_CALL, .call = cancel},
	{.kind = FAULT_FAIL, .error = EIO, .match = "claim *"},
	{.kind = FAULT_FAIL, .error = EIO, .match = "hold *"},
	{.kind = FAULT_FAIL, .error = EBUSY, .match = "hold *"},
};

/* An error for what was done all the same may leave more than can be known; it must be admitted then. */
static bool may_be_unsettled(enum fault_kind kind)
{
	return kind == FAULT_HANG || kind == FAULT_VANISH_BEFORE || kind == FAULT_VANISH_AFTER ||
	       kind == FAULT_FAIL_DONE;
}

/*
 * The kernel does not tell which IDs a driver holds: it is believed when it says that one is there, or is
 * not, or was taken. What it never says of IDs leaves open whether one was there before; and nobody learns
 * whether a remove_id that hung has found one.
 */
static bool hides_ids(const struct fault *fault, const struct strv *command)
{
	switch (fault->kind) {
	case FAULT_FAIL:
		return fault->error == ENODEV || fault->error == EEXIST || fault->error == EIO ||
		       fault->error == EBUSY;
	case FAULT_HANG:
		return strv_has(command, "disable");
	default:
		return fault->kind == FAULT_LIE || fault->kind == FAULT_FAIL_DONE;
	}
}

static char *difference(struct runner *run, struct sweep *sweep, const struct fault *fault,
			const struct strv *after, const struct world_excuses *settled)
{
	struct world_excuses excuses = *settled;

	if (run->status == 0)
		return world_difference(run, &sweep->wanted, after, &excuses);
	/* Something is left: then the others are looked at. */
	if (run->status == 7) {
		excuses.rest = true;
		excuses.named = run->err;
	}
	/* It came to its end after all, when nobody waited for it any more. */
	if (run->status == 7 && fault->resume_after > 0)
		excuses.not_as_in = &sweep->wanted;
	return world_difference(run, &sweep->before, after, &excuses);
}

/* One that the command moves; what else looks at a function may give up waiting. */
static const char *stuck_one(struct runner *run, const struct sweep *sweep, char address[24])
{
	STRV_FOREACH (i, &sweep->before) {
		const char *rest = str_after(sweep->before.items[i], "function ");

		if (!rest || strv_has(&sweep->wanted, sweep->before.items[i]))
			continue;
		snprintf(address, 24, "%.*s", (int)strcspn(rest, " "), rest);
		if (fake_stuck(run->fake, address))
			return address;
	}
	return NULL;
}

static int judge(struct runner *run, struct sweep *sweep, const struct fault *fault,
		 const struct world_excuses *excuses)
{
	_cleanup_strv_ struct strv after = {0};
	_cleanup_free_ char *text = NULL;
	bool done = run->status == sweep->shared->status, unsettled = run->status == 7;
	char address[24];
	int r = world_take(run, &after);

	if (r < 0)
		return r;
	text = difference(run, sweep, fault, &after, excuses);
	if (run->status == 0 && world_lost_one(&sweep->before, &sweep->wanted, &after))
		return runner_failed(run, "exit status 0, though a function is gone");
	if (run->status == 0 && stuck_one(run, sweep, address))
		return runner_failed(run, "exit status 0, though %s is stuck", address);
	if (run->status == 2 && !done)
		return runner_failed(run, "exit status 2");
	if (unsettled && !may_be_unsettled(fault->kind))
		return runner_failed(run, "exit status 7, though nothing is stuck");
	if (text)
		return runner_failed(run, "exit status %d, and %s", run->status, text);
	if (unsettled != (world_journals(run) > 0))
		return runner_failed(run, "exit status %d with %zu journals", run->status,
				     world_journals(run));
	return 0;
}

static int run_fault(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
		     unsigned nth, const struct strv *command)
{
	struct world_excuses excuses = {.ids = hides_ids(c->fault, command)};
	struct fault fault = *c->fault;
	int r;

	fault.nth = nth;
	fault.userdata = run;
	r = fake_fault(run->fake, &fault);
	if (r == 0)
		r = run_vfioadm(run, command);
	sweep->shared->fired = r == 0 && sweep_fault_came(run);
	fake_faults_clear(run->fake);
	if (r == 0)
		r = judge(run, sweep, &fault, &excuses);
	if (r == 0 && run->status == 7)
		r = sweep_settle(run, sweep, c->variant, &excuses);
	return r;
}

/*
 * Beyond the n-th sixteen bytes no file grows: what is to be written then fails half-way, also while it is undone and
 * the file of before was a larger one. Who may raise the limit settles it.
 */
static int run_with_limit(struct runner *run, struct sweep *sweep, const struct sweep_case *c, unsigned nth,
			  const struct strv *command)
{
	static const struct fault none = {.kind = FAULT_FAIL_DONE};
	struct world_excuses excuses = {0};
	struct rlimit before, low;
	int r;

	if (getrlimit(RLIMIT_FSIZE, &before) < 0)
		return -errno;
	low = (struct rlimit){.rlim_cur = (rlim_t)nth * 16, .rlim_max = before.rlim_max};
	if (setrlimit(RLIMIT_FSIZE, &low) < 0)
		return -errno;
	r = run_vfioadm(run, command);
	if (setrlimit(RLIMIT_FSIZE, &before) < 0)
		return -errno;
	sweep->shared->fired = r == 0 && run->status != sweep->shared->status;
	if (r == 0)
		r = judge(run, sweep, &none, &excuses);
	if (r == 0 && run->status == 7)
		r = sweep_settle(run, sweep, c->variant, &excuses);
	return r;
}

#define FAULT(name, i)                                                                             \
	{                                                                                          \
		name " at operation", run_fault, &faults[i], 0                                     \
	}
#define FAULT_AT(name, what, i)                                                                    \
	{                                                                                          \
		name " at " what, run_fault, &faults[i], 0                                         \
	}

const struct sweep_case sweep_faults[] = {
	FAULT("EIO", 0),
	FAULT("EBUSY", 1),
	FAULT("ENODEV", 2),
	FAULT("EPERM", 3),
	FAULT("ENOMEM", 4),
	FAULT("EINVAL", 5),
	FAULT("EEXIST", 6),
	FAULT("EINTR though done", 7),
	FAULT("EIO though done", 8),
	FAULT("lie", 9),
	FAULT("hang", 10),
	{"hang, then its helper settles, at operation", run_fault, &faults[10], 1},
	FAULT("hang that ends soon", 11),
	FAULT("hang that ends later", 12),
	{"hang that ends later, then its helper settles, at operation", run_fault, &faults[12], 1},
	FAULT("vanish before", 13),
	FAULT("vanish after", 14),
	FAULT("cancel", 15),
	FAULT_AT("EIO", "claim", 16),
	FAULT_AT("EIO", "disk", 17),
	FAULT_AT("EBUSY", "disk", 18),
	{"no room in files beyond sixteen bytes times", run_with_limit, NULL, 0},
};
const size_t sweep_n_faults = ARRAY_SIZE(sweep_faults);
