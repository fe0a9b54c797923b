/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --modprobe on the model. */
#include <fcntl.h>
#include <sys/stat.h>

#include "persist_fixture.h"
#include "policy/bootfiles.h"

/* ---- --modprobe ---- */

#define OPTIONS "\noptions vfio-pci ids="

static const char *modprobe(const struct persist_test *t)
{
	char name[256];
	const char *text = only_file(t, "etc/modprobe.d", name);

	if (text)
		assert_string_equal(name, "vfioadm.conf");
	return text;
}

static bool modprobe_has(const struct persist_test *t, const char *what)
{
	const char *text = modprobe(t);

	assert_non_null(text);
	return strstr(text, what);
}

static int enable(struct persist_test *t, const char *what)
{
	return plan(t, vfioadm_plan_enable, what, (struct vfioadm_options){ .persist = true, .modprobe = true });
}

static void enabled(struct persist_test *t, const char *what)
{
	assert_int_equal(enable(t, what), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

static size_t step_at(const struct persist_test *t, const char *action)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(t->plan); i++)
		if (streq(vfioadm_plan_step(t->plan, i)->action, action))
			return i;
	fail_msg("no step %s", action);
	return 0;
}

static void test_modprobe(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image igb"), 0);
	done(t, vfioadm_plan_enable, "1b36:0010", true);
	assert_null(modprobe(t));
	assert_int_equal(enable(t, "8086:10c9"), 0);
	assert_true(step_at(t, "declare") < step_at(t, "write-modprobe"));
	assert_true(step_at(t, "write-modprobe") < step_at(t, "rebuild-initramfs"));
	assert_string_equal(vfioadm_plan_step(t->plan, step_at(t, "write-modprobe"))->path, "/" BOOTFILES_MODPROBE);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	/* All that are declared, and what would take them. */
	assert_true(modprobe_has(t, OPTIONS "1b36:0010,8086:10c9\n"));
	assert_true(modprobe_has(t, "\nsoftdep nvme pre: vfio-pci\n"));
	assert_true(modprobe_has(t, "\nsoftdep igb pre: vfio-pci\n"));
	assert_int_equal(enable(t, "8086:10c9"), 0);
	assert_false(has_step(t, "write-modprobe"));
	assert_false(has_step(t, "rebuild-initramfs"));
	/* From now on it follows by itself. */
	done(t, vfioadm_plan_enable, "1af4:1041", true);
	assert_true(modprobe_has(t, OPTIONS "1af4:1041,1b36:0010,8086:10c9\n"));
	done(t, vfioadm_plan_disable, "8086:10c9", false);
	assert_true(modprobe_has(t, "8086:10c9"));
	done(t, vfioadm_plan_disable, "8086:10c9", true);
	assert_true(modprobe_has(t, OPTIONS "1af4:1041,1b36:0010\n"));
	assert_false(modprobe_has(t, "igb"));
	done(t, vfioadm_plan_disable, "1af4:1041", true);
	done(t, vfioadm_plan_disable, "1b36:0010", true);
	assert_null(modprobe(t));
	/* And is not wanted any more. */
	done(t, vfioadm_plan_enable, "1b36:0010", true);
	assert_null(modprobe(t));
}

static void test_modprobe_later(void **state)
{
	struct persist_test *t = *state;

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	enabled(t, "1b36:0010");
	assert_false(has_step(t, "declare"));
	assert_false(has_step(t, "write-rules"));
	assert_true(modprobe_has(t, OPTIONS "1b36:0010\n"));
	/* One card's declaration is none of its business. */
	done(t, vfioadm_plan_assign, NIC, true);
	assert_false(has_step(t, "write-modprobe"));
}

static void test_modprobe_alone(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", (struct vfioadm_options){ .modprobe = true }),
			 -EINVAL);
	assert_string_equal(vfioadm_error_code_name(t->err), "usage");
	assert_non_null(strstr(vfioadm_error_hint(t->err), "--persist"));
}

