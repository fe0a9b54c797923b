/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict of a listing: what BASIC facts alone say, first that applies. */
#include <inttypes.h>

#include "policy/check.h"
#include "policy/codes.h"
#include "policy/openable.h"

const char *check_device_says_no(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->bridge)
		return "VFIO takes no bridges";
	if (f->host_part == VFIOADM_PART_IOMMU)
		return "it is the IOMMU itself";
	if ((f->facets & VFIOADM_FACET_DETAIL) && f->header_type.state == VFIOADM_NONE)
		return "it does not answer: it is gone, or has no power";
	if (check_header_unreadable(f))
		return "its configuration header is unreadable";
	if (f->header_type.state == VFIOADM_KNOWN && f->header_type.value != 0)
		return "its configuration header is not that of an endpoint";
	/* A variant driver has a list of its own. */
	if (check_denylisted(inv, f) &&
	    (f->vfio_driver.state != VFIOADM_KNOWN || str_is(&f->vfio_driver, "vfio-pci")))
		return "it is on the list of devices that vfio-pci refuses (disable_denylist)";
	return NULL;
}

/* How the machine has it: no program changes that. */
static const char *machine_says_no(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->iommu_group.state == VFIOADM_NONE && !uint_is(&inv->facts.iommu, 0))
		return "it has no IOMMU group";
	for (size_t i = 0; i < f->reserved_regions.n; i++) {
		const char *type = __builtin_strrchr(f->reserved_regions.items[i], ' ');

		if (type && __builtin_strcmp(type, " direct") == 0)
			return "the firmware reserves memory for it (direct region)";
	}
	return NULL;
}

const char *check_fits_nobody(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	const char *why = check_device_says_no(inv, f);

	return why ? why : machine_says_no(inv, f);
}

/* What of the host prevents it. */
static const char *host_says_no(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (uint_is(&inv->facts.iommu, 0))
		return "this host has no active IOMMU";
	/* Known where drivers were looked at. */
	if (uint_is(&inv->facts.vfio_pci_available, 0) &&
	    (f->vfio_driver.state != VFIOADM_KNOWN || str_is(&f->vfio_driver, "vfio-pci")))
		return "the running kernel has no vfio-pci driver";
	return machine_says_no(inv, f);
}

/* What spoils its group, or its place. */
static int place_says_no(struct vfioadm_inventory *inv, const struct vfioadm_function *f, const char **ret_reason)
{
	const struct vfioadm_function *other;
	const char *why;

	*ret_reason = NULL;
	if ((other = inventory_vmd_of(inv, f))) {
		*ret_reason = arena_format(&inv->arena, "it is behind the VMD controller %s", other->address);
	} else if ((other = check_blocking_bridge(inv, f))) {
		*ret_reason = arena_format(&inv->arena, "the bridge %s of its IOMMU group is driven by the host (%s)",
					   other->address, other->driver.value);
	} else {
		if (check_stayer(inv, f, &other, &why) < 0)
			return -ENOMEM;
		if (!other)
			return 0;
		*ret_reason = arena_format(&inv->arena, "%s of its IOMMU group cannot leave the host: %s",
					   other->address, why);
	}
	return *ret_reason ? 0 : -ENOMEM;
}

static int not_assignable(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
			  const char **ret_reason)
{
	*ret_reason = check_device_says_no(inv, f);
	if (!*ret_reason)
		*ret_reason = host_says_no(inv, f);
	return *ret_reason ? 0 : place_says_no(inv, f, ret_reason);
}

/* The host's driver is bound to it, and no guest could open it. */
static int reason_of_assigned(struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	const struct obstacle *first;
	struct obstacles all;

	if (openable_ask(inv, f, OPENABLE_NOW, NULL, &inv->arena, &all) < 0)
		return -ENOMEM;
	first = openable_first(&all);
	f->verdict_reason = first ? first->message : NULL;
	return 0;
}

/* What keeps any guest from it, though the host would let it go. */
static int reason_of_host(struct vfioadm_inventory *inv, const struct vfioadm_function *f, const char **ret_reason)
{
	const struct obstacle *first;
	struct obstacles all;

	if (openable_ask(inv, f, OPENABLE_BEFORE, NULL, &inv->arena, &all) < 0)
		return -ENOMEM;
	first = openable_first(&all);
	*ret_reason = first ? first->message : NULL;
	return 0;
}

