/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* udev rules that say what is declared. See the header for who acts on them. */
#include <string.h>

#include "model/address.h"
#include "policy/bootfiles_private.h"
#include "policy/driver.h"

#define HEX  "[0-9a-f]"
#define HEX4 HEX HEX HEX HEX

/* ---- what may stand in a rule ---- */

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-"

/* Quotes, patterns and substitutions have a meaning of their own to udev. Almost no value of ours has them. */
bool bootfiles_plain(const char *s)
{
	return *s && strspn(s, PLAIN) == strlen(s);
}

static bool plain_or_null(const char *s)
{
	return !s || bootfiles_plain(s);
}

bool bootfiles_expressible(const struct declaration *d)
{
	for (size_t i = 0; i < N_MATCH_KEYS; i++) {
		const char *s = d->match[i];

		/* These are not written as they stand there, but by their parts. */
		if (!s || i == MATCH_VF || i == MATCH_CARD_TYPE)
			continue;
		/* A serial number may have blanks in it. */
		if (!*s || strspn(s, i == MATCH_NVME_SERIAL ? PLAIN " " : PLAIN) != strlen(s))
			return false;
	}
	return bootfiles_plain(d->name) && plain_or_null(d->vf_of) && plain_or_null(d->driver) &&
	       plain_or_null(d->node_user) && plain_or_null(d->node_group);
}

/* ---- places ---- */

/* "1c.0", of a bridge path. */
static bool take_hop(const char **path, char ret[8])
{
	const char *p = *path;
	size_t n = strcspn(p, "/");

	if (n != 4 || strspn(p, "0123456789abcdef") < 2 || p[2] != '.' || p[3] < '0' || p[3] > '7')
		return false;
	memcpy(ret, p, n);
	ret[n] = '\0';
	*path = p + n + (p[n] == '/');
	return true;
}

static bool take_root(const char **path, struct address *ret)
{
	const char *p = str_after(*path, "pci-");
	char text[ADDRESS_MAX];
	size_t n = p ? strcspn(p, "/") : 0;

	if (!n || n >= sizeof(text))
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	if (address_parse(text, ret) < 0)
		return false;
	*path = p + n + (p[n] == '/');
	return true;
}

/* A path without hops is on the root bus, whose number does not change: it is an address. */
static bool is_address_path(const char *path, char ret[ADDRESS_MAX])
{
	struct address a;

	if (!take_root(&path, &a) || *path)
		return false;
	address_format(&a, ret);
	return true;
}

/* All hops but the last; "" when the last one is on the root bus. */
static bool parent_path(const char *path, char *ret, size_t size)
{
	const char *end = strrchr(path, '/');
	size_t n = end ? (size_t)(end - path) : 0;

	if (n >= size)
		return false;
	memcpy(ret, path, n);
	ret[n] = '\0';
	return true;
}

/*
 * In sysfs each bridge has the next one in its directory: "…/pci0000:00/0000:00:1c.0/0000:01:00.0". Bus numbers
 * behind the root bus are any; nothing else is, or a function further down would match as well. Behind an Intel
 * VMD controller another domain begins, whose number is the order in which such controllers were found.
 */
static bool put_devpath(const char *path, const char *tail, struct strbuf *out)
{
	const char *hops = path, *p;
	struct address root;
	char name[ADDRESS_MAX], hop[8];

	if (!take_root(&hops, &root))
		return false;
	address_format(&root, name);
	strbuf_addf(out, "*/pci%04x:%02x/%s", root.domain, root.bus, name);
	for (p = hops; *p; strbuf_addf(out, "/%04x:" HEX HEX ":%s", root.domain, hop))
		if (!take_hop(&p, hop))
			return false;
	strbuf_addf(out, "%s", tail);
	if (!*hops)
		return true;
	strbuf_addf(out, "|*/pci%04x:%02x/%s/pci1" HEX4 ":" HEX HEX, root.domain, root.bus, name);
	for (p = hops; *p; strbuf_addf(out, "/1" HEX4 ":" HEX HEX ":%s", hop))
		if (!take_hop(&p, hop))
			return false;
	strbuf_addf(out, "%s", tail);
	return true;
}

/* ---- conditions ---- */

