/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules and the drivers in them: what could be loaded, what is, and loading. */
#include <string.h>

#include "kernel.h"
#include "model/inventory.h"

/* Sysfs names of drivers that are not their module's. */
static const struct {
	const char *module, *driver;
} driver_names[] = {
	{"vfio_pci", "vfio-pci"},	{"virtio_pci", "virtio-pci"}, {"xhci_pci", "xhci_hcd"},
	{"ehci_pci", "ehci-pci"},	{"uhci_hcd", "uhci_hcd"},     {"pci_stub", "pci-stub"},
	{"xe_vfio_pci", "xe-vfio-pci"},
};

static char *module_name(const char *s, size_t len)
{
	char *name = strndup(s, len);

	for (char *p = name; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

struct module *module_get(struct kernel *k, const char *name, bool make)
{
	_cleanup_free_ char *plain = module_name(name, strlen(name));
	struct module **slot;

	if (!plain)
		return NULL;
	for (size_t i = 0; i < k->n_modules; i++)
		if (streq(k->modules[i]->name, plain))
			return k->modules[i];
	if (!make)
		return NULL;
	slot = array_add(&k->modules, &k->n_modules, sizeof(*slot));
	if (!slot)
		return NULL;
	*slot = calloc(1, sizeof(**slot));
	if (!*slot) {
		k->n_modules--;
		return NULL;
	}
	(*slot)->name = TAKE_PTR(plain);
	return *slot;
}

struct pci_driver *driver_add(struct kernel *k, const char *name, struct module *m)
{
	struct pci_driver **slot, *drv = kernel_driver(k, name);

	if (drv)
		return drv;
	slot = array_add(&k->drivers, &k->n_drivers, sizeof(*slot));
	drv = slot ? calloc(1, sizeof(*drv)) : NULL;
	if (slot)
		*slot = drv;
	if (!drv || !(drv->name = strdup(name))) {
		k->n_drivers -= slot != NULL;
		free(drv);
		return NULL;
	}
	drv->module = m;
	drv->vfio = driver_name_is_vfio(name);
	drv->managed_dma = drv->vfio || streq(name, "pcieport") || streq(name, "pci-stub");
	return drv;
}

static const char *driver_name(const struct module *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(driver_names); i++)
		if (streq(driver_names[i].module, m->name))
			return driver_names[i].driver;
	return m->name;
}

/* The PCI driver in a module, made when nothing is known of it yet. */
static struct pci_driver *driver_of(struct kernel *k, struct module *m)
{
	for (size_t i = 0; i < k->n_drivers; i++)
		if (k->drivers[i]->module == m)
			return k->drivers[i];
	return driver_add(k, driver_name(m), m);
}

int driver_attributes(struct kernel *k, struct pci_driver *drv)
{
	static const struct {
		const char *name;
		enum attribute attribute;
	} files[] = {
		{"bind", ATTR_BIND},
		{"unbind", ATTR_UNBIND},
		{"new_id", ATTR_NEW_ID},
		{"remove_id", ATTR_REMOVE_ID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct node *n = node_child(drv->dir, files[i].name);

		if (!n)
			n = tree_file(&k->tree, drv->dir, files[i].name, "", 0);
		if (!n)
			return -ENOMEM;
		n->attribute = files[i].attribute;
		n->owner = drv;
		n->write_only = true;
	}
	return 0;
}

/* ---- what the capture shows ---- */

typedef int (*line_fn)(struct kernel *k, char *line);

static int each_line(struct kernel *k, const char *path, char end, line_fn fn)
{
	struct node *n = tree_lookup(&k->tree, NULL, path, true);
	_cleanup_free_ char *copy = NULL;
	char *line, *stop;
	int r = 0;

	if (!n || n->type != NODE_FILE)
		return 0;
	copy = malloc(n->size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, n->data, n->size + 1);
	line = copy;
	while (r == 0 && line < copy + n->size) {
		stop = memchr(line, end, (size_t)(copy + n->size - line));
		if (!stop)
			stop = copy + n->size;
		*stop = '\0';
		r = fn(k, line);
		line = stop + 1;
	}
	return r;
}

/* "kernel/drivers/nvme/host/nvme.ko.xz" */
static char *name_of_path(const char *path, size_t len)
{
	_cleanup_free_ char *s = strndup(path, len);
	char *base = s ? strrchr(s, '/') : NULL;

	base = base ? base + 1 : s;
	return base ? module_name(base, strcspn(base, ".")) : NULL;
}

static int line_builtin(struct kernel *k, char *line)
{
	_cleanup_free_ char *name = name_of_path(line, strlen(line));
	struct module *m = name ? module_get(k, name, true) : NULL;

	if (!m)
		return -ENOMEM;
	m->builtin = true;
	return 0;
}

static int line_dep(struct kernel *k, char *line)
{
	_cleanup_free_ char *name = name_of_path(line, strcspn(line, ":"));
	_cleanup_strbuf_ struct strbuf deps = {0};
	struct module *m = name ? module_get(k, name, true) : NULL;
	char *rest = strchr(line, ':'), *dep;

	if (!m)
		return -ENOMEM;
	rest = rest ? rest + 1 : NULL;
	while (rest && (dep = strsep(&rest, " "))) {
		_cleanup_free_ char *dep_name = name_of_path(dep, strlen(dep));

		if (*dep)
			strbuf_addf(&deps, " %s", dep_name ? dep_name : "");
	}
	free(m->deps);
	m->deps = strbuf_take(&deps);
	return m->deps ? 0 : -ENOMEM;
}

static int add_row(struct kernel *k, const char *module, const char *alias)
{
	const char *pci = str_after(alias, "pci:");
	struct module *m;
	struct pci_driver *drv;

	if (!pci && !str_after(alias, "vfio_pci:"))
		return 0;
	m = module_get(k, module, true);
	drv = m ? driver_of(k, m) : NULL;
	if (!drv)
		return -ENOMEM;
	/* Rows for overrides only are covered by the override's wildcard. */
	return pci ? strv_add(&drv->rows, alias) : 0;
}

static int line_alias(struct kernel *k, char *line)
{
	char alias[256], module[128];

	if (sscanf(line, "alias %255s %127s", alias, module) != 2)
		return 0;
	return add_row(k, module, alias);
}

/* "virtio_pci.alias=pci:v00001AF4d*…" */
static int line_modinfo(struct kernel *k, char *line)
{
	char *field = strstr(line, ".alias=");

	if (!field)
		return 0;
	*field = '\0';
	return add_row(k, line, field + strlen(".alias="));
}

/* Newest first, so each is put before those that were read already. */
static int line_proc_modules(struct kernel *k, char *line)
{
	_cleanup_free_ char *name = strndup(line, strcspn(line, " "));
	struct module *m = name ? module_get(k, name, true) : NULL;

	if (!m)
		return -ENOMEM;
	m->loaded = true;
	return 0;
}

static char *modules_dir(struct kernel *k)
{
	_cleanup_free_ char *release = file_text(k, NULL, "proc/sys/kernel/osrelease");
	struct node *lib = tree_lookup(&k->tree, NULL, "lib/modules", true);

	if (release)
		return str_format("lib/modules/%s", release);
	return str_format("lib/modules/%s", lib && lib->n ? lib->children[0]->name : "none");
}

static int read_modules_dir(struct kernel *k)
{
	static const struct {
		const char *name;
		char end;
		line_fn fn;
	} files[] = {
		{"modules.builtin", '\n', line_builtin},
		{"modules.dep", '\n', line_dep},
		{"modules.alias", '\n', line_alias},
		{"modules.builtin.modinfo", '\0', line_modinfo},
	};
	_cleanup_free_ char *dir = modules_dir(k);
	int r = dir ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = str_format("%s/%s", dir, files[i].name);

		r = path ? each_line(k, path, files[i].end, files[i].fn) : -ENOMEM;
	}
	return r;
}

static int read_sys_module(struct kernel *k)
{
	struct node *dir = tree_lookup(&k->tree, NULL, "sys/module", true);
	bool listed = tree_lookup(&k->tree, NULL, "proc/modules", true) != NULL;

	for (size_t i = 0; dir && i < dir->n; i++) {
		struct module *m = module_get(k, dir->children[i]->name, true);

		if (!m)
			return -ENOMEM;
		if (!listed)
			m->loaded = true;
		else if (!m->loaded)
			m->builtin = true;
	}
	return 0;
}

static int read_drivers(struct kernel *k)
{
	struct node *dir = tree_lookup(&k->tree, NULL, "sys/bus/pci/drivers", true);

	for (size_t i = 0; dir && i < dir->n; i++) {
		struct node *link = tree_lookup(&k->tree, dir->children[i], "module", true);
		struct module *m = link ? module_get(k, link->name, true) : NULL;
		struct pci_driver *drv = driver_add(k, dir->children[i]->name, m);

		if (!drv)
			return -ENOMEM;
		drv->registered = true;
		drv->dir = dir->children[i];
		if (driver_attributes(k, drv) < 0)
			return -ENOMEM;
	}
	return 0;
}

static size_t module_age(const struct kernel *k, const struct pci_driver *drv)
{
	/* proc/modules was read first: the newest has the lowest index. */
	for (size_t i = 0; i < k->n_modules; i++)
		if (k->modules[i] == drv->module)
			return drv->module->builtin || !drv->module->loaded ? SIZE_MAX : i;
	return SIZE_MAX;
}

/* Built-in drivers registered first, then modules in the order they were loaded; stable. */
static void order_drivers(struct kernel *k)
{
	for (size_t i = 1; i < k->n_drivers; i++) {
		struct pci_driver *drv = k->drivers[i];
		size_t j = i;

		for (; j && module_age(k, k->drivers[j - 1]) < module_age(k, drv); j--)
			k->drivers[j] = k->drivers[j - 1];
		k->drivers[j] = drv;
	}
}

int modules_load(struct kernel *k)
{
	int r = each_line(k, "proc/modules", '\n', line_proc_modules);

	if (r == 0)
		r = read_sys_module(k);
	if (r == 0)
		r = read_drivers(k);
	if (r == 0)
		order_drivers(k);
	return r < 0 ? r : read_modules_dir(k);
}
