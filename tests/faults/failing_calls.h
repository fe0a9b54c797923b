/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FAULTS_FAILING_CALLS_H
#define TESTS_FAULTS_FAILING_CALLS_H

/*
 * The calls that look at files, by number: one of them fails. They are replaced by the linker (--wrap), so that all of
 * the library is covered, and what the C library does for itself is not.
 */

/** From the next call on; nth 0: none fails. */
void calls_begin(unsigned long nth, int error);
/** How many there were. what: the one that failed, "openat sys/class/block", or "". */
unsigned long calls_end(char *what, unsigned long size);

#endif
