/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check_request.h"

static void select_functions_of(struct vfioadm_inventory *inv, const char *names, struct selection *ret)
{
	struct vfioadm_list list = build_list(inv, names ? names : "");

	for (size_t i = 0; i < list.n; i++) {
		ssize_t index = inventory_index(inv, list.items[i]);

		assert_true(index >= 0);
		assert_int_equal(selection_add(ret, (size_t)index), 0);
	}
}

struct vfioadm_plan *run_check(struct vfioadm_inventory *inv, const struct request *r)
{
	struct vfioadm_list force = build_list(inv, r->force ? r->force : "");
	struct vfioadm_list pending = build_list(inv, r->pending ? r->pending : "");
	_cleanup_selection_ struct selection selected = {0}, along = {0};
	struct check_request request = {
		.verb = r->verb,
		.selected = &selected,
		.along = &along,
		.assigned = r->assigned ? &selected : NULL,
		.force = force.items,
		.n_force = force.n,
		.driver = r->driver,
		.pending = pending.items,
		.n_pending = pending.n,
		.host = r->host,
		.park = r->park,
	};
	struct vfioadm_plan *plan = plan_new(r->verb);
	bool refused = !r->refused;

	assert_non_null(plan);
	select_functions_of(inv, r->functions, &selected);
	select_functions_of(inv, r->along, &along);
	if (r->verb == VERB_ENABLE)
		request.mentioned = &selected;
	assert_int_equal(check_run(inv, &request, plan, &refused), 0);
	assert_int_equal(refused, r->refused);
	return plan;
}

void assert_check(struct vfioadm_inventory *inv, const struct request *r, const char *expected)
{
	_cleanup_plan_ struct vfioadm_plan *plan = run_check(inv, r);

	assert_findings(plan, expected);
}

struct vfioadm_inventory *one_function(uint32_t class_code, const char *driver)
{
	struct vfioadm_inventory *inv = build_inventory();

	build_bound(inv, "0000:01:00.0", class_code, 7, driver);
	build_finish(inv);
	return inv;
}
