/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/yaml_lines.h"

struct level {
	size_t indent;
	const char *key;
};

struct reader {
	char *p;
	unsigned line;
	struct level levels[YAML_DEPTH_MAX];
	unsigned n;
	int (*fn)(const struct yaml_entry *e, void *userdata);
	void *userdata;
};

static int emit(struct reader *r, const char *value, unsigned line)
{
	struct yaml_entry e = { .depth = r->n, .value = value, .line = line };

	for (unsigned i = 0; i < r->n; i++)
		e.path[i] = r->levels[i].key;
	return r->n ? r->fn(&e, r->userdata) : 0;
}

/* Deeper than that nothing is looked for. */
static bool push(struct reader *r, size_t indent, const char *key)
{
	if (r->n == YAML_DEPTH_MAX)
		return false;
	r->levels[r->n++] = (struct level){ indent, key };
	return true;
}

static bool is_end(char c)
{
	return c == '\0' || c == '\n' || c == ' ' || c == '\t' || c == '\r';
}

/* A quoted scalar at p; *ret_end is behind its closing quote. It must end on its line. */
static char *quoted(char *p, char **ret_end)
{
	char quote = *p, *start = p + 1, *out = start;

	for (p++; *p && *p != '\n'; p++) {
		bool doubled = quote == '\'' && *p == quote && p[1] == quote;
		bool escaped = quote == '"' && *p == '\\' && p[1] && p[1] != '\n';

		if (*p == quote && !doubled) {
			*ret_end = p + 1;
			*out = '\0';
			return start;
		}
		p += doubled || escaped;
		*out++ = *p;
	}
	return NULL;
}

/* ---- in brackets ---- */

static void skip_space(struct reader *r)
{
	for (;; r->p++) {
		if (*r->p == '#' && is_end(r->p[-1]))
			r->p += strcspn(r->p, "\n");
		if (*r->p == '\n')
			r->line++;
		else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r')
			return;
	}
}

/*
 * A scalar of a flow. The byte behind it is overwritten by NUL later, when it has been looked at, so the end is
 * told.
 */
static char *flow_scalar(struct reader *r, char **ret_end)
{
	char *start = r->p;

	if (*start == '"' || *start == '\'') {
		start = quoted(start, &r->p);
		*ret_end = NULL;
		return start;
	}
	while (*r->p && !strchr(",]}{[\n", *r->p) && !(*r->p == ':' && (is_end(r->p[1]) || strchr(",]}{[", r->p[1]))) &&
	       !(*r->p == '#' && is_end(r->p[-1])))
		r->p++;
	*ret_end = r->p;
	while (*ret_end > start && is_end((*ret_end)[-1]))
		--*ret_end;
	return start;
}

static int flow(struct reader *r, unsigned depth);

static int flow_value(struct reader *r, unsigned depth, unsigned line)
{
	char *scalar, *end, after;
	int e;

	if (*r->p == '{' || *r->p == '[') {
		e = emit(r, "", line);
		return e < 0 ? e : flow(r, depth + 1);
	}
	scalar = flow_scalar(r, &end);
	if (!scalar)
		return 1;
	if (!end)
		return emit(r, scalar, line);
	after = *end;
	*end = '\0';
	e = emit(r, scalar, line);
	*end = after;
	return e;
}

static bool is_colon(const struct reader *r)
{
	return *r->p == ':';
}

/* "key: value" or "item"; a key stays a string, so the colon behind it is overwritten. */
static int flow_entry(struct reader *r, bool mapping, unsigned depth)
{
	unsigned line = r->line, n = r->n;
	char *key, *end;
	int e;

	if (!mapping)
		return flow_value(r, depth, line);
	key = flow_scalar(r, &end);
	if (!key)
		return 1;
	skip_space(r);
	if (!is_colon(r)) {
		/* "{a, b}": keys without values. */
		char after = end ? *end : '\0';

		/* "{{": nothing was read, and would be read for ever. */
		if (end == key || !*key)
			return 1;
		if (end)
			*end = '\0';
		e = push(r, SIZE_MAX, key) ? emit(r, "", line) : 0;
		if (end)
			*end = after;
		r->n = n;
		return e;
	}
	r->p++;
	if (end)
		*end = '\0';
	skip_space(r);
	if (!push(r, SIZE_MAX, key))
		return 1;
	e = flow_value(r, depth, line);
	r->n = n;
	return e;
}

/* At the bracket. 1: it is malformed, and the rest of the text is not read. */
static int flow(struct reader *r, unsigned depth)
{
	bool mapping = *r->p == '{';
	char close = mapping ? '}' : ']';
	int e = 0;

	if (depth > YAML_DEPTH_MAX)
		return 1;
	r->p++;
	for (;;) {
		skip_space(r);
		if (*r->p == close) {
			r->p++;
			return 0;
		}
		if (!*r->p)
			return 1;
		if (*r->p == ',') {
			r->p++;
			continue;
		}
		if (*r->p == ']' || *r->p == '}' || *r->p == ':')
			return 1;
		e = flow_entry(r, mapping, depth);
		if (e)
			return e;
	}
}

