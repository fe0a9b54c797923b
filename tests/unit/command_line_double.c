/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into modprobe: the file that COMMAND_LINE_DOUBLE names is read where it opens /proc/cmdline. */
/* Both names are to be had, and not one for the other. */
#undef _FILE_OFFSET_BITS
#define _LARGEFILE64_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DOUBLE(name)                                                                                                 \
	int name(const char *path, int flags, ...)                                                                   \
	{                                                                                                            \
		int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                                       \
		const char *file = getenv("COMMAND_LINE_DOUBLE");                                                    \
		va_list ap;                                                                                          \
		int mode;                                                                                            \
                                                                                                                     \
		va_start(ap, flags);                                                                                 \
		mode = flags & O_CREAT ? va_arg(ap, int) : 0;                                                        \
		va_end(ap);                                                                                          \
		return real(file && strcmp(path, "/proc/cmdline") == 0 ? file : path, flags, mode);                  \
	}

DOUBLE(open)
DOUBLE(open64)
