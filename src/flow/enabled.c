/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which card types does vfio-pci hold? The kernel does not say: our record, the module's parameter, driverctl. */
#include <string.h>

#include "base/error.h"
#include "flow/flow.h"
#include "host/module_setup.h"
#include "host/modules.h"

void vfioadm_enabled_free(struct vfioadm_enabled *enabled)
{
	if (!enabled)
		return;
	arena_free(&enabled->arena);
	free(enabled->items);
	free(enabled);
}

size_t vfioadm_enabled_n(const struct vfioadm_enabled *enabled)
{
	return enabled->n;
}

const struct vfioadm_enabled_id *vfioadm_enabled_id(const struct vfioadm_enabled *enabled, size_t i)
{
	return i < enabled->n ? &enabled->items[i] : NULL;
}

static int add(struct vfioadm_enabled *e, const char *id, const char *source)
{
	struct vfioadm_enabled_id *grown = reallocarray(e->items, e->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	e->items = grown;
	grown[e->n] = (struct vfioadm_enabled_id){ arena_strdup(&e->arena, id), source };
	return grown[e->n++].id ? 0 : -ENOMEM;
}

/* The record is void once vfio-pci was registered anew: its dynamic IDs went with the module. */
int flow_recorded_types(struct vfioadm_ctx *ctx, struct enabled_ids *ret, struct vfioadm_error **err)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	_cleanup_store_ struct store store = STORE_CLOSED;
	uint64_t registration;
	size_t kept = 0;
	int r;

	*ret = ids;
	if (!ctx->host->live || ctx->host->ops->incarnation(ctx->host, -1, "sys/bus/pci/drivers/vfio-pci",
							    &registration) < 0)
		return 0;
	r = store_open(&store, ctx->run_dir, err);
	if (r < 0)
		return r;
	if (store_load_ids(&store, &ids) == -ENOMEM)
		return error_oom(err);
	for (size_t i = 0; i < ids.n; i++)
		if (ids.items[i].registration == registration)
			ids.items[kept++] = ids.items[i];
	ids.n = kept;
	*ret = ids;
	ids = (struct enabled_ids){ 0 };
	return 0;
}

static int add_recorded(struct vfioadm_ctx *ctx, struct vfioadm_enabled *e, struct vfioadm_error **err)
{
	_cleanup_enabled_ids_ struct enabled_ids ids = { 0 };
	char name[CARDTYPE_MAX];
	int r = flow_recorded_types(ctx, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		cardtype_format(&ids.items[i].type, name);
		if (add(e, name, "vfioadm") < 0)
			r = error_oom(err);
	}
	return r;
}

/* Is it among those that the module was loaded with? NULL: nobody has chosen of them. */
static bool was_loaded_with(const char *loaded, const struct cardtype *type)
{
	bool exact;

	for (const char *id = loaded; id && *id; id += strcspn(id, ","), id += *id == ',') {
		struct cardtype one;

		if (cardtype_parse_parameter(id, &one, &exact) == 0 && cardtype_equal(&one, type))
			return true;
	}
	return !loaded;
}

static int add_list(struct vfioadm_enabled *e, const char *text, const char *source, const char *loaded)
{
	_cleanup_free_ char *list = strdup(text);
	char *rest = list, *id, name[CARDTYPE_MAX];
	struct cardtype type;
	bool exact;

	if (!list)
		return -ENOMEM;
	while ((id = strsep(&rest, ","))) {
		/* The module only warns about such entries as well. */
		if (cardtype_parse_parameter(id, &type, &exact) < 0 || !was_loaded_with(loaded, &type))
			continue;
		cardtype_format(&type, name);
		if (add(e, name, source) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What we have loaded it with, see loading_settle(). */
static int read_loaded(struct vfioadm_ctx *ctx, char **ret)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	uint64_t registration;
	int r;

	if (!ctx->host->live || ctx->host->ops->incarnation(ctx->host, -1, "sys/bus/pci/drivers/vfio-pci",
							    &registration) < 0 ||
	    store_open(&store, ctx->run_dir, NULL) < 0)
		return 0;
	r = store_noted_load(&store, registration, ret);
	return r == -ENOMEM ? r : 0;
}

/* The module's parameter, as it is configured now: the kernel does not show what it was loaded with. */
static int add_parameter(struct vfioadm_ctx *ctx, struct vfioadm_enabled *e)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	_cleanup_free_ char *loaded = NULL;
	const struct module_parameter *ids;
	const char *source;

	if (!host_exists(ctx->host, "sys/bus/pci/drivers/vfio-pci"))
		return 0;
	modules_refresh(ctx->host);
	if (module_setup_read(ctx->host, "vfio_pci", &setup) < 0)
		return -ENOMEM;
	ids = module_setup_find(&setup, "ids");
	if (!ids || !ids->value)
		return 0;
	source = ids->command_line ? "kernel command line" : arena_strdup(&e->arena, ids->source);
	if (!source || read_loaded(ctx, &loaded) < 0)
		return -ENOMEM;
	return add_list(e, ids->value, source, loaded);
}

static int on_driverctl_type(const struct cardtype *type, void *userdata)
{
	struct vfioadm_enabled *e = userdata;
	char name[CARDTYPE_MAX];

	cardtype_format(type, name);
	for (size_t i = 0; i < e->n; i++)
		if (streq(e->items[i].id, name) && streq(e->items[i].source, "driverctl"))
			return 0;
	return add(e, name, "driverctl");
}

/* With the driver away nothing holds an ID. */
static int add_driverctl(struct vfioadm_ctx *ctx, struct vfioadm_enabled *e)
{
	if (!host_exists(ctx->host, "sys/bus/pci/drivers/vfio-pci"))
		return 0;
	return observe_driverctl_types(ctx->host, on_driverctl_type, e);
}

int flow_enabled(struct vfioadm_ctx *ctx, struct vfioadm_enabled **ret, struct vfioadm_error **err)
{
	struct vfioadm_enabled *e = calloc(1, sizeof(*e));
	struct host *h;
	int r;

	if (!e)
		return error_oom(err);
	r = ctx_host(ctx, &h, err);
	if (r == 0)
		r = add_recorded(ctx, e, err);
	if (r == 0 && (add_parameter(ctx, e) < 0 || add_driverctl(ctx, e) < 0))
		r = error_oom(err);
	if (r < 0) {
		vfioadm_enabled_free(e);
		return r;
	}
	*ret = e;
	return 0;
}
