/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "host/blocks.h"

#define NVME_HEADS "/virtual/nvme-subsystem/"

static int compare_names(const void *key, const void *item)
{
	return strverscmp(key, *(char *const *)item);
}

struct block *blocks_find(const struct blocks *b, const char *name)
{
	char **found;

	if (!b->names.n)
		return NULL;
	found = bsearch(name, b->names.items, b->names.n, sizeof(*found), compare_names);
	return found ? &b->items[found - b->names.items] : NULL;
}

static bool is_numbered(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++) {
		const char *rest = str_after(name, *prefixes);

		if (rest && *rest >= '0' && *rest <= '9')
			return true;
	}
	return false;
}

/* Devices that memory, a file or another host backs. */
static bool is_left_out(const char *name, bool all)
{
	static const char *const never[] = {"ram", NULL}, *const cheap[] = {"loop", "zram", "nbd", NULL};

	return is_numbered(name, never) || (!all && is_numbered(name, cheap));
}

/* nvme<S>c<C>n<N> is one path to the namespace nvme<S>n<N>. */
static bool is_nvme_path(const char *name, unsigned *ret_subsystem, unsigned *ret_namespace)
{
	unsigned controller;
	int end = 0;

	return sscanf(name, "nvme%9uc%9un%9u%n", ret_subsystem, &controller, ret_namespace, &end) == 3 &&
	       end && !name[end];
}

static bool is_nvme_head(const struct block *d, unsigned *ret_subsystem, unsigned *ret_namespace)
{
	int end = 0;

	return d->link && strstr(d->link, NVME_HEADS) &&
	       sscanf(d->name, "nvme%9un%9u%n", ret_subsystem, ret_namespace, &end) == 2 && end &&
	       !d->name[end];
}

static int read_entries(struct blocks *b, bool all)
{
	b->items = calloc(b->names.n + 1, sizeof(*b->items));
	if (!b->items)
		return -ENOMEM;
	STRV_FOREACH (i, &b->names) {
		struct block *d = &b->items[i];
		char link[PATH_MAX];
		unsigned s, n;

		d->name = b->names.items[i];
		d->function = d->disk = -1;
		if (is_left_out(d->name, all))
			continue;
		if (b->h->ops->readlink(b->h, b->dir, d->name, link, sizeof(link)) < 0)
			continue;
		d->link = strdup(link);
		if (!d->link)
			return -ENOMEM;
		d->function = function_of_link(b->inv, link);
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
		disk = blocks_find(b, parent);
		if (disk && disk != d)
			d->disk = disk - b->items;
	}
}

int blocks_open(struct blocks *b, struct host *h, const struct vfioadm_inventory *inv, bool all)
{
	int r;

	*b = (struct blocks){.h = h, .inv = inv, .dir = -1};
	r = h->ops->list(h, -1, "sys/class/block", &b->names);
	if (r < 0)
		return r;
	b->dir = h->ops->dir_open(h, "sys/class/block");
	if (b->dir < 0) {
		r = b->dir;
	} else {
		strv_sort(&b->names);
		r = read_entries(b, all);
	}
	if (r < 0) {
		blocks_close(b);
		return r;
	}
	find_disks(b);
	return 0;
}

void blocks_close(struct blocks *b)
{
	for (size_t i = 0; b->items && i < b->names.n; i++)
		free(b->items[i].link);
	free(b->items);
	free(b->edges);
	strv_clear(&b->names);
	if (b->dir >= 0)
		b->h->ops->dir_close(b->h, b->dir);
	*b = (struct blocks){.dir = -1};
}

/* ---- by number, by path ---- */

bool block_number(struct blocks *b, struct block *d)
{
	char file[NAME_MAX + 8], text[32];
	unsigned major, minor;

	if (d->link && d->dev.state == VFIOADM_UNKNOWN) {
		d->dev = uint_none();
		snprintf(file, sizeof(file), "%s/dev", d->name);
		if (host_read_text(b->h, b->dir, file, text, sizeof(text)) > 0 &&
		    sscanf(text, "%9u:%9u", &major, &minor) == 2)
			d->dev = uint_known((uint64_t)major << 32 | minor);
	}
	return d->dev.state == VFIOADM_KNOWN;
}

struct block *blocks_by_number(struct blocks *b, unsigned major, unsigned minor)
{
	uint64_t want = (uint64_t)major << 32 | minor;
	char path[64], name[NAME_MAX + 1];

	snprintf(path, sizeof(path), "sys/dev/block/%u:%u", major, minor);
	if (host_link_name(b->h, -1, path, name, sizeof(name)) >= 0)
		return blocks_find(b, name);
	/* Not every captured root has sys/dev. */
	for (struct block *d = b->items, *end = d + b->names.n; d != end; d++)
		if (block_number(b, d) && d->dev.value == want)
			return d;
	return NULL;
}

/*
 * Looking a name up can hang: ".." or a link below /dev/shm, where everybody may make some, lead to file
 * systems that a dead server or a hostile program answers for.
 */
bool blocks_is_plain_node(const char *path)
{
	static const char *const others[] = {"shm", "mqueue", "fd", "pts", "hugepages"};
	const char *name = str_after(path, "/dev/");

	if (!name || !*name)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		const char *rest = str_after(name, others[i]);

		if (rest && (!*rest || *rest == '/'))
			return false;
	}
	for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
		if (*p == '/' || (*p == '.' && strspn(p, ".") == strcspn(p, "/")))
			return false;
	return true;
}

