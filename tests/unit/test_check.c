/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_request.h"

static void test_facets(void **state)
{
	const unsigned users = VFIOADM_FACET_USERS;

	assert_int_equal(check_facets(VERB_ASSIGN), VFIOADM_FACET_BASIC | VFIOADM_FACET_DETAIL |
							    VFIOADM_FACET_DRIVERS | users);
	assert_int_equal(check_facets(VERB_RELEASE),
			 VFIOADM_FACET_BASIC | VFIOADM_FACET_DETAIL | users);
	assert_int_equal(check_facets(VERB_ENABLE), VFIOADM_FACET_BASIC | VFIOADM_FACET_DETAIL |
							    VFIOADM_FACET_DRIVERS | users);
	assert_int_equal(check_facets(VERB_DISABLE), VFIOADM_FACET_BASIC);
}

static void test_nothing_speaks_against_it(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");

	assert_check(inv, &assign, "");
	assert_check(inv, &enable, "");
	assert_check(inv, &release, "");
}

static void test_bridge(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x060400, "pcieport");

	assert_check(
		inv, &assign_refused,
		"blocks bridge 0000:01:00.0\n"
		"  0000:01:00.0 is a bridge (class 060400), and VFIO takes no bridges.\n"
		"  -> Assign the functions behind it; bridges of a group stay with the host.\n");
	/* Only what is to be assigned can be refused for what it is. */
	assert_check(inv, &release, "");
}

static void test_no_group(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	static const char none[] =
		"blocks no-group 0000:01:00.0\n"
		"  0000:01:00.0 has no IOMMU group: the IOMMU of this host does not cover it, so "
		"it "
		"cannot be given to a virtual machine.\n"
		"  -> Move the card to a slot behind the IOMMU, or look for \"bypass\" in the "
		"firmware's set-up.\n";

	inv->functions[0].iommu_group = uint_none();
	assert_check(inv, &assign_refused, none);
	assert_check(inv, &enable_refused, none);
	assert_check(inv, &release, "");
	/* Nothing can be forced here. */
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.0", "no-group", true}, none);
	/* arm64 before 6.15: it comes with the first bind. */
	inv->functions[0].iommu_group = (struct vfioadm_uint){0};
	assert_check(
		inv, &assign,
		"warns group-unknown 0000:01:00.0\n"
		"  The IOMMU group of 0000:01:00.0 is not known yet; the kernel may make it when a "
		"driver is bound.\n");
	/* Without any IOMMU it is the host that is not ready. */
	inv->functions[0].iommu_group = uint_none();
	inv->facts.iommu = uint_known(0);
	assert_check(inv, &assign, "");
}

static void test_reserved(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");

	inv->functions[0].reserved_regions =
		build_list(inv, "0xfee00000 0xfeefffff msi,0x0 0xffff direct-relaxable");
	assert_check(inv, &assign, "");
	inv->functions[0].reserved_regions = build_list(
		inv, "0xfee00000 0xfeefffff msi,0xa000 0xbfff direct,0xc000 0xdfff direct");
	assert_check(
		inv, &assign_refused,
		"blocks reserved-region 0000:01:00.0\n"
		"  The firmware reserves memory for 0000:01:00.0 that the host must map for it "
		"(reserved region \"0xa000 0xbfff direct\"), so it cannot be given to a virtual "
		"machine.\n"
		"  -> Look for a firmware setting that drops the reservation (RMRR, \"shared "
		"memory\" or system management features of the card).\n");
	inv->functions[0].reserved_regions = build_list(inv, "direct");
	assert_check(inv, &assign, "");
}

