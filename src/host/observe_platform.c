/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of the host decides whether a guest could open any function: interrupts, IOMMU back ends, framebuffers. */
#include <inttypes.h>
#include <limits.h>

#include "host/module_setup.h"
#include "host/modules.h"
#include "host/observe_private.h"

/* ---- interrupt isolation ---- */

enum isolation { ISOLATION_SAYS_NOTHING, ISOLATED, NOT_ISOLATED, NO_ITS_SEEN };

/*
 * By the name of an interrupt's chip. With interrupt remapping x86 puts "IR-" before all of them; on arm64 an ITS
 * knows which device raises an interrupt, other MSI controllers (GICv2m, MBI, those of host bridges) do not.
 * A GICv2 has no ITS; a GICv3 may have one that no driver has used yet.
 */
static enum isolation isolation_of(const char *chip)
{
	static const struct {
		const char *prefix;
		enum isolation says;
	} chips[] = {
		{"IR-", ISOLATED},	   {"ITS-", ISOLATED},	    {"IO-APIC", NOT_ISOLATED},
		{"PCI-MSI", NOT_ISOLATED}, {"GICv2", NOT_ISOLATED}, {"GIC-0", NOT_ISOLATED},
		{"MBI-", NOT_ISOLATED},	   {"GICv3", NO_ITS_SEEN},  {"GICv4", NO_ITS_SEEN},
	};

	for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
		if (str_after(chip, chips[i].prefix))
			return chips[i].says;
	return streq(chip, "MSI") || streq(chip, "pMSI") ? NOT_ISOLATED : ISOLATION_SAYS_NOTHING;
}

struct isolation_look {
	struct vfioadm_inventory *inv;
	enum isolation found;
};

/* One isolating chip decides: the others are there on the same machine for what no device raises. */
static int isolation_add(struct isolation_look *look, const char *chip, const char *source)
{
	static const int rank[] = {[ISOLATION_SAYS_NOTHING] = 0,
				   [NO_ITS_SEEN] = 1,
				   [NOT_ISOLATED] = 2,
				   [ISOLATED] = 3};
	enum isolation says = isolation_of(chip);
	struct host_facts *facts = &look->inv->facts;

	if (rank[says] <= rank[look->found])
		return 0;
	look->found = says;
	facts->interrupt_chip = arena_strdup(&look->inv->arena, chip);
	facts->interrupt_source = source;
	return facts->interrupt_chip ? 0 : -ENOMEM;
}

static int look_at_chips(struct host *h, struct isolation_look *look)
{
	/* Many of one kind say no more than a few do, and a large host has thousands. */
	enum { ENOUGH = 256 };
	_cleanup_strv_ struct strv numbers = {0};
	size_t n = 0;
	int r = h->ops->list(h, -1, "sys/kernel/irq", &numbers);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&numbers);
	STRV_FOREACH (i, &numbers) {
		char path[NAME_MAX + 32], chip[128];

		snprintf(path, sizeof(path), "sys/kernel/irq/%s/chip_name", numbers.items[i]);
		if (host_read_text(h, -1, path, chip, sizeof(chip)) <= 0)
			continue;
		r = isolation_add(look, host_clean_text(chip), "/sys/kernel/irq");
		if (r < 0 || look->found == ISOLATED || ++n >= ENOUGH)
			return r;
	}
	return 0;
}

/* " 24:  0  17  PCI-MSI-0000:00:01.0  0-edge  eth0": the first word that is no number is the chip. */
static bool chip_of_line(const char *line, size_t len, char *chip, size_t size)
{
	const char *p = line, *end = line + len;
	size_t n = 0;

	while (p < end && *p == ' ')
		p++;
	if (p == end || *p < '0' || *p > '9')
		return false;
	while (p < end && *p != ':')
		p++;
	for (p += p < end; p < end; p += n) {
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		for (n = 0; p + n < end && p[n] != ' ' && p[n] != '\t'; n++)
			;
		if (n && strspn(p, "0123456789") < n)
			break;
		if (!n)
			return false;
	}
	if (p == end)
		return false;
	snprintf(chip, size, "%.*s", (int)(n < size ? n : size - 1), p);
	return true;
}

