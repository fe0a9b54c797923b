/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scripts and rules: which lines bind, and what they name. */
#include <string.h>

#include "host/others.h"
#include "tmp_tree.h"

static int collect(const struct other *o, void *userdata)
{
	char *text = userdata, name[CARDTYPE_MAX] = "?";

	if (o->names == OTHER_TYPE)
		cardtype_format(&o->type, name);
	if (o->names == OTHER_SLOT) {
		address_format(&o->slot.address, name);
		if (o->slot.functions != 1u << o->slot.address.function)
			sprintf(name + strlen(name), "/%02x", o->slot.functions);
	}
	sprintf(text + strlen(text), "[%u %s]", o->line, name);
	return 0;
}

static void assert_scan(const char *text, bool rule, const char *want)
{
	struct others_text t = { .about = { .kind = OTHER_SCRIPT, .path = "x" }, .rule = rule };
	char got[4096] = "";

	assert_int_equal(others_scan(&t, text, collect, got), 0);
	assert_string_equal(got, want);
}

static void test_slots(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		unsigned functions;
	} good[] = {
		{ "0000:01:00.0", 12, 1 },    { "01:00.7 x", 7, 0x80 },	 { "00010000:e1:1f.3\"", 16, 8 },
		{ "0000:01:00.*", 12, 0xff }, { "0000:01:00.[0-2]", 16, 7 }, { "01:00.{0,3}", 11, 9 },
		{ "0000\\:01\\:00.0", 14, 1 }, { "pci_0000_01_00_1", 16, 2 }, { "01:00.?/x", 7, 0xff },
	};
	static const char *const bad[] = { "", "0000:01:00", "0000:01:00.8", "0000:01:20.0", "001:00.0", "01:00.0a", "01:00.01",
					   "01:00.[9]", "01:00.[0", "pci_0000_01_00_9", "pci_0000_01_00", "0000:01:00.0:1",
					   "12:30:00.0", "000000000:01:00.0" };
	struct other_slot s;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(others_read_slot(good[i].text, &s), good[i].length);
		assert_int_equal(s.functions, good[i].functions);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (others_read_slot(bad[i], &s))
			fail_msg("\"%s\" was read", bad[i]);
}

static void test_scripts(void **state)
{
	assert_scan("", false, "");
	assert_scan("echo 0000:01:00.0 > /sys/bus/pci/drivers/nvme/unbind\n", false, "[1 0000:01:00.0]");
	/* Each once; several on a line; short; without the final newline. */
	assert_scan("echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override\n"
		    "echo 0000:01:00.0 > /sys/bus/pci/drivers_probe\nfor i in 02:00.0 02:00.1; do driverctl set-override "
		    "$i vfio-pci; done",
		    false, "[1 0000:01:00.0][3 0000:02:00.0][3 0000:02:00.1]");
	assert_scan("echo 0x10de 0x2184 > /sys/bus/pci/drivers/vfio-pci/new_id\nmodprobe vfio-pci ids=1002:67df,1002:aaf0\n",
		    false, "[1 10de:2184][2 1002:67df][2 1002:aaf0]");
	assert_scan("A=0000:01:00.0\n\n# B=0000:02:00.0\necho $A > /sys/bus/pci/drivers/vfio-pci/bind # 0000:03:00.0\n", false,
		    "[1 0000:01:00.0]");
	/* A continued line counts from where it begins. */
	assert_scan("\necho vfio-pci > \\\n /sys/bus/pci/devices/0000:01:00.0/driver_override\n", false, "[2 0000:01:00.0]");
	/* What is computed is told of at the line that binds. */
	assert_scan("for d in /sys/bus/pci/devices/*; do\n echo vfio-pci > $d/driver_override\ndone\n", false, "[2 ?]");
	assert_scan("virsh nodedev-detach pci_0000_01_00_0\n", false, "[1 0000:01:00.0]");
}

static void test_nothing(void **state)
{
	assert_scan("mount --bind /a /b\nlspci -s 01:00.0\n", false, "");
	assert_scan("echo a > /sys/bus/platform/devices/x/driver_override\necho 1-1 > /sys/bus/usb/drivers/usb/unbind\n",
		    false, "");
	assert_scan("# echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/bind\n; driver_override\n", false, "");
	assert_scan("ssh-keygen -f 01:00.0 # driver_override\n", false, "");
}

static void test_rules(void **state)
{
	assert_scan("KERNEL==\"0000:01:00.*\", ATTR{driver_override}=\"vfio-pci\"\n", true, "[1 0000:01:00.0/ff]");
	assert_scan("ATTRS{vendor}==\"0x10de\", ATTRS{device}==\"0x2184\", ATTR{driver_override}=\"vfio-pci\"\n", true,
		    "[1 10de:2184]");
	assert_scan("ENV{PCI_ID}==\"10DE:2184\", ATTR{driver_override}=\"vfio-pci\"\n", true, "[1 10de:2184]");
	assert_scan("KERNEL==\"0000:01:00.0\", GOTO=\"mine\"\nKERNEL==\"0000:02:00.0\", ATTR{power/control}=\"auto\"\n"
		    "KERNEL==\"0000:03:00.0\", ATTR{driver_override}=\"vfio-pci\"\n",
		    true, "[3 0000:03:00.0]");
}

/* ---- driverctl ---- */

static void test_driverctl_version(void **state)
{
	static const struct {
		const char *version;
		bool gives, takes_back;
	} versions[] = {
		{ "0.111-1", false, false }, { "0.115-2", true, false }, { "0.120", true, false },
		{ "0.121-1", true, true },   { "1.0-1", true, true },	 { "0.95", false, false },
	};
	struct tmp_tree *t = *state;
	struct driverctl does;
	struct host *h;

	h = tmp_open(t);
	assert_int_equal(driverctl_look(h, &does), 0);
	assert_false(does.gives_type);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		_cleanup_free_ char *status = str_format("Package: a\nDescription: x\n Package: driverctl\n\nPackage: driverctl\n"
							 "Status: install ok installed\nVersion: %s\n\nPackage: b\n"
							 "Version: 0.999\n", versions[i].version);

		tmp_file(t, "var/lib/dpkg/status", status);
		assert_int_equal(driverctl_look(h, &does), 0);
		assert_int_equal(does.gives_type, versions[i].gives);
		assert_int_equal(does.takes_back, versions[i].takes_back);
	}
	/* What the script does counts more than what it is called. */
	tmp_file(t, "usr/sbin/driverctl", "#!/bin/bash\necho nothing\n");
	assert_int_equal(driverctl_look(h, &does), 0);
	assert_false(does.gives_type || does.takes_back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),	cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_rules),
		cmocka_unit_test_setup_teardown(test_driverctl_version, tmp_setup, tmp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
