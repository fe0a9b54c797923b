/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "model/plan.h"

static void test_empty(void **state)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_RELEASE);

	assert_non_null(plan);
	assert_int_equal(plan->verb, VERB_RELEASE);
	assert_int_equal(vfioadm_plan_result(plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_n_steps(plan), 0);
	assert_int_equal(vfioadm_plan_n_findings(plan), 0);
	assert_int_equal(vfioadm_plan_n_outcomes(plan), 0);
	assert_null(vfioadm_plan_step(plan, 0));
	assert_null(vfioadm_plan_finding(plan, 0));
	assert_null(vfioadm_plan_outcome(plan, 0));
	vfioadm_plan_free(NULL);
}

static void test_growth(void **state)
{
	enum { MANY = 100 };
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);

	for (unsigned i = 0; i < MANY; i++) {
		struct step *step = plan_add_step(plan);
		struct vfioadm_finding *finding = plan_add_finding(plan);
		struct target *target = plan_add_target(plan);

		assert_null(step->pub.text);
		assert_int_equal(step->n_undo, 0);
		assert_int_equal(finding->severity, 0);
		assert_false(target->check);
		step->pub.error = (int)i;
		finding->code = arena_format(&plan->arena, "code-%u", i);
		target->pub.device = arena_format(&plan->arena, "%04x:00:00.0", i);
	}
	plan->result = VFIOADM_RESULT_REFUSED;
	assert_int_equal(vfioadm_plan_result(plan), VFIOADM_RESULT_REFUSED);
	assert_int_equal(vfioadm_plan_n_steps(plan), MANY);
	assert_int_equal(vfioadm_plan_n_findings(plan), MANY);
	assert_int_equal(vfioadm_plan_n_outcomes(plan), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		char code[16], device[16];

		snprintf(code, sizeof(code), "code-%u", i);
		snprintf(device, sizeof(device), "%04x:00:00.0", i);
		assert_int_equal(vfioadm_plan_step(plan, i)->error, i);
		assert_string_equal(vfioadm_plan_finding(plan, i)->code, code);
		assert_string_equal(vfioadm_plan_outcome(plan, i)->device, device);
	}
	assert_null(vfioadm_plan_step(plan, MANY));
	assert_null(vfioadm_plan_finding(plan, MANY));
	assert_null(vfioadm_plan_outcome(plan, MANY));
}

/* The files are the kernel's contract; none of them may change by accident. */
static void test_ops(void **state)
{
	static const struct {
		enum op_kind kind;
		const char *name, *path;
	} cases[] = {
		{OP_SET_OVERRIDE, "set-override",
		 "sys/bus/pci/devices/0000:01:00.0/driver_override"},
		{OP_UNBIND, "unbind", "sys/bus/pci/drivers/nvme/unbind"},
		{OP_BIND, "bind", "sys/bus/pci/drivers/nvme/bind"},
		{OP_PROBE, "probe", "sys/bus/pci/drivers_probe"},
		{OP_ADD_ID, "add-id", "sys/bus/pci/drivers/nvme/new_id"},
		{OP_REMOVE_ID, "remove-id", "sys/bus/pci/drivers/nvme/remove_id"},
		{OP_LOAD_MODULE, "load-module", NULL},
		{OP_SAVE_RECORD, "save-record", NULL},
		{OP_DROP_RECORD, "drop-record", NULL},
		{OP_SAVE_ID, "save-id", NULL},
		{OP_DROP_ID, "drop-id", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct op op = {
			.kind = cases[i].kind, .device = "0000:01:00.0", .driver = "nvme"};
		char path[OP_PATH_MAX] = "untouched";

		assert_string_equal(op_name(cases[i].kind), cases[i].name);
		assert_int_equal(op_path(&op, path), cases[i].path != NULL);
		assert_string_equal(path, cases[i].path ? cases[i].path : "untouched");
	}
}

static void test_add_op(void **state)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	struct op undo[2] = {{.kind = OP_BIND, .device = "d", .driver = "nvme"},
			     {.kind = OP_SET_OVERRIDE, .device = "d", .value = ""}};
	const struct op unbind = {.kind = OP_UNBIND, .device = "d", .driver = "nvme", .value = "d"};
	const struct op save = {.kind = OP_SAVE_RECORD, .device = "d"};
	struct step *step = plan_add_op(plan, &unbind, undo, 2, "unbind %s from %s", "d", "nvme");
	char text[8];

	assert_non_null(step);
	/* Copied, not referred to. */
	undo[0].driver = "other";
	assert_int_equal(step->n_undo, 2);
	assert_int_equal(step->undo[0].kind, OP_BIND);
	assert_string_equal(step->undo[0].driver, "nvme");
	assert_int_equal(step->undo[1].kind, OP_SET_OVERRIDE);
	assert_string_equal(step->pub.device, "d");
	assert_string_equal(step->pub.action, "unbind");
	assert_string_equal(step->pub.path, "/sys/bus/pci/drivers/nvme/unbind");
	assert_string_equal(step->pub.value, "d");
	assert_string_equal(step->pub.text, "unbind d from nvme");
	assert_int_equal(step->pub.state, VFIOADM_STEP_PLANNED);
	assert_int_equal(step->pub.error, 0);
	assert_ptr_equal(vfioadm_plan_step(plan, 0), &step->pub);

	strcpy(text, "words");
	step = plan_add_op(plan, &save, NULL, 0, "%s", text);
	assert_non_null(step);
	strcpy(text, "other");
	assert_string_equal(step->pub.text, "words");
	assert_null(step->pub.path);
	assert_null(step->pub.value);
	assert_null(step->undo);
	assert_int_equal(step->n_undo, 0);
	assert_int_equal(plan->n_steps, 2);
}

static void test_names(void **state)
{
	static const char *const states[] = {"planned", "running",     "done", "failed",
					     "undone",	"undo-failed", "stuck"};
	static const char *const results[] = {"planned", "unchanged", "done",
					      "refused", "undone",    "unsettled"};

	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		assert_string_equal(vfioadm_step_state_name((enum vfioadm_step_state)i), states[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(results); i++)
		assert_string_equal(vfioadm_result_name((enum vfioadm_result)i), results[i]);
	assert_string_equal(vfioadm_step_state_name((enum vfioadm_step_state)99), "unknown");
	assert_string_equal(vfioadm_result_name((enum vfioadm_result)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty), cmocka_unit_test(test_growth),
		cmocka_unit_test(test_ops),   cmocka_unit_test(test_add_op),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
