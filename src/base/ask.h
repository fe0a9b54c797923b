/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_ASK_H
#define VFIOADM_BASE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/* A program that is asked one thing by a line, answers as long as it likes, and ends. */

enum { ASK_FD = 3 }; /* in the program: the line comes there, the answer goes there */

struct ask {
	const char *program, *request;
	unsigned patience_ms; /* without a word from it */
	unsigned end_ms;      /* for what is told to stop, before it is killed */
	int cancel_fd;        /* an eventfd, or -1 */
	uint64_t stops;       /* this many wishes to stop end it */
	bool leave;           /* such a wish ends the waiting alone: the program goes on */
};

/**
 * The end of the answer goes to text, as much of it as fits. What does not answer in time, or shall stop, is ended
 * with all of its process group. 0; -ETIME; -ECANCELED; -ETIMEDOUT: it goes on; or another negative errno.
 */
int ask_program(const struct ask *ask, char *text, size_t size) MUST_CHECK;

#endif
