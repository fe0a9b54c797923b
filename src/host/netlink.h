/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_NETLINK_H
#define VFIOADM_HOST_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/*
 * What the kernel answers through netlink: pure functions over the bytes that a socket gave. Lengths in them
 * are not believed. Each returns NETLINK_MORE, NETLINK_END when the answer is complete, or a negative errno:
 * what the kernel said, -EAGAIN when the list changed while it was written (ask again), -EBADMSG for what is
 * no netlink, -ENOMEM.
 */
enum { NETLINK_MORE = 0, NETLINK_END = 1 };

enum {
	NETLINK_NAME_MAX = 16,
	NETLINK_PARENT_MAX = 64,
	NETLINK_ADDRESS_MAX = 64,
	NETLINK_LINKS_MAX = 65536,
	NETLINK_HOPS_MAX = 16,
};

/** One interface. Empty strings: not told. */
struct netlink_link {
	int index;
	unsigned flags;
	char name[NETLINK_NAME_MAX];
	char kind[NETLINK_NAME_MAX];     /* "vlan", "bridge" … of what is no device of hardware */
	char bus[NETLINK_NAME_MAX];      /* "pci", "virtio", "usb" */
	char parent[NETLINK_PARENT_MAX]; /* the device's name on that bus */
	unsigned n_addresses;            /* link-local ones of IPv6 are not counted: every interface has one */
	char address[NETLINK_ADDRESS_MAX]; /* the first, "192.0.2.1/24" */
};

struct netlink_links {
	struct netlink_link *items;
	size_t n, room;
	bool with_parent; /* only those that hang below a device: of the others everybody can make as many as he likes */
};

/** Answers to RTM_GETLINK are appended. */
int netlink_parse_links(const void *data, size_t size, struct netlink_links *links) MUST_CHECK;
/** Answers to RTM_GETADDR are added to the links with their index. */
int netlink_parse_addresses(const void *data, size_t size, struct netlink_links *links) MUST_CHECK;
void netlink_links_clear(struct netlink_links *links);

/** A route and the interfaces that it may leave through. */
struct netlink_route {
	unsigned prefix; /* of its destination; 0: the default route */
	size_t n;
	int hops[NETLINK_HOPS_MAX];
};

/** The answer to RTM_GETROUTE with RTM_F_FIB_MATCH. */
int netlink_parse_route(const void *data, size_t size, struct netlink_route *ret) MUST_CHECK;

/** Answers to a dump of generic netlink's families: the number of the named one, else *ret stays. */
int netlink_parse_family(const void *data, size_t size, const char *name, uint16_t *ret) MUST_CHECK;

/** One SMC device in use, "0000:00:00.0" and the number of its link groups. */
struct netlink_smc {
	char pci[NETLINK_PARENT_MAX];
	uint32_t uses;
};

/** Answers to SMC_NETLINK_GET_DEV_SMCD or …_SMCR: at most room, counted in *n; those not in use are not. */
int netlink_parse_smc(const void *data, size_t size, struct netlink_smc *items, size_t room,
		      size_t *n) MUST_CHECK;

#endif