#define FOREIGN "options vfio-pci ids=10de:1b80\n"

static void test_modprobe_of_others(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	write_etc(t, "modprobe.d", "vfioadm", FOREIGN);
	assert_int_equal(enable(t, "1b36:0010"), -EEXIST);
	assert_string_equal(vfioadm_error_path(t->err), "/" BOOTFILES_MODPROBE);
	assert_non_null(strstr(vfioadm_error_hint(t->err), "another name"));
	assert_null(declared(t, name));
	assert_string_equal(modprobe(t), FOREIGN);
	/* Who does not ask for it is not bothered by it, and it stays what it is. */
	done(t, vfioadm_plan_enable, "1b36:0010", true);
	done(t, vfioadm_plan_disable, "1b36:0010", true);
	assert_string_equal(modprobe(t), FOREIGN);
}

static void test_modprobe_of_others_meanwhile(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	assert_int_equal(enable(t, "1b36:0010"), 0);
	write_etc(t, "modprobe.d", "vfioadm", FOREIGN);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EEXIST);
	assert_non_null(strstr(vfioadm_error_hint(t->err), "another name"));
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_null(declared(t, name));
	assert_string_equal(modprobe(t), FOREIGN);
}

static void test_modprobe_not_to_be_trusted(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *path = str_format("%s/" BOOTFILES_MODPROBE, t->root);

	enabled(t, "1b36:0010");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(enable(t, "8086:10c9"), -EPERM);
	assert_string_equal(vfioadm_error_path(t->err), "/" BOOTFILES_MODPROBE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(enable(t, "8086:10c9"), -ELOOP);
}

static void test_modprobe_undone(void **state)
{
	struct fault fails = { .kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*" };
	struct persist_test *t = *state;
	_cleanup_free_ char *before = NULL;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(fake_control(t->host, "image igb"), 0);
	assert_int_equal(enable(t, "1b36:0010"), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_null(modprobe(t));
	fake_faults_clear(t->host);
	enabled(t, "1b36:0010");
	before = strdup(modprobe(t));
	/* Back to what it was, not to none. */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(plan(t, i ? vfioadm_plan_disable : vfioadm_plan_enable, i ? "1b36:0010" : "8086:10c9",
				      (struct vfioadm_options){ .persist = true }), 0);
		assert_true(has_step(t, "write-modprobe"));
		assert_int_equal(fake_fault(t->host, &fails), 0);
		assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
		assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
		assert_string_equal(modprobe(t), before);
		fake_faults_clear(t->host);
	}
}

/* What an initramfs leaves out modprobe does not. */
static void test_modprobe_of_root(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "disks", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(enable(t, "8086:10c9"), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_int_equal(vfioadm_plan_n_findings(t->plan), 1);
	assert_non_null(strstr(vfioadm_plan_finding(t->plan, 0)->message, TWIN0 " has this card type"));
	assert_null(modprobe(t));
	done(t, vfioadm_plan_enable, "8086:10c9", true);
	assert_null(modprobe(t));
}

static void test_modprobe_by_hand(void **state)
{
	struct persist_test *t = *state;

	enabled(t, "1b36:0010");
	write_conf(t, "nics", "[Match]\nCardType=8086:10c9\n");
	assert_int_equal(plan_renewal(t, true), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_true(modprobe_has(t, OPTIONS "1b36:0010,8086:10c9\n"));
	nothing_to_renew(t, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_modprobe),
		TEST(test_modprobe_later),
		TEST(test_modprobe_alone),
		TEST(test_modprobe_of_others),
		TEST(test_modprobe_of_others_meanwhile),
		TEST(test_modprobe_not_to_be_trusted),
		TEST(test_modprobe_undone),
		TEST(test_modprobe_by_hand),
		cmocka_unit_test_setup_teardown(test_modprobe_of_root, setup_mounted, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
