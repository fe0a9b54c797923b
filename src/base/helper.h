/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_HELPER_H
#define VFIOADM_BASE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "macro.h"

/*
 * A helper process does what may block for ever, so that its caller need not. It is started by exec (the
 * caller may be a threaded program), has its own session, /dev/null as its standard descriptors and no
 * other descriptor than its socket: an orphan that kept the caller's standard output or a lock open would
 * hang whoever waits for them. Requests and replies are single messages on that socket; results never come
 * through SIGCHLD, and no zombie is left (the helper is no child of its caller). Neither does the caller
 * wait for its start longer than the deadline.
 *
 * Both are of the same build, or neither does anything for the other: the helper says its version first, and each
 * request says its sender's.
 *
 * One helper serves one request after the other. A request that outlasts its deadline leaves that helper
 * to itself: it ends when the kernel lets go of it; the next request starts another one.
 */
struct helper;

enum { HELPER_MESSAGE_MAX = 16384 };

/** What a helper says first. One that cannot be started says the errno only, as an int64_t. */
struct helper_hello {
	int64_t pid;
	uint32_t version;
	uint32_t reserved;
};

/** What a request and a reply start with; text follows, NUL-terminated strings one after the other. */
struct helper_request {
	uint32_t operation;
	uint32_t size;      /* bytes of data behind the strings */
	uint32_t path_size; /* with NUL */
	uint32_t version;
};

struct helper_reply {
	int64_t result; /* length or 0, or a negative errno */
};

/** program must be an absolute path and is copied; nothing is started yet. */
int helper_new(const char *program, struct helper **ret) MUST_CHECK;
/**
 * Starts the program and does not wait for it: what the caller does meanwhile costs no time of the first request.
 * That one tells when the program could not be started.
 */
void helper_prepare(struct helper *h);
/** Waits for one that was prepared; what keeps it from starting is told by the next request, which tries again. */
void helper_await(struct helper *h, unsigned timeout_ms, int cancel_fd);
/** Closes the socket; a helper that waits for requests ends, a blocked one when it can.
 * Where this process is to reap it, it waits a second for that; what runs on is an orphan like any other then. */
void helper_free(struct helper *h);
/**
 * helper_free() that waits for nothing. What is to be reaped then is left to heir, as far as it has not ended: see
 * spawn_reap().
 */
void helper_leave(struct helper *h, struct helper *heir);
/** Reaps those that were left: by helper_leave(), or to themselves. At once where this process is not their parent. */
void helper_reap(struct helper *h, unsigned timeout_ms);

/**
 * One request. *ret_result is what the operation returned; reply data (at most size bytes) go to data,
 * their length to *ret_size. cancel_fd (-1: none) is an eventfd that counts the wish to stop: from the
 * second one on the wait ends at once.
 * 0; -ETIMEDOUT: still blocked (also when waiting was cancelled); -EPIPE: the helper died; and where it was
 * not even sent, -ENOPKG: the program cannot be started or is another version's, -ECANCELED: or was not waited for
 * any longer.
 */
int helper_call(struct helper *h, uint32_t operation, const char *path, const void *request,
		size_t request_size, unsigned timeout_ms, int cancel_fd, int64_t *ret_result, void *data,
		size_t size, size_t *ret_size) MUST_CHECK;

/**
 * The two halves of a request, for who has several helpers work at once. -EBADF: the helper is not ready
 * (helper_call() and helper_await() see to that), or nothing was sent. Sending again before the reply was received
 * leaves the helper to itself.
 */
int helper_send(struct helper *h, uint32_t operation, const char *path, const void *request, size_t size) MUST_CHECK;
int helper_receive(struct helper *h, unsigned timeout_ms, int cancel_fd, int64_t *ret_result, void *data, size_t size,
		   size_t *ret_size) MUST_CHECK;

/** How often stopping was asked for on this non-blocking eventfd; 0 for -1. Leaves the count as it is. */
uint64_t cancel_count(int cancel_fd);

/**
 * helper_prepare(), as a copy of another one that runs, which costs a fork and no exec; that one makes it when what it
 * was asked for before is done. Where it dies before, the program is started. -EPIPE: it is dead already; -EAGAIN: too
 * much waits for it.
 */
int helper_copy(struct helper *from, struct helper *h) MUST_CHECK;

/** The process that holds the last request that timed out; 0: none. */
pid_t helper_stuck_pid(const struct helper *h);
/** The process that serves; 0: none was started, or it was left to itself. */
pid_t helper_pid(const struct helper *h);

/** The program that was started last is of another version, and was asked for nothing. */
bool helper_is_foreign(const struct helper *h);

/* ---- the other side ---- */

struct helper_server {
	/* One request: writes at most size bytes to reply and their number to *ret_size. */
	int64_t (*serve)(void *userdata, uint32_t operation, const char *path, const char *data,
			 size_t data_size, char *reply, size_t size, size_t *ret_size);
	/* The caller went away: it died, or it gave up waiting for this helper. May be NULL. */
	void (*gone)(void *userdata);
	/* This process is a copy now, and must let go of what the other one holds. May be NULL. */
	void (*copied)(void *userdata);
	void *userdata;
};

/** The main loop of a helper program on descriptor HELPER_FD; returns its exit status. */
int helper_main(const struct helper_server *server);

/** What both sides must have in common. */
uint32_t helper_version(void);

/** An operation that the main loop itself serves; the only one without a reply. */
#define HELPER_COPY 0xffffffffu

enum { HELPER_FD = 3 };

#endif
