/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's routing tables as text: another root has nothing else, and its text may be anything. */
#include <string.h>

#include "host/uses_net.h"

enum {
	ROUTE_UP = 0x1,
	ROUTE_GATEWAY = 0x2,
	ROUTE_REJECT = 0x200,
	LINE_SIZE = 512,
};

struct route {
	char interface[64];
	uint8_t destination[16];
	unsigned prefix, flags;
};

static bool next_line(const char **text, char line[LINE_SIZE])
{
	while (**text) {
		size_t n = strcspn(*text, "\n"), kept = n < LINE_SIZE ? n : 0;

		memcpy(line, *text, kept);
		line[kept] = '\0';
		*text += n + ((*text)[n] == '\n');
		if (kept)
			return true;
	}
	return false;
}

/* The number as it lies in memory: network order, printed as a number of the machine. */
static void ipv4_bytes(uint32_t v, bool big, uint8_t out[4])
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (big ? 24 - 8 * i : 8 * i));
}

/* Number of leading ones; a mask with holes is none. */
static bool prefix_of(const uint8_t mask[4], unsigned *ret)
{
	uint32_t v = (uint32_t)mask[0] << 24 | (uint32_t)mask[1] << 16 | (uint32_t)mask[2] << 8 | mask[3];
	unsigned n = 0;

	while (n < 32 && (v & 0x80000000u >> n))
		n++;
	*ret = n;
	return n == 32 || v << n == 0;
}

/* "eth0 0002A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0" */
static bool parse_ipv4(const char *line, bool big, struct route *ret)
{
	unsigned destination, mask;
	uint8_t bytes[4];

	*ret = (struct route){ 0 };
	if (sscanf(line, "%63s %8x %*8x %8x %*d %*d %*d %8x", ret->interface, &destination, &ret->flags,
		   &mask) != 4)
		return false;
	ipv4_bytes(destination, big, ret->destination);
	ipv4_bytes(mask, big, bytes);
	return prefix_of(bytes, &ret->prefix);
}

static bool parse_hex(const char *s, uint8_t out[16])
{
	if (strlen(s) != 32)
		return false;
	for (size_t i = 0; i < 16; i++) {
		unsigned v;

		if (strspn(s + 2 * i, "0123456789abcdefABCDEF") < 2 || sscanf(s + 2 * i, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

/* "destination 40 source 00 next-hop metric references uses flags eth0" */
static bool parse_ipv6(const char *line, struct route *ret)
{
	char destination[33];

	*ret = (struct route){ 0 };
	return sscanf(line, "%32s %2x %*32s %*2x %*32s %*8x %*8x %*8x %8x %63s", destination, &ret->prefix,
		      &ret->flags, ret->interface) == 4 &&
	       ret->prefix <= 128 && parse_hex(destination, ret->destination);
}

static bool parse_route(const char *line, bool six, bool big, struct route *ret)
{
	if (!(six ? parse_ipv6(line, ret) : parse_ipv4(line, big, ret)))
		return false;
	return (ret->flags & ROUTE_UP) && !(ret->flags & ROUTE_REJECT) && !streq(ret->interface, "lo");
}

static bool matches(const struct route *route, const uint8_t *address)
{
	unsigned whole = route->prefix / 8, rest = route->prefix % 8;

	if (memcmp(route->destination, address, whole) != 0)
		return false;
	return !rest || ((route->destination[whole] ^ address[whole]) & (0xff00u >> rest & 0xff)) == 0;
}

void net_table_lookup(const char *text, const uint8_t *address, size_t address_size, bool big,
		      char ret_interface[64])
{
	char line[LINE_SIZE];
	struct route route;
	bool found = false;
	unsigned best = 0;

	ret_interface[0] = '\0';
	while (next_line(&text, line)) {
		if (!parse_route(line, address_size == 16, big, &route) || !matches(&route, address))
			continue;
		/* Of equal ones the first is used: the kernel lists them by their metric. */
		if (!found || route.prefix > best)
			memcpy(ret_interface, route.interface, sizeof(route.interface));
		best = !found || route.prefix > best ? route.prefix : best;
		found = true;
	}
}

int net_table_defaults(const char *text, bool six, int (*fn)(const char *interface, void *userdata),
		       void *userdata)
{
	char line[LINE_SIZE];
	struct route route;
	int r = 0;

	while (r == 0 && next_line(&text, line))
		if (parse_route(line, six, false, &route) && route.prefix == 0)
			r = fn(route.interface, userdata);
	return r;
}

bool net_table_connected(const char *text, const uint8_t address[4], bool big, char ret_interface[64],
			 unsigned *ret_prefix)
{
	char line[LINE_SIZE];
	struct route route;
	bool found = false;

	while (next_line(&text, line)) {
		if (!parse_route(line, false, big, &route) || (route.flags & ROUTE_GATEWAY) ||
		    !matches(&route, address) || (found && route.prefix <= *ret_prefix))
			continue;
		memcpy(ret_interface, route.interface, sizeof(route.interface));
		*ret_prefix = route.prefix;
		found = true;
	}
	return found;
}