static void test_vfs(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "mlx5_core");

	static struct vfioadm_user users[] = {
		{.what = "0000:01:00.2", .why = "is its virtual function", .code = "in-use-vf"}};

	inv->functions[0].virtfns = build_list(inv, "0000:01:00.2");
	/* Said once, and with the way out. */
	inv->functions[0].users = build_users(inv, users, 1);
	inv->functions[0].n_users = 1;
	assert_check(inv, &assign_refused,
		     "blocks has-vfs 0000:01:00.0\n"
		     "  0000:01:00.0 has 1 virtual function enabled (0000:01:00.2), and vfio-pci "
		     "takes no "
		     "physical function that has.\n"
		     "  -> Assign the virtual functions instead, or remove them: echo 0 > "
		     "/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\n");
	inv->functions[0].virtfns = build_list(inv, "0000:01:00.2,0000:01:00.3");
	assert_check(inv, &enable_refused,
		     "blocks has-vfs 0000:01:00.0\n"
		     "  0000:01:00.0 has 2 virtual functions enabled (0000:01:00.2, …), and "
		     "vfio-pci takes "
		     "no physical function that has.\n"
		     "  -> Assign the virtual functions instead, or remove them: echo 0 > "
		     "/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\n");
}

/* vfio-pci removes the virtual functions of what it lets go, whoever has them. */
static void test_vfs_of_assigned(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "vfio-pci");
	static const char refused[] =
		"blocks has-vfs 0000:01:00.0\n"
		"  0000:01:00.0 has 1 virtual function enabled (0000:01:00.2), and they go when its "
		"driver does.\n"
		"  -> Remove them first: echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\n";
	struct request other_driver = assign_refused;

	inv->functions[0].virtfns = build_list(inv, "0000:01:00.2");
	assert_check(inv, &assign, "");
	assert_check(inv, &release_refused, refused);
	other_driver.driver = "mlx5_vfio_pci";
	assert_check(inv, &other_driver, refused);
	other_driver.driver = "vfio_pci";
	other_driver.refused = false;
	assert_check(inv, &other_driver, "");
}

/* nvme leaves them when it is unbound: giving it back to nvme is the way out, whatever its override says. */
static void test_vfs_without_a_driver(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x010802, NULL);
	struct request r;

	inv->functions[0].virtfns = build_list(inv, "0000:01:00.2");
	assert_check(inv, &assign_refused,
		     "blocks has-vfs 0000:01:00.0\n"
		     "  0000:01:00.0 has 1 virtual function enabled (0000:01:00.2), and vfio-pci takes no physical "
		     "function that has.\n"
		     "  -> Its driver has left them. Give it back and remove them: vfioadm release 0000:01:00.0; "
		     "echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\n");
	r = (struct request){VERB_RELEASE, "0000:01:00.0", .assigned = true};
	assert_check(inv, &r, "");
	/* A driver for programs removes them. */
	inv->functions[0].driver = str_known("igb_uio");
	r.refused = true;
	assert_check(inv, &r,
		     "blocks has-vfs 0000:01:00.0\n"
		     "  0000:01:00.0 has 1 virtual function enabled (0000:01:00.2), and they go when its driver does.\n"
		     "  -> Remove them first: echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs\n");
}

