/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"

enum { LOCK_TURN_MS = 20 };
#include "base/str.h"

static bool is_trusted(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

int file_open_trusted_dir(int parent, const char *path, bool create)
{
	_cleanup_close_ int fd = -1;
	bool made = create && mkdirat(parent, path, 0755) == 0;
	struct stat st;

	if (create && !made && errno != EEXIST)
		return -errno;
	fd = fd_above(openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_trusted(&st))
		return -EPERM;
	/* Whatever umask this runs with. */
	if (made && fchmod(fd, 0755) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Room for more than is there, so that the end is seen; one byte of it is for the NUL. */
static int make_room(char **data, size_t *room, size_t max)
{
	enum { FIRST = 4096 };
	size_t wanted = *room ? *room * 2 : FIRST;
	char *grown;

	if (wanted > max + 2)
		wanted = max + 2;
	grown = realloc(*data, wanted);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*room = wanted;
	return 0;
}

static int read_fd(int fd, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	size_t n = 0, room = 0;

	while (n <= max) {
		ssize_t got;

		if (n + 1 >= room && make_room(&data, &room, max) < 0)
			return -ENOMEM;
		got = read(fd, data + n, room - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > max)
		return -EFBIG;
	data[n] = '\0';
	if (ret_size)
		*ret_size = n;
	*ret = TAKE_PTR(data);
	return 0;
}

static int read_regular(int dir, const char *name, size_t max, bool trusted, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd =
		fd_above(openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (trusted && !is_trusted(&st))
		return -EPERM;
	return read_fd(fd, max, ret, ret_size);
}

int file_read_all(int dir, const char *name, size_t max, char **ret, size_t *ret_size)
{
	return read_regular(dir, name, max, false, ret, ret_size);
}

int file_read_trusted(int dir, const char *name, size_t max, char **ret, size_t *ret_size)
{
	return read_regular(dir, name, max, true, ret, ret_size);
}

/*
 * setrlimit(2), RLIMIT_FSIZE: a write beyond the limit raises SIGXFSZ in this thread before it fails with EFBIG, and
 * the signal ends the process. The disposition is the caller's, so the signal is blocked, and taken back.
 */
ssize_t file_write(int fd, const void *data, size_t size)
{
	static const struct timespec at_once = { 0 };
	sigset_t limit, before, pending;
	ssize_t n;

	sigemptyset(&limit);
	sigaddset(&limit, SIGXFSZ);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &limit, &before);
	do
		n = write(fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		n = -errno;
	while (n == -EFBIG && !sigismember(&pending, SIGXFSZ) && sigtimedwait(&limit, NULL, &at_once) < 0 &&
	       errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return n;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = file_write(fd, data, size);

		if (n < 0)
			return (int)n;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int file_replace(int dir, const char *name, const char *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	char temporary[256];
	int r;

	if (snprintf(temporary, sizeof(temporary), ".%s.new", name) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	/* What a killed run left behind is ours to remove: every writer holds the lock of the store. */
	if (unlinkat(dir, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = fd_above(openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
	if (fd < 0)
		return -errno;
	/* Whatever umask this runs with. */
	r = fchmod(fd, 0644) < 0 ? -errno : write_all(fd, data, size);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir, temporary, 0);
		return r;
	}
	return fsync(dir) < 0 ? -errno : 0;
}

int file_remove(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dir) < 0 ? -errno : 0;
}

int file_list(int dir, int (*fn)(void *userdata, const char *name), void *userdata)
{
	int fd = fd_above(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), r = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(stream)))
		if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
			r = fn(userdata, entry->d_name);
	closedir(stream);
	return r;
}

static int64_t boot_time_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* For people and their messages only: the lock itself is the kernel's. */
static void sign(int fd, const char *what)
{
	char line[FILE_LOCK_WHAT_MAX + 64];
	int n = snprintf(line, sizeof(line), "%d %lld %.*s\n", (int)getpid(), (long long)boot_time_s(),
			 FILE_LOCK_WHAT_MAX - 1, what);

	/* It was just opened: its offset is 0. */
	if (ftruncate(fd, 0) < 0 || file_write(fd, line, (size_t)n) != n)
		return;
}

/* Of the open file, as flock(2)'s are, and not of the process. */
static int ofd_lock(int fd, int command, short type, short *ret_type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, command, &whole) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	if (ret_type)
		*ret_type = whole.l_type;
	return 0;
}

/* -EAGAIN: somebody has one of the two. */
static int try_lock(int fd)
{
	int r = ofd_lock(fd, F_OFD_SETLK, F_WRLCK, NULL);

	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = errno == EINTR ? -EAGAIN : -errno;
	(void)!ofd_lock(fd, F_OFD_SETLK, F_UNLCK, NULL);
	return r;
}

int file_lock_fd(int fd, unsigned wait_ms, int cancel_fd)
{
	struct pollfd cancelled = { cancel_fd, POLLIN, 0 };

	for (unsigned waited = 0;; waited += LOCK_TURN_MS) {
		int r = try_lock(fd);

		if (r != -EAGAIN)
			return r;
		if (waited >= wait_ms)
			return -EAGAIN;
		if (poll(&cancelled, 1, LOCK_TURN_MS) > 0)
			return -ECANCELED;
	}
}

int file_lock(int dir, const char *name, const char *what, unsigned wait_ms, int cancel_fd)
{
	_cleanup_close_ int fd =
		fd_above(openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600));
	int r;

	if (fd < 0)
		return -errno;
	/* Anybody who can open it could lock it. One that somebody has made otherwise is closed to others from now on. */
	if (fchmod(fd, 0600) < 0)
		return -errno;
	r = file_lock_fd(fd, wait_ms, cancel_fd);
	if (r < 0)
		return r;
	sign(fd, what);
	return TAKE_FD(fd);
}

void file_unlock_fd(int fd)
{
	/* In words, for a process that was just forked may have the descriptor too. */
	(void)!flock(fd, LOCK_UN);
	(void)!ofd_lock(fd, F_OFD_SETLK, F_UNLCK, NULL);
	close(fd);
}

void file_unlock(int fd)
{
	/* Nobody shall read of a holder that is gone. The file itself stays: removing it would race. */
	(void)!ftruncate(fd, 0);
	file_unlock_fd(fd);
}

static void read_signature(int fd, struct file_lock_holder *ret)
{
	char line[FILE_LOCK_WHAT_MAX + 64], *end;
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);
	int64_t since;

	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	ret->pid = (pid_t)strtol(line, &end, 10);
	since = strtoll(end, &end, 10);
	if (ret->pid <= 0 || since <= 0 || *end != ' ') {
		ret->pid = 0;
		return;
	}
	ret->age_s = boot_time_s() - since;
	if (ret->age_s < 0)
		ret->age_s = 0;
	snprintf(ret->what, sizeof(ret->what), "%.*s", FILE_LOCK_WHAT_MAX - 1, end + 1);
	for (char *c = ret->what; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

int file_lock_holder(int dir, const char *name, struct file_lock_holder *ret)
{
	_cleanup_close_ int fd = fd_above(openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
	struct file_lock_holder holder = { 0 };
	short type = F_UNLCK;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* Taking it, if only for a moment, would make who takes it in earnest fail. */
	r = ofd_lock(fd, F_OFD_GETLK, F_WRLCK, &type);
	if (r < 0 || type == F_UNLCK)
		return r;
	read_signature(fd, &holder);
	*ret = holder;
	return 1;
}
