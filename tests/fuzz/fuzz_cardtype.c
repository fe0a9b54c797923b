/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Card-type IDs: what is accepted must come back the same, and go to the kernel as six numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz.h"
#include "model/cardtype.h"

static void check_new_id(const struct cardtype *id)
{
	char line[CARDTYPE_MAX];
	struct cardtype k;
	int end = 0;

	cardtype_format_new_id(id, line);
	FUZZ_CHECK(sscanf(line, "%x %x %x %x %x %x%n", &k.vendor, &k.device, &k.subvendor,
			  &k.subdevice, &k.class_code, &k.class_mask, &end) == 6);
	FUZZ_CHECK(!line[end] && cardtype_equal(&k, id));
}

static void check_id(const struct cardtype *id)
{
	struct cardtype again;
	char text[CARDTYPE_MAX];

	cardtype_format(id, text);
	FUZZ_CHECK(strlen(text) < CARDTYPE_MAX);
	FUZZ_CHECK(cardtype_parse(text, &again, NULL) == 0);
	FUZZ_CHECK(cardtype_equal(id, &again));
	FUZZ_CHECK(cardtype_covers(id, id) && cardtype_removes(id, id));
	check_new_id(id);
}

/* Two IDs, parted by a newline: the relations between them hold whichever they are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = '\n'};
	struct cardtype ids[2];
	const uint8_t *part;
	size_t len, n = 0;

	while (n < 2 && fuzz_next_part(&parts, &part, &len)) {
		_cleanup_free_ char *s = fuzz_string(part, len);
		struct vfioadm_error *err = NULL;

		if (cardtype_parse(s, &ids[n], &err) == 0) {
			FUZZ_CHECK(!err);
			check_id(&ids[n++]);
		} else {
			fuzz_check_error(err);
		}
	}
	if (n == 2 && cardtype_covers(&ids[0], &ids[1]) && cardtype_covers(&ids[1], &ids[0]))
		FUZZ_CHECK(ids[0].vendor == ids[1].vendor && ids[0].device == ids[1].device);
	return 0;
}
