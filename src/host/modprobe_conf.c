/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <limits.h>

#include "host/host.h"
#include "host/modprobe_conf.h"

#define COMMAND_LINE "/proc/cmdline"

enum {
	LINES_MAX = 65536,
	FILES_MAX = 4096,
	/* kmod reads no more of the command line, see KCMD_LINE_SIZE in libkmod-internal.h. */
	COMMAND_LINE_MAX = 4095,
	/* The kernel's own may be longer. */
	KERNEL_LINE_MAX = 65536,
};

void modprobe_conf_clear(struct modprobe_conf *c)
{
	arena_free(&c->arena);
	free(c->lines);
	free(c->unread);
	*c = (struct modprobe_conf){ 0 };
}

/* ---- lines ---- */

/* '-' becomes '_', but not in a range "[0-9]". false: brackets that do not pair, for which kmod drops the line. */
static bool normalise(char *name)
{
	for (char *p = name; *p; p++) {
		if (*p == ']')
			return false;
		if (*p == '[') {
			p = strchr(p, ']');
			if (!p)
				return false;
		}
		if (*p == '-')
			*p = '_';
	}
	return true;
}

static int add_line(struct modprobe_conf *c, struct modprobe_line line)
{
	struct modprobe_line *grown = NULL;

	if (c->n == LINES_MAX) {
		c->cut = true;
		return 0;
	}
	/* Doubled, so that a long file stays linear. */
	if (c->n && (c->n & (c->n - 1))) {
		grown = c->lines;
	} else {
		grown = reallocarray(c->lines, c->n ? 2 * c->n : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->lines = grown;
	}
	line.name = arena_strdup(&c->arena, line.name);
	line.value = arena_strdup(&c->arena, line.value ? line.value : "");
	if (!line.name || !line.value || !line.source)
		return -ENOMEM;
	grown[c->n++] = line;
	return 0;
}

/* As strtok_r() with "\t " gives it: one separator behind the word goes with it. NULL: there is none. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, "\t "), *end = word + strcspn(word, "\t ");

	*rest = *end ? end + 1 : end;
	*end = '\0';
	return *word ? word : NULL;
}

static const struct {
	const char *word;
	enum modprobe_kind kind;
	enum { REST_NONE, REST_WORD, REST_TEXT } rest; /* what follows the name */
} directives[] = {
	{ "alias", MODPROBE_ALIAS, REST_WORD },	    { "blacklist", MODPROBE_BLACKLIST, REST_NONE },
	{ "options", MODPROBE_OPTIONS, REST_TEXT }, { "install", MODPROBE_INSTALL, REST_TEXT },
	{ "remove", MODPROBE_REMOVE, REST_TEXT },   { "softdep", MODPROBE_SOFTDEP, REST_TEXT },
	{ "weakdep", MODPROBE_WEAKDEP, REST_TEXT },
};

/* One logical line. There are no comments behind anything, and none that begin with a blank: those are no directive. */
static int parse_line(struct modprobe_conf *c, const char *path, unsigned number, char *line)
{
	char *rest = line, *word = *line == '#' ? NULL : next_word(&rest);

	for (size_t i = 0; word && i < ARRAY_SIZE(directives); i++) {
		struct modprobe_line found = { .kind = directives[i].kind };
		char *name, *source, *value = NULL;

		if (!streq(word, directives[i].word))
			continue;
		name = next_word(&rest);
		if (directives[i].rest == REST_WORD)
			value = next_word(&rest);
		else if (directives[i].rest == REST_TEXT)
			value = *rest ? rest : NULL;
		if (!name || !normalise(name) || (directives[i].rest != REST_NONE && !value) ||
		    (directives[i].rest == REST_WORD && !normalise(value)))
			return 0;
		/* kmod does so, and the kernel parts at both. */
		for (char *p = value; p && *p && found.kind == MODPROBE_OPTIONS; p++)
			if (*p == '\t')
				*p = ' ';
		found.name = name;
		found.value = value;
		source = arena_format(&c->arena, "/%s:%u", path, number);
		found.source = source ? host_clean_text(source) : NULL;
		return add_line(c, found);
	}
	return 0;
}

