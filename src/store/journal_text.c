/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as text and back: the part of a journal that is written before the first step. */
#include <inttypes.h>
#include <string.h>

#include "model/declaration.h"
#include "store/journal_private.h"

static const char *const verbs[] = {
	[VERB_ASSIGN] = "assign",
	[VERB_RELEASE] = "release",
	[VERB_ENABLE] = "enable",
	[VERB_DISABLE] = "disable",
	[VERB_APPLY] = "apply",
	[VERB_IMPORT] = "import",
};

/* ---- writing ---- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._:,/+-", c));
}

static void add_value(struct strbuf *out, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addf(out, " %s=", key);
	for (; *value; value++) {
		if (is_plain(*value))
			strbuf_add(out, value, 1);
		else
			strbuf_addf(out, "\\x%02x", (unsigned char)*value);
	}
}

static void add_record(struct strbuf *out, const struct record *rec)
{
	add_value(out, "record.driver", rec->driver);
	add_value(out, "record.override", rec->driver_override);
	add_value(out, "record.boot-id", rec->boot_id);
	strbuf_addf(out, " record.ids=%04x:%04x:%04x:%04x record.incarnation=%" PRIu64, rec->vendor,
		    rec->device_id, rec->subsystem_vendor, rec->subsystem_device, rec->incarnation);
}

static bool has_type(enum op_kind kind)
{
	return kind == OP_ADD_ID || kind == OP_REMOVE_ID || kind == OP_SAVE_ID || kind == OP_DROP_ID;
}

static void add_op(struct strbuf *out, const struct op *op)
{
	char type[CARDTYPE_MAX];

	add_value(out, "op", op_name(op->kind));
	add_value(out, "device", op->device);
	add_value(out, "driver", op->driver);
	add_value(out, "value", op->value);
	add_value(out, "options", op->options);
	if (has_type(op->kind)) {
		cardtype_format(&op->type, type);
		add_value(out, "type", type);
	}
	if (op->record)
		add_record(out, op->record);
}

static void add_target(struct strbuf *out, const struct target *t)
{
	strbuf_addf(out, "target");
	add_value(out, "device", t->pub.device);
	add_value(out, "before", t->pub.before);
	add_value(out, "wanted", t->pub.wanted);
	add_value(out, "override", t->override_before);
	strbuf_addf(out, " incarnation=%" PRIu64 " taken=%d check=%d native=%d\n", t->incarnation,
		    t->pub.taken, t->check, t->any_native);
}

static void add_step(struct strbuf *out, const struct step *step)
{
	strbuf_addf(out, "step");
	add_op(out, &step->op);
	add_value(out, "text", step->pub.text);
	strbuf_addf(out, "\n");
	for (size_t i = 0; i < step->n_undo; i++) {
		strbuf_addf(out, "undo");
		add_op(out, &step->undo[i]);
		strbuf_addf(out, "\n");
	}
}

void journal_write_plan(struct strbuf *out, const struct vfioadm_plan *plan)
{
	strbuf_addf(out, "verb %s\n", verbs[plan->verb]);
	for (size_t i = 0; i < plan->n_targets; i++)
		add_target(out, &plan->targets[i]);
	for (size_t i = 0; i < plan->n_steps; i++)
		add_step(out, &plan->steps[i]);
	strbuf_addf(out, "plan-end\n");
}

/* ---- reading ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; a byte that would end the string is not one that we wrote. */
static int decode(char *s)
{
	char *out = s;

	while (*s) {
		int high, low;

		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		high = s[1] == 'x' ? hex_digit(s[2]) : -1;
		low = high < 0 ? -1 : hex_digit(s[3]);
		if (low < 0 || (!high && !low))
			return -EBADMSG;
		*out++ = (char)(high << 4 | low);
		s += 4;
	}
	*out = '\0';
	return 0;
}

typedef int set_fn(struct vfioadm_plan *plan, void *object, const char *key, const char *value);

