/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The boot's early program on a model of a host that has just been switched on: no module loaded, no driver bound. */
#include <time.h>

#include "early_fixture.h"
#include "store/declared.h"

/* ---- claiming ---- */

static void test_twin(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-nvme.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_at(&b, TWIN1, "", "(null)");
	assert_int_equal(b.log.n, 1);
	assert_string_equal(b.log.items[0], "5 " TWIN0 " given to vfio-pci, as 10-nvme.conf says.");
	load_native(&b);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_at(&b, TWIN1, "nvme", "(null)");
}

static void note_order(struct host *h, void *userdata)
{
	/* Whoever comes with the module finds each override there. */
	assert_string_equal(override_of(h, TWIN0), "vfio-pci");
	assert_string_equal(override_of(h, TWIN1), "vfio-pci");
	*(bool *)userdata = true;
}

static void test_overrides_first(void **state)
{
	_cleanup_boot_ struct boot b;
	bool called = false;
	const struct fault at_load = { .kind = FAULT_CALL, .match = "load*", .call = note_order, .userdata = &called };

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN1);
	assert_int_equal(fake_fault(b.e.host, &at_load), 0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_true(called);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
}

/* Loading a module that is there attaches nothing. */
static void test_vfio_loaded(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	load_vfio(b.e.host);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
}

static void test_variant(void **state)
{
	_cleanup_boot_ struct boot b;
	_cleanup_strv_ struct strv modules = { 0 };

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" NIC "\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN0 "[Assign]\nDriver=vfio-pci\n");
	assert_int_equal(early_modules(&b.e, &modules), 0);
	assert_int_equal(modules.n, 2);
	assert_true(strv_has(&modules, "mlx5_vfio_pci") && strv_has(&modules, "vfio_pci"));
	strv_clear(&modules);
	/* What modprobe.d says of these is to be the same in the initramfs. */
	assert_int_equal(early_host_modules(&b.e, &modules), 0);
	assert_int_equal(modules.n, 2);
	assert_true(strv_has(&modules, "igb") && strv_has(&modules, "nvme"));
	assert_at(&b, NIC, "", "(null)");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, NIC, "mlx5_vfio_pci", "mlx5_vfio_pci");
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
}

static void test_types(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-type.conf", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(early_claim(&b.e), 0);
	/* By the ID, never by the override. */
	assert_at(&b, TWIN0, "vfio-pci", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "(null)");
	assert_at(&b, NIC, "", "(null)");
	assert_says(&b, TWIN1 " given to vfio-pci, as 10-type.conf says");
}

/* A card that is plugged in later goes to the driver that was registered first. */
static void test_type_of_later_card(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-type.conf", "[Match]\nCardType=8086:10d3\n");
	tmp_file(*state, "etc/vfioadm.d/20-none.conf", "[Match]\nCardType=8086:9999\n");
	(void)early_claim(&b.e);
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/new_id", "8086 9999"), -EEXIST);
}

static void test_specific_before_type(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-type.conf", "[Match]\nCardType=8086:10c9\n");
	tmp_file(*state, "etc/vfioadm.d/20-nic.conf", "[Match]\nPath=pci-" NIC "\n[Assign]\nDriver=mlx5_vfio_pci\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, NIC, "mlx5_vfio_pci", "mlx5_vfio_pci");
}

/* The driver takes all that is free with the ID, also what is not to be its. */
static void test_type_of_what_is_declared_otherwise(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-type.conf", "[Match]\nCardType=8086:10c9\n");
	tmp_file(*state, "etc/vfioadm.d/20-nic.conf", "[Match]\nPath=pci-" NIC "\n[SR-IOV]\nVFs=2\n");
	tmp_file(*state, "etc/vfioadm.d/30-disks.conf", "[Match]\nCardType=1b36:0010\n");
	tmp_file(*state, "etc/vfioadm.d/40-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/50-b.conf", "[Match]\nAddress=" TWIN0 "\n");
	(void)early_claim(&b.e);
	assert_at(&b, NIC, "", "(null)");
	assert_at(&b, TWIN0, "", "(null)");
	assert_says(&b, "8086:10c9 is not given to vfio-pci yet, as 20-nic.conf says otherwise of " NIC);
	assert_says(&b, "1b36:0010 is not given to vfio-pci yet, as 40-a.conf says otherwise of " TWIN0);
}

static void test_whole_group(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" SWITCH "\n[Assign]\nIommuGroup=whole\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, SWITCH, "vfio-pci", "vfio-pci");
	assert_at(&b, GROUPED, "vfio-pci", "vfio-pci");
	assert_says(&b, GROUPED " given to vfio-pci, as 10-a.conf says, with the group");
}

