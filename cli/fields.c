/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "field.h"

/* ---- users, BARs ------------------------------------------------------------------------------- */

static void add_severity(struct json *j, const char *key, enum vfioadm_severity severity)
{
	static const char *const names[] = {
		[VFIOADM_WARNS] = "warns",
		[VFIOADM_REFUSES] = "refuses",
		[VFIOADM_BLOCKS] = "blocks",
	};

	/* A severity that a newer library has and this program does not know is taken as the worst. */
	if ((size_t)severity < ARRAY_SIZE(names) && names[severity])
		json_string(j, key, names[severity]);
	else
		json_string(j, key, "blocks");
}

static void user_severity_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_user *user = object;

	add_severity(j, field->key, user->severity);
}

#define U(member) .offset = offsetof(struct vfioadm_user, member)

static const struct field user_rows[] = {
	{.key = "kind", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, U(kind)},
	{.key = "what", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, U(what)},
	{.key = "why", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, U(why)},
	{.key = "forceable", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, U(forceable)},
	{.key = "code", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, U(code)},
	{.key = "severity",
	 .type = FIELD_SPECIAL,
	 .flags = FIELD_ALWAYS,
	 .json = user_severity_json},
};
const struct field_table user_fields = {user_rows, ARRAY_SIZE(user_rows)};

#define B(member) .offset = offsetof(struct vfioadm_bar, member)

static void hex_address_json(struct json *j, const struct field *f, const void *object)
{
	const struct vfioadm_bar *bar = object;

	json_hex(j, f->key, bar->start, 16);
}

static const struct field bar_rows[] = {
	{.key = "index", .type = FIELD_UNSIGNED, .flags = FIELD_ALWAYS, B(index)},
	{.key = "start", .type = FIELD_SPECIAL, .flags = FIELD_ALWAYS, .json = hex_address_json},
	{.key = "size", .type = FIELD_U64, .flags = FIELD_ALWAYS, B(size)},
	{.key = "io", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, B(io)},
	{.key = "prefetchable", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, B(prefetchable)},
	{.key = "64bit", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, B(is_64bit)},
};
const struct field_table bar_fields = {bar_rows, ARRAY_SIZE(bar_rows)};

/* ---- functions: what is put together from several values --------------------------------------- */

static void add_hex4(struct text *t, struct vfioadm_uint v)
{
	if (v.state == VFIOADM_KNOWN)
		text_addf(t, "%04" PRIx64, v.value);
	else
		text_add(t, "?", 1);
}

static void id_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;

	add_hex4(t, f->vendor);
	text_add(t, ":", 1);
	add_hex4(t, f->device);
}

static void subsystem_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;

	if (f->subsystem_vendor.state == VFIOADM_NONE) {
		text_add(t, "-", 1);
		return;
	}
	add_hex4(t, f->subsystem_vendor);
	text_add(t, ":", 1);
	add_hex4(t, f->subsystem_device);
	if (f->subsystem_name.state == VFIOADM_KNOWN) {
		text_add(t, " ", 1);
		text_add_escaped(t, f->subsystem_name.value);
	}
}

static void name_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;
	bool vendor = f->vendor_name.state == VFIOADM_KNOWN;
	bool device = f->device_name.state == VFIOADM_KNOWN;

	if (vendor)
		text_add_escaped(t, f->vendor_name.value);
	if (vendor && device)
		text_add(t, " ", 1);
	if (device)
		text_add_escaped(t, f->device_name.value);
	/* A device without a name of its own is still something: a network card, a disk. */
	if (!device && f->class_name.state == VFIOADM_KNOWN) {
		text_add(t, vendor ? " (" : "(", vendor ? 2 : 1);
		text_add_escaped(t, f->class_name.value);
		text_add(t, ")", 1);
	} else if (!vendor && !device) {
		bool none = f->vendor_name.state == VFIOADM_NONE;

		text_add(t, none ? "-" : "?", 1);
	}
}

static void class_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;

	if (f->class_code.state != VFIOADM_KNOWN) {
		text_add(t, "?", 1);
		return;
	}
	text_addf(t, "%06" PRIx64, f->class_code.value);
	if (f->class_name.state == VFIOADM_KNOWN) {
		text_add(t, " ", 1);
		text_add_escaped(t, f->class_name.value);
	}
}

