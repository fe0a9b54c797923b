/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame of the thorough search: its subjects in order, and how what they find comes to the inventory. */
#include <stdarg.h>
#include <string.h>

#include "host/uses.h"

/* What is found of one function is a chain, latest first: with many functions nobody may look through all. */
static struct owned *list_add(struct uses *u, struct owned_list *list, size_t function)
{
	if (!list->last)
		list->last = arena_alloc(&u->inv->arena, u->inv->n_functions * sizeof(*list->last));
	if (!list->last)
		return NULL;
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 32;
		struct owned *grown = reallocarray(list->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		list->items = grown;
		list->room = room;
	}
	list->items[list->n] = (struct owned){
		.function = function,
		.order = list->n,
		.before = list->last[function],
	};
	list->last[function] = list->n + 1;
	return &list->items[list->n++];
}

#define FOR_FOUND(o, list, function)                                                       \
	for (const struct owned *o = chain_last(list, function); o;                        \
	     o = chain_item(list, o->before))

static const struct owned *chain_item(const struct owned_list *list, size_t place)
{
	return place ? &list->items[place - 1] : NULL;
}

static const struct owned *chain_last(const struct owned_list *list, size_t function)
{
	return list->last ? chain_item(list, list->last[function]) : NULL;
}

static bool known_already(const struct uses *u, size_t function, const struct vfioadm_user *user)
{
	FOR_FOUND(o, &u->found, function)
		if (streq(o->user.code, user->code) && streq(o->user.what, user->what) &&
		    streq(o->user.why, user->why))
			return true;
	return false;
}

static int add_user(struct uses *u, size_t function, const struct vfioadm_user *user)
{
	const struct vfioadm_function *vmd = inventory_vmd_of(u->inv, &u->inv->functions[function]);
	struct owned *o;

	if (u->wanted[function] && !known_already(u, function, user)) {
		o = list_add(u, &u->found, function);
		if (!o)
			return -ENOMEM;
		o->user = *user;
	}
	return vmd ? add_user(u, (size_t)(vmd - u->inv->functions), user) : 0;
}

int uses_add(struct uses *u, size_t function, const char *code, const char *what, const char *fmt, ...)
{
	struct vfioadm_user user = { .code = code };
	_cleanup_free_ char *why = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&why, fmt, ap);
	va_end(ap);
	if (r < 0) {
		why = NULL;
		return -ENOMEM;
	}
	host_clean_text(why);
	user.why = arena_strdup(&u->inv->arena, why);
	user.what = arena_strdup(&u->inv->arena, what);
	if (!user.why || !user.what)
		return -ENOMEM;
	host_clean_text((char *)user.what);
	return add_user(u, function, &user);
}

static int add_unseen(struct uses *u, struct owned_list *list, size_t function, const char *text)
{
	struct owned *o;

	FOR_FOUND(known, list, function)
		if (streq(known->name, text))
			return 0;
	o = list_add(u, list, function);
	if (!o)
		return -ENOMEM;
	o->name = text;
	return 0;
}

static int say_unseen(struct uses *u, struct owned_list *list, ssize_t function, const char *fmt, va_list ap)
	PRINTF_LIKE(4, 0);

static int say_unseen(struct uses *u, struct owned_list *list, ssize_t function, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	const char *kept;

	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	kept = arena_strdup(&u->inv->arena, host_clean_text(text));
	if (!kept)
		return -ENOMEM;
	u->inv->complete = false;
	for (size_t i = 0; i < u->inv->n_functions; i++)
		if (u->wanted[i] && (function < 0 || (size_t)function == i) &&
		    add_unseen(u, list, i, kept) < 0)
			return -ENOMEM;
	return 0;
}

