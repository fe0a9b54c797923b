/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a function open through VFIO, and what of that can be known. */
#include <string.h>

#include "host/uses_private.h"
#include "uses_tree.h"

#define NIC    "8086 10d3 8086 a01f 020000"
#define DEV0   "pci0000:00/0000:01:00.0"
#define DEV1   "pci0000:00/0000:02:00.0"
#define DEV2   "pci0000:00/0000:03:00.0"
#define FIRST  "0000:01:00.0"
#define SECOND "0000:02:00.0"
#define THIRD  "0000:03:00.0"
#define ALL    FIRST " " SECOND " " THIRD

/* Two functions on VFIO in groups of their own, one on its host driver. */
static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, NIC, "vfio-pci", 7);
	tmp_function(t, DEV1, NIC, "vfio-pci", 8);
	tmp_function(t, DEV2, NIC, "e1000e", 9);
	tmp_file(t, "sys/class/vfio/7/dev", "510:0\n");
	tmp_file(t, "sys/class/vfio/8/dev", "510:1\n");
	tmp_dir(t, "sys/dev/char");
	tmp_dir(t, "sys/dev/block");
	uses_process(t, 1, "init");
}

static void assert_all(struct tmp_tree *t, const char *first, const char *second)
{
	uses_search(t, ALL);
	assert_string_equal(uses_text(t, FIRST), first);
	assert_string_equal(uses_text(t, SECOND), second);
	assert_string_equal(uses_text(t, THIRD), "");
}

static void test_nobody(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 60, "libvirtd");
	uses_open(t, 60, 3, "/dev/vfio/vfio");
	uses_open(t, 60, 4, "/dev/vfio/9");
	uses_open(t, 60, 5, "anon_inode:[eventfd]");
	assert_all(t, "", "");
	assert_null(strstr(items_of(&tmp_get(t, FIRST)->unseen), "process"));
}

static void test_group(void **state)
{
	struct tmp_tree *t = *state;
	static const char cmdline[] = "/usr/bin/qemu-system-x86_64\0-name\0guest=win10,debug-threads=on\0-S";

	fill(t);
	uses_process(t, 1234, "qemu-system-x86");
	uses_open(t, 1234, 20, "/dev/vfio/vfio");
	uses_open(t, 1234, 21, "/dev/vfio/7");
	uses_open(t, 1234, 22, "anon_inode:[vfio-device]");
	assert_all(t, "in-use-vfio qemu-system-x86 (pid 1234): has /dev/vfio/7 open", "");
	tmp_data(t, "proc/1234/cmdline", cmdline, sizeof(cmdline));
	assert_all(t, "in-use-vfio qemu-system-x86 (pid 1234): has /dev/vfio/7 open, for the guest \"win10\"", "");
}

/* A class without numbers (an old capture): the name has to do. */
static void test_group_by_name(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_remove(t, "sys/class/vfio");
	uses_process(t, 50, "dpdk-testpmd");
	uses_open(t, 50, 21, "/dev/vfio/8");
	assert_all(t, "", "in-use-vfio dpdk-testpmd (pid 50): has /dev/vfio/8 open");
}

static void test_no_iommu_group(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_remove(t, "sys/class/vfio/7");
	tmp_file(t, "sys/class/vfio/noiommu-7/dev", "510:0\n");
	uses_process(t, 50, "dpdk-testpmd");
	uses_open(t, 50, 21, "/dev/vfio/noiommu-7");
	assert_all(t, "in-use-vfio dpdk-testpmd (pid 50): has /dev/vfio/noiommu-7 open", "");
}

static void test_device_node(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "sys/devices/" DEV1 "/vfio-dev/vfio0/dev", "511:0\n");
	tmp_class(t, "vfio-dev", DEV1 "/vfio-dev", "vfio0");
	uses_process(t, 50, "qemu-kvm");
	uses_open(t, 50, 21, "/dev/vfio/devices/vfio0");
	assert_all(t, "", "in-use-vfio qemu-kvm (pid 50): has /dev/vfio/devices/vfio0 open");
}

/* The driver's name tells nothing, its directory does. */
static void test_unnamed_vfio_driver(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_class(t, "vfio-dev", DEV2 "/vfio-dev", "vfio2");
	tmp_file(t, "sys/devices/" DEV2 "/vfio-dev/vfio2/dev", "511:2\n");
	uses_process(t, 50, "qemu-kvm");
	uses_open(t, 50, 21, "/dev/vfio/9");
	tmp_file(t, "sys/class/vfio/9/dev", "510:2\n");
	uses_search(t, ALL);
	assert_string_equal(uses_text(t, THIRD), "in-use-vfio qemu-kvm (pid 50): has /dev/vfio/9 open");
}

