/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A journal, torn or twisted: what is accepted can be taken back without looking twice, and written again
 * it means the same.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/journal_private.h"

/* Where operations may write: the PCI bus, a declaration, and the one file of modprobe. */
static void check_path(const struct op *op, const char *path)
{
	static const char dir[] = "etc/vfioadm.d/";

	FUZZ_CHECK(!strstr(path, "/../") && !strstr(path, "/./") && !strstr(path, "//"));
	switch (op->kind) {
	case OP_DECLARE:
		FUZZ_CHECK(strncmp(path, dir, strlen(dir)) == 0 && !strchr(path + strlen(dir), '/'));
		break;
	case OP_WRITE_MODPROBE:
		FUZZ_CHECK(streq(path, "etc/modprobe.d/vfioadm.conf"));
		break;
	default:
		FUZZ_CHECK(strncmp(path, "sys/bus/pci/", 12) == 0);
		FUZZ_CHECK(op->value);
	}
}

/* What the undo does with an operation that comes from here. */
static void check_op(const struct op *op)
{
	char path[OP_PATH_MAX], device[ADDRESS_MAX];
	struct address a;

	FUZZ_CHECK(op_name(op->kind));
	if (op->device) {
		FUZZ_CHECK(address_parse(op->device, &a) == 0);
		address_format(&a, device);
	}
	if (op_path(op, path))
		check_path(op, path);
	if (op->kind == OP_SAVE_RECORD)
		FUZZ_CHECK(op->record && op->record->device == op->device && op->record->boot_id);
	if (op->kind == OP_LOAD_MODULE)
		FUZZ_CHECK(op->value && !strchr(op->value, '/'));
}

static void check_plan(const struct vfioadm_plan *plan)
{
	FUZZ_CHECK(journal_verb(plan->verb));
	for (size_t i = 0; i < plan->n_targets; i++)
		FUZZ_CHECK(plan->targets[i].pub.device);
	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];

		FUZZ_CHECK(step->pub.text && vfioadm_step_state_name(step->pub.state));
		check_op(&step->op);
		for (size_t k = 0; k < step->n_undo; k++)
			check_op(&step->undo[k]);
	}
}

static char *written(const struct vfioadm_plan *plan)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	char *s;

	strbuf_addf(&text, "vfioadm-journal 1\nboot-id x\n");
	journal_write_plan(&text, plan);
	s = strbuf_take(&text);
	FUZZ_CHECK(s);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_string(data, size), *once = NULL, *copy = NULL,
			    *twice = NULL;
	_cleanup_journal_found_ struct journal_found found = {0}, again = {0};

	if (journal_parse(text, &found) < 0) {
		FUZZ_CHECK(!found.plan);
		return 0;
	}
	FUZZ_CHECK(found.plan && found.boot_id);
	check_plan(found.plan);
	once = written(found.plan);
	copy = strdup(once);
	FUZZ_CHECK(copy && journal_parse(copy, &again) == 0);
	twice = written(again.plan);
	FUZZ_CHECK(streq(once, twice));
	return 0;
}
