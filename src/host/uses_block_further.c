/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file system's further devices: the journal of an ext4 on a disk of its own, XFS' log and real-time devices.
 * The kernel opens them exclusively and links nobody as their holder.
 */
#include <limits.h>

#include "host/uses_block.h"

#define JBD2 "proc/fs/jbd2"

enum {
	/* What the kernel keeps of the name of a thread, up to 5.16 and for others later as well. */
	COMM_MAX = 15,
	/* On disks of their own. */
	JOURNALS_MAX = 256,
};

/* ---- journals of ext3 and ext4 ---- */

static int add_further(struct block_search *s, size_t main, size_t device, const char *role)
{
	struct block_journal *grown = reallocarray(s->journals, s->n_journals + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->journals = grown;
	grown[s->n_journals++] = (struct block_journal){ main, device, role };
	s->states[device].role = role;
	return 0;
}

int block_add_further(struct block_search *s, const struct block *main, const struct block *d, const char *role)
{
	return add_further(s, block_index(&s->blocks, main), block_index(&s->blocks, d), role);
}

static int add_journal(struct block_search *s, size_t main, size_t device)
{
	return add_further(s, main, device, "journal");
}

/* The thread of a journal is called after it: "jbd2/sda1-8", and "jbd2/nvme1n1" where it has a disk of its own. */
static bool is_thread_of(struct block_search *s, const char *fs, const char *journal)
{
	char path[NAME_MAX + 32], comm[128], expected[NAME_MAX + 8];
	uint64_t pid;

	snprintf(path, sizeof(path), "sys/fs/ext4/%s/journal_task", fs);
	if (host_read_uint(s->u->h, -1, path, 10, &pid) < 0 || !pid || pid > INT_MAX)
		return false;
	snprintf(path, sizeof(path), "proc/%u/comm", (unsigned)pid);
	if (host_read_text(s->u->h, -1, path, comm, sizeof(comm)) <= 0)
		return false;
	snprintf(expected, sizeof(expected), "jbd2/%s", journal);
	return streq(comm, expected) ||
	       (strlen(comm) == COMM_MAX && strlen(expected) > COMM_MAX && str_after(expected, comm));
}

/* "sda1-8" is a journal in inode 8 of sda1. */
static bool has_journal_inside(const struct strv *journals, const char *fs)
{
	for (size_t i = 0; i < journals->n; i++) {
		const char *inode = str_after(journals->items[i], fs);

		if (inode && *inode++ == '-' && *inode && !inode[strspn(inode, "0123456789")])
			return true;
	}
	return false;
}

static bool is_ext_with_journal(const struct mount *m)
{
	return streq(m->type, "ext4") || streq(m->type, "ext3");
}

/* Nothing tells whose it is: each one that is mounted and has no journal inside may be it. */
static int add_possible(struct block_search *s, size_t device, const struct strv *journals)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->mounts.n; i++) {
		const struct mount *m = &s->mounts.items[i];
		const struct block *d =
			is_ext_with_journal(m) ? blocks_by_number(&s->blocks, m->major, m->minor) : NULL;

		if (d && block_index(&s->blocks, d) != device && !has_journal_inside(journals, d->name))
			r = add_journal(s, block_index(&s->blocks, d), device);
	}
	return r;
}

static int find_owner(struct block_search *s, const struct block *device, const struct strv *file_systems,
		      const struct strv *journals)
{
	size_t index = block_index(&s->blocks, device);

	for (size_t i = 0; i < file_systems->n; i++) {
		const struct block *fs = blocks_find(&s->blocks, file_systems->items[i]);

		if (fs && fs != device && is_thread_of(s, fs->name, device->name))
			return add_journal(s, block_index(&s->blocks, fs), index);
	}
	return add_possible(s, index, journals);
}

int block_journals_read(struct block_search *s)
{
	_cleanup_strv_ struct strv journals = { 0 }, file_systems = { 0 };
	int r = s->u->h->ops->list(s->u->h, -1, JBD2, &journals);

	s->journals_known = r == 0;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = s->u->h->ops->list(s->u->h, -1, "sys/fs/ext4", &file_systems);
	if (r == -ENOMEM)
		return r;
	r = 0;
	for (size_t i = 0, n = 0; r == 0 && i < journals.n; i++) {
		const struct block *device = blocks_find(&s->blocks, journals.items[i]);

		if (!device)
			continue;
		if (n++ == JOURNALS_MAX)
			return block_unseen(s, "More journals are on disks of their own than are looked at.");
		block_state(s, device)->role = "journal";
		r = find_owner(s, device, &file_systems, &journals);
	}
	return r;
}

/* Those whose file system no mount shows. */
int block_journals_hidden(struct block_search *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_concerned; i++) {
		const struct block_state *state = &s->states[s->concerned[i]];

		if (state->role && !state->shown)
			r = block_note(s, &s->blocks.items[s->concerned[i]], "in-use-mount",
				       "holding the %s of a file system that is mounted", state->role);
	}
	return r;
}

/* ---- what the options of a mount name ---- */

static const struct {
	const char *type, *option, *role;
} options[] = {
	{ "xfs", "logdev=", "log" },
	{ "xfs", "rtdev=", "real-time device" },
	{ "reiserfs", "jdev=", "journal" },
};

typedef int (*option_fn)(struct block_search *s, const char *path, const char *role, void *userdata);

static int each_option(struct block_search *s, const struct mount *m, option_fn fn, void *userdata)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++) {
		for (const char *p = m->super; r == 0 && streq(m->type, options[i].type) && *p;
		     p += strcspn(p, ","), p += *p == ',') {
			const char *value = str_after(p, options[i].option);
			char path[PATH_MAX];

			if (!value)
				continue;
			snprintf(path, sizeof(path), "%.*s", (int)strcspn(value, ","), value);
			mounts_decode(path);
			r = fn(s, path, options[i].role, userdata);
		}
	}
	return r;
}

struct further {
	block_fn fn;
	void *userdata;
};

static int take_option(struct block_search *s, const char *path, const char *role, void *userdata)
{
	const struct further *f = userdata;
	struct block *d;
	int r = block_resolve(s, path, &d);

	if (r < 0 || !d || (s->concerned && !block_state(s, d)->concerned))
		return r;
	block_state(s, d)->role = role;
	return f->fn(s, d, f->userdata);
}

int block_each_further(struct block_search *s, const struct mount *m, block_fn fn, void *userdata)
{
	uint64_t number = (uint64_t)m->major << 32 | m->minor;
	int r = each_option(s, m, take_option, &(struct further){ fn, userdata });

	for (size_t i = 0; r == 0 && i < s->n_journals; i++) {
		struct block *main = &s->blocks.items[s->journals[i].main];
		size_t device = s->journals[i].device;

		if (block_number(&s->blocks, main) && main->dev.value == number &&
		    (!s->concerned || s->states[device].concerned))
			r = fn(s, &s->blocks.items[device], userdata);
	}
	return r;
}

struct lost {
	char *name;
	size_t size;
};

static int look_for(struct block_search *s, const char *path, const char *role, void *userdata)
{
	const struct lost *l = userdata;
	struct block *d;
	int r = block_resolve(s, path, &d);

	if (r == 0 && !d && !*l->name)
		snprintf(l->name, l->size, "%s %.200s", role, path);
	return r;
}

int block_further_lost(struct block_search *s, const struct mount *m, char *name, size_t size)
{
	name[0] = '\0';
	return each_option(s, m, look_for, &(struct lost){ name, size });
}
