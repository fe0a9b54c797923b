/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* netplan's files, or any other YAML that somebody put in their place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/yaml_lines.h"

struct seen {
	unsigned n, line, lines;
};

static int check_entry(const struct yaml_entry *e, void *userdata)
{
	struct seen *seen = userdata;

	FUZZ_CHECK(e->depth > 0 && e->depth <= YAML_DEPTH_MAX && e->value);
	for (unsigned i = 0; i < e->depth; i++)
		FUZZ_CHECK(e->path[i] && !strchr(e->path[i], '\n'));
	FUZZ_CHECK(e->line >= seen->line && e->line <= seen->lines);
	seen->line = e->line;
	/* Every hundredth is one too many. */
	return ++seen->n % 100 ? 0 : -ECANCELED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_string(data, size);
	struct seen seen = { .lines = 1 };
	int r;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		seen.lines++;
	r = yaml_each(text, check_entry, &seen);
	FUZZ_CHECK(r == 0 || r == -ECANCELED);
	return 0;
}