/* ---- by indentation ---- */

static void skip_line(struct reader *r)
{
	r->p += strcspn(r->p, "\n");
	if (*r->p) {
		r->p++;
		r->line++;
	}
}

static size_t indent_of(const char *p)
{
	return strspn(p, " ");
}

/* A block of text ("|", ">") goes on as long as it is further in. */
static void skip_text(struct reader *r, size_t indent)
{
	skip_line(r);
	while (*r->p && (indent_of(r->p) > indent || r->p[indent_of(r->p)] == '\n'))
		skip_line(r);
}

/* Where a plain scalar ends: at a comment or with the line. */
static char *plain_end(char *p)
{
	char *start = p;

	while (*p && *p != '\n' && !(*p == '#' && p > start && (p[-1] == ' ' || p[-1] == '\t')))
		p++;
	while (p > start && is_end(p[-1]))
		p--;
	return p;
}

/* The colon that parts a key from its value; NULL: this is no key. */
static char *colon_of(char *p)
{
	if (*p == '"' || *p == '\'') {
		char *end = p + 1;

		while (*end && *end != '\n' && *end != *p)
			end++;
		return *end == *p && end[1] == ':' && is_end(end[2]) ? end + 1 : NULL;
	}
	for (; *p && *p != '\n' && !(*p == '#' && is_end(p[-1])); p++)
		if (*p == ':' && is_end(p[1]))
			return p;
	return NULL;
}

static int value(struct reader *r, size_t indent)
{
	unsigned line = r->line;
	char *scalar, *end, after;
	int e;

	r->p += strspn(r->p, " \t\r");
	/* An anchor or a tag before it. */
	while ((*r->p == '&' || *r->p == '!') && !is_end(r->p[1])) {
		while (!is_end(*r->p))
			r->p++;
		r->p += strspn(r->p, " \t\r");
	}
	if (!*r->p || *r->p == '\n' || *r->p == '#') {
		e = emit(r, "", line);
		skip_line(r);
		return e;
	}
	if (*r->p == '{' || *r->p == '[') {
		e = emit(r, "", line);
		if (e == 0)
			e = flow(r, 0);
		if (e == 0)
			skip_line(r);
		return e;
	}
	if (*r->p == '|' || *r->p == '>') {
		e = emit(r, "", line);
		skip_text(r, indent);
		return e;
	}
	if (*r->p == '"' || *r->p == '\'') {
		scalar = quoted(r->p, &end);
		if (!scalar)
			return 1;
		e = emit(r, scalar, line);
		r->p = end;
		skip_line(r);
		return e;
	}
	scalar = r->p;
	end = plain_end(scalar);
	skip_line(r);
	after = *end;
	*end = '\0';
	e = emit(r, scalar, line);
	*end = after;
	return e;
}

static int entry(struct reader *r, size_t indent)
{
	char *colon, *key = r->p;

	/* "- " may be followed by a mapping that is as far in as what is behind it. */
	while (*r->p == '-' && is_end(r->p[1])) {
		while (r->n && r->levels[r->n - 1].indent > indent)
			r->n--;
		r->p++;
		indent++;
		while (*r->p == ' ') {
			r->p++;
			indent++;
		}
		key = r->p;
		if (!colon_of(key))
			return *key && *key != '\n' ? value(r, indent) : (skip_line(r), 0);
	}
	colon = colon_of(key);
	while (r->n && r->levels[r->n - 1].indent >= indent)
		r->n--;
	if (!colon) {
		skip_line(r);
		return 0;
	}
	if (*key == '"' || *key == '\'') {
		char *end;

		key = quoted(key, &end);
	} else {
		char *end = colon;

		while (end > key && is_end(end[-1]))
			end--;
		*end = '\0';
	}
	*colon = '\0';
	r->p = colon + 1;
	if (!key || !push(r, indent, key)) {
		skip_line(r);
		return 0;
	}
	return value(r, indent);
}

int yaml_each(char *text, int (*fn)(const struct yaml_entry *e, void *userdata), void *userdata)
{
	struct reader r = { .p = text, .line = 1, .fn = fn, .userdata = userdata };
	int e = 0;

	while (e == 0 && *r.p) {
		size_t indent = indent_of(r.p);

		if (str_after(r.p, "---") || str_after(r.p, "...")) {
			r.n = 0;
			skip_line(&r);
			continue;
		}
		r.p += indent;
		/* A tab cannot indent. */
		if (is_end(*r.p) || *r.p == '#') {
			skip_line(&r);
			continue;
		}
		if (*r.p == '{' || *r.p == '[') {
			e = flow(&r, 0);
			if (e == 0)
				skip_line(&r);
		} else {
			e = entry(&r, indent);
		}
	}
	return e < 0 ? e : 0;
}
