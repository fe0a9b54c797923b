/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/error.h"
#include "policy/select_private.h"

static const char usage[] = "Write an address (0000:01:00.0), vendor:device, one of group=, uid=, "
			    "fid=, pchid=, serial=, "
			    "mac=, path= with a value, a path below /dev/, or a network interface.";

static void parse(const char *text, struct selector *s)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	if (selector_parse(text, s, &err) < 0)
		fail_msg("\"%s\": %s", text, vfioadm_error_message(err));
	assert_null(err);
	assert_ptr_equal(s->text, text);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *address;
	} cases[] = {
		{"0000:01:00.0", "0000:01:00.0"}, {"0000:0A:1F.7", "0000:0a:1f.7"},
		{"01:00.0", "0000:01:00.0"},	  {"10000:01:00.0", "10000:01:00.0"},
		{"00a1:00:00.0", "00a1:00:00.0"}, {"FFFFFFFF:ff:1f.7", "ffffffff:ff:1f.7"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selector s;
		char buf[ADDRESS_MAX];

		parse(cases[i].text, &s);
		assert_int_equal(s.kind, SELECT_ADDRESS);
		address_format(&s.address, buf);
		assert_string_equal(buf, cases[i].address);
		assert_int_equal(selector_facets(&s), 0);
	}
}

static void test_cardtypes(void **state)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{"15b3:1003", "15b3:1003"},
		{"15B3:1003", "15b3:1003"},
		{"0x15b3:0x1003", "15b3:1003"},
		{"15b3:1003:15b3:0055", "15b3:1003:15b3:0055"},
		{"15b3:1003:15b3:*", "15b3:1003:15b3"},
		{"15b3:1003:*:0055", "15b3:1003:*:0055"},
		/* Only numbers, and still no address: that has a '.'. */
		{"0001:0000", "0001:0000"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selector s;
		char buf[CARDTYPE_MAX];

		parse(cases[i].text, &s);
		assert_int_equal(s.kind, SELECT_CARDTYPE);
		cardtype_format(&s.type, buf);
		assert_string_equal(buf, cases[i].id);
		assert_int_equal(selector_facets(&s), 0);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		enum selector_kind kind;
		uint64_t number;
		unsigned facets;
	} cases[] = {
		{"group=0", SELECT_GROUP, 0, 0},
		{"group=10", SELECT_GROUP, 10, 0},
		{"group=2147483647", SELECT_GROUP, 2147483647, 0},
		{"uid=10", SELECT_UID, 0x10, 0},
		{"uid=0xFFFF", SELECT_UID, 0xffff, 0},
		{"fid=00000103", SELECT_FID, 0x103, 0},
		{"fid=0xffffffff", SELECT_FID, 0xffffffff, 0},
		{"pchid=1c0", SELECT_PCHID, 0x1c0, VFIOADM_FACET_IDENTITY},
		{"mac=52:54:00:12:34:56", SELECT_MAC, 0x525400123456, VFIOADM_FACET_IDENTITY},
		{"mac=52-54-00-12-34-AB", SELECT_MAC, 0x5254001234ab, VFIOADM_FACET_IDENTITY},
		{"mac=5254001234aB", SELECT_MAC, 0x5254001234ab, VFIOADM_FACET_IDENTITY},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selector s;

		parse(cases[i].text, &s);
		assert_int_equal(s.kind, cases[i].kind);
		assert_int_equal(s.number, cases[i].number);
		assert_int_equal(selector_facets(&s), cases[i].facets);
		assert_string_equal(s.value, strchr(cases[i].text, '=') + 1);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		enum selector_kind kind;
		const char *value;
		unsigned facets;
	} cases[] = {
		{"serial=00-11-22-ff-fe-33-44-55", SELECT_SERIAL, "00-11-22-ff-fe-33-44-55",
		 VFIOADM_FACET_IDENTITY},
		{"serial=S4EVNF0M123456", SELECT_SERIAL, "S4EVNF0M123456", VFIOADM_FACET_IDENTITY},
		{"serial=a b=c", SELECT_SERIAL, "a b=c", VFIOADM_FACET_IDENTITY},
		{"path=pci-0000:00:1c.0/00.0", SELECT_PATH, "pci-0000:00:1c.0/00.0",
		 VFIOADM_FACET_IDENTITY},
		{"/dev/nvme0n1", SELECT_NODE, NULL, 0},
		{"/dev/disk/by-id/x=y z", SELECT_NODE, NULL, 0},
		{"eth0", SELECT_INTERFACE, NULL, 0},
		{"enp1s0f0np0", SELECT_INTERFACE, NULL, 0},
		{"fifteen-letters", SELECT_INTERFACE, NULL, 0},
		{"bond0.5", SELECT_INTERFACE, NULL, 0},
		{"be-ef", SELECT_INTERFACE, NULL, 0},
		{"a.b.1", SELECT_INTERFACE, NULL, 0},
		{"1.2.3", SELECT_INTERFACE, NULL, 0},
		{"pci0", SELECT_INTERFACE, NULL, 0},
		{"...", SELECT_INTERFACE, NULL, 0},
		{"0", SELECT_INTERFACE, NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct selector s;

		parse(cases[i].text, &s);
		assert_int_equal(s.kind, cases[i].kind);
		if (cases[i].value)
			assert_string_equal(s.value, cases[i].value);
		else
			assert_null(s.value);
		assert_int_equal(selector_facets(&s), cases[i].facets);
	}
}

