/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_REMOTE_H
#define VFIOADM_HOST_USES_REMOTE_H

#include "host/blocks.h"
#include "host/uses.h"

/*
 * What the host has from other machines: network file systems, and disks that are reached through a network.
 * Each is followed from its server through the route and the interface to the PCI function. What cannot be
 * followed makes every function that it may be reached through "not looked at".
 */

/** Is this file system served by another machine, or by the machine that this is a guest of? */
bool uses_is_remote_mount(const struct mount *m);
/**
 * The same as uses_remote() for one mount. code: of the finding ("root-filesystem", "in-use-mount"); text:
 * "mounted at /". *ret_ended: it was followed to its end: to functions, or to what is no PCI function.
 */
int uses_remote_mount(struct uses *u, const struct mount *m, const char *code, const char *text,
		      bool *ret_ended) MUST_CHECK;
/** Is this disk (no partition) reached through a network or a fabric, and no child of a PCI function? */
bool uses_is_remote_disk(const struct blocks *b, const struct block *disk);
/** what: "/dev/sda2"; text: "mounted at /". */
int uses_remote_disk(struct uses *u, const struct blocks *b, const struct block *disk, const char *code,
		     const char *what, const char *text, bool *ret_ended) MUST_CHECK;

#endif
