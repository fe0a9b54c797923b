/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of modules to load at boot, with parameters; and the kernel command line's of drivers that keep others off. */
#include <limits.h>
#include <string.h>

#include "host/others.h"
#include "model/inventory.h"

enum { CMDLINE_MAX = 8192 };

/* Cuts the next word off; NULL: there is none. */
static char *next_word(char **rest)
{
	char *p = *rest + strspn(*rest, " \t\r\n"), *end = p + strcspn(p, " \t\r\n");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return *p ? p : NULL;
}

/* ---- modules with parameters ---- */

static int emit_ids(struct others *o, struct other *found, char *list)
{
	char *id;
	int r = 0;

	while (r == 0 && (id = strsep(&list, ","))) {
		found->text = id;
		if (*id)
			r = o->fn(found, o->userdata);
	}
	return r;
}

/* "vfio_pci ids=10de:2184,10de:1aeb": the words behind the name are modprobe's arguments. */
static int look_at_line(struct others *o, struct other *found, char *line)
{
	char *rest = line, *word = next_word(&rest), *ids = NULL;

	if (!word || *word == '#' || !driver_name_equal(word, "vfio_pci"))
		return 0;
	/* The kernel keeps the last of a parameter. */
	while ((word = next_word(&rest)))
		if (str_after(word, "ids="))
			ids = word + strlen("ids=");
	return ids ? emit_ids(o, found, ids) : 0;
}

static int look_at_list(struct others *o, const char *path, const char *without_effect)
{
	struct other found = { .kind = OTHER_MODULES, .path = path, .owner = "vfio_pci",
			       .without_effect = without_effect, .detail = without_effect };
	unsigned next = 1;
	char line[OTHERS_LINE_MAX];
	int r = others_read(o, path, o->text);

	if (r <= 0)
		return r;
	r = 0;
	for (const char *p = o->text; r == 0 && (p = others_line(p, line, &found.line, &next));)
		r = look_at_line(o, &found, line);
	return r;
}

static int look_at_lists(struct others *o, const char *dir, const char *suffix, const char *without_effect)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = others_list(o, dir, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (!suffix || others_ends_in(names.items[i], suffix))
			r = look_at_list(o, path, without_effect);
	}
	return r;
}

static bool runs_systemd(struct host *h)
{
	char comm[32];

	return host_exists(h, "run/systemd/system") || host_exists(h, "usr/lib/systemd/systemd") ||
	       host_exists(h, "lib/systemd/systemd") ||
	       (host_read_text(h, -1, "proc/1/comm", comm, sizeof(comm)) > 0 && streq(comm, "systemd"));
}

static bool has_initramfs_tools(struct host *h)
{
	return host_exists(h, "usr/sbin/mkinitramfs") ||
	       !(host_exists(h, "usr/bin/dracut") || host_exists(h, "usr/sbin/dracut") ||
		 host_exists(h, "usr/lib/dracut") || host_exists(h, "usr/bin/mkinitcpio"));
}

static int look_at_initramfs(struct others *o)
{
	const char *why = has_initramfs_tools(o->h) ?
				  NULL :
				  "initramfs-tools is not installed, and nothing else reads that file";
	int r = look_at_list(o, "etc/initramfs-tools/modules", why);

	return r < 0 ? r : look_at_lists(o, "usr/share/initramfs-tools/modules.d", NULL, why);
}

/* modprobe gets the arguments from a script of sysvinit; systemd-modules-load looks for a module of that whole name. */
static int look_at_boot_lists(struct others *o)
{
	static const char *const dirs[] = { "etc/modules-load.d", "run/modules-load.d", "usr/local/lib/modules-load.d",
					    "usr/lib/modules-load.d" };
	static const char takes_names[] = "systemd-modules-load takes names of modules only, so the line loads nothing";
	const char *why = runs_systemd(o->h) ? takes_names : NULL;
	int r = look_at_list(o, "etc/modules", why);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = look_at_lists(o, dirs[i], ".conf", why);
	return r;
}

/* ---- drivers that keep others off ---- */

/* "(0000:01:00.0)(0000:01:00.1)" */
static int emit_hidden(struct others *o, struct other *found, const char *value)
{
	int r = 0;

	for (const char *p = value; r == 0 && *p;) {
		size_t n = p == value || p[-1] == '(' || p[-1] == ',' ? others_read_slot(p, &found->slot) : 0;

		if (n)
			r = o->fn(found, o->userdata);
		p += n ? n : 1;
	}
	return r;
}

static int emit_stubbed(struct others *o, struct other *found, char *list)
{
	char *id;
	int r = 0;

	while (r == 0 && (id = strsep(&list, ",\"")))
		if (*id && cardtype_parse(id, &found->type, NULL) == 0)
			r = o->fn(found, o->userdata);
	return r;
}

static int look_at_parameter(struct others *o, char *word)
{
	struct other found = { .kind = OTHER_SETTING, .path = "proc/cmdline" };
	char *value = strchr(word, '='), *name = word + (*word == '"');

	if (!value)
		return 0;
	*value++ = '\0';
	if (driver_name_equal(name, "pci_stub.ids")) {
		found.owner = "pci-stub";
		found.names = OTHER_TYPE;
		return emit_stubbed(o, &found, value);
	}
	found.owner = "xen-pciback";
	found.names = OTHER_SLOT;
	return driver_name_equal(name, "xen_pciback.hide") ? emit_hidden(o, &found, value) : 0;
}

static int look_at_command_line(struct others *o)
{
	char text[CMDLINE_MAX], *rest = text, *word;
	int r = 0;

	if (host_read_text(o->h, -1, "proc/cmdline", text, sizeof(text)) < 0)
		return 0;
	while (r == 0 && (word = next_word(&rest)))
		r = look_at_parameter(o, word);
	return r;
}

int others_modules(struct others *o)
{
	int r = look_at_command_line(o);

	if (r == 0)
		r = look_at_initramfs(o);
	return r < 0 ? r : look_at_boot_lists(o);
}
