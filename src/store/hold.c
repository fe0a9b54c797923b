/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks of functions, one empty file each: held, as they were released; late, as another driver was first. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "model/address.h"
#include "store/declared.h"

static const char held[] = "hold", late[] = "late";

/* The kernel's spelling: it is what the rules look for. */
static int name_of(const char *address, char name[ADDRESS_MAX])
{
	struct address a;

	if (address_parse(address, &a) < 0)
		return -EINVAL;
	address_format(&a, name);
	return 0;
}

static int open_marks(const char *run_dir, const char *kind, bool create)
{
	_cleanup_close_ int run = file_open_trusted_dir(AT_FDCWD, run_dir, create);

	return run < 0 ? run : file_open_trusted_dir(run, kind, create);
}

static int set(const char *run_dir, const char *kind, const char *address)
{
	_cleanup_close_ int dir = -1, fd = -1;
	char name[ADDRESS_MAX];

	if (name_of(address, name) < 0)
		return -EINVAL;
	dir = open_marks(run_dir, kind, true);
	if (dir < 0)
		return dir;
	/* Gone after a reboot in any case, so nothing is synced. */
	fd = fd_above(openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
	return fd < 0 || fchmod(fd, 0644) < 0 ? -errno : 0;
}

static int drop(const char *run_dir, const char *kind, const char *address)
{
	_cleanup_close_ int dir = -1;
	char name[ADDRESS_MAX];

	if (name_of(address, name) < 0)
		return -EINVAL;
	dir = open_marks(run_dir, kind, false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

static bool is_set(const char *run_dir, const char *kind, const char *address)
{
	char path[PATH_MAX], name[ADDRESS_MAX];

	if (name_of(address, name) < 0 ||
	    snprintf(path, sizeof(path), "%s/%s/%s", run_dir, kind, name) >= (int)sizeof(path))
		return false;
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int hold_set(const char *run_dir, const char *address)
{
	return set(run_dir, held, address);
}

int hold_drop(const char *run_dir, const char *address)
{
	return drop(run_dir, held, address);
}

bool hold_is_set(const char *run_dir, const char *address)
{
	return is_set(run_dir, held, address);
}

int late_set(const char *run_dir, const char *address)
{
	return set(run_dir, late, address);
}

int late_drop(const char *run_dir, const char *address)
{
	return drop(run_dir, late, address);
}

bool late_is_set(const char *run_dir, const char *address)
{
	return is_set(run_dir, late, address);
}
