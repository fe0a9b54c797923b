/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that say what must be true now. */
#include <string.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"

static int expect_exit(struct runner *run, const struct strv *words)
{
	uint64_t want;

	if (str_to_u64(words->items[1], 10, 255, &want) < 0)
		return runner_failed(run, "exit wants a number");
	return run->status == (int)want
		       ? 0
		       : runner_failed(run, "exit status %d, not %u", run->status, (unsigned)want);
}

static int expect_result(struct runner *run, const struct strv *words)
{
	char buf[32];
	const char *is = result_name(run->result, buf);

	return streq(is, words->items[1])
		       ? 0
		       : runner_failed(run, "the kernel answered %s, not %s", is, words->items[1]);
}

static const char *stream(const struct runner *run, const char *line)
{
	const char *text = str_after(line, "stdout") ? run->out : run->err;

	return text ? text : "";
}

static int expect_contains(struct runner *run, const struct strv *words)
{
	const char *text = stream(run, words->items[0]);

	return strstr(text, words->items[1])
		       ? 0
		       : runner_failed(run, "no \"%s\" in \"%.400s\"", words->items[1], text);
}

static int expect_lacks(struct runner *run, const struct strv *words)
{
	const char *text = stream(run, words->items[0]);

	return strstr(text, words->items[1])
		       ? runner_failed(run, "\"%s\" in \"%.400s\"", words->items[1], text)
		       : 0;
}

static int expect_empty(struct runner *run, const struct strv *words)
{
	const char *text = stream(run, words->items[0]);

	return *text ? runner_failed(run, "not empty: \"%.400s\"", text) : 0;
}

static int expect_state(struct runner *run, const struct strv *words)
{
	const char *what = words->items[0], *address = words->items[1], *want = words->items[2];
	const struct function_state *s;
	struct snapshot now;
	const char *is = "gone";
	int r = snapshot_take(recorder_inner(run->host), &now);

	if (r < 0)
		return r;
	s = snapshot_find(&now, address);
	if (s && streq(what, "driver"))
		is = s->driver;
	else if (s && streq(what, "override"))
		is = s->override;
	else if (s && streq(what, "group-node"))
		is = s->group_node ? "yes" : "no";
	else if (s)
		is = s->vfio_node ? "yes" : "no";
	if (!streq(is, want))
		r = runner_failed(run, "%s of %s is %s, not %s", what, address, is, want);
	snapshot_clear(&now);
	return r;
}

static int expect_same_state(struct runner *run, const struct strv *words)
{
	_cleanup_free_ char *difference = NULL;
	struct snapshot now;
	int r = snapshot_take(recorder_inner(run->host), &now);

	(void)words;
	if (r < 0)
		return r;
	difference = snapshot_difference(&run->start, &now);
	snapshot_clear(&now);
	return difference ? runner_failed(run, "%s", difference) : 0;
}

static int expect_file(struct runner *run, const struct strv *words)
{
	const char *path = words->items[1] + (words->items[1][0] == '/');
	bool is = host_exists(recorder_inner(run->host), path);
	bool want = streq(words->items[0], "file");

	return is == want ? 0 : runner_failed(run, "%s is %sthere", path, is ? "" : "not ");
}

static int expect_hangs(struct runner *run, const struct strv *words)
{
	bool is = run->fake && fake_hangs(run->fake);

	return streq(words->items[1], is ? "yes" : "no")
		       ? 0
		       : runner_failed(run, "hangs: %s", is ? "yes" : "no");
}

static int expect_crashed(struct runner *run, const struct strv *words)
{
	bool is = run->fake && fake_crashed(run->fake);

	return streq(words->items[1], is ? "yes" : "no")
		       ? 0
		       : runner_failed(run, "the kernel has %scrashed", is ? "" : "not ");
}

int line_expect(struct runner *run, const struct strv *words)
{
	static const struct {
		const char *name;
		size_t n;
		int (*fn)(struct runner *run, const struct strv *words);
	} lines[] = {
		{"exit", 2, expect_exit},
		{"result", 2, expect_result},
		{"stdout-contains", 2, expect_contains},
		{"stderr-contains", 2, expect_contains},
		{"stdout-lacks", 2, expect_lacks},
		{"stderr-lacks", 2, expect_lacks},
		{"stdout-empty", 1, expect_empty},
		{"stderr-empty", 1, expect_empty},
		{"driver", 3, expect_state},
		{"override", 3, expect_state},
		{"group-node", 3, expect_state},
		{"vfio-node", 3, expect_state},
		{"same-state-as-start", 1, expect_same_state},
		{"file", 2, expect_file},
		{"no-file", 2, expect_file},
		{"hangs", 2, expect_hangs},
		{"crashed", 2, expect_crashed},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (!streq(words->items[0], lines[i].name))
			continue;
		if (words->n != lines[i].n)
			return runner_failed(run, "wrong number of words behind %s",
					     words->items[0]);
		return lines[i].fn(run, words);
	}
	return -EINVAL;
}
