/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands on what: from a volume down to the disks that it is made of, and back in words. */
#include <limits.h>

#include "host/uses_block.h"

enum {
	/* Another root may claim any number of devices on one another. */
	STEPS_MAX = 4000000,
};

/* ---- edges ---- */

struct carrying {
	const struct block *upper;
	const char *file;
};

static int stands_on(struct block_search *s, struct block *d, void *userdata)
{
	const struct carrying *c = userdata;

	return d == c->upper ? 0 : blocks_add_edge(&s->blocks, c->upper, d, BLOCK_FILE, c->file);
}

static int stands_on_path(struct block_search *s, const struct block *upper, const char *path,
			  enum block_how how)
{
	struct carrying c = { upper, NULL };
	struct block *lower;

	if (str_after(path, "/dev/")) {
		lower = blocks_by_path(&s->blocks, path);
		return lower && lower != upper ? blocks_add_edge(&s->blocks, upper, lower, how, NULL) : 0;
	}
	c.file = arena_strdup(&s->u->inv->arena, path);
	return c.file ? block_each_of_path(s, path, stands_on, &c) : -ENOMEM;
}

/*
 * A file's path is as the namespace says in which it was opened, and nothing tells which one that is: it is
 * looked for in our own. Where that is wrong the disk that carries it is mounted elsewhere, and told as such.
 */
static int read_backing(struct block_search *s, const struct block *d)
{
	bool zram = str_after(d->name, "zram");
	char file[NAME_MAX + 32], path[PATH_MAX];

	snprintf(file, sizeof(file), "%s/%s", d->name, zram ? "backing_dev" : "loop/backing_file");
	if (host_read_text(s->u->h, s->blocks.dir, file, path, sizeof(path)) <= 0 || path[0] != '/')
		return 0;
	return stands_on_path(s, d, path, zram ? BLOCK_BACKING : BLOCK_NODE);
}

static int read_all_backing(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->blocks.names.n; i++) {
		const struct block *d = &s->blocks.items[i];

		if (d->is_virtual && d->disk < 0 && (str_after(d->name, "loop") || str_after(d->name, "zram")))
			r = read_backing(s, d);
	}
	return r;
}

/* ---- which of them are concerned ---- */

static int compare_upper(const void *x, const void *y)
{
	const struct block_edge *a = x, *b = y;

	if (a->upper != b->upper)
		return a->upper < b->upper ? -1 : 1;
	return a->lower < b->lower ? -1 : a->lower > b->lower;
}

static int compare_lower(const void *x, const void *y)
{
	const struct block_edge *const *a = x, *const *b = y;

	return (*a)->lower < (*b)->lower ? -1 : (*a)->lower > (*b)->lower;
}

struct asked {
	const struct uses *u;
	bool wanted;
};

static int ask(const struct block_carrier *c, void *userdata)
{
	struct asked *a = userdata;

	a->wanted |= c->function >= 0 && uses_wants(a->u, (size_t)c->function);
	return 0;
}

static int is_wanted(struct block_search *s, const struct block *d, bool *ret)
{
	struct asked a = { .u = s->u };
	int r = d->hidden ? 0 : blocks_each_carrier(&s->blocks, d, ask, &a);

	*ret = a.wanted;
	return r;
}

static void concern(struct block_search *s, size_t i)
{
	if (s->states[i].concerned)
		return;
	s->states[i].concerned = true;
	s->concerned[s->n_concerned++] = i;
}

/* From the disks of the wanted functions upwards. by_lower: all edges, sorted by what is below. */
static int spread_up(struct block_search *s, const struct block_edge *const *by_lower)
{
	size_t n = s->blocks.n_edges;

	for (size_t i = 0; i < s->blocks.names.n; i++) {
		bool wanted;
		int r = is_wanted(s, &s->blocks.items[i], &wanted);

		if (r < 0)
			return r;
		if (wanted)
			concern(s, i);
	}
	for (size_t k = 0; k < s->n_concerned; k++) {
		size_t low = 0, high = n, lower = s->concerned[k];

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (by_lower[middle]->lower < lower)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < n && by_lower[low]->lower == lower; low++) {
			s->states[lower].covered |= by_lower[low]->how != BLOCK_PARTITION;
			concern(s, by_lower[low]->upper);
		}
	}
	return 0;
}

