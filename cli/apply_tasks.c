/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "apply_tasks.h"
#include "util.h"

void tasks_clear(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->n_labels; i++)
		free(tasks->labels[i]);
	free(tasks->labels);
	free(tasks->names);
	free(tasks->items);
}

/* ---- what is wanted ---- */

static bool is_about(const struct vfioadm_declared *item, const char *address)
{
	for (size_t i = 0; i < item->n_devices; i++)
		if (strcmp(item->devices[i], address) == 0)
			return true;
	return false;
}

static bool is_named(const struct cli *cli, const struct vfioadm_declared *item)
{
	for (size_t i = 0; i < cli->n_operands; i++)
		if (strcmp(cli->operands[i], item->name) == 0)
			return true;
	return !cli->n_operands;
}

/*
 * What is not there at boot may be found later, and then the claim unit comes for it. Almost all else is in force by
 * then, and whoever waits for the boot need not wait for as many plans.
 */
static bool is_wanted(const struct cli *cli, const struct vfioadm_declared *item)
{
	if (!is_named(cli, item) || (cli->only && !is_about(item, cli->only)))
		return false;
	if (!cli_has(cli, OPT_BOOT))
		return true;
	return item->state != VFIOADM_DECLARED_MISSING &&
	       (item->state != VFIOADM_DECLARED_IN_FORCE || item->n_late);
}

static const struct vfioadm_declared *find(const struct vfioadm_status *status, const char *name)
{
	for (size_t i = 0; i < vfioadm_status_n(status); i++)
		if (strcmp(vfioadm_status_item(status, i)->name, name) == 0)
			return vfioadm_status_item(status, i);
	return NULL;
}

/* One of those that go together is enough: none can be had without the others. */
static bool is_any_wanted(const struct cli *cli, const struct vfioadm_status *status,
			  const struct vfioadm_declared *item)
{
	bool wanted = is_wanted(cli, item);

	for (size_t i = 0; i < item->n_together; i++) {
		const struct vfioadm_declared *other = find(status, item->together[i]);

		wanted = wanted || (other && is_wanted(cli, other));
	}
	return wanted;
}

/* ---- making them ---- */

static bool has_name(const struct tasks *tasks, const char *name)
{
	for (size_t i = 0; i < tasks->n_names; i++)
		if (strcmp(tasks->names[i], name) == 0)
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a, b and c"; of very many the first ones. */
static char *label_of(const char *const *names, size_t n)
{
	enum { ENOUGH = 4 };
	size_t shown = n > ENOUGH ? ENOUGH - 1 : n;
	struct text t = {};

	for (size_t i = 0; i < shown; i++)
		text_addf(&t, "%s%s", i == 0 ? "" : i + 1 == n ? " and " : ", ", names[i]);
	if (shown < n)
		text_addf(&t, " and %zu others", n - shown);
	if (t.failed) {
		text_clear(&t);
		return NULL;
	}
	return t.s;
}

static struct task *add(struct tasks *tasks, const struct vfioadm_declared *item, const char *only, bool late)
{
	struct task *task = &tasks->items[tasks->n++];

	*task = (struct task){ &tasks->names[tasks->n_names], 1, item->name, only, late };
	tasks->names[tasks->n_names++] = item->name;
	return task;
}

static int add_together(struct tasks *tasks, const struct cli *cli, const struct vfioadm_declared *item)
{
	struct task *task = add(tasks, item, cli->only, false);
	char *label;

	for (size_t i = 0; i < item->n_together; i++)
		tasks->names[tasks->n_names++] = item->together[i];
	task->n += item->n_together;
	qsort((void *)task->names, task->n, sizeof(*task->names), compare);
	label = task->n > 1 ? label_of(task->names, task->n) : NULL;
	if (task->n > 1 && !label)
		return -ENOMEM;
	if (label)
		task->label = tasks->labels[tasks->n_labels++] = label;
	return 0;
}

/* Each function that came too late for its card type is a task, so that one that is in use costs the others nothing. */
static int add_item(struct tasks *tasks, const struct cli *cli, const struct vfioadm_status *status,
		    const struct vfioadm_declared *item)
{
	bool boot = cli_has(cli, OPT_BOOT);
	int r = 0;

	if (has_name(tasks, item->name) || !is_any_wanted(cli, status, item))
		return 0;
	if (!boot || item->state != VFIOADM_DECLARED_IN_FORCE || item->n_together)
		r = add_together(tasks, cli, item);
	for (size_t i = 0; r == 0 && boot && i < item->n_late; i++)
		add(tasks, item, item->late[i], true);
	return r;
}

int tasks_make(const struct cli *cli, const struct vfioadm_status *status, struct tasks *ret)
{
	struct tasks tasks = { .most = vfioadm_status_n(status) };
	int r = 0;

	for (size_t i = 0; i < vfioadm_status_n(status); i++)
		tasks.most += vfioadm_status_item(status, i)->n_late;
	tasks.items = calloc(tasks.most + 1, sizeof(*tasks.items));
	tasks.names = calloc(tasks.most + 1, sizeof(*tasks.names));
	tasks.labels = calloc(tasks.most + 1, sizeof(*tasks.labels));
	if (!tasks.items || !tasks.names || !tasks.labels)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < vfioadm_status_n(status); i++)
		r = add_item(&tasks, cli, status, vfioadm_status_item(status, i));
	if (r < 0)
		tasks_clear(&tasks);
	else
		*ret = tasks;
	return r;
}
