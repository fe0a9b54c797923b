/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_BOOTFILES_H
#define VFIOADM_POLICY_BOOTFILES_H

#include "base/str.h"
#include "model/declaration.h"

/* Content of the files that are made from the declarations. Pure text; store writes it. */

/** Below the root: read by udev behind 60-vfioadm.rules, which is not made but installed. */
#define BOOTFILES_RULES "etc/udev/rules.d/61-vfioadm-declared.rules"
/** Only with --modprobe. */
#define BOOTFILES_MODPROBE "etc/modprobe.d/vfioadm.conf"

/**
 * udev rules for all declarations: what they can tell exactly (Path, UID, FID, Address, VF, card type) is done
 * by the rule itself where no driver is bound and no hold exists; the rest, and functions that the native driver
 * has won, start the claim unit. The first line carries the hash of the declarations. Empty: no declarations.
 */
void bootfiles_rules(const struct declarations *d, struct strbuf *out);
/** softdep and ids= for the card types. */
void bootfiles_modprobe(const struct declarations *d, struct strbuf *out);
/** Of everything in the declarations that matters to the files; 16 hex digits and a NUL. */
void bootfiles_hash(const struct declarations *d, char ret[17]);

#endif
