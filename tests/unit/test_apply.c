/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status and apply on the model. */
#include <fcntl.h>
#include <sys/stat.h>

#include "persist_fixture.h"
#include "store/declared.h"

/* ---- status and apply ---- */

static void test_apply(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "10-nvme", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	assert_state(t, "10-nvme", VFIOADM_DECLARED_DIFFERS);
	done(t, vfioadm_plan_apply, "10-nvme", false);
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci");
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	assert_state(t, "10-nvme", VFIOADM_DECLARED_IN_FORCE);
	assert_int_equal(plan(t, vfioadm_plan_apply, "10-nvme", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	assert_int_equal(plan(t, vfioadm_plan_apply, "nothing", (struct vfioadm_options){0}), -ENOENT);
}

static void test_what_cannot_be_applied(void **state)
{
	static const struct {
		const char *name, *text;
		enum vfioadm_declared_state state;
		int error;
	} cases[] = {
		{"missing", "[Match]\nPath=pci-0000:00:1f.0/00.0\nVendor=1b36\nDevice=0010\n",
		 VFIOADM_DECLARED_MISSING, -ENODEV},
		{"foreign", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=8086\nDevice=0010\n",
		 VFIOADM_DECLARED_FOREIGN, -ENOTUNIQ},
		{"twins", "[Match]\nVendor=1b36\nDevice=0010\n", VFIOADM_DECLARED_AMBIGUOUS, -ENOTUNIQ},
		{"wrong", "[Match]\nPth=pci-0000:00:02.0/00.0\n", VFIOADM_DECLARED_INVALID, -EBADMSG},
	};
	struct persist_test *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_conf(t, cases[i].name, cases[i].text);
		assert_state(t, cases[i].name, cases[i].state);
		assert_non_null(status_of(t, cases[i].name)->hint);
		assert_int_equal(plan(t, vfioadm_plan_apply, cases[i].name, (struct vfioadm_options){0}),
				 cases[i].error);
	}
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	/* None of them keeps another one back. */
	write_conf(t, "good", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n");
	done(t, vfioadm_plan_apply, "good", false);
}

static void test_two_for_one(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "a", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	write_conf(t, "b", "[Match]\nAddress=" TWIN0 "\nVendor=1b36\nDevice=0010\n");
	assert_state(t, "b", VFIOADM_DECLARED_AMBIGUOUS);
	assert_int_equal(plan(t, vfioadm_plan_apply, "a", (struct vfioadm_options){0}), -ENOTUNIQ);
	assert_string_equal(vfioadm_error_code_name(t->err), "config");
	assert_state(t, "a", VFIOADM_DECLARED_AMBIGUOUS);
	/* It costs no other one anything. */
	write_conf(t, "c", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n");
	done(t, vfioadm_plan_apply, "c", false);
}

/* What is said of a card counts more than what is said of its type. */
static void test_type_and_card(void **state)
{
	struct persist_test *t = *state;

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
	assert_false(vfioadm_status_drift(t->status));
	assert_int_equal(vfioadm_status_n(t->status), 2);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	done(t, vfioadm_plan_release, TWIN0, true);
	assert_non_null(finding(t, "still-declared"));
	assert_int_equal(vfioadm_status_n(status_of(t, NULL) ? t->status : NULL), 1);
}

/* A card of an enabled type that is plugged in while nvme is there: nvme has it before anybody is asked. */
static void test_one_of_a_type(void **state)
{
	struct persist_test *t = *state;
	struct vfioadm_options one = { .only = TWIN1 };
	const struct vfioadm_declared *item;

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_string_equal(driver_of(t->host, TWIN1), "vfio-pci");
	item = status_of(t, NULL);
	assert_int_equal(item->n_devices, 2);
	assert_int_equal(item->n_late, 0);
	assert_non_null(strstr(item->message, "2 functions are of it, of which 1 has another driver"));
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	/* Released by hand: it is left alone. */
	done(t, vfioadm_plan_release, TWIN1, false);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	/* What is declared of the card itself is not this declaration's to do. */
	write_conf(t, "card", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	one.only = TWIN0;
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	one.only = NIC;
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
}

/* vfioadm-early has found it on a driver that was there first: at boot it is taken, and after that it is anybody's. */
static void test_late_for_its_type(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_declared *item;

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	assert_int_equal(late_set(t->run_dir, TWIN1), 0);
	assert_int_equal(late_set(t->run_dir, NIC), 0);
	item = status_of(t, NULL);
	assert_int_equal(item->n_late, 1);
	assert_string_equal(item->late[0], TWIN1);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", (struct vfioadm_options){ .only = TWIN1 }), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_string_equal(driver_of(t->host, TWIN1), "vfio-pci");
	assert_int_equal(status_of(t, NULL)->n_late, 0);
	assert_int_equal(late_set(t->run_dir, TWIN1), 0);
	assert_int_equal(status_of(t, NULL)->n_late, 0);
	done(t, vfioadm_plan_release, TWIN1, false);
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	assert_int_equal(status_of(t, NULL)->n_late, 0);
	assert_false(late_is_set(t->run_dir, TWIN1));
	assert_true(late_is_set(t->run_dir, NIC));
}

/* Nothing that could be read declares it, but what has an error was perhaps meant to. */
static void test_a_file_that_may_declare(void **state)
{
	struct persist_test *t = *state;

	for (int broken = 0; broken < 2; broken++) {
		if (broken)
			write_conf(t, "broken", "[Match]\nVendr=1b36\n");
		done(t, vfioadm_plan_assign, TWIN0, false);
		done(t, vfioadm_plan_release, TWIN0, true);
		assert_int_equal(finding(t, "still-declared") != NULL, broken);
		done(t, vfioadm_plan_enable, "1b36:0010", false);
		done(t, vfioadm_plan_disable, "1b36:0010", true);
		assert_int_equal(finding(t, "still-declared") != NULL, broken);
	}
	assert_non_null(strstr(finding(t, "still-declared")->message,
			       "broken.conf has an error: whether it declares 1b36:0010 is not known"));
}

static void test_virtual_functions(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=3\n");
	assert_state(t, "vfs", VFIOADM_DECLARED_DIFFERS);
	assert_false(status_of(t, "vfs")->in_initramfs);
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_true(has_step(t, "set-autoprobe"));
	assert_string_equal(driver_of(t->host, NIC), "igb");
	assert_state(t, "vfs", VFIOADM_DECLARED_DIFFERS);
	/* Now that they are there: the second transaction. */
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_state(t, "vfs", VFIOADM_DECLARED_IN_FORCE);
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	/* Released by hand: apply leaves them alone, and that is said. */
	done(t, vfioadm_plan_release, "0000:03:10.0", false);
	assert_state(t, "vfs", VFIOADM_DECLARED_HELD);
	assert_non_null(strstr(status_of(t, "vfs")->message, "0000:03:10.0 was released, and is left alone"));
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	/* The kernel changes their number only from 0. */
	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=4\n");
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){0}), -EBUSY);
}

static void test_too_many_virtual_functions(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=8\n");
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){0}), -ERANGE);
	write_conf(t, "vfs", "[Match]\nAddress=" TWIN1 "\nVendor=1b36\nDevice=0010\n[SR-IOV]\nVFs=1\n");
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){0}), -ENOTSUP);
}

