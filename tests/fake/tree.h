/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FAKE_TREE_H
#define VFIOADM_FAKE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A file tree in memory: what the modelled kernel shows below its root. Like sysfs it gives each object a
 * number that is never used again, and a directory that was removed stays readable to nobody, also not to
 * those who hold it open.
 */
enum node_type {
	NODE_DIR,
	NODE_FILE,
	NODE_LINK,
	NODE_CHAR,
	NODE_BLOCK,
};

/* What a write to the file does; the model's attrs.c knows the meaning. */
enum attribute {
	ATTR_NONE = 0, /* no write bit: -EACCES, also for root (sysfs checks the mode) */
	ATTR_PLAIN,    /* keeps what is written */
	ATTR_BIND,
	ATTR_UNBIND,
	ATTR_NEW_ID,
	ATTR_REMOVE_ID,
	ATTR_DRIVERS_PROBE,
	ATTR_RESCAN,
	ATTR_DRIVER_OVERRIDE,
	ATTR_NUMVFS,
	ATTR_REMOVE,
	ATTR_AUTOPROBE_VFS,
};

struct node {
	enum node_type type;
	char *name;
	struct node *parent;
	struct node **children; /* sorted by name */
	size_t n, room;
	char *data; /* content, or a link's target; NUL-terminated beyond size */
	size_t size;
	unsigned major, minor;
	uint64_t ino;
	bool write_only;
	bool dead;
	enum attribute attribute;
	void *owner; /* the device or driver that the attribute belongs to */
	struct node *next_dead;
};

struct tree {
	struct node *root;
	uint64_t next_ino;
	struct node *graveyard; /* removed, freed with the tree: somebody may hold them open */
};

int tree_init(struct tree *t) MUST_CHECK;
void tree_clear(struct tree *t);
/** Frees what was removed, when nobody holds it open any more. */
void tree_forget_removed(struct tree *t);

/** From start (NULL: the root); follow: also a link in the last place. NULL: -ENOENT, -ELOOP. */
struct node *tree_lookup(struct tree *t, struct node *start, const char *path, bool follow);
struct node *node_child(const struct node *dir, const char *name);
/** Path from the root without a leading slash; the caller frees it. */
char *node_path(const struct node *node) MUST_CHECK;
bool node_is_below(const struct node *node, const struct node *dir);

/* Below start (NULL: the root). Missing directories of path are made; a file that is there is replaced. */
struct node *tree_mkdir(struct tree *t, struct node *start, const char *path) MUST_CHECK;
struct node *tree_file(struct tree *t, struct node *start, const char *path, const char *data,
		       size_t size) MUST_CHECK;
struct node *tree_link(struct tree *t, struct node *start, const char *path,
		       const char *target) MUST_CHECK;
/** A link from dir/name to node, spelled relative as sysfs does. */
struct node *tree_link_to(struct tree *t, struct node *dir, const char *name,
			  const struct node *to) MUST_CHECK;
struct node *tree_device(struct tree *t, const char *path, enum node_type type, unsigned major,
			 unsigned minor) MUST_CHECK;
int node_set(struct node *file, const char *data, size_t size) MUST_CHECK;
int node_printf(struct node *file, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/** Takes a node out of its directory; it and all below are dead until attached again. */
void node_detach(struct node *node);
/** Puts a detached node into dir, with new numbers: to the reader it is another object. */
int node_attach(struct tree *t, struct node *dir, struct node *node) MUST_CHECK;
/** Detach and bury. NULL is fine. */
void tree_remove(struct tree *t, struct node *node);
int node_rename(struct node *detached, const char *name) MUST_CHECK;

/* loading: archive.c */

/** A directory tree as captured, or an archive file (tests/roots/format.md). */
int tree_load(struct tree *t, const char *path) MUST_CHECK;
/** *ret_line: where the archive is wrong, on -EINVAL. */
int tree_load_text(struct tree *t, const char *text, size_t size, unsigned *ret_line) MUST_CHECK;

#endif
