/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that do something: vfioadm, writes and module loads by hand, and what only the model can do. */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"


/* cli.h has helpers of its own, under the names that the library's have. */
int cli_run(struct vfioadm_ctx *ctx, int argc, char **argv, FILE *out, FILE *err);

static void forget_output(struct runner *run)
{
	free(run->out);
	free(run->err);
	run->out = run->err = NULL;
}

int run_vfioadm(struct runner *run, const struct strv *words)
{
	size_t out_size, err_size;
	FILE *out, *err;
	uint64_t cancelled;

	forget_output(run);
	out = open_memstream(&run->out, &out_size);
	err = open_memstream(&run->err, &err_size);
	if (!out || !err) {
		if (out)
			fclose(out);
		if (err)
			fclose(err);
		return -ENOMEM;
	}
	run->status = cli_run(run->ctx, (int)words->n, words->items, out, err);
	/* What was cancelled in this run is not in the next. */
	(void)!read(run->ctx->cancel_fd, &cancelled, sizeof(cancelled));
	fclose(out);
	fclose(err);
	return run->out && run->err ? 0 : -ENOMEM;
}

static int do_vfioadm(struct runner *run, const struct strv *words)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	int r;

	STRV_FOREACH (i, words)
		strbuf_addf(&text, "%s%s", i ? " " : "", words->items[i]);
	r = run->before_vfioadm ? run->before_vfioadm(run, words) : 0;
	if (r != 0)
		return r;
	runner_note(run, "run %s", text.s ? text.s : "");
	r = run_vfioadm(run, words);
	if (r == 0)
		runner_note(run, "exit %d", run->status);
	return r;
}

/* One write(2), through the recorder like vfioadm's own. */
static int do_write(struct runner *run, const struct strv *words)
{
	const char *path = words->items[1] + (words->items[1][0] == '/');
	const char *data = words->items[2];

	run->result = run->host->ops->write(run->host, NULL, path, data, strlen(data));
	return 0;
}

static int spawn_modprobe(const struct strv *words)
{
	char program[] = "/sbin/modprobe";
	char *argv[8] = {program};
	int status;
	pid_t pid;

	for (size_t i = 1; i < words->n && i < ARRAY_SIZE(argv) - 1; i++)
		argv[i] = words->items[i];
	if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0)
		return -ENOEXEC;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOENT;
}

static int do_modprobe(struct runner *run, const struct strv *words)
{
	const char *options = words->n > 2 ? words->items[2] : NULL;
	char buf[32];

	if (!run->fake)
		run->result = spawn_modprobe(words);
	else if (streq(words->items[1], "-r"))
		run->result = fake_unload(run->fake, options ? options : "");
	else
		run->result = fake_modprobe(run->fake, words->items[1], options);
	runner_note(run, "modprobe %s %s = %s", words->items[1], options ? options : "",
		    result_name(run->result, buf));
	return 0;
}

static char *join(const struct strv *words, size_t from)
{
	_cleanup_strbuf_ struct strbuf text = {0};

	for (size_t i = from; i < words->n; i++)
		strbuf_addf(&text, "%s%s", i > from ? " " : "", words->items[i]);
	return strbuf_take(&text);
}

static int do_model(struct runner *run, const struct strv *words)
{
	_cleanup_free_ char *text = join(words, 1);
	int r;

	if (!run->fake)
		return runner_failed(run, "only the model can do this: say \"requires host fake\"");
	r = text ? fake_control(run->fake, text) : -ENOMEM;
	return r < 0 ? runner_failed(run, "the model refuses \"%s\": %s", text ? text : "",
				     strerror(-r))
		     : 0;
}

/* Counted are those that act: how often something is read may change with every check that is added. */
#define ACTING "[wl]*"

static void cancel(struct host *h, void *userdata)
{
	struct runner *run = userdata;

	(void)h;
	vfioadm_ctx_cancel(run->ctx);
}