static int look_at_interrupts(struct host *h, struct isolation_look *look)
{
	const char *text, *next;
	size_t size;
	int r = h->ops->map(h, "proc/interrupts", &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = 0;
	for (const char *line = text; r == 0 && *line && look->found != ISOLATED; line = next) {
		size_t len = strcspn(line, "\n");
		char chip[128];

		next = line + len + (line[len] == '\n');
		if (chip_of_line(line, len, chip, sizeof(chip)))
			r = isolation_add(look, host_clean_text(chip), "/proc/interrupts");
	}
	h->ops->unmap(h, text, size);
	return r;
}

static int read_isolation(struct host *h, struct vfioadm_inventory *inv)
{
	struct isolation_look look = {.inv = inv};
	int r;

	/* There an interrupt is an adapter's own by architecture. */
	if (inv->facts.machine == MACHINE_S390) {
		inv->facts.isolated_interrupts = uint_known(1);
		return 0;
	}
	r = look_at_chips(h, &look);
	if (r == 0 && look.found == ISOLATION_SAYS_NOTHING)
		r = look_at_interrupts(h, &look);
	if (look.found == ISOLATED || look.found == NOT_ISOLATED)
		inv->facts.isolated_interrupts = uint_known(look.found == ISOLATED);
	return r;
}

/* ---- the kernel command line ---- */

/* The value of the last "KEY=VALUE", or of a bare KEY (""); '-' and '_' are the same in KEY. */
static bool cmdline_value(const char *cmdline, const char *key, char *buf, size_t size)
{
	bool found = false;

	for (const char *p = cmdline; *p; p += strcspn(p, " \n")) {
		const char *k = key;
		size_t n;

		p += strspn(p, " \n");
		for (n = 0; *k && (p[n] == *k || (p[n] == '-' && *k == '_')); n++)
			k++;
		if (*k || (p[n] && !strchr("= \n", p[n])))
			continue;
		p += n;
		snprintf(buf, size, "%.*s", *p == '=' ? (int)strcspn(p + 1, " \n") : 0, p + 1);
		found = true;
	}
	return found;
}

static int read_acs_override(struct vfioadm_inventory *inv, const char *cmdline)
{
	char value[256];

	if (!cmdline_value(cmdline, "pcie_acs_override", value, sizeof(value)) || !*value)
		return 0;
	inv->facts.acs_override = arena_strdup(&inv->arena, host_clean_text(value));
	return inv->facts.acs_override ? 0 : -ENOMEM;
}

/* ---- the modules that open functions ---- */

/* As it is loaded now, or as it would be. */
static int read_backend(struct host *h, struct vfioadm_inventory *inv, const char *module,
			struct vfio_backend *ret)
{
	_cleanup_module_setup_ struct module_setup setup = {0};
	const struct module_parameter *p;
	char path[128], text[64];
	bool yes;

	snprintf(path, sizeof(path), "sys/module/%s", module);
	if (host_exists(h, path))
		ret->available = uint_known(1);
	snprintf(path, sizeof(path), "sys/module/%s/parameters/allow_unsafe_interrupts", module);
	if (host_read_text(h, -1, path, text, sizeof(text)) > 0) {
		ret->unsafe = uint_known(*text == 'Y' || *text == '1');
		return 0;
	}
	/* Where interrupts are isolated nobody asks, and modprobe.d is a lot to read. */
	if (!inv->facts.interrupt_chip || uint_is(&inv->facts.isolated_interrupts, 1))
		return 0;
	if (module_setup_read(h, module, &setup) < 0)
		return -ENOMEM;
	p = module_setup_find(&setup, "allow_unsafe_interrupts");
	if (p && module_parameter_bool(p, &yes) == 0)
		ret->unsafe = uint_known(yes);
	return 0;
}

int observe_platform(struct host *h, struct vfioadm_inventory *inv)
{
	char cmdline[4097];
	int r = read_isolation(h, inv);

	if (r < 0)
		return r;
	if (host_read_text(h, -1, "proc/cmdline", cmdline, sizeof(cmdline)) < 0)
		cmdline[0] = '\0';
	r = read_backend(h, inv, "vfio_iommu_type1", &inv->facts.type1);
	if (r == 0)
		r = read_backend(h, inv, "iommufd", &inv->facts.iommufd);
	return r < 0 ? r : read_acs_override(inv, cmdline);
}

static int look_for_backend(struct host *h, struct vfioadm_inventory *inv, const char *module,
			    struct vfio_backend *ret)
{
	_cleanup_module_setup_ struct module_setup setup = {0};
	_cleanup_strv_ struct strv found = {0};
	int r;

	if (module_setup_read(h, module, &setup) < 0)
		return -ENOMEM;
	if (setup.trouble) {
		ret->available = uint_known(0);
		ret->trouble = arena_strdup(&inv->arena, setup.trouble);
		ret->trouble_source = arena_strdup(
			&inv->arena, setup.trouble_source ? setup.trouble_source : "modprobe.d");
		return ret->trouble && ret->trouble_source ? 0 : -ENOMEM;
	}
	/* That a module is missing is believed of the running kernel alone: of another root only a part may be there. */
	ret->available = uint_none();
	if (!h->live)
		return 0;
	r = modules_lookup(h, module, &found);
	if (r == 0)
		ret->available = uint_known(found.n > 0);
	return r == -ENOMEM ? r : 0;
}

int observe_backends(struct host *h, struct vfioadm_inventory *inv)
{
	struct vfio_backend *type1 = &inv->facts.type1, *iommufd = &inv->facts.iommufd;
	int r = 0;

	if (type1->available.state == VFIOADM_UNKNOWN && !uint_is(&iommufd->available, 1))
		r = look_for_backend(h, inv, "vfio_iommu_type1", type1);
	if (r == 0 && uint_is(&type1->available, 0) && iommufd->available.state == VFIOADM_UNKNOWN)
		r = look_for_backend(h, inv, "iommufd", iommufd);
	return r;
}

/* ---- groups without an IOMMU ---- */

/* VFIO's node of such a group is "noiommu-N"; the group says so itself as well. */
static bool is_without_iommu(struct host *h, const struct strv *nodes, uint64_t group)
{
	char name[64], text[64];

	snprintf(name, sizeof(name), "noiommu-%" PRIu64, group);
	if (strv_has(nodes, name))
		return true;
	snprintf(name, sizeof(name), "sys/kernel/iommu_groups/%" PRIu64 "/name", group);
	return host_read_text(h, -1, name, text, sizeof(text)) > 0 && streq(text, "vfio-noiommu");
}

int observe_noiommu(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_strv_ struct strv nodes = {0};
	/* Thousands of groups are many files to read where no node speaks for it; of another root that may be missing. */
	bool any = uint_is(&inv->facts.noiommu, 1) || !h->live;
	int r = h->ops->list(h, -1, "sys/class/vfio", &nodes);

	if (r == -ENOMEM)
		return r;
	STRV_FOREACH (i, &nodes)
		any |= str_after(nodes.items[i], "noiommu-") != NULL;
	for (size_t i = 0; any && i < inv->n_functions; i++) {
		struct vfioadm_function *f = &inv->functions[i];

		if (uint_is(&f->vfio, 1) && f->iommu_group.state == VFIOADM_KNOWN)
			f->noiommu = is_without_iommu(h, &nodes, f->iommu_group.value);
	}
	return 0;
}

/* ---- the firmware's framebuffer ---- */

/* "    e0000000-e02fffff : BOOTFB"; to others than root all addresses are zeros. */
static void add_range(struct vfioadm_inventory *inv, const char *line, size_t len)
{
	static const char *const names[] = {
		"BOOTFB",  "efifb",  "simplefb",	   "simpledrm",	     "vesafb",
		"vesadrm", "efidrm", "simple-framebuffer", "efi-framebuffer"};
	struct host_facts *facts = &inv->facts;
	char text[160], name[64];
	uint64_t start, end;

	snprintf(text, sizeof(text), "%.*s", (int)(len < sizeof(text) ? len : sizeof(text) - 1),
		 line);
	if (sscanf(text, " %" SCNx64 "-%" SCNx64 " : %63s", &start, &end, name) != 3 ||
	    end <= start)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names) && facts->n_framebuffers < FRAMEBUFFER_RANGES;
	     i++) {
		if (!streq(name, names[i]))
			continue;
		facts->framebuffers[facts->n_framebuffers++] =
			(struct framebuffer_range){start, end, names[i]};
	}
}

