/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_UTIL_H
#define VFIOADM_CLI_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)	  (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED		  __attribute__((unused))
#define CLEANUP(fn)	  __attribute__((cleanup(fn)))

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ CLEANUP(cleanup_free_p)

/** A growing text; zero-initialise. s is NULL until something was added. */
struct text {
	char *s;
	size_t len, size;
	bool failed; /* an allocation failed; what came before is kept */
};

void text_add(struct text *t, const char *s, size_t len);
void text_addf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/**
 * Adds a string that came from the kernel or from hwdb, with everything that a terminal might obey
 * (control characters, bytes that are not UTF-8) written as \xHH.
 */
void text_add_escaped(struct text *t, const char *s);
/** Hands the text out, "" when empty, NULL when an allocation failed. */
char *text_take(struct text *t);
void text_clear(struct text *t);
#define _cleanup_text_ CLEANUP(text_clear)

/** Bytes of the well-formed UTF-8 character at s; 0: there is none, or the string ends. */
size_t utf8_length(const char *s, uint32_t *ret_char);

/** The candidate that is nearest to what was typed, or NULL when none is near enough. */
const char *nearest(const char *typed, const char *const *candidates, size_t n);

#endif
