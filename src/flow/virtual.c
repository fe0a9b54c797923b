/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A physical function whose virtual functions are declared: how many there are, and whose. */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
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

	for (size_t i = 0; r == 0 && !*ret && i < all->n; i++)
		r = nodes_differ(look, d, &look->inv->functions[all->items[i]], ret);
	return r;
}

static size_t count_elsewhere(const struct look *look, const struct declaration *d, const struct selection *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += !match_has_driver(d, &look->inv->functions[all->items[i]]);
	return n;
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

int stand_virtual(struct look *look, const struct declaration *d, const struct match *m, struct arena *arena,
		  struct vfioadm_declared *item)
{
	_cleanup_selection_ struct selection all = { 0 };
	_cleanup_free_ char *node = NULL;
	const char *pf = pf_of(look, m)->address;
	size_t elsewhere;

	if (virtual_functions(look, m, &all) < 0)
		return -ENOMEM;
	elsewhere = count_elsewhere(look, d, &all);
	if (!elsewhere && find_other_owner(look, d, &all, &node) < 0)
		return -ENOMEM;
	item->state = all.n == d->vfs.value && !elsewhere && !node ? VFIOADM_DECLARED_IN_FORCE :
								     VFIOADM_DECLARED_DIFFERS;
	if (all.n != d->vfs.value)
		item->message = arena_format(arena, "%s has %zu virtual functions, and is to have %u.", pf, all.n,
					     (unsigned)d->vfs.value);
	else if (node)
		item->message = arena_format(arena, "%s has %zu virtual functions, and %s has another owner or "
						    "mode than [Node] says.", pf, all.n, node);
	else if (!elsewhere)
		item->message = arena_format(arena, "%s has %zu virtual function%s, on %s.", pf, all.n,
					     all.n == 1 ? "" : "s", d->driver ? d->driver : "a VFIO driver");
	else
		item->message = arena_format(arena, "%s has %zu virtual functions, %zu of them not on %s.", pf, all.n,
					     elsewhere, d->driver ? d->driver : "a VFIO driver");
	if (item->state == VFIOADM_DECLARED_DIFFERS)
		item->hint = "'vfioadm plan' says what would be done, 'vfioadm apply' does it.";
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
