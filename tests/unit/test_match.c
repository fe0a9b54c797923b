/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "base/error.h"
#include "policy/match.h"

static struct vfioadm_inventory *inv;
static struct arena arena;

#define IDS "Vendor=1b36\nDevice=0010\n"
#define SERIAL "00-11-22-ff-fe-33-44-55"
#define OTHER_SERIAL "00-11-22-ff-fe-33-44-56"

static struct declaration declare(const char *lines)
{
	_cleanup_free_ char *text = str_format("%s%s", strchr("[#", *lines) ? "" : "[Match]\n", lines);
	struct vfioadm_error *err = NULL;
	struct declaration d;

	if (declaration_parse("a", "/etc/vfioadm.d/a.conf", text, strlen(text), &arena, &d, &err) < 0)
		fail_msg("%s", vfioadm_error_message(err));
	return d;
}

/* "found 0000:01:00.0", "found moved …", "foreign …", "uncertain Serial 0000:01:00.0 …" */
static const char *match(const char *lines)
{
	static const char *const words[] = {
		[MATCH_FOUND] = "found",	 [MATCH_MISSING] = "missing",	  [MATCH_FOREIGN] = "foreign",
		[MATCH_AMBIGUOUS] = "ambiguous", [MATCH_UNCERTAIN] = "uncertain",
	};
	struct declaration d = declare(lines);
	static char text[512];
	struct match m;
	size_t n;

	assert_int_equal(match_declaration(&d, inv, &m), 0);
	n = (size_t)snprintf(text, sizeof(text), "%s", words[m.outcome]);
	if (m.moved)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " moved");
	assert_int_equal(m.there != NULL, m.outcome == MATCH_FOREIGN);
	if (m.there)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", m.there);
	if (m.outcome == MATCH_UNCERTAIN)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", match_key_name(m.unread));
	for (size_t i = 0; i < m.functions.n; i++) {
		const struct vfioadm_function *f = &inv->functions[m.functions.items[i]];

		/* Whatever comes out, it has the IDs. */
		assert_true(match_candidate(&d, f));
		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s", f->address);
	}
	match_clear(&m);
	assert_null(m.functions.items);
	return text;
}

static struct vfioadm_function *nvme(const char *address, const char *path, const char *driver)
{
	struct vfioadm_function *f = build_function(inv, address, 0x1b36, 0x0010, 0x010802);

	f->subsystem_vendor = uint_known(0x1af4);
	f->subsystem_device = uint_known(0x1100);
	f->path = str_known(path);
	f->driver = str_known(driver);
	return f;
}

/* Two of a kind, and a network card of another. */
static int twins(void **state)
{
	struct vfioadm_function *f;

	inv = build_inventory();
	f = nvme("0000:01:00.0", "pci-0000:00:1c.0/00.0", "nvme");
	f->nvme_serial = str_known("TWIN1");
	f->serial = str_known(SERIAL);
	f = nvme("0000:02:00.0", "pci-0000:00:1c.1/00.0", "vfio-pci");
	/* Only its native driver would tell. */
	f->nvme_serial.state = VFIOADM_UNKNOWN;
	f->serial = str_known(OTHER_SERIAL);
	f = build_function(inv, "0000:03:00.0", 0x8086, 0x10d3, 0x020000);
	f->path = str_known("pci-0000:00:1c.2/00.0");
	f->mac = str_known("52:54:00:12:34:56");
	f->driver = str_known("e1000e");
	build_finish(inv);
	return 0;
}

static struct vfioadm_function *at(const char *address)
{
	struct vfioadm_function *f = inventory_get(inv, address);

	assert_non_null(f);
	return f;
}

static int clear(void **state)
{
	vfioadm_inventory_free(inv);
	inv = NULL;
	arena_free(&arena);
	return 0;
}

