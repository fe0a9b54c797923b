/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others give to VFIO at each boot: driverctl, module parameters, libvirt, rules, scripts, other managers. */
#include <limits.h>

#include "host/others.h"
#include "host/uses_private.h"
#include "model/inventory.h"

enum {
	CLAIMS_MAX = 4096,
	LINE_MAX_BYTES = 8192,
	SOURCE_MAX = 256,
};

void foreign_claims_clear(struct foreign_claims *c)
{
	arena_free(&c->arena);
	free(c->items);
	*c = (struct foreign_claims){ 0 };
}

/* ---- gathering ---- */

struct gathering {
	struct host *h;
	struct foreign_claims *claims;
	const char *source; /* of what is read now, in the arena */
	unsigned parameters;
};

/* NULL stays NULL. What is found in files may be anything. */
static const char *keep(struct gathering *g, const char *text)
{
	size_t n = text ? strlen(text) : 0;
	char *copy = text ? arena_strndup(&g->claims->arena, text, n < SOURCE_MAX ? n : SOURCE_MAX) : NULL;

	return copy ? host_clean_text(copy) : NULL;
}

/* The claim hangs in the list until the next one is added; NULL: -ENOMEM, or there are enough of them. */
static struct foreign_claim *add(struct gathering *g, enum foreign_kind kind)
{
	struct foreign_claims *c = g->claims;
	struct foreign_claim *grown;

	if (c->n == CLAIMS_MAX)
		return NULL;
	grown = reallocarray(c->items, c->n + 1, sizeof(*grown));
	if (!grown) {
		c->arena.failed = true;
		return NULL;
	}
	c->items = grown;
	grown[c->n] = (struct foreign_claim){ .kind = kind, .source = g->source };
	return &grown[c->n++];
}

static int result(const struct gathering *g)
{
	if (g->claims->arena.failed)
		return -ENOMEM;
	return g->claims->n < CLAIMS_MAX ? 0 : -E2BIG;
}

static void set_source(struct gathering *g, const char *path)
{
	_cleanup_free_ char *text = str_format("/%s", path);

	g->source = text ? keep(g, text) : NULL;
	if (!text)
		g->claims->arena.failed = true;
}

static int unreadable(struct gathering *g, const char *path, int error)
{
	struct foreign_claim *c;

	if (error == -ENOMEM)
		return error;
	set_source(g, path);
	c = add(g, FOREIGN_UNREADABLE);
	if (c)
		c->error = -error;
	return result(g);
}

/* Sorted; no such directory: none. */
static int list_names(struct gathering *g, const char *path, struct strv *ret)
{
	int r = g->h->ops->list(g->h, -1, path, ret);

	if (r == 0)
		strv_sort(ret);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && streq(name + n - m, suffix);
}

/* ---- driverctl ---- */

static int add_override(struct gathering *g, const char *file)
{
	const char *text = str_after(file, "pci-");
	char path[NAME_MAX + 32], driver[256], canonical[ADDRESS_MAX];
	struct foreign_claim *c;
	struct address address;
	bool pci = address_parse(text ? text : file, &address) == 0;
	ssize_t r;

	snprintf(path, sizeof(path), "etc/driverctl.d/%s", file);
	r = host_read_text(g->h, -1, path, driver, sizeof(driver));
	if (r < 0)
		return unreadable(g, path, (int)r);
	/* driverctl takes an empty file for none. */
	if (r == 0)
		return 0;
	set_source(g, path);
	c = add(g, FOREIGN_DRIVERCTL);
	if (c && pci) {
		address_format(&address, canonical);
		c->what = keep(g, canonical);
	}
	if (c)
		c->driver = keep(g, driver);
	return result(g);
}

static int add_overrides(struct gathering *g)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(g, "etc/driverctl.d", &names);

	if (r < 0)
		return unreadable(g, "etc/driverctl.d", r);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = add_override(g, names.items[i]);
	return r;
}

/* ---- card types: vfio-pci's parameter "ids" ---- */

/* The parameter is one text: a later one takes the place of all that an earlier one said. */
static void replace(struct gathering *g, enum foreign_kind kind)
{
	for (size_t i = 0; i < g->claims->n; i++)
		if (g->claims->items[i].kind == kind)
			g->claims->items[i].replaced = true;
}

