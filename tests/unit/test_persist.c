/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --persist, holds, status and apply on the model. */
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
#include "policy/bootfiles.h"

/* With a process: where none is to be seen nobody can know who holds a device open. */
#define HOST_ROOT                                                                                  \
	FAKE_ROOT "d proc/sys/kernel/random\nf boot_id 5ca1ab1e\n"                                 \
		  "d proc/self/ns\nl pid pid:[4026531836]\nl mnt mnt:[4026531840]\n"               \
		  "d proc/1\nf stat 1 (init) S 0 1 1 0 -1 4194560\nd proc/1/fd\n"                  \
		  "d proc/1/ns\nl mnt mnt:[4026531840]\nl net net:[4026531992]\n"

typedef int make_fn(struct vfioadm_ctx *, const char *const *, size_t, const struct vfioadm_options *,
		    struct vfioadm_plan **, struct vfioadm_error **);

struct persist_test {
	char run_dir[64], root[64];
	struct host *host; /* the context's */
	struct vfioadm_ctx *ctx;
	struct vfioadm_plan *plan;
	struct vfioadm_error *err;
	struct vfioadm_status *status;
};

/* The NVMe function is mounted. */
#define MOUNTED                                                                                    \
	"d proc/self\nt mountinfo\n"                                                               \
	"\t22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/nvme0n1 rw\n"                           \
	"d proc/1\nt mountinfo\n"                                                                  \
	"\t22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/nvme0n1 rw\n"

static int setup_host(void **state, const char *host)
{
	static struct persist_test t;

	t = (struct persist_test){.run_dir = "/dev/shm/vfioadm-persist-XXXXXX",
				  .root = "/dev/shm/vfioadm-etc-XXXXXX"};
	if (!mkdtemp(t.run_dir) || !mkdtemp(t.root) || fake_new_text(host, NULL, &t.host) < 0)
		return -1;
	*state = &t;
	if (ctx_new_with_host(t.host, t.run_dir, &t.ctx) < 0)
		return -1;
	t.ctx->root = strdup(t.root);
	return t.ctx->root ? 0 : -1;
}

static int setup(void **state)
{
	return setup_host(state, HOST_ROOT);
}

static int setup_mounted(void **state)
{
	return setup_host(state, HOST_ROOT MOUNTED);
}

static void forget(struct persist_test *t)
{
	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	vfioadm_status_free(t->status);
	t->plan = NULL;
	t->err = NULL;
	t->status = NULL;
}

static int teardown(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *remove = str_format("rm -rf %s %s", t->run_dir, t->root);

	forget(t);
	vfioadm_ctx_unref(t->ctx);
	return system(remove);
}

static int plan(struct persist_test *t, make_fn *make, const char *what, struct vfioadm_options o)
{
	o.size = sizeof(o);
	forget(t);
	return make(t->ctx, &what, 1, &o, &t->plan, &t->err);
}

