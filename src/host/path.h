/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_PATH_H
#define VFIOADM_HOST_PATH_H

#include <stdbool.h>

#include "base/macro.h"

/*
 * Opening below a directory that is taken for the root: absolute links start there, ".." stops there.
 * The tree may be hostile: nothing outside of it is ever opened, and links that run in circles end.
 */

/** Through openat2(); -ENOSYS or -EPERM where the kernel or a seccomp filter does not have it. */
int path_open_kernel(int root, const char *path, int flags);
/**
 * The same, component by component. ret_resolved (may be NULL): the path without links, no leading slash;
 * the caller frees it.
 */
int path_open_walk(int root, const char *path, int flags, char **ret_resolved);

#endif
