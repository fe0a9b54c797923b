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
	const struct vfioadm_inventory *inv = import_inventory(m);
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
