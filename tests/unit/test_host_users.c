/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who uses a function, as BASIC sees it. */
#include <string.h>

#include "host/observe_private.h"
#include "tmp_tree.h"

#define NVME "1b36 0010 1af4 1100 010802"
#define RAID "8086 9a0b 8086 0000 010400"
#define NIC  "8086 10d3 8086 a01f 020000"
#define VGA  "1234 1111 1af4 1100 030000"

#define DEV0 "pci0000:00/0000:01:00.0"
#define DEV1 "pci0000:00/0000:02:00.0"

static void add_disk(struct tmp_tree *t, const char *place, const char *name, const char *number)
{
	char path[512];

	tmp_class(t, "block", place, name);
	snprintf(path, sizeof(path), "sys/devices/%s/%s/dev", place, name);
	tmp_file(t, path, number);
}

/* Two controllers with a disk each, the first one with two partitions. */
static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, NVME, "nvme", 1);
	tmp_function(t, DEV1, NVME, "nvme", 2);
	add_disk(t, DEV0 "/nvme/nvme0", "nvme0n1", "259:0\n");
	add_disk(t, DEV0 "/nvme/nvme0/nvme0n1", "nvme0n1p1", "259:1\n");
	add_disk(t, DEV0 "/nvme/nvme0/nvme0n1", "nvme0n1p2", "259:2\n");
	add_disk(t, DEV1 "/nvme/nvme1", "nvme1n1", "259:9\n");
	add_disk(t, "virtual/block", "loop0", "7:0\n");
	tmp_file(t, "proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n");
}

static void assert_users(struct tmp_tree *t, const char *dev0, const char *dev1)
{
	tmp_observe(t);
	assert_string_equal(users_of(tmp_get(t, "0000:01:00.0")), dev0);
	assert_string_equal(users_of(tmp_get(t, "0000:02:00.0")), dev1);
}

static void test_unused_disks(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	assert_users(t, "", "");
	assert_true(t->inv->complete);
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.0")->block), "nvme0n1");
	assert_string_equal(items_of(&tmp_get(t, "0000:02:00.0")->block), "nvme1n1");
	assert_string_equal(items_of(&tmp_get(t, "0000:02:00.0")->net), "-");
}

static void test_mounts(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/self/mountinfo",
		 "30 1 259:2 / / rw shared:1 - ext4 /dev/root rw\n"
		 "31 30 259:1 / /boot\\040here rw - vfat /dev/nvme0n1p1 rw\n"
		 "32 30 259:9 / /srv/a rw master:1 propagate_from:2 - xfs /dev/nvme1n1 rw\n"
		 "33 30 259:9 /sub /srv/b rw - xfs /dev/nvme1n1 rw\n"
		 "34 30 259:9 /sub /srv/c rw - xfs /dev/nvme1n1 rw\n"
		 "broken line\n");
	assert_users(t, "block nvme0n1p1: mounted at /boot here, !block nvme0n1p2: mounted at /",
		     "block nvme1n1: mounted at /srv/a and 2 other places");
}

/* Without /usr the host cannot go on either. */
static void test_mounted_at_usr(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/self/mountinfo",
		 "31 30 259:1 / /srv/usr rw - ext4 /dev/nvme0n1p1 rw\n"
		 "32 30 259:2 / /srv rw - ext4 /dev/nvme0n1p2 rw\n"
		 "33 30 259:2 / /usr rw - ext4 /dev/nvme0n1p2 rw\n"
		 "34 30 259:9 / /usr/local rw - xfs /dev/nvme1n1 rw\n");
	assert_users(t,
		     "block nvme0n1p1: mounted at /srv/usr, "
		     "!block nvme0n1p2: mounted at /usr and 1 other place",
		     "block nvme1n1: mounted at /usr/local");
}

