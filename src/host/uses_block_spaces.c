/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is mounted in the mount namespaces of others: containers, services, whoever left our own. */
#include "host/numbers.h"
#include "host/uses_block.h"

/* A namespace and what was learnt of it. */
struct space {
	uint64_t number;
	bool done;   /* was read */
	bool pinned; /* something keeps it, with a process in it or not */
	bool failed; /* its mounts could not be read through one of its processes */
};

struct spaces {
	struct block_search *s;
	struct space *items;
	size_t n, room;
	struct numbers_map places;
	char who[128]; /* the first process through which one could not be read */
	int why;
};

/* NULL: -ENOMEM. The next call may move it. */
static struct space *space_of(struct spaces *all, uint64_t number)
{
	ssize_t place = numbers_find(&all->places, number);

	if (place >= 0)
		return &all->items[place];
	if (all->n == all->room) {
		size_t room = all->room ? all->room * 2 : 32;
		struct space *grown = reallocarray(all->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		all->items = grown;
		all->room = room;
	}
	if (numbers_add(&all->places, number, all->n) < 0)
		return NULL;
	all->items[all->n] = (struct space){ .number = number };
	return &all->items[all->n++];
}

/* ---- one namespace ---- */

struct look {
	const struct process *process;
	const char *point;
};

static int find(struct block_search *s, struct block *d, void *userdata)
{
	struct block_state *state = block_state(s, d);
	const struct look *look = userdata;
	/* Where the first process lives the root of the host is, wherever we are. */
	bool vital = look->process->pid == 1 && mount_is_system(look->point) && mount_rank(look->point) > state->rank;

	state->shown = true;
	if (state->n_points && !vital)
		return 0;
	if (state->seen != s->round) {
		state->seen = s->round;
		state->n_there = 0;
		state->there = look->point;
	} else if (look->process->pid == 1 && mount_rank(look->point) > mount_rank(state->there)) {
		state->there = look->point;
	}
	state->n_there++;
	return 0;
}

/* What was found, once the whole table has been looked at: a note's walk needs the same marks. */
static int note_found(struct spaces *all, const struct process *p, unsigned round)
{
	struct block_search *s = all->s;
	char who[128], more[48];
	int r = 0;

	process_describe(p, who, sizeof(who));
	for (size_t i = 0; r == 0 && i < s->n_concerned; i++)
		if (s->states[s->concerned[i]].seen != round)
			s->states[s->concerned[i]].there = NULL;
	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		struct block_state *state = &s->states[s->concerned[i]];
		bool vital = p->pid == 1 && state->there && mount_is_system(state->there);

		if (!state->there)
			continue;
		snprintf(more, sizeof(more), " and %u other place%s", state->n_there - 1,
			 state->n_there > 2 ? "s" : "");
		r = block_note(s, &s->blocks.items[s->concerned[i]],
			       vital ? "root-filesystem" : "in-use-mount-namespace",
			       "mounted at %s%s in the mount namespace of %s", state->there,
			       state->n_there > 1 ? more : "", who);
		state->there = NULL;
	}
	return r;
}

/* "mnt:[4026532201]" is the root of a mount that keeps a namespace alive, with processes or without. */
static int remember_pinned(struct spaces *all, const struct mount_table *t)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++) {
		const char *number = str_after(t->items[i].root, "mnt:[");
		struct space *space;
		unsigned long long v;

		if (!number || !streq(t->items[i].type, "nsfs") || sscanf(number, "%19llu]", &v) != 1)
			continue;
		space = v ? space_of(all, v) : NULL;
		if (space)
			space->pinned = true;
		else if (v)
			r = -ENOMEM;
	}
	return r;
}

static int look_at(struct spaces *all, const struct process *p, const char *text)
{
	struct block_search *s = all->s;
	struct look look = { .process = p };
	struct mount_table t;
	int r = mounts_parse(text, &t);

	if (r < 0)
		return r;
	s->round++;
	for (size_t i = 0; r == 0 && i < t.n; i++) {
		/* Paths of an overlay's layers are those of whoever mounted it, seldom of a container. */
		if (p->pid != 1 && streq(t.items[i].type, "overlay"))
			continue;
		look.point = t.items[i].point;
		r = block_each_of_mount(s, &t, &t.items[i], find, &look);
		if (r == 0)
			r = block_multi_mount(s, &t.items[i]);
	}
	if (r == 0)
		r = note_found(all, p, s->round);
	if (r == 0)
		r = remember_pinned(all, &t);
	mounts_free(&t);
	return r;
}

/* ---- all of them ---- */

static bool is_gone(int r)
{
	/* -EINVAL: it is about to end and has no namespace any more. */
	return r == -ENOENT || r == -ESRCH || r == -EINVAL;
}

static int look_at_process(struct spaces *all, const struct process *p)
{
	struct space *space = space_of(all, p->mnt_ns);
	struct host *h = all->s->u->h;
	char path[64];
	const char *text;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "proc/%d/mountinfo", p->pid);
	r = space ? h->ops->map(h, path, &text, &size) : -ENOMEM;
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		if (is_gone(r))
			return 0;
		if (!all->who[0]) {
			process_describe(p, all->who, sizeof(all->who));
			all->why = r;
		}
		/* Another one in the same namespace may be more open. */
		space->failed = true;
		return 0;
	}
	/* A process that may see less than its namespace has (chroot) shows less: not so the first one. */
	space->done = true;
	r = look_at(all, p, text);
	h->ops->unmap(h, text, size);
	return r;
}

static bool is_of_interest(const struct spaces *all, const struct process *p)
{
	const struct processes *procs = all->s->u->procs;
	ssize_t place = numbers_find(&all->places, p->mnt_ns);

	if (!p->mnt_ns || (place >= 0 && all->items && all->items[place].done))
		return false;
	/* In a chroot of ours much is out of sight; the first process sees it all. */
	return p->pid == 1 || p->mnt_ns != procs->own_mnt_ns;
}

static int tell_unseen(struct spaces *all)
{
	struct block_search *s = all->s;
	const struct processes *procs = s->u->procs;
	size_t empty = 0, closed = 0;
	int r = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct space *space = &all->items[i];

		closed += space->failed && !space->done;
		empty += space->pinned && !space->done && space->number != procs->own_mnt_ns;
	}
	if (closed)
		r = block_unseen(s, "What is mounted in %zu mount namespace%s could not be read (%s: %s).", closed,
				 closed > 1 ? "s" : "", all->who, strerror(-all->why));
	if (r == 0 && empty)
		r = block_unseen(s, "What is mounted in %zu mount namespace%s without a process cannot be seen.",
				 empty, empty > 1 ? "s" : "");
	return r;
}

int block_mounts_elsewhere(struct block_search *s)
{
	const struct processes *procs = s->u->procs;
	struct spaces all = { .s = s };
	int r = remember_pinned(&all, &s->mounts);

	for (size_t i = 0; r == 0 && i < procs->n; i++)
		if (is_of_interest(&all, &procs->items[i]))
			r = look_at_process(&all, &procs->items[i]);
	if (r == 0)
		r = tell_unseen(&all);
	free(all.items);
	numbers_clear(&all.places);
	return r;
}
