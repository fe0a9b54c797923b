/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apply: what is declared, as one plan. */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
#include "flow/persist.h"
#include "flow/session.h"
#include "flow/virtual.h"

struct wanted {
	struct vfioadm_ctx *ctx;
	struct look *look;
	const struct vfioadm_options *options;
	struct vfioadm_plan *plan;
	struct declared_look d;
	struct cardtype *types;
	size_t n_types;
	struct enabled_ids enabled; /* what vfio-pci has been given */
	const char **drivers; /* for each function of the inventory */
	size_t *team; /* see declared_teams() */
	bool *done; /* of each declaration: its part of the plan is there */
};

static void wanted_clear(struct wanted *w)
{
	declared_look_clear(&w->d);
	enabled_ids_clear(&w->enabled);
	free(w->types);
	free(w->drivers);
	free(w->team);
	free(w->done);
}
#define _cleanup_wanted_ CLEANUP(wanted_clear)

static int fail_unknown(const char *name, struct vfioadm_error **err)
{
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "There is no declaration \"%s\".", name);
	error_hint(err, "'vfioadm status' lists them; a name is that of a file in /etc/vfioadm.d without .conf.");
	return -ENOENT;
}

/* An unusable file says itself what is wrong with it. */
static int fail_problem(const struct declared_problem *p, struct vfioadm_error **err)
{
	const char *where = vfioadm_error_path(p->error), *hint = vfioadm_error_hint(p->error);

	error_set(err, -EBADMSG, VFIOADM_E_CONFIG, "%s", vfioadm_error_message(p->error));
	error_path(err, where ? where : p->file);
	if (hint)
		error_hint(err, "%s", hint);
	return -EBADMSG;
}

static int fail_not_found(const struct declaration *d, const struct match *m, struct vfioadm_error **err)
{
	static const char *const why[] = {
		[MATCH_FOUND] = "",
		[MATCH_MISSING] = "no such device is present",
		[MATCH_FOREIGN] = "in its place is another card, which is not touched",
		[MATCH_AMBIGUOUS] = "several devices match a declaration of one device",
		[MATCH_UNCERTAIN] = "its device cannot be determined now",
	};
	bool missing = m->outcome == MATCH_MISSING;

	error_set(err, missing ? -ENODEV : -ENOTUNIQ, missing ? VFIOADM_E_NOT_FOUND : VFIOADM_E_REFUSED,
		  "%s is not applied: %s.", d->file, why[m->outcome]);
	error_path(err, d->file);
	error_hint(err, "See 'vfioadm status'.");
	return missing ? -ENODEV : -ENOTUNIQ;
}

/* ---- what each declaration adds ---- */

static int want_function(struct wanted *w, const struct declaration *d, size_t function,
			 struct vfioadm_error **err)
{
	const struct vfioadm_function *f = &w->look->inv->functions[function];

	if (declared_is_held(w->ctx, w->look, f))
		return 0;
	if (match_has_driver(d, f))
		return nodes_plan_bound(w->look, d, f, w->plan, err);
	w->drivers[function] = d->driver;
	return selection_add(&w->look->selected, function) < 0 ? error_oom(err) : 0;
}

static int want_virtual(struct wanted *w, const struct declaration *d, const struct match *m,
			struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection functions = { 0 };
	int r = virtual_create(w->look, d, m, w->plan, err);

	if (r == 0 && virtual_functions(w->look, m, &functions) < 0)
		r = error_oom(err);
	for (size_t i = 0; r == 0 && i < functions.n; i++)
		r = want_function(w, d, functions.items[i], err);
	return r;
}

static int fail_conflict(const struct wanted *w, size_t i, size_t rival, size_t function,
			 struct vfioadm_error **err)
{
	const struct declaration *items = w->d.declared.found.items;

	error_set(err, -ENOTUNIQ, VFIOADM_E_CONFIG, "%s is declared by two files, %s and %s.",
		  w->look->inv->functions[function].address, items[i].file, items[rival].file);
	error_path(err, items[i].file);
	error_hint(err, "Remove one of the two.");
	return -ENOTUNIQ;
}

/* The function that is asked for (NULL: none), or one that cannot be left to the host when that one goes. */
static bool is_asked_for(const struct vfioadm_function *only, const struct vfioadm_function *f, bool given)
{
	if (!only || (!given && f->driver.state != VFIOADM_KNOWN))
		return false;
	return f == only || (f->driver.state == VFIOADM_KNOWN && only->iommu_group.state == VFIOADM_KNOWN &&
			     uint_is(&f->iommu_group, only->iommu_group.value));
}

