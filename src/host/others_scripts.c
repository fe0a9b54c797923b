/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where rules and scripts are that run at boot or when a guest starts. */
#include <limits.h>
#include <string.h>

#include "host/module_setup.h"
#include "host/others.h"

/* ---- one file ---- */

struct following {
	struct others *o;
	const struct others_text *from;
};

/* Programs of the administrator; those of packages are many, and none binds. */
static bool is_followed(const char *path)
{
	static const char *const dirs[] = { "/usr/local/", "/etc/", "/opt/", "/root/", "/usr/bin/", "/usr/sbin/",
					    "/bin/", "/sbin/", "/usr/lib/udev/", "/lib/udev/", "/boot/config/" };
	/* These go by other ways, and driverctl's files say what it does. */
	static const char *const known[] = { "driverctl", "vfioadm", "vfioadm-helper", "modprobe", "udevadm" };
	const char *name = strrchr(path, '/') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(name, known[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_after(path, dirs[i]))
			return !strstr(path, "/../");
	return false;
}

/* One that an interpreter is given need not begin with "#!". */
static bool is_script(const char *path, const char *text)
{
	return str_after(text, "#!") || others_ends_in(path, ".sh") || others_ends_in(path, ".py") ||
	       others_ends_in(path, ".pl");
}

/* What a script reads is none that it runs. */
static int settings(const char *path, char **ret_text, void *userdata)
{
	struct following *f = userdata;
	int r;

	if (strstr(path, "/../") || streq(path + 1, f->from->about.path))
		return 0;
	r = others_read(f->o, path + 1, f->o->called);
	*ret_text = f->o->called;
	return r;
}

static int calls(const char *path, void *userdata)
{
	struct following *f = userdata;
	struct others_text t = { .about = { .kind = f->from->about.kind, .path = path + 1 }, .quiet = true,
				 .any_node_name = f->from->any_node_name };
	int r;

	if (!is_followed(path) || streq(path + 1, f->from->about.path))
		return 0;
	r = others_read(f->o, path + 1, f->o->called);
	if (r <= 0 || !is_script(path, f->o->called))
		return r < 0 ? r : 0;
	r = others_scan(&t, f->o->called, f->o->fn, f->o->userdata);
	return r < 0 ? r : t.open_line != 0;
}

static int scan_file(struct others *o, const struct others_text *kind, const char *path)
{
	struct others_text t = *kind;
	struct following f = { .o = o, .from = &t };
	int r = others_read(o, path, o->text);

	if (r <= 0)
		return r;
	t.about.path = path;
	t.calls = calls;
	t.calls_data = &f;
	t.settings = settings;
	return others_scan(&t, o->text, o->fn, o->userdata);
}

/* ---- udev ---- */

/* A rules file hides those of its name in later directories, also where it is empty or a link to /dev/null. */
static int scan_rules(struct others *o)
{
	static const char *const dirs[] = { "etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d",
					    "usr/lib/udev/rules.d", "lib/udev/rules.d" };
	_cleanup_strv_ struct strv seen = { 0 };
	int r = 0;

	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(dirs); d++) {
		const struct others_text rule = { .about.kind = OTHER_RULE, .rule = true, .quiet = d >= 3 };
		_cleanup_strv_ struct strv names = { 0 };

		r = others_list(o, dirs[d], &names);
		for (size_t i = 0; r == 0 && i < names.n; i++) {
			char path[NAME_MAX + 64];

			if (!others_ends_in(names.items[i], ".rules") || strstr(names.items[i], "vfioadm") ||
			    strv_has(&seen, names.items[i]))
				continue;
			snprintf(path, sizeof(path), "%s/%s", dirs[d], names.items[i]);
			r = strv_add(&seen, names.items[i]);
			if (r == 0)
				r = scan_file(o, &rule, path);
		}
	}
	return r;
}

/* ---- scripts ---- */

struct place {
	const char *path; /* a file, or a directory with files */
	unsigned depth;	  /* of directories below it */
	enum other_kind kind;
	bool cron, quiet;
	const char *suffix; /* NULL: every file */
	bool any_slot;
};

