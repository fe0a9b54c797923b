/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block devices whose driver links no disks below them: Unraid's array, DRBD. Their own files tell. */
#include <limits.h>

#include "host/uses_block.h"

/* ---- Unraid's md driver, and NonRaid, which is made of it ---- */

enum {
	DISKS_MAX = 64,
	NAME_SIZE = 64,
};

struct array {
	char names[DISKS_MAX][NAME_SIZE], disks[DISKS_MAX][NAME_SIZE];
	bool stopped;
};

/* "diskName.1=md1p1", "rdevName.1=sdb" */
static void take_slot(struct array *a, const char *line)
{
	const char *name = str_after(line, "diskName."), *disk = str_after(line, "rdevName.");
	const char *rest = name ? name : disk;
	unsigned slot;
	int end = 0;

	if (str_after(line, "mdState=") && !str_after(line, "mdState=STARTED"))
		a->stopped = true;
	if (!rest || sscanf(rest, "%3u=%n", &slot, &end) != 1 || !end || slot >= DISKS_MAX)
		return;
	snprintf(name ? a->names[slot] : a->disks[slot], NAME_SIZE, "%s", rest + end);
}

static const struct block *array_device(struct block_search *s, const struct array *a, const char *prefix,
					unsigned slot)
{
	const struct block *d = *a->names[slot] ? blocks_find(&s->blocks, a->names[slot]) : NULL;
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s%up1", prefix, slot);
	if (!d)
		d = blocks_find(&s->blocks, name);
	snprintf(name, sizeof(name), "%s%u", prefix, slot);
	return d ? d : blocks_find(&s->blocks, name);
}

/* The first slot and the thirtieth hold the parity, which every write to one of the others changes. */
static bool is_parity(unsigned slot)
{
	return slot == 0 || slot == 29;
}

static int add_array(struct block_search *s, const struct array *a, const char *prefix)
{
	int r = 0;

	for (unsigned slot = 0; slot < DISKS_MAX; slot++) {
		const struct block *upper = is_parity(slot) ? NULL : array_device(s, a, prefix, slot);

		if (!upper || !upper->is_virtual)
			continue;
		for (unsigned k = 0; r == 0 && k < DISKS_MAX; k++) {
			const struct block *lower = k == slot || is_parity(k) ? blocks_find(&s->blocks, a->disks[k]) :
										NULL;

			if (lower && lower != upper)
				r = blocks_add_edge(&s->blocks, upper, lower, BLOCK_PART, NULL);
		}
	}
	return r;
}

static int read_array(struct block_search *s, const char *path, const char *prefix)
{
	_cleanup_free_ char *text = NULL;
	struct array *a;
	char *rest = NULL;
	int r = block_read_file(s, path, &text);

	if (r < 0 || !text || !strstr(text, "rdevName."))
		return r;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_slot(a, line);
	r = a->stopped ? 0 : add_array(s, a, prefix);
	free(a);
	return r;
}

/* ---- DRBD ---- */

enum {
	WORDS_MAX = 256,
};

/* What one resource has: "device /dev/drbd1", "minor 1", "disk /dev/vg/x", "meta-disk /dev/sdb1[0]". */
struct resource {
	const struct block *uppers[WORDS_MAX], *lowers[WORDS_MAX];
	size_t n_uppers, n_lowers;
};

static const char delimiters[] = " \t\r\n;{}\"";

static void take_upper(struct resource *res, const struct block *d)
{
	if (d && str_after(d->name, "drbd") && res->n_uppers < WORDS_MAX)
		res->uppers[res->n_uppers++] = d;
}

static int take_words(struct block_search *s, struct resource *res, const char *key, const char *value)
{
	char name[32], path[PATH_MAX];
	struct block *d = NULL;
	int r;

	if (streq(key, "minor") && *value && !value[strspn(value, "0123456789")]) {
		snprintf(name, sizeof(name), "drbd%.10s", value);
		take_upper(res, blocks_find(&s->blocks, name));
		return 0;
	}
	if (!str_after(value, "/dev/"))
		return 0;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(value, "["), value);
	r = block_resolve(s, path, &d);
	if (r < 0 || !d)
		return r;
	if (streq(key, "device"))
		take_upper(res, d);
	else if ((streq(key, "disk") || streq(key, "meta-disk") || streq(key, "flexible-meta-disk")) &&
		 res->n_lowers < WORDS_MAX)
		res->lowers[res->n_lowers++] = d;
	return 0;
}

static int add_resource(struct block_search *s, struct resource *res)
{
	int r = 0;

	/* Which volume is on which disk does not matter here: they are used together. */
	for (size_t i = 0; i < res->n_uppers; i++)
		for (size_t k = 0; r == 0 && k < res->n_lowers; k++)
			if (res->uppers[i] != res->lowers[k])
				r = blocks_add_edge(&s->blocks, res->uppers[i], res->lowers[k], BLOCK_PART, NULL);
	res->n_uppers = res->n_lowers = 0;
	return r;
}

static void cut_comments(char *text)
{
	for (char *p = strchr(text, '#'); p; p = strchr(p, '#'))
		memset(p, ' ', strcspn(p, "\n"));
}

static int read_resources(struct block_search *s, const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct resource *res;
	char *rest = NULL, *key = NULL;
	int r = block_read_file(s, path, &text);

	if (r < 0 || !text)
		return r;
	res = calloc(1, sizeof(*res));
	if (!res)
		return -ENOMEM;
	cut_comments(text);
	for (char *word = strtok_r(text, delimiters, &rest); r == 0 && word;
	     key = word, word = strtok_r(NULL, delimiters, &rest)) {
		if (streq(word, "resource"))
			r = add_resource(s, res);
		else if (key)
			r = take_words(s, res, key, word);
	}
	if (r == 0)
		r = add_resource(s, res);
	free(res);
	return r;
}

static int read_resource_files(struct block_search *s, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };
	char path[NAME_MAX + 32];
	int r = s->u->h->ops->list(s->u->h, -1, dir, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *dot = strrchr(names.items[i], '.');

		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (dot && streq(dot, ".res"))
			r = read_resources(s, path);
	}
	return r;
}

static bool has_drbd(struct block_search *s)
{
	for (size_t i = 0; i < s->blocks.names.n; i++)
		if (str_after(s->blocks.names.items[i], "drbd"))
			return true;
	return false;
}

static int read_drbd(struct block_search *s)
{
	int r;

	if (!has_drbd(s))
		return 0;
	r = read_resources(s, "etc/drbd.conf");
	if (r == 0)
		r = read_resource_files(s, "etc/drbd.d");
	return r == 0 ? read_resource_files(s, "var/lib/linstor.d") : r;
}

int block_unlinked_edges(struct block_search *s)
{
	int r = read_array(s, "proc/mdstat", "md");

	if (r == 0)
		r = read_array(s, "proc/nmdstat", "nmd");
	return r == 0 ? read_drbd(s) : r;
}
