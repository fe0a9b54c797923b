/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model's claims, held disks, and what a helper does for a caller that has gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "fake_root.h"

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/dev/shm/vfioadm-fake-XXXXXX");
	return mkdtemp(dir) ? fake_setup(state) : -1;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) || fake_teardown(state);
}

static void make_journal(const char *run)
{
	_cleanup_free_ char *journals = str_format("%s/journal", dir);
	_cleanup_free_ char *path = str_format("%s/%s", journals, run);
	FILE *f;

	(void)!mkdir(journals, 0755);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static void unclaim(struct host *h, const char *name)
{
	h->ops->unclaim(h, &name, 1);
}

static int claim(struct host *h, const char *name)
{
	pid_t holder;

	return h->ops->claim(h, dir, "run1", name, &holder);
}

static int put_as(struct host *h, const char *claimed, const char *path, const char *text)
{
	_cleanup_free_ char *full = str_format("sys/bus/pci/%s", path);

	return h->ops->write(h, claimed, full, text, strlen(text));
}

static int count_late(struct host *h, const char *run_dir, const char *run, void *userdata)
{
	assert_string_equal(run_dir, dir);
	assert_string_equal(run, "run1");
	(*(int *)userdata)++;
	return 0;
}

static int late_runs(struct host *h)
{
	int seen = 0, n = fake_run_late(h, count_late, &seen);

	assert_int_equal(n, seen);
	return n;
}

static void test_two_users(void **state)
{
	struct host *h = *state, *other;
	pid_t holder = 0;

	assert_int_equal(fake_attach(h, &other), 0);
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(claim(h, TWIN0), -EALREADY);
	assert_int_equal(other->ops->claim(other, dir, "run2", TWIN0, &holder), -EAGAIN);
	assert_int_equal(holder, fake_claimed(h, TWIN0));
	assert_true(h->ops->is_ours(h, holder) && !other->ops->is_ours(other, holder));
	/* One kernel. */
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/unbind", TWIN0), 0);
	assert_string_equal(driver_of(other, TWIN0), "");
	assert_int_equal(fake_operations(other), 1);
	unclaim(h, TWIN0);
	assert_int_equal(claim(other, TWIN0), 0);
	host_free(other);
	assert_int_equal(fake_claimed(h, TWIN0), 0);
	assert_int_equal(late_runs(h), 0);
}

static void test_stuck_write(void **state)
{
	struct host *h = *state, *other;
	struct strv frames = {0};
	char text[16];

	assert_int_equal(fake_attach(h, &other), 0);
	make_journal("run1");
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(claim(h, TWIN1), 0);
	control(h, "fault hang nth 1");
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	assert_int_equal(h->ops->stuck_in(h, TWIN0, &frames), 0);
	assert_true(frames.n > 0);
	strv_clear(&frames);
	assert_int_equal(h->ops->stuck_in(h, TWIN1, &frames), -ENOENT);
	/* At once, and without trying: others go on. */
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/bind", TWIN0), -ETIMEDOUT);
	assert_int_equal(h->ops->read_locked(h, "sys/bus/pci/devices/" TWIN0 "/driver_override",
					     text, sizeof(text)),
			 -ETIMEDOUT);
	assert_int_equal(fake_operations(h), 1);
	assert_int_equal(put_as(h, TWIN1, "drivers/nvme/unbind", TWIN1), 0);
	unclaim(h, TWIN0);
	unclaim(h, TWIN1);
	assert_int_equal(claim(other, TWIN0), -EAGAIN);
	assert_int_equal(claim(h, TWIN0), -EAGAIN);
	assert_int_equal(late_runs(h), 0);
	control(h, "resume");
	assert_int_equal(fake_claimed(h, TWIN0), 0);
	assert_int_equal(late_runs(h), 1);
	assert_int_equal(late_runs(h), 0);
	assert_int_equal(claim(other, TWIN0), 0);
	unclaim(other, TWIN0);
	host_free(other);
}

/* It goes on by itself while the run that gave up on it does something else. */
static void test_returns_meanwhile(void **state)
{
	struct host *h = *state;

	make_journal("run1");
	assert_int_equal(claim(h, TWIN0), 0);
	control(h, "fault hang 2 nth 1");
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	assert_int_not_equal(fake_claimed(h, TWIN0), 0);
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN1), 0);
	assert_int_equal(put(h, "drivers/nvme/bind", TWIN1), 0);
	assert_int_equal(fake_claimed(h, TWIN0), 0);
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/bind", TWIN0), -ETIMEDOUT);
	unclaim(h, TWIN0);
	assert_int_equal(late_runs(h), 1);
}

/* The whole operation went through, and sleeps behind what it did. */
static void test_sleeps_behind(void **state)
{
	struct host *h = *state;

	load_vfio(h);
	assert_int_equal(claim(h, "host"), 0);
	control(h, "fault hang nth 1");
	assert_int_equal(put_as(h, "host", "drivers/vfio-pci/new_id", "ffff 0001"), -ETIMEDOUT);
	assert_true(fake_hangs(h));
	assert_int_equal(h->ops->load_module(h, "igbvf", NULL), -ETIMEDOUT);
	assert_int_equal(put(h, "drivers/vfio-pci/new_id", "ffff 0001"), -EEXIST);
	control(h, "resume");
	assert_false(fake_hangs(h));
	assert_int_equal(fake_claimed(h, "host"), 0);
}

