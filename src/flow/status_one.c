/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: one declaration beside the host, in one sentence. */
#include <string.h>

#include "base/error.h"
#include "flow/nodes.h"
#include "flow/persist.h"
#include "flow/status.h"
#include "flow/virtual.h"
#include "policy/codes.h"
#include "policy/openable.h"

int status_openable(struct look *look, const struct vfioadm_function *f, struct arena *arena,
		    struct vfioadm_declared *item)
{
	const unsigned facets = VFIOADM_FACET_DETAIL | VFIOADM_FACET_DRIVERS;
	const struct obstacle *first;
	struct obstacles obstacles;

	if (observe_function(look->host, look->inv, &look->inv->functions[f - look->inv->functions], facets) < 0 ||
	    openable_ask(look->inv, f, OPENABLE_NOW, NULL, arena, &obstacles) < 0)
		return -ENOMEM;
	first = openable_first(&obstacles);
	if (!first)
		return 0;
	item->state = VFIOADM_DECLARED_DIFFERS;
	item->message = first->message;
	item->hint = first->hint ? first->hint : code_info(first->code)->remedy;
	return 1;
}

static const struct vfioadm_function *function_of(const struct standing *s, size_t i)
{
	return &s->look->inv->functions[s->m->functions.items[i]];
}

PRINTF_LIKE(3, 4)
static int say(struct standing *s, enum vfioadm_declared_state state, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->item->state = state;
	s->item->message = arena_strdup(s->arena, text);
	return s->item->message ? 0 : -ENOMEM;
}

/* "0000:01:00.0" or "0000:01:00.0 and 3 others" */
static const char *functions_text(const struct standing *s, char *buf, size_t size)
{
	if (s->m->functions.n > 1)
		snprintf(buf, size, "%s and %zu other%s", function_of(s, 0)->address, s->m->functions.n - 1,
			 s->m->functions.n > 2 ? "s" : "");
	else
		snprintf(buf, size, "%s", s->m->functions.n ? function_of(s, 0)->address : "nothing");
	return buf;
}

static const char *driver_text(const struct vfioadm_function *f)
{
	return f->driver.state == VFIOADM_KNOWN ? f->driver.value : "no driver";
}

static const char *moved_text(const struct standing *s, char *buf, size_t size)
{
	if (!s->m->moved || !s->d->seen_address)
		return "";
	snprintf(buf, size, " (it was %s when it was declared)", s->d->seen_address);
	return buf;
}

/* "", or that it is not meant itself */
static const char *along_text(const struct standing *s, size_t function)
{
	return selection_has(&s->m->functions, function) ? "" : ", of the same IOMMU group,";
}

/* 1: said that the function's node is not as it is to be. */
static int stand_node(struct standing *s, const struct vfioadm_function *f)
{
	_cleanup_free_ char *node = NULL;

	if (nodes_differ(s->look, s->d, f, &node) < 0)
		return -ENOMEM;
	if (!node)
		return 0;
	s->item->hint = "'vfioadm apply' sets owner and mode.";
	if (say(s, VFIOADM_DECLARED_DIFFERS, "%s has %s, but %s has another owner or mode than [Node] says.", f->address,
		driver_text(f), node) < 0)
		return -ENOMEM;
	return 1;
}

