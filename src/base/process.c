/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"

enum { TEXT_MAX = 16384 };

/* PF_EXITING in the kernel's include/linux/sched.h: set before its files are closed. */
enum { FLAG_EXITING = 0x4 };

bool process_stat_is_ending(const char *stat)
{
	const char *rest = strrchr(stat, ')'); /* the name before it may hold anything */
	unsigned long flags;
	char state;

	/* state, ppid, pgrp, session, tty_nr, tpgid, flags; see proc(5) */
	if (!rest || sscanf(rest, ") %c %*d %*d %*d %*d %*d %lu", &state, &flags) != 2)
		return false;
	return state == 'Z' || state == 'X' || (flags & FLAG_EXITING);
}

static bool has_sigkill(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line && (strtoull(line + strlen(key), NULL, 16) >> (SIGKILL - 1) & 1);
}

bool process_status_is_killed(const char *status)
{
	return has_sigkill(status, "\nSigPnd:") || has_sigkill(status, "\nShdPnd:");
}

bool process_is_ending(pid_t pid)
{
	_cleanup_free_ char *stat = NULL, *status = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_all(AT_FDCWD, path, TEXT_MAX, &stat, NULL) == 0 && process_stat_is_ending(stat))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return file_read_all(AT_FDCWD, path, TEXT_MAX, &status, NULL) == 0 && process_status_is_killed(status);
}
