/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_REMOTE_PRIVATE_H
#define VFIOADM_HOST_USES_REMOTE_PRIVATE_H

#include "host/uses_net.h"
#include "host/uses_remote.h"

enum {
	REMOTE_ENDS_MAX = 64,
	REMOTE_SERVER_MAX = 64, /* an address in text, or a name that is shown */
};

/** A PCI function that something remote is reached through. */
struct remote_end {
	size_t function;
	char server[REMOTE_SERVER_MAX]; /* "": the function itself is the initiator */
	char interface[64];		/* of the function */
	char through[64];		/* the interface of the route, when it stands above that one */
};

/** Functions that come into question where the way cannot be followed. */
enum remote_kind { REMOTE_NETWORK, REMOTE_FIBRE_CHANNEL, REMOTE_VIRTIO };

struct remote_ends {
	struct remote_end items[REMOTE_ENDS_MAX];
	size_t n;
	enum remote_kind kind;
	bool elsewhere; /* a way ends at what is no PCI function */
	char open[256]; /* why a way could not be followed; "": each was */
};

/* ---- ways (uses_remote_ways.c); each 0 or -ENOMEM ---- */

/** The way could not be followed. The first reason stays. */
void remote_open(struct remote_ends *ends, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** By the route to an address in text ("192.0.2.1", "fe80::1%eth0"). */
int remote_follow_address(struct uses *u, const char *address, struct remote_ends *ends) MUST_CHECK;
/** An address, or a name that /etc/hosts has. */
int remote_follow_server(struct uses *u, const char *server, struct remote_ends *ends) MUST_CHECK;
/** Everything that stands below the interface. */
int remote_follow_interface(struct uses *u, const char *interface, const char *server,
			    struct remote_ends *ends) MUST_CHECK;
/** The function that a link of sysfs leads below, or nothing on the PCI bus. */
void remote_follow_link(struct uses *u, const char *link, struct remote_ends *ends);
/** "192.0.2.1:6789", "[2001:db8::1]:6789", "v2:192.0.2.1:3300", "192.0.2.1@tcp": the address; false: none. */
bool remote_address_of(const char *text, char *ret, size_t size);

/** To the functions: "what, text, reached at SERVER through eth0". */
int remote_add(struct uses *u, const struct remote_ends *ends, const char *code, const char *what,
	       const char *text) MUST_CHECK;
static inline bool remote_ended(const struct remote_ends *ends)
{
	return !ends->open[0] && (ends->n || ends->elsewhere);
}

/* ---- connections (uses_remote_sockets.c) ---- */

/** The servers that a process is connected to by TCP. *ret_n: how many connections were seen. */
int remote_follow_process(struct uses *u, int pid, struct remote_ends *ends, size_t *ret_n) MUST_CHECK;
/** The servers of connections to one of these ports. */
int remote_follow_ports(struct uses *u, unsigned first, unsigned last, struct remote_ends *ends,
			size_t *ret_n) MUST_CHECK;
/** A line of /proc/net/tcp or tcp6: an established connection. ret_address: INET6_ADDRSTRLEN bytes. */
bool remote_parse_connection(const char *line, bool big, char *ret_address, unsigned *ret_port,
			     uint64_t *ret_inode);

/* ---- file systems (uses_remote_mounts.c), disks (uses_remote_disks.c) ---- */

int remote_follow_mount(struct uses *u, const struct mount *m, struct remote_ends *ends) MUST_CHECK;
/** words: "iSCSI, iqn.2003-01.org.example:disk". */
int remote_follow_disk(struct uses *u, const struct blocks *b, const struct block *disk,
		       struct remote_ends *ends, char *words, size_t size) MUST_CHECK;
int remote_follow_drbd(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		       size_t size) MUST_CHECK;
/** The servers of Ceph that the kernel is connected to. */
int remote_follow_ceph_connections(struct uses *u, struct remote_ends *ends, size_t *ret_n) MUST_CHECK;
/** The value of an option ("addr=") in a list with commas between; false: it is not there. */
bool remote_option(const char *options, const char *key, char *ret, size_t size);

#endif
