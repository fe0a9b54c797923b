/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "uses_tree.h"

void uses_node(struct tmp_tree *t, const char *class, const char *place, const char *name, const char *number,
	       bool with_dev)
{
	char path[512], target[512];

	tmp_class(t, class, place, name);
	snprintf(path, sizeof(path), "sys/devices/%s/%s/dev", place, name);
	tmp_file(t, path, number);
	snprintf(path, sizeof(path), "sys/devices/%s/%s/subsystem", place, name);
	snprintf(target, sizeof(target), "../../class/%s", class);
	tmp_link(t, path, target);
	if (!with_dev)
		return;
	snprintf(path, sizeof(path), "sys/dev/char/%s", number);
	snprintf(target, sizeof(target), "../../devices/%s/%s", place, name);
	tmp_link(t, path, target);
	tmp_dir(t, "sys/dev/block");
}

void uses_process(struct tmp_tree *t, int pid, const char *name)
{
	char path[64], text[256];

	tmp_link(t, "proc/self/ns/pid", "pid:[4026531836]");
	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 55 0\n", pid,
		 name);
	tmp_file(t, path, text);
	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	tmp_dir(t, path);
}

void uses_open(struct tmp_tree *t, int pid, int fd, const char *target)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/fd/%d", pid, fd);
	tmp_link(t, path, target);
}

void uses_search(struct tmp_tree *t, const char *addresses)
{
	tmp_observe(t);
	uses_search_observed(t, addresses);
}

void uses_search_observed(struct tmp_tree *t, const char *addresses)
{
	char copy[256], *rest;
	bool *wanted;

	wanted = calloc(t->inv->n_functions + 1, sizeof(*wanted));
	assert_non_null(wanted);
	assert_true(strlen(addresses) < sizeof(copy));
	strcpy(copy, addresses);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		ssize_t i = inventory_index(t->inv, word);

		assert_true(i >= 0);
		wanted[i] = true;
	}
	assert_int_equal(observe_uses(t->host, t->inv, wanted), 0);
	free(wanted);
}

const char *uses_of_code(struct tmp_tree *t, const char *address, const char *code)
{
	const struct vfioadm_function *f = tmp_get(t, address);
	static char text[8192];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->n_users; i++)
		if (str_after(f->users[i]->code, code))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s: %s", n ? "; " : "",
					      f->users[i]->code, f->users[i]->what, f->users[i]->why);
	return text;
}

const char *uses_text(struct tmp_tree *t, const char *address)
{
	return uses_of_code(t, address, "");
}
