/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fresh looks at one function, and ways from things of the host to the function that carries them. */
#include <limits.h>

#include "host/observe_private.h"

int observe_driver(struct host *h, const char *address, char *ret_driver, size_t size)
{
	char path[OBSERVE_PATH_MAX];
	ssize_t n;

	device_path(path, address, "driver");
	n = host_link_name(h, -1, path, ret_driver, size);
	if (n >= 0)
		return 0;
	if (n != -ENOENT)
		return (int)n;
	device_path(path, address, "vendor");
	if (!host_exists(h, path))
		return -ENODEV;
	ret_driver[0] = '\0';
	return 0;
}

int observe_override(struct host *h, const char *address, char *ret_override, size_t size)
{
	char path[OBSERVE_PATH_MAX];
	ssize_t n;

	device_path(path, address, "driver_override");
	n = h->ops->read_locked(h, path, ret_override, size);
	if (n == -ENOENT)
		return -ENODEV;
	if (n < 0)
		return (int)n;
	/* Blanks belong to the name; the kernel ends it with one newline. */
	if (n && ret_override[n - 1] == '\n')
		ret_override[n - 1] = '\0';
	if (streq(ret_override, "(null)"))
		ret_override[0] = '\0';
	return 0;
}

int observe_incarnation(struct host *h, const char *address, uint64_t *ret)
{
	char path[OBSERVE_PATH_MAX];
	int r;

	device_path(path, address, "");
	r = h->ops->incarnation(h, -1, path, ret);
	return r == -ENOENT ? -ENODEV : r;
}

static int add_node(struct host *h, const char *path, struct strv *ret)
{
	bool block;
	unsigned major, minor;

	if (h->ops->device_number(h, path, &block, &major, &minor) < 0 || block)
		return 0;
	return strv_add(ret, path);
}

int observe_vfio_nodes(struct host *h, const char *address, struct strv *ret)
{
	static const char *const prefixes[] = { "", "noiommu-" };
	_cleanup_strv_ struct strv names = { 0 };
	char path[OBSERVE_PATH_MAX], group[NAME_MAX + 1];
	int r;

	device_path(path, address, "iommu_group");
	if (host_link_name(h, -1, path, group, sizeof(group)) < 0)
		*group = '\0';
	for (size_t i = 0; *group && i < ARRAY_SIZE(prefixes); i++) {
		snprintf(path, sizeof(path), "dev/vfio/%s%s", prefixes[i], group);
		if (add_node(h, path, ret) < 0)
			return -ENOMEM;
	}
	device_path(path, address, "vfio-dev");
	r = h->ops->list(h, -1, path, &names);
	if (r == -ENOMEM)
		return r;
	STRV_FOREACH(i, &names) {
		snprintf(path, sizeof(path), "dev/vfio/devices/%s", names.items[i]);
		if (add_node(h, path, ret) < 0)
			return -ENOMEM;
	}
	return 0;
}

int observe_boot_id(struct host *h, char *buf, size_t size)
{
	ssize_t n = host_read_text(h, -1, "proc/sys/kernel/random/boot_id", buf, size);

	return n < 0 ? (int)n : 0;
}

/* ---- from things to functions ---- */

int observe_net_function(struct host *h, const char *interface, char ret_address[24])
{
	char path[NAME_MAX + 32], link[PATH_MAX];
	ssize_t n;

	if (!*interface || strlen(interface) > 64 || strchr(interface, '/') || interface[0] == '.')
		return -ENOENT;
	snprintf(path, sizeof(path), "sys/class/net/%s", interface);
	n = h->ops->readlink(h, -1, path, link, sizeof(link));
	if (n < 0)
		return n == -EINVAL ? -ENOENT : (int)n;
	return last_address(link, ret_address, NULL) ? 0 : -ENODEV;
}

/* "usb1/1-2/1-2:1.0/host6/…" is "usb 1-2", "ata1/host0/…" is "ata1", "host2/…" is "host2". */
static char *describe_way(const char *rest)
{
	const char *usb = NULL;
	size_t usb_len = 0;

	for (const char *p = rest; *p;) {
		size_t len = strcspn(p, "/");

		/* Ports of a USB path: "1-2", "1-2.4"; interfaces have a colon. */
		if (*p >= '0' && *p <= '9' && memchr(p, '-', len) && !memchr(p, ':', len)) {
			usb = p;
			usb_len = len;
		}
		p += len + (p[len] == '/');
	}
	if (usb && str_after(rest, "usb"))
		return str_format("usb %.*s", (int)usb_len, usb);
	if (str_after(rest, "ata") || str_after(rest, "host"))
		return str_format("%.*s", (int)strcspn(rest, "/"), rest);
	return NULL;
}

enum { LOOKS_MAX = 10000 };

struct way {
	char address[ADDRESS_MAX];
	char *via;
	unsigned n;     /* functions that were found */
	unsigned looks; /* a root may stack disks so that all ways through them have no end */
};

static int way_add(struct way *w, const char *link)
{
	char address[ADDRESS_MAX];
	const char *rest;

	if (!last_address(link, address, &rest))
		return 0;
	if (w->n && streq(w->address, address))
		return 0;
	if (w->n++ == 0) {
		memcpy(w->address, address, sizeof(address));
		free(w->via);
		w->via = describe_way(rest);
	}
	return 0;
}

