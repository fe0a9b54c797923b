/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The model as a whole: built from the files of a captured root. */
#include <stdarg.h>
#include <string.h>

#include "kernel.h"
#include "model/address.h"

void *array_add(void *array, size_t *n, size_t size)
{
	void **base = array, *grown = *base;

	/* Doubling, without a field for the room: at each power of two. */
	if ((*n & (*n - 1)) == 0) {
		grown = reallocarray(*base, *n ? *n * 2 : 1, size);
		if (!grown)
			return NULL;
		*base = grown;
	}
	grown = (char *)grown + *n * size;
	memset(grown, 0, size);
	(*n)++;
	return grown;
}

char *file_text(struct kernel *k, struct node *dir, const char *name)
{
	struct node *n = tree_lookup(&k->tree, dir, name, true);
	char *s;

	if (!n || n->type != NODE_FILE || !n->data)
		return NULL;
	s = strndup(n->data, n->size);
	if (!s)
		k->oom = true;
	return s ? str_rstrip(s) : NULL;
}

int file_number(struct kernel *k, struct node *dir, const char *name, unsigned base, uint32_t *ret)
{
	_cleanup_free_ char *s = file_text(k, dir, name);
	uint64_t v;

	if (!s)
		return k->oom ? -ENOMEM : -ENOENT;
	if (str_to_u64(s, base, UINT32_MAX, &v) < 0)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

void kernel_log(struct kernel *k, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	if (strv_take(&k->log, s) < 0)
		k->oom = true;
}

struct pci_device *kernel_device(struct kernel *k, const char *address)
{
	for (size_t i = 0; i < k->n_devices; i++)
		if (!k->devices[i]->gone && streq(k->devices[i]->address, address))
			return k->devices[i];
	return NULL;
}

struct pci_driver *kernel_driver(struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->n_drivers; i++)
		if (streq(k->drivers[i]->name, name))
			return k->drivers[i];
	return NULL;
}

struct iommu_group *kernel_group(struct kernel *k, unsigned number, bool make)
{
	struct iommu_group **slot;

	for (size_t i = 0; i < k->n_groups; i++)
		if (k->groups[i]->number == number)
			return k->groups[i];
	if (!make)
		return NULL;
	slot = array_add(&k->groups, &k->n_groups, sizeof(*slot));
	if (!slot)
		return NULL;
	*slot = calloc(1, sizeof(**slot));
	if (!*slot) {
		k->n_groups--;
		return NULL;
	}
	(*slot)->number = number;
	return *slot;
}

static int compare_devices(const void *a, const void *b)
{
	const struct pci_device *const *x = a, *const *y = b;
	struct address p = {0}, q = {0};

	/* Both were parsed when they were loaded. */
	if (address_parse((*x)->address, &p) < 0 || address_parse((*y)->address, &q) < 0)
		return 0;
	return address_compare(&p, &q);
}

static int load_devices(struct kernel *k)
{
	struct node *bus = tree_lookup(&k->tree, NULL, "sys/bus/pci/devices", true);
	int r = 0;

	for (size_t i = 0; bus && r == 0 && i < bus->n; i++) {
		const char *name = bus->children[i]->name;
		struct node *dir = tree_lookup(&k->tree, bus, name, true);

		r = dir ? device_load(k, name, dir) : -EINVAL;
		if (r < 0)
			fprintf(stderr, "fake: %s in bus/pci/devices: %s\n", name, strerror(-r));
	}
	if (r == 0 && k->n_devices)
		qsort(k->devices, k->n_devices, sizeof(*k->devices), compare_devices);
	return r;
}

static void link_physfns(struct kernel *k)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		struct node *pf = tree_lookup(&k->tree, k->devices[i]->dir, "physfn", true);

		for (size_t j = 0; pf && j < k->n_devices; j++)
			if (k->devices[j]->dir == pf)
				k->devices[i]->physfn = k->devices[j];
	}
}

/* A driver that holds a function of the capture, though no table says why: it must have the ID. */
static int infer_row(struct kernel *k, struct pci_driver *drv, struct pci_device *d)
{
	struct pci_device plain = *d;
	char modalias[80];

	plain.override = NULL;
	if (drv->vfio || driver_match(drv, &plain))
		return 0;
	/* Bridges are taken by class. */
	if (streq(drv->name, "pcieport"))
		return strv_add(&drv->rows, "pci:v*d*sv*sd*bc06sc04i*");
	modalias_format(d, modalias);
	(void)k;
	return strv_add(&drv->rows, modalias);
}

