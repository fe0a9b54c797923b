/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_NODES_H
#define VFIOADM_FLOW_NODES_H

#include "flow/declared.h"

/* [Node]: whose the VFIO nodes of declared functions are. */

/** Behind the steps that bind what is selected: its nodes become as declared. VFIOADM_E_CONFIG: two owners, nobody. */
int nodes_plan(struct vfioadm_ctx *ctx, struct look *look, struct vfioadm_plan *plan, struct vfioadm_error **err)
	MUST_CHECK;
/** The same for one function that is bound already, where they are not so. */
int nodes_plan_bound(struct look *look, const struct declaration *d, const struct vfioadm_function *f,
		     struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;
/** The first node of a function that is not as declared, "/dev/vfio/12"; NULL: none is known. -ENOMEM. */
int nodes_differ(struct look *look, const struct declaration *d, const struct vfioadm_function *f, char **ret)
	MUST_CHECK;
/**
 * A declaration that gives the node of a group, which has a function of this one (*ret_function) in it as well, to
 * somebody else; -1: none does.
 */
ssize_t nodes_rival(const struct look *look, const struct declared_look *d, size_t i, size_t *ret_function);
/** Says so, of what nodes_rival() has found. Returns -ENOTUNIQ. */
int nodes_fail_rival(const struct look *look, const struct declared_look *d, size_t i, size_t rival,
		     size_t function, struct vfioadm_error **err);

#endif
