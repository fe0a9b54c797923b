/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_FLOW_H
#define VFIOADM_FLOW_FLOW_H

#include "flow/ctx.h"
#include "host/observe.h"
#include "model/plan.h"
#include "policy/check.h"
#include "policy/select.h"
#include "store/store.h"

/* The conductor: for each verb the order in which the rooms are asked, and nothing else. */

int flow_observe(struct vfioadm_ctx *ctx, unsigned facets, struct vfioadm_inventory **ret,
		 struct vfioadm_error **err);

/** What a request names, found on the host. */
struct look {
	struct host *host;
	struct vfioadm_inventory *inv;
	struct selection selected;
	struct strv notes; /* what a selector was followed to: "/dev/sdb hangs behind …" */
};

void look_clear(struct look *look);
#define _cleanup_look_ CLEANUP(look_clear)

int flow_look(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n, bool all_matching,
	      struct look *ret, struct vfioadm_error **err);
/** Adds facets to the selection and to its group companions. */
int flow_look_closer(struct look *look, unsigned facets, struct vfioadm_error **err);

int flow_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err);
/**
 * The steps that assign what is selected. drivers: one for each (NULL or "auto": whichever fits), or NULL for
 * the options' driver.
 */
int assign_selected(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		    const char *const *drivers, struct vfioadm_plan *plan, struct vfioadm_error **err);
int flow_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err);
int flow_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n,
		const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err);
/**
 * The steps that give card types to vfio-pci; look: the host, nothing selected. also: functions that the plan assigns
 * besides; NULL: none. Reorders types.
 */
int enable_types(struct vfioadm_ctx *ctx, struct look *look, struct cardtype *types, size_t n,
		 const struct selection *also, const struct vfioadm_options *o, struct vfioadm_plan *plan,
		 struct vfioadm_error **err);
int flow_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err);
int flow_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan, struct vfioadm_error **err);
/** vfioadm_check(): findings about the selection and what must move along. */
int flow_checkup(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_checkup **ret, struct vfioadm_error **err);

struct vfioadm_enabled {
	struct arena arena;
	struct vfioadm_enabled_id *items;
	size_t n;
};
/** Recorded card types that the driver can still hold: its module was not loaded anew since. */
int flow_recorded_types(struct vfioadm_ctx *ctx, struct enabled_ids *ret, struct vfioadm_error **err);
int flow_enabled(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret, struct vfioadm_error **err);

/* ---- ready.c: may it, and can it? ---- */

/** Root, and a host that is the running one; nothing to ask of a dry run. */
int ready_to_change(struct host *h, bool dry_run, struct vfioadm_error **err);
/** /sys writable (unless dry_run) and an IOMMU. */
int ready_host(const struct vfioadm_inventory *inv, bool dry_run, struct vfioadm_error **err);
/** The helper program cannot be started, or is of another version. Returns -ENOPKG. */
int ready_no_helper(const struct host *h, struct vfioadm_error **err);
/** The driver is registered, or a module for it can be loaded: its name goes to module ("" if none). */
int ready_driver(struct host *h, const char *driver, char *module, size_t size,
		 struct vfioadm_error **err);

/** What undoing needs to know about a function was read (unless dry_run). */
int flow_need_override(const struct vfioadm_function *f, const struct host *h, bool dry_run,
		       struct vfioadm_error **err);
/** in->record, when there is a valid one for this very device. */
struct plan_input;
int flow_find_record(struct vfioadm_ctx *ctx, const struct vfioadm_function *f, struct plan_input *in,
		     struct vfioadm_plan *plan, struct vfioadm_error **err);

/** What selectors were followed to becomes findings. -ENOMEM. */
int flow_note_followed(const struct look *look, struct vfioadm_plan *plan) MUST_CHECK;
/** Runs the checks; result REFUSED when one stands. */
int flow_check(struct look *look, const struct check_request *request, struct vfioadm_plan *plan, struct vfioadm_error **err);
/** --force names only codes that can be forced. */
int flow_check_force(const struct vfioadm_options *o, struct vfioadm_error **err);
/**
 * How every verb on functions begins: syntax first (nothing is looked at for a usage error), then
 * permission, then (unless it is a dry run) the lock, which the plan gets, and what interrupted runs left;
 * then the host, with the companions when the whole group is asked for.
 */
int flow_begin(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
	       const struct vfioadm_options *o, struct vfioadm_plan *plan, struct look *ret,
	       struct vfioadm_error **err);
/** Permission and lock alone: for card types. look->host is set. */
int flow_begin_change(struct vfioadm_ctx *ctx, const char *const *operands, size_t n,
		      const struct vfioadm_options *o, struct vfioadm_plan *plan, struct host **ret,
		      struct vfioadm_error **err);

#endif
