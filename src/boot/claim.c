/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Claiming: the overrides of all first, then modules, then whoever was not taken when its module came. */
#include <string.h>

#include "base/error.h"
#include "boot/private.h"
#include "policy/bootfiles.h"

enum { PATH_SIZE = 512, DRIVER_SIZE = 256 };

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

/* ---- writes ---- */

static int write_file(struct run *run, const char *path, const char *data)
{
	int r = run_step(run);

	return r < 0 ? r : run->h->ops->write(run->h, NULL, path, data, strlen(data));
}

static int write_override(struct run *run, const struct target *t, const char *value)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver_override", t->f->address);
	return write_file(run, path, value);
}

static int write_driver_file(struct run *run, const char *driver, const char *file, const char *data)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/%s", driver, file);
	return write_file(run, path, data);
}

static bool is_registered(struct run *run, const char *driver)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	return host_exists(run->h, path);
}

/* An override of ours that did not lead to its driver would keep the native one away as well. */
static void put_back(struct run *run, struct target *t)
{
	int r;

	if (!t->overridden)
		return;
	run_last_step(run);
	r = write_override(run, t, "\n");
	t->overridden = false;
	if (r < 0)
		run_log(run, EARLY_ERROR, "%s: its driver_override could not be put back: %s.", t->f->address,
			strerror(-r));
}

#define FOR_TARGETS(t, run) for (struct target *t = (run)->targets; t < (run)->targets + (run)->n_targets; t++)

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
			 "%s is on %s already, which is built in or was loaded before; vfioadm-apply.service will "
			 "look at it.",
			 t->f->address, driver);
		notes_late(run, t);
	}
}

static void drop_unfit(struct run *run)
{
	drop_held(run);
	FOR_TARGETS(t, run) {
		if (t->dropped)
			continue;
		if (t->f->bridge)
			run_drop(run, t, EARLY_WARNING, "%s is a bridge; it is not touched.", t->f->address);
		else if (t->f->driver.state == VFIOADM_KNOWN)
			drop_bound(run, t);
		else if (t->f->driver.state == VFIOADM_UNKNOWN)
			run_drop(run, t, EARLY_WARNING, "%s: which driver it has could not be read.", t->f->address);
	}
}

/* Asked before any override is written: a name that no driver has would keep all others away. */
static void drop_without_driver(struct run *run)
{
	FOR_TARGETS(t, run) {
		enum driver_presence presence = DRIVER_NOWHERE;

		if (t->dropped)
			continue;
		if (observe_driver_presence(run->h, t->driver, &presence, NULL, 0) < 0 || presence == DRIVER_NOWHERE)
			run_drop(run, t, EARLY_WARNING, "%s: there is no %s driver here, neither built in nor as a "
				 "module.", t->f->address, t->driver);
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
		run_drop(run, t, EARLY_WARNING, "%s: somebody else has set its driver_override to %s; it is not touched.",
			 t->f->address, override);
		return;
	}
	if (r == 0 && !*override) {
		/* Also where the write fails: it may have come through. */
		t->overridden = true;
		r = write_override(run, t, t->driver);
	}
	if (r < 0) {
		put_back(run, t);
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

/* ---- drivers ---- */

static const char *why_not_loaded(int r)
{
	return r == -EOPNOTSUPP ? host_module_command : strerror(-r);
}

/*
 * A module that takes long to come takes what names its driver when it is there, as is meant: the overrides stay.
 * One that cannot be had leaves the functions to their native drivers.
 */
static void fail_driver(struct run *run, const char *driver, int r)
{
	bool coming = r == -ETIMEDOUT;

	FOR_TARGETS(t, run) {
		if (t->dropped || !streq(t->driver, driver))
			continue;
		if (!coming)
			put_back(run, t);
		run_drop(run, t, EARLY_WARNING, coming ? "%s: the driver %s is still being loaded (%s)." :
							 "%s: the driver %s cannot be loaded: %s.",
			 t->f->address, driver, coming ? "its override stays" : why_not_loaded(r));
	}
}

static int load_driver(struct run *run, const char *driver)
{
	enum driver_presence presence;
	char module[DRIVER_SIZE] = "";
	int r = observe_driver_presence(run->h, driver, &presence, module, sizeof(module));

	if (r < 0 || presence == DRIVER_REGISTERED)
		return r;
	r = presence == DRIVER_NOWHERE ? -ENOENT : run_step(run);
	if (r == 0)
		r = run->h->ops->load_module(run->h, module, NULL);
	if (r < 0)
		return r;
	return is_registered(run, driver) ? 0 : -ENODEV;
}

static void load_for_targets(struct run *run)
{
	FOR_TARGETS(t, run) {
		int r = t->dropped ? 0 : load_driver(run, t->driver);

		if (r < 0)
			fail_driver(run, t->driver, r);
	}
}

/* For whichever driver matches it. */
static bool is_free(struct run *run, const struct vfioadm_function *f)
{
	char driver[DRIVER_SIZE], override[DRIVER_SIZE];

	run_last_step(run);
	return observe_driver(run->h, f->address, driver, sizeof(driver)) == 0 && !*driver &&
	       observe_override(run->h, f->address, override, sizeof(override)) == 0 && !*override;
}

static bool has_target_on_vfio(const struct run *run, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].f == f)
			return !run->targets[i].dropped;
	return false;
}

