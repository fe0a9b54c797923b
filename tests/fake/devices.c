/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions and IOMMU groups as objects, and their coming and going. */
#include <stddef.h>
#include <string.h>

#include "kernel.h"
#include "model/address.h"

static int read_ids(struct kernel *k, struct pci_device *d)
{
	static const struct {
		const char *name;
		size_t offset;
	} files[] = {
		{"vendor", offsetof(struct pci_device, vendor)},
		{"device", offsetof(struct pci_device, device)},
		{"subsystem_vendor", offsetof(struct pci_device, subvendor)},
		{"subsystem_device", offsetof(struct pci_device, subdevice)},
		{"class", offsetof(struct pci_device, class_code)},
		{"revision", offsetof(struct pci_device, revision)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		uint32_t *value = (uint32_t *)((char *)d + files[i].offset);

		if (file_number(k, d->dir, files[i].name, 16, value) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

/* From config space where captured, else bridges by class. */
static uint8_t header_type(const struct pci_device *d)
{
	const struct node *config = node_child(d->dir, "config");

	if (config && config->size > 0x0e)
		return (uint8_t)config->data[0x0e] & 0x7f;
	return d->class_code >> 8 == 0x0604 ? 1 : 0;
}

static int load_override(struct kernel *k, struct pci_device *d)
{
	char *s = file_text(k, d->dir, "driver_override");

	if (s && !streq(s, "(null)") && *s)
		d->override = s;
	else
		free(s);
	return 0;
}

int device_attributes(struct kernel *k, struct pci_device *d)
{
	static const struct {
		const char *name;
		enum attribute attribute;
		bool make;
	} files[] = {
		{"driver_override", ATTR_DRIVER_OVERRIDE, true},
		{"remove", ATTR_REMOVE, true},
		{"sriov_numvfs", ATTR_NUMVFS, false},
		{"sriov_drivers_autoprobe", ATTR_AUTOPROBE_VFS, false},
		{"d3cold_allowed", ATTR_PLAIN, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct node *n = node_child(d->dir, files[i].name);

		if (!n && files[i].make)
			n = tree_file(&k->tree, d->dir, files[i].name, "", 0);
		if (!n && files[i].make)
			return -ENOMEM;
		if (!n)
			continue;
		n->attribute = files[i].attribute;
		n->owner = d;
		if (n->attribute == ATTR_REMOVE)
			n->write_only = true;
		if (n->attribute == ATTR_DRIVER_OVERRIDE &&
		    node_printf(n, "%s\n", d->override ? d->override : "(null)") < 0)
			return -ENOMEM;
	}
	return 0;
}

unsigned lowest_free_group(struct kernel *k)
{
	for (unsigned n = 0;; n++) {
		struct iommu_group *g = kernel_group(k, n, false);

		if (!g || !g->dir)
			return n;
	}
}

int device_join(struct kernel *k, struct pci_device *d, unsigned number)
{
	struct iommu_group *g = kernel_group(k, number, true);
	_cleanup_free_ char *path = str_format("sys/kernel/iommu_groups/%u/devices", number);
	struct node *devices;

	if (!g || !path)
		return -ENOMEM;
	devices = tree_mkdir(&k->tree, NULL, path);
	if (!devices)
		return -ENOMEM;
	g->dir = devices->parent;
	if (!node_child(g->dir, "type") && !tree_file(&k->tree, g->dir, "type", "DMA-FQ\n", 7))
		return -ENOMEM;
	if (!node_child(g->dir, "reserved_regions") &&
	    !tree_file(&k->tree, g->dir, "reserved_regions", "", 0))
		return -ENOMEM;
	d->group = g;
	d->late_group = -1;
	return tree_link_to(&k->tree, devices, d->address, d->dir) &&
			       tree_link_to(&k->tree, d->dir, "iommu_group", g->dir)
		       ? 0
		       : -ENOMEM;
}

static void leave_group(struct kernel *k, struct pci_device *d)
{
	struct iommu_group *g = d->group;
	struct node *devices = g && g->dir ? node_child(g->dir, "devices") : NULL;

	d->group = NULL;
	if (!devices)
		return;
	tree_remove(&k->tree, node_child(devices, d->address));
	if (devices->n == 0) {
		tree_remove(&k->tree, g->dir);
		g->dir = NULL;
	}
}

static int load_group(struct kernel *k, struct pci_device *d)
{
	struct node *dir = tree_lookup(&k->tree, d->dir, "iommu_group", true);
	uint64_t number;

	if (!dir)
		return 0;
	if (str_to_u64(dir->name, 10, 1 << 20, &number) < 0)
		return -EINVAL;
	d->group = kernel_group(k, (unsigned)number, true);
	if (!d->group)
		return -ENOMEM;
	d->group->dir = dir;
	return 0;
}

static int load_numvfs(struct kernel *k, struct pci_device *d)
{
	uint32_t n = 0;
	int r = file_number(k, d->dir, "sriov_numvfs", 10, &n);

	d->numvfs = n;
	return r == -ENOMEM ? r : 0;
}

int device_load(struct kernel *k, const char *address, struct node *dir)
{
	struct pci_device **slot = array_add(&k->devices, &k->n_devices, sizeof(*slot)), *d;
	struct address a;
	int r;

	if (!slot)
		return -ENOMEM;
	d = *slot = calloc(1, sizeof(*d));
	if (!d) {
		k->n_devices--;
		return -ENOMEM;
	}
	d->dir = dir;
	d->late_group = -1;
	d->vfio_index = -1;
	if (address_parse(address, &a) < 0 || strlen(address) >= sizeof(d->address))
		return -EINVAL;
	strcpy(d->address, address);
	r = read_ids(k, d);
	if (r < 0)
		return r;
	d->header_type = header_type(d);
	r = load_override(k, d);
	if (r == 0)
		r = load_group(k, d);
	if (r == 0)
		r = load_numvfs(k, d);
	return r < 0 ? r : device_attributes(k, d);
}

void device_free(struct pci_device *d)
{
	while (d->waiters) {
		struct work *w = d->waiters;

		d->waiters = w->next;
		work_free(w);
	}
	free(d->override);
	free(d);
}

static void drop_virtfn_links(struct kernel *k, struct pci_device *vf)
{
	struct node *dir = vf->physfn->dir;

	for (size_t i = dir->n; i-- > 0;) {
		struct node *n = dir->children[i];

		if (n->type == NODE_LINK && str_after(n->name, "virtfn") &&
		    tree_lookup(&k->tree, dir, n->name, true) == vf->dir)
			tree_remove(&k->tree, n);
	}
}

/* pci_stop_and_remove_bus_device() from where the driver is gone: files, links, group. */
static void take_away(struct kernel *k, struct pci_device *d)
{
	struct node *bus = tree_lookup(&k->tree, NULL, "sys/bus/pci/devices", true);

	if (bus)
		tree_remove(&k->tree, node_child(bus, d->address));
	if (d->physfn)
		drop_virtfn_links(k, d);
	leave_group(k, d);
	children_clear(k, d);
	/* Where bus_rescan() puts it back. */
	d->dir->owner = d->dir->parent;
	tree_remove(&k->tree, d->dir);
	free(d->override);
	d->override = NULL;
	d->gone = true;
}

static bool lies_below(const struct pci_device *d, const struct pci_device *bridge)
{
	return d != bridge && !d->gone && node_is_below(d->dir, bridge->dir);
}

void device_vanish(struct kernel *k, struct pci_device *d)
{
	if (d->gone)
		return;
	for (size_t i = k->n_devices; i-- > 0;)
		if (lies_below(k->devices[i], d) ||
		    (!k->devices[i]->gone && k->devices[i]->physfn == d))
			device_vanish(k, k->devices[i]);
	d->phase = IDLE;
	device_force_detach(k, d);
	take_away(k, d);
	/* Those who waited for its lock find it gone. */
	device_unlock(k, d);
}

/* The sysfs file: waits for drivers, VFIO's user among them, like an unbind. */
int device_remove(struct kernel *k, struct pci_device *d)
{
	if (device_wait(k, d))
		return -ETIMEDOUT;
	if (d->driver) {
		int r = driver_detach(k, d);

		if (r < 0) {
			device_wait(k, d);
			return r;
		}
	}
	device_vanish(k, d);
	return 0;
}

/*
 * Finds again what was removed: the same function, another object. The override is lost, the number of
 * the group may be another; drivers get their chance.
 */
static int rediscover(struct kernel *k, struct pci_device *d)
{
	struct node *bus = tree_mkdir(&k->tree, NULL, "sys/bus/pci/devices");
	struct node *parent = NULL, **prev;
	int r;

	/* Its directory waits in the graveyard. */
	for (prev = &k->tree.graveyard; *prev && *prev != d->dir; prev = &(*prev)->next_dead)
		;
	if (!*prev || !bus)
		return -ENOENT;
	parent = d->dir->owner;
	if (!parent || parent->dead)
		return -ENOENT;
	*prev = d->dir->next_dead;
	d->dir->next_dead = NULL;
	r = node_attach(&k->tree, parent, d->dir);
	if (r < 0)
		return r;
	tree_remove(&k->tree, node_child(d->dir, "iommu_group"));
	d->gone = false;
	if (!tree_link_to(&k->tree, bus, d->address, d->dir))
		return -ENOMEM;
	r = device_join(k, d, lowest_free_group(k));
	if (r == 0)
		r = device_attributes(k, d);
	if (r == 0 && k->oom)
		r = -ENOMEM;
	if (r == 0)
		device_attach(k, d);
	return r;
}

int bus_rescan(struct kernel *k)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		struct pci_device *d = k->devices[i];
		int r;

		/* VFs come back with their PF's sriov_numvfs only. */
		if (!d->gone || d->physfn)
			continue;
		r = rediscover(k, d);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}
