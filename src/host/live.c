/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The running kernel: its files are what they claim to be, so they are read with as few calls as can be. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/clock.h"
#include "base/fd.h"
#include "config.h"
#include "host/act.h"
#include "host/files.h"
#include "host/live.h"

enum { LIVE_TIMEOUT_MS = 30 * 1000 };

static int base_of(struct host *h, host_dir dir)
{
	return dir < 0 ? live_of(h)->root : dir;
}

/* What a directory that is held open is called, for host_note(). */
static const char *name_of(struct host *h, host_dir dir)
{
	const struct live_host *l = live_of(h);

	for (size_t i = 0; dir >= 0 && i < LIVE_DIRS_MAX; i++)
		if (l->dirs[i].fd == dir)
			return l->dirs[i].path;
	return dir < 0 ? NULL : "sys";
}

static host_dir live_dir_open(struct host *h, const char *path)
{
	struct live_host *l = live_of(h);
	int fd = fd_above(openat(l->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0)
		return (host_dir)host_note(h, NULL, path, -errno);
	for (size_t i = 0; i < LIVE_DIRS_MAX; i++)
		if (!l->dirs[i].fd) {
			l->dirs[i].fd = fd;
			snprintf(l->dirs[i].path, sizeof(l->dirs[i].path), "%s", path);
			break;
		}
	return fd;
}

static void live_dir_close(struct host *h, host_dir dir)
{
	struct live_host *l = live_of(h);

	if (dir < 0)
		return;
	for (size_t i = 0; i < LIVE_DIRS_MAX; i++)
		if (l->dirs[i].fd == dir)
			l->dirs[i].fd = 0;
	close(dir);
}

static int open_file(struct host *h, host_dir dir, const char *name)
{
	int fd = fd_above(openat(base_of(h, dir), name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));

	return fd < 0 ? -errno : fd;
}

static ssize_t live_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = open_file(h, dir, name);
	/* sysfs hands an attribute over whole; only procfs ends a read between records. */
	ssize_t n = fd < 0 ? fd : files_read(fd, buf, size, dir >= 0 || str_after(name, "sys/"));

	return host_note(h, name_of(h, dir), name, n);
}

static ssize_t live_readlink(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	return host_note(h, name_of(h, dir), name, files_readlink(base_of(h, dir), name, buf, size));
}

