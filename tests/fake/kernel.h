/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FAKE_KERNEL_H
#define VFIOADM_FAKE_KERNEL_H

#include "tree.h"

/* The model's insides: what the kernel knows, beside the files that it shows of it. */

/* struct pci_device_id without driver_data; ANY in the first four is a wildcard. */
struct pci_id {
	uint32_t vendor, device, subvendor, subdevice, class_code, class_mask;
};
#define PCI_ANY 0xffffffffu

struct module {
	char *name; /* with '_' */
	bool loaded, builtin, absent;
	char *deps; /* names, blank-separated, in load order */
};

struct pci_driver {
	char *name;
	struct module *module; /* NULL: built in without a module of that name */
	bool registered;
	bool vfio;
	bool managed_dma;
	struct strv rows; /* static table as modalias patterns, without override_only rows */
	struct pci_id *dynids;
	size_t n_dynids;
	struct node *dir;
};

struct iommu_group {
	unsigned number;
	struct node *dir;
	unsigned vfio_devices; /* bound to VFIO drivers: the node exists while there are some */
	unsigned held;	       /* devices that VFIO users have open: the group belongs to VFIO */
};

enum phase {
	IDLE = 0,
	PROBING,  /* driver link there, probe() has not returned */
	REMOVING, /* driver link gone, remove() has not returned */
	LOCKED,	  /* somebody holds the device lock */
};

/* An operation on its way into the kernel, and one that waits there for a device lock. */
struct work {
	enum work_kind {
		WORK_WRITE,
		WORK_READ,
		WORK_LOAD,
		WORK_ATTACH, /* rest of new_id or a module's init: driver_attach() */
		WORK_SLEEP,  /* done, but the process is not let go */
		WORK_CLAIM,  /* not the kernel's: only so that a fault can be put before it */
		WORK_HOLD,
		WORK_REBUILD, /* the initramfs */
		WORK_OWN,     /* owner of a node */
	} kind;
	char *path; /* or module */
	char *data; /* or options, may be NULL */
	size_t size;
	struct pci_driver *driver; /* WORK_ATTACH */
	unsigned serial;	   /* of the operation that it is, or is the rest of; 0: of none */
	struct work *next;
};

/* What the driver made below a function, kept while it is not bound. */
struct children {
	char *driver;
	struct saved_node {
		struct node *node, *parent;
	} * nodes;
	size_t n_nodes;
	struct saved_link {
		struct node *dir;
		char *name, *target; /* path from the root */
	} * links;
	size_t n_links;
	bool taken; /* the nodes are in the tree */
};

struct pci_device {
	char address[24];
	uint32_t vendor, device, subvendor, subdevice, class_code, revision;
	uint8_t header_type;
	struct node *dir;
	struct pci_driver *driver;
	char *override;
	struct iommu_group *group;
	int late_group; /* < 0: none */
	struct pci_device *physfn;
	unsigned numvfs;
	enum phase phase;
	unsigned holder; /* serial of the operation that made it PROBING or REMOVING */
	struct work *waiters;
	unsigned vfio_users;
	int vfio_index; /* < 0: none */
	struct children children;
	bool gone;
};

struct probe_rule {
	char *driver, *address; /* address NULL: any */
	int error;		/* positive; EPROBE_DEFER: deferral */
};

struct traits {
	bool dma_owner, override_spinlock, vfio_dev, cdev, noiommu;
};

#define EPROBE_DEFER 517 /* the kernel's own */

struct kernel {
	struct tree tree;
	struct traits traits;
	struct pci_device **devices; /* in bus order */
	size_t n_devices;
	struct pci_driver **drivers; /* registered ones in the order of their registration */
	size_t n_drivers;
	struct iommu_group **groups;
	size_t n_groups;
	struct module **modules;
	size_t n_modules;
	struct probe_rule *rules;
	size_t n_rules;
	struct pci_id *denied;
	size_t n_denied;
	struct strv log;
	struct work *current; /* the operation that is carried out */
	struct work *late;    /* hang before they did anything */
	/* The initramfs of the host: which modules are in it, and how often it was made anew. */
	struct {
		bool known;
		struct strv modules;
		unsigned rebuilt;
		bool some; /* of several, one cannot be made */
		bool unreadable;
	} image;
	bool hang_next;	      /* the next probe() or remove() hangs */
	bool crashed;
	bool oom;
};

