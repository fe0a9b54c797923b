/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs that the kernel holds, that were interrupted, and whose functions somebody else has moved since. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "fake/fake.h"
#include "fake_root.h"
#include "flow/settle.h"
#include "store/journal.h"

#define HOST_ROOT                                                                                  \
	FAKE_ROOT "d proc/sys/kernel/random\nf boot_id 5ca1ab1e\n"                                 \
		  "d proc/self/ns\nl pid pid:[4026531836]\nl mnt mnt:[4026531840]\n"               \
		  "d proc/1\nf stat 1 (init) S 0 1 1 0 -1 4194560\nd proc/1/fd\n"                  \
		  "d proc/1/ns\nl mnt mnt:[4026531840]\nl net net:[4026531992]\n"

struct settle_test {
	char run_dir[64];
	struct host *host; /* the context's */
	struct vfioadm_ctx *ctx;
	struct vfioadm_plan *plan;
	struct vfioadm_error *err;
	struct vfioadm_settlement *settlement;
};

static int setup(void **state)
{
	static struct settle_test t;

	t = (struct settle_test){ .run_dir = "/dev/shm/vfioadm-settle-XXXXXX" };
	if (!mkdtemp(t.run_dir) || fake_new_text(HOST_ROOT, NULL, &t.host) < 0)
		return -1;
	*state = &t;
	return ctx_new_with_host(t.host, t.run_dir, &t.ctx) || vfioadm_ctx_set_timeout(t.ctx, 1);
}

static int teardown(void **state)
{
	struct settle_test *t = *state;
	_cleanup_free_ char *remove = str_format("rm -rf %s", t->run_dir);

	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	vfioadm_settlement_free(t->settlement);
	vfioadm_ctx_unref(t->ctx);
	return system(remove);
}


static int change(struct settle_test *t,
		  int (*make)(struct vfioadm_ctx *, const char *const *, size_t,
			      const struct vfioadm_options *, struct vfioadm_plan **,
			      struct vfioadm_error **),
		  const char *const *what, size_t n)
{
	int r;

	vfioadm_plan_free(t->plan);
	vfioadm_error_free(t->err);
	t->plan = NULL;
	t->err = NULL;
	r = make(t->ctx, what, n, NULL, &t->plan, &t->err);
	return r < 0 ? r : vfioadm_plan_run(t->ctx, t->plan, &t->err);
}

static int assign(struct settle_test *t, const char *a, const char *b)
{
	const char *const what[] = { a, b };

	return change(t, vfioadm_plan_assign, what, b ? 2 : 1);
}

static int release(struct settle_test *t, const char *a, const char *b)
{
	const char *const what[] = { a, b };

	return change(t, vfioadm_plan_release, what, b ? 2 : 1);
}

static void fault(struct settle_test *t, const char *text)
{
	_cleanup_free_ char *buffer = NULL;
	struct fault f;

	assert_int_equal(fake_fault_parse(text, &f, &buffer), 0);
	assert_int_equal(fake_fault(t->host, &f), 0);
}

static size_t settle(struct settle_test *t)
{
	vfioadm_settlement_free(t->settlement);
	vfioadm_error_free(t->err);
	t->settlement = NULL;
	t->err = NULL;
	assert_int_equal(vfioadm_settle(t->ctx, false, &t->settlement, &t->err), 0);
	return vfioadm_settlement_n(t->settlement);
}

static void assert_settled(struct settle_test *t, enum vfioadm_settled_as as, const char *said)
{
	const struct vfioadm_settled *run;

	assert_int_equal(settle(t), 1);
	run = vfioadm_settlement_run(t->settlement, 0);
	assert_string_equal(vfioadm_settled_as_name(run->as), vfioadm_settled_as_name(as));
	if (said)
		assert_non_null(strstr(run->message, said));
}

static void assert_driver(struct settle_test *t, const char *address, const char *wanted,
			  const char *override)
{
	assert_string_equal(driver_of(t->host, address), wanted);
	assert_string_equal(override_of(t->host, address), override);
}

