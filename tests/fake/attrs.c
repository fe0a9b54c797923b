/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations from outside: one write to one file, one module to load, one read that takes a lock. */
#include <string.h>

#include "kernel.h"

struct work *work_new(enum work_kind kind, const char *path, const char *data, size_t size)
{
	struct work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->kind = kind;
	w->path = strdup(path);
	w->size = size;
	w->data = data ? calloc(1, size + 1) : NULL;
	if (!w->path || (data && !w->data)) {
		work_free(w);
		return NULL;
	}
	if (data)
		memcpy(w->data, data, size);
	return w;
}

struct work *work_copy(const struct work *w)
{
	struct work *copy = work_new(w->kind, w->path, w->data, w->size);

	if (copy)
		copy->serial = w->serial;
	return copy;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	free(w->path);
	free(w->data);
	free(w);
}

/* driver_set_override(): to the first newline or NUL; nothing left clears it. */
static int override_store(struct kernel *k, struct pci_device *d, struct node *file,
			  const char *data, size_t size)
{
	char *name;

	if (size >= 4096 - 1)
		return -EINVAL;
	if (!k->traits.override_spinlock && device_wait(k, d))
		return -ETIMEDOUT;
	name = strndup(data, strcspn(data, "\n"));
	if (!name)
		return -ENOMEM;
	free(d->override);
	d->override = NULL;
	if (*name)
		d->override = TAKE_PTR(name);
	free(name);
	return node_printf(file, "%s\n", d->override ? d->override : "(null)");
}

/* sysfs: at most a page, one trailing newline is not part of a name (sysfs_streq, bus_find_device). */
static int store(struct kernel *k, struct node *file, const char *data, size_t size)
{
	_cleanup_free_ char *name = strndup(data, size);

	if (!name)
		return -ENOMEM;
	if (size && name[size - 1] == '\n')
		name[size - 1] = '\0';
	switch (file->attribute) {
	case ATTR_BIND:
		return bind_store(k, file->owner, name);
	case ATTR_UNBIND:
		return unbind_store(k, file->owner, name);
	case ATTR_NEW_ID:
		return new_id(k, file->owner, data);
	case ATTR_REMOVE_ID:
		return remove_id(file->owner, data);
	case ATTR_DRIVERS_PROBE:
		return drivers_probe(k, name);
	case ATTR_RESCAN:
		return streq(name, "1") ? bus_rescan(k) : -EINVAL;
	case ATTR_DRIVER_OVERRIDE:
		return override_store(k, file->owner, file, data, size);
	case ATTR_NUMVFS:
		return numvfs_store(k, file->owner, data);
	case ATTR_REMOVE:
		return streq(name, "1") ? device_remove(k, file->owner) : -EINVAL;
	case ATTR_AUTOPROBE_VFS:
		if (!streq(name, "0") && !streq(name, "1"))
			return -EINVAL;
		return node_set(file, data, size);
	case ATTR_PLAIN:
		return node_set(file, data, size);
	case ATTR_NONE:
		break;
	}
	return -EACCES;
}

static int do_write(struct kernel *k, const char *path, const char *data, size_t size)
{
	struct node *file = tree_lookup(&k->tree, NULL, path, true);

	if (!file || file->dead)
		return -ENOENT;
	if (file->type == NODE_DIR)
		return -EISDIR;
	if (file->type != NODE_FILE)
		return -EINVAL;
	if (file->attribute == ATTR_NONE && str_after(path, "sys/"))
		return -EACCES;
	/* A write of nothing never reaches the attribute. */
	if (size == 0)
		return 0;
	return file->attribute == ATTR_NONE ? node_set(file, data, size)
					    : store(k, file, data, size);
}

static bool takes_lock(const struct kernel *k, const struct node *file)
{
	return file->attribute == ATTR_NUMVFS ||
	       (file->attribute == ATTR_DRIVER_OVERRIDE && !k->traits.override_spinlock);
}

int kernel_read_locked(struct kernel *k, const char *path, struct node **ret)
{
	struct node *file = tree_lookup(&k->tree, NULL, path, true);

	if (!file || file->dead)
		return -ENOENT;
	if (file->type == NODE_DIR)
		return -EISDIR;
	if (file->type != NODE_FILE)
		return -EINVAL;
	if (file->write_only)
		return -EACCES;
	if (takes_lock(k, file) && device_wait(k, file->owner))
		return -ETIMEDOUT;
	*ret = file;
	return 0;
}

/* What "user:group:mode" it has been given stands in it. */
static int own_node(struct kernel *k, const struct work *w)
{
	struct node *node = tree_lookup(&k->tree, NULL, w->path, false);
	char *owner;

	if (!node)
		return -ENOENT;
	if (node->type != NODE_CHAR)
		return -ENODEV;
	if (str_after(w->data, "nobody-here:"))
		return -ESRCH;
	owner = strdup(w->data);
	if (!owner)
		return -ENOMEM;
	free(node->data);
	node->data = owner;
	node->size = strlen(owner);
	return 0;
}

int kernel_operate(struct kernel *k, struct work *w)
{
	struct work *outer = k->current;
	struct node *ignored;
	int r = -EIO;

	/* After a BUG the machine is of no use. */
	if (k->crashed)
		return -EIO;
	k->current = w;
	switch (w->kind) {
	case WORK_WRITE:
		r = do_write(k, w->path, w->data, w->size);
		break;
	case WORK_READ:
		r = kernel_read_locked(k, w->path, &ignored);
		break;
	case WORK_LOAD:
		r = module_load(k, w->path, w->data + 1, *w->data == '!');
		break;
	case WORK_ATTACH:
		r = driver_attach(k, w->driver);
		break;
	case WORK_REBUILD:
		k->image.rebuilt++;
		r = 0;
		break;
	case WORK_OWN:
		r = own_node(k, w);
		break;
	case WORK_SLEEP:
	case WORK_CLAIM:
	case WORK_HOLD:
		r = 0;
		break;
	}
	k->current = outer;
	return k->oom ? -ENOMEM : r;
}

/* The function that an operation is about: named in the path, or in what is written. */
struct pci_device *work_device(struct kernel *k, const struct work *w)
{
	struct node *file;
	char name[24] = "";

	if (w->kind != WORK_WRITE && w->kind != WORK_READ)
		return NULL;
	file = tree_lookup(&k->tree, NULL, w->path, true);
	if (!file)
		return NULL;
	if (w->data && w->size < sizeof(name)) {
		struct pci_device *d;

		memcpy(name, w->data, w->size);
		d = kernel_device(k, str_rstrip(name));
		if (d)
			return d;
	}
	for (; file; file = file->parent)
		for (size_t i = 0; i < k->n_devices; i++)
			if (k->devices[i]->dir == file && !k->devices[i]->gone)
				return k->devices[i];
	return NULL;
}