void bootfiles_put_ids(const struct declaration *d, const char *attr, const char *of, struct strbuf *out)
{
	static const struct {
		enum match_key key;
		const char *file;
		int digits;
	} ids[] = {
		{ MATCH_VENDOR, "vendor", 4 },
		{ MATCH_DEVICE, "device", 4 },
		{ MATCH_SUBVENDOR, "subsystem_vendor", 4 },
		{ MATCH_SUBDEVICE, "subsystem_device", 4 },
		{ MATCH_CLASS, "class", 6 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (d->match[ids[i].key])
			strbuf_addf(out, "%s{%s%s}==\"0x%0*x\", ", attr, of, ids[i].file, ids[i].digits,
				    (unsigned)d->number[ids[i].key]);
}

/* Padded and not: kernels need not agree on how many digits they write. */
static void put_hex(const char *attr, const char *of, const char *file, int digits, uint64_t value,
		    struct strbuf *out)
{
	strbuf_addf(out, "%s{%s%s}==\"0x%x|0x%0*x\", ", attr, of, file, (unsigned)value, digits,
		    (unsigned)value);
}

void bootfiles_put_zpci(const struct declaration *d, const char *attr, const char *of, struct strbuf *out)
{
	if (d->match[MATCH_UID]) {
		strbuf_addf(out, "%s{%suid_is_unique}==\"1\", ", attr, of);
		put_hex(attr, of, "uid", 4, d->number[MATCH_UID], out);
	}
	if (d->match[MATCH_FID])
		put_hex(attr, of, "function_id", 8, d->number[MATCH_FID], out);
	if (d->match[MATCH_PCHID])
		put_hex(attr, of, "pchid", 4, d->number[MATCH_PCHID], out);
}

static bool put_place(const struct declaration *d, const char *kernel, const char *tail, struct strbuf *out)
{
	if (d->match[MATCH_ADDRESS])
		strbuf_addf(out, "%s==\"%s\", ", kernel, d->match[MATCH_ADDRESS]);
	if (!d->match[MATCH_PATH])
		return true;
	strbuf_addf(out, "DEVPATH==\"");
	if (!put_devpath(d->match[MATCH_PATH], tail, out))
		return false;
	strbuf_addf(out, "\", ");
	return true;
}

/*
 * No file of a virtual function has its number, and a rule cannot read where a link leads. But a directory of
 * its group can be asked for through the link that has the number; where neighbours are not in the same group,
 * only the one that is meant passes.
 */
static void put_vf_group(const char *pf, unsigned index, const char *is, struct strbuf *out)
{
	strbuf_addf(out, "TEST%s\"%s/virtfn%u/iommu_group/devices/$kernel\", ", is, pf, index);
}

static void put_vf_exact(const char *pf, unsigned index, struct strbuf *out)
{
	put_vf_group(pf, index, "==", out);
	if (index)
		put_vf_group(pf, index - 1, "!=", out);
	put_vf_group(pf, index + 1, "!=", out);
}

/* ---- what is exact ---- */

bool bootfiles_fixed_address(const struct declaration *d, char ret[ADDRESS_MAX])
{
	if (d->match[MATCH_ADDRESS])
		return snprintf(ret, ADDRESS_MAX, "%s", d->match[MATCH_ADDRESS]) < ADDRESS_MAX;
	return d->match[MATCH_PATH] && is_address_path(d->match[MATCH_PATH], ret);
}

/* The physical function's address, where the declaration names it. */
static bool pf_address(const struct declaration *d, char ret[ADDRESS_MAX])
{
	struct address a;

	if (is_address_path(d->vf_of, ret))
		return true;
	if (address_parse(d->vf_of, &a) < 0)
		return false;
	address_format(&a, ret);
	return true;
}

/* May the rule take what meets its conditions, or could that be another card? */
static bool is_exact(const struct declaration *d)
{
	return d->multiple || d->match[MATCH_ADDRESS] || d->match[MATCH_PATH] || d->match[MATCH_UID] ||
	       d->match[MATCH_FID];
}

static const char *driver_of(const struct declaration *d)
{
	/* "auto" knows variants by modules.alias, which a rule cannot read: vfio-pci serves any device. */
	return d->driver ? driver_of_vfio_module(d->driver) : "vfio-pci";
}

/* ---- one declaration ---- */

static void put_what(const struct declaration *d, bool exact, struct strbuf *out)
{
	bool claim = !exact || d->whole_group || bootfiles_node_rule_needed(d);

	strbuf_addf(out, "ENV{VFIOADM_DECLARED}+=\"%s\"", d->name);
	if (d->vfs.state == VFIOADM_KNOWN) {
		strbuf_addf(out, ", ENV{VFIOADM_PF}=\"1\"\n");
		return;
	}
	if (exact)
		strbuf_addf(out, ", ENV{VFIOADM_DRIVER}=\"%s\"", driver_of(d));
	strbuf_addf(out, claim ? ", ENV{VFIOADM_CLAIM}=\"1\"\n" : "\n");
}

/* Everything but serial numbers and the number of a virtual function. */
static bool put_common(const struct declaration *d, struct strbuf *out)
{
	if (!put_place(d, "KERNEL", "", out))
		return false;
	/* A virtual function is in another place than its devfn says, and can have the IDs of its physical one. */
	if (!d->match[MATCH_VF] && (d->match[MATCH_PATH] || (d->vfs.state == VFIOADM_KNOWN && !d->match[MATCH_ADDRESS])))
		strbuf_addf(out, "TEST!=\"physfn\", ");
	bootfiles_put_ids(d, "ATTR", "", out);
	bootfiles_put_zpci(d, "ATTR", "", out);
	return true;
}

static bool put_serial(const struct declaration *d, struct strbuf *out)
{
	/* Newer kernels show it in a file; else the claim unit reads the configuration space. */
	if (!put_common(d, out))
		return false;
	/* The functions of one card can share it: then only a look at all of them tells which is meant. */
	strbuf_addf(out, "ATTR{serial_number}==\"%s\", ", d->match[MATCH_SERIAL]);
	put_what(d, is_exact(d), out);
	if (!put_common(d, out))
		return false;
	strbuf_addf(out, "TEST!=\"serial_number\", ");
	put_what(d, false, out);
	return true;
}

static bool put_vf(const struct declaration *d, struct strbuf *out)
{
	char pf[ADDRESS_MAX], parent[256];
	_cleanup_free_ char *dir = NULL;

	if (pf_address(d, pf)) {
		dir = str_format("/sys/bus/pci/devices/%s", pf);
		if (!dir || !put_common(d, out))
			return false;
		put_vf_exact(dir, d->vf_index, out);
		put_what(d, true, out);
		/* Several functions in one group: which of them it is, the claim unit has to find out. */
		if (!put_common(d, out))
			return false;
		strbuf_addf(out, "ENV{VFIOADM_DECLARED}!=\"%s\", ", d->name);
		put_vf_group(dir, d->vf_index, "==", out);
		put_what(d, false, out);
		return true;
	}
	/* Which function of its card the physical function is, only the claim unit can tell. */
	if (!parent_path(d->vf_of, parent, sizeof(parent)))
		return false;
	strbuf_addf(out, "DEVPATH==\"");
	if (!put_devpath(parent, "/" HEX4 ":" HEX HEX ":" HEX HEX "." HEX, out))
		return false;
	strbuf_addf(out, "\", ");
	if (!put_common(d, out))
		return false;
	put_vf_group("physfn", d->vf_index, "==", out);
	put_what(d, false, out);
	return true;
}

void bootfiles_put_type(const struct cardtype *t, const char *attr, const char *of, struct strbuf *out)
{
	strbuf_addf(out, "%s{%svendor}==\"0x%04x\", ", attr, of, t->vendor);
	if (t->device != CARDTYPE_ANY)
		strbuf_addf(out, "%s{%sdevice}==\"0x%04x\", ", attr, of, t->device);
	if (t->subvendor != CARDTYPE_ANY)
		strbuf_addf(out, "%s{%ssubsystem_vendor}==\"0x%04x\", ", attr, of, t->subvendor);
	if (t->subdevice != CARDTYPE_ANY)
		strbuf_addf(out, "%s{%ssubsystem_device}==\"0x%04x\", ", attr, of, t->subdevice);
	if (!t->class_mask)
		return;
	/* A mask of part of a digit is any digit here: it is by its own list that vfio-pci takes a function. */
	strbuf_addf(out, "%s{%sclass}==\"0x", attr, of);
	for (int shift = 20; shift >= 0; shift -= 4) {
		if ((t->class_mask >> shift & 0xf) == 0xf)
			strbuf_addf(out, "%x", t->class_code >> shift & 0xf);
		else
			strbuf_addf(out, "?");
	}
	strbuf_addf(out, "\", ");
}

static bool put_pci(const struct declaration *d, struct strbuf *out)
{
	/* Known only while the native driver has the card: see put_child(). */
	if (d->match[MATCH_NVME_SERIAL] || d->match[MATCH_MAC])
		return true;
	if (d->match[MATCH_CARD_TYPE]) {
		bootfiles_put_type(&d->type, "ATTR", "", out);
		/* Bound by the driver's list of IDs, it still has a node to be given. */
		strbuf_addf(out, "ENV{VFIOADM_TYPE}+=\"%s\"%s\n", d->name,
			    bootfiles_node_rule_needed(d) ? ", ENV{VFIOADM_CLAIM}=\"1\"" : "");
		return true;
	}
	if (d->match[MATCH_VF])
		return put_vf(d, out);
	if (d->match[MATCH_SERIAL])
		return put_serial(d, out);
	if (!put_common(d, out))
		return false;
	put_what(d, is_exact(d), out);
	return true;
}

/*
 * A disk's serial number or an interface's address is seen at the disk controller or the interface, which
 * appear when the native driver has the function: then the claim unit looks closer.
 */
static bool put_child(const struct declaration *d, struct strbuf *out)
{
	bool nvme = d->match[MATCH_NVME_SERIAL];

	if (!nvme && !d->match[MATCH_MAC])
		return true;
	strbuf_addf(out, "SUBSYSTEM==\"%s\", ", nvme ? "nvme" : "net");
	if (!put_place(d, "KERNELS", "/*", out))
		return false;
	strbuf_addf(out, "SUBSYSTEMS==\"pci\", ");
	bootfiles_put_ids(d, "ATTRS", "", out);
	bootfiles_put_zpci(d, "ATTRS", "", out);
	/* A controller that is not live yet may not know its serial number, and an address may be a made-up one. */
	if (nvme)
		strbuf_addf(out, "ATTR{state}==\"live\", ATTR{serial}==\"%s\", ", d->match[MATCH_NVME_SERIAL]);
	else
		strbuf_addf(out, "ATTR{addr_assign_type}==\"0\", ATTR{address}==\"%s\", ", d->match[MATCH_MAC]);
	strbuf_addf(out, "ENV{VFIOADM_CHILD_OF}=\"$id\"\n");
	return true;
}

/* ---- all of them ---- */

/* A line is written whole or not at all. */
static void put_each(const struct declarations *d, bool (*put)(const struct declaration *d, struct strbuf *out),
		     struct strbuf *out)
{
	for (size_t i = 0; i < d->n; i++) {
		_cleanup_strbuf_ struct strbuf lines = { 0 };

		if (bootfiles_expressible(&d->items[i]) && put(&d->items[i], &lines) && !lines.failed)
			strbuf_add(out, lines.s ? lines.s : "", lines.len);
		out->failed |= lines.failed;
	}
}

static void put_left_out(const struct declarations *d, struct strbuf *out)
{
	for (size_t i = 0; i < d->n; i++)
		if (!bootfiles_expressible(&d->items[i]))
			strbuf_addf(out, "# %s cannot be expressed in a rule; vfioadm-apply.service applies it at boot.\n",
				    d->items[i].name);
}

void bootfiles_rules(const struct declarations *d, struct strbuf *out)
{
	char hash[17];

	if (!d->n)
		return;
	bootfiles_hash(d, hash);
	strbuf_addf(out,
		    "# %s: made by vfioadm from the files in vfioadm.d, see vfioadm.conf(5); changes are lost.\n"
		    "# It holds the declarations; 62-vfioadm.rules acts on them.\n",
		    hash);
	put_left_out(d, out);
	strbuf_addf(out, "ACTION==\"remove\", GOTO=\"vfioadm_declared_end\"\n"
			 "SUBSYSTEM!=\"pci\", GOTO=\"vfioadm_declared_other\"\n");
	put_each(d, put_pci, out);
	strbuf_addf(out, "GOTO=\"vfioadm_declared_end\"\nLABEL=\"vfioadm_declared_other\"\n");
	put_each(d, put_child, out);
	put_each(d, bootfiles_put_node, out);
	strbuf_addf(out, "LABEL=\"vfioadm_declared_end\"\n");
}
