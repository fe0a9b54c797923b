/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounted file systems and swap space, as our own mount namespace and the kernel have them. */
#include <limits.h>

#include "host/uses_block.h"

enum {
	LAYERS_DEPTH = 4, /* overlays on overlays */
};

/* ---- file systems on several disks ---- */

static unsigned group_of_names(struct block_search *s, const char *dir, const struct strv *names,
			       const char *below)
{
	unsigned group = ++s->n_groups;

	STRV_FOREACH (i, names) {
		char path[NAME_MAX * 2 + 64], name[NAME_MAX + 1];
		const struct block *d = NULL;

		if (!below)
			d = blocks_find(&s->blocks, names->items[i]);
		else if (str_after(names->items[i], "dev-")) {
			snprintf(path, sizeof(path), "%s/%s/%s", dir, names->items[i], below);
			if (host_link_name(s->u->h, -1, path, name, sizeof(name)) >= 0)
				d = blocks_find(&s->blocks, name);
		}
		if (d)
			block_state(s, d)->group = group;
	}
	return group;
}

/* /sys/fs/btrfs/UUID/devices/NAME, /sys/fs/bcachefs/UUID/dev-0/block. */
static int read_groups(struct block_search *s, const char *type, const char *rest, const char *below)
{
	_cleanup_strv_ struct strv uuids = { 0 };
	char dir[NAME_MAX + 64];
	int r;

	snprintf(dir, sizeof(dir), "sys/fs/%s", type);
	r = s->u->h->ops->list(s->u->h, -1, dir, &uuids);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &uuids) {
		_cleanup_strv_ struct strv names = { 0 };

		snprintf(dir, sizeof(dir), "sys/fs/%s/%s%s", type, uuids.items[i], rest);
		r = s->u->h->ops->list(s->u->h, -1, dir, &names);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			group_of_names(s, dir, &names, below);
	}
	return 0;
}

int block_mounts_read(struct block_search *s)
{
	struct host *h = s->u->h;
	const char *text = s->u->mountinfo;
	size_t size = 0;
	int r = 0;

	/* A captured root may hold them under the name of init. */
	if (!text)
		r = h->ops->map(h, "proc/1/mountinfo", &text, &size);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		text = NULL;
	s->mounts_known = text;
	if (text)
		r = mounts_parse(text, &s->mounts);
	else
		/* A root that has no such file at all has no mounts: nobody runs it. */
		r = (r == -ENOENT && !uses_is_kernel(s->u) ? block_seen_in_part : block_unseen)(
			s, "Which file systems are mounted could not be read.");
	if (text && !s->u->mountinfo)
		h->ops->unmap(h, text, size);
	if (r == 0)
		r = read_groups(s, "btrfs", "/devices", NULL);
	if (r == 0)
		r = read_groups(s, "bcachefs", "", "block");
	if (r == 0)
		r = block_journals_read(s);
	if (r == 0)
		r = block_multi_read(s);
	return r == 0 ? block_zfs_read(s) : r;
}

/* ---- from a mount to block devices ---- */

/* Once all edges are known the numbers of few blocks need to be read. */
static struct block *block_of_number(struct block_search *s, const struct mount *m)
{
	uint64_t want = (uint64_t)m->major << 32 | m->minor;

	if (!s->concerned)
		return blocks_by_number(&s->blocks, m->major, m->minor);
	for (size_t i = 0; i < s->n_concerned; i++) {
		struct block *d = &s->blocks.items[s->concerned[i]];

		if (block_number(&s->blocks, d) && d->dev.value == want)
			return d;
	}
	return NULL;
}

struct block *block_of_mount(struct block_search *s, const struct mount *m)
{
	return blocks_of_mount(&s->blocks, m);
}

