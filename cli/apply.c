/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan and apply: one transaction for what must go together, so that one bad card costs the others nothing. */
#include <errno.h>
#include <string.h>

#include "apply_tasks.h"
#include "change.h"
#include "json.h"

/* What became of one transaction. */
struct run {
	const char *const *names;
	size_t n_names;
	const char *label; /* NULL: all of them in one */
	const char *only; /* what is declared of this function, or NULL */
	struct vfioadm_plan *plan;
	struct vfioadm_error *error;
	int r, status;
};

struct runs {
	struct cli *cli;
	struct vfioadm_status *all;
	bool dry;
	struct task task; /* the one that is at work */
	struct run *items;
	size_t n;
	int status;
	bool stop; /* nothing more is to be begun */
};

/* The order of vfioadm(1): with several causes the first of these wins. */
static int worse(int a, int b)
{
	static const int order[] = { VFIOADM_EXIT_UNSETTLED,	 VFIOADM_EXIT_FAILED,	 VFIOADM_EXIT_BUSY,
				     VFIOADM_EXIT_NOT_PERMITTED, VFIOADM_EXIT_USAGE,	 VFIOADM_EXIT_REFUSED,
				     VFIOADM_EXIT_NOT_READY,	 VFIOADM_EXIT_NO_FUNCTION };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return VFIOADM_EXIT_DONE;
}

static int unknown_name(struct runs *all, const char *name)
{
	static const char hint[] =
		"vfioadm status lists them; a name is that of a file in /etc/vfioadm.d, without .conf";
	size_t n = vfioadm_status_n(all->all);
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
	const char *best;

	if (!names)
		return cli_oom(all->cli);
	for (size_t i = 0; i < n; i++)
		names[i] = vfioadm_status_item(all->all, i)->name;
	best = nearest(name, names, n);
	if (best)
		return cli_usage(all->cli, hint, "there is no declaration '%s', did you mean '%s'?", name, best);
	return cli_usage(all->cli, hint, "there is no declaration '%s'", name);
}

static int check_names(struct runs *all)
{
	struct cli *cli = all->cli;

	for (size_t i = 0; i < cli->n_operands; i++) {
		bool found = false;

		for (size_t k = 0; k < vfioadm_status_n(all->all); k++)
			found |= strcmp(vfioadm_status_item(all->all, k)->name, cli->operands[i]) == 0;
		if (!found)
			return unknown_name(all, cli->operands[i]);
	}
	return 0;
}

static void say_error(struct cli *cli, const struct run *run)
{
	cli_sayf(cli, vfioadm_error_hint(run->error), "%s%s%s", run->label ? run->label : "",
		 run->label ? ": " : "", run->error ? vfioadm_error_message(run->error) : strerror(-run->r));
}

static void perform(struct runs *all, struct run *run)
{
	struct cli *cli = all->cli;
	bool planned = vfioadm_plan_result(run->plan) == VFIOADM_RESULT_PLANNED;

	if (run->label && !cli->json && !cli->quiet &&
	    vfioadm_plan_result(run->plan) != VFIOADM_RESULT_UNCHANGED)
		fprintf(cli->out, "%s:\n", run->label);
	cli->about = run->label;
	run->r = change_perform(cli, run->plan, all->dry, &run->error, &run->status);
	cli->about = NULL;
	if (run->r < 0 && vfioadm_plan_result(run->plan) == VFIOADM_RESULT_PLANNED)
		say_error(cli, run);
	else if (!cli->json && planned)
		change_conclude(cli, run->plan, !all->dry);
}

static void drop_last(struct runs *all)
{
	struct run *run = &all->items[--all->n];

	vfioadm_plan_free(run->plan);
	*run = (struct run){};
}

/*
 * What a transaction moves makes events, and a claim unit that they start may have the lock between two of them. Who
 * said how long to wait means each of them.
 */
static void be_patient(struct runs *all)
{
	enum { CLAIM_UNIT_S = 30 };

	if (all->n && !cli_has(all->cli, OPT_LOCK_WAIT))
		(void)vfioadm_ctx_set_lock_wait(all->cli->ctx, CLAIM_UNIT_S);
}

