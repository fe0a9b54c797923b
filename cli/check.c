/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: may these functions be moved, and what speaks against it? */
#include <string.h>

#include "change.h"
#include "list.h"

static bool stands(const struct vfioadm_finding *finding)
{
	return finding->severity != VFIOADM_WARNS;
}

static bool in_list(const struct vfioadm_list *list, const char *s)
{
	for (size_t i = 0; list->state == VFIOADM_KNOWN && i < list->n; i++) {
		if (strcmp(list->items[i], s) == 0)
			return true;
	}
	return false;
}

static bool is_function(const struct vfioadm_checkup *checkup, const char *address)
{
	for (size_t i = 0; i < vfioadm_checkup_n_functions(checkup); i++) {
		if (strcmp(vfioadm_checkup_function(checkup, i)->address, address) == 0)
			return true;
	}
	return false;
}

/* f NULL: about none. What is about a companion that was not asked for belongs to all that need it. */
static bool belongs_to(const struct vfioadm_checkup *checkup, const struct vfioadm_finding *finding,
		       const struct vfioadm_function *f)
{
	if (!finding->device || !f)
		return !finding->device && !f;
	if (strcmp(finding->device, f->address) == 0)
		return true;
	return !is_function(checkup, finding->device) && in_list(&f->companions, finding->device);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void findings_json(struct json *j, const struct vfioadm_checkup *checkup,
			  const struct vfioadm_function *f)
{
	json_array(j, "findings", true);
	for (size_t i = 0; i < vfioadm_checkup_n_findings(checkup); i++) {
		const struct vfioadm_finding *finding = vfioadm_checkup_finding(checkup, i);

		if (!belongs_to(checkup, finding, f))
			continue;
		json_object(j, NULL, false);
		fields_json(j, &finding_fields, FIELD_ALWAYS, 0, finding);
		json_object_end(j);
	}
	json_array_end(j);
}

static void check_json(struct cli *cli, const struct vfioadm_checkup *checkup)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_bool(&j, "complete", vfioadm_checkup_complete(checkup));
	json_array(&j, "functions", true);
	for (size_t i = 0; i < vfioadm_checkup_n_functions(checkup); i++) {
		const struct vfioadm_function *f = vfioadm_checkup_function(checkup, i);

		json_object(&j, NULL, true);
		json_string(&j, "address", f->address);
		if (f->verdict != VFIOADM_VERDICT_UNKNOWN)
			json_string(&j, "verdict", vfioadm_verdict_name(f->verdict));
		findings_json(&j, checkup, f);
		if (f->verdict == VFIOADM_VERDICT_UNKNOWN) {
			json_array(&j, "unknown", false);
			json_string(&j, NULL, "verdict");
			json_array_end(&j);
		}
		json_object_end(&j);
	}
	json_array_end(&j);
	/* About no single function: what a selector was followed to. */
	findings_json(&j, checkup, NULL);
	json_object_end(&j);
	json_end(&j);
}

/* ---- text -------------------------------------------------------------------------------------- */

static const struct {
	enum vfioadm_severity severity;
	const char *word;
	enum cli_color color;
} severities[] = {
	{VFIOADM_BLOCKS, "blocks", COLOR_BAD},
	{VFIOADM_REFUSES, "refuses", COLOR_BAD},
	{VFIOADM_WARNS, "warns", COLOR_WARN},
};

static void print_finding(struct cli *cli, const struct vfioadm_finding *finding, const char *word,
			  enum cli_color color)
{
	_cleanup_text_ struct text t = {}, hint = {};

	text_add_escaped(&t, finding->message);
	if (finding->hint)
		text_add_escaped(&hint, finding->hint);
	fprintf(cli->out, "  %s%s%s: %s [%s]\n", cli_color(cli, color), word,
		cli_color_end(cli, color), t.failed || !t.s ? "?" : t.s, finding->code);
	if (hint.len && !hint.failed)
		fprintf(cli->out, "    hint: %s\n", hint.s);
}

static void print_findings(struct cli *cli, const struct vfioadm_checkup *checkup,
			   const struct vfioadm_function *f)
{
	for (size_t s = 0; s < ARRAY_SIZE(severities); s++) {
		if (cli->quiet && severities[s].severity == VFIOADM_WARNS)
			continue;
		for (size_t i = 0; i < vfioadm_checkup_n_findings(checkup); i++) {
			const struct vfioadm_finding *finding = vfioadm_checkup_finding(checkup, i);

			if (finding->severity == severities[s].severity &&
			    belongs_to(checkup, finding, f))
				print_finding(cli, finding, severities[s].word,
					      severities[s].color);
		}
	}
}

static size_t count(const struct vfioadm_checkup *checkup, const struct vfioadm_function *f,
		    bool standing)
{
	size_t n = 0;

	for (size_t i = 0; i < vfioadm_checkup_n_findings(checkup); i++) {
		const struct vfioadm_finding *finding = vfioadm_checkup_finding(checkup, i);

		n += belongs_to(checkup, finding, f) && stands(finding) == standing;
	}
	return n;
}

