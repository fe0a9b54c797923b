/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of functions and the list of card types: real files, as they are read. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "store/store.h"

#define DEVICE "0000:01:00.0"

static char top[] = "/dev/shm/vfioadm-fuzz-XXXXXX";
static int top_fd = -1, records_fd = -1;

static void remove_files(void)
{
	(void)unlinkat(records_fd, DEVICE, 0);
	(void)unlinkat(top_fd, "enabled", 0);
	(void)unlinkat(top_fd, "records", AT_REMOVEDIR);
	(void)rmdir(top);
}

static void make_directory(void)
{
	if (top_fd >= 0)
		return;
	FUZZ_CHECK(mkdtemp(top));
	top_fd = open(top, O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(top_fd >= 0 && mkdirat(top_fd, "records", 0755) == 0);
	records_fd = openat(top_fd, "records", O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(records_fd >= 0);
	atexit(remove_files);
}

static void put(int dir, const char *name, const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
}

static bool same(const struct record *a, const struct record *b)
{
	return streq_null(a->driver, b->driver) &&
	       streq_null(a->driver_override, b->driver_override) &&
	       streq_null(a->boot_id, b->boot_id) && a->vendor == b->vendor &&
	       a->device_id == b->device_id && a->subsystem_vendor == b->subsystem_vendor &&
	       a->subsystem_device == b->subsystem_device && a->incarnation == b->incarnation;
}

/* What was read is what is read when it is written. */
static void check_record(struct store *s, const uint8_t *data, size_t size)
{
	struct record rec = {0}, again = {0};
	struct arena arena = {0};

	put(records_fd, DEVICE, data, size);
	if (store_load_record(s, DEVICE, &arena, &rec) == 0) {
		FUZZ_CHECK(rec.boot_id && streq(rec.device, DEVICE));
		FUZZ_CHECK(store_save_record(s, &rec) == 0);
		FUZZ_CHECK(store_load_record(s, DEVICE, &arena, &again) == 0);
		FUZZ_CHECK(same(&rec, &again));
	}
	arena_free(&arena);
}

static void check_enabled(struct store *s, const uint8_t *data, size_t size)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = {0}, again = {0};
	struct cardtype type;
	bool changed;

	put(top_fd, "enabled", data, size);
	if (store_load_ids(s, &ids) < 0)
		return;
	FUZZ_CHECK(cardtype_parse("1234:5678", &type, NULL) == 0);
	FUZZ_CHECK(store_add_id(s, &type, 77, &changed) == 0);
	FUZZ_CHECK(store_load_ids(s, &again) == 0);
	FUZZ_CHECK(again.n >= ids.n && again.n <= ids.n + 1);
	FUZZ_CHECK(store_remove_id(s, &type, &changed) == 0 && changed);
}

/* The first byte says which of both files it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_store_ struct store s = STORE_CLOSED;

	make_directory();
	FUZZ_CHECK(store_open(&s, top, NULL) == 0 && s.dir >= 0);
	if (!size)
		return 0;
	if (data[0] & 1)
		check_record(&s, data + 1, size - 1);
	else
		check_enabled(&s, data + 1, size - 1);
	return 0;
}
