/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status and config: what is declared. Carrying it out: cli/apply.c. */
#include <string.h>

#include "cli.h"
#include "json.h"
#include "util.h"

/* ---- status ------------------------------------------------------------------------------------ */

static enum cli_color state_color(enum vfioadm_declared_state state)
{
	if (state == VFIOADM_DECLARED_IN_FORCE)
		return COLOR_GOOD;
	return state == VFIOADM_DECLARED_HELD ? COLOR_WARN : COLOR_BAD;
}

static int print_item(struct cli *cli, const struct vfioadm_declared *item, int width)
{
	_cleanup_text_ struct text t = {}, hint = {};

	text_add_escaped(&t, item->message);
	text_add_escaped(&hint, item->hint ? item->hint : "");
	if (t.failed || hint.failed)
		return cli_oom(cli);
	fprintf(cli->out, "%-*s %s%-9s%s %s\n", width, item->name, cli_color(cli, state_color(item->state)),
		vfioadm_declared_state_name(item->state), cli_color_end(cli, state_color(item->state)), t.s);
	if (cli->verbose)
		fprintf(cli->out, "  %s\n", item->file);
	if (item->hint && item->state != VFIOADM_DECLARED_IN_FORCE && !cli->quiet)
		fprintf(cli->out, "  hint: %s\n", hint.s);
	return 0;
}

static int status_text(struct cli *cli, const struct vfioadm_status *status)
{
	int width = 0, r = 0;

	for (size_t i = 0; i < vfioadm_status_n(status); i++) {
		int n = (int)strlen(vfioadm_status_item(status, i)->name);

		width = n > width ? n : width;
	}
	for (size_t i = 0; r == 0 && i < vfioadm_status_n(status); i++) {
		const struct vfioadm_declared *item = vfioadm_status_item(status, i);

		if (!cli->quiet || item->state != VFIOADM_DECLARED_IN_FORCE)
			r = print_item(cli, item, width);
	}
	if (!vfioadm_status_n(status) && !cli->quiet)
		fprintf(cli->out, "nothing is declared in /etc/vfioadm.d\n");
	return r;
}

static void item_json(struct json *j, const struct vfioadm_declared *item)
{
	json_object(j, NULL, true);
	json_string(j, "name", item->name);
	json_string(j, "file", item->file);
	json_string(j, "state", vfioadm_declared_state_name(item->state));
	json_array(j, "devices", false);
	for (size_t i = 0; i < item->n_devices; i++)
		json_string(j, NULL, item->devices[i]);
	json_array_end(j);
	json_bool(j, "in_initramfs", item->in_initramfs);
	json_string(j, "message", item->message);
	json_string(j, "hint", item->hint);
	json_object_end(j);
}

static void status_json(struct cli *cli, const struct vfioadm_status *status)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_bool(&j, "in_force", !vfioadm_status_drift(status));
	json_array(&j, "declarations", true);
	for (size_t i = 0; i < vfioadm_status_n(status); i++)
		item_json(&j, vfioadm_status_item(status, i));
	json_array_end(&j);
	json_object_end(&j);
	json_end(&j);
}

int verb_status(struct cli *cli)
{
	struct vfioadm_status *status = NULL;
	struct vfioadm_error *error = NULL;
	int r = vfioadm_status(cli->ctx, &status, &error), code = 0;

	if (r < 0)
		return cli_error(cli, error, r);
	if (cli->json)
		status_json(cli, status);
	else
		code = status_text(cli, status);
	if (!code && vfioadm_status_drift(status))
		code = VFIOADM_EXIT_REFUSED;
	vfioadm_status_free(status);
	return code;
}

/* ---- config ------------------------------------------------------------------------------------ */

/* "FILE:LINE: what is wrong": the form that editors jump by. */
static void say_wrong(struct cli *cli, const char *file, const struct vfioadm_error *error)
{
	const char *where = vfioadm_error_path(error);

	cli_sayf(cli, vfioadm_error_hint(error), "%s: %s", where ? where : file, vfioadm_error_message(error));
}

static int check_files(struct cli *cli, const char *const *files, size_t n)
{
	int status = VFIOADM_EXIT_DONE;

	for (size_t i = 0; i < n; i++) {
		struct vfioadm_error *error = NULL;

		if (vfioadm_config_check(cli->ctx, files[i], &error) >= 0)
			continue;
		say_wrong(cli, files[i], error);
		status = VFIOADM_EXIT_USAGE;
		vfioadm_error_free(error);
	}
	return status;
}

static int check_all(struct cli *cli, const struct vfioadm_status *all)
{
	int status = VFIOADM_EXIT_DONE;

	for (size_t i = 0; i < vfioadm_status_n(all); i++) {
		const struct vfioadm_declared *item = vfioadm_status_item(all, i);

		if (item->state != VFIOADM_DECLARED_INVALID)
			continue;
		cli_say(cli, item->message, item->hint);
		status = VFIOADM_EXIT_USAGE;
	}
	return status;
}

static int list_files(struct cli *cli, const struct vfioadm_status *all)
{
	for (size_t i = 0; i < vfioadm_status_n(all); i++) {
		const struct vfioadm_declared *item = vfioadm_status_item(all, i);

		if (!cli_has(cli, OPT_INITRAMFS) || item->in_initramfs)
			fprintf(cli->out, "%s\n", item->file);
	}
	return VFIOADM_EXIT_DONE;
}

int verb_config(struct cli *cli)
{
	const char *what = cli->n_operands ? cli->operands[0] : "";
	bool check = strcmp(what, "check") == 0;
	struct vfioadm_status *all = NULL;
	struct vfioadm_error *error = NULL;
	int r, status;

	if (!check && strcmp(what, "list") != 0)
		return cli_usage(cli, "vfioadm config check [FILE...], or vfioadm config list",
				 *what ? "config does not know '%s'" : "config needs to be told what to do%s", what);
	if (check && cli->n_operands > 1)
		return check_files(cli, cli->operands + 1, cli->n_operands - 1);
	if (cli->n_operands > 1)
		return cli_usage(cli, NULL, "config list takes no argument, not even '%s'", cli->operands[1]);
	r = vfioadm_status(cli->ctx, &all, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	status = check ? check_all(cli, all) : list_files(cli, all);
	vfioadm_status_free(all);
	return status;
}