#define NEIGHBOUR "0000:09:00.0"

/* A group that VFIO and the host share is of use to nobody. */
static void test_split_group(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST("") FUNCTION("", NEIGHBOUR, "8086", "10c9", "020000",
						GROUP("2", NEIGHBOUR, NEIGHBOUR), ""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nAddress=" MULTI1 "\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN1);
	/* No module is for the other one of its group. */
	tmp_file(*state, "etc/vfioadm.d/30-c.conf", "[Match]\nAddress=" SWITCH "\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, MULTI1, "", "(null)");
	assert_at(&b, TWIN1, "", "(null)");
	assert_says(&b, MULTI1 " shares its IOMMU group with " BUILT_IN ", which stays with the host");
	assert_says(&b, TWIN1 " shares its IOMMU group with " NEIGHBOUR ", which stays with the host");
	assert_at(&b, SWITCH, "vfio-pci", "vfio-pci");
	tmp_file(*state, "etc/vfioadm.d/40-d.conf", "[Match]\nAddress=" NEIGHBOUR "\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, MULTI1, "", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	assert_at(&b, NEIGHBOUR, "mlx5_vfio_pci", "mlx5_vfio_pci");
}

static void test_moved(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0 "[LastSeen]\nAddress=0000:09:00.0\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_says(&b, "it was declared at 0000:09:00.0");
}

/* ---- leaving alone ---- */

static void test_other_card(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" TWIN1 "\nVendor=8086\nDevice=1572\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN1, "", "(null)");
	assert_says(&b, "4 10-a.conf: in its place is another card");
	assert_int_equal(fake_operations(b.e.host), 0);
}

static void test_built_in(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" BUILT_IN "\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, BUILT_IN, "virtio-pci", "(null)");
	assert_says(&b, "5 " BUILT_IN " is on virtio-pci already");
}

/* Noted for vfioadm-apply.service, once: who binds it there later may want that. */
static void test_built_in_of_a_type(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nCardType=1af4:1041\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", "[Match]\nPath=pci-" PORT "/00.0\n");
	b.e.initramfs = true;
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(late_is_set(b.run_dir, BUILT_IN));
	b.e.initramfs = false;
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, BUILT_IN, "virtio-pci", "(null)");
	assert_true(late_is_set(b.run_dir, BUILT_IN));
	assert_false(late_is_set(b.run_dir, TWIN0));
	assert_int_equal(late_drop(b.run_dir, BUILT_IN), 0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(late_is_set(b.run_dir, BUILT_IN));
}

/* What its own declaration says of it is not its type's to do, and a driver that was named is wanted. */
static void test_not_late(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" BUILT_IN "\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", "[Match]\nCardType=1af4:1041\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(late_is_set(b.run_dir, BUILT_IN));

	tmp_remove(*state, "etc/vfioadm.d/10-a.conf");
	tmp_remove(*state, "run/vfioadm/early-host");
	assert_int_equal(put(b.e.host, "devices/" BUILT_IN "/driver_override", "virtio-pci"), 0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(late_is_set(b.run_dir, BUILT_IN));
}

/* By pci-stub.ids= on the kernel command line: somebody wants it kept from all drivers. */
static void test_set_aside(void **state)
{
	_cleanup_strbuf_ struct strbuf host = { 0 };
	_cleanup_boot_ struct boot b;
	const char *rest = HOST("");

	for (const char *at; (at = strstr(rest, "virtio-pci")); rest = at + strlen("virtio-pci"))
		strbuf_addf(&host, "%.*spci-stub", (int)(at - rest), rest);
	strbuf_addf(&host, "%s", rest);
	assert_false(host.failed);
	switch_on(&b, *state, host.s);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nCardType=1af4:1041\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, BUILT_IN, "pci-stub", "(null)");
	assert_false(late_is_set(b.run_dir, BUILT_IN));
	assert_says(&b, BUILT_IN " is on pci-stub already, which is built in or was loaded before.");
}

