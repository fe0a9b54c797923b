/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IDENTITY, DETAIL, DRIVERS and LOCKED of one function. */
#include <string.h>

#include "host/observe_private.h"
#include "tmp_tree.h"

#define NVME "1b36 0010 1af4 1100 010802"
#define NIC  "8086 10d3 8086 a01f 020000"

#define PLACE	      "pci0000:00/0000:00:1c.0/0000:01:00.0"
#define FILE_OF(name) "sys/devices/" PLACE "/" name

static struct vfioadm_function *look(struct tmp_tree *t, const char *address, unsigned facets)
{
	struct vfioadm_function *f;

	tmp_observe(t);
	f = tmp_get(t, address);
	assert_int_equal(observe_function(t->host, t->inv, f, facets), 0);
	assert_int_equal(f->facets, VFIOADM_FACET_BASIC | facets);
	return f;
}

static struct vfioadm_function *look_identity(struct tmp_tree *t)
{
	return look(t, "0000:01:00.0", VFIOADM_FACET_IDENTITY);
}

/* ---- IDENTITY ---- */

static void test_bridge_path(void **state)
{
	static const char *const rows[][2] = {
		{"sys/devices/pci0000:00/0000:00:03.0", "pci-0000:00:03.0"},
		{"sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0", "pci-0000:00:1c.0/00.0"},
		{"sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/0000:02:1f.7",
		 "pci-0000:00:1c.0/00.0/1f.7"},
		{"sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0",
		 "pci-0000:00:0e.0/06.0/00.0"},
		{"sys/devices/platform/40000000.pcie/pci0000:00/0000:00:01.0", "pci-0000:00:01.0"},
		{"sys/devices/pci0010:00/0010:00:00.0", "pci-0010:00:00.0"},
		{"sys/devices/virtual/net/lo", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *path = identity_bridge_path(rows[i][0]);

		assert_true(streq_null(path, rows[i][1]));
		free(path);
	}
}

static void put_long(unsigned char *config, size_t at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		config[at + (size_t)i] = (unsigned char)(v >> 8 * i);
}

/* A configuration space with a vendor and two extended capabilities, the second one at 0x150. */
static void fill_config(unsigned char config[4096], uint32_t low, uint32_t high)
{
	memset(config, 0, 4096);
	put_long(config, 0, 0x00108086);
	put_long(config, 0x100, 0x15010001);
	put_long(config, 0x150, 0x00010003);
	put_long(config, 0x154, low);
	put_long(config, 0x158, high);
}

static void test_serial(void **state)
{
	unsigned char config[4096];
	char text[24];
	struct vfioadm_str s;

	fill_config(config, 0xfe334455, 0x001122ff);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "00-11-22-ff-fe-33-44-55");
	/* Not root. */
	s = identity_serial(config, 64, text);
	assert_string_equal(text_of(&s), "?");
	/* Conventional PCI: no room for one. */
	s = identity_serial(config, 256, text);
	assert_string_equal(text_of(&s), "-");
	/* Cut in the middle of the number. */
	s = identity_serial(config, 0x15b, text);
	assert_string_equal(text_of(&s), "-");
	fill_config(config, 0, 0);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "-");
	fill_config(config, 0xffffffff, 0xffffffff);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "-");
	/* Half of it zero is a number all the same. */
	fill_config(config, 0, 1);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "00-00-00-01-00-00-00-00");
	/* A virtual function. */
	put_long(config, 0, 0xffffffff);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "00-00-00-01-00-00-00-00");
	/* Gone or without power. */
	memset(config, 0xff, sizeof(config));
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "?");
	/* A list that leads to itself, one that leads out, and one that points into the standard part. */
	fill_config(config, 1, 1);
	put_long(config, 0x100, 0x10010001);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "-");
	put_long(config, 0x100, 0xffc10001);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "-");
	put_long(config, 0x100, 0x04010001);
	s = identity_serial(config, sizeof(config), text);
	assert_string_equal(text_of(&s), "-");
}

static void test_serial_of_sleeping_function(void **state)
{
	struct tmp_tree *t = *state;
	unsigned char config[4096];

	tmp_function(t, PLACE, NVME, NULL, 1);
	fill_config(config, 0xfe334455, 0x001122ff);
	tmp_data(t, FILE_OF("config"), config, sizeof(config));
	tmp_file(t, FILE_OF("power_state"), "D0\n");
	assert_string_equal(text_of(&look_identity(t)->serial), "00-11-22-ff-fe-33-44-55");
	/* To read it would switch it on. */
	tmp_file(t, FILE_OF("power_state"), "D3cold\n");
	assert_string_equal(text_of(&look_identity(t)->serial), "?");
}

