/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FUZZ_OVERLAY_H
#define VFIOADM_FUZZ_OVERLAY_H

#include "memory_host.h"

/*
 * A hostile host is a real one with some files changed. The input lists the changes, and names each file by
 * a hash of its path: a path keeps its number whatever else is added to the captured host.
 *
 *   change ::= KIND HASH[3] PAYLOAD, changes are parted by OVERLAY_SEPARATOR
 *
 * The paths that can be named are those that somebody looks at (paths_learn()): so each parser of each file
 * is reached, and a file that an observer starts to read tomorrow is as well.
 */
enum { OVERLAY_SEPARATOR = 0xf5 /* never in UTF-8 */, OVERLAY_HEAD = 4 };

enum overlay_kind {
	OVERLAY_FILE,	  /* the path is a file with the payload */
	OVERLAY_LINK,	  /* a link to the payload */
	OVERLAY_REMOVE,	  /* it is not there */
	OVERLAY_ADD_FILE, /* below it: name, NUL, content */
	OVERLAY_ADD_LINK,
	OVERLAY_ADD_DIRECTORY,
	OVERLAY_BREAK,	   /* reading it fails: first byte is the errno */
	OVERLAY_LONG,	   /* first byte N: 2^(N % 18) bytes of the rest, again and again */
	OVERLAY_LINK_TO,   /* a link to another path: its hash */
	OVERLAY_APPEND,	   /* the payload behind what is there */
	OVERLAY_DIRECTORY, /* an empty directory */
	OVERLAY_COPIES,	   /* below it: first byte N links "xN", each to the rest */
	OVERLAY_KINDS,
};

/** A captured host with the paths of it that matter. */
struct overlay_base {
	struct tree tree;
	struct path {
		uint32_t hash;
		char *name;
	} * paths; /* sorted by hash */
	size_t n_paths, room;
	struct undo *undo; /* newest first */
};

/** Remembers a path; to be used as memory_host.touched. */
void overlay_learn(const char *path, void *base);
/** After the last one. */
void overlay_learned(struct overlay_base *base);
/** Makes the changes in the tree. */
void overlay_apply(struct overlay_base *base, const uint8_t *data, size_t size);
/** Takes them back. */
void overlay_undo(struct overlay_base *base);
/** Appends a change that makes sense: a path, and a content near to what it had. New size. */
size_t overlay_mutate(const struct overlay_base *base, uint8_t *data, size_t size, size_t room,
		      unsigned seed, size_t (*mutate)(uint8_t *data, size_t size, size_t room));

#endif
