/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable and disable: card types. */
#include <string.h>

#include "inventory_builder.h"
#include "plan_text.h"
#include "policy/planner.h"

#define VFIO "sys/bus/pci/drivers/vfio-pci"

static const struct cardtype nic = {0x15b3, 0x1003, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0};
static const struct cardtype disk = {0x144d, 0xa808, 0x144d, CARDTYPE_ANY, 0x010802, 0xffffff};

static struct vfioadm_function *add_nic(struct vfioadm_inventory *inv, const char *address,
					const char *driver)
{
	struct vfioadm_function *f = build_bound(inv, address, 0x020000, 1, driver);

	f->vendor = uint_known(0x15b3);
	f->device = uint_known(0x1003);
	return f;
}

/* Every way in which a function can stand to a card type. */
static struct vfioadm_inventory *mixed(void)
{
	struct vfioadm_inventory *inv = build_inventory();

	add_nic(inv, "0000:01:00.0", NULL);
	add_nic(inv, "0000:01:00.1", "mlx4_core");
	add_nic(inv, "0000:02:00.0", "vfio-pci");
	add_nic(inv, "0000:02:00.1", "mlx5_vfio_pci");
	add_nic(inv, "0000:03:00.0", NULL)->driver_override = str_known("none");
	add_nic(inv, "0000:03:00.1", NULL)->driver_override = str_known("vfio-pci");
	add_nic(inv, "0000:04:00.0", NULL)->bridge = true;
	add_nic(inv, "0000:05:00.0", NULL)->driver = (struct vfioadm_str){0};
	build_bound(inv, "0000:06:00.0", 0x010802, 2, NULL);
	build_finish(inv);
	return inv;
}

static void test_match(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = mixed();
	const struct cardtype types[] = {disk, nic};

	assert_true(cardtypes_match(types, 2, &inv->functions[0]));
	assert_false(cardtypes_match(types, 1, &inv->functions[0]));
	assert_false(cardtypes_match(types, 2, &inv->functions[8]));
	assert_false(cardtypes_match(types, 0, &inv->functions[0]));
}

/* The module's parameter holds 1023 bytes: what does not fit is given to the loaded module. */
static void test_many_ids(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = mixed();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	const struct selection taken = {0};
	struct cardtype types[103];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		types[i] = (struct cardtype){0x1234, (uint16_t)i, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0};
	assert_int_equal(
		plan_enable(plan, inv, types, ARRAY_SIZE(types), ARRAY_SIZE(types), NULL, 0, &taken, true), 0);
	assert_int_equal(plan->steps[0].op.kind, OP_LOAD_MODULE);
	assert_int_equal(strlen(plan->steps[0].op.options), sizeof("ids=") - 1 + 102ul * 10 - 1);
	assert_int_equal(plan->steps[0].n_undo, 102);
	assert_int_equal(plan->steps[1].op.kind, OP_ADD_ID);
	assert_string_equal(plan->steps[1].op.value, "1234 0066 ffffffff ffffffff 000000 000000");
	assert_int_equal(plan->steps[2].op.kind, OP_SAVE_ID);
	assert_int_equal(plan->n_steps, 2 + ARRAY_SIZE(types));
}

static void test_taken(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = mixed();
	_cleanup_selection_ struct selection taken = {0};

	assert_int_equal(plan_enable_taken(inv, &nic, 1, &taken), 0);
	assert_int_equal(taken.n, 2);
	assert_string_equal(inv->functions[taken.items[0]].address, "0000:01:00.0");
	assert_string_equal(inv->functions[taken.items[1]].address, "0000:03:00.1");
	selection_clear(&taken);
	assert_int_equal(plan_enable_taken(inv, &disk, 1, &taken), 0);
	assert_int_equal(taken.n, 0);
}

