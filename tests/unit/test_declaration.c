/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "base/error.h"
#include "model/declaration.h"

#define FILE_NAME "/etc/vfioadm.d/a.conf"

static struct arena arena;

static int parse(const char *text, struct declaration *ret, struct vfioadm_error **err)
{
	return declaration_parse("a", FILE_NAME, text, strlen(text), &arena, ret, err);
}

static struct declaration good(const char *text)
{
	struct vfioadm_error *err = NULL;
	struct declaration d;

	if (parse(text, &d, &err) < 0)
		fail_msg("%s\n%s", text, vfioadm_error_message(err));
	assert_null(err);
	return d;
}

static void assert_same_text(const char *a, const char *b)
{
	assert_true(streq_null(a, b));
}

static void assert_same(const struct declaration *a, const struct declaration *b)
{
	for (size_t i = 0; i < N_MATCH_KEYS; i++) {
		assert_same_text(a->match[i], b->match[i]);
		assert_true(a->number[i] == b->number[i]);
	}
	assert_true(cardtype_equal(&a->type, &b->type));
	assert_int_equal(a->vf_index, b->vf_index);
	assert_same_text(a->vf_of, b->vf_of);
	assert_int_equal(a->multiple, b->multiple);
	assert_same_text(a->seen_address, b->seen_address);
	assert_same_text(a->seen_name, b->seen_name);
	assert_same_text(a->driver, b->driver);
	assert_int_equal(a->whole_group, b->whole_group);
	assert_same_text(a->node_user, b->node_user);
	assert_same_text(a->node_group, b->node_group);
	assert_int_equal(a->node_mode.state, b->node_mode.state);
	assert_int_equal(a->node_mode.value, b->node_mode.value);
	assert_int_equal(a->vfs.state, b->vfs.state);
	assert_int_equal(a->vfs.value, b->vfs.value);
}

static char *formatted(const struct declaration *d)
{
	struct strbuf text = { 0 };

	declaration_format(d, &text);
	assert_false(text.failed);
	return strbuf_take(&text);
}

static const char example[] = "# comment\n"
			      "[Match]\n"
			      "Path=pci-0000:00:1c.0/00.0\n"
			      "Vendor=15b3\n"
			      "Device=1003\n"
			      "\n"
			      "[LastSeen]\n"
			      "Address=0000:01:00.0\n"
			      "Name=Mellanox Technologies MT27500 Family [ConnectX-3]\n"
			      "\n"
			      "[Assign]\n"
			      "Driver=auto\n"
			      "IommuGroup=whole\n"
			      "\n"
			      "[Node]\n"
			      "User=qemu\n"
			      "Group=kvm\n"
			      "\n"
			      "[SR-IOV]\n"
			      "VFs=8\n";

static void test_example(void **state)
{
	struct declaration d = good(example);
	_cleanup_free_ char *text = formatted(&d);

	assert_string_equal(d.name, "a");
	assert_string_equal(d.file, FILE_NAME);
	assert_int_equal(d.line, 2);
	assert_string_equal(d.match[MATCH_PATH], "pci-0000:00:1c.0/00.0");
	assert_string_equal(d.match[MATCH_VENDOR], "15b3");
	assert_int_equal(d.number[MATCH_VENDOR], 0x15b3);
	assert_int_equal(d.number[MATCH_DEVICE], 0x1003);
	assert_null(d.match[MATCH_ADDRESS]);
	assert_string_equal(d.seen_address, "0000:01:00.0");
	assert_string_equal(d.seen_name, "Mellanox Technologies MT27500 Family [ConnectX-3]");
	assert_null(d.driver);
	assert_true(d.whole_group);
	assert_false(d.multiple);
	assert_string_equal(d.node_user, "qemu");
	assert_string_equal(d.node_group, "kvm");
	assert_int_equal(d.node_mode.state, VFIOADM_NONE);
	assert_int_equal(d.vfs.value, 8);
	/* It is written in the order in which the specification shows it. */
	assert_string_equal(strchr(text, '\n') + 1, strchr(example, '\n') + 1);
}

