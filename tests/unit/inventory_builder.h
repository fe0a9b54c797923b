/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_INVENTORY_BUILDER_H
#define TESTS_UNIT_INVENTORY_BUILDER_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/inventory.h"

/*
 * Inventories by hand. Whatever a test does not set is known to be none, as on a host where everything
 * could be read; build_finish() sorts, so take pointers with inventory_get() after it.
 */

/** A live Intel host as root, with an IOMMU and vfio-pci loaded. */
struct vfioadm_inventory *build_inventory(void);
/** class_code has 24 bits; 06xxxx makes a bridge. The pointer holds until the next build_function(). */
struct vfioadm_function *build_function(struct vfioadm_inventory *inv, const char *address,
					uint32_t vendor, uint32_t device, uint32_t class_code);
/** A function in a group, bound to driver (NULL: none). */
struct vfioadm_function *build_bound(struct vfioadm_inventory *inv, const char *address,
				     uint32_t class_code, unsigned group, const char *driver);
void build_slot(struct vfioadm_inventory *inv, const char *name, uint64_t fid, uint64_t power);
/** "a,b" becomes two items, "" a list known to be empty. */
struct vfioadm_list build_list(struct vfioadm_inventory *inv, const char *items);
void build_finish(struct vfioadm_inventory *inv);

/** The error's message and hint are exactly these; NULL: there is none. */
void assert_error(const struct vfioadm_error *err, enum vfioadm_code code, const char *message,
		  const char *hint);

/** What struct vfioadm_function.users points to. */
const struct vfioadm_user *const *build_users(struct vfioadm_inventory *inv, struct vfioadm_user *users, size_t n);

#endif
