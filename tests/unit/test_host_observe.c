/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BASIC, slots, host facts, and the ways from things to functions. */
#include <string.h>
#include <unistd.h>

#include "tmp_tree.h"

#define NVME	    "1b36 0010 1af4 1100 010802"
#define NIC	    "8086 10d3 8086 a01f 020000"
#define HOST_BRIDGE "8086 29c0 1af4 1100 060000"

static void test_values(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0000:00/0000:00:1c.0", "1b36 000c 0 0 060400", "pcieport", 2);
	tmp_function(t, "pci0000:00/0000:00:1c.0/0000:01:00.0", NVME, "nvme", 7);
	tmp_file(t, "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/numa_node", "1\n");
	tmp_function(t, "pci0000:00/0000:00:1c.0/0000:01:00.1", NVME, "vfio-pci", 7);
	tmp_link(t, "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.1/physfn", "../0000:01:00.0");
	tmp_function(t, "pci10000:e0/10000:e1:00.0", NIC, NULL, -1);
	assert_int_equal(tmp_observe(t)->n_functions, 4);

	f = tmp_get(t, "0000:01:00.0");
	assert_int_equal(f->facets, VFIOADM_FACET_BASIC);
	assert_true(uint_is(&f->vendor, 0x1b36) && uint_is(&f->device, 0x0010));
	assert_true(uint_is(&f->subsystem_vendor, 0x1af4) && uint_is(&f->subsystem_device, 0x1100));
	assert_true(uint_is(&f->class_code, 0x010802) && uint_is(&f->revision, 2));
	assert_string_equal(text_of(&f->driver), "nvme");
	assert_true(uint_is(&f->vfio, 0) && uint_is(&f->iommu_group, 7) &&
		    uint_is(&f->numa_node, 1));
	assert_string_equal(text_of(&f->physfn), "-");
	assert_string_equal(items_of(&f->companions), "0000:01:00.1");
	assert_false(f->bridge);
	assert_int_equal(f->uid.state, VFIOADM_NONE);
	assert_int_equal(f->fid.state, VFIOADM_NONE);

	f = tmp_get(t, "0000:01:00.1");
	assert_true(uint_is(&f->vfio, 1));
	assert_string_equal(text_of(&f->physfn), "0000:01:00.0");
	assert_int_equal(f->numa_node.state, VFIOADM_NONE);

	assert_true(tmp_get(t, "0000:00:1c.0")->bridge);
	f = tmp_get(t, "10000:e1:00.0");
	assert_int_equal(f->domain, 0x10000);
	assert_int_equal(f->bus, 0xe1);
	assert_string_equal(text_of(&f->driver), "-");
	assert_true(uint_is(&f->vfio, 0));
	assert_int_equal(f->iommu_group.state, VFIOADM_NONE);
}

