/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status and config: what is declared. Carrying it out: cli/apply.c. */
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "json.h"
#include "util.h"
#include "vanished.h"

/* ---- status ------------------------------------------------------------------------------------ */

static enum cli_color state_color(enum vfioadm_declared_state state)
{
	if (state == VFIOADM_DECLARED_IN_FORCE)
		return COLOR_GOOD;
	return state == VFIOADM_DECLARED_HELD ? COLOR_WARN : COLOR_BAD;
}

static int print_item(struct cli *cli, const struct vfioadm_declared *item, int width)
{
	_cleanup_text_ struct text name = {}, message = {}, more = {};

	text_add_escaped(&name, item->name);
	text_add_escaped(&message, item->message);
	if (cli->verbose) {
		text_addf(&more, "  ");
		text_add_escaped(&more, item->file);
		text_addf(&more, "\n");
	}
	if (item->hint && item->state != VFIOADM_DECLARED_IN_FORCE && !cli->quiet) {
		text_addf(&more, "  hint: ");
		text_add_escaped(&more, item->hint);
		text_addf(&more, "\n");
	}
	if (name.failed || message.failed || more.failed)
		return cli_oom(cli);
	fprintf(cli->out, "%-*s %s%-9s%s %s\n%s", width, name.s, cli_color(cli, state_color(item->state)),
		vfioadm_declared_state_name(item->state), cli_color_end(cli, state_color(item->state)), message.s,
		more.s ? more.s : "");
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
		fprintf(cli->out, "there are no declarations in /etc/vfioadm.d\n");
	if (vfioadm_status_outdated(status))
		fprintf(cli->out, "The udev rules or an initramfs may be made from older files than those in "
				  "/etc/vfioadm.d.\n%s",
			cli->quiet ? "" : "  hint: 'vfioadm plan' shows what would be done, or what prevents it.\n");
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
	json_array(j, "together", false);
	for (size_t i = 0; i < item->n_together; i++)
		json_string(j, NULL, item->together[i]);
	json_array_end(j);
	json_string(j, "message", item->message);
	json_string(j, "hint", item->hint);
	json_object_end(j);
}

static void status_json(struct cli *cli, const struct vfioadm_status *status, const struct vfioadm_settlement *gone)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_bool(&j, "in_force", !vfioadm_status_drift(status));
	json_bool(&j, "outdated", vfioadm_status_outdated(status));
	vanished_json(&j, gone, true);
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
	struct vfioadm_settlement *gone;
	struct vfioadm_error *error = NULL;
	int r = vfioadm_status(cli->ctx, &status, &error), code = 0;

	if (r < 0)
		return cli_error(cli, error, r);
	gone = vanished_find(cli);
	if (cli->json)
		status_json(cli, status, gone);
	else
		code = status_text(cli, status);
	if (!cli->json)
		vanished_say(cli, gone);
	vfioadm_settlement_free(gone);
	if (!code && vfioadm_status_drift(status))
		code = VFIOADM_EXIT_REFUSED;
	vfioadm_status_free(status);
	return code;
}

/* ---- config ------------------------------------------------------------------------------------ */

/* Of "FILE:LINE", or of a message that begins so; 0: it is about no line. */
static unsigned long line_of(const char *where, const char *file)
{
	size_t n = strlen(file);
	unsigned long line;
	char *end;

	if (strncmp(where, file, n) != 0 || where[n] != ':' || where[n + 1] < '0' || where[n + 1] > '9')
		return 0;
	line = strtoul(where + n + 1, &end, 10);
	return *end == ':' || !*end ? line : 0;
}

struct checking {
	struct cli *cli;
	struct json json;
	int status;
};

static void problem_json(struct checking *c, const char *file, const char *where, const char *message,
			 const char *hint)
{
	struct json *j = &c->json;
	unsigned long line = line_of(where, file);

	json_object(j, NULL, true);
	json_string(j, "file", file);
	if (line)
		json_uint(j, "line", line);
	else
		json_null(j, "line");
	json_string(j, "message", message);
	json_string(j, "hint", hint);
	json_object_end(j);
}

/* "FILE:LINE: what is wrong", with nothing before it: the form that editors jump by. */
static void say_wrong(struct checking *c, const char *file, const char *where, const char *message,
		      const char *hint)
{
	_cleanup_text_ struct text t = {};

	if (c->cli->json) {
		problem_json(c, file, where, message, hint);
		return;
	}
	if (strncmp(message, where, strlen(where)) != 0) {
		text_add_escaped(&t, where);
		text_addf(&t, ": ");
	}
	text_add_escaped(&t, message);
	if (hint) {
		text_addf(&t, "\n  hint: ");
		text_add_escaped(&t, hint);
	}
	fflush(c->cli->out);
	fprintf(c->cli->err, "%s\n", t.failed ? message : t.s);
}

static void say_right(struct checking *c, const char *file)
{
	_cleanup_text_ struct text t = {};

	if (!c->cli->verbose || c->cli->json)
		return;
	text_add_escaped(&t, file);
	fprintf(c->cli->out, "%s: no error\n", t.failed ? file : t.s);
}

