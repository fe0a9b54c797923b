/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable and disable: card types. */
#include <string.h>

#include "base/error.h"
#include "flow/declared.h"
#include "flow/loading.h"
#include "flow/session.h"
#include "policy/planner.h"

#define VFIO_PCI_DIR "sys/bus/pci/drivers/vfio-pci"

struct types {
	struct cardtype *items;
	size_t n;
};

static void types_clear(struct types *t)
{
	free(t->items);
}

/* Duplicates merge. */
static int parse_types(const char *const *ids, size_t n, struct types *ret, struct vfioadm_error **err)
{
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return error_oom(err);
	if (!n) {
		error_set(err, -EINVAL, VFIOADM_E_USAGE, "No card type is named.");
		error_hint(err, "Name one by vendor:device as 'vfioadm list' shows it, for example "
				"15b3:1003.");
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		struct cardtype type;
		bool seen = false;
		int r = cardtype_parse(ids[i], &type, err);

		if (r < 0)
			return r;
		for (size_t j = 0; j < ret->n; j++)
			seen |= cardtype_equal(&type, &ret->items[j]);
		if (!seen)
			ret->items[ret->n++] = type;
	}
	return 0;
}

/* Everything that has one of the types, with what planning needs to know of it. */
static int look_closer_at_types(struct look *look, const struct cardtype *types, size_t n,
				struct selection *ret_mentioned, struct vfioadm_error **err)
{
	unsigned facets = check_facets(VERB_ENABLE) | VFIOADM_FACET_LOCKED;

	for (size_t i = 0; i < look->inv->n_functions; i++) {
		struct vfioadm_function *f = &look->inv->functions[i];

		if (!cardtypes_match(types, n, f))
			continue;
		if (observe_function(look->host, look->inv, f, facets & ~f->facets) < 0 ||
		    selection_add(ret_mentioned, i) < 0)
			return error_oom(err);
	}
	return 0;
}

static int fail_modprobe_alone(struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_USAGE, "A file in modprobe.d is made of declared card types only.");
	error_hint(err, "Add --persist, which declares them.");
	return -EINVAL;
}

static int begin(struct vfioadm_ctx *ctx, const char *const *ids, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_plan *plan, struct types *types,
		 struct look *look, struct vfioadm_error **err)
{
	int r = flow_check_force(o, err);

	if (r == 0)
		r = parse_types(ids, n, types, err);
	if (r == 0)
		r = flow_begin_change(ctx, ids, n, o, plan, &look->host, err);
	if (r == 0 && session_of(plan))
		r = session_refuse_pending_host(session_of(plan), err);
	if (r == 0)
		r = observe_host(look->host, &look->inv, err);
	return r;
}

static int note_unmatched(const struct look *look, const struct cardtype *types, size_t n,
			  struct vfioadm_plan *plan)
{
	for (size_t i = 0; i < n; i++) {
		struct vfioadm_finding *finding;
		char name[CARDTYPE_MAX];
		bool found = false;

		for (size_t j = 0; j < look->inv->n_functions; j++)
			found |= cardtype_matches(&types[i], &look->inv->functions[j]);
		if (found)
			continue;
		finding = plan_add_finding(plan);
		if (!finding)
			return -ENOMEM;
		cardtype_format(&types[i], name);
		finding->code = "no-match";
		finding->severity = VFIOADM_WARNS;
		finding->message = arena_format(&plan->arena,
						"No function of this host has card type %s now.", name);
		if (!finding->message)
			return -ENOMEM;
	}
	return 0;
}

/* What the driver holds already, as far as it is recorded. */
static int hold(struct vfioadm_ctx *ctx, struct types *ret, struct vfioadm_error **err)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	int r = flow_recorded_types(ctx, &ids, err);

	if (r < 0)
		return r;
	ret->items = calloc(ids.n + 1, sizeof(*ret->items));
	if (!ret->items)
		return error_oom(err);
	for (size_t i = 0; i < ids.n; i++)
		ret->items[ret->n++] = ids.items[i].type;
	return 0;
}

