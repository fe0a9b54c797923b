/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A helper for test_helper.c: what the real one does with the kernel, done with nothing at stake. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/helper.h"

static int64_t describe_process(char *reply, size_t size, size_t *ret_size)
{
	int open_fds = 0;

	for (int fd = 0; fd < 256; fd++)
		open_fds += fcntl(fd, F_GETFD) >= 0;
	*ret_size = (size_t)snprintf(reply, size, "pid=%d sid=%d ppid=%d fds=%d path=%s home=%s",
				     getpid(), getsid(0), getppid(), open_fds, getenv("PATH"),
				     getenv("HOME") ? "set" : "unset");
	return 0;
}

static int64_t serve(void *userdata, uint32_t operation, const char *path, const char *data, size_t data_size,
		     char *reply, size_t size, size_t *ret_size)
{
	struct timespec long_time = {.tv_sec = 3};

	switch (operation) {
	case 1: /* echo "path:data" */
		*ret_size = (size_t)snprintf(reply, size, "%s:%.*s", path, (int)data_size, data);
		return (int64_t)*ret_size;
	case 2:
		return -EBUSY;
	case 3:
		nanosleep(&long_time, NULL);
		return 0;
	case 4:
		_exit(0);
	case 5:
		return describe_process(reply, size, ret_size);
	default:
		return -ENOSYS;
	}
}

int main(void)
{
	const struct helper_server server = {.serve = serve};

	return helper_main(&server);
}
