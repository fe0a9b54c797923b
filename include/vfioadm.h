/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfioadm: hand PCI functions of a Linux host to virtual machines through VFIO, and take them back.
 *
 * Conventions
 *  - A context comes first, results come last. Functions that can fail return 0 or a negative errno.
 *  - Out-parameters named ret_* are written only on success, except ret_error: it is set to NULL on success and to the
 *    error on failure (NULL when there was no memory for one), whatever was in it before. It may be NULL. An error
 *    that is returned is owned by the caller (vfioadm_error_free()); one from an earlier call is not freed.
 *  - Structures are allocated by the library, read by the caller and only ever grow at their end. So an array of
 *    structures is an array of pointers to them; never step from one structure to the next by its size. Strings
 *    and arrays inside them live as long as the object that they were taken from.
 *  - The library never prints, never exits, never touches signal handlers, the working directory or the
 *    environment, and keeps no global state. Use one context per thread; vfioadm_ctx_cancel() alone may
 *    be called from any thread and from signal handlers.
 *  - A run that moves functions sends one line for each of them to the system log (a datagram to /dev/log, facility
 *    daemon, severity notice; never waited for), after its last step. Where nobody listens there, nothing is sent. Looking, checking and
 *    planning send nothing.
 */
#ifndef VFIOADM_H
#define VFIOADM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque: settings, the host that is looked at, cancel and progress. */
struct vfioadm_ctx;
/** Opaque: what went wrong, with everything known about it. */
struct vfioadm_error;
/** Opaque: the functions of a host, taken once and never updated. */
struct vfioadm_inventory;
/** Opaque: ordered steps with their undo, findings, and after vfioadm_plan_run() what became of them. */
struct vfioadm_plan;

/* ---- values ------------------------------------------------------------------------------------ */

/** A value was not (or could not be) read, is known not to exist, or is known. */
enum vfioadm_state {
	VFIOADM_UNKNOWN = 0,
	VFIOADM_NONE,
	VFIOADM_KNOWN,
};

/** A number; value is meaningful only when state is VFIOADM_KNOWN. */
struct vfioadm_uint {
	enum vfioadm_state state;
	uint64_t value;
};

/** A string (UTF-8, NUL-terminated); value is non-NULL exactly when state is VFIOADM_KNOWN. */
struct vfioadm_str {
	enum vfioadm_state state;
	const char *value;
};

/** A list of strings; KNOWN means n >= 1, NONE means known to be empty. */
struct vfioadm_list {
	enum vfioadm_state state;
	size_t n;
	const char *const *items;
};

/** One base address register, from the sysfs file "resource" (rows 0-5, 6 is the expansion ROM). */
struct vfioadm_bar {
	unsigned index;
	uint64_t start;      /**< bus address, 0 when not assigned */
	uint64_t size;       /**< bytes */
	bool io;             /**< I/O port space, else memory */
	bool prefetchable;
	bool is_64bit;
};

/** How much a finding weighs. */
enum vfioadm_severity {
	VFIOADM_WARNS = 1,
	VFIOADM_REFUSES,  /**< the change is refused, some findings can be forced */
	VFIOADM_BLOCKS,   /**< cannot work, can never be forced */
};

/**
 * Somebody on the host who uses a function, or will. What only warns (an /etc/fstab entry that is not
 * mounted, an old signature) does not make the function "in-use".
 */
struct vfioadm_user {
	const char *kind;    /**< "net", "block", "vf", "display", … */
	const char *what;    /**< "eth0", "nvme0n1", "qemu-system-x86 (pid 1234)", … */
	const char *why;     /**< evidence, in words: "is up", "is mounted at /" */
	bool forceable;
	const char *code;    /**< of the finding that it becomes, see docs/checks.md */
	enum vfioadm_severity severity;
};

/** First that applies, in this order. */
enum vfioadm_verdict {
	VFIOADM_VERDICT_UNKNOWN = 0,
	VFIOADM_VERDICT_ASSIGNED,       /**< bound to a VFIO driver */
	VFIOADM_VERDICT_NOT_ASSIGNABLE, /**< bridge, no IOMMU group, reserved region … */
	VFIOADM_VERDICT_IN_USE,         /**< the host uses it */
	VFIOADM_VERDICT_NEEDS_GROUP,    /**< companions in its IOMMU group must come along */
	VFIOADM_VERDICT_ASSIGNABLE,
};

/** "assigned", "not-assignable", "in-use", "needs-group", "assignable" or "unknown". */
const char *vfioadm_verdict_name(enum vfioadm_verdict verdict);

/**
 * What was looked at. BASIC is cheap, never blocks, and is there for every function of an inventory;
 * the others are there for the functions that a call was asked about and for their group companions.
 */
