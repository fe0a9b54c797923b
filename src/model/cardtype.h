/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_CARDTYPE_H
#define VFIOADM_MODEL_CARDTYPE_H

#include <stdbool.h>
#include <stdint.h>
#include <vfioadm.h>

/*
 * A card-type ID, what a driver's new_id takes: vendor:device[:subvendor[:subdevice[:class[:mask]]]].
 * Fields that are left out match anything (PCI_ANY_ID; class and mask 0), as in pci_match_one_device().
 */
struct cardtype {
	uint32_t vendor, device, subvendor, subdevice; /* CARDTYPE_ANY: any */
	uint32_t class_code, class_mask;
};

#define CARDTYPE_ANY 0xffffffffu
#define CARDTYPE_MAX 64

/** Fills *err (VFIOADM_E_BAD_ID) naming the field that is wrong and what it should be. -EINVAL. */
int cardtype_parse(const char *s, struct cardtype *ret, struct vfioadm_error **err);
/**
 * One entry of vfio-pci's parameter "ids", as that reads it with sscanf(): what follows the last number is ignored
 * (*ret_exact false), a class without a mask is ignored, and any field may be ffffffff. -EINVAL: it takes none.
 */
int cardtype_parse_parameter(const char *s, struct cardtype *ret, bool *ret_exact);
/** Shortest spelling that parses back to the same. */
void cardtype_format(const struct cardtype *id, char buf[CARDTYPE_MAX]);
/** As vfio-pci's parameter "ids" takes it: it has no word for "any" but the number, and what is left out at the end. */
void cardtype_format_parameter(const struct cardtype *id, char buf[CARDTYPE_MAX]);
/** The six blank-separated fields that new_id and remove_id take, without newline. */
void cardtype_format_new_id(const struct cardtype *id, char buf[CARDTYPE_MAX]);
bool cardtype_equal(const struct cardtype *a, const struct cardtype *b);
/**
 * remove_id drops the first ID in the driver's list that this is true for: what is left out in `given`
 * fits any ID that is held.
 */
bool cardtype_removes(const struct cardtype *given, const struct cardtype *held);
/** new_id answers EEXIST where an ID that is held would match a device with the fields of `given`. */
bool cardtype_covers(const struct cardtype *held, const struct cardtype *given);
/** pci_match_one_device(): does this function have the type? false when its IDs are unknown. */
bool cardtype_matches(const struct cardtype *id, const struct vfioadm_function *f);

#endif