static int each_member(struct block_search *s, const struct mount *m, block_fn fn, void *userdata)
{
	struct block *d = m->major ? block_of_number(s, m) : blocks_of_mount(&s->blocks, m);
	unsigned group = d ? block_state(s, d)->group : 0;
	int r = 0;

	if (streq(m->type, "zfs"))
		return block_zfs_each(s, m->source, fn, userdata);
	if (!d || !group) {
		r = d && (!s->concerned || block_state(s, d)->concerned) ? fn(s, d, userdata) : 0;
		return r < 0 ? r : block_each_further(s, m, fn, userdata);
	}
	for (size_t i = 0; r >= 0 && i < s->blocks.names.n; i++)
		if (s->states[i].group == group && (!s->concerned || s->states[i].concerned))
			r = fn(s, &s->blocks.items[i], userdata);
	return r < 0 ? r : 0;
}

static int each_of_mount(struct block_search *s, const struct mount_table *t, const struct mount *m,
			 block_fn fn, void *userdata, unsigned depth);

static int each_of_layer(struct block_search *s, const struct mount_table *t, const struct mount *overlay,
			 const char *layer, block_fn fn, void *userdata, unsigned depth)
{
	const struct mount *m = *layer == '/' ? mounts_of_path(t, layer) : NULL;

	return m && m != overlay ? each_of_mount(s, t, m, fn, userdata, depth + 1) : 0;
}

/* "/a:/b::/data"; a colon in a name has a backslash before it. */
static int each_of_layers(struct block_search *s, const struct mount_table *t, const struct mount *m,
			  char *layers, block_fn fn, void *userdata, unsigned depth)
{
	char *out = layers, *start = layers;
	int r = 0;

	for (const char *in = layers; r == 0; in++) {
		bool end = !*in;

		if (*in == '\\' && in[1]) {
			*out++ = *++in;
			continue;
		}
		if (!end && *in != ':') {
			*out++ = *in;
			continue;
		}
		*out = '\0';
		if (*start)
			r = each_of_layer(s, t, m, start, fn, userdata, depth);
		if (end)
			break;
		start = ++out;
	}
	return r;
}

static int each_of_overlay(struct block_search *s, const struct mount_table *t, const struct mount *m,
			   block_fn fn, void *userdata, unsigned depth)
{
	static const char *const keys[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=" };
	_cleanup_free_ char *options = strdup(m->super);
	char *rest = NULL;
	int r = 0;

	if (!options)
		return -ENOMEM;
	for (char *word = strtok_r(options, ",", &rest); r == 0 && word; word = strtok_r(NULL, ",", &rest)) {
		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(keys); i++) {
			if (!str_after(word, keys[i]))
				continue;
			word += strlen(keys[i]);
			mounts_decode(word);
			r = each_of_layers(s, t, m, word, fn, userdata, depth);
			break;
		}
	}
	return r;
}

static int each_of_mount(struct block_search *s, const struct mount_table *t, const struct mount *m,
			 block_fn fn, void *userdata, unsigned depth)
{
	if (!streq(m->type, "overlay"))
		return each_member(s, m, fn, userdata);
	return depth < LAYERS_DEPTH ? each_of_overlay(s, t, m, fn, userdata, depth) : 0;
}

int block_each_of_mount(struct block_search *s, const struct mount_table *t, const struct mount *m,
			block_fn fn, void *userdata)
{
	return each_of_mount(s, t, m, fn, userdata, 0);
}

int block_each_of_path(struct block_search *s, const char *path, block_fn fn, void *userdata)
{
	const struct mount *m = *path == '/' ? mounts_of_path(&s->mounts, path) : NULL;

	return m ? block_each_of_mount(s, &s->mounts, m, fn, userdata) : 0;
}

/* ---- our own namespace ---- */

/* The most important first, the others in their order. */
static int count_mount(struct block_search *s, struct block *d, void *userdata)
{
	struct block_state *state = block_state(s, d);
	const char *point = userdata;

	state->shown = true;
	if (mount_rank(point) > state->rank) {
		memmove(state->points + 1, state->points, (POINTS_SHOWN - 1) * sizeof(state->points[0]));
		state->points[0] = point;
		state->rank = mount_rank(point);
	} else if (state->n_points < POINTS_SHOWN) {
		state->points[state->n_points] = point;
	}
	state->n_points++;
	return 0;
}