/*
 * The end of the logical line at p: a backslash takes the end of the line away, also of a comment, and before anything
 * else it goes itself. What follows a NUL is not seen.
 */
static const char *read_logical(const char *p, const char *end, struct strbuf *line, unsigned *number)
{
	while (p < end && *p != '\n') {
		if (*p == '\\') {
			p++;
			if (p < end && *p == '\n') {
				++*number;
				p++;
			} else if (p < end) {
				strbuf_add(line, p++, 1);
			}
			continue;
		}
		strbuf_add(line, p++, 1);
	}
	++*number;
	return p < end ? p + 1 : end;
}

int modprobe_conf_parse(struct modprobe_conf *c, const char *path, const char *text, size_t size)
{
	const char *end = text + size;
	unsigned number = 0;
	int r = 0;

	for (const char *p = text; r == 0 && p < end;) {
		_cleanup_strbuf_ struct strbuf line = { 0 };
		unsigned first = number + 1;

		p = read_logical(p, end, &line, &number);
		if (line.failed)
			return -ENOMEM;
		if (line.len)
			r = parse_line(c, path, first, line.s);
	}
	return r;
}

/* ---- the kernel command line ---- */

bool modprobe_next_parameter(char **rest, char **ret_name, char **ret_value)
{
	char *p = *rest, *start, *equals = NULL;
	bool quoted, in_quote;

	while (isspace((unsigned char)*p))
		p++;
	if (!*p)
		return false;
	quoted = in_quote = *p == '"';
	start = p += quoted;
	for (; *p && (in_quote || !isspace((unsigned char)*p)); p++) {
		if (*p == '=' && !equals && p > start)
			equals = p;
		in_quote ^= *p == '"';
	}
	*rest = *p ? p + 1 : p;
	*p = '\0';
	*ret_name = start;
	*ret_value = NULL;
	if (equals) {
		*equals = '\0';
		*ret_value = equals + 1;
		if (**ret_value == '"') {
			++*ret_value;
			if (p > *ret_value && p[-1] == '"')
				p[-1] = '\0';
		}
	}
	if (quoted && p > start && p[-1] == '"')
		p[-1] = '\0';
	return true;
}

/* The kernel takes the names as they are; the last of such parameters counts, and "--" ends them. */
static int add_kernel_blacklist(struct modprobe_conf *c, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *name, *value, *last = NULL, *module;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (modprobe_next_parameter(&rest, &name, &value) && (value || !streq(name, "--")))
		if (value && driver_name_equal(name, "module_blacklist"))
			last = value;
	while (r == 0 && last && (module = strsep(&last, ",")))
		if (*module)
			r = add_line(c, (struct modprobe_line){ .kind = MODPROBE_KERNEL_BLACKLIST,
								.name = module,
								.source = COMMAND_LINE,
								.command_line = true });
	return r;
}

/* "MODULE.parameter=value", with what kmod makes of it: names after modprobe.blacklist= stay as they are. */
static int add_parameter(struct modprobe_conf *c, char *module, const char *parameter, char *value)
{
	struct modprobe_line line = { .source = COMMAND_LINE, .command_line = true };
	char *name;
	int r = 0;

	if (streq(module, "modprobe") && str_after(parameter, "blacklist=")) {
		line.kind = MODPROBE_BLACKLIST;
		while (r == 0 && (name = strsep(&value, ","))) {
			line.name = name;
			r = add_line(c, line);
		}
		return r;
	}
	if (!normalise(module))
		return 0;
	line.kind = MODPROBE_OPTIONS;
	line.name = module;
	line.value = parameter;
	return add_line(c, line);
}

/* How far one word of the command line was understood. */
enum word_state { WORD_IGNORED, WORD_MODULE, WORD_PARAMETER, WORD_VALUE };