enum vfioadm_facet {
	VFIOADM_FACET_BASIC = 1 << 0,    /**< IDs, driver, group, physfn, NUMA node, users seen cheaply */
	VFIOADM_FACET_NAMES = 1 << 1,    /**< vendor, device, class names from hwdb */
	VFIOADM_FACET_IDENTITY = 1 << 2, /**< path, slot, serial numbers, MAC, s390 attributes */
	VFIOADM_FACET_DETAIL = 1 << 3,   /**< link, BARs, reset methods, power state, reserved regions */
	VFIOADM_FACET_DRIVERS = 1 << 4,  /**< candidate drivers from modules.alias */
	VFIOADM_FACET_LOCKED = 1 << 5,   /**< driver_override, sriov_numvfs: reads that can block */
	VFIOADM_FACET_PATH = 1 << 6,     /**< path and vf_index of IDENTITY alone; never blocks */
	VFIOADM_FACET_USERS = 1 << 7,    /**< users that must be searched for: open files of processes, other
					      namespaces, routes, what is configured; needs root to be
					      complete */
};

/** Endpoints that are parts of the host rather than cards. */
enum vfioadm_host_part {
	VFIOADM_PART_NONE = 0,
	VFIOADM_PART_SYSTEM,  /**< host bridge, or bridge to ISA, EISA or MCA: assigned only where it is named itself */
	VFIOADM_PART_IOMMU,   /**< the IOMMU: never assigned */
};

/**
 * One PCI function. Sources are below /sys/bus/pci/devices/ADDRESS/ unless said otherwise.
 * A number that people write in hex (IDs, class, pchid …) is a plain number here.
 */
struct vfioadm_function {
	unsigned facets;                 /**< VFIOADM_FACET_* that were looked at for this function */
	const char *address;             /**< "dddd:bb:dd.f", domain of four or more hex digits */
	uint32_t domain;
	uint8_t bus, slot, function;

	/* BASIC */
	struct vfioadm_uint vendor, device;              /**< "modalias", else "vendor", "device" */
	struct vfioadm_uint subsystem_vendor, subsystem_device;
	struct vfioadm_uint class_code;                  /**< 24 bits */
	struct vfioadm_uint revision;
	struct vfioadm_str driver;                       /**< link "driver" */
	struct vfioadm_uint vfio;                        /**< 1: bound to a VFIO driver */
	struct vfioadm_uint iommu_group;                 /**< link "iommu_group"; number is boot-local */
	struct vfioadm_str physfn;                       /**< address of the PF when this is a VF */
	struct vfioadm_uint numa_node;                   /**< NONE when the kernel says -1 */
	bool bridge;                                     /**< header type 1 or 2: PCI or CardBus bridge, which VFIO
							      never takes; other functions of class 06xx are
							      endpoints, see host_part */
	struct vfioadm_uint uid, fid;                    /**< s390: "uid", "function_id" */
	struct vfioadm_list net;                         /**< network interfaces below it */
	struct vfioadm_list block;                       /**< block devices below it */
	struct vfioadm_list companions;                  /**< other functions of its IOMMU group, all kinds; of a
							      group that is made at the first bind, foreseen */
	size_t n_users;
	const struct vfioadm_user *const *users;
	enum vfioadm_verdict verdict;
	const char *verdict_reason;                      /**< one sentence, or NULL; of an assigned function, why no
							      guest could open it */

	/* NAMES */
	struct vfioadm_str vendor_name, device_name, subsystem_name;
	struct vfioadm_str class_name;                   /**< "Non-Volatile memory controller (NVM Express)" */

	/* IDENTITY */
	struct vfioadm_str path;         /**< bridge path without bus numbers, "pci-0000:00:1c.0/00.0" */
	struct vfioadm_str physical_slot;                /**< name below bus/pci/slots */
	struct vfioadm_str serial;       /**< PCIe Device Serial Number, "00-11-22-ff-fe-33-44-55"; root only */
	struct vfioadm_str nvme_serial;  /**< while nvme is bound */
	struct vfioadm_str mac;          /**< permanent address, while a network driver is bound */
	struct vfioadm_uint vf_index;    /**< N of the PF's virtfnN */
	struct vfioadm_uint uid_is_unique, pchid, pfgid, pft, port, vfn;   /**< s390 */
	struct vfioadm_str util_string;  /**< s390, converted from EBCDIC */

