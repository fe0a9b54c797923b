/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "policy/driver.h"

static void test_of_module(void **state)
{
	static const struct {
		const char *module, *driver;
	} cases[] = {
		{"vfio_pci", "vfio-pci"},
		{"vfio-pci", "vfio-pci"},
		{"xe_vfio_pci", "xe-vfio-pci"},
		{"xe-vfio-pci", "xe-vfio-pci"},
		{"mlx5_vfio_pci", "mlx5_vfio_pci"},
		{"mlx5-vfio-pci", "mlx5_vfio_pci"},
		{"hisi_acc_vfio_pci", "hisi_acc_vfio_pci"},
		{"pds_vfio_pci", "pds_vfio_pci"},
		{"nvgrace_gpu_vfio_pci", "nvgrace_gpu_vfio_pci"},
		{"virtio_vfio_pci", "virtio_vfio_pci"},
		{"qat_vfio_pci", "qat_vfio_pci"},
		{"ism_vfio_pci", "ism_vfio_pci"},
		/* One that we do not know is called as its module. */
		{"acme_vfio_pci", "acme_vfio_pci"},
		{"nvme", "nvme"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(driver_of_vfio_module(cases[i].module), cases[i].driver);
}

static void assert_choice(struct vfioadm_inventory *inv, const char *variants, const char *wanted,
			  const char *driver, const char *reason)
{
	struct vfioadm_function *f = inventory_get(inv, "0000:01:00.0");
	const char *got = NULL, *why = NULL;

	if (variants)
		f->vfio_variants = build_list(inv, variants);
	else
		f->vfio_variants = (struct vfioadm_list){0};
	assert_int_equal(driver_choose_vfio(inv, f, wanted, &got, &why), 0);
	assert_string_equal(got, driver);
	assert_string_equal(why, reason);
}

static void test_choose_vfio(void **state)
{
	static const char made[] =
		"mlx5_vfio_pci is made for this device (vfio_pci: alias in modules.alias).";
	static const char any[] = "vfio-pci serves any device, and no VFIO driver is made for this "
				  "one (no vfio_pci: alias in modules.alias).";
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_function(inv, "0000:01:00.0", 0x15b3, 0x101e, 0x020000);
	build_finish(inv);
	assert_choice(inv, "mlx5_vfio_pci", NULL, "mlx5_vfio_pci", made);
	assert_choice(inv, "mlx5_vfio_pci", "auto", "mlx5_vfio_pci", made);
	/* modules.alias lists vfio-pci's own row for every device. */
	assert_choice(inv, "vfio_pci,mlx5_vfio_pci", NULL, "mlx5_vfio_pci", made);
	assert_choice(inv, "mlx5_vfio_pci,vfio_pci", NULL, "mlx5_vfio_pci", made);
	assert_choice(inv, "xe_vfio_pci,mlx5_vfio_pci", NULL, "xe-vfio-pci",
		      "xe-vfio-pci is the best of the 2 VFIO drivers that are made for this device "
		      "(vfio_pci: aliases in modules.alias).");
	assert_choice(inv, "vfio_pci", NULL, "vfio-pci", any);
	assert_choice(inv, "vfio-pci", NULL, "vfio-pci", any);
	assert_choice(inv, "", NULL, "vfio-pci", any);
	assert_choice(
		inv, NULL, "auto", "vfio-pci",
		"vfio-pci serves any device; whether a driver is made for this one could not be "
		"looked up in modules.alias.");
	/* A name wins over what would be better, in the spelling that sysfs has. */
	assert_choice(inv, "mlx5_vfio_pci", "vfio-pci", "vfio-pci",
		      "vfio-pci was asked for by name.");
	assert_choice(inv, "mlx5_vfio_pci", "vfio_pci", "vfio-pci",
		      "vfio-pci was asked for by name.");
	assert_choice(inv, "", "mlx5-vfio-pci", "mlx5_vfio_pci",
		      "mlx5_vfio_pci was asked for by name.");
	assert_choice(inv, "", "acme", "acme", "acme was asked for by name.");
}

static void test_choice_outlives_caller(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	const char *driver, *reason;
	char name[] = "acme_vfio";

	build_function(inv, "0000:01:00.0", 1, 2, 0x020000);
	build_finish(inv);
	assert_int_equal(driver_choose_vfio(inv, &inv->functions[0], name, &driver, &reason), 0);
	memset(name, 'x', sizeof(name) - 1);
	assert_string_equal(driver, "acme_vfio");
	assert_string_equal(reason, "acme_vfio was asked for by name.");
}

static void test_choose_native(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f = build_function(inv, "0000:01:00.0", 1, 2, 0x020000);

	assert_null(driver_choose_native(f));
	f->host_drivers = build_list(inv, "mlx5_core,other");
	assert_string_equal(driver_choose_native(f), "mlx5_core");
	f->host_drivers = build_list(inv, "vfio_pci,mlx5_vfio_pci,nvme");
	assert_string_equal(driver_choose_native(f), "nvme");
	f->host_drivers = build_list(inv, "vfio_pci");
	assert_null(driver_choose_native(f));
	/* What could not be looked up is not used, whatever is left in the list. */
	f->host_drivers = build_list(inv, "nvme");
	f->host_drivers.state = VFIOADM_UNKNOWN;
	assert_null(driver_choose_native(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_module),
		cmocka_unit_test(test_choose_vfio),
		cmocka_unit_test(test_choice_outlives_caller),
		cmocka_unit_test(test_choose_native),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
