/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BOOT_PRIVATE_H
#define VFIOADM_BOOT_PRIVATE_H

#include "boot/early.h"
#include "host/observe.h"
#include "policy/match.h"
#include "store/declared.h"

enum { DRIVER_SIZE = 256 };

/* One function that is declared to be assigned. */
struct target {
	struct vfioadm_function *f;
	const struct declaration *d;
	const char *driver;   /* its name in sysfs */
	bool by_type;         /* taken by the driver's list of IDs, so without an override */
	bool along;           /* not declared itself: it shares the group of one that is */
	bool overridden;      /* by us */
	int error;            /* of its bind, or of what kept it from being tried */
	bool dropped;         /* has been spoken of, and is left alone */
	bool disputed;        /* by two declarations */
};

/** A run: what is declared, what is there, and what is to be done. */
struct run {
	const struct early *e;
	struct host *h;
	struct declared declared;
	struct match *matches;
	struct vfioadm_inventory *inv;
	struct target *targets;
	size_t n_targets;
	int64_t end_ms; /* 0: no limit */
	struct strv noted; /* addresses claimed in this boot before this run */
	struct strv left_types; /* card types that vfio-pci was loaded without in the initramfs */
	bool first_in_host;
	bool incomplete;
};

#define FOR_TARGETS(t, run) for (struct target *t = (run)->targets; t < (run)->targets + (run)->n_targets; t++)

/* run.c */
void run_begin(struct run *run, const struct early *e);
void run_clear(struct run *run);
#define _cleanup_run_ CLEANUP(run_clear)
/** Sets the deadline of the next step. -ETIME: there is no time left. */
int run_step(struct run *run) MUST_CHECK;
/** For putting back, which is never left out. */
void run_last_step(struct run *run);
void run_log(struct run *run, enum early_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
void run_log_error(struct run *run, const char *what, const struct vfioadm_error *err);
/** One line for a function that stays as it is: it is no target any more. */
void run_drop(struct run *run, struct target *t, enum early_level level, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

int run_read_declared(struct run *run) MUST_CHECK;
int run_observe(struct run *run) MUST_CHECK;
/** From what is declared to targets; says of each declaration that has none why. -ENOMEM. */
int run_find_targets(struct run *run) MUST_CHECK;
/** Leaves alone whose group could not be used: others of it will be the host's. -ENOMEM. */
int run_drop_split(struct run *run) MUST_CHECK;
/** Does it say that somebody has set the function aside: the one that does nothing (pci-stub.ids= at boot)? */
bool run_is_set_aside(const char *driver);
/** "10-nvme.conf". */
const char *run_file(const struct declaration *d);

/* notes.c: RUN_DIR/early, and RUN_DIR/early-host */
int notes_read(const struct run *run, struct strv *ret) MUST_CHECK;
/** Also what is noted already. */
int notes_write(const struct run *run) MUST_CHECK;
int notes_drop(const struct run *run) MUST_CHECK;
/* RUN_DIR/early-types: card types of vfio-pci's configuration, one per line */
int notes_read_types(const struct run *run, struct strv *ret) MUST_CHECK;
int notes_write_types(const struct run *run, const struct strv *types) MUST_CHECK;
int notes_drop_types(const struct run *run) MUST_CHECK;
/**
 * Called by the host's run. 1: it is the first of this boot, so all that is noted is from the initramfs; 0: another
 * was here, and people may have assigned functions by hand since. Or a negative errno.
 */
int notes_first_in_host(const struct run *run) MUST_CHECK;
/**
 * A driver of the host was first to have it. Nobody can have wished for that before the host's first run, unless by
 * name. true: vfioadm-apply.service will look at it.
 */
bool notes_late(struct run *run, const struct target *t, const char *driver);

/* drivers.c; these writes have the deadline that run_step() or run_last_step() has set. */
int run_write(struct run *run, const char *path, const char *data) MUST_CHECK;
int run_write_override(struct run *run, const char *address, const char *value) MUST_CHECK;
/** file: "bind", "new_id", … */
int run_write_driver(struct run *run, const char *driver, const char *file, const char *data) MUST_CHECK;
/** An override of ours that did not lead to its driver goes: it would keep the native one away as well. */
void run_put_back(struct run *run, struct target *t);
/** Before any override is written: a name that no driver has would keep all others away. */
void run_drop_without_driver(struct run *run);
void run_load_drivers(struct run *run);
/** Gives the drivers the declared card types. */
void run_add_types(struct run *run);
/** It is to be assigned, and nothing was found against that. */
bool run_is_claimed(const struct run *run, const struct vfioadm_function *f);
/** For whichever driver matches it: it has neither a driver nor an override. */
bool run_is_free(struct run *run, const struct vfioadm_function *f);
/**
 * A function of the type that is free, and that its own declaration (*ret, may be NULL) wants elsewhere: a physical
 * function whose virtual ones are declared, or one that two declarations dispute. The driver takes all that is free
 * when it gets the ID.
 */
const struct vfioadm_function *run_declared_otherwise(struct run *run, const struct cardtype *type,
						      const struct declaration **ret);

/* configured.c */
/** What module is to be loaded with beside its configuration: NULL, nothing. -ENOMEM. */
int run_configured_types(struct run *run, const char *module, char **ret_options) MUST_CHECK;
/** The host's run: gives vfio-pci what the initramfs had to leave out, where the host would load it with that. */
int run_add_left_types(struct run *run) MUST_CHECK;

/* give_back.c */
/** What an initramfs has claimed that no file declares any more goes to its native driver. -ENOMEM. */
int run_give_back_undeclared(struct run *run) MUST_CHECK;

#endif
