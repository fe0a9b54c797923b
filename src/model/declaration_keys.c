/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of declared state: one row per key says how its value is read. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/ini.h"
#include "model/address.h"
#include "model/declaration_private.h"

enum {
	MAC_BYTES = 6,
	SERIAL_BYTES = 8,
	NVME_SERIAL_MAX = 20,
	DRIVER_MAX = 64,
	ACCOUNT_MAX = 31,
	VFS_MAX = UINT16_MAX,
};

#define HEX "0123456789abcdefABCDEF"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ---- values ---- */

static int keep(struct parser *p, const char **ret, const char *text)
{
	*ret = arena_strdup(p->arena, text);
	return *ret ? 0 : -ENOMEM;
}

static int keep_match(struct parser *p, const char *text)
{
	return keep(p, &p->d.match[p->row->match], text);
}

static int read_hex(struct parser *p)
{
	const char *prefixed = str_after(p->value, "0x"), *digits = prefixed ? prefixed : p->value;
	size_t n = strlen(digits);
	char text[17];
	uint64_t v;

	if (n > p->row->digits || (p->row->all_digits && n != p->row->digits) || strspn(digits, HEX) != n ||
	    str_to_u64(digits, 16, UINT64_MAX, &v) < 0 || (p->row->not_zero && !v))
		return -EINVAL;
	p->d.number[p->row->match] = v;
	snprintf(text, sizeof(text), "%0*" PRIx64, (int)p->row->digits, v);
	return keep_match(p, text);
}

static int hex_pair(const char *s, uint64_t *ret)
{
	char pair[3] = { 0 };

	if (!s[0] || !s[1])
		return -EINVAL;
	/* Not "0x" of something. */
	memcpy(pair, s, 2);
	return strspn(pair, HEX) == 2 ? str_to_u64(pair, 16, 0xff, ret) : -EINVAL;
}

/* n bytes with '-' or ':' between, everywhere the same. */
static int read_bytes(const char *s, unsigned n, unsigned char *ret)
{
	char separator = '\0';

	for (unsigned i = 0; i < n; i++) {
		uint64_t byte;

		if (i == 1)
			separator = *s == '-' ? '-' : ':';
		if ((i && *s++ != separator) || hex_pair(s, &byte) < 0)
			return -EINVAL;
		ret[i] = (unsigned char)byte;
		s += 2;
	}
	return *s ? -EINVAL : 0;
}

static bool all_are(const unsigned char *bytes, size_t n, unsigned char value)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static int keep_bytes(struct parser *p, const unsigned char *bytes, size_t n, char separator)
{
	char text[3 * SERIAL_BYTES + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 3 * i, 4, "%02x%c", bytes[i], i + 1 < n ? separator : '\0');
	return keep_match(p, text);
}

static int read_serial(struct parser *p)
{
	unsigned char bytes[SERIAL_BYTES];

	/* Cards without a number of their own have one of these. */
	if (read_bytes(p->value, sizeof(bytes), bytes) < 0 || all_are(bytes, sizeof(bytes), 0) ||
	    all_are(bytes, sizeof(bytes), 0xff))
		return -EINVAL;
	return keep_bytes(p, bytes, sizeof(bytes), '-');
}

static int read_mac(struct parser *p)
{
	unsigned char bytes[MAC_BYTES];

	if (read_bytes(p->value, sizeof(bytes), bytes) < 0 || all_are(bytes, sizeof(bytes), 0) || (bytes[0] & 1))
		return -EINVAL;
	return keep_bytes(p, bytes, sizeof(bytes), ':');
}

static int read_nvme_serial(struct parser *p)
{
	size_t n = strlen(p->value);

	for (size_t i = 0; i < n; i++)
		if (p->value[i] < ' ' || p->value[i] > '~')
			return -EINVAL;
	return n <= NVME_SERIAL_MAX ? keep_match(p, p->value) : -EINVAL;
}

/* "pci-0000:00:1c.0/00.0", in the kernel's spelling. */
static bool path_canonical(const char *s, char *buf, size_t room)
{
	size_t first = strcspn(s, "/"), at;
	char text[ADDRESS_MAX];
	struct address a;

	if (strncmp(s, "pci-", 4) != 0 || first <= 4 || first - 4 >= sizeof(text))
		return false;
	memcpy(text, s + 4, first - 4);
	text[first - 4] = '\0';
	/* Without its domain it would be another path. */
	if (first - 4 < strlen("0000:00:00.0") || address_parse(text, &a) < 0 || strlen(s) >= room)
		return false;
	address_format(&a, text);
	at = (size_t)snprintf(buf, room, "pci-%s", text);
	for (s += first; *s; s += 5) {
		uint64_t slot;

		if (s[0] != '/' || hex_pair(s + 1, &slot) < 0 || slot > 0x1f || s[3] != '.' || s[4] < '0' ||
		    s[4] > '7' || at + 6 > room)
			return false;
		at += (size_t)snprintf(buf + at, room - at, "/%02x.%c", (unsigned)slot, s[4]);
	}
	return true;
}

