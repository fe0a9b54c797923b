/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must hold for everything that vfioadm says, whatever it was told before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vfioadm.h>

#include "fuzz.h"

_Noreturn void fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}

static _Noreturn void bad(const char *what, const char *text, size_t at, const char *why)
{
	fprintf(stderr, "%s: byte %zu: %s; all of it:\n%s\n", what, at, why, text);
	abort();
}

char *fuzz_string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		abort();
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

bool fuzz_next_part(struct fuzz_parts *parts, const uint8_t **ret, size_t *ret_size)
{
	const uint8_t *end;

	if (parts->done)
		return false;
	end = parts->size ? memchr(parts->rest, parts->separator, parts->size) : NULL;
	*ret = parts->rest;
	*ret_size = end ? (size_t)(end - parts->rest) : parts->size;
	parts->done = !end;
	if (end) {
		parts->size -= *ret_size + 1;
		parts->rest = end + 1;
	}
	return true;
}

/* ---- text ---- */

/* How long the character at s is, 0: this is no UTF-8. Written apart from host_clean_text() on purpose. */
static size_t character(const unsigned char *s, uint32_t *ret_code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t smallest;
	} forms[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t code = s[0] & (unsigned char)~forms[i].mask;

		if ((s[0] & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t k = 1; k <= i; k++) {
			if (s[k] >> 6 != 2)
				return 0;
			code = code << 6 | (s[k] & 0x3f);
		}
		*ret_code = code;
		return code < forms[i].smallest || code > 0x10ffff ||
				       (code >= 0xd800 && code <= 0xdfff)
			       ? 0
			       : i + 1;
	}
	return 0;
}

void fuzz_check_text(const char *what, const char *text, bool lines)
{
	uint32_t code = 0;

	for (size_t i = 0, n; text && text[i]; i += n) {
		n = character((const unsigned char *)text + i, &code);
		if (!n)
			bad(what, text, i, "no UTF-8");
		if (code == '\n' && lines)
			continue;
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			bad(what, text, i, "a control character");
	}
}

void fuzz_check_error(struct vfioadm_error *error)
{
	const char *message = vfioadm_error_message(error);

	FUZZ_CHECK(error && message && *message);
	FUZZ_CHECK(vfioadm_error_code(error) && vfioadm_error_code_name(error));
	FUZZ_CHECK(vfioadm_error_exit(error) > 0);
	vfioadm_error_free(error);
}

/* ---- JSON, RFC 8259 to the letter ---- */

struct json_reader {
	const char *what, *text, *at;
	unsigned depth;
};

static _Noreturn void json_bad(const struct json_reader *j, const char *why)
{
	bad(j->what, j->text, (size_t)(j->at - j->text), why);
}

static void json_blanks(struct json_reader *j)
{
	j->at += strspn(j->at, " \t\r\n");
}

static void json_string(struct json_reader *j)
{
	if (*j->at++ != '"')
		json_bad(j, "not a string");
	for (; *j->at != '"'; j->at++) {
		if ((unsigned char)*j->at < 0x20)
			json_bad(j, "a string without end, or a bare control character in it");
		if (*j->at != '\\')
			continue;
		j->at++;
		if (*j->at == 'u') {
			for (int i = 0; i < 4; i++)
				if (!strchr("0123456789abcdefABCDEF", *++j->at) || !*j->at)
					json_bad(j, "not four hex digits behind \\u");
		} else if (!*j->at || !strchr("\"\\/bfnrt", *j->at)) {
			json_bad(j, "no such escape");
		}
	}
	j->at++;
}

static void json_digits(struct json_reader *j)
{
	size_t n = strspn(j->at, "0123456789");

	if (!n)
		json_bad(j, "no digit");
	j->at += n;
}

static void json_number(struct json_reader *j)
{
	j->at += *j->at == '-';
	if (*j->at == '0')
		j->at++;
	else
		json_digits(j);
	if (*j->at == '.') {
		j->at++;
		json_digits(j);
	}
	if (*j->at == 'e' || *j->at == 'E') {
		j->at++;
		j->at += *j->at == '+' || *j->at == '-';
		json_digits(j);
	}
}

static void json_value(struct json_reader *j);

static void json_members(struct json_reader *j, char end, bool keys)
{
	if (++j->depth > 60)
		json_bad(j, "too deep");
	j->at++;
	json_blanks(j);
	for (bool first = true; *j->at != end; first = false) {
		if (!first && *j->at++ != ',')
			json_bad(j, "neither a comma nor an end");
		json_blanks(j);
		if (keys) {
			json_string(j);
			json_blanks(j);
			if (*j->at++ != ':')
				json_bad(j, "no colon behind a key");
			json_blanks(j);
		}
		json_value(j);
		json_blanks(j);
	}
	j->at++;
	j->depth--;
}

static void json_value(struct json_reader *j)
{
	static const char *const words[] = {"true", "false", "null"};

	if (*j->at == '{' || *j->at == '[') {
		json_members(j, *j->at == '{' ? '}' : ']', *j->at == '{');
		return;
	}
	if (*j->at == '"') {
		json_string(j);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(j->at, words[i], strlen(words[i])) == 0) {
			j->at += strlen(words[i]);
			return;
		}
	json_number(j);
}

void fuzz_check_json(const char *what, const char *text)
{
	struct json_reader j = {what, text, text, 0};

	fuzz_check_text(what, text, true);
	json_blanks(&j);
	json_value(&j);
	if (strcmp(j.at, "\n") != 0)
		json_bad(&j, "something else than a newline behind the value");
}
