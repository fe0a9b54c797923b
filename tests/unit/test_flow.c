/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public calls on the model: what no command line can make happen between planning and running. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/str.h"
#include "fake/fake.h"
#include "fake_root.h"
#include "flow/ctx.h"
#include "model/address.h"

/* With a process: where none is to be seen nobody can know who holds a device open. */
#define HOST_ROOT                                                                                  \
	FAKE_ROOT "d proc/sys/kernel/random\nf boot_id 5ca1ab1e\n"                                 \
		  "d proc/self/ns\nl pid pid:[4026531836]\nl mnt mnt:[4026531840]\n"               \
		  "d proc/1\nf stat 1 (init) S 0 1 1 0 -1 4194560\nd proc/1/fd\n"                  \
		  "d proc/1/ns\nl mnt mnt:[4026531840]\nl net net:[4026531992]\n"

struct flow_test {
	char run_dir[64];
	struct host *host; /* the context's */
	struct vfioadm_ctx *ctx;
	struct vfioadm_plan *plan;
	struct vfioadm_error *err;
};

static int flow_setup_on(void **state, const char *root)
{
	static struct flow_test t;

	t = (struct flow_test){.run_dir = "/dev/shm/vfioadm-flow-XXXXXX"};
	if (!mkdtemp(t.run_dir) || fake_new_text(root, NULL, &t.host) < 0)
		return -1;
	*state = &t;
	return ctx_new_with_host(t.host, t.run_dir, &t.ctx);
}

static int flow_setup(void **state)
{
	return flow_setup_on(state, HOST_ROOT);
}

static int flow_teardown(void **state)
{
	struct flow_test *t = *state;
	_cleanup_free_ char *remove = str_format("rm -rf %s", t->run_dir);

	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	vfioadm_ctx_unref(t->ctx);
	return system(remove);
}

typedef int make_plan_fn(struct vfioadm_ctx *, const char *const *, size_t, const struct vfioadm_options *,
			 struct vfioadm_plan **, struct vfioadm_error **);

/* A plan for functions or card types; the test's plan and error from then on. */
static int plan_for(struct flow_test *t, make_plan_fn *make, const char *const *what, size_t n, bool dry_run)
{
	struct vfioadm_options o = {.size = sizeof(o), .dry_run = dry_run};

	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	t->plan = NULL;
	t->err = NULL;
	return make(t->ctx, what, n, &o, &t->plan, &t->err);
}

static int plan(struct flow_test *t, make_plan_fn *make, const char *what, bool dry_run)
{
	return plan_for(t, make, &what, 1, dry_run);
}

static void run(struct flow_test *t)
{
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

static void assign(struct flow_test *t, const char *address)
{
	assert_int_equal(plan(t, vfioadm_plan_assign, address, false), 0);
	run(t);
	assert_string_equal(driver_of(t->host, address), "vfio-pci");
}

static void assert_code(const struct flow_test *t, const char *code)
{
	assert_non_null(t->err);
	assert_string_equal(vfioadm_error_code_name(t->err), code);
}

/* ---- between planning and running ---- */

/* The one that is bound first has the disk nvme0n1. */
static void bind_in_order(struct flow_test *t, const char *first, const char *second)
{
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", first), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", second), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/bind", first), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/bind", second), 0);
}

/* A disk that was not there when the function was looked at may have been mounted since. */
static void test_disk_appears_meanwhile(void **state)
{
	struct flow_test *t = *state;

	bind_in_order(t, TWIN1, TWIN0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	bind_in_order(t, TWIN0, TWIN1);
	assert_int_equal(fake_control(t->host, "use-disk nvme1n1"), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EBUSY);
	assert_code(t, "changed");
	assert_non_null(strstr(vfioadm_error_message(t->err), "nvme1n1 has appeared since the check, and is in use"));
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	assert_string_equal(override_of(t->host, TWIN1), "(null)");
	assert_int_equal(fake_control(t->host, "leave-disk nvme1n1"), 0);
}

/* One that nobody has is held and goes along. */
static void test_free_disk_appears_meanwhile(void **state)
{
	struct flow_test *t = *state;

	bind_in_order(t, TWIN1, TWIN0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	bind_in_order(t, TWIN0, TWIN1);
	run(t);
	assert_string_equal(driver_of(t->host, TWIN1), "vfio-pci");
}

static void test_exchanged_meanwhile(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN1 "/remove", "1"), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/rescan", "1"), 0);
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -ESTALE);
	assert_code(t, "changed");
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	assert_string_equal(override_of(t->host, TWIN1), "(null)");
}

