/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A step that fails without having changed anything: to undo it is nothing, and cannot fail for the same reason. */
#include <sys/stat.h>

#include "persist_fixture.h"

/* Where the new file would be made there is a directory, which is not empty. */
static void block_file(const struct persist_test *t, const char *directory, const char *name)
{
	_cleanup_free_ char *command = str_format("mkdir -p '%s/%s/.%s.new/x'", t->root, directory, name);

	assert_int_equal(system(command), 0);
}

static void fails_undone(struct persist_test *t, int error)
{
	struct vfioadm_options o = { .persist = true };
	char name[256];

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, o), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), error);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_null(declared(t, name));
	assert_null(rules(t));
}

static void test_rules(void **state)
{
	struct persist_test *t = *state;

	block_file(t, "etc/udev/rules.d", "61-vfioadm-declared.rules");
	fails_undone(t, -EISDIR);
}

/* The first writing of the rules says that an initramfs follows. */
static void test_rules_before_an_initramfs(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	block_file(t, "etc/udev/rules.d", "61-vfioadm-declared.rules");
	fails_undone(t, -EISDIR);
	assert_int_equal(fake_rebuilt(t->host), 0);
}

static void test_modprobe(void **state)
{
	struct persist_test *t = *state;
	struct vfioadm_options o = { .persist = true, .modprobe = true };
	char name[256];

	block_file(t, "etc/modprobe.d", "vfioadm.conf");
	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", o), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EISDIR);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_null(declared(t, name));
	assert_null(rules(t));
}

/* Somebody else makes one: waiting for it has ended, or was ended. */
static void image_is_busy(struct persist_test *t, int error, int expected)
{
	struct fault busy = { .kind = FAULT_FAIL, .error = error, .match = "rebuild*" };

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(fake_fault(t->host, &busy), 0);
	fails_undone(t, expected);
	assert_int_equal(fake_rebuilt(t->host), 0);
}

static void test_initramfs_of_others(void **state)
{
	image_is_busy(*state, EBUSY, -EBUSY);
	assert_non_null(strstr(vfioadm_error_message(((struct persist_test *)*state)->err), "another process"));
}

static void test_stopped_while_waiting(void **state)
{
	image_is_busy(*state, EINTR, -ECANCELED);
	assert_non_null(strstr(vfioadm_error_message(((struct persist_test *)*state)->err), "Stopped by a signal"));
}

static void test_override(void **state)
{
	struct persist_test *t = *state;
	struct fault fails = { .kind = FAULT_FAIL, .error = EIO, .match = "write */driver_override *" };

	assert_int_equal(fake_fault(t->host, &fails), 0);
	fails_undone(t, -EIO);
}

/* It has no effect, and is said to have failed, so it has to be looked at; what did have one is undone. */
static void test_override_that_worked(void **state)
{
	struct persist_test *t = *state;
	struct fault fails = { .kind = FAULT_FAIL_DONE, .error = EIO, .nth = 1, .match = "write */driver_override *" };
	char override[64];

	assert_int_equal(fake_fault(t->host, &fails), 0);
	fails_undone(t, -EIO);
	assert_int_equal(host_read_text(t->host, -1, "sys/bus/pci/devices/" TWIN0 "/driver_override", override,
					sizeof(override)), 6);
	assert_string_equal(override, "(null)");
}

/* A record that could not be written. */
static void test_record(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *command = str_format("mkdir -p '%s/records/.%s.new/x'", t->run_dir, TWIN0);

	assert_int_equal(system(command), 0);
	fails_undone(t, -EISDIR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rules),	       TEST(test_rules_before_an_initramfs), TEST(test_modprobe),
		TEST(test_initramfs_of_others), TEST(test_stopped_while_waiting),     TEST(test_override),
		TEST(test_override_that_worked), TEST(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
