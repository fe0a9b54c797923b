/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another root: a captured tree or a mounted system, possibly a hostile one. Nothing outside of it is
 * opened, only regular files are read, and nothing that blocks (a FIFO, a terminal) is ever waited for.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/files.h"
#include "host/host.h"
#include "host/path.h"

struct root_dir {
	int fd; /* -1: free */
	char *path;
};

struct root_host {
	struct host host;
	int fd;
	bool walk; /* no openat2() */
	char *display;
	struct root_dir *dirs; /* a host_dir is an index */
	size_t n_dirs;
};

static struct root_host *root_of(struct host *h)
{
	return (struct root_host *)h;
}

/* As path_open_walk. */
static int walk(struct root_host *r, const char *path, int flags, char **ret_resolved)
{
	int fd = path_open_walk(r->fd, path, flags, ret_resolved);

	r->host.starved |= fd == -ENOMEM;
	return fd;
}

static int open_inside(struct root_host *r, const char *path, int flags)
{
	if (!r->walk) {
		int fd = path_open_kernel(r->fd, path, flags);

		if (fd != -ENOSYS && fd != -EPERM && fd != -EAGAIN)
			return fd;
		r->walk = fd != -EAGAIN;
	}
	return walk(r, path, flags, NULL);
}

/* For host_note(). */
static const char *name_of(const struct root_host *r, host_dir dir)
{
	return dir < 0 ? NULL : r->dirs[dir].path;
}

