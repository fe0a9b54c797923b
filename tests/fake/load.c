/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading and unloading modules; the drivers in them come and go. */
#include <string.h>

#include "kernel.h"

/* module_add_driver(): links both ways */
static int link_module(struct kernel *k, struct pci_driver *drv)
{
	_cleanup_free_ char *path = str_format("sys/module/%s/drivers", drv->module->name);
	_cleanup_free_ char *name = str_format("pci:%s", drv->name);
	struct node *drivers = path ? tree_mkdir(&k->tree, NULL, path) : NULL;

	return drivers && name && tree_link_to(&k->tree, drivers, name, drv->dir) &&
			       tree_link_to(&k->tree, drv->dir, "module", drivers->parent)
		       ? 0
		       : -ENOMEM;
}

int driver_register(struct kernel *k, struct pci_driver *drv)
{
	_cleanup_free_ char *path = str_format("sys/bus/pci/drivers/%s", drv->name);
	size_t i = 0;

	drv->dir = path ? tree_mkdir(&k->tree, NULL, path) : NULL;
	if (!drv->dir || driver_attributes(k, drv) < 0)
		return -ENOMEM;
	if (drv->module && link_module(k, drv) < 0)
		return -ENOMEM;
	drv->registered = true;
	/* The bus asks its drivers in the order of their registration. */
	while (k->drivers[i] != drv)
		i++;
	memmove(k->drivers + i, k->drivers + i + 1, (k->n_drivers - i - 1) * sizeof(drv));
	k->drivers[k->n_drivers - 1] = drv;
	return 0;
}

static int show_module(struct kernel *k, struct module *m)
{
	static const char *const vfio_parameters[] = {"disable_denylist", "disable_idle_d3",
						      "disable_vga", "enable_sriov", "nointxmask"};
	_cleanup_free_ char *path = str_format("sys/module/%s", m->name);
	struct node *dir = path ? tree_mkdir(&k->tree, NULL, path) : NULL;
	struct node *list = tree_lookup(&k->tree, NULL, "proc/modules", true);
	_cleanup_free_ char *old = NULL;

	if (!dir || !tree_file(&k->tree, dir, "initstate", "live\n", 5))
		return -ENOMEM;
	for (size_t i = 0; streq(m->name, "vfio_pci") && i < ARRAY_SIZE(vfio_parameters); i++) {
		_cleanup_free_ char *name = str_format("parameters/%s", vfio_parameters[i]);

		if (!name || !tree_file(&k->tree, dir, name, "N\n", 2))
			return -ENOMEM;
	}
	if (!list)
		return 0;
	old = strdup(list->data ? list->data : "");
	return old ? node_printf(list, "%s 16384 0 - Live 0x0000000000000000\n%s", m->name, old)
		   : -ENOMEM;
}

/* Of a parameter that is given twice the kernel keeps the last. */
static const char *last_ids(const char *options)
{
	const char *last = NULL;

	for (const char *p = options; p && (p = strstr(p, "ids=")); p++)
		if (p == options || p[-1] == ' ')
			last = p;
	return last;
}

/* vfio_pci_fill_ids() */
static int fill_ids(struct kernel *k, struct pci_driver *drv, const char *options)
{
	const char *ids = last_ids(options);
	_cleanup_free_ char *copy = ids ? strndup(ids + 4, strcspn(ids + 4, " ")) : NULL;
	char *rest = copy, *one;
	int hang = 0;

	while (rest && (one = strsep(&rest, ","))) {
		unsigned fields;
		struct pci_id id;

		for (char *p = one; *p; p++)
			if (*p == ':')
				*p = ' ';
		if (!*one)
			continue;
		if (pci_id_scan(one, &id, &fields, NULL) < 0) {
			kernel_log(k, "%s: invalid id string \"%s\"", drv->name, one);
			continue;
		}
		if (dynid_add(drv, &id) < 0)
			return -ENOMEM;
		kernel_log(k, "%s: add [%04x:%04x[%08x:%08x]] class 0x%06x/%08x", drv->name,
			   id.vendor, id.device, id.subvendor, id.subdevice, id.class_code,
			   id.class_mask);
		if (driver_attach(k, drv) < 0)
			hang = -ETIMEDOUT;
	}
	return hang;
}

static int load_deps(struct kernel *k, const struct module *m)
{
	_cleanup_free_ char *copy = m->deps ? strdup(m->deps) : NULL;
	char *rest = copy, *dep;
	int r = 0;

	while (r == 0 && rest && (dep = strsep(&rest, " ")))
		if (*dep)
			r = module_load(k, dep, NULL, false);
	return r;
}

