/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_NET_H
#define VFIOADM_HOST_USES_NET_H

#include "host/uses.h"

/* What the files of the network subject share. Everything in them is in the arena. */

/** What is known of an interface of our own network namespace beyond sysfs. NULL: not told. */
struct net_fact {
	const char *name, *parent, *kind, *address;
	unsigned n_addresses;
};

struct net_facts {
	struct net_fact *items; /* sorted by name */
	size_t n;
	bool unknown; /* could not be asked */
};

/** -ENOMEM. */
int net_facts_read(struct uses *u, struct net_facts *ret) MUST_CHECK;
/** NULL: nothing is known of it. */
const struct net_fact *net_facts_find(const struct net_facts *facts, const char *name);
/** " and has address 192.0.2.1/24 (and 2 more)": behind what is given; "" when there is none. */
void net_fact_addresses(const struct net_fact *fact, const char *before, char *buf, size_t size);
/** "eth0 1043 pci/0000:01:00.0 - 2 192.0.2.1/24", in place; false: it is no such line. */
bool net_line_parse(char *line, struct net_fact *ret, unsigned *ret_flags);

enum { NET_ABOVE_MAX = 64 };

/** An interface above another one: a bridge that it is a port of, a VLAN that it carries. */
struct net_above {
	const char *name;
	unsigned below; /* what it was found above: index + 1 of another one, 0: the port itself */
};

/** An interface of a function. */
struct net_port {
	size_t function;
	const char *name;
	struct net_above *above;
	size_t n_above;
};

struct net_ports {
	struct net_port *items;
	size_t n;
};

/** Interfaces and what stands on them: of the wanted functions, or of all. -ENOMEM. */
int net_ports_read(struct uses *u, bool all, struct net_ports *ret) MUST_CHECK;
/** What is not known to be down may be up. */
bool net_may_be_up(struct uses *u, const char *name);

/** These have no interfaces. */
bool net_is_bare_driver(const char *driver);

/** Is it asked about, by itself or because the VMD controller that it is behind is? */
bool net_wanted(const struct uses *u, size_t function);

/** Is anything asked about that may have a network interface? */
bool net_any(const struct uses *u);

/* The parts, in their order; each 0 or -ENOMEM. */
int net_routes(struct uses *u, const struct net_ports *ports) MUST_CHECK;
int net_spaces(struct uses *u, const struct net_ports *ports, const struct net_facts *facts) MUST_CHECK;

/* ---- routes without netlink (net_tables.c): text of /proc/net/… ---- */

/**
 * The interface of the most specific route to an address of 4 or 16 bytes; "" when there is none.
 * big: IPv4 numbers are written by a big-endian machine.
 */
void net_table_lookup(const char *text, const uint8_t *address, size_t address_size, bool big,
		      char ret_interface[64]);
/** Calls fn for the interface of each default route. */
int net_table_defaults(const char *text, bool six, int (*fn)(const char *interface, void *userdata),
		       void *userdata);
/** The connected network that a local IPv4 address belongs to: its interface and length; false: none. */
bool net_table_connected(const char *route, const uint8_t address[4], bool big, char ret_interface[64],
			 unsigned *ret_prefix);

#endif
