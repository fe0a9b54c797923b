/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "host/could_open.h"

enum {
	DEPTH_MAX = 4,
	STATUS_SIZE = 8192,
};

/* ---- nodes ---- */

/* Open to all on every host, and no way to a function: null, tty, fuse, kvm, the container of VFIO. */
static bool is_harmless(struct host *h, const struct host_file *f)
{
	static const char *const places[] = { "/virtual/mem/", "/virtual/misc/", "/virtual/tty/" };
	char path[64], link[PATH_MAX];

	snprintf(path, sizeof(path), "sys/dev/char/%u:%u", f->major, f->minor);
	if (!S_ISCHR(f->mode) || h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (strstr(link, places[i]))
			return true;
	return false;
}

static void add_node(struct host *h, struct node_rights *rights, const struct host_file *f)
{
	struct node_right new = { f->uid, f->gid, f->mode & 0600, f->mode & 060 };

	if ((f->mode & 06 || f->has_acl) && !is_harmless(h, f))
		rights->anybody = true;
	for (size_t i = 0; i < rights->n; i++) {
		const struct node_right *known = &rights->items[i];

		if (known->uid == new.uid && known->gid == new.gid && known->by_user >= new.by_user &&
		    known->by_group >= new.by_group)
			return;
	}
	if (rights->n == ARRAY_SIZE(rights->items))
		rights->anybody = true;
	else
		rights->items[rights->n++] = new;
}

/* File systems of their own, in which others than root make files. */
static bool is_apart(const char *name)
{
	static const char *const apart[] = { "shm", "mqueue", "fd", "pts", "hugepages", "ptmx" };

	for (size_t i = 0; i < ARRAY_SIZE(apart); i++)
		if (streq(name, apart[i]))
			return true;
	return false;
}

static void read_nodes(struct host *h, struct node_rights *rights, const char *dir, unsigned depth)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (depth == DEPTH_MAX || h->ops->list(h, -1, dir, &names) < 0) {
		rights->anybody = true;
		return;
	}
	for (size_t i = 0; !rights->anybody && i < names.n; i++) {
		struct host_file f;
		char path[PATH_MAX];

		if (depth == 0 && is_apart(names.items[i]))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]) >= (int)sizeof(path))
			continue;
		if (h->ops->file(h, -1, path, false, &f) < 0)
			continue;
		if (S_ISDIR(f.mode))
			read_nodes(h, rights, path, depth + 1);
		else if (S_ISCHR(f.mode) || S_ISBLK(f.mode))
			add_node(h, rights, &f);
	}
}

/* ---- the process ---- */

/* Numbers up to the end of the line; strtoul() alone would go on behind it. */
static bool allows(const struct node_rights *rights, const char *numbers, bool group)
{
	for (;;) {
		unsigned long v;
		char *end;

		numbers += strspn(numbers, " \t");
		if (*numbers < '0' || *numbers > '9')
			return false;
		v = strtoul(numbers, &end, 10);
		numbers = end;
		if (!group && v == 0)
			return true;
		for (size_t i = 0; i < rights->n; i++) {
			const struct node_right *n = &rights->items[i];

			if (group ? n->by_group && n->gid == v : n->by_user && n->uid == v)
				return true;
		}
	}
}

/* The line behind key, or NULL. */
static const char *line_of(const char *status, const char *key)
{
	const char *line = strstr(status, key);

	return line ? line + strlen(key) : NULL;
}

static bool has_rights(const struct node_rights *rights, const char *status)
{
	static const char *const capabilities[] = { "\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapAmb:" };
	const char *uids = line_of(status, "\nUid:"), *gids = line_of(status, "\nGid:");
	const char *groups = line_of(status, "\nGroups:");

	if (!uids || !gids || !groups || allows(rights, uids, false) || allows(rights, gids, true))
		return true;
	/* "Groups: \n": none. */
	if (groups[strspn(groups, " \t")] != '\n' && allows(rights, groups, true))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		const char *caps = line_of(status, capabilities[i]);

		if (!caps || strtoull(caps, NULL, 16))
			return true;
	}
	return false;
}

static bool user_namespace(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	char link[64];

	return h->ops->readlink(h, dir, name, link, sizeof(link)) > 0 && str_after(link, "user:[") &&
	       (*ret = strtoull(str_after(link, "user:["), NULL, 10)) != 0;
}

bool could_open_nodes(struct host *h, struct node_rights *rights, host_dir dir)
{
	char status[STATUS_SIZE];
	uint64_t user_ns;

	if (!rights->read) {
		rights->read = true;
		rights->anybody = !user_namespace(h, -1, "proc/self/ns/user", &rights->user_ns);
		read_nodes(h, rights, "dev", 0);
	}
	if (rights->anybody || !user_namespace(h, dir, "ns/user", &user_ns) || user_ns != rights->user_ns)
		return true;
	return h->ops->read(h, dir, "status", status, sizeof(status)) <= 0 || has_rights(rights, status);
}
