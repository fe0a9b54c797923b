/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "policy/match.h"

enum held { FAILS, HOLDS, UNREAD };

void match_clear(struct match *m)
{
	selection_clear(&m->functions);
	*m = (struct match){ 0 };
}

/* ---- one key ---- */

static enum held number_holds(const struct declaration *d, enum match_key key, const struct vfioadm_uint *have)
{
	if (have->state == VFIOADM_UNKNOWN)
		return UNREAD;
	return uint_is(have, d->number[key]) ? HOLDS : FAILS;
}

static enum held text_holds(const struct declaration *d, enum match_key key, const struct vfioadm_str *have)
{
	if (have->state == VFIOADM_UNKNOWN)
		return UNREAD;
	return str_is(have, d->match[key]) ? HOLDS : FAILS;
}

/* Where UIDs are not checked, several functions may have the same, and another one after the next change. */
static enum held uid_holds(const struct declaration *d, const struct vfioadm_function *f)
{
	enum held held = number_holds(d, MATCH_UID, &f->uid);

	return held == HOLDS && !uint_is(&f->uid_is_unique, 1) ? UNREAD : held;
}

static void let_pass(uint32_t *want, const struct vfioadm_uint *have)
{
	if (have->state == VFIOADM_UNKNOWN)
		*want = CARDTYPE_ANY;
}

static enum held card_type_holds(const struct declaration *d, const struct vfioadm_function *f)
{
	struct cardtype readable = d->type;

	if (cardtype_matches(&d->type, f))
		return HOLDS;
	let_pass(&readable.vendor, &f->vendor);
	let_pass(&readable.device, &f->device);
	let_pass(&readable.subvendor, &f->subsystem_vendor);
	let_pass(&readable.subdevice, &f->subsystem_device);
	if (f->class_code.state == VFIOADM_UNKNOWN)
		readable.class_mask = 0;
	return cardtype_matches(&readable, f) ? UNREAD : FAILS;
}

/* Of the path of a virtual function only its end is its own: that of its PF, "/virtfn", and its number. */
static enum held virtual_path_holds(const struct declaration *d, const struct vfioadm_function *f)
{
	const char *rest;
	uint64_t n;

	if (f->path.state != VFIOADM_KNOWN)
		return f->path.state == VFIOADM_UNKNOWN ? UNREAD : FAILS;
	rest = str_after(f->path.value, d->vf_of);
	rest = rest ? str_after(rest, "/virtfn") : NULL;
	return rest && str_to_u64(rest, 10, UINT32_MAX, &n) == 0 && n == d->vf_index ? HOLDS : FAILS;
}

static enum held vf_holds(const struct declaration *d, const struct vfioadm_function *f)
{
	if (f->physfn.state != VFIOADM_KNOWN)
		return f->physfn.state == VFIOADM_UNKNOWN ? UNREAD : FAILS;
	if (str_after(d->vf_of, "pci-"))
		return virtual_path_holds(d, f);
	if (!str_is(&f->physfn, d->vf_of))
		return FAILS;
	if (f->vf_index.state == VFIOADM_UNKNOWN)
		return UNREAD;
	return uint_is(&f->vf_index, d->vf_index) ? HOLDS : FAILS;
}

static enum held key_holds(const struct declaration *d, enum match_key key, const struct vfioadm_function *f)
{
	switch (key) {
	case MATCH_CARD_TYPE:
		return card_type_holds(d, f);
	case MATCH_UID:
		return uid_holds(d, f);
	case MATCH_FID:
		return number_holds(d, key, &f->fid);
	case MATCH_PCHID:
		return number_holds(d, key, &f->pchid);
	case MATCH_SERIAL:
		return text_holds(d, key, &f->serial);
	case MATCH_VF:
		return vf_holds(d, f);
	case MATCH_PATH:
		return text_holds(d, key, &f->path);
	case MATCH_ADDRESS:
		return streq(d->match[key], f->address) ? HOLDS : FAILS;
	case MATCH_VENDOR:
		return number_holds(d, key, &f->vendor);
	case MATCH_DEVICE:
		return number_holds(d, key, &f->device);
	case MATCH_SUBVENDOR:
		return number_holds(d, key, &f->subsystem_vendor);
	case MATCH_SUBDEVICE:
		return number_holds(d, key, &f->subsystem_device);
	case MATCH_CLASS:
		return number_holds(d, key, &f->class_code);
	case MATCH_NVME_SERIAL:
		return text_holds(d, key, &f->nvme_serial);
	case MATCH_MAC:
		return text_holds(d, key, &f->mac);
	case N_MATCH_KEYS:
		break;
	}
	return FAILS;
}

static bool is_id(enum match_key key)
{
	return key == MATCH_CARD_TYPE || (key >= MATCH_VENDOR && key <= MATCH_CLASS);
}

/* ---- one function ---- */

unsigned match_facets(const struct declaration *d)
{
	unsigned facets = VFIOADM_FACET_BASIC | match_facets_others(d);

	if (d->match[MATCH_UID] || d->match[MATCH_PCHID] || d->match[MATCH_SERIAL] ||
	    d->match[MATCH_NVME_SERIAL] || d->match[MATCH_MAC])
		facets |= VFIOADM_FACET_IDENTITY;
	return facets;
}

unsigned match_facets_others(const struct declaration *d)
{
	return VFIOADM_FACET_BASIC | (d->match[MATCH_PATH] || d->match[MATCH_VF] ? VFIOADM_FACET_PATH : 0);
}

bool match_candidate(const struct declaration *d, const struct vfioadm_function *f)
{
	for (enum match_key key = 0; key < N_MATCH_KEYS; key++)
		if (d->match[key] && is_id(key) && key_holds(d, key, f) == FAILS)
			return false;
	return true;
}