static void test_enable_running(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = mixed();
	_cleanup_selection_ struct selection taken = {0};
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	const struct cardtype types[] = {nic, disk};

	assert_int_equal(plan_enable_taken(inv, types, 2, &taken), 0);
	assert_int_equal(plan_enable(plan, inv, types, 2, 2, NULL, 0, &taken, false), 0);
	/* What an ID takes is let go only once the ID is gone, or it would be taken again. */
	assert_steps(plan,
		     "give card type 15b3:1003 to vfio-pci\n"
		     "  \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/new_id\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "  undo: \"0000:01:00.0\" > " VFIO "/unbind\n"
		     "  undo: \"0000:03:00.1\" > " VFIO "/unbind\n"
		     "give card type 144d:a808:144d:*:010802:ffffff to vfio-pci\n"
		     "  \"144d a808 0000144d ffffffff 010802 ffffff\" > " VFIO "/new_id\n"
		     "  undo: \"144d a808 0000144d ffffffff 010802 ffffff\" > " VFIO "/remove_id\n"
		     "verify that 0000:01:00.0 is bound to vfio-pci\n"
		     "  \"0000:01:00.0\" > " VFIO "/bind\n"
		     "  undo: \"0000:01:00.0\" > " VFIO "/unbind\n"
		     "verify that 0000:03:00.1 is bound to vfio-pci\n"
		     "  \"0000:03:00.1\" > " VFIO "/bind\n"
		     "  undo: \"0000:03:00.1\" > " VFIO "/unbind\n"
		     "remember card type 15b3:1003 as enabled\n"
		     "  save-id 15b3:1003\n"
		     "  undo: drop-id 15b3:1003\n"
		     "remember card type 144d:a808:144d:*:010802:ffffff as enabled\n"
		     "  save-id 144d:a808:144d:*:010802:ffffff\n"
		     "  undo: drop-id 144d:a808:144d:*:010802:ffffff\n");
	assert_targets(
		plan,
		"0000:01:00.0: (none) -> vfio-pci, taken, checked; now\n"
		"0000:01:00.1: mlx4_core -> mlx4_core; stays for now; vfio-pci may take it once "
		"it is unbound\n"
		"0000:02:00.0: vfio-pci -> vfio-pci; is on vfio-pci already\n"
		"0000:02:00.1: mlx5_vfio_pci -> mlx5_vfio_pci; stays: is on a VFIO driver already\n"
		"0000:03:00.0: (none) -> (none); stays: its driver_override names another driver\n"
		"0000:03:00.1: (none) -> vfio-pci, taken, checked; now\n"
		"0000:04:00.0: (none) -> (none); never: vfio-pci takes no bridges\n"
		"0000:05:00.0: (none) -> (none); stays: whether it has a driver could not be "
		"read\n");
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

static void test_enable_loading(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_selection_ struct selection taken = {0};
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	const struct cardtype types[] = {nic, disk};

	add_nic(inv, "0000:01:00.0", NULL);
	build_finish(inv);
	assert_int_equal(plan_enable_taken(inv, types, 2, &taken), 0);
	assert_int_equal(plan_enable(plan, inv, types, 2, 2, NULL, 0, &taken, true), 0);
	assert_steps(plan,
		     "load module vfio_pci with "
		     "ids=15b3:1003,"
		     "144d:a808:0000144d:ffffffff:010802:ffffff\n"
		     "  modprobe vfio_pci ids=15b3:1003,"
		     "144d:a808:0000144d:ffffffff:010802:ffffff\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "  undo: \"144d a808 0000144d ffffffff 010802 ffffff\" > " VFIO "/remove_id\n"
		     "  undo: \"0000:01:00.0\" > " VFIO "/unbind\n"
		     "verify that 0000:01:00.0 is bound to vfio-pci\n"
		     "  \"0000:01:00.0\" > " VFIO "/bind\n"
		     "  undo: \"0000:01:00.0\" > " VFIO "/unbind\n"
		     "remember card type 15b3:1003 as enabled\n"
		     "  save-id 15b3:1003\n"
		     "  undo: drop-id 15b3:1003\n"
		     "remember card type 144d:a808:144d:*:010802:ffffff as enabled\n"
		     "  save-id 144d:a808:144d:*:010802:ffffff\n"
		     "  undo: drop-id 144d:a808:144d:*:010802:ffffff\n");
}

/* The shortest that says it; a wildcard in the middle has only its number. */
static void test_ids_parameter(void **state)
{
	static const struct {
		const char *id, *options;
	} cases[] = {
		{"15b3:1003", "ids=15b3:1003"},
		{"15b3:1003:0055", "ids=15b3:1003:0055"},
		{"15b3:1003:0055:0001", "ids=15b3:1003:0055:0001"},
		{"15b3:1003:*:0001", "ids=15b3:1003:ffffffff:00000001:000000:000000"},
		{"15b3:1003:0055:0001:020000", "ids=15b3:1003:0055:0001:020000:ffffff"},
		{"15b3:1003:0055:*:020000:ff0000", "ids=15b3:1003:00000055:ffffffff:020000:ff0000"},
	};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_finish(inv);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
		struct selection none = {0};
		struct cardtype type;

		assert_int_equal(cardtype_parse(cases[i].id, &type, NULL), 0);
		assert_int_equal(plan_enable(plan, inv, &type, 1, 1, NULL, 0, &none, true), 0);
		assert_int_equal(plan->steps[0].op.kind, OP_LOAD_MODULE);
		assert_string_equal(plan->steps[0].op.options, cases[i].options);
	}
}

