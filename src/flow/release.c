/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "flow/declared.h"
#include "flow/loading.h"
#include "flow/session.h"
#include "policy/driver.h"
#include "policy/planner.h"

enum { NAME_SIZE = 128 };

/* A record is for one device at one place in one boot; for anything else it is void. */
static bool record_valid(const struct record *rec, const struct vfioadm_function *f,
			 const char *boot_id, uint64_t incarnation)
{
	return streq(rec->boot_id, boot_id) && rec->incarnation == incarnation &&
	       uint_is(&f->vendor, rec->vendor) && uint_is(&f->device, rec->device_id) &&
	       f->subsystem_vendor.value == rec->subsystem_vendor &&
	       f->subsystem_device.value == rec->subsystem_device;
}

int flow_find_record(struct vfioadm_ctx *ctx, const struct vfioadm_function *f, struct plan_input *in,
		     struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct record *rec = arena_alloc(&plan->arena, sizeof(*rec));
	char boot_id[64];
	int r;

	if (!rec)
		return error_oom(err);
	/* Records are about the running host only. */
	if (!ctx->host->live || observe_boot_id(ctx->host, boot_id, sizeof(boot_id)) < 0)
		return 0;
	r = store_open(&store, ctx->run_dir, err);
	if (r < 0)
		return r;
	r = store_load_record(&store, f->address, &plan->arena, rec);
	if (r == -ENOMEM)
		return error_oom(err);
	if (r == 0 && record_valid(rec, f, boot_id, in->incarnation))
		in->record = rec;
	return 0;
}

static int add_module(struct vfioadm_plan *plan, struct plan_input *in, const char *module,
		      struct vfioadm_error **err)
{
	if (!*module)
		return 0;
	in->module = arena_strdup(&plan->arena, module);
	return in->module ? 0 : error_oom(err);
}

/* No driver of the host for it, but one that a line of modprobe's keeps from being loaded. */
static int say_left_out(struct look *look, const struct vfioadm_function *f, struct vfioadm_plan *plan,
			struct plan_input *in, struct vfioadm_error **err)
{
	_cleanup_free_ char *module = NULL;
	const char *source;
	int r = observe_left_out(look->host, f, &module, &source);

	if (r == 0) {
		in->why_none = arena_format(&plan->arena,
					    "its driver %s is kept from being loaded by %s: left without a driver", module,
					    source);
		r = in->why_none ? 0 : -ENOMEM;
	}
	return r == -ENOMEM ? error_oom(err) : 0;
}

/* Without a record: the driver that the best native module registers, by name when it is known already. */
static int choose_native(struct look *look, const struct vfioadm_function *f, struct vfioadm_plan *plan,
			 struct plan_input *in, struct vfioadm_error **err)
{
	const char *native = driver_choose_native(f);
	char driver[NAME_SIZE];

	if (!native)
		return say_left_out(look, f, plan, in, err);
	if (observe_module_driver(look->host, native, driver, sizeof(driver)) == 0) {
		in->driver = arena_strdup(&plan->arena, driver);
		return in->driver ? 0 : error_oom(err);
	}
	return add_module(plan, in, native, err);
}

static int choose(struct look *look, const struct vfioadm_function *f, bool park,
		  struct vfioadm_plan *plan, struct plan_input *in, struct vfioadm_error **err)
{
	char module[NAME_SIZE] = "";
	int r;

	if (park || !plan_is_assigned(in))
		return 0;
	if (!in->record)
		return choose_native(look, f, plan, in, err);
	if (!in->record->driver)
		return 0;
	in->driver = in->record->driver;
	r = ready_driver(look->host, in->driver, module, sizeof(module), err);
	if (r < 0) {
		error_device(err, f->address);
		return r;
	}
	return add_module(plan, in, module, err);
}

static bool is_pf_on_vfio(const struct vfioadm_inventory *inv, const struct vfioadm_function *f)
{
	const struct vfioadm_function *pf = f->physfn.state == VFIOADM_KNOWN ?
						    vfioadm_inventory_find(inv, f->physfn.value) :
						    NULL;

	return pf && uint_is(&pf->vfio, 1);
}

/* What was assigned: the check needs to know before it can say what would be split. */
static int gather_records(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
			  struct vfioadm_plan *plan, struct plan_input *inputs, struct selection *ret_assigned,
			  struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->selected.n; i++) {
		struct plan_input *in = &inputs[i];
		int r;

		in->function = &look->inv->functions[look->selected.items[i]];
		in->pf_on_vfio = is_pf_on_vfio(look->inv, in->function);
		if (observe_incarnation(look->host, in->function->address, &in->incarnation) < 0)
			in->incarnation = 0;
		r = flow_find_record(ctx, in->function, in, plan, err);
		if (r < 0)
			return r;
		in->left_over = !in->record && plan_is_left_over(in->function, !o->group);
		if (plan_is_assigned(in) && selection_add(ret_assigned, look->selected.items[i]) < 0)
			return error_oom(err);
	}
	return 0;
}

static int gather_drivers(struct look *look, const struct vfioadm_options *o,
			  struct vfioadm_plan *plan, struct plan_input *inputs,
			  struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->selected.n; i++) {
		const struct vfioadm_function *f = inputs[i].function;
		int r = flow_need_override(f, look->host, o->dry_run, err);

		if (r == 0)
			r = choose(look, f, o->park, plan, &inputs[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_plan(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		     struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_free_ struct plan_input *inputs = calloc(look->selected.n, sizeof(*inputs));
	_cleanup_selection_ struct selection assigned = { 0 };
	const struct check_request request = {
		.verb = VERB_RELEASE,
		.selected = &look->selected,
		.assigned = &assigned,
		.force = o->force,
		.n_force = o->n_force,
		.park = o->park,
	};
	int r;

	if (!inputs)
		return error_oom(err);
	r = gather_records(ctx, look, o, plan, inputs, &assigned, err);
	if (r == 0)
		r = flow_check(look, &request, plan, err);
	if (r < 0 || plan->result == VFIOADM_RESULT_REFUSED)
		return r;
	r = gather_drivers(look, o, plan, inputs, err);
	if (r == 0)
		r = hold_released(ctx, look, &assigned, o, plan, err);
	if (r < 0)
		return r;
	if (plan_release(plan, inputs, look->selected.n, o->park) < 0)
		return error_oom(err);
	r = loading_settle(look, plan, err);
	if (r < 0 || !o->persist)
		return r;
	r = persist_release(ctx, look, o, plan, err);
	return r < 0 ? r : let_go_released(plan, err);
}

int flow_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		 const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_RELEASE);
	_cleanup_look_ struct look look = { 0 };
	int r;

	if (!plan)
		return error_oom(err);
	r = flow_begin(ctx, selectors, n, o, plan, &look, err);
	if (r == 0 && session_of(plan))
		session_expect(session_of(plan), &look, true);
	if (r == 0)
		r = flow_look_closer(&look,
				     check_facets(VERB_RELEASE) | VFIOADM_FACET_DRIVERS |
					     VFIOADM_FACET_LOCKED,
				     err);
	if (r == 0)
		r = make_plan(ctx, &look, o, plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}
