/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose device a node is that a process has open. Asked from the open nodes, of which a host has few, and not
 * from the functions: walking the directories of one USB controller is more work than all of this.
 */
#include <limits.h>

#include "host/uses_private.h"

/* What a number of a device leads to. */
struct number {
	unsigned major, minor;
	ssize_t function;      /* -1: none that is wanted */
	const char *subsystem; /* arena */
};

struct numbers {
	struct number *items;
	size_t n, room;
	ssize_t boot; /* the boot display, found when first asked for */
	bool boot_known;
};

/* ---- the functions ---- */

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

/* ---- nodes ---- */

bool opener_link(struct host *h, const struct opener *o, char link[PATH_MAX])
{
	char path[64];

	if (!o->block && !o->character)
		return false;
	snprintf(path, sizeof(path), "sys/dev/%s/%u:%u", o->block ? "block" : "char", o->major, o->minor);
	return h->ops->readlink(h, -1, path, link, PATH_MAX) >= 0;
}

/* Before 6.12 what draws on the firmware's framebuffer hangs below a platform device. */
static ssize_t owner_of(struct uses *u, struct numbers *all, const char *link)
{
	ssize_t f = function_of_link(u->inv, link);

	if (f >= 0 || !strstr(link, "-framebuffer."))
		return f;
	if (!all->boot_known)
		all->boot = boot_display_of(u);
	all->boot_known = true;
	return all->boot;
}

static int look_up(struct uses *u, struct numbers *all, const struct opener *o, struct number *ret)
{
	char link[PATH_MAX], path[128], name[NAME_MAX + 1];

	*ret = (struct number){ .major = o->major, .minor = o->minor, .function = -1 };
	if (opener_link(u->h, o, link))
		ret->function = owner_of(u, all, link);
	if (ret->function < 0 || !uses_wants(u, (size_t)ret->function)) {
		ret->function = -1;
		return 0;
	}
	snprintf(path, sizeof(path), "sys/dev/char/%u:%u/subsystem", o->major, o->minor);
	if (host_link_name(u->h, -1, path, name, sizeof(name)) < 0)
		name[0] = '\0';
	ret->subsystem = arena_strdup(&u->inv->arena, name);
	return ret->subsystem ? 0 : -ENOMEM;
}

/* NULL: -ENOMEM. Most processes have the same few nodes open. */
static const struct number *number_of(struct uses *u, struct numbers *all, const struct opener *o)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].major == o->major && all->items[i].minor == o->minor)
			return &all->items[i];
	if (all->n == all->room) {
		size_t room = all->room ? all->room * 2 : 64;
		struct number *grown = reallocarray(all->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		all->items = grown;
		all->room = room;
	}
	if (look_up(u, all, o, &all->items[all->n]) < 0)
		return NULL;
	return &all->items[all->n++];
}

static int find_open(struct uses *u, struct open_nodes *ret)
{
	struct numbers all = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->procs->n_openers; i++) {
		const struct opener *o = &u->procs->openers[i];
		const struct number *n;

		if (!o->character)
			continue;
		n = number_of(u, &all, o);
		if (!n)
			r = -ENOMEM;
		else if (n->function >= 0)
			ret->items[ret->n++] = (struct open_node){ o, (size_t)n->function, n->subsystem };
	}
	free(all.items);
	return r;
}

int uses_open_nodes(struct uses *u, const struct open_nodes **ret)
{
	struct open_nodes *open = u->open;
	int r;

	if (!open) {
		open = arena_alloc(&u->inv->arena, sizeof(*open));
		if (open)
			open->items = arena_alloc(&u->inv->arena,
						  (u->procs->n_openers + 1) * sizeof(*open->items));
		r = open && open->items ? find_open(u, open) : -ENOMEM;
		if (r < 0)
			return r;
		u->open = open;
	}
	*ret = open;
	return 0;
}

/* ---- registers ---- */

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

/* By the number that sysfs and procfs give a file, whatever it is called: it is the same in each namespace. */
static const char *file_of_inode(struct host *h, const struct opener *o, const char *address)
{
	static const char *const names[] = { "config",	  "rom",	  "resource0",	  "resource1",	  "resource2",
					     "resource3", "resource4",	  "resource5",	  "resource0_wc", "resource1_wc",
					     "resource2_wc", "resource3_wc", "resource4_wc", "resource5_wc" };
	char path[OBSERVE_PATH_MAX];
	struct address a;
	uint64_t inode;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		device_path(path, address, names[i]);
		if (h->ops->incarnation(h, -1, path, &inode) == 0 && inode == o->inode)
			return names[i];
	}
	if (address_parse(address, &a) < 0)
		return NULL;
	snprintf(path, sizeof(path), a.domain ? "proc/bus/pci/%04x:%02x/%02x.%x" : "proc/bus/pci/%.0x%02x/%02x.%x", a.domain,
		 a.bus, a.slot, a.function);
	return h->ops->incarnation(h, -1, path, &inode) == 0 && inode == o->inode ? o->path : NULL;
}

