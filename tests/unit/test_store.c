/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "inventory_builder.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "store/store.h"

static char dir[64];

static int make_dir(void **state)
{
	strcpy(dir, "/dev/shm/vfioadm-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *run_dir(void)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/run", dir);
	return path;
}

static struct store open_store(void)
{
	struct store s = STORE_CLOSED;

	assert_int_equal(store_open_locked(&s, run_dir(), "test", 0, -1, NULL), 0);
	return s;
}

static const struct record sample = {
	.device = "0000:01:00.0",
	.driver = "nvme",
	.driver_override = "odd name",
	.boot_id = "1-2-3",
	.vendor = 0x1b36,
	.device_id = 0x0010,
	.subsystem_vendor = 0x1af4,
	.subsystem_device = 0x1100,
	.incarnation = UINT64_MAX - 1,
};

static void write_record(struct store *s, const char *text)
{
	int records = openat(s->dir, "records", O_RDONLY | O_DIRECTORY);

	assert_int_equal(file_replace(records, "0000:01:00.0", text, strlen(text)), 0);
	close(records);
}

static void test_record_round_trip(void **state)
{
	struct store s = open_store();
	struct arena arena = {0};
	struct record rec;

	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), -ENOENT);
	assert_int_equal(store_save_record(&s, &sample), 0);
	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), 0);
	assert_string_equal(rec.device, sample.device);
	assert_string_equal(rec.driver, "nvme");
	assert_string_equal(rec.driver_override, "odd name");
	assert_string_equal(rec.boot_id, "1-2-3");
	assert_int_equal(rec.vendor, 0x1b36);
	assert_int_equal(rec.subsystem_device, 0x1100);
	assert_true(rec.incarnation == sample.incarnation);
	assert_int_equal(store_drop_record(&s, sample.device), 0);
	assert_int_equal(store_drop_record(&s, sample.device), 0);
	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), -ENOENT);
	arena_free(&arena);
	store_close(&s);
}

static void test_record_without_driver(void **state)
{
	struct record driverless = sample, rec;
	struct store s = open_store();
	struct arena arena = {0};

	driverless.driver = driverless.driver_override = NULL;
	assert_int_equal(store_save_record(&s, &driverless), 0);
	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), 0);
	assert_null(rec.driver);
	assert_null(rec.driver_override);
	arena_free(&arena);
	store_close(&s);
}

/* Torn, foreign, or from another program: nothing of it is believed. */
static void test_bad_records(void **state)
{
	static const char *const bad[] = {
		"",
		"something else\n",
		"vfioadm-record 2\nboot_id=x\n",
		"vfioadm-record 1\ndriver=nvme\n",
		"vfioadm-record 1\nno equal sign\nboot_id=x\n",
		"vfioadm-record 1\nvendor=zzzz\nboot_id=x\n",
		"vfioadm-record 1\nincarnation=-1\nboot_id=x\n",
	};
	struct store s = open_store();
	struct arena arena = {0};
	struct record rec;

	assert_int_equal(store_save_record(&s, &sample), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_record(&s, bad[i]);
		assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), -EBADMSG);
	}
	/* A later version may know more. */
	write_record(&s, "vfioadm-record 1\nnew_key=1\nboot_id=x\n");
	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), 0);
	arena_free(&arena);
	store_close(&s);
}

static void test_record_names(void **state)
{
	struct record evil = sample;
	struct store s = open_store();

	evil.device = "../../etc/passwd";
	assert_int_equal(store_save_record(&s, &evil), -EINVAL);
	assert_int_equal(store_save_record(&s, &sample), 0);
	assert_int_equal(store_drop_record(&s, ".."), -EINVAL);
	store_close(&s);
}

