/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: what other tools keep over reboots becomes declarations. */
#include <string.h>

#include "base/error.h"
#include "flow/import_others.h"
#include "flow/import.h"
#include "flow/session.h"
#include "host/module_setup.h"

static void import_clear(struct import *m)
{
	persist_clear(&m->p);
	foreign_claims_clear(&m->claims);
	free(m->types);
	free(m->type_sources);
	free(m->proposed);
}

static bool is_type(const struct foreign_claim *c)
{
	return c->kind == FOREIGN_CMDLINE || c->kind == FOREIGN_MODPROBE || c->kind == FOREIGN_MODULES;
}

static const struct vfioadm_inventory *inventory_of(const struct import *m)
{
	return m->p.look->inv;
}

/* ---- what is not taken over ---- */

int import_skip(struct import *m, char *reason)
{
	_cleanup_free_ char *owned = reason;
	struct vfioadm_skipped *skipped = owned ? plan_add_skipped(m->p.plan) : NULL;

	if (!skipped)
		return error_oom(m->err);
	skipped->source = arena_strdup(&m->p.plan->arena, m->at->source);
	skipped->reason = arena_strdup(&m->p.plan->arena, owned);
	return skipped->source && skipped->reason ? 0 : error_oom(m->err);
}

static char *in_use_words(const struct vfioadm_function *f, const struct vfioadm_user *user)
{
	return str_format("The host uses %s now, and would miss it at the next boot: %s %s.", f->address,
			  user->what ? user->what : user->code, user->why ? user->why : "");
}

/* 1: left out, as the host would miss one of them at the next boot. */
static int skip_used(struct import *m, const struct selection *functions)
{
	const struct vfioadm_function *f;
	const struct vfioadm_user *user = selection_in_use(m->p.look, functions, &f);
	/* Who may not look can still be told what there is. */
	bool told = m->p.look->host->unprivileged && !m->p.options->persist;
	const char *unseen = user || told ? NULL : selection_unseen(m->p.look, functions, &f);
	int r;

	if (!user && !unseen)
		return 0;
	r = import_skip(m, user ? in_use_words(f, user) :
				  str_format("It is not known whether the host uses %s: %s", f->address, unseen));
	return r < 0 ? r : 1;
}

/* ---- two tools shall not do the same ---- */

static char *modprobe_hint(const char *source)
{
	const char *colon = strrchr(source, ':'), *name;
	int n = colon ? (int)(colon - source) : (int)strlen(source);

	if (str_after(source, "/etc/") || str_after(source, "/run/"))
		return str_format("Remove \"ids=\" from %.*s, and rebuild the initramfs if that file is in it.", n,
				  source);
	name = strrchr(source, '/');
	return str_format("Mask %.*s by a file of its name in /etc/modprobe.d without \"ids=\": /etc/modprobe.d%.*s", n,
			  source, colon ? (int)(colon - name) : (int)strlen(name), name);
}

/* For libvirt there is none: with managed='no' it leaves the binding to others, and that is right. */
static char *source_hint(const struct import *m, const char *name)
{
	switch (m->at->kind) {
	case FOREIGN_CMDLINE:
		return strdup("Remove \"vfio-pci.ids=\" from the kernel command line, where the boot loader is set "
			      "up.");
	case FOREIGN_MODPROBE:
		return modprobe_hint(m->at->source);
	case FOREIGN_DRIVERCTL:
		return driverctl_hint(&m->claims, m->at, name, inventory_index(inventory_of(m), m->at->what) >= 0);
	case FOREIGN_MODULES:
	case FOREIGN_UNRAID:
		return others_hint(m->at);
	default:
		return NULL;
	}
}

static int skip_declared(struct import *m, const char *what, const struct declaration *d)
{
	_cleanup_free_ char *hint = source_hint(m, d->name);

	if (!hint && m->at->kind != FOREIGN_LIBVIRT)
		return error_oom(m->err);
	return import_skip(m, str_format("%s is declared already, by %s.%s%s", what, d->file, hint ? " " : "",
				  hint ? hint : ""));
}