static int count_disks(struct block_search *s, unsigned group)
{
	int n = 0;

	for (size_t i = 0; group && i < s->blocks.names.n; i++)
		n += s->states[i].group == group;
	return n;
}

/* "mounted at /srv/a, /srv/b and 3 other places" */
static int note_mounts(struct block_search *s, const struct block *d)
{
	const struct block_state *state = block_state(s, d);
	unsigned n = state->n_points, shown = n > POINTS_SHOWN ? 2 : n;
	int disks = count_disks(s, state->group);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *places = NULL;

	for (unsigned i = 0; i < shown; i++)
		strbuf_addf(&text, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", state->points[i]);
	if (n > shown)
		strbuf_addf(&text, " and %u other places", n - shown);
	if (disks > 1)
		strbuf_addf(&text, ", on one of %d disks of its file system", disks);
	if (block_zfs_pool(s, d))
		strbuf_addf(&text, ", in the ZFS pool %s", block_zfs_pool(s, d));
	places = strbuf_take(&text);
	if (!places)
		return -ENOMEM;
	return block_note(s, d, state->rank >= MOUNT_SYSTEM ? "root-filesystem" : "in-use-mount", "%s%s%smounted at %s",
			  state->role ? "holding the " : "", state->role ? state->role : "",
			  state->role ? " of the file system " : "", places);
}

/* Its layers are mounted themselves as a rule, but nobody sees that the overlay goes with them. */
static int note_layer(struct block_search *s, struct block *d, void *userdata)
{
	const struct mount *m = userdata;

	block_state(s, d)->shown = true;
	return block_note(s, d, mount_is_system(m->point) ? "root-filesystem" : "in-use-mount",
			  "used below the overlay at %s", m->point);
}

/* A layer that is below the overlay itself, or below nothing, is on a file system that no mount shows. */
static bool layer_is_lost(const struct mount_table *t, const struct mount *m, const char *layer)
{
	const struct mount *on = *layer == '/' ? mounts_of_path(t, layer) : NULL;

	return !on || on == m;
}

int block_overlay_is_lost(const struct mount_table *t, const struct mount *m, bool *ret)
{
	static const char *const keys[] = { "lowerdir=", "lowerdir+=", "datadir+=", "upperdir=" };
	_cleanup_free_ char *options = strdup(m->super);
	char *rest = NULL;
	bool any = false;

	if (!options)
		return -ENOMEM;
	*ret = false;
	for (char *word = strtok_r(options, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			const char *value = str_after(word, keys[i]);
			char *end = NULL;

			if (!value)
				continue;
			for (char *layer = strtok_r(word + strlen(keys[i]), ":", &end); layer;
			     layer = strtok_r(NULL, ":", &end)) {
				mounts_decode(layer);
				*ret |= layer_is_lost(t, m, layer);
				any = true;
			}
		}
	}
	*ret |= !any;
	return 0;
}

/* A live system names its layers as they were called before it became the root: each image that is mounted may be one. */
static bool may_be_layer(const struct mount *m)
{
	static const char *const types[] = { "squashfs", "erofs", "cramfs", "iso9660", "udf" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(m->type, types[i]))
			return true;
	return false;
}

static int note_lost_layers(struct block_search *s, const struct mount *overlay)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mounts.n; i++)
		if (may_be_layer(&s->mounts.items[i]))
			r = block_each_of_mount(s, &s->mounts, &s->mounts.items[i], note_layer, (void *)overlay);
	return r;
}

static int note_overlay(struct block_search *s, const struct mount *m)
{
	bool lost = false;
	int r = block_each_of_mount(s, &s->mounts, m, note_layer, (void *)m);

	if (r == 0 && mount_is_system(m->point))
		r = block_overlay_is_lost(&s->mounts, m, &lost);
	s->layers_lost |= lost;
	return r == 0 && lost ? note_lost_layers(s, m) : r;
}