bool opener_is_node(struct host *h, const struct opener *o, const char *node, const char *path)
{
	char sys[NAME_MAX + 32], text[32];
	unsigned major, minor;

	if (!o->character && processes_know_files(h))
		return false;
	snprintf(sys, sizeof(sys), "sys/class/%s/dev", node);
	if (host_read_text(h, -1, sys, text, sizeof(text)) > 0 && sscanf(text, "%9u:%9u", &major, &minor) == 2 &&
	    (o->character || processes_know_files(h)))
		return o->character && o->major == major && o->minor == minor;
	return !processes_know_files(h) && streq(o->path, path);
}

/* "510 vfio-dev" */
static bool is_line_of(const char *line, unsigned major, const char *name)
{
	size_t n = strcspn(name, "*");
	unsigned number;
	int end = 0;

	return sscanf(line, "%9u %n", &number, &end) == 1 && end && number == major &&
	       strncmp(line + end, name, n) == 0 && (name[n] || line[end + (int)n] == '\n');
}

bool opener_is_of(struct host *h, const struct opener *o, const char *name)
{
	const char *text, *line;
	bool found = false;
	size_t size;

	if (!o->character || h->ops->map(h, "proc/devices", &text, &size) < 0)
		return false;
	/* Block devices come behind, and have numbers of their own. */
	for (line = text; line && !found && !str_after(line, "Block"); line = strchr(line, '\n')) {
		line += *line == '\n';
		if (str_after(line, "Block"))
			break;
		found = is_line_of(line, o->major, name);
	}
	h->ops->unmap(h, text, size);
	return found;
}

const char *opener_registers(struct host *h, const struct opener *o, const char *address)
{
	const char *rest = str_after(o->path, "/proc/bus/pci/");
	char owner[ADDRESS_MAX];

	if (o->inode)
		return file_of_inode(h, o, address);

	if (o->block || o->character)
		return NULL;
	if (rest)
		return is_proc_file_of(rest, address) ? o->path : NULL;
	if (!str_after(o->path, "/sys/devices/") || !last_address(o->path, owner, &rest) ||
	    !streq(owner, address))
		return NULL;
	return str_after(rest, "resource") || streq(rest, "config") || streq(rest, "rom") ? rest : NULL;
}

/* Only what is known to be closed is. */
static bool is_still_open(struct uses *u, const struct opener *o)
{
	char path[64], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%d/fd/%d", o->process->pid, o->fd);
	n = u->h->ops->readlink(u->h, -1, path, link, sizeof(link));
	return n < 0 ? n != -ENOENT && n != -ESRCH : streq(host_clean_text(link), o->path);
}

/*
 * libvirt reads the registers of each function that appears, lspci those of all, and both are done at once: to name
 * them would refuse a change that succeeds a second later. Who drives a device keeps it. The time is for all files.
 */
static bool is_kept_open(struct uses *u, const struct opener *o)
{
	enum { PAUSES = 25 };

	if (!u->h->ops->pause)
		return true;
	for (; is_still_open(u, o); u->pauses++) {
		if (u->pauses == PAUSES)
			return true;
		u->h->ops->pause(u->h);
	}
	return false;
}

/* passed: NULL, or set when somebody was left out who has let go meanwhile. */
static int add_drivers_of_registers(struct uses *u, size_t function, const struct processes *procs, bool *passed)
{
	for (size_t i = 0; i < procs->n_openers; i++) {
		const struct opener *o = &procs->openers[i];
		const char *file = opener_registers(u->h, o, u->inv->functions[function].address);
		char who[128];
		int r;

		if (!file)
			continue;
		process_describe(o->process, who, sizeof(who));
		if (uses_has(u, function, NULL, who))
			continue;
		if (passed && !is_kept_open(u, o)) {
			*passed = true;
			continue;
		}
		r = uses_add(u, function, "in-use-open", who,
			     "has its file %s open and can drive it by itself", file);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Who has closed one file may have another, or have given it to a child: what counts is who has it now. */
static int look_at_registers(struct uses *u, size_t function)
{
	struct processes now;
	bool passed = false;
	int r = add_drivers_of_registers(u, function, u->procs, &passed);

	if (r < 0 || !passed)
		return r;
	r = processes_read(u->h, &u->inv->arena, &now);
	return r < 0 ? r : add_drivers_of_registers(u, function, &now, NULL);
}

/* What no other subject has said of the process. */
int uses_nodes(struct uses *u)
{
	const struct open_nodes *open;
	int r = uses_open_nodes(u, &open);

	for (size_t i = 0; r == 0 && i < open->n; i++) {
		char who[128];

		process_describe(open->items[i].opener->process, who, sizeof(who));
		if (!uses_has(u, open->items[i].function, NULL, who))
			r = uses_add_opener(u, open->items[i].function, "in-use-open", open->items[i].opener);
	}
	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++)
		if (uses_wants(u, i))
			r = look_at_registers(u, i);
	return r;
}
