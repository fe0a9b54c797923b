/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_FIELD_H
#define VFIOADM_CLI_FIELD_H

#include <vfioadm.h>

#include "json.h"
#include "util.h"

/*
 * One table per kind of object says what there is to be shown of it. JSON, tables, `show` and the list
 * of columns in --help are all made from these tables, so that they cannot differ.
 */

enum field_type {
	FIELD_STR,	/* struct vfioadm_str */
	FIELD_UINT,	/* struct vfioadm_uint, decimal */
	FIELD_HEX,	/* struct vfioadm_uint, hex with .digits digits */
	FIELD_YES,	/* struct vfioadm_uint, 0 or 1 */
	FIELD_LIST,	/* struct vfioadm_list */
	FIELD_CSTR,	/* const char *, NULL: none */
	FIELD_BOOL,	/* bool */
	FIELD_ERRNO,	/* int, 0: none */
	FIELD_U64,	/* uint64_t */
	FIELD_UNSIGNED, /* unsigned */
	FIELD_SPECIAL,	/* by the functions of the field alone */
};

enum field_flags {
	FIELD_IN_LIST = 1 << 0, /* a key of `list --json` */
	FIELD_IN_SHOW = 1 << 1, /* a key of `show --json` */
	FIELD_SHOWN = 1 << 2,	/* a line of `show` */
	FIELD_COLUMN = 1 << 3,	/* a column that `list` has without being asked */
	FIELD_CUT = 1 << 4,	/* may be cut where the terminal is too narrow */
	FIELD_PREFIX = 1 << 5,	/* people read it with 0x in front */
	FIELD_QUIET = 1 << 6,	/* no line in `show` when known to be none */
};
#define FIELD_ALWAYS (FIELD_IN_LIST | FIELD_IN_SHOW)

struct field {
	const char *key;   /* in JSON and for --columns */
	const char *head;  /* of the column; NULL: no column */
	const char *label; /* in `show` */
	const char *help;  /* what it is, for --help */
	const char *section;
	enum field_type type;
	unsigned digits;
	unsigned flags;
	unsigned facet; /* VFIOADM_FACET_* that has to be there; 0: always there */
	size_t offset;
	void (*json)(struct json *j, const struct field *f, const void *object);
	void (*text)(struct text *t, const struct field *f, const void *object);
	enum vfioadm_state (*state)(const void *object); /* of a special field; NULL: it is known */
};

struct field_table {
	const struct field *fields;
	size_t n;
};

extern const struct field_table function_fields, user_fields, bar_fields, slot_fields,
	finding_fields, step_fields, outcome_fields, enabled_fields;

/** Writes the fields that have one of the flags; keys of unknown values go to "unknown". */
void fields_json(struct json *j, const struct field_table *table, unsigned flags, unsigned facets,
		 const void *object);
/** The value for people: "?" unknown, "-" none. Control characters are escaped. */
void field_text(struct text *t, const struct field *f, const void *object);
char *field_text_dup(const struct field *f, const void *object);
/** Known, none or unknown. */
enum vfioadm_state field_state(const struct field *f, const void *object);
/** By key; NULL when there is none. */
const struct field *field_find(const struct field_table *table, const char *key);

/** "64 KiB", exact powers only as far as they divide: 65537 is "65537 bytes". */
void text_add_size(struct text *t, uint64_t bytes);

#endif
