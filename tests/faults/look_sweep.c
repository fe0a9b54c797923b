/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single faults while the host is looked at: each call that looks at a file fails in turn. What is in use must never
 * look free because of it: an error, "not looked at", another finding that refuses, but nothing better.
 *
 *   look-sweep [--every N] [--first N] ROOT…
 *
 * Prints "ROOT: N faults, N wrong"; the status is 1 where something was wrong.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vfioadm.h>

#include "base/str.h"
#include "failing_calls.h"

enum {
	FUNCTIONS_MAX = 256,
	NAME_SIZE = 24,
	CALLS_MAX = 200000,
	WRONG_SHOWN = 20,
};

/* What one run has answered, in shared memory. */
struct answer {
	bool failed; /* it ended with an error, and said nothing of any function */
	size_t n;
	struct told {
		char name[NAME_SIZE]; /* an address, or a declaration */
		bool free;	      /* nothing stands against it */
	} items[FUNCTIONS_MAX];
	unsigned long calls;
	char what[300];
};

struct sweep {
	const char *root;
	const char **addresses; /* of all functions that can move */
	size_t n_addresses;
	unsigned long every, first, faults, wrong;
	struct answer *plain, *now;
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EACCES", EACCES }, { "EIO", EIO },	    { "EMFILE", EMFILE },     { "ENOMEM", ENOMEM },
	{ "EPERM", EPERM },   { "ENFILE", ENFILE }, { "ETIMEDOUT", ETIMEDOUT },
};

/* ---- what is asked ---- */

typedef void (*command_fn)(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which);

static void tell(struct answer *a, const char *name, bool is_free)
{
	struct told *t = &a->items[a->n];

	if (a->n == FUNCTIONS_MAX)
		return;
	a->n++;
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->free = is_free;
}

static bool ended(struct answer *a, int r, struct vfioadm_error *error)
{
	vfioadm_error_free(error);
	a->failed = r < 0;
	return r < 0;
}

static void look(struct vfioadm_ctx *ctx, struct answer *a, unsigned facets)
{
	struct vfioadm_inventory *inv = NULL;
	struct vfioadm_error *error = NULL;

	if (ended(a, vfioadm_observe(ctx, facets, &inv, &error), error))
		return;
	for (size_t i = 0; i < vfioadm_inventory_n_functions(inv); i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inv, i);

		tell(a, f->address, f->verdict == VFIOADM_VERDICT_ASSIGNABLE || f->verdict == VFIOADM_VERDICT_NEEDS_GROUP);
	}
	vfioadm_inventory_free(inv);
}

static void list(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	(void)s;
	(void)which;
	look(ctx, a, VFIOADM_FACET_BASIC);
}

static void list_users(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	(void)s;
	(void)which;
	look(ctx, a, VFIOADM_FACET_BASIC | VFIOADM_FACET_USERS);
}

static bool stands_against(const struct vfioadm_finding *finding, const struct vfioadm_function *f)
{
	if (finding->severity == VFIOADM_WARNS)
		return false;
	if (!finding->device || streq(finding->device, f->address))
		return true;
	for (size_t i = 0; i < f->companions.n; i++)
		if (streq(finding->device, f->companions.items[i]))
			return true;
	return false;
}

static void check(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	struct vfioadm_options options = { .size = sizeof(options), .all_matching = true };
	struct vfioadm_checkup *c = NULL;
	struct vfioadm_error *error = NULL;

	(void)which;
	if (ended(a, vfioadm_check(ctx, s->addresses, s->n_addresses, &options, &c, &error), error))
		return;
	for (size_t i = 0; i < vfioadm_checkup_n_functions(c); i++) {
		const struct vfioadm_function *f = vfioadm_checkup_function(c, i);
		bool stands = false;

		for (size_t k = 0; k < vfioadm_checkup_n_findings(c); k++)
			stands |= stands_against(vfioadm_checkup_finding(c, k), f);
		tell(a, f->address, !stands);
	}
	vfioadm_checkup_free(c);
}

static void tell_plan(struct answer *a, int r, struct vfioadm_plan *plan, struct vfioadm_error *error, const char *which)
{
	if (ended(a, r, error))
		return;
	tell(a, which, vfioadm_plan_result(plan) != VFIOADM_RESULT_REFUSED);
	vfioadm_plan_free(plan);
}

static void assign(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	struct vfioadm_options options = { .size = sizeof(options), .dry_run = true };
	struct vfioadm_plan *plan = NULL;
	struct vfioadm_error *error = NULL;
	int r;

	(void)s;
	r = vfioadm_plan_assign(ctx, &which, 1, &options, &plan, &error);

	tell_plan(a, r, plan, error, which);
}

static void enable(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	struct vfioadm_options options = { .size = sizeof(options), .dry_run = true, .persist = true };
	struct vfioadm_plan *plan = NULL;
	struct vfioadm_error *error = NULL;
	int r;

	(void)s;
	r = vfioadm_plan_enable(ctx, &which, 1, &options, &plan, &error);

	tell_plan(a, r, plan, error, which);
}

static void config_check(struct vfioadm_ctx *ctx, struct answer *a, const struct sweep *s, const char *which)
{
	struct vfioadm_status *all = NULL;
	struct vfioadm_error *error = NULL;

	(void)s;
	(void)which;
	if (ended(a, vfioadm_status(ctx, &all, &error), error))
		return;
	for (size_t i = 0; i < vfioadm_status_n(all); i++) {
		const struct vfioadm_declared *d = vfioadm_status_item(all, i);

		tell(a, d->name, d->state != VFIOADM_DECLARED_INVALID && !d->use);
	}
	vfioadm_status_free(all);
}

