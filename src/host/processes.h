/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_PROCESSES_H
#define VFIOADM_HOST_PROCESSES_H

#include "host/host.h"
#include "model/inventory.h"

/*
 * One pass over /proc: who runs, in which namespaces, and which device nodes are held open. Everything here
 * may come from a hostile process: names are made safe to show when they are stored. Kernel threads have
 * neither open files nor namespaces of their own; they are left out.
 */
struct process {
	int pid, parent;
	const char *name;      /* "comm" */
	uint64_t mnt_ns, net_ns; /* 0: could not be read */
	bool fds_seen;         /* its open files could be looked at */
};

/**
 * An open file that is a device node, or that tells of one: VFIO's anonymous files, files of sysfs that reach
 * a function's registers. A network namespace that is held open ("net:[4026532001]") is kept as well.
 */
struct opener {
	const struct process *process;
	const char *path;      /* what the link in /proc/PID/fd says, "/dev/nvme0n1" */
	bool block, character; /* neither: only the path tells */
	unsigned major, minor; /* of a node */
	uint64_t inode;        /* of a file of sysfs or procfs that may reach registers; 0: only the path tells */
	int fd;
};

struct processes {
	struct process *items; /* sorted by pid */
	size_t n;
	struct opener *openers; /* sorted by process */
	size_t n_openers;
	const char *unseen;    /* NULL: complete; else why not: not root, another PID namespace … */
	const char *cut;       /* NULL, or of which process not all files were looked at, see could_open.h */
	bool none;	       /* that is because /proc has none at all, as in a root that does not run */
	uint64_t own_mnt_ns, own_net_ns;
	int own_pid, own_parent; /* 0: not known */
};

/**
 * Strings and arrays go to the arena. Our own process and its helper are left out. Never blocks: nodes are
 * looked at without asking a file server. 0 or -ENOMEM; a host without /proc is unseen.
 */
int processes_read(struct host *h, struct arena *arena, struct processes *ret) MUST_CHECK;
/** Does the host tell what an open file is? Else, of a captured root, its name must do. */
static inline bool processes_know_files(const struct host *h)
{
	return h->ops->file != NULL;
}
/** "qemu-system-x86 (pid 1234)". */
void process_describe(const struct process *p, char *buf, size_t size);
/** NULL: there is none. */
const struct process *processes_find(const struct processes *all, int pid);

#endif