/* A transaction; true: something was changed. */
static bool run_once(struct runs *all)
{
	const struct task *task = &all->task;
	struct vfioadm_options options = change_options(all->cli);
	struct run *run;

	be_patient(all);
	run = &all->items[all->n++];
	options.dry_run |= all->dry;
	*run = (struct run){ .names = task->names, .n_names = task->n, .label = task->label, .only = task->only };
	options.only = task->only;
	/* Started by a unit. */
	options.unattended = task->only || cli_has(all->cli, OPT_BOOT);
	/* An initramfs takes minutes to make: that is not the boot's time. */
	options.persist = !task->n && !cli_has(all->cli, OPT_BOOT);
	run->r = vfioadm_plan_apply(all->cli->ctx, task->names, task->n, &options, &run->plan, &run->error);
	if (run->r < 0) {
		run->status = cli_error_status(run->error, run->r);
		say_error(all->cli, run);
	} else {
		perform(all, run);
	}
	if (!all->task.late || run->status != VFIOADM_EXIT_REFUSED)
		all->status = worse(all->status, run->status);
	/* What keeps this one from its beginning keeps the others too, and each would wait for the lock. */
	all->stop = vfioadm_error_code(run->error) == VFIOADM_E_BUSY ||
		    (!run->plan && vfioadm_error_code(run->error) == VFIOADM_E_NOT_PERMITTED);
	return run->r == 0 && vfioadm_plan_result(run->plan) == VFIOADM_RESULT_DONE;
}

/* What is made from all files together, when somebody has changed them with an editor. */
static void run_files(struct runs *all)
{
	const struct run *run = &all->items[all->n];

	if (all->cli->n_operands || all->cli->only)
		return;
	all->task = (struct task){};
	run_once(all);
	if (run->r == 0 && vfioadm_plan_result(run->plan) == VFIOADM_RESULT_UNCHANGED)
		drop_last(all);
}

static bool makes_virtual_functions(const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(plan); i++)
		if (strcmp(vfioadm_plan_step(plan, i)->action, "set-numvfs") == 0)
			return true;
	return false;
}

/* Virtual functions can be assigned only once they are there: then there is a second transaction. */
static void run_names(struct runs *all)
{
	const struct run *again;

	if (!run_once(all) || !makes_virtual_functions(all->items[all->n - 1].plan))
		return;
	run_once(all);
	again = &all->items[all->n - 1];
	if (again->r < 0 || vfioadm_plan_result(again->plan) != VFIOADM_RESULT_UNCHANGED)
		return;
	drop_last(all);
}

/* Whoever stops one transaction does not wish for the next. */
static bool is_over(struct runs *all)
{
	if (!signals_stopped())
		return all->stop;
	all->status = worse(all->status, VFIOADM_EXIT_FAILED);
	return true;
}

/* Without its card type vfio-pci cannot have the function, and why is said already. */
static bool is_in_vain(const struct runs *all, const struct task *task)
{
	const struct run *last = all->n ? &all->items[all->n - 1] : NULL;

	return task->late && last && !last->only && last->label == task->label && last->status;
}

static void run_each(struct runs *all, const struct task *tasks, size_t n)
{
	size_t i = 0;

	for (; i < n && !all->stop; i++) {
		if (is_in_vain(all, &tasks[i]))
			continue;
		all->task = tasks[i];
		run_names(all);
		all->stop = i + 1 < n && is_over(all);
	}
	if (i < n)
		cli_sayf(all->cli, NULL, "%zu of %zu transactions not begun", n - i, n);
	for (; i < n; i++)
		all->items[all->n++] = (struct run){
			.names = tasks[i].names, .n_names = tasks[i].n, .label = tasks[i].label, .only = tasks[i].only
		};
}

static int run_atomic(struct runs *all, const struct tasks *tasks)
{
	all->task = (struct task){ .names = tasks->names, .n = tasks->n_names, .only = all->cli->only };
	if (tasks->n && !all->stop)
		run_names(all);
	return all->status;
}

static int run_all(struct runs *all, const struct tasks *tasks)
{
	all->items = calloc(2 * (tasks->most + 1) + 1, sizeof(*all->items));
	if (!all->items)
		return cli_oom(all->cli);
	(void)signals_stopped();
	run_files(all);
	if (cli_has(all->cli, OPT_ATOMIC))
		return run_atomic(all, tasks);
	run_each(all, tasks->items, tasks->n);
	return all->status;
}

/* ---- telling of it ----------------------------------------------------------------------------- */

