/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <limits.h>
#include <string.h>

#include "host/processes_private.h"

enum {
	STAT_SIZE = 2048,
	KERNEL_THREAD = 0x00200000, /* PF_KTHREAD in the flags of /proc/PID/stat */
};

static const char initial_pid_ns[] = "pid:[4026531836]";

/* ---- /proc/PID/stat ---- */

struct stat_line {
	char name[64];
	char state;
	int parent;
	unsigned long flags, threads;
};

/* Skips n fields; NULL: there are no more. sscanf() would take longer than the read did. */
static const char *skip_fields(const char *s, unsigned n)
{
	while (s && n--) {
		s = strchr(s, ' ');
		s = s ? s + 1 : NULL;
	}
	return s;
}

/* "12 (any bytes (even these)) S 1 …": only the last ')' ends the name. */
static bool parse_stat(const char *text, struct stat_line *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	const char *parent, *flags, *threads;
	size_t n;

	if (!open || !close || close < open || close[1] != ' ')
		return false;
	n = (size_t)(close - open - 1);
	if (n >= sizeof(ret->name))
		n = sizeof(ret->name) - 1;
	memcpy(ret->name, open + 1, n);
	ret->name[n] = '\0';
	host_clean_text(ret->name);
	parent = skip_fields(close + 2, 1);
	flags = skip_fields(parent, 5);
	threads = skip_fields(flags, 11);
	if (!threads)
		return false;
	ret->state = close[2];
	ret->parent = (int)strtol(parent, NULL, 10);
	ret->flags = strtoul(flags, NULL, 10);
	ret->threads = strtoul(threads, NULL, 10);
	return true;
}

/* "net:[4026531840]" */
static uint64_t namespace_number(struct host *h, host_dir dir, const char *name)
{
	char link[64], *end;
	const char *number;
	uint64_t v;

	if (h->ops->readlink(h, dir, name, link, sizeof(link)) < 0)
		return 0;
	number = strchr(link, '[');
	end = strchr(link, ']');
	if (!number || !end)
		return 0;
	*end = '\0';
	return str_to_u64(number + 1, 10, UINT64_MAX, &v) < 0 ? 0 : v;
}

/* ---- processes ---- */

/* It has let go of its namespaces; or this kernel has no such ones. */
static bool is_ending(struct reading *r, host_dir dir)
{
	char link[64];
	ssize_t mnt = r->h->ops->readlink(r->h, dir, "ns/mnt", link, sizeof(link));
	ssize_t net = r->h->ops->readlink(r->h, dir, "ns/net", link, sizeof(link));

	return host_answered(mnt) && host_answered(net);
}

/* With its directory open. 0, -ENOMEM; nothing is kept of what has vanished meanwhile. */
static int look_at(struct reading *r, host_dir dir, int pid)
{
	struct process *p = &r->processes[r->n];
	char text[STAT_SIZE];
	struct stat_line stat = { .name = "?", .state = '?' };
	ssize_t got = r->h->ops->read(r->h, dir, "stat", text, sizeof(text));
	size_t before = r->n_openers;
	int e;

	if (got == -ENOMEM || reading_is_gone((int)got))
		return got == -ENOMEM ? -ENOMEM : 0;
	if (got > 0 && parse_stat(text, &stat) && (stat.flags & KERNEL_THREAD))
		return 0;
	*p = (struct process){ .pid = pid, .parent = stat.parent };
	p->name = arena_strdup(r->arena, stat.name);
	if (!p->name)
		return -ENOMEM;
	p->mnt_ns = namespace_number(r->h, dir, "ns/mnt");
	p->net_ns = namespace_number(r->h, dir, "ns/net");
	e = stat.state == 'Z' && stat.threads > 1 ? reading_look_at_threads(r, dir, pid) :
						     reading_look_at_files(r, dir, "fd");
	if (e == -ENOMEM)
		return e;
	if (reading_is_gone(e) && r->h->live) {
		r->n_openers = before;
		return 0;
	}
	p->fds_seen = e == 0;
	/* In which namespaces it lives is to be known of each. */
	if (e < 0 || (r->h->live && (!p->mnt_ns || !p->net_ns) && !is_ending(r, dir)))
		r->hidden_pid = r->hidden++ ? r->hidden_pid : pid;
	r->n++;
	return 0;
}

