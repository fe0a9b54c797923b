/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_DRIVER_H
#define VFIOADM_POLICY_DRIVER_H

#include "model/inventory.h"

/*
 * Choice of drivers from the candidates that the DRIVERS facet found. Names in the candidates are module
 * names (mlx5_vfio_pci, vfio_pci); a choice is the driver's name in sysfs (mlx5_vfio_pci, vfio-pci).
 */

/** Sysfs name of the driver that a VFIO module registers: differs from the module for some. */
const char *driver_of_vfio_module(const char *module);

/**
 * The VFIO driver for a function: wanted when it is a name, else (NULL or "auto") the best variant by
 * vfio_pci: alias, else vfio-pci. Sets *ret_reason to one sentence (arena of inv). -ENOMEM.
 */
int driver_choose_vfio(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		       const char *wanted, const char **ret_driver, const char **ret_reason);

/** The best native driver, a module name, without a record: never a VFIO one; NULL: none is known. */
const char *driver_choose_native(const struct vfioadm_function *f);

#endif
