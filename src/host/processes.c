/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "host/could_open.h"
#include "host/open_files.h"
#include "host/processes.h"

enum {
	STAT_SIZE = 2048,
	KERNEL_THREAD = 0x00200000, /* PF_KTHREAD in the flags of /proc/PID/stat */
	/* The same node opened again is mostly near; a process with many nodes must not cost squares. */
	SAME_WITHIN = 16,
	CLASSES_MAX = 512,
	KNOWN_PATHS = 512, /* a power of two */
	/* So many files of each process are looked at whoever it is, see could_open.h. */
	FILES_ALWAYS = 256,
};

static const char initial_pid_ns[] = "pid:[4026531836]";

/* What a path led to in a mount namespace: most processes have the same few files open. */
struct known_path {
	uint64_t mnt_ns;
	const char *path; /* NULL: free */
	bool block, character;
	unsigned major, minor;
};

struct reading {
	struct host *h;
	struct arena *arena;
	struct process *processes;
	struct opener *openers; /* in the order of their processes */
	size_t *owners;         /* index of each opener's process */
	size_t n, n_openers, room;
	struct known_path *known;
	size_t hidden; /* processes that could not be looked at */
	int hidden_pid; /* the first of them that has a name */
	size_t cut; /* of which not all files were looked at */
	int cut_pid;
	struct open_files files; /* where the host tells what a file is */
	struct node_rights *rights;
	uint64_t own_mnt_ns;
	struct strv classes; /* of another root, read when first needed */
	bool classes_read;
};

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

/* ---- open files ---- */

static int read_classes(struct reading *r)
{
	int e;

	if (r->classes_read)
		return 0;
	r->classes_read = true;
	e = r->h->ops->list(r->h, -1, "sys/class", &r->classes);
	if (e == 0)
		strv_sort(&r->classes);
	return e == -ENOMEM ? e : 0;
}

