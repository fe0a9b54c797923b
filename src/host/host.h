/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_HOST_H
#define VFIOADM_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <vfioadm.h>

#include "base/macro.h"
#include "base/str.h"

/*
 * The table of operations behind which every host stands: the running kernel (live.c), another root
 * (root.c, a captured tree or a mounted system), and in the tests a model of the kernel. All observation
 * (observe*.c) is written on top of it, so it is the same code for each of them.
 *
 * Paths are relative to the root and without a leading slash: "sys/bus/pci/devices". Results are 0 or a
 * length, or a negative errno.
 */
struct host;

/** What a file is, whatever it is called. */
struct host_file {
	unsigned mode;         /* st_mode */
	unsigned uid, gid;
	unsigned major, minor; /* of a node */
	uint64_t device;       /* of the file system: major << 32 | minor */
	uint64_t inode;
	bool has_acl;          /* a node that was looked at without following links */
};

/** A directory that is held open; reads below it need no path walk. Negative: none. */
typedef int host_dir;

/** Times the deadline of a step that an initramfs may take to be made: it is no single step. */
enum { HOST_REBUILD_TIMES = 20 };

struct host_ops {
	const char *name; /* "live", "root", "fake" */

	/* Reading. Nothing here may block: these are for files that never take a device lock. */
	host_dir (*dir_open)(struct host *h, const char *path);
	void (*dir_close)(struct host *h, host_dir dir);
	/* name may contain slashes; dir < 0: name is a path from the root. Reads at most size - 1 bytes and
	 * NUL-terminates; a longer file is -EFBIG, and buf has its beginning. Binary content is allowed.
	 * Regular files only. */
	ssize_t (*read)(struct host *h, host_dir dir, const char *name, char *buf, size_t size);
	/* Target of a symbolic link, as stored, NUL-terminated. -EINVAL: not a link. */
	ssize_t (*readlink)(struct host *h, host_dir dir, const char *name, char *buf, size_t size);
	/* Names in a directory, without "." and "..", unsorted. */
	int (*list)(struct host *h, host_dir dir, const char *name, struct strv *ret);
	/* Absolute path below the root with all links resolved, "sys/devices/pci0000:00/…". */
	int (*resolve)(struct host *h, const char *path, char **ret);
	/* A number that is the same as long as the directory is the same object (kernfs inode). */
	int (*incarnation)(struct host *h, host_dir dir, const char *name, uint64_t *ret);
	/* A large file (modules.alias), or one without a known size (proc/self/mountinfo), as one read-only,
	 * NUL-terminated string; *ret_size does not count the NUL. Release with unmap. */
	int (*map)(struct host *h, const char *path, const char **ret, size_t *ret_size);
	void (*unmap)(struct host *h, const char *data, size_t size);
	/* st_rdev of a node below the root (links followed), for "/dev/…" selectors. -ENOTBLK, -ENOENT. */
	int (*device_number)(struct host *h, const char *path, bool *ret_block, unsigned *ret_major,
			     unsigned *ret_minor);
	/*
	 * What a file is; follow: what a link leads to, which may be an open file of a process. Never waits for a file
	 * server: what that says of the file may be old. NULL: only names can be told here, as of a captured root.
	 */
	int (*file)(struct host *h, host_dir dir, const char *name, bool follow, struct host_file *ret);
	/*
	 * Calls fn with each name in a directory, without keeping them: for what anybody can fill. Stops at a result
	 * that is not 0 and returns it. NULL: see host_each().
	 */
	int (*each)(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
		    void *userdata);
	/* Processes of our own that a search for users must leave out; false: none other than ours. */
	bool (*is_ours)(struct host *h, pid_t pid);
	/* Lets a moment (20 ms) go by, for who wants to look again. NULL: nothing changes here by itself. */
	void (*pause)(struct host *h);

