/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ZFS claims its disks without being their holder, and only through its own control node it tells which they are.
 * What tells without opening anything: udev's data (the pool's name or GUID in a member's label), zpool.cache, and
 * the names of the volumes. What may be a member, and may not, is in doubt.
 */
#include <limits.h>

#include "host/uses_block.h"
#include "host/zpool_cache.h"

#define KSTAT	   "proc/spl/kstat/zfs"
#define ZFS_PARTITION "6a898cc3-1dd2-11b2-99a6-080020736631"

enum {
	POOLS_MAX = 1024,
	/* Of those without a known member. */
	POOLS_SHOWN = 4,
};

/* ---- pools ---- */

static bool is_pool_name(const char *name, size_t len)
{
	return len && len < 256 && name[0] != '.' && !memchr(name, '/', len);
}

static struct block_pool *find_pool(struct block_search *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->n_pools; i++)
		if (!strncmp(s->pools[i].name, name, len) && !s->pools[i].name[len])
			return &s->pools[i];
	return NULL;
}

static int add_pool(struct block_search *s, const char *name, size_t len)
{
	struct block_pool *grown;
	char path[512], *kept;

	if (!is_pool_name(name, len) || find_pool(s, name, len) || s->n_pools >= POOLS_MAX)
		return 0;
	kept = arena_format(&s->u->inv->arena, "%.*s", (int)len, name);
	grown = reallocarray(s->pools, s->n_pools + 1, sizeof(*grown));
	if (grown)
		s->pools = grown;
	if (!grown || !kept)
		return -ENOMEM;
	grown[s->n_pools] = (struct block_pool){ .name = kept };
	snprintf(path, sizeof(path), KSTAT "/%s/guid", kept);
	if (host_read_text(s->u->h, -1, path, grown[s->n_pools].guid, sizeof(grown->guid)) <= 0)
		grown[s->n_pools].guid[0] = '\0';
	s->n_pools++;
	return 0;
}

/* Imported are those that have statistics, and those that something is mounted from. */
static int read_pools(struct block_search *s)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, KSTAT, &names);

	if (r == -ENOMEM)
		return r;
	r = 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64];

		snprintf(path, sizeof(path), KSTAT "/%s/state", names.items[i]);
		if (host_exists(s->u->h, path))
			r = add_pool(s, names.items[i], strlen(names.items[i]));
	}
	for (size_t i = 0; r == 0 && i < s->mounts.n; i++) {
		const char *source = s->mounts.items[i].source;

		if (streq(s->mounts.items[i].type, "zfs"))
			r = add_pool(s, source, strcspn(source, "/@"));
	}
	return r;
}

/* ---- their members ---- */

static struct block_pool *pool_of_label(struct block_search *s, const struct udev_entry *e)
{
	struct block_pool *pool = NULL;

	if (!e->fs_type || !streq(e->fs_type, "zfs_member"))
		return NULL;
	/* The GUID stays when a pool is renamed, which udev may not have seen. */
	for (size_t i = 0; e->fs_uuid && i < s->n_pools; i++)
		if (*s->pools[i].guid && streq(s->pools[i].guid, e->fs_uuid))
			return &s->pools[i];
	if (e->fs_label)
		pool = find_pool(s, e->fs_label, strlen(e->fs_label));
	return pool;
}

static void add_member(struct block_search *s, struct block *d, struct block_pool *pool)
{
	block_state(s, d)->pool = (unsigned)(pool - s->pools) + 1;
	pool->n_members++;
}

static int add_path(const char *pool_name, const char *path, void *userdata)
{
	struct block_search *s = userdata;
	struct block_pool *pool = find_pool(s, pool_name, strlen(pool_name));
	struct block *d = NULL;
	int r = 0;

	if (pool && str_after(path, "/dev/"))
		r = block_resolve(s, path, &d);
	if (r == 0 && d && !block_state(s, d)->pool)
		add_member(s, d, pool);
	return r;
}

