/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds for the host as a whole, and what to do where it has no IOMMU. */
#include <limits.h>

#include "host/module_setup.h"
#include "host/observe_private.h"

/* ---- the machine ---- */

static enum host_machine machine_by_iommu(const char *unit)
{
	static const struct {
		const char *prefix;
		enum host_machine machine;
	} units[] = {
		{"dmar", MACHINE_INTEL},     {"ivhd", MACHINE_AMD},	   {"smmu", MACHINE_ARM64},
		{"arm-smmu", MACHINE_ARM64}, {"s390-iommu", MACHINE_S390},
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (str_after(unit, units[i].prefix))
			return units[i].machine;
	return MACHINE_OTHER;
}

/* /proc/cpuinfo is long on large hosts, and its first lines tell all. */
static enum host_machine machine_by_cpu(struct host *h)
{
	enum host_machine machine = MACHINE_OTHER;
	const char *text;
	size_t size;

	if (h->ops->map(h, "proc/cpuinfo", &text, &size) < 0)
		return machine;
	if (strstr(text, "GenuineIntel"))
		machine = MACHINE_INTEL;
	else if (strstr(text, "AuthenticAMD") || strstr(text, "HygonGenuine"))
		machine = MACHINE_AMD;
	else if (strstr(text, "CPU implementer"))
		machine = MACHINE_ARM64;
	else if (strstr(text, "IBM/S390"))
		machine = MACHINE_S390;
	h->ops->unmap(h, text, size);
	return machine;
}

/* An IOMMU that the kernel leaves alone has no unit, but the firmware describes it all the same. */
static enum host_machine machine_by_firmware(struct host *h)
{
	if (host_exists(h, "sys/firmware/acpi/tables/DMAR"))
		return MACHINE_INTEL;
	if (host_exists(h, "sys/firmware/acpi/tables/IVRS"))
		return MACHINE_AMD;
	return MACHINE_OTHER;
}

/*
 * Intel's and AMD's IOMMU and that of s390 give a function its group when it is found. The others are described by
 * tables that the kernel before 6.15 looks into when a driver is first tried, and until then the function has no
 * group: Arm's SMMU, virtio-iommu (on x86-64 as well), and whatever else there is.
 */
static bool units_may_be_late(const struct strv *units)
{
	static const char *const early[] = {"dmar", "ivhd", "s390-iommu"};

	STRV_FOREACH (i, units) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(early); k++)
			known |= str_after(units->items[i], early[k]) != NULL;
		if (!known)
			return true;
	}
	return false;
}

/* Its unit is called as the function or platform device that it is: where the link leads to tells. */
static bool is_virtio_unit(struct host *h, const char *unit)
{
	char path[NAME_MAX + 32], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "sys/class/iommu/%s", unit);
	n = h->ops->readlink(h, -1, path, target, sizeof(target));
	return n > 0 && strstr(target, "/virtio");
}

static int read_iommu(struct host *h, struct vfioadm_inventory *inv, bool *ret_may_be_late)
{
	_cleanup_strv_ struct strv units = {0};
	struct host_facts *facts = &inv->facts;
	int r = h->ops->list(h, -1, "sys/class/iommu", &units);

	if (r == -ENOMEM)
		return r;
	if (r == 0 || r == -ENOENT)
		facts->iommu = uint_known(units.n > 0);
	*ret_may_be_late = units_may_be_late(&units);
	STRV_FOREACH (i, &units)
		facts->iommu_virtio |= is_virtio_unit(h, units.items[i]);
	STRV_FOREACH (i, &units) {
		facts->machine = machine_by_iommu(units.items[i]);
		if (facts->machine != MACHINE_OTHER)
			return 0;
	}
	facts->machine = machine_by_firmware(h);
	if (facts->machine == MACHINE_OTHER)
		facts->machine = machine_by_cpu(h);
	/* There each function brings its own unit: without functions nothing can be said. */
	if (facts->machine == MACHINE_S390 && !inv->n_functions)
		facts->iommu.state = VFIOADM_UNKNOWN;
	return 0;
}

static bool is_host_bridge(const struct vfioadm_function *f)
{
	return f->class_code.state == VFIOADM_KNOWN && f->class_code.value >> 8 == 0x0600;
}

/*
 * Decided by what is seen: a function without a driver has no group. A host bridge gets no driver: if it has a group
 * all the same, groups come with enumeration, and a missing one is missing for good. Not so with virtio-iommu on
 * x86-64: there agpgart-intel has been tried on the host bridge. Where nothing tells, late is the safer answer: the bind then finds out.
 */
