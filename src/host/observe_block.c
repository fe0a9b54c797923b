/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks: which function carries them, and whether they are mounted, swapped to, or below another one. */
#include <limits.h>

#include "host/observe_private.h"

#define NVME_HEADS "/virtual/nvme-subsystem/"

struct block {
	const char *name;
	char *link;	  /* where /sys/class/block/NAME leads to */
	ssize_t function; /* -1: none, or several (an NVMe head) */
	ssize_t disk;	  /* a partition's disk, -1: this is a disk */
	bool hidden;	  /* one path of a multipath NVMe namespace */
	bool is_virtual;
	struct vfioadm_uint dev; /* major << 32 | minor, read when needed */
	const char *mounted;	 /* arena */
	unsigned n_mounts;
	bool swap;
	bool root;	    /* / is on it, directly or above */
	const char *holder; /* name of a device that is made of it */
	const char *above_mounted;
	bool above_swap;
};

struct blocks {
	struct users *u;
	host_dir dir;
	struct strv names; /* sorted */
	struct block *items;
	bool btrfs;
};

static int compare_names(const void *key, const void *item)
{
	return strverscmp(key, *(char *const *)item);
}

static struct block *find_block(struct blocks *b, const char *name)
{
	char **found;

	if (!b->names.n)
		return NULL;
	found = bsearch(name, b->names.items, b->names.n, sizeof(*found), compare_names);
	return found ? &b->items[found - b->names.items] : NULL;
}

/* Devices that are backed by a file or by memory, and so never stand on a disk. */
static bool is_backed_by_nothing(const char *name)
{
	static const char *const prefixes[] = {"loop", "ram", "zram", "nbd"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *rest = str_after(name, prefixes[i]);

		if (rest && *rest >= '0' && *rest <= '9')
			return true;
	}
	return false;
}

/* nvme<S>c<C>n<N> is one path to the namespace nvme<S>n<N>. */
static bool is_nvme_path(const char *name, unsigned *ret_subsystem, unsigned *ret_namespace)
{
	unsigned controller;
	int end = 0;

	return sscanf(name, "nvme%9uc%9un%9u%n", ret_subsystem, &controller, ret_namespace, &end) ==
		       3 &&
	       end && !name[end];
}

static bool is_nvme_head(const struct block *d, unsigned *ret_subsystem, unsigned *ret_namespace)
{
	int end = 0;

	return d->link && strstr(d->link, NVME_HEADS) &&
	       sscanf(d->name, "nvme%9un%9u%n", ret_subsystem, ret_namespace, &end) == 2 && end &&
	       !d->name[end];
}

static int read_entries(struct blocks *b)
{
	struct host *h = b->u->h;

	b->items = calloc(b->names.n + 1, sizeof(*b->items));
	if (!b->items)
		return -ENOMEM;
	STRV_FOREACH (i, &b->names) {
		struct block *d = &b->items[i];
		char link[PATH_MAX];
		unsigned s, n;

		d->name = b->names.items[i];
		d->function = d->disk = -1;
		if (is_backed_by_nothing(d->name))
			continue;
		if (h->ops->readlink(h, b->dir, d->name, link, sizeof(link)) < 0)
			continue;
		d->link = strdup(link);
		if (!d->link)
			return -ENOMEM;
		d->function = function_of_link(b->u->inv, link);
		d->hidden = is_nvme_path(d->name, &s, &n);
		d->is_virtual = strstr(link, "/virtual/block/") != NULL;
	}
	return 0;
}

/* A partition's link ends in DISK/PARTITION. */
static void find_disks(struct blocks *b)
{
	STRV_FOREACH (i, &b->names) {
		struct block *d = &b->items[i], *disk;
		char parent[NAME_MAX + 1];
		const char *end, *start;

		end = d->link ? strrchr(d->link, '/') : NULL;
		start = end ? memrchr(d->link, '/', (size_t)(end - d->link)) : NULL;
		if (!start || end - start > NAME_MAX)
			continue;
		snprintf(parent, sizeof(parent), "%.*s", (int)(end - start - 1), start + 1);
		disk = find_block(b, parent);
		if (disk && disk != d)
			d->disk = disk - b->items;
	}
}

