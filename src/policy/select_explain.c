/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "policy/select_private.h"

/*
 * What to say when a selector matches nothing, or too much. A person who mistyped is best helped by what
 * is near: the other functions of the slot, the same card with another ID, the slot in standby.
 */

enum { NAMED_MAX = 8 };

/* ---- enumerations in words --------------------------------------------------------------------- */

struct naming {
	struct strbuf text;
	char *pending; /* the last one, which "and" goes before */
	size_t n;
};

static void naming_clear(struct naming *m)
{
	strbuf_clear(&m->text);
	free(m->pending);
}
#define _cleanup_naming_ CLEANUP(naming_clear)

static void PRINTF_LIKE(2, 3) name_one(struct naming *m, const char *fmt, ...)
{
	va_list ap;
	char *s;

	if (m->n++ >= NAMED_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	if (!s)
		m->text.failed = true;
	if (m->pending)
		strbuf_addf(&m->text, "%s%s", m->text.len ? ", " : "", m->pending);
	free(m->pending);
	m->pending = s;
}

/* "a", "a and b", "a, b and c", "a, b, … and 3 more"; NULL: out of memory. */
static char *naming_take(struct naming *m)
{
	const char *joint = m->text.len ? " and " : "";

	if (m->n > NAMED_MAX && m->pending)
		strbuf_addf(&m->text, ", %s and %zu more", m->pending, m->n - NAMED_MAX);
	else if (m->pending)
		strbuf_addf(&m->text, "%s%s", joint, m->pending);
	return strbuf_take(&m->text);
}

/* ---- what is near ------------------------------------------------------------------------------ */

typedef bool (*near_fn)(const struct selector *s, const struct vfioadm_function *f);

/* The functions for which near() holds, in words; NULL: there are none. */
static char *name_near(const struct vfioadm_inventory *inv, const struct selector *s, near_fn near)
{
	_cleanup_naming_ struct naming m = {0};

	for (size_t i = 0; i < inv->n_functions; i++)
		if (near(s, &inv->functions[i]))
			name_one(&m, "%s", inv->functions[i].address);
	return m.n ? naming_take(&m) : NULL;
}

static bool same_slot(const struct selector *s, const struct vfioadm_function *f)
{
	return f->domain == s->address.domain && f->bus == s->address.bus &&
	       f->slot == s->address.slot;
}

static bool same_bus(const struct selector *s, const struct vfioadm_function *f)
{
	return f->domain == s->address.domain && f->bus == s->address.bus;
}

static bool other_domain(const struct selector *s, const struct vfioadm_function *f)
{
	return f->bus == s->address.bus && f->slot == s->address.slot &&
	       f->function == s->address.function;
}

static bool same_type(const struct selector *s, const struct vfioadm_function *f)
{
	return uint_is(&f->vendor, s->type.vendor) && uint_is(&f->device, s->type.device);
}

static bool swapped_type(const struct selector *s, const struct vfioadm_function *f)
{
	return uint_is(&f->vendor, s->type.device) && uint_is(&f->device, s->type.vendor);
}

static bool same_vendor(const struct selector *s, const struct vfioadm_function *f)
{
	return uint_is(&f->vendor, s->type.vendor);
}

static bool in_group(const struct selector *s, const struct vfioadm_function *f)
{
	return uint_is(&f->iommu_group, s->number);
}

static int not_found(struct vfioadm_error **err, const char *message)
{
	return error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "%s", message);
}

/* ---- by kind ----------------------------------------------------------------------------------- */

static void hint_standby(const struct vfioadm_inventory *inv, struct vfioadm_error **err)
{
	_cleanup_naming_ struct naming m = {0};
	_cleanup_free_ char *slots = NULL;

	/* Only where slots have a FID: elsewhere one without power is an empty socket. */
	for (size_t i = 0; i < inv->n_slots; i++)
		if (uint_is(&inv->slots[i].power, 0) && inv->slots[i].fid.state == VFIOADM_KNOWN)
			name_one(&m, "%s", inv->slots[i].name);
	if (!m.n)
		return;
	slots = naming_take(&m);
	if (slots)
		error_hint(err,
			   "A function in standby has no address until it is configured, and here "
			   "slots are in standby: %s; configure one with: "
			   "echo 1 > /sys/bus/pci/slots/SLOT/power",
			   slots);
}