static void test_physfn(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();
	struct vfioadm_function *vf, *pf;
	struct vfioadm_plan *plan;
	struct request r;

	build_bound(inv, "0000:01:00.0", 0x020000, 1, "vfio-pci");
	build_bound(inv, "0000:01:00.2", 0x020000, 2, NULL);
	build_finish(inv);
	pf = &inv->functions[0];
	vf = &inv->functions[1];
	vf->physfn = str_known("0000:01:00.0");
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.2", NULL, true},
		     "refuses pf-on-vfio 0000:01:00.2, forceable\n"
		     "  The physical function 0000:01:00.0 of 0000:01:00.2 is itself on vfio-pci: "
		     "whoever "
		     "holds it controls this virtual function, and users need its VF token.\n"
		     "  -> Remove the virtual functions first (echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs), "
		     "then release the physical function and create them again: vfioadm release 0000:01:00.0\n");
	/* Forced: it still stands there, but no longer in the way. */
	assert_check(inv,
		     &(struct request){VERB_ASSIGN, "0000:01:00.2", "in-use,pf-on-vfio", false},
		     "warns pf-on-vfio 0000:01:00.2, forceable\n"
		     "  The physical function 0000:01:00.0 of 0000:01:00.2 is itself on vfio-pci: "
		     "whoever "
		     "holds it controls this virtual function, and users need its VF token.\n"
		     "  -> Remove the virtual functions first (echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs), "
		     "then release the physical function and create them again: vfioadm release 0000:01:00.0\n");
	/* Nor is it given back to a driver of the host. */
	vf->driver = str_known("vfio-pci");
	vf->vfio = uint_known(1);
	assert_check(inv, &(struct request){VERB_RELEASE, "0000:01:00.2", NULL, true},
		     "refuses pf-on-vfio 0000:01:00.2, forceable\n"
		     "  The physical function 0000:01:00.0 of 0000:01:00.2 is itself on vfio-pci: whoever holds it "
		     "controls this virtual function, which is kept from the host's drivers for that reason.\n"
		     "  -> Leave it without a driver (vfioadm release --park 0000:01:00.2), or remove the virtual "
		     "functions (echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs).\n");
	/* Parked: the kernel's override is not left over, and a release is refused as before. */
	vf->driver = str_none();
	vf->vfio = uint_known(0);
	vf->driver_override = str_known("vfio-pci");
	r = (struct request){VERB_ASSIGN, "0000:01:00.2", "pf-on-vfio", false};
	plan = run_check(inv, &r);
	for (size_t i = 0; i < plan->n_findings; i++)
		assert_string_equal(plan->findings[i].code, "pf-on-vfio");
	vfioadm_plan_free(plan);
	vf->driver_override = str_none();
	pf->driver = str_known("igb");
	pf->vfio = uint_known(0);
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.2", NULL, false}, "");
	/* A VF whose PF is not on this host (s390, a guest). */
	vf->physfn = str_known("0000:09:00.0");
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.2", NULL, false}, "");
}

/* A GPU with audio behind a root port, all in group 7. */
static struct vfioadm_inventory *gpu(const char *graphics, const char *audio, const char *port)
{
	struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:00:1c.0", 0x060400, 7, port);
	build_bound(inv, "0000:01:00.0", 0x030000, 7, graphics);
	build_bound(inv, "0000:01:00.1", 0x040300, 7, audio);
	build_finish(inv);
	return inv;
}

static void test_split_assign(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv =
		gpu("nouveau", "snd_hda_intel", "pcieport");
	struct vfioadm_function *audio = inventory_get(inv, "0000:01:00.1");

	assert_check(
		inv, &assign_refused,
		"refuses group-split 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (snd_hda_intel), which the "
		"host drives: a group belongs to VFIO as a whole.\n"
		"  -> Take it along: vfioadm assign --group 0000:01:00.0\n");
	/* Never: half a group cannot be used by anybody. */
	assert_check(
		inv, &(struct request){VERB_ASSIGN, "0000:01:00.0", "group-split", true},
		"refuses group-split 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (snd_hda_intel), which the "
		"host drives: a group belongs to VFIO as a whole.\n"
		"  -> Take it along: vfioadm assign --group 0000:01:00.0\n");
	assert_check(
		inv, &enable_refused,
		"refuses group-split 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (snd_hda_intel), which the "
		"host drives: a group belongs to VFIO as a whole.\n"
		"  -> Take the whole group at once: vfioadm assign --group 0000:01:00.0\n");
	/* Both together are fine. */
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.0,0000:01:00.1", NULL, false},
		     "");
	/* A companion that owns no DMA is in nobody's way. */
	audio->driver = str_known("pci-stub");
	assert_check(inv, &assign, "");
	audio->driver = str_known("pcieport");
	assert_check(inv, &assign, "");
	audio->driver = str_known("vfio-pci");
	audio->vfio = uint_known(1);
	assert_check(inv, &assign, "");
	audio->driver = str_none();
	audio->vfio = uint_known(0);
	assert_check(inv, &assign, "");
	/* pci-pf-stub is no pci-stub: it owns the group. */
	audio->driver = str_known("pci-pf-stub");
	assert_check(inv, &assign_refused,
		     "refuses group-split 0000:01:00.0\n"
		     "  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (pci-pf-stub), which "
		     "the host "
		     "drives: a group belongs to VFIO as a whole.\n"
		     "  -> Take it along: vfioadm assign --group 0000:01:00.0\n");
}

