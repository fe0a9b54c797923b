/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * [Node]: whose the VFIO nodes of declared functions are. Rules of udev say the same for when the kernel makes
 * them; but whoever runs vfioadm and then QEMU must not have to wait for udev in between.
 */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
#include "policy/bootfiles.h"

/* NULL in *ret: it says nothing of nodes. */
static int owner_of(const struct declaration *d, char **ret)
{
	_cleanup_strbuf_ struct strbuf owner = { 0 };

	*ret = NULL;
	if (!bootfiles_node_owner(d, &owner))
		return 0;
	*ret = strbuf_take(&owner);
	return *ret ? 0 : -ENOMEM;
}

/* Found out before anything is moved: what fails then is undone, and the next event asks for it once more. */
static int check_owner(struct host *h, const struct declaration *d, const char *owner, struct vfioadm_error **err)
{
	if (h->ops->own_node(h, NULL, "dev/null", owner, true) != -ESRCH)
		return 0;
	error_set(err, -ESRCH, VFIOADM_E_CONFIG, "%s: the VFIO nodes are to belong to %s%s%s, which this host does not have.",
		  d->file, d->node_user ? d->node_user : "", d->node_user && d->node_group ? ":" : "",
		  d->node_group ? d->node_group : "");
	error_path(err, d->file);
	error_hint(err, "Correct [Node], or add the user or group.");
	return -ESRCH;
}

static int add_step(struct vfioadm_plan *plan, const char *device, const char *owner)
{
	struct op op = { .kind = OP_OWN_NODES,
			 .device = arena_strdup(&plan->arena, device),
			 .value = arena_strdup(&plan->arena, owner) };

	if (!op.device || !op.value)
		return -ENOMEM;
	return plan_add_op(plan, &op, NULL, 0, "give the VFIO nodes of %s to %s", device, owner) ? 0 : -ENOMEM;
}

/* ---- two owners ---- */

static bool shares_group(const struct look *look, const struct match *m, const struct vfioadm_function *f)
{
	for (size_t i = 0; f->iommu_group.state == VFIOADM_KNOWN && i < m->functions.n; i++)
		if (uint_is(&look->inv->functions[m->functions.items[i]].iommu_group, f->iommu_group.value))
			return true;
	return false;
}

/* The physical function's own group is not what is declared of its virtual ones. */
static bool has_nodes(const struct declared_look *d, size_t i)
{
	return d->matches[i].outcome == MATCH_FOUND && d->declared.found.items[i].vfs.state != VFIOADM_KNOWN;
}

ssize_t nodes_rival(const struct look *look, const struct declared_look *d, size_t i, size_t *ret_function)
{
	const struct declarations *found = &d->declared.found;
	const struct selection *own = &d->matches[i].functions;

	for (size_t k = 0; has_nodes(d, i) && k < found->n; k++) {
		if (k == i || !has_nodes(d, k) || bootfiles_same_node_owner(&found->items[i], &found->items[k]))
			continue;
		for (size_t n = 0; n < own->n; n++)
			/* A card type gives way to what is said of one of its cards. */
			if (declared_for(d, own->items[n]) == (ssize_t)i &&
			    shares_group(look, &d->matches[k], &look->inv->functions[own->items[n]])) {
				*ret_function = own->items[n];
				return (ssize_t)k;
			}
	}
	return -1;
}

int nodes_fail_rival(const struct look *look, const struct declared_look *d, size_t i, size_t k,
		     size_t function, struct vfioadm_error **err)
{
	const struct declarations *found = &d->declared.found;
	const struct vfioadm_function *f = &look->inv->functions[function];

	error_set(err, -ENOTUNIQ, VFIOADM_E_CONFIG,
		  "The VFIO node of IOMMU group %u, which %s is in, gets two owners, from %s and %s.",
		  (unsigned)f->iommu_group.value, f->address, found->items[i].file, found->items[k].file);
	error_device(err, f->address);
	error_path(err, found->items[i].file);
	error_hint(err, "A group has one node and goes to one guest: say the same in [Node] of both files.");
	return -ENOTUNIQ;
}

/* ---- steps ---- */