	/* DETAIL */
	struct vfioadm_str link_speed, link_speed_max;   /**< "8.0 GT/s PCIe" */
	struct vfioadm_uint link_width, link_width_max;  /**< lanes */
	struct vfioadm_str power_state;                  /**< "D0" … "D3cold" */
	struct vfioadm_list reset_methods;               /**< "reset_method", in the kernel's order */
	struct vfioadm_list reserved_regions;            /**< group's "reserved_regions", one line each */
	struct vfioadm_str group_type;                   /**< group's "type" */
	struct vfioadm_uint boot_vga;
	struct vfioadm_uint sriov_totalvfs, sriov_drivers_autoprobe;
	struct vfioadm_list virtfns;                     /**< addresses of its VFs */
	size_t n_bars;
	const struct vfioadm_bar *const *bars;
	struct vfioadm_str vfio_node;    /**< "/dev/vfio/devices/vfioN" (kernels with VFIO device nodes) */
	struct vfioadm_str group_node;   /**< "/dev/vfio/N" while bound to a VFIO driver */

	/* DRIVERS */
	struct vfioadm_list host_drivers;   /**< modules whose alias matches, best first */
	struct vfioadm_list vfio_variants;  /**< modules made for it by vfio_pci: alias, best first; not vfio_pci */
	struct vfioadm_str vfio_driver;     /**< the VFIO driver that assign would choose */
	const char *vfio_driver_reason;     /**< why, one sentence, or NULL */

	/* LOCKED */
	struct vfioadm_str driver_override; /**< "driver_override"; NONE when "(null)" */
	struct vfioadm_uint sriov_numvfs;

	/* DETAIL */
	struct vfioadm_uint header_type; /**< configuration space 0x0e without the multi-function bit;
					      NONE: all bytes are ff, the device is gone or without power */

	/* USERS */
	struct vfioadm_list unseen;      /**< what could not be looked at, and why, one sentence each */

	/* BASIC */
	enum vfioadm_host_part host_part; /**< what of the host itself it is; not listed among the candidates */

	/* USERS */
	size_t n_unseen_minor; /**< the last so many of unseen could only have led to a warning */
	size_t n_unseen_doubt; /**< so many before those are known and could not be followed: root sees no more */

	/* BASIC */
	bool noiommu; /**< its group was made by VFIO without an IOMMU (enable_unsafe_noiommu_mode) */
};

/** An s390 slot without a function: the function is in standby and can be configured. */
struct vfioadm_slot {
	const char *name;            /**< below /sys/bus/pci/slots, the FID in 8 hex digits on s390 */
	struct vfioadm_uint fid;
	struct vfioadm_uint power;   /**< "power": 0 standby */
};

/* ---- errors ------------------------------------------------------------------------------------ */

/** The exit status that the command uses; see vfioadm(1). */
enum vfioadm_exit {
	VFIOADM_EXIT_DONE = 0,
	VFIOADM_EXIT_FAILED = 1,      /**< tried and failed, everything undone */
	VFIOADM_EXIT_USAGE = 2,
	VFIOADM_EXIT_REFUSED = 3,
	VFIOADM_EXIT_NO_FUNCTION = 4,
	VFIOADM_EXIT_NOT_PERMITTED = 5,
	VFIOADM_EXIT_NOT_READY = 6,
	VFIOADM_EXIT_UNSETTLED = 7,
	VFIOADM_EXIT_BUSY = 8,
};

enum vfioadm_code {
	VFIOADM_E_INTERNAL = 1,       /**< "internal" */
	VFIOADM_E_NO_MEMORY,          /**< "no-memory" */
	VFIOADM_E_USAGE,              /**< "usage": bad option or argument */
	VFIOADM_E_BAD_SELECTOR,       /**< "bad-selector" */
	VFIOADM_E_BAD_ID,             /**< "bad-id" */
	VFIOADM_E_AMBIGUOUS,          /**< "ambiguous": several functions match */
	VFIOADM_E_NOT_FOUND,          /**< "no-such-function" */
	VFIOADM_E_NOT_PERMITTED,      /**< "not-permitted": not root */
	VFIOADM_E_READ_ONLY_SYS,      /**< "read-only-sys" */
	VFIOADM_E_LOCKDOWN,           /**< "lockdown" */
	VFIOADM_E_NO_IOMMU,           /**< "no-iommu" */
	VFIOADM_E_NO_VFIO_PCI,        /**< "no-vfio-pci": module not to be had */
	VFIOADM_E_NO_DRIVER,          /**< "no-driver": the named driver is not to be had */
	VFIOADM_E_NO_PCI,             /**< "no-pci": no PCI bus below this root */
	VFIOADM_E_BAD_ROOT,           /**< "bad-root": the --sysroot cannot be used for this */
	VFIOADM_E_REFUSED,            /**< "refused": see the plan's findings */
	VFIOADM_E_CHANGED,            /**< "changed": somebody moved the device between plan and step */
	VFIOADM_E_VANISHED,           /**< "vanished" */
	VFIOADM_E_PROBE_FAILED,       /**< "probe-failed" */
	VFIOADM_E_STEP_FAILED,        /**< "step-failed": another write failed or had no effect */
	VFIOADM_E_TIMEOUT,            /**< "timeout": still blocked in the kernel */
	VFIOADM_E_CANCELLED,          /**< "cancelled": signal or vfioadm_ctx_cancel() */
	VFIOADM_E_UNDO_FAILED,        /**< "undo-failed" */
	VFIOADM_E_STORE,              /**< "store": /run/vfioadm cannot be used */
	VFIOADM_E_BUSY,               /**< "busy": another run holds the lock */
	VFIOADM_E_IO,                 /**< "io": a file that must be readable was not */
	VFIOADM_E_PENDING,            /**< "pending": the kernel still holds a step of an earlier run on it */
	VFIOADM_E_CONTAINER,          /**< "container": the host's /run/vfioadm is not to be seen from here */
	VFIOADM_E_CONFIG,             /**< "config": a file of declared state is wrong; path is "FILE:LINE" */
};

