/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "model/cardtype.h"

static const struct {
	const char *name;
	uint32_t max;
	unsigned digits;
} fields[] = {
	{ "vendor", 0xffff, 4 },    { "device", 0xffff, 4 },      { "subvendor", 0xffff, 4 },
	{ "subdevice", 0xffff, 4 }, { "class", 0xffffff, 6 }, { "class mask", 0xffffffff, 6 },
};

static int bad_field(const char *whole, const char *text, size_t i, struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_BAD_ID,
		  "\"%s\" is not a card-type ID: %s \"%s\" is not a hexadecimal number of up "
		  "to %u digits.",
		  whole, fields[i].name, text, fields[i].digits);
	error_hint(err, "Write vendor:device as 'lspci -n' prints it, for example 15b3:1003.");
	return -EINVAL;
}

static int parse_one(const char *whole, char *text, size_t i, uint32_t *ret,
		     struct vfioadm_error **err)
{
	uint64_t v;
	/* The kernel's own wildcard; only for what may be left out, or (the device) where a class says what is meant. */
	bool any = i >= 1 && i <= 3 && (streq(text, "*") || streq(text, "ffffffff"));

	if (any) {
		*ret = CARDTYPE_ANY;
		return 0;
	}
	if (str_to_u64(text, 16, fields[i].max, &v) < 0)
		return bad_field(whole, text, i, err);
	*ret = (uint32_t)v;
	return 0;
}

static int bad_shape(const char *s, struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_BAD_ID,
		  "\"%s\" is not a card-type ID of the form "
		  "vendor:device[:subvendor[:subdevice[:class[:mask]]]].",
		  s);
	error_hint(err, "Write vendor:device as 'lspci -n' prints it, for example 15b3:1003.");
	return -EINVAL;
}

int cardtype_parse(const char *s, struct cardtype *ret, struct vfioadm_error **err)
{
	uint32_t v[6] = { 0, 0, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0 };
	_cleanup_free_ char *copy = strdup(s);
	char *rest = copy, *text, *device = NULL;
	size_t n = 0;

	if (!copy)
		return error_oom(err);
	while ((text = strsep(&rest, ":"))) {
		if (n == ARRAY_SIZE(fields))
			return bad_shape(s, err);
		if (parse_one(s, text, n, &v[n], err) < 0)
			return -EINVAL;
		device = n == 1 ? text : device;
		n++;
	}
	if (n < 2)
		return bad_shape(s, err);
	/* A class without a mask would match every class (the kernel compares masked bits only). */
	if (n == 5 && v[4])
		v[5] = 0xffffff;
	/* A class has 24 bits; masks are often written with 32. */
	v[5] &= 0xffffff;
	if (v[1] == CARDTYPE_ANY && !v[5])
		return bad_field(s, device, 1, err);
	*ret = (struct cardtype){ v[0], v[1], v[2], v[3], v[4], v[5] };
	return 0;
}

/* One "%x" of the kernel's sscanf(): blanks before it, "0x" or not. NULL: no number. */
static const char *scan_hex(const char *s, uint64_t *ret)
{
	char *end;

	s += strspn(s, " \t\n\v\f\r");
	if (!isxdigit((unsigned char)*s))
		return NULL;
	*ret = strtoull(s, &end, 16);
	return end;
}

int cardtype_parse_parameter(const char *s, struct cardtype *ret, bool *ret_exact)
{
	uint64_t v[6] = { 0, 0, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0 };
	size_t n = 0;

	for (const char *next; n < ARRAY_SIZE(v) && (next = scan_hex(s, &v[n])); n++) {
		if (v[n] > UINT32_MAX)
			return -EINVAL;
		s = next;
		if (*s != ':' || n + 1 == ARRAY_SIZE(v)) {
			n++;
			break;
		}
		s++;
	}
	if (n < 2)
		return -EINVAL;
	/* vfio_pci_fill_ids(): without a mask a class counts for nothing. */
	v[4] &= v[5];
	if (v[4] & ~0xffffffull)
		return -EINVAL;
	v[5] &= 0xffffff;
	*ret = (struct cardtype){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3], (uint32_t)v[4],
				  (uint32_t)v[5] };
	*ret_exact = !s[strspn(s, " \t\n\v\f\r")];
	return 0;
}

static int put_subsystem(char *buf, uint32_t v)
{
	return v == CARDTYPE_ANY ? sprintf(buf, ":*") : sprintf(buf, ":%04x", v);
}

void cardtype_format(const struct cardtype *id, char buf[CARDTYPE_MAX])
{
	bool class = id->class_code || id->class_mask;
	bool subdevice = class || id->subdevice != CARDTYPE_ANY;
	int n = id->device == CARDTYPE_ANY ? sprintf(buf, "%04x:*", id->vendor) :
					     sprintf(buf, "%04x:%04x", id->vendor, id->device);

	if (subdevice || id->subvendor != CARDTYPE_ANY)
		n += put_subsystem(buf + n, id->subvendor);
	if (subdevice)
		n += put_subsystem(buf + n, id->subdevice);
	if (class)
		sprintf(buf + n, ":%06x:%06x", id->class_code, id->class_mask);
}

void cardtype_format_new_id(const struct cardtype *id, char buf[CARDTYPE_MAX])
{
	snprintf(buf, CARDTYPE_MAX, "%04x %04x %08x %08x %06x %06x", id->vendor, id->device,
		 id->subvendor, id->subdevice, id->class_code, id->class_mask);
}

void cardtype_format_parameter(const struct cardtype *id, char buf[CARDTYPE_MAX])
{
	cardtype_format(id, buf);
	if (!strchr(buf, '*'))
		return;
	cardtype_format_new_id(id, buf);
	for (char *p = buf; *p; p++)
		if (*p == ' ')
			*p = ':';
}

bool cardtype_equal(const struct cardtype *a, const struct cardtype *b)
{
	return a->vendor == b->vendor && a->device == b->device && a->subvendor == b->subvendor &&
	       a->subdevice == b->subdevice && a->class_code == b->class_code &&
	       a->class_mask == b->class_mask;
}

static bool any_or_equal(uint32_t pattern, uint32_t value)
{
	return pattern == CARDTYPE_ANY || pattern == value;
}

static bool fits(const struct cardtype *pattern, const struct cardtype *id)
{
	return pattern->vendor == id->vendor && pattern->device == id->device &&
	       any_or_equal(pattern->subvendor, id->subvendor) &&
	       any_or_equal(pattern->subdevice, id->subdevice) &&
	       !((pattern->class_code ^ id->class_code) & pattern->class_mask);
}

bool cardtype_removes(const struct cardtype *given, const struct cardtype *held)
{
	return fits(given, held);
}

bool cardtype_covers(const struct cardtype *held, const struct cardtype *given)
{
	struct cardtype narrowed = *held;

	if (held->device == CARDTYPE_ANY)
		narrowed.device = given->device;
	return fits(&narrowed, given);
}

static bool field_matches(uint32_t want, const struct vfioadm_uint *have)
{
	return want == CARDTYPE_ANY || (have->state == VFIOADM_KNOWN && have->value == want);
}

bool cardtype_matches(const struct cardtype *id, const struct vfioadm_function *f)
{
	return field_matches(id->vendor, &f->vendor) && field_matches(id->device, &f->device) &&
	       field_matches(id->subvendor, &f->subsystem_vendor) &&
	       field_matches(id->subdevice, &f->subsystem_device) &&
	       (!id->class_mask ||
		(f->class_code.state == VFIOADM_KNOWN &&
		 !((id->class_code ^ (uint32_t)f->class_code.value) & id->class_mask)));
}
