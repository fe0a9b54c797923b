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
	m->point = fields[4];
	m->options = fields[5];
	m->type = strtok_r(NULL, " ", &rest);
	m->source = strtok_r(NULL, " ", &rest);
	if (!m->type || !m->source)
		return false;
	mounts_decode(fields[4]);
	mounts_decode((char *)m->source);
	return true;
}

int mounts_each(const char *text, int (*fn)(const struct mount *m, void *userdata), void *userdata)
{
	char line[4096];

	while (*text) {
		size_t len = strcspn(text, "\n");
		struct mount m;

		/* The end of an over-long line is its superoptions, which nobody asks for. */
		if (len < sizeof(line)) {
			memcpy(line, text, len);
			line[len] = '\0';
			if (parse_line(line, &m)) {
				int r = fn(&m, userdata);

				if (r < 0)
					return r;
			}
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}
