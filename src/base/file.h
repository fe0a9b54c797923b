/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_FILE_H
#define VFIOADM_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "macro.h"

/**
 * Opens a directory of ours, creating it (0755) when create is set; its parent must exist. A directory
 * that somebody else owns or may write to is -EPERM: what lies in it cannot be trusted. No symbolic link
 * is followed in the last component. Returns the descriptor or a negative errno.
 */
int file_open_trusted_dir(int parent, const char *path, bool create);

/** Whole small file as a NUL-terminated string; larger than max is -EFBIG; links are not followed. */
int file_read_all(int dir, const char *name, size_t max, char **ret, size_t *ret_size) MUST_CHECK;

/** The same; -EPERM: somebody else than root, and than who runs this, owns the file or may write to it. */
int file_read_trusted(int dir, const char *name, size_t max, char **ret, size_t *ret_size) MUST_CHECK;

/**
 * write(2), but never stopped by a signal: -EFBIG where RLIMIT_FSIZE would end the process by SIGXFSZ, and no -EINTR.
 * Returns how much was written, or a negative errno.
 */
ssize_t file_write(int fd, const void *data, size_t size) MUST_CHECK;

/** Old or new content, also after a power cut: temporary file, fsync, rename, fsync of the directory. */
int file_replace(int dir, const char *name, const char *data, size_t size) MUST_CHECK;

/** Removes and syncs; a file that is not there is fine. */
int file_remove(int dir, const char *name) MUST_CHECK;

/** Calls fn for each name in the directory, in no order; stops at a negative result and returns it. */
int file_list(int dir, int (*fn)(void *userdata, const char *name), void *userdata) MUST_CHECK;

enum { FILE_LOCK_WHAT_MAX = 160 };

/**
 * Takes an exclusive lock on a file, waiting at most wait_ms or until cancel_fd (-1: none) is readable, and
 * writes into it who has it and what for. The lock goes with the descriptor, which is close-on-exec. It is one
 * of fcntl(2), which can be asked for without being taken, and one of flock(2), for whoever locks by that.
 * Returns the descriptor; -EAGAIN: somebody else holds it; -ECANCELED.
 */
int file_lock(int dir, const char *name, const char *what, unsigned wait_ms, int cancel_fd) MUST_CHECK;
/** The same of a file that is open for writing, in which nothing is written. 0 or a negative errno. */
int file_lock_fd(int fd, unsigned wait_ms, int cancel_fd) MUST_CHECK;
void file_unlock_fd(int fd);
/** Gives it back. Only to close the descriptor does as well, but leaves the name of its holder behind. */
void file_unlock(int fd);

/** Who holds a lock, as the holder wrote it. */
struct file_lock_holder {
	pid_t pid;     /* 0: did not say */
	int64_t age_s; /* since it took it, in seconds */
	char what[FILE_LOCK_WHAT_MAX];
};
/** 1: somebody holds it; 0: nobody, *ret is left alone; or a negative errno. Does not wait, and takes nothing. */
int file_lock_holder(int dir, const char *name, struct file_lock_holder *ret) MUST_CHECK;

#endif