struct reject {
	const char *text, *message, *hint;
};

static void assert_rejects(const struct reject *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct selector s = {.number = 4711};

		if (selector_parse(cases[i].text, &s, &err) != -EINVAL)
			fail_msg("\"%s\" was taken for a selector", cases[i].text);
		assert_error(err, VFIOADM_E_BAD_SELECTOR, cases[i].message, cases[i].hint);
		assert_int_equal(vfioadm_error_exit(err), VFIOADM_EXIT_USAGE);
		assert_int_equal(s.number, 4711);
		assert_int_equal(selector_parse(cases[i].text, &s, NULL), -EINVAL);
	}
}

#define NOT_WRITTEN "is not written as a PCI address (dddd:bb:dd.f)."
#define LIST	    "'vfioadm list' shows the address of each function."

static void test_misprinted_addresses(void **state)
{
	static const struct reject cases[] = {
		{"0001:000:000:0", "\"0001:000:000:0\" " NOT_WRITTEN, "Did you mean 0001:00:00.0?"},
		{"0001-00-00.0", "\"0001-00-00.0\" " NOT_WRITTEN, "Did you mean 0001:00:00.0?"},
		{"1:00.0", "\"1:00.0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"0000:01:00:0", "\"0000:01:00:0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"01:00", "\"01:00\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"1:0", "\"1:0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"0000:01:00", "\"0000:01:00\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"pci_0000_01_00_0", "\"pci_0000_01_00_0\" " NOT_WRITTEN,
		 "Did you mean 0000:01:00.0?"},
		{"pci-0000:01:00.0", "\"pci-0000:01:00.0\" " NOT_WRITTEN,
		 "Did you mean 0000:01:00.0?"},
		{"PCI:1:0:0", "\"PCI:1:0:0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"0000.01.00.0", "\"0000.01.00.0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"01.00.0", "\"01.00.0\" " NOT_WRITTEN, "Did you mean 0000:01:00.0?"},
		{"10000_01_00_3", "\"10000_01_00_3\" " NOT_WRITTEN, "Did you mean 10000:01:00.3?"},
		{"0000:01:00.0 ", "\"0000:01:00.0 \" has blanks around it.",
		 "Did you mean 0000:01:00.0?"},
		{"\t01:00.0\n", "\"\\x0901:00.0\\x0a\" has blanks around it.",
		 "Did you mean 01:00.0?"},
		{" 0000:01:00:0", "\" 0000:01:00:0\" has blanks around it.",
		 "Did you mean 0000:01:00.0?"},
		{" a:b ", "\" a:b \" has blanks around it.", "Did you mean 0000:0a:0b.0?"},
		{" x:y ", "\" x:y \" has blanks around it.", usage},
		/* A blank that looks like one and is none (U+00A0), from a web page. */
		{"0000:01:00.0\xc2\xa0",
		 "\"0000:01:00.0\\xc2\\xa0\" is neither a PCI address (dddd:bb:dd.f) nor "
		 "vendor:device.",
		 usage},
	};

	assert_rejects(cases, ARRAY_SIZE(cases));
}

