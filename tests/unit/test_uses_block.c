/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mounts and swap space as the search finds them: in our own mount namespace, in others, and nowhere. */
#include <string.h>
#include <unistd.h>

#include "disk_tree.h"

static void test_unused(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_expect(t, "", "");
	assert_string_equal(uses_text(t, DISK_THIRD), "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	assert_true(t->inv->complete);
}

static void test_mounts(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "29 1 259:2 / /srv/x rw - ext4 /dev/nvme0n1p2 rw\n"
		       "30 1 259:2 / / rw shared:1 - ext4 /dev/root rw\n"
		       "31 30 259:1 / /boot\\040here rw - vfat /dev/nvme0n1p1 rw\n"
		       "32 30 259:9 / /srv/a rw - xfs /dev/nvme1n1 rw\n"
		       "33 30 259:9 /sub /srv/b rw - xfs /dev/nvme1n1 rw\n"
		       "34 30 259:9 /sub /srv/c rw - xfs /dev/nvme1n1 rw\n"
		       "34 30 259:7 / /srv/unknown rw - xfs /dev/nvme9n1 rw\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /boot here; "
		       "root-filesystem nvme0n1p2: mounted at / and /srv/x",
		    "in-use-mount nvme1n1: mounted at /srv/a, /srv/b and /srv/c");
	disk_mounts(t, "30 1 259:9 / /a rw - ext4 x rw\n31 1 259:9 / /b rw - ext4 x rw\n"
		       "32 1 259:9 / /c rw - ext4 x rw\n33 1 259:9 / /usr rw - ext4 x rw\n");
	disk_expect(t, "", "root-filesystem nvme1n1: mounted at /usr, /a and 2 other places");
}

/* Only what was asked for is told; the others keep what BASIC knows. */
static void test_wanted(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 259:9 / /a rw - ext4 x rw\n31 1 259:9 / /b rw - ext4 x rw\n");
	uses_search(t, DISK_FIRST);
	assert_string_equal(uses_text(t, DISK_SECOND),
			    "in-use-mount nvme1n1: mounted at /a and 1 other place");
	assert_string_equal(uses_text(t, DISK_FIRST), "");
}

/* A captured root may hold the mounts under the name of the first process. */
static void test_mounts_of_init(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_remove(t, "proc/self");
	tmp_link(t, "proc/self/ns/pid", "pid:[4026531836]");
	disk_process(t, 1, "init", "100", "30 1 259:9 / / rw - ext4 x rw\n");
	disk_expect(t, "", "root-filesystem nvme1n1: mounted at /");
	tmp_remove(t, "proc/1/mountinfo");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "Which file systems are mounted could not be read.");
	assert_false(t->inv->complete);
}

static void test_usb_and_scsi(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_function(t, "pci0000:00/0000:04:00.0", "1b36 000d 1af4 1100 0c0330", "xhci_hcd", 4);
	disk_add(t, "pci0000:00/0000:04:00.0/usb2/2-1/2-1:1.0/host1/target1:0:0/1:0:0:0/block", "sdb", "8:16\n");
	disk_add(t, "pci0000:00/0000:04:00.0/usb2/2-1/2-1:1.0/host1/target1:0:0/1:0:0:0/block/sdb", "sdb1",
		 "8:17\n");
	disk_mounts(t, "30 1 8:17 / /media/stick rw - vfat x rw\n31 1 8:0 / /srv rw - ext4 x rw\n");
	uses_search(t, "0000:04:00.0 " DISK_THIRD);
	assert_string_equal(uses_text(t, "0000:04:00.0"), "in-use-mount sdb1: mounted at /media/stick");
	assert_string_equal(uses_text(t, DISK_THIRD), "in-use-mount sda: mounted at /srv");
}

/* ---- other namespaces ---- */

