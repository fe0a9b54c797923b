/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a netlink socket gave. The kernel is believed, but not its lengths. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/netlink.h"

static void check_result(int r)
{
	FUZZ_CHECK(r == NETLINK_MORE || r == NETLINK_END || (r < 0 && r >= -4095));
}

/* It becomes a word of a line. */
static void check_word(const char *s, size_t room)
{
	FUZZ_CHECK(strnlen(s, room) < room);
	for (; *s; s++)
		FUZZ_CHECK((unsigned char)*s > ' ' && *s != 0x7f);
}

static void check_links(const uint8_t *first, size_t first_size, const uint8_t *second,
			size_t second_size)
{
	struct netlink_links links = {0};

	check_result(netlink_parse_links(first, first_size, &links));
	check_result(netlink_parse_addresses(second, second_size, &links));
	FUZZ_CHECK(links.n <= links.room || !links.n);
	for (size_t i = 0; i < links.n; i++) {
		FUZZ_CHECK(links.items[i].name[0]);
		check_word(links.items[i].name, sizeof(links.items[i].name));
		check_word(links.items[i].kind, sizeof(links.items[i].kind));
		check_word(links.items[i].bus, sizeof(links.items[i].bus));
		check_word(links.items[i].parent, sizeof(links.items[i].parent));
		check_word(links.items[i].address, sizeof(links.items[i].address));
		FUZZ_CHECK(!links.items[i].n_addresses == !links.items[i].address[0]);
	}
	netlink_links_clear(&links);
}

static void check_route(const uint8_t *data, size_t size)
{
	struct netlink_route route = {0};

	check_result(netlink_parse_route(data, size, &route));
	FUZZ_CHECK(route.n <= NETLINK_HOPS_MAX);
	for (size_t i = 0; i < route.n; i++)
		FUZZ_CHECK(route.hops[i] > 0);
}

static void check_generic(const uint8_t *data, size_t size)
{
	struct netlink_smc smc[4];
	uint16_t family = 0;
	size_t n = 0;

	check_result(netlink_parse_family(data, size, "SMC_GEN_NETLINK", &family));
	FUZZ_CHECK(family == 0 || family >= 16);
	check_result(netlink_parse_smc(data, size, smc, ARRAY_SIZE(smc), &n));
	FUZZ_CHECK(n <= ARRAY_SIZE(smc));
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(smc[i].uses && smc[i].pci[0]);
		check_word(smc[i].pci, sizeof(smc[i].pci));
	}
}

/* A byte says where one answer ends and the next begins; each on its own, so that its end is watched. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ uint8_t *first = NULL, *second = NULL;
	size_t first_size;

	if (!size)
		return 0;
	first_size = (size - 1) * data[0] / 255;
	data++;
	size--;
	first = malloc(first_size + !first_size);
	second = malloc(size - first_size + 1);
	FUZZ_CHECK(first && second);
	memcpy(first, data, first_size);
	memcpy(second, data + first_size, size - first_size);
	check_links(first, first_size, second, size - first_size);
	check_route(first, first_size);
	check_generic(first, first_size);
	return 0;
}
