/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of the checks, and how what they find becomes findings. */
#include "policy/check_private.h"
#include "policy/openable.h"

/* ---- findings ---- */

bool check_is_forced(const struct checker *c, const char *code)
{
	for (size_t i = 0; i < c->request->n_force; i++)
		if (streq(c->request->force[i], code))
			return true;
	return false;
}

struct vfioadm_finding *check_add(struct checker *c, const struct vfioadm_function *f,
				  const char *code, const char *message)
{
	const struct vfioadm_code_info *info = code_info(code);
	struct vfioadm_finding *finding = plan_add_finding(c->plan);

	if (!finding || !message)
		return NULL;
	*finding = (struct vfioadm_finding){
		.code = code,
		.severity = info ? info->severity : VFIOADM_REFUSES,
		.forceable = info && info->forceable,
		.message = message,
		.hint = info && *info->remedy ? info->remedy : NULL,
	};
	if (f) {
		finding->device = arena_strdup(&c->plan->arena, f->address);
		if (!finding->device)
			return NULL;
	}
	if (finding->forceable && check_is_forced(c, code))
		finding->severity = VFIOADM_WARNS;
	c->refused |= finding->severity != VFIOADM_WARNS;
	return finding;
}

int check_say(struct checker *c, const struct vfioadm_function *f, const char *code,
	      const char *message, const char *hint)
{
	struct vfioadm_finding *finding = check_add(c, f, code, message);

	if (!finding || !hint)
		return -ENOMEM;
	finding->hint = hint;
	return 0;
}

bool check_said(const struct checker *c, const struct vfioadm_function *f, const char *code)
{
	for (size_t i = 0; i < c->plan->n_findings; i++)
		if (streq(c->plan->findings[i].code, code) && c->plan->findings[i].device &&
		    streq(c->plan->findings[i].device, f->address))
			return true;
	return false;
}

int check_openable(struct checker *c, const struct vfioadm_function *f)
{
	const struct openable_with with = { c->request->selected, c->request->also };
	bool now = uint_is(&f->vfio, 1);
	struct obstacles all;

	if (openable_ask(c->inv, f, now ? OPENABLE_NOW : OPENABLE_BEFORE, &with, &c->plan->arena, &all) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < all.n; i++) {
		const struct obstacle *o = &all.items[i];

		if (o->hint ? check_say(c, f, o->code, o->message, o->hint) < 0 :
			      !check_add(c, f, o->code, o->message))
			return -ENOMEM;
	}
	return 0;
}

/* ---- the table ---- */

enum { ASSIGN = 1 << VERB_ASSIGN, RELEASE = 1 << VERB_RELEASE, ENABLE = 1 << VERB_ENABLE };

/* Of functions that must come along the group has been spoken of already. */
enum { MOVES = 0, MENTIONED, NOT_ALONG, STAYS };

static const struct check {
	unsigned verbs;
	unsigned facets;
	int (*run)(struct checker *c, const struct vfioadm_function *f);
	int about; /* MENTIONED: also functions that do not move now; STAYS: those that are on VFIO and stay there */
} checks[] = {
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_BASIC, check_unsettled },
	{ ASSIGN, VFIOADM_FACET_DRIVERS, check_host },
	{ ASSIGN, VFIOADM_FACET_DETAIL, check_bridge },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_host_part },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_gone },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_header },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_power },
	{ ASSIGN, VFIOADM_FACET_BASIC, check_left_over, NOT_ALONG },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_firmware_flash },
	{ ASSIGN, VFIOADM_FACET_DRIVERS, check_denylist },
	/* To let it have the card type later is no use either. */
	{ ENABLE, VFIOADM_FACET_BASIC, check_denylist, MENTIONED },
	{ ENABLE, VFIOADM_FACET_BASIC, check_system_part, MENTIONED },
	{ RELEASE, VFIOADM_FACET_DETAIL, check_dead },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_vmd },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_group },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL, check_reserved },
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_DETAIL, check_vfs },
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_BASIC, check_physfn },
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_BASIC, check_split, NOT_ALONG },
	{ ASSIGN | ENABLE, VFIOADM_FACET_BASIC, check_group_bridge, NOT_ALONG },
	{ ASSIGN | ENABLE, VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS, check_openable, NOT_ALONG },
	{ ASSIGN, VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS, check_openable, STAYS },
	{ ASSIGN | ENABLE, VFIOADM_FACET_USERS, check_group_member, NOT_ALONG },
	/* Which device it is (its serial number) is looked up where there is a user to tell of. */
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_USERS, check_users },
	{ ASSIGN | RELEASE | ENABLE, VFIOADM_FACET_USERS, check_unseen },
	{ ASSIGN, VFIOADM_FACET_DETAIL, check_unread, STAYS },
	{ ENABLE, VFIOADM_FACET_DRIVERS, check_variant, MENTIONED },
};