static void driver_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;

	if (f->driver.state != VFIOADM_KNOWN) {
		text_add(t, f->driver.state == VFIOADM_NONE ? "-" : "?", 1);
		return;
	}
	text_add_escaped(t, f->driver.value);
}

static bool in_list(const struct vfioadm_list *list, const char *s)
{
	for (size_t i = 0; list->state == VFIOADM_KNOWN && i < list->n; i++) {
		if (strcmp(list->items[i], s) == 0)
			return true;
	}
	return false;
}

static void add_item(struct text *t, const char *s)
{
	if (t->len)
		text_add(t, ", ", 2);
	text_add_escaped(t, s);
}

/* What it carries, whether that is in use or not; then users that are neither interface nor disk. */
static void users_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;
	bool unknown = f->net.state == VFIOADM_UNKNOWN || f->block.state == VFIOADM_UNKNOWN;
	struct text items = {};

	for (size_t i = 0; f->net.state == VFIOADM_KNOWN && i < f->net.n; i++)
		add_item(&items, f->net.items[i]);
	for (size_t i = 0; f->block.state == VFIOADM_KNOWN && i < f->block.n; i++)
		add_item(&items, f->block.items[i]);
	for (size_t i = 0; i < f->n_users; i++) {
		const char *what = f->users[i]->what;
		bool twice = false;

		if (!what || f->users[i]->severity == VFIOADM_WARNS || in_list(&f->net, what) ||
		    in_list(&f->block, what))
			continue;
		for (size_t k = 0; k < i; k++)
			twice = twice || (f->users[k]->what && strcmp(f->users[k]->what, what) == 0);
		if (!twice)
			add_item(&items, what);
	}
	if (unknown)
		add_item(&items, "?");
	if (items.len)
		text_add(t, items.s, items.len);
	else
		text_add(t, "-", 1);
	t->failed = t->failed || items.failed;
	text_clear(&items);
}

static void users_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_function *f = object;

	json_array(j, field->key, false);
	for (size_t i = 0; i < f->n_users; i++) {
		json_object(j, NULL, false);
		fields_json(j, &user_fields, FIELD_ALWAYS, 0, f->users[i]);
		json_object_end(j);
	}
	json_array_end(j);
}

static void bars_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_function *f = object;

	json_array(j, field->key, false);
	for (size_t i = 0; i < f->n_bars; i++) {
		json_object(j, NULL, false);
		fields_json(j, &bar_fields, FIELD_ALWAYS, 0, f->bars[i]);
		json_object_end(j);
	}
	json_array_end(j);
}

static const char *const part_names[] = {
	[VFIOADM_PART_SYSTEM] = "system",
	[VFIOADM_PART_IOMMU] = "iommu",
};

/* The class tells it, or the IDs; where the class could not be read it may be one all the same. */
static enum vfioadm_state part_state(const void *object)
{
	const struct vfioadm_function *f = object;

	if ((size_t)f->host_part < ARRAY_SIZE(part_names) && part_names[f->host_part])
		return VFIOADM_KNOWN;
	return f->class_code.state == VFIOADM_KNOWN ? VFIOADM_NONE : VFIOADM_UNKNOWN;
}

static void part_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_function *f = object;

	json_string(j, field->key, part_names[f->host_part]);
}

static void verdict_text(struct text *t, const struct field *field UNUSED, const void *object)
{
	const struct vfioadm_function *f = object;
	const char *name = vfioadm_verdict_name(f->verdict);

	text_addf(t, "%s", f->verdict == VFIOADM_VERDICT_UNKNOWN ? "?" : name);
}

static enum vfioadm_state verdict_state(const void *object)
{
	const struct vfioadm_function *f = object;

	return f->verdict == VFIOADM_VERDICT_UNKNOWN ? VFIOADM_UNKNOWN : VFIOADM_KNOWN;
}

static void verdict_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_function *f = object;

	json_string(j, field->key, vfioadm_verdict_name(f->verdict));
}

