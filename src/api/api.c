/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public entry points: arguments are checked here, the work is done below. */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "config.h"
#include "flow/declared.h"
#include "flow/settle.h"

const char *vfioadm_version(void)
{
	return VFIOADM_VERSION;
}

/* What the caller had in it is not ours to free: it may never have been set. */
static void begin(struct vfioadm_error **ret_error)
{
	if (ret_error)
		*ret_error = NULL;
}

/* A failure on the way that did not count must not pass for one. */
static int end(int r, struct vfioadm_error **ret_error)
{
	if (r >= 0 && ret_error) {
		vfioadm_error_free(*ret_error);
		*ret_error = NULL;
	}
	return r;
}

int vfioadm_observe(struct vfioadm_ctx *ctx, unsigned facets, struct vfioadm_inventory **ret_inventory,
		    struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_observe(ctx, facets, ret_inventory, ret_error), ret_error);
}

int vfioadm_observe_selected(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			     bool all_matching, struct vfioadm_inventory **ret_inventory,
			     size_t **ret_selected, size_t *ret_n_selected,
			     struct vfioadm_error **ret_error)
{
	_cleanup_look_ struct look look = { 0 };
	int r;

	begin(ret_error);
	r = flow_look(ctx, selectors, n_selectors, all_matching, &look, ret_error);

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
	return end(0, ret_error);
}

/* A caller that was built with a later version may only ask for what this one knows. */
static bool asks_for_more(const struct vfioadm_options *given)
{
	const unsigned char *bytes = (const unsigned char *)given;

	for (size_t i = sizeof(*given); i < given->size; i++)
		if (bytes[i])
			return true;
	return false;
}

/* Callers may have been built with a smaller structure: what they do not know is zero. */
static int take_options(const struct vfioadm_options *given, struct vfioadm_options *ret,
			struct vfioadm_error **ret_error)
{
	/* What the first version had. */
	enum { LEAST = offsetof(struct vfioadm_options, persist), MOST = 64 * 1024 };

	begin(ret_error);
	*ret = (struct vfioadm_options){ 0 };
	if (!given)
		return 0;
	if (given->size < LEAST || given->size > MOST) {
		error_set(ret_error, -EINVAL, VFIOADM_E_USAGE,
			  "The options have a size of %zu bytes, which no version of struct vfioadm_options has.",
			  given->size);
		error_hint(ret_error, "Set their member size to sizeof(struct vfioadm_options).");
		return -EINVAL;
	}
	if (asks_for_more(given)) {
		error_set(ret_error, -EINVAL, VFIOADM_E_USAGE, "The options ask for what this version of vfioadm (%s) does not know.",
			  VFIOADM_VERSION);
		error_hint(ret_error, "The program was built for a later version: install that one.");
		return -EINVAL;
	}
	memcpy(ret, given, given->size < sizeof(*ret) ? given->size : sizeof(*ret));
	return 0;
}

int vfioadm_check(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
		  const struct vfioadm_options *options, struct vfioadm_checkup **ret_checkup,
		  struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_checkup(ctx, selectors, n_selectors, &o, ret_checkup, ret_error), ret_error);
}

int vfioadm_plan_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_assign(ctx, selectors, n_selectors, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_plan_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_release(ctx, selectors, n_selectors, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_plan_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_enable(ctx, ids, n_ids, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_plan_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_disable(ctx, ids, n_ids, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_plan_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n_names,
		       const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
		       struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_apply(ctx, names, n_names, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_plan_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *options,
			struct vfioadm_plan **ret_plan, struct vfioadm_error **ret_error)
{
	struct vfioadm_options o;
	int r = take_options(options, &o, ret_error);

	return r < 0 ? r : end(flow_import(ctx, &o, ret_plan, ret_error), ret_error);
}

int vfioadm_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret_status,
		   struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_status(ctx, ret_status, ret_error), ret_error);
}

int vfioadm_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_config_check(ctx, file, ret_error), ret_error);
}

int vfioadm_plan_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan,
		     struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_run(ctx, plan, ret_error), ret_error);
}

int vfioadm_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret_settlement,
		   struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_settle(ctx, dry_run, ret_settlement, ret_error), ret_error);
}

int vfioadm_enabled_list(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret_enabled,
			 struct vfioadm_error **ret_error)
{
	begin(ret_error);
	return end(flow_enabled(ctx, ret_enabled, ret_error), ret_error);
}
