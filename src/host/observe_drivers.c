/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>

#include "host/module_setup.h"
#include "host/modules.h"
#include "host/observe_private.h"

/* The module of the driver that is bound, "" for none or a driver that has no module directory. */
static void bound_module(struct host *h, const struct vfioadm_function *f, char *buf, size_t size)
{
	char path[OBSERVE_PATH_MAX];

	device_path(path, f->address, "driver/module");
	if (f->driver.state != VFIOADM_KNOWN || uint_is(&f->vfio, 1) ||
	    host_link_name(h, -1, path, buf, size) < 0)
		buf[0] = '\0';
}

static ssize_t place_of(const struct strv *list, const char *module)
{
	STRV_FOREACH (i, list)
		if (driver_name_equal(list->items[i], module))
			return (ssize_t)i;
	return -1;
}

static bool move_to_front(struct strv *list, const char *module)
{
	ssize_t i = place_of(list, module);
	char *item;

	if (i < 0)
		return false;
	item = list->items[i];
	memmove(list->items + 1, list->items, (size_t)i * sizeof(item));
	list->items[0] = item;
	return true;
}

static void drop(struct strv *list, const char *module)
{
	ssize_t i = place_of(list, module);

	if (i < 0)
		return;
	free(list->items[i]);
	memmove(list->items + i, list->items + i + 1, (list->n - (size_t)i) * sizeof(*list->items));
	list->n--;
}

/* The driver that is bound has proved that it fits. */
static int put_bound_first(struct strv *list, const char *module)
{
	int r;

	if (!*module || move_to_front(list, module))
		return 0;
	r = strv_add(list, module);
	if (r == 0)
		move_to_front(list, module);
	return r;
}

static bool modalias_rest(const struct vfioadm_function *f, char rest[64])
{
	if (f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN ||
	    f->class_code.state != VFIOADM_KNOWN)
		return false;
	snprintf(rest, 64, "v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", (unsigned)f->vendor.value,
		 (unsigned)f->device.value, (unsigned)f->subsystem_vendor.value,
		 (unsigned)f->subsystem_device.value, (unsigned)(f->class_code.value >> 16) & 0xff,
		 (unsigned)(f->class_code.value >> 8) & 0xff, (unsigned)f->class_code.value & 0xff);
	return true;
}

static int look_up(struct host *h, const char *prefix, const char *rest, struct strv *ret)
{
	char alias[96];

	snprintf(alias, sizeof(alias), "%s:%s", prefix, rest);
	return modules_lookup(h, alias, ret);
}

static int read_trouble(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };

	if (module_setup_read(h, "vfio_pci", &setup) < 0)
		return -ENOMEM;
	if (!setup.trouble)
		return 0;
	inv->vfio_pci_trouble = arena_strdup(&inv->arena, setup.trouble);
	inv->vfio_pci_remedy = arena_strdup(&inv->arena, setup.trouble_hint);
	return inv->vfio_pci_trouble && inv->vfio_pci_remedy ? 0 : -ENOMEM;
}

static int read_availability(struct host *h, struct vfioadm_inventory *inv)
{
	enum driver_presence presence;

	if (inv->facts.vfio_pci_available.state != VFIOADM_UNKNOWN ||
	    observe_driver_presence(h, "vfio-pci", &presence, NULL, 0) < 0)
		return 0;
	inv->facts.vfio_pci_available = uint_known(presence != DRIVER_NOWHERE);
	return presence == DRIVER_LOADABLE ? read_trouble(h, inv) : 0;
}

int observe_drivers(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv native = {0}, vfio = {0};
	char rest[64], module[NAME_MAX + 1];
	int r;

	if (read_availability(h, inv) < 0 || observe_backends(h, inv) < 0)
		return -ENOMEM;
	if (!modalias_rest(f, rest))
		return 0;
	bound_module(h, f, module, sizeof(module));
	r = look_up(h, "pci", rest, &native);
	if (r == -ENOMEM)
		return r;
	/* Without an index the bound driver is all that is known. */
	if (r == 0 || *module) {
		r = put_bound_first(&native, module);
		if (r == 0)
			r = value_list(inv, &f->host_drivers, &native);
		if (r < 0)
			return r;
	}
	r = look_up(h, "vfio_pci", rest, &vfio);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	/* The driver for everything is no variant. */
	drop(&vfio, "vfio_pci");
	return value_list(inv, &f->vfio_variants, &vfio);
}

int observe_left_out(struct host *h, const struct vfioadm_function *f, char **ret_module, const char **ret_source)
{
	char rest[64], alias[96];

	if (!modalias_rest(f, rest))
		return -ENOENT;
	snprintf(alias, sizeof(alias), "pci:%s", rest);
	return modules_left_out(h, alias, ret_module, ret_source);
}

int observe_driver_presence(struct host *h, const char *driver, enum driver_presence *ret,
			    char *ret_module, size_t size)
{
	_cleanup_strv_ struct strv found = {0};
	char path[OBSERVE_PATH_MAX], module[NAME_MAX + 1];
	int r;

	if (!*driver || strchr(driver, '/') || strchr(driver, ':') || strlen(driver) > 128)
		return -EINVAL;
	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	if (host_exists(h, path)) {
		snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/module", driver);
		if (ret_module && host_link_name(h, -1, path, module, sizeof(module)) < 0)
			module[0] = '\0'; /* built in */
		if (ret_module)
			snprintf(ret_module, size, "%s", module);
		*ret = DRIVER_REGISTERED;
		return 0;
	}
	snprintf(module, sizeof(module), "%s", driver);
	for (char *p = module; *p; p++)
		if (*p == '-')
			*p = '_';
	r = modules_lookup(h, module, &found);
	/* No index at all: nothing can be loaded, and it is no error to say so. */
	if (r < 0 && r != -ENOENT && r != -ENOSYS)
		return r;
	*ret = found.n ? DRIVER_LOADABLE : DRIVER_NOWHERE;
	if (ret_module)
		snprintf(ret_module, size, "%s", found.n ? found.items[0] : "");
	return 0;
}
