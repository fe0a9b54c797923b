/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sentences that users become, and which users count for what. */
#include <string.h>

#include "check_request.h"
#include "policy/codes.h"

static void set_users(struct vfioadm_inventory *inv, struct vfioadm_user *users, size_t n)
{
	inv->functions[0].users = build_users(inv, users, n);
	inv->functions[0].n_users = n;
}

/* The one finding of one user, of a function with everything that a name is made of. */
static void assert_sentence(uint32_t class_code, const char *code, const char *what, const char *why,
			    const char *expected)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(class_code, "driver");
	struct vfioadm_user user = {.what = what, .why = why, .code = code};
	_cleanup_plan_ struct vfioadm_plan *plan = NULL;
	struct request r = assign;

	inv->functions[0].block = build_list(inv, "nvme0n1,sda");
	inv->functions[0].net = build_list(inv, "eth0");
	set_users(inv, &user, 1);
	r.refused = code_info(code)->severity != VFIOADM_WARNS;
	plan = run_check(inv, &r);
	assert_int_equal(plan->n_findings, 1);
	assert_string_equal(plan->findings[0].message, expected);
	assert_string_equal(plan->findings[0].code, code);
	assert_string_equal(plan->findings[0].device, "0000:01:00.0");
}

static void test_sentences(void **state)
{
	assert_sentence(0x010802, "in-use-mount", "nvme0n1p2", "is mounted at /srv",
			"0000:01:00.0 (NVMe) carries /dev/nvme0n1p2, mounted at /srv.");
	assert_sentence(0x010802, "in-use-mount", "nvme0n1", "mounted at /a and 1 other place",
			"0000:01:00.0 (NVMe) carries /dev/nvme0n1, mounted at /a and 1 other place.");
	assert_sentence(0x010802, "root-filesystem", "nvme0n1p2", "is mounted at /",
			"0000:01:00.0 (NVMe) carries /dev/nvme0n1p2, mounted at / — the root file "
			"system. It cannot be assigned.");
	/* What stands on its disks is none of its disks, and a file is none either. */
	assert_sentence(0x010601, "in-use-swap", "dm-0", "is used as swap space",
			"0000:01:00.0 (SATA controller) carries dm-0, used as swap space.");
	assert_sentence(0x010601, "in-use-swap", "sda/x", "is a swap file",
			"0000:01:00.0 (SATA controller) carries sda/x, which is a swap file.");
	assert_sentence(0x010601, "in-use-holder", "sda1", "part of md0, mounted at /x",
			"0000:01:00.0 (SATA controller) carries /dev/sda1, part of md0, mounted at /x.");
	assert_sentence(0x010601, "signature", "sda1", "carrying an LVM physical volume",
			"0000:01:00.0 (SATA controller) carries /dev/sda1, carrying an LVM physical volume.");
	assert_sentence(0x020000, "in-use-net", "eth0", "has address 192.0.2.1/24",
			"0000:01:00.0 (Ethernet) has the interface eth0, which has address 192.0.2.1/24.");
	assert_sentence(0x020000, "in-use-rdma", "mlx5_0", "is used by ib_write_bw (pid 7)",
			"0000:01:00.0 (Ethernet) has mlx5_0, which is used by ib_write_bw (pid 7).");
	assert_sentence(0x020000, "in-use-vf", "0000:01:10.0", "is its virtual function, bound to ixgbevf",
			"0000:01:00.0 (Ethernet) has 0000:01:10.0, which is its virtual function, bound "
			"to ixgbevf. It cannot be assigned.");
	assert_sentence(0x030000, "in-use-display", "fb0", "is the framebuffer of the boot display",
			"0000:01:00.0 (graphics card) drives fb0, which is the framebuffer of the boot "
			"display.");
	assert_sentence(0x0c0330, "in-use-keyboard", "AT keyboard", "is the only keyboard",
			"0000:01:00.0 (USB controller) carries AT keyboard, which is the only keyboard.");
	assert_sentence(0xff0000, "in-use-open", "dump1090 (pid 31)", "has /dev/swradio0 open",
			"0000:01:00.0 is used by dump1090 (pid 31), which has /dev/swradio0 open.");
	assert_sentence(0x020000, "libvirt-defined", "domain \"web\"", "names it",
			"0000:01:00.0 (Ethernet) is claimed by domain \"web\", which names it.");
	/* A process is no part of the device, whatever the kind. */
	assert_sentence(0x040300, "in-use-sound", "pipewire (pid 9)", "has /dev/snd/pcmC0D0p open",
			"0000:01:00.0 (sound card) is used by pipewire (pid 9), which has "
			"/dev/snd/pcmC0D0p open.");
	assert_sentence(0x040300, "in-use-sound", "pcmC0D0p", "is playing or recording",
			"0000:01:00.0 (sound card) has pcmC0D0p, which is playing or recording.");
	assert_sentence(0xff0000, "in-use", "something", "works with it",
			"0000:01:00.0 is used by something, which works with it.");
}