struct block *blocks_by_path(struct blocks *b, const char *path)
{
	char name[NAME_MAX + 1];
	unsigned major, minor;
	struct block *d;
	bool is_block;

	if (!blocks_is_plain_node(path) || strlen(path) > NAME_MAX)
		return NULL;
	/* sysfs spells "/dev/cciss/c0d0" as "cciss!c0d0". */
	snprintf(name, sizeof(name), "%s", path + strlen("/dev/"));
	for (char *p = strchr(name, '/'); p; p = strchr(p, '/'))
		*p = '!';
	d = blocks_find(b, name);
	if (d)
		return d;
	if (b->h->ops->device_number(b->h, path + 1, &is_block, &major, &minor) < 0 || !is_block)
		return NULL;
	return blocks_by_number(b, major, minor);
}

struct block *blocks_of_mount(struct blocks *b, const struct mount *m)
{
	char first[NAME_MAX + 1];

	if (m->major)
		return blocks_by_number(b, m->major, m->minor);
	/* Only these: the source of a FUSE mount is what any user says. A server of Lustre names its own disk. */
	if (!streq(m->type, "btrfs") && !streq(m->type, "bcachefs") && !streq(m->type, "lustre") &&
	    !streq(m->type, "lustre_tgt"))
		return NULL;
	snprintf(first, sizeof(first), "%.*s", (int)strcspn(m->source, ":"), m->source);
	return blocks_by_path(b, first);
}

/* ---- who stands on whom ---- */

int blocks_add_edge(struct blocks *b, const struct block *upper, const struct block *lower,
		    enum block_how how, const char *file)
{
	struct block_edge *grown;

	/* The room doubles whenever the count reaches a power of two. */
	if (!(b->n_edges & (b->n_edges - 1))) {
		grown = reallocarray(b->edges, b->n_edges ? b->n_edges * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		b->edges = grown;
	}
	b->edges[b->n_edges++] =
		(struct block_edge){block_index(b, upper), block_index(b, lower), how, file};
	return 0;
}

static int add_slaves(struct blocks *b, const struct block *upper)
{
	_cleanup_strv_ struct strv slaves = {0};
	char path[NAME_MAX + 16];
	int r;

	snprintf(path, sizeof(path), "%s/slaves", upper->name);
	r = b->h->ops->list(b->h, b->dir, path, &slaves);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&slaves);
	for (size_t i = 0; r == 0 && i < slaves.n; i++) {
		const struct block *lower = blocks_find(b, slaves.items[i]);

		if (lower && lower != upper)
			r = blocks_add_edge(b, upper, lower, BLOCK_PART, NULL);
	}
	return r;
}

int blocks_read_slaves(struct blocks *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->names.n; i++) {
		const struct block *d = &b->items[i];

		if (!d->is_virtual)
			continue;
		r = d->disk >= 0 ? blocks_add_edge(b, d, &b->items[d->disk], BLOCK_PARTITION, NULL) :
				   add_slaves(b, d);
	}
	return r;
}

/* ---- what carries them ---- */

/* Controllers of a subsystem, where the kernel shows no path devices. */
static int each_controller(const struct blocks *b, unsigned subsystem, block_carrier_fn fn, void *userdata)
{
	_cleanup_strv_ struct strv names = {0};
	char dir[64];
	int r;

	snprintf(dir, sizeof(dir), "sys/class/nvme-subsystem/nvme-subsys%u", subsystem);
	r = b->h->ops->list(b->h, -1, dir, &names);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 80], link[PATH_MAX];

		if (!str_after(names.items[i], "nvme") || strchr(names.items[i] + 4, 'n'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (b->h->ops->readlink(b->h, -1, path, link, sizeof(link)) >= 0)
			r = fn(&(struct block_carrier){function_of_link(b->inv, link), names.items[i], NULL},
			       userdata);
	}
	return r;
}

/* "…/nvme/nvme1/nvme3c1n1": the controller is the directory above. */
static void controller_of_path(const struct block *path, char name[NAME_MAX + 1])
{
	const char *end = strrchr(path->link, '/');
	const char *start = end ? memrchr(path->link, '/', (size_t)(end - path->link)) : NULL;

	name[0] = '\0';
	if (start)
		snprintf(name, NAME_MAX + 1, "%.*s", (int)(end - start - 1), start + 1);
}

static int each_path(const struct blocks *b, unsigned subsystem, unsigned namespace, block_carrier_fn fn,
		     void *userdata)
{
	bool found = false;
	unsigned s, n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->names.n; i++) {
		const struct block *path = &b->items[i];
		char controller[NAME_MAX + 1];

		if (!path->hidden || !is_nvme_path(path->name, &s, &n) || s != subsystem || n != namespace)
			continue;
		found = true;
		controller_of_path(path, controller);
		r = fn(&(struct block_carrier){path->function, controller, path->name}, userdata);
	}
	return r < 0 || found ? r : each_controller(b, subsystem, fn, userdata);
}

int blocks_each_carrier(const struct blocks *b, const struct block *d, block_carrier_fn fn, void *userdata)
{
	const struct block *disk = d->disk >= 0 ? &b->items[d->disk] : d;
	unsigned s, n;

	if (d->function >= 0)
		return fn(&(struct block_carrier){d->function, NULL, NULL}, userdata);
	return is_nvme_head(disk, &s, &n) ? each_path(b, s, n, fn, userdata) : 0;
}
