/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "policy/bootfiles.h"

/* A file in a few words, as a person would write it. */
static struct declarations read_files(const char *const *texts, size_t n)
{
	static const char *const names[] = { "10-a", "20-b", "30-c", "40-d" };
	struct declarations d = { 0 };

	assert_true(n <= ARRAY_SIZE(names));
	d.items = calloc(n + 1, sizeof(*d.items));
	assert_non_null(d.items);
	for (size_t i = 0; i < n; i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;

		if (declaration_parse(names[i], names[i], texts[i], strlen(texts[i]), &d.arena, &d.items[i], &err) < 0)
			fail_msg("%s: %s", texts[i], vfioadm_error_message(err));
	}
	d.n = d.room = n;
	return d;
}

static char *rules_of(const char *const *texts, size_t n)
{
	_cleanup_declarations_ struct declarations d = read_files(texts, n);
	struct strbuf out = { 0 };

	bootfiles_rules(&d, &out);
	return strbuf_take(&out);
}

static char *rules(const char *text)
{
	return rules_of(&text, 1);
}

/* The lines between the jumps for PCI functions, or behind them. */
static void expect(const char *text, bool pci, const char *wanted)
{
	_cleanup_free_ char *all = rules(text);
	char *from = strstr(all, pci ? "SUBSYSTEM!=\"pci\"" : "LABEL=\"vfioadm_declared_other\"");
	char *to;

	assert_non_null(from);
	from = strchr(from, '\n') + 1;
	to = strstr(from, pci ? "GOTO=\"vfioadm_declared_end\"" : "LABEL=\"vfioadm_declared_end\"");
	assert_non_null(to);
	*to = '\0';
	assert_string_equal(from, wanted);
}

#define BUS "[0-9a-f][0-9a-f]"
#define DOM "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"
#define IDS "Vendor=1b36\nDevice=0010\n"
#define ATTR_IDS "ATTR{vendor}==\"0x1b36\", ATTR{device}==\"0x0010\", "

