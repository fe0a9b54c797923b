/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_STATUS_H
#define VFIOADM_FLOW_STATUS_H

#include "flow/declared.h"

struct vfioadm_status {
	struct arena arena;
	struct vfioadm_declared *items;
	size_t n;
	bool outdated;
};

void status_free_p(struct vfioadm_status **status);
#define _cleanup_status_ CLEANUP(status_free_p)

/* One declaration, and where its line goes. */
struct standing {
	struct vfioadm_ctx *ctx;
	struct look *look;
	const struct declaration *d;
	const struct match *m;
	const struct enabled_ids *enabled;
	struct arena *arena;
	struct vfioadm_declared *item;
};

/** Fills the item. -ENOMEM. */
int status_stand(struct standing *s) MUST_CHECK;
/** 1: no guest could open a function that has its driver, and the item says why. -ENOMEM. */
int status_openable(struct look *look, const struct vfioadm_function *f, struct arena *arena,
		    struct vfioadm_declared *item) MUST_CHECK;

#endif
