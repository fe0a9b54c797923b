/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_INVENTORY_H
#define VFIOADM_MODEL_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <vfioadm.h>

#include "base/macro.h"

/*
 * What was seen of a host: plain data, taken once. All strings and arrays hang in an arena that is freed
 * with the inventory, so that functions can point into it and share equal strings.
 */
struct arena {
	struct arena_block *blocks;
	bool failed; /* sticky: an allocation failed, so a NULL in here may mean that */
};

void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;        /* zeroed, aligned; NULL: -ENOMEM */
void *arena_dup(struct arena *a, const void *what, size_t size) MUST_CHECK;
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
char *arena_strdup(struct arena *a, const char *s) MUST_CHECK;
char *arena_format(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
void arena_free(struct arena *a);

enum host_machine {
	MACHINE_OTHER = 0,
	MACHINE_INTEL,
	MACHINE_AMD,
	MACHINE_ARM64,
	MACHINE_S390,
};

/** A module through which a guest's user opens functions: vfio_iommu_type1, or iommufd. */
struct vfio_backend {
	struct vfioadm_uint available; /* loaded, built in, or a module that can be loaded; NONE: it was looked for */
	struct vfioadm_uint unsafe;    /* allow_unsafe_interrupts, as it is or as it will be loaded */
	const char *trouble, *trouble_source; /* why it cannot be loaded, as a clause, and where that stands; or NULL */
};

enum { FRAMEBUFFER_RANGES = 8 };
/** Memory that the firmware's framebuffer has claimed (/proc/iomem). */
struct framebuffer_range {
	uint64_t start, end;
	const char *name; /* "BOOTFB" */
};

/** Facts about the host as a whole; each UNKNOWN where it could not be read. */
struct host_facts {
	enum host_machine machine;
	bool live;                        /* the running kernel's sysfs, not another root */
	const char *kernel;               /* release, "6.12.0-…", or NULL */
	struct vfioadm_uint root;         /* effective uid is 0 */
	struct vfioadm_uint iommu;        /* /sys/class/iommu non-empty */
	struct vfioadm_uint groups_late;  /* groups may appear when a driver is first tried only */
	bool igfx_off;                    /* the command line keeps the IOMMU off Intel's graphics */
	bool iommu_virtio;                /* one of its units is a virtio-iommu */
	struct vfioadm_uint sys_writable; /* sysfs is mounted read-write */
	struct vfioadm_uint lockdown;     /* 0 none, 1 integrity, 2 confidentiality */
	struct vfioadm_uint vfio_pci_loaded;   /* its directory below bus/pci/drivers exists */
	struct vfioadm_uint vfio_pci_available;/* module file or built in */
	struct vfioadm_uint noiommu;      /* vfio's enable_unsafe_noiommu_mode */
	struct vfioadm_uint denylist_disabled; /* vfio-pci's disable_denylist: as loaded, else as it would be loaded */
	struct vfioadm_uint container_without_run; /* the host's /run/vfioadm is not to be seen */
	struct vfioadm_uint isolated_interrupts; /* a device can raise only its own */
	const char *interrupt_chip;  /* what says so, or that could not be told from: "PCI-MSI"; or NULL */
	const char *interrupt_source; /* the file that has it */
	struct vfio_backend type1, iommufd;
	const char *acs_override;    /* pcie_acs_override= on the kernel command line, or NULL */
	struct vfioadm_uint resets_shown; /* this kernel has a file for each function that can be reset */
	struct vfioadm_uint framebuffers_read;
	struct framebuffer_range framebuffers[FRAMEBUFFER_RANGES];
	size_t n_framebuffers;
};

struct vfioadm_inventory {
	struct arena arena;
	struct vfioadm_function *functions; /* sorted by address */
	size_t n_functions;
	struct vfioadm_slot *slots;
	size_t n_slots;
	struct host_facts facts;
	bool complete;
	/* Sentences of "unseen" about files that could not be read: they stand against every change, see below. */
	const char **faults;
	size_t n_faults;
	const char *iommu_advice; /* NULL: an IOMMU is there (or nothing is known) */
	/* Where disable_denylist is configured although vfio-pci was loaded without it; NULL: it is not. */
	const char *denylist_source;
	/* Why vfio-pci is not there and cannot be loaded, as a clause, and what to do; NULL: nothing of modprobe's. */
	const char *vfio_pci_trouble, *vfio_pci_remedy;
};

struct vfioadm_inventory *inventory_new(void) MUST_CHECK;
/**
 * Adds "/sys/… could not be looked at: …" to what was not seen of a function (index), or of all (-1): what depends on it
 * cannot be known, be it the use by the host or anything else. Once for each. -ENOMEM.
 */
int inventory_add_fault(struct vfioadm_inventory *inv, ssize_t function, const char *path, int error) MUST_CHECK;
/** Is this sentence of "unseen" such a one? */
bool inventory_is_fault(const struct vfioadm_inventory *inv, const char *text);
/** Index of the function with this address, or -1. */
ssize_t inventory_index(const struct vfioadm_inventory *inv, const char *address);
/** The inventory's own, writable function; NULL when there is none. */
struct vfioadm_function *inventory_get(struct vfioadm_inventory *inv, const char *address);
/** Sorts by address and fills each function's companions from the group numbers. -ENOMEM. */
int inventory_finish(struct vfioadm_inventory *inv) MUST_CHECK;
/**
 * The Intel VMD controller that a function is behind, or NULL. Such a function is in a domain that the
 * controller's driver makes (10000 and up), in the controller's group, and goes when that driver goes.
 */
const struct vfioadm_function *inventory_vmd_of(const struct vfioadm_inventory *inv,
						const struct vfioadm_function *f);
/** A bridge or a part of the host: it moves only where it is named itself, and a bridge or the IOMMU never. */
static inline bool inventory_stays_unnamed(const struct vfioadm_function *f)
{
	return f->bridge || f->host_part != VFIOADM_PART_NONE;
}
/** vfio-pci does not take it, whatever its card type and override. */
static inline bool inventory_never_taken(const struct vfioadm_function *f)
{
	return f->bridge || f->host_part == VFIOADM_PART_IOMMU;
}
/** Functions of one device, or a function and itself. */
static inline bool inventory_same_slot(const struct vfioadm_function *a, const struct vfioadm_function *b)
{
	return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot;
}
void inventory_free_p(struct vfioadm_inventory **inv);
#define _cleanup_inventory_ CLEANUP(inventory_free_p)

static inline struct vfioadm_uint uint_known(uint64_t v)
{
	return (struct vfioadm_uint){ VFIOADM_KNOWN, v };
}

static inline struct vfioadm_uint uint_none(void)
{
	return (struct vfioadm_uint){ VFIOADM_NONE, 0 };
}

static inline struct vfioadm_str str_known(const char *s)
{
	return (struct vfioadm_str){ VFIOADM_KNOWN, s };
}

static inline struct vfioadm_str str_none(void)
{
	return (struct vfioadm_str){ VFIOADM_NONE, NULL };
}

static inline bool uint_is(const struct vfioadm_uint *u, uint64_t v)
{
	return u->state == VFIOADM_KNOWN && u->value == v;
}

static inline bool str_is(const struct vfioadm_str *s, const char *v)
{
	return s->state == VFIOADM_KNOWN && __builtin_strcmp(s->value, v) == 0;
}

/** "vfio-pci", a variant's sysfs name, or anything that names itself so: mlx5_vfio_pci, xe-vfio-pci. */
bool driver_name_is_vfio(const char *driver);
/** Module names and driver names differ by '-' and '_' only in how they are spelled. */
bool driver_name_equal(const char *a, const char *b);
/** A driver that is none of the host's: it keeps others off, or gives the device to programs (uio_pci_generic). */
bool driver_name_keeps_off(const char *driver);

#endif
