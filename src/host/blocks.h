/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_BLOCKS_H
#define VFIOADM_HOST_BLOCKS_H

#include "host/observe_private.h"
#include "model/mount_point.h"

/*
 * The block devices of a host and how they stand on one another: functions carry disks, disks have
 * partitions, and device mapper, md, loop and zram devices are made of those.
 */
struct block {
	const char *name;
	char *link;	  /* where /sys/class/block/NAME leads to; NULL: was not asked for */
	ssize_t function; /* -1: none, or several (an NVMe head) */
	ssize_t disk;	  /* a partition's disk, -1: this is a disk */
	bool hidden;	  /* one path of a multipath NVMe namespace */
	bool is_virtual;
	struct vfioadm_uint dev; /* major << 32 | minor, read when needed */
};

enum block_how {
	BLOCK_PART = 0,	 /* listed below "slaves" */
	BLOCK_PARTITION, /* of a virtual device */
	BLOCK_FILE,	 /* a loop device on a file of a file system on it */
	BLOCK_NODE,	 /* a loop device on the device itself */
	BLOCK_BACKING,	 /* zram writes what does not fit to it */
};

/** upper stands on lower; both are indices. */
struct block_edge {
	size_t upper, lower;
	enum block_how how;
	const char *file; /* BLOCK_FILE */
};

struct blocks {
	struct host *h;
	const struct vfioadm_inventory *inv;
	host_dir dir;	   /* sys/class/block */
	struct strv names; /* sorted; items in the same order */
	struct block *items;
	struct block_edge *edges;
	size_t n_edges;
};

/** What carries a block device: one function, or each path of an NVMe namespace. */
struct block_carrier {
	ssize_t function;	/* -1: not a PCI function (a fabric) */
	const char *controller; /* "nvme1", where there are several; else NULL */
	const char *path;	/* "nvme3c1n1", NULL: the kernel shows no such devices */
};

/**
 * all: loop, zram and nbd devices as well, which BASIC leaves out because there are many of them. -ENOENT: this
 * kernel has no block devices; another failure: they could not be looked at.
 */
int blocks_open(struct blocks *b, struct host *h, const struct vfioadm_inventory *inv,
		bool all) MUST_CHECK;
void blocks_close(struct blocks *b);

/** Edges of device mapper, md and whatever else lists its "slaves", and of partitions of such. */
int blocks_read_slaves(struct blocks *b) MUST_CHECK;
int blocks_add_edge(struct blocks *b, const struct block *upper, const struct block *lower,
		    enum block_how how, const char *file) MUST_CHECK;

static inline size_t block_index(const struct blocks *b, const struct block *d)
{
	return (size_t)(d - b->items);
}

struct block *blocks_find(const struct blocks *b, const char *name);
/** Reads the number when that was not done yet; false: it has none. */
bool block_number(struct blocks *b, struct block *d);
struct block *blocks_by_number(struct blocks *b, unsigned major, unsigned minor);
/** "/dev/nvme0n1p1", or another name in /dev that leads to a node. */
struct block *blocks_by_path(struct blocks *b, const char *path);
/** A path of /dev whose lookup cannot lead into a file system that somebody else answers for. */
bool blocks_is_plain_node(const char *path);

typedef int (*block_carrier_fn)(const struct block_carrier *c, void *userdata);
/** Stops at the first negative result and returns it. */
int blocks_each_carrier(const struct blocks *b, const struct block *d, block_carrier_fn fn,
			void *userdata) MUST_CHECK;

/**
 * The block device that a mount is of; NULL: none. A file system on several disks has a number of its own,
 * with major 0: its source names one of them (btrfs) or all, with colons between (bcachefs).
 */
struct block *blocks_of_mount(struct blocks *b, const struct mount *m);

#endif
