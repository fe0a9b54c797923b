/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Card types that a udev rule names: by attributes, by the kernel's MODALIAS, by class. */
#include <ctype.h>
#include <string.h>

#include "host/others.h"

enum { ALTERNATIVES_MAX = 8, VALUE_MAX = 256 };

/* A field with its mask; "0x10de" is exact, "0x03*" covers what begins so. */
struct field {
	uint32_t value, mask;
};

struct alternatives {
	struct field items[ALTERNATIVES_MAX];
	size_t n;
};

/* digits: of the whole field. */
static bool read_field(const char *p, size_t n, size_t digits, struct field *ret)
{
	uint32_t value = 0, mask = 0;
	size_t i;

	if (n > digits)
		return false;
	for (i = 0; i < n && isxdigit((unsigned char)p[i]); i++) {
		unsigned char c = (unsigned char)tolower((unsigned char)p[i]);

		value = value << 4 | (uint32_t)(isdigit(c) ? c - '0' : c - 'a' + 10);
		mask = mask << 4 | 0xf;
	}
	/* Else only wildcards may follow. */
	if ((i < n && strspn(p + i, "*?") < n - i) || !i || (i == n && n < digits))
		return false;
	for (; i < digits; i++) {
		value <<= 4;
		mask <<= 4;
	}
	*ret = (struct field){ value, mask };
	return true;
}

/* KEY=="0x10de|0x1002" (or !=: the rule then jumps over the rest). */
static void read_attribute(const char *line, const char *key, size_t digits, struct alternatives *ret)
{
	const char *p = strstr(line, key);
	size_t n;

	ret->n = 0;
	if (!p)
		return;
	p += strlen(key);
	p += strspn(p, " \t");
	if ((*p != '=' && *p != '!') || p[1] != '=')
		return;
	p += 2;
	p += strspn(p, " \t");
	if (*p++ != '"')
		return;
	for (; *p && *p != '"' && ret->n < ALTERNATIVES_MAX; p += n + (p[n] == '|')) {
		size_t skip = str_after(p, "0x") || str_after(p, "0X") ? 2 : 0;

		n = strcspn(p, "|\"");
		if (skip < n && read_field(p + skip, n - skip, digits, &ret->items[ret->n]))
			ret->n++;
	}
}

/* "v000010DE" of MODALIAS: the four digits that count. */
static bool read_tag(const char **p, const char *tag, size_t digits, struct field *ret)
{
	const char *q = str_after(*p, tag);
	size_t n = digits == 4 ? 8 : digits;

	*ret = (struct field){ 0, 0 };
	if (!q)
		return false;
	if (*q == '*') {
		*p = q + 1;
		return true;
	}
	/* The next tag may begin with a letter that is a digit as well. */
	if (strspn(q, "0123456789abcdefABCDEF") < n)
		return false;
	*p = q + n;
	return read_field(q + n - digits, digits, digits, ret);
}

static bool add_type(const struct field *vendor, const struct field *device, const struct field *class,
		     struct cardtype *ret)
{
	const uint32_t whole = 0xffff;

	/* vfio-pci's IDs have no wildcards in them, and neither have ours. */
	if (vendor->mask != whole && !class->mask)
		return false;
	*ret = (struct cardtype){
		.vendor = vendor->mask == whole ? vendor->value : CARDTYPE_ANY,
		.device = device->mask == whole ? device->value : CARDTYPE_ANY,
		.subvendor = CARDTYPE_ANY,
		.subdevice = CARDTYPE_ANY,
		.class_code = class->value,
		.class_mask = class->mask,
	};
	return true;
}

/* ENV{MODALIAS}=="pci:v000010DEd00002184sv*sd*bc03sc00i00*"; what is not there any more may be anything. */
static size_t read_modalias(const char *line, struct cardtype *ret)
{
	static const char *const tags[] = { "v", "d", "sv", "sd", "bc", "sc", "i" };
	struct field f[ARRAY_SIZE(tags)] = { 0 }, class;
	const char *p = strstr(line, "pci:v");

	if (!p || (!strstr(line, "MODALIAS") && !strstr(line, "modalias")))
		return 0;
	p += strlen("pci:");
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!read_tag(&p, tags[i], i < 4 ? 4 : 2, &f[i]))
			break;
	class = (struct field){ f[4].value << 16 | f[5].value << 8 | f[6].value,
				f[4].mask << 16 | f[5].mask << 8 | f[6].mask };
	return add_type(&f[0], &f[1], &class, ret);
}

size_t others_rule_types(const char *line, struct cardtype *types, size_t max)
{
	static const struct field any = { 0, 0 };
	struct alternatives vendors, devices, classes;
	size_t n = 0;

	if (max && read_modalias(line, types))
		return 1;
	read_attribute(line, "{vendor}", 4, &vendors);
	read_attribute(line, "{device}", 4, &devices);
	read_attribute(line, "{class}", 6, &classes);
	/* A vendor alone is what many rules begin with, for one of its devices that is named elsewhere. */
	if ((!vendors.n || !devices.n) && !classes.n)
		return 0;
	for (size_t v = 0; v < vendors.n || (v == 0 && !vendors.n); v++)
		for (size_t d = 0; d < devices.n || (d == 0 && !devices.n); d++)
			for (size_t c = 0; c < classes.n || (c == 0 && !classes.n); c++)
				if (n < max && add_type(vendors.n ? &vendors.items[v] : &any,
							devices.n ? &devices.items[d] : &any,
							classes.n ? &classes.items[c] : &any, &types[n]))
					n++;
	return n;
}