unsigned check_facets(enum verb verb)
{
	unsigned facets = VFIOADM_FACET_BASIC;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].verbs & 1u << verb)
			facets |= checks[i].facets;
	return facets;
}

/* ---- which functions ---- */

bool check_is_selected(const struct checker *c, const struct vfioadm_function *f)
{
	size_t function = (size_t)(f - c->inv->functions);

	return selection_has(c->request->selected, function) ||
	       (c->request->also && selection_has(c->request->also, function));
}

bool check_leaves_vfio(const struct checker *c, const struct vfioadm_function *f)
{
	const char *wanted = c->request->driver;

	if (!uint_is(&f->vfio, 1))
		return false;
	return c->request->verb == VERB_RELEASE || (wanted && !driver_name_equal(f->driver.value, wanted));
}

/* What stays where it is needs no permission: an assigned function, or one that is not assigned. */
static bool moves(const struct checker *c, const struct vfioadm_function *f)
{
	if (c->request->assigned)
		return selection_has(c->request->assigned, (size_t)(f - c->inv->functions));
	if (c->request->verb == VERB_RELEASE)
		return uint_is(&f->vfio, 1);
	return !uint_is(&f->vfio, 1) || check_leaves_vfio(c, f);
}

static int run_on(struct checker *c, const struct vfioadm_function *f, int about, bool along)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *check = &checks[i];
		int of = check->about == NOT_ALONG ? MOVES : check->about;

		if (!(check->verbs & 1u << c->request->verb) || (along && check->about == NOT_ALONG) || of != about)
			continue;
		if (check->run(c, f) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int run_all(struct checker *c, const struct selection *functions, int about, bool along)
{
	for (size_t i = 0; functions && i < functions->n; i++) {
		const struct vfioadm_function *f = &c->inv->functions[functions->items[i]];
		bool runs = about == MENTIONED || (about == STAYS ? uint_is(&f->vfio, 1) && !moves(c, f) : moves(c, f));
		bool held_back = false;

		/* Where the group stays as a whole, only what keeps it is worth telling of. */
		if (along && c->request->verb == VERB_ASSIGN && check_is_held_back(c, f, &held_back) < 0)
			return -ENOMEM;
		if (runs && !held_back && run_on(c, f, about, along) < 0)
			return -ENOMEM;
	}
	return 0;
}

int check_run(struct vfioadm_inventory *inv, const struct check_request *request,
	      struct vfioadm_plan *plan, bool *ret_refused)
{
	struct checker c = { .inv = inv, .request = request, .plan = plan };
	int r = run_all(&c, request->selected, MOVES, false);

	if (r == 0)
		r = run_all(&c, request->selected, STAYS, false);
	if (r == 0)
		r = run_all(&c, request->along, MOVES, true);
	if (r == 0)
		r = run_all(&c, request->mentioned, MENTIONED, false);
	if (r == 0)
		*ret_refused = c.refused;
	return r;
}

int check_uses(struct vfioadm_inventory *inv, const struct check_request *request, struct vfioadm_plan *plan)
{
	struct checker c = { .inv = inv, .request = request, .plan = plan };

	for (size_t i = 0; i < request->selected->n; i++) {
		const struct vfioadm_function *f = &inv->functions[request->selected->items[i]];

		if (moves(&c, f) && (check_users(&c, f) < 0 || check_unseen(&c, f) < 0))
			return -ENOMEM;
	}
	return 0;
}

bool check_forceable(const char *code)
{
	const struct vfioadm_code_info *info = code_info(code);

	return info && info->forceable;
}