static void check_files(struct checking *c, const char *const *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct vfioadm_error *error = NULL;
		const char *message, *where;
		int r = vfioadm_config_check(c->cli->ctx, files[i], &error);

		if (r >= 0) {
			say_right(c, files[i]);
			continue;
		}
		message = vfioadm_error_message(error);
		where = vfioadm_error_path(error);
		say_wrong(c, files[i], where ? where : files[i], message ? message : strerror(-r),
			  vfioadm_error_hint(error));
		if (c->status != VFIOADM_EXIT_FAILED)
			c->status = cli_error_status(error, r);
		vfioadm_error_free(error);
	}
}

/* What nobody could look at who is not root may be nothing. */
static bool is_used(const struct vfioadm_declared *item)
{
	return item->use && (geteuid() == 0 || strcmp(item->use->code, "not-looked-at") != 0);
}

static void say_used(struct checking *c, const struct vfioadm_declared *item)
{
	_cleanup_text_ struct text message = {}, hint = {};
	bool never = item->use->severity == VFIOADM_BLOCKS;

	text_addf(&message, "The next boot would take what the host uses: %s", item->use->message);
	if (never)
		text_addf(&hint, "Remove the file: without this device the host would not boot.");
	else
		text_addf(&hint, "Remove the file, or stop using the device; see 'vfioadm check%s%s'.",
			  item->use->device ? " " : "", item->use->device ? item->use->device : "");
	say_wrong(c, item->file, item->file, message.failed ? item->use->message : message.s,
		  hint.failed ? NULL : hint.s);
	if (!c->status)
		c->status = VFIOADM_EXIT_REFUSED;
}

/* To mean several devices where one is meant is as wrong as any other error, but only a host shows it. */
static void check_all(struct checking *c, const struct vfioadm_status *all)
{
	for (size_t i = 0; i < vfioadm_status_n(all); i++) {
		const struct vfioadm_declared *item = vfioadm_status_item(all, i);

		bool invalid = item->state == VFIOADM_DECLARED_INVALID;

		if (!invalid && item->state != VFIOADM_DECLARED_AMBIGUOUS) {
			if (is_used(item))
				say_used(c, item);
			else
				say_right(c, item->file);
			continue;
		}
		/* Of a file that cannot be used, the message says itself where. */
		say_wrong(c, item->file, invalid ? item->message : item->file, item->message, item->hint);
		c->status = VFIOADM_EXIT_USAGE;
	}
}

static int config_check(struct cli *cli, const char *const *files, size_t n)
{
	struct checking c = {.cli = cli};
	struct vfioadm_status *all = NULL;
	struct vfioadm_error *error = NULL;
	int r = n ? 0 : vfioadm_status(cli->ctx, &all, &error);

	if (r < 0)
		return cli_error(cli, error, r);
	if (cli->json) {
		json_begin(&c.json, cli->out);
		json_object(&c.json, NULL, true);
		json_uint(&c.json, "version", 1);
		json_array(&c.json, "problems", true);
	}
	if (n)
		check_files(&c, files, n);
	else
		check_all(&c, all);
	if (cli->json) {
		json_array_end(&c.json);
		json_object_end(&c.json);
		json_end(&c.json);
	}
	vfioadm_status_free(all);
	return c.status;
}

static void file_json(struct json *j, const struct vfioadm_declared *item)
{
	json_object(j, NULL, false);
	json_string(j, "name", item->name);
	json_string(j, "file", item->file);
	json_string(j, "state", vfioadm_declared_state_name(item->state));
	json_bool(j, "in_initramfs", item->in_initramfs);
	json_object_end(j);
}

static void list_files(struct cli *cli, const struct vfioadm_status *all)
{
	struct json j;

	json_begin(&j, cli->out);
	if (cli->json) {
		json_object(&j, NULL, true);
		json_uint(&j, "version", 1);
		json_array(&j, "files", true);
	}
	for (size_t i = 0; i < vfioadm_status_n(all); i++) {
		const struct vfioadm_declared *item = vfioadm_status_item(all, i);

		if (cli_has(cli, OPT_INITRAMFS) && !item->in_initramfs)
			continue;
		if (cli->json)
			file_json(&j, item);
		else
			fprintf(cli->out, "%s\n", item->file);
	}
	if (cli->json) {
		json_array_end(&j);
		json_object_end(&j);
		json_end(&j);
	}
}

static int config_list(struct cli *cli)
{
	struct vfioadm_status *all = NULL;
	struct vfioadm_error *error = NULL;
	int r = vfioadm_status(cli->ctx, &all, &error);

	if (r < 0)
		return cli_error(cli, error, r);
	list_files(cli, all);
	vfioadm_status_free(all);
	return VFIOADM_EXIT_DONE;
}

int verb_config(struct cli *cli)
{
	const char *what = cli->n_operands ? cli->operands[0] : NULL;
	static const char usage[] = "vfioadm config check [FILE...], or vfioadm config list";

	if (!what)
		return cli_usage(cli, usage, "config needs check or list");
	if (strcmp(what, "check") == 0) {
		if (cli_has(cli, OPT_INITRAMFS))
			return cli_usage(cli, NULL,
					 "--initramfs can only be given with config list");
		return config_check(cli, cli->operands + 1, cli->n_operands - 1);
	}
	if (strcmp(what, "list") != 0)
		return cli_usage(cli, usage, "config: unknown argument '%s'", what);
	if (cli->n_operands > 1)
		return cli_usage(cli, NULL, "config list: unexpected argument '%s'", cli->operands[1]);
	return config_list(cli);
}