static void test_other_namespace(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "32 30 259:9 / /srv rw - xfs x rw\n");
	disk_process(t, 70, "chroot", "200", "1 1 259:1 / /data rw - ext4 x rw\n"
					     "2 1 259:9 / /srv rw - xfs x rw\n"
					     "3 1 259:1 /s /data/sub rw - ext4 x rw\n");
	/* The same namespace; what it shows is not read again. */
	disk_process(t, 71, "postgres", "200", "1 1 259:2 / /never rw - ext4 x rw\n");
	/* As ours. */
	disk_process(t, 72, "sshd", "100", "1 1 259:2 / /never rw - ext4 x rw\n");
	disk_expect(t, "in-use-mount-namespace nvme0n1p1: mounted at /data and 1 other place in the mount "
		       "namespace of chroot (pid 70)",
		    "in-use-mount nvme1n1: mounted at /srv");
	disk_process(t, 90, "redis", "300", "1 1 259:1 / /db rw - ext4 x rw\n");
	uses_search(t, DISK_FIRST);
	assert_string_equal(uses_text(t, DISK_FIRST),
			    "in-use-mount-namespace nvme0n1p1: mounted at /data and 1 other place in the mount "
			    "namespace of chroot (pid 70); "
			    "in-use-mount-namespace nvme0n1p1: mounted at /db in the mount namespace of redis "
			    "(pid 90)");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

/* Another root for a container is not the root of the host. */
static void test_root_of_container(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_process(t, 70, "bash", "200", "1 1 259:9 / / rw - ext4 x rw\n");
	disk_expect(t, "", "in-use-mount-namespace nvme1n1: mounted at / in the mount namespace of bash (pid 70)");
}

/* We are in a namespace of our own, with a disk of the host mounted in it as well. */
static void test_root_of_init(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_link(t, "proc/self/ns/mnt", "mnt:[500]");
	disk_mounts(t, "30 1 259:2 / /host rw - ext4 x rw\n");
	disk_process(t, 1, "systemd", "100", "30 1 259:1 / /boot rw - ext4 x rw\n"
					     "30 1 259:2 / / rw - ext4 x rw\n"
					     "30 1 259:9 / /usr rw - ext4 x rw\n");
	disk_expect(t, "in-use-mount-namespace nvme0n1p1: mounted at /boot in the mount namespace of systemd "
		       "(pid 1); "
		       "in-use-mount nvme0n1p2: mounted at /host; "
		       "root-filesystem nvme0n1p2: mounted at / in the mount namespace of systemd (pid 1)",
		    "root-filesystem nvme1n1: mounted at /usr in the mount namespace of systemd (pid 1)");
}

/* In a chroot the first process sees what we do not. */
static void test_chroot(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_process(t, 1, "systemd", "100", "30 1 259:9 / / rw - ext4 x rw\n");
	disk_expect(t, "", "root-filesystem nvme1n1: mounted at / in the mount namespace of systemd (pid 1)");
}

static void test_unreadable_namespace(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_process(t, 70, "a", "200", NULL);
	disk_process(t, 71, "b", "200", "1 1 259:1 / /data rw - ext4 x rw\n");
	disk_expect(t, "in-use-mount-namespace nvme0n1p1: mounted at /data in the mount namespace of b (pid 71)",
		    "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	disk_process(t, 72, "c", "300", NULL);
	disk_process(t, 73, "d", "400", NULL);
	disk_process(t, 74, "e", "500", "");
	tmp_remove(t, "proc/74/mountinfo");
	uses_search(t, DISK_SECOND);
	assert_string_equal(disk_unseen(t, DISK_SECOND),
			    "What is mounted in 2 mount namespaces could not be read (a (pid 70): Is a "
			    "directory).");
	assert_false(t->inv->complete);
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

static void test_pinned_namespaces(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "1 1 0:4 mnt:[100] /run/ns/own rw - nsfs nsfs rw\n"
		       "2 1 0:4 mnt:[200] /run/ns/used rw - nsfs nsfs rw\n"
		       "3 1 0:4 net:[400] /run/netns/x rw - nsfs nsfs rw\n"
		       "4 1 0:4 mnt:[500] /tmp/file rw - tmpfs x rw\n");
	disk_process(t, 70, "a", "200", "");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	disk_process(t, 70, "a", "200", "1 1 0:4 mnt:[300] /run/ns/empty rw - nsfs nsfs rw\n");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST),
			    "What is mounted in 1 mount namespace without a process cannot be seen.");
}

