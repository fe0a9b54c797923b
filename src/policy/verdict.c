/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict of a listing: what BASIC facts alone say, first that applies. */
#include <inttypes.h>

#include "policy/check.h"

static const char *not_assignable(struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->bridge)
		return "VFIO takes no bridges";
	if (uint_is(&inv->facts.iommu, 0))
		return "this host has no active IOMMU";
	if (f->iommu_group.state == VFIOADM_NONE)
		return "it has no IOMMU group";
	for (size_t i = 0; i < f->reserved_regions.n; i++) {
		const char *type = __builtin_strrchr(f->reserved_regions.items[i], ' ');

		if (type && __builtin_strcmp(type, " direct") == 0)
			return "the firmware reserves memory for it (direct region)";
	}
	return NULL;
}

/* Companions on a driver of the host, which would have to come along. */
static size_t needed_companions(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(inv, f->companions.items[i]);

		n += other && !other->bridge && other->driver.state == VFIOADM_KNOWN &&
		     !uint_is(&other->vfio, 1) && !str_is(&other->driver, "pci-stub");
	}
	return n;
}

static int verdict_of(struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	size_t needed;

	if (uint_is(&f->vfio, 1)) {
		f->verdict = VFIOADM_VERDICT_ASSIGNED;
		return 0;
	}
	f->verdict_reason = not_assignable(inv, f);
	if (f->verdict_reason) {
		f->verdict = VFIOADM_VERDICT_NOT_ASSIGNABLE;
		return 0;
	}
	if (f->n_users) {
		f->verdict = VFIOADM_VERDICT_IN_USE;
		f->verdict_reason = arena_format(&inv->arena, "%s %s", f->users[0].what, f->users[0].why);
		return f->verdict_reason ? 0 : -ENOMEM;
	}
	needed = needed_companions(inv, f);
	if (needed) {
		f->verdict = VFIOADM_VERDICT_NEEDS_GROUP;
		f->verdict_reason = arena_format(&inv->arena,
						 "%zu other function%s of IOMMU group %" PRIu64
						 " must come along (--group)",
						 needed, needed == 1 ? "" : "s", f->iommu_group.value);
		return f->verdict_reason ? 0 : -ENOMEM;
	}
	/* Without a known group (and on arm64 before 6.15 there may be none yet) nothing speaks against it. */
	if (f->iommu_group.state == VFIOADM_KNOWN || uint_is(&inv->facts.groups_late, 1))
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
