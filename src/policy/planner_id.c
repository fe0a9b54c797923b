/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable and disable: steps for card types. */
#include <string.h>

#include "base/str.h"
#include "policy/planner.h"

#define VFIO_PCI "vfio-pci"

bool cardtypes_match(const struct cardtype *types, size_t n, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < n; i++)
		if (cardtype_matches(&types[i], f))
			return true;
	return false;
}

/* pci_match_device(): an override that names another driver beats every ID. */
static bool override_allows(const struct vfioadm_function *f)
{
	return f->driver_override.state != VFIOADM_KNOWN || str_is(&f->driver_override, VFIO_PCI);
}

/* The kernel refuses header types other than 0, whatever the class, and lets no driver have an IOMMU. */
static bool takes_at_once(const struct vfioadm_function *f)
{
	return f->driver.state == VFIOADM_NONE && !inventory_never_taken(f) && override_allows(f);
}

int plan_enable_taken(const struct vfioadm_inventory *inv, const struct cardtype *types, size_t n,
		      struct selection *ret)
{
	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];

		if (cardtypes_match(types, n, f) && takes_at_once(f) && selection_add(ret, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Would remove_id of the wide one drop this one in its place? */
static bool narrower(const struct cardtype *type, const struct cardtype *wide)
{
	return !cardtype_equal(type, wide) && cardtype_removes(wide, type);
}

static struct op id_op(enum op_kind kind, const struct cardtype *type, const char *value)
{
	return (struct op){ .kind = kind, .driver = VFIO_PCI, .type = *type, .value = value };
}

static const char *new_id_value(struct vfioadm_plan *plan, const struct cardtype *type)
{
	char value[CARDTYPE_MAX];

	cardtype_format_new_id(type, value);
	return arena_strdup(&plan->arena, value);
}

enum { PARAMETER_MAX = 1023 };

/*
 * How many of them the module's parameter holds: the kernel refuses the load when it is longer. The
 * others follow through new_id.
 */
static size_t fitting(const struct cardtype *types, size_t n)
{
	char value[CARDTYPE_MAX];
	size_t length = 0, i;

	for (i = 0; i < n; i++) {
		cardtype_format_parameter(&types[i], value);
		length += strlen(value) + (i ? 1 : 0);
		if (length > PARAMETER_MAX)
			break;
	}
	return i;
}

static char *ids_parameter(struct vfioadm_plan *plan, const struct cardtype *types, size_t n)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *joined = NULL;
	char value[CARDTYPE_MAX];

	strbuf_addf(&text, "ids=");
	for (size_t i = 0; i < n; i++) {
		cardtype_format_parameter(&types[i], value);
		strbuf_addf(&text, "%s%s", i ? "," : "", value);
	}
	joined = strbuf_take(&text);
	return joined ? arena_strdup(&plan->arena, joined) : NULL;
}

/* Is this one of "ids=a,b,c"? */
static bool has_id(const char *options, const char *id)
{
	size_t n = strlen(id);

	for (const char *p = options + strlen("ids="); *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && memcmp(p, id, n) == 0)
			return true;
	return false;
}

int plan_load_with(struct vfioadm_plan *plan, struct step *step, const struct cardtype *types, size_t n)
{
	const char *ours = step->op.options ? step->op.options : "ids=";
	size_t room = PARAMETER_MAX + strlen("ids=") - strlen(ours);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	char value[CARDTYPE_MAX];

	strbuf_addf(&text, "ids=");
	for (size_t i = 0; i < n; i++) {
		cardtype_format_parameter(&types[i], value);
		if (text.len - strlen("ids=") + strlen(value) + 1 > room)
			break;
		/* The driver would have it twice, and lose it only once. */
		if (!has_id(ours, value))
			strbuf_addf(&text, "%s,", value);
	}
	strbuf_addf(&text, "%s", ours + strlen("ids="));
	if (text.failed)
		return -ENOMEM;
	if (text.s[text.len - 1] == ',')
		text.s[text.len - 1] = '\0';
	step->op.options = arena_strdup(&plan->arena, text.s);
	step->pub.text = streq(text.s, "ids=") ?
				 arena_format(&plan->arena, "load module %s without card types", step->op.value) :
				 arena_format(&plan->arena, "load module %s with %s", step->op.value, text.s);
	return step->op.options && step->pub.text ? 0 : -ENOMEM;
}

/* The undo of the load: the module stays, but its IDs go, and what they took is let go. */
static int add_load_with_ids(struct vfioadm_plan *plan, const struct cardtype *types, size_t n,
			     const struct op *release, size_t n_release)
{
	_cleanup_free_ struct op *undo = calloc(n + n_release, sizeof(*undo));
	struct op op = { .kind = OP_LOAD_MODULE, .driver = VFIO_PCI, .value = "vfio_pci" };

	op.options = ids_parameter(plan, types, n);
	if (!undo || !op.options)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		undo[i] = id_op(OP_REMOVE_ID, &types[i], new_id_value(plan, &types[i]));
		if (!undo[i].value)
			return -ENOMEM;
	}
	if (n_release)
		memcpy(undo + n, release, n_release * sizeof(*undo));
	return plan_add_op(plan, &op, undo, n + n_release, "load module vfio_pci with %s", op.options) ?
		       0 :
		       -ENOMEM;
}

