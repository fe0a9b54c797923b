/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of systemd-networkd and NetworkManager: INI, with sections that say which interface is meant. */
#include <fnmatch.h>
#include <strings.h>

#include "host/uses_config_net.h"

enum { FILES_MAX = 512 };

/* What "Path=" and NetworkManager's "path=" are compared with: udev's ID_PATH. */
static bool path_is(const struct config_search *s, const struct config_nic *nic, const char *pattern)
{
	char path[64];

	snprintf(path, sizeof(path), "pci-%s", s->u->inv->functions[nic->function].address);
	return fnmatch(pattern, path, 0) == 0;
}

static bool driver_is(const struct config_search *s, const struct config_nic *nic, const char *pattern)
{
	const struct vfioadm_str *driver = &s->u->inv->functions[nic->function].driver;

	return driver->state == VFIOADM_KNOWN && fnmatch(pattern, driver->value, 0) == 0;
}

enum how { HOW_NAME, HOW_MAC, HOW_PATH, HOW_DRIVER };

static bool one_is(const struct config_search *s, const struct config_nic *nic, enum how how, const char *word)
{
	switch (how) {
	case HOW_NAME:
		return fnmatch(word, nic->name, 0) == 0;
	case HOW_MAC:
		return strcasecmp(word, nic->mac) == 0;
	case HOW_PATH:
		return path_is(s, nic, word);
	default:
		return driver_is(s, nic, word);
	}
}

/* A list with blanks (or ';') between; a '!' before it (systemd: before the first one) turns it round. */
static int list_is(const struct config_search *s, const struct config_nic *nic, enum how how, const char *list,
		   bool *ret)
{
	bool inverted = *list == '!', each = strchr(list, ';') != NULL, any = false;
	_cleanup_free_ char *copy = strdup(list + (inverted && !each));
	char *rest;

	if (!copy)
		return -ENOMEM;
	for (char *word = strtok_r(copy, " \t,;\"'", &rest); word; word = strtok_r(NULL, " \t,;\"'", &rest)) {
		if (*word == '!' && one_is(s, nic, how, word + 1)) {
			*ret = false;
			return 0;
		}
		any |= *word != '!' && one_is(s, nic, how, word);
	}
	*ret = any != (inverted && !each);
	return 0;
}

/* ---- systemd-networkd and udev's .link files ---- */

struct match {
	const char *path;
	bool specific, *no; /* no: by interface: a key does not mean it */
	unsigned line;
};

static int take_match(struct config_search *s, struct match *m, bool link, const struct config_ini *ini)
{
	static const struct {
		const char *key;
		enum how how;
		bool link; /* in .link files only */
	} keys[] = {
		{ "Name", HOW_NAME, false },	{ "OriginalName", HOW_NAME, true }, { "MACAddress", HOW_MAC, false },
		{ "PermanentMACAddress", HOW_MAC, false }, { "Path", HOW_PATH, false },    { "Driver", HOW_DRIVER, false },
	};

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		if (!streq(ini->key, keys[k].key) || (keys[k].how == HOW_NAME && keys[k].link != link) || !*ini->value)
			continue;
		/* What means all of them means none in particular. */
		if (streq(ini->value, "*"))
			return 0;
		m->specific = true;
		m->line = m->line ? m->line : ini->line;
		for (size_t i = 0; i < s->n; i++) {
			bool is;
			int r = list_is(s, &s->items[i], keys[k].how, ini->value, &is);

			if (r < 0)
				return r;
			m->no[i] |= !is;
		}
	}
	return 0;
}

static int read_unit(struct config_search *s, const char *path, bool link)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ bool *no = calloc(s->n + 1, sizeof(*no));
	struct match m = { .path = path, .no = no };
	struct config_ini ini = { 0 };
	int r = no ? config_read(s->u, path, &text) : -ENOMEM;

	ini.rest = text;
	while (r == 0 && text && config_ini_next(&ini))
		if (ini.key && ini.section && streq(ini.section, "Match"))
			r = take_match(s, &m, link, &ini);
	for (size_t i = 0; r == 0 && m.specific && i < s->n; i++)
		if (!m.no[i])
			r = config_nic_add(&s->items[i], path, m.line);
	return r;
}

static const char *const networkd_dirs[] = { "etc/systemd/network", "run/systemd/network", "usr/local/lib/systemd/network",
					     "usr/lib/systemd/network" };

