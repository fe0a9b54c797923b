/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* assign and release: steps for functions. Card types are in planner_id.c. */
#include <string.h>

#include "base/str.h"
#include "policy/planner.h"

/*
 * The order within one function is fixed by the kernel: the override must name the new driver before the
 * old one lets go, or whatever else probes in between (a module load, a rescan) takes the function; and
 * taking an unbind back means to restore the override before the bind, or the bind matches nothing.
 */

static const char *known(const struct vfioadm_str *s)
{
	return s->state == VFIOADM_KNOWN ? s->value : NULL;
}

/* Strings outlive the inventory: everything that a plan holds is copied into its arena. */
static const char *keep(struct vfioadm_plan *plan, const char *s)
{
	return s ? arena_strdup(&plan->arena, s) : NULL;
}

static int keep_list(struct vfioadm_plan *plan, const struct vfioadm_list *list, struct vfioadm_list *ret)
{
	const char **items = arena_alloc(&plan->arena, (list->n + 1) * sizeof(const char *));

	if (!items)
		return -ENOMEM;
	*ret = (struct vfioadm_list){ .state = list->state, .items = items, .n = list->n };
	for (size_t i = 0; i < list->n; i++) {
		items[i] = keep(plan, list->items[i]);
		if (!items[i])
			return -ENOMEM;
	}
	return 0;
}

static struct op override_op(const char *device, const char *override)
{
	return (struct op){ .kind = OP_SET_OVERRIDE, .device = device, .value = override ? override : "" };
}

static struct op driver_op(enum op_kind kind, const char *device, const char *driver)
{
	return (struct op){ .kind = kind, .device = device, .driver = driver, .value = device };
}

/* One function on its way: what it is now and what it is to be. */
struct move {
	struct vfioadm_plan *plan;
	const char *device;
	const char *from, *from_override; /* NULL: none */
	const char *to, *to_override;     /* NULL: none */
	const struct record *record;      /* assign: save it; release: it is dropped */
	const struct vfioadm_function *disks_of; /* assign: whose disks are lost */
};

static int add_override(const struct move *m)
{
	struct op undo = override_op(m->device, m->from_override), op;

	if (streq_null(m->from_override, m->to_override))
		return 0;
	op = override_op(m->device, m->to_override);
	if (m->to_override)
		return plan_add_op(m->plan, &op, &undo, 1, "set driver_override of %s to %s", m->device,
				   m->to_override) ?
			       0 :
			       -ENOMEM;
	return plan_add_op(m->plan, &op, &undo, 1, "clear driver_override of %s", m->device) ? 0 : -ENOMEM;
}

/*
 * A native driver can be bound while the override names another one: whoever wrote it (a udev rule of a declared
 * function) came a moment too late. Bound anew it can only be without that.
 */
static bool is_late_override(const char *driver, const char *override)
{
	return driver && override && !driver_name_equal(driver, override);
}

static int add_unbind(const struct move *m)
{
	bool late = is_late_override(m->from, m->from_override);
	struct op op = driver_op(OP_UNBIND, m->device, m->from);
	struct op undo[3] = {
		override_op(m->device, late ? NULL : m->from_override),
		driver_op(OP_BIND, m->device, m->from),
		override_op(m->device, m->from_override),
	};
	uint64_t class = m->disks_of && m->disks_of->class_code.state == VFIOADM_KNOWN ? m->disks_of->class_code.value : 0;
	struct step *step;

	if (!m->from)
		return 0;
	step = plan_add_op(m->plan, &op, undo, late ? 3 : 2, "unbind %s from %s", m->device, m->from);
	if (!step)
		return -ENOMEM;
	step->check_driver = true;
	step->expect_driver = m->from;
	/* NICs and displays have none, and to look for them would cost each of hundreds of functions a walk. */
	step->check_disks = m->disks_of && m->disks_of->block.state != VFIOADM_UNKNOWN &&
			    class >> 16 != 0x02 && class >> 16 != 0x03;
	return step->check_disks ? keep_list(m->plan, &m->disks_of->block, &step->disks) : 0;
}

static int add_bind(const struct move *m)
{
	struct op op = driver_op(OP_BIND, m->device, m->to);
	struct op undo = driver_op(OP_UNBIND, m->device, m->to);
	struct step *step;

	if (!m->to)
		return 0;
	step = plan_add_op(m->plan, &op, &undo, 1, "bind %s to %s", m->device, m->to);
	if (!step)
		return -ENOMEM;
	step->check_driver = true;
	step->expect_driver = NULL;
	return 0;
}