/* ---- what uses them ---- */

static void read_number(struct blocks *b, struct block *d)
{
	char file[NAME_MAX + 8], text[32];
	unsigned major, minor;

	if (!d->link || d->dev.state != VFIOADM_UNKNOWN)
		return;
	d->dev = uint_none();
	snprintf(file, sizeof(file), "%s/dev", d->name);
	if (host_read_text(b->u->h, b->dir, file, text, sizeof(text)) > 0 &&
	    sscanf(text, "%9u:%9u", &major, &minor) == 2)
		d->dev = uint_known((uint64_t)major << 32 | minor);
}

static struct block *block_by_number(struct blocks *b, unsigned major, unsigned minor)
{
	struct host *h = b->u->h;
	uint64_t want = (uint64_t)major << 32 | minor;
	char path[64], name[NAME_MAX + 1];

	snprintf(path, sizeof(path), "sys/dev/block/%u:%u", major, minor);
	if (host_link_name(h, -1, path, name, sizeof(name)) >= 0)
		return find_block(b, name);
	/* Not every captured root has sys/dev. */
	for (struct block *d = b->items, *end = d + b->names.n; d != end; d++) {
		read_number(b, d);
		if (uint_is(&d->dev, want))
			return d;
	}
	return NULL;
}

/* "/dev/nvme0n1p1", or a name of udev's that leads to a node. */
static struct block *block_by_path(struct blocks *b, const char *path)
{
	const char *name = str_after(path, "/dev/");
	unsigned major, minor;
	struct block *d;
	bool is_block;

	if (!name)
		return NULL;
	d = strchr(name, '/') ? NULL : find_block(b, name);
	if (d)
		return d;
	if (b->u->h->ops->device_number(b->u->h, path + 1, &is_block, &major, &minor) < 0 ||
	    !is_block)
		return NULL;
	return block_by_number(b, major, minor);
}

static int mark_mount(const struct mount *m, void *userdata)
{
	struct blocks *b = userdata;
	struct block *d;

	b->btrfs |= streq(m->type, "btrfs");
	/* A file system on several disks has a number of its own, with major 0: its source names one disk. */
	d = m->major ? block_by_number(b, m->major, m->minor) : block_by_path(b, m->source);
	if (!d)
		return 0;
	d->n_mounts++;
	if (d->mounted && !streq(m->point, "/"))
		return 0;
	d->mounted = arena_strdup(&b->u->inv->arena, m->point);
	d->root |= streq(m->point, "/");
	return d->mounted ? 0 : -ENOMEM;
}

/* /sys/fs/btrfs/UUID is there while it is mounted, and lists all of its disks. */
static void mark_btrfs(struct blocks *b, const char *uuid)
{
	_cleanup_strv_ struct strv names = {0};
	char path[NAME_MAX + 32];
	const char *mounted = NULL;
	bool root = false;

	snprintf(path, sizeof(path), "sys/fs/btrfs/%s/devices", uuid);
	if (b->u->h->ops->list(b->u->h, -1, path, &names) < 0)
		return;
	STRV_FOREACH (i, &names) {
		struct block *d = find_block(b, names.items[i]);

		if (!d)
			continue;
		root |= d->root;
		mounted = d->mounted ? d->mounted : mounted;
	}
	STRV_FOREACH (i, &names) {
		struct block *d = find_block(b, names.items[i]);

		if (!d || d->mounted)
			continue;
		d->mounted = mounted ? mounted : "an unknown place";
		d->n_mounts = 1;
		d->root = root;
	}
}

