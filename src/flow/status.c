/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: each declaration beside the host, in one sentence. */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
#include "flow/persist.h"
#include "flow/status.h"

const char *vfioadm_declared_state_name(enum vfioadm_declared_state state)
{
	static const char *const names[] = {
		[VFIOADM_DECLARED_IN_FORCE] = "in-force",   [VFIOADM_DECLARED_DIFFERS] = "differs",
		[VFIOADM_DECLARED_HELD] = "held",	    [VFIOADM_DECLARED_MISSING] = "missing",
		[VFIOADM_DECLARED_FOREIGN] = "foreign",	    [VFIOADM_DECLARED_AMBIGUOUS] = "ambiguous",
		[VFIOADM_DECLARED_UNCERTAIN] = "uncertain", [VFIOADM_DECLARED_INVALID] = "invalid",
	};

	return (size_t)state < ARRAY_SIZE(names) && names[state] ? names[state] : "unknown";
}

void vfioadm_status_free(struct vfioadm_status *status)
{
	if (!status)
		return;
	arena_free(&status->arena);
	free(status->items);
	free(status);
}

void status_free_p(struct vfioadm_status **status)
{
	vfioadm_status_free(*status);
}

size_t vfioadm_status_n(const struct vfioadm_status *status)
{
	return status->n;
}

const struct vfioadm_declared *vfioadm_status_item(const struct vfioadm_status *status, size_t i)
{
	return i < status->n ? &status->items[i] : NULL;
}

bool vfioadm_status_drift(const struct vfioadm_status *status)
{
	for (size_t i = 0; i < status->n; i++)
		if (status->items[i].state != VFIOADM_DECLARED_IN_FORCE)
			return true;
	return false;
}

bool vfioadm_status_outdated(const struct vfioadm_status *status)
{
	return status->outdated;
}

static int add_problem(struct vfioadm_status *status, const struct declared_problem *p)
{
	struct vfioadm_declared *item = &status->items[status->n++];
	const char *hint = vfioadm_error_hint(p->error);

	*item = (struct vfioadm_declared){ .state = VFIOADM_DECLARED_INVALID };
	item->name = arena_strdup(&status->arena, p->name);
	item->file = arena_strdup(&status->arena, p->file);
	item->message = arena_strdup(&status->arena, vfioadm_error_message(p->error));
	item->hint = hint ? arena_strdup(&status->arena, hint) : NULL;
	return item->name && item->file && item->message ? 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct vfioadm_declared *)a)->name, ((const struct vfioadm_declared *)b)->name);
}

/* Two files about one function or one node: neither can be followed without breaking the other. */
static int mark_conflict(struct vfioadm_status *status, const struct look *look, const struct declared_look *d,
			 size_t i)
{
	struct vfioadm_declared *item = &status->items[i];
	size_t f;
	ssize_t rival = declared_rival(d, i, &f);
	ssize_t owner = rival < 0 ? nodes_rival(look, d, i, &f) : -1;

	if (rival >= 0) {
		item->message = arena_format(&status->arena, "%s is declared by %s as well.",
					     look->inv->functions[f].address, d->declared.found.items[rival].file);
		item->hint = "Remove one of the two files.";
	} else if (owner >= 0) {
		item->message = arena_format(&status->arena,
					     "The VFIO node of the IOMMU group of %s gets another owner from %s.",
					     look->inv->functions[f].address, d->declared.found.items[owner].file);
		item->hint = "A group has one node and goes to one guest: say the same in [Node] of both files.";
	} else {
		return 0;
	}
	item->state = VFIOADM_DECLARED_AMBIGUOUS;
	item->in_initramfs = false;
	return item->message ? 0 : -ENOMEM;
}