static int read_path(struct parser *p)
{
	char path[INI_LINE_MAX + 1], shown[INI_SHOW_MAX];
	const char *vf = strstr(p->value, "/virtfn");

	if (path_canonical(p->value, path, sizeof(path)))
		return keep_match(p, path);
	if (!vf || vf - p->value >= (ptrdiff_t)sizeof(path))
		return -EINVAL;
	snprintf(path, sizeof(path), "%.*s", (int)(vf - p->value), p->value);
	ini_error(p->file, p->line, p->err, "Path \"%s\" is that of a virtual function.",
		  ini_show(p->value, shown));
	error_hint(p->err, "Name it by its number and the physical function, for example VF=3 pci-0000:00:1c.0/00.0.");
	return -EBADMSG;
}

static int read_address(struct parser *p)
{
	char text[ADDRESS_MAX];
	struct address a;

	if (address_parse(p->value, &a) < 0)
		return -EINVAL;
	address_format(&a, text);
	return p->row->section == MATCH ? keep_match(p, text) : keep(p, &p->d.seen_address, text);
}

static int read_vf(struct parser *p)
{
	char of[INI_LINE_MAX + 1], number[6];
	size_t digits = strspn(p->value, "0123456789");
	size_t blanks = strspn(p->value + digits, " ");
	const char *rest = p->value + digits + blanks;
	struct address a;
	uint64_t index;

	if (!digits || digits >= sizeof(number) || !blanks)
		return -EINVAL;
	memcpy(number, p->value, digits);
	number[digits] = '\0';
	if (str_to_u64(number, 10, VFS_MAX - 1, &index) < 0)
		return -EINVAL;
	if (address_parse(rest, &a) == 0)
		address_format(&a, of);
	else if (!path_canonical(rest, of, sizeof(of)))
		return -EINVAL;
	p->d.vf_index = (unsigned)index;
	if (keep(p, &p->d.vf_of, of) < 0)
		return -ENOMEM;
	p->d.match[MATCH_VF] = arena_format(p->arena, "%u %s", p->d.vf_index, of);
	return p->d.match[MATCH_VF] ? 0 : -ENOMEM;
}

static int read_card_type(struct parser *p)
{
	_cleanup_error_ struct vfioadm_error *why = NULL;
	char text[CARDTYPE_MAX];
	int r = cardtype_parse(p->value, &p->d.type, &why);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return -EINVAL;
	cardtype_format(&p->d.type, text);
	return keep_match(p, text);
}

static int read_multiple(struct parser *p)
{
	p->d.multiple = streq(p->value, "yes");
	return p->d.multiple || streq(p->value, "no") ? 0 : -EINVAL;
}

static int read_seen_name(struct parser *p)
{
	return keep(p, &p->d.seen_name, p->value);
}

static int read_driver(struct parser *p)
{
	const char *driver = p->value;

	if (streq(driver, "auto"))
		return 0;
	if (strlen(driver) > DRIVER_MAX || !driver_name_is_vfio(driver) ||
	    strspn(driver, LETTERS "0123456789-_") != strlen(driver))
		return -EINVAL;
	return keep(p, &p->d.driver, driver_name_equal(driver, "vfio-pci") ? "vfio-pci" : driver);
}

static int read_group(struct parser *p)
{
	p->d.whole_group = streq(p->value, "whole");
	return p->d.whole_group || streq(p->value, "single") ? 0 : -EINVAL;
}

/* It goes into udev's rules: what those would take for something else must not be in it. */
static int read_account(struct parser *p)
{
	size_t n = strlen(p->value);
	uint64_t id;

	if (n > ACCOUNT_MAX)
		return -EINVAL;
	if (!strchr(LETTERS "_", *p->value)) {
		/* -1 stands for none. */
		if (str_to_u64(p->value, 10, UINT32_MAX - 1, &id) < 0)
			return -EINVAL;
	} else if (strspn(p->value, LETTERS "0123456789_.-") != n) {
		return -EINVAL;
	}
	return keep(p, streq(p->row->name, "User") ? &p->d.node_user : &p->d.node_group, p->value);
}

