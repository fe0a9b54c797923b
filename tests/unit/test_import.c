/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import on the model: what other tools keep becomes declarations. */
#include <fcntl.h>
#include <sys/stat.h>

#include "host/observe.h"
#include "persist_fixture.h"

#define OVERRIDE(file, driver) "d etc/driverctl.d\nf " file " " driver "\n"
#define CMDLINE(text)	       "d proc\nf cmdline " text "\n"
#define ABSENT		       "0000:7f:00.0"
#define HOSTDEV(managed, bus)                                                                      \
	"\t<hostdev mode='subsystem' type='pci'" managed "><source>"                               \
	"<address domain='0x0000' bus='" bus "' slot='0x00' function='0x0'/></source></hostdev>\n"
#define DOMAIN(name, devices)                                                                      \
	"d etc/libvirt/qemu\nt " name ".xml\n"                                                     \
	"\t<domain type='kvm'><name>" name "</name><devices>\n" devices "\t</devices></domain>\n"

/* The host of these tests, and more files. */
static void begin(struct persist_test *t, const char *more)
{
	_cleanup_free_ char *text = str_format("%s%s", HOST_ROOT, more);

	assert_int_equal(switch_on(t, text), 0);
}

static void import(struct persist_test *t, bool persist)
{
	struct vfioadm_options o = {.size = sizeof(o), .persist = persist};

	forget(t);
	assert_int_equal(vfioadm_plan_import(t->ctx, &o, &t->plan, &t->err), 0);
}

static void look(struct persist_test *t, const char *more)
{
	begin(t, more);
	import(t, false);
	assert_int_equal(vfioadm_plan_n_steps(t->plan), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), vfioadm_plan_n_proposals(t->plan) ?
								VFIOADM_RESULT_PLANNED :
								VFIOADM_RESULT_UNCHANGED);
}

static const struct vfioadm_proposal *only(const struct persist_test *t)
{
	if (vfioadm_plan_n_proposals(t->plan) != 1 || vfioadm_plan_n_skipped(t->plan))
		fail_msg("%zu proposals, %zu left out: %s", vfioadm_plan_n_proposals(t->plan),
			 vfioadm_plan_n_skipped(t->plan),
			 vfioadm_plan_n_skipped(t->plan) ? vfioadm_plan_skipped(t->plan, 0)->reason : "");
	return vfioadm_plan_proposal(t->plan, 0);
}

/* Nothing is proposed, for this reason. */
static const char *left_out(const struct persist_test *t, const char *source)
{
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 0);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 1);
	assert_string_equal(vfioadm_plan_skipped(t->plan, 0)->source, source);
	return vfioadm_plan_skipped(t->plan, 0)->reason;
}

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text ? text : "(nothing)");
}

static void run(struct persist_test *t)
{
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_DONE);
}

/* The file's text, or NULL. */
static char *written(const struct persist_test *t, const char *path)
{
	_cleanup_free_ char *file = str_format("%s/%s", t->root, path);
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	static char text[8192];

	if (!f)
		return NULL;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	return text;
}

/* ---- driverctl ---- */

static void test_driverctl(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_proposal *p;

	look(t, OVERRIDE("pci-" TWIN0, "vfio-pci"));
	p = only(t);
	assert_string_equal(p->name, "nvme-0000-01-00.0");
	assert_string_equal(p->source, "/etc/driverctl.d/pci-" TWIN0);
	assert_string_equal(p->device, TWIN0);
	assert_has(p->text, "# Taken over from /etc/driverctl.d/pci-" TWIN0);
	assert_has(p->text, "Path=pci-0000:00:02.0/00.0\n");
	assert_has(p->text, "Vendor=1b36\nDevice=0010\n");
	assert_has(p->text, "Driver=vfio-pci\n");
	assert_has(p->hint, "driverctl unset-override " TWIN0);
	assert_has(p->hint, "vfioadm apply nvme-0000-01-00.0");
	assert_null(vfioadm_plan_proposal(t->plan, 1));
	assert_null(vfioadm_plan_skipped(t->plan, 0));
	/* Proposals are for reading. */
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EINVAL);
	assert_null(written(t, "etc/vfioadm.d/nvme-0000-01-00.0.conf"));
}

