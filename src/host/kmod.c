/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading modules. libkmod is opened when a module is really to be loaded: it brings libcrypto and more along,
 * and these would cost every start of the helper more than everything else that the helper does.
 *
 * libkmod's own kmod_module_probe_insert_module() would run commands of modprobe.d, for the module and for all that it
 * needs, and load soft dependencies that take PCI functions. Nobody has checked what these would move. So each module
 * is inserted by itself, in the same order and with the same options, and those are left out.
 */
#include <dlfcn.h>
#include <libkmod.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "host/act.h"
#include "host/module_setup.h"
#include "model/inventory.h"

#define FUNCTIONS(X)                                                                                         \
	X(kmod_new)                                                                                          \
	X(kmod_unref)                                                                                        \
	X(kmod_set_log_priority)                                                                             \
	X(kmod_list_next)                                                                                    \
	X(kmod_module_new_from_name)                                                                         \
	X(kmod_module_get_module)                                                                            \
	X(kmod_module_get_name)                                                                              \
	X(kmod_module_get_path)                                                                              \
	X(kmod_module_get_options)                                                                           \
	X(kmod_module_get_install_commands)                                                                  \
	X(kmod_module_get_dependencies)                                                                      \
	X(kmod_module_get_softdeps)                                                                          \
	X(kmod_module_get_initstate)                                                                         \
	X(kmod_module_get_info)                                                                              \
	X(kmod_module_info_get_key)                                                                          \
	X(kmod_module_info_get_value)                                                                        \
	X(kmod_module_info_free_list)                                                                        \
	X(kmod_module_insert_module)                                                                         \
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

static bool is_loaded(const struct kmod *k, struct kmod_module *mod)
{
	return k->kmod_module_get_initstate(mod) >= 0;
}

static bool drives_pci(const struct kmod *k, struct kmod_module *mod)
{
	const char *name = k->kmod_module_get_name(mod);
	struct kmod_list *info = NULL;
	bool found = driver_name_is_vfio(name) || driver_name_equal(name, "pci_stub");

	if (found || k->kmod_module_get_info(mod, &info) < 0)
		return found;
	for (struct kmod_list *item = info; item && !found; item = k->kmod_list_next(info, item))
		found = streq(k->kmod_module_info_get_key(item), "alias") &&
			str_after(k->kmod_module_info_get_value(item), "pci:");
	k->kmod_module_info_free_list(info);
	return found;
}

/* The configured options, and behind them ours: of a parameter that is given twice the kernel takes the last. */
static int insert(const struct kmod *k, struct kmod_module *mod, const char *options)
{
	const char *configured = k->kmod_module_get_options(mod);
	_cleanup_free_ char *all = str_format("%s%s%s", configured ? configured : "", configured && options ? " " : "",
					      options ? options : "");

	return all ? k->kmod_module_insert_module(mod, 0, all) : -ENOMEM;
}

static int load(const struct kmod *k, struct kmod_module *mod, const char *options, unsigned depth);

static bool moves_others(const struct kmod *k, struct kmod_module *mod)
{
	return !is_loaded(k, mod) && (k->kmod_module_get_install_commands(mod) || drives_pci(k, mod));
}

/* Nor may it bring what takes functions: mlx5_ib drives none, and needs mlx5_core. */
static bool is_harmless(const struct kmod *k, struct kmod_module *mod)
{
	struct kmod_list *needed = k->kmod_module_get_dependencies(mod);
	bool harmless = !moves_others(k, mod);

	for (struct kmod_list *item = needed; item && harmless; item = k->kmod_list_next(needed, item)) {
		struct kmod_module *other = k->kmod_module_get_module(item);

		harmless = !moves_others(k, other);
		k->kmod_module_unref(other);
	}
	k->kmod_module_unref_list(needed);
	return harmless;
}

static void load_soft(const struct kmod *k, struct kmod_list *list, unsigned depth)
{
	for (struct kmod_list *item = list; item && depth < MODULE_SOFT_DEPTH; item = k->kmod_list_next(list, item)) {
		struct kmod_module *mod = k->kmod_module_get_module(item);

		/* Whether it works does not matter, as to modprobe. */
		if (!is_loaded(k, mod) && is_harmless(k, mod))
			(void)!load(k, mod, NULL, depth + 1);
		k->kmod_module_unref(mod);
	}
}

/* libkmod leaves the command out where there are soft dependencies. One that is there to forbid the module is obeyed. */
static bool is_forbidden(const struct kmod *k, struct kmod_module *mod, bool soft)
{
	const char *command = soft ? NULL : k->kmod_module_get_install_commands(mod);

	return command && module_command_forbids(command);
}

static int load_one(const struct kmod *k, struct kmod_module *mod, const char *options, unsigned depth)
{
	struct kmod_list *pre = NULL, *post = NULL;
	int r;

	if (is_loaded(k, mod))
		return options ? -EEXIST : 0;
	(void)!k->kmod_module_get_softdeps(mod, &pre, &post);
	load_soft(k, pre, depth);
	r = is_forbidden(k, mod, pre || post) ? -EOPNOTSUPP : insert(k, mod, options);
	load_soft(k, post, depth);
	k->kmod_module_unref_list(pre);
	k->kmod_module_unref_list(post);
	return r == -EEXIST && !options ? 0 : r;
}

/* What it needs first, as modules.dep says in the end: all of it, the farthest first. */
static int load(const struct kmod *k, struct kmod_module *mod, const char *options, unsigned depth)
{
	struct kmod_list *needed = k->kmod_module_get_dependencies(mod);
	int r = 0;

	for (struct kmod_list *item = needed; item && r == 0; item = k->kmod_list_next(needed, item)) {
		struct kmod_module *other = k->kmod_module_get_module(item);

		r = load_one(k, other, NULL, depth);
		k->kmod_module_unref(other);
	}
	k->kmod_module_unref_list(needed);
	return r < 0 ? r : load_one(k, mod, options, depth);
}

int64_t act_serve_load_module(const char *module, const char *options)
{
	struct kmod_module *mod = NULL;
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
	/* By its own name: an alias of modprobe.d would bring another module. */
	r = k.kmod_module_new_from_name(ctx, module, &mod);
	if (r == 0 && !is_loaded(&k, mod) && !k.kmod_module_get_path(mod))
		r = -ENOENT;
	/* The kernel ignores parameters for a module that is loaded, without a word: -EEXIST. */
	if (r == 0)
		r = load(&k, mod, options, 0);
	k.kmod_module_unref(mod);
	k.kmod_unref(ctx);
	return r > 0 ? -EINVAL : r;
}
