/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known to be somewhere and cannot be followed to its disks may be on each disk that nothing else is known
 * to use: the functions of those are in doubt, and refused.
 */
#include <stdarg.h>

#include "host/uses_block.h"

enum {
	NAMES_SHOWN = 3,
};

/* ---- disks that nothing uses ---- */

struct finding_leaves {
	struct block_search *s;
	size_t block;
};

static int add_leaf(struct block_search *s, size_t function, size_t block)
{
	struct block_leaf *grown;

	/* The room doubles whenever the count reaches a power of two. */
	if (!(s->n_leaves & (s->n_leaves - 1))) {
		grown = reallocarray(s->leaves, s->n_leaves ? s->n_leaves * 2 : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		s->leaves = grown;
	}
	s->leaves[s->n_leaves++] = (struct block_leaf){ function, block };
	return 0;
}

/* A VMD controller carries what is behind it. */
static int take_carrier(const struct block_carrier *c, void *userdata)
{
	const struct finding_leaves *f = userdata;
	struct vfioadm_inventory *inv = f->s->u->inv;
	const struct vfioadm_function *at = c->function >= 0 ? &inv->functions[c->function] : NULL;
	int r = 0;

	for (; r == 0 && at; at = inventory_vmd_of(inv, at))
		if (f->s->u->wanted[at - inv->functions])
			r = add_leaf(f->s, (size_t)(at - inv->functions), f->block);
	return r;
}

/* A drive without a medium; an unknown size may be any. */
static bool is_empty(struct block_search *s, const struct block *d)
{
	char path[NAME_MAX + 8];
	uint64_t sectors;

	snprintf(path, sizeof(path), "%s/size", d->name);
	return host_read_uint(s->u->h, s->blocks.dir, path, 10, &sectors) == 0 && sectors == 0;
}

static int compare_leaves(const void *x, const void *y)
{
	const struct block_leaf *a = x, *b = y;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->block < b->block ? -1 : a->block > b->block;
}

static bool is_in_use(const struct block_search *s, const struct block *d)
{
	const struct block_state *state = &s->states[d - s->blocks.items];

	return state->used || state->covered || (d->disk >= 0 && s->states[d->disk].used);
}

/* Partitions, and disks without any. */
static int find_leaves(struct block_search *s)
{
	_cleanup_free_ bool *parted = calloc(s->blocks.names.n + 1, sizeof(*parted));
	int r = parted ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < s->blocks.names.n; i++)
		if (s->blocks.items[i].disk >= 0)
			parted[s->blocks.items[i].disk] = true;
	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		size_t index = s->concerned[i];
		const struct block *d = &s->blocks.items[index];

		if (d->is_virtual || d->hidden || parted[index] || is_in_use(s, d) || is_empty(s, d))
			continue;
		r = blocks_each_carrier(&s->blocks, d, take_carrier, &(struct finding_leaves){ s, index });
	}
	if (r == 0 && s->n_leaves)
		qsort(s->leaves, s->n_leaves, sizeof(*s->leaves), compare_leaves);
	s->leaves_known = r == 0;
	return r;
}

/* ---- doubt ---- */

struct names {
	struct strbuf text;
	unsigned n;
	const char *last; /* is added when it is known whether another one follows */
};

static void add_name(struct names *names, const char *name)
{
	if (names->n && names->n <= NAMES_SHOWN)
		strbuf_addf(&names->text, "%s%s", names->n > 1 ? ", " : "", names->last);
	names->last = name;
	names->n++;
}

/* "sda, sdb and sdc"; "sda, sdb, sdc and 4 others" */
static void end_names(struct names *names)
{
	if (names->n <= NAMES_SHOWN)
		strbuf_addf(&names->text, "%s%s", names->n > 1 ? " or " : "", names->last);
	else
		strbuf_addf(&names->text, " or %u other%s", names->n - NAMES_SHOWN,
			    names->n > NAMES_SHOWN + 1 ? "s" : "");
}

static int say_doubt(struct block_search *s, size_t function, struct names *names, const char *text)
{
	int r = 0;

	if (names->n) {
		end_names(names);
		r = names->text.failed ? -ENOMEM :
					 uses_doubt(s->u, (ssize_t)function, "%s, and may be on %s.", text,
						    names->text.s);
	}
	strbuf_clear(&names->text);
	*names = (struct names){ 0 };
	return r;
}

static int doubt(struct block_search *s, block_fn may_be, void *userdata, const char *text)
{
	struct names names = { 0 };
	int r = s->leaves_known ? 0 : find_leaves(s);

	for (size_t i = 0; r == 0 && i < s->n_leaves; i++) {
		const struct block_leaf *leaf = &s->leaves[i];
		struct block *d = &s->blocks.items[leaf->block];

		r = may_be ? may_be(s, d, userdata) : 1;
		if (r > 0)
			add_name(&names, d->name);
		if (r >= 0 && (i + 1 == s->n_leaves || leaf[1].function != leaf->function))
			r = say_doubt(s, leaf->function, &names, text);
		r = r < 0 ? r : 0;
	}
	strbuf_clear(&names.text);
	return r;
}

int block_doubt(struct block_search *s, block_fn may_be, void *userdata, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return doubt(s, may_be, userdata, text);
}
