/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What else stands on a network function: RDMA, vDPA, SMC, drivers on the auxiliary bus. */
#include <limits.h>
#include <string.h>

#include "host/uses_net.h"

/* Calls fn for each entry of a directory of links that leads to a function that is asked about. */
typedef int (*entry_fn)(struct uses *u, size_t function, const char *name, void *userdata);

static int each_entry(struct uses *u, const char *directory, entry_fn fn, void *userdata)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, directory, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "%s/%s", directory, names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0 && net_wanted(u, (size_t)f))
			r = fn(u, (size_t)f, names.items[i], userdata);
	}
	return r;
}

static bool read_number(struct uses *u, const char *path, unsigned *ret_major, unsigned *ret_minor)
{
	char text[32];

	return host_read_text(u->h, -1, path, text, sizeof(text)) > 0 &&
	       sscanf(text, "%9u:%9u", ret_major, ret_minor) == 2;
}

/* The next process from *i on that has this character device open. */
static const struct process *next_opener(struct uses *u, size_t *i, unsigned major, unsigned minor)
{
	while (*i < u->procs->n_openers) {
		const struct opener *o = &u->procs->openers[(*i)++];

		if (o->character && o->major == major && o->minor == minor)
			return o->process;
	}
	return NULL;
}

/* ---- RDMA ---- */

struct rdma_device {
	size_t function;
	char name[64];
};

struct rdma_devices {
	struct rdma_device items[256];
	size_t n;
};

static int add_rdma(struct uses *u, size_t function, const char *name, void *userdata)
{
	struct rdma_devices *all = userdata;

	if (all->n < ARRAY_SIZE(all->items) && strlen(name) < sizeof(all->items[0].name)) {
		all->items[all->n].function = function;
		strcpy(all->items[all->n++].name, name);
	}
	return 0;
}

/* RDMA in software hangs nowhere; it names the interface that it goes through. */
static int add_soft_rdma(struct uses *u, struct rdma_devices *all)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/class/infiniband", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	STRV_FOREACH (i, &names) {
		char path[NAME_MAX + 64], interface[64], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "sys/class/infiniband/%s/parent", names.items[i]);
		if (host_read_text(u->h, -1, path, interface, sizeof(interface)) <= 0 || strchr(interface, '/'))
			continue;
		snprintf(path, sizeof(path), "sys/class/net/%s", interface);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0 && net_wanted(u, (size_t)f))
			add_rdma(u, (size_t)f, names.items[i], all);
	}
	return 0;
}

static int openers_of_rdma(struct uses *u, const struct rdma_devices *all, const char *class, const char *node)
{
	char path[NAME_MAX + 64], device[64];
	unsigned major, minor;
	int r = 0;

	snprintf(path, sizeof(path), "sys/class/%s/%s/ibdev", class, node);
	if (host_read_text(u->h, -1, path, device, sizeof(device)) <= 0)
		return 0;
	snprintf(path, sizeof(path), "sys/class/%s/%s/dev", class, node);
	if (!read_number(u, path, &major, &minor))
		return 0;
	for (size_t i = 0; r == 0 && i < all->n; i++) {
		const struct process *p;

		if (!streq(all->items[i].name, device))
			continue;
		for (size_t k = 0; r == 0 && (p = next_opener(u, &k, major, minor));) {
			char who[128];

			process_describe(p, who, sizeof(who));
			r = uses_add(u, all->items[i].function, "in-use-rdma", who,
				     "has the RDMA device %s open (%s)", device, node);
		}
	}
	return r;
}

static int find_rdma(struct uses *u)
{
	/* Verbs, and management (a subnet manager). */
	static const char *const classes[] = { "infiniband_verbs", "infiniband_mad" };
	struct rdma_devices *all = calloc(1, sizeof(*all));
	int r = all ? each_entry(u, "sys/class/infiniband", add_rdma, all) : -ENOMEM;

	if (r == 0)
		r = add_soft_rdma(u, all);
	for (size_t i = 0; r == 0 && all->n && i < ARRAY_SIZE(classes); i++) {
		_cleanup_strv_ struct strv nodes = { 0 };
		char path[64];

		snprintf(path, sizeof(path), "sys/class/%s", classes[i]);
		if (u->h->ops->list(u->h, -1, path, &nodes) < 0)
			continue;
		strv_sort(&nodes);
		for (size_t k = 0; r == 0 && k < nodes.n; k++)
			r = openers_of_rdma(u, all, classes[i], nodes.items[k]);
	}
	free(all);
	return r;
}

/* ---- vDPA ---- */

