/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands on disks, several paths to them, who has them open, and who serves them to others. */
#include <string.h>
#include <sys/stat.h>

#include "disk_tree.h"

/* ---- stacks ---- */

static void test_levels(void **state)
{
	struct tmp_tree *t = *state;

	/* p1 and the other disk make md0, which carries a volume, which is encrypted and mounted. */
	disk_fill(t);
	disk_virtual(t, "md0", "9:0\n", "nvme0n1p1 nvme1n1");
	tmp_file(t, "sys/devices/virtual/block/md0/md/level", "raid1\n");
	disk_mapped(t, "dm-0", "254:0\n", "vg0-root\n", "LVM-abc\n", "md0");
	disk_mapped(t, "dm-1", "254:1\n", "secret\n", "CRYPT-LUKS2-abc\n", "dm-0");
#define WAY "part of RAID array md0 (raid1), below LVM volume vg0-root (dm-0), below encrypted device secret (dm-1)"
	disk_expect(t, "in-use-holder nvme0n1p1: " WAY, "in-use-holder nvme1n1: " WAY);
	disk_mounts(t, "30 1 254:1 / /srv rw - ext4 /dev/mapper/secret rw\n");
	disk_expect(t, "in-use-holder nvme0n1p1: " WAY ", mounted at /srv",
		    "in-use-holder nvme1n1: " WAY ", mounted at /srv");
	disk_mounts(t, "30 1 254:1 / / rw - ext4 /dev/mapper/secret rw\n");
	disk_expect(t, "root-filesystem nvme0n1p1: " WAY ", mounted at /",
		    "root-filesystem nvme1n1: " WAY ", mounted at /");
	disk_mounts(t, "");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/dm-1 partition 1 0 -2\n");
	disk_expect(t, "in-use-holder nvme0n1p1: " WAY ", used as swap space",
		    "in-use-holder nvme1n1: " WAY ", used as swap space");
	tmp_remove(t, "proc/swaps");
	disk_process(t, 70, "postgres", "200", "30 1 254:1 / / rw - ext4 x rw\n");
	uses_search(t, DISK_SECOND);
	assert_string_equal(uses_text(t, DISK_SECOND),
			    "in-use-holder nvme1n1: " WAY "; in-use-mount-namespace nvme1n1: " WAY
			    ", mounted at / in the mount namespace of postgres (pid 70)");
}

/* One disk, several volumes: all are told, up to a point. */
static void test_many_volumes(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mapped(t, "dm-0", "254:0\n", "vg-a\n", "LVM-1\n", "nvme1n1");
	disk_mapped(t, "dm-1", "254:1\n", "vg-b\n", "LVM-2\n", "nvme1n1");
	disk_mapped(t, "dm-2", "254:2\n", "odd\n", "", "nvme1n1");
	disk_mounts(t, "30 1 254:1 / /b rw - ext4 x rw\n");
	disk_expect(t, "",
		    "in-use-holder nvme1n1: part of LVM volume vg-b (dm-1), mounted at /b; "
		    "in-use-holder nvme1n1: part of LVM volume vg-a (dm-0); "
		    "in-use-holder nvme1n1: part of mapped device odd (dm-2)");
	for (int i = 3; i < 8; i++) {
		char name[16], number[16];

		snprintf(name, sizeof(name), "dm-%d", i);
		snprintf(number, sizeof(number), "254:%d\n", i);
		disk_virtual(t, name, number, "nvme1n1");
	}
	uses_search(t, DISK_SECOND);
	assert_non_null(strstr(uses_text(t, DISK_SECOND), "in-use-holder nvme1n1: used in 4 more ways like these"));
	assert_int_equal(tmp_get(t, DISK_SECOND)->n_users, 5);
}

static void test_partitions_of_raid(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "md127", "9:127\n", "nvme1n1");
	disk_add(t, "virtual/block/md127", "md127p1", "259:20\n");
	disk_expect(t, "", "in-use-holder nvme1n1: part of md127");
	disk_mounts(t, "30 1 259:20 / / rw - ext4 /dev/md127p1 rw\n");
	disk_expect(t, "", "root-filesystem nvme1n1: part of md127, mounted at /");
}

