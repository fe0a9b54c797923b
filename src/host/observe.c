/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BASIC: the functions of the bus with few reads each, none of which takes a device lock. */
#include <limits.h>

#include "base/error.h"
#include "host/modules.h"
#include "host/observe_private.h"

/* One value behind its letters, at most eight upper-case hex digits. */
static bool take_hex(const char **s, const char *letters, unsigned digits, struct vfioadm_uint *ret)
{
	const char *p = str_after(*s, letters);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < digits; i++, p++) {
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (unsigned)(*p - '0');
		else if (*p >= 'A' && *p <= 'F')
			v = v << 4 | (unsigned)(*p - 'A' + 10);
		else
			return false;
	}
	*s = p;
	*ret = uint_known(v);
	return p;
}

/* "pci:v00008086d00001237sv00001AF4sd00001100bc06sc00i00": five values in one read. */
static bool parse_modalias(const char *s, struct vfioadm_function *f)
{
	struct vfioadm_uint v, d, sv, sd, bc, sc, i;

	if (!take_hex(&s, "pci:v", 8, &v) || !take_hex(&s, "d", 8, &d) ||
	    !take_hex(&s, "sv", 8, &sv) || !take_hex(&s, "sd", 8, &sd) ||
	    !take_hex(&s, "bc", 2, &bc) || !take_hex(&s, "sc", 2, &sc) ||
	    !take_hex(&s, "i", 2, &i) || *s)
		return false;
	f->vendor = v;
	f->device = d;
	f->subsystem_vendor = sv;
	f->subsystem_device = sd;
	f->class_code = uint_known(bc.value << 16 | sc.value << 8 | i.value);
	return true;
}

/* Returns -ENODEV when the function is gone. */
static int read_ids(struct host *h, host_dir dir, struct vfioadm_function *f)
{
	char modalias[64];
	int r;

	if (host_read_text(h, dir, "modalias", modalias, sizeof(modalias)) > 0 &&
	    parse_modalias(modalias, f))
		return 0;
	r = value_read_uint(h, dir, "vendor", 16, &f->vendor);
	if (r == -ENOENT || r == -ENODEV)
		return -ENODEV;
	value_read_uint(h, dir, "device", 16, &f->device);
	value_read_uint(h, dir, "subsystem_vendor", 16, &f->subsystem_vendor);
	value_read_uint(h, dir, "subsystem_device", 16, &f->subsystem_device);
	value_read_uint(h, dir, "class", 16, &f->class_code);
	return 0;
}

static int read_driver(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		       struct vfioadm_function *f)
{
	char name[NAME_MAX + 1];
	ssize_t n = host_link_name(h, dir, "driver", name, sizeof(name));

	if (n == -ENOENT) {
		f->driver = str_none();
		f->vfio = uint_known(0);
		return 0;
	}
	if (n < 0)
		return 0;
	f->vfio = uint_known(driver_name_is_vfio(name));
	return value_text(inv, &f->driver, name);
}

static void read_group(struct host *h, host_dir dir, struct vfioadm_function *f)
{
	char name[NAME_MAX + 1];
	ssize_t n = host_link_name(h, dir, "iommu_group", name, sizeof(name));
	uint64_t group;

	if (n == -ENOENT)
		f->iommu_group = uint_none();
	else if (n > 0 && str_to_u64(name, 10, UINT32_MAX, &group) == 0)
		f->iommu_group = uint_known(group);
}

static int read_physfn(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		       struct vfioadm_function *f)
{
	char name[NAME_MAX + 1];
	ssize_t n = host_link_name(h, dir, "physfn", name, sizeof(name));
	struct address a;

	if (n == -ENOENT)
		f->physfn = str_none();
	else if (n > 0 && address_parse(name, &a) == 0)
		return value_text(inv, &f->physfn, name);
	return 0;
}