/* "key=value key=value …"; a key that we do not know is of a later version and is skipped. */
static int read_pairs(struct vfioadm_plan *plan, char *text, set_fn *set, void *object)
{
	char *pair;
	int r = 0;

	while (r == 0 && (pair = strsep(&text, " "))) {
		char *value = strchr(pair, '='), *copy;

		if (!*pair)
			continue;
		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		r = decode(value);
		if (r < 0)
			return r;
		copy = arena_strdup(&plan->arena, value);
		r = copy ? set(plan, object, pair, copy) : -ENOMEM;
	}
	return r;
}

static int set_number(const char *value, uint64_t max, uint64_t *ret)
{
	return str_to_u64(value, 10, max, ret) < 0 ? -EBADMSG : 0;
}

static int set_ids(struct record *rec, const char *value)
{
	int end = 0;

	if (strlen(value) > 64 ||
	    sscanf(value, "%8" SCNx32 ":%8" SCNx32 ":%8" SCNx32 ":%8" SCNx32 "%n", &rec->vendor,
		   &rec->device_id, &rec->subsystem_vendor, &rec->subsystem_device, &end) != 4 ||
	    value[end])
		return -EBADMSG;
	return 0;
}

static int set_record(struct vfioadm_plan *plan, struct op *op, const char *key, const char *value)
{
	struct record *rec = (struct record *)op->record;

	if (!rec) {
		rec = arena_alloc(&plan->arena, sizeof(*rec));
		if (!rec)
			return -ENOMEM;
		op->record = rec;
	}
	if (streq(key, "driver"))
		rec->driver = value;
	else if (streq(key, "override"))
		rec->driver_override = value;
	else if (streq(key, "boot-id"))
		rec->boot_id = value;
	else if (streq(key, "ids"))
		return set_ids(rec, value);
	else if (streq(key, "incarnation"))
		return set_number(value, UINT64_MAX, &rec->incarnation);
	return 0;
}

static int set_kind(struct op *op, const char *value)
{
	for (enum op_kind k = OP_SET_OVERRIDE; k < OP_N; k++) {
		if (streq(value, op_name(k))) {
			op->kind = k;
			return 0;
		}
	}
	return -EBADMSG;
}

static int set_op(struct vfioadm_plan *plan, void *object, const char *key, const char *value)
{
	struct op *op = object;
	const char *of_record = str_after(key, "record.");

	if (of_record)
		return set_record(plan, op, of_record, value);
	if (streq(key, "op"))
		return set_kind(op, value);
	if (streq(key, "device"))
		op->device = value;
	else if (streq(key, "driver"))
		op->driver = value;
	else if (streq(key, "value"))
		op->value = value;
	else if (streq(key, "options"))
		op->options = value;
	else if (streq(key, "type"))
		return cardtype_parse(value, &op->type, NULL) < 0 ? -EBADMSG : 0;
	return 0;
}

static int set_step(struct vfioadm_plan *plan, void *object, const char *key, const char *value)
{
	struct step *step = object;

	if (!streq(key, "text"))
		return set_op(plan, &step->op, key, value);
	step->pub.text = value;
	return 0;
}

static int set_flag(const char *value, bool *ret)
{
	if (!streq(value, "0") && !streq(value, "1"))
		return -EBADMSG;
	*ret = *value == '1';
	return 0;
}

static int set_target(struct vfioadm_plan *plan, void *object, const char *key, const char *value)
{
	struct target *t = object;

	if (streq(key, "device"))
		t->pub.device = value;
	else if (streq(key, "before"))
		t->pub.before = value;
	else if (streq(key, "wanted"))
		t->pub.wanted = value;
	else if (streq(key, "override"))
		t->override_before = value;
	else if (streq(key, "incarnation"))
		return set_number(value, UINT64_MAX, &t->incarnation);
	else if (streq(key, "taken"))
		return set_flag(value, &t->pub.taken);
	else if (streq(key, "check"))
		return set_flag(value, &t->check);
	else if (streq(key, "native"))
		return set_flag(value, &t->any_native);
	return 0;
}

/*
 * What becomes part of a path must be what it says: a journal is trusted because only root can write it, but
 * a damaged one must not make us write somewhere else.
 */
static bool is_name(const char *s)
{
	return s && *s && strlen(s) < 128 && !strchr(s, '/') && !streq(s, ".") && !streq(s, "..");
}