/* Whoever may mount with FUSE names its source; it is no disk's name, and is never looked up. */
static void test_sources_of_others(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/self/mountinfo",
		 "31 30 0:50 / /home/a/x rw - fuse.x /dev/nvme0n1p1 rw\n"
		 "32 30 0:51 / /home/a/y rw - fuse /dev/../home/a/x/z rw\n"
		 "33 30 0:52 / /home/a/z rw - btrfs /dev/../dev/nvme0n1p1 rw\n");
	assert_users(t, "", "");
	tmp_file(t, "proc/self/mountinfo", "33 30 0:52 / /b rw - bcachefs /dev/nvme0n1p1:/dev/sdz rw\n");
	assert_users(t, "block nvme0n1p1: mounted at /b", "");
}

/* The number is looked up in sys/dev where that exists; the result is the same. */
static void test_mounts_by_sys_dev(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_remove(t, "sys/devices/" DEV0 "/nvme/nvme0/nvme0n1/nvme0n1p1/dev");
	tmp_link(t, "sys/dev/block/259:1", "../../devices/" DEV0 "/nvme/nvme0/nvme0n1/nvme0n1p1");
	tmp_file(t, "proc/self/mountinfo", "31 30 259:1 / /boot rw - vfat /dev/x rw\n");
	assert_users(t, "block nvme0n1p1: mounted at /boot", "");
}

static void test_mountinfo_of_init(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_remove(t, "proc/self");
	tmp_file(t, "proc/1/mountinfo", "31 30 259:9 / / rw - ext4 /dev/nvme1n1 rw\n");
	assert_users(t, "", "!block nvme1n1: mounted at /");
	assert_true(t->inv->complete);
}

static void test_swap(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/swaps",
		 "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
		 "/dev/nvme0n1p2                          partition\t1048572\t\t0\t\t-2\n"
		 "/swap\\040file                           file\t\t1048572\t\t0\t\t-3\n");
	assert_users(t, "block nvme0n1p2: used as swap space", "");
}

/* A file system on two disks has a number of its own. */
static void test_btrfs(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/self/mountinfo", "30 1 0:25 /root / rw - btrfs /dev/nvme0n1p2 rw\n");
	assert_users(t, "!block nvme0n1p2: mounted at /", "");
	tmp_link(t, "sys/fs/btrfs/1f00-22/devices/nvme0n1p2", "x");
	tmp_link(t, "sys/fs/btrfs/1f00-22/devices/nvme1n1", "x");
	tmp_dir(t, "sys/fs/btrfs/features");
	assert_users(t, "!block nvme0n1p2: mounted at /", "!block nvme1n1: mounted at /");
}

static void test_holders(void **state)
{
	struct tmp_tree *t = *state;

	/* p1 and the other disk make md0; md0 carries the volume dm-0, and that is mounted. */
	fill(t);
	add_disk(t, "virtual/block", "md0", "9:0\n");
	tmp_link(t, "sys/devices/virtual/block/md0/slaves/nvme0n1p1", "x");
	tmp_link(t, "sys/devices/virtual/block/md0/slaves/nvme1n1", "x");
	add_disk(t, "virtual/block", "dm-0", "254:0\n");
	tmp_link(t, "sys/devices/virtual/block/dm-0/slaves/md0", "x");
	assert_users(t, "block nvme0n1p1: part of md0", "block nvme1n1: part of md0");
	tmp_file(t, "proc/self/mountinfo", "30 1 254:0 / /srv rw - ext4 /dev/mapper/vg-lv rw\n");
	assert_users(t, "block nvme0n1p1: part of md0, mounted at /srv",
		     "block nvme1n1: part of md0, mounted at /srv");
	tmp_file(t, "proc/self/mountinfo", "30 1 254:0 / / rw - ext4 /dev/mapper/vg-lv rw\n");
	assert_users(t, "!block nvme0n1p1: part of md0, mounted at /",
		     "!block nvme1n1: part of md0, mounted at /");
	tmp_file(t, "proc/self/mountinfo", "");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/dm-0 partition 1 0 -2\n");
	assert_users(t, "block nvme0n1p1: part of md0, used as swap space",
		     "block nvme1n1: part of md0, used as swap space");
}

