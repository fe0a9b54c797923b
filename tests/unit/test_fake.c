/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model of the kernel answers as the kernel contract says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake_root.h"

static void test_sysfs_rules(void **state)
{
	struct host *h = *state;
	char buf[16];

	assert_int_equal(put(h, "drivers/nvme/unbind", ""), 0);
	assert_string_equal(driver_of(h, TWIN0), "nvme");
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN0), -ENOENT);
	assert_int_equal(put(h, "devices/" TWIN0 "/vendor", "1"), -EACCES);
	assert_int_equal(put(h, "drivers", "1"), -EISDIR);
	assert_int_equal(h->ops->read(h, -1, "sys/bus/pci/drivers/nvme/bind", buf, sizeof(buf)),
			 -EACCES);
}

static void test_override_values(void **state)
{
	struct host *h = *state;
	char long_name[4097];
	char buf[64];

	assert_string_equal(override_of(h, TWIN0), "(null)");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "not loaded"), 0);
	assert_string_equal(override_of(h, TWIN0), "not loaded");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", ""), 0);
	assert_string_equal(override_of(h, TWIN0), "not loaded");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "one\ntwo"), 0);
	assert_int_equal(h->ops->read_locked(h, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					     buf, sizeof(buf)),
			 4);
	assert_string_equal(buf, "one\n");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "\n"), 0);
	assert_string_equal(override_of(h, TWIN0), "(null)");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "x"), 0);
	assert_int_equal(h->ops->write(h, NULL, "sys/bus/pci/devices/" TWIN0 "/driver_override", "", 1),
			 0);
	assert_string_equal(override_of(h, TWIN0), "(null)");
	memset(long_name, 'a', 4096);
	long_name[4095] = '\0';
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", long_name), -EINVAL);
	long_name[4094] = '\0';
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", long_name), 0);
}

static void test_unbind(void **state)
{
	struct host *h = *state;

	assert_int_equal(put(h, "drivers/nvme/unbind", "0000:77:00.0"), -ENODEV);
	assert_int_equal(put(h, "drivers/nvme/unbind", "01:00.0"), -ENODEV);
	assert_int_equal(put(h, "drivers/nvme/unbind", NIC), -ENODEV);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0 "\n"), 0);
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_false(host_exists(h, "sys/bus/pci/drivers/nvme/" TWIN0));
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ENODEV);
	/* Nothing takes it by itself. */
	load_vfio(h);
	assert_string_equal(driver_of(h, TWIN0), "");
}

static void test_bind_errors(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", "0000:77:00.0"), -ENODEV);
	/* No match: vfio-pci's one row wants an override. */
	assert_int_equal(put(h, "drivers/vfio-pci/bind", MULTI1), -ENODEV);
	assert_int_equal(put(h, "drivers/igb/bind", TWIN0), -ENODEV);
	/* Bound already, even to the same. */
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -EBUSY);
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN0), -EBUSY);
	/* An override that names another driver is no match. */
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -ENODEV);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "vfio-pci");
	assert_string_equal(driver_of(h, TWIN1), "nvme");
}

static void test_bind_probe_errors(void **state)
{
	struct host *h = *state;
	_cleanup_strv_ struct strv lines = {0};
	uint64_t position;

	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	control(h, "probe nvme " TWIN0 " EIO");
	assert_int_equal(h->ops->log_position(h, &position), 0);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -EIO);
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_int_equal(h->ops->log_lines(h, position, TWIN0, &lines), 0);
	assert_int_equal(lines.n, 1);
	assert_non_null(strstr(lines.items[0], "-5"));
	/* drivers_probe says success whatever happened. */
	assert_int_equal(put(h, "drivers_probe", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "");
	control(h, "probe nvme * defer");
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -EAGAIN);
	assert_int_equal(put(h, "drivers_probe", TWIN0), -EINVAL);
	control(h, "probe nvme * ok");
	assert_int_equal(put(h, "drivers_probe", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "nvme");
	assert_int_equal(put(h, "drivers_probe", TWIN0), 0);
	assert_int_equal(put(h, "drivers_probe", "0000:77:00.0"), -ENODEV);
}

