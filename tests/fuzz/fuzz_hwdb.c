/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hwdb.bin of another root: every offset in it may be made up. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/hwdb.h"

static const char *const texts[] = {
	"pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00",
	"pci:v00008086d000010D3",
	"pci:v00008086",
	"",
};

static void look_up(const struct hwdb *db, const char *text)
{
	struct hwdb_property p[] = {
		{.key = "ID_VENDOR_FROM_DATABASE"},
		{.key = "ID_MODEL_FROM_DATABASE"},
		{.key = ""},
	};

	hwdb_lookup(db, text, p, ARRAY_SIZE(p));
	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		if (!p[i].value)
			continue;
		FUZZ_CHECK(p[i].value >= db->data && p[i].value < db->data + db->size);
		FUZZ_CHECK(p[i].value + strlen(p[i].value) < db->data + db->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FILE_SIZE = 16 };
	_cleanup_free_ char *copy = fuzz_string(data, size);
	uint64_t total = size + 1;
	struct hwdb db;

	/* As it is, and with the size and the last byte that every file needs to be looked into at all. */
	if (hwdb_open(copy, size, &db) == 0)
		look_up(&db, texts[0]);
	for (size_t i = 0; i < sizeof(total) && FILE_SIZE + i < size; i++)
		copy[FILE_SIZE + i] = (char)(total >> 8 * i);
	if (hwdb_open(copy, size + 1, &db) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		look_up(&db, texts[i]);
	return 0;
}
