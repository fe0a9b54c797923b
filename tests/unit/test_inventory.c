/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"

static void test_arena(void **state)
{
	struct arena a = {0};
	char *text, *copy, *formatted, *part;
	unsigned char *small = arena_alloc(&a, 3), *large = arena_alloc(&a, 100000);

	assert_non_null(small);
	assert_non_null(large);
	for (size_t i = 0; i < 100000; i++)
		assert_int_equal(large[i], 0);
	memset(large, 0xff, 100000);
	/* The block in use is full: what follows must not overlap it. */
	for (unsigned i = 0; i < 5000; i++) {
		unsigned char *p = arena_alloc(&a, i % 40 + 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (unsigned j = 0; j <= i % 40; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xee, i % 40 + 1);
	}
	assert_int_equal(large[0], 0xff);
	assert_int_equal(large[99999], 0xff);

	text = arena_strdup(&a, "text");
	copy = arena_strdup(&a, text);
	assert_ptr_not_equal(text, copy);
	assert_string_equal(copy, "text");
	part = arena_strndup(&a, "0000:01", 4);
	assert_string_equal(part, "0000");
	formatted = arena_format(&a, "%s-%0200d", "x", 7);
	assert_int_equal(strlen(formatted), 202);
	assert_string_equal(formatted + 199, "007");
	arena_free(&a);
	assert_null(a.blocks);
	arena_free(&a);
}

static void test_empty(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory_new();

	assert_int_equal(inventory_finish(inv), 0);
	assert_int_equal(vfioadm_inventory_n_functions(inv), 0);
	assert_null(vfioadm_inventory_function(inv, 0));
	assert_null(vfioadm_inventory_find(inv, "0000:00:00.0"));
	assert_null(inventory_get(inv, "0000:00:00.0"));
	assert_int_equal(inventory_index(inv, "0000:00:00.0"), -1);
	assert_int_equal(vfioadm_inventory_n_slots(inv), 0);
	assert_null(vfioadm_inventory_slot(inv, 0));
	assert_true(vfioadm_inventory_complete(inv));
	assert_int_equal(vfioadm_inventory_iommu(inv).state, VFIOADM_UNKNOWN);
	assert_null(vfioadm_inventory_iommu_advice(inv));
	vfioadm_inventory_free(NULL);
}

static void test_sorted_and_found(void **state)
{
	static const char *const sorted[] = {"0000:00:1f.0", "0000:01:00.0", "0000:01:00.1",
					     "0000:a1:00.0", "0001:00:00.0", "10000:00:02.0"};
	static const unsigned order[] = {4, 1, 5, 0, 3, 2};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		build_function(inv, sorted[order[i]], 0x8086, 0x1000 + order[i], 0x020000);
	build_finish(inv);
	assert_int_equal(vfioadm_inventory_n_functions(inv), ARRAY_SIZE(sorted));
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inv, i);

		assert_string_equal(f->address, sorted[i]);
		assert_int_equal(f->device.value, 0x1000 + i);
		assert_int_equal(inventory_index(inv, sorted[i]), i);
		assert_ptr_equal(vfioadm_inventory_find(inv, sorted[i]), f);
		assert_ptr_equal(inventory_get(inv, sorted[i]), f);
	}
	assert_null(vfioadm_inventory_function(inv, ARRAY_SIZE(sorted)));
	assert_int_equal(inventory_index(inv, "0000:A1:00.0"), 3);
	assert_int_equal(inventory_index(inv, "01:00.1"), 2);
	assert_int_equal(inventory_index(inv, "0000:01:00.2"), -1);
	assert_int_equal(inventory_index(inv, "eth0"), -1);
	assert_int_equal(vfioadm_inventory_iommu(inv).value, 1);
}

static void assert_companions(struct vfioadm_inventory *inv, const char *address,
			      const char *expected)
{
	const struct vfioadm_list *have = &inventory_get(inv, address)->companions;
	struct vfioadm_list want = build_list(inv, expected);

	assert_int_equal(have->state, want.state);
	assert_int_equal(have->n, want.n);
	for (size_t i = 0; i < want.n; i++)
		assert_string_equal(have->items[i], want.items[i]);
}

