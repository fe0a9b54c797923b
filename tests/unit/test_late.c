/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper program itself, as it settles a run whose caller is gone, and what comes of it when it is ended in the middle.
 * The run's steps change files below its own directory, and nothing of the host.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "flow/settle.h"
#include "host/live.h"
#include "child_exit.h"

#define FUNCTION "0000:01:00.0"
#define OTHER	 "0000:02:00.0"

#ifndef CAP_SYS_RESOURCE
#define CAP_SYS_RESOURCE 24
#endif

static const char *program;
static char dir[64];

/* ---- a run directory ---- */

static int open_in_dir(const char *name)
{
	_cleanup_free_ char *path = str_format("%s/%s", dir, name);

	return path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
}

static void put_journal(const char *events)
{
	_cleanup_close_ int boot = open("/proc/sys/kernel/random", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int journals = open_in_dir("journal");
	_cleanup_free_ char *boot_id = NULL, *text = NULL;

	assert_int_equal(file_read_all(boot, "boot_id", 64, &boot_id, NULL), 0);
	text = str_format("vfioadm-journal 1\nboot-id %.36s\npid 1\nverb release\n"
			  "step op=hold device=" FUNCTION "\nundo op=let-go device=" FUNCTION "\n"
			  "step op=hold device=" OTHER "\nundo op=let-go device=" OTHER "\nplan-end\n%s",
			  boot_id, events);
	assert_non_null(text);
	assert_int_equal(file_replace(journals, "run1", text, strlen(text)), 0);
}

/* NULL: it is settled. */
static char *journal_text(void)
{
	_cleanup_close_ int journals = open_in_dir("journal");
	char *text = NULL;
	int r = file_read_all(journals, "run1", 65536, &text, NULL);

	assert_true(r == 0 || r == -ENOENT);
	return text;
}

static unsigned count(const char *text, const char *line)
{
	unsigned n = 0;

	for (; (text = strstr(text, line)); text += strlen(line))
		n++;
	return n;
}

/* ---- its settlers ---- */

static bool settles_here(const char *pid)
{
	_cleanup_free_ char *path = str_format("/proc/%s/cmdline", pid);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char text[512];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, " settle ") && strstr(text, dir);
}

static pid_t settler(void)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	struct dirent *e;

	while (proc && (e = readdir(proc)))
		if (settles_here(e->d_name))
			return (pid_t)atoi(e->d_name);
	return 0;
}

static pid_t wait_for_settler(void)
{
	int64_t end = clock_ms() + 15000;
	pid_t pid;

	while (!(pid = settler()) && clock_ms() < end)
		clock_pause();
	return pid;
}

/* One may follow that finds nothing to do; what follows each other without end leaves no pause. */
static void assert_no_settler(void)
{
	int64_t end = clock_ms() + 6000, quiet = clock_ms();

	while (clock_ms() < end && clock_ms() - quiet < 300) {
		if (settler())
			quiet = clock_ms();
		clock_pause();
	}
	assert_int_equal(settler(), 0);
	assert_true(clock_ms() - quiet >= 300);
}

static int setup(void **state)
{
	_cleanup_free_ char *locks = NULL, *journals = NULL;

	strcpy(dir, "/tmp/vfioadm-late-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	locks = str_format("%s/locks", dir);
	journals = str_format("%s/journal", dir);
	return mkdir(locks, 0700) || mkdir(journals, 0755);
}

static int teardown(void **state)
{
	_cleanup_free_ char *command = str_format("rm -rf %s", dir);
	int r = system(command);

	/* Of a test that failed: without the journal none comes after it. */
	for (pid_t pid; (pid = settler());)
		kill(pid, SIGKILL);
	return r;
}

/* ---- runs ---- */

/* Claims, and is gone. */
static void leave_a_helper(void)
{
	struct host *h;

	assert_int_equal(host_live_new(program, &h), 0);
	h->timeout_ms = 20000;
	assert_int_equal(h->ops->claim(h, dir, "run1", FUNCTION, NULL), 0);
	host_free(h);
}

static void settle_by_hand(void)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct vfioadm_settlement all = {0};
	struct vfioadm_ctx *ctx;
	struct host *h;

	assert_int_equal(ctx_new_with_host(NULL, dir, &ctx), 0);
	assert_int_equal(vfioadm_ctx_set_helper(ctx, program), 0);
	assert_int_equal(ctx_host(ctx, &h, NULL), 0);
	assert_int_equal(store_open_locked(&store, dir, "settle", 15000, -1, NULL), 0);
	assert_int_equal(settle_runs(ctx, &store, NULL, 5000, &all, NULL, NULL), 0);
	arena_free(&all.arena);
	vfioadm_ctx_unref(ctx);
	assert_null(journal_text());
}

