/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is made from the declarations, made anew: somebody has changed their files by hand. */
#include <string.h>

#include "base/error.h"
#include "flow/persist.h"
#include "policy/bootfiles.h"

/* 1: a file with these rules is there; 0: it is not. */
static int has_rules(struct vfioadm_ctx *ctx, const struct strbuf *rules)
{
	return declared_same_generated(ctx->root, BOOTFILES_RULES, rules->len ? rules->s : NULL);
}

/*
 * Nobody waits at boot for an initramfs to be made: then the rules note that it was not, and are the current ones
 * all the same.
 */
int persist_is_outdated(struct vfioadm_ctx *ctx, bool image_too, const struct declared *declared)
{
	_cleanup_strbuf_ struct strbuf rules = { 0 };
	int same;

	bootfiles_rules(&declared->found, &rules);
	if (rules.failed)
		return -ENOMEM;
	same = has_rules(ctx, &rules);
	if (same != 0 || image_too)
		return same < 0 ? same : !same;
	strbuf_addf(&rules, BOOTFILES_NO_IMAGE);
	if (rules.failed)
		return -ENOMEM;
	same = has_rules(ctx, &rules);
	return same < 0 ? same : !same;
}

static int add_modules_of(struct persist *p, const struct match *m)
{
	for (size_t i = 0; i < m->functions.n; i++)
		if (persist_add_modules(p, &p->look->inv->functions[m->functions.items[i]]) < 0)
			return -ENOMEM;
	return 0;
}

/* Native drivers of what is declared; a physical function keeps its own. */
static int gather_modules(struct persist *p, struct vfioadm_error **err)
{
	const struct declarations *found = &p->d.declared.found;

	for (size_t i = 0; i < found->n; i++)
		if (p->d.matches[i].outcome == MATCH_FOUND && found->items[i].vfs.state != VFIOADM_KNOWN &&
		    add_modules_of(p, &p->d.matches[i]) < 0)
			return error_oom(err);
	return 0;
}

static int renew_all(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		     struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_persist_ struct persist p = { .ctx = ctx, .look = look, .options = o, .plan = plan };
	int r = observe_host(look->host, &look->inv, err);
	bool image = false;

	if (r == 0)
		r = persist_begin(&p, 0, err);
	if (r == 0)
		r = gather_modules(&p, err);
	if (r == 0)
		r = persist_modprobe(&p, false, err);
	if (r == 0)
		r = persist_image_matters(&p, &image, err);
	if (r < 0)
		return r;
	return plan_renew(plan, true, persist_modprobe_change(&p), image) < 0 ? error_oom(err) : 0;
}

int persist_renew(struct vfioadm_ctx *ctx, struct look *look, const struct vfioadm_options *o,
		  struct vfioadm_plan *plan, struct vfioadm_error **err)
{
	_cleanup_declared_ struct declared declared = { 0 };
	int r;

	plan->result = VFIOADM_RESULT_UNCHANGED;
	if (!ctx->root || !look->host->live)
		return 0;
	r = declared_read(ctx->root, true, &declared, err);
	if (r < 0)
		return r;
	r = persist_is_outdated(ctx, o->persist, &declared);
	/* Rules that cannot be read are what an apply that may not write them cannot mend either. */
	if (r <= 0)
		return r == -ENOMEM ? error_oom(err) : 0;
	if (o->persist)
		return renew_all(ctx, look, o, plan, err);
	return plan_renew(plan, false, NULL, false) < 0 ? error_oom(err) : 0;
}
