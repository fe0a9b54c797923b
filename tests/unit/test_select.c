/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "base/error.h"
#include "policy/select.h"

#define LIST_ALL  "'vfioadm list --all' shows every function."
#define LIST_TREE "'vfioadm list --tree' shows the groups with their functions."

/* Words, blank-separated; *ret_selected is "0 3 5". */
static int choose(const struct vfioadm_inventory *inv, const char *words, bool all_matching,
		  struct selection *ret, struct vfioadm_error **err)
{
	_cleanup_free_ char *copy = strdup(words);
	struct selector selectors[16];
	char *rest = copy, *word;
	size_t n = 0;
	int r;

	assert_non_null(copy);
	while ((word = strsep(&rest, " "))) {
		assert_in_range(n, 0, 15);
		assert_int_equal(selector_parse(word, &selectors[n++], NULL), 0);
	}
	r = select_functions(inv, selectors, n, all_matching, ret, err);
	return r;
}

static void assert_names(const struct vfioadm_inventory *inv, const struct selection *s,
			 const char *expected)
{
	_cleanup_strbuf_ struct strbuf b = {0};
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < s->n; i++)
		strbuf_addf(&b, "%s%s", i ? " " : "", inv->functions[s->items[i]].address);
	names = strbuf_take(&b);
	assert_string_equal(names, expected);
}

static void assert_selects(const struct vfioadm_inventory *inv, const char *words,
			   bool all_matching, const char *expected)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	_cleanup_selection_ struct selection s = {0};

	if (choose(inv, words, all_matching, &s, &err) < 0)
		fail_msg("%s: %s", words, vfioadm_error_message(err));
	assert_null(err);
	assert_names(inv, &s, expected);
}

static void assert_selects_not(const struct vfioadm_inventory *inv, const char *words, int r,
			       enum vfioadm_code code, const char *message, const char *hint)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	struct selection s = {(size_t *)0x1, 4711};

	assert_int_equal(choose(inv, words, false, &s, &err), r);
	assert_error(err, code, message, hint);
	assert_int_equal(s.n, 4711);
	assert_int_equal(choose(inv, words, false, &s, NULL), r);
}

static void assert_not_found(const struct vfioadm_inventory *inv, const char *words,
			     const char *message, const char *hint)
{
	assert_selects_not(inv, words, -ENOENT, VFIOADM_E_NOT_FOUND, message, hint);
}

/* Two identical NICs, one with two functions, an NVMe drive, a GPU behind a bridge, one in VMD. */
static struct vfioadm_inventory *pc(void)
{
	struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;

	f = build_function(inv, "0000:00:1c.0", 0x8086, 0xa110, 0x060400);
	f->iommu_group = uint_known(5);
	f = build_function(inv, "0000:00:1d.0", 0x8086, 0xa118, 0x060400);
	f->iommu_group = uint_known(6);
	f = build_function(inv, "0000:01:00.0", 0x10de, 0x1234, 0x030000);
	f->iommu_group = uint_known(5);
	f = build_function(inv, "0000:01:00.1", 0x10de, 0x4321, 0x040300);
	f->iommu_group = uint_known(5);
	for (unsigned i = 0; i < 2; i++) {
		f = build_function(inv, i ? "0000:02:00.1" : "0000:02:00.0", 0x15b3, 0x1003,
				   0x020000);
		f->subsystem_vendor = uint_known(0x15b3);
		f->subsystem_device = uint_known(0x0055);
		f->iommu_group = uint_known(7);
		f->serial = str_known("00-11-22-ff-fe-33-44-AA");
		f->mac = str_known(i ? "52:54:00:12:34:ac" : "52:54:00:12:34:ab");
		f->net = build_list(inv, i ? "eth1,eth1d1" : "eth0");
	}
	f = build_function(inv, "0000:03:00.0", 0x15b3, 0x1003, 0x020000);
	f->subsystem_vendor = uint_known(0x103c);
	f->subsystem_device = uint_known(0x1777);
	f->iommu_group = uint_known(8);
	f->path = str_known("pci-0000:00:1d.0/00.0");
	f = build_function(inv, "10000:01:00.0", 0x144d, 0xa808, 0x010802);
	f->iommu_group = uint_known(9);
	f->nvme_serial = str_known("S4EVNF0M 77");
	build_finish(inv);
	return inv;
}

