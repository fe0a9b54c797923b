/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include "failing_calls.h"

static bool counting;
static unsigned long count, fails_at;
static int fails_with;
static char failed[300];

void calls_begin(unsigned long nth, int error)
{
	counting = true;
	count = 0;
	fails_at = nth;
	fails_with = error;
	failed[0] = '\0';
}

unsigned long calls_end(char *what, unsigned long size)
{
	counting = false;
	snprintf(what, size, "%s", failed);
	return count;
}

static bool fails(const char *call, const char *path)
{
	if (!counting || ++count != fails_at)
		return false;
	snprintf(failed, sizeof(failed), "%s%s%.200s", call, path ? " " : "", path ? path : "");
	errno = fails_with;
	return true;
}

#define MODE(flags)                                                 \
	({                                                          \
		va_list ap_;                                        \
		mode_t mode_ = 0;                                   \
		va_start(ap_, flags);                               \
		if ((flags) & (O_CREAT | __O_TMPFILE))              \
			mode_ = (mode_t)va_arg(ap_, unsigned);      \
		va_end(ap_);                                        \
		mode_;                                              \
	})

#define WRAP_OPEN(name)                                                    \
	int __real_##name(const char *path, int flags, ...);               \
	int __wrap_##name(const char *path, int flags, ...);               \
	int __wrap_##name(const char *path, int flags, ...)                \
	{                                                                  \
		mode_t mode = MODE(flags);                                 \
                                                                           \
		return fails(#name, path) ? -1 : __real_##name(path, flags, mode); \
	}
#define WRAP_OPENAT(name)                                                       \
	int __real_##name(int dir, const char *path, int flags, ...);           \
	int __wrap_##name(int dir, const char *path, int flags, ...);           \
	int __wrap_##name(int dir, const char *path, int flags, ...)            \
	{                                                                       \
		mode_t mode = MODE(flags);                                      \
                                                                                \
		return fails(#name, path) ? -1 : __real_##name(dir, path, flags, mode); \
	}
#define WRAP(type, bad, name, path, parameters, arguments)              \
	type __real_##name parameters;                                  \
	type __wrap_##name parameters;                                  \
	type __wrap_##name parameters                                   \
	{                                                               \
		return fails(#name, path) ? (bad) : __real_##name arguments; \
	}

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP(ssize_t, -1, read, NULL, (int fd, void *buf, size_t n), (fd, buf, n))
WRAP(ssize_t, -1, pread64, NULL, (int fd, void *buf, size_t n, off64_t at), (fd, buf, n, at))
WRAP(ssize_t, -1, readlinkat, path, (int dir, const char *path, char *buf, size_t n), (dir, path, buf, n))
WRAP(ssize_t, -1, getdents64, NULL, (int fd, void *buf, size_t n), (fd, buf, n))
WRAP(int, -1, fstat64, NULL, (int fd, struct stat64 *st), (fd, st))
WRAP(int, -1, fstatat64, path, (int dir, const char *path, struct stat64 *st, int flags), (dir, path, st, flags))
WRAP(int, -1, fstatfs64, NULL, (int fd, struct statfs64 *st), (fd, st))
WRAP(int, -1, statx, path, (int dir, const char *path, int flags, unsigned mask, struct statx *st),
     (dir, path, flags, mask, st))
WRAP(int, -1, faccessat, path, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags))
WRAP(char *, NULL, realpath, path, (const char *path, char *resolved), (path, resolved))
WRAP(struct dirent64 *, NULL, readdir64, NULL, (DIR *dir), (dir))

/* openat2() is what is called this way; others have fewer arguments, and a second one that may be no path. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (fails("syscall", number == 437 ? (const char *)a[1] : NULL))
		return -1;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
