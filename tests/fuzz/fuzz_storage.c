/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tells of disks without holders: DRBD's resources, arrays, further devices of file systems, ZFS' lists. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/observe_private.h"
#include "memory_host.h"

#define NVME "sys/devices/pci0000:00/0000:00:05.0"
#define LINK "../../devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1"

static const struct {
	const char *path, *content; /* content begins with '>': a link */
} files[] = {
	{ "sys/bus/pci/devices/0000:00:05.0", ">../../../devices/pci0000:00/0000:00:05.0" },
	{ NVME "/modalias", "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02" },
	{ NVME "/revision", "0x02" },
	{ NVME "/nvme/nvme0/nvme0n1/dev", "259:0\n" },
	{ NVME "/nvme/nvme0/nvme0n1/nvme0n1p1/dev", "259:1\n" },
	{ NVME "/nvme/nvme0/nvme0n1/nvme0n1p1/size", "65536\n" },
	{ NVME "/nvme/nvme0/nvme0n1/nvme0n1p2/dev", "259:2\n" },
	{ "sys/devices/virtual/block/drbd0/dev", "147:0\n" },
	{ "sys/devices/virtual/block/md1p1/dev", "9:1\n" },
	{ "sys/class/block/nvme0n1", ">" LINK },
	{ "sys/class/block/nvme0n1p1", ">" LINK "/nvme0n1p1" },
	{ "sys/class/block/nvme0n1p2", ">" LINK "/nvme0n1p2" },
	{ "sys/class/block/drbd0", ">../../devices/virtual/block/drbd0" },
	{ "sys/class/block/md1p1", ">../../devices/virtual/block/md1p1" },
	{ "sys/fs/f2fs/nvme0n1p1/main_blkaddr", "1536\n" },
	{ "proc/spl/kstat/zfs/tank/state", "ONLINE\n" },
	{ "run/udev/data/b259:2", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n" },
	{ "proc/self/mountinfo", "30 1 259:1 / / rw - f2fs x rw\n31 1 9:1 / /m rw - xfs x rw\n32 1 147:0 / /d rw - jfs x rw\n" },
};

static const char *const hostile[] = { "etc/drbd.d/r.res", "proc/mdstat", "proc/fs/f2fs/nvme0n1p1/disk_map",
				       "proc/fs/f2fs/nvme0n1p1/segment_info", "proc/spl/kstat/zfs/arcstats",
				       "etc/zfs/zpool.cache" };

static void make_files(struct tree *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *content = files[i].content;

		if (content[0] == '>')
			FUZZ_CHECK(tree_link(t, NULL, files[i].path, content + 1));
		else
			FUZZ_CHECK(tree_file(t, NULL, files[i].path, content, strlen(content)));
	}
}

static void check_function(const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		fuzz_check_text("what", f->users[i]->what, false);
		fuzz_check_text("why", f->users[i]->why, false);
	}
	for (size_t i = 0; i < f->unseen.n; i++)
		fuzz_check_text("unseen", f->unseen.items[i], false);
	FUZZ_CHECK(f->n_unseen_doubt + f->n_unseen_minor <= f->unseen.n);
}

/* The hostile files, parted by a byte 0xff. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_parts parts = { .rest = data, .size = size, .separator = 0xff };
	struct memory_host *m = memory_host_new(NULL);
	struct vfioadm_inventory *inv;
	const bool wanted[] = { true };
	const uint8_t *part;
	size_t len;

	FUZZ_CHECK(m);
	make_files(m->tree);
	for (size_t i = 0; i < ARRAY_SIZE(hostile) && fuzz_next_part(&parts, &part, &len); i++)
		FUZZ_CHECK(tree_file(m->tree, NULL, hostile[i], (const char *)part, len));
	FUZZ_CHECK(observe_host(&m->host, &inv, NULL) == 0);
	FUZZ_CHECK(inv->n_functions == 1);
	FUZZ_CHECK(observe_uses(&m->host, inv, wanted) == 0);
	check_function(&inv->functions[0]);
	vfioadm_inventory_free(inv);
	host_free(&m->host);
	return 0;
}