static int late(struct host *h, const char *run_dir, const char *run, void *userdata)
{
	struct store store = STORE_CLOSED;
	struct vfioadm_ctx *ctx;
	struct host *own;
	int r;

	assert_int_equal(fake_attach(h, &own), 0);
	assert_int_equal(ctx_new_with_host(own, run_dir, &ctx), 0);
	r = store_open_locked(&store, run_dir, "late", 0, -1, NULL);
	if (r == 0)
		r = settle_run_late(ctx, &store, run, 1000);
	store_close(&store);
	vfioadm_ctx_unref(ctx);
	return r;
}

/* ---- held by the kernel ---- */

static void test_held_and_let_go(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(assign(t, TWIN0, TWIN1), 0);
	control(t->host, "open " TWIN1);
	assert_int_equal(release(t, TWIN0, TWIN1), -ETIMEDOUT);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNSETTLED);
	/* The other one was put back without waiting. */
	assert_driver(t, TWIN0, "vfio-pci", "vfio-pci");
	/* It blocks itself, and says why; nobody else. */
	assert_int_equal(release(t, TWIN1, NULL), -EBUSY);
	assert_string_equal(vfioadm_error_code_name(t->err), "pending");
	assert_int_equal(vfioadm_error_exit(t->err), VFIOADM_EXIT_UNSETTLED);
	assert_int_equal(release(t, TWIN0, NULL), 0);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_settled(t, VFIOADM_SETTLED_PENDING, TWIN1);

	control(t->host, "close " TWIN1);
	assert_int_equal(fake_run_late(t->host, late, NULL), 1);
	assert_driver(t, TWIN1, "vfio-pci", "vfio-pci");
	/* What has been released since is not taken again. */
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
	assert_int_equal(release(t, TWIN1, NULL), 0);
	assert_driver(t, TWIN1, "nvme", "(null)");
}

/* The same without the helper that settles late: the verb does it. */
static void test_let_go_settled_by_verb(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(assign(t, TWIN1, NULL), 0);
	control(t->host, "open " TWIN1);
	assert_int_equal(release(t, TWIN1, NULL), -ETIMEDOUT);
	control(t->host, "close " TWIN1);
	assert_settled(t, VFIOADM_SETTLED_UNDONE, "release " TWIN1);
	assert_driver(t, TWIN1, "vfio-pci", "vfio-pci");
}

static void test_held_host_step(void **state)
{
	static const char *const id = "1b36:0010", *const other = "8086:10d3";
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN1), 0);
	fault(t, "hang match load *");
	assert_int_equal(change(t, vfioadm_plan_enable, &id, 1), -ETIMEDOUT);
	fake_faults_clear(t->host);
	/* Card types are the driver's as a whole; functions have their own way. */
	assert_int_equal(change(t, vfioadm_plan_enable, &other, 1), -EBUSY);
	assert_string_equal(vfioadm_error_code_name(t->err), "pending");
	control(t->host, "resume");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
	assert_driver(t, TWIN1, "", "(null)");
	assert_int_equal(change(t, vfioadm_plan_enable, &id, 1), 0);
	assert_driver(t, TWIN1, "vfio-pci", "(null)");
}

/* ---- helpers that settle, and are ended in the middle ---- */

static void leave_journal(struct settle_test *t, const char *wanted, const char *events);

static char *journal_text(struct settle_test *t)
{
	_cleanup_free_ char *path = str_format("%s/journal", t->run_dir);
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *text = NULL;

	return file_read_all(dir, "run", 65536, &text, NULL) < 0 ? NULL : text;
}

static void settle_by_helper(struct settle_test *t)
{
	assert_int_equal(late(t->host, t->run_dir, "run", NULL), 0);
}

/* As a helper leaves it that is killed while it settles. */
static void leave_late(struct settle_test *t, const char *events)
{
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	leave_journal(t, "vfio-pci", events);
}

static void test_no_second_late_try(void **state)
{
	static const char *const begun[] = { "begin 0\ndone 0\nlate\n", "begin 0\ndone 0\nlate\nback\n",
					     "begin 0\nlate\nended\nlate\nback\n",
					     /* Torn amid its own end. */
					     "begin 0\ndone 0\nlate\nback\nend" };
	struct settle_test *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(begun); i++) {
		_cleanup_free_ char *text = NULL;
		unsigned before;

		leave_late(t, begun[i]);
		before = fake_operations(t->host);
		settle_by_helper(t);
		settle_by_helper(t);
		assert_int_equal(fake_operations(t->host), before);
		text = journal_text(t);
		assert_non_null(text);
		assert_non_null(strstr(text, begun[i]));
		/* It is told, and who is asked to settles it. */
		vfioadm_settlement_free(t->settlement);
		t->settlement = NULL;
		assert_int_equal(vfioadm_settle(t->ctx, true, &t->settlement, &t->err), 0);
		assert_non_null(strstr(vfioadm_settlement_run(t->settlement, 0)->message, "The helper that began to settle"));
		assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
		assert_driver(t, TWIN0, "nvme", "(null)");
	}
}

