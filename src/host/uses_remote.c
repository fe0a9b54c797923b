/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The search for what comes from other machines: mounts, swap space and what stands on remote disks. */
#include <limits.h>

#include "host/uses_private.h"
#include "host/uses_remote_private.h"

enum {
	LAYERS_DEPTH = 4, /* overlays and loop devices on one another */
	SPACES_MAX = 256,
};

struct search {
	struct uses *u;
	struct blocks blocks;
	bool have_blocks;
	struct mount_table mounts; /* of our own namespace */
	bool *marked;		   /* by block: it stands on the remote disk that is looked at */
	const struct block *disk;  /* that one */
	struct remote_ends ends;   /* where it leads */
	char words[256];	   /* "iSCSI, iqn.…" */
	bool told;
};

/* ---- what stands on a disk ---- */

static const struct mount *mount_of_backing(struct search *s, const struct block *d, char path[PATH_MAX])
{
	char file[NAME_MAX + 32];

	snprintf(file, sizeof(file), "%s/loop/backing_file", d->name);
	if (!str_after(d->name, "loop") ||
	    host_read_text(s->u->h, s->blocks.dir, file, path, PATH_MAX) <= 0 || path[0] != '/')
		return NULL;
	return mounts_of_path(&s->mounts, path);
}

static struct block *block_of_mount(struct search *s, const struct mount *m)
{
	return s->have_blocks ? blocks_of_mount(&s->blocks, m) : NULL;
}

/* Marks what is not marked yet; true: something was. */
static bool mark_edges(struct search *s)
{
	bool more = false;

	for (size_t i = 0; i < s->blocks.n_edges; i++) {
		const struct block_edge *e = &s->blocks.edges[i];

		if (s->marked[e->lower] && !s->marked[e->upper])
			more = s->marked[e->upper] = true;
	}
	for (size_t i = 0; i < s->blocks.names.n; i++) {
		const struct block *d = &s->blocks.items[i];
		const struct mount *m;
		char path[PATH_MAX];

		if (s->marked[i])
			continue;
		if (d->disk >= 0) {
			s->marked[i] = s->marked[d->disk];
		} else if (d->is_virtual && (m = mount_of_backing(s, d, path))) {
			const struct block *below = block_of_mount(s, m);

			s->marked[i] = below && s->marked[block_index(&s->blocks, below)];
		}
		more |= s->marked[i];
	}
	return more;
}

/* A file system on several disks is lost with each: what names one of them names all. */
static int mark_groups(struct search *s)
{
	_cleanup_strv_ struct strv uuids = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, "sys/fs/btrfs", &uuids);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &uuids) {
		_cleanup_strv_ struct strv names = { 0 };
		char dir[NAME_MAX + 64];
		bool marked = false;

		snprintf(dir, sizeof(dir), "sys/fs/btrfs/%s/devices", uuids.items[i]);
		r = s->u->h->ops->list(s->u->h, -1, dir, &names);
		if (r == -ENOMEM)
			return r;
		for (size_t k = 0; r >= 0 && k < names.n; k++) {
			const struct block *d = blocks_find(&s->blocks, names.items[k]);

			marked |= d && s->marked[block_index(&s->blocks, d)];
		}
		for (size_t k = 0; r >= 0 && marked && k < names.n; k++) {
			const struct block *d = blocks_find(&s->blocks, names.items[k]);

			if (d)
				s->marked[block_index(&s->blocks, d)] = true;
		}
	}
	return 0;
}

static int mark(struct search *s)
{
	memset(s->marked, 0, s->blocks.names.n * sizeof(*s->marked));
	s->marked[block_index(&s->blocks, s->disk)] = true;
	for (unsigned i = 0; i < LAYERS_DEPTH && mark_edges(s); i++)
		if (mark_groups(s) < 0)
			return -ENOMEM;
	return 0;
}

/* ---- from a mount to what carries it ---- */

struct use {
	const char *code, *text; /* "mounted at /srv" */
};

/* d: is, or stands on, the remote disk that is looked at. */
static int add_block_use(struct search *s, const struct block *d, const struct use *use)
{
	_cleanup_free_ char *what = str_format("/dev/%s", d->name), *text = NULL;
	const char *place = d == s->disk || d->disk == (ssize_t)block_index(&s->blocks, s->disk) ? "" : " on ";

	if (what)
		for (char *p = what; (p = strchr(p, '!')); p++)
			*p = '/';
	text = str_format("%s%s%s (%s)", use->text, place, *place ? s->disk->name : "", s->words);
	if (!what || !text)
		return -ENOMEM;
	s->told = true;
	return remote_add(s->u, &s->ends, use->code, what, text);
}

static int use_of_mount(struct search *s, const struct mount_table *t, const struct mount *m,
			const struct use *use, unsigned depth);

static int use_of_path(struct search *s, const struct mount_table *t, const struct mount *above,
		       const char *path, const struct use *use, unsigned depth)
{
	const struct mount *m = *path == '/' ? mounts_of_path(t, path) : NULL;

	return m && m != above && depth < LAYERS_DEPTH ? use_of_mount(s, t, m, use, depth + 1) : 0;
}

