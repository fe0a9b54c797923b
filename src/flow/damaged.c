/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Journals that cannot be read: what their runs did is not known, so nothing of it can be undone. Changing verbs refuse
 * to go on until somebody has been told; 'vfioadm settle' tells, and moves the journal out of the way.
 */
#include <string.h>

#include "flow/settle.h"
#include "store/journal.h"

int settle_damaged(struct vfioadm_ctx *ctx, struct store *store, const char *run, bool set_aside,
		   struct vfioadm_settlement *all)
{
	struct vfioadm_settled *item = &all->items[all->n];
	int r = set_aside ? journal_set_aside(store, run) : 0;

	if (r < 0)
		return r;
	*item = (struct vfioadm_settled){ .as = VFIOADM_SETTLED_FAILED };
	item->run = arena_strdup(&all->arena, run);
	item->message = arena_format(&all->arena,
				     "The journal %s of an interrupted run is damaged, or of another version of vfioadm%s%s.",
				     run, set_aside ? "; it was moved to " RUN_DIR "/damaged/" : "",
				     set_aside ? run : "");
	item->hint = "It says what was done. vfioadm release gives back what is left on VFIO or without a driver.";
	if (!item->run || !item->message)
		return -ENOMEM;
	all->n++;
	if (set_aside && ctx->host->ops->announce)
		ctx->host->ops->announce(ctx->host, item->message);
	return 0;
}