static int path_below(struct root_host *r, host_dir dir, const char *name, char path[PATH_MAX])
{
	int n = dir < 0 ? snprintf(path, PATH_MAX, "%s", name)
			: snprintf(path, PATH_MAX, "%s/%s", r->dirs[dir].path, name);

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* O_PATH of what a name leads to; links inside the last directory cost a second look from the root. */
static int locate(struct root_host *r, host_dir dir, const char *name, int flags)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (dir >= 0 && !strchr(name, '/') && !streq(name, "..")) {
		fd = fd_above(openat(r->dirs[dir].fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
		if (fd < 0)
			return -errno;
		if (fstat(fd, &st) == 0 && (!S_ISLNK(st.st_mode) || (flags & O_NOFOLLOW)))
			return fd;
		close(fd);
	}
	fd = path_below(r, dir, name, path);
	return fd < 0 ? fd : open_inside(r, path, O_PATH | flags);
}

static int open_regular(struct root_host *r, host_dir dir, const char *name)
{
	_cleanup_close_ int found = locate(r, dir, name, 0);
	char link[32], path[PATH_MAX];
	struct stat st;
	int fd;

	if (found < 0)
		return found;
	if (fstat(found, &st) < 0)
		return -errno;
	/* Opening a device can start something; so its type is known before it is opened. */
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = fd_above(open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	/* No /proc here: open it once more by name. */
	fd = path_below(r, dir, name, path);
	if (fd >= 0)
		fd = open_inside(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

static host_dir root_dir_open(struct host *h, const char *path)
{
	struct root_host *r = root_of(h);
	_cleanup_close_ int fd = open_inside(r, path, O_PATH | O_DIRECTORY);
	_cleanup_free_ char *copy = NULL;
	struct root_dir *grown;
	size_t i = 0;

	if (fd < 0)
		return (host_dir)host_note(h, NULL, path, fd);
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	while (i < r->n_dirs && r->dirs[i].fd >= 0)
		i++;
	if (i == r->n_dirs) {
		grown = reallocarray(r->dirs, i + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->dirs = grown;
		r->n_dirs++;
	}
	r->dirs[i].fd = TAKE_FD(fd);
	r->dirs[i].path = TAKE_PTR(copy);
	return (host_dir)i;
}

static void root_dir_close(struct host *h, host_dir dir)
{
	struct root_host *r = root_of(h);

	if (dir < 0)
		return;
	close(r->dirs[dir].fd);
	free(r->dirs[dir].path);
	r->dirs[dir] = (struct root_dir){-1, NULL};
}

static ssize_t root_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = open_regular(root_of(h), dir, name);

	return host_note(h, name_of(root_of(h), dir), name, fd < 0 ? fd : files_read(fd, buf, size, false));
}

static ssize_t read_link(struct root_host *r, host_dir dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = locate(r, dir, name, O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? files_readlink(fd, "", buf, size) : -EINVAL;
}

static ssize_t root_readlink(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	return host_note(h, name_of(root_of(h), dir), name, read_link(root_of(h), dir, name, buf, size));
}

static int list(struct root_host *r, host_dir dir, const char *name, struct strv *ret)
{
	_cleanup_close_ int fd = locate(r, dir, name, 0);
	int readable;

	if (fd < 0)
		return fd;
	readable = fd_above(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return readable < 0 ? -errno : files_list(readable, ret);
}

static int root_list(struct host *h, host_dir dir, const char *name, struct strv *ret)
{
	return (int)host_note(h, name_of(root_of(h), dir), name, list(root_of(h), dir, name, ret));
}

static int root_resolve(struct host *h, const char *path, char **ret)
{
	int fd = walk(root_of(h), path, O_PATH, ret);

	if (fd < 0)
		return (int)host_note(h, NULL, path, fd);
	close(fd);
	return 0;
}

static int root_stat(struct host *h, host_dir dir, const char *name, struct stat *ret)
{
	_cleanup_close_ int fd = locate(root_of(h), dir, name, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) < 0 ? -errno : 0;
}

static int root_incarnation(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	struct stat st;
	int r = root_stat(h, dir, name, &st);

	if (r == 0)
		*ret = st.st_ino;
	return r;
}

static int root_map(struct host *h, const char *path, const char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open_regular(root_of(h), -1, path);
	char *data;
	int r = fd < 0 ? fd : files_read_whole(fd, &data, ret_size);

	if (r == 0)
		*ret = data;
	return (int)host_note(h, NULL, path, r);
}

static void root_unmap(struct host *h, const char *data, size_t size)
{
	free((void *)data);
}

static int root_device_number(struct host *h, const char *path, bool *ret_block,
			      unsigned *ret_major, unsigned *ret_minor)
{
	struct stat st;
	int r = root_stat(h, -1, path, &st);

	if (r < 0)
		return r;
	if (!S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
		return -ENOTBLK;
	*ret_block = S_ISBLK(st.st_mode);
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}

static int root_write(struct host *h, const char *claim, const char *path, const char *data, size_t size)
{
	return -EROFS;
}

static ssize_t root_read_locked(struct host *h, const char *path, char *buf, size_t size)
{
	return root_read(h, -1, path, buf, size);
}

static int root_load_module(struct host *h, const char *module, const char *options)
{
	return -EROFS;
}

static int root_own_node(struct host *h, const char *claim, const char *path, const char *owner, bool look_only)
{
	return -EROFS;
}

static int root_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6])
{
	return -EOPNOTSUPP;
}

static int root_log_position(struct host *h, uint64_t *ret_position)
{
	return -EOPNOTSUPP;
}

static int root_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret)
{
	return -EOPNOTSUPP;
}

static void root_free(struct host *h)
{
	struct root_host *r = root_of(h);

	for (size_t i = 0; i < r->n_dirs; i++)
		if (r->dirs[i].fd >= 0)
			root_dir_close(h, (host_dir)i);
	free(r->dirs);
	free(r->display);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

static const struct host_ops root_ops = {
	.name = "root",
	.dir_open = root_dir_open,
	.dir_close = root_dir_close,
	.read = root_read,
	.readlink = root_readlink,
	.list = root_list,
	.resolve = root_resolve,
	.incarnation = root_incarnation,
	.map = root_map,
	.unmap = root_unmap,
	.device_number = root_device_number,
	.write = root_write,
	.read_locked = root_read_locked,
	.own_node = root_own_node,
	.load_module = root_load_module,
	.permanent_mac = root_permanent_mac,
	.log_position = root_log_position,
	.log_lines = root_log_lines,
	.free = root_free,
};

int host_root_new(const char *dir, struct host **ret, struct vfioadm_error **err)
{
	struct root_host *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return error_oom(err);
	r->host = (struct host){.ops = &root_ops, .cancel_fd = -1};
	r->fd = fd_above(open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	e = r->fd < 0 ? -errno : 0;
	r->display = strdup(dir);
	if (!r->display || e < 0) {
		root_free(&r->host);
		if (e == 0)
			return error_oom(err);
		error_set(err, e, VFIOADM_E_BAD_ROOT, "The root %s cannot be opened: %s.", dir,
			  strerror(-e));
		error_path(err, dir);
		error_operation(err, "open");
		error_hint(err, "Give the directory of a captured host or a mounted system.");
		return e;
	}
	r->host.display_root = r->display;
	*ret = &r->host;
	return 0;
}
