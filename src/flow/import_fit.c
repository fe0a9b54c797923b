/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: what could be declared, and never be assigned. */
#include "base/error.h"
#include "flow/import.h"
#include "policy/check.h"

static int look(struct import *m, struct vfioadm_function *f)
{
	unsigned facets = VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS;

	return observe_function(m->p.look->host, m->p.look->inv, f, facets & ~f->facets) < 0 ? error_oom(m->err) : 0;
}

int import_skip_unfit(struct import *m, struct vfioadm_function *f)
{
	const char *why;
	int r = look(m, f);

	if (r < 0)
		return r;
	why = check_fits_nobody(m->p.look->inv, f);
	if (!why)
		return 0;
	r = import_skip(m, str_format("%s cannot be assigned: %s.", f->address, why));
	return r < 0 ? r : 1;
}

int import_skip_unfit_type(struct import *m, const struct cardtype *type, const char *id)
{
	struct vfioadm_inventory *inv = m->p.look->inv;
	const struct vfioadm_function *unfit = NULL;
	const char *why = NULL;
	int r;

	for (size_t i = 0; i < inv->n_functions; i++) {
		struct vfioadm_function *f = &inv->functions[i];

		if (!cardtype_matches(type, f))
			continue;
		r = look(m, f);
		if (r < 0)
			return r;
		why = check_fits_nobody(inv, f);
		/* One that fits is what the type is for. */
		if (!why)
			return 0;
		unfit = f;
	}
	if (!unfit && !check_type_of_bridges(type))
		return 0;
	r = import_skip(m, unfit ? str_format("No function here with the card type %s can be assigned (%s: %s).", id,
					      unfit->address, why) :
				   str_format("%s fits PCI bridges only, by its class, and vfio-pci takes none.", id));
	return r < 0 ? r : 1;
}