static struct target *add_target(struct vfioadm_plan *plan, const struct plan_input *in)
{
	struct target *t = plan_add_target(plan);

	if (!t)
		return NULL;
	t->pub.device = keep(plan, in->function->address);
	t->pub.before = keep(plan, known(&in->function->driver));
	t->override_before = keep(plan, known(&in->function->driver_override));
	t->incarnation = in->incarnation;
	return t->pub.device ? t : NULL;
}

static bool module_planned(const struct vfioadm_plan *plan, const char *module)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].op.kind == OP_LOAD_MODULE && streq(plan->steps[i].op.value, module))
			return true;
	return false;
}

/* Functions that the loaded driver takes by itself: free ones whose override names it already. */
static bool taken_by_load(const struct plan_input *in, const char *driver)
{
	return driver && in->function->driver.state == VFIOADM_NONE &&
	       str_is(&in->function->driver_override, driver);
}

/* The undo lets go what loading took; the module stays, for others may use it by then. */
static int add_load(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n,
		    const struct plan_input *in)
{
	_cleanup_free_ struct op *undo = calloc(n, sizeof(*undo));
	struct op op = { .kind = OP_LOAD_MODULE };
	size_t n_undo = 0;

	if (!undo)
		return -ENOMEM;
	if (!in->module || module_planned(plan, in->module))
		return 0;
	op.driver = keep(plan, in->driver);
	op.value = keep(plan, in->module);
	for (size_t i = 0; i < n; i++)
		if (taken_by_load(&inputs[i], in->driver))
			undo[n_undo++] = driver_op(OP_UNBIND, keep(plan, inputs[i].function->address),
						   op.driver);
	if (!op.value)
		return -ENOMEM;
	return plan_add_op(plan, &op, undo, n_undo, "load module %s", in->module) ? 0 : -ENOMEM;
}

static struct record *make_record(struct vfioadm_plan *plan, const struct plan_input *in)
{
	const struct vfioadm_function *f = in->function;
	struct record *rec = arena_alloc(&plan->arena, sizeof(*rec));

	if (!rec)
		return NULL;
	*rec = (struct record){
		.device = keep(plan, f->address),
		.driver = keep(plan, known(&f->driver)),
		.driver_override = is_late_override(known(&f->driver), known(&f->driver_override)) ?
					   NULL :
					   keep(plan, known(&f->driver_override)),
		.boot_id = keep(plan, in->boot_id),
		.vendor = (uint32_t)f->vendor.value,
		.device_id = (uint32_t)f->device.value,
		.subsystem_vendor = (uint32_t)f->subsystem_vendor.value,
		.subsystem_device = (uint32_t)f->subsystem_device.value,
		.incarnation = in->incarnation,
	};
	return rec->device && rec->boot_id ? rec : NULL;
}

static int add_save_record(const struct move *m)
{
	struct op op = { .kind = OP_SAVE_RECORD, .device = m->device, .record = m->record };
	struct op undo = { .kind = OP_DROP_RECORD, .device = m->device };

	return plan_add_op(m->plan, &op, &undo, 1, "remember that %s had %s%s", m->device,
			   m->from ? "driver " : "no driver", m->from ? m->from : "") ?
		       0 :
		       -ENOMEM;
}

static int add_drop_record(const struct move *m)
{
	struct op op = { .kind = OP_DROP_RECORD, .device = m->device };
	struct op undo = { .kind = OP_SAVE_RECORD, .device = m->device, .record = m->record };

	return plan_add_op(m->plan, &op, &undo, 1, "forget what %s had before", m->device) ? 0 : -ENOMEM;
}

static int assign_one(struct vfioadm_plan *plan, const struct plan_input *in)
{
	const struct vfioadm_function *f = in->function;
	struct target *t = add_target(plan, in);
	struct move m = { .plan = plan };
	int r;

	if (!t)
		return -ENOMEM;
	t->pub.wanted = keep(plan, in->driver);
	t->check = true;
	if (str_is(&f->driver, in->driver)) {
		t->pub.note = "is bound to it already";
		return 0;
	}
	t->pub.taken = true;
	m.device = t->pub.device;
	m.from = t->pub.before;
	m.from_override = t->override_before;
	m.to = m.to_override = t->pub.wanted;
	m.disks_of = uint_is(&f->vfio, 1) ? NULL : f;
	m.record = make_record(plan, in);
	if (!m.record || !m.to)
		return -ENOMEM;
	/* From one VFIO driver to another: what counts is what it was before the first. */
	r = in->record ? 0 : add_save_record(&m);
	if (r == 0)
		r = add_override(&m);
	if (r == 0)
		r = add_unbind(&m);
	return r < 0 ? r : add_bind(&m);
}

