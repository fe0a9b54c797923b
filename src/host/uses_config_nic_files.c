/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of ifupdown, netplan, NetworkManager and others that name interfaces. */
#include <fnmatch.h>
#include <strings.h>

#include "host/uses_config_net.h"
#include "host/yaml_lines.h"

enum {
	SOURCE_DEPTH = 4, /* files that name files */
	FILES_MAX = 512,
};

/* ---- words ---- */

/* "eth0", "eth0:1" and "eth0.5" (an address more, a VLAN): is it about the interface? */
static bool word_names(const struct config_nic *nic, const char *word)
{
	size_t n = strlen(nic->name);

	/* A word is no pattern here: "*" is in many scripts. */
	if (nic->mac[0] && !strcasecmp(word, nic->mac))
		return true;
	return !strncmp(word, nic->name, n) && (!word[n] || word[n] == ':' || word[n] == '.');
}

/* Every word of a line, however it is quoted. */
static int look_at_line(struct config_search *s, char *line, const char *path, unsigned number)
{
	char *rest;
	int r = 0;

	for (char *word = strtok_r(line, " \t\r\"'=,;()[]{}<>", &rest); r == 0 && word;
	     word = strtok_r(NULL, " \t\r\"'=,;()[]{}<>", &rest))
		for (size_t i = 0; r == 0 && i < s->n; i++)
			if (word_names(&s->items[i], word))
				r = config_nic_add(&s->items[i], path, number);
	return r;
}

typedef int (*line_fn)(struct config_search *s, char *line, const char *path, unsigned number, unsigned depth);

/* A backslash at the end joins lines; the first one's number counts. */
static int each_line(struct config_search *s, const char *path, line_fn fn, unsigned depth)
{
	_cleanup_free_ char *text = NULL;
	int r = config_read(s->u, path, &text);
	unsigned number = 1;
	char *p = text;

	while (r == 0 && p && *p) {
		unsigned first = number;
		char *line = p;

		for (;;) {
			p += strcspn(p, "\n");
			if (!*p)
				break;
			number++;
			if (p > line && p[-1] == '\\') {
				p[-1] = *p = ' ';
				continue;
			}
			*p++ = '\0';
			break;
		}
		line += strspn(line, " \t");
		if (*line && *line != '#')
			r = fn(s, line, path, first, depth);
	}
	return r;
}

static int on_words(struct config_search *s, char *line, const char *path, unsigned number, unsigned depth)
{
	(void)depth;
	return look_at_line(s, line, path, number);
}

/* What ifupdown takes from a source-directory: no name with a dot. */
static bool is_plain_name(const char *name)
{
	return !name[strspn(name, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz")];
}

/* Calls fn for the files of a directory whose names fit. The pattern is of the last component; NULL: plain names. */
static int each_file(struct config_search *s, const char *dir, const char *pattern, line_fn fn, unsigned depth)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, dir, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
		char path[PATH_MAX];

		if (pattern ? fnmatch(pattern, names.items[i], FNM_PERIOD) != 0 : !is_plain_name(names.items[i]))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >= (int)sizeof(path))
			continue;
		r = each_line(s, path, fn, depth);
	}
	return r;
}

/* ---- ifupdown ---- */

static int on_ifupdown(struct config_search *s, char *line, const char *path, unsigned number, unsigned depth);

/* "source interfaces.d/STAR", "source-directory interfaces.d": relative to /etc/network, globs in the last part. */
static int follow_source(struct config_search *s, const char *argument, bool directory, unsigned depth)
{
	char path[PATH_MAX];
	char *last;

	if (depth >= SOURCE_DEPTH || !*argument ||
	    snprintf(path, sizeof(path), "%s%s", *argument == '/' ? "" : "etc/network/",
		     argument + (*argument == '/')) >= (int)sizeof(path))
		return 0;
	if (directory)
		return each_file(s, path, NULL, on_ifupdown, depth + 1);
	last = strrchr(path, '/');
	if (!last)
		return each_line(s, path, on_ifupdown, depth + 1);
	*last++ = '\0';
	return each_file(s, path, last, on_ifupdown, depth + 1);
}

/* "auto /en*": a word with a slash before it is a pattern. */
static int look_at_patterns(struct config_search *s, const char *line, const char *path, unsigned number)
{
	_cleanup_free_ char *copy = strdup(line);
	char *rest;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *word = strtok_r(copy, " \t", &rest); r == 0 && word; word = strtok_r(NULL, " \t", &rest))
		for (size_t i = 0; r == 0 && *word == '/' && i < s->n; i++) {
			word[strcspn(word, "=")] = '\0';
			if (config_nic_is(&s->items[i], word + 1))
				r = config_nic_add(&s->items[i], path, number);
		}
	return r;
}