/** All of these accept NULL. Strings are owned by the error; NULL where there is nothing to say. */
enum vfioadm_code vfioadm_error_code(const struct vfioadm_error *error);
const char *vfioadm_error_code_name(const struct vfioadm_error *error);  /**< "no-iommu" */
int vfioadm_error_exit(const struct vfioadm_error *error);               /**< enum vfioadm_exit */
const char *vfioadm_error_device(const struct vfioadm_error *error);
const char *vfioadm_error_path(const struct vfioadm_error *error);
const char *vfioadm_error_operation(const struct vfioadm_error *error);
int vfioadm_error_errno(const struct vfioadm_error *error);              /**< positive, 0: none */
const char *vfioadm_error_message(const struct vfioadm_error *error);    /**< one sentence */
const char *vfioadm_error_hint(const struct vfioadm_error *error);       /**< what to do about it */
void vfioadm_error_free(struct vfioadm_error *error);

/* ---- context ----------------------------------------------------------------------------------- */

/** Create a context for the running host. Release with vfioadm_ctx_unref(). -ENOMEM, -EMFILE. */
int vfioadm_ctx_new(struct vfioadm_ctx **ret_ctx);
struct vfioadm_ctx *vfioadm_ctx_ref(struct vfioadm_ctx *ctx);
/** NULL is allowed; returns NULL. */
struct vfioadm_ctx *vfioadm_ctx_unref(struct vfioadm_ctx *ctx);

/**
 * Look at another root: a captured tree or a mounted system. Such a root is never live: no module is
 * loaded, no device opened, paths are resolved inside it, and plans for it can be made but not run.
 * -ENOTDIR, -ENOENT, -EACCES.
 */
int vfioadm_ctx_set_sysroot(struct vfioadm_ctx *ctx, const char *dir, struct vfioadm_error **ret_error);
/** Deadline of each step that can block, in seconds; default 30; 0 is -EINVAL. */
int vfioadm_ctx_set_timeout(struct vfioadm_ctx *ctx, unsigned seconds);
/** How long to wait for another run's lock, in seconds; default 0: not at all. */
int vfioadm_ctx_set_lock_wait(struct vfioadm_ctx *ctx, unsigned seconds);
/** Another helper program than the installed one (for builds that are not installed). */
int vfioadm_ctx_set_helper(struct vfioadm_ctx *ctx, const char *path);

/**
 * Ask a running vfioadm_plan_run() to stop and undo. A second call makes it stop waiting as well. Before the run it is
 * kept for it: a plan is cancelled as well that is still being made, or has not begun. With the end of a run (or when
 * its plan is freed) what was asked for is done with, and the context can be used for the next plan.
 * Async-signal-safe.
 */
void vfioadm_ctx_cancel(struct vfioadm_ctx *ctx);

struct vfioadm_step;
/** Called when a step begins, ends, or is undone; never from another thread. */
typedef void (*vfioadm_progress_fn)(const struct vfioadm_step *step, void *userdata);
void vfioadm_ctx_set_progress(struct vfioadm_ctx *ctx, vfioadm_progress_fn fn, void *userdata);

/* ---- looking ----------------------------------------------------------------------------------- */

/**
 * Observe every function of the host. facets: VFIOADM_FACET_BASIC, optionally NAMES, PATH and USERS.
 * Never blocks behind a stuck driver, needs no privilege; what cannot be read is UNKNOWN.
 * -ENOENT (VFIOADM_E_NO_PCI), -ENOMEM.
 */
int vfioadm_observe(struct vfioadm_ctx *ctx, unsigned facets, struct vfioadm_inventory **ret_inventory,
		    struct vfioadm_error **ret_error);

/**
 * Observe the host, and everything about the functions that the selectors name, see vfioadm(1) for
 * their syntax. ret_selected lists indexes into the inventory (free() it). all_matching: a selector may
 * match several functions. Reads that can block have the context's deadline; what did not answer is
 * UNKNOWN.
 */
