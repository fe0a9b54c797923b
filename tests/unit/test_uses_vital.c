/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has no holder: journals and logs on disks of their own, ZFS, arrays, DRBD; and what ends nowhere. */
#include <string.h>

#include "disk_tree.h"
#include "host/zpool_cache.h"

#define LOST(what, disk) what " could not be followed to its disks, and may be on " disk "."

static void search(struct tmp_tree *t)
{
	uses_search(t, DISK_FIRST " " DISK_SECOND " " DISK_THIRD);
}

/* ---- further devices of a file system ---- */

static void test_xfs(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 8:0 / /srv rw - xfs /dev/sda rw,attr2,logdev=/dev/nvme0n1p1,rtdev=/dev/nvme1n1,noquota\n");
	disk_expect(t, "in-use-mount nvme0n1p1: holding the log of the file system mounted at /srv",
		    "in-use-mount nvme1n1: holding the real-time device of the file system mounted at /srv");
	disk_mounts(t, "30 1 8:0 / / rw - xfs /dev/sda rw,rtdev=/dev/nvme1n1\n");
	disk_expect(t, "", "root-filesystem nvme1n1: holding the real-time device of the file system mounted at /");
	/* In a volume, and in the mount namespace of somebody else. */
	disk_mapped(t, "dm-0", "254:0\n", "vg-log\n", "LVM-1\n", "nvme1n1");
	disk_mounts(t, "30 1 8:0 / / rw - xfs /dev/sda rw,logdev=/dev/mapper/vg-log\n");
	disk_expect(t, "", "in-use-holder nvme1n1: part of dm-0; root-filesystem nvme1n1: part of LVM volume vg-log "
			   "(dm-0), holding the log of the file system mounted at /");
	disk_mounts(t, "");
	disk_process(t, 70, "postgres", "200", "30 1 8:0 / /data rw - xfs /dev/sda rw,logdev=/dev/nvme0n1p2\n");
	search(t);
	assert_string_equal(uses_text(t, DISK_FIRST), "in-use-mount-namespace nvme0n1p2: mounted at /data in the mount "
						     "namespace of postgres (pid 70)");
	/* Named and not to be found. */
	disk_mounts(t, "30 1 8:0 / / rw - xfs /dev/sda rw,logdev=/dev/disk/by-id/gone\n");
	disk_process(t, 70, "postgres", "200", "");
	disk_expect(t, "", "in-use-holder nvme1n1: part of LVM volume vg-log (dm-0)");
	assert_string_equal(disk_unseen(t, DISK_FIRST), LOST("/ (xfs on log /dev/disk/by-id/gone)", "nvme0n1p1 or nvme0n1p2"));
	/* What is used is not in doubt. */
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
}

static void add_ext4(struct tmp_tree *t, const char *name, int pid, const char *comm)
{
	char path[64], number[16];

	snprintf(path, sizeof(path), "sys/fs/ext4/%s/journal_task", name);
	snprintf(number, sizeof(number), "%d\n", pid);
	tmp_file(t, path, number);
	snprintf(path, sizeof(path), "proc/%d/comm", pid);
	tmp_file(t, path, comm);
}