static void test_driverctl_old_name(void **state)
{
	struct persist_test *t = *state;

	look(t, OVERRIDE(NIC, "mlx5_vfio_pci"));
	assert_string_equal(only(t)->device, NIC);
	assert_has(only(t)->text, "Driver=mlx5_vfio_pci\n");
}

static void test_driverctl_absent(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_proposal *p;

	look(t, OVERRIDE("pci-" ABSENT, "vfio-pci"));
	p = only(t);
	assert_string_equal(p->name, "pci-0000-7f-00.0");
	assert_has(p->text, "[Match]\nAddress=" ABSENT "\n");
	assert_has(p->text, "That is weak");
	assert_null(strstr(p->text, "Vendor="));
	/* Before 0.121 unset-override refuses what is not there. */
	assert_string_equal(p->hint, "Run \"rm /etc/driverctl.d/pci-" ABSENT "\". The device is not there, and "
				     "\"driverctl unset-override\" refuses that before driverctl 0.121.");
}

static void test_driverctl_others(void **state)
{
	struct persist_test *t = *state;

	look(t, OVERRIDE("pci-" TWIN0, "nvme"));
	assert_string_equal(left_out(t, "/etc/driverctl.d/pci-" TWIN0),
			    "It binds " TWIN0 " to nvme, which is no VFIO driver.");
}

static void test_driverctl_other_bus(void **state)
{
	struct persist_test *t = *state;

	look(t, OVERRIDE("vmbus-4242", "uio_hv_generic"));
	assert_string_equal(left_out(t, "/etc/driverctl.d/vmbus-4242"), "It is not about a PCI function.");
}

static void test_driverctl_bridge(void **state)
{
	struct persist_test *t = *state;

	look(t, OVERRIDE("pci-" PORT, "vfio-pci"));
	assert_has(left_out(t, "/etc/driverctl.d/pci-" PORT), "is a bridge");
}

/* What is in a file of theirs must not become a line of ours. */
static void test_hostile(void **state)
{
	struct persist_test *t = *state;

	look(t, "d etc/driverctl.d\nt pci-" TWIN0 "\n\tx\n\tMultiple=yes\n\t\n\tvfio-pci\n" OVERRIDE("empty", ""));
	assert_has(left_out(t, "/etc/driverctl.d/pci-" TWIN0), "cannot be declared");
}

static void test_in_use(void **state)
{
	struct persist_test *t = *state;

	look(t, OVERRIDE("pci-" TWIN0, "vfio-pci") MOUNTED);
	assert_has(left_out(t, "/etc/driverctl.d/pci-" TWIN0), "The host uses " TWIN0 " now");
}

/* ---- card types ---- */

static void test_command_line(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_proposal *p;

	look(t, CMDLINE("root=/dev/sda1 vfio_pci.ids=8086:10C9,1af4:1044 quiet -- single"));
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 2);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 0);
	p = vfioadm_plan_proposal(t->plan, 0);
	assert_string_equal(p->name, "type-8086-10c9");
	assert_string_equal(p->source, "/proc/cmdline");
	assert_null(p->device);
	assert_has(p->text, "[Match]\nCardType=8086:10c9\n");
	assert_has(p->hint, "kernel command line");
	assert_string_equal(vfioadm_plan_proposal(t->plan, 1)->name, "type-1af4-1044");
}

static void test_command_line_last_counts(void **state)
{
	struct persist_test *t = *state;

	look(t, CMDLINE("vfio-pci.ids=1af4:1044 \"vfio-pci.ids=8086:10c9\""));
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 1);
	assert_string_equal(vfioadm_plan_proposal(t->plan, 0)->name, "type-8086-10c9");
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 1);
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "1af4:1044 is not in force");
}

/* kmod reads on behind "--", where the kernel stops: so it depends on who reads for vfio-pci. */
static void test_behind_dashes(void **state)
{
	static const char line[] = CMDLINE("vfio_pci.ids=8086:10C9 -- vfio-pci.ids=dead:beef");
	struct persist_test *t = *state;

	look(t, line);
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 1);
	assert_string_equal(vfioadm_plan_proposal(t->plan, 0)->name, "type-dead-beef");
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "8086:10C9 is not in force");
}

static void test_bad_id(void **state)
{
	struct persist_test *t = *state;

	look(t, CMDLINE("vfio-pci.ids=10c9"));
	assert_has(left_out(t, "/proc/cmdline"), "\"10c9\" is no ID");
}

