/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_UNIT_EARLY_FIXTURE_H
#define VFIOADM_UNIT_EARLY_FIXTURE_H

/* A host that has just been switched on: no module loaded, no driver bound but of what is built in. */
#include "fake/fake.h"
#include "tmp_tree.h"

#include "boot/early.h"
#include "fake_root.h"

#define SWITCH   "0000:06:00.0"
#define GROUPED  "0000:07:00.0"
#define BUILT_IN MULTI0

/* clang-format off */
#define MODULES                                                                                              \
	"d lib/modules/6.12.9\nt modules.alias\n"                                                            \
	"\talias pci:v*d*sv*sd*bc01sc08i02* nvme\n"                                                          \
	"\talias pci:v00008086d000010C9sv*sd*bc*sc*i* igb\n"                                                 \
	"\talias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"                                                     \
	"\talias vfio_pci:v00008086d000010C9sv*sd*bc*sc*i* mlx5_vfio_pci\n"                                  \
	"t modules.dep\n\tkernel/drivers/nvme/nvme.ko:\n\tkernel/drivers/net/igb.ko:\n"                      \
	"\tkernel/drivers/vfio/vfio.ko:\n\tkernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/vfio.ko\n" \
	"\tkernel/drivers/vfio/pci/mlx5-vfio-pci.ko: kernel/drivers/vfio/vfio.ko\n"                          \
	"t modules.builtin\n\tkernel/drivers/virtio/virtio_pci.ko\n"

#define HOST(cmdline)                                                                                        \
	FUNCTION("", PORT, "1b36", "000c", "060400", GROUP("0", PORT, PORT), DRIVER_LINK("pcieport"))        \
	FUNCTION(PORT "/", TWIN0, "1b36", "0010", "010802", GROUP("1", TWIN0, PORT "/" TWIN0), "")           \
	FUNCTION("", TWIN1, "1b36", "0010", "010802", GROUP("2", TWIN1, TWIN1), "")                          \
	FUNCTION("", NIC, "8086", "10c9", "020000", GROUP("3", NIC, NIC), "")                                \
	FUNCTION("", BUILT_IN, "1af4", "1041", "020000", GROUP("4", BUILT_IN, BUILT_IN),                     \
		 DRIVER_LINK("virtio-pci"))                                                                  \
	FUNCTION("", MULTI1, "1af4", "1044", "00ff00", GROUP("4", MULTI1, MULTI1), "")                       \
	FUNCTION("", BARE, "8086", "10d3", "020000", "", "")                                                 \
	FUNCTION("", SWITCH, "1af4", "1100", "020000", GROUP("6", SWITCH, SWITCH), "")                       \
	FUNCTION("", GROUPED, "1af4", "1101", "020000", GROUP("6", GROUPED, GROUPED), "")                    \
	DRIVER("pcieport", "") DRIVER("virtio-pci", "") "d sys/module/virtio_pci\n"                          \
	"d sys/class/iommu\nl dmar0 ../../devices/virtual/iommu/dmar0\n"                                     \
	"d sys/devices/virtual/iommu/dmar0\n"                                                                \
	"d sys/bus/pci\nf drivers_autoprobe 1\nw drivers_probe\nw rescan\n"                                  \
	"d proc\nF modules\nf cmdline root=/dev/sda1 quiet" cmdline "\n"                                     \
	"d proc/sys/kernel\nf osrelease 6.12.9\n" MODULES
/* clang-format on */

/* A boot: the host, its files, and what the log says. */
struct boot {
	struct tmp_tree *t;
	struct early e;
	struct strv log;
	char run_dir[96];
};

static inline void keep_line(void *userdata, enum early_level level, const char *line)
{
	struct boot *b = userdata;
	char text[1024];

	snprintf(text, sizeof(text), "%d %s", level, line);
	assert_int_equal(strv_add(&b->log, text), 0);
}

static inline void switch_on(struct boot *b, struct tmp_tree *t, const char *host)
{
	*b = (struct boot){ .t = t };
	assert_int_equal(fake_new_text(host, NULL, &b->e.host), 0);
	snprintf(b->run_dir, sizeof(b->run_dir), "%s/run/vfioadm", t->dir);
	tmp_dir(t, "run");
	b->e.root = t->dir;
	b->e.run_dir = b->run_dir;
	b->e.log = keep_line;
	b->e.userdata = b;
}

static inline void switch_off(struct boot *b)
{
	strv_clear(&b->log);
	host_free(b->e.host);
}
#define _cleanup_boot_ CLEANUP(switch_off)

static inline bool says(const struct boot *b, const char *text)
{
	STRV_FOREACH(i, &b->log)
		if (strstr(b->log.items[i], text))
			return true;
	return false;
}

static inline void assert_says(const struct boot *b, const char *text)
{
	if (says(b, text))
		return;
	STRV_FOREACH(i, &b->log)
		print_error("log: %s\n", b->log.items[i]);
	fail_msg("the log does not say: %s", text);
}

static inline void assert_at(struct boot *b, const char *address, const char *driver, const char *override)
{
	assert_string_equal(driver_of(b->e.host, address), driver);
	assert_string_equal(override_of(b->e.host, address), override);
}

/* Anybody else who loads the native driver now, as udev does. */
static inline void load_native(struct boot *b)
{
	assert_int_equal(fake_modprobe(b->e.host, "nvme", NULL), 0);
	assert_int_equal(fake_modprobe(b->e.host, "igb", NULL), 0);
}

#define PATH_OF_TWIN0 "[Match]\nPath=pci-" PORT "/00.0\nVendor=1b36\nDevice=0010\n"
#define PATH_OF_TWIN1 "[Match]\nPath=pci-" TWIN1 "\n"

#endif
