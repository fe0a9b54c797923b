/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_PLAN_H
#define VFIOADM_MODEL_PLAN_H

#include <stdbool.h>
#include <vfioadm.h>

#include "model/cardtype.h"
#include "model/inventory.h"

/*
 * A plan is a value: printing it is the dry run, running it is the change, and both show the same steps.
 * Everything it refers to hangs in its own arena, so it outlives the inventory that it was made from.
 */

enum verb {
	VERB_ASSIGN,
	VERB_RELEASE,
	VERB_ENABLE,
	VERB_DISABLE,
	VERB_APPLY,
	VERB_IMPORT,
};

/** What one operation does to the host, or to what vfioadm remembers. */
enum op_kind {
	OP_SET_OVERRIDE, /* device, value ("" clears) */
	OP_UNBIND,       /* device, driver */
	OP_BIND,         /* device, driver; nothing to do when it is bound to this driver already */
	OP_PROBE,        /* device: whichever driver matches; options: the module whose driver it should be */
	OP_ADD_ID,       /* driver, type, value; EEXIST: it is there already */
	OP_REMOVE_ID,    /* driver, type, value; ENODEV: it was not there */
	OP_LOAD_MODULE,  /* value: module; options: parameters or NULL, then it must not be loaded yet */
	OP_SAVE_RECORD,  /* device, record */
	OP_DROP_RECORD,  /* device */
	OP_SAVE_ID,      /* type */
	OP_DROP_ID,      /* type */
	/* Declared state, see store/declared.h */
	OP_DECLARE,      /* value: name of a declaration; options: its text, NULL: none */
	OP_WRITE_RULES,  /* the files that are made from all declarations; value: NULL or RULES_NO_IMAGE */
	OP_WRITE_MODPROBE, /* options: the text of the file in modprobe.d that is made from card types, NULL: none */
	OP_REBUILD,      /* the initramfs, and what boots it; value: NULL or REBUILD_BACK */
	OP_HOLD,         /* device: rules and the claim unit leave it alone */
	OP_LET_GO,       /* device: they need not any more */
	/* Virtual functions of a physical one */
	OP_SET_AUTOPROBE, /* device, value: may native drivers take virtual functions that are created, "0" or "1" */
	OP_SET_NUMVFS,    /* device, value: how many there are; from 0, or to 0 */
	/* VFIO nodes */
	OP_OWN_NODES, /* device, value: "user:group:mode" as own_node of the host takes it */
	OP_N,
};

/** What a function was before it was assigned: enough to give it back. See store/record.h. */
struct record {
	const char *device;
	const char *driver;          /* NULL: none */
	const char *driver_override; /* NULL: none */
	const char *boot_id;
	uint32_t vendor, device_id, subsystem_vendor, subsystem_device;
	uint64_t incarnation;        /* identity of the sysfs directory; another number: another device */
};

/** Of OP_REBUILD: what was declared before is so again. */
#define REBUILD_BACK "back"
/** The initramfs is still made from what was declared before. */
#define RULES_NO_IMAGE "no-image"

struct op {
	enum op_kind kind;
	const char *device;
	const char *driver;
	const char *value; /* bytes that are written, without a trailing newline */
	const char *options;
	const struct record *record;
	struct cardtype type;
};

enum { OP_PATH_MAX = 256 };
/** The file that the operation writes, below the root without a leading slash; false: it writes none. */
bool op_path(const struct op *op, char path[OP_PATH_MAX]);
/** "set-override", "unbind", … */
const char *op_name(enum op_kind kind);

struct step {
	struct vfioadm_step pub;
	struct op op;
	/* Right before the step the function must be bound to expect_driver (NULL: to none). */
	bool check_driver;
	const char *expect_driver;
	/* Unbinding from a host driver: the disks that were looked at. Others must not be there right before it. */
	bool check_disks;
	struct vfioadm_list disks;
	/* Run in this order to take the step back, when it was done or may have been. */
	struct op *undo;
	size_t n_undo;
	bool no_effect; /* the kernel said that there was nothing to do: there is nothing to undo */
};

/** What must be true at the end, and what to go back to. */
struct target {
	struct vfioadm_outcome pub;
	bool check;                          /* verify: driver after == pub.wanted */
	bool any_native;                     /* any driver but a VFIO one will do (pub.wanted is a guess) */
	const char *override_before;         /* NULL: none */
	uint64_t incarnation;
};

struct vfioadm_plan {
	struct arena arena;
	enum verb verb;
	enum vfioadm_result result;
	struct step *steps;
	size_t n_steps, room_steps;
	struct vfioadm_finding *findings;
	size_t n_findings, room_findings;
	struct target *targets;
	size_t n_targets, room_targets;
	/* Of an import. */
	struct vfioadm_proposal *proposals;
	size_t n_proposals, room_proposals;
	struct vfioadm_skipped *skipped;
	size_t n_skipped, room_skipped;
	bool ran;
	/* What the run needs and the plan holds until then: locks, disks. Owned; see flow/session.h. */
	void *session;
	void (*session_free)(void *session);
};

struct vfioadm_plan *plan_new(enum verb verb) MUST_CHECK;
/** A zeroed step, finding, target at the end; NULL: -ENOMEM. The pointer holds until the next add. */
struct step *plan_add_step(struct vfioadm_plan *plan) MUST_CHECK;
struct vfioadm_finding *plan_add_finding(struct vfioadm_plan *plan) MUST_CHECK;
struct target *plan_add_target(struct vfioadm_plan *plan) MUST_CHECK;
struct vfioadm_proposal *plan_add_proposal(struct vfioadm_plan *plan) MUST_CHECK;
struct vfioadm_skipped *plan_add_skipped(struct vfioadm_plan *plan) MUST_CHECK;
/**
 * Adds a step for op, with its public description; text says it in words. The undo operations are copied.
 * NULL: -ENOMEM.
 */
struct step *plan_add_op(struct vfioadm_plan *plan, const struct op *op, const struct op *undo,
			 size_t n_undo, const char *fmt, ...) PRINTF_LIKE(5, 6) MUST_CHECK;
/** Fills the public description of a step but its text from its operation. -ENOMEM. */
int plan_describe(struct vfioadm_plan *plan, struct step *step) MUST_CHECK;
void plan_free_p(struct vfioadm_plan **plan);
#define _cleanup_plan_ CLEANUP(plan_free_p)

#endif
