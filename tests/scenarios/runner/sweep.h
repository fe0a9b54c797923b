/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_SCENARIO_SWEEP_H
#define VFIOADM_SCENARIO_SWEEP_H

#include "runner.h"

/** One run of a sweep; nth 0: the first, without a fault, which fills operations and wanted. */
struct sweep {
	unsigned nth;
	size_t kind;
	unsigned operations;
	struct snapshot wanted;
};

size_t sweep_n_kinds(void);
const char *sweep_name(const struct sweep *sweep, char buf[64]);

#endif