/* ---- functions --------------------------------------------------------------------------------- */

/* clang-format off */
#define F(member) .offset = offsetof(struct vfioadm_function, member)
#define IDENTITY  .section = "Identity"
#define DRIVER	  .section = "Driver"
#define GROUP	  .section = "IOMMU group"
#define USERS	  .section = "Users"
#define LINK	  .section = "Link and power"
#define SRIOV	  .section = "SR-IOV"
#define S390	  .section = "s390"
#define RESET	  .section = "Reset"
#define VERDICT	  .section = "Verdict"
#define DETAIL	  .facet = VFIOADM_FACET_DETAIL
#define LIST_SHOW (FIELD_ALWAYS | FIELD_SHOWN)
#define SHOW	  (FIELD_IN_SHOW | FIELD_SHOWN)

static const struct field function_rows[] = {
	{ .key = "address", .head = "ADDRESS", .type = FIELD_CSTR, F(address),
	  .flags = FIELD_ALWAYS | FIELD_COLUMN, .help = "domain:bus:device.function" },
	{ .key = "id", .head = "ID", .label = "ID", IDENTITY, .type = FIELD_SPECIAL, .text = id_text,
	  .flags = FIELD_COLUMN | FIELD_SHOWN, .help = "vendor:device" },
	{ .key = "name", .head = "NAME", .type = FIELD_SPECIAL, .text = name_text,
	  .flags = FIELD_COLUMN | FIELD_CUT, .help = "names of vendor and device" },
	{ .key = "vendor", .head = "VENDOR", .type = FIELD_HEX, .digits = 4, F(vendor),
	  .flags = FIELD_ALWAYS, .help = "vendor ID" },
	{ .key = "device", .head = "DEVICE", .type = FIELD_HEX, .digits = 4, F(device),
	  .flags = FIELD_ALWAYS, .help = "device ID" },
	{ .key = "subsystem_vendor", .head = "SUBVENDOR", .type = FIELD_HEX, .digits = 4,
	  F(subsystem_vendor), .flags = FIELD_ALWAYS, .help = "subsystem's vendor ID" },
	{ .key = "subsystem_device", .head = "SUBDEVICE", .type = FIELD_HEX, .digits = 4,
	  F(subsystem_device), .flags = FIELD_ALWAYS, .help = "subsystem's device ID" },
	{ .key = "subsystem", .label = "Subsystem", IDENTITY, .type = FIELD_SPECIAL,
	  .text = subsystem_text, .flags = FIELD_SHOWN },
	{ .key = "class", .head = "CLASS", .label = "Class", IDENTITY, .type = FIELD_HEX, .digits = 6,
	  F(class_code), .text = class_text, .flags = LIST_SHOW, .help = "class code" },
	{ .key = "revision", .head = "REVISION", .label = "Revision", IDENTITY, .type = FIELD_HEX,
	  .digits = 2, F(revision), .flags = LIST_SHOW, .help = "revision" },
	{ .key = "vendor_name", .head = "VENDOR-NAME", .type = FIELD_STR, F(vendor_name),
	  .facet = VFIOADM_FACET_NAMES, .flags = FIELD_ALWAYS | FIELD_CUT, .help = "vendor's name" },
	{ .key = "device_name", .head = "DEVICE-NAME", .type = FIELD_STR, F(device_name),
	  .facet = VFIOADM_FACET_NAMES, .flags = FIELD_ALWAYS | FIELD_CUT, .help = "device's name" },
	{ .key = "subsystem_name", .type = FIELD_STR, F(subsystem_name),
	  .facet = VFIOADM_FACET_NAMES, .flags = FIELD_IN_SHOW },
	{ .key = "class_name", .head = "CLASS-NAME", .type = FIELD_STR, F(class_name),
	  .facet = VFIOADM_FACET_NAMES, .flags = FIELD_IN_SHOW | FIELD_CUT, .help = "class in words" },
	{ .key = "path", .label = "Path", IDENTITY, .type = FIELD_STR, F(path),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "physical_slot", .label = "Physical slot", IDENTITY, .type = FIELD_STR,
	  F(physical_slot), .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "serial", .label = "Serial number", IDENTITY, .type = FIELD_STR, F(serial),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "nvme_serial", .label = "NVMe serial", IDENTITY, .type = FIELD_STR, F(nvme_serial),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_QUIET },
	{ .key = "mac", .label = "MAC address", IDENTITY, .type = FIELD_STR, F(mac),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_QUIET },
	{ .key = "driver", .head = "DRIVER", .label = "Driver", DRIVER, .type = FIELD_STR, F(driver),
	  .text = driver_text, .flags = LIST_SHOW | FIELD_COLUMN,
	  .help = "driver that is bound; * marks a VFIO driver" },
	{ .key = "vfio", .head = "VFIO", .type = FIELD_YES, F(vfio), .flags = FIELD_ALWAYS,
	  .help = "whether that is a VFIO driver" },
	{ .key = "driver_override", .label = "Override", DRIVER, .type = FIELD_STR,
	  F(driver_override), .facet = VFIOADM_FACET_LOCKED, .flags = SHOW },
	{ .key = "host_drivers", .label = "Host drivers", DRIVER, .type = FIELD_LIST, F(host_drivers),
	  .facet = VFIOADM_FACET_DRIVERS, .flags = SHOW },
	{ .key = "vfio_variants", .label = "VFIO variants", DRIVER, .type = FIELD_LIST,
	  F(vfio_variants), .facet = VFIOADM_FACET_DRIVERS, .flags = SHOW },
	{ .key = "vfio_driver", .label = "VFIO driver", DRIVER, .type = FIELD_STR, F(vfio_driver),
	  .facet = VFIOADM_FACET_DRIVERS, .flags = SHOW },
	{ .key = "vfio_driver_reason", .label = "  chosen because", DRIVER, .type = FIELD_CSTR,
	  F(vfio_driver_reason), .facet = VFIOADM_FACET_DRIVERS, .flags = SHOW | FIELD_QUIET },
	{ .key = "vfio_node", .label = "VFIO device node", DRIVER, .type = FIELD_STR, F(vfio_node), DETAIL,
	  .flags = SHOW | FIELD_QUIET },
	{ .key = "group_node", .label = "VFIO group node", DRIVER, .type = FIELD_STR, F(group_node),
	  DETAIL, .flags = SHOW | FIELD_QUIET },
	{ .key = "iommu_group", .head = "GROUP", .label = "Number", GROUP, .type = FIELD_UINT,
	  F(iommu_group), .flags = LIST_SHOW | FIELD_COLUMN,
	  .help = "IOMMU group; the number is valid until the next boot" },
	{ .key = "group_type", .label = "Type", GROUP, .type = FIELD_STR, F(group_type), DETAIL,
	  .flags = SHOW },
	{ .key = "reserved_regions", .label = "Reserved regions", GROUP, .type = FIELD_LIST,
	  F(reserved_regions), DETAIL, .flags = SHOW },
	{ .key = "companions", .type = FIELD_LIST, F(companions), .flags = FIELD_IN_SHOW },
	{ .key = "bridge", .head = "BRIDGE", .type = FIELD_BOOL, F(bridge), .flags = FIELD_ALWAYS,
	  .help = "whether it is a bridge: header type 1 or 2" },
	{ .key = "host_part", .type = FIELD_SPECIAL, .json = part_json, .state = part_state,
	  .flags = FIELD_ALWAYS },
	{ .key = "physfn", .head = "PHYSFN", .label = "Physical function", SRIOV, .type = FIELD_STR,
	  F(physfn), .flags = LIST_SHOW, .help = "physical function that this one is a part of" },
	{ .key = "vf_index", .label = "VF index", SRIOV, .type = FIELD_UINT, F(vf_index),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "sriov_totalvfs", .label = "Possible VFs", SRIOV, .type = FIELD_UINT,
	  F(sriov_totalvfs), DETAIL, .flags = SHOW },
	{ .key = "sriov_numvfs", .label = "VFs", SRIOV, .type = FIELD_UINT, F(sriov_numvfs),
	  .facet = VFIOADM_FACET_LOCKED, .flags = SHOW },
	{ .key = "sriov_drivers_autoprobe", .label = "VFs are probed", SRIOV, .type = FIELD_YES,
	  F(sriov_drivers_autoprobe), DETAIL, .flags = SHOW },
	{ .key = "virtfns", .label = "VF addresses", SRIOV, .type = FIELD_LIST, F(virtfns), DETAIL,
	  .flags = SHOW },
	{ .key = "numa_node", .head = "NUMA", .label = "NUMA node", LINK, .type = FIELD_UINT,
	  F(numa_node), .flags = LIST_SHOW, .help = "NUMA node" },
	{ .key = "link_speed", .label = "Speed", LINK, .type = FIELD_STR, F(link_speed), DETAIL,
	  .flags = SHOW },
	{ .key = "link_speed_max", .label = "Highest speed", LINK, .type = FIELD_STR, F(link_speed_max),
	  DETAIL, .flags = SHOW },
	{ .key = "link_width", .label = "Lanes", LINK, .type = FIELD_UINT, F(link_width), DETAIL,
	  .flags = SHOW },
	{ .key = "link_width_max", .label = "Most lanes", LINK, .type = FIELD_UINT, F(link_width_max),
	  DETAIL, .flags = SHOW },
	{ .key = "power_state", .label = "Power state", LINK, .type = FIELD_STR, F(power_state), DETAIL,
	  .flags = SHOW },
	{ .key = "header_type", .label = "Header type", LINK, .type = FIELD_UINT, F(header_type), DETAIL,
	  .flags = SHOW },
	{ .key = "boot_vga", .label = "Boot display", LINK, .type = FIELD_YES, F(boot_vga), DETAIL,
	  .flags = SHOW | FIELD_QUIET },
	{ .key = "bars", .section = "Memory and ports", .type = FIELD_SPECIAL, DETAIL,
	  .json = bars_json, .flags = FIELD_IN_SHOW },
	{ .key = "reset_methods", .label = "Methods", RESET, .type = FIELD_LIST, F(reset_methods), DETAIL,
	  .flags = SHOW },
	{ .key = "uid", .head = "UID", .label = "UID", S390, .type = FIELD_HEX, .digits = 4, F(uid),
	  .flags = LIST_SHOW | FIELD_PREFIX, .help = "s390: user-defined identifier" },
	{ .key = "fid", .head = "FID", .label = "FID", S390, .type = FIELD_HEX, .digits = 8, F(fid),
	  .flags = LIST_SHOW | FIELD_PREFIX, .help = "s390: function identifier" },
	{ .key = "uid_is_unique", .label = "UID is unique", S390, .type = FIELD_YES, F(uid_is_unique),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "pchid", .label = "PCHID", S390, .type = FIELD_HEX, .digits = 4, F(pchid),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_PREFIX },
	{ .key = "pfgid", .label = "PFGID", S390, .type = FIELD_HEX, .digits = 2, F(pfgid),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_PREFIX },
	{ .key = "pft", .label = "PFT", S390, .type = FIELD_HEX, .digits = 2, F(pft),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_PREFIX },
	{ .key = "vfn", .label = "VFN", S390, .type = FIELD_HEX, .digits = 4, F(vfn),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW | FIELD_PREFIX },
	{ .key = "port", .label = "Port", S390, .type = FIELD_UINT, F(port),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "util_string", .label = "Utility string", S390, .type = FIELD_STR, F(util_string),
	  .facet = VFIOADM_FACET_IDENTITY, .flags = SHOW },
	{ .key = "net", .head = "NET", .label = "Interfaces", USERS, .type = FIELD_LIST, F(net),
	  .flags = LIST_SHOW, .help = "network interfaces" },
	{ .key = "block", .head = "BLOCK", .label = "Block devices", USERS, .type = FIELD_LIST, F(block),
	  .flags = LIST_SHOW, .help = "block devices" },
	{ .key = "users", .head = "USERS", .type = FIELD_SPECIAL, .text = users_text,
	  .json = users_json, .flags = FIELD_ALWAYS | FIELD_COLUMN,
	  .help = "interfaces, disks and others that depend on it" },
	{ .key = "unseen", .label = "Not looked at", USERS, .type = FIELD_LIST, F(unseen),
	  .facet = VFIOADM_FACET_USERS, .flags = LIST_SHOW | FIELD_QUIET },
	{ .key = "verdict", .head = "VERDICT", .label = "Verdict", VERDICT, .type = FIELD_SPECIAL,
	  .text = verdict_text, .json = verdict_json, .state = verdict_state, .flags = LIST_SHOW | FIELD_COLUMN,
	  .help = "whether it can be assigned" },
	{ .key = "verdict_reason", .head = "REASON", .label = "Reason", VERDICT, .type = FIELD_CSTR,
	  F(verdict_reason), .flags = LIST_SHOW | FIELD_QUIET | FIELD_CUT, .help = "why not" },
};
/* clang-format on */
const struct field_table function_fields = {function_rows, ARRAY_SIZE(function_rows)};