/* A root may claim anything, also that devices are made of one another. */
static void test_circle(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "dm-0", "254:0\n", "dm-1 gone");
	disk_virtual(t, "dm-1", "254:1\n", "dm-0 dm-1 nvme1n1");
	disk_mounts(t, "30 1 254:0 / / rw - ext4 /dev/dm-0 rw\n");
	disk_expect(t, "", "root-filesystem nvme1n1: part of dm-1, below dm-0, mounted at /");
}

static void test_loop(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "loop0", "7:0\n", "");
	disk_virtual(t, "loop1", "7:1\n", "");
	disk_virtual(t, "loop2", "7:2\n", "");
	tmp_file(t, "sys/devices/virtual/block/loop0/loop/backing_file", "/srv/a disk.img\n");
	tmp_file(t, "sys/devices/virtual/block/loop1/loop/backing_file", "/dev/nvme0n1p2\n");
	disk_mounts(t, "30 1 259:9 / /srv rw - ext4 x rw\n31 1 7:0 / /mnt rw - ext4 x rw\n");
	disk_expect(t, "in-use-holder nvme0n1p2: holding loop1",
		    "in-use-holder nvme1n1: holding loop0 (file /srv/a disk.img), mounted at /mnt; "
		    "in-use-mount nvme1n1: mounted at /srv");
	/* A live system: the root is an overlay on an image on a disk. */
	disk_mounts(t, "30 1 259:9 / /srv rw - ext4 x rw\n31 1 7:0 / /mnt rw - squashfs x rw\n"
		       "32 1 0:50 / / rw - overlay x rw,lowerdir=/mnt\n");
	disk_expect(t, "in-use-holder nvme0n1p2: holding loop1",
		    "in-use-holder nvme1n1: holding loop0 (file /srv/a disk.img), mounted at /mnt; "
		    "in-use-mount nvme1n1: mounted at /srv; "
		    "root-filesystem nvme1n1: holding loop0 (file /srv/a disk.img), used below the overlay at /");
	/* A file on something that is no disk. */
	disk_mounts(t, "30 1 0:50 / / rw - tmpfs x rw\n");
	uses_search(t, DISK_SECOND);
	assert_string_equal(uses_text(t, DISK_SECOND), "");
}

static void test_bcache(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_link(t, "sys/devices/" DISK_DEV0 "/nvme/nvme0/nvme0n1/nvme0n1p2/bcache/set", "../../fs/bcache/aa-bb");
	disk_expect(t, "in-use-holder nvme0n1p2: part of the bcache cache set aa-bb", "");
}