static void test_smallest(void **state)
{
	struct declaration d = good("[Match]\nUID=10");
	_cleanup_free_ char *text = formatted(&d);

	assert_string_equal(d.match[MATCH_UID], "0010");
	assert_int_equal(d.number[MATCH_UID], 0x10);
	assert_int_equal(d.vfs.state, VFIOADM_NONE);
	assert_int_equal(d.node_mode.state, VFIOADM_NONE);
	assert_null(d.driver);
	assert_string_equal(strchr(text, '\n') + 1, "[Match]\nUID=0010\n\n[Assign]\nDriver=auto\n");
}

#define CARD "[Match]\nVendor=8086\nDevice=10d3\n"

/* However it was written, it is kept in one form. */
static void test_canonical(void **state)
{
	static const struct {
		const char *line;
		enum match_key key;
		const char *kept;
	} cases[] = {
		{ "UID=0xFfFf", MATCH_UID, "ffff" },
		{ "FID=100", MATCH_FID, "00000100" },
		{ "FID=0", MATCH_FID, "00000000" },
		{ "FID=0xffffffff", MATCH_FID, "ffffffff" },
		{ "PCHID=1C0", MATCH_PCHID, "01c0" },
		{ "Serial=00:11:22:FF:fe:33:44:55", MATCH_SERIAL, "00-11-22-ff-fe-33-44-55" },
		{ "VF=3  PCI", N_MATCH_KEYS, NULL },
		{ "VF=3 pci-0000:00:1C.0/00.0", MATCH_VF, "3 pci-0000:00:1c.0/00.0" },
		{ "VF=003 01:00.0", MATCH_VF, "3 0000:01:00.0" },
		{ "VF=65534 10000:01:00.0", MATCH_VF, "65534 10000:01:00.0" },
		{ "Path=pci-0000:00:1C.0/1F.7", MATCH_PATH, "pci-0000:00:1c.0/1f.7" },
		{ "Path=pci-0000:00:03.0", MATCH_PATH, "pci-0000:00:03.0" },
		{ "Path=pci-10000:e0:06.0/00.0/00.0", MATCH_PATH, "pci-10000:e0:06.0/00.0/00.0" },
		{ "Address=01:0A.0", MATCH_ADDRESS, "0000:01:0a.0" },
		{ "SubVendor=0x1AF4", MATCH_SUBVENDOR, "1af4" },
		{ "SubDevice=0000", MATCH_SUBDEVICE, "0000" },
		{ "Class=0X010802", N_MATCH_KEYS, NULL },
		{ "Class=010802", MATCH_CLASS, "010802" },
		{ "Address=0000:01:00.0\nNvmeSerial=S4E W", MATCH_NVME_SERIAL, "S4E W" },
		{ "Path=pci-0000:00:03.0\nMACAddress=52-54-00-AB-cd-EF", MATCH_MAC, "52:54:00:ab:cd:ef" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = str_format(CARD "%s\n", cases[i].line), *again = NULL;
		struct declaration d, e;

		if (cases[i].key == N_MATCH_KEYS) {
			assert_int_equal(parse(text, &d, NULL), -EBADMSG);
			continue;
		}
		d = good(text);
		assert_string_equal(d.match[cases[i].key], cases[i].kept);
		again = formatted(&d);
		e = good(again);
		assert_same(&d, &e);
		assert_true(declaration_same_match(&d, &e));
	}
}

static void test_round_trips(void **state)
{
	static const char *const texts[] = {
		"[Match]\nCardType=15B3:1003\n",
		"[Match]\nCardType=15b3:1003:*:0055:020000:ff0000\nMultiple=yes\n"
		"[Assign]\nDriver=vfio_pci\n[Node]\nMode=660\n",
		CARD "Multiple=yes\n[LastSeen]\nName=a # b ; \"c\"\n",
		CARD "Multiple=no\n[LastSeen]\nAddress=1:00.0\n[Assign]\nDriver=mlx5_vfio_pci\nIommuGroup=single\n"
		     "[Node]\nUser=1000\nGroup=a.b-c_D\nMode=0\n",
		CARD "[LastSeen]\nAddress=01:00.0\n[Assign]\nDriver=mlx5_vfio_pci\nIommuGroup=single\n"
		     "[Node]\nUser=1000\nGroup=a.b-c_D\nMode=0\n",
		"[SR-IOV]\nVFs=65535\n[Node]\n[Assign]\n[LastSeen]\n[Match]\nUID=1\nFID=2\nPCHID=3\n"
		"Serial=00-00-00-00-00-00-00-01\n"
		"Path=pci-0001:00:00.0\nAddress=0001:00:00.0\nVendor=1b36\nDevice=0010\nSubVendor=1af4\nSubDevice=1100\n"
		"Class=010802\nNvmeSerial=x\nMACAddress=02:00:00:00:00:00\nMultiple=no\n",
		"[Match]\nVF=0 0000:01:00.0\n[Node]\nUser=4294967294\nGroup=_\nMode=0640\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *once = NULL, *twice = NULL;
		struct declaration d, e;

		if (i == 3) {
			assert_int_equal(parse(texts[i], &d, NULL), -EBADMSG);
			continue;
		}
		d = good(texts[i]);
		once = formatted(&d);
		e = good(once);
		assert_same(&d, &e);
		twice = formatted(&e);
		assert_string_equal(once, twice);
	}
}

static void test_card_type(void **state)
{
	struct declaration d = good("[Match]\nCardType=15B3:1003\n[Assign]\nDriver=vfio-pci\n");
	_cleanup_free_ char *text = formatted(&d);

	assert_string_equal(d.match[MATCH_CARD_TYPE], "15b3:1003");
	assert_int_equal(d.type.device, 0x1003);
	assert_true(d.multiple);
	assert_null(strstr(text, "Multiple"));
	assert_string_equal(d.driver, "vfio-pci");
}

static void test_vf(void **state)
{
	struct declaration d = good("[Match]\nVF=3 pci-0000:00:1c.0/00.0\n");

	assert_int_equal(d.vf_index, 3);
	assert_string_equal(d.vf_of, "pci-0000:00:1c.0/00.0");
}

static void test_same_match(void **state)
{
	struct declaration a = good(example), b = good(CARD), c = good(CARD "Multiple=yes\n[Assign]\nDriver=auto\n");

	assert_false(declaration_same_match(&a, &b));
	assert_false(declaration_same_match(&b, &a));
	assert_true(declaration_same_match(&b, &c));
}

struct bad {
	const char *text;
	unsigned line;
	const char *message, *hint;
};

static void expect_bad(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = str_format(FILE_NAME ":%u", cases[i].line), *message = NULL;
		_cleanup_error_ struct vfioadm_error *err = NULL;
		struct declaration d = { .name = "untouched" };

		assert_int_equal(parse(cases[i].text, &d, &err), -EBADMSG);
		message = str_format("%s: %s", path, cases[i].message);
		assert_error(err, VFIOADM_E_CONFIG, message, cases[i].hint);
		assert_string_equal(vfioadm_error_path(err), path);
		assert_string_equal(d.name, "untouched");
		assert_int_equal(parse(cases[i].text, &d, NULL), -EBADMSG);
	}
}

