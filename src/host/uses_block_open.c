/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs that have a disk, or what stands on it, open by themselves: virtual machines, databases, dd. */
#include <limits.h>

#include "host/uses_block.h"

#define NVME_HEADS "/virtual/nvme-subsystem/"

/*
 * udev opens every disk for a moment after whoever wrote to it has closed it, to see what is on it now. That
 * is no use of the disk, and who names it would refuse a change that succeeds a second later. Should such a
 * moment meet the change, the kernel's own claim is what counts then.
 */
static bool is_passing(const struct process *p)
{
	return streq(p->name, "(udev-worker)") || streq(p->name, "systemd-udevd") || streq(p->name, "udevd");
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
		if (d && !is_passing(o->process) && !named_already(procs, i))
			r = note_opener(s, d, o);
	}
	return r;
}
