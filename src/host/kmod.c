/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading modules. libkmod is opened when a module is really to be loaded: it brings libcrypto and more along,
 * and these would cost every start of the helper more than everything else that the helper does.
 */
#include <dlfcn.h>
#include <libkmod.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "host/act.h"

#define FUNCTIONS(X)                                                                                         \
	X(kmod_new)                                                                                          \
	X(kmod_unref)                                                                                        \
	X(kmod_set_log_priority)                                                                             \
	X(kmod_list_next)                                                                                    \
	X(kmod_module_new_from_lookup)                                                                       \
	X(kmod_module_get_module)                                                                            \
	X(kmod_module_get_options)                                                                           \
	X(kmod_module_get_install_commands)                                                                  \
	X(kmod_module_get_dependencies)                                                                      \
	X(kmod_module_probe_insert_module)                                                                   \
	X(kmod_module_unref)                                                                                 \
	X(kmod_module_unref_list)

struct kmod {
#define MEMBER(name) __typeof__(name) *name;
	FUNCTIONS(MEMBER)
};

/* It stays open: this process ends soon. */
static bool kmod_open(struct kmod *k)
{
	void *library = dlopen("libkmod.so.2", RTLD_NOW | RTLD_LOCAL);
	bool complete = library;

#define RESOLVE(name)                                                                                        \
	if (complete) {                                                                                      \
		void *symbol = dlsym(library, #name);                                                        \
		memcpy(&k->name, &symbol, sizeof(symbol));                                                   \
		complete = symbol;                                                                           \
	}
	FUNCTIONS(RESOLVE)
	return complete;
}

static bool has_id(const char *ids, size_t n, const char *id, size_t size)
{
	for (const char *end = ids + n; ids < end; ids += strcspn(ids, ", ") + 1)
		if (strcspn(ids, ", ") == size && memcmp(ids, id, size) == 0)
			return true;
	return false;
}

/*
 * Of a parameter that is given twice the kernel takes the last: IDs that the administrator has configured
 * (modprobe.d, kernel command line) would be lost when the module is loaded with ours. Both, in one.
 */
static char *with_configured_ids(const struct kmod *k, const struct kmod_module *mod, const char *options)
{
	const char *configured = k->kmod_module_get_options(mod);
	const char *ids = NULL, *ours = str_after(options, "ids=");
	_cleanup_strbuf_ struct strbuf all = { 0 };
	size_t n;

	for (const char *word = configured; ours && word && *word; word += strcspn(word, " ")) {
		word += strspn(word, " ");
		if (str_after(word, "ids="))
			ids = str_after(word, "ids=");
	}
	n = ids ? strcspn(ids, " ") : 0;
	if (!n)
		return strdup(options);
	strbuf_addf(&all, "ids=%.*s", (int)n, ids);
	/* The driver would have it twice, and lose it only once. */
	for (size_t size; *ours; ours += size + (ours[size] == ',')) {
		size = strcspn(ours, ",");
		if (!has_id(ids, n, ours, size))
			strbuf_addf(&all, ",%.*s", (int)size, ours);
	}
	return strbuf_take(&all);
}

/* Of the module, or of one that it needs. */
static bool has_command(const struct kmod *k, struct kmod_module *mod)
{
	struct kmod_list *needed = k->kmod_module_get_dependencies(mod);
	bool found = k->kmod_module_get_install_commands(mod);

	for (struct kmod_list *item = needed; item && !found; item = k->kmod_list_next(needed, item)) {
		struct kmod_module *other = k->kmod_module_get_module(item);

		found = k->kmod_module_get_install_commands(other);
		k->kmod_module_unref(other);
	}
	k->kmod_module_unref_list(needed);
	return found;
}

static int insert_one(const struct kmod *k, struct kmod_module *mod, const char *options)
{
	_cleanup_free_ char *all = NULL;
	int r;

	if (options) {
		all = with_configured_ids(k, mod, options);
		if (!all)
			return -ENOMEM;
	}
	/* The kernel ignores parameters for a module that is loaded, without a word. */
	r = k->kmod_module_probe_insert_module(mod, options ? KMOD_PROBE_FAIL_ON_LOADED : 0, all, NULL, NULL, NULL);
	/* libkmod says that the command failed by what the kernel says of a bad parameter, or by its exit status. */
	return (r == -EINVAL || r == -EPERM) && has_command(k, mod) ? -EOPNOTSUPP : r;
}

static int insert(const struct kmod *k, struct kmod_list *list, const char *options)
{
	int r = -ENOENT;

	for (struct kmod_list *item = list; item; item = k->kmod_list_next(list, item)) {
		struct kmod_module *mod = k->kmod_module_get_module(item);

		r = insert_one(k, mod, options);
		k->kmod_module_unref(mod);
		if (r < 0)
			return r;
	}
	return r;
}

int64_t act_serve_load_module(const char *module, const char *options)
{
	struct kmod_list *list = NULL;
	struct kmod_ctx *ctx;
	struct kmod k;
	int r;

	if (!kmod_open(&k))
		return -ELIBACC;
	ctx = k.kmod_new(NULL, NULL);
	if (!ctx)
		return -ENOMEM;
	/* Its default is to print to standard error. */
	k.kmod_set_log_priority(ctx, 0);
	r = k.kmod_module_new_from_lookup(ctx, module, &list);
	if (r == 0)
		r = list ? insert(&k, list, options) : -ENOENT;
	k.kmod_module_unref_list(list);
	k.kmod_unref(ctx);
	return r > 0 ? -EINVAL : r;
}
