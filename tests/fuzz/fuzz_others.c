/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scripts, units, cron tables and udev rules of others who bind functions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "host/others.h"

static int check_other(const struct other *o, void *userdata)
{
	unsigned *n = userdata;

	FUZZ_CHECK(o->path && o->line);
	if (o->names == OTHER_SLOT)
		FUZZ_CHECK(o->slot.address.slot < 32 && o->slot.functions && o->slot.functions < 256);
	/* Every ninth is one too many. */
	return ++*n % 9 ? 0 : -ECANCELED;
}

static int calls(const char *path, void *userdata)
{
	FUZZ_CHECK(path && *path);
	return strlen(path) % 2;
}

static void check_slots(const char *text, size_t size)
{
	for (const char *p = text; *p; p++) {
		struct other_slot slot = { 0 };
		size_t n = others_read_slot(p, &slot);

		FUZZ_CHECK(n <= size - (size_t)(p - text));
		if (n)
			FUZZ_CHECK(slot.functions && slot.functions < 256);
	}
}

/* The first byte says what kind of text it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;
	struct others_text t = { .about = { .kind = OTHER_SCRIPT, .path = "etc/x" }, .calls = calls };
	unsigned n = 0;
	int r;

	if (!size)
		return 0;
	text = fuzz_string(data + 1, size - 1);
	t.cron = data[0] & 1;
	t.rule = data[0] & 2;
	t.any_node_name = data[0] & 4;
	t.quiet = data[0] & 8;
	if (data[0] & 16)
		t.calls = NULL;
	if (t.rule)
		t.about.kind = OTHER_RULE;
	r = others_scan(&t, text, check_other, &n);
	FUZZ_CHECK(r == 0 || r == -ECANCELED);
	check_slots(text, strlen(text));
	return 0;
}