	/*
	 * A run claims what it is going to move, by name: a function's address, or "host" for what is not
	 * about one function (modules, card types). Each claim is a helper process of its own that holds
	 * run_dir/locks/NAME until it is given back or, when a write of it is stuck, until that returns. If
	 * by then the caller has given up or died and run_dir/journal/RUN is still there, it settles that
	 * run. -EAGAIN: somebody else has it, *ret_holder is the process (0: not known); -EALREADY: we have.
	 * host_free() with claims that were not given back leaves them to their helpers, as dying would.
	 */
	int (*claim)(struct host *h, const char *run_dir, const char *run, const char *name,
		     pid_t *ret_holder);
	/*
	 * Orderly: the run is over, or the functions have nothing to do with it any more. Each name once; what is not
	 * ours is left alone. With the last one goes what was prepared for others; also where there was none.
	 */
	void (*unclaim)(struct host *h, const char *const *names, size_t n);
	/* Opens a disk ("nvme0n1") exclusively in the claim's helper, which keeps it until let_go or unclaim.
	 * -EBUSY: the kernel says that somebody has claimed it (or one of its partitions). */
	int (*hold)(struct host *h, const char *name, const char *disk);
	void (*let_go)(struct host *h, const char *name);
	/* Where in the kernel the claim's stuck write sleeps, one frame per item, innermost first. */
	int (*stuck_in)(struct host *h, const char *name, struct strv *ret);

	/*
	 * Something below will be asked soon, and about as many claims (0: not known): what that needs can be started
	 * beside what is done until then. NULL: nothing needs it.
	 */
	void (*prepare)(struct host *h, size_t claims);

	/*
	 * What may block: runs in a helper process with a deadline. -ETIMEDOUT: it is still in the kernel;
	 * what the kernel itself answers so comes as -ETIME. claim: the name whose helper does it; NULL, or
	 * a name that was not claimed: one without a lock. Reading a claimed function's files is done by its
	 * helper as well, loading modules by that of "host". Once a claim's helper was left to itself all
	 * that it should do is -ETIMEDOUT at once, until unclaim; nothing else writes to that function.
	 */
	int (*write)(struct host *h, const char *claim, const char *path, const char *data, size_t size);
	ssize_t (*read_locked)(struct host *h, const char *path, char *buf, size_t size);
	/* -EOPNOTSUPP: host_module_command */
	int (*load_module)(struct host *h, const char *module, const char *options);
	/*
	 * Gives a node ("dev/vfio/12") to "user:group:mode": names or numbers, empty for what stays as it is, and
	 * octal. 1: it was changed, or look_only and it would be; 0: it is so. Never wider than asked for in
	 * between. -ESRCH: no such user or group; -ENODEV: no character device.
	 */
	int (*own_node)(struct host *h, const char *claim, const char *path, const char *owner, bool look_only);
	/*
	 * The initramfs that the host boots with, and on s390 what makes it boot (zipl). image_has: 1 when one
	 * of these modules is in it, or declared state is; 0: no; -ENODATA: it cannot be listed; -ENOENT: this host has
	 * none that we know. host->image_error names one that was not looked into, or is empty.
	 * rebuild_image may take minutes, HOST_REBUILD_TIMES timeout_ms for each kernel (-ETIME), and is stopped by
	 * cancel_fd (-ECANCELED; back: once more than before, and then it goes on, -ETIMEDOUT). One that goes on already
	 * is waited for as long as timeout_ms (-EBUSY) and cancel_fd (-EINTR) allow, then nothing was begun; back does
	 * not wait. -EREMOTEIO: the tool failed, and host->image_error says how. back: what was declared when the last rebuild began is so again, and those that it came to are made once more; 1: the others
	 * stayed as they are.
	 */
	int (*image_has)(struct host *h, const char *const *modules, size_t n);
	int (*rebuild_image)(struct host *h, bool back);
	/* udev's rules were written: they shall count for the next event. NULL: nobody to be told. */
	void (*reload_rules)(struct host *h);
	/*
	 * Interfaces of a network namespace ("proc/PID/ns/net"; NULL: our own), one line each, "name flags
	 * bus/parent kind addresses first-address", flags in hex and "-" for what there is none of:
	 * "eth0 1043 pci/0000:01:00.0 - 2 192.0.2.1/24". In other namespaces only those with a parent.
	 * rtnetlink, in the helper, because it may wait for the rtnl lock. -EOPNOTSUPP.
	 */
	int (*net_links)(struct host *h, const char *netns, struct strv *ret);
	/*
	 * Interfaces that packets to this address (v4 or v6, text) leave through, blanks between: a route may
	 * have several. "0.0.0.0" and "::" ask for the default routes. from: NULL, or the address of ours
	 * that they come from. -EOPNOTSUPP, -ENETUNREACH.
	 */
	int (*route_to)(struct host *h, const char *destination, const char *from, char *ret_interfaces,
			size_t size);
	/* SMC devices in use on s390 and others, "pci-address use-count" each (generic netlink). */
	int (*smc_devices)(struct host *h, struct strv *ret);

