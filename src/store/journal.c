/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/journal_private.h"

#define JOURNAL_HEADER "vfioadm-journal 1"
enum { JOURNAL_MAX = 16 * 1024 * 1024, LINE_MAX_SIZE = 64 };

static const char *const events[] = {
	[JOURNAL_BEGIN] = "begin",   [JOURNAL_DONE] = "done",	    [JOURNAL_NOTHING] = "nothing",
	[JOURNAL_FAILED] = "failed", [JOURNAL_STUCK] = "stuck",	    [JOURNAL_BACK] = "back",
	[JOURNAL_UNDONE] = "undone", [JOURNAL_LEFT] = "left",	    [JOURNAL_LATE] = "late",
	[JOURNAL_ENDED] = "ended",
};

static int journal_dir(struct store *s, bool create)
{
	if (s->dir < 0)
		return -ENOENT;
	return file_open_trusted_dir(s->dir, "journal", create);
}

/* As journal_name() makes them, or somebody who restores one. What else lies there (a backup, "lost+found") is no run. */
static bool name_valid(const char *run)
{
	static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:.-_";
	size_t len = strlen(run);

	return len && len < JOURNAL_RUN_MAX && run[0] != '.' && run[0] != '-' && strspn(run, allowed) == len;
}

void journal_name(char run[JOURNAL_RUN_MAX])
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(run, JOURNAL_RUN_MAX, "%Y%m%dT%H%M%S", &tm);
	/* One process may run several plans within a second. */
	snprintf(run + n, JOURNAL_RUN_MAX - n, ".%06ld-%d", now.tv_nsec / 1000, (int)getpid());
}

static int open_for_events(int dir, const char *run, struct journal *ret)
{
	_cleanup_close_ int fd = fd_above(openat(dir, run, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct journal){ .open = true, .end = st.st_size, .run = run };
	ret->fd = TAKE_FD(fd);
	return 0;
}

int journal_create(struct store *s, const char *run, const struct vfioadm_plan *plan, const char *boot_id,
		   struct journal *ret)
{
	_cleanup_close_ int dir = journal_dir(s, true);
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *data = NULL;
	int r;

	if (dir < 0)
		return dir;
	if (!name_valid(run))
		return -EINVAL;
	strbuf_addf(&text, JOURNAL_HEADER "\nboot-id %s\npid %d\n", boot_id, (int)getpid());
	journal_write_plan(&text, plan);
	data = strbuf_take(&text);
	if (!data)
		return -ENOMEM;
	r = file_replace(dir, run, data, strlen(data));
	return r < 0 ? r : open_for_events(dir, run, ret);
}

/* An event behind a torn line would become part of it: cut off what has no newline. */
static int cut_torn_line(int dir, const char *run)
{
	_cleanup_close_ int fd = fd_above(openat(dir, run, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));
	struct stat st;
	char tail[128], *end;
	off_t from;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	from = st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail) : 0;
	n = pread(fd, tail, sizeof(tail), from);
	if (n <= 0 || tail[n - 1] == '\n')
		return n < 0 ? -errno : 0;
	end = memrchr(tail, '\n', (size_t)n);
	if (!end)
		return -EBADMSG;
	return ftruncate(fd, from + (end - tail) + 1) < 0 ? -errno : 0;
}

int journal_reopen(struct store *s, const char *run, struct journal *ret)
{
	_cleanup_close_ int dir = journal_dir(s, false);
	int r;

	if (dir < 0)
		return dir;
	r = name_valid(run) ? cut_torn_line(dir, run) : -EINVAL;
	return r < 0 ? r : open_for_events(dir, run, ret);
}

/* Where there is room for part of a line only. Cutting it off needs none. */
static int cut_back(struct journal *j)
{
	j->torn = j->torn && ftruncate(j->fd, (off_t)j->end) < 0;
	return j->torn ? -errno : 0;
}

/* About the run as a whole, so that no number follows. */
static bool is_of_run(int event)
{
	return event == JOURNAL_BACK || event == JOURNAL_LATE || event == JOURNAL_ENDED;
}

