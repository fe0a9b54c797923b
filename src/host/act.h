/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_ACT_H
#define VFIOADM_HOST_ACT_H

#include "base/helper.h"
#include "host/host.h"

/*
 * What may block, on the running kernel: sent to the helper process with the host's deadline. These are
 * the acting entries of the live host's table; act_serve() is the other side, in the helper program.
 */
enum act_operation {
	ACT_WRITE = 1,
	ACT_READ,
	ACT_LOAD_MODULE,
	ACT_CLAIM,
	ACT_END,
	ACT_HOLD,
	ACT_LET_GO,
	ACT_NET_LINKS, /* these: act_net.c */
	ACT_ROUTE,
	ACT_SMC,
	ACT_OWN_NODE,
	ACT_LOOK_AT_NODE,
};

/*
 * Of these, -ETIMEDOUT says that it is still in the kernel. Where the kernel itself answers so (a driver's
 * probe that waited for its device), they say -ETIME.
 */
int act_write(struct helper *helper, struct host *h, const char *path, const char *data, size_t size);
ssize_t act_read(struct helper *helper, struct host *h, const char *path, char *buf, size_t size);
/** options: NULL, or module parameters; with options a module that is loaded already is -EEXIST. */
int act_load_module(struct helper *helper, struct host *h, const char *module, const char *options);

/** What came of a request: was there a helper at all? */
void act_note(struct host *h, const struct helper *helper, int r);

/** See own_node of host.h. */
int act_own_node(struct helper *helper, struct host *h, const char *path, const char *owner, bool look_only);

/** See the claims of host.h. */
int act_claim(struct helper *helper, struct host *h, const char *run_dir, const char *run, const char *name,
	      pid_t *ret_holder);
/** Asks for the end of a claim; act_ended() waits until it is so. */
void act_end(struct helper *helper);
void act_ended(struct helper *helper, struct host *h);
int act_hold(struct helper *helper, struct host *h, const char *disk);
int act_let_go(struct helper *helper, struct host *h);

/** One line to the system log's socket; without one it is dropped. Never blocks. */
void act_announce(const char *text);

/**
 * The helper's side (kmod.c). -ELIBACC: there is no libkmod; -EOPNOTSUPP: modprobe.d has a command for it, or for a
 * module that it needs, and that failed.
 */
int64_t act_serve_load_module(const char *module, const char *options);
/** act_node.c */
int64_t act_serve_own_node(const char *path, const char *data, size_t size, bool look_only);
int64_t act_serve(uint32_t operation, const char *path, const char *data, size_t data_size, char *reply,
		  size_t size, size_t *ret_size);

#endif
