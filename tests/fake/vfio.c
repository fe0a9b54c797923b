/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VFIO's side: what vfio-pci refuses, the nodes it makes, and the users who open them. */
#include <string.h>

#include "kernel.h"

int vfio_classes(struct kernel *k)
{
	if (!tree_mkdir(&k->tree, NULL, "sys/class/vfio") ||
	    (k->traits.vfio_dev && !tree_mkdir(&k->tree, NULL, "sys/class/vfio-dev")) ||
	    !tree_device(&k->tree, "dev/vfio/vfio", NODE_CHAR, 10, 196))
		return -ENOMEM;
	return 0;
}

static int lowest_index(const struct kernel *k)
{
	for (int i = 0;; i++) {
		bool taken = false;

		for (size_t j = 0; j < k->n_devices; j++)
			taken |= k->devices[j]->vfio_index == i;
		if (!taken)
			return i;
	}
}

static int show_device(struct kernel *k, struct pci_device *d)
{
	_cleanup_free_ char *name = str_format("vfio-dev/vfio%d", d->vfio_index);
	_cleanup_free_ char *node = str_format("dev/vfio/devices/vfio%d", d->vfio_index);
	struct node *dir = name ? tree_mkdir(&k->tree, d->dir, name) : NULL;
	struct node *class = tree_mkdir(&k->tree, NULL, "sys/class/vfio-dev");

	if (!dir || !class || !node || !tree_link_to(&k->tree, class, dir->name, dir))
		return -ENOMEM;
	if (!k->traits.cdev)
		return 0;
	if (!tree_device(&k->tree, node, NODE_CHAR, 243, (unsigned)d->vfio_index))
		return -ENOMEM;
	node = (free(node), str_format("%s/dev", name));
	if (!node)
		return -ENOMEM;
	free(name);
	name = str_format("243:%d\n", d->vfio_index);
	return name && tree_file(&k->tree, d->dir, node, name, strlen(name)) ? 0 : -ENOMEM;
}

static int show_group(struct kernel *k, unsigned number)
{
	_cleanup_free_ char *dir = str_format("sys/devices/virtual/vfio/%u", number);
	_cleanup_free_ char *node = str_format("dev/vfio/%u", number);
	struct node *n = dir ? tree_mkdir(&k->tree, NULL, dir) : NULL;
	struct node *class = tree_mkdir(&k->tree, NULL, "sys/class/vfio");

	if (!n || !class || !node || !tree_link_to(&k->tree, class, n->name, n))
		return -ENOMEM;
	return tree_device(&k->tree, node, NODE_CHAR, 242, number) ? 0 : -ENOMEM;
}

/* vfio_pci_core_register_device() and what stands before it. */
int vfio_probe(struct kernel *k, struct pci_device *d)
{
	for (size_t i = 0; i < k->n_denied; i++)
		if (pci_id_match(&k->denied[i], d))
			return -EINVAL;
	if (d->header_type != 0)
		return -EINVAL;
	if (d->numvfs)
		return -EBUSY;
	/* enable_unsafe_noiommu_mode makes a group, numbered like any other. */
	if (!d->group && k->traits.noiommu && device_join(k, d, lowest_free_group(k)) < 0)
		return -ENOMEM;
	if (!d->group)
		return -EINVAL;
	d->vfio_index = lowest_index(k);
	if (k->traits.vfio_dev && show_device(k, d) < 0)
		return -ENOMEM;
	if (d->group->vfio_devices++ == 0 && show_group(k, d->group->number) < 0)
		return -ENOMEM;
	return 0;
}

int vfio_restore(struct kernel *k, struct pci_device *d)
{
	struct node *dir = node_child(d->dir, "vfio-dev");

	d->vfio_index = lowest_index(k);
	if (dir && dir->n)
		(void)!sscanf(dir->children[0]->name, "vfio%d", &d->vfio_index);
	if (d->group && d->group->vfio_devices++ == 0)
		return show_group(k, d->group->number);
	return 0;
}

void vfio_remove(struct kernel *k, struct pci_device *d)
{
	struct node *class = tree_lookup(&k->tree, NULL, "sys/class/vfio-dev", true);
	char path[64];

	if (d->vfio_index >= 0) {
		snprintf(path, sizeof(path), "vfio%d", d->vfio_index);
		if (class)
			tree_remove(&k->tree, node_child(class, path));
		snprintf(path, sizeof(path), "dev/vfio/devices/vfio%d", d->vfio_index);
		tree_remove(&k->tree, tree_lookup(&k->tree, NULL, path, false));
	}
	d->vfio_index = -1;
	tree_remove(&k->tree, node_child(d->dir, "vfio-dev"));
	if (!d->group || --d->group->vfio_devices)
		return;
	snprintf(path, sizeof(path), "sys/class/vfio/%u", d->group->number);
	tree_remove(&k->tree, tree_lookup(&k->tree, NULL, path, false));
	snprintf(path, sizeof(path), "sys/devices/virtual/vfio/%u", d->group->number);
	tree_remove(&k->tree, tree_lookup(&k->tree, NULL, path, false));
	snprintf(path, sizeof(path), "dev/vfio/%u", d->group->number);
	tree_remove(&k->tree, tree_lookup(&k->tree, NULL, path, false));
}

/* Opening the group and the device in it; errors as GROUP_SET_CONTAINER and the open give them. */
int vfio_open(struct kernel *k, struct pci_device *d)
{
	if (!d->driver || !d->driver->vfio || d->phase != IDLE)
		return -ENODEV;
	for (size_t i = 0; i < k->n_devices; i++) {
		const struct pci_device *other = k->devices[i];

		if (other->group == d->group && other->driver && !other->driver->managed_dma)
			return -EPERM;
	}
	if (d->vfio_users)
		return -EBUSY;
	d->vfio_users++;
	d->group->held++;
	return 0;
}

int vfio_close(struct kernel *k, struct pci_device *d)
{
	if (!d->vfio_users)
		return -EBADF;
	d->vfio_users--;
	d->group->held--;
	if (d->phase == REMOVING)
		device_unlock(k, d);
	return 0;
}
