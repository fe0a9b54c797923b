/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* assign and release. The order of the steps is the kernel's contract: override, unbind, bind. */
#include <string.h>

#include "inventory_builder.h"
#include "plan_text.h"
#include "policy/planner.h"

#define OVERRIDE "sys/bus/pci/devices/0000:01:00.0/driver_override"

static struct vfioadm_function *nvme(struct vfioadm_inventory *inv, const char *driver)
{
	struct vfioadm_function *f = build_bound(inv, "0000:01:00.0", 0x010802, 7, driver);

	f->vendor = uint_known(0x144d);
	f->device = uint_known(0xa808);
	f->subsystem_vendor = uint_known(0x144d);
	f->subsystem_device = uint_known(0xa801);
	return f;
}

static struct vfioadm_plan *assign(const struct plan_input *inputs, size_t n)
{
	struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);

	assert_non_null(plan);
	assert_int_equal(plan_assign(plan, inputs, n), 0);
	return plan;
}

static struct vfioadm_plan *release(const struct plan_input *inputs, size_t n, bool park)
{
	struct vfioadm_plan *plan = plan_new(VERB_RELEASE);

	assert_non_null(plan);
	assert_int_equal(plan_release(plan, inputs, n, park), 0);
	return plan;
}

static void test_assign_from_native(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "nvme"),
				.incarnation = 42,
				.driver = "vfio-pci",
				.boot_id = "b-1"};
	_cleanup_plan_ struct vfioadm_plan *plan = assign(&in, 1);

	assert_steps(plan,
		     "remember that 0000:01:00.0 had driver nvme\n"
		     "  save-record 0000:01:00.0: driver nvme, override (none), boot b-1, "
		     "144d:a808:144d:a801, #42\n"
		     "  undo: drop-record 0000:01:00.0\n"
		     "set driver_override of 0000:01:00.0 to vfio-pci\n"
		     "  \"vfio-pci\" > " OVERRIDE "\n"
		     "  undo: \"\" > " OVERRIDE "\n"
		     "unbind 0000:01:00.0 from nvme\n"
		     "  \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/unbind (while on nvme)\n"
		     "  undo: \"\" > " OVERRIDE "\n"
		     "  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/bind\n"
		     "bind 0000:01:00.0 to vfio-pci\n"
		     "  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind (while on (none))\n"
		     "  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind\n");
	assert_targets(plan, "0000:01:00.0: nvme -> vfio-pci, taken, checked\n");
	assert_int_equal(plan->targets[0].incarnation, 42);
	assert_null(plan->targets[0].override_before);
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

static void test_assign_loads_once(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;
	struct plan_input in[3] = {0};

	build_bound(inv, "0000:01:00.0", 0x020000, 1, NULL);
	build_bound(inv, "0000:02:00.0", 0x020000, 2, NULL);
	/* There already: neither a step nor a module for it. */
	build_bound(inv, "0000:03:00.0", 0x020000, 3, "mlx5_vfio_pci");
	build_finish(inv);
	for (size_t i = 0; i < 3; i++)
		in[i] = (struct plan_input){.function = &inv->functions[i],
					    .boot_id = "b",
					    .driver = i == 2 ? "mlx5_vfio_pci" : "vfio-pci",
					    .module = i == 2 ? "mlx5_vfio_pci" : "vfio_pci"};
	plan = assign(in, 3);
	assert_steps(plan,
		     "load module vfio_pci\n"
		     "  modprobe vfio_pci\n"
		     "remember that 0000:01:00.0 had no driver\n"
		     "  save-record 0000:01:00.0: driver (none), override (none), boot b, "
		     "1234:5678:0000:0000, #0\n"
		     "  undo: drop-record 0000:01:00.0\n"
		     "set driver_override of 0000:01:00.0 to vfio-pci\n"
		     "  \"vfio-pci\" > " OVERRIDE "\n"
		     "  undo: \"\" > " OVERRIDE "\n"
		     "bind 0000:01:00.0 to vfio-pci\n"
		     "  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind (while on (none))\n"
		     "  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind\n"
		     "remember that 0000:02:00.0 had no driver\n"
		     "  save-record 0000:02:00.0: driver (none), override (none), boot b, "
		     "1234:5678:0000:0000, #0\n"
		     "  undo: drop-record 0000:02:00.0\n"
		     "set driver_override of 0000:02:00.0 to vfio-pci\n"
		     "  \"vfio-pci\" > sys/bus/pci/devices/0000:02:00.0/driver_override\n"
		     "  undo: \"\" > sys/bus/pci/devices/0000:02:00.0/driver_override\n"
		     "bind 0000:02:00.0 to vfio-pci\n"
		     "  \"0000:02:00.0\" > sys/bus/pci/drivers/vfio-pci/bind (while on (none))\n"
		     "  undo: \"0000:02:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind\n");
	assert_targets(
		plan,
		"0000:01:00.0: (none) -> vfio-pci, taken, checked\n"
		"0000:02:00.0: (none) -> vfio-pci, taken, checked\n"
		"0000:03:00.0: mlx5_vfio_pci -> mlx5_vfio_pci, checked; is bound to it already\n");
}