static void test_type_in_use(void **state)
{
	struct persist_test *t = *state;

	look(t, CMDLINE("vfio-pci.ids=1b36:0010") MOUNTED);
	assert_has(left_out(t, "/proc/cmdline"), "The host uses " TWIN0 " now");
}

static void test_modprobe(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_proposal *p;

	/* The file in /etc hides that of the same name; comments, other modules and other names are nothing. */
	look(t, "d etc/modprobe.d\nt vfio.conf\n\t# options vfio-pci ids=1111:1111\n"
		"\toptions nvme ids=2222:2222\n\toptions  vfio_pci disable_vga=1 \\\n\t ids=\"8086:10c9\"\n"
		"f vfio.conf.bak options vfio-pci ids=3333:3333\n"
		"d usr/lib/modprobe.d\nf vfio.conf options vfio-pci ids=4444:4444\n");
	p = only(t);
	assert_string_equal(p->name, "type-8086-10c9");
	assert_string_equal(p->source, "/etc/modprobe.d/vfio.conf:3");
	assert_has(p->hint, "Remove \"ids=\" from /etc/modprobe.d/vfio.conf,");
}

static void test_modprobe_of_a_package(void **state)
{
	struct persist_test *t = *state;

	look(t, "d lib/modprobe.d\nf vfio.conf options vfio-pci ids=8086:10c9\n");
	assert_string_equal(only(t)->source, "/lib/modprobe.d/vfio.conf:1");
	assert_has(only(t)->hint, ": /etc/modprobe.d/vfio.conf");
}

/* What vfioadm has made there is no other tool's, and follows what is taken over. */
static void test_modprobe_of_ours(void **state)
{
	static const char text[] = "# Made by vfioadm from the files in vfioadm.d, see vfioadm.conf(5); changes are lost.\n"
				   "options vfio-pci ids=8086:10c9\n";
	struct persist_test *t = *state;
	_cleanup_free_ char *path = str_format("%s/etc/modprobe.d/vfioadm.conf", t->root);
	_cleanup_free_ char *make = str_format("mkdir -p -m 755 %s/etc/modprobe.d", t->root);
	_cleanup_fclose_ FILE *f = NULL;
	char now[1024];
	size_t n;

	assert_int_equal(system(make), 0);
	f = fopen(path, "w+e");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fflush(f) == 0);
	look(t, CMDLINE("vfio-pci.ids=1b36:0010") "d etc/modprobe.d\nt vfioadm.conf\n\t#\n\toptions vfio-pci "
		"ids=8086:10c9\n");
	assert_string_equal(only(t)->name, "type-1b36-0010");
	import(t, true);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_non_null(freopen(path, "re", f));
	n = fread(now, 1, sizeof(now) - 1, f);
	now[n] = '\0';
	/* It is made of what is declared: the card type that it had is not. */
	assert_has(now, "ids=1b36:0010\nsoftdep nvme pre: vfio-pci\n");
}

static void test_function_of_a_type(void **state)
{
	struct persist_test *t = *state;

	look(t, CMDLINE("vfio-pci.ids=8086:10c9") OVERRIDE("pci-" NIC, "vfio-pci")
		"d etc/modprobe.d\nf a.conf options vfio-pci ids=8086:10c9\n");
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 1);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 2);
	assert_string_equal(vfioadm_plan_skipped(t->plan, 0)->reason,
			    "8086:10c9 is not in force: \"vfio-pci.ids=\" on the kernel command line takes its "
			    "place.");
	assert_has(vfioadm_plan_skipped(t->plan, 1)->reason, "has a card type that is proposed already");
}

/* Two files about one function would keep all of them from being applied. */
static void test_types_collide(void **state)
{
	struct persist_test *t = *state;

	begin(t, CMDLINE("vfio-pci.ids=1b36:0010,8086:10c9,8086:10c9:1af4:1100"));
	write_conf(t, "mine", "[Match]\nAddress=" TWIN1 "\n");
	import(t, true);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 2);
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, TWIN1 " has the card type 1b36:0010 and is declared");
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "/etc/vfioadm.d/mine.conf");
	assert_has(vfioadm_plan_skipped(t->plan, 1)->reason, NIC " has the card type 8086:10c9:1af4:1100 and another");
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 1);
	assert_string_equal(vfioadm_plan_proposal(t->plan, 0)->name, "type-8086-10c9");
	run(t);
}

