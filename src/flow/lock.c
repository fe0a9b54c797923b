/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "flow/lock.h"

/*
 * The lock below /run/vfioadm says who has it, and excludes all who share that directory. Two containers with one of
 * their own each do not, so a file of the kernel's is locked as well.
 */
int lock_host(struct vfioadm_ctx *ctx, struct store *store, const char *what, unsigned wait_ms,
	      unsigned late_ms, int cancel_fd, struct vfioadm_error **err)
{
	struct host *h = ctx->host;
	int r = store_open_locked_after(store, ctx->run_dir, what, wait_ms, late_ms, cancel_fd,
					err);

	if (r < 0 || !h->ops->open_shared)
		return r;
	return store_lock_shared(store, h->ops->open_shared(h), wait_ms, cancel_fd, err);
}
