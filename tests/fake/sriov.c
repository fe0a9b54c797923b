/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual functions: sriov_numvfs makes and removes them. */
#include <string.h>

#include "kernel.h"
#include "model/address.h"

/* pci_device_can_probe(): VFs whose PF says so are bound by override only. */
bool vf_can_probe(struct kernel *k, const struct pci_device *d)
{
	_cleanup_free_ char *autoprobe = NULL;

	if (!d->physfn || d->override)
		return true;
	autoprobe = file_text(k, d->physfn->dir, "sriov_drivers_autoprobe");
	return !autoprobe || !streq(autoprobe, "0");
}

/* Address of VF i, from the PF's routing ID, offset and stride. */
static int vf_address(struct kernel *k, const struct pci_device *pf, unsigned i,
		      char ret[ADDRESS_MAX])
{
	uint32_t offset = 0, stride = 0, rid;
	struct address a;
	int r = address_parse(pf->address, &a);

	if (r < 0)
		return r;
	r = file_number(k, pf->dir, "sriov_offset", 10, &offset);
	if (r == 0)
		r = file_number(k, pf->dir, "sriov_stride", 10, &stride);
	if (r < 0)
		return r;
	rid = ((uint32_t)a.bus << 8 | (uint32_t)a.slot << 3 | a.function) + offset + i * stride;
	if (rid > 0xffff)
		return -ENOMEM;
	a.bus = (uint8_t)(rid >> 8);
	a.slot = rid >> 3 & 0x1f;
	a.function = rid & 7;
	address_format(&a, ret);
	return 0;
}

static int put_number(struct kernel *k, struct node *dir, const char *name, const char *fmt,
		      uint32_t v)
{
	char text[32];

	/* fmt is one of the literals below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), fmt, v);
#pragma GCC diagnostic pop
	return tree_file(&k->tree, dir, name, text, strlen(text)) ? 0 : -ENOMEM;
}

static int vf_files(struct kernel *k, const struct pci_device *pf, struct node *dir)
{
	uint32_t device = 0;
	int r = file_number(k, pf->dir, "sriov_vf_device", 16, &device);
	struct pci_device like = *pf;
	char modalias[82];

	if (r < 0)
		return r;
	like.device = device;
	modalias_format(&like, modalias);
	strcat(modalias, "\n");
	r = put_number(k, dir, "vendor", "0x%04x\n", pf->vendor);
	if (r == 0)
		r = put_number(k, dir, "device", "0x%04x\n", device);
	if (r == 0)
		r = put_number(k, dir, "subsystem_vendor", "0x%04x\n", pf->subvendor);
	if (r == 0)
		r = put_number(k, dir, "subsystem_device", "0x%04x\n", pf->subdevice);
	if (r == 0)
		r = put_number(k, dir, "class", "0x%06x\n", pf->class_code);
	if (r == 0)
		r = put_number(k, dir, "revision", "0x%02x\n", pf->revision);
	if (r == 0 && !tree_file(&k->tree, dir, "modalias", modalias, strlen(modalias)))
		r = -ENOMEM;
	return r;
}

static int vf_add(struct kernel *k, struct pci_device *pf, unsigned i)
{
	char address[ADDRESS_MAX], link[24];
	struct pci_device *vf;
	struct node *dir, *bus = tree_mkdir(&k->tree, NULL, "sys/bus/pci/devices");
	int r = vf_address(k, pf, i, address);

	if (r < 0)
		return r;
	dir = tree_mkdir(&k->tree, pf->dir->parent, address);
	if (!dir || !bus || !tree_link_to(&k->tree, bus, address, dir))
		return -ENOMEM;
	r = vf_files(k, pf, dir);
	if (r == 0)
		r = device_load(k, address, dir);
	if (r < 0)
		return r;
	vf = k->devices[k->n_devices - 1];
	vf->physfn = pf;
	snprintf(link, sizeof(link), "virtfn%u", i);
	if (!tree_link_to(&k->tree, pf->dir, link, dir) ||
	    !tree_link_to(&k->tree, dir, "physfn", pf->dir))
		return -ENOMEM;
	if (pf->group) {
		r = device_join(k, vf, lowest_free_group(k));
		if (r < 0)
			return r;
	}
	/* vfio_pci_bus_notifier(): VFs of a PF that a guest may control are not for the host's drivers. */
	if (pf->driver->vfio) {
		vf->override = strdup(pf->driver->name);
		r = vf->override ? device_attributes(k, vf) : -ENOMEM;
		if (r < 0)
			return r;
	}
	device_attach(k, vf);
	return 0;
}

static void vfs_remove(struct kernel *k, struct pci_device *pf)
{
	for (size_t i = k->n_devices; i-- > 0;)
		if (k->devices[i]->physfn == pf && !k->devices[i]->gone)
			device_vanish(k, k->devices[i]);
	pf->numvfs = 0;
}

static bool can_sriov(struct kernel *k, const struct pci_device *pf)
{
	_cleanup_free_ char *enabled = NULL;

	if (!pf->driver)
		return false;
	if (!pf->driver->vfio)
		return !pf->driver->managed_dma;
	enabled = file_text(k, NULL, "sys/module/vfio_pci/parameters/enable_sriov");
	return enabled && streq(enabled, "Y");
}

int numvfs_store(struct kernel *k, struct pci_device *pf, const char *s)
{
	_cleanup_free_ char *text = strdup(s);
	struct node *file = node_child(pf->dir, "sriov_numvfs");
	uint32_t total = 0;
	uint64_t n;
	int r;

	if (!text)
		return -ENOMEM;
	str_rstrip(text);
	if (str_to_u64(text, text[0] == '0' && text[1] == 'x' ? 16 : 10, 0xffff, &n) < 0)
		return -EINVAL;
	r = file_number(k, pf->dir, "sriov_totalvfs", 10, &total);
	if (r < 0)
		return r;
	if (n > total)
		return -ERANGE;
	if (device_wait(k, pf))
		return -ETIMEDOUT;
	if (n == pf->numvfs)
		return 0;
	if (!can_sriov(k, pf))
		return -ENOENT;
	if (n && pf->numvfs)
		return -EBUSY;
	if (n == 0)
		vfs_remove(k, pf);
	for (unsigned i = 0; r == 0 && i < n; i++)
		r = vf_add(k, pf, i);
	if (r < 0) {
		vfs_remove(k, pf);
		n = 0;
	}
	pf->numvfs = (unsigned)n;
	return r < 0 ? r : node_printf(file, "%u\n", pf->numvfs);
}