static void test_names(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x010802, "nvme");
	struct vfioadm_user user = {.what = "nvme0n1", .why = "is mounted at /x", .code = "in-use-mount"};
	struct vfioadm_function *f = &inv->functions[0];
	static const char hint[] = "  -> Unmount it first; if you are sure, add --force in-use-mount.\n";
	char expected[512];
	const char *names[] = {"(NVMe, serial 00-11)", "(NVMe, serial X\"1)", "(Ethernet, MAC 52:54:00:1:2:3)",
			       "(MAC 52:54:00:1:2:3)"};

	set_users(inv, &user, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (i == 0)
			f->serial = str_known("00-11");
		if (i == 1)
			f->nvme_serial = str_known("X\"1");
		if (i == 2)
			f->mac = str_known("52:54:00:1:2:3");
		f->class_code = i < 2 ? uint_known(0x010802) :
				i < 3 ? uint_known(0x020000) :
					(struct vfioadm_uint){0};
		snprintf(expected, sizeof(expected),
			 "refuses in-use-mount 0000:01:00.0, forceable\n"
			 "  0000:01:00.0 %s carries nvme0n1, mounted at /x.\n%s",
			 names[i], hint);
		assert_check(inv, &assign_refused, expected);
	}
}

static void test_force(void **state)
{
	static struct vfioadm_user users[] = {
		{.what = "eth0", .why = "is up", .code = "in-use-net"},
		{.what = "nvme0n1p1", .why = "is mounted at /", .code = "root-filesystem"},
		{.what = "fb0", .why = "is the console", .code = "in-use-console"},
		{.what = "card0", .why = "is strange", .code = "no-such-code"},
	};
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	_cleanup_plan_ struct vfioadm_plan *forced = NULL;

	set_users(inv, users, ARRAY_SIZE(users));
	assert_check(inv, &assign_refused,
		     "refuses in-use-net 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) has eth0, which is up.\n"
		     "  -> It stays with the host for as long as that runs from what it carries.\n"
		     "blocks root-filesystem 0000:01:00.0\n"
		     "  0000:01:00.0 (Ethernet) carries nvme0n1p1, mounted at / — the root file "
		     "system. It cannot be assigned.\n"
		     "  -> It stays with the host for as long as that runs from it.\n"
		     "refuses in-use-console 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) drives fb0, which is the console.\n"
		     "  -> Have another way to the host (network, serial console); if you are sure, "
		     "add --force in-use-console.\n"
		     "refuses in-use 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) is used by card0, which is strange.\n"
		     "  -> Stop using it first; if you are sure, add --force in-use.\n");
	/* Everything that can be forced is; what cannot still blocks. */
	forced = run_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.0",
						  "in-use,in-use-net,root-filesystem,in-use-console",
						  true});
	assert_int_equal(forced->n_findings, 4);
	for (size_t i = 0; i < forced->n_findings; i++)
		assert_int_equal(forced->findings[i].severity,
				 i == 1 ? VFIOADM_BLOCKS : VFIOADM_WARNS);
	assert_string_equal(forced->findings[0].hint, "This was overridden by --force in-use-net.");
	set_users(inv, users, 1);
	vfioadm_plan_free(forced);
	forced = run_check(inv, &(struct request){VERB_ASSIGN, "0000:01:00.0", "in-use-net", false});
	assert_int_equal(forced->findings[0].severity, VFIOADM_WARNS);
	assert_true(forced->findings[0].forceable);
	/* The code of another finding forces nothing. */
	vfioadm_plan_free(forced);
	forced = run_check(
		inv, &(struct request){VERB_ASSIGN, "0000:01:00.0", "in-use,in-use-mount", true});
	assert_int_equal(forced->findings[0].severity, VFIOADM_REFUSES);
}