static void test_ext4(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "proc/fs/jbd2/sda-8/info", "");
	add_ext4(t, "sda", 300, "jbd2/sda-8\n");
	disk_mounts(t, "30 1 8:0 / / rw - ext4 /dev/sda rw\n31 30 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /srv", "");
	/* The thread of the journal tells whose it is. */
	tmp_file(t, "proc/fs/jbd2/nvme1n1/info", "");
	add_ext4(t, "nvme0n1p1", 301, "jbd2/nvme1n1\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /srv",
		    "in-use-mount nvme1n1: holding the journal of the file system mounted at /srv");
	/* Its name is cut in older kernels. */
	tmp_remove(t, "proc/fs/jbd2/nvme1n1");
	tmp_file(t, "proc/fs/jbd2/nvme0n1p2/info", "");
	add_ext4(t, "sda", 300, "jbd2/nvme0n1p2\n");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /srv; "
		       "root-filesystem nvme0n1p2: holding the journal of the file system mounted at /", "");
	/* Nothing tells: it may be that of each one without a journal inside. */
	tmp_remove(t, "sys/fs/ext4/sda/journal_task");
	tmp_remove(t, "proc/fs/jbd2/sda-8");
	tmp_file(t, "proc/fs/jbd2/nvme0n1p1-8/info", "");
	disk_expect(t, "in-use-mount nvme0n1p1: mounted at /srv; "
		       "root-filesystem nvme0n1p2: holding the journal of the file system mounted at /", "");
	/* No mount shows it any more. */
	disk_mounts(t, "");
	tmp_remove(t, "sys/fs/ext4");
	disk_expect(t, "in-use-mount nvme0n1p2: holding the journal of a file system that is mounted", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

/* The kernel's list is not there: the signature tells what it may be. */
static void test_journal_by_signature(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_udev(t, "259:9", "E:ID_FS_TYPE=jbd\n");
	disk_mounts(t, "30 1 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND),
			    "The journal of /srv (ext4) is not known, and may be on nvme1n1.");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	tmp_file(t, "proc/fs/jbd2/nvme0n1p1-8/info", "");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
}

/* ---- file systems whose further devices no mount names ---- */

static void expect_multi(struct tmp_tree *t, const char *first, const char *second)
{
	search(t);
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	assert_string_equal(uses_text(t, DISK_SECOND), first);
	assert_string_equal(disk_unseen(t, DISK_SECOND), second);
}

#define F2FS_LOST(where) "The further devices of " where " (f2fs), if it has any, are not known, and may be on nvme1n1."

static void test_f2fs_map(void **state)
{
	struct tmp_tree *t = *state;
	static const char one[] = "Address Layout   :  4096B Block address (# of Segments)\n Main : 0x0 ( 20)\n";
	static const char two[] = "Address Layout   :  4096B Block address (# of Segments)\n"
				  " Section size  :            2 MB\n\nDisk Map for multi devices:\n"
				  "Disk: 0 (zoned=0): 0x0000000000 - 0x00000003ff on /dev/sda\n"
				  "Disk: 1 (zoned=0): 0x0000000400 - 0x00000007ff on /dev/nvme1n1\n";

	disk_fill(t);
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/nvme0n1p1 partition 1 0 -2\n/dev/nvme0n1p2 partition 1 0 -2\n");
	disk_mounts(t, "30 1 8:0 / / rw - f2fs /dev/sda rw\n");
	tmp_file(t, "proc/fs/f2fs/sda/disk_map", two);
	expect_multi(t, "root-filesystem nvme1n1: holding the data of the file system mounted at /", "");
	/* Mounted by a container, and by nobody who can be seen. */
	disk_mounts(t, "");
	disk_process(t, 70, "postgres", "200", "30 1 8:0 / /data rw - f2fs /dev/sda rw\n");
	expect_multi(t, "in-use-mount-namespace nvme1n1: mounted at /data in the mount namespace of postgres (pid 70)", "");
	disk_process(t, 70, "postgres", "200", "");
	expect_multi(t, "in-use-mount nvme1n1: holding the data of a file system that is mounted", "");
	/* One that is named as it was called when it was made, and is not to be found. */
	disk_mounts(t, "30 1 8:0 / /srv rw - f2fs /dev/sda rw\n");
	tmp_file(t, "proc/fs/f2fs/sda/disk_map",
		 "Address Layout\nDisk: 0 (zoned=0): 0x0 - 0x3ff on /dev/sda\nDisk: 1 (zoned=0): 0x400 - 0x7ff on /dev/sdq\n");
	expect_multi(t, "", F2FS_LOST("/srv"));
	tmp_file(t, "proc/fs/f2fs/sda/disk_map", one);
	expect_multi(t, "", "");
	tmp_file(t, "proc/fs/f2fs/sda/disk_map", "\n");
	expect_multi(t, "", F2FS_LOST("/srv"));
}

/* Older kernels tell how long it is, and that must end on its device. */
static void test_f2fs_length(void **state)
{
	struct tmp_tree *t = *state;
	static const char segments[] = "format: segment_type|valid_blocks\nsegment_type(0:HD, 1:WD)\n"
				       "0         0|0   0|0   0|0   0|0   0|0   0|0   0|0   0|0   0|0   0|0  \n"
				       "10        0|0   0|0   1|512\n";

	disk_fill(t);
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/nvme0n1p1 partition 1 0 -2\n/dev/nvme0n1p2 partition 1 0 -2\n");
	disk_mounts(t, "30 1 8:0 / / rw - f2fs /dev/sda rw\n");
	expect_multi(t, "", F2FS_LOST("/"));
	/* 13 segments of 2 MiB behind 6 MiB: 32 MiB. */
	tmp_file(t, "proc/fs/f2fs/sda/segment_info", segments);
	tmp_file(t, "sys/devices/" DISK_SCSI_PLACE "/sda/size", "65536\n");
	expect_multi(t, "", F2FS_LOST("/"));
	tmp_file(t, "sys/fs/f2fs/sda/main_blkaddr", "1536\n");
	expect_multi(t, "", "");
	tmp_file(t, "sys/devices/" DISK_SCSI_PLACE "/sda/size", "65535\n");
	expect_multi(t, "", F2FS_LOST("/"));
	/* The device has been made larger, or another one was counted in. */
	tmp_file(t, "sys/devices/" DISK_SCSI_PLACE "/sda/size", "131072\n");
	expect_multi(t, "", F2FS_LOST("/"));
	tmp_file(t, "sys/devices/" DISK_SCSI_PLACE "/sda/size", "66000\n");
	expect_multi(t, "", "");
	tmp_file(t, "proc/fs/f2fs/sda/segment_info", "format: segment_type|valid_blocks\n");
	expect_multi(t, "", F2FS_LOST("/"));
	/* Unmounted lazily: the kernel has it still. */
	disk_mounts(t, "");
	expect_multi(t, "", F2FS_LOST("sda"));
}

static void test_jfs_and_erofs(void **state)
{
	struct tmp_tree *t = *state;
	static const char log[] = "The log of /srv (jfs), if it is not inside, is not known, and may be on nvme1n1.";
	static const char layer[] =
		"The further devices of /img (erofs), if it has any, are not known, and may be on nvme1n1.";

	disk_fill(t);
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/nvme0n1p1 partition 1 0 -2\n/dev/nvme0n1p2 partition 1 0 -2\n");
	disk_mounts(t, "30 1 8:0 / /srv rw - jfs /dev/sda rw\n");
	expect_multi(t, "", log);
	/* mkfs.jfs leaves the signature of what was there before. */
	disk_udev(t, "259:9", "E:ID_FS_TYPE=ext4\nE:ID_FS_UUID=x\n");
	expect_multi(t, "signature nvme1n1: holding a file system (ext4)", log);
	/* In a container only. */
	disk_mounts(t, "");
	disk_process(t, 70, "postgres", "200", "30 1 8:0 / /srv rw - jfs /dev/sda rw\n");
	expect_multi(t, "signature nvme1n1: holding a file system (ext4)", log);
	disk_process(t, 70, "postgres", "200", "");
	expect_multi(t, "signature nvme1n1: holding a file system (ext4)", "");
	/* A layer of an image is data, or an image itself. */
	disk_mounts(t, "30 1 8:0 / /img ro - erofs /dev/sda ro,user_xattr,acl\n");
	expect_multi(t, "signature nvme1n1: holding a file system (ext4)", "");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=erofs\n");
	expect_multi(t, "signature nvme1n1: holding a file system (erofs)", layer);
	disk_udev(t, "259:9", "E:ID_MODEL=x\n");
	expect_multi(t, "", layer);
	/* From a file, which has no number. */
	disk_mounts(t, "30 1 0:77 / /img ro - erofs /base.img ro\n");
	expect_multi(t, "", layer);
}

/* ---- ZFS ---- */

static void test_zfs_root(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_mounts(t, "30 1 0:27 / / rw - zfs rpool/ROOT/a rw\n31 30 0:28 / /tank rw - zfs tank rw\n");
	disk_udev(t, "259:2", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=rpool\n");
	disk_udev(t, "259:1", "E:ID_FS_TYPE=vfat\n");
	disk_udev(t, "259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
	disk_udev(t, "8:0", "E:ID_MODEL=x\n");
	/* Renamed: the GUID says what the label does not. */
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=old\nE:ID_FS_UUID=4711\n");
	tmp_file(t, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	tmp_file(t, "proc/spl/kstat/zfs/tank/guid", "4711\n");
	disk_expect(t, "signature nvme0n1p1: holding a file system (vfat); "
		       "in-use-claimed nvme0n1p2: part of the ZFS pool rpool, which is imported; "
		       "root-filesystem nvme0n1p2: mounted at /, in the ZFS pool rpool",
		    "in-use-claimed nvme1n1: part of the ZFS pool tank, which is imported; "
		    "in-use-mount nvme1n1: mounted at /tank, in the ZFS pool tank");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	/* A cache device has no label: a blank disk may be it. */
	tmp_file(t, "proc/spl/kstat/zfs/arcstats", "name type data\nl2_hits 4 0\nl2_size 4 1048576\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD),
			    "An imported ZFS pool has a cache device that is not known, and may be on sda.");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	tmp_file(t, "proc/spl/kstat/zfs/arcstats", "name type data\nl2_size 4 0\n");
	/* None of its members is known. */
	disk_udev(t, "259:2", "E:ID_FS_TYPE=ext4\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD),
			    LOST("The ZFS pool rpool, which is imported,", "sda"));
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

static void test_zfs_by_signs(void **state)
{
	struct tmp_tree *t = *state;
	const char *may = "An imported ZFS pool may have more disks than are known, and may be on nvme1n1.";

	disk_fill(t);
	tmp_file(t, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	disk_udev(t, "259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
	disk_udev(t, "259:1", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n");
	disk_udev(t, "259:2", "E:ID_FS_TYPE=swap\n");
	disk_udev(t, "8:0", "E:ID_MODEL=x\n");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), may);
	disk_udev(t, "259:9", "E:ID_FS_AMBIVALENT=filesystem:ext4: filesystem:zfs_member:\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), may);
	disk_udev(t, "259:9", "E:ID_PART_ENTRY_TYPE=6a898cc3-1dd2-11b2-99a6-080020736631\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), may);
	/* Exported: it has a name, or a GUID that is none of those. */
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=other\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_UUID=12\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), may);
	tmp_file(t, "proc/spl/kstat/zfs/tank/guid", "11\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
}

static void test_zfs_volume(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "proc/spl/kstat/zfs/rpool/state", "ONLINE\n");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=rpool\n");
	disk_virtual(t, "zd0", "230:0\n", "");
	disk_udev(t, "230:0", "S:zvol/rpool/swap\n");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/zd0 partition 1 0 -2\n");
	search(t);
	assert_string_equal(uses_text(t, DISK_SECOND),
			    "in-use-claimed nvme1n1: part of the ZFS pool rpool, which is imported; "
			    "in-use-holder nvme1n1: part of ZFS volume rpool/swap (zd0), used as swap space");
	/* A file on a dataset. */
	disk_mounts(t, "30 1 0:27 / /srv rw - zfs rpool/srv rw\n");
	tmp_file(t, "proc/swaps", "Filename Type\n/srv/swap file 1 0 -2\n");
	search(t);
	assert_non_null(strstr(uses_text(t, DISK_SECOND), "in-use-swap nvme1n1: holding the swap file /srv/swap"));
}

/* A list of names and values as ZFS writes it. */
struct list {
	unsigned char data[2048];
	size_t n;
};

static void add_number(struct list *l, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		l->data[l->n++] = (unsigned char)(v >> shift);
}

static void add_text(struct list *l, const char *text)
{
	size_t len = strlen(text);

	add_number(l, (uint32_t)len);
	memcpy(l->data + l->n, text, len);
	l->n += len;
	while (l->n % 4)
		l->data[l->n++] = 0;
}

static size_t begin_pair(struct list *l, const char *name, uint32_t type, uint32_t n)
{
	size_t start = l->n;

	add_number(l, 0);
	add_number(l, 1);
	add_text(l, name);
	add_number(l, type);
	add_number(l, n);
	return start;
}

static void end_pair(struct list *l, size_t start)
{
	struct list size = { .n = 0 };

	add_number(&size, (uint32_t)(l->n - start));
	memcpy(l->data + start, size.data, 4);
}

static void add_path(struct list *l, const char *path)
{
	size_t pair;

	add_number(l, 0);
	add_number(l, 1);
	pair = begin_pair(l, "type", 9, 1);
	add_text(l, "disk");
	end_pair(l, pair);
	pair = begin_pair(l, "path", 9, 1);
	add_text(l, path);
	end_pair(l, pair);
	add_number(l, 0);
	add_number(l, 0);
}

static void make_cache(struct list *l)
{
	size_t pool, tree, children;

	*l = (struct list){ .data = { 1, 1, 0, 0 }, .n = 4 };
	add_number(l, 0);
	add_number(l, 1);
	pool = begin_pair(l, "tank", 19, 1);
	add_number(l, 0);
	add_number(l, 1);
	tree = begin_pair(l, "vdev_tree", 19, 1);
	add_number(l, 0);
	add_number(l, 1);
	children = begin_pair(l, "children", 20, 2);
	add_path(l, "/dev/nvme0n1p1");
	add_path(l, "/dev/disk/by-id/nvme-LOG-part1");
	end_pair(l, children);
	add_number(l, 0);
	add_number(l, 0);
	end_pair(l, tree);
	add_number(l, 0);
	add_number(l, 0);
	end_pair(l, pool);
	add_number(l, 0);
	add_number(l, 0);
}

static int collect(const char *pool, const char *path, void *userdata)
{
	strcat(strcat(strcat(strcat(userdata, pool), " "), path), ";");
	return 0;
}

static void test_zpool_cache(void **state)
{
	struct tmp_tree *t = *state;
	char text[256] = "";
	struct list l;

	make_cache(&l);
	assert_int_equal(zpool_cache_each(l.data, l.n, collect, text), 0);
	assert_string_equal(text, "tank /dev/nvme0n1p1;tank /dev/disk/by-id/nvme-LOG-part1;");
	/* Cut anywhere it is known to be damaged; with any byte changed it breaks nothing. */
	for (size_t i = 0; i < l.n; i++) {
		struct list broken = l;
		int r;

		text[0] = '\0';
		assert_int_equal(zpool_cache_each(l.data, i, collect, text), i ? -EBADMSG : 0);
		broken.data[i] ^= 0xff;
		text[0] = '\0';
		r = zpool_cache_each(broken.data, broken.n, collect, text);
		assert_true(r == 0 || r == -EBADMSG);
	}
	disk_fill(t);
	tmp_file(t, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	tmp_data(t, "etc/zfs/zpool.cache", l.data, l.n);
	/* A log device, by a name that only its link knows. */
	tmp_link(t, "dev/disk/by-id/nvme-LOG-part1", "../../nvme1n1");
	disk_expect(t, "in-use-claimed nvme0n1p1: part of the ZFS pool tank, which is imported",
		    "in-use-claimed nvme1n1: part of the ZFS pool tank, which is imported");
}

/* Behind the damage another disk of the pool, or another pool, may have stood. */
static void test_zpool_cache_damaged(void **state)
{
	struct tmp_tree *t = *state;
	const char *damaged = "/etc/zfs/zpool.cache, which lists the disks of ZFS pools, could not be read to its end: "
			      "an imported pool may have more disks than are known, and may be on sda.";
	struct list l;

	make_cache(&l);
	disk_fill(t);
	tmp_file(t, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	disk_udev(t, "259:0", "E:ID_PART_TABLE_TYPE=gpt\n");
	disk_udev(t, "259:1", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n");
	disk_udev(t, "259:2", "E:ID_FS_TYPE=ext4\n");
	disk_udev(t, "259:9", "E:ID_FS_TYPE=ext4\n");
	disk_udev(t, "8:0", "E:ID_MODEL=x\n");
	tmp_data(t, "etc/zfs/zpool.cache", l.data, l.n / 2);
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), damaged);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	tmp_data(t, "etc/zfs/zpool.cache", "not a list", 10);
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), damaged);
	/* Whole, empty, or not there. */
	tmp_data(t, "etc/zfs/zpool.cache", l.data, l.n);
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	tmp_data(t, "etc/zfs/zpool.cache", "", 0);
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	tmp_remove(t, "etc/zfs/zpool.cache");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	/* A directory in its place cannot be read. */
	tmp_dir(t, "etc/zfs/zpool.cache");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), damaged);
	/* No pool is imported: nobody's disks are listed there. */
	tmp_remove(t, "proc/spl");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
}

/* ---- drivers that link nothing ---- */

static void test_unraid(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "md1p1", "9:1\n", "");
	disk_mounts(t, "30 1 9:1 / /mnt/disk1 rw - xfs /dev/md1p1 rw\n");
	tmp_file(t, "proc/mdstat", "sbName=/boot/config/super.dat\nmdState=STARTED\nrdevName.0=nvme0n1\ndiskName.1=md1p1\n"
				   "rdevName.1=nvme1n1\nrdevName.2=gone\nrdevName.99=sda\n");
	disk_expect(t, "in-use-holder nvme0n1: part of md1p1, mounted at /mnt/disk1",
		    "in-use-holder nvme1n1: part of md1p1, mounted at /mnt/disk1");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
	/* The names are those of the driver where it says none. */
	tmp_file(t, "proc/mdstat", "mdState=STARTED\nrdevName.1=nvme1n1\n");
	disk_expect(t, "", "in-use-holder nvme1n1: part of md1p1, mounted at /mnt/disk1");
	/* An array of which nothing is known. */
	tmp_file(t, "proc/mdstat", "Personalities : \nunused devices: <none>\n");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_FIRST), LOST("/mnt/disk1 (xfs on md1p1)", "nvme0n1p1 or nvme0n1p2"));
	assert_string_equal(disk_unseen(t, DISK_THIRD), LOST("/mnt/disk1 (xfs on md1p1)", "sda"));
	/* NonRaid. */
	disk_virtual(t, "nmd3p1", "9:3\n", "");
	disk_mounts(t, "30 1 9:3 / /mnt/disk3 rw - xfs /dev/nmd3p1 rw\n");
	tmp_file(t, "proc/nmdstat", "mdState=STARTED\nrdevName.3=nvme1n1\n");
	disk_expect(t, "", "in-use-holder nvme1n1: part of nmd3p1, mounted at /mnt/disk3");
	tmp_file(t, "proc/nmdstat", "mdState=STOPPED\nrdevName.3=nvme1n1\n");
	disk_mounts(t, "");
	disk_expect(t, "", "");
}

