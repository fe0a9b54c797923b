/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners of VFIO nodes, module options, and what tells whether a generated file is of today's declarations. */
#include <string.h>

#include "model/address.h"
#include "policy/bootfiles_private.h"

/* ---- nodes ---- */

static bool wants_node(const struct declaration *d)
{
	return d->node_user || d->node_group || d->node_mode.state == VFIOADM_KNOWN;
}

static unsigned mode_of(const struct declaration *d)
{
	if (d->node_mode.state == VFIOADM_KNOWN)
		return (unsigned)d->node_mode.value & 0660;
	return d->node_group ? 0660 : 0600;
}

bool bootfiles_node_owner(const struct declaration *d, struct strbuf *out)
{
	if (!wants_node(d))
		return false;
	/* Who is not named is root: whoever had it before does not keep it. */
	strbuf_addf(out, "%s:%s:%04o", d->node_user ? d->node_user : "0", d->node_group ? d->node_group : "0",
		    mode_of(d));
	return true;
}

bool bootfiles_same_node_owner(const struct declaration *a, const struct declaration *b)
{
	_cleanup_strbuf_ struct strbuf one = { 0 }, other = { 0 };

	return !bootfiles_node_owner(a, &one) || !bootfiles_node_owner(b, &other) || streq_null(one.s, other.s);
}

static void put_wish(const struct declaration *d, struct strbuf *out)
{
	if (d->node_user)
		strbuf_addf(out, "ENV{VFIOADM_OWNER}=\"%s\", ", d->node_user);
	if (d->node_group)
		strbuf_addf(out, "ENV{VFIOADM_GROUP}=\"%s\", ", d->node_group);
	strbuf_addf(out, "ENV{VFIOADM_MODE}=\"%04o\"\n", mode_of(d));
}

/* A card of other IDs that has the address by now is another one. */
static void put_identity(const struct declaration *d, const char *address, struct strbuf *out)
{
	char of[ADDRESS_MAX + 8];

	snprintf(of, sizeof(of), "[pci/%s]", address);
	if (d->match[MATCH_CARD_TYPE]) {
		bootfiles_put_type(&d->type, "ATTR", of, out);
	} else if (d->vfs.state != VFIOADM_KNOWN) { /* else the IDs are those of the physical function */
		bootfiles_put_ids(d, "ATTR", of, out);
		bootfiles_put_zpci(d, "ATTR", of, out);
	}
}

/* The group's node has no parent: whose it is stands in the group's directory, by address. */
static void put_nodes(const struct declaration *d, const char *address, struct strbuf *out)
{
	strbuf_addf(out, "SUBSYSTEM==\"vfio\", TEST==\"/sys/kernel/iommu_groups/%%k/devices/%s\", ", address);
	put_identity(d, address, out);
	put_wish(d, out);
	strbuf_addf(out, "SUBSYSTEM==\"vfio-dev\", KERNELS==\"%s\", SUBSYSTEMS==\"pci\", ", address);
	put_identity(d, address, out);
	put_wish(d, out);
}

/* Several functions, or one that no rule can tell for sure. */
static bool is_one_address(const struct declaration *d, char ret[ADDRESS_MAX])
{
	return !d->multiple && d->vfs.state != VFIOADM_KNOWN && !d->match[MATCH_CARD_TYPE] &&
	       !d->match[MATCH_VF] && !d->match[MATCH_SERIAL] && !d->match[MATCH_NVME_SERIAL] &&
	       !d->match[MATCH_MAC] && bootfiles_fixed_address(d, ret);
}

bool bootfiles_node_rule_needed(const struct declaration *d)
{
	char address[ADDRESS_MAX];

	return wants_node(d) && !is_one_address(d, address);
}

bool bootfiles_put_node(const struct declaration *d, struct strbuf *out)
{
	char address[ADDRESS_MAX];

	if (wants_node(d) && is_one_address(d, address))
		put_nodes(d, address, out);
	return true;
}

