/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search turned around: what the host lives from must end at functions, or at what is known to be none.
 * What ends nowhere may be on any disk that nothing else uses.
 */
#include <limits.h>

#include "host/uses_block.h"
#include "host/uses_remote.h"

enum {
	DEPTH_MAX = 32,
	MTD_MAJOR = 31,
	/* Of what ends nowhere; the rest is counted. */
	LOST_SHOWN = 6,
};

struct vital {
	struct block_search *s;
	const struct mount_table *mounts;
	unsigned n_lost;
};

/* ---- where a block device ends ---- */

static bool is_numbered(const char *name, const char *prefix)
{
	const char *rest = str_after(name, prefix);

	return rest && *rest >= '0' && *rest <= '9';
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (streq(word, *words))
			return true;
	return false;
}

/*
 * A live system that was copied to memory. The path is of the namespace that opened the file: one that is not there
 * in ours may be on a disk.
 */
static bool is_file_in_memory(struct block_search *s, const struct block *d)
{
	static const char *const types[] = { "tmpfs", "ramfs", "rootfs", NULL };
	char file[NAME_MAX + 24], path[PATH_MAX];
	const struct mount *m;

	snprintf(file, sizeof(file), "%s/loop/backing_file", d->name);
	if (!is_numbered(d->name, "loop") ||
	    host_read_text(s->u->h, s->blocks.dir, file, path, sizeof(path)) <= 0 || path[0] != '/' ||
	    !host_exists(s->u->h, path + 1))
		return false;
	m = mounts_of_path(&s->mounts, path);
	return m && is_one_of(m->type, types);
}

/*
 * A mapping of targets like "zero" and "error": device mapper links every disk that a table names. Of a multipath
 * device whose paths all failed the disks may still be there.
 */
static bool is_empty_mapping(struct block_search *s, const struct block *d)
{
	_cleanup_strv_ struct strv slaves = { 0 };
	char path[NAME_MAX + 16], uuid[256];
	int r;

	if (!is_numbered(d->name, "dm-"))
		return false;
	snprintf(path, sizeof(path), "%s/dm/uuid", d->name);
	if (host_read_text(s->u->h, s->blocks.dir, path, uuid, sizeof(uuid)) > 0 && str_after(uuid, "mpath-"))
		return false;
	snprintf(path, sizeof(path), "%s/slaves", d->name);
	r = s->u->h->ops->list(s->u->h, s->blocks.dir, path, &slaves);
	/* A captured root may lack directories that were empty. */
	return r == -ENOENT || (r == 0 && !slaves.n);
}

/* Memory, and what another machine (uses_remote.c) or a program of this one serves: none of them is a disk of ours. */
static bool is_no_disk(struct block_search *s, const struct block *d)
{
	static const char *const prefixes[] = { "ram", "zram", "nbd", "ublkb", "nullb" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (is_numbered(d->name, prefixes[i]))
			return true;
	if (is_file_in_memory(s, d) || is_empty_mapping(s, d))
		return true;
	/* DRBD has a disk here as well. */
	return !is_numbered(d->name, "drbd") && uses_is_remote_disk(&s->blocks, d);
}

static bool ends(struct block_search *s, const struct block *d, unsigned depth);

static bool all_end(struct block_search *s, const struct block_state *state, unsigned depth)
{
	for (size_t i = state->first_edge; i < state->first_edge + state->n_edges; i++)
		if (!ends(s, &s->blocks.items[s->blocks.edges[i].lower], depth + 1))
			return false;
	return state->n_edges > 0;
}

static bool ends(struct block_search *s, const struct block *d, unsigned depth)
{
	const struct block *disk = d->disk >= 0 ? &s->blocks.items[d->disk] : d;
	struct block_state *state = block_state(s, d);

	if (!disk->is_virtual || (!state->n_edges && is_no_disk(s, disk)))
		return true;
	if (depth >= DEPTH_MAX)
		return false;
	/* Another root may claim that devices are made of one another: that is looked at once. */
	if (state->ending == ENDING_UNKNOWN) {
		state->ending = ENDING_YES;
		state->ending = all_end(s, state, depth) ? ENDING_YES : ENDING_NO;
	}
	return state->ending == ENDING_YES;
}

static int is_lost(struct block_search *s, struct block *d, void *userdata)
{
	bool *lost = userdata;

	*lost |= !ends(s, d, 0);
	return 0;
}

/* ---- mounts ---- */

/* Without these the host stops, now or at its next boot. */
static bool is_vital(const char *point)
{
	return mount_rank(point) != MOUNT_DATA;
}

static bool is_no_storage(const struct mount *m)
{
	static const char *const types[] = { "tmpfs", "ramfs", "rootfs", "devtmpfs", "autofs", "ubifs", "jffs2",
					     "hostfs", NULL };

	return is_one_of(m->type, types);
}

static int lose(struct vital *v, const char *what)
{
	/* Each of them says the same of the same disks. */
	if (v->n_lost++ >= LOST_SHOWN)
		return 0;
	return block_doubt(v->s, NULL, NULL, "%s could not be followed to its disks", what);
}

static int lose_mount(struct vital *v, const struct mount *m, const char *device)
{
	_cleanup_free_ char *what = NULL;

	what = str_format("%s (%s%s%s)", m->point, m->type, *device ? " on " : "", device);
	return what ? lose(v, what) : -ENOMEM;
}

/* It lies over a directory of another one, which its source names. */
static bool is_below_lost(const struct mount_table *t, const struct mount *m)
{
	const struct mount *on = m->source[0] == '/' ? mounts_of_path(t, m->source) : NULL;

	return !on || on == m;
}

/* A file system with a number of its own, and disks that only its driver knows. */
static int look_at_unnumbered(struct vital *v, const struct mount *m)
{
	bool lost = false;
	int r = 0;

	if (streq(m->type, "zfs"))
		/* A pool without known members is spoken of once, in uses_block_zfs.c. */
		return 0;
	if (streq(m->type, "btrfs") || streq(m->type, "bcachefs")) {
		lost = !block_of_mount(v->s, m);
		if (!lost)
			r = block_each_of_mount(v->s, v->mounts, m, is_lost, &lost);
	} else if (is_vital(m->point) && !is_no_storage(m) && !uses_is_remote_mount(m)) {
		lost = !streq(m->type, "ecryptfs") || is_below_lost(v->mounts, m);
		if (streq(m->type, "overlay"))
			r = block_overlay_is_lost(v->mounts, m, &lost);
	}
	return r == 0 && lost ? lose_mount(v, m, streq(m->type, "overlay") ? "" : m->source) : r;
}

static int look_at_mount(struct vital *v, const struct mount *m)
{
	struct block_search *s = v->s;
	const struct block *d;
	char name[256];
	int r;

	if (!m->major)
		return look_at_unnumbered(v, m);
	d = blocks_by_number(&s->blocks, m->major, m->minor);
	/* Flash memory has that number without a block device as well (uses_mtd.c). */
	if (!d && m->major == MTD_MAJOR)
		return 0;
	/* A disk that was pulled out is on no function any more. */
	if (!d)
		return is_vital(m->point) ? lose_mount(v, m, m->source) : 0;
	if (!ends(s, d, 0))
		return lose_mount(v, m, d->name);
	r = block_further_lost(s, m, name, sizeof(name));
	return r == 0 && *name ? lose_mount(v, m, name) : r;
}

/* One file system may be mounted at many places, and all of them end at the same. */
static bool is_another_of(const struct mount_table *t, size_t i)
{
	const struct mount *m = &t->items[i];

	for (size_t k = i; k-- > 0 && i - k < 256;)
		if (t->items[k].major == m->major && t->items[k].minor == m->minor &&
		    is_vital(t->items[k].point) >= is_vital(m->point))
			return true;
	return false;
}

static int look_at_mounts(struct vital *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->mounts->n; i++)
		if (!is_another_of(v->mounts, i))
			r = look_at_mount(v, &v->mounts->items[i]);
	return r;
}