/* ---- libvirt ---- */

static void test_libvirt(void **state)
{
	struct persist_test *t = *state;
	const struct vfioadm_proposal *p;

	look(t, DOMAIN("one", HOSTDEV(" managed='no'", "0x01") HOSTDEV(" managed='yes'", "0x02"))
		DOMAIN("two", HOSTDEV("", "0x03") HOSTDEV("", "0x01")));
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 2);
	p = vfioadm_plan_proposal(t->plan, 0);
	assert_string_equal(p->device, TWIN0);
	assert_string_equal(p->source, "/etc/libvirt/qemu/one.xml");
	assert_has(p->text, "Driver=auto\n");
	assert_null(p->hint);
	assert_string_equal(vfioadm_plan_proposal(t->plan, 1)->device, NIC);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 2);
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "Domain one has " TWIN1 " with managed='yes'");
	assert_string_equal(vfioadm_plan_skipped(t->plan, 1)->reason,
			    TWIN0 " is proposed already, from /etc/libvirt/qemu/one.xml.");
}

/* ---- all of it ---- */

static void test_nothing(void **state)
{
	struct persist_test *t = *state;

	look(t, CMDLINE("quiet vfio-pci.ids="));
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 0);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 0);
	import(t, true);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
}

static void test_persist(void **state)
{
	struct persist_test *t = *state;

	begin(t, CMDLINE("vfio-pci.ids=8086:10c9") OVERRIDE("pci-" TWIN0, "vfio-pci")
	      OVERRIDE("pci-" ABSENT, "vfio-pci"));
	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	import(t, true);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_PLANNED);
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 3);
	run(t);
	assert_string_equal(written(t, "etc/vfioadm.d/nvme-0000-01-00.0.conf"),
			    vfioadm_plan_proposal(t->plan, 1)->text);
	assert_has(written(t, "etc/vfioadm.d/type-8086-10c9.conf"), "CardType=8086:10c9\n");
	assert_has(written(t, "etc/vfioadm.d/pci-0000-7f-00.0.conf"), "Address=" ABSENT "\n");
	assert_int_equal(fake_rebuilt(t->host), 1);
	/* Nobody was moved, and what they have is still there. */
	assert_string_equal(driver_of(t->host, TWIN0), "nvme");
	assert_string_equal(override_of(t->host, TWIN0), "(null)");
	assert_true(host_exists(t->host, "etc/driverctl.d/pci-" TWIN0));
	/* What is declared is not proposed again, but the other tool still does it too. */
	import(t, true);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 0);
	assert_int_equal(vfioadm_plan_n_skipped(t->plan), 3);
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "is declared already, by /etc/vfioadm.d/type-");
	assert_has(vfioadm_plan_skipped(t->plan, 0)->reason, "kernel command line");
	assert_has(vfioadm_plan_skipped(t->plan, 1)->reason, "driverctl unset-override " TWIN0);
}

static void test_names_that_are_taken(void **state)
{
	struct persist_test *t = *state;

	begin(t, OVERRIDE("pci-" TWIN0, "vfio-pci"));
	write_conf(t, "nvme-0000-01-00.0", "[Match]\nAddress=0000:6e:00.0\n");
	import(t, true);
	assert_string_equal(only(t)->name, "nvme-0000-01-00.0-2");
	run(t);
	assert_string_equal(written(t, "etc/vfioadm.d/nvme-0000-01-00.0.conf"), "[Match]\nAddress=0000:6e:00.0\n");
}

static void test_failure_takes_all_back(void **state)
{
	struct fault fails = {.kind = FAULT_FAIL, .error = EREMOTEIO, .nth = 1, .match = "rebuild*"};
	struct persist_test *t = *state;

	begin(t, CMDLINE("vfio-pci.ids=8086:10c9") OVERRIDE("pci-" TWIN0, "vfio-pci"));
	assert_int_equal(fake_control(t->host, "image nvme"), 0);
	import(t, true);
	assert_int_equal(fake_fault(t->host, &fails), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), -EREMOTEIO);
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNDONE);
	assert_null(written(t, "etc/vfioadm.d/nvme-0000-01-00.0.conf"));
	assert_null(written(t, "etc/vfioadm.d/type-8086-10c9.conf"));
}

