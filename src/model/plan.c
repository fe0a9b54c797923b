/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "model/plan.h"

struct vfioadm_plan *plan_new(enum verb verb)
{
	struct vfioadm_plan *plan = calloc(1, sizeof(*plan));

	if (plan)
		plan->verb = verb;
	return plan;
}

void vfioadm_plan_free(struct vfioadm_plan *plan)
{
	if (!plan)
		return;
	if (plan->session)
		plan->session_free(plan->session);
	arena_free(&plan->arena);
	free(plan->steps);
	free(plan->findings);
	free(plan->targets);
	free(plan->proposals);
	free(plan->skipped);
	free(plan);
}

void plan_free_p(struct vfioadm_plan **plan)
{
	vfioadm_plan_free(*plan);
}

/* One more zeroed element at the end of an array that doubles. */
static void *grow(void **items, size_t *n, size_t *room, size_t size)
{
	char *element;

	if (*n == *room) {
		size_t wanted = *room ? *room * 2 : 16;
		void *grown = reallocarray(*items, wanted, size);

		if (!grown)
			return NULL;
		*items = grown;
		*room = wanted;
	}
	element = (char *)*items + (*n)++ * size;
	memset(element, 0, size);
	return element;
}

struct step *plan_add_step(struct vfioadm_plan *plan)
{
	void *items = plan->steps;
	struct step *step = grow(&items, &plan->n_steps, &plan->room_steps, sizeof(*step));

	plan->steps = items;
	return step;
}

struct vfioadm_finding *plan_add_finding(struct vfioadm_plan *plan)
{
	void *items = plan->findings;
	struct vfioadm_finding *finding =
		grow(&items, &plan->n_findings, &plan->room_findings, sizeof(*finding));

	plan->findings = items;
	return finding;
}

struct target *plan_add_target(struct vfioadm_plan *plan)
{
	void *items = plan->targets;
	struct target *target =
		grow(&items, &plan->n_targets, &plan->room_targets, sizeof(*target));

	plan->targets = items;
	return target;
}

struct vfioadm_proposal *plan_add_proposal(struct vfioadm_plan *plan)
{
	void *items = plan->proposals;
	struct vfioadm_proposal *proposal =
		grow(&items, &plan->n_proposals, &plan->room_proposals, sizeof(*proposal));

	plan->proposals = items;
	return proposal;
}

struct vfioadm_skipped *plan_add_skipped(struct vfioadm_plan *plan)
{
	void *items = plan->skipped;
	struct vfioadm_skipped *skipped = grow(&items, &plan->n_skipped, &plan->room_skipped, sizeof(*skipped));

	plan->skipped = items;
	return skipped;
}

const char *op_name(enum op_kind kind)
{
	static const char *const names[] = {
		[OP_SET_OVERRIDE] = "set-override", [OP_UNBIND] = "unbind",
		[OP_BIND] = "bind",		    [OP_PROBE] = "probe",
		[OP_ADD_ID] = "add-id",		    [OP_REMOVE_ID] = "remove-id",
		[OP_LOAD_MODULE] = "load-module",   [OP_SAVE_RECORD] = "save-record",
		[OP_DROP_RECORD] = "drop-record",   [OP_SAVE_ID] = "save-id",
		[OP_DROP_ID] = "drop-id",	    [OP_DECLARE] = "declare",
		[OP_WRITE_RULES] = "write-rules",   [OP_REBUILD] = "rebuild-initramfs",
		[OP_HOLD] = "hold",		    [OP_LET_GO] = "let-go",
		[OP_SET_AUTOPROBE] = "set-autoprobe", [OP_SET_NUMVFS] = "set-numvfs",
		[OP_OWN_NODES] = "own-nodes",	    [OP_WRITE_MODPROBE] = "write-modprobe",
	};

	return names[kind];
}

bool op_path(const struct op *op, char path[OP_PATH_MAX])
{
	static const char *const driver_file[] = {
		[OP_UNBIND] = "unbind",
		[OP_BIND] = "bind",
		[OP_ADD_ID] = "new_id",
		[OP_REMOVE_ID] = "remove_id",
	};

	switch (op->kind) {
	case OP_SET_OVERRIDE:
		snprintf(path, OP_PATH_MAX, "sys/bus/pci/devices/%s/driver_override", op->device);
		return true;
	case OP_SET_AUTOPROBE:
	case OP_SET_NUMVFS:
		snprintf(path, OP_PATH_MAX, "sys/bus/pci/devices/%s/%s", op->device,
			 op->kind == OP_SET_NUMVFS ? "sriov_numvfs" : "sriov_drivers_autoprobe");
		return true;
	case OP_PROBE:
		snprintf(path, OP_PATH_MAX, "sys/bus/pci/drivers_probe");
		return true;
	case OP_UNBIND:
	case OP_BIND:
	case OP_ADD_ID:
	case OP_REMOVE_ID:
		snprintf(path, OP_PATH_MAX, "sys/bus/pci/drivers/%s/%s", op->driver,
			 driver_file[op->kind]);
		return true;
	case OP_DECLARE:
		snprintf(path, OP_PATH_MAX, "etc/vfioadm.d/%s.conf", op->value);
		return true;
	case OP_WRITE_MODPROBE:
		snprintf(path, OP_PATH_MAX, "etc/modprobe.d/vfioadm.conf");
		return true;
	default:
		return false;
	}
}