static void test_ids(void **state)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = {0};
	struct cardtype a, b;
	struct store s = open_store();
	bool changed;

	assert_int_equal(cardtype_parse("15b3:1003", &a, NULL), 0);
	assert_int_equal(cardtype_parse("8086:10d3:8086:0001", &b, NULL), 0);
	assert_int_equal(store_add_id(&s, &a, 7, &changed), 0);
	assert_true(changed);
	assert_int_equal(store_add_id(&s, &b, 8, &changed), 0);
	assert_int_equal(store_add_id(&s, &a, 9, &changed), 0);
	assert_true(changed);
	assert_int_equal(store_add_id(&s, &a, 9, &changed), 0);
	assert_false(changed);
	assert_int_equal(store_load_ids(&s, &ids), 0);
	assert_int_equal(ids.n, 2);
	assert_true(cardtype_equal(&ids.items[0].type, &a));
	assert_int_equal(ids.items[0].registration, 9);
	enabled_ids_clear(&ids);
	assert_int_equal(store_remove_id(&s, &a, &changed), 0);
	assert_true(changed);
	assert_int_equal(store_remove_id(&s, &a, &changed), 0);
	assert_false(changed);
	assert_int_equal(store_load_ids(&s, &ids), 0);
	assert_int_equal(ids.n, 1);
	assert_true(cardtype_equal(&ids.items[0].type, &b));
	store_close(&s);
}