/* ---- file systems on several disks, overlays, and what nobody shows ---- */

static void test_btrfs(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_link(t, "sys/fs/btrfs/1f00-22/devices/nvme0n1p2", "x");
	tmp_link(t, "sys/fs/btrfs/1f00-22/devices/nvme1n1", "x");
	tmp_dir(t, "sys/fs/btrfs/features");
	disk_mounts(t, "30 1 0:25 /root / rw - btrfs /dev/nvme0n1p2 rw\n"
		       "31 1 0:25 /home /home rw - btrfs /dev/nvme0n1p2 rw\n");
	disk_expect(t, "root-filesystem nvme0n1p2: mounted at / and /home, on one of 2 disks of its file system",
		    "root-filesystem nvme1n1: mounted at / and /home, on one of 2 disks of its file system");
	/* The disk that is named belongs to a function that nobody asks about. */
	uses_search(t, DISK_SECOND);
	assert_string_equal(uses_text(t, DISK_SECOND),
			    "root-filesystem nvme1n1: mounted at / and /home, on one of 2 disks of its file "
			    "system");
	disk_mounts(t, "");
	disk_process(t, 70, "a", "200", "30 1 0:25 / /data rw - btrfs /dev/nvme0n1p2 rw\n");
	disk_expect(t, "in-use-mount-namespace nvme0n1p2: mounted at /data in the mount namespace of a (pid 70)",
		    "in-use-mount-namespace nvme1n1: mounted at /data in the mount namespace of a (pid 70)");
	/* Nobody shows where it is mounted, and still the kernel has it. */
	tmp_remove(t, "proc/70");
	uses_search(t, DISK_SECOND);
	assert_non_null(strstr(uses_text(t, DISK_SECOND),
			       "in-use-mount nvme1n1: holding a file system (btrfs or bcachefs) that is mounted "
			       "where it cannot be seen"));
}

static void test_bcachefs(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_link(t, "sys/fs/bcachefs/77-88/dev-0/block", "../../nvme0n1p2");
	tmp_link(t, "sys/fs/bcachefs/77-88/dev-1/block", "../../nvme1n1");
	tmp_dir(t, "sys/fs/bcachefs/77-88/options");
	disk_mounts(t, "30 1 0:25 / /srv rw - bcachefs /dev/nvme0n1p2:/dev/nvme1n1 rw\n");
	disk_expect(t, "in-use-mount nvme0n1p2: mounted at /srv, on one of 2 disks of its file system",
		    "in-use-mount nvme1n1: mounted at /srv, on one of 2 disks of its file system");
}

static void test_overlay(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 259:1 / /lo\\040w rw - ext4 x rw\n"
		       "31 1 259:9 / /data:x rw - ext4 x rw\n"
		       "32 1 0:40 / /merged rw - overlay overlay "
		       "rw,lowerdir=/none:/lo\\040w/a:relative,upperdir=/data\\134:x/up,workdir=/data\\134:x/w\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /lo w; "
		       "in-use-mount nvme0n1p1: used below the overlay at /merged",
		    "in-use-mount nvme1n1: mounted at /data:x; in-use-mount nvme1n1: used below the overlay at /merged");
	/* The root itself, and an overlay on an overlay. */
	disk_mounts(t, "30 1 259:1 / /low rw - ext4 x rw\n"
		       "31 1 0:39 / /mid rw - overlay overlay rw,lowerdir+=/low,datadir+=/x\n"
		       "32 1 0:40 / / rw - overlay overlay rw,lowerdir=/mid::/low/data\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /low; "
		       "in-use-mount nvme0n1p1: used below the overlay at /mid; "
		       "root-filesystem nvme0n1p1: used below the overlay at /",
		    "");
	/* One that names itself ends. */
	disk_mounts(t, "30 1 0:39 / /a rw - overlay overlay rw,lowerdir=/b\n"
		       "31 1 0:40 / /b rw - overlay overlay rw,lowerdir=/a\n");
	disk_expect(t, "", "");
}

