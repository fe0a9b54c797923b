/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "inventory_builder.h"
#include "base/helper.h"
#include "base/spawn.h"
#include "subreaper.h"
#include "base/str.h"

static const char *program;

static struct helper *new_helper(void)
{
	struct helper *h = NULL;

	assert_int_equal(helper_new(program, &h), 0);
	return h;
}

static int call(struct helper *h, uint32_t operation, const char *data, unsigned timeout_ms,
		int64_t *result, char *reply, size_t size)
{
	size_t n = 0;
	int r = helper_call(h, operation, "some/path", data, strlen(data), timeout_ms, -1, result,
			    reply, size ? size - 1 : 0, &n);

	if (r == 0 && size)
		reply[n] = '\0';
	return r;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_round_trip(void **state)
{
	struct helper *h = new_helper();
	char reply[64];
	int64_t result;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(call(h, 1, "some data", 20000, &result, reply, sizeof(reply)), 0);
		assert_string_equal(reply, "some/path:some data");
		assert_int_equal(result, 19);
	}
	assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	assert_int_equal(result, -EBUSY);
	helper_free(h);
}

/* What an orphan keeps open, or whose terminal it holds, hangs somebody else. */
static void test_detached(void **state)
{
	struct helper *h = new_helper();
	/* On purpose without close-on-exec, and two: the socket takes the place of the first. */
	int extra[] = {open("/dev/null", O_RDONLY), open("/dev/null", O_RDONLY)};
	int pid, sid, ppid, fds;
	char reply[512];
	int64_t result;

	assert_int_equal(call(h, 5, "", 20000, &result, reply, sizeof(reply)), 0);
	assert_int_equal(sscanf(reply, "pid=%d sid=%d ppid=%d fds=%d", &pid, &sid, &ppid, &fds), 4);
	assert_int_not_equal(sid, getsid(0));
	assert_int_not_equal(ppid, getpid());
	assert_int_equal(fds, 4);
	assert_non_null(strstr(reply, "home=unset"));
	/* No child is left to wait for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	close(extra[0]);
	close(extra[1]);
	helper_free(h);
}

static void test_deadline(void **state)
{
	struct helper *h = new_helper();
	double begin;
	int64_t result;
	char reply[64];

	assert_int_equal(call(h, 1, "", 20000, &result, reply, sizeof(reply)), 0);
	begin = now();
	assert_int_equal(call(h, 3, "", 200, &result, NULL, 0), -ETIMEDOUT);
	assert_true(now() - begin < 2.5);
	assert_true(helper_stuck_pid(h) > 0);
	/* The stuck one is left to itself; another one serves. */
	assert_int_equal(call(h, 1, "again", 20000, &result, reply, sizeof(reply)), 0);
	assert_string_equal(reply, "some/path:again");
	assert_int_equal(kill(helper_stuck_pid(h), 0), 0);
	helper_free(h);
}

