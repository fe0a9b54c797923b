/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/error.h"
#include "flow/loading.h"
#include "flow/nodes.h"
#include "flow/session.h"
#include "policy/driver.h"
#include "policy/planner.h"

enum { NAME_SIZE = 128 };

static int bad_driver(const char *driver, struct vfioadm_error **err)
{
	error_set(err, -EINVAL, VFIOADM_E_USAGE, "\"%s\" is not a VFIO driver.", driver);
	error_hint(err, "Use --driver auto, vfio-pci, or the name of a variant such as mlx5_vfio_pci.");
	return -EINVAL;
}

/* A name becomes part of a path and of an override: what the kernel itself would not call a driver is out. */
static bool driver_name_valid(const char *s)
{
	return *s && strlen(s) < 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(s);
}

static int check_driver_option(const char *driver, struct vfioadm_error **err)
{
	if (!driver || streq(driver, "auto"))
		return 0;
	return driver_name_valid(driver) && driver_name_is_vfio(driver) ? 0 : bad_driver(driver, err);
}

/* "vfio_pci" is what the module is called; the driver has a dash. */
static const char *spelled(const char *wanted)
{
	return wanted && driver_name_equal(wanted, "vfio-pci") ? "vfio-pci" : wanted;
}

static bool wants_auto(const char *driver)
{
	return !driver || streq(driver, "auto");
}

/* One that a declaration names: the message names the function as well, since a plan may be about several. */
static int no_declared_driver(const struct vfioadm_function *f, const char *driver, int r, struct vfioadm_error **err)
{
	error_set(err, r, VFIOADM_E_NO_VFIO_PCI,
		  "%s is to have %s, but the running kernel has no such driver, neither built in nor as a module.",
		  f->address, driver);
	error_hint(err, "Install its module, or write Driver=auto in the file that declares %s.", f->address);
	return r;
}

/* Which driver, and what must be loaded for it. A function on any VFIO driver is fine for "auto". */
static int choose(struct look *look, const struct vfioadm_function *f, const char *wanted, bool declared,
		  struct plan_input *in, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	char module[NAME_SIZE] = "";
	const char *reason;
	int r;

	if (wants_auto(wanted) && uint_is(&f->vfio, 1)) {
		in->driver = f->driver.value;
		return 0;
	}
	if (driver_choose_vfio(look->inv, f, wanted, &in->driver, &reason) < 0)
		return error_oom(err);
	r = ready_driver(look->host, in->driver, module, sizeof(module), err);
	if (r == -ENOENT && declared && !wants_auto(wanted) && !driver_name_equal(in->driver, "vfio-pci"))
		r = no_declared_driver(f, in->driver, r, err);
	if (r < 0) {
		error_device(err, f->address);
		return r;
	}
	if (*module) {
		in->module = arena_strdup(&plan->arena, module);
		if (!in->module)
			return error_oom(err);
	}
	return 0;
}

/*
 * An assigned function that changes its VFIO driver, or that lost it when its module was unloaded, keeps
 * the record of what it was before.
 */
static int keep_record(struct vfioadm_ctx *ctx, const struct vfioadm_function *f,
		       struct vfioadm_plan *plan, struct plan_input *in, struct vfioadm_error **err)
{
	bool native = f->driver.state == VFIOADM_KNOWN && !uint_is(&f->vfio, 1);

	return native ? 0 : flow_find_record(ctx, f, in, plan, err);
}

static int gather(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		  const char *const *drivers, const char *boot_id, struct vfioadm_plan *plan, struct plan_input *inputs,
		  struct vfioadm_error **err)
{
	for (size_t i = 0; i < look->selected.n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];
		struct plan_input *in = &inputs[i];
		int r;

