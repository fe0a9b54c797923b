/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One scenario from its first line to the look whether it left the host as it found it. */
#include <stdarg.h>
#include <string.h>

#include "fake/recorder.h"
#include "runner.h"

int runner_failed(struct runner *run, const char *fmt, ...)
{
	va_list ap;

	if (run->reason)
		return FAILED;
	va_start(ap, fmt);
	if (vasprintf(&run->reason, fmt, ap) < 0)
		run->reason = NULL;
	va_end(ap);
	return FAILED;
}

int runner_note(struct runner *run, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *hidden = NULL;
	va_list ap;
	int n;

	if (!run->transcript)
		return 0;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	hidden = roles_hide(&run->roles, text);
	return hidden && fprintf(run->transcript, "%s\n", hidden) > 0 ? 0 : -EIO;
}

struct script {
	char **lines;
	size_t n, at;
};

static int run_line(struct runner *run, const struct strv *words)
{
	int r;

	if (streq(words->items[0], "requires"))
		return line_requires(run, words);
	r = line_expect(run, words);
	if (r == -EINVAL)
		r = line_run(run, words);
	if (r == -EINVAL)
		return runner_failed(run, "not a line of a scenario: \"%s\"", words->items[0]);
	if (r < 0)
		return runner_failed(run, "%s: %s", words->items[0], strerror(-r));
	return r;
}

static int run_block(struct runner *run, struct script *s, bool inside);

static int run_repeat(struct runner *run, struct script *s, const struct strv *words)
{
	size_t begin = s->at;
	uint64_t times;
	int r = 0;

	if (words->n != 2 || str_to_u64(words->items[1], 10, 100000, &times) < 0 || !times)
		return runner_failed(run, "repeat wants a number");
	for (uint64_t i = 0; r == 0 && i < times; i++) {
		s->at = begin;
		r = run_block(run, s, true);
		if (r == FAILED)
			fprintf(stderr, "# in round %u of %u\n", (unsigned)i + 1, (unsigned)times);
	}
	return r;
}

static int run_block(struct runner *run, struct script *s, bool inside)
{
	int r = 0;

	while (r == 0 && s->at < s->n) {
		_cleanup_strv_ struct strv words = {0};

		run->line = (unsigned)s->at + 1;
		r = words_split(run, s->lines[s->at++], &words);
		if (r < 0)
			return runner_failed(run, "%s", strerror(-r));
		if (r != 0 || !words.n)
			continue;
		if (inside && streq(words.items[0], "end"))
			return 0;
		if (streq(words.items[0], "title"))
			continue;
		r = streq(words.items[0], "repeat") ? run_repeat(run, s, &words)
						    : run_line(run, &words);
	}
	return r == 0 && inside ? runner_failed(run, "repeat without end") : r;
}

/* A role that is not there is no failure: the line-up has no such device. */
static int check_roles(struct runner *run, const char *text)
{
	for (const char *p = text; (p = strchr(p, '$')); p++) {
		const char *name = p + (p[1] == '{' ? 2 : 1);
		size_t len = 0;

		while ((name[len] >= 'A' && name[len] <= 'Z') ||
		       (name[len] >= '0' && name[len] <= '9'))
			len++;
		if (!len || roles_address(&run->roles, name, len))
			continue;
		runner_failed(run, "no function has the role %.*s here", (int)len, name);
		return SKIPPED;
	}
	return 0;
}

static int check_end(struct runner *run)
{
	struct snapshot now;
	_cleanup_free_ char *difference = NULL;
	int r = snapshot_take(recorder_inner(run->host), &now);

	if (r < 0)
		return runner_failed(run, "cannot look at the host: %s", strerror(-r));
	difference = run->may_differ ? NULL : snapshot_difference(&run->start, &now);
	snapshot_clear(&now);
	return difference ? runner_failed(run, "the host is not as before: %s", difference) : 0;
}

static int split_lines(char *text, struct script *ret)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char **grown = reallocarray(ret->lines, ret->n + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		ret->lines = grown;
		ret->lines[ret->n++] = line;
	}
	return 0;
}

static void begin(struct runner *run, const char *name)
{
	run->name = name;
	run->line = 0;
	run->status = 0;
	run->result = 0;
	run->may_differ = false;
	runner_note(run, "# %s", name);
}

static void finish(struct runner *run)
{
	free(run->reason);
	free(run->list);
	free(run->out);
	free(run->err);
	free(run->aside_path);
	free(run->aside_data);
	run->reason = run->list = run->out = run->err = NULL;
	run->aside_path = run->aside_data = NULL;
	snapshot_clear(&run->start);
}

enum verdict scenario_run(struct runner *run, const char *name, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	struct script script = {0};
	int r;

	begin(run, name);
	r = snapshot_take(recorder_inner(run->host), &run->start);
	if (r == 0)
		r = check_roles(run, text);
	if (r == 0)
		r = copy ? split_lines(copy, &script) : -ENOMEM;
	if (r == 0)
		r = run_block(run, &script, false);
	if (r == 0)
		r = check_end(run);
	if (r == 0)
		r = state_dump(run);
	if (r == 0 && !run->quiet)
		printf("ok %s\n", name);
	else if (r == SKIPPED)
		printf("skip %s: %s\n", name, run->reason);
	else if (r != 0)
		printf("FAIL %s, line %u: %s\n", name, run->line,
		       run->reason ? run->reason : strerror(r < 0 ? -r : EIO));
	if (r == SKIPPED)
		runner_note(run, "skipped: %s", run->reason);
	if (r != 0 && r != SKIPPED) {
		if (run->out && *run->out)
			printf("  stdout: %s", run->out);
		if (run->err && *run->err)
			printf("  stderr: %s", run->err);
		state_restore(run);
		r = FAILED;
	}
	fflush(stdout);
	free(script.lines);
	finish(run);
	return (enum verdict)r;
}
