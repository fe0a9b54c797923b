/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt's files, command lines of QEMU, and lines about interfaces from the helper. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/uses_net.h"
#include "host/uses_private.h"

static int check_claim(const struct libvirt_claim *c, void *userdata)
{
	unsigned *n = userdata;

	if (c->pf)
		FUZZ_CHECK(memchr(c->pf, '\0', 4096));
	else
		FUZZ_CHECK(c->address.slot < 32 && c->address.function < 8);
	FUZZ_CHECK(c->name && memchr(c->name, '\0', 4096));
	/* Every ninth is one too many. */
	return ++*n % 9 ? 0 : -ECANCELED;
}

static void check_command_line(const char *text, size_t size)
{
	char name[64];

	for (size_t room = 1; room <= sizeof(name); room *= 4) {
		memset(name, 'x', sizeof(name));
		if (vfio_guest_name(text, size, name, room))
			FUZZ_CHECK(memchr(name, '\0', room));
	}
}

static void check_line(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	struct net_fact fact = {0};
	unsigned flags;

	FUZZ_CHECK(copy);
	if (!net_line_parse(copy, &fact, &flags))
		return;
	FUZZ_CHECK(fact.name && *fact.name && !strchr(fact.name, ' '));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_string(data, size);
	unsigned n = 0;
	int r = libvirt_scan(text, size, check_claim, &n);

	FUZZ_CHECK(r == 0 || r == -ECANCELED);
	check_command_line(text, size);
	check_line(text);
	return 0;
}