static void test_split_several(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:01:00.0", 0x020000, 7, "e1000e");
	build_bound(inv, "0000:01:00.1", 0x020000, 7, "e1000e");
	build_bound(inv, "0000:02:00.0", 0x010802, 7, "nvme");
	build_finish(inv);
	assert_check(inv, &assign_refused,
		     "refuses group-split 0000:01:00.0\n"
		     "  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (e1000e), 0000:02:00.0 "
		     "(nvme), which the host drives: a group belongs to VFIO as a whole.\n"
		     "  -> Take them along: vfioadm assign --group 0000:01:00.0\n");
}

static void test_split_release(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = gpu("vfio-pci", "vfio-pci", "pcieport");
	struct vfioadm_function *audio = inventory_get(inv, "0000:01:00.1");

	assert_check(
		inv, &release_refused,
		"refuses group-split 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (vfio-pci), which stays on "
		"VFIO: a group belongs to the host as a whole.\n"
		"  -> Take it along: vfioadm release --group 0000:01:00.0\n");
	assert_check(inv, &(struct request){VERB_RELEASE, "0000:01:00.0,0000:01:00.1", NULL, false},
		     "");
	audio->driver = str_known("snd_hda_intel");
	audio->vfio = uint_known(0);
	assert_check(inv, &release, "");
	audio->driver = str_none();
	assert_check(inv, &release, "");
}

/* Parts of the host: taken where they are named, and never dragged along. */
static void test_host_part(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *host_bridge = one_function(0x060000, NULL);
	_cleanup_inventory_ struct vfioadm_inventory *iommu = one_function(0x080600, NULL);
	_cleanup_inventory_ struct vfioadm_inventory *other = one_function(0x068000, NULL);

	assert_check(host_bridge, &assign,
		     "warns system-bridge 0000:01:00.0\n"
		     "  0000:01:00.0 is the host bridge (class 060000): a part of the host that firmware and kernel use "
		     "without a driver.\n"
		     "  -> Assign it only where the guest needs this very function; the host may lose what is behind "
		     "it.\n");
	assert_check(host_bridge, &release, "");
	inventory_get(iommu, "0000:01:00.0")->iommu_group = uint_none();
	assert_check(iommu, &assign_refused,
		     "blocks iommu 0000:01:00.0\n"
		     "  0000:01:00.0 is the IOMMU of this host, through which all other functions are assigned; it stays "
		     "with the host.\n"
		     "  -> Assign the functions that it covers: 'vfioadm list' shows them.\n");
	assert_check(other, &assign, "");
}

static void test_group_bridge(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = gpu("nouveau", NULL, "pcieport");
	struct vfioadm_function *port = inventory_get(inv, "0000:00:1c.0");

	assert_check(inv, &assign, "");
	port->driver = str_none();
	assert_check(inv, &assign, "");
	port->driver = str_known("shpchp");
	assert_check(
		inv, &assign_refused,
		"blocks group-bridge 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with the bridge 0000:00:1c.0, whose driver "
		"shpchp keeps the group for the host.\n"
		"  -> Move the card to a slot with a group of its own, or unbind 0000:00:1c.0 from "
		"shpchp if the host can do without it.\n");
	assert_check(inv, &release, "");
	/* With a driver on the companion too, --group would still not help: it is not advised. */
	inventory_get(inv, "0000:01:00.1")->driver = str_known("snd_hda_intel");
	assert_check(
		inv, &assign_refused,
		"blocks group-bridge 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with the bridge 0000:00:1c.0, whose driver "
		"shpchp keeps the group for the host.\n"
		"  -> Move the card to a slot with a group of its own, or unbind 0000:00:1c.0 from "
		"shpchp if the host can do without it.\n");
}