/* From 6.18 the kernel tells which device an open file is; the process has no node any more. */
static void test_told_device(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 50, "vmm");
	uses_open(t, 50, 5, "anon_inode:[vfio-device]");
	uses_open(t, 50, 6, "anon_inode:[vfio-device]");
	tmp_file(t, "proc/50/fdinfo/5", "pos:\t0\nvfio-device-syspath: /sys/devices/" DEV2 "\n");
	tmp_file(t, "proc/50/fdinfo/6", "pos:\t0\nvfio-device-syspath: /sys/devices/" DEV1 "\nino:\t1\n");
	assert_all(t, "", "in-use-vfio vmm (pid 50): has it open");
}

/* Before, it may be any that nobody else has: said where that leaves one, and where it does not. */
static void test_untold_device(void **state)
{
	struct tmp_tree *t = *state;
	const char *unknown = "openers-unknown vmm (pid 50): has a device open through VFIO, and the kernel does "
			      "not say whether it is this one";

	fill(t);
	uses_process(t, 50, "vmm");
	uses_open(t, 50, 5, "anon_inode:[vfio-device]");
	tmp_file(t, "proc/50/fdinfo/5", "pos:\t0\nflags:\t02\n");
	assert_all(t, unknown, unknown);
	/* Only the one that is enabled can be open. */
	tmp_file(t, "sys/devices/" DEV0 "/enable", "0\n");
	tmp_file(t, "sys/devices/" DEV1 "/enable", "1\n");
	assert_all(t, "", "in-use-vfio vmm (pid 50): has it open");
	tmp_file(t, "sys/devices/" DEV0 "/enable", "1\n");
	assert_all(t, unknown, unknown);
	uses_process(t, 49, "qemu");
	uses_open(t, 49, 5, "/dev/vfio/7");
	assert_all(t, "in-use-vfio qemu (pid 49): has /dev/vfio/7 open", "in-use-vfio vmm (pid 50): has it open");
	/* Asked about one alone, the other is held all the same. */
	uses_search(t, SECOND);
	assert_string_equal(uses_text(t, SECOND), "in-use-vfio vmm (pid 50): has it open");
}

/* A group of another's opener explains its open devices. */
static void test_explained_device(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 50, "qemu");
	uses_open(t, 50, 4, "/dev/vfio/42");
	uses_open(t, 50, 5, "anon_inode:[vfio-device]");
	assert_all(t, "", "");
}

static void test_cannot_be_known(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_link(t, "proc/self/ns/pid", "pid:[4026532999]");
	uses_search(t, ALL);
	assert_non_null(strstr(uses_text(t, FIRST), "openers-unknown another process: may have it open; not every "
						    "one could be looked at: "));
	assert_non_null(strstr(uses_text(t, FIRST), "PID namespace"));
	tmp_file(t, "sys/devices/" DEV0 "/enable", "0\n");
	uses_search(t, ALL);
	assert_non_null(strstr(uses_text(t, FIRST), "may have it open (though no guest has it at this moment"));
	assert_null(strstr(uses_text(t, SECOND), "though"));
	/* A function of the host can be taken from nobody's guest. */
	assert_string_equal(uses_text(t, THIRD), "");
	assert_non_null(strstr(items_of(&tmp_get(t, THIRD)->unseen), "Not every process could be looked at: "));
	assert_false(t->inv->complete);
}

static void test_guest_names(void **state)
{
	static const struct {
		const char *cmdline;
		size_t size;
		const char *name;
	} rows[] = {
#define ROW(text, name) { text, sizeof(text) - 1, name }
		ROW("qemu\0-name\0guest=a,b=c\0", "a"),
		ROW("qemu\0-name\0debug-threads=on,guest=a\0", "a"),
		ROW("qemu\0-name\0guest=a,,b,x=y\0", "a,b"),
		ROW("qemu\0-name\0plain,process=x\0", "plain"),
		ROW("qemu\0--name\0plain\0", "plain"),
		ROW("qemu\0-name\0process=x,debug-threads=on\0", NULL),
		ROW("qemu\0-name\0guest=\033[1mx\0", "?[1mx"),
		ROW("qemu\0-name\0guest=cut", NULL),
		ROW("qemu\0-name\0", NULL),
		ROW("qemu\0-name", NULL),
		ROW("qemu\0-drive\0guest=a\0", NULL),
		ROW("", NULL),
#undef ROW
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[16];

		assert_int_equal(vfio_guest_name(rows[i].cmdline, rows[i].size, name, sizeof(name)),
				 rows[i].name != NULL);
		if (rows[i].name)
			assert_string_equal(name, rows[i].name);
	}
}

static void test_long_guest_name(void **state)
{
	char name[8];

	assert_true(vfio_guest_name("q\0-name\0guest=0123456789", 25, name, sizeof(name)));
	assert_string_equal(name, "0123456");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nobody),
		TEST(test_group),
		TEST(test_group_by_name),
		TEST(test_no_iommu_group),
		TEST(test_device_node),
		TEST(test_unnamed_vfio_driver),
		TEST(test_told_device),
		TEST(test_untold_device),
		TEST(test_explained_device),
		TEST(test_cannot_be_known),
		cmocka_unit_test(test_guest_names),
		cmocka_unit_test(test_long_guest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
