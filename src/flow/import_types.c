/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: card types. */
#include "base/error.h"
#include "flow/import.h"

static int functions_of_type(const struct import *m, const struct cardtype *type, struct selection *ret)
{
	const struct vfioadm_inventory *inv = import_inventory(m);

	for (size_t i = 0; i < inv->n_functions; i++)
		if (cardtype_matches(type, &inv->functions[i]) && !inv->functions[i].bridge &&
		    selection_add(ret, i) < 0)
			return -ENOMEM;
	return 0;
}

static int propose_type(struct import *m, const struct cardtype *type, const char *id)
{
	struct declaration new = { .multiple = true, .type = *type };
	_cleanup_free_ char *words = NULL;
	size_t before = m->p.plan->n_proposals;
	int r;

	new.match[MATCH_CARD_TYPE] = id;
	new.name = persist_type_name(&m->p, id);
	if (!new.name)
		return error_oom(m->err);
	words = str_format("declare card type %s in /etc/vfioadm.d/%s.conf", id, new.name);
	if (!words)
		return error_oom(m->err);
	r = persist_modules_of_types(&m->p, type, 1, m->err);
	if (r == 0)
		r = import_propose(m, &new, NULL, "", words);
	if (r == 0 && m->p.plan->n_proposals > before) {
		m->type_sources[m->n_types] = m->at->source;
		m->types[m->n_types++] = *type;
	}
	return r;
}

const char *import_type_from(const struct import *m, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < m->n_types; i++)
		if (cardtype_matches(&m->types[i], f))
			return m->type_sources[i];
	return NULL;
}

/* Two files about one function are an error, which keeps all of them from being applied. 1: left out. */
static int skip_collision(struct import *m, const char *id, const struct selection *functions)
{
	for (size_t i = 0; i < functions->n; i++) {
		const struct vfioadm_function *f = &import_inventory(m)->functions[functions->items[i]];
		const struct declaration *declared = import_declared(m, functions->items[i]);
		const char *type = import_type_from(m, f);

		char *reason;
		int r;

		if (!declared && !type)
			continue;
		reason = declared ? str_format("%s has the card type %s and is declared already, by %s: remove that file "
					       "to import the type.", f->address, id, declared->file) :
				    str_format("%s has the card type %s and another one that is proposed already, from "
					       "%s.", f->address, id, type);
		r = import_skip(m, reason);
		return r < 0 ? r : 1;
	}
	return 0;
}

/* Every card of the type is taken before anything else is looked at: none may be one that the host needs. */
static int import_used_type(struct import *m, const struct cardtype *type, const char *id)
{
	_cleanup_selection_ struct selection found = { 0 };
	int r = functions_of_type(m, type, &found);

	if (r < 0)
		return error_oom(m->err);
	r = import_skip_unfit_type(m, type, id);
	if (r == 0)
		r = import_skip_used(m, &found);
	if (r == 0)
		r = skip_collision(m, id, &found);
	if (r == 0)
		r = propose_type(m, type, id);
	return r < 0 ? r : 0;
}

int import_type(struct import *m)
{
	const struct foreign_claim *c = m->at;
	const struct declaration *declared;
	struct cardtype type;
	char id[CARDTYPE_MAX];
	bool exact;

	if (c->no_effect)
		return import_skip(m, str_format("%s has no effect: %s.", c->what, c->no_effect));
	if (c->why_not)
		return import_skip(m, str_format("%s is not in force: %s.", c->what, c->why_not));
	if (cardtype_parse_parameter(c->what, &type, &exact) < 0)
		return import_skip(m, str_format("\"%s\" is no ID that vfio-pci takes.", c->what));
	cardtype_format(&type, id);
	if (!exact)
		return import_skip(m, str_format("\"%s\" is no ID, although vfio-pci reads %s from it: correct it first.",
					  c->what, id));
	if (cardtype_parse(id, &type, NULL) < 0)
		return import_skip(m, str_format("%s is wider than a card type that can be declared: name the devices that are "
					  "meant.", c->what));
	declared = persist_type_declared(&m->p, &type);
	if (declared)
		return import_skip_declared(m, id, declared);
	for (size_t i = 0; i < m->n_types; i++)
		if (cardtype_equal(&m->types[i], &type))
			return import_skip(m, str_format("%s is proposed already, from %s.", id, m->type_sources[i]));
	return import_used_type(m, &type, id);
}
