/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a server to the functions that it is reached through: address, route, interface, what is below it. */
#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "host/uses_private.h"
#include "host/uses_remote_private.h"

enum {
	LOWER_DEPTH = 8,
	LOWER_STEPS = 256,
};

/** What is asked for once and kept in the arena: hosts have many mounts of few servers. */
struct remote_route {
	struct remote_route *next;
	const char *address, *interfaces; /* NULL: no route */
};

struct remote {
	struct net_ports ports; /* of all functions */
	struct net_facts facts;
	struct remote_route *routes;
	bool facts_read, late;
};

static int remote_get(struct uses *u, struct remote **ret)
{
	int r = 0;

	if (!u->remote) {
		struct remote *remote = arena_alloc(&u->inv->arena, sizeof(*remote));

		r = remote ? net_ports_read(u, true, &remote->ports) : -ENOMEM;
		u->remote = r < 0 ? NULL : remote;
	}
	*ret = u->remote;
	return r;
}

void remote_open(struct remote_ends *ends, const char *fmt, ...)
{
	va_list ap;

	if (ends->open[0])
		return;
	va_start(ap, fmt);
	vsnprintf(ends->open, sizeof(ends->open), fmt, ap);
	va_end(ap);
}

static void add_end(struct remote_ends *ends, size_t function, const char *server, const char *interface,
		    const char *through)
{
	struct remote_end end = { .function = function };

	snprintf(end.server, sizeof(end.server), "%s", server);
	snprintf(end.interface, sizeof(end.interface), "%s", interface);
	snprintf(end.through, sizeof(end.through), "%s", through);
	for (size_t i = 0; i < ends->n; i++)
		if (ends->items[i].function == function && streq(ends->items[i].server, end.server) &&
		    streq(ends->items[i].interface, end.interface))
			return;
	if (ends->n < REMOTE_ENDS_MAX)
		ends->items[ends->n++] = end;
	else
		remote_open(ends, "it is reached through more functions than can be followed");
}

/* ---- interfaces ---- */

static bool is_virtual(const char *link)
{
	return strstr(link, "/virtual/net/") != NULL;
}

struct lower {
	struct uses *u;
	unsigned steps;
	bool hardware; /* something below is real, if not on the PCI bus */
};

static int look_below(struct lower *l, const char *name, unsigned depth)
{
	_cleanup_strv_ struct strv entries = { 0 };
	char path[NAME_MAX + 32], link[PATH_MAX];
	struct host *h = l->u->h;
	int r;

	if (l->steps++ >= LOWER_STEPS ||
	    snprintf(path, sizeof(path), "sys/class/net/%s", name) >= (int)sizeof(path) ||
	    h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
		return 0;
	if (!is_virtual(link)) {
		l->hardware = true;
		return 0;
	}
	r = depth < LOWER_DEPTH ? h->ops->list(h, -1, path, &entries) : -ENOENT;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < entries.n; i++) {
		const char *lower = str_after(entries.items[i], "lower_");

		r = lower && !streq(lower, name) ? look_below(l, lower, depth + 1) : 0;
	}
	return r;
}

static void ends_of_ports(const struct remote *remote, const char *interface, const char *above,
			  const char *server, struct remote_ends *ends, bool *ret_found)
{
	for (size_t i = 0; i < remote->ports.n; i++) {
		const struct net_port *port = &remote->ports.items[i];
		bool found = streq(port->name, interface);

		for (size_t k = 0; !found && k < port->n_above; k++)
			found = streq(port->above[k].name, above);
		if (!found)
			continue;
		*ret_found = true;
		add_end(ends, port->function, server, port->name,
			streq(port->name, interface) ? "" : interface);
	}
}