static int stand_function(struct standing *s, const struct selection *all)
{
	char moved[96];

	for (size_t i = 0; i < all->n; i++) {
		const struct vfioadm_function *f = &s->look->inv->functions[all->items[i]];

		if (match_has_driver(s->d, f))
			continue;
		if (declared_is_held(s->ctx, s->look, f)) {
			s->item->hint = DECLARED_HELD_HINT;
			return say(s, VFIOADM_DECLARED_HELD,
				   "%s was released, and is left alone until it is assigned or the host boots.",
				   f->address);
		}
		s->item->hint = DECLARED_DIFFERS_HINT;
		return say(s, VFIOADM_DECLARED_DIFFERS, "%s%s has %s%s, and should have %s.", f->address,
			   along_text(s, all->items[i]), driver_text(f), moved_text(s, moved, sizeof(moved)),
			   s->d->driver ? s->d->driver : "a VFIO driver");
	}
	for (size_t i = 0; i < s->m->functions.n; i++) {
		int differs = status_openable(s->look, function_of(s, i), s->arena, s->item);

		if (!differs)
			differs = stand_node(s, function_of(s, i));
		if (differs)
			return differs < 0 ? differs : 0;
	}
	return say(s, VFIOADM_DECLARED_IN_FORCE, "%s has %s%s.", function_of(s, 0)->address,
		   driver_text(function_of(s, 0)), moved_text(s, moved, sizeof(moved)));
}

/* ", of which 2 have another driver": vfio-pci takes them once that is unbound. */
static const char *elsewhere_text(const struct standing *s, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s->m->functions.n; i++)
		n += declared_host_drives(function_of(s, i));
	if (!n)
		return "";
	snprintf(buf, size, ", of which %zu %s another driver", n, n == 1 ? "has" : "have");
	return buf;
}

static int stand_type(struct standing *s)
{
	const char *id = s->d->match[MATCH_CARD_TYPE];
	char elsewhere[64];

	if (!enabled_ids_cover(s->enabled, &s->d->type)) {
		s->item->hint = DECLARED_DIFFERS_HINT;
		return say(s, VFIOADM_DECLARED_DIFFERS, "Card type %s is not given to vfio-pci.", id);
	}
	for (size_t i = 0; i < s->m->functions.n; i++) {
		const struct vfioadm_function *f = function_of(s, i);
		int differs = match_has_driver(s->d, f) ? status_openable(s->look, f, s->arena, s->item) : 0;

		if (!differs && match_has_driver(s->d, f))
			differs = stand_node(s, f);
		if (differs)
			return differs < 0 ? differs : 0;
	}
	return say(s, VFIOADM_DECLARED_IN_FORCE, "Card type %s is given to vfio-pci; %zu function%s of it%s.", id,
		   s->m->functions.n, s->m->functions.n == 1 ? " is" : "s are",
		   elsewhere_text(s, elsewhere, sizeof(elsewhere)));
}

static const char *hint_unread(enum match_key key)
{
	if (match_key_of_driver(key))
		return "It can be read while the host's own driver is bound.";
	if (key == MATCH_UID)
		return "UIDs count only where the host says that they are unique (uid_is_unique); FID= always is.";
	return "Only root can read it.";
}

/* Outcomes that one sentence explains; the report names the functions beside it. */
static int stand_elsewhere(struct standing *s)
{
	char text[128];

	switch (s->m->outcome) {
	case MATCH_FOREIGN:
		s->item->hint = "To assign the new card, declare it by 'vfioadm assign --persist', and remove "
				"this file.";
		return say(s, VFIOADM_DECLARED_FOREIGN,
			   "The declared card is not present; in its place, %s, is another one, which is "
			   "not touched.", s->m->there);
	case MATCH_AMBIGUOUS:
		s->item->hint = "Add a key to [Match] that only one of them has, or Multiple=yes.";
		return say(s, VFIOADM_DECLARED_AMBIGUOUS, "It declares one device, but matches %s.",
			   functions_text(s, text, sizeof(text)));
	case MATCH_UNCERTAIN:
		s->item->hint = hint_unread(s->m->unread);
		return say(s, VFIOADM_DECLARED_UNCERTAIN, "Whether it matches %s is not known: its %s cannot be read.",
			   functions_text(s, text, sizeof(text)), match_key_name(s->m->unread));
	default:
		s->item->hint = "Look at the card and its slot; 'vfioadm list' shows what is there.";
		return say(s, VFIOADM_DECLARED_MISSING, "No such device is present%s%s.",
			   s->d->seen_address ? "; it was last seen as " : "",
			   s->d->seen_address ? s->d->seen_address : "");
	}
}

