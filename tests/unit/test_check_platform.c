/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a device can be given away at all: its header, its power, the denylist, the host. */
#include "check_request.h"

static void test_gone(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	struct vfioadm_function *f = &inv->functions[0];

	/* Nobody looked. */
	f->facets &= ~(unsigned)VFIOADM_FACET_DETAIL;
	f->header_type = uint_none();
	assert_check(inv, &assign, "");
	f->facets |= VFIOADM_FACET_DETAIL;
	assert_check(inv, &assign_refused,
		     "blocks gone 0000:01:00.0\n"
		     "  0000:01:00.0 does not answer: all bytes of its configuration space are ff. It "
		     "is gone, or it has no power.\n"
		     "  -> Look at the card and its slot; echo 1 > /sys/bus/pci/rescan finds it again.\n");
	/* A driver of the host would find nothing there. */
	f->driver = str_known("vfio-pci");
	f->vfio = uint_known(1);
	assert_check(inv, &release_refused,
		     "blocks gone 0000:01:00.0\n"
		     "  0000:01:00.0 does not answer: all bytes of its configuration space are ff. It "
		     "is gone, or it has no power.\n"
		     "  -> Power the slot or the host off and on. vfioadm release --park 0000:01:00.0 leaves it without "
		     "a driver.\n");
	assert_check(inv, &(struct request){VERB_RELEASE, "0000:01:00.0", .park = true}, "");
	f->driver = str_none();
	f->vfio = uint_known(0);
	/* Not root: unknown is not gone. */
	f->header_type = (struct vfioadm_uint){0};
	assert_check(inv, &assign, "");
	f->header_type = uint_known(0);
	assert_check(inv, &assign, "");
}

static void test_header(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x058000, NULL);
	struct request forced = assign_refused;
	static const char refused[] =
		"blocks header-type 0000:01:00.0\n"
		"  The configuration header of 0000:01:00.0 is of type 1, that of a bridge; VFIO takes "
		"endpoints only (type 0).\n"
		"  -> Assign the functions behind it.\n";

	inv->functions[0].header_type = uint_known(1);
	assert_check(inv, &assign_refused, refused);
	forced.force = "header-type";
	assert_check(inv, &forced, refused);
}

static void test_power(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x030200, NULL);

	inv->functions[0].power_state = str_known("D3hot");
	assert_check(inv, &assign, "");
	inv->functions[0].power_state = str_known("D3cold");
	assert_check(inv, &assign,
		     "warns power-off 0000:01:00.0\n"
		     "  0000:01:00.0 is without power now (D3cold).\n"
		     "  -> It is woken when a driver is bound.\n");
}

static void test_denylist(void **state)
{
	static const uint16_t listed[] = {0x0435, 0x0443, 0x19e2, 0x19e3, 0x37c8, 0x37c9, 0x0b25, 0x0cfe};
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x0b4000, "c6xx");
	struct vfioadm_function *f = &inv->functions[0];
	struct request r = assign_refused;

	f->vendor = uint_known(0x8086);
	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		f->device = uint_known(listed[i]);
		vfioadm_plan_free(run_check(inv, &assign_refused));
	}
	f->device = uint_known(0x37c8);
	assert_check(inv, &assign_refused,
		     "blocks denylisted 0000:01:00.0\n"
		     "  0000:01:00.0 (Intel QuickAssist C62x) is on the list of devices that vfio-pci "
		     "refuses, because a guest could harm the host with it.\n"
		     "  -> Where every guest is trusted: load vfio-pci with disable_denylist=1, for "
		     "example in /etc/modprobe.d.\n");
	vfioadm_plan_free(run_check(inv, &enable_refused));
	/* Another driver has another list. */
	r.refused = false;
	r.driver = "qat_vfio_pci";
	assert_check(inv, &r, "");
	f->vfio_driver = str_known("qat_vfio_pci");
	assert_check(inv, &assign, "");
	vfioadm_plan_free(run_check(inv, &enable_refused));
	f->vfio_driver = str_known("vfio-pci");
	vfioadm_plan_free(run_check(inv, &assign_refused));
	inv->facts.denylist_disabled = uint_known(0);
	vfioadm_plan_free(run_check(inv, &assign_refused));
	inv->facts.denylist_disabled = uint_known(1);
	assert_check(inv, &assign, "");
	inv->facts.denylist_disabled = uint_known(0);
	/* The same number of another vendor, and a newer chip. */
	f->vendor = uint_known(0x8087);
	assert_check(inv, &assign, "");
	f->vendor = uint_known(0x8086);
	f->device = uint_known(0x4940);
	assert_check(inv, &assign, "");
}

static void test_host(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	struct request r = assign_refused;

	inv->facts.iommu = uint_known(0);
	inv->iommu_advice = "Do this.";
	/* To who changes something it is an error of its own. */
	assert_check(inv, &assign, "");
	r.host = true;
	assert_check(inv, &r,
		     "blocks no-iommu 0000:01:00.0\n"
		     "  This host has no active IOMMU, and without one 0000:01:00.0 cannot be given to "
		     "a virtual machine.\n"
		     "  -> Do this.\n");
	inv->facts.iommu = uint_known(1);
	inv->facts.vfio_pci_available = uint_known(0);
	assert_check(inv, &r,
		     "blocks no-vfio-pci 0000:01:00.0\n"
		     "  The running kernel has no vfio-pci driver for 0000:01:00.0, neither built in "
		     "nor as a module.\n"
		     "  -> Install the package with the kernel's further modules; after a kernel "
		     "update, reboot.\n");
	r.refused = false;
	inv->functions[0].vfio_driver = str_known("mlx5_vfio_pci");
	assert_check(inv, &r, "");
	inv->functions[0].vfio_driver = str_known("vfio-pci");
	inv->facts.vfio_pci_available = (struct vfioadm_uint){0};
	assert_check(inv, &r, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gone),	 cmocka_unit_test(test_header), cmocka_unit_test(test_power),
		cmocka_unit_test(test_denylist), cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
