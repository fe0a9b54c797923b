/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/ini.h"
#include "base/str.h"

#define BLANKS " \t"

struct reader {
	const char *file;
	unsigned line;
	ini_fn *fn;
	void *userdata;
	bool in_section;
	char section[INI_LINE_MAX + 1];
	struct vfioadm_error **err;
};

int ini_error(const char *file, unsigned line, struct vfioadm_error **err, const char *fmt, ...)
{
	_cleanup_free_ char *path = str_format("%s:%u", file, line);
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	error_set(err, -EBADMSG, VFIOADM_E_CONFIG, "%s:%u: %s", file, line,
		  text ? text : "This line cannot be used.");
	error_path(err, path);
	free(text);
	return -EBADMSG;
}

char *ini_show(const char *value, char buf[INI_SHOW_MAX])
{
	enum { ROOM = INI_SHOW_MAX - sizeof("...") };
	size_t n = 0, left = strlen(value);
	bool cut = left > INI_SHOW_MAX - 1;

	while (n < left) {
		size_t len = str_character(value + n, left - n);

		if (n + (len ? len : 1) > (cut ? (size_t)ROOM : left))
			break;
		if (len)
			memcpy(buf + n, value + n, len);
		else
			buf[n] = '?';
		n += len ? len : 1;
	}
	strcpy(buf + n, cut ? "..." : "");
	return buf;
}

/* Not str_rstrip(): what isspace() says of the bytes of a character depends on the locale. */
static char *cut_end(char *s)
{
	size_t n = strlen(s);

	while (n && strchr(BLANKS, s[n - 1]))
		s[--n] = '\0';
	return s;
}

static int bad_byte(struct reader *r, const char *s, size_t left)
{
	unsigned char c = (unsigned char)*s;

	if (c == '\r' && left == 1) {
		ini_error(r->file, r->line, r->err, "The line ends in a carriage return.");
		error_hint(r->err, "Store the file with the line ends of Unix.");
	} else if (c == '\0') {
		ini_error(r->file, r->line, r->err, "There is a NUL byte in this line.");
	} else if (c < 0x20 || c == 0x7f || (c == 0xc2 && left > 1 && ((unsigned char)s[1] & 0xe0) == 0x80)) {
		ini_error(r->file, r->line, r->err, "There is a control character in this line.");
	} else {
		ini_error(r->file, r->line, r->err, "Byte %02x in this line is no UTF-8.", c);
	}
	return -EBADMSG;
}

static int check_bytes(struct reader *r, const char *line, size_t size)
{
	size_t len;

	if (size > INI_LINE_MAX)
		return ini_error(r->file, r->line, r->err, "The line is longer than %d bytes.", INI_LINE_MAX);
	if (size >= 3 && r->line == 1 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		ini_error(r->file, r->line, r->err, "The file begins with a byte order mark.");
		error_hint(r->err, "Store the file as UTF-8 without that mark.");
		return -EBADMSG;
	}
	for (size_t i = 0; i < size; i += len) {
		len = line[i] == '\t' ? 1 : str_character(line + i, size - i);
		if (!len)
			return bad_byte(r, line + i, size - i);
	}
	return 0;
}

static int read_section(struct reader *r, char *s)
{
	size_t len = strlen(s);
	char shown[INI_SHOW_MAX];

	if (len < 3 || s[len - 1] != ']' || strcspn(s + 1, "[]\t") != len - 2) {
		ini_error(r->file, r->line, r->err, "\"%s\" is no section: a line like \"[Match]\" is.",
			  ini_show(s, shown));
		error_hint(r->err, "Comments have lines of their own.");
		return -EBADMSG;
	}
	s[len - 1] = '\0';
	strcpy(r->section, s + 1);
	r->in_section = true;
	return r->fn(r->userdata, r->line, r->section, NULL, NULL, r->err);
}

static int read_pair(struct reader *r, char *s, char *equals)
{
	char *value = equals + 1 + strspn(equals + 1, BLANKS);

	*equals = '\0';
	cut_end(s);
	if (!*s)
		return ini_error(r->file, r->line, r->err, "There is no key before the \"=\".");
	if (strchr(s, '\t') || strchr(value, '\t'))
		return ini_error(r->file, r->line, r->err, "There is a control character in this line.");
	if (!r->in_section) {
		ini_error(r->file, r->line, r->err, "The key stands before the first section.");
		error_hint(r->err, "Write a line like \"[Match]\" before it.");
		return -EBADMSG;
	}
	return r->fn(r->userdata, r->line, r->section, s, value, r->err);
}

/* s: the line, clean, without white space at its end. */
static int read_line(struct reader *r, char *s)
{
	char shown[INI_SHOW_MAX], *equals;

	if (!*s || *s == '#' || *s == ';')
		return 0;
	if (strchr(BLANKS, *s)) {
		ini_error(r->file, r->line, r->err, "The line begins with white space.");
		error_hint(r->err, "There are no continued lines: begin each at its margin.");
		return -EBADMSG;
	}
	if (s[strlen(s) - 1] == '\\') {
		ini_error(r->file, r->line, r->err, "The line ends in a backslash.");
		error_hint(r->err, "There are no continued lines: write all of it in one.");
		return -EBADMSG;
	}
	if (*s == '[')
		return read_section(r, s);
	equals = strchr(s, '=');
	if (equals)
		return read_pair(r, s, equals);
	return ini_error(r->file, r->line, r->err,
			 "\"%s\" is neither a section (\"[Match]\"), nor a key with a value (\"Path=...\"), nor "
			 "a comment (\"# ...\").",
			 ini_show(s, shown));
}

int ini_parse(const char *file, const char *text, size_t size, ini_fn *fn, void *userdata,
	      struct vfioadm_error **err)
{
	struct reader reader = { .file = file, .fn = fn, .userdata = userdata, .err = err };
	char line[INI_LINE_MAX + 1];
	int r;

	if (size > INI_FILE_MAX)
		return ini_error(file, 1, err, "The file is larger than %d bytes.", INI_FILE_MAX);
	while (size) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;

		reader.line++;
		r = check_bytes(&reader, text, len);
		if (r < 0)
			return r;
		memcpy(line, text, len);
		line[len] = '\0';
		r = read_line(&reader, cut_end(line));
		if (r < 0)
			return r;
		len += end != NULL;
		text += len;
		size -= len;
	}
	return 0;
}
