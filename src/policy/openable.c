/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "policy/check.h"
#include "policy/codes.h"
#include "policy/openable.h"

#define KNOWN(value) ((value).state == VFIOADM_KNOWN)

struct question {
	const struct vfioadm_inventory *inv;
	const struct vfioadm_function *f;
	enum openable_when when;
	const struct openable_with *with;
	struct arena *arena;
	struct obstacles *answers;
};

/* message NULL: memory was short. */
static int answer(struct question *q, const char *code, const char *message, const char *hint)
{
	if (!message || q->answers->n == OBSTACLES_MAX)
		return -ENOMEM;
	q->answers->items[q->answers->n++] = (struct obstacle){code, message, hint};
	return 0;
}

#define SAY(q, ...) arena_format((q)->arena, __VA_ARGS__)

/* ---- the host ---- */

static int ask_iommu(struct question *q)
{
	if (q->when != OPENABLE_NOW || !uint_is(&q->inv->facts.iommu, 0))
		return 0;
	return answer(q, "no-iommu",
		      SAY(q,
			  "%s is on %s, but this host has no active IOMMU: no guest can open it.",
			  q->f->address, q->f->driver.value),
		      q->inv->iommu_advice ? SAY(q, "%s", q->inv->iommu_advice) : NULL);
}

/* The module whose parameter lets guests open functions all the same; NULL: none. */
static const char *unsafe_module(const struct host_facts *facts)
{
	if (!uint_is(&facts->type1.available, 0) && uint_is(&facts->type1.unsafe, 1))
		return "vfio_iommu_type1";
	if (!uint_is(&facts->iommufd.available, 0) && uint_is(&facts->iommufd.unsafe, 1))
		return "iommufd";
	return NULL;
}

/* The module that VFIO's users have for the IOMMU here. */
static const char *backend_module(const struct host_facts *facts)
{
	return uint_is(&facts->type1.available, 1) || !uint_is(&facts->iommufd.available, 1)
		       ? "vfio_iommu_type1"
		       : "iommufd";
}

/* On VFIO without an IOMMU: the kernel's noiommu mode, which is for programs that trust each other. */
static int ask_covered(struct question *q)
{
	bool none = q->f->noiommu || q->f->iommu_group.state == VFIOADM_NONE;

	if (q->when != OPENABLE_NOW || !none || uint_is(&q->inv->facts.iommu, 0))
		return 0;
	return answer(q, "no-group",
		      SAY(q,
			  "%s is on %s without an IOMMU (noiommu mode): programs like DPDK can open it, no guest can.",
			  q->f->address, q->f->driver.value),
		      NULL);
}

static int ask_interrupts(struct question *q)
{
	const struct host_facts *facts = &q->inv->facts;
	const char *module = unsafe_module(facts);

	if (!uint_is(&facts->iommu, 1))
		return 0;
	if (facts->isolated_interrupts.state == VFIOADM_UNKNOWN && facts->interrupt_chip && !module)
		return answer(q, "interrupt-isolation-unknown",
			      SAY(q,
				  "No device of this host uses an ITS yet (%s has %s): if there is "
				  "none, no guest can open "
				  "%s.",
				  facts->interrupt_source, facts->interrupt_chip, q->f->address),
			      NULL);
	if (!uint_is(&facts->isolated_interrupts, 0))
		return 0;
	if (!module)
		return answer(q, "no-interrupt-isolation",
			      SAY(q,
				  "The interrupts of this host are not remapped (%s has %s), so a "
				  "guest could raise those of "
				  "other devices: the kernel lets no guest open %s.",
				  facts->interrupt_source, facts->interrupt_chip, q->f->address),
			      SAY(q,
				  "Enable interrupt remapping (firmware setup; no intremap=off on "
				  "the kernel command line). "
				  "Where every guest is trusted: options %s "
				  "allow_unsafe_interrupts=1 in /etc/modprobe.d.",
				  backend_module(facts)));
	return answer(q, "unsafe-interrupts",
		      SAY(q,
			  "The interrupts of this host are not remapped (%s has %s); only "
			  "allow_unsafe_interrupts of %s lets "
			  "a guest open %s, which could then raise those of other devices.",
			  facts->interrupt_source, facts->interrupt_chip, module, q->f->address),
		      streq(module, "iommufd") && uint_is(&facts->type1.available, 1)
			      ? "Only a guest that is started with iommufd can open it."
			      : NULL);
}

