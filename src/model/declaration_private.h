/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_DECLARATION_PRIVATE_H
#define VFIOADM_MODEL_DECLARATION_PRIVATE_H

#include "model/declaration.h"

/* Between declaration_parse.c and declaration_keys.c only. */

enum { N_DECLARATION_KEYS = 24 };

enum section { MATCH, LAST_SEEN, ASSIGN, NODE, SR_IOV, N_SECTIONS };

struct key_row;

/** A file that is being read. */
struct parser {
	const char *file;
	struct arena *arena;
	struct declaration d;
	enum section section;
	unsigned section_line[N_SECTIONS]; /* 0: not there */
	unsigned key_line[N_DECLARATION_KEYS];
	/* The key that is being read. */
	const struct key_row *row;
	unsigned line;
	const char *value;
	struct vfioadm_error **err;
};

/** A key, and how its value is read. */
struct key_row {
	enum section section;
	const char *name;
	/** 0, -EINVAL: the value is not as expected says; others with the error set. */
	int (*take)(struct parser *p);
	enum match_key match;
	const char *expected, *example;
	unsigned digits; /* of a hexadecimal number */
	bool all_digits; /* no fewer */
	bool not_zero;
};

extern const struct key_row declaration_keys[N_DECLARATION_KEYS];

#endif