/*
 * One word. A quote may stand before the whole of it, which some boot loaders make of a quoted value (then the value is
 * quoted again), or within its value, where blanks are then part of it. Elsewhere it spoils the word. Returns its end.
 */
static char *read_word(char *p, enum word_state *ret, bool *ret_quoted, char **ret_parameter, char **ret_value)
{
	char *start = p;
	bool in_quote = false;

	*ret = WORD_MODULE;
	*ret_quoted = false;
	for (; *p; p++) {
		if (*p == '"') {
			in_quote = !in_quote;
			if (in_quote && *ret == WORD_MODULE && p == start)
				*ret_quoted = true;
			else if (*ret != WORD_VALUE)
				*ret = WORD_IGNORED;
		} else if (isspace((unsigned char)*p)) {
			if (!in_quote)
				break;
			if (*ret != WORD_VALUE)
				*ret = WORD_IGNORED;
		} else if (*p == '.' && *ret == WORD_MODULE) {
			*p = '\0';
			*ret_parameter = p + 1;
			*ret = WORD_PARAMETER;
		} else if (*p == '=' && *ret == WORD_PARAMETER) {
			*ret_value = p + 1;
			*ret = WORD_VALUE;
		} else if ((*p == '.' && *ret == WORD_PARAMETER) || (*p == '=' && *ret == WORD_MODULE)) {
			*ret = WORD_IGNORED;
		}
	}
	/* A quote that nothing closes. */
	if (in_quote)
		*ret = WORD_IGNORED;
	return p;
}

static int add_word(struct modprobe_conf *c, char *module, bool quoted, char *parameter, char *value)
{
	_cleanup_free_ char *requoted = NULL;

	if (!quoted || !value)
		return add_parameter(c, module + quoted, parameter, value);
	requoted = str_format("%.*s\"%s", (int)(value - parameter), parameter, value);
	if (!requoted)
		return -ENOMEM;
	return add_parameter(c, module + 1, requoted, requoted + (value - parameter));
}

/* Also behind "--", unlike the kernel. */
int modprobe_conf_parse_command_line(struct modprobe_conf *c, const char *text)
{
	_cleanup_free_ char *copy = strndup(text, COMMAND_LINE_MAX);
	int r = copy ? 0 : -ENOMEM;

	for (char *p = copy; r == 0 && *p;) {
		char *parameter = NULL, *value = NULL, *end;
		enum word_state state;
		bool quoted, last;

		end = read_word(p, &state, &quoted, &parameter, &value);
		last = !*end;
		*end = '\0';
		if (state == WORD_PARAMETER || state == WORD_VALUE)
			r = add_word(c, p, quoted, parameter, state == WORD_VALUE ? value : NULL);
		p = last ? end : end + 1;
	}
	return r < 0 ? r : add_kernel_blacklist(c, text);
}

static int add_unread(struct modprobe_conf *c, const char *path, int error)
{
	__typeof__(c->unread) grown;

	if (error == -ENOMEM)
		return -ENOMEM;
	grown = reallocarray(c->unread, c->n_unread + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->unread = grown;
	grown[c->n_unread].path = arena_format(&c->arena, "/%s", path);
	grown[c->n_unread].error = -error;
	return grown[c->n_unread++].path ? 0 : -ENOMEM;
}

static int read_command_line(struct host *h, struct modprobe_conf *c)
{
	_cleanup_free_ char *text = malloc(KERNEL_LINE_MAX);
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = host_read_text(h, -1, "proc/cmdline", text, KERNEL_LINE_MAX);
	if (n < 0)
		return n == -ENOENT ? 0 : add_unread(c, "proc/cmdline", (int)n);
	c->command_line = arena_strdup(&c->arena, text);
	return c->command_line ? modprobe_conf_parse_command_line(c, text) : -ENOMEM;
}

/* ---- files ---- */

struct conf_file {
	char *name;
	const char *dir;
	size_t rank; /* of the directory */
};

struct conf_files {
	struct conf_file *items;
	size_t n;
};

static void conf_files_clear(struct conf_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].name);
	free(f->items);
}

