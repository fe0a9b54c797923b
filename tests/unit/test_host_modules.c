/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module index of another root. */
#include <string.h>

#include "host/modules.h"
#include "tmp_tree.h"

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"", "", true},
		{"*", "", true},
		{"**", "x", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "abcbc", true},
		{"a*b", "abc", false},
		{"a?c", "abc", true},
		{"a?", "a", false},
		{"?", "", false},
		{"abc", "ab", false},
		{"ab", "abc", false},
		{"[ab]", "b", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a]", "a", false},
		{"[!a]", "b", true},
		{"[^a]", "b", true},
		{"x[ab", "xa", false},
		{"*[0-9]", "ab7", true},
		{"[-a]", "-", true},
		{"[", "[", false},
		{"*a*b*c*", "xaxbxcx", true},
		{"v*d*sv*sd*bc01sc08i02*", "v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
		 true},
		{"v*d*sv*sd*bc01sc06i*", "v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
		 false},
		{"A", "a", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (modules_glob(rows[i].pattern, rows[i].text) != rows[i].matches)
			fail_msg("%s on %s", rows[i].pattern, rows[i].text);
}

/* Backtracking over each star would take for ever. */
static void test_glob_is_fast(void **state)
{
	char pattern[256] = "", text[256];

	for (int i = 0; i < 100; i++)
		strcat(pattern, "*a");
	strcat(pattern, "b");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(modules_glob(pattern, text));
}

static void assert_lookup(struct host *h, const char *text, const char *expected)
{
	struct strv names = {0};
	char joined[512] = "";

	assert_int_equal(modules_lookup(h, text, &names), 0);
	STRV_FOREACH (i, &names)
		sprintf(joined + strlen(joined), "%s%s", i ? "," : "", names.items[i]);
	strv_clear(&names);
	assert_string_equal(joined, expected);
}

#define INDEX "lib/modules/6.1.0/"

static void test_aliases(void **state)
{
	static const char modinfo[] = "virtio_pci.alias=pci:v00001AF4d*sv*sd*bc*sc*i*\0"
				      "virtio_pci.license=GPL\0"
				      "pcieport.description=x.alias=pci:*\0"
				      "nodot";
	struct tmp_tree *t = *state;
	struct strv names = {0};
	struct host *h;

	tmp_file(t, INDEX "modules.alias",
		 "# comment\n"
		 "alias pci:v*d*sv*sd*bc01sc08i02* nvme\n"
		 "alias pci:v00001AF4d00001042sv00001AF4sd*bc*sc*i* special\n"
		 "alias pci:v00001AF4d00001042* nvme\n"
		 "alias usb:v* usbthing\n"
		 "alias pci:*\n"
		 "alias pci:* \n"
		 "alias\n"
		 "alias pci:v00001AF4d00001042sv*sd*bc*sc*i* unwanted-one\n"
		 "alias pci:v* last");
	tmp_data(t, INDEX "modules.builtin.modinfo", modinfo, sizeof(modinfo) - 1);
	tmp_file(t, "etc/modprobe.d/local.conf",
		 "options nvme x=1\n\t blacklist\tunwanted_one # why\n");
	tmp_file(t, "etc/modprobe.d/not-read", "blacklist special\n");
	tmp_file(t, "usr/lib/modprobe.d/x.conf", "blacklistx nvme\n");
	h = tmp_open(t);
	assert_lookup(h, "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc08i02",
		      "special,nvme,virtio_pci,last");
	assert_lookup(h, "pci:v00001AF4d00009999sv00000000sd00000000bc00sc00i00",
		      "virtio_pci,last");
	assert_lookup(h, "usb:v1", "usbthing");
	assert_lookup(h, "vfio_pci:v1", "");
	/* Another kernel beside it, and none of the two is the running one. */
	tmp_dir(t, "lib/modules/6.2.0");
	h = tmp_open(t);
	assert_int_equal(modules_lookup(h, "pci:v1", &names), -ENOENT);
	tmp_file(t, "proc/sys/kernel/osrelease", "6.1.0\n");
	h = tmp_open(t);
	assert_lookup(h, "usb:v1", "usbthing");
}

static void test_names(void **state)
{
	struct tmp_tree *t = *state;
	struct host *h;

	tmp_file(t, INDEX "modules.alias", "");
	tmp_file(t, INDEX "modules.dep",
		 "kernel/drivers/vfio/vfio.ko.xz:\n"
		 "kernel/drivers/vfio/pci/vfio-pci-core.ko.xz: kernel/drivers/vfio/vfio.ko.xz\n"
		 "kernel/drivers/vfio/pci/vfio-pci.ko.xz: "
		 "kernel/drivers/vfio/pci/vfio-pci-core.ko.xz\n"
		 "top.ko:");
	tmp_file(t, INDEX "modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n");
	tmp_file(t, "etc/modprobe.d/local.conf", "blacklist vfio_pci\n");
	h = tmp_open(t);
	/* Blacklisted or not: here it is named. */
	assert_lookup(h, "vfio_pci", "vfio_pci");
	assert_lookup(h, "vfio-pci", "vfio_pci");
	assert_lookup(h, "vfio", "vfio");
	assert_lookup(h, "top", "top");
	assert_lookup(h, "virtio_pci", "virtio_pci");
	assert_lookup(h, "pci", "");
	assert_lookup(h, "vfio_pci_co", "");
}

static void test_presence(void **state)
{
	struct tmp_tree *t = *state;
	enum driver_presence presence;
	char module[64];
	struct host *h;

	tmp_dir(t, "sys/bus/pci/drivers/nvme");
	tmp_link(t, "sys/bus/pci/drivers/nvme/module", "../../../../module/nvme");
	tmp_dir(t, "sys/bus/pci/drivers/pcieport");
	h = tmp_open(t);
	assert_int_equal(observe_driver_presence(h, "nvme", &presence, module, sizeof(module)), 0);
	assert_int_equal(presence, DRIVER_REGISTERED);
	assert_string_equal(module, "nvme");
	assert_int_equal(observe_driver_presence(h, "pcieport", &presence, module, sizeof(module)),
			 0);
	assert_int_equal(presence, DRIVER_REGISTERED);
	assert_string_equal(module, "");
	assert_int_equal(observe_driver_presence(h, "vfio-pci", &presence, module, sizeof(module)),
			 0);
	assert_int_equal(presence, DRIVER_NOWHERE);
	tmp_file(t, INDEX "modules.alias", "");
	tmp_file(t, INDEX "modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko:\n");
	h = tmp_open(t);
	assert_int_equal(observe_driver_presence(h, "vfio-pci", &presence, module, sizeof(module)),
			 0);
	assert_int_equal(presence, DRIVER_LOADABLE);
	assert_string_equal(module, "vfio_pci");
	assert_int_equal(observe_driver_presence(h, "vfio-pci", &presence, NULL, 0), 0);
	assert_int_equal(observe_driver_presence(h, "../x", &presence, NULL, 0), -EINVAL);
	assert_int_equal(observe_driver_presence(h, "", &presence, NULL, 0), -EINVAL);
	assert_int_equal(observe_driver_presence(h, "pci:v1", &presence, NULL, 0), -EINVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob), cmocka_unit_test(test_glob_is_fast),
		TEST(test_aliases),	     TEST(test_names),
		TEST(test_presence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
