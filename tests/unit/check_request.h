/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_CHECK_REQUEST_H
#define TESTS_UNIT_CHECK_REQUEST_H

#include "inventory_builder.h"
#include "plan_text.h"
#include "policy/check.h"

/* What the tests of the checks ask: one request, and the whole text of its findings. */

struct request {
	enum verb verb;
	const char *functions; /* "0000:01:00.0,0000:01:00.1" */
	const char *force;     /* codes, comma separated */
	bool refused;
	const char *along;   /* functions */
	const char *driver;
	const char *pending; /* addresses */
	bool host;
	bool park;
	bool assigned; /* release: all of them count as assigned, wherever they are */
};

/** The plan that holds the findings; fails when "refused" is not what was expected. */
struct vfioadm_plan *run_check(struct vfioadm_inventory *inv, const struct request *r);
void assert_check(struct vfioadm_inventory *inv, const struct request *r, const char *expected);
/** 0000:01:00.0 in group 7. */
struct vfioadm_inventory *one_function(uint32_t class_code, const char *driver);

static const struct request assign __attribute__((unused)) = {VERB_ASSIGN, "0000:01:00.0", NULL, false};
static const struct request assign_refused
	__attribute__((unused)) = {VERB_ASSIGN, "0000:01:00.0", NULL, true};
static const struct request enable __attribute__((unused)) = {VERB_ENABLE, "0000:01:00.0", NULL, false};
static const struct request enable_refused
	__attribute__((unused)) = {VERB_ENABLE, "0000:01:00.0", NULL, true};
static const struct request release __attribute__((unused)) = {VERB_RELEASE, "0000:01:00.0", NULL, false};
static const struct request release_refused
	__attribute__((unused)) = {VERB_RELEASE, "0000:01:00.0", NULL, true};

#endif