static bool op_valid(const struct op *op)
{
	struct address a;
	bool device = op->device && address_parse(op->device, &a) == 0 &&
		      strlen(op->device) < ADDRESS_MAX;

	if (op->device && !device)
		return false;
	if (op->driver && !is_name(op->driver))
		return false;
	switch (op->kind) {
	case OP_SET_OVERRIDE:
	case OP_UNBIND: /* without a driver: whichever it is */
	case OP_PROBE:
	case OP_SET_AUTOPROBE:
	case OP_SET_NUMVFS:
	case OP_OWN_NODES:
		return device && op->value;
	case OP_BIND:
		return device && op->driver && op->value;
	case OP_ADD_ID:
	case OP_REMOVE_ID:
		return op->driver && op->value;
	case OP_LOAD_MODULE:
		return is_name(op->value);
	case OP_SAVE_RECORD:
		return device && op->record && op->record->boot_id;
	case OP_DROP_RECORD:
	case OP_HOLD:
	case OP_LET_GO:
		return device;
	case OP_DECLARE:
		return op->value && declaration_name_valid(op->value);
	case OP_WRITE_RULES:
	case OP_WRITE_MODPROBE:
	case OP_REBUILD:
		return true;
	case OP_N:
		return false;
	case OP_SAVE_ID:
	case OP_DROP_ID:
		return op->driver;
	}
	return false;
}

static int finish_op(struct op *op)
{
	struct record *rec = (struct record *)op->record;

	if (rec)
		rec->device = op->device;
	return op_valid(op) ? 0 : -EBADMSG;
}

static int read_target(struct vfioadm_plan *plan, char *text)
{
	struct target *t = plan_add_target(plan);
	struct address a;
	int r = t ? read_pairs(plan, text, set_target, t) : -ENOMEM;

	if (r < 0)
		return r;
	if (!t->pub.device || strlen(t->pub.device) >= ADDRESS_MAX ||
	    address_parse(t->pub.device, &a) < 0)
		return -EBADMSG;
	return 0;
}

static int read_step(struct vfioadm_plan *plan, char *text)
{
	struct step *step = plan_add_step(plan);
	int r = step ? read_pairs(plan, text, set_step, step) : -ENOMEM;

	if (r == 0)
		r = finish_op(&step->op);
	if (r < 0)
		return r;
	if (!step->pub.text)
		step->pub.text = op_name(step->op.kind);
	return plan_describe(plan, step);
}

static int read_undo(struct vfioadm_plan *plan, char *text)
{
	struct step *step = plan->n_steps ? &plan->steps[plan->n_steps - 1] : NULL;
	struct op *all;
	int r;

	if (!step)
		return -EBADMSG;
	all = step->undo;
	/* An arena gives nothing back: grow by doubling, at each power of two. */
	if (!(step->n_undo & (step->n_undo - 1))) {
		all = arena_alloc(&plan->arena, (2 * step->n_undo + 1) * sizeof(*all));
		if (!all)
			return -ENOMEM;
		if (step->n_undo)
			memcpy(all, step->undo, step->n_undo * sizeof(*all));
	}
	r = read_pairs(plan, text, set_op, &all[step->n_undo]);
	if (r == 0)
		r = finish_op(&all[step->n_undo]);
	if (r < 0)
		return r;
	step->undo = all;
	step->n_undo++;
	return 0;
}

static int read_verb(struct vfioadm_plan *plan, const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (streq(text, verbs[i])) {
			plan->verb = (enum verb)i;
			return 0;
		}
	}
	return -EBADMSG;
}

const char *journal_verb(enum verb verb)
{
	return verbs[verb];
}

int journal_read_plan_line(struct vfioadm_plan *plan, const char *word, char *rest)
{
	if (streq(word, "verb"))
		return read_verb(plan, rest);
	if (streq(word, "target"))
		return read_target(plan, rest);
	if (streq(word, "step"))
		return read_step(plan, rest);
	if (streq(word, "undo"))
		return read_undo(plan, rest);
	return 0; /* a later version's line */
}
