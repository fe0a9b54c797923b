/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules and devices come and go in the model; what a captured root may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake_root.h"

static void test_vfs(void **state)
{
	struct host *h = *state;

	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "nine"), -EINVAL);
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "8"), -ERANGE);
	assert_int_equal(put(h, "devices/" NIC "/sriov_drivers_autoprobe", "0"), 0);
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "0x2"), 0);
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "2"), 0);
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "3"), -EBUSY);
	assert_true(host_exists(h, "sys/bus/pci/devices/0000:03:10.2/physfn/vendor"));
	assert_true(host_exists(h, "sys/bus/pci/devices/" NIC "/virtfn1/iommu_group"));
	/* The PF's autoprobe is off: only by override. */
	assert_int_equal(h->ops->load_module(h, "igbvf", NULL), 0);
	assert_string_equal(driver_of(h, "0000:03:10.0"), "");
	assert_int_equal(put(h, "drivers/igbvf/bind", "0000:03:10.0"), -ENODEV);
	load_vfio(h);
	to_vfio(h, "0000:03:10.0", "");
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "0"), 0);
	assert_false(host_exists(h, "sys/bus/pci/devices/0000:03:10.0"));
	/* What is made anew has no override. */
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "1"), 0);
	assert_string_equal(override_of(h, "0000:03:10.0"), "(null)");
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "0"), 0);
	assert_int_equal(put(h, "drivers/igb/unbind", NIC), 0);
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "1"), -ENOENT);
	to_vfio(h, NIC, "");
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "1"), -ENOENT);
}

static void test_remove_rescan(void **state)
{
	struct host *h = *state;
	uint64_t before, after;

	assert_int_equal(h->ops->incarnation(h, -1, "sys/bus/pci/devices/" TWIN1, &before), 0);
	assert_int_equal(put(h, "devices/" TWIN1 "/driver_override", "nvme"), 0);
	assert_int_equal(put(h, "devices/" TWIN1 "/remove", "1"), 0);
	assert_false(host_exists(h, "sys/bus/pci/devices/" TWIN1));
	assert_false(host_exists(h, "sys/kernel/iommu_groups/2"));
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), -ENODEV);
	assert_int_equal(put(h, "rescan", "1"), 0);
	assert_string_equal(driver_of(h, TWIN1), "nvme");
	assert_string_equal(override_of(h, TWIN1), "(null)");
	assert_int_equal(h->ops->incarnation(h, -1, "sys/bus/pci/devices/" TWIN1, &after), 0);
	assert_int_not_equal(before, after);
}

static void test_late_group(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	control(h, "group " BARE " 9");
	assert_false(host_exists(h, "sys/bus/pci/devices/" BARE "/iommu_group"));
	to_vfio(h, BARE, "");
	assert_true(host_exists(h, "sys/bus/pci/devices/" BARE "/iommu_group"));
	assert_true(host_exists(h, "dev/vfio/9"));
	assert_true(host_exists(h, "sys/kernel/iommu_groups/9/devices/" BARE "/vendor"));
}

static void test_held_directory(void **state)
{
	struct host *h = *state;
	host_dir dir = h->ops->dir_open(h, "sys/bus/pci/devices/" TWIN1);
	char buf[16];

	assert_true(dir >= 0);
	assert_int_equal(host_read_text(h, dir, "vendor", buf, sizeof(buf)), 6);
	control(h, "vanish " TWIN1);
	assert_int_equal(h->ops->read(h, dir, "vendor", buf, sizeof(buf)), -ENOENT);
	h->ops->dir_close(h, dir);
	assert_int_equal(fake_control(h, "vanish " TWIN1), -ENODEV);
	assert_int_equal(fake_control(h, "nonsense"), -EINVAL);
}

static void test_autoprobe_off(void **state)
{
	struct host *h = *state;

	assert_int_equal(put(h, "drivers_autoprobe", "0"), 0);
	assert_int_equal(h->ops->load_module(h, "e1000e", NULL), 0);
	assert_string_equal(driver_of(h, BARE), "");
	assert_int_equal(put(h, "drivers/e1000e/bind", BARE), 0);
	assert_string_equal(driver_of(h, BARE), "e1000e");
}

