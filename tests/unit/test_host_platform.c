/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a host decides whether a guest could open a function, and groups that come late. */
#include <string.h>

#include "base/str.h"
#include "tmp_tree.h"

#define NIC    "8086 10d3 8086 0000 020000"
#define BRIDGE "8086 1901 0000 0000 060400"

/* "yes", "no" or "?" and the chip that says so. */
static void assert_isolated(struct tmp_tree *t, const char *expected, const char *chip)
{
	const struct host_facts *facts = &tmp_observe(t)->facts;
	const struct vfioadm_uint *v = &facts->isolated_interrupts;

	assert_string_equal(v->state != VFIOADM_KNOWN ? "?" : v->value ? "yes" : "no", expected);
	if (chip)
		assert_string_equal(facts->interrupt_chip, chip);
	else
		assert_null(facts->interrupt_chip);
}

static void chip(struct tmp_tree *t, unsigned number, const char *name)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "sys/kernel/irq/%u/chip_name", number);
	snprintf(text, sizeof(text), "%s\n", name);
	tmp_file(t, path, text);
}

static void test_chips(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	assert_isolated(t, "?", NULL);
	chip(t, 2, "XT-PIC");
	assert_isolated(t, "?", NULL);
	chip(t, 9, "IO-APIC");
	assert_isolated(t, "no", "IO-APIC");
	chip(t, 24, "DMAR-MSI");
	assert_isolated(t, "no", "IO-APIC");
	chip(t, 25, "IR-PCI-MSIX-0000:00:02.0");
	assert_isolated(t, "yes", "IR-PCI-MSIX-0000:00:02.0");
	/* A file that is no chip's, or empty, says nothing. */
	tmp_remove(t, "sys/kernel/irq");
	chip(t, 1, "");
	chip(t, 2, "dummy");
	assert_isolated(t, "?", NULL);
}

static void test_chips_of_arm(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	chip(t, 11, "GICv3");
	assert_isolated(t, "?", "GICv3");
	chip(t, 40, "MSI");
	assert_isolated(t, "no", "MSI");
	chip(t, 41, "ITS-PCI-MSI-0000:00:02.0");
	assert_isolated(t, "yes", "ITS-PCI-MSI-0000:00:02.0");
	tmp_remove(t, "sys/kernel/irq");
	chip(t, 11, "GIC-0");
	assert_isolated(t, "no", "GIC-0");
}

static void test_interrupts(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	tmp_file(t, "proc/interrupts",
		 "            CPU0       CPU1\n"
		 "   8:          0          1   IO-APIC   8-edge      rtc0\n"
		 "  24:          7          0   PCI-MSI 327680-edge      IR-nvme0q0\n"
		 " NMI:          0          0   IR-Non-maskable interrupts\n"
		 " 25:\n 26: 1 2\n:\n");
	assert_isolated(t, "no", "IO-APIC");
	tmp_file(t, "proc/interrupts",
		 "  24:          7          0   IR-PCI-MSI 327680-edge      nvme0q0");
	assert_isolated(t, "yes", "IR-PCI-MSI");
	/* What is newer is believed first. */
	chip(t, 9, "IO-APIC");
	assert_isolated(t, "no", "IO-APIC");
}

static void test_s390(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	tmp_file(t, "proc/cpuinfo", "vendor_id       : IBM/S390\n");
	assert_isolated(t, "yes", NULL);
}

static void assert_backend(const struct vfio_backend *b, const char *available, const char *unsafe)
{
	assert_string_equal(b->available.state != VFIOADM_KNOWN ? "?"
			    : b->available.value		? "yes"
								: "no",
			    available);
	assert_string_equal(b->unsafe.state != VFIOADM_KNOWN ? "?"
			    : b->unsafe.value		     ? "yes"
							     : "no",
			    unsafe);
}

