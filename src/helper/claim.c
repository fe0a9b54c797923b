/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/file.h"
#include "helper/claim.h"

enum { CLAIM_NAME_MAX = 64, CLAIM_WAIT_MS = 60 };

/* ---- the lock ---- */

/* It becomes a file name. */
static bool name_valid(const char *name)
{
	static const char allowed[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:.-_";
	size_t len = strlen(name);

	return len && len < CLAIM_NAME_MAX && name[0] != '.' && strspn(name, allowed) == len;
}

static int open_locks(const char *run_dir)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run_dir, true), locks = -1;

	if (dir < 0)
		return dir;
	if (mkdirat(dir, "locks", 0700) < 0 && errno != EEXIST)
		return -errno;
	locks = file_open_trusted_dir(dir, "locks", false);
	/* Whoever can open what is in it can keep us from functions. */
	return locks >= 0 && fchmod(locks, 0700) < 0 ? -errno : TAKE_FD(locks);
}

static void tell_holder(int dir, const char *name, char *reply, size_t room, size_t *ret_size)
{
	struct file_lock_holder holder = {0};
	int n;

	if (file_lock_holder(dir, name, &holder) <= 0)
		return;
	n = snprintf(reply, room, "%d", (int)holder.pid);
	if (n > 0 && (size_t)n < room)
		*ret_size = (size_t)n;
}

static int take_lock(struct claim *c, const char *run_dir, const char *name, const char *run,
		     char *reply, size_t room, size_t *ret_size)
{
	_cleanup_close_ int dir = open_locks(run_dir);
	int fd;

	if (dir < 0)
		return dir;
	/* A run that has just ended gives its locks back one after the other: try more than once. */
	fd = file_lock(dir, name, run, CLAIM_WAIT_MS, -1);
	if (fd == -EAGAIN)
		tell_holder(dir, name, reply, room, ret_size);
	if (fd < 0)
		return fd;
	c->lock = fd;
	return 0;
}

int64_t claim_take(struct claim *c, const char *run_dir, const char *names, size_t size,
		   char *reply, size_t room, size_t *ret_size)
{
	const char *name = names, *run = memchr(names, '\0', size);
	int r;

	if (c->lock >= 0)
		return -EALREADY;
	if (!run || ++run == names + size || names[size - 1] != '\0')
		return -EINVAL;
	if (run_dir[0] != '/' || !name_valid(name) || !name_valid(run))
		return -EINVAL;
	c->run_dir = strdup(run_dir);
	c->run = strdup(run);
	r = c->run_dir && c->run ? take_lock(c, run_dir, name, run, reply, room, ret_size)
				 : -ENOMEM;
	if (r < 0)
		claim_end(c);
	return r;
}

void claim_let_go(struct claim *c)
{
	for (size_t i = 0; i < c->n_disks; i++)
		close(c->disks[i]);
	free(c->disks);
	c->disks = NULL;
	c->n_disks = 0;
}

static void forget_run(struct claim *c)
{
	free(c->run_dir);
	free(c->run);
	*c = (struct claim)CLAIM_NONE;
}

void claim_end(struct claim *c)
{
	claim_let_go(c);
	if (c->lock >= 0)
		file_unlock(c->lock);
	forget_run(c);
}

void claim_forget(struct claim *c)
{
	claim_let_go(c);
	/* The file belongs to the other process as well: what it says there stays. */
	if (c->lock >= 0)
		close(c->lock);
	forget_run(c);
}

/* ---- disks ---- */

/* What sysfs says, not the name of a node: anybody may have put a node there. */
static int disk_number(const char *disk, dev_t *ret)
{
	_cleanup_close_ int dir = fd_above(open("/sys/class/block", O_PATH | O_DIRECTORY | O_CLOEXEC));
	_cleanup_close_ int below =
		dir < 0 ? -1 : fd_above(openat(dir, disk, O_PATH | O_DIRECTORY | O_CLOEXEC));
	_cleanup_close_ int fd = below < 0 ? -1 : fd_above(openat(below, "dev", O_RDONLY | O_CLOEXEC));
	unsigned major, minor;
	char text[32];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (sscanf(text, "%u:%u", &major, &minor) != 2)
		return -EIO;
	*ret = makedev(major, minor);
	return 0;
}

/* Looked at before it is opened: to open a node of another kind can have effects of its own. */
static int open_node(int dir, const char *name, dev_t number)
{
	_cleanup_close_ int node = fd_above(openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	char again[64];
	struct stat st;
	int fd;

	if (node < 0)
		return -errno;
	if (fstat(node, &st) < 0)
		return -errno;
	if (!S_ISBLK(st.st_mode) || st.st_rdev != number)
		return -ENODEV;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", node);
	/* Non-blocking: no medium is loaded, no door is locked. */
	fd = fd_above(open(again, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
	return fd < 0 ? -errno : fd;
}

static int open_own_node(const char *where, dev_t number)
{
	_cleanup_close_ int dir = fd_above(open(where, O_PATH | O_DIRECTORY | O_CLOEXEC));
	char name[64];
	int fd;

	/* That no such disk is there is for the disk itself to say. */
	if (dir < 0)
		return errno == ENOENT ? -ENOTDIR : -errno;
	snprintf(name, sizeof(name), ".vfioadm-%d", (int)getpid());
	if (mknodat(dir, name, S_IFBLK | 0600, number) < 0)
		return -errno;
	fd = open_node(dir, name, number);
	(void)!unlinkat(dir, name, 0);
	return fd;
}

static int open_exclusively(const struct claim *c, const char *disk, dev_t number)
{
	_cleanup_close_ int dev = fd_above(open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
	_cleanup_free_ char *node = strdup(disk);
	int fd;

	if (!node)
		return -ENOMEM;
	/* The kernel's device "cciss!c0d0" is the node "cciss/c0d0". */
	for (char *s = node; *s; s++)
		if (*s == '!')
			*s = '/';
	fd = dev < 0 ? -ENOENT : open_node(dev, node, number);
	if (fd != -ENOENT && fd != -ENODEV)
		return fd;
	fd = open_own_node("/dev", number);
	/* /run is often mounted without devices: only where /dev cannot be written. */
	return fd < 0 && fd != -EBUSY ? open_own_node(c->run_dir, number) : fd;
}

int64_t claim_hold(struct claim *c, const char *disk)
{
	_cleanup_close_ int fd = -1;
	dev_t before = 0, after = 0;
	int *grown;
	int r;

	if (c->lock < 0)
		return -EBADF;
	if (!*disk || disk[0] == '.' || strchr(disk, '/'))
		return -EINVAL;
	r = disk_number(disk, &before);
	if (r < 0)
		return r;
	fd = open_exclusively(c, disk, before);
	if (fd < 0)
		return fd;
	/* Else it has gone meanwhile, and its number may be another disk's. */
	r = disk_number(disk, &after);
	if (r < 0)
		return r;
	if (after != before)
		return -ENODEV;
	grown = reallocarray(c->disks, c->n_disks + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->disks = grown;
	c->disks[c->n_disks++] = TAKE_FD(fd);
	return 0;
}
