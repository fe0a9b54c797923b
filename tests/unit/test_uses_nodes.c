/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nodes by the function that they hang below, and who has them open. */
#include <string.h>

#include "host/uses_private.h"
#include "uses_tree.h"

#define SERIAL "1b36 0002 1af4 1100 070002"
#define DEV0   "pci0000:00/0000:01:00.0"
#define DEV1   "pci0000:00/0000:02:00.0"
#define FIRST  "0000:01:00.0"
#define SECOND "0000:02:00.0"

static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, SERIAL, "serial", 1);
	tmp_function(t, DEV1, SERIAL, "serial", 2);
	uses_node(t, "tty", DEV0 "/0000:01:00.0:0/tty", "ttyS4", "4:68", true);
	uses_node(t, "tty", DEV1 "/0000:02:00.0:0/tty", "ttyS5", "4:69", true);
	uses_node(t, "tty", "virtual/tty", "tty1", "4:1", true);
	uses_process(t, 1, "init");
}

static void test_open(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 77, "minicom");
	uses_open(t, 77, 3, "/dev/tty1");
	uses_open(t, 77, 4, "/dev/ttyS4");
	uses_search(t, FIRST " " SECOND);
	assert_string_equal(uses_text(t, FIRST), "in-use-open minicom (pid 77): has /dev/ttyS4 open");
	assert_string_equal(uses_text(t, SECOND), "");
	assert_true(tmp_get(t, FIRST)->facets & VFIOADM_FACET_USERS);
}

static void test_not_asked_for(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 77, "minicom");
	uses_open(t, 77, 4, "/dev/ttyS4");
	uses_search(t, SECOND);
	assert_string_equal(uses_text(t, FIRST), "");
	assert_false(tmp_get(t, FIRST)->facets & VFIOADM_FACET_USERS);
}

/* What hangs below a function behind another one (a bridge) is not the bridge's. */
static void test_nested_function(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_function(t, DEV1 "/0000:03:00.0", SERIAL, "serial", 3);
	uses_node(t, "tty", DEV1 "/0000:03:00.0/tty", "ttyS6", "4:70", true);
	uses_process(t, 77, "getty");
	uses_open(t, 77, 0, "/dev/ttyS6");
	uses_search(t, FIRST " " SECOND " 0000:03:00.0");
	assert_string_equal(uses_text(t, SECOND), "");
	assert_string_equal(uses_text(t, "0000:03:00.0"), "in-use-open getty (pid 77): has /dev/ttyS6 open");
}

/* The VMD controller carries what is behind it, also where only the controller is asked about. */
static void test_behind_vmd(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:0e.0", "8086 9a0b 8086 0000 010400", "vmd", 5);
	tmp_function(t, "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0", SERIAL, "serial", 5);
	uses_node(t, "tty", "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0/tty", "ttyS4", "4:68", true);
	uses_process(t, 77, "getty");
	uses_open(t, 77, 0, "/dev/ttyS4");
	uses_search(t, "0000:00:0e.0");
	assert_string_equal(uses_text(t, "0000:00:0e.0"), "in-use-open getty (pid 77): has /dev/ttyS4 open");
	assert_string_equal(uses_text(t, "10000:e1:00.0"), "");
}

/* One finding for each process, whatever it has open; two processes are two. */
static void test_once_for_each_process(void **state)
{
	struct tmp_tree *t = *state;
	const char *text;

	fill(t);
	uses_node(t, "tty", DEV0 "/0000:01:00.0:1/tty", "ttyS7", "4:71", true);
	uses_process(t, 77, "a");
	uses_open(t, 77, 0, "/dev/ttyS4");
	uses_open(t, 77, 1, "/dev/ttyS4");
	uses_open(t, 77, 2, "/dev/ttyS7");
	uses_process(t, 78, "b");
	uses_open(t, 78, 0, "/dev/ttyS7");
	uses_search(t, FIRST);
	/* Which of its nodes is named depends on the order of the directory. */
	text = uses_text(t, FIRST);
	assert_non_null(strstr(text, "in-use-open a (pid 77): has /dev/ttyS"));
	assert_null(strstr(strstr(text, "(pid 77)") + 1, "(pid 77)"));
	assert_non_null(strstr(text, "; in-use-open b (pid 78): has /dev/ttyS7 open"));
}

/* DPDK without VFIO, old X servers: they reach the registers through files. */
static void test_registers(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 80, "dpdk");
	uses_open(t, 80, 9, "/sys/devices/" DEV0 "/resource2_wc");
	uses_process(t, 81, "old-x");
	uses_open(t, 81, 9, "/proc/bus/pci/02/00.0");
	uses_process(t, 82, "lspci");
	uses_open(t, 82, 9, "/sys/devices/" DEV0 "/0000:01:00.0:0/config");
	uses_open(t, 82, 10, "/sys/devices/" DEV0 "/numa_node");
	uses_open(t, 82, 11, "/proc/bus/pci/02/01.0");
	uses_search(t, FIRST " " SECOND);
	assert_string_equal(uses_text(t, FIRST), "in-use-open dpdk (pid 80): has its file resource2_wc open and "
						 "can drive it by itself");
	assert_string_equal(uses_text(t, SECOND), "in-use-open old-x (pid 81): has its file /proc/bus/pci/02/00.0 "
						  "open and can drive it by itself");
}

