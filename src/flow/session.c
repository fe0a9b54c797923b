/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "apply/apply.h"
#include "base/error.h"
#include "flow/lock.h"
#include "flow/session.h"
#include "flow/settle.h"

static void session_free(void *userdata)
{
	struct session *s = userdata;
	struct host *h = s->ctx->host;

	if (h->ops->unclaim)
		h->ops->unclaim(h, (const char *const *)s->claims.items, s->claims.n);
	store_close(&s->store);
	strv_clear(&s->claims);
	unsettled_clear(&s->unsettled);
	strv_clear(&s->held);
	strv_clear(&s->busy);
	ctx_end_cancel(s->ctx);
	vfioadm_ctx_unref(s->ctx);
	free(s);
}

struct session *session_of(const struct vfioadm_plan *plan)
{
	return plan->session;
}

void session_close(struct vfioadm_plan *plan)
{
	if (plan->session)
		session_free(plan->session);
	plan->session = NULL;
}

/* "assign 0000:01:00.0 0000:02:00.0 …": who waits for the lock reads it in one line. */
static void describe(char *what, size_t size, enum verb verb, const char *const *operands, size_t n)
{
	size_t used = (size_t)snprintf(what, size, "%s", journal_verb(verb));

	for (size_t i = 0; i < n && used < size; i++) {
		if (used + strlen(operands[i]) + 6 > size) {
			snprintf(what + used, size - used, " …");
			return;
		}
		used += (size_t)snprintf(what + used, size - used, " %s", operands[i]);
	}
	host_clean_text(what);
}

/* Of these an error may have to tell what they were. */
static int add_named(struct strv *named, const char *const *operands, size_t n)
{
	char address[ADDRESS_MAX];
	struct address a;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (address_parse(operands[i], &a) < 0)
			continue;
		address_format(&a, address);
		r = strv_add(named, address);
	}
	return r;
}

static int lock_and_settle(struct session *s, const char *what, const char *const *operands, size_t n,
			   struct vfioadm_error **err)
{
	struct vfioadm_settlement settlement = { 0 };
	_cleanup_strv_ struct strv named = { 0 };
	int r = add_named(&named, operands, n) < 0 ? error_oom(err) : 0;

	if (r == 0)
		r = lock_host(s->ctx, &s->store, what, s->ctx->lock_wait_s * 1000, s->ctx->timeout_s * 1000,
			      s->ctx->cancel_fd, err);

	if (r == 0)
		r = settle_runs(s->ctx, &s->store, NULL, 0, &settlement, &s->unsettled, err);
	if (r == 0)
		r = settle_gone(s->ctx, &s->store, &s->unsettled, &named, &settlement, err);
	arena_free(&settlement.arena);
	return r;
}

int session_open(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan, const char *const *operands, size_t n,
		 struct vfioadm_error **err)
{
	struct session *s = calloc(1, sizeof(*s));
	char what[128];

	if (!s)
		return error_oom(err);
	s->ctx = vfioadm_ctx_ref(ctx);
	s->store = (struct store)STORE_CLOSED;
	journal_name(s->run);
	plan->session = s;
	plan->session_free = session_free;
	describe(what, sizeof(what), plan->verb, operands, n);
	return lock_and_settle(s, what, operands, n, err);
}

/* ---- what the kernel still holds ---- */

static void say_holders(struct host *h, const char *device, struct vfioadm_error **err)
{
	_cleanup_strv_ struct strv holders = { 0 };

	if (device && observe_holders(h, device, &holders) == 0 && holders.n)
		error_suffix(err, "it is held by %s%s.", holders.items[0], holders.n > 1 ? " and others" : "");
}

static int fail_pending(struct host *h, const char *device, const char *other, pid_t holder,
			struct vfioadm_error **err)
{
	char by[64] = "";