static void test_partitions_of_holders(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	add_disk(t, "virtual/block", "md127", "9:127\n");
	add_disk(t, "virtual/block/md127", "md127p1", "259:20\n");
	tmp_link(t, "sys/devices/virtual/block/md127/slaves/nvme1n1", "x");
	tmp_file(t, "proc/self/mountinfo", "30 1 259:20 / / rw - ext4 /dev/md127p1 rw\n");
	assert_users(t, "", "!block nvme1n1: part of md127, mounted at /");
}

/* A root may claim anything, also that two devices are made of one another. */
static void test_holders_in_a_circle(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	add_disk(t, "virtual/block", "dm-0", "254:0\n");
	add_disk(t, "virtual/block", "dm-1", "254:1\n");
	tmp_link(t, "sys/devices/virtual/block/dm-0/slaves/dm-1", "x");
	tmp_link(t, "sys/devices/virtual/block/dm-1/slaves/dm-0", "x");
	tmp_link(t, "sys/devices/virtual/block/dm-1/slaves/dm-1", "x");
	tmp_link(t, "sys/devices/virtual/block/dm-1/slaves/nvme1n1", "x");
	tmp_file(t, "proc/self/mountinfo", "30 1 254:0 / / rw - ext4 /dev/dm-0 rw\n");
	assert_users(t, "", "!block nvme1n1: part of dm-1, mounted at /");
}

/* The disk that is used sits below the subsystem; hidden ones tell the paths to it. */
static void test_nvme_multipath(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, NVME, "nvme", 1);
	tmp_function(t, DEV1, NVME, "nvme", 2);
	add_disk(t, DEV0 "/nvme/nvme0", "nvme3c0n1", "259:5\n");
	add_disk(t, DEV1 "/nvme/nvme1", "nvme3c1n1", "259:6\n");
	add_disk(t, "virtual/nvme-subsystem/nvme-subsys3", "nvme3n1", "259:0\n");
	add_disk(t, "virtual/nvme-subsystem/nvme-subsys3/nvme3n1", "nvme3n1p1", "259:1\n");
	tmp_file(t, "proc/self/mountinfo", "30 1 259:1 / /srv rw - ext4 /dev/nvme3n1p1 rw\n");
	assert_users(t, "block nvme3n1p1: mounted at /srv", "block nvme3n1p1: mounted at /srv");
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.0")->block), "nvme3n1");
	assert_string_equal(items_of(&tmp_get(t, "0000:02:00.0")->block), "nvme3n1");

	/* Without them the subsystem's links to its controllers do. */
	tmp_remove(t, "sys/class/block/nvme3c0n1");
	tmp_remove(t, "sys/class/block/nvme3c1n1");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys3/nvme1", "../../" DEV1 "/nvme/nvme1");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys3/nvme3n1", "nvme3n1");
	assert_users(t, "", "block nvme3n1p1: mounted at /srv");
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.0")->block), "-");
}

static void test_interfaces(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, NIC, "e1000e", 1);
	tmp_function(t, DEV1, NIC, "virtio-pci", 2);
	tmp_class(t, "net", DEV0 "/net", "eth10");
	tmp_file(t, "sys/devices/" DEV0 "/net/eth10/flags", "0x1002\n");
	tmp_class(t, "net", DEV0 "/net", "eth9");
	tmp_file(t, "sys/devices/" DEV0 "/net/eth9/flags", "0x1003\n");
	tmp_class(t, "net", DEV1 "/virtio0/net", "ens1");
	tmp_class(t, "net", "virtual/net", "lo");
	tmp_file(t, "sys/devices/virtual/net/lo/flags", "0x9\n");
	tmp_file(t, "sys/class/net/bonding_masters", "");
	assert_users(t, "net eth9: is up", "");
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.0")->net), "eth9,eth10");
	assert_string_equal(items_of(&tmp_get(t, "0000:02:00.0")->net), "ens1");
	/* ens1 has no flags to be read. */
	assert_false(t->inv->complete);
}

