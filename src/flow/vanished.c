/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions that were assigned and are not there any more: their slot lost its power, or the virtual function was
 * removed. Their records describe nothing; a function that is found there later is another one.
 */
#include <string.h>

#include "base/error.h"
#include "flow/settle.h"
#include "host/observe.h"

struct vanished {
	struct vfioadm_ctx *ctx;
	struct host *host;
	struct store *store;
	const struct strv *busy; /* of runs that have not come to their end: their undo may need the records */
	bool drop;
	struct vfioadm_settlement *all;
};

enum gone { GONE_NOT, GONE, GONE_REPLACED };

/* What has its address now may be another card, or the same one in another life: nobody has assigned that. */
static enum gone is_gone(const struct vanished *v, const char *address, const struct record *record)
{
	uint64_t incarnation;
	int r = strv_has(v->busy, address) ? -EBUSY : observe_incarnation(v->host, address, &incarnation);

	if (r == -ENODEV)
		return GONE;
	return r == 0 && record && record->incarnation && incarnation != record->incarnation ? GONE_REPLACED : GONE_NOT;
}

static int tell(struct vanished *v, const char *address, enum gone gone, const struct record *record)
{
	struct vfioadm_settled *item = &v->all->items[v->all->n];
	struct arena *arena = &v->all->arena;
	const char **devices = arena_alloc(arena, sizeof(*devices));
	const char *before = !record ? "" : record->driver ? record->driver : "none";

	if (!devices)
		return -ENOMEM;
	devices[0] = arena_strdup(arena, address);
	*item = (struct vfioadm_settled){ .verb = "assign", .n_devices = 1, .devices = devices, .as = VFIOADM_SETTLED_STALE };
	item->message = arena_format(arena, "%s was assigned%s%s%s and is no longer there%s%s.", address,
				     *before ? " (driver before: " : "", before, *before ? ")" : "",
				     gone == GONE_REPLACED ? ": what has its address now was added later" : "",
				     v->drop ? "; its record was removed" : "");
	if (!devices[0] || !item->message)
		return -ENOMEM;
	v->all->n++;
	return 0;
}

static int add_vanished(struct vanished *v, const struct strv *records)
{
	/* One list, whose first part is there. */
	struct vfioadm_settled *items =
		arena_alloc(&v->all->arena, (v->all->n + records->n + 1) * sizeof(*items));
	int r = 0;

	if (!items)
		return -ENOMEM;
	if (v->all->n)
		memcpy(items, v->all->items, v->all->n * sizeof(*items));
	v->all->items = items;
	for (size_t i = 0; r == 0 && i < records->n; i++) {
		struct record record;
		bool known = store_load_record(v->store, records->items[i], &v->all->arena, &record) == 0;
		enum gone gone = is_gone(v, records->items[i], known ? &record : NULL);

		if (gone == GONE_NOT)
			continue;
		r = tell(v, records->items[i], gone, known ? &record : NULL);
		if (r == 0 && v->drop)
			r = store_drop_record(v->store, records->items[i]);
		if (r == 0 && v->drop && v->host->ops->announce)
			v->host->ops->announce(v->host, v->all->items[v->all->n - 1].message);
	}
	return r;
}

void settle_explain_vanished(struct vfioadm_ctx *ctx, struct vfioadm_error **err)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	CLEANUP(arena_free) struct arena arena = { 0 };
	const char *device = err && *err ? vfioadm_error_device(*err) : NULL;
	struct record record;

	if (!device || !ctx->host->live || store_open(&store, ctx->run_dir, NULL) < 0 || store.dir < 0 ||
	    store_load_record(&store, device, &arena, &record) < 0)
		return;
	error_suffix(err, "it was assigned (driver before: %s) and is no longer there.",
		     record.driver ? record.driver : "none");
	error_hint(err, "'vfioadm settle' removes its record.");
}

int settle_vanished(struct vfioadm_ctx *ctx, struct store *store, const struct strv *busy, bool drop,
		    struct vfioadm_settlement *all, struct vfioadm_error **err)
{
	struct vanished v = { .ctx = ctx, .host = ctx->host, .store = store, .busy = busy, .drop = drop, .all = all };
	_cleanup_strv_ struct strv records = { 0 };
	int r;

	/* Without a bus nothing is there, and nothing has gone. */
	if (!ctx->host->live || !host_exists(ctx->host, "sys/bus/pci/devices"))
		return 0;
	r = store_list_records(store, &records);
	if (r == 0 && records.n)
		r = add_vanished(&v, &records);
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return error_oom(err);
	error_set(err, r, VFIOADM_E_STORE, "The records of assigned functions cannot be used: %s.", strerror(-r));
	error_path(err, "/run/vfioadm/records");
	error_hint(err, "Make it a directory that only root can write.");
	return r;
}