static void test_path(void **state)
{
	/* Bus numbers are any; everything else of each hop is exact, also behind a VMD controller. */
	expect("[Match]\nPath=pci-0000:00:1c.0/00.0\n" IDS, true,
	       "DEVPATH==\"*/pci0000:00/0000:00:1c.0/0000:" BUS ":00.0"
	       "|*/pci0000:00/0000:00:1c.0/pci1" DOM ":" BUS "/1" DOM ":" BUS ":00.0\", TEST!=\"physfn\", " ATTR_IDS
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n");
	/* On the root bus there is nothing to renumber. */
	expect("[Match]\nPath=pci-0001:80:03.1\n", true,
	       "DEVPATH==\"*/pci0001:80/0001:80:03.1\", TEST!=\"physfn\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n");
}

static void test_identities(void **state)
{
	expect("[Match]\nAddress=0000:01:00.0\n" IDS "SubVendor=1af4\nSubDevice=1100\nClass=010802\n", true,
	       "KERNEL==\"0000:01:00.0\", " ATTR_IDS "ATTR{subsystem_vendor}==\"0x1af4\", "
	       "ATTR{subsystem_device}==\"0x1100\", ATTR{class}==\"0x010802\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n");
	/* A UID that is not unique may be anybody's. */
	expect("[Match]\nUID=10\n[Assign]\nDriver=mlx5_vfio_pci\n", true,
	       "ATTR{uid_is_unique}==\"1\", ATTR{uid}==\"0x10|0x0010\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"mlx5_vfio_pci\"\n");
	/* By the name of its module, and with whatever the user takes for a dash. */
	expect("[Match]\nUID=10\n[Assign]\nDriver=mlx5-vfio-pci\n", true,
	       "ATTR{uid_is_unique}==\"1\", ATTR{uid}==\"0x10|0x0010\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"mlx5_vfio_pci\"\n");
	expect("[Match]\nUID=10\n[Assign]\nDriver=xe_vfio_pci\n", true,
	       "ATTR{uid_is_unique}==\"1\", ATTR{uid}==\"0x10|0x0010\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"xe-vfio-pci\"\n");
	expect("[Match]\nFID=100\n", true,
	       "ATTR{function_id}==\"0x100|0x00000100\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n");
}

static void test_serial(void **state)
{
	/* Other functions can have the same, or the kernel shows none: the claim unit looks, the rule binds nothing. */
	expect("[Match]\nSerial=00-11-22-ff-fe-33-44-55\n" IDS, true,
	       ATTR_IDS "ATTR{serial_number}==\"00-11-22-ff-fe-33-44-55\", "
			"ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_CLAIM}=\"1\"\n" ATTR_IDS
			"TEST!=\"serial_number\", ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_CLAIM}=\"1\"\n");
}

static void test_children(void **state)
{
	static const char nvme[] = "[Match]\nPath=pci-0000:00:1c.0/00.0\nNvmeSerial=S1 X\n" IDS;
	static const char mac[] = "[Match]\nAddress=0000:03:00.0\nMACAddress=52:54:00:12:34:56\n";

	/* What only the native driver can read says nothing about a function that has no driver. */
	expect(nvme, true, "");
	expect(mac, true, "");
	expect(nvme, false,
	       "SUBSYSTEM==\"nvme\", DEVPATH==\"*/pci0000:00/0000:00:1c.0/0000:" BUS ":00.0/*"
	       "|*/pci0000:00/0000:00:1c.0/pci1" DOM ":" BUS "/1" DOM ":" BUS ":00.0/*\", "
	       "SUBSYSTEMS==\"pci\", ATTRS{vendor}==\"0x1b36\", ATTRS{device}==\"0x0010\", "
	       "ATTR{state}==\"live\", ATTR{serial}==\"S1 X\", ENV{VFIOADM_CHILD_OF}=\"$id\"\n");
	expect(mac, false,
	       "SUBSYSTEM==\"net\", KERNELS==\"0000:03:00.0\", SUBSYSTEMS==\"pci\", "
	       "ATTR{addr_assign_type}==\"0\", ATTR{address}==\"52:54:00:12:34:56\", "
	       "ENV{VFIOADM_CHILD_OF}=\"$id\"\n");
}

static void test_vf(void **state)
{
	/* In a group of its own it is certain; else the second line has it looked at. */
	expect("[Match]\nVF=3 0000:01:00.0\n", true,
	       "TEST==\"/sys/bus/pci/devices/0000:01:00.0/virtfn3/iommu_group/devices/$kernel\", "
	       "TEST!=\"/sys/bus/pci/devices/0000:01:00.0/virtfn2/iommu_group/devices/$kernel\", "
	       "TEST!=\"/sys/bus/pci/devices/0000:01:00.0/virtfn4/iommu_group/devices/$kernel\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n"
	       "ENV{VFIOADM_DECLARED}!=\"10-a\", "
	       "TEST==\"/sys/bus/pci/devices/0000:01:00.0/virtfn3/iommu_group/devices/$kernel\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_CLAIM}=\"1\"\n");
	/* Of which function behind that port it is a VF, a rule cannot tell: never bound by it. */
	expect("[Match]\nVF=0 pci-0000:00:1c.0/00.0\n", true,
	       "DEVPATH==\"*/pci0000:00/0000:00:1c.0/" DOM ":" BUS ":" BUS ".[0-9a-f]\", "
	       "TEST==\"physfn/virtfn0/iommu_group/devices/$kernel\", "
	       "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_CLAIM}=\"1\"\n");
}

static void test_types(void **state)
{
	expect("[Match]\nCardType=1b36:0010\n", true, ATTR_IDS "ENV{VFIOADM_TYPE}+=\"10-a\"\n");
	expect("[Match]\nCardType=8086:10c9:8086:*:020000:ff0000\n", true,
	       "ATTR{vendor}==\"0x8086\", ATTR{device}==\"0x10c9\", ATTR{subsystem_vendor}==\"0x8086\", "
	       "ATTR{class}==\"0x02????\", ENV{VFIOADM_TYPE}+=\"10-a\"\n");
}

static void test_more_than_one(void **state)
{
	/* All of them are meant. */
	expect("[Match]\n" IDS "Multiple=yes\n", true,
	       ATTR_IDS "ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\"\n");
	/* Companions are not for a rule to take. */
	expect("[Match]\nAddress=0000:01:00.0\n[Assign]\nIommuGroup=whole\n", true,
	       "KERNEL==\"0000:01:00.0\", ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_DRIVER}=\"vfio-pci\", "
	       "ENV{VFIOADM_CLAIM}=\"1\"\n");
	/* The physical function keeps its driver. */
	expect("[Match]\nAddress=0000:01:00.0\n[SR-IOV]\nVFs=8\n", true,
	       "KERNEL==\"0000:01:00.0\", ENV{VFIOADM_DECLARED}+=\"10-a\", ENV{VFIOADM_PF}=\"1\"\n");
}

static void test_nodes(void **state)
{
	static const char moves[] = "[Match]\nPath=pci-0000:00:1c.0/00.0\n" IDS "[Node]\nUser=qemu\nMode=0600\n";
	_cleanup_declarations_ struct declarations d = { 0 };
	_cleanup_strbuf_ struct strbuf out = { 0 };
	const char *text = moves;

	expect("[Match]\nAddress=0000:01:00.0\n" IDS "[Node]\nUser=qemu\nGroup=kvm\n", false,
	       "SUBSYSTEM==\"vfio\", TEST==\"/sys/kernel/iommu_groups/%k/devices/0000:01:00.0\", "
	       "ATTR{[pci/0000:01:00.0]vendor}==\"0x1b36\", ATTR{[pci/0000:01:00.0]device}==\"0x0010\", "
	       "ENV{VFIOADM_OWNER}=\"qemu\", ENV{VFIOADM_GROUP}=\"kvm\", ENV{VFIOADM_MODE}=\"0660\"\n"
	       "SUBSYSTEM==\"vfio-dev\", KERNELS==\"0000:01:00.0\", SUBSYSTEMS==\"pci\", "
	       "ATTR{[pci/0000:01:00.0]vendor}==\"0x1b36\", ATTR{[pci/0000:01:00.0]device}==\"0x0010\", "
	       "ENV{VFIOADM_OWNER}=\"qemu\", ENV{VFIOADM_GROUP}=\"kvm\", ENV{VFIOADM_MODE}=\"0660\"\n");
	/* Not by an address that another card may have tomorrow, but by the one that it has now. */
	expect(moves, false, "");
	d = read_files(&text, 1);
	assert_true(bootfiles_node_rule_needed(&d.items[0]));
	bootfiles_node_rule(&d.items[0], "0000:05:00.0", &out);
	assert_non_null(strstr(out.s, "SUBSYSTEM==\"vfio\", TEST==\"/sys/kernel/iommu_groups/%k/devices/0000:05:00.0\", "
				      "ATTR{[pci/0000:05:00.0]vendor}==\"0x1b36\", "));
	assert_non_null(strstr(out.s, "ENV{VFIOADM_OWNER}=\"qemu\", ENV{VFIOADM_MODE}=\"0600\"\n"));
	assert_null(strstr(out.s, "VFIOADM_GROUP"));
	strbuf_clear(&out);
	bootfiles_node_rule(&d.items[0], "0000:05:00.0\", RUN+=\"/bin/sh", &out);
	assert_int_equal(out.len, 0);
}

/* What a parser would not let through, in case that one day it does. */
static void test_hostile(void **state)
{
	static const char *const values[] = { "a\", RUN+=\"/bin/sh", "a$kernel", "a%k", "a*", "a|b", "a\\", "a\nb", "" };
	static const char text[] = "[Match]\nAddress=0000:01:00.0\n[Node]\nUser=qemu\n[Assign]\nDriver=vfio-pci\n";
	const char *one = text;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		for (int field = 0; field < 5; field++) {
			_cleanup_declarations_ struct declarations d = read_files(&one, 1);
			_cleanup_strbuf_ struct strbuf out = { 0 };
			const char **fields[] = { &d.items[0].driver, &d.items[0].node_user, &d.items[0].node_group,
						  &d.items[0].match[MATCH_ADDRESS], &d.items[0].match[MATCH_SERIAL] };

			*fields[field] = values[i];
			bootfiles_rules(&d, &out);
			assert_null(strstr(out.s, "RUN"));
			assert_null(strstr(out.s, "VFIOADM_"));
			assert_non_null(strstr(out.s, "\n# 10-a cannot be expressed in a rule"));
		}
	}
}