int block_mounts(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mounts.n; i++) {
		const struct mount *m = &s->mounts.items[i];

		if (!streq(m->type, "overlay"))
			r = block_each_of_mount(s, &s->mounts, m, count_mount, (void *)m->point);
	}
	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		const struct block *d = &s->blocks.items[s->concerned[i]];

		if (block_state(s, d)->n_points)
			r = note_mounts(s, d);
	}
	for (size_t i = 0; r == 0 && i < s->mounts.n; i++) {
		const struct mount *m = &s->mounts.items[i];

		if (streq(m->type, "overlay"))
			r = note_overlay(s, m);
	}
	return r;
}

/* ---- file systems that no mount shows ---- */

static int note_hidden(struct block_search *s, const struct block *d, const char *type)
{
	if (!block_state(s, d)->concerned || block_state(s, d)->shown)
		return 0;
	block_state(s, d)->shown = true;
	if (s->layers_lost)
		return block_note(s, d, "root-filesystem",
				  "holding a file system (%s) that is mounted where it cannot be seen, while layers of the "
				  "root file system are not known",
				  type);
	return block_note(s, d, "in-use-mount",
			  "holding a file system (%s) that is mounted where it cannot be seen: it was unmounted "
			  "lazily and is still busy, or a mount namespace without a process keeps it",
			  type);
}

/* These have an entry for each device that is mounted, whoever sees it. */
static int look_for(struct block_search *s, const char *dir, const char *type)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, dir, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const struct block *d = blocks_find(&s->blocks, names.items[i]);

		r = d ? note_hidden(s, d, type) : 0;
	}
	return r;
}

int block_mounts_hidden(struct block_search *s)
{
	static const struct {
		const char *dir, *type;
	} kinds[] = {
		{ "sys/fs/ext4", "ext4" },	   { "sys/fs/xfs", "xfs" },	      { "sys/fs/f2fs", "f2fs" },
		{ "sys/fs/nilfs2", "nilfs2" },	   { "sys/fs/erofs", "erofs" },	      { "sys/fs/zonefs", "zonefs" },
		{ "proc/fs/ntfs3", "ntfs3" },	   { "proc/fs/reiserfs", "reiserfs" }, { "sys/fs/ldiskfs", "ldiskfs" },
	};
	int r = 0;

	/* Where our own mounts are not known, nothing is hidden. */
	if (!s->mounts_known)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
		r = look_for(s, kinds[i].dir, kinds[i].type);
	for (size_t i = 0; r == 0 && i < s->n_concerned; i++)
		if (s->states[s->concerned[i]].group)
			r = note_hidden(s, &s->blocks.items[s->concerned[i]], "btrfs or bcachefs");
	return r;
}

/* ---- swap space ---- */

static int note_swap_file(struct block_search *s, struct block *d, void *userdata)
{
	return block_note(s, d, "in-use-swap", "holding the swap file %s", (const char *)userdata);
}

static int note_swap(struct block_search *s, char *path)
{
	struct block *d;

	if (!str_after(path, "/dev/"))
		return block_each_of_path(s, path, note_swap_file, path);
	d = blocks_by_path(&s->blocks, path);
	if (!d)
		return 0;
	block_state(s, d)->swap = true;
	return block_note(s, d, "in-use-swap", "used as swap space");
}

int block_swaps(struct block_search *s)
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL;
	int r = block_read_file(s, "proc/swaps", &text);

	if (r < 0 || !text)
		return r;
	for (char *line = strtok_r(text, "\n", &rest); r == 0 && line; line = strtok_r(NULL, "\n", &rest)) {
		line[strcspn(line, " \t")] = '\0';
		mounts_decode(line);
		if (*line == '/')
			r = note_swap(s, line);
	}
	return r;
}