int vfioadm_observe_selected(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			     bool all_matching, struct vfioadm_inventory **ret_inventory,
			     size_t **ret_selected, size_t *ret_n_selected,
			     struct vfioadm_error **ret_error);

/** Frees the inventory and everything in it; NULL is allowed. */
void vfioadm_inventory_free(struct vfioadm_inventory *inventory);
size_t vfioadm_inventory_n_functions(const struct vfioadm_inventory *inventory);
/** Sorted by address. NULL when i is out of range. */
const struct vfioadm_function *vfioadm_inventory_function(const struct vfioadm_inventory *inventory,
							  size_t i);
/** By address as the kernel writes it; NULL when there is none. */
const struct vfioadm_function *vfioadm_inventory_find(const struct vfioadm_inventory *inventory,
						      const char *address);
/** false: something was not looked at (see interface: users that only a thorough check finds). */
bool vfioadm_inventory_complete(const struct vfioadm_inventory *inventory);
size_t vfioadm_inventory_n_slots(const struct vfioadm_inventory *inventory);
/** Slots without a function (s390 standby). */
const struct vfioadm_slot *vfioadm_inventory_slot(const struct vfioadm_inventory *inventory, size_t i);
/** Is an IOMMU active on this host: 1 yes, 0 no; UNKNOWN where /sys/class/iommu is not readable. */
struct vfioadm_uint vfioadm_inventory_iommu(const struct vfioadm_inventory *inventory);
/** What to do when there is none, one sentence for this machine; NULL when there is one. */
const char *vfioadm_inventory_iommu_advice(const struct vfioadm_inventory *inventory);

/** One card-type ID that was given to vfio-pci, as far as it can be known. */
struct vfioadm_enabled_id {
	const char *id;      /**< "vendor:device[:subvendor[:subdevice[:class[:mask]]]]" */
	const char *source;  /**< "vfioadm" (own record), "kernel command line", "/etc/modprobe.d/vfio.conf:1", "driverctl" */
};
struct vfioadm_enabled;  /* opaque */
/** IDs that vfio-pci holds now. The kernel has no read-back: this is our own record plus what the
 *  module's parameters say; complete is false when others may have written new_id too (always). */
int vfioadm_enabled_list(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret_enabled,
			 struct vfioadm_error **ret_error);
size_t vfioadm_enabled_n(const struct vfioadm_enabled *enabled);
const struct vfioadm_enabled_id *vfioadm_enabled_id(const struct vfioadm_enabled *enabled, size_t i);
void vfioadm_enabled_free(struct vfioadm_enabled *enabled);

/* ---- checking ---------------------------------------------------------------------------------- */

struct vfioadm_finding {
	const char *code;      /**< stable name: "group-split", "bridge", "no-group" … */
	enum vfioadm_severity severity;
	bool forceable;
	const char *device;    /**< address, or NULL */
	const char *message;   /**< one sentence with device, cause and evidence */
	const char *hint;      /**< what to do, or NULL */
};

struct vfioadm_options;
/** Opaque: functions, each with a verdict, and what speaks against moving them. */
struct vfioadm_checkup;

/**
 * Look for everything that speaks against moving these functions (and the companions that must move along):
 * against assigning those on a host driver, against releasing those on a VFIO driver. Of the options
 * all_matching, group and force count. Changes nothing, disturbs nothing: no device is opened. Needs root to
 * be complete; what could not be looked at is a finding. docs/checks.md lists the codes.
 */
int vfioadm_check(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
		  const struct vfioadm_options *options, struct vfioadm_checkup **ret_checkup,
		  struct vfioadm_error **ret_error);
/** Does a finding stand (blocks, or refuses and is not forced)? */
bool vfioadm_checkup_refused(const struct vfioadm_checkup *checkup);
/** false: something was not looked at, as findings say. */
bool vfioadm_checkup_complete(const struct vfioadm_checkup *checkup);
size_t vfioadm_checkup_n_functions(const struct vfioadm_checkup *checkup);
const struct vfioadm_function *vfioadm_checkup_function(const struct vfioadm_checkup *checkup, size_t i);
size_t vfioadm_checkup_n_findings(const struct vfioadm_checkup *checkup);
/** finding->device says which function it is about. */
const struct vfioadm_finding *vfioadm_checkup_finding(const struct vfioadm_checkup *checkup, size_t i);
/** NULL is allowed. */
void vfioadm_checkup_free(struct vfioadm_checkup *checkup);

/** What is known of a finding's code; docs/checks.md is made of the same. */
struct vfioadm_code_info {
	const char *code;
	const char *kind;                /**< of the user that it is about, or NULL */
	enum vfioadm_severity severity;
	bool forceable;
	const char *meaning;
	const char *remedy;
};
size_t vfioadm_n_codes(void);
/** Sorted by code; NULL when i is out of range. */
const struct vfioadm_code_info *vfioadm_code_info(size_t i);

