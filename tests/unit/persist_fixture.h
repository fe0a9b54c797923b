/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_TEST_PERSIST_FIXTURE_H
#define VFIOADM_TEST_PERSIST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "fake/fake.h"
#include "fake_root.h"
#include "flow/ctx.h"

/* A host of the model whose declared state lies in a directory of its own. */

/* With a process: where none is to be seen nobody can know who holds a device open. */
#define HOST_ROOT                                                                                  \
	FAKE_ROOT "d proc/sys/kernel/random\nf boot_id 5ca1ab1e\n"                                 \
		  "d proc/self/ns\nl pid pid:[4026531836]\nl mnt mnt:[4026531840]\n"               \
		  "d proc/1\nf stat 1 (init) S 0 1 1 0 -1 4194560\nd proc/1/fd\n"                  \
		  "d proc/1/ns\nl mnt mnt:[4026531840]\nl net net:[4026531992]\n"
/* The NVMe function is mounted. */
#define MOUNTED                                                                                    \
	"d proc/self\nt mountinfo\n"                                                               \
	"\t22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/nvme0n1 rw\n"                           \
	"d proc/1\nt mountinfo\n"                                                                  \
	"\t22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/nvme0n1 rw\n"

typedef int make_fn(struct vfioadm_ctx *, const char *const *, size_t, const struct vfioadm_options *,
		    struct vfioadm_plan **, struct vfioadm_error **);

struct persist_test {
	char run_dir[64], root[64];
	struct host *host; /* the context's */
	struct vfioadm_ctx *ctx;
	struct vfioadm_plan *plan;
	struct vfioadm_error *err;
	struct vfioadm_status *status;
};

/** Directories alone; switch_on() makes the host, from the text of its root. */
int setup_directories(void **state);
int switch_on(struct persist_test *t, const char *host);
int setup(void **state);
int setup_mounted(void **state);
void forget(struct persist_test *t);
int teardown(void **state);
int plan(struct persist_test *t, make_fn *make, const char *what, struct vfioadm_options o);
void done(struct persist_test *t, make_fn *make, const char *what, bool persist);
/** The only file in a directory below the root, whole; NULL: there is none. */
char *only_file(const struct persist_test *t, const char *directory, char name[256]);
char *declared(const struct persist_test *t, char name[256]);
char *rules(const struct persist_test *t);
/** Below etc; its directory is made. */
void write_etc(const struct persist_test *t, const char *directory, const char *name, const char *text);
void write_conf(const struct persist_test *t, const char *name, const char *text);
const struct vfioadm_declared *status_of(struct persist_test *t, const char *name);
void assert_state(struct persist_test *t, const char *name, enum vfioadm_declared_state wanted);
bool has_step(const struct persist_test *t, const char *action);
const struct vfioadm_finding *finding(const struct persist_test *t, const char *code);
int plan_renewal(struct persist_test *t, bool image_too);
void renewed(struct persist_test *t, bool image_too, bool rebuilds);
void nothing_to_renew(struct persist_test *t, bool image_too);

#endif
