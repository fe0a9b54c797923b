/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_CHECK_H
#define VFIOADM_POLICY_CHECK_H

#include "model/plan.h"
#include "policy/select.h"

/*
 * What speaks against a change, as findings with evidence. A check reads the inventory only. To add one:
 * its code in codes.c and docs/checks.md, a function in the file of its subject (check_*.c), and a row in
 * checks[] (check.c) with the facets that it needs and the verbs that it is for.
 */

struct check_request {
	enum verb verb;
	const struct selection *selected; /* functions that the change moves */
	const struct selection *assigned; /* release: of these the ones that are assigned; else NULL */
	const struct selection *also; /* what another part of the same plan assigns; or NULL */
	const struct selection *mentioned; /* enable: every function of the card types; else NULL */
	/* Companions that are not selected but would have to move: looked at in the same way; may be NULL. */
	const struct selection *along;
	const char *const *force;         /* codes that the caller overrides */
	size_t n_force;
	const char *driver; /* assign: the VFIO driver that is wanted; NULL: whichever suits, or it has */
	const char *const *pending;       /* addresses on which the kernel still holds a step */
	size_t n_pending;
	bool declared; /* assign: what declarations want */
	bool park; /* release: no driver is to have it afterwards */
	bool host; /* also what is wrong with the host, which is an error to who wants to change something */
};

/** Facets that the checks of a verb need for the selection and its companions. */
unsigned check_facets(enum verb verb);
/** Adds findings to the plan; *ret_refused when one of them stands (blocks, or refuses unforced). */
int check_run(struct vfioadm_inventory *inv, const struct check_request *request,
	      struct vfioadm_plan *plan, bool *ret_refused);
/** Only who uses the functions, or may use them. -ENOMEM. */
int check_uses(struct vfioadm_inventory *inv, const struct check_request *request, struct vfioadm_plan *plan)
	MUST_CHECK;
/**
 * Card types against those that are enabled (the recorded ones that still hold). enable: the types that
 * need not be given, because a wider one is there, are moved behind the first *ret_n_new, and that is said.
 * disable: sorts narrower types first, and refuses where the kernel would drop a narrower ID that is not
 * meant. -ENOMEM.
 */
int check_types_enable(struct vfioadm_plan *plan, struct cardtype *types, size_t n,
		       const struct cardtype *held, size_t n_held, size_t *ret_n_new) MUST_CHECK;
/** Is it the class of PCI bridges that the card type names? */
bool check_type_of_bridges(const struct cardtype *type);
/** Refuses card types that fit only functions which vfio-pci never takes: bridges, the IOMMU. -ENOMEM. */
int check_types_useless(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv, const struct cardtype *types,
			size_t n) MUST_CHECK;
/**
 * A card type is to be given away at every boot, and the host uses a function of it: refused unless forced.
 * -ENOMEM.
 */
int check_type_needed(struct vfioadm_plan *plan, const struct vfioadm_function *f,
		      const struct vfioadm_user *user, const char *const *force, size_t n_force) MUST_CHECK;
/** The same where it is not known whether the host uses it: text says why. */
int check_type_unseen(struct vfioadm_plan *plan, const struct vfioadm_function *f, const char *text,
		      const char *const *force, size_t n_force) MUST_CHECK;
/** The own declaration of f goes, and a card type goes on declaring it. -ENOMEM. */
int check_still_declared(struct vfioadm_plan *plan, const struct vfioadm_function *f,
			 const char *type) MUST_CHECK;
/** A command of modprobe.d that is not run when module is loaded; it stands for that or for one that it needs. -ENOMEM. */
int check_module_command(struct vfioadm_plan *plan, const char *module, const char *about, const char *command,
			 const char *source) MUST_CHECK;
/** A soft dependency that is not loaded along: it has a command, or (NULL) takes functions itself. -ENOMEM. */
int check_module_soft(struct vfioadm_plan *plan, const char *module, const char *soft, const char *command,
		      const char *source) MUST_CHECK;
/** A configured card type that vfio-pci is not loaded with, because it would take f. -ENOMEM. */
int check_configured_type(struct vfioadm_plan *plan, const struct cardtype *type, const char *source,
			  const struct vfioadm_function *f) MUST_CHECK;
/** What is declared of this goes, and this file has an error and may declare it. -ENOMEM. */
int check_perhaps_declared(struct vfioadm_plan *plan, const char *what, const char *file) MUST_CHECK;
int check_types_disable(struct vfioadm_plan *plan, struct cardtype *types, size_t n,
			const struct cardtype *held, size_t n_held) MUST_CHECK;

/** Is this a code that --force may name? */
bool check_forceable(const char *code);

/** Does the group stay viable for VFIO while this function keeps its driver? */
bool check_leaves_group_viable(const struct vfioadm_function *f);
/** A bridge that keeps the group for the host: nothing in it can be assigned. NULL: none. */
const struct vfioadm_function *check_blocking_bridge(const struct vfioadm_inventory *inv,
						     const struct vfioadm_function *f);

/** Is a companion of f in the way unless it moves too? */
bool check_must_come_along(const struct vfioadm_inventory *inv, const struct vfioadm_function *f,
			   const struct vfioadm_function *companion, bool releasing);
/** Its configuration header is of no type that exists: it answers, but not as it should. */
bool check_header_unreadable(const struct vfioadm_function *f);
/** Sentences about a device that does not answer; NULL: memory was short. */
const char *check_gone_text(struct arena *arena, const struct vfioadm_function *f) MUST_CHECK;
const char *check_unreadable_text(struct arena *arena, const struct vfioadm_function *f) MUST_CHECK;
/** Why the device itself can be given to no guest; NULL: nothing is known against it. */
const char *check_device_says_no(const struct vfioadm_inventory *inv, const struct vfioadm_function *f);
/** The same with what the machine has for it: no IOMMU group, memory that the firmware reserves. NULL: likewise. */
const char *check_fits_nobody(const struct vfioadm_inventory *inv, const struct vfioadm_function *f);
/** Why it can never be assigned while the host runs, whatever is ended or forced; NULL: likewise. -ENOMEM. */
int check_never(struct vfioadm_inventory *inv, const struct vfioadm_function *f, const char **ret_why) MUST_CHECK;
/** The member of its group that must come along and never can, and why; NULL: there is none. -ENOMEM. */
int check_stayer(struct vfioadm_inventory *inv, const struct vfioadm_function *f,
		 const struct vfioadm_function **ret, const char **ret_why) MUST_CHECK;
/** What vfio-pci's denylist calls it; NULL: it is not on the list, or the list is switched off. */
const char *check_denylisted(const struct vfioadm_inventory *inv, const struct vfioadm_function *f);

/** Fills users that BASIC shows, verdict and verdict_reason of every function. -ENOMEM. */
int check_verdicts(struct vfioadm_inventory *inv) MUST_CHECK;

#endif
