/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_SESSION_H
#define VFIOADM_FLOW_SESSION_H

#include "flow/flow.h"
#include "flow/settle.h"
#include "store/journal.h"

/*
 * What a change holds from its check to its end, and the plan owns meanwhile: the lock of the host, the
 * claims of the functions that move, and exclusively their disks. So nothing that the check saw can become
 * untrue behind its back as far as the kernel lets us prevent it. A dry run has none.
 */
struct session {
	struct vfioadm_ctx *ctx;
	struct store store;
	char run[JOURNAL_RUN_MAX];
	struct strv claims;
	struct unsettled unsettled; /* what earlier runs have left */
	struct strv held;    /* disks that are held exclusively */
	struct strv busy;    /* "ADDRESS DISK ERRNO": could not be had exclusively */
};

/**
 * Takes the lock, settles what interrupted runs left, and hands the session to the plan. operands: what the
 * user named, for whoever waits. VFIOADM_E_BUSY, VFIOADM_E_STORE.
 */
int session_open(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan, const char *const *operands, size_t n,
		 struct vfioadm_error **err) MUST_CHECK;
/** NULL: a dry run. */
struct session *session_of(const struct vfioadm_plan *plan);
/** Gives everything back; also done when the plan is freed. */
void session_close(struct vfioadm_plan *plan);

/** None of these functions, and nothing of their groups, may be pending. VFIOADM_E_PENDING. */
int session_refuse_pending(const struct session *s, const struct look *look, struct vfioadm_error **err)
	MUST_CHECK;
/** The same for what is not about one function: modules and card types. */
int session_refuse_pending_host(const struct session *s, struct vfioadm_error **err) MUST_CHECK;
/** Those of the selected functions that are not (vfio: that are) on a VFIO driver will be claimed: it is prepared. */
void session_expect(const struct session *s, const struct look *look, bool vfio);
/** Claims a name once. VFIOADM_E_PENDING when somebody else has it. */
int session_claim(struct session *s, const char *name, struct vfioadm_error **err) MUST_CHECK;
/** Holds the disks of the selected functions that are to be unbound from a driver of the host. */
int session_hold_disks(struct session *s, struct look *look, struct vfioadm_error **err) MUST_CHECK;
/**
 * Tries for a moment to have the disks of these functions exclusively, after the search for their users. What cannot be
 * had becomes a user: the kernel knows who has it, also where nothing that can be read tells. For functions that a
 * later boot will take, and that this run does not.
 */
int session_try_disks(struct session *s, struct look *look, const bool *functions, struct vfioadm_error **err)
	MUST_CHECK;
/** After the search for users: disks that could not be had and that no user explains. -ENOMEM. */
int session_add_busy(const struct session *s, struct look *look) MUST_CHECK;
/** Everything that the plan's steps touch. */
int session_claim_plan(struct session *s, const struct vfioadm_plan *plan, struct vfioadm_error **err)
	MUST_CHECK;

#endif
