/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_PLAN_TEXT_H
#define TESTS_UNIT_PLAN_TEXT_H

#include "model/plan.h"

/*
 * A plan as text, so that a test shows all of it: each step in words, what it does, and indented what
 * takes it back.
 *
 *   unbind 0000:01:00.0 from nvme
 *     0000:01:00.0 -> sys/bus/pci/drivers/nvme/unbind (while on nvme)
 *     undo  -> …/driver_override
 */
char *plan_steps_text(const struct vfioadm_plan *plan);
/** One line per target: device, before -> wanted, flags, note. */
char *plan_targets_text(const struct vfioadm_plan *plan);
/** One line per finding: severity, code, device; with its message and hint below. */
char *plan_findings_text(const struct vfioadm_plan *plan);

/** Each shows the whole text when it differs. */
void assert_steps(const struct vfioadm_plan *plan, const char *expected);
void assert_targets(const struct vfioadm_plan *plan, const char *expected);
void assert_findings(const struct vfioadm_plan *plan, const char *expected);

#endif
