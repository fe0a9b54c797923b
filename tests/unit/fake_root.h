/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_UNIT_FAKE_ROOT_H
#define VFIOADM_UNIT_FAKE_ROOT_H

/*
 * A small host for the tests of the model: a root port, two NVMe twins, a NIC with virtual functions to
 * be had, two functions of one group (one without a driver), a function that no IOMMU covers.
 */
#define FUNCTION(parent, address, vendor, device, class, group, more)                              \
	"d sys/devices/pci0000:00/" parent address "\n"                                            \
	"f vendor 0x" vendor "\nf device 0x" device "\n"                                           \
	"f subsystem_vendor 0x1af4\nf subsystem_device 0x1100\nf class 0x" class                   \
		"\n"                                                                               \
		"f revision 0x02\n" more group "d sys/bus/pci/devices\nl " address                 \
		" ../../../devices/pci0000:00/" parent address "\n"

#define GROUP(number, address, target)                                                             \
	"l iommu_group /sys/kernel/iommu_groups/" number "\n"                                      \
	"d sys/kernel/iommu_groups/" number "\nf type DMA-FQ\nf reserved_regions "                 \
	"0x00000000fee00000 0x00000000feefffff msi\n"                                              \
	"d sys/kernel/iommu_groups/" number "/devices\n"                                           \
	"l " address " ../../../../devices/pci0000:00/" target "\n"

#define DRIVER_LINK(name)   "l driver ../../../bus/pci/drivers/" name "\n"
#define DRIVER_LINK_1(name) "l driver ../../../../bus/pci/drivers/" name "\n"
#define DRIVER(name, module)                                                                       \
	"d sys/bus/pci/drivers/" name "\nw bind\nw unbind\nw new_id\nw remove_id\n" module

#define PORT   "0000:00:02.0"
#define TWIN0  "0000:01:00.0"
#define TWIN1  "0000:02:00.0"
#define NIC    "0000:03:00.0"
#define MULTI0 "0000:04:00.0"
#define MULTI1 "0000:04:00.1"
#define BARE   "0000:05:00.0"