/* ---- the rest ---------------------------------------------------------------------------------- */

#define S(member) .offset = offsetof(struct vfioadm_slot, member)

static const struct field slot_rows[] = {
	{.key = "slot", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, S(name)},
	{.key = "fid",
	 .type = FIELD_HEX,
	 .digits = 8,
	 .flags = FIELD_ALWAYS | FIELD_PREFIX,
	 S(fid)},
	{.key = "power", .type = FIELD_UINT, .flags = FIELD_ALWAYS, S(power)},
};
const struct field_table slot_fields = {slot_rows, ARRAY_SIZE(slot_rows)};

static void severity_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_finding *f = object;

	add_severity(j, field->key, f->severity);
}

#define N(member) .offset = offsetof(struct vfioadm_finding, member)

static const struct field finding_rows[] = {
	{.key = "code", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, N(code)},
	{.key = "severity", .type = FIELD_SPECIAL, .flags = FIELD_ALWAYS, .json = severity_json},
	{.key = "forceable", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, N(forceable)},
	{.key = "device", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, N(device)},
	{.key = "message", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, N(message)},
	{.key = "hint", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, N(hint)},
};
const struct field_table finding_fields = {finding_rows, ARRAY_SIZE(finding_rows)};

static void state_json(struct json *j, const struct field *field, const void *object)
{
	const struct vfioadm_step *step = object;

	json_string(j, field->key, vfioadm_step_state_name(step->state));
}

