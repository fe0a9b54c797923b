/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/str.h"
#include "host/files.h"
#include "host/path.h"

enum {
	WALK_LINKS_MAX = 40, /* as the kernel */
	WALK_DEPTH_MAX = 64, /* sysfs needs half of it for a disk behind four switches */
	WALK_RETRIES = 8,
};

int path_open_kernel(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	/* EAGAIN: something was renamed meanwhile, and the kernel could not tell that it stayed inside. */
	for (int i = 0; i < WALK_RETRIES; i++) {
		fd = fd_above((int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how)));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

/* Where the walk stands: the directories from the root down, each held open. */
struct walk {
	int root;
	int fds[WALK_DEPTH_MAX];
	char *names[WALK_DEPTH_MAX];
	unsigned depth, links;
	char *rest; /* still to go */
	size_t at;
};

static int top(const struct walk *w)
{
	return w->depth ? w->fds[w->depth - 1] : w->root;
}

static void pop(struct walk *w)
{
	if (!w->depth)
		return;
	w->depth--;
	close(w->fds[w->depth]);
	free(w->names[w->depth]);
}

static void walk_end(struct walk *w)
{
	while (w->depth)
		pop(w);
	free(w->rest);
}

static int push(struct walk *w, int *fd, const char *name)
{
	char *copy;

	if (w->depth == WALK_DEPTH_MAX)
		return -ENAMETOOLONG;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	w->names[w->depth] = copy;
	w->fds[w->depth++] = TAKE_FD(*fd);
	return 0;
}

/* Puts a link's target before what is still to go. */
static int enter_link(struct walk *w, int fd)
{
	char target[PATH_MAX];
	ssize_t n = files_readlink(fd, "", target, sizeof(target));
	char *joined;

	if (n < 0)
		return (int)n;
	if (++w->links > WALK_LINKS_MAX)
		return -ELOOP;
	if (strlen(w->rest + w->at) + (size_t)n + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	/* What is left begins with a slash, or is nothing. */
	joined = str_format("%s%s", target, w->rest + w->at);
	if (!joined)
		return -ENOMEM;
	if (target[0] == '/')
		while (w->depth)
			pop(w);
	free(w->rest);
	w->rest = joined;
	w->at = 0;
	return 0;
}

/* Cuts the next component off; false: there is none. */
static bool next_component(struct walk *w, char name[NAME_MAX + 1], int *ret_error)
{
	size_t len;

	w->at += strspn(w->rest + w->at, "/");
	len = strcspn(w->rest + w->at, "/");
	if (len > NAME_MAX) {
		*ret_error = -ENAMETOOLONG;
		return false;
	}
	memcpy(name, w->rest + w->at, len);
	name[len] = '\0';
	w->at += len;
	return len > 0;
}

/* A slash behind the last name asks for a directory, and for what a link leads to. */
static bool at_end(const struct walk *w)
{
	return w->rest[w->at] == '\0';
}

static int step(struct walk *w, const char *name, bool follow_last)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (streq(name, "."))
		return 0;
	if (streq(name, "..")) {
		pop(w);
		return 0;
	}
	fd = fd_above(openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && (follow_last || !at_end(w)))
		return enter_link(w, fd);
	if (!S_ISDIR(st.st_mode) && !at_end(w))
		return -ENOTDIR;
	return push(w, &fd, name);
}

static char *joined_names(const struct walk *w)
{
	_cleanup_strbuf_ struct strbuf b = {0};

	for (unsigned i = 0; i < w->depth; i++)
		strbuf_addf(&b, "%s%s", i ? "/" : "", w->names[i]);
	return strbuf_take(&b);
}

static int walk_open(struct walk *w, int flags)
{
	int parent = w->depth > 1 ? w->fds[w->depth - 2] : w->root;
	const char *name = w->depth ? w->names[w->depth - 1] : ".";
	int fd = fd_above(openat(parent, name, flags | O_NOFOLLOW | O_CLOEXEC));

	return fd < 0 ? -errno : fd;
}

int path_open_walk(int root, const char *path, int flags, char **ret_resolved)
{
	_cleanup_free_ char *resolved = NULL;
	struct walk w = {.root = root, .rest = strdup(path)};
	char name[NAME_MAX + 1];
	int r = w.rest ? 0 : -ENOMEM;

	while (r == 0 && next_component(&w, name, &r))
		r = step(&w, name, !(flags & O_NOFOLLOW));
	if (r == 0 && ret_resolved) {
		resolved = joined_names(&w);
		r = resolved ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = walk_open(&w, flags);
	walk_end(&w);
	if (r >= 0 && ret_resolved)
		*ret_resolved = TAKE_PTR(resolved);
	return r;
}
