/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libvirt and driverctl have been told, and the scanner for libvirt's files. */
#include <string.h>

#include "host/uses_private.h"
#include "uses_tree.h"

#define NIC    "8086 10d3 8086 a01f 020000"
#define DEV0   "pci0000:00/0000:01:00.0"
#define DEV1   "pci0000:00/0001:02:03.4"
#define FIRST  "0000:01:00.0"
#define SECOND "0001:02:03.4"
#define BOTH   FIRST " " SECOND

#define ADDRESS0 "<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
#define HOSTDEV(managed, address)                                                                            \
	"<hostdev mode='subsystem' type='pci' managed='" managed "'><driver name='vfio'/><source>" address   \
	"</source><alias name='hostdev0'/>"                                                                  \
	"<address type='pci' domain='0x0001' bus='0x02' slot='0x03' function='0x4'/></hostdev>"
#define DOMAIN(name, devices)                                                                                \
	"<domain type='kvm'><name>" name "</name><uuid>1</uuid><devices>" devices "</devices></domain>\n"

/* ---- the scanner ---- */

static int collect(const struct libvirt_claim *c, void *userdata)
{
	char *text = userdata, address[ADDRESS_MAX];

	address_format(&c->address, address);
	sprintf(text + strlen(text), "[%s%s %s%s]", c->network ? "net " : "", c->name, c->pf ? c->pf : address,
		c->managed ? " managed" : "");
	return 0;
}

static void assert_scan(const char *xml, const char *want)
{
	char text[4096] = "";

	assert_int_equal(libvirt_scan(xml, strlen(xml), collect, text), 0);
	assert_string_equal(text, want);
}

static void test_scan_domain(void **state)
{
	assert_scan(DOMAIN("win10", HOSTDEV("yes", ADDRESS0)), "[win10 0000:01:00.0 managed]");
	assert_scan("<?xml version='1.0'?>\n<!--\nWARNING: <domain> virsh edit\n-->\n" DOMAIN(
			    "a", HOSTDEV("no", ADDRESS0)),
		    "[a 0000:01:00.0]");
	assert_scan("<domstatus state='running' pid='7'><taint flag='x'/>" DOMAIN("a", HOSTDEV("no", ADDRESS0)) "</domstatus>",
		    "[a 0000:01:00.0]");
	/* Other orders, quotes, white space, numbers; the name at the end. */
	assert_scan("<domain ><devices ><hostdev\n managed = \"yes\"\ttype=\"pci\"\nmode=\"subsystem\" ><source\n>"
		    "<address function=\"2\" slot=\"31\" bus=\"010\" domain=\"0X1A\" /></source></hostdev></devices>"
		    "<name>late</name></domain>",
		    "[late 001a:08:1f.2 managed]");
	assert_scan(DOMAIN("two", HOSTDEV("yes", ADDRESS0) HOSTDEV("yes", "<address bus='2' slot='0'/>")),
		    "[two 0000:01:00.0 managed][two 0000:02:00.0 managed]");
}

static void test_scan_others(void **state)
{
	assert_scan(DOMAIN("i", "<interface type='hostdev' managed='yes'><mac address='52:54:00:6d:90:02'/><source>"
				"<address type='pci' domain='0x0' bus='0x1' slot='0x10' function='0x1'/></source>"
				"<address type='pci' bus='0x00' slot='0x0b'/></interface>"),
		    "[i 0000:01:10.1 managed]");
	assert_scan(DOMAIN("i", "<interface type='network'><source network='n'/><actual type='hostdev' managed='yes'>"
				"<source><address type='pci' bus='0x1' slot='0x10'/></source></actual></interface>"),
		    "[i 0000:01:10.0 managed]");
	assert_scan(DOMAIN("d", "<disk type='nvme' device='disk'><driver name='qemu'/><source type='pci' "
				"managed='yes' namespace='1'><address bus='0x1' slot='0'/></source></disk>"),
		    "[d 0000:01:00.0 managed]");
	assert_scan("<network><name>pool</name><forward mode='hostdev' managed='yes'>"
		    "<address type='pci' domain='0x0' bus='0x1' slot='0x10' function='0x2'/></forward></network>",
		    "[net pool 0000:01:10.2 managed]");
	assert_scan("<network><name>pool</name><forward mode='hostdev'><driver name='vfio'/><pf dev='eth2'/></forward>"
		    "</network>",
		    "[net pool eth2]");
}

