/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_FILES_H
#define VFIOADM_HOST_FILES_H

#include "base/str.h"

/* What the live host and another root do alike with an open descriptor. */

enum {
	/* More than any kernel file or module index has; a hostile root must not exhaust memory. */
	FILES_MAP_MAX = 32 * 1024 * 1024,
	FILES_LIST_MAX = 65536,
};

/** At most size - 1 bytes and NUL; -EFBIG: there was more. once: a short read is the end (sysfs). */
ssize_t files_read(int fd, char *buf, size_t size, bool once);
/** The whole file, whatever size it claims; free() *ret. */
int files_read_whole(int fd, char **ret, size_t *ret_size);
/** Takes fd, a directory opened for reading, also on failure. */
int files_list(int fd, struct strv *ret);
/** The same without keeping the names; stops at a result of fn that is not 0, and returns it. */
int files_each(int fd, int (*fn)(const char *name, void *userdata), void *userdata);
/** readlinkat() with NUL; -ENAMETOOLONG when it does not fit. */
ssize_t files_readlink(int dir, const char *name, char *buf, size_t size);

#endif