static int follow_block(struct host *h, const char *link, struct way *w, unsigned depth);

/* Device mapper and md devices: down to what they are made of. */
static int follow_slaves(struct host *h, const char *disk, struct way *w, unsigned depth)
{
	_cleanup_strv_ struct strv names = {0};
	char path[NAME_MAX * 2 + 64], link[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "sys/class/block/%s/slaves", disk);
	r = h->ops->list(h, -1, path, &names);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		snprintf(path, sizeof(path), "sys/class/block/%s", names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) >= 0)
			r = follow_block(h, link, w, depth + 1);
	}
	return r;
}

/* An NVMe namespace with several paths hangs below its subsystem, which links its controllers. */
static int follow_subsystem(struct host *h, const char *subsystem, struct way *w)
{
	_cleanup_strv_ struct strv names = {0};
	char dir[NAME_MAX + 64], path[NAME_MAX * 2 + 80], link[PATH_MAX];
	int r;

	snprintf(dir, sizeof(dir), "sys/class/nvme-subsystem/%.*s", (int)strcspn(subsystem, "/"),
		 subsystem);
	r = h->ops->list(h, -1, dir, &names);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (str_after(names.items[i], "nvme") &&
		    h->ops->readlink(h, -1, path, link, sizeof(link)) >= 0)
			r = way_add(w, link);
	}
	return r;
}

/* A way to an NVMe disk has a hidden device of its own, "nvme0c1n2", that of the disk is "nvme0n2". */
static void name_of_disk(struct host *h, char *name)
{
	char path[NAME_MAX + 32];
	uint64_t hidden;
	char *way = strchr(name, 'c'), *disk = strrchr(name, 'n');

	snprintf(path, sizeof(path), "sys/class/block/%s/hidden", name);
	if (way && disk > way && host_read_uint(h, -1, path, 10, &hidden) == 0 && hidden)
		memmove(way, disk, strlen(disk) + 1);
}

int observe_disks(struct host *h, const char *address, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	int r = h->ops->list(h, -1, "sys/class/block", &names);

	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 32], link[PATH_MAX], own[ADDRESS_MAX], name[NAME_MAX + 1];
		const char *rest;

		snprintf(path, sizeof(path), "sys/class/block/%s", names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) < 0 ||
		    !last_address(link, own, &rest) || !streq(own, address))
			continue;
		snprintf(path, sizeof(path), "sys/class/block/%s/partition", names.items[i]);
		if (host_exists(h, path))
			continue;
		snprintf(name, sizeof(name), "%s", names.items[i]);
		name_of_disk(h, name);
		r = strv_add(ret, name);
	}
	return r;
}

static int follow_block(struct host *h, const char *link, struct way *w, unsigned depth)
{
	const char *below = strstr(link, "/virtual/block/"),
		   *head = strstr(link, "/virtual/nvme-subsystem/");
	char disk[NAME_MAX + 1];

	if (depth > 8 || ++w->looks > LOOKS_MAX)
		return -ELOOP;
	if (head)
		return follow_subsystem(h, head + strlen("/virtual/nvme-subsystem/"), w);
	if (!below)
		return way_add(w, link);
	below += strlen("/virtual/block/");
	snprintf(disk, sizeof(disk), "%.*s", (int)strcspn(below, "/"), below);
	return follow_slaves(h, disk, w, depth);
}

/* The link in sysfs of a device node, or of a disk's name where a captured root has no nodes. */
static int node_link(struct host *h, const char *path, char link[PATH_MAX])
{
	const char *name = str_after(path, "dev/");
	char sys[NAME_MAX + 32];
	unsigned major, minor;
	bool block;
	ssize_t n;
	int r = h->ops->device_number(h, path, &block, &major, &minor);

	if (r == 0) {
		snprintf(sys, sizeof(sys), "sys/dev/%s/%u:%u", block ? "block" : "char", major,
			 minor);
		n = h->ops->readlink(h, -1, sys, link, PATH_MAX);
		return n < 0 ? -ENODEV : 0;
	}
	if (h->live || !name || strchr(name, '/') || strlen(name) > 64)
		return r;
	snprintf(sys, sizeof(sys), "sys/class/block/%s", name);
	n = h->ops->readlink(h, -1, sys, link, PATH_MAX);
	return n < 0 ? r : 0;
}

int observe_node_function(struct host *h, const char *path, char ret_address[24], char **ret_via)
{
	char link[PATH_MAX];
	struct way w = {0};
	int r;

	path += strspn(path, "/");
	r = node_link(h, path, link);
	if (r == 0)
		r = follow_block(h, link, &w, 0);
	if (r == 0 && w.n != 1)
		r = w.n ? -ENOTUNIQ : -ENODEV;
	if (r < 0) {
		free(w.via);
		return r;
	}
	memcpy(ret_address, w.address, ADDRESS_MAX);
	if (ret_via)
		*ret_via = TAKE_PTR(w.via);
	free(w.via);
	return 0;
}
