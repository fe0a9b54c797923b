/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_LOCK_H
#define VFIOADM_FLOW_LOCK_H

#include "flow/ctx.h"
#include "store/store.h"

/** Of all who change devices of this host: see store_open_locked_after() and store_lock_shared(). */
int lock_host(struct vfioadm_ctx *ctx, struct store *store, const char *what, unsigned wait_ms,
	      unsigned late_ms, int cancel_fd, struct vfioadm_error **err) MUST_CHECK;

#endif
