/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked with --wrap: the calls through which /run/vfioadm changes. Dying is a jump out of everything; what
 * a process loses with its life (descriptors, and with them locks) is taken from it afterwards.
 */
#include <sys/stat.h>

#include "sweep.h"

sigjmp_buf kill_jump;
static bool counting;
static unsigned points, die_at;

ssize_t __real_write(int fd, const void *data, size_t size);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int dir, const char *name, int flags);
int __real_mkdirat(int dir, const char *name, mode_t mode);

ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

void kill_points_begin(unsigned at)
{
	points = 0;
	die_at = at;
	counting = true;
}

unsigned kill_points_end(void)
{
	counting = false;
	return points;
}

_Noreturn void kill_now(void)
{
	counting = false;
	siglongjmp(kill_jump, 1);
}

static bool is_here(void)
{
	return counting && ++points == die_at;
}

static void point(void)
{
	if (is_here())
		kill_now();
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	ssize_t n;

	point();
	/* A line that was torn. */
	if (is_here()) {
		(void)!__real_write(fd, data, size / 2);
		kill_now();
	}
	n = __real_write(fd, data, size);
	point();
	return n;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int r;

	point();
	r = __real_renameat(from_dir, from, to_dir, to);
	point();
	return r;
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	int r;

	point();
	r = __real_unlinkat(dir, name, flags);
	point();
	return r;
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	int r;

	point();
	r = __real_mkdirat(dir, name, mode);
	point();
	return r;
}

/* Nothing of a test must survive a power cut; that it was asked for is what counts. */
int __wrap_fsync(int fd)
{
	(void)fd;
	point();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	(void)fd;
	point();
	return 0;
}
