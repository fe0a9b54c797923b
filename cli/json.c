/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "json.h"
#include "util.h"

static void put(struct json *j, char c)
{
	putc_unlocked(c, j->out);
}

static void puts_plain(struct json *j, const char *s)
{
	fwrite_unlocked(s, 1, strlen(s), j->out);
}

static void new_line(struct json *j)
{
	put(j, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		puts_plain(j, "  ");
}

static void put_escape(struct json *j, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	switch (c) {
	case '"':
	case '\\':
		put(j, '\\');
		put(j, (char)c);
		break;
	case '\n':
		puts_plain(j, "\\n");
		break;
	case '\t':
		puts_plain(j, "\\t");
		break;
	default:
		puts_plain(j, "\\u00");
		put(j, digits[c >> 4]);
		put(j, digits[c & 15]);
	}
}

static void put_string(struct json *j, const char *s)
{
	put(j, '"');
	for (;;) {
		const char *from = s;
		uint32_t c;
		size_t n;

		while ((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f && *s != '"' &&
		       *s != '\\')
			s++;
		if (s > from)
			fwrite_unlocked(from, 1, (size_t)(s - from), j->out);
		if (!*s)
			break;
		n = (unsigned char)*s < 0x80 ? 0 : utf8_length(s, &c);
		if (n)
			fwrite_unlocked(s, 1, n, j->out);
		else if ((unsigned char)*s < 0x80)
			put_escape(j, (unsigned char)*s);
		else
			puts_plain(j, "\\ufffd");
		s += n ? n : 1;
	}
	put(j, '"');
}

/* What stands before each value: comma, line, key. */
static void lead_in(struct json *j, const char *key)
{
	uint32_t bit = UINT32_C(1) << j->depth;

	if (j->filled & bit)
		put(j, ',');
	if (j->depth) {
		if (j->lines & bit)
			new_line(j);
		else
			put(j, ' ');
	}
	j->filled |= bit;
	if (key) {
		put_string(j, key);
		puts_plain(j, ": ");
	}
}

static void open_container(struct json *j, const char *key, char c, bool lines)
{
	uint32_t bit;

	lead_in(j, key);
	put(j, c);
	lines = lines && (!j->depth || (j->lines & UINT32_C(1) << j->depth));
	j->depth++;
	bit = UINT32_C(1) << j->depth;
	j->filled &= ~bit;
	j->lines = lines ? j->lines | bit : j->lines & ~bit;
}

static void close_container(struct json *j, char c)
{
	uint32_t bit = UINT32_C(1) << j->depth;
	bool filled = j->filled & bit, lines = j->lines & bit;

	j->depth--;
	if (filled && lines)
		new_line(j);
	else if (filled)
		put(j, ' ');
	put(j, c);
}

void json_begin(struct json *j, FILE *out)
{
	*j = (struct json){.out = out};
}

void json_end(struct json *j)
{
	put(j, '\n');
}

void json_object(struct json *j, const char *key, bool lines)
{
	open_container(j, key, '{', lines);
}

void json_object_end(struct json *j)
{
	close_container(j, '}');
}

void json_array(struct json *j, const char *key, bool lines)
{
	open_container(j, key, '[', lines);
}

void json_array_end(struct json *j)
{
	close_container(j, ']');
}

void json_null(struct json *j, const char *key)
{
	lead_in(j, key);
	puts_plain(j, "null");
}

void json_bool(struct json *j, const char *key, bool value)
{
	lead_in(j, key);
	puts_plain(j, value ? "true" : "false");
}

static void put_number(struct json *j, uint64_t value, unsigned base, unsigned digits)
{
	char buf[24], *p = buf + sizeof(buf);

	if (digits > sizeof(buf))
		digits = sizeof(buf);
	do {
		*--p = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || buf + sizeof(buf) - p < (ptrdiff_t)digits);
	fwrite_unlocked(p, 1, (size_t)(buf + sizeof(buf) - p), j->out);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	lead_in(j, key);
	put_number(j, value, 10, 1);
}

void json_string(struct json *j, const char *key, const char *value)
{
	if (!value) {
		json_null(j, key);
		return;
	}
	lead_in(j, key);
	put_string(j, value);
}

void json_hex(struct json *j, const char *key, uint64_t value, unsigned digits)
{
	lead_in(j, key);
	put(j, '"');
	put_number(j, value, 16, digits);
	put(j, '"');
}
