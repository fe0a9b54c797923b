/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces of the wanted functions: their addresses, and what stands on top of them. */
#include <limits.h>
#include <string.h>

#include "host/uses_net.h"

bool net_wanted(const struct uses *u, size_t function)
{
	const struct vfioadm_function *vmd = inventory_vmd_of(u->inv, &u->inv->functions[function]);

	return u->wanted[function] || (vmd && u->wanted[vmd - u->inv->functions]);
}

/* ---- what stands on top ---- */

/* A virtio NIC with a failover has three interfaces, one above the others: they go with it. */
static bool is_of_same_function(struct uses *u, const struct net_port *port, const char *name)
{
	char path[NAME_MAX + 32], link[PATH_MAX];

	snprintf(path, sizeof(path), "sys/class/net/%s", name);
	return u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) >= 0 &&
	       function_of_link(u->inv, link) == (ssize_t)port->function;
}

static int add_above(struct uses *u, struct net_port *port, const char *name, unsigned below)
{
	/* In another root the links may run in circles. */
	if (streq(name, port->name) || is_of_same_function(u, port, name))
		return 0;
	for (size_t i = 0; i < port->n_above; i++)
		if (streq(port->above[i].name, name))
			return 0;
	if (port->n_above >= NET_ABOVE_MAX)
		return 0;
	port->above[port->n_above].name = arena_strdup(&u->inv->arena, name);
	if (!port->above[port->n_above].name)
		return -ENOMEM;
	port->above[port->n_above++].below = below;
	return 0;
}

static int read_above(struct uses *u, struct net_port *port, const char *name, unsigned below)
{
	char path[NAME_MAX + 32], master[NAME_MAX + 1];
	_cleanup_strv_ struct strv entries = { 0 };
	int r;

	if (snprintf(path, sizeof(path), "sys/class/net/%s", name) >= (int)sizeof(path))
		return 0;
	r = u->h->ops->list(u->h, -1, path, &entries);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&entries);
	STRV_FOREACH (i, &entries) {
		const char *upper = str_after(entries.items[i], "upper_");

		r = upper ? add_above(u, port, upper, below) : 0;
		if (r < 0)
			return r;
	}
	if (!strv_has(&entries, "master"))
		return 0;
	if (snprintf(path, sizeof(path), "sys/class/net/%s/master", name) >= (int)sizeof(path) ||
	    host_link_name(u->h, -1, path, master, sizeof(master)) < 0)
		return 0;
	return add_above(u, port, master, below);
}

/* Breadth first: what is directly above comes first. */
static int climb(struct uses *u, struct net_port *port)
{
	struct net_above above[NET_ABOVE_MAX] = { { 0 } }, *kept;
	int r;

	port->above = above;
	r = read_above(u, port, port->name, 0);
	for (size_t i = 0; r == 0 && i < port->n_above; i++)
		r = read_above(u, port, above[i].name, (unsigned)i + 1);
	kept = arena_alloc(&u->inv->arena, (port->n_above + 1) * sizeof(*kept));
	port->above = kept;
	if (r < 0 || !kept)
		return r < 0 ? r : -ENOMEM;
	memcpy(kept, above, port->n_above * sizeof(*kept));
	return 0;
}

/* ---- the interfaces ---- */

int net_ports_read(struct uses *u, bool all, struct net_ports *ret)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/class/net", &names);

	/* BASIC has said it when they cannot be listed. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	ret->items = arena_alloc(&u->inv->arena, (names.n + 1) * sizeof(*ret->items));
	if (!ret->items)
		return -ENOMEM;
	STRV_FOREACH (i, &names) {
		struct net_port *port = &ret->items[ret->n];
		char path[NAME_MAX + 32], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "sys/class/net/%s", names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f < 0 || (!all && !net_wanted(u, (size_t)f)))
			continue;
		port->function = (size_t)f;
		port->name = arena_strdup(&u->inv->arena, names.items[i]);
		r = port->name ? climb(u, port) : -ENOMEM;
		if (r < 0)
			return r;
		ret->n++;
	}
	return 0;
}

static int is_up(struct uses *u, const struct net_port *port, const struct net_facts *facts)
{
	char path[NAME_MAX + 32], addresses[128];
	uint64_t flags;

	snprintf(path, sizeof(path), "sys/class/net/%s/flags", port->name);
	net_fact_addresses(net_facts_find(facts, port->name), " and has", addresses, sizeof(addresses));
	/* Without an address there is nothing to be said that BASIC has not said. */
	if (!addresses[0] || host_read_uint(u->h, -1, path, 16, &flags) < 0 || !(flags & 1)) /* IFF_UP */
		return 0;
	return uses_add(u, port->function, "in-use-net", port->name, "is up%s", addresses);
}

bool net_may_be_up(struct uses *u, const char *name)
{
	char path[NAME_MAX + 32];
	uint64_t flags;

	snprintf(path, sizeof(path), "sys/class/net/%s/flags", name);
	return host_read_uint(u->h, -1, path, 16, &flags) < 0 || (flags & 1); /* IFF_UP */
}

/* No route leads through a port that is down, and nothing that is above ports comes out below them. */
static bool any_up(struct uses *u, const struct net_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (net_may_be_up(u, ports->items[i].name))
			return true;
	return false;
}

/* ---- members ---- */

