/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/observe_private.h"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void mounts_decode(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && is_octal(s[2]) &&
		    is_octal(s[3])) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* "36 35 98:0 /root /point options tag:x … - type source superoptions" */
static bool parse_line(char *line, struct mount *m)
{
	char *fields[6], *rest, *word;
	unsigned n = 0;

	for (word = strtok_r(line, " ", &rest); word && n < 6; word = strtok_r(NULL, " ", &rest))
		fields[n++] = word;
	while (word && !streq(word, "-"))
		word = strtok_r(NULL, " ", &rest);
	if (n < 6 || !word || sscanf(fields[2], "%9u:%9u", &m->major, &m->minor) != 2)
		return false;
	m->root = fields[3];
	m->point = fields[4];
	m->options = fields[5];
	m->type = strtok_r(NULL, " ", &rest);
	m->source = strtok_r(NULL, " ", &rest);
	if (!m->type || !m->source)
		return false;
	m->super = strtok_r(NULL, " ", &rest);
	if (!m->super)
		m->super = "";
	mounts_decode(fields[3]);
	mounts_decode(fields[4]);
	mounts_decode((char *)m->source);
	return true;
}

int mounts_each(const char *text, int (*fn)(const struct mount *m, void *userdata), void *userdata)
{
	char short_line[4096];
	_cleanup_free_ char *long_line = NULL;
	size_t room = 0;
	int r = 0;

	while (r >= 0 && *text) {
		size_t len = strcspn(text, "\n");
		char *line = short_line;
		struct mount m;

		/* Superoptions of an overlay with many layers, or a point with many escaped characters. */
		if (len >= sizeof(short_line)) {
			if (len >= room) {
				free(long_line);
				room = len + 1;
				long_line = malloc(room);
			}
			if (!long_line)
				return -ENOMEM;
			line = long_line;
		}
		memcpy(line, text, len);
		line[len] = '\0';
		if (parse_line(line, &m))
			r = fn(&m, userdata);
		text += len + (text[len] == '\n');
	}
	return r < 0 ? r : 0;
}

int mounts_parse(const char *text, struct mount_table *ret)
{
	struct mount_table t = {.text = strdup(text)};
	size_t lines = 1;

	if (!t.text)
		return -ENOMEM;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	t.items = calloc(lines, sizeof(*t.items));
	if (!t.items) {
		free(t.text);
		return -ENOMEM;
	}
	for (char *line = t.text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		t.n += parse_line(line, &t.items[t.n]);
	}
	*ret = t;
	return 0;
}

void mounts_free(struct mount_table *t)
{
	free(t->items);
	free(t->text);
	*t = (struct mount_table){0};
}

const struct mount *mounts_of_path(const struct mount_table *t, const char *path)
{
	const struct mount *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct mount *m = &t->items[i];
		size_t len = streq(m->point, "/") ? 0 : strlen(m->point);

		if (best && len < best_len)
			continue;
		if (strncmp(path, m->point, len) != 0 || (path[len] != '/' && path[len]))
			continue;
		best = m;
		best_len = len;
	}
	return best;
}