/* The header decides, whatever the class says; BASIC tells it by what the kernel has for headers 1 and 2 only. */
static void test_bridges(void **state)
{
	static const struct {
		const char *ids;
		const char *file; /* that the kernel has for it */
		bool bridge;
		enum vfioadm_host_part part;
	} cases[] = {
		{"1b36 000c 0 0 060400", NULL, true, VFIOADM_PART_NONE},
		{"10de 22a3 0 0 068000", NULL, false, VFIOADM_PART_NONE},
		{"10b5 8796 0 0 068000", "secondary_bus_number", true, VFIOADM_PART_NONE},
		{"10b5 8796 0 0 088000", "secondary_bus_number", true, VFIOADM_PART_NONE},
		{"1180 0475 0 0 060700", "secondary_bus_number", true, VFIOADM_PART_NONE},
		{"8086 29c0 0 0 060000", NULL, false, VFIOADM_PART_SYSTEM},
		{"8086 29c0 0 0 060000", "secondary_bus_number", true, VFIOADM_PART_NONE},
		{"8086 2918 0 0 060100", NULL, false, VFIOADM_PART_SYSTEM},
		{"8086 2918 0 0 060500", NULL, false, VFIOADM_PART_NONE},
		{"1022 1419 0 0 080600", NULL, false, VFIOADM_PART_IOMMU},
		{"1af4 1057 0 0 00ff00", NULL, false, VFIOADM_PART_IOMMU},
		{"1af4 1041 0 0 020000", NULL, false, VFIOADM_PART_NONE},
	};
	struct tmp_tree *t = *state;
	char place[64], path[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(place, sizeof(place), "pci0000:00/0000:00:%02zx.0", i);
		tmp_function(t, place, cases[i].ids, NULL, (int)i);
		snprintf(path, sizeof(path), "sys/devices/%s/%s", place, cases[i].file ? cases[i].file : "");
		if (cases[i].file)
			tmp_file(t, path, "1\n");
	}
	tmp_observe(t);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct vfioadm_function *f;

		snprintf(place, sizeof(place), "0000:00:%02zx.0", i);
		f = tmp_get(t, place);
		assert_int_equal(f->bridge, cases[i].bridge);
		assert_int_equal(f->host_part, cases[i].part);
	}
}

/* The separate files, where modalias says nothing that can be understood. */
static void test_without_modalias(void **state)
{
	static const char *const modalias[] = {
		NULL,
		"",
		"pci:v00008086",
		"pci:v0000808Gd000010D3sv00000000sd00000000bc02sc00i00",
		"pci:v00008086d000010D3sv00000000sd00000000bc02sc00i00x",
		"of:NfoobarT<NULL>Cfoo,bar",
	};
	struct tmp_tree *t = *state;
	const char *dir = "sys/devices/pci0000:00/0000:00:03.0/";
	char path[128];

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1000e", 1);
	for (size_t i = 0; i < ARRAY_SIZE(modalias); i++) {
		static const char *const files[][2] = {
			{"vendor", "0x8086\n"},		  {"device", "0x10d3\n"},
			{"subsystem_vendor", "0x8086\n"}, {"subsystem_device", "0xa01f\n"},
			{"class", "0x020000\n"},
		};
		struct vfioadm_function *f;

		snprintf(path, sizeof(path), "%smodalias", dir);
		if (modalias[i])
			tmp_file(t, path, modalias[i]);
		else
			tmp_remove(t, path);
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			snprintf(path, sizeof(path), "%s%s", dir, files[k][0]);
			tmp_file(t, path, files[k][1]);
		}
		tmp_observe(t);
		f = tmp_get(t, "0000:00:03.0");
		assert_true(uint_is(&f->vendor, 0x8086) && uint_is(&f->device, 0x10d3));
		assert_true(uint_is(&f->subsystem_vendor, 0x8086));
		assert_true(uint_is(&f->subsystem_device, 0xa01f) &&
			    uint_is(&f->class_code, 0x020000));
	}
}

static void test_unknown_is_not_none(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1000e", 1);
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/numa_node", "many\n");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/revision", "\n");
	tmp_remove(t, "sys/devices/pci0000:00/0000:00:03.0/driver");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/driver", "not a link");
	tmp_link(t, "sys/devices/pci0000:00/0000:00:03.0/iommu_group", "../../../x/seven");
	tmp_link(t, "sys/devices/pci0000:00/0000:00:03.0/physfn", "../x");
	tmp_observe(t);
	f = tmp_get(t, "0000:00:03.0");
	assert_int_equal(f->numa_node.state, VFIOADM_UNKNOWN);
	assert_int_equal(f->revision.state, VFIOADM_UNKNOWN);
	assert_string_equal(text_of(&f->driver), "?");
	assert_int_equal(f->vfio.state, VFIOADM_UNKNOWN);
	assert_int_equal(f->iommu_group.state, VFIOADM_UNKNOWN);
	assert_int_equal(f->companions.state, VFIOADM_UNKNOWN);
	assert_string_equal(text_of(&f->physfn), "?");
}