/* Assigning ends the host's use, releasing the use through VFIO; a change of the VFIO driver is both moves. */
static void test_which_count(void **state)
{
	static struct vfioadm_user users[] = {
		{.what = "eth0", .why = "is up", .code = "in-use-net"},
		{.what = "qemu (pid 5)", .why = "has /dev/vfio/7 open", .code = "in-use-vfio"},
		{.what = "a process", .why = "may have it open", .code = "openers-unknown"},
		{.what = "domain \"x\"", .why = "runs with it", .code = "libvirt-running"},
		{.what = "domain \"y\"", .why = "names it", .code = "libvirt-defined"},
	};
	static const char through_vfio[] =
		"refuses in-use-vfio 0000:01:00.0, forceable\n"
		"  0000:01:00.0 (Ethernet) is used by qemu (pid 5), which has /dev/vfio/7 open.\n"
		"  -> Shut the virtual machine down, or detach the device from it; if you are sure, add "
		"--force in-use-vfio.\n"
		"refuses openers-unknown 0000:01:00.0, forceable\n"
		"  0000:01:00.0 (Ethernet) may be in use: a process may have it open.\n"
		"  -> Run it as root, on the host; if you are sure, add --force openers-unknown.\n"
		"refuses libvirt-running 0000:01:00.0, forceable\n"
		"  0000:01:00.0 (Ethernet) is claimed by domain \"x\", which runs with it.\n"
		"  -> Detach it from the domain (virsh detach-device), or shut the domain down; if you "
		"are sure, add --force libvirt-running.\n";
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "vfio-pci");
	struct request r = assign_refused;

	inv->facts.root = uint_known(0);
	set_users(inv, users, ARRAY_SIZE(users));
	assert_check(inv, &assign, "");
	assert_check(inv, &release_refused, through_vfio);
	r.driver = "mlx5_vfio_pci";
	assert_check(inv, &r, through_vfio);
	inv->functions[0].vfio = uint_known(0);
	inv->functions[0].driver = str_known("e1000e");
	assert_check(inv, &release, "");
	assert_check(inv, &assign_refused,
		     "refuses in-use-net 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) has eth0, which is up.\n"
		     "  -> Take the interface down first; if you are sure, add --force in-use-net.\n"
		     "refuses libvirt-running 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) is claimed by domain \"x\", which runs with it.\n"
		     "  -> Detach it from the domain (virsh detach-device), or shut the domain down; if "
		     "you are sure, add --force libvirt-running.\n"
		     "warns libvirt-defined 0000:01:00.0\n"
		     "  0000:01:00.0 (Ethernet) is claimed by domain \"y\", which names it.\n"
		     "  -> With managed='yes' libvirt assigns and releases it by itself.\n");
}

