/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Declared state as a step: the file that says it, and the files that are made from all of them. */
#include <string.h>

#include "apply/private.h"
#include "base/error.h"
#include "host/observe.h"
#include "policy/bootfiles.h"
#include "store/declared.h"

/* 0: the file is as text says; 1: it is not. */
static int differs(struct apply *a, const char *name, const char *text)
{
	_cleanup_free_ char *now = NULL;
	int r = declared_text(a->root, name, &now);

	if (r < 0)
		return r;
	/* Of a mask nothing is read either. */
	if (text && !*text)
		return now ? 1 : !declared_is_mask(a->root, name);
	return streq_null(now, text) ? 0 : 1;
}

/* For who compares what is there: a mask is somebody's word, and no file is none. */
static bool is_another(struct apply *a, const char *name, const char *text)
{
	return (!text && declared_is_mask(a->root, name)) || differs(a, name, text) == 1;
}

/* What cannot be read is not known to be edited; the step or its undo will say why. */
bool declaration_is_edited(struct apply *a, const char *name)
{
	bool ours = false;

	for (size_t i = 0; i < a->plan->n_steps; i++) {
		const struct step *step = &a->plan->steps[i];

		if (step->op.kind != OP_DECLARE || !streq(step->op.value, name) || !step->n_undo)
			continue;
		if (!a->root || !is_another(a, name, step->op.options) || !is_another(a, name, step->undo[0].options))
			return false;
		ours = true;
	}
	return ours;
}

int operation_declare(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	int r = a->root ? differs(a, op->value, op->options) : -EROFS;

	*ret_no_effect = r <= 0;
	if (r <= 0)
		return r;
	r = declared_write(a->root, op->value, op->options);
	/* What could not be written whole is the file of before; where only the directory was not synced, the new one. */
	if (r < 0)
		*ret_no_effect = differs(a, op->value, op->options) == 1;
	return r;
}

int operation_verify_declared(struct apply *a, const struct op *op)
{
	int r = a->root ? differs(a, op->value, op->options) : -EROFS;

	return r > 0 ? -EIO : r;
}

int operation_own_nodes(struct apply *a, const struct op *op, bool look_only, bool *ret_no_effect)
{
	_cleanup_strv_ struct strv nodes = { 0 };
	int r = observe_vfio_nodes(a->host, op->device, &nodes);

	*ret_no_effect = true;
	if (r == 0 && !nodes.n)
		r = -ENOENT;
	for (size_t i = 0; r >= 0 && i < nodes.n; i++) {
		r = a->host->ops->own_node(a->host, op->device, nodes.items[i], op->value, look_only);
		*ret_no_effect &= r == 0;
	}
	return r < 0 ? r : 0;
}

/* A file that cannot be used is said by everything that looks at it; the rules are made from the others. */
int operation_write_rules(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	_cleanup_strbuf_ struct strbuf rules = { 0 };
	_cleanup_declared_ struct declared declared = { 0 };
	struct vfioadm_error *error = NULL;
	bool changed = false;
	int r = a->root ? declared_read(a->root, true, &declared, &error) : -EROFS;

	vfioadm_error_free(error);
	if (r < 0)
		return r;
	bootfiles_rules(&declared.found, &rules);
	if (streq_null(op->value, RULES_NO_IMAGE))
		strbuf_addf(&rules, BOOTFILES_NO_IMAGE);
	if (rules.failed)
		return -ENOMEM;
	r = declared_write_generated(a->root, BOOTFILES_RULES, rules.len ? rules.s : NULL, &changed);
	/* Of nodes whose declarations are others now; who assigns gives them, without a rule. */
	if (r == 0 && changed)
		r = declared_write_generated(a->root, BOOTFILES_NODE_RULES, NULL, NULL);
	*ret_no_effect = !changed;
	if (changed && a->host->ops->reload_rules)
		a->host->ops->reload_rules(a->host);
	return r;
}

bool modprobe_is_of_others(struct apply *a)
{
	_cleanup_free_ char *now = NULL;

	return a->root && declared_generated_text(a->root, BOOTFILES_MODPROBE, &now) == 0 && now &&
	       !bootfiles_modprobe_is_ours(now);
}

int operation_write_modprobe(struct apply *a, const struct op *op, bool *ret_no_effect)
{
	bool changed = false;
	int r = !a->root ? -EROFS : modprobe_is_of_others(a) ? -EEXIST : 0;

	if (r == 0)
		r = declared_write_generated(a->root, BOOTFILES_MODPROBE, op->options, &changed);
	*ret_no_effect = !changed;
	return r;
}

int operation_verify_modprobe(struct apply *a, const struct op *op)
{
	int same = a->root ? declared_same_generated(a->root, BOOTFILES_MODPROBE, op->options) : -EROFS;

	return same < 0 ? same : same ? 0 : -EIO;
}
