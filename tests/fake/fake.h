/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FAKE_FAKE_H
#define VFIOADM_FAKE_FAKE_H

#include "host/host.h"

/*
 * A host whose kernel is a model of the Linux driver core, PCI bus and VFIO: what it answers is what
 * the kernel contract says, errno by errno. It starts from a captured root and reacts to writes and
 * module loads as the kernel would; reads see the same files that a kernel would show.
 */

/** root: a directory or an archive file; model: lines of fake_control(), or NULL. */
int fake_new(const char *root, const char *model, struct host **ret) MUST_CHECK;
/** The archive itself, for small hosts written in a test. */
int fake_new_text(const char *archive, const char *model, struct host **ret) MUST_CHECK;

/**
 * Tells the model what no capture shows, or makes something happen. One line; -EINVAL: not understood.
 *
 *   trait NAME yes|no         dma-owner: 5.19+, a group has one kind of owner
 *                             override-spinlock: driver_override does not take the device lock
 *                             vfio-dev: class of VFIO devices (6.1+); cdev: with device nodes
 *                             noiommu: enable_unsafe_noiommu_mode
 *   module NAME loadable|builtin|absent
 *   module NAME driver DRIVER      the name in sysfs, where it is not the module's
 *   row DRIVER PATTERN             one more row of its static table, "pci:v…"
 *   dynid DRIVER ID FIELDS…        as if written to new_id, without its effect
 *   managed DRIVER                 harmless in a group that VFIO uses (driver_managed_dma)
 *   probe DRIVER ADDRESS|* ERRNO|defer|ok    what its probe returns from now on
 *   deny VENDOR:DEVICE             on the list of devices that vfio-pci refuses
 *   group ADDRESS N                the group appears when a driver is first tried (arm64 before 6.15)
 *   open ADDRESS                   a VFIO user opens the device; close ADDRESS ends it
 *   vanish ADDRESS                 surprise removal
 *   resume                         whatever hangs in the kernel goes on and ends
 *   image MODULE|-|? the host boots with an initramfs that has this module (-: with none of them; ?: which
 *                    cannot be listed)
 *   image-of-some    of several kernels: that of one cannot be made, the others' can
 *   use-disk NAME                  somebody claims the disk (mounts it, …); -EBUSY while it is held
 *   leave-disk NAME
 *   fault …                        see fake_fault_parse()
 */
int fake_control(struct host *h, const char *line) MUST_CHECK;
/** Several lines; # starts a comment. *ret_line: the one that was not understood. */
int fake_control_lines(struct host *h, const char *text, unsigned *ret_line) MUST_CHECK;

/* ---- faults ---- */

enum fault_kind {
	FAULT_FAIL,	     /* error, nothing done */
	FAULT_FAIL_DONE,     /* error, though it was done */
	FAULT_LIE,	     /* success, nothing done */
	FAULT_HANG,	     /* -ETIMEDOUT; the kernel goes on with it later, or never */
	FAULT_VANISH_BEFORE, /* the device it is about disappears, then it is tried */
	FAULT_VANISH_AFTER,
	FAULT_CALL, /* a callback before it: cancel, or somebody else who interferes */
};

struct fault {
	enum fault_kind kind;
	unsigned nth; /* the n-th (from 1) operation from now on that matches; 0: each of them */
	const char *match; /* fnmatch of "write PATH DATA", "load MODULE", "read PATH"; NULL: all */
	int error;	   /* positive, FAULT_FAIL and FAULT_FAIL_DONE */
	int resume_after; /* FAULT_HANG: operations until it goes on by itself; < 0: only "resume" */
	void (*call)(struct host *h, void *userdata);
	void *userdata;
};

/**
 * Operations are writes, module loads and reads that take a lock, in the order they come. A fault whose
 * pattern says so comes before "claim NAME" or "hold DISK" too; these are not counted.
 */
int fake_fault(struct host *h, const struct fault *fault) MUST_CHECK;
/** "fail ERRNO|fail-done ERRNO|lie|hang [N]|vanish-before|vanish-after [nth N] [match PATTERN]". */
int fake_fault_parse(const char *text, struct fault *ret, char **ret_buffer) MUST_CHECK;
void fake_faults_clear(struct host *h);
/** How many operations there were. */
unsigned fake_operations(const struct host *h);

/* ---- several processes, and their end ---- */

/**
 * Another user of the same model, as another vfioadm process: with claims of its own, while kernel, faults
 * and operations are shared. The model goes with its last user.
 */
int fake_attach(struct host *h, struct host **ret) MUST_CHECK;
/**
 * As if the process that uses h had been killed: its helpers find that it has gone. What is not in the
 * kernel gives up lock and disks at once, what hangs does so when it returns (fake_control "resume",
 * "close", or by itself). host_free() with claims that were not given back does the same.
 */
void fake_kill(struct host *h);
/**
 * Calls late for each run that a helper is to settle now, because its caller died or gave up waiting for
 * it, and its journal is there; it takes the helper's place (settle_runs() through fake_attach()). Call it
 * when no vfioadm call is in progress: a late helper waits for the lock of the store. Returns how many, or
 * late's first negative result.
 */
int fake_run_late(struct host *h,
		  int (*late)(struct host *h, const char *run_dir, const char *run, void *userdata),
		  void *userdata) MUST_CHECK;
/** Who holds the lock of this name; 0: nobody. */
pid_t fake_claimed(const struct host *h, const char *name);

/* ---- looking, for tests ---- */

/** What modprobe does: module options of a loaded module are ignored without a word. */
int fake_modprobe(struct host *h, const char *module, const char *options) MUST_CHECK;
/** A write by somebody else: no operation that counts, and no fault is put before it. */
int fake_write_aside(struct host *h, const char *path, const char *data);
/** modprobe -r: its functions are left without a driver, whoever uses them. */
int fake_unload(struct host *h, const char *module) MUST_CHECK;
/** A driver was bound to a group in VFIO use on a kernel that answers with BUG_ON(). */
bool fake_crashed(const struct host *h);
/** How often the initramfs was made anew. */
unsigned fake_rebuilt(const struct host *h);
/** An operation is still in the kernel. */
bool fake_hangs(const struct host *h);
/** An operation on this function is still in the kernel. */
bool fake_stuck(const struct host *h, const char *address);

#endif