static void test_companions(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:01:00.1", 0x040300, 7, NULL);
	build_bound(inv, "0000:00:1c.0", 0x060400, 7, "pcieport");
	build_bound(inv, "0000:01:00.0", 0x030000, 7, "nouveau");
	build_bound(inv, "0000:02:00.0", 0x020000, 8, "e1000e");
	build_function(inv, "0000:03:00.0", 1, 2, 0x020000);
	build_function(inv, "0000:03:00.1", 1, 2, 0x020000);
	/* Two that could not be read are not in one group for that. */
	build_function(inv, "0000:04:00.0", 1, 2, 0x020000)->iommu_group.state = VFIOADM_UNKNOWN;
	build_function(inv, "0000:04:00.1", 1, 2, 0x020000)->iommu_group.state = VFIOADM_UNKNOWN;
	inv->functions[inv->n_functions - 1].companions.state = VFIOADM_UNKNOWN;
	build_finish(inv);

	assert_companions(inv, "0000:01:00.0", "0000:00:1c.0,0000:01:00.1");
	assert_companions(inv, "0000:01:00.1", "0000:00:1c.0,0000:01:00.0");
	assert_companions(inv, "0000:00:1c.0", "0000:01:00.0,0000:01:00.1");
	assert_companions(inv, "0000:02:00.0", "");
	assert_companions(inv, "0000:03:00.0", "");
	assert_int_equal(inventory_get(inv, "0000:04:00.1")->companions.state, VFIOADM_UNKNOWN);
	assert_int_equal(inventory_get(inv, "0000:04:00.1")->companions.n, 0);
}

static void test_slots(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_slot(inv, "00000103", 0x103, 0);
	build_slot(inv, "00000104", 0x104, 1);
	assert_int_equal(vfioadm_inventory_n_slots(inv), 2);
	assert_string_equal(vfioadm_inventory_slot(inv, 0)->name, "00000103");
	assert_true(uint_is(&vfioadm_inventory_slot(inv, 1)->fid, 0x104));
	assert_null(vfioadm_inventory_slot(inv, 2));
}

static void test_values(void **state)
{
	struct vfioadm_uint known = uint_known(5), none = uint_none(), unknown = {0};
	struct vfioadm_str text = str_known("x"), no_text = str_none(), unread = {0};

	assert_true(uint_is(&known, 5));
	assert_false(uint_is(&known, 6));
	assert_false(uint_is(&none, 0));
	assert_false(uint_is(&unknown, 0));
	assert_true(str_is(&text, "x"));
	assert_false(str_is(&text, "y"));
	assert_false(str_is(&no_text, ""));
	assert_false(str_is(&unread, ""));
	assert_null(no_text.value);
	assert_int_equal(unread.state, VFIOADM_UNKNOWN);
}

static void test_verdict_names(void **state)
{
	static const char *const names[] = {"unknown", "assigned",    "not-assignable",
					    "in-use",  "needs-group", "assignable"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(vfioadm_verdict_name((enum vfioadm_verdict)i), names[i]);
	assert_string_equal(vfioadm_verdict_name((enum vfioadm_verdict)ARRAY_SIZE(names)),
			    "unknown");
}

static void test_driver_names(void **state)
{
	static const char *const vfio[] = {"vfio-pci", "vfio_pci", "mlx5_vfio_pci", "xe-vfio-pci"};
	static const char *const native[] = {
		"", "vfio", "nvme", "pci", "vfio-pci-core", "vfio_platform", "fio-pci", "vfio-pc"};

	for (size_t i = 0; i < ARRAY_SIZE(vfio); i++)
		assert_true(driver_name_is_vfio(vfio[i]));
	for (size_t i = 0; i < ARRAY_SIZE(native); i++)
		assert_false(driver_name_is_vfio(native[i]));
	assert_true(driver_name_equal("vfio-pci", "vfio_pci"));
	assert_true(driver_name_equal("a-b_c", "a_b-c"));
	assert_true(driver_name_equal("", ""));
	assert_false(driver_name_equal("vfio-pci", "vfio-pc"));
	assert_false(driver_name_equal("vfio-pc", "vfio-pci"));
	assert_false(driver_name_equal("vfio-pci", "vfio.pci"));
	assert_false(driver_name_equal("", "_"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sorted_and_found),
		cmocka_unit_test(test_companions),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_verdict_names),
		cmocka_unit_test(test_driver_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