/* ---- a proposal ---- */

/* What a file of another tool has must not come out as something else in ours. */
static int reads_back(const char *name, const char *text, char **ret_why)
{
	_cleanup_error_ struct vfioadm_error *error = NULL;
	struct declaration d;
	struct arena arena = { 0 };
	int r = declaration_parse(name, name, text, strlen(text), &arena, &d, &error);

	arena_free(&arena);
	if (r == 0 || r == -ENOMEM)
		return r;
	*ret_why = str_format("It cannot be declared: %s", vfioadm_error_message(error));
	return *ret_why ? 1 : -ENOMEM;
}

static int add_proposal(struct import *m, const struct declaration *d, const char *device, const char *remark,
			const char *text)
{
	struct vfioadm_plan *plan = m->p.plan;
	_cleanup_free_ char *hint = source_hint(m, d->name);
	struct vfioadm_proposal *proposal = plan_add_proposal(plan);

	if (!proposal || (!hint && m->at->kind != FOREIGN_LIBVIRT))
		return error_oom(m->err);
	proposal->name = arena_strdup(&plan->arena, d->name);
	proposal->source = arena_strdup(&plan->arena, m->at->source);
	proposal->text = arena_strdup(&plan->arena, text);
	proposal->device = device ? arena_strdup(&plan->arena, device) : NULL;
	proposal->hint = hint ? arena_strdup(&plan->arena, hint) : NULL;
	m->proposed[plan->n_proposals - 1] = (struct proposed){ *d, arena_strdup(&plan->arena, remark) };
	m->proposed[plan->n_proposals - 1].d.name = proposal->name;
	if (d->match[MATCH_CARD_TYPE])
		m->proposed[plan->n_proposals - 1].d.match[MATCH_CARD_TYPE] =
			arena_strdup(&plan->arena, d->match[MATCH_CARD_TYPE]);
	return plan->arena.failed ? error_oom(m->err) : 0;
}

void import_format(const char *source, const struct declaration *d, const char *remark, struct strbuf *out)
{
	strbuf_addf(out, "# Taken over from %s by \"vfioadm import\".\n%s", source, remark);
	declaration_format(d, out);
}

static int propose(struct import *m, const struct declaration *d, const char *device, const char *remark,
		   const char *words)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *why = NULL;
	int r;

	import_format(m->at->source, d, remark, &text);
	if (text.failed)
		return error_oom(m->err);
	r = reads_back(d->name, text.s, &why);
	if (r < 0)
		return error_oom(m->err);
	if (r > 0)
		return import_skip(m, TAKE_PTR(why));
	r = persist_change(&m->p, d->name, text.s, words, m->err);
	return r < 0 ? r : add_proposal(m, d, device, remark, text.s);
}

/* ---- card types ---- */

static int functions_of_type(const struct import *m, const struct cardtype *type, struct selection *ret)
{
	const struct vfioadm_inventory *inv = inventory_of(m);

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
		r = propose(m, &new, NULL, "", words);
	if (r == 0 && m->p.plan->n_proposals > before) {
		m->type_sources[m->n_types] = m->at->source;
		m->types[m->n_types++] = *type;
	}
	return r;
}

/* A virtual function can be declared by its PF. */
static const struct declaration *declaration_of(const struct import *m, size_t function)
{
	const struct vfioadm_function *f = &inventory_of(m)->functions[function];
	const struct declarations *found = &m->p.d.declared.found;
	ssize_t pf = f->physfn.state == VFIOADM_KNOWN ? inventory_index(inventory_of(m), f->physfn.value) : -1;
	ssize_t at = declared_for(&m->p.d, function);

	if (at >= 0 && found->items[at].vfs.state != VFIOADM_KNOWN)
		return &found->items[at];
	at = pf >= 0 ? declared_for(&m->p.d, (size_t)pf) : -1;
	return at >= 0 && found->items[at].vfs.state == VFIOADM_KNOWN ? &found->items[at] : NULL;
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
		const struct vfioadm_function *f = &inventory_of(m)->functions[functions->items[i]];
		const struct declaration *declared = declaration_of(m, functions->items[i]);
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
		r = skip_used(m, &found);
	if (r == 0)
		r = skip_collision(m, id, &found);
	if (r == 0)
		r = propose_type(m, type, id);
	return r < 0 ? r : 0;
}

