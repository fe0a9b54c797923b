/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of fake_control(). */
#include <stddef.h>
#include <string.h>

#include "fault.h"

enum { MAX_WORDS = 9 };

struct words {
	char *v[MAX_WORDS];
	size_t n;
};

static int do_trait(struct kernel *k, const struct words *w)
{
	static const struct {
		const char *name;
		size_t offset;
	} traits[] = {
		{"dma-owner", offsetof(struct traits, dma_owner)},
		{"override-spinlock", offsetof(struct traits, override_spinlock)},
		{"vfio-dev", offsetof(struct traits, vfio_dev)},
		{"cdev", offsetof(struct traits, cdev)},
		{"noiommu", offsetof(struct traits, noiommu)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(traits); i++)
		if (streq(w->v[1], traits[i].name)) {
			*(bool *)((char *)&k->traits + traits[i].offset) = streq(w->v[2], "yes");
			return streq(w->v[2], "yes") || streq(w->v[2], "no") ? 0 : -EINVAL;
		}
	return -EINVAL;
}

static int name_driver(struct kernel *k, struct module *m, const char *name)
{
	struct pci_driver *drv;

	/* It may have been made under the module's name from modules.alias. */
	for (size_t i = 0; i < k->n_drivers; i++) {
		drv = k->drivers[i];
		if (drv->module != m || drv->registered)
			continue;
		free(drv->name);
		drv->name = strdup(name);
		return drv->name ? 0 : -ENOMEM;
	}
	return driver_add(k, name, m) ? 0 : -ENOMEM;
}

/* No package has it: depmod's lists do not name it either. */
static int drop_lines(struct kernel *k, const char *file, const struct module *m)
{
	_cleanup_free_ char *release = file_text(k, NULL, "proc/sys/kernel/osrelease");
	_cleanup_free_ char *path = str_format("lib/modules/%s/%s", release ? release : "", file);
	_cleanup_free_ char *copy = NULL;
	_cleanup_strbuf_ struct strbuf kept = {0};
	struct node *n = path ? tree_lookup(&k->tree, NULL, path, true) : NULL;
	char *rest, *line;

	copy = n && n->data ? strdup(n->data) : NULL;
	rest = copy;
	while (rest && (line = strsep(&rest, "\n"))) {
		_cleanup_free_ char *plain = strdup(line);

		for (char *p = plain; p && *p; p++)
			if (*p == '-')
				*p = '_';
		if (*line && (!plain || !strstr(plain, m->name)))
			strbuf_addf(&kept, "%s\n", line);
	}
	return copy ? node_set(n, kept.s ? kept.s : "", kept.len) : 0;
}

static int do_module(struct kernel *k, const struct words *w)
{
	struct module *m = module_get(k, w->v[1], true);

	if (!m)
		return -ENOMEM;
	if (w->n == 4 && streq(w->v[2], "driver"))
		return name_driver(k, m, w->v[3]);
	if (w->n != 3)
		return -EINVAL;
	if (!streq(w->v[2], "loadable") && !streq(w->v[2], "builtin") && !streq(w->v[2], "absent"))
		return -EINVAL;
	m->absent = streq(w->v[2], "absent");
	m->builtin = streq(w->v[2], "builtin");
	return m->absent && (drop_lines(k, "modules.dep", m) < 0 ||
			     drop_lines(k, "modules.alias", m) < 0)
		       ? -ENOMEM
		       : 0;
}

static int do_row(struct kernel *k, const struct words *w)
{
	struct pci_driver *drv = kernel_driver(k, w->v[1]);

	return drv ? strv_add(&drv->rows, w->v[2]) : -ENOENT;
}

static int do_managed(struct kernel *k, const struct words *w)
{
	struct pci_driver *drv = kernel_driver(k, w->v[1]);

	if (!drv)
		return -ENOENT;
	drv->managed_dma = true;
	return 0;
}

static int do_dynid(struct kernel *k, const struct words *w)
{
	struct pci_driver *drv = kernel_driver(k, w->v[1]);
	_cleanup_strbuf_ struct strbuf fields = {0};
	struct pci_id id;
	unsigned n;

	if (!drv)
		return -ENOENT;
	for (size_t i = 2; i < w->n; i++)
		strbuf_addf(&fields, "%s ", w->v[i]);
	if (fields.failed)
		return -ENOMEM;
	return pci_id_scan(fields.s, &id, &n, NULL) < 0 ? -EINVAL : dynid_add(drv, &id);
}

static int do_probe(struct kernel *k, const struct words *w)
{
	struct probe_rule *rule;
	int error = 0;

	if (streq(w->v[3], "defer"))
		error = EPROBE_DEFER;
	else if (!streq(w->v[3], "ok") && !(error = errno_by_name(w->v[3])))
		return -EINVAL;
	rule = array_add(&k->rules, &k->n_rules, sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	rule->error = error;
	rule->driver = strdup(w->v[1]);
	rule->address = streq(w->v[2], "*") ? NULL : strdup(w->v[2]);
	return rule->driver && (rule->address || streq(w->v[2], "*")) ? 0 : -ENOMEM;
}

static int do_deny(struct kernel *k, const struct words *w)
{
	struct pci_id *id = array_add(&k->denied, &k->n_denied, sizeof(*id));
	unsigned vendor, device;

	if (!id)
		return -ENOMEM;
	*id = (struct pci_id){0};
	if (sscanf(w->v[1], "%x:%x", &vendor, &device) != 2) {
		k->n_denied--;
		return -EINVAL;
	}
	*id = (struct pci_id){vendor, device, PCI_ANY, PCI_ANY, 0, 0};
	return 0;
}

static int do_group(struct kernel *k, const struct words *w)
{
	struct pci_device *d = kernel_device(k, w->v[1]);

	if (!d)
		return -ENODEV;
	d->late_group = atoi(w->v[2]);
	return d->group ? -EEXIST : 0;
}

static int on_device(struct kernel *k, const struct words *w)
{
	struct pci_device *d = kernel_device(k, w->v[1]);

	if (!d)
		return -ENODEV;
	if (streq(w->v[0], "open"))
		return vfio_open(k, d);
	if (streq(w->v[0], "close"))
		return vfio_close(k, d);
	device_vanish(k, d);
	return 0;
}

static int do_resume(struct kernel *k, const struct words *w)
{
	(void)w;
	kernel_resume(k);
	return 0;
}

/* image MODULE: it is in the initramfs; "image -": there is one, with nothing in it; "image ?": it cannot be listed. */
static int do_image(struct kernel *k, const struct words *w)
{
	k->image.known = true;
	k->image.unreadable |= streq(w->v[1], "?");
	return streq(w->v[1], "-") || streq(w->v[1], "?") ? 0 : strv_add(&k->image.modules, w->v[1]);
}

static int do_image_of_some(struct kernel *k, const struct words *w)
{
	(void)w;
	k->image.some = true;
	return 0;
}

static const struct {
	const char *name;
	size_t min, max;
	int (*fn)(struct kernel *k, const struct words *w);
} verbs[] = {
	{"trait", 3, 3, do_trait},     {"module", 3, 4, do_module}, {"row", 3, 3, do_row},
	{"managed", 2, 2, do_managed}, {"dynid", 4, 9, do_dynid},   {"probe", 4, 4, do_probe},
	{"deny", 2, 2, do_deny},       {"group", 3, 3, do_group},   {"open", 2, 2, on_device},
	{"image", 2, 2, do_image},
	{"image-of-some", 1, 1, do_image_of_some},
	{"close", 2, 2, on_device},    {"vanish", 2, 2, on_device}, {"resume", 1, 1, do_resume},
};

static int on_disk(struct machine *m, const struct words *w)
{
	return streq(w->v[0], "use-disk") ? claims_use_disk(m, w->v[1]) : claims_leave_disk(m, w->v[1]);
}

static int control_fault(struct host *h, const char *text)
{
	_cleanup_free_ char *buffer = NULL;
	struct fault fault;
	int r = fake_fault_parse(text, &fault, &buffer);

	return r < 0 ? r : fake_fault(h, &fault);
}

int fake_control(struct host *h, const char *line)
{
	_cleanup_free_ char *copy = strdup(line);
	struct machine *m = fake_of(h)->m;
	struct words w = {0};
	char *rest, *word;
	const char *fault;

	if (!copy)
		return -ENOMEM;
	str_rstrip(copy);
	fault = str_after(copy, "fault ");
	if (fault)
		return control_fault(h, fault);
	rest = copy;
	while (rest && (word = strsep(&rest, " \t")))
		if (*word && w.n < MAX_WORDS)
			w.v[w.n++] = word;
	if (!w.n)
		return 0;
	if (w.n == 2 && (streq(w.v[0], "use-disk") || streq(w.v[0], "leave-disk")))
		return on_disk(m, &w);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		int r = -EINVAL;

		if (!streq(w.v[0], verbs[i].name))
			continue;
		if (w.n >= verbs[i].min && w.n <= verbs[i].max)
			r = verbs[i].fn(&m->k, &w);
		claims_tidy(m);
		return r;
	}
	return -EINVAL;
}

int fake_control_lines(struct host *h, const char *text, unsigned *ret_line)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;
	int r = copy ? 0 : -ENOMEM;

	*ret_line = 0;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		(*ret_line)++;
		line[strcspn(line, "#")] = '\0';
		r = fake_control(h, line);
	}
	return r;
}
