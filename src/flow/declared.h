/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_DECLARED_H
#define VFIOADM_FLOW_DECLARED_H

#include "flow/flow.h"
#include "policy/match.h"
#include "policy/planner.h"
#include "store/declared.h"

/* Declared state beside the host: what is declared, and which functions each declaration means now. */
struct declared_look {
	struct declared declared;
	struct match *matches; /* one for each of declared.found */
};

void declared_look_clear(struct declared_look *d);
#define _cleanup_declared_look_ CLEANUP(declared_look_clear)

/** Reads the declarations of the context's root and matches them; look gets the facets that this needs. */
int declared_look(struct vfioadm_ctx *ctx, struct look *look, struct declared_look *ret,
		  struct vfioadm_error **err) MUST_CHECK;
/** The second half of it: d->declared was read. */
int declared_match(struct look *look, struct declared_look *d, struct vfioadm_error **err) MUST_CHECK;
/**
 * Another declaration that means a function which this one means as well (*ret_function); -1: none does. A card
 * type beside one of its cards is no contradiction: what is said of the card counts for it.
 */
ssize_t declared_rival(const struct declared_look *d, size_t i, size_t *ret_function);
/** The declaration that means this function (an index into look->inv); -1: none does. */
ssize_t declared_for(const struct declared_look *d, size_t function);

/** What a declaration moves: the functions that it means and, where it says so, the rest of their groups. -ENOMEM. */
int declared_functions(const struct look *look, const struct declaration *d, const struct match *m,
		       struct selection *ret) MUST_CHECK;
/** Like declared_for(); a virtual function is meant by the [SR-IOV] of its physical one, unless it has its own. */
ssize_t declared_of(const struct look *look, const struct declared_look *d, size_t function);

/** Has it a driver of the host now? */
static inline bool declared_host_drives(const struct vfioadm_function *f)
{
	return f->driver.state == VFIOADM_KNOWN && !uint_is(&f->vfio, 1);
}
/**
 * Declarations whose functions share an IOMMU group are applied together: for each one an index into found that it
 * has in common with those, and with no other. Card types stand alone. The caller frees it. -ENOMEM.
 */
int declared_teams(const struct look *look, const struct declared_look *d, size_t **ret) MUST_CHECK;
/** Another one of the same team; NULL: there is none. */
const struct declaration *declared_mate(const struct declared_look *d, const size_t *team, size_t i);

/** Looks for the users of functions that are meant and have a driver of the host now. -ENOMEM. */
int declared_users(struct look *look, const struct declared_look *d) MUST_CHECK;
/** Does the host use one of these functions, so that it must not be taken before the host has booted? The worst use. */
const struct vfioadm_user *selection_in_use(const struct look *look, const struct selection *s,
					    const struct vfioadm_function **ret_function);

/** Why it is not known whether the host uses one of them, where that refuses; NULL: it is known. */
const char *selection_unseen(const struct look *look, const struct selection *s,
			     const struct vfioadm_function **ret_function);

/** Was it released, so that what is declared leaves it alone? */
bool declared_is_held(const struct vfioadm_ctx *ctx, const struct look *look, const struct vfioadm_function *f);
#define DECLARED_DIFFERS_HINT "'vfioadm plan' shows what would be done, or what prevents it."
#define DECLARED_HELD_HINT "'vfioadm assign' assigns it again before the next boot."

/** Steps for --persist, behind those that move the functions. */
int persist_assign(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		   struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;
int persist_release(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		    struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;
int persist_types(struct vfioadm_ctx *ctx, struct look *look, const struct cardtype *types, size_t n,
		  const struct vfioadm_options *o, struct vfioadm_plan *plan, struct vfioadm_error **err)
	MUST_CHECK;

/**
 * Before the steps of a release: what is declared shall not take these functions back. To be called with those that
 * are assigned. With --persist it is for as long as the rules still declare them: let_go_released() behind the steps.
 */
int hold_released(struct vfioadm_ctx *ctx, struct look *look, const struct selection *assigned,
		  const struct vfioadm_options *o, struct vfioadm_plan *plan, struct vfioadm_error **err)
	MUST_CHECK;
int let_go_released(struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;
/** Behind the steps of an assign. */
int let_go_assigned(struct vfioadm_ctx *ctx, const struct look *look, struct vfioadm_plan *plan,
		    struct vfioadm_error **err) MUST_CHECK;

int flow_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret, struct vfioadm_error **err);
int flow_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n, const struct vfioadm_options *o,
	       struct vfioadm_plan **ret, struct vfioadm_error **err);
int flow_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *o, struct vfioadm_plan **ret,
		struct vfioadm_error **err);
int flow_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **err);

#endif
