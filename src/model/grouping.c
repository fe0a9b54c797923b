/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/str.h"
#include "model/grouping.h"

bool grouping_is_quirk(uint64_t vendor, uint64_t device)
{
	/* Multifunction network adapters of Intel, Solarflare, Broadcom and Amazon, by ranges of device IDs. */
	static const struct {
		uint16_t vendor, first, last;
	} quirks[] = {
		{0x1924, 0x0903, 0x0903}, {0x1924, 0x0923, 0x0923}, {0x1924, 0x0a03, 0x0a03},
		{0x8086, 0x105e, 0x1060}, {0x8086, 0x1096, 0x1098}, {0x8086, 0x10a4, 0x10a7},
		{0x8086, 0x10bc, 0x10bc}, {0x8086, 0x10c6, 0x10c9}, {0x8086, 0x10d5, 0x10da},
		{0x8086, 0x10db, 0x10dd}, {0x8086, 0x10e1, 0x10e1}, {0x8086, 0x10e6, 0x10e8},
		{0x8086, 0x10f1, 0x10f1}, {0x8086, 0x10f4, 0x10fc}, {0x8086, 0x1501, 0x1501},
		{0x8086, 0x1507, 0x1518}, {0x8086, 0x151c, 0x151c}, {0x8086, 0x1521, 0x1529},
		{0x8086, 0x152a, 0x152a}, {0x8086, 0x154d, 0x1551}, {0x8086, 0x1558, 0x1558},
		{0x14e4, 0x16d6, 0x16d7}, {0x14e4, 0x1750, 0x1752}, {0x1c36, 0x0031, 0x0031},
	};

	for (size_t i = 0; i < ARRAY_SIZE(quirks); i++)
		if (vendor == quirks[i].vendor && device >= quirks[i].first &&
		    device <= quirks[i].last)
			return true;
	return false;
}

/* ---- the rules ---- */

/* Can the function send nothing to another one past the IOMMU? */
static bool keeps_apart(const struct place *p)
{
	if (!p->pcie || p->conventional)
		return false;
	/* The kernel switches it on where it can; only what was seen to be off counts as off. */
	if (p->port)
		return p->acs != ACS_OFF;
	return !p->multifunction || p->acs == ACS_ON;
}

static bool path_keeps_apart(const struct place *places, ssize_t bridge)
{
	for (ssize_t b = bridge; b >= 0; b = places[b].parent)
		if (!keeps_apart(&places[b]))
			return false;
	return true;
}

/* A function that stands for the group: the same one for all of its members. */
static size_t standing_for(const struct vfioadm_inventory *inv, const struct place *places,
			   size_t f)
{
	size_t top = f;

	for (ssize_t b = places[f].parent; b >= 0; b = places[b].parent)
		if (places[b].conventional)
			top = (size_t)b;
	for (ssize_t b = places[top].parent; b >= 0 && !path_keeps_apart(places, b);
	     b = places[b].parent)
		top = (size_t)b;
	if (!places[top].multifunction || keeps_apart(&places[top]))
		return top;
	/* Sorted by address: the first of the device that is like it. */
	for (f = top; f > 0 && inventory_same_slot(&inv->functions[f - 1], &inv->functions[top]);
	     f--)
		if (places[f - 1].multifunction && !keeps_apart(&places[f - 1]))
			top = f - 1;
	return top;
}

/* ---- groups to come ---- */

struct member {
	size_t head, function;
};

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return x->function < y->function ? -1 : x->function > y->function;
}

/* A member has no group yet, and those that have one agree. */
static bool is_to_come(const struct vfioadm_inventory *inv, const struct member *m, size_t n)
{
	const struct vfioadm_uint *group = NULL;
	bool missing = false;

	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_function *f = &inv->functions[m[i].function];

		missing |= f->iommu_group.state == VFIOADM_UNKNOWN;
		if (f->iommu_group.state != VFIOADM_KNOWN)
			continue;
		if (group && !uint_is(&f->iommu_group, group->value))
			return false;
		group = &f->iommu_group;
	}
	return missing;
}

struct joining {
	struct vfioadm_inventory *inv;
	size_t *seen;  /* by function: number of the group to come that it was put into */
	size_t *items; /* members, by index */
	size_t n, number;
};

static void join(struct joining *j, size_t function)
{
	if (j->seen[function] == j->number)
		return;
	j->seen[function] = j->number;
	j->items[j->n++] = function;
}

static int compare_indexes(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static int set_companions(struct joining *j, size_t function)
{
	struct vfioadm_function *f = &j->inv->functions[function];
	const char **items = arena_alloc(&j->inv->arena, j->n * sizeof(*items));

	if (!items)
		return -ENOMEM;
	f->companions = (struct vfioadm_list){VFIOADM_KNOWN, 0, items};
	for (size_t i = 0; i < j->n; i++)
		if (j->items[i] != function)
			items[f->companions.n++] = j->inv->functions[j->items[i]].address;
	return 0;
}

/* All that the rules put together, and who is with one of them already. */
static int come_together(struct joining *j, const struct member *m, size_t n)
{
	j->n = 0;
	j->number++;
	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_list *there = &j->inv->functions[m[i].function].companions;

		join(j, m[i].function);
		for (size_t k = 0; k < there->n; k++) {
			ssize_t other = inventory_index(j->inv, there->items[k]);

			if (other >= 0)
				join(j, (size_t)other);
		}
	}
	if (j->n < 2)
		return 0;
	qsort(j->items, j->n, sizeof(*j->items), compare_indexes);
	for (size_t i = 0; i < j->n; i++)
		if (set_companions(j, j->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

int grouping_predict(struct vfioadm_inventory *inv, const struct place *places)
{
	_cleanup_free_ struct member *members = calloc(inv->n_functions + 1, sizeof(*members));
	_cleanup_free_ size_t *seen = calloc(inv->n_functions + 1, sizeof(*seen));
	_cleanup_free_ size_t *items = calloc(inv->n_functions + 1, sizeof(*items));
	struct joining j = {.inv = inv, .seen = seen, .items = items};

	if (!members || !seen || !items)
		return -ENOMEM;
	for (size_t i = 0; i < inv->n_functions; i++)
		members[i] = (struct member){standing_for(inv, places, i), i};
	qsort(members, inv->n_functions, sizeof(*members), compare_members);
	for (size_t i = 0, n; i < inv->n_functions; i += n) {
		for (n = 1; i + n < inv->n_functions && members[i + n].head == members[i].head; n++)
			;
		if (is_to_come(inv, &members[i], n) && come_together(&j, &members[i], n) < 0)
			return -ENOMEM;
	}
	return 0;
}
