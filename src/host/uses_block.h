/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_BLOCK_H
#define VFIOADM_HOST_USES_BLOCK_H

#include "host/blocks.h"
#include "host/uses_private.h"

/*
 * The search for users of disks. Whatever is found is noted on the block device that it is about (a volume,
 * say); the note goes down the stack to every disk of a wanted function, which then is "part of" it.
 */
enum { POINTS_SHOWN = 3 };

enum block_ending { ENDING_UNKNOWN = 0, ENDING_YES, ENDING_NO };

struct block_state {
	bool concerned; /* a wanted function carries it, directly or far below */
	bool used;      /* something was noted on it that is more than a warning */
	bool covered;   /* other devices stand on it */
	bool swap;
	bool shown;     /* mounted, as was told */
	bool explained; /* by a note that tells what stands on the disks below */
	enum block_ending ending; /* uses_vital.c */
	enum mount_rank rank; /* of its mounts in our own namespace */
	unsigned n_points;
	const char *points[POINTS_SHOWN]; /* in the arena or in a mount table */
	unsigned group;                   /* file system on several disks; 0: none */
	unsigned pool;                    /* ZFS pool that it is a member of, from 1; 0: none */
	const char *role;                 /* "journal", "log": of the file system that it is a further device of */
	const char *title;                /* read when needed */
	const struct udev_entry *udev;    /* read when needed */

	/* Edges below it: a range of block_search.blocks.edges, which is sorted for that. */
	size_t first_edge, n_edges;
	/* Of the walk, or of the namespace, that was here last. */
	unsigned seen;
	size_t via;
	unsigned n_there;
	const char *there;
};

struct block_note {
	size_t block, order;
	const char *code, *what; /* what: NULL is the block's name */
	char *why;
};

/** Both are indices: the disk of a file system, and the one that its journal, or more of its data, is on. */
struct block_journal {
	size_t main, device;
	const char *role;
};

/** A file system that may be on more devices than its mount names. */
struct block_multi {
	const struct block *main; /* NULL: none */
	int type;		  /* uses_block_multi.c */
	const char *text;	  /* "The log of /srv (jfs) … is not known"; NULL: all are known */
};

/** A ZFS pool that is imported. */
struct block_pool {
	const char *name; /* arena */
	char guid[24];	  /* decimal, as udev has it; "": not known */
	size_t n_members; /* that are known */
};

/** A disk, or a partition, of a wanted function, that nothing is known to use. */
struct block_leaf {
	size_t function, block;
};

struct block_search {
	struct uses *u;
	struct blocks blocks;
	struct block_state *states; /* in the order of the blocks */
	size_t *concerned;          /* indices; NULL until all edges are known */
	size_t n_concerned;
	size_t *queue; /* of walks */
	unsigned round;
	size_t steps;
	struct mount_table mounts; /* of our own namespace */
	bool mounts_known;
	unsigned n_groups;
	bool layers_lost; /* of an overlay that the host cannot run without */
	struct block_note *notes;
	size_t n_notes, room;
	bool cut; /* there was too much to follow */
	struct block_journal *journals;
	size_t n_journals;
	bool journals_known; /* the kernel lists them */
	struct block_multi *multi;
	size_t n_multi;
	bool multi_cut;
	struct block_pool *pools;
	size_t n_pools;
	bool pools_in_part; /* zpool.cache is there, and could not be read to its end */
	struct block_leaf *leaves; /* by function; found when first asked for */
	size_t n_leaves;
	bool leaves_known;
};

static inline struct block_state *block_state(struct block_search *s, const struct block *d)
{
	return &s->states[block_index(&s->blocks, d)];
}

/**
 * Something uses d, in words that continue "nvme0n1p2, …": "mounted at /srv". With an empty text only what is
 * built of the disks below is told. -ENOMEM.
 */
