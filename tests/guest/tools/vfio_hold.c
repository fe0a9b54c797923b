/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfio-hold GROUP ADDRESS: opens a function through VFIO as a virtual machine does, says "held", and keeps it
 * until it is killed. Like QEMU it does not react to the kernel's wish to have it back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int open_device(const char *group, const char *address)
{
	int container = open("/dev/vfio/vfio", O_RDWR), fd = open(group, O_RDWR);

	if (container < 0 || fd < 0)
		return -1;
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return -1;
	return ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, address);
}

int main(int argc, char **argv)
{
	char path[64];

	if (argc != 3) {
		fputs("usage: vfio-hold GROUP ADDRESS\n", stderr);
		return 2;
	}
	snprintf(path, sizeof(path), "/dev/vfio/%s", argv[1]);
	if (open_device(path, argv[2]) < 0)
		return fail(path);
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}
