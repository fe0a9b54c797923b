/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "fake/fault.h"
#include "sweep.h"

static int add_functions(struct runner *run, struct strv *lines)
{
	struct snapshot s;
	int r = snapshot_take(run->fake, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < s.n; i++) {
		const struct function_state *f = &s.items[i];

		r = strv_take(lines, str_format("function %s driver=%s override=%s nodes=%d,%d",
						f->address, f->driver, f->override, f->group_node,
						f->vfio_node));
	}
	snapshot_clear(&s);
	return r;
}

/* What no file of the kernel tells. */
static int add_ids(struct runner *run, struct strv *lines)
{
	const struct kernel *k = &fake_of(run->fake)->m->k;
	int r = 0;

	for (size_t i = 0; i < k->n_drivers; i++)
		for (size_t j = 0; r == 0 && j < k->drivers[i]->n_dynids; j++) {
			const struct pci_id *id = &k->drivers[i]->dynids[j];

			r = strv_take(lines,
				      str_format("id %s %x:%x:%x:%x:%x:%x", k->drivers[i]->name,
						 id->vendor, id->device, id->subvendor,
						 id->subdevice, id->class_code, id->class_mask));
		}
	return r;
}

/* Names in a directory below the one of vfioadm; hidden ones are no one's business. */
static int names_below(struct runner *run, const char *name, struct strv *ret)
{
	_cleanup_free_ char *path = str_format("%s/%s", run->ctx->run_dir, name);
	_cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;
	int r = path ? 0 : -ENOMEM;

	while (r == 0 && d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			r = strv_add(ret, e->d_name);
	return r;
}

static int add_records(struct runner *run, struct strv *lines)
{
	_cleanup_strv_ struct strv names = {0};
	int r = names_below(run, "records", &names);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = strv_take(lines, str_format("record %s", names.items[i]));
	return r;
}

/* The number behind an ID is the identity of a directory, and says nothing here. */
static int add_enabled(struct runner *run, struct strv *lines)
{
	_cleanup_free_ char *path = str_format("%s/enabled", run->ctx->run_dir), *text = NULL;
	char *rest, *line;
	int r = path ? 0 : -ENOMEM;

	if (r < 0 || runner_read_file(path, &text) < 0)
		return r;
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n")))
		if (*line)
			r = strv_take(lines,
				      str_format("enabled %.*s", (int)strcspn(line, " "), line));
	return r;
}

/* Files of ours in the host's /etc, whole: half of one must not pass for the other. */
static int add_files(struct runner *run, const char *what, const char *directory, struct strv *lines)
{
	_cleanup_strv_ struct strv names = {0};
	int r = names_below(run, directory, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		_cleanup_free_ char *path =
			str_format("%s/%s/%s", run->ctx->run_dir, directory, names.items[i]);
		_cleanup_free_ char *text = NULL;

		r = path ? runner_read_file(path, &text) : -ENOMEM;
		for (char *c = text; r == 0 && *c; c++)
			if (*c == '\n')
				*c = '|';
		if (r == 0)
			r = strv_take(lines, str_format("%s %s %s", what, names.items[i], text));
	}
	return r;
}

int world_take(struct runner *run, struct strv *ret)
{
	_cleanup_strv_ struct strv lines = {0};
	int r = add_functions(run, &lines);

	if (r == 0)
		r = add_ids(run, &lines);
	if (r == 0)
		r = add_records(run, &lines);
	if (r == 0)
		r = add_enabled(run, &lines);
	if (r == 0)
		r = add_files(run, "declared", "root/etc/vfioadm.d", &lines);
	if (r == 0)
		r = add_files(run, "rules", "root/etc/udev/rules.d", &lines);
	if (r == 0)
		r = add_files(run, "modprobe", "root/etc/modprobe.d", &lines);
	if (r == 0)
		r = add_files(run, "held", "hold", &lines);
	if (r < 0)
		return r;
	strv_sort(&lines);
	*ret = lines;
	lines = (struct strv){0};
	return 0;
}

size_t world_journals(struct runner *run)
{
	_cleanup_strv_ struct strv names = {0};

	return names_below(run, "journal", &names) < 0 ? 0 : names.n;
}

/* The line that is about the same thing: its first two words are equal. */
static const char *line_of(const struct strv *world, const char *line)
{
	size_t len = strcspn(line, " ");

	len += 1 + strcspn(line + len + 1, " ");
	STRV_FOREACH (i, world)
		if (strncmp(world->items[i], line, len) == 0 &&
		    (!world->items[i][len] || world->items[i][len] == ' '))
			return world->items[i];
	return NULL;
}

static const char *address_of(const char *line, char address[24])
{
	const char *rest = str_after(line, "function ");

	rest = rest ? rest : str_after(line, "record ");
	if (!rest)
		return NULL;
	snprintf(address, 24, "%.*s", (int)strcspn(rest, " "), rest);
	return address;
}

/* A module that is loaded takes what somebody's override names, and stays loaded. */
static bool taken_by_load(const char *before, const char *now)
{
	char override[64], driver[64];

	return sscanf(before, "function %*s driver=none override=%63s", override) == 1 &&
	       sscanf(now, "function %*s driver=%63s", driver) == 1 && streq(driver, override);
}

/* What is stuck is in the kernel's hands, what is gone in nobody's. */
static bool function_excused(struct runner *run, const struct strv *want, const struct strv *after,
			     const char *address, const struct world_excuses *e)
{
	char function[40];
	const char *now, *wanted;

	snprintf(function, sizeof(function), "function %s", address);
	now = line_of(after, function);
	wanted = line_of(want, function);
	if (!now || fake_stuck(run->fake, address) || (e && e->named && strstr(e->named, address)) ||
	    (wanted && taken_by_load(wanted, now)))
		return true;
	return e && e->not_as_in && wanted && !strv_has(e->not_as_in, wanted);
}

static bool is_excused(struct runner *run, const struct strv *want, const struct strv *after,
		       const char *line, const struct world_excuses *e)
{
	char address[24];

	if (e && e->rest && !str_after(line, "function "))
		return true;
	if (address_of(line, address))
		return function_excused(run, want, after, address, e);
	return e && e->ids && str_after(line, "id ");
}

/* Nodes of a group depend on all of its functions. */
static bool same_line(const char *a, const char *b, const struct world_excuses *e)
{
	const char *end = e && e->rest ? strstr(a, " nodes=") : NULL;

	return b && (end ? strncmp(a, b, (size_t)(end - a)) == 0 : streq(a, b));
}

static char *first_missing(struct runner *run, const struct strv *want, const struct strv *after,
			   bool backwards, const struct world_excuses *e)
{
	const struct strv *from = backwards ? after : want, *in = backwards ? want : after;

	STRV_FOREACH (i, from) {
		const char *line = from->items[i], *other = line_of(in, line);

		if (strv_has(in, line) || same_line(line, other, e) ||
		    is_excused(run, want, after, line, e))
			continue;
		return str_format("%s \"%s\"%s%s", backwards ? "there is" : "there should be", line,
				  other ? ", but there is " : "", other ? other : "");
	}
	return NULL;
}

char *world_difference(struct runner *run, const struct strv *want, const struct strv *after,
		       const struct world_excuses *excuses)
{
	char *text = first_missing(run, want, after, false, excuses);

	return text ? text : first_missing(run, want, after, true, excuses);
}

bool world_lost_one(const struct strv *before, const struct strv *wanted, const struct strv *after)
{
	STRV_FOREACH (i, before)
		if (str_after(before->items[i], "function ") &&
		    !strv_has(wanted, before->items[i]) && !line_of(after, before->items[i]))
			return true;
	return false;
}