static void test_ebcdic(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		const char *text;
	} rows[] = {
		{"\xc8\xc5\xd3\xd3\xd6\x40\xf0\xf9\x40\x40\0\0", 12, "HELLO 09"},
		{"\x81\x89\x91\x99\xa2\xa9\x4b\x60\x6d", 9, "aijrsz.-_"},
		{"\x40\x40", 2, ""},
		{"\0", 1, ""},
		{"\x43\x5a", 2, "\xc3\xa4!"}, /* a umlaut */
		{"\xc1\x05\xc2", 3, "A?B"},
		{"", 0, ""},
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		identity_ebcdic((const unsigned char *)rows[i].data, rows[i].size, text,
				sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
	/* Cut between characters, never within one. */
	identity_ebcdic((const unsigned char *)"\x43\x43\x43", 3, text, 6);
	assert_string_equal(text, "\xc3\xa4\xc3\xa4");
}

static void test_s390_attributes(void **state)
{
	struct tmp_tree *t = *state;
	const struct vfioadm_function *f;

	tmp_function(t, "pci00a1:00/00a1:00:00.0", NVME, "nvme", 0);
#define ZPCI(name) "sys/devices/pci00a1:00/00a1:00:00.0/" name
	tmp_file(t, ZPCI("function_id"), "0x00000100\n");
	tmp_file(t, ZPCI("uid"), "0xa1\n");
	tmp_file(t, ZPCI("uid_is_unique"), "1\n");
	tmp_file(t, ZPCI("pchid"), "0x01fc\n");
	tmp_file(t, ZPCI("pfgid"), "0x06\n");
	tmp_file(t, ZPCI("pft"), "0x0a\n");
	tmp_file(t, ZPCI("port"), "1\n");
	tmp_file(t, ZPCI("vfn"), "0x0010\n");
	tmp_data(t, ZPCI("util_string"), "\xc1\xc2\x40\x40", 4);
	tmp_dir(t, "sys/bus/pci/slots/00000100");
	f = look(t, "00a1:00:00.0", VFIOADM_FACET_IDENTITY);
	assert_true(uint_is(&f->uid_is_unique, 1) && uint_is(&f->pchid, 0x1fc));
	assert_true(uint_is(&f->pfgid, 6) && uint_is(&f->pft, 10));
	assert_true(uint_is(&f->port, 1) && uint_is(&f->vfn, 16));
	assert_string_equal(text_of(&f->util_string), "AB");
	assert_string_equal(text_of(&f->physical_slot), "00000100");
	assert_string_equal(text_of(&f->path), "pci-00a1:00:00.0");
}

static void test_slots(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, PLACE, NVME, NULL, 1);
	assert_string_equal(text_of(&look_identity(t)->physical_slot), "-");
	tmp_file(t, "sys/bus/pci/slots/1/address", "0000:01:01\n");
	tmp_file(t, "sys/bus/pci/slots/2/address", "0000:011\n");
	tmp_file(t, "sys/bus/pci/slots/3/address", "0001:01:00\n");
	assert_string_equal(text_of(&look_identity(t)->physical_slot), "-");
	tmp_file(t, "sys/bus/pci/slots/4-1/address", "0000:01\n");
	assert_string_equal(text_of(&look_identity(t)->physical_slot), "4-1");
	tmp_file(t, "sys/bus/pci/slots/0/address", "0000:01:00\n");
	assert_string_equal(text_of(&look_identity(t)->physical_slot), "0");
	assert_int_equal(look_identity(t)->pchid.state, VFIOADM_NONE);
}

static void test_nvme_serial(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, PLACE, NVME, "nvme", 1);
	tmp_file(t, FILE_OF("nvme/nvme3/serial"), "S4EWNX0R   \033 \n");
	assert_string_equal(text_of(&look_identity(t)->nvme_serial), "S4EWNX0R   ?");
	/* Another driver does not tell. */
	tmp_function(t, PLACE, NVME, "vfio-pci", 1);
	tmp_remove(t, FILE_OF("driver"));
	assert_string_equal(text_of(&look_identity(t)->nvme_serial), "?");
	tmp_function(t, PLACE, NIC, NULL, 1);
	assert_string_equal(text_of(&look_identity(t)->nvme_serial), "-");
}