/* 00a1 and 00a2 are there, 103 in standby, 104 configured but not shown. */
static struct vfioadm_inventory *mainframe(void)
{
	struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *f;

	inv->facts.machine = MACHINE_S390;
	f = build_function(inv, "00a1:00:00.0", 0x15b3, 0x1016, 0x020000);
	f->uid = uint_known(0xa1);
	f->fid = uint_known(0x101);
	f->pchid = uint_known(0x1c0);
	f->iommu_group = uint_known(0);
	f = build_function(inv, "00a2:00:00.0", 0x15b3, 0x1016, 0x020000);
	f->uid = uint_known(0xa2);
	f->fid = uint_known(0x102);
	f->pchid = uint_known(0x1c0);
	f->iommu_group = uint_known(1);
	build_slot(inv, "00000103", 0x103, 0);
	build_slot(inv, "00000104", 0x104, 1);
	build_slot(inv, "00000105", 0x105, 0);
	inv->slots[2].power.state = VFIOADM_UNKNOWN;
	build_finish(inv);
	return inv;
}

static void test_each_kind(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc(), *z = mainframe();

	assert_selects(inv, "0000:01:00.0", false, "0000:01:00.0");
	assert_selects(inv, "01:00.1", false, "0000:01:00.1");
	assert_selects(inv, "10000:01:00.0", false, "10000:01:00.0");
	assert_selects(inv, "0000:00:1c.0", false, "0000:00:1c.0");
	assert_selects(inv, "144d:a808", false, "10000:01:00.0");
	assert_selects(inv, "15b3:1003:103c:1777", false, "0000:03:00.0");
	assert_selects(inv, "15b3:1003:*:1777", false, "0000:03:00.0");
	assert_selects(inv, "mac=52:54:00:12:34:AB", false, "0000:02:00.0");
	assert_selects(inv, "mac=52-54-00-12-34-ac", false, "0000:02:00.1");
	assert_selects(inv, "path=pci-0000:00:1d.0/00.0", false, "0000:03:00.0");
	assert_selects(inv, "path=pci-0000:00:1D.0/00.0", false, "0000:03:00.0");
	assert_selects(inv, "eth1d1", false, "0000:02:00.1");
	assert_selects(z, "uid=a1", false, "00a1:00:00.0");
	assert_selects(z, "uid=0x00A2", false, "00a2:00:00.0");
	assert_selects(z, "fid=101", false, "00a1:00:00.0");
	assert_selects(z, "fid=00000102", false, "00a2:00:00.0");
	assert_selects(z, "pchid=1c0", true, "00a1:00:00.0 00a2:00:00.0");
}

static void test_serials(void **state)
{
	static const char *const spellings[] = {"serial=00-11-22-ff-fe-33-44-aa",
						"serial=00:11:22:FF:FE:33:44:AA",
						"serial=001122FFfe3344aa"};
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();
	struct selector s;

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
		assert_selects(inv, spellings[i], true, "0000:02:00.0 0000:02:00.1");
	assert_int_equal(selector_parse("serial=s4evnf0m 77", &s, NULL), 0);
	assert_true(selector_match(&s, inventory_get(inv, "10000:01:00.0")));
	assert_false(selector_match(&s, inventory_get(inv, "0000:02:00.0")));
	/* Part of it is not it. */
	assert_int_equal(selector_parse("serial=S4EVNF0M", &s, NULL), 0);
	assert_false(selector_match(&s, inventory_get(inv, "10000:01:00.0")));
	assert_int_equal(selector_parse("serial=00-11-22-ff-fe-33-44", &s, NULL), 0);
	assert_false(selector_match(&s, inventory_get(inv, "0000:02:00.0")));
	/* An NVMe serial that looks like a DSN is compared as text as well. */
	inventory_get(inv, "10000:01:00.0")->nvme_serial = str_known("0011223344556677");
	assert_selects(inv, "serial=0011223344556677", false, "10000:01:00.0");
	assert_not_found(inv, "serial=00-11-22-33-44-55-66-77",
			 "No function of this host has the serial number 00-11-22-33-44-55-66-77.",
			 "'vfioadm show' prints the serial numbers of a function; that of an NVMe "
			 "drive is known only while its host driver is bound.");
}