int uses_mounts(const struct uses *u, struct mount_table *ret)
{
	struct host *h = u->h;
	const char *text = u->mountinfo;
	size_t size = 0;
	int r = 0;

	/* A captured root may hold them under the name of init. */
	if (!text)
		r = h->ops->map(h, "proc/1/mountinfo", &text, &size);
	/* block_mounts_read() says what cannot be read. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = mounts_parse(text, ret);
	if (!u->mountinfo)
		h->ops->unmap(h, text, size);
	return r;
}

int uses_unseen(struct uses *u, ssize_t function, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say_unseen(u, &u->unseen, function, fmt, ap);
	va_end(ap);
	return r;
}

int uses_doubt(struct uses *u, ssize_t function, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say_unseen(u, &u->doubts, function, fmt, ap);
	va_end(ap);
	return r;
}

int uses_seen_in_part(struct uses *u, ssize_t function, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say_unseen(u, &u->minor, function, fmt, ap);
	va_end(ap);
	return r;
}

bool uses_want_class(const struct uses *u, uint32_t class_code, uint32_t mask)
{
	for (size_t i = 0; i < u->inv->n_functions; i++) {
		const struct vfioadm_uint *class = &u->inv->functions[i].class_code;

		if (u->wanted[i] &&
		    (class->state != VFIOADM_KNOWN || (class->value & mask) == (class_code & mask)))
			return true;
	}
	return false;
}

/* ---- to the inventory ---- */

static const struct vfioadm_user *same_user(const struct owned_list *found, size_t function,
					    const struct vfioadm_user *user)
{
	FOR_FOUND(o, found, function)
		if (streq(o->user.code, user->code) && streq(o->user.what, user->what))
			return &o->user;
	return NULL;
}

static size_t chain_length(const struct owned_list *list, size_t function)
{
	size_t n = 0;

	FOR_FOUND(o, list, function)
		n++;
	return n;
}

/* What BASIC found stays, unless the search knows more about the very same. */
static int merge_users(struct uses *u, size_t function)
{
	struct vfioadm_function *f = &u->inv->functions[function];
	size_t n = 0, n_found = chain_length(&u->found, function), at;
	const struct vfioadm_user **all;

	if (!n_found)
		return 0;
	all = arena_alloc(&u->inv->arena, (f->n_users + n_found) * sizeof(struct vfioadm_user *));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_users; i++)
		if (!same_user(&u->found, function, f->users[i]))
			all[n++] = f->users[i];
	at = n += n_found;
	FOR_FOUND(o, &u->found, function) {
		all[--at] = arena_dup(&u->inv->arena, &o->user, sizeof(o->user));
		if (!all[at])
			return -ENOMEM;
	}
	f->users = all;
	f->n_users = n;
	return 0;
}

static bool is_among(const char *const *items, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (streq(items[i], text))
			return true;
	return false;
}

/* In the order in which they were found, behind n that are there. Returns how many there are then. */
static size_t add_sentences(const struct owned_list *from, size_t function, const char **to, size_t n)
{
	size_t end = n + chain_length(from, function), at = end, kept = n;

	FOR_FOUND(o, from, function)
		to[--at] = o->name;
	for (size_t i = n; i < end; i++)
		if (!is_among(to, kept, to[i]))
			to[kept++] = to[i];
	return kept;
}

