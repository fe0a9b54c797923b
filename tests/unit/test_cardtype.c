/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/error.h"
#include "model/cardtype.h"

#define ANY CARDTYPE_ANY

static const struct {
	const char *s;
	struct cardtype type;
	const char *formatted, *new_id;
} good[] = {
	{"15b3:1003",
	 {0x15b3, 0x1003, ANY, ANY, 0, 0},
	 "15b3:1003",
	 "15b3 1003 ffffffff ffffffff 000000 000000"},
	{"8086:1",
	 {0x8086, 1, ANY, ANY, 0, 0},
	 "8086:0001",
	 "8086 0001 ffffffff ffffffff 000000 000000"},
	{"0x15B3:0X1003",
	 {0x15b3, 0x1003, ANY, ANY, 0, 0},
	 "15b3:1003",
	 "15b3 1003 ffffffff ffffffff 000000 000000"},
	{"15b3:1003:0055",
	 {0x15b3, 0x1003, 0x55, ANY, 0, 0},
	 "15b3:1003:0055",
	 "15b3 1003 00000055 ffffffff 000000 000000"},
	{"15b3:1003:0055:0001",
	 {0x15b3, 0x1003, 0x55, 1, 0, 0},
	 "15b3:1003:0055:0001",
	 "15b3 1003 00000055 00000001 000000 000000"},
	{"15b3:1003:*:0001",
	 {0x15b3, 0x1003, ANY, 1, 0, 0},
	 "15b3:1003:*:0001",
	 "15b3 1003 ffffffff 00000001 000000 000000"},
	{"15b3:1003:ffffffff:*",
	 {0x15b3, 0x1003, ANY, ANY, 0, 0},
	 "15b3:1003",
	 "15b3 1003 ffffffff ffffffff 000000 000000"},
	/* A class alone is meant as a whole. */
	{"15b3:1003:*:*:020000",
	 {0x15b3, 0x1003, ANY, ANY, 0x020000, 0xffffff},
	 "15b3:1003:*:*:020000:ffffff",
	 "15b3 1003 ffffffff ffffffff 020000 ffffff"},
	{"15b3:1003:*:*:020000:ff0000",
	 {0x15b3, 0x1003, ANY, ANY, 0x020000, 0xff0000},
	 "15b3:1003:*:*:020000:ff0000",
	 "15b3 1003 ffffffff ffffffff 020000 ff0000"},
	{"15b3:1003:*:*:0",
	 {0x15b3, 0x1003, ANY, ANY, 0, 0},
	 "15b3:1003",
	 "15b3 1003 ffffffff ffffffff 000000 000000"},
	/* A mask for class 0 is a condition too. */
	{"15b3:1003:*:*:0:ffffff",
	 {0x15b3, 0x1003, ANY, ANY, 0, 0xffffff},
	 "15b3:1003:*:*:000000:ffffff",
	 "15b3 1003 ffffffff ffffffff 000000 ffffff"},
	{"ffff:ffff:ffff:ffff:ffffff:ffffff",
	 {0xffff, 0xffff, 0xffff, 0xffff, 0xffffff, 0xffffff},
	 "ffff:ffff:ffff:ffff:ffffff:ffffff",
	 "ffff ffff 0000ffff 0000ffff ffffff ffffff"},
};

static void test_parse_and_format(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct cardtype type, again;
		char buf[CARDTYPE_MAX];

		assert_int_equal(cardtype_parse(good[i].s, &type, &err), 0);
		assert_null(err);
		assert_true(cardtype_equal(&type, &good[i].type));
		cardtype_format(&type, buf);
		assert_string_equal(buf, good[i].formatted);
		assert_int_equal(cardtype_parse(buf, &again, NULL), 0);
		assert_true(cardtype_equal(&type, &again));
		cardtype_format_new_id(&type, buf);
		assert_string_equal(buf, good[i].new_id);
	}
}