/* kernel.c */
int kernel_load(struct kernel *k) MUST_CHECK; /* from k->tree */
void kernel_clear(struct kernel *k);
struct pci_device *kernel_device(struct kernel *k, const char *address);
struct pci_driver *kernel_driver(struct kernel *k, const char *name);
struct iommu_group *kernel_group(struct kernel *k, unsigned number, bool make);
void kernel_log(struct kernel *k, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Doubles an array when needed and returns its new, zeroed last element. */
void *array_add(void *array, size_t *n, size_t size);
char *file_text(struct kernel *k, struct node *dir,
		const char *name); /* trimmed; NULL: not there */
int file_number(struct kernel *k, struct node *dir, const char *name, unsigned base, uint32_t *ret);

/* devices.c: functions and their groups come and go */
int device_load(struct kernel *k, const char *address, struct node *dir) MUST_CHECK;
int device_attributes(struct kernel *k, struct pci_device *d) MUST_CHECK;
int device_join(struct kernel *k, struct pci_device *d, unsigned group) MUST_CHECK;
void device_free(struct pci_device *d);
void device_vanish(struct kernel *k, struct pci_device *d);
int device_remove(struct kernel *k, struct pci_device *d);
int bus_rescan(struct kernel *k);
unsigned lowest_free_group(struct kernel *k);

/* modules.c */
int modules_load(struct kernel *k) MUST_CHECK;
struct module *module_get(struct kernel *k, const char *name, bool make);
struct pci_driver *driver_add(struct kernel *k, const char *name, struct module *m);
int driver_register(struct kernel *k, struct pci_driver *drv) MUST_CHECK;
int driver_attributes(struct kernel *k, struct pci_driver *drv) MUST_CHECK;
/* fail_on_loaded: options for a module that is there are an error (-EEXIST), else ignored */
int module_load(struct kernel *k, const char *name, const char *options, bool fail_on_loaded);
int module_unload(struct kernel *k, const char *name);

/* match.c */
int pci_id_scan(const char *s, struct pci_id *ret, unsigned *ret_fields, uint64_t *ret_data);
bool pci_id_match(const struct pci_id *id, const struct pci_device *d);
bool driver_match(const struct pci_driver *drv, const struct pci_device *d);
int new_id(struct kernel *k, struct pci_driver *drv, const char *s);
int remove_id(struct pci_driver *drv, const char *s);
int dynid_add(struct pci_driver *drv, const struct pci_id *id) MUST_CHECK;
void modalias_format(const struct pci_device *d, char buf[80]);

/* bind.c: the driver core. Positive results of probing are the driver's own errors, as in the kernel. */
int bind_store(struct kernel *k, struct pci_driver *drv, const char *name);
int unbind_store(struct kernel *k, struct pci_driver *drv, const char *name);
int drivers_probe(struct kernel *k, const char *name);
int device_attach(struct kernel *k, struct pci_device *d);
int driver_attach(struct kernel *k, struct pci_driver *drv);
int driver_detach(struct kernel *k, struct pci_device *d);
bool device_wait(struct kernel *k,
		 struct pci_device *d); /* true: locked, the operation waits for it */
void device_unlock(struct kernel *k,
		   struct pci_device *d); /* finishes what hangs, then the waiters */
void device_force_detach(struct kernel *k, struct pci_device *d);
void kernel_resume(struct kernel *k);
bool kernel_hangs(const struct kernel *k);
/* This operation, or what is left of it, has not returned. */
bool kernel_holds(const struct kernel *k, unsigned serial);

/* children.c */
int children_add(struct kernel *k, struct pci_device *d) MUST_CHECK;
void children_remove(struct kernel *k, struct pci_device *d);
void children_clear(struct kernel *k, struct pci_device *d);

/* vfio.c */
int vfio_probe(struct kernel *k, struct pci_device *d);
void vfio_remove(struct kernel *k, struct pci_device *d);
int vfio_restore(struct kernel *k, struct pci_device *d) MUST_CHECK; /* bound in the capture */
int vfio_open(struct kernel *k, struct pci_device *d);
int vfio_close(struct kernel *k, struct pci_device *d);
int vfio_classes(struct kernel *k) MUST_CHECK;

/* sriov.c */
int numvfs_store(struct kernel *k, struct pci_device *pf, const char *s);
bool vf_can_probe(struct kernel *k, const struct pci_device *d);

/* attrs.c: one operation from outside */
int kernel_operate(struct kernel *k, struct work *w);
int kernel_read_locked(struct kernel *k, const char *path, struct node **ret);
struct pci_device *work_device(struct kernel *k, const struct work *w);
struct work *work_new(enum work_kind kind, const char *path, const char *data, size_t size);
struct work *work_copy(const struct work *w);
void work_free(struct work *w);

#endif