/*
 * remove_id drops the first ID that the given one fits: a narrower one that was there before. So as many are
 * dropped as there are, and the narrower ones are given back.
 */
static size_t undo_new_id(struct vfioadm_plan *plan, const struct op *add, const struct cardtype *held,
			  size_t n_held, struct op *undo)
{
	size_t n = 0;

	for (size_t i = 0; i < n_held; i++)
		if (narrower(&held[i], &add->type))
			undo[n++] = id_op(OP_REMOVE_ID, &add->type, add->value);
	undo[n++] = id_op(OP_REMOVE_ID, &add->type, add->value);
	for (size_t i = 0; i < n_held; i++)
		if (narrower(&held[i], &add->type))
			undo[n++] = id_op(OP_ADD_ID, &held[i], new_id_value(plan, &held[i]));
	return n;
}

static int add_new_id(struct vfioadm_plan *plan, const struct cardtype *type, const struct cardtype *held,
		      size_t n_held, const struct op *release, size_t n_release)
{
	_cleanup_free_ struct op *undo = calloc(2 * n_held + 1 + n_release, sizeof(*undo));
	struct op op = id_op(OP_ADD_ID, type, new_id_value(plan, type));
	char name[CARDTYPE_MAX];
	size_t n;

	if (!undo || !op.value)
		return -ENOMEM;
	n = undo_new_id(plan, &op, held, n_held, undo);
	if (n_release)
		memcpy(undo + n, release, n_release * sizeof(*undo));
	cardtype_format(type, name);
	return plan_add_op(plan, &op, undo, n + n_release, "give card type %s to vfio-pci", name) ?
		       0 :
		       -ENOMEM;
}

static int add_save_id(struct vfioadm_plan *plan, const struct cardtype *type)
{
	struct op op = { .kind = OP_SAVE_ID, .driver = VFIO_PCI, .type = *type };
	struct op undo = { .kind = OP_DROP_ID, .driver = VFIO_PCI, .type = *type };
	char name[CARDTYPE_MAX];

	cardtype_format(type, name);
	return plan_add_op(plan, &op, &undo, 1, "remember card type %s as enabled", name) ? 0 : -ENOMEM;
}

/*
 * An ID that was there already takes nothing when it is written again (EEXIST comes before the attach),
 * so that functions freed since then are bound one by one. Where the ID has taken them, this finds
 * nothing to do.
 */