int enable_types(struct vfioadm_ctx *ctx, struct look *look, struct cardtype *types, size_t n,
		 const struct selection *also, const struct vfioadm_options *o, struct vfioadm_plan *plan,
		 struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection mentioned = { 0 };
	const struct check_request request = {
		.verb = VERB_ENABLE,
		.selected = &look->selected,
		.also = also,
		.mentioned = &mentioned,
		.force = o->force,
		.n_force = o->n_force,
	};
	CLEANUP(types_clear) struct types held = { 0 };
	char module[128] = "";
	size_t n_new;
	int r = look_closer_at_types(look, types, n, &mentioned, err);

	if (r == 0 && check_types_useless(plan, look->inv, types, n) < 0)
		r = error_oom(err);
	if (r == 0 && plan_enable_taken(look->inv, types, n, &look->selected) < 0)
		r = error_oom(err);
	if (r == 0 && session_of(plan))
		r = session_refuse_pending(session_of(plan), look, err);
	if (r == 0)
		r = flow_look_closer(look, VFIOADM_FACET_USERS, err);
	if (r == 0)
		r = flow_check(look, &request, plan, err);
	if (r < 0 || plan->result == VFIOADM_RESULT_REFUSED)
		return r;
	r = ready_host(look->inv, o->dry_run, err);
	if (r == 0)
		r = ready_driver(look->host, "vfio-pci", module, sizeof(module), err);
	if (r == 0)
		r = hold(ctx, &held, err);
	if (r < 0)
		return r;
	if (note_unmatched(look, types, n, plan) < 0 ||
	    check_types_enable(plan, types, n, held.items, held.n, &n_new) < 0 ||
	    plan_enable(plan, look->inv, types, n, n_new, held.items, held.n,
			&look->selected, *module != '\0') < 0)
		return error_oom(err);
	r = loading_settle(look, plan, err);
	return r == 0 && o->persist ? persist_types(ctx, look, types, n, o, plan, err) : r;
}

int flow_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n,
		const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ENABLE);
	_cleanup_look_ struct look look = { 0 };
	CLEANUP(types_clear) struct types types = { 0 };
	int r;

	if (!plan)
		return error_oom(err);
	if (o->modprobe && !o->persist)
		return fail_modprobe_alone(err);
	r = begin(ctx, ids, n, o, plan, &types, &look, err);
	if (r == 0)
		r = enable_types(ctx, &look, types.items, types.n, NULL, o, plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

/* Where vfio-pci is not there it holds nothing: what is left to do is to forget what was recorded. */
static int find_recorded(struct vfioadm_ctx *ctx, const struct types *types, struct types *ret,
			 struct vfioadm_error **err)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	_cleanup_store_ struct store store = STORE_CLOSED;
	int r = ctx->host->live ? store_open(&store, ctx->run_dir, err) : 0;

	if (r < 0)
		return r;
	if (store_load_ids(&store, &ids) == -ENOMEM)
		return error_oom(err);
	for (size_t i = 0; i < types->n; i++)
		if (enabled_ids_have(&ids, &types->items[i]))
			ret->items[ret->n++] = types->items[i];
	return 0;
}

static int plan_types_away(struct vfioadm_ctx *ctx, struct look *look, const struct types *types,
			   const struct vfioadm_options *o, struct vfioadm_plan *plan,
			   struct vfioadm_error **err)
{
	bool registered = host_exists(look->host, VFIO_PCI_DIR);
	CLEANUP(types_clear) struct types held = { 0 };
	CLEANUP(types_clear) struct types recorded = { .items = calloc(types->n + 1, sizeof(*recorded.items)) };
	const struct types *away = registered ? types : &recorded;
	int r;

	if (!recorded.items)
		return error_oom(err);
	r = registered ? hold(ctx, &held, err) : find_recorded(ctx, types, &recorded, err);
	if (r < 0)
		return r;
	if (check_types_disable(plan, away->items, away->n, held.items, held.n) < 0)
		return error_oom(err);
	if (plan->result == VFIOADM_RESULT_REFUSED)
		return 0;
	if (plan_disable(plan, look->inv, away->items, away->n, registered) < 0)
		return error_oom(err);
	return o->persist ? persist_types(ctx, look, types->items, types->n, o, plan, err) : 0;
}

int flow_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_DISABLE);
	_cleanup_look_ struct look look = { 0 };
	CLEANUP(types_clear) struct types types = { 0 };
	int r;

	if (!plan)
		return error_oom(err);
	r = begin(ctx, ids, n, o, plan, &types, &look, err);
	if (r == 0)
		r = plan_types_away(ctx, &look, &types, o, plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}