/* Other names on the bus, and functions that went away while they were read. */
static void test_odd_entries(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, NULL, 1);
	tmp_link(t, "sys/bus/pci/devices/0000:00:04.0", "../../../devices/pci0000:00/0000:00:04.0");
	tmp_dir(t, "sys/bus/pci/devices/0000:00:05.0");
	tmp_dir(t, "sys/bus/pci/devices/0000:00:0A.0");
	tmp_dir(t, "sys/bus/pci/devices/00:06.0");
	tmp_dir(t, "sys/bus/pci/devices/nonsense");
	tmp_file(t, "sys/bus/pci/devices/0000:00:07.0", "");
	assert_int_equal(tmp_observe(t)->n_functions, 1);
	assert_string_equal(t->inv->functions[0].address, "0000:00:03.0");
}

static void test_names_are_safe_to_show(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1\033[2J", 1);
	tmp_class(t, "net", "pci0000:00/0000:00:03.0/net", "eth\xff");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/net/eth\xff/flags", "0x1003\n");
	tmp_observe(t);
	f = tmp_get(t, "0000:00:03.0");
	assert_string_equal(text_of(&f->driver), "e1?[2J");
	assert_string_equal(items_of(&f->net), "eth?");
	assert_string_equal(users_of(f), "net eth?: is up");
}

static void test_no_bus(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_inventory *inv;
	struct vfioadm_error *err = NULL;

	assert_int_equal(observe_host(tmp_open(t), &inv, &err), -ENOENT);
	assert_int_equal(vfioadm_error_code(err), VFIOADM_E_NO_PCI);
	assert_non_null(strstr(vfioadm_error_message(err), t->dir));
	vfioadm_error_free(err);
	/* A bus without functions is one all the same. */
	tmp_dir(t, "sys/bus/pci/devices");
	assert_int_equal(tmp_observe(t)->n_functions, 0);
}

static void test_s390(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0010:00/0010:00:00.0", NVME, "nvme", 0);
	tmp_file(t, "sys/devices/pci0010:00/0010:00:00.0/function_id", "0x00000100\n");
	tmp_file(t, "sys/devices/pci0010:00/0010:00:00.0/uid", "0x10\n");
	tmp_file(t, "sys/bus/pci/slots/00000100/power", "1\n");
	tmp_file(t, "sys/bus/pci/slots/00000200/power", "0\n");
	tmp_dir(t, "sys/bus/pci/slots/00000300");
	tmp_file(t, "sys/bus/pci/slots/1/power", "0\n");
	tmp_file(t, "sys/bus/pci/slots/0000020G/power", "0\n");
	tmp_dir(t, "sys/class/iommu/s390-iommu.00000100");
	tmp_observe(t);
	f = tmp_get(t, "0010:00:00.0");
	assert_true(uint_is(&f->fid, 0x100) && uint_is(&f->uid, 0x10));
	assert_int_equal(t->inv->n_slots, 2);
	assert_string_equal(t->inv->slots[0].name, "00000200");
	assert_true(uint_is(&t->inv->slots[0].fid, 0x200) && uint_is(&t->inv->slots[0].power, 0));
	assert_string_equal(t->inv->slots[1].name, "00000300");
	assert_int_equal(t->inv->slots[1].power.state, VFIOADM_NONE);
	assert_int_equal(t->inv->facts.machine, MACHINE_S390);
	assert_true(uint_is(&t->inv->facts.iommu, 1));
	assert_null(t->inv->iommu_advice);
}

/* ---- host facts ---- */

static void test_facts(void **state)
{
	struct tmp_tree *t = *state;
	const struct host_facts *facts;

	tmp_dir(t, "sys/bus/pci/devices");
	tmp_dir(t, "sys/bus/pci/drivers/vfio-pci");
	tmp_dir(t, "sys/class/iommu/dmar0");
	tmp_file(t, "proc/sys/kernel/osrelease", "6.12.0-1-amd64\n");
	tmp_file(t, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	tmp_file(t, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	tmp_file(t, "proc/self/mountinfo",
		 "22 27 0:21 / /sys rw,nosuid - sysfs sysfs rw\n"
		 "23 22 0:22 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
		 "24 22 0:21 / /sys ro,nosuid - sysfs sysfs rw\n");
	facts = &tmp_observe(t)->facts;
	assert_int_equal(facts->machine, MACHINE_INTEL);
	assert_string_equal(facts->kernel, "6.12.0-1-amd64");
	assert_false(facts->live);
	assert_int_equal(facts->root.state, VFIOADM_UNKNOWN);
	assert_true(uint_is(&facts->iommu, 1) && uint_is(&facts->vfio_pci_loaded, 1));
	assert_true(uint_is(&facts->lockdown, 1) && uint_is(&facts->noiommu, 1));
	assert_true(uint_is(&facts->sys_writable, 0));
	assert_int_equal(facts->vfio_pci_available.state, VFIOADM_UNKNOWN);
	assert_true(t->inv->complete);

	tmp_file(t, "proc/self/mountinfo", "22 27 0:21 / /sys rw,nosuid - sysfs sysfs rw\n");
	tmp_remove(t, "sys/bus/pci/drivers/vfio-pci");
	tmp_remove(t, "sys/kernel/security");
	tmp_remove(t, "sys/module");
	facts = &tmp_observe(t)->facts;
	assert_true(uint_is(&facts->sys_writable, 1) && uint_is(&facts->vfio_pci_loaded, 0));
	assert_int_equal(facts->lockdown.state, VFIOADM_UNKNOWN);
	assert_true(uint_is(&facts->noiommu, 0));

	/* Without the mounts it is not known who uses the disks. */
	tmp_dir(t, "sys/class/block");
	tmp_remove(t, "proc/self");
	assert_false(tmp_observe(t)->complete);
	assert_int_equal(t->inv->facts.sys_writable.state, VFIOADM_UNKNOWN);
}

static void test_advice(void **state)
{
	static const struct {
		const char *cpuinfo, *cmdline;
		bool dmar;
		enum host_machine machine;
		const char *words; /* part of the advice */
	} rows[] = {
		{"vendor_id\t: GenuineIntel\n", "root=/dev/sda1 quiet\n", false, MACHINE_INTEL,
		 "Enable VT-d"},
		{"vendor_id\t: GenuineIntel\n", "quiet\n", true, MACHINE_INTEL,
		 "Add intel_iommu=on"},
		{"vendor_id\t: GenuineIntel\n", "intel_iommu=on,sm_on\n", false, MACHINE_INTEL,
		 "intel_iommu=on is on the kernel command line already"},
		{"vendor_id\t: GenuineIntel\n", "intel_iommu=on", true, MACHINE_INTEL,
		 "kernel log"},
		{"vendor_id\t: GenuineIntel\n", "quiet intel_iommu=off\n", true, MACHINE_INTEL,
		 "Replace intel_iommu=off"},
		{"vendor_id\t: GenuineIntel\n", "iommu=off\n", true, MACHINE_INTEL,
		 "Replace iommu=off"},
		{"vendor_id\t: GenuineIntel\n", "not_intel_iommu=off\n", false, MACHINE_INTEL,
		 "Enable VT-d"},
		{"vendor_id\t: AuthenticAMD\n", "quiet\n", false, MACHINE_AMD, "AMD-Vi"},
		{"vendor_id\t: AuthenticAMD\n", "amd_iommu=off\n", false, MACHINE_AMD,
		 "Remove amd_iommu=off"},
		{"vendor_id\t: HygonGenuine\n", "iommu=off quiet\n", false, MACHINE_AMD,
		 "Remove iommu=off"},
		{"processor\t: 0\nCPU implementer\t: 0x41\n", "\n", false, MACHINE_ARM64, "SMMU"},
		{"vendor_id       : IBM/S390\n", "\n", false, MACHINE_S390, "CONFIG_S390_IOMMU"},
		{"cpu\t: POWER9\n", "\n", false, MACHINE_OTHER, "Enable the IOMMU"},
	};
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1000e", -1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		tmp_file(t, "proc/cpuinfo", rows[i].cpuinfo);
		tmp_file(t, "proc/cmdline", rows[i].cmdline);
		if (rows[i].dmar)
			tmp_file(t, "sys/firmware/acpi/tables/DMAR", "");
		tmp_observe(t);
		assert_true(uint_is(&t->inv->facts.iommu, 0));
		assert_int_equal(t->inv->facts.machine, rows[i].machine);
		assert_non_null(t->inv->iommu_advice);
		if (!strstr(t->inv->iommu_advice, rows[i].words))
			fail_msg("row %zu: %s", i, t->inv->iommu_advice);
		if (rows[i].dmar)
			tmp_remove(t, "sys/firmware");
	}
}

/* On s390 a machine without functions has no IOMMU to show, and nothing is wrong with that. */
static void test_no_advice_without_functions(void **state)
{
	struct tmp_tree *t = *state;

	tmp_dir(t, "sys/bus/pci/devices");
	tmp_file(t, "proc/cpuinfo", "vendor_id       : IBM/S390\n");
	tmp_observe(t);
	assert_int_equal(t->inv->facts.iommu.state, VFIOADM_UNKNOWN);
	assert_null(t->inv->iommu_advice);
}

static void test_late_groups(void **state)
{
	struct tmp_tree *t = *state;

	tmp_dir(t, "sys/class/iommu/smmu3.0x0000000009050000");
	tmp_function(t, "pci0000:00/0000:00:00.0", HOST_BRIDGE, NULL, -1);
	tmp_function(t, "pci0000:00/0000:00:01.0", NVME, NULL, -1);
	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, "e1000e", 0);
	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1000e", -1);
	tmp_observe(t);
	assert_true(uint_is(&t->inv->facts.groups_late, 1));
	assert_int_equal(tmp_get(t, "0000:00:01.0")->iommu_group.state, VFIOADM_UNKNOWN);
	assert_int_equal(tmp_get(t, "0000:00:01.0")->companions.state, VFIOADM_UNKNOWN);
	/* A driver was tried, and still no group: no IOMMU covers it. */
	assert_int_equal(tmp_get(t, "0000:00:03.0")->iommu_group.state, VFIOADM_NONE);
	assert_int_equal(tmp_get(t, "0000:00:02.0")->iommu_group.state, VFIOADM_KNOWN);

	/* 6.15: the host bridge, which gets no driver, has one. */
	tmp_function(t, "pci0000:00/0000:00:00.0", HOST_BRIDGE, NULL, 4);
	tmp_observe(t);
	assert_true(uint_is(&t->inv->facts.groups_late, 0));
	assert_int_equal(tmp_get(t, "0000:00:01.0")->iommu_group.state, VFIOADM_NONE);

	/* Elsewhere a missing group is none. */
	tmp_function(t, "pci0000:00/0000:00:00.0", HOST_BRIDGE, NULL, -1);
	tmp_remove(t, "sys/devices/pci0000:00/0000:00:00.0/iommu_group");
	tmp_remove(t, "sys/class/iommu");
	tmp_dir(t, "sys/class/iommu/dmar0");
	tmp_observe(t);
	assert_true(uint_is(&t->inv->facts.groups_late, 0));
	assert_int_equal(tmp_get(t, "0000:00:01.0")->iommu_group.state, VFIOADM_NONE);
}

/* ---- fresh looks ---- */

static void test_fresh(void **state)
{
	struct tmp_tree *t = *state;
	struct host *h;
	char text[64];
	uint64_t a, b;

	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, "e1000e", 1);
	tmp_function(t, "pci0000:00/0000:00:04.0", NIC, NULL, 2);
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/driver_override", "(null)\n");
	tmp_file(t, "sys/devices/pci0000:00/0000:00:04.0/driver_override", " vfio-pci \n");
	tmp_file(t, "proc/sys/kernel/random/boot_id", "0d0a-11\n");
	h = tmp_open(t);
	assert_int_equal(observe_driver(h, "0000:00:03.0", text, sizeof(text)), 0);
	assert_string_equal(text, "e1000e");
	assert_int_equal(observe_driver(h, "0000:00:04.0", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(observe_driver(h, "0000:00:05.0", text, sizeof(text)), -ENODEV);
	assert_int_equal(observe_override(h, "0000:00:03.0", text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(observe_override(h, "0000:00:04.0", text, sizeof(text)), 0);
	assert_string_equal(text, " vfio-pci ");
	assert_int_equal(observe_override(h, "0000:00:05.0", text, sizeof(text)), -ENODEV);
	assert_int_equal(observe_incarnation(h, "0000:00:03.0", &a), 0);
	assert_int_equal(observe_incarnation(h, "0000:00:04.0", &b), 0);
	assert_true(a != b);
	assert_int_equal(observe_incarnation(h, "0000:00:05.0", &b), -ENODEV);
	assert_int_equal(observe_boot_id(h, text, sizeof(text)), 0);
	assert_string_equal(text, "0d0a-11");
}

/* ---- from things to functions ---- */

static void test_interfaces(void **state)
{
	struct tmp_tree *t = *state;
	char address[24];
	struct host *h;

	tmp_class(t, "net", "pci0000:00/0000:00:03.0/virtio0/net", "eth0");
	tmp_class(t, "net", "virtual/net", "lo");
	tmp_file(t, "sys/class/net/bonding_masters", "");
	h = tmp_open(t);
	assert_int_equal(observe_net_function(h, "eth0", address), 0);
	assert_string_equal(address, "0000:00:03.0");
	assert_int_equal(observe_net_function(h, "lo", address), -ENODEV);
	assert_int_equal(observe_net_function(h, "eth1", address), -ENOENT);
	assert_int_equal(observe_net_function(h, "bonding_masters", address), -ENOENT);
	assert_int_equal(observe_net_function(h, "../net/eth0", address), -ENOENT);
	assert_int_equal(observe_net_function(h, "..", address), -ENOENT);
	assert_int_equal(observe_net_function(h, "", address), -ENOENT);
}

static void test_nodes(void **state)
{
	static const struct {
		const char *path;
		int result;
		const char *address, *via;
	} rows[] = {
		{"/dev/nvme0n1", 0, "0000:01:00.0", NULL},
		{"/dev/nvme0n1p2", 0, "0000:01:00.0", NULL},
		{"/dev/sda", 0, "0000:00:17.0", "ata1"},
		{"/dev/sdb", 0, "0000:00:14.0", "usb 1-2.4"},
		{"/dev/sdc", 0, "0000:02:00.0", "host3"},
		{"/dev/vda", 0, "0000:00:04.0", NULL},
		{"/dev/dm-0", 0, "0000:01:00.0", NULL},
		{"/dev/md0", -ENOTUNIQ, NULL, NULL},
		{"/dev/loop0", -ENODEV, NULL, NULL},
		{"/dev/nvme5n1", 0, "0000:05:00.0", NULL},
		{"/dev/nvme6n1", -ENOTUNIQ, NULL, NULL},
		{"/dev/dm-7", -ELOOP, NULL, NULL},
		{"/dev/nothing", -ENOENT, NULL, NULL},
		{"/dev/mapper/nothing", -ENOENT, NULL, NULL},
	};
	struct tmp_tree *t = *state;
	struct host *h;

	tmp_class(t, "block", "pci0000:00/0000:01:00.0/nvme/nvme0", "nvme0n1");
	tmp_class(t, "block", "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1", "nvme0n1p2");
	tmp_class(t, "block", "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block",
		  "sda");
	tmp_class(
		t, "block",
		"pci0000:00/0000:00:14.0/usb1/1-2/1-2.4/1-2.4:1.0/host6/target6:0:0/6:0:0:0/block",
		"sdb");
	tmp_class(t, "block", "pci0000:00/0000:02:00.0/host3/target3:0:0/3:0:0:0/block", "sdc");
	tmp_class(t, "block", "pci0000:00/0000:00:04.0/virtio1/block", "vda");
	tmp_class(t, "block", "virtual/block", "dm-0");
	tmp_link(t, "sys/devices/virtual/block/dm-0/slaves/nvme0n1p2", "x");
	tmp_class(t, "block", "virtual/block", "md0");
	tmp_link(t, "sys/devices/virtual/block/md0/slaves/sda", "x");
	tmp_link(t, "sys/devices/virtual/block/md0/slaves/sdc", "x");
	tmp_class(t, "block", "virtual/block", "loop0");
	tmp_class(t, "block", "virtual/block", "dm-7");
	tmp_link(t, "sys/devices/virtual/block/dm-7/slaves/dm-7", "x");
	tmp_class(t, "block", "virtual/nvme-subsystem/nvme-subsys5", "nvme5n1");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys5/nvme5",
		 "../../pci0000:00/0000:05:00.0/nvme/nvme5");
	tmp_class(t, "block", "virtual/nvme-subsystem/nvme-subsys6", "nvme6n1");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys6/nvme6",
		 "../../pci0000:00/0000:06:00.0/nvme/nvme6");
	tmp_link(t, "sys/class/nvme-subsystem/nvme-subsys6/nvme7",
		 "../../pci0000:00/0000:07:00.0/nvme/nvme7");
	h = tmp_open(t);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char address[24] = "", *via = NULL;
		int r = observe_node_function(h, rows[i].path, address, &via);

		if (r != rows[i].result)
			fail_msg("%s: %d", rows[i].path, r);
		if (r == 0) {
			assert_string_equal(address, rows[i].address);
			assert_true(streq_null(via, rows[i].via));
		}
		free(via);
	}
}

/* Eight storeys of sixteen disks, each on all of the one below: more ways than anybody can go. */
static void test_node_on_many_storeys(void **state)
{
	struct tmp_tree *t = *state;
	char address[24], path[128], target[64];
	struct host *h;

	tmp_dir(t, "sys/bus/pci/devices");
	for (unsigned storey = 0; storey < 8; storey++)
		for (unsigned i = 0; i < 16; i++) {
			snprintf(path, sizeof(path), "sys/class/block/dm-%u", storey * 16 + i);
			snprintf(target, sizeof(target), "../../devices/virtual/block/dm-%u", storey * 16 + i);
			tmp_link(t, path, target);
			for (unsigned below = 0; storey && below < 16; below++) {
				snprintf(path, sizeof(path), "sys/devices/virtual/block/dm-%u/slaves/dm-%u",
					 storey * 16 + i, (storey - 1) * 16 + below);
				tmp_link(t, path, "x");
			}
		}
	h = tmp_open(t);
	assert_int_equal(observe_node_function(h, "dev/dm-120", address, NULL), -ELOOP);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_values),
		TEST(test_bridges),
		TEST(test_without_modalias),
		TEST(test_unknown_is_not_none),
		TEST(test_odd_entries),
		TEST(test_names_are_safe_to_show),
		TEST(test_no_bus),
		TEST(test_node_on_many_storeys),
		TEST(test_s390),
		TEST(test_facts),
		TEST(test_advice),
		TEST(test_no_advice_without_functions),
		TEST(test_late_groups),
		TEST(test_fresh),
		TEST(test_interfaces),
		TEST(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
