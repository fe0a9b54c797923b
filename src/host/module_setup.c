/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host/host.h"
#include "host/modprobe_conf.h"
#include "host/module_setup.h"
#include "host/modules.h"

enum { MODULE_SIZE = 256 };

void module_setup_clear(struct module_setup *s)
{
	arena_free(&s->arena);
	free(s->parameters);
	free(s->commands);
	free(s->soft);
	*s = (struct module_setup){ 0 };
}

const struct module_parameter *module_setup_find(const struct module_setup *s, const char *name)
{
	const struct module_parameter *found = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (!s->parameters[i].unread && driver_name_equal(s->parameters[i].name, name))
			found = &s->parameters[i];
	return found;
}

int module_parameter_bool(const struct module_parameter *p, bool *ret)
{
	const char *v = p->value ? p->value : "1";

	/* "on" and "off" are told by their second letter. */
	if (*v == 'o' || *v == 'O')
		v = strchr("nNfF", v[1]) && v[1] ? (v[1] == 'n' || v[1] == 'N' ? "1" : "0") : "";
	if (!*v || !strchr("yYtT1nNfF0", *v))
		return -EINVAL;
	*ret = strchr("yYtT1", *v);
	return 0;
}

/* ---- parameters ---- */

static int add_parameter(struct module_setup *s, const struct module_parameter *p)
{
	struct module_parameter *grown = reallocarray(s->parameters, s->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->parameters = grown;
	grown[s->n] = *p;
	grown[s->n].name = arena_strdup(&s->arena, p->name);
	grown[s->n].value = p->value ? arena_strdup(&s->arena, p->value) : NULL;
	grown[s->n].source = arena_strdup(&s->arena, p->source);
	return s->arena.failed || !grown[s->n++].source ? -ENOMEM : 0;
}

static bool is_option_of(const struct modprobe_line *line, const char *module)
{
	return line->kind == MODPROBE_OPTIONS && streq(line->name, module);
}

/* Which line does the text at this place come from? */
static const struct modprobe_line *line_at(const struct modprobe_conf *c, const char *module, size_t place)
{
	const struct modprobe_line *found = NULL;
	size_t end = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (!is_option_of(&c->lines[i], module) || !*c->lines[i].value)
			continue;
		found = &c->lines[i];
		end += strlen(found->value) + 1;
		if (place < end)
			break;
	}
	return found;
}

/*
 * libkmod joins all lines of a module to one text, the command line's last, and the kernel parts that again: a quote
 * that is not closed reaches into the next line.
 */