/* The next change does it first as well: nobody has to remove a journal by hand. */
static void test_left_late_settled_by_next_verb(void **state)
{
	struct settle_test *t = *state;

	leave_late(t, "begin 0\ndone 0\nlate\n");
	settle_by_helper(t);
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
}

/* A helper that has lived to the end of its try does not keep the next one from another. */
static void test_late_try_that_ended(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
	control(t->host, "probe nvme " TWIN0 " EIO");
	leave_late(t, "begin 0\ndone 0\nbegin 1\ndone 1\n");
	settle_by_helper(t);
	assert_driver(t, TWIN0, "", "(null)");
	control(t->host, "probe nvme " TWIN0 " ok");
	settle_by_helper(t);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_null(journal_text(t));
	/* But there is an end to that: no more tries than steps, and one. */
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
	leave_late(t, "begin 0\ndone 0\nbegin 1\ndone 1\nlate\nended\nlate\nended\nlate\nended\n");
	settle_by_helper(t);
	assert_driver(t, TWIN0, "", "vfio-pci");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
	assert_driver(t, TWIN0, "nvme", "(null)");
}

/* What cannot be remembered is not tried: there would be no end to it. */
static void test_late_try_that_cannot_be_noted(void **state)
{
	struct settle_test *t = *state;
	_cleanup_free_ char *text = NULL;
	struct rlimit before, none;

	leave_late(t, "begin 0\ndone 0\n");
	text = journal_text(t);
	assert_non_null(text);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ .rlim_cur = strlen(text), .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(late(t->host, t->run_dir, "run", NULL), -EFBIG);
	assert_driver(t, TWIN0, "nvme", "vfio-pci");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	settle_by_helper(t);
	assert_driver(t, TWIN0, "nvme", "(null)");
}

/* ---- interrupted ---- */

static void leave_text(struct settle_test *t, const char *text, size_t len)
{
	struct store s = STORE_CLOSED;
	int dir;

	assert_int_equal(store_open_locked(&s, t->run_dir, "test", 0, -1, NULL), 0);
	(void)!mkdirat(s.dir, "journal", 0755);
	dir = openat(s.dir, "journal", O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_replace(dir, "run", text, len), 0);
	close(dir);
	store_close(&s);
}

#define JOURNAL_HEAD "vfioadm-journal 1\nboot-id 5ca1ab1e\npid 1\nverb assign\n"

static void leave_journal_of(struct settle_test *t, const char *plan, const char *events)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_addf(&text, JOURNAL_HEAD "%splan-end\n%s", plan, events);
	leave_text(t, text.s, text.len);
}

/* As a run leaves it that is killed when its steps up to `done` are through. */
static void leave_journal(struct settle_test *t, const char *wanted, const char *events)
{
	_cleanup_free_ char *plan = str_format(
		"target device=" TWIN0 " before=nvme wanted=%s taken=1 check=1 native=0\n"
		"step op=set-override device=" TWIN0 " value=vfio-pci\n"
		"undo op=set-override device=" TWIN0 " value=\n"
		"step op=unbind device=" TWIN0 " driver=nvme value=" TWIN0 "\n"
		"undo op=set-override device=" TWIN0 " value=\n"
		"undo op=bind device=" TWIN0 " driver=nvme value=" TWIN0 "\n",
		wanted);

	leave_journal_of(t, plan, events);
}

static void test_back(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_modprobe(t->host, "vfio_pci", NULL), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "vfio-pci"),
			 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
	/* Whether the unbind was done the journal does not say; the host does. */
	leave_journal(t, "vfio-pci", "begin 0\ndone 0\nbegin 1\n");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, "undone");
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
}