static void test_drbd(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "drbd0", "147:0\n", "");
	disk_mounts(t, "30 1 147:0 / / rw - ext4 /dev/drbd0 rw\n");
	tmp_file(t, "proc/fs/jbd2/drbd0-8/info", "");
	tmp_file(t, "etc/drbd.d/r0.res", "resource r0 {\n  device /dev/drbd_r0 minor 0; # disk /dev/nvme0n1p1\n"
					 "  disk \"/dev/nvme1n1\";\n  meta-disk /dev/sda[0];\n}\n");
	disk_expect(t, "", "root-filesystem nvme1n1: part of drbd0, mounted at /");
	assert_string_equal(uses_text(t, DISK_THIRD), "root-filesystem sda: part of drbd0, mounted at /");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	/* Another resource of the same file. */
	tmp_file(t, "etc/drbd.d/r0.res", "resource r0 { device /dev/drbd0; disk /dev/nvme0n1p2; }\n"
					 "resource r1 { device /dev/drbd1; disk /dev/nvme1n1; }\n");
	disk_expect(t, "root-filesystem nvme0n1p2: part of drbd0, mounted at /", "");
	tmp_remove(t, "etc/drbd.d");
	disk_mounts(t, "");
	disk_expect(t, "", "");
	assert_string_equal(disk_unseen(t, DISK_SECOND), LOST("drbd0", "nvme1n1"));
	tmp_file(t, "sys/devices/virtual/block/drbd0/size", "0\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
}

