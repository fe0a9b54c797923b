/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Card types overlap: new_id refuses an ID that a wider one covers, and remove_id drops the first ID that
 * the given one fits, which may be a narrower one that somebody still wants.
 */
#include "policy/check.h"
#include "policy/codes.h"

static int add(struct vfioadm_plan *plan, const char *code, const char *message, const char *hint)
{
	struct vfioadm_finding *finding = plan_add_finding(plan);
	const struct vfioadm_code_info *info = code_info(code);

	if (!finding || !message || !hint)
		return -ENOMEM;
	finding->code = code;
	finding->severity = info ? info->severity : VFIOADM_REFUSES;
	finding->forceable = info && info->forceable;
	finding->message = message;
	finding->hint = hint;
	return 0;
}

static int say_useless(struct vfioadm_plan *plan, const struct cardtype *type, const struct vfioadm_function *f)
{
	bool iommu = f && f->host_part == VFIOADM_PART_IOMMU;
	char name[CARDTYPE_MAX];
	int r;

	cardtype_format(type, name);
	r = add(plan, iommu ? "iommu" : "bridge",
		!f    ? arena_format(&plan->arena,
				     "Card type %s fits PCI bridges only, by its class, and vfio-pci takes none.", name) :
		iommu ? arena_format(&plan->arena, "Card type %s fits only the IOMMU of this host (%s), which no driver "
						    "but its own can have.",
				     name, f->address) :
			arena_format(&plan->arena, "Card type %s fits only bridges here (%s), and vfio-pci takes none.",
				     name, f->address),
		"'vfioadm list' shows the IDs of the functions that can be assigned.");
	if (r == 0)
		plan->result = VFIOADM_RESULT_REFUSED;
	return r;
}

/* The kernel drops the class of what says that it is one without having the header of one. */
bool check_type_of_bridges(const struct cardtype *type)
{
	enum { PCI_BRIDGE = 0x060400, INTERFACE = 0xff };

	return (type->class_mask & ~INTERFACE) == 0xffff00 && (type->class_code & ~INTERFACE) == PCI_BRIDGE;
}

int check_types_useless(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv, const struct cardtype *types,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_function *never = NULL;
		bool useful = false;

		for (size_t j = 0; j < inv->n_functions; j++) {
			const struct vfioadm_function *f = &inv->functions[j];

			if (!cardtype_matches(&types[i], f))
				continue;
			useful |= !inventory_never_taken(f);
			never = never ? never : f;
		}
		if (!useful && (never || check_type_of_bridges(&types[i])) && say_useless(plan, &types[i], never) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void swap(struct cardtype *a, struct cardtype *b)
{
	struct cardtype t = *a;

	*a = *b;
	*b = t;
}

static int say_covered(struct vfioadm_plan *plan, const struct cardtype *type, const struct cardtype *wide)
{
	char name[CARDTYPE_MAX], wide_name[CARDTYPE_MAX];

	cardtype_format(type, name);
	cardtype_format(wide, wide_name);
	return add(plan, "covered",
		   arena_format(&plan->arena, "Card type %s is part of %s, which is enabled already.", name,
				wide_name),
		   arena_format(&plan->arena, "To have %s alone, take the wider one back first: vfioadm "
					      "disable %s",
				name, wide_name));
}

static const struct cardtype *find_cover(const struct cardtype *type, const struct cardtype *held, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!cardtype_equal(&held[i], type) && cardtype_covers(&held[i], type))
			return &held[i];
	return NULL;
}

int check_types_enable(struct vfioadm_plan *plan, struct cardtype *types, size_t n,
		       const struct cardtype *held, size_t n_held, size_t *ret_n_new)
{
	size_t n_new = 0;

	for (size_t i = 0; i < n; i++) {
		const struct cardtype *wide = find_cover(&types[i], held, n_held);

		if (!wide)
			swap(&types[i], &types[n_new++]);
		else if (say_covered(plan, &types[i], wide) < 0)
			return -ENOMEM;
	}
	*ret_n_new = n_new;
	return 0;
}

static bool named(const struct cardtype *types, size_t n, const struct cardtype *type)
{
	for (size_t i = 0; i < n; i++)
		if (cardtype_equal(&types[i], type))
			return true;
	return false;
}

static int say_overlap(struct vfioadm_plan *plan, const struct cardtype *type, const struct cardtype *other)
{
	char name[CARDTYPE_MAX], other_name[CARDTYPE_MAX];

	cardtype_format(type, name);
	cardtype_format(other, other_name);
	plan->result = VFIOADM_RESULT_REFUSED;
	return add(plan, "id-overlap",
		   arena_format(&plan->arena,
				"Card type %s includes %s, which is enabled as well, and the kernel may drop "
				"that one in its place.",
				name, other_name),
		   arena_format(&plan->arena, "Take both back, and enable again what you want to keep: "
					      "vfioadm disable %s %s",
				other_name, name));
}

int check_types_disable(struct vfioadm_plan *plan, struct cardtype *types, size_t n,
			const struct cardtype *held, size_t n_held)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (cardtype_removes(&types[i], &types[j]))
				swap(&types[i], &types[j]);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n_held; j++)
			if (!named(types, n, &held[j]) && cardtype_removes(&types[i], &held[j]) &&
			    say_overlap(plan, &types[i], &held[j]) < 0)
				return -ENOMEM;
	return 0;
}