static int read_mode(struct parser *p)
{
	uint64_t mode;

	if (strlen(p->value) > 4 || str_to_u64(p->value, 8, 0777, &mode) < 0 || (mode & ~(uint64_t)0660))
		return -EINVAL;
	p->d.node_mode = uint_known(mode);
	return 0;
}

static int read_vfs(struct parser *p)
{
	uint64_t n;

	if (str_to_u64(p->value, 10, VFS_MAX, &n) < 0 || !n)
		return -EINVAL;
	p->d.vfs = uint_known(n);
	return 0;
}

#define HEX4	 "a hexadecimal number of 4 digits"
#define ACCOUNT	 "a name of up to 31 letters, digits and \"_.-\", or a number"
#define AN_ADDRESS "a PCI address (dddd:bb:dd.f)"

/* clang-format off */
const struct key_row declaration_keys[N_DECLARATION_KEYS] = {
	{ MATCH, "CardType", read_card_type, MATCH_CARD_TYPE,
	  "vendor:device[:subvendor[:subdevice[:class[:mask]]]]", "15b3:1003" },
	{ MATCH, "UID", read_hex, MATCH_UID, "a hexadecimal number from 1 to ffff", "10", 4, false, true },
	{ MATCH, "FID", read_hex, MATCH_FID, "a hexadecimal number of up to 8 digits", "100", 8, false, false },
	{ MATCH, "PCHID", read_hex, MATCH_PCHID, "a hexadecimal number of up to 4 digits", "1c0", 4, false, false },
	{ MATCH, "Serial", read_serial, MATCH_SERIAL,
	  "a PCIe device serial number of eight bytes (not all 00 or ff)", "00-11-22-ff-fe-33-44-55" },
	{ MATCH, "VF", read_vf, MATCH_VF,
	  "the number of a virtual function, a blank, and the path or address of the physical function",
	  "3 pci-0000:00:1c.0/00.0" },
	{ MATCH, "Path", read_path, MATCH_PATH, "a path as \"vfioadm show\" prints it",
	  "pci-0000:00:1c.0/00.0" },
	{ MATCH, "Address", read_address, MATCH_ADDRESS, AN_ADDRESS, "0000:01:00.0" },
	{ MATCH, "Vendor", read_hex, MATCH_VENDOR, HEX4, "15b3", 4, true, false },
	{ MATCH, "Device", read_hex, MATCH_DEVICE, HEX4, "1003", 4, true, false },
	{ MATCH, "SubVendor", read_hex, MATCH_SUBVENDOR, HEX4, "15b3", 4, true, false },
	{ MATCH, "SubDevice", read_hex, MATCH_SUBDEVICE, HEX4, "0055", 4, true, false },
	{ MATCH, "Class", read_hex, MATCH_CLASS, "a hexadecimal number of 6 digits", "010802", 6, true, false },
	{ MATCH, "NvmeSerial", read_nvme_serial, MATCH_NVME_SERIAL,
	  "the serial number of an NVMe disk, up to 20 ASCII characters", "S4EWNX0R" },
	{ MATCH, "MACAddress", read_mac, MATCH_MAC, "the MAC address of one interface, six bytes",
	  "52:54:00:12:34:56" },
	{ MATCH, "Multiple", read_multiple, N_MATCH_KEYS, "yes or no", "yes" },
	{ LAST_SEEN, "Address", read_address, N_MATCH_KEYS, AN_ADDRESS, "0000:01:00.0" },
	{ LAST_SEEN, "Name", read_seen_name, N_MATCH_KEYS, "a name", "Mellanox MT27500" },
	{ ASSIGN, "Driver", read_driver, N_MATCH_KEYS, "auto or the name of a VFIO driver", "auto" },
	{ ASSIGN, "IommuGroup", read_group, N_MATCH_KEYS, "whole or single", "whole" },
	{ NODE, "User", read_account, N_MATCH_KEYS, ACCOUNT, "qemu" },
	{ NODE, "Group", read_account, N_MATCH_KEYS, ACCOUNT, "kvm" },
	{ NODE, "Mode", read_mode, N_MATCH_KEYS, "an octal number without bits outside of 0660", "0660" },
	{ SR_IOV, "VFs", read_vfs, N_MATCH_KEYS, "a number from 1 to 65535", "8" },
};
/* clang-format on */

const char *match_key_name(enum match_key key)
{
	for (size_t i = 0; i < N_DECLARATION_KEYS; i++)
		if (declaration_keys[i].section == MATCH && declaration_keys[i].match == key)
			return declaration_keys[i].name;
	return NULL;
}