static bool is_late(const struct standing *s, const struct vfioadm_function *f)
{
	return s->d->match[MATCH_CARD_TYPE] && declared_host_drives(f) && s->look->host->live &&
	       late_is_set(s->ctx->run_dir, f->address);
}

static int copy_devices(struct standing *s)
{
	size_t n = s->m->functions.n;
	const char **devices = arena_alloc(s->arena, (n + 1) * sizeof(*devices));
	const char **late = arena_alloc(s->arena, (n + 1) * sizeof(*late));

	if (!devices || !late)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		devices[i] = arena_strdup(s->arena, function_of(s, i)->address);
		if (!devices[i])
			return -ENOMEM;
		if (is_late(s, function_of(s, i)))
			late[s->item->n_late++] = devices[i];
	}
	s->item->devices = devices;
	s->item->n_devices = n;
	s->item->late = late;
	return 0;
}

static int keep_finding(struct standing *s, const struct vfioadm_finding *found)
{
	struct vfioadm_finding *use = arena_alloc(s->arena, sizeof(*use));

	if (!use)
		return -ENOMEM;
	*use = (struct vfioadm_finding){ .code = found->code, .severity = found->severity, .forceable = found->forceable };
	use->device = found->device ? arena_strdup(s->arena, found->device) : NULL;
	use->message = arena_strdup(s->arena, found->message);
	use->hint = found->hint ? arena_strdup(s->arena, found->hint) : NULL;
	s->item->use = use;
	return s->arena->failed ? -ENOMEM : 0;
}

/* The same look as assign's, so that what it would refuse is not taken by who comes before it at boot. */
static int stand_use(struct standing *s, const struct selection *all)
{
	_cleanup_plan_ struct vfioadm_plan *plan = plan_new(VERB_ASSIGN);
	const struct check_request request = { .verb = VERB_ASSIGN, .selected = all };
	const struct vfioadm_finding *gravest = NULL;

	/* A physical function keeps its driver. */
	if (s->m->outcome != MATCH_FOUND || s->d->vfs.state == VFIOADM_KNOWN)
		return plan ? 0 : -ENOMEM;
	if (!plan || check_uses(s->look->inv, &request, plan) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < plan->n_findings; i++)
		if (plan->findings[i].severity >= VFIOADM_REFUSES &&
		    (!gravest || plan->findings[i].severity > gravest->severity))
			gravest = &plan->findings[i];
	return gravest ? keep_finding(s, gravest) : 0;
}

int status_stand(struct standing *s)
{
	_cleanup_selection_ struct selection all = { 0 };
	int r;

	s->item->name = arena_strdup(s->arena, s->d->name);
	s->item->file = arena_strdup(s->arena, s->d->file);
	if (!s->item->name || !s->item->file)
		return -ENOMEM;
	r = copy_devices(s);
	if (r == 0)
		r = declared_functions(s->look, s->d, s->m, &all);
	if (r < 0)
		return r;
	/* What is not there now may be when the host boots, but not what cannot be told from others. */
	r = stand_use(s, &all);
	if (r < 0)
		return r;
	s->item->in_initramfs = s->m->outcome == MATCH_FOUND ? !s->item->use : s->m->outcome == MATCH_MISSING;
	if (s->d->match[MATCH_CARD_TYPE])
		return stand_type(s);
	if (s->m->outcome != MATCH_FOUND)
		return stand_elsewhere(s);
	/* A PF needs its driver before it can have virtual functions, which is not the initramfs's work. */
	s->item->in_initramfs &= s->d->vfs.state != VFIOADM_KNOWN;
	return s->d->vfs.state == VFIOADM_KNOWN ? stand_virtual(s->ctx, s->look, s->d, s->m, s->arena, s->item) :
						  stand_function(s, &all);
}
