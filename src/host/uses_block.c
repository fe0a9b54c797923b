/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The search for users of disks: its order, and the notes on which it collects what it finds. */
#include <limits.h>
#include <stdarg.h>

#include "host/uses_block.h"

static int note(struct block_search *s, const struct block *d, const char *code, const char *what,
		const char *fmt, va_list ap) PRINTF_LIKE(5, 0);

static int note(struct block_search *s, const struct block *d, const char *code, const char *what,
		const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		return -ENOMEM;
	return block_stack_note(s, d, code, what, text);
}

int block_note(struct block_search *s, const struct block *d, const char *code, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = note(s, d, code, NULL, fmt, ap);
	va_end(ap);
	return r;
}

int block_note_by(struct block_search *s, const struct block *d, const char *code, const char *what,
		  const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = note(s, d, code, what, fmt, ap);
	va_end(ap);
	return r;
}

static bool carries_disks(const struct vfioadm_function *f)
{
	return f->block.state != VFIOADM_NONE;
}

typedef int (*unseen_fn)(struct uses *u, ssize_t function, const char *fmt, ...);

static int say_unseen(struct block_search *s, unseen_fn say, const char *text)
{
	struct uses *u = s->u;
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++)
		if (u->wanted[i] && carries_disks(&u->inv->functions[i]))
			r = say(u, (ssize_t)i, "%s", text);
	return r;
}

static int format_unseen(struct block_search *s, unseen_fn say, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);

static int format_unseen(struct block_search *s, unseen_fn say, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return say_unseen(s, say, text);
}

int block_unseen(struct block_search *s, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = format_unseen(s, uses_unseen, fmt, ap);
	va_end(ap);
	return r;
}

int block_seen_in_part(struct block_search *s, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = format_unseen(s, uses_seen_in_part, fmt, ap);
	va_end(ap);
	return r;
}

static int read_file(struct block_search *s, const char *path, unseen_fn say, char **ret)
{
	struct host *h = s->u->h;
	char text[PATH_MAX + 128];
	const char *data;
	size_t size;
	int r = h->ops->map(h, path, &data, &size);

	*ret = NULL;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(text, sizeof(text), "/%s could not be read: %s.", path, strerror(-r));
		return say_unseen(s, say, text);
	}
	*ret = strdup(data);
	h->ops->unmap(h, data, size);
	return *ret ? 0 : -ENOMEM;
}

int block_read_file(struct block_search *s, const char *path, char **ret)
{
	return read_file(s, path, uses_unseen, ret);
}

int block_read_settings(struct block_search *s, const char *path, char **ret)
{
	return read_file(s, path, uses_seen_in_part, ret);
}

/* ---- names that people know ---- */

static const char *read_name(struct block_search *s, const struct block *d, const char *file, char *buf,
			     size_t size)
{
	char path[NAME_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", d->name, file);
	return host_read_text(s->u->h, s->blocks.dir, path, buf, size) > 0 ? buf : NULL;
}

static const char *kind_of_mapping(const char *uuid)
{
	static const struct {
		const char *prefix, *kind;
	} kinds[] = {
		{ "LVM-", "LVM volume" },
		{ "CRYPT-", "encrypted device" },
		{ "mpath-", "multipath device" },
	};

	for (size_t i = 0; uuid && i < ARRAY_SIZE(kinds); i++)
		if (str_after(uuid, kinds[i].prefix))
			return kinds[i].kind;
	return "mapped device";
}

static char *make_title(struct block_search *s, const struct block *d)
{
	struct arena *arena = &s->u->inv->arena;
	char name[256], more[256];

	if (!d->is_virtual)
		return arena_strdup(arena, d->name);
	if (read_name(s, d, "dm/name", name, sizeof(name)))
		return arena_format(arena, "%s %s (%s)",
				    kind_of_mapping(read_name(s, d, "dm/uuid", more, sizeof(more))), name,
				    d->name);
	if (read_name(s, d, "md/level", name, sizeof(name)))
		return arena_format(arena, "RAID array %s (%s)", d->name, name);
	return arena_strdup(arena, d->name);
}

const char *block_title(struct block_search *s, const struct block *d)
{
	struct block_state *state = block_state(s, d);

	if (!state->title)
		state->title = make_title(s, d);
	return state->title;
}

/* ---- the search ---- */

static bool somebody_asks(const struct uses *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++)
		if (uses_wants(u, i) && carries_disks(&u->inv->functions[i]))
			return true;
	return false;
}

typedef int (*part_fn)(struct block_search *s);

static int search(struct block_search *s, const part_fn *parts)
{
	size_t n = s->blocks.names.n;
	int r;

	s->states = calloc(n + 1, sizeof(*s->states));
	s->queue = calloc(n + 1, sizeof(*s->queue));
	if (!s->states || !s->queue)
		return -ENOMEM;
	r = block_mounts_read(s);
	if (r == 0)
		r = block_stack_read(s);
	if (r < 0 || !s->n_concerned)
		return r;
	for (; r == 0 && *parts; parts++)
		r = (*parts)(s);
	if (r == 0 && s->cut)
		r = block_unseen(s, "The stacks of block devices are too large to be followed.");
	return r < 0 ? r : block_notes_hand_over(s);
}

static int search_for(struct uses *u, const part_fn *parts)
{
	struct block_search s = { .u = u };
	int r;

	if (!somebody_asks(u))
		return 0;
	r = blocks_open(&s.blocks, u->h, u->inv, true);
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	if (r < 0)
		return block_unseen(&s, "The disks of the host could not be listed: %s.", strerror(-r));
	r = search(&s, parts);
	for (size_t i = 0; i < s.n_notes; i++)
		free(s.notes[i].why);
	free(s.notes);
	free(s.states);
	free(s.queue);
	free(s.concerned);
	free(s.journals);
	free(s.multi);
	free(s.pools);
	free(s.leaves);
	mounts_free(&s.mounts);
	blocks_close(&s.blocks);
	return r;
}

int uses_block(struct uses *u)
{
	static const part_fn parts[] = {
		block_mounts, block_mounts_elsewhere, block_mounts_hidden, block_journals_hidden, block_swaps,
		block_openers, block_exports, config_resume, config_kdump, block_stack_holders, block_zfs_notes,
		/* These say nothing about a disk that is in use. */
		config_tables, config_units, config_signatures, block_vital, NULL,
	};

	return search_for(u, parts);
}

int uses_block_unlinked(struct uses *u)
{
	static const part_fn parts[] = {
		/* Who has mounted what in other namespaces is not known here: what no mount shows may be shown there. */
		block_mounts, block_swaps, block_exports, block_stack_holders, block_zfs_notes, block_vital, NULL,
	};

	return search_for(u, parts);
}
