/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What declaring a card type would take from the host, and the drivers that have such cards now. */
#include "base/error.h"
#include "flow/persist.h"
#include "flow/session.h"

/* One whose IDs could not be read may have any card type. */
static bool may_match(const struct cardtype *type, const struct vfioadm_function *f)
{
	return cardtype_matches(type, f) || f->vendor.state == VFIOADM_UNKNOWN || f->device.state == VFIOADM_UNKNOWN;
}

/*
 * What the host uses now it uses at the next boot, and there a card type is given away before anything else is
 * looked at: root, swap and the network would not be there.
 */
static int refuse_needed(struct persist *p, const struct cardtype *type, struct vfioadm_error **err)
{
	CLEANUP(selection_clear) struct selection functions = { 0 };
	const struct vfioadm_function *f, *in_doubt;
	const struct vfioadm_user *user;
	const char *unseen;

	for (size_t i = 0; i < p->look->inv->n_functions; i++)
		if (may_match(type, &p->look->inv->functions[i]) && !p->look->inv->functions[i].bridge &&
		    selection_add(&functions, i) < 0)
			return error_oom(err);
	user = selection_in_use(p->look, &functions, &f);
	unseen = selection_unseen(p->look, &functions, &in_doubt);
	if (user && check_type_needed(p->plan, f, user, p->options->force, p->options->n_force) < 0)
		return error_oom(err);
	if (unseen && check_type_unseen(p->plan, in_doubt, unseen, p->options->force, p->options->n_force) < 0)
		return error_oom(err);
	return 0;
}

/* Whether the host could boot with these types given away. */
static int search_type_users(struct persist *p, const struct cardtype *types, size_t n,
			     struct vfioadm_error **err)
{
	_cleanup_free_ bool *wanted = calloc(p->look->inv->n_functions + 1, sizeof(*wanted));

	if (!wanted)
		return error_oom(err);
	for (size_t i = 0; i < p->look->inv->n_functions; i++) {
		const struct vfioadm_function *f = &p->look->inv->functions[i];

		wanted[i] = cardtypes_match(types, n, f) && f->driver.state == VFIOADM_KNOWN &&
			    !uint_is(&f->vfio, 1) && !f->bridge;
	}
	if (observe_uses(p->look->host, p->look->inv, wanted) < 0 || check_verdicts(p->look->inv) < 0)
		return error_oom(err);
	/* Who mounts such a disk at this instant would be told that it is in use: not for what is not even moved. */
	return session_of(p->plan) && !p->options->unattended ?
		       session_try_disks(session_of(p->plan), p->look, wanted, err) :
		       0;
}

int persist_modules_of_types(struct persist *p, const struct cardtype *types, size_t n,
			    struct vfioadm_error **err)
{
	for (size_t i = 0; i < p->look->inv->n_functions; i++) {
		struct vfioadm_function *f = &p->look->inv->functions[i];

		if (cardtypes_match(types, n, f) && persist_add_modules(p, f) < 0)
			return error_oom(err);
	}
	return 0;
}

int persist_refuse_needed(struct persist *p, const struct cardtype *types, size_t n, struct vfioadm_error **err)
{
	int r = search_type_users(p, types, n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = refuse_needed(p, &types[i], err);
	return r;
}
