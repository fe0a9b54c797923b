/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_IMPORT_H
#define VFIOADM_FLOW_IMPORT_H

#include "flow/persist.h"

/* What the files of import share. */

/* What a proposal's text is made of. */
struct proposed {
	struct declaration d;
	const char *remark; /* comment lines */
};

struct import {
	struct persist p;
	struct foreign_claims claims;
	struct cardtype *types; /* that are proposed */
	const char **type_sources;
	size_t n_types;
	struct proposed *proposed; /* one for each of the plan's proposals */
	const struct foreign_claim *at; /* the one that is looked at */
	struct vfioadm_error **err;
};

static inline const struct vfioadm_inventory *import_inventory(const struct import *m)
{
	return m->p.look->inv;
}

/** What m->at says is not imported. Takes the reason; NULL: memory was short. */
int import_skip(struct import *m, char *reason) MUST_CHECK;
/** 1: left out, as the host uses one of them, or may, and would miss it at the next boot. */
int import_skip_used(struct import *m, const struct selection *functions) MUST_CHECK;
/** Left out, as this declaration has it already; what: the function or card type. */
int import_skip_declared(struct import *m, const char *what, const struct declaration *d) MUST_CHECK;
/** A proposal, and the step that writes it. device: NULL for a card type; words: the step's. */
int import_propose(struct import *m, const struct declaration *d, const char *device, const char *remark,
		   const char *words) MUST_CHECK;

/** m->at as a card type, as a function. */
int import_type(struct import *m) MUST_CHECK;
int import_function(struct import *m) MUST_CHECK;

/** The declaration that has this function already, by its PF too. NULL: none. */
const struct declaration *import_declared(const struct import *m, size_t function);
/** Where the proposal for this function comes from; NULL: there is none. */
const char *import_proposed_from(const struct import *m, const char *address);
/** The same for its card type. */
const char *import_type_from(const struct import *m, const struct vfioadm_function *f);
/** The text of a declaration that is proposed. */
void import_format(const char *source, const struct declaration *d, const char *remark, struct strbuf *out);
/** 1: left out, for nobody can ever have it as the machine is. */
int import_skip_unfit(struct import *m, struct vfioadm_function *f) MUST_CHECK;
/** The same of a card type with which every function here is such. */
int import_skip_unfit_type(struct import *m, const struct cardtype *type, const char *id) MUST_CHECK;
/**
 * Where a part of the IOMMU group of what is proposed would stay with the host, the proposal gets the whole group, or
 * is withdrawn when that is not to be had.
 */
int import_complete_groups(struct import *m) MUST_CHECK;

#endif