static void test_cancel(void **state)
{
	struct helper *h = new_helper();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint64_t n = 1;
	int64_t result;
	double begin = now();

	/* One wish to stop waits for the step; the second does not. */
	assert_int_equal(cancel_count(fd), 0);
	assert_int_equal(write(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(cancel_count(fd), 1);
	assert_int_equal(helper_call(h, 3, "x", NULL, 0, 20000, fd, &result, NULL, 0, NULL), 0);
	assert_true(now() - begin > 2.5);
	assert_int_equal(write(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(cancel_count(fd), 2);
	assert_int_equal(cancel_count(fd), 2);
	begin = now();
	assert_int_equal(helper_call(h, 3, "x", NULL, 0, 20000, fd, &result, NULL, 0, NULL),
			 -ETIMEDOUT);
	assert_true(now() - begin < 2.5);
	assert_int_equal(cancel_count(-1), 0);
	close(fd);
	helper_free(h);
}

static void test_death(void **state)
{
	struct helper *h = new_helper();
	char reply[64];
	int64_t result;

	assert_int_equal(call(h, 4, "", 20000, &result, NULL, 0), -EPIPE);
	assert_int_equal(call(h, 1, "", 20000, &result, reply, sizeof(reply)), 0);
	helper_free(h);
	helper_free(NULL);
}

static void test_no_program(void **state)
{
	struct helper *h = NULL;
	int64_t result;

	assert_int_equal(helper_new("/nonexistent/helper", &h), 0);
	assert_int_equal(call(h, 1, "", 20000, &result, NULL, 0), -ENOPKG);
	helper_free(h);
}

static void make_program(char *path, const char *text, mode_t mode)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* What stands on descriptor 3 in the end is all that the program was asked. */
static void assert_foreign(const char *hello)
{
	char path[] = "/tmp/vfioadm-helper-XXXXXX", heard[] = "/tmp/vfioadm-heard-XXXXXX", text[512];
	struct helper *h = NULL;
	int64_t result;
	struct stat st;
	int fd = mkstemp(heard);

	snprintf(text, sizeof(text), "#!/bin/sh\nprintf '%s' >&3\ncat <&3 >%s\necho done >>%s\n", hello, heard, heard);
	make_program(path, text, 0700);
	assert_int_equal(helper_new(path, &h), 0);
	assert_int_equal(call(h, 1, "x", 20000, &result, NULL, 0), -ENOPKG);
	assert_true(helper_is_foreign(h));
	assert_int_equal(helper_pid(h), 0);
	for (int i = 0; i < 1000 && fstat(fd, &st) == 0 && st.st_size == 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	assert_int_equal(st.st_size, 5);
	/* Another one may have been installed meanwhile, and then it serves. */
	unlink(path);
	assert_int_equal(symlink(program, path), 0);
	assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	assert_false(helper_is_foreign(h));
	helper_free(h);
	unlink(path);
	unlink(heard);
	close(fd);
}

static void test_foreign_program(void **state)
{
	/* Before there were versions; another one; one that says less, and more; no number. */
	assert_foreign("\\001\\0\\0\\0\\0\\0\\0\\0");
	assert_foreign("\\001\\0\\0\\0\\0\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0");
	assert_foreign("\\001\\0\\0");
	assert_foreign("\\001\\0\\0\\0\\0\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0more");
	assert_foreign("vfioadm-helper");
}

/* The other way round: a library of another version, which may not look at what a helper says first. */
static void test_foreign_caller(void **state)
{
	static const uint32_t versions[] = { 0, 1, UINT32_MAX };
	struct helper_hello hello;

	for (size_t i = 0; i <= ARRAY_SIZE(versions); i++) {
		bool ours = i == ARRAY_SIZE(versions);
		struct helper_request request = { 2, 0, 1, ours ? helper_version() : versions[i] };
		char message[sizeof(request) + 1] = "";
		struct helper_reply reply;
		int fd, theirs, process;

		memcpy(message, &request, sizeof(request));
		assert_int_equal(spawn_socket(SOCK_SEQPACKET, HELPER_FD, &fd, &theirs), 0);
		assert_int_equal(spawn_detached(program, theirs, HELPER_FD, NULL, &process), 0);
		close(theirs);
		assert_int_equal(recv(fd, &hello, sizeof(hello), 0), sizeof(hello));
		assert_int_equal(hello.version, helper_version());
		assert_int_equal(send(fd, message, sizeof(message), 0), sizeof(message));
		assert_int_equal(recv(fd, &reply, sizeof(reply), 0), ours ? (ssize_t)sizeof(reply) : 0);
		close(fd);
		close(process);
	}
}

/* Its file system hangs, say. Nobody waits for it longer than for a helper's work. */
static void test_never_ready(void **state)
{
	char path[] = "/tmp/vfioadm-helper-XXXXXX";
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct helper *h = NULL;
	uint64_t twice = 2;
	double begin = now();
	int64_t result;

	make_program(path, "#!/bin/sh\nexec sleep 5\n", 0700);
	assert_int_equal(helper_new(path, &h), 0);
	assert_int_equal(call(h, 1, "", 200, &result, NULL, 0), -ENOPKG);
	assert_int_equal(write(fd, &twice, sizeof(twice)), sizeof(twice));
	assert_int_equal(helper_call(h, 1, "", NULL, 0, 20000, fd, &result, NULL, 0, NULL),
			 -ECANCELED);
	assert_true(now() - begin < 4);
	/* Nothing was sent: nothing is stuck. */
	assert_int_equal(helper_stuck_pid(h), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	helper_free(h);
	unlink(path);
	strcpy(path, "/tmp/vfioadm-helper-XXXXXX");
	make_program(path, "not a program", 0600);
	assert_int_equal(helper_new(path, &h), 0);
	assert_int_equal(call(h, 1, "", 20000, &result, NULL, 0), -ENOPKG);
	helper_free(h);
	unlink(path);
	close(fd);
}

/* A fork of what runs: another process, its own socket, and not that one's child. */
static void assert_copies(struct helper *h)
{
	struct helper *copy = new_helper();
	int pid, sid, ppid, fds;
	char reply[512];
	int64_t result;

	assert_int_equal(helper_copy(h, copy), 0);
	assert_int_equal(helper_copy(h, copy), -EBADF); /* is begun already */
	helper_await(copy, 20000, -1);
	assert_int_not_equal(helper_pid(copy), 0);
	assert_int_not_equal(helper_pid(h), helper_pid(copy));
	assert_int_equal(helper_copy(h, copy), -EBADF); /* is there already */
	assert_int_equal(call(copy, 5, "", 20000, &result, reply, sizeof(reply)), 0);
	assert_int_equal(sscanf(reply, "pid=%d sid=%d ppid=%d fds=%d", &pid, &sid, &ppid, &fds), 4);
	assert_int_equal(pid, helper_pid(copy));
	assert_int_equal(sid, getsid(helper_pid(h)));
	assert_int_not_equal(sid, getsid(0));
	assert_int_not_equal(ppid, helper_pid(h));
	assert_int_equal(fds, 4);
	helper_free(copy);
}

static void test_copy(void **state)
{
	struct helper *h = new_helper(), *copy = new_helper();
	char reply[512];
	int64_t result;

	assert_int_equal(helper_copy(h, copy), -EBADF); /* of nothing */
	assert_int_equal(call(h, 1, "one", 20000, &result, reply, sizeof(reply)), 0);
	assert_copies(h);
	assert_int_equal(helper_copy(h, copy), 0);
	helper_await(copy, 20000, -1);
	/* Each goes on without the other. */
	assert_int_equal(call(h, 4, "", 20000, &result, NULL, 0), -EPIPE);
	assert_int_equal(helper_pid(h), 0);
	assert_int_equal(call(copy, 1, "two", 20000, &result, reply, sizeof(reply)), 0);
	assert_string_equal(reply, "some/path:two");
	helper_free(h);
	helper_free(copy);
}

/* Where clone3(2) is not to be had. */
static void test_copy_by_fork(void **state)
{
	struct helper *h = new_helper();
	int64_t result;

	assert_int_equal(call(h, 6, "", 20000, &result, NULL, 0), 0);
	if (result < 0)
		print_message("no seccomp here (%d): this system call is missing anyway\n", (int)result);
	assert_copies(h);
	assert_copies(h);
	helper_free(h);
}

/* What is sent before the reply to the last request has come would be answered by that. */
static void test_halves(void **state)
{
	struct helper *h = new_helper();
	char reply[64];
	int64_t result;
	pid_t first;
	size_t n;

	assert_int_equal(helper_send(h, 1, "path", "", 0), -EBADF);
	assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	first = helper_pid(h);
	assert_int_equal(helper_receive(h, 20000, -1, &result, NULL, 0, NULL), -EBADF);
	assert_int_equal(helper_send(h, 1, "a", "b", 1), 0);
	assert_int_equal(helper_receive(h, 20000, -1, &result, reply, sizeof(reply), &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(reply, "a:b", 3);
	assert_int_equal(helper_pid(h), first);
	assert_int_equal(helper_send(h, 1, "a", "b", 1), 0);
	assert_int_equal(helper_send(h, 1, "c", "d", 1), -EBADF);
	assert_int_equal(helper_pid(h), 0);
	/* It is left to itself, and another one serves. */
	assert_int_equal(call(h, 1, "x", 20000, &result, reply, sizeof(reply)), 0);
	assert_string_equal(reply, "some/path:x");
	assert_int_not_equal(helper_pid(h), first);
	helper_free(h);
}

/* A handler of the caller's would run in the process that becomes the helper, and its effects be ours. */
static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	signals++;
}

static void test_caller_keeps_signals(void **state)
{
	struct sigaction handler = {.sa_handler = count_signal}, before;
	struct helper *h = new_helper();
	sigset_t blocked, mask;
	char reply[64];
	int64_t result;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &blocked, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &handler, &before), 0);
	assert_int_equal(call(h, 1, "x", 20000, &result, reply, sizeof(reply)), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
	assert_true(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
	raise(SIGUSR1);
	assert_int_equal(signals, 1);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGUSR1, &before, NULL);
	helper_free(h);
}

static void test_too_large(void **state)
{
	struct helper *h = new_helper();
	static char data[HELPER_MESSAGE_MAX + 1];
	int64_t result;

	char reply[64];
	pid_t pid;

	assert_int_equal(call(h, 1, "x", 20000, &result, reply, sizeof(reply)), 0);
	pid = helper_pid(h);
	memset(data, 'x', sizeof(data) - 1);
	assert_int_equal(call(h, 1, data, 20000, &result, NULL, 0), -E2BIG);
	/* It has seen nothing of that, and what it holds stays held. */
	assert_int_equal(call(h, 1, "x", 20000, &result, reply, sizeof(reply)), 0);
	assert_int_equal(helper_pid(h), pid);
	helper_free(h);
}

/* The caller may have closed its standard descriptors: the socket must not end up among them. */
static void test_low_descriptors(void **state)
{
	struct helper *h = new_helper();
	int saved = dup(0);
	char reply[64];
	int64_t result;

	close(0);
	assert_int_equal(call(h, 1, "low", 20000, &result, reply, sizeof(reply)), 0);
	assert_string_equal(reply, "some/path:low");
	helper_free(h);
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
}

/* Where this process is init to its helpers, it waits for them, and for nobody else. */
static void assert_reaped(bool by_fork)
{
	pid_t own = become_subreaper();
	struct helper *h = new_helper(), *copies[3], *missing = NULL;
	int64_t result;

	if (by_fork)
		assert_int_equal(call(h, 6, "", 20000, &result, NULL, 0), 0);
	else
		assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++) {
		copies[i] = new_helper();
		assert_int_equal(helper_copy(h, copies[i]), 0);
		helper_await(copies[i], 20000, -1);
		assert_int_not_equal(helper_pid(copies[i]), 0);
	}
	/* One is killed, one ends by itself, one is left with what it has to do. */
	assert_int_equal(kill(helper_pid(copies[0]), SIGKILL), 0);
	assert_int_equal(call(copies[1], 4, "", 20000, &result, NULL, 0), -EPIPE);
	assert_int_equal(call(copies[2], 3, "", 100, &result, NULL, 0), -ETIMEDOUT);
	/* This one cannot be started. */
	assert_int_equal(helper_new("/nonexistent/helper", &missing), 0);
	assert_int_equal(call(missing, 1, "", 20000, &result, NULL, 0), -ENOPKG);
	helper_free(missing);
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		helper_leave(copies[i], h);
	helper_reap(h, 20000);
	helper_free(h);
	assert_nothing_left(own);
}

static void test_reaped(void **state)
{
	assert_reaped(false);
	assert_reaped(true);
}

/* Waits until there is no child, dead or alive. */
static void await_no_child(void)
{
	siginfo_t info = {0};
	double end = now() + 20;
	int rc;

	while ((rc = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)) == 0 && now() < end)
		poll(NULL, 0, 5);
	assert_int_equal(rc, -1);
	assert_int_equal(errno, ECHILD);
}

/* A caller that wants no zombies at all, or takes all the children there are, is left with none either. */
static void test_reaped_by_others(void **state)
{
	struct sigaction ignored = {.sa_handler = SIG_IGN}, before;
	struct helper *h = new_helper();
	int64_t result;

	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(sigaction(SIGCHLD, &ignored, &before), 0);
	assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	helper_free(h);
	/* It ends when it has read the end of its socket, which may be later. */
	await_no_child();
	sigaction(SIGCHLD, &before, NULL);
	h = new_helper();
	assert_int_equal(call(h, 2, "", 20000, &result, NULL, 0), 0);
	assert_int_equal(kill(helper_pid(h), SIGKILL), 0);
	assert_int_equal(waitpid(-1, NULL, 0), helper_pid(h));
	helper_free(h);
	await_no_child();
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_detached),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_never_ready),
		cmocka_unit_test(test_foreign_program),
		cmocka_unit_test(test_foreign_caller),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_copy_by_fork),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_low_descriptors),
		cmocka_unit_test(test_caller_keeps_signals),
		cmocka_unit_test(test_reaped),
		cmocka_unit_test(test_reaped_by_others),
	};

	if (argc < 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