static void test_mac(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, PLACE, NIC, NULL, 1);
	assert_string_equal(text_of(&look_identity(t)->mac), "?");
	tmp_class(t, "net", PLACE "/net", "eth0");
	tmp_file(t, FILE_OF("net/eth0/addr_assign_type"), "0\n");
	tmp_file(t, FILE_OF("net/eth0/address"), "52:54:00:12:34:56\n");
	assert_string_equal(text_of(&look_identity(t)->mac), "52:54:00:12:34:56");
	/* Set by somebody, or random: that is not the card's. */
	tmp_file(t, FILE_OF("net/eth0/addr_assign_type"), "3\n");
	assert_string_equal(text_of(&look_identity(t)->mac), "?");
	tmp_file(t, FILE_OF("net/eth0/addr_assign_type"), "0\n");
	tmp_file(t, FILE_OF("net/eth0/address"), "00:00:00:00:00:00\n");
	assert_string_equal(text_of(&look_identity(t)->mac), "?");
	/* InfiniBand */
	tmp_file(t, FILE_OF("net/eth0/address"),
		 "80:00:02:08:fe:80:00:00:00:00:00:00:e4:1d:2d:03:00:6d:ec:b1\n");
	assert_string_equal(text_of(&look_identity(t)->mac), "?");
	tmp_function(t, PLACE, NVME, NULL, 1);
	tmp_remove(t, "sys/class/net");
	assert_string_equal(text_of(&look_identity(t)->mac), "-");
}

static void add_vf(struct tmp_tree *t, int n, const char *address)
{
	char path[256], target[64];

	snprintf(path, sizeof(path), "pci0000:00/0000:00:1c.0/%s", address);
	tmp_function(t, path, NIC, NULL, 20 + n);
	snprintf(path, sizeof(path), "sys/devices/pci0000:00/0000:00:1c.0/%s/physfn", address);
	tmp_link(t, path, "../0000:01:00.0");
	snprintf(path, sizeof(path), "sys/devices/" PLACE "/virtfn%d", n);
	snprintf(target, sizeof(target), "../%s", address);
	tmp_link(t, path, target);
}

static void test_virtual_function(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, PLACE, NIC, "igb", 1);
	tmp_file(t, FILE_OF("sriov_totalvfs"), "7\n");
	/* The second one's address comes first: the guess is wrong, the search finds it. */
	add_vf(t, 0, "0000:01:10.2");
	add_vf(t, 1, "0000:01:10.0");
	f = look(t, "0000:01:10.0", VFIOADM_FACET_IDENTITY);
	assert_true(uint_is(&f->vf_index, 1));
	assert_string_equal(text_of(&f->path), "pci-0000:00:1c.0/00.0/virtfn1");
	f = look(t, "0000:01:10.2", VFIOADM_FACET_IDENTITY);
	assert_true(uint_is(&f->vf_index, 0));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_IDENTITY | VFIOADM_FACET_DETAIL);
	assert_int_equal(f->vf_index.state, VFIOADM_NONE);
	assert_string_equal(items_of(&f->virtfns), "0000:01:10.2,0000:01:10.0");
}

/* ---- DETAIL ---- */