/* The layers of an overlay: "lowerdir=/a:/b,upperdir=/c"; a colon in a name has a backslash before it. */
static int use_of_layers(struct search *s, const struct mount_table *t, const struct mount *m,
			 const struct use *use, unsigned depth)
{
	static const char *const keys[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=" };
	_cleanup_free_ char *options = strdup(m->super);
	char *rest = NULL;
	int r = 0;

	if (!options)
		return -ENOMEM;
	for (char *word = strtok_r(options, ",", &rest); r == 0 && word; word = strtok_r(NULL, ",", &rest))
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
			char *layer, *more;

			if (!str_after(word, keys[i]))
				continue;
			word += strlen(keys[i]);
			mounts_decode(word);
			for (layer = strtok_r(word, ":", &more); r == 0 && layer; layer = strtok_r(NULL, ":", &more))
				r = use_of_path(s, t, m, layer, use, depth);
			break;
		}
	return r;
}

/* Only for the disk that is looked at, or (without one) for what is no disk. */
static int use_of_mount(struct search *s, const struct mount_table *t, const struct mount *m,
			const struct use *use, unsigned depth)
{
	const struct mount *below;
	char path[PATH_MAX];
	struct block *d;

	if (streq(m->type, "overlay"))
		return use_of_layers(s, t, m, use, depth);
	if (uses_is_remote_mount(m)) {
		return s->disk ? 0 : uses_remote_mount(s->u, m, use->code, use->text, NULL);
	}
	d = block_of_mount(s, m);
	if (!d)
		return 0;
	if (s->disk)
		return s->marked[block_index(&s->blocks, d)] ? add_block_use(s, d, use) : 0;
	if (streq(m->type, "gfs2") || streq(m->type, "ocfs2"))
		return uses_remote_mount(s->u, m, use->code, use->text, NULL);
	if (d->disk >= 0)
		d = &s->blocks.items[d->disk];
	below = mount_of_backing(s, d, path);
	return below && below != m && depth < LAYERS_DEPTH ? use_of_mount(s, t, below, use, depth + 1) : 0;
}

/* ---- the mounts of a namespace ---- */

static int uses_of_mounts(struct search *s, const struct mount_table *t, const char *who, bool first)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const struct mount *m = &t->items[i];
		bool vital = mount_is_system(m->point) && (!who || first);
		_cleanup_free_ char *text = NULL;
		struct use use = { .code = vital ? "root-filesystem" : who ? "in-use-mount-namespace" : "in-use-mount" };

		/* Whatever is mounted upon one point hides what was there before, which is in use all the same. */
		text = str_format("%s at %s%s%s", streq(m->type, "overlay") ? "used below the overlay" : "mounted",
				  m->point, who ? " in the mount namespace of " : "", who ? who : "");
		if (!text)
			return -ENOMEM;
		use.text = text;
		r = use_of_mount(s, t, m, &use, 0);
	}
	return r;
}

static bool is_among(const uint64_t *items, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (items[i] == v)
			return true;
	return false;
}

/* What our own namespace has as well was told. */
static void drop_known(struct mount_table *t, const struct mount_table *own)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		bool known = false;

		for (size_t k = 0; !known && k < own->n; k++)
			known = t->items[i].major == own->items[k].major && t->items[i].minor == own->items[k].minor &&
				streq(t->items[i].point, own->items[k].point);
		if (!known)
			t->items[n++] = t->items[i];
	}
	t->n = n;
}

