/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tells one card from another of its kind, and survives that its bus gets another number. */
#include <limits.h>

#include "host/observe_private.h"

/* ---- place ---- */

char *identity_bridge_path(const char *resolved)
{
	_cleanup_strbuf_ struct strbuf out = {0};
	bool below_root = false;

	for (const char *p = resolved; *p;) {
		size_t len = strcspn(p, "/");
		char part[ADDRESS_MAX];
		struct address a;

		if (len == sizeof("0000:00:00.0") - 1 || (len > 12 && len < sizeof(part))) {
			memcpy(part, p, len);
			part[len] = '\0';
			if (address_parse(part, &a) == 0 && !below_root) {
				strbuf_addf(&out, "pci-%s", part);
				below_root = true;
			} else if (address_parse(part, &a) == 0) {
				strbuf_addf(&out, "/%02x.%u", a.slot, a.function);
			}
		}
		p += len + (p[len] == '/');
	}
	return below_root ? strbuf_take(&out) : NULL;
}

/* N of the physical function's link virtfnN that leads to address. */
static void read_vf_index(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv names = {0};
	char path[OBSERVE_PATH_MAX], link[48], name[NAME_MAX + 1];
	size_t guess = 0;

	if (f->physfn.state != VFIOADM_KNOWN) {
		f->vf_index.state = f->physfn.state;
		return;
	}
	/* The kernel numbers them in the order of their addresses: looking there first spares a search. */
	for (size_t i = 0; i < inv->n_functions && &inv->functions[i] != f; i++)
		guess += str_is(&inv->functions[i].physfn, f->physfn.value);
	snprintf(link, sizeof(link), "virtfn%zu", guess);
	device_path(path, f->physfn.value, link);
	if (host_link_name(h, -1, path, name, sizeof(name)) > 0 && streq(name, f->address)) {
		f->vf_index = uint_known(guess);
		return;
	}
	device_path(path, f->physfn.value, "");
	if (h->ops->list(h, -1, path, &names) < 0)
		return;
	STRV_FOREACH (i, &names) {
		const char *number = str_after(names.items[i], "virtfn");
		uint64_t n;

		if (!number || str_to_u64(number, 10, UINT16_MAX, &n) < 0)
			continue;
		device_path(path, f->physfn.value, names.items[i]);
		if (host_link_name(h, -1, path, name, sizeof(name)) > 0 && streq(name, f->address))
			f->vf_index = uint_known(n);
	}
}

static int read_path(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	/* A virtual function's own number may be that of a neighbour on another bus: name it by its parent. */
	const char *of = f->physfn.state == VFIOADM_KNOWN ? f->physfn.value : f->address;
	_cleanup_free_ char *resolved = NULL, *path = NULL;
	char device[OBSERVE_PATH_MAX], text[OBSERVE_PATH_MAX];
	int r;

	if (f->physfn.state == VFIOADM_KNOWN && f->vf_index.state != VFIOADM_KNOWN)
		return 0;
	device_path(device, of, "");
	r = h->ops->resolve(h, device, &resolved);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	path = identity_bridge_path(resolved);
	if (!path)
		return 0;
	if (f->physfn.state == VFIOADM_KNOWN)
		snprintf(text, sizeof(text), "%s/virtfn%u", path, (unsigned)f->vf_index.value);
	else
		snprintf(text, sizeof(text), "%s", path);
	return value_text(inv, &f->path, text);
}

/* A slot holds a device, "dddd:bb:dd", or all of a bus, "dddd:bb". */
static bool slot_matches(struct host *h, const char *slot, const struct vfioadm_function *f)
{
	char path[NAME_MAX + 48], text[32], device[32];
	size_t len;

	snprintf(path, sizeof(path), "sys/bus/pci/slots/%s/address", slot);
	if (host_read_text(h, -1, path, text, sizeof(text)) <= 0)
		return false;
	snprintf(device, sizeof(device), "%04x:%02x:%02x", f->domain, f->bus, f->slot);
	len = strlen(text);
	return streq(text, device) ||
	       (len == strlen(device) - 3 && strncmp(text, device, len) == 0);
}

