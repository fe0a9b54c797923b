/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A helper for test_helper.c: what the real one does with the kernel, done with nothing at stake. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/* As a container does that knows only older system calls. */
static int64_t refuse_clone3(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {.len = ARRAY_SIZE(code), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return -errno;
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
	case 6:
		return refuse_clone3();
	default:
		return -ENOSYS;
	}
}

int main(void)
{
	const struct helper_server server = {.serve = serve};

	return helper_main(&server);
}