/* What is planned to be run holds the lock: nobody of us can come between. */
static void test_plans_one_at_a_time(void **state)
{
	static const char *const twin1 = TWIN1;
	struct flow_test *t = *state;
	struct vfioadm_plan *second = NULL;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), 0);
	assert_int_equal(vfioadm_plan_assign(t->ctx, &twin1, 1, NULL, &second, &t->err), -EAGAIN);
	assert_null(second);
	assert_code(t, "busy");
	assert_non_null(strstr(vfioadm_error_message(t->err), "assign " TWIN0));
	/* A dry run needs none, and a refused plan gives it back at once. */
	assert_int_equal(plan(t, vfioadm_plan_assign, PORT, false), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_int_equal(vfioadm_plan_assign(t->ctx, &twin1, 1, NULL, &second, &t->err), 0);
	vfioadm_plan_free(second);
}

/* ---- the contract of the header ---- */

/* What is in it beforehand is not looked at: many callers have never set it. */
static void test_error_is_always_set(void **state)
{
	static const char *const twin0 = TWIN0, *const nowhere = "0000:99:00.0", *const bad = "?";
	struct vfioadm_error *const garbage = (struct vfioadm_error *)(uintptr_t)0x5a5a5a5a, *err = garbage;
	const struct vfioadm_options dry = {.size = sizeof(dry), .dry_run = true};
	struct vfioadm_settlement *settlement = NULL;
	struct vfioadm_inventory *inv = NULL;
	struct vfioadm_checkup *checkup = NULL;
	struct vfioadm_enabled *enabled = NULL;
	struct vfioadm_status *status = NULL;
	struct flow_test *t = *state;
	make_plan_fn *const make[] = {vfioadm_plan_assign, vfioadm_plan_release, vfioadm_plan_enable,
				      vfioadm_plan_disable};

	assert_int_equal(vfioadm_observe(t->ctx, VFIOADM_FACET_BASIC, &inv, &err), 0);
	assert_null(err);
	vfioadm_inventory_free(inv);
	for (size_t i = 0; i < ARRAY_SIZE(make); i++) {
		err = garbage;
		assert_true(make[i](t->ctx, i < 2 ? &nowhere : &bad, 1, &dry, &t->plan, &err) < 0);
		assert_non_null(vfioadm_error_message(err));
		vfioadm_error_free(err);
		vfioadm_plan_free(t->plan);
		t->plan = NULL;
	}
	err = garbage;
	assert_int_equal(vfioadm_check(t->ctx, &twin0, 1, NULL, &checkup, &err), 0);
	assert_null(err);
	vfioadm_checkup_free(checkup);
	err = garbage;
	assert_int_equal(vfioadm_status(t->ctx, &status, &err), 0);
	assert_null(err);
	vfioadm_status_free(status);
	err = garbage;
	assert_int_equal(vfioadm_enabled_list(t->ctx, &enabled, &err), 0);
	assert_null(err);
	vfioadm_enabled_free(enabled);
	err = garbage;
	assert_int_equal(vfioadm_settle(t->ctx, false, &settlement, &err), 0);
	assert_null(err);
	vfioadm_settlement_free(settlement);
	err = garbage;
	assert_true(vfioadm_config_check(t->ctx, "/nowhere/x.conf", &err) < 0);
	assert_non_null(vfioadm_error_message(err));
	vfioadm_error_free(err);
	err = garbage;
	assert_true(vfioadm_ctx_set_sysroot(t->ctx, "/nowhere", &err) < 0);
	vfioadm_error_free(err);
	err = garbage;
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &err), 0);
	assert_null(err);
	err = garbage;
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &err), -EINVAL);
	vfioadm_error_free(err);
}