static void mark_all_btrfs(struct blocks *b)
{
	_cleanup_strv_ struct strv names = {0};

	if (!b->btrfs || b->u->h->ops->list(b->u->h, -1, "sys/fs/btrfs", &names) < 0)
		return;
	STRV_FOREACH (i, &names)
		mark_btrfs(b, names.items[i]);
}

/* Swap on a file is on a mounted file system, which is a user already. */
static void mark_swaps(struct blocks *b)
{
	char path[1024];
	const char *text;
	size_t size;

	if (b->u->h->ops->map(b->u->h, "proc/swaps", &text, &size) < 0)
		return;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, " \t\n");
		struct block *d;

		if (len && len < sizeof(path)) {
			memcpy(path, line, len);
			path[len] = '\0';
			mounts_decode(path);
			d = block_by_path(b, path);
			if (d)
				d->swap = true;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	b->u->h->ops->unmap(b->u->h, text, size);
}

/* Who is below whom: device mapper and md devices list their "slaves". */
struct edge {
	struct block *upper, *lower;
};

struct edges {
	struct edge *items;
	size_t n;
};

static int add_edge(struct edges *e, struct block *upper, struct block *lower)
{
	struct edge *grown = reallocarray(e->items, e->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	e->items = grown;
	e->items[e->n++] = (struct edge){upper, lower};
	return 0;
}

static int add_slaves(struct blocks *b, struct edges *e, struct block *upper)
{
	_cleanup_strv_ struct strv slaves = {0};
	char path[NAME_MAX + 16];
	int r = 0;

	snprintf(path, sizeof(path), "%s/slaves", upper->name);
	if (b->u->h->ops->list(b->u->h, b->dir, path, &slaves) < 0)
		return 0;
	strv_sort(&slaves);
	for (size_t i = 0; r == 0 && i < slaves.n; i++) {
		struct block *lower = find_block(b, slaves.items[i]);

		if (!lower || lower == upper)
			continue;
		if (!lower->holder)
			lower->holder = upper->name;
		r = add_edge(e, upper, lower);
	}
	return r;
}

static bool hand_down(const struct block *upper, struct block *lower)
{
	const char *mounted = upper->mounted ? upper->mounted : upper->above_mounted;
	bool swap = upper->swap || upper->above_swap, changed = false;

	/* "/" outweighs whatever else is mounted from there. */
	if (mounted && (!lower->above_mounted || (upper->root && !lower->root))) {
		lower->above_mounted = upper->root ? "/" : mounted;
		changed = true;
	}
	if (upper->root && !lower->root)
		changed = lower->root = true;
	if (swap && !lower->above_swap)
		changed = lower->above_swap = true;
	return changed;
}

static int mark_holders(struct blocks *b)
{
	struct edges e = {0};
	bool changed = true;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->names.n; i++) {
		struct block *d = &b->items[i];

		if (!d->is_virtual)
			continue;
		r = d->disk >= 0 ? add_edge(&e, d, &b->items[d->disk]) : add_slaves(b, &e, d);
	}
	/* Each pass carries what is known one storey down; a tree that is higher than it is wide is a circle. */
	for (size_t pass = 0; r == 0 && changed && pass <= b->names.n; pass++) {
		changed = false;
		for (size_t i = 0; i < e.n; i++)
			changed |= hand_down(e.items[i].upper, e.items[i].lower);
	}
	free(e.items);
	return r;
}

/* ---- to the functions ---- */

static bool describe_use(const struct block *d, char *why, size_t size)
{
	if (d->mounted && d->n_mounts > 1)
		snprintf(why, size, "mounted at %s and %u other place%s",
			 d->root ? "/" : d->mounted, d->n_mounts - 1, d->n_mounts > 2 ? "s" : "");
	else if (d->mounted)
		snprintf(why, size, "mounted at %s", d->mounted);
	else if (d->swap)
		snprintf(why, size, "used as swap space");
	else if (d->holder && d->above_mounted)
		snprintf(why, size, "part of %s, mounted at %s", d->holder, d->above_mounted);
	else if (d->holder)
		snprintf(why, size, "part of %s%s", d->holder,
			 d->above_swap ? ", used as swap space" : "");
	else
		return false;
	return true;
}

