/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a function open through VFIO, and who has any of its nodes open. */
#include <limits.h>

#include "host/uses_private.h"

/* Minor numbers of cards; those behind are for control and modes. */
enum { NVIDIA_CARDS = 254 };

struct vfio_node {
	const char *path;
	bool numbered; /* sysfs has its number */
	unsigned major, minor;
};

struct vfio_nodes {
	struct vfio_node items[3]; /* group, group without an IOMMU, device */
	size_t n;
};

/* An open device without a name. From 6.18 the kernel tells which one. */
struct vfio_file {
	const struct opener *opener;
	char address[ADDRESS_MAX]; /* "": not told */
	bool explained;		   /* the process has a node open as well, which tells */
};

struct vfio {
	struct uses *u;
	struct vfio_file *files;
	size_t n_files;
	bool *on_vfio, *held; /* by function; held: a node of it is open */
};

/* A driver that no name gives away may register with VFIO all the same. */
static bool is_on_vfio(const struct uses *u, size_t function)
{
	const struct vfioadm_function *f = &u->inv->functions[function];
	char path[OBSERVE_PATH_MAX];

	if (uint_is(&f->vfio, 1) || f->driver.state != VFIOADM_KNOWN || !u->wanted[function])
		return uint_is(&f->vfio, 1);
	device_path(path, f->address, "vfio-dev");
	return host_exists(u->h, path);
}

/* ---- nodes ---- */

static int add_file(struct host *h, struct arena *arena, struct vfio_nodes *nodes, const char *sys,
		    const char *path)
{
	struct vfio_node *node = &nodes->items[nodes->n];
	char text[32];

	*node = (struct vfio_node){ .path = arena_strdup(arena, path) };
	if (!node->path)
		return -ENOMEM;
	node->numbered = host_read_text(h, -1, sys, text, sizeof(text)) > 0 &&
			 sscanf(text, "%9u:%9u", &node->major, &node->minor) == 2;
	nodes->n++;
	return 0;
}

static int add_group(struct host *h, struct arena *arena, const char *address, struct vfio_nodes *nodes)
{
	static const char *const prefixes[] = { "", "noiommu-" };
	char path[OBSERVE_PATH_MAX], name[32], node[96];
	uint64_t number;
	int r = 0;

	device_path(path, address, "iommu_group");
	if (host_link_name(h, -1, path, name, sizeof(name)) < 0 ||
	    str_to_u64(name, 10, INT_MAX, &number) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(prefixes); i++) {
		snprintf(path, sizeof(path), "sys/class/vfio/%s%s/dev", prefixes[i], name);
		snprintf(node, sizeof(node), "/dev/vfio/%s%s", prefixes[i], name);
		r = add_file(h, arena, nodes, path, node);
	}
	return r;
}

static int read_nodes(struct host *h, struct arena *arena, const char *address, struct vfio_nodes *ret)
{
	_cleanup_strv_ struct strv names = { 0 };
	char path[OBSERVE_PATH_MAX], node[NAME_MAX + 32];
	int r = add_group(h, arena, address, ret);

	device_path(path, address, "vfio-dev");
	if (r == 0)
		r = h->ops->list(h, -1, path, &names);
	if (r < 0 || !names.n)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev/%s/dev", address, names.items[0]);
	snprintf(node, sizeof(node), "/dev/vfio/devices/%s", names.items[0]);
	return add_file(h, arena, ret, path, node);
}

/*
 * By number, since a container may call the node otherwise, and anything else so; by name where only names are known, and
 * sysfs has no number.
 */
static bool has_node(struct host *h, const struct opener *o, const struct vfio_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		const struct vfio_node *n = &nodes->items[i];

		if (n->numbered ? o->character && o->major == n->major && o->minor == n->minor :
				  !processes_know_files(h) && streq(o->path, n->path))
			return true;
	}
	return false;
}

/* ---- devices without a name ---- */

static bool is_device_file(const struct opener *o)
{
	return streq(o->path, "anon_inode:[vfio-device]") || streq(o->path, "anon_inode:vfio-device");
}

/* "vfio-device-syspath: /sys/devices/pci0000:00/0000:00:04.0" */
static void read_device_file(struct host *h, struct vfio_file *f)
{
	char path[64], text[2048];
	const char *line;

	snprintf(path, sizeof(path), "proc/%d/fdinfo/%d", f->opener->process->pid, f->opener->fd);
	if (host_read_text(h, -1, path, text, sizeof(text)) <= 0)
		return;
	line = strstr(text, "vfio-device-syspath:");
	if (!line)
		return;
	text[(size_t)(line - text) + strcspn(line, "\n")] = '\0';
	if (!last_address(line, f->address, NULL))
		f->address[0] = '\0';
}

