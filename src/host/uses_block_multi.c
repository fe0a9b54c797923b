/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * File systems that may be on more devices than the one that their mount names: f2fs tells them where the kernel is
 * new enough, JFS (its log) and erofs nowhere. The kernel opens them exclusively and links nobody as their holder.
 */
#include <limits.h>
#include <unistd.h>

#include "host/uses_block.h"

#define F2FS "proc/fs/f2fs"

enum {
	/* Of file systems whose devices are not all known; the others say the same of the same disks. */
	MULTI_MAX = 64,
	MULTI_SHOWN = 6,
	/* Of one f2fs; the kernel has room for eight. */
	MEMBERS_MAX = 16,
	F2FS_SEGMENT_BLOCKS = 512,
};

/* ---- f2fs ---- */

enum known { KNOWN_ALL, KNOWN_PART, KNOWN_NOT };

static int map_f2fs(struct block_search *s, const struct block *d, const char *file, const char **ret, size_t *ret_size)
{
	char path[NAME_MAX + 48];

	snprintf(path, sizeof(path), F2FS "/%s/%s", d->name, file);
	return s->u->h->ops->map(s->u->h, path, ret, ret_size);
}

/* "Disk: 1 (zoned=0): 0x0000000200 - 0x00000003ff on /dev/nvme1n1"; a path may have blanks. */
static int take_member(struct block_search *s, const struct block *main, const char *line, enum known *known)
{
	const char *on = strstr(line, " on /");
	char path[PATH_MAX];
	struct block *d;
	int r;

	if (!on)
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(on + strlen(" on "), "\n"), on + strlen(" on "));
	r = block_resolve(s, path, &d);
	if (r < 0)
		return r;
	if (!d)
		*known = KNOWN_PART;
	else if (d != main)
		r = block_add_further(s, main, d, "data");
	return r;
}

/* Newer kernels have it. One disk: the list is not there. */
static int read_disk_map(struct block_search *s, const struct block *d, enum known *ret)
{
	const char *text, *line;
	unsigned n = 0;
	size_t size;
	int r = map_f2fs(s, d, "disk_map", &text, &size);

	*ret = KNOWN_NOT;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	*ret = strstr(text, "Address Layout") ? KNOWN_ALL : KNOWN_NOT;
	for (line = text; r == 0 && *ret != KNOWN_NOT && line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (str_after(line, "Disk:")) {
			r = n < MEMBERS_MAX ? take_member(s, d, line, ret) : 0;
			*ret = n++ < MEMBERS_MAX ? *ret : KNOWN_PART;
		}
	}
	s->u->h->ops->unmap(s->u->h, text, size);
	return r;
}

/* Segments of the main area: the last line begins with the number of its first one. 0: not known. */
static uint64_t count_segments(const char *text, size_t size)
{
	unsigned long long first;
	uint64_t n = 0;
	size_t at = size;

	while (at && text[at - 1] == '\n')
		at--;
	while (at && text[at - 1] != '\n')
		at--;
	if (sscanf(text + at, "%19llu", &first) != 1)
		return 0;
	for (const char *p = text + at; (p = strchr(p, '|')); p++)
		n++;
	return n ? first + n : 0;
}

static int read_segments(struct block_search *s, const struct block *d, uint64_t *ret)
{
	const char *text;
	size_t size;
	int r = map_f2fs(s, d, "segment_info", &text, &size);

	*ret = 0;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	*ret = count_segments(text, size);
	s->u->h->ops->unmap(s->u->h, text, size);
	return 0;
}

/* A block is as large as a page. Another root is taken for one of small pages: that is in doubt rather than wrong. */
static uint64_t block_bytes(struct block_search *s)
{
	long size = uses_is_kernel(s->u) ? sysconf(_SC_PAGESIZE) : 4096;

	return size > 0 ? (uint64_t)size : 4096;
}

