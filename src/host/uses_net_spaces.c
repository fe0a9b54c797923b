/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces that have gone to another network namespace: sysfs shows only those of one. */
#include <limits.h>
#include <string.h>

#include "host/numbers.h"
#include "host/uses_net.h"

struct space {
	const char *path, *who; /* "the network namespace blue", "the network namespace of nginx (pid 7)" */
	bool named;
};

struct spaces {
	struct uses *u;
	const struct net_ports *ports;
	struct space *items;
	size_t n, room;
	struct numbers_map places;
	bool *found; /* by index of the function: an interface of it was found */
	bool late;
	size_t closed; /* could not be looked into */
	const char *who; /* the first of those, and why */
	int why;
};

/* ---- which there are ---- */

/* *ret NULL: it is no other namespace. */
static int add_space(struct spaces *s, uint64_t number, struct space **ret)
{
	ssize_t place = numbers_find(&s->places, number);

	*ret = place >= 0 ? &s->items[place] : NULL;
	if (place >= 0 || !number || number == s->u->procs->own_net_ns)
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 32;
		struct space *grown = reallocarray(s->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->items = grown;
		s->room = room;
	}
	if (numbers_add(&s->places, number, s->n) < 0)
		return -ENOMEM;
	*ret = &s->items[s->n++];
	**ret = (struct space){ 0 };
	return 0;
}

static int of_processes(struct spaces *s)
{
	const struct processes *procs = s->u->procs;
	struct arena *arena = &s->u->inv->arena;

	for (size_t i = 0; i < procs->n; i++) {
		struct space *space;
		char who[128];

		if (add_space(s, procs->items[i].net_ns, &space) < 0)
			return -ENOMEM;
		if (!space || space->path)
			continue;
		process_describe(&procs->items[i], who, sizeof(who));
		space->path = arena_format(arena, "proc/%d/ns/net", procs->items[i].pid);
		space->who = arena_format(arena, "the network namespace of %s", who);
		if (!space->path || !space->who)
			return -ENOMEM;
	}
	return 0;
}

/* "net:[4026532177]"; 0: it is none. */
static uint64_t number_of(const char *text)
{
	const char *number = str_after(text, "net:[");

	return number ? strtoull(number, NULL, 10) : 0;
}

/* Nobody is in it any more, or a thread only, but a process holds it open. */
static int held_open(struct spaces *s)
{
	const struct processes *procs = s->u->procs;
	struct arena *arena = &s->u->inv->arena;

	for (size_t i = 0; i < procs->n_openers; i++) {
		const struct opener *o = &procs->openers[i];
		struct space *space;
		char who[128];

		if (add_space(s, number_of(o->path), &space) < 0)
			return -ENOMEM;
		if (!space || space->path)
			continue;
		process_describe(o->process, who, sizeof(who));
		space->path = arena_format(arena, "proc/%d/fd/%d", o->process->pid, o->fd);
		space->who = arena_format(arena, "a network namespace that %s holds open", who);
		if (!space->path || !space->who)
			return -ENOMEM;
	}
	return 0;
}

static const char *given_name(const char *point)
{
	const char *name = str_after(point, "/run/netns/");

	return name ? name : str_after(point, "/var/run/netns/");
}

/* A bind mount of its file keeps a namespace. Other names than those of ip(8) say less than who is in it. */
static int of_mount(const struct mount *m, void *userdata)
{
	struct spaces *s = userdata;
	struct arena *arena = &s->u->inv->arena;
	const char *name = given_name(m->point);
	struct space *space = NULL;

	if (streq(m->type, "nsfs") && add_space(s, number_of(m->root), &space) < 0)
		return -ENOMEM;
	if (!space || space->named || (space->path && !name))
		return 0;
	if (!space->path)
		space->path = arena_strdup(arena, m->point + (m->point[0] == '/'));
	space->who = arena_format(arena, "the network namespace %s", name ? name : m->point);
	space->named = name;
	return space->path && space->who ? 0 : -ENOMEM;
}

static int find_spaces(struct spaces *s)
{
	int r = of_processes(s);

	if (r == 0 && s->u->mountinfo)
		r = mounts_each(s->u->mountinfo, of_mount, s);
	return r < 0 ? r : held_open(s);
}

/* ---- what is in them ---- */

/* "virtio/virtio3": the function that this device of this bus hangs below; -1: none. */
static ssize_t function_of_parent(struct uses *u, const char *parent)
{
	const char *slash = strchr(parent, '/');
	char path[256], link[PATH_MAX];

	if (!slash || strchr(slash + 1, '/') || parent[0] == '.' || slash[1] == '.' ||
	    snprintf(path, sizeof(path), "sys/bus/%.*s/devices/%s", (int)(slash - parent), parent, slash + 1) >=
		    (int)sizeof(path) ||
	    u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
		return -1;
	return function_of_link(u->inv, link);
}

static bool is_port(const struct net_ports *ports, size_t function, const char *name)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->items[i].function == function && streq(ports->items[i].name, name))
			return true;
	return false;
}

static int look_at_link(struct spaces *s, const struct net_fact *fact, bool up, const char *who)
{
	ssize_t f = fact->parent ? function_of_parent(s->u, fact->parent) : -1;
	char addresses[128];

	if (f < 0 || !net_wanted(s->u, (size_t)f) || is_port(s->ports, (size_t)f, fact->name))
		return 0;
	s->found[f] = true;
	net_fact_addresses(fact, " and has", addresses, sizeof(addresses));
	return uses_add(s->u, (size_t)f, "in-use-net-namespace", fact->name, "is%s in %s%s", up ? " up" : "",
			who, addresses);
}

