/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claiming: the overrides of all first, then modules, then whoever was not taken when its module came. */
#include <string.h>

#include "base/error.h"
#include "boot/private.h"
#include "policy/bootfiles.h"

/* ---- may it? ---- */

/* The last word counts, as for the kernel's own parameters. */
static bool is_disabled(const char *cmdline)
{
	bool disabled = false;

	for (const char *word = cmdline; *word; word += strcspn(word, " \n")) {
		const char *value;

		word += strspn(word, " \n");
		value = str_after(word, "vfioadm.disable");
		if (value && (!*value || strchr(" \n", *value)))
			disabled = true;
		else if (value && *value == '=')
			disabled = strcspn(value + 1, " \n") != 1 || value[1] != '0';
	}
	return disabled;
}

bool early_enabled(const struct early *e)
{
	char cmdline[8192];

	if (host_exists(e->host, "proc/vmcore"))
		return false;
	/* Longer than any kernel takes: its beginning is not enough to go by. */
	return host_read_text(e->host, -1, "proc/cmdline", cmdline, sizeof(cmdline)) >= 0 && !is_disabled(cmdline);
}

static const char *why_along(const struct target *t)
{
	return t->along ? ", with the group of what it declares" : "";
}

/* ---- who is left alone ---- */

static void drop_held(struct run *run)
{
	FOR_TARGETS(t, run)
		if (!t->dropped && hold_is_set(run->e->run_dir, t->f->address))
			run_drop(run, t, EARLY_NOTICE, "%s was released by hand; it is not touched.", t->f->address);
}

/* Of who is to do something about a function that a driver of the host was first to have. */
static const char *what_next(struct run *run, const struct target *t, const char *driver)
{
	return notes_late(run, t, driver) ? "; vfioadm-apply.service will look at it" : "";
}

static void drop_bound(struct run *run, struct target *t)
{
	const char *driver = t->f->driver.value;

	/* In the host, what the initramfs has claimed is an old story. */
	if (uint_is(&t->f->vfio, 1) && strv_has(&run->noted, t->f->address)) {
		t->dropped = true;
	} else if (uint_is(&t->f->vfio, 1)) {
		run_drop(run, t, EARLY_INFO, "%s is on %s already.", t->f->address, driver);
	} else {
		run_drop(run, t, EARLY_NOTICE,
			 "%s is on %s already, which is built in or was loaded before%s.", t->f->address, driver,
			 what_next(run, t, driver));
	}
}

static void drop_unfit(struct run *run)
{
	drop_held(run);
	FOR_TARGETS(t, run) {
		if (t->dropped)
			continue;
		if (inventory_never_taken(t->f))
			run_drop(run, t, EARLY_WARNING, "%s is %s; it is not touched.", t->f->address,
				 t->f->bridge ? "a bridge" : "the IOMMU");
		else if (t->f->driver.state == VFIOADM_KNOWN)
			drop_bound(run, t);
		else if (t->f->driver.state == VFIOADM_UNKNOWN)
			run_drop(run, t, EARLY_WARNING, "%s: which driver it has could not be read.", t->f->address);
	}
}

static bool any_left(struct run *run)
{
	FOR_TARGETS(t, run)
		if (!t->dropped)
			return true;
	return false;
}

/* ---- overrides ---- */

static void override_one(struct run *run, struct target *t)
{
	char override[DRIVER_SIZE];
	int r = run_step(run);

	if (r == 0)
		r = observe_override(run->h, t->f->address, override, sizeof(override));
	if (r == 0 && *override && !streq(override, t->driver)) {
		run_drop(run, t, EARLY_WARNING, "%s: another program has set its driver_override to %s; it is not touched.",
			 t->f->address, override);
		return;
	}
	if (r == 0 && !*override) {
		/* Also where the write fails: it may have come through. */
		t->overridden = true;
		r = run_step(run);
		if (r == 0)
			r = run_write_override(run, t->f->address, t->driver);
	}
	if (r < 0) {
		run_put_back(run, t);
		run_drop(run, t, EARLY_WARNING, "%s: its driver_override cannot be written: %s.", t->f->address,
			 strerror(-r));
	}
}

static void override_all(struct run *run)
{
	FOR_TARGETS(t, run)
		if (!t->dropped && !t->by_type)
			override_one(run, t);
}

/* ---- binding ---- */

static bool is_bound(struct run *run, const struct target *t, char driver[DRIVER_SIZE])
{
	if (observe_driver(run->h, t->f->address, driver, DRIVER_SIZE) < 0)
		*driver = '\0';
	return *driver;
}

static void bind_all(struct run *run)
{
	char driver[DRIVER_SIZE];

	FOR_TARGETS(t, run) {
		if (t->dropped || is_bound(run, t, driver))
			continue;
		t->error = run_step(run);
		if (t->error == 0)
			t->error = run_write_driver(run, t->driver, "bind", t->f->address);
	}
}

static const char *why_not(const struct target *t)
{
	if (t->error == -EINVAL)
		return "the driver refused it (a device without an IOMMU group, or one that VFIO must not have)";
	return t->error ? strerror(-t->error) : "nothing says why";
}

static void say_given(struct run *run, struct target *t)
{
	const char *seen = t->d->seen_address;
	bool moved = seen && !t->along && !t->d->multiple && !streq(seen, t->f->address);

	run_log(run, EARLY_NOTICE, "%s given to %s, as %s says%s%s%s.", t->f->address, t->driver, run_file(t->d),
		why_along(t), moved ? "; it was declared at " : "", moved ? seen : "");
}

