/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the helper processes of a live host do, each at one claim: locks, disks, and settling late. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

enum { FIRST_PID = 4000000 }; /* beyond what a capture shows */

static struct fake_claim *locked_claim(const struct machine *m, const char *name)
{
	for (size_t i = 0; i < m->n_claims; i++)
		if (m->claims[i]->locked && streq(m->claims[i]->name, name))
			return m->claims[i];
	return NULL;
}

static struct fake_claim *own_claim(struct host *h, const char *name)
{
	struct machine *m = fake_of(h)->m;

	for (size_t i = 0; name && i < m->n_claims; i++)
		if (m->claims[i]->owner == fake_of(h) && streq(m->claims[i]->name, name))
			return m->claims[i];
	return NULL;
}

static void claim_free(struct fake_claim *c)
{
	strv_clear(&c->disks);
	free(c->name);
	free(c->run_dir);
	free(c->run);
	free(c);
}

/* Neither the kernel nor its claimant has it any more. */
static void forget(struct machine *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_claims; i++) {
		struct fake_claim *c = m->claims[i];

		if (c->owner || c->locked)
			m->claims[kept++] = c;
		else
			claim_free(c);
	}
	m->n_claims = kept;
}

/* The helper finds that nobody waits for it: it gives up what it holds, and settles the run. */
static void end_alone(struct machine *m, struct fake_claim *c)
{
	_cleanup_free_ char *journal = str_format("%s/journal/%s", c->run_dir, c->run);

	c->locked = false;
	strv_clear(&c->disks);
	if (!journal || access(journal, F_OK) < 0)
		return;
	for (size_t i = 0; i + 1 < m->late.n; i += 2)
		if (streq(m->late.items[i], c->run_dir) && streq(m->late.items[i + 1], c->run))
			return;
	if (strv_add(&m->late, c->run_dir) < 0 || strv_add(&m->late, c->run) < 0)
		m->k.oom = true;
}

void claims_tidy(struct machine *m)
{
	for (size_t i = 0; i < m->n_claims; i++) {
		struct fake_claim *c = m->claims[i];

		if (c->locked && c->serial && !kernel_holds(&m->k, c->serial))
			end_alone(m, c);
	}
	forget(m);
}

void claims_clear(struct machine *m)
{
	for (size_t i = 0; i < m->n_claims; i++)
		claim_free(m->claims[i]);
	free(m->claims);
	strv_clear(&m->used);
	strv_clear(&m->late);
}

/* ---- the table's entries ---- */

static int try_fault(struct host *h, enum work_kind kind, const char *name)
{
	struct work *w = work_new(kind, name, NULL, 0);
	int r = w ? fault_operate(fake_of(h), w) : -ENOMEM;

	work_free(w);
	return r;
}

int fake_claim(struct host *h, const char *run_dir, const char *run, const char *name,
	       pid_t *ret_holder)
{
	struct machine *m = fake_of(h)->m;
	struct fake_claim *c = locked_claim(m, name), **slot;
	int r;

	if (own_claim(h, name))
		return -EALREADY;
	if (c) {
		if (ret_holder)
			*ret_holder = c->pid;
		return -EAGAIN;
	}
	r = try_fault(h, WORK_CLAIM, name);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	slot = c ? array_add(&m->claims, &m->n_claims, sizeof(*slot)) : NULL;
	if (!slot) {
		free(c);
		return -ENOMEM;
	}
	*slot = c;
	c->name = strdup(name);
	c->run_dir = strdup(run_dir);
	c->run = strdup(run);
	if (!c->name || !c->run_dir || !c->run) {
		m->n_claims--;
		claim_free(c);
		return -ENOMEM;
	}
	c->owner = fake_of(h);
	c->locked = true;
	c->pid = FIRST_PID + ++m->last_pid;
	return 0;
}

static void unclaim_one(struct host *h, const char *name)
{
	struct fake_claim *c = own_claim(h, name);

	if (!c)
		return;
	c->owner = NULL;
	/* What is in the kernel keeps it. */
	if (!c->serial)
		c->locked = false;
	forget(fake_of(h)->m);
}

void fake_unclaim(struct host *h, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unclaim_one(h, names[i]);
}

void fake_kill(struct host *h)
{
	struct machine *m = fake_of(h)->m;

	for (size_t i = 0; i < m->n_claims; i++) {
		struct fake_claim *c = m->claims[i];

		if (c->owner != fake_of(h))
			continue;
		c->owner = NULL;
		if (c->locked && !c->serial)
			end_alone(m, c);
	}
	forget(m);
}

int fake_run_late(struct host *h,
		  int (*late)(struct host *h, const char *run_dir, const char *run, void *userdata),
		  void *userdata)
{
	struct machine *m = fake_of(h)->m;
	int n = 0, r = 0;

	claims_tidy(m);
	while (r >= 0 && m->late.n >= 2) {
		struct strv now = m->late;

		m->late = (struct strv){0};
		for (size_t i = 0; r >= 0 && i + 1 < now.n; i += 2, n++)
			r = late(h, now.items[i], now.items[i + 1], userdata);
		strv_clear(&now);
	}
	return r < 0 ? r : n;
}

pid_t fake_claimed(const struct host *h, const char *name)
{
	const struct fake_claim *c = locked_claim(((const struct fake_host *)h)->m, name);

	return c ? c->pid : 0;
}

