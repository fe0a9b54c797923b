/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flash memory behind a function (MTD): JFFS2 and UBIFS are mounted from it by numbers and names of their own, and no
 * block device tells.
 */
#include <limits.h>

#include "host/uses.h"
#include "model/mount_point.h"

#define MTD "sys/class/mtd"
#define UBI "sys/class/ubi"

/* Of block devices on flash memory; JFFS2 has it without any. */
enum { MTD_MAJOR = 31 };

struct mtd {
	struct uses *u;
	struct mount_table mounts;
	char name[NAME_MAX + 1]; /* "mtd3" */
	unsigned number;
	size_t function;
	bool told;
};

static int add(struct mtd *s, const struct mount *m, const char *more)
{
	s->told = true;
	return uses_add(s->u, s->function, mount_is_system(m->point) ? "root-filesystem" : "in-use-mount", s->name,
			"mounted at %s%s", m->point, more);
}

static int look_at_mounts(struct mtd *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mounts.n; i++)
		if (s->mounts.items[i].major == MTD_MAJOR && s->mounts.items[i].minor == s->number)
			r = add(s, &s->mounts.items[i], "");
	return r;
}

/* "ubi0:root", "ubi0_1", "/dev/ubi0_1"; "ubi:root" is on the first one. */
static bool is_of_ubi(const struct mount *m, const char *ubi)
{
	const char *source = str_after(m->source, "/dev/") ?: m->source, *rest = str_after(source, ubi);

	if (!streq(m->type, "ubifs"))
		return false;
	return (rest && (!*rest || *rest == ':' || *rest == '_')) || (streq(ubi, "ubi0") && str_after(source, "ubi:"));
}

static int look_at_ubi(struct mtd *s, const char *ubi)
{
	char more[NAME_MAX + 32];
	int r = 0;

	snprintf(more, sizeof(more), ", in a volume of %s", ubi);
	for (size_t i = 0; r == 0 && i < s->mounts.n; i++)
		if (is_of_ubi(&s->mounts.items[i], ubi))
			r = add(s, &s->mounts.items[i], more);
	if (r == 0 && !s->told)
		r = uses_add(s->u, s->function, "in-use-holder", s->name, "part of %s (UBI)", ubi);
	s->told = true;
	return r;
}

static int look_at_all_ubi(struct mtd *s)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, UBI, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 32];
		uint64_t number;

		snprintf(path, sizeof(path), UBI "/%s/mtd_num", names.items[i]);
		if (host_read_uint(s->u->h, -1, path, 10, &number) == 0 && number == s->number)
			r = look_at_ubi(s, names.items[i]);
	}
	return r;
}

/* "mtd3", and not "mtd3ro". */
static bool take_name(struct mtd *s, const char *name)
{
	char path[NAME_MAX + 32], link[PATH_MAX];
	ssize_t f;
	int end = 0;

	if (sscanf(name, "mtd%9u%n", &s->number, &end) != 1 || !end || name[end])
		return false;
	snprintf(path, sizeof(path), MTD "/%s", name);
	if (s->u->h->ops->readlink(s->u->h, -1, path, link, sizeof(link)) < 0)
		return false;
	f = function_of_link(s->u->inv, link);
	if (f < 0)
		return false;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->function = (size_t)f;
	s->told = false;
	return true;
}

int uses_mtd(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct mtd s = { .u = u };
	int r = u->h->ops->list(u->h, -1, MTD, &names);

	if (r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	if (r < 0)
		return uses_unseen(u, -1, "/" MTD " could not be read: %s.", strerror(-r));
	if (!names.n)
		return 0;
	strv_sort(&names);
	r = uses_mounts(s.u, &s.mounts);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (!take_name(&s, names.items[i]))
			continue;
		r = look_at_mounts(&s);
		if (r == 0)
			r = look_at_all_ubi(&s);
	}
	mounts_free(&s.mounts);
	return r;
}
