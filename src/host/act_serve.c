/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper program's side of act.h: the calls that may sleep in the kernel for ever. */
#include <fcntl.h>
#include <libkmod.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "host/act.h"
#include "host/act_net.h"

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

/*
 * Of a parameter that is given twice the kernel takes the last: IDs that the administrator has configured
 * (modprobe.d, kernel command line) would be lost when the module is loaded with ours. Both, in one.
 */
static char *with_configured_ids(const struct kmod_module *mod, const char *options)
{
	const char *configured = kmod_module_get_options(mod);
	const char *ids = NULL, *ours = str_after(options, "ids=");
	size_t n;

	for (const char *word = configured; ours && word && *word; word += strcspn(word, " ")) {
		word += strspn(word, " ");
		if (str_after(word, "ids="))
			ids = str_after(word, "ids=");
	}
	n = ids ? strcspn(ids, " ") : 0;
	return n ? str_format("ids=%.*s,%s", (int)n, ids, ours) : strdup(options);
}

static int insert_one(struct kmod_module *mod, const char *options)
{
	_cleanup_free_ char *all = NULL;

	if (options) {
		all = with_configured_ids(mod, options);
		if (!all)
			return -ENOMEM;
	}
	/* The kernel ignores parameters for a module that is loaded, without a word. */
	return kmod_module_probe_insert_module(mod, options ? KMOD_PROBE_FAIL_ON_LOADED : 0, all, NULL, NULL,
					       NULL);
}

static int insert(struct kmod_list *list, const char *options)
{
	struct kmod_list *item;
	int r = -ENOENT;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *mod = kmod_module_get_module(item);

		r = insert_one(mod, options);
		kmod_module_unref(mod);
		if (r < 0)
			return r;
	}
	return r;
}

static struct kmod_ctx *open_kmod(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	/* Its default is to print to standard error. */
	if (ctx)
		kmod_set_log_priority(ctx, 0);
	return ctx;
}

static int64_t serve_load_module(const char *module, const char *options)
{
	struct kmod_ctx *ctx = open_kmod();
	struct kmod_list *list = NULL;
	int r;

	if (!ctx)
		return -ENOMEM;
	r = kmod_module_new_from_lookup(ctx, module, &list);
	if (r == 0)
		r = list ? insert(list, options) : -ENOENT;
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return r > 0 ? -EINVAL : r;
}

/* Any name makes a module object; one that is to be had has a file or is built in. */
static bool is_available(struct kmod_module *mod)
{
	return kmod_module_get_path(mod) || kmod_module_get_initstate(mod) >= 0;
}

static int64_t put_names(const struct kmod_list *list, char *reply, size_t size, size_t *ret_size)
{
	const struct kmod_list *item;
	size_t used = 0;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *mod = kmod_module_get_module(item);
		int n = is_available(mod) ? snprintf(reply + used, size - used, "%s\n",
						     kmod_module_get_name(mod)) :
					    0;

		kmod_module_unref(mod);
		if (n < 0 || (size_t)n >= size - used)
			return -EMSGSIZE;
		used += (size_t)n;
	}
	*ret_size = used;
	return 0;
}

static int64_t look_up(struct kmod_ctx *ctx, const char *text, char *reply, size_t size, size_t *ret_size)
{
	struct kmod_list *list = NULL, *allowed = NULL;
	bool index = kmod_load_resources(ctx) >= 0;
	int64_t r = kmod_module_new_from_lookup(ctx, text, &list);

	/* No index, nothing found: that is not known to be nothing. */
	if (r == 0 && !list)
		r = index ? 0 : -ENOENT;
	/* A blacklist is against loading by alias; who names a module gets it. */
	else if (r == 0 && strchr(text, ':')) {
		r = kmod_module_apply_filter(ctx, KMOD_FILTER_BLACKLIST, list, &allowed);
		if (r == 0)
			r = put_names(allowed, reply, size, ret_size);
	} else if (r == 0) {
		r = put_names(list, reply, size, ret_size);
	}
	kmod_module_unref_list(allowed);
	kmod_module_unref_list(list);
	return r;
}

static int64_t serve_look_up(const char *text, char *reply, size_t size, size_t *ret_size)
{
	struct kmod_ctx *ctx = open_kmod();
	int64_t r;

	if (!ctx)
		return -ENOMEM;
	r = look_up(ctx, text, reply, size, ret_size);
	kmod_unref(ctx);
	return r;
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
	case ACT_LOOK_UP_MODULES:
		return serve_look_up(path, reply, size, ret_size);
	case ACT_NET_LINKS:
		return act_net_links(path, data, reply, size, ret_size);
	case ACT_ROUTE:
		return act_net_route(path, data, reply, size, ret_size);
	case ACT_SMC:
		return act_net_smc(reply, size, ret_size);
	default:
		return -ENOSYS;
	}
}
