/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "host/hwdb.h"
#include "host/names.h"
#include "host/observe.h"
#include "host/observe_private.h"

/* In the order in which udev looks. */
static const char *const hwdb_paths[] = {
	"etc/systemd/hwdb/hwdb.bin", "etc/udev/hwdb.bin",     "usr/lib/systemd/hwdb/hwdb.bin",
	"lib/systemd/hwdb/hwdb.bin", "usr/lib/udev/hwdb.bin", "lib/udev/hwdb.bin",
};

struct host_names {
	struct hwdb db; /* data is NULL: there is none */
	bool mapped;	/* the running system's, else read from another root */
};

/* A root may bring names of its own. */
static int open_own(struct host *h, struct host_names *names)
{
	for (size_t i = 0; i < ARRAY_SIZE(hwdb_paths); i++) {
		const char *data;
		size_t size;

		if (h->ops->map(h, hwdb_paths[i], &data, &size) < 0)
			continue;
		if (hwdb_open(data, size, &names->db) == 0)
			return 0;
		h->ops->unmap(h, data, size);
		return -EBADMSG;
	}
	return -ENOENT;
}

/* The running system's is mapped, not read: a lookup needs a few of its thousands of pages. */
static int open_system(struct host_names *names)
{
	for (size_t i = 0; i < ARRAY_SIZE(hwdb_paths); i++) {
		_cleanup_close_ int fd = -1;
		char path[64];
		struct stat st;
		void *data;
		int r;

		snprintf(path, sizeof(path), "/%s", hwdb_paths[i]);
		fd = fd_above(open(path, O_RDONLY | O_CLOEXEC));
		if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
			continue;
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED)
			return -errno;
		r = hwdb_open(data, (size_t)st.st_size, &names->db);
		if (r < 0)
			munmap(data, (size_t)st.st_size);
		names->mapped = r == 0;
		return r;
	}
	return -ENOENT;
}

static int names_of(struct host *h, struct host_names **ret)
{
	int r;

	if (!h->names) {
		h->names = calloc(1, sizeof(*h->names));
		if (!h->names)
			return -ENOMEM;
		r = h->live ? -ENOENT : open_own(h, h->names);
		/* Without a database there are numbers. */
		if (r == -ENOENT)
			open_system(h->names);
	}
	*ret = h->names;
	return 0;
}

void host_names_free(struct host *h, struct host_names *names)
{
	if (!names)
		return;
	if (names->mapped)
		munmap((void *)names->db.data, names->db.size);
	else if (names->db.data)
		h->ops->unmap(h, names->db.data, names->db.size);
	free(names);
}

/* What one lookup gives; pointers into the database. */
struct entry {
	const char *vendor, *model, *class, *subclass, *interface;
};

static void lookup(const struct hwdb *db, const char *modalias, struct entry *e)
{
	struct hwdb_property p[] = {
		{.key = "ID_VENDOR_FROM_DATABASE"},	   {.key = "ID_MODEL_FROM_DATABASE"},
		{.key = "ID_PCI_CLASS_FROM_DATABASE"},	   {.key = "ID_PCI_SUBCLASS_FROM_DATABASE"},
		{.key = "ID_PCI_INTERFACE_FROM_DATABASE"},
	};

	hwdb_lookup(db, modalias, p, ARRAY_SIZE(p));
	*e = (struct entry){p[0].value, p[1].value, p[2].value, p[3].value, p[4].value};
}

struct memo {
	const struct vfioadm_function **known;
	size_t n;
};

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

static int look_up_names(const struct hwdb *db, struct vfioadm_inventory *inv,
			 struct vfioadm_function *f)
{
	char device[64], whole[128];
	struct entry e, card;
	int r;

	snprintf(device, sizeof(device), "pci:v%08Xd%08X", (unsigned)f->vendor.value,
		 (unsigned)f->device.value);
	snprintf(whole, sizeof(whole), "%ssv%08Xsd%08Xbc%02Xsc%02Xi%02X", device,
		 (unsigned)f->subsystem_vendor.value, (unsigned)f->subsystem_device.value,
		 (unsigned)(f->class_code.value >> 16) & 0xff,
		 (unsigned)(f->class_code.value >> 8) & 0xff, (unsigned)f->class_code.value & 0xff);
	lookup(db, whole, &card);
	e = card;
	if (card.model)
		lookup(db, device, &e);
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
	if (!names->db.data || f->vendor.state != VFIOADM_KNOWN || f->device.state != VFIOADM_KNOWN)
		return 0;
	for (size_t i = memo ? memo->n : 0; i-- > 0;)
		if (same_kind(f, memo->known[i])) {
			copy_names(f, memo->known[i]);
			return 0;
		}
	r = look_up_names(&names->db, inv, f);
	if (r == 0 && memo)
		memo->known[memo->n++] = f;
	return r;
}

int observe_names(struct host *h, struct vfioadm_inventory *inv)
{
	_cleanup_free_ const struct vfioadm_function **known =
		calloc(inv->n_functions + 1, sizeof(void *));
	struct memo memo = {known, 0};
	int r = known ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < inv->n_functions; i++)
		r = name_function(h, inv, &inv->functions[i], &memo);
	return r;
}

int observe_function_names(struct host *h, struct vfioadm_inventory *inv,
			   struct vfioadm_function *f)
{
	return f->facets & VFIOADM_FACET_NAMES ? 0 : name_function(h, inv, f, NULL);
}