/* Taking an interface down takes with it what the host reaches through it. */
static void test_storage_behind_it(void **state)
{
	static struct vfioadm_user data[] = {
		{.what = "eth0", .why = "is up", .code = "in-use-net"},
		{.what = "nas:/x", .why = "mounted at /srv, reached at 192.0.2.1 through eth0", .code = "in-use-mount"},
	};
	static struct vfioadm_user vital[] = {
		{.what = "eth0", .why = "carries the default route", .code = "in-use-default-route"},
		{.what = "nas:/x", .why = "mounted at /var, reached at 192.0.2.1 through eth0", .code = "in-use-mount"},
	};
	static struct vfioadm_user other[] = {
		{.what = "eth0", .why = "is up", .code = "in-use-net"},
		{.what = "sda1", .why = "named in /etc/fstab for /srv", .code = "configured-mount"},
	};
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");

	set_users(inv, data, ARRAY_SIZE(data));
	assert_check(inv, &assign_refused,
		     "refuses in-use-net 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) has eth0, which is up.\n"
		     "  -> Stop using what it carries, and unmount that, before anything else; if you are sure, add "
		     "--force in-use-net.\n"
		     "refuses in-use-mount 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) carries nas:/x, mounted at /srv, reached at 192.0.2.1 through eth0.\n"
		     "  -> Unmount it first; if you are sure, add --force in-use-mount.\n");
	set_users(inv, vital, ARRAY_SIZE(vital));
	assert_check(inv, &assign_refused,
		     "refuses in-use-default-route 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) has eth0, which carries the default route.\n"
		     "  -> Leave it as it is while the host needs what it carries; if you are sure, add "
		     "--force in-use-default-route.\n"
		     "refuses in-use-mount 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) carries nas:/x, mounted at /var, reached at 192.0.2.1 through eth0.\n"
		     "  -> The host needs what is mounted there: move that elsewhere first; if you are sure, add "
		     "--force in-use-mount.\n");
	/* What is only configured stands in the way of nothing. */
	set_users(inv, other, ARRAY_SIZE(other));
	assert_check(inv, &assign_refused,
		     "refuses in-use-net 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 (Ethernet) has eth0, which is up.\n"
		     "  -> Take the interface down first; if you are sure, add --force in-use-net.\n"
		     "warns configured-mount 0000:01:00.0\n"
		     "  0000:01:00.0 (Ethernet) carries sda1, named in /etc/fstab for /srv.\n"
		     "  -> Remove the entry, or the next boot waits for it.\n");
}

/* Until the next call. */
static const char *hint_of(struct vfioadm_inventory *inv, const char *code)
{
	static char hint[512];
	struct vfioadm_plan *plan = run_check(inv, &assign_refused);

	strcpy(hint, "no such finding");
	for (size_t i = 0; i < plan->n_findings; i++)
		if (strcmp(plan->findings[i].code, code) == 0)
			snprintf(hint, sizeof(hint), "%s", plan->findings[i].hint);
	vfioadm_plan_free(plan);
	return hint;
}

/* No hint takes away what the host needs, on a disk or on what is made of disks. */
static void test_hints_of_vital_mounts(void **state)
{
	static const char *const vital[] = {
		"mounted at /var", "mounted at /srv, /boot and 3 other places", "mounted at /srv and /efi",
		"part of RAID array md0 (raid1), below LVM volume vg-var (dm-3), mounted at /var",
		"holding the journal of the file system mounted at /var", "used below the overlay at /var",
		"mounted at /var, in the ZFS pool rpool",
	};
	static const char *const data[] = {
		"mounted at /srv/var", "mounted at /variable", "part of md0, mounted at /srv",
		"mounted at /var in the mount namespace of postgres (pid 70)", "mounted at /srv and 3 other places",
	};
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x010802, "nvme");
	struct vfioadm_user user = { .what = "nvme0n1p1" };

	for (size_t i = 0; i < ARRAY_SIZE(vital); i++) {
		user.why = vital[i];
		user.code = strstr(vital[i], "part of") ? "in-use-holder" : "in-use-mount";
		set_users(inv, &user, 1);
		assert_string_equal(hint_of(inv, user.code),
				    strstr(vital[i], "part of") ?
					    "The host needs what is mounted there: move that elsewhere first; if you are "
					    "sure, add --force in-use-holder." :
					    "The host needs what is mounted there: move that elsewhere first; if you are "
					    "sure, add --force in-use-mount.");
	}
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		user.why = data[i];
		user.code = "in-use-mount";
		set_users(inv, &user, 1);
		assert_string_equal(hint_of(inv, user.code), "Unmount it first; if you are sure, add --force in-use-mount.");
	}
}