/* What counts is what the kernel shows, not what a write has returned. */
static void settle_one(struct run *run, struct target *t)
{
	char driver[DRIVER_SIZE];
	bool bound = is_bound(run, t, driver);

	if (bound && streq(driver, t->driver)) {
		say_given(run, t);
		return;
	}
	/* A function of a type that another driver has: the write waits for that one. */
	if (t->error == -ETIMEDOUT && !(bound && t->by_type)) {
		run_drop(run, t, EARLY_WARNING, "%s: %s is still at work on it; its override stays.", t->f->address,
			 t->driver);
		return;
	}
	run_put_back(run, t);
	if (bound) {
		run_drop(run, t, EARLY_WARNING, "%s: %s was first to have it%s.", t->f->address, driver,
			 what_next(run, t, driver));
	} else {
		run_drop(run, t, EARLY_WARNING, "%s could not be given to %s, as %s says%s: %s.", t->f->address,
			 t->driver, run_file(t->d), why_along(t), why_not(t));
	}
}

/* ---- nodes ---- */

/* Only in the host: an initramfs does not know its users. */
static int write_node_rules(struct run *run)
{
	_cleanup_strbuf_ struct strbuf rules = { 0 };

	FOR_TARGETS(t, run)
		if (!t->disputed && t->d->vfs.state != VFIOADM_KNOWN && bootfiles_node_rule_needed(t->d))
			bootfiles_node_rule(t->d, t->f->address, &rules);
	if (rules.failed)
		return -ENOMEM;
	return rules.len ? declared_write_generated(run->e->root, BOOTFILES_NODE_RULES, rules.s, NULL) : 0;
}

static void finish(struct run *run)
{
	int r = notes_write(run);

	if (r == 0 && !run->e->initramfs)
		r = write_node_rules(run);
	if (r < 0)
		run_log(run, EARLY_WARNING, "What was claimed could not be noted: %s.", strerror(-r));
}

/* ---- all of it ---- */

static int look(struct run *run)
{
	int r = run_read_declared(run);

	if (r == 0 && notes_read(run, &run->noted) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0 && notes_read_types(run, &run->left_types) == -ENOMEM)
		r = -ENOMEM;
	if (r == 0 && (run->declared.found.n || run->noted.n || run->left_types.n))
		r = run_observe(run);
	return r;
}

static int prepare(struct run *run)
{
	int r;

	if (uint_is(&run->inv->facts.iommu, 0)) {
		run_log(run, EARLY_WARNING, "This host has no active IOMMU; nothing is claimed.");
		return -ENODEV;
	}
	r = run_find_targets(run);
	/* Before the IDs of card types are written: they stay for those that are declared. */
	if (r == 0 && !run->e->initramfs)
		r = run_give_back_undeclared(run);
	if (r == 0)
		drop_unfit(run);
	if (r == 0)
		run_drop_without_driver(run);
	if (r == 0)
		r = run_drop_split(run);
	return r;
}

static int claim(struct run *run)
{
	int r;

	/* Before the first change, so that what is begun can be given back whatever happens to us. */
	r = any_left(run) ? notes_write(run) : 0;
	if (r < 0) {
		run_log(run, EARLY_WARNING, "What is to be claimed cannot be noted in %s: %s. Nothing is claimed.",
			run->e->run_dir, strerror(-r));
		return r;
	}
	override_all(run);
	/* One whose override is somebody else's keeps its group for the host. */
	r = run_drop_split(run);
	if (r < 0)
		return r;
	run_load_drivers(run);
	bind_all(run);
	/* Last: what is declared of one card has its driver or its override by now. */
	run_add_types(run);
	FOR_TARGETS(t, run)
		if (!t->dropped)
			settle_one(run, t);
	finish(run);
	return 0;
}

int early_claim(const struct early *e)
{
	_cleanup_run_ struct run run;
	int r;

	run_begin(&run, e);
	if (!early_enabled(e)) {
		run_log(&run, EARLY_NOTICE, "Turned off by the kernel command line, or a kernel that saves a crash; "
					    "nothing is claimed.");
		return 0;
	}
	r = look(&run);
	if (r == 0 && run.inv)
		r = prepare(&run);
	if (r == 0 && run.declared.found.n)
		r = claim(&run);
	if (r == 0 && run.inv)
		r = run_add_left_types(&run);
	if (r == -ENOMEM)
		run_log(&run, EARLY_ERROR, "Out of memory.");
	return r < 0 ? r : run.incomplete;
}

static int find_targets(struct run *run, const struct early *e)
{
	int r;

	run_begin(run, e);
	r = run_read_declared(run);
	if (r == 0 && run->declared.found.n)
		r = run_observe(run);
	if (r == 0 && run->declared.found.n)
		r = run_find_targets(run);
	return r;
}

int early_modules(const struct early *e, struct strv *ret)
{
	_cleanup_run_ struct run run;
	int r = find_targets(&run, e);

	FOR_TARGETS(t, &run) {
		enum driver_presence presence;
		char module[DRIVER_SIZE] = "";

		if (r < 0 || t->dropped ||
		    observe_driver_presence(run.h, t->driver, &presence, module, sizeof(module)) < 0 ||
		    !*module || strv_has(ret, module))
			continue;
		r = strv_add(ret, module);
	}
	return r;
}

int early_host_modules(const struct early *e, struct strv *ret)
{
	_cleanup_run_ struct run run;
	int r = find_targets(&run, e);

	FOR_TARGETS(t, &run) {
		run_last_step(&run);
		if (r == 0 && observe_function(run.h, run.inv, t->f, VFIOADM_FACET_DRIVERS & ~t->f->facets) < 0)
			r = -ENOMEM;
		for (size_t i = 0; r == 0 && i < t->f->host_drivers.n; i++)
			if (!strv_has(ret, t->f->host_drivers.items[i]))
				r = strv_add(ret, t->f->host_drivers.items[i]);
	}
	return r;
}