static void test_sizes_of_options(void **state)
{
	static const char *const twin0 = TWIN0;
	struct flow_test *t = *state;
	struct {
		struct vfioadm_options o;
		char later[16];
	} grown;
	static const size_t bad[] = {0, 1, sizeof(size_t), offsetof(struct vfioadm_options, n_force), SIZE_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&grown, 0, sizeof(grown));
		grown.o.size = bad[i];
		assert_int_equal(vfioadm_plan_assign(t->ctx, &twin0, 1, &grown.o, &t->plan, &t->err), -EINVAL);
		assert_code(t, "usage");
		assert_non_null(strstr(vfioadm_error_hint(t->err), "sizeof(struct vfioadm_options)"));
		vfioadm_error_free(t->err);
	}
	/* An older caller: what it does not have is zero, whatever lies behind it. */
	memset(&grown, 0xff, sizeof(grown));
	memset(&grown, 0, offsetof(struct vfioadm_options, persist));
	grown.o.size = offsetof(struct vfioadm_options, persist);
	grown.o.dry_run = true;
	assert_int_equal(vfioadm_plan_assign(t->ctx, &twin0, 1, &grown.o, &t->plan, &t->err), 0);
	vfioadm_plan_free(t->plan);
	t->plan = NULL;
	/* A later one may not ask for what is not known here. */
	memset(&grown, 0, sizeof(grown));
	grown.o.size = sizeof(grown);
	grown.o.dry_run = true;
	assert_int_equal(vfioadm_plan_assign(t->ctx, &twin0, 1, &grown.o, &t->plan, &t->err), 0);
	vfioadm_plan_free(t->plan);
	t->plan = NULL;
	grown.later[15] = 1;
	assert_int_equal(vfioadm_plan_assign(t->ctx, &twin0, 1, &grown.o, &t->plan, &t->err), -EINVAL);
	assert_non_null(strstr(vfioadm_error_message(t->err), "does not know"));
	assert_null(t->plan);
}

/* One wish to stop ends one run. */
static void test_cancel_ends_with_the_run(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), 0);
	vfioadm_ctx_cancel(t->ctx);
	vfioadm_ctx_cancel(t->ctx);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -ECANCELED);
	assert_code(t, "cancelled");
	assign(t, TWIN0);
	/* Of a plan that is never run. */
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	vfioadm_ctx_cancel(t->ctx);
	assign(t, TWIN1);
	/* And one that comes before its plan is not lost. */
	vfioadm_ctx_cancel(t->ctx);
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN1, false), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -ECANCELED);
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN1, false), 0);
	run(t);
}

static void test_plan_belongs_to_its_context(void **state)
{
	struct flow_test *t = *state;
	struct vfioadm_ctx *other = NULL;
	struct host *host = NULL;

	assert_int_equal(fake_new_text(HOST_ROOT, NULL, &host), 0);
	assert_int_equal(ctx_new_with_host(host, t->run_dir, &other), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), 0);
	assert_int_equal(vfioadm_plan_run(other, t->plan, &t->err), -EINVAL);
	assert_code(t, "usage");
	assert_string_equal(driver_of(host, TWIN0), "nvme");
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	vfioadm_ctx_unref(other);
	vfioadm_error_free(t->err);
	run(t);
}

/* A client that was built when the structures were shorter follows pointers, whatever their size is now. */
static void test_arrays_are_of_pointers(void **state)
{
	struct flow_test *t = *state;
	struct vfioadm_inventory *inv = NULL;
	const struct vfioadm_function *f;

	_Static_assert(_Generic(f->users, const struct vfioadm_user *const *: 1, default: 0), "by pointer");
	_Static_assert(_Generic(f->bars, const struct vfioadm_bar *const *: 1, default: 0), "by pointer");
	assert_int_equal(vfioadm_observe(t->ctx, VFIOADM_FACET_BASIC, &inv, &t->err), 0);
	for (size_t i = 0; i < vfioadm_inventory_n_functions(inv); i++) {
		f = vfioadm_inventory_function(inv, i);
		for (size_t k = 0; k < f->n_users; k++)
			assert_non_null(f->users[k]->what);
	}
	vfioadm_inventory_free(inv);
}

/* Other programs do not ask for our lock: what they wrote must stay. */
static void test_assigned_meanwhile(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EBUSY);
	assert_code(t, "changed");
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(driver_of(t->host, TWIN1), "");
	assert_string_equal(override_of(t->host, TWIN1), "(null)");
}

static void test_override_meanwhile(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN1 "/driver_override",
					  "pci-stub"),
			 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EBUSY);
	assert_code(t, "changed");
	assert_string_equal(override_of(t->host, TWIN1), "pci-stub");
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
}

static void test_gone_meanwhile(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN1, false), 0);
	control(t->host, "vanish " TWIN1);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -ENODEV);
	assert_code(t, "vanished");
}

static void test_runs_once(void **state)
{
	struct flow_test *t = *state;

	assign(t, TWIN0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EINVAL);
	assert_code(t, "usage");
	/* Not for another reason: its session is closed as well. */
	assert_string_equal(vfioadm_error_message(t->err), "A plan can be run only once.");
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci");
}

