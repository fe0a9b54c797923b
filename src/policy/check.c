/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "policy/check.h"
#include "policy/codes.h"
#include "policy/driver.h"

struct checker {
	struct vfioadm_inventory *inv;
	const struct check_request *request;
	struct vfioadm_plan *plan;
	bool refused;
};

static bool forced(const struct checker *c, const char *code)
{
	for (size_t i = 0; i < c->request->n_force; i++)
		if (streq(c->request->force[i], code))
			return true;
	return false;
}

/* What stands: code, device, message, and a hint where there is one. A forced finding becomes a warning. */
static struct vfioadm_finding *add(struct checker *c, const struct vfioadm_function *f, const char *code,
				   enum vfioadm_severity severity, bool forceable, const char *message)
{
	struct vfioadm_finding *finding = plan_add_finding(c->plan);

	if (!finding || !message)
		return NULL;
	*finding = (struct vfioadm_finding){ .code = code, .severity = severity, .forceable = forceable,
					     .message = message };
	if (f) {
		finding->device = arena_strdup(&c->plan->arena, f->address);
		if (!finding->device)
			return NULL;
	}
	if (severity == VFIOADM_REFUSES && forceable && forced(c, code))
		finding->severity = VFIOADM_WARNS;
	c->refused |= finding->severity != VFIOADM_WARNS;
	return finding;
}

#define SAY(c, ...)  arena_format(&(c)->plan->arena, __VA_ARGS__)
#define KNOWN(value) ((value).state == VFIOADM_KNOWN)

static bool is_selected(const struct checker *c, const struct vfioadm_function *f)
{
	return selection_has(c->request->selected, (size_t)(f - c->inv->functions));
}

static const struct vfioadm_function *companion(const struct checker *c,
						const struct vfioadm_function *f, size_t i)
{
	return vfioadm_inventory_find(c->inv, f->companions.items[i]);
}

/* ---- can it work at all ---- */

static int check_bridge(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	if (!f->bridge)
		return 0;
	finding = add(c, f, "bridge", VFIOADM_BLOCKS, false,
		      SAY(c, "%s is a bridge (class %06" PRIx64 "), and VFIO takes no bridges.", f->address,
			  f->class_code.value));
	if (!finding)
		return -ENOMEM;
	finding->hint = "Assign the functions behind it; bridges of a group stay with the host.";
	return 0;
}

static int check_group(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	/* A host without any IOMMU is not ready at all, which is another message. */
	if (f->bridge || KNOWN(f->iommu_group) || uint_is(&c->inv->facts.iommu, 0))
		return 0;
	/* arm64 before 6.15 makes groups at the first bind: absence proves nothing there. */
	if (f->iommu_group.state == VFIOADM_UNKNOWN)
		finding = add(c, f, "group-unknown", VFIOADM_WARNS, false,
			      SAY(c,
				  "The IOMMU group of %s is not known yet; the kernel may make it when a "
				  "driver is bound.",
				  f->address));
	else
		finding = add(c, f, "no-group", VFIOADM_BLOCKS, false,
			      SAY(c,
				  "%s has no IOMMU group: the IOMMU of this host does not cover it, so it "
				  "cannot be given to a virtual machine.",
				  f->address));
	if (!finding)
		return -ENOMEM;
	if (finding->severity == VFIOADM_BLOCKS)
		finding->hint = "Move the card to a slot behind the IOMMU, or look for \"bypass\" in "
				"the firmware's set-up.";
	return 0;
}

static int check_reserved(struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->reserved_regions.n; i++) {
		const char *line = f->reserved_regions.items[i];
		const char *type = strrchr(line, ' ');
		struct vfioadm_finding *finding;

		/* "direct-relaxable" and "msi" are harmless. */
		if (!type || !streq(type + 1, "direct"))
			continue;
		finding = add(c, f, "reserved-region", VFIOADM_BLOCKS, false,
			      SAY(c,
				  "The firmware reserves memory for %s that the host must map for it "
				  "(reserved region \"%s\"), so it cannot be given to a virtual machine.",
				  f->address, line));
		if (!finding)
			return -ENOMEM;
		finding->hint = "Look for a firmware setting that drops the reservation (RMRR, \"shared "
				"memory\" or system management features of the card).";
		return 0;
	}
	return 0;
}

static int check_vfs(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	if (!f->virtfns.n)
		return 0;
	finding = add(c, f, "has-vfs", VFIOADM_BLOCKS, false,
		      SAY(c,
			  "%s has %zu virtual function%s enabled (%s%s), and vfio-pci takes no physical "
			  "function that has.",
			  f->address, f->virtfns.n, f->virtfns.n == 1 ? "" : "s", f->virtfns.items[0],
			  f->virtfns.n > 1 ? ", …" : ""));
	if (!finding)
		return -ENOMEM;
	finding->hint = SAY(c, "Assign the virtual functions instead, or remove them: echo 0 > "
			       "/sys/bus/pci/devices/%s/sriov_numvfs",
			    f->address);
	return finding->hint ? 0 : -ENOMEM;
}

