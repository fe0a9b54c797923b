/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_FILE_H
#define VFIOADM_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
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

/** Old or new content, also after a power cut: temporary file, fsync, rename, fsync of the directory. */
int file_replace(int dir, const char *name, const char *data, size_t size) MUST_CHECK;

/** Removes and syncs; a file that is not there is fine. */
int file_remove(int dir, const char *name) MUST_CHECK;

/**
 * Takes an exclusive lock on a file, waiting at most wait_ms. The lock goes with the descriptor, which is
 * close-on-exec. Returns the descriptor; -EAGAIN: somebody else holds it.
 */
int file_lock(int dir, const char *name, unsigned wait_ms) MUST_CHECK;

#endif
