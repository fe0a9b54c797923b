/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is declared, beside the host. */
#include <string.h>

#include "base/error.h"
#include "flow/declared.h"

void declared_look_clear(struct declared_look *d)
{
	for (size_t i = 0; d->matches && i < d->declared.found.n; i++)
		match_clear(&d->matches[i]);
	free(d->matches);
	d->matches = NULL;
	declared_clear(&d->declared);
}

/* Only the functions that it may mean: a look at an identity opens files of each of them. */
static int look_at_candidates(struct look *look, const struct declaration *d, struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->inv->n_functions; i++) {
		struct vfioadm_function *f = &look->inv->functions[i];
		/* Of the others only where they are: a card of another type may be in the place of this one. */
		unsigned facets = match_candidate(d, f) ? match_facets(d) : match_facets_others(d);

		if (!(facets & ~f->facets))
			continue;
		if (observe_function(look->host, look->inv, f, facets & ~f->facets) < 0)
			return error_oom(err);
	}
	return 0;
}

int declared_match(struct look *look, struct declared_look *d, struct vfioadm_error **err)
{
	const struct declarations *found = &d->declared.found;
	int r = 0;

	d->matches = calloc(found->n + 1, sizeof(*d->matches));
	if (!d->matches)
		return error_oom(err);
	for (size_t i = 0; r == 0 && i < found->n; i++)
		r = look_at_candidates(look, &found->items[i], err);
	for (size_t i = 0; r == 0 && i < found->n; i++)
		if (match_declaration(&found->items[i], look->inv, &d->matches[i]) < 0)
			r = error_oom(err);
	return r;
}

int declared_look(struct vfioadm_ctx *ctx, struct look *look, struct declared_look *ret,
		  struct vfioadm_error **err)
{
	struct declared_look d = { 0 };
	int r = ctx->root ? declared_read(ctx->root, look->host->live, &d.declared, err) : 0;

	if (r == 0 && ctx->root)
		r = declared_match(look, &d, err);
	if (r < 0)
		declared_look_clear(&d);
	else
		*ret = d;
	return r;
}

/* A VF is meant by the declaration of its PF, when that one gives it. */
static bool means(const struct declared_look *d, size_t i, size_t function)
{
	return d->matches[i].outcome == MATCH_FOUND && selection_has(&d->matches[i].functions, function);
}

ssize_t declared_rival(const struct declared_look *d, size_t i, size_t *ret_function)
{
	const struct declarations *found = &d->declared.found;

	if (found->items[i].match[MATCH_CARD_TYPE] || d->matches[i].outcome != MATCH_FOUND)
		return -1;
	for (size_t k = 0; k < found->n; k++) {
		if (k == i || found->items[k].match[MATCH_CARD_TYPE])
			continue;
		for (size_t n = 0; n < d->matches[i].functions.n; n++)
			if (means(d, k, d->matches[i].functions.items[n])) {
				*ret_function = d->matches[i].functions.items[n];
				return (ssize_t)k;
			}
	}
	return -1;
}

ssize_t declared_for(const struct declared_look *d, size_t function)
{
	ssize_t type = -1;

	for (size_t i = 0; d->matches && i < d->declared.found.n; i++) {
		if (!means(d, i, function))
			continue;
		/* One about this very card says more than one about its type. */
		if (!d->declared.found.items[i].match[MATCH_CARD_TYPE])
			return (ssize_t)i;
		type = (ssize_t)i;
	}
	return type;
}

int declared_functions(const struct look *look, const struct declaration *d, const struct match *m,
		       struct selection *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->functions.n; i++)
		r = selection_add(ret, m->functions.items[i]);
	if (r < 0 || !d->whole_group || d->match[MATCH_CARD_TYPE] || d->vfs.state == VFIOADM_KNOWN)
		return r;
	return selection_add_groups(ret, look->inv);
}