/* Killed between its last step and its last look: the group is another than could be foreseen. */
static void test_killed_before_the_group_was_looked_at(void **state)
{
	static const char plan[] = "target device=" BARE " wanted=vfio-pci taken=1 check=1 native=0\n"
				   "step op=set-override device=" BARE " value=vfio-pci\n"
				   "undo op=set-override device=" BARE " value=\n"
				   "step op=bind device=" BARE " driver=vfio-pci value=" BARE "\n"
				   "undo op=unbind device=" BARE " driver=vfio-pci value=" BARE "\n";
	static const char events[] = "begin 0\ndone 0\nbegin 1\n";
	struct settle_test *t = *state;

	control(t->host, "group " BARE " 2");
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" BARE "/driver_override", "vfio-pci"), 0);
	assert_int_equal(fake_modprobe(t->host, "vfio_pci", NULL), 0);
	assert_driver(t, BARE, "vfio-pci", "vfio-pci");
	leave_journal_of(t, plan, events);
	assert_settled(t, VFIOADM_SETTLED_UNDONE, "no guest could have opened " BARE " (group-split)");
	assert_driver(t, BARE, "", "(null)");
	assert_driver(t, TWIN1, "nvme", "(null)");
	/* With nothing in the group that the host drives it had come to its end. */
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" BARE "/driver_override", "vfio-pci"), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/vfio-pci/bind", BARE), 0);
	leave_journal_of(t, plan, events);
	assert_settled(t, VFIOADM_SETTLED_FINISHED, NULL);
	assert_driver(t, BARE, "vfio-pci", "vfio-pci");
}

/* A changing verb does it first, and then its own work. */
static void test_settled_by_next_verb(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "vfio-pci"),
			 0);
	leave_journal(t, "vfio-pci", "begin 0\n");
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
}

/* Somebody else has taken the function since: it is theirs. */
static void test_moved_by_others(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "vfio-pci"),
			 0);
	assert_int_equal(fake_modprobe(t->host, "vfio_pci", NULL), 0);
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci"); /* taken when it was loaded */
	leave_journal(t, "other", "begin 0\ndone 0\nbegin 1\ndone 1\n");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, "by somebody else");
	assert_string_equal(driver_of(t->host, TWIN0), "vfio-pci");
	assert_int_equal(settle(t), 0);
}

static void test_other_override_stays(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "pci-stub"),
			 0);
	leave_journal(t, "vfio-pci", "begin 0\ndone 0\n");
	settle(t);
	assert_driver(t, TWIN0, "nvme", "pci-stub");
}

static void test_stale(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "vfio-pci"),
			 0);
	leave_journal(t, "vfio-pci", "begin 0\n");
	vfioadm_ctx_unref(t->ctx);
	assert_int_equal(fake_new_text(FAKE_ROOT "d proc/sys/kernel/random\nf boot_id 0ddba11\n", NULL,
				       &t->host),
			 0);
	assert_int_equal(ctx_new_with_host(t->host, t->run_dir, &t->ctx), 0);
	assert_settled(t, VFIOADM_SETTLED_STALE, "earlier boot");
	assert_int_equal(settle(t), 0);
}

