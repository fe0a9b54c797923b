/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_ADDRESS_H
#define VFIOADM_MODEL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A PCI address as the kernel writes it: "%04x:%02x:%02x.%d", lower case. The domain may have more than
 * four digits (Intel VMD starts at 10000).
 */
struct address {
	uint32_t domain;
	uint8_t bus;
	uint8_t slot;     /* 0-31 */
	uint8_t function; /* 0-7 */
};

#define ADDRESS_MAX 24 /* "ffffffff:ff:1f.7" and NUL, rounded up */

void address_format(const struct address *a, char buf[ADDRESS_MAX]);
/** Exactly the kernel's spelling, upper case and the short "bb:dd.f" also accepted. -EINVAL. */
int address_parse(const char *s, struct address *ret);
/**
 * What a misprinted address may have meant ("0001:000:000:0" is "0001:00:00.0"). false: no idea.
 * Something that has the outline of an address: hex digits in groups, parted by ':' or '.'.
 */
bool address_guess(const char *s, struct address *ret);
int address_compare(const struct address *a, const struct address *b);

#endif