static int import_type(struct import *m)
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
		return skip_declared(m, id, declared);
	for (size_t i = 0; i < m->n_types; i++)
		if (cardtype_equal(&m->types[i], &type))
			return import_skip(m, str_format("%s is proposed already, from %s.", id, m->type_sources[i]));
	return import_used_type(m, &type, id);
}

/* ---- functions ---- */

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
	return words ? propose(m, &new, address, remark, words) : error_oom(m->err);
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
	return propose(m, &new, f->address, "", words);
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
	const struct declaration *declared = declaration_of(m, function);
	const struct selection alone = { .items = &function, .n = 1 };
	const char *type = import_type_from(m, f);
	int r;

	if (declared)
		return skip_declared(m, f->address, declared);
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
		r = skip_used(m, &alone);
	return r ? (r < 0 ? r : 0) : propose_function(m, f);
}

static int import_function(struct import *m)
{
	const char *address = m->at->what, *from = import_proposed_from(m, address);
	ssize_t function = inventory_index(inventory_of(m), address);
	const struct declaration *declared;

	if (from)
		return import_skip(m, str_format("%s is proposed already, from %s.", address, from));
	if (function >= 0)
		return import_present(m, (size_t)function);
	declared = declaration_naming(m, address);
	return declared ? skip_declared(m, address, declared) :
			  propose_by_address(m, address, "No such function was there");
}

/* What a script does is not known to anybody but its author; what matters is that it may give away functions. */
static int skip_command(struct import *m)
{
	const struct foreign_claim *c = m->at;

	if (module_command_forbids(c->what))
		return import_skip(m, str_format("modprobe runs \"%s\" in place of loading %s, so that the module is never loaded. "
					  "To give devices to VFIO, remove that line.", c->what, c->owner));
	return import_skip(m, str_format("modprobe runs \"%s\" in place of loading %s, and which devices that gives to VFIO is "
				  "not known: assign them with 'vfioadm assign --persist', then remove that line.",
				  c->what, c->owner));
}

/* ---- one after the other ---- */

static int import_claim(struct import *m)
{
	const struct foreign_claim *c = m->at;

	if (c->kind == FOREIGN_MODPROBE && modprobe_is_ours(m->p.ctx->root, c->source))
		return 0;
	if (c->kind == FOREIGN_UNREADABLE)
		return import_skip(m, str_format("It cannot be read: %s.", strerror(c->error)));
	if (is_type(c))
		return import_type(m);
	if (c->kind == FOREIGN_COMMAND)
		return skip_command(m);
	if (others_is_named(c))
		return import_skip(m, others_reason(c));
	if (!c->what)
		return import_skip(m, strdup("It is not about a PCI function."));
	if (c->kind == FOREIGN_DRIVERCTL && !driver_name_is_vfio(c->driver))
		return import_skip(m, str_format("It binds %s to %s, which is no VFIO driver.", c->what, c->driver));
	if (c->kind == FOREIGN_LIBVIRT && c->managed)
		return import_skip(m, str_format("Domain %s has %s with managed='yes': libvirt binds it itself when the domain "
					  "starts, and gives it back.", c->owner, c->what));
	return import_function(m);
}

/* Of what might be taken, and of what may have to go along with it. */
static void want_users(const struct vfioadm_inventory *inv, const struct vfioadm_function *f, bool *wanted)
{
	for (size_t i = 0; i <= f->companions.n; i++) {
		ssize_t at = inventory_index(inv, i ? f->companions.items[i - 1] : f->address);

		if (at >= 0 && !inv->functions[at].bridge)
			wanted[at] = declared_host_drives(&inv->functions[at]);
	}
}