static int on_ifupdown(struct config_search *s, char *line, const char *path, unsigned number, unsigned depth)
{
	size_t n = strcspn(line, " \t");
	const char *argument = line + n + strspn(line + n, " \t");
	int r = 0;

	str_rstrip(line);
	if (n == strlen("source") && str_after(line, "source"))
		return follow_source(s, argument, false, depth);
	if (n == strlen("source-directory") && str_after(line, "source-directory"))
		return follow_source(s, argument, true, depth);
	if (str_after(line, "auto") || str_after(line, "allow-") || str_after(line, "iface"))
		r = look_at_patterns(s, argument, path, number);
	return r < 0 ? r : look_at_line(s, line, path, number);
}

int config_ifupdown(struct config_search *s)
{
	/* Debian's file sources this directory; where it does not the files are of no use. */
	return each_line(s, "etc/network/interfaces", on_ifupdown, 0);
}

/* ---- others that name them as words ---- */

static int look_at_ifcfg(struct config_search *s, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, dir, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
		const char *name = str_after(names.items[i], "ifcfg-");
		char path[NAME_MAX + 64];
		size_t n = name ? strlen(name) : 0;

		/* What editors and packages leave is not read by the tools either. */
		if (!name || (n && name[n - 1] == '~') || strstr(name, ".rpm") || strstr(name, ".bak") ||
		    strstr(name, ".orig"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		for (size_t k = 0; r == 0 && k < s->n; k++)
			if (word_names(&s->items[k], name))
				r = config_nic_add(&s->items[k], path, 0);
		if (r == 0)
			r = each_line(s, path, on_words, 0);
	}
	return r;
}

/* netifrc: config_eth0="dhcp" in conf.d/net, and a link net.eth0 in init.d that says that it is used. */
static int on_netifrc(struct config_search *s, char *line, const char *path, unsigned number, unsigned depth)
{
	char *name = strchr(line, '_');
	int r = 0;

	(void)depth;
	for (size_t i = 0; r == 0 && name && i < s->n; i++) {
		size_t n = strlen(s->items[i].name);

		if (!strncmp(name + 1, s->items[i].name, n) && strchr("=+", name[1 + n]))
			r = config_nic_add(&s->items[i], path, number);
	}
	return r < 0 ? r : look_at_line(s, line, path, number);
}

static int look_at_netifrc(struct config_search *s)
{
	int r = each_line(s, "etc/conf.d/net", on_netifrc, 0);

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		char path[NAME_MAX + 32];

		snprintf(path, sizeof(path), "etc/init.d/net.%s", s->items[i].name);
		if (host_exists(s->u->h, path))
			r = config_nic_add(&s->items[i], path, 0);
	}
	return r;
}

int config_word_files(struct config_search *s)
{
	static const char *const dirs[] = { "etc/sysconfig/network-scripts", "etc/sysconfig/network" };
	static const char *const files[] = { "etc/dhcpcd.conf", "etc/rc.d/rc.inet1.conf", "boot/config/network.cfg" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = look_at_ifcfg(s, dirs[i]);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
		r = each_line(s, files[i], on_words, 0);
	if (r == 0)
		r = look_at_netifrc(s);
	if (r == 0)
		r = each_file(s, "etc/netctl", "*", on_words, 0);
	if (r == 0)
		r = each_file(s, "etc/nmstate", "*.y*ml", on_words, 0);
	/* What a guest's network is bridged to. */
	if (r == 0)
		r = each_file(s, "etc/libvirt/qemu/networks", "*.xml", on_words, 0);
	return r == 0 ? each_file(s, "etc/wicked/ifconfig", "*.xml", on_words, 0) : r;
}

/* What is asked of an initramfs: "ip=…:eth0:dhcp", "bridge=br0:eth0,eth1", "ifname=net0:MAC". */
int config_command_line(struct config_search *s)
{
	static const char *const keys[] = { "ip=", "bridge=", "bond=", "team=", "vlan=", "ifname=", "BOOTIF=" };
	_cleanup_free_ char *text = NULL;
	char *rest;
	int r = config_read(s->u, "proc/cmdline", &text);

	for (char *word = text ? strtok_r(text, " \n", &rest) : NULL; r == 0 && word; word = strtok_r(NULL, " \n", &rest))
		for (size_t i = 0; r == 0 && i < s->n; i++) {
			const char *name = s->items[i].name, *mac = s->items[i].mac, *value = NULL, *at;
			size_t n = strlen(name);

			for (size_t k = 0; !value && k < ARRAY_SIZE(keys); k++)
				value = str_after(word, keys[k]);
			if (!value)
				continue;
			at = strstr(value, name);
			if ((at && (at == value || strchr(":,", at[-1])) && (!at[n] || strchr(":,", at[n]))) ||
			    (*mac && strcasestr(value, mac)))
				r = config_nic_add(&s->items[i], "proc/cmdline", 0);
		}
	return r;
}

/* ---- netplan ---- */

struct netplan {
	struct config_search *s;
	const char *path;
	char id[64];
	unsigned line;
	bool has_match;
	bool *no; /* by interface: a key of "match" does not mean it */
	bool has_driver, *driver; /* by interface: one of the drivers of "match" is its own */
};

/* At the end of an entry: what its "match" means, or the interface of its name. */
static int end_entry(struct netplan *n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && n->id[0] && i < n->s->n; i++) {
		struct config_nic *nic = &n->s->items[i];

		if (n->has_match ? !n->no[i] && (!n->has_driver || n->driver[i]) : streq(n->id, nic->name))
			r = config_nic_add(nic, n->path, n->line);
	}
	n->id[0] = '\0';
	return r;
}

