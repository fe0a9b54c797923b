/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_OPENABLE_H
#define VFIOADM_POLICY_OPENABLE_H

#include "policy/select.h"

/*
 * Could a guest open the function through VFIO now? A driver that is bound is not enough: the kernel looks at the
 * whole group, at interrupts and at what opens functions at all, when a guest starts. One answer for check, show,
 * list, status and the end of a run.
 */

/** What keeps a guest from it, or (a code that only warns) what it has to live with. */
struct obstacle {
	const char *code, *message;
	const char *hint; /* NULL: that of the code */
};

enum { OBSTACLES_MAX = 12 };
struct obstacles {
	struct obstacle items[OBSTACLES_MAX];
	size_t n;
};

enum openable_when {
	OPENABLE_NOW,	 /* it is on a VFIO driver */
	OPENABLE_BEFORE, /* it is to be: what the other checks ask of that is left to them */
};

/** Functions that get a VFIO driver in the same run, each may be NULL. */
struct openable_with {
	const struct selection *selected, *also;
};

/**
 * As far as the inventory has looked at f: BASIC for groups and interrupts, DETAIL and DRIVERS for the rest. with:
 * may be NULL. Strings are the arena's, or constants. -ENOMEM.
 */
int openable_ask(const struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		 enum openable_when when, const struct openable_with *with, struct arena *arena,
		 struct obstacles *ret) MUST_CHECK;
/** The first that only warning about does not do for, NULL: a guest can open it. */
const struct obstacle *openable_first(const struct obstacles *all);

#endif
