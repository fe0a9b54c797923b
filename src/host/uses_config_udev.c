/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What udev wrote down about disks, so that none needs to be opened: their names, and what is on them. */
#include <strings.h>

#include "host/uses_block.h"

enum {
	LINKS_MAX = 512,
};

/* ---- the database ---- */

struct property {
	const char *key;
	size_t offset;
};

#define PROPERTY(key, field) { key "=", offsetof(struct udev_entry, field) }

static const struct property properties[] = {
	PROPERTY("ID_FS_TYPE", fs_type),
	PROPERTY("ID_FS_UUID", fs_uuid),
	PROPERTY("ID_FS_LABEL", fs_label),
	PROPERTY("ID_FS_LABEL_ENC", fs_label_encoded),
	PROPERTY("ID_PART_TABLE_TYPE", table_type),
	PROPERTY("ID_PART_ENTRY_UUID", part_uuid),
	PROPERTY("ID_PART_ENTRY_NAME", part_label),
	PROPERTY("ID_PART_ENTRY_TYPE", part_type),
	PROPERTY("ID_FS_AMBIVALENT", ambivalent),
};

static void take_property(struct udev_entry *e, const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const char *value = str_after(line, properties[i].key);

		if (value)
			*(const char **)((char *)e + properties[i].offset) = value;
	}
}

/* "S:disk/by-uuid/…" and "E:KEY=VALUE", in the text that stays in the arena. */
static int parse(struct arena *arena, char *text, struct udev_entry *e)
{
	const char **links = arena_alloc(arena, (LINKS_MAX + 1) * sizeof(*links));
	char *rest = NULL;
	size_t n = 0;

	if (!links)
		return -ENOMEM;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (str_after(line, "E:"))
			take_property(e, line + 2);
		else if (str_after(line, "S:") && n < LINKS_MAX)
			links[n++] = line + 2;
	}
	e->links = links;
	e->known = true;
	return 0;
}

const struct udev_entry *block_udev(struct block_search *s, struct block *d)
{
	static const char *const no_links[] = { NULL };
	struct block_state *state = block_state(s, d);
	struct arena *arena = &s->u->inv->arena;
	_cleanup_free_ char *text = NULL;
	struct udev_entry *e;
	char path[64], *kept;

	if (state->udev)
		return state->udev;
	e = arena_alloc(arena, sizeof(*e));
	if (!e)
		return NULL;
	e->links = no_links;
	if (block_number(&s->blocks, d)) {
		snprintf(path, sizeof(path), "run/udev/data/b%u:%u", (unsigned)(d->dev.value >> 32),
			 (unsigned)d->dev.value);
		if (block_read_file(s, path, &text) < 0)
			return NULL;
		kept = text ? arena_strdup(arena, text) : NULL;
		if (text && (!kept || parse(arena, kept, e) < 0))
			return NULL;
	}
	state->udev = e;
	return e;
}

/* ---- names in tables ---- */

struct tag {
	const char *key, *dir;
};

static const struct tag tags[] = {
	{ "UUID=", "disk/by-uuid" },	     { "LABEL=", "disk/by-label" },
	{ "PARTUUID=", "disk/by-partuuid" }, { "PARTLABEL=", "disk/by-partlabel" },
	{ "ID=", "disk/by-id" },
};

/* As udev spells a value in the name of a link: all but these and what is not ASCII becomes "\x20". */
static void encode(const char *value, char *out, size_t size)
{
	static const char plain[] = "#+-.:=@_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = 0;

	for (; *value && n + 5 < size; value++) {
		if (strchr(plain, *value) || (unsigned char)*value >= 0x80)
			out[n++] = *value;
		else
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", (unsigned char)*value);
	}
	out[n] = '\0';
}

/* The link that udev made, or, in another root, where it would be: its last component names the disk. */
static struct block *by_link(struct block_search *s, const char *link)
{
	char path[NAME_MAX * 2], name[NAME_MAX + 1];

	snprintf(path, sizeof(path), "dev/%s", link);
	return host_link_name(s->u->h, -1, path, name, sizeof(name)) < 0 ? NULL :
									     blocks_find(&s->blocks, name);
}

static bool has_link(const struct udev_entry *e, const char *link)
{
	for (const char *const *l = e->links; *l; l++)
		if (streq(*l, link))
			return true;
	return false;
}

/* Until all edges are known each of them may be meant. */
static size_t n_candidates(const struct block_search *s)
{
	return s->concerned ? s->n_concerned : s->blocks.names.n;
}

static struct block *candidate(struct block_search *s, size_t i)
{
	return &s->blocks.items[s->concerned ? s->concerned[i] : i];
}

/* Where there is no such link: on a host whose udev does not run, or in a captured root. */
static int by_database(struct block_search *s, const char *link, const char *dir, const char *value,
		       struct block **ret)
{
	for (size_t i = 0; i < n_candidates(s); i++) {
		struct block *d = candidate(s, i);
		const struct udev_entry *e = block_udev(s, d);
		const char *has;

		if (!e)
			return -ENOMEM;
		has = !dir			       ? NULL :
		      streq(dir, "disk/by-uuid")     ? e->fs_uuid :
		      streq(dir, "disk/by-label")    ? e->fs_label_encoded :
		      streq(dir, "disk/by-partuuid") ? e->part_uuid :
		      streq(dir, "disk/by-partlabel") ? e->part_label :
							 NULL;
		if (has_link(e, link) || (has && !strcasecmp(has, value))) {
			*ret = d;
			return 0;
		}
	}
	return 0;
}

