/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a function's alias to modules, as depmod's index and modprobe.d have it. */
#include <ctype.h>

#include "host/host.h"
#include "host/modules_private.h"
#include "model/inventory.h"

/* One class "[a-f]" or "[!x]" at p; sets *ret_end behind it. A class without end matches nothing. */
static bool match_class(const char *p, char c, const char **ret_end)
{
	bool negate = p[1] == '!' || p[1] == '^', hit = false;

	for (p += 1 + negate; *p && *p != ']'; p++) {
		if (p[1] == '-' && p[2] && p[2] != ']') {
			hit |= c >= p[0] && c <= p[2];
			p += 2;
		} else {
			hit |= c == *p;
		}
	}
	*ret_end = *p ? p + 1 : NULL;
	return *p && hit != negate;
}

/* fnmatch(3) may need exponential time for the pattern of a hostile root; this needs len × len. */
bool modules_glob(const char *p, const char *s)
{
	const char *star = NULL, *resume = NULL;

	while (*s) {
		const char *next = p + 1;
		bool hit;

		if (*p == '*') {
			star = ++p;
			resume = s;
			continue;
		}
		hit = *p == '[' ? match_class(p, *s, &next) : *p && (*p == '?' || *p == *s);
		if (hit && next) {
			p = next;
			s++;
		} else if (star) {
			p = star;
			s = ++resume;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

/* How much of a function's IDs the alias names: values are digits and capitals, "sv" and its like are not. */
static size_t specificity(const char *pattern)
{
	size_t n = 0;

	for (; *pattern; pattern++)
		n += isdigit((unsigned char)*pattern) || isupper((unsigned char)*pattern);
	return n;
}

/* ---- lookup ---- */

struct candidate {
	char *module;
	size_t weight, order;
	const char *left_out; /* source of the line that keeps it from being loaded by alias; NULL: none */
};

struct candidates {
	struct candidate *items;
	size_t n;
};

/* A line's name against the module's, which the kernel spells with '_' only. */
static bool names_module(const char *name, const char *module)
{
	for (; *name && *name == (*module == '-' ? '_' : *module); name++)
		module++;
	return !*name && !*module;
}

/* In files names are normalised; of the command line kmod takes them as they are, so "vfio-pci" is nothing there. */
static const char *blacklisted_by(const struct modprobe_conf *c, const char *module)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->lines[i].kind == MODPROBE_BLACKLIST && names_module(c->lines[i].name, module))
			return c->lines[i].source;
	return NULL;
}

/* A blacklist is against loading by alias; who names a module gets it. */
static int add_candidate(const struct host_modules *m, struct candidates *c, const char *module,
			 size_t len, size_t weight, size_t order, bool by_alias)
{
	_cleanup_free_ char *name = strndup(module, len);
	struct candidate *grown;
	const char *left_out;

	if (!name)
		return -ENOMEM;
	if (!len)
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (driver_name_equal(c->items[i].module, name)) {
			if (weight > c->items[i].weight)
				c->items[i].weight = weight;
			if (order < c->items[i].order)
				c->items[i].order = order;
			return 0;
		}
	grown = reallocarray(c->items, c->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->items = grown;
	left_out = by_alias ? blacklisted_by(&m->conf, name) : NULL;
	c->items[c->n] = (struct candidate){TAKE_PTR(name), weight, order, left_out};
	c->n++;
	return 0;
}

static int match_alias(const struct host_modules *m, struct candidates *c, const char *text,
		       const char *pattern, size_t pattern_len, const char *module,
		       size_t module_len, size_t order)
{
	size_t bus = strcspn(text, ":") + 1;
	char copy[512];

	/* Tens of thousands of aliases are of other buses, and none has a wildcard in the bus's name. */
	if (pattern_len >= sizeof(copy) || pattern_len < bus || memcmp(pattern, text, bus) != 0)
		return 0;
	memcpy(copy, pattern, pattern_len);
	copy[pattern_len] = '\0';
	if (!modules_glob(copy, text))
		return 0;
	return add_candidate(m, c, module, module_len, specificity(copy), order, true);
}

/* One line "alias PATTERN MODULE" of modules.alias. */
static int match_line(const struct host_modules *m, struct candidates *c, const char *text, const char *line)
{
	const char *pattern = str_after(line, "alias ");
	size_t len = pattern ? strcspn(pattern, " \n") : 0;

	if (!len || pattern[len] != ' ')
		return 0;
	return match_alias(m, c, text, pattern, len, pattern + len + 1,
			   strcspn(pattern + len + 1, " \r\n"), (size_t)(line - m->alias.data));
}

/* One string "MODULE.alias=PATTERN" of modules.builtin.modinfo; its order is behind that of all files. */
static int match_entry(const struct host_modules *m, struct candidates *c, const char *text, const char *e)
{
	size_t len = strcspn(e, ".");
	const char *pattern = str_after(e + len, ".alias=");

	return pattern ? match_alias(m, c, text, pattern, strlen(pattern), e, len,
				     m->alias.size + (size_t)(e - m->modinfo.data)) :
			 0;
}

static int match_alias_file(const struct host_modules *m, struct candidates *c, const char *text)
{
	int r = 0;

	for (const char *line = m->alias.data; r == 0 && line && *line;) {
		const char *end = strchrnul(line, '\n');

		r = match_line(m, c, text, line);
		line = *end ? end + 1 : end;
	}
	return r;
}

static int match_modinfo(const struct host_modules *m, struct candidates *c, const char *text)
{
	const char *end = m->modinfo.data ? m->modinfo.data + m->modinfo.size : NULL;
	int r = 0;

	for (const char *e = m->modinfo.data; r == 0 && e && e < end; e += strlen(e) + 1)
		r = match_entry(m, c, text, e);
	return r;
}

/*
 * What can match "pci:v00008086d…" begins with the same vendor or with "pci:v*": the kernel's file2alias writes
 * nothing else. Tens of thousands of lines are passed over by looking for these two beginnings.
 */
static int match_beginning(const struct host_modules *m, struct candidates *c, const char *text,
			   const char *beginning)
{
	static const char line_mark[] = "\nalias ", entry_mark[] = ".alias=";
	const struct text_file *files[] = { &m->alias, &m->modinfo };
	char needle[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
		const char *at = files[i]->data, *end = at ? at + files[i]->size : NULL;
		int n = snprintf(needle, sizeof(needle), "%s%s", i ? entry_mark : line_mark, beginning);

		while (r == 0 && at && (at = memmem(at, (size_t)(end - at), needle, (size_t)n))) {
			const char *start = at + 1;

			/* Back to where the module's name begins. */
			while (i && start > files[i]->data && start[-1])
				start--;
			r = i ? match_entry(m, c, text, start) : match_line(m, c, text, start);
			at += n;
		}
	}
	return r;
}

/* Length of "pci:v00008086" or "vfio_pci:v00008086" at the beginning; 0: the text is of another form. */
static size_t vendor_length(const char *text)
{
	const char *pci = str_after(text, "vfio_pci:v");

	if (!pci)
		pci = str_after(text, "pci:v");
	return pci && strspn(pci, "0123456789ABCDEF") == 8 ? (size_t)(pci - text) + 8 : 0;
}

static int match_aliases(const struct host_modules *m, struct candidates *c, const char *text)
{
	size_t len = vendor_length(text);
	char beginning[32];
	int r;

	if (!len) {
		r = match_alias_file(m, c, text);
		return r < 0 ? r : match_modinfo(m, c, text);
	}
	/* A first line that nothing stands before. */
	r = m->alias.data ? match_line(m, c, text, m->alias.data) : 0;
	snprintf(beginning, sizeof(beginning), "%.*s", (int)len, text);
	if (r == 0)
		r = match_beginning(m, c, text, beginning);
	snprintf(beginning, sizeof(beginning), "%.*s*", (int)len - 8, text);
	return r < 0 ? r : match_beginning(m, c, text, beginning);
}

/* The module whose file has this name, in a list of files with whatever behind a colon. */
static int match_file_name(const struct host_modules *m, const struct text_file *files,
			   struct candidates *c, const char *name)
{
	for (const char *line = files->data; line && *line;) {
		const char *end = strchrnul(line, '\n');
		size_t path_len = strcspn(line, ":\n");
		const char *base = memrchr(line, '/', path_len);
		char module[256];
		size_t len;

		base = base ? base + 1 : line;
		len = strcspn(base, ".:\n");
		if (len && len < sizeof(module)) {
			memcpy(module, base, len);
			module[len] = '\0';
			/* The file may be spelled vfio-pci.ko; the module is vfio_pci all the same. */
			for (size_t i = 0; i < len; i++)
				if (module[i] == '-')
					module[i] = '_';
			if (driver_name_equal(module, name))
				return add_candidate(m, c, module, len, 0, (size_t)(line - files->data), false);
		}
		line = *end ? end + 1 : end;
	}
	return 0;
}

static int compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int match_name(const struct host_modules *m, struct candidates *c, const char *name)
{
	int r = match_file_name(m, &m->dep, c, name);

	return r < 0 ? r : match_file_name(m, &m->builtin, c, name);
}

/* "alias PATTERN MODULE" of modprobe.d stands for all that depmod has found: "off" and other names of no module too. */
static int apply_configured_aliases(const struct host_modules *m, struct candidates *c, const char *text)
{
	size_t found = c->n;
	const char *source = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->conf.n; i++) {
		const struct modprobe_line *line = &m->conf.lines[i];

		if (line->kind != MODPROBE_ALIAS || !modules_glob(line->name, text))
			continue;
		source = line->source;
		r = match_name(m, c, line->value);
	}
	for (size_t k = 0; source && k < c->n; k++) {
		bool named = k >= found;

		for (size_t i = 0; k < found && i < m->conf.n; i++)
			named |= m->conf.lines[i].kind == MODPROBE_ALIAS &&
				 driver_name_equal(m->conf.lines[i].value, c->items[k].module) &&
				 modules_glob(m->conf.lines[i].name, text);
		if (!named && !c->items[k].left_out)
			c->items[k].left_out = source;
		else if (named && !c->items[k].left_out)
			c->items[k].left_out = blacklisted_by(&m->conf, c->items[k].module);
	}
	return r;
}

static void candidates_clear(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->items[i].module);
	free(c->items);
}