/* The internal port of an Open vSwitch has no link to the ports: they all have one master. */
static int is_openvswitch(struct uses *u, struct remote *remote, const char *interface, bool *ret)
{
	const struct net_fact *fact;
	int r = remote->facts_read ? 0 : net_facts_read(u, &remote->facts);

	if (r < 0)
		return r;
	remote->facts_read = true;
	fact = net_facts_find(&remote->facts, interface);
	*ret = fact && fact->kind && streq(fact->kind, "openvswitch");
	return 0;
}

int remote_follow_interface(struct uses *u, const char *interface, const char *server,
			    struct remote_ends *ends)
{
	struct lower lower = { .u = u };
	bool found = false, switched = false;
	struct remote *remote;
	int r = remote_get(u, &remote);

	if (r < 0)
		return r;
	if (!*interface || strchr(interface, '/') || interface[0] == '.' || strlen(interface) >= 64) {
		remote_open(ends, "%s is reached through an interface without a proper name", server);
		return 0;
	}
	ends_of_ports(remote, interface, interface, server, ends, &found);
	r = found ? 0 : is_openvswitch(u, remote, interface, &switched);
	if (r == 0 && switched)
		ends_of_ports(remote, interface, "ovs-system", server, ends, &found);
	if (r == 0 && !found)
		r = look_below(&lower, interface, 0);
	if (r < 0 || found)
		return r;
	if (lower.hardware)
		ends->elsewhere = true;
	else
		remote_open(ends, "%s is reached through %s, which is not attached to a PCI function", server,
			    interface);
	return 0;
}

void remote_follow_link(struct uses *u, const char *link, struct remote_ends *ends)
{
	ssize_t f = function_of_link(u->inv, link);

	if (f >= 0)
		add_end(ends, (size_t)f, "", "", "");
	else
		ends->elsewhere = true;
}

/* ---- routes ---- */

/* The interfaces in the arena, "" when there is no route. */
static int table_route(struct uses *u, const char *address, bool six, const char **ret)
{
	uint8_t bytes[16];
	char interface[64];
	const char *text;
	size_t size;
	int r = u->h->ops->map(u->h, six ? "proc/net/ipv6_route" : "proc/net/route", &text, &size);

	*ret = "";
	if (r < 0 || inet_pton(six ? AF_INET6 : AF_INET, address, bytes) != 1)
		return r == -ENOMEM ? r : 0;
	net_table_lookup(text, bytes, six ? 16 : 4, u->inv->facts.machine == MACHINE_S390, interface);
	u->h->ops->unmap(u->h, text, size);
	*ret = arena_strdup(&u->inv->arena, interface);
	return *ret ? 0 : -ENOMEM;
}

static int ask_route(struct uses *u, struct remote *remote, const char *address, const char **ret)
{
	struct host *h = u->h;
	char names[1024];
	int r = h->ops->route_to && !remote->late ?
			h->ops->route_to(h, address, NULL, names, sizeof(names)) : -EOPNOTSUPP;

	remote->late |= r == -ETIMEDOUT;
	if (r == -ENOMEM)
		return r;
	if (r < 0 && r != -ENETUNREACH)
		return table_route(u, address, strchr(address, ':') != NULL, ret);
	*ret = r < 0 ? "" : arena_strdup(&u->inv->arena, names);
	return *ret ? 0 : -ENOMEM;
}

static int route_of(struct uses *u, struct remote *remote, const char *address, const char **ret)
{
	struct remote_route *route;
	int r;

	for (route = remote->routes; route; route = route->next)
		if (streq(route->address, address)) {
			*ret = route->interfaces;
			return 0;
		}
	route = arena_alloc(&u->inv->arena, sizeof(*route));
	if (!route)
		return -ENOMEM;
	route->address = arena_strdup(&u->inv->arena, address);
	r = route->address ? ask_route(u, remote, address, &route->interfaces) : -ENOMEM;
	if (r < 0)
		return r;
	route->next = remote->routes;
	remote->routes = route;
	*ret = route->interfaces;
	return 0;
}

static bool is_address(const char *s)
{
	struct in6_addr address;

	return inet_pton(AF_INET, s, &address) == 1 || inet_pton(AF_INET6, s, &address) == 1;
}

