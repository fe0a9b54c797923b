/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_BOOTFILES_PRIVATE_H
#define VFIOADM_POLICY_BOOTFILES_PRIVATE_H

#include "model/address.h"
#include "policy/bootfiles.h"

/* bootfiles.c */
bool bootfiles_plain(const char *s);
/** Can all of it be written into a rule? */
bool bootfiles_expressible(const struct declaration *d);
/** "vendor", … of a function as conditions: attr is "ATTR" or "ATTRS", of what comes before each name. */
void bootfiles_put_ids(const struct declaration *d, const char *attr, const char *of, struct strbuf *out);
void bootfiles_put_zpci(const struct declaration *d, const char *attr, const char *of, struct strbuf *out);
void bootfiles_put_type(const struct cardtype *t, const char *attr, const char *of, struct strbuf *out);
/** The address of what is declared, where it can only have this one. */
bool bootfiles_fixed_address(const struct declaration *d, char ret[ADDRESS_MAX]);

/* bootfiles_node.c */
bool bootfiles_put_node(const struct declaration *d, struct strbuf *out);

#endif