static void test_keys(void **state)
{
	static const struct {
		const char *lines, *outcome;
	} cases[] = {
		{ IDS, "ambiguous 0000:01:00.0 0000:02:00.0" },
		{ IDS "Multiple=yes", "found 0000:01:00.0 0000:02:00.0" },
		{ IDS "SubVendor=1af4\nSubDevice=1100\nClass=010802\nMultiple=yes",
		  "found 0000:01:00.0 0000:02:00.0" },
		{ IDS "SubVendor=1af5\nMultiple=yes", "missing" },
		{ IDS "SubDevice=1101\nMultiple=yes", "missing" },
		{ IDS "Class=010801\nMultiple=yes", "missing" },
		{ "Vendor=8086\nDevice=10d3", "found 0000:03:00.0" },
		{ "Vendor=8086\nDevice=10d3\nSubVendor=0000", "missing" },
		{ "Vendor=8086\nDevice=10d3\nMultiple=yes", "found 0000:03:00.0" },
		{ "Vendor=8086\nDevice=10d4", "missing" },
		{ "CardType=1b36:0010", "found 0000:01:00.0 0000:02:00.0" },
		{ "CardType=1b36:0010:1af4:1100", "found 0000:01:00.0 0000:02:00.0" },
		{ "CardType=1b36:0010:1af4:1101", "missing" },
		{ "CardType=1b36:0011", "missing" },
		{ "Path=pci-0000:00:1c.1/00.0", "found 0000:02:00.0" },
		{ "Path=pci-0000:00:1c.1/00.1", "missing" },
		{ "Path=pci-0000:00:1c.1", "missing" },
		{ "Address=0000:02:00.0", "found 0000:02:00.0" },
		{ "Address=0001:02:00.0", "missing" },
		{ "Serial=" SERIAL, "found 0000:01:00.0" },
		{ IDS "Serial=" OTHER_SERIAL, "found 0000:02:00.0" },
		{ "Serial=00-11-22-ff-fe-33-44-57", "missing" },
		/* All must hold. */
		{ "Path=pci-0000:00:1c.1/00.0\nSerial=" OTHER_SERIAL "\nAddress=0000:02:00.0",
		  "found 0000:02:00.0" },
		{ "UID=10", "missing" },
		{ "FID=10", "missing" },
		{ "PCHID=10", "missing" },
		{ "VF=0 0000:01:00.0", "missing" },
		{ "VF=0 pci-0000:00:1c.0/00.0", "missing" },
		/* What can be read only under the native driver. */
		{ "Path=pci-0000:00:1c.0/00.0\nNvmeSerial=TWIN1", "found 0000:01:00.0" },
		{ "Path=pci-0000:00:1c.1/00.0\nNvmeSerial=TWIN2", "uncertain NvmeSerial 0000:02:00.0" },
		{ "Path=pci-0000:00:1c.2/00.0\nMACAddress=52:54:00:12:34:56", "found 0000:03:00.0" },
		{ "Path=pci-0000:00:1c.2/00.0\nMACAddress=52:54:00:12:34:57", "foreign 0000:03:00.0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(match(cases[i].lines), cases[i].outcome);
}

/* What stands in the place of the one that is meant is another card: it is named, and not taken. */
static void test_foreign(void **state)
{
	static const struct {
		const char *lines, *outcome;
	} cases[] = {
		{ "Path=pci-0000:00:1c.2/00.0\n" IDS, "foreign 0000:03:00.0" },
		{ "Path=pci-0000:00:1c.0/00.0\n" IDS "SubDevice=1101", "foreign 0000:01:00.0" },
		{ "Path=pci-0000:00:1c.0/00.0\n" IDS "Class=010801", "foreign 0000:01:00.0" },
		{ "Path=pci-0000:00:1c.0/00.0\n" IDS "Serial=" OTHER_SERIAL, "foreign 0000:01:00.0" },
		/* A twin in the same slot is another card as well, where its number is known. */
		{ "Path=pci-0000:00:1c.0/00.0\n" IDS "NvmeSerial=TWIN3", "foreign 0000:01:00.0" },
		{ "Address=0000:03:00.0\n" IDS, "foreign 0000:03:00.0" },
		{ "[Match]\nVendor=15b3\nDevice=1003\n[LastSeen]\nAddress=0000:01:00.0\n",
		  "foreign 0000:01:00.0" },
		{ "[Match]\nSerial=00-00-00-00-00-00-00-01\n" IDS "[LastSeen]\nAddress=0000:02:00.0\n",
		  "foreign 0000:02:00.0" },
		{ "[Match]\nSerial=00-00-00-00-00-00-00-01\n" IDS "[LastSeen]\nAddress=0000:09:00.0\n",
		  "missing" },
		/* Its place says more than where it was seen. */
		{ "[Match]\nPath=pci-0000:00:1c.2/00.0\n" IDS "[LastSeen]\nAddress=0000:01:00.0\n",
		  "foreign 0000:03:00.0" },
		/* The twin that is elsewhere is not the one that is meant. */
		{ "[Match]\nPath=pci-0000:00:1c.2/00.0\n" IDS "[LastSeen]\nAddress=0000:03:00.0\n",
		  "foreign 0000:03:00.0" },
		/* Of several none was seen there in particular. */
		{ "[Match]\nVendor=15b3\nDevice=1003\nMultiple=yes\n[LastSeen]\nAddress=0000:01:00.0\n",
		  "missing" },
		{ "[Match]\nCardType=15b3:1003\n[LastSeen]\nAddress=0000:01:00.0\n", "missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(match(cases[i].lines), cases[i].outcome);
}

static void test_moved(void **state)
{
	static const struct {
		const char *lines, *outcome;
	} cases[] = {
		/* Followed, though another card is where it was. */
		{ "[Match]\nSerial=" SERIAL "\n" IDS "[LastSeen]\nAddress=0000:03:00.0\n",
		  "found moved 0000:01:00.0" },
		{ "[Match]\nSerial=" SERIAL "\n" IDS "[LastSeen]\nAddress=0000:02:00.0\n",
		  "found moved 0000:01:00.0" },
		{ "[Match]\nSerial=" SERIAL "\n" IDS "[LastSeen]\nAddress=0000:01:00.0\n", "found 0000:01:00.0" },
		{ "[Match]\nSerial=" SERIAL "\n[LastSeen]\nName=x\n", "found 0000:01:00.0" },
		/* Bus numbers have shifted. */
		{ "[Match]\nPath=pci-0000:00:1c.0/00.0\n" IDS "[LastSeen]\nAddress=0000:02:00.0\n",
		  "found moved 0000:01:00.0" },
		{ "[Match]\n" IDS "Multiple=yes\n[LastSeen]\nAddress=0000:02:00.0\n",
		  "found 0000:01:00.0 0000:02:00.0" },
		{ "[Match]\n" IDS "Multiple=yes\n[LastSeen]\nAddress=0000:03:00.0\n",
		  "found moved 0000:01:00.0 0000:02:00.0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(match(cases[i].lines), cases[i].outcome);
}

/* A value that could not be read is no match, and no proof of the contrary. */
static void test_unread(void **state)
{
	at("0000:02:00.0")->serial.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("Serial=" OTHER_SERIAL "\n" IDS), "uncertain Serial 0000:02:00.0");
	/* Another card that does not answer is in the way of none that does. */
	assert_string_equal(match("Serial=" SERIAL "\n" IDS), "found 0000:01:00.0");
	/* Nor is it taken for a stranger. */
	assert_string_equal(match("[Match]\nSerial=" OTHER_SERIAL "\n" IDS "[LastSeen]\nAddress=0000:02:00.0\n"),
			    "uncertain Serial 0000:02:00.0");
	assert_string_equal(match("Serial=" OTHER_SERIAL "\n" IDS "Path=pci-0000:00:1c.1/00.0"),
			    "uncertain Serial 0000:02:00.0");
	assert_string_equal(match("Serial=" OTHER_SERIAL "\n" IDS "Path=pci-0000:00:1c.0/00.0"),
			    "foreign 0000:01:00.0");
	at("0000:01:00.0")->serial.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("Serial=" OTHER_SERIAL "\n" IDS), "uncertain Serial 0000:01:00.0 0000:02:00.0");
	assert_string_equal(match("Serial=" OTHER_SERIAL "\n" IDS "Multiple=yes"),
			    "uncertain Serial 0000:01:00.0 0000:02:00.0");
	at("0000:02:00.0")->path.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("Path=pci-0000:00:1c.1/00.0\n" IDS), "uncertain Path 0000:02:00.0");
	at("0000:02:00.0")->vendor.state = VFIOADM_UNKNOWN;
	/* The first that could not be read, in the order of the keys. */
	assert_string_equal(match("Path=pci-0000:00:1c.1/00.0\n" IDS), "uncertain Path 0000:02:00.0");
	assert_string_equal(match("Address=0000:02:00.0\n" IDS), "uncertain Vendor 0000:02:00.0");
	assert_string_equal(match("Address=0000:02:00.0\nVendor=1b36\nDevice=0011"), "foreign 0000:02:00.0");
}

/* Its serial number was looked at before it was assigned, and cannot be any more. */
static void test_unread_since_it_is_assigned(void **state)
{
	struct vfioadm_function *f = at("0000:02:00.0");

	f->vfio = uint_known(0);
	f->driver.state = VFIOADM_NONE;
	assert_string_equal(match("Path=pci-0000:00:1c.1/00.0\nNvmeSerial=TWIN2"),
			    "uncertain NvmeSerial 0000:02:00.0");
	f->vfio = uint_known(1);
	f->driver = str_known("vfio-pci");
	assert_string_equal(match("Path=pci-0000:00:1c.1/00.0\nNvmeSerial=TWIN2"), "found 0000:02:00.0");
	assert_string_equal(match("[Match]\nPath=pci-0000:00:1c.1/00.0\nNvmeSerial=TWIN2\n"
				  "[LastSeen]\nAddress=0000:05:00.0\n"),
			    "found moved 0000:02:00.0");
	/* Another driver than the one that is declared is not what was done about this declaration. */
	assert_string_equal(match("[Match]\nPath=pci-0000:00:1c.1/00.0\nNvmeSerial=TWIN2\n"
				  "[Assign]\nDriver=nvme-vfio-pci\n"),
			    "uncertain NvmeSerial 0000:02:00.0");
	/* The other one is known to be it, or may be it. */
	assert_string_equal(match("Class=010802\nSerial=" SERIAL "\nNvmeSerial=TWIN1"), "found 0000:01:00.0");
	f->serial.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("Serial=" OTHER_SERIAL "\nNvmeSerial=TWIN2"),
			    "uncertain Serial 0000:02:00.0");
}

static void test_unread_card_type(void **state)
{
	struct vfioadm_function *f = at("0000:02:00.0");

	at("0000:01:00.0")->device = uint_known(0x0011);
	f->subsystem_vendor.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("CardType=1b36:0010"), "found 0000:02:00.0");
	assert_string_equal(match("CardType=1b36:0010:1af4"), "uncertain CardType 0000:02:00.0");
	assert_string_equal(match("CardType=1b36:0010:1af4:1101"), "missing");
	f->class_code.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("CardType=1b36:0010:1af4:1100:010802"), "uncertain CardType 0000:02:00.0");
	f->vendor.state = f->device.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("CardType=1b36:0012"), "uncertain CardType 0000:02:00.0");
	assert_string_equal(match("CardType=8086:10d3"), "found 0000:03:00.0");
}