static void test_zfs(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "proc/spl/kstat/zfs/arcstats", "");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n");
	disk_expect(t, "", "signature nvme1n1: holding a part of a ZFS pool named \"tank\"");
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	tmp_file(t, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	disk_expect(t, "", "in-use-claimed nvme1n1: part of the ZFS pool tank, which is imported");
	assert_non_null(strstr(disk_unseen(t, DISK_SECOND), "ZFS pools are imported"));
	for (int i = 0; i < 3; i++) {
		static const char *const numbers[] = { "259:0", "259:1", "259:2" };

		disk_udev(t, numbers[i], "E:ID_MODEL=x\n");
	}
	disk_udev(t, "8:0", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=../tank\n");
	uses_search(t, DISK_FIRST " " DISK_SECOND " " DISK_THIRD);
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	assert_string_equal(uses_text(t, DISK_THIRD), "signature sda: holding a part of a ZFS pool named \"../tank\"");
}

/* ---- several paths ---- */

static void test_multipath(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mapped(t, "dm-0", "254:0\n", "mpatha\n", "mpath-36001\n", "sda sdb");
	disk_expect(t, "", "");
	assert_string_equal(uses_text(t, DISK_THIRD),
			    "in-use-holder sda: used as the only path of multipath device mpatha (dm-0)");
	tmp_function(t, "pci0000:00/0000:04:00.0", DISK_SCSI, "virtio-pci", 4);
	disk_add(t, "pci0000:00/0000:04:00.0/virtio3/host1/target1:0:0/1:0:0:0/block", "sdb", "8:16\n");
	tmp_file(t, "sys/devices/pci0000:00/0000:04:00.0/virtio3/host1/target1:0:0/1:0:0:0/block/sdb/device/state",
		 "running\n");
	disk_mapped(t, "dm-1", "254:1\n", "mpatha-part1\n", "part1-mpath-36001\n", "dm-0");
	disk_mounts(t, "30 1 254:1 / /srv rw - ext4 x rw\n");
	disk_expect(t, "", "");
	assert_string_equal(uses_text(t, DISK_THIRD),
			    "in-use-holder sda: used as a path of multipath device mpatha (dm-0), which has another path "
			    "over 0000:04:00.0, below mapped device mpatha-part1 (dm-1), mounted at /srv");
	tmp_file(t, "sys/devices/pci0000:00/0000:04:00.0/virtio3/host1/target1:0:0/1:0:0:0/block/sdb/device/state",
		 "offline\n");
	disk_expect(t, "", "");
	assert_string_equal(uses_text(t, DISK_THIRD),
			    "in-use-holder sda: used as the only live path of multipath device mpatha (dm-0), below mapped "
			    "device mpatha-part1 (dm-1), mounted at /srv");
}

static void fill_nvme_paths(struct tmp_tree *t)
{
	tmp_function(t, DISK_DEV0, DISK_NVME, "nvme", 1);
	tmp_function(t, DISK_DEV1, DISK_NVME, "nvme", 2);
	disk_add(t, DISK_DEV0 "/nvme/nvme0", "nvme3c0n1", "259:5\n");
	disk_add(t, "virtual/nvme-subsystem/nvme-subsys3", "nvme3n1", "259:0\n");
	disk_add(t, "virtual/nvme-subsystem/nvme-subsys3/nvme3n1", "nvme3n1p1", "259:1\n");
	disk_mounts(t, "30 1 259:1 / /srv rw - ext4 /dev/nvme3n1p1 rw\n");
	disk_process(t, 1, "init", "100", "");
	tmp_link(t, "proc/self/ns/mnt", "mnt:[100]");
}

static void expect_nvme(struct tmp_tree *t, const char *first, const char *second)
{
	uses_search(t, DISK_FIRST " " DISK_SECOND);
	assert_string_equal(uses_text(t, DISK_FIRST), first);
	assert_string_equal(uses_text(t, DISK_SECOND), second);
}

static void test_nvme_paths(void **state)
{
	struct tmp_tree *t = *state;

	/* One path is what each NVMe disk has: nothing to be said. */
	fill_nvme_paths(t);
	expect_nvme(t, "in-use-mount nvme3n1p1: mounted at /srv", "");
	disk_add(t, DISK_DEV1 "/nvme/nvme1", "nvme3c1n1", "259:6\n");
	tmp_file(t, "sys/class/nvme/nvme0/state", "live\n");
	tmp_file(t, "sys/class/nvme/nvme1/state", "live\n");
	expect_nvme(t, "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over "
		       "0000:02:00.0",
		    "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over "
		    "0000:01:00.0");
	tmp_file(t, "sys/class/nvme/nvme1/state", "connecting\n");
	expect_nvme(t, "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, whose other paths are not live",
		    "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over "
		    "0000:01:00.0");
	tmp_file(t, "sys/class/nvme/nvme1/state", "live\n");
	tmp_file(t, "sys/devices/" DISK_DEV0 "/nvme/nvme0/nvme3c0n1/ana_state", "inaccessible\n");
	uses_search(t, DISK_SECOND);
	assert_string_equal(uses_text(t, DISK_SECOND),
			    "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, whose other paths are not live");
}

/* One path over PCI, one over the network. */
static void test_nvme_path_over_fabric(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvme_paths(t);
	disk_add(t, "virtual/nvme-fabrics/ctl/nvme7", "nvme3c7n1", "259:6\n");
	expect_nvme(t, "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over nvme7",
		    "");
}

/* The kernel shows no path devices: the subsystem's links tell its controllers. */
static void test_nvme_controllers(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvme_paths(t);
	tmp_remove(t, "sys/class/block/nvme3c0n1");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys3/nvme0", "../../" DISK_DEV0 "/nvme/nvme0");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys3/nvme1", "../../" DISK_DEV1 "/nvme/nvme1");
	expect_nvme(t, "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over "
		       "0000:02:00.0",
		    "in-use-mount nvme3n1p1: mounted at /srv, through nvme3n1, which has another path over "
		    "0000:01:00.0");
}