static bool is_loopback(const char *address)
{
	return str_after(address, "127.") || streq(address, "::1");
}

int remote_follow_address(struct uses *u, const char *address, struct remote_ends *ends)
{
	char plain[REMOTE_SERVER_MAX], names[1024], *zone, *rest;
	const char *mapped = str_after(address, "::ffff:"), *interfaces;
	struct remote *remote;
	int r = remote_get(u, &remote);

	if (r < 0)
		return r;
	snprintf(plain, sizeof(plain), "%s", mapped && strchr(mapped, '.') ? mapped : address);
	zone = strchr(plain, '%');
	if (zone)
		*zone++ = '\0';
	if (!is_address(plain)) {
		remote_open(ends, "\"%s\" is no address", plain);
		return 0;
	}
	/* A tunnel, or a server of this host that may have it from another one. */
	if (is_loopback(plain)) {
		remote_open(ends, "%s is an address of this host, and where the server behind it has the data from "
				  "is not known", plain);
		return 0;
	}
	if (zone && *zone)
		return remote_follow_interface(u, zone, plain, ends);
	r = route_of(u, remote, plain, &interfaces);
	if (r < 0)
		return r;
	if (!*interfaces) {
		remote_open(ends, "no route to %s is known here", plain);
		return 0;
	}
	snprintf(names, sizeof(names), "%s", interfaces);
	for (char *name = strtok_r(names, " ", &rest); r == 0 && name; name = strtok_r(NULL, " ", &rest))
		r = remote_follow_interface(u, name, plain, ends);
	return r;
}

/* ---- servers by name ---- */

/* "192.0.2.1 server server.example  # comment" */
static bool line_names(char *line, const char *name)
{
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, " \t\r", &rest);
	if (!word || !is_address(word))
		return false;
	for (char *other = strtok_r(NULL, " \t\r", &rest); other; other = strtok_r(NULL, " \t\r", &rest))
		if (!strcasecmp(other, name))
			return true;
	return false;
}

static int follow_hosts(struct uses *u, const char *text, const char *name, struct remote_ends *ends,
			bool *ret_found)
{
	int r = 0;

	for (const char *p = text; r == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t n = strcspn(p, "\n");
		char line[512];

		if (n >= sizeof(line))
			continue;
		memcpy(line, p, n);
		line[n] = '\0';
		if (!line_names(line, name))
			continue;
		*ret_found = true;
		r = remote_follow_address(u, line + strspn(line, " \t"), ends);
	}
	return r;
}

/* Asking a name server could wait for the very network that is looked at. */
int remote_follow_server(struct uses *u, const char *server, struct remote_ends *ends)
{
	char address[REMOTE_SERVER_MAX];
	bool found = false;
	const char *text;
	size_t size;
	int r;

	if (remote_address_of(server, address, sizeof(address)))
		return remote_follow_address(u, address, ends);
	r = u->h->ops->map(u->h, "etc/hosts", &text, &size);
	if (r == -ENOMEM)
		return r;
	if (r >= 0) {
		r = follow_hosts(u, text, server, ends, &found);
		u->h->ops->unmap(u->h, text, size);
	}
	if (!found)
		remote_open(ends, "the address of the server \"%.100s\" is not known here", server);
	return r < 0 && found ? r : 0;
}

bool remote_address_of(const char *text, char *ret, size_t size)
{
	const char *p = text;
	size_t n;

	/* Ceph names the version of its protocol, and whether the port is one. */
	if (str_after(p, "v1:") || str_after(p, "v2:"))
		p += strlen("v1:");
	if (*p == '[') {
		n = strcspn(++p, "]");
		if (p[n] != ']')
			return false;
	} else {
		n = strcspn(p, "@/ \t\n(");
		/* One colon parts a port, more are an address of IPv6. */
		if (strcspn(p, ":") < n && !memchr(p + strcspn(p, ":") + 1, ':', n - strcspn(p, ":") - 1))
			n = strcspn(p, ":");
	}
	if (!n || n >= size)
		return false;
	memcpy(ret, p, n);
	ret[n] = '\0';
	n = strcspn(ret, "%");
	if (n < strlen(ret)) {
		char plain[REMOTE_SERVER_MAX];

		snprintf(plain, sizeof(plain), "%.*s", (int)n, ret);
		return is_address(plain);
	}
	return is_address(ret);
}

