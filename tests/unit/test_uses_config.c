/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host is set up to do with its disks, and what is on those that nothing uses. */
#include <string.h>

#include "disk_tree.h"

#define IDLE_PART "E:ID_PART_ENTRY_UUID=aaaa-01\nE:ID_PART_ENTRY_NAME=data\\x20part\n"

/* ---- fstab and crypttab ---- */

static void test_fstab(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 8:0 / /srv rw - ext4 x rw\n");
	tmp_link(t, "dev/disk/by-uuid/1234-ABCD", "../../nvme0n1p1");
	tmp_link(t, "dev/disk/by-label/my\\x20disk", "../../nvme1n1");
	tmp_file(t, "etc/fstab", "# UUID=1234-ABCD /no ext4\n"
				 "\n"
				 "UUID=1234-ABCD /data\\040dir ext4 defaults 0 2\n"
				 "  LABEL=my\\040disk\t/back xfs ro,noauto,nofail 0 0\r\n"
				 "/dev/sda /srv ext4\n"
				 "/dev/sda /elsewhere ext4\n"
				 "/dev/nvme9n1 /gone ext4\n"
				 "tmpfs /tmp tmpfs\n"
				 "server:/x /x nfs\n"
				 "/dev/nvme0n1p2 none swap sw 0 0\n"
				 "/dev/nvme0n1\n");
	disk_expect(t, "configured-mount nvme0n1p1: named in /etc/fstab for /data dir, where it is not mounted now; "
		       "configured-mount nvme0n1p2: named in /etc/fstab as swap space, which is not used now",
		    "configured-mount nvme1n1: named in /etc/fstab for /back (noauto), where it is not mounted now");
	assert_string_equal(uses_text(t, DISK_THIRD), "in-use-mount sda: mounted at /srv");
	/* Once in use as it says, it is no warning any more. */
	disk_mounts(t, "30 1 259:1 / /data rw - ext4 x rw\n");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/nvme0n1p2 partition 1 0 -2\n");
	uses_search(t, DISK_FIRST);
	assert_string_equal(uses_text(t, DISK_FIRST),
			    "in-use-mount nvme0n1p1: mounted at /data; in-use-swap nvme0n1p2: used as swap space");
}

/* Without udev's links its database tells the same. */
static void test_names_by_database(void **state)
{
	static const char *const specs[] = {
		"UUID=77-88",
		"UUID=\"77-88\"",
		"LABEL=my\\040disk",
		"PARTUUID=AAAA-01",
		"PARTLABEL='data\\040part'",
		"ID=nvme-QEMU_1",
		"/dev/disk/by-path/pci-0-part1",
		"/dev/nvme0n1p1",
	};
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_udev(t, "259:1", IDLE_PART "S:disk/by-path/pci-0-part1\nS:disk/by-id/nvme-QEMU_1\n"
					"E:ID_FS_UUID=77-88\nE:ID_FS_LABEL_ENC=my\\x20disk\n");
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		_cleanup_free_ char *line = NULL;

		assert_true(asprintf(&line, "%s /data ext4\n", specs[i]) > 0);
		tmp_file(t, "etc/fstab", line);
		disk_expect(t, "configured-mount nvme0n1p1: named in /etc/fstab for /data, where it is not mounted now",
			    "");
	}
	tmp_file(t, "etc/fstab", "UUID=77-89 /a ext4\nLABEL=data /b ext4\nPARTLABEL= /c ext4\nLABEL=my /d ext4\n"
				 "/dev/../dev/nvme0n1p1 /e ext4\n/dev/disk/by-path/pci-0 /f ext4\nXUUID=77-88 /g ext4\n"
				 "/dev/shm/nvme0n1p1 /h ext4\n");
	disk_expect(t, "", "");
}

static void test_fstab_of_volumes(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mapped(t, "dm-0", "254:0\n", "vg0-data\n", "LVM-1\n", "nvme1n1");
	tmp_file(t, "etc/fstab", "/dev/mapper/vg0-data /data ext4\n/dev/nvme1n1 /below ext4\n");
	disk_expect(t, "",
		    "configured-mount nvme1n1: part of LVM volume vg0-data (dm-0), named in /etc/fstab for /data, where "
		    "it is not mounted now; in-use-holder nvme1n1: part of LVM volume vg0-data (dm-0)");
}

static void test_fstab_unreadable(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_dir(t, "etc/fstab");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "/etc/fstab could not be read: Is a directory.");
	assert_false(t->inv->complete);
}

static void test_crypttab(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "etc/crypttab", "# name device\nsecret /dev/nvme0n1p1 none luks\n"
				    "more /dev/nvme1n1 /etc/key luks,noauto\nbroken\n");
	disk_expect(t, "configured-crypt nvme0n1p1: named in /etc/crypttab as secret, which is not open now",
		    "configured-crypt nvme1n1: named in /etc/crypttab as more (noauto), which is not open now");
	disk_mapped(t, "dm-0", "254:0\n", "secret\n", "CRYPT-LUKS2-1\n", "nvme0n1p1");
	uses_search(t, DISK_FIRST);
	assert_string_equal(uses_text(t, DISK_FIRST),
			    "in-use-holder nvme0n1p1: part of encrypted device secret (dm-0)");
}

/* ---- hibernation and crash dumps ---- */

#define RESUME "configured as the place from which the host resumes after hibernation"