#define UID_FORM "is not a hexadecimal number from 1 to ffff."
#define FID_FORM "is not a hexadecimal number of up to 8 digits."
#define ID_FORM "is not a hexadecimal number of 4 digits."
#define SERIAL_FORM "is not a PCIe device serial number of eight bytes (not all 00 or ff)."
#define SERIAL_HINT "Write for example Serial=00-11-22-ff-fe-33-44-55."
#define VF_FORM                                                                                                \
	"is not the number of a virtual function, a blank, and the path or address of the physical function."
#define VF_HINT "Write for example VF=3 pci-0000:00:1c.0/00.0."
#define PATH_FORM "is not a path as \"vfioadm show\" prints it."
#define PATH_HINT "Write for example Path=pci-0000:00:1c.0/00.0."
#define ADDRESS_FORM "is not a PCI address (dddd:bb:dd.f)."
#define ADDRESS_HINT "Write for example Address=0000:01:00.0."
#define MAC_FORM "is not the MAC address of one interface, six bytes."
#define MAC_HINT "Write for example MACAddress=52:54:00:12:34:56."
#define NVME_FORM "is not the serial number of an NVMe disk, up to 20 ASCII characters."
#define ACCOUNT_FORM "is not a name of up to 31 letters, digits and \"_.-\", or a number."
#define MODE_FORM "is not an octal number without bits outside of 0660."
#define VFS_FORM "is not a number from 1 to 65535."
#define TYPE_FORM "is not vendor:device[:subvendor[:subdevice[:class[:mask]]]]."