static void test_bad_paths(void **state)
{
	static const char *const paths[] = { "pci-", "0000:00:1c.0", "pci-0000:00:1c.0/", "pci-0000:00:1c.0/0.0",
					     "pci-0000:00:1c.0/00.8", "pci-0000:00:1c.0/00.0/", "pci-0000:00:1c.0//00.0",
					     "pci-0000:00:1c.0/1c0", "pci-0000:00:1c.0/00.0x" };
	static const char text[] = "[Match]\nPath=pci-0000:00:1c.0\n";
	const char *one = text;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_declarations_ struct declarations d = read_files(&one, 1);
		_cleanup_strbuf_ struct strbuf out = { 0 };

		d.items[0].match[MATCH_PATH] = paths[i];
		bootfiles_rules(&d, &out);
		/* "pci-0000:00:1c.0/" is the root bus again, written sloppily. */
		if (!streq(paths[i], "pci-0000:00:1c.0/") && !streq(paths[i], "pci-0000:00:1c.0/00.0/"))
			assert_null(strstr(out.s, "DEVPATH"));
	}
}

static void test_all(void **state)
{
	static const char *const texts[] = { "[Match]\nAddress=0000:01:00.0\n", "[Match]\nCardType=1b36:0010\n" };
	struct declarations none = { 0 };
	_cleanup_strbuf_ struct strbuf empty = { 0 };
	_cleanup_free_ char *both = rules_of(texts, 2), *again = rules_of(texts, 2), *first = rules_of(texts, 1);

	bootfiles_rules(&none, &empty);
	assert_int_equal(empty.len, 0);
	assert_string_equal(both, again);
	/* Every event of the kernel comes by: whatever is not for us jumps to the end at once. */
	assert_non_null(strstr(both, "\nACTION==\"remove\", GOTO=\"vfioadm_declared_end\"\n"
				     "SUBSYSTEM!=\"pci\", GOTO=\"vfioadm_declared_other\"\nKERNEL=="));
	assert_int_not_equal(strncmp(both, first, 18), 0);
	/* Nothing here acts: initramfs tools copy this file. */
	assert_null(strstr(both, "RUN"));
	assert_null(strstr(both, "]bind"));
	assert_null(strstr(both, "SYSTEMD_WANTS"));
	assert_null(strstr(both, "ATTR{driver_override}"));
}