static void test_hidden(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_dir(t, "sys/fs/ext4/features");
	tmp_dir(t, "sys/fs/ext4/nvme0n1p1");
	tmp_dir(t, "sys/fs/xfs/nvme1n1");
	disk_mounts(t, "30 1 259:9 / /srv rw - xfs x rw\n");
	disk_expect(t, "in-use-mount nvme0n1p1: holding a file system (ext4) that is mounted where it cannot be "
		       "seen: it was unmounted lazily and is still busy, or a mount namespace without a process "
		       "keeps it",
		    "in-use-mount nvme1n1: mounted at /srv");
	/* In a namespace where it can be seen it is told as such only. */
	disk_process(t, 70, "a", "200", "30 1 259:1 / /data rw - ext4 x rw\n");
	disk_expect(t, "in-use-mount-namespace nvme0n1p1: mounted at /data in the mount namespace of a (pid 70)",
		    "in-use-mount nvme1n1: mounted at /srv");
}

/* ---- swap space ---- */

static void test_swap(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 259:9 / /srv rw - ext4 x rw\n");
	tmp_file(t, "proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
				  "/dev/nvme0n1p2                          partition\t1048572\t\t0\t\t-2\n"
				  "/srv/swap\\040file                      file\t\t1048572\t\t0\t\t-3\n"
				  "/elsewhere                             file\t\t1048572\t\t0\t\t-3\n");
	disk_expect(t, "in-use-swap nvme0n1p2: used as swap space",
		    "in-use-mount nvme1n1: mounted at /srv; "
		    "in-use-swap nvme1n1: holding the swap file /srv/swap file");
	tmp_remove(t, "proc/swaps");
	tmp_dir(t, "proc/swaps");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /srv");
	assert_string_equal(disk_unseen(t, DISK_SECOND), "/proc/swaps could not be read: Is a directory.");
}

static void test_swap_on_zram(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "zram0", "251:0\n", "");
	disk_virtual(t, "zram1", "251:1\n", "");
	tmp_file(t, "sys/devices/virtual/block/zram0/backing_dev", "/dev/nvme1n1\n");
	tmp_file(t, "sys/devices/virtual/block/zram1/backing_dev", "none\n");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/zram0 partition 1 0 100\n/dev/zram1 partition 1 0 100\n");
	disk_expect(t, "", "in-use-holder nvme1n1: backing zram0, used as swap space");
	tmp_file(t, "proc/swaps", "Filename Type\n");
	disk_expect(t, "", "in-use-holder nvme1n1: backing zram0");
}

/* ---- what cannot be listed ---- */

static void test_no_block_devices(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_remove(t, "sys/class/block");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	tmp_file(t, "sys/class/block", "");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST),
			    "The disks of the host could not be listed: Not a directory.");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_unused),
		TEST(test_mounts),
		TEST(test_wanted),
		TEST(test_mounts_of_init),
		TEST(test_usb_and_scsi),
		TEST(test_other_namespace),
		TEST(test_root_of_container),
		TEST(test_root_of_init),
		TEST(test_chroot),
		TEST(test_unreadable_namespace),
		TEST(test_pinned_namespaces),
		TEST(test_btrfs),
		TEST(test_bcachefs),
		TEST(test_overlay),
		TEST(test_hidden),
		TEST(test_swap),
		TEST(test_swap_on_zram),
		TEST(test_no_block_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
