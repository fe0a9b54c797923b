/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_PERSIST_H
#define VFIOADM_FLOW_PERSIST_H

#include "flow/declared.h"

/* Changes to declared state while they are gathered: for --persist, and for what is imported. */
struct persist {
	struct vfioadm_ctx *ctx;
	struct look *look;
	const struct vfioadm_options *options;
	struct vfioadm_plan *plan;
	struct declared_look d;
	struct declare_change *changes;
	size_t n_changes;
	struct strv modules; /* native drivers that an initramfs could bring up before us */
	/* modprobe.c: card types as they will be declared, and the file that is made from them */
	struct cardtype *types;
	size_t n_types;
	struct declare_change modprobe;
};

void persist_clear(struct persist *p);
#define _cleanup_persist_ CLEANUP(persist_clear)

/** Reads what is declared; n: how many changes there can be. -EROFS: nothing can be declared for this host. */
int persist_begin(struct persist *p, size_t n, struct vfioadm_error **err) MUST_CHECK;
/** wanted, or with a number behind it where that is taken; NULL: -ENOMEM. */
const char *persist_free_name(struct persist *p, const char *wanted) MUST_CHECK;
/** Likewise for the declaration of a card type. */
const char *persist_type_name(struct persist *p, const char *id) MUST_CHECK;
const struct declaration *persist_type_declared(const struct persist *p, const struct cardtype *type);
/** after: the file's text, NULL: it goes. What is so already is no change. */
int persist_change(struct persist *p, const char *name, const char *after, const char *words,
		   struct vfioadm_error **err) MUST_CHECK;
/**
 * A function's declaration: its strongest identity, a name that is free; and the step in words, which say how
 * trustworthy that is. Its native drivers are added to the modules. -ENODATA: its IDs cannot be read. -ENOMEM.
 */
int persist_name_function(struct persist *p, struct vfioadm_function *f, struct declaration *ret,
			  char **ret_words) MUST_CHECK;
/** "which names the slot, …". */
const char *persist_trust_words(enum trust trust);
/** The native drivers of a function, or of all that have a type. -ENOMEM. */
int persist_add_modules(struct persist *p, struct vfioadm_function *f) MUST_CHECK;
int persist_modules_of_types(struct persist *p, const struct cardtype *types, size_t n,
			     struct vfioadm_error **err) MUST_CHECK;
/** A finding for each of these types of which the host uses a card, unless it is forced. */
int persist_refuse_needed(struct persist *p, const struct cardtype *types, size_t n,
			  struct vfioadm_error **err) MUST_CHECK;
/**
 * To be called when all changes are gathered. The file in modprobe.d follows them if it is there; wanted: it is
 * made (--modprobe). Then p->types are all card types that will be declared. -EEXIST, -EPERM, …: one is there that
 * is not ours.
 */
int persist_modprobe(struct persist *p, bool wanted, struct vfioadm_error **err) MUST_CHECK;
/** NULL: it stays as it is. */
const struct declare_change *persist_modprobe_change(const struct persist *p);
/** Is this ("FILE:LINE") in the file that persist_modprobe() makes? */
bool modprobe_is_ours(const char *root, const char *source);
/** Will an initramfs bring up the native drivers, or has it declared state? Not known is a finding. */
int persist_image_matters(struct persist *p, bool *ret, struct vfioadm_error **err) MUST_CHECK;
/** The steps for what was gathered. */
int persist_plan_changes(struct persist *p, struct vfioadm_error **err) MUST_CHECK;

/**
 * 1: the udev rules, or the initramfs (image_too), were perhaps not made from these; 0: they were. -ENOMEM; others: the
 * rules cannot be read.
 */
int persist_is_outdated(struct vfioadm_ctx *ctx, bool image_too, const struct declared *declared) MUST_CHECK;

/**
 * Steps that make anew what is made from the declarations, when their files were changed by hand; with
 * options->persist also the initramfs, where that matters. look: the host, nothing else.
 */
int persist_renew(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		  struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;

#endif