/* A NIC may be the way to what could not be followed; then "take it down" may kill the host. */
static void test_hints_of_ways_in_doubt(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	struct vfioadm_user users[] = { { .what = "eth0", .why = "is up", .code = "in-use-net" },
					{ .what = "server:/swap", .why = "holding the swap file /net/swap",
					  .code = "in-use-swap" } };

	set_users(inv, users, 1);
	assert_string_equal(hint_of(inv, "in-use-net"), "Take the interface down first; if you are sure, add --force in-use-net.");
	inv->functions[0].unseen = build_list(inv, "server:/x, mounted at /, may be reached through it: …");
	inv->functions[0].n_unseen_doubt = 1;
	assert_string_equal(hint_of(inv, "in-use-net"),
			    "Find out first whether the host reaches what it needs through it, and leave it alone if so; "
			    "if you are sure, add --force in-use-net.");
	inv->functions[0].n_unseen_doubt = 0;
	inv->functions[0].unseen = (struct vfioadm_list){ .state = VFIOADM_NONE };
	set_users(inv, users, 2);
	assert_string_equal(hint_of(inv, "in-use-net"),
			    "Stop using what it carries, and unmount that, before anything else; if you are sure, add "
			    "--force in-use-net.");
}

/* What may be a use refuses; what could only have led to a warning warns. */
static void test_unseen(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "e1000e");
	const struct request forced = { VERB_ASSIGN, "0000:01:00.0", "not-looked-at", false };

	inv->facts.root = uint_known(0);
	inv->functions[0].unseen = build_list(inv, "Not this.,0000:01:00.0 is hidden.,Not those.");
	inv->functions[0].n_unseen_minor = 1;
	assert_check(inv, &assign_refused,
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0: Not this.\n"
		     "  -> Run it as root, on the host; else find out by hand whether it is used; if you are sure, "
		     "add --force not-looked-at.\n"
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 is hidden.\n"
		     "  -> Run it as root, on the host; else find out by hand whether it is used; if you are sure, "
		     "add --force not-looked-at.\n"
		     "warns looked-at-in-part 0000:01:00.0\n"
		     "  0000:01:00.0: Not those.\n"
		     "  -> Run it as root, on the host.\n");
	/* Of what is known and could not be followed root sees no more, and root is not told to be root. */
	inv->functions[0].n_unseen_doubt = 1;
	assert_check(inv, &assign_refused,
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0: Not this.\n"
		     "  -> Run it as root, on the host; else find out by hand whether it is used; if you are sure, "
		     "add --force not-looked-at.\n"
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 is hidden.\n"
		     "  -> Find out by hand whether that is so; if you are sure, add --force not-looked-at.\n"
		     "warns looked-at-in-part 0000:01:00.0\n"
		     "  0000:01:00.0: Not those.\n"
		     "  -> Run it as root, on the host.\n");
	inv->facts.root = uint_known(1);
	assert_check(inv, &assign_refused,
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0: Not this.\n"
		     "  -> In a container, run it on the host; else find out by hand whether it is used; if you are "
		     "sure, add --force not-looked-at.\n"
		     "refuses not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0 is hidden.\n"
		     "  -> Find out by hand whether that is so; if you are sure, add --force not-looked-at.\n"
		     "warns looked-at-in-part 0000:01:00.0\n"
		     "  0000:01:00.0: Not those.\n"
		     "  -> In a container, run it on the host; else look at it by hand.\n");
	inv->functions[0].n_unseen_doubt = 0;
	inv->functions[0].unseen = build_list(inv, "Not this.");
	inv->functions[0].n_unseen_minor = 0;
	assert_check(inv, &forced,
		     "warns not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0: Not this.\n"
		     "  -> This was overridden by --force not-looked-at.\n");
}

/* Who has it through VFIO has a code of its own: it can be released without a force for everything else. */
static void test_unseen_on_release(void **state)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = one_function(0x020000, "vfio-pci");

	inv->facts.root = uint_known(0);
	inv->functions[0].vfio = uint_known(1);
	inv->functions[0].unseen = build_list(inv, "Not this.");
	assert_check(inv, &release,
		     "warns not-looked-at 0000:01:00.0, forceable\n"
		     "  0000:01:00.0: Not this.\n"
		     "  -> Run it as root, on the host; else find out by hand whether it is used.\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentences),   cmocka_unit_test(test_names),
		cmocka_unit_test(test_force),	    cmocka_unit_test(test_which_count),
		cmocka_unit_test(test_unseen),	    cmocka_unit_test(test_hints_of_vital_mounts),
		cmocka_unit_test(test_hints_of_ways_in_doubt),	    cmocka_unit_test(test_unseen_on_release),
		cmocka_unit_test(test_storage_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