static int add_bind(struct vfioadm_plan *plan, const char *device)
{
	struct op op = { .kind = OP_BIND, .device = device, .driver = VFIO_PCI, .value = device };
	struct op undo = { .kind = OP_UNBIND, .device = device, .driver = VFIO_PCI, .value = device };

	return plan_add_op(plan, &op, &undo, 1, "verify that %s is bound to vfio-pci", device) ? 0 : -ENOMEM;
}

static const char *outcome_note(const struct vfioadm_function *f, bool taken)
{
	if (taken)
		return "now";
	if (f->bridge)
		return "never: vfio-pci takes no bridges";
	if (f->host_part == VFIOADM_PART_IOMMU)
		return "never: it is the IOMMU itself";
	if (str_is(&f->driver, VFIO_PCI))
		return "is on vfio-pci already";
	if (uint_is(&f->vfio, 1))
		return "stays: is on a VFIO driver already";
	if (f->driver.state == VFIOADM_KNOWN)
		return "stays for now; vfio-pci may take it once it is unbound";
	if (f->driver.state == VFIOADM_UNKNOWN)
		return "stays: whether it has a driver could not be read";
	return "stays: its driver_override names another driver";
}

static struct target *add_target(struct vfioadm_plan *plan, const struct vfioadm_function *f, bool taken)
{
	struct target *t = plan_add_target(plan);

	if (!t)
		return NULL;
	t->pub.device = arena_strdup(&plan->arena, f->address);
	t->pub.taken = t->check = taken;
	t->pub.note = outcome_note(f, taken);
	if (f->driver.state == VFIOADM_KNOWN)
		t->pub.before = arena_strdup(&plan->arena, f->driver.value);
	t->pub.wanted = taken ? VFIO_PCI : t->pub.before;
	if (f->driver_override.state == VFIOADM_KNOWN)
		t->override_before = arena_strdup(&plan->arena, f->driver_override.value);
	return t->pub.device ? t : NULL;
}

static int add_targets(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		       const struct cardtype *types, size_t n, const struct selection *taken)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		if (cardtypes_match(types, n, &inv->functions[i]) &&
		    !add_target(plan, &inv->functions[i], selection_has(taken, i)))
			return -ENOMEM;
	return 0;
}

/* What takes back the binding of every function that these types take at once. */
static int release_ops(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		       const struct cardtype *types, size_t n, const struct selection *taken,
		       struct op **ret, size_t *ret_n)
{
	struct op *ops = calloc(taken->n + 1, sizeof(*ops));
	size_t used = 0;

	if (!ops)
		return -ENOMEM;
	for (size_t i = 0; i < taken->n; i++) {
		const struct vfioadm_function *f = &inv->functions[taken->items[i]];
		const char *device;

		if (!cardtypes_match(types, n, f))
			continue;
		device = arena_strdup(&plan->arena, f->address);
		if (!device) {
			free(ops);
			return -ENOMEM;
		}
		ops[used++] = (struct op){
			.kind = OP_UNBIND, .device = device, .driver = VFIO_PCI, .value = device
		};
	}
	*ret = ops;
	*ret_n = used;
	return 0;
}