/* ---- what ends nowhere ---- */

static void expect_lost(struct tmp_tree *t, const char *mounts, const char *what)
{
	char expected[512] = "";

	disk_mounts(t, mounts);
	search(t);
	if (*what)
		snprintf(expected, sizeof(expected), LOST("%s", "nvme1n1"), what);
	assert_string_equal(disk_unseen(t, DISK_SECOND), expected);
	assert_string_equal(uses_text(t, DISK_SECOND), "");
}

static void test_nowhere(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "md7", "9:7\n", "");
	disk_virtual(t, "loop0", "7:0\n", "");
	disk_virtual(t, "zram0", "252:0\n", "");
	disk_virtual(t, "dm-0", "254:0\n", "md7 sda");
	expect_lost(t, "30 1 9:7 / /data rw - ext4 /dev/md7 rw\n", "/data (ext4 on md7)");
	/* One leg of it ends, the other does not. */
	expect_lost(t, "30 1 254:0 / /boot rw - ext4 /dev/dm-0 rw\n", "/boot (ext4 on dm-0)");
	expect_lost(t, "30 1 7:0 / / rw - squashfs /dev/loop0 rw\n", "/ (squashfs on loop0)");
	expect_lost(t, "30 1 0:44 / /data rw - btrfs /dev/nowhere rw\n", "/data (btrfs on /dev/nowhere)");
	expect_lost(t, "30 1 0:44 / / rw - overlay o rw,lowerdir=/a:/b\n", "/ (overlay)");
	expect_lost(t, "30 1 0:44 / /usr rw - fuse.thing thing rw\n", "/usr (fuse.thing on thing)");
	expect_lost(t, "30 1 8:99 / /var rw - ext4 /dev/sdz rw\n", "/var (ext4 on /dev/sdz)");
	/* Memory, another machine, a program's own file system, a disk that was pulled out, what others lay over. */
	expect_lost(t, "30 1 252:0 / / rw - ext4 /dev/zram0 rw\n", "");
	expect_lost(t, "30 1 0:44 / / rw - tmpfs none rw\n31 30 0:45 / /var rw - nfs4 srv:/x rw\n", "");
	expect_lost(t, "30 1 0:44 / /run/user/7/doc rw - fuse.portal portal rw\n", "");
	expect_lost(t, "30 1 8:99 / /media/stick rw - vfat /dev/sdz rw\n", "");
	expect_lost(t, "30 1 0:44 / /var/lib/c/merged rw - overlay o rw,lowerdir=l/A:l/B\n", "");
	/* A platform's disk is no PCI function's. */
	disk_add(t, "platform/soc/mmc0/mmc0:1/block", "mmcblk0", "179:0\n");
	expect_lost(t, "30 1 179:0 / / rw - ext4 /dev/mmcblk0 rw\n", "");
	/* Swap. */
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/md7 partition 1 0 -2\n");
	expect_lost(t, "", "The swap space /dev/md7");
	tmp_file(t, "proc/swaps", "Filename Type\n/dev/zram0 partition 1 0 -2\n");
	expect_lost(t, "", "");
	tmp_remove(t, "proc/swaps");
	/* dm-error has no disk, and a snapshot of dm-zero only that of its changes; failed paths are still disks. */
	disk_mapped(t, "dm-1", "254:1\n", "bad\n", "\n", "");
	expect_lost(t, "30 1 254:1 / /data rw - ext4 /dev/dm-1 rw\n", "");
	disk_mapped(t, "dm-2", "254:2\n", "snap\n", "\n", "dm-1 sda");
	expect_lost(t, "30 1 254:2 / /data rw - ext4 /dev/dm-2 rw\n", "");
	disk_mapped(t, "dm-3", "254:3\n", "gone\n", "LVM-x\n", "nothing");
	expect_lost(t, "30 1 254:3 / /data rw - ext4 /dev/dm-3 rw\n", "/data (ext4 on dm-3)");
	disk_mapped(t, "dm-4", "254:4\n", "mpatha\n", "mpath-3600\n", "");
	expect_lost(t, "30 1 254:4 / /data rw - ext4 /dev/dm-4 rw\n", "/data (ext4 on dm-4)");
	/* No medium in it. */
	tmp_file(t, "sys/devices/" DISK_DEV1 "/nvme/nvme1/nvme1n1/size", "0\n");
	expect_lost(t, "30 1 9:7 / /data rw - ext4 /dev/md7 rw\n", "");
	assert_string_equal(disk_unseen(t, DISK_THIRD), "");
}

