/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a native driver makes below its function: network interfaces, disks, buses. The capture's own are
 * kept when the driver leaves and come back with it, under the instance numbers that are free then.
 */
#include <ctype.h>
#include <string.h>

#include "kernel.h"
#include "model/address.h"

/* Directories of the function itself; everything else below it came with the driver. */
static bool is_own(const struct node *n)
{
	static const char *const own[] = {"power", "link", "wakeup", "vfio-dev", "acpi"};
	struct address a;

	if (n->type != NODE_DIR || address_parse(n->name, &a) == 0)
		return true;
	/* "pci0000:00" below s390's and "pci_bus" below a bridge */
	if (str_after(n->name, "pci_bus") ||
	    (str_after(n->name, "pci") && isdigit((unsigned char)n->name[3])))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (streq(n->name, own[i]))
			return true;
	return false;
}

/* "nvme0n1", "nvme0c0n1", "ng0n1", "nvme-subsys0": the digits behind prefix, or NULL. */
static const char *instance_digits(const char *name, const char *prefix)
{
	const char *digits = str_after(name, prefix);

	return digits && isdigit((unsigned char)*digits) ? digits : NULL;
}

static char *replace_digits(const char *name, const char *digits, unsigned number)
{
	const char *rest = digits + strspn(digits, "0123456789");

	/* The controller's number again: nvme0c0n1 */
	if (*rest == 'c' && isdigit((unsigned char)rest[1]))
		return str_format("%.*s%uc%u%s", (int)(digits - name), name, number, number,
				  rest + 1 + strspn(rest + 1, "0123456789"));
	return str_format("%.*s%u%s", (int)(digits - name), name, number, rest);
}

