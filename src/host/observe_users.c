/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who uses the functions, as far as it is cheap for the whole host: one pass over each class directory,
 * whose links name the function that an interface or a disk hangs below.
 */
#include <limits.h>

#include "host/observe_private.h"

static struct owned *owned_add(struct owned_list *list, size_t function)
{
	struct owned *o;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 32;
		struct owned *grown = reallocarray(list->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		list->items = grown;
		list->room = room;
	}
	o = &list->items[list->n];
	*o = (struct owned){.function = function, .order = list->n};
	list->n++;
	return o;
}

/* Who loses what a function carries when it goes away: the VMD controller that it is behind; -1: none. */
static ssize_t also_carried_by(const struct users *u, size_t function)
{
	const struct vfioadm_function *vmd =
		inventory_vmd_of(u->inv, &u->inv->functions[function]);

	return vmd ? vmd - u->inv->functions : -1;
}

int users_add_name(struct users *u, struct owned_list *list, size_t function, const char *name)
{
	ssize_t controller = also_carried_by(u, function);
	struct owned *o = owned_add(list, function);
	char *copy = o ? arena_strdup(&u->inv->arena, name) : NULL;

	if (!copy)
		return -ENOMEM;
	o->name = host_clean_text(copy);
	return controller < 0 ? 0 : users_add_name(u, list, (size_t)controller, name);
}

int users_add(struct users *u, size_t function, const char *code, const char *what, const char *why)
{
	ssize_t controller = also_carried_by(u, function);
	struct owned *o = owned_add(&u->users, function);
	char *what_copy = arena_strdup(&u->inv->arena, what);
	char *why_copy = arena_strdup(&u->inv->arena, why);

	if (!o || !what_copy || !why_copy)
		return -ENOMEM;
	o->user = (struct vfioadm_user){.code = code,
					.what = host_clean_text(what_copy),
					.why = host_clean_text(why_copy)};
	if (controller < 0)
		return 0;
	return users_add(u, (size_t)controller, code, what, why);
}

/* ---- network ---- */

static int net_entry(struct users *u, host_dir dir, const char *name)
{
	char link[PATH_MAX], path[NAME_MAX + 16];
	uint64_t flags = 0;
	ssize_t f;
	int r;

	if (u->h->ops->readlink(u->h, dir, name, link, sizeof(link)) < 0)
		return 0;
	f = function_of_link(u->inv, link);
	if (f < 0)
		return 0;
	r = users_add_name(u, &u->net, (size_t)f, name);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/flags", name);
	if (host_read_uint(u->h, dir, path, 16, &flags) < 0) {
		u->inv->complete = false;
		return 0;
	}
	return flags & 1 ? users_add(u, (size_t)f, "in-use-net", name, "is up") : 0; /* IFF_UP */
}

static int observe_net(struct users *u)
{
	_cleanup_strv_ struct strv names = {0};
	int r = u->h->ops->list(u->h, -1, "sys/class/net", &names);
	host_dir dir;

	/* A kernel without networking has no such directory. */
	if (r == -ENOENT)
		return 0;
	dir = r < 0 ? r : u->h->ops->dir_open(u->h, "sys/class/net");
	if (dir < 0) {
		u->net.unknown = true;
		return r == -ENOMEM ? r : 0;
	}
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = net_entry(u, dir, names.items[i]);
	u->h->ops->dir_close(u->h, dir);
	return r;
}

/* ---- virtual functions ---- */

struct vf_count {
	const struct vfioadm_function *first;	/* of all */
	const struct vfioadm_function *carried; /* the first that has a driver */
	size_t n;
};

static void describe_vfs(const struct vf_count *c, char *why, size_t size)
{
	const struct vfioadm_function *f = c->carried ? c->carried : c->first;
	char driver[80] = "", more[64] = "";

	if (c->carried)
		snprintf(driver, sizeof(driver), ", bound to %.64s", f->driver.value);
	if (c->n > 1)
		snprintf(more, sizeof(more), "; %zu virtual functions are enabled", c->n);
	snprintf(why, size, "is its virtual function%s%s", driver, more);
}

static int observe_vfs(struct users *u)
{
	struct vfioadm_inventory *inv = u->inv;
	_cleanup_free_ struct vf_count *counts = calloc(inv->n_functions + 1, sizeof(*counts));

	if (!counts)
		return -ENOMEM;
	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];
		ssize_t pf;

		pf = f->physfn.state == VFIOADM_KNOWN ? inventory_index(inv, f->physfn.value) : -1;
		if (pf < 0 || pf == (ssize_t)i)
			continue;
		if (counts[pf].n++ == 0)
			counts[pf].first = f;
		if (!counts[pf].carried && f->driver.state == VFIOADM_KNOWN)
			counts[pf].carried = f;
	}
	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vf_count *c = &counts[i];
		char why[256];
		int r;

		if (!c->n)
			continue;
		describe_vfs(c, why, sizeof(why));
		/* vfio-pci refuses a function whose virtual functions are enabled: no force helps. */
		r = users_add(u, i, "in-use-vf", (c->carried ? c->carried : c->first)->address, why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- display ---- */

/* Framebuffers of the firmware hang below a platform device, in newer kernels below the function. */
static bool is_framebuffer_of(struct users *u, const char *link, size_t function)
{
	ssize_t f = function_of_link(u->inv, link);

	return f >= 0 ? (size_t)f == function : strstr(link, "-framebuffer.") != NULL;
}

static int boot_display(struct users *u, size_t function)
{
	_cleanup_strv_ struct strv names = {0};

	if (u->h->ops->list(u->h, -1, "sys/class/graphics", &names) < 0)
		return 0;
	strv_sort(&names);
	STRV_FOREACH (i, &names) {
		char path[NAME_MAX + 32], link[PATH_MAX];

		if (!str_after(names.items[i], "fb") || streq(names.items[i], "fbcon"))
			continue;
		snprintf(path, sizeof(path), "sys/class/graphics/%s", names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) >= 0 &&
		    is_framebuffer_of(u, link, function))
			return users_add(u, function, "in-use-display", names.items[i],
					 "is the framebuffer of the boot display");
	}
	return 0;
}