/* What ends on its first device, and close to that one's end, has no other. */
static int fits(struct block_search *s, const struct block *d, bool *ret)
{
	char path[NAME_MAX + 48];
	uint64_t main_start, segments, sectors, end;
	int r = read_segments(s, d, &segments);

	*ret = false;
	if (r < 0 || !segments)
		return r;
	snprintf(path, sizeof(path), "sys/fs/f2fs/%s/main_blkaddr", d->name);
	if (host_read_uint(s->u->h, -1, path, 10, &main_start) < 0)
		return 0;
	snprintf(path, sizeof(path), "%s/size", d->name);
	if (host_read_uint(s->u->h, s->blocks.dir, path, 10, &sectors) < 0)
		return 0;
	if (segments > UINT32_MAX || main_start > UINT32_MAX)
		return 0;
	end = (main_start + segments * F2FS_SEGMENT_BLOCKS) * (block_bytes(s) / 512);
	*ret = end <= sectors && sectors - end < sectors / 8;
	return 0;
}

static int look_at_f2fs(struct block_search *s, const struct block *d, enum known *ret)
{
	bool alone = false;
	int r;

	*ret = KNOWN_NOT;
	if (!d)
		return 0;
	r = read_disk_map(s, d, ret);
	if (r == 0 && *ret == KNOWN_NOT)
		r = fits(s, d, &alone);
	if (alone)
		*ret = KNOWN_ALL;
	return r;
}

/* ---- the kinds ---- */

/* The device of a log has no signature that udev knows, and what was there before is not wiped. */
static const struct {
	const char *type, *what, *unless;
} types[] = {
	{ "f2fs", "The further devices", "if it has any, are" },
	{ "jfs", "The log", "if it is not inside, is" },
	{ "erofs", "The further devices", "if it has any, are" },
};

static int type_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(name, types[i].type))
			return (int)i;
	return -1;
}

/* Layers of an image: data without a signature, or images themselves. */
static int may_be_layer(struct block_search *s, struct block *d, void *userdata)
{
	const struct udev_entry *e = block_udev(s, d);

	(void)userdata;
	if (!e)
		return -ENOMEM;
	return !e->fs_type || !*e->fs_type || streq(e->fs_type, "erofs") || e->ambivalent;
}

static int remember(struct block_search *s, int type, const struct block *d, const char *where, bool known)
{
	struct block_multi *grown;
	char *text = NULL;

	if (!known) {
		text = arena_format(&s->u->inv->arena, "%s of %s (%s), %s not known", types[type].what, where,
				    types[type].type, types[type].unless);
		if (!text)
			return -ENOMEM;
	}
	grown = reallocarray(s->multi, s->n_multi + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->multi = grown;
	grown[s->n_multi++] = (struct block_multi){ d, type, text };
	return 0;
}

static int look_at(struct block_search *s, int type, const struct block *d, const char *where)
{
	enum known known = KNOWN_NOT;
	int r = 0;

	for (size_t i = 0; i < s->n_multi; i++)
		if (s->multi[i].type == type && s->multi[i].main == d)
			return 0;
	if (s->n_multi == MULTI_MAX) {
		s->multi_cut = true;
		return 0;
	}
	if (streq(types[type].type, "f2fs"))
		r = look_at_f2fs(s, d, &known);
	return r < 0 ? r : remember(s, type, d, where, known == KNOWN_ALL);
}

int block_multi_mount(struct block_search *s, const struct mount *m)
{
	int type = type_of(m->type);

	return type < 0 ? 0 :
			  look_at(s, type, m->major ? blocks_by_number(&s->blocks, m->major, m->minor) : NULL,
				  m->point);
}

/* Those that no mount of ours shows. */
static int read_f2fs(struct block_search *s)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, F2FS, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const struct block *d = blocks_find(&s->blocks, names.items[i]);

		if (d)
			r = look_at(s, type_of("f2fs"), d, d->name);
	}
	return r;
}

int block_multi_read(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mounts.n; i++)
		r = block_multi_mount(s, &s->mounts.items[i]);
	return r == 0 ? read_f2fs(s) : r;
}

/* ---- doubt ---- */

int block_multi_doubt(struct block_search *s)
{
	unsigned n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_multi; i++) {
		const struct block_multi *m = &s->multi[i];

		if (m->text && n++ < MULTI_SHOWN)
			r = block_doubt(s, streq(types[m->type].type, "erofs") ? may_be_layer : NULL, NULL, "%s",
					m->text);
	}
	if (r == 0 && (n > MULTI_SHOWN || s->multi_cut))
		r = block_doubt(s, NULL, NULL, "The further devices of more file systems are not known");
	return r;
}