/* ---- one run ---- */

/* In a process of its own: what a run leaves behind must not change the next. */
static _Noreturn void in_child(const struct sweep *s, struct answer *a, command_fn command, const char *which,
			       unsigned long nth, int error)
{
	struct vfioadm_ctx *ctx = NULL;

	alarm(60);
	if (vfioadm_ctx_new(&ctx) < 0 || vfioadm_ctx_set_sysroot(ctx, s->root, NULL) < 0)
		_exit(2);
	calls_begin(nth, error);
	command(ctx, a, s, which);
	a->calls = calls_end(a->what, sizeof(a->what));
	_exit(0);
}

static bool run(const struct sweep *s, struct answer *a, command_fn command, const char *which, unsigned long nth,
		int error)
{
	int status = 0;
	pid_t pid;

	memset(a, 0, sizeof(*a));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		in_child(s, a, command, which, nth, error);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	printf("%s: status %x\n", s->root, (unsigned)status);
	return false;
}

static const struct told *find(const struct answer *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (streq(a->items[i].name, name))
			return &a->items[i];
	return NULL;
}

static void compare(struct sweep *s, const char *command, const char *which, const char *error, unsigned long nth)
{
	for (size_t i = 0; !s->now->failed && i < s->plain->n; i++) {
		const struct told *before = &s->plain->items[i], *now = find(s->now, before->name);

		if (before->free || !now || !now->free)
			continue;
		if (s->wrong++ < WRONG_SHOWN)
			printf("%s: %s %s: %s seems free when call %lu (%s) fails with %s\n", s->root, command, which,
			       before->name, nth, s->now->what, error);
		return;
	}
}

static bool any_stands(const struct answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->items[i].free)
			return true;
	return false;
}

/* Each errno starts elsewhere, so that a sample meets different calls with each. */
static bool sweep(struct sweep *s, const char *name, command_fn command, const char *which)
{
	unsigned long calls;

	if (!run(s, s->plain, command, which, 0, 0))
		return false;
	if (s->plain->failed || !any_stands(s->plain))
		return true;
	calls = s->plain->calls;
	for (size_t e = 0; e < ARRAY_SIZE(errors); e++) {
		unsigned long start = 1 + (s->first + e * 17) % s->every;

		for (unsigned long nth = start; nth <= calls && nth < CALLS_MAX; nth += s->every) {
			if (!run(s, s->now, command, which, nth, errors[e].error)) {
				s->wrong++;
				continue;
			}
			s->faults++;
			compare(s, name, which, errors[e].name, nth);
		}
	}
	return true;
}

/* ---- one root ---- */

/* Functions that assign refuses, and the card types that enable does. */
static bool sweep_plans(struct sweep *s, struct vfioadm_inventory *inv)
{
	struct answer *all = calloc(1, sizeof(*all));
	bool ok = all && run(s, s->plain, check, "", 0, 0);

	if (ok)
		*all = *s->plain;
	for (size_t i = 0; ok && i < all->n; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_find(inv, all->items[i].name);
		char type[32];

		if (all->items[i].free || !f || f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
			continue;
		snprintf(type, sizeof(type), "%04x:%04x", (unsigned)f->vendor.value, (unsigned)f->device.value);
		ok = sweep(s, "assign --dry-run", assign, f->address) && sweep(s, "enable --dry-run", enable, type);
	}
	free(all);
	return ok;
}

static bool sweep_commands(struct sweep *s)
{
	struct vfioadm_inventory *inv = NULL;
	struct vfioadm_ctx *ctx = NULL;
	size_t n = 0;
	bool ok = vfioadm_ctx_new(&ctx) == 0 && vfioadm_ctx_set_sysroot(ctx, s->root, NULL) == 0 &&
		  vfioadm_observe(ctx, VFIOADM_FACET_BASIC, &inv, NULL) == 0;

	if (ok)
		n = vfioadm_inventory_n_functions(inv);
	s->addresses = calloc(n + 1, sizeof(*s->addresses));
	s->n_addresses = 0;
	for (size_t i = 0; s->addresses && i < n; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inv, i);

		if (!f->bridge)
			s->addresses[s->n_addresses++] = f->address;
	}
	ok = ok && s->addresses && sweep(s, "list", list, "") && sweep(s, "list --users", list_users, "") &&
	     sweep(s, "config check", config_check, "");
	if (ok && s->n_addresses)
		ok = sweep(s, "check", check, "") && sweep_plans(s, inv);
	free(s->addresses);
	vfioadm_inventory_free(inv);
	vfioadm_ctx_unref(ctx);
	return ok;
}

static bool sweep_root(struct sweep *s, const char *root)
{
	bool ok;

	s->root = root;
	s->faults = s->wrong = 0;
	ok = sweep_commands(s);
	printf("%s: %lu faults, %lu wrong\n", root, s->faults, s->wrong);
	return ok && !s->wrong;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "every", required_argument, NULL, 'e' },
		{ "first", required_argument, NULL, 'f' },
		{ 0 },
	};
	struct sweep s = { .every = 1 };
	struct answer *answers = mmap(NULL, 2 * sizeof(*answers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool ok = true;
	uint64_t v;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if ((c != 'e' && c != 'f') || str_to_u64(optarg, 10, CALLS_MAX, &v) < 0 || (c == 'e' && !v))
			return 2;
		*(c == 'e' ? &s.every : &s.first) = (unsigned long)v;
	}
	if (answers == MAP_FAILED || optind == argc)
		return 2;
	s.plain = &answers[0];
	s.now = &answers[1];
	for (; optind < argc; optind++)
		ok &= sweep_root(&s, argv[optind]);
	return !ok;
}