/* ---- openers ---- */

static void test_openers(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "md0", "9:0\n", "nvme1n1");
	uses_process(t, 70, "qemu-system-x86");
	uses_open(t, 70, 3, "/dev/nvme0n1");
	uses_open(t, 70, 4, "/dev/nvme0n1");
	uses_open(t, 70, 5, "/dev/nvme0n1p2");
	uses_process(t, 71, "dd");
	uses_open(t, 71, 0, "/dev/md0");
	uses_open(t, 71, 1, "/dev/sdz");
	uses_process(t, 72, "(udev-worker)");
	uses_open(t, 72, 1, "/dev/nvme0n1");
	uses_process(t, 73, "systemd-udevd");
	uses_open(t, 73, 1, "/dev/nvme0n1");
	disk_expect(t,
		    "in-use-open qemu-system-x86 (pid 70): has /dev/nvme0n1 open; "
		    "in-use-open qemu-system-x86 (pid 70): has /dev/nvme0n1p2 open",
		    "in-use-holder nvme1n1: part of md0; "
		    "in-use-open dd (pid 71): has /dev/md0 open, and nvme1n1 is part of md0");
	for (int pid = 80; pid < 90; pid++) {
		uses_process(t, pid, "p");
		uses_open(t, pid, 1, "/dev/sda");
	}
	uses_search(t, DISK_THIRD);
	assert_string_equal(uses_text(t, DISK_THIRD),
			    "in-use-open p (pid 80): has /dev/sda open; in-use-open p (pid 81): has /dev/sda open; "
			    "in-use-open p (pid 82): has /dev/sda open; in-use-open p (pid 83): has /dev/sda open; "
			    "in-use-open sda: opened by 6 more programs");
}

/* ---- who is udev ---- */

/* A host that tells what files are: those of processes are the disk, programs are told apart by their inode. */
static int known_file(struct host *h, host_dir dir, const char *name, bool follow, struct host_file *ret)
{
	char link[128], path[128];
	const char *target = name;

	if (str_after(name, "fd/")) {
		*ret = (struct host_file){ .mode = follow ? S_IFBLK | 0660 : S_IFLNK | 0500, .major = 259 };
		return 0;
	}
	if (h->ops->readlink(h, dir, name, link, sizeof(link)) > 0)
		target = link + (link[0] == '/');
	snprintf(path, sizeof(path), "%s", target);
	*ret = (struct host_file){ .mode = S_IFREG | 0755, .device = (uint64_t)8 << 32 };
	return h->ops->incarnation(h, -1, path, &ret->inode);
}