static void test_unsafe(void **state)
{
	static const struct {
		const char *cmdline, *unsafe;
	} lines[] = {
		{"quiet", "?"},
		{"vfio_iommu_type1.allow_unsafe_interrupts=1", "yes"},
		{"a=b vfio_iommu_type1.allow-unsafe-interrupts", "yes"},
		{"vfio_iommu_type1.allow_unsafe_interrupts=Y "
		 "vfio_iommu_type1.allow_unsafe_interrupts=0",
		 "no"},
		{"vfio_iommu_type1.allow_unsafe_interrupts=off", "no"},
		{"x=vfio_iommu_type1.allow_unsafe_interrupts=1", "?"},
		{"vfio_iommu_type1.allow_unsafe_interrupts2=1", "?"},
	};
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	/* Where interrupts are isolated nobody asks. */
	tmp_file(t, "proc/cmdline", lines[1].cmdline);
	assert_backend(&tmp_observe(t)->facts.type1, "?", "?");
	chip(t, 9, "IO-APIC");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		tmp_file(t, "proc/cmdline", lines[i].cmdline);
		assert_backend(&tmp_observe(t)->facts.type1, "?", lines[i].unsafe);
	}
	tmp_remove(t, "proc/cmdline");
	tmp_file(t, "etc/modprobe.d/vfio.conf",
		 "options vfio_iommu_type1 allow_unsafe_interrupts=1\n");
	assert_backend(&tmp_observe(t)->facts.type1, "?", "yes");
	/* A loaded module's own parameter counts, not what it was loaded with. */
	tmp_file(t, "proc/cmdline",
		 "vfio_iommu_type1.allow_unsafe_interrupts=1 pcie_acs_override=");
	tmp_file(t, "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
	tmp_file(t, "sys/module/iommufd/parameters/allow_unsafe_interrupts", "Y\n");
	tmp_observe(t);
	assert_backend(&t->inv->facts.type1, "yes", "no");
	assert_backend(&t->inv->facts.iommufd, "yes", "yes");
	assert_null(t->inv->facts.acs_override);
	tmp_file(t, "proc/cmdline", "quiet pcie_acs_override=downstream\n");
	assert_string_equal(tmp_observe(t)->facts.acs_override, "downstream");
}

static void test_framebuffers(void **state)
{
	struct tmp_tree *t = *state;
	const struct host_facts *facts;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	tmp_file(t, "proc/iomem",
		 "00000000-00000000 : BOOTFB\n"
		 "e0000000-efffffff : 0000:00:02.0\n"
		 "  e0000000-e07effff : BOOTFB\n"
		 "  e1000000-e0000000 : efifb\n"
		 "fed00000-fed003ff : HPET 0\n"
		 "f0000000-f00fffff : simplefb\ngarbage\n: BOOTFB\n1-2 : BOOTFB2\n");
	tmp_observe(t);
	assert_int_equal(
		observe_function(t->host, t->inv, tmp_get(t, "0000:00:02.0"), VFIOADM_FACET_DETAIL),
		0);
	facts = &t->inv->facts;
	assert_int_equal(facts->n_framebuffers, 2);
	assert_string_equal(facts->framebuffers[0].name, "BOOTFB");
	assert_true(facts->framebuffers[0].start == 0xe0000000 &&
		    facts->framebuffers[0].end == 0xe07effff);
	assert_string_equal(facts->framebuffers[1].name, "simplefb");
}

/* Of another root only a part may be there, but what modprobe.d says is there. */
static void test_backend(void **state)
{
	struct tmp_tree *t = *state;
	const struct vfio_backend *type1;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	type1 = &tmp_observe(t)->facts.type1;
	assert_int_equal(observe_function(t->host, t->inv, tmp_get(t, "0000:00:02.0"),
					  VFIOADM_FACET_DRIVERS),
			 0);
	assert_backend(type1, "?", "?");
	tmp_file(t, "etc/modprobe.d/no.conf", "install vfio_iommu_type1 /bin/false\n");
	type1 = &tmp_observe(t)->facts.type1;
	assert_int_equal(observe_function(t->host, t->inv, tmp_get(t, "0000:00:02.0"),
					  VFIOADM_FACET_DRIVERS),
			 0);
	assert_backend(type1, "no", "?");
	assert_string_equal(type1->trouble_source, "/etc/modprobe.d/no.conf:1");
}