/*
 * A function of the type that is free, and that its own declaration wants elsewhere: a physical function whose virtual
 * ones are declared, or one that two declarations dispute. The driver takes all that is free when it gets the ID.
 */
static const struct vfioadm_function *declared_otherwise(struct run *run, const struct cardtype *type,
							 const struct declaration **ret)
{
	for (size_t i = 0; i < run->declared.found.n; i++) {
		const struct selection *meant = &run->matches[i].functions;

		*ret = &run->declared.found.items[i];
		if ((*ret)->match[MATCH_CARD_TYPE] || run->matches[i].outcome != MATCH_FOUND)
			continue;
		for (size_t k = 0; k < meant->n; k++) {
			const struct vfioadm_function *f = &run->inv->functions[meant->items[k]];

			if (cardtype_matches(type, f) && !has_target_on_vfio(run, f) && is_free(run, f))
				return f;
		}
	}
	return NULL;
}

/*
 * Whether or not such a card is there: one that is plugged in later goes to whichever driver was registered first,
 * and vfio-pci has to be that with its ID.
 */
static void add_types(struct run *run)
{
	for (size_t i = 0; i < run->declared.found.n; i++) {
		const struct declaration *d = &run->declared.found.items[i];
		const char *driver = d->driver ? d->driver : "vfio-pci";
		const struct declaration *other;
		const struct vfioadm_function *f;
		char id[CARDTYPE_MAX];
		int r;

		if (!d->match[MATCH_CARD_TYPE])
			continue;
		f = declared_otherwise(run, &d->type, &other);
		if (f) {
			run_log(run, EARLY_WARNING,
				"%s: %s is not given to %s yet, as %s says otherwise of %s, which has no driver so far.",
				run_file(d), d->match[MATCH_CARD_TYPE], driver, run_file(other), f->address);
			continue;
		}
		cardtype_format_new_id(&d->type, id);
		r = load_driver(run, driver);
		if (r == 0)
			r = write_driver_file(run, driver, "new_id", id);
		/* It has the ID already: the initramfs was here, or the module's options. */
		if (r < 0 && r != -EEXIST)
			run_log(run, EARLY_WARNING, "%s: %s could not be given to %s: %s.", run_file(d),
				d->match[MATCH_CARD_TYPE], driver, strerror(-r));
	}
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

	FOR_TARGETS(t, run)
		if (!t->dropped && !is_bound(run, t, driver))
			t->error = write_driver_file(run, t->driver, "bind", t->f->address);
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
	if (t->error == -ETIMEDOUT) {
		run_drop(run, t, EARLY_WARNING, "%s: %s is still at work on it; its override stays.", t->f->address,
			 t->driver);
		return;
	}
	put_back(run, t);
	if (bound)
		run_drop(run, t, EARLY_WARNING, "%s: %s was first to have it; vfioadm-apply.service will look at it.",
			 t->f->address, driver);
	else
		run_drop(run, t, EARLY_WARNING, "%s could not be given to %s, as %s says%s: %s.", t->f->address,
			 t->driver, run_file(t->d), why_along(t), why_not(t));
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
	if (r == 0 && (run->declared.found.n || run->noted.n))
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
		drop_without_driver(run);
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
	load_for_targets(run);
	bind_all(run);
	/* Last: what is declared of one card has its driver or its override by now. */
	add_types(run);
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
	if (r == -ENOMEM)
		run_log(&run, EARLY_ERROR, "Out of memory.");
	return r < 0 ? r : run.incomplete;
}

int early_modules(const struct early *e, struct strv *ret)
{
	_cleanup_run_ struct run run;
	int r;

	run_begin(&run, e);
	r = run_read_declared(&run);
	if (r == 0 && run.declared.found.n)
		r = run_observe(&run);
	if (r == 0 && run.declared.found.n)
		r = run_find_targets(&run);
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