static void test_hash(void **state)
{
	static const char *const same[] = {
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[LastSeen]\nAddress=0000:01:00.0\n",
		"# moved\n[Match]\nPath = pci-0000:00:1c.0/00.0\n[LastSeen]\nAddress=0000:02:00.0\n",
	};
	static const char *const others[] = {
		"[Match]\nPath=pci-0000:00:1c.0/01.0\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\nVendor=1b36\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[Assign]\nDriver=mlx5_vfio_pci\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[Assign]\nIommuGroup=whole\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[Node]\nUser=qemu\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[Node]\nGroup=qemu\n",
		"[Match]\nPath=pci-0000:00:1c.0/00.0\n[SR-IOV]\nVFs=2\n",
	};
	_cleanup_declarations_ struct declarations a = read_files(&same[0], 1), b = read_files(&same[1], 1);
	char hash[17], other[17];

	bootfiles_hash(&a, hash);
	bootfiles_hash(&b, other);
	assert_int_equal(strlen(hash), 16);
	/* Where it was seen last changes nothing about the rules. */
	assert_string_equal(hash, other);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_declarations_ struct declarations c = read_files(&others[i], 1);

		bootfiles_hash(&c, other);
		assert_string_not_equal(hash, other);
	}
}

static struct cardtype type_of(const char *id)
{
	struct cardtype type;