/* ---- swap, and drivers that claim their disks whether something is mounted or not ---- */

static int look_at_swaps(struct vital *v)
{
	_cleanup_free_ char *text = NULL, *what = NULL;
	char *rest = NULL;
	int r = block_read_file(v->s, "proc/swaps", &text);

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; r == 0 && line;
	     line = strtok_r(NULL, "\n", &rest)) {
		const struct block *d;

		line[strcspn(line, " \t")] = '\0';
		mounts_decode(line);
		if (!str_after(line, "/dev/"))
			continue;
		d = blocks_by_path(&v->s->blocks, line);
		if (d && ends(v->s, d, 0))
			continue;
		free(what);
		what = str_format("The swap space %s", line);
		r = what ? lose(v, what) : -ENOMEM;
	}
	return r;
}

static int look_at_drbd(struct vital *v)
{
	struct block_search *s = v->s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->blocks.names.n; i++) {
		const struct block *d = &s->blocks.items[i];
		char path[NAME_MAX + 8];
		uint64_t sectors;

		if (!d->is_virtual || !is_numbered(d->name, "drbd") || s->states[i].n_edges)
			continue;
		snprintf(path, sizeof(path), "%s/size", d->name);
		/* Configured and without a size: it has no disk now. */
		if (host_read_uint(s->u->h, s->blocks.dir, path, 10, &sectors) == 0 && !sectors)
			continue;
		r = lose(v, d->name);
	}
	return r;
}

/* A journal can be told from its signature where the kernel's own list is not there. */
static int is_journal(struct block_search *s, struct block *d, void *userdata)
{
	const struct udev_entry *e = block_udev(s, d);

	return !e ? -ENOMEM : e->fs_type && streq(e->fs_type, "jbd");
}

static int look_at_journals(struct vital *v)
{
	const struct mount_table *t = v->mounts;

	for (size_t i = 0; !v->s->journals_known && i < t->n; i++)
		if (streq(t->items[i].type, "ext4") || streq(t->items[i].type, "ext3"))
			return block_doubt(v->s, is_journal, NULL, "The journal of %s (%s) is not known", t->items[i].point,
					   t->items[i].type);
	return 0;
}

int block_vital(struct block_search *s)
{
	struct vital v = { .s = s, .mounts = &s->mounts };
	int r = look_at_mounts(&v);

	if (r == 0)
		r = look_at_swaps(&v);
	if (r == 0)
		r = look_at_drbd(&v);
	if (r == 0)
		r = look_at_journals(&v);
	if (r == 0 && v.n_lost > LOST_SHOWN)
		r = block_doubt(s, NULL, NULL, "%u more mounts and devices could not be followed to their disks",
				v.n_lost - LOST_SHOWN);
	if (r == 0)
		r = block_multi_doubt(s);
	return r == 0 ? block_zfs_doubt(s) : r;
}