/* Of a group or a device; /dev/vfio/vfio is the container, which belongs to none. */
static bool is_vfio_node(struct host *h, const struct opener *o)
{
	char link[PATH_MAX];

	if (!processes_know_files(h))
		return str_after(o->path, "/dev/vfio/") && !streq(o->path, "/dev/vfio/vfio");
	return o->character && opener_link(h, o, link) && (strstr(link, "/vfio/") || strstr(link, "/vfio-dev/")) &&
	       !strstr(link, "/misc/");
}

static bool has_any_node(struct host *h, const struct processes *procs, const struct process *p)
{
	for (size_t i = 0; i < procs->n_openers; i++) {
		const struct opener *o = &procs->openers[i];

		if (o->process == p && is_vfio_node(h, o))
			return true;
	}
	return false;
}

static int read_device_files(struct host *h, const struct processes *procs, struct vfio_file **ret,
			     size_t *ret_n)
{
	struct vfio_file *files = calloc(procs->n_openers + 1, sizeof(*files));
	size_t n = 0;

	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < procs->n_openers; i++) {
		struct vfio_file *f = &files[n];

		if (!is_device_file(&procs->openers[i]))
			continue;
		f->opener = &procs->openers[i];
		read_device_file(h, f);
		f->explained = f->address[0] || has_any_node(h, procs, f->opener->process);
		n++;
	}
	*ret = files;
	*ret_n = n;
	return 0;
}

/* ---- guests ---- */

/* A comma in a name is doubled. */
static void take_name(const char *arg, char *name, size_t room)
{
	size_t n = 0;

	for (; *arg && n + 1 < room; arg++) {
		if (*arg == ',' && *++arg != ',')
			break;
		name[n++] = *arg;
	}
	name[n] = '\0';
}

/* The "guest=" that starts the value or follows a comma; else what stands first. */
static void name_of_option(const char *value, char *name, size_t room)
{
	for (const char *p = value; p && *p; p = strchr(p, ',')) {
		p += *p == ',';
		if (str_after(p, "guest=")) {
			take_name(str_after(p, "guest="), name, room);
			return;
		}
	}
	if (strchr(value, '=') && strcspn(value, "=") < strcspn(value, ","))
		name[0] = '\0';
	else
		take_name(value, name, room);
}

bool vfio_guest_name(const char *cmdline, size_t size, char *ret_name, size_t room)
{
	const char *end = cmdline + size, *next;
	bool is_value = false;

	for (const char *arg = cmdline; arg < end; arg = next) {
		size_t n = strnlen(arg, (size_t)(end - arg));

		next = arg + n + 1;
		if (is_value && arg + n < end) {
			name_of_option(arg, ret_name, room);
			host_clean_text(ret_name);
			return ret_name[0] != '\0';
		}
		is_value = n < (size_t)(end - arg) && (streq(arg, "-name") || streq(arg, "--name"));
	}
	return false;
}

/* Reading a command line waits for the process's memory map, so that is for the helper. */
static bool read_guest_name(struct host *h, const struct process *p, char *name, size_t room)
{
	char path[64], cmdline[4097];
	ssize_t n;

	if (!str_after(p->name, "qemu") && !str_after(p->name, "kvm"))
		return false;
	snprintf(path, sizeof(path), "proc/%d/cmdline", p->pid);
	n = h->ops->read_locked(h, path, cmdline, sizeof(cmdline));
	/* What did not fit stands behind the name. */
	if (n == -EFBIG)
		n = sizeof(cmdline) - 1;
	return n > 0 && vfio_guest_name(cmdline, (size_t)n, name, room);
}

/* ---- users ---- */

static int add_user(struct uses *u, size_t function, const struct opener *o, const char *how)
{
	char who[128], guest[64], tail[96] = "";

	process_describe(o->process, who, sizeof(who));
	if (uses_has(u, function, "in-use-vfio", who))
		return 0;
	if (read_guest_name(u->h, o->process, guest, sizeof(guest)))
		snprintf(tail, sizeof(tail), ", for the guest \"%s\"", guest);
	return uses_add(u, function, "in-use-vfio", who, "has %s open%s", how, tail);
}

