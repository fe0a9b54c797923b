/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_ERROR_H
#define VFIOADM_BASE_ERROR_H

#include <stdarg.h>
#include <vfioadm.h>

#include "macro.h"

/*
 * The error that failing functions fill in. A function that fails calls error_set() once; callers on the
 * way up add what they know (device, path, hint) without overwriting what is there. All accept err ==
 * NULL (the caller does not want to know) and cope with an allocation failure by leaving *err NULL.
 */

/** Replaces *err. Returns r, so that `return error_set(err, -EINVAL, …)` reads well. r is negative. */
int error_set(struct vfioadm_error **err, int r, enum vfioadm_code code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/** -ENOMEM with its error. */
int error_oom(struct vfioadm_error **err);

/* Context: kept when already set. */
void error_device(struct vfioadm_error **err, const char *device);
void error_path(struct vfioadm_error **err, const char *path);
void error_operation(struct vfioadm_error **err, const char *operation);
void error_hint(struct vfioadm_error **err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Puts "; text" behind the message. */
void error_suffix(struct vfioadm_error **err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** The kernel's errno behind it, positive; overrides what error_set() derived from r. */
void error_errno(struct vfioadm_error **err, int errnum);
/** Changes the code (and with it the exit status), keeping everything else. */
void error_recode(struct vfioadm_error **err, enum vfioadm_code code);

static inline void cleanup_error_p(struct vfioadm_error **err)
{
	vfioadm_error_free(*err);
}
#define _cleanup_error_ CLEANUP(cleanup_error_p)

#endif