static void test_hold(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_dir(*state, "run/vfioadm");
	assert_int_equal(hold_set(b.run_dir, TWIN0), 0);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN0, "", "(null)");
	assert_says(&b, TWIN0 " was released by hand");
}

static void test_two_declarations(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", "[Match]\nAddress=" TWIN0 "\n");
	tmp_file(*state, "etc/vfioadm.d/30-c.conf", PATH_OF_TWIN1);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	assert_says(&b, TWIN0 " is declared by both 10-a.conf and 20-b.conf");
}

#define ONE_OF_GROUP(address) "[Match]\nPath=pci-" address "\n[Assign]\nIommuGroup=whole\n"

static void test_two_owners_of_a_node(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", ONE_OF_GROUP(SWITCH) "[Node]\nUser=qemu\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", ONE_OF_GROUP(GROUPED) "[Node]\nUser=dpdk\n");
	tmp_file(*state, "etc/vfioadm.d/30-c.conf", PATH_OF_TWIN1 "[Node]\nUser=dpdk\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, SWITCH, "", "(null)");
	assert_at(&b, GROUPED, "", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	assert_says(&b, SWITCH ": its IOMMU group's node gets one owner from 20-b.conf and another from 10-a.conf");
	assert_says(&b, GROUPED ": its IOMMU group's node gets one owner from 10-a.conf and another from 20-b.conf");
}

static void test_override_of_others(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	assert_int_equal(put(b.e.host, "devices/" TWIN0 "/driver_override", "none"), 0);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "", "none");
	assert_says(&b, "another program has set its driver_override to none");
}

static void test_physical_function(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" NIC "\n[SR-IOV]\nVFs=4\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, NIC, "", "(null)");
	assert_int_equal(fake_operations(b.e.host), 0);
}

static void test_broken_file(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPaht=pci-" TWIN1 "\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_says(&b, "10-a.conf:2");
	assert_says(&b, "The file is not used.");
}

static void test_missing(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-0000:00:1f.0/00.0\nVendor=dead\nDevice=beef\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_says(&b, "5 10-a.conf: no such device is present (yet).");
}

static void test_disabled(void **state)
{
	static const char *const off[] = { HOST(" vfioadm.disable=1"), HOST(" vfioadm.disable"),
					   HOST(" vfioadm.disable=1 ro"), HOST(" vfioadm.disable=0 vfioadm.disable=1"),
					   HOST("") "d proc\nf vmcore x\n" };
	static const char *const on[] = { HOST(" vfioadm.disable=0"), HOST(" vfioadm.disabled=1"),
					  HOST(" xvfioadm.disable=1"), HOST(" vfioadm.disable=1 vfioadm.disable=0") };

	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		_cleanup_boot_ struct boot b;

		switch_on(&b, *state, off[i]);
		assert_false(early_enabled(&b.e));
		assert_int_equal(early_claim(&b.e), 0);
		assert_at(&b, TWIN0, "", "(null)");
		assert_int_equal(fake_operations(b.e.host), 0);
		assert_says(&b, "nothing is claimed");
	}
	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		_cleanup_boot_ struct boot b;

		switch_on(&b, *state, on[i]);
		assert_true(early_enabled(&b.e));
		assert_int_equal(early_claim(&b.e), 0);
		assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	}
}

/* ---- failing ---- */

static void test_no_module(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	control(b.e.host, "module vfio_pci absent");
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 1);
	load_native(&b);
	assert_at(&b, TWIN0, "nvme", "(null)");
}

static void test_load_fails(void **state)
{
	static const struct fault fails = { .kind = FAULT_FAIL, .match = "load*", .error = ENOEXEC };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN1);
	assert_int_equal(fake_fault(b.e.host, &fails), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "", "(null)");
	assert_at(&b, TWIN1, "", "(null)");
	assert_says(&b, TWIN0 ": the driver vfio-pci cannot be loaded: Exec format error.");
	load_native(&b);
	assert_at(&b, TWIN1, "nvme", "(null)");
}

/* What the driver refuses stays a device of the host. */
static void test_bind_fails(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nPath=pci-" BARE "\n");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, BARE, "", "(null)");
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_says(&b, BARE " could not be given to vfio-pci, as 10-a.conf says: the driver refused it");
}