/* ---- changing ---------------------------------------------------------------------------------- */

enum vfioadm_step_state {
	VFIOADM_STEP_PLANNED = 0,
	VFIOADM_STEP_RUNNING,
	VFIOADM_STEP_DONE,
	VFIOADM_STEP_FAILED,
	VFIOADM_STEP_UNDONE,       /**< was done, and put back */
	VFIOADM_STEP_UNDO_FAILED,
	VFIOADM_STEP_STUCK,        /**< the kernel still holds it */
};
const char *vfioadm_step_state_name(enum vfioadm_step_state state); /**< "planned", "done", … */

struct vfioadm_step {
	const char *device;    /**< address; NULL for host-wide steps (module load, IDs) */
	const char *action;    /**< "load-module", "set-override", "unbind", "bind", "add-id", … */
	const char *path;      /**< absolute path that is written, or NULL */
	const char *value;     /**< what is written, without newline, or NULL */
	const char *text;      /**< the step in words: "unbind 0000:01:00.0 from nvme" */
	enum vfioadm_step_state state;
	int error;             /**< positive errno of a failed step, 0 */
};

enum vfioadm_result {
	VFIOADM_RESULT_PLANNED = 0,
	VFIOADM_RESULT_UNCHANGED,  /**< nothing to do */
	VFIOADM_RESULT_DONE,
	VFIOADM_RESULT_REFUSED,
	VFIOADM_RESULT_UNDONE,
	VFIOADM_RESULT_UNSETTLED,
};
const char *vfioadm_result_name(enum vfioadm_result result);

/** Options of the planning functions; zero it, then set what you need. */
struct vfioadm_options {
	/*
	 * sizeof(struct vfioadm_options) as the caller was built: lets the structure grow. -EINVAL where it is too
	 * small (0: forgotten), and where options are set that this library does not know.
	 */
	size_t size;
	bool dry_run;              /**< the plan will not be run: plan without privilege as well */
	bool all_matching;         /**< a selector may match several functions */
	bool group;                /**< take the whole IOMMU group along (assign, release) */
	const char *driver;        /**< assign: NULL or "auto", "vfio-pci", or a driver's name */
	bool park;                 /**< release: leave it without a driver */
	const char *const *force;  /**< finding codes to override */
	size_t n_force;
	/*
	 * Also keep it over reboots: write (assign, enable) or remove (release, disable) its declaration in
	 * /etc/vfioadm.d, see vfioadm.conf(5), and rebuild the initramfs where that matters.
	 */
	bool persist;
	/*
	 * apply: the address of a function. Where its card type is declared, this function itself is assigned, from
	 * whatever host driver it has; else a card type is only given to vfio-pci. NULL: none.
	 */
	const char *only;
	/*
	 * enable with persist: also write /etc/modprobe.d/vfioadm.conf, by which vfio-pci is loaded with all declared
	 * card types and before their host drivers. From then on it follows each change of what is declared, and it
	 * is removed with the last card type. It does not know vfioadm.disable; see vfioadm-enable(1).
	 */
	bool modprobe;
	/*
	 * apply: nobody asked for it just now, as when the host boots and its disks are still being mounted. Then a disk
	 * is opened exclusively only when nothing else prevents its function from being assigned.
	 */
	bool unattended;
};

/**
 * Plan a change. On success the plan's result is PLANNED (run it), UNCHANGED (nothing to do) or REFUSED
 * (see its findings); all three return 0. Errors: VFIOADM_E_* with the matching negative errno.
 * options may be NULL. Planning changes no device; but what an interrupted run left is settled first (see
 * vfioadm_settle()), and unless it is a dry run the plan holds the lock of the host, and exclusively the
 * disks of the functions, until it is run or freed. So nobody can mount a disk between the check and its
 * unbinding; run the plan soon.
 *
 * assign: bind to a VFIO driver, all functions or none. Writes driver_override, the old driver's unbind
 * and the VFIO driver's bind (Documentation/ABI/testing/sysfs-bus-pci).
 */
int vfioadm_plan_assign(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error);
/** release: give back to the driver and override found before assign. */
int vfioadm_plan_release(struct vfioadm_ctx *ctx, const char *const *selectors, size_t n_selectors,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error);
/** enable: give card types to vfio-pci ("vendor:device[:subvendor[:subdevice[:class[:mask]]]]"). */
int vfioadm_plan_enable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			struct vfioadm_error **ret_error);
/** disable: take card types back from vfio-pci; functions that are bound stay bound. */
int vfioadm_plan_disable(struct vfioadm_ctx *ctx, const char *const *ids, size_t n_ids,
			 const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
			 struct vfioadm_error **ret_error);