/* "1b36:0010,8086:10c9", with quotes around it or without. */
static int add_ids(struct gathering *g, enum foreign_kind kind, const char *value)
{
	_cleanup_free_ char *list = strdup(value);
	char *rest = list, *id;

	if (!list)
		return -ENOMEM;
	if (++g->parameters > CLAIMS_MAX)
		return -E2BIG;
	replace(g, kind);
	while ((id = strsep(&rest, ",\""))) {
		struct foreign_claim *c = *id ? add(g, kind) : NULL;

		if (c)
			c->what = keep(g, id);
		if (result(g) < 0)
			return result(g);
	}
	return 0;
}

/* The value of "KEY=value"; the kernel takes '-' and '_' of a key for the same. */
static const char *value_of(char *word, const char *key)
{
	char *value = strchr(word, '='), *name = word + (*word == '"');

	if (!value)
		return NULL;
	*value = '\0';
	if (driver_name_equal(name, key))
		return value + 1;
	*value = '=';
	return NULL;
}

/* Cuts the next word off; blanks within quotes are part of it. NULL: there is none. */
static char *next_word(char **rest)
{
	char *p = *rest + strspn(*rest, " \t\r\n"), *start = p;
	bool quoted = false;

	for (; *p && (quoted || !strchr(" \t\r\n", *p)); p++)
		quoted ^= *p == '"';
	*rest = *p ? p + 1 : p;
	*p = '\0';
	return *start ? start : NULL;
}

static int add_command_line(struct gathering *g)
{
	char text[LINE_MAX_BYTES], *rest = text, *word;
	ssize_t n = host_read_text(g->h, -1, "proc/cmdline", text, sizeof(text));
	int r = 0;

	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return unreadable(g, "proc/cmdline", (int)n);
	set_source(g, "proc/cmdline");
	/* What follows "--" is for init. */
	while (r == 0 && (word = next_word(&rest)) && !streq(word, "--")) {
		const char *value = value_of(word, "vfio_pci.ids");

		if (value)
			r = add_ids(g, FOREIGN_CMDLINE, value);
	}
	return r < 0 ? r : result(g);
}

/* "options vfio-pci ids=… other=…" */
static int add_options(struct gathering *g, const char *path, unsigned number, char *line)
{
	_cleanup_free_ char *place = str_format("%s:%u", path, number);
	char *rest = line, *word = next_word(&rest);
	int r = 0;

	if (!place)
		return -ENOMEM;
	if (!word || !streq(word, "options") || !(word = next_word(&rest)) || !driver_name_equal(word, "vfio_pci"))
		return 0;
	while (r == 0 && (word = next_word(&rest))) {
		const char *value = value_of(word, "ids");

		if (!value)
			continue;
		set_source(g, place);
		r = add_ids(g, FOREIGN_MODPROBE, value);
	}
	return r < 0 ? r : result(g);
}

/* One logical line: a backslash at its end continues it. What is longer than any real one is cut. */
static const char *read_line(const char *p, char line[LINE_MAX_BYTES], unsigned *number)
{
	size_t used = 0;

	while (*p && *p != '\n') {
		if (*p == '\\' && p[1] == '\n') {
			p += 2;
			++*number;
			continue;
		}
		if (used + 1 < LINE_MAX_BYTES)
			line[used++] = *p;
		p++;
	}
	line[used] = '\0';
	++*number;
	return *p ? p + 1 : p;
}

static int add_modprobe_file(struct gathering *g, const char *path)
{
	unsigned number = 0;
	const char *text;
	size_t size;
	int r = g->h->ops->map(g->h, path, &text, &size);

	if (r < 0)
		return r == -ENOENT || r == -EISDIR || r == -EINVAL ? 0 : unreadable(g, path, r);
	for (const char *p = text; r == 0 && *p;) {
		char line[LINE_MAX_BYTES];
		unsigned first = number + 1;

		p = read_line(p, line, &number);
		r = add_options(g, path, first, line);
	}
	g->h->ops->unmap(g->h, text, size);
	return r;
}

struct conf {
	char *name;
	const char *dir;
};

static int compare_conf(const void *a, const void *b)
{
	return strcmp(((const struct conf *)a)->name, ((const struct conf *)b)->name);
}