ssize_t declared_of(const struct look *look, const struct declared_look *d, size_t function)
{
	const struct vfioadm_function *f = &look->inv->functions[function], *pf;
	const struct declaration *items = d->declared.found.items;
	ssize_t i = declared_for(d, function), k = -1;

	if (f->physfn.state == VFIOADM_KNOWN && (i < 0 || items[i].match[MATCH_CARD_TYPE])) {
		pf = vfioadm_inventory_find(look->inv, f->physfn.value);
		k = pf ? declared_for(d, (size_t)(pf - look->inv->functions)) : -1;
	}
	return k >= 0 && items[k].vfs.state == VFIOADM_KNOWN ? k : i;
}

int declared_users(struct look *look, const struct declared_look *d)
{
	_cleanup_free_ bool *wanted = calloc(look->inv->n_functions + 1, sizeof(*wanted));
	bool any = false;

	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; d->matches && i < d->declared.found.n; i++) {
		_cleanup_selection_ struct selection all = { 0 };

		if (declared_functions(look, &d->declared.found.items[i], &d->matches[i], &all) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < all.n; k++) {
			const struct vfioadm_function *f = &look->inv->functions[all.items[k]];

			wanted[all.items[k]] = f->driver.state == VFIOADM_KNOWN && !uint_is(&f->vfio, 1);
			any |= wanted[all.items[k]];
		}
	}
	if (any && observe_uses(look->host, look->inv, wanted) < 0)
		return -ENOMEM;
	return check_verdicts(look->inv);
}

const struct vfioadm_user *selection_in_use(const struct look *look, const struct selection *s,
					    const struct vfioadm_function **ret_function)
{
	const struct vfioadm_user *first = NULL;

	/* One that blocks outweighs all others: what those can be forced by must not give that away. */
	for (size_t i = 0; i < s->n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[s->items[i]];

		for (size_t k = 0; !uint_is(&f->vfio, 1) && k < f->n_users; k++) {
			const struct vfioadm_user *user = f->users[k];

			if (user->severity < VFIOADM_REFUSES || (first && user->severity <= first->severity))
				continue;
			*ret_function = f;
			first = user;
		}
	}
	return first;
}

const char *selection_unseen(const struct look *look, const struct selection *s,
			     const struct vfioadm_function **ret_function)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[s->items[i]];

		if (f->unseen.n > f->n_unseen_minor && !uint_is(&f->vfio, 1)) {
			*ret_function = f;
			return f->unseen.items[0];
		}
	}
	return NULL;
}

bool declared_is_held(const struct vfioadm_ctx *ctx, const struct look *look, const struct vfioadm_function *f)
{
	return look->host->live && hold_is_set(ctx->run_dir, f->address);
}

int hold_released(struct vfioadm_ctx *ctx, struct look *look, const struct selection *assigned,
		  const struct vfioadm_options *o, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_declared_look_ struct declared_look d = { 0 };
	int r = declared_look(ctx, look, &d, err);

	for (size_t i = 0; r == 0 && i < assigned->n; i++) {
		size_t function = assigned->items[i];

		if (declared_of(look, &d, function) < 0)
			continue;
		if (plan_hold(plan, look->inv->functions[function].address, true) < 0)
			r = error_oom(err);
	}
	return r;
}

int let_go_released(struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	for (size_t i = 0, n = plan->n_steps; i < n; i++)
		if (plan->steps[i].op.kind == OP_HOLD && plan_hold(plan, plan->steps[i].op.device, false) < 0)
			return error_oom(err);
	return 0;
}

int let_go_assigned(struct vfioadm_ctx *ctx, const struct look *look, struct vfioadm_plan *plan,
		    struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->selected.n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];

		if (declared_is_held(ctx, look, f) && plan_hold(plan, f->address, false) < 0)
			return error_oom(err);
	}
	return 0;
}

int flow_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **err)
{
	(void)ctx;
	return declared_check_file(file, err);
}
