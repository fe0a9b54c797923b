/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Without libcap, which would be one more library in each start: the C library has both calls, but no header for them. */
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "helper/privileges.h"
#include "host/act.h"

int capget(cap_user_header_t header, cap_user_data_t data);
int capset(cap_user_header_t header, const cap_user_data_t data);

#define CAP(name) (UINT64_C(1) << CAP_##name)

/*
 * A driver is probed and removed, and a module initialised, in the process that asks for it, and may ask capable(9) for these.
 * The kernel starts programs, and reads firmware, with its own.
 */
#define DRIVER (CAP(SYS_ADMIN) | CAP(NET_ADMIN) | CAP(SYS_RAWIO) | CAP(SYS_RESOURCE) | CAP(IPC_LOCK) | CAP(DAC_OVERRIDE))

/* What none is named for is none: the claim's files are root's, and netlink tells everybody. */
static uint64_t needed(uint32_t operation)
{
	switch (operation) {
	case ACT_WRITE:
		return DRIVER;
	case ACT_LOAD_MODULE:
		return DRIVER | CAP(SYS_MODULE);
	case ACT_READ:
		/* Behind its first 64 bytes configuration space is for CAP_SYS_ADMIN; hidepid= hides processes. */
		return CAP(SYS_ADMIN) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH);
	case ACT_HOLD:
		return CAP(MKNOD) | CAP(DAC_OVERRIDE) | CAP(SYS_ADMIN);
	case ACT_OWN_NODE:
		return CAP(CHOWN) | CAP(FOWNER) | CAP(DAC_OVERRIDE);
	case ACT_LOOK_AT_NODE:
		return CAP(DAC_READ_SEARCH);
	case ACT_NET_LINKS:
		/* setns(2). */
		return CAP(SYS_ADMIN) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH);
	default:
		return 0;
	}
}

/* Only what is permitted can be effective: what was not given, by a unit or a container, stays away. */
static void set_effective(uint64_t wanted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	bool changed = false;

	if (capget(&head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
		uint32_t effective = (uint32_t)(wanted >> (32 * i)) & data[i].permitted;

		changed |= data[i].effective != effective;
		data[i].effective = effective;
	}
	/* A set that cannot be made smaller stays as it was: the request is done all the same. */
	if (changed)
		(void)!capset(&head, data);
}

void privileges_for(uint32_t operation)
{
	set_effective(needed(operation));
}

void privileges_drop(void)
{
	set_effective(0);
}

void privileges_all(void)
{
	set_effective(UINT64_MAX);
}
