/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fnmatch.h>
#include <string.h>

#include "fault.h"

int errno_by_name(const char *name)
{
	for (int e = 1; e < 200; e++) {
		const char *have = strerrorname_np(e);

		if (have && streq(have, name))
			return e;
	}
	return 0;
}

int fake_fault(struct host *h, const struct fault *fault)
{
	struct fake_host *f = fake_of(h);
	struct armed *a = array_add(&f->m->faults, &f->m->n_faults, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->fault = *fault;
	if (fault->match && !(a->match = strdup(fault->match))) {
		a->done = true;
		return -ENOMEM;
	}
	return 0;
}

void fake_faults_clear(struct host *h)
{
	struct fake_host *f = fake_of(h);

	for (size_t i = 0; i < f->m->n_faults; i++)
		free(f->m->faults[i].match);
	free(f->m->faults);
	f->m->faults = NULL;
	f->m->n_faults = 0;
}

static char *describe(const struct work *w)
{
	switch (w->kind) {
	case WORK_LOAD:
		return str_format("load %s", w->path);
	case WORK_READ:
		return str_format("read %s", w->path);
	case WORK_REBUILD:
		return str_format("rebuild %s", w->path);
	case WORK_OWN:
		return str_format("own %s %s", w->path, w->data);
	case WORK_CLAIM:
		return str_format("claim %s", w->path);
	case WORK_HOLD:
		return str_format("hold %s", w->path);
	default:
		return str_format("write %s %s", w->path, w->data ? w->data : "");
	}
}

/* Claims and holding disks are no steps of a change: a fault must name them. */
static bool is_kernels(const struct work *w)
{
	return w->kind != WORK_CLAIM && w->kind != WORK_HOLD;
}

static struct armed *pick(struct fake_host *f, const struct work *w)
{
	_cleanup_free_ char *text = describe(w);
	struct armed *hit = NULL;

	for (size_t i = 0; text && i < f->m->n_faults; i++) {
		struct armed *a = &f->m->faults[i];

		if (a->done || (a->match ? fnmatch(a->match, text, 0) != 0 : !is_kernels(w)))
			continue;
		a->seen++;
		if (a->fault.nth && a->seen != a->fault.nth)
			continue;
		a->done = a->fault.nth != 0;
		if (!hit)
			hit = a;
	}
	return hit;
}

static int put_late(struct fake_host *f, const struct work *w)
{
	struct work **end = &f->m->k.late;

	while (*end)
		end = &(*end)->next;
	*end = work_copy(w);
	return *end ? -ETIMEDOUT : -ENOMEM;
}

/*
 * It stops where the kernel would: in probe() or remove() when it comes that far, else before it did
 * anything, with the device lock held when the file takes it.
 */
static int hang(struct fake_host *f, struct work *w, int resume_after)
{
	struct pci_device *d = work_device(&f->m->k, w);
	struct node *file = tree_lookup(&f->m->k.tree, NULL, w->path, true);
	enum attribute a = file && w->kind == WORK_WRITE ? file->attribute : ATTR_NONE;
	int r;

	if (resume_after > 0)
		f->m->resume_at = f->m->operations + (unsigned)resume_after;
	if (w->kind == WORK_LOAD || a == ATTR_NEW_ID || a == ATTR_BIND || a == ATTR_UNBIND ||
	    a == ATTR_DRIVERS_PROBE) {
		f->m->k.hang_next = true;
		r = kernel_operate(&f->m->k, w);
		if (!f->m->k.hang_next)
			return -ETIMEDOUT;
		/* Nothing was probed: what it said stands, unless it went through and sleeps behind that. */
		f->m->k.hang_next = false;
		if (r == 0) {
			w->kind = WORK_SLEEP;
			return put_late(f, w);
		}
		return r;
	}
	if (d && d->phase == IDLE && (a != ATTR_DRIVER_OVERRIDE || !f->m->k.traits.override_spinlock))
		d->phase = LOCKED;
	return put_late(f, w);
}

static void vanish(struct fake_host *f, struct pci_device *d)
{
	if (d)
		device_vanish(&f->m->k, d);
}

int fault_operate(struct fake_host *f, struct work *w)
{
	struct pci_device *d;
	struct armed *a;
	int r;

	if (is_kernels(w))
		f->m->operations++;
	if (f->m->resume_at && f->m->operations >= f->m->resume_at) {
		f->m->resume_at = 0;
		kernel_resume(&f->m->k);
	}
	a = pick(f, w);
	if (!a)
		return kernel_operate(&f->m->k, w);
	switch (a->fault.kind) {
	case FAULT_FAIL:
		return -a->fault.error;
	case FAULT_FAIL_DONE:
		r = kernel_operate(&f->m->k, w);
		return r < 0 ? r : -a->fault.error;
	case FAULT_LIE:
		return 0;
	case FAULT_HANG:
		return hang(f, w, a->fault.resume_after);
	case FAULT_VANISH_BEFORE:
		vanish(f, work_device(&f->m->k, w));
		break;
	case FAULT_VANISH_AFTER:
		d = work_device(&f->m->k, w);
		r = kernel_operate(&f->m->k, w);
		vanish(f, d);
		return r;
	case FAULT_CALL:
		a->fault.call(&f->base, a->fault.userdata);
		break;
	}
	return kernel_operate(&f->m->k, w);
}

static int parse_kind(char **rest, struct fault *fault)
{
	static const struct {
		const char *name;
		enum fault_kind kind;
	} kinds[] = {
		{"fail", FAULT_FAIL},
		{"fail-done", FAULT_FAIL_DONE},
		{"lie", FAULT_LIE},
		{"hang", FAULT_HANG},
		{"vanish-before", FAULT_VANISH_BEFORE},
		{"vanish-after", FAULT_VANISH_AFTER},
	};
	const char *word = strsep(rest, " "), *error;
	size_t i = 0;

	while (word && i < ARRAY_SIZE(kinds) && !streq(word, kinds[i].name))
		i++;
	if (!word || i == ARRAY_SIZE(kinds))
		return -EINVAL;
	fault->kind = kinds[i].kind;
	if (fault->kind == FAULT_FAIL || fault->kind == FAULT_FAIL_DONE) {
		error = strsep(rest, " ");
		fault->error = error ? errno_by_name(error) : 0;
		return fault->error ? 0 : -EINVAL;
	}
	if (fault->kind == FAULT_HANG && *rest && **rest >= '0' && **rest <= '9')
		fault->resume_after = atoi(strsep(rest, " "));
	return 0;
}

int fake_fault_parse(const char *text, struct fault *ret, char **ret_buffer)
{
	_cleanup_free_ char *copy = strdup(text);
	struct fault fault = {.resume_after = -1};
	char *rest = copy, *word;
	int r;

	if (!copy)
		return -ENOMEM;
	r = parse_kind(&rest, &fault);
	if (r < 0)
		return r;
	while (rest && (word = strsep(&rest, " "))) {
		if (streq(word, "nth") && rest) {
			fault.nth = (unsigned)atoi(strsep(&rest, " "));
		} else if (streq(word, "match") && rest) {
			/* The pattern is the rest of the line. */
			fault.match = rest;
			rest = NULL;
		} else {
			return -EINVAL;
		}
	}
	*ret = fault;
	*ret_buffer = TAKE_PTR(copy);
	return 0;
}