bool fake_is_ours(struct host *h, pid_t pid)
{
	const struct machine *m = fake_of(h)->m;

	for (size_t i = 0; i < m->n_claims; i++)
		if (m->claims[i]->owner == fake_of(h) && m->claims[i]->pid == pid)
			return true;
	return false;
}

const char *claims_of_path(struct host *h, const char *path)
{
	const char *address = str_after(path, "sys/bus/pci/devices/");
	_cleanup_free_ char *name = address ? strndup(address, strcspn(address, "/")) : NULL;
	const struct fake_claim *c = own_claim(h, name);

	return c ? c->name : NULL;
}

/*
 * What is told apart here as on a live host: -ETIMEDOUT is an operation that has not returned, -ETIME what
 * the kernel itself answers.
 */
int claims_operate(struct host *h, struct work *w, const char *claim)
{
	struct machine *m = fake_of(h)->m;
	struct fake_claim *c = own_claim(h, claim);
	unsigned serial = ++m->serial;
	int r;

	if (c && c->serial)
		return -ETIMEDOUT;
	w->serial = serial;
	r = fault_operate(fake_of(h), w);
	if (r == -ETIMEDOUT && !kernel_holds(&m->k, serial))
		r = -ETIME;
	/* Looked for anew: a fault may have called somebody who killed us. */
	c = own_claim(h, claim);
	if (r == -ETIMEDOUT && c)
		c->serial = serial;
	claims_tidy(m);
	return r;
}

int fake_stuck_in(struct host *h, const char *name, struct strv *ret)
{
	static const char *const frames[] = {"msleep", "device_release_driver_internal",
					     "unbind_store"};
	struct fake_claim *c = own_claim(h, name);
	struct strv all = {0};
	int r = 0;

	if (!c || !c->serial)
		return -ENOENT;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(frames); i++)
		r = strv_add(&all, frames[i]);
	if (r < 0) {
		strv_clear(&all);
		return r;
	}
	*ret = all;
	return 0;
}

/* ---- disks ---- */

static bool is_held(const struct machine *m, const char *disk)
{
	for (size_t i = 0; i < m->n_claims; i++)
		if (strv_has(&m->claims[i]->disks, disk))
			return true;
	return false;
}

/* "36 25 259:1 / /mnt rw …": the third word is the device. */
static bool is_mounted(struct machine *m, const char *number)
{
	_cleanup_free_ char *word = str_format(" %s ", number);
	struct node *n = tree_lookup(&m->k.tree, NULL, "proc/self/mountinfo", true);

	return word && n && n->type == NODE_FILE && n->data && strstr(n->data, word);
}

static bool is_swap(struct machine *m, const char *name)
{
	_cleanup_free_ char *word = str_format("/dev/%s ", name);
	struct node *n = tree_lookup(&m->k.tree, NULL, "proc/swaps", true);

	return word && n && n->type == NODE_FILE && n->data && strstr(n->data, word);
}

static bool is_used(struct machine *m, struct node *block)
{
	_cleanup_free_ char *number = file_text(&m->k, block, "dev");
	const struct node *holders = node_child(block, "holders");

	return strv_has(&m->used, block->name) || (holders && holders->n) ||
	       is_swap(m, block->name) || (number && is_mounted(m, number));
}

/* bd_may_claim(): a claim of a partition is one of the whole disk. */
static bool disk_is_used(struct machine *m, struct node *disk)
{
	if (is_used(m, disk))
		return true;
	for (size_t i = 0; i < disk->n; i++)
		if (node_child(disk->children[i], "partition") && is_used(m, disk->children[i]))
			return true;
	return false;
}

static struct node *find_disk(struct machine *m, const char *disk)
{
	_cleanup_free_ char *path = str_format("sys/class/block/%s", disk);

	return path ? tree_lookup(&m->k.tree, NULL, path, true) : NULL;
}

int fake_hold(struct host *h, const char *name, const char *disk)
{
	struct machine *m = fake_of(h)->m;
	struct fake_claim *c = own_claim(h, name);
	struct node *n = find_disk(m, disk);
	int r;

	if (!c || c->serial)
		return c ? -ETIMEDOUT : -EBADF;
	if (!n)
		return -ENOENT;
	r = try_fault(h, WORK_HOLD, disk);
	if (r == 0 && (is_held(m, disk) || disk_is_used(m, n)))
		r = -EBUSY;
	return r < 0 ? r : strv_add(&c->disks, disk);
}

void fake_let_go(struct host *h, const char *name)
{
	struct fake_claim *c = own_claim(h, name);

	if (c && !c->serial)
		strv_clear(&c->disks);
}

int claims_use_disk(struct machine *m, const char *disk)
{
	if (!find_disk(m, disk))
		return -ENOENT;
	if (is_held(m, disk))
		return -EBUSY;
	return strv_has(&m->used, disk) ? 0 : strv_add(&m->used, disk);
}

int claims_leave_disk(struct machine *m, const char *disk)
{
	for (size_t i = 0; i < m->used.n; i++) {
		if (!streq(m->used.items[i], disk))
			continue;
		free(m->used.items[i]);
		m->used.n--;
		memmove(m->used.items + i, m->used.items + i + 1,
			(m->used.n - i + 1) * sizeof(*m->used.items));
		return 0;
	}
	return -ENOENT;
}
