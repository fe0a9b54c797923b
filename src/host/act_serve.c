/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The helper program's side of act.h: the calls that may sleep in the kernel for ever. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"
#include "host/act.h"
#include "host/act_net.h"

static int open_below_root(const char *path, int flags)
{
	char absolute[4096];

	if (snprintf(absolute, sizeof(absolute), "/%s", path) >= (int)sizeof(absolute))
		return -ENAMETOOLONG;
	return fd_above(open(absolute, flags | O_CLOEXEC | O_NOCTTY));
}

/* One command is one write(2), see sysfs; a short count is a failure that the kernel did not name. */
static int64_t serve_write(const char *path, const char *data, size_t size)
{
	_cleanup_close_ int fd = open_below_root(path, O_WRONLY | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, data, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

static int64_t serve_read(const char *path, char *reply, size_t size, size_t *ret_size)
{
	_cleanup_close_ int fd = open_below_root(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, reply, size);
	if (n < 0)
		return -errno;
	*ret_size = (size_t)n;
	return n;
}

int64_t act_serve(uint32_t operation, const char *path, const char *data, size_t data_size, char *reply,
		  size_t size, size_t *ret_size)
{
	switch (operation) {
	case ACT_WRITE:
		return serve_write(path, data, data_size);
	case ACT_READ:
		return serve_read(path, reply, size, ret_size);
	case ACT_LOAD_MODULE:
		return act_serve_load_module(path, data_size ? data : NULL);
	case ACT_OWN_NODE:
	case ACT_LOOK_AT_NODE:
		return act_serve_own_node(path, data, data_size, operation == ACT_LOOK_AT_NODE);
	case ACT_NET_LINKS:
		return act_net_links(path, data, reply, size, ret_size);
	case ACT_ROUTE:
		return act_net_route(path, data, reply, size, ret_size);
	case ACT_SMC:
		return act_net_smc(reply, size, ret_size);
	default:
		return -ENOSYS;
	}
}