/* Behind a VMD controller, which makes them and which they go with. */
static void test_vmd(void **state)
{
	static const struct request assign_vmd = {VERB_ASSIGN, "0000:00:0e.0", NULL, false};
	static const struct request assign_disk = {VERB_ASSIGN, "10000:e1:00.0", NULL, true};
	_cleanup_inventory_ struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:00:0e.0", 0x010400, 7, "vmd");
	build_bound(inv, "10000:e0:06.0", 0x060400, 7, "pcieport");
	build_bound(inv, "10000:e1:00.0", 0x010802, 7, "nvme");
	build_bound(inv, "10000:e2:00.0", 0x010802, 7, "nvme");
	build_finish(inv);
	assert_check(inv, &assign_disk,
		     "blocks behind-vmd 10000:e1:00.0\n"
		     "  10000:e1:00.0 is behind the VMD controller 0000:00:0e.0 and exists only while "
		     "the host drives that one, so it cannot be given to a virtual machine by itself.\n"
		     "  -> Assign the controller with all that is behind it (vfioadm assign "
		     "0000:00:0e.0), or switch VMD off in the firmware's set-up.\n");
	assert_check(inv, &assign_vmd, "");
	/* Another function that merely shares the group is in the way all the same. */
	build_bound(inv, "0000:00:0f.0", 0x010802, 7, "nvme");
	build_finish(inv);
	assert_check(inv, &(struct request){VERB_ASSIGN, "0000:00:0e.0", NULL, true},
		     "refuses group-split 0000:00:0e.0\n"
		     "  0000:00:0e.0 shares IOMMU group 7 with 0000:00:0f.0 (nvme), which the host "
		     "drives: a group belongs to VFIO as a whole.\n"
		     "  -> Take it along: vfioadm assign --group 0000:00:0e.0\n");
}

static void test_variant(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, NULL);

	inv->functions[0].vfio_variants = build_list(inv, "xe_vfio_pci");
	assert_check(inv, &enable,
		     "warns variant 0000:01:00.0\n"
		     "  0000:01:00.0 has a VFIO driver of its own, xe-vfio-pci, which takes "
		     "functions by "
		     "name only; enabling its card type gives it to plain vfio-pci.\n"
		     "  -> For the variant driver: vfioadm assign 0000:01:00.0\n");
	assert_check(inv, &assign, "");
	inv->functions[0].vfio_variants = build_list(inv, "");
	assert_check(inv, &enable, "");
}

/* What stays where it is needs no permission. */
static void test_only_what_moves(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv =
		gpu("vfio-pci", "snd_hda_intel", "shpchp");
	static struct vfioadm_user user = {.what = "eth0", .why = "is up", .code = "in-use-net"};

	inventory_get(inv, "0000:01:00.0")->users = build_users(inv, &user, 1);
	inventory_get(inv, "0000:01:00.0")->n_users = 1;
	/* It stays, but no guest can open it: that is all there is to say. */
	assert_check(inv, &assign_refused,
		     "blocks group-bridge 0000:01:00.0\n"
		     "  0000:01:00.0 is on vfio-pci, but the host drives the bridge 0000:00:1c.0 (shpchp) of its "
		     "IOMMU group 7: no guest can open it.\n"
		     "  -> Move the card to another slot.\n"
		     "refuses group-split 0000:01:00.0\n"
		     "  0000:01:00.0 is on vfio-pci, but the host drives 0000:01:00.1 (snd_hda_intel) of its IOMMU "
		     "group 7: no guest can open it.\n"
		     "  -> Give it back: the group cannot be assigned.\n");
	assert_check(inv, &enable, "");
	assert_check(inv, &(struct request){VERB_RELEASE, "0000:01:00.1", NULL, false}, "");
	assert_check(inv, &(struct request){VERB_DISABLE, "0000:01:00.0,0000:01:00.1", NULL, false},
		     "");
}

