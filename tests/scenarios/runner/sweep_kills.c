/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kill -9 at each operation and at each change of a file below /run/vfioadm; while it is undone, while the
 * kernel holds a step, and while another one settles. Then the helpers that were left alone settle, or, when
 * they were killed as well, the next vfioadm does.
 */
#include <fcntl.h>
#include <string.h>

#include "fake/fake.h"
#include "sweep.h"

enum { HELPERS_LIVE = 1, HELPERS_DIE = 0 };

static void die(struct host *h, void *userdata)
{
	(void)h;
	(void)userdata;
	kill_now();
}

static const struct fault deaths[] = {
	{.kind = FAULT_CALL, .call = die},
	{.kind = FAULT_CALL, .call = die, .match = "claim *"},
	{.kind = FAULT_CALL, .call = die, .match = "hold *"},
};
static const struct fault fails = {.kind = FAULT_FAIL, .error = EIO};
static const struct fault hangs = {.kind = FAULT_HANG, .resume_after = -1};

/* ---- dying ---- */

struct descriptors {
	bool open[256];
};

static void note_descriptors(struct descriptors *d)
{
	for (int fd = 0; fd < (int)ARRAY_SIZE(d->open); fd++)
		d->open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* With its descriptors a process loses its locks. */
static void close_others(const struct descriptors *d)
{
	for (int fd = 0; fd < (int)ARRAY_SIZE(d->open); fd++)
		if (!d->open[fd])
			close(fd);
}

/*
 * true: it died; what it was is gone, and another process has taken its place. command: NULL for a helper that settles
 * what one that died has left.
 */
static bool run_to_death(struct runner *run, struct sweep *sweep, unsigned die_at,
			 const struct strv *command, int *ret)
{
	static struct descriptors before; /* not on a stack that is jumped over */

	note_descriptors(&before);
	if (sigsetjmp(kill_jump, 1) == 0) {
		kill_points_begin(die_at);
		*ret = command ? run_vfioadm(run, command) : sweep_late(run, sweep);
		(void)kill_points_end();
		return false;
	}
	close_others(&before);
	if (command)
		run->out = run->err = NULL;
	*ret = 0;
	fake_kill(sweep->actor);
	return true;
}

static int settled(struct runner *run, struct sweep *sweep, bool died, const struct sweep_case *c)
{
	fake_faults_clear(run->fake);
	sweep->shared->fired = died;
	return died ? sweep_settle(run, sweep, c->variant, NULL) : 0;
}

/* ---- cases ---- */

static int kill_at_operation(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			     unsigned nth, const struct strv *command)
{
	struct fault fault = *c->fault;
	bool died;
	int r;

	fault.nth = nth;
	r = fake_fault(run->fake, &fault);
	if (r < 0)
		return r;
	died = run_to_death(run, sweep, 0, command, &r);
	return r < 0 ? r : settled(run, sweep, died, c);
}

static int kill_at_point(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			 unsigned nth, const struct strv *command)
{
	int r;
	bool died = run_to_death(run, sweep, nth, command, &r);

	return r < 0 ? r : settled(run, sweep, died, c);
}

/*
 * Two things in one run, numbered as one: the first at each operation, the second at each of the places
 * behind it. How many there are of the second is not known before.
 */
enum { SECOND = 16 };

static int kill_while_undoing(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			      unsigned nth, const struct strv *command)
{
	unsigned first = (nth - 1) / SECOND + 1, second = (nth - 1) % SECOND + 1;
	struct fault fail = *c->fault, death = deaths[0];
	bool died;
	int r;

	fail.nth = first;
	death.nth = first + second;
	r = fake_fault(run->fake, &fail);
	if (r == 0)
		r = fake_fault(run->fake, &death);
	if (r < 0)
		return r;
	died = run_to_death(run, sweep, 0, command, &r);
	if (r == 0)
		r = settled(run, sweep, died, c);
	/* There is more to come until the first one comes no longer. */
	sweep->shared->fired = first <= sweep->shared->operations;
	return r;
}

/* Killed once more by the clock of its file changes, wherever these are. */
static int kill_the_settling(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			     unsigned nth, const struct strv *command)
{
	unsigned first = (nth - 1) / SECOND + 1, second = (nth - 1) % SECOND + 1;
	_cleanup_strv_ struct strv settle = {0};
	struct fault fault = *c->fault;
	bool died;
	int r;

	fault.nth = first;
	r = fake_fault(run->fake, &fault);
	if (r == 0)
		r = strv_add(&settle, "vfioadm");
	if (r == 0)
		r = strv_add(&settle, "settle");
	if (r < 0)
		return r;
	died = run_to_death(run, sweep, 0, command, &r);
	fake_faults_clear(run->fake);
	if (r == 0 && died)
		r = sweep_another(run, sweep);
	if (r == 0 && died)
		(void)run_to_death(run, sweep, second, &settle, &r);
	if (r == 0)
		r = settled(run, sweep, died, c);
	return r;
}

/* How far the one that settles got before it died: its note is there, so that no other one begins. */
static bool late_is_noted(struct runner *run)
{
	_cleanup_free_ char *path = str_format("%s/journal", run->ctx->run_dir), *text = NULL, *file = NULL;
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			file = str_format("%s/%s", path, e->d_name);
	if (d)
		closedir(d);
	return file && runner_read_file(file, &text) == 0 && strstr(text, "\nlate\n") && !strstr(text, "\nended\n");
}

/* A sample: there are thousands of places in all. */
enum { LATE_SECOND = 5 };

/* The helpers of one that died settle, and the one that does it dies as well: that is the only try. */
static int kill_the_helper_that_settles(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
					unsigned nth, const struct strv *command)
{
	unsigned first = (nth - 1) / LATE_SECOND + 1;
	unsigned second = (nth - 1) % LATE_SECOND * LATE_SECOND + first % LATE_SECOND + 1, operations;
	struct fault fault = *c->fault;
	bool died, noted;
	int r;

	fault.nth = first;
	r = fake_fault(run->fake, &fault);
	if (r < 0)
		return r;
	died = run_to_death(run, sweep, 0, command, &r);
	fake_faults_clear(run->fake);
	if (r == 0 && died && run_to_death(run, sweep, second, NULL, &r)) {
		noted = late_is_noted(run);
		operations = fake_operations(run->fake);
		r = sweep_late(run, sweep);
		if (r >= 0 && noted && fake_operations(run->fake) != operations)
			return runner_failed(run, "a helper died while it settled, and another one has tried");
	}
	return r < 0 ? r : settled(run, sweep, died, c);
}

/* Also amid a line, which the one that settles must not write on; it dies as well, now here, now there. */
static int kill_both_at_points(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			       unsigned nth, const struct strv *command)
{
	_cleanup_strv_ struct strv settle = {0};
	bool died;
	int r = strv_add(&settle, "vfioadm");

	if (r == 0)
		r = strv_add(&settle, "settle");
	if (r < 0)
		return r;
	died = run_to_death(run, sweep, nth, command, &r);
	for (unsigned i = 1; r == 0 && died && i <= 2; i++) {
		r = sweep_another(run, sweep);
		if (r == 0)
			(void)run_to_death(run, sweep, nth * 7 * i % 41 + 1, &settle, &r);
	}
	return r < 0 ? r : settled(run, sweep, died, c);
}

const struct sweep_case sweep_kills[] = {
	{"killed with its helpers before operation", kill_at_operation, &deaths[0], HELPERS_DIE},
	{"killed before operation", kill_at_operation, &deaths[0], HELPERS_LIVE},
	{"killed with its helpers at the change of a file", kill_at_point, NULL, HELPERS_DIE},
	{"killed at the change of a file", kill_at_point, NULL, HELPERS_LIVE},
	{"killed before claim", kill_at_operation, &deaths[1], HELPERS_LIVE},
	{"killed with its helpers before disk", kill_at_operation, &deaths[2], HELPERS_DIE},
	{"killed while it undoes", kill_while_undoing, &fails, HELPERS_LIVE},
	{"killed with its helpers while the kernel holds a step", kill_while_undoing, &hangs,
	 HELPERS_DIE},
	{"killed while the kernel holds a step", kill_while_undoing, &hangs, HELPERS_LIVE},
	{"killed, and who settles it as well", kill_the_settling, &deaths[0], HELPERS_DIE},
	{"killed, and the helper that settles it as well, before operation",
	 kill_the_helper_that_settles, &deaths[0], HELPERS_LIVE},
	{"killed, and two who settle it as well, at the change of a file", kill_both_at_points,
	 NULL, HELPERS_DIE},
};
const size_t sweep_n_kills = ARRAY_SIZE(sweep_kills);
