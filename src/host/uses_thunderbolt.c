/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices behind a Thunderbolt or USB4 controller: they go when it goes, or when a bridge on their way does. */
#include "host/uses_private.h"

/* "0-1", "1-301", with the hosts' own routers ("0-0") left out; "0-1.1" is a retimer, "0-1.0" a service. */
static bool is_device(const char *name)
{
	unsigned domain;
	unsigned long long route;
	int end = 0;

	return sscanf(name, "%4u-%16llx%n", &domain, &route, &end) == 2 && end && !name[end] && route;
}

/* The functions between the root and the controller carry its traffic of PCI Express, and so do those behind it. */
static bool is_on_way(const char *link, const char *address)
{
	char part[ADDRESS_MAX + 2];

	snprintf(part, sizeof(part), "/%s/", address);
	return strstr(link, part) != NULL;
}

static int add_device(struct uses *u, const char *name, const char *link)
{
	char path[NAME_MAX + 64], device[96] = "", vendor[96] = "", id[64] = "", what[224];
	uint64_t authorized = 0;
	int r = 0;

	snprintf(path, sizeof(path), "sys/bus/thunderbolt/devices/%s/authorized", name);
	/* Another host at the other end has no such file: then the connection is what is used. */
	if (host_read_uint(u->h, -1, path, 10, &authorized) == 0 && !authorized)
		return 0;
	snprintf(path, sizeof(path), "sys/bus/thunderbolt/devices/%s/device_name", name);
	(void)!host_read_text(u->h, -1, path, device, sizeof(device));
	snprintf(path, sizeof(path), "sys/bus/thunderbolt/devices/%s/vendor_name", name);
	(void)!host_read_text(u->h, -1, path, vendor, sizeof(vendor));
	snprintf(path, sizeof(path), "sys/bus/thunderbolt/devices/%s/unique_id", name);
	(void)!host_read_text(u->h, -1, path, id, sizeof(id));
	snprintf(what, sizeof(what), "the Thunderbolt device %s%s%s", vendor, *vendor && *device ? " " : "",
		 *vendor || *device ? device : name);
	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++)
		if (uses_wants(u, i) && is_on_way(link, u->inv->functions[i].address))
			r = uses_add(u, i, "thunderbolt", what, "%s behind it (%s%s%s)",
				     authorized ? "authorised" : "connected", name, *id ? ", " : "", id);
	return r;
}

int uses_thunderbolt(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/bus/thunderbolt/devices", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64], link[PATH_MAX];

		snprintf(path, sizeof(path), "sys/bus/thunderbolt/devices/%s", names.items[i]);
		if (is_device(names.items[i]) && u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) >= 0)
			r = add_device(u, names.items[i], link);
	}
	return r;
}
