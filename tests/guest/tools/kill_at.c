/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill-at (event:N|usec:N) (process|group|all) COMMAND…: runs a command in a process group of its own and kills
 * it with SIGKILL at the N-th change below /run/vfioadm/journal, or after some time: alone, with its group, or
 * with every helper process of vfioadm as well. Says "killed" or "ended".
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOURNALS "/run/vfioadm/journal"

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int count_events(int fd)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, buf, sizeof(buf));
	int events = 0;

	for (ssize_t at = 0; at < n; events++)
		at += (ssize_t)sizeof(struct inotify_event) +
		      (ssize_t)((struct inotify_event *)(buf + at))->len;
	return events;
}

/* true: its time has come; false: the command has ended before. */
static int wait_for(pid_t pid, int fd, long wanted, int by_event)
{
	long end = now_us() + wanted, seen = 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		siginfo_t info = { 0 };

		if (by_event ? seen >= wanted : now_us() >= end)
			return 1;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
			return 0;
		if (!by_event)
			usleep(200);
		else if (poll(&p, 1, 5) > 0)
			seen += count_events(fd);
	}
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
	int fd = inotify_init1(IN_CLOEXEC), by_event, in_time;
	pid_t pid;

	if (argc < 4)
		return 2;
	by_event = strncmp(argv[1], "event:", 6) == 0;
	mkdir("/run/vfioadm", 0755);
	mkdir(JOURNALS, 0755);
	if (inotify_add_watch(fd, JOURNALS, IN_MODIFY | IN_MOVED_TO | IN_DELETE) < 0) {
		perror(JOURNALS);
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	in_time = wait_for(pid, fd, atol(strchr(argv[1], ':') + 1), by_event);
	if (in_time)
		kill(strcmp(argv[2], "process") == 0 ? pid : -pid, SIGKILL);
	if (in_time && strcmp(argv[2], "all") == 0)
		kill_helpers();
	waitpid(pid, NULL, 0);
	puts(in_time ? "killed" : "ended");
	return 0;
}
