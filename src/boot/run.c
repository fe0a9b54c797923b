/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What claiming and giving back share: time, words, and the look at what is declared and what is there. */
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "boot/private.h"
#include "policy/bootfiles.h"
#include "policy/driver.h"

/* ---- time ---- */

void run_begin(struct run *run, const struct early *e)
{
	*run = (struct run){ .e = e, .h = e->host };
	if (e->total_ms)
		run->end_ms = clock_ms() + e->total_ms;
}

int run_step(struct run *run)
{
	int64_t left = run->end_ms ? run->end_ms - clock_ms() : INT_MAX;

	if (left <= 0)
		return -ETIME;
	if (run->e->step_ms)
		run->h->timeout_ms = left < run->e->step_ms ? (unsigned)left : run->e->step_ms;
	return 0;
}

void run_last_step(struct run *run)
{
	if (run_step(run) < 0)
		run->h->timeout_ms = 1000;
}

void run_clear(struct run *run)
{
	for (size_t i = 0; run->matches && i < run->declared.found.n; i++)
		match_clear(&run->matches[i]);
	free(run->matches);
	free(run->targets);
	strv_clear(&run->noted);
	strv_clear(&run->left_types);
	declared_clear(&run->declared);
	vfioadm_inventory_free(run->inv);
}

/* ---- words ---- */

PRINTF_LIKE(3, 0)
static void log_list(struct run *run, enum early_level level, const char *fmt, va_list ap)
{
	char line[800];

	vsnprintf(line, sizeof(line), fmt, ap);
	run->e->log(run->e->userdata, level, host_clean_text(line));
	run->incomplete |= level <= EARLY_WARNING;
}

void run_log(struct run *run, enum early_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_list(run, level, fmt, ap);
	va_end(ap);
}

void run_log_error(struct run *run, const char *what, const struct vfioadm_error *err)
{
	const char *path = vfioadm_error_path(err), *message = vfioadm_error_message(err);

	if (!message)
		message = "Out of memory.";
	if (path && strstr(message, path))
		path = NULL;
	run_log(run, EARLY_WARNING, "%s%s%s%s", path ? path : "", path ? ": " : "", message, what);
}

void run_drop(struct run *run, struct target *t, enum early_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_list(run, level, fmt, ap);
	va_end(ap);
	t->dropped = true;
}

const char *run_file(const struct declaration *d)
{
	const char *slash = strrchr(d->file ? d->file : d->name, '/');

	return slash ? slash + 1 : d->file ? d->file : d->name;
}

/* ---- looking ---- */

int run_read_declared(struct run *run)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	int r = declared_read(run->e->root, run->e->trusted, &run->declared, &err);

	if (r < 0) {
		run_log_error(run, " Nothing is claimed.", err);
		return r;
	}
	for (size_t i = 0; i < run->declared.n_problems; i++)
		run_log_error(run, " The file is not used.", run->declared.problems[i].error);
	return 0;
}

/* Of what a declaration may mean everything that it asks for; of others only whose place they have. */
static int look_closer(struct run *run, const struct declaration *d)
{
	unsigned facets = match_facets(d), others = match_facets_others(d);

	for (size_t i = 0; i < run->inv->n_functions; i++) {
		struct vfioadm_function *f = &run->inv->functions[i];
		unsigned missing = (match_candidate(d, f) ? facets : others) & ~f->facets;

		if (!missing)
			continue;
		/* Reading one that hangs must not take the time of all others. */
		run_last_step(run);
		if (observe_function(run->h, run->inv, f, missing) < 0)
			return -ENOMEM;
	}
	return 0;
}