/* Functions of one card can share its number: one that does not answer may be the one that is meant. */
static void test_siblings(void **state)
{
	struct vfioadm_function *f;

	f = nvme("0000:01:00.1", "pci-0000:00:1c.0/00.1", "nvme");
	f->serial.state = VFIOADM_UNKNOWN;
	build_finish(inv);
	assert_string_equal(match("Serial=" SERIAL "\n" IDS), "uncertain Serial 0000:01:00.0 0000:01:00.1");
	/* The path tells them apart. */
	assert_string_equal(match("Serial=" SERIAL "\n" IDS "Path=pci-0000:00:1c.0/00.0"), "found 0000:01:00.0");
	assert_string_equal(match("Serial=" SERIAL "\n" IDS "Multiple=yes"), "found 0000:01:00.0");
	at("0000:01:00.1")->serial = str_known(SERIAL);
	assert_string_equal(match("Serial=" SERIAL "\n" IDS), "ambiguous 0000:01:00.0 0000:01:00.1");
	at("0000:01:00.1")->device = uint_known(0x0011);
	assert_string_equal(match("Serial=" SERIAL "\n" IDS), "found 0000:01:00.0");
}

static struct vfioadm_function *zpci(const char *address, uint64_t uid, uint64_t fid, uint64_t unique)
{
	struct vfioadm_function *f = build_function(inv, address, 0x15b3, 0x1016, 0x020000);