static int look_at_all(struct reading *r, const int *pids, size_t n, int own)
{
	for (size_t i = 0; i < n; i++) {
		char path[32];
		host_dir dir;
		int e;

		if (pids[i] == own || (r->h->ops->is_ours && r->h->ops->is_ours(r->h, pids[i])))
			continue;
		snprintf(path, sizeof(path), "proc/%d", pids[i]);
		dir = r->h->ops->dir_open(r->h, path);
		if (dir < 0) {
			if (dir == -ENOMEM)
				return dir;
			if (!reading_is_gone(dir))
				r->hidden_pid = r->hidden++ ? r->hidden_pid : pids[i];
			continue;
		}
		e = look_at(r, dir, pids[i]);
		r->h->ops->dir_close(r->h, dir);
		if (e < 0)
			return e;
	}
	return 0;
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

struct pids {
	int *items;
	size_t n, room;
};

static int take_pid(const char *name, void *userdata)
{
	struct pids *pids = userdata;
	uint64_t pid;

	if (name[0] == '0' || str_to_u64(name, 10, INT_MAX, &pid) < 0)
		return 0;
	if (pids->n == pids->room) {
		size_t room = pids->room ? pids->room * 2 : 256;
		int *grown = reallocarray(pids->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pids->items = grown;
		pids->room = room;
	}
	pids->items[pids->n++] = (int)pid;
	return 0;
}

/* ---- what is not to be seen ---- */

static const char *other_pid_namespace(struct host *h)
{
	char link[64];
	ssize_t n = h->ops->readlink(h, -1, "proc/self/ns/pid", link, sizeof(link));

	/* A kernel without such namespaces has no such link; another root may lack it. */
	if (n == -ENOENT || (n < 0 && !h->live) || (n > 0 && streq(link, initial_pid_ns)))
		return NULL;
	return "this is another PID namespace than the host's";
}

/* "nginx (pid 7)", "nginx (pid 7) and 3 others" */
static void name_first(const struct reading *r, int pid, size_t n, char *buf, size_t size)
{
	char who[128], others[48] = "";

	snprintf(who, sizeof(who), "process %d", pid);
	for (size_t i = 0; i < r->n; i++)
		if (r->processes[i].pid == pid)
			process_describe(&r->processes[i], who, sizeof(who));
	if (n > 1)
		snprintf(others, sizeof(others), " and %zu other%s", n - 1, n > 2 ? "s" : "");
	snprintf(buf, size, "%s%s", who, others);
}

static int explain_unseen(struct reading *r, const struct pids *pids, struct processes *ret)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	const char *other = other_pid_namespace(r->h);
	char who[192];

	if (other)
		strbuf_addf(&text, "%s", other);
	else if (pids->n == 0)
		strbuf_addf(&text, "there are none in /proc");
	else if (r->h->live && pids->items[0] != 1)
		strbuf_addf(&text, "/proc shows those of others to root only");
	if (r->hidden && r->h->unprivileged) {
		strbuf_addf(&text, "%sthe open files of %zu of them can be read by root only", text.len ? ", and " : "",
			    r->hidden);
	} else if (r->hidden) {
		name_first(r, r->hidden_pid, r->hidden, who, sizeof(who));
		strbuf_addf(&text, "%sthe open files of %s cannot be read", text.len ? ", and " : "", who);
	}
	if (text.failed)
		return -ENOMEM;
	ret->none = !other && pids->n == 0;
	ret->unseen = text.len ? arena_strdup(r->arena, text.s) : NULL;
	if (r->cut) {
		name_first(r, r->cut_pid, r->cut, who, sizeof(who));
		ret->cut = arena_strdup(r->arena, who);
	}
	return (text.len && !ret->unseen) || (r->cut && !ret->cut) ? -ENOMEM : 0;
}

/* ---- all ---- */

static int compare_process(const void *key, const void *item)
{
	return *(const int *)key - ((const struct process *)item)->pid;
}

static int hand_over(struct reading *r, struct processes *ret)
{
	ret->items = arena_alloc(r->arena, (r->n + 1) * sizeof(*ret->items));
	ret->openers = arena_alloc(r->arena, (r->n_openers + 1) * sizeof(*ret->openers));
	if (!ret->items || !ret->openers)
		return -ENOMEM;
	memcpy(ret->items, r->processes, r->n * sizeof(*ret->items));
	for (size_t i = 0; i < r->n_openers; i++) {
		ret->openers[i] = r->openers[i];
		ret->openers[i].process = &ret->items[r->owners[i]];
	}
	ret->n = r->n;
	ret->n_openers = r->n_openers;
	return 0;
}

static uint64_t own_namespace(struct host *h, const char *name)
{
	char path[64];
	uint64_t v;

	snprintf(path, sizeof(path), "proc/self/ns/%s", name);
	v = namespace_number(h, -1, path);
	snprintf(path, sizeof(path), "proc/1/ns/%s", name);
	/* Another root has no "self", but it had a first process. */
	return v || h->live ? v : namespace_number(h, -1, path);
}

static int own_pid(struct host *h)
{
	char link[32];
	uint64_t pid;

	if (h->ops->readlink(h, -1, "proc/self", link, sizeof(link)) < 0 ||
	    str_to_u64(link, 10, INT_MAX, &pid) < 0)
		return 0;
	return (int)pid;
}

static int parent_of(struct host *h, int pid)
{
	struct stat_line stat = { .parent = 0 };
	char path[32], text[STAT_SIZE];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	if (!pid || h->ops->read(h, -1, path, text, sizeof(text)) < 0 || !parse_stat(text, &stat))
		return 0;
	return stat.parent;
}

int processes_read(struct host *h, struct arena *arena, struct processes *ret)
{
	struct processes all = { .own_mnt_ns = own_namespace(h, "mnt"),
				 .own_net_ns = own_namespace(h, "net"),
				 .own_pid = own_pid(h) };
	struct reading r = { .h = h, .arena = arena, .own_mnt_ns = all.own_mnt_ns };
	struct pids pids = { 0 };
	int e = host_each(h, -1, "proc", take_pid, &pids);

	/* What could be listed is looked at; that it is not all is told by the host, which is watched. */
	if (e != -ENOMEM) {
		all.own_parent = parent_of(h, all.own_pid);
		if (pids.n)
			qsort(pids.items, pids.n, sizeof(*pids.items), compare_int);
		r.processes = calloc(pids.n + 1, sizeof(*r.processes));
		r.known = calloc(KNOWN_PATHS, sizeof(*r.known));
		r.rights = calloc(1, sizeof(*r.rights));
		if (processes_know_files(h))
			open_files_begin(h, &r.files);
		e = r.processes && r.known && r.rights ? look_at_all(&r, pids.items, pids.n, all.own_pid) : -ENOMEM;
	}
	if (e == 0)
		e = explain_unseen(&r, &pids, &all);
	if (e == 0)
		e = hand_over(&r, &all);
	free(pids.items);
	free(r.rights);
	free(r.processes);
	free(r.known);
	free(r.openers);
	free(r.owners);
	strv_clear(&r.classes);
	if (e == 0)
		*ret = all;
	return e;
}

void process_describe(const struct process *p, char *buf, size_t size)
{
	snprintf(buf, size, "%s (pid %d)", p->name, p->pid);
}

const struct process *processes_find(const struct processes *all, int pid)
{
	if (!all->n)
		return NULL;
	return bsearch(&pid, all->items, all->n, sizeof(*all->items), compare_process);
}