/* What libvirt passes on to QEMU without looking at it. */
static void test_scan_command_line(void **state)
{
#define ARGUMENTS(prefix, arguments)                                                                                 \
	"<domain xmlns:" prefix "='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name><" prefix ":commandline>" \
	arguments "</" prefix ":commandline></domain>"
	assert_scan(ARGUMENTS("qemu", "<qemu:arg value='-device'/><qemu:arg value='vfio-pci,host=01:00.0,x-vga=on'/>"),
		    "[a 0000:01:00.0]");
	assert_scan(ARGUMENTS("q", "<q:arg value='vfio-pci,id=host,multifunction=on,host=0001:02:03.4'></q:arg>"),
		    "[a 0001:02:03.4]");
	assert_scan(ARGUMENTS("q", "<q:arg value='vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:01:00.0'/>"),
		    "[a 0000:01:00.0]");
	assert_scan(ARGUMENTS("q", "<q:arg value='{&quot;driver&quot;:&quot;vfio-pci&quot;,&quot;host&quot;: "
				   "&quot;0000:01:00.0&quot;}'/>"),
		    "[a 0000:01:00.0]");
	assert_scan(ARGUMENTS("q", "<q:arg value='virtio-net-pci,host=01:00.0'/><q:arg value='vfio-pci,addr=01:00.0'/>"
				   "<q:arg value='vfio-pci,host='/><q:arg value='vfio-pci,host=x,id=01:00.0'/>"
				   "<q:env name='vfio-pci,host=01:00.0' value='vfio-pci,host=01:00.0'/><q:arg/>"),
		    "");
	assert_scan("<domain><commandline><arg value='vfio-pci,host=01:00.0'/></commandline></domain>", "");
	assert_scan("<network><q:commandline><q:arg value='vfio-pci,host=01:00.0'/></q:commandline></network>", "");
#undef ARGUMENTS
}

static void test_scan_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"no XML",
		"<",
		"<domain",
		"<domain>",
		"<!DOCTYPE domain [<!ENTITY a 'b'>]>" DOMAIN("a", HOSTDEV("yes", ADDRESS0)),
		/* commented out, or only text */
		DOMAIN("a", "<!-- " HOSTDEV("yes", ADDRESS0) " -->"),
		DOMAIN("a", "<!-- 1 -> 2 " HOSTDEV("yes", ADDRESS0) " -->"),
		DOMAIN("a", "<![CDATA[" HOSTDEV("yes", ADDRESS0) "]]>"),
		DOMAIN("a", "<!-- " HOSTDEV("yes", ADDRESS0)),
		"<domain><description>&lt;devices&gt;</description></domain>",
		/* other kinds of the same elements */
		DOMAIN("a", "<hostdev mode='subsystem' type='usb'><source><address bus='1' slot='0'/></source></hostdev>"),
		DOMAIN("a", "<hostdev mode='capabilities' type='pci'><source>" ADDRESS0 "</source></hostdev>"),
		DOMAIN("a", "<interface type='bridge'><source>" ADDRESS0 "</source></interface>"),
		DOMAIN("a", "<disk type='file'><source>" ADDRESS0 "</source></disk>"),
		"<network><name>n</name><forward mode='nat'>" ADDRESS0 "</forward></network>",
		/* the guest's own address, elsewhere, and in metadata of others */
		DOMAIN("a", "<hostdev mode='subsystem' type='pci'>" ADDRESS0 "</hostdev>"),
		DOMAIN("a", "<controller type='pci'><source>" ADDRESS0 "</source></controller>"),
		"<domain><metadata><x:devices>" HOSTDEV("yes", ADDRESS0) "</x:devices></metadata></domain>",
		"<domain><metadata>" HOSTDEV("yes", ADDRESS0) "</metadata></domain>",
		"<x>" DOMAIN("a", HOSTDEV("yes", ADDRESS0)) "</x>",
		/* no such address */
		DOMAIN("a", HOSTDEV("yes", "<address domain='0' bus='0x100' slot='0' function='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address domain='0' bus='0' slot='32' function='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address domain='0' bus='0' slot='0' function='8'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address domain='0' bus='-1' slot='0' function='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address domain='0' bus='1 ' slot='0' function='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address type='ccw' bus='1' slot='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address bus=1 slot=0/>")),
		DOMAIN("a", HOSTDEV("yes", "<address bus='1/><x slot='0'/>")),
		DOMAIN("a", HOSTDEV("yes", "<address/>")),
		/* not well formed before it */
		"<domain></name><devices>" HOSTDEV("yes", ADDRESS0) "</devices></domain>",
		"<domain><devices></domain><domain><devices>" HOSTDEV("yes", ADDRESS0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_scan(texts[i], "");
}