/* ---- to the functions ---- */

/* ", reached at 10.9.0.1 through br0 and eno2"; several servers or interfaces with commas. */
static void describe_ends(const struct remote_ends *ends, size_t function, struct strbuf *text)
{
	const char *server = NULL;

	for (size_t i = 0; i < ends->n; i++) {
		const struct remote_end *e = &ends->items[i];
		const char *and = e->through[0] ? " and " : "";

		if (e->function != function || !e->server[0])
			continue;
		if (server && streq(server, e->server))
			strbuf_addf(text, ", %s%s%s", e->through, and, e->interface);
		else
			strbuf_addf(text, "%s at %s through %s%s%s", server ? "," : ", reached", e->server, e->through, and,
				    e->interface);
		server = e->server;
	}
}

static bool is_before(const struct remote_ends *ends, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (ends->items[k].function == ends->items[i].function)
			return true;
	return false;
}

static int add_ends(struct uses *u, const struct remote_ends *ends, const char *code, const char *what,
		    const char *text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ends->n; i++) {
		_cleanup_strbuf_ struct strbuf reached = { 0 };

		if (is_before(ends, i))
			continue;
		describe_ends(ends, ends->items[i].function, &reached);
		if (reached.failed)
			return -ENOMEM;
		r = uses_add(u, ends->items[i].function, code, what, "%s%s", text, reached.s ? reached.s : "");
	}
	return r;
}

static bool has_end(const struct remote_ends *ends, size_t function)
{
	for (size_t i = 0; i < ends->n; i++)
		if (ends->items[i].function == function)
			return true;
	return false;
}

static bool any_up(struct uses *u, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->net.n; i++)
		if (net_may_be_up(u, f->net.items[i]))
			return true;
	return false;
}

static bool may_be_end(struct uses *u, const struct vfioadm_function *f, enum remote_kind kind)
{
	uint64_t class = f->class_code.state == VFIOADM_KNOWN ? f->class_code.value >> 8 : 0;

	/* Without a driver of the host nothing goes through it. */
	if (f->bridge || f->driver.state == VFIOADM_NONE ||
	    (f->driver.state == VFIOADM_KNOWN && net_is_bare_driver(f->driver.value)))
		return false;
	switch (kind) {
	case REMOTE_FIBRE_CHANNEL:
		return class == 0x0c04 || class >> 8 == 0x02;
	case REMOTE_VIRTIO:
		return uint_is(&f->vendor, 0x1af4) && f->net.state != VFIOADM_KNOWN &&
		       f->block.state != VFIOADM_KNOWN;
	default:
		/* An interface that is not to be seen may be in another network namespace. */
		return f->net.state == VFIOADM_KNOWN ? any_up(u, f) :
		       f->net.state == VFIOADM_NONE  ? class >> 8 == 0x02 :
						       true;
	}
}

static int add_unseen(struct uses *u, const struct remote_ends *ends, const char *what, const char *text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++)
		if (uses_wants(u, i) && !has_end(ends, i) && may_be_end(u, &u->inv->functions[i], ends->kind))
			r = uses_doubt(u, (ssize_t)i, "%s, %s, may be reached through it: %s.", what, text,
					ends->open);
	return r;
}

int remote_add(struct uses *u, const struct remote_ends *ends, const char *code, const char *what,
	       const char *text)
{
	int r = add_ends(u, ends, code, what, text);

	return r == 0 && ends->open[0] ? add_unseen(u, ends, what, text) : r;
}
