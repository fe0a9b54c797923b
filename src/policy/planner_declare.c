/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Declared state: its steps come behind those that move functions, so that only what worked is kept. */
#include "policy/planner.h"

static struct op declare_op(const char *name, const char *text)
{
	return (struct op){ .kind = OP_DECLARE, .value = name, .options = text };
}

/* What leads back from the first n changes, and to the files that were made of what was declared before. */
static size_t fill_back(struct op *back, const struct declare_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		back[i] = declare_op(changes[i].name, changes[i].before);
	back[n] = (struct op){ .kind = OP_WRITE_RULES };
	return n + 1;
}

static int add_change(struct vfioadm_plan *plan, const struct declare_change *change)
{
	struct op op = declare_op(change->name, change->after), back[2];
	size_t n = fill_back(back, change, 1);

	return plan_add_op(plan, &op, back, n, "%s", change->text) ? 0 : -ENOMEM;
}

/* An initramfs that could not be made, or not be made bootable, is made once more of what was there before. */
static int add_rebuild(struct vfioadm_plan *plan, const struct declare_change *changes, size_t n)
{
	_cleanup_free_ struct op *back = calloc(n + 2, sizeof(*back));
	struct op op = { .kind = OP_REBUILD };
	size_t n_back;

	if (!back)
		return -ENOMEM;
	n_back = fill_back(back, changes, n);
	back[n_back++] = op;
	return plan_add_op(plan, &op, back, n_back, "rebuild the initramfs, which has part in it") ? 0 : -ENOMEM;
}

int plan_declare(struct vfioadm_plan *plan, const struct declare_change *changes, size_t n, bool rebuild)
{
	struct op rules = { .kind = OP_WRITE_RULES };
	int r = 0;

	if (!n)
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_change(plan, &changes[i]);
	if (r == 0 && !plan_add_op(plan, &rules, NULL, 0, "write the udev rules of what is declared"))
		r = -ENOMEM;
	if (r == 0 && rebuild)
		r = add_rebuild(plan, changes, n);
	if (r == 0)
		plan->result = VFIOADM_RESULT_PLANNED;
	return r;
}

int plan_renew(struct vfioadm_plan *plan, bool image_current, bool rebuild)
{
	struct op rules = { .kind = OP_WRITE_RULES, .value = image_current ? NULL : RULES_NO_IMAGE };
	struct op stale = { .kind = OP_WRITE_RULES, .value = RULES_NO_IMAGE }, image = { .kind = OP_REBUILD };

	if (!plan_add_op(plan, &rules, &stale, 1, "write the udev rules of what is declared") ||
	    (rebuild && !plan_add_op(plan, &image, NULL, 0, "rebuild the initramfs, which has part in it")))
		return -ENOMEM;
	plan->result = VFIOADM_RESULT_PLANNED;
	return 0;
}

int plan_hold(struct vfioadm_plan *plan, const char *device, bool hold)
{
	struct op op = { .kind = hold ? OP_HOLD : OP_LET_GO, .device = arena_strdup(&plan->arena, device) };
	struct op undo = { .kind = hold ? OP_LET_GO : OP_HOLD, .device = op.device };

	if (!op.device ||
	    !plan_add_op(plan, &op, &undo, 1,
			 hold ? "keep what is declared from taking %s again before the next boot" :
				"let what is declared have %s again",
			 device))
		return -ENOMEM;
	plan->result = VFIOADM_RESULT_PLANNED;
	return 0;
}