static void read_numa_node(struct host *h, host_dir dir, struct vfioadm_function *f)
{
	char text[32];
	ssize_t n = host_read_text(h, dir, "numa_node", text, sizeof(text));
	uint64_t node;

	/* No file: a kernel without NUMA. */
	if (n == -ENOENT || (n > 0 && streq(text, "-1")))
		f->numa_node = uint_none();
	else if (n > 0 && str_to_u64(text, 10, UINT32_MAX, &node) == 0)
		f->numa_node = uint_known(node);
}

/* uid and fid exist on s390 for every function, and elsewhere for none: one look decides. */
enum zpci { ZPCI_UNDECIDED, ZPCI_NO, ZPCI_YES };

static void read_zpci(struct host *h, host_dir dir, struct vfioadm_function *f, enum zpci *zpci)
{
	f->fid = f->uid = uint_none();
	if (*zpci == ZPCI_NO)
		return;
	value_read_uint(h, dir, "function_id", 16, &f->fid);
	if (*zpci == ZPCI_UNDECIDED)
		*zpci = f->fid.state == VFIOADM_NONE ? ZPCI_NO : ZPCI_YES;
	if (*zpci == ZPCI_YES)
		value_read_uint(h, dir, "uid", 16, &f->uid);
}

/*
 * vfio-pci takes functions of header type 0, whatever their class. The header is in the configuration space, which
 * a listing must not read; but the kernel has this file for header types 1 and 2 only
 * (pci_bridge_attrs_are_visible()), and drops the class 0604 of any other header (pci_setup_device()). It must not be
 * read either: that reads the configuration space. In another root nothing wakes, and the file may not be captured.
 */
static bool has_bridge_header(struct host *h, host_dir dir, const struct vfioadm_function *f)
{
	enum { PCI_BRIDGE = 0x0604, BRIDGES = 0x06 };
	struct vfioadm_uint type;
	uint64_t inode;

	if (f->class_code.state == VFIOADM_KNOWN && f->class_code.value >> 8 == PCI_BRIDGE)
		return true;
	if (h->ops->incarnation(h, dir, "secondary_bus_number", &inode) == 0)
		return true;
	if (h->live || f->class_code.state != VFIOADM_KNOWN || f->class_code.value >> 16 != BRIDGES)
		return false;
	type = observe_header_type(h, dir);
	return uint_is(&type, 1) || uint_is(&type, 2);
}

/* Endpoints that the host consists of. An IOMMU of virtio has no class of its own, but only one ID. */
static enum vfioadm_host_part host_part_of(const struct vfioadm_function *f)
{
	enum { HOST_BRIDGE = 0x0600, MCA_BRIDGE = 0x0603, IOMMU = 0x0806, VIRTIO = 0x1af4, VIRTIO_IOMMU = 0x1057 };
	uint64_t class_code = f->class_code.value >> 8;

	if (uint_is(&f->vendor, VIRTIO) && uint_is(&f->device, VIRTIO_IOMMU))
		return VFIOADM_PART_IOMMU;
	if (f->bridge || f->class_code.state != VFIOADM_KNOWN)
		return VFIOADM_PART_NONE;
	if (class_code == IOMMU)
		return VFIOADM_PART_IOMMU;
	return class_code >= HOST_BRIDGE && class_code <= MCA_BRIDGE ? VFIOADM_PART_SYSTEM : VFIOADM_PART_NONE;
}

static int read_basic(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		      struct vfioadm_function *f, enum zpci *zpci)
{
	uint64_t vendor;
	int r = read_ids(h, dir, f);

	if (r < 0)
		return r;
	f->bridge = has_bridge_header(h, dir, f);
	f->host_part = host_part_of(f);
	r = read_driver(h, inv, dir, f);
	if (r == 0)
		r = read_physfn(h, inv, dir, f);
	if (r < 0)
		return r;
	read_group(h, dir, f);
	read_numa_node(h, dir, f);
	read_zpci(h, dir, f, zpci);
	/* Read last: when a function goes away between two reads, its missing files mean nothing. */
	r = value_read_uint(h, dir, "revision", 16, &f->revision);
	if (r == -ENOENT || r == -ENODEV) {
		r = host_read_uint(h, dir, "vendor", 16, &vendor);
		if (r == -ENOENT || r == -ENODEV)
			return -ENODEV;
	}
	return 0;
}