static int read_cache(struct block_search *s)
{
	static const char path[] = "etc/zfs/zpool.cache";
	const char *data;
	size_t size;
	int r = s->u->h->ops->map(s->u->h, path, &data, &size);

	if (r < 0) {
		s->pools_in_part = r != -ENOENT && r != -ENOTDIR;
		return r == -ENOMEM ? r : 0;
	}
	r = zpool_cache_each(data, size, add_path, s);
	s->u->h->ops->unmap(s->u->h, data, size);
	/* What stood before the damage is believed, and there may be more behind it. */
	s->pools_in_part = r == -EBADMSG;
	return r == -EBADMSG ? 0 : r;
}

int block_zfs_read(struct block_search *s)
{
	int r = read_pools(s);

	for (size_t i = 0; r == 0 && s->n_pools && i < s->blocks.names.n; i++) {
		struct block *d = &s->blocks.items[i];
		const struct udev_entry *e = d->link && !d->hidden ? block_udev(s, d) : NULL;
		struct block_pool *pool = e ? pool_of_label(s, e) : NULL;

		if (!e && d->link && !d->hidden)
			return -ENOMEM;
		if (pool)
			add_member(s, d, pool);
	}
	return r == 0 && s->n_pools ? read_cache(s) : r;
}

int block_zfs_each(struct block_search *s, const char *dataset, block_fn fn, void *userdata)
{
	const struct block_pool *pool = find_pool(s, dataset, strcspn(dataset, "/@"));
	int r = 0;

	for (size_t i = 0; pool && r >= 0 && i < s->blocks.names.n; i++)
		if (s->states[i].pool == (unsigned)(pool - s->pools) + 1 &&
		    (!s->concerned || s->states[i].concerned))
			r = fn(s, &s->blocks.items[i], userdata);
	return r < 0 ? r : 0;
}

const char *block_zfs_pool(struct block_search *s, const struct block *d)
{
	unsigned pool = block_state(s, d)->pool;

	return pool ? s->pools[pool - 1].name : NULL;
}

static const struct block_pool *pool_of(struct block_search *s, const char *dataset)
{
	return find_pool(s, dataset, strcspn(dataset, "/@"));
}

/* ---- volumes ---- */

/* udev's link "zvol/POOL/NAME" tells whose "zd0" is. */
static const char *volume_name(const struct udev_entry *e)
{
	for (const char *const *l = e->links; *l; l++)
		if (str_after(*l, "zvol/"))
			return str_after(*l, "zvol/");
	return NULL;
}

static int add_volume(struct block_search *s, struct block *d)
{
	const struct udev_entry *e = block_udev(s, d);
	const char *name = e ? volume_name(e) : NULL;
	const struct block_pool *pool = name ? pool_of(s, name) : NULL;
	int r = 0;

	if (!e)
		return -ENOMEM;
	if (name) {
		block_state(s, d)->title =
			arena_format(&s->u->inv->arena, "ZFS volume %s (%s)", name, d->name);
		if (!block_state(s, d)->title)
			return -ENOMEM;
	}
	/* Where nothing tells it may be on any of them. */
	for (size_t i = 0; r == 0 && i < s->blocks.names.n; i++) {
		unsigned member = s->states[i].pool;

		if (member && (!pool || pool == &s->pools[member - 1]))
			r = blocks_add_edge(&s->blocks, d, &s->blocks.items[i], BLOCK_PART, NULL);
	}
	return r;
}

static bool is_volume(const struct block *d)
{
	const char *number = str_after(d->name, "zd");

	return d->is_virtual && d->disk < 0 && number && *number && !number[strspn(number, "0123456789")];
}

int block_zfs_edges(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && s->n_pools && i < s->blocks.names.n; i++)
		if (is_volume(&s->blocks.items[i]))
			r = add_volume(s, &s->blocks.items[i]);
	return r;
}

/* ---- notes ---- */

int block_zfs_notes(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		const struct block *d = &s->blocks.items[s->concerned[i]];
		const char *pool = block_zfs_pool(s, d);

		if (pool)
			r = block_note(s, d, "in-use-claimed", "part of the ZFS pool %s, which is imported", pool);
	}
	return r;
}

/* ---- doubt ---- */

