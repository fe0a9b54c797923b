/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/address.h"

void address_format(const struct address *a, char buf[ADDRESS_MAX])
{
	snprintf(buf, ADDRESS_MAX, "%04x:%02x:%02x.%u", a->domain, a->bus, a->slot, a->function);
}

/* Exactly min..max hex digits at *s, followed by the character end. */
static int parse_field(const char **s, unsigned min, unsigned max, char end, uint32_t limit,
		       uint32_t *ret)
{
	char digits[9];
	size_t n = strspn(*s, "0123456789abcdefABCDEF");
	uint64_t v;

	if (n < min || n > max || n >= sizeof(digits) || (*s)[n] != end)
		return -EINVAL;
	memcpy(digits, *s, n);
	digits[n] = '\0';
	if (str_to_u64(digits, 16, limit, &v) < 0)
		return -EINVAL;
	*s += n + (end != '\0');
	*ret = (uint32_t)v;
	return 0;
}

int address_parse(const char *s, struct address *ret)
{
	uint32_t domain = 0, bus, slot, function;
	const char *first = strchr(s, ':');

	if (!first)
		return -EINVAL;
	if (strchr(first + 1, ':') && parse_field(&s, 4, 8, ':', UINT32_MAX, &domain) < 0)
		return -EINVAL;
	if (parse_field(&s, 2, 2, ':', 0xff, &bus) < 0 ||
	    parse_field(&s, 2, 2, '.', 0x1f, &slot) < 0 ||
	    parse_field(&s, 1, 1, '\0', 7, &function) < 0)
		return -EINVAL;
	*ret = (struct address){ domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)function };
	return 0;
}

bool address_guess(const char *s, struct address *ret)
{
	static const uint32_t limits[] = { UINT32_MAX, 0xff, 0x1f, 7 };
	uint32_t v[4] = { 0 };
	size_t first = strspn(s, "0123456789abcdefABCDEF");
	char separator = '\0';
	unsigned n = 0;

	for (; n < 4; n++) {
		size_t len = strspn(s, "0123456789abcdefABCDEF");
		char digits[9];
		uint64_t value;

		if (len == 0 || len >= sizeof(digits))
			return false;
		memcpy(digits, s, len);
		digits[len] = '\0';
		if (str_to_u64(digits, 16, UINT32_MAX, &value) < 0)
			return false;
		v[n] = (uint32_t)value;
		s += len;
		if (!*s)
			break;
		if (!strchr(":.-_/", *s))
			return false;
		separator = *s++;
	}
	if (*s || n < 2 || n > 3)
		return false;
	/* Three groups are the short form without a domain, or "dddd:bb:dd" without a function. */
	if (n == 2 && (first < 4 || separator == '.')) {
		memmove(v + 1, v, 3 * sizeof(*v));
		v[0] = 0;
	}
	for (n = 0; n < 4; n++)
		if (v[n] > limits[n])
			return false;
	*ret = (struct address){ v[0], (uint8_t)v[1], (uint8_t)v[2], (uint8_t)v[3] };
	return true;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return (int)a->function - (int)b->function;
}
