/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_LOADING_H
#define VFIOADM_FLOW_LOADING_H

#include "flow/flow.h"

/**
 * The modules that the plan loads, as modprobe.d and the kernel command line have them: one that cannot be loaded is an
 * error that names the line; what is left out (commands, soft dependencies, card types that would take what is not
 * named) is a finding, and vfio-pci's step gets the card types that remain.
 */
int loading_settle(struct look *look, struct vfioadm_plan *plan, struct vfioadm_error **err) MUST_CHECK;

#endif