/* No file of that kind anywhere in another root: nobody captured them. */
static void test_resets(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0000:00/0000:00:02.0", NIC, NULL, 1);
	tmp_function(t, "pci0000:00/0000:00:03.0", NIC, NULL, 2);
	tmp_observe(t);
	f = tmp_get(t, "0000:00:02.0");
	assert_int_equal(observe_function(t->host, t->inv, f, VFIOADM_FACET_DETAIL), 0);
	assert_true(uint_is(&t->inv->facts.resets_shown, 0));
	tmp_file(t, "sys/devices/pci0000:00/0000:00:03.0/reset_method", "flr\n");
	tmp_observe(t);
	f = tmp_get(t, "0000:00:02.0");
	assert_int_equal(observe_function(t->host, t->inv, f, VFIOADM_FACET_DETAIL), 0);
	assert_true(uint_is(&t->inv->facts.resets_shown, 1));
	assert_int_equal(f->reset_methods.state, VFIOADM_NONE);
}

/* ---- late groups ---- */

enum { CONFIG = 4096 };

/* PCI Express of a type at 0x40, ACS with this control; type < 0: a conventional function. */
static void config(struct tmp_tree *t, const char *place, int type, unsigned acs, bool many,
		   size_t size)
{
	unsigned char data[CONFIG] = {[0x06] = 0x10,
				      [0x0e] = many ? 0x80 : 0,
				      [0x34] = 0x40,
				      [0x40] = type < 0 ? 0x01 : 0x10,
				      [0x42] = type < 0 ? 0 : (unsigned)type << 4};
	char path[128];

	data[0x100] = 0x0d;
	data[0x104] = 0x1f;
	data[0x106] = (unsigned char)acs;
	snprintf(path, sizeof(path), "sys/devices/%s/config", place);
	tmp_data(t, path, data, size);
}

#define PORT_OF(n) "pci0000:00/0000:00:0" n ".0"

static void late(struct tmp_tree *t)
{
	tmp_link(t, "sys/class/iommu/0000:00:1e.0",
		 "../../devices/pci0000:00/0000:00:1e.0/virtio0/iommu/0000:00:1e.0");
	tmp_function(t, "pci0000:00/0000:00:00.0", "8086 29c0 0000 0000 060000", NULL, 9);
	tmp_function(t, PORT_OF("1"), BRIDGE, "pcieport", 0);
	tmp_function(t, PORT_OF("1") "/0000:01:00.0", NIC, "e1000e", 1);
	tmp_function(t, PORT_OF("1") "/0000:01:00.1", NIC, NULL, -1);
	tmp_function(t, PORT_OF("2"), BRIDGE, NULL, -1);
	tmp_function(t, PORT_OF("2") "/0000:02:01.0", NIC, NULL, -1);
	tmp_function(t, PORT_OF("2") "/0000:02:02.0", NIC, "e1000e", 2);
	/* A domain of its own between two functions, as behind VMD: no bridge of it. */
	tmp_function(t, PORT_OF("1") "/0000:01:00.0/pci10000:00/10000:00:01.0", NIC, NULL, -1);
}

