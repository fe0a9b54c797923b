/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_H
#define VFIOADM_HOST_USES_H

#include "host/observe_private.h"
#include "host/processes.h"

/*
 * The thorough search for users (VFIOADM_FACET_USERS): what BASIC cannot see cheaply. One file per subject
 * (uses_*.c), each a function of the list in uses.c. It adds what it finds, for the wanted functions only,
 * with the code of the finding that it becomes (policy/codes.c says how much that weighs), and says what it
 * could not look at. Nothing here may disturb: no device is opened, nothing is written, nothing that can
 * block is read except through the helper.
 */
struct uses {
	struct host *h;
	struct vfioadm_inventory *inv;
	const bool *wanted;            /* by index of the function */
	const struct processes *procs;
	const char *mountinfo;         /* of our own mount namespace; NULL: not readable */
	struct owned_list found;
	struct owned_list unseen;      /* name: the sentence */
	struct owned_list doubts;      /* likewise, of what root sees no more of */
	struct owned_list minor;       /* the same, of what could only have led to a warning */
	struct open_nodes *open;       /* uses_nodes.c: found when first asked for, in the arena */
	struct remote *remote;         /* uses_remote_ways.c: read when first asked for, in the arena */
	unsigned pauses;               /* uses_nodes.c: made so far, for what passes by itself */
};

/**
 * A user of a function; nothing is added when it is not wanted, or when the same code, what and why are
 * there already. A user that BASIC found with the same code and what is replaced. A VMD controller carries
 * the uses of what is behind it. -ENOMEM.
 */
int uses_add(struct uses *u, size_t function, const char *code, const char *what, const char *fmt, ...)
	PRINTF_LIKE(5, 6) MUST_CHECK;
/**
 * What could not be looked at may be a use: the function is refused. For one function, or -1: for all wanted
 * ones. A whole sentence.
 */
int uses_unseen(struct uses *u, ssize_t function, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
/** The same where something is known to be used and could not be followed: root sees no more of it. */
int uses_doubt(struct uses *u, ssize_t function, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
/** The same where what is there could only have led to a warning: configuration of other tools. */
int uses_seen_in_part(struct uses *u, ssize_t function, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_CHECK;
struct mount_table;
/** The mounts of our own namespace; none where they cannot be read, which block_mounts_read() says. -ENOMEM. */
int uses_mounts(const struct uses *u, struct mount_table *ret) MUST_CHECK;
/** The running kernel itself, no other root and no model: what /proc lacks there is hidden from us. */
bool uses_is_kernel(const struct uses *u);
/** Another root without a single process is one that does not run: nothing is open there, or in a container. */
bool uses_runs(const struct uses *u);
/** Is there any wanted function of this class (24 bits, masked)? Saves work that nobody asked for. */
bool uses_want_class(const struct uses *u, uint32_t class_code, uint32_t mask);

/* The subjects. Each returns 0 or -ENOMEM. */
int uses_block(struct uses *u) MUST_CHECK;   /* mounts elsewhere, swap files, stacks, exports, openers, and
						what is configured: fstab, crypttab, resume, kdump, signatures */
int uses_block_unlinked(struct uses *u) MUST_CHECK; /* the cheap part of that; no subject of its own */
int uses_mtd(struct uses *u) MUST_CHECK;     /* flash memory: JFFS2, UBI */
int uses_memory(struct uses *u) MUST_CHECK;  /* CXL, virtio-mem */
int uses_net(struct uses *u) MUST_CHECK;     /* addresses, routes, members, namespaces */
int uses_remote(struct uses *u) MUST_CHECK;  /* network file systems and network disks */
int uses_config_net(struct uses *u) MUST_CHECK; /* interfaces that are configured and not up */
int uses_thunderbolt(struct uses *u) MUST_CHECK; /* devices behind a Thunderbolt controller */
int uses_offload(struct uses *u) MUST_CHECK; /* RDMA, SMC, vDPA, auxiliary children */
int uses_display(struct uses *u) MUST_CHECK; /* DRM, framebuffers, consoles */
int uses_media(struct uses *u) MUST_CHECK;   /* USB input, sound, GPU compute, mdev */
int uses_nodes(struct uses *u) MUST_CHECK;   /* any other node below the function that is open */
int uses_vfio(struct uses *u) MUST_CHECK;    /* openers of VFIO nodes */
int uses_claims(struct uses *u) MUST_CHECK;  /* libvirt, driverctl */

#endif