/**
 * Carry a plan out, once. 0: everything done and seen to be so (result DONE, or UNCHANGED).
 * ctx is the context that the plan was made with: with another one it is -EINVAL, and nothing is done.
 * On failure everything that was done is undone in reverse (result UNDONE), or the result is UNSETTLED:
 * a step is still blocked in the kernel, or undoing failed.
 */
int vfioadm_plan_run(struct vfioadm_ctx *ctx, struct vfioadm_plan *plan,
		     struct vfioadm_error **ret_error);

/** Frees the plan and everything that was taken from it; NULL is allowed. */
void vfioadm_plan_free(struct vfioadm_plan *plan);
enum vfioadm_result vfioadm_plan_result(const struct vfioadm_plan *plan);
size_t vfioadm_plan_n_steps(const struct vfioadm_plan *plan);
const struct vfioadm_step *vfioadm_plan_step(const struct vfioadm_plan *plan, size_t i);
size_t vfioadm_plan_n_findings(const struct vfioadm_plan *plan);
const struct vfioadm_finding *vfioadm_plan_finding(const struct vfioadm_plan *plan, size_t i);

/** What a plan says, and after the run what was found, about one function. */
struct vfioadm_outcome {
	const char *device;
	const char *before;   /**< driver found when planning, NULL: none */
	const char *wanted;   /**< driver that it is to have, NULL: none */
	const char *after;    /**< driver found after the run, NULL: none (or not run) */
	const char *note;     /**< "now", "when freed", "stays on nvme: …", or NULL */
	bool taken;           /**< this run moves it (else it is only mentioned) */
};
size_t vfioadm_plan_n_outcomes(const struct vfioadm_plan *plan);
const struct vfioadm_outcome *vfioadm_plan_outcome(const struct vfioadm_plan *plan, size_t i);

/* ---- declared state ---------------------------------------------------------------------------- */

/** How the host stands to one declaration (a file in /etc/vfioadm.d, vfioadm.conf(5)). */
enum vfioadm_declared_state {
	VFIOADM_DECLARED_IN_FORCE = 1, /**< the host is as declared */
	VFIOADM_DECLARED_DIFFERS,      /**< the device is there, but not as declared */
	VFIOADM_DECLARED_HELD,         /**< released without --persist: left alone until assigned or rebooted */
	VFIOADM_DECLARED_MISSING,      /**< no such device */
	VFIOADM_DECLARED_FOREIGN,      /**< in its place is another card, which is not touched */
	VFIOADM_DECLARED_AMBIGUOUS,    /**< several devices match a declaration of one device */
	VFIOADM_DECLARED_UNCERTAIN,    /**< which device is meant cannot be found out now */
	VFIOADM_DECLARED_INVALID,      /**< the file has an error */
};
const char *vfioadm_declared_state_name(enum vfioadm_declared_state state); /**< "in-force", … */

struct vfioadm_declared {
	const char *name;              /**< the file's without ".conf" */
	const char *file;
	enum vfioadm_declared_state state;
	size_t n_devices;
	const char *const *devices;    /**< addresses of the functions that it means now */
	const char *message;           /**< one sentence */
	const char *hint;              /**< or NULL */
	bool in_initramfs;             /**< its file belongs into the initramfs: see "config list" */
	size_t n_late;
	const char *const *late;       /**< of a card type: those of them that at this boot a driver of the host was first
					    to have (built in, or loaded before vfioadm), and that nobody has moved since */
	size_t n_together;
	const char *const *together;   /**< names of the others that share an IOMMU group with it, and with which it is
					    one transaction */
	const struct vfioadm_finding *use; /**< why assign would be refused to take it from the host, which uses it or
					    may use it; NULL: nothing does. The gravest, and it is what the next boot
					    would take before the host can use it. */
};

/** Opaque: all declarations, by name. */
struct vfioadm_status;
/**
 * Compare all declarations with the host. Changes nothing, takes no lock. For another root (sysroot) its own
 * files and state. -ENOMEM, VFIOADM_E_IO.
 */
int vfioadm_status(struct vfioadm_ctx *ctx, struct vfioadm_status **ret_status,
		   struct vfioadm_error **ret_error);
size_t vfioadm_status_n(const struct vfioadm_status *status);
const struct vfioadm_declared *vfioadm_status_item(const struct vfioadm_status *status, size_t i);
/** Is anything not in force? */
bool vfioadm_status_drift(const struct vfioadm_status *status);
/**
 * Were the udev rules or an initramfs perhaps made from other files than are there? vfioadm_plan_apply() without
 * names finds out and makes them anew. Always false for another root.
 */
bool vfioadm_status_outdated(const struct vfioadm_status *status);
/** NULL is allowed. */
void vfioadm_status_free(struct vfioadm_status *status);

