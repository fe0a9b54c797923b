/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "base/fd.h"

int fd_above(int fd)
{
	int moved, saved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	saved = errno;
	close(fd);
	errno = saved;
	return moved;
}

void fd_open_standard(void)
{
	for (;;) {
		int fd = open("/dev/null", O_RDWR);

		/* In a root without it: reading and writing what is open as a path alone fails, as if it was closed. */
		if (fd < 0)
			fd = open("/", O_PATH);
		if (fd < 0 || fd > STDERR_FILENO) {
			if (fd >= 0)
				close(fd);
			return;
		}
	}
}