/* UNREAD: *ret_unread is the first key that could not be read. */
static enum held all_hold(const struct declaration *d, const struct vfioadm_function *f,
			  enum match_key *ret_unread)
{
	enum held all = HOLDS;

	for (enum match_key key = 0; key < N_MATCH_KEYS; key++) {
		enum held held = d->match[key] ? key_holds(d, key, f) : HOLDS;

		if (held == FAILS)
			return FAILS;
		if (held == UNREAD && all == HOLDS) {
			*ret_unread = key;
			all = UNREAD;
		}
	}
	return all;
}

/* ---- all functions ---- */

struct verdict {
	struct selection holds, unread;
	enum match_key key; /* of the first that is unread */
};

static void verdict_clear(struct verdict *v)
{
	selection_clear(&v->holds);
	selection_clear(&v->unread);
}

/* Virtual functions may have the IDs of the physical one, which alone can be given some. */
static bool is_in_question(const struct declaration *d, const struct vfioadm_function *f)
{
	return d->vfs.state != VFIOADM_KNOWN || f->physfn.state != VFIOADM_KNOWN;
}

static int look_at_all(const struct declaration *d, const struct vfioadm_inventory *inv, struct verdict *v)
{
	for (size_t i = 0; i < inv->n_functions; i++) {
		enum match_key key = N_MATCH_KEYS;
		enum held held = is_in_question(d, &inv->functions[i]) ? all_hold(d, &inv->functions[i], &key) :
									 FAILS;

		if (held == UNREAD && !v->unread.n)
			v->key = key;
		if (held != FAILS && selection_add(held == HOLDS ? &v->holds : &v->unread, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * The functions of one card can have the same serial number, so one of them alone is not known to be the one
 * that is meant while another does not answer. What is in another slot is another card.
 */
static bool sibling_unread(const struct vfioadm_inventory *inv, const struct verdict *v)
{
	const struct vfioadm_function *f = &inv->functions[v->holds.items[0]];

	for (size_t i = 0; i < v->unread.n; i++)
		if (inventory_same_slot(f, &inv->functions[v->unread.items[i]]))
			return true;
	return false;
}

/* Another card where the one that is meant was, or has to be. */
static const char *foreign(const struct declaration *d, const struct vfioadm_inventory *inv)
{
	static const enum match_key places[] = { MATCH_PATH, MATCH_VF, MATCH_UID, MATCH_FID, MATCH_ADDRESS };
	const struct vfioadm_function *f;

	for (size_t k = 0; k < ARRAY_SIZE(places); k++)
		for (size_t i = 0; d->match[places[k]] && i < inv->n_functions; i++)
			if (key_holds(d, places[k], &inv->functions[i]) == HOLDS)
				return inv->functions[i].address;
	f = d->seen_address && !d->multiple ? vfioadm_inventory_find(inv, d->seen_address) : NULL;
	return f ? f->address : NULL;
}

static bool was_seen_elsewhere(const struct declaration *d, const struct vfioadm_inventory *inv,
			       const struct selection *found)
{
	for (size_t i = 0; d->seen_address && i < found->n; i++)
		if (streq(inv->functions[found->items[i]].address, d->seen_address))
			return false;
	return d->seen_address != NULL;
}

/* Ownership leaves from. */
static void take(struct match *m, enum match_outcome outcome, struct selection *from)
{
	m->outcome = outcome;
	m->functions = *from;
	*from = (struct selection){ 0 };
}

static int uncertain(struct verdict *v, struct match *m)
{
	for (size_t i = 0; i < v->holds.n; i++)
		if (selection_add(&v->unread, v->holds.items[i]) < 0)
			return -ENOMEM;
	take(m, MATCH_UNCERTAIN, &v->unread);
	m->unread = v->key;
	return 0;
}

bool match_has_driver(const struct declaration *d, const struct vfioadm_function *f)
{
	if (!d->driver)
		return uint_is(&f->vfio, 1);
	return f->driver.state == VFIOADM_KNOWN && driver_name_equal(f->driver.value, d->driver);
}

/*
 * What only its native driver would tell was looked at before it was assigned. As nothing is taken any more, all
 * that can still be read is enough, if there is no other that it may be.
 */
static bool is_assigned(const struct declaration *d, const struct vfioadm_inventory *inv, const struct verdict *v)
{
	return v->unread.n == 1 && match_key_of_driver(v->key) &&
	       match_has_driver(d, &inv->functions[v->unread.items[0]]);
}

static void found(const struct declaration *d, const struct vfioadm_inventory *inv, struct selection *from,
		  struct match *m)
{
	m->moved = was_seen_elsewhere(d, inv, from);
	take(m, MATCH_FOUND, from);
}

int match_declaration(const struct declaration *d, const struct vfioadm_inventory *inv, struct match *ret)
{
	CLEANUP(verdict_clear) struct verdict v = { 0 };
	struct match m = { .unread = N_MATCH_KEYS };
	int r = look_at_all(d, inv, &v);

	if (r < 0)
		return r;
	if (v.holds.n > 1 && !d->multiple) {
		take(&m, MATCH_AMBIGUOUS, &v.holds);
	} else if (v.holds.n && (d->multiple || !sibling_unread(inv, &v))) {
		found(d, inv, &v.holds, &m);
	} else if (!v.holds.n && is_assigned(d, inv, &v)) {
		found(d, inv, &v.unread, &m);
	} else if (v.unread.n) {
		r = uncertain(&v, &m);
	} else {
		m.there = foreign(d, inv);
		m.outcome = m.there ? MATCH_FOREIGN : MATCH_MISSING;
	}
	if (r == 0)
		*ret = m;
	return r;
}