static const char *code_of_use(const struct block *d)
{
	return d->root	     ? "root-filesystem" :
	       d->mounted    ? "in-use-mount" :
	       d->swap	     ? "in-use-swap" :
			       "in-use-holder";
}

static int carry(struct blocks *b, const struct block *d, size_t function)
{
	char why[PATH_MAX + 128];
	int r = 0;

	if (d->disk < 0 && !d->hidden)
		r = users_add_name(b->u, &b->u->block, function, d->name);
	if (r == 0 && describe_use(d, why, sizeof(why)))
		r = users_add(b->u, function, code_of_use(d), d->name, why);
	return r;
}

/* Controllers of a subsystem, where the kernel shows no path devices. */
static int carry_by_controllers(struct blocks *b, const struct block *d, unsigned subsystem)
{
	_cleanup_strv_ struct strv names = {0};
	struct host *h = b->u->h;
	char dir[64];
	int r = 0;

	snprintf(dir, sizeof(dir), "sys/class/nvme-subsystem/nvme-subsys%u", subsystem);
	if (h->ops->list(h, -1, dir, &names) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 80], link[PATH_MAX];
		ssize_t f;

		if (!str_after(names.items[i], "nvme") || strchr(names.items[i] + 4, 'n'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(b->u->inv, link);
		r = f >= 0 ? carry(b, d, (size_t)f) : 0;
	}
	return r;
}

static int carry_by_paths(struct blocks *b, const struct block *d, unsigned subsystem,
			  unsigned namespace)
{
	bool found = false;
	unsigned s, n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->names.n; i++) {
		const struct block *path = &b->items[i];

		if (!path->hidden || path->function < 0 || !is_nvme_path(path->name, &s, &n) ||
		    s != subsystem || n != namespace)
			continue;
		found = true;
		r = carry(b, d, (size_t)path->function);
	}
	return r < 0 || found ? r : carry_by_controllers(b, d, subsystem);
}

static int carry_all(struct blocks *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->names.n; i++) {
		const struct block *d = &b->items[i];
		const struct block *disk = d->disk >= 0 ? &b->items[d->disk] : d;
		unsigned s, n;

		if (d->function >= 0)
			r = carry(b, d, (size_t)d->function);
		else if (is_nvme_head(disk, &s, &n))
			r = carry_by_paths(b, d, s, n);
	}
	return r;
}

static int look(struct blocks *b)
{
	int r = read_entries(b);

	if (r < 0)
		return r;
	find_disks(b);
	if (b->u->mountinfo)
		r = mounts_each(b->u->mountinfo, mark_mount, b);
	else
		b->u->inv->complete = false;
	if (r < 0)
		return r;
	mark_all_btrfs(b);
	mark_swaps(b);
	r = mark_holders(b);
	return r < 0 ? r : carry_all(b);
}

int observe_block(struct users *u)
{
	struct blocks b = {.u = u, .dir = -1};
	int r = u->h->ops->list(u->h, -1, "sys/class/block", &b.names);

	if (r == 0)
		b.dir = u->h->ops->dir_open(u->h, "sys/class/block");
	if (r < 0 || b.dir < 0) {
		u->block.unknown = r != -ENOENT;
		strv_clear(&b.names);
		return r == -ENOMEM ? r : 0;
	}
	strv_sort(&b.names);
	r = look(&b);
	for (size_t i = 0; b.items && i < b.names.n; i++)
		free(b.items[i].link);
	free(b.items);
	strv_clear(&b.names);
	u->h->ops->dir_close(u->h, b.dir);
	return r;
}
