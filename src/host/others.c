/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who else binds functions: the order of the places, and how their files are read. */
#include <limits.h>
#include <string.h>

#include "host/others.h"

bool others_ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && streq(name + n - m, suffix);
}

int others_read(struct others *o, const char *path, char text[OTHERS_TEXT_MAX])
{
	ssize_t n;

	if (o->files == OTHERS_FILES_MAX)
		return -E2BIG;
	n = o->h->ops->read(o->h, -1, path, text, OTHERS_TEXT_MAX);
	if (n == -ENOMEM)
		return -ENOMEM;
	o->files += n != -ENOENT;
	/* What is longer than any script is looked at as far as it fits. */
	return n >= 0 || n == -EFBIG ? 1 : 0;
}

int others_list(struct others *o, const char *path, struct strv *ret)
{
	int r = o->h->ops->list(o->h, -1, path, ret);

	if (r == -ENOMEM)
		return r;
	if (r == 0)
		strv_sort(ret);
	return 0;
}

const char *others_line(const char *p, char line[OTHERS_LINE_MAX], unsigned *number, unsigned *next)
{
	size_t used = 0;

	if (!*p)
		return NULL;
	*number = *next;
	for (; *p && *p != '\n'; p++) {
		if (*p == '\\' && p[1] == '\n') {
			p++;
			++*next;
		} else if (*p != '\r' && used + 1 < OTHERS_LINE_MAX) {
			line[used++] = *p;
		}
	}
	line[used] = '\0';
	++*next;
	return *p ? p + 1 : p;
}

bool other_is_about(const struct other *o, const struct vfioadm_function *f)
{
	const struct address *a = &o->slot.address;

	if (o->names == OTHER_TYPE)
		return cardtype_matches(&o->type, f);
	return o->names == OTHER_SLOT && a->domain == f->domain && a->bus == f->bus && a->slot == f->slot &&
	       o->slot.functions >> f->function & 1;
}

int others_each(struct host *h, other_fn fn, void *userdata)
{
	static int (*const places[])(struct others *o) = { others_modules, others_scripts, others_managers };
	struct others *o = malloc(sizeof(*o));
	int r = o ? 0 : -ENOMEM;

	if (!o)
		return r;
	o->h = h;
	o->fn = fn;
	o->userdata = userdata;
	o->files = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = places[i](o);
	free(o);
	return r;
}