static void test_scan_names(void **state)
{
	assert_scan(DOMAIN("a &amp; b&#x41;&#66;&lt;&unknown;&#0;", HOSTDEV("no", ADDRESS0)),
		    "[a & bAB<&unknown;&#0; 0000:01:00.0]");
	assert_scan(DOMAIN("<![CDATA[<&amp;>]]>x<!-- y -->z", HOSTDEV("no", ADDRESS0)),
		    "[<&amp;>xz 0000:01:00.0]");
	assert_scan(DOMAIN("&#xe4;&#x20ac;&#x1f600;", HOSTDEV("no", ADDRESS0)),
		    "[\303\244\342\202\254\360\237\230\200 0000:01:00.0]");
	/* The name of something else in it. */
	assert_scan("<domain><os><name>os</name></os><devices>" HOSTDEV("no", ADDRESS0) "</devices></domain>",
		    "[ 0000:01:00.0]");
}

/* Each beginning of a file, byte by byte, and elements without end. */
static void test_scan_cut(void **state)
{
	static const char xml[] = "<domstatus>" DOMAIN("a&amp;", "<!-- x --><![CDATA[y]]>" HOSTDEV("yes", ADDRESS0)) "</domstatus>";
	size_t seen = 0;

	for (size_t n = 0; n <= sizeof(xml) - 1; n++) {
		char *copy = malloc(n + 1), text[256] = "";

		assert_non_null(copy);
		memcpy(copy, xml, n);
		assert_int_equal(libvirt_scan(copy, n, collect, text), 0);
		seen += text[0] != '\0';
		free(copy);
	}
	assert_true(seen > 0 && seen < sizeof(xml));
}

static void test_scan_deep(void **state)
{
	struct strbuf b = { 0 };
	char text[64] = "", *xml;

	strbuf_addf(&b, "<domain><devices>");
	for (int i = 0; i < 10000; i++)
		strbuf_addf(&b, "<a>");
	strbuf_addf(&b, HOSTDEV("yes", ADDRESS0));
	xml = strbuf_take(&b);
	assert_non_null(xml);
	assert_int_equal(libvirt_scan(xml, strlen(xml), collect, text), 0);
	assert_string_equal(text, "");
	free(xml);
}

static int stop(const struct libvirt_claim *c, void *userdata)
{
	++*(int *)userdata;
	return -EIO;
}

static void test_scan_stops(void **state)
{
	static const char xml[] = DOMAIN("a", HOSTDEV("no", ADDRESS0) HOSTDEV("no", ADDRESS0));
	int calls = 0;

	assert_int_equal(libvirt_scan(xml, sizeof(xml) - 1, stop, &calls), -EIO);
	assert_int_equal(calls, 1);
}

/* ---- the host ---- */

static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, NIC, "vfio-pci", 1);
	tmp_function(t, DEV1, NIC, "e1000e", 2);
	uses_process(t, 1, "init");
}

