/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the model does on demand: fail, lie, hang, vanish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake_root.h"

static int override_text(struct host *h, const char *address)
{
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/driver_override", address);
	char buf[64];

	return (int)h->ops->read_locked(h, path, buf, sizeof(buf));
}

static void test_fail_and_lie(void **state)
{
	struct host *h = *state;

	control(h, "fault fail EPERM nth 2");
	control(h, "fault lie match write *unbind " TWIN1);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_string_equal(driver_of(h, TWIN1), "nvme");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -EPERM);
	assert_string_equal(driver_of(h, TWIN0), "nvme");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_int_equal(fake_operations(h), 3);
	fake_faults_clear(h);
	control(h, "fault fail-done EINTR");
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -EINTR);
	assert_string_equal(driver_of(h, TWIN0), "nvme");
	assert_int_equal(fake_control(h, "fault fail ENOTHING"), -EINVAL);
	assert_int_equal(fake_control(h, "fault explode"), -EINVAL);
}

static void test_vanish(void **state)
{
	struct host *h = *state;

	control(h, "fault vanish-before match write *unbind*");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ENODEV);
	fake_faults_clear(h);
	control(h, "fault vanish-after");
	assert_int_equal(put(h, "devices/" TWIN1 "/driver_override", "x"), 0);
	assert_false(host_exists(h, "sys/bus/pci/devices/" TWIN1));
	assert_int_equal(put(h, "devices/" TWIN1 "/driver_override", "x"), -ENOENT);
}

static void interfere(struct host *h, void *userdata)
{
	unsigned *seen = userdata;

	*seen = fake_operations(h);
}

static void test_call(void **state)
{
	struct host *h = *state;
	unsigned seen = 0;
	struct fault fault = {.kind = FAULT_CALL, .nth = 2, .call = interfere, .userdata = &seen};

	assert_int_equal(fake_fault(h, &fault), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(seen, 0);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), 0);
	assert_int_equal(seen, 2);
}

static void test_hang_unbind(void **state)
{
	struct host *h = *state;

	control(h, "trait override-spinlock no");
	control(h, "fault hang match write *unbind*");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	fake_faults_clear(h);
	/* The link is gone first. */
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_true(fake_hangs(h));
	/* Whatever takes its lock sleeps too, other devices do not. */
	assert_int_equal(override_text(h, TWIN0), -ETIMEDOUT);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN0), -ETIMEDOUT);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	assert_int_equal(override_text(h, TWIN1), 7);
	assert_true(host_exists(h, "sys/bus/pci/devices/" TWIN0 "/nvme"));
	control(h, "resume");
	assert_false(fake_hangs(h));
	/* unbind ended, then the bind that waited, then the second unbind. */
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_false(host_exists(h, "sys/bus/pci/devices/" TWIN0 "/nvme"));
}

static void test_hang_bind(void **state)
{
	struct host *h = *state;

	assert_int_equal(h->ops->load_module(h, "vfio-pci", NULL), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	control(h, "fault hang 2 nth 1");
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN0), -ETIMEDOUT);
	/* A link is no proof of success. */
	assert_string_equal(driver_of(h, TWIN0), "vfio-pci");
	assert_false(host_exists(h, "dev/vfio/1"));
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_true(fake_hangs(h));
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN1), 0);
	assert_false(fake_hangs(h));
	assert_true(host_exists(h, "dev/vfio/1"));
}

static void test_hang_override(void **state)
{
	struct host *h = *state;

	control(h, "trait override-spinlock no");
	control(h, "fault hang nth 1");
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "x"), -ETIMEDOUT);
	assert_string_equal(override_of(h, TWIN0), "(null)");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	control(h, "resume");
	assert_string_equal(override_of(h, TWIN0), "x");
	assert_string_equal(driver_of(h, TWIN0), "");
}

static void test_vfio_user(void **state)
{
	struct host *h = *state;

	assert_int_equal(h->ops->load_module(h, "vfio-pci", NULL), 0);
	assert_int_equal(put(h, "devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", TWIN0), 0);
	control(h, "open " TWIN0);
	assert_int_equal(put(h, "drivers/vfio-pci/unbind", TWIN0), -ETIMEDOUT);
	assert_string_equal(driver_of(h, TWIN0), "");
	assert_true(host_exists(h, "dev/vfio/1"));
	control(h, "resume");
	assert_true(host_exists(h, "dev/vfio/1"));
	control(h, "close " TWIN0);
	assert_false(host_exists(h, "dev/vfio/1"));
	assert_false(fake_hangs(h));
}

static void test_new_id_behind_stuck(void **state)
{
	struct host *h = *state;

	assert_int_equal(h->ops->load_module(h, "vfio-pci", NULL), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	control(h, "fault hang nth 1");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	/* driver_attach() comes to the stuck one first. */
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "1b36 0010"), -ETIMEDOUT);
	assert_string_equal(driver_of(h, TWIN1), "");
	control(h, "resume");
	assert_string_equal(driver_of(h, TWIN0), "vfio-pci");
	assert_string_equal(driver_of(h, TWIN1), "vfio-pci");
}

int run_fault_tests(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		T(test_fail_and_lie), T(test_vanish),
		T(test_call),	      T(test_hang_unbind),
		T(test_hang_bind),    T(test_hang_override),
		T(test_vfio_user),    T(test_new_id_behind_stuck),
	};

	return cmocka_run_group_tests_name("fake-faults", tests, NULL, NULL);
}