static void test_virtual_functions(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:01:00.0", NIC, "igb", 1);
	tmp_function(t, "pci0000:00/0000:02:00.0", NIC, "igb", 2);
	for (int i = 0; i < 3; i++) {
		char place[64], path[128];

		snprintf(place, sizeof(place), "pci0000:00/0000:01:10.%d", i);
		tmp_function(t, place, NIC, i == 0 ? NULL : "vfio-pci", 10 + i);
		snprintf(path, sizeof(path), "sys/devices/%s/physfn", place);
		tmp_link(t, path, "../0000:01:00.0");
	}
	assert_users(t,
		     "!vf 0000:01:10.1: is its virtual function, bound to vfio-pci; 3 virtual "
		     "functions are "
		     "enabled",
		     "");
}

/* No driver has them, and still the physical function cannot be assigned. */
static void test_idle_virtual_function(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:01:00.0", NIC, "igb", 1);
	tmp_function(t, "pci0000:00/0000:01:10.0", NIC, NULL, 10);
	tmp_link(t, "sys/devices/pci0000:00/0000:01:10.0/physfn", "../0000:01:00.0");
	tmp_observe(t);
	assert_string_equal(users_of(tmp_get(t, "0000:01:00.0")),
			    "!vf 0000:01:10.0: is its virtual function");
}

/* Who takes the controller takes the disks behind it: they are its users too. */
static void test_vmd(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:0e.0", RAID, "vmd", 5);
	tmp_function(t, "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0", NVME, "nvme", 5);
	add_disk(t, "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0/nvme/nvme0", "nvme0n1",
		 "259:0\n");
	tmp_file(t, "proc/self/mountinfo", "31 30 259:0 / / rw - ext4 /dev/nvme0n1 rw\n");
	tmp_observe(t);
	assert_string_equal(users_of(tmp_get(t, "10000:e1:00.0")), "!block nvme0n1: mounted at /");
	assert_string_equal(users_of(tmp_get(t, "0000:00:0e.0")), "!block nvme0n1: mounted at /");
	assert_string_equal(items_of(&tmp_get(t, "0000:00:0e.0")->block), "nvme0n1");
}

static void test_display(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, VGA, "bochs-drm", 1);
	tmp_function(t, DEV1, VGA, "bochs-drm", 2);
	tmp_file(t, "sys/devices/" DEV0 "/boot_vga", "1\n");
	tmp_file(t, "sys/devices/" DEV1 "/boot_vga", "0\n");
	tmp_class(t, "graphics", "virtual/graphics", "fbcon");
	assert_users(t, "", "");
	/* That of the other function does not count. */
	tmp_class(t, "graphics", DEV1 "/graphics", "fb0");
	assert_users(t, "", "");
	tmp_class(t, "graphics", DEV0 "/graphics", "fb1");
	assert_users(t, "display fb1: is the framebuffer of the boot display", "");
	tmp_remove(t, "sys/class/graphics");
	tmp_class(t, "graphics", "platform/efi-framebuffer.0/graphics", "fb0");
	assert_users(t, "display fb0: is the framebuffer of the boot display", "");
}

/* ---- parts ---- */

static int collect(const struct mount *m, void *userdata)
{
	char *text = userdata;

	sprintf(text + strlen(text), "[%u:%u %s %s %s %s]", m->major, m->minor, m->point,
		m->options, m->type, m->source);
	return 0;
}

static void test_mountinfo(void **state)
{
	char text[1024] = "", decoded[] = "a\\040b\\\\134\\12\\400\\";

	assert_int_equal(mounts_each("1 0 8:1 / /a ro,x shared:2 master:3 - ext4 /dev/a\\040b rw\n"
				     "2 0 0:5 / /b rw - tmpfs none rw\n"
				     "3 0 x:5 / /b rw - tmpfs none rw\n"
				     "4 0 1:5 / /c rw\n"
				     "5 0 1:5 / /c rw -\n"
				     "\n"
				     "6 0 1:5 / /d rw - ext4 /dev/d rw",
				     collect, text),
			 0);
	assert_string_equal(
		text, "[8:1 /a ro,x ext4 /dev/a b][0:5 /b rw tmpfs none][1:5 /d rw ext4 /dev/d]");
	mounts_decode(decoded);
	assert_string_equal(decoded, "a b\\\\\\12\\400\\");
}

