/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_YAML_LINES_H
#define VFIOADM_HOST_YAML_LINES_H

#include "base/str.h"

/*
 * As much of YAML as configuration of networks uses: mappings and sequences by indentation or in brackets,
 * plain and quoted scalars, comments. Anchors, tags and blocks of text are passed over. It reads for warnings
 * only, so what it does not understand it leaves out.
 */
enum { YAML_DEPTH_MAX = 12 };

struct yaml_entry {
	const char *path[YAML_DEPTH_MAX]; /* keys, outermost first */
	unsigned depth;
	const char *value; /* "": there is more below, or nothing */
	unsigned line;	   /* of the key, or of the item of a sequence */
};

/**
 * Calls fn for each key and for each item of a sequence (with the path of that). Changes text. Stops at a negative
 * result of fn and returns it.
 */
int yaml_each(char *text, int (*fn)(const struct yaml_entry *e, void *userdata), void *userdata) MUST_CHECK;

#endif
