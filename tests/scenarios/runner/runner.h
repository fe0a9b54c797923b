/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_SCENARIO_RUNNER_H
#define VFIOADM_SCENARIO_RUNNER_H

#include <stdio.h>

#include "flow/ctx.h"
#include "host/host.h"

/*
 * Runs scenarios (../README.md) on the model of a kernel or on a kernel in a guest, and writes the
 * transcript that must be the same on both.
 */

/** A name for a function that means the same in every line-up: "NVME0" is 0000:03:00.0 here. */
struct role {
	char *name;
	char address[24];
};

struct roles {
	struct role *items;
	size_t n;
};

/** What is compared before and after: everything that vfioadm may change of a function. */
struct function_state {
	char address[24];
	char *driver, *override; /* "none", "(null)" */
	bool group_node, vfio_node;
};

struct snapshot {
	struct function_state *items;
	size_t n;
};

struct runner {
	struct host *host; /* recorder; owned by ctx */
	struct host *fake; /* behind it, when it is the model */
	struct vfioadm_ctx *ctx;
	struct roles roles;
	FILE *transcript; /* may be NULL */

	/* the scenario that runs */
	const char *name;
	unsigned line;
	char *reason; /* why it failed or was skipped */
	struct snapshot start;
	char *list; /* remembered list --json */
	int status; /* of the last vfioadm */
	char *out, *err;
	int result;		       /* of the last write or modprobe, negative errno */
	char *aside_path, *aside_data; /* what somebody else will write */
	bool may_differ;	       /* the scenario may leave another state */
	bool quiet;		       /* only what fails is printed */
	/* Before each vfioadm line, when set; what it does must not be seen afterwards. 0, FAILED. */
	int (*before_vfioadm)(struct runner *run, const struct strv *words);
};

enum verdict { PASSED = 0, FAILED = 1, SKIPPED = 2 };

/* start.c */
struct runner_options {
	const char *host, *model, *map, *helper, *run_dir;
};
int runner_set_root(struct vfioadm_ctx *ctx) MUST_CHECK;
int runner_start(struct runner *run, const struct runner_options *o) MUST_CHECK;
void runner_stop(struct runner *run);
/** With a fresh host, as if nothing had ever run. */
int runner_restart(struct runner *run, const struct runner_options *o) MUST_CHECK;
/** The directory with all that is in it. */
void runner_remove_files(const char *dir);
int runner_add_files(const char *path, struct strv *files) MUST_CHECK;
int runner_read_file(const char *path, char **ret) MUST_CHECK;

/* roles.c */
int roles_find(struct host *h, struct roles *ret) MUST_CHECK;
/** Lines "NAME ADDRESS". */
int roles_read(const char *path, struct roles *ret) MUST_CHECK;
const char *roles_address(const struct roles *roles, const char *name, size_t len);
/** A copy of text with every address that has a role replaced by "$ROLE". */
char *roles_hide(const struct roles *roles, const char *text) MUST_CHECK;
void roles_clear(struct roles *roles);

/* state.c */
int snapshot_take(struct host *h, struct snapshot *ret) MUST_CHECK;
void snapshot_clear(struct snapshot *s);
const struct function_state *snapshot_find(const struct snapshot *s, const char *address);
/** NULL: equal; else what differs, in words. */
char *snapshot_difference(const struct snapshot *before, const struct snapshot *after);
/** To the transcript. */
int state_dump(struct runner *run) MUST_CHECK;
/** Writes everything back by hand after a scenario that failed, so that the next one can run. */
void state_restore(struct runner *run);
/** Numbers that the kernel hands out anew (eth0, nvme0n1) become "N", in place. */
void hide_instances(char *json);

/* words.c */
/** Splits at blanks, honours "double quotes" with \n \\ \", and replaces $ROLE and ${ROLE.what}. */
int words_split(struct runner *run, const char *line, struct strv *ret) MUST_CHECK;

/* scenario.c */
/** name is the file's, for messages. */
enum verdict scenario_run(struct runner *run, const char *name, const char *text);
int runner_failed(struct runner *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
int runner_note(struct runner *run, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* lines.c: a line that does something; -EINVAL: no such line. 0, FAILED or SKIPPED. */
int line_run(struct runner *run, const struct strv *words);
/* expect.c */
int line_expect(struct runner *run, const struct strv *words);
/* requires.c */
int line_requires(struct runner *run, const struct strv *words);

/** Runs the command line in the process; fills run->status, out and err. */
int run_vfioadm(struct runner *run, const struct strv *words) MUST_CHECK;

#endif
