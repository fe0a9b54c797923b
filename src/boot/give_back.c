/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving back: the root file system may hang behind what was claimed, so all of it goes to its native drivers. Or
 * some of it was claimed by an initramfs that is older than what is declared.
 */
#include <string.h>

#include "base/error.h"
#include "boot/private.h"
#include "policy/driver.h"

/* An ID that the driver keeps would win the functions back when they are probed. */
static void remove_types(struct run *run)
{
	for (size_t i = 0; i < run->declared.found.n; i++) {
		const struct declaration *d = &run->declared.found.items[i];
		char id[CARDTYPE_MAX];
		int r;

		if (!d->match[MATCH_CARD_TYPE])
			continue;
		cardtype_format_new_id(&d->type, id);
		run_last_step(run);
		r = run_write_driver(run, d->driver ? d->driver : "vfio-pci", "remove_id", id);
		/* Not there, or the driver is not: fine. */
		if (r < 0 && r != -ENODEV && r != -ENOENT)
			run_log(run, EARLY_WARNING, "%s could not be taken from the driver's list: %s.",
				d->match[MATCH_CARD_TYPE], strerror(-r));
	}
}

static int clear_override(struct run *run, const char *address)
{
	char override[DRIVER_SIZE];
	int r;

	run_last_step(run);
	r = observe_override(run->h, address, override, sizeof(override));
	/* Another one is somebody else's. */
	if (r < 0 || !*override || !driver_name_is_vfio(override))
		return r;
	run_last_step(run);
	return run_write_override(run, address, "\n");
}

static int unbind(struct run *run, const char *address)
{
	char driver[DRIVER_SIZE];
	int r = observe_driver(run->h, address, driver, sizeof(driver));

	if (r < 0 || !*driver || !driver_name_is_vfio(driver))
		return r;
	run_last_step(run);
	return run_write_driver(run, driver, "unbind", address);
}

/* What would have loaded it has long run, and may have found nothing without a driver. */
static int load_native(struct run *run, struct vfioadm_function *f)
{
	const char *module;

	if (observe_function(run->h, run->inv, f, VFIOADM_FACET_DRIVERS & ~f->facets) < 0)
		return -ENOMEM;
	module = driver_choose_native(f);
	if (!module)
		return 0;
	run_last_step(run);
	/* A built-in one cannot be loaded; the probe tells. */
	(void)!run->h->ops->load_module(run->h, module, NULL);
	return 0;
}

static void say_where(struct run *run, const char *address, const char *reason, int error)
{
	char driver[DRIVER_SIZE] = "";
	int r = observe_driver(run->h, address, driver, sizeof(driver));

	if (r < 0)
		run_log(run, EARLY_NOTICE, "%s is not there any more.", address);
	else if (driver_name_is_vfio(driver))
		run_log(run, EARLY_ERROR, "%s could not be given back, it is still on %s: %s.", address, driver,
			error < 0 ? strerror(-error) : "nothing says why");
	else if (*driver)
		run_log(run, EARLY_NOTICE, "%s given back to %s, since %s.", address, driver, reason);
	else
		run_log(run, EARLY_WARNING, "%s given back, but no driver has taken it.", address);
}

static int give_back_one(struct run *run, struct vfioadm_function *f, const char *reason)
{
	int r = clear_override(run, f->address);

	if (r == 0)
		r = unbind(run, f->address);
	if (r == 0)
		r = load_native(run, f);
	run_last_step(run);
	if (r == 0)
		r = run_write(run, "sys/bus/pci/drivers_probe", f->address);
	say_where(run, f->address, reason, r);
	return r == -ENOMEM ? r : 0;
}

int early_give_back(const struct early *e)
{
	_cleanup_run_ struct run run;
	_cleanup_strv_ struct strv noted = { 0 };
	_cleanup_error_ struct vfioadm_error *err = NULL;
	int r;

	run_begin(&run, e);
	r = notes_read(&run, &noted);
	if (r < 0)
		run_log(&run, EARLY_ERROR, "What was claimed cannot be read: %s.", strerror(-r));
	if (r < 0 || !noted.n)
		return r;
	/* Without its declarations the IDs of card types stay; the rest can be done all the same. */
	r = run_read_declared(&run);
	if (r != -ENOMEM)
		r = observe_host(run.h, &run.inv, &err);
	if (r < 0) {
		run_log_error(&run, " Nothing can be given back.", err);
		return r;
	}
	remove_types(&run);
	STRV_FOREACH(i, &noted) {
		struct vfioadm_function *f = inventory_get(run.inv, noted.items[i]);

		if (r == 0 && f)
			r = give_back_one(&run, f, "the root file system does not appear");
	}
	if (r == 0)
		r = notes_drop(&run);
	return r < 0 ? r : run.incomplete;
}

/* ---- what is declared no more ---- */

/* Whatever may be meant stays, whether or not it is followed. */
static bool is_meant(const struct run *run, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < run->declared.found.n; i++)
		if (selection_has(&run->matches[i].functions, (size_t)(f - run->inv->functions)))
			return true;
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].f == f)
			return true;
	return false;
}

/* Without an override it was taken by the driver's list of IDs, whose entry would win it back. */
static void remove_type_of(struct run *run, const struct vfioadm_function *f)
{
	struct cardtype type = { .subvendor = CARDTYPE_ANY, .subdevice = CARDTYPE_ANY };
	char override[DRIVER_SIZE], id[CARDTYPE_MAX];

	if (observe_override(run->h, f->address, override, sizeof(override)) < 0 || *override)
		return;
	if (f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
		return;
	type.vendor = (uint32_t)f->vendor.value;
	type.device = (uint32_t)f->device.value;
	cardtype_format_new_id(&type, id);
	/* What came of it is seen by who has the function then. */
	run_last_step(run);
	(void)!run_write_driver(run, f->driver.value, "remove_id", id);
}

int run_give_back_undeclared(struct run *run)
{
	int r = notes_first_in_host(run);

	run->first_in_host = r > 0;
	if (r < 0)
		run_log(run, EARLY_WARNING,
			"What the initramfs has claimed cannot be compared with the declarations: %s.", strerror(-r));
	/* A file that cannot be used may have declared it. */
	if (r <= 0 || run->declared.n_problems)
		return 0;
	r = 0;
	STRV_FOREACH(i, &run->noted) {
		struct vfioadm_function *f = inventory_get(run->inv, run->noted.items[i]);

		if (r < 0 || !f || !uint_is(&f->vfio, 1) || is_meant(run, f))
			continue;
		run_log(run, EARLY_WARNING,
			"%s was claimed by an initramfs that is older than the declarations; rebuild it.",
			f->address);
		remove_type_of(run, f);
		r = give_back_one(run, f, "it is not declared any more");
	}
	return r;
}
