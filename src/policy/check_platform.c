/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Can the function be given to a virtual machine at all, as it is and where it is? */
#include "policy/check_private.h"
#include "policy/driver.h"

/* ---- the host ---- */

/* The driver that it would get; card types are for plain vfio-pci only. */
static bool goes_to_vfio_pci(const struct checker *c, const struct vfioadm_function *f)
{
	if (c->request->verb == VERB_ENABLE)
		return true;
	if (c->request->driver)
		return driver_name_equal(c->request->driver, "vfio-pci");
	return !KNOWN(f->vfio_driver) || str_is(&f->vfio_driver, "vfio-pci");
}

static int say_no_iommu(struct checker *c, const struct vfioadm_function *f)
{
	const char *advice = c->inv->iommu_advice;

	return check_say(c, f, "no-iommu",
			 SAY(c,
			     "This host has no active IOMMU, and without one %s cannot be given to a "
			     "virtual machine.",
			     f->address),
			 advice ? SAY(c, "%s", advice) : "Turn it on in the firmware.");
}

int check_host(struct checker *c, const struct vfioadm_function *f)
{
	const struct host_facts *facts = &c->inv->facts;
	struct vfioadm_finding *finding;

	if (!c->request->host || inventory_never_taken(f))
		return 0;
	if (uint_is(&facts->iommu, 0) && say_no_iommu(c, f) < 0)
		return -ENOMEM;
	if (c->inv->vfio_pci_trouble && goes_to_vfio_pci(c, f))
		return check_say(c, f, "no-vfio-pci",
				 SAY(c, "vfio-pci, which %s needs, is not loaded and cannot be: %s.", f->address,
				     c->inv->vfio_pci_trouble),
				 c->inv->vfio_pci_remedy);
	if (!uint_is(&facts->vfio_pci_available, 0) || !goes_to_vfio_pci(c, f))
		return 0;
	finding = check_add(c, f, "no-vfio-pci",
			    SAY(c,
				"The running kernel has no vfio-pci driver for %s, neither built in nor "
				"as a module.",
				f->address));
	return finding ? 0 : -ENOMEM;
}

/* ---- the device ---- */

int check_bridge(struct checker *c, const struct vfioadm_function *f)
{
	if (!f->bridge)
		return 0;
	return check_say(c, f, "bridge",
			 SAY(c, "%s is a bridge (class %06" PRIx64 "), and VFIO takes no bridges.", f->address,
			     f->class_code.value),
			 "Assign the functions behind it; bridges of a group stay with the host.");
}

/* vfio-pci takes them as any other endpoint; what the host loses with one depends on the machine. */
static int say_system(struct checker *c, const struct vfioadm_function *f)
{
	static const char *const names[] = { "the host bridge", "the bridge to ISA or LPC", "a bridge to EISA",
					     "a bridge to MCA" };
	const char *name = names[f->class_code.value >> 8 & 3];

	return check_say(c, f, "system-bridge",
			 SAY(c,
			     "%s is %s (class %06" PRIx64 "): a part of the host that firmware and kernel use without "
			     "a driver.",
			     f->address, name, f->class_code.value),
			 "Assign it only where the guest needs this very function; the host may lose what is behind it.");
}

/* One that is to get its card type: it goes when its driver lets it go, at the next boot before that has it. */
int check_system_part(struct checker *c, const struct vfioadm_function *f)
{
	return f->host_part == VFIOADM_PART_SYSTEM && !uint_is(&f->vfio, 1) ? say_system(c, f) : 0;
}

int check_host_part(struct checker *c, const struct vfioadm_function *f)
{
	if (f->host_part == VFIOADM_PART_SYSTEM)
		return c->request->verb == VERB_ENABLE ? 0 : say_system(c, f);
	if (f->host_part != VFIOADM_PART_IOMMU)
		return 0;
	return check_say(c, f, "iommu",
			 SAY(c,
			     "%s is the IOMMU of this host, through which all other functions are assigned; it stays "
			     "with the host.",
			     f->address),
			 "Assign the functions that it covers: 'vfioadm list' shows them.");
}

const char *check_gone_text(struct arena *arena, const struct vfioadm_function *f)
{
	return arena_format(arena,
			    "%s does not answer: all bytes of its configuration space are ff. It is gone, or "
			    "it has no power.",
			    f->address);
}

int check_gone(struct checker *c, const struct vfioadm_function *f)
{
	/* Who was not allowed to look knows nothing, which is not NONE. */
	if (!(f->facets & VFIOADM_FACET_DETAIL) || f->header_type.state != VFIOADM_NONE)
		return 0;
	return check_say(c, f, "gone", check_gone_text(&c->plan->arena, f),
			 "Look at the card and its slot; echo 1 > /sys/bus/pci/rescan finds it again.");
}

