/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "host/observe_private.h"

/* ---- link ---- */

static int read_speed(struct host *h, struct vfioadm_inventory *inv, host_dir dir, const char *name,
		      struct vfioadm_str *ret)
{
	int r = value_read_text(h, inv, dir, name, ret);

	/* "Unknown", or "Unknown speed" in older kernels: a virtual function, or no PCI Express link. */
	if (r == 0 && ret->state == VFIOADM_KNOWN && str_after(ret->value, "Unknown"))
		*ret = str_none();
	return r;
}

static void read_width(struct host *h, host_dir dir, const char *name, struct vfioadm_uint *ret)
{
	value_read_uint(h, dir, name, 10, ret);
	if (uint_is(ret, 0) || uint_is(ret, 255))
		*ret = uint_none();
}

static int read_link(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		     struct vfioadm_function *f)
{
	int r = read_speed(h, inv, dir, "current_link_speed", &f->link_speed);

	if (r == 0)
		r = read_speed(h, inv, dir, "max_link_speed", &f->link_speed_max);
	read_width(h, dir, "current_link_width", &f->link_width);
	read_width(h, dir, "max_link_width", &f->link_width_max);
	return r;
}

/* ---- BARs ---- */

/* Flags of the third column, from the kernel's ioport.h. */
enum { FLAG_IO = 0x100, FLAG_MEMORY = 0x200, FLAG_PREFETCH = 0x2000, FLAG_64BIT = 0x100000 };

static bool parse_bar(const char *line, unsigned index, struct vfioadm_bar *ret)
{
	unsigned long long start, end, flags;

	if (sscanf(line, "%llx %llx %llx", &start, &end, &flags) != 3)
		return false;
	if (!(flags & (FLAG_IO | FLAG_MEMORY)) || end < start || (!end && !start))
		return false;
	*ret = (struct vfioadm_bar){
		.index = index,
		.start = start,
		.size = end - start + 1,
		.io = flags & FLAG_IO,
		.prefetchable = flags & FLAG_PREFETCH,
		.is_64bit = flags & FLAG_64BIT,
	};
	return true;
}

static int read_bars(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		     struct vfioadm_function *f)
{
	enum { BARS = 7 };
	const struct vfioadm_bar **pointers;
	struct vfioadm_bar *bars;
	char text[4097], *rest, *line;

	if (host_read_text(h, dir, "resource", text, sizeof(text)) < 0)
		return 0;
	bars = arena_alloc(&inv->arena, BARS * sizeof(*bars));
	pointers = arena_alloc(&inv->arena, BARS * sizeof(*pointers));
	if (!bars || !pointers)
		return -ENOMEM;
	line = strtok_r(text, "\n", &rest);
	for (unsigned i = 0; line && i < BARS; i++, line = strtok_r(NULL, "\n", &rest))
		if (parse_bar(line, i, &bars[f->n_bars])) {
			pointers[f->n_bars] = &bars[f->n_bars];
			f->n_bars++;
		}
	f->bars = pointers;
	return 0;
}

/* ---- lists ---- */

static int split(struct vfioadm_inventory *inv, char *text, const char *separators,
		 struct vfioadm_list *ret)
{
	_cleanup_strv_ struct strv items = {0};
	char *rest;

	for (char *s = strtok_r(text, separators, &rest); s; s = strtok_r(NULL, separators, &rest))
		if (strv_add(&items, s) < 0)
			return -ENOMEM;
	return value_list(inv, ret, &items);
}

static int read_reset_methods(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
			      struct vfioadm_function *f)
{
	char text[512], target[16];
	ssize_t n = host_read_text(h, dir, "reset_method", text, sizeof(text));

	observe_resets_shown(h, inv);
	if (n >= 0)
		return split(inv, text, " ", &f->reset_methods);
	/* Kernels before 5.15 do not name the methods; "reset" says that there is one. */
	if (n == -ENOENT && h->ops->readlink(h, dir, "reset", target, sizeof(target)) == -ENOENT)
		f->reset_methods.state = VFIOADM_NONE;
	return 0;
}

static int read_group(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char path[128], text[4097];
	ssize_t n;

	if (f->iommu_group.state != VFIOADM_KNOWN) {
		f->reserved_regions.state = f->group_type.state = f->iommu_group.state;
		return 0;
	}
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%u/reserved_regions",
		 (unsigned)f->iommu_group.value);
	n = host_read_text(h, -1, path, text, sizeof(text));
	if (n >= 0 && split(inv, text, "\n", &f->reserved_regions) < 0)
		return -ENOMEM;
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%u/type",
		 (unsigned)f->iommu_group.value);
	return value_read_text(h, inv, -1, path, &f->group_type);
}

static int read_virtfns(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
			struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv names = {0}, addresses = {0};

	/* Only a physical function has them; this spares others the reading of their directory. */
	if (f->sriov_totalvfs.state == VFIOADM_NONE) {
		f->virtfns.state = VFIOADM_NONE;
		return 0;
	}
	if (h->ops->list(h, dir, ".", &names) < 0)
		return 0;
	strv_sort(&names);
	STRV_FOREACH (i, &names) {
		char address[NAME_MAX + 1];

		if (str_after(names.items[i], "virtfn") &&
		    host_link_name(h, dir, names.items[i], address, sizeof(address)) > 0 &&
		    strv_add(&addresses, address) < 0)
			return -ENOMEM;
	}
	return value_list(inv, &f->virtfns, &addresses);
}