static int uses_elsewhere(struct search *s)
{
	const struct processes *procs = s->u->procs;
	uint64_t seen[SPACES_MAX];
	size_t n = 0;

	for (size_t i = 0; procs && i < procs->n && n < SPACES_MAX; i++) {
		const struct process *p = &procs->items[i];
		struct mount_table t;
		const char *text;
		char path[64], who[128];
		size_t size;
		int r;

		if (!p->mnt_ns || p->mnt_ns == procs->own_mnt_ns || is_among(seen, n, p->mnt_ns))
			continue;
		snprintf(path, sizeof(path), "proc/%d/mountinfo", p->pid);
		r = s->u->h->ops->map(s->u->h, path, &text, &size);
		if (r == -ENOMEM)
			return r;
		/* block_mounts_elsewhere() says what cannot be read. */
		if (r < 0)
			continue;
		seen[n++] = p->mnt_ns;
		r = mounts_parse(text, &t);
		s->u->h->ops->unmap(s->u->h, text, size);
		if (r < 0)
			return r;
		drop_known(&t, &s->mounts);
		process_describe(p, who, sizeof(who));
		r = uses_of_mounts(s, &t, who, p->pid == 1);
		mounts_free(&t);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- swap, hibernation ---- */

static int use_of_swap(struct search *s, char *path)
{
	_cleanup_free_ char *text = NULL;
	struct use use = { .code = "in-use-swap" };
	const struct block *d;

	if (!str_after(path, "/dev/")) {
		text = str_format("holding the swap file %s", path);
		use.text = text;
		return text ? use_of_path(s, &s->mounts, NULL, path, &use, 0) : -ENOMEM;
	}
	d = s->disk ? blocks_by_path(&s->blocks, path) : NULL;
	use.text = "used as swap space";
	return d && s->marked[block_index(&s->blocks, d)] ? add_block_use(s, d, &use) : 0;
}

static int uses_of_swaps(struct search *s)
{
	const char *text;
	char *copy, *rest;
	size_t size;
	int r = s->u->h->ops->map(s->u->h, "proc/swaps", &text, &size);

	/* block_swaps() says what cannot be read. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	copy = strdup(text);
	s->u->h->ops->unmap(s->u->h, text, size);
	if (!copy)
		return -ENOMEM;
	r = 0;
	for (char *line = strtok_r(copy, "\n", &rest); r == 0 && line; line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " \t")] = '\0';
		mounts_decode(line);
		if (*line == '/')
			r = use_of_swap(s, line);
	}
	free(copy);
	return r;
}

static int use_of_resume(struct search *s)
{
	struct use use = { .code = "in-use-resume",
			   .text = "configured as the place from which the host resumes after hibernation" };
	unsigned major = 0, minor = 0;
	const struct block *d;
	char text[32];

	if (host_read_text(s->u->h, -1, "sys/power/resume", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%9u:%9u", &major, &minor) != 2 || !major)
		return 0;
	d = blocks_by_number(&s->blocks, major, minor);
	return d && s->marked[block_index(&s->blocks, d)] ? add_block_use(s, d, &use) : 0;
}

/* ---- the search ---- */

static int look_at_all(struct search *s)
{
	int r = uses_of_mounts(s, &s->mounts, NULL, false);

	if (r == 0)
		r = uses_elsewhere(s);
	if (r == 0)
		r = uses_of_swaps(s);
	return r;
}

/* A disk that is not mounted may be open, or part of a pool: its connection is the host's all the same. */
static int look_at_disk(struct search *s, const struct block *disk)
{
	struct use use = { .code = "in-use-remote-disk", .text = "connected" };
	int r;

	s->disk = disk;
	s->told = false;
	s->ends = (struct remote_ends){ .kind = REMOTE_NETWORK };
	r = remote_follow_disk(s->u, &s->blocks, disk, &s->ends, s->words, sizeof(s->words));
	if (r == 0)
		r = mark(s);
	if (r == 0)
		r = look_at_all(s);
	if (r == 0)
		r = use_of_resume(s);
	return r == 0 && !s->told ? add_block_use(s, disk, &use) : r;
}

static int look_at_disks(struct search *s)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->blocks.names.n; i++) {
		if (!uses_is_remote_disk(&s->blocks, &s->blocks.items[i]))
			continue;
		if (!any)
			r = blocks_read_slaves(&s->blocks);
		any = true;
		if (r == 0)
			r = look_at_disk(s, &s->blocks.items[i]);
	}
	s->disk = NULL;
	return r;
}

static int open_blocks(struct search *s)
{
	int r = blocks_open(&s->blocks, s->u->h, s->u->inv, true);

	/* uses_block() says what cannot be listed. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	s->have_blocks = true;
	s->marked = calloc(s->blocks.names.n + 1, sizeof(*s->marked));
	return s->marked ? 0 : -ENOMEM;
}

/* A NIC, a port of a fabric, or a device of virtio: whatever a server may be reached through. */
static bool anything_asked(const struct uses *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++)
		if (uses_wants(u, i) && !u->inv->functions[i].bridge &&
		    u->inv->functions[i].driver.state != VFIOADM_NONE)
			return true;
	return false;
}

int uses_remote(struct uses *u)
{
	struct search s = { .u = u };
	int r;

	if (!anything_asked(u))
		return 0;
	r = uses_mounts(s.u, &s.mounts);
	if (r == 0)
		r = open_blocks(&s);
	if (r == 0)
		r = look_at_all(&s);
	if (r == 0 && s.have_blocks)
		r = look_at_disks(&s);
	free(s.marked);
	mounts_free(&s.mounts);
	if (s.have_blocks)
		blocks_close(&s.blocks);
	return r;
}

int uses_remote_disk(struct uses *u, const struct blocks *b, const struct block *disk, const char *code,
		     const char *what, const char *text, bool *ret_ended)
{
	struct remote_ends ends = { .kind = REMOTE_NETWORK };
	_cleanup_free_ char *more = NULL;
	char words[256];
	int r = remote_follow_disk(u, b, disk, &ends, words, sizeof(words));

	if (ret_ended)
		*ret_ended = remote_ended(&ends);
	if (r < 0)
		return r;
	more = str_format("%s (%s)", text, words);
	return more ? remote_add(u, &ends, code, what, more) : -ENOMEM;
}