/* A write that says it was done proves nothing. */
static void test_lie(void **state)
{
	static const struct fault lie = { .kind = FAULT_LIE, .match = "write*bind*" };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	load_vfio(b.e.host);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(fake_fault(b.e.host, &lie), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "", "(null)");
	assert_says(&b, TWIN0 " could not be given to vfio-pci");
}

static void native_comes(struct host *h, void *userdata)
{
	assert_int_equal(fake_write_aside(h, "sys/bus/pci/devices/" TWIN0 "/driver_override", "\n"), 0);
	assert_int_equal(fake_modprobe(h, "nvme", NULL), 0);
}

static void test_native_first(void **state)
{
	static const struct fault comes = { .kind = FAULT_CALL, .match = "load*", .call = native_comes };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(fake_fault(b.e.host, &comes), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_says(&b, TWIN0 ": nvme was first to have it");
}

/* Nothing but a note brings vfioadm-apply.service to a function whose type alone is declared. */
static void test_native_first_of_a_type(void **state)
{
	static const struct fault comes = { .kind = FAULT_CALL, .match = "load*", .call = native_comes };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(fake_fault(b.e.host, &comes), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_says(&b, TWIN0 ": nvme was first to have it; vfioadm-apply.service will look at it.");
	assert_true(late_is_set(b.run_dir, TWIN0));
}

/* Its probe holds the lock that both our write and a look at the override wait for. */
static void test_native_is_at_work(void **state)
{
	static const struct fault comes = { .kind = FAULT_CALL, .match = "load*", .call = native_comes };
	static const struct fault hangs = { .kind = FAULT_HANG, .match = "read*" TWIN0 "/driver_override",
					    .resume_after = -1 };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(fake_fault(b.e.host, &comes), 0);
	assert_int_equal(fake_fault(b.e.host, &hangs), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_says(&b, TWIN0 ": nvme was first to have it; vfioadm-apply.service will look at it.");
	assert_true(late_is_set(b.run_dir, TWIN0));
}

static void takes_long(struct host *h, void *userdata)
{
	static const struct timespec long_time = { .tv_nsec = 600000000 };

	nanosleep(&long_time, NULL);
}

/* What is put back is so also when there is no time left for anything else. */
static void test_no_time_left(void **state)
{
	static const struct fault slow = { .kind = FAULT_CALL, .nth = 1, .match = "write*driver_override*",
					   .call = takes_long };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	b.e.total_ms = 500;
	assert_int_equal(fake_fault(b.e.host, &slow), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_says(&b, TWIN0 ": the driver vfio-pci cannot be loaded: Timer expired.");
	assert_at(&b, TWIN0, "", "(null)");
}

static void test_load_hangs(void **state)
{
	static const struct fault hangs = { .kind = FAULT_HANG, .match = "load*", .resume_after = -1 };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(fake_fault(b.e.host, &hangs), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_says(&b, TWIN0 ": the driver vfio-pci is still being loaded");
	/* It was only slow, and finds what it is to have. */
	control(b.e.host, "resume");
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
}

static void test_no_iommu(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, FUNCTION("", TWIN1, "1b36", "0010", "010802", "", "") "d sys/class/iommu\nd proc\n"
									       "f cmdline x\n" MODULES);
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN1);
	assert_true(early_claim(&b.e) < 0);
	assert_at(&b, TWIN1, "", "(null)");
	assert_int_equal(fake_operations(b.e.host), 0);
	assert_says(&b, "no active IOMMU");
}

/* ---- twice, and back ---- */

/* The initramfs was here: in the host there is nothing left to do or to say. */
static void test_twice(void **state)
{
	_cleanup_boot_ struct boot b;
	unsigned operations;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 0);
	strv_clear(&b.log);
	operations = fake_operations(b.e.host);
	assert_int_equal(early_claim(&b.e), 0);
	assert_int_equal(b.log.n, 0);
	assert_int_equal(fake_operations(b.e.host), operations);
	assert_int_equal(early_give_back(&b.e), 0);
	assert_at(&b, TWIN0, "nvme", "(null)");
}

static void test_give_back(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-nic.conf", "[Match]\nCardType=8086:10c9\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, NIC, "vfio-pci", "(null)");
	strv_clear(&b.log);
	/* udev has loaded what it found aliases for; vfio-pci was registered before, and would be asked first. */
	load_native(&b);
	assert_int_equal(early_give_back(&b.e), 0);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_at(&b, NIC, "igb", "(null)");
	assert_says(&b, "5 " TWIN0 " given back to nvme, since the root file system does not appear.");
	/* Once is enough. */
	strv_clear(&b.log);
	assert_int_equal(early_give_back(&b.e), 0);
	assert_int_equal(b.log.n, 0);
}

/* Whatever somebody else has on VFIO is none of ours to give back. */
static void test_give_back_of_others(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	load_vfio(b.e.host);
	assert_int_equal(put(b.e.host, "devices/" TWIN1 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/bind", TWIN1), 0);
	assert_int_equal(early_give_back(&b.e), 0);
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b.e), 0);
	assert_int_equal(early_give_back(&b.e), 0);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
}

static void test_give_back_stuck(void **state)
{
	static const struct fault hangs = { .kind = FAULT_HANG, .match = "write*unbind*" TWIN0, .resume_after = -1 };
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", PATH_OF_TWIN1);
	assert_int_equal(early_claim(&b.e), 0);
	assert_int_equal(fake_fault(b.e.host, &hangs), 0);
	assert_int_equal(early_give_back(&b.e), 1);
	/* One that hangs keeps the others from nothing. */
	assert_at(&b, TWIN1, "nvme", "(null)");
}

/* ---- an initramfs that is older than the files ---- */

#define A        "etc/vfioadm.d/10-a.conf"
#define B        "etc/vfioadm.d/20-b.conf"
#define NIC_TYPE "etc/vfioadm.d/30-nic.conf"

static void claim_in_initramfs(struct boot *b)
{
	tmp_file(b->t, A, PATH_OF_TWIN0);
	tmp_file(b->t, B, PATH_OF_TWIN1);
	tmp_file(b->t, NIC_TYPE, "[Match]\nCardType=8086:10c9\n");
	b->e.initramfs = true;
	assert_int_equal(early_claim(&b->e), 0);
	assert_at(b, TWIN0, "vfio-pci", "vfio-pci");
	assert_at(b, TWIN1, "vfio-pci", "vfio-pci");
	assert_at(b, NIC, "vfio-pci", "(null)");
	/* udev has loaded what it found aliases for. */
	load_native(b);
	strv_clear(&b->log);
	b->e.initramfs = false;
}

static void test_undeclared(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	claim_in_initramfs(&b);
	tmp_remove(*state, A);
	tmp_remove(*state, NIC_TYPE);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	assert_at(&b, NIC, "igb", "(null)");
	assert_says(&b, "4 " TWIN0 " was claimed by an initramfs that is older than the declarations; rebuild it.");
	assert_says(&b, "5 " TWIN0 " given back to nvme, since it is not declared any more.");
	assert_false(says(&b, TWIN1));
	/* Once in a boot: what a person assigns later is none of that. */
	assert_int_equal(put(b.e.host, "devices/" TWIN0 "/driver_override", "vfio-pci"), 0);
	assert_int_equal(put(b.e.host, "drivers/nvme/unbind", TWIN0), 0);
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/bind", TWIN0), 0);
	strv_clear(&b.log);
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_int_equal(b.log.n, 0);
}

static void test_none_declared_any_more(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	claim_in_initramfs(&b);
	tmp_remove(*state, A);
	tmp_remove(*state, B);
	tmp_remove(*state, NIC_TYPE);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "nvme", "(null)");
	assert_at(&b, TWIN1, "nvme", "(null)");
	assert_at(&b, NIC, "igb", "(null)");
}