static struct tmp_tree *passing;
static unsigned paused;

/* Who has looked closes its file after a while. */
static void pass(struct host *h)
{
	(void)h;
	if (++paused == 3)
		tmp_remove(passing, "proc/83/fd/9");
}

static void search_with_time(struct tmp_tree *t, void (*pause)(struct host *h))
{
	static struct host_ops ops;

	tmp_observe(t);
	ops = *t->host->ops;
	ops.pause = pause;
	t->host->ops = &ops;
	paused = 0;
	uses_search_observed(t, FIRST " " SECOND);
}

/* A daemon is on its way: its parent has opened the file, and goes. */
static void hand_over(struct host *h)
{
	(void)h;
	if (++paused != 2)
		return;
	tmp_remove(passing, "proc/83/fd/9");
	uses_process(passing, 86, "daemon");
	uses_open(passing, 86, 3, "/sys/devices/" DEV0 "/config");
}

static void test_registers_that_are_handed_over(void **state)
{
	struct tmp_tree *t = passing = *state;

	fill(t);
	uses_process(t, 83, "parent");
	uses_open(t, 83, 9, "/sys/devices/" DEV0 "/config");
	search_with_time(t, hand_over);
	assert_string_equal(uses_text(t, FIRST),
			    "in-use-open daemon (pid 86): has its file config open and can drive it by itself");
	assert_int_equal(paused, 2);
}

/* libvirt looks at each function that appears: by the time of the second look it has done so. */
static void test_registers_that_are_looked_at(void **state)
{
	struct tmp_tree *t = passing = *state;

	fill(t);
	uses_process(t, 83, "libvirtd");
	uses_open(t, 83, 9, "/sys/devices/" DEV0 "/config");
	uses_process(t, 84, "dpdk");
	uses_open(t, 84, 9, "/sys/devices/" DEV1 "/config");
	search_with_time(t, pass);
	assert_string_equal(uses_text(t, FIRST), "");
	assert_string_equal(uses_text(t, SECOND),
			    "in-use-open dpdk (pid 84): has its file config open and can drive it by itself");
	/* The time is for all of them together. */
	assert_int_equal(paused, 25);
}