static void test_refused_does_not_run(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, PORT, false), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EPERM);
	assert_code(t, "refused");
	assert_string_equal(driver_of(t->host, PORT), "pcieport");
}

/* ---- who may, and where ---- */

static void test_root_only(void **state)
{
	struct flow_test *t = *state;

	t->host->unprivileged = true;
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), -EACCES);
	assert_code(t, "not-permitted");
	assert_int_equal(vfioadm_error_exit(t->err), VFIOADM_EXIT_NOT_PERMITTED);
	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", false), -EACCES);
	/* Who only asks needs no privilege; and the plan is no way round it. */
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, true), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EINVAL);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
}

static int no_iommu_setup(void **state)
{
	_cleanup_free_ char *root = strdup(HOST_ROOT);
	char *unit = strstr(root, "l dmar0 ");

	/* The class stays, as it does on a kernel that has the code but no unit to drive. */
	memset(unit, '#', strcspn(unit, "\n"));
	return flow_setup_on(state, root);
}

static void test_no_iommu(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, false), -ENODEV);
	assert_code(t, "no-iommu");
	assert_int_equal(vfioadm_error_exit(t->err), VFIOADM_EXIT_NOT_READY);
	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", true), -ENODEV);
	assert_code(t, "no-iommu");
}

/* ---- records ---- */

static void edit_record(const struct flow_test *t, const char *address, const char *key,
			const char *value)
{
	_cleanup_free_ char *path = str_format("%s/records/%s", t->run_dir, address);
	char text[4096], *line;
	FILE *f = fopen(path, "r+");
	size_t n, keep;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	line = strstr(text, key);
	assert_non_null(line);
	assert_int_equal(line[-1], '\n');
	keep = (size_t)(line - text);
	rewind(f);
	assert_int_equal(ftruncate(fileno(f), 0), 0);
	fprintf(f, "%.*s%s%s%s", (int)keep, text, key, value, line + strcspn(line, "\n"));
	fclose(f);
}

/*
 * The function had no driver before: whoever believes the record leaves it without one, whoever does not
 * gives it to the best native driver.
 */
static const char *release_note(struct flow_test *t)
{
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN1, true), 0);
	assert_int_equal(vfioadm_plan_n_outcomes(t->plan), 1);
	return vfioadm_plan_outcome(t->plan, 0)->note;
}

static void assign_driverless(struct flow_test *t)
{
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN1), 0);
	assign(t, TWIN1);
}

static void test_record_believed(void **state)
{
	struct flow_test *t = *state;

	assign_driverless(t);
	assert_string_equal(release_note(t), "had no driver before it was assigned");
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN1, false), 0);
	run(t);
	assert_string_equal(driver_of(t->host, TWIN1), "");
}

static void void_when(struct flow_test *t, const char *key, const char *value)
{
	assign_driverless(t);
	edit_record(t, TWIN1, key, value);
	assert_non_null(strstr(release_note(t), "no record of an assign"));
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN1, false), 0);
	run(t);
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
}

static void test_record_of_other_boot(void **state)
{
	void_when(*state, "boot_id=", "0ddba11");
}

static void test_record_of_other_incarnation(void **state)
{
	void_when(*state, "incarnation=", "1");
}

static void test_record_of_other_vendor(void **state)
{
	void_when(*state, "vendor=", "8086");
}

static void test_record_of_other_device(void **state)
{
	void_when(*state, "device_id=", "5845");
}

static void test_record_of_other_subsystem(void **state)
{
	void_when(*state, "subsystem_device=", "1101");
}

/* ---- card types ---- */