static int read_drop_ins(struct config_search *s, const char *place, bool link)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, place, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
		char path[2 * NAME_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", place, names.items[i]);
		if (fnmatch("*.conf", names.items[i], 0) == 0)
			r = read_unit(s, path, link);
	}
	return r;
}

/* The drop-ins of a file count from every directory, other than the file itself. A [Match] there selects as the file's does. */
static int take_file(void *data, const char *path, const char *name, size_t kind)
{
	bool link = kind == 1 || kind == 3;
	int r = 0;

	if (kind < 2)
		return read_unit(data, path, link);
	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(networkd_dirs); d++) {
		char place[NAME_MAX + 64];

		snprintf(place, sizeof(place), "%s/%s", networkd_dirs[d], name);
		r = read_drop_ins(data, place, link);
	}
	return r;
}

int config_networkd(struct config_search *s)
{
	static const char *const suffixes[] = { ".network", ".link", ".network.d", ".link.d", NULL };

	return config_each_file(s->u, networkd_dirs, ARRAY_SIZE(networkd_dirs), suffixes, take_file, s);
}

/* ---- NetworkManager ---- */

static int take_connection(struct config_search *s, struct match *m, const struct config_ini *ini)
{
	bool wired = streq(ini->section, "ethernet") || streq(ini->section, "802-3-ethernet") ||
		     streq(ini->section, "infiniband") || streq(ini->section, "wifi") ||
		     streq(ini->section, "802-11-wireless");
	bool parent = (streq(ini->section, "vlan") || streq(ini->section, "macvlan")) && streq(ini->key, "parent");
	enum how how;

	if ((streq(ini->section, "connection") && streq(ini->key, "interface-name")) || parent ||
	    (streq(ini->section, "match") && streq(ini->key, "interface-name")))
		how = HOW_NAME;
	else if (wired && streq(ini->key, "mac-address"))
		how = HOW_MAC;
	else if (streq(ini->section, "match") && streq(ini->key, "path"))
		how = HOW_PATH;
	else if (streq(ini->section, "match") && streq(ini->key, "driver"))
		how = HOW_DRIVER;
	else
		return 0;
	if (!*ini->value || streq(ini->value, "*"))
		return 0;
	m->specific |= !parent;
	m->line = m->line ? m->line : ini->line;
	for (size_t i = 0; i < s->n; i++) {
		bool is;
		int r = list_is(s, &s->items[i], how, ini->value, &is);

		/* The other names in the file are of the VLAN itself. */
		if (r == 0 && parent) {
			r = is ? config_nic_add(&s->items[i], m->path, ini->line) : 0;
			is = true;
		}
		if (r < 0)
			return r;
		m->no[i] |= !is;
	}
	return 0;
}

static int read_connection(struct config_search *s, const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ bool *no = calloc(s->n + 1, sizeof(*no));
	struct match m = { .path = path, .no = no };
	struct config_ini ini = { 0 };
	int r = no ? config_read(s->u, path, &text) : -ENOMEM;

	ini.rest = text;
	while (r == 0 && text && config_ini_next(&ini))
		if (ini.key && ini.section)
			r = take_connection(s, &m, &ini);
	for (size_t i = 0; r == 0 && m.specific && i < s->n; i++)
		if (!m.no[i])
			r = config_nic_add(&s->items[i], path, m.line);
	return r;
}

int config_network_manager(struct config_search *s)
{
	static const char *const dirs[] = { "etc/NetworkManager/system-connections",
					    "run/NetworkManager/system-connections",
					    "usr/lib/NetworkManager/system-connections" };
	int r = 0;

	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(dirs); d++) {
		_cleanup_strv_ struct strv names = { 0 };

		r = s->u->h->ops->list(s->u->h, -1, dirs[d], &names);
		if (r == -EACCES || r == -EPERM)
			r = uses_seen_in_part(s->u, -1, "Whether its interfaces are configured could not be read "
							"(/%s): %s.", dirs[d], strerror(-r));
		else if (r < 0)
			r = r == -ENOMEM ? r : 0;
		strv_sort(&names);
		for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
			char path[NAME_MAX + 64];
			size_t n = strlen(names.items[i]);

			if (names.items[i][0] == '.' || names.items[i][n - 1] == '~')
				continue;
			snprintf(path, sizeof(path), "%s/%s", dirs[d], names.items[i]);
			r = read_connection(s, path);
		}
	}
	return r;
}
