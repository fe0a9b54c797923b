/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drivers that functions are claimed for: writing to them, having them, and telling them of card types. */
#include <string.h>

#include "boot/private.h"
#include "host/module_setup.h"

enum { PATH_SIZE = 512 };

/* ---- writes ---- */

int run_write(struct run *run, const char *path, const char *data)
{
	return run->h->ops->write(run->h, NULL, path, data, strlen(data));
}

int run_write_override(struct run *run, const char *address, const char *value)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver_override", address);
	return run_write(run, path, value);
}

int run_write_driver(struct run *run, const char *driver, const char *file, const char *data)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/%s", driver, file);
	return run_write(run, path, data);
}

void run_put_back(struct run *run, struct target *t)
{
	int r;

	if (!t->overridden)
		return;
	run_last_step(run);
	r = run_write_override(run, t->f->address, "\n");
	t->overridden = false;
	if (r < 0)
		run_log(run, EARLY_ERROR, "%s: its driver_override could not be put back: %s.", t->f->address,
			strerror(-r));
}

/* ---- there or not ---- */

static bool is_registered(struct run *run, const char *driver)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	return host_exists(run->h, path);
}

void run_drop_without_driver(struct run *run)
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

/* The line of modprobe.d or of the command line, where there is one. */
static char *why_not_loaded(struct run *run, const char *driver, int r)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };

	if ((r == -EOPNOTSUPP || r == -EPERM) && module_setup_read(run->h, driver, &setup) == 0 && setup.trouble)
		return strdup(setup.trouble);
	return strdup(r == -EOPNOTSUPP ? host_module_command : strerror(-r));
}

/*
 * A module that takes long to come takes what names its driver when it is there, as is meant: the overrides stay.
 * One that cannot be had leaves the functions to their native drivers.
 */
static void fail_driver(struct run *run, const char *driver, int r)
{
	_cleanup_free_ char *why = why_not_loaded(run, driver, r);
	bool coming = r == -ETIMEDOUT;

	FOR_TARGETS(t, run) {
		if (t->dropped || !streq(t->driver, driver))
			continue;
		if (!coming)
			run_put_back(run, t);
		run_drop(run, t, EARLY_WARNING, coming ? "%s: the driver %s is still being loaded (%s)." :
							 "%s: the driver %s cannot be loaded: %s.",
			 t->f->address, driver, coming ? "its override stays" : why ? why : strerror(-r));
	}
}

static int load_driver(struct run *run, const char *driver)
{
	_cleanup_free_ char *options = NULL;
	enum driver_presence presence;
	char module[DRIVER_SIZE] = "";
	int r = observe_driver_presence(run->h, driver, &presence, module, sizeof(module));

	if (r < 0 || presence == DRIVER_REGISTERED)
		return r;
	r = presence == DRIVER_NOWHERE ? -ENOENT : run_step(run);
	if (r == 0)
		r = run_configured_types(run, module, &options);
	if (r == 0)
		r = run->h->ops->load_module(run->h, module, options);
	/* With options of ours: somebody else has just loaded it. */
	if (r < 0 && !(r == -EEXIST && options))
		return r;
	return is_registered(run, driver) ? 0 : -ENODEV;
}

void run_load_drivers(struct run *run)
{
	FOR_TARGETS(t, run) {
		int r = t->dropped ? 0 : load_driver(run, t->driver);

		if (r < 0)
			fail_driver(run, t->driver, r);
	}
}

bool run_is_free(struct run *run, const struct vfioadm_function *f)
{
	char driver[DRIVER_SIZE], override[DRIVER_SIZE];

	run_last_step(run);
	return observe_driver(run->h, f->address, driver, sizeof(driver)) == 0 && !*driver &&
	       observe_override(run->h, f->address, override, sizeof(override)) == 0 && !*override;
}

bool run_is_claimed(const struct run *run, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < run->n_targets; i++)
		if (run->targets[i].f == f)
			return !run->targets[i].dropped;
	return false;
}

const struct vfioadm_function *run_declared_otherwise(struct run *run, const struct cardtype *type,
						      const struct declaration **ret)
{
	const struct declaration *d;

	for (size_t i = 0; i < run->declared.found.n; i++) {
		const struct selection *meant = &run->matches[i].functions;

		d = &run->declared.found.items[i];
		if (ret)
			*ret = d;
		if (d->match[MATCH_CARD_TYPE] || run->matches[i].outcome != MATCH_FOUND)
			continue;
		for (size_t k = 0; k < meant->n; k++) {
			const struct vfioadm_function *f = &run->inv->functions[meant->items[k]];

			if (cardtype_matches(type, f) && !run_is_claimed(run, f) && run_is_free(run, f))
				return f;
		}
	}
	return NULL;
}

/*
 * Whether or not such a card is there: one that is plugged in later goes to whichever driver was registered first,
 * and vfio-pci has to be that with its ID.
 */
void run_add_types(struct run *run)
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
		f = run_declared_otherwise(run, &d->type, &other);
		if (f) {
			run_log(run, EARLY_WARNING,
				"%s: %s is not given to %s yet, as %s says otherwise of %s, which has no driver so far.",
				run_file(d), d->match[MATCH_CARD_TYPE], driver, run_file(other), f->address);
			continue;
		}
		cardtype_format_new_id(&d->type, id);
		r = load_driver(run, driver);
		if (r == 0)
			r = run_step(run);
		if (r == 0)
			r = run_write_driver(run, driver, "new_id", id);
		/* It has the ID already: the initramfs was here, or the module's options. */
		if (r < 0 && r != -EEXIST)
			run_log(run, EARLY_WARNING, "%s: %s could not be given to %s: %s.", run_file(d),
				d->match[MATCH_CARD_TYPE], driver, strerror(-r));
	}
}