static const struct place places[] = {
	{ "etc/initramfs-tools/scripts", 1, OTHER_SCRIPT, false, false, NULL },
	{ "etc/initramfs-tools/hooks", 0, OTHER_SCRIPT, false, false, NULL },
	{ "usr/share/initramfs-tools/scripts", 1, OTHER_SCRIPT, false, true, NULL },
	{ "usr/share/initramfs-tools/hooks", 0, OTHER_SCRIPT, false, true, NULL },
	{ "etc/dracut.conf", 0, OTHER_SCRIPT, false, true, NULL },
	{ "etc/dracut.conf.d", 0, OTHER_SCRIPT, false, true, ".conf" },
	{ "usr/lib/dracut/dracut.conf.d", 0, OTHER_SCRIPT, false, true, ".conf" },
	{ "usr/lib/dracut/modules.d", 1, OTHER_SCRIPT, false, true, ".sh" },
	{ "etc/initcpio/hooks", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/initcpio/install", 0, OTHER_SCRIPT, false, false, NULL },
	{ "usr/lib/initcpio/hooks", 0, OTHER_SCRIPT, false, true, NULL },
	{ "usr/lib/initcpio/install", 0, OTHER_SCRIPT, false, true, NULL },
	{ "etc/rc.local", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/rc.d", 1, OTHER_SCRIPT, false, false, NULL },
	{ "etc/init.d", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/local.d", 0, OTHER_SCRIPT, false, false, ".start" },
	{ "boot/config/go", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/crontab", 0, OTHER_SCRIPT, true, false, NULL },
	{ "etc/cron.d", 0, OTHER_SCRIPT, true, false, NULL },
	{ "var/spool/cron", 1, OTHER_SCRIPT, true, false, NULL },
	{ "etc/systemd/system", 1, OTHER_SCRIPT, false, false, NULL },
	{ "run/systemd/system", 1, OTHER_SCRIPT, false, true, NULL },
	{ "usr/local/lib/systemd/system", 1, OTHER_SCRIPT, false, false, NULL },
	{ "etc/systemd/system-generators", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/tmpfiles.d", 0, OTHER_SCRIPT, false, false, ".conf" },
	{ "run/tmpfiles.d", 0, OTHER_SCRIPT, false, true, ".conf" },
	{ "usr/lib/tmpfiles.d", 0, OTHER_SCRIPT, false, true, ".conf" },
	{ "etc/sysfs.conf", 0, OTHER_SCRIPT, false, false, NULL },
	{ "etc/sysfs.d", 0, OTHER_SCRIPT, false, false, ".conf" },
	{ "etc/dpdk/interfaces", 0, OTHER_SCRIPT, false, true, NULL, true },
	{ "etc/libvirt/hooks", 5, OTHER_HOOK, false, false, NULL },
	{ "var/lib/vz/snippets", 0, OTHER_HOOK, false, false, NULL },
};

/* What an editor or a package manager leaves behind is run by nobody. */
static bool is_left_over(const char *name)
{
	static const char *const suffixes[] = { "~", ".bak", ".orig", ".old", ".dpkg-old", ".dpkg-dist", ".dpkg-new",
						".rpmsave", ".rpmnew", ".rpmorig", ".swp", ".pacsave", ".pacnew" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (others_ends_in(name, suffixes[i]))
			return true;
	return *name == '.' || strstr(name, "vfioadm");
}

static bool has_suffix(const struct place *place, const char *path)
{
	return !place->suffix || others_ends_in(path, place->suffix);
}

/* "install vfio-pci /sbin/override.sh" of modprobe.d: run when the module is loaded at boot. */
static int scan_commands(struct others *o)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	int r = module_setup_read(o->h, "vfio_pci", &setup) < 0 ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < setup.n_commands; i++) {
		_cleanup_free_ char *path = strdup(setup.commands[i].source + 1);
		char *line = path ? strrchr(path, ':') : NULL;
		struct others_text t = { .about = { .kind = OTHER_SCRIPT, .path = path }, .quiet = true };
		struct following f = { .o = o, .from = &t };

		if (!path)
			return -ENOMEM;
		if (line) {
			*line = '\0';
			t.first_line = (unsigned)strtoul(line + 1, NULL, 10);
		}
		t.calls = calls;
		t.settings = settings;
		t.calls_data = &f;
		r = others_scan(&t, setup.commands[i].command, o->fn, o->userdata);
	}
	return r;
}

static int scan_place(struct others *o, const struct place *place, const char *path, unsigned depth)
{
	const struct others_text kind = { .about.kind = place->kind, .cron = place->cron, .quiet = place->quiet,
					  .any_node_name = place->kind == OTHER_HOOK, .any_slot = place->any_slot };
	_cleanup_strv_ struct strv names = { 0 };
	int r = 0;

	if (streq(path, place->path) || has_suffix(place, path))
		r = scan_file(o, &kind, path);
	/* What is no directory has no names. */
	if (r == 0 && depth <= place->depth)
		r = others_list(o, path, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *below = str_format("%s/%s", path, names.items[i]);

		if (!below)
			return -ENOMEM;
		if (!is_left_over(names.items[i]))
			r = scan_place(o, place, below, depth + 1);
	}
	return r;
}

int others_scripts(struct others *o)
{
	int r = scan_rules(o);

	if (r == 0)
		r = scan_commands(o);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = scan_place(o, &places[i], places[i].path, 0);
	return r;
}