/* vfio-pci takes what is free as soon as it gets the ID; a driver of the host keeps what it has. */
static int want_type(struct wanted *w, const struct declaration *d, const struct match *m,
		     struct vfioadm_error **err)
{
	const struct vfioadm_function *only = w->options->only ? inventory_get(w->look->inv, w->options->only) : NULL;
	bool given = enabled_ids_cover(&w->enabled, &d->type);
	int r = 0;

	/* What the driver has been given already would be asked for once more, and nothing come of it. */
	if (!given)
		w->types[w->n_types++] = d->type;
	for (size_t i = 0; r == 0 && i < m->functions.n; i++) {
		size_t at = m->functions.items[i];
		const struct vfioadm_function *f = &w->look->inv->functions[at];
		bool wanted = match_has_driver(d, f) || is_asked_for(only, f, given);

		/* One about this very card says more than one about its type. */
		if (wanted && w->d.declared.found.items[declared_for(&w->d, at)].match[MATCH_CARD_TYPE])
			r = want_function(w, d, at, err);
	}
	return r;
}

/* Along with a group goes what has a declaration of its own, which then counts. */
static bool is_anothers(const struct wanted *w, size_t i, size_t function)
{
	ssize_t own = declared_for(&w->d, function);

	return own >= 0 && (size_t)own != i && !w->d.declared.found.items[own].match[MATCH_CARD_TYPE];
}

static int want(struct wanted *w, size_t i, struct vfioadm_error **err)
{
	const struct declaration *d = &w->d.declared.found.items[i];
	const struct match *m = &w->d.matches[i];
	_cleanup_selection_ struct selection functions = { 0 };
	size_t function;
	ssize_t rival = declared_rival(&w->d, i, &function);
	int r;

	if (d->match[MATCH_CARD_TYPE])
		return want_type(w, d, m, err);
	if (m->outcome != MATCH_FOUND)
		return fail_not_found(d, m, err);
	if (rival >= 0)
		return fail_conflict(w, i, (size_t)rival, function, err);
	rival = nodes_rival(w->look, &w->d, i, &function);
	if (rival >= 0)
		return nodes_fail_rival(w->look, &w->d, i, (size_t)rival, function, err);
	if (d->vfs.state == VFIOADM_KNOWN)
		return want_virtual(w, d, m, err);
	/* Companions come along in the same plan, to the driver that this one asks for, or that is theirs. */
	r = declared_functions(w->look, d, m, &functions) < 0 ? error_oom(err) : 0;
	for (size_t k = 0; r == 0 && k < functions.n; k++)
		if (!is_anothers(w, i, functions.items[k]))
			r = want_function(w, d, functions.items[k], err);
	return r;
}

static void say_mate(const struct wanted *w, size_t i, struct vfioadm_error **err)
{
	const struct declaration *mate = declared_mate(&w->d, w->team, i);

	if (mate)
		error_suffix(err, "what %s declares is in the same IOMMU group and is not applied either.", mate->file);
}

/* With all that shares an IOMMU group with it. */
static int want_team(struct wanted *w, size_t i, struct vfioadm_error **err)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < w->d.declared.found.n; k++) {
		if (w->done[k] || w->team[k] != w->team[i])
			continue;
		w->done[k] = true;
		r = want(w, k, err);
		if (r < 0)
			say_mate(w, k, err);
	}
	return r;
}

static int want_named(struct wanted *w, const char *name, struct vfioadm_error **err)
{
	for (size_t i = 0; i < w->d.declared.n_problems; i++)
		if (streq(w->d.declared.problems[i].name, name))
			return fail_problem(&w->d.declared.problems[i], err);
	for (size_t i = 0; i < w->d.declared.found.n; i++)
		if (streq(w->d.declared.found.items[i].name, name))
			return want_team(w, i, err);
	/* The claim unit asks for what it has read before it had the lock. */
	return w->options->only ? 0 : fail_unknown(name, err);
}

/* A card type is declared of all its cards: of one whose group is moved it is asked for. */
static int want_companion(struct wanted *w, const char *address, struct vfioadm_error **err)
{
	ssize_t function = inventory_index(w->look->inv, address), i;
	const struct declaration *d;

	if (function < 0 || selection_has(&w->look->selected, (size_t)function) ||
	    !declared_host_drives(&w->look->inv->functions[function]))
		return 0;
	i = declared_for(&w->d, (size_t)function);
	if (i < 0)
		return 0;
	d = &w->d.declared.found.items[i];
	return d->match[MATCH_CARD_TYPE] ? want_function(w, d, (size_t)function, err) : want_team(w, (size_t)i, err);
}

