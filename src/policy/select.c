/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "policy/select_private.h"

unsigned selector_facets(const struct selector *s)
{
	switch (s->kind) {
	case SELECT_PCHID:
	case SELECT_SERIAL:
	case SELECT_MAC:
	case SELECT_PATH:
		return VFIOADM_FACET_IDENTITY;
	default:
		return 0;
	}
}

static bool address_matches(const struct selector *s, const struct vfioadm_function *f)
{
	struct address a = {f->domain, f->bus, f->slot, f->function};

	return address_compare(&s->address, &a) == 0;
}

/* ASCII only, whatever the locale says about the letter i. */
static bool equal_fold(const char *a, const char *b)
{
	for (;; a++, b++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a | 0x20) : *a;
		char y = *b >= 'A' && *b <= 'Z' ? (char)(*b | 0x20) : *b;

		if (x != y)
			return false;
		if (!x)
			return true;
	}
}

static bool serial_matches(const struct selector *s, const struct vfioadm_function *f)
{
	uint64_t want, have;

	if (f->serial.state == VFIOADM_KNOWN && selector_parse_bytes(s->value, 8, &want, NULL) &&
	    selector_parse_bytes(f->serial.value, 8, &have, NULL) && want == have)
		return true;
	return f->nvme_serial.state == VFIOADM_KNOWN && equal_fold(f->nvme_serial.value, s->value);
}

static bool mac_matches(const struct selector *s, const struct vfioadm_function *f)
{
	uint64_t have;

	return f->mac.state == VFIOADM_KNOWN &&
	       selector_parse_bytes(f->mac.value, 6, &have, NULL) && have == s->number;
}

static bool carries_interface(const struct vfioadm_function *f, const char *name)
{
	if (f->net.state != VFIOADM_KNOWN)
		return false;
	for (size_t i = 0; i < f->net.n; i++)
		if (streq(f->net.items[i], name))
			return true;
	return false;
}

bool selector_match(const struct selector *s, const struct vfioadm_function *f)
{
	switch (s->kind) {
	case SELECT_ADDRESS:
		return address_matches(s, f);
	case SELECT_CARDTYPE:
		return cardtype_matches(&s->type, f);
	case SELECT_GROUP:
		return uint_is(&f->iommu_group, s->number) && !inventory_stays_unnamed(f);
	case SELECT_UID:
		return uint_is(&f->uid, s->number);
	case SELECT_FID:
		return uint_is(&f->fid, s->number);
	case SELECT_PCHID:
		return uint_is(&f->pchid, s->number);
	case SELECT_SERIAL:
		return serial_matches(s, f);
	case SELECT_MAC:
		return mac_matches(s, f);
	case SELECT_PATH:
		return f->path.state == VFIOADM_KNOWN && equal_fold(f->path.value, s->value);
	case SELECT_INTERFACE:
		return carries_interface(f, s->text);
	case SELECT_NODE: /* only the host can follow it */
		break;
	}
	return false;
}

bool selector_undecided(const struct selector *s, const struct vfioadm_function *f)
{
	switch (s->kind) {
	case SELECT_CARDTYPE:
		return f->vendor.state == VFIOADM_UNKNOWN || f->device.state == VFIOADM_UNKNOWN;
	case SELECT_GROUP:
		return f->iommu_group.state == VFIOADM_UNKNOWN;
	case SELECT_UID:
		return f->uid.state == VFIOADM_UNKNOWN;
	case SELECT_FID:
		return f->fid.state == VFIOADM_UNKNOWN;
	case SELECT_PCHID:
		return f->pchid.state == VFIOADM_UNKNOWN;
	case SELECT_SERIAL:
		return f->serial.state == VFIOADM_UNKNOWN ||
		       f->nvme_serial.state == VFIOADM_UNKNOWN;
	case SELECT_MAC:
		return f->mac.state == VFIOADM_UNKNOWN;
	case SELECT_PATH:
		return f->path.state == VFIOADM_UNKNOWN;
	case SELECT_INTERFACE:
		return f->net.state == VFIOADM_UNKNOWN;
	case SELECT_ADDRESS:
	case SELECT_NODE:
		break;
	}
	return false;
}

/* ---- selections -------------------------------------------------------------------------------- */

/* Where index is, or belongs. */
static size_t position(const struct selection *s, size_t index)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->items[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool selection_has(const struct selection *s, size_t index)
{
	size_t i = position(s, index);

	return i < s->n && s->items[i] == index;
}

int selection_add(struct selection *s, size_t index)
{
	size_t i = position(s, index);
	size_t *grown;

	if (i < s->n && s->items[i] == index)
		return 0;
	grown = reallocarray(s->items, s->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memmove(grown + i + 1, grown + i, (s->n - i) * sizeof(*grown));
	grown[i] = index;
	s->items = grown;
	s->n++;
	return 0;
}

void selection_clear(struct selection *s)
{
	free(s->items);
	*s = (struct selection){0};
}

/* Ownership leaves from; what was in to must be gone. */
static void selection_move(struct selection *to, struct selection *from)
{
	*to = *from;
	*from = (struct selection){0};
}

static int add_companions(struct selection *s, const struct vfioadm_inventory *inv,
			  const struct vfioadm_function *f)
{
	if (f->companions.state != VFIOADM_KNOWN)
		return 0;
	for (size_t i = 0; i < f->companions.n; i++) {
		ssize_t index = inventory_index(inv, f->companions.items[i]);

		if (index < 0 || inv->functions[index].bridge ||
		    /* A part of the host that is on VFIO was named once, and goes back with its group. */
		    (inv->functions[index].host_part != VFIOADM_PART_NONE && !uint_is(&inv->functions[index].vfio, 1)) ||
		    inventory_vmd_of(inv, &inv->functions[index]) == f)
			continue;
		if (selection_add(s, (size_t)index) < 0)
			return -ENOMEM;
	}
	return 0;
}

int selection_add_groups(struct selection *s, const struct vfioadm_inventory *inv)
{
	_cleanup_selection_ struct selection whole = {0};

	for (size_t i = 0; i < s->n; i++)
		if (selection_add(&whole, s->items[i]) < 0 ||
		    add_companions(&whole, inv, &inv->functions[s->items[i]]) < 0)
			return -ENOMEM;
	selection_clear(s);
	selection_move(s, &whole);
	return 0;
}

/* ---- from selectors to functions --------------------------------------------------------------- */

/* A group is asked for as a whole, so its number never needs --all-matching. */
static bool names_many(const struct selector *s)
{
	return s->kind == SELECT_GROUP;
}

static int select_one(const struct vfioadm_inventory *inv, const struct selector *s,
		      bool all_matching, struct selection *into, struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection matches = {0};

	for (size_t i = 0; i < inv->n_functions; i++)
		if (selector_match(s, &inv->functions[i]) && selection_add(&matches, i) < 0)
			return error_oom(err);
	if (!matches.n)
		return select_explain_none(inv, s, err);
	if (matches.n > 1 && !all_matching && !names_many(s))
		return select_explain_several(inv, s, &matches, err);
	for (size_t i = 0; i < matches.n; i++)
		if (selection_add(into, matches.items[i]) < 0)
			return error_oom(err);
	return 0;
}

int select_functions(const struct vfioadm_inventory *inv, const struct selector *selectors,
		     size_t n, bool all_matching, struct selection *ret, struct vfioadm_error **err)
{
	_cleanup_selection_ struct selection all = {0};

	for (size_t i = 0; i < n; i++) {
		int r = select_one(inv, &selectors[i], all_matching, &all, err);

		if (r < 0)
			return r;
	}
	selection_move(ret, &all);
	return 0;
}
