/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: single functions. */
#include <string.h>

#include "base/error.h"
#include "flow/import.h"
#include "flow/import_others.h"

/* A virtual function can be declared by its PF. */
const struct declaration *import_declared(const struct import *m, size_t function)
{
	const struct vfioadm_function *f = &import_inventory(m)->functions[function];
	const struct declarations *found = &m->p.d.declared.found;
	ssize_t pf = f->physfn.state == VFIOADM_KNOWN ? inventory_index(import_inventory(m), f->physfn.value) : -1;
	ssize_t at = declared_for(&m->p.d, function);

	if (at >= 0 && found->items[at].vfs.state != VFIOADM_KNOWN)
		return &found->items[at];
	at = pf >= 0 ? declared_for(&m->p.d, (size_t)pf) : -1;
	return at >= 0 && found->items[at].vfs.state == VFIOADM_KNOWN ? &found->items[at] : NULL;
}

/* Nothing is known of it but where it was. */
static int propose_by_address(struct import *m, const char *address, const char *why)
{
	struct declaration new = { .node_mode = uint_none(), .vfs = uint_none(), .driver = m->at->driver };
	_cleanup_free_ char *remark = NULL, *words = NULL, *wanted = str_format("pci-%s", address);

	for (char *p = wanted; p && *p; p++)
		if (*p == ':')
			*p = '-';
	new.match[MATCH_ADDRESS] = address;
	new.name = wanted ? persist_free_name(&m->p, wanted) : NULL;
	remark = str_format("# %s: its address is all that is known of it. That is weak, it may be another\n"
			    "# card's once hardware is added.\n", why);
	if (!new.name || !remark)
		return error_oom(m->err);
	words = str_format("declare %s in /etc/vfioadm.d/%s.conf, known by its %s alone, %s", address, new.name,
			   match_key_name(MATCH_ADDRESS), persist_trust_words(TRUST_ADDRESS));
	return words ? import_propose(m, &new, address, remark, words) : error_oom(m->err);
}

static int propose_function(struct import *m, struct vfioadm_function *f)
{
	_cleanup_free_ char *words = NULL;
	struct declaration new = { 0 };
	int r = persist_name_function(&m->p, f, &new, &words);

	if (r == -ENODATA)
		return propose_by_address(m, f->address, "Its IDs cannot be read");
	if (r < 0)
		return error_oom(m->err);
	new.driver = m->at->driver;
	return import_propose(m, &new, f->address, "", words);
}

/* The card is not there, and a declaration that names this place is most likely about it. */
static const struct declaration *declaration_naming(const struct import *m, const char *address)
{
	const struct declarations *found = &m->p.d.declared.found;

	for (size_t i = 0; i < found->n; i++)
		if (streq_null(found->items[i].match[MATCH_ADDRESS], address) ||
		    streq_null(found->items[i].seen_address, address))
			return &found->items[i];
	return NULL;
}

const char *import_proposed_from(const struct import *m, const char *address)
{
	const struct vfioadm_plan *plan = m->p.plan;

	for (size_t i = 0; i < plan->n_proposals; i++)
		if (streq_null(plan->proposals[i].device, address))
			return plan->proposals[i].source;
	return NULL;
}

static int import_present(struct import *m, size_t function)
{
	struct vfioadm_function *f = &m->p.look->inv->functions[function];
	const struct declaration *declared = import_declared(m, function);
	const struct selection alone = { .items = &function, .n = 1 };
	const char *type = import_type_from(m, f);
	int r;

	if (declared)
		return import_skip_declared(m, f->address, declared);
	if (type)
		return import_skip(m, str_format("%s has a card type that is proposed already, from %s.", f->address, type));
	if (others_expects_another(m->at, f))
		return import_skip(m, str_format("%s is expected to be a %s, but another device is there: Unraid leaves it "
					  "alone.", f->address, m->at->owner));
	if (inventory_never_taken(f))
		return import_skip(m, str_format("%s is %s, which no guest can have.", f->address,
					  f->bridge ? "a bridge" : "the IOMMU"));
	r = import_skip_unfit(m, f);
	if (r == 0)
		r = import_skip_used(m, &alone);
	return r ? (r < 0 ? r : 0) : propose_function(m, f);
}

int import_function(struct import *m)
{
	const char *address = m->at->what, *from = import_proposed_from(m, address);
	ssize_t function = inventory_index(import_inventory(m), address);
	const struct declaration *declared;

	if (from)
		return import_skip(m, str_format("%s is proposed already, from %s.", address, from));
	if (function >= 0)
		return import_present(m, (size_t)function);
	declared = declaration_naming(m, address);
	return declared ? import_skip_declared(m, address, declared) :
			  propose_by_address(m, address, "No such function was there");
}