/* An overlay with many layers has a long line, and so has a mount point with many escapes. */
static void test_long_lines(void **state)
{
	size_t len = 100000;
	char *text = malloc(len + 200), seen[256] = "";
	struct mount_table table;

	assert_non_null(text);
	strcpy(text, "1 0 0:9 / /a rw - overlay overlay rw,lowerdir=");
	memset(text + strlen(text), 'x', len);
	strcpy(text + strcspn(text, "=") + 1 + len, "\n2 0 8:1 /sub\\040dir /b rw - ext4 /dev/b\n");
	assert_int_equal(mounts_each(text, collect, seen), 0);
	assert_string_equal(seen, "[0:9 /a rw overlay overlay][8:1 /b rw ext4 /dev/b]");
	assert_int_equal(mounts_parse(text, &table), 0);
	assert_int_equal(table.n, 2);
	assert_int_equal(strlen(table.items[0].super), strlen("rw,lowerdir=") + len);
	assert_string_equal(table.items[1].root, "/sub dir");
	assert_string_equal(table.items[1].super, "");
	mounts_free(&table);
	free(text);
}

static const char *point_of(const struct mount_table *t, const char *path)
{
	const struct mount *m = mounts_of_path(t, path);

	return m ? m->source : "-";
}

static void test_mount_of_path(void **state)
{
	struct mount_table t;

	assert_int_equal(mounts_parse("1 0 8:1 / /srv rw - ext4 a rw\n2 1 8:2 / /srv/x rw - ext4 b rw", &t),
			 0);
	assert_string_equal(point_of(&t, "/"), "-");
	assert_string_equal(point_of(&t, "/srv"), "a");
	assert_string_equal(point_of(&t, "/srv/xy"), "a");
	assert_string_equal(point_of(&t, "/srv/x/y"), "b");
	assert_string_equal(point_of(&t, "/srvx"), "-");
	mounts_free(&t);
	/* What was mounted last is on top. */
	assert_int_equal(mounts_parse("1 0 8:1 / / rw - ext4 a rw\nx\n2 1 8:2 / / rw - ext4 b rw\n", &t), 0);
	assert_string_equal(point_of(&t, "/"), "b");
	assert_string_equal(point_of(&t, "/swap"), "b");
	mounts_free(&t);
	assert_int_equal(mounts_parse("", &t), 0);
	assert_string_equal(point_of(&t, "/"), "-");
	mounts_free(&t);
}

static void test_last_address(void **state)
{
	static const struct {
		const char *path, *address, *rest;
	} rows[] = {
		{"../../devices/pci0000:00/0000:00:03.0/net/eth0", "0000:00:03.0", "net/eth0"},
		{"../pci0000:00/0000:00:1c.0/0000:01:00.0/nvme/nvme0", "0000:01:00.0",
		 "nvme/nvme0"},
		{"../pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0/nvme", "10000:e1:00.0",
		 "nvme"},
		{"0000:00:03.0", "0000:00:03.0", ""},
		{"../../devices/virtual/net/lo", NULL, NULL},
		{"../../host0/target0:0:0/0:0:0:0/block/sda", NULL, NULL},
		{"../pci0000:00", NULL, NULL},
		{"", NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char address[ADDRESS_MAX];
		const char *rest;

		assert_int_equal(last_address(rows[i].path, address, &rest),
				 rows[i].address != NULL);
		if (rows[i].address) {
			assert_string_equal(address, rows[i].address);
			assert_string_equal(rest, rows[i].rest);
		}
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_unused_disks),
		TEST(test_mounts),
		TEST(test_mounted_at_usr),
		TEST(test_sources_of_others),
		TEST(test_mounts_by_sys_dev),
		TEST(test_mountinfo_of_init),
		TEST(test_swap),
		TEST(test_btrfs),
		TEST(test_holders),
		TEST(test_partitions_of_holders),
		TEST(test_holders_in_a_circle),
		TEST(test_nvme_multipath),
		TEST(test_interfaces),
		TEST(test_virtual_functions),
		TEST(test_idle_virtual_function),
		TEST(test_vmd),
		TEST(test_display),
		cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_mount_of_path),
		cmocka_unit_test(test_last_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
