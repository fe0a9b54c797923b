/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host/processes.h"

int processes_read(struct host *h, struct arena *arena, struct processes *ret)
{
	memset(ret, 0, sizeof(*ret));
	return 0;
}

void process_describe(const struct process *p, char *buf, size_t size)
{
	snprintf(buf, size, "%s (pid %d)", p->name, p->pid);
}

const struct process *processes_find(const struct processes *all, int pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->items[i].pid == pid)
			return &all->items[i];
	return NULL;
}
