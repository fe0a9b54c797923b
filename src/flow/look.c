/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "flow/session.h"
#include "flow/settle.h"
#include "policy/driver.h"

/* Of bridges too: they are listed with --all. */
static int search_all_users(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_free_ bool *wanted = calloc(inv->n_functions + 1, sizeof(*wanted));

	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; i < inv->n_functions; i++)
		wanted[i] = true;
	return observe_uses(h, inv, wanted);
}

/* What a run has not let go is not free, whatever its driver link says just now. */
static int add_pending(struct vfioadm_ctx *ctx, struct vfioadm_inventory *inv)
{
	_cleanup_strv_ struct strv pending = { 0 };
	int r = settle_pending(ctx, &pending);

	STRV_FOREACH(i, &pending) {
		struct vfioadm_function *f = r == 0 ? inventory_get(inv, pending.items[i]) : NULL;

		if (f)
			r = observe_add_user(inv, f, "unsettled", "vfioadm",
					     "has a run on it that has not completed");
	}
	return r;
}

int flow_observe(struct vfioadm_ctx *ctx, unsigned facets, struct vfioadm_inventory **ret,
		 struct vfioadm_error **err)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = NULL;
	struct host *h;
	int r = ctx_host(ctx, &h, err);

	if (r == 0)
		r = observe_host(h, &inv, err);
	if (r < 0 || !inv)
		return r;
	if ((facets & VFIOADM_FACET_NAMES) && observe_names(h, inv) < 0)
		return error_oom(err);
	/* Of the other facets, only this one never blocks. */
	for (size_t i = 0; (facets & VFIOADM_FACET_PATH) && i < inv->n_functions; i++)
		if (observe_function(h, inv, &inv->functions[i], VFIOADM_FACET_PATH) < 0)
			return error_oom(err);
	if ((facets & VFIOADM_FACET_USERS) && search_all_users(h, inv) < 0)
		return error_oom(err);
	if (add_pending(ctx, inv) < 0 || check_verdicts(inv) < 0)
		return error_oom(err);
	*ret = TAKE_PTR(inv);
	return 0;
}

void look_clear(struct look *look)
{
	vfioadm_inventory_free(look->inv);
	selection_clear(&look->selected);
	strv_clear(&look->notes);
	look->inv = NULL;
}

static int not_found(const char *text, struct vfioadm_error **err)
{
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "There is no device node \"%s\" on this host.",
		  text);
	error_hint(err, "'vfioadm list' shows what there is.");
	return -ENOENT;
}

static int not_pci(const char *text, struct vfioadm_error **err)
{
	error_set(err, -ENODEV, VFIOADM_E_NOT_FOUND, "%s is not attached to a PCI function.", text);
	error_hint(err, "'vfioadm list' shows the functions with their interfaces and disks.");
	return -ENODEV;
}

/* Follows a node or an interface to its function, which the selector then names by address. */
static int follow(struct look *look, struct selector *s, struct vfioadm_error **err)
{
	_cleanup_free_ char *via = NULL;
	char address[ADDRESS_MAX];
	int r;

	if (s->kind != SELECT_NODE && s->kind != SELECT_INTERFACE)
		return 0;
	r = s->kind == SELECT_NODE ? observe_node_function(look->host, s->text, address, &via) :
				     observe_net_function(look->host, s->text, address);
	if (r == -ENOMEM)
		return error_oom(err);
	if (r == -ENODEV)
		return not_pci(s->text, err);
	/* Selecting will not find it either, but knows which interfaces there are. */
	if (r < 0 && s->kind == SELECT_INTERFACE)
		return 0;
	if (r < 0)
		return not_found(s->text, err);
	if (via && strv_take(&look->notes, str_format("%s is attached to %s (%s); that function is selected.",
						      s->text, address, via)) < 0)
		return error_oom(err);
	s->kind = SELECT_ADDRESS;
	return address_parse(address, &s->address) < 0 ? not_pci(s->text, err) : 0;
}

static int observe_all(struct look *look, unsigned facets, struct vfioadm_error **err)
{
	for (size_t i = 0; facets && i < look->inv->n_functions; i++)
		if (observe_function(look->host, look->inv, &look->inv->functions[i], facets) < 0)
			return error_oom(err);
	return 0;
}

static int look_select(struct look *look, struct selector *parsed, size_t n, bool all_matching,
		       struct vfioadm_error **err)
{
	unsigned facets = 0;
	int r = observe_host(look->host, &look->inv, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		facets |= selector_facets(&parsed[i]);
		r = follow(look, &parsed[i], err);
	}
	if (r == 0)
		r = observe_all(look, facets & ~(unsigned)VFIOADM_FACET_BASIC, err);
	if (r < 0)
		return r;
	return select_functions(look->inv, parsed, n, all_matching, &look->selected, err);
}