static int read_slot(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv names = {0};
	char fid[16], path[64];
	int r;

	if (f->fid.state == VFIOADM_KNOWN) {
		snprintf(fid, sizeof(fid), "%08x", (unsigned)f->fid.value);
		snprintf(path, sizeof(path), "sys/bus/pci/slots/%s", fid);
		if (host_exists(h, path))
			return value_text(inv, &f->physical_slot, fid);
	}
	r = h->ops->list(h, -1, "sys/bus/pci/slots", &names);
	if (r < 0 && r != -ENOENT)
		return r == -ENOMEM ? r : 0;
	f->physical_slot = str_none();
	strv_sort(&names);
	STRV_FOREACH (i, &names)
		if (slot_matches(h, names.items[i], f))
			return value_text(inv, &f->physical_slot, names.items[i]);
	return 0;
}

/* ---- numbers of the card itself ---- */

static uint32_t config_long(const unsigned char *config, size_t at)
{
	return (uint32_t)config[at] | (uint32_t)config[at + 1] << 8 |
	       (uint32_t)config[at + 2] << 16 | (uint32_t)config[at + 3] << 24;
}

struct vfioadm_str identity_serial(const unsigned char *config, size_t size, char buf[24])
{
	enum { EXTENDED = 0x100, CAPABILITIES_MAX = (4096 - EXTENDED) / 8, DEVICE_SERIAL = 3 };
	uint32_t low, high;
	size_t at = EXTENDED;

	/* Not root: the first 64 bytes. */
	if (size < 256)
		return (struct vfioadm_str){VFIOADM_UNKNOWN, NULL};
	/* All ones: it does not answer. In a virtual function only the IDs are. */
	if (config_long(config, 0) == 0xffffffff && config_long(config, 4) == 0xffffffff)
		return (struct vfioadm_str){VFIOADM_UNKNOWN, NULL};
	for (unsigned n = 0; n < CAPABILITIES_MAX && at >= EXTENDED && at + 12 <= size; n++) {
		uint32_t head = config_long(config, at);

		if (head == 0 || head == 0xffffffff)
			break;
		if ((head & 0xffff) != DEVICE_SERIAL) {
			at = head >> 20 & 0xffc;
			continue;
		}
		low = config_long(config, at + 4);
		high = config_long(config, at + 8);
		if ((!low && !high) || (low == 0xffffffff && high == 0xffffffff))
			break;
		snprintf(buf, 24, "%02x-%02x-%02x-%02x-%02x-%02x-%02x-%02x", high >> 24,
			 high >> 16 & 0xff, high >> 8 & 0xff, high & 0xff, low >> 24,
			 low >> 16 & 0xff, low >> 8 & 0xff, low & 0xff);
		return str_known(buf);
	}
	return str_none();
}

static int read_serial(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		       struct vfioadm_function *f)
{
	unsigned char config[4097];
	char power[32], text[24];
	struct vfioadm_str serial;
	ssize_t n;

	/* Reading the configuration of a function in D3cold switches its power on. */
	if (host_read_text(h, dir, "power_state", power, sizeof(power)) > 0 &&
	    streq(power, "D3cold"))
		return 0;
	n = h->ops->read(h, dir, "config", (char *)config, sizeof(config));
	if (n < 0)
		return 0;
	serial = identity_serial(config, (size_t)n, text);
	if (serial.state == VFIOADM_KNOWN)
		return value_text(inv, &f->serial, text);
	f->serial = serial;
	return 0;
}

static bool class_is(const struct vfioadm_function *f, unsigned shift, uint64_t value)
{
	return f->class_code.state == VFIOADM_KNOWN && f->class_code.value >> shift == value;
}

static int read_nvme_serial(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
			    struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv names = {0};
	char path[NAME_MAX + 16];

	/* Only the native driver tells; without it nothing is known about a disk. */
	if (!class_is(f, 8, 0x0108))
		f->nvme_serial = str_none();
	if (!str_is(&f->driver, "nvme") || h->ops->list(h, dir, "nvme", &names) < 0)
		return 0;
	strv_sort(&names);
	STRV_FOREACH (i, &names) {
		if (!str_after(names.items[i], "nvme"))
			continue;
		snprintf(path, sizeof(path), "nvme/%s/serial", names.items[i]);
		return value_read_text(h, inv, dir, path, &f->nvme_serial);
	}
	return 0;
}