/* "vhost-vdpa-0" in the device's directory is the node for virtual machines. */
static int openers_of_vdpa(struct uses *u, size_t function, const char *name, bool *ret_any)
{
	_cleanup_strv_ struct strv entries = { 0 };
	char path[NAME_MAX * 2 + 64];
	int r;

	snprintf(path, sizeof(path), "sys/bus/vdpa/devices/%s", name);
	r = u->h->ops->list(u->h, -1, path, &entries);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &entries) {
		const struct process *p;
		unsigned major, minor;

		if (!str_after(entries.items[i], "vhost-vdpa-"))
			continue;
		snprintf(path, sizeof(path), "sys/bus/vdpa/devices/%s/%s/dev", name, entries.items[i]);
		if (!read_number(u, path, &major, &minor))
			continue;
		for (size_t k = 0; (p = next_opener(u, &k, major, minor));) {
			char who[128];

			process_describe(p, who, sizeof(who));
			*ret_any = true;
			r = uses_add(u, function, "in-use-vdpa", who, "has the vDPA device %s open (%s)", name,
				     entries.items[i]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int vdpa_device(struct uses *u, size_t function, const char *name, void *userdata)
{
	char path[NAME_MAX + 64], driver[64] = "";
	bool opened = false;
	int r = openers_of_vdpa(u, function, name, &opened);

	(void)userdata;
	if (r < 0 || opened)
		return r;
	snprintf(path, sizeof(path), "sys/bus/vdpa/devices/%s/driver", name);
	if (host_link_name(u->h, -1, path, driver, sizeof(driver)) < 0)
		return uses_add(u, function, "in-use-vdpa", name, "is a vDPA device of it, without a driver");
	if (streq(driver, "virtio_vdpa"))
		return uses_add(u, function, "in-use-vdpa", name, "is a vDPA device of it that the host drives");
	return uses_add(u, function, "in-use-vdpa", name, "is a vDPA device of it, bound to %s", driver);
}

/* ---- the auxiliary bus ---- */

/* userdata: the names of the drivers, by index of the function. */
static int auxiliary_device(struct uses *u, size_t function, const char *name, void *userdata)
{
	struct strv *drivers = (struct strv *)userdata + function;
	char path[NAME_MAX + 64], driver[128];

	snprintf(path, sizeof(path), "sys/bus/auxiliary/devices/%s/driver", name);
	if (host_link_name(u->h, -1, path, driver, sizeof(driver)) < 0 || strv_has(drivers, driver))
		return 0;
	return strv_add(drivers, driver);
}

static int tell_auxiliary(struct uses *u, size_t function, const struct strv *drivers)
{
	_cleanup_strbuf_ struct strbuf names = { 0 };

	if (!drivers->n)
		return 0;
	STRV_FOREACH (i, drivers)
		strbuf_addf(&names, "%s%s", i ? ", " : "", drivers->items[i]);
	if (names.failed)
		return -ENOMEM;
	return uses_add(u, function, "auxiliary", names.s, "%s on its driver (auxiliary bus)",
			drivers->n > 1 ? "stand" : "stands");
}

static int find_auxiliary(struct uses *u)
{
	struct strv *drivers = calloc(u->inv->n_functions + 1, sizeof(*drivers));
	int r = drivers ? each_entry(u, "sys/bus/auxiliary/devices", auxiliary_device, drivers) : -ENOMEM;

	for (size_t i = 0; drivers && i < u->inv->n_functions; i++) {
		if (r == 0)
			r = tell_auxiliary(u, i, &drivers[i]);
		strv_clear(&drivers[i]);
	}
	free(drivers);
	return r;
}

/* ---- SMC ---- */

static int find_smc(struct uses *u)
{
	_cleanup_strv_ struct strv lines = { 0 };
	int r = u->h->ops->smc_devices ? u->h->ops->smc_devices(u->h, &lines) : -EOPNOTSUPP;

	if (r == -ETIMEDOUT)
		return uses_unseen(u, -1,
				   "Connections through SMC could not be looked at: the kernel did not answer in "
				   "time.");
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < lines.n; i++) {
		char address[64];
		unsigned uses;
		ssize_t f;

		if (sscanf(lines.items[i], "%63s %9u", address, &uses) != 2 || !uses)
			continue;
		f = inventory_index(u->inv, address);
		if (f >= 0 && net_wanted(u, (size_t)f))
			r = uses_add(u, (size_t)f, "in-use-smc", "SMC", "has %u link group%s through it", uses,
				     uses == 1 ? "" : "s");
	}
	return r;
}

int uses_offload(struct uses *u)
{
	/* Displays and others have auxiliary devices as well. */
	int r = find_auxiliary(u);

	if (r < 0 || !net_any(u))
		return r;
	r = find_rdma(u);
	if (r == 0)
		r = each_entry(u, "sys/bus/vdpa/devices", vdpa_device, NULL);
	return r < 0 ? r : find_smc(u);
}