static const struct bad bad_match_values[] = {
	{ "[Match]\nCardType=15b3\n", 2, "CardType=15b3 " TYPE_FORM, "Write for example CardType=15b3:1003." },
	{ "[Match]\nCardType=15b3:10031\n", 2, "CardType=15b3:10031 " TYPE_FORM,
	  "Write for example CardType=15b3:1003." },
	{ "[Match]\nUID=\n", 2, "UID has no value: it must be a hexadecimal number from 1 to ffff.",
	  "Write for example UID=10." },
	{ "[Match]\nUID=0\n", 2, "UID=0 " UID_FORM, "Write for example UID=10." },
	{ "[Match]\nUID=10000\n", 2, "UID=10000 " UID_FORM, "Write for example UID=10." },
	{ "[Match]\nUID=-1\n", 2, "UID=-1 " UID_FORM, "Write for example UID=10." },
	{ "[Match]\nUID=0x\n", 2, "UID=0x " UID_FORM, "Write for example UID=10." },
	{ "[Match]\nUID=0x0x1\n", 2, "UID=0x0x1 " UID_FORM, "Write for example UID=10." },
	{ "[Match]\nFID=100000000\n", 2, "FID=100000000 " FID_FORM, "Write for example FID=100." },
	{ "[Match]\nFID=10 # that\n", 2, "FID=10 # that " FID_FORM, "Comments have lines of their own." },
	{ "[Match]\nFID=10 ; that\n", 2, "FID=10 ; that " FID_FORM, "Comments have lines of their own." },
	{ "[Match]\nPCHID=x\n", 2, "PCHID=x is not a hexadecimal number of up to 4 digits.",
	  "Write for example PCHID=1c0." },
	{ "[Match]\nSerial=00-11-22-ff-fe-33-44\n", 2, "Serial=00-11-22-ff-fe-33-44 " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nSerial=00-11-22-ff-fe-33-44-55-\n", 2, "Serial=00-11-22-ff-fe-33-44-55- " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nSerial=00-11:22-ff-fe-33-44-55\n", 2, "Serial=00-11:22-ff-fe-33-44-55 " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nSerial=001122fffe334455\n", 2, "Serial=001122fffe334455 " SERIAL_FORM, SERIAL_HINT },
	{ "[Match]\nSerial=0x-11-22-ff-fe-33-44-55\n", 2, "Serial=0x-11-22-ff-fe-33-44-55 " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nSerial=0\n", 2, "Serial=0 " SERIAL_FORM, SERIAL_HINT },
	{ "[Match]\nSerial=00-00-00-00-00-00-00-00\n", 2, "Serial=00-00-00-00-00-00-00-00 " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nSerial=ff-ff-ff-ff-ff-ff-ff-ff\n", 2, "Serial=ff-ff-ff-ff-ff-ff-ff-ff " SERIAL_FORM,
	  SERIAL_HINT },
	{ "[Match]\nVF=3\n", 2, "VF=3 " VF_FORM, VF_HINT },
	{ "[Match]\nVF=3pci-0000:00:1c.0\n", 2, "VF=3pci-0000:00:1c.0 " VF_FORM, VF_HINT },
	{ "[Match]\nVF=65535 0000:01:00.0\n", 2, "VF=65535 0000:01:00.0 " VF_FORM, VF_HINT },
	{ "[Match]\nVF=000003 0000:01:00.0\n", 2, "VF=000003 0000:01:00.0 " VF_FORM, VF_HINT },
	{ "[Match]\nVF=3 0000:01:00\n", 2, "VF=3 0000:01:00 " VF_FORM, VF_HINT },
	{ "[Match]\nVF=pci-0000:00:1c.0 3\n", 2, "VF=pci-0000:00:1c.0 3 " VF_FORM, VF_HINT },
	{ "[Match]\nPath=0000:00:1c.0/00.0\n", 2, "Path=0000:00:1c.0/00.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-00:1c.0/00.0\n", 2, "Path=pci-00:1c.0/00.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-\n", 2, "Path=pci- " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/\n", 2, "Path=pci-0000:00:1c.0/ " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/00.0/\n", 2, "Path=pci-0000:00:1c.0/00.0/ " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/0.0\n", 2, "Path=pci-0000:00:1c.0/0.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/20.0\n", 2, "Path=pci-0000:00:1c.0/20.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/00.8\n", 2, "Path=pci-0000:00:1c.0/00.8 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/0x.0\n", 2, "Path=pci-0000:00:1c.0/0x.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0-00.0\n", 2, "Path=pci-0000:00:1c.0-00.0 " PATH_FORM, PATH_HINT },
	{ "[Match]\nPath=pci-0000:00:1c.0/00.0/virtfn3\n", 2,
	  "Path \"pci-0000:00:1c.0/00.0/virtfn3\" is that of a virtual function.",
	  "Name it by its number and the physical function, for example VF=3 pci-0000:00:1c.0/00.0." },
	{ "[Match]\nAddress=0000:01:00\n", 2, "Address=0000:01:00 " ADDRESS_FORM, ADDRESS_HINT },
	{ "[Match]\nVendor=15b\n", 2, "Vendor=15b " ID_FORM, "Write for example Vendor=15b3." },
	{ "[Match]\nVendor=015b3\n", 2, "Vendor=015b3 " ID_FORM, "Write for example Vendor=15b3." },
	{ "[Match]\nDevice=100g\n", 2, "Device=100g " ID_FORM, "Write for example Device=1003." },
	{ "[Match]\nSubVendor=\"15b3\"\n", 2, "SubVendor=\"15b3\" " ID_FORM,
	  "Write for example SubVendor=15b3." },
	{ "[Match]\nSubDevice=5\n", 2, "SubDevice=5 " ID_FORM, "Write for example SubDevice=0055." },
	{ "[Match]\nClass=0108\n", 2, "Class=0108 is not a hexadecimal number of 6 digits.",
	  "Write for example Class=010802." },
	{ "[Match]\nNvmeSerial=123456789012345678901\n", 2, "NvmeSerial=123456789012345678901 " NVME_FORM,
	  "Write for example NvmeSerial=S4EWNX0R." },
	{ "[Match]\nNvmeSerial=\xc3\xa4\n", 2, "NvmeSerial=\xc3\xa4 " NVME_FORM,
	  "Write for example NvmeSerial=S4EWNX0R." },
	{ "[Match]\nMACAddress=52:54:00:12:34\n", 2, "MACAddress=52:54:00:12:34 " MAC_FORM, MAC_HINT },
	{ "[Match]\nMACAddress=00:00:00:00:00:00\n", 2, "MACAddress=00:00:00:00:00:00 " MAC_FORM, MAC_HINT },
	{ "[Match]\nMACAddress=ff:ff:ff:ff:ff:ff\n", 2, "MACAddress=ff:ff:ff:ff:ff:ff " MAC_FORM, MAC_HINT },
	{ "[Match]\nMACAddress=33:33:00:00:00:01\n", 2, "MACAddress=33:33:00:00:00:01 " MAC_FORM, MAC_HINT },
	{ "[Match]\nMultiple=true\n", 2, "Multiple=true is not yes or no.", "Write for example Multiple=yes." },
};

static const struct bad bad_other_values[] = {
	{ CARD "[LastSeen]\nAddress=eth0\n", 5, "Address=eth0 " ADDRESS_FORM, ADDRESS_HINT },
	{ CARD "[LastSeen]\nName=\n", 5, "Name has no value: it must be a name.",
	  "Write for example Name=Mellanox MT27500." },
	{ CARD "[Assign]\nDriver=nvme\n", 5, "Driver=nvme is not auto or the name of a VFIO driver.",
	  "Write for example Driver=auto." },
	{ CARD "[Assign]\nDriver=../vfio-pci\n", 5,
	  "Driver=../vfio-pci is not auto or the name of a VFIO driver.", "Write for example Driver=auto." },
	{ CARD "[Assign]\nDriver=012345678901234567890123456789012345678901234567890123456_vfio_pci\n", 5,
	  "Driver=012345678901234567890123456789012345678901234567890123456_vf... is not auto or the name "
	  "of a VFIO driver.",
	  "Write for example Driver=auto." },
	{ CARD "[Assign]\nIommuGroup=all\n", 5, "IommuGroup=all is not whole or single.",
	  "Write for example IommuGroup=whole." },
	{ CARD "[Node]\nUser=a\"b\n", 5, "User=a\"b " ACCOUNT_FORM, "Write for example User=qemu." },
	{ CARD "[Node]\nUser=-1\n", 5, "User=-1 " ACCOUNT_FORM, "Write for example User=qemu." },
	{ CARD "[Node]\nUser=4294967295\n", 5, "User=4294967295 " ACCOUNT_FORM, "Write for example User=qemu." },
	{ CARD "[Node]\nGroup=1a\n", 5, "Group=1a " ACCOUNT_FORM, "Write for example Group=kvm." },
	{ CARD "[Node]\nGroup=a12345678901234567890123456789012\n", 5,
	  "Group=a12345678901234567890123456789012 " ACCOUNT_FORM, "Write for example Group=kvm." },
	{ CARD "[Node]\nMode=0666\n", 5, "Mode=0666 " MODE_FORM, "Write for example Mode=0660." },
	{ CARD "[Node]\nMode=0770\n", 5, "Mode=0770 " MODE_FORM, "Write for example Mode=0660." },
	{ CARD "[Node]\nMode=4660\n", 5, "Mode=4660 " MODE_FORM, "Write for example Mode=0660." },
	{ CARD "[Node]\nMode=00660\n", 5, "Mode=00660 " MODE_FORM, "Write for example Mode=0660." },
	{ CARD "[Node]\nMode=668\n", 5, "Mode=668 " MODE_FORM, "Write for example Mode=0660." },
	{ CARD "[SR-IOV]\nVFs=0\n", 5, "VFs=0 " VFS_FORM, "Write for example VFs=8." },
	{ CARD "[SR-IOV]\nVFs=65536\n", 5, "VFs=65536 " VFS_FORM, "Write for example VFs=8." },
	{ CARD "[SR-IOV]\nVFs=0x8\n", 5, "VFs=0x8 " VFS_FORM, "Write for example VFs=8." },
};

static void test_bad_values(void **state)
{
	expect_bad(bad_match_values, ARRAY_SIZE(bad_match_values));
	expect_bad(bad_other_values, ARRAY_SIZE(bad_other_values));
}

#define MATCH_KEYS                                                                                             \
	"Its keys are: CardType, UID, FID, PCHID, Serial, VF, Path, Address, Vendor, Device, SubVendor, "      \
	"SubDevice, Class, NvmeSerial, MACAddress, Multiple."
#define NO_MATCH "There is no section [Match], so it declares no device."
#define NO_MATCH_HINT "An empty file masks one of the same name in a directory behind this one."
#define TELLS_NOTHING "[Match] does not tell one card from others."
#define TELLS_NOTHING_HINT                                                                                     \
	"It needs one of UID, FID, PCHID, Serial, VF, Path, Address or CardType, or Vendor and Device."
#define NOT_ALL                                                                                                \
	" can be read only while a driver of the host has the device, so it cannot be all that tells the card " \
	"from others."
#define NOT_ALL_HINT "Add a Path or a Serial, as \"vfioadm show\" prints them."

static void test_bad_files(void **state)
{
	static const struct bad cases[] = {
		{ "", 1, NO_MATCH, NO_MATCH_HINT },
		{ "\n# only words\n", 1, NO_MATCH, NO_MATCH_HINT },
		{ "[Assign]\nDriver=auto\n", 1, NO_MATCH, NO_MATCH_HINT },
		{ "[Match]\nPath\n", 2,
		  "\"Path\" is neither a section (\"[Match]\"), nor a key with a value (\"Path=...\"), nor a comment "
		  "(\"# ...\").",
		  NULL },
		{ "\n[match]\n", 2, "There is no section [match].",
		  "The sections are [Match], [LastSeen], [Assign], [Node] and [SR-IOV]." },
		{ CARD "[Assign]\n[Match]\n", 5, "[Match] was there already, in line 1.", NULL },
		{ CARD "Vendor=8086\n", 4, "Vendor was there already, in line 2.", NULL },
		{ CARD "Vendor=8087\n", 4, "Vendor was there already, in line 2.", NULL },
		{ "[Match]\nvendor=8086\n", 2, "[Match] has no key \"vendor\".", MATCH_KEYS },
		{ "[Match]\nDriver=auto\n", 2, "[Match] has no key \"Driver\".", "Driver belongs into [Assign]." },
		{ CARD "[SR-IOV]\nVF=1\n", 5, "[SR-IOV] has no key \"VF\".", "VF belongs into [Match]." },
		{ CARD "[SR-IOV]\nnumber=1\n", 5, "[SR-IOV] has no key \"number\".", "Its keys are: VFs." },
		{ CARD "[SR-IOV]\n", 4, "[SR-IOV] does not say how many VFs there are to be.", NULL },
		{ "[Match]\nCardType=15b3:1003\nVendor=15b3\n", 3,
		  "CardType already selects the functions, so Vendor cannot stand beside it.", NULL },
		{ "[Match]\nPath=pci-0000:00:1c.0\nCardType=15b3:1003\n", 2,
		  "CardType already selects the functions, so Path cannot stand beside it.", NULL },
		{ "[Match]\nCardType=15b3:1003\nMultiple=no\n", 3,
		  "CardType means all functions of a type, so Multiple cannot be no.", NULL },
		{ "[Match]\nCardType=15b3:1003\n[Assign]\nDriver=mlx5_vfio_pci\n", 4,
		  "A card type is given to vfio-pci and to no other driver.", NULL },
		{ "[SR-IOV]\nVFs=1\n[Match]\nCardType=15b3:1003\n", 2,
		  "A card type is given to vfio-pci, which creates no virtual functions.", NULL },
		{ CARD "Multiple=yes\n[SR-IOV]\nVFs=1\n", 6,
		  "[SR-IOV] is about one physical function, so Multiple cannot be yes.", NULL },
		{ "[Match]\nVF=1 0000:01:00.0\n[SR-IOV]\nVFs=1\n", 4,
		  "A virtual function cannot have virtual functions.", NULL },
		{ "[Match]\n", 1, TELLS_NOTHING, TELLS_NOTHING_HINT },
		{ "\n[Match]\nVendor=8086\nSubVendor=8086\nSubDevice=0000\nClass=010802\nMultiple=yes\n", 2,
		  TELLS_NOTHING, TELLS_NOTHING_HINT },
		{ "[Match]\nDevice=10d3\n", 1, TELLS_NOTHING, TELLS_NOTHING_HINT },
		{ CARD "NvmeSerial=x\n", 4, "NvmeSerial" NOT_ALL, NOT_ALL_HINT },
		{ "[Match]\nMACAddress=52:54:00:12:34:56\n", 2, "MACAddress" NOT_ALL, NOT_ALL_HINT },
	};

	expect_bad(cases, ARRAY_SIZE(cases));
}

static void test_names(void **state)
{
	static const char long_name[] = "a12345678901234567890123456789012345678901234567890123456789012345678901234"
					"567890123456789012345678901234567890123456789012345678";

	assert_true(declaration_name_valid("nvme-0000-01-00.0"));
	assert_true(declaration_name_valid("a:b@c_D.9"));
	assert_true(declaration_name_valid("-"));
	assert_int_equal(strlen(long_name), 129);
	assert_true(declaration_name_valid(long_name + 2));
	assert_false(declaration_name_valid(long_name + 1));
	assert_false(declaration_name_valid(""));
	assert_false(declaration_name_valid(".a"));
	assert_false(declaration_name_valid("../a"));
	assert_false(declaration_name_valid("a/b"));
	assert_false(declaration_name_valid("a b"));
	assert_false(declaration_name_valid("\xc3\xa4"));
}

static void test_clean_name(void **state)
{
	static const struct {
		const char *text, *clean;
	} cases[] = {
		{ "", "" },
		{ "Intel 82574L", "Intel 82574L" },
		{ " \t a\nb\x1b \\ \\", "a b" },
		{ "\\\\", "" },
		{ "\xc3\xa4\xff", "\xc3\xa4" },
		{ "\xc2\x9b" "31m", "31m" },
	};
	char large[300];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(declaration_clean_name(&arena, cases[i].text), cases[i].clean);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(strlen(declaration_clean_name(&arena, large)), 200);
	/* Never half of a character. */
	memcpy(large + 199, "\xc3\xa4", 2);
	assert_int_equal(strlen(declaration_clean_name(&arena, large)), 199);
}

static void test_key_names(void **state)
{
	for (enum match_key key = 0; key < N_MATCH_KEYS; key++)
		assert_non_null(match_key_name(key));
	assert_string_equal(match_key_name(MATCH_MAC), "MACAddress");
	assert_string_equal(match_key_name(MATCH_CARD_TYPE), "CardType");
}

static int clear(void **state)
{
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),	   cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_canonical),  cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_card_type),  cmocka_unit_test(test_vf),
		cmocka_unit_test(test_same_match), cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_files),  cmocka_unit_test(test_names),
		cmocka_unit_test(test_clean_name), cmocka_unit_test(test_key_names),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
