/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_SPAWN_H
#define VFIOADM_BASE_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/macro.h"

/**
 * A pair of connected sockets (AF_UNIX, type), both close-on-exec; theirs is above spawn_fd, as spawn_detached()
 * wants it: a dup2 onto itself would keep close-on-exec.
 */
int spawn_socket(int type, int spawn_fd, int *ret_ours, int *ret_theirs) MUST_CHECK;

/**
 * Starts a program that nobody has to wait for, with fd (which must be above spawn_fd) as its descriptor
 * spawn_fd, /dev/null below it, nothing above it, its own session, default signals and an environment of
 * ours. Never blocks, even where the program's file system hangs: the caller sees that on the other end
 * of fd, where nothing comes. What keeps the program from being started comes there as one message, an
 * int64_t with the negative errno. *ret_group (NULL: not wanted): its process group, which is its alone.
 * *ret_process: a pidfd for spawn_reap(), or -1 where there is nothing to reap.
 */
int spawn_detached(const char *program, int fd, int spawn_fd, pid_t *ret_group, int *ret_process) MUST_CHECK;

/**
 * What was started belongs to init, but where this process is PID 1 of a container, or a subreaper, it is init to it,
 * and what has ended stays a zombie until it is waited for. true: nothing of it is left here; false: it is ours and
 * still runs after timeout_ms. By a pidfd, never by number: no other child is taken from who waits for it.
 */
bool spawn_reap(int process, unsigned timeout_ms) MUST_CHECK;
/** A pidfd of this process itself, for whoever may have to reap it; -1: none is to be had. */
int spawn_self(void);

/** sendmsg(2), with a descriptor that goes along (-1: none). */
ssize_t spawn_send(int fd, struct iovec *parts, size_t n, int pass, int flags);
/** recvmsg(2); *ret_fd: the descriptor that came along, close-on-exec, or -1. */
ssize_t spawn_receive(int fd, struct iovec *parts, size_t n, int flags, int *ret_fd);

/**
 * The same of a program that was started so, and has one thread: a copy of it in its session, with fd as spawn_fd.
 * 1: this is the copy; 0: this is the caller, to whom nobody tells whether there is one.
 */
int spawn_copy(int fd, int spawn_fd) MUST_CHECK;

#endif