int observe_framebuffers(struct host *h, struct vfioadm_inventory *inv)
{
	const char *text, *next;
	size_t size;
	int r;

	if (inv->facts.framebuffers_read.state == VFIOADM_KNOWN)
		return 0;
	inv->facts.framebuffers_read = uint_known(0);
	r = h->ops->map(h, "proc/iomem", &text, &size);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	inv->facts.framebuffers_read = uint_known(1);
	for (const char *line = text; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		add_range(inv, line, len);
	}
	h->ops->unmap(h, text, size);
	return 0;
}

/* ---- resets ---- */

/*
 * A function that cannot be reset has no file for it. In another root that may as well mean that nobody captured
 * such files, so there one of them must be seen.
 */
void observe_resets_shown(struct host *h, struct vfioadm_inventory *inv)
{
	static const char *const names[] = {"reset_method", "reset"};
	char path[OBSERVE_PATH_MAX];

	if (inv->facts.resets_shown.state == VFIOADM_KNOWN)
		return;
	inv->facts.resets_shown = uint_known(h->live);
	for (size_t i = 0; i < inv->n_functions * ARRAY_SIZE(names) && !h->live; i++) {
		device_path(path, inv->functions[i / ARRAY_SIZE(names)].address,
			    names[i % ARRAY_SIZE(names)]);
		if (!host_exists(h, path))
			continue;
		inv->facts.resets_shown = uint_known(1);
		return;
	}
}
