/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driverctl is a shell script. From 0.115 on "set-override DEVICE vfio-pci" writes the device's IDs to new_id, so
 * each function of that card type goes along. What the script does is seen by its text.
 */
#include <limits.h>
#include <string.h>

#include "host/others.h"
#include "host/observe.h"

enum { SCRIPT_MAX = 65536 };

static int look_at_script(struct host *h, char text[SCRIPT_MAX], struct driverctl *ret)
{
	static const char *const paths[] = { "usr/sbin/driverctl", "usr/bin/driverctl", "sbin/driverctl",
					     "usr/local/sbin/driverctl" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		ssize_t n = h->ops->read(h, -1, paths[i], text, SCRIPT_MAX);

		if (n == -ENOMEM)
			return -ENOMEM;
		if (n < 0 && n != -EFBIG)
			continue;
		ret->gives_type = strstr(text, "/new_id");
		ret->takes_back = strstr(text, "/remove_id");
		return 1;
	}
	return 0;
}

/* "0.115-2" */
static unsigned long minor_version(const char *version)
{
	const char *rest = str_after(version, "0.");

	return rest ? strtoul(rest, NULL, 10) : *version >= '1' && *version <= '9' ? 1000 : 0;
}

/* "Status: install ok installed", also with "hold" in front: the last word says how it is. */
static bool is_installed(const char *line)
{
	const char *value = str_after(line, "Status: ");
	static const char state[] = " ok installed";
	size_t n = value ? strcspn(value, "\n") : 0;

	return n >= strlen(state) && !strncmp(value + n - strlen(state), state, strlen(state));
}

/* The paragraph of one package ends at an empty line. */
static void look_at_paragraph(const char *p, struct driverctl *ret)
{
	unsigned long version = 0;
	bool installed = false;

	while (*p && *p != '\n') {
		const char *value = str_after(p, "Version: ");

		if (value)
			version = minor_version(value);
		installed |= is_installed(p);
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	ret->gives_type = installed && version >= 115;
	ret->takes_back = installed && version >= 121;
}

static int look_at_packages(struct host *h, struct driverctl *ret)
{
	static const char package[] = "Package: driverctl\n";
	const char *text, *p;
	size_t size;
	int r = h->ops->map(h, "var/lib/dpkg/status", &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	p = strstr(text, package);
	while (p && p != text && p[-1] != '\n')
		p = strstr(p + 1, package);
	if (p)
		look_at_paragraph(p, ret);
	h->ops->unmap(h, text, size);
	return 0;
}

int driverctl_look(struct host *h, struct driverctl *ret)
{
	_cleanup_free_ char *text = malloc(SCRIPT_MAX);
	int r;

	*ret = (struct driverctl){ 0 };
	if (!text)
		return -ENOMEM;
	r = look_at_script(h, text, ret);
	if (r == 0)
		r = look_at_packages(h, ret);
	return r < 0 ? r : 0;
}

static bool read_id(struct host *h, const char *address, const char *file, uint32_t *ret)
{
	char path[ADDRESS_MAX + 64];
	uint64_t value;

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, file);
	if (host_read_uint(h, -1, path, 16, &value) < 0 || value > 0xffff)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* The IDs of a device that is not there nobody has written to new_id. */
static bool type_of_override(struct host *h, const char *file, struct cardtype *ret)
{
	const char *name = str_after(file, "pci-");
	char path[NAME_MAX + 32], driver[32], canonical[ADDRESS_MAX];
	struct address address;

	snprintf(path, sizeof(path), "etc/driverctl.d/%s", file);
	if (address_parse(name ? name : file, &address) < 0 ||
	    host_read_text(h, -1, path, driver, sizeof(driver)) <= 0 || !streq(driver, "vfio-pci"))
		return false;
	address_format(&address, canonical);
	*ret = (struct cardtype){ .subvendor = CARDTYPE_ANY, .subdevice = CARDTYPE_ANY };
	return read_id(h, canonical, "vendor", &ret->vendor) && read_id(h, canonical, "device", &ret->device);
}

int observe_driverctl_types(struct host *h, int (*fn)(const struct cardtype *type, void *userdata), void *userdata)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct driverctl does = { 0 };
	int r = h->ops->list(h, -1, "etc/driverctl.d", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	r = names.n ? driverctl_look(h, &does) : 0;
	for (size_t i = 0; r == 0 && does.gives_type && i < names.n; i++) {
		struct cardtype type;

		if (type_of_override(h, names.items[i], &type))
			r = fn(&type, userdata);
	}
	return r;
}