static char *renamed(const char *name, const char *kind, unsigned number)
{
	static const char *const nvme[] = {"nvme", "ng", "nvme-subsys"};
	const char *digits;

	if (!streq(kind, "nvme")) {
		digits = instance_digits(name, kind);
		return digits ? replace_digits(name, digits, number) : strdup(name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(nvme); i++) {
		digits = instance_digits(name, nvme[i]);
		if (digits)
			return replace_digits(name, digits, number);
	}
	return strdup(name);
}

static char *renamed_path(const char *path, const char *kind, unsigned number)
{
	_cleanup_strbuf_ struct strbuf out = {0};
	_cleanup_free_ char *copy = strdup(path);
	char *rest = copy, *part;

	while (rest && (part = strsep(&rest, "/"))) {
		_cleanup_free_ char *s = renamed(part, kind, number);

		strbuf_addf(&out, "%s%s", out.len ? "/" : "", s ? s : part);
	}
	return strbuf_take(&out);
}

/* A detached subtree, depth first; directories re-sort because names of a kind keep their order. */
static int rename_tree(struct node *n, const char *kind, unsigned number)
{
	_cleanup_free_ char *name = renamed(n->name, kind, number);
	int r = name ? node_rename(n, name) : -ENOMEM;

	if (r == 0 && n->type == NODE_LINK) {
		_cleanup_free_ char *target = renamed_path(n->data, kind, number);

		r = target ? node_set(n, target, strlen(target)) : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < n->n; i++)
		r = rename_tree(n->children[i], kind, number);
	return r;
}

static unsigned lowest_free(struct kernel *k, const char *class, const char *prefix)
{
	struct node *dir = tree_lookup(&k->tree, NULL, class, true);

	for (unsigned n = 0;; n++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%u", prefix, n);
		if (!dir || !node_child(dir, name))
			return n;
	}
}

static int save_link(struct pci_device *d, struct node *dir, const char *name, struct node *target)
{
	struct saved_link *l;

	l = array_add(&d->children.links, &d->children.n_links, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->dir = dir;
	l->name = strdup(name);
	l->target = node_path(target);
	return l->name && l->target ? 0 : -ENOMEM;
}

/* Links in one directory of classes that lead below the device, but not below a nested function. */
static int take_links(struct kernel *k, struct pci_device *d, struct node *dir, struct node *below)
{
	for (size_t i = dir->n; i-- > 0;) {
		struct node *n = dir->children[i], *target;

		if (n->type != NODE_LINK)
			continue;
		target = tree_lookup(&k->tree, dir, n->name, true);
		if (!target || !node_is_below(target, below))
			continue;
		if (save_link(d, dir, n->name, target) < 0)
			return -ENOMEM;
		tree_remove(&k->tree, n);
	}
	return 0;
}

static int take_all_links(struct kernel *k, struct pci_device *d, struct node *below)
{
	static const char *const bases[] = {"sys/class", "sys/dev", "sys/block"};
	struct node *bus = tree_lookup(&k->tree, NULL, "sys/bus", true);
	int r = 0;

	for (size_t b = 0; r == 0 && b < ARRAY_SIZE(bases); b++) {
		struct node *base = tree_lookup(&k->tree, NULL, bases[b], true);

		for (size_t i = 0; base && r == 0 && i < base->n; i++)
			if (base->children[i]->type == NODE_DIR)
				r = take_links(k, d, base->children[i], below);
		if (base && r == 0)
			r = take_links(k, d, base, below);
	}
	for (size_t i = 0; bus && r == 0 && i < bus->n; i++) {
		struct node *devices = node_child(bus->children[i], "devices");

		if (devices && !streq(bus->children[i]->name, "pci"))
			r = take_links(k, d, devices, below);
	}
	return r;
}

static void forget(struct kernel *k, struct pci_device *d)
{
	struct children *c = &d->children;

	for (size_t i = 0; i < c->n_nodes && !c->taken; i++)
		tree_remove(&k->tree, c->nodes[i].node);
	for (size_t i = 0; i < c->n_links; i++) {
		free(c->links[i].name);
		free(c->links[i].target);
	}
	free(c->driver);
	free(c->nodes);
	free(c->links);
	*c = (struct children){0};
}

void children_clear(struct kernel *k, struct pci_device *d)
{
	forget(k, d);
}

/* A multipath NVMe's disk hangs in a subsystem of its own, which goes with its last controller. */
static struct node *subsystem_of(struct kernel *k, const struct node *below)
{
	struct node *all = tree_lookup(&k->tree, NULL, "sys/devices/virtual/nvme-subsystem", true);

	for (size_t i = 0; all && i < all->n; i++) {
		struct node *s = all->children[i];
		size_t inside = 0, outside = 0;

		for (size_t j = 0; j < s->n; j++) {
			struct node *to =
				s->children[j]->type == NODE_LINK
					? tree_lookup(&k->tree, s, s->children[j]->name, true)
					: NULL;

			if (!to || !str_after(s->children[j]->name, "nvme"))
				continue;
			if (node_is_below(to, below))
				inside++;
			else
				outside++;
		}
		if (inside && !outside)
			return s;
	}
	return NULL;
}

/* Notes a node that the driver made, with the links to it. It is detached when all are noted. */
static int take_node(struct kernel *k, struct pci_device *d, struct node *n)
{
	struct saved_node *slot =
		array_add(&d->children.nodes, &d->children.n_nodes, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	*slot = (struct saved_node){n, n->parent};
	return take_all_links(k, d, n);
}

void children_remove(struct kernel *k, struct pci_device *d)
{
	forget(k, d);
	d->children.driver = strdup(d->driver->name);
	if (!d->children.driver)
		k->oom = true;
	for (size_t i = 0; i < d->dir->n; i++) {
		struct node *n = d->dir->children[i], *s;

		if (is_own(n))
			continue;
		s = subsystem_of(k, n);
		if ((s && take_node(k, d, s) < 0) || take_node(k, d, n) < 0)
			k->oom = true;
	}
	for (size_t i = 0; i < d->children.n_nodes; i++)
		node_detach(d->children.nodes[i].node);
}

static int put_links(struct kernel *k, struct pci_device *d, const char *kind, unsigned number)
{
	for (size_t i = 0; i < d->children.n_links; i++) {
		struct saved_link *l = &d->children.links[i];
		_cleanup_free_ char *name = renamed(l->name, kind, number);
		_cleanup_free_ char *target = renamed_path(l->target, kind, number);
		struct node *to;

		if (!name || !target)
			return -ENOMEM;
		to = tree_lookup(&k->tree, NULL, target, true);
		if (to && !tree_link_to(&k->tree, l->dir, name, to))
			return -ENOMEM;
	}
	return 0;
}

static int restore(struct kernel *k, struct pci_device *d)
{
	struct children *c = &d->children;
	const char *kind = "";
	unsigned number = 0;
	int r = 0;

	for (size_t i = 0; i < c->n_links; i++) {
		if (instance_digits(c->links[i].name, "eth") &&
		    streq(c->links[i].dir->name, "net")) {
			kind = "eth";
			number = lowest_free(k, "sys/class/net", "eth");
		} else if (instance_digits(c->links[i].name, "nvme") &&
			   streq(c->links[i].dir->name, "nvme")) {
			kind = "nvme";
			number = lowest_free(k, "sys/class/nvme", "nvme");
		}
	}
	for (size_t i = 0; r == 0 && i < c->n_nodes; i++) {
		struct saved_node *n = &c->nodes[i];

		r = *kind ? rename_tree(n->node, kind, number) : 0;
		if (r == 0)
			r = node_attach(&k->tree, n->parent, n->node);
	}
	c->taken = true;
	if (r == 0)
		r = put_links(k, d, kind, number);
	forget(k, d);
	return r;
}

/* ---- for functions that the capture shows without their driver ---- */

static int file_at(struct kernel *k, struct node *dir, const char *name, const char *text)
{
	return tree_file(&k->tree, dir, name, text, strlen(text)) ? 0 : -ENOMEM;
}

static int class_link(struct kernel *k, const char *class, struct node *dir)
{
	struct node *c = tree_mkdir(&k->tree, NULL, class);

	return c && tree_link_to(&k->tree, c, dir->name, dir) ? 0 : -ENOMEM;
}

static int make_interface(struct kernel *k, struct pci_device *d)
{
	_cleanup_free_ char *name = str_format("net/eth%u", lowest_free(k, "sys/class/net", "eth"));
	struct node *dir = name ? tree_mkdir(&k->tree, d->dir, name) : NULL;

	if (!dir || !tree_link_to(&k->tree, dir, "device", d->dir))
		return -ENOMEM;
	if (file_at(k, dir, "address", "02:00:00:00:00:00\n") < 0 ||
	    file_at(k, dir, "flags", "0x1002\n") < 0 ||
	    file_at(k, dir, "operstate", "down\n") < 0 || file_at(k, dir, "dev_port", "0\n") < 0)
		return -ENOMEM;
	return class_link(k, "sys/class/net", dir);
}

static int make_nvme(struct kernel *k, struct pci_device *d)
{
	unsigned n = lowest_free(k, "sys/class/nvme", "nvme");
	_cleanup_free_ char *name = str_format("nvme/nvme%u", n);
	_cleanup_free_ char *disk = str_format("nvme%un1", n);
	struct node *dir = name ? tree_mkdir(&k->tree, d->dir, name) : NULL, *block;

	if (!dir || !disk || !tree_link_to(&k->tree, dir, "device", d->dir))
		return -ENOMEM;
	if (file_at(k, dir, "serial", "MODEL\n") < 0 || file_at(k, dir, "state", "live\n") < 0 ||
	    class_link(k, "sys/class/nvme", dir) < 0)
		return -ENOMEM;
	if (d->physfn)
		return 0;
	block = tree_mkdir(&k->tree, dir, disk);
	if (!block || !tree_link_to(&k->tree, block, "device", dir) ||
	    file_at(k, block, "hidden", "0\n") < 0 || !tree_mkdir(&k->tree, block, "holders"))
		return -ENOMEM;
	free(name);
	name = str_format("259:%u\n", n);
	if (!name || file_at(k, block, "dev", name) < 0)
		return -ENOMEM;
	return class_link(k, "sys/class/block", block);
}

int children_add(struct kernel *k, struct pci_device *d)
{
	struct children *c = &d->children;

	if (c->driver && c->n_nodes && streq(c->driver, d->driver->name))
		return restore(k, d);
	forget(k, d);
	if (streq(d->driver->name, "nvme"))
		return make_nvme(k, d);
	/* pci-stub and its like make nothing. */
	if (d->class_code >> 16 == 0x02 && !d->driver->managed_dma &&
	    !streq(d->driver->name, "virtio-pci"))
		return make_interface(k, d);
	return 0;
}