/* A live system names the layers of its root as they were called in the initramfs. */
static void test_live_root(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	disk_virtual(t, "loop0", "7:0\n", "");
	tmp_file(t, "sys/devices/virtual/block/loop0/loop/backing_file", "/cdrom/casper/fs.squashfs\n");
	disk_mounts(t, "30 1 0:44 / / rw - overlay o rw,lowerdir=/fs.squashfs,upperdir=/cow/upper,workdir=/cow/wd\n"
		       "31 30 259:9 / /cdrom ro - iso9660 /dev/nvme1n1 ro\n32 30 7:0 / /rofs ro - squashfs /dev/loop0 ro\n");
	tmp_file(t, "sys/fs/ext4/nvme0n1p1/x", "");
	disk_expect(t, "root-filesystem nvme0n1p1: holding a file system (ext4) that is mounted where it cannot be seen, "
		       "while layers of the root file system are not known",
		    "in-use-holder nvme1n1: holding loop0 (file /cdrom/casper/fs.squashfs), mounted at /rofs; "
		    "in-use-mount nvme1n1: mounted at /cdrom; root-filesystem nvme1n1: used below the overlay at /; "
		    "root-filesystem nvme1n1: holding loop0 (file /cdrom/casper/fs.squashfs), used below the overlay at /");
	assert_string_equal(disk_unseen(t, DISK_THIRD), LOST("/ (overlay)", "sda"));
	/* A container's root is nobody's. */
	disk_mounts(t, "30 1 0:44 / /var/lib/c rw - overlay o rw,lowerdir=/fs.squashfs,upperdir=/cow/upper\n"
		       "31 30 259:9 / /cdrom ro - iso9660 /dev/nvme1n1 ro\n");
	search(t);
	assert_null(strstr(uses_text(t, DISK_SECOND), "root-filesystem"));
	/* Stores of programs, and the disk of OSTree. */
	disk_mounts(t, "30 1 259:9 / /nix/store ro - ext4 /dev/nvme1n1 ro\n31 1 259:1 / /sysroot rw - xfs x rw\n");
	disk_expect(t, "root-filesystem nvme0n1p1: mounted at /sysroot", "root-filesystem nvme1n1: mounted at /nix/store");
	/* What the host needs is told before its data. */
	disk_mounts(t, "30 1 259:9 / /a rw - ext4 x rw\n31 1 259:9 / /b rw - ext4 x rw\n32 1 259:9 / /c rw - ext4 x rw\n"
		       "33 1 259:9 / /var rw - ext4 x rw\n");
	search(t);
	assert_string_equal(uses_text(t, DISK_SECOND), "in-use-mount nvme1n1: mounted at /var, /a and 2 other places");
}

