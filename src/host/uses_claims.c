/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Others who move the function: libvirt's domains and networks, driverctl, rules, scripts and other managers. */
#include <limits.h>

#include "host/others.h"
#include "host/uses_private.h"

struct place {
	const char *path;
	bool running;
};

/* Where libvirt's system daemons keep what runs and what is defined, one file each. */
static const struct place places[] = {
	{ "run/libvirt/qemu", true },
	{ "run/libvirt/ch", true },
	{ "etc/libvirt/qemu", false },
	{ "etc/libvirt/ch", false },
	{ "etc/libvirt/qemu/networks", false },
};

struct claims {
	struct uses *u;
	const struct place *place;
	bool autostart;
};

/* ---- libvirt ---- */

static int add_claim(struct claims *k, size_t function, const struct libvirt_claim *c)
{
	const char *managed = c->managed ? "managed='yes'" : "managed='no'";
	char what[320];

	snprintf(what, sizeof(what), "libvirt %s %s", c->network ? "network" : "domain",
		 c->name[0] ? c->name : "(without a name)");
	if (k->place->running)
		return uses_add(k->u, function, "libvirt-running", what, "is running and has it (%s)",
				managed);
	return uses_add(k->u, function, "libvirt-defined", what, "%s (%s)%s",
			c->network ? "gives it to guests" : "names it", managed,
			k->autostart ? " and is started at boot" : "");
}

/* The virtual functions of a network's physical function. */
static int add_pool(struct claims *k, const struct libvirt_claim *c)
{
	struct vfioadm_inventory *inv = k->u->inv;
	char address[ADDRESS_MAX];
	int r = 0;

	if (observe_net_function(k->u->h, c->pf, address) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < inv->n_functions; i++)
		if (uses_wants(k->u, i) && str_is(&inv->functions[i].physfn, address))
			r = add_claim(k, i, c);
	return r;
}

static int on_claim(const struct libvirt_claim *c, void *userdata)
{
	struct claims *k = userdata;
	char address[ADDRESS_MAX];
	ssize_t f;

	if (c->pf)
		return add_pool(k, c);
	address_format(&c->address, address);
	f = inventory_index(k->u->inv, address);
	return f >= 0 && uses_wants(k->u, (size_t)f) ? add_claim(k, (size_t)f, c) : 0;
}

static int not_readable(struct uses *u, const char *path, int error)
{
	/* Of a domain that is only defined there is no more than a warning. */
	if (!str_after(path, "run/"))
		return uses_seen_in_part(u, -1, "Whether libvirt uses it could not be read (/%s): %s.",
					 path, strerror(-error));
	return uses_unseen(u, -1, "Whether libvirt uses it could not be read (/%s): %s.", path,
			   strerror(-error));
}

static int read_file(struct claims *k, const char *name)
{
	struct host *h = k->u->h;
	char path[NAME_MAX + 64];
	const char *text;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/%s", k->place->path, name);
	r = h->ops->map(h, path, &text, &size);
	if (r < 0)
		return r == -ENOMEM	  ? r :
		       /* Removed meanwhile, or no file of libvirt's. */
		       r == -ENOENT || r == -EISDIR || r == -EINVAL ? 0 :
							      not_readable(k->u, k->place->path, r);
	r = libvirt_scan(text, size, on_claim, k);
	h->ops->unmap(h, text, size);
	return r;
}

static bool is_definition(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && streq(name + n - 4, ".xml");
}

static int list_names(struct uses *u, const char *path, struct strv *ret)
{
	int r = u->h->ops->list(u->h, -1, path, ret);

	if (r == 0)
		strv_sort(ret);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int add_place(struct uses *u, const struct place *place)
{
	struct claims k = { .u = u, .place = place };
	_cleanup_strv_ struct strv names = { 0 }, autostart = { 0 };
	char path[64];
	int r = list_names(u, place->path, &names);

	if (r < 0)
		return r == -ENOMEM ? r : not_readable(u, place->path, r);
	snprintf(path, sizeof(path), "%s/autostart", place->path);
	if (names.n && !place->running && list_names(u, path, &autostart) == -ENOMEM)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		k.autostart = strv_has(&autostart, names.items[i]);
		if (is_definition(names.items[i]))
			r = read_file(&k, names.items[i]);
	}
	return r;
}

/* ---- driverctl ---- */

/* One file for each override: "pci-0000:01:00.0" holds the driver's name. false: it is not about a function here. */
static bool read_override(struct uses *u, const char *file, char driver[256], size_t *ret_function)
{
	const char *address = str_after(file, "pci-");
	char path[NAME_MAX + 32];
	ssize_t f = inventory_index(u->inv, address ? address : file);

	if (f < 0)
		return false;
	snprintf(path, sizeof(path), "etc/driverctl.d/%s", file);
	*ret_function = (size_t)f;
	/* driverctl takes an empty file for none. */
	return host_read_text(u->h, -1, path, driver, 256) > 0;
}