static int live_list(struct host *h, host_dir dir, const char *name, struct strv *ret)
{
	int fd = fd_above(openat(base_of(h, dir), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	return (int)host_note(h, name_of(h, dir), name, fd < 0 ? -errno : files_list(fd, ret));
}

static int live_resolve(struct host *h, const char *path, char **ret)
{
	_cleanup_free_ char *absolute = str_format("/%s", path), *real = NULL;

	if (!absolute)
		return -ENOMEM;
	real = realpath(absolute, NULL);
	if (!real)
		return (int)host_note(h, NULL, path, -errno);
	*ret = strdup(real + 1);
	return *ret ? 0 : -ENOMEM;
}

static int live_incarnation(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	struct stat st;

	if (fstatat(base_of(h, dir), name, &st, 0) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

static int live_map(struct host *h, const char *path, const char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open_file(h, -1, path);
	char *data;
	int r = fd < 0 ? fd : files_read_whole(fd, &data, ret_size);

	if (r == 0)
		*ret = data;
	return (int)host_note(h, NULL, path, r);
}

static void live_unmap(struct host *h, const char *data, size_t size)
{
	free((void *)data);
}

static int live_device_number(struct host *h, const char *path, bool *ret_block,
			      unsigned *ret_major, unsigned *ret_minor)
{
	struct statx st;

	/* Also asked of what other processes have open: a file server that hangs must not be waited for. */
	if (statx(live_of(h)->root, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.stx_mode) && !S_ISCHR(st.stx_mode))
		return -ENOTBLK;
	*ret_block = S_ISBLK(st.stx_mode);
	*ret_major = st.stx_rdev_major;
	*ret_minor = st.stx_rdev_minor;
	return 0;
}

static int live_file(struct host *h, host_dir dir, const char *name, bool follow, struct host_file *ret)
{
	int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
	struct statx st;
	char path[PATH_MAX];

	if (statx(base_of(h, dir), name, flags, STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID | STATX_INO, &st) < 0)
		return -errno;
	*ret = (struct host_file){
		.mode = st.stx_mode,
		.uid = st.stx_uid,
		.gid = st.stx_gid,
		.major = st.stx_rdev_major,
		.minor = st.stx_rdev_minor,
		.device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
		.inode = st.stx_ino,
	};
	if (follow || dir >= 0 || (!S_ISBLK(st.stx_mode) && !S_ISCHR(st.stx_mode)))
		return 0;
	/* By its name alone: that of a node that was just found below /dev. */
	ret->has_acl = snprintf(path, sizeof(path), "/%s", name) >= (int)sizeof(path) ||
		       lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0;
	return 0;
}

static int live_each(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
		     void *userdata)
{
	int fd = fd_above(openat(base_of(h, dir), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	return (int)host_note(h, name_of(h, dir), name, fd < 0 ? -errno : files_each(fd, fn, userdata));
}

/* Nothing is written to it. All mounts of sysfs of one network namespace, which is what sysfs goes by, share its locks. */
static int live_open_shared(struct host *h)
{
	int fd = fd_above(openat(live_of(h)->root, "sys/bus/pci/drivers_probe", O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));

	return fd < 0 ? -errno : fd;
}

static void live_pause(struct host *h)
{
	(void)h;
	clock_pause();
}

static void live_announce(struct host *h, const char *text)
{
	(void)h;
	act_announce(text);
}

static void live_free(struct host *h)
{
	struct live_host *l = live_of(h);

	live_query_free(l);
	live_claims_free(l);
	if (l->root >= 0)
		close(l->root);
	free(l);
}

static const struct host_ops live_ops = {
	.name = "live",
	.dir_open = live_dir_open,
	.dir_close = live_dir_close,
	.read = live_read,
	.readlink = live_readlink,
	.list = live_list,
	.resolve = live_resolve,
	.incarnation = live_incarnation,
	.map = live_map,
	.unmap = live_unmap,
	.device_number = live_device_number,
	.file = live_file,
	.each = live_each,
	.is_ours = live_is_ours,
	.pause = live_pause,
	.prepare = live_prepare,
	.claim = live_claim,
	.unclaim = live_unclaim,
	.hold = live_hold,
	.let_go = live_let_go,
	.stuck_in = live_stuck_in,
	.write = live_write,
	.read_locked = live_read_locked,
	.own_node = live_own_node,
	.load_module = live_load_module,
	.image_has = live_image_has,
	.rebuild_image = live_rebuild_image,
	.reload_rules = live_reload_rules,
	.net_links = live_net_links,
	.route_to = live_route_to,
	.smc_devices = live_smc_devices,
	.permanent_mac = live_permanent_mac,
	.log_position = live_log_position,
	.log_lines = live_log_lines,
	.open_shared = live_open_shared,
	.announce = live_announce,
	.free = live_free,
};

int host_live_new(const char *helper, struct host **ret)
{
	struct live_host *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->host = (struct host){
		.ops = &live_ops,
		.live = true,
		.timeout_ms = LIVE_TIMEOUT_MS,
		.cancel_fd = -1,
		.display_root = "",
		.unprivileged = geteuid() != 0,
	};
	l->log.fd = -1;
	l->root = fd_above(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	r = l->root < 0 ? -errno : 0;
	l->program = strdup(helper ? helper : VFIOADM_HELPER);
	l->host.helper = l->program;
	if (r == 0)
		r = l->program ? helper_new(l->program, &l->helper) : -ENOMEM;
	if (r < 0) {
		live_free(&l->host);
		return r;
	}
	*ret = &l->host;
	return 0;
}
