/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_MACRO_H
#define VFIOADM_BASE_MACRO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dirent.h>
#include <errno.h>

#define ARRAY_SIZE(a)	     (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a)    __attribute__((format(printf, f, a)))
#define MUST_CHECK	     __attribute__((warn_unused_result))
#define UNUSED		     __attribute__((unused))
#define CLEANUP(fn)	     __attribute__((cleanup(fn)))

/* Ownership leaves the variable: the cleanup finds NULL or -1. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_p(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

static inline void cleanup_fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_free_	   CLEANUP(cleanup_free_p)
#define _cleanup_close_	   CLEANUP(cleanup_close_p)
#define _cleanup_fclose_   CLEANUP(cleanup_fclose_p)
#define _cleanup_closedir_ CLEANUP(cleanup_closedir_p)

#endif
