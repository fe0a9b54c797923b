/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_LIVE_H
#define VFIOADM_HOST_LIVE_H

#include "base/helper.h"
#include "host/host.h"

/*
 * The kernel log as seen from the first log_position() on: lines are collected from one descriptor, a
 * position is the number of lines before it.
 */
struct kernel_log {
	int fd; /* -1: not opened yet */
	struct strv lines;
	uint64_t first; /* number of lines[0]; older ones were dropped */
};

/** One name that is ours, and the helper that holds it; see live_claims.c. */
struct live_claim {
	char *name;
	struct helper *helper;
	pid_t pid;
	bool holds; /* a disk */
};

/* Further ones are begun when they are claimed: so many that most runs need no more, and few enough to be in vain. */
enum { LIVE_SPARES_MAX = 32 };

/* Few directories are open at once; of further ones a failure is told without them. */
enum { LIVE_DIRS_MAX = 8 };

/** The running kernel. */
struct live_host {
	struct host host;
	int root;
	struct live_dir {
		int fd; /* 0: free */
		char path[128];
	} dirs[LIVE_DIRS_MAX];
	char *program;
	struct helper *helper; /* what is done without a claim; see live_helper() */
	struct live_claim *claims;
	size_t n_claims;
	struct helper *spares[LIVE_SPARES_MAX]; /* begun for claims that are to come */
	size_t n_spares;
	struct kernel_log log;
};

static inline struct live_host *live_of(struct host *h)
{
	return (struct live_host *)h;
}

/* For tests. */
/** A frame of a kernel stack that tells only how it sleeps: "schedule_timeout", "process_timeout". */
bool live_only_sleeps(const char *frame);
/** The text of a record of /dev/kmsg when the kernel itself has written it, else NULL. */
const char *live_log_text(const char *record);
/** Does this record speak of needle? An address is no part of a longer one. */
bool live_log_mentions(const char *record, const char *needle);

/* live_claims.c: who does what may block */
/** The helper for what is about no function in particular. Never NULL. */
struct helper *live_helper(struct host *h);
void live_prepare(struct host *h, size_t claims);
int live_claim(struct host *h, const char *run_dir, const char *run, const char *name, pid_t *ret_holder);
void live_unclaim(struct host *h, const char *const *names, size_t n);
int live_hold(struct host *h, const char *name, const char *disk);
void live_let_go(struct host *h, const char *name);
int live_stuck_in(struct host *h, const char *name, struct strv *ret);
bool live_is_ours(struct host *h, pid_t pid);
int live_write(struct host *h, const char *claim, const char *path, const char *data, size_t size);
ssize_t live_read_locked(struct host *h, const char *path, char *buf, size_t size);
int live_own_node(struct host *h, const char *claim, const char *path, const char *owner, bool look_only);
int live_load_module(struct host *h, const char *module, const char *options);

/* boot_image.c */
int live_image_has(struct host *h, const char *const *modules, size_t n);
int live_rebuild_image(struct host *h, bool back);
void live_reload_rules(struct host *h);
void live_claims_free(struct live_host *l);

/* live_net.c: see the same entries of host.h */
int live_net_links(struct host *h, const char *netns, struct strv *ret);
int live_route_to(struct host *h, const char *destination, const char *from, char *ret_interfaces,
		  size_t size);
int live_smc_devices(struct host *h, struct strv *ret);

/* live_query.c: what only the running kernel answers */
int live_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6]);
int live_log_position(struct host *h, uint64_t *ret_position);
int live_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret);
void live_query_free(struct live_host *l);

#endif
