/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files in systemd's directories, in its order. */
#include "host/uses_config_net.h"

enum { FILES_MAX = 4096 };

static ssize_t kind_of(const char *name, const char *const *suffixes)
{
	size_t length = strlen(name);

	for (size_t i = 0; suffixes[i]; i++) {
		size_t end = strlen(suffixes[i]);

		if (length >= end && streq(name + length - end, suffixes[i]))
			return (ssize_t)i;
	}
	return -1;
}

struct walk {
	const char *const *suffixes;
	config_file_fn *one;
	void *data;
	struct strv done;
};

static void walk_clear(struct walk *w)
{
	strv_clear(&w->done);
}

static int walk_names(struct walk *w, const char *dir, const struct strv *names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->n && i < FILES_MAX; i++) {
		ssize_t kind = kind_of(names->items[i], w->suffixes);
		char path[NAME_MAX + 64];

		if (kind < 0 || strv_has(&w->done, names->items[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names->items[i]);
		r = strv_add(&w->done, names->items[i]);
		if (r == 0)
			r = w->one(w->data, path, names->items[i], (size_t)kind);
	}
	return r;
}

int config_each_file(struct uses *u, const char *const *dirs, size_t n_dirs, const char *const *suffixes,
		     config_file_fn *one, void *data)
{
	CLEANUP(walk_clear) struct walk w = { .suffixes = suffixes, .one = one, .data = data };
	int r = 0;

	for (size_t d = 0; r == 0 && d < n_dirs; d++) {
		_cleanup_strv_ struct strv names = { 0 };

		r = u->h->ops->list(u->h, -1, dirs[d], &names);
		if (r == -ENOMEM)
			return r;
		strv_sort(&names);
		r = r < 0 ? 0 : walk_names(&w, dirs[d], &names);
	}
	return r;
}
