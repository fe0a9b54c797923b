/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BENCH_PUT_H
#define VFIOADM_BENCH_PUT_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the programs share that change a guest without vfioadm, for comparison. */

/* To be asked once, before the first put(): these programs change devices, and only a guest may be changed. */
static inline int in_guest(void)
{
	if (access("/run/vfioadm-test-guest", F_OK) == 0)
		return 1;
	fprintf(stderr, "This is no test guest: nothing is changed.\n");
	return 0;
}

/* One write(2), as "echo text > path" makes it. 0, or 1 and what the kernel said. */
static inline int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (n < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
	return n < 0;
}

#endif
