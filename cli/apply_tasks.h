/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_APPLY_TASKS_H
#define VFIOADM_CLI_APPLY_TASKS_H

#include "cli.h"

/* Which transactions "plan" and "apply" are made of. */

/* A transaction that is to be. */
struct task {
	const char *const *names;
	size_t n;
	const char *label; /* "a", "a and b" */
	const char *only;  /* what is declared of this function, or NULL */
	bool late;	   /* the function was another driver's at boot: what is declared stands without it */
};

struct tasks {
	struct task *items;
	size_t n;
	size_t most; /* there can be, of one declaration each */
	const char **names; /* of all items, one behind the other */
	size_t n_names;
	char **labels; /* that are owned */
	size_t n_labels;
};

/** One for each declaration that is asked for, and those that share an IOMMU group with it. -ENOMEM. */
int tasks_make(const struct cli *cli, const struct vfioadm_status *status, struct tasks *ret);
void tasks_clear(struct tasks *tasks);

#endif
