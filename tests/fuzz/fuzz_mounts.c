/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* proc/self/mountinfo and proc/swaps of a host with a disk, a volume on it and a multipath head. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz.h"
#include "host/observe_private.h"
#include "memory_host.h"

#define NVME "sys/devices/pci0000:00/0000:00:05.0"

static const struct {
	const char *path, *content; /* content begins with '>': a link */
} files[] = {
	{"sys/bus/pci/devices/0000:00:05.0", ">../../../devices/pci0000:00/0000:00:05.0"},
	{NVME "/modalias", "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"},
	{NVME "/revision", "0x02"},
	{NVME "/nvme/nvme0/nvme0n1/dev", "259:0\n"},
	{NVME "/nvme/nvme0/nvme0n1/nvme0n1p1/dev", "259:1\n"},
	{"sys/devices/virtual/block/dm-0/dev", "254:0\n"},
	{"sys/devices/virtual/block/dm-0/dm/name", "data\n"},
	{"sys/devices/virtual/block/dm-0/slaves/nvme0n1p1",
	 ">" NVME "/nvme/nvme0/nvme0n1/nvme0n1p1"},
	{NVME "/nvme/nvme0/nvme0n1/nvme0n1p1/holders/dm-0", ">sys/devices/virtual/block/dm-0"},
	{"sys/class/block/nvme0n1", ">../../devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1"},
	{"sys/class/block/nvme0n1p1",
	 ">../../devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/nvme0n1p1"},
	{"sys/class/block/dm-0", ">../../devices/virtual/block/dm-0"},
	{"sys/dev/block/259:1",
	 ">../../devices/pci0000:00/0000:00:05.0/nvme/nvme0/nvme0n1/nvme0n1p1"},
	{"sys/dev/block/254:0", ">../../devices/virtual/block/dm-0"},
};

static void make_files(struct tree *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *content = files[i].content;

		if (content[0] == '>')
			FUZZ_CHECK(tree_link(t, NULL, files[i].path, content + 1));
		else
			FUZZ_CHECK(tree_file(t, NULL, files[i].path, content, strlen(content)));
	}
	FUZZ_CHECK(tree_device(t, "dev/mapper/data", NODE_BLOCK, 254, 0));
}

static int look_at_mount(const struct mount *m, void *userdata)
{
	size_t *n = userdata;

	FUZZ_CHECK(m->point && m->options && m->type && m->source);
	(*n)++;
	/* Every seventh is one too many. */
	return *n % 7 ? 0 : -ECANCELED;
}

static void check_inventory(const struct vfioadm_inventory *inv)
{
	FUZZ_CHECK(inv->n_functions == 1);
	for (size_t i = 0; i < inv->functions[0].n_users; i++) {
		fuzz_check_text("what", inv->functions[0].users[i]->what, false);
		fuzz_check_text("why", inv->functions[0].users[i]->why, false);
	}
}

/* Both files, parted by a byte 0xff. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"proc/self/mountinfo", "proc/swaps", "etc/fstab"};
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = 0xff};
	struct memory_host *m = memory_host_new(NULL);
	struct vfioadm_inventory *inv;
	const uint8_t *part;
	size_t len, n = 0;

	FUZZ_CHECK(m);
	make_files(m->tree);
	for (size_t i = 0; i < ARRAY_SIZE(names) && fuzz_next_part(&parts, &part, &len); i++) {
		_cleanup_free_ char *text = fuzz_string(part, len);
		bool wanted = true;

		FUZZ_CHECK(tree_file(m->tree, NULL, names[i], text, len));
		if (i == 0)
			FUZZ_CHECK(mounts_each(text, look_at_mount, &n) ==
				   (n && n % 7 == 0 ? -ECANCELED : 0));
		if (i + 1 < ARRAY_SIZE(names) && !parts.done)
			continue;
		FUZZ_CHECK(observe_host(&m->host, &inv, NULL) == 0);
		check_inventory(inv);
		FUZZ_CHECK(observe_uses(&m->host, inv, &wanted) == 0);
		check_inventory(inv);
		vfioadm_inventory_free(inv);
	}
	host_free(&m->host);
	return 0;
}
