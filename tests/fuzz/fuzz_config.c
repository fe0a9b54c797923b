/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration space, as long as the kernel cares to give it; and names in EBCDIC. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/observe_private.h"

static void check_serial(const unsigned char *config, size_t size)
{
	char text[24];
	struct vfioadm_str serial;

	memset(text, 'x', sizeof(text));
	serial = identity_serial(config, size, text);
	if (serial.state != VFIOADM_KNOWN)
		return;
	FUZZ_CHECK(serial.value == text && strlen(text) == 23);
	FUZZ_CHECK(strspn(text, "0123456789abcdef-") == 23);
}

static void check_ebcdic(const unsigned char *data, size_t size)
{
	char text[160];

	/* Also where there is hardly any room. */
	for (size_t room = 1; room <= sizeof(text); room += room < 8 ? 1 : 76) {
		identity_ebcdic(data, size, text, room);
		FUZZ_CHECK(strlen(text) < room);
		fuzz_check_text("util_string", text, false);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_serial(data, size);
	check_ebcdic(data, size);
	return 0;
}