/* The names of those that are applied with it; and none goes into an initramfs without the others. */
static int stand_together(struct vfioadm_status *status, const struct declared_look *d, const size_t *team, size_t i)
{
	struct vfioadm_declared *item = &status->items[i];
	const char **names;
	size_t n = 0;

	for (size_t k = 0; k < d->declared.found.n; k++)
		n += k != i && team[k] == team[i];
	if (!n)
		return 0;
	names = arena_alloc(&status->arena, n * sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t k = 0; k < d->declared.found.n; k++)
		if (k != i && team[k] == team[i])
			names[item->n_together++] = status->items[k].name;
	item->together = names;
	return 0;
}

static int stand_teams(struct vfioadm_status *status, const struct look *look, const struct declared_look *d)
{
	_cleanup_free_ size_t *team = NULL;
	_cleanup_free_ bool *kept_out = calloc(d->declared.found.n + 1, sizeof(*kept_out));
	int r = kept_out ? declared_teams(look, d, &team) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < d->declared.found.n; i++) {
		kept_out[team[i]] |= !status->items[i].in_initramfs;
		r = stand_together(status, d, team, i);
	}
	for (size_t i = 0; r == 0 && i < d->declared.found.n; i++)
		status->items[i].in_initramfs &= !kept_out[team[i]];
	return r;
}

static int fill(struct vfioadm_ctx *ctx, struct look *look, const struct declared_look *d,
		const struct enabled_ids *enabled, struct vfioadm_status *status)
{
	const struct declarations *found = &d->declared.found;
	int r = 0;

	status->items = calloc(found->n + d->declared.n_problems + 1, sizeof(*status->items));
	if (!status->items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < found->n; i++) {
		struct standing s = { ctx, look, &found->items[i], &d->matches[i], enabled, &status->arena,
				      &status->items[status->n++] };

		r = status_stand(&s);
		if (r == 0)
			r = mark_conflict(status, look, d, i);
	}
	if (r == 0)
		r = stand_teams(status, look, d);
	for (size_t i = 0; r == 0 && i < d->declared.n_problems; i++)
		r = add_problem(status, &d->declared.problems[i]);
	qsort(status->items, status->n, sizeof(*status->items), compare_names);
	return r;
}

/* Where there is no PCI bus (a container, a root that is being made) the files can be read all the same. */
static int look_at_host(struct look *look, struct vfioadm_error **err)
{
	struct vfioadm_error *error = NULL;
	int r = observe_host(look->host, &look->inv, &error);

	if (r < 0 && vfioadm_error_code(error) == VFIOADM_E_NO_PCI) {
		vfioadm_error_free(error);
		look->inv = inventory_new();
		return look->inv && inventory_finish(look->inv) == 0 ? 0 : error_oom(err);
	}
	if (r < 0 && err)
		*err = error;
	else
		vfioadm_error_free(error);
	return r;
}

int flow_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret, struct vfioadm_error **err)
{
	_cleanup_look_ struct look look = { 0 };
	_cleanup_declared_look_ struct declared_look d = { 0 };
	_cleanup_enabled_ids_ struct enabled_ids enabled = { 0 };
	_cleanup_status_ struct vfioadm_status *status = calloc(1, sizeof(*status));
	int r;

	if (!status)
		return error_oom(err);
	r = ctx_host(ctx, &look.host, err);

	if (r == 0)
		r = look_at_host(&look, err);
	if (r == 0)
		r = declared_look(ctx, &look, &d, err);
	if (r == 0 && declared_users(&look, &d) < 0)
		r = error_oom(err);
	if (r == 0 && look.host->live)
		r = flow_recorded_types(ctx, &enabled, err);
	if (r < 0)
		return r;
	if (fill(ctx, &look, &d, &enabled, status) < 0)
		return error_oom(err);
	r = ctx->root && look.host->live ? persist_is_outdated(ctx, true, &d.declared) : 0;
	if (r == -ENOMEM)
		return error_oom(err);
	status->outdated = r > 0;
	*ret = TAKE_PTR(status);
	return 0;
}
