/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The open files of a process that may be devices. */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "host/processes_private.h"

enum {
	/* The same node opened again is mostly near; a process with many nodes must not cost squares. */
	SAME_WITHIN = 16,
	CLASSES_MAX = 512,
	/* So many files of each process are looked at whoever it is, see could_open.h. */
	FILES_ALWAYS = 256,
};

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

bool reading_is_gone(int e)
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
		return reading_is_gone(e) ? 0 : e;
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

int reading_look_at_files(struct reading *r, host_dir dir, const char *fds)
{
	int e = host_each(r->h, dir, fds, look_at_number, &(struct looking){ r, dir, fds, 0 });

	return e > 0 ? 0 : e;
}

/* The first thread has ended, others go on: only they still have the files. */
int reading_look_at_threads(struct reading *r, host_dir dir, int pid)
{
	_cleanup_strv_ struct strv tasks = { 0 };
	int e = r->h->ops->list(r->h, dir, "task", &tasks);

	for (size_t i = 0; e == 0 && i < tasks.n; i++) {
		char fds[64];
		uint64_t tid;

		if (str_to_u64(tasks.items[i], 10, INT_MAX, &tid) < 0 || (int)tid == pid)
			continue;
		snprintf(fds, sizeof(fds), "task/%d/fd", (int)tid);
		e = reading_look_at_files(r, dir, fds);
		/* All threads share their files, as a rule. */
		if (!reading_is_gone(e))
			return e;
		e = 0;
	}
	return e;
}