static void done(struct persist_test *t, make_fn *make, const char *what, bool persist)
{
	assert_int_equal(plan(t, make, what, (struct vfioadm_options){.persist = persist}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

/* The only file in a directory below the root, whole; NULL: there is none. */
static char *only_file(const struct persist_test *t, const char *directory, char name[256])
{
	_cleanup_free_ char *path = str_format("%s/%s", t->root, directory), *file = NULL;
	_cleanup_closedir_ DIR *d = opendir(path);
	_cleanup_fclose_ FILE *f = NULL;
	static char text[8192];
	struct dirent *e;
	size_t n;

	name[0] = '\0';
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		assert_string_equal(name, "");
		snprintf(name, 256, "%s", e->d_name);
	}
	if (!name[0])
		return NULL;
	file = str_format("%s/%s", path, name);
	f = fopen(file, "re");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	return text;
}

static char *declared(const struct persist_test *t, char name[256])
{
	return only_file(t, "etc/vfioadm.d", name);
}

static char *rules(const struct persist_test *t)
{
	char name[256];

	return only_file(t, "etc/udev/rules.d", name);
}

/* Below etc; its directory is made. */
static void write_etc(const struct persist_test *t, const char *directory, const char *name, const char *text)
{
	_cleanup_free_ char *etc = str_format("%s/etc", t->root), *dir = str_format("%s/%s", etc, directory);
	_cleanup_free_ char *path = str_format("%s/%s.conf", dir, name);
	_cleanup_fclose_ FILE *f = NULL;

	(void)mkdir(etc, 0755);
	(void)mkdir(dir, 0755);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void write_conf(const struct persist_test *t, const char *name, const char *text)
{
	write_etc(t, "vfioadm.d", name, text);
}

static const struct vfioadm_declared *status_of(struct persist_test *t, const char *name)
{
	forget(t);
	assert_int_equal(vfioadm_status(t->ctx, &t->status, &t->err), 0);
	for (size_t i = 0; i < vfioadm_status_n(t->status); i++)
		if (!name || streq(vfioadm_status_item(t->status, i)->name, name))
			return vfioadm_status_item(t->status, i);
	return NULL;
}

static void assert_state(struct persist_test *t, const char *name, enum vfioadm_declared_state wanted)
{
	const struct vfioadm_declared *item = status_of(t, name);

	assert_non_null(item);
	if (item->state != wanted)
		fail_msg("%s is %s, not %s: %s", item->name, vfioadm_declared_state_name(item->state),
			 vfioadm_declared_state_name(wanted), item->message);
	assert_int_equal(vfioadm_status_drift(t->status), wanted != VFIOADM_DECLARED_IN_FORCE);
}

static bool has_step(const struct persist_test *t, const char *action)
{
	for (size_t i = 0; i < vfioadm_plan_n_steps(t->plan); i++)
		if (streq(vfioadm_plan_step(t->plan, i)->action, action))
			return true;
	return false;
}

static const struct vfioadm_finding *finding(const struct persist_test *t, const char *code)
{
	for (size_t i = 0; i < vfioadm_plan_n_findings(t->plan); i++)
		if (streq(vfioadm_plan_finding(t->plan, i)->code, code))
			return vfioadm_plan_finding(t->plan, i);
	return NULL;
}

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

static void test_initramfs_fails(void **state)
{
	struct fault fails = {.kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*"};
	struct persist_test *t = *state;
	char name[256];

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	assert_int_equal(plan(t, vfioadm_plan_assign, TWIN0, (struct vfioadm_options){.persist = true}), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_non_null(strstr(vfioadm_error_message(t->err), "no room on /boot"));
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_null(declared(t, name));
	assert_null(rules(t));
	/* What is in it by now may be half of it: it is made anew of what was before. */
	assert_int_equal(fake_rebuilt(t->host), 1);
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
	assert_int_equal(vfioadm_status_n(status_of(t, NULL) ? t->status : NULL), 1);
}

/* A card of an enabled type that is plugged in while nvme is there: nvme has it before anybody is asked. */
static void test_one_of_a_type(void **state)
{
	struct persist_test *t = *state;
	struct vfioadm_options one = { .only = TWIN1 };

	done(t, vfioadm_plan_enable, "1b36:0010", true);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", (struct vfioadm_options){0}), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	assert_int_equal(plan(t, vfioadm_plan_apply, "type-1b36-0010", one), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_string_equal(driver_of(t->host, TWIN1), "vfio-pci");
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

static int plan_renewal(struct persist_test *t, bool image_too)
{
	const struct vfioadm_options o = { .size = sizeof(o), .persist = image_too };

	forget(t);
	return vfioadm_plan_apply(t->ctx, NULL, 0, &o, &t->plan, &t->err);
}

static void renewed(struct persist_test *t, bool image_too, bool rebuilds)
{
	assert_int_equal(plan_renewal(t, image_too), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_true(has_step(t, "write-rules"));
	assert_int_equal(has_step(t, "rebuild-initramfs"), rebuilds);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

static void nothing_to_renew(struct persist_test *t, bool image_too)
{
	assert_int_equal(plan_renewal(t, image_too), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
}

#define OF_NIC "[Match]\nAddress=" NIC "\nVendor=8086\nDevice=10c9\n"

static void test_by_hand(void **state)
{
	struct persist_test *t = *state;

	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	nothing_to_renew(t, true);
	write_conf(t, "nic", OF_NIC);
	renewed(t, true, false);
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
	assert_non_null(strstr(rules(t), "initramfs was not made anew"));
	nothing_to_renew(t, false);
	assert_int_equal(plan_renewal(t, true), 0);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_non_null(strstr(rules(t), "initramfs was not made anew"));
	fake_faults_clear(t->host);
	renewed(t, true, true);
	assert_null(strstr(rules(t), "initramfs was not made anew"));
	nothing_to_renew(t, true);
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

/* One group, one node: who of two is to have it nobody can know. */
static void test_node_of_two(void **state)
{
	struct persist_test *t = *state;

	write_conf(t, "a", FIRST_OF_CARD "[Node]\nUser=qemu\n");
	write_conf(t, "b", SECOND_OF_CARD "[Node]\nUser=dpdk\n");
	assert_state(t, "a", VFIOADM_DECLARED_AMBIGUOUS);
	assert_non_null(strstr(status_of(t, "b")->message, "another owner by /etc/vfioadm.d/a.conf"));
	assert_int_equal(plan(t, vfioadm_plan_apply, "a", (struct vfioadm_options){0}), -ENOTUNIQ);
	assert_string_equal(vfioadm_error_code_name(t->err), "config");
	assert_string_equal(driver_of(t->host, MULTI0), "virtio-pci");
	/* Said twice it is no contradiction. */
	write_conf(t, "b", SECOND_OF_CARD "[Node]\nUser=qemu\n");
	assert_state(t, "a", VFIOADM_DECLARED_DIFFERS);
	write_conf(t, "b", SECOND_OF_CARD);
	assert_state(t, "a", VFIOADM_DECLARED_DIFFERS);
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
		TEST(test_assign_and_release),
		TEST(test_already_assigned),
		TEST(test_dry_run),
		TEST(test_no_etc),
		TEST(test_release_what_is_not_ours),
		TEST(test_initramfs),
		TEST(test_initramfs_unknown),
		TEST(test_initramfs_fails),
		TEST(test_hold),
		TEST(test_apply),
		TEST(test_what_cannot_be_applied),
		TEST(test_two_for_one),
		TEST(test_type_and_card),
		TEST(test_one_of_a_type),
		TEST(test_virtual_functions),
		TEST(test_too_many_virtual_functions),
		TEST(test_by_hand),
		TEST(test_by_hand_before_boot),
		TEST(test_release_leaves_a_mask),
		TEST(test_comments_are_kept),
		TEST(test_release_of_a_virtual_function),
		TEST(test_rules_say_what_is_to_follow),
		TEST(test_companion_that_stayed),
		TEST(test_companions_of_their_own),
		TEST(test_virtual_function_is_held),
		TEST(test_node),
		TEST(test_node_of_nobody),
		TEST(test_node_of_virtual_functions),
		TEST(test_node_of_two),
		TEST(test_types),
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