	f->uid = uint_known(uid);
	f->fid = uint_known(fid);
	f->pchid = uint_known(0x1c0);
	f->uid_is_unique = uint_known(unique);
	return f;
}

static int s390(void **state)
{
	inv = build_inventory();
	inv->facts.machine = MACHINE_S390;
	zpci("0010:00:00.0", 0x10, 0x100, 1);
	zpci("0011:00:00.0", 0x11, 0x101, 1);
	build_finish(inv);
	return 0;
}

static void test_s390(void **state)
{
	assert_string_equal(match("UID=11"), "found 0011:00:00.0");
	assert_string_equal(match("FID=101"), "found 0011:00:00.0");
	assert_string_equal(match("UID=11\nFID=101\nPCHID=1c0"), "found 0011:00:00.0");
	assert_string_equal(match("UID=11\nFID=100"), "foreign 0011:00:00.0");
	assert_string_equal(match("UID=12"), "missing");
	assert_string_equal(match("PCHID=1c0"), "ambiguous 0010:00:00.0 0011:00:00.0");
	assert_string_equal(match("UID=10\nVendor=8086\nDevice=1016"), "foreign 0010:00:00.0");
	assert_string_equal(match("FID=100\nVendor=8086\nDevice=1016"), "foreign 0010:00:00.0");
	assert_string_equal(match("[Match]\nFID=101\n[LastSeen]\nAddress=0001:00:00.0\n"),
			    "found moved 0011:00:00.0");
	assert_string_equal(match("PCHID=1c0\nUID=10"), "found 0010:00:00.0");
	at("0010:00:00.0")->pchid.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("PCHID=1c0\nUID=10"), "uncertain PCHID 0010:00:00.0");
	at("0010:00:00.0")->fid.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("FID=100"), "uncertain FID 0010:00:00.0");
}