static int add_options(struct module_setup *s, const struct modprobe_conf *c, const char *module)
{
	_cleanup_strbuf_ struct strbuf joined = { 0 };
	struct module_parameter p = { 0 };
	char *rest, *name, *value;

	for (size_t i = 0; i < c->n; i++)
		if (is_option_of(&c->lines[i], module) && *c->lines[i].value)
			strbuf_addf(&joined, "%s%s", joined.len ? " " : "", c->lines[i].value);
	if (joined.failed)
		return -ENOMEM;
	rest = joined.s;
	while (rest && modprobe_next_parameter(&rest, &name, &value)) {
		const struct modprobe_line *line = line_at(c, module, (size_t)(name - joined.s));

		if (streq(name, "--") && !value) {
			p.unread = "what follows \"--\" is not for the module";
			continue;
		}
		p.name = name;
		p.value = value;
		p.source = line->source;
		p.command_line = line->command_line;
		if (add_parameter(s, &p) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Built in: the kernel looks for "MODULE.parameter" itself, up to "--", whatever modprobe.d says. */
static int add_kernel_parameters(struct module_setup *s, const struct modprobe_conf *c, const char *module)
{
	_cleanup_free_ char *text = strdup(c->command_line ? c->command_line : "");
	struct module_parameter p = { .source = "/proc/cmdline", .command_line = true };
	char *rest = text, *name, *value;

	if (!text)
		return -ENOMEM;
	while (modprobe_next_parameter(&rest, &name, &value)) {
		char *dot = strchr(name, '.');

		if (streq(name, "--") && !value)
			p.unread = "what follows \"--\" is for init";
		if (!dot)
			continue;
		*dot = '\0';
		if (!driver_name_equal(name, module))
			continue;
		p.name = dot + 1;
		p.value = value;
		if (add_parameter(s, &p) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_parameters(struct module_setup *s, const struct modprobe_conf *c, const char *module)
{
	size_t kept = 0;
	int r = add_options(s, c, module);

	if (r < 0 || !s->builtin)
		return r;
	for (size_t i = 0; i < s->n; i++) {
		if (s->parameters[i].command_line)
			continue;
		s->parameters[kept] = s->parameters[i];
		s->parameters[kept++].unread =
			arena_format(&s->arena, "%s is built into this kernel, which does not read modprobe.d", module);
	}
	s->n = kept;
	return s->arena.failed ? -ENOMEM : add_kernel_parameters(s, c, module);
}

/* ---- commands ---- */

/* One simple command, up to ';', '&', '|' or the end of a line: is it of those that do nothing? */
static bool does_nothing(const char *command, size_t n)
{
	static const char *const idle[] = { "true", "false", ":", "exit", "echo", "printf", "logger" };
	const char *end = command + n, *base;
	size_t len;

	while (command < end && strchr(" \t(){}", *command))
		command++;
	if (command == end)
		return true;
	len = strcspn(command, " \t;&|()<>\n");
	base = memrchr(command, '/', len);
	base = base ? base + 1 : command;
	len -= (size_t)(base - command);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		if (strlen(idle[i]) == len && memcmp(base, idle[i], len) == 0)
			return true;
	return false;
}

bool module_command_forbids(const char *command)
{
	/* What a shell would run within it is not looked through. */
	if (strpbrk(command, "`$"))
		return false;
	while (*command) {
		size_t n = strcspn(command, ";|&\n");

		/* "2>&1" parts no commands. */
		while (n && command[n] == '&' && command[n - 1] == '>')
			n += 1 + strcspn(command + n + 1, ";|&\n");
		if (!does_nothing(command, n))
			return false;
		command += n;
		command += strspn(command, ";|&\n");
	}
	return true;
}

static const struct modprobe_line *first_line(const struct modprobe_conf *c, enum modprobe_kind kind,
					      const char *module)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->lines[i].kind == kind && modules_glob(c->lines[i].name, module))
			return &c->lines[i];
	return NULL;
}

static int is_there(struct host *h, const char *module)
{
	_cleanup_strv_ struct strv found = { 0 };
	int r = modules_lookup(h, module, &found);

	return r == -ENOMEM ? r : r == 0 && found.n > 0;
}

static char *normalised(const char *name)
{
	char *copy = strdup(name);

	for (char *p = copy; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return copy;
}

/* The modules of one half of a line "pre: a b post: c" that are there. */
static int soft_modules(struct host *h, const char *text, const char *half, struct strv *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *word;
	bool within = false;

	if (!copy)
		return -ENOMEM;
	while ((word = strsep(&rest, " \t\r"))) {
		_cleanup_free_ char *name = NULL;
		int r;

		if (streq(word, "pre:") || streq(word, "post:")) {
			within = streq(word, half);
			continue;
		}
		if (!within || !*word)
			continue;
		name = normalised(word);
		if (!name)
			return -ENOMEM;
		r = is_there(h, name);
		if (r < 0 || (r && strv_take(ret, TAKE_PTR(name)) < 0))
			return -ENOMEM;
	}
	return 0;
}

static int add_command(struct module_setup *s, struct module_command **list, size_t *n, const char *module,
		       const char *command, const char *source, bool loaded)
{
	struct module_command *grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = (struct module_command){
		.module = arena_strdup(&s->arena, module),
		.command = command ? arena_strdup(&s->arena, command) : NULL,
		.source = arena_strdup(&s->arena, source),
		.loaded = loaded,
	};
	if (s->arena.failed)
		return -ENOMEM;
	++*n;
	return 0;
}

/*
 * What loading brings along, in the order of the loader (see load() in kmod.c). Soft dependencies that would take
 * functions or run a command are left out: loading without them is what soft means.
 */
struct soft_search {
	struct module_setup *s;
	struct host *h;
	const struct modprobe_conf *c;
	struct strv loaded; /* by then */
	struct strv left_out;
};

static void soft_search_clear(struct soft_search *q)
{
	strv_clear(&q->loaded);
	strv_clear(&q->left_out);
}

static int is_loaded(struct soft_search *q, const char *module)
{
	_cleanup_free_ char *path = str_format("sys/module/%s", module);

	return path ? strv_has(&q->loaded, module) || host_exists(q->h, path) : -ENOMEM;
}

/* 1: loading it takes functions or runs a command, *ret_command. */
static int moves_others(struct soft_search *q, const char *module, const struct modprobe_line **ret_command)
{
	int r = is_loaded(q, module);

	*ret_command = NULL;
	if (r)
		return r < 0 ? r : 0;
	*ret_command = first_line(q->c, MODPROBE_INSTALL, module);
	return *ret_command || modules_drives_pci(q->h, module);
}

/* The same of what it needs. */
static int brings_others(struct soft_search *q, const char *module, const struct modprobe_line **ret_command)
{
	_cleanup_strv_ struct strv needed = { 0 };
	int r = moves_others(q, module, ret_command);

	if (r == 0 && modules_needed(q->h, module, &needed) == -ENOMEM)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < needed.n; i++)
		r = moves_others(q, needed.items[i], ret_command);
	return r;
}

static int leave_out(struct soft_search *q, const char *soft, const char *module, const struct modprobe_line *line,
		     const struct modprobe_line *command)
{
	struct module_setup *s = q->s;

	/* However many modules name it. */
	if (strv_has(&q->left_out, soft))
		return 0;
	if (strv_add(&q->left_out, soft) < 0 ||
	    add_command(s, &s->soft, &s->n_soft, soft, command ? command->value : NULL,
			command ? command->source : line->source, false) < 0)
		return -ENOMEM;
	s->soft[s->n_soft - 1].of = arena_strdup(&s->arena, module);
	return s->arena.failed ? -ENOMEM : 0;
}

static int follow(struct soft_search *q, const char *module, unsigned depth);

static int follow_soft(struct soft_search *q, const char *module, const struct modprobe_line *line, const char *half,
		       unsigned depth)
{
	_cleanup_strv_ struct strv modules = { 0 };
	int r = line && depth < MODULE_SOFT_DEPTH ? soft_modules(q->h, line->value, half, &modules) : 0;

	for (size_t i = 0; r == 0 && i < modules.n; i++) {
		const struct modprobe_line *command;
		const char *soft = modules.items[i];

		r = is_loaded(q, soft);
		if (r)
			r = r < 0 ? r : 0;
		else if ((r = brings_others(q, soft, &command)) > 0)
			r = leave_out(q, soft, module, line, command);
		else if (r == 0)
			r = follow(q, soft, depth + 1);
	}
	return r;
}

static int follow_one(struct soft_search *q, const char *module, unsigned depth)
{
	const struct modprobe_line *line = first_line(q->c, MODPROBE_SOFTDEP, module);
	int r = is_loaded(q, module);

	if (r)
		return r < 0 ? r : 0;
	r = follow_soft(q, module, line, "pre:", depth);
	if (r == 0)
		r = strv_add(&q->loaded, module);
	return r < 0 ? r : follow_soft(q, module, line, "post:", depth);
}

/* modules.dep has the farthest last. */
static int follow(struct soft_search *q, const char *module, unsigned depth)
{
	_cleanup_strv_ struct strv needed = { 0 };
	int r = modules_needed(q->h, module, &needed);

	if (r == -ENOMEM)
		return r;
	r = 0;
	for (size_t i = needed.n; r == 0 && i-- > 0;)
		r = follow_one(q, needed.items[i], depth);
	return r < 0 ? r : follow_one(q, module, depth);
}

/* libkmod leaves a command out where the module has soft dependencies. */
static int look_at_command(struct module_setup *s, struct host *h, const struct modprobe_conf *c, const char *module,
			   bool loaded)
{
	const struct modprobe_line *command = first_line(c, MODPROBE_INSTALL, module);
	const struct modprobe_line *soft = command ? first_line(c, MODPROBE_SOFTDEP, module) : NULL;
	_cleanup_strv_ struct strv modules = { 0 };
	int r = soft ? soft_modules(h, soft->value, "pre:", &modules) : 0;

	if (r == 0 && soft)
		r = soft_modules(h, soft->value, "post:", &modules);
	if (r < 0 || !command || modules.n)
		return r;
	return add_command(s, &s->commands, &s->n_commands, module, command->value, command->source,
			   loaded);
}

/* ---- what prevents it ---- */

static int set_trouble(struct module_setup *s, const char *source, const char *hint, char *clause)
{
	if (s->trouble)
		return 0;
	s->trouble = clause;
	s->trouble_source = arena_strdup(&s->arena, source);
	s->trouble_hint = arena_strdup(&s->arena, hint);
	return clause && !s->arena.failed ? 0 : -ENOMEM;
}

static int look_at_trouble(struct module_setup *s, const struct modprobe_conf *c, const char *module)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->lines[i].kind == MODPROBE_KERNEL_BLACKLIST && streq(c->lines[i].name, module) &&
		    set_trouble(s, c->lines[i].source,
				"Remove it from \"module_blacklist=\" on the kernel command line, and reboot.",
				arena_format(&s->arena,
					     "module_blacklist= on the kernel command line names %s, so the kernel "
					     "refuses to load it", module)) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < s->n_commands; i++) {
		const struct module_command *m = &s->commands[i];

		if (streq(m->module, module) && module_command_forbids(m->command) &&
		    set_trouble(s, m->source,
				arena_format(&s->arena, "Remove the line \"install %s\" from %.*s.", module,
					     (int)strcspn(m->source, ":"), m->source),
				arena_format(&s->arena, "%s says \"install %s %s\", which loads nothing", m->source,
					     module, m->command)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int look_at(struct module_setup *s, struct host *h, const struct modprobe_conf *c, const char *module)
{
	_cleanup_free_ char *path = str_format("sys/module/%s", module);
	bool there;

	if (!path)
		return -ENOMEM;
	there = host_exists(h, path);
	if (look_at_command(s, h, c, module, there) < 0)
		return -ENOMEM;
	return there ? 0 : look_at_trouble(s, c, module);
}

static int add_loading(struct module_setup *s, struct host *h, const struct modprobe_conf *c, const char *module)
{
	_cleanup_strv_ struct strv needed = { 0 };
	CLEANUP(soft_search_clear) struct soft_search q = { .s = s, .h = h, .c = c };
	int r = modules_needed(h, module, &needed);

	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; i < c->n && !s->blacklist; i++)
		if (c->lines[i].kind == MODPROBE_BLACKLIST && streq(c->lines[i].name, module))
			s->blacklist = arena_strdup(&s->arena, c->lines[i].source);
	if (s->arena.failed || look_at(s, h, c, module) < 0)
		return -ENOMEM;
	STRV_FOREACH(i, &needed)
		if (look_at(s, h, c, needed.items[i]) < 0)
			return -ENOMEM;
	return follow(&q, module, 0);
}

int module_setup_read(struct host *h, const char *module, struct module_setup *ret)
{
	_cleanup_module_setup_ struct module_setup s = { 0 };
	_cleanup_free_ char *name = normalised(module);
	const struct modprobe_conf *c;
	int r = name ? modules_conf(h, &c) : -ENOMEM;

	if (r < 0)
		return r;
	s.builtin = modules_builtin(h, name);
	r = add_parameters(&s, c, name);
	if (r == 0 && !s.builtin)
		r = add_loading(&s, h, c, name);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct module_setup){ 0 };
	return 0;
}