static void test_vfio_refuses(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	assert_int_equal(put(h, "devices/" BARE "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", BARE), -EINVAL);
	assert_int_equal(put(h, "devices/" PORT "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/pcieport/unbind", PORT), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", PORT), -EINVAL);
	control(h, "deny 1af4:1044");
	assert_int_equal(put(h, "devices/" MULTI1 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", MULTI1), -EINVAL);
	assert_string_equal(driver_of(h, MULTI1), "");
	/* A PF with virtual functions. */
	assert_int_equal(put(h, "devices/" NIC "/sriov_numvfs", "1"), 0);
	assert_int_equal(put(h, "devices/" NIC "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/igb/unbind", NIC), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", NIC), -EBUSY);
	/* Without IOMMU only by the unsafe parameter. */
	control(h, "trait noiommu yes");
	assert_int_equal(put(h, "drivers/vfio-pci/bind", BARE), 0);
}

static void test_nodes(void **state)
{
	struct host *h = *state;
	char buf[64];

	load_vfio(h);
	assert_true(host_exists(h, "dev/vfio/vfio"));
	assert_false(host_exists(h, "dev/vfio/4"));
	to_vfio(h, MULTI0, "virtio-pci");
	assert_true(host_exists(h, "dev/vfio/4"));
	assert_true(host_exists(h, "sys/class/vfio/4"));
	assert_true(host_exists(h, "sys/bus/pci/devices/" MULTI0 "/vfio-dev/vfio0"));
	assert_false(host_exists(h, "dev/vfio/devices/vfio0"));
	control(h, "trait cdev yes");
	to_vfio(h, MULTI1, "");
	assert_true(host_exists(h, "dev/vfio/devices/vfio1"));
	assert_int_equal(put(h, "drivers/vfio-pci/unbind", MULTI0), 0);
	assert_true(host_exists(h, "dev/vfio/4"));
	assert_false(host_exists(h, "sys/class/vfio-dev/vfio0"));
	assert_int_equal(put(h, "drivers/vfio-pci/unbind", MULTI1), 0);
	assert_false(host_exists(h, "dev/vfio/4"));
	assert_false(host_exists(h, "dev/vfio/devices/vfio1"));
	assert_int_equal(host_link_name(h, -1, "sys/bus/pci/devices/" MULTI1 "/iommu_group", buf,
					sizeof(buf)),
			 1);
}

static void test_dma_ownership(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	to_vfio(h, MULTI1, "");
	/* virtio-pci owns the group too: a VFIO user is refused. */
	assert_int_equal(fake_control(h, "open " MULTI1), -EPERM);
	assert_int_equal(put(h, "drivers/virtio-pci/unbind", MULTI0), 0);
	assert_int_equal(fake_control(h, "open " MULTI1), 0);
	assert_int_equal(fake_control(h, "open " MULTI1), -EBUSY);
	/* VFIO owns the group: the native driver is refused, in two ways. */
	assert_int_equal(put(h, "drivers/virtio-pci/bind", MULTI0), -EBUSY);
	assert_int_equal(put(h, "drivers_probe", MULTI0), -EINVAL);
	assert_string_equal(driver_of(h, MULTI0), "");
	control(h, "close " MULTI1);
	assert_int_equal(put(h, "drivers/virtio-pci/bind", MULTI0), 0);
	assert_int_equal(fake_control(h, "open " TWIN0), -ENODEV);
}

static void test_crash_before_ownership(void **state)
{
	struct host *h = *state;

	control(h, "trait dma-owner no");
	load_vfio(h);
	assert_int_equal(put(h, "drivers/virtio-pci/unbind", MULTI0), 0);
	to_vfio(h, MULTI1, "");
	control(h, "open " MULTI1);
	assert_false(fake_crashed(h));
	put(h, "drivers/virtio-pci/bind", MULTI0);
	assert_true(fake_crashed(h));
	assert_int_equal(put(h, "drivers_probe", TWIN0), -EIO);
}

static void test_new_id(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36"), -EINVAL);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "zz 10"), -EINVAL);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 10 ffffffff ffffffff 0 0 5"),
			 -EINVAL);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	/* All unbound ones at once, bound ones not. */
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "0x1b36 0x0010 trailing junk"), 0);
	assert_string_equal(driver_of(h, TWIN1), "vfio-pci");
	assert_string_equal(driver_of(h, TWIN0), "nvme");
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010"), -EEXIST);
	/* The wildcard covers it. */
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010 1af4 1100"), -EEXIST);
	/* All seven fields skip that test. */
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010 ffffffff ffffffff 0 0 0"), 0);
	/* A native driver has its own IDs. */
	assert_int_equal(put(h, "drivers/igb/new_id", "8086 10c9"), -EEXIST);
	/* Freed later is not taken by itself. */
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "");
	/* The first driver that was registered gets it. */
	assert_int_equal(put(h, "drivers_probe", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "nvme");
}

