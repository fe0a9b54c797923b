/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Others who have been told to move the function: libvirt's domains and networks, driverctl. */
#include <limits.h>

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

/* One file for each override: "pci-0000:01:00.0" holds the driver's name. */
static int add_override(struct uses *u, const char *file)
{
	const char *address = str_after(file, "pci-");
	char path[NAME_MAX + 32], driver[256];
	ssize_t f = inventory_index(u->inv, address ? address : file);

	if (f < 0 || !uses_wants(u, (size_t)f))
		return 0;
	snprintf(path, sizeof(path), "etc/driverctl.d/%s", file);
	/* driverctl takes an empty file for none. */
	if (host_read_text(u->h, -1, path, driver, sizeof(driver)) <= 0)
		return 0;
	return uses_add(u, (size_t)f, "driverctl", "driverctl", "binds it to %s at each boot (/%s)", driver,
			path);
}

static int add_overrides(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(u, "etc/driverctl.d", &names);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return uses_unseen(u, -1, "Whether driverctl has an override could not be read (/%s): %s.",
				   "etc/driverctl.d", strerror(-r));
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_override(u, names.items[i]);
	return r;
}

int uses_claims(struct uses *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
		r = add_place(u, &places[i]);
	return r < 0 ? r : add_overrides(u);
}
