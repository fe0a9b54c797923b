/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_BOOTFILES_H
#define VFIOADM_POLICY_BOOTFILES_H

#include "base/str.h"
#include "model/declaration.h"

/*
 * Content of the files that are made from the declarations. Pure text; store writes it.
 *
 * The rules say only what is declared, as properties of the device; what is done about it stands in
 * data/udev/62-vfioadm.rules, which is installed. So a rule that ends up in an initramfs (its tools copy all of
 * /etc/udev/rules.d) does nothing there. The properties:
 *
 *   VFIOADM_DECLARED   names of the declarations that mean it; two names are a conflict
 *   VFIOADM_DRIVER     the driver to bind it to; without it the rule cannot tell for sure that it is meant
 *   VFIOADM_CLAIM      the claim unit is to look at it when it appears
 *   VFIOADM_TYPE       it has an enabled card type
 *   VFIOADM_PF         its virtual functions are declared
 *   VFIOADM_CHILD_OF   of a disk controller or interface: the function behind it, which its number names
 *   VFIOADM_OWNER, VFIOADM_GROUP, VFIOADM_MODE   of a VFIO node
 */

/** Below the root: read by udev before 62-vfioadm.rules. */
#define BOOTFILES_RULES "etc/udev/rules.d/61-vfioadm-declared.rules"
/** As long as the host is up: nodes of functions whose address no declaration names. */
#define BOOTFILES_NODE_RULES "run/udev/rules.d/61-vfioadm-nodes.rules"
/** Only with --modprobe. */
#define BOOTFILES_MODPROBE "etc/modprobe.d/vfioadm.conf"

/**
 * udev rules for all declarations: what they can tell exactly (Path, UID, FID, Address, VF, card type) is done
 * by the rule itself where no driver is bound and no hold exists; the rest, and functions that the native driver
 * has won, start the claim unit. The first line carries the hash of the declarations. Empty: no declarations.
 */
void bootfiles_rules(const struct declarations *d, struct strbuf *out);
/** Behind them, when the initramfs was not made of the same. */
#define BOOTFILES_NO_IMAGE "# The initramfs was not regenerated since; 'vfioadm apply' does that where it is needed.\n"
/**
 * Owner, group and mode of the nodes of one function, whose address is known to be what d means. To be written
 * to BOOTFILES_NODE_RULES, one after the other. Nothing, when d says nothing of nodes.
 */
void bootfiles_node_rule(const struct declaration *d, const char *address, struct strbuf *out);
/** "user:group:mode" as own_node of host.h takes it, for whom that is; false: d says nothing of nodes. */
bool bootfiles_node_owner(const struct declaration *d, struct strbuf *out);
/** Two that say nothing of nodes, one that does, or both the same: a node can be as both want it. */
bool bootfiles_same_node_owner(const struct declaration *a, const struct declaration *b);
/** Do the rules of bootfiles_rules() leave the nodes of this declaration to bootfiles_node_rule()? */
bool bootfiles_node_rule_needed(const struct declaration *d);
/**
 * ids= for the card types, and softdeps: natives are the modules of the host drivers that would take such cards.
 * Empty: no card type.
 */
void bootfiles_modprobe(const struct cardtype *types, size_t n, const struct strv *natives, struct strbuf *out);
/** By its first line: such a file may be written anew or removed. */
bool bootfiles_modprobe_is_ours(const char *text);
/** Of everything in the declarations that matters to the files; 16 hex digits and a NUL. */
void bootfiles_hash(const struct declarations *d, char ret[17]);

#endif
