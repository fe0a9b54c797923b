/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From notes on disks to users of functions: few of each kind, and what other paths a disk has. */
#include "host/uses_block.h"

enum {
	/* Of the notes with one code on one disk; the rest is counted. */
	NOTES_SHOWN = 4,
};

struct carrier {
	ssize_t function;
	char name[32]; /* of the controller; "" where there is only one */
	bool live;
};

struct carriers {
	struct block_search *s;
	struct carrier *items;
	size_t n;
};

static bool is_live(struct block_search *s, const struct block_carrier *c)
{
	char path[NAME_MAX + 48], text[32];

	snprintf(path, sizeof(path), "sys/class/nvme/%s/state", c->controller);
	if (host_read_text(s->u->h, -1, path, text, sizeof(text)) > 0 && !streq(text, "live"))
		return false;
	snprintf(path, sizeof(path), "%s/ana_state", c->path ? c->path : "");
	return !c->path || host_read_text(s->u->h, s->blocks.dir, path, text, sizeof(text)) <= 0 ||
	       (!streq(text, "inaccessible") && !streq(text, "persistent-loss"));
}

static int collect(const struct block_carrier *c, void *userdata)
{
	struct carriers *all = userdata;
	struct carrier *grown = reallocarray(all->items, all->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	all->items = grown;
	grown[all->n] = (struct carrier){ .function = c->function };
	if (c->controller) {
		snprintf(grown[all->n].name, sizeof(grown->name), "%s", c->controller);
		grown[all->n].live = is_live(all->s, c);
	}
	all->n++;
	return 0;
}

/* Taking one path away stops nothing while there is another: the evidence says so. */
static int describe_paths(const struct carriers *all, const struct carrier *this, const char *disk, char *text,
			  size_t size)
{
	const struct carrier *other = NULL;
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct carrier *c = &all->items[i];

		if (c == this || (c->function >= 0 && c->function == this->function))
			continue;
		n++;
		if (c->live && !other)
			other = c;
	}
	text[0] = '\0';
	if (other)
		return snprintf(text, size, ", through %s, which has another path over %s", disk,
				other->function >= 0 ?
					all->s->u->inv->functions[other->function].address :
					other->name);
	return n ? snprintf(text, size, ", through %s, whose other paths are not live", disk) : 0;
}

static int hand_over(struct block_search *s, const struct carriers *all, const struct block_note *note,
		     const char *why)
{
	const struct block *d = &s->blocks.items[note->block];
	const char *disk = d->disk >= 0 ? s->blocks.items[d->disk].name : d->name;
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->n; i++) {
		const struct carrier *c = &all->items[i];
		char paths[NAME_MAX + 128];

		if (c->function < 0)
			continue;
		describe_paths(all, c, disk, paths, sizeof(paths));
		r = uses_add(s->u, (size_t)c->function, note->code, note->what ? note->what : d->name, "%s%s",
			     why, note->what ? "" : paths);
	}
	return r;
}

static int compare_notes(const void *x, const void *y)
{
	const struct block_note *a = x, *b = y;
	int r;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	r = strcmp(a->code, b->code);
	if (r)
		return r;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool same_note(const struct block_note *a, const struct block_note *b)
{
	return a->what == b->what && streq(a->why, b->why);
}

/* Notes with one code on one disk. */
static int hand_over_kind(struct block_search *s, const struct carriers *all, const struct block_note *notes,
			  size_t n)
{
	struct block_note more = notes[0];
	size_t shown = 0, left = 0;
	char why[64];

	for (size_t i = 0; i < n; i++) {
		int r = 0;

		if (i && same_note(&notes[i], &notes[i - 1]))
			continue;
		if (shown == NOTES_SHOWN) {
			left++;
			continue;
		}
		r = hand_over(s, all, &notes[i], notes[i].why);
		if (r < 0)
			return r;
		shown++;
	}
	if (!left)
		return 0;
	snprintf(why, sizeof(why), more.what ? "opened by %zu more program%s" : "used in %zu more way%s like these",
		 left, left == 1 ? "" : "s");
	more.what = NULL;
	return hand_over(s, all, &more, why);
}

int block_notes_hand_over(struct block_search *s)
{
	struct carriers all = { .s = s };
	size_t block = SIZE_MAX;
	int r = 0;

	if (s->n_notes)
		qsort(s->notes, s->n_notes, sizeof(*s->notes), compare_notes);
	for (size_t i = 0, n; r == 0 && i < s->n_notes; i += n) {
		const struct block_note *first = &s->notes[i];

		for (n = 1; i + n < s->n_notes && s->notes[i + n].block == first->block &&
			    streq(s->notes[i + n].code, first->code);)
			n++;
		if (first->block != block) {
			block = first->block;
			all.n = 0;
			r = blocks_each_carrier(&s->blocks, &s->blocks.items[block], collect, &all);
		}
		if (r == 0)
			r = hand_over_kind(s, &all, first, n);
	}
	free(all.items);
	return r;
}
