/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A physical function whose virtual functions are declared: how many there are, and whose. */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
#include "flow/status.h"
#include "flow/virtual.h"

static const struct vfioadm_function *pf_of(const struct look *look, const struct match *m)
{
	return &look->inv->functions[m->functions.items[0]];
}

/* Counted by their links: the file that says it takes the device's lock. */
static size_t count_virtual(const struct look *look, const char *pf)
{
	size_t n = 0;

	for (size_t i = 0; i < look->inv->n_functions; i++)
		n += str_is(&look->inv->functions[i].physfn, pf);
	return n;
}

static int find_other_owner(struct look *look, const struct declaration *d, const struct selection *all, char **ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && !*ret && i < all->n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[all->items[i]];

		if (match_has_driver(d, f))
			r = nodes_differ(look, d, f, ret);
	}
	return r;
}

/* Those that are not where they belong, and the first of them that waits for nothing but to be assigned. */
struct elsewhere {
	size_t n, n_held;
	const char *held;
};

static struct elsewhere count_elsewhere(const struct vfioadm_ctx *ctx, const struct look *look,
					const struct declaration *d, const struct selection *all)
{
	struct elsewhere e = { 0 };

	for (size_t i = 0; i < all->n; i++) {
		const struct vfioadm_function *f = &look->inv->functions[all->items[i]];

		if (match_has_driver(d, f))
			continue;
		e.n++;
		if (!declared_is_held(ctx, look, f))
			continue;
		e.n_held++;
		e.held = e.held ? e.held : f->address;
	}
	return e;
}

int virtual_functions(const struct look *look, const struct match *m, struct selection *ret)
{
	const char *pf = pf_of(look, m)->address;
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->inv->n_functions; i++)
		if (str_is(&look->inv->functions[i].physfn, pf))
			r = selection_add(ret, i);
	return r;
}

static const char *held_words(struct arena *arena, const struct elsewhere *e)
{
	if (e->n_held == 1)
		return arena_format(arena, "%s was released, and is", e->held);
	return arena_format(arena, "%s and %zu other%s were released, and are", e->held, e->n_held - 1,
			    e->n_held == 2 ? "" : "s");
}

static const char *words_for(struct arena *arena, const struct declaration *d, const char *pf, size_t n,
			     const struct elsewhere *e, const char *node)
{
	const char *driver = d->driver ? d->driver : "a VFIO driver", *s = n == 1 ? "" : "s";

	if (n != d->vfs.value)
		return arena_format(arena, "%s has %zu virtual function%s, and should have %u.", pf, n, s,
				    (unsigned)d->vfs.value);
	if (node)
		return arena_format(arena, "%s has %zu virtual function%s, and %s has another owner or mode than [Node] "
					   "says.", pf, n, s, node);
	if (!e->n)
		return arena_format(arena, "%s has %zu virtual function%s, on %s.", pf, n, s, driver);
	if (e->n > e->n_held)
		return arena_format(arena, "%s has %zu virtual function%s, %zu of them not on %s.", pf, n, s, e->n, driver);
	return arena_format(arena, "%s has %zu virtual function%s; %s left alone until assigned or the host boots.", pf,
			    n, s, held_words(arena, e));
}

int stand_virtual(struct vfioadm_ctx *ctx, struct look *look, const struct declaration *d, const struct match *m,
		  struct arena *arena, struct vfioadm_declared *item)
{
	_cleanup_selection_ struct selection all = { 0 };
	_cleanup_free_ char *node = NULL;
	struct elsewhere e;
	bool complete;

	if (virtual_functions(look, m, &all) < 0)
		return -ENOMEM;
	e = count_elsewhere(ctx, look, d, &all);
	if (e.n == e.n_held && find_other_owner(look, d, &all, &node) < 0)
		return -ENOMEM;
	complete = all.n == d->vfs.value && !node;
	item->message = words_for(arena, d, pf_of(look, m)->address, all.n, &e, node);
	item->state = complete && !e.n		? VFIOADM_DECLARED_IN_FORCE :
		      complete && e.n == e.n_held ? VFIOADM_DECLARED_HELD :
						    VFIOADM_DECLARED_DIFFERS;
	if (item->state == VFIOADM_DECLARED_DIFFERS)
		item->hint = DECLARED_DIFFERS_HINT;
	if (item->state == VFIOADM_DECLARED_HELD)
		item->hint = DECLARED_HELD_HINT;
	for (size_t i = 0; i < all.n && item->state == VFIOADM_DECLARED_IN_FORCE; i++)
		if (status_openable(look, &look->inv->functions[all.items[i]], arena, item) < 0)
			return -ENOMEM;
	return item->message ? 0 : -ENOMEM;
}