/* Which takes it along with its group: the guest that has the one has the other. */
static ssize_t declared_along(const struct look *look, const struct declared_look *d, size_t function)
{
	const struct declarations *found = &d->declared.found;

	for (size_t i = 0; i < found->n; i++)
		if (has_nodes(d, i) && found->items[i].whole_group &&
		    shares_group(look, &d->matches[i], &look->inv->functions[function]))
			return (ssize_t)i;
	return -1;
}

/* The nodes of a physical function are not what is said of its virtual ones. */
static ssize_t declaration_of(const struct look *look, const struct declared_look *d, size_t function)
{
	ssize_t i = declared_of(look, d, function);

	if (i < 0)
		return declared_along(look, d, function);
	return i >= 0 && d->declared.found.items[i].vfs.state == VFIOADM_KNOWN &&
			       look->inv->functions[function].physfn.state != VFIOADM_KNOWN ?
		       -1 :
		       i;
}

static int plan_one(const struct look *look, const struct declared_look *d, size_t function,
		    struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	ssize_t i = declaration_of(look, d, function), rival;
	_cleanup_free_ char *owner = NULL;
	size_t shared;

	if (i < 0)
		return 0;
	if (owner_of(&d->declared.found.items[i], &owner) < 0)
		return error_oom(err);
	if (!owner)
		return 0;
	rival = nodes_rival(look, d, (size_t)i, &shared);
	if (rival >= 0)
		return nodes_fail_rival(look, d, (size_t)i, (size_t)rival, shared, err);
	if (look->host->live && check_owner(look->host, &d->declared.found.items[i], owner, err) < 0)
		return -ESRCH;
	return add_step(plan, look->inv->functions[function].address, owner) < 0 ? error_oom(err) : 0;
}

static bool any_owner(const struct declarations *found)
{
	_cleanup_strbuf_ struct strbuf owner = { 0 };

	for (size_t i = 0; i < found->n; i++)
		if (bootfiles_node_owner(&found->items[i], &owner))
			return true;
	return false;
}

int nodes_plan(struct vfioadm_ctx *ctx, struct look *look, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_declared_look_ struct declared_look d = { 0 };
	struct vfioadm_error *error = NULL;
	int r;

	if (!ctx->root || !plan->n_steps)
		return 0;
	/* Whoever has none of them pays for reading the files, and not for a look at each declared function. */
	r = declared_read(ctx->root, look->host->live, &d.declared, &error);
	vfioadm_error_free(error);
	if (r < 0 || !any_owner(&d.declared.found))
		return r == -ENOMEM ? error_oom(err) : 0;
	r = declared_match(look, &d, err);
	for (size_t i = 0; r == 0 && i < look->selected.n; i++)
		r = plan_one(look, &d, look->selected.items[i], plan, err);
	return r;
}

int nodes_differ(struct look *look, const struct declaration *d, const struct vfioadm_function *f, char **ret)
{
	_cleanup_free_ char *owner = NULL;
	_cleanup_strv_ struct strv nodes = { 0 };
	int r = look->host->live ? owner_of(d, &owner) : 0;

	*ret = NULL;
	if (r < 0 || !owner)
		return r;
	r = observe_vfio_nodes(look->host, f->address, &nodes);
	for (size_t i = 0; r == 0 && i < nodes.n; i++) {
		int differs = look->host->ops->own_node(look->host, NULL, nodes.items[i], owner, true);

		/* Of what cannot be looked at nothing is known; but to nobody it cannot belong. */
		if (differs != 1 && differs != -ESRCH)
			continue;
		*ret = str_format("/%s", nodes.items[i]);
		return *ret ? 0 : -ENOMEM;
	}
	return r;
}

int nodes_plan_bound(struct look *look, const struct declaration *d, const struct vfioadm_function *f,
		     struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_free_ char *differs = NULL, *owner = NULL;
	int r = nodes_differ(look, d, f, &differs);

	if (r == 0 && differs)
		r = owner_of(d, &owner);
	if (r < 0 || !differs)
		return r < 0 ? error_oom(err) : 0;
	r = check_owner(look->host, d, owner, err);
	if (r < 0)
		return r;
	return add_step(plan, f->address, owner) < 0 ? error_oom(err) : 0;
}