static int load_bindings(struct kernel *k)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < k->n_devices; i++) {
		struct pci_device *d = k->devices[i];
		struct node *dir = tree_lookup(&k->tree, d->dir, "driver", true);

		if (!dir)
			continue;
		d->driver = kernel_driver(k, dir->name);
		if (!d->driver) {
			fprintf(stderr,
				"fake: %s is bound to %s, which is not in bus/pci/drivers\n",
				d->address, dir->name);
			return -EINVAL;
		}
		r = infer_row(k, d->driver, d);
		if (r == 0 && d->driver->vfio)
			r = vfio_restore(k, d);
	}
	return r;
}

static int bus_attributes(struct kernel *k)
{
	static const struct {
		const char *path, *content;
		enum attribute attribute;
	} files[] = {
		{"sys/bus/pci/drivers_probe", "", ATTR_DRIVERS_PROBE},
		{"sys/bus/pci/rescan", "", ATTR_RESCAN},
		{"sys/bus/pci/drivers_autoprobe", "1\n", ATTR_PLAIN},
	};

	if (!tree_lookup(&k->tree, NULL, "sys/bus/pci", true))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct node *n = tree_lookup(&k->tree, NULL, files[i].path, true);

		if (!n)
			n = tree_file(&k->tree, NULL, files[i].path, files[i].content,
				      strlen(files[i].content));
		if (!n)
			return -ENOMEM;
		n->attribute = files[i].attribute;
		n->write_only = !*files[i].content;
	}
	return 0;
}

/*
 * What differs between kernels and leaves no trace in an idle tree, by mainline's versions; a model line
 * says otherwise where a distribution differs.
 */
static void guess_traits(struct kernel *k)
{
	_cleanup_free_ char *release = file_text(k, NULL, "proc/sys/kernel/osrelease");
	unsigned major = 6, minor = 12, patch = 0, version;

	if (release)
		(void)!sscanf(release, "%u.%u.%u", &major, &minor, &patch);
	version = major * 1000 + minor;
	k->traits = (struct traits){
		.dma_owner = version >= 5019,
		.override_spinlock = version >= 7001 || (version == 6012 && patch >= 117),
		.vfio_dev = version >= 6001,
		/* Built by few: the module that the device nodes need tells. */
		.cdev = version >= 6006 && module_get(k, "iommufd", false),
	};
}

/* Every kernel has one; records of what was before are worth nothing without it. */
static int make_boot_id(struct kernel *k)
{
	static const char path[] = "proc/sys/kernel/random/boot_id";
	static const char id[] = "00000000-0000-4000-8000-000000000001\n";

	if (tree_lookup(&k->tree, NULL, path, true))
		return 0;
	return tree_file(&k->tree, NULL, path, id, sizeof(id) - 1) ? 0 : -ENOMEM;
}

int kernel_load(struct kernel *k)
{
	int r = load_devices(k);

	if (r < 0)
		return r;
	link_physfns(k);
	r = modules_load(k);
	if (r < 0)
		return r;
	guess_traits(k);
	r = load_bindings(k);
	if (r == 0)
		r = bus_attributes(k);
	if (r == 0)
		r = make_boot_id(k);
	return r < 0 ? r : k->oom ? -ENOMEM : 0;
}

static void free_driver(struct pci_driver *drv)
{
	free(drv->name);
	strv_clear(&drv->rows);
	free(drv->dynids);
	free(drv);
}

static void free_module(struct module *m)
{
	free(m->name);
	free(m->deps);
	free(m);
}

void kernel_clear(struct kernel *k)
{
	for (size_t i = 0; i < k->n_devices; i++) {
		children_clear(k, k->devices[i]);
		device_free(k->devices[i]);
	}
	for (size_t i = 0; i < k->n_drivers; i++)
		free_driver(k->drivers[i]);
	for (size_t i = 0; i < k->n_modules; i++)
		free_module(k->modules[i]);
	for (size_t i = 0; i < k->n_groups; i++)
		free(k->groups[i]);
	for (size_t i = 0; i < k->n_rules; i++) {
		free(k->rules[i].driver);
		free(k->rules[i].address);
	}
	while (k->late) {
		struct work *w = k->late;

		k->late = w->next;
		work_free(w);
	}
	strv_clear(&k->image.modules);
	free(k->devices);
	free(k->drivers);
	free(k->modules);
	free(k->groups);
	free(k->rules);
	free(k->denied);
	strv_clear(&k->log);
	tree_clear(&k->tree);
}
