/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HELPER_LIMITS_H
#define VFIOADM_HELPER_LIMITS_H

/**
 * A helper has inherited the limits of whoever ran vfioadm, and must bring to its end what was begun: soft limits become
 * the hard ones, those that would end it in the middle are lifted where it may, and their signals are errors.
 */
void limits_lift(void);

#endif
