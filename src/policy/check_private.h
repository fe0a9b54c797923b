/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_CHECK_PRIVATE_H
#define VFIOADM_POLICY_CHECK_PRIVATE_H

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "policy/check.h"
#include "policy/codes.h"

/* What the files of the checks share: one file per subject, the table of all in check.c. */

struct checker {
	struct vfioadm_inventory *inv;
	const struct check_request *request;
	struct vfioadm_plan *plan;
	bool refused;
};

/**
 * Adds a finding about f (NULL: about none), with severity and remedy from the table of codes; one that is
 * forced becomes a warning. message NULL means that memory was short. The pointer holds until the next one.
 */
struct vfioadm_finding *check_add(struct checker *c, const struct vfioadm_function *f, const char *code,
				  const char *message) MUST_CHECK;
/** The same with a hint of its own; NULL: memory was short. 0 or -ENOMEM. */
int check_say(struct checker *c, const struct vfioadm_function *f, const char *code, const char *message,
	      const char *hint) MUST_CHECK;
/** Has this finding about f been added before? */
bool check_said(const struct checker *c, const struct vfioadm_function *f, const char *code);
/** Does the caller override this code? */
bool check_is_forced(const struct checker *c, const char *code);
/** Does it move, by this or by another part of the plan? */
bool check_is_selected(const struct checker *c, const struct vfioadm_function *f);
/** Does the change take it away from a VFIO driver? Then what counts is who uses it through that. */
/* The physical function of this virtual one, if VFIO has it. */
const struct vfioadm_function *check_pf_on_vfio(const struct checker *c, const struct vfioadm_function *f);
bool check_leaves_vfio(const struct checker *c, const struct vfioadm_function *f);

#define SAY(c, ...)  arena_format(&(c)->plan->arena, __VA_ARGS__)
#define KNOWN(value) ((value).state == VFIOADM_KNOWN)

/* check_name.c */

/** "0000:01:00.0 (NVMe, serial X)", in the plan's arena; NULL: -ENOMEM. */
const char *check_name(const struct checker *c, const struct vfioadm_function *f) MUST_CHECK;

/* The checks: each 0 or -ENOMEM. */

/* check_platform.c: can it work at all? */
int check_host(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_bridge(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_system_part(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_host_part(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_gone(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_header(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_dead(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_left_over(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_firmware_flash(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_power(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_denylist(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_vmd(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_group(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_reserved(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_vfs(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_physfn(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_variant(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;

/* check_group.c: who else is in its group? */
int check_split(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_group_bridge(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_unsettled(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;

/* check.c: could a guest open it (openable.c)? */
int check_openable(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
/** "IOMMU group 5", or words for one that is made later; NULL: -ENOMEM. */
const char *check_group_text(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;

/* check_along.c: can its group come along? */
int check_group_member(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
/** Could it be assigned but for a member of its group that never can? */
int check_is_held_back(struct checker *c, const struct vfioadm_function *f, bool *ret) MUST_CHECK;
/** Who has to end before it can be assigned or (releasing) released, unless that is forced; NULL: nobody. */
const struct vfioadm_user *check_user_in_way(const struct checker *c, const struct vfioadm_function *f, bool releasing);
/** Likewise of it and of what must come along; *ret: whose user it is. */
const struct vfioadm_user *check_group_in_way(const struct checker *c, const struct vfioadm_function *f, bool releasing,
					      const struct vfioadm_function **ret);

/* check_users.c: who uses it? */
int check_users(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
int check_unseen(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;
/** Of these, the files that could not be read: whether a function that stays on VFIO is any good depends on them. */
int check_unread(struct checker *c, const struct vfioadm_function *f) MUST_CHECK;

#endif
