/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_LIVE_H
#define VFIOADM_HOST_LIVE_H

#include "base/helper.h"
#include "host/host.h"

/*
 * The kernel log as seen from the first log_position() on: lines are collected from one descriptor, a
 * position is the number of lines before it.
 */
struct kernel_log {
	int fd; /* -1: not opened yet */
	struct strv lines;
	uint64_t first; /* number of lines[0]; older ones were dropped */
};

/** The running kernel. */
struct live_host {
	struct host host;
	int root;
	struct helper *helper;
	struct kernel_log log;
};

static inline struct live_host *live_of(struct host *h)
{
	return (struct live_host *)h;
}

/* live_query.c: what only the running kernel answers */
int live_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6]);
int live_log_position(struct host *h, uint64_t *ret_position);
int live_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret);
void live_query_free(struct live_host *l);

#endif
