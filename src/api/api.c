/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public entry points: arguments are checked here, the work is done below. */
#include <string.h>

#include "base/error.h"
#include "config.h"
#include "flow/declared.h"
#include "flow/settle.h"

const char *vfioadm_version(void)
{
	return VFIOADM_VERSION;
}

int vfioadm_observe(struct vfioadm_ctx *ctx, unsigned facets, struct vfioadm_inventory **ret_inventory,
		    struct vfioadm_error **ret_error)
{
	return flow_observe(ctx, facets, ret_inventory, ret_error);
}

int vfioadm_observe_selected(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			     bool all_matching, struct vfioadm_inventory **ret_inventory,
			     size_t **ret_selected, size_t *ret_n_selected,
			     struct vfioadm_error **ret_error)
{
	_cleanup_look_ struct look look = { 0 };
	int r = flow_look(ctx, selectors, n_selectors, all_matching, &look, ret_error);

	if (r == 0)
		r = flow_look_closer(&look,
				     VFIOADM_FACET_NAMES | VFIOADM_FACET_IDENTITY | VFIOADM_FACET_DETAIL |
					     VFIOADM_FACET_DRIVERS | VFIOADM_FACET_LOCKED |
					     VFIOADM_FACET_USERS,
				     ret_error);
	if (r < 0)
		return r;
	*ret_inventory = TAKE_PTR(look.inv);
	*ret_n_selected = look.selected.n;
	*ret_selected = TAKE_PTR(look.selected.items);
	return 0;
}

/* Callers may have been built with a smaller structure: what they do not know is zero. */
static struct vfioadm_options options_of(const struct vfioadm_options *given)
{
	struct vfioadm_options o = { 0 };

	if (given)
		memcpy(&o, given, given->size && given->size < sizeof(o) ? given->size : sizeof(o));
	return o;
}

int vfioadm_check(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
		  const struct vfioadm_options *options, struct vfioadm_checkup **ret_checkup,
		  struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_checkup(ctx, selectors, n_selectors, &o, ret_checkup, ret_error);
}

int vfioadm_plan_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_assign(ctx, selectors, n_selectors, &o, ret_plan, ret_error);
}

int vfioadm_plan_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_release(ctx, selectors, n_selectors, &o, ret_plan, ret_error);
}

int vfioadm_plan_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_enable(ctx, ids, n_ids, &o, ret_plan, ret_error);
}

int vfioadm_plan_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_disable(ctx, ids, n_ids, &o, ret_plan, ret_error);
}

int vfioadm_plan_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n_names,
		       const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
		       struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_apply(ctx, names, n_names, &o, ret_plan, ret_error);
}

int vfioadm_plan_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *options,
			struct vfioadm_plan **ret_plan, struct vfioadm_error **ret_error)
{
	struct vfioadm_options o = options_of(options);

	return flow_import(ctx, &o, ret_plan, ret_error);
}

int vfioadm_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret_status,
		   struct vfioadm_error **ret_error)
{
	return flow_status(ctx, ret_status, ret_error);
}

int vfioadm_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **ret_error)
{
	return flow_config_check(ctx, file, ret_error);
}

int vfioadm_plan_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan,
		     struct vfioadm_error **ret_error)
{
	return flow_run(ctx, plan, ret_error);
}

int vfioadm_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret_settlement,
		   struct vfioadm_error **ret_error)
{
	return flow_settle(ctx, dry_run, ret_settlement, ret_error);
}

int vfioadm_enabled_list(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret_enabled,
			 struct vfioadm_error **ret_error)
{
	return flow_enabled(ctx, ret_enabled, ret_error);
}