static void test_settles(void **state)
{
	put_journal("begin 0\ndone 0\nbegin 1\n");
	leave_a_helper();
	for (int64_t end = clock_ms() + 15000; clock_ms() < end; clock_pause()) {
		_cleanup_free_ char *text = journal_text();

		if (!text)
			break;
	}
	assert_null(journal_text());
	assert_no_settler();
}

static void wait_until_claimed(void)
{
	_cleanup_close_ int locks = open_in_dir("locks");
	struct file_lock_holder holder;
	int64_t end = clock_ms() + 15000;

	while (file_lock_holder(locks, FUNCTION, &holder) != 1 && clock_ms() < end)
		clock_pause();
}

/* Somebody has the second function, so that the settler waits for it, and can be met. */
static void test_killed_once(void **state)
{
	static const int ways[] = {SIGKILL, SIGXCPU, SIGSEGV};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_close_ int locks = open_in_dir("locks");
		_cleanup_free_ char *text = NULL;
		int lock = file_lock(locks, OTHER, "test", 0, -1);
		pid_t first;

		assert_true(lock >= 0);
		put_journal("begin 0\ndone 0\nbegin 1\n");
		leave_a_helper();
		first = wait_for_settler();
		assert_true(first > 0);
		wait_until_claimed();
		if (ways[i] == SIGXCPU) {
			/* An error, and no death. */
			assert_int_equal(kill(first, SIGXCPU), 0);
			usleep(50000);
			assert_int_equal(settler(), first);
		}
		assert_int_equal(kill(first, ways[i] == SIGXCPU ? SIGKILL : ways[i]), 0);
		/* Its own helper finds that it is gone. */
		assert_no_settler();
		text = journal_text();
		assert_non_null(text);
		assert_int_equal(count(text, "\nlate\n"), 1);
		assert_int_equal(count(text, "\nended\n"), 0);
		file_unlock(lock);
		settle_by_hand();
	}
}

/* Where no limit may be lifted: what cannot be written is an error for each of them, and no death. */
static void leave_with_limit(rlim_t bytes)
{
	const struct rlimit low = {bytes, bytes};
	struct host *h;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* Without root it is not there anyway. */
		(void)!prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
		if (setrlimit(RLIMIT_FSIZE, &low) < 0 || host_live_new(program, &h) < 0)
			child_exit(1);
		h->timeout_ms = 20000;
		child_exit(h->ops->claim(h, dir, "run1", FUNCTION, NULL) ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_hard_limit(void **state)
{
	static const rlim_t beyond[] = {0, 5, 9};
	_cleanup_free_ char *text = NULL;
	size_t size;

	put_journal("begin 0\ndone 0\nbegin 1\n");
	text = journal_text();
	size = strlen(text);
	for (size_t i = 0; i < ARRAY_SIZE(beyond) + 2; i++) {
		rlim_t limit = i < 2 ? i * 20 : size + beyond[i - 2];

		put_journal("begin 0\ndone 0\nbegin 1\n");
		leave_with_limit(limit);
		assert_no_settler();
		settle_by_hand();
	}
	assert_no_settler();
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_settles),
		T(test_killed_once),
		T(test_hard_limit),
	};

	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