static void test_type_named_twice(void **state)
{
	struct flow_test *t = *state;
	static const char *const ids[] = {"1b36:0010", "1B36:0010:*"};
	size_t once;

	assert_int_equal(plan(t, vfioadm_plan_enable, ids[0], false), 0);
	once = vfioadm_plan_n_steps(t->plan);
	vfioadm_plan_free(t->plan);
	t->plan = NULL;
	assert_int_equal(vfioadm_plan_enable(t->ctx, ids, 2, NULL, &t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_n_steps(t->plan), once);
}

static size_t n_enabled(struct flow_test *t)
{
	struct vfioadm_enabled *enabled = NULL;
	size_t n;

	assert_int_equal(vfioadm_enabled_list(t->ctx, &enabled, &t->err), 0);
	n = vfioadm_enabled_n(enabled);
	vfioadm_enabled_free(enabled);
	return n;
}

/* The kernel forgets dynamic IDs with the module, so our own record must not outlive it either. */
static void test_enabled_goes_with_module(void **state)
{
	struct flow_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", false), 0);
	run(t);
	assert_int_equal(n_enabled(t), 1);
	assert_int_equal(fake_unload(t->host, "vfio_pci"), 0);
	assert_int_equal(n_enabled(t), 0);
	assert_int_equal(fake_modprobe(t->host, "vfio_pci", NULL), 0);
	assert_int_equal(n_enabled(t), 0);
}

/* ---- listing ---- */

static ssize_t (*real_read)(struct host *h, host_dir dir, const char *name, char *buf, size_t size);
static struct strv names_read;

static ssize_t noting_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	const char *slash = strrchr(name, '/');

	assert_int_equal(strv_add(&names_read, slash ? slash + 1 : name), 0);
	return real_read(h, dir, name, buf, size);
}

/* uevent takes the device's lock on 6.1, config wakes the device; neither may hang a listing. */
static void test_list_never_blocks(void **state)
{
	static const char *const blocking[] = {"uevent", "driver_override", "sriov_numvfs",
					       "config"};
	struct flow_test *t = *state;
	struct vfioadm_inventory *inv = NULL;
	struct host_ops ops = *t->host->ops;
	const struct host_ops *before = t->host->ops;
	unsigned operations = fake_operations(t->host);

	real_read = ops.read;
	ops.read = noting_read;
	t->host->ops = &ops;
	assert_int_equal(
		vfioadm_observe(t->ctx,
				VFIOADM_FACET_BASIC | VFIOADM_FACET_NAMES | VFIOADM_FACET_PATH,
				&inv, &t->err),
		0);
	t->host->ops = before;
	assert_int_equal(vfioadm_inventory_n_functions(inv), 7);
	vfioadm_inventory_free(inv);
	assert_true(names_read.n > 7);
	for (size_t i = 0; i < ARRAY_SIZE(blocking); i++)
		assert_false(strv_has(&names_read, blocking[i]));
	/* Nor any of the reads that go through the helper. */
	assert_int_equal(fake_operations(t->host), operations);
	strv_clear(&names_read);
}

static size_t prepared;

static void noting_prepare(struct host *h, size_t claims)
{
	prepared = claims > prepared ? claims : prepared;
}

static size_t prepared_for(struct flow_test *t, make_plan_fn *make, const char *const names[2], bool dry_run)
{
	prepared = 0;
	assert_int_equal(plan_for(t, make, names, 2, dry_run), 0);
	return prepared;
}

/* Of each function that will be claimed the host is told beforehand, and of no other. */
static void test_claims_are_prepared(void **state)
{
	static const char *const twins[] = {TWIN0, TWIN1};
	struct flow_test *t = *state;
	const struct host_ops *before = t->host->ops;
	struct host_ops ops = *before;

	ops.prepare = noting_prepare;
	t->host->ops = &ops;
	assert_int_equal(prepared_for(t, vfioadm_plan_assign, twins, true), 0);
	assert_int_equal(prepared_for(t, vfioadm_plan_release, twins, false), 0);
	assert_int_equal(prepared_for(t, vfioadm_plan_assign, twins, false), 2);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(prepared_for(t, vfioadm_plan_assign, twins, false), 0);
	assert_int_equal(prepared_for(t, vfioadm_plan_release, twins, false), 2);
	t->host->ops = before;
}

static host_dir (*real_dir_open)(struct host *h, const char *path);
static bool vanishes;

static host_dir noting_dir_open(struct host *h, const char *path)
{
	vanishes = strstr(path, TWIN1) != NULL;
	return real_dir_open(h, path);
}

static ssize_t vanishing_read(struct host *h, host_dir dir, const char *name, char *buf,
			      size_t size)
{
	ssize_t n = real_read(h, dir, name, buf, size);

	if (vanishes && n > 0) {
		vanishes = false;
		control(h, "vanish " TWIN1);
	}
	return n;
}