/* An address that was set by somebody says nothing about the card; then the driver is asked. */
static bool read_mac(struct host *h, const char *interface, char text[18])
{
	char path[NAME_MAX + 48], found[64];
	uint64_t type;
	uint8_t mac[6];

	snprintf(path, sizeof(path), "sys/class/net/%s/addr_assign_type", interface);
	if (host_read_uint(h, -1, path, 10, &type) == 0 && type == 0) {
		snprintf(path, sizeof(path), "sys/class/net/%s/address", interface);
		if (host_read_text(h, -1, path, found, sizeof(found)) == 17 &&
		    !streq(found, "00:00:00:00:00:00")) {
			memcpy(text, found, 18);
			return true;
		}
	}
	/* This takes a lock that a stuck network driver may hold, so it comes second. */
	if (h->ops->permanent_mac(h, interface, mac) < 0)
		return false;
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return true;
}

static int read_network_address(struct host *h, struct vfioadm_inventory *inv,
				struct vfioadm_function *f)
{
	char text[18];

	if (f->net.state != VFIOADM_KNOWN) {
		if (!class_is(f, 16, 0x02))
			f->mac = str_none();
		return 0;
	}
	for (size_t i = 0; i < f->net.n; i++)
		if (read_mac(h, f->net.items[i], text))
			return value_text(inv, &f->mac, text);
	return 0;
}

/* ---- s390 ---- */

/* Code page 37 to Latin-1; 0: not to be shown. */
/* clang-format off */
static const unsigned char ebcdic[256] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c,
	0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0xac,
	0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f,
	0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22,
	0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1,
	0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4,
	0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0xdd, 0xde, 0xae,
	0x5e, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0x5b, 0x5d, 0xaf, 0xa8, 0xb4, 0xd7,
	0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5,
	0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff,
	0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5,
	0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x00,
};
/* clang-format on */

void identity_ebcdic(const unsigned char *data, size_t size, char *buf, size_t room)
{
	size_t out = 0;

	while (size && (data[size - 1] == 0x40 || data[size - 1] == 0))
		size--;
	for (size_t i = 0; i < size && out + 3 <= room; i++) {
		unsigned char c = ebcdic[data[i]];

		if (c >= 0x80) {
			buf[out++] = (char)(0xc0 | c >> 6);
			buf[out++] = (char)(0x80 | (c & 0x3f));
		} else {
			buf[out++] = (char)(c ? c : '?');
		}
	}
	buf[out] = '\0';
}

static int read_util_string(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
			    struct vfioadm_function *f)
{
	char data[65], text[160];
	ssize_t n = h->ops->read(h, dir, "util_string", data, sizeof(data));

	if (n < 0) {
		f->util_string.state = n == -ENOENT ? VFIOADM_NONE : VFIOADM_UNKNOWN;
		return 0;
	}
	identity_ebcdic((unsigned char *)data, (size_t)n, text, sizeof(text));
	return value_text(inv, &f->util_string, text);
}

static int read_zpci(struct host *h, struct vfioadm_inventory *inv, host_dir dir,
		     struct vfioadm_function *f)
{
	static const struct {
		const char *name;
		unsigned base;
		size_t offset;
	} files[] = {
		{"uid_is_unique", 10, offsetof(struct vfioadm_function, uid_is_unique)},
		{"pchid", 16, offsetof(struct vfioadm_function, pchid)},
		{"pfgid", 16, offsetof(struct vfioadm_function, pfgid)},
		{"pft", 16, offsetof(struct vfioadm_function, pft)},
		{"port", 10, offsetof(struct vfioadm_function, port)},
		{"vfn", 16, offsetof(struct vfioadm_function, vfn)},
	};
	bool s390 = f->fid.state == VFIOADM_KNOWN;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct vfioadm_uint *field = (void *)((char *)f + files[i].offset);

		*field = uint_none();
		if (s390)
			value_read_uint(h, dir, files[i].name, files[i].base, field);
	}
	f->util_string = str_none();
	return s390 ? read_util_string(h, inv, dir, f) : 0;
}

int observe_path(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	read_vf_index(h, inv, f);
	return read_path(h, inv, f);
}

int observe_identity(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char path[OBSERVE_PATH_MAX];
	host_dir dir;
	int r;

	device_path(path, f->address, "");
	dir = h->ops->dir_open(h, path);
	if (dir < 0)
		return 0;
	r = observe_path(h, inv, f);
	if (r == 0)
		r = read_slot(h, inv, f);
	if (r == 0)
		r = read_serial(h, inv, dir, f);
	if (r == 0)
		r = read_nvme_serial(h, inv, dir, f);
	if (r == 0)
		r = read_network_address(h, inv, f);
	if (r == 0)
		r = read_zpci(h, inv, dir, f);
	h->ops->dir_close(h, dir);
	return r;
}
