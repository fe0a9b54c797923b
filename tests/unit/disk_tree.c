/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_tree.h"

void disk_add(struct tmp_tree *t, const char *place, const char *name, const char *number)
{
	char path[512];

	tmp_class(t, "block", place, name);
	snprintf(path, sizeof(path), "sys/devices/%s/%s/dev", place, name);
	tmp_file(t, path, number);
}

void disk_virtual(struct tmp_tree *t, const char *name, const char *number, const char *slaves)
{
	char copy[256], path[256], *rest;

	disk_add(t, "virtual/block", name, number);
	assert_true(strlen(slaves) < sizeof(copy));
	strcpy(copy, slaves);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		snprintf(path, sizeof(path), "sys/devices/virtual/block/%s/slaves/%s", name, word);
		tmp_link(t, path, "x");
	}
}

void disk_mapped(struct tmp_tree *t, const char *name, const char *number, const char *mapping,
		 const char *uuid, const char *slaves)
{
	char path[256];

	disk_virtual(t, name, number, slaves);
	snprintf(path, sizeof(path), "sys/devices/virtual/block/%s/dm/name", name);
	tmp_file(t, path, mapping);
	snprintf(path, sizeof(path), "sys/devices/virtual/block/%s/dm/uuid", name);
	tmp_file(t, path, uuid);
}

void disk_mounts(struct tmp_tree *t, const char *lines)
{
	tmp_file(t, "proc/self/mountinfo", lines);
}

void disk_process(struct tmp_tree *t, int pid, const char *name, const char *mnt_ns, const char *lines)
{
	char path[64], link[64];

	uses_process(t, pid, name);
	snprintf(path, sizeof(path), "proc/%d/ns/mnt", pid);
	snprintf(link, sizeof(link), "mnt:[%s]", mnt_ns);
	tmp_link(t, path, link);
	snprintf(path, sizeof(path), "proc/%d/mountinfo", pid);
	if (lines)
		tmp_file(t, path, lines);
	else
		tmp_dir(t, path);
}

void disk_udev(struct tmp_tree *t, const char *number, const char *lines)
{
	char path[64];

	snprintf(path, sizeof(path), "run/udev/data/b%s", number);
	tmp_file(t, path, lines);
}

void disk_fill(struct tmp_tree *t)
{
	tmp_function(t, DISK_DEV0, DISK_NVME, "nvme", 1);
	tmp_function(t, DISK_DEV1, DISK_NVME, "nvme", 2);
	tmp_function(t, DISK_DEV2, DISK_SCSI, "virtio-pci", 3);
	disk_add(t, DISK_DEV0 "/nvme/nvme0", "nvme0n1", "259:0\n");
	disk_add(t, DISK_DEV0 "/nvme/nvme0/nvme0n1", "nvme0n1p1", "259:1\n");
	disk_add(t, DISK_DEV0 "/nvme/nvme0/nvme0n1", "nvme0n1p2", "259:2\n");
	disk_add(t, DISK_DEV1 "/nvme/nvme1", "nvme1n1", "259:9\n");
	disk_add(t, DISK_SCSI_PLACE, "sda", "8:0\n");
	disk_mounts(t, "22 27 0:21 / /proc rw - proc proc rw\n");
	tmp_link(t, "proc/self/ns/mnt", "mnt:[100]");
	disk_process(t, 1, "init", "100", "22 27 0:21 / /proc rw - proc proc rw\n");
}

void disk_expect(struct tmp_tree *t, const char *first, const char *second)
{
	uses_search(t, DISK_FIRST " " DISK_SECOND " " DISK_THIRD);
	assert_string_equal(uses_text(t, DISK_FIRST), first);
	assert_string_equal(uses_text(t, DISK_SECOND), second);
}

const char *disk_unseen(struct tmp_tree *t, const char *address)
{
	const struct vfioadm_function *f = tmp_get(t, address);
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->unseen.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "; " : "", f->unseen.items[i]);
	return text;
}