/* Assigned, and no guest could open it: then the findings are not about giving it back. */
static bool is_no_use(const struct vfioadm_checkup *checkup, const struct vfioadm_function *f)
{
	for (size_t i = 0; f->verdict == VFIOADM_VERDICT_ASSIGNED && f->verdict_reason &&
			   i < vfioadm_checkup_n_findings(checkup); i++) {
		const struct vfioadm_finding *finding = vfioadm_checkup_finding(checkup, i);

		if (stands(finding) && strcmp(finding->message, f->verdict_reason) == 0)
			return true;
	}
	return false;
}

static void print_function(struct cli *cli, const struct vfioadm_checkup *checkup,
			   const struct vfioadm_function *f)
{
	const char *move = f->verdict == VFIOADM_VERDICT_ASSIGNED ? "released" : "assigned";
	size_t against = count(checkup, f, true), warnings = count(checkup, f, false);
	enum cli_color color = against ? COLOR_BAD : COLOR_GOOD;

	if (cli->quiet && !against)
		return;
	if (is_no_use(checkup, f))
		fprintf(cli->out, "%s: %s, %sbut no guest can open it%s:\n", f->address,
			vfioadm_verdict_name(f->verdict), cli_color(cli, color), cli_color_end(cli, color));
	else
		fprintf(cli->out, "%s: %s, %s%s be %s%s%s\n", f->address, vfioadm_verdict_name(f->verdict),
			cli_color(cli, color), against ? "cannot" : "can", move, cli_color_end(cli, color),
			against	   ? ":"
			: warnings ? ", but:"
				   : "");
	print_findings(cli, checkup, f);
}

/* The codes of what could be overridden; false where something stands that cannot. */
static bool codes_to_force(const struct vfioadm_checkup *checkup, struct text *codes)
{
	bool all = true;

	for (size_t i = 0; i < vfioadm_checkup_n_findings(checkup); i++) {
		const struct vfioadm_finding *f = vfioadm_checkup_finding(checkup, i);
		bool twice = false;

		if (!stands(f))
			continue;
		all = all && f->forceable;
		for (size_t k = 0; k < i; k++) {
			const struct vfioadm_finding *other = vfioadm_checkup_finding(checkup, k);

			twice = twice || (stands(other) && strcmp(other->code, f->code) == 0);
		}
		if (f->forceable && !twice)
			text_addf(codes, "%s%s", codes->len ? "," : "", f->code);
	}
	return all && codes->len && !codes->failed;
}

static void check_text(struct cli *cli, const struct vfioadm_checkup *checkup)
{
	_cleanup_text_ struct text codes = {};

	print_findings(cli, checkup, NULL);
	for (size_t i = 0; i < vfioadm_checkup_n_functions(checkup); i++)
		print_function(cli, checkup, vfioadm_checkup_function(checkup, i));
	if (codes_to_force(checkup, &codes))
		fprintf(cli->out, "refused; --force %s overrides\n", codes.s);
	else if (vfioadm_checkup_refused(checkup))
		fprintf(cli->out, "refused\n");
}

/* ---- the verb ---------------------------------------------------------------------------------- */

/* --force without codes is a mistake; what they could be is told. */
static int explain_force(struct cli *cli, const struct vfioadm_checkup *checkup)
{
	_cleanup_text_ struct text codes = {}, hint = {};

	if (checkup)
		codes_to_force(checkup, &codes);
	if (codes.len)
		text_addf(&hint, "what can be overridden here: --force %s", codes.s);
	else if (checkup)
		text_addf(&hint, "there is nothing to override here");
	return cli_usage(cli, hint.len && !hint.failed ? hint.s : NULL,
			 "--force needs the codes of the findings to override: --force "
			 "CODE[,CODE...]");
}

int verb_check(struct cli *cli)
{
	const struct vfioadm_options options = {
		.size = sizeof(options),
		.all_matching = cli_has(cli, OPT_ALL_MATCHING),
		.group = cli_has(cli, OPT_GROUP),
		.force = cli->force,
		.n_force = cli->n_force,
	};
	struct vfioadm_checkup *checkup = NULL;
	struct vfioadm_error *error = NULL;
	int r, status;

	r = vfioadm_check(cli->ctx, cli->operands, cli->n_operands, &options, &checkup, &error);
	if (cli->bare_force) {
		status = explain_force(cli, checkup);
		vfioadm_error_free(error);
		vfioadm_checkup_free(checkup);
		return status;
	}
	if (r < 0)
		return cli_error(cli, error, r);
	if (cli->json)
		check_json(cli, checkup);
	else
		check_text(cli, checkup);
	status = vfioadm_checkup_refused(checkup) ? VFIOADM_EXIT_REFUSED : VFIOADM_EXIT_DONE;
	vfioadm_checkup_free(checkup);
	return status;
}
