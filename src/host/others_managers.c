/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of other managers in which functions are named in a fixed form: Unraid and Proxmox VE. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "host/others.h"

/* ---- Unraid ---- */

/* "0000:01:00.0|10de:2184" */
static int add_bound(struct others *o, struct other *found, char *word)
{
	char *id = strchr(word, '|');
	size_t n;

	if (id)
		*id++ = '\0';
	found->text = id && *id ? id : NULL;
	n = others_read_slot(word, &found->slot);
	if (!n || word[n] || !*word)
		return 0;
	return o->fn(found, o->userdata);
}

/* BIND=0000:01:00.0|10de:2184 0000:01:00.1|10de:1aeb */
static int look_at_unraid(struct others *o)
{
	struct other found = { .kind = OTHER_UNRAID, .path = "boot/config/vfio-pci.cfg", .names = OTHER_SLOT };
	unsigned next = 1;
	char line[OTHERS_LINE_MAX];
	int r = others_read(o, found.path, o->text);

	if (r <= 0)
		return r;
	r = 0;
	for (const char *p = o->text; r == 0 && (p = others_line(p, line, &found.line, &next));) {
		char *rest = line + strlen("BIND="), *word;

		if (!str_after(line, "BIND="))
			continue;
		while (r == 0 && (word = strsep(&rest, " \t\"'")))
			r = *word ? add_bound(o, &found, word) : 0;
	}
	return r;
}

/* ---- Proxmox VE ---- */

/* "01:00" stands for all functions of the device. */
static bool read_device(const char *text, struct other_slot *ret)
{
	char whole[ADDRESS_MAX];
	size_t n = others_read_slot(text, ret);

	if (n)
		return !text[n];
	if (strlen(text) + 3 > sizeof(whole))
		return false;
	snprintf(whole, sizeof(whole), "%s.*", text);
	n = others_read_slot(whole, ret);
	return n && !whole[n];
}

/* Several devices of one entry are separated by ';'. */
static int emit_devices(struct others *o, struct other *found, const char *list)
{
	int r = 0;

	for (const char *p = list; r == 0 && *p; p += *p == ';') {
		char one[ADDRESS_MAX];
		size_t n = strcspn(p, ";");

		snprintf(one, sizeof(one), "%.*s", (int)(n < sizeof(one) ? n : sizeof(one) - 1), p);
		if (n < sizeof(one) && read_device(one, &found->slot))
			r = o->fn(found, o->userdata);
		p += n;
	}
	return r;
}

/* The value of "KEY=" among "a=1,KEY=2"; false: none. */
static bool property(const char *list, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	for (const char *p = list; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");

		if (n > length && strncmp(p, key, length) == 0 && p[length] == '=') {
			snprintf(value, size, "%.*s", (int)(n - length - 1), p + length + 1);
			return true;
		}
		p += n;
	}
	return false;
}

struct proxmox {
	struct others *o;
	char node[128]; /* of this host; "": not known */
	char mappings[OTHERS_TEXT_MAX];
};

static const char mapping_file[] = "etc/pve/mapping/pci.cfg";

/* "\tmap id=10de:2184,node=pve,path=0000:01:00.0" */
static int emit_map(struct proxmox *x, struct other *found, const char *line)
{
	char node[128], path[256];
	const char *map = str_after(line + strspn(line, " \t"), "map ");

	if (!map || !property(map, "path", path, sizeof(path)))
		return 0;
	/* The mapping is of the whole cluster. */
	if (x->node[0] && property(map, "node", node, sizeof(node)) && !streq(node, x->node))
		return 0;
	return emit_devices(x->o, found, path);
}

/* found: what maps to it; its place is the virtual machine's. NULL: each mapping is told of itself. */
static int each_map(struct proxmox *x, const char *wanted, struct other *user)
{
	struct other own = { .kind = OTHER_MAPPING, .path = mapping_file, .names = OTHER_SLOT };
	char line[OTHERS_LINE_MAX], name[128] = "";
	unsigned number = 0, next = 1;
	int r = 0;

	for (const char *p = x->mappings; r == 0 && (p = others_line(p, line, &number, &next));) {
		if (*line && !isspace((unsigned char)*line) && *line != '#') {
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, ": \t"), line);
			continue;
		}
		if (wanted ? !streq(name, wanted) : !*name)
			continue;
		own.owner = name;
		own.line = number;
		r = emit_map(x, user ? user : &own, line);
	}
	return r;
}