/* What lies among the journals and is none, and cannot be removed, keeps nobody from anything. */
static void test_junk_among_journals(void **state)
{
	static const char *const names[] = {
		".hidden", ".x.new", "a b", "lost+found", "-n", "$(x)", "x\\ny", "back~", "*", "#x#",
		"long-name-long-name-long-name-long-name-long-name-long-name-long-name",
	};
	struct settle_test *t = *state;
	const char *nic = NIC;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *make = str_format("mkdir -p '%s/journal/%s/x'", t->run_dir, names[i]);

		assert_int_equal(system(make), 0);
	}
	assert_int_equal(vfioadm_plan_assign(t->ctx, &nic, 1, NULL, &t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	vfioadm_plan_free(t->plan);
	t->plan = NULL;
	assert_int_equal(vfioadm_settle(t->ctx, false, &t->settlement, &t->err), 0);
	assert_int_equal(vfioadm_settlement_n(t->settlement), 0);
}

/* Where nobody can look, the directory is named and not a run. */
static void test_journals_of_others(void **state)
{
	struct settle_test *t = *state;
	_cleanup_free_ char *make = str_format("mkdir -m 0777 '%s/journal'", t->run_dir);
	const char *nic = NIC;

	assert_int_equal(system(make), 0);
	assert_int_equal(vfioadm_plan_assign(t->ctx, &nic, 1, NULL, &t->plan, &t->err), -EPERM);
	assert_non_null(strstr(vfioadm_error_message(t->err), "in /run/vfioadm/journal cannot be looked at"));
	assert_non_null(vfioadm_error_hint(t->err));
}

static void test_damaged(void **state)
{
	struct settle_test *t = *state;

	leave_journal(t, "vfio-pci", "begin 7\n");
	assert_int_equal(assign(t, TWIN1, NULL), -EBADMSG);
	assert_string_equal(vfioadm_error_code_name(t->err), "store");
	assert_non_null(strstr(vfioadm_error_hint(t->err), "/run/vfioadm/journal/run"));
	assert_driver(t, TWIN1, "nvme", "(null)");
}

/* Settling it moves it out of the way, so nothing is refused for ever. */
static void test_damaged_is_set_aside(void **state)
{
	static const char *const bad[] = { "", "vfioadm-journal 2\n", JOURNAL_HEAD, "x\0y\n" };
	static const size_t sizes[] = { 0, 18, sizeof(JOURNAL_HEAD) - 1, 4 };
	struct settle_test *t = *state;
	_cleanup_free_ char *aside = str_format("%s/damaged/run", t->run_dir);
	_cleanup_free_ char *there = str_format("%s/journal/run", t->run_dir);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		leave_text(t, bad[i], sizes[i]);
		assert_int_equal(assign(t, TWIN1, NULL), -EBADMSG);
		assert_non_null(strstr(vfioadm_error_hint(t->err), "vfioadm settle"));
		vfioadm_settlement_free(t->settlement);
		vfioadm_error_free(t->err);
		t->err = NULL;
		/* Told first, and then moved. */
		assert_int_equal(vfioadm_settle(t->ctx, true, &t->settlement, &t->err), 0);
		assert_int_equal(vfioadm_settlement_n(t->settlement), 1);
		assert_int_equal(access(there, F_OK), 0);
		assert_settled(t, VFIOADM_SETTLED_FAILED, "/run/vfioadm/damaged/run");
		assert_null(vfioadm_settlement_run(t->settlement, 0)->verb);
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(settle(t), 0);
	}
	/* What is no file at all. */
	assert_int_equal(mkdir(there, 0755), 0);
	assert_int_equal(assign(t, TWIN1, NULL), -EBADMSG);
	assert_int_equal(unlink(aside), 0);
	assert_settled(t, VFIOADM_SETTLED_FAILED, NULL);
	assert_int_equal(symlink("/etc/passwd", there), 0);
	assert_int_equal(rmdir(aside), 0);
	assert_settled(t, VFIOADM_SETTLED_FAILED, NULL);
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	assert_int_equal(settle(t), 0);
}

/* Others are settled all the same. */
static void test_damaged_beside_another(void **state)
{
	struct settle_test *t = *state;
	_cleanup_free_ char *from = str_format("%s/journal/run", t->run_dir);
	_cleanup_free_ char *to = str_format("%s/journal/a", t->run_dir);

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	leave_text(t, "torn", 4);
	assert_int_equal(rename(from, to), 0);
	leave_journal(t, "vfio-pci", "begin 0\n");
	assert_int_equal(settle(t), 2);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
}

/* What the first n steps of leave_journal() do. */
static void do_steps(struct settle_test *t, unsigned n)
{
	if (n > 0)
		assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
						  "vfio-pci"), 0);
	if (n > 1)
		assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
}

/* How many lines of this kind stand whole in the first len bytes. */
static unsigned count_lines(const char *text, size_t len, const char *word)
{
	const char *end;
	unsigned n = 0;

	for (; (end = memchr(text, '\n', len)); len -= (size_t)(end + 1 - text), text = end + 1)
		n += strncmp(text, word, strlen(word)) == 0;
	return n;
}

