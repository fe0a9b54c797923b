/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_TESTS_SUBREAPER_H
#define VFIOADM_TESTS_SUBREAPER_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * This process as PID 1 of a container: whatever loses its parent below it becomes its child. A child of its own, which
 * has ended, waits there for the one that started it.
 */
static inline pid_t become_subreaper(void)
{
	siginfo_t info;
	pid_t pid;
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	/* valgrind 3.19 does not know it; without it nothing is reaped. */
	if (pidfd < 0 && errno == ENOSYS)
		skip();
	assert_true(pidfd >= 0);
	close(pidfd);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(42);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

/* No child is left, dead or alive, but the one that is nobody else's to wait for. */
static inline void assert_nothing_left(pid_t own)
{
	siginfo_t info = {0};
	int status;

	assert_int_equal(waitpid(own, &status, WNOHANG), own);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

#endif