static void test_malformed(void **state)
{
	static const char shape[] = "\" is not a card-type ID of the form "
				    "vendor:device[:subvendor[:subdevice[:class[:mask]]]].";
	static const struct {
		const char *s, *field; /* field NULL: the number of fields is wrong */
	} bad[] = {
		{"15b3", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"", "vendor \"\" is not a hexadecimal number of up to 4 digits"},
		{":1003", "vendor \"\" is not a hexadecimal number of up to 4 digits"},
		{"15b3:", "device \"\" is not a hexadecimal number of up to 4 digits"},
		{"15b3 :1003", "vendor \"15b3 \" is not a hexadecimal number of up to 4 digits"},
		{"10000:1003", "vendor \"10000\" is not a hexadecimal number of up to 4 digits"},
		{"15b3:wxyz", "device \"wxyz\" is not a hexadecimal number of up to 4 digits"},
		/* Only what may be left out may be a wildcard. */
		{"*:1003", "vendor \"*\" is not a hexadecimal number of up to 4 digits"},
		{"15b3:ffffffff",
		 "device \"ffffffff\" is not a hexadecimal number of up to 4 digits"},
		{"1:2:10000", "subvendor \"10000\" is not a hexadecimal number of up to 4 digits"},
		{"1:2:3:-1", "subdevice \"-1\" is not a hexadecimal number of up to 4 digits"},
		{"1:2:3:4:*", "class \"*\" is not a hexadecimal number of up to 6 digits"},
		{"1:2:3:4:1000000",
		 "class \"1000000\" is not a hexadecimal number of up to 6 digits"},
		{"1:2:3:4:5:x", "class mask \"x\" is not a hexadecimal number of up to 6 digits"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct cardtype type = {1, 2, 3, 4, 5, 6}, before = type;
		char message[256];

		if (bad[i].field)
			snprintf(message, sizeof(message), "\"%s\" is not a card-type ID: %s.",
				 bad[i].s, bad[i].field);
		else
			snprintf(message, sizeof(message), "\"%s%s", bad[i].s, shape);
		assert_int_equal(cardtype_parse(bad[i].s, &type, &err), -EINVAL);
		assert_error(err, VFIOADM_E_BAD_ID, message,
			     "Write vendor:device as 'lspci -n' prints it, for example 15b3:1003.");
		assert_true(cardtype_equal(&type, &before));
		assert_int_equal(cardtype_parse(bad[i].s, &type, NULL), -EINVAL);
	}
}

static void test_equal(void **state)
{
	const struct cardtype base = {1, 2, 3, 4, 5, 6};

	assert_true(cardtype_equal(&base, &base));
	for (unsigned i = 0; i < 6; i++) {
		struct cardtype other = base;
		uint32_t *const fields[] = {&other.vendor,    &other.device,	 &other.subvendor,
					    &other.subdevice, &other.class_code, &other.class_mask};

		*fields[i] = 99;
		assert_false(cardtype_equal(&base, &other));
	}
}

static bool matches(const char *s, const struct vfioadm_function *f)
{
	struct cardtype type;

	assert_int_equal(cardtype_parse(s, &type, NULL), 0);
	return cardtype_matches(&type, f);
}

/* pci_match_one_device(): equal or any, and the class equal in the bits of its mask. */
static void test_matches(void **state)
{
	struct vfioadm_function f = {
		.vendor = uint_known(0x15b3),
		.device = uint_known(0x1003),
		.subsystem_vendor = uint_known(0x15b3),
		.subsystem_device = uint_known(0x0055),
		.class_code = uint_known(0x020007),
	};

	assert_true(matches("15b3:1003", &f));
	assert_false(matches("15b4:1003", &f));
	assert_false(matches("15b3:1004", &f));
	assert_true(matches("15b3:1003:15b3", &f));
	assert_false(matches("15b3:1003:15b4", &f));
	assert_true(matches("15b3:1003:15b3:0055", &f));
	assert_true(matches("15b3:1003:*:0055", &f));
	assert_false(matches("15b3:1003:15b3:0056", &f));
	assert_false(matches("15b3:1003:*:0056", &f));
	assert_true(matches("15b3:1003:*:*:020007", &f));
	assert_false(matches("15b3:1003:*:*:020000", &f));
	assert_true(matches("15b3:1003:*:*:020000:ffff00", &f));
	assert_true(matches("15b3:1003:*:*:020000:ff0000", &f));
	assert_false(matches("15b3:1003:*:*:010000:ff0000", &f));
	assert_true(matches("15b3:1003:*:*:000007:0000ff", &f));
	/* Bits of the class outside of its mask do not count; a mask of 0 matches every class. */
	assert_true(matches("15b3:1003:*:*:02ffff:ff0000", &f));
	assert_true(matches("15b3:1003:*:*:030000:000000", &f));
}

static void test_unknown_matches_nothing(void **state)
{
	struct vfioadm_function f = {.vendor = uint_known(0x15b3), .device = uint_known(0x1003)};

	assert_true(matches("15b3:1003", &f));
	assert_false(matches("15b3:1003:0000", &f));
	assert_false(matches("15b3:1003:*:0000", &f));
	assert_false(matches("15b3:1003:*:*:0:ffffff", &f));
	f.subsystem_vendor = uint_none();
	assert_false(matches("15b3:1003:0000", &f));
	assert_true(matches("15b3:1003:*", &f));
	f.device = (struct vfioadm_uint){VFIOADM_UNKNOWN, 0x1003};
	assert_false(matches("15b3:1003", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_unknown_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
