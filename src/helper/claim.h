/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HELPER_CLAIM_H
#define VFIOADM_HELPER_CLAIM_H

#include "base/str.h"

/*
 * What a helper holds for the run that it works for: the lock of one name, and disks. All of it goes with
 * the process, so nothing that happens to it leaves a lock behind; and while its write sleeps in the kernel
 * all of it stays.
 */
struct claim {
	int lock;      /* -1: none */
	char *run_dir; /* with a lock */
	char *run;
	int *disks;
	size_t n_disks;
};

#define CLAIM_NONE                                                                                 \
	{                                                                                          \
		.lock = -1                                                                         \
	}

/** names: the name to lock and the run, NUL-separated. -EAGAIN: "PID" of who has it goes to reply. */
int64_t claim_take(struct claim *c, const char *run_dir, const char *names, size_t size,
		   char *reply, size_t room, size_t *ret_size);
void claim_end(struct claim *c);
int64_t claim_hold(struct claim *c, const char *disk);
void claim_let_go(struct claim *c);
/** This process is a copy: what it has open is the other one's. */
void claim_forget(struct claim *c);

#endif
