/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the crash kernel, once one is loaded, would write its dump to. */
#include <limits.h>

#include "host/uses_block.h"

static int note_directory(struct block_search *s, struct block *d, void *userdata)
{
	return block_note(s, d, "in-use-kdump", "holding %s, where crash dumps of the host go",
			  (const char *)userdata);
}

static int note_target(struct block_search *s, const char *spec)
{
	struct block *d;
	int r = block_resolve(s, spec, &d);

	return r == 0 && d ? block_note(s, d, "in-use-kdump", "configured as the place for crash dumps of the host") : r;
}

static int note_path(struct block_search *s, const char *path)
{
	return block_each_of_path(s, path, note_directory, (void *)path);
}

/* ---- /etc/kdump.conf (Fedora and its kin): "ext4 UUID=…", "raw /dev/sda3", "path /var/crash" ---- */

struct settings {
	char path[512], device[512];
	bool remote;
};

static void take_target(struct settings *t, const char *key, const char *value)
{
	static const char *const types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "minix", "raw" };

	if (streq(key, "path"))
		snprintf(t->path, sizeof(t->path), "%s", value);
	if (streq(key, "nfs") || streq(key, "ssh") || streq(key, "virtiofs"))
		t->remote = true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(key, types[i]))
			snprintf(t->device, sizeof(t->device), "%s", value);
}

static void read_words(char *text, struct settings *t)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *end = NULL, *key = strtok_r(line, " \t", &end), *value = strtok_r(NULL, " \t", &end);

		if (key && value && *key != '#')
			take_target(t, key, value);
	}
}

/* ---- /etc/default/kdump-tools (Debian), /etc/sysconfig/kdump (SUSE): a shell's KEY="value" ---- */

/* A file of shell assignments is read, never run: what is computed there is not understood. */
static bool take_assignment(const char *line, const char *key, char *value, size_t size)
{
	const char *rest;
	char quote;

	line += strspn(line, " \t");
	rest = str_after(line, key);
	if (!rest || *rest++ != '=')
		return false;
	quote = *rest == '"' || *rest == '\'' ? *rest++ : '\0';
	snprintf(value, size, "%.*s",
		 (int)(quote ? strcspn(rest, quote == '"' ? "\"" : "'") : strcspn(rest, " \t;#")), rest);
	return true;
}

static void read_assignments(char *text, const char *key, struct settings *t)
{
	static const char *const remote[] = { "NFS", "SSH", "FTP" };
	char *rest = NULL, value[512];

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *local;

		if (take_assignment(line, key, value, sizeof(value))) {
			local = str_after(value, "file://");
			snprintf(t->path, sizeof(t->path), "%s", local ? local : value);
		}
		for (size_t i = 0; i < ARRAY_SIZE(remote); i++)
			if (take_assignment(line, remote[i], value, sizeof(value)))
				t->remote |= *value != '\0';
	}
}

/* ---- all ---- */

static const struct {
	const char *path, *key; /* key NULL: words */
} files[] = {
	{ "etc/kdump.conf", NULL },
	{ "etc/default/kdump-tools", "KDUMP_COREDIR" },
	{ "etc/sysconfig/kdump", "KDUMP_SAVEDIR" },
};

static int read_settings(struct block_search *s, struct settings *t, bool *ret_found)
{
	*ret_found = false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *text = NULL;
		int r = block_read_file(s, files[i].path, &text);

		if (r < 0)
			return r;
		if (!text)
			continue;
		*ret_found = true;
		if (files[i].key)
			read_assignments(text, files[i].key, t);
		else
			read_words(text, t);
	}
	return 0;
}

static bool crash_kernel_is_loaded(struct block_search *s)
{
	uint64_t loaded;

	return host_read_uint(s->u->h, -1, "sys/kernel/kexec_crash_loaded", 10, &loaded) == 0 && loaded == 1;
}

int config_kdump(struct block_search *s)
{
	struct settings t = { .path = "/var/crash" };
	bool found;
	int r;

	if (!crash_kernel_is_loaded(s))
		return 0;
	r = read_settings(s, &t, &found);
	if (r < 0 || t.remote)
		return r;
	if (!found)
		return block_unseen(s, "A crash kernel is loaded, and where it writes its dumps to is not known.");
	if (*t.device)
		return note_target(s, t.device);
	if (t.path[0] != '/' || strpbrk(t.path, "$`"))
		return block_unseen(s, "A crash kernel is loaded, and where it writes its dumps to is not plain: %s.",
				    t.path);
	return note_path(s, t.path);
}