static int no_address(const struct vfioadm_inventory *inv, const struct selector *s,
		      struct vfioadm_error **err)
{
	_cleanup_free_ char *slot = name_near(inv, s, same_slot),
			    *bus = name_near(inv, s, same_bus);
	_cleanup_free_ char *domain = name_near(inv, s, other_domain);
	char address[ADDRESS_MAX];

	address_format(&s->address, address);
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "There is no PCI function %s on this host.",
		  address);
	error_device(err, address);
	if (slot)
		error_hint(err, "In this slot there is %s.", slot);
	hint_standby(inv, err);
	if (domain)
		error_hint(err, "Did you mean %s?", domain);
	if (bus)
		error_hint(err, "On this bus there is %s.", bus);
	return -ENOENT;
}

/* The subsystems under which a card type is there. */
static char *name_subsystems(const struct vfioadm_inventory *inv, const struct selector *s)
{
	_cleanup_naming_ struct naming m = {0};

	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];

		if (!same_type(s, f))
			continue;
		if (f->subsystem_vendor.state == VFIOADM_KNOWN &&
		    f->subsystem_device.state == VFIOADM_KNOWN)
			name_one(&m, "%04x:%04x:%04x:%04x (%s)", s->type.vendor, s->type.device,
				 (unsigned)f->subsystem_vendor.value,
				 (unsigned)f->subsystem_device.value, f->address);
		else
			name_one(&m, "%04x:%04x without a subsystem (%s)", s->type.vendor,
				 s->type.device, f->address);
	}
	return m.n ? naming_take(&m) : NULL;
}

static char *name_devices_of_vendor(const struct vfioadm_inventory *inv, const struct selector *s)
{
	_cleanup_naming_ struct naming m = {0};

	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];

		if (same_vendor(s, f) && f->device.state == VFIOADM_KNOWN)
			name_one(&m, "%04x:%04x (%s)", s->type.vendor, (unsigned)f->device.value,
				 f->address);
	}
	return m.n ? naming_take(&m) : NULL;
}

static int no_cardtype(const struct vfioadm_inventory *inv, const struct selector *s,
		       struct vfioadm_error **err)
{
	_cleanup_free_ char *subsystems = name_subsystems(inv, s);
	_cleanup_free_ char *devices = name_devices_of_vendor(inv, s);
	_cleanup_free_ char *swapped = name_near(inv, s, swapped_type);
	char id[CARDTYPE_MAX];

	cardtype_format(&s->type, id);
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "No function of this host has the IDs %s.",
		  id);
	if (subsystems)
		error_hint(err, "There is %s.", subsystems);
	else if (swapped)
		error_hint(err, "The vendor comes first: did you mean %04x:%04x (%s)?",
			   s->type.device, s->type.vendor, swapped);
	else if (devices)
		error_hint(err, "Of this vendor there is %s.", devices);
	return -ENOENT;
}

static bool has_host_part(const struct vfioadm_inventory *inv, const struct selector *s)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		if (in_group(s, &inv->functions[i]) && inventory_stays_unnamed(&inv->functions[i]) &&
		    !inv->functions[i].bridge)
			return true;
	return false;
}

static int no_group(const struct vfioadm_inventory *inv, const struct selector *s,
		    struct vfioadm_error **err)
{
	_cleanup_free_ char *bridges = name_near(inv, s, in_group);

	if (bridges) {
		error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND,
			  "IOMMU group %" PRIu64 " holds only %s (%s), which group=%" PRIu64 " skips%s.", s->number,
			  has_host_part(inv, s) ? "bridges and parts of the host" : "bridges", bridges, s->number,
			  has_host_part(inv, s) ? "" : " because they cannot be assigned");
		error_hint(err, "'vfioadm list --tree' shows the groups with their functions.");
		return -ENOENT;
	}
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND,
		  "There is no IOMMU group %" PRIu64 " on this host.", s->number);
	if (uint_is(&inv->facts.iommu, 0)) {
		error_suffix(err, "it has no groups at all, because no IOMMU is active.");
		if (inv->iommu_advice)
			error_hint(err, "%s", inv->iommu_advice);
	} else if (uint_is(&inv->facts.groups_late, 1)) {
		error_suffix(err, "on this kernel a group may appear only when one of its "
				  "functions is first bound to a driver.");
	}
	error_hint(err, "'vfioadm list --tree' shows the groups with their functions.");
	return -ENOENT;
}

