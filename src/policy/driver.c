/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "policy/driver.h"

/*
 * VFIO modules whose driver is known. modules.alias spells modules with '_'; most drivers are called like
 * their module (KBUILD_MODNAME), the first and the last are not.
 */
static const struct {
	const char *module, *driver;
} vfio_drivers[] = {
	{"vfio_pci", "vfio-pci"},
	{"mlx5_vfio_pci", "mlx5_vfio_pci"},
	{"hisi_acc_vfio_pci", "hisi_acc_vfio_pci"},
	{"pds_vfio_pci", "pds_vfio_pci"},
	{"nvgrace_gpu_vfio_pci", "nvgrace_gpu_vfio_pci"},
	{"virtio_vfio_pci", "virtio_vfio_pci"},
	{"qat_vfio_pci", "qat_vfio_pci"},
	{"ism_vfio_pci", "ism_vfio_pci"},
	{"xe_vfio_pci", "xe-vfio-pci"},
};

const char *driver_of_vfio_module(const char *module)
{
	for (size_t i = 0; i < ARRAY_SIZE(vfio_drivers); i++)
		if (driver_name_equal(vfio_drivers[i].module, module))
			return vfio_drivers[i].driver;
	return module;
}

/* vfio-pci's own catch-all alias may be among the candidates: it is no variant. */
static bool is_variant(const char *module)
{
	return !driver_name_equal(module, "vfio_pci");
}

/* The first and best variant, and how many there are. */
static const char *best_variant(const struct vfioadm_function *f, size_t *ret_n)
{
	const char *best = NULL;
	size_t n = 0;

	for (size_t i = 0; f->vfio_variants.state == VFIOADM_KNOWN && i < f->vfio_variants.n; i++) {
		if (!is_variant(f->vfio_variants.items[i]))
			continue;
		if (!n++)
			best = f->vfio_variants.items[i];
	}
	*ret_n = n;
	return best;
}

static int answer(struct vfioadm_inventory *inv, const char *driver, const char *reason,
		  const char **ret_driver, const char **ret_reason)
{
	/* The name may be the caller's own; what is chosen lives as long as the inventory. */
	driver = arena_strdup(&inv->arena, driver);
	if (!driver || !reason)
		return -ENOMEM;
	*ret_driver = driver;
	*ret_reason = reason;
	return 0;
}

int driver_choose_vfio(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		       const char *wanted, const char **ret_driver, const char **ret_reason)
{
	const char *driver, *reason, *module;
	size_t n;

	if (wanted && !streq(wanted, "auto")) {
		driver = driver_of_vfio_module(wanted);
		reason = arena_format(&inv->arena, "%s was asked for by name.", driver);
		return answer(inv, driver, reason, ret_driver, ret_reason);
	}
	module = best_variant(f, &n);
	if (module) {
		driver = driver_of_vfio_module(module);
		reason =
			n == 1 ? arena_format(&inv->arena,
					      "%s is made for this device (vfio_pci: alias in "
					      "modules.alias).",
					      driver)
			       : arena_format(
					 &inv->arena,
					 "%s is the best of the %zu VFIO drivers that are made for "
					 "this device (vfio_pci: aliases in modules.alias).",
					 driver, n);
	} else if (f->vfio_variants.state == VFIOADM_UNKNOWN) {
		driver = "vfio-pci";
		reason = "vfio-pci serves any device; whether a driver is made for this one could "
			 "not "
			 "be looked up in modules.alias.";
	} else {
		driver = "vfio-pci";
		reason = "vfio-pci serves any device, and no VFIO driver is made for this one "
			 "(no vfio_pci: alias in modules.alias).";
	}
	return answer(inv, driver, reason, ret_driver, ret_reason);
}

const char *driver_choose_native(const struct vfioadm_function *f)
{
	for (size_t i = 0; f->host_drivers.state == VFIOADM_KNOWN && i < f->host_drivers.n; i++)
		if (!driver_name_is_vfio(f->host_drivers.items[i]))
			return f->host_drivers.items[i];
	return NULL;
}
