/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel devices with a node, by the function that they hang below, and who has one of them open that no
 * other subject knows. /sys/dev has one link for every node of the host: reading these is less work than
 * walking the directories of a single USB controller.
 */
#include <limits.h>

#include "host/uses_private.h"

enum {
	WALK_DEPTH = 16,
	WALK_ENTRIES = 20000,
};

/* ---- the list ---- */

static int list_add(struct arena *arena, struct node_list *list, const char *address, const char *path,
		    bool block, unsigned major, unsigned minor)
{
	struct node_entry *e;
	const char *name;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct node_entry *grown = reallocarray(list->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->items = grown;
		list->room = room;
	}
	e = &list->items[list->n];
	*e = (struct node_entry){ .address = arena_strdup(arena, address),
				  .node = { .path = arena_strdup(arena, path),
					    .block = block,
					    .major = major,
					    .minor = minor } };
	if (!e->address || !e->node.path)
		return -ENOMEM;
	name = strrchr(e->node.path, '/');
	e->node.name = name ? name + 1 : e->node.path;
	list->n++;
	return 0;
}

static int compare_entries(const void *x, const void *y)
{
	const struct node_entry *a = x, *b = y;
	int r = strcmp(a->address, b->address);

	return r ? r : strverscmp(a->node.path, b->node.path);
}

static void list_sort(struct node_list *list)
{
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_entries);
}

/* "../../devices/pci0000:00/…" below sys/dev/char is "sys/devices/pci0000:00/…". */
static const char *path_of_link(const char *link, char path[PATH_MAX + 8])
{
	while (str_after(link, "../"))
		link += 3;
	snprintf(path, PATH_MAX + 8, "sys/%s", link);
	return path;
}

static int add_link(struct arena *arena, struct node_list *list, const char *boot, const char *link,
		    const char *number, bool block)
{
	char address[ADDRESS_MAX], path[PATH_MAX + 8];
	const char *owner = address;
	unsigned major, minor;
	int end = 0;

	if (sscanf(number, "%9u:%9u%n", &major, &minor, &end) != 2 || !end || number[end])
		return 0;
	/* Before 6.12 what draws on the firmware's framebuffer hangs below a platform device. */
	if (!last_address(link, address, NULL))
		owner = strstr(link, "-framebuffer.") ? boot : NULL;
	return owner ? list_add(arena, list, owner, path_of_link(link, path), block, major, minor) : 0;
}

static int read_links(struct host *h, struct arena *arena, const char *boot, struct node_list *list,
		      bool block)
{
	const char *place = block ? "sys/dev/block" : "sys/dev/char";
	_cleanup_strv_ struct strv numbers = { 0 };
	int r = h->ops->list(h, -1, place, &numbers);
	host_dir dir = r < 0 ? r : h->ops->dir_open(h, place);

	if (dir < 0)
		return dir;
	for (size_t i = 0; r == 0 && i < numbers.n; i++) {
		char link[PATH_MAX];

		if (h->ops->readlink(h, dir, numbers.items[i], link, sizeof(link)) >= 0)
			r = add_link(arena, list, boot, link, numbers.items[i], block);
	}
	h->ops->dir_close(h, dir);
	return r;
}

int nodes_read(struct host *h, struct arena *arena, const char *boot, struct node_list *ret)
{
	struct node_list list = { 0 };
	int r = read_links(h, arena, boot, &list, false);

	if (r == 0)
		r = read_links(h, arena, boot, &list, true);
	if (r < 0) {
		free(list.items);
		return r == -ENOMEM ? r : -ENOENT;
	}
	list_sort(&list);
	*ret = list;
	return 0;
}

/* ---- a root without /sys/dev ---- */

struct walk {
	struct host *h;
	struct arena *arena;
	struct node_list *list;
	const char *address;
	unsigned left; /* entries that may still be looked at */
};

