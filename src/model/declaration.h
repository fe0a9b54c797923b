/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_DECLARATION_H
#define VFIOADM_MODEL_DECLARATION_H

#include <stdbool.h>
#include <vfioadm.h>

#include "base/str.h"
#include "model/cardtype.h"
#include "model/inventory.h"

/*
 * A declaration: what one file in /etc/vfioadm.d (or /run/vfioadm.d, /usr/lib/vfioadm.d) says must be so, at
 * every boot. docs/vfioadm.conf.5.scd is the reference of its sections and keys.
 */

/** Keys of [Match]. All that are there must hold. The order is that in which they are written. */
enum match_key {
	MATCH_CARD_TYPE,   /* CardType: an ID as for "enable"; alone, or with nothing but Multiple */
	MATCH_UID,         /* s390: hex, not 0 */
	MATCH_FID,         /* s390: hex */
	MATCH_PCHID,       /* s390: hex */
	MATCH_SERIAL,      /* PCIe Device Serial Number, "00-11-22-ff-fe-33-44-55"; not all 00 or all ff */
	MATCH_VF,          /* "VF=3 pci-0000:00:1c.0/00.0": index, blank, the PF's Path or address */
	MATCH_PATH,        /* bridge path without bus numbers, "pci-0000:00:1c.0/00.0"; never of a VF */
	MATCH_ADDRESS,     /* "0000:01:00.0": moves when a card is added; the weakest */
	MATCH_VENDOR,      /* hex, 4 digits, as the others below */
	MATCH_DEVICE,
	MATCH_SUBVENDOR,
	MATCH_SUBDEVICE,
	MATCH_CLASS,       /* 6 hex digits */
	MATCH_NVME_SERIAL, /* only while nvme is bound: never the only key besides IDs */
	MATCH_MAC,         /* MACAddress, only while a network driver is bound: likewise */
	N_MATCH_KEYS,
};

/** "Path", "Vendor", … as written in [Match]. */
const char *match_key_name(enum match_key key);
/** Can it be read only while the native driver is bound? */
static inline bool match_key_of_driver(enum match_key key)
{
	return key == MATCH_NVME_SERIAL || key == MATCH_MAC;
}

struct declaration {
	const char *name;                 /* the file's name without ".conf" */
	const char *file;                 /* absolute path, for messages; NULL: not written yet */
	unsigned line;                    /* of [Match] in it */
	const char *match[N_MATCH_KEYS];  /* canonical text (lower-case hex, padded); NULL: not asked for */
	uint64_t number[N_MATCH_KEYS];    /* of the numeric ones */
	struct cardtype type;             /* of MATCH_CARD_TYPE */
	unsigned vf_index;                /* of MATCH_VF */
	const char *vf_of;                /* of MATCH_VF: "pci-…" or an address */
	bool multiple;                    /* several functions may match; always with CardType */

	const char *seen_address, *seen_name; /* [LastSeen]: informs only; NULL: not said */

	const char *driver;               /* [Assign] Driver: a VFIO driver's name; NULL for "auto" */
	bool whole_group;                 /* [Assign] IommuGroup=whole: companions come along */

	const char *node_user, *node_group; /* [Node]: names or numbers; NULL: left alone */
	struct vfioadm_uint node_mode;      /* Mode, octal, no bit outside of 0660; NONE: left alone */

	/*
	 * [SR-IOV] VFs: the function that matches is the PF. It keeps its host driver, gets this many virtual
	 * functions, and [Assign] and [Node] are about those.
	 */
	struct vfioadm_uint vfs; /* 1 to 65535; NONE: no such section */
};

/** In the order of their names; strings hang in the arena. */
struct declarations {
	struct arena arena;
	struct declaration *items;
	size_t n, room;
};

void declarations_clear(struct declarations *d);
#define _cleanup_declarations_ CLEANUP(declarations_clear)

/**
 * Reads one file's text. Unknown sections or keys, a section or a key twice, values that are not of their form,
 * no [Match] or nothing in it that tells one card from others (a key of those up to Address, or Vendor and
 * Device): -EBADMSG with file and line (VFIOADM_E_CONFIG). Strings go to the arena. *ret holds all or is left
 * alone; -ENOMEM.
 */
int declaration_parse(const char *name, const char *file, const char *text, size_t size, struct arena *arena,
		      struct declaration *ret, struct vfioadm_error **err) MUST_CHECK;
/** The first line of what declaration_format() writes. */
#define DECLARATION_HEAD "# Written by vfioadm, which keeps this so at every boot; see vfioadm.conf(5).\n"
/** The file's text, as declaration_parse() reads it; a comment says who wrote it. -ENOMEM is sticky in out. */
void declaration_format(const struct declaration *d, struct strbuf *out);
/** A name for a file: letters, digits and "-_.:@" only, no leading dot, shorter than 128. */
bool declaration_name_valid(const char *name);
/** Names a card for [LastSeen]: without what a file cannot hold, cut where it is long; NULL: -ENOMEM. */
char *declaration_clean_name(struct arena *arena, const char *text) MUST_CHECK;
/** The same keys with the same values: they mean the same functions. */
bool declaration_same_match(const struct declaration *a, const struct declaration *b);

#endif