static int add_function(struct host *h, struct vfioadm_inventory *inv, const char *name,
			enum zpci *zpci)
{
	struct vfioadm_function f = {.facets = VFIOADM_FACET_BASIC};
	char path[OBSERVE_PATH_MAX], spelled[ADDRESS_MAX];
	struct address a;
	host_dir dir;
	int r;

	if (address_parse(name, &a) < 0)
		return 0;
	address_format(&a, spelled);
	if (!streq(spelled, name))
		return 0;
	device_path(path, name, "");
	dir = h->ops->dir_open(h, path);
	if (dir < 0 && host_answered(dir)) {
		if (dir != -ENOENT && dir != -ENODEV)
			inv->complete = false;
		return 0;
	}
	/* Left out it would be nobody's companion: one of which nothing is known is there all the same. */
	if (dir >= 0) {
		r = read_basic(h, inv, dir, &f, zpci);
		h->ops->dir_close(h, dir);
		if (r < 0)
			return r == -ENODEV ? 0 : r;
	}
	f.address = arena_strdup(&inv->arena, name);
	f.domain = a.domain;
	f.bus = a.bus;
	f.slot = a.slot;
	f.function = a.function;
	inv->functions[inv->n_functions++] = f;
	return f.address ? 0 : -ENOMEM;
}

static int read_functions(struct host *h, struct vfioadm_inventory *inv, const struct strv *names)
{
	enum zpci zpci = ZPCI_UNDECIDED;
	int r = 0;

	inv->functions = calloc(names->n + 1, sizeof(*inv->functions));
	if (!inv->functions)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < names->n; i++)
		r = add_function(h, inv, names->items[i], &zpci);
	return r;
}

/* ---- slots without a function ---- */

static bool has_fid(const struct vfioadm_inventory *inv, uint64_t fid)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		if (uint_is(&inv->functions[i].fid, fid))
			return true;
	return false;
}

static bool is_fid(const char *name)
{
	return strlen(name) == 8 && strspn(name, "0123456789abcdef") == 8;
}

static int read_slots(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_strv_ struct strv names = {0};
	int r = h->ops->list(h, -1, "sys/bus/pci/slots", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	inv->slots = calloc(names.n + 1, sizeof(*inv->slots));
	if (!inv->slots)
		return -ENOMEM;
	STRV_FOREACH (i, &names) {
		struct vfioadm_slot *slot = &inv->slots[inv->n_slots];
		char path[64];
		uint64_t fid;

		if (!is_fid(names.items[i]) ||
		    str_to_u64(names.items[i], 16, UINT32_MAX, &fid) < 0 || has_fid(inv, fid))
			continue;
		snprintf(path, sizeof(path), "sys/bus/pci/slots/%s/power", names.items[i]);
		value_read_uint(h, -1, path, 10, &slot->power);
		slot->fid = uint_known(fid);
		slot->name = arena_strdup(&inv->arena, names.items[i]);
		if (!slot->name)
			return -ENOMEM;
		inv->n_slots++;
	}
	return 0;
}

/* ---- all of it ---- */

/* The mounts as this process sees them; a captured root may hold them under the name of init. */
static const char *map_mountinfo(struct host *h, size_t *ret_size)
{
	const char *text;

	if (h->ops->map(h, "proc/self/mountinfo", &text, ret_size) == 0 ||
	    h->ops->map(h, "proc/1/mountinfo", &text, ret_size) == 0)
		return text;
	return NULL;
}

static int read_host(struct host *h, struct vfioadm_inventory *inv, const struct strv *names)
{
	const char *mountinfo;
	size_t size = 0;
	int r = read_functions(h, inv, names);

	if (r < 0)
		return r;
	/* Before the users: they look functions up by address. */
	r = inventory_finish(inv);
	if (r < 0)
		return r;
	mountinfo = map_mountinfo(h, &size);
	r = read_slots(h, inv);
	if (r == 0)
		r = observe_users(h, inv, mountinfo);
	if (r == 0)
		r = observe_facts(h, inv, mountinfo);
	if (mountinfo)
		h->ops->unmap(h, mountinfo, size);
	return r;
}

int observe_host(struct host *h, struct vfioadm_inventory **ret, struct vfioadm_error **err)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory_new();
	_cleanup_strv_ struct strv names = {0};
	struct host_fault fault = {0}, *before;
	int r;

	if (!inv)
		return error_oom(err);
	modules_refresh(h);
	r = h->ops->list(h, -1, PCI_DEVICES, &names);
	if (r == -ENOMEM)
		return error_oom(err);
	if (r < 0) {
		error_set(err, r, VFIOADM_E_NO_PCI, "%s/" PCI_DEVICES " cannot be read: %s.",
			  h->display_root, strerror(-r));
		error_operation(err, "list");
		error_path(err, "/" PCI_DEVICES);
		error_hint(err,
			   r == -ENOENT
				   ? "There is no PCI bus here; is sysfs mounted at /sys?"
				   : "Its directory must be readable to the user who runs this.");
		return r;
	}
	before = host_watch(h, &fault);
	r = read_host(h, inv, &names);
	host_watch(h, before);
	/* Whose disk it is that could not be looked at, and whose companion the function, cannot be known. */
	if (r == 0 && fault.error)
		r = inventory_add_fault(inv, -1, fault.path, fault.error);
	if (host_starved(h, r) < 0)
		return error_oom(err);
	*ret = TAKE_PTR(inv);
	return 0;
}