static void test_assign_two_modules(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;
	struct plan_input in[2];

	build_bound(inv, "0000:01:00.0", 0x020000, 1, NULL);
	build_bound(inv, "0000:02:00.0", 0x020000, 2, NULL);
	build_finish(inv);
	for (size_t i = 0; i < 2; i++)
		in[i] = (struct plan_input){.function = &inv->functions[i],
					    .boot_id = "b",
					    .driver = i ? "xe-vfio-pci" : "vfio-pci",
					    .module = i ? "xe_vfio_pci" : "vfio_pci"};
	plan = assign(in, 2);
	/* All modules first: loading may fail, and then nothing was touched. */
	assert_string_equal(plan->steps[0].op.value, "vfio_pci");
	assert_string_equal(plan->steps[0].op.driver, "vfio-pci");
	assert_string_equal(plan->steps[1].op.value, "xe_vfio_pci");
	assert_string_equal(plan->steps[1].op.driver, "xe-vfio-pci");
	assert_int_equal(plan->steps[1].op.kind, OP_LOAD_MODULE);
	assert_int_equal(plan->steps[2].op.kind, OP_SAVE_RECORD);
	assert_int_equal(plan->steps[1].n_undo, 0);
}

/* What stood in the override before is what an undo writes, before it binds. */
static void test_assign_keeps_override(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {
		.function = nvme(inv, "nvme"), .driver = "vfio-pci", .boot_id = "b"};
	_cleanup_plan_ struct vfioadm_plan *other = NULL, *same = NULL;

	inv->functions[0].driver_override = str_known("nvme");
	other = assign(&in, 1);
	assert_steps(other,
		     "remember that 0000:01:00.0 had driver nvme\n"
		     "  save-record 0000:01:00.0: driver nvme, override nvme, boot b, "
		     "144d:a808:144d:a801, #0\n"
		     "  undo: drop-record 0000:01:00.0\n"
		     "set driver_override of 0000:01:00.0 to vfio-pci\n"
		     "  \"vfio-pci\" > " OVERRIDE "\n"
		     "  undo: \"nvme\" > " OVERRIDE "\n"
		     "unbind 0000:01:00.0 from nvme\n"
		     "  \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/unbind (while on nvme)\n"
		     "  undo: \"nvme\" > " OVERRIDE "\n"
		     "  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/bind\n"
		     "bind 0000:01:00.0 to vfio-pci\n"
		     "  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind (while on (none))\n"
		     "  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind\n");
	assert_string_equal(other->targets[0].override_before, "nvme");

	/* It names the driver already (a udev rule that came too late): nothing to write, and nothing to keep. */
	inv->functions[0].driver_override = str_known("vfio-pci");
	same = assign(&in, 1);
	assert_int_equal(same->n_steps, 3);
	assert_int_equal(same->steps[0].op.kind, OP_SAVE_RECORD);
	assert_null(same->steps[0].op.record->driver_override);
	assert_int_equal(same->steps[1].op.kind, OP_UNBIND);
	/* With it nvme could not be bound again. */
	assert_string_equal(same->steps[1].undo[0].value, "");
	assert_int_equal(same->steps[1].undo[1].kind, OP_BIND);
	assert_string_equal(same->steps[1].undo[2].value, "vfio-pci");
	assert_int_equal(same->steps[2].op.kind, OP_BIND);
}

/* From one VFIO driver to another the record stays that of the first assign. */
static void test_assign_from_vfio(void **state)
{
	const struct record first = {.device = "0000:01:00.0", .driver = "nvme", .boot_id = "b"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"),
				.driver = "acme_vfio_pci",
				.record = &first,
				.boot_id = "b"};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;

	inv->functions[0].driver_override = str_known("vfio-pci");
	plan = assign(&in, 1);
	assert_steps(
		plan,
		"set driver_override of 0000:01:00.0 to acme_vfio_pci\n"
		"  \"acme_vfio_pci\" > " OVERRIDE "\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"unbind 0000:01:00.0 from vfio-pci\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind (while on vfio-pci)\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind\n"
		"bind 0000:01:00.0 to acme_vfio_pci\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/acme_vfio_pci/bind (while on (none))\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/acme_vfio_pci/unbind\n");
}

