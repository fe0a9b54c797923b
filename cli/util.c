/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "util.h"

static bool text_grow(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : 64;
	char *s;

	if (t->failed)
		return false;
	while (size < t->len + more + 1)
		size *= 2;
	if (size == t->size)
		return true;
	s = realloc(t->s, size);
	if (!s) {
		t->failed = true;
		return false;
	}
	t->s = s;
	t->size = size;
	return true;
}

void text_add(struct text *t, const char *s, size_t len)
{
	if (!text_grow(t, len))
		return;
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		t->failed = true;
	else if (text_grow(t, (size_t)n)) {
		vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
}

size_t utf8_length(const char *str, uint32_t *ret_char)
{
	const unsigned char *s = (const unsigned char *)str;
	uint32_t c, least;
	size_t n;

	if (s[0] < 0x80) {
		*ret_char = s[0];
		return s[0] != 0;
	} else if (s[0] >= 0xc0 && s[0] < 0xe0) {
		n = 2;
		c = s[0] & 0x1f;
		least = 0x80;
	} else if (s[0] >= 0xe0 && s[0] < 0xf0) {
		n = 3;
		c = s[0] & 0x0f;
		least = 0x800;
	} else if (s[0] >= 0xf0 && s[0] < 0xf8) {
		n = 4;
		c = s[0] & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	/* A NUL is no continuation byte, so this never runs past the end of the string. */
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret_char = c;
	return n;
}

/* What a terminal obeys instead of showing it: controls, and what reorders or ends a line of text. */
static bool obeyed(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void text_add_escaped(struct text *t, const char *s)
{
	while (*s) {
		uint32_t c = 0;
		size_t n = utf8_length(s, &c);

		if (n && !obeyed(c)) {
			text_add(t, s, n);
			s += n;
			continue;
		}
		for (size_t i = 0; i < (n ? n : 1); i++)
			text_addf(t, "\\x%02x", (unsigned char)*s++);
	}
}

char *text_take(struct text *t)
{
	char *s = t->s;

	if (!s && !t->failed)
		s = strdup("");
	if (t->failed) {
		free(s);
		s = NULL;
	}
	*t = (struct text){};
	return s;
}

void text_clear(struct text *t)
{
	free(t->s);
	*t = (struct text){};
}

/* Edit distance with neighbours swapped counting as one, as "lsit" for "list". */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t la = strlen(a), lb = strlen(b);
	size_t d[3][MAX + 1];

	if (la > MAX || lb > MAX)
		return MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *upup = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[la % 3][lb];
}

const char *nearest(const char *typed, const char *const *candidates, size_t n)
{
	size_t len = strlen(typed), best = len < 4 ? 2 : len / 3 + 2;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(typed, candidates[i]);

		/* The beginning of a word is a better guess than any other near word. */
		if (len >= 2 && strncmp(typed, candidates[i], len) == 0)
			d = 0;
		if (d < best) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