/* A cache device has no label that udev knows, and no statistics tell its name: only that there is one. */
static int cache_is_used(struct block_search *s, bool *ret)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long size = 0;
	int r = block_read_file(s, KSTAT "/arcstats", &text);
	const char *line = text ? strstr(text, "\nl2_size ") : NULL;

	*ret = line && sscanf(line, " l2_size %*u %19llu", &size) == 1 && size;
	return r;
}

static bool guids_are_known(const struct block_search *s)
{
	for (size_t i = 0; i < s->n_pools; i++)
		if (!*s->pools[i].guid)
			return false;
	return true;
}

static bool is_blank(const struct udev_entry *e)
{
	return !e->fs_type || !*e->fs_type;
}

/* "zfs_member" without a name or a GUID that says whose it is; an exported pool has at least a name. */
static bool is_of_unknown_pool(const struct block_search *s, const struct udev_entry *e)
{
	if (is_blank(e))
		return e->ambivalent || (e->part_type && streq(e->part_type, ZFS_PARTITION));
	if (!streq(e->fs_type, "zfs_member") || (e->fs_label && *e->fs_label))
		return false;
	return !e->fs_uuid || !guids_are_known(s);
}

static int may_be_member(struct block_search *s, struct block *d, void *userdata)
{
	const bool *any_blank = userdata;
	const struct udev_entry *e = block_udev(s, d);

	if (!e)
		return -ENOMEM;
	return is_of_unknown_pool(s, e) || (*any_blank && is_blank(e) && e->known);
}

/* A pool none of whose members is known may be on anything that udev found nothing else on. */
static int may_be_on(struct block_search *s, struct block *d, void *userdata)
{
	const struct udev_entry *e = block_udev(s, d);

	if (!e)
		return -ENOMEM;
	return is_blank(e) || (streq(e->fs_type, "zfs_member") && pool_of_label(s, e) == NULL &&
			       (!e->fs_label || !*e->fs_label));
}

static int no_entry(struct block_search *s, struct block *d, void *userdata)
{
	const struct udev_entry *e = block_udev(s, d);

	return e ? !e->known : -ENOMEM;
}

static int doubt_pools(struct block_search *s, unsigned *ret_n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_pools; i++)
		if (!s->pools[i].n_members && (*ret_n)++ < POOLS_SHOWN)
			r = block_doubt(s, may_be_on, NULL,
					"The ZFS pool %s, which is imported, could not be followed to its disks",
					s->pools[i].name);
	return r;
}

static int doubt_members(struct block_search *s)
{
	bool cache;
	int r = cache_is_used(s, &cache);

	if (r < 0)
		return r;
	return block_doubt(s, may_be_member, &cache, "An imported ZFS pool %s",
			   cache ? "has a cache device that is not known" : "may have more disks than are known");
}

/* Log, cache and special devices are named there alone where udev finds no label. */
static int doubt_cache_file(struct block_search *s)
{
	return block_doubt(s, may_be_on, NULL,
			   "/etc/zfs/zpool.cache, which lists the disks of ZFS pools, could not be read to its end: "
			   "an imported pool may have more disks than are known");
}

static int doubt_without_entry(struct block_search *s)
{
	static const char some[] = "ZFS pools are imported, and which disks they are on is not known here: "
				   "ZFS does not say, and udev knows nothing of some disks.";

	for (size_t i = 0; i < s->n_concerned; i++) {
		int r = no_entry(s, &s->blocks.items[s->concerned[i]], NULL);

		if (r > 0)
			r = block_doubt(s, no_entry, NULL,
					"An imported ZFS pool may have disks of which udev knows nothing");
		else if (r == 0)
			continue;
		return r < 0 ? r : block_seen_in_part(s, "%s", some);
	}
	return 0;
}

int block_zfs_doubt(struct block_search *s)
{
	unsigned n = 0;
	int r = s->n_pools ? doubt_pools(s, &n) : 0;

	/* A pool without a known member may be on each of those as well. */
	if (r == 0 && s->n_pools && !n)
		r = s->pools_in_part ? doubt_cache_file(s) : doubt_members(s);
	return r == 0 && s->n_pools ? doubt_without_entry(s) : r;
}
