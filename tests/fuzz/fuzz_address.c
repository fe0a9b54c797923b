/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses: as the kernel writes them, as people mistype them, and inside paths of sysfs. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/observe_private.h"

static void check_round_trip(const struct address *a)
{
	char buf[ADDRESS_MAX];
	struct address again;

	FUZZ_CHECK(a->slot < 32 && a->function < 8);
	address_format(a, buf);
	FUZZ_CHECK(strlen(buf) < ADDRESS_MAX);
	FUZZ_CHECK(address_parse(buf, &again) == 0);
	FUZZ_CHECK(address_compare(a, &again) == 0);
}

static void check_path(const char *path)
{
	_cleanup_free_ char *bridges = identity_bridge_path(path);
	char found[ADDRESS_MAX];
	struct address a;
	const char *rest;

	if (last_address(path, found, &rest)) {
		FUZZ_CHECK(address_parse(found, &a) == 0);
		FUZZ_CHECK(rest >= path && rest <= path + strlen(path));
		FUZZ_CHECK(strstr(path, found));
		/* Nothing behind the last one is one. */
		FUZZ_CHECK(!last_address(rest, found, NULL));
	}
	FUZZ_CHECK(!bridges || strncmp(bridges, "pci-", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = fuzz_string(data, size);
	struct address a;

	if (address_parse(s, &a) == 0)
		check_round_trip(&a);
	if (address_guess(s, &a))
		check_round_trip(&a);
	check_path(s);
	return 0;
}