static int add_node_openers(struct vfio *v, size_t function)
{
	const struct vfioadm_function *f = &v->u->inv->functions[function];
	struct vfio_nodes nodes = { 0 };
	int r = read_nodes(v->u->h, &v->u->inv->arena, f->address, &nodes);

	for (size_t i = 0; r == 0 && i < v->u->procs->n_openers; i++) {
		const struct opener *o = &v->u->procs->openers[i];

		if (!has_node(v->u->h, o, &nodes))
			continue;
		v->held[function] = true;
		if (v->u->wanted[function])
			r = add_user(v->u, function, o, o->path);
	}
	return r;
}

static int add_device_openers(struct vfio *v, size_t function)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_files; i++) {
		if (!streq(v->files[i].address, v->u->inv->functions[function].address))
			continue;
		v->held[function] = true;
		if (v->u->wanted[function])
			r = add_user(v->u, function, v->files[i].opener, "it");
	}
	return r;
}


/* Whoever opens a function through VFIO enables it first: "0" means that nobody has. */
static bool is_enabled(struct uses *u, size_t function)
{
	char path[OBSERVE_PATH_MAX];
	uint64_t count;

	device_path(path, u->inv->functions[function].address, "enable");
	return host_read_uint(u->h, -1, path, 10, &count) < 0 || count != 0;
}

static bool is_candidate(const struct vfio *v, size_t function)
{
	return v->on_vfio[function] && !v->held[function] && is_enabled(v->u, function);
}

/*
 * A process may have been handed an open device without any node, and an older kernel does not say which
 * one. It can only be one that nobody else holds; where that leaves one, it is that.
 */
static int add_unexplained(struct vfio *v, const struct opener *o)
{
	size_t candidates = 0;
	int r = 0;
	char who[128];

	for (size_t i = 0; i < v->u->inv->n_functions; i++)
		candidates += is_candidate(v, i);
	process_describe(o->process, who, sizeof(who));
	for (size_t i = 0; r == 0 && i < v->u->inv->n_functions; i++) {
		if (!v->u->wanted[i] || !is_candidate(v, i))
			continue;
		r = candidates == 1 ? add_user(v->u, i, o, "it") :
				      uses_add(v->u, i, "openers-unknown", who,
					       "has a device open through VFIO, and the kernel does not say "
					       "whether it is this one");
	}
	return r;
}

static int add_unknown_openers(struct vfio *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_files; i++)
		if (!v->files[i].explained)
			r = add_unexplained(v, v->files[i].opener);
	for (size_t i = 0; r == 0 && v->u->procs->unseen && i < v->u->inv->n_functions; i++)
		if (v->on_vfio[i] && v->u->wanted[i])
			r = uses_add(v->u, i, "openers-unknown", "another process",
				     "may have it open%s; not every one could be looked at: %s",
				     is_enabled(v->u, i) ? "" :
							   " (though no guest has it at this moment, since the "
							   "kernel has not enabled it)",
				     v->u->procs->unseen);
	return r;
}

static int search(struct vfio *v)
{
	int r = read_device_files(v->u->h, v->u->procs, &v->files, &v->n_files);

	/* Also for those that nobody wants: who holds one of them explains an open device. */
	for (size_t i = 0; r == 0 && i < v->u->inv->n_functions; i++) {
		if (!v->on_vfio[i] || (!v->u->wanted[i] && !v->n_files))
			continue;
		r = add_node_openers(v, i);
		if (r == 0)
			r = add_device_openers(v, i);
	}
	return r < 0 ? r : add_unknown_openers(v);
}

int uses_vfio(struct uses *u)
{
	struct vfio v = { .u = u,
			  .on_vfio = calloc(u->inv->n_functions + 1, sizeof(bool)),
			  .held = calloc(u->inv->n_functions + 1, sizeof(bool)) };
	int r = v.on_vfio && v.held ? 0 : -ENOMEM;
	bool any = false;

	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++) {
		v.on_vfio[i] = is_on_vfio(u, i);
		any |= v.on_vfio[i] && u->wanted[i];
	}
	if (any)
		r = search(&v);
	free(v.files);
	free(v.on_vfio);
	free(v.held);
	return r;
}

/* ---- for a step that hangs ---- */

struct holding {
	struct host *h;
	struct arena arena;
	struct processes procs;
	struct vfio_nodes vfio;
	struct vfio_file *files;
	size_t n_files;
	bool nvidia;
};

