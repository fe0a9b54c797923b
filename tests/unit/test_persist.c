/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --persist and holds on the model. */
#include <fcntl.h>
#include <sys/stat.h>

#include "persist_fixture.h"

/* ---- assign and release ---- */

static void test_assign_and_release(void **state)
{
	struct persist_test *t = *state;
	char name[256], *text;

	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci");
	text = declared(t, name);
	assert_non_null(text);
	/* It has no serial number that the kernel tells: the slot is the strongest that there is. */
	assert_non_null(strstr(text, "[Match]\n"));
	assert_non_null(strstr(text, "Path=pci-0000:00:02.0/00.0\n"));
	assert_non_null(strstr(text, "Vendor=1b36\nDevice=0010\n"));
	assert_non_null(strstr(text, "Address=" TWIN0 "\n"));
	text = rules(t);
	assert_non_null(text);
	assert_non_null(strstr(text, "0000:00:02.0"));
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
	assert_true(status_of(t, NULL)->in_initramfs);
	/* Once more: nothing to do. */
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	done(t, vfioadm_plan_release, TWIN0, true);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_null(declared(t, name));
	assert_null(rules(t));
	assert_null(status_of(t, NULL));
}

static void test_already_assigned(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	done(t, vfioadm_plan_assign, TWIN0, false);
	assert_null(declared(t, name));
	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_false(has_step(t, "bind"));
	assert_non_null(declared(t, name));
}

static void test_dry_run(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0,
			      (struct vfioadm_options){.persist = true, .dry_run = true}), 0);
	assert_true(has_step(t, "declare"));
	assert_true(has_step(t, "write-rules"));
	assert_null(declared(t, name));
}

/* Where nothing can be declared, nothing is moved either. */
static void test_no_etc(void **state)
{
	struct persist_test *t = *state;

	free(t->ctx->root);
	t->ctx->root = NULL;
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), -EROFS);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	t->ctx->root = strdup("/proc/self/nowhere");
	assert_true(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}) < 0);
	assert_non_null(vfioadm_error_hint(t->err));
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
}

static void test_release_what_is_not_ours(void **state)
{
	struct persist_test *t = *state;

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	done(t, vfioadm_plan_assign, TWIN0, false);
	assert_int_equal(plan(t, vfioadm_plan_release, TWIN0, (struct vfioadm_options){.persist = true}), -EINVAL);
	assert_non_null(strstr(vfioadm_error_hint(t->err), "disable --persist"));
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci");
}

/* ---- the initramfs ---- */

static void test_initramfs(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_int_equal(fake_rebuilt(t->host), 1);
	assert_null(finding(t, "initramfs-unknown"));
	/* Its driver is not in it: who brings it up comes after us. */
	done(t, vfioadm_plan_assign, NIC, true);
	assert_int_equal(fake_rebuilt(t->host), 1);
	done(t, vfioadm_plan_release, TWIN0, true);
	assert_int_equal(fake_rebuilt(t->host), 2);
}

static void test_initramfs_unknown(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_non_null(finding(t, "initramfs-unknown"));
	assert_int_equal(finding(t, "initramfs-unknown")->severity, VFIOADM_WARNS);
	assert_false(has_step(t, "rebuild-initramfs"));
}

/* It may have anything, so it is rebuilt; and that nobody could look is said. */
static void test_initramfs_unreadable(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image ?"), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_non_null(finding(t, "initramfs-unknown"));
	assert_non_null(strstr(finding(t, "initramfs-unknown")->message, "/boot/initrd"));
	assert_true(has_step(t, "rebuild-initramfs"));
}