static void test_groups(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();

	/* Without the bridge, and never ambiguous. */
	assert_selects(inv, "group=5", false, "0000:01:00.0 0000:01:00.1");
	assert_selects(inv, "group=8", false, "0000:03:00.0");
	assert_not_found(
		inv, "group=6",
		"IOMMU group 6 holds only bridges (0000:00:1d.0), which group=6 skips because "
		"they cannot be assigned.",
		LIST_TREE);
	assert_not_found(inv, "group=99", "There is no IOMMU group 99 on this host.", LIST_TREE);
	inv->facts.groups_late = uint_known(1);
	assert_not_found(
		inv, "group=99",
		"There is no IOMMU group 99 on this host; on this kernel a group may appear "
		"only when one of its functions is first bound to a driver.",
		LIST_TREE);
	inv->facts.iommu = uint_known(0);
	assert_not_found(
		inv, "group=99",
		"There is no IOMMU group 99 on this host; it has no groups at all, because no "
		"IOMMU is active.",
		LIST_TREE);
	inv->iommu_advice = "Boot with intel_iommu=on.";
	assert_not_found(
		inv, "group=99",
		"There is no IOMMU group 99 on this host; it has no groups at all, because no "
		"IOMMU is active.",
		"Boot with intel_iommu=on.");
	inventory_get(inv, "0000:03:00.0")->iommu_group.state = VFIOADM_UNKNOWN;
	assert_not_found(
		inv, "group=8",
		"There is no IOMMU group 8 on this host; it has no groups at all, because no "
		"IOMMU is active; for 1 function this could not be read.",
		"Boot with intel_iommu=on.");
}

static void test_merge(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();

	/* In the inventory's order, each once. */
	assert_selects(inv, "10000:01:00.0 0000:01:00.1 eth0 group=5 01:00.1 mac=5254001234ab",
		       false, "0000:01:00.0 0000:01:00.1 0000:02:00.0 10000:01:00.0");
	assert_selects(inv, "15b3:1003 0000:02:00.1", true,
		       "0000:02:00.0 0000:02:00.1 0000:03:00.0");
	/* One that fails, fails all. */
	assert_not_found(inv, "0000:01:00.0 0000:01:00.7 eth9",
			 "There is no PCI function 0000:01:00.7 on this host.",
			 "In this slot there is 0000:01:00.0 and 0000:01:00.1.");
}

static void test_nothing_asked(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();
	_cleanup_selection_ struct selection s = {0};

	assert_int_equal(select_functions(inv, NULL, 0, false, &s, NULL), 0);
	assert_int_equal(s.n, 0);
}

static void test_ambiguous(void **state)
{
	static const char hint[] =
		"Name one of them by its address, or take them all with --all-matching.";
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc(), *many = build_inventory(),
						     *z = mainframe();

	assert_selects_not(
		inv, "15b3:1003", -EINVAL, VFIOADM_E_AMBIGUOUS,
		"\"15b3:1003\" names 3 functions: 0000:02:00.0, 0000:02:00.1 and 0000:03:00.0.",
		hint);
	assert_selects(inv, "15b3:1003", true, "0000:02:00.0 0000:02:00.1 0000:03:00.0");
	assert_selects_not(
		inv, "serial=001122fffe3344aa", -EINVAL, VFIOADM_E_AMBIGUOUS,
		"\"serial=001122fffe3344aa\" names 2 functions: 0000:02:00.0 and 0000:02:00.1.",
		hint);
	assert_selects_not(z, "pchid=1c0", -EINVAL, VFIOADM_E_AMBIGUOUS,
			   "\"pchid=1c0\" names 2 functions: 00a1:00:00.0 and 00a2:00:00.0.", hint);
	for (unsigned i = 0; i < 8; i++)
		build_function(many,
			       (const char *[]){"0000:01:00.0", "0000:01:00.1", "0000:01:00.2",
						"0000:01:00.3", "0000:01:00.4", "0000:01:00.5",
						"0000:01:00.6", "0000:01:00.7"}[i],
			       0x8086, 0x1520, 0x020000);
	build_finish(many);
	assert_selects_not(
		many, "8086:1520", -EINVAL, VFIOADM_E_AMBIGUOUS,
		"\"8086:1520\" names 8 functions: 0000:01:00.0, 0000:01:00.1, 0000:01:00.2, "
		"0000:01:00.3, 0000:01:00.4, 0000:01:00.5, 0000:01:00.6 and 0000:01:00.7.",
		hint);
	build_function(many, "0000:01:01.0", 0x8086, 0x1520, 0x020000);
	build_function(many, "0000:01:01.1", 0x8086, 0x1520, 0x020000);
	build_finish(many);
	assert_selects_not(
		many, "8086:1520", -EINVAL, VFIOADM_E_AMBIGUOUS,
		"\"8086:1520\" names 10 functions: 0000:01:00.0, 0000:01:00.1, 0000:01:00.2, "
		"0000:01:00.3, 0000:01:00.4, 0000:01:00.5, 0000:01:00.6, 0000:01:00.7 and 2 "
		"more.",
		hint);
}

