/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan and apply: one transaction per declaration, so that one bad card costs the others nothing. */
#include <errno.h>
#include <string.h>

#include "change.h"
#include "json.h"

/* What became of one transaction. */
struct run {
	const char *name; /* NULL: all of them in one */
	struct vfioadm_plan *plan;
	struct vfioadm_error *error;
	int r, status;
};

struct runs {
	struct cli *cli;
	struct vfioadm_status *all;
	bool dry;
	struct run *items;
	size_t n;
	int status;
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

static bool is_about(const struct vfioadm_declared *item, const char *address)
{
	for (size_t i = 0; i < item->n_devices; i++)
		if (strcmp(item->devices[i], address) == 0)
			return true;
	return false;
}

static bool is_named(const struct cli *cli, const struct vfioadm_declared *item)
{
	for (size_t i = 0; i < cli->n_operands; i++)
		if (strcmp(cli->operands[i], item->name) == 0)
			return true;
	return !cli->n_operands;
}

/* What is not there at boot may be found later, and then the claim unit comes for it. */
static bool is_wanted(const struct cli *cli, const struct vfioadm_declared *item)
{
	if (!is_named(cli, item) || (cli->only && !is_about(item, cli->only)))
		return false;
	return !(cli_has(cli, OPT_BOOT) && item->state == VFIOADM_DECLARED_MISSING);
}

static int check_names(struct runs *all)
{
	struct cli *cli = all->cli;

	for (size_t i = 0; i < cli->n_operands; i++) {
		bool found = false;

		for (size_t k = 0; k < vfioadm_status_n(all->all); k++)
			found |= strcmp(vfioadm_status_item(all->all, k)->name, cli->operands[i]) == 0;
		if (!found)
			return cli_usage(cli, "vfioadm status lists the declarations",
					 "there is no declaration '%s'", cli->operands[i]);
	}
	return 0;
}

/* A transaction; false: nothing more is to be done for these names. */
static bool run_once(struct runs *all, const char *const *names, size_t n)
{
	struct run *run = &all->items[all->n++];
	struct vfioadm_options options = change_options(all->cli);

	options.dry_run |= all->dry;
	run->name = n == 1 ? names[0] : NULL;
	run->r = vfioadm_plan_apply(all->cli->ctx, names, n, &options, &run->plan, &run->error);
	if (run->r < 0) {
		run->status = cli_error_status(run->error, run->r);
		cli_sayf(all->cli, vfioadm_error_hint(run->error), "%s%s%s", run->name ? run->name : "",
			 run->name ? ": " : "",
			 run->error ? vfioadm_error_message(run->error) : strerror(-run->r));
	} else {
		bool planned = vfioadm_plan_result(run->plan) == VFIOADM_RESULT_PLANNED;

		if (run->name && !all->cli->json && !all->cli->quiet &&
		    vfioadm_plan_result(run->plan) != VFIOADM_RESULT_UNCHANGED)
			fprintf(all->cli->out, "%s:\n", run->name);
		run->r = change_perform(all->cli, run->plan, all->dry, &run->error, &run->status);
		if (run->r < 0 && vfioadm_plan_result(run->plan) == VFIOADM_RESULT_PLANNED)
			cli_say(all->cli, run->error ? vfioadm_error_message(run->error) : strerror(-run->r),
				vfioadm_error_hint(run->error));
		else if (!all->cli->json && planned)
			change_conclude(all->cli, run->plan, !all->dry);
	}
	all->status = worse(all->status, run->status);
	return run->r == 0 && vfioadm_plan_result(run->plan) == VFIOADM_RESULT_DONE;
}

/* Virtual functions can be assigned only once they are there: then there is a second transaction. */
static void run_names(struct runs *all, const char *const *names, size_t n)
{
	if (run_once(all, names, n))
		(void)run_once(all, names, n);
}

static int run_all(struct runs *all)
{
	size_t n = vfioadm_status_n(all->all), n_names = 0;
	const char **names = calloc(n + 1, sizeof(*names));

	all->items = calloc(2 * (n + 1), sizeof(*all->items));
	if (!names || !all->items) {
		free(names);
		return cli_oom(all->cli);
	}
	for (size_t i = 0; i < n; i++)
		if (is_wanted(all->cli, vfioadm_status_item(all->all, i)))
			names[n_names++] = vfioadm_status_item(all->all, i)->name;
	if (cli_has(all->cli, OPT_ATOMIC) && n_names)
		run_names(all, names, n_names);
	for (size_t i = 0; !cli_has(all->cli, OPT_ATOMIC) && i < n_names; i++)
		run_names(all, &names[i], 1);
	free(names);
	return all->status;
}

/* ---- telling of it ----------------------------------------------------------------------------- */

static enum vfioadm_result overall(const struct runs *all)
{
	static const enum vfioadm_result order[] = { VFIOADM_RESULT_UNSETTLED, VFIOADM_RESULT_UNDONE,
						     VFIOADM_RESULT_REFUSED, VFIOADM_RESULT_PLANNED,
						     VFIOADM_RESULT_DONE };

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < all->n; i++)
			if (all->items[i].plan && vfioadm_plan_result(all->items[i].plan) == order[k])
				return order[k];
	return VFIOADM_RESULT_UNCHANGED;
}

static void run_json(struct json *j, const struct run *run)
{
	json_object(j, NULL, true);
	json_string(j, "name", run->name);
	if (run->plan) {
		json_string(j, "result", vfioadm_result_name(vfioadm_plan_result(run->plan)));
		change_json_members(j, run->plan);
	}
	if (run->r < 0)
		cli_error_json(j, run->error, run->r);
	json_object_end(j);
}

static void apply_json(struct cli *cli, const struct runs *all)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_string(&j, "result", vfioadm_result_name(overall(all)));
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
	json_object_end(&j);
	json_end(&j);
}

static void conclude(struct cli *cli, const struct runs *all)
{
	if (cli->json)
		apply_json(cli, all);
	else if (!cli->quiet && all->status == VFIOADM_EXIT_DONE && overall(all) == VFIOADM_RESULT_UNCHANGED)
		fprintf(cli->out, "nothing to do\n");
}

static int apply(struct cli *cli, bool dry)
{
	struct runs all = { .cli = cli, .dry = dry };
	struct vfioadm_error *error = NULL;
	int status, r;

	if (cli->bare_force)
		return cli_usage(cli, "vfioadm plan says which findings there are",
				 "--force needs the codes of the findings to override: --force CODE[,CODE...]");
	r = vfioadm_status(cli->ctx, &all.all, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	status = check_names(&all);
	if (!status) {
		status = run_all(&all);
		conclude(cli, &all);
	}
	for (size_t i = 0; i < all.n; i++) {
		vfioadm_plan_free(all.items[i].plan);
		vfioadm_error_free(all.items[i].error);
	}
	free(all.items);
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