/* Nobody knows what it said. */
static void test_undeclared_or_unreadable(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST(""));
	claim_in_initramfs(&b);
	tmp_file(*state, A, "[Match\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_says(&b, "The file is not used.");
	assert_false(says(&b, TWIN0));
}

/* ---- nodes ---- */

static char *node_rules(struct tmp_tree *t)
{
	_cleanup_free_ char *path = str_format("%s/run/udev/rules.d/61-vfioadm-nodes.rules", t->dir);
	char *text = calloc(1, 4096);
	FILE *f = fopen(path, "re");

	assert_non_null(text);
	if (f) {
		assert_true(fread(text, 1, 4095, f) > 0);
		fclose(f);
	}
	return text;
}

static void test_nodes(void **state)
{
	_cleanup_boot_ struct boot b;
	_cleanup_free_ char *before = NULL, *after = NULL;

	switch_on(&b, *state, HOST(""));
	tmp_dir(*state, "run/udev");
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN0 "[Node]\nUser=qemu\nGroup=kvm\n");
	b.e.initramfs = true;
	assert_int_equal(early_claim(&b.e), 0);
	/* An initramfs does not know its users. */
	before = node_rules(*state);
	assert_string_equal(before, "");
	b.e.initramfs = false;
	assert_int_equal(early_claim(&b.e), 0);
	after = node_rules(*state);
	assert_non_null(strstr(after, "iommu_groups/%k/devices/" TWIN0 "\""));
	assert_non_null(strstr(after, "ENV{VFIOADM_OWNER}=\"qemu\", ENV{VFIOADM_GROUP}=\"kvm\""));
}