/* assign --persist of one whose driver is in the initramfs, and that cannot be made anew. */
static void rebuild_fails(struct persist_test *t)
{
	struct fault fails = {.kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*"};

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
}

static void test_initramfs_fails(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	rebuild_fails(t);
	assert_non_null(strstr(vfioadm_error_message(t->err), "no room on /boot"));
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_null(declared(t, name));
	assert_null(rules(t));
	/* What is in it by now may be half of it: it is made anew of what was before. */
	assert_int_equal(fake_rebuilt(t->host), 1);
}

/* Of several kernels: those that were made are made again, and the one that was not is what it was. */
static void test_initramfs_of_some_fails(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(fake_control(t->host, "image-of-some"), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_null(strstr(vfioadm_error_message(t->err), "could not undo"));
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_null(declared(t, name));
	assert_int_equal(fake_rebuilt(t->host), 2);
	/* Of what it was made nobody knows. */
	assert_non_null(strstr(rules(t), "initramfs was not regenerated"));
}

#define FILE_OF_TWIN0 "nvme-0000-01-00.0"
#define EDITED	      "[Match]\nAddress=" TWIN0 "\nVendor=1b36\n\n[Node]\nUser=1000\n"

static const char *edited_text;

/* An editor is at work at the same time: what it wrote stays, and the files are made of that. */
static void edit(const struct vfioadm_step *step, void *userdata)
{
	if (step->state == VFIOADM_STEP_RUNNING && streq(step->action, "rebuild-initramfs"))
		write_conf(userdata, FILE_OF_TWIN0, edited_text);
}

static char *fails_while_edited(void **state, const char *text)
{
	struct persist_test *t = *state;
	char name[256];

	edited_text = text;
	vfioadm_ctx_set_progress(t->ctx, edit, t);
	rebuild_fails(t);
	vfioadm_ctx_set_progress(t->ctx, NULL, NULL);
	assert_non_null(strstr(vfioadm_error_message(t->err), FILE_OF_TWIN0 ".conf was edited during the run"));
	return declared(t, name);
}

static void test_edited_meanwhile(void **state)
{
	assert_string_equal(fails_while_edited(state, EDITED), EDITED);
	assert_non_null(strstr(rules(*state), "VFIOADM_DECLARED"));
}

/* An empty file says that nothing of this name is declared, whatever is in /usr/lib. */
static void test_masked_meanwhile(void **state)
{
	assert_string_equal(fails_while_edited(state, ""), "");
}

/* The run died before it had noted the step; the next one brings it to its end, but for what is edited. */
static void test_edited_since_its_death(void **state)
{
	static const char run[] = "vfioadm-journal 1\nboot-id 5ca1ab1e\npid 1\nverb assign\n"
				  "step op=declare value=" FILE_OF_TWIN0 " options=[Match] text=x\n"
				  "undo op=declare value=" FILE_OF_TWIN0 "\nplan-end\nbegin 0\n";
	struct persist_test *t = *state;
	_cleanup_free_ char *dir = str_format("%s/journal", t->run_dir), *path = str_format("%s/run", dir);
	char name[256];

	for (size_t i = 0; i < 2; i++) {
		_cleanup_fclose_ FILE *f = NULL;

		(void)mkdir(dir, 0755);
		f = fopen(path, "we");
		assert_non_null(f);
		assert_true(fputs(run, f) >= 0 && fflush(f) == 0);
		if (i)
			write_conf(t, FILE_OF_TWIN0, EDITED);
		done(t, i ? vfioadm_plan_release : vfioadm_plan_assign, TWIN1, false);
		assert_int_not_equal(access(path, F_OK), 0);
		assert_string_equal(declared(t, name), i ? EDITED : "[Match]");
	}
}

static void test_edited_since_the_plan(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	write_conf(t, FILE_OF_TWIN0, EDITED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EBUSY);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_string_equal(vfioadm_error_path(t->err), "/etc/vfioadm.d/" FILE_OF_TWIN0 ".conf");
	assert_string_equal(declared(t, name), EDITED);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
}

/* ---- holds ---- */

static void test_hold(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *hold = str_format("%s/hold/%s", t->run_dir, TWIN0);
	_cleanup_free_ char *name = NULL;

	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_int_not_equal(access(hold, F_OK), 0);
	done(t, vfioadm_plan_release, TWIN0, false);
	assert_int_equal(access(hold, F_OK), 0);
	assert_state(t, NULL, VFIOADM_DECLARED_HELD);
	name = strdup(status_of(t, NULL)->name);
	assert_int_equal(plan(t, vfioadm_plan_apply, name, (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	done(t, vfioadm_plan_assign, TWIN0, false);
	assert_int_not_equal(access(hold, F_OK), 0);
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
	/* What nobody declares needs none. */
	done(t, vfioadm_plan_assign, NIC, false);
	done(t, vfioadm_plan_release, NIC, false);
	assert_false(has_step(t, "hold"));
}

/* ---- files of others ---- */

static void write_file(const struct persist_test *t, const char *path, const char *text)
{
	_cleanup_free_ char *file = str_format("%s/%s", t->root, path);
	_cleanup_free_ char *make = str_format("mkdir -p $(dirname %s)", file);
	_cleanup_fclose_ FILE *f = NULL;

	assert_int_equal(system(make), 0);
	f = fopen(file, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void test_release_leaves_a_mask(void **state)
{
	static const char text[] = "[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n";
	struct persist_test *t = *state;
	char name[256], *now;

	write_file(t, "usr/lib/vfioadm.d/disk.conf", text);
	write_conf(t, "disk", text);
	done(t, vfioadm_plan_apply, "disk", false);
	done(t, vfioadm_plan_release, TWIN0, true);
	assert_null(status_of(t, "disk"));
	assert_int_equal(vfioadm_status_n(t->status), 0);
	now = declared(t, name);
	assert_string_equal(name, "disk.conf");
	assert_string_equal(now, "");
}

static void test_comments_are_kept(void **state)
{
	struct persist_test *t = *state;
	char name[256];

	write_conf(t, "disk", "# ticket 4711\n[Match]\nPath=pci-0000:00:02.0/00.0\nVendor=1b36\nDevice=0010\n");
	done(t, vfioadm_plan_assign, TWIN0, true);
	assert_non_null(strstr(declared(t, name), "ticket 4711"));
}

static void test_release_of_a_virtual_function(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "vfs", "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n[SR-IOV]\nVFs=2\n");
	done(t, vfioadm_plan_apply, "vfs", false);
	done(t, vfioadm_plan_apply, "vfs", false);
	assert_int_equal(plan(t, vfioadm_plan_release, "0000:03:10.0", (struct vfioadm_options){ .persist = true }),
			 -EINVAL);
	assert_non_null(strstr(vfioadm_error_message(t->err), "together with others"));
}

/* While the initramfs is made the power may fail: whoever looks then must see that it was not. */
static void test_rules_say_what_is_to_follow(void **state)
{
	struct fault fails = { .kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*" };
	struct persist_test *t = *state;
	size_t rebuild = 0, n;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){ .persist = true }), 0);
	n = vfioadm_plan_n_steps(t->plan);
	while (!streq(vfioadm_plan_step(t->plan, rebuild)->action, "rebuild-initramfs"))
		rebuild++;
	assert_string_equal(vfioadm_plan_step(t->plan, rebuild - 1)->action, "write-rules");
	assert_string_equal(vfioadm_plan_step(t->plan, rebuild - 1)->value, "no-image");
	assert_true(rebuild + 1 < n);
	assert_string_equal(vfioadm_plan_step(t->plan, rebuild + 1)->action, "write-rules");
	assert_null(vfioadm_plan_step(t->plan, rebuild + 1)->value);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_null(rules(t));
	/* Nor can it be made of what was there before: that is not forgotten. */
	fake_faults_clear(t->host);
	fails.nth = 0;
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){ .persist = true }), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNSETTLED);
	assert_non_null(strstr(rules(t), "initramfs was not regenerated"));
}

/* ---- card types ---- */

static void test_types(void **state)
{
	struct persist_test *t = *state;
	char name[256], *text;

	done(t, vfioadm_plan_enable, "8086:10c9", true);
	text = declared(t, name);
	assert_non_null(text);
	assert_string_equal(name, "type-8086-10c9.conf");
	assert_non_null(strstr(text, "CardType=8086:10c9\n"));
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
	done(t, vfioadm_plan_disable, "8086:10c9", false);
	assert_state(t, NULL, VFIOADM_DECLARED_DIFFERS);
	done(t, vfioadm_plan_apply, "type-8086-10c9", false);
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
	done(t, vfioadm_plan_disable, "8086:10c9", true);
	assert_null(declared(t, name));
	/* "Any" is no letter of a file's name. */
	done(t, vfioadm_plan_enable, "8086:10c9:*:*:020000", true);
	assert_non_null(declared(t, name));
	assert_string_equal(name, "type-8086-10c9-any-any-020000-ffffff.conf");
	assert_state(t, NULL, VFIOADM_DECLARED_IN_FORCE);
}

/* ---- what the host uses is not to be taken by the next boot ---- */

static const struct vfioadm_finding *refused(struct persist_test *t, make_fn *make, const char *what,
					     const char *code)
{
	assert_int_equal(plan(t, make, what, (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_int_equal(vfioadm_plan_n_steps(t->plan), 0);
	assert_non_null(finding(t, code));
	return finding(t, code);
}

/* As of an external journal: nothing that can be read tells whose it is, only having it exclusively does. */
static void test_type_with_a_disk_that_somebody_has(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_finding *f;

	control(t->host, "use-disk nvme0n1");
	f = refused(t, vfioadm_plan_enable, "1b36:0010", "needed-at-boot");
	assert_non_null(strstr(f->message, TWIN0));
	assert_non_null(strstr(f->message, "nvme0n1"));
	forget(t);
	control(t->host, "leave-disk nvme0n1");
	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	/* It was had for a moment only: this run does not take it. */
	control(t->host, "use-disk nvme0n1");
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	control(t->host, "leave-disk nvme0n1");
}

/* Written by hand, and applied: the same question. */
static void test_applied_type_with_a_disk_that_somebody_has(void **state)
{
	struct persist_test *t = *state;
	const char *name = "type";

	write_conf(t, name, "[Match]\nCardType=1b36:0010\n");
	control(t->host, "use-disk nvme0n1");
	refused(t, vfioadm_plan_apply, name, "needed-at-boot");
	assert_int_equal(plan(t, vfioadm_plan_apply, name,
			      (struct vfioadm_options){.force = (const char *const[]){"needed-at-boot"}, .n_force = 1}),
			 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	forget(t);
	control(t->host, "leave-disk nvme0n1");
	done(t, vfioadm_plan_apply, name, false);
}

static void count(struct host *h, void *userdata)
{
	++*(unsigned *)userdata;
}

/* How many disks are opened exclusively while this is planned. */
static unsigned opened(struct persist_test *t, const char *name, struct vfioadm_options o)
{
	unsigned n = 0;
	const struct fault each = { .kind = FAULT_CALL, .match = "hold *", .call = count, .userdata = &n };

	assert_int_equal(fake_fault(t->host, &each), 0);
	assert_int_equal(plan(t, vfioadm_plan_apply, name, o), 0);
	fake_faults_clear(t->host);
	return n;
}

/* At boot, where disks are still being mounted: who mounts one while we have it is told that it is in use. */
static void test_unattended_opens_nothing_that_stays(void **state)
{
	const struct vfioadm_options boot = { .unattended = true }, by_hand = { 0 };
	struct persist_test *t = *state;

	/* Both have a driver of the host, so the type takes neither now. */
	write_conf(t, "type", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(opened(t, "type", by_hand), 1);
	assert_int_equal(opened(t, "type", boot), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	/* It moves: had from now on, or found out. */
	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n");
	assert_int_equal(opened(t, "disk", boot), 1);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	forget(t);
	control(t->host, "use-disk nvme0n1");
	assert_int_equal(opened(t, "disk", boot), 1);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_non_null(finding(t, "in-use-claimed"));
	control(t->host, "leave-disk nvme0n1");
}

/* The firmware's memory keeps it with the host, so nobody need be kept from its disk. */
static void test_unattended_refused_opens_nothing(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(switch_on(t, HOST_ROOT "d sys/kernel/iommu_groups/1\n"
						"f reserved_regions 0x00000000cf000000 0x00000000cfffffff direct\n"),
			 0);
	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n");
	assert_int_equal(opened(t, "disk", (struct vfioadm_options){ .unattended = true }), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_REFUSED);
	assert_non_null(finding(t, "reserved-region"));
	assert_int_equal(opened(t, "disk", (struct vfioadm_options){ 0 }), 1);
}

static void test_applied_type_of_the_root_disk(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "type", "[Match]\nCardType=1b36:0010\n");
	refused(t, vfioadm_plan_apply, "type", "root-filesystem");
}

/* "config check" says so of each file. */
static void test_status_says_what_the_next_boot_would_take(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_declared *item;

	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n");
	write_conf(t, "nic", "[Match]\nAddress=" NIC "\n");
	write_conf(t, "type", "[Match]\nCardType=1b36:0010\n");
	item = status_of(t, "disk");
	assert_non_null(item->use);
	assert_string_equal(item->use->code, "root-filesystem");
	assert_int_equal(item->use->severity, VFIOADM_BLOCKS);
	assert_non_null(strstr(item->use->message, "mounted at /"));
	assert_false(item->in_initramfs);
	item = status_of(t, "type");
	assert_non_null(item->use);
	assert_string_equal(item->use->device, TWIN0);
	assert_false(item->in_initramfs);
	item = status_of(t, "nic");
	assert_null(item->use);
	assert_true(item->in_initramfs);
}

/* Neither is in an initramfs without the other: one would be claimed there, and the other stay. */
static void test_no_initramfs_for_half_a_group(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_declared *item;

	write_conf(t, "a", "[Match]\nAddress=" MULTI0 "\n");
	write_conf(t, "b", "[Match]\nAddress=" MULTI1 "\n");
	write_conf(t, "c", "[Match]\nAddress=" NIC "\n");
	item = status_of(t, "a");
	assert_true(item->in_initramfs);
	assert_int_equal(item->n_together, 1);
	assert_string_equal(item->together[0], "b");
	assert_int_equal(status_of(t, "c")->n_together, 0);
	write_conf(t, "b", "[Match]\nAddress=" MULTI1 "\nDevice=0000\nVendor=0000\n");
	assert_int_equal(status_of(t, "a")->n_together, 0);
}

#define MATE "0000:09:00.0"

static void test_no_initramfs_for_the_mate_of_what_is_used(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(switch_on(t, HOST_ROOT MOUNTED FUNCTION("", MATE, "1af4", "1041", "020000", GROUP("1", MATE, MATE),
								 DRIVER_LINK("virtio-pci"))),
			 0);
	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n");
	write_conf(t, "mate", "[Match]\nAddress=" MATE "\n");
	assert_null(status_of(t, "mate")->use);
	assert_false(status_of(t, "mate")->in_initramfs);
	assert_int_equal(status_of(t, "mate")->n_together, 1);
}

/* Each alone would be refused: what keeps its mate back is told of the one that was asked for. */
static void test_mate_in_doubt(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(switch_on(t, HOST_ROOT FUNCTION("", MATE, "1af4", "1041", "020000", GROUP("1", MATE, MATE),
							 DRIVER_LINK("virtio-pci"))),
			 0);
	write_conf(t, "disk", "[Match]\nAddress=" TWIN0 "\n");
	write_conf(t, "mate", "[Match]\nVendor=1af4\nDevice=1041\n");
	assert_int_equal(status_of(t, "mate")->state, VFIOADM_DECLARED_AMBIGUOUS);
	assert_int_equal(plan(t, vfioadm_plan_apply, "disk", (struct vfioadm_options){0}), -ENOTUNIQ);
	assert_non_null(strstr(vfioadm_error_message(t->err), "mate.conf is not applied"));
	assert_non_null(strstr(vfioadm_error_message(t->err), "disk.conf declares is in the same IOMMU group"));
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unattended_opens_nothing_that_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unattended_refused_opens_nothing, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_applied_type_of_the_root_disk, setup_mounted, teardown),
		cmocka_unit_test_setup_teardown(test_no_initramfs_for_the_mate_of_what_is_used, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_mate_in_doubt, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_status_says_what_the_next_boot_would_take, setup_mounted, teardown),
		cmocka_unit_test_setup_teardown(test_type_with_a_disk_that_somebody_has, setup, teardown),
		cmocka_unit_test_setup_teardown(test_applied_type_with_a_disk_that_somebody_has, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_initramfs_for_half_a_group, setup, teardown),
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_assign_and_release),
		TEST(test_already_assigned),
		TEST(test_dry_run),
		TEST(test_no_etc),
		TEST(test_release_what_is_not_ours),
		TEST(test_initramfs),
		TEST(test_initramfs_unknown),
		TEST(test_initramfs_unreadable),
		TEST(test_initramfs_fails),
		TEST(test_initramfs_of_some_fails),
		TEST(test_edited_meanwhile),
		TEST(test_masked_meanwhile),
		TEST(test_edited_since_its_death),
		TEST(test_edited_since_the_plan),
		TEST(test_hold),
		TEST(test_release_leaves_a_mask),
		TEST(test_comments_are_kept),
		TEST(test_release_of_a_virtual_function),
		TEST(test_rules_say_what_is_to_follow),
		TEST(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