static int want_companions_of(struct wanted *w, size_t function, struct vfioadm_error **err)
{
	const struct vfioadm_function *f = &w->look->inv->functions[function];
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->companions.n; i++)
		r = want_companion(w, f->companions.items[i], err);
	return r;
}

/* Of what is moved, or taken as soon as its card type is given; what is found is looked at as well. */
static int want_companions(struct wanted *w, struct vfioadm_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->look->selected.n; i++)
		r = want_companions_of(w, w->look->selected.items[i], err);
	for (size_t i = 0; r == 0 && i < w->look->inv->n_functions; i++)
		if (w->look->inv->functions[i].driver.state == VFIOADM_NONE &&
		    cardtypes_match(w->types, w->n_types, &w->look->inv->functions[i]))
			r = want_companions_of(w, i, err);
	return r;
}

/* ---- the plan ---- */

static int plan_types(struct wanted *w, struct vfioadm_error **err)
{
	struct look types = { .host = w->look->host, .inv = w->look->inv };
	struct persist needed = { .ctx = w->ctx, .look = &types, .options = w->options, .plan = w->plan };
	int r;

	if (!w->n_types)
		return 0;
	r = session_of(w->plan) ? session_refuse_pending_host(session_of(w->plan), err) : 0;
	/* About one function: the others of its type are somebody else's matter. */
	if (r == 0 && !w->options->only)
		r = persist_refuse_needed(&needed, w->types, w->n_types, err);
	if (r == 0 && w->plan->result != VFIOADM_RESULT_REFUSED)
		r = enable_types(w->ctx, &types, w->types, w->n_types, &w->look->selected, w->options, w->plan, err);
	selection_clear(&types.selected);
	return r;
}

static int plan_functions(struct wanted *w, struct vfioadm_error **err)
{
	_cleanup_free_ const char **drivers = calloc(w->look->selected.n + 1, sizeof(*drivers));
	int r = 0;

	if (!drivers)
		return error_oom(err);
	if (!w->look->selected.n)
		return 0;
	for (size_t i = 0; i < w->look->selected.n; i++)
		drivers[i] = w->drivers[w->look->selected.items[i]];
	if (session_of(w->plan))
		r = session_refuse_pending(session_of(w->plan), w->look, err);
	return r < 0 ? r : assign_selected(w->ctx, w->look, w->options, drivers, w->plan, err);
}

static int make_plan(struct wanted *w, const char *const *names, size_t n, struct vfioadm_error **err)
{
	int r = observe_host(w->look->host, &w->look->inv, err);

	if (r == 0)
		r = declared_look(w->ctx, w->look, &w->d, err);
	if (r < 0)
		return r;
	w->types = calloc(w->d.declared.found.n + 1, sizeof(*w->types));
	w->drivers = calloc(w->look->inv->n_functions + 1, sizeof(*w->drivers));
	w->done = calloc(w->d.declared.found.n + 1, sizeof(*w->done));
	if (!w->types || !w->drivers || !w->done || declared_teams(w->look, &w->d, &w->team) < 0)
		return error_oom(err);
	r = flow_recorded_types(w->ctx, &w->enabled, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = want_named(w, names[i], err);
	if (r == 0)
		r = want_companions(w, err);
	if (r == 0)
		r = plan_types(w, err);
	if (r == 0 && w->plan->result != VFIOADM_RESULT_REFUSED)
		r = plan_functions(w, err);
	if (r == 0 && w->plan->result != VFIOADM_RESULT_REFUSED)
		w->plan->result = w->plan->n_steps ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	return r;
}

int flow_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n, const struct vfioadm_options *o,
	       struct vfioadm_plan **ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_APPLY);
	_cleanup_look_ struct look look = { 0 };
	/* What is declared already is not to be declared by what it moves. */
	const struct vfioadm_options own = { .dry_run = o->dry_run, .force = o->force, .n_force = o->n_force,
					     .only = o->only, .unattended = o->unattended };
	_cleanup_wanted_ struct wanted w = { .ctx = ctx, .look = &look, .options = &own, .plan = plan };
	int r;

	if (!plan)
		return error_oom(err);
	r = flow_check_force(o, err);
	if (r == 0)
		r = flow_begin_change(ctx, names, n, o, plan, &look.host, err);
	if (r == 0)
		r = n ? make_plan(&w, names, n, err) : persist_renew(ctx, &look, o, plan, err);
	if (r < 0)
		return r;
	/* Who has nothing to do keeps nobody waiting, however long the plan is looked at. */
	if (plan->result == VFIOADM_RESULT_UNCHANGED)
		session_close(plan);
	*ret = TAKE_PTR(plan);
	return 0;
}