static int parse_selectors(const char *const *selectors, size_t n, struct selector *parsed,
			   struct vfioadm_error **err)
{
	if (!n) {
		error_set(err, -EINVAL, VFIOADM_E_USAGE, "No function is named.");
		error_hint(err, "Name one by its address, for example 0000:01:00.0; 'vfioadm list' shows "
				"them.");
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		int r = selector_parse(selectors[i], &parsed[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes the parsed selectors to the functions of this host. */
static int look_at(struct vfioadm_ctx *ctx, struct selector *parsed, size_t n, bool all_matching,
		   struct look *ret, struct vfioadm_error **err)
{
	_cleanup_look_ struct look look = { 0 };
	int r = ctx_host(ctx, &look.host, err);

	if (r == 0)
		r = look_select(&look, parsed, n, all_matching, err);
	if (r == -ENOENT)
		settle_explain_vanished(ctx, err);
	if (r < 0)
		return r;
	*ret = look;
	look = (struct look){ 0 };
	return 0;
}

int flow_look(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n, bool all_matching,
	      struct look *ret, struct vfioadm_error **err)
{
	_cleanup_free_ struct selector *parsed = calloc(n + 1, sizeof(*parsed));
	int r;

	if (!parsed)
		return error_oom(err);
	r = parse_selectors(selectors, n, parsed, err);
	return r < 0 ? r : look_at(ctx, parsed, n, all_matching, ret, err);
}

int flow_begin_change(struct vfioadm_ctx *ctx, const char *const *operands, size_t n,
		      const struct vfioadm_options *o, struct vfioadm_plan *plan, struct host **ret,
		      struct vfioadm_error **err)
{
	int r = ctx_host(ctx, ret, err);

	if (r == 0)
		r = ready_to_change(*ret, o->dry_run, err);
	/* While the lock is taken and the host looked at, the helper starts. */
	if (r == 0 && !o->dry_run)
		host_prepare(*ret, 0);
	if (r == 0 && !o->dry_run)
		r = session_open(ctx, plan, operands, n, err);
	return r;
}

int flow_begin(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
	       const struct vfioadm_options *o, struct vfioadm_plan *plan, struct look *ret,
	       struct vfioadm_error **err)
{
	_cleanup_free_ struct selector *parsed = calloc(n + 1, sizeof(*parsed));
	struct host *h;
	int r;

	if (!parsed)
		return error_oom(err);
	r = flow_check_force(o, err);
	if (r == 0)
		r = parse_selectors(selectors, n, parsed, err);
	if (r == 0)
		r = flow_begin_change(ctx, selectors, n, o, plan, &h, err);
	if (r == 0)
		r = look_at(ctx, parsed, n, o->all_matching, ret, err);
	if (r == 0 && o->group && selection_add_groups(&ret->selected, ret->inv) < 0)
		r = error_oom(err);
	if (r == 0 && session_of(plan))
		r = session_refuse_pending(session_of(plan), ret, err);
	return r;
}

static int closer(struct look *look, struct vfioadm_function *f, unsigned facets)
{
	return observe_function(look->host, look->inv, f, facets & ~f->facets);
}

/* Which VFIO driver assign would choose, and why. */
static int choose_vfio(struct look *look, struct vfioadm_function *f)
{
	const char *driver = NULL;

	if (inventory_never_taken(f)) {
		f->vfio_driver = str_none();
		return 0;
	}
	if (driver_choose_vfio(look->inv, f, NULL, &driver, &f->vfio_driver_reason) < 0)
		return -ENOMEM;
	f->vfio_driver = str_known(driver);
	return 0;
}

/* The selection, and what would have to move along with it. */
static int search_users(struct look *look)
{
	_cleanup_free_ bool *wanted = calloc(look->inv->n_functions + 1, sizeof(*wanted));

	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; i < look->selected.n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];

		wanted[look->selected.items[i]] = true;
		for (size_t j = 0; j < f->companions.n; j++) {
			ssize_t other = inventory_index(look->inv, f->companions.items[j]);

			if (other >= 0 && !inventory_stays_unnamed(&look->inv->functions[other]))
				wanted[other] = true;
		}
	}
	return observe_uses(look->host, look->inv, wanted);
}

int flow_look_closer(struct look *look, unsigned facets, struct vfioadm_error **err)
{
	unsigned with_users;

	if ((facets & VFIOADM_FACET_USERS) && search_users(look) < 0)
		return error_oom(err);
	with_users = facets & VFIOADM_FACET_USERS ? VFIOADM_FACET_IDENTITY : 0;
	facets &= ~(unsigned)VFIOADM_FACET_USERS;
	for (size_t i = 0; i < look->selected.n; i++) {
		struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];

		/* A sentence about who uses a device says which one it is. */
		if (closer(look, f, facets | (f->n_users ? with_users : 0)) < 0)
			return error_oom(err);
		if ((facets & VFIOADM_FACET_DRIVERS) && choose_vfio(look, f) < 0)
			return error_oom(err);
		for (size_t j = 0; j < f->companions.n; j++) {
			struct vfioadm_function *other = inventory_get(look->inv, f->companions.items[j]);

			if (other && closer(look, other, facets & VFIOADM_FACET_NAMES) < 0)
				return error_oom(err);
		}
	}
	if (check_verdicts(look->inv) < 0)
		return error_oom(err);
	return 0;
}