static bool number_of_class(struct reading *r, const char *class, const char *name, struct opener *o)
{
	char path[NAME_MAX * 2 + 32], text[32];
	int n = snprintf(path, sizeof(path), "sys/class/%s/%s/dev", class, name);

	if (n >= (int)sizeof(path) || host_read_text(r->h, -1, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%9u:%9u", &o->major, &o->minor) != 2)
		return false;
	o->block = streq(class, "block");
	o->character = !o->block;
	return true;
}

/* Captured roots have no nodes, but sysfs has the number under the node's name ("/dev/snd/pcmC0D0p"). */
static int number_by_name(struct reading *r, struct opener *o)
{
	const char *name = strrchr(o->path, '/') + 1;
	int e;

	if (!str_after(o->path, "/dev/") || !*name || number_of_class(r, "block", name, o))
		return 0;
	e = read_classes(r);
	for (size_t i = 0; e == 0 && i < r->classes.n && i < CLASSES_MAX; i++)
		if (number_of_class(r, r->classes.items[i], name, o))
			break;
	return e;
}

static bool path_tells(const char *link)
{
	return str_after(link, "anon_inode:[vfio") || str_after(link, "anon_inode:vfio") ||
	       str_after(link, "/dev/vfio/") || str_after(link, "net:[") ||
	       (link[0] == '/' && open_file_reaches_registers(link));
}

static bool seen_already(const struct reading *r, const struct opener *o)
{
	/* They all have one name, and each may be another device: /proc/PID/fdinfo tells. */
	if (str_after(o->path, "anon_inode:"))
		return false;
	for (size_t i = r->n_openers, k = 0; i > 0 && k < SAME_WITHIN; i--, k++) {
		const struct opener *other = &r->openers[i - 1];

		if (r->owners[i - 1] != r->n)
			return false;
		if (other->block == o->block && other->character == o->character && other->major == o->major &&
		    other->minor == o->minor && streq(other->path, o->path))
			return true;
	}
	return false;
}

static int keep_opener(struct reading *r, struct opener *o)
{
	if (seen_already(r, o))
		return 0;
	if (r->n_openers == r->room) {
		size_t room = r->room ? r->room * 2 : 256;
		struct opener *openers = reallocarray(r->openers, room, sizeof(*openers));
		size_t *owners;

		if (!openers)
			return -ENOMEM;
		r->openers = openers;
		owners = reallocarray(r->owners, room, sizeof(*owners));
		if (!owners)
			return -ENOMEM;
		r->owners = owners;
		r->room = room;
	}
	o->path = arena_strdup(r->arena, o->path);
	if (!o->path)
		return -ENOMEM;
	r->owners[r->n_openers] = r->n;
	r->openers[r->n_openers++] = *o;
	return 0;
}

static const char too_long[] = "/(a path that is too long)";

/*
 * Only root could put something else under a path that is open elsewhere in the same mount namespace; and
 * then the file that was there before is marked as deleted. Nodes do change like that when disks come and go.
 */
static bool is_lasting(uint64_t mnt_ns, const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(path);

	return mnt_ns && !streq(path, too_long) &&
	       (n < sizeof(deleted) || !streq(path + n - (sizeof(deleted) - 1), deleted));
}

static struct known_path *known_path(struct reading *r, uint64_t mnt_ns, const char *path)
{
	uint32_t hash = (uint32_t)mnt_ns;

	for (const char *p = path; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	return &r->known[(hash ^ hash >> 16) & (KNOWN_PATHS - 1)];
}

/* fds as in look_at_file(). */
static int number_of_file(struct reading *r, const char *fds, struct opener *o)
{
	char path[128];
	bool block;
	int e;

	snprintf(path, sizeof(path), "proc/%d/%s/%d", r->processes[r->n].pid, fds, o->fd);
	e = r->h->ops->device_number(r->h, path, &block, &o->major, &o->minor);
	o->block = e == 0 && block;
	o->character = e == 0 && !block;
	return e < 0 && !r->h->live ? number_by_name(r, o) : e == -ENOMEM ? e : 0;
}

static int look_up_number(struct reading *r, const char *fds, struct opener *o)
{
	uint64_t mnt_ns = r->processes[r->n].mnt_ns;
	struct known_path *known = known_path(r, mnt_ns, o->path);
	bool lasting = is_lasting(mnt_ns, o->path);
	int e;

	if (lasting && known->path && known->mnt_ns == mnt_ns && streq(known->path, o->path)) {
		o->block = known->block;
		o->character = known->character;
		o->major = known->major;
		o->minor = known->minor;
		return 0;
	}
	e = number_of_file(r, fds, o);
	if (e < 0 || !lasting)
		return e;
	*known = (struct known_path){ mnt_ns, arena_strdup(r->arena, o->path), o->block, o->character,
				      o->major, o->minor };
	return known->path ? 0 : -ENOMEM;
}

/* As readlink. A path that does not fit must not hide what is behind it. */
static ssize_t read_link(struct reading *r, host_dir dir, const char *path, char *link, size_t size)
{
	ssize_t n = r->h->ops->readlink(r->h, dir, path, link, size);

	if (n == -ENAMETOOLONG)
		n = snprintf(link, size, "%s", too_long);
	return n;
}

static bool is_gone(int e)
{
	return e == -ENOENT || e == -ESRCH || e == -ENOTDIR;
}

static bool is_denied(ssize_t e)
{
	return e == -EACCES || e == -EPERM;
}

/* Only the name tells: of a captured root. */
static int look_at_name(struct reading *r, host_dir dir, const char *fds, const char *path, struct opener *o, char *link)
{
	ssize_t n = read_link(r, dir, path, link, PATH_MAX);

	if (n < 0)
		return is_denied(n) ? (int)n : 0;
	/* Pipes, sockets and other anonymous files are most of what is open. */
	if (link[0] == '/') {
		int e = look_up_number(r, fds, o);

		if (e < 0)
			return e;
	}
	return o->block || o->character || path_tells(link);
}

/* The kernel tells; the name is for people. 1: it is kept. */
static int look_at_open(struct reading *r, host_dir dir, const char *path, struct opener *o, char *link)
{
	struct host_file f;
	ssize_t n;
	int e = open_file_look(r->h, dir, path, &f);

	if (e < 0 || !e)
		return is_gone(e) ? 0 : e;
	n = read_link(r, dir, path, link, PATH_MAX);
	if (n < 0)
		return is_denied(n) ? (int)n : 0;
	o->block = S_ISBLK(f.mode);
	o->character = S_ISCHR(f.mode);
	o->major = f.major;
	o->minor = f.minor;
	if (o->block || o->character)
		return 1;
	if (link[0] != '/')
		return path_tells(link);
	o->inode = f.inode;
	return open_file_is_kept(r->h, &r->files, dir, path, &f, link, r->processes[r->n].pid);
}

/*
 * fds: "fd" or "task/13/fd" below the process. A file that is closed meanwhile is none. Of a process that is
 * protected from us the numbers can be listed, but not what is behind them.
 */
static int look_at_file(struct reading *r, host_dir dir, const char *fds, const char *number)
{
	char link[PATH_MAX], path[128];
	struct opener o = { .path = link };
	uint64_t fd;
	int e;

	if (str_to_u64(number, 10, INT_MAX, &fd) < 0)
		return 0;
	o.fd = (int)fd;
	snprintf(path, sizeof(path), "%s/%d", fds, o.fd);
	e = processes_know_files(r->h) ? look_at_open(r, dir, path, &o, link) :
					 look_at_name(r, dir, fds, path, &o, link);
	if (e <= 0)
		return e;
	host_clean_text(link);
	return keep_opener(r, &o);
}

struct looking {
	struct reading *r;
	host_dir dir;
	const char *fds;
	size_t n;
};

static bool could_open(struct reading *r, host_dir dir)
{
	const struct process *p = &r->processes[r->n];

	if (!processes_know_files(r->h) || !r->own_mnt_ns || p->mnt_ns != r->own_mnt_ns)
		return true;
	return could_open_nodes(r->h, r->rights, dir);
}

/* 1: the rest is not looked at. */
static int look_at_number(const char *number, void *userdata)
{
	struct looking *l = userdata;

	if (l->n++ == FILES_ALWAYS && !could_open(l->r, l->dir)) {
		l->r->cut_pid = l->r->cut++ ? l->r->cut_pid : l->r->processes[l->r->n].pid;
		return 1;
	}
	return look_at_file(l->r, l->dir, l->fds, number);
}

static int look_at_files(struct reading *r, host_dir dir, const char *fds)
{
	int e = host_each(r->h, dir, fds, look_at_number, &(struct looking){ r, dir, fds, 0 });

	return e > 0 ? 0 : e;
}


/* The first thread has ended, others go on: only they still have the files. */
static int look_at_threads(struct reading *r, host_dir dir, int pid)
{
	_cleanup_strv_ struct strv tasks = { 0 };
	int e = r->h->ops->list(r->h, dir, "task", &tasks);

	for (size_t i = 0; e == 0 && i < tasks.n; i++) {
		char fds[64];
		uint64_t tid;

		if (str_to_u64(tasks.items[i], 10, INT_MAX, &tid) < 0 || (int)tid == pid)
			continue;
		snprintf(fds, sizeof(fds), "task/%d/fd", (int)tid);
		e = look_at_files(r, dir, fds);
		/* All threads share their files, as a rule. */
		if (!is_gone(e))
			return e;
		e = 0;
	}
	return e;
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

	if (got == -ENOMEM || is_gone((int)got))
		return got == -ENOMEM ? -ENOMEM : 0;
	if (got > 0 && parse_stat(text, &stat) && (stat.flags & KERNEL_THREAD))
		return 0;
	*p = (struct process){ .pid = pid, .parent = stat.parent };
	p->name = arena_strdup(r->arena, stat.name);
	if (!p->name)
		return -ENOMEM;
	p->mnt_ns = namespace_number(r->h, dir, "ns/mnt");
	p->net_ns = namespace_number(r->h, dir, "ns/net");
	e = stat.state == 'Z' && stat.threads > 1 ? look_at_threads(r, dir, pid) :
						     look_at_files(r, dir, "fd");
	if (e == -ENOMEM)
		return e;
	if (is_gone(e) && r->h->live) {
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
			if (!is_gone(dir))
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
