/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_PLANNER_H
#define VFIOADM_POLICY_PLANNER_H

#include "model/plan.h"
#include "policy/select.h"

/*
 * From an inventory and a request to ordered steps. No I/O: what the planner must know about drivers
 * and records is gathered before by flow and handed in.
 */

/** Per selected function, gathered by flow; same order as the selection. */
struct plan_input {
	const struct vfioadm_function *function;
	uint64_t incarnation;
	const char *driver;          /* assign: VFIO driver; release: native driver to bind, NULL: none */
	const char *module;          /* module to load first, NULL: the driver is registered */
	const struct record *record; /* release: what assign found, NULL: no (valid) record */
	const char *boot_id;
};

int plan_assign(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n) MUST_CHECK;
int plan_release(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n, bool park)
	MUST_CHECK;

/** A card type that is to be enabled or disabled. */
struct id_input {
	struct cardtype type;
	bool known; /* our record or the module's parameters have it */
};

/** load: vfio-pci is not registered, so load it with the IDs. */
int plan_enable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		const struct id_input *ids, size_t n, bool load) MUST_CHECK;
int plan_disable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		 const struct id_input *ids, size_t n) MUST_CHECK;

#endif
