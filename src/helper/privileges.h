/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HELPER_PRIVILEGES_H
#define VFIOADM_HELPER_PRIVILEGES_H

#include <stdint.h>

/**
 * A helper works with the capabilities that its request needs (enum act_operation), and waits for the next one with none:
 * a path or a name in a request gets it no further than that. They are taken out of the effective set only, for the helper
 * settles a run when its caller is gone, and for that it needs what the steps need, and the tools of the initramfs.
 */
void privileges_for(uint32_t operation);
/** None. */
void privileges_drop(void);
/** All that this process was started with. */
void privileges_all(void);

#endif