/* The last line was torn anywhere: what it announced has not been done, what stands before it has. */
static void test_torn_at_each_byte(void **state)
{
	static const char events[] = "begin 0\ndone 0\nbegin 1\ndone 1\nback\nundone 1\n";
	struct settle_test *t = *state;
	_cleanup_free_ char *path = str_format("%s/journal/run", t->run_dir), *text = NULL;
	size_t size;

	leave_journal(t, "vfio-pci", events);
	assert_int_equal(file_read_all(AT_FDCWD, path, 65536, &text, &size), 0);
	for (size_t len = 0; len <= size; len++) {
		bool undone = count_lines(text, len, "undone ");
		unsigned begun = undone ? 0 : count_lines(text, len, "begin ");

		/* A step that has begun and was not noted as done may have been done or not. */
		for (unsigned done = undone ? 0 : count_lines(text, len, "done "); done <= begun; done++) {
			do_steps(t, done);
			leave_text(t, text, len);
			if (!count_lines(text, len, "plan-end")) {
				assert_int_equal(assign(t, TWIN1, NULL), -EBADMSG);
				assert_settled(t, VFIOADM_SETTLED_FAILED, NULL);
			} else {
				assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
			}
			assert_driver(t, TWIN0, "nvme", "(null)");
			assert_int_equal(settle(t), 0);
		}
	}
	assert_int_equal(assign(t, TWIN1, NULL), 0);
}

/* Putting it back fails again and again: said each time, and no other run makes it worse. */
static void test_cannot_be_put_back(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/drivers/nvme/unbind", TWIN0), 0);
	control(t->host, "probe nvme " TWIN0 " EIO");
	leave_journal(t, "vfio-pci", "begin 0\ndone 0\nbegin 1\ndone 1\n");
	assert_settled(t, VFIOADM_SETTLED_FAILED, "could not be put back");
	assert_int_equal(assign(t, TWIN0, NULL), -EBUSY);
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	control(t->host, "probe nvme " TWIN0 " ok");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
	assert_driver(t, TWIN0, "nvme", "(null)");
}

static void test_dry_run_changes_nothing(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					  "vfio-pci"),
			 0);
	leave_journal(t, "vfio-pci", "begin 0\n");
	assert_int_equal(vfioadm_settle(t->ctx, true, &t->settlement, &t->err), 0);
	assert_int_equal(vfioadm_settlement_n(t->settlement), 1);
	assert_string_equal(vfioadm_settlement_run(t->settlement, 0)->devices[0], TWIN0);
	assert_driver(t, TWIN0, "nvme", "vfio-pci");
	assert_settled(t, VFIOADM_SETTLED_UNDONE, NULL);
}

/* A helper settles what a killed run has left, and has the lock: all wait for it, though nobody has said how long. */
static pid_t settle_elsewhere(struct settle_test *t, const char *what)
{
	struct store s = STORE_CLOSED;
	pid_t pid;

	assert_int_equal(store_open_locked(&s, t->run_dir, what, 0, -1, NULL), 0);
	pid = fork();
	if (pid == 0) {
		int journals;

		usleep(300000);
		journals = openat(s.dir, "journal", O_RDONLY | O_DIRECTORY);
		if (journals >= 0)
			(void)!unlinkat(journals, "run", 0);
		store_close(&s);
		_exit(0);
	}
	/* Not given back: the lock is the child's as well. */
	close(s.lock);
	close(s.dir);
	return pid;
}

