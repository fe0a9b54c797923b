/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_STORE_DECLARED_H
#define VFIOADM_STORE_DECLARED_H

#include "model/declaration.h"

/*
 * Declared state: the files etc/vfioadm.d, run/vfioadm.d and usr/lib/vfioadm.d below a root, "*.conf". A name
 * in the first of these hides the same name in the others, whether it can be used or not; an empty file or a
 * link to /dev/null masks it. No other link is followed, no file is believed that somebody else than root could
 * have written (trusted roots). Paths for messages are those below the root: "/etc/vfioadm.d/NAME.conf".
 */

/** A file (or a directory: then both are its path) that could not be used. */
struct declared_problem {
	const char *name, *file;
	struct vfioadm_error *error; /* owned; its path is FILE:LINE where a line is to blame, else FILE */
};

struct declared {
	struct declarations found;   /* good ones, ordered by name, bytewise */
	struct declared_problem *problems;
	size_t n_problems;
	struct strv masked;          /* names without ".conf", in the same order */
};

void declared_clear(struct declared *d);
#define _cleanup_declared_ CLEANUP(declared_clear)

enum { DECLARED_MAX = 1024 }; /* files in each directory */

/**
 * Reads all of them. root: "/" or another; trusted: believe only what root alone could write (the running
 * host). A bad file is a problem, not a failure: the others count. No directory: none. Two files that give the
 * same [Match] are a problem of the later one. Of directories behind one that cannot be read whole nothing counts,
 * since it may hide it. -ENOMEM, -EIO with err set.
 */
int declared_read(const char *root, bool trusted, struct declared *ret, struct vfioadm_error **err) MUST_CHECK;

/** Reads one file, wherever it lies: 0, or what is wrong with it. An empty one masks, so it is right. */
int declared_check_file(const char *file, struct vfioadm_error **err) MUST_CHECK;

/**
 * The text of etc/vfioadm.d/NAME.conf as it is now, NULL: there is none (or it is masked). -EINVAL: no name;
 * -EPERM: not to be trusted; -ELOOP: a link; -EBADMSG: with a NUL byte in it.
 */
int declared_text(const char *root, const char *name, char **ret) MUST_CHECK;
/** Is there a file of this name in etc/vfioadm.d that masks, empty or a link to /dev/null? */
bool declared_is_mask(const char *root, const char *name);
/** 1: run/vfioadm.d or usr/lib/vfioadm.d has this name as well; 0: none has. -ENOMEM. */
int declared_hides(const char *root, const char *name) MUST_CHECK;
/**
 * Writes etc/vfioadm.d/NAME.conf: temporary file in the same directory, synced, renamed, directory synced;
 * the directory is made when it is not there (0755). text NULL: the file is removed (no file: 0); "": an empty
 * one, which masks. What a killed writer left is removed as well, so the caller holds the lock of the store.
 */
int declared_write(const char *root, const char *name, const char *text) MUST_CHECK;

/**
 * The text of a file that is made from the declarations, path below root; NULL: there is none. -EPERM: not to be
 * trusted; -ELOOP: a link; -EBADMSG: with a NUL byte in it.
 */
int declared_generated_text(const char *root, const char *path, char **ret) MUST_CHECK;
/** 1: such a file has this content (NULL: there is none); 0: it has not. */
int declared_same_generated(const char *root, const char *path, const char *content) MUST_CHECK;
/**
 * A file that is made from the declarations (udev rules): written like a declaration, only when its content
 * differs; path below root, its directories are made. content NULL: removed. ret_changed may be NULL.
 */
int declared_write_generated(const char *root, const char *path, const char *content, bool *ret_changed)
	MUST_CHECK;

/**
 * Holds: run/vfioadm/hold/ADDRESS keeps rules and the claim unit from a function that was released, until it
 * is assigned or the host is booted. run_dir: "/run/vfioadm". -EINVAL: no address.
 */
int hold_set(const char *run_dir, const char *address) MUST_CHECK;
int hold_drop(const char *run_dir, const char *address) MUST_CHECK; /* none: 0 */
bool hold_is_set(const char *run_dir, const char *address);

/**
 * run/vfioadm/late/ADDRESS: at this boot a driver of the host was first to have this function of a declared card type,
 * and nobody has moved it by vfioadm since. Errors as of holds.
 */
int late_set(const char *run_dir, const char *address) MUST_CHECK;
int late_drop(const char *run_dir, const char *address) MUST_CHECK;
bool late_is_set(const char *run_dir, const char *address);

#endif
