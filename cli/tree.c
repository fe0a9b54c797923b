/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "list.h"
#include "table.h"

/* ---- the topology ------------------------------------------------------------------------------ */

/* The function that this one is plugged into: the PF of a VF, else the bridge above. NULL: none. */
static const struct vfioadm_function *parent_of(const struct vfioadm_inventory *inventory,
						const struct vfioadm_function *f)
{
	const char *slash;
	size_t len;

	if (f->physfn.state == VFIOADM_KNOWN)
		return vfioadm_inventory_find(inventory, f->physfn.value);
	if (f->path.state != VFIOADM_KNOWN)
		return NULL;
	slash = strrchr(f->path.value, '/');
	len = slash ? (size_t)(slash - f->path.value) : 0;
	for (size_t i = 0; len && i < vfioadm_inventory_n_functions(inventory); i++) {
		const struct vfioadm_function *p = vfioadm_inventory_function(inventory, i);

		if ((p->bridge || p->domain != f->domain) && p->path.state == VFIOADM_KNOWN &&
		    strncmp(p->path.value, f->path.value, len) == 0 && !p->path.value[len])
			return p;
	}
	return NULL;
}

enum { MAX_DEPTH = 64 };

struct tree {
	struct cli *cli;
	const struct vfioadm_inventory *inventory;
	struct libscols_table *table;
	const struct field *columns[LIST_MAX_COLUMNS];
	size_t n_columns, n;
	const struct vfioadm_function **parents; /* by index */
	bool *wanted;				 /* by index: listed, or holds something that is */
};

static int add_children(struct tree *t, const struct vfioadm_function *parent,
			struct libscols_line *parent_line)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(t->inventory, i);
		struct libscols_line *line;
		int r;

		if (t->parents[i] != parent || !t->wanted[i])
			continue;
		r = table_add_function(t->cli, t->table, parent_line, t->columns, t->n_columns, f,
				       &line);
		if (r >= 0)
			r = add_children(t, f, line);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A bridge is shown where something listed is below it, and with --all anyway. */
static bool holds_listed(const struct tree *t, const struct vfioadm_function *f, unsigned depth)
{
	if (list_includes(t->cli, f))
		return true;
	for (size_t i = 0; depth < MAX_DEPTH && i < t->n; i++) {
		if (t->parents[i] == f &&
		    holds_listed(t, vfioadm_inventory_function(t->inventory, i), depth + 1))
			return true;
	}
	return false;
}

/* A root may claim that two functions are each other's parent: in a circle nobody would be listed. */
static void cut_circles(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct vfioadm_function *p = t->parents[i];

		for (unsigned depth = 0; p && depth < MAX_DEPTH; depth++)
			p = parent_of(t->inventory, p);
		if (p)
			t->parents[i] = NULL;
	}
}

static int fill_topology(struct tree *t)
{
	int r;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
	t->parents = calloc(t->n + 1, sizeof(*t->parents));
	t->wanted = calloc(t->n + 1, sizeof(*t->wanted));
	if (!t->parents || !t->wanted) {
		r = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < t->n; i++)
		t->parents[i] =
			parent_of(t->inventory, vfioadm_inventory_function(t->inventory, i));
	cut_circles(t);
	for (size_t i = 0; i < t->n; i++)
		t->wanted[i] = holds_listed(t, vfioadm_inventory_function(t->inventory, i), 0);
	r = add_children(t, NULL, NULL);
out:
	free(t->parents);
	free(t->wanted);
	return r;
}

/* ---- groups ------------------------------------------------------------------------------------ */

static bool same_group(const struct vfioadm_function *a, const struct vfioadm_function *b)
{
	if (a->iommu_group.state != b->iommu_group.state)
		return false;
	return a->iommu_group.state != VFIOADM_KNOWN ||
	       a->iommu_group.value == b->iommu_group.value;
}

static char *group_title(const struct vfioadm_function *f)
{
	struct text t = {};

	if (f->iommu_group.state == VFIOADM_KNOWN)
		text_addf(&t, "group %" PRIu64, f->iommu_group.value);
	else
		text_addf(&t, "%s",
			  f->iommu_group.state == VFIOADM_NONE ? "no group" : "group unknown");
	return text_take(&t);
}

static int add_group(struct tree *t, const struct vfioadm_function *first)
{
	struct libscols_line *title = scols_table_new_line(t->table, NULL);
	int r;

	if (!title)
		return -ENOMEM;
	r = table_set(t->cli, title, 0, group_title(first), COLOR_HEAD);
	for (size_t i = 0; i < t->n && r >= 0; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(t->inventory, i);

		if (list_includes(t->cli, f) && same_group(f, first))
			r = table_add_function(t->cli, t->table, title, t->columns, t->n_columns, f,
					       NULL);
	}
	return r;
}

/* Groups in the order of their numbers; functions without one come last. */
static const struct vfioadm_function *next_group(const struct tree *t,
						 const struct vfioadm_function *last)
{
	const struct vfioadm_function *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(t->inventory, i);
		enum vfioadm_state state = f->iommu_group.state;

		if (!list_includes(t->cli, f))
			continue;
		/* KNOWN > NONE > UNKNOWN, and by number among the known. */
		if (last &&
		    (state > last->iommu_group.state ||
		     (state == last->iommu_group.state &&
		      (state != VFIOADM_KNOWN || f->iommu_group.value <= last->iommu_group.value))))
			continue;
		if (!best || state > best->iommu_group.state ||
		    (state == best->iommu_group.state && state == VFIOADM_KNOWN &&
		     f->iommu_group.value < best->iommu_group.value))
			best = f;
	}
	return best;
}

static int fill_groups(struct tree *t)
{
	const struct vfioadm_function *first = NULL;
	int r = 0;

	while (r >= 0 && (first = next_group(t, first)))
		r = add_group(t, first);
	return r;
}

int list_tree(struct cli *cli, const struct vfioadm_inventory *inventory)
{
	struct tree t = {.cli = cli, .inventory = inventory};
	_cleanup_table_ struct libscols_table *table = NULL;
	int status, r = 0;

	status = list_columns(cli, inventory, t.columns, &t.n_columns);
	if (status)
		return status;
	t.n = vfioadm_inventory_n_functions(inventory);
	t.table = table = table_new(cli);
	if (!table)
		return cli_oom(cli);
	for (size_t i = 0; i < t.n_columns && r >= 0; i++)
		r = table_add_column(table, t.columns[i], i == 0);
	if (r >= 0)
		r = cli->tree == TREE_GROUPS ? fill_groups(&t) : fill_topology(&t);
	if (r >= 0 && scols_table_get_nlines(table))
		r = table_print(table);
	return r == -ENOMEM ? cli_oom(cli) : VFIOADM_EXIT_DONE;
}
