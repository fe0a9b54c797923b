/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork and exec with nothing but async-signal-safe calls between, for the caller may have threads. Not
 * posix_spawn(): it holds its caller until the program has started, and that may take for ever when the
 * program lies on what hangs. What is started belongs to init: nobody owes it a wait, unless this
 * process is init, or a subreaper.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/spawn.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int spawn_socket(int type, int spawn_fd, int *ret_ours, int *ret_theirs)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fd_above(fds[0]);
	theirs = fd_above(fds[1]);
	if (ours < 0 || theirs < 0)
		return -errno;
	if (theirs <= spawn_fd) {
		int moved = fcntl(theirs, F_DUPFD_CLOEXEC, spawn_fd + 1);

		if (moved < 0)
			return -errno;
		close(theirs);
		theirs = moved;
	}
	*ret_ours = TAKE_FD(ours);
	*ret_theirs = TAKE_FD(theirs);
	return 0;
}

ssize_t spawn_send(int fd, struct iovec *parts, size_t n, int pass, int flags)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = n};

	if (pass >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.head), &pass, sizeof(pass));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL | flags);
}

ssize_t spawn_receive(int fd, struct iovec *parts, size_t n, int flags, int *ret_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {
		.msg_iov = parts,
		.msg_iovlen = n,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t r;

	*ret_fd = -1;
	do
		r = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | flags);
	while (r < 0 && errno == EINTR);
	c = r > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	*ret_fd = fd_above(*ret_fd);
	return r;
}

static int process_of(pid_t pid)
{
	return fd_above((int)syscall(SYS_pidfd_open, pid, 0));
}

int spawn_self(void)
{
	return process_of(getpid());
}

bool spawn_reap(int process, unsigned timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = {process, POLLIN, 0};
		siginfo_t info = {0};
		int64_t left;

		/* Not our child (as it should be), or somebody else of this program takes all there are. */
		if (process < 0 || (waitid(P_PIDFD, (id_t)process, &info, WEXITED | WNOHANG) < 0 && errno != EINTR))
			return true;
		if (info.si_pid)
			return true;
		left = end - clock_ms();
		if (left <= 0)
			return false;
		(void)!poll(&p, 1, (int)left);
	}
}

/* Between caller and program stands a process that only forks, so waiting for that one is short. */
static void reap(pid_t pid)
{
	/* ECHILD: somebody else of this program takes all the children there are. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void tell(int fd, int error)
{
	int64_t r = -error;

	(void)!send(fd, &r, sizeof(r), MSG_NOSIGNAL);
}

/* Nothing that the caller has open may be kept open by who outlives it. */
static int arrange_files(int fd, int spawn_fd)
{
	int null;

	if (dup2(fd, spawn_fd) < 0)
		return -errno;
	null = fd_above(open("/dev/null", O_RDWR));
	if (null < 0)
		return -errno;
	for (int i = 0; i < spawn_fd; i++)
		if (dup2(null, i) < 0)
			return -errno;
	closefrom(spawn_fd + 1);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)!sigaction(i, &usual, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void start_program(const char *program, int fd, int spawn_fd)
{
	char *const argv[] = {(char *)program, NULL};
	/* Nothing of the caller's environment may change what a privileged helper does. */
	char *const envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int r = arrange_files(fd, spawn_fd);

	reset_signals();
	umask(022);
	if (r == 0) {
		/* It must not keep the caller's directory in use. */
		if (chdir("/") == 0)
			execve(program, argv, envp);
		r = -errno;
	}
	tell(spawn_fd, -r);
	_exit(127);
}

/* By its parent, while that is the one who could wait for it: the number cannot be another process's yet. */
static void report_process(int report, pid_t pid)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	int process = process_of(pid);

	if (process >= 0)
		(void)!spawn_send(report, &part, 1, process, 0);
}

static int reported_process(int report)
{
	char byte;
	struct iovec part = {&byte, 1};
	int process;

	(void)!spawn_receive(report, &part, 1, MSG_DONTWAIT, &process);
	return process;
}

int spawn_detached(const char *program, int fd, int spawn_fd, pid_t *ret_group, int *ret_process)
{
	_cleanup_close_ int report = -1, reporter = -1;
	sigset_t all, before;
	pid_t pid;
	int r = spawn_socket(SOCK_SEQPACKET, spawn_fd, &report, &reporter);

	if (r < 0)
		return r;
	/* A handler of the caller must not run in the copy: what it writes to, the caller reads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = _Fork();
	if (pid < 0)
		r = -errno;
	if (pid == 0) {
		setsid();
		pid = _Fork();
		if (pid == 0)
			start_program(program, fd, spawn_fd);
		if (pid < 0)
			tell(fd, errno);
		else
			report_process(reporter, pid);
		_exit(0);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0)
		return r;
	reap(pid);
	*ret_process = reported_process(report);
	/* The one between was the leader of its session; what it has started is in its group. */
	if (ret_group)
		*ret_group = pid;
	return 0;
}

/* clone(2), CLONE_PARENT: the copy's parent is init as well, with no process between that would only fork. */
static pid_t fork_sibling(void)
{
	struct clone_args args = {.flags = CLONE_PARENT};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Where that is not to be had: older than Linux 5.3, or kept away by seccomp(2). */
static pid_t fork_twice(int fd)
{
	pid_t pid = fork(), between;

	if (pid > 0)
		reap(pid);
	if (pid != 0)
		return pid;
	between = getpid();
	pid = fork();
	if (pid < 0)
		tell(fd, errno);
	if (pid != 0)
		_exit(0);
	/* Whose child this is from then on, is asked as soon as it speaks. */
	while (getppid() == between)
		sched_yield();
	return 0;
}

int spawn_copy(int fd, int spawn_fd)
{
	pid_t pid = fork_sibling();

	if (pid < 0 && errno != EAGAIN && errno != ENOMEM)
		pid = fork_twice(fd);
	if (pid < 0)
		tell(fd, errno);
	if (pid != 0)
		return 0;
	if (dup2(fd, spawn_fd) < 0) {
		tell(fd, errno);
		_exit(1);
	}
	return 1;
}