/* Without the machine's word for it, a UID is a number that anybody may have tomorrow. */
static void test_uid_not_unique(void **state)
{
	static const struct vfioadm_uint not[] = { { VFIOADM_KNOWN, 0 }, { VFIOADM_UNKNOWN, 0 }, { VFIOADM_NONE, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(not); i++) {
		at("0010:00:00.0")->uid_is_unique = not[i];
		assert_string_equal(match("UID=10"), "uncertain UID 0010:00:00.0");
		assert_string_equal(match("UID=11"), "found 0011:00:00.0");
		assert_string_equal(match("FID=100"), "found 0010:00:00.0");
	}
}

/* An SR-IOV card with two virtual functions; the second is on another bus. */
static int sriov(void **state)
{
	struct vfioadm_function *f;

	inv = build_inventory();
	f = build_function(inv, "0000:01:00.0", 0x8086, 0x10c9, 0x020000);
	f->path = str_known("pci-0000:00:1c.0/00.0");
	f->serial = str_known(SERIAL);
	for (unsigned i = 0; i < 2; i++) {
		f = build_function(inv, i ? "0000:02:10.0" : "0000:01:10.0", 0x8086, 0x10ca, 0x020000);
		f->physfn = str_known("0000:01:00.0");
		f->vf_index = uint_known(i);
		f->path = str_known(i ? "pci-0000:00:1c.0/00.0/virtfn1" : "pci-0000:00:1c.0/00.0/virtfn0");
	}
	build_finish(inv);
	return 0;
}

static void test_vf(void **state)
{
	struct vfioadm_function *f = at("0000:02:10.0");

	assert_string_equal(match("VF=1 pci-0000:00:1c.0/00.0"), "found 0000:02:10.0");
	assert_string_equal(match("VF=1 0000:01:00.0"), "found 0000:02:10.0");
	assert_string_equal(match("VF=0 0000:01:00.0\nVendor=8086\nDevice=10ca"), "found 0000:01:10.0");
	assert_string_equal(match("VF=2 pci-0000:00:1c.0/00.0"), "missing");
	assert_string_equal(match("VF=1 pci-0000:00:1c.0"), "missing");
	assert_string_equal(match("VF=1 0000:01:00.1"), "missing");
	assert_string_equal(match("VF=1 0000:01:00.0\nVendor=8086\nDevice=10cb"), "foreign 0000:02:10.0");
	/* The path of a PF does not mean its virtual functions. */
	assert_string_equal(match("Path=pci-0000:00:1c.0/00.0"), "found 0000:01:00.0");
	f->path.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("VF=1 pci-0000:00:1c.0/00.0"), "uncertain VF 0000:02:10.0");
	assert_string_equal(match("VF=1 0000:01:00.0"), "found 0000:02:10.0");
	f->vf_index.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("VF=1 0000:01:00.0"), "uncertain VF 0000:02:10.0");
	assert_string_equal(match("VF=0 0000:01:00.0"), "found 0000:01:10.0");
	f->physfn.state = VFIOADM_UNKNOWN;
	assert_string_equal(match("VF=1 0000:01:00.0"), "uncertain VF 0000:02:10.0");
}