static int observe_display(struct users *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++) {
		struct vfioadm_function *f = &u->inv->functions[i];
		char path[OBSERVE_PATH_MAX];
		uint64_t boot = 0;

		if (f->class_code.state != VFIOADM_KNOWN || f->class_code.value >> 8 != 0x0300)
			continue;
		device_path(path, f->address, "boot_vga");
		if (host_read_uint(u->h, -1, path, 10, &boot) < 0 || boot != 1)
			continue;
		int r = boot_display(u, i);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- virtual GPUs ---- */

/*
 * A driver of the host may register a function with VFIO by itself. One whose name does not tell is a VFIO driver all
 * the same; on a virtual function it is the one that made a virtual GPU of it (nvidia from kernel 6.8 on).
 */
static int observe_served(struct users *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++) {
		struct vfioadm_function *f = &u->inv->functions[i];
		_cleanup_strv_ struct strv names = {0};
		char path[OBSERVE_PATH_MAX], why[NAME_MAX + 64];
		int r;

		if (f->driver.state != VFIOADM_KNOWN || !uint_is(&f->vfio, 0))
			continue;
		device_path(path, f->address, "vfio-dev");
		r = u->h->ops->list(u->h, -1, path, &names);
		if (r == -ENOMEM)
			return r;
		if (r < 0 || !names.n)
			continue;
		if (f->physfn.state != VFIOADM_KNOWN) {
			f->vfio = uint_known(1);
			continue;
		}
		strv_sort(&names);
		snprintf(why, sizeof(why), "is a virtual GPU, given to a guest by the driver %s", f->driver.value);
		r = users_add(u, i, "in-use-mdev", names.items[0], why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- to the inventory ---- */

static int compare_owned(const void *x, const void *y)
{
	const struct owned *a = x, *b = y;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Length of the run of one function that starts at i. */
static size_t run_length(const struct owned_list *list, size_t i)
{
	size_t n = 1;

	while (i + n < list->n && list->items[i + n].function == list->items[i].function)
		n++;
	return n;
}

static int store_names(struct vfioadm_inventory *inv, struct owned_list *list, size_t offset)
{
	for (size_t i = 0; i < inv->n_functions; i++) {
		struct vfioadm_list *field = (void *)((char *)&inv->functions[i] + offset);

		field->state = list->unknown ? VFIOADM_UNKNOWN : VFIOADM_NONE;
	}
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_owned);
	for (size_t i = 0, n; i < list->n; i += n) {
		struct vfioadm_function *f = &inv->functions[list->items[i].function];
		struct vfioadm_list *field = (void *)((char *)f + offset);
		const char **items;

		n = run_length(list, i);
		items = arena_alloc(&inv->arena, n * sizeof(*items));
		if (!items)
			return -ENOMEM;
		for (size_t k = 0; k < n; k++)
			items[k] = list->items[i + k].name;
		*field = (struct vfioadm_list){VFIOADM_KNOWN, n, items};
	}
	return 0;
}

static int store_users(struct vfioadm_inventory *inv, struct owned_list *list)
{
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_owned);
	for (size_t i = 0, n; i < list->n; i += n) {
		struct vfioadm_function *f = &inv->functions[list->items[i].function];
		const struct vfioadm_user **users;

		n = run_length(list, i);
		users = arena_alloc(&inv->arena, n * sizeof(struct vfioadm_user *));
		if (!users)
			return -ENOMEM;
		for (size_t k = 0; k < n; k++) {
			users[k] = arena_dup(&inv->arena, &list->items[i + k].user, sizeof(struct vfioadm_user));
			if (!users[k])
				return -ENOMEM;
		}
		f->users = users;
		f->n_users = n;
	}
	return 0;
}

int observe_users(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo)
{
	struct users u = {.h = h, .inv = inv, .mountinfo = mountinfo};
	int r = observe_net(&u);

	if (r == 0)
		r = observe_block(&u);
	if (r == 0)
		r = observe_vfs(&u);
	if (r == 0)
		r = observe_display(&u);
	if (r == 0)
		r = observe_served(&u);
	if (r == 0)
		r = store_names(inv, &u.net, offsetof(struct vfioadm_function, net));
	if (r == 0)
		r = store_names(inv, &u.block, offsetof(struct vfioadm_function, block));
	if (r == 0)
		r = store_users(inv, &u.users);
	if (r == 0 && u.unlinked)
		r = observe_unlinked(h, inv, mountinfo);
	if (u.net.unknown || u.block.unknown)
		inv->complete = false;
	free(u.net.items);
	free(u.block.items);
	free(u.users.items);
	return r;
}
