/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: proposals for what other tools keep over reboots. */
#include <errno.h>
#include <string.h>

#include "change.h"
#include "json.h"

/* ---- text -------------------------------------------------------------------------------------- */

/* Lines of a file stay lines; whatever else a terminal might obey does not get there. */
static void add_lines(struct text *t, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, n);

		if (!line) {
			t->failed = true;
			return;
		}
		text_add_escaped(t, line);
		text_addf(t, "\n");
		text += n + (text[n] == '\n');
	}
}

static void add_sentence(struct text *t, const char *lead, const char *source, const char *sentence)
{
	text_addf(t, "%s", lead);
	text_add_escaped(t, source);
	text_addf(t, ": ");
	text_add_escaped(t, sentence);
	text_addf(t, "\n");
}

/* One parameter can have many card types, and one thing to do about it. */
static bool said_before(const struct vfioadm_plan *plan, size_t i)
{
	const char *hint = vfioadm_plan_proposal(plan, i)->hint;

	for (size_t k = 0; k < i; k++) {
		const struct vfioadm_proposal *p = vfioadm_plan_proposal(plan, k);

		if (p->hint && strcmp(p->hint, hint) == 0)
			return true;
	}
	return false;
}

/* The files as they would be written, each under its name. */
static void add_proposals(struct text *t, const struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < vfioadm_plan_n_proposals(plan); i++) {
		const struct vfioadm_proposal *p = vfioadm_plan_proposal(plan, i);

		text_addf(t, "# /etc/vfioadm.d/");
		text_add_escaped(t, p->name);
		text_addf(t, ".conf\n");
		add_lines(t, p->text);
		text_addf(t, "\n");
	}
}

/* mark: before each line, so that all that is printed beside files is a comment. */
static void add_rest(struct text *t, const struct vfioadm_plan *plan, const char *mark)
{
	_cleanup_text_ struct text lead = {};

	text_addf(&lead, "%snot imported: ", mark);
	for (size_t i = 0; !lead.failed && i < vfioadm_plan_n_skipped(plan); i++) {
		const struct vfioadm_skipped *skipped = vfioadm_plan_skipped(plan, i);

		add_sentence(t, lead.s, skipped->source, skipped->reason);
	}
	text_clear(&lead);
	text_addf(&lead, "%sso that two tools do not bind it: ", mark);
	for (size_t i = 0; !lead.failed && i < vfioadm_plan_n_proposals(plan); i++) {
		const struct vfioadm_proposal *p = vfioadm_plan_proposal(plan, i);

		if (p->hint && !said_before(plan, i))
			add_sentence(t, lead.s, p->source, p->hint);
	}
	t->failed = t->failed || lead.failed;
}

static int print(struct cli *cli, const struct text *t)
{
	if (t->failed)
		return cli_oom(cli);
	fprintf(cli->out, "%s", t->s ? t->s : "");
	return 0;
}

static int print_proposals(struct cli *cli, const struct vfioadm_plan *plan)
{
	_cleanup_text_ struct text t = {};

	add_proposals(&t, plan);
	add_rest(&t, plan, "# ");
	if (!vfioadm_plan_n_proposals(plan))
		text_addf(&t, "nothing to import\n");
	return print(cli, &t);
}

static int print_done(struct cli *cli, const struct vfioadm_plan *plan)
{
	_cleanup_text_ struct text t = {};
	enum vfioadm_result result = vfioadm_plan_result(plan);

	/* What was not written is nothing that two would do. */
	if (result == VFIOADM_RESULT_DONE || result == VFIOADM_RESULT_UNCHANGED)
		add_rest(&t, plan, "");
	if (result == VFIOADM_RESULT_UNCHANGED)
		text_addf(&t, "nothing to import\n");
	return print(cli, &t);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void proposals_json(struct json *j, const struct vfioadm_plan *plan)
{
	json_array(j, "proposals", true);
	for (size_t i = 0; i < vfioadm_plan_n_proposals(plan); i++) {
		const struct vfioadm_proposal *p = vfioadm_plan_proposal(plan, i);

		json_object(j, NULL, true);
		json_string(j, "name", p->name);
		json_string(j, "source", p->source);
		json_string(j, "text", p->text);
		json_string(j, "device", p->device);
		json_string(j, "hint", p->hint);
		json_object_end(j);
	}
	json_array_end(j);
	json_array(j, "skipped", true);
	for (size_t i = 0; i < vfioadm_plan_n_skipped(plan); i++) {
		json_object(j, NULL, false);
		json_string(j, "source", vfioadm_plan_skipped(plan, i)->source);
		json_string(j, "reason", vfioadm_plan_skipped(plan, i)->reason);
		json_object_end(j);
	}
	json_array_end(j);
}

static void import_json(struct cli *cli, const struct vfioadm_plan *plan, const struct vfioadm_error *error, int r)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_string(&j, "result", vfioadm_result_name(vfioadm_plan_result(plan)));
	change_json_members(&j, plan);
	proposals_json(&j, plan);
	if (r < 0)
		cli_error_json(&j, error, r);
	json_object_end(&j);
	json_end(&j);
}

/* ---- the verb ---------------------------------------------------------------------------------- */

static int carry_out(struct cli *cli, struct vfioadm_plan *plan, bool dry)
{
	bool talk = !cli->json && !cli->quiet;
	struct vfioadm_error *error = NULL;
	int r, status, printed = 0;

	if (talk && dry)
		printed = print_proposals(cli, plan);
	if (printed)
		return printed;
	r = change_perform(cli, plan, dry, &error, &status);
	if (r < 0 && vfioadm_plan_result(plan) == VFIOADM_RESULT_PLANNED)
		return cli_error(cli, error, r);
	if (cli->json)
		import_json(cli, plan, error, r);
	else if (talk && !dry)
		printed = print_done(cli, plan);
	vfioadm_error_free(error);
	return status ? status : printed;
}

int verb_import(struct cli *cli)
{
	struct vfioadm_options options = change_options(cli);
	bool dry = options.dry_run || !options.persist;
	struct vfioadm_error *error = NULL;
	struct vfioadm_plan *plan = NULL;
	int status, r = vfioadm_plan_import(cli->ctx, &options, &plan, &error);

	if (r < 0)
		return cli_error(cli, error, r);
	status = carry_out(cli, plan, dry);
	vfioadm_plan_free(plan);
	return status;
}
