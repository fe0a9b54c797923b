/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_OBSERVE_H
#define VFIOADM_HOST_OBSERVE_H

#include "host/host.h"
#include "model/inventory.h"

/*
 * From the kernel's files to an inventory. BASIC is read for every function with few, never blocking
 * reads; the other facets are added for chosen functions. A value that cannot be read stays UNKNOWN and
 * is never an error; only "there is no PCI bus here" and -ENOMEM are.
 */

/** All functions with FACET_BASIC, slots, host facts; sorted, companions filled, verdict not yet set. */
int observe_host(struct host *h, struct vfioadm_inventory **ret, struct vfioadm_error **err) MUST_CHECK;

/** Adds facets (NAMES, IDENTITY, DETAIL, DRIVERS, LOCKED) to one function. 0 or -ENOMEM. */
int observe_function(struct host *h, struct vfioadm_inventory *inv, struct vfioadm_function *f,
		     unsigned facets) MUST_CHECK;

/** NAMES for every function; equal IDs are looked up once. */
int observe_names(struct host *h, struct vfioadm_inventory *inv) MUST_CHECK;

/**
 * USERS for the functions with wanted[index]: searches the whole host once, see host/uses.h. Their users
 * grow, their list "unseen" says what could not be looked at, and inv->complete is false then. The verdict
 * must be found anew afterwards. 0 or -ENOMEM.
 */
int observe_uses(struct host *h, struct vfioadm_inventory *inv, const bool *wanted) MUST_CHECK;
/**
 * The part of that which is cheap and about disks, for all functions: what stands on them though no link between
 * block devices tells (ZFS, Unraid, DRBD, further devices of file systems). mountinfo: NULL, not readable.
 */
int observe_unlinked(struct host *h, struct vfioadm_inventory *inv, const char *mountinfo) MUST_CHECK;
/** One more user of a function, found by trying (the disk could not be had exclusively). -ENOMEM. */
int observe_add_user(struct vfioadm_inventory *inv, struct vfioadm_function *f, const char *code,
		     const char *what, const char *why) MUST_CHECK;
/**
 * Who holds the function open, in words, for the message of a step that hangs: openers of its nodes and
 * of its VFIO nodes. -ENOMEM.
 */
int observe_holders(struct host *h, const char *address, struct strv *ret) MUST_CHECK;

/*
 * Fresh looks at one function, for apply: never cached, never blocking. The driver link alone is no
 * proof of a finished probe, but after the write that caused it has returned it is.
 */
/** -ENODEV when the function is gone; *ret_driver is "" when no driver is bound. */
int observe_driver(struct host *h, const char *address, char *ret_driver, size_t size);
/**
 * The disks whose own device is below the function, as their names are now: no partitions, and of an NVMe disk with several
 * ways its one name. From /sys/class/block alone. A negative errno.
 */
int observe_disks(struct host *h, const char *address, struct strv *ret) MUST_CHECK;
/** Through the helper: "" when unset. */
int observe_override(struct host *h, const char *address, char *ret_override, size_t size);
int observe_incarnation(struct host *h, const char *address, uint64_t *ret);
/** An inventory of the function and the members of its group as they are now: BASIC, no facts, no users. -ENOMEM. */
int observe_group(struct host *h, const char *address, struct vfioadm_inventory **ret) MUST_CHECK;

/** Its VFIO nodes, without a leading slash: of its group, and its own where the kernel makes one. -ENOMEM. */
int observe_vfio_nodes(struct host *h, const char *address, struct strv *ret) MUST_CHECK;

/** /proc/sys/kernel/random/boot_id. */
int observe_boot_id(struct host *h, char *buf, size_t size);

/*
 * From things of the host to functions, for selectors. Each returns the address of the function below
 * which the thing hangs; via says what lies between ("usb 1-2") or is NULL. -ENOENT: no such thing;
 * -ENODEV: it is there, but not below a PCI function; -ENOTUNIQ: below several (a multipath disk, RAID).
 */
