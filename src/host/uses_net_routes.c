/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way out: the default routes, and the way back to who works here through ssh. */
#include <arpa/inet.h>
#include <string.h>

#include "host/uses_net.h"

enum {
	EXITS_MAX = 64,
	PEERS_MAX = 8,
	ANCESTORS_MAX = 64,
	ADDRESS_TEXT = 64,
};

/* An interface that something leaves through. */
struct exit_way {
	char interface[64];
	bool four, six;          /* default routes */
	char peer[ADDRESS_TEXT]; /* else: the ssh session's */
};

struct peer {
	char address[ADDRESS_TEXT], own[ADDRESS_TEXT];
};

struct search {
	struct uses *u;
	struct exit_way exits[EXITS_MAX];
	struct peer peers[PEERS_MAX];
	size_t n_exits, n_peers;
	bool six;  /* the family that is being looked at */
	bool late; /* the kernel did not answer in time: it is not asked again */
};

static struct exit_way *exit_through(struct search *s, const char *interface, const char *peer)
{
	struct exit_way *e;

	for (size_t i = 0; i < s->n_exits; i++)
		if (streq(s->exits[i].interface, interface) && streq(s->exits[i].peer, peer))
			return &s->exits[i];
	if (s->n_exits == EXITS_MAX)
		return NULL;
	e = &s->exits[s->n_exits++];
	*e = (struct exit_way){ .four = false };
	snprintf(e->interface, sizeof(e->interface), "%s", interface);
	snprintf(e->peer, sizeof(e->peer), "%s", peer);
	return e;
}

static int add_default(const char *interface, void *userdata)
{
	struct search *s = userdata;
	struct exit_way *e = exit_through(s, interface, "");

	if (e)
		*(s->six ? &e->six : &e->four) = true;
	return 0;
}

/* 0: text of interfaces, blanks between. */
static int ask_route(struct search *s, const char *destination, const char *from, char *buf, size_t size)
{
	struct host *h = s->u->h;
	int r = h->ops->route_to && !s->late ? h->ops->route_to(h, destination, from, buf, size) :
					       -EOPNOTSUPP;

	s->late |= r == -ETIMEDOUT;
	return r;
}

typedef void (*table_fn)(struct search *s, const char *text, void *userdata);

static int with_table(struct search *s, bool six, table_fn fn, void *userdata)
{
	struct host *h = s->u->h;
	const char *text;
	size_t size;
	int r = h->ops->map(h, six ? "proc/net/ipv6_route" : "proc/net/route", &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	fn(s, text, userdata);
	h->ops->unmap(h, text, size);
	return 0;
}

/* ---- default routes ---- */

static void defaults_of_table(struct search *s, const char *text, void *userdata)
{
	(void)userdata;
	(void)!net_table_defaults(text, s->six, add_default, s);
}

/*
 * Both sources: the kernel tells all ways of one route, also one of another table; the main table also has
 * the routes that stand back behind a better one (or behind the two halves that a tunnel puts before them).
 */
static int find_defaults(struct search *s, bool six)
{
	char names[1024], *rest;

	s->six = six;
	if (ask_route(s, six ? "::" : "0.0.0.0", NULL, names, sizeof(names)) == 0)
		for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
			add_default(name, s);
	return with_table(s, six, defaults_of_table, NULL);
}

/* ---- ssh ---- */

static bool is_address(const char *s)
{
	struct in6_addr address;

	return inet_pton(AF_INET, s, &address) == 1 || inet_pton(AF_INET6, s, &address) == 1;
}

/* "192.0.2.7 52311 192.0.2.2 22"; a link-local address names its interface ("fe80::1%eth0"). */
static void add_peer(struct search *s, const char *value, size_t size)
{
	char text[256], *zone;
	struct peer p;

	if (size >= sizeof(text) || s->n_peers == PEERS_MAX)
		return;
	memcpy(text, value, size);
	text[size] = '\0';
	if (sscanf(text, "%63s %*u %63s", p.address, p.own) != 2)
		return;
	zone = strchr(p.address, '%');
	if (zone)
		*zone++ = '\0';
	if (!is_address(p.address))
		return;
	for (size_t i = 0; i < s->n_peers; i++)
		if (streq(s->peers[i].address, p.address))
			return;
	if (zone && *zone)
		exit_through(s, zone, p.address);
	else
		s->peers[s->n_peers++] = p;
}

/* Only ancestors are read: their memory is waited for by nobody, as that of a stuck process may be. */
static int read_environment(struct search *s, int pid)
{
	static const char wanted[] = "SSH_CONNECTION=";
	struct host *h = s->u->h;
	const char *text;
	char path[32];
	size_t size;
	int r;

	snprintf(path, sizeof(path), "proc/%d/environ", pid);
	r = h->ops->map(h, path, &text, &size);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < size;) {
		size_t n = strnlen(text + i, size - i);

		if (n >= sizeof(wanted) && memcmp(text + i, wanted, sizeof(wanted) - 1) == 0)
			add_peer(s, text + i + sizeof(wanted) - 1, n - (sizeof(wanted) - 1));
		i += n + 1;
	}
	h->ops->unmap(h, text, size);
	return 0;
}