static void test_late_settling_is_waited_for(void **state)
{
	struct settle_test *t = *state;
	pid_t pid;
	int status;

	vfioadm_ctx_set_timeout(t->ctx, 20);
	leave_journal(t, "vfio-pci", "begin 0\n");
	pid = settle_elsewhere(t, STORE_LATE_SETTLING);
	assert_int_equal(settle(t), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = settle_elsewhere(t, STORE_LATE_SETTLING);
	assert_int_equal(assign(t, TWIN0, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* What somebody has asked for may take long: that is --lock-wait's. */
	pid = settle_elsewhere(t, "assign 0000:09:00.0");
	assert_int_equal(release(t, TWIN0, NULL), -EAGAIN);
	assert_int_equal(vfioadm_error_exit(t->err), VFIOADM_EXIT_BUSY);
	vfioadm_error_free(t->err);
	t->err = NULL;
	assert_int_equal(vfioadm_settle(t->ctx, false, &t->settlement, &t->err), -EAGAIN);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(release(t, TWIN0, NULL), 0);
}

/*
 * Killed amid a step that is not stuck: whoever comes next waits for it as long as the run itself would have. For one
 * that is known to be stuck, or was when its time had passed, nobody waits again.
 */
static void test_killed_amid_a_step(void **state)
{
	static const struct {
		const char *events;
		int age_s;
		bool waits;
	} cases[] = {
		{ "begin 0\ndone 0\nbegin 1\n", 0, true },
		{ "begin 0\ndone 0\nbegin 1\ndone 1\nback\n", 0, true },
		{ "begin 0\ndone 0\nbegin 1\nstuck 1\nback\n", 0, false },
		{ "begin 0\ndone 0\nbegin 1\n", 5, false },
		{ "begin 0\ndone 0\nbegin 1\n", -5, false },
	};
	struct settle_test *t = *state;
	_cleanup_free_ char *path = str_format("%s/journal/run", t->run_dir);
	const char *const name = TWIN0;
	struct host *helper;
	pid_t holder;

	assert_int_equal(fake_attach(t->host, &helper), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec times[2];
		int64_t begun;

		leave_journal(t, "vfio-pci", cases[i].events);
		assert_int_equal(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
		times[0].tv_sec -= cases[i].age_s;
		times[1] = times[0];
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
		assert_int_equal(helper->ops->claim(helper, t->run_dir, "run", TWIN0, &holder), 0);
		begun = clock_ms();
		assert_int_equal(assign(t, TWIN0, NULL), -EBUSY);
		assert_string_equal(vfioadm_error_code_name(t->err), "pending");
		if (cases[i].waits != (clock_ms() - begun > 700))
			fail_msg("case %zu: %d ms", i, (int)(clock_ms() - begun));
		helper->ops->unclaim(helper, &name, 1);
		assert_int_equal(settle(t), 1);
	}
	host_free(helper);
}

/* Of a run of an earlier version that had no room for a line: settled like any other. */
static void test_glued_line(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	leave_journal(t, "vfio-pci", "begin 0\ndone 0\nbegin 1back\n");
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	assert_driver(t, TWIN0, "nvme", "(null)");
	assert_int_equal(settle(t), 0);
}

/* ---- gone ---- */

static void take_away(struct settle_test *t, const char *address)
{
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/remove", address);

	assert_int_equal(fake_write_aside(t->host, path, "1"), 0);
}

static bool has_record(const struct settle_test *t, const char *address)
{
	_cleanup_free_ char *path = str_format("%s/records/%s", t->run_dir, address);

	return access(path, F_OK) == 0;
}

static void test_assigned_and_gone(void **state)
{
	struct settle_test *t = *state;
	const struct vfioadm_settled *item;

	assert_int_equal(assign(t, TWIN0, TWIN1), 0);
	take_away(t, TWIN1);
	assert_int_equal(vfioadm_settle(t->ctx, true, &t->settlement, &t->err), 0);
	assert_int_equal(vfioadm_settlement_n(t->settlement), 1);
	assert_true(has_record(t, TWIN1));
	assert_settled(t, VFIOADM_SETTLED_STALE, TWIN1 " was assigned (driver before: nvme) and is no longer there");
	item = vfioadm_settlement_run(t->settlement, 0);
	assert_null(item->run);
	assert_int_equal(item->n_devices, 1);
	assert_string_equal(item->devices[0], TWIN1);
	assert_false(has_record(t, TWIN1));
	assert_int_equal(settle(t), 0);
	/* The other one goes home as ever. */
	assert_true(has_record(t, TWIN0));
	assert_int_equal(release(t, TWIN0, NULL), 0);
	assert_driver(t, TWIN0, "nvme", "(null)");
}

/* Found again at the same address, or another card there: nobody has assigned that one. */
static void test_gone_and_replaced(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(assign(t, TWIN0, TWIN1), 0);
	take_away(t, TWIN1);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/rescan", "1"), 0);
	assert_driver(t, TWIN1, "nvme", "(null)");
	assert_settled(t, VFIOADM_SETTLED_STALE,
		       TWIN1 " was assigned (driver before: nvme) and is no longer there: what has its address now was added later");
	assert_false(has_record(t, TWIN1));
	assert_true(has_record(t, TWIN0));
	assert_int_equal(settle(t), 0);
	assert_int_equal(assign(t, TWIN1, NULL), 0);
	assert_int_equal(settle(t), 0);
	assert_true(has_record(t, TWIN1));
}

/* Whoever names it hears of that, and the record is there until somebody does. */
static void test_gone_and_named(void **state)
{
	static const char *const names[] = { TWIN1, "02:00.0" };
	struct settle_test *t = *state;
	struct vfioadm_checkup *checkup;

	assert_int_equal(assign(t, TWIN1, NULL), 0);
	take_away(t, TWIN1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(release(t, names[i], NULL), -ENOENT);
		assert_non_null(strstr(vfioadm_error_message(t->err), "it was assigned (driver before: nvme) and is no longer there"));
		assert_int_equal(vfioadm_error_exit(t->err), VFIOADM_EXIT_NO_FUNCTION);
	}
	vfioadm_error_free(t->err);
	t->err = NULL;
	assert_int_equal(vfioadm_check(t->ctx, names, 1, NULL, &checkup, &t->err), -ENOENT);
	assert_non_null(strstr(vfioadm_error_message(t->err), "it was assigned"));
	assert_int_equal(settle(t), 1);
	/* Of one that never was nothing is said. */
	assert_int_equal(release(t, TWIN1, NULL), -ENOENT);
	assert_null(strstr(vfioadm_error_message(t->err), "assigned"));
}

/* The next change is enough. */
static void test_gone_and_forgotten_by_another_run(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(assign(t, TWIN0, TWIN1), 0);
	take_away(t, TWIN1);
	assert_int_equal(assign(t, NIC, NULL), 0);
	assert_false(has_record(t, TWIN1));
	assert_true(has_record(t, TWIN0) && has_record(t, NIC));
	assert_int_equal(settle(t), 0);
}

static void test_virtual_function_gone(void **state)
{
	static const char vf[] = "0000:03:10.0";
	struct settle_test *t = *state;

	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" NIC "/sriov_numvfs", "1"), 0);
	assert_int_equal(assign(t, vf, NULL), 0);
	assert_int_equal(fake_write_aside(t->host, "sys/bus/pci/devices/" NIC "/sriov_numvfs", "0"), 0);
	assert_settled(t, VFIOADM_SETTLED_STALE, vf);
	assert_false(has_record(t, vf));
}

/* The undo of a run that the kernel holds may still need it. */
static void test_gone_while_a_run_is_held(void **state)
{
	struct settle_test *t = *state;

	assert_int_equal(assign(t, TWIN1, NULL), 0);
	control(t->host, "open " TWIN1);
	assert_int_equal(release(t, TWIN1, NULL), -ETIMEDOUT);
	assert_settled(t, VFIOADM_SETTLED_PENDING, TWIN1);
	assert_true(has_record(t, TWIN1));
	control(t->host, "close " TWIN1);
}

#define SETTLE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTLE_TEST(test_held_and_let_go),	SETTLE_TEST(test_let_go_settled_by_verb),
		SETTLE_TEST(test_no_second_late_try),	SETTLE_TEST(test_left_late_settled_by_next_verb),
		SETTLE_TEST(test_late_try_that_ended),	SETTLE_TEST(test_late_try_that_cannot_be_noted),
		SETTLE_TEST(test_held_host_step),	SETTLE_TEST(test_back),
		SETTLE_TEST(test_killed_before_the_group_was_looked_at),
		SETTLE_TEST(test_settled_by_next_verb), SETTLE_TEST(test_moved_by_others),
		SETTLE_TEST(test_other_override_stays), SETTLE_TEST(test_stale),
		SETTLE_TEST(test_damaged_is_set_aside), SETTLE_TEST(test_damaged_beside_another),
		SETTLE_TEST(test_torn_at_each_byte), SETTLE_TEST(test_killed_amid_a_step),
		SETTLE_TEST(test_junk_among_journals), SETTLE_TEST(test_journals_of_others),
		SETTLE_TEST(test_damaged),		SETTLE_TEST(test_cannot_be_put_back),
		SETTLE_TEST(test_dry_run_changes_nothing), SETTLE_TEST(test_late_settling_is_waited_for),
		SETTLE_TEST(test_glued_line), SETTLE_TEST(test_assigned_and_gone),
		SETTLE_TEST(test_gone_and_replaced), SETTLE_TEST(test_gone_and_named),
		SETTLE_TEST(test_gone_and_forgotten_by_another_run), SETTLE_TEST(test_virtual_function_gone),
		SETTLE_TEST(test_gone_while_a_run_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