static void test_impossible_addresses(void **state)
{
	static const struct reject cases[] = {
		{"0000:01:00.8",
		 "\"0000:01:00.8\" is not a PCI address: its function number \"8\" is not in the "
		 "range 0 to 7.",
		 NULL},
		{"01:20.0",
		 "\"01:20.0\" is not a PCI address: its device number \"20\" is not in the range "
		 "00 to 1f.",
		 NULL},
		{"0000:1ff:00.0",
		 "\"0000:1ff:00.0\" is not a PCI address: its bus number \"1ff\" is not in the "
		 "range 00 to ff.",
		 NULL},
		{"1ff:00.0",
		 "\"1ff:00.0\" is not a PCI address: its bus number \"1ff\" is not in the range 00 "
		 "to ff.",
		 NULL},
		{"123456789:00:00.0",
		 "\"123456789:00:00.0\" is not a PCI address of the form dddd:bb:dd.f.", LIST},
		{"0000:01:00.", "\"0000:01:00.\" is not a PCI address of the form dddd:bb:dd.f.",
		 LIST},
		{":.", "\":.\" is not a PCI address of the form dddd:bb:dd.f.", LIST},
		{"0:0:0:0:0.0", "\"0:0:0:0:0.0\" is not a PCI address of the form dddd:bb:dd.f.",
		 LIST},
		{"0000:01:00.g",
		 "\"0000:01:00.g\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
		{"0000:01:00.*",
		 "\"0000:01:00.*\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
	};

	assert_rejects(cases, ARRAY_SIZE(cases));
}

static void test_bad_ids(void **state)
{
	static const char four[] =
		" is not vendor:device: each of these IDs has four hexadecimal digits.";
	static const char count[] = " IDs, but a selector takes vendor:device or "
				    "vendor:device:subvendor:subdevice.";
	static const char leave[] =
		"Leave out what stands behind the subdevice; class and mask are for "
		"'vfioadm enable' only.";
	static const struct {
		const char *text, *middle, *end, *hint;
	} cases[] = {
		{"8086:10d", "", four, "Did you mean 8086:010d?"},
		{"86:100e", "", four, "Did you mean 0086:100e?"},
		{"15b3:1003:55:1", "", four, "Did you mean 15b3:1003:0055:0001?"},
		{"15b3:1003:15b3", " has 3", count, "Did you mean 15b3:1003:15b3:*?"},
		{"15b3:1003:15b3:0055:0200", " has 5", count, leave},
		{"15b3:1003:15b3:0055:0200:ffff", " has 6", count, leave},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char message[256];
		struct reject reject = {cases[i].text, message, cases[i].hint};

		snprintf(message, sizeof(message), "\"%s\"%s%s", cases[i].text, cases[i].middle,
			 cases[i].end);
		assert_rejects(&reject, 1);
	}
}

#define KEYS "but the keys are group, uid, fid, pchid, serial, mac and path."

static void test_bad_keys(void **state)
{
	static const struct reject cases[] = {
		{"grup=7", "\"grup=7\" has the key \"grup\", " KEYS, "Did you mean group=7?"},
		{"GROUP=7", "\"GROUP=7\" has the key \"GROUP\", " KEYS, "Did you mean group=7?"},
		{"serail=x", "\"serail=x\" has the key \"serail\", " KEYS,
		 "Did you mean serial=x?"},
		{"pcid=1", "\"pcid=1\" has the key \"pcid\", " KEYS, "Did you mean pchid=1?"},
		{"Mac=x", "\"Mac=x\" has the key \"Mac\", " KEYS, "Did you mean mac=x?"},
		{"iommu_group=7", "\"iommu_group=7\" has the key \"iommu_group\", " KEYS,
		 "Did you mean group=7?"},
		{"function_id=7", "\"function_id=7\" has the key \"function_id\", " KEYS,
		 "Did you mean fid=7?"},
		{"DSN=7", "\"DSN=7\" has the key \"DSN\", " KEYS, "Did you mean serial=7?"},
		{"address=0000:01:00.0", "\"address=0000:01:00.0\" has the key \"address\", " KEYS,
		 "Did you mean 0000:01:00.0?"},
		{"id=15b3:1003", "\"id=15b3:1003\" has the key \"id\", " KEYS,
		 "Did you mean uid=15b3:1003?"},
		{"device=15b3:1003", "\"device=15b3:1003\" has the key \"device\", " KEYS,
		 "Did you mean 15b3:1003?"},
		{"disk=/dev/sda", "\"disk=/dev/sda\" has the key \"disk\", " KEYS,
		 "Did you mean /dev/sda?"},
		{"driver=nvme", "\"driver=nvme\" has the key \"driver\", " KEYS, usage},
		{"x=1", "\"x=1\" has the key \"x\", " KEYS, usage},
		{"averyveryverylongword=1",
		 "\"averyveryverylongword=1\" has the key \"averyveryverylongword\", " KEYS, usage},
		{"=7", "\"=7\" has no key before the \"=\".", usage},
		{"\x1b[1m=7", "\"\\x1b[1m=7\" has the key \"\\x1b[1m\", " KEYS, usage},
	};

	assert_rejects(cases, ARRAY_SIZE(cases));
}

static void test_bad_values(void **state)
{
	static const struct reject cases[] = {
		{"group=", "\"group=\" has no value behind the \"=\".",
		 "Write for example group=7."},
		{"serial=", "\"serial=\" has no value behind the \"=\".",
		 "Write for example serial=00-11-22-ff-fe-33-44-55."},
		{"path=", "\"path=\" has no value behind the \"=\".",
		 "Write for example path=pci-0000:00:1c.0/00.0."},
		{"mac=", "\"mac=\" has no value behind the \"=\".",
		 "Write for example mac=52:54:00:12:34:56."},
		{"group=0x7",
		 "\"group=0x7\" needs a decimal number behind group=, and \"0x7\" is none.",
		 "Write for example group=7."},
		{"group=-1",
		 "\"group=-1\" needs a decimal number behind group=, and \"-1\" is none.",
		 "Write for example group=7."},
		{"group=2147483648",
		 "\"group=2147483648\" is out of range: the greatest group is 2147483647.",
		 "Write for example group=7."},
		{"uid=wxyz",
		 "\"uid=wxyz\" needs a hexadecimal number behind uid=, and \"wxyz\" is none.",
		 "Write for example uid=10."},
		{"uid=10000", "\"uid=10000\" is out of range: the greatest uid is ffff.",
		 "Write for example uid=10."},
		{"fid=100000000",
		 "\"fid=100000000\" is out of range: the greatest fid is ffffffff.",
		 "Write for example fid=100."},
		{"pchid=0x",
		 "\"pchid=0x\" needs a hexadecimal number behind pchid=, and \"0x\" is none.",
		 "Write for example pchid=1c0."},
		{"mac=52:54:00:12:34",
		 "\"mac=52:54:00:12:34\" does not name a MAC address of six bytes.",
		 "Write for example mac=52:54:00:12:34:56."},
		{"mac=52:54:00:12:34:56:78",
		 "\"mac=52:54:00:12:34:56:78\" does not name a MAC address of six bytes.",
		 "Write for example mac=52:54:00:12:34:56."},
		{"mac=52:54-00:12:34:56",
		 "\"mac=52:54-00:12:34:56\" does not name a MAC address of six bytes.",
		 "Write for example mac=52:54:00:12:34:56."},
		{"mac=5:54:00:12:34:56",
		 "\"mac=5:54:00:12:34:56\" does not name a MAC address of six bytes.",
		 "Write for example mac=52:54:00:12:34:56."},
	};

	assert_rejects(cases, ARRAY_SIZE(cases));
}

static void test_other_mistakes(void **state)
{
	static const char neither[] = "\"15b3 1003\" names nothing: a network interface's name "
				      "holds no '/', no ':' and no blank.";
	static const struct reject cases[] = {
		{"", "\"\" is empty and names no function.", usage},
		{"  ", "\"  \" is empty and names no function.", usage},
		{"eth0 ", "\"eth0 \" has blanks around it.", "Did you mean eth0?"},
		{"52:54:00:12:34:56",
		 "\"52:54:00:12:34:56\" looks like a MAC address and needs its key.",
		 "Did you mean mac=52:54:00:12:34:56?"},
		{"00-11-22-ff-fe-33-44-55",
		 "\"00-11-22-ff-fe-33-44-55\" looks like a device serial number and needs its key.",
		 "Did you mean serial=00-11-22-ff-fe-33-44-55?"},
		{"group:7",
		 "\"group:7\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 "Did you mean group=7?"},
		{"group:", "\"group:\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
		{"15b3 1003", neither, "Did you mean 15b3:1003?"},
		{"eth0:1", "\"eth0:1\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
		{"15b3:", "\"15b3:\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
		{"15b3:*", "\"15b3:*\" is neither a PCI address (dddd:bb:dd.f) nor vendor:device.",
		 usage},
		{"sixteen-letters-",
		 "\"sixteen-letters-\" names nothing: a network interface's name has at most 15 "
		 "characters.",
		 usage},
		{".", "\".\" names nothing: no network interface is called so.", usage},
		{"..", "\"..\" names nothing: no network interface is called so.", usage},
		{"dev/nvme0n1",
		 "\"dev/nvme0n1\" names nothing: a network interface's name holds no '/', no ':' "
		 "and no blank.",
		 "Did you mean /dev/nvme0n1?"},
		{"a/b",
		 "\"a/b\" names nothing: a network interface's name holds no '/', no ':' and no "
		 "blank.",
		 usage},
		{"/dev/", "\"/dev/\" is not the path of a device node below /dev/.", usage},
		{"/dev//", "\"/dev//\" is not the path of a device node below /dev/.", usage},
		{"/dev", "\"/dev\" is not the path of a device node below /dev/.", usage},
		{"/", "\"/\" is not the path of a device node below /dev/.", usage},
		{"/etc/passwd", "\"/etc/passwd\" is not the path of a device node below /dev/.",
		 usage},
		{"/sys/bus/pci/devices/0000:01:00.0",
		 "\"/sys/bus/pci/devices/0000:01:00.0\" is not the path of a device node below "
		 "/dev/.",
		 "Did you mean 0000:01:00.0?"},
	};

	assert_rejects(cases, ARRAY_SIZE(cases));
}

static void test_quote(void **state)
{
	_cleanup_free_ char *plain = selector_quote("a b~"),
			    *odd = selector_quote("\x01\x7f\xff\n");
	_cleanup_free_ char *cut = NULL, *whole = NULL;
	char text[80];

	assert_string_equal(plain, "a b~");
	assert_string_equal(odd, "\\x01\\x7f\\xff\\x0a");
	memset(text, 'x', sizeof(text));
	text[64] = '\0';
	whole = selector_quote(text);
	assert_string_equal(whole, text);
	text[64] = 'x';
	text[79] = '\0';
	cut = selector_quote(text);
	strcpy(text + 64, "...");
	assert_string_equal(cut, text);
}

/* No text may crash it, and what it takes must be what its order says. */
static void test_any_text(void **state)
{
	static const char letters[] = "00112:::...=/-_ abfFgx*pciev\t\xc3";
	uint64_t seed = 42;
	size_t taken = 0;

	for (unsigned i = 0; i < 50000; i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct selector s;
		struct address a;
		char text[32] = {0};
		int r;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		for (unsigned j = 0; j < (seed >> 59); j++) {
			uint64_t mixed = seed ^ (seed >> (j % 13 + 7)) * (j + 1);

			text[j] = letters[(mixed >> 17) % (sizeof(letters) - 1)];
		}
		r = selector_parse(text, &s, &err);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(vfioadm_error_code(err), VFIOADM_E_BAD_SELECTOR);
			assert_true(strlen(vfioadm_error_message(err)) > 10);
			continue;
		}
		taken++;
		assert_null(err);
		assert_int_equal(s.kind == SELECT_ADDRESS, address_parse(text, &a) == 0);
		if (s.kind == SELECT_NODE)
			assert_memory_equal(text, "/dev/", 5);
		if (s.kind == SELECT_INTERFACE) {
			assert_in_range(strlen(text), 1, 15);
			assert_null(strpbrk(text, "/: \t="));
		}
	}
	assert_true(taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_cardtypes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_misprinted_addresses),
		cmocka_unit_test(test_impossible_addresses),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_other_mistakes),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_any_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