static void test_load_with_override(void **state)
{
	struct host *h = *state;

	/* Accepted for a driver that is not there; nobody binds until it comes. */
	assert_int_equal(put(h, "devices/" MULTI1 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers_probe", MULTI1), 0);
	assert_string_equal(driver_of(h, MULTI1), "");
	load_vfio(h);
	assert_string_equal(driver_of(h, MULTI1), "vfio-pci");
}

static void test_load_module(void **state)
{
	struct host *h = *state;

	assert_int_equal(h->ops->load_module(h, "no_such", NULL), -ENOENT);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(h->ops->load_module(h, "vfio_pci", "ids=1b36:0010,zz,8086:10c9"), 0);
	assert_string_equal(driver_of(h, TWIN1), "vfio-pci");
	assert_string_equal(driver_of(h, NIC), "igb");
	assert_true(host_exists(h, "sys/module/vfio_pci_core"));
	assert_true(host_exists(h, "sys/bus/pci/drivers/vfio-pci/module"));
	/* Loaded: the helper refuses options, the kernel ignores them. */
	assert_int_equal(h->ops->load_module(h, "vfio-pci", "ids=8086:10d3"), -EEXIST);
	assert_int_equal(h->ops->load_module(h, "vfio-pci", NULL), 0);
	assert_int_equal(fake_modprobe(h, "vfio-pci", "ids=1af4:1044"), 0);
	assert_string_equal(driver_of(h, MULTI1), "");
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1af4 1044"), 0);
	assert_int_equal(h->ops->load_module(h, "virtio_pci", NULL), 0);
	/* A native module takes what is free. */
	assert_string_equal(driver_of(h, BARE), "");
	assert_int_equal(h->ops->load_module(h, "e1000e", NULL), 0);
	assert_string_equal(driver_of(h, BARE), "e1000e");
	control(h, "module igbvf absent");
	assert_int_equal(h->ops->load_module(h, "igbvf", NULL), -ENOENT);
}

static void test_unload(void **state)
{
	struct host *h = *state;

	assert_int_equal(fake_unload(h, "no_such"), -ENOENT);
	assert_int_equal(fake_unload(h, "vfio_pci"), 0);
	load_vfio(h);
	to_vfio(h, TWIN0, "nvme");
	assert_int_equal(fake_unload(h, "vfio"), -EBUSY);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1234 5678"), 0);
	assert_int_equal(fake_unload(h, "vfio-pci"), 0);
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_string_equal(override_of(h, TWIN0), "vfio-pci");
	assert_false(host_exists(h, "sys/bus/pci/drivers/vfio-pci"));
	assert_false(host_exists(h, "sys/module/vfio_pci"));
	assert_false(host_exists(h, "dev/vfio/1"));
	/* The override waits for it; the ID went with the registration. */
	load_vfio(h);
	assert_string_equal(driver_of(h, TWIN0), "vfio-pci");
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1234 5678"), -ENODEV);
	/* Its user keeps it from going. */
	control(h, "open " TWIN0);
	assert_int_equal(fake_unload(h, "vfio-pci"), -ETIMEDOUT);
	assert_string_equal(driver_of(h, TWIN0), "vfio-pci");
}

static void test_archive(void **state)
{
	static const char *const wrong[] = {"q name",	"f",	      "\tno file", "x name 0g",
					    "c node 1", "f name \\q", "l name",	   "x name z"};
	struct host *h;
	char buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(fake_new_text(wrong[i], NULL, &h), -EINVAL);
	assert_int_equal(fake_new_text("d a\nf b\\x20c one\\ttwo\nF n end\nt lines\n\t1\n\t\n\t3\n"
				       "x bin 01ff z2 7f\nw secret\nl link b\\x20c\nc node 10:196\n"
				       "d .\nf top 1\n",
				       NULL, &h),
			 0);
	assert_int_equal(h->ops->read(h, -1, "a/b c", buf, sizeof(buf)), 8);
	assert_string_equal(buf, "one\ttwo\n");
	assert_int_equal(h->ops->read(h, -1, "a/link", buf, sizeof(buf)), 8);
	assert_int_equal(h->ops->read(h, -1, "a/n", buf, sizeof(buf)), 3);
	assert_int_equal(h->ops->read(h, -1, "a/lines", buf, sizeof(buf)), 5);
	assert_string_equal(buf, "1\n\n3\n");
	assert_int_equal(h->ops->read(h, -1, "a/bin", buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "\x01\xff\0\0\x7f", 5);
	assert_int_equal(h->ops->read(h, -1, "a/bin", buf, 5), -EFBIG);
	assert_int_equal(h->ops->read(h, -1, "a/secret", buf, sizeof(buf)), -EACCES);
	assert_int_equal(h->ops->read(h, -1, "top", buf, sizeof(buf)), 2);
	assert_int_equal(h->ops->readlink(h, -1, "a/n", buf, sizeof(buf)), -EINVAL);
	host_free(h);
}

int run_device_tests(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(test_load_module),   T(test_load_with_override),
		T(test_autoprobe_off), T(test_unload),
		T(test_vfs),	       T(test_remove_rescan),
		T(test_late_group),    T(test_held_directory),
		T(test_archive),
	};

	return cmocka_run_group_tests_name("fake-devices", tests, NULL, NULL);
}
