/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarations that share an IOMMU group. A group goes to VFIO as a whole, so what they declare is one transaction:
 * each alone would be refused because of the other.
 */
#include "base/error.h"
#include "flow/declared.h"
#include "flow/virtual.h"

/* Which declaration was first to move something of a group, and which function. */
struct first_mover {
	bool known;
	size_t declaration, function;
};

static size_t first_of(size_t *team, size_t i)
{
	while (team[i] != i) {
		team[i] = team[team[i]];
		i = team[i];
	}
	return i;
}

static void join(size_t *team, size_t a, size_t b)
{
	a = first_of(team, a);
	b = first_of(team, b);
	if (a < b)
		team[b] = a;
	else
		team[a] = b;
}

/* The first function of a group stands for all of it. */
static size_t group_of(const struct look *look, size_t function)
{
	const struct vfioadm_function *f = &look->inv->functions[function];
	size_t first = function;

	for (size_t i = 0; i < f->companions.n; i++) {
		ssize_t other = inventory_index(look->inv, f->companions.items[i]);

		if (other >= 0 && (size_t)other < first)
			first = (size_t)other;
	}
	return first;
}

/* What a declaration moves; where it cannot be told which function it means, those that keep their group from VFIO. */
static int find_moved(const struct look *look, const struct declaration *d, const struct match *m,
		      struct selection *ret)
{
	int r = 0;

	if (d->match[MATCH_CARD_TYPE])
		return 0;
	if (m->outcome == MATCH_FOUND)
		return d->vfs.state == VFIOADM_KNOWN ? virtual_functions(look, m, ret) :
						       declared_functions(look, d, m, ret);
	for (size_t i = 0; r == 0 && i < m->functions.n; i++)
		if (declared_host_drives(&look->inv->functions[m->functions.items[i]]))
			r = selection_add(ret, m->functions.items[i]);
	return r;
}

/* Two that mean the very same function: neither is applied, which is another matter. */
static bool contradict(const struct declared_look *d, size_t a, size_t b, size_t function)
{
	return a != b && selection_has(&d->matches[a].functions, function) &&
	       selection_has(&d->matches[b].functions, function);
}

static int add_moved(const struct look *look, const struct declared_look *d, size_t i, struct first_mover *movers,
		     size_t *team)
{
	_cleanup_selection_ struct selection moved = { 0 };

	if (find_moved(look, &d->declared.found.items[i], &d->matches[i], &moved) < 0)
		return -ENOMEM;
	for (size_t k = 0; k < moved.n; k++) {
		struct first_mover *first = &movers[group_of(look, moved.items[k])];

		if (!first->known)
			*first = (struct first_mover){ true, i, moved.items[k] };
		else if (first->function != moved.items[k] ||
			 !contradict(d, first->declaration, i, moved.items[k]))
			join(team, first->declaration, i);
	}
	return 0;
}

int declared_teams(const struct look *look, const struct declared_look *d, size_t **ret)
{
	size_t n = d->matches ? d->declared.found.n : 0;
	_cleanup_free_ struct first_mover *movers = calloc(look->inv->n_functions + 1, sizeof(*movers));
	_cleanup_free_ size_t *team = calloc(n + 1, sizeof(*team));
	int r = movers && team ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		team[i] = i;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_moved(look, d, i, movers, team);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		team[i] = first_of(team, i);
	*ret = TAKE_PTR(team);
	return 0;
}

const struct declaration *declared_mate(const struct declared_look *d, const size_t *team, size_t i)
{
	for (size_t k = 0; k < d->declared.found.n; k++)
		if (k != i && team[k] == team[i])
			return &d->declared.found.items[k];
	return NULL;
}
