/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is imported must be such that apply can do it. Other tools move single functions, and leave the rest of an IOMMU
 * group with the host: then no guest could open them, and nothing would claim them at boot.
 */
#include <string.h>

#include "base/error.h"
#include "flow/import.h"
#include "policy/driver.h"

static bool is_set_aside(const struct import *m, const struct vfioadm_function *f)
{
	for (size_t i = 0; f->driver.state == VFIOADM_NONE && i < m->claims.n; i++) {
		const struct foreign_claim *c = &m->claims.items[i];

		/* driverctl keeps it without a driver at the next boot as well. */
		if (c->kind == FOREIGN_DRIVERCTL && streq_null(c->what, f->address) && streq_null(c->driver, "none"))
			return true;
	}
	return false;
}

/* With one that takes its whole group along. */
static bool goes_with_group(const struct import *m, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < m->p.plan->n_proposals; i++) {
		const char *device = m->p.plan->proposals[i].device;

		for (size_t k = 0; m->proposed[i].d.whole_group && k < f->companions.n; k++)
			if (streq_null(device, f->companions.items[k]))
				return true;
	}
	return false;
}

static bool goes_along(const struct import *m, size_t function)
{
	const struct vfioadm_function *f = &m->p.look->inv->functions[function];

	return declared_of(m->p.look, &m->p.d, function) >= 0 || import_proposed_from(m, f->address) ||
	       import_type_from(m, f) || goes_with_group(m, f);
}

/* At the next boot: what has a VFIO driver now and is not declared has its host driver then. */
static int stays_with_host(struct import *m, size_t function, bool *ret)
{
	struct vfioadm_function *f = &m->p.look->inv->functions[function];

	*ret = false;
	if (f->bridge || goes_along(m, function) || is_set_aside(m, f))
		return 0;
	if (declared_host_drives(f)) {
		*ret = !check_leaves_group_viable(f);
		return 0;
	}
	if (observe_function(m->p.look->host, m->p.look->inv, f, VFIOADM_FACET_DRIVERS & ~f->facets) < 0)
		return -ENOMEM;
	*ret = driver_choose_native(f);
	return 0;
}

/* The companions that keep the group for the host. */
static int find_staying(struct import *m, const struct vfioadm_function *f, struct selection *ret)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		ssize_t other = inventory_index(m->p.look->inv, f->companions.items[i]);
		bool stays;

		if (other < 0 || inventory_vmd_of(m->p.look->inv, &m->p.look->inv->functions[other]) == f)
			continue;
		if (stays_with_host(m, (size_t)other, &stays) < 0 || (stays && selection_add(ret, (size_t)other) < 0))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the whole group ---- */

static struct declare_change *change_of(struct import *m, const char *name)
{
	for (size_t i = 0; i < m->p.n_changes; i++)
		if (streq(m->p.changes[i].name, name))
			return &m->p.changes[i];
	return NULL;
}

static void say_along(const struct import *m, const struct selection *staying, struct strbuf *out)
{
	strbuf_addf(out, "# The other functions of its IOMMU group go along, else no guest could open it:\n#");
	for (size_t i = 0; i < staying->n; i++) {
		const struct vfioadm_function *f = &m->p.look->inv->functions[staying->items[i]];

		strbuf_addf(out, " %s", f->address);
	}
	strbuf_addf(out, "\n");
}

static int take_whole_group(struct import *m, size_t at, const struct selection *staying)
{
	struct vfioadm_proposal *proposal = &m->p.plan->proposals[at];
	struct declare_change *change = change_of(m, proposal->name);
	_cleanup_strbuf_ struct strbuf text = { 0 }, remark = { 0 };

	m->proposed[at].d.whole_group = true;
	strbuf_addf(&remark, "%s", m->proposed[at].remark);
	say_along(m, staying, &remark);
	if (remark.failed)
		return -ENOMEM;
	import_format(proposal->source, &m->proposed[at].d, remark.s, &text);
	if (text.failed)
		return -ENOMEM;
	proposal->text = arena_strdup(&m->p.plan->arena, text.s);
	if (change) {
		change->after = proposal->text;
		change->text = arena_format(&m->p.plan->arena, "%s, with its whole IOMMU group", change->text);
	}
	for (size_t i = 0; i < staying->n; i++)
		if (persist_add_modules(&m->p, &m->p.look->inv->functions[staying->items[i]]) < 0)
			return -ENOMEM;
	return m->p.plan->arena.failed ? -ENOMEM : 0;
}

/* ---- or none of it ---- */

static void withdraw(struct import *m, size_t at)
{
	struct vfioadm_plan *plan = m->p.plan;
	const char *name = plan->proposals[at].name;
	size_t behind = plan->n_proposals - at - 1, kept = 0;

	for (size_t i = 0; i < m->p.n_changes; i++)
		if (!streq(m->p.changes[i].name, name))
			m->p.changes[kept++] = m->p.changes[i];
	m->p.n_changes = kept;
	memmove(&plan->proposals[at], &plan->proposals[at + 1], behind * sizeof(*plan->proposals));
	memmove(&m->proposed[at], &m->proposed[at + 1], behind * sizeof(*m->proposed));
	plan->n_proposals--;
}

/* One that can never leave the host. NULL: none. -ENOMEM. */
static int find_unfit(struct import *m, const struct selection *staying, const struct vfioadm_function **ret,
		      const char **ret_why)
{
	struct vfioadm_inventory *inv = m->p.look->inv;

	*ret_why = NULL;
	for (size_t i = 0; !*ret_why && i < staying->n; i++) {
		struct vfioadm_function *f = &inv->functions[staying->items[i]];

		if (observe_function(m->p.look->host, inv, f, VFIOADM_FACET_DETAIL & ~f->facets) < 0)
			return -ENOMEM;
		*ret_why = check_fits_nobody(inv, f);
		*ret = f;
	}
	return 0;
}

