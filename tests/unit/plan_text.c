/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "plan_text.h"
#include "base/str.h"

static const char *or_none(const char *s)
{
	return s ? s : "(none)";
}

static void add_record(struct strbuf *b, const struct record *r)
{
	strbuf_addf(b, "save-record %s: driver %s, override %s, boot %s, %04x:%04x:%04x:%04x, #%u",
		    r->device, or_none(r->driver), or_none(r->driver_override), r->boot_id,
		    r->vendor, r->device_id, r->subsystem_vendor, r->subsystem_device,
		    (unsigned)r->incarnation);
}

static void add_op(struct strbuf *b, const struct op *op)
{
	char path[OP_PATH_MAX], id[CARDTYPE_MAX];

	/* Without a driver (whichever is bound then) there is no path yet. */
	if (op->kind == OP_UNBIND && !op->driver) {
		strbuf_addf(b, "unbind %s from its driver", op->device);
		return;
	}
	if (op_path(op, path)) {
		strbuf_addf(b, "\"%s\" > %s", op->value, path);
		return;
	}
	switch (op->kind) {
	case OP_SAVE_RECORD:
		add_record(b, op->record);
		break;
	case OP_LOAD_MODULE:
		strbuf_addf(b, "modprobe %s%s%s", op->value, op->options ? " " : "",
			    op->options ? op->options : "");
		break;
	case OP_SAVE_ID:
	case OP_DROP_ID:
		cardtype_format(&op->type, id);
		strbuf_addf(b, "%s %s", op_name(op->kind), id);
		break;
	default:
		strbuf_addf(b, "%s %s", op_name(op->kind), op->device);
	}
}

/* What others see must be what is done. */
static void assert_public(const struct step *step)
{
	char path[OP_PATH_MAX];

	assert_string_equal(step->pub.action, op_name(step->op.kind));
	assert_int_equal(step->pub.state, VFIOADM_STEP_PLANNED);
	assert_int_equal(step->pub.error, 0);
	assert_true(streq_null(step->pub.device, step->op.device));
	assert_true(streq_null(step->pub.value, step->op.value));
	if (op_path(&step->op, path))
		assert_string_equal(step->pub.path + 1, path);
	else
		assert_null(step->pub.path);
}

char *plan_steps_text(const struct vfioadm_plan *plan)
{
	_cleanup_strbuf_ struct strbuf b = {0};

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];

		assert_public(step);
		strbuf_addf(&b, "%s\n  ", step->pub.text);
		add_op(&b, &step->op);
		if (step->check_driver)
			strbuf_addf(&b, " (while on %s)", or_none(step->expect_driver));
		strbuf_addf(&b, "\n");
		for (size_t j = 0; j < step->n_undo; j++) {
			strbuf_addf(&b, "  undo: ");
			add_op(&b, &step->undo[j]);
			strbuf_addf(&b, "\n");
		}
	}
	return strbuf_take(&b);
}

char *plan_targets_text(const struct vfioadm_plan *plan)
{
	_cleanup_strbuf_ struct strbuf b = {0};

	for (size_t i = 0; i < plan->n_targets; i++) {
		const struct target *t = &plan->targets[i];

		strbuf_addf(&b, "%s: %s -> %s%s%s%s%s%s\n", t->pub.device, or_none(t->pub.before),
			    or_none(t->pub.wanted), t->pub.taken ? ", taken" : "",
			    t->check ? ", checked" : "", t->any_native ? ", any native" : "",
			    t->pub.note ? "; " : "", t->pub.note ? t->pub.note : "");
		assert_null(t->pub.after);
	}
	return strbuf_take(&b);
}

char *plan_findings_text(const struct vfioadm_plan *plan)
{
	static const char *const severities[] = {
		[VFIOADM_WARNS] = "warns",
		[VFIOADM_REFUSES] = "refuses",
		[VFIOADM_BLOCKS] = "blocks",
	};
	_cleanup_strbuf_ struct strbuf b = {0};

	for (size_t i = 0; i < plan->n_findings; i++) {
		const struct vfioadm_finding *f = &plan->findings[i];

		strbuf_addf(&b, "%s %s %s%s\n  %s\n", severities[f->severity], f->code,
			    or_none(f->device), f->forceable ? ", forceable" : "", f->message);
		if (f->hint)
			strbuf_addf(&b, "  -> %s\n", f->hint);
	}
	return strbuf_take(&b);
}

static void assert_text(char *have, const char *expected)
{
	_cleanup_free_ char *text = have;

	assert_non_null(text);
	assert_string_equal(text, expected);
}

void assert_steps(const struct vfioadm_plan *plan, const char *expected)
{
	assert_text(plan_steps_text(plan), expected);
}

void assert_targets(const struct vfioadm_plan *plan, const char *expected)
{
	assert_text(plan_targets_text(plan), expected);
}

void assert_findings(const struct vfioadm_plan *plan, const char *expected)
{
	assert_text(plan_findings_text(plan), expected);
}
