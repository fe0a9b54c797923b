/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/eventfd.h>

#include "base/error.h"
#include "base/fd.h"
#include "flow/ctx.h"

enum { DEFAULT_TIMEOUT_S = 30, MAX_TIMEOUT_S = 24 * 60 * 60 };

static void settle_host(struct vfioadm_ctx *ctx)
{
	if (!ctx->host)
		return;
	ctx->host->timeout_ms = ctx->timeout_s * 1000;
	ctx->host->cancel_fd = ctx->cancel_fd;
}

int ctx_new_with_host(struct host *h, const char *run_dir, struct vfioadm_ctx **ret)
{
	struct vfioadm_ctx *ctx = calloc(1, sizeof(*ctx));
	int r;

	if (!ctx)
		return -ENOMEM;
	ctx->refs = 1;
	ctx->timeout_s = DEFAULT_TIMEOUT_S;
	ctx->cancel_fd = fd_above(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	ctx->run_dir = strdup(run_dir);
	/* Only what is known to be the running host's may be read or written in its /etc. */
	if (!h && streq(run_dir, RUN_DIR))
		ctx->root = strdup("/");
	if (ctx->cancel_fd < 0 || !ctx->run_dir || (!h && streq(run_dir, RUN_DIR) && !ctx->root)) {
		r = ctx->cancel_fd < 0 ? -errno : -ENOMEM;
		vfioadm_ctx_unref(ctx);
		return r;
	}
	ctx->host = h;
	settle_host(ctx);
	*ret = ctx;
	return 0;
}

int vfioadm_ctx_new(struct vfioadm_ctx **ret_ctx)
{
	return ctx_new_with_host(NULL, RUN_DIR, ret_ctx);
}

struct vfioadm_ctx *vfioadm_ctx_ref(struct vfioadm_ctx *ctx)
{
	if (ctx)
		ctx->refs++;
	return ctx;
}

struct vfioadm_ctx *vfioadm_ctx_unref(struct vfioadm_ctx *ctx)
{
	if (!ctx || --ctx->refs)
		return NULL;
	if (ctx->host)
		host_free(ctx->host);
	if (ctx->cancel_fd >= 0)
		close(ctx->cancel_fd);
	free(ctx->helper);
	free(ctx->run_dir);
	free(ctx->root);
	free(ctx);
	return NULL;
}

int ctx_host(struct vfioadm_ctx *ctx, struct host **ret, struct vfioadm_error **err)
{
	int r = 0;

	if (!ctx->host)
		r = host_live_new(ctx->helper, &ctx->host);
	if (r < 0)
		return error_set(err, r, VFIOADM_E_IO, "Cannot look at this host: %s.", strerror(-r));
	settle_host(ctx);
	*ret = ctx->host;
	return 0;
}

int vfioadm_ctx_set_sysroot(struct vfioadm_ctx *ctx, const char *dir, struct vfioadm_error **ret_error)
{
	_cleanup_free_ char *root = strdup(dir);
	struct host *h;
	int r;

	if (ret_error)
		*ret_error = NULL;
	if (!root)
		return error_oom(ret_error);
	r = host_root_new(dir, &h, ret_error);
	if (r < 0)
		return r;
	free(ctx->root);
	ctx->root = TAKE_PTR(root);
	if (ctx->host)
		host_free(ctx->host);
	ctx->host = h;
	settle_host(ctx);
	return 0;
}

int vfioadm_ctx_set_timeout(struct vfioadm_ctx *ctx, unsigned seconds)
{
	if (!seconds || seconds > MAX_TIMEOUT_S)
		return -EINVAL;
	ctx->timeout_s = seconds;
	settle_host(ctx);
	return 0;
}

int vfioadm_ctx_set_lock_wait(struct vfioadm_ctx *ctx, unsigned seconds)
{
	if (seconds > MAX_TIMEOUT_S)
		return -EINVAL;
	ctx->lock_wait_s = seconds;
	return 0;
}

int vfioadm_ctx_set_helper(struct vfioadm_ctx *ctx, const char *path)
{
	char *copy;

	if (path && path[0] != '/')
		return -EINVAL;
	copy = path ? strdup(path) : NULL;
	if (path && !copy)
		return -ENOMEM;
	free(ctx->helper);
	ctx->helper = copy;
	return 0;
}

void vfioadm_ctx_set_progress(struct vfioadm_ctx *ctx, vfioadm_progress_fn fn, void *userdata)
{
	ctx->progress = fn;
	ctx->userdata = userdata;
}

void ctx_end_cancel(struct vfioadm_ctx *ctx)
{
	uint64_t n;

	/* Reading sets the counter of an eventfd to 0; it does not block. */
	while (read(ctx->cancel_fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}

void vfioadm_ctx_cancel(struct vfioadm_ctx *ctx)
{
	static const uint64_t one = 1;
	int saved = errno;

	/* An eventfd's write is async-signal-safe; the counter cannot overflow by hand. */
	if (write(ctx->cancel_fd, &one, sizeof(one)) < 0)
		errno = saved;
	errno = saved;
}
