/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others give to VFIO at each boot: driverctl, module parameters, libvirt, rules, scripts, other managers. */
#include <limits.h>

#include "host/modprobe_conf.h"
#include "host/module_setup.h"
#include "host/modules.h"
#include "host/others.h"
#include "host/uses_private.h"
#include "model/cardtype.h"
#include "model/inventory.h"

enum {
	CLAIMS_MAX = 4096,
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

/* "1b36:0010,8086:10c9". why_not: NULL, or why the kernel does not use them. */
static int add_ids(struct gathering *g, const struct module_parameter *p, const char *text, const char *why_not)
{
	_cleanup_free_ char *list = strdup(text);
	char *rest = list, *id;

	if (!list)
		return -ENOMEM;
	if (++g->parameters > CLAIMS_MAX)
		return -E2BIG;
	set_source(g, p->source + 1);
	while ((id = strsep(&rest, ","))) {
		struct foreign_claim *c;

		id += strspn(id, " \t");
		if (!*id)
			continue;
		c = add(g, p->command_line ? FOREIGN_CMDLINE : FOREIGN_MODPROBE);
		if (c) {
			c->what = keep(g, id);
			c->why_not = keep(g, why_not);
		}
		if (result(g) < 0)
			return result(g);
	}
	return 0;
}

/* An ID where a parameter should be: a blank has cut it off from the list before it. */
static bool is_stray(const struct module_parameter *p)
{
	struct cardtype type;
	bool exact;

	return !p->value && strchr(p->name, ':') && cardtype_parse_parameter(p->name, &type, &exact) == 0;
}

static int add_parameter(struct gathering *g, const struct module_setup *setup, const struct module_parameter *p)
{
	const struct module_parameter *last = module_setup_find(setup, "ids");

	if (is_stray(p))
		return add_ids(g, p, p->name,
			       "a blank parts it from \"ids=\", so the kernel takes it for a parameter of its own and "
			       "ignores it");
	if (!p->value || !driver_name_equal(p->name, "ids"))
		return 0;
	if (p->unread)
		return add_ids(g, p, p->value, p->unread);
	if (p == last)
		return add_ids(g, p, p->value, NULL);
	return add_ids(g, p, p->value,
		       last->command_line && !p->command_line ?
			       "\"vfio-pci.ids=\" on the kernel command line takes its place" :
			       "a later \"ids=\" takes its place");
}

/* "vfio-pci.ids=10de:1e84, 10de:10f8": the blank ends the parameter there as well, and the rest is for nobody. */
static int add_strays(struct gathering *g, const struct modprobe_conf *conf)
{
	_cleanup_free_ char *text = strdup(conf->command_line ? conf->command_line : "");
	struct module_parameter p = { .source = "/proc/cmdline", .command_line = true };
	char *rest = text, *name, *value;
	bool open = false;
	int r = text ? 0 : -ENOMEM;

	while (r == 0 && modprobe_next_parameter(&rest, &name, &value)) {
		bool stray;

		p.name = name;
		p.value = value;
		stray = open && is_stray(&p);
		if (stray)
			r = add_ids(g, &p, name, "a blank parts it from \"vfio-pci.ids=\", and what stands alone "
						 "means nothing to the kernel");
		open = stray || (value && driver_name_equal(name, "vfio_pci.ids"));
	}
	return r;
}

static int add_commands(struct gathering *g, const struct module_setup *setup)
{
	for (size_t i = 0; i < setup->n_commands; i++) {
		struct foreign_claim *c;

		set_source(g, setup->commands[i].source + 1);
		c = add(g, FOREIGN_COMMAND);
		if (c) {
			c->what = keep(g, setup->commands[i].command);
			c->owner = keep(g, setup->commands[i].module);
		}
		if (result(g) < 0)
			return result(g);
	}
	return 0;
}

/* The command line first: it has the last word. */
static int add_parameters(struct gathering *g, const struct module_setup *setup)
{
	int r = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; r == 0 && i < setup->n; i++)
			if (setup->parameters[i].command_line == !pass)
				r = add_parameter(g, setup, &setup->parameters[i]);
	return r;
}

static int add_module(struct gathering *g)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	const struct modprobe_conf *conf;
	int r = modules_conf(g->h, &conf);

	for (size_t i = 0; r == 0 && i < conf->n_unread; i++)
		r = unreadable(g, conf->unread[i].path + 1, -conf->unread[i].error);
	if (r == 0)
		r = module_setup_read(g->h, "vfio_pci", &setup);
	if (r == 0)
		r = add_parameters(g, &setup);
	if (r == 0)
		r = add_strays(g, conf);
	if (r == 0)
		r = add_commands(g, &setup);
	return r == 0 && conf->cut ? -E2BIG : r;
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
	int r = add_module(&g);

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