static int check_physfn(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *pf;
	struct vfioadm_finding *finding;

	pf = KNOWN(f->physfn) ? vfioadm_inventory_find(c->inv, f->physfn.value) : NULL;
	if (!pf || !uint_is(&pf->vfio, 1))
		return 0;
	finding = add(c, f, "pf-on-vfio", VFIOADM_REFUSES, true,
		      SAY(c,
			  "The physical function %s of %s is itself on %s: whoever holds it controls this "
			  "virtual function, and users need its VF token.",
			  pf->address, f->address, pf->driver.value));
	if (!finding)
		return -ENOMEM;
	finding->hint = SAY(c, "Release the physical function first: vfioadm release %s", pf->address);
	return finding->hint ? 0 : -ENOMEM;
}

static int check_vmd(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *vmd = inventory_vmd_of(c->inv, f);
	struct vfioadm_finding *finding;

	if (!vmd || f->bridge)
		return 0;
	finding = add(c, f, "behind-vmd", VFIOADM_BLOCKS, false,
		      SAY(c,
			  "%s is behind the VMD controller %s and exists only while the host drives that "
			  "one, so it cannot be given to a virtual machine by itself.",
			  f->address, vmd->address));
	if (!finding)
		return -ENOMEM;
	finding->hint = SAY(c, "Assign the controller with all that is behind it (vfioadm assign %s), or "
			       "switch VMD off in the firmware's set-up.",
			    vmd->address);
	return finding->hint ? 0 : -ENOMEM;
}

/* ---- the group ---- */

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

const struct vfioadm_function *check_blocking_bridge(const struct vfioadm_inventory *inv,
						     const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(inv, f->companions.items[i]);

		if (other && other->bridge && !check_leaves_group_viable(other))
			return other;
	}
	return NULL;
}

static int say_split(struct checker *c, const struct vfioadm_function *f, const struct strbuf *others,
		     size_t n)
{
	bool releasing = c->request->verb == VERB_RELEASE;
	struct vfioadm_finding *finding = add(
		c, f, "group-split", VFIOADM_REFUSES, false,
		SAY(c, "%s shares IOMMU group %" PRIu64 " with %s, which %s: a group belongs to %s as a whole.",
		    f->address, f->iommu_group.value, others->s,
		    !releasing ? "the host drives" : n == 1 ? "stays on VFIO" : "stay on VFIO",
		    releasing ? "the host" : "VFIO"));

	if (!finding)
		return -ENOMEM;
	if (c->request->verb == VERB_ENABLE)
		finding->hint = SAY(c, "Take the whole group at once: vfioadm assign --group %s",
				    f->address);
	else
		finding->hint = SAY(c, "Take %s along: vfioadm %s --group %s", n == 1 ? "it" : "them",
				    releasing ? "release" : "assign", f->address);
	return finding->hint ? 0 : -ENOMEM;
}

static bool splits(const struct checker *c, const struct vfioadm_function *f,
		   const struct vfioadm_function *other)
{
	if (is_selected(c, other) || other->bridge)
		return false;
	/* What is behind a VMD controller goes with it. */
	if (inventory_vmd_of(c->inv, other) == f)
		return false;
	if (c->request->verb == VERB_RELEASE)
		return uint_is(&other->vfio, 1);
	return !check_leaves_group_viable(other);
}

/*
 * Assigning: a companion that keeps its host driver makes the group unusable. Releasing: a native driver
 * in a group that VFIO holds is refused by the kernel, and crashed kernels before 5.19.
 */
static int check_split(struct checker *c, const struct vfioadm_function *f)
{
	_cleanup_strbuf_ struct strbuf others = { 0 };
	size_t n = 0;

	/* To the functions behind a VMD controller it is no advice to take the controller along. */
	if (f->bridge || inventory_vmd_of(c->inv, f))
		return 0;
	/* Nor is it one to take others along where a bridge spoils the group anyway. */
	if (c->request->verb != VERB_RELEASE && check_blocking_bridge(c->inv, f))
		return 0;
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = companion(c, f, i);

		if (!other || !splits(c, f, other))
			continue;
		strbuf_addf(&others, "%s%s (%s)", n ? ", " : "", other->address, other->driver.value);
		n++;
	}
	if (others.failed)
		return -ENOMEM;
	return n ? say_split(c, f, &others, n) : 0;
}

