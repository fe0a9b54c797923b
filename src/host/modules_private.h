/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODULES_PRIVATE_H
#define VFIOADM_HOST_MODULES_PRIVATE_H

#include <limits.h>

#include "host/modprobe_conf.h"
#include "host/modules.h"

struct text_file {
	const char *data;
	size_t size;
};

struct host_modules {
	bool found;		  /* the directory is known */
	struct text_file alias;	  /* "alias PATTERN MODULE" */
	struct text_file dep;	  /* "kernel/drivers/…/MODULE.ko.xz: …" */
	struct text_file builtin; /* "kernel/drivers/…/MODULE.ko" */
	struct text_file modinfo; /* "MODULE.alias=PATTERN" and more, each ended by NUL */
	char dir[PATH_MAX];	  /* of the index, "": none */
	struct modprobe_conf conf;
	bool conf_read; /* since modules_refresh() */
};

/** -ENOENT: this root has no index, and *ret is empty but there. -ENOMEM. */
int modules_open(struct host *h, struct host_modules **ret) MUST_CHECK;

#endif
