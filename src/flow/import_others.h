/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_IMPORT_OTHERS_H
#define VFIOADM_FLOW_IMPORT_OTHERS_H

#include "host/observe.h"

/* Words about what others bind: of rules, scripts and other managers. To be freed; NULL: -ENOMEM. */

/** Is this one of those that are named and not imported? */
bool others_is_named(const struct foreign_claim *c);
char *others_reason(const struct foreign_claim *c) MUST_CHECK;
/** How to remove the source of what was imported. */
char *others_hint(const struct foreign_claim *c) MUST_CHECK;
/** Likewise for driverctl's file; name: of the declaration that takes its place. present: the device is there. */
char *driverctl_hint(const struct foreign_claims *all, const struct foreign_claim *c, const char *name,
		     bool present) MUST_CHECK;
/** The device at the address is of another type than the file expects: the tool leaves it alone. */
bool others_expects_another(const struct foreign_claim *c, const struct vfioadm_function *f);

#endif