static void test_no_address(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc(), *z = mainframe();
	_cleanup_error_ struct vfioadm_error *err = NULL;
	struct selection s = {0};

	assert_not_found(inv, "0000:03:00.2", "There is no PCI function 0000:03:00.2 on this host.",
			 "In this slot there is 0000:03:00.0.");
	/* Other device, same bus. */
	assert_not_found(inv, "0000:02:05.0", "There is no PCI function 0000:02:05.0 on this host.",
			 "On this bus there is 0000:02:00.0 and 0000:02:00.1.");
	/* The domain was wrong or forgotten. */
	assert_not_found(inv, "0001:01:00.1", "There is no PCI function 0001:01:00.1 on this host.",
			 "Did you mean 0000:01:00.1?");
	assert_not_found(inv, "40:00.0", "There is no PCI function 0000:40:00.0 on this host.",
			 LIST_ALL);
	assert_not_found(
		z, "0103:00:00.0", "There is no PCI function 0103:00:00.0 on this host.",
		"A function in standby has no address until it is configured, and here slots "
		"are in standby: 00000103; configure one with: "
		"echo 1 > /sys/bus/pci/slots/SLOT/power");
	z->n_slots = 0;
	assert_not_found(z, "0103:00:00.0", "There is no PCI function 0103:00:00.0 on this host.",
			 "Did you mean 00a1:00:00.0 and 00a2:00:00.0?");

	assert_int_equal(choose(inv, "0000:40:00.0", false, &s, &err), -ENOENT);
	assert_string_equal(vfioadm_error_device(err), "0000:40:00.0");
	assert_int_equal(vfioadm_error_exit(err), VFIOADM_EXIT_NO_FUNCTION);
	assert_string_equal(vfioadm_error_code_name(err), "no-such-function");
}

/* An empty hotplug socket of a PC has no FID and is not in standby. */
static void test_empty_socket(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();

	build_slot(inv, "3", 0, 0);
	inv->slots[0].fid = uint_none();
	assert_not_found(inv, "40:00.0", "There is no PCI function 0000:40:00.0 on this host.",
			 LIST_ALL);
}

static void test_no_cardtype(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();
	struct vfioadm_function *f = inventory_get(inv, "0000:03:00.0");

	assert_not_found(inv, "dead:beef", "No function of this host has the IDs dead:beef.",
			 LIST_ALL);
	assert_not_found(
		inv, "10de:9999", "No function of this host has the IDs 10de:9999.",
		"Of this vendor there is 10de:1234 (0000:01:00.0) and 10de:4321 (0000:01:00.1).");
	assert_not_found(inv, "a808:144d", "No function of this host has the IDs a808:144d.",
			 "The vendor comes first: did you mean 144d:a808 (10000:01:00.0)?");
	assert_not_found(inv, "15b3:1003:0001:0002",
			 "No function of this host has the IDs 15b3:1003:0001:0002.",
			 "There is 15b3:1003:15b3:0055 (0000:02:00.0), 15b3:1003:15b3:0055 "
			 "(0000:02:00.1) and 15b3:1003:103c:1777 (0000:03:00.0).");
	assert_not_found(inv, "144d:a808:0001:0002",
			 "No function of this host has the IDs 144d:a808:0001:0002.",
			 "There is 144d:a808 without a subsystem (10000:01:00.0).");
	/* Unknown matches nothing, and it is said that it might have. */
	f->device.state = VFIOADM_UNKNOWN;
	assert_not_found(
		inv, "dead:beef",
		"No function of this host has the IDs dead:beef; for 1 function this could not "
		"be read.",
		LIST_ALL);
	f->vendor.state = VFIOADM_UNKNOWN;
	inv->facts.root = uint_known(0);
	assert_not_found(
		inv, "dead:beef",
		"No function of this host has the IDs dead:beef; for 1 function this could not "
		"be read.",
		"Run it again as root, who can read more.");
}

