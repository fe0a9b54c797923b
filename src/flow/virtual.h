/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_VIRTUAL_H
#define VFIOADM_FLOW_VIRTUAL_H

#include "flow/declared.h"

/** How a PF stands whose virtual functions are declared. -ENOMEM. */
int stand_virtual(struct vfioadm_ctx *ctx, struct look *look, const struct declaration *d, const struct match *m,
		  struct arena *arena, struct vfioadm_declared *item) MUST_CHECK;
/** All its virtual functions. -ENOMEM. */
int virtual_functions(const struct look *look, const struct match *m, struct selection *ret) MUST_CHECK;
/** Steps that create them, when there are none yet. Only then can anybody know what they are called. */
int virtual_create(struct look *look, const struct declaration *d, const struct match *m,
		   struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;

#endif
