/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a function is named so that a declaration means it, and nothing else, after the next change of hardware. */
#include <string.h>

#include "policy/match.h"

static bool same_number(const struct vfioadm_uint *a, const struct vfioadm_uint *b)
{
	return a->state == VFIOADM_KNOWN && b->state == VFIOADM_KNOWN && a->value == b->value;
}

bool identity_rival(const struct vfioadm_function *f, const struct vfioadm_function *other)
{
	return f != other && (inventory_same_slot(f, other) || (same_number(&f->vendor, &other->vendor) &&
						      same_number(&f->device, &other->device)));
}

static int set_hex(struct declaration *d, enum match_key key, const struct vfioadm_uint *value, int digits,
		   struct arena *arena)
{
	if (value->state != VFIOADM_KNOWN)
		return 0;
	d->number[key] = value->value;
	d->match[key] = arena_format(arena, "%0*llx", digits, (unsigned long long)value->value);
	return d->match[key] ? 0 : -ENOMEM;
}

static int set_ids(struct declaration *d, const struct vfioadm_function *f, struct arena *arena)
{
	if (set_hex(d, MATCH_VENDOR, &f->vendor, 4, arena) < 0 ||
	    set_hex(d, MATCH_DEVICE, &f->device, 4, arena) < 0 ||
	    set_hex(d, MATCH_SUBVENDOR, &f->subsystem_vendor, 4, arena) < 0 ||
	    set_hex(d, MATCH_SUBDEVICE, &f->subsystem_device, 4, arena) < 0)
		return -ENOMEM;
	return 0;
}

/* Some cards have the same number in all of their functions, and some makers in all of their cards. */
static bool has_own_serial(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->serial.state != VFIOADM_KNOWN)
		return false;
	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *other = &inv->functions[i];

		if (other != f && str_is(&other->serial, f->serial.value))
			return false;
		if (other->serial.state == VFIOADM_UNKNOWN && identity_rival(f, other))
			return false;
	}
	return true;
}

static bool has_own_path(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->path.state != VFIOADM_KNOWN || f->physfn.state != VFIOADM_NONE)
		return false;
	for (size_t i = 0; i < inv->n_functions; i++)
		if (&inv->functions[i] != f && str_is(&inv->functions[i].path, f->path.value))
			return false;
	return true;
}

static enum match_key strongest_key(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	if (f->uid.state == VFIOADM_KNOWN && f->uid.value && uint_is(&f->uid_is_unique, 1))
		return MATCH_UID;
	if (f->fid.state == VFIOADM_KNOWN)
		return MATCH_FID;
	if (has_own_serial(inv, f))
		return MATCH_SERIAL;
	if (f->physfn.state == VFIOADM_KNOWN && f->vf_index.state == VFIOADM_KNOWN)
		return MATCH_VF;
	return has_own_path(inv, f) ? MATCH_PATH : MATCH_ADDRESS;
}

static int set_text(struct declaration *d, enum match_key key, const char *text, struct arena *arena)
{
	d->match[key] = arena_strdup(arena, text);
	return d->match[key] ? 0 : -ENOMEM;
}

/* The path of a virtual function is that of its PF, "/virtfn" and its number. */
static int set_vf(struct declaration *d, const struct vfioadm_function *f, struct arena *arena)
{
	const char *end = f->path.state == VFIOADM_KNOWN ? strstr(f->path.value, "/virtfn") : NULL;

	d->vf_index = (unsigned)f->vf_index.value;
	d->vf_of = end ? arena_strndup(arena, f->path.value, (size_t)(end - f->path.value)) :
			 arena_strdup(arena, f->physfn.value);
	if (!d->vf_of)
		return -ENOMEM;
	d->match[MATCH_VF] = arena_format(arena, "%u %s", d->vf_index, d->vf_of);
	return d->match[MATCH_VF] ? 0 : -ENOMEM;
}

static int set_key(struct declaration *d, enum match_key key, const struct vfioadm_function *f,
		   struct arena *arena)
{
	switch (key) {
	case MATCH_UID:
		return set_hex(d, key, &f->uid, 4, arena);
	case MATCH_FID:
		return set_hex(d, key, &f->fid, 8, arena);
	case MATCH_SERIAL:
		return set_text(d, key, f->serial.value, arena);
	case MATCH_VF:
		return set_vf(d, f, arena);
	case MATCH_PATH:
		return set_text(d, key, f->path.value, arena);
	default:
		return set_text(d, MATCH_ADDRESS, f->address, arena);
	}
}

static enum trust trust_in(enum match_key key, const struct declaration *d)
{
	switch (key) {
	case MATCH_UID:
	case MATCH_FID:
	case MATCH_SERIAL:
		return TRUST_CARD;
	case MATCH_VF:
		return str_after(d->vf_of, "pci-") ? TRUST_SLOT : TRUST_ADDRESS;
	case MATCH_PATH:
		return TRUST_SLOT;
	default:
		return TRUST_ADDRESS;
	}
}

static const char *class_word(const struct vfioadm_function *f)
{
	/* The narrower ones first. */
	static const struct {
		unsigned shift, value;
		const char *word;
	} words[] = {
		{ 8, 0x0108, "nvme" }, { 8, 0x0b40, "accelerator" }, { 8, 0x0c03, "usb" },
		{ 16, 0x01, "storage" }, { 16, 0x02, "net" },	       { 16, 0x03, "gpu" },
		{ 16, 0x04, "media" },	 { 16, 0x12, "accelerator" },
	};

	for (size_t i = 0; f->class_code.state == VFIOADM_KNOWN && i < ARRAY_SIZE(words); i++)
		if (f->class_code.value >> words[i].shift == words[i].value)
			return words[i].word;
	return "pci";
}

static int set_name(struct declaration *d, const struct vfioadm_function *f, struct arena *arena)
{
	char *name = arena_format(arena, "%s-%s", class_word(f), f->address);

	for (char *p = name; p && *p; p++)
		if (*p == ':')
			*p = '-';
	d->name = name;
	return name ? 0 : -ENOMEM;
}

static int set_last_seen(struct declaration *d, const struct vfioadm_function *f, struct arena *arena)
{
	const char *vendor = f->vendor_name.state == VFIOADM_KNOWN ? f->vendor_name.value : "";
	const char *device = f->device_name.state == VFIOADM_KNOWN ? f->device_name.value : "";
	char *text = arena_format(arena, "%s %s", vendor, device);

	text = text ? declaration_clean_name(arena, text) : NULL;
	d->seen_address = arena_strdup(arena, f->address);
	if (!text || !d->seen_address)
		return -ENOMEM;
	d->seen_name = *text ? text : NULL;
	return 0;
}

int identity_of(const struct vfioadm_inventory *inv, const struct vfioadm_function *f, struct arena *arena,
		struct declaration *ret, enum match_key *ret_key, enum trust *ret_trust)
{
	struct declaration d = { .node_mode = uint_none(), .vfs = uint_none() };
	enum match_key key = strongest_key(inv, f);

	if (f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
		return -ENODATA;
	if (set_ids(&d, f, arena) < 0 || set_key(&d, key, f, arena) < 0 || set_name(&d, f, arena) < 0 ||
	    set_last_seen(&d, f, arena) < 0)
		return -ENOMEM;
	*ret_trust = trust_in(key, &d);
	*ret_key = key;
	*ret = d;
	return 0;
}