static int look_for_users(struct import *m)
{
	const struct vfioadm_inventory *inv = inventory_of(m);
	_cleanup_free_ bool *wanted = calloc(inv->n_functions + 1, sizeof(*wanted));
	bool any = false;

	if (!wanted)
		return error_oom(m->err);
	for (size_t i = 0; i < m->claims.n; i++) {
		const struct foreign_claim *c = &m->claims.items[i];
		struct cardtype type;
		bool exact, ok = c->what && is_type(c) && cardtype_parse_parameter(c->what, &type, &exact) == 0;

		for (size_t k = 0; c->what && k < inv->n_functions; k++)
			if (ok ? cardtype_matches(&type, &inv->functions[k]) :
				 streq(c->what, inv->functions[k].address))
				want_users(inv, &inv->functions[k], wanted);
	}
	for (size_t k = 0; k < inv->n_functions; k++)
		any |= wanted[k];
	if (any && observe_uses(m->p.look->host, m->p.look->inv, wanted) < 0)
		return error_oom(m->err);
	if (check_verdicts(m->p.look->inv) < 0)
		return error_oom(m->err);
	return any && session_of(m->p.plan) ? session_try_disks(session_of(m->p.plan), m->p.look, wanted, m->err) : 0;
}

static int note_cut(struct import *m)
{
	if (!m->claims.cut)
		return 0;
	m->at = &m->claims.items[m->claims.n - 1];
	return import_skip(m, strdup("There are more settings of other tools than are looked at: import again when the sources "
			      "of these are gone."));
}

static int make_plan(struct import *m, struct vfioadm_error **err)
{
	struct vfioadm_plan *plan = m->p.plan;
	int r = 0;

	if (observe_foreign_claims(m->p.look->host, &m->claims) < 0)
		return error_oom(err);
	m->types = calloc(m->claims.n + 1, sizeof(*m->types));
	m->type_sources = calloc(m->claims.n + 1, sizeof(*m->type_sources));
	m->proposed = calloc(m->claims.n + 1, sizeof(*m->proposed));
	if (!m->types || !m->type_sources || !m->proposed)
		return error_oom(err);
	r = persist_begin(&m->p, m->claims.n, err);
	if (r == 0)
		r = look_for_users(m);
	for (size_t i = 0; r == 0 && i < m->claims.n; i++) {
		m->at = &m->claims.items[i];
		r = import_claim(m);
	}
	if (r == 0)
		r = import_complete_groups(m);
	if (r == 0)
		r = note_cut(m);
	if (r < 0)
		return r;
	plan->result = plan->n_proposals ? VFIOADM_RESULT_PLANNED : VFIOADM_RESULT_UNCHANGED;
	if (!m->p.options->persist)
		return 0;
	r = persist_modprobe(&m->p, false, err);
	return r < 0 ? r : persist_plan_changes(&m->p, err);
}

int flow_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *given, struct vfioadm_plan **ret,
		struct vfioadm_error **err)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_IMPORT);
	_cleanup_look_ struct look look = { 0 };
	struct vfioadm_options o = *given;
	CLEANUP(import_clear) struct import m = {
		.p = { .ctx = ctx, .look = &look, .options = &o, .plan = plan },
		.err = err,
	};
	int r;

	if (!plan)
		return error_oom(err);
	/* Proposals alone change nothing: they can be had for any root, and by anybody. */
	o.dry_run |= !o.persist;
	r = flow_begin_change(ctx, NULL, 0, &o, plan, &look.host, err);
	if (r == 0)
		r = observe_host(look.host, &look.inv, err);
	if (r == 0)
		r = make_plan(&m, err);
	if (r < 0)
		return r;
	if (plan->result == VFIOADM_RESULT_UNCHANGED)
		session_close(plan);
	*ret = TAKE_PTR(plan);
	return 0;
}