static int find_candidates(struct host *h, const char *text, struct candidates *c)
{
	const struct modprobe_conf *conf;
	struct host_modules *m;
	int r = modules_conf(h, &conf);

	if (r < 0)
		return r;
	r = modules_open(h, &m);
	if (r < 0)
		return r;
	r = strchr(text, ':') ? match_aliases(m, c, text) : match_name(m, c, text);
	if (r == 0 && strchr(text, ':'))
		r = apply_configured_aliases(m, c, text);
	if (c->n)
		qsort(c->items, c->n, sizeof(*c->items), compare_candidates);
	return r;
}

int modules_lookup(struct host *h, const char *text, struct strv *ret)
{
	CLEANUP(candidates_clear) struct candidates c = {0};
	_cleanup_strv_ struct strv names = {0};
	int r = find_candidates(h, text, &c);

	for (size_t i = 0; r == 0 && i < c.n; i++)
		if (!c.items[i].left_out)
			r = strv_take(&names, TAKE_PTR(c.items[i].module));
	if (r < 0)
		return r;
	*ret = names;
	names = (struct strv){0};
	return 0;
}

int modules_left_out(struct host *h, const char *text, char **ret_module, const char **ret_source)
{
	CLEANUP(candidates_clear) struct candidates c = {0};
	int r = find_candidates(h, text, &c);

	for (size_t i = 0; r == 0 && i < c.n; i++)
		if (c.items[i].left_out) {
			*ret_module = TAKE_PTR(c.items[i].module);
			*ret_source = c.items[i].left_out;
			return 0;
		}
	return r < 0 ? r : -ENOENT;
}