/* Endpoint, PCI bridge and CardBus bridge are all that there is. */
bool check_header_unreadable(const struct vfioadm_function *f)
{
	enum { LAST_TYPE = 2 };

	return KNOWN(f->header_type) && f->header_type.value > LAST_TYPE;
}

const char *check_unreadable_text(struct arena *arena, const struct vfioadm_function *f)
{
	return arena_format(arena,
			    "The configuration header of %s is unreadable (type %02" PRIx64 ", which does not exist): the "
			    "device does not answer as it should.",
			    f->address, f->header_type.value);
}

static int say_unreadable(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding =
		check_add(c, f, "header-unreadable", check_unreadable_text(&c->plan->arena, f));

	return finding ? 0 : -ENOMEM;
}

/* The driver of the host would find nothing that answers; without a driver it can wait for a power cycle. */
int check_dead(struct checker *c, const struct vfioadm_function *f)
{
	if (c->request->park || !uint_is(&f->vfio, 1))
		return 0;
	if (check_header_unreadable(f) && !check_said(c, f, "header-unreadable"))
		return say_unreadable(c, f);
	if (!(f->facets & VFIOADM_FACET_DETAIL) || f->header_type.state != VFIOADM_NONE || check_said(c, f, "gone"))
		return 0;
	return check_say(c, f, "gone", check_gone_text(&c->plan->arena, f),
			 SAY(c, "Power the slot or the host off and on. vfioadm release --park %s leaves it without a driver.",
			     f->address));
}

int check_header(struct checker *c, const struct vfioadm_function *f)
{
	/* What it is has been said of a bridge. */
	if (f->bridge || !KNOWN(f->header_type) || f->header_type.value == 0)
		return 0;
	if (check_header_unreadable(f))
		return say_unreadable(c, f);
	return check_say(c, f, "header-type",
			 SAY(c,
			     "The configuration header of %s is of type %" PRIu64 ", that of a bridge; VFIO "
			     "takes endpoints only (type 0).",
			     f->address, f->header_type.value),
			 "Assign the functions behind it.");
}

int check_power(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	if (!str_is(&f->power_state, "D3cold"))
		return 0;
	finding = check_add(c, f, "power-off",
			    SAY(c, "%s is without power now (D3cold).", f->address));
	return finding ? 0 : -ENOMEM;
}

/*
 * vfio-pci refuses to probe these unless its parameter disable_denylist is set: their isolation is flawed
 * in hardware, as the kernel's comment on each says. Virtual functions of the same chips included.
 */
static const struct {
	uint16_t device;
	const char *name;
} denylist[] = {
	{ 0x0435, "QuickAssist DH895xCC" }, { 0x0443, "QuickAssist DH895xCC" },
	{ 0x19e2, "QuickAssist C3xxx" },    { 0x19e3, "QuickAssist C3xxx" },
	{ 0x37c8, "QuickAssist C62x" },	    { 0x37c9, "QuickAssist C62x" },
	{ 0x0b25, "DSA" },		    { 0x0cfe, "IAX" },
};

const char *check_denylisted(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	enum { INTEL = 0x8086 };

	if (!uint_is(&f->vendor, INTEL) || !KNOWN(f->device) || uint_is(&inv->facts.denylist_disabled, 1))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(denylist); i++)
		if (f->device.value == denylist[i].device)
			return denylist[i].name;
	return NULL;
}

int check_denylist(struct checker *c, const struct vfioadm_function *f)
{
	const char *name = check_denylisted(c->inv, f);

	if (!name || !goes_to_vfio_pci(c, f))
		return 0;
	return check_say(c, f, "denylisted",
			 SAY(c,
			     "%s (Intel %s) is on the list of devices that vfio-pci refuses, because a guest "
			     "could harm the host with it.",
			     f->address, name),
			 c->inv->denylist_source ?
				 SAY(c,
				     "disable_denylist is configured (%s), but vfio-pci was loaded without it, and reads it "
				     "only then: reload the module when no guest uses it (modprobe -r vfio_pci, then "
				     "modprobe vfio_pci), or reboot.",
				     c->inv->denylist_source) :
				 "Where every guest is trusted: load vfio-pci with disable_denylist=1, for example in "
				 "/etc/modprobe.d.");
}

/* ---- its place ---- */

