/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "policy/check.h"

static struct cardtype type_of(const char *s)
{
	struct cardtype type;

	assert_int_equal(cardtype_parse(s, &type, NULL), 0);
	return type;
}

/* remove_id: what is left out fits anything that is held. new_id: the other way round. */
static void test_rules(void **state)
{
	static const struct {
		const char *wide, *narrow;
		bool fits;
	} cases[] = {
		{"15b3:1003", "15b3:1003", true},
		{"15b3:1003", "15b3:1003:15b3", true},
		{"15b3:1003", "15b3:1003:15b3:0001:020000", true},
		{"15b3:1003:15b3", "15b3:1003:15b3:0001", true},
		{"15b3:1003:15b3:0001", "15b3:1003:15b3", false},
		{"15b3:1003", "15b3:1004:15b3", false},
		{"15b3:1003:*:*:020000", "15b3:1003:15b3:0001:020000", true},
		{"15b3:1003:*:*:020000:ff0000", "15b3:1003:*:*:020700", true},
		{"15b3:1003:*:*:020000", "15b3:1003:*:*:010000", false},
		{"15b3:1003:*:*:020000", "15b3:1003", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cardtype wide = type_of(cases[i].wide), narrow = type_of(cases[i].narrow);

		assert_int_equal(cardtype_removes(&wide, &narrow), cases[i].fits);
		assert_int_equal(cardtype_covers(&wide, &narrow), cases[i].fits);
	}
}

static void test_enable(void **state)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	struct cardtype held[] = {type_of("15b3:1003"), type_of("8086:10d3")};
	struct cardtype types[] = {type_of("15b3:1003:15b3"), type_of("8086:10d3"),
				   type_of("1b36:0010")};
	size_t n_new = 99;

	assert_int_equal(check_types_enable(plan, types, 3, held, 2, &n_new), 0);
	/* The same ID again is for the kernel to answer; a part of another is not given. */
	assert_int_equal(n_new, 2);
	assert_int_equal(types[0].vendor, 0x8086);
	assert_int_equal(types[1].vendor, 0x1b36);
	assert_int_equal(types[2].vendor, 0x15b3);
	assert_int_equal(plan->n_findings, 1);
	assert_string_equal(plan->findings[0].code, "covered");
	assert_int_equal(plan->findings[0].severity, VFIOADM_WARNS);
	assert_non_null(strstr(plan->findings[0].message, "15b3:1003:15b3 is part of 15b3:1003,"));
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

static void test_disable_refused(void **state)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);
	struct cardtype held[] = {type_of("15b3:1003:15b3"), type_of("15b3:1003")};
	struct cardtype wide = type_of("15b3:1003");

	assert_int_equal(check_types_disable(plan, &wide, 1, held, 2), 0);
	assert_int_equal(plan->result, VFIOADM_RESULT_REFUSED);
	assert_int_equal(plan->n_findings, 1);
	assert_string_equal(plan->findings[0].code, "id-overlap");
	assert_non_null(strstr(plan->findings[0].hint, "vfioadm disable 15b3:1003:15b3 15b3:1003"));
}

static void test_disable_order(void **state)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);
	struct cardtype held[] = {type_of("15b3:1003:15b3"), type_of("15b3:1003"), type_of("1:2")};
	struct cardtype types[] = {type_of("15b3:1003"), type_of("15b3:1003:15b3"),
				   type_of("15b3:1003:15b3:0001")};

	assert_int_equal(check_types_disable(plan, types, 3, held, 3), 0);
	assert_int_equal(plan->n_findings, 0);
	assert_int_equal(types[0].subdevice, 0x0001);
	assert_int_equal(types[1].subvendor, 0x15b3);
	assert_int_equal(types[2].subvendor, CARDTYPE_ANY);
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_disable_refused),
		cmocka_unit_test(test_disable_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
