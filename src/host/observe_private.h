/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_OBSERVE_PRIVATE_H
#define VFIOADM_HOST_OBSERVE_PRIVATE_H

#include "base/str.h"
#include "host/observe.h"
#include "model/address.h"

#define PCI_DEVICES "sys/bus/pci/devices"

enum { OBSERVE_PATH_MAX = 512 };

/* ---- values (observe_value.c); strings are made safe to show and hang in the inventory ---- */

/** NULL or "" is NONE. -ENOMEM. */
int value_text(struct vfioadm_inventory *inv, struct vfioadm_str *ret, const char *text) MUST_CHECK;
/** -ENOENT is NONE, another failure UNKNOWN; returns 0 or -ENOMEM. */
int value_read_text(struct host *h, struct vfioadm_inventory *inv, host_dir dir, const char *name,
		    struct vfioadm_str *ret) MUST_CHECK;
/** Returns what the read did, so that a caller can tell the reasons of UNKNOWN apart. */
int value_read_uint(struct host *h, host_dir dir, const char *name, unsigned base,
		    struct vfioadm_uint *ret);
/** Copies; no items is NONE. -ENOMEM. */
int value_list(struct vfioadm_inventory *inv, struct vfioadm_list *ret,
	       const struct strv *items) MUST_CHECK;
/** "sys/bus/pci/devices/ADDRESS/rest". */
void device_path(char path[OBSERVE_PATH_MAX], const char *address, const char *rest);

/**
 * The last component of a sysfs path that is a PCI address, that is the function below which the rest
 * hangs. false: there is none. ret_rest (may be NULL): what follows it.
 */
bool last_address(const char *path, char ret_address[ADDRESS_MAX], const char **ret_rest);
/** Index of the function that a link below /sys/class leads to, -1: none. Needs the sorted inventory. */
ssize_t function_of_link(const struct vfioadm_inventory *inv, const char *link);

/* ---- mounts (mounts.c) ---- */

struct mount {
	unsigned major, minor;
	const char *root; /* of the file system, that is mounted there; "mnt:[4026531841]" for nsfs */
	const char *point, *options, *type, *source;
	const char *super; /* options of the file system, not decoded; "" when there are none */
};

/**
 * Calls fn for each line; root, point and source are decoded. Stops at a negative result and returns it.
 * -ENOMEM.
 */
int mounts_each(const char *text, int (*fn)(const struct mount *m, void *userdata),
		void *userdata) MUST_CHECK;
/** Undoes the kernel's \ooo in place. */
void mounts_decode(char *s);

/** All mounts of one mount namespace. */
struct mount_table {
	char *text; /* the strings of the items */
	struct mount *items;
	size_t n;
};

/** -ENOMEM. */
int mounts_parse(const char *text, struct mount_table *ret) MUST_CHECK;
void mounts_free(struct mount_table *t);
/** The mount that an absolute path is in: the longest mount point, of equal ones the last. NULL: none. */
const struct mount *mounts_of_path(const struct mount_table *t, const char *path);

/* ---- users in BASIC (observe_users.c, observe_block.c) ---- */

/** What the class directories tell, collected per function before it goes to the inventory. */
struct owned {
	size_t function, order;
	const char *name;	  /* net and block lists */
	struct vfioadm_user user; /* users */
	size_t before;		  /* thorough search: place of the same function's earlier one, from 1; 0: none */
};

struct owned_list {
	struct owned *items;
	size_t n, room;
	bool unknown; /* could not be looked at */
	size_t *last; /* thorough search: by function, as before */
};

struct users {
	struct host *h;
	struct vfioadm_inventory *inv;
	const char *mountinfo; /* NULL: not readable */
	struct owned_list net, block, users;
	bool unlinked; /* something is in use that the links between block devices do not lead to */
};

int users_add_name(struct users *u, struct owned_list *list, size_t function,
		   const char *name) MUST_CHECK;
/** code: of the finding that it becomes; policy says how much that weighs. */
int users_add(struct users *u, size_t function, const char *code, const char *what,
	      const char *why) MUST_CHECK;
int observe_block(struct users *u) MUST_CHECK;
/** net, block and users of every function. */
int observe_users(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo) MUST_CHECK;

/* ---- the other facets ---- */

int observe_facts(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo) MUST_CHECK;
/* observe_platform.c: facts about the host that decide whether a guest could open a function */
int observe_platform(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;
/** Which functions on VFIO have a group that is none of an IOMMU. -ENOMEM. */
int observe_noiommu(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;
/** type1 and iommufd: with DRIVERS, for the list of modules is long. */
int observe_backends(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;
/** Once for an inventory, with DETAIL. */
int observe_framebuffers(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;
void observe_resets_shown(struct host *h, struct vfioadm_inventory *inv);
/** observe_topology.c: where groups come late, members of the ones to come. */
int observe_topology(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;
int observe_function_names(struct host *h, struct vfioadm_inventory *inv,
			   struct vfioadm_function *f) MUST_CHECK;
int observe_path(struct host *h, struct vfioadm_inventory *inv,
		 struct vfioadm_function *f) MUST_CHECK;
int observe_identity(struct host *h, struct vfioadm_inventory *inv,
		     struct vfioadm_function *f) MUST_CHECK;
int observe_detail(struct host *h, struct vfioadm_inventory *inv,
		   struct vfioadm_function *f) MUST_CHECK;
/** From the configuration space, which wakes the device. NONE: all bytes are ff. */
struct vfioadm_uint observe_header_type(struct host *h, host_dir dir);
int observe_drivers(struct host *h, struct vfioadm_inventory *inv,
		    struct vfioadm_function *f) MUST_CHECK;
int observe_locked(struct host *h, struct vfioadm_inventory *inv,
		   struct vfioadm_function *f) MUST_CHECK;

/** "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0" is "pci-0000:00:1c.0/00.0"; NULL: no such path. */
char *identity_bridge_path(const char *resolved) MUST_CHECK;
/** The Device Serial Number in a function's configuration space. */
struct vfioadm_str identity_serial(const unsigned char *config, size_t size, char buf[24]);
/** EBCDIC (code page 37), blanks and zeros at the end cut; "" when nothing is left. */
void identity_ebcdic(const unsigned char *data, size_t size, char *buf, size_t room);

#endif
