/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"
#include "json.h"

/* ---- colours ----------------------------------------------------------------------------------- */

static const char *const sequences[] = {
	[COLOR_NONE] = "",	  [COLOR_GOOD] = "\033[32m", [COLOR_WARN] = "\033[33m",
	[COLOR_BAD] = "\033[31m", [COLOR_VFIO] = "\033[36m", [COLOR_HEAD] = "\033[1m",
};

const char *cli_color(const struct cli *cli, enum cli_color color)
{
	return cli->color ? sequences[color] : "";
}

const char *cli_color_end(const struct cli *cli, enum cli_color color)
{
	return cli->color && color != COLOR_NONE ? "\033[0m" : "";
}

enum cli_color cli_verdict_color(enum vfioadm_verdict verdict)
{
	switch (verdict) {
	case VFIOADM_VERDICT_ASSIGNED:
		return COLOR_VFIO;
	case VFIOADM_VERDICT_NOT_ASSIGNABLE:
		return COLOR_BAD;
	case VFIOADM_VERDICT_IN_USE:
	case VFIOADM_VERDICT_NEEDS_GROUP:
		return COLOR_WARN;
	case VFIOADM_VERDICT_ASSIGNABLE:
		return COLOR_GOOD;
	case VFIOADM_VERDICT_UNKNOWN:
		break;
	}
	return COLOR_NONE;
}

/* ---- sentences --------------------------------------------------------------------------------- */

void cli_say(struct cli *cli, const char *message, const char *hint)
{
	_cleanup_text_ struct text t = {};

	text_add_escaped(&t, message);
	if (hint) {
		text_add(&t, "\n  hint: ", 9);
		text_add_escaped(&t, hint);
	}
	/* What was said on standard output before comes first, also where both go to one file. */
	fflush(cli->out);
	fprintf(cli->err, "vfioadm: %s\n", t.failed || !t.s ? message : t.s);
	fflush(cli->err);
}

void cli_sayf(struct cli *cli, const char *hint, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	cli_say(cli, message ? message : fmt, hint);
}

/* What happened inside this program; the library's errors have a code and an errno of their own. */
static void problem(struct cli *cli, const char *code, int status, const char *message,
		    const char *hint)
{
	struct json j;

	cli_say(cli, message, hint);
	if (!cli->json)
		return;
	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_object(&j, "error", true);
	json_string(&j, "code", code);
	json_uint(&j, "exit", (uint64_t)status);
	json_null(&j, "device");
	json_null(&j, "path");
	json_null(&j, "operation");
	json_null(&j, "errno");
	json_string(&j, "message", message);
	json_string(&j, "hint", hint);
	json_object_end(&j);
	json_object_end(&j);
	json_end(&j);
}

int cli_usage(struct cli *cli, const char *hint, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	problem(cli, "usage", VFIOADM_EXIT_USAGE, message ? message : fmt, hint);
	return VFIOADM_EXIT_USAGE;
}

int cli_oom(struct cli *cli)
{
	problem(cli, "no-memory", VFIOADM_EXIT_FAILED, "out of memory", NULL);
	return VFIOADM_EXIT_FAILED;
}

int cli_error_status(const struct vfioadm_error *error, int r)
{
	int status = error ? vfioadm_error_exit(error) : VFIOADM_EXIT_FAILED;

	return status || !r ? status : VFIOADM_EXIT_FAILED;
}

void cli_error_json(struct json *j, const struct vfioadm_error *error, int r)
{
	int errnum = error ? vfioadm_error_errno(error) : -r;

	json_object(j, "error", true);
	json_string(j, "code", error ? vfioadm_error_code_name(error) : "no-memory");
	json_uint(j, "exit", (uint64_t)cli_error_status(error, r));
	json_string(j, "device", vfioadm_error_device(error));
	json_string(j, "path", vfioadm_error_path(error));
	json_string(j, "operation", vfioadm_error_operation(error));
	if (errnum)
		json_uint(j, "errno", (uint64_t)errnum);
	else
		json_null(j, "errno");
	json_string(j, "message", error ? vfioadm_error_message(error) : strerror(-r));
	json_string(j, "hint", vfioadm_error_hint(error));
	json_object_end(j);
}

int cli_error(struct cli *cli, struct vfioadm_error *error, int r)
{
	int status = cli_error_status(error, r);
	const char *message = vfioadm_error_message(error);

	cli_say(cli, message ? message : strerror(-r), vfioadm_error_hint(error));
	if (cli->json) {
		struct json j;

		json_begin(&j, cli->out);
		json_object(&j, NULL, true);
		json_uint(&j, "version", 1);
		cli_error_json(&j, error, r);
		json_object_end(&j);
		json_end(&j);
	}
	vfioadm_error_free(error);
	return status;
}
