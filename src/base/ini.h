/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_INI_H
#define VFIOADM_BASE_INI_H

#include <stddef.h>

#include "base/macro.h"

struct vfioadm_error;

/*
 * The strict form of INI that vfioadm's own files have: "[Section]", "Key=Value", blank lines, and comments
 * ('#' or ';') on lines of their own. No continuation, no quoting, no comment behind a value; white space
 * around names and values is cut. The same file must mean the same on every distribution and in the initramfs,
 * which the ready-made libraries do not promise: what they cut or join depends on how each was built.
 */
enum { INI_LINE_MAX = 1024, INI_FILE_MAX = 64 * 1024, INI_SHOW_MAX = 64 };

/**
 * key NULL: a section begins. A negative errno (with an error set) ends the reading. All strings can be shown:
 * UTF-8 without control characters.
 */
typedef int ini_fn(void *userdata, unsigned line, const char *section, const char *key, const char *value,
		   struct vfioadm_error **err);

/**
 * Calls fn for everything in text, in order. file: for messages ("/etc/vfioadm.d/10-nic.conf"). -EBADMSG
 * (VFIOADM_E_CONFIG, with file and line): over-long line, control character or NUL byte, not UTF-8, a key
 * outside of a section, a line that is none of the four, an empty key, indented continuation, a backslash at
 * the end of a line that is no comment, a file larger than INI_FILE_MAX.
 */
int ini_parse(const char *file, const char *text, size_t size, ini_fn *fn, void *userdata,
	      struct vfioadm_error **err) MUST_CHECK;
/** An error about a line: sets VFIOADM_E_CONFIG, path and head of the message "FILE:LINE"; returns -EBADMSG. */
int ini_error(const char *file, unsigned line, struct vfioadm_error **err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/** A value for a message: cut where it is long, '?' for what cannot be shown. Returns buf. */
char *ini_show(const char *value, char buf[INI_SHOW_MAX]);

#endif