static void test_lock(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	struct store s = open_store(), other = STORE_CLOSED;
	int cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct file_lock_holder holder;
	uint64_t one = 1;
	char who[64];

	assert_int_equal(store_open_locked(&other, run_dir(), "test", 50, -1, &err), -EAGAIN);
	assert_int_equal(vfioadm_error_exit(err), VFIOADM_EXIT_BUSY);
	snprintf(who, sizeof(who), "(pid %d, test, since ", (int)getpid());
	assert_non_null(strstr(vfioadm_error_message(err), who));
	assert_int_equal(file_lock_holder(s.dir, "lock", &holder), 1);
	assert_int_equal(holder.pid, getpid());
	store_close(&other);
	/* Waiting ends when stopping was asked for. */
	assert_int_equal(write(cancel_fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(store_open_locked(&other, run_dir(), "test", 60000, cancel_fd, NULL), -ECANCELED);
	store_close(&other);
	close(cancel_fd);
	store_close(&s);
	assert_int_equal(store_open(&other, run_dir(), NULL), 0);
	assert_int_equal(file_lock_holder(other.dir, "lock", &holder), 0);
	assert_int_equal(file_lock_holder(other.dir, "nothing", &holder), 0);
	store_close(&other);
	assert_int_equal(store_open_locked(&other, run_dir(), "test", 0, -1, NULL), 0);
	store_close(&other);
}

/* By another program: valgrind would call what cmocka has allocated in the parent a leak of the child. */
static void end_child(void)
{
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* Asking who has a lock, however often, must not keep anybody from taking it who does not wait. */
static void test_asking_takes_nothing(void **state)
{
	struct store s = open_store();
	int status, end[2];
	pid_t asking;

	assert_int_equal(pipe2(end, O_CLOEXEC | O_NONBLOCK), 0);
	asking = fork();
	if (asking == 0) {
		struct file_lock_holder holder;
		char c;

		close(end[1]);
		while (read(end[0], &c, 1) < 0)
			(void)!file_lock_holder(s.dir, "lock", &holder);
		end_child();
	}
	store_close(&s);
	for (int i = 0; i < 2000; i++) {
		struct store again = STORE_CLOSED;

		if (store_open_locked(&again, run_dir(), "test", 0, -1, NULL) < 0)
			fail_msg("not taken at try %d", i);
		store_close(&again);
	}
	close(end[1]);
	assert_int_equal(waitpid(asking, &status, 0), asking);
	assert_int_equal(status, 0);
	close(end[0]);
}

/* Scripts that lock by flock(1), and helpers of an earlier version, are kept out and keep out. */
static void test_flock_counts(void **state)
{
	struct store s = open_store(), other = STORE_CLOSED;
	int fd = openat(s.dir, "lock", O_RDONLY | O_CLOEXEC);

	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	store_close(&s);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(store_open_locked(&other, run_dir(), "test", 0, -1, NULL), -EAGAIN);
	store_close(&other);
	close(fd);
	assert_int_equal(store_open_locked(&other, run_dir(), "test", 0, -1, NULL), 0);
	store_close(&other);
}

/* In a process of its own: has the lock for ms, and says who it is. */
static pid_t hold_for(const char *what, unsigned ms)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct store s = STORE_CLOSED;

		if (store_open_locked(&s, run_dir(), what, 0, -1, NULL) < 0)
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		usleep(ms * 1000);
		store_close(&s);
		end_child();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 0);
	close(ready[0]);
	return pid;
}

static void test_late_settling_is_waited_for(void **state)
{
	static const struct {
		const char *what;
		unsigned held_ms, wait_ms, late_ms;
		int r;
	} cases[] = {
		{ STORE_LATE_SETTLING, 400, 0, 20000, 0 },	  { STORE_LATE_SETTLING, 400, 20000, 0, 0 },
		{ STORE_LATE_SETTLING, 800, 0, 0, -EAGAIN },	  { STORE_LATE_SETTLING, 800, 0, 200, -EAGAIN },
		{ "assign 0000:01:00.0", 800, 0, 20000, -EAGAIN }, { "assign 0000:01:00.0", 800, 200, 20000, -EAGAIN },
		{ "settle", 800, 0, 20000, -EAGAIN },		  { "assign 0000:01:00.0", 400, 20000, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct store s = STORE_CLOSED;
		int64_t begun = clock_ms();
		pid_t holder = hold_for(cases[i].what, cases[i].held_ms);
		int status, r = store_open_locked_after(&s, run_dir(), "test", cases[i].wait_ms, cases[i].late_ms, -1,
							&err);

		if (r != cases[i].r)
			fail_msg("case %zu: %d", i, r);
		if (r == 0)
			assert_true(clock_ms() - begun >= cases[i].held_ms / 2);
		if (r < 0)
			assert_non_null(strstr(vfioadm_error_message(err), streq(cases[i].what, STORE_LATE_SETTLING) ?
										  "still being settled" :
										  cases[i].what));
		store_close(&s);
		assert_int_equal(waitpid(holder, &status, 0), holder);
		assert_int_equal(status, 0);
	}
}

static void test_untrusted(void **state)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	struct store s = STORE_CLOSED;

	assert_int_equal(mkdir(run_dir(), 0777), 0);
	assert_int_equal(chmod(run_dir(), 0777), 0);
	assert_int_equal(store_open_locked(&s, run_dir(), "test", 0, -1, &err), -EPERM);
	assert_int_equal(vfioadm_error_code(err), VFIOADM_E_STORE);
	assert_non_null(strstr(vfioadm_error_message(err), run_dir()));
	store_close(&s);
	assert_int_equal(rmdir(run_dir()), 0);
	assert_int_equal(symlink("/tmp", run_dir()), 0);
	assert_int_not_equal(store_open_locked(&s, run_dir(), "test", 0, -1, NULL), 0);
	store_close(&s);
}

static void test_nothing_there(void **state)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = {0};
	struct store s = STORE_CLOSED;
	struct arena arena = {0};
	struct record rec;

	assert_int_equal(store_open(&s, run_dir(), NULL), 0);
	assert_int_equal(store_load_record(&s, sample.device, &arena, &rec), -ENOENT);
	assert_int_equal(store_load_ids(&s, &ids), 0);
	assert_int_equal(ids.n, 0);
	store_close(&s);
	arena_free(&arena);
}

static void test_replace_is_whole(void **state)
{
	_cleanup_free_ char *text = NULL;
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	size_t n;

	assert_int_equal(file_replace(fd, "x", "old", 3), 0);
	/* What a killed writer left behind is in nobody's way. */
	assert_int_equal(mkfifoat(fd, ".x.new", 0600), 0);
	assert_int_equal(file_replace(fd, "x", "newer", 5), 0);
	assert_int_equal(file_read_all(fd, "x", 100, &text, &n), 0);
	assert_string_equal(text, "newer");
	assert_int_equal(n, 5);
	assert_int_equal(file_read_all(fd, "x", 4, &text, &n), -EFBIG);
	assert_int_equal(symlinkat("x", fd, "link"), 0);
	assert_int_equal(file_read_all(fd, "link", 100, &text, &n), -ELOOP);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(file_read_all(fd, "fifo", 100, &text, &n), -EINVAL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_record_round_trip, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_record_without_driver, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_bad_records, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_record_names, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_ids, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_lock, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_asking_takes_nothing, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_flock_counts, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_late_settling_is_waited_for, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_untrusted, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_nothing_there, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_replace_is_whole, make_dir, remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
