/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper program's side of act.h: the calls that may sleep in the kernel for ever. */
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

#include "host/act.h"

static int open_below_root(const char *path, int flags)
{
	char absolute[4096];

	if (snprintf(absolute, sizeof(absolute), "/%s", path) >= (int)sizeof(absolute))
		return -ENAMETOOLONG;
	return open(absolute, flags | O_CLOEXEC | O_NOCTTY);
}

/* One command is one write(2), see sysfs; a short count is a failure that the kernel did not name. */
static int64_t serve_write(const char *path, const char *data, size_t size)
{
	_cleanup_close_ int fd = open_below_root(path, O_WRONLY | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, data, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int64_t serve_read(const char *path, char *reply, size_t size, size_t *ret_size)
{
	_cleanup_close_ int fd = open_below_root(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, reply, size);
	if (n < 0)
		return -errno;
	*ret_size = (size_t)n;
	return n;
}

static int insert(struct kmod_list *list, const char *options)
{
	struct kmod_list *item;
	int r = -ENOENT;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *mod = kmod_module_get_module(item);

		/* The kernel ignores parameters for a module that is loaded, without a word. */
		r = kmod_module_probe_insert_module(mod, options ? KMOD_PROBE_FAIL_ON_LOADED : 0, options,
						    NULL, NULL, NULL);
		kmod_module_unref(mod);
		if (r < 0)
			return r;
	}
	return r;
}

static int64_t serve_load_module(const char *module, const char *options)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_list *list = NULL;
	int r;

	if (!ctx)
		return -ENOMEM;
	/* Its default is to print to standard error. */
	kmod_set_log_priority(ctx, 0);
	r = kmod_module_new_from_lookup(ctx, module, &list);
	if (r == 0)
		r = list ? insert(list, options) : -ENOENT;
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return r > 0 ? -EINVAL : r;
}

int64_t act_serve(uint32_t operation, const char *path, const char *data, size_t data_size, char *reply,
		  size_t size, size_t *ret_size)
{
	switch (operation) {
	case ACT_WRITE:
		return serve_write(path, data, data_size);
	case ACT_READ:
		return serve_read(path, reply, size, ret_size);
	case ACT_LOAD_MODULE:
		return serve_load_module(path, data_size ? data : NULL);
	default:
		return -ENOSYS;
	}
}