static bool has_override(struct uses *u, const struct strv *files, size_t function)
{
	char driver[256];
	size_t other;

	STRV_FOREACH(i, files)
		if (read_override(u, files->items[i], driver, &other) && other == function)
			return true;
	return false;
}

/* new_id takes what has no driver, now and whenever that comes to be. */
static int add_twins(struct uses *u, const struct strv *files, const char *file, size_t function)
{
	const struct vfioadm_function *f = &u->inv->functions[function];
	char why[512];
	int r = 0;

	if (f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
		return 0;
	snprintf(why, sizeof(why),
		 "gives the card type %04x:%04x to vfio-pci because of %s (/etc/driverctl.d/%s): vfio-pci takes this "
		 "function as well when no driver has it", (unsigned)f->vendor.value, (unsigned)f->device.value,
		 f->address, file);
	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++) {
		const struct vfioadm_function *twin = &u->inv->functions[i];

		if (i == function || !uses_wants(u, i) || !uint_is(&twin->vendor, f->vendor.value) ||
		    !uint_is(&twin->device, f->device.value) || has_override(u, files, i))
			continue;
		r = uses_add(u, i, "driverctl-type", "driverctl", "%s", why);
	}
	return r;
}

static int add_override(struct uses *u, const struct strv *files, const char *file, const struct driverctl *does)
{
	char driver[256];
	size_t function;
	int r = 0;

	if (!read_override(u, file, driver, &function))
		return 0;
	if (uses_wants(u, function))
		r = uses_add(u, function, "driverctl", "driverctl", "binds it to %s at each boot (/etc/driverctl.d/%s)",
			     driver, file);
	return r < 0 || !does->gives_type || !streq(driver, "vfio-pci") ? r : add_twins(u, files, file, function);
}

static int add_overrides(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct driverctl does = { 0 };
	int r = list_names(u, "etc/driverctl.d", &names);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return uses_seen_in_part(u, -1,
					 "Whether driverctl has an override could not be read (/%s): %s.",
					 "etc/driverctl.d", strerror(-r));
	if (names.n)
		r = driverctl_look(u->h, &does);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_override(u, &names, names.items[i], &does);
	return r;
}

/* ---- rules, scripts and other managers ---- */

static int add_other(struct uses *u, size_t function, const struct other *o)
{
	char place[PATH_MAX], what[320];

	snprintf(place, sizeof(place), "/%s:%u", o->path, o->line);
	switch (o->kind) {
	case OTHER_RULE:
		return uses_add(u, function, "bound-by-others", place, "is a udev rule that binds it");
	case OTHER_SCRIPT:
		return uses_add(u, function, "bound-by-others", place, "binds it at each boot");
	case OTHER_HOOK:
		return uses_add(u, function, "bound-by-others", place, "binds it when a guest starts or stops");
	case OTHER_SETTING:
		return uses_add(u, function, "bound-by-others", o->owner, "gets it at each boot (/%s)", o->path);
	case OTHER_UNRAID:
		return uses_add(u, function, "bound-by-others", "Unraid", "binds it to vfio-pci at each boot (%s)", place);
	case OTHER_PROXMOX:
		snprintf(what, sizeof(what), "virtual machine %s of Proxmox VE", o->owner);
		return uses_add(u, function, "guest-defined", what, "names it as %s (%s)%s", o->detail, place,
				o->autostart ? " and is started at boot" : "");
	case OTHER_MAPPING:
		snprintf(what, sizeof(what), "mapping %s of Proxmox VE", o->owner);
		return uses_add(u, function, "guest-defined", what, "offers it to virtual machines (%s)", place);
	case OTHER_MODULES:
		break;
	}
	return 0;
}

static int on_other(const struct other *o, void *userdata)
{
	struct uses *u = userdata;
	int r = 0;

	for (size_t i = 0; r == 0 && o->names != OTHER_NOTHING && i < u->inv->n_functions; i++)
		if (uses_wants(u, i) && !u->inv->functions[i].bridge && other_is_about(o, &u->inv->functions[i]))
			r = add_other(u, i, o);
	return r;
}

static int add_others(struct uses *u)
{
	int r = others_each(u->h, on_other, u);

	return r == -E2BIG ? uses_seen_in_part(u, -1, "More rules and scripts are there than are looked at.") : r;
}

int uses_claims(struct uses *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = add_place(u, &places[i]);
	if (r == 0)
		r = add_overrides(u);
	return r < 0 ? r : add_others(u);
}
