/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Declared state: its steps come behind those that move functions, so that only what worked is kept. */
#include "policy/planner.h"

static struct op declare_op(const char *name, const char *text)
{
	return (struct op){ .kind = OP_DECLARE, .value = name, .options = text };
}

static struct op modprobe_op(const char *text)
{
	return (struct op){ .kind = OP_WRITE_MODPROBE, .options = text };
}

/* What leads back from the first n changes, and to the files that were made of what was declared before. */
static size_t fill_back(struct op *back, const struct declare_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		back[i] = declare_op(changes[i].name, changes[i].before);
	if (n)
		back[n++] = (struct op){ .kind = OP_WRITE_RULES };
	return n;
}

static int add_change(struct vfioadm_plan *plan, const struct declare_change *change)
{
	struct op op = declare_op(change->name, change->after), back[2];
	size_t n = fill_back(back, change, 1);

	return plan_add_op(plan, &op, back, n, "%s", change->text) ? 0 : -ENOMEM;
}

/* no_image: an initramfs is still to be made of the same. A power cut before that must be seen afterwards. */
static struct op rules_op(bool no_image)
{
	return (struct op){ .kind = OP_WRITE_RULES, .value = no_image ? RULES_NO_IMAGE : NULL };
}

static int add_rules(struct vfioadm_plan *plan, bool no_image)
{
	struct op op = rules_op(no_image), back = rules_op(true);

	return plan_add_op(plan, &op, &back, !no_image, "%s",
			   no_image ? "write the udev rules for the declarations, the initramfs to follow" :
				      "write the udev rules for the declarations") ?
		       0 :
		       -ENOMEM;
}

static int add_modprobe(struct vfioadm_plan *plan, const struct declare_change *modprobe)
{
	struct op op = modprobe_op(modprobe->after), back = modprobe_op(modprobe->before);

	return plan_add_op(plan, &op, &back, 1, "%s", modprobe->text) ? 0 : -ENOMEM;
}

static int add_rebuild_op(struct vfioadm_plan *plan, const struct op *back, size_t n_back)
{
	struct op op = { .kind = OP_REBUILD };

	return plan_add_op(plan, &op, back, n_back, "rebuild the initramfs of each installed kernel") ? 0 : -ENOMEM;
}

/* Where one could not be made, or not be made bootable, those that were are made once more of what was there before. */
static int add_rebuild(struct vfioadm_plan *plan, const struct declare_change *changes, size_t n,
		       const struct declare_change *modprobe)
{
	_cleanup_free_ struct op *back = calloc(n + 4, sizeof(*back));
	size_t n_back;

	if (!back)
		return -ENOMEM;
	n_back = fill_back(back, changes, n);
	if (n)
		back[n_back - 1] = rules_op(true);
	if (modprobe)
		back[n_back++] = modprobe_op(modprobe->before);
	back[n_back++] = (struct op){ .kind = OP_REBUILD, .value = REBUILD_BACK };
	if (n)
		back[n_back++] = rules_op(false);
	return add_rebuild_op(plan, back, n_back);
}

int plan_declare(struct vfioadm_plan *plan, const struct declare_change *changes, size_t n,
		 const struct declare_change *modprobe, bool rebuild)
{
	int r = 0;

	if (!n && !modprobe)
		return 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_change(plan, &changes[i]);
	if (r == 0 && n)
		r = add_rules(plan, rebuild);
	if (r == 0 && modprobe)
		r = add_modprobe(plan, modprobe);
	if (r == 0 && rebuild)
		r = add_rebuild(plan, changes, n, modprobe);
	if (r == 0 && n && rebuild)
		r = add_rules(plan, false);
	if (r == 0)
		plan->result = VFIOADM_RESULT_PLANNED;
	return r;
}

int plan_renew(struct vfioadm_plan *plan, bool image_current, const struct declare_change *modprobe, bool rebuild)
{
	if (add_rules(plan, rebuild || !image_current) < 0 || (modprobe && add_modprobe(plan, modprobe) < 0) ||
	    (rebuild && (add_rebuild_op(plan, NULL, 0) < 0 || add_rules(plan, false) < 0)))
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
			 hold ? "mark %s as released until reboot" :
				"clear the mark of %s as released until reboot",
			 device))
		return -ENOMEM;
	plan->result = VFIOADM_RESULT_PLANNED;
	return 0;
}
