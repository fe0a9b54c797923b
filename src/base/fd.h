/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_FD_H
#define VFIOADM_BASE_FD_H

#include "macro.h"

/**
 * For what a call has returned that makes a descriptor: one of 0 to 2, which it gets where these are closed, is moved
 * above them, or what the program prints, or reads, would go there. Each such call of the library is inside one of
 * this; tests/layers/check_descriptors looks for them. As the call itself, -1 and errno tell of an error.
 */
int fd_above(int fd) MUST_CHECK;

/** For main(): opens /dev/null as those of 0 to 2 that are closed. */
void fd_open_standard(void);

#endif
