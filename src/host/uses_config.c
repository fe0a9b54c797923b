/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host is set up to do with its disks later: mount them, resume from them, dump a crash to them. */
#include <limits.h>

#include "host/uses_block.h"

enum {
	FIELDS_MAX = 6,
};

/* ---- tables: fstab and crypttab ---- */

typedef int (*line_fn)(struct block_search *s, char **fields, unsigned n);

static int each_line(struct block_search *s, const char *path, line_fn fn)
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL;
	int r = block_read_settings(s, path, &text);

	if (r < 0 || !text)
		return r;
	for (char *line = strtok_r(text, "\n", &rest); r == 0 && line; line = strtok_r(NULL, "\n", &rest)) {
		char *fields[FIELDS_MAX], *end = NULL;
		unsigned n = 0;

		line += strspn(line, " \t");
		if (*line == '#')
			continue;
		for (char *word = strtok_r(line, " \t\r", &end); word && n < FIELDS_MAX;
		     word = strtok_r(NULL, " \t\r", &end)) {
			mounts_decode(word);
			fields[n++] = word;
		}
		r = n ? fn(s, fields, n) : 0;
	}
	return r;
}

static bool has_option(const char *options, const char *option)
{
	size_t len = strlen(option);

	for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && !strncmp(p, option, len))
			return true;
	return false;
}

bool block_is_idle(struct block_search *s, const struct block *d)
{
	const struct block_state *state = block_state(s, d);

	return state->concerned && !state->shown && !state->swap && !state->covered;
}

/* "UUID=… /srv ext4 noauto 0 2" */
static int look_at_fstab(struct block_search *s, char **fields, unsigned n)
{
	const char *options = n > 3 && has_option(fields[3], "noauto") ? " (noauto)" : "";
	struct block *d;
	int r;

	if (n < 3)
		return 0;
	r = block_resolve(s, fields[0], &d);
	if (r < 0 || !d || !block_is_idle(s, d))
		return r;
	if (streq(fields[2], "swap"))
		return block_note(s, d, "configured-mount",
				  "named in /etc/fstab as swap space%s, which is not used now", options);
	return block_note(s, d, "configured-mount", "named in /etc/fstab for %s%s, where it is not mounted now",
			  fields[1], options);
}

/* "data UUID=… none luks,noauto" */
static int look_at_crypttab(struct block_search *s, char **fields, unsigned n)
{
	const char *options = n > 3 && has_option(fields[3], "noauto") ? " (noauto)" : "";
	struct block *d;
	int r;

	if (n < 2)
		return 0;
	r = block_resolve(s, fields[1], &d);
	if (r < 0 || !d || !block_is_idle(s, d))
		return r;
	return block_note(s, d, "configured-crypt", "named in /etc/crypttab as %s%s, which is not open now",
			  fields[0], options);
}

int config_tables(struct block_search *s)
{
	int r = each_line(s, "etc/fstab", look_at_fstab);

	return r == 0 ? each_line(s, "etc/crypttab", look_at_crypttab) : r;
}

/* ---- hibernation ---- */

/* The value of the last "KEY=" on the kernel's command line; false: there is none. */
static bool on_command_line(const char *line, const char *key, char *value, size_t size)
{
	bool found = false;

	for (const char *p = line; *p; p += strcspn(p, " \n")) {
		const char *rest;

		p += strspn(p, " \n");
		rest = str_after(p, key);
		if (!rest)
			continue;
		snprintf(value, size, "%.*s", (int)strcspn(rest, " \n"), rest);
		found = true;
	}
	return found;
}

static int note_resume(struct block_search *s, const struct block *d)
{
	return block_note(s, d, "in-use-resume", "configured as the place from which the host resumes after hibernation");
}

static int resume_of_command_line(struct block_search *s, struct block **ret)
{
	_cleanup_free_ char *line = NULL;
	char spec[512];
	int r = block_read_file(s, "proc/cmdline", &line);

	*ret = NULL;
	if (r < 0 || !line || !on_command_line(line, "resume=", spec, sizeof(spec)) ||
	    on_command_line(line, "noresume", spec + sizeof(spec) - 1, 1))
		return r;
	return block_resolve(s, spec, ret);
}

/* The kernel's own word is what counts; the command line is what an initramfs would make of it. */
int config_resume(struct block_search *s)
{
	unsigned major = 0, minor = 0;
	struct block *set = NULL, *named;
	char text[32];
	int r;

	if (host_read_text(s->u->h, -1, "sys/power/resume", text, sizeof(text)) > 0 &&
	    sscanf(text, "%9u:%9u", &major, &minor) == 2 && major)
		set = blocks_by_number(&s->blocks, major, minor);
	r = set ? note_resume(s, set) : 0;
	if (r == 0)
		r = resume_of_command_line(s, &named);
	return r == 0 && named && named != set ? note_resume(s, named) : r;
}