int journal_note(struct journal *j, enum journal_event event, size_t step)
{
	char line[LINE_MAX_SIZE];
	ssize_t n;
	int size, r;

	if (!j->open)
		return 0;
	/* What follows a torn line would become part of it. */
	r = cut_back(j);
	if (r < 0)
		return r;
	size = is_of_run(event) ?
		       snprintf(line, sizeof(line), "%s\n", events[event]) :
		       snprintf(line, sizeof(line), "%s %zu\n", events[event], step);
	n = file_write(j->fd, line, (size_t)size);
	if (n != size) {
		r = n < 0 ? (int)n : -ENOSPC;
		j->torn = n > 0;
		(void)!cut_back(j);
		return r;
	}
	j->end += size;
	return fdatasync(j->fd) < 0 ? -errno : 0;
}

void journal_close(struct journal *j)
{
	if (j->open)
		close(j->fd);
	j->open = false;
}

int journal_remove(struct store *s, const char *run)
{
	_cleanup_close_ int dir = journal_dir(s, false);

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	return name_valid(run) ? file_remove(dir, run) : -EINVAL;
}

int journal_set_aside(struct store *s, const char *run)
{
	_cleanup_close_ int from = journal_dir(s, false);
	_cleanup_close_ int to = s->dir < 0 ? -ENOENT : file_open_trusted_dir(s->dir, "damaged", true);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (!name_valid(run))
		return -EINVAL;
	if (renameat(from, run, to, run) < 0)
		return -errno;
	return fsync(from) < 0 || fsync(to) < 0 ? -errno : 0;
}

/* Hidden names are temporary files of file_replace(): runs that have not begun. */
static int add_name(void *userdata, const char *name)
{
	struct strv *names = userdata;

	return name_valid(name) ? strv_add(names, name) : 0;
}

int journal_list(struct store *s, struct strv *ret)
{
	_cleanup_close_ int dir = journal_dir(s, false);
	_cleanup_strv_ struct strv names = { 0 };
	int r;

	if (dir == -ENOENT) {
		*ret = (struct strv){ 0 };
		return 0;
	}
	if (dir < 0)
		return dir;
	r = file_list(dir, add_name, &names);
	if (r < 0)
		return r;
	strv_sort(&names);
	*ret = names;
	names = (struct strv){ 0 };
	return 0;
}

static int add_hidden(void *userdata, const char *name)
{
	struct strv *names = userdata;

	return *name == '.' ? strv_add(names, name) : 0;
}

int journal_sweep(struct store *s)
{
	_cleanup_close_ int dir = journal_dir(s, false);
	_cleanup_strv_ struct strv names = { 0 };
	int r = dir == -ENOENT ? 0 : dir < 0 ? dir : file_list(dir, add_hidden, &names);

	/* One that stays, such as a directory, is no run and keeps nobody from anything. */
	STRV_FOREACH(i, &names)
		(void)!unlinkat(dir, names.items[i], 0);
	return r;
}

/* ---- reading ---- */

void journal_found_clear(struct journal_found *found)
{
	vfioadm_plan_free(found->plan);
	*found = (struct journal_found){ 0 };
}

static int read_event(struct journal_found *f, enum journal_event event, const char *rest)
{
	struct step *step;
	uint64_t n;

	switch (event) {
	case JOURNAL_BACK:
		f->back = true;
		return 0;
	case JOURNAL_LATE:
		f->n_late++;
		f->late_begun = true;
		return 0;
	case JOURNAL_ENDED:
		f->late_begun = false;
		return 0;
	default:
		break;
	}
	if (str_to_u64(rest, 10, SIZE_MAX, &n) < 0 || n >= f->plan->n_steps)
		return -EBADMSG;
	step = &f->plan->steps[n];
	switch (event) {
	case JOURNAL_BEGIN:
		step->pub.state = VFIOADM_STEP_RUNNING;
		break;
	case JOURNAL_NOTHING:
		step->no_effect = true;
		if (step->pub.state != VFIOADM_STEP_FAILED)
			step->pub.state = VFIOADM_STEP_DONE;
		break;
	case JOURNAL_DONE:
		step->pub.state = VFIOADM_STEP_DONE;
		break;
	case JOURNAL_FAILED:
		step->pub.state = VFIOADM_STEP_FAILED;
		break;
	case JOURNAL_STUCK:
		step->pub.state = VFIOADM_STEP_STUCK;
		break;
	case JOURNAL_UNDONE:
		step->pub.state = VFIOADM_STEP_UNDONE;
		break;
	default:
		step->pub.state = VFIOADM_STEP_UNDO_FAILED;
		break;
	}
	return 0;
}