/* all: what the driver holds before, then the types: each of them is held when its turn is over. */
static int add_ids(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		   const struct cardtype *all, size_t n_held, size_t n, const struct selection *taken,
		   bool load)
{
	const struct cardtype *types = all + n_held;
	/* Loading gives many IDs at once; else each is a step of its own, and takes what matches it. */
	size_t at_once = load ? fitting(types, n) : 1;

	for (size_t i = 0; i < n; i += at_once, at_once = 1, load = false) {
		_cleanup_free_ struct op *release = NULL;
		size_t n_release = 0;
		int r = release_ops(plan, inv, types + i, at_once, taken, &release, &n_release);

		if (r == 0)
			r = load ? add_load_with_ids(plan, types, at_once, release, n_release) :
				   add_new_id(plan, &types[i], all, n_held + i, release, n_release);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_enable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		const struct cardtype *types, size_t n, size_t n_new, const struct cardtype *held,
		size_t n_held, const struct selection *taken, bool load)
{
	_cleanup_free_ struct cardtype *all = calloc(n_held + n_new + 1, sizeof(*all));
	int r = all ? add_targets(plan, inv, types, n, taken) : -ENOMEM;

	if (r < 0)
		return r;
	if (n_held)
		memcpy(all, held, n_held * sizeof(*all));
	if (n_new)
		memcpy(all + n_held, types, n_new * sizeof(*all));
	r = add_ids(plan, inv, all, n_held, n_new, taken, load);
	for (size_t i = 0; r == 0 && i < plan->n_targets; i++)
		if (plan->targets[i].pub.taken)
			r = add_bind(plan, plan->targets[i].pub.device);
	for (size_t i = 0; r == 0 && i < n_new; i++)
		r = add_save_id(plan, &types[i]);
	plan->result = plan->n_steps ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	/* A driver that could not be copied must not pass for none. */
	return plan->arena.failed ? -ENOMEM : r;
}

/*
 * The undo writes new_id, which takes whatever is free: what was free before is let go again. With a seventh
 * field, which vfio-pci ignores, the kernel does not look whether a wider ID covers this one.
 */
static int add_remove_id(struct vfioadm_plan *plan, const struct cardtype *type,
			 const struct op *release, size_t n_release)
{
	_cleanup_free_ struct op *undo = calloc(1 + n_release, sizeof(*undo));
	struct op op = id_op(OP_REMOVE_ID, type, new_id_value(plan, type));
	char name[CARDTYPE_MAX];

	if (!undo || !op.value)
		return -ENOMEM;
	undo[0] = id_op(OP_ADD_ID, type, arena_format(&plan->arena, "%s 0", op.value));
	if (n_release)
		memcpy(undo + 1, release, n_release * sizeof(*undo));
	cardtype_format(type, name);
	return plan_add_op(plan, &op, undo, 1 + n_release, "take card type %s from vfio-pci", name) ?
		       0 :
		       -ENOMEM;
}

static int add_remove_ids(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
			  const struct cardtype *types, size_t n)
{
	_cleanup_selection_ struct selection free_now = { 0 };
	int r = plan_enable_taken(inv, types, n, &free_now);

	for (size_t i = 0; r == 0 && i < n; i++) {
		_cleanup_free_ struct op *release = NULL;
		size_t n_release = 0;

		r = release_ops(plan, inv, &types[i], 1, &free_now, &release, &n_release);
		if (r == 0)
			r = add_remove_id(plan, &types[i], release, n_release);
	}
	return r;
}

static int add_drop_id(struct vfioadm_plan *plan, const struct cardtype *type)
{
	struct op op = { .kind = OP_DROP_ID, .driver = VFIO_PCI, .type = *type };
	struct op undo = { .kind = OP_SAVE_ID, .driver = VFIO_PCI, .type = *type };
	char name[CARDTYPE_MAX];

	cardtype_format(type, name);
	return plan_add_op(plan, &op, &undo, 1, "forget card type %s", name) ? 0 : -ENOMEM;
}

/* remove_id unbinds nothing. */
static void note_disabled(struct vfioadm_outcome *o)
{
	bool bound = o->before && driver_name_is_vfio(o->before);

	o->note = bound ? "stays bound; give it back with 'vfioadm release'" : "is not assigned";
}

int plan_disable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		 const struct cardtype *types, size_t n, bool registered)
{
	struct selection none = { 0 };
	int r = add_targets(plan, inv, types, n, &none);

	if (r == 0 && registered)
		r = add_remove_ids(plan, inv, types, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_drop_id(plan, &types[i]);
	for (size_t i = 0; r == 0 && i < plan->n_targets; i++)
		note_disabled(&plan->targets[i].pub);
	plan->result = plan->n_steps ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	/* A driver that could not be copied must not pass for none. */
	return plan->arena.failed ? -ENOMEM : r;
}
