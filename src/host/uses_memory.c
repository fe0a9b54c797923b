/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory of the host that is behind a function: regions of CXL devices, and what virtio-mem has plugged in. */
#include <limits.h>

#include "host/uses.h"

#define CXL	   "sys/bus/cxl/devices"
#define VIRTIO_MEM "sys/bus/virtio/drivers/virtio_mem"

static int list_names(struct uses *u, const char *path, struct strv *ret)
{
	int r = u->h->ops->list(u->h, -1, path, ret);

	strv_sort(ret);
	/* No such bus, or no such driver. */
	if (r == -ENOENT || r == -ENOTDIR || r == -ENOMEM)
		return r == -ENOMEM ? r : 0;
	return r < 0 ? uses_unseen(u, -1, "/%s could not be read: %s.", path, strerror(-r)) : 0;
}

/* "…/port1/endpoint2/decoder2.0": the memory device of that endpoint; -1: it is none of an endpoint, or not on PCI. */
static ssize_t function_of_decoder(struct uses *u, const char *decoder)
{
	char path[NAME_MAX + 64], link[PATH_MAX];
	const char *endpoint;

	snprintf(path, sizeof(path), CXL "/%s", decoder);
	if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
		return -1;
	endpoint = strstr(link, "/endpoint");
	if (!endpoint)
		return -1;
	snprintf(path, sizeof(path), CXL "/%.*s/uport", (int)strcspn(endpoint + 1, "/"), endpoint + 1);
	return u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0 ? -1 : function_of_link(u->inv, link);
}

static int look_at_cxl(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(u, CXL, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64], region[64];
		ssize_t f;

		if (!str_after(names.items[i], "decoder"))
			continue;
		snprintf(path, sizeof(path), CXL "/%s/region", names.items[i]);
		if (host_read_text(u->h, -1, path, region, sizeof(region)) <= 0)
			continue;
		f = function_of_decoder(u, names.items[i]);
		if (f >= 0)
			r = uses_add(u, (size_t)f, "in-use-memory", region, "is a region of CXL memory that is made of it");
	}
	return r;
}

static int look_at_virtio_mem(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(u, VIRTIO_MEM, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), VIRTIO_MEM "/%s", names.items[i]);
		if (!str_after(names.items[i], "virtio") ||
		    u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0)
			r = uses_add(u, (size_t)f, "in-use-memory", names.items[i], "has memory of the host plugged in");
	}
	return r;
}

int uses_memory(struct uses *u)
{
	int r = look_at_cxl(u);

	return r == 0 ? look_at_virtio_mem(u) : r;
}