	if (holder > 0)
		snprintf(by, sizeof(by), " (process %d waits for it)", (int)holder);
	if (!device)
		error_set(err, -EBUSY, VFIOADM_E_PENDING,
			  "The kernel still works on a driver or module step of an earlier run%s.", by);
	else if (other)
		error_set(err, -EBUSY, VFIOADM_E_PENDING,
			  "The kernel still holds a step of an earlier run on %s, which shares the IOMMU "
			  "group of %s.",
			  other, device);
	else
		error_set(err, -EBUSY, VFIOADM_E_PENDING,
			  "The kernel still holds a step of an earlier run on %s%s.", device, by);
	error_device(err, device);
	say_holders(h, other ? other : device, err);
	error_hint(err, "Stop what holds it, and it settles by itself; 'vfioadm settle' shows what is left.");
	return -EBUSY;
}

static int fail_left(const char *device, struct vfioadm_error **err)
{
	error_set(err, -EBUSY, VFIOADM_E_PENDING,
		  "An earlier run on %s could not be put back.", device ? device : "the driver's card types");
	error_device(err, device);
	error_hint(err, "'vfioadm settle' prints what prevents it: correct that, and run it again. To leave "
			"things as they are, remove the run's file below /run/vfioadm/journal.");
	return -EBUSY;
}

static int refuse_one(const struct session *s, const struct vfioadm_function *f, struct vfioadm_error **err)
{
	struct host *h = s->ctx->host;

	if (strv_has(&s->unsettled.pending, f->address))
		return fail_pending(h, f->address, NULL, 0, err);
	if (strv_has(&s->unsettled.failed, f->address))
		return fail_left(f->address, err);
	for (size_t j = 0; j < f->companions.n; j++)
		if (strv_has(&s->unsettled.pending, f->companions.items[j]))
			return fail_pending(h, f->address, f->companions.items[j], 0, err);
	return 0;
}

int session_refuse_pending(const struct session *s, const struct look *look, struct vfioadm_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->selected.n; i++)
		r = refuse_one(s, &look->inv->functions[look->selected.items[i]], err);
	return r;
}

int session_refuse_pending_host(const struct session *s, struct vfioadm_error **err)
{
	if (strv_has(&s->unsettled.pending, CLAIM_HOST))
		return fail_pending(s->ctx->host, NULL, NULL, 0, err);
	return strv_has(&s->unsettled.failed, CLAIM_HOST) ? fail_left(NULL, err) : 0;
}

void session_expect(const struct session *s, const struct look *look, bool vfio)
{
	size_t n = 0;

	for (size_t i = 0; i < look->selected.n; i++)
		n += uint_is(&look->inv->functions[look->selected.items[i]].vfio, 1) == vfio;
	if (n)
		host_prepare(s->ctx->host, n);
}

int session_claim(struct session *s, const char *name, struct vfioadm_error **err)
{
	struct host *h = s->ctx->host;
	pid_t holder = 0;
	int r;

	if (strv_has(&s->claims, name))
		return 0;
	r = h->ops->claim(h, s->ctx->run_dir, s->run, name, &holder);
	if (r == -EAGAIN)
		return fail_pending(h, streq(name, CLAIM_HOST) ? NULL : name, NULL, holder, err);
	if (r == -ENOPKG)
		return ready_no_helper(h, err);
	if (r < 0) {
		error_set(err, r, VFIOADM_E_STORE, "The lock of %s cannot be taken: %s.", name, strerror(-r));
		error_path(err, s->ctx->run_dir);
		error_hint(err, "vfioadm keeps its locks in /run/vfioadm/locks; make it a directory that "
				"only root can write, and make room there.");
		return r;
	}
	/* One that could not be noted would never be given back. */
	if (strv_add(&s->claims, name) < 0) {
		h->ops->unclaim(h, &name, 1);
		return error_oom(err);
	}
	return 0;
}

int session_claim_plan(struct session *s, const struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_steps; i++) {
		const struct step *step = &plan->steps[i];

		if (step->pub.device)
			r = session_claim(s, step->pub.device, err);
		else if (apply_changes_host(step))
			r = session_claim(s, CLAIM_HOST, err);
		/* Loading a module or an ID moves functions as well, and their undo writes to them. */
		for (size_t j = 0; r == 0 && j < step->n_undo; j++)
			if (step->undo[j].device)
				r = session_claim(s, step->undo[j].device, err);
	}
	return r;
}

/* ---- disks ---- */

