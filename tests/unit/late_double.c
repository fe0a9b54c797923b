/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper program with this instead of settling: it leaves a file that test_claims.c looks for. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "flow/settle.h"

int settle_late(const char *run_dir, const char *run)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/settled-%s", run_dir, run);
	/* Once per run and helper: a second one adds to it. */
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		return 1;
	close(fd);
	return 0;
}