/* A disk with several paths hangs below its subsystem, which links the controllers. */
static bool is_head_of(struct host *h, const char *link, const char *address)
{
	static const char place[] = "/virtual/nvme-subsystem/";
	_cleanup_strv_ struct strv names = { 0 };
	const char *subsystem = strstr(link, place);
	char path[NAME_MAX * 2 + 64], controller[PATH_MAX], owner[ADDRESS_MAX];
	size_t n;

	if (!subsystem)
		return false;
	subsystem += strlen(place);
	n = (size_t)snprintf(path, sizeof(path), "sys/class/nvme-subsystem/%.*s",
			     (int)(strcspn(subsystem, "/") & 0xff), subsystem);
	if (h->ops->list(h, -1, path, &names) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		snprintf(path + n, sizeof(path) - n, "/%s", names.items[i]);
		if (h->ops->readlink(h, -1, path, controller, sizeof(controller)) >= 0 &&
		    last_address(controller, owner, NULL) && streq(owner, address))
			return true;
	}
	return false;
}

static bool has_node_below(struct host *h, const struct opener *o, const char *address)
{
	char link[PATH_MAX], owner[ADDRESS_MAX];

	if (!opener_link(h, o, link))
		return false;
	return last_address(link, owner, NULL) ? streq(owner, address) : is_head_of(h, link, address);
}

/* The device's own node goes before the driver starts to wait for those who have it open. */
static bool is_removed_device(struct host *h, const struct opener *o)
{
	if (processes_know_files(h) && !opener_is_of(h, o, "vfio-dev"))
		return false;
	return str_after(o->path, "/dev/vfio/devices/") && strstr(o->path, " (deleted)");
}

static bool is_nvidia_card(struct host *h, const struct opener *o)
{
	const char *rest = str_after(o->path, "/dev/nvidia");

	if (processes_know_files(h))
		return opener_is_of(h, o, "nvidia*") && o->minor < NVIDIA_CARDS;
	return rest && *rest >= '0' && *rest <= '9';
}

/* Without a word of the kernel it may be any device of VFIO, and so is suspected. */
static bool may_be_this(const struct holding *g, const struct vfio_file *f, const char *address)
{
	bool on_vfio = false;

	if (f->explained)
		return streq(f->address, address);
	for (size_t i = 0; i < g->vfio.n; i++)
		on_vfio |= g->vfio.items[i].numbered;
	return on_vfio;
}

static bool holds(struct holding *g, const struct opener *o, const char *address)
{
	for (size_t i = 0; i < g->n_files; i++)
		if (g->files[i].opener == o)
			return may_be_this(g, &g->files[i], address);
	return has_node(g->h, o, &g->vfio) || has_node_below(g->h, o, address) || opener_registers(g->h, o, address) ||
	       is_removed_device(g->h, o) || (g->nvidia && is_nvidia_card(g->h, o));
}

/* Each process once: what its file is called tells more than that it is some device of VFIO. */
static int add_holders(struct holding *g, const char *address, struct strv *ret)
{
	for (size_t i = 0, end; i < g->procs.n_openers; i = end) {
		const struct opener *o = NULL;
		char who[128];

		for (end = i; end < g->procs.n_openers && g->procs.openers[end].process == g->procs.openers[i].process; end++)
			if (holds(g, &g->procs.openers[end], address) && (!o || is_device_file(o)))
				o = &g->procs.openers[end];
		if (!o)
			continue;
		process_describe(o->process, who, sizeof(who));
		if (strv_take(ret, str_format("%s with %s open", who, is_device_file(o) ? "a VFIO device" : o->path)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int look_for_holders(struct holding *g, const char *address)
{
	char path[96];
	int r = processes_read(g->h, &g->arena, &g->procs);

	if (r == 0)
		r = read_nodes(g->h, &g->arena, address, &g->vfio);
	if (r == 0)
		r = read_device_files(g->h, &g->procs, &g->files, &g->n_files);
	snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s", address);
	g->nvidia = r == 0 && host_exists(g->h, path);
	return r;
}

int observe_holders(struct host *h, const char *address, struct strv *ret)
{
	struct holding g = { .h = h };
	_cleanup_strv_ struct strv found = { 0 };
	int r = look_for_holders(&g, address);

	if (r == 0)
		r = add_holders(&g, address, &found);
	free(g.files);
	arena_free(&g.arena);
	if (r < 0)
		return r;
	*ret = found;
	found = (struct strv){ 0 };
	return 0;
}