static void test_vanishes_while_read(void **state)
{
	struct flow_test *t = *state;
	struct vfioadm_inventory *inv = NULL;
	struct host_ops ops = *t->host->ops;
	const struct host_ops *before = t->host->ops;

	real_read = ops.read;
	real_dir_open = ops.dir_open;
	ops.read = vanishing_read;
	ops.dir_open = noting_dir_open;
	t->host->ops = &ops;
	assert_int_equal(vfioadm_observe(t->ctx, VFIOADM_FACET_BASIC, &inv, &t->err), 0);
	t->host->ops = before;
	assert_null(vfioadm_inventory_find(inv, TWIN1));
	assert_int_equal(vfioadm_inventory_n_functions(inv), 6);
	vfioadm_inventory_free(inv);
}

#define FLOW_TEST(fn) cmocka_unit_test_setup_teardown(fn, flow_setup, flow_teardown)

/* ---- groups that come late ---- */

/* An IOMMU of which groups are made when a driver is first tried: BARE has none yet. */
static int late_setup(void **state)
{
	return flow_setup_on(state, HOST_ROOT "d sys/class/iommu\nl 0000:00:1e.0 "
					      "../../devices/pci0000:00/0000:00:1e.0/virtio0/iommu/0000:00:1e.0\n");
}

static void test_late_group(void **state)
{
	struct flow_test *t = *state;

	control(t->host, "group " BARE " 7");
	assign(t, BARE);
	assert_true(vfioadm_plan_n_findings(t->plan) > 0);
	assert_string_equal(vfioadm_plan_finding(t->plan, 0)->code, "group-unknown");
}

/* After the bind it is another group than could be foreseen, with a function that the host drives. */
static void test_late_group_is_another(void **state)
{
	struct flow_test *t = *state;
	size_t n;

	control(t->host, "group " BARE " 2");
	assert_int_equal(plan(t, vfioadm_plan_assign, BARE, false), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EPERM);
	assert_code(t, "step-failed");
	assert_non_null(strstr(vfioadm_error_message(t->err), TWIN1 " (nvme)"));
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(driver_of(t->host, BARE), "");
	assert_string_equal(override_of(t->host, BARE), "(null)");
	assert_string_equal(driver_of(t->host, TWIN1), "nvme");
	n = vfioadm_plan_n_findings(t->plan);
	assert_true(n > 0);
	assert_string_equal(vfioadm_plan_finding(t->plan, n - 1)->code, "group-split");
	/* From now on the group is there, and nothing is begun. */
	assert_int_equal(plan(t, vfioadm_plan_assign, BARE, false), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
}

/* The member without a driver is no obstacle. */
static void test_late_group_with_driverless(void **state)
{
	struct flow_test *t = *state;

	control(t->host, "group " BARE " 2");
	assert_int_equal(put(t->host, "drivers/nvme/unbind", TWIN1), 0);
	assign(t, BARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(test_disk_appears_meanwhile),
		FLOW_TEST(test_free_disk_appears_meanwhile),
		FLOW_TEST(test_exchanged_meanwhile),
		FLOW_TEST(test_assigned_meanwhile),
		FLOW_TEST(test_gone_meanwhile),
		FLOW_TEST(test_override_meanwhile),
		FLOW_TEST(test_plans_one_at_a_time),
		FLOW_TEST(test_error_is_always_set),
		FLOW_TEST(test_sizes_of_options),
		FLOW_TEST(test_cancel_ends_with_the_run),
		FLOW_TEST(test_plan_belongs_to_its_context),
		FLOW_TEST(test_arrays_are_of_pointers),
		FLOW_TEST(test_runs_once),
		FLOW_TEST(test_refused_does_not_run),
		FLOW_TEST(test_root_only),
		cmocka_unit_test_setup_teardown(test_no_iommu, no_iommu_setup, flow_teardown),
		cmocka_unit_test_setup_teardown(test_late_group, late_setup, flow_teardown),
		cmocka_unit_test_setup_teardown(test_late_group_is_another, late_setup, flow_teardown),
		cmocka_unit_test_setup_teardown(test_late_group_with_driverless, late_setup, flow_teardown),
		FLOW_TEST(test_record_believed),
		FLOW_TEST(test_record_of_other_boot),
		FLOW_TEST(test_record_of_other_incarnation),
		FLOW_TEST(test_record_of_other_vendor),
		FLOW_TEST(test_record_of_other_device),
		FLOW_TEST(test_record_of_other_subsystem),
		FLOW_TEST(test_type_named_twice),
		FLOW_TEST(test_enabled_goes_with_module),
		FLOW_TEST(test_list_never_blocks),
		FLOW_TEST(test_claims_are_prepared),
		FLOW_TEST(test_vanishes_while_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
