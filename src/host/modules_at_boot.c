/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Would a module be loaded at boot without us? */
#include <limits.h>
#include <string.h>

#include "host/host.h"
#include "host/modprobe_conf.h"
#include "host/module_setup.h"
#include "host/modules.h"
#include "host/modules_at_boot.h"
#include "model/inventory.h"

enum { LIST_SIZE = 64 * 1024 };

struct question {
	struct host *h;
	const char *module;
	char *text; /* LIST_SIZE */
	bool found;
};

/* ---- lists ---- */

static bool names_module(const char *text, const char *separators, const char *module)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, separators);
		char word[128];

		if (n && n < sizeof(word)) {
			memcpy(word, p, n);
			word[n] = '\0';
			if (driver_name_equal(word, module))
				return true;
		}
		p += n + (p[n] != '\0');
	}
	return false;
}

/* One module a line, perhaps with parameters. */
static void ask_list(struct question *q, const char *path)
{
	char *rest = q->text, *line;

	if (host_read_text(q->h, -1, path, q->text, LIST_SIZE) <= 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t\r");
		if (*line == '#' || *line == ';')
			continue;
		line[strcspn(line, " \t\r")] = '\0';
		q->found |= driver_name_equal(line, q->module);
	}
}

static int ask_directory(struct question *q, const char *dir, void (*ask)(struct question *q, const char *path))
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = q->h->ops->list(q->h, -1, dir, &names);

	if (r == -ENOMEM)
		return r;
	STRV_FOREACH(i, &names) {
		_cleanup_free_ char *path = str_format("%s/%s", dir, names.items[i]);
		size_t n = strlen(names.items[i]);

		if (!path)
			return -ENOMEM;
		if (n > strlen(".conf") && streq(names.items[i] + n - strlen(".conf"), ".conf"))
			ask(q, path);
	}
	return 0;
}

/* systemd-modules-load, which obeys a blacklist: modules-load.d, and "modules-load=" and "rd.modules-load=". */
static int ask_lists(struct question *q, bool blacklisted)
{
	static const char *const dirs[] = { "etc/modules-load.d", "run/modules-load.d", "usr/local/lib/modules-load.d",
					    "usr/lib/modules-load.d", "lib/modules-load.d" };
	int r = 0;

	if (blacklisted)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = ask_directory(q, dirs[i], ask_list);
	return r;
}

/* ---- command lines ---- */

static const struct {
	const char *name;
	bool initramfs_only, systemd;
} parameters[] = {
	{ "modules_load", false, true },   { "rd.modules_load", true, true },
	{ "rd.driver.pre", true, false },  { "rd.driver.post", true, false },
	{ "rdloaddriver", true, false },   { "earlymodules", true, false },
};

static void ask_parameters(struct question *q, char *text, bool initramfs, bool blacklisted)
{
	char *rest = text, *name, *value;

	while (modprobe_next_parameter(&rest, &name, &value))
		for (size_t i = 0; value && i < ARRAY_SIZE(parameters); i++)
			if (driver_name_equal(name, parameters[i].name) && (initramfs || !parameters[i].initramfs_only) &&
			    !(blacklisted && parameters[i].systemd))
				q->found |= names_module(value, ",", q->module);
}

/* dracut writes parameters of its own into the image: rd.driver.pre= of force_drivers. */
static void ask_image_parameters(struct question *q, const char *path)
{
	if (host_read_text(q->h, -1, path, q->text, LIST_SIZE) > 0)
		ask_parameters(q, q->text, true, false);
}

/* MODULES="vfio_pci vfio" in mkinitcpio's /config, which is a shell script. */
static void ask_mkinitcpio(struct question *q)
{
	char *line;

	if (host_read_text(q->h, -1, "config", q->text, LIST_SIZE) <= 0)
		return;
	for (char *rest = q->text; (line = strsep(&rest, "\n"));)
		if (str_after(line, "MODULES="))
			q->found |= names_module(line + strlen("MODULES="), " \t\r\"'()", q->module);
}

/* ---- modprobe.d ---- */

/* "softdep nvme pre: vfio-pci", "install nvidia /sbin/modprobe vfio-pci; …": it comes when that module comes. */
static int ask_modprobe_line(struct question *q, const struct modprobe_line *line)
{
	_cleanup_strv_ struct strv there = { 0 };
	int r;

	if ((line->kind != MODPROBE_SOFTDEP && line->kind != MODPROBE_INSTALL) ||
	    driver_name_equal(line->name, q->module) || !names_module(line->value, " \t;&|", q->module))
		return 0;
	if (line->kind == MODPROBE_INSTALL && !strstr(line->value, "modprobe"))
		return 0;
	r = modules_lookup(q->h, line->name, &there);
	if (r == -ENOMEM)
		return r;
	q->found |= r == 0 && there.n;
	return 0;
}

static int ask_modprobe(struct question *q)
{
	const struct modprobe_conf *c;
	int r = modules_conf(q->h, &c);

	for (size_t i = 0; r == 0 && i < c->n; i++)
		r = ask_modprobe_line(q, &c->lines[i]);
	return r;
}

static int ask_all(struct question *q, bool initramfs, bool blacklisted)
{
	int r = ask_lists(q, blacklisted);

	if (r == 0)
		r = ask_modprobe(q);
	if (r < 0)
		return r;
	if (host_read_text(q->h, -1, "proc/cmdline", q->text, LIST_SIZE) > 0)
		ask_parameters(q, q->text, initramfs, blacklisted);
	if (!initramfs) {
		if (!blacklisted)
			ask_list(q, "etc/modules");
		return 0;
	}
	ask_list(q, "conf/modules"); /* of initramfs-tools */
	ask_mkinitcpio(q);
	ask_image_parameters(q, "etc/cmdline");
	return ask_directory(q, "etc/cmdline.d", ask_image_parameters);
}

int modules_at_boot(struct host *h, const char *module, bool initramfs, bool *ret)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	_cleanup_free_ char *text = malloc(LIST_SIZE);
	struct question q = { h, module, text, false };
	int r = text ? module_setup_read(h, module, &setup) : -ENOMEM;

	if (r == 0)
		r = ask_all(&q, initramfs, setup.blacklist);
	*ret = q.found;
	return r;
}
