/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sriov_minimal ADDRESS COUNT DRIVER: the least that makes virtual functions and binds them to a driver, one
 * after the other; nothing checked before, nothing looked at after, nothing remembered. A count of 0 takes them
 * away again, and "-" is no driver: they are only made.
 */
#include <libgen.h>
#include <stdlib.h>

#include "put.h"

static int put_pf(const char *pf, const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", pf, file);
	return put(path, text);
}

static int bind_one(const char *pf, int index, const char *driver)
{
	char path[512], target[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn%d", pf, index);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0) {
		perror(path);
		return 1;
	}
	target[n] = '\0';
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn%d/driver_override", pf, index);
	if (put(path, driver))
		return 1;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	return put(path, basename(target));
}

int main(int argc, char **argv)
{
	if (argc != 4 || !in_guest())
		return 2;
	if (atoi(argv[2]) == 0)
		return put_pf(argv[1], "sriov_numvfs", "0") ||
		       put_pf(argv[1], "sriov_drivers_autoprobe", "1");
	if (put_pf(argv[1], "sriov_drivers_autoprobe", "0") ||
	    put_pf(argv[1], "sriov_numvfs", argv[2]))
		return 1;
	for (int i = 0; strcmp(argv[3], "-") != 0 && i < atoi(argv[2]); i++)
		if (bind_one(argv[1], i, argv[3]))
			return 1;
	return 0;
}
