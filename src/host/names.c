/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mman.h>
#include <systemd/sd-hwdb.h>

#include "host/names.h"
#include "host/observe.h"
#include "host/observe_private.h"

/* Names of one kind of card; strings hang in the inventory that asked, so the memo is not kept. */
struct host_names {
	sd_hwdb *hwdb; /* NULL: there is none */
};

struct memo {
	const struct vfioadm_function **known;
	size_t n;
};

/* A root may bring names of its own; they are checked and used from a copy that nobody can change. */
static int open_copy(const char *data, size_t size, sd_hwdb **ret)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	if (!hwdb_check(data, size))
		return -EBADMSG;
	fd = memfd_create("vfioadm-hwdb", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sd_hwdb_new_from_path(path, ret);
}

static int open_hwdb(struct host *h, sd_hwdb **ret)
{
	static const char *const paths[] = { "etc/udev/hwdb.bin", "usr/lib/udev/hwdb.bin" };

	for (size_t i = 0; !h->live && i < ARRAY_SIZE(paths); i++) {
		const char *data;
		size_t size;
		int r = h->ops->map(h, paths[i], &data, &size);

		if (r < 0)
			continue;
		r = open_copy(data, size, ret);
		h->ops->unmap(h, data, size);
		return r;
	}
	return sd_hwdb_new(ret);
}

static int names_of(struct host *h, struct host_names **ret)
{
	if (!h->names) {
		h->names = calloc(1, sizeof(*h->names));
		if (!h->names)
			return -ENOMEM;
		/* Without a database there are numbers. */
		if (open_hwdb(h, &h->names->hwdb) < 0)
			h->names->hwdb = NULL;
	}
	*ret = h->names;
	return 0;
}

void host_names_free(struct host_names *names)
{
	if (!names)
		return;
	sd_hwdb_unref(names->hwdb);
	free(names);
}

/* What one lookup gives; pointers into the database. */
struct entry {
	const char *vendor, *model, *class, *subclass, *interface;
};

static void lookup(sd_hwdb *hwdb, const char *modalias, struct entry *e)
{
	const char *key, *value;

	*e = (struct entry){ 0 };
	if (sd_hwdb_seek(hwdb, modalias) < 0)
		return;
	while (sd_hwdb_enumerate(hwdb, &key, &value) > 0) {
		if (streq(key, "ID_VENDOR_FROM_DATABASE"))
			e->vendor = value;
		else if (streq(key, "ID_MODEL_FROM_DATABASE"))
			e->model = value;
		else if (streq(key, "ID_PCI_CLASS_FROM_DATABASE"))
			e->class = value;
		else if (streq(key, "ID_PCI_SUBCLASS_FROM_DATABASE"))
			e->subclass = value;
		else if (streq(key, "ID_PCI_INTERFACE_FROM_DATABASE"))
			e->interface = value;
	}
}

static int set_class_name(struct vfioadm_inventory *inv, struct vfioadm_function *f,
			  const struct entry *e)
{
	const char *name = e->subclass ? e->subclass : e->class;
	char text[256];

	if (f->class_code.state != VFIOADM_KNOWN)
		return 0;
	if (!name || !e->interface)
		return value_text(inv, &f->class_name, name);
	snprintf(text, sizeof(text), "%s (%s)", name, e->interface);
	return value_text(inv, &f->class_name, text);
}

/*
 * For a known card of a known maker the database gives "Device (Card)" in place of "Device"; only the
 * card's part is the subsystem's name.
 */
static int set_subsystem_name(struct vfioadm_inventory *inv, struct vfioadm_function *f,
			      const char *device, const char *card)
{
	char text[512];
	const char *inner;
	size_t len;

	if (!card || (device && streq(card, device)))
		return value_text(inv, &f->subsystem_name, NULL);
	inner = device ? str_after(card, device) : NULL;
	inner = inner ? str_after(inner, " (") : NULL;
	if (!inner)
		return value_text(inv, &f->subsystem_name, card);
	len = strlen(inner);
	if (len && inner[len - 1] == ')')
		len--;
	snprintf(text, sizeof(text), "%.*s", (int)len, inner);
	return value_text(inv, &f->subsystem_name, text);
}

static bool same_kind(const struct vfioadm_function *a, const struct vfioadm_function *b)
{
	return a->vendor.value == b->vendor.value && a->device.value == b->device.value &&
	       a->subsystem_vendor.value == b->subsystem_vendor.value &&
	       a->subsystem_device.value == b->subsystem_device.value &&
	       a->class_code.value == b->class_code.value;
}

static void copy_names(struct vfioadm_function *f, const struct vfioadm_function *from)
{
	f->vendor_name = from->vendor_name;
	f->device_name = from->device_name;
	f->subsystem_name = from->subsystem_name;
	f->class_name = from->class_name;
}

static int look_up_names(sd_hwdb *hwdb, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	char device[64], whole[128];
	struct entry e, card;
	int r;

	snprintf(device, sizeof(device), "pci:v%08Xd%08X", (unsigned)f->vendor.value,
		 (unsigned)f->device.value);
	snprintf(whole, sizeof(whole), "%ssv%08Xsd%08Xbc%02Xsc%02Xi%02X", device,
		 (unsigned)f->subsystem_vendor.value, (unsigned)f->subsystem_device.value,
		 (unsigned)(f->class_code.value >> 16) & 0xff, (unsigned)(f->class_code.value >> 8) & 0xff,
		 (unsigned)f->class_code.value & 0xff);
	lookup(hwdb, whole, &card);
	e = card;
	if (card.model)
		lookup(hwdb, device, &e);
	r = value_text(inv, &f->vendor_name, card.vendor);
	if (r == 0)
		r = value_text(inv, &f->device_name, e.model);
	if (r == 0)
		r = set_subsystem_name(inv, f, e.model, card.model);
	if (r == 0)
		r = set_class_name(inv, f, &card);
	return r;
}

static int name_function(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f,
			 struct memo *memo)
{
	struct host_names *names;
	int r = names_of(h, &names);

	if (r < 0)
		return r;
	f->facets |= VFIOADM_FACET_NAMES;
	if (!names->hwdb || f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
		return 0;
	for (size_t i = memo ? memo->n : 0; i-- > 0;)
		if (same_kind(f, memo->known[i])) {
			copy_names(f, memo->known[i]);
			return 0;
		}
	r = look_up_names(names->hwdb, inv, f);
	if (r == 0 && memo)
		memo->known[memo->n++] = f;
	return r;
}

int observe_names(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_free_ const struct vfioadm_function **known = calloc(inv->n_functions + 1, sizeof(*known));
	struct memo memo = { known, 0 };
	int r = known ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < inv->n_functions; i++)
		r = name_function(h, inv, &inv->functions[i], &memo);
	return r;
}

int observe_function_names(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f)
{
	return f->facets & VFIOADM_FACET_NAMES ? 0 : name_function(h, inv, f, NULL);
}
