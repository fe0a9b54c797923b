/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_CLOCK_H
#define VFIOADM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Milliseconds of a clock that nobody sets, for deadlines. */
static inline int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** A moment (20 ms), for who looks again and again. A signal may end it. */
static inline void clock_pause(void)
{
	static const struct timespec moment = { .tv_nsec = 20000000 };

	nanosleep(&moment, NULL);
}

#endif