/**
 * Plan what these declarations (by name) ask for, as one transaction, together with those that share an IOMMU group
 * with one of them (struct vfioadm_declared names these); those in force need nothing. Of the
 * options dry_run, force and only count. No name: what is made from all of them (udev rules and, with persist,
 * where it matters, the initramfs) is made anew, if their files were changed by hand. VFIOADM_E_NOT_FOUND: no such declaration; VFIOADM_E_CONFIG: its file has
 * an error.
 */
int vfioadm_plan_apply(struct vfioadm_ctx *ctx, const char *const *names, size_t n_names,
		       const struct vfioadm_options *options, struct vfioadm_plan **ret_plan,
		       struct vfioadm_error **ret_error);

/**
 * Plan to declare what other tools keep over reboots: driverctl's overrides that name a VFIO driver, card types of
 * vfio-pci's parameter (kernel command line, modprobe.d, lists of modules), host devices of defined libvirt domains
 * that libvirt does not bind itself (managed='no'), Unraid's settings. No device is moved, and what the other tools have is left alone. The plan
 * has a proposal for each file that would be written; steps only with options->persist, without which (as with
 * dry_run) it cannot be run. Its result is UNCHANGED when there is nothing to propose.
 */
int vfioadm_plan_import(struct vfioadm_ctx *ctx, const struct vfioadm_options *options,
			struct vfioadm_plan **ret_plan, struct vfioadm_error **ret_error);

struct vfioadm_proposal {
	const char *name;     /**< of the declaration: that of its file in /etc/vfioadm.d, without ".conf" */
	const char *source;   /**< file that says so now, "FILE:LINE" where a line does */
	const char *text;     /**< of the file that is written */
	const char *device;   /**< address; NULL: it is about a card type */
	const char *hint;     /**< how to keep the other tool from doing it too, or NULL */
};
/** What other tools keep and import does not take over. */
struct vfioadm_skipped {
	const char *source;
	const char *reason;   /**< one sentence */
};
size_t vfioadm_plan_n_proposals(const struct vfioadm_plan *plan);
const struct vfioadm_proposal *vfioadm_plan_proposal(const struct vfioadm_plan *plan, size_t i);
size_t vfioadm_plan_n_skipped(const struct vfioadm_plan *plan);
const struct vfioadm_skipped *vfioadm_plan_skipped(const struct vfioadm_plan *plan, size_t i);

/**
 * Read one file as a declaration, wherever it lies: 0, or what is wrong with it (VFIOADM_E_CONFIG, with
 * "FILE:LINE" as its path).
 */
int vfioadm_config_check(struct vfioadm_ctx *ctx, const char *file, struct vfioadm_error **ret_error);

/** What became of a run that did not come to its end. */
enum vfioadm_settled_as {
	VFIOADM_SETTLED_FINISHED = 1, /**< every function has the driver that it was to have */
	VFIOADM_SETTLED_UNDONE,       /**< everything of it is as before */
	VFIOADM_SETTLED_STALE,        /**< it was of an earlier boot: nothing was left of it */
	VFIOADM_SETTLED_PENDING,      /**< the kernel still holds a step */
	VFIOADM_SETTLED_FAILED,       /**< something could not be put back: see message */
};
const char *vfioadm_settled_as_name(enum vfioadm_settled_as as); /**< "finished", "undone", … */

struct vfioadm_settled {
	const char *run;          /**< name of its journal below /run/vfioadm/journal; NULL: it is about no run, but about a
				       function that was assigned and is not there any more (VFIOADM_SETTLED_STALE) */
	const char *verb;         /**< "assign", "release", "enable", "disable", "apply", "import"; NULL: its journal
				       cannot be read (VFIOADM_SETTLED_FAILED) */
	size_t n_devices;
	const char *const *devices;
	enum vfioadm_settled_as as;
	const char *message;      /**< one sentence */
	const char *hint;         /**< or NULL */
};

/** Opaque: runs that were settled or are still to be. */
struct vfioadm_settlement;
/**
 * Finish or take back what interrupted runs left: forward only when every function already has its final
 * driver, else back. What the kernel still holds is left alone and reported as pending. dry_run: only tells
 * what there is. Every changing verb does this first. 0 also when something is left: look at the runs.
 * VFIOADM_E_BUSY, VFIOADM_E_NOT_PERMITTED, VFIOADM_E_STORE.
 */
int vfioadm_settle(struct vfioadm_ctx *ctx, bool dry_run, struct vfioadm_settlement **ret_settlement,
		   struct vfioadm_error **ret_error);
size_t vfioadm_settlement_n(const struct vfioadm_settlement *settlement);
const struct vfioadm_settled *vfioadm_settlement_run(const struct vfioadm_settlement *settlement, size_t i);
/** NULL is allowed. */
void vfioadm_settlement_free(struct vfioadm_settlement *settlement);

/** The library's version, "0.1.0". */
const char *vfioadm_version(void);

#ifdef __cplusplus
}
#endif

#endif
