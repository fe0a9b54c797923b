/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Units of systemd by which disks are mounted, or become swap space, as by fstab (systemd.mount(5)). */
#include <fnmatch.h>
#include <limits.h>

#include "host/uses_block.h"
#include "host/uses_config_net.h"

enum { FILES_MAX = 4096 };

/* The first one of a name counts. What the generator makes of fstab is told as that. */
static const char *const dirs[] = {
	"etc/systemd/system.control", "run/systemd/system.control", "run/systemd/transient", "run/systemd/generator.early",
	"etc/systemd/system", "run/systemd/system", "run/systemd/generator", "usr/local/lib/systemd/system",
	"usr/lib/systemd/system", "lib/systemd/system", "run/systemd/generator.late",
};

struct unit {
	char what[512], where[512];
	bool of_fstab;
};

static void take_line(struct unit *unit, const struct config_ini *ini)
{
	const char *value = ini->value;
	size_t n = 0;
	char *out;

	if (!ini->section || !ini->key)
		return;
	if (streq(ini->section, "Unit") && streq(ini->key, "SourcePath"))
		unit->of_fstab = streq(value, "/etc/fstab");
	if (!streq(ini->section, "Mount") && !streq(ini->section, "Swap"))
		return;
	if (streq(ini->key, "What"))
		out = unit->what;
	else if (streq(ini->key, "Where"))
		out = unit->where;
	else
		return;
	/* "%%" is a percent sign; other specifiers are of no use for the name of a disk. */
	for (; *value && n + 1 < sizeof(unit->what); value++) {
		out[n++] = *value;
		value += value[0] == '%' && value[1] == '%';
	}
	out[n] = '\0';
}

static int read_unit_file(struct block_search *s, const char *path, struct unit *unit)
{
	struct config_ini ini = { 0 };
	char *text;
	int r = block_read_settings(s, path, &text);

	if (r < 0 || !text)
		return r;
	ini.rest = text;
	while (config_ini_next(&ini))
		take_line(unit, &ini);
	free(text);
	return 0;
}

/* NAME.d/FILE.conf in each directory: the last one says how it is. */
static int read_drop_ins(struct block_search *s, const char *name, struct unit *unit)
{
	for (size_t d = ARRAY_SIZE(dirs); d-- > 0;) {
		_cleanup_strv_ struct strv names = { 0 };
		char dir[NAME_MAX + 64], path[NAME_MAX * 2 + 64];
		int r;

		snprintf(dir, sizeof(dir), "%s/%s.d", dirs[d], name);
		r = s->u->h->ops->list(s->u->h, -1, dir, &names);
		if (r == -ENOMEM)
			return r;
		strv_sort(&names);
		for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
			if (fnmatch("*.conf", names.items[i], 0) != 0)
				continue;
			snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
			r = read_unit_file(s, path, unit);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int look_at_unit(struct block_search *s, const char *path, const char *name, bool swap)
{
	struct unit unit = { .of_fstab = false };
	char target[PATH_MAX];
	struct block *d;
	int r;

	/* A mask. */
	if (s->u->h->ops->readlink(s->u->h, -1, path, target, sizeof(target)) >= 0 && streq(target, "/dev/null"))
		return 0;
	r = read_unit_file(s, path, &unit);
	if (r == 0)
		r = read_drop_ins(s, name, &unit);
	if (r < 0 || unit.of_fstab || !unit.what[0])
		return r;
	r = block_resolve(s, unit.what, &d);
	if (r < 0 || !d || !block_is_idle(s, d))
		return r;
	if (swap)
		return block_note(s, d, "configured-mount", "named in /%s as swap space, which is not used now", path);
	return block_note(s, d, "configured-mount", "named in /%s for %s, where it is not mounted now", path,
			  unit.where[0] ? unit.where : "a mount point");
}

static int take_unit(void *data, const char *path, const char *name, size_t kind)
{
	return look_at_unit(data, path, name, kind == 1);
}

int config_units(struct block_search *s)
{
	static const char *const suffixes[] = { ".mount", ".swap", NULL };

	return config_each_file(s->u, dirs, ARRAY_SIZE(dirs), suffixes, take_unit, s);
}