int run_observe(struct run *run)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;
	int r = observe_host(run->h, &run->inv, &err);

	if (r < 0) {
		run_log_error(run, " Nothing is claimed.", err);
		return r;
	}
	run->matches = calloc(run->declared.found.n + 1, sizeof(*run->matches));
	if (!run->matches)
		return -ENOMEM;
	for (size_t i = 0; i < run->declared.found.n; i++)
		if (look_closer(run, &run->declared.found.items[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < run->declared.found.n; i++)
		if (match_declaration(&run->declared.found.items[i], run->inv, &run->matches[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* ---- targets ---- */

static const char *address_of(const struct run *run, const struct match *m)
{
	return m->functions.n ? run->inv->functions[m->functions.items[0]].address : "the device";
}

static void say_no_target(struct run *run, const struct declaration *d, const struct match *m)
{
	const char *file = run_file(d);

	switch (m->outcome) {
	case MATCH_FOUND:
		break;
	case MATCH_MISSING:
		run_log(run, EARLY_NOTICE, "%s: no such device is present (yet).", file);
		break;
	case MATCH_FOREIGN:
		run_log(run, EARLY_WARNING, "%s: in its place is another card, %s, which is not touched.", file,
			m->there ? m->there : "of unknown address");
		break;
	case MATCH_AMBIGUOUS:
		run_log(run, EARLY_WARNING, "%s: %zu devices match a declaration of one; none is touched.", file,
			m->functions.n);
		break;
	case MATCH_UNCERTAIN:
		run_log(run, EARLY_NOTICE, match_key_of_driver(m->unread) ?
			"%s: whether it means %s is known when its native driver has it (%s)." :
			"%s: whether it means %s cannot be told here (%s).",
			file, address_of(run, m), match_key_name(m->unread));
		break;
	}
}

/* Which target each function is; more than one declaration of it is nobody's to carry out. */
struct owners {
	struct run *run;
	ssize_t *target; /* of each function: -1 none, -2 left alone */
};

static int add_target(struct owners *o, size_t function, const struct declaration *d, bool along)
{
	struct run *run = o->run;
	struct target *t = &run->targets[run->n_targets];

	*t = (struct target){ .f = &run->inv->functions[function], .d = d, .along = along };
	t->by_type = d->match[MATCH_CARD_TYPE];
	o->target[function] = (ssize_t)run->n_targets++;
	return 0;
}

static void say_conflict(struct owners *o, size_t function, const struct declaration *d)
{
	struct run *run = o->run;
	struct target *t = &run->targets[o->target[function]];

	run_drop(run, t, EARLY_WARNING, "%s is declared by both %s and %s; it is not touched.", t->f->address,
		 run_file(t->d), run_file(d));
	t->disputed = true;
	o->target[function] = -2;
}

/* One about this very function says more than one about its type, and is looked at first. */
static void own_functions(struct owners *o, bool types)
{
	struct run *run = o->run;

	for (size_t i = 0; i < run->declared.found.n; i++) {
		const struct declaration *d = &run->declared.found.items[i];
		const struct match *m = &run->matches[i];

		if (m->outcome != MATCH_FOUND || types != (bool)d->match[MATCH_CARD_TYPE])
			continue;
		for (size_t k = 0; k < m->functions.n; k++) {
			size_t function = m->functions.items[k];

			if (o->target[function] == -1)
				add_target(o, function, d, false);
			else if (o->target[function] >= 0 && !types)
				say_conflict(o, function, d);
		}
	}
}

static int own_companions(struct owners *o)
{
	struct run *run = o->run;
	size_t n = run->n_targets;

	for (size_t i = 0; i < n; i++) {
		_cleanup_selection_ struct selection group = { 0 };
		const struct target *t = &run->targets[i];

		if (t->dropped || !t->d->whole_group || t->d->vfs.state == VFIOADM_KNOWN)
			continue;
		if (selection_add(&group, (size_t)(t->f - run->inv->functions)) < 0 ||
		    selection_add_groups(&group, run->inv) < 0)
			return -ENOMEM;
		for (size_t k = 0; k < group.n; k++)
			if (o->target[group.items[k]] == -1)
				add_target(o, group.items[k], t->d, true);
	}
	return 0;
}

/* Its virtual functions are what is declared, and those it does not have yet. */
static void drop_physical(struct run *run)
{
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].d->vfs.state == VFIOADM_KNOWN)
			run->targets[i].dropped = true;
}

static bool wants_other_owner(const struct target *a, const struct target *b)
{
	return !a->by_type && !b->by_type && a->f->iommu_group.state == VFIOADM_KNOWN &&
	       uint_is(&b->f->iommu_group, a->f->iommu_group.value) && !bootfiles_same_node_owner(a->d, b->d);
}

/* A group has one node and goes to one guest: whose, nobody can know. */
static void drop_two_owners(struct run *run)
{
	for (size_t i = 0; i < run->n_targets; i++)
		for (size_t k = 0; k < run->n_targets; k++) {
			struct target *t = &run->targets[i], *other = &run->targets[k];

			if (t->d->vfs.state == VFIOADM_KNOWN || other->d->vfs.state == VFIOADM_KNOWN ||
			    t->disputed || !wants_other_owner(t, other))
				continue;
			run_drop(run, t, EARLY_WARNING,
				 "%s: its IOMMU group's node gets one owner from %s and another from %s; it is not touched.",
				 t->f->address, run_file(other->d), run_file(t->d));
			t->disputed = true;
		}
}

static int choose_driver(struct run *run, struct target *t)
{
	const char *reason;

	if (t->by_type && !t->d->driver) {
		t->driver = "vfio-pci";
		return 0;
	}
	run_last_step(run);
	if (observe_function(run->h, run->inv, t->f, VFIOADM_FACET_DRIVERS) < 0)
		return -ENOMEM;
	return driver_choose_vfio(run->inv, t->f, t->d->driver, &t->driver, &reason);
}

int run_find_targets(struct run *run)
{
	_cleanup_free_ ssize_t *target = calloc(run->inv->n_functions + 1, sizeof(*target));
	struct owners o = { .run = run, .target = target };
	int r;

	run->targets = calloc(run->inv->n_functions + 1, sizeof(*run->targets));
	run->n_targets = 0;
	if (!target || !run->targets)
		return -ENOMEM;
	for (size_t i = 0; i < run->inv->n_functions; i++)
		target[i] = -1;
	for (size_t i = 0; i < run->declared.found.n; i++)
		say_no_target(run, &run->declared.found.items[i], &run->matches[i]);
	own_functions(&o, false);
	r = own_companions(&o);
	if (r < 0)
		return r;
	own_functions(&o, true);
	drop_physical(run);
	drop_two_owners(run);
	for (size_t i = 0; r == 0 && i < run->n_targets; i++)
		if (!run->targets[i].dropped)
			r = choose_driver(run, &run->targets[i]);
	return r;
}

/* ---- groups ---- */

/* vfioadm-apply.service goes after one that has a driver by now; what cannot be claimed for another reason stays. */
static bool is_given_along(const struct run *run, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].f == f)
			return !run->targets[i].disputed && run->targets[i].d->vfs.state != VFIOADM_KNOWN &&
			       (!run->targets[i].dropped || f->driver.state == VFIOADM_KNOWN);
	return false;
}

bool run_is_set_aside(const char *driver)
{
	return streq(driver, "pci-stub");
}

/* Before modules are loaded almost nobody has a driver: who will have one is what counts. */
static int stays_with_host(struct run *run, struct vfioadm_function *f, bool *ret)
{
	*ret = false;
	if (inventory_stays_unnamed(f) || uint_is(&f->vfio, 1) || is_given_along(run, f))
		return 0;
	if (f->driver.state == VFIOADM_KNOWN) {
		*ret = !run_is_set_aside(f->driver.value);
		return 0;
	}
	run_last_step(run);
	if (observe_function(run->h, run->inv, f, VFIOADM_FACET_DRIVERS & ~f->facets) < 0)
		return -ENOMEM;
	*ret = driver_choose_native(f);
	return 0;
}

static bool is_target(const struct run *run, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].f == f)
			return true;
	return false;
}

static int drop_if_split(struct run *run, struct target *t)
{
	for (size_t i = 0; i < t->f->companions.n; i++) {
		struct vfioadm_function *other = inventory_get(run->inv, t->f->companions.items[i]);
		bool stays;

		/* What is behind a VMD controller goes with it. */
		if (!other || inventory_vmd_of(run->inv, other) == t->f)
			continue;
		if (stays_with_host(run, other, &stays) < 0)
			return -ENOMEM;
		if (!stays)
			continue;
		run_put_back(run, t);
		run_drop(run, t, EARLY_WARNING, "%s shares its IOMMU group with %s, which stays with the host%s; it is not "
						"touched.",
			 t->f->address, other->address,
			 is_target(run, other) ? "" : " as it is not declared");
		return 0;
	}
	return 0;
}

int run_drop_split(struct run *run)
{
	for (size_t i = 0; i < run->n_targets; i++) {
		struct target *t = &run->targets[i];

		/* With the whole group, vfioadm-apply.service goes after those that have a driver by now. */
		if (t->dropped || t->by_type || t->d->whole_group)
			continue;
		if (drop_if_split(run, t) < 0)
			return -ENOMEM;
	}
	return 0;
}