static struct block *by_mapping(struct block_search *s, const char *mapping)
{
	for (size_t i = 0; i < n_candidates(s); i++) {
		struct block *d = candidate(s, i);
		char path[NAME_MAX + 16], name[256];

		if (!d->is_virtual)
			continue;
		snprintf(path, sizeof(path), "%s/dm/name", d->name);
		if (host_read_text(s->u->h, s->blocks.dir, path, name, sizeof(name)) > 0 &&
		    streq(name, mapping))
			return d;
	}
	return NULL;
}

/* "disk/by-uuid/1234-ABCD" is what "UUID=1234-ABCD" means, if there is such a link or not. */
static int by_tag_link(struct block_search *s, const char *link, struct block **ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *value = str_after(link, tags[i].dir);

		if (value && *value == '/')
			return by_database(s, link, tags[i].dir, value + 1, ret);
	}
	return by_database(s, link, NULL, NULL, ret);
}

static int resolve_node(struct block_search *s, const char *path, struct block **ret)
{
	const char *link = path + strlen("/dev/"), *mapping = str_after(path, "/dev/mapper/");

	if (!blocks_is_plain_node(path))
		return 0;
	*ret = blocks_by_path(&s->blocks, path);
	if (!*ret)
		*ret = by_link(s, link);
	if (!*ret && mapping)
		*ret = by_mapping(s, mapping);
	return *ret ? 0 : by_tag_link(s, link, ret);
}

static int resolve_tag(struct block_search *s, const struct tag *tag, const char *value, struct block **ret)
{
	char text[128], encoded[512], link[600];
	size_t len = strlen(value);

	/* mount takes quotes off as well. */
	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value++;
		len -= 2;
	}
	if (!len || len >= sizeof(text))
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)len, value);
	encode(text, encoded, sizeof(encoded));
	snprintf(link, sizeof(link), "%s/%s", tag->dir, encoded);
	*ret = by_link(s, link);
	return *ret ? 0 : by_database(s, link, tag->dir, encoded, ret);
}

int block_resolve(struct block_search *s, const char *spec, struct block **ret)
{
	*ret = NULL;
	if (str_after(spec, "/dev/"))
		return resolve_node(s, spec, ret);
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		const char *value = str_after(spec, tags[i].key);

		if (value)
			return resolve_tag(s, &tags[i], value, ret);
	}
	return 0;
}

/* ---- signatures ---- */

static const char *in_words(const char *type)
{
	static const struct {
		const char *type, *words;
	} table[] = {
		{ "LVM2_member", "an LVM physical volume" },
		{ "LVM1_member", "an LVM physical volume" },
		{ "linux_raid_member", "a part of a RAID array" },
		{ "crypto_LUKS", "encrypted data (LUKS)" },
		{ "swap", "swap space" },
		{ "swsuspend", "a hibernated system" },
		{ "zfs_member", "a part of a ZFS pool" },
		{ "bcache", "a part of a bcache" },
		{ "drbd", "a part of a DRBD device" },
		{ "ceph_bluestore", "a Ceph store" },
		{ "mpath_member", "a path of a multipath device" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(type, table[i].type))
			return table[i].words;
	return NULL;
}

static int note_content(struct block_search *s, const struct block *d, const struct udev_entry *e)
{
	const char *words = in_words(e->fs_type), *label = e->fs_label ? e->fs_label : "";
	const char *open = *label ? " named \"" : "", *close = *label ? "\"" : "";

	if (words)
		return block_note(s, d, "signature", "holding %s%s%s%s", words, open, label, close);
	return block_note(s, d, "signature", "holding a file system (%s)%s%s%s", e->fs_type, open, label,
			  close);
}

static bool has_content(const struct udev_entry *e)
{
	return e->fs_type && *e->fs_type;
}

/* A partition table alone is worth a word only where nothing is on the partitions. */
static int look_at_table(struct block_search *s, struct block *d, const struct udev_entry *e)
{
	for (size_t i = 0; i < s->n_concerned; i++) {
		struct block *part = &s->blocks.items[s->concerned[i]];
		const struct udev_entry *of_part;

		if (part->disk < 0 || &s->blocks.items[part->disk] != d)
			continue;
		of_part = block_udev(s, part);
		if (!of_part)
			return -ENOMEM;
		if (block_state(s, part)->used || has_content(of_part))
			return 0;
	}
	return block_note(s, d, "signature", "holding a partition table (%s)", e->table_type);
}

static int look_at(struct block_search *s, struct block *d)
{
	const struct udev_entry *e;

	if (d->is_virtual || block_state(s, d)->used ||
	    (d->disk >= 0 && s->states[d->disk].used))
		return 0;
	e = block_udev(s, d);
	if (!e)
		return -ENOMEM;
	if (has_content(e))
		return note_content(s, d, e);
	return e->table_type && *e->table_type && d->disk < 0 ? look_at_table(s, d, e) : 0;
}

int config_signatures(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_concerned; i++)
		r = look_at(s, &s->blocks.items[s->concerned[i]]);
	return r;
}