/* NULL: there was none that could be planned. */
static const char *overall(const struct runs *all)
{
	static const enum vfioadm_result order[] = { VFIOADM_RESULT_UNSETTLED, VFIOADM_RESULT_UNDONE,
						     VFIOADM_RESULT_REFUSED,   VFIOADM_RESULT_PLANNED,
						     VFIOADM_RESULT_DONE,      VFIOADM_RESULT_UNCHANGED };

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < all->n; i++)
			if (all->items[i].plan && vfioadm_plan_result(all->items[i].plan) == order[k])
				return vfioadm_result_name(order[k]);
	return all->n ? NULL : vfioadm_result_name(VFIOADM_RESULT_UNCHANGED);
}

static void run_json(struct json *j, const struct run *run)
{
	json_object(j, NULL, true);
	json_string(j, "name", run->label ? run->names[0] : NULL);
	json_array(j, "names", false);
	for (size_t i = 0; i < run->n_names; i++)
		json_string(j, NULL, run->names[i]);
	json_array_end(j);
	json_string(j, "function", run->only);
	json_string(j, "result", run->plan ? vfioadm_result_name(vfioadm_plan_result(run->plan)) : NULL);
	if (run->plan)
		change_json_members(j, run->plan);
	if (run->r < 0)
		cli_error_json(j, run->error, run->r);
	json_object_end(j);
}

/* The error that the exit status is of. */
static const struct run *gravest(const struct runs *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].r < 0 && all->items[i].status == all->status)
			return &all->items[i];
	return NULL;
}

static void apply_json(struct cli *cli, const struct runs *all)
{
	const struct run *error = gravest(all);
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_string(&j, "result", overall(all));
	/* Every changing verb has this key; which transaction a step is of stands below. */
	json_array(&j, "steps", true);
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].plan)
			change_json_steps(&j, all->items[i].plan);
	json_array_end(&j);
	/* Of each transaction, in their order. */
	json_array(&j, "declarations", true);
	for (size_t i = 0; i < all->n; i++)
		run_json(&j, &all->items[i]);
	json_array_end(&j);
	if (error)
		cli_error_json(&j, error->error, error->r);
	json_object_end(&j);
	json_end(&j);
}

static bool anything_done(const struct runs *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct vfioadm_plan *plan = all->items[i].plan;

		if (!plan || vfioadm_plan_result(plan) != VFIOADM_RESULT_UNCHANGED)
			return true;
	}
	return false;
}

static void conclude(struct cli *cli, const struct runs *all)
{
	if (cli->json)
		apply_json(cli, all);
	else if (cli->quiet || anything_done(all))
		return;
	else if (!vfioadm_status_n(all->all))
		fprintf(cli->out, "there are no declarations in /etc/vfioadm.d\n");
	else if (cli->only && !all->n)
		fprintf(cli->out, "no declaration is about %s\n", cli->only);
	else
		fprintf(cli->out, "nothing to do\n");
}

static int apply(struct cli *cli, bool dry)
{
	struct runs all = { .cli = cli, .dry = dry };
	struct tasks tasks = {};
	struct vfioadm_error *error = NULL;
	int status, r;

	if (cli->bare_force)
		return cli_usage(cli, "vfioadm plan prints the findings",
				 "--force needs the codes of the findings to override: --force CODE[,CODE...]");
	if (cli_has(cli, OPT_BOOT) && (cli->only || cli_has(cli, OPT_ATOMIC)))
		return cli_usage(cli, "vfioadm-apply.service gives --boot alone", "--boot cannot be given with --%s",
				 cli->only ? "only" : "atomic");
	r = vfioadm_status(cli->ctx, &all.all, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	status = check_names(&all);
	if (!status && tasks_make(cli, all.all, &tasks) < 0)
		status = cli_oom(cli);
	else if (!status) {
		status = run_all(&all, &tasks);
		conclude(cli, &all);
	}
	for (size_t i = 0; i < all.n; i++) {
		vfioadm_plan_free(all.items[i].plan);
		vfioadm_error_free(all.items[i].error);
	}
	free(all.items);
	tasks_clear(&tasks);
	vfioadm_status_free(all.all);
	return status;
}

int verb_plan(struct cli *cli)
{
	return apply(cli, true);
}

int verb_apply(struct cli *cli)
{
	return apply(cli, cli_has(cli, OPT_DRY_RUN));
}