static bool is_forced(const char *code, const char *const *force, size_t n)
{
	const struct vfioadm_code_info *info = code_info(code);

	for (size_t i = 0; i < n; i++)
		if (streq(force[i], code))
			return info && info->forceable;
	return false;
}

/* The last finding refuses, unless it is forced. */
static void refuse(struct vfioadm_plan *plan, const char *code, const char *const *force, size_t n_force)
{
	struct vfioadm_finding *finding = &plan->findings[plan->n_findings - 1];

	if (finding->severity == VFIOADM_WARNS)
		return;
	if (finding->severity != VFIOADM_BLOCKS && is_forced(code, force, n_force)) {
		finding->severity = VFIOADM_WARNS;
		return;
	}
	plan->result = VFIOADM_RESULT_REFUSED;
	plan->n_steps = 0;
}

int check_type_needed(struct vfioadm_plan *plan, const struct vfioadm_function *f,
		      const struct vfioadm_user *user, const char *const *force, size_t n_force)
{
	/* What can never be taken while the host runs can never be taken before it has booted. */
	const char *code = user->severity == VFIOADM_BLOCKS ? user->code : "needed-at-boot";
	int r = add(plan, code,
		    arena_format(&plan->arena, "%s has this card type, and the host uses it: %s %s. At the next "
					       "boot it would be given to vfio-pci before that.",
				 f->address, user->what, user->why),
		    arena_strdup(&plan->arena, "Declare the other functions one by one with 'vfioadm assign "
					       "--persist', or stop using this one."));

	if (r == 0)
		refuse(plan, code, force, n_force);
	return r;
}

int check_type_unseen(struct vfioadm_plan *plan, const struct vfioadm_function *f, const char *text,
		      const char *const *force, size_t n_force)
{
	bool known = f->vendor.state == VFIOADM_KNOWN && f->device.state == VFIOADM_KNOWN;
	int r = add(plan, "not-looked-at",
		    arena_format(&plan->arena, "%s %s this card type, and it is not known whether the host uses it: %s",
				 f->address, known ? "has" : "may have", text),
		    arena_strdup(&plan->arena, "At the next boot it would be given to vfio-pci before anything else is "
					       "looked at. Declare the other functions one by one with 'vfioadm assign "
					       "--persist'."));

	if (r == 0)
		refuse(plan, "not-looked-at", force, n_force);
	return r;
}

int check_perhaps_declared(struct vfioadm_plan *plan, const char *what, const char *file)
{
	return add(plan, "still-declared",
		   arena_format(&plan->arena, "%s has an error: whether it declares %s is not known.", file, what),
		   arena_strdup(&plan->arena, "'vfioadm config check' says which; correct the file or remove it."));
}

int check_still_declared(struct vfioadm_plan *plan, const struct vfioadm_function *f, const char *type)
{
	return add(plan, "still-declared",
		   arena_format(&plan->arena, "Card type %s goes on declaring %s, which is assigned again when the "
					      "host boots.",
				type, f->address),
		   arena_format(&plan->arena, "To keep all of this type for the host: vfioadm disable --persist %s",
				type));
}
