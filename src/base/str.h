/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_STR_H
#define VFIOADM_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "macro.h"

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/** Equal, where NULL equals only NULL. */
static inline bool streq_null(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/** The rest of s behind prefix, or NULL. */
const char *str_after(const char *s, const char *prefix);
/** Cuts trailing white space in place, returns s. */
char *str_rstrip(char *s);

/**
 * The whole string as an unsigned number: no sign, no blank, nothing behind. base 16 accepts "0x".
 * -EINVAL malformed, -ERANGE greater than max.
 */
int str_to_u64(const char *s, unsigned base, uint64_t max, uint64_t *ret);

/**
 * Bytes of the character at s, which has n bytes: UTF-8 that can be shown. 0: it is none, or a control character
 * (C1 ones drive terminals as well as C0 ones do). Does not look behind a NUL.
 */
size_t str_character(const char *s, size_t n);

/** A growing, NULL-terminated array of owned strings. Zero-initialise. */
struct strv {
	char **items;
	size_t n;
};

int strv_add(struct strv *v, const char *s) MUST_CHECK;
/** Takes ownership of s, also on failure; NULL is -ENOMEM. */
int strv_take(struct strv *v, char *s) MUST_CHECK;
bool strv_has(const struct strv *v, const char *s);
void strv_clear(struct strv *v);
void strv_sort(struct strv *v);

#define STRV_FOREACH(i, v) for (size_t i = 0; i < (v)->n; i++)
#define _cleanup_strv_	   CLEANUP(strv_clear)

/** A growing text buffer. Zero-initialise; buf.s is NULL until something was added. */
struct strbuf {
	char *s;
	size_t len, size;
	bool failed; /* sticky: an allocation failed, s holds what came before */
};

void strbuf_addf(struct strbuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_add(struct strbuf *b, const char *s, size_t len);
/** Hands the text out ("" if empty), NULL when an allocation failed. The buffer is empty afterwards. */
char *strbuf_take(struct strbuf *b);
void strbuf_clear(struct strbuf *b);
#define _cleanup_strbuf_ CLEANUP(strbuf_clear)

/** asprintf that returns the string or NULL. */
char *str_format(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