static void test_proc_bus_pci(void **state)
{
	static const struct {
		const char *path, *address;
		bool its;
	} rows[] = {
		{ "/proc/bus/pci/02/00.0", "0000:02:00.0", true },
		{ "/proc/bus/pci/02/1f.7", "0000:02:1f.7", true },
		{ "/proc/bus/pci/0001:02/00.0", "0001:02:00.0", true },
		{ "/proc/bus/pci/10000:e1/00.0", "10000:e1:00.0", true },
		{ "/proc/bus/pci/02/00.0", "0001:02:00.0", false },
		{ "/proc/bus/pci/02/00.1", "0000:02:00.0", false },
		{ "/proc/bus/pci/devices", "0000:02:00.0", false },
		{ "/proc/bus/pci/02/", "0000:02:00.0", false },
		{ "/proc/bus/pci//00.0", "0000:02:00.0", false },
		{ "/proc/bus/pci/0000000000000000000000000000002/00.0", "0000:02:00.0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opener o = { .path = rows[i].path };

		assert_int_equal(opener_registers(NULL, &o, rows[i].address) != NULL, rows[i].its);
	}
}

/* Names that mean nothing in sys/dev, and a process that is called like a sentence. */
static void test_hostile(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_link(t, "sys/dev/char/x:1", "../../devices/" DEV0 "/tty/ttyS4");
	tmp_link(t, "sys/dev/char/4:68:1", "../../devices/" DEV1 "/tty/ttyS4");
	tmp_link(t, "sys/dev/char/4:99", "../../../../../../0000:01:00.0");
	tmp_file(t, "sys/dev/char/4:98", "no link");
	uses_process(t, 77, "\033[31mx) R 1");
	uses_open(t, 77, 0, "/dev/ttyS4");
	uses_search(t, FIRST " " SECOND);
	assert_string_equal(uses_text(t, FIRST), "in-use-open ?[31mx) R 1 (pid 77): has /dev/ttyS4 open");
	assert_string_equal(uses_text(t, SECOND), "");
}

/* A node that nothing in sysfs knows, or that says it is a disk, is none of ours. */
static void test_unknown_node(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_remove(t, "sys/dev/char/4:68");
	uses_process(t, 77, "a");
	uses_open(t, 77, 0, "/dev/ttyS4");
	uses_search(t, FIRST);
	assert_string_equal(uses_text(t, FIRST), "");
	tmp_link(t, "sys/dev/block/4:68", "../../devices/" DEV0 "/tty/ttyS4");
	uses_search(t, FIRST);
	assert_string_equal(uses_text(t, FIRST), "");
}

/* Hundreds of numbers are told apart. */
static void test_many_numbers(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_process(t, 77, "a");
	for (int i = 0; i < 300; i++) {
		char name[16], number[16], path[32];

		snprintf(name, sizeof(name), "ttyU%d", i);
		snprintf(number, sizeof(number), "188:%d", i);
		snprintf(path, sizeof(path), "/dev/%s", name);
		uses_node(t, "tty", i == 299 ? DEV1 "/tty" : "virtual/tty", name, number, true);
		uses_open(t, 77, i, path);
	}
	uses_search(t, FIRST " " SECOND);
	assert_string_equal(uses_text(t, FIRST), "");
	assert_string_equal(uses_text(t, SECOND), "in-use-open a (pid 77): has /dev/ttyU299 open");
}

static void holders(struct tmp_tree *t, const char *address, const char *want)
{
	struct strv found = { 0 };
	char text[1024] = "";

	assert_int_equal(observe_holders(tmp_open(t), address, &found), 0);
	STRV_FOREACH (i, &found)
		sprintf(text + strlen(text), "%s%s", i ? "; " : "", found.items[i]);
	strv_clear(&found);
	assert_string_equal(text, want);
}

static void test_holders(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "sys/class/vfio/1/dev", "510:1\n");
	uses_process(t, 70, "qemu");
	uses_open(t, 70, 5, "/dev/vfio/1");
	uses_process(t, 71, "minicom");
	uses_open(t, 71, 5, "/dev/ttyS4");
	uses_process(t, 72, "other");
	uses_open(t, 72, 5, "/dev/ttyS5");
	uses_process(t, 73, "vmm");
	uses_open(t, 73, 5, "/dev/vfio/devices/vfio3 (deleted)");
	holders(t, FIRST, "qemu (pid 70) with /dev/vfio/1 open; minicom (pid 71) with /dev/ttyS4 open; "
			  "vmm (pid 73) with /dev/vfio/devices/vfio3 (deleted) open");
	tmp_remove(t, "proc/73");
	/* An open device that the kernel says nothing about is suspected where the function is on VFIO. */
	uses_process(t, 74, "vmm");
	uses_open(t, 74, 5, "anon_inode:[vfio-device]");
	holders(t, FIRST, "qemu (pid 70) with /dev/vfio/1 open; minicom (pid 71) with /dev/ttyS4 open; "
			  "vmm (pid 74) with a VFIO device open");
	holders(t, SECOND, "other (pid 72) with /dev/ttyS5 open");
	tmp_file(t, "proc/74/fdinfo/5", "vfio-device-syspath: /sys/devices/" DEV1 "\n");
	holders(t, FIRST, "qemu (pid 70) with /dev/vfio/1 open; minicom (pid 71) with /dev/ttyS4 open");
	holders(t, SECOND, "other (pid 72) with /dev/ttyS5 open; vmm (pid 74) with a VFIO device open");
	tmp_remove(t, "proc/74");
	holders(t, SECOND, "other (pid 72) with /dev/ttyS5 open");
	holders(t, "0000:09:00.0", "");
}

/* The disk of a multipath namespace hangs below its subsystem. */
static void test_holders_of_a_head(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, "1b36 0010 1af4 1100 010802", "nvme", 1);
	tmp_function(t, DEV1, "1b36 0010 1af4 1100 010802", "nvme", 2);
	tmp_class(t, "block", "virtual/nvme-subsystem/nvme-subsys3", "nvme3n1");
	tmp_file(t, "sys/class/block/nvme3n1/dev", "259:1\n");
	tmp_link(t, "sys/dev/block/259:1", "../../devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1");
	tmp_dir(t, "sys/dev/char");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys3/nvme0", "../../devices/" DEV0 "/nvme/nvme0");
	uses_process(t, 71, "dd");
	uses_open(t, 71, 5, "/dev/nvme3n1");
	holders(t, FIRST, "dd (pid 71) with /dev/nvme3n1 open");
	holders(t, SECOND, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_open),
		TEST(test_not_asked_for),
		TEST(test_nested_function),
		TEST(test_behind_vmd),
		TEST(test_once_for_each_process),
		TEST(test_registers),
		TEST(test_registers_that_are_looked_at),
		TEST(test_registers_that_are_handed_over),
		cmocka_unit_test(test_proc_bus_pci),
		TEST(test_hostile),
		TEST(test_unknown_node),
		TEST(test_many_numbers),
		TEST(test_holders),
		TEST(test_holders_of_a_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