	/* What only a live host answers; others -EOPNOTSUPP. */
	int (*permanent_mac)(struct host *h, const char *interface, uint8_t ret_mac[6]);
	/* Position in the kernel log now, and the lines behind it that contain needle. */
	int (*log_position)(struct host *h, uint64_t *ret_position);
	int (*log_lines)(struct host *h, uint64_t position, const char *needle, struct strv *ret);

	/* One line for the system log. NULL: this host has none. */
	/*
	 * A file of the host, open for writing, that only root can open and all see who can change its devices, for a
	 * lock; or a negative errno. NULL: there is none.
	 */
	int (*open_shared)(struct host *h);
	void (*announce)(struct host *h, const char *text);

	void (*free)(struct host *h);
};

/** Why a module is not loaded: "modprobe.d has a command …". */
extern const char host_module_command[];

#define HOST_HELPER_REINSTALL "Reinstall vfioadm, so that its library and vfioadm-helper are of one version; a program " \
			      "that has the library loaded must be restarted."

/**
 * A look at a file of the kernel's that failed for another reason than that it is not there. Most readers take any
 * failure for "there is none", which must not make a function look unused: who searches for users watches.
 */
struct host_fault {
	int error; /* 0: none; the first one counts */
	char path[256];
};

/** The first member of every host. */
struct host {
	const struct host_ops *ops;
	bool live;            /* the running kernel (or its model): changes can be made */
	unsigned timeout_ms;  /* deadline of what may block */
	int cancel_fd;        /* readable once the run is cancelled; -1: cannot be */
	const char *display_root; /* "" or the --sysroot directory, for messages */
	bool unprivileged;    /* live: not root */
	bool helper_missing;  /* live: what may block could not even be tried */
	bool helper_foreign;  /* live: because the program is of another version */
	const char *helper;   /* live: the program */
	/*
	 * Memory ran out while a name was looked up. Most readers take any error for "not there", which must
	 * not make a function look unused: who ends a look at the host asks host_starved().
	 */
	bool starved;
	struct host_fault *watch; /* NULL: nobody does; see host_watch() */
	char image_error[256]; /* last words of the tool that could not list or rebuild the initramfs */

	/* Opened when first asked for, see names.c and modules.c; released by host_free(). */
	struct host_names *names;
	struct host_modules *modules;
};

/** The running kernel. helper: path of the helper program, NULL for the installed one. */
int host_live_new(const char *helper, struct host **ret) MUST_CHECK;
/** Another root; never live. dir is opened now. */
int host_root_new(const char *dir, struct host **ret, struct vfioadm_error **err) MUST_CHECK;
void host_free(struct host *h);
/** r, or -ENOMEM when memory ran out since the last question. */
int host_starved(struct host *h, int r) MUST_CHECK;

/** It succeeded, or the file system has answered that it is not there, has no value, or is of another kind. */
bool host_answered(ssize_t r);
/** From now on failures are noted there (NULL: no longer). Returns who watched before. */
struct host_fault *host_watch(struct host *h, struct host_fault *fault);
/**
 * For those who implement host_ops: r of a look at dir/name (dir NULL: from the root). Returns r. What belongs to a
 * single process is not noted: who looks at that tells by itself.
 */
ssize_t host_note(struct host *h, const char *dir, const char *name, ssize_t r);

/* ---- helpers over the table ---- */

/** Text file with trailing white space cut; an empty file gives "". */
ssize_t host_read_text(struct host *h, host_dir dir, const char *name, char *buf, size_t size);
/** base 10 or 16 ("0x" accepted). -EINVAL when it is not a number. */
int host_read_uint(struct host *h, host_dir dir, const char *name, unsigned base, uint64_t *ret);
/** Last component of a symbolic link. */
ssize_t host_link_name(struct host *h, host_dir dir, const char *name, char *buf, size_t size);
bool host_exists(struct host *h, const char *path);
/** ops->each, or by ops->list. */
int host_each(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
	      void *userdata) MUST_CHECK;
/** See prepare; nothing where the host has none. */
void host_prepare(struct host *h, size_t claims);
/**
 * Makes a string from the kernel or from another root safe to show, in place: control characters and
 * bytes that are not UTF-8 become '?'. Returns s.
 */
char *host_clean_text(char *s);

#endif
