/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "change.h"
#include "field.h"

/* ---- findings ---------------------------------------------------------------------------------- */

void change_say_finding(struct cli *cli, const struct vfioadm_finding *f)
{
	bool warning = f->severity == VFIOADM_WARNS;

	/* --quiet leaves what stopped the change. */
	if (warning && (cli->quiet || cli->json))
		return; /* a program finds it in the object */
	cli_sayf(cli, f->hint, "%s%s", warning ? "warning: " : "", f->message);
}

static bool stops(const struct vfioadm_finding *f)
{
	return f->severity != VFIOADM_WARNS;
}

/* The codes to name if one wanted it all the same; empty when one of them cannot be overridden. */
static void refusal(struct cli *cli, const struct vfioadm_plan *plan)
{
	const char *about = cli->about ? cli->about : "", *of_it = cli->about ? " of it" : "";
	const char *colon = cli->about ? ": " : "";
	_cleanup_text_ struct text codes = {};
	bool forceable = true;

	for (size_t i = 0; i < vfioadm_plan_n_findings(plan); i++) {
		const struct vfioadm_finding *f = vfioadm_plan_finding(plan, i);
		bool twice = false;

		for (size_t k = 0; k < i; k++)
			twice = twice ||
				(stops(vfioadm_plan_finding(plan, k)) &&
				 strcmp(vfioadm_plan_finding(plan, k)->code, f->code) == 0);
		if (!stops(f))
			continue;
		forceable = forceable && f->forceable;
		if (twice)
			continue;
		text_addf(&codes, "%s%s", codes.len ? "," : "", f->code);
	}
	if (codes.len && forceable && !codes.failed)
		cli_sayf(cli, NULL, "%s%srefused, nothing%s was changed; --force %s overrides", about, colon,
			 of_it, codes.s);
	else
		cli_sayf(cli, NULL, "%s%srefused, nothing%s was changed", about, colon, of_it);
}

/* ---- steps ------------------------------------------------------------------------------------- */

void change_print_step(struct cli *cli, const struct vfioadm_step *step, const char *before,
		       const char *after)
{
	_cleanup_text_ struct text t = {};

	text_add_escaped(&t, step->text ? step->text : step->action);
	if (cli->verbose && step->path) {
		text_add(&t, " (", 2);
		if (step->value) {
			text_add(&t, "\"", 1);
			text_add_escaped(&t, step->value);
			text_add(&t, "\" to ", 5);
		}
		text_add_escaped(&t, step->path);
		text_add(&t, ")", 1);
	}
	fprintf(cli->out, "%s%s%s", before, t.failed ? step->action : t.s, after);
}

void change_print_state(struct cli *cli, const struct vfioadm_step *step)
{
	enum cli_color color = COLOR_BAD;

	if (step->state == VFIOADM_STEP_DONE || step->state == VFIOADM_STEP_UNDONE)
		color = COLOR_NONE;
	fprintf(cli->out, " %s%s%s", cli_color(cli, color), vfioadm_step_state_name(step->state),
		cli_color_end(cli, color));
	/* A step that failed and was taken back keeps its errno, which has been said by then. */
	if (step->error && step->state != VFIOADM_STEP_UNDONE)
		fprintf(cli->out, ": %s", step->error == EREMOTEIO ? "its tool failed" : strerror(step->error));
	fputc('\n', cli->out);
}

/* ---- functions --------------------------------------------------------------------------------- */

static const char *driver_name(const char *driver)
{
	return driver ? driver : "no driver";
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void print_outcome(struct cli *cli, const struct vfioadm_outcome *o, const char *to,
			  const char *word, enum cli_color color)
{
	_cleanup_text_ struct text t = {};

	text_add_escaped(&t, o->device ? o->device : "?");
	text_addf(&t, ": ");
	text_add_escaped(&t, driver_name(o->before));
	if (!same(o->before, to)) {
		text_addf(&t, " -> ");
		text_add_escaped(&t, driver_name(to));
	}
	if (word)
		text_addf(&t, " (%s%s%s)", cli_color(cli, color), word, cli_color_end(cli, color));
	if (o->note) {
		text_addf(&t, ", ");
		text_add_escaped(&t, o->note);
	}
	if (!t.failed)
		fprintf(cli->out, "%s\n", t.s);
}

/* Where the kernel is to choose, no driver is named. */
static bool is_probed(const struct vfioadm_plan *plan, const char *device)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(plan); i++) {
		const struct vfioadm_step *step = vfioadm_plan_step(plan, i);

		if (step->device && device && strcmp(step->device, device) == 0 &&
		    strcmp(step->action, "probe") == 0)
			return true;
	}
	return false;
}