static void test_who_is_udev(void **state)
{
	static const char unit[] = "0::/system.slice/systemd-udevd.service/udev\n";
	static const struct {
		const char *name, *uids, *pid_ns, *user_ns, *cgroup, *exe;
		bool is;
	} rows[] = {
		{ "(udev-worker)", "0\t0\t0\t0", "1", "2", unit, "/usr/bin/other", true },
		{ "systemd-udevd", "0\t0\t0\t0", "1", "2", "0::/system.slice/systemd-udevd.service\n", "", true },
		{ "udevd", "0\t0\t0\t0", "1", "2", "5:cpu:/x\n1:name=systemd:/system.slice/systemd-udevd.service\n", "",
		  true },
		/* Without units: its program, or that under another name. */
		{ "udevd", "0\t0\t0\t0", "1", "2", "0::/\n", "/sbin/udevd", true },
		{ "systemd-udevd", "0\t0\t0\t0", "1", "2", NULL, "/usr/bin/udevadm", true },
		/* Another name, another user (of which one number is not enough), another namespace. */
		{ "udev-worker", "0\t0\t0\t0", "1", "2", unit, "/usr/bin/udevadm", false },
		{ "(udev-worker)", "1000\t1000\t1000\t1000", "1", "2", unit, "/usr/bin/udevadm", false },
		{ "(udev-worker)", "1000\t0\t0\t0", "1", "2", unit, "/usr/bin/udevadm", false },
		{ "(udev-worker)", "0\t0\t1000\t0", "1", "2", unit, "/usr/bin/udevadm", false },
		{ "(udev-worker)", "0\t0\t0\t0", "9", "2", unit, "/usr/bin/udevadm", false },
		{ "(udev-worker)", "0\t0\t0\t0", "1", "9", unit, "/usr/bin/udevadm", false },
		/* Root's, but not udev: another unit, one that a user's own systemd calls so, another hierarchy or program. */
		{ "udevd", "0\t0\t0\t0", "1", "2", "0::/system.slice/ssh.service\n", "/usr/bin/other", false },
		{ "udevd", "0\t0\t0\t0", "1", "2",
		  "0::/user.slice/user-1000.slice/user@1000.service/system.slice/systemd-udevd.service\n", "/usr/bin/other",
		  false },
		{ "udevd", "0\t0\t0\t0", "1", "2", "0::/system.slice/systemd-udevd.service.d\n", "", false },
		{ "udevd", "0\t0\t0\t0", "1", "2", "4:cpu:/system.slice/systemd-udevd.service\n", "", false },
		{ "udevd", "0\t0\t0\t0", "1", "2", "0::/\n", "/home/x/udevd", false },
	};
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "usr/bin/udevadm", "");
	tmp_file(t, "usr/bin/other", "");
	tmp_file(t, "sbin/udevd", "");
	tmp_file(t, "home/x/udevd", "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[512], want[128];
		const struct host_ops *real;
		struct host_ops ops;

		uses_process(t, 72, rows[i].name);
		uses_open(t, 72, 1, "/dev/nvme0n1");
		snprintf(text, sizeof(text), "Name:\t%s\nUid:\t%s\nGid:\t0\t0\t0\t0\n", rows[i].name, rows[i].uids);
		tmp_file(t, "proc/72/status", text);
		tmp_link(t, "proc/self/ns/pid", "pid:[4026531836]");
		tmp_link(t, "proc/self/ns/user", "user:[2]");
		tmp_link(t, "proc/72/ns/pid", streq(rows[i].pid_ns, "1") ? "pid:[4026531836]" : "pid:[9]");
		tmp_link(t, "proc/72/ns/user", streq(rows[i].user_ns, "2") ? "user:[2]" : "user:[9]");
		tmp_file(t, "proc/72/cgroup", rows[i].cgroup ? rows[i].cgroup : "");
		tmp_link(t, "proc/72/exe", *rows[i].exe ? rows[i].exe : "/usr/bin/other");
		tmp_observe(t);
		real = t->host->ops;
		ops = *real;
		ops.file = known_file;
		t->host->ops = &ops;
		uses_search_observed(t, DISK_FIRST);
		t->host->ops = real;
		snprintf(want, sizeof(want), "in-use-open %s (pid 72): has /dev/nvme0n1 open", rows[i].name);
		assert_string_equal(uses_text(t, DISK_FIRST), rows[i].is ? "" : want);
	}
}

/* A captured root has names alone; where it says whose they are, that counts. */
static void test_udev_of_a_captured_root(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	uses_process(t, 72, "systemd-udevd");
	uses_open(t, 72, 1, "/dev/nvme0n1");
	disk_expect(t, "", "");
	tmp_file(t, "proc/72/status", "Name:\tsystemd-udevd\nUid:\t1000\t1000\t1000\t1000\n");
	disk_expect(t, "in-use-open systemd-udevd (pid 72): has /dev/nvme0n1 open", "");
	tmp_file(t, "proc/72/status", "Name:\tsystemd-udevd\nUid:\t0\t0\t0\t0\n");
	disk_expect(t, "", "");
}

static void test_opener_of_head(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvme_paths(t);
	disk_mounts(t, "");
	tmp_class(t, "nvme-generic", "virtual/nvme-subsystem/nvme-subsys3", "ng3n1");
	tmp_file(t, "sys/devices/virtual/nvme-subsystem/nvme-subsys3/ng3n1/dev", "237:0\n");
	tmp_link(t, "sys/dev/char/237:0", "../../devices/virtual/nvme-subsystem/nvme-subsys3/ng3n1");
	tmp_file(t, "proc/devices", "Character devices:\n  1 mem\n237 nvme-generic\n238 nvme\n\nBlock devices:\n"
				    "  7 loop\n");
	uses_process(t, 70, "fio");
	uses_open(t, 70, 3, "/dev/ng3n1");
	uses_process(t, 71, "qemu");
	uses_open(t, 71, 3, "/dev/nvme3n1");
	expect_nvme(t, "in-use-open fio (pid 70): has /dev/ng3n1 open; in-use-open qemu (pid 71): has /dev/nvme3n1 open",
		    "");
	tmp_file(t, "proc/devices", "Character devices:\n  1 mem\n239 nvme-generic\n");
	uses_process(t, 71, "qemu");
	expect_nvme(t, "in-use-open qemu (pid 71): has /dev/nvme3n1 open", "");
}