static void assert_both(struct tmp_tree *t, const char *first, const char *second)
{
	uses_search(t, BOTH);
	assert_string_equal(uses_text(t, FIRST), first);
	assert_string_equal(uses_text(t, SECOND), second);
}

static void test_domains(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "etc/libvirt/qemu/win10.xml", DOMAIN("win10", HOSTDEV("yes", ADDRESS0)));
	tmp_file(t, "etc/libvirt/qemu/other.xml.bak", DOMAIN("bak", HOSTDEV("yes", ADDRESS0)));
	tmp_file(t, "etc/libvirt/qemu/third.xml", DOMAIN("third", HOSTDEV("yes", "<address bus='9' slot='0'/>")));
	tmp_dir(t, "etc/libvirt/qemu/dir.xml");
	assert_both(t, "libvirt-defined libvirt domain win10: names it (managed='yes')", "");
	tmp_link(t, "etc/libvirt/qemu/autostart/win10.xml", "/etc/libvirt/qemu/win10.xml");
	tmp_file(t, "run/libvirt/qemu/win10.xml",
		 "<domstatus state='running'>" DOMAIN("win10", HOSTDEV("no", ADDRESS0)) "</domstatus>");
	assert_both(t,
		    "libvirt-running libvirt domain win10: is running and has it (managed='no'); "
		    "libvirt-defined libvirt domain win10: names it (managed='yes') and is started at boot",
		    "");
	assert_null(strstr(items_of(&tmp_get(t, FIRST)->unseen), "libvirt"));
}

static void test_pool(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_link(t, "sys/devices/" DEV0 "/physfn", "../0000:09:00.0");
	tmp_function(t, "pci0000:00/0000:09:00.0", NIC, "igb", 3);
	tmp_class(t, "net", "pci0000:00/0000:09:00.0/net", "eth2");
	tmp_file(t, "etc/libvirt/qemu/networks/pool.xml",
		 "<network><name>po\033ol</name><forward mode='hostdev'><pf dev='eth2'/></forward></network>");
	tmp_file(t, "etc/libvirt/qemu/networks/none.xml",
		 "<network><name>none</name><forward mode='hostdev'><pf dev='eth9'/></forward></network>");
	assert_both(t, "libvirt-defined libvirt network po?ol: gives it to guests (managed='no')", "");
}

static void test_unreadable(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_link(t, "run/libvirt", "libvirt");
	assert_both(t, "", "");
	assert_non_null(strstr(items_of(&tmp_get(t, FIRST)->unseen),
			       "Whether libvirt uses it could not be read (/run/libvirt/qemu): Too many levels of "
			       "symbolic links."));
	assert_false(t->inv->complete);
}

static void test_driverctl(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "etc/driverctl.d/pci-" SECOND, "vfio-pci\n");
	tmp_file(t, "etc/driverctl.d/pci-" FIRST, "\n");
	tmp_file(t, "etc/driverctl.d/vmbus-x", "uio\n");
	assert_both(t, "", "driverctl driverctl: binds it to vfio-pci at each boot (/etc/driverctl.d/pci-" SECOND ")");
	assert_null(strstr(items_of(&tmp_get(t, SECOND)->unseen), "driverctl"));
	tmp_remove(t, "etc/driverctl.d");
	tmp_link(t, "etc/driverctl.d", "driverctl.d");
	assert_both(t, "", "");
	assert_non_null(strstr(items_of(&tmp_get(t, SECOND)->unseen),
			       "Whether driverctl has an override could not be read (/etc/driverctl.d): Too many"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan_domain),
		cmocka_unit_test(test_scan_others),
		cmocka_unit_test(test_scan_command_line),
		cmocka_unit_test(test_scan_nothing),
		cmocka_unit_test(test_scan_names),
		cmocka_unit_test(test_scan_cut),
		cmocka_unit_test(test_scan_deep),
		cmocka_unit_test(test_scan_stops),
		TEST(test_domains),
		TEST(test_pool),
		TEST(test_unreadable),
		TEST(test_driverctl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