static void decide_late_groups(struct vfioadm_inventory *inv, bool may_be_late)
{
	bool missing = false, from_enumeration = false;

	inv->facts.groups_late = uint_known(0);
	if (!may_be_late || !uint_is(&inv->facts.iommu, 1))
		return;
	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];

		if (f->driver.state == VFIOADM_KNOWN)
			continue;
		from_enumeration |= is_host_bridge(f) && !inv->facts.iommu_virtio &&
				    f->iommu_group.state == VFIOADM_KNOWN;
		missing |= f->iommu_group.state == VFIOADM_NONE;
	}
	if (!missing || from_enumeration)
		return;
	inv->facts.groups_late = uint_known(1);
	for (size_t i = 0; i < inv->n_functions; i++) {
		struct vfioadm_function *f = &inv->functions[i];

		if (f->driver.state == VFIOADM_KNOWN || f->iommu_group.state != VFIOADM_NONE)
			continue;
		f->iommu_group.state = VFIOADM_UNKNOWN;
		f->companions.state = VFIOADM_UNKNOWN;
	}
}

/* ---- advice ---- */

static bool has_parameter(const char *cmdline, const char *parameter)
{
	size_t len = strlen(parameter);

	for (const char *p = cmdline; (p = strstr(p, parameter)); p += len)
		if ((p == cmdline || p[-1] == ' ') &&
		    (p[len] == '\0' || p[len] == ' ' || p[len] == ','))
			return true;
	return false;
}

static const char *advice_intel(struct host *h, const char *cmdline)
{
	if (has_parameter(cmdline, "intel_iommu=off"))
		return "Replace intel_iommu=off by intel_iommu=on on the kernel command line and "
		       "reboot.";
	if (has_parameter(cmdline, "iommu=off"))
		return "Replace iommu=off by intel_iommu=on on the kernel command line and reboot.";
	if (host_exists(h, "sys/firmware/acpi/tables/DMAR") &&
	    !has_parameter(cmdline, "intel_iommu=on"))
		return "Add intel_iommu=on to the kernel command line and reboot; the firmware has "
		       "VT-d enabled.";
	if (host_exists(h, "sys/firmware/acpi/tables/DMAR"))
		return "Look for lines with DMAR in the kernel log: the firmware has VT-d enabled "
		       "and "
		       "intel_iommu=on is on the kernel command line, but the kernel did not use "
		       "it.";
	if (has_parameter(cmdline, "intel_iommu=on"))
		return "Enable VT-d (Intel Virtualization Technology for Directed I/O) in the "
		       "firmware setup; "
		       "intel_iommu=on is on the kernel command line already.";
	return "Enable VT-d (Intel Virtualization Technology for Directed I/O) in the firmware "
	       "setup and add "
	       "intel_iommu=on to the kernel command line.";
}

static const char *advice_amd(struct host *h, const char *cmdline)
{
	if (has_parameter(cmdline, "amd_iommu=off"))
		return "Remove amd_iommu=off from the kernel command line and reboot.";
	if (has_parameter(cmdline, "iommu=off"))
		return "Remove iommu=off from the kernel command line and reboot.";
	return "Enable the IOMMU (AMD-Vi) in the firmware setup and reboot; the kernel then uses "
	       "it without a "
	       "parameter, unless amd_iommu=off forbids it.";
}

/* A virtual machine's own kind, whatever the processor; its driver is a module more often than not. */
static const char *advice_virtio(struct host *h)
{
	if (host_exists(h, "sys/bus/virtio/drivers/virtio_iommu"))
		return "Look for lines with virtio_iommu in the kernel log: this machine has a "
		       "virtio-iommu, "
		       "and its driver is loaded, but the kernel does not use it.";
	return "This machine has a virtio-iommu whose driver is not loaded: put virtio_iommu "
	       "into the "
	       "initramfs (initramfs-tools: a line in /etc/initramfs-tools/modules; dracut: "
	       "force_drivers+=\" virtio_iommu \") and reboot. Loaded now (modprobe virtio_iommu) it "
	       "serves only functions that have no driver yet: the others must be removed and "
	       "found again (remove, rescan).";
}

static bool has_virtio_iommu(const struct vfioadm_inventory *inv)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		if (uint_is(&inv->functions[i].vendor, 0x1af4) && uint_is(&inv->functions[i].device, 0x1057))
			return true;
	return false;
}

static const char *advice(struct host *h, enum host_machine machine, const char *cmdline)
{
	switch (machine) {
	case MACHINE_INTEL:
		return advice_intel(h, cmdline);
	case MACHINE_AMD:
		return advice_amd(h, cmdline);
	case MACHINE_ARM64:
		return "Enable the SMMU in the firmware setup (or give the virtual machine one) "
		       "and boot a "
		       "kernel with CONFIG_ARM_SMMU_V3 or CONFIG_ARM_SMMU; no kernel parameter is "
		       "needed.";
	case MACHINE_S390:
		return "Boot a kernel with CONFIG_S390_IOMMU; PCI functions of this machine are "
		       "always behind "
		       "an IOMMU, and no kernel parameter is needed.";
	default:
		return "Enable the IOMMU in the firmware setup and boot a kernel that supports it.";
	}
}