/* ---- VFIO ---- */

static int read_vfio_node(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
			  struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv names = {0};
	char path[NAME_MAX + 32];
	int r = h->ops->list(h, dir, "vfio-dev", &names);

	if (r < 0) {
		f->vfio_node.state = r == -ENOENT ? VFIOADM_NONE : VFIOADM_UNKNOWN;
		return r == -ENOMEM ? r : 0;
	}
	/* A driver that no name gives away, but that registers with VFIO all the same. */
	if (f->driver.state == VFIOADM_KNOWN)
		f->vfio = uint_known(1);
	f->vfio_node = str_none();
	if (!names.n)
		return 0;
	strv_sort(&names);
	/* The class exists from 6.1 on, the node only where the kernel is built with VFIO device nodes. */
	snprintf(path, sizeof(path), "vfio-dev/%s/dev", names.items[0]);
	char number[32];

	if (host_read_text(h, dir, path, number, sizeof(number)) <= 0)
		return 0;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", names.items[0]);
	return value_text(inv, &f->vfio_node, path);
}

static int read_group_node(struct host *h, struct vfioadm_inventory *inv,
			   struct vfioadm_function *f)
{
	static const char *const names[] = {"", "noiommu-"};

	f->group_node = str_none();
	if (!uint_is(&f->vfio, 1) || f->iommu_group.state != VFIOADM_KNOWN)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];

		snprintf(path, sizeof(path), "sys/class/vfio/%s%u", names[i],
			 (unsigned)f->iommu_group.value);
		if (!host_exists(h, path))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/%s%u", names[i],
			 (unsigned)f->iommu_group.value);
		return value_text(inv, &f->group_node, path);
	}
	return 0;
}

/* ---- configuration header ---- */

/* Everybody may read the first 64 bytes. All ones answer for a device that is gone or has no power. */
struct vfioadm_uint observe_header_type(struct host *h, host_dir dir)
{
	enum { HEADER = 64, TYPE_AT = 0x0e, MULTI_FUNCTION = 0x80 };
	unsigned char header[HEADER + 1];
	size_t ones = 0;
	ssize_t n;

	n = h->ops->read(h, dir, "config", (char *)header, sizeof(header));
	/* The rest of it is of no interest. */
	if (n == -EFBIG)
		n = HEADER;
	if (n < HEADER)
		return (struct vfioadm_uint){0};
	while (ones < HEADER && header[ones] == 0xff)
		ones++;
	return ones == HEADER ? uint_none() : uint_known(header[TYPE_AT] & ~MULTI_FUNCTION);
}

int observe_detail(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char path[OBSERVE_PATH_MAX];
	host_dir dir;
	int r;

	device_path(path, f->address, "");
	dir = h->ops->dir_open(h, path);
	if (dir < 0)
		return 0;
	value_read_uint(h, dir, "boot_vga", 10, &f->boot_vga);
	value_read_uint(h, dir, "sriov_totalvfs", 10, &f->sriov_totalvfs);
	value_read_uint(h, dir, "sriov_drivers_autoprobe", 10, &f->sriov_drivers_autoprobe);
	r = read_link(h, inv, dir, f);
	if (r == 0)
		r = value_read_text(h, inv, dir, "power_state", &f->power_state);
	/* "unknown" until the function is first enabled; no file before 5.10. */
	if (f->power_state.state == VFIOADM_NONE || str_is(&f->power_state, "unknown"))
		f->power_state = (struct vfioadm_str){VFIOADM_UNKNOWN, NULL};
	/* Reading the configuration of a function in D3cold switches its power on. */
	if (!str_is(&f->power_state, "D3cold"))
		f->header_type = observe_header_type(h, dir);
	if (r == 0)
		r = observe_framebuffers(h, inv);
	if (r == 0)
		r = read_bars(h, inv, dir, f);
	if (r == 0)
		r = read_reset_methods(h, inv, dir, f);
	if (r == 0)
		r = read_virtfns(h, inv, dir, f);
	if (r == 0)
		r = read_vfio_node(h, inv, dir, f);
	h->ops->dir_close(h, dir);
	if (r == 0)
		r = read_group(h, inv, f);
	return r < 0 ? r : read_group_node(h, inv, f);
}

/* ---- LOCKED ---- */

static int read_override(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char name[4097];
	int r = observe_override(h, f->address, name, sizeof(name));

	if (r < 0)
		return r;
	return value_text(inv, &f->driver_override, name);
}

int observe_locked(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char path[OBSERVE_PATH_MAX], text[32];
	uint64_t n;
	ssize_t len;
	int r = read_override(h, inv, f);

	if (r == -ENOMEM)
		return r;
	if (r == -ETIMEDOUT)
		inv->complete = false;
	device_path(path, f->address, "sriov_numvfs");
	/* Most functions have no such file; that is seen without waiting for the lock. */
	if (!host_exists(h, path)) {
		f->sriov_numvfs = uint_none();
		return 0;
	}
	/* Behind a lock that was not given a moment ago there is no point in waiting once more. */
	len = r == -ETIMEDOUT ? r : h->ops->read_locked(h, path, text, sizeof(text));
	if (len > 0 && str_to_u64(str_rstrip(text), 10, UINT16_MAX, &n) == 0)
		f->sriov_numvfs = uint_known(n);
	else if (len == -ETIMEDOUT)
		inv->complete = false;
	return 0;
}
