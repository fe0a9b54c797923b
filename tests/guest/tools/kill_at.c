/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill-at (sync:N|usec:N) (process|group|all) COMMAND…: runs a command in a process group of its own and kills
 * it with SIGKILL when it is about to enter its N-th system call that makes a file lasting (fsync, fdatasync,
 * rename, unlink), or after some time: alone, with its group, or with every helper process of vfioadm as
 * well. Says "killed" or "ended".
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int makes_lasting(pid_t pid)
{
	struct ptrace_syscall_info info = { 0 };

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return 0;
	switch (info.entry.nr) {
	case SYS_fsync:
	case SYS_fdatasync:
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
	case SYS_unlinkat:
		return 1;
	default:
		return 0;
	}
}

/* Both waits: 1: its time has come; 0: the command has ended before. */
static int wait_for_call(pid_t pid, long wanted)
{
	int status, sig = 0;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 0;
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (long seen = 0; seen < wanted;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, sig) < 0 || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			return 0;
		sig = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			seen += makes_lasting(pid);
		else if (WSTOPSIG(status) != SIGTRAP)
			sig = WSTOPSIG(status);
	}
	return 1;
}

static int wait_for_time(pid_t pid, long us)
{
	long end = now_us() + us;

	while (now_us() < end) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
			return 0;
		usleep(200);
	}
	return 1;
}

static void kill_helpers(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
		if (!f)
			continue;
		if (fgets(name, sizeof(name), f) && strcmp(name, "vfioadm-helper\n") == 0)
			kill(atoi(entry->d_name), SIGKILL);
		fclose(f);
	}
	if (proc)
		closedir(proc);
}

int main(int argc, char **argv)
{
	int by_call, in_time;
	long n;
	pid_t pid;

	if (argc < 4 || !strchr(argv[1], ':'))
		return 2;
	by_call = strncmp(argv[1], "sync:", 5) == 0;
	n = atol(strchr(argv[1], ':') + 1);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		if (by_call) {
			ptrace(PTRACE_TRACEME, 0, 0, 0);
			raise(SIGSTOP);
		}
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	in_time = by_call ? wait_for_call(pid, n) : wait_for_time(pid, n);
	if (in_time)
		kill(strcmp(argv[2], "process") == 0 ? pid : -pid, SIGKILL);
	if (in_time && strcmp(argv[2], "all") == 0)
		kill_helpers();
	waitpid(pid, NULL, 0);
	puts(in_time ? "killed" : "ended");
	return 0;
}