		in->function = f;
		in->boot_id = boot_id;
		if (observe_incarnation(look->host, f->address, &in->incarnation) < 0)
			in->incarnation = 0;
		r = flow_need_override(f, look->host, o->dry_run, err);
		if (r == 0)
			r = choose(look, f, spelled(drivers ? drivers[i] : o->driver), drivers, in, plan, err);
		if (r == 0)
			r = keep_record(ctx, f, plan, in, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Without it a record could not be told from one of another boot, and release would not believe it. */
static int need_boot_id(struct host *h, bool dry_run, char *buf, size_t size, struct vfioadm_error **err)
{
	int r = observe_boot_id(h, buf, size);

	if (r == 0 || dry_run)
		return 0;
	error_set(err, r, VFIOADM_E_IO, "The boot id of this host cannot be read: %s.", strerror(-r));
	error_path(err, "/proc/sys/kernel/random/boot_id");
	error_hint(err, "Mount /proc; without it vfioadm could not give the device back later.");
	return r;
}

static struct check_request assign_request(const struct look *look, const struct vfioadm_options *o,
					   const char *const *drivers)
{
	return (struct check_request){
		.verb = VERB_ASSIGN,
		.selected = &look->selected,
		.force = o->force,
		.n_force = o->n_force,
		.declared = drivers,
		.driver = drivers || wants_auto(o->driver) ? NULL : o->driver,
	};
}

static int make_plan(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		     const char *const *drivers, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	const struct check_request request = assign_request(look, o, drivers);
	_cleanup_free_ struct plan_input *inputs = calloc(look->selected.n, sizeof(*inputs));
	char boot_id[64] = "unknown";
	int r;

	if (!inputs)
		return error_oom(err);
	r = flow_check(look, &request, plan, err);
	if (r < 0 || plan->result == VFIOADM_RESULT_REFUSED)
		return r;
	r = ready_host(look->inv, o->dry_run, err);
	if (r < 0)
		return r;
	r = need_boot_id(look->host, o->dry_run, boot_id, sizeof(boot_id), err);
	if (r < 0)
		return r;
	r = gather(ctx, look, o, drivers, boot_id, plan, inputs, err);
	if (r < 0)
		return r;
	if (plan_assign(plan, inputs, look->selected.n) < 0)
		return error_oom(err);
	r = loading_settle(look, plan, err);
	if (r == 0)
		r = nodes_plan(ctx, look, plan, err);
	if (r == 0)
		r = let_go_assigned(ctx, look, plan, err);
	return r == 0 && o->persist ? persist_assign(ctx, look, o, plan, err) : r;
}

static int look_closely(struct look *look, struct vfioadm_error **err)
{
	return flow_look_closer(look, check_facets(VERB_ASSIGN) | VFIOADM_FACET_DRIVERS | VFIOADM_FACET_LOCKED, err);
}

/* Would the check refuse it by what can be seen without opening anything? */
static int ask_refused(struct look *look, const struct check_request *request, bool *ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *scratch = plan_new(VERB_ASSIGN);

	return !scratch || check_run(look->inv, request, scratch, ret) < 0 ? error_oom(err) : 0;
}

/* Each disk first, then the search: nobody can mount one in between. */
static int hold_and_look(struct session *s, struct look *look, struct vfioadm_error **err)
{
	int r;

	session_expect(s, look, false);
	r = session_hold_disks(s, look, err);
	return r < 0 ? r : look_closely(look, err);
}

/*
 * The search first: a disk whose function stays is not taken, even for an instant, from who is mounting it. Who has
 * mounted one after the search has it, and is found out by that.
 */
static int look_and_hold(struct session *s, struct look *look, const struct vfioadm_options *o,
			 const char *const *drivers, struct vfioadm_error **err)
{
	const struct check_request request = assign_request(look, o, drivers);
	bool refused = false;
	int r = look_closely(look, err);

	if (r == 0)
		r = ask_refused(look, &request, &refused, err);
	if (r < 0 || refused || uint_is(&look->inv->facts.iommu, 0))
		return r;
	session_expect(s, look, false);
	return session_hold_disks(s, look, err);
}

int assign_selected(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		    const char *const *drivers, struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	struct session *s = session_of(plan);
	int r;

	if (!s)
		r = look_closely(look, err);
	else
		r = o->unattended ? look_and_hold(s, look, o, drivers, err) : hold_and_look(s, look, err);
	if (r == 0 && s && session_add_busy(s, look) < 0)
		r = error_oom(err);
	return r < 0 ? r : make_plan(ctx, look, o, drivers, plan, err);
}

int flow_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n,
		const struct vfioadm_options *o, struct vfioadm_plan **ret, struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	_cleanup_look_ struct look look = { 0 };
	int r;

	if (!plan)
		return error_oom(err);
	r = check_driver_option(o->driver, err);
	if (r == 0)
		r = flow_begin(ctx, selectors, n, o, plan, &look, err);
	if (r == 0)
		r = assign_selected(ctx, &look, o, NULL, plan, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}