#define T(member) .offset = offsetof(struct vfioadm_step, member)

static const struct field step_rows[] = {
	{.key = "device", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, T(device)},
	{.key = "action", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, T(action)},
	{.key = "state", .type = FIELD_SPECIAL, .flags = FIELD_ALWAYS, .json = state_json},
	{.key = "error", .type = FIELD_ERRNO, .flags = FIELD_ALWAYS, T(error)},
	{.key = "path", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, T(path)},
	{.key = "value", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, T(value)},
	{.key = "text", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, T(text)},
};
const struct field_table step_fields = {step_rows, ARRAY_SIZE(step_rows)};

#define O(member) .offset = offsetof(struct vfioadm_outcome, member)

static const struct field outcome_rows[] = {
	{.key = "address", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, O(device)},
	{.key = "before", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, O(before)},
	{.key = "wanted", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, O(wanted)},
	{.key = "after", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, O(after)},
	{.key = "taken", .type = FIELD_BOOL, .flags = FIELD_ALWAYS, O(taken)},
	{.key = "note", .type = FIELD_CSTR, .flags = FIELD_ALWAYS, O(note)},
};
const struct field_table outcome_fields = {outcome_rows, ARRAY_SIZE(outcome_rows)};

#define E(member) .offset = offsetof(struct vfioadm_enabled_id, member)

static const struct field enabled_rows[] = {
	{.key = "id",
	 .head = "ID",
	 .type = FIELD_CSTR,
	 .flags = FIELD_ALWAYS | FIELD_COLUMN,
	 E(id)},
	{.key = "source",
	 .head = "SOURCE",
	 .type = FIELD_CSTR,
	 .flags = FIELD_ALWAYS | FIELD_COLUMN,
	 E(source)},
};
const struct field_table enabled_fields = {enabled_rows, ARRAY_SIZE(enabled_rows)};
