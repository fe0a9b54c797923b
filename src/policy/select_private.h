/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_SELECT_PRIVATE_H
#define VFIOADM_POLICY_SELECT_PRIVATE_H

#include "policy/select.h"

/* Between selector_parse.c, selector_key.c, select.c and select_explain.c only. */

#define HEX "0123456789abcdefABCDEF"

struct id_shape {
	size_t fields;
	bool hex; /* each field is a hexadecimal number of up to four digits (or '*' behind the second) */
	bool exact; /* and has four digits, as IDs are written everywhere */
};

struct id_shape selector_id_shape(const char *s);

struct key {
	const char *name;
	enum selector_kind kind;
	unsigned base; /* 0: not a number */
	uint64_t max;
	const char *example;
};

/** The key of this name, n bytes long; NULL: we have none. */
const struct key *selector_key(const char *word, size_t n);
/** equals is where the '=' in text stands. */
int selector_parse_key(const char *text, const char *equals, struct selector *s,
		       struct vfioadm_error **err);

/** Every form that a selector may have, as a hint. */
extern const char selector_usage[];
/** Fills *err with `"TEXT" WHY.` and returns -EINVAL (or -ENOMEM). */
int selector_reject(const char *text, struct vfioadm_error **err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/** Hint: "Did you mean WHAT?" */
void selector_suggest(struct vfioadm_error **err, const char *what);

/** What was typed, safe to print: everything but printable ASCII as \xNN, long texts cut. */
char *selector_quote(const char *text) MUST_CHECK;

/**
 * n (up to 8) bytes as pairs of hex digits, most significant first; between the pairs ':' or '-', the
 * same everywhere, or nothing. *ret_separator (may be NULL) is what was between them, '\0' for nothing.
 */
bool selector_parse_bytes(const char *s, unsigned n, uint64_t *ret, char *ret_separator);

/** A value that this selector compares was UNKNOWN for this function. */
bool selector_undecided(const struct selector *s, const struct vfioadm_function *f);

/** Nothing matched: VFIOADM_E_NOT_FOUND with everything near. Returns -ENOENT or -ENOMEM. */
int select_explain_none(const struct vfioadm_inventory *inv, const struct selector *s,
			struct vfioadm_error **err);
/** Several matched: VFIOADM_E_AMBIGUOUS naming them. Returns -EINVAL or -ENOMEM. */
int select_explain_several(const struct vfioadm_inventory *inv, const struct selector *s,
			   const struct selection *matches, struct vfioadm_error **err);

#endif