static int list_members(struct host *h, const char *address, struct strv *ret)
{
	_cleanup_strv_ struct strv entries = {0};
	char path[OBSERVE_PATH_MAX], member[NAME_MAX + 1];
	int r = strv_add(ret, address);

	if (r < 0)
		return r;
	device_path(path, address, "iommu_group/devices");
	r = h->ops->list(h, -1, path, &entries);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &entries) {
		/* The entry's own name can have a suffix. */
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group/devices/%s", address, entries.items[i]);
		if (host_link_name(h, -1, path, member, sizeof(member)) > 0 && !strv_has(ret, member) &&
		    strv_add(ret, member) < 0)
			return -ENOMEM;
	}
	return 0;
}

int observe_group(struct host *h, const char *address, struct vfioadm_inventory **ret)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory_new();
	_cleanup_strv_ struct strv members = {0};
	int r = inv ? list_members(h, address, &members) : -ENOMEM;

	if (r == 0)
		r = read_functions(h, inv, &members);
	if (r == 0)
		r = inventory_finish(inv);
	r = host_starved(h, r);
	if (r == 0)
		*ret = TAKE_PTR(inv);
	return r;
}

int observe_function(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f,
		     unsigned facets)
{
	static const struct {
		unsigned facet;
		int (*look)(struct host *h, struct vfioadm_inventory *inv,
			    struct vfioadm_function *f);
	} table[] = {
		{VFIOADM_FACET_NAMES, observe_function_names},
		{VFIOADM_FACET_PATH, observe_path},
		{VFIOADM_FACET_IDENTITY, observe_identity},
		{VFIOADM_FACET_DETAIL, observe_detail},
		{VFIOADM_FACET_DRIVERS, observe_drivers},
		{VFIOADM_FACET_LOCKED, observe_locked},
	};

	struct host_fault fault = {0}, *before = host_watch(h, &fault);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++) {
		if (!(facets & table[i].facet) || f->facets & table[i].facet)
			continue;
		r = table[i].look(h, inv, f);
		if (r == 0)
			f->facets |= table[i].facet;
	}
	host_watch(h, before);
	if (r == 0 && fault.error)
		r = inventory_add_fault(inv, f - inv->functions, fault.path, fault.error);
	return r;
}
