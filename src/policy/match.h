/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_MATCH_H
#define VFIOADM_POLICY_MATCH_H

#include "model/declaration.h"
#include "model/inventory.h"
#include "policy/select.h"

/* Which functions of a host a declaration means, and how it names the one that it means. No I/O. */

enum match_outcome {
	MATCH_FOUND,     /* one function, or several where that is meant: all keys hold */
	MATCH_MISSING,   /* none: no such card, or not seen (yet) */
	MATCH_FOREIGN,   /* none, and what its Path, VF, UID, FID, Address or [LastSeen] names is another card */
	MATCH_AMBIGUOUS, /* several, but one is meant */
	MATCH_UNCERTAIN, /* a key cannot be read (no native driver, no permission), all that can be hold */
};

struct match {
	enum match_outcome outcome;
	struct selection functions;  /* FOUND, AMBIGUOUS, UNCERTAIN: those that it means, or may mean */
	const char *there;           /* FOREIGN: address of the other card, the inventory's */
	bool moved;                  /* FOUND, at another address than [LastSeen] says */
	enum match_key unread;       /* UNCERTAIN: which */
};

void match_clear(struct match *m);
#define _cleanup_match_ CLEANUP(match_clear)

/** Facets that must be there for the candidates (functions with these IDs) before match_declaration(). */
unsigned match_facets(const struct declaration *d);
/**
 * And for all others: without them a card of another type in the place of the one that is meant is only seen by
 * its address. Nothing that blocks.
 */
unsigned match_facets_others(const struct declaration *d);
/** By IDs alone (or by nothing, when it has none): worth a closer look. */
bool match_candidate(const struct declaration *d, const struct vfioadm_function *f);
/**
 * A UID counts only where the machine says that UIDs are unique: else it is UNCERTAIN. NvmeSerial and MACAddress
 * cannot be read of a function that is assigned: the only one for which all else holds, and that has the driver
 * that is declared, is FOUND. -ENOMEM.
 */
int match_declaration(const struct declaration *d, const struct vfioadm_inventory *inv, struct match *ret)
	MUST_CHECK;

/** Has the function the driver that is declared: the one that is named, or any VFIO driver? */
bool match_has_driver(const struct declaration *d, const struct vfioadm_function *f);

/** How much a key can be trusted to name the same card after a reboot. */
enum trust {
	TRUST_CARD,    /* moves with the card: UID/FID the administrator's own, Serial */
	TRUST_SLOT,    /* names a slot, whatever bus numbers do: Path, VF of such a PF */
	TRUST_ADDRESS, /* another card may have it after a change of hardware */
};
/**
 * Must the IDENTITY of other be looked at before f gets its name? A Serial counts only where no function of the
 * same type and none in the same slot can have the same.
 */
bool identity_rival(const struct vfioadm_function *f, const struct vfioadm_function *other);
/**
 * Names a function (facets BASIC, NAMES, IDENTITY; of its rivals IDENTITY) as strongly as it can: IDs, and UID
 * (where it is unique) or FID, else Serial when no other function has the same, else VF or Path, else Address.
 * Fills match, number, seen_*, vf_*; strings go to the arena, *ret is left alone on failure. name is suggested
 * too: "nvme-0000-01-00.0" made of class word and address. -ENODATA: its IDs cannot be read. -ENOMEM.
 */
int identity_of(const struct vfioadm_inventory *inv, const struct vfioadm_function *f, struct arena *arena,
		struct declaration *ret, enum match_key *ret_key, enum trust *ret_trust) MUST_CHECK;

#endif
