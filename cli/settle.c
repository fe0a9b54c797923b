/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vfioadm.h>

#include "cli.h"
#include "json.h"
#include "util.h"
#include "vanished.h"

static bool is_left(const struct vfioadm_settled *run)
{
	return run->as == VFIOADM_SETTLED_PENDING || run->as == VFIOADM_SETTLED_FAILED;
}

static bool any_left(const struct vfioadm_settlement *settlement)
{
	for (size_t i = 0; i < vfioadm_settlement_n(settlement); i++)
		if (is_left(vfioadm_settlement_run(settlement, i)))
			return true;
	return false;
}

static const char *result_of(struct cli *cli, const struct vfioadm_settlement *settlement)
{
	enum vfioadm_result result = VFIOADM_RESULT_DONE;

	if (!vfioadm_settlement_n(settlement))
		result = VFIOADM_RESULT_UNCHANGED;
	else if (cli_has(cli, OPT_DRY_RUN))
		result = VFIOADM_RESULT_PLANNED;
	else if (any_left(settlement))
		result = VFIOADM_RESULT_UNSETTLED;
	return vfioadm_result_name(result);
}

static void run_json(struct json *j, const struct vfioadm_settled *run)
{
	json_object(j, NULL, true);
	json_string(j, "run", run->run);
	json_string(j, "verb", run->verb);
	json_array(j, "devices", false);
	for (size_t i = 0; i < run->n_devices; i++)
		json_string(j, NULL, run->devices[i]);
	json_array_end(j);
	json_string(j, "outcome", vfioadm_settled_as_name(run->as));
	json_string(j, "message", run->message);
	json_string(j, "hint", run->hint);
	json_object_end(j);
}

static void settle_json(struct cli *cli, const struct vfioadm_settlement *settlement)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_string(&j, "result", result_of(cli, settlement));
	/* Every changing verb has this key; the steps of a settled run are told by its journal. */
	json_array(&j, "steps", false);
	json_array_end(&j);
	json_array(&j, "runs", true);
	for (size_t i = 0; i < vfioadm_settlement_n(settlement); i++)
		run_json(&j, vfioadm_settlement_run(settlement, i));
	json_array_end(&j);
	json_object_end(&j);
	json_end(&j);
}

static void say_run(struct cli *cli, const struct vfioadm_settled *run)
{
	_cleanup_text_ struct text t = {};

	if (is_left(run) && !cli_has(cli, OPT_DRY_RUN)) {
		cli_say(cli, run->message, run->hint);
		return;
	}
	if (cli->quiet)
		return;
	text_add_escaped(&t, run->message);
	fprintf(cli->out, "%s\n", t.failed ? run->message : t.s);
	if (!run->run)
		return;
	if (cli_has(cli, OPT_DRY_RUN))
		fprintf(cli->out, "  %s%sjournal /run/vfioadm/journal/%s\n", run->verb ? run->verb : "",
			run->verb ? ", " : "", run->run);
	for (size_t i = 0; cli_has(cli, OPT_DRY_RUN) && i < run->n_devices; i++)
		fprintf(cli->out, "  %s\n", run->devices[i]);
}

struct vfioadm_settlement *vanished_find(struct cli *cli)
{
	struct vfioadm_settlement *settlement = NULL;
	struct vfioadm_error *error = NULL;

	/* Whoever asks for something else need not hear that this could not be looked at. */
	if (vfioadm_settle(cli->ctx, true, &settlement, &error) < 0)
		settlement = NULL;
	vfioadm_error_free(error);
	return settlement;
}

void vanished_say(struct cli *cli, const struct vfioadm_settlement *settlement)
{
	for (size_t i = 0; settlement && !cli->quiet && i < vfioadm_settlement_n(settlement); i++) {
		const struct vfioadm_settled *run = vfioadm_settlement_run(settlement, i);

		if (!run->run)
			cli_say(cli, run->message, "'vfioadm settle' removes its record");
	}
}

void vanished_json(struct json *j, const struct vfioadm_settlement *settlement, bool always)
{
	bool any = always;

	for (size_t i = 0; settlement && i < vfioadm_settlement_n(settlement); i++)
		any |= !vfioadm_settlement_run(settlement, i)->run;
	if (!any)
		return;
	json_array(j, "vanished", false);
	for (size_t i = 0; settlement && i < vfioadm_settlement_n(settlement); i++)
		if (!vfioadm_settlement_run(settlement, i)->run)
			json_string(j, NULL, vfioadm_settlement_run(settlement, i)->devices[0]);
	json_array_end(j);
}

static void settle_text(struct cli *cli, const struct vfioadm_settlement *settlement)
{
	if (!vfioadm_settlement_n(settlement) && !cli->quiet)
		fprintf(cli->out, "nothing to settle: every run has completed\n");
	for (size_t i = 0; i < vfioadm_settlement_n(settlement); i++)
		say_run(cli, vfioadm_settlement_run(settlement, i));
}

int verb_settle(struct cli *cli)
{
	struct vfioadm_settlement *settlement = NULL;
	struct vfioadm_error *error = NULL;
	int r, status;

	signals_arm(cli->ctx);
	r = vfioadm_settle(cli->ctx, cli_has(cli, OPT_DRY_RUN), &settlement, &error);
	signals_disarm();
	if (r < 0)
		return cli_error(cli, error, r);
	if (cli->json)
		settle_json(cli, settlement);
	else
		settle_text(cli, settlement);
	status = any_left(settlement) && !cli_has(cli, OPT_DRY_RUN) ? VFIOADM_EXIT_UNSETTLED :
								      VFIOADM_EXIT_DONE;
	vfioadm_settlement_free(settlement);
	return status;
}