static int check_group_bridge(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *bridge = check_blocking_bridge(c->inv, f);
	struct vfioadm_finding *finding;

	if (!bridge)
		return 0;
	finding = add(c, f, "group-bridge", VFIOADM_BLOCKS, false,
		      SAY(c,
			  "%s shares IOMMU group %" PRIu64 " with the bridge %s, whose driver %s keeps the "
			  "group for the host.",
			  f->address, f->iommu_group.value, bridge->address, bridge->driver.value));
	if (!finding)
		return -ENOMEM;
	finding->hint = SAY(c, "Move the card to a slot with a group of its own, or unbind %s from %s if "
			       "the host can do without it.",
			    bridge->address, bridge->driver.value);
	return finding->hint ? 0 : -ENOMEM;
}

/* ---- the host's use ---- */

static int check_users(struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_user *u = &f->users[i];
		const char *code = u->code;
		struct vfioadm_finding *finding;

		/* check_vfs() has said it, with a way out. */
		if (f->virtfns.n && streq(code, "in-use-vf"))
			continue;
		finding = add(c, f, code, u->severity, u->forceable,
			    SAY(c, "The host uses %s: %s %s.", f->address, u->what, u->why));

		if (!finding)
			return -ENOMEM;
		finding->hint = !u->forceable ? SAY(c, "It cannot be taken from the running host.") :
				finding->severity == VFIOADM_WARNS ?
						SAY(c, "This was overridden by --force %s.", code) :
						SAY(c,
						    "Stop using it first; if you are sure, add --force %s.",
						    code);
		if (!finding->hint)
			return -ENOMEM;
	}
	return 0;
}

/* ---- card types ---- */

static int check_variant(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	if (!f->vfio_variants.n || str_is(&f->driver, "vfio-pci"))
		return 0;
	finding = add(c, f, "variant", VFIOADM_WARNS, false,
		      SAY(c,
			  "%s has a VFIO driver of its own, %s, which takes functions by name only; "
			  "enabling its card type gives it to plain vfio-pci.",
			  f->address, driver_of_vfio_module(f->vfio_variants.items[0])));
	if (!finding)
		return -ENOMEM;
	finding->hint = SAY(c, "For the variant driver: vfioadm assign %s", f->address);
	return finding->hint ? 0 : -ENOMEM;
}

/* ---- the table ---- */

enum { ASSIGN = 1 << VERB_ASSIGN, RELEASE = 1 << VERB_RELEASE, ENABLE = 1 << VERB_ENABLE };

static const struct check {
	unsigned verbs;
	unsigned facets;
	int (*run)(struct checker *c, const struct vfioadm_function *f);
	bool mentioned; /* also for functions that do not move now */
} checks[] = {
	{ ASSIGN, VFIOADM_FACET_BASIC, check_bridge },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_vmd },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_group },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_reserved },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_vfs },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_physfn },
	{ ASSIGN | ENABLE | RELEASE, VFIOADM_FACET_BASIC, check_split },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_group_bridge },
	{ ASSIGN | ENABLE, VFIOADM_FACET_USERS, check_users },
	{ ENABLE, VFIOADM_FACET_DRIVERS, check_variant, true },
};

unsigned check_facets(enum verb verb)
{
	unsigned facets = VFIOADM_FACET_BASIC;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].verbs & 1u << verb)
			facets |= checks[i].facets;
	return facets;
}

/* What stays where it is needs no permission: an assigned function, or one that is not assigned. */
static bool moves(const struct checker *c, const struct vfioadm_function *f)
{
	if (c->request->assigned)
		return selection_has(c->request->assigned, (size_t)(f - c->inv->functions));
	return uint_is(&f->vfio, 1) == (c->request->verb == VERB_RELEASE);
}

static int run_on(struct checker *c, const struct selection *functions, bool mentioned)
{
	for (size_t s = 0; s < functions->n; s++) {
		const struct vfioadm_function *f = &c->inv->functions[functions->items[s]];

		for (size_t i = 0; i < ARRAY_SIZE(checks) && (mentioned || moves(c, f)); i++)
			if ((checks[i].verbs & 1u << c->request->verb) &&
			    checks[i].mentioned == mentioned && checks[i].run(c, f) < 0)
				return -ENOMEM;
	}
	return 0;
}

int check_run(struct vfioadm_inventory *inv, const struct check_request *request,
	      struct vfioadm_plan *plan, bool *ret_refused)
{
	struct checker c = { .inv = inv, .request = request, .plan = plan };
	int r = run_on(&c, request->selected, false);

	if (r == 0 && request->mentioned)
		r = run_on(&c, request->mentioned, true);
	if (r == 0)
		*ret_refused = c.refused;
	return r;
}

bool check_forceable(const char *code)
{
	const struct vfioadm_code_info *info = code_info(code);

	return info && info->forceable;
}
