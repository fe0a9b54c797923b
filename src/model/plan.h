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
};

/** What one operation does to the host. The path is below the root, without a leading slash. */
enum op_kind {
	OP_NOTHING = 0,
	OP_WRITE,       /* one write(2) of value to path */
	OP_LOAD_MODULE, /* value: module name; options: parameters or NULL */
	OP_SAVE_RECORD, /* remember `record` for the device */
	OP_DROP_RECORD, /* forget it */
	OP_SAVE_ID,     /* remember the card type `value` as enabled */
	OP_DROP_ID,
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

struct op {
	enum op_kind kind;
	const char *path;
	const char *value;   /* bytes that are written, without a trailing newline; "" clears an override */
	const char *options;
	const struct record *record;
	bool ignore_eexist;  /* new_id: EEXIST says that the ID is there already */
	bool ignore_enodev;  /* remove_id: ENODEV says that it is not there */
};

/** What must be true right before a step, and right after it. */
struct expectation {
	bool check_driver;
	const char *driver; /* NULL: none */
	bool check_override;
	const char *driver_override; /* NULL: none */
};

enum { STEP_UNDO_MAX = 3 };

struct step {
	struct vfioadm_step pub;
	struct op op;
	struct expectation before, after;
	struct op undo[STEP_UNDO_MAX]; /* run in this order, when the step was done (or may have been) */
	size_t n_undo;
	/* For messages: what binding failed against, "nvme" or "vfio-pci". */
	const char *driver;
};

/** What must be true at the end, and what to go back to. */
struct target {
	struct vfioadm_outcome pub;
	bool check;                          /* verify: driver after == pub.wanted */
	const char *override_before;         /* NULL: none */
	bool override_before_known;
	const char *override_wanted;
	bool check_override;
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
	bool ran;
};

struct vfioadm_plan *plan_new(enum verb verb) MUST_CHECK;
/** A zeroed step, finding, target at the end; NULL: -ENOMEM. The pointer holds until the next add. */
struct step *plan_add_step(struct vfioadm_plan *plan) MUST_CHECK;
struct vfioadm_finding *plan_add_finding(struct vfioadm_plan *plan) MUST_CHECK;
struct target *plan_add_target(struct vfioadm_plan *plan) MUST_CHECK;
struct target *plan_target(struct vfioadm_plan *plan, const char *device);
/** Fills pub.action, pub.path and pub.value from op; pub.text must be set by the planner. */
int step_describe(struct vfioadm_plan *plan, struct step *step, const char *action) MUST_CHECK;
void plan_free_p(struct vfioadm_plan **plan);
#define _cleanup_plan_ CLEANUP(plan_free_p)

#endif
