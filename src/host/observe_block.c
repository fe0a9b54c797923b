/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks: which function carries them, and whether they are mounted, swapped to, or below another one. */
#include <limits.h>

#include "host/blocks.h"

/* What is known of a block device, in the order of the blocks. */
struct mark {
	const char *mounted; /* arena */
	unsigned n_mounts;
	bool swap;
	const char *vital;  /* "/" or "/usr", which is on it directly or above */
	const char *holder; /* name of a device that is made of it */
	bool stands;        /* on others, which are known */
	const char *above_mounted;
	bool above_swap;
};

struct marks {
	struct users *u;
	struct blocks blocks;
	struct mark *items;
	bool btrfs;
	bool unlinked; /* to be searched for: links do not lead to all disks of what is in use */
};

static struct mark *mark_of(struct marks *k, const struct block *d)
{
	return &k->items[block_index(&k->blocks, d)];
}

/* ---- what no link tells ---- */

static bool has_further_devices(const struct mount *m)
{
	static const char *const types[] = { "zfs", "bcachefs", "f2fs", "jfs", "erofs" };
	static const char *const options[] = { "logdev=", "rtdev=", "jdev=" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(m->type, types[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strstr(m->super, options[i]))
			return true;
	return false;
}

/* Its block device is not known here, or (loop devices) not looked at. */
static bool leads_nowhere(const struct mount *m)
{
	return m->major || (mount_rank(m->point) && !streq(m->type, "btrfs") && !streq(m->type, "rootfs"));
}

/* The journal of an ext4 is called after its own disk where it has one. */
static bool has_journal_disk(const struct marks *k)
{
	_cleanup_strv_ struct strv names = {0};

	if (k->u->h->ops->list(k->u->h, -1, "proc/fs/jbd2", &names) < 0)
		return false;
	STRV_FOREACH (i, &names)
		if (blocks_find(&k->blocks, names.items[i]))
			return true;
	return false;
}

/* ZFS' pools, f2fs, NonRaid, and disks that are exported: these are there with or without a mount. */
static bool has_signs(const struct marks *k)
{
	static const char *const paths[] = { "proc/spl/kstat/zfs", "proc/fs/f2fs", "proc/nmdstat",
					     "sys/kernel/config/nvmet/subsystems", "sys/kernel/config/target/core",
					     "sys/kernel/config/usb_gadget", "sys/kernel/config/cluster" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (host_exists(k->u->h, paths[i]))
			return true;
	return has_journal_disk(k);
}

/* Of a driver that links no disks. */
static bool is_unlinked(const struct block *d, const struct mark *m)
{
	return d->is_virtual && d->disk < 0 && !m->stands && (m->mounted || m->swap || str_after(d->name, "drbd"));
}

static bool has_unlinked(const struct marks *k)
{
	for (size_t i = 0; i < k->blocks.names.n; i++) {
		const struct block *d = &k->blocks.items[i];

		if (is_unlinked(d, &k->items[d->disk >= 0 ? (size_t)d->disk : i]))
			return true;
	}
	return false;
}

/* ---- mounts and swap space ---- */

static int mark_mount(const struct mount *m, void *userdata)
{
	struct marks *k = userdata;
	struct block *d;
	struct mark *mark;

	k->btrfs |= streq(m->type, "btrfs");
	k->unlinked |= has_further_devices(m);
	d = blocks_of_mount(&k->blocks, m);
	if (!d) {
		k->unlinked |= leads_nowhere(m);
		return 0;
	}
	mark = mark_of(k, d);
	mark->n_mounts++;
	if (mark->mounted && mount_rank(m->point) <= mount_rank(mark->mounted))
		return 0;
	mark->mounted = arena_strdup(&k->u->inv->arena, m->point);
	if (mark->mounted && mount_is_system(m->point))
		mark->vital = mark->mounted;
	return mark->mounted ? 0 : -ENOMEM;
}

/* /sys/fs/btrfs/UUID is there while it is mounted, and lists all of its disks. */
static void mark_btrfs(struct marks *k, const char *uuid)
{
	_cleanup_strv_ struct strv names = {0};
	char path[NAME_MAX + 32];
	struct mark known = {0};

	snprintf(path, sizeof(path), "sys/fs/btrfs/%s/devices", uuid);
	if (k->u->h->ops->list(k->u->h, -1, path, &names) < 0)
		return;
	STRV_FOREACH (i, &names) {
		const struct block *d = blocks_find(&k->blocks, names.items[i]);

		if (d && mark_of(k, d)->mounted)
			known = *mark_of(k, d);
	}
	STRV_FOREACH (i, &names) {
		const struct block *d = blocks_find(&k->blocks, names.items[i]);

		if (!d || mark_of(k, d)->mounted)
			continue;
		mark_of(k, d)->mounted = known.mounted ? known.mounted : "an unknown place";
		mark_of(k, d)->n_mounts = 1;
		mark_of(k, d)->vital = known.vital;
	}
}

static void mark_all_btrfs(struct marks *k)
{
	_cleanup_strv_ struct strv names = {0};

	if (!k->btrfs || k->u->h->ops->list(k->u->h, -1, "sys/fs/btrfs", &names) < 0)
		return;
	STRV_FOREACH (i, &names)
		mark_btrfs(k, names.items[i]);
}

/* Swap on a file is on a mounted file system, which is a user already. */
static void mark_swap(struct marks *k, const char *path)
{
	const struct block *d = blocks_by_path(&k->blocks, path);

	if (d)
		mark_of(k, d)->swap = true;
}

static void mark_swaps(struct marks *k)
{
	char path[1024];
	const char *text;
	size_t size;

	if (k->u->h->ops->map(k->u->h, "proc/swaps", &text, &size) < 0)
		return;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, " \t\n");

		if (len && len < sizeof(path)) {
			memcpy(path, line, len);
			path[len] = '\0';
			mounts_decode(path);
			mark_swap(k, path);
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	k->u->h->ops->unmap(k->u->h, text, size);
}

static bool hand_down(const struct mark *upper, struct mark *lower)
{
	const char *mounted = upper->mounted ? upper->mounted : upper->above_mounted;
	bool swap = upper->swap || upper->above_swap, changed = false;

	/* "/" outweighs whatever else is mounted from there. */
	if (mounted && (!lower->above_mounted || (upper->vital && !lower->vital))) {
		lower->above_mounted = upper->vital ? upper->vital : mounted;
		changed = true;
	}
	if (upper->vital && (!lower->vital || mount_rank(upper->vital) > mount_rank(lower->vital))) {
		lower->vital = lower->above_mounted = upper->vital;
		changed = true;
	}
	if (swap && !lower->above_swap)
		changed = lower->above_swap = true;
	return changed;
}

static int mark_holders(struct marks *k)
{
	struct blocks *b = &k->blocks;
	bool changed = true;
	int r = blocks_read_slaves(b);

	if (r < 0)
		return r;
	for (size_t i = 0; i < b->n_edges; i++) {
		struct mark *lower = &k->items[b->edges[i].lower];

		k->items[b->edges[i].upper].stands = true;
		if (b->edges[i].how == BLOCK_PART && !lower->holder)
			lower->holder = b->items[b->edges[i].upper].name;
	}
	/* Each pass carries what is known one storey down; a tree that is higher than it is wide is a circle. */
	for (size_t pass = 0; changed && pass <= b->names.n; pass++) {
		changed = false;
		for (size_t i = 0; i < b->n_edges; i++)
			changed |= hand_down(&k->items[b->edges[i].upper],
					     &k->items[b->edges[i].lower]);
	}
	return 0;
}

/* ---- to the functions ---- */

static bool describe_use(const struct mark *m, char *why, size_t size)
{
	if (m->mounted && m->n_mounts > 1)
		snprintf(why, size, "mounted at %s and %u other place%s", m->mounted, m->n_mounts - 1,
			 m->n_mounts > 2 ? "s" : "");
	else if (m->mounted)
		snprintf(why, size, "mounted at %s", m->mounted);
	else if (m->swap)
		snprintf(why, size, "used as swap space");
	else if (m->holder && m->above_mounted)
		snprintf(why, size, "part of %s, mounted at %s", m->holder, m->above_mounted);
	else if (m->holder)
		snprintf(why, size, "part of %s%s", m->holder, m->above_swap ? ", used as swap space" : "");
	else
		return false;
	return true;
}

static const char *code_of_use(const struct mark *m)
{
	return m->vital	  ? "root-filesystem" :
	       m->mounted ? "in-use-mount" :
	       m->swap	  ? "in-use-swap" :
			    "in-use-holder";
}

struct carried {
	struct marks *k;
	const struct block *d;
};

static int carry(const struct block_carrier *c, void *userdata)
{
	const struct carried *carried = userdata;
	struct users *u = carried->k->u;
	const struct block *d = carried->d;
	const struct mark *m = mark_of(carried->k, d);
	char why[PATH_MAX + 128];
	int r = 0;

	if (c->function < 0)
		return 0;
	if (d->disk < 0 && !d->hidden)
		r = users_add_name(u, &u->block, (size_t)c->function, d->name);
	if (r == 0 && describe_use(m, why, sizeof(why)))
		r = users_add(u, (size_t)c->function, code_of_use(m), d->name, why);
	return r;
}

static int look(struct marks *k)
{
	struct blocks *b = &k->blocks;
	int r = 0;

	k->items = calloc(b->names.n + 1, sizeof(*k->items));
	if (!k->items)
		return -ENOMEM;
	if (k->u->mountinfo)
		r = mounts_each(k->u->mountinfo, mark_mount, k);
	else
		k->u->inv->complete = false;
	if (r < 0)
		return r;
	mark_all_btrfs(k);
	mark_swaps(k);
	r = mark_holders(k);
	for (size_t i = 0; r == 0 && i < b->names.n; i++)
		r = blocks_each_carrier(b, &b->items[i], carry, &(struct carried){k, &b->items[i]});
	k->u->unlinked = k->unlinked || has_unlinked(k) || has_signs(k);
	return r;
}

int observe_block(struct users *u)
{
	struct marks k = {.u = u};
	int r = blocks_open(&k.blocks, u->h, u->inv, false);

	if (r < 0) {
		u->block.unknown = r != -ENOENT;
		return r == -ENOMEM ? r : 0;
	}
	r = look(&k);
	free(k.items);
	blocks_close(&k.blocks);
	return r;
}