static void test_remove_id(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1b36 0010"), -ENODEV);
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1b36"), -EINVAL);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010 1af4 1100 0 0"), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1b36 0010 1234 1100"), -ENODEV);
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1b36 0010"), 0);
	assert_string_equal(driver_of(h, TWIN1), "vfio-pci");
	assert_int_equal(put(h, "drivers/vfio-pci/remove_id", "1b36 0010"), -ENODEV);
	assert_int_equal(put(h, "drivers/vfio-pci/unbind", TWIN1), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN1), -ENODEV);
}

static void test_match_order(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	/* A dynamic ID does not win against an override. */
	assert_int_equal(put(h, "devices/" TWIN1 "/driver_override", "none"), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010"), 0);
	assert_string_equal(driver_of(h, TWIN1), "");
	assert_int_equal(put(h, "drivers_probe", TWIN1), 0);
	assert_string_equal(driver_of(h, TWIN1), "");
	/* A driver without any row for it takes what the override gives it. */
	assert_int_equal(put(h, "devices/" TWIN1 "/driver_override", "igb"), 0);
	assert_int_equal(put(h, "drivers_probe", TWIN1), 0);
	assert_string_equal(driver_of(h, TWIN1), "igb");
}

static void test_children(void **state)
{
	struct host *h = *state;
	char buf[64];

	assert_true(host_exists(h, "sys/class/block/nvme0n1/dev"));
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_false(host_exists(h, "sys/class/block/nvme0n1"));
	assert_false(host_exists(h, "sys/class/nvme/nvme0"));
	assert_false(host_exists(h, "sys/bus/pci/devices/" TWIN0 "/nvme"));
	/* The other twin comes first and gets the free number. */
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN1), 0);
	assert_true(host_exists(h, "sys/bus/pci/devices/" TWIN1 "/nvme/nvme0"));
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), 0);
	assert_int_equal(host_read_text(h, -1, "sys/class/nvme/nvme1/serial", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "SERIAL0");
	assert_true(host_exists(h, "sys/class/block/nvme1n1/dev"));
	assert_int_equal(put(h, "drivers/igb/unbind", NIC), 0);
	assert_int_equal(put(h, "drivers/igb/bind", NIC), 0);
	assert_true(host_exists(h, "sys/class/net/eth0/address"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(test_sysfs_rules), T(test_override_values),	T(test_unbind),
		T(test_bind_errors), T(test_bind_probe_errors), T(test_vfio_refuses),
		T(test_nodes),	     T(test_dma_ownership),	T(test_crash_before_ownership),
		T(test_new_id),	     T(test_remove_id),		T(test_match_order),
		T(test_children),
	};
	int failed = cmocka_run_group_tests_name("fake", tests, NULL, NULL);

	return failed + run_device_tests() + run_fault_tests() + run_claim_tests();
}