/* FIDs that are there, with those of slots in standby. */
static void hint_numbers(const struct vfioadm_inventory *inv, const struct selector *s,
			 const char *key, struct vfioadm_error **err)
{
	_cleanup_naming_ struct naming m = {0};
	_cleanup_free_ char *there = NULL;

	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];
		const struct vfioadm_uint *v = s->kind == SELECT_UID   ? &f->uid
					       : s->kind == SELECT_FID ? &f->fid
								       : &f->pchid;

		if (v->state == VFIOADM_KNOWN)
			name_one(&m, "%s=%" PRIx64 " (%s)", key, v->value, f->address);
	}
	for (size_t i = 0; i < inv->n_slots && s->kind == SELECT_FID; i++)
		if (inv->slots[i].fid.state == VFIOADM_KNOWN)
			name_one(&m, "%s=%" PRIx64 " (%s)", key, inv->slots[i].fid.value,
				 uint_is(&inv->slots[i].power, 0) ? "in standby" : "no function");
	if (!m.n && inv->facts.machine != MACHINE_S390) {
		error_hint(err,
			   "Only functions of IBM Z and LinuxONE (s390x) have a %s; name this "
			   "one by its address.",
			   key);
		return;
	}
	there = m.n ? naming_take(&m) : NULL;
	if (there)
		error_hint(err, "There is %s.", there);
}

static const struct vfioadm_slot *slot_of_fid(const struct vfioadm_inventory *inv, uint64_t fid)
{
	for (size_t i = 0; i < inv->n_slots; i++)
		if (uint_is(&inv->slots[i].fid, fid))
			return &inv->slots[i];
	return NULL;
}

static int no_slot_function(const struct vfioadm_slot *slot, struct vfioadm_error **err)
{
	uint64_t fid = slot->fid.value;

	if (uint_is(&slot->power, 1)) {
		error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND,
			  "The function with fid=%" PRIx64
			  " (slot %s) is configured, but Linux shows "
			  "no device for it.",
			  fid, slot->name);
		error_hint(err,
			   "See the kernel log for its reason; two functions with the same UID "
			   "are a usual one.");
		return -ENOENT;
	}
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND,
		  "The function with fid=%" PRIx64 " (slot %s) is in standby.", fid, slot->name);
	error_hint(err, "Configure it with: echo 1 > /sys/bus/pci/slots/%s/power", slot->name);
	return -ENOENT;
}

static int no_zpci_number(const struct vfioadm_inventory *inv, const struct selector *s,
			  const char *key, struct vfioadm_error **err)
{
	const struct vfioadm_slot *slot = NULL;

	if (s->kind == SELECT_FID)
		slot = slot_of_fid(inv, s->number);
	if (slot)
		return no_slot_function(slot, err);
	error_set(err, -ENOENT, VFIOADM_E_NOT_FOUND, "No function of this host has %s=%" PRIx64 ".",
		  key, s->number);
	hint_numbers(inv, s, key, err);
	return -ENOENT;
}

static int no_value(const struct selector *s, const char *what, struct vfioadm_error **err)
{
	_cleanup_free_ char *value = selector_quote(s->value), *message = NULL;

	if (value)
		message = str_format("No function of this host has the %s %s.", what, value);
	return message ? not_found(err, message) : error_oom(err);
}

static bool is_block(const struct vfioadm_inventory *inv, const char *name)
{
	for (size_t i = 0; i < inv->n_functions; i++)
		for (size_t j = 0; j < inv->functions[i].block.n; j++)
			if (streq(inv->functions[i].block.items[j], name))
				return true;
	return false;
}

static int no_interface(const struct vfioadm_inventory *inv, const struct selector *s,
			struct vfioadm_error **err)
{
	_cleanup_naming_ struct naming m = {0};
	_cleanup_free_ char *name = selector_quote(s->text), *message = NULL, *there = NULL;

