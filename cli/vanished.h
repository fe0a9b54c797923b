/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_VANISHED_H
#define VFIOADM_CLI_VANISHED_H

#include "cli.h"
#include "json.h"

/* Functions that were assigned and are not there any more, for who lists what there is. See settle.c. */

/** NULL: it cannot be found out. The caller frees it. */
struct vfioadm_settlement *vanished_find(struct cli *cli);
/** One line for each, on standard error. */
void vanished_say(struct cli *cli, const struct vfioadm_settlement *settlement);
/** The key "vanished" of an object that is open: their addresses. always: also when there are none. */
void vanished_json(struct json *j, const struct vfioadm_settlement *settlement, bool always);

#endif
