/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "model/address.h"
#include "model/inventory.h"

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

enum { ARENA_BLOCK = 16 * 1024 };

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	size_t want = (size + 15) & ~(size_t)15;
	void *p;

	if (!b || b->size - b->used < want) {
		size_t room = want > ARENA_BLOCK ? want : ARENA_BLOCK;

		b = calloc(1, sizeof(*b) + room);
		if (!b) {
			a->failed = true;
			return NULL;
		}
		b->size = room;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = b->data + b->used;
	b->used += want;
	return p;
}

void *arena_dup(struct arena *a, const void *what, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (copy)
		memcpy(copy, what, size);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_alloc(a, n + 1);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_format(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
}

struct vfioadm_inventory *inventory_new(void)
{
	struct vfioadm_inventory *inv = calloc(1, sizeof(*inv));

	if (inv)
		inv->complete = true;
	return inv;
}

void vfioadm_inventory_free(struct vfioadm_inventory *inventory)
{
	if (!inventory)
		return;
	arena_free(&inventory->arena);
	free(inventory->functions);
	free(inventory->slots);
	free(inventory->faults);
	free(inventory);
}

/* ---- what could not be read ---- */

bool inventory_is_fault(const struct vfioadm_inventory *inv, const char *text)
{
	for (size_t i = 0; i < inv->n_faults; i++)
		if (streq(inv->faults[i], text))
			return true;
	return false;
}

static const char *remember_fault(struct vfioadm_inventory *inv, const char *path, int error)
{
	const char *text = arena_format(&inv->arena, "/%s could not be looked at: %s.", path, strerror(error));
	const char **grown;

	if (!text || inventory_is_fault(inv, text))
		return text;
	grown = reallocarray(inv->faults, inv->n_faults + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	inv->faults = grown;
	grown[inv->n_faults++] = text;
	return text;
}

/* Before what root could not see either, and what could only have led to a warning. */
static int add_unseen(struct vfioadm_inventory *inv, struct vfioadm_function *f, const char *text)
{
	size_t major = f->unseen.n - f->n_unseen_minor - f->n_unseen_doubt;
	const char **items;

	for (size_t i = 0; i < major; i++)
		if (streq(f->unseen.items[i], text))
			return 0;
	items = arena_alloc(&inv->arena, (f->unseen.n + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < f->unseen.n; i++)
		items[i + (i >= major)] = f->unseen.items[i];
	items[major] = text;
	f->unseen = (struct vfioadm_list){ VFIOADM_KNOWN, f->unseen.n + 1, items };
	return 0;
}

int inventory_add_fault(struct vfioadm_inventory *inv, ssize_t function, const char *path, int error)
{
	const char *text = remember_fault(inv, path, error);
	int r = text ? 0 : -ENOMEM;

	inv->complete = false;
	for (size_t i = 0; r == 0 && i < inv->n_functions; i++)
		if (function < 0 || (size_t)function == i)
			r = add_unseen(inv, &inv->functions[i], text);
	return r;
}

void inventory_free_p(struct vfioadm_inventory **inv)
{
	vfioadm_inventory_free(*inv);
}

static struct address address_of(const struct vfioadm_function *f)
{
	return (struct address){ f->domain, f->bus, f->slot, f->function };
}

static int compare_functions(const void *x, const void *y)
{
	struct address a = address_of(x), b = address_of(y);

	return address_compare(&a, &b);
}

ssize_t inventory_index(const struct vfioadm_inventory *inv, const char *address)
{
	struct vfioadm_function key = { 0 };
	const struct vfioadm_function *f;
	struct address a;

	if (!inv->n_functions || address_parse(address, &a) < 0)
		return -1;
	key.domain = a.domain;
	key.bus = a.bus;
	key.slot = a.slot;
	key.function = a.function;
	f = bsearch(&key, inv->functions, inv->n_functions, sizeof(key), compare_functions);
	return f ? f - inv->functions : -1;
}

struct vfioadm_function *inventory_get(struct vfioadm_inventory *inv, const char *address)
{
	ssize_t i = inventory_index(inv, address);

	return i < 0 ? NULL : &inv->functions[i];
}

/* By group, and in it by address: the functions are sorted already, and lie in one array. */
static int compare_groups(const void *x, const void *y)
{
	const struct vfioadm_function *a = *(const struct vfioadm_function *const *)x;
	const struct vfioadm_function *b = *(const struct vfioadm_function *const *)y;

	if (a->iommu_group.value != b->iommu_group.value)
		return a->iommu_group.value < b->iommu_group.value ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* The n members of one group: each gets the others. */
static int fill_group(struct vfioadm_inventory *inv, struct vfioadm_function **members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char **items = NULL;
		size_t k = 0;

		members[i]->companions.state = n > 1 ? VFIOADM_KNOWN : VFIOADM_NONE;
		if (n == 1)
			return 0;
		items = arena_alloc(&inv->arena, (n - 1) * sizeof(*items));
		if (!items)
			return -ENOMEM;
		for (size_t j = 0; j < n; j++)
			if (j != i)
				items[k++] = members[j]->address;
		members[i]->companions.items = items;
		members[i]->companions.n = k;
	}
	return 0;
}

static int fill_companions(struct vfioadm_inventory *inv)
{
	_cleanup_free_ struct vfioadm_function **grouped = calloc(inv->n_functions + 1, sizeof(*grouped));
	size_t n = 0, same;
	int r = 0;

	if (!grouped)
		return -ENOMEM;
	for (size_t i = 0; i < inv->n_functions; i++) {
		struct vfioadm_function *f = &inv->functions[i];

		if (f->iommu_group.state == VFIOADM_KNOWN)
			grouped[n++] = f;
		else if (f->iommu_group.state == VFIOADM_NONE)
			f->companions.state = VFIOADM_NONE;
	}
	if (n)
		qsort(grouped, n, sizeof(*grouped), compare_groups);
	for (size_t i = 0; r == 0 && i < n; i += same) {
		for (same = 1; i + same < n; same++)
			if (grouped[i + same]->iommu_group.value != grouped[i]->iommu_group.value)
				break;
		r = fill_group(inv, grouped + i, same);
	}
	return r;
}

int inventory_finish(struct vfioadm_inventory *inv)
{
	if (inv->n_functions)
		qsort(inv->functions, inv->n_functions, sizeof(*inv->functions), compare_functions);
	return fill_companions(inv);
}

const struct vfioadm_function *inventory_vmd_of(const struct vfioadm_inventory *inv,
						const struct vfioadm_function *f)
{
	if (f->domain <= 0xffff || f->companions.state != VFIOADM_KNOWN)
		return NULL;
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other =
			vfioadm_inventory_find(inv, f->companions.items[i]);

		if (other && other->domain <= 0xffff && str_is(&other->driver, "vmd"))
			return other;
	}
	return NULL;
}

size_t vfioadm_inventory_n_functions(const struct vfioadm_inventory *inventory)
{
	return inventory->n_functions;
}

const struct vfioadm_function *vfioadm_inventory_function(const struct vfioadm_inventory *inventory,
							  size_t i)
{
	return i < inventory->n_functions ? &inventory->functions[i] : NULL;
}

const struct vfioadm_function *vfioadm_inventory_find(const struct vfioadm_inventory *inventory,
						      const char *address)
{
	ssize_t i = inventory_index(inventory, address);

	return i < 0 ? NULL : &inventory->functions[i];
}

bool vfioadm_inventory_complete(const struct vfioadm_inventory *inventory)
{
	return inventory->complete;
}

size_t vfioadm_inventory_n_slots(const struct vfioadm_inventory *inventory)
{
	return inventory->n_slots;
}

const struct vfioadm_slot *vfioadm_inventory_slot(const struct vfioadm_inventory *inventory, size_t i)
{
	return i < inventory->n_slots ? &inventory->slots[i] : NULL;
}

struct vfioadm_uint vfioadm_inventory_iommu(const struct vfioadm_inventory *inventory)
{
	return inventory->facts.iommu;
}

const char *vfioadm_inventory_iommu_advice(const struct vfioadm_inventory *inventory)
{
	return inventory->iommu_advice;
}

const char *vfioadm_verdict_name(enum vfioadm_verdict verdict)
{
	static const char *const names[] = {
		[VFIOADM_VERDICT_UNKNOWN] = "unknown",
		[VFIOADM_VERDICT_ASSIGNED] = "assigned",
		[VFIOADM_VERDICT_NOT_ASSIGNABLE] = "not-assignable",
		[VFIOADM_VERDICT_IN_USE] = "in-use",
		[VFIOADM_VERDICT_NEEDS_GROUP] = "needs-group",
		[VFIOADM_VERDICT_ASSIGNABLE] = "assignable",
	};

	return (size_t)verdict < ARRAY_SIZE(names) ? names[verdict] : "unknown";
}

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

bool driver_name_equal(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b))
		a++, b++;
	return fold(*a) == fold(*b);
}

bool driver_name_keeps_off(const char *driver)
{
	static const char *const names[] = { "uio_pci_generic", "igb_uio", "pci-stub", "pciback", "xen-pciback" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (driver_name_equal(driver, names[i]))
			return true;
	return false;
}

bool driver_name_is_vfio(const char *driver)
{
	size_t n = strlen(driver);

	/* vfio-pci itself and every variant in the tree end so: mlx5_vfio_pci, xe-vfio-pci. */
	return n >= 8 && driver_name_equal(driver + n - 8, "vfio_pci");
}