static void test_detail(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, PLACE, NIC, "vfio-pci", 9);
	tmp_file(t, FILE_OF("current_link_speed"), "8.0 GT/s PCIe\n");
	tmp_file(t, FILE_OF("max_link_speed"), "Unknown speed\n");
	tmp_file(t, FILE_OF("current_link_width"), "4\n");
	tmp_file(t, FILE_OF("max_link_width"), "255\n");
	tmp_file(t, FILE_OF("power_state"), "D3hot\n");
	tmp_file(t, FILE_OF("reset_method"), "flr bus\n");
	tmp_file(t, FILE_OF("boot_vga"), "1\n");
	tmp_file(t, FILE_OF("resource"),
		 "0x00000000fe200000 0x00000000fe203fff 0x0000000000140204\n"
		 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		 "0x000000000000c000 0x000000000000c01f 0x0000000000040101\n"
		 "0x000000c000000000 0x000000c00fffffff 0x000000000014220c\n"
		 "nonsense\n"
		 "0x00000000fe300000 0x00000000fe2fffff 0x0000000000040200\n"
		 "0x00000000fe000000 0x00000000fe03ffff 0x0000000000046200\n"
		 "0x0000000000000001 0x00000000000000ff 0x0000000000040200\n");
	tmp_file(t, "sys/kernel/iommu_groups/9/type", "DMA-FQ\n");
	tmp_file(t, "sys/kernel/iommu_groups/9/reserved_regions",
		 "0x00000000000a0000 0x00000000000bffff direct\n"
		 "0x00000000fee00000 0x00000000feefffff msi\n");
	tmp_dir(t, "sys/class/vfio/9");
	tmp_file(t, FILE_OF("vfio-dev/vfio2/dev"), "510:2\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_string_equal(text_of(&f->link_speed), "8.0 GT/s PCIe");
	assert_string_equal(text_of(&f->link_speed_max), "-");
	assert_true(uint_is(&f->link_width, 4));
	assert_int_equal(f->link_width_max.state, VFIOADM_NONE);
	assert_string_equal(text_of(&f->power_state), "D3hot");
	assert_string_equal(items_of(&f->reset_methods), "flr,bus");
	assert_true(uint_is(&f->boot_vga, 1));
	assert_int_equal(f->sriov_totalvfs.state, VFIOADM_NONE);
	assert_int_equal(f->virtfns.state, VFIOADM_NONE);
	assert_string_equal(items_of(&f->reserved_regions),
			    "0x00000000000a0000 0x00000000000bffff direct,"
			    "0x00000000fee00000 0x00000000feefffff msi");
	assert_string_equal(text_of(&f->group_type), "DMA-FQ");
	assert_string_equal(text_of(&f->group_node), "/dev/vfio/9");
	assert_string_equal(text_of(&f->vfio_node), "/dev/vfio/devices/vfio2");

	assert_int_equal(f->n_bars, 4);
	assert_int_equal(f->bars[0]->index, 0);
	assert_int_equal(f->bars[0]->size, 16384);
	assert_true(f->bars[0]->is_64bit && !f->bars[0]->io && !f->bars[0]->prefetchable);
	assert_int_equal(f->bars[1]->index, 2);
	assert_true(f->bars[1]->io);
	assert_int_equal(f->bars[2]->index, 3);
	assert_true(f->bars[2]->start == 0xc000000000 && f->bars[2]->prefetchable);
	assert_int_equal(f->bars[3]->index, 6);
}