/* sudo and others drop the variable on the way to us; the shell that ssh started still has it. */
static int find_peers(struct search *s)
{
	const struct processes *procs = s->u->procs;
	int pid = procs->own_pid, parent = procs->own_parent, r = 0;

	for (int i = 0; r == 0 && pid > 1 && i < ANCESTORS_MAX; i++) {
		const struct process *p = parent ? processes_find(procs, parent) : NULL;

		r = read_environment(s, pid);
		pid = p ? p->pid : 0;
		parent = p ? p->parent : 0;
	}
	return r;
}

static void route_of_table(struct search *s, const char *text, void *userdata)
{
	const struct peer *peer = userdata;
	uint8_t bytes[16];
	char interface[64];

	if (inet_pton(s->six ? AF_INET6 : AF_INET, peer->address, bytes) != 1)
		return;
	net_table_lookup(text, bytes, s->six ? 16 : 4, s->u->inv->facts.machine == MACHINE_S390, interface);
	if (interface[0])
		exit_through(s, interface, peer->address);
}

static int route_to_peer(struct search *s, struct peer *peer)
{
	char names[1024], *rest;
	const char *mapped = str_after(peer->address, "::ffff:");
	int r;

	if (mapped && strchr(mapped, '.'))
		memmove(peer->address, mapped, strlen(mapped) + 1);
	r = ask_route(s, peer->address, peer->own, names, sizeof(names));
	/* To ourselves: an ssh session within another one. */
	if (r == -ENETUNREACH)
		return 0;
	if (r < 0) {
		s->six = strchr(peer->address, ':') != NULL;
		return with_table(s, s->six, route_of_table, peer);
	}
	for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		exit_through(s, name, peer->address);
	return 0;
}

/* ---- to the ports ---- */

/* false: the exit has nothing to do with the port. through: "", or " through br0". */
static bool leads_through(const struct net_port *port, const struct exit_way *e, char through[96])
{
	through[0] = '\0';
	if (streq(port->name, e->interface))
		return true;
	for (size_t i = 0; i < port->n_above; i++)
		if (streq(port->above[i].name, e->interface)) {
			snprintf(through, 96, " through %.64s", e->interface);
			return true;
		}
	return false;
}

static int add_exit(struct uses *u, const struct net_port *port, const struct exit_way *e)
{
	const char *which = e->four && e->six ? "routes (IPv4 and IPv6)" : e->six ? "route (IPv6)" : "route";
	char through[96];

	if (!leads_through(port, e, through))
		return 0;
	if (e->peer[0])
		return uses_add(u, port->function, "in-use-ssh-route", port->name,
				"carries your ssh session with %s%s", e->peer, through);
	return uses_add(u, port->function, "in-use-default-route", port->name, "carries the default %s%s",
			which, through);
}

int net_routes(struct uses *u, const struct net_ports *ports)
{
	struct search *s = calloc(1, sizeof(*s));
	int r = s ? 0 : -ENOMEM;

	if (r == 0) {
		s->u = u;
		r = find_defaults(s, false);
	}
	if (r == 0)
		r = find_defaults(s, true);
	if (r == 0)
		r = find_peers(s);
	for (size_t i = 0; r == 0 && i < s->n_peers; i++)
		r = route_to_peer(s, &s->peers[i]);
	for (size_t i = 0; r == 0 && i < ports->n; i++)
		for (size_t k = 0; r == 0 && k < s->n_exits; k++)
			r = add_exit(u, &ports->items[i], &s->exits[k]);
	if (r == 0 && s->late)
		r = uses_unseen(u, -1,
				"The routes could not all be looked up: the kernel did not answer in time.");
	free(s);
	return r;
}