/* More than any host has: it ends, and says so. */
static void test_too_much(void **state)
{
	struct persist_test *t = *state;
	CLEANUP(foreign_claims_clear) struct foreign_claims claims = {0};
	_cleanup_strbuf_ struct strbuf more = {0};

	strbuf_addf(&more, "d etc/modprobe.d\nt a.conf\n");
	for (unsigned i = 0; i < 5000; i++)
		strbuf_addf(&more, "\toptions vfio-pci ids=%04x:0001\n", i);
	begin(t, more.s);
	assert_int_equal(observe_foreign_claims(t->host, &claims), 0);
	assert_int_equal(claims.n, 4096);
	assert_true(claims.cut);
	import(t, false);
	assert_has(vfioadm_plan_skipped(t->plan, vfioadm_plan_n_skipped(t->plan) - 1)->reason, "more settings");
}

/* Only having it exclusively tells that somebody has it; printing alone may not try. */
static void test_disk_that_somebody_has(void **state)
{
	struct persist_test *t = *state;

	begin(t, OVERRIDE("pci-" TWIN0, "vfio-pci"));
	control(t->host, "use-disk nvme0n1");
	import(t, true);
	assert_has(left_out(t, "/etc/driverctl.d/pci-" TWIN0), "nvme0n1");
	assert_int_equal(vfioadm_plan_result(t->plan), VFIOADM_RESULT_UNCHANGED);
	forget(t);
	control(t->host, "leave-disk nvme0n1");
	import(t, true);
	only(t);
	control(t->host, "use-disk nvme0n1");
	run(t);
}

static void test_type_with_a_disk_that_somebody_has(void **state)
{
	struct persist_test *t = *state;

	begin(t, CMDLINE("vfio-pci.ids=1b36:0010"));
	control(t->host, "use-disk nvme0n1");
	import(t, true);
	assert_has(left_out(t, "/proc/cmdline"), "nvme0n1");
}

/* What apply could not assign alone gets its group. */
static void test_rest_of_the_group(void **state)
{
	_cleanup_free_ char *path = NULL;
	struct persist_test *t = *state;

	look(t, OVERRIDE("pci-" MULTI1, "vfio-pci"));
	assert_has(only(t)->text, "IommuGroup=whole\n");
	assert_has(only(t)->text, "# " MULTI0 "\n");
	import(t, true);
	path = str_format("etc/vfioadm.d/%s.conf", only(t)->name);
	run(t);
	assert_has(written(t, path), "IommuGroup=whole\n");
}

static void test_all_of_the_group(void **state)
{
	struct persist_test *t = *state;

	look(t, "d etc/driverctl.d\nf pci-" MULTI0 " vfio-pci\nf pci-" MULTI1 " vfio-pci\n");
	assert_int_equal(vfioadm_plan_n_proposals(t->plan), 2);
	for (size_t i = 0; i < 2; i++)
		assert_null(strstr(vfioadm_plan_proposal(t->plan, i)->text, "whole"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_directories, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_disk_that_somebody_has, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_type_with_a_disk_that_somebody_has, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_rest_of_the_group, setup_directories, teardown),
		cmocka_unit_test_setup_teardown(test_all_of_the_group, setup_directories, teardown),
		TEST(test_driverctl),
		TEST(test_driverctl_old_name),
		TEST(test_driverctl_absent),
		TEST(test_driverctl_others),
		TEST(test_driverctl_other_bus),
		TEST(test_driverctl_bridge),
		TEST(test_hostile),
		TEST(test_in_use),
		TEST(test_command_line),
		TEST(test_command_line_last_counts),
		TEST(test_behind_dashes),
		TEST(test_bad_id),
		TEST(test_type_in_use),
		TEST(test_modprobe),
		TEST(test_modprobe_of_a_package),
		TEST(test_modprobe_of_ours),
		TEST(test_function_of_a_type),
		TEST(test_types_collide),
		TEST(test_libvirt),
		TEST(test_nothing),
		TEST(test_persist),
		TEST(test_names_that_are_taken),
		TEST(test_failure_takes_all_back),
		TEST(test_too_much),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