void bootfiles_node_rule(const struct declaration *d, const char *address, struct strbuf *out)
{
	struct address a;

	if (!wants_node(d) || address_parse(address, &a) < 0 || !bootfiles_expressible(d))
		return;
	put_nodes(d, address, out);
}

/* ---- modprobe.d ---- */

enum { IDS_MAX = 1023 }; /* what vfio-pci's parameter holds */

/* It tells our file from one of that name that somebody else has written. */
#define OURS "# Made by vfioadm from the files in vfioadm.d, see vfioadm.conf(5); changes are lost.\n"

/* IDs that are too many for the parameter are left to the early program, which writes them one by one. */
static void put_type_ids(const struct cardtype *types, size_t n, struct strbuf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < n; i++) {
		char id[CARDTYPE_MAX];

		cardtype_format(&types[i], id);
		/* "any" is written in hex there. */
		for (char *star; (star = strchr(id, '*'));) {
			memmove(star + 8, star + 1, strlen(star));
			memcpy(star, "ffffffff", 8);
		}
		if (out->len - start + strlen(id) + 1 > IDS_MAX)
			break;
		strbuf_addf(out, "%s%s", out->len > start ? "," : "", id);
	}
}

/*
 * Not modprobe.blacklist=: udev asks that list about the module that it loads, but not about what goes before it by
 * a softdep. What the kernel itself refuses is no matter to the module behind it.
 */
void bootfiles_modprobe(const struct cardtype *types, size_t n, const struct strv *natives, struct strbuf *out)
{
	if (!n)
		return;
	strbuf_addf(out, OURS
		    "# This file does not know of vfioadm.disable: to boot without it, add to the kernel command line\n"
		    "# module_blacklist=vfio_pci, or remove it and rebuild the initramfs.\n"
		    "options vfio-pci ids=");
	put_type_ids(types, n, out);
	strbuf_addf(out, "\n");
	STRV_FOREACH(i, natives)
		if (bootfiles_plain(natives->items[i]))
			strbuf_addf(out, "softdep %s pre: vfio-pci\n", natives->items[i]);
}

bool bootfiles_modprobe_is_ours(const char *text)
{
	return str_after(text, OURS);
}

/* ---- hash ---- */

/* FNV-1a: it tells one version of a file from another, and nothing is to be kept from anybody. */
static void hash_bytes(uint64_t *hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++)
		*hash = (*hash ^ p[i]) * 0x100000001b3ull;
}

/* Absent and empty differ, and where one string ends and the next begins matters. */
static void hash_string(uint64_t *hash, const char *s)
{
	hash_bytes(hash, s ? "+" : "-", 1);
	if (s)
		hash_bytes(hash, s, strlen(s) + 1);
}

static void hash_number(uint64_t *hash, bool known, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	hash_string(hash, known ? text : NULL);
}

void bootfiles_hash(const struct declarations *d, char ret[17])
{
	/* To be changed when the same declarations make other files. */
	static const char shape[] = "vfioadm 1";
	uint64_t hash = 0xcbf29ce484222325ull;

	hash_string(&hash, shape);
	for (size_t i = 0; i < d->n; i++) {
		const struct declaration *one = &d->items[i];

		hash_string(&hash, one->name);
		for (size_t k = 0; k < N_MATCH_KEYS; k++)
			hash_string(&hash, one->match[k]);
		hash_string(&hash, one->driver);
		hash_string(&hash, one->node_user);
		hash_string(&hash, one->node_group);
		hash_number(&hash, one->node_mode.state == VFIOADM_KNOWN, one->node_mode.value);
		hash_number(&hash, one->vfs.state == VFIOADM_KNOWN, one->vfs.value);
		hash_number(&hash, one->multiple, 1);
		hash_number(&hash, one->whole_group, 1);
	}
	snprintf(ret, 17, "%016llx", (unsigned long long)hash);
}
