/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/error.h"

static void test_null_is_no_memory(void **state)
{
	assert_int_equal(vfioadm_error_code(NULL), VFIOADM_E_NO_MEMORY);
	assert_string_equal(vfioadm_error_code_name(NULL), "no-memory");
	assert_int_equal(vfioadm_error_exit(NULL), VFIOADM_EXIT_FAILED);
	assert_int_equal(vfioadm_error_errno(NULL), ENOMEM);
	assert_string_equal(vfioadm_error_message(NULL), "Out of memory.");
	assert_null(vfioadm_error_device(NULL));
	assert_null(vfioadm_error_path(NULL));
	assert_null(vfioadm_error_operation(NULL));
	assert_null(vfioadm_error_hint(NULL));
	vfioadm_error_free(NULL);
}

static void test_nobody_wants_to_know(void **state)
{
	struct vfioadm_error *none = NULL;

	assert_int_equal(error_set(NULL, -EIO, VFIOADM_E_IO, "x"), -EIO);
	assert_int_equal(error_oom(NULL), -ENOMEM);
	/* Neither a missing place nor a missing error may be touched. */
	error_device(NULL, "d");
	error_path(NULL, "p");
	error_operation(NULL, "o");
	error_hint(NULL, "h");
	error_suffix(NULL, "x");
	error_errno(NULL, 1);
	error_recode(NULL, VFIOADM_E_IO);
	error_device(&none, "d");
	error_path(&none, "p");
	error_operation(&none, "o");
	error_hint(&none, "h");
	error_suffix(&none, "x");
	error_errno(&none, 1);
	error_recode(&none, VFIOADM_E_IO);
	assert_null(none);
}

static void test_all_fields(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	assert_int_equal(error_set(&err, -EBUSY, VFIOADM_E_STEP_FAILED, "Cannot %s %d.", "do", 7),
			 -EBUSY);
	assert_int_equal(vfioadm_error_code(err), VFIOADM_E_STEP_FAILED);
	assert_int_equal(vfioadm_error_errno(err), EBUSY);
	assert_string_equal(vfioadm_error_message(err), "Cannot do 7.");
	assert_null(vfioadm_error_device(err));
	assert_null(vfioadm_error_path(err));
	assert_null(vfioadm_error_operation(err));
	assert_null(vfioadm_error_hint(err));

	error_device(&err, "0000:01:00.0");
	error_path(&err, "/sys/x");
	error_operation(&err, "bind");
	error_hint(&err, "Try %d.", 8);
	assert_string_equal(vfioadm_error_device(err), "0000:01:00.0");
	assert_string_equal(vfioadm_error_path(err), "/sys/x");
	assert_string_equal(vfioadm_error_operation(err), "bind");
	assert_string_equal(vfioadm_error_hint(err), "Try 8.");
}

static void test_first_context_is_kept(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	error_set(&err, -EIO, VFIOADM_E_IO, "m");
	error_device(&err, NULL);
	assert_null(vfioadm_error_device(err));
	error_device(&err, "inner");
	error_device(&err, "outer");
	error_path(&err, "inner");
	error_path(&err, "outer");
	error_operation(&err, "inner");
	error_operation(&err, "outer");
	error_hint(&err, "inner");
	error_hint(&err, "outer");
	assert_string_equal(vfioadm_error_device(err), "inner");
	assert_string_equal(vfioadm_error_path(err), "inner");
	assert_string_equal(vfioadm_error_operation(err), "inner");
	assert_string_equal(vfioadm_error_hint(err), "inner");
}

static void test_set_replaces(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	error_set(&err, -EIO, VFIOADM_E_IO, "old");
	error_device(&err, "old");
	error_set(&err, -EPERM, VFIOADM_E_NOT_PERMITTED, "new");
	assert_string_equal(vfioadm_error_message(err), "new");
	assert_int_equal(vfioadm_error_errno(err), EPERM);
	assert_null(vfioadm_error_device(err));
	assert_int_equal(error_oom(&err), -ENOMEM);
	assert_error(err, VFIOADM_E_NO_MEMORY, "Out of memory.", NULL);
}