/* Served to others, kept by the kernel alone, or named by a server of Lustre: none of these links a holder. */
static void test_kept_by_the_kernel(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_file(t, "sys/kernel/config/usb_gadget/g1/functions/mass_storage.0/lun.0/file", "/dev/nvme1n1\n");
	tmp_file(t, "sys/kernel/config/usb_gadget/g1/functions/ecm.0/ifname", "usb0\n");
	disk_expect(t, "", "in-use-export nvme1n1: exported as USB storage by the gadget g1");
	tmp_remove(t, "sys/kernel/config/usb_gadget");
	tmp_link(t, "sys/devices/virtual/rnbd-server/ctl/devices/x!nvme1n1/block_dev",
		 "../../../../../pci0000:00/0000:02:00.0/nvme/nvme1/nvme1n1");
	disk_expect(t, "", "in-use-export nvme1n1: exported over RNBD");
	tmp_remove(t, "sys/devices/virtual/rnbd-server");
	tmp_file(t, "sys/kernel/config/cluster/c1/heartbeat/0123/dev", "nvme1n1\n");
	disk_expect(t, "", "in-use-claimed nvme1n1: used for the heartbeat of the cluster c1, without which this host "
			   "resets itself");
	tmp_remove(t, "sys/kernel/config/cluster");
	disk_mounts(t, "30 1 0:70 / /mnt/ost rw - lustre /dev/nvme1n1 ro,svname=x\n");
	disk_expect(t, "", "in-use-mount nvme1n1: mounted at /mnt/ost");
	disk_mounts(t, "");
	/* Unmounted lazily, or mounted where nobody sees it. */
	tmp_file(t, "proc/fs/ntfs3/nvme1n1/volinfo", "");
	search(t);
	assert_non_null(strstr(uses_text(t, DISK_SECOND), "in-use-mount nvme1n1: holding a file system (ntfs3) that is"));
	tmp_remove(t, "proc/fs/ntfs3");
	/* What eCryptfs lies over is mounted itself. */
	disk_mounts(t, "30 1 8:0 / / rw - ext4 /dev/sda rw\n31 30 0:60 / /var rw - ecryptfs /.var rw\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), "");
	disk_mounts(t, "31 30 0:60 / /var rw - ecryptfs /.var rw\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_SECOND), LOST("/var (ecryptfs on /.var)", "nvme1n1"));
}

/* Flash memory behind a function, which is no block device. */
static void test_flash(void **state)
{
	struct tmp_tree *t = *state;

	disk_fill(t);
	tmp_class(t, "mtd", DISK_DEV1 "/mtd", "mtd3");
	tmp_class(t, "mtd", DISK_DEV1 "/mtd", "mtd3ro");
	disk_mounts(t, "30 1 31:3 / / rw - jffs2 /dev/root rw\n");
	disk_expect(t, "", "root-filesystem mtd3: mounted at /");
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
	disk_mounts(t, "30 1 31:2 / /srv rw - jffs2 mtd2 rw\n");
	disk_expect(t, "", "");
	/* In a volume of UBI, by each of its names. */
	tmp_file(t, "sys/class/ubi/ubi0/mtd_num", "3\n");
	tmp_file(t, "sys/class/ubi/ubi1/mtd_num", "7\n");
	disk_expect(t, "", "in-use-holder mtd3: part of ubi0 (UBI)");
	disk_mounts(t, "30 1 0:20 / / rw - ubifs ubi0:root rw\n31 1 0:21 / /a rw - ubifs ubi1_0 rw\n");
	disk_expect(t, "", "root-filesystem mtd3: mounted at /, in a volume of ubi0");
	disk_mounts(t, "30 1 0:20 / /usr ro - ubifs ubi:usr ro\n31 1 0:21 / /a rw - ubifs /dev/ubi0_2 rw\n"
		       "32 1 0:22 / /b rw - ubifs ubi01_0 rw\n");
	disk_expect(t, "", "root-filesystem mtd3: mounted at /usr, in a volume of ubi0; "
			   "in-use-mount mtd3: mounted at /a, in a volume of ubi0");
}

/* Memory that the host runs in. */
static void test_memory(void **state)
{
	struct tmp_tree *t = *state;
	static const char root[] = "../../../devices/platform/ACPI0017:00/root0/";
	char link[256];

	disk_fill(t);
	snprintf(link, sizeof(link), "%sport1/endpoint2/decoder2.0", root);
	tmp_link(t, "sys/bus/cxl/devices/decoder2.0", link);
	tmp_file(t, "sys/devices/platform/ACPI0017:00/root0/port1/endpoint2/decoder2.0/region", "\n");
	snprintf(link, sizeof(link), "%sport1/endpoint2", root);
	tmp_link(t, "sys/bus/cxl/devices/endpoint2", link);
	tmp_link(t, "sys/devices/platform/ACPI0017:00/root0/port1/endpoint2/uport",
		 "../../../../../" DISK_DEV1 "/mem0");
	snprintf(link, sizeof(link), "%sdecoder0.0", root);
	tmp_link(t, "sys/bus/cxl/devices/decoder0.0", link);
	tmp_file(t, "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region", "region7\n");
	disk_expect(t, "", "");
	tmp_file(t, "sys/devices/platform/ACPI0017:00/root0/port1/endpoint2/decoder2.0/region", "region0\n");
	disk_expect(t, "", "in-use-memory region0: is a region of CXL memory that is made of it");
	tmp_link(t, "sys/bus/virtio/drivers/virtio_mem/virtio5", "../../../../devices/" DISK_DEV0 "/virtio5");
	tmp_link(t, "sys/bus/virtio/drivers/virtio_mem/module", "../../../../module/virtio_mem");
	disk_expect(t, "in-use-memory virtio5: has memory of the host plugged in",
		    "in-use-memory region0: is a region of CXL memory that is made of it");
}

/* Many of them are counted, and devices that are made of one another end. */
static void test_limits(void **state)
{
	struct tmp_tree *t = *state;
	char mounts[2048] = "";

	disk_fill(t);
	for (int i = 0; i < 9; i++) {
		char name[16], number[16], line[64];

		snprintf(name, sizeof(name), "md%d", i);
		snprintf(number, sizeof(number), "9:%d\n", i);
		disk_virtual(t, name, number, "");
		snprintf(line, sizeof(line), "30 1 9:%d / /d%d rw - ext4 x rw\n", i, i);
		strcat(mounts, line);
	}
	disk_mounts(t, mounts);
	search(t);
	assert_non_null(strstr(disk_unseen(t, DISK_SECOND), "/d5 (ext4 on md5)"));
	assert_null(strstr(disk_unseen(t, DISK_SECOND), "/d6 (ext4 on md6)"));
	assert_non_null(strstr(disk_unseen(t, DISK_SECOND),
			       "3 more mounts and devices could not be followed to their disks, and may be on nvme1n1."));
	disk_virtual(t, "dm-0", "254:0\n", "dm-1");
	disk_virtual(t, "dm-1", "254:1\n", "dm-0 nvme1n1");
	disk_mounts(t, "30 1 254:0 / / rw - ext4 /dev/dm-0 rw\n");
	search(t);
	assert_string_equal(disk_unseen(t, DISK_FIRST), "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_xfs),
		TEST(test_ext4),
		TEST(test_journal_by_signature),
		TEST(test_f2fs_map),
		TEST(test_f2fs_length),
		TEST(test_jfs_and_erofs),
		TEST(test_zfs_root),
		TEST(test_zfs_by_signs),
		TEST(test_zfs_volume),
		TEST(test_zpool_cache),
		TEST(test_zpool_cache_damaged),
		TEST(test_unraid),
		TEST(test_drbd),
		TEST(test_nowhere),
		TEST(test_kept_by_the_kernel),
		TEST(test_flash),
		TEST(test_memory),
		TEST(test_live_root),
		TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