/* It has ended meanwhile, and then its interfaces are with us again or gone; or the descriptor is another file. */
static bool has_ended(int r)
{
	return r == -ENOENT || r == -ESRCH || r == -EINVAL;
}

static int look_into(struct spaces *s, const struct space *space)
{
	_cleanup_strv_ struct strv lines = { 0 };
	struct host *h = s->u->h;
	int r = h->ops->net_links(h, space->path, &lines);

	if (r == -ENOMEM || r == -EOPNOTSUPP)
		return r == -ENOMEM ? r : 0;
	s->late |= r == -ETIMEDOUT;
	if (r < 0 && !has_ended(r) && (!s->closed++ || s->why == -EAGAIN)) {
		s->who = space->who;
		s->why = r;
	}
	if (r < 0)
		return 0;
	STRV_FOREACH (i, &lines) {
		struct net_fact fact;
		unsigned flags;

		if (!net_line_parse(lines.items[i], &fact, &flags))
			continue;
		r = look_at_link(s, &fact, flags & 1, space->who); /* IFF_UP */
		if (r < 0)
			return r;
	}
	return 0;
}

/* sysfs shows the namespace in which it was mounted, which need not be the one that we are in. */
static int look_around(struct spaces *s, const struct net_facts *facts)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < facts->n; i++)
		if (facts->items[i].parent)
			r = look_at_link(s, &facts->items[i], false, "the network namespace of this command");
	return r;
}

/* ---- what was not found ---- */

bool net_is_bare_driver(const char *driver)
{
	static const char *const bare[] = { "pci-stub", "pci-pf-stub", "uio_pci_generic", "igb_uio", "pciback",
					    "xen-pciback" };

	for (size_t i = 0; i < ARRAY_SIZE(bare); i++)
		if (streq(driver, bare[i]))
			return true;
	return driver_name_is_vfio(driver);
}

/* virtio-pci alone makes no interface: the device below it needs a driver as well. */
static bool is_idle_virtio(struct uses *u, const struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv entries = { 0 };
	char path[OBSERVE_PATH_MAX];
	bool any = false;

	device_path(path, f->address, "");
	if (u->h->ops->list(u->h, -1, path, &entries) < 0)
		return false;
	STRV_FOREACH (i, &entries) {
		char driver[NAME_MAX + 16];

		if (!str_after(entries.items[i], "virtio"))
			continue;
		snprintf(driver, sizeof(driver), "%s/driver", entries.items[i]);
		device_path(path, f->address, driver);
		if (host_exists(u->h, path))
			return false;
		any = true;
	}
	return any;
}

static int say_what_is_missing(struct spaces *s, size_t function)
{
	const struct vfioadm_function *f = &s->u->inv->functions[function];

	if (f->class_code.state != VFIOADM_KNOWN || f->class_code.value >> 16 != 0x02 ||
	    f->driver.state != VFIOADM_KNOWN || net_is_bare_driver(f->driver.value) ||
	    f->net.state != VFIOADM_NONE || s->found[function] || is_idle_virtio(s->u, f))
		return 0;
	/* In another root no namespace can be looked into, and most that have no interface have none. */
	return (uses_is_kernel(s->u) ? uses_unseen : uses_seen_in_part)(
		s->u, (ssize_t)function,
		"%s is bound to %s, but no network interface of it is to be seen: it may be in a "
		"network namespace that could not be looked into.",
		f->address, f->driver.value);
}

static int say_what_is_closed(struct spaces *s)
{
	bool denied = s->why == -EPERM || s->why == -EACCES;
	char others[48] = "";

	if (s->closed > 1)
		snprintf(others, sizeof(others), ", nor could %zu other%s", s->closed - 1, s->closed > 2 ? "s" : "");
	/* Who changes his own interfaces all the time must not keep others from theirs. */
	return (s->why == -EAGAIN ? uses_seen_in_part : uses_unseen)(
		s->u, -1, "%c%s could not be looked into: %s%s.", s->who[0] == 't' ? 'T' : 'A', s->who + 1,
		denied ? "it is not allowed here" : strerror(-s->why), others);
}

static int say_what_is_unseen(struct spaces *s)
{
	int r = 0;

	if (s->late)
		r = uses_unseen(s->u, -1, "Not every network namespace could be looked into: the kernel did not answer "
					  "in time.");
	else if (s->closed)
		r = say_what_is_closed(s);
	for (size_t i = 0; r == 0 && i < s->u->inv->n_functions; i++)
		if (s->u->wanted[i])
			r = say_what_is_missing(s, i);
	return r;
}

int net_spaces(struct uses *u, const struct net_ports *ports, const struct net_facts *facts)
{
	struct spaces s = { .u = u, .ports = ports, .late = facts->unknown };
	int r = 0;

	s.found = calloc(u->inv->n_functions + 1, sizeof(*s.found));
	if (!s.found)
		r = -ENOMEM;
	if (r == 0 && u->h->ops->net_links)
		r = find_spaces(&s);
	if (r == 0)
		r = look_around(&s, facts);
	/* What holds up one answer holds up all. */
	for (size_t i = 0; r == 0 && !s.late && i < s.n; i++)
		r = look_into(&s, &s.items[i]);
	if (r == 0)
		r = say_what_is_unseen(&s);
	free(s.items);
	numbers_clear(&s.places);
	free(s.found);
	return r;
}