static void print_planned(struct cli *cli, const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < vfioadm_plan_n_outcomes(plan); i++) {
		const struct vfioadm_outcome *o = vfioadm_plan_outcome(plan, i);
		const char *to = o->taken ? o->wanted : o->before;

		if (o->taken && !to && is_probed(plan, o->device))
			to = "a native driver";
		print_outcome(cli, o, to, o->taken ? "planned" : NULL, COLOR_NONE);
	}
}

static void print_found(struct cli *cli, const struct vfioadm_plan *plan)
{
	bool done = vfioadm_plan_result(plan) == VFIOADM_RESULT_DONE;
	bool undone = vfioadm_plan_result(plan) == VFIOADM_RESULT_UNDONE;

	for (size_t i = 0; i < vfioadm_plan_n_outcomes(plan); i++) {
		const struct vfioadm_outcome *o = vfioadm_plan_outcome(plan, i);

		if (!o->taken)
			print_outcome(cli, o, o->after ? o->after : o->before, NULL, COLOR_NONE);
		else if (done)
			print_outcome(cli, o, o->after, "done, verified", COLOR_GOOD);
		else if (same(o->after, o->before))
			print_outcome(cli, o, o->after, "as before", COLOR_WARN);
		else
			/* Undone, and yet another driver: that was somebody else, as the error says. */
			print_outcome(cli, o, o->after, undone ? "moved by somebody else" : "not settled",
				      COLOR_BAD);
	}
}

/* ---- before and after -------------------------------------------------------------------------- */

void change_announce(struct cli *cli, const struct vfioadm_plan *plan, bool dry)
{
	bool refused;

	refused = vfioadm_plan_result(plan) == VFIOADM_RESULT_REFUSED;
	for (size_t i = 0; i < vfioadm_plan_n_findings(plan); i++)
		change_say_finding(cli, vfioadm_plan_finding(plan, i));
	if (refused) {
		refusal(cli, plan);
		return;
	}
	if (cli->quiet || cli->json || vfioadm_plan_result(plan) != VFIOADM_RESULT_PLANNED)
		return;
	/* A card type may reach functions that nobody named: they are told first. */
	if (dry || cli->verb->run == verb_enable)
		print_planned(cli, plan);
	for (size_t i = 0; dry && i < vfioadm_plan_n_steps(plan); i++)
		change_print_step(cli, vfioadm_plan_step(plan, i), "  would: ", "\n");
}

void change_conclude(struct cli *cli, const struct vfioadm_plan *plan, bool run)
{
	if (cli->quiet)
		return;
	if (run)
		print_found(cli, plan);
	if (vfioadm_plan_result(plan) != VFIOADM_RESULT_UNCHANGED)
		return;
	for (size_t i = 0; !run && i < vfioadm_plan_n_outcomes(plan); i++) {
		const struct vfioadm_outcome *o = vfioadm_plan_outcome(plan, i);

		print_outcome(cli, o, o->before, "unchanged", COLOR_NONE);
	}
	fprintf(cli->out, "nothing to do\n");
}

/* ---- JSON -------------------------------------------------------------------------------------- */

void change_json_steps(struct json *j, const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(plan); i++) {
		json_object(j, NULL, false);
		fields_json(j, &step_fields, FIELD_ALWAYS, 0, vfioadm_plan_step(plan, i));
		json_object_end(j);
	}
}

void change_json_members(struct json *j, const struct vfioadm_plan *plan)
{
	json_array(j, "functions", true);
	for (size_t i = 0; i < vfioadm_plan_n_outcomes(plan); i++) {
		json_object(j, NULL, false);
		fields_json(j, &outcome_fields, FIELD_ALWAYS, 0, vfioadm_plan_outcome(plan, i));
		json_object_end(j);
	}
	json_array_end(j);
	json_array(j, "findings", true);
	for (size_t i = 0; i < vfioadm_plan_n_findings(plan); i++) {
		json_object(j, NULL, false);
		fields_json(j, &finding_fields, FIELD_ALWAYS, 0, vfioadm_plan_finding(plan, i));
		json_object_end(j);
	}
	json_array_end(j);
	json_array(j, "steps", true);
	change_json_steps(j, plan);
	json_array_end(j);
}

void change_json(struct cli *cli, const struct vfioadm_plan *plan,
		 const struct vfioadm_error *error, int r)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_string(&j, "result", vfioadm_result_name(vfioadm_plan_result(plan)));
	change_json_members(&j, plan);
	if (r < 0)
		cli_error_json(&j, error, r);
	json_object_end(&j);
	json_end(&j);
}