int plan_assign(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!str_is(&inputs[i].function->driver, inputs[i].driver) &&
		    add_load(plan, inputs, n, &inputs[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (assign_one(plan, &inputs[i]) < 0)
			return -ENOMEM;
	/* A driver or override that could not be copied must not pass for none. */
	if (plan->arena.failed)
		return -ENOMEM;
	plan->result = plan->n_steps ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	return 0;
}

/* Without a name to bind to, the kernel chooses; a VFIO driver that it chooses is found out after. */
static int add_probe(const struct move *m, const char *module)
{
	struct op op = { .kind = OP_PROBE, .device = m->device, .value = m->device,
			 .options = keep(m->plan, module) };
	struct op undo = driver_op(OP_UNBIND, m->device, NULL);
	struct step *step = plan_add_op(m->plan, &op, &undo, 1, "bind %s to the best host driver",
					m->device);

	if (!step)
		return -ENOMEM;
	step->check_driver = true;
	step->expect_driver = NULL;
	return 0;
}

bool plan_is_assigned(const struct plan_input *in)
{
	return uint_is(&in->function->vfio, 1) || in->left_over ||
	       (in->record && in->function->driver.state == VFIOADM_NONE);
}

static bool has_host_driver(const struct vfioadm_function *f)
{
	return f->driver.state == VFIOADM_KNOWN && !driver_name_is_vfio(f->driver.value) &&
	       !driver_name_keeps_off(f->driver.value);
}

bool plan_is_left_over(const struct vfioadm_function *f, bool named)
{
	const char *override = known(&f->driver_override);

	if (f->driver.state == VFIOADM_NONE)
		return named || override;
	if (f->driver.state != VFIOADM_KNOWN || driver_name_is_vfio(f->driver.value))
		return false;
	/* Beside a driver of the host it counts when it would keep that from being bound again. */
	return driver_name_keeps_off(f->driver.value) ||
	       (override && (driver_name_is_vfio(override) || driver_name_keeps_off(override)));
}

/*
 * Where the function goes: what the record says; without one the driver that flow found, or whichever
 * the kernel probes.
 */
static void release_destination(const struct plan_input *in, bool park, struct move *m, struct target *t)
{
	const struct record *rec = in->record;

	m->to = m->to_override = NULL;
	if (rec)
		m->to_override = keep(m->plan, rec->driver_override);
	if (park) {
		t->pub.note = "left without a driver, as asked";
	} else if (rec && !rec->driver) {
		t->pub.note = "had no driver before it was assigned";
	} else if (in->driver) {
		m->to = keep(m->plan, in->driver);
		t->pub.note = rec ? NULL : "best host driver; there is no record of an assign";
	} else if (!in->module) {
		t->pub.note = in->why_none ? in->why_none :
					     "no driver of this host is known for it: left without a driver";
	} else {
		t->any_native = true;
		t->pub.note = "no record of an assign: whichever host driver matches";
	}
}

static int release_one(struct vfioadm_plan *plan, const struct plan_input *in, bool park)
{
	struct target *t = add_target(plan, in);
	struct move m = { .plan = plan };
	int r;

	if (!t)
		return -ENOMEM;
	t->check = true;
	if (!plan_is_assigned(in)) {
		t->pub.wanted = t->pub.before;
		t->pub.note = "is not assigned";
		return 0;
	}
	t->pub.taken = true;
	m.device = t->pub.device;
	m.from = t->pub.before;
	m.from_override = t->override_before;
	if (in->left_over && !park && has_host_driver(in->function)) {
		t->pub.wanted = t->pub.before;
		t->pub.note = "keeps its host driver; the override was left over";
		return add_override(&m);
	}
	release_destination(in, park, &m, t);
	if (park && in->pf_on_vfio)
		m.to_override = m.from_override;
	t->pub.wanted = m.to;
	r = add_override(&m);
	if (r == 0)
		r = add_unbind(&m);
	if (r == 0)
		r = t->any_native ? add_probe(&m, in->module) : add_bind(&m);
	if (r == 0 && in->record) {
		m.record = in->record;
		r = add_drop_record(&m);
	}
	return r;
}

int plan_release(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n, bool park)
{
	for (size_t i = 0; i < n; i++)
		if (plan_is_assigned(&inputs[i]) && !park && add_load(plan, inputs, n, &inputs[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (release_one(plan, &inputs[i], park) < 0)
			return -ENOMEM;
	if (plan->arena.failed)
		return -ENOMEM;
	plan->result = plan->n_steps ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	return 0;
}