/* What cannot be claimed keeps its group for the host, also where it is declared. */
static void test_mate_cannot_be_claimed(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST("") FUNCTION("", NEIGHBOUR, "8086", "10c9", "020000",
						GROUP("2", NEIGHBOUR, NEIGHBOUR), ""));
	tmp_file(*state, "etc/vfioadm.d/10-a.conf", PATH_OF_TWIN1);
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", "[Match]\nAddress=" NEIGHBOUR "\n[Assign]\nDriver=nvgrace_gpu_vfio_pci\n");
	assert_int_equal(early_claim(&b.e), 1);
	assert_says(&b, NEIGHBOUR ": there is no nvgrace_gpu_vfio_pci driver here");
	assert_says(&b, TWIN1 " shares its IOMMU group with " NEIGHBOUR ", which stays with the host; it is not touched");
	assert_at(&b, TWIN1, "", "(null)");
	assert_at(&b, NEIGHBOUR, "", "(null)");
	tmp_file(*state, "etc/vfioadm.d/20-b.conf", "[Match]\nAddress=" NEIGHBOUR "\n");
	assert_int_equal(fake_write_aside(b.e.host, "sys/bus/pci/devices/" NEIGHBOUR "/driver_override", "other"), 0);
	assert_int_equal(early_claim(&b.e), 1);
	assert_at(&b, TWIN1, "", "(null)");
	assert_at(&b, NEIGHBOUR, "", "other");
	assert_int_equal(fake_write_aside(b.e.host, "sys/bus/pci/devices/" NEIGHBOUR "/driver_override", "\n"), 0);
	(void)!early_claim(&b.e);
	assert_at(&b, TWIN1, "vfio-pci", "vfio-pci");
	assert_at(&b, NEIGHBOUR, "mlx5_vfio_pci", "mlx5_vfio_pci");
}

#define EARLY(fn) cmocka_unit_test_setup_teardown(fn, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EARLY(test_mate_cannot_be_claimed),
		EARLY(test_twin),
		EARLY(test_overrides_first),
		EARLY(test_vfio_loaded),
		EARLY(test_variant),
		EARLY(test_types),
		EARLY(test_type_of_later_card),
		EARLY(test_specific_before_type),
		EARLY(test_type_of_what_is_declared_otherwise),
		EARLY(test_whole_group),
		EARLY(test_split_group),
		EARLY(test_moved),
		EARLY(test_other_card),
		EARLY(test_built_in),
		EARLY(test_built_in_of_a_type),
		EARLY(test_not_late),
		EARLY(test_set_aside),
		EARLY(test_hold),
		EARLY(test_two_declarations),
		EARLY(test_two_owners_of_a_node),
		EARLY(test_override_of_others),
		EARLY(test_physical_function),
		EARLY(test_broken_file),
		EARLY(test_missing),
		EARLY(test_disabled),
		EARLY(test_no_module),
		EARLY(test_load_fails),
		EARLY(test_bind_fails),
		EARLY(test_lie),
		EARLY(test_native_first),
		EARLY(test_native_first_of_a_type),
		EARLY(test_native_is_at_work),
		EARLY(test_no_time_left),
		EARLY(test_load_hangs),
		EARLY(test_no_iommu),
		EARLY(test_twice),
		EARLY(test_give_back),
		EARLY(test_give_back_of_others),
		EARLY(test_give_back_stuck),
		EARLY(test_undeclared),
		EARLY(test_none_declared_any_more),
		EARLY(test_undeclared_or_unreadable),
		EARLY(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
