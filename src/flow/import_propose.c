/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: what becomes of one setting of another tool: a proposal, or the reason why there is none. */
#include <string.h>

#include "base/error.h"
#include "flow/import.h"
#include "flow/import_others.h"

/* ---- what is not imported ---- */

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
int import_skip_used(struct import *m, const struct selection *functions)
{
	const struct vfioadm_function *f;
	const struct vfioadm_user *user = selection_in_use(m->p.look, functions, &f);
	/* A user without the permission to look still gets the list of what there is. */
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
		return driverctl_hint(&m->claims, m->at, name, inventory_index(import_inventory(m), m->at->what) >= 0);
	case FOREIGN_MODULES:
	case FOREIGN_UNRAID:
		return others_hint(m->at);
	default:
		return NULL;
	}
}

int import_skip_declared(struct import *m, const char *what, const struct declaration *d)
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

int import_propose(struct import *m, const struct declaration *d, const char *device, const char *remark,
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