static int add_conf(struct conf **confs, size_t *n, const char *dir, const char *name)
{
	struct conf *grown;

	if (!ends_in(name, ".conf"))
		return 0;
	/* A name in an earlier directory hides the same one in later ones. */
	for (size_t i = 0; i < *n; i++)
		if (streq((*confs)[i].name, name))
			return 0;
	if (*n == CLAIMS_MAX)
		return -E2BIG;
	grown = reallocarray(*confs, *n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*confs = grown;
	grown[*n] = (struct conf){ strdup(name), dir };
	if (!grown[*n].name)
		return -ENOMEM;
	++*n;
	return 0;
}

static int list_confs(struct gathering *g, struct conf **confs, size_t *n)
{
	static const char *const dirs[] = { "etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d",
					    "usr/lib/modprobe.d", "lib/modprobe.d" };
	int r = 0;

	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(dirs); d++) {
		_cleanup_strv_ struct strv names = { 0 };

		r = list_names(g, dirs[d], &names);
		if (r < 0)
			r = unreadable(g, dirs[d], r);
		for (size_t i = 0; r == 0 && i < names.n; i++)
			r = add_conf(confs, n, dirs[d], names.items[i]);
	}
	return r;
}

/* In the order of their names, whatever the directory, as modprobe does. */
static int add_modprobe(struct gathering *g)
{
	struct conf *confs = NULL;
	size_t n = 0;
	int r = list_confs(g, &confs, &n);

	if (n)
		qsort(confs, n, sizeof(*confs), compare_conf);
	for (size_t i = 0; i < n; i++) {
		char path[NAME_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", confs[i].dir, confs[i].name);
		if (r == 0)
			r = add_modprobe_file(g, path);
		free(confs[i].name);
	}
	free(confs);
	return r;
}

/* ---- libvirt ---- */

static int on_claim(const struct libvirt_claim *found, void *userdata)
{
	struct gathering *g = userdata;
	struct foreign_claim *c;
	char address[ADDRESS_MAX];

	if (found->network)
		return 0;
	c = add(g, FOREIGN_LIBVIRT);
	if (!c)
		return result(g);
	address_format(&found->address, address);
	c->what = keep(g, address);
	c->owner = keep(g, found->name);
	c->managed = found->managed;
	return result(g);
}

static int add_domain(struct gathering *g, const char *path)
{
	const char *text;
	size_t size;
	int r = g->h->ops->map(g->h, path, &text, &size);

	if (r < 0)
		return r == -ENOENT || r == -EISDIR || r == -EINVAL ? 0 : unreadable(g, path, r);
	set_source(g, path);
	r = libvirt_scan(text, size, on_claim, g);
	g->h->ops->unmap(g->h, text, size);
	return r < 0 ? r : result(g);
}

static int add_domains(struct gathering *g)
{
	static const char dir[] = "etc/libvirt/qemu";
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_names(g, dir, &names);

	if (r < 0)
		return unreadable(g, dir, r);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 64];

		snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		if (ends_in(names.items[i], ".xml"))
			r = add_domain(g, path);
	}
	return r;
}

/* ---- rules, scripts, lists of modules and other managers ---- */

static int add_copy(const struct foreign_claim *found, void *userdata)
{
	struct gathering *g = userdata;
	struct foreign_claim *c;

	set_source(g, found->source);
	c = add(g, found->kind);
	if (!c)
		return result(g);
	c->what = keep(g, found->what);
	c->driver = keep(g, found->driver);
	c->owner = keep(g, found->owner);
	c->no_effect = keep(g, found->no_effect);
	return result(g);
}

static int add_driverctl(struct gathering *g)
{
	struct driverctl does = { 0 };
	int r = add_overrides(g);

	if (r == 0)
		r = driverctl_look(g->h, &does);
	g->claims->driverctl_gives_type = does.gives_type;
	g->claims->driverctl_takes_back = does.takes_back;
	return r;
}

int observe_foreign_claims(struct host *h, struct foreign_claims *ret)
{
	CLEANUP(foreign_claims_clear) struct foreign_claims claims = { 0 };
	struct gathering g = { .h = h, .claims = &claims };
	int r = add_command_line(&g);

	if (r == 0)
		r = add_modprobe(&g);
	if (r == 0)
		r = add_driverctl(&g);
	if (r == 0)
		r = add_domains(&g);
	if (r == 0)
		r = others_import(h, add_copy, &g);
	r = host_starved(h, r);
	if (r == -ENOMEM)
		return r;
	/* Enough for any host that is what it says it is: the rest is not looked at, and that is said. */
	claims.cut = r == -E2BIG;
	*ret = claims;
	claims = (struct foreign_claims){ 0 };
	return 0;
}