static int fail_other_number(const struct vfioadm_function *pf, size_t n, unsigned wanted,
			     struct vfioadm_error **err)
{
	error_set(err, -EBUSY, VFIOADM_E_REFUSED,
		  "%s has %zu virtual functions, %u are declared, and the kernel changes the number only from 0.",
		  pf->address, n, wanted);
	error_device(err, pf->address);
	error_hint(err, "Stop what uses them and remove them (echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs), or "
			"declare as many as there are.",
		   pf->address);
	return -EBUSY;
}

static int fail_too_many(const struct vfioadm_function *pf, unsigned wanted, struct vfioadm_error **err)
{
	error_set(err, -ERANGE, VFIOADM_E_CONFIG, "%s can have %u virtual functions, and %u are declared.",
		  pf->address, (unsigned)pf->sriov_totalvfs.value, wanted);
	error_device(err, pf->address);
	error_hint(err, "Declare fewer, or raise the number in the card's firmware settings.");
	return -ERANGE;
}

static int fail_no_host_driver(const struct vfioadm_function *pf, struct vfioadm_error **err)
{
	error_set(err, -EBUSY, VFIOADM_E_REFUSED,
		  "%s has %s, so nothing on the host can give it virtual functions.", pf->address,
		  uint_is(&pf->vfio, 1) ? "a VFIO driver" : "no driver");
	error_device(err, pf->address);
	error_hint(err, "Give it back to its host driver first ('vfioadm release').");
	return -EBUSY;
}

static int check_pf(const struct look *look, const struct vfioadm_function *pf, const struct declaration *d,
		    struct vfioadm_error **err)
{
	size_t n = count_virtual(look, pf->address);
	unsigned wanted = (unsigned)d->vfs.value;

	if (n)
		return fail_other_number(pf, n, wanted, err);
	if (pf->driver.state != VFIOADM_KNOWN || uint_is(&pf->vfio, 1))
		return fail_no_host_driver(pf, err);
	if (pf->sriov_totalvfs.state == VFIOADM_KNOWN && pf->sriov_totalvfs.value < wanted)
		return fail_too_many(pf, wanted, err);
	if (pf->sriov_totalvfs.state == VFIOADM_KNOWN)
		return 0;
	error_set(err, -ENOTSUP, VFIOADM_E_CONFIG, "%s is not a physical function of an SR-IOV card.", pf->address);
	error_device(err, pf->address);
	error_hint(err, "Remove [SR-IOV] from %s, or switch SR-IOV on in the firmware.", d->file);
	return -ENOTSUP;
}

static struct op number_op(enum op_kind kind, const char *device, const char *value)
{
	return (struct op){ .kind = kind, .device = device, .value = value };
}

/*
 * Native drivers are kept from them before they are there, and for as long as they are declared: a module that
 * is loaded later would else take those that are free.
 */
static int plan_create(struct vfioadm_plan *plan, const struct vfioadm_function *pf, unsigned n)
{
	const char *device = arena_strdup(&plan->arena, pf->address);
	const char *number = arena_format(&plan->arena, "%u", n);
	struct op off = number_op(OP_SET_AUTOPROBE, device, "0"), on = number_op(OP_SET_AUTOPROBE, device, "1");
	struct op create = number_op(OP_SET_NUMVFS, device, number), remove = number_op(OP_SET_NUMVFS, device, "0");

	if (!device || !number)
		return -ENOMEM;
	if (!uint_is(&pf->sriov_drivers_autoprobe, 0) &&
	    !plan_add_op(plan, &off, &on, 1, "keep native drivers from the virtual functions of %s", device))
		return -ENOMEM;
	if (!plan_add_op(plan, &create, &remove, 1, "create %u virtual functions of %s", n, device))
		return -ENOMEM;
	plan->result = VFIOADM_RESULT_PLANNED;
	return 0;
}

int virtual_create(struct look *look, const struct declaration *d, const struct match *m,
		   struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	struct vfioadm_function *pf = &look->inv->functions[m->functions.items[0]];
	int r = 0;

	if (count_virtual(look, pf->address) == d->vfs.value)
		return 0;
	if (observe_function(look->host, look->inv, pf, VFIOADM_FACET_DETAIL & ~pf->facets) < 0)
		return error_oom(err);
	r = check_pf(look, pf, d, err);
	if (r < 0)
		return r;
	return plan_create(plan, pf, (unsigned)d->vfs.value) < 0 ? error_oom(err) : 0;
}
