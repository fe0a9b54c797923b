/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_APPLY_PRIVATE_H
#define VFIOADM_APPLY_PRIVATE_H

#include "apply/apply.h"
#include "policy/openable.h"

/**
 * Runs one operation, no questions asked. 0 or a negative errno; *ret_no_effect: there was nothing to do, or it has
 * failed and is known to have changed nothing.
 */
int operation_run(struct apply *a, const struct op *op, bool *ret_no_effect);
/** Looks at the host: does what the operation should have done hold? 0; -EIO: no; -ENODEV: gone. */
int operation_verify(struct apply *a, const struct op *op);

/* declared.c: declared state, and what is made from it */
int operation_declare(struct apply *a, const struct op *op, bool *ret_no_effect);
/* The file is neither as the run found it nor as it made it: somebody has edited it meanwhile. */
bool declaration_is_edited(struct apply *a, const char *name);
int operation_verify_declared(struct apply *a, const struct op *op);
int operation_write_rules(struct apply *a, const struct op *op, bool *ret_no_effect);
/** -EEXIST: there is one that vfioadm has not made. */
int operation_write_modprobe(struct apply *a, const struct op *op, bool *ret_no_effect);
int operation_verify_modprobe(struct apply *a, const struct op *op);
bool modprobe_is_of_others(struct apply *a);
int operation_own_nodes(struct apply *a, const struct op *op, bool look_only, bool *ret_no_effect);

/** Explains a failed step: errno in the words of who returned it, and what the kernel logged. */
void explain_failure(struct apply *a, const struct step *step, int r, struct vfioadm_error **err);
/** The step's operation returned success, but the host shows otherwise. */
void explain_no_effect(struct apply *a, const struct step *step, struct vfioadm_error **err);

/** Undoes steps 0..last in reverse, those that have begun; true: everything is as before. */
bool undo_steps(struct apply *a, size_t last, struct strbuf *ret_left);

/** Reads the function's driver now into t->pub.after. */
void note_after(struct apply *a, struct target *t);
/** Has it the driver that it was to have, by what note_after() saw? */
bool target_reached(const struct target *t);
/** The function that the plan was made for, by its incarnation; not one that was found anew. */
bool is_same_device(struct apply *a, const char *device);

/**
 * 1: what the plan was to assign has its driver, but no guest can open *ret, for which *ret_why is the reason (its
 * strings are the plan's). 0: none is like that. -ENOMEM.
 */
int find_not_openable(struct apply *a, const struct target **ret, struct obstacle *ret_why);

void report_step(struct apply *a, struct step *step, enum vfioadm_step_state state);
bool is_stuck(const struct apply *a, const char *device);

/**
 * Right before its function is unbound: disks that have appeared since the check are held as the others are. A driver that
 * was bound a moment ago finds its disks later. VFIOADM_E_CHANGED where somebody has one.
 */
int disks_take_new(struct apply *a, const struct step *step, struct vfioadm_error **err) MUST_CHECK;

#endif
