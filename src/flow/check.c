/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check: the verdict and what is behind it, without any change. */
#include "base/error.h"
#include "flow/flow.h"
#include "flow/settle.h"

struct vfioadm_checkup {
	struct vfioadm_inventory *inv;
	struct selection selected;
	struct vfioadm_plan *plan; /* for its findings and their arena */
	bool refused;
};

/* Companions that cannot stay where they are when a selected function moves. */
static int find_along(const struct look *look, const struct vfioadm_function *f, struct selection *ret)
{
	bool releasing = uint_is(&f->vfio, 1);

	for (size_t i = 0; i < f->companions.n; i++) {
		ssize_t other = inventory_index(look->inv, f->companions.items[i]);

		if (other < 0 || selection_has(&look->selected, (size_t)other) ||
		    !check_must_come_along(look->inv, f, &look->inv->functions[other], releasing))
			continue;
		if (selection_add(ret, (size_t)other) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int find_all_along(const struct look *look, struct selection *ret)
{
	for (size_t i = 0; i < look->selected.n; i++)
		if (find_along(look, &look->inv->functions[look->selected.items[i]], ret) < 0)
			return -ENOMEM;
	return 0;
}

/* The selection and what must come along, all of it in the same way. */
static int look_at_all(struct look *look, const struct selection *along, struct vfioadm_error **err)
{
	const unsigned facets = check_facets(VERB_ASSIGN) | check_facets(VERB_RELEASE);
	_cleanup_selection_ struct selection all = { 0 };
	struct selection selected = look->selected;
	int r = 0;

	for (size_t i = 0; r == 0 && i < selected.n; i++)
		r = selection_add(&all, selected.items[i]);
	for (size_t i = 0; r == 0 && i < along->n; i++)
		r = selection_add(&all, along->items[i]);
	if (r < 0)
		return error_oom(err);
	look->selected = all;
	r = flow_look_closer(look, facets, err);
	look->selected = selected;
	return r;
}

/*
 * Reading an override takes the device's lock, which is rarely held where there is no driver: by a step of an earlier
 * run that still waits, until then.
 */
static int look_at_overrides(struct look *look, const struct strv *pending, struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->selected.n; i++) {
		struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];

		if (f->driver.state == VFIOADM_NONE && !strv_has(pending, f->address) &&
		    observe_function(look->host, look->inv, f, VFIOADM_FACET_LOCKED) < 0)
			return error_oom(err);
	}
	return 0;
}

/* Each verb's checks leave out the functions that it would not move. */
static int check_both_ways(struct look *look, const struct selection *along, const struct strv *pending,
			   const struct vfioadm_options *o, struct vfioadm_checkup *checkup)
{
	static const enum verb verbs[] = { VERB_ASSIGN, VERB_RELEASE };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		const struct check_request request = {
			.verb = verbs[i],
			.selected = &look->selected,
			.along = along,
			.host = true,
			.force = o->force,
			.n_force = o->n_force,
			.pending = (const char *const *)pending->items,
			.n_pending = pending->n,
		};
		bool refused = false;

		if (check_run(look->inv, &request, checkup->plan, &refused) < 0)
			return -ENOMEM;
		checkup->refused |= refused;
	}
	return 0;
}

static int make_checkup(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
			struct vfioadm_checkup *checkup, struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection along = { 0 };
	_cleanup_strv_ struct strv pending = { 0 };
	int r;

	if (find_all_along(look, &along) < 0)
		return error_oom(err);
	if (settle_pending(ctx, &pending) < 0)
		return error_oom(err);
	r = look_at_all(look, &along, err);
	if (r == 0)
		r = look_at_overrides(look, &pending, err);
	if (r < 0)
		return r;
	if (flow_note_followed(look, checkup->plan) < 0 ||
	    check_both_ways(look, &along, &pending, o, checkup) < 0)
		return error_oom(err);
	checkup->inv = TAKE_PTR(look->inv);
	checkup->selected = look->selected;
	look->selected = (struct selection){ 0 };
	return 0;
}

int flow_checkup(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_checkup **ret, struct vfioadm_error **err)
{
	struct vfioadm_checkup *checkup = calloc(1, sizeof(*checkup));
	_cleanup_look_ struct look look = { 0 };
	struct host *h = NULL;
	int r;

	if (!checkup)
		return error_oom(err);
	checkup->plan = plan_new(VERB_ASSIGN);
	r = checkup->plan ? flow_check_force(o, err) : error_oom(err);
	if (r == 0)
		r = ctx_host(ctx, &h, err);
	/* The network is asked through it, once the host has been looked at. */
	if (r == 0)
		host_prepare(h, 0);
	if (r == 0)
		r = flow_look(ctx, selectors, n, o->all_matching, &look, err);
	if (r == 0 && o->group && selection_add_groups(&look.selected, look.inv) < 0)
		r = error_oom(err);
	if (r == 0)
		r = make_checkup(ctx, &look, o, checkup, err);
	if (r < 0)
		vfioadm_checkup_free(checkup);
	else
		*ret = checkup;
	return r;
}

bool vfioadm_checkup_refused(const struct vfioadm_checkup *checkup)
{
	return checkup->refused;
}

bool vfioadm_checkup_complete(const struct vfioadm_checkup *checkup)
{
	for (size_t i = 0; i < checkup->plan->n_findings; i++)
		if (streq(checkup->plan->findings[i].code, "openers-unknown"))
			return false;
	return checkup->inv->complete;
}

size_t vfioadm_checkup_n_functions(const struct vfioadm_checkup *checkup)
{
	return checkup->selected.n;
}

const struct vfioadm_function *vfioadm_checkup_function(const struct vfioadm_checkup *checkup, size_t i)
{
	return i < checkup->selected.n ? &checkup->inv->functions[checkup->selected.items[i]] : NULL;
}

size_t vfioadm_checkup_n_findings(const struct vfioadm_checkup *checkup)
{
	return checkup->plan->n_findings;
}

const struct vfioadm_finding *vfioadm_checkup_finding(const struct vfioadm_checkup *checkup, size_t i)
{
	return i < checkup->plan->n_findings ? &checkup->plan->findings[i] : NULL;
}

void vfioadm_checkup_free(struct vfioadm_checkup *checkup)
{
	if (!checkup)
		return;
	vfioadm_inventory_free(checkup->inv);
	selection_clear(&checkup->selected);
	plan_free_p(&checkup->plan);
	free(checkup);
}
