/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_CODES_H
#define VFIOADM_POLICY_CODES_H

#include <vfioadm.h>

/*
 * Every finding has a code, and this is the one list of them: how much it weighs, whether --force may name
 * it, what it means and what to do. docs/checks.md says the same, and a test compares both.
 */

/** NULL: there is no such code. */
const struct vfioadm_code_info *code_info(const char *code);

#endif