static void test_facets(void **state)
{
	static const struct {
		const char *lines;
		unsigned facets, others;
	} cases[] = {
		{ IDS, 0, 0 },
		{ "CardType=1b36:0010", 0, 0 },
		{ "Address=0000:01:00.0", 0, 0 },
		{ "FID=1", 0, 0 },
		{ "UID=1", VFIOADM_FACET_IDENTITY, 0 },
		{ "PCHID=1", VFIOADM_FACET_IDENTITY, 0 },
		{ "Serial=" SERIAL, VFIOADM_FACET_IDENTITY, 0 },
		{ "Path=pci-0000:00:1c.0", VFIOADM_FACET_PATH, VFIOADM_FACET_PATH },
		{ "VF=1 0000:01:00.0", VFIOADM_FACET_PATH, VFIOADM_FACET_PATH },
		{ "Path=pci-0000:00:1c.0\nNvmeSerial=x", VFIOADM_FACET_PATH | VFIOADM_FACET_IDENTITY,
		  VFIOADM_FACET_PATH },
		{ "Address=0000:01:00.0\nMACAddress=52:54:00:12:34:56", VFIOADM_FACET_IDENTITY, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct declaration d = declare(cases[i].lines);

		assert_int_equal(match_facets(&d), cases[i].facets | VFIOADM_FACET_BASIC);
		assert_int_equal(match_facets_others(&d), cases[i].others | VFIOADM_FACET_BASIC);
	}
}

static void test_candidates(void **state)
{
	struct declaration ids = declare(IDS "Serial=" SERIAL), none = declare("Serial=" SERIAL);
	struct declaration type = declare("CardType=1b36:0010"), class = declare(IDS "Class=010801");

	assert_true(match_candidate(&ids, at("0000:01:00.0")));
	/* By its IDs alone. */
	assert_true(match_candidate(&ids, at("0000:02:00.0")));
	assert_false(match_candidate(&ids, at("0000:03:00.0")));
	assert_true(match_candidate(&none, at("0000:03:00.0")));
	assert_true(match_candidate(&type, at("0000:02:00.0")));
	assert_false(match_candidate(&type, at("0000:03:00.0")));
	assert_false(match_candidate(&class, at("0000:01:00.0")));
	at("0000:03:00.0")->vendor.state = VFIOADM_UNKNOWN;
	at("0000:03:00.0")->device.state = VFIOADM_UNKNOWN;
	assert_true(match_candidate(&ids, at("0000:03:00.0")));
}

/* ---- identity ---- */

/* "Serial card 00-11-…", and it means this function and no other. */
static const char *identity(const char *address)
{
	static const char *const words[] = {
		[TRUST_CARD] = "card", [TRUST_SLOT] = "slot", [TRUST_ADDRESS] = "address" };
	const struct vfioadm_function *f = at(address);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct declaration d, again;
	static char out[256];
	enum match_key key;
	enum trust trust;
	struct match m;

	assert_int_equal(identity_of(inv, f, &arena, &d, &key, &trust), 0);
	assert_non_null(d.match[key]);
	assert_string_equal(d.seen_address, address);
	assert_true(declaration_name_valid(d.name));
	assert_int_equal(match_declaration(&d, inv, &m), 0);
	assert_int_equal(m.outcome, MATCH_FOUND);
	assert_int_equal(m.functions.n, 1);
	assert_ptr_equal(&inv->functions[m.functions.items[0]], f);
	assert_false(m.moved);
	match_clear(&m);
	/* It can be written, and means the same when it is read. */
	declaration_format(&d, &text);
	again = declare(text.s);
	assert_true(declaration_same_match(&d, &again));
	for (size_t i = 0; i < N_MATCH_KEYS; i++)
		assert_true(d.number[i] == again.number[i]);
	assert_true(streq_null(d.vf_of, again.vf_of) && d.vf_index == again.vf_index);
	assert_true(streq_null(d.seen_name, again.seen_name));
	snprintf(out, sizeof(out), "%s %s %s", match_key_name(key), words[trust], d.match[key]);
	return out;
}

static void test_identity_serial(void **state)
{
	struct vfioadm_function *f = at("0000:02:00.0");

	assert_string_equal(identity("0000:01:00.0"), "Serial card " SERIAL);
	assert_string_equal(identity("0000:02:00.0"), "Serial card " OTHER_SERIAL);
	/* Twins that share one, or may. */
	f->serial = str_known(SERIAL);
	assert_string_equal(identity("0000:01:00.0"), "Path slot pci-0000:00:1c.0/00.0");
	f->serial.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0000:01:00.0"), "Path slot pci-0000:00:1c.0/00.0");
	assert_string_equal(identity("0000:02:00.0"), "Path slot pci-0000:00:1c.1/00.0");
	f->serial.state = VFIOADM_NONE;
	assert_string_equal(identity("0000:01:00.0"), "Serial card " SERIAL);
	/* A card of another kind that does not answer matters not, one that has the same number does. */
	f = at("0000:03:00.0");
	f->serial.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0000:01:00.0"), "Serial card " SERIAL);
	f->serial = str_known(SERIAL);
	assert_string_equal(identity("0000:01:00.0"), "Path slot pci-0000:00:1c.0/00.0");
	assert_string_equal(identity("0000:03:00.0"), "Path slot pci-0000:00:1c.2/00.0");
}

static void test_identity_path(void **state)
{
	assert_string_equal(identity("0000:03:00.0"), "Path slot pci-0000:00:1c.2/00.0");
	at("0000:02:00.0")->path = str_known("pci-0000:00:1c.2/00.0");
	assert_string_equal(identity("0000:03:00.0"), "Address address 0000:03:00.0");
	at("0000:03:00.0")->path.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0000:03:00.0"), "Address address 0000:03:00.0");
}

static void test_identity_s390(void **state)
{
	struct vfioadm_function *f = at("0010:00:00.0");

	f->serial = str_known(SERIAL);
	f->path = str_known("pci-0010:00:00.0");
	assert_string_equal(identity("0010:00:00.0"), "UID card 0010");
	f->uid_is_unique = uint_known(0);
	assert_string_equal(identity("0010:00:00.0"), "FID card 00000100");
	f->uid_is_unique.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0010:00:00.0"), "FID card 00000100");
	f->uid_is_unique = uint_known(1);
	f->uid = uint_known(0);
	assert_string_equal(identity("0010:00:00.0"), "FID card 00000100");
	f->uid.state = VFIOADM_NONE;
	f->fid.state = VFIOADM_NONE;
	assert_string_equal(identity("0010:00:00.0"), "Serial card " SERIAL);
}

static void test_identity_vf(void **state)
{
	struct vfioadm_function *f = at("0000:02:10.0");

	assert_string_equal(identity("0000:01:00.0"), "Serial card " SERIAL);
	assert_string_equal(identity("0000:02:10.0"), "VF slot 1 pci-0000:00:1c.0/00.0");
	/* Their PF's number is not theirs. */
	f->serial = str_known(SERIAL);
	assert_string_equal(identity("0000:02:10.0"), "VF slot 1 pci-0000:00:1c.0/00.0");
	assert_string_equal(identity("0000:01:00.0"), "Path slot pci-0000:00:1c.0/00.0");
	f->path.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0000:02:10.0"), "VF address 1 0000:01:00.0");
	f->vf_index.state = VFIOADM_UNKNOWN;
	assert_string_equal(identity("0000:02:10.0"), "Address address 0000:02:10.0");
}

static void test_identity_ids(void **state)
{
	struct vfioadm_function *f = at("0000:01:00.0");
	struct declaration d = { .name = "untouched" };
	enum match_key key;
	enum trust trust;

	f->vendor_name = str_known("Red\x1b Hat");
	f->device_name = str_known("QEMU NVM Express Controller\\");
	assert_int_equal(identity_of(inv, f, &arena, &d, &key, &trust), 0);
	assert_string_equal(d.name, "nvme-0000-01-00.0");
	assert_string_equal(d.seen_name, "Red  Hat QEMU NVM Express Controller");
	assert_string_equal(d.match[MATCH_VENDOR], "1b36");
	assert_string_equal(d.match[MATCH_DEVICE], "0010");
	assert_string_equal(d.match[MATCH_SUBVENDOR], "1af4");
	assert_string_equal(d.match[MATCH_SUBDEVICE], "1100");
	assert_null(d.match[MATCH_CLASS]);
	assert_null(d.match[MATCH_NVME_SERIAL]);
	assert_null(d.driver);
	assert_null(d.file);
	assert_false(d.multiple || d.whole_group);
	assert_int_equal(d.vfs.state, VFIOADM_NONE);
	/* What it does not have is not asked for. */
	assert_int_equal(identity_of(inv, at("0000:03:00.0"), &arena, &d, &key, &trust), 0);
	assert_string_equal(d.name, "net-0000-03-00.0");
	assert_null(d.match[MATCH_SUBVENDOR]);
	assert_null(d.seen_name);
	f->device.state = VFIOADM_UNKNOWN;
	assert_int_equal(identity_of(inv, f, &arena, &d, &key, &trust), -ENODATA);
	assert_string_equal(d.name, "net-0000-03-00.0");
}

static void test_identity_names(void **state)
{
	static const struct {
		uint32_t class_code;
		const char *name;
	} cases[] = {
		{ 0x010802, "nvme-0000-03-00.0" },   { 0x010400, "storage-0000-03-00.0" },
		{ 0x020700, "net-0000-03-00.0" },    { 0x030000, "gpu-0000-03-00.0" },
		{ 0x040300, "media-0000-03-00.0" },  { 0x0c0330, "usb-0000-03-00.0" },
		{ 0x0c0500, "pci-0000-03-00.0" },    { 0x0b4000, "accelerator-0000-03-00.0" },
		{ 0x120000, "accelerator-0000-03-00.0" }, { 0xff0000, "pci-0000-03-00.0" },
	};
	struct declaration d;
	enum match_key key;
	enum trust trust;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		at("0000:03:00.0")->class_code = uint_known(cases[i].class_code);
		assert_int_equal(identity_of(inv, at("0000:03:00.0"), &arena, &d, &key, &trust), 0);
		assert_string_equal(d.name, cases[i].name);
	}
}