/* Why the companions cannot go along; NULL: they can. */
static int find_obstacle(struct import *m, const struct vfioadm_function *f, const struct selection *staying, char **ret)
{
	const struct vfioadm_function *bridge = check_blocking_bridge(m->p.look->inv, f), *used, *unfit;
	const struct vfioadm_user *user = selection_in_use(m->p.look, staying, &used);
	const char *why;

	*ret = NULL;
	if (find_unfit(m, staying, &unfit, &why) < 0)
		return -ENOMEM;
	if (!bridge && why) {
		*ret = str_format("%s shares IOMMU group %llu with %s, which cannot be assigned (%s), so that no guest "
				  "could open it.",
				  f->address, (unsigned long long)f->iommu_group.value, unfit->address, why);
		return *ret ? 0 : -ENOMEM;
	}
	if (!bridge && !user)
		return 0;
	*ret = bridge ? str_format("%s shares IOMMU group %llu with %s (%s), which stays with the host: no guest could open "
				   "it.",
				   f->address, (unsigned long long)f->iommu_group.value, bridge->address,
				   bridge->driver.state == VFIOADM_KNOWN ? bridge->driver.value : "no driver") :
			str_format("%s shares IOMMU group %llu with %s, which the host uses (%s %s), so that no guest could "
				   "open it.",
				   f->address, (unsigned long long)f->iommu_group.value, used->address,
				   user->what ? user->what : user->code, user->why ? user->why : "");
	return *ret ? 0 : -ENOMEM;
}

/* 1: it was withdrawn, which may keep others from VFIO. */
static int complete_group(struct import *m, size_t at, const struct vfioadm_function *f)
{
	_cleanup_selection_ struct selection staying = { 0 };
	const struct foreign_claim about = { .source = m->p.plan->proposals[at].source };
	char *obstacle;
	int r;

	if (find_staying(m, f, &staying) < 0 || find_obstacle(m, f, &staying, &obstacle) < 0)
		return error_oom(m->err);
	if (!obstacle)
		return staying.n && take_whole_group(m, at, &staying) < 0 ? error_oom(m->err) : 0;
	withdraw(m, at);
	m->at = &about;
	r = import_skip(m, obstacle);
	m->at = NULL;
	return r < 0 ? r : 1;
}

static int complete_all(struct import *m)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->p.plan->n_proposals; i++) {
		const char *device = m->p.plan->proposals[i].device;
		const struct vfioadm_function *f = device ? vfioadm_inventory_find(m->p.look->inv, device) : NULL;

		if (f && !m->proposed[i].d.whole_group)
			r = complete_group(m, i, f);
	}
	return r;
}

/* ---- card types ---- */

/* "0000:01:00.2 (xhci_hcd), 0000:01:00.3 (nvidia-gpu)" */
static void name_staying(const struct import *m, const struct selection *staying, struct strbuf *out)
{
	for (size_t i = 0; i < staying->n; i++) {
		const struct vfioadm_function *f = &m->p.look->inv->functions[staying->items[i]];

		strbuf_addf(out, "%s%s", i ? ", " : "", f->address);
		if (f->driver.state == VFIOADM_KNOWN)
			strbuf_addf(out, " (%s)", f->driver.value);
	}
}

static int remark_function(struct import *m, const struct vfioadm_function *f, struct strbuf *remark)
{
	_cleanup_selection_ struct selection staying = { 0 };
	_cleanup_free_ char *obstacle = NULL;

	if (find_staying(m, f, &staying) < 0 || find_obstacle(m, f, &staying, &obstacle) < 0)
		return -ENOMEM;
	if (obstacle) {
		strbuf_addf(remark, "# %s\n", obstacle);
	} else if (staying.n) {
		strbuf_addf(remark, "# No guest can open %s while the host has these of its IOMMU group:\n# ", f->address);
		name_staying(m, &staying, remark);
		strbuf_addf(remark, ".\n# To declare them as well: vfioadm assign --persist --group %s\n", f->address);
	}
	return remark->failed ? -ENOMEM : 0;
}

/* A card type takes no group along: which members stay with the host is written beside it. */
static int remark_type(struct import *m, size_t at)
{
	const struct vfioadm_inventory *inv = m->p.look->inv;
	struct vfioadm_proposal *proposal = &m->p.plan->proposals[at];
	struct declare_change *change = change_of(m, proposal->name);
	_cleanup_strbuf_ struct strbuf text = { 0 }, remark = { 0 };

	for (size_t i = 0; i < inv->n_functions; i++) {
		const struct vfioadm_function *f = &inv->functions[i];

		if (cardtype_matches(&m->proposed[at].d.type, f) && !inventory_never_taken(f) &&
		    remark_function(m, f, &remark) < 0)
			return -ENOMEM;
	}
	if (!remark.s)
		return 0;
	import_format(proposal->source, &m->proposed[at].d, remark.s, &text);
	if (text.failed)
		return -ENOMEM;
	proposal->text = arena_strdup(&m->p.plan->arena, text.s);
	if (change)
		change->after = proposal->text;
	return m->p.plan->arena.failed ? -ENOMEM : 0;
}

int import_complete_groups(struct import *m)
{
	int r;

	do
		r = complete_all(m);
	while (r > 0);
	for (size_t i = 0; r == 0 && i < m->p.plan->n_proposals; i++)
		if (m->proposed[i].d.match[MATCH_CARD_TYPE] && remark_type(m, i) < 0)
			return error_oom(m->err);
	return r;
}