/* "hostpci0: 0000:01:00,pcie=1", "hostpci1: mapping=gpu", "hostpci2: host=02:00.0;02:00.1" */
static int look_at_hostpci(struct proxmox *x, struct other *found, const char *value)
{
	char text[256];

	value += strspn(value, " \t");
	if (property(value, "mapping", text, sizeof(text)))
		return each_map(x, text, found);
	if (!property(value, "host", text, sizeof(text)))
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, ","), value);
	return emit_devices(x->o, found, text);
}

static bool starts_at_boot(const char *text)
{
	unsigned number = 0, next = 1;
	char line[OTHERS_LINE_MAX];

	for (const char *p = text; (p = others_line(p, line, &number, &next)) && *line != '[';) {
		const char *value = str_after(line, "onboot:");

		if (value)
			return strtol(value, NULL, 10) == 1;
	}
	return false;
}

static int look_at_machine(struct proxmox *x, const char *dir, const char *name)
{
	struct other found = { .kind = OTHER_PROXMOX, .names = OTHER_SLOT };
	char path[NAME_MAX + 128], id[32], key[32], line[OTHERS_LINE_MAX];
	unsigned next = 1;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(id, sizeof(id), "%.*s", (int)(strlen(name) - strlen(".conf")), name);
	r = others_read(x->o, path, x->o->text);
	if (r <= 0)
		return r;
	found.path = path;
	found.owner = id;
	found.detail = key;
	found.autostart = starts_at_boot(x->o->text);
	r = 0;
	for (const char *p = x->o->text; r == 0 && (p = others_line(p, line, &found.line, &next));) {
		const char *value = strchr(line, ':');

		/* What follows are snapshots; but what is pending holds from the next start. */
		if (*line == '[' && !str_after(line, "[PENDING]"))
			break;
		if (!value || !str_after(line, "hostpci"))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)(value - line), line);
		r = look_at_hostpci(x, &found, value + 1);
	}
	return r;
}

static int look_at_machines(struct proxmox *x, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = others_list(x->o, dir, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (others_ends_in(names.items[i], ".conf"))
			r = look_at_machine(x, dir, names.items[i]);
	return r;
}

/* /etc/pve/local and /etc/pve/qemu-server are links to "nodes/NAME…". */
static void find_node(struct proxmox *x)
{
	static const char *const links[] = { "etc/pve/local", "etc/pve/qemu-server" };
	char target[PATH_MAX];
	struct host *h = x->o->h;

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		const char *node;

		if (h->ops->readlink(h, -1, links[i], target, sizeof(target)) < 0)
			continue;
		node = strstr(target, "nodes/");
		if (node)
			node += strlen("nodes/");
		if (node && *node) {
			snprintf(x->node, sizeof(x->node), "%.*s", (int)strcspn(node, "/"), node);
			return;
		}
	}
	if (host_read_text(h, -1, "etc/hostname", x->node, sizeof(x->node)) < 0)
		x->node[0] = '\0';
	x->node[strcspn(x->node, ".")] = '\0';
}

/* Machines of the cluster's other hosts are none of this one's. */
static int look_at_nodes(struct proxmox *x)
{
	_cleanup_strv_ struct strv nodes = { 0 };
	int r = host_exists(x->o->h, "etc/pve/qemu-server") ? look_at_machines(x, "etc/pve/qemu-server") :
							       others_list(x->o, "etc/pve/nodes", &nodes);

	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		char dir[NAME_MAX + 64];

		snprintf(dir, sizeof(dir), "etc/pve/nodes/%s/qemu-server", nodes.items[i]);
		if (nodes.n == 1 || streq(nodes.items[i], x->node))
			r = look_at_machines(x, dir);
	}
	return r;
}

static int look_at_proxmox(struct others *o)
{
	_cleanup_free_ struct proxmox *x = NULL;
	int r;

	if (!host_exists(o->h, "etc/pve"))
		return 0;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->o = o;
	find_node(x);
	r = others_read(o, mapping_file, x->mappings);
	if (r < 0)
		return r;
	if (r == 0)
		x->mappings[0] = '\0';
	r = look_at_nodes(x);
	return r < 0 ? r : each_map(x, NULL, NULL);
}

int others_managers(struct others *o)
{
	int r = look_at_unraid(o);

	return r < 0 ? r : look_at_proxmox(o);
}