/* Findings of several functions come in their order. */
static void test_several(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv =
		gpu("nouveau", "snd_hda_intel", "pcieport");

	inventory_get(inv, "0000:01:00.1")->virtfns = build_list(inv, "0000:01:00.2");
	assert_check(inv,
		     &(struct request){VERB_ASSIGN, "0000:01:00.1,0000:00:1c.0,0000:01:00.0", NULL,
				       true},
		     "blocks bridge 0000:00:1c.0\n"
		     "  0000:00:1c.0 is a bridge (class 060400), and VFIO takes no bridges.\n"
		     "  -> Assign the functions behind it; bridges of a group stay with the host.\n"
		     "blocks has-vfs 0000:01:00.1\n"
		     "  0000:01:00.1 has 1 virtual function enabled (0000:01:00.2), and vfio-pci "
		     "takes no "
		     "physical function that has.\n"
		     "  -> Assign the virtual functions instead, or remove them: echo 0 > "
		     "/sys/bus/pci/devices/0000:01:00.1/sriov_numvfs\n");
}

/* What must come along is looked at, but of the group has been spoken already. */
static void test_along(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv =
		gpu("nouveau", "snd_hda_intel", "pcieport");
	struct request r = assign_refused;

	inventory_get(inv, "0000:01:00.1")->virtfns = build_list(inv, "0000:01:00.2");
	r.along = "0000:01:00.1";
	assert_check(
		inv, &r,
		"refuses group-split 0000:01:00.0\n"
		"  0000:01:00.0 shares IOMMU group 7 with 0000:01:00.1 (snd_hda_intel), which the "
		"host drives: a group belongs to VFIO as a whole.\n"
		"  -> Take it along: vfioadm assign --group 0000:01:00.0\n"
		"blocks has-vfs 0000:01:00.1\n"
		"  0000:01:00.1 has 1 virtual function enabled (0000:01:00.2), and vfio-pci takes no "
		"physical function that has.\n"
		"  -> Assign the virtual functions instead, or remove them: echo 0 > "
		"/sys/bus/pci/devices/0000:01:00.1/sriov_numvfs\n");
}

static void test_unsettled(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = gpu("vfio-pci", "vfio-pci", "pcieport");
	struct request r = {VERB_RELEASE, "0000:01:00.0,0000:01:00.1", NULL, true};

	r.pending = "0000:01:00.1,0000:09:00.0";
	assert_check(inv, &r,
		     "refuses unsettled 0000:01:00.0\n"
		     "  The kernel still holds a step of an earlier run on 0000:01:00.1, which shares "
		     "IOMMU group 7 with 0000:01:00.0.\n"
		     "  -> Stop what holds it; then run vfioadm settle.\n"
		     "refuses unsettled 0000:01:00.1\n"
		     "  The kernel still holds a step of an earlier run on 0000:01:00.1.\n"
		     "  -> Stop what holds it; then run vfioadm settle.\n");
	/* Not even by force. */
	r.force = "unsettled";
	vfioadm_plan_free(run_check(inv, &r));
	r.pending = "0000:09:00.0";
	r.refused = false;
	assert_check(inv, &r, "");
}

static void test_forceable_codes(void **state)
{
	static const char *const no[] = {"",
					 "bridge",
					 "no-group",
					 "group-split",
					 "has-vfs",
					 "group-bridge",
					 "reserved-region",
					 "variant",
					 "IN-USE",
					 "in-use-",
					 "in-use, in-use-mount"};

	for (size_t i = 0; i < vfioadm_n_codes(); i++)
		assert_int_equal(check_forceable(vfioadm_code_info(i)->code),
				 vfioadm_code_info(i)->severity == VFIOADM_REFUSES &&
					 vfioadm_code_info(i)->forceable);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(check_forceable(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facets),
		cmocka_unit_test(test_nothing_speaks_against_it),
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_no_group),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_vfs),
		cmocka_unit_test(test_vfs_of_assigned),
		cmocka_unit_test(test_vfs_without_a_driver),
		cmocka_unit_test(test_physfn),
		cmocka_unit_test(test_split_assign),
		cmocka_unit_test(test_split_several),
		cmocka_unit_test(test_split_release),
		cmocka_unit_test(test_host_part),
		cmocka_unit_test(test_group_bridge),
		cmocka_unit_test(test_vmd),
		cmocka_unit_test(test_along),
		cmocka_unit_test(test_unsettled),
		cmocka_unit_test(test_variant),
		cmocka_unit_test(test_only_what_moves),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_forceable_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