/* ---- files that were changed with an editor ---- */

#define OF_NIC "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n"

static bool outdated(struct persist_test *t)
{
	(void)status_of(t, NULL);
	return vfioadm_status_outdated(t->status);
}

static void test_by_hand(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	nothing_to_renew(t, true);
	write_conf(t, "nic", OF_NIC);
	assert_true(outdated(t));
	renewed(t, true, false);
	assert_false(outdated(t));
	assert_non_null(strstr(rules(t), NIC));
	nothing_to_renew(t, true);
	nothing_to_renew(t, false);
	write_conf(t, "disk", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	renewed(t, true, true);
	assert_int_equal(fake_rebuilt(t->host), 1);
	nothing_to_renew(t, true);
	/* What --persist declares needs no more than itself. */
	done(t, vfioadm_plan_assign, TWIN1, true);
	nothing_to_renew(t, true);
}

static void test_by_hand_before_boot(void **state)
{
	struct fault fails = { .kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*" };
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	write_conf(t, "disk", "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	/* A boot waits for no initramfs, but it is not forgotten. */
	renewed(t, false, false);
	assert_non_null(strstr(rules(t), "initramfs was not regenerated"));
	assert_true(outdated(t));
	nothing_to_renew(t, false);
	assert_int_equal(plan_renewal(t, true), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_non_null(strstr(rules(t), "initramfs was not regenerated"));
	fake_faults_clear(t->host);
	renewed(t, true, true);
	assert_null(strstr(rules(t), "initramfs was not regenerated"));
	nothing_to_renew(t, true);
}

/* ---- the rest of a group ---- */

#define WHOLE_CARD "[Match]\nAddress=" MULTI1 "\nVendor=1af4\nDevice=1044\n[Assign]\nIommuGroup=whole\n"

/* At boot its companion may have had a driver already, when it was taken itself. */
static void test_companion_that_stayed(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "rng", WHOLE_CARD);
	done(t, vfioadm_plan_apply, "rng", false);
	assert_int_equal(put(t->host, "drivers/vfio-pci/unbind", MULTI0), 0);
	assert_int_equal(put(t->host, "devices/" MULTI0 "/driver_override", "\n"), 0);
	assert_int_equal(put(t->host, "drivers/virtio-pci/bind", MULTI0), 0);
	assert_state(t, "rng", VFIOADM_DECLARED_DIFFERS);
	assert_non_null(strstr(status_of(t, "rng")->message, MULTI0 ", of the same IOMMU group, has virtio-pci"));
	done(t, vfioadm_plan_apply, "rng", false);
	assert_string_equal(driver_of(t->host, MULTI0), "vfio-pci");
	assert_state(t, "rng", VFIOADM_DECLARED_IN_FORCE);
}

/* Which group comes along is said of each declaration by itself. */
static void test_companions_of_their_own(void **state)
{
	const struct vfioadm_options o = { .size = sizeof(o) };
	const char *const both[] = { "disk", "card" };
	struct persist_test *t = *state;

	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n[Assign]\nIommuGroup=whole\n");
	write_conf(t, "card", "[Match]\nAddress=" MULTI0 "\n");
	forget(t);
	assert_int_equal(vfioadm_plan_apply(t->ctx, both, 2, &o, &t->plan, &t->err), 0);
	for (size_t i = 0; i < vfioadm_plan_n_outcomes(t->plan); i++)
		assert_false(vfioadm_plan_outcome(t->plan, i)->taken &&
			     streq(vfioadm_plan_outcome(t->plan, i)->device, MULTI1));
}

static void test_virtual_function_is_held(void **state)
{
	struct persist_test *t = *state;
	const char *vf;

	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=2\n");
	done(t, vfioadm_plan_apply, "vfs", false);
	done(t, vfioadm_plan_apply, "vfs", false);
	vf = "0000:03:10.0";
	assert_string_equal(driver_of(t->host, vf), "vfio-pci");
	done(t, vfioadm_plan_release, vf, false);
	assert_true(has_step(t, "hold"));
	assert_int_equal(plan(t, vfioadm_plan_apply, "vfs", (struct vfioadm_options){ .only = NIC }), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
}

/* ---- [Node] ---- */

static bool owned(const struct persist_test *t, const char *node, const char *owner)
{
	return t->host->ops->own_node(t->host, NULL, node, owner, true) == 0;
}

#define FIRST "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n"

static void test_node(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "disk", FIRST "[Node]\nUser=qemu\nGroup=kvm\n");
	done(t, vfioadm_plan_apply, "disk", false);
	assert_true(has_step(t, "own-nodes"));
	assert_true(owned(t, "dev/vfio/1", "qemu:kvm:0660"));
	assert_state(t, "disk", VFIOADM_DECLARED_IN_FORCE);
	/* Another wish is another declaration, though the driver is the same. */
	write_conf(t, "disk", FIRST "[Node]\nUser=107\nMode=0600\n");
	assert_state(t, "disk", VFIOADM_DECLARED_DIFFERS);
	assert_non_null(strstr(status_of(t, "disk")->message, "/dev/vfio/1 has another owner"));
	done(t, vfioadm_plan_apply, "disk", false);
	assert_int_equal(vfioadm_plan_n_steps(t->plan), 1);
	assert_true(owned(t, "dev/vfio/1", "107:0:0600"));
	assert_state(t, "disk", VFIOADM_DECLARED_IN_FORCE);
	assert_int_equal(plan(t, vfioadm_plan_apply, "disk", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	/* assign does the same, of what is declared and of nothing else. */
	done(t, vfioadm_plan_release, TWIN0, false);
	done(t, vfioadm_plan_assign, TWIN0, false);
	assert_true(owned(t, "dev/vfio/1", "107:0:0600"));
	done(t, vfioadm_plan_assign, TWIN1, false);
	assert_false(has_step(t, "own-nodes"));
}

static void test_node_of_nobody(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "disk", FIRST "[Node]\nUser=nobody-here\n");
	assert_int_equal(plan(t, vfioadm_plan_apply, "disk", (struct vfioadm_options){0}), -ESRCH);
	assert_non_null(strstr(vfioadm_error_hint(t->err), "[Node]"));
	assert_string_equal(vfioadm_error_code_name(t->err), "config");
	assert_null(t->plan);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	/* Nor of one that is assigned already. */
	write_conf(t, "disk", FIRST "[Node]\nUser=qemu\n");
	done(t, vfioadm_plan_apply, "disk", false);
	write_conf(t, "disk", FIRST "[Node]\nUser=nobody-here\n");
	assert_state(t, "disk", VFIOADM_DECLARED_DIFFERS);
	assert_int_equal(plan(t, vfioadm_plan_apply, "disk", (struct vfioadm_options){0}), -ESRCH);
	assert_true(owned(t, "dev/vfio/1", "qemu:0:0600"));
}

static void test_node_of_virtual_functions(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=2\n"
			     "[Node]\nGroup=kvm\n");
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_false(has_step(t, "own-nodes"));
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_true(has_step(t, "own-nodes"));
	assert_state(t, "vfs", VFIOADM_DECLARED_IN_FORCE);
	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=2\n"
			     "[Node]\nUser=qemu\n");
	assert_state(t, "vfs", VFIOADM_DECLARED_DIFFERS);
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_int_equal(vfioadm_plan_n_steps(t->plan), 2);
	assert_state(t, "vfs", VFIOADM_DECLARED_IN_FORCE);
}

#define FIRST_OF_CARD  "[Match]\nAddress=" MULTI0 "\nVendor=1af4\nDevice=1041\n[Assign]\nIommuGroup=whole\n"
#define SECOND_OF_CARD "[Match]\nAddress=" MULTI1 "\nVendor=1af4\nDevice=1044\n[Assign]\nIommuGroup=whole\n"

/* The guest that has the one has the other. */
static void test_node_of_companion(void **state)
{
	struct persist_test *t = *state;
	size_t n = 0;

	write_conf(t, "a", FIRST_OF_CARD "[Node]\nUser=qemu\n");
	done(t, vfioadm_plan_apply, "a", false);
	for (size_t i = 0; i < vfioadm_plan_n_steps(t->plan); i++) {
		const struct vfioadm_step *step = vfioadm_plan_step(t->plan, i);

		if (streq(step->action, "own-nodes")) {
			assert_string_equal(step->device, n ? MULTI1 : MULTI0);
			n++;
		}
	}
	assert_int_equal(n, 2);
}

/* One group, one node: who of two is to have it nobody can know. */
static void test_node_of_two(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "a", FIRST_OF_CARD "[Node]\nUser=qemu\n");
	write_conf(t, "b", SECOND_OF_CARD "[Node]\nUser=dpdk\n");
	assert_state(t, "a", VFIOADM_DECLARED_AMBIGUOUS);
	assert_non_null(strstr(status_of(t, "b")->message, "another owner from /etc/vfioadm.d/a.conf"));
	assert_int_equal(plan(t, vfioadm_plan_apply, "a", (struct vfioadm_options){0}), -ENOTUNIQ);
	assert_string_equal(vfioadm_error_code_name(t->err), "config");
	assert_string_equal(driver_of(t->host, MULTI0), "virtio-pci");
	/* Said twice it is no contradiction. */
	write_conf(t, "b", SECOND_OF_CARD "[Node]\nUser=qemu\n");
	assert_state(t, "a", VFIOADM_DECLARED_DIFFERS);
	write_conf(t, "b", SECOND_OF_CARD);
	assert_state(t, "a", VFIOADM_DECLARED_DIFFERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_apply),
		TEST(test_what_cannot_be_applied),
		TEST(test_two_for_one),
		TEST(test_type_and_card),
		TEST(test_one_of_a_type),
		TEST(test_late_for_its_type),
		TEST(test_a_file_that_may_declare),
		TEST(test_virtual_functions),
		TEST(test_too_many_virtual_functions),
		TEST(test_by_hand),
		TEST(test_by_hand_before_boot),
		TEST(test_companion_that_stayed),
		TEST(test_companions_of_their_own),
		TEST(test_virtual_function_is_held),
		TEST(test_node),
		TEST(test_node_of_nobody),
		TEST(test_node_of_virtual_functions),
		TEST(test_node_of_companion),
		TEST(test_node_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