static void test_suffix(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	error_set(&err, -EIO, VFIOADM_E_IO, "Cannot read it.");
	/* The full stop goes to the end. */
	error_suffix(&err, "the kernel says %s.", "no");
	assert_string_equal(vfioadm_error_message(err),
			    "Cannot read it; the kernel says no.");
	error_set(&err, -EIO, VFIOADM_E_IO, "No stop");
	error_suffix(&err, "more");
	assert_string_equal(vfioadm_error_message(err), "No stop; more");
	error_set(&err, -EIO, VFIOADM_E_IO, "%s", "");
	error_suffix(&err, "more");
	assert_string_equal(vfioadm_error_message(err), "; more");
}

static void test_errno_and_recode(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	error_set(&err, -EIO, VFIOADM_E_IO, "m");
	error_device(&err, "d");
	error_errno(&err, ENODEV);
	error_recode(&err, VFIOADM_E_VANISHED);
	assert_int_equal(vfioadm_error_errno(err), ENODEV);
	assert_string_equal(vfioadm_error_code_name(err), "vanished");
	assert_string_equal(vfioadm_error_device(err), "d");
	assert_string_equal(vfioadm_error_message(err), "m");
}

/* Names and exit statuses are promises: see the header's comments and the table in vfioadm(1). */
static void test_codes(void **state)
{
	static const struct {
		enum vfioadm_code code;
		const char *name;
		int exit;
	} expected[] = {
		{VFIOADM_E_INTERNAL, "internal", 1},
		{VFIOADM_E_NO_MEMORY, "no-memory", 1},
		{VFIOADM_E_USAGE, "usage", 2},
		{VFIOADM_E_BAD_SELECTOR, "bad-selector", 2},
		{VFIOADM_E_BAD_ID, "bad-id", 2},
		{VFIOADM_E_AMBIGUOUS, "ambiguous", 2},
		{VFIOADM_E_NOT_FOUND, "no-such-function", 4},
		{VFIOADM_E_NOT_PERMITTED, "not-permitted", 5},
		{VFIOADM_E_READ_ONLY_SYS, "read-only-sys", 6},
		{VFIOADM_E_LOCKDOWN, "lockdown", 6},
		{VFIOADM_E_NO_IOMMU, "no-iommu", 6},
		{VFIOADM_E_NO_VFIO_PCI, "no-vfio-pci", 6},
		{VFIOADM_E_NO_DRIVER, "no-driver", 6},
		{VFIOADM_E_NO_PCI, "no-pci", 6},
		{VFIOADM_E_BAD_ROOT, "bad-root", 2},
		{VFIOADM_E_REFUSED, "refused", 3},
		{VFIOADM_E_CHANGED, "changed", 1},
		{VFIOADM_E_VANISHED, "vanished", 1},
		{VFIOADM_E_PROBE_FAILED, "probe-failed", 1},
		{VFIOADM_E_STEP_FAILED, "step-failed", 1},
		{VFIOADM_E_TIMEOUT, "timeout", 7},
		{VFIOADM_E_CANCELLED, "cancelled", 1},
		{VFIOADM_E_UNDO_FAILED, "undo-failed", 7},
		{VFIOADM_E_STORE, "store", 1},
		{VFIOADM_E_BUSY, "busy", 8},
		{VFIOADM_E_IO, "io", 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;

		error_set(&err, -EIO, expected[i].code, "m");
		assert_int_equal(expected[i].code, i + 1);
		assert_string_equal(vfioadm_error_code_name(err), expected[i].name);
		assert_int_equal(vfioadm_error_exit(err), expected[i].exit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null_is_no_memory),
		cmocka_unit_test(test_nobody_wants_to_know),
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_first_context_is_kept),
		cmocka_unit_test(test_set_replaces),
		cmocka_unit_test(test_suffix),
		cmocka_unit_test(test_errno_and_recode),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
