/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_CLI_H
#define VFIOADM_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <vfioadm.h>

#include "util.h"

/**
 * Runs one command line and returns the exit status. argv[0] is the program's name. Nothing is kept from
 * one call to the next but what the options set in the context (sysroot, deadlines).
 */
int cli_run(struct vfioadm_ctx *ctx, int argc, char **argv, FILE *out, FILE *err);

/* ---- inside the program ------------------------------------------------------------------------ */

enum cli_opt {
	OPT_JSON,
	OPT_SYSROOT,
	OPT_TIMEOUT,
	OPT_LOCK_WAIT,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_COLOR,
	OPT_VERSION,
	OPT_HELP,
	OPT_HELPER,
	OPT_ALL,
	OPT_TREE,
	OPT_ENABLED,
	OPT_USERS,
	OPT_COLUMNS,
	OPT_DRY_RUN,
	OPT_GROUP,
	OPT_DRIVER,
	OPT_ALL_MATCHING,
	OPT_PARK,
	OPT_FORCE,
	OPT_PERSIST,
	OPT_MODPROBE,
	OPT_ATOMIC,
	OPT_BOOT,
	OPT_ONLY,
	OPT_INITRAMFS,
	OPT_OPTIONS,
	OPT_N,
};
#define OPT_BIT(opt) (UINT64_C(1) << (opt))

enum cli_arg { ARG_NONE, ARG_REQUIRED, ARG_OPTIONAL };

struct cli_option {
	const char *name;
	char letter; /* 0: none */
	enum cli_arg has_arg;
	const char *arg;  /* its name in the help */
	const char *help; /* NULL: hidden */
	bool global;
};
/** Indexed by enum cli_opt. */
extern const struct cli_option cli_options[OPT_N];

enum cli_tree { TREE_NONE, TREE_GROUPS, TREE_TOPOLOGY };

struct cli {
	struct vfioadm_ctx *ctx;
	FILE *out, *err;
	const struct cli_verb *verb; /* NULL while the options in front of it are read */
	uint64_t given;		     /* OPT_BIT() of the options that were given */
	bool json, quiet, verbose, color;
	bool verb_given; /* else list is meant */

	enum cli_tree tree;
	const char *columns;
	const char *driver;
	const char *only; /* an address, as the kernel writes it */
	char only_text[24];
	const char *about; /* the declaration that is being applied, for messages */
	const char *const *operands;
	size_t n_operands;
	const char **force; /* finding codes; the strings are in force_text */
	size_t n_force;
	struct text force_text;
	bool bare_force; /* --force without codes: ask the plan which there are */
};

static inline bool cli_has(const struct cli *cli, enum cli_opt opt)
{
	return cli->given & OPT_BIT(opt);
}

struct cli_verb {
	const char *name;
	const char *args;	 /* after the options, for the help */
	const char *operand;	 /* what min_operands are: "SELECTOR" */
	size_t min_operands;	 /* as many as one likes where this is not 0 */
	bool any_operands;	 /* operands although none are needed */
	const char *help;	 /* one line */
	const char *description; /* what the line does not say; lines of text */
	uint64_t options;	 /* OPT_BIT() of its own; the global ones come with every verb */
	int (*run)(struct cli *cli);
};
enum { CLI_MAX_VERBS = 32 };
extern const struct cli_verb cli_verbs[];
extern const size_t cli_n_verbs;
const struct cli_verb *cli_verb_find(const char *name);
/** Options that a verb takes, with the global ones; NULL: the global ones alone. */
uint64_t cli_verb_options(const struct cli_verb *verb);

/* opts.c */
/** Reads global options and finds the verb, then reads its options. *ret_status is set when < 0. */
int cli_parse(struct cli *cli, int argc, char **argv, int *ret_status);
/** Fills names with the long options among the set that are not hidden; returns how many. */
size_t cli_option_names(uint64_t set, const char *names[OPT_N]);

/* message.c: what is said to people on standard error, or to programs as an error object */

/** Status 2; hint may be NULL. */
int cli_usage(struct cli *cli, const char *hint, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** Prints the error (NULL when memory was short) and frees it; r is what came with it. */
int cli_error(struct cli *cli, struct vfioadm_error *error, int r);
int cli_oom(struct cli *cli);
/** One sentence, and what to do about it (or NULL); kernel's strings in it are escaped. */
void cli_say(struct cli *cli, const char *message, const char *hint);
void cli_sayf(struct cli *cli, const char *hint, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct json;
/** The object below the key "error". */
void cli_error_json(struct json *j, const struct vfioadm_error *error, int r);
/** Status for an error, also when there is none because memory was short. */
int cli_error_status(const struct vfioadm_error *error, int r);

/* message.c: colours; all give "" unless colour is wanted */
enum cli_color { COLOR_NONE, COLOR_GOOD, COLOR_WARN, COLOR_BAD, COLOR_VFIO, COLOR_HEAD };
const char *cli_color(const struct cli *cli, enum cli_color color);
const char *cli_color_end(const struct cli *cli, enum cli_color color);
enum cli_color cli_verdict_color(enum vfioadm_verdict verdict);

/* Verbs. */
int verb_list(struct cli *cli);
int verb_show(struct cli *cli);
int verb_check(struct cli *cli);
int verb_enable(struct cli *cli);
int verb_disable(struct cli *cli);
int verb_assign(struct cli *cli);
int verb_release(struct cli *cli);
int verb_import(struct cli *cli);
int verb_settle(struct cli *cli);
int verb_plan(struct cli *cli);
int verb_apply(struct cli *cli);
int verb_status(struct cli *cli);
int verb_config(struct cli *cli);
int verb_help(struct cli *cli);

/* help.c */
int help_overview(struct cli *cli);
int help_verb(struct cli *cli, const struct cli_verb *verb);

/* signals.c */
/** First of all: from here on no signal of a limit ends the program in the middle of a write. */
void signals_begin(void);
/** From here on SIGINT, SIGTERM and SIGXCPU undo what runs with ctx; SIGHUP and SIGPIPE are ignored for good. */
void signals_arm(struct vfioadm_ctx *ctx);
/** Has there been a SIGINT or SIGTERM since this was asked last? */
bool signals_stopped(void);
/** The change is over: the context may go away. */
void signals_disarm(void);

#endif
