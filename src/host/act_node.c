/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper program's side of own_node: names of users may come from a server that does not answer. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/str.h"
#include "host/act.h"

struct owner {
	uid_t user;  /* (uid_t)-1: left alone */
	gid_t group; /* (gid_t)-1: left alone */
	mode_t mode;
};

static int find_user(const char *name, uid_t *ret)
{
	struct passwd *found;
	uint64_t number;

	if (str_to_u64(name, 10, UINT32_MAX - 1, &number) == 0) {
		*ret = (uid_t)number;
		return 0;
	}
	found = getpwnam(name);
	if (!found)
		return -ESRCH;
	*ret = found->pw_uid;
	return 0;
}

static int find_group(const char *name, gid_t *ret)
{
	struct group *found;
	uint64_t number;

	if (str_to_u64(name, 10, UINT32_MAX - 1, &number) == 0) {
		*ret = (gid_t)number;
		return 0;
	}
	found = getgrnam(name);
	if (!found)
		return -ESRCH;
	*ret = found->gr_gid;
	return 0;
}

/* "user:group:mode", see host.h. */
static int parse(const char *data, size_t size, struct owner *ret)
{
	char text[256], *rest = text, *user, *group;
	struct owner o = { (uid_t)-1, (gid_t)-1, 0 };
	uint64_t mode;
	int r = 0;

	if (size >= sizeof(text))
		return -ENAMETOOLONG;
	memcpy(text, data, size);
	text[size] = '\0';
	user = strsep(&rest, ":");
	group = strsep(&rest, ":");
	if (!rest || str_to_u64(rest, 8, 0660, &mode) < 0)
		return -EINVAL;
	o.mode = (mode_t)mode & 0660;
	if (*user)
		r = find_user(user, &o.user);
	if (r == 0 && *group)
		r = find_group(group, &o.group);
	if (r == 0)
		*ret = o;
	return r;
}

static bool is_so(const struct stat *st, const struct owner *o)
{
	return (o->user == (uid_t)-1 || st->st_uid == o->user) &&
	       (o->group == (gid_t)-1 || st->st_gid == o->group) && (st->st_mode & 07777) == o->mode;
}

/* Whoever had the node may have less at once; nobody has more than is asked for, not for a moment. */
static int change(int fd, const struct stat *st, const struct owner *o)
{
	char self[64];

	/* What stands for a node only, as opening it would already be a use of the device. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (chmod(self, st->st_mode & o->mode) < 0 || fchownat(fd, "", o->user, o->group, AT_EMPTY_PATH) < 0 ||
	    chmod(self, o->mode) < 0)
		return -errno;
	return 0;
}

int64_t act_serve_own_node(const char *path, const char *data, size_t size, bool look_only)
{
	char absolute[4096];
	_cleanup_close_ int fd = -1;
	struct owner o;
	struct stat st;
	int r = parse(data, size, &o);

	if (r < 0)
		return r;
	if (snprintf(absolute, sizeof(absolute), "/%s", path) >= (int)sizeof(absolute))
		return -ENAMETOOLONG;
	fd = fd_above(open(absolute, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode))
		return -ENODEV;
	if (is_so(&st, &o))
		return 0;
	if (!look_only)
		r = change(fd, &st, &o);
	return r < 0 ? r : 1;
}