static int ask_backend(struct question *q)
{
	const struct host_facts *facts = &q->inv->facts;

	if (!uint_is(&facts->type1.available, 0) || uint_is(&facts->iommufd.available, 1))
		return 0;
	/* Without vfio-pci there is nothing to open: another finding says so, and comes first. */
	if (uint_is(&facts->vfio_pci_available, 0) || q->inv->vfio_pci_trouble)
		return 0;
	if (facts->type1.trouble)
		return answer(q, "no-vfio-iommu",
			      SAY(q,
				  "The module vfio_iommu_type1 cannot be loaded: %s. Without it no "
				  "guest can open %s.",
				  facts->type1.trouble, q->f->address),
			      SAY(q, "Look at %s.", facts->type1.trouble_source));
	return answer(q, "no-vfio-iommu",
		      SAY(q,
			  "The running kernel has neither vfio_iommu_type1 nor iommufd: no guest "
			  "can open %s.",
			  q->f->address),
		      NULL);
}

static int ask_acs(struct question *q)
{
	if (!q->inv->facts.acs_override || !uint_is(&q->inv->facts.iommu, 1))
		return 0;
	return answer(q, "acs-override",
		      SAY(q,
			  "pcie_acs_override=%s is on the kernel command line: the IOMMU group of "
			  "%s may be smaller than what "
			  "the hardware keeps apart, and a guest could reach other devices.",
			  q->inv->facts.acs_override, q->f->address),
		      NULL);
}

/* ---- the group ---- */

static bool is_with(const struct question *q, const struct vfioadm_function *other)
{
	size_t i = (size_t)(other - q->inv->functions);

	return q->with && ((q->with->selected && selection_has(q->with->selected, i)) ||
			   (q->with->also && selection_has(q->with->also, i)));
}

/* "0000:01:00.2 (xhci_hcd), 0000:01:00.3 (nvidia-gpu)": members that the host drives; n: how many. */
static const char *host_members(struct question *q, bool bridges, size_t *ret_n)
{
	const char *text = "";

	*ret_n = 0;
	for (size_t i = 0; text && i < q->f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(q->inv, q->f->companions.items[i]);

		if (!other || inventory_stays_unnamed(other) != bridges || is_with(q, other) ||
		    check_leaves_group_viable(other))
			continue;
		text = SAY(q, "%s%s%s (%s)", text, *ret_n ? ", " : "", other->address,
			   other->driver.value);
		(*ret_n)++;
	}
	return text;
}

/* What the group is called while it may have no number yet. */
static const char *group_text(struct question *q)
{
	return KNOWN(q->f->iommu_group)
		       ? SAY(q, "its IOMMU group %" PRIu64, q->f->iommu_group.value)
		       : "the IOMMU group that it will be in";
}

static int ask_group(struct question *q)
{
	const char *members, *bridges, *group = group_text(q);
	size_t n, n_bridges;
	int r = 0;

	if (q->when != OPENABLE_NOW)
		return 0;
	members = host_members(q, false, &n);
	bridges = host_members(q, true, &n_bridges);
	if (!members || !bridges || !group)
		return -ENOMEM;
	if (n_bridges)
		r = answer(q, "group-bridge",
			   SAY(q,
			       "%s is on %s, but the host drives the bridge %s of %s: no guest can "
			       "open it.",
			       q->f->address, q->f->driver.value, bridges, group),
			   NULL);
	if (r < 0 || !n)
		return r;
	return answer(q, "group-split",
		      SAY(q, "%s is on %s, but the host drives %s of %s: no guest can open it.",
			  q->f->address, q->f->driver.value, members, group),
		      n_bridges ? "Give it back: the group cannot be assigned."
				: SAY(q, "Take %s along: vfioadm assign --group %s",
				      n == 1 ? "it" : "them", q->f->address));
}