	if (name)
		message = str_format("No function of this host carries %s\"%s\".",
				     s->kind == SELECT_NODE ? "" : "a network interface ", name);
	if (!message)
		return error_oom(err);
	not_found(err, message);
	if (s->kind == SELECT_NODE)
		return -ENOENT;
	if (is_block(inv, s->text))
		error_hint(err, "Did you mean the disk /dev/%s?", s->text);
	for (size_t i = 0; i < inv->n_functions; i++)
		for (size_t j = 0; j < inv->functions[i].net.n; j++)
			name_one(&m, "%s (%s)", inv->functions[i].net.items[j],
				 inv->functions[i].address);
	there = m.n ? naming_take(&m) : NULL;
	if (there)
		error_hint(err, "There is %s.", there);
	return -ENOENT;
}

/* ---- both -------------------------------------------------------------------------------------- */

static int explain_kind(const struct vfioadm_inventory *inv, const struct selector *s,
			struct vfioadm_error **err)
{
	switch (s->kind) {
	case SELECT_ADDRESS:
		return no_address(inv, s, err);
	case SELECT_CARDTYPE:
		return no_cardtype(inv, s, err);
	case SELECT_GROUP:
		return no_group(inv, s, err);
	case SELECT_UID:
		return no_zpci_number(inv, s, "uid", err);
	case SELECT_FID:
		return no_zpci_number(inv, s, "fid", err);
	case SELECT_PCHID:
		return no_zpci_number(inv, s, "pchid", err);
	case SELECT_SERIAL:
		return no_value(s, "serial number", err);
	case SELECT_MAC:
		return no_value(s, "permanent MAC address", err);
	case SELECT_PATH:
		return no_value(s, "path", err);
	case SELECT_NODE:
	case SELECT_INTERFACE:
		break;
	}
	return no_interface(inv, s, err);
}

/* What was looked for is not there, but not everything could be looked at. */
static void explain_undecided(const struct vfioadm_inventory *inv, const struct selector *s,
			      struct vfioadm_error **err)
{
	size_t n = 0;

	for (size_t i = 0; i < inv->n_functions; i++)
		n += selector_undecided(s, &inv->functions[i]);
	if (!n)
		return;
	error_suffix(err, "for %zu function%s this could not be read.", n, n == 1 ? "" : "s");
	if (!uint_is(&inv->facts.root, 1))
		error_hint(err, "Run it again as root, who can read more.");
}

static void hint_value(const struct selector *s, struct vfioadm_error **err)
{
	if (s->kind == SELECT_SERIAL)
		error_hint(err,
			   "'vfioadm show' prints the serial numbers of a function; that of an "
			   "NVMe drive is known only while its host driver is bound.");
	else if (s->kind == SELECT_MAC)
		error_hint(err,
			   "The permanent address of a network function is known only while its "
			   "host driver is bound; then name it by its address.");
	else if (s->kind == SELECT_PATH)
		error_hint(err, "'vfioadm show' prints the path of a function, for example "
				"pci-0000:00:1c.0/00.0.");
}

int select_explain_none(const struct vfioadm_inventory *inv, const struct selector *s,
			struct vfioadm_error **err)
{
	int r = explain_kind(inv, s, err);

	if (r == -ENOMEM)
		return r;
	explain_undecided(inv, s, err);
	hint_value(s, err);
	error_hint(err, "'vfioadm list --all' shows every function.");
	return r;
}

int select_explain_several(const struct vfioadm_inventory *inv, const struct selector *s,
			   const struct selection *matches, struct vfioadm_error **err)
{
	_cleanup_naming_ struct naming m = {0};
	_cleanup_free_ char *quoted = selector_quote(s->text), *there = NULL;

	for (size_t i = 0; i < matches->n; i++)
		name_one(&m, "%s", inv->functions[matches->items[i]].address);
	there = naming_take(&m);
	if (!quoted || !there)
		return error_oom(err);
	error_set(err, -EINVAL, VFIOADM_E_AMBIGUOUS, "\"%s\" names %zu functions: %s.", quoted,
		  matches->n, there);
	error_hint(err, "Name one of them by its address, or take them all with --all-matching.");
	return -EINVAL;
}