static int compare_files(const void *a, const void *b)
{
	const struct conf_file *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

static int add_file(struct modprobe_conf *c, struct conf_files *files, const char *dir, size_t rank, const char *name)
{
	struct conf_file *grown;

	if (files->n == FILES_MAX) {
		c->cut = true;
		return 0;
	}
	grown = reallocarray(files->items, files->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	files->items = grown;
	grown[files->n] = (struct conf_file){ strdup(name), dir, rank };
	return grown[files->n++].name ? 0 : -ENOMEM;
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && streq(name + n - m, suffix);
}

/*
 * "x.alias" is read by kmod before version 33. A later one does not: then something that it says is left out for
 * nothing, while the other way round it would move functions.
 */
static bool is_conf(const char *name)
{
	return *name != '.' && (ends_in(name, ".conf") || ends_in(name, ".alias"));
}

static int list_dir(struct host *h, struct modprobe_conf *c, struct conf_files *files, const char *dir, size_t rank)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = h->ops->list(h, -1, dir, &names);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : add_unread(c, dir, r);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (is_conf(names.items[i]))
			r = add_file(c, files, dir, rank, names.items[i]);
	return r;
}

static bool is_mask(struct host *h, const char *path)
{
	char target[PATH_MAX];

	return h->ops->readlink(h, -1, path, target, sizeof(target)) > 0 && streq(target, "/dev/null");
}

/* 1: there is no such file, and one of its name in a later directory counts; so it does behind a directory. */
static int read_file(struct host *h, struct modprobe_conf *c, const struct conf_file *file)
{
	_cleanup_free_ char *path = str_format("%s/%s", file->dir, file->name);
	const char *text;
	size_t size;
	int r;

	if (!path)
		return -ENOMEM;
	r = h->ops->map(h, path, &text, &size);
	if (r == -EISDIR || r == -ENOENT)
		return is_mask(h, path) ? 0 : 1;
	/* Another root's /dev may hold anything, and no device has a line for modprobe. */
	if (r == -EINVAL || is_mask(h, path)) {
		if (r == 0)
			h->ops->unmap(h, text, size);
		return 0;
	}
	if (r < 0)
		return add_unread(c, path, r);
	r = modprobe_conf_parse(c, path, text, size);
	h->ops->unmap(h, text, size);
	return r;
}

/* By name, whatever the directory; the first directory's file of a name hides the others. */
static int read_files(struct host *h, struct modprobe_conf *c, struct conf_files *files)
{
	int r = 1;

	if (files->n)
		qsort(files->items, files->n, sizeof(*files->items), compare_files);
	for (size_t i = 0; i < files->n; i++) {
		if (r == 0 && streq(files->items[i].name, files->items[i - 1].name))
			continue;
		r = read_file(h, c, &files->items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int modprobe_conf_read(struct host *h, const char *index, struct modprobe_conf *ret)
{
	static const char *const dirs[] = { "etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d",
					    "usr/lib/modprobe.d", "lib/modprobe.d" };
	_cleanup_modprobe_conf_ struct modprobe_conf c = { 0 };
	CLEANUP(conf_files_clear) struct conf_files files = { 0 };
	int r = 0;

	/* depmod's lists sort among them by their names, before a "vfio.conf". */
	if (index) {
		r = add_file(&c, &files, index, 0, "modules.softdep");
		if (r == 0)
			r = add_file(&c, &files, index, 0, "modules.weakdep");
	}
	for (size_t d = 0; r == 0 && d < ARRAY_SIZE(dirs); d++)
		r = list_dir(h, &c, &files, dirs[d], d + 1);
	if (r == 0)
		r = read_files(h, &c, &files);
	if (r == 0)
		r = read_command_line(h, &c);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct modprobe_conf){ 0 };
	return 0;
}