/* ---- exports ---- */

static void export(struct tmp_tree *t, const char *dir, const char *file, const char *path, const char *enable)
{
	char name[512];

	snprintf(name, sizeof(name), "sys/kernel/config/%s/%s", dir, file);
	tmp_file(t, name, path);
	snprintf(name, sizeof(name), "sys/kernel/config/%s/enable", dir);
	tmp_file(t, name, enable);
}

static void test_nvmet(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 8:0 / /srv rw - ext4 x rw\n");
	export(t, "nvmet/subsystems/nqn.a/namespaces/1", "device_path", "/dev/nvme0n1p1\n", "1\n");
	export(t, "nvmet/subsystems/nqn.a/namespaces/2", "device_path", "/dev/nvme0n1p2\n", "0\n");
	export(t, "nvmet/subsystems/nqn.a/namespaces/3", "device_path", "/srv/disk.img\n", "1\n");
	export(t, "nvmet/subsystems/nqn.a/passthru", "device_path", "/dev/nvme0\n", "0\n");
	export(t, "nvmet/subsystems/nqn.b/passthru", "device_path", "/dev/nvme1\n", "1\n");
	tmp_link(t, "sys/class/nvme/nvme1", "../../devices/" DISK_DEV1 "/nvme/nvme1");
	disk_expect(t, "in-use-export nvme0n1p1: exported over NVMe over Fabrics as nqn.a, namespace 1",
		    "in-use-export nvme1: exported over NVMe over Fabrics as nqn.b (passthrough)");
	assert_string_equal(uses_text(t, DISK_THIRD),
			    "in-use-export sda: holding /srv/disk.img, which is exported over NVMe over Fabrics as "
			    "nqn.a, namespace 3; in-use-mount sda: mounted at /srv");
	tmp_remove(t, "sys/kernel/config/nvmet/subsystems");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

static void test_lio(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mapped(t, "dm-0", "254:0\n", "vg-a\n", "LVM-1\n", "nvme1n1");
	export(t, "target/core/iblock_0/one", "udev_path", "/dev/mapper/vg-a\n", "1\n");
	export(t, "target/core/iblock_1/two", "udev_path", "/dev/nvme0n1\n", "0\n");
	export(t, "target/core/pscsi_1/three", "udev_path", "/dev/sda\n", "1\n");
	export(t, "target/core/rd_mcp_1/four", "udev_path", "/dev/nvme0n1\n", "1\n");
	tmp_file(t, "sys/kernel/config/target/core/iblock_0/hba_info", "HBA Index: 0\n");
#define LIO "exported by the kernel's SCSI target (LIO) as "
	disk_expect(t, "",
		    "in-use-export nvme1n1: part of LVM volume vg-a (dm-0), " LIO "iblock_0/one; "
		    "in-use-holder nvme1n1: part of LVM volume vg-a (dm-0)");
	assert_string_equal(uses_text(t, DISK_THIRD), "in-use-export sda: " LIO "pscsi_1/three");
	tmp_remove(t, "sys/kernel/config/target/core");
	tmp_file(t, "sys/kernel/config/target/core", "");
	disk_expect(t, "", "in-use-holder nvme1n1: part of LVM volume vg-a (dm-0)");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_levels),
		TEST(test_many_volumes),
		TEST(test_partitions_of_raid),
		TEST(test_circle),
		TEST(test_loop),
		TEST(test_bcache),
		TEST(test_zfs),
		TEST(test_multipath),
		TEST(test_nvme_paths),
		TEST(test_nvme_path_over_fabric),
		TEST(test_nvme_controllers),
		TEST(test_openers),
		TEST(test_opener_of_head),
		TEST(test_who_is_udev),
		TEST(test_udev_of_a_captured_root),
		TEST(test_nvmet),
		TEST(test_lio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