static void test_rivals(void **state)
{
	struct vfioadm_function *f;

	build_function(inv, "0000:03:00.1", 0x1234, 0x1111, 0x030000);
	build_finish(inv);
	f = at("0000:03:00.0");
	assert_false(identity_rival(f, f));
	assert_true(identity_rival(f, at("0000:03:00.1")));
	assert_false(identity_rival(f, at("0000:01:00.0")));
	assert_true(identity_rival(at("0000:01:00.0"), at("0000:02:00.0")));
}

#define ON(host, name) cmocka_unit_test_setup_teardown(name, host, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(twins, test_keys),		 ON(twins, test_foreign),
		ON(twins, test_moved),		 ON(twins, test_unread),
		ON(twins, test_unread_since_it_is_assigned),
		ON(twins, test_unread_card_type), ON(twins, test_siblings),
		ON(s390, test_s390),		 ON(s390, test_uid_not_unique),
		ON(sriov, test_vf),		 ON(twins, test_facets),
		ON(twins, test_candidates),
		ON(twins, test_identity_serial), ON(twins, test_identity_path),
		ON(s390, test_identity_s390),	 ON(sriov, test_identity_vf),
		ON(twins, test_identity_ids),	 ON(twins, test_identity_names),
		ON(twins, test_rivals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
