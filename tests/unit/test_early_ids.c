/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Card types that vfio-pci is configured with, when the boot's early program loads it for what is declared. */
#include "early_fixture.h"
#include "store/declared.h"

#define IDS(line) "d etc/modprobe.d\nt vfio.conf\n\t" line "\n"
#define NVME_IDS  IDS("options vfio-pci ids=1b36:0010")

static void claim(struct boot *b, struct tmp_tree *t, const char *host, bool initramfs)
{
	switch_on(b, t, host);
	b->e.initramfs = initramfs;
	tmp_file(t, "etc/vfioadm.d/10-nvme.conf", PATH_OF_TWIN0);
	assert_int_equal(early_claim(&b->e), 0);
	assert_at(b, TWIN0, "vfio-pci", "vfio-pci");
}

/* Nothing else would load vfio-pci: the other disk of this type may be the root file system's. */
static void test_left_out(void **state)
{
	static const char *const hosts[] = {
		HOST("") NVME_IDS,
		HOST("") IDS("options vfio_pci disable_vga=1 ids=1b36:0010"),
		HOST("") IDS("options vfio-pci ids=\"1b36:0010, 1b36:0010:1af4:1100\""),
		HOST("") IDS("options vfio-pci ids=1b36:ffffffff:ffffffff:ffffffff:010802:ffffff"),
		HOST(" vfio-pci.ids=1b36:0010"),
		HOST(" vfio_pci.ids=1b36:0010") IDS("options vfio-pci ids=8086:10c9"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		for (int initramfs = 0; initramfs < 2; initramfs++) {
			_cleanup_boot_ struct boot b;

			claim(&b, *state, hosts[i], initramfs);
			assert_at(&b, TWIN1, "", "(null)");
			assert_says(&b, "5 vfio-pci is loaded without the card type 1b36:");
			assert_says(&b, "it would take " TWIN1 ", which is not declared");
			load_native(&b);
			assert_at(&b, TWIN1, "nvme", "(null)");
		}
}

/* The host loads vfio-pci at boot whether or not anything is declared: then its types are its wish. */
static void test_host_loads_it(void **state)
{
	static const struct {
		const char *host;
		bool in_initramfs, in_host;
	} t[] = {
		{ HOST("") NVME_IDS "d etc\nt modules\n\t# comment\n\tloop\n\tvfio-pci\n", false, true },
		{ HOST("") NVME_IDS "d etc/modules-load.d\nf vfio.conf vfio_pci\n", true, true },
		{ HOST("") NVME_IDS "d usr/lib/modules-load.d\nf vfio.conf vfio-pci\n", true, true },
		{ HOST("") NVME_IDS "d usr/lib/modules-load.d\nf vfio.conf.old vfio-pci\n", false, false },
		{ HOST("") NVME_IDS "d etc/modules-load.d\nf vfio.conf #vfio_pci\n", false, false },
		{ HOST("") IDS("options vfio-pci ids=1b36:0010\n\tblacklist vfio-pci")
			  "d etc/modules-load.d\nf vfio.conf vfio_pci\n", false, false },
		{ HOST("") NVME_IDS "d conf\nf modules vfio_pci ids=1b36:0010\n", true, false },
		{ HOST("") NVME_IDS "d etc/cmdline.d\nf 20-force_driver.conf rd.driver.pre=vfio-pci,vfio\n", true, false },
		{ HOST("") NVME_IDS "d .\nf config MODULES=\"vfio vfio_pci\"\n", true, false },
		{ HOST(" rd.driver.pre=vfio-pci") NVME_IDS, true, false },
		{ HOST(" modules-load=loop,vfio-pci") NVME_IDS, true, true },
		{ HOST(" rd.modules-load=vfio-pci") NVME_IDS, true, false },
		{ HOST("") IDS("options vfio-pci ids=1b36:0010\n\tsoftdep nvme pre: vfio-pci"), true, true },
		{ HOST("") IDS("options vfio-pci ids=1b36:0010\n\tsoftdep nouveau pre: vfio-pci"), false, false },
		{ HOST("") IDS("options vfio-pci ids=1b36:0010\n\tsoftdep vfio-pci post: nvme"), false, false },
		{ HOST("") IDS("options vfio-pci ids=1b36:0010\n\t"
			       "install nvme /sbin/modprobe vfio-pci; /sbin/modprobe -i nvme"), true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		for (int initramfs = 0; initramfs < 2; initramfs++) {
			bool kept = initramfs ? t[i].in_initramfs : t[i].in_host;
			_cleanup_boot_ struct boot b;

			claim(&b, *state, t[i].host, initramfs);
			if (says(&b, "is loaded without") == kept)
				fail_msg("host %zu, %s", i, initramfs ? "initramfs" : "host");
			assert_at(&b, TWIN1, kept ? "vfio-pci" : "", "(null)");
		}
}

/* What takes nothing, or nothing but what is declared, stays in the driver's list. */
static void test_kept(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST("") IDS("options vfio-pci ids=1b36:0010,8086:10c9,10de:1234"));
	tmp_file(*state, "etc/vfioadm.d/10-nvme.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-nic.conf", "[Match]\nAddress=" NIC "\n[Assign]\nDriver=vfio-pci\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_at(&b, TWIN1, "", "(null)");
	assert_at(&b, NIC, "vfio-pci", "vfio-pci");
	assert_false(says(&b, "8086:10c9"));
	assert_false(says(&b, "10de:1234"));
	/* It has them: EEXIST. */
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/new_id", "10de 1234"), -EEXIST);
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/new_id", "8086 10c9"), -EEXIST);
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/new_id", "1b36 0010"), 0);
}

static void test_all_declared(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST("") NVME_IDS);
	tmp_file(*state, "etc/vfioadm.d/10-nvme.conf", "[Match]\nCardType=1b36:0010\n");
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(says(&b, "is loaded without"));
	assert_at(&b, TWIN0, "vfio-pci", "(null)");
	assert_at(&b, TWIN1, "vfio-pci", "(null)");
}

/* Released by hand, so it is not touched by way of its type either. */
static void test_held(void **state)
{
	_cleanup_boot_ struct boot b;

	switch_on(&b, *state, HOST("") NVME_IDS);
	tmp_file(*state, "etc/vfioadm.d/10-nvme.conf", PATH_OF_TWIN0);
	tmp_file(*state, "etc/vfioadm.d/20-nvme.conf", PATH_OF_TWIN1);
	assert_int_equal(hold_set(b.run_dir, TWIN1), 0);
	(void)!early_claim(&b.e);
	assert_at(&b, TWIN0, "vfio-pci", "vfio-pci");
	assert_at(&b, TWIN1, "", "(null)");
}

/* The initramfs does not load vfio-pci, the host does: that cannot load it a second time, so it gets its types now. */
static void test_host_loads_it_later(void **state)
{
	for (int native_first = 0; native_first < 2; native_first++) {
		_cleanup_boot_ struct boot b;

		claim(&b, *state, HOST("") NVME_IDS "d etc\nf modules vfio-pci\n", true);
		assert_at(&b, TWIN1, "", "(null)");
		/* As with modprobe: who has a driver by then keeps it. */
		if (native_first)
			load_native(&b);
		b.e.initramfs = false;
		assert_int_equal(early_claim(&b.e), 0);
		assert_says(&b, "5 vfio-pci has card type 1b36:0010 now, as /etc/modprobe.d/vfio.conf:1 says.");
		assert_at(&b, TWIN1, native_first ? "nvme" : "vfio-pci", "(null)");
		/* Once: what was moved by hand since stays. */
		if (!native_first) {
			assert_int_equal(put(b.e.host, "drivers/vfio-pci/unbind", TWIN1), 0);
			assert_int_equal(put(b.e.host, "drivers/vfio-pci/remove_id", "1b36 0010"), 0);
			assert_int_equal(early_claim(&b.e), 0);
			assert_at(&b, TWIN1, "", "(null)");
		}
	}
}

static void test_host_does_not_load_it_either(void **state)
{
	_cleanup_boot_ struct boot b;

	claim(&b, *state, HOST("") NVME_IDS, true);
	b.e.initramfs = false;
	assert_int_equal(early_claim(&b.e), 0);
	assert_false(says(&b, "has card type"));
	assert_at(&b, TWIN1, "", "(null)");
	assert_int_equal(put(b.e.host, "drivers/vfio-pci/new_id", "1b36 0010"), 0);
}

#define EARLY(fn) cmocka_unit_test_setup_teardown(fn, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EARLY(test_left_out),
		EARLY(test_host_loads_it),
		EARLY(test_kept),
		EARLY(test_all_declared),
		EARLY(test_held),
		EARLY(test_host_loads_it_later),
		EARLY(test_host_does_not_load_it_either),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