/* Companions on a driver of the host, which would have to come along. */
static size_t needed_companions(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(inv, f->companions.items[i]);

		n += other && check_must_come_along(inv, f, other, false);
	}
	return n;
}

/* The strongest: one that cannot be overridden. */
static const struct vfioadm_user *telling_user(const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++)
		if (f->users[i]->severity == VFIOADM_BLOCKS)
			return f->users[i];
	for (size_t i = 0; i < f->n_users; i++)
		if (f->users[i]->severity != VFIOADM_WARNS)
			return f->users[i];
	return f->users[0];
}

/* How much each user weighs; what only warns is no use. Returns the number of those that count. */
static size_t weigh_users(const struct vfioadm_function *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_users; i++) {
		struct vfioadm_user *user = (struct vfioadm_user *)f->users[i];
		const struct vfioadm_code_info *info = code_info(user->code);

		user->kind = info && info->kind ? info->kind : "other";
		user->severity = info ? info->severity : VFIOADM_REFUSES;
		user->forceable = info && info->forceable;
		n += user->severity != VFIOADM_WARNS;
	}
	return n;
}

/* It may have none yet, though it is foreseen who will be in it. NULL: memory was short. */
static const char *group_text(struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->iommu_group.state != VFIOADM_KNOWN)
		return "its IOMMU group";
	return arena_format(&inv->arena, "IOMMU group %" PRIu64, f->iommu_group.value);
}

static int verdict_of(struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	const struct vfioadm_user *user;
	const char *group;
	size_t needed, n_users = weigh_users(f);

	/* It may have been found before less was known. */
	f->verdict = VFIOADM_VERDICT_UNKNOWN;
	f->verdict_reason = NULL;
	if (uint_is(&f->vfio, 1)) {
		f->verdict = VFIOADM_VERDICT_ASSIGNED;
		return reason_of_assigned(inv, f);
	}
	if (not_assignable(inv, f, &f->verdict_reason) < 0 ||
	    (!f->verdict_reason && reason_of_host(inv, f, &f->verdict_reason) < 0))
		return -ENOMEM;
	if (f->verdict_reason) {
		f->verdict = VFIOADM_VERDICT_NOT_ASSIGNABLE;
		return 0;
	}
	if (n_users) {
		f->verdict = VFIOADM_VERDICT_IN_USE;
		user = telling_user(f);
		f->verdict_reason = arena_format(&inv->arena, "%s %s", user->what, user->why);
		return f->verdict_reason ? 0 : -ENOMEM;
	}
	/* It may be used or not; check says the same by not-looked-at. */
	if (f->unseen.n > f->n_unseen_minor) {
		f->verdict_reason = arena_format(&inv->arena, "not everything could be looked at: %s",
						 f->unseen.items[0]);
		return f->verdict_reason ? 0 : -ENOMEM;
	}
	needed = needed_companions(inv, f);
	if (needed) {
		f->verdict = VFIOADM_VERDICT_NEEDS_GROUP;
		group = group_text(inv, f);
		f->verdict_reason = group ? arena_format(&inv->arena,
							 "%zu other function%s of %s must come along (--group)",
							 needed, needed == 1 ? "" : "s", group) :
					    NULL;
		return f->verdict_reason ? 0 : -ENOMEM;
	}
	/*
	 * What is no bridge for all that is known might be one. Without a known group (where groups are made at
	 * the first bind there may be none yet) nothing speaks against it.
	 */
	if (f->class_code.state == VFIOADM_KNOWN && f->driver.state != VFIOADM_UNKNOWN &&
	    (f->iommu_group.state == VFIOADM_KNOWN || uint_is(&inv->facts.groups_late, 1)))
		f->verdict = VFIOADM_VERDICT_ASSIGNABLE;
	return 0;
}

int check_verdicts(struct vfioadm_inventory *inv)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		if (verdict_of(inv, &inv->functions[i]) < 0)
			return -ENOMEM;
	return 0;
}