static int walk_node(struct walk *w, const char *path)
{
	char file[PATH_MAX], text[32], link[PATH_MAX];
	unsigned major, minor;
	bool block;

	if (snprintf(file, sizeof(file), "%s/dev", path) >= (int)sizeof(file) ||
	    host_read_text(w->h, -1, file, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%9u:%9u", &major, &minor) != 2)
		return 0;
	snprintf(file, sizeof(file), "%s/subsystem", path);
	block = host_link_name(w->h, -1, file, link, sizeof(link)) > 0 && streq(link, "block");
	return list_add(w->arena, w->list, w->address, path, block, major, minor);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by depth */
static int walk_directory(struct walk *w, const char *path, unsigned depth)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = w->h->ops->list(w->h, -1, path, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char below[PATH_MAX], target[PATH_MAX];
		struct address nested;

		if (w->left == 0 || depth == WALK_DEPTH)
			return 0;
		w->left--;
		if (streq(names.items[i], "dev")) {
			r = walk_node(w, path);
			continue;
		}
		/* Links lead to drivers, subsystems and back up; an address is a function of its own. */
		if (snprintf(below, sizeof(below), "%s/%s", path, names.items[i]) < (int)sizeof(below) &&
		    address_parse(names.items[i], &nested) < 0 &&
		    w->h->ops->readlink(w->h, -1, below, target, sizeof(target)) == -EINVAL)
			r = walk_directory(w, below, depth + 1);
	}
	return r;
}

int nodes_walk(struct host *h, struct arena *arena, const char *address, struct node_list *list)
{
	struct walk w = { .h = h, .arena = arena, .list = list, .address = address, .left = WALK_ENTRIES };
	_cleanup_free_ char *resolved = NULL;
	char path[OBSERVE_PATH_MAX];
	int r;

	device_path(path, address, "");
	r = h->ops->resolve(h, path, &resolved);
	if (r == 0)
		r = walk_directory(&w, resolved, 0);
	list_sort(list);
	return r == -ENOMEM ? r : 0;
}

/* ---- for the search ---- */

static ssize_t vmd_of(const struct uses *u, size_t function)
{
	const struct vfioadm_function *vmd = inventory_vmd_of(u->inv, &u->inv->functions[function]);

	return vmd ? vmd - u->inv->functions : -1;
}

bool uses_wants(const struct uses *u, size_t function)
{
	ssize_t vmd = u->wanted[function] ? -1 : vmd_of(u, function);

	return u->wanted[function] || (vmd >= 0 && u->wanted[vmd]);
}

bool uses_has(const struct uses *u, size_t function, const char *code, const char *what)
{
	size_t owner = u->wanted[function] ? function : (size_t)vmd_of(u, function);

	for (size_t i = 0; i < u->found.n; i++) {
		const struct owned *o = &u->found.items[i];

		if (o->function == owner && streq(o->user.what, what) && (!code || streq(o->user.code, code)))
			return true;
	}
	return false;
}

int uses_add_opener(struct uses *u, size_t function, const char *code, const struct opener *o)
{
	char who[128];

	process_describe(o->process, who, sizeof(who));
	/* Which other nodes it has tells nothing new. */
	return uses_has(u, function, code, who) ? 0 : uses_add(u, function, code, who, "has %s open", o->path);
}

static int read_wanted(struct uses *u, struct node_list *list)
{
	ssize_t boot = boot_display_of(u);
	int r = nodes_read(u->h, &u->inv->arena, boot < 0 ? NULL : u->inv->functions[boot].address, list);

	if (r != -ENOENT)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++)
		if (uses_wants(u, i))
			r = nodes_walk(u->h, &u->inv->arena, u->inv->functions[i].address, list);
	return r;
}

/* Into the arena, where nobody needs to free it. */
static int nodes_of(struct uses *u)
{
	struct node_list list = { 0 }, *kept;
	int r = u->nodes ? 0 : read_wanted(u, &list);

	if (r < 0 || u->nodes) {
		free(list.items);
		return r;
	}
	kept = arena_alloc(&u->inv->arena, sizeof(*kept));
	if (kept)
		kept->items = arena_alloc(&u->inv->arena, (list.n + 1) * sizeof(*kept->items));
	if (!kept || !kept->items) {
		free(list.items);
		return -ENOMEM;
	}
	if (list.n)
		memcpy(kept->items, list.items, list.n * sizeof(*kept->items));
	kept->n = list.n;
	free(list.items);
	u->nodes = kept;
	return 0;
}

/* Read when first asked for: of most nodes nobody wants to know. */
static int fill_subsystem(struct uses *u, struct uses_node *node)
{
	char path[PATH_MAX], name[NAME_MAX + 1];

	if (node->subsystem)
		return 0;
	if (snprintf(path, sizeof(path), "%s/subsystem", node->path) >= (int)sizeof(path) ||
	    host_link_name(u->h, -1, path, name, sizeof(name)) < 0)
		name[0] = '\0';
	node->subsystem = arena_strdup(&u->inv->arena, name);
	return node->subsystem ? 0 : -ENOMEM;
}

/* The first node of the function, in the sorted list. */
static size_t first_of(const struct node_list *list, const char *address)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list->items[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int uses_nodes_below(struct uses *u, size_t function, const struct node_entry **ret, size_t *ret_n)
{
	const char *address = u->inv->functions[function].address;
	struct node_entry *entries;
	size_t n = 0;
	int r = nodes_of(u);

	if (r < 0)
		return r;
	entries = u->nodes->items + first_of(u->nodes, address);
	while (entries + n < u->nodes->items + u->nodes->n && streq(entries[n].address, address)) {
		r = fill_subsystem(u, &entries[n].node);
		if (r < 0)
			return r;
		n++;
	}
	*ret = entries;
	*ret_n = n;
	return 0;
}

int uses_each_node(struct uses *u, size_t function,
		   int (*fn)(struct uses *u, size_t function, const struct uses_node *node))
{
	const struct node_entry *entries;
	size_t n = 0;
	int r = uses_nodes_below(u, function, &entries, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = fn(u, function, &entries[i].node);
	return r;
}

/* ---- who has them open ---- */

bool opener_has(const struct opener *o, const struct uses_node *node)
{
	return (o->block || o->character) && o->block == node->block && o->major == node->major &&
	       o->minor == node->minor;
}

/* "/proc/bus/pci/01/00.0", or "…/0001:01/00.0" in another domain than 0. */
static bool is_proc_file_of(const char *rest, const char *address)
{
	char text[ADDRESS_MAX + 8];
	struct address a;
	const char *slash = strchr(rest, '/');

	if (!slash)
		return false;
	snprintf(text, sizeof(text), "%s%.*s:%.8s", memchr(rest, ':', (size_t)(slash - rest)) ? "" : "0000:",
		 (int)(slash - rest > 12 ? 12 : slash - rest), rest, slash + 1);
	if (address_parse(text, &a) < 0)
		return false;
	address_format(&a, text);
	return streq(text, address);
}

const char *opener_registers(const struct opener *o, const char *address)
{
	const char *rest = str_after(o->path, "/proc/bus/pci/");
	char owner[ADDRESS_MAX];

	if (o->block || o->character)
		return NULL;
	if (rest)
		return is_proc_file_of(rest, address) ? o->path : NULL;
	if (!str_after(o->path, "/sys/devices/") || !last_address(o->path, owner, &rest) ||
	    !streq(owner, address))
		return NULL;
	return str_after(rest, "resource") || streq(rest, "config") || streq(rest, "rom") ? rest : NULL;
}

/* Disks belong to uses_block. What has no number of a node is not open at all. */
static int add_openers(struct uses *u, size_t function, const struct uses_node *node)
{
	if (node->block)
		return 0;
	for (size_t i = 0; i < u->procs->n_openers; i++) {
		const struct opener *o = &u->procs->openers[i];
		char who[128];
		int r;

		if (!opener_has(o, node))
			continue;
		process_describe(o->process, who, sizeof(who));
		if (uses_has(u, function, NULL, who))
			continue;
		r = uses_add_opener(u, function, "in-use-open", o);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_drivers_of_registers(struct uses *u, size_t function)
{
	for (size_t i = 0; i < u->procs->n_openers; i++) {
		const struct opener *o = &u->procs->openers[i];
		const char *file = opener_registers(o, u->inv->functions[function].address);
		char who[128];
		int r;

		if (!file)
			continue;
		process_describe(o->process, who, sizeof(who));
		if (uses_has(u, function, NULL, who))
			continue;
		r = uses_add(u, function, "in-use-open", who,
			     "has its file %s open and can drive it by itself", file);
		if (r < 0)
			return r;
	}
	return 0;
}

int uses_nodes(struct uses *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && u->procs->n_openers && i < u->inv->n_functions; i++) {
		if (!uses_wants(u, i))
			continue;
		r = uses_each_node(u, i, add_openers);
		if (r == 0)
			r = add_drivers_of_registers(u, i);
	}
	return r;
}