static int hold_disk(struct session *s, const char *address, const char *disk, struct vfioadm_error **err)
{
	struct host *h = s->ctx->host;
	int r = session_claim(s, address, err);

	if (r < 0)
		return r;
	r = disk_hold(h, address, disk);
	if (r == 0)
		return strv_add(&s->held, disk) < 0 ? error_oom(err) : 0;
	if (disk_is_not_there(r))
		return 0;
	if (r == -ENOMEM)
		return error_oom(err);
	if (r != -ETIMEDOUT)
		return strv_take(&s->busy, str_format("%s %s %d", address, disk, -r)) < 0 ? error_oom(err) : 0;
	error_set(err, r, VFIOADM_E_TIMEOUT,
		  "The disk %s of %s cannot be opened: the kernel has not answered within %u seconds.", disk,
		  address, h->timeout_ms / 1000);
	error_device(err, address);
	error_hint(err, "The disk does not answer; look at the kernel log. Nothing was changed.");
	return r;
}

/* Of what is known to be used the check will speak; trying to have it would tell nothing new. */
static bool is_used(const struct vfioadm_function *f, const char *disk)
{
	for (size_t i = 0; i < f->n_users; i++)
		if (f->users[i]->severity != VFIOADM_WARNS && streq(f->users[i]->kind, "block") &&
		    str_after(f->users[i]->what, disk))
			return true;
	return false;
}

/* A disk with several ways to it (NVMe multipath) is held once, by the function that is unbound last. */
int session_hold_disks(struct session *s, struct look *look, struct vfioadm_error **err)
{
	int r = check_verdicts(look->inv) < 0 ? error_oom(err) : 0;

	for (size_t i = look->selected.n; r == 0 && i-- > 0;) {
		const struct vfioadm_function *f = &look->inv->functions[look->selected.items[i]];

		if (f->driver.state != VFIOADM_KNOWN || uint_is(&f->vfio, 1))
			continue;
		for (size_t j = 0; r == 0 && j < f->block.n; j++)
			if (!is_used(f, f->block.items[j]) && !strv_has(&s->held, f->block.items[j]))
				r = hold_disk(s, f->address, f->block.items[j], err);
	}
	return r;
}

static int add_busy(const char *item, struct look *look)
{
	char address[32], disk[128], path[160];
	struct vfioadm_function *f;
	int error;

	if (sscanf(item, "%31s %127s %d", address, disk, &error) != 3)
		return 0;
	f = inventory_get(look->inv, address);
	if (!f || is_used(f, disk))
		return 0;
	if (error == EBUSY)
		return observe_add_user(look->inv, f, "in-use-claimed", disk,
					"is claimed, says the kernel, but who has it cannot be seen from here");
	snprintf(path, sizeof(path), "dev/%s", disk);
	return inventory_add_fault(look->inv, f - look->inv->functions, path, error);
}

int session_add_busy(const struct session *s, struct look *look)
{
	/* The severities of what the search has found. */
	int r = check_verdicts(look->inv);

	STRV_FOREACH(i, &s->busy)
		if (r == 0)
			r = add_busy(s->busy.items[i], look);
	return r == 0 ? check_verdicts(look->inv) : r;
}

/* Given back at once: what this run holds for itself comes later. */
static void let_go_tried(struct session *s, const struct look *look, size_t n_held)
{
	struct host *h = s->ctx->host;

	for (size_t i = 0; i < look->selected.n; i++) {
		const char *address = look->inv->functions[look->selected.items[i]].address;

		if (strv_has(&s->claims, address))
			h->ops->let_go(h, address);
	}
	while (s->held.n > n_held)
		free(s->held.items[--s->held.n]);
}

int session_try_disks(struct session *s, struct look *look, const bool *functions, struct vfioadm_error **err)
{
	struct look tried = { .host = look->host, .inv = look->inv };
	size_t n_held = s->held.n;
	int r = 0;

	for (size_t i = 0; r == 0 && i < look->inv->n_functions; i++)
		if (functions[i] && selection_add(&tried.selected, i) < 0)
			r = error_oom(err);
	if (r == 0)
		r = session_hold_disks(s, &tried, err);
	let_go_tried(s, &tried, n_held);
	selection_clear(&tried.selected);
	return r == 0 && session_add_busy(s, look) < 0 ? error_oom(err) : r;
}
