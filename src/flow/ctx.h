/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FLOW_CTX_H
#define VFIOADM_FLOW_CTX_H

#include "host/host.h"

/** What is behind the public context. */
struct vfioadm_ctx {
	unsigned refs;
	struct host *host; /* made when first needed */
	char *helper;      /* NULL: the installed one */
	char *run_dir;     /* where records live: /run/vfioadm */
	char *root;        /* where etc/vfioadm.d is; NULL: this host has no declared state */
	unsigned timeout_s;
	unsigned lock_wait_s;
	int cancel_fd;
	vfioadm_progress_fn progress;
	void *userdata;
};

#define RUN_DIR "/run/vfioadm"

/** For tests: a context that stands on another host, which it owns from then on. */
int ctx_new_with_host(struct host *h, const char *run_dir, struct vfioadm_ctx **ret) MUST_CHECK;
/** The host, made on first use. */
int ctx_host(struct vfioadm_ctx *ctx, struct host **ret, struct vfioadm_error **err) MUST_CHECK;

/** A change has come to its end, and with it what was wished of it: the next one begins without. */
void ctx_end_cancel(struct vfioadm_ctx *ctx);

#endif