#define FAKE_ROOT                                                                                  \
	FUNCTION("", PORT, "1b36", "000c", "060400", GROUP("0", PORT, PORT),                       \
		 DRIVER_LINK("pcieport"))                                                          \
	FUNCTION(PORT "/", TWIN0, "1b36", "0010", "010802", GROUP("1", TWIN0, PORT "/" TWIN0),     \
		 DRIVER_LINK_1("nvme"))                                                            \
	"d sys/devices/pci0000:00/" PORT "/" TWIN0 "/nvme/nvme0\nf serial SERIAL0\nf state live\n" \
	"d sys/devices/pci0000:00/" PORT "/" TWIN0 "/nvme/nvme0/nvme0n1\nf dev 259:0\n"            \
	"d sys/class/nvme\nl nvme0 ../../devices/pci0000:00/" PORT "/" TWIN0 "/nvme/nvme0\n"       \
	"d sys/class/block\nl nvme0n1 ../../devices/pci0000:00/" PORT "/" TWIN0                    \
	"/nvme/nvme0/nvme0n1\n" FUNCTION(                                                          \
		"", TWIN1, "1b36", "0010", "010802", GROUP("2", TWIN1, TWIN1),                     \
		DRIVER_LINK(                                                                       \
			"nvme")) FUNCTION("", NIC, "8086", "10c9", "020000", GROUP("3", NIC, NIC), \
					  DRIVER_LINK(                                             \
						  "igb") "f sriov_totalvfs 7\nf sriov_numvfs 0\n"  \
							 "f sriov_drivers_autoprobe 1\nf "         \
							 "sriov_offset 128\nf sriov_stride 2\n"    \
							 "f sriov_vf_device 10ca\n")               \
		FUNCTION("", MULTI0, "1af4", "1041", "020000", GROUP("4", MULTI0, MULTI0),         \
			 DRIVER_LINK(                                                              \
				 "virtio-pci")) FUNCTION("", MULTI1, "1af4", "1044", "00ff00",     \
							 GROUP("4", MULTI1, MULTI1),               \
							 "") FUNCTION("", BARE, "8086", "10d3",    \
								      "020000", "",                \
								      "") DRIVER("pcieport",       \
										 "") DRIVER("virt" \
											    "io-"  \
											    "pci", \
											    "")    \
			DRIVER("nvme", "l module ../../../../module/nvme\n") DRIVER(               \
				"igb",                                                             \
				"l module ../../../../module/igb\n") "d sys/module/nvme\nf "       \
								     "initstate live\nd "          \
								     "sys/module/igb\nf "          \
								     "initstate live\n"            \
								     "d sys/module/virtio_pci\n"   \
								     "d sys/class/iommu\nl dmar0 " \
								     "../../devices/virtual/"      \
								     "iommu/dmar0\n"               \
								     "d "                          \
								     "sys/devices/virtual/iommu/"  \
								     "dmar0\n"                     \
								     "d sys/bus/pci\nf "           \
								     "drivers_autoprobe 1\nw "     \
								     "drivers_probe\nw rescan\n"   \
								     "d proc\nt modules\n\tigb 1 " \
								     "0 - Live 0x0\n\tnvme 1 0 - " \
								     "Live 0x0\n"                  \
								     "d proc/sys/kernel\nf "       \
								     "osrelease 6.12.9\n"          \
								     "d lib/modules/6.12.9\nt "    \
								     "modules.alias\n"             \
								     "\talias "                    \
								     "pci:v*d*sv*sd*bc01sc08i02* " \
								     "nvme\n"                      \
								     "\talias "                    \
								     "pci:v00008086d000010C9sv*"   \
								     "sd*bc*sc*i* igb\n"           \
								     "\talias "                    \
								     "pci:v00008086d000010CAsv*"   \
								     "sd*bc*sc*i* igbvf\n"         \
								     "\talias "                    \
								     "pci:v00008086d000010D3sv*"   \
								     "sd*bc*sc*i* e1000e\n"        \
								     "\talias "                    \
								     "vfio_pci:v*d*sv*sd*bc*sc*i*" \
								     " vfio_pci\n"                 \
								     "t modules.dep\n"             \
								     "\tkernel/drivers/vfio/"      \
								     "vfio.ko:\n"                  \
								     "\tkernel/drivers/vfio/"      \
								     "vfio_iommu_type1.ko: "       \
								     "kernel/drivers/vfio/"        \
								     "vfio.ko\n"                   \
								     "\tkernel/drivers/vfio/pci/"  \
								     "vfio-pci-core.ko: "          \
								     "kernel/drivers/vfio/"        \
								     "vfio.ko\n"                   \
								     "\tkernel/drivers/vfio/pci/"  \
								     "vfio-pci.ko: "               \
								     "kernel/drivers/vfio/pci/"    \
								     "vfio-pci-core.ko "           \
								     "kernel/drivers/vfio/"        \
								     "vfio.ko\n"                   \
								     "\tkernel/drivers/net/"       \
								     "e1000e.ko:\n\tkernel/"       \
								     "drivers/net/igbvf.ko:\n"     \
								     "t "                          \
								     "modules.builtin\n\tkernel/"  \
								     "drivers/virtio/"             \
								     "virtio_pci.ko\n"

int fake_setup(void **state);
int fake_teardown(void **state);

struct host;
/** One write(2) of text to path below sys/bus/pci. */
int put(struct host *h, const char *path, const char *text);
/** "" when there is none. */
const char *driver_of(struct host *h, const char *address);
const char *override_of(struct host *h, const char *address);

/* These fail the test when they do not succeed. */
void control(struct host *h, const char *line);
void load_vfio(struct host *h);
void to_vfio(struct host *h, const char *address, const char *native);

int run_device_tests(void);
int run_fault_tests(void);
int run_claim_tests(void);

#endif