/* A card type that no function has: for what is plugged in later. */
static void test_enable_nobody(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	struct selection none = {0};

	build_finish(inv);
	assert_int_equal(plan_enable(plan, inv, &nic, 1, 1, NULL, 0, &none, false), 0);
	assert_steps(plan,
		     "give card type 15b3:1003 to vfio-pci\n"
		     "  \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/new_id\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "remember card type 15b3:1003 as enabled\n"
		     "  save-id 15b3:1003\n"
		     "  undo: drop-id 15b3:1003\n");
	assert_targets(plan, "");
}

/* remove_id of the wider one drops narrower ones first: these are given back. */
static void test_enable_over_narrower(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	struct cardtype held[] = {disk, nic, nic};
	struct selection none = {0};

	held[1].subvendor = 0x1af4;
	build_finish(inv);
	assert_int_equal(plan_enable(plan, inv, &nic, 1, 1, held, ARRAY_SIZE(held), &none, false), 0);
	assert_steps(plan,
		     "give card type 15b3:1003 to vfio-pci\n"
		     "  \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/new_id\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "  undo: \"15b3 1003 00001af4 ffffffff 000000 000000\" > " VFIO "/new_id\n"
		     "remember card type 15b3:1003 as enabled\n"
		     "  save-id 15b3:1003\n"
		     "  undo: drop-id 15b3:1003\n");
}

/* Also one that the same command gives before it. */
static void test_enable_both(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	struct cardtype types[] = {nic, nic};
	struct selection none = {0};

	types[0].subvendor = 0x1af4;
	build_finish(inv);
	assert_int_equal(plan_enable(plan, inv, types, 2, 2, NULL, 0, &none, false), 0);
	assert_int_equal(plan->steps[0].n_undo, 1);
	assert_int_equal(plan->steps[1].n_undo, 3);
	assert_int_equal(plan->steps[1].undo[2].kind, OP_ADD_ID);
	assert_true(cardtype_equal(&plan->steps[1].undo[2].type, &types[0]));
}

static void test_disable(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);
	const struct cardtype types[] = {nic, disk};

	add_nic(inv, "0000:01:00.0", "vfio-pci");
	add_nic(inv, "0000:01:00.1", "mlx4_core");
	add_nic(inv, "0000:02:00.0", NULL);
	build_finish(inv);
	assert_int_equal(plan_disable(plan, inv, types, 2, true), 0);
	assert_steps(plan,
		     "take card type 15b3:1003 from vfio-pci\n"
		     "  \"15b3 1003 ffffffff ffffffff 000000 000000\" > " VFIO "/remove_id\n"
		     "  undo: \"15b3 1003 ffffffff ffffffff 000000 000000 0\" > " VFIO "/new_id\n"
		     /* new_id takes whatever is free: what was free before is let go again. */
		     "  undo: \"0000:02:00.0\" > " VFIO "/unbind\n"
		     "take card type 144d:a808:144d:*:010802:ffffff from vfio-pci\n"
		     "  \"144d a808 0000144d ffffffff 010802 ffffff\" > " VFIO "/remove_id\n"
		     "  undo: \"144d a808 0000144d ffffffff 010802 ffffff 0\" > " VFIO "/new_id\n"
		     "forget card type 15b3:1003\n"
		     "  drop-id 15b3:1003\n"
		     "  undo: save-id 15b3:1003\n"
		     "forget card type 144d:a808:144d:*:010802:ffffff\n"
		     "  drop-id 144d:a808:144d:*:010802:ffffff\n"
		     "  undo: save-id 144d:a808:144d:*:010802:ffffff\n");
	/* remove_id unbinds nothing, and says so. */
	assert_targets(
		plan, "0000:01:00.0: vfio-pci -> vfio-pci; stays bound; give it back with 'vfioadm "
		      "release'\n"
		      "0000:01:00.1: mlx4_core -> mlx4_core; is not assigned\n"
		      "0000:02:00.0: (none) -> (none); is not assigned\n");
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

static void test_disable_without_driver(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);

	build_finish(inv);
	assert_int_equal(plan_disable(plan, inv, &nic, 1, false), 0);
	assert_steps(plan, "forget card type 15b3:1003\n"
			   "  drop-id 15b3:1003\n"
			   "  undo: save-id 15b3:1003\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_many_ids),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_enable_running),
		cmocka_unit_test(test_enable_loading),
		cmocka_unit_test(test_ids_parameter),
		cmocka_unit_test(test_enable_nobody),
		cmocka_unit_test(test_enable_over_narrower),
		cmocka_unit_test(test_enable_both),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_disable_without_driver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
