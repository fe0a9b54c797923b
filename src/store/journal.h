/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_STORE_JOURNAL_H
#define VFIOADM_STORE_JOURNAL_H

#include "model/plan.h"
#include "store/store.h"

/*
 * run_dir/journal/RUN: what a run is going to do, with all that is needed to take it back, written and synced
 * before its first step; then one line per event, each synced before what it announces. It is removed when
 * the run has come to its end, so that a journal that is there tells of a run that was interrupted, or that
 * the kernel has not let go.
 *
 * Text, one entry per line, the first line "vfioadm-journal 1"; then "boot-id", "pid", "verb", "target",
 * "step", "undo" (of the step before it) and "plan-end"; then events: "begin N", "done N", "nothing N" (it had
 * no effect), "failed N", "stuck N", "back", "undone N", "left N" (could not be undone), "late" (a helper process begins
 * to settle the run), "ended" (and has lived to the end of that). Values are key=value
 * with everything but letters, digits and a few signs written as \xHH. A last line without its newline was
 * torn by a crash and does not count: what it announced has not begun. Nor does the torn half of a line to whose end
 * an earlier version has written the next event: "begin 1back" is "back".
 */
enum journal_event {
	JOURNAL_BEGIN,
	JOURNAL_DONE,
	JOURNAL_NOTHING,
	JOURNAL_FAILED,
	JOURNAL_STUCK,
	JOURNAL_BACK, /* the run is being taken back; step is not used */
	JOURNAL_UNDONE,
	JOURNAL_LEFT,
	JOURNAL_LATE, /* this and the next: of a helper that settles the run; step is not used */
	JOURNAL_ENDED,
};

/** A journal that is being written. Zero-initialise; fd is only valid while open. */
struct journal {
	bool open;
	bool torn; /* behind end stands part of a line */
	int fd;
	int64_t end; /* of what was noted whole */
	const char *run; /* the caller's */
};

/** A journal that was found: the plan with the state of each step, and who wrote it. */
struct journal_found {
	struct vfioadm_plan *plan; /* owned; strings below hang in its arena */
	const char *boot_id;
	uint64_t pid;
	bool back; /* the run was being taken back */
	unsigned n_late; /* how often a helper began to settle it */
	bool late_begun; /* the last of them did not come to an end: it works on it, or it died */
};

enum { JOURNAL_RUN_MAX = 64 };
/** A name for a run: "20261122T180000-4711", from the clock and the process. */
void journal_name(char run[JOURNAL_RUN_MAX]);

int journal_create(struct store *s, const char *run, const struct vfioadm_plan *plan, const char *boot_id,
		   struct journal *ret) MUST_CHECK;
/** For events of a run that was found. */
int journal_reopen(struct store *s, const char *run, struct journal *ret) MUST_CHECK;
/** One line, synced: all of it or nothing. 0 or a negative errno; without an open journal 0. */
int journal_note(struct journal *j, enum journal_event event, size_t step);
void journal_close(struct journal *j);
int journal_remove(struct store *s, const char *run);
/** Moves what cannot be read as a journal out of the way, to "damaged" in the store. Needs the lock. */
int journal_set_aside(struct store *s, const char *run) MUST_CHECK;

/** Removes what a run left that was killed while it wrote its journal, before it had begun. Needs the lock. */
int journal_sweep(struct store *s) MUST_CHECK;
/** Names of all journals, sorted (oldest first). An empty store has none. */
int journal_list(struct store *s, struct strv *ret) MUST_CHECK;
/** -ENOENT; -EBADMSG: not one of ours (or no file at all), damaged, or of a version that we do not know. */
int journal_load(struct store *s, const char *run, struct journal_found *ret) MUST_CHECK;
/** Milliseconds since something was last noted in it; -1: not known, as the clock was set back meanwhile. */
int64_t journal_age_ms(struct store *s, const char *run);
/** "assign", "release", … */
const char *journal_verb(enum verb verb);

/** The parser alone; text is changed. The same results. */
int journal_parse(char *text, struct journal_found *ret) MUST_CHECK;
void journal_found_clear(struct journal_found *found);
#define _cleanup_journal_found_ CLEANUP(journal_found_clear)

#endif
