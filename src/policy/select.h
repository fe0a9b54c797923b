/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_SELECT_H
#define VFIOADM_POLICY_SELECT_H

#include "base/str.h"
#include "model/address.h"
#include "model/cardtype.h"
#include "model/inventory.h"

/*
 * What a person typed to name functions. Tried in this order: an address; vendor:device
 * [:subvendor:subdevice]; key=value; a path below /dev/; a network interface.
 *
 * The last two are things of the host that only the host can follow to a function: flow resolves them
 * (host/observe.h) and turns the selector into SELECT_ADDRESS before matching.
 */
enum selector_kind {
	SELECT_ADDRESS,
	SELECT_CARDTYPE,
	SELECT_GROUP,     /* number; skips bridges */
	SELECT_UID,
	SELECT_FID,
	SELECT_PCHID,
	SELECT_SERIAL,    /* PCIe DSN, any of its usual spellings; NVMe serial */
	SELECT_MAC,
	SELECT_PATH,
	SELECT_NODE,      /* "/dev/…": text */
	SELECT_INTERFACE, /* text */
};

struct selector {
	enum selector_kind kind;
	const char *text; /* as typed; owned by the caller */
	struct address address;
	struct cardtype type;
	uint64_t number;
	const char *value; /* behind "key=" */
};

/** Pure syntax. VFIOADM_E_BAD_SELECTOR, with "did you mean" where address_guess() has an idea. */
int selector_parse(const char *text, struct selector *ret, struct vfioadm_error **err);
/** Facets that must be there on every function before selector_match(); 0 beyond BASIC for most. */
unsigned selector_facets(const struct selector *s);
bool selector_match(const struct selector *s, const struct vfioadm_function *f);

/** Indexes into the inventory, in its order, without duplicates. */
struct selection {
	size_t *items;
	size_t n;
};

/**
 * Every selector must match at least one function (VFIOADM_E_NOT_FOUND; says what is near: other
 * functions of the same slot, same IDs; for a standby fid how to configure it), and only one unless
 * all_matching (VFIOADM_E_AMBIGUOUS, names the matches and --all-matching). group=N and a single address
 * never need all_matching.
 */
int select_functions(const struct vfioadm_inventory *inv, const struct selector *selectors, size_t n,
		     bool all_matching, struct selection *ret, struct vfioadm_error **err);
bool selection_has(const struct selection *s, size_t index);
/** Adds index when it is not there yet; keeps order. -ENOMEM. */
int selection_add(struct selection *s, size_t index) MUST_CHECK;
/** Adds the non-bridge companions of what is selected. -ENOMEM. */
int selection_add_groups(struct selection *s, const struct vfioadm_inventory *inv) MUST_CHECK;
void selection_clear(struct selection *s);
#define _cleanup_selection_ CLEANUP(selection_clear)

#endif
