/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "store/journal_private.h"

#define JOURNAL_HEADER "vfioadm-journal 1"
enum { JOURNAL_MAX = 16 * 1024 * 1024 };

static const char *const events[] = {
	[JOURNAL_BEGIN] = "begin",   [JOURNAL_DONE] = "done",	    [JOURNAL_NOTHING] = "nothing",
	[JOURNAL_FAILED] = "failed", [JOURNAL_STUCK] = "stuck",	    [JOURNAL_BACK] = "back",
	[JOURNAL_UNDONE] = "undone", [JOURNAL_LEFT] = "left",
};

static int journal_dir(struct store *s, bool create)
{
	if (s->dir < 0)
		return -ENOENT;
	return file_open_trusted_dir(s->dir, "journal", create);
}

/* Names come from a directory that only root can write, or from our own command line. */
static bool name_valid(const char *run)
{
	return *run && *run != '.' && strlen(run) < JOURNAL_RUN_MAX && !strchr(run, '/');
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

static int open_for_events(int dir, const char *run)
{
	int fd = openat(dir, run, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
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
	if (r == 0)
		r = open_for_events(dir, run);
	if (r < 0)
		return r;
	*ret = (struct journal){ .open = true, .fd = r, .run = run };
	return 0;
}

/* An event behind a torn line would become part of it: cut off what has no newline. */
static int cut_torn_line(int dir, const char *run)
{
	_cleanup_close_ int fd = openat(dir, run, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
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
	int fd, r;

	if (dir < 0)
		return dir;
	r = name_valid(run) ? cut_torn_line(dir, run) : -EINVAL;
	if (r < 0)
		return r;
	fd = open_for_events(dir, run);
	if (fd < 0)
		return fd;
	*ret = (struct journal){ .open = true, .fd = fd, .run = run };
	return 0;
}

int journal_note(struct journal *j, enum journal_event event, size_t step)
{
	char line[64];
	ssize_t n;
	int size;

	if (!j->open)
		return 0;
	size = event == JOURNAL_BACK ?
		       snprintf(line, sizeof(line), "%s\n", events[event]) :
		       snprintf(line, sizeof(line), "%s %zu\n", events[event], step);
	n = write(j->fd, line, (size_t)size);
	if (n != size)
		return n < 0 ? -errno : -ENOSPC;
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

	STRV_FOREACH(i, &names)
		if (r == 0)
			r = file_remove(dir, names.items[i]);
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

	if (event == JOURNAL_BACK) {
		f->back = true;
		return 0;
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

static int read_line(struct journal_found *f, char *line, bool *in_events)
{
	char *rest = line, *word = strsep(&rest, " ");
	static char none[] = "";

	if (!*word)
		return 0;
	if (!rest)
		rest = none;
	if (!*in_events) {
		*in_events = streq(word, "plan-end");
		return *in_events ? 0 : read_head(f, word, rest);
	}
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (streq(word, events[i]))
			return read_event(f, (enum journal_event)i, rest);
	return 0;
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
	if (r == 0 && strlen(text) != size)
		r = -EBADMSG;
	return r < 0 ? r : journal_parse(text, ret);
}
