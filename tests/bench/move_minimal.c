/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * move_minimal ADDRESS DRIVER: the least that moves a function to another driver: three writes (override,
 * unbind, bind), nothing checked before, nothing looked at after, nothing remembered. "native:DRIVER" clears
 * the override instead of setting it.
 */
#include "put.h"

int main(int argc, char **argv)
{
	char path[512];
	const char *driver;
	int native;

	if (argc != 3 || !in_guest())
		return 2;
	native = strncmp(argv[2], "native:", 7) == 0;
	driver = argv[2] + (native ? 7 : 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", argv[1]);
	if (put(path, native ? "\n" : driver))
		return 1;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", argv[1]);
	if (put(path, argv[1]))
		return 1;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	return put(path, argv[1]);
}