int check_vmd(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *vmd = inventory_vmd_of(c->inv, f);
	const struct vfioadm_user *user;
	const char *hint, *never;

	if (!vmd || f->bridge)
		return 0;
	if (check_never(c->inv, vmd, &never) < 0)
		return -ENOMEM;
	user = check_user_in_way(c, vmd, false);
	if (never)
		hint = SAY(c, "Switch VMD off in the firmware's set-up: the controller cannot be assigned, %s.", never);
	else if (user)
		hint = SAY(c, "Switch VMD off in the firmware's set-up; or end the use of the controller (%s %s), then "
			      "assign it with all that is behind it: vfioadm assign %s",
			   user->what, user->why, vmd->address);
	else
		hint = SAY(c, "Assign the controller with all that is behind it (vfioadm assign %s), or switch VMD off "
			      "in the firmware's set-up.",
			   vmd->address);
	return check_say(c, f, "behind-vmd",
			 SAY(c,
			     "%s is behind the VMD controller %s and exists only while the host drives that "
			     "one, so it cannot be given to a virtual machine by itself.",
			     f->address, vmd->address),
			 hint);
}

/* A driver that did not wait for the module of the IOMMU: the group does not come any more. */
static bool is_late_iommu(const struct checker *c, const struct vfioadm_function *f)
{
	return c->inv->facts.iommu_virtio && KNOWN(f->driver);
}

static bool is_without_igfx(const struct checker *c, const struct vfioadm_function *f)
{
	return c->inv->facts.igfx_off && uint_is(&f->vendor, 0x8086) && KNOWN(f->class_code) &&
	       f->class_code.value >> 16 == 0x03;
}

int check_group(struct checker *c, const struct vfioadm_function *f)
{
	struct vfioadm_finding *finding;

	/* A host without any IOMMU is not ready at all, which is another message. */
	if (inventory_never_taken(f) || KNOWN(f->iommu_group) || uint_is(&c->inv->facts.iommu, 0))
		return 0;
	if (f->iommu_group.state == VFIOADM_NONE && is_late_iommu(c, f))
		return check_say(c, f, "no-group",
				 SAY(c,
				     "%s has no IOMMU group: it had the driver %s before virtio_iommu was there, or the "
				     "IOMMU does not cover it.",
				     f->address, f->driver.value),
				 SAY(c,
				     "Put virtio_iommu into the initramfs and reboot; or, once nothing uses it, remove it and "
				     "let it be found again: echo 1 > /sys/bus/pci/devices/%s/remove; "
				     "echo 1 > /sys/bus/pci/rescan",
				     f->address));
	if (f->iommu_group.state == VFIOADM_NONE && is_without_igfx(c, f))
		return check_say(c, f, "no-group",
				 SAY(c, "%s has no IOMMU group: intel_iommu=igfx_off keeps the IOMMU off Intel's graphics.",
				     f->address),
				 "Remove igfx_off from the kernel command line and reboot.");
	if (f->iommu_group.state == VFIOADM_NONE)
		return check_say(c, f, "no-group",
				 SAY(c,
				     "%s has no IOMMU group: the IOMMU of this host does not cover it, so it "
				     "cannot be given to a virtual machine.",
				     f->address),
				 "Move the card to a slot behind the IOMMU, or look for \"bypass\" in the "
				 "firmware's set-up.");
	/* Where groups are made at the first bind absence proves nothing. */
	finding = check_add(c, f, "group-unknown",
			    SAY(c,
				"The IOMMU group of %s is not known yet; the kernel may make it when a "
				"driver is bound.",
				f->address));
	return finding ? 0 : -ENOMEM;
}

int check_reserved(struct checker *c, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->reserved_regions.n; i++) {
		const char *line = f->reserved_regions.items[i];
		const char *type = strrchr(line, ' ');

		/* "direct-relaxable" and "msi" are harmless. */
		if (!type || !streq(type + 1, "direct"))
			continue;
		return check_say(c, f, "reserved-region",
				 SAY(c,
				     "The firmware reserves memory for %s that the host must map for it "
				     "(reserved region \"%s\"), so it cannot be given to a virtual machine.",
				     f->address, line),
				 "Look for a firmware setting that drops the reservation (RMRR, \"shared "
				 "memory\" or system management features of the card).");
	}
	return 0;
}

/* ---- virtual functions ---- */

/* Without ACS virtual functions are in the group of theirs, and cannot be assigned either. */
static bool shares_group_with_vfs(const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->companions.n; i++)
		for (size_t k = 0; k < f->virtfns.n; k++)
			if (streq(f->companions.items[i], f->virtfns.items[k]))
				return true;
	return false;
}

static bool leads_elsewhere(const struct vfioadm_user *user)
{
	const struct vfioadm_code_info *info = code_info(user->code);

	return info && info->severity != VFIOADM_WARNS &&
	       (streq_null(info->kind, "net") || streq_null(info->kind, "block"));
}