static int sort_edges(struct block_search *s)
{
	struct blocks *b = &s->blocks;
	const struct block_edge **by_lower = calloc(b->n_edges + 1, sizeof(*by_lower));
	int r;

	if (!by_lower)
		return -ENOMEM;
	if (b->n_edges)
		qsort(b->edges, b->n_edges, sizeof(*b->edges), compare_upper);
	for (size_t i = 0; i < b->n_edges; i++) {
		struct block_state *upper = &s->states[b->edges[i].upper];

		if (!upper->n_edges++)
			upper->first_edge = i;
		by_lower[i] = &b->edges[i];
	}
	if (b->n_edges)
		qsort(by_lower, b->n_edges, sizeof(*by_lower), compare_lower);
	r = spread_up(s, by_lower);
	free(by_lower);
	return r;
}

int block_stack_read(struct block_search *s)
{
	int r = blocks_read_slaves(&s->blocks);

	if (r == 0)
		r = block_unlinked_edges(s);
	if (r == 0)
		r = block_zfs_edges(s);
	if (r == 0)
		r = read_all_backing(s);
	if (r < 0)
		return r;
	s->concerned = calloc(s->blocks.names.n + 1, sizeof(*s->concerned));
	return s->concerned ? sort_edges(s) : -ENOMEM;
}

/* ---- a path through a multipath device ---- */

struct others {
	struct block_search *s;
	const struct block *path;
	char over[64];
	unsigned n, n_live;
};

static bool is_running(struct block_search *s, const struct block *d)
{
	char file[NAME_MAX + 32], text[32];

	snprintf(file, sizeof(file), "%s/device/state", d->name);
	return host_read_text(s->u->h, s->blocks.dir, file, text, sizeof(text)) <= 0 ||
	       streq(text, "running") || streq(text, "live");
}

/* Two paths over one function are both lost with it. */
static void count_other(struct others *o, const struct block *lower)
{
	const struct block *disk = lower->disk >= 0 ? &o->s->blocks.items[lower->disk] : lower;

	if (lower == o->path || (lower->function >= 0 && lower->function == o->path->function))
		return;
	o->n++;
	if (!is_running(o->s, disk) || o->n_live++)
		return;
	snprintf(o->over, sizeof(o->over), "%.40s",
		 lower->function >= 0 ? o->s->u->inv->functions[lower->function].address : lower->name);
}

static bool is_multipath(struct block_search *s, const struct block *d)
{
	const char *title = block_title(s, d);

	return title && str_after(title, "multipath device ");
}

static void describe_path(struct block_search *s, struct strbuf *text, const struct block *d,
			  const struct block *mpath)
{
	const struct block_state *state = block_state(s, mpath);
	struct others o = { .s = s, .path = d };

	for (size_t i = 0; i < state->n_edges; i++)
		count_other(&o, &s->blocks.items[s->blocks.edges[state->first_edge + i].lower]);
	if (o.n_live)
		strbuf_addf(text, "used as a path of %s, which has another path over %s", block_title(s, mpath), o.over);
	else
		strbuf_addf(text, "used as the only %spath of %s", o.n ? "live " : "", block_title(s, mpath));
}

/* ---- the way from a disk up to what is used, in words ---- */

static int describe_step(struct block_search *s, struct strbuf *text, const struct block_edge *e, bool first)
{
	const struct block *upper = &s->blocks.items[e->upper], *lower = &s->blocks.items[e->lower];
	const char *title = block_title(s, upper);

	if (!title)
		return -ENOMEM;
	if (e->how == BLOCK_PARTITION)
		return 0;
	if (!first)
		strbuf_addf(text, ", below %s", title);
	else if (e->how == BLOCK_FILE)
		strbuf_addf(text, "holding %s (file %s)", title, e->file);
	else if (e->how == BLOCK_NODE)
		strbuf_addf(text, "holding %s", title);
	else if (e->how == BLOCK_BACKING)
		strbuf_addf(text, "backing %s", title);
	else if (is_multipath(s, upper))
		describe_path(s, text, lower, upper);
	else
		strbuf_addf(text, "part of %s", title);
	return 0;
}

/* "part of RAID array md0 (raid1), below LVM volume vg0-root (dm-3)" */
static int describe_way(struct block_search *s, size_t from, size_t to, struct strbuf *text)
{
	for (size_t i = from; i != to;) {
		const struct block_edge *e = &s->blocks.edges[s->states[i].via];
		int r = describe_step(s, text, e, !text->len);

		if (r < 0)
			return r;
		i = e->upper;
	}
	return 0;
}