int observe_net_function(struct host *h, const char *interface, char ret_address[24]);
int observe_node_function(struct host *h, const char *path, char ret_address[24], char **ret_via);

/* ---- modules (kmod) ---- */

/** Is this driver registered, loadable ("module") or nowhere? */
enum driver_presence { DRIVER_NOWHERE = 0, DRIVER_LOADABLE, DRIVER_REGISTERED };
/** driver is the sysfs name; ret_module (may be NULL) receives the module to load. */
int observe_driver_presence(struct host *h, const char *driver, enum driver_presence *ret,
			    char *ret_module, size_t size);

/**
 * The best host module for it that is not loaded by itself because of a line of modprobe's; the source belongs to h.
 * -ENOENT: there is none.
 */
int observe_left_out(struct host *h, const struct vfioadm_function *f, char **ret_module, const char **ret_source)
	MUST_CHECK;

/** The one PCI driver that a loaded (or built-in) module registers. -ENOENT: none is known, or several. */
int observe_module_driver(struct host *h, const char *module, char *ret_driver, size_t size);

/* ---- what other tools keep over reboots ---- */

enum foreign_kind {
	FOREIGN_UNREADABLE, /* error says why */
	FOREIGN_CMDLINE,    /* vfio-pci.ids= on the kernel's command line: what is one ID */
	FOREIGN_MODPROBE,   /* "options vfio-pci ids=…": likewise */
	FOREIGN_COMMAND,    /* "install vfio-pci …" in modprobe.d: what is the command, owner the module */
	FOREIGN_DRIVERCTL,  /* what is an address (NULL: not of a PCI function), driver what it shall have */
	FOREIGN_LIBVIRT,    /* a defined domain (owner) has the function at what */
	FOREIGN_MODULES,    /* vfio-pci's parameter in a list of modules: what is one ID */
	FOREIGN_UNRAID,	    /* what is an address; owner is the type that it shall have, or NULL */
	/* Of these only a word is said; what they name (NULL: it is computed) may be an address or a card type. */
	FOREIGN_RULE,	    /* of udev */
	FOREIGN_SCRIPT,
	FOREIGN_HOOK,	    /* a script, when a guest starts */
	FOREIGN_SETTING,    /* of the driver owner, which is none of VFIO */
	FOREIGN_PROXMOX,    /* a virtual machine (owner) has it */
	FOREIGN_MAPPING,    /* a resource mapping (owner) of Proxmox VE */
};
/** Strings were cleaned, but say what somebody wrote: an ID may be none. */
struct foreign_claim {
	enum foreign_kind kind;
	const char *source; /* absolute path, with ":LINE" for a line of modprobe's */
	const char *what, *driver, *owner;
	const char *no_effect; /* why nothing comes of it; NULL */
	bool managed;  /* libvirt binds it itself */
	const char *why_not; /* card types: a clause that says why vfio-pci does not get this one; NULL: it does */
	int error;     /* positive errno */
};
struct foreign_claims {
	struct arena arena;
	struct foreign_claim *items; /* card types first */
	size_t n;
	bool cut; /* there are more than can be */
	bool driverctl_gives_type, driverctl_takes_back; /* what its set-override and unset-override do */
};
void foreign_claims_clear(struct foreign_claims *c);
/** What other tools, module parameters, rules and definitions of guests give to VFIO. -ENOMEM. */
int observe_foreign_claims(struct host *h, struct foreign_claims *ret) MUST_CHECK;

struct cardtype;
/**
 * Card types that driverctl (0.115 and later) has given to vfio-pci with its overrides. Stops at a negative result
 * of fn and returns it. -ENOMEM.
 */
int observe_driverctl_types(struct host *h, int (*fn)(const struct cardtype *type, void *userdata),
			    void *userdata) MUST_CHECK;

/** KNOWN and 1: in a container that does not see the host's /run/vfioadm. 0 or -ENOMEM. */
int observe_container_without_run(struct host *h, struct vfioadm_uint *ret) MUST_CHECK;

#endif
