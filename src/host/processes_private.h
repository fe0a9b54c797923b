/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_PROCESSES_PRIVATE_H
#define VFIOADM_HOST_PROCESSES_PRIVATE_H

#include "host/could_open.h"
#include "host/open_files.h"
#include "host/processes.h"

enum { KNOWN_PATHS = 512 }; /* a power of two */

/* What a path led to in a mount namespace: most processes have the same few files open. */
struct known_path {
	uint64_t mnt_ns;
	const char *path; /* NULL: free */
	bool block, character;
	unsigned major, minor;
};

struct reading {
	struct host *h;
	struct arena *arena;
	struct process *processes;
	struct opener *openers; /* in the order of their processes */
	size_t *owners;         /* index of each opener's process */
	size_t n, n_openers, room;
	struct known_path *known;
	size_t hidden; /* processes that could not be looked at */
	int hidden_pid; /* the first of them that has a name */
	size_t cut; /* of which not all files were looked at */
	int cut_pid;
	struct open_files files; /* where the host tells what a file is */
	struct node_rights *rights;
	uint64_t own_mnt_ns;
	struct strv classes; /* of another root, read when first needed */
	bool classes_read;
};

/** It has ended meanwhile. */
bool reading_is_gone(int e);
/**
 * The files in fds ("fd") below dir, of the process that comes next; those that are kept are added to the openers. 0, or a
 * negative errno where they cannot be looked at (-EACCES, -EPERM), the process is gone, or -ENOMEM.
 */
int reading_look_at_files(struct reading *r, host_dir dir, const char *fds) MUST_CHECK;
/** The same where the first thread has ended and others go on. */
int reading_look_at_threads(struct reading *r, host_dir dir, int pid) MUST_CHECK;

#endif