/* ---- notes ---- */

/* A disk below what is mounted is not mounted itself: it is part of something. */
static const char *code_below(const char *code)
{
	return streq(code, "in-use-mount") || streq(code, "in-use-swap") ? "in-use-holder" : code;
}

static bool is_warning(const char *code)
{
	return str_after(code, "configured-") || streq(code, "signature");
}

/* These tell as well that something stands on the disks below; others are about that something only. */
static bool tells_of_holder(const char *code)
{
	return streq(code_below(code), "in-use-holder") || streq(code, "root-filesystem");
}

static int add_note(struct block_search *s, size_t block, const char *code, const char *what, char *why)
{
	if (!why)
		return -ENOMEM;
	if (s->n_notes == s->room) {
		size_t room = s->room ? s->room * 2 : 32;
		struct block_note *grown = reallocarray(s->notes, room, sizeof(*grown));

		if (!grown) {
			free(why);
			return -ENOMEM;
		}
		s->notes = grown;
		s->room = room;
	}
	s->notes[s->n_notes] = (struct block_note){ block, s->n_notes, code, what, why };
	s->n_notes++;
	s->states[block].used |= !is_warning(code);
	return 0;
}

/* i: a disk that was reached from top. */
static int note_disk(struct block_search *s, size_t i, size_t top, const char *code, const char *what,
		     const char *text)
{
	_cleanup_strbuf_ struct strbuf way = { 0 };
	const char *name = s->blocks.items[i].name;
	bool wanted;
	int r = is_wanted(s, &s->blocks.items[i], &wanted);

	if (r < 0 || !wanted)
		return r;
	if (i == top)
		return *text ? add_note(s, i, code, what, strdup(text)) : 0;
	r = describe_way(s, i, top, &way);
	if (r < 0 || way.failed || !way.s)
		return r < 0 || way.failed ? -ENOMEM : 0;
	return add_note(s, i, code_below(code), what,
			what  ? str_format("%s, and %s is %s", text, name, way.s) :
			*text ? str_format("%s, %s", way.s, text) :
				strdup(way.s));
}

int block_stack_note(struct block_search *s, const struct block *d, const char *code, const char *what,
		     char *text)
{
	_cleanup_free_ char *owned = text;
	size_t top = block_index(&s->blocks, d), n = 0;
	int r = 0;

	if (!s->states[top].concerned)
		return 0;
	s->states[top].used |= !is_warning(code);
	s->round++;
	s->states[top].seen = s->round;
	s->queue[n++] = top;
	for (size_t k = 0; r == 0 && k < n; k++) {
		struct block_state *state = &s->states[s->queue[k]];

		state->explained |= tells_of_holder(code);
		r = note_disk(s, s->queue[k], top, code, what, owned);
		for (size_t i = state->first_edge; i < state->first_edge + state->n_edges; i++) {
			struct block_state *lower = &s->states[s->blocks.edges[i].lower];

			if (!lower->concerned || lower->seen == s->round)
				continue;
			s->cut |= s->steps++ >= STEPS_MAX;
			if (s->cut)
				return r;
			lower->seen = s->round;
			lower->via = i;
			s->queue[n++] = s->blocks.edges[i].lower;
		}
	}
	return r;
}

/* ---- what was not told yet ---- */

/* Its backing disks are below it, but not the disks of its cache. */
static int note_bcache(struct block_search *s, const struct block *d)
{
	char path[NAME_MAX + 16], set[NAME_MAX + 1];

	snprintf(path, sizeof(path), "%s/bcache/set", d->name);
	if (host_link_name(s->u->h, s->blocks.dir, path, set, sizeof(set)) < 0)
		return 0;
	return block_note(s, d, "in-use-holder", "part of the bcache cache set %s", set);
}

int block_stack_holders(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		const struct block *d = &s->blocks.items[s->concerned[i]];
		const struct block_state *state = block_state(s, d);

		if (!d->is_virtual)
			r = note_bcache(s, d);
		/* Whatever stands on it tells of it as well. A loop device that nothing uses is still open. */
		else if (!state->covered && !state->explained)
			r = block_note(s, d, "in-use-holder", "%s", "");
	}
	return r;
}