static const char *driver_of(const struct config_search *s, const struct config_nic *nic)
{
	const struct vfioadm_str *driver = &s->u->inv->functions[nic->function].driver;

	return driver->state == VFIOADM_KNOWN ? driver->value : "";
}

static void take_match(struct netplan *n, const char *key, const char *value)
{
	for (size_t i = 0; *value && i < n->s->n; i++) {
		const struct config_nic *nic = &n->s->items[i];

		if (streq(key, "name"))
			n->no[i] |= fnmatch(value, nic->name, 0) != 0;
		else if (streq(key, "macaddress"))
			n->no[i] |= strcasecmp(value, nic->mac) != 0;
		else if (streq(key, "driver"))
			n->driver[i] |= fnmatch(value, driver_of(n->s, nic), 0) == 0;
	}
}

/* network: { bonds: { bond0: { interfaces: [eth0, eth1] } }, vlans: { v: { link: eth0 } } } */
static int on_upper(struct netplan *n, const struct yaml_entry *e)
{
	int r = 0;

	if (e->depth != 4 || !streq(e->path[0], "network") || (!streq(e->path[3], "interfaces") && !streq(e->path[3], "link")))
		return 0;
	for (size_t i = 0; r == 0 && i < n->s->n; i++)
		if (streq(e->value, n->s->items[i].name))
			r = config_nic_add(&n->s->items[i], n->path, e->line);
	return r;
}

/* network: { ethernets: { ID: { match: { macaddress: … }, … } } } */
static int on_netplan(const struct yaml_entry *e, void *userdata)
{
	struct netplan *n = userdata;
	int r;

	if (e->depth < 3 || !streq(e->path[0], "network") ||
	    (!streq(e->path[1], "ethernets") && !streq(e->path[1], "wifis") && !streq(e->path[1], "modems")))
		return n->id[0] && e->depth <= 3 ? end_entry(n) : on_upper(n, e);
	if (e->depth == 3) {
		r = end_entry(n);
		snprintf(n->id, sizeof(n->id), "%s", e->path[2]);
		n->line = e->line;
		n->has_match = n->has_driver = false;
		memset(n->driver, 0, n->s->n * sizeof(*n->driver));
		memset(n->no, 0, n->s->n * sizeof(*n->no));
		return r;
	}
	if (!streq(e->path[3], "match"))
		return 0;
	n->has_match = true;
	if (e->depth == 5) {
		n->has_driver |= *e->value && streq(e->path[4], "driver");
		take_match(n, e->path[4], e->value);
	}
	return 0;
}

static int read_netplan(struct config_search *s, const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ bool *no = calloc(s->n + 1, sizeof(*no)), *driver = calloc(s->n + 1, sizeof(*driver));
	struct netplan n = { .s = s, .path = path, .no = no, .driver = driver };
	int r = no && driver ? config_read(s->u, path, &text) : -ENOMEM;

	if (r < 0 || !text)
		return r;
	r = yaml_each(text, on_netplan, &n);
	return r == 0 ? end_entry(&n) : r;
}

static bool is_named(const char *const *dirs, size_t n, struct host *h, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", dirs[i], name) < (int)sizeof(path) && host_exists(h, path))
			return true;
	}
	return false;
}

/* A file of one name hides those in the directories behind. */
int config_netplan(struct config_search *s)
{
	static const char *const dirs[] = { "run/netplan", "etc/netplan", "lib/netplan" };
	int r = 0;

	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(dirs); d++) {
		_cleanup_strv_ struct strv names = { 0 };

		r = s->u->h->ops->list(s->u->h, -1, dirs[d], &names);
		if (r < 0) {
			r = r == -ENOMEM ? r : 0;
			continue;
		}
		strv_sort(&names);
		r = 0;
		for (size_t i = 0; r == 0 && i < names.n && i < FILES_MAX; i++) {
			char path[NAME_MAX + 32];

			if (fnmatch("*.yaml", names.items[i], FNM_PERIOD) != 0 ||
			    is_named(dirs, d, s->u->h, names.items[i]))
				continue;
			snprintf(path, sizeof(path), "%s/%s", dirs[d], names.items[i]);
			r = read_netplan(s, path);
		}
	}
	return r;
}