int block_note(struct block_search *s, const struct block *d, const char *code, const char *fmt, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;
/** The same with a user that is no block device: "postgres (pid 7)", "has /dev/dm-3 open". */
int block_note_by(struct block_search *s, const struct block *d, const char *code, const char *what,
		  const char *fmt, ...) PRINTF_LIKE(5, 6) MUST_CHECK;
/** For all wanted functions that carry disks. A whole sentence. */
int block_unseen(struct block_search *s, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/** The same of what could only have led to a warning. */
int block_seen_in_part(struct block_search *s, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/** "LVM volume vg0-root (dm-3)", "RAID array md0 (raid1)", "nvme0n1". NULL: -ENOMEM. */
const char *block_title(struct block_search *s, const struct block *d);

/* ---- stacks (uses_block_stack.c) ---- */

/** Edges of everything; then which blocks are concerned. */
int block_stack_read(struct block_search *s) MUST_CHECK;
/** Follows d down and adds one note to each disk of a wanted function that it comes to. Takes text. */
int block_stack_note(struct block_search *s, const struct block *d, const char *code, const char *what,
		     char *text) MUST_CHECK;
/** What stands on a disk and was not told yet: idle volumes, bcache. */
int block_stack_holders(struct block_search *s) MUST_CHECK;
/** All notes, to the functions. */
int block_notes_hand_over(struct block_search *s) MUST_CHECK;

/* ---- mounts (uses_block_mounts.c, uses_block_spaces.c) ---- */

typedef int (*block_fn)(struct block_search *s, struct block *d, void *userdata);
/**
 * Calls fn for each block device that a mount of this table is made of; an overlay is made of those of its
 * layers. Once all edges are known only for those that are concerned. Stops at a negative result.
 */
int block_each_of_mount(struct block_search *s, const struct mount_table *t, const struct mount *m,
			block_fn fn, void *userdata) MUST_CHECK;
/** The same for the file system that a path is on, in our own namespace. */
int block_each_of_path(struct block_search *s, const char *path, block_fn fn, void *userdata) MUST_CHECK;
/** Mounts of our own namespace, and file systems on several disks; no notes yet. */
int block_mounts_read(struct block_search *s) MUST_CHECK;
int block_mounts(struct block_search *s) MUST_CHECK;
int block_mounts_elsewhere(struct block_search *s) MUST_CHECK;
/** Is a layer of it on a file system that no mount shows? -ENOMEM. */
int block_overlay_is_lost(const struct mount_table *t, const struct mount *m, bool *ret) MUST_CHECK;
/** File systems that the kernel has, and that no mount tells of. */
int block_mounts_hidden(struct block_search *s) MUST_CHECK;
int block_swaps(struct block_search *s) MUST_CHECK;
/** The block device of a mount, whether it is concerned or not; of a file system on several, one. NULL: none. */
struct block *block_of_mount(struct block_search *s, const struct mount *m);

/* ---- what has no holder: further devices (uses_block_further.c), ZFS, arrays (uses_block_unlinked.c) ---- */

/** Journals of ext4 that are on disks of their own; after the mounts. */
int block_journals_read(struct block_search *s) MUST_CHECK;
/** d belongs to the file system on main. role: "journal". */
int block_add_further(struct block_search *s, const struct block *main, const struct block *d, const char *role)
	MUST_CHECK;
/** Those whose file system no mount shows. */
int block_journals_hidden(struct block_search *s) MUST_CHECK;
/** As block_each_of_mount(), for the further devices of a file system. */
int block_each_further(struct block_search *s, const struct mount *m, block_fn fn, void *userdata) MUST_CHECK;
/** name: "log /dev/sdb", a further device that a mount names and that could not be found; "": none. */
int block_further_lost(struct block_search *s, const struct mount *m, char *name, size_t size) MUST_CHECK;
/** File systems of which not every device is told (uses_block_multi.c); after the mounts. */
int block_multi_read(struct block_search *s) MUST_CHECK;
/** The same for a mount of another namespace. */
int block_multi_mount(struct block_search *s, const struct mount *m) MUST_CHECK;
int block_multi_doubt(struct block_search *s) MUST_CHECK;
/** Imported pools and their known members; after the mounts. */
int block_zfs_read(struct block_search *s) MUST_CHECK;
/** What a dataset ("rpool/ROOT/x") is on. */
int block_zfs_each(struct block_search *s, const char *dataset, block_fn fn, void *userdata) MUST_CHECK;
/** The name of the pool that d is a member of, or NULL. */
const char *block_zfs_pool(struct block_search *s, const struct block *d);
int block_zfs_edges(struct block_search *s) MUST_CHECK;
int block_zfs_notes(struct block_search *s) MUST_CHECK;
int block_zfs_doubt(struct block_search *s) MUST_CHECK;
int block_unlinked_edges(struct block_search *s) MUST_CHECK;

/* ---- what ends nowhere (uses_vital.c, uses_block_doubt.c) ---- */

/** Last of all: only what nothing is known to use is in doubt. */
int block_vital(struct block_search *s) MUST_CHECK;
/**
 * Something, in words that "and may be on sda" can follow, cannot be followed to its disks: the functions of all
 * unused ones are in doubt for which may_be (NULL: each) returns a positive number.
 */
int block_doubt(struct block_search *s, block_fn may_be, void *userdata, const char *fmt, ...)
	PRINTF_LIKE(4, 5) MUST_CHECK;

/* ---- others (uses_block_open.c, uses_block_export.c) ---- */

int block_openers(struct block_search *s) MUST_CHECK;
int block_exports(struct block_search *s) MUST_CHECK;

/* ---- what is configured (uses_config*.c) ---- */

/** What udev knows of a block device; each is NULL or "" where it knows nothing. */
struct udev_entry {
	const char *fs_type, *fs_uuid, *fs_label, *fs_label_encoded;
	const char *table_type, *part_uuid, *part_label, *part_type, *ambivalent;
	const char *const *links; /* below /dev; ends with NULL */
	bool known;               /* it has an entry */
};

/** Never NULL but for -ENOMEM. */
const struct udev_entry *block_udev(struct block_search *s, struct block *d);
/**
 * What fstab and others name: "UUID=…", "LABEL=…", "/dev/disk/by-id/…", "/dev/mapper/…". *ret NULL: nothing
 * that is there. -ENOMEM.
 */
int block_resolve(struct block_search *s, const char *spec, struct block **ret) MUST_CHECK;
/** A whole text file, free() it; *ret NULL when there is none. unseen tells when it cannot be read. */
int block_read_file(struct block_search *s, const char *path, char **ret) MUST_CHECK;
/** The same of a file that leads to warnings only. */
int block_read_settings(struct block_search *s, const char *path, char **ret) MUST_CHECK;

/** Not used now. What is below another device is meant by that one's entry: a path of a multipath disk, say. */
bool block_is_idle(struct block_search *s, const struct block *d);
int config_units(struct block_search *s) MUST_CHECK;      /* .mount and .swap units */
int config_tables(struct block_search *s) MUST_CHECK;     /* fstab, crypttab */
int config_resume(struct block_search *s) MUST_CHECK;
int config_kdump(struct block_search *s) MUST_CHECK;
int config_signatures(struct block_search *s) MUST_CHECK;

#endif
