/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/str.h"
#include "model/address.h"

struct vfioadm_inventory *build_inventory(void)
{
	struct vfioadm_inventory *inv = inventory_new();

	assert_non_null(inv);
	inv->facts = (struct host_facts){
		.machine = MACHINE_INTEL,
		.live = true,
		.kernel = "6.12.0",
		.root = uint_known(1),
		.iommu = uint_known(1),
		.groups_late = uint_known(0),
		.sys_writable = uint_known(1),
		.lockdown = uint_known(0),
		.vfio_pci_loaded = uint_known(1),
		.vfio_pci_available = uint_known(1),
		.noiommu = uint_known(0),
	};
	return inv;
}

static void all_none(struct vfioadm_function *f)
{
	struct vfioadm_uint *const numbers[] = {
		&f->vendor,
		&f->device,
		&f->subsystem_vendor,
		&f->subsystem_device,
		&f->class_code,
		&f->revision,
		&f->vfio,
		&f->iommu_group,
		&f->numa_node,
		&f->uid,
		&f->fid,
		&f->vf_index,
		&f->uid_is_unique,
		&f->pchid,
		&f->pfgid,
		&f->pft,
		&f->port,
		&f->vfn,
		&f->link_width,
		&f->link_width_max,
		&f->boot_vga,
		&f->sriov_totalvfs,
		&f->sriov_drivers_autoprobe,
		&f->sriov_numvfs,
	};
	struct vfioadm_str *const strings[] = {
		&f->driver,	    &f->physfn,		&f->vendor_name, &f->device_name,
		&f->subsystem_name, &f->class_name,	&f->path,	 &f->physical_slot,
		&f->serial,	    &f->nvme_serial,	&f->mac,	 &f->util_string,
		&f->link_speed,	    &f->link_speed_max, &f->power_state, &f->group_type,
		&f->vfio_node,	    &f->group_node,	&f->vfio_driver, &f->driver_override,
	};
	struct vfioadm_list *const lists[] = {
		&f->net,
		&f->block,
		&f->companions,
		&f->reset_methods,
		&f->reserved_regions,
		&f->virtfns,
		&f->host_drivers,
		&f->vfio_variants,
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		*numbers[i] = uint_none();
	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		*strings[i] = str_none();
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		lists[i]->state = VFIOADM_NONE;
}

struct vfioadm_function *build_function(struct vfioadm_inventory *inv, const char *address,
					uint32_t vendor, uint32_t device, uint32_t class_code)
{
	struct vfioadm_function *grown, *f;
	struct address a;

	assert_int_equal(address_parse(address, &a), 0);
	grown = reallocarray(inv->functions, inv->n_functions + 1, sizeof(*grown));
	assert_non_null(grown);
	inv->functions = grown;
	f = &grown[inv->n_functions++];
	memset(f, 0, sizeof(*f));
	all_none(f);
	f->facets = VFIOADM_FACET_BASIC | VFIOADM_FACET_NAMES | VFIOADM_FACET_IDENTITY |
		    VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS | VFIOADM_FACET_LOCKED;
	f->address = arena_strdup(&inv->arena, address);
	assert_non_null(f->address);
	f->domain = a.domain;
	f->bus = a.bus;
	f->slot = a.slot;
	f->function = a.function;
	f->vendor = uint_known(vendor);
	f->device = uint_known(device);
	f->class_code = uint_known(class_code);
	f->revision = uint_known(0);
	f->vfio = uint_known(0);
	f->bridge = class_code >> 8 == 0x0604;
	f->host_part = class_code >> 8 == 0x0600 || class_code >> 8 == 0x0601 ? VFIOADM_PART_SYSTEM :
		       class_code >> 8 == 0x0806			       ? VFIOADM_PART_IOMMU :
										 VFIOADM_PART_NONE;
	return f;
}

struct vfioadm_function *build_bound(struct vfioadm_inventory *inv, const char *address,
				     uint32_t class_code, unsigned group, const char *driver)
{
	struct vfioadm_function *f = build_function(inv, address, 0x1234, 0x5678, class_code);

	f->iommu_group = uint_known(group);
	if (driver) {
		f->driver = str_known(driver);
		f->vfio = uint_known(driver_name_is_vfio(driver));
	}
	return f;
}

void build_slot(struct vfioadm_inventory *inv, const char *name, uint64_t fid, uint64_t power)
{
	struct vfioadm_slot *grown =
		reallocarray(inv->slots, inv->n_slots + 1, sizeof(*inv->slots));

	assert_non_null(grown);
	inv->slots = grown;
	grown[inv->n_slots++] = (struct vfioadm_slot){name, uint_known(fid), uint_known(power)};
}

struct vfioadm_list build_list(struct vfioadm_inventory *inv, const char *items)
{
	const char **array = arena_alloc(&inv->arena, (strlen(items) + 1) * sizeof(*array));
	struct vfioadm_list list = {VFIOADM_NONE, 0, array};

	assert_non_null(array);
	while (*items) {
		size_t n = strcspn(items, ",");

		array[list.n] = arena_strndup(&inv->arena, items, n);
		assert_non_null(array[list.n]);
		list.n++;
		items += n + (items[n] == ',');
	}
	if (list.n)
		list.state = VFIOADM_KNOWN;
	return list;
}

void build_finish(struct vfioadm_inventory *inv)
{
	assert_int_equal(inventory_finish(inv), 0);
}

void assert_error(const struct vfioadm_error *err, enum vfioadm_code code, const char *message,
		  const char *hint)
{
	assert_non_null(err);
	assert_string_equal(vfioadm_error_message(err), message);
	assert_int_equal(vfioadm_error_code(err), code);
	if (hint) {
		assert_non_null(vfioadm_error_hint(err));
		assert_string_equal(vfioadm_error_hint(err), hint);
	} else {
		assert_null(vfioadm_error_hint(err));
	}
}

const struct vfioadm_user *const *build_users(struct vfioadm_inventory *inv, struct vfioadm_user *users, size_t n)
{
	const struct vfioadm_user **all = arena_alloc(&inv->arena, (n + 1) * sizeof(struct vfioadm_user *));

	assert_non_null(all);
	for (size_t i = 0; i < n; i++)
		all[i] = &users[i];
	return all;
}