static void test_assign_nothing_to_do(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"),
				.driver = "vfio-pci",
				.module = "vfio_pci",
				.boot_id = "b"};
	_cleanup_plan_ struct vfioadm_plan *plan = assign(&in, 1);

	assert_steps(plan, "");
	assert_targets(plan,
		       "0000:01:00.0: vfio-pci -> vfio-pci, checked; is bound to it already\n");
	assert_int_equal(plan->result, VFIOADM_RESULT_UNCHANGED);
}

/* A plan lives on when the inventory and what it was made from are gone. */
static void test_plan_outlives_inventory(void **state)
{
	struct vfioadm_inventory *inv = build_inventory();
	char driver[] = "vfio-pci", module[] = "vfio_pci", boot[] = "boot";
	struct plan_input in = {
		.function = nvme(inv, "nvme"), .driver = driver, .module = module, .boot_id = boot};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;
	_cleanup_free_ char *before = NULL, *after = NULL;

	plan = assign(&in, 1);
	before = plan_steps_text(plan);
	memset(driver, 'x', sizeof(driver) - 1);
	memset(module, 'x', sizeof(module) - 1);
	memset(boot, 'x', sizeof(boot) - 1);
	vfioadm_inventory_free(inv);
	after = plan_steps_text(plan);
	assert_string_equal(before, after);
	assert_targets(plan, "0000:01:00.0: nvme -> vfio-pci, taken, checked\n");
}

static void test_release_to_record(void **state)
{
	const struct record rec = {.device = "0000:01:00.0",
				   .driver = "nvme",
				   .boot_id = "b",
				   .vendor = 0x144d,
				   .device_id = 0xa808,
				   .incarnation = 42};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"),
				.incarnation = 42,
				.driver = "nvme",
				.record = &rec};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;

	inv->functions[0].driver_override = str_known("vfio-pci");
	plan = release(&in, 1, false);
	assert_steps(
		plan,
		"clear driver_override of 0000:01:00.0\n"
		"  \"\" > " OVERRIDE "\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"unbind 0000:01:00.0 from vfio-pci\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind (while on vfio-pci)\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind\n"
		"bind 0000:01:00.0 to nvme\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/bind (while on (none))\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/nvme/unbind\n"
		"forget what 0000:01:00.0 had before\n"
		"  drop-record 0000:01:00.0\n"
		"  undo: save-record 0000:01:00.0: driver nvme, override (none), boot b, "
		"144d:a808:0000:0000, #42\n");
	assert_targets(plan, "0000:01:00.0: vfio-pci -> nvme, taken, checked\n");
	assert_string_equal(plan->targets[0].override_before, "vfio-pci");
	assert_int_equal(plan->result, VFIOADM_RESULT_PLANNED);
}

/* Exactly the override found before, not just none. */
static void test_release_restores_override(void **state)
{
	const struct record rec = {.device = "0000:01:00.0",
				   .driver = "nvme",
				   .driver_override = "nvme",
				   .boot_id = "b"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"),
				.driver = "nvme",
				.module = "nvme",
				.record = &rec};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;

	inv->functions[0].driver_override = str_known("vfio-pci");
	plan = release(&in, 1, false);
	assert_string_equal(plan->steps[0].pub.text, "load module nvme");
	assert_string_equal(plan->steps[1].pub.text, "set driver_override of 0000:01:00.0 to nvme");
	assert_string_equal(plan->steps[1].pub.value, "nvme");
	assert_string_equal(plan->steps[1].undo[0].value, "vfio-pci");
	assert_string_equal(plan->steps[3].pub.text, "bind 0000:01:00.0 to nvme");
	assert_int_equal(plan->n_steps, 5);
}