static void test_topology(void **state)
{
	struct tmp_tree *t = *state;

	late(t);
	config(t, PORT_OF("1"), 4, 0x1d, false, CONFIG);
	config(t, PORT_OF("1") "/0000:01:00.0", 0, 0, true, CONFIG);
	config(t, PORT_OF("1") "/0000:01:00.1", 0, 0, true, CONFIG);
	config(t, PORT_OF("2"), 7, 0, false, CONFIG);
	tmp_observe(t);
	/* That the host bridge has a group tells nothing here. */
	assert_true(uint_is(&t->inv->facts.groups_late, 1));
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.1")->companions), "0000:01:00.0");
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.0")->companions), "0000:01:00.1");
	assert_string_equal(items_of(&tmp_get(t, "0000:02:01.0")->companions),
			    "0000:00:02.0,0000:02:02.0");
	assert_string_equal(items_of(&tmp_get(t, "10000:00:01.0")->companions), "?");

	/* Both functions of the card send up what they send. */
	config(t, PORT_OF("1") "/0000:01:00.0", 0, 0x1d, true, CONFIG);
	config(t, PORT_OF("1") "/0000:01:00.1", 0, 0x1d, true, CONFIG);
	tmp_observe(t);
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.1")->companions), "?");
	/* What it does not offer is not asked, but this it does. */
	config(t, PORT_OF("1") "/0000:01:00.1", 0, 0x1c, true, CONFIG);
	config(t, PORT_OF("1") "/0000:01:00.0", 0, 0x1c, true, CONFIG);
	tmp_observe(t);
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.1")->companions), "0000:01:00.0");
	/* A port that sends nothing up. */
	config(t, PORT_OF("1"), 4, 0, false, CONFIG);
	tmp_observe(t);
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.1")->companions), "?");
}

/* Not root: the file ends behind the header. Then functions of one card are taken to be together. */
static void test_header_alone(void **state)
{
	struct tmp_tree *t = *state;

	late(t);
	config(t, PORT_OF("1") "/0000:01:00.0", 0, 0x1d, true, 64);
	config(t, PORT_OF("1") "/0000:01:00.1", 0, 0x1d, true, 64);
	tmp_file(t, "sys/devices/" PORT_OF("1") "/current_link_speed", "8.0 GT/s PCIe\n");
	tmp_observe(t);
	assert_string_equal(items_of(&tmp_get(t, "0000:01:00.1")->companions), "0000:01:00.0");
	/* A bridge without a link is one to PCI. */
	assert_string_equal(items_of(&tmp_get(t, "0000:02:01.0")->companions),
			    "0000:00:02.0,0000:02:02.0");
}

/* What somebody else wrote: lists that turn in a circle, capabilities beyond the end. */
static void test_hostile_config(void **state)
{
	struct tmp_tree *t = *state;
	unsigned char data[CONFIG];

	late(t);
	memset(data, 0x40, sizeof(data));
	tmp_data(t, "sys/devices/" PORT_OF("1") "/0000:01:00.0/config", data, sizeof(data));
	memset(data, 0xff, sizeof(data));
	tmp_data(t, "sys/devices/" PORT_OF("1") "/0000:01:00.1/config", data, 300);
	tmp_data(t, "sys/devices/" PORT_OF("2") "/config", data, 65);
	tmp_link(t, "sys/bus/pci/devices/0000:0a:00.0",
		 "../../../devices/x/0000:0b:00.0/0000:0a:00.0");
	tmp_link(t, "sys/bus/pci/devices/0000:0b:00.0",
		 "../../../devices/x/0000:0a:00.0/0000:0b:00.0");
	tmp_file(t, "sys/devices/x/0000:0b:00.0/0000:0a:00.0/vendor", "0x8086\n");
	tmp_file(t, "sys/devices/x/0000:0a:00.0/0000:0b:00.0/vendor", "0x8086\n");
	tmp_observe(t);
	assert_true(uint_is(&t->inv->facts.groups_late, 1));
	assert_non_null(tmp_get(t, "0000:0a:00.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_chips, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_chips_of_arm, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_interrupts, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_s390, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_unsafe, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_backend, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_framebuffers, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_resets, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_topology, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_header_alone, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_hostile_config, tmp_setup, tmp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