static int do_cancel_at(struct runner *run, const struct strv *words)
{
	struct fault fault = {
		.kind = FAULT_CALL, .call = cancel, .userdata = run, .match = ACTING};
	uint64_t n;

	if (!run->fake || str_to_u64(words->items[1], 10, 100000, &n) < 0)
		return runner_failed(run, "cancel-at wants a number, and the model");
	fault.nth = (unsigned)n;
	return fake_fault(run->fake, &fault);
}

static void write_aside(struct host *h, void *userdata)
{
	struct runner *run = userdata;

	run->result = fake_write_aside(h, run->aside_path, run->aside_data);
}

/* before N PATH TEXT: right before the n-th write or module load from now on, somebody else writes. */
static int do_before(struct runner *run, const struct strv *words)
{
	struct fault fault = {
		.kind = FAULT_CALL, .call = write_aside, .userdata = run, .match = ACTING};
	const char *path = words->items[2];
	uint64_t n;

	if (!run->fake || str_to_u64(words->items[1], 10, 100000, &n) < 0 || !n)
		return runner_failed(run, "before wants a number, and the model");
	free(run->aside_path);
	free(run->aside_data);
	run->aside_path = strdup(path + (*path == '/'));
	run->aside_data = strdup(words->items[3]);
	if (!run->aside_path || !run->aside_data)
		return -ENOMEM;
	fault.nth = (unsigned)n;
	return fake_fault(run->fake, &fault);
}

static int do_clear_faults(struct runner *run, const struct strv *words)
{
	(void)words;
	if (run->fake)
		fake_faults_clear(run->fake);
	return 0;
}

static int do_may_differ(struct runner *run, const struct strv *words)
{
	(void)words;
	run->may_differ = true;
	return 0;
}

static int list_json(struct runner *run, char **ret)
{
	struct strv words = {0};
	int r = strv_add(&words, "vfioadm");

	if (r == 0)
		r = strv_add(&words, "list");
	if (r == 0)
		r = strv_add(&words, "--all");
	if (r == 0)
		r = strv_add(&words, "--json");
	if (r == 0)
		r = run_vfioadm(run, &words);
	strv_clear(&words);
	if (r < 0)
		return r;
	if (run->status != 0)
		return runner_failed(run, "list --all --json ended with %d", run->status);
	hide_instances(run->out);
	*ret = run->out;
	run->out = NULL;
	return 0;
}

static int do_remember_list(struct runner *run, const struct strv *words)
{
	(void)words;
	free(run->list);
	run->list = NULL;
	return list_json(run, &run->list);
}

static int do_same_list(struct runner *run, const struct strv *words)
{
	_cleanup_free_ char *now = NULL;
	int r = list_json(run, &now);
	size_t i = 0;

	(void)words;
	if (r != 0)
		return r;
	if (!run->list)
		return runner_failed(run, "nothing was remembered");
	if (streq(now, run->list))
		return 0;
	while (now[i] == run->list[i])
		i++;
	i = i > 60 ? i - 60 : 0;
	return runner_failed(run, "the list differs: \"…%.120s…\" was \"…%.120s…\"", now + i,
			     run->list + i);
}

static int do_state(struct runner *run, const struct strv *words)
{
	(void)words;
	return state_dump(run);
}

int line_run(struct runner *run, const struct strv *words)
{
	static const struct {
		const char *name;
		size_t min, max;
		int (*fn)(struct runner *run, const struct strv *words);
	} lines[] = {
		{"vfioadm", 1, SIZE_MAX, do_vfioadm},
		{"write", 3, 3, do_write},
		{"modprobe", 2, 3, do_modprobe},
		{"model", 2, SIZE_MAX, do_model},
		{"cancel-at", 2, 2, do_cancel_at},
		{"before", 4, 4, do_before},
		{"clear-faults", 1, 1, do_clear_faults},
		{"may-differ", 1, 1, do_may_differ},
		{"remember-list", 1, 1, do_remember_list},
		{"same-list", 1, 1, do_same_list},
		{"state", 1, 1, do_state},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!streq(words->items[0], lines[i].name))
			continue;
		if (words->n < lines[i].min || words->n > lines[i].max)
			return runner_failed(run, "wrong number of words behind %s",
					     words->items[0]);
		return lines[i].fn(run, words);
	}
	return -EINVAL;
}