static void test_release_to_nothing(void **state)
{
	const struct record driverless = {.device = "0000:01:00.0", .boot_id = "b"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"), .record = &driverless};
	_cleanup_plan_ struct vfioadm_plan *before = NULL, *unknown = NULL;

	inv->functions[0].driver_override = str_known("vfio-pci");
	before = release(&in, 1, false);
	assert_int_equal(before->n_steps, 3);
	assert_int_equal(before->steps[0].op.kind, OP_SET_OVERRIDE);
	assert_int_equal(before->steps[1].op.kind, OP_UNBIND);
	assert_int_equal(before->steps[2].op.kind, OP_DROP_RECORD);
	assert_targets(before,
		       "0000:01:00.0: vfio-pci -> (none), taken, checked; had no driver before it "
		       "was assigned\n");

	in.record = NULL;
	unknown = release(&in, 1, false);
	assert_int_equal(unknown->n_steps, 2);
	assert_int_equal(unknown->steps[1].op.kind, OP_UNBIND);
	assert_targets(unknown,
		       "0000:01:00.0: vfio-pci -> (none), taken, checked; no driver of this host "
		       "is known for it: left without a driver\n");
}

static void test_release_parked(void **state)
{
	const struct record rec = {.device = "0000:01:00.0", .driver = "nvme", .boot_id = "b"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"),
				.driver = "nvme",
				.module = "nvme",
				.record = &rec};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;

	inv->functions[0].driver_override = str_known("vfio-pci");
	plan = release(&in, 1, true);
	/* No module for a driver that is not to take it. */
	assert_steps(
		plan,
		"clear driver_override of 0000:01:00.0\n"
		"  \"\" > " OVERRIDE "\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"unbind 0000:01:00.0 from vfio-pci\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind (while on vfio-pci)\n"
		"  undo: \"vfio-pci\" > " OVERRIDE "\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind\n"
		"forget what 0000:01:00.0 had before\n"
		"  drop-record 0000:01:00.0\n"
		"  undo: save-record 0000:01:00.0: driver nvme, override (none), boot b, "
		"0000:0000:0000:0000, #0\n");
	assert_targets(
		plan, "0000:01:00.0: vfio-pci -> (none), taken, checked; left without a driver, as "
		      "asked\n");
}

/* Taken by card type, by another tool or in another boot: the best native driver, by name if known. */
static void test_release_without_record(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in = {.function = nvme(inv, "vfio-pci"), .driver = "nvme"};
	_cleanup_plan_ struct vfioadm_plan *named = NULL, *probed = NULL;

	named = release(&in, 1, false);
	assert_int_equal(named->n_steps, 2);
	assert_string_equal(named->steps[0].pub.text, "unbind 0000:01:00.0 from vfio-pci");
	assert_string_equal(named->steps[1].pub.text, "bind 0000:01:00.0 to nvme");
	assert_targets(named,
		       "0000:01:00.0: vfio-pci -> nvme, taken, checked; best host driver; there "
		       "is no record of an assign\n");

	in.driver = NULL;
	in.module = "mlx5_core";
	probed = release(&in, 1, false);
	assert_steps(
		probed,
		"load module mlx5_core\n"
		"  modprobe mlx5_core\n"
		"unbind 0000:01:00.0 from vfio-pci\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/unbind (while on vfio-pci)\n"
		"  undo: \"\" > " OVERRIDE "\n"
		"  undo: \"0000:01:00.0\" > sys/bus/pci/drivers/vfio-pci/bind\n"
		"bind 0000:01:00.0 to the best host driver\n"
		"  \"0000:01:00.0\" > sys/bus/pci/drivers_probe (while on (none))\n"
		"  undo: unbind 0000:01:00.0 from its driver\n");
	assert_targets(probed,
		       "0000:01:00.0: vfio-pci -> (none), taken, checked, any native; no record of "
		       "an assign: whichever host driver matches\n");
}

static void test_release_not_assigned(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct plan_input in[2] = {0};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;

	build_bound(inv, "0000:01:00.0", 0x020000, 1, "e1000e");
	build_bound(inv, "0000:02:00.0", 0x020000, 2, NULL);
	build_finish(inv);
	for (size_t i = 0; i < 2; i++)
		in[i] = (struct plan_input){
			.function = &inv->functions[i], .driver = "e1000e", .module = "e1000e"};
	plan = release(in, 2, false);
	assert_steps(plan, "");
	assert_targets(plan, "0000:01:00.0: e1000e -> e1000e, checked; is not assigned\n"
			     "0000:02:00.0: (none) -> (none), checked; is not assigned\n");
	assert_int_equal(plan->result, VFIOADM_RESULT_UNCHANGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assign_from_native),
		cmocka_unit_test(test_assign_loads_once),
		cmocka_unit_test(test_assign_two_modules),
		cmocka_unit_test(test_assign_keeps_override),
		cmocka_unit_test(test_assign_from_vfio),
		cmocka_unit_test(test_assign_nothing_to_do),
		cmocka_unit_test(test_plan_outlives_inventory),
		cmocka_unit_test(test_release_to_record),
		cmocka_unit_test(test_release_restores_override),
		cmocka_unit_test(test_release_to_nothing),
		cmocka_unit_test(test_release_parked),
		cmocka_unit_test(test_release_without_record),
		cmocka_unit_test(test_release_not_assigned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
