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
	/* Not constant: weighing them fills in what their codes say. */
	struct vfioadm_user users[] = {{.what = "eth0", .why = "is up", .code = "in-use-net"},
				       {.what = "eth1", .why = "is up", .code = "in-use-net"}};
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
	f->users = build_users(inv, users, ARRAY_SIZE(users));
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
	struct vfioadm_user users[] = {
		{.what = "nvme0n1p1", .why = "mounted at /boot", .code = "in-use-mount"},
		{.what = "nvme0n1p2", .why = "mounted at /", .code = "root-filesystem"}};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:00:0e.0", 0x010400, 7, "vmd");
	build_bound(inv, "10000:e1:00.0", 0x010802, 7, "nvme");
	build_finish(inv);
	assert_verdict(inv, "10000:e1:00.0", "not-assignable",
		       "it is behind the VMD controller 0000:00:0e.0");
	/* It takes along what is behind it. */
	assert_verdict(inv, "0000:00:0e.0", "assignable", NULL);
	/* Of several users that one is named against which nothing can be done. */
	inv->functions[0].users = build_users(inv, users, ARRAY_SIZE(users));
	inv->functions[0].n_users = 2;
	assert_verdict(inv, "0000:00:0e.0", "in-use", "nvme0n1p2 mounted at /");
}

/* What only warns is no use; kind, severity and forceable come from the table. */
static void test_weights(void **state)
{
	struct vfioadm_user users[] = {{.what = "sda1", .why = "is in /etc/fstab", .code = "configured-mount"},
				       {.what = "eth0", .why = "is up", .code = "in-use-net"},
				       {.what = "x", .why = "is odd", .code = "no-such-code"},
				       {.what = "sda", .why = "is /", .code = "root-filesystem"}};
	static const struct vfioadm_user expected[] = {
		{.kind = "block", .severity = VFIOADM_WARNS},
		{.kind = "net", .severity = VFIOADM_REFUSES, .forceable = true},
		{.kind = "other", .severity = VFIOADM_REFUSES},
		{.kind = "block", .severity = VFIOADM_BLOCKS}};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f = build_bound(inv, "0000:01:00.0", 0x020000, 7, "e1000e");

	f->users = build_users(inv, users, ARRAY_SIZE(users));
	f->n_users = 1;
	build_finish(inv);
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	inv->functions[0].n_users = 3;
	assert_verdict(inv, "0000:01:00.0", "in-use", "eth0 is up");
	inv->functions[0].n_users = 4;
	assert_verdict(inv, "0000:01:00.0", "in-use", "sda is /");
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(users[i].kind, expected[i].kind);
		assert_int_equal(users[i].severity, expected[i].severity);
		assert_int_equal(users[i].forceable, expected[i].forceable);
	}
}

static void test_device(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;

	build_bound(inv, "0000:01:00.0", 0x0b4000, 7, NULL);
	build_finish(inv);
	f = &inv->functions[0];
	f->facets &= ~(unsigned)VFIOADM_FACET_DETAIL;
	f->header_type = uint_none();
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	f->facets |= VFIOADM_FACET_DETAIL;
	assert_verdict(inv, "0000:01:00.0", "not-assignable",
		       "it does not answer: it is gone, or has no power");
	f->header_type = uint_known(1);
	assert_verdict(inv, "0000:01:00.0", "not-assignable",
		       "its configuration header is not that of an endpoint");
	f->header_type = uint_known(0);
	f->vendor = uint_known(0x8086);
	f->device = uint_known(0x37c9);
	assert_verdict(inv, "0000:01:00.0", "not-assignable",
		       "it is on the list of devices that vfio-pci refuses (disable_denylist)");
	f->vfio_driver = str_known("qat_vfio_pci");
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
	f->vfio_driver = str_known("vfio-pci");
	inv->facts.denylist_disabled = uint_known(1);
	assert_verdict(inv, "0000:01:00.0", "assignable", NULL);
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
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
