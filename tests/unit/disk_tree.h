/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_DISK_TREE_H
#define TESTS_UNIT_DISK_TREE_H

#include "uses_tree.h"

/*
 * A host with disks for the tests of the search: two NVMe controllers, the first with a disk of two
 * partitions, and a SCSI adapter.
 */
#define DISK_NVME  "1b36 0010 1af4 1100 010802"
#define DISK_SCSI  "1af4 1004 1af4 0008 010000"
#define DISK_DEV0  "pci0000:00/0000:01:00.0"
#define DISK_DEV1  "pci0000:00/0000:02:00.0"
#define DISK_DEV2  "pci0000:00/0000:03:00.0"
#define DISK_FIRST  "0000:01:00.0"
#define DISK_SECOND "0000:02:00.0"
#define DISK_THIRD  "0000:03:00.0"
#define DISK_SCSI_PLACE DISK_DEV2 "/virtio2/host0/target0:0:0/0:0:0:0/block"

/** nvme0n1 (259:0), nvme0n1p1 (259:1), nvme0n1p2 (259:2); nvme1n1 (259:9); sda (8:0); a process 1. */
void disk_fill(struct tmp_tree *t);
/** A block device at PLACE/NAME below sys/devices. */
void disk_add(struct tmp_tree *t, const char *place, const char *name, const char *number);
/** A device below virtual/block that is made of others, blanks between. */
void disk_virtual(struct tmp_tree *t, const char *name, const char *number, const char *slaves);
/** The same of device mapper. uuid: "LVM-…" */
void disk_mapped(struct tmp_tree *t, const char *name, const char *number, const char *mapping,
		 const char *uuid, const char *slaves);
void disk_mounts(struct tmp_tree *t, const char *lines);
/** A process in a mount namespace (a number); lines NULL: its mounts cannot be read. */
void disk_process(struct tmp_tree *t, int pid, const char *name, const char *mnt_ns, const char *lines);
/** What udev's database says of a number ("259:1"): lines. */
void disk_udev(struct tmp_tree *t, const char *number, const char *lines);
/** Searches for all three and compares the first two. */
void disk_expect(struct tmp_tree *t, const char *first, const char *second);
/** "sentence; …" of what was not looked at. */
const char *disk_unseen(struct tmp_tree *t, const char *address);

#endif
