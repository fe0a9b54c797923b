/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds: one empty file per function that was released and must not be taken again by a rule. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "model/address.h"
#include "store/declared.h"

#define HOLD_DIR "hold"

/* The kernel's spelling: it is what the rules look for. */
static int name_of(const char *address, char name[ADDRESS_MAX])
{
	struct address a;

	if (address_parse(address, &a) < 0)
		return -EINVAL;
	address_format(&a, name);
	return 0;
}

static int open_holds(const char *run_dir, bool create)
{
	_cleanup_close_ int run = file_open_trusted_dir(AT_FDCWD, run_dir, create);

	return run < 0 ? run : file_open_trusted_dir(run, HOLD_DIR, create);
}

int hold_set(const char *run_dir, const char *address)
{
	_cleanup_close_ int dir = -1, fd = -1;
	char name[ADDRESS_MAX];

	if (name_of(address, name) < 0)
		return -EINVAL;
	dir = open_holds(run_dir, true);
	if (dir < 0)
		return dir;
	/* Gone after a reboot in any case, so nothing is synced. */
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	return fd < 0 ? -errno : 0;
}

int hold_drop(const char *run_dir, const char *address)
{
	_cleanup_close_ int dir = -1;
	char name[ADDRESS_MAX];

	if (name_of(address, name) < 0)
		return -EINVAL;
	dir = open_holds(run_dir, false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

bool hold_is_set(const char *run_dir, const char *address)
{
	char path[PATH_MAX], name[ADDRESS_MAX];

	if (name_of(address, name) < 0 ||
	    snprintf(path, sizeof(path), "%s/" HOLD_DIR "/%s", run_dir, name) >= (int)sizeof(path))
		return false;
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}
