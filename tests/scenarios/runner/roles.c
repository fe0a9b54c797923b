/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "model/address.h"
#include "runner.h"

/* By what it is, numbered in the order of addresses: the same in every line-up of the rig. */
static const struct {
	const char *role;
	uint16_t vendor, device;
	int sriov; /* 1: can have virtual functions, 0: cannot, -1: does not matter */
} kinds[] = {
	{"NVMEPF", 0x1b36, 0x0010, 1},	{"NVME", 0x1b36, 0x0010, 0},
	{"NIC", 0x8086, 0x10d3, -1},	{"IGB", 0x8086, 0x10c9, -1},
	{"SHARED", 0x8086, 0x100e, -1}, {"VNET", 0x1af4, 0x1041, -1},
	{"VNET", 0x1af4, 0x1000, -1},	{"VRNG", 0x1af4, 0x1044, -1},
	{"VRNG", 0x1af4, 0x1005, -1},	{"XHCI", 0x1b36, 0x000d, -1},
	{"PORT", 0x1b36, 0x000c, -1},	{"PCIBRIDGE", 0x1b36, 0x000e, -1},
	{"VGA", 0x1234, 0x1111, -1},
};

static int add(struct roles *roles, const char *name, const char *address)
{
	struct role *grown = reallocarray(roles->items, roles->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	roles->items = grown;
	roles->items[roles->n] = (struct role){.name = strdup(name)};
	if (!roles->items[roles->n].name)
		return -ENOMEM;
	snprintf(roles->items[roles->n].address, sizeof(roles->items->address), "%s", address);
	roles->n++;
	return 0;
}

static int add_numbered(struct roles *roles, const char *kind, const char *address)
{
	char name[32];

	for (unsigned i = 0;; i++) {
		snprintf(name, sizeof(name), "%s%u", kind, i);
		if (!roles_address(roles, name, strlen(name)))
			return add(roles, name, address);
	}
}

static const char *kind_of(struct host *h, host_dir dir)
{
	uint64_t vendor, device;
	char buf[64];
	bool sriov = h->ops->read(h, dir, "sriov_totalvfs", buf, sizeof(buf)) >= 0;

	if (h->ops->readlink(h, dir, "physfn", buf, sizeof(buf)) >= 0)
		return "VF";
	if (host_read_uint(h, dir, "vendor", 16, &vendor) < 0 ||
	    host_read_uint(h, dir, "device", 16, &device) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].vendor == vendor && kinds[i].device == device &&
		    (kinds[i].sriov < 0 || kinds[i].sriov == sriov))
			return kinds[i].role;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	struct address x = {0}, y = {0};

	if (address_parse(*(char *const *)a, &x) < 0 || address_parse(*(char *const *)b, &y) < 0)
		return strcmp(*(char *const *)a, *(char *const *)b);
	return address_compare(&x, &y);
}

int roles_find(struct host *h, struct roles *ret)
{
	_cleanup_strv_ struct strv names = {0};
	struct roles roles = {0};
	int r = h->ops->list(h, -1, "sys/bus/pci/devices", &names);

	if (r < 0)
		return r;
	if (names.n)
		qsort(names.items, names.n, sizeof(*names.items), compare);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s", names.items[i]);
		host_dir dir = path ? h->ops->dir_open(h, path) : -ENOMEM;
		const char *kind = dir >= 0 ? kind_of(h, dir) : NULL;

		if (kind)
			r = add_numbered(&roles, kind, names.items[i]);
		if (dir >= 0)
			h->ops->dir_close(h, dir);
	}
	if (r < 0) {
		roles_clear(&roles);
		return r;
	}
	*ret = roles;
	return 0;
}

int roles_read(const char *path, struct roles *ret)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	struct roles roles = {0};
	char line[256], name[64], address[24];
	int r = 0;

	if (!f)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), f)) {
		if (line[0] == '#' || line[strspn(line, " \n")] == '\0')
			continue;
		r = sscanf(line, "%63s %23s", name, address) == 2 ? add(&roles, name, address)
								  : -EINVAL;
	}
	if (r < 0) {
		roles_clear(&roles);
		return r;
	}
	*ret = roles;
	return 0;
}

const char *roles_address(const struct roles *roles, const char *name, size_t len)
{
	for (size_t i = 0; i < roles->n; i++)
		if (strlen(roles->items[i].name) == len &&
		    strncmp(roles->items[i].name, name, len) == 0)
			return roles->items[i].address;
	return NULL;
}

char *roles_hide(const struct roles *roles, const char *text)
{
	_cleanup_strbuf_ struct strbuf out = {0};

	while (*text) {
		size_t i = 0;

		while (i < roles->n && !str_after(text, roles->items[i].address))
			i++;
		if (i < roles->n) {
			strbuf_addf(&out, "$%s", roles->items[i].name);
			text += strlen(roles->items[i].address);
		} else {
			strbuf_add(&out, text++, 1);
		}
	}
	return strbuf_take(&out);
}

void roles_clear(struct roles *roles)
{
	for (size_t i = 0; i < roles->n; i++)
		free(roles->items[i].name);
	free(roles->items);
	*roles = (struct roles){0};
}
