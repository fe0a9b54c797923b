/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that have a disk, or what stands on it, open by themselves: virtual machines, databases, dd. */
#include <limits.h>

#include "host/uses_block.h"

#define NVME_HEADS "/virtual/nvme-subsystem/"

/* ---- udev ---- */

static const char *line_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? line + strlen(key) : NULL;
}

/* "Uid:\t0\t0\t0\t0": real, effective, saved, of files; as seen from our user namespace. */
static bool is_root(const char *status)
{
	const char *uids = line_of(status, "\nUid:");
	unsigned u[4];

	return uids && sscanf(uids, "%9u %9u %9u %9u", &u[0], &u[1], &u[2], &u[3]) == 4 && !(u[0] | u[1] | u[2] | u[3]);
}

static bool same_namespace(struct host *h, int pid, const char *kind)
{
	char path[64], its[64], own[64];

	snprintf(path, sizeof(path), "proc/%d/ns/%s", pid, kind);
	if (h->ops->readlink(h, -1, path, its, sizeof(its)) <= 0)
		return false;
	snprintf(path, sizeof(path), "proc/self/ns/%s", kind);
	return h->ops->readlink(h, -1, path, own, sizeof(own)) > 0 && streq(its, own);
}

/* "0::/system.slice/systemd-udevd.service/udev": only root puts a process there. */
static bool is_in_unit(struct host *h, int pid)
{
	static const char unit[] = "/system.slice/systemd-udevd.service";
	char path[64], text[4096], *rest;

	snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
	if (host_read_text(h, -1, path, text, sizeof(text)) <= 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
		const char *below = group ? str_after(group + 1, unit) : NULL;

		/* The unified hierarchy, or systemd's own one. */
		if (below && (!*below || *below == '/') &&
		    (str_after(controllers, "::") || str_after(controllers, ":name=systemd:")))
			return true;
	}
	return false;
}

/* Where there is no such unit: the program itself, by file system and inode. */
static bool is_program(struct host *h, int pid)
{
	static const char *const programs[] = { "usr/lib/systemd/systemd-udevd", "lib/systemd/systemd-udevd",
						"usr/bin/udevadm",		  "bin/udevadm",
						"usr/sbin/udevd",		  "sbin/udevd",
						"usr/lib/udev/udevd",		  "lib/udev/udevd" };
	struct host_file its, known;
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/exe", pid);
	if (h->ops->file(h, -1, path, true, &its) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (h->ops->file(h, -1, programs[i], true, &known) == 0 && known.device == its.device &&
		    known.inode == its.inode)
			return true;
	return false;
}

/*
 * udev opens every disk for a moment after whoever wrote to it has closed it, to see what is on it now. That
 * is no use of the disk, and who names it would refuse a change that succeeds a second later. Should such a
 * moment meet the change, the kernel's own claim is what counts then.
 * Everybody may call himself so: it is root's, of the host's own namespaces, and in udev's unit or its program. Not of
 * the mount namespace: systemd gives udev one of its own.
 */
static bool is_passing(struct host *h, const struct process *p)
{
	char path[64], status[8192];

	if (!streq(p->name, "(udev-worker)") && !streq(p->name, "systemd-udevd") && !streq(p->name, "udevd"))
		return false;
	snprintf(path, sizeof(path), "proc/%d/status", p->pid);
	if (h->ops->read(h, -1, path, status, sizeof(status)) <= 0)
		return !processes_know_files(h);
	if (!is_root(status))
		return false;
	if (!processes_know_files(h))
		return true;
	return same_namespace(h, p->pid, "pid") && same_namespace(h, p->pid, "user") &&
	       (is_in_unit(h, p->pid) || is_program(h, p->pid));
}

/* The same process may have the same disk open under several names, or several times. */
static bool named_already(const struct processes *procs, size_t i)
{
	const struct opener *o = &procs->openers[i];

	for (size_t k = i; k-- > 0 && procs->openers[k].process == o->process;) {
		const struct opener *other = &procs->openers[k];

		if (other->block == o->block && other->character == o->character &&
		    other->major == o->major && other->minor == o->minor)
			return true;
	}
	return false;
}

static int note_opener(struct block_search *s, const struct block *d, const struct opener *o)
{
	char who[128], *what;

	process_describe(o->process, who, sizeof(who));
	what = arena_strdup(&s->u->inv->arena, who);
	return what ? block_note_by(s, d, "in-use-open", what, "has %s open", o->path) : -ENOMEM;
}

static struct block *block_opened(struct block_search *s, const struct opener *o)
{
	for (size_t i = 0; i < s->n_concerned; i++) {
		struct block *d = &s->blocks.items[s->concerned[i]];

		if (block_number(&s->blocks, d) && d->dev.value == ((uint64_t)o->major << 32 | o->minor))
			return d;
	}
	return NULL;
}

/* ---- character nodes of NVMe namespaces with several paths; the others hang below their function ---- */

/* "237 nvme-generic" in /proc/devices; *ret 0: none. */
static int generic_major(struct block_search *s, unsigned *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = block_read_file(s, "proc/devices", &text);

	*ret = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (str_after(line + strspn(line, "0123456789"), " nvme-generic\n") &&
		    sscanf(line, "%9u", ret) == 1)
			break;
	}
	return r;
}

/* "…/virtual/nvme-subsystem/nvme-subsys0/ng0n1" speaks to the disk nvme0n1. */
static struct block *generic_opened(struct block_search *s, const struct opener *o)
{
	char path[64], link[PATH_MAX], name[64];
	const char *last;

	snprintf(path, sizeof(path), "sys/dev/char/%u:%u", o->major, o->minor);
	if (s->u->h->ops->readlink(s->u->h, -1, path, link, sizeof(link)) < 0 || !strstr(link, NVME_HEADS))
		return NULL;
	last = str_after(strrchr(link, '/'), "/ng");
	if (!last)
		return NULL;
	snprintf(name, sizeof(name), "nvme%.40s", last);
	return blocks_find(&s->blocks, name);
}

int block_openers(struct block_search *s)
{
	const struct processes *procs = s->u->procs;
	unsigned major;
	int r = generic_major(s, &major);

	for (size_t i = 0; r == 0 && i < procs->n_openers; i++) {
		const struct opener *o = &procs->openers[i];
		const struct block *d = NULL;

		if (o->block)
			d = block_opened(s, o);
		else if (o->character && major && o->major == major)
			d = generic_opened(s, o);
		if (d && !is_passing(s->u->h, o->process) && !named_already(procs, i))
			r = note_opener(s, d, o);
	}
	return r;
}
