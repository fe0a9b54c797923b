/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_STORE_DECLARED_PRIVATE_H
#define VFIOADM_STORE_DECLARED_PRIVATE_H

#include "store/declared.h"

/* Between declared.c and declared_write.c only. */

#define DECLARED_ETC	"etc/vfioadm.d"
#define DECLARED_SUFFIX ".conf"

enum declared_open {
	DECLARED_ANY,     /* as it is */
	DECLARED_TRUSTED, /* -EPERM where others than root could have put something in the way */
	DECLARED_MAKE,    /* likewise, and what is missing is made */
};

/** A directory below root; no link is followed. The descriptor, or a negative errno. */
int declared_open_below(const char *root, const char *path, enum declared_open how) MUST_CHECK;
/** Is name in dir a link to /dev/null? */
bool declared_is_masking_link(int dir, const char *name);

#endif