static void test_detail_of_little(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	/* A 5.14 kernel: no reset_method, no power_state, no VFIO class. */
	tmp_function(t, PLACE, NIC, "odd-driver", -1);
	tmp_file(t, FILE_OF("reset"), "");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_string_equal(items_of(&f->reset_methods), "?");
	assert_string_equal(text_of(&f->power_state), "?");
	assert_string_equal(text_of(&f->vfio_node), "-");
	assert_string_equal(text_of(&f->group_node), "-");
	assert_string_equal(text_of(&f->group_type), "-");
	assert_string_equal(items_of(&f->reserved_regions), "-");
	assert_int_equal(f->n_bars, 0);
	assert_true(uint_is(&f->vfio, 0));
	/* Neither file: it cannot be reset. */
	tmp_remove(t, FILE_OF("reset"));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_string_equal(items_of(&f->reset_methods), "-");
	tmp_file(t, FILE_OF("reset_method"), "\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_string_equal(items_of(&f->reset_methods), "-");
	tmp_file(t, FILE_OF("power_state"), "unknown\n");
	/* A driver whose name tells nothing, but that is one of VFIO. */
	tmp_dir(t, FILE_OF("vfio-dev/vfio0"));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_string_equal(text_of(&f->power_state), "?");
	assert_true(uint_is(&f->vfio, 1));
}

/* ---- LOCKED ---- */

/* What stands at 0x0e, without the bit that says that there are several functions. */
static void test_header_type(void **state)
{
	struct tmp_tree *t = *state;
	unsigned char config[256] = {0x86, 0x80};
	struct vfioadm_function *f;

	tmp_function(t, PLACE, NIC, "e1000e", -1);
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_int_equal(f->header_type.state, VFIOADM_UNKNOWN);
	config[0x0e] = 0x80;
	tmp_data(t, FILE_OF("config"), config, sizeof(config));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_true(uint_is(&f->header_type, 0));
	/* Who is not root gets as much as this. */
	config[0x0e] = 0x81;
	tmp_data(t, FILE_OF("config"), config, 64);
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_true(uint_is(&f->header_type, 1));
	tmp_data(t, FILE_OF("config"), config, 63);
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_int_equal(f->header_type.state, VFIOADM_UNKNOWN);
	/* Gone; one byte that is there will do. */
	memset(config, 0xff, sizeof(config));
	tmp_data(t, FILE_OF("config"), config, sizeof(config));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_int_equal(f->header_type.state, VFIOADM_NONE);
	config[63] = 0;
	tmp_data(t, FILE_OF("config"), config, sizeof(config));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_true(uint_is(&f->header_type, 0x7f));
	/* To read it would switch it on. */
	tmp_file(t, FILE_OF("power_state"), "D3cold\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DETAIL);
	assert_int_equal(f->header_type.state, VFIOADM_UNKNOWN);
	assert_string_equal(text_of(&f->power_state), "D3cold");
}

static void test_denylist(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, PLACE, NIC, "e1000e", -1);
	assert_int_equal(tmp_observe(t)->facts.denylist_disabled.state, VFIOADM_UNKNOWN);
	tmp_file(t, "sys/module/vfio_pci/parameters/disable_denylist", "N\n");
	assert_true(uint_is(&tmp_observe(t)->facts.denylist_disabled, 0));
	tmp_file(t, "sys/module/vfio_pci/parameters/disable_denylist", "Y\n");
	assert_true(uint_is(&tmp_observe(t)->facts.denylist_disabled, 1));
}

static void test_locked(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, PLACE, NIC, "igb", 1);
	tmp_file(t, FILE_OF("driver_override"), "(null)\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_LOCKED);
	assert_string_equal(text_of(&f->driver_override), "-");
	assert_int_equal(f->sriov_numvfs.state, VFIOADM_NONE);
	tmp_file(t, FILE_OF("driver_override"), "vfio-pci\n");
	tmp_file(t, FILE_OF("sriov_numvfs"), "3\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_LOCKED);
	assert_string_equal(text_of(&f->driver_override), "vfio-pci");
	assert_true(uint_is(&f->sriov_numvfs, 3));
	tmp_remove(t, FILE_OF("driver_override"));
	tmp_file(t, FILE_OF("sriov_numvfs"), "70000\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_LOCKED);
	assert_string_equal(text_of(&f->driver_override), "?");
	assert_int_equal(f->sriov_numvfs.state, VFIOADM_UNKNOWN);
}

/* ---- DRIVERS ---- */

static void test_drivers(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, PLACE, "15b3 101e 15b3 0001 020000", NULL, 1);
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DRIVERS);
	assert_string_equal(items_of(&f->host_drivers), "?");
	assert_string_equal(items_of(&f->vfio_variants), "?");
	assert_true(uint_is(&t->inv->facts.vfio_pci_available, 0));

	tmp_file(t, "proc/sys/kernel/osrelease", "6.12.0\n");
	tmp_file(t, "lib/modules/6.12.0/modules.alias",
		 "# Aliases extracted from modules themselves.\n"
		 "alias pci:v*d*sv*sd*bc02sc00i* generic_nic\n"
		 "alias pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_core\n"
		 "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
		 "alias vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i* mlx5_vfio_pci\n"
		 "alias pci:v00008086d* other\n");
	tmp_file(t, "lib/modules/6.12.0/modules.dep",
		 "kernel/drivers/vfio/pci/vfio-pci.ko.xz: x.ko\n");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DRIVERS);
	assert_string_equal(items_of(&f->host_drivers), "mlx5_core,generic_nic");
	assert_string_equal(items_of(&f->vfio_variants), "mlx5_vfio_pci");
	assert_true(uint_is(&t->inv->facts.vfio_pci_available, 1));

	/* What is bound comes first, whether an alias names it or not. */
	tmp_function(t, PLACE, "15b3 101e 15b3 0001 020000", "gnic", 1);
	tmp_link(t, "sys/bus/pci/drivers/gnic/module", "../../../../module/generic_nic");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DRIVERS);
	assert_string_equal(items_of(&f->host_drivers), "generic_nic,mlx5_core");
	tmp_link(t, "sys/bus/pci/drivers/gnic/module", "../../../../module/by_new_id");
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DRIVERS);
	assert_string_equal(items_of(&f->host_drivers), "by_new_id,mlx5_core,generic_nic");

	/* A function that nothing matches has none, which is known. */
	tmp_file(t, "lib/modules/6.12.0/modules.alias", "");
	tmp_remove(t, FILE_OF("driver"));
	f = look(t, "0000:01:00.0", VFIOADM_FACET_DRIVERS);
	assert_string_equal(items_of(&f->host_drivers), "-");
	assert_string_equal(items_of(&f->vfio_variants), "-");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridge_path),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_ebcdic),
		TEST(test_serial_of_sleeping_function),
		TEST(test_s390_attributes),
		TEST(test_slots),
		TEST(test_nvme_serial),
		TEST(test_mac),
		TEST(test_virtual_function),
		TEST(test_detail),
		TEST(test_detail_of_little),
		TEST(test_header_type),
		TEST(test_denylist),
		TEST(test_locked),
		TEST(test_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
