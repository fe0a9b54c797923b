/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_STORE_JOURNAL_PRIVATE_H
#define VFIOADM_STORE_JOURNAL_PRIVATE_H

#include "model/address.h"
#include "store/journal.h"

/** From "verb" to "plan-end". */
void journal_write_plan(struct strbuf *out, const struct vfioadm_plan *plan);
/** One line of these, cut into its first word and the rest. 0, -EBADMSG, -ENOMEM. */
int journal_read_plan_line(struct vfioadm_plan *plan, const char *word, char *rest) MUST_CHECK;

#endif