static void test_no_zpci_number(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *z = mainframe(), *inv = pc();

	assert_not_found(z, "fid=103", "The function with fid=103 (slot 00000103) is in standby.",
			 "Configure it with: echo 1 > /sys/bus/pci/slots/00000103/power");
	assert_not_found(
		z, "fid=104",
		"The function with fid=104 (slot 00000104) is configured, but Linux shows no "
		"device for it.",
		"See the kernel log for its reason; two functions with the same UID are a usual "
		"one.");
	/* Not known to be configured: trying to is right. */
	assert_not_found(z, "fid=105", "The function with fid=105 (slot 00000105) is in standby.",
			 "Configure it with: echo 1 > /sys/bus/pci/slots/00000105/power");
	assert_not_found(
		z, "fid=999", "No function of this host has fid=999.",
		"There is fid=101 (00a1:00:00.0), fid=102 (00a2:00:00.0), fid=103 (in standby), "
		"fid=104 (no function) and fid=105 (no function).");
	assert_not_found(z, "uid=b1", "No function of this host has uid=b1.",
			 "There is uid=a1 (00a1:00:00.0) and uid=a2 (00a2:00:00.0).");
	assert_not_found(z, "pchid=1", "No function of this host has pchid=1.",
			 "There is pchid=1c0 (00a1:00:00.0) and pchid=1c0 (00a2:00:00.0).");
	assert_not_found(
		inv, "uid=1", "No function of this host has uid=1.",
		"Only functions of IBM Z and LinuxONE (s390x) have a uid; name this one by its "
		"address.");
	for (size_t i = 0; i < z->n_functions; i++)
		z->functions[i].pchid = (struct vfioadm_uint){0};
	assert_not_found(
		z, "pchid=1c0",
		"No function of this host has pchid=1c0; for 2 functions this could not be "
		"read.",
		LIST_ALL);
	for (size_t i = 0; i < z->n_functions; i++)
		z->functions[i].uid = z->functions[i].fid = (struct vfioadm_uint){0};
	z->n_slots = 0;
	z->facts.root = (struct vfioadm_uint){0};
	assert_not_found(
		z, "fid=101",
		"No function of this host has fid=101; for 2 functions this could not be read.",
		"Run it again as root, who can read more.");
	assert_not_found(
		z, "uid=a1",
		"No function of this host has uid=a1; for 2 functions this could not be read.",
		"Run it again as root, who can read more.");
}

static void test_no_identity(void **state)
{
	static const char as_root[] = "Run it again as root, who can read more.";
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();

	assert_not_found(
		inv, "serial=nowhere", "No function of this host has the serial number nowhere.",
		"'vfioadm show' prints the serial numbers of a function; that of an NVMe drive "
		"is known only while its host driver is bound.");
	assert_not_found(inv, "mac=000000000000",
			 "No function of this host has the permanent MAC address 000000000000.",
			 "The permanent address of a network function is known only while its host "
			 "driver is bound; then name it by its address.");
	assert_not_found(inv, "path=\x1b[31m", "No function of this host has the path \\x1b[31m.",
			 "'vfioadm show' prints the path of a function, for example "
			 "pci-0000:00:1c.0/00.0.");

	inv->facts.root = uint_known(0);
	for (size_t i = 0; i < inv->n_functions; i++)
		inv->functions[i].serial = (struct vfioadm_str){0};
	inventory_get(inv, "0000:03:00.0")->mac = (struct vfioadm_str){0};
	inventory_get(inv, "0000:03:00.0")->path = (struct vfioadm_str){0};
	assert_not_found(inv, "serial=001122fffe3344aa",
			 "No function of this host has the serial number 001122fffe3344aa; for 8 "
			 "functions this could not be read.",
			 as_root);
	assert_not_found(
		inv, "mac=000000000000",
		"No function of this host has the permanent MAC address 000000000000; for 1 "
		"function this could not be read.",
		as_root);
	assert_not_found(
		inv, "path=pci-0000:00:1d.0/00.0",
		"No function of this host has the path pci-0000:00:1d.0/00.0; for 1 function "
		"this could not be read.",
		as_root);
}

