/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Group members that must come along, and whether they can: advice to take them along is worth nothing where one of
 * them can never leave the host, and comes too early where one is still in use.
 */
#include "policy/check_private.h"

/* ---- for good ---- */

/* Virtual functions can be removed; what else blocks stays as long as the host runs. */
static const struct vfioadm_user *blocking_user(const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_code_info *info = code_info(f->users[i]->code);

		if (info && info->severity == VFIOADM_BLOCKS && !streq(info->code, "in-use-vf"))
			return f->users[i];
	}
	return NULL;
}

int check_never(struct vfioadm_inventory *inv, const struct vfioadm_function *f, const char **ret_why)
{
	const struct vfioadm_user *user = blocking_user(f);

	*ret_why = check_device_says_no(inv, f);
	if (*ret_why || !user)
		return 0;
	/* "mounted at /" becomes a sentence. */
	*ret_why = arena_format(&inv->arena, "%s %s%s", user->what, str_after(user->why, "mounted ") ? "is " : "",
				user->why);
	return *ret_why ? 0 : -ENOMEM;
}

/* vfio-pci takes no function with virtual functions, and without its driver f would not be there. */
static int check_owner(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		       const struct vfioadm_function *other, const char **ret_why)
{
	if (f->physfn.state != VFIOADM_KNOWN || !streq(f->physfn.value, other->address))
		return 0;
	*ret_why = arena_format(&inv->arena, "%s is its virtual function", f->address);
	return *ret_why ? 0 : -ENOMEM;
}

int check_stayer(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		 const struct vfioadm_function **ret, const char **ret_why)
{
	*ret = NULL;
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = vfioadm_inventory_find(inv, f->companions.items[i]);

		if (!other || !check_must_come_along(inv, f, other, false))
			continue;
		if (check_never(inv, other, ret_why) < 0 ||
		    (!*ret_why && check_owner(inv, f, other, ret_why) < 0))
			return -ENOMEM;
		if (*ret_why) {
			*ret = other;
			return 0;
		}
	}
	return 0;
}

int check_group_member(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *other;
	const char *why, *group;

	if (f->bridge || inventory_vmd_of(c->inv, f))
		return 0;
	if (check_stayer(c->inv, f, &other, &why) < 0)
		return -ENOMEM;
	if (!other)
		return 0;
	group = check_group_text(c, f);
	if (!group)
		return -ENOMEM;
	return check_say(c, f, "group-member",
			 SAY(c, "%s shares %s with %s (%s), which cannot leave the host: %s. The group belongs to the "
				"host as a whole.",
			     f->address, group, other->address, other->driver.value, why),
			 "Move the card to a slot with an IOMMU group of its own.");
}

int check_is_held_back(struct checker *c, const struct vfioadm_function *f, bool *ret)
{
	const struct vfioadm_function *other;
	const char *why;

	*ret = false;
	if (check_never(c->inv, f, &why) < 0)
		return -ENOMEM;
	if (why)
		return 0;
	if (check_stayer(c->inv, f, &other, &why) < 0)
		return -ENOMEM;
	*ret = other;
	return 0;
}

/* ---- for now ---- */

const struct vfioadm_user *check_user_in_way(const struct checker *c, const struct vfioadm_function *f, bool releasing)
{
	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_code_info *info = code_info(f->users[i]->code);
		const char *code = info ? info->code : "in-use";
		bool through_vfio = streq(code, "in-use-vfio") || streq(code, "openers-unknown") ||
				    streq(code, "libvirt-running");

		if ((info && info->severity == VFIOADM_WARNS) || check_is_forced(c, code))
			continue;
		if (releasing == through_vfio || streq(code, "libvirt-running"))
			return f->users[i];
	}
	return NULL;
}

const struct vfioadm_user *check_group_in_way(const struct checker *c, const struct vfioadm_function *f, bool releasing,
					      const struct vfioadm_function **ret)
{
	const struct vfioadm_user *user = check_user_in_way(c, f, releasing);

	*ret = f;
	for (size_t i = 0; !user && i < f->companions.n; i++) {
		const struct vfioadm_function *other = vfioadm_inventory_find(c->inv, f->companions.items[i]);

		if (!other || !check_must_come_along(c->inv, f, other, releasing))
			continue;
		*ret = other;
		user = check_user_in_way(c, other, releasing);
	}
	return user;
}
