/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_PRIVATE_H
#define VFIOADM_HOST_USES_PRIVATE_H

#include <limits.h>

#include "host/uses.h"

/* ---- nodes (uses_nodes.c) ---- */

/** A character device below a function, and who has it open. */
struct open_node {
	const struct opener *opener;
	size_t function;
	const char *subsystem; /* "tty", "drm", "sound"; "" when it has none */
};

struct open_nodes {
	struct open_node *items; /* in the order of the processes */
	size_t n;
};

/** Those of the functions that are wanted; searched for once. -ENOMEM. */
int uses_open_nodes(struct uses *u, const struct open_nodes **ret) MUST_CHECK;
/** Where a node's device hangs: "../../devices/pci0000:00/…"; false: it has no place in sysfs. */
bool opener_link(struct host *h, const struct opener *o, char link[PATH_MAX]) MUST_CHECK;
/** An open file of sysfs or procfs through which a program drives this function itself; NULL, or its name. */
const char *opener_registers(struct host *h, const struct opener *o, const char *address);
/** A character device of a driver that /proc/devices calls so; with a '*' at its end name is a beginning. */
bool opener_is_of(struct host *h, const struct opener *o, const char *name);
/** Is it this character device ("kfd/kfd" below sys/class)? By its number; of a captured root without one by its name. */
bool opener_is_node(struct host *h, const struct opener *o, const char *node, const char *path);

/** Is the function wanted, or the VMD controller that carries what it is used for? */
bool uses_wants(const struct uses *u, size_t function);
/** Is this a user of the function already, with this code or (NULL) with any? */
bool uses_has(const struct uses *u, size_t function, const char *code, const char *what);
/** "PROGRAM (pid N)" "has PATH open", once for each process and code. */
int uses_add_opener(struct uses *u, size_t function, const char *code, const struct opener *o) MUST_CHECK;

/* ---- display (uses_display.c) ---- */

/** The function that is the boot display, -1: none. */
ssize_t boot_display_of(struct uses *u);

/* ---- VFIO (uses_vfio.c) ---- */

/** "guest=NAME" or "NAME" after -name on a QEMU's command line (arguments end with NUL); false: none. */
bool vfio_guest_name(const char *cmdline, size_t size, char *ret_name, size_t room);

/* ---- claims (libvirt_xml.c) ---- */

/** A PCI function that a libvirt domain or network names. */
struct libvirt_claim {
	struct address address; /* not with pf */
	const char *pf;         /* all virtual functions of this network interface */
	const char *name;       /* of the domain or network */
	bool network, managed;
};

/**
 * Calls fn for each claim in one of libvirt's files: a domain, the status of a running one, a network.
 * Reads no more than it understands: anything malformed ends the scan. Stops at a negative result of fn and
 * returns it. -ENOMEM.
 */
int libvirt_scan(const char *text, size_t size, int (*fn)(const struct libvirt_claim *c, void *userdata),
		 void *userdata) MUST_CHECK;

#endif
