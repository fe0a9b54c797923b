/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_CHANGE_H
#define VFIOADM_CLI_CHANGE_H

#include "cli.h"

/* What a changing verb says: before, during and after its run. */

/** A finding on standard error. */
void change_say_finding(struct cli *cli, const struct vfioadm_finding *f);
/** The options that the command line gives to the planning functions. */
struct vfioadm_options change_options(const struct cli *cli);
/**
 * Says what is found, runs the plan (unless dry) and says its error, but not what became of each function.
 * Returns what vfioadm_plan_run() did; with the plan still "planned" it did not begin, and nothing was said.
 */
int change_perform(struct cli *cli, struct vfioadm_plan *plan, bool dry, struct vfioadm_error **ret_error,
		   int *ret_status);
/** Findings, and what a dry run or an enable tells before anything is written. */
void change_announce(struct cli *cli, const struct vfioadm_plan *plan, bool dry);
/** A step's text, without the end of the line; with --verbose also what is written where. */
void change_print_step(struct cli *cli, const struct vfioadm_step *step, const char *before,
		       const char *after);
/** What became of it, and the end of the line. */
void change_print_state(struct cli *cli, const struct vfioadm_step *step);
/** The result, one line per function. run: the plan was carried out. */
void change_conclude(struct cli *cli, const struct vfioadm_plan *plan, bool run);
/** What a plan says, as members of an object that is open. */
struct json;
void change_json_members(struct json *j, const struct vfioadm_plan *plan);
/** Its steps alone, as items of an array that is open. */
void change_json_steps(struct json *j, const struct vfioadm_plan *plan);
/** All of it as one object. */
void change_json(struct cli *cli, const struct vfioadm_plan *plan,
		 const struct vfioadm_error *error, int r);

#endif