int plan_describe(struct vfioadm_plan *plan, struct step *step)
{
	char path[OP_PATH_MAX];

	step->pub.device = step->op.device;
	step->pub.action = op_name(step->op.kind);
	step->pub.value = step->op.value;
	if (!op_path(&step->op, path))
		return 0;
	step->pub.path = arena_format(&plan->arena, "/%s", path);
	return step->pub.path ? 0 : -ENOMEM;
}

struct step *plan_add_op(struct vfioadm_plan *plan, const struct op *op, const struct op *undo,
			 size_t n_undo, const char *fmt, ...)
{
	struct step *step = plan_add_step(plan);
	char text[512];
	va_list ap;

	if (!step)
		return NULL;
	step->op = *op;
	if (n_undo) {
		step->undo = arena_alloc(&plan->arena, n_undo * sizeof(*undo));
		if (!step->undo)
			return NULL;
		memcpy(step->undo, undo, n_undo * sizeof(*undo));
		step->n_undo = n_undo;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	step->pub.text = arena_strdup(&plan->arena, text);
	return step->pub.text && plan_describe(plan, step) == 0 ? step : NULL;
}

enum vfioadm_result vfioadm_plan_result(const struct vfioadm_plan *plan)
{
	return plan->result;
}

size_t vfioadm_plan_n_steps(const struct vfioadm_plan *plan)
{
	return plan->n_steps;
}

const struct vfioadm_step *vfioadm_plan_step(const struct vfioadm_plan *plan, size_t i)
{
	return i < plan->n_steps ? &plan->steps[i].pub : NULL;
}

size_t vfioadm_plan_n_findings(const struct vfioadm_plan *plan)
{
	return plan->n_findings;
}

const struct vfioadm_finding *vfioadm_plan_finding(const struct vfioadm_plan *plan, size_t i)
{
	return i < plan->n_findings ? &plan->findings[i] : NULL;
}

size_t vfioadm_plan_n_outcomes(const struct vfioadm_plan *plan)
{
	return plan->n_targets;
}

const struct vfioadm_outcome *vfioadm_plan_outcome(const struct vfioadm_plan *plan, size_t i)
{
	return i < plan->n_targets ? &plan->targets[i].pub : NULL;
}

size_t vfioadm_plan_n_proposals(const struct vfioadm_plan *plan)
{
	return plan->n_proposals;
}

const struct vfioadm_proposal *vfioadm_plan_proposal(const struct vfioadm_plan *plan, size_t i)
{
	return i < plan->n_proposals ? &plan->proposals[i] : NULL;
}

size_t vfioadm_plan_n_skipped(const struct vfioadm_plan *plan)
{
	return plan->n_skipped;
}

const struct vfioadm_skipped *vfioadm_plan_skipped(const struct vfioadm_plan *plan, size_t i)
{
	return i < plan->n_skipped ? &plan->skipped[i] : NULL;
}

const char *vfioadm_step_state_name(enum vfioadm_step_state state)
{
	static const char *const names[] = {
		[VFIOADM_STEP_PLANNED] = "planned", [VFIOADM_STEP_RUNNING] = "running",
		[VFIOADM_STEP_DONE] = "done",	    [VFIOADM_STEP_FAILED] = "failed",
		[VFIOADM_STEP_UNDONE] = "undone",   [VFIOADM_STEP_UNDO_FAILED] = "undo-failed",
		[VFIOADM_STEP_STUCK] = "stuck",
	};

	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

const char *vfioadm_result_name(enum vfioadm_result result)
{
	static const char *const names[] = {
		[VFIOADM_RESULT_PLANNED] = "planned",	[VFIOADM_RESULT_UNCHANGED] = "unchanged",
		[VFIOADM_RESULT_DONE] = "done",		[VFIOADM_RESULT_REFUSED] = "refused",
		[VFIOADM_RESULT_UNDONE] = "undone",	[VFIOADM_RESULT_UNSETTLED] = "unsettled",
	};

	return (size_t)result < ARRAY_SIZE(names) ? names[result] : "unknown";
}