static int init_module(struct kernel *k, struct module *m, const char *options)
{
	struct node *autoprobe = tree_lookup(&k->tree, NULL, "sys/bus/pci/drivers_autoprobe", true);
	struct pci_driver *drv = NULL;
	int r = show_module(k, m), hang = 0;

	if (r == 0 && streq(m->name, "vfio"))
		r = vfio_classes(k);
	if (r < 0)
		return r;
	m->loaded = true;
	for (size_t i = 0; i < k->n_drivers && !drv; i++)
		if (k->drivers[i]->module == m && !k->drivers[i]->registered)
			drv = k->drivers[i];
	if (!drv)
		return 0;
	r = driver_register(k, drv);
	if (r == 0 && (!autoprobe || autoprobe->data[0] != '0'))
		hang = driver_attach(k, drv);
	if (r == 0 && drv->vfio)
		r = fill_ids(k, drv, options);
	return r < 0 ? r : hang;
}

int module_load(struct kernel *k, const char *name, const char *options, bool fail_on_loaded)
{
	struct module *m = module_get(k, name, false);
	int r;

	if (!m || m->absent)
		return -ENOENT;
	if (m->loaded || m->builtin)
		return fail_on_loaded ? -EEXIST : 0;
	r = load_deps(k, m);
	if (r < 0)
		return r;
	/* Not in modules.dep, and yet vfio-pci stands on them. */
	if (streq(m->name, "vfio_pci") && !m->deps) {
		if (!module_get(k, "vfio", true))
			return -ENOMEM;
		r = module_load(k, "vfio", NULL, false);
		if (r < 0)
			return r;
	}
	return init_module(k, m, options);
}

/* driver_detach(): from everything that it is bound to, whatever that means to its users. */
static int unregister(struct kernel *k, struct pci_driver *drv)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		struct pci_device *d = k->devices[i];

		if (d->driver != drv)
			continue;
		/* Before anything is taken away: half an unload cannot be modelled. */
		if (d->phase != IDLE || (drv->vfio && d->vfio_users))
			return -ETIMEDOUT;
	}
	for (size_t i = 0; i < k->n_devices; i++)
		if (k->devices[i]->driver == drv)
			driver_detach(k, k->devices[i]);
	drv->registered = false;
	tree_remove(&k->tree, drv->dir);
	drv->dir = NULL;
	drv->n_dynids = 0;
	return 0;
}

static bool is_needed(const struct kernel *k, const struct module *m)
{
	for (size_t i = 0; i < k->n_modules; i++) {
		const struct module *user = k->modules[i];
		const char *at = user->loaded && user->deps ? strstr(user->deps, m->name) : NULL;
		size_t len = strlen(m->name);

		for (; at; at = strstr(at + 1, m->name))
			if ((at == user->deps || at[-1] == ' ') && (!at[len] || at[len] == ' '))
				return true;
	}
	return false;
}

static int hide_module(struct kernel *k, const struct module *m)
{
	_cleanup_free_ char *path = str_format("sys/module/%s", m->name);
	struct node *list = tree_lookup(&k->tree, NULL, "proc/modules", true);
	_cleanup_free_ char *line = str_format("%s ", m->name), *kept = NULL;
	char *at;

	if (!path || !line)
		return -ENOMEM;
	tree_remove(&k->tree, tree_lookup(&k->tree, NULL, path, false));
	kept = list && list->data ? strdup(list->data) : NULL;
	if (!kept)
		return 0;
	for (at = kept; *at && !str_after(at, line); at += strcspn(at, "\n"), at += *at == '\n')
		;
	if (*at) {
		char *rest = at + strcspn(at, "\n");

		rest += *rest == '\n';
		memmove(at, rest, strlen(rest) + 1);
	}
	return node_set(list, kept, strlen(kept));
}

int module_unload(struct kernel *k, const char *name)
{
	struct module *m = module_get(k, name, false);
	_cleanup_free_ char *deps = m && m->deps ? strdup(m->deps) : NULL;
	char *rest = deps, *dep;
	int r = 0;

	if (!m)
		return -ENOENT;
	if (!m->loaded)
		return 0;
	if (is_needed(k, m))
		return -EBUSY;
	for (size_t i = 0; r == 0 && i < k->n_drivers; i++)
		if (k->drivers[i]->module == m && k->drivers[i]->registered)
			r = unregister(k, k->drivers[i]);
	if (r < 0)
		return r;
	m->loaded = false;
	r = hide_module(k, m);
	/* What it stood on goes too where nothing else needs it. */
	while (r == 0 && rest && (dep = strsep(&rest, " "))) {
		int gone = *dep ? module_unload(k, dep) : 0;

		r = gone == -EBUSY ? 0 : gone;
	}
	return r;
}