/* A file that could not be read before stays so: nobody has looked at it since. */
static int merge_unseen(struct uses *u, size_t function)
{
	struct vfioadm_function *f = &u->inv->functions[function];
	const struct owned_list *const parts[] = { &u->unseen, &u->doubts, &u->minor };
	size_t n = 0, ends[ARRAY_SIZE(parts)], room = f->unseen.n;
	const char **items;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		room += chain_length(parts[i], function);
	items = arena_alloc(&u->inv->arena, (room + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < f->unseen.n; i++)
		if (inventory_is_fault(u->inv, f->unseen.items[i]))
			items[n++] = f->unseen.items[i];
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ends[i] = n = add_sentences(parts[i], function, items, n);
	f->n_unseen_doubt = ends[1] - ends[0];
	f->n_unseen_minor = ends[2] - ends[1];
	f->unseen = (struct vfioadm_list){ n ? VFIOADM_KNOWN : VFIOADM_NONE, n, n ? items : NULL };
	return 0;
}

static int merge(struct uses *u, unsigned facets)
{
	for (size_t i = 0; i < u->inv->n_functions; i++) {
		if (!u->wanted[i])
			continue;
		if (merge_users(u, i) < 0 || merge_unseen(u, i) < 0)
			return -ENOMEM;
		u->inv->functions[i].facets |= facets;
	}
	return 0;
}

static int (*const subjects[])(struct uses *u) = {
	uses_block, uses_mtd, uses_memory, uses_remote, uses_net, uses_config_net, uses_thunderbolt, uses_offload, uses_display,
	uses_media, uses_vfio,	 uses_nodes, uses_claims,
};

bool uses_is_kernel(const struct uses *u)
{
	return streq(u->h->ops->name, "live");
}

bool uses_runs(const struct uses *u)
{
	return !u->procs->none || uses_is_kernel(u);
}

static int say_processes(struct uses *u)
{
	static const char text[] = "Not every process could be looked at: %s.";

	if (u->procs->cut && uses_seen_in_part(u, -1,
					       "Not all open files of %s were looked at: it could open no device by itself, "
					       "and could have one beyond its first 256 files only if it was given it.",
					       u->procs->cut) < 0)
		return -ENOMEM;
	if (!u->procs->unseen)
		return 0;
	return uses_runs(u) ? uses_unseen(u, -1, text, u->procs->unseen) :
			      uses_seen_in_part(u, -1, text, u->procs->unseen);
}

static int say_fault(struct uses *u, const struct host_fault *fault)
{
	int r = 0;

	for (size_t i = 0; r == 0 && fault->error && i < u->inv->n_functions; i++)
		if (u->wanted[i])
			r = inventory_add_fault(u->inv, (ssize_t)i, fault->path, fault->error);
	return r;
}

/* procs: who it is for keeps it as long as u. */
static int search(struct uses *u, struct processes *procs)
{
	int r = processes_read(u->h, &u->inv->arena, procs);

	u->procs = procs;
	if (r == 0)
		r = say_processes(u);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(subjects); i++)
		r = subjects[i](u);
	return r;
}

static void uses_free(struct uses *u)
{
	free(u->found.items);
	free(u->unseen.items);
	free(u->doubts.items);
	free(u->minor.items);
}

int observe_unlinked(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo)
{
	_cleanup_free_ bool *wanted = malloc(inv->n_functions + 1);
	struct uses u = { .h = h, .inv = inv, .wanted = wanted, .mountinfo = mountinfo };
	struct processes procs = { .none = true };
	int r;

	if (!wanted)
		return -ENOMEM;
	memset(wanted, true, inv->n_functions + 1);
	u.procs = &procs;
	r = uses_block_unlinked(&u);
	if (r == 0)
		r = merge(&u, 0);
	uses_free(&u);
	return r;
}

int observe_uses(struct host *h, struct vfioadm_inventory *inv, const bool *wanted)
{
	struct uses u = { .h = h, .inv = inv, .wanted = wanted };
	const char *mountinfo = NULL;
	struct processes procs;
	size_t size = 0;
	struct host_fault fault = { 0 }, *before = host_watch(h, &fault);
	int r;

	if (h->ops->map(h, "proc/self/mountinfo", &mountinfo, &size) >= 0)
		u.mountinfo = mountinfo;
	r = search(&u, &procs);
	host_watch(h, before);
	if (r == 0)
		r = merge(&u, VFIOADM_FACET_USERS);
	if (r == 0)
		r = say_fault(&u, &fault);
	if (u.mountinfo)
		h->ops->unmap(h, mountinfo, size);
	uses_free(&u);
	return host_starved(h, r);
}

int observe_add_user(struct vfioadm_inventory *inv, struct vfioadm_function *f, const char *code,
		     const char *what, const char *why)
{
	const struct vfioadm_user **all = arena_alloc(&inv->arena, (f->n_users + 1) * sizeof(struct vfioadm_user *));
	struct vfioadm_user *user = arena_alloc(&inv->arena, sizeof(*user));
	const char *what_copy = arena_strdup(&inv->arena, what), *why_copy = arena_strdup(&inv->arena, why);

	if (!all || !user || !what_copy || !why_copy)
		return -ENOMEM;
	if (f->n_users)
		memcpy(all, f->users, f->n_users * sizeof(struct vfioadm_user *));
	*user = (struct vfioadm_user){ .what = what_copy, .why = why_copy, .code = code };
	all[f->n_users] = user;
	f->users = all;
	f->n_users++;
	return 0;
}