static void test_resume(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "sys/power/resume", "0:0\n");
	tmp_file(t, "proc/cmdline", "root=/dev/sda quiet noresume_x=1\n");
	disk_expect(t, "", "");
	tmp_file(t, "sys/power/resume", "259:2\n");
	disk_expect(t, "in-use-resume nvme0n1p2: " RESUME, "");
	tmp_file(t, "proc/cmdline", "quiet resume=/dev/nvme0n1p2\n");
	disk_expect(t, "in-use-resume nvme0n1p2: " RESUME, "");
	tmp_file(t, "sys/power/resume", "0:0\n");
	tmp_file(t, "proc/cmdline", "resume=/dev/sda resume=UUID=77-88 xresume=/dev/sda\n");
	disk_udev(t, "259:9", "E:ID_FS_UUID=77-88\n");
	disk_expect(t, "", "in-use-resume nvme1n1: " RESUME);
	tmp_file(t, "proc/cmdline", "resume=/dev/nvme1n1 noresume\n");
	disk_expect(t, "", "");
}

static void test_kdump(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 259:9 / /var rw - ext4 x rw\n");
	tmp_file(t, "sys/kernel/kexec_crash_loaded", "0\n");
	tmp_file(t, "etc/default/kdump-tools", "USE_KDUMP=1\n#KDUMP_COREDIR=\"/no\"\nKDUMP_COREDIR=\"/var/crash\"\n");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /var");
	tmp_file(t, "sys/kernel/kexec_crash_loaded", "1\n");
	disk_expect(t, "", "in-use-kdump nvme1n1: holding /var/crash, where crash dumps of the host go; "
			   "in-use-mount nvme1n1: mounted at /var");
	tmp_file(t, "etc/default/kdump-tools", "KDUMP_COREDIR=\"/var/crash\"\nNFS=\"server:/dumps\"\n");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /var");
	tmp_file(t, "etc/default/kdump-tools", "KDUMP_COREDIR=$(somewhere)\n");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /var");
	assert_string_equal(disk_unseen(t, DISK_FIRST),
			    "A crash kernel is loaded, and where it writes its dumps to is not plain: $(somewhere).");
	tmp_remove(t, "etc/default/kdump-tools");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /var");
	assert_string_equal(disk_unseen(t, DISK_FIRST),
			    "A crash kernel is loaded, and where it writes its dumps to is not known.");
}

static void test_kdump_conf(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 259:9 / /dumps rw - ext4 x rw\n");
	tmp_file(t, "sys/kernel/kexec_crash_loaded", "1\n");
	tmp_link(t, "dev/disk/by-uuid/77-88", "../../nvme0n1p2");
	tmp_file(t, "etc/kdump.conf", "# raw /dev/sda\next4 UUID=77-88\npath /x\ncore_collector makedumpfile -l\n");
	disk_expect(t, "in-use-kdump nvme0n1p2: configured as the place for crash dumps of the host",
		    "in-use-mount nvme1n1: mounted at /dumps");
	tmp_file(t, "etc/kdump.conf", "raw /dev/nvme0n1p1\n");
	disk_expect(t, "in-use-kdump nvme0n1p1: configured as the place for crash dumps of the host",
		    "in-use-mount nvme1n1: mounted at /dumps");
	tmp_file(t, "etc/kdump.conf", "path /dumps/here\n");
	disk_expect(t, "", "in-use-kdump nvme1n1: holding /dumps/here, where crash dumps of the host go; "
			   "in-use-mount nvme1n1: mounted at /dumps");
	tmp_file(t, "etc/kdump.conf", "ssh user@server\n");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /dumps");
	tmp_remove(t, "etc/kdump.conf");
	tmp_file(t, "etc/sysconfig/kdump", "KDUMP_SAVEDIR='file:///dumps'\n");
	disk_expect(t, "", "in-use-kdump nvme1n1: holding /dumps, where crash dumps of the host go; "
			   "in-use-mount nvme1n1: mounted at /dumps");
}

/* ---- signatures ---- */

static void test_signatures(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_udev(t, "259:0", "E:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=\n");
	disk_udev(t, "259:1", "E:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=old\x1b data\n");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=LVM2_member\n");
	disk_udev(t, "8:0", "E:ID_PART_TABLE_TYPE=dos\n");
	disk_expect(t, "signature nvme0n1p1: holding a file system (ext4) named \"old? data\"",
		    "signature nvme1n1: holding an LVM physical volume");
	assert_string_equal(uses_text(t, DISK_THIRD), "signature sda: holding a partition table (dos)");
	/* They warn only. */
	disk_mounts(t, "30 1 259:1 / /srv rw - ext4 x rw\n");
	disk_mapped(t, "dm-0", "254:0\n", "vg0-data\n", "LVM-1\n", "nvme1n1");
	uses_process(t, 70, "qemu");
	uses_open(t, 70, 3, "/dev/sda");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /srv",
		    "in-use-holder nvme1n1: part of LVM volume vg0-data (dm-0)");
	assert_string_equal(uses_text(t, DISK_THIRD), "in-use-open qemu (pid 70): has /dev/sda open");
}

/* Whoever has the whole disk has what is on its partitions. */
static void test_signature_below_open_disk(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_udev(t, "259:1", "E:ID_FS_TYPE=ext4\n");
	uses_process(t, 70, "qemu");
	uses_open(t, 70, 3, "/dev/nvme0n1");
	disk_expect(t, "in-use-open qemu (pid 70): has /dev/nvme0n1 open", "");
}

static void test_udev_unreadable(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_dir(t, "run/udev/data/b259:9");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST),
			    "/run/udev/data/b259:9 could not be read: Is a directory.");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_fstab),
		TEST(test_names_by_database),
		TEST(test_fstab_of_volumes),
		TEST(test_fstab_unreadable),
		TEST(test_crypttab),
		TEST(test_resume),
		TEST(test_kdump),
		TEST(test_kdump_conf),
		TEST(test_signatures),
		TEST(test_signature_below_open_disk),
		TEST(test_udev_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