	assert_int_equal(cardtype_parse(id, &type, NULL), 0);
	return type;
}

static void test_modprobe(void **state)
{
	const struct cardtype types[] = { type_of("1b36:0010"), type_of("8086:10c9:*:00a1") };
	_cleanup_strv_ struct strv natives = { 0 };
	_cleanup_strbuf_ struct strbuf out = { 0 };

	assert_int_equal(strv_add(&natives, "nvme"), 0);
	assert_int_equal(strv_add(&natives, "x\ninstall vfio-pci /bin/sh"), 0);
	bootfiles_modprobe(types, 0, &natives, &out);
	assert_int_equal(out.len, 0);
	bootfiles_modprobe(types, 2, &natives, &out);
	assert_non_null(strstr(out.s, "\noptions vfio-pci ids=1b36:0010,8086:10c9:ffffffff:00a1\n"
				      "softdep nvme pre: vfio-pci\n"));
	assert_null(strstr(out.s, "install"));
	/* It cannot read the kernel command line, so it says how it is turned off. */
	assert_non_null(strstr(out.s, "module_blacklist=vfio_pci"));
}

static void test_modprobe_ours(void **state)
{
	const struct cardtype type = type_of("1b36:0010");
	_cleanup_strv_ struct strv natives = { 0 };
	_cleanup_strbuf_ struct strbuf out = { 0 };

	bootfiles_modprobe(&type, 1, &natives, &out);
	assert_true(bootfiles_modprobe_is_ours(out.s));
	assert_false(bootfiles_modprobe_is_ours(""));
	assert_false(bootfiles_modprobe_is_ours("options vfio-pci ids=1b36:0010\n"));
	/* What somebody has put in front of it, or has begun to write as we do. */
	assert_false(bootfiles_modprobe_is_ours(strchr(out.s, '\n') + 1));
	*strchr(out.s, '\n') = '\0';
	assert_false(bootfiles_modprobe_is_ours(out.s));
}

/* The kernel's parameter is cut at 1023 characters, in the middle of an ID if need be. */
static void test_modprobe_room(void **state)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct strv natives = { 0 };
	struct cardtype types[80];
	const char *ids, *end;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		types[i] = (struct cardtype){ 0x8086, (uint32_t)i, CARDTYPE_ANY, 1, 0x20000, 0xffffff };
	bootfiles_modprobe(types, ARRAY_SIZE(types), &natives, &out);
	ids = strstr(out.s, "ids=") + 4;
	end = strchr(ids, '\n');
	assert_true(end - ids <= 1023 && end - ids > 900);
	assert_int_equal(end[-1], 'f');
	assert_memory_equal(end - 6, "ffffff", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),	      cmocka_unit_test(test_identities),
		cmocka_unit_test(test_serial),	      cmocka_unit_test(test_children),
		cmocka_unit_test(test_vf),	      cmocka_unit_test(test_types),
		cmocka_unit_test(test_more_than_one), cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_hostile),	      cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_all),	      cmocka_unit_test(test_hash),
		cmocka_unit_test(test_modprobe),      cmocka_unit_test(test_modprobe_room),
		cmocka_unit_test(test_modprobe_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
