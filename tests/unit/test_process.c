/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that were killed and have not gone yet, and their locks. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/process.h"
#include "base/str.h"
#include "store/store.h"
#include "child_exit.h"

static void test_stat(void **state)
{
	static const struct {
		const char *text;
		bool ending;
	} cases[] = {
		{ "12 (vfioadm) S 1 12 12 0 -1 4194560 0 0", false },
		{ "12 (vfioadm) R 1 12 12 0 -1 4194564 0 0", true },
		{ "12 (vfioadm) Z 1 12 12 0 -1 4194560 0 0", true },
		{ "12 (vfioadm) X 1 12 12 0 -1 4194560 0 0", true },
		{ "12 (a) Z 1 1 1 1 1 4 b) D 1 12 12 0 -1 4194560 0 0", false },
		{ "12 (vfioadm) S 1 12", false },
		{ "12", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (process_stat_is_ending(cases[i].text) != cases[i].ending)
			fail_msg("%s", cases[i].text);
}

static void test_status(void **state)
{
	assert_true(process_status_is_killed("Name:\tx\nSigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"));
	assert_true(process_status_is_killed("Name:\tx\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\n"));
	/* SIGTERM is answered by undoing what was done. */
	assert_false(process_status_is_killed("Name:\tx\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000004000\n"));
	assert_false(process_status_is_killed("Name:\tShdPnd:100\nSigQ:\t0/1\nSigPnd:"));
	assert_false(process_status_is_killed(""));
}

static void test_processes(void **state)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0) {
		pause();
		child_exit(0);
	}
	assert_false(process_is_ending(pid));
	assert_false(process_is_ending(getpid()));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(process_is_ending(pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(process_is_ending(pid));
}

/* A process that takes the lock and ends, while a copy of it has the lock a little longer. */
static pid_t leave_lock(const char *dir)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0) {
		struct store s = STORE_CLOSED;

		if (store_open_locked(&s, dir, "assign 0000:01:00.0", 0, -1, NULL) < 0)
			child_exit(1);
		if (fork() == 0)
			usleep(400000);
		child_exit(0);
	}
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_status, 0);
	return pid;
}

/* Nobody has to ask for patience with --lock-wait: what comes then is a settling, which is waited for anyway. */
static void test_lock_of_a_killed_one(void **state)
{
	char dir[] = "/dev/shm/vfioadm-process-XXXXXX";
	_cleanup_free_ char *remove = NULL;
	struct store s = STORE_CLOSED;
	pid_t pid;

	assert_non_null(mkdtemp(dir));
	pid = leave_lock(dir);
	/* For whoever does not wait for a settling either it is busy. */
	assert_int_equal(store_open_locked(&s, dir, "settle", 0, -1, NULL), -EAGAIN);
	store_close(&s);
	assert_int_equal(store_open_locked_after(&s, dir, "settle", 0, 10000, -1, NULL), 0);
	store_close(&s);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	remove = str_format("rm -r %s", dir);
	assert_int_equal(system(remove), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_lock_of_a_killed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