/* A write that waits behind somebody else's returns when that one has. */
static void test_waits_behind(void **state)
{
	struct host *h = *state;

	control(h, "trait override-spinlock no");
	control(h, "fault hang nth 1");
	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), -ETIMEDOUT);
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(put_as(h, TWIN0, "devices/" TWIN0 "/driver_override", "x"), -ETIMEDOUT);
	unclaim(h, TWIN0);
	assert_int_equal(claim(h, TWIN0), -EAGAIN);
	control(h, "resume");
	assert_string_equal(override_of(h, TWIN0), "x");
	assert_int_equal(claim(h, TWIN0), 0);
}

static void test_killed(void **state)
{
	struct host *h = *state, *other;

	make_journal("run1");
	assert_int_equal(fake_attach(h, &other), 0);
	assert_int_equal(claim(other, TWIN0), 0);
	assert_int_equal(claim(other, TWIN1), 0);
	control(h, "fault hang nth 1");
	assert_int_equal(put_as(other, TWIN1, "drivers/nvme/unbind", TWIN1), -ETIMEDOUT);
	fake_kill(other);
	/* What was not in the kernel settles at once, what is when it returns. */
	assert_int_equal(fake_claimed(h, TWIN0), 0);
	assert_int_not_equal(fake_claimed(h, TWIN1), 0);
	assert_int_equal(late_runs(h), 1);
	control(h, "resume");
	assert_int_equal(late_runs(h), 1);
	host_free(other);
	assert_int_equal(late_runs(h), 0);
}

/* What the kernel itself answers is not an operation that has not returned. */
static void test_timeout_of_a_driver(void **state)
{
	struct host *h = *state;

	assert_int_equal(put(h, "drivers/nvme/unbind", TWIN0), 0);
	control(h, "probe nvme " TWIN0 " ETIMEDOUT");
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/bind", TWIN0), -ETIME);
	control(h, "probe nvme " TWIN0 " ok");
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/bind", TWIN0), 0);
}

static void test_disks(void **state)
{
	struct host *h = *state, *other;

	assert_int_equal(fake_attach(h, &other), 0);
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), -EBADF);
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(claim(other, TWIN1), 0);
	assert_int_equal(h->ops->hold(h, TWIN0, "nothing"), -ENOENT);
	control(h, "use-disk nvme0n1");
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), -EBUSY);
	control(h, "leave-disk nvme0n1");
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), 0);
	/* Nobody else gets it: no mount, no other run. */
	assert_int_equal(fake_control(h, "use-disk nvme0n1"), -EBUSY);
	assert_int_equal(other->ops->hold(other, TWIN1, "nvme0n1"), -EBUSY);
	h->ops->let_go(h, TWIN0);
	assert_int_equal(other->ops->hold(other, TWIN1, "nvme0n1"), 0);
	host_free(other);
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), 0);
}

/* What the model's files say counts as well. */
static void test_disks_by_files(void **state)
{
	static const char *const more[] = {
		"d proc/self\nt mountinfo\n\t36 25 259:0 / /mnt rw - ext4 /dev/nvme0n1 rw\n",
		"d proc\nt swaps\n\tFilename Type\n\t/dev/nvme0n1 partition 1 0 -2\n",
		"d sys/devices/pci0000:00/" PORT "/" TWIN0
		"/nvme/nvme0/nvme0n1/holders\nl dm-0 ../../dm-0\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		_cleanup_free_ char *text = str_format("%s%s", FAKE_ROOT, more[i]);
		struct host *h;

		assert_int_equal(fake_new_text(text, NULL, &h), 0);
		assert_int_equal(claim(h, TWIN0), 0);
		assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), -EBUSY);
		host_free(h);
	}
}

static void test_faults(void **state)
{
	struct host *h = *state;

	/* A fault before the n-th operation means the kernel's. */
	control(h, "fault fail EIO nth 1");
	assert_int_equal(claim(h, TWIN0), 0);
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), 0);
	assert_int_equal(put_as(h, TWIN0, "drivers/nvme/unbind", TWIN0), -EIO);
	assert_int_equal(fake_operations(h), 1);
	control(h, "fault fail ENOSPC match claim *");
	assert_int_equal(claim(h, TWIN1), -ENOSPC);
	control(h, "fault fail EACCES match hold *");
	assert_int_equal(h->ops->hold(h, TWIN0, "nvme0n1"), -EACCES);
}

static void count_line(void *userdata, const char *line)
{
	(*(int *)userdata)++;
}

/* A transcript is about what the kernel is asked. */
static void test_recorded(void **state)
{
	struct host *h = *state, *other, *rec;
	int lines = 0;

	assert_int_equal(fake_attach(h, &other), 0);
	assert_int_equal(recorder_new(other, count_line, &lines, &rec), 0);
	assert_int_equal(claim(rec, TWIN0), 0);
	assert_int_equal(rec->ops->hold(rec, TWIN0, "nvme0n1"), 0);
	rec->ops->let_go(rec, TWIN0);
	assert_int_equal(lines, 0);
	assert_int_equal(put_as(rec, TWIN0, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(lines, 1);
	unclaim(rec, TWIN0);
	assert_int_equal(fake_claimed(h, TWIN0), 0);
	host_free(rec);
}

int run_claim_tests(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_two_users),
		T(test_stuck_write),
		T(test_returns_meanwhile),
		T(test_sleeps_behind),
		T(test_waits_behind),
		T(test_killed),
		T(test_timeout_of_a_driver),
		T(test_disks),
		T(test_disks_by_files),
		T(test_faults),
		T(test_recorded),
	};

	return cmocka_run_group_tests_name("fake-claims", tests, NULL, NULL);
}