/* Removing a virtual function that the host uses takes away what is reached through it, its root file system too. */
static const struct vfioadm_user *user_of_vf(const struct checker *c, const struct vfioadm_function *f,
					     const struct vfioadm_function **ret)
{
	for (size_t i = 0; i < f->virtfns.n; i++) {
		const struct vfioadm_function *vf = vfioadm_inventory_find(c->inv, f->virtfns.items[i]);

		*ret = vf;
		for (size_t k = 0; vf && !uint_is(&vf->vfio, 1) && k < vf->n_users; k++)
			if (leads_elsewhere(vf->users[k]))
				return vf->users[k];
	}
	return NULL;
}

int check_vfs(struct checker *c, const struct vfioadm_function *f)
{
	bool leaves = check_leaves_vfio(c, f) || c->request->verb == VERB_RELEASE;
	const char *why = leaves ? "they go when its driver does" : "vfio-pci takes no physical function that has";
	const struct vfioadm_function *vf = NULL;
	const struct vfioadm_user *user;
	const char *remove;

	if (!f->virtfns.n)
		return 0;
	/* nvme leaves them when it is unbound, igb removes them; without a driver sriov_numvfs takes nothing. */
	if (f->driver.state == VFIOADM_NONE && leaves)
		return 0;
	user = user_of_vf(c, f, &vf);
	if (user)
		remove = SAY(c, "The host uses %s (%s %s): see what 'vfioadm check %s' says before it is removed.",
			     vf->address, user->what, user->why, vf->address);
	else if (f->driver.state == VFIOADM_NONE)
		remove = SAY(c,
			     "Its driver has left them. Give it back and remove them: vfioadm release %s; "
			     "echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs",
			     f->address, f->address);
	else
		remove = SAY(c, "%s: echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs",
			     leaves || shares_group_with_vfs(f) ? "Remove them first" :
						       "Assign the virtual functions instead, or remove them",
			     f->address);
	return check_say(c, f, "has-vfs",
			 SAY(c, "%s has %zu virtual function%s enabled (%s%s), and %s.", f->address,
			     f->virtfns.n, f->virtfns.n == 1 ? "" : "s", f->virtfns.items[0],
			     f->virtfns.n > 1 ? ", …" : "", why),
			 remove);
}

/*
 * The kernel gives a virtual function whose PF is on VFIO the override of that driver (vfio_pci_bus_notifier()): no
 * driver of the host shall trust what a guest controls.
 */
static int say_stays_with_pf(struct checker *c, const struct vfioadm_function *f, const struct vfioadm_function *pf)
{
	return check_say(c, f, "pf-on-vfio",
			 SAY(c,
			     "The physical function %s of %s is itself on %s: whoever holds it controls this virtual "
			     "function, which is kept from the host's drivers for that reason.",
			     pf->address, f->address, pf->driver.value),
			 SAY(c,
			     "Leave it without a driver (vfioadm release --park %s), or remove the virtual functions "
			     "(echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs).",
			     f->address, pf->address));
}

const struct vfioadm_function *check_pf_on_vfio(const struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *pf =
		KNOWN(f->physfn) ? vfioadm_inventory_find(c->inv, f->physfn.value) : NULL;

	return pf && uint_is(&pf->vfio, 1) ? pf : NULL;
}

int check_physfn(struct checker *c, const struct vfioadm_function *f)
{
	const struct vfioadm_function *pf = check_pf_on_vfio(c, f);

	if (!pf)
		return 0;
	/* With its PF, which is refused until its virtual functions are gone. */
	if (c->request->verb == VERB_RELEASE)
		return c->request->park ? 0 : say_stays_with_pf(c, f, pf);
	return check_say(c, f, "pf-on-vfio",
			 SAY(c,
			     "The physical function %s of %s is itself on %s: whoever holds it controls this "
			     "virtual function, and users need its VF token.",
			     pf->address, f->address, pf->driver.value),
			 SAY(c,
			     "Remove the virtual functions first (echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs), then "
			     "release the physical function and create them again: vfioadm release %s",
			     pf->address, pf->address));
}

/* ---- card types ---- */

int check_variant(struct checker *c, const struct vfioadm_function *f)
{
	if (!f->vfio_variants.n || str_is(&f->driver, "vfio-pci"))
		return 0;
	return check_say(c, f, "variant",
			 SAY(c,
			     "%s has a VFIO driver of its own, %s, which takes functions by name only; "
			     "enabling its card type gives it to plain vfio-pci.",
			     f->address, driver_of_vfio_module(f->vfio_variants.items[0])),
			 SAY(c, "For the variant driver: vfioadm assign %s", f->address));
}
