/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_COULD_OPEN_H
#define VFIOADM_HOST_COULD_OPEN_H

#include "host/host.h"

/*
 * Could a process have opened a node of a device by itself? Everybody can open hundreds of thousands of files, and
 * looking at each takes microseconds, so that some users could make every look at the host last for seconds. Who could
 * not have opened any node can have one all the same, by two ways:
 *
 *   - it was handed over (SCM_RIGHTS, a service manager): a compositor has its nodes from logind;
 *   - it was opened before privileges were given up.
 *
 * In both the descriptor comes early in the life of an ordinary program, and has a low number: the kernel gives the lowest
 * that is free. So the first files of each process are looked at whoever it is, and only the further ones of those that
 * could open nothing are left out; a warning names the process. A program that hides a device behind hundreds of
 * other files hides only its own use.
 *
 * Whatever is not known for certain counts as a right: other user or mount namespaces (a container may have nodes of
 * its own), any capability, an access control list, a node that is open to all.
 */
struct node_rights {
	bool read, anybody; /* anybody: a node of a device is open to all, or not everything is known */
	struct node_right {
		unsigned uid, gid;
		bool by_user, by_group;
	} items[64];
	size_t n;
	uint64_t user_ns; /* own */
};

/** dir: of the process. Reads the nodes of /dev when first asked. True also for "not known". */
bool could_open_nodes(struct host *h, struct node_rights *rights, host_dir dir);

#endif
