/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdicts of a listing, first that applies. */
#include "inventory_builder.h"
#include "policy/check.h"

static void assert_verdict(struct vfioadm_inventory *inv, const char *address, const char *verdict,
			   const char *reason)
{
	const struct vfioadm_function *f;

	assert_int_equal(check_verdicts(inv), 0);
	f = vfioadm_inventory_find(inv, address);
	assert_non_null(f);
	assert_string_equal(vfioadm_verdict_name(f->verdict), verdict);
	if (reason) {
		assert_non_null(f->verdict_reason);
		assert_string_equal(f->verdict_reason, reason);
	} else {
		assert_null(f->verdict_reason);
	}
}

/* From the best to the worst: each new fact wins over those before it. */
static void test_order(void **state)
{
	static const struct vfioadm_user users[] = {{"net", "eth0", "is up", true},
						    {"net", "eth1", "is up", true}};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f, *other;

	build_bound(inv, "0000:01:00.0", 0x020000, 7, "e1000e");
	build_bound(inv, "0000:01:00.1", 0x020000, 7, NULL);
	build_finish(inv);
	f = &inv->functions[0];
	other = &inv->functions[1];
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	other->driver = str_known("e1000e");
	assert_verdict(inv, "0000:01:00.0", "needs-group",
		       "1 other function of IOMMU group 7 must come along (--group)");
	f->users = users;
	f->n_users = 2;
	assert_verdict(inv, "0000:01:00.0", "in-use", "eth0 is up");
	f->reserved_regions = build_list(inv, "0x0 0xffff msi,0x10000 0x1ffff direct");
	assert_verdict(inv, "0000:01:00.0", "not-assignable",
		       "the firmware reserves memory for it (direct region)");
	f->iommu_group = uint_none();
	assert_verdict(inv, "0000:01:00.0", "not-assignable", "it has no IOMMU group");
	inv->facts.iommu = uint_known(0);
	assert_verdict(inv, "0000:01:00.0", "not-assignable", "this host has no active IOMMU");
	f->bridge = true;
	assert_verdict(inv, "0000:01:00.0", "not-assignable", "VFIO takes no bridges");
	f->vfio = uint_known(1);
	f->verdict_reason = NULL;
	assert_verdict(inv, "0000:01:00.0", "assigned", NULL);
}

static void test_companions(void **state)
{
	static const char *const harmless[] = {"vfio-pci", "mlx5_vfio_pci", "pci-stub"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *second, *third;

	build_bound(inv, "0000:00:1c.0", 0x060400, 7, "pcieport");
	build_bound(inv, "0000:01:00.0", 0x020000, 7, NULL);
	build_bound(inv, "0000:01:00.1", 0x020000, 7, "e1000e");
	build_bound(inv, "0000:01:00.2", 0x020000, 7, "e1000e");
	build_finish(inv);
	second = inventory_get(inv, "0000:01:00.1");
	third = inventory_get(inv, "0000:01:00.2");
	assert_verdict(inv, "0000:01:00.0", "needs-group",
		       "2 other functions of IOMMU group 7 must come along (--group)");
	third->driver = str_none();
	assert_verdict(inv, "0000:01:00.0", "needs-group",
		       "1 other function of IOMMU group 7 must come along (--group)");
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++) {
		second->driver = str_known(harmless[i]);
		second->vfio = uint_known(driver_name_is_vfio(harmless[i]));
		assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	}
	/* The bridge itself never is, and never has to come along. */
	assert_verdict(inv, "0000:00:1c.0", "not-assignable", "VFIO takes no bridges");
}

/* What the kernel refuses no --group can help. */
static void test_bridge_in_the_way(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *bridge;

	build_bound(inv, "0000:00:1f.0", 0x060100, 11, "lpc_ich");
	build_bound(inv, "0000:00:1f.2", 0x010601, 11, "ahci");
	build_bound(inv, "0000:00:1f.3", 0x0c0500, 11, "i801_smbus");
	build_finish(inv);
	assert_verdict(inv, "0000:00:1f.2", "not-assignable",
		       "the bridge 0000:00:1f.0 of its IOMMU group is driven by the host (lpc_ich)");
	bridge = inventory_get(inv, "0000:00:1f.0");
	bridge->driver = str_none();
	assert_verdict(inv, "0000:00:1f.2", "needs-group",
		       "1 other function of IOMMU group 11 must come along (--group)");
	bridge->driver = str_known("pcieport");
	assert_verdict(inv, "0000:00:1f.2", "needs-group",
		       "1 other function of IOMMU group 11 must come along (--group)");
}

static void test_vmd(void **state)
{
	static const struct vfioadm_user users[] = {{"block", "nvme0n1p1", "mounted at /boot", true},
						    {"block", "nvme0n1p2", "mounted at /", false}};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:00:0e.0", 0x010400, 7, "vmd");
	build_bound(inv, "10000:e1:00.0", 0x010802, 7, "nvme");
	build_finish(inv);
	assert_verdict(inv, "10000:e1:00.0", "not-assignable",
		       "it is behind the VMD controller 0000:00:0e.0");
	/* It takes along what is behind it. */
	assert_verdict(inv, "0000:00:0e.0", "assignable", NULL);
	/* Of several users that one is named against which nothing can be done. */
	inv->functions[0].users = users;
	inv->functions[0].n_users = 2;
	assert_verdict(inv, "0000:00:0e.0", "in-use", "nvme0n1p2 mounted at /");
}

static void test_unknown(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f = build_bound(inv, "0000:01:00.0", 0x020000, 7, NULL);

	f->iommu_group = (struct vfioadm_uint){0};
	build_finish(inv);
	assert_verdict(inv, "0000:01:00.0", "unknown", NULL);
	inv->facts.groups_late = uint_known(1);
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	/* A harmless region alone takes nothing away. */
	f = &inv->functions[0];
	f->reserved_regions =
		build_list(inv, "0x0 0xffff direct-relaxable,0x10000 0x1ffff msi,direct");
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	/* It might be a bridge. */
	f->class_code = (struct vfioadm_uint){0};
	assert_verdict(inv, "0000:01:00.0", "unknown", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_companions),
		cmocka_unit_test(test_bridge_in_the_way),
		cmocka_unit_test(test_vmd),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
