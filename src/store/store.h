/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_STORE_STORE_H
#define VFIOADM_STORE_STORE_H

#include "base/str.h"
#include "model/plan.h"

/*
 * What outlives the process but not the boot, below /run/vfioadm:
 *
 *   lock              held by every run that changes something, from planning to its end
 *   records/ADDRESS   what the function was before it was assigned
 *   enabled           card types that were given to vfio-pci, one "ID REGISTRATION" per line
 *
 * Records are text, "key=value" per line, the first line "vfioadm-record 1". Nothing that somebody else
 * could have written is trusted: the directories must belong to root and be writable by nobody else.
 */
struct store {
	int dir;  /* -1: there is none yet (read side of a host where nothing was changed) */
	int lock; /* -1: not held */
	int shared; /* see store_lock_shared(); -1: not held */
};

#define STORE_CLOSED { .dir = -1, .lock = -1, .shared = -1 }

/** For reading: a directory that is not there is an empty store. */
int store_open(struct store *s, const char *path, struct vfioadm_error **err) MUST_CHECK;
/**
 * For changing: creates the directory and takes the lock. what is told to whom it keeps waiting, "assign
 * 0000:01:00.0". cancel_fd: see file_lock(). VFIOADM_E_BUSY, VFIOADM_E_STORE, VFIOADM_E_CANCELLED.
 */
int store_open_locked(struct store *s, const char *path, const char *what, unsigned wait_ms, int cancel_fd,
		      struct vfioadm_error **err) MUST_CHECK;
/** What a helper says that settles the run it was left by. */
#define STORE_LATE_SETTLING "late settling"
/**
 * The same. While such a helper has the lock it is waited for at most late_ms, whatever wait_ms is: nobody has asked
 * for it, and it ends by itself.
 */
int store_open_locked_after(struct store *s, const char *path, const char *what, unsigned wait_ms, unsigned late_ms,
			    int cancel_fd, struct vfioadm_error **err) MUST_CHECK;
/**
 * Behind the lock of the store, one that those share who have another directory at the same place: of fd, a file of the
 * host that is open for writing, which it takes. Where there is none (fd < 0) it does nothing. VFIOADM_E_BUSY,
 * VFIOADM_E_CANCELLED.
 */
int store_lock_shared(struct store *s, int fd, unsigned wait_ms, int cancel_fd, struct vfioadm_error **err) MUST_CHECK;
void store_close(struct store *s);
#define _cleanup_store_ CLEANUP(store_close)

/** -ENOENT: none; -EBADMSG: not one of ours. Strings go to the arena. */
int store_load_record(struct store *s, const char *address, struct arena *arena, struct record *ret)
	MUST_CHECK;
int store_save_record(struct store *s, const struct record *record) MUST_CHECK;
int store_drop_record(struct store *s, const char *address) MUST_CHECK;
/** Addresses of all records, sorted. */
int store_list_records(struct store *s, struct strv *ret) MUST_CHECK;

/** An enabled card type; registration is the identity of the driver's directory when it was added. */
struct enabled_id {
	struct cardtype type;
	uint64_t registration;
};
struct enabled_ids {
	struct enabled_id *items;
	size_t n;
};
/**
 * The text of "ids=" that a registration of vfio-pci was loaded with by us, instead of what is configured.
 * noted_load: -ENOENT: it was loaded in another way. -ENOMEM.
 */
int store_note_load(struct store *s, uint64_t registration, const char *ids) MUST_CHECK;
int store_noted_load(struct store *s, uint64_t registration, char **ret_ids) MUST_CHECK;
int store_load_ids(struct store *s, struct enabled_ids *ret) MUST_CHECK;
/** *ret_changed: it was not there (with this registration); it was there. */
int store_add_id(struct store *s, const struct cardtype *type, uint64_t registration, bool *ret_changed)
	MUST_CHECK;
int store_remove_id(struct store *s, const struct cardtype *type, bool *ret_changed) MUST_CHECK;
/** Is this type one of them, or part of one? */
bool enabled_ids_cover(const struct enabled_ids *ids, const struct cardtype *type);
bool enabled_ids_have(const struct enabled_ids *ids, const struct cardtype *type);
void enabled_ids_clear(struct enabled_ids *ids);
#define _cleanup_enabled_ids_ CLEANUP(enabled_ids_clear)

#endif