static void test_unknown_nvme_serial(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();

	inv->facts.root = uint_known(1);
	inventory_get(inv, "10000:01:00.0")->nvme_serial = (struct vfioadm_str){0};
	assert_not_found(
		inv, "serial=S4EVNF0M77",
		"No function of this host has the serial number S4EVNF0M77; for 1 function "
		"this could not be read.",
		"'vfioadm show' prints the serial numbers of a function; that of an NVMe drive "
		"is known only while its host driver is bound.");
}

static void test_things_of_the_host(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();
	struct selector node;

	assert_not_found(
		inv, "eth9", "No function of this host carries a network interface \"eth9\".",
		"There is eth0 (0000:02:00.0), eth1 (0000:02:00.1) and eth1d1 (0000:02:00.1).");
	inventory_get(inv, "10000:01:00.0")->block = build_list(inv, "nvme0n1,nvme0n2");
	assert_not_found(inv, "nvme0n2",
			 "No function of this host carries a network interface \"nvme0n2\".",
			 "Did you mean the disk /dev/nvme0n2?");
	/* Only the host can follow a node; flow makes an address of it. */
	assert_int_equal(selector_parse("/dev/nvme0", &node, NULL), 0);
	for (size_t i = 0; i < inv->n_functions; i++)
		assert_false(selector_match(&node, &inv->functions[i]));
	assert_not_found(inv, "/dev/nvme0", "No function of this host carries \"/dev/nvme0\".",
			 LIST_ALL);
	for (size_t i = 0; i < inv->n_functions; i++)
		inv->functions[i].net = (struct vfioadm_list){0};
	inv->facts.root = uint_known(0);
	assert_not_found(
		inv, "eth0",
		"No function of this host carries a network interface \"eth0\"; for 8 functions "
		"this could not be read.",
		"Run it again as root, who can read more.");
}

static void test_selection(void **state)
{
	static const size_t added[] = {5, 1, 9, 5, 0, 1, 7, 9}, sorted[] = {0, 1, 5, 7, 9};
	_cleanup_selection_ struct selection s = {0};

	assert_false(selection_has(&s, 0));
	for (size_t i = 0; i < ARRAY_SIZE(added); i++)
		assert_int_equal(selection_add(&s, added[i]), 0);
	assert_int_equal(s.n, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.items[i], sorted[i]);
	for (size_t i = 0; i < 12; i++) {
		bool in = i == 0 || i == 1 || i == 5 || i == 7 || i == 9;

		assert_int_equal(selection_has(&s, i), in);
	}
	selection_clear(&s);
	assert_int_equal(s.n, 0);
	assert_null(s.items);
}

static void test_add_groups(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = pc();
	_cleanup_selection_ struct selection s = {0};

	assert_int_equal(selection_add_groups(&s, inv), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(selection_add(&s, (size_t)inventory_index(inv, "0000:03:00.0")), 0);
	assert_int_equal(selection_add_groups(&s, inv), 0);
	assert_names(inv, &s, "0000:03:00.0");
	assert_int_equal(selection_add(&s, (size_t)inventory_index(inv, "0000:01:00.1")), 0);
	assert_int_equal(selection_add(&s, (size_t)inventory_index(inv, "0000:02:00.1")), 0);
	assert_int_equal(selection_add_groups(&s, inv), 0);
	assert_names(inv, &s, "0000:01:00.0 0000:01:00.1 0000:02:00.0 0000:02:00.1 0000:03:00.0");
	/* A group that could not be read brings nobody along. */
	selection_clear(&s);
	inventory_get(inv, "0000:01:00.1")->companions.state = VFIOADM_UNKNOWN;
	assert_int_equal(selection_add(&s, (size_t)inventory_index(inv, "0000:01:00.1")), 0);
	assert_int_equal(selection_add_groups(&s, inv), 0);
	assert_names(inv, &s, "0000:01:00.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_nothing_asked),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_empty_socket),
		cmocka_unit_test(test_no_cardtype),
		cmocka_unit_test(test_no_zpci_number),
		cmocka_unit_test(test_no_identity),
		cmocka_unit_test(test_unknown_nvme_serial),
		cmocka_unit_test(test_things_of_the_host),
		cmocka_unit_test(test_selection),
		cmocka_unit_test(test_add_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