static int read_head(struct journal_found *f, const char *word, char *rest)
{
	if (streq(word, "boot-id")) {
		f->boot_id = arena_strdup(&f->plan->arena, rest);
		return f->boot_id ? 0 : -ENOMEM;
	}
	if (streq(word, "pid"))
		return str_to_u64(rest, 10, INT32_MAX, &f->pid) < 0 ? -EBADMSG : 0;
	return journal_read_plan_line(f->plan, word, rest);
}

/* "be", "begin ", "begin 1": what is left of an event's line that could not be written whole. */
static bool is_torn(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		size_t word = strlen(events[i]);

		if (len <= word && strncmp(s, events[i], len) == 0)
			return true;
		if (len > word && strncmp(s, events[i], word) == 0 && s[word] == ' ' &&
		    strspn(s + word + 1, "0123456789") >= len - word - 1)
			return true;
	}
	return false;
}

/* The event's number, or -1; *ret_rest is what stands behind its word, *ret_whole whether that is as it should be. */
static int event_of(const char *line, const char **ret_rest, bool *ret_whole)
{
	size_t len = strcspn(line, " ");
	const char *rest = line + len + (line[len] == ' ');

	*ret_rest = rest;
	*ret_whole = false;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (strlen(events[i]) != len || strncmp(line, events[i], len) != 0)
			continue;
		*ret_whole = is_of_run((int)i) ? !*rest : *rest && !rest[strspn(rest, "0123456789")];
		return (int)i;
	}
	return -1;
}

/*
 * Earlier versions left a line torn that they had no room for, and wrote the next event to its end. The torn one
 * was not noted: what it announced has not begun, or is found out by looking.
 */
static const char *behind_torn(const char *line)
{
	const char *rest;
	bool whole;

	for (size_t i = 1; i < LINE_MAX_SIZE && line[i] && is_torn(line, i); i++)
		if (event_of(line + i, &rest, &whole) >= 0 && whole)
			return line + i;
	return line;
}

static int read_event_line(struct journal_found *f, const char *line)
{
	const char *rest;
	bool whole;
	int event = event_of(line, &rest, &whole);

	if (!whole && *line)
		event = event_of(behind_torn(line), &rest, &whole);
	return event < 0 ? 0 : read_event(f, (enum journal_event)event, rest);
}

static int read_line(struct journal_found *f, char *line, bool *in_events)
{
	char *rest = line, *word;
	static char none[] = "";

	if (*in_events)
		return read_event_line(f, line);
	word = strsep(&rest, " ");
	if (!*word)
		return 0;
	*in_events = streq(word, "plan-end");
	return *in_events ? 0 : read_head(f, word, rest ? rest : none);
}

int journal_parse(char *text, struct journal_found *ret)
{
	_cleanup_journal_found_ struct journal_found found = { .plan = plan_new(VERB_ASSIGN) };
	bool in_events = false;
	char *end, *line = text;
	int r = 0;

	if (!found.plan)
		return -ENOMEM;
	for (bool first = true; r == 0 && (end = strchr(line, '\n')); line = end + 1, first = false) {
		*end = '\0';
		if (first)
			r = streq(line, JOURNAL_HEADER) ? 0 : -EBADMSG;
		else
			r = read_line(&found, line, &in_events);
	}
	if (r == 0 && (!in_events || !found.boot_id))
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret = found;
	found = (struct journal_found){ 0 };
	return 0;
}

int64_t journal_age_ms(struct store *s, const char *run)
{
	_cleanup_close_ int dir = journal_dir(s, false);
	struct timespec now;
	struct stat st;
	int64_t age;

	if (dir < 0 || fstatat(dir, run, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	age = (int64_t)(now.tv_sec - st.st_mtim.tv_sec) * 1000 + (now.tv_nsec - st.st_mtim.tv_nsec) / 1000000;
	return age < 0 ? -1 : age;
}

int journal_load(struct store *s, const char *run, struct journal_found *ret)
{
	_cleanup_close_ int dir = journal_dir(s, false);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	if (dir < 0)
		return dir;
	if (!name_valid(run))
		return -EINVAL;
	r = file_read_all(dir, run, JOURNAL_MAX, &text, &size);
	/* A link, a directory or a device is no journal either, and none has ever been so long. */
	if (r == -ELOOP || r == -EINVAL || r == -EFBIG || (r == 0 && strlen(text) != size))
		r = -EBADMSG;
	return r < 0 ? r : journal_parse(text, ret);
}
