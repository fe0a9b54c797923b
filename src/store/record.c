/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>

#include "base/file.h"
#include "model/address.h"
#include "store/store.h"

#define RECORD_HEADER "vfioadm-record 1"
enum { RECORD_MAX = 16 * 1024 };

static int records_dir(struct store *s, bool create)
{
	if (s->dir < 0)
		return -ENOENT;
	return file_open_trusted_dir(s->dir, "records", create);
}

/* A name comes from the kernel or from a selector: only what is an address becomes a file name. */
static bool name_valid(const char *address)
{
	struct address a;

	return strlen(address) < ADDRESS_MAX && address_parse(address, &a) == 0;
}

static int set_field(struct record *rec, struct arena *arena, const char *key, const char *value)
{
	static const struct {
		const char *key;
		size_t offset;
	} strings[] = {
		{ "driver", offsetof(struct record, driver) },
		{ "driver_override", offsetof(struct record, driver_override) },
		{ "boot_id", offsetof(struct record, boot_id) },
	}, ids[] = {
		{ "vendor", offsetof(struct record, vendor) },
		{ "device_id", offsetof(struct record, device_id) },
		{ "subsystem_vendor", offsetof(struct record, subsystem_vendor) },
		{ "subsystem_device", offsetof(struct record, subsystem_device) },
	};
	uint64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		char *copy;

		if (!streq(key, strings[i].key))
			continue;
		copy = arena_strdup(arena, value);
		*(const char **)((char *)rec + strings[i].offset) = copy;
		return copy ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (!streq(key, ids[i].key))
			continue;
		if (str_to_u64(value, 16, UINT32_MAX, &v) < 0)
			return -EBADMSG;
		*(uint32_t *)((char *)rec + ids[i].offset) = (uint32_t)v;
		return 0;
	}
	if (streq(key, "incarnation"))
		return str_to_u64(value, 10, UINT64_MAX, &rec->incarnation) < 0 ? -EBADMSG : 0;
	return 0; /* a later version's key */
}

static int parse_record(char *text, struct arena *arena, struct record *rec)
{
	char *line = strsep(&text, "\n");
	int r = 0;

	if (!line || !streq(line, RECORD_HEADER))
		return -EBADMSG;
	while (r == 0 && (line = strsep(&text, "\n"))) {
		char *value = strchr(line, '=');

		if (!*line)
			continue;
		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		r = set_field(rec, arena, line, value);
	}
	/* Written last: a record without it is not whole. */
	return r < 0 ? r : rec->boot_id ? 0 : -EBADMSG;
}

int store_load_record(struct store *s, const char *address, struct arena *arena, struct record *ret)
{
	_cleanup_close_ int dir = records_dir(s, false);
	_cleanup_free_ char *text = NULL;
	struct record rec = { 0 };
	int r;

	if (dir < 0)
		return dir;
	if (!name_valid(address))
		return -EINVAL;
	r = file_read_all(dir, address, RECORD_MAX, &text, NULL);
	if (r == 0)
		r = parse_record(text, arena, &rec);
	if (r < 0)
		return r;
	rec.device = arena_strdup(arena, address);
	if (!rec.device)
		return -ENOMEM;
	*ret = rec;
	return 0;
}

static void add_string(struct strbuf *text, const char *key, const char *value)
{
	if (value)
		strbuf_addf(text, "%s=%s\n", key, value);
}

int store_save_record(struct store *s, const struct record *record)
{
	_cleanup_close_ int dir = -1;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *data = NULL;

	if (!name_valid(record->device))
		return -EINVAL;
	dir = records_dir(s, true);
	if (dir < 0)
		return dir;
	strbuf_addf(&text, RECORD_HEADER "\n");
	add_string(&text, "driver", record->driver);
	add_string(&text, "driver_override", record->driver_override);
	strbuf_addf(&text, "vendor=%04x\ndevice_id=%04x\n", record->vendor, record->device_id);
	strbuf_addf(&text, "subsystem_vendor=%04x\nsubsystem_device=%04x\n", record->subsystem_vendor,
		    record->subsystem_device);
	strbuf_addf(&text, "incarnation=%" PRIu64 "\n", record->incarnation);
	add_string(&text, "boot_id", record->boot_id);
	data = strbuf_take(&text);
	if (!data)
		return -ENOMEM;
	return file_replace(dir, record->device, data, strlen(data));
}

int store_drop_record(struct store *s, const char *address)
{
	_cleanup_close_ int dir = records_dir(s, false);

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	return name_valid(address) ? file_remove(dir, address) : -EINVAL;
}

static int add_address(void *userdata, const char *name)
{
	return name_valid(name) ? strv_add(userdata, name) : 0;
}

int store_list_records(struct store *s, struct strv *ret)
{
	_cleanup_close_ int dir = records_dir(s, false);
	_cleanup_strv_ struct strv names = { 0 };
	int r = dir == -ENOENT ? 0 : dir < 0 ? dir : file_list(dir, add_address, &names);

	if (r < 0)
		return r;
	strv_sort(&names);
	*ret = names;
	names = (struct strv){ 0 };
	return 0;
}
