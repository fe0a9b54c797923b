/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_OPEN_FILES_H
#define VFIOADM_HOST_OPEN_FILES_H

#include "host/host.h"

/*
 * What an open file of a process is, as far as the kernel says it: type, number, file system. Its name is what its
 * owner likes: in a mount namespace of their own any user can give any file any name, a plain one that of /dev/vfio/15.
 */
struct open_files {
	uint64_t sysfs, proc; /* devices of the file systems that we see */
	struct {
		uint64_t device;
		bool is_kernels;
	} others[16]; /* of those of other namespaces, as they were met */
	size_t n;
};

void open_files_begin(struct host *h, struct open_files *files);
/**
 * path: "fd/12" below dir, the process's directory. 1: a device that is open, or a file whose name should be asked for;
 * 0: none of interest; a negative errno where the process is protected from us.
 */
int open_file_look(struct host *h, host_dir dir, const char *path, struct host_file *ret) MUST_CHECK;
/** Of a file with this name: does a program drive a function with it? */
bool open_file_is_kept(struct host *h, struct open_files *files, host_dir dir, const char *path,
		       const struct host_file *f, const char *link, int pid);
/** By the name alone: of a captured root. */
bool open_file_reaches_registers(const char *path);

#endif
