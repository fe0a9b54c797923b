/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An IOMMU group belongs to one side as a whole. */
#include "policy/check_private.h"

static const struct vfioadm_function *companion(const struct checker *c,
						const struct vfioadm_function *f, size_t i)
{
	return vfioadm_inventory_find(c->inv, f->companions.items[i]);
}

/*
 * Drivers that do not own the group's DMA (driver_managed_dma in the kernel): a group with them stays
 * viable for VFIO.
 */
bool check_leaves_group_viable(const struct vfioadm_function *f)
{
	static const char *const harmless[] = { "pcieport", "pci-stub" };

	if (f->driver.state != VFIOADM_KNOWN || driver_name_is_vfio(f->driver.value))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (streq(f->driver.value, harmless[i]))
			return true;
	return false;
}

/* A bridge or a part of the host that has a driver and does not move. */
static bool keeps_group(const struct vfioadm_function *f)
{
	return inventory_stays_unnamed(f) && !check_leaves_group_viable(f);
}

const struct vfioadm_function *check_blocking_bridge(const struct vfioadm_inventory *inv,
						     const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(inv, f->companions.items[i]);

		if (other && keeps_group(other))
			return other;
	}
	return NULL;
}

/* One that is named itself moves along. */
static const struct vfioadm_function *blocking_bridge(const struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = companion(c, f, i);

		if (other && keeps_group(other) && !check_is_selected(c, other))
			return other;
	}
	return NULL;
}

/* ---- split ---- */

/* "IOMMU group 5", or what it will be in: the group may be made at the first bind only. */
const char *check_group_text(struct checker *c, const struct vfioadm_function *f)
{
	return KNOWN(f->iommu_group) ? SAY(c, "IOMMU group %" PRIu64, f->iommu_group.value) : "an IOMMU group to come";
}

static int say_split(struct checker *c, const struct vfioadm_function *f, const struct strbuf *others,
		     size_t n)
{
	bool releasing = c->request->verb == VERB_RELEASE;
	const char *message, *hint, *group = check_group_text(c, f);
	const char *them = n == 1 ? "it" : "them", *verb = releasing ? "release" : "assign";
	/* What is taken along by hand stays with the host at the next boot. */
	const char *option = c->request->declared ? "--persist --group" : "--group";
	const struct vfioadm_function *used;
	const struct vfioadm_user *user = check_group_in_way(c, f, releasing, &used);

	if (!group)
		return -ENOMEM;
	message = SAY(c, "%s shares %s with %s, which %s: a group belongs to %s as a whole.", f->address,
		      group, others->s,
		      !releasing ? "the host drives" : n == 1 ? "stays on VFIO" : "stay on VFIO",
		      releasing ? "the host" : "VFIO");
	/* The same command that is told of must not be refused for another reason. */
	if (user)
		hint = SAY(c, "End the use of %s first (%s %s); then take %s along: vfioadm %s %s %s", used->address,
			   user->what, user->why, them, verb, option, f->address);
	else if (c->request->verb == VERB_ENABLE)
		hint = SAY(c, "Take the whole group at once: vfioadm assign --group %s", f->address);
	else
		hint = SAY(c, c->request->declared ? "Declare %s as well: vfioadm %s %s %s" :
						     "Take %s along: vfioadm %s %s %s", them, verb, option, f->address);
	return check_say(c, f, "group-split", message, hint);
}

bool check_must_come_along(const struct vfioadm_inventory *inv, const struct vfioadm_function *f,
			   const struct vfioadm_function *companion, bool releasing)
{
	if (companion->bridge || (!releasing && inventory_stays_unnamed(companion)))
		return false;
	/* What is behind a VMD controller goes with it. */
	if (inventory_vmd_of(inv, companion) == f)
		return false;
	return releasing ? uint_is(&companion->vfio, 1) : !check_leaves_group_viable(companion);
}

/*
 * Assigning: a companion that keeps its host driver makes the group unusable. Releasing: a native driver
 * in a group that VFIO holds is refused by the kernel, and crashed kernels before 5.19.
 */
int check_split(struct checker *c, const struct vfioadm_function *f)
{
	_cleanup_strbuf_ struct strbuf others = { 0 };
	bool releasing = c->request->verb == VERB_RELEASE;
	const struct vfioadm_function *stayer;
	const char *why;
	size_t n = 0;

	/* To the functions behind a VMD controller it is no advice to take the controller along. */
	if (f->bridge || inventory_vmd_of(c->inv, f))
		return 0;
	/* Nor is it one to take others along where a bridge spoils the group anyway. */
	if (!releasing && blocking_bridge(c, f))
		return 0;
	/* Or where the function has no group itself. */
	if (!releasing && f->iommu_group.state == VFIOADM_NONE)
		return 0;
	/* Or where a member never can: check_group_member() says so. */
	if (!releasing && check_stayer(c->inv, f, &stayer, &why) < 0)
		return -ENOMEM;
	if (!releasing && stayer)
		return 0;
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = companion(c, f, i);

		if (!other || check_is_selected(c, other) ||
		    !check_must_come_along(c->inv, f, other, releasing))
			continue;
		strbuf_addf(&others, "%s%s (%s)", n ? ", " : "", other->address, other->driver.value);
		n++;
	}
	if (others.failed)
		return -ENOMEM;
	return n ? say_split(c, f, &others, n) : 0;
}

int check_group_bridge(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *bridge = blocking_bridge(c, f);
	const char *group;

	if (!bridge)
		return 0;
	group = check_group_text(c, f);
	if (!group)
		return -ENOMEM;
	return check_say(c, f, "group-bridge",
			 SAY(c,
			     "%s shares %s with the bridge %s, whose driver %s keeps the group for the host.",
			     f->address, group, bridge->address, bridge->driver.value),
			 SAY(c,
			     "Move the card to a slot with a group of its own, or unbind %s from %s if the "
			     "host can do without it.",
			     bridge->address, bridge->driver.value));
}

/* ---- what an earlier run left ---- */

static bool is_pending(const struct checker *c, const char *address)
{
	for (size_t i = 0; i < c->request->n_pending; i++)
		if (streq(c->request->pending[i], address))
			return true;
	return false;
}

/* The group changes hands as one: who waits for a companion waits for this one too. */
int check_unsettled(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *stuck = is_pending(c, f->address) ? f : NULL;
	struct vfioadm_finding *finding;
	const char *group;

	for (size_t i = 0; !stuck && i < f->companions.n; i++)
		if (is_pending(c, f->companions.items[i]))
			stuck = companion(c, f, i);
	if (!stuck)
		return 0;
	group = check_group_text(c, f);
	if (!group)
		return -ENOMEM;
	finding = check_add(c, f, "unsettled",
			    stuck == f ?
				    SAY(c, "The kernel still holds a step of an earlier run on %s.", f->address) :
				    SAY(c,
					"The kernel still holds a step of an earlier run on %s, which shares "
					"%s with %s.",
					stuck->address, group, f->address));
	return finding ? 0 : -ENOMEM;
}