/* "intel_iommu=on,igfx_off": an option among others. */
static bool has_igfx_off(const char *cmdline)
{
	static const char key[] = "intel_iommu=";

	for (const char *p = cmdline; (p = strstr(p, key)); p++) {
		const char *option = p + strlen(key);

		if (p != cmdline && p[-1] != ' ')
			continue;
		for (; *option && *option != ' ' && *option != '\n'; option += strcspn(option, ", \n"), option += *option == ',')
			if (strcspn(option, ", \n") == strlen("igfx_off") && str_after(option, "igfx_off"))
				return true;
	}
	return false;
}

static void read_advice(struct host *h, struct vfioadm_inventory *inv)
{
	char cmdline[4097];

	if (host_read_text(h, -1, "proc/cmdline", cmdline, sizeof(cmdline)) < 0)
		cmdline[0] = '\0';
	inv->facts.igfx_off = has_igfx_off(cmdline);
	if (!uint_is(&inv->facts.iommu, 0))
		return;
	inv->iommu_advice = has_virtio_iommu(inv) ? advice_virtio(h) :
						    advice(h, inv->facts.machine, cmdline);
}

/* ---- the rest ---- */

/* "none [integrity] confidentiality" */
static void read_lockdown(struct host *h, struct host_facts *facts)
{
	static const char *const levels[] = {"[none]", "[integrity]", "[confidentiality]"};
	char text[128];

	if (host_read_text(h, -1, "sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strstr(text, levels[i]))
			facts->lockdown = uint_known(i);
}

static void read_noiommu(struct host *h, struct host_facts *facts)
{
	char text[16];
	ssize_t n = host_read_text(h, -1, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
				   text, sizeof(text));

	if (n == -ENOENT)
		facts->noiommu = uint_known(0);
	else if (n > 0)
		facts->noiommu = uint_known(text[0] == 'Y' || text[0] == '1');
}

/*
 * vfio-pci reads it when it is loaded and never again (0444). Not loaded: what it would get. Loaded without it although
 * it is configured: that is worth knowing as well.
 */
static int read_denylist(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	struct vfioadm_uint *disabled = &inv->facts.denylist_disabled;
	const struct module_parameter *p;
	bool wanted = false;
	char text[16];

	if (host_read_text(h, -1, "sys/module/vfio_pci/parameters/disable_denylist", text, sizeof(text)) > 0)
		*disabled = uint_known(text[0] == 'Y' || text[0] == '1');
	if (uint_is(disabled, 1))
		return 0;
	if (module_setup_read(h, "vfio_pci", &setup) < 0)
		return -ENOMEM;
	p = module_setup_find(&setup, "disable_denylist");
	if (!p || module_parameter_bool(p, &wanted) < 0 || !wanted)
		return 0;
	if (disabled->state == VFIOADM_UNKNOWN && !host_exists(h, "sys/bus/pci/drivers/vfio-pci")) {
		*disabled = uint_known(1);
		return 0;
	}
	inv->denylist_source = arena_strdup(&inv->arena, p->source);
	return inv->denylist_source ? 0 : -ENOMEM;
}

/* The mount that was made last lies on top. */
static int find_sysfs(const struct mount *m, void *userdata)
{
	struct host_facts *facts = userdata;

	if (streq(m->point, "/sys"))
		facts->sys_writable =
			uint_known(!streq(m->options, "ro") && !str_after(m->options, "ro,"));
	return 0;
}

int observe_facts(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo)
{
	struct host_facts *facts = &inv->facts;
	char release[256];
	bool may_be_late = false;
	int r;

	facts->live = h->live;
	if (h->live)
		facts->root = uint_known(!h->unprivileged);
	if (host_read_text(h, -1, "proc/sys/kernel/osrelease", release, sizeof(release)) > 0) {
		facts->kernel = arena_strdup(&inv->arena, host_clean_text(release));
		if (!facts->kernel)
			return -ENOMEM;
	}
	/* Only root changes something, and sees enough to tell. */
	r = h->unprivileged ? 0 : observe_container_without_run(h, &facts->container_without_run);
	if (r == 0)
		r = read_iommu(h, inv, &may_be_late);
	if (r < 0)
		return r;
	decide_late_groups(inv, may_be_late);
	r = uint_is(&facts->groups_late, 1) ? observe_topology(h, inv) : 0;
	if (r == 0)
		r = observe_platform(h, inv);
	if (r < 0)
		return r;
	read_advice(h, inv);
	read_lockdown(h, facts);
	read_noiommu(h, facts);
	if (observe_noiommu(h, inv) < 0 || read_denylist(h, inv) < 0)
		return -ENOMEM;
	facts->vfio_pci_loaded = uint_known(host_exists(h, "sys/bus/pci/drivers/vfio-pci"));
	return mountinfo ? mounts_each(mountinfo, find_sysfs, facts) : 0;
}
