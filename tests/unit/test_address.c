/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/macro.h"
#include "model/address.h"

static void assert_address(const struct address *a, const char *expected)
{
	char buf[ADDRESS_MAX];

	address_format(a, buf);
	assert_string_equal(buf, expected);
}

static void test_parse(void **state)
{
	static const struct {
		const char *s, *formatted;
	} good[] = {
		{"0000:00:00.0", "0000:00:00.0"},
		{"0000:0A:1f.7", "0000:0a:1f.7"},
		{"ABCD:EF:1F.7", "abcd:ef:1f.7"},
		{"01:00.0", "0000:01:00.0"},
		{"Fe:1c.3", "0000:fe:1c.3"},
		{"10000:01:00.0", "10000:01:00.0"},
		{"00a1:00:00.0", "00a1:00:00.0"},
		{"ffffffff:ff:1f.7", "ffffffff:ff:1f.7"},
		/* Leading zeros beyond four digits are one way to write a domain. */
		{"00000001:00:00.0", "0001:00:00.0"},
	};
	static const char *const bad[] = {
		"",
		":",
		".",
		"0",
		"0000",
		"0000:",
		"0000:00",
		"0000:00:00",
		"0000:00:00.",
		"0000:00:00.8",
		"0000:00:00.00",
		"0000:00:20.0",
		"0000:00:ff.0",
		"0000:100:00.0",
		"0000:0:00.0",
		"0000:00:0.0",
		"000:00:00.0",
		"1:00.0",
		"01:0.0",
		"01:00",
		"0000.00.00.0",
		"0000:00.00.0",
		"0000:00:00:0",
		"0000:00:00.0 ",
		" 0000:00:00.0",
		"0000:00:00.0\n",
		"0000:00:00.0:",
		"0000:00:00.0.0",
		"0000:00:00.g",
		"000g:00:00.0",
		"0x00:00:00.0",
		"0x0000:00:00.0",
		"100000000:00:00.0",
		"-001:00:00.0",
		"+001:00:00.0",
		"0000::00.0",
		":00:00.0",
		"0000:00:00.-1",
		"0000:00:00,0",
		"0001:000:000:0",
		"0001-00-00.0",
		"\xef\xbc\x90:00:00.0",
		"0000:00:00.0000:00:00.0",
		"1:0000:00:00.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct address a;

		assert_int_equal(address_parse(good[i].s, &a), 0);
		assert_address(&a, good[i].formatted);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct address a = {1, 2, 3, 4};

		if (address_parse(bad[i], &a) != -EINVAL)
			fail_msg("\"%s\" was taken for an address", bad[i]);
		assert_address(&a, "0001:02:03.4");
	}
}

static void test_fields(void **state)
{
	struct address a;

	assert_int_equal(address_parse("12345678:9a:1b.5", &a), 0);
	assert_int_equal(a.domain, 0x12345678);
	assert_int_equal(a.bus, 0x9a);
	assert_int_equal(a.slot, 0x1b);
	assert_int_equal(a.function, 5);
}

static void test_guess(void **state)
{
	static const struct {
		const char *s, *expected; /* NULL: no idea */
	} cases[] = {
		{"0001:000:000:0", "0001:00:00.0"},
		{"0001-00-00.0", "0001:00:00.0"},
		{"0000.01.00.0", "0000:01:00.0"},
		{"0000_01_00_0", "0000:01:00.0"},
		{"0000:01:00:0", "0000:01:00.0"},
		{"0000/01/00/0", "0000:01:00.0"},
		{"1:0.0", "0000:01:00.0"},
		{"1:00.0", "0000:01:00.0"},
		{"01:00:0", "0000:01:00.0"},
		{"0:1:1f.7", "0000:01:1f.7"},
		{"10000:1:0:3", "10000:01:00.3"},
		{"AB:1F.7", "0000:ab:1f.7"},
		/* No function: it is the first one, not bus 0. */
		{"0000:01:00", "0000:01:00.0"},
		{"0001:00:1f", "0001:00:1f.0"},
		{"00a1:00:00", "00a1:00:00.0"},
		{"0001:00.0", "0000:01:00.0"},
		{"", NULL},
		{"0", NULL},
		{"01:00", NULL},
		{"15b3:1003", NULL},
		{"0000:01:20.0", NULL},
		{"0000:01:00.8", NULL},
		{"0000:100:00.0", NULL},
		{"100:00.0", NULL},
		{"0000:01:00.0.0", NULL},
		{"0000:01:00.0:", NULL},
		{"0000:01:00.", NULL},
		{":01:00.0", NULL},
		{"0000::00.0", NULL},
		{"0000:01:00.g", NULL},
		{"0000:01:00.0 ", NULL},
		{"0000 01 00 0", NULL},
		{"123456789:00:00.0", NULL},
		{"15b3:1003:0055:0001", NULL},
		{"eth0", NULL},
		{"52:54:00:12:34:56", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address a = {9, 9, 9, 1};
		bool guessed = address_guess(cases[i].s, &a);

		if (guessed != !!cases[i].expected)
			fail_msg("\"%s\": guessed %d", cases[i].s, guessed);
		assert_address(&a, guessed ? cases[i].expected : "0009:09:09.1");
	}
}

static void test_compare(void **state)
{
	static const char *const ascending[] = {
		"0000:00:00.0", "0000:00:00.1",	 "0000:00:00.7",     "0000:00:01.0",
		"0000:00:1f.0", "0000:01:00.0",	 "0000:ff:1f.7",     "0001:00:00.0",
		"ffff:ff:1f.7", "10000:00:00.0", "ffffffff:00:00.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ascending); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ascending); j++) {
			struct address a, b;
			int c;

			assert_int_equal(address_parse(ascending[i], &a), 0);
			assert_int_equal(address_parse(ascending[j], &b), 0);
			c = address_compare(&a, &b);
			assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
		}
}

/* Whatever is written, is read as the same; whatever is damaged, is not read as something else. */
static void test_round_trip(void **state)
{
	uint64_t seed = 0x5deece66d;

	for (unsigned i = 0; i < 20000; i++) {
		struct address a, b;
		char buf[ADDRESS_MAX], damaged[ADDRESS_MAX];
		size_t at;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		a = (struct address){(uint32_t)(seed >> 32) >> (i % 32), (uint8_t)(seed >> 24),
				     seed >> 16 & 0x1f, seed >> 8 & 7};
		address_format(&a, buf);
		assert_int_equal(address_parse(buf, &b), 0);
		assert_int_equal(address_compare(&a, &b), 0);
		assert_true(address_guess(buf, &b));
		assert_int_equal(address_compare(&a, &b), 0);

		strcpy(damaged, buf);
		at = (size_t)(seed >> 40) % strlen(buf);
		damaged[at] = (char)(seed >> 48);
		if (address_parse(damaged, &b) == 0) {
			char again[ADDRESS_MAX];
			const char *digits = damaged;

			address_format(&b, again);
			/* At most leading zeros and the case of digits may differ. */
			while (*digits == '0' && strlen(digits) > strlen(again))
				digits++;
			assert_int_equal(strcasecmp(again, digits), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_fields),
		cmocka_unit_test(test_guess),	   cmocka_unit_test(test_compare),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