static bool net_has(struct uses *u, const char *interface, const char *entry)
{
	char path[NAME_MAX * 2 + 32];

	snprintf(path, sizeof(path), "sys/class/net/%s/%s", interface, entry);
	return host_exists(u->h, path);
}

static bool is_vlan(struct uses *u, const char *interface)
{
	char path[NAME_MAX + 32];

	snprintf(path, sizeof(path), "proc/net/vlan/%s", interface);
	return host_exists(u->h, path);
}

/* As rtnetlink calls it; from what sysfs has where netlink was not to be had. NULL: not known. */
static const char *kind_of(struct uses *u, const struct net_facts *facts, const char *name)
{
	const struct net_fact *fact = net_facts_find(facts, name);

	if (fact && fact->kind)
		return fact->kind;
	/* The master of all its ports has no kind of its own in older kernels. */
	if (streq(name, "ovs-system"))
		return "openvswitch";
	if (net_has(u, name, "bridge"))
		return "bridge";
	if (net_has(u, name, "bonding"))
		return "bond";
	if (net_has(u, name, "macvtap"))
		return "macvtap";
	if (net_has(u, name, "ipvtap"))
		return "ipvtap";
	return is_vlan(u, name) ? "vlan" : NULL;
}

static const struct {
	const char *kind, *text;
} members[] = {
	{ "bridge", "is a port of the bridge" },
	{ "bond", "is part of the bond" },
	{ "team", "is part of the team" },
	{ "openvswitch", "is a port of the Open vSwitch behind" },
	{ "hsr", "is part of the ring" },
	{ "vrf", "is part of the VRF" },
	{ "vlan", "carries the VLAN interface" },
	{ "macvlan", "carries the macvlan interface" },
	{ "macvtap", "carries the macvtap interface" },
	{ "ipvlan", "carries the ipvlan interface" },
	{ "ipvtap", "carries the ipvtap interface" },
	{ "macsec", "carries the MACsec interface" },
};

/* A synthetic or paravirtual interface that uses this one as its fast path has hardware below itself. */
static bool is_failover(struct uses *u, const struct net_facts *facts, const char *name)
{
	const struct net_fact *fact = net_facts_find(facts, name);

	return (fact && fact->parent) || net_has(u, name, "device");
}

static const char *member_text(struct uses *u, const struct net_facts *facts, const char *upper)
{
	const char *kind = kind_of(u, facts, upper);

	for (size_t i = 0; kind && i < ARRAY_SIZE(members); i++)
		if (streq(kind, members[i].kind))
			return members[i].text;
	if (is_failover(u, facts, upper))
		return "is the fast path (failover) of";
	return "stands below the interface";
}

/* Index of the direct one that leads to this one. */
static size_t direct_of(const struct net_port *port, size_t i)
{
	while (port->above[i].below)
		i = port->above[i].below - 1;
	return i;
}

/* The first address further above, when what is directly above has none. */
static void addresses_above(const struct net_port *port, size_t direct, const struct net_facts *facts,
			    char *buf, size_t size)
{
	net_fact_addresses(net_facts_find(facts, port->above[direct].name), ", which has", buf, size);
	for (size_t i = direct + 1; !buf[0] && i < port->n_above; i++) {
		const struct net_fact *fact = net_facts_find(facts, port->above[i].name);
		char before[64];

		if (!fact || direct_of(port, i) != direct)
			continue;
		snprintf(before, sizeof(before), "; above it %.32s has", fact->name);
		net_fact_addresses(fact, before, buf, size);
	}
}

static int is_member(struct uses *u, const struct net_port *port, const struct net_facts *facts)
{
	for (size_t i = 0; i < port->n_above && !port->above[i].below; i++) {
		const char *upper = port->above[i].name;
		char addresses[192];
		int r;

		addresses_above(port, i, facts, addresses, sizeof(addresses));
		r = uses_add(u, port->function, "in-use-net-member", port->name, "%s %s%s",
			     member_text(u, facts, upper), upper, addresses);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- all ---- */

/* Storage, displays, sound and memory have no interfaces; anything else may. */
static bool may_have_net(const struct vfioadm_function *f)
{
	if (f->net.state == VFIOADM_KNOWN || f->class_code.state != VFIOADM_KNOWN)
		return true;
	switch (f->class_code.value >> 16) {
	case 0x01:
		/* A VMD controller has whatever is behind it. */
		return f->class_code.value >> 8 == 0x0104;
	case 0x03 ... 0x06:
		return false;
	default:
		return f->driver.state == VFIOADM_KNOWN && !uint_is(&f->vfio, 1);
	}
}

bool net_any(const struct uses *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++)
		if (u->wanted[i] && may_have_net(&u->inv->functions[i]))
			return true;
	return false;
}

int uses_net(struct uses *u)
{
	struct net_ports ports = { 0 };
	struct net_facts facts = { 0 };
	int r;

	if (!net_any(u))
		return 0;
	r = net_ports_read(u, false, &ports);
	if (r == 0)
		r = net_facts_read(u, &facts);
	for (size_t i = 0; r == 0 && i < ports.n; i++) {
		r = is_up(u, &ports.items[i], &facts);
		if (r == 0)
			r = is_member(u, &ports.items[i], &facts);
	}
	if (r == 0 && any_up(u, &ports))
		r = net_routes(u, &ports);
	return r < 0 ? r : net_spaces(u, &ports, &facts);
}