static int ask_reserved(struct question *q)
{
	if (q->when != OPENABLE_NOW)
		return 0;
	for (size_t i = 0; i < q->f->reserved_regions.n; i++) {
		const char *type = strrchr(q->f->reserved_regions.items[i], ' ');

		if (type && streq(type + 1, "direct"))
			return answer(q, "reserved-region",
				      SAY(q,
					  "%s is on %s, but the firmware reserves memory for it "
					  "that the host must map "
					  "(reserved region \"%s\"): no guest can open it.",
					  q->f->address, q->f->driver.value,
					  q->f->reserved_regions.items[i]),
				      NULL);
	}
	return 0;
}

/* ---- the device ---- */

static int ask_answers(struct question *q)
{
	if (q->when != OPENABLE_NOW || !(q->f->facets & VFIOADM_FACET_DETAIL))
		return 0;
	if (q->f->header_type.state == VFIOADM_NONE)
		return answer(q, "gone", check_gone_text(q->arena, q->f),
			      SAY(q,
				  "Power the slot or the host off and on. vfioadm release --park "
				  "%s leaves it without a driver.",
				  q->f->address));
	if (check_header_unreadable(q->f))
		return answer(q, "header-unreadable", check_unreadable_text(q->arena, q->f), NULL);
	return 0;
}

/* vfio-pci removes it from the boot display when it is bound, but from no other function. */
static int ask_framebuffer(struct question *q)
{
	const struct host_facts *facts = &q->inv->facts;
	bool is_vga = KNOWN(q->f->class_code) && q->f->class_code.value >> 8 == 0x0300;

	if (q->when != OPENABLE_NOW && is_vga)
		return 0;
	for (size_t i = 0; i < q->f->n_bars; i++) {
		const struct vfioadm_bar *bar = q->f->bars[i];

		for (size_t k = 0; k < facts->n_framebuffers; k++) {
			const struct framebuffer_range *fb = &facts->framebuffers[k];

			if (bar->io || fb->start > bar->start + (bar->size - 1) ||
			    fb->end < bar->start)
				continue;
			return answer(q, "framebuffer-kept",
				      SAY(q,
					  "The firmware's framebuffer (%s) keeps memory of BAR %u "
					  "of %s, so a guest could not "
					  "use that.",
					  fb->name, bar->index, q->f->address),
				      NULL);
		}
	}
	return 0;
}

static int ask_reset(struct question *q)
{
	if (!uint_is(&q->inv->facts.resets_shown, 1) || q->f->reset_methods.state != VFIOADM_NONE)
		return 0;
	/* Of one that does not answer this is the least. */
	if (q->f->header_type.state == VFIOADM_NONE || check_header_unreadable(q->f))
		return 0;
	return answer(q, "no-reset",
		      SAY(q,
			  "%s has no reset method: the next guest, or the host, finds it as the "
			  "last guest has left it.",
			  q->f->address),
		      NULL);
}

int openable_ask(const struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		 enum openable_when when, const struct openable_with *with, struct arena *arena,
		 struct obstacles *ret)
{
	static int (*const questions[])(struct question * q) = {
		ask_iommu,	ask_covered,	 ask_answers,	 ask_group, ask_reserved, ask_backend,
		ask_interrupts, ask_framebuffer, ask_reset, ask_acs,
	};
	struct question q = {inv, f, when, with, arena, ret};

	ret->n = 0;
	/* What a bridge is to VFIO has been said elsewhere. */
	if (inventory_never_taken(f))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		if (questions[i](&q) < 0)
			return -ENOMEM;
	return 0;
}

const struct obstacle *openable_first(const struct obstacles *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct vfioadm_code_info *info = code_info(all->items[i].code);

		if (!info || info->severity != VFIOADM_WARNS)
			return &all->items[i];
	}
	return NULL;
}
