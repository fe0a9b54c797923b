/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "change.h"
#include "field.h"

typedef int plan_fn(struct vfioadm_ctx *ctx, const char *const *operands, size_t n,
		    const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
		    struct vfioadm_error **ret_error);

struct vfioadm_options change_options(const struct cli *cli)
{
	return (struct vfioadm_options){
		.size = sizeof(struct vfioadm_options),
		/* Who asks what could be overridden changes nothing either. */
		.dry_run = cli_has(cli, OPT_DRY_RUN) || cli->bare_force,
		.all_matching = cli_has(cli, OPT_ALL_MATCHING),
		.group = cli_has(cli, OPT_GROUP),
		.driver = cli->driver,
		.park = cli_has(cli, OPT_PARK),
		.force = cli->force,
		.n_force = cli->n_force,
		.persist = cli_has(cli, OPT_PERSIST),
		.modprobe = cli_has(cli, OPT_MODPROBE),
	};
}

/* ---- --force without a code -------------------------------------------------------------------- */

static void add_forceable(struct text *codes, const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < vfioadm_plan_n_findings(plan); i++) {
		const struct vfioadm_finding *f = vfioadm_plan_finding(plan, i);
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice = twice || strcmp(vfioadm_plan_finding(plan, k)->code, f->code) == 0;
		if (f->severity == VFIOADM_REFUSES && f->forceable && !twice)
			text_addf(codes, "%s%s", codes->len ? "," : "", f->code);
	}
}

static int explain_force(struct cli *cli, plan_fn *make)
{
	struct vfioadm_options options = change_options(cli);
	_cleanup_text_ struct text codes = {}, hint = {};
	struct vfioadm_error *error = NULL;
	struct vfioadm_plan *plan = NULL;

	if (make(cli->ctx, cli->operands, cli->n_operands, &options, &plan, &error) >= 0)
		add_forceable(&codes, plan);
	if (codes.len)
		text_addf(&hint, "what can be overridden here: --force %s", codes.s);
	else if (plan)
		text_addf(&hint, "there is nothing to override here");
	for (size_t i = 0; plan && i < vfioadm_plan_n_findings(plan); i++)
		change_say_finding(cli, vfioadm_plan_finding(plan, i));
	vfioadm_plan_free(plan);
	vfioadm_error_free(error);
	return cli_usage(
		cli, hint.len && !hint.failed ? hint.s : NULL,
		"--force needs the codes of the findings to override: --force CODE[,CODE...]");
}

/* ---- the steps while they happen --------------------------------------------------------------- */

struct progress {
	struct cli *cli;
	const struct vfioadm_step *open; /* its line has begun */
};

static void on_progress(const struct vfioadm_step *step, void *userdata)
{
	struct progress *p = userdata;

	if (step->state == VFIOADM_STEP_RUNNING) {
		if (p->open)
			fputc('\n', p->cli->out);
		change_print_step(p->cli, step, "  ", " ...");
		p->open = step;
	} else if (p->open == step) {
		change_print_state(p->cli, step);
		p->open = NULL;
	} else {
		if (p->open)
			fputc('\n', p->cli->out);
		p->open = NULL;
		change_print_step(p->cli, step, "  ", " ...");
		change_print_state(p->cli, step);
	}
	/* The next write may take half a minute: who waits for it shall see what it is. */
	fflush(p->cli->out);
}

static int run_plan(struct cli *cli, struct vfioadm_plan *plan, struct vfioadm_error **ret_error)
{
	struct progress progress = {.cli = cli};
	bool show = !cli->json && !cli->quiet;
	int r;

	fflush(cli->out);
	if (show)
		vfioadm_ctx_set_progress(cli->ctx, on_progress, &progress);
	signals_arm(cli->ctx);
	r = vfioadm_plan_run(cli->ctx, plan, ret_error);
	signals_disarm();
	vfioadm_ctx_set_progress(cli->ctx, NULL, NULL);
	if (progress.open)
		fputc('\n', cli->out);
	return r;
}

/* ---- one change -------------------------------------------------------------------------------- */

static int status_of(const struct vfioadm_plan *plan, const struct vfioadm_error *error, int r)
{
	switch (vfioadm_plan_result(plan)) {
	case VFIOADM_RESULT_REFUSED:
		return VFIOADM_EXIT_REFUSED;
	case VFIOADM_RESULT_UNSETTLED:
		return VFIOADM_EXIT_UNSETTLED;
	default:
		return r < 0 ? cli_error_status(error, r) : VFIOADM_EXIT_DONE;
	}
}

int change_perform(struct cli *cli, struct vfioadm_plan *plan, bool dry, struct vfioadm_error **ret_error,
		   int *ret_status)
{
	bool run = vfioadm_plan_result(plan) == VFIOADM_RESULT_PLANNED && !dry;
	struct vfioadm_error *error = NULL;
	int r = 0;

	change_announce(cli, plan, dry);
	if (run)
		r = run_plan(cli, plan, &error);
	*ret_status = status_of(plan, error, r);
	/* It did not even begin (the lock, the store): there is nothing to say about any function. */
	if (r < 0 && (vfioadm_plan_result(plan) != VFIOADM_RESULT_PLANNED))
		cli_sayf(cli, vfioadm_error_hint(error), "%s%s%s", cli->about ? cli->about : "", cli->about ? ": " : "",
			 error ? vfioadm_error_message(error) : strerror(-r));
	*ret_error = error;
	return r;
}

static int carry_out(struct cli *cli, struct vfioadm_plan *plan)
{
	bool dry = cli_has(cli, OPT_DRY_RUN);
	bool run = vfioadm_plan_result(plan) == VFIOADM_RESULT_PLANNED && !dry;
	struct vfioadm_error *error = NULL;
	int status, r = change_perform(cli, plan, dry, &error, &status);

	if (r < 0 && vfioadm_plan_result(plan) == VFIOADM_RESULT_PLANNED)
		return cli_error(cli, error, r);
	if (cli->json)
		change_json(cli, plan, error, r);
	else
		change_conclude(cli, plan, run);
	vfioadm_error_free(error);
	return status;
}

static int change(struct cli *cli, plan_fn *make)
{
	struct vfioadm_options options = change_options(cli);
	struct vfioadm_error *error = NULL;
	struct vfioadm_plan *plan = NULL;
	int r, status;

	if (cli->bare_force)
		return explain_force(cli, make);
	r = make(cli->ctx, cli->operands, cli->n_operands, &options, &plan, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	status = carry_out(cli, plan);
	vfioadm_plan_free(plan);
	return status;
}

int verb_assign(struct cli *cli)
{
	return change(cli, vfioadm_plan_assign);
}

int verb_release(struct cli *cli)
{
	return change(cli, vfioadm_plan_release);
}

int verb_enable(struct cli *cli)
{
	if (cli_has(cli, OPT_MODPROBE) && !cli_has(cli, OPT_PERSIST))
		return cli_usage(cli, "the file holds declared card types: enable --persist --modprobe ID...",
				 "--modprobe needs --persist");
	return change(cli, vfioadm_plan_enable);
}

int verb_disable(struct cli *cli)
{
	return change(cli, vfioadm_plan_disable);
}
