/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which driver fits which function: pci_match_device(), new_id and remove_id. */
#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

#include "kernel.h"

void modalias_format(const struct pci_device *d, char buf[80])
{
	snprintf(buf, 80, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", d->vendor, d->device,
		 d->subvendor, d->subdevice, d->class_code >> 16 & 0xff, d->class_code >> 8 & 0xff,
		 d->class_code & 0xff);
}

static bool field(uint32_t want, uint32_t have)
{
	return want == PCI_ANY || want == have;
}

bool pci_id_match(const struct pci_id *id, const struct pci_device *d)
{
	return field(id->vendor, d->vendor) && field(id->device, d->device) &&
	       field(id->subvendor, d->subvendor) && field(id->subdevice, d->subdevice) &&
	       !((id->class_code ^ d->class_code) & id->class_mask);
}

static bool dynid_match(const struct pci_driver *drv, const struct pci_device *d)
{
	for (size_t i = 0; i < drv->n_dynids; i++)
		if (pci_id_match(&drv->dynids[i], d))
			return true;
	return false;
}

/*
 * pci_match_device(). Rows that want an override (override_only) need no table here: with the override
 * naming this driver everything matches, by the wildcard at the end.
 */
bool driver_match(const struct pci_driver *drv, const struct pci_device *d)
{
	char modalias[80];

	if (d->override)
		return streq(d->override, drv->name);
	if (dynid_match(drv, d))
		return true;
	modalias_format(d, modalias);
	STRV_FOREACH (i, &drv->rows)
		if (fnmatch(drv->rows.items[i], modalias, 0) == 0)
			return true;
	return false;
}

/* One "%lx" of the kernel's sscanf: leading white space, optional 0x. */
static bool scan_hex(const char **s, uint64_t *ret)
{
	const char *p = *s;
	char *end;

	while (isspace((unsigned char)*p))
		p++;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && isxdigit((unsigned char)p[2]))
		p += 2;
	if (!isxdigit((unsigned char)*p))
		return false;
	*ret = strtoull(p, &end, 16);
	*s = end;
	return true;
}

int pci_id_scan(const char *s, struct pci_id *ret, unsigned *ret_fields, uint64_t *ret_data)
{
	uint64_t v[7] = {0, 0, PCI_ANY, PCI_ANY, 0, 0, 0};
	unsigned n = 0;

	while (n < 7 && scan_hex(&s, &v[n]))
		n++;
	if (n < 2)
		return -EINVAL;
	*ret = (struct pci_id){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2],
			       (uint32_t)v[3], (uint32_t)v[4], (uint32_t)v[5]};
	*ret_fields = n;
	if (ret_data)
		*ret_data = v[6];
	return 0;
}

int dynid_add(struct pci_driver *drv, const struct pci_id *id)
{
	struct pci_id *grown = reallocarray(drv->dynids, drv->n_dynids + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	drv->dynids = grown;
	drv->dynids[drv->n_dynids++] = *id;
	return 0;
}

/* new_id_store(): the ID is tried as if it were a device, unless all seven fields are given. */
int new_id(struct kernel *k, struct pci_driver *drv, const char *s)
{
	struct pci_device like = {0};
	struct pci_id id;
	unsigned fields;
	uint64_t data;
	int r = pci_id_scan(s, &id, &fields, &data);

	if (r < 0)
		return r;
	if (fields != 7) {
		like.vendor = id.vendor;
		like.device = id.device;
		like.subvendor = id.subvendor;
		like.subdevice = id.subdevice;
		like.class_code = id.class_code;
		if (driver_match(drv, &like))
			return -EEXIST;
	}
	/* It must be in the driver's table; the rows that the model knows all carry 0. */
	if (data != 0)
		return -EINVAL;
	r = dynid_add(drv, &id);
	return r < 0 ? r : driver_attach(k, drv);
}

static bool removes(const struct pci_id *want, const struct pci_id *have)
{
	return want->vendor == have->vendor && want->device == have->device &&
	       field(want->subvendor, have->subvendor) && field(want->subdevice, have->subdevice) &&
	       !((want->class_code ^ have->class_code) & want->class_mask);
}

int remove_id(struct pci_driver *drv, const char *s)
{
	struct pci_id id;
	unsigned fields;
	int r = pci_id_scan(s, &id, &fields, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < drv->n_dynids; i++) {
		if (!removes(&id, &drv->dynids[i]))
			continue;
		drv->n_dynids--;
		memmove(drv->dynids + i, drv->dynids + i + 1,
			(drv->n_dynids - i) * sizeof(*drv->dynids));
		return 0;
	}
	return -ENODEV;
}
