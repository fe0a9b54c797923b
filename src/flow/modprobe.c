/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --modprobe: the file in modprobe.d, which is there because somebody wants it. */
#include <string.h>

#include "base/error.h"
#include "flow/persist.h"
#include "policy/bootfiles.h"

#define FILE_NAME "/" BOOTFILES_MODPROBE

static int fail_unreadable(int r, struct vfioadm_error **err)
{
	error_set(err, r, VFIOADM_E_STORE, FILE_NAME " cannot be read: %s.", strerror(-r));
	error_path(err, FILE_NAME);
	error_hint(err, "Make it a file that belongs to root and is writable by nobody else, likewise its directory.");
	return r;
}

static int fail_not_ours(struct vfioadm_error **err)
{
	error_set(err, -EEXIST, VFIOADM_E_STORE, FILE_NAME " is there already, and vfioadm has not made it.");
	error_path(err, FILE_NAME);
	error_hint(err, "Give that file another name, or leave --modprobe out.");
	return -EEXIST;
}

/* ---- what will be declared ---- */

static const struct declare_change *change_of(const struct persist *p, const char *name)
{
	for (size_t i = 0; i < p->n_changes; i++)
		if (streq(p->changes[i].name, name))
			return &p->changes[i];
	return NULL;
}

static void add_type(struct persist *p, const struct cardtype *type)
{
	for (size_t i = 0; i < p->n_types; i++)
		if (cardtype_equal(&p->types[i], type))
			return;
	p->types[p->n_types++] = *type;
}

/* By its text: whoever has gathered it, this is what the file will say. */
static int add_type_of(struct persist *p, const struct declare_change *change)
{
	_cleanup_error_ struct vfioadm_error *error = NULL;
	struct arena arena = { 0 };
	struct declaration d;
	int r = 0;

	if (!change->after)
		return 0;
	r = declaration_parse(change->name, change->name, change->after, strlen(change->after), &arena, &d, &error);
	if (r == 0 && d.match[MATCH_CARD_TYPE])
		add_type(p, &d.type);
	arena_free(&arena);
	return r == -ENOMEM ? r : 0;
}

static int compare(const void *a, const void *b)
{
	const struct cardtype *x = a, *y = b;
	const uint32_t left[] = { x->vendor, x->device, x->subvendor, x->subdevice, x->class_code, x->class_mask };
	const uint32_t right[] = { y->vendor, y->device, y->subvendor, y->subdevice, y->class_code, y->class_mask };

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* In an order of their own: the names of their files do not matter to modprobe. */
static int gather_types(struct persist *p)
{
	const struct declarations *found = &p->d.declared.found;
	int r = 0;

	p->types = calloc(found->n + p->n_changes + 1, sizeof(*p->types));
	if (!p->types)
		return -ENOMEM;
	for (size_t i = 0; i < found->n; i++)
		if (found->items[i].match[MATCH_CARD_TYPE] && !change_of(p, found->items[i].name))
			add_type(p, &found->items[i].type);
	for (size_t i = 0; r == 0 && i < p->n_changes; i++)
		r = add_type_of(p, &p->changes[i]);
	qsort(p->types, p->n_types, sizeof(*p->types), compare);
	return r;
}

/* ---- its text ---- */

static int add_natives(struct persist *p, struct vfioadm_function *f, struct strv *natives)
{
	/* An initramfs that brings one of them up has a copy of the file. */
	if (persist_add_modules(p, f) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < f->host_drivers.n; i++)
		if (!strv_has(natives, f->host_drivers.items[i]) && strv_add(natives, f->host_drivers.items[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int make_text(struct persist *p, struct strbuf *ret)
{
	_cleanup_strv_ struct strv natives = { 0 };
	int r = gather_types(p);

	for (size_t i = 0; r == 0 && i < p->look->inv->n_functions; i++) {
		struct vfioadm_function *f = &p->look->inv->functions[i];

		if (!f->bridge && cardtypes_match(p->types, p->n_types, f))
			r = add_natives(p, f, &natives);
	}
	if (r < 0)
		return r;
	bootfiles_modprobe(p->types, p->n_types, &natives, ret);
	return ret->failed ? -ENOMEM : 0;
}

static int change_to(struct persist *p, const char *before, const char *after)
{
	struct arena *arena = &p->plan->arena;

	p->modprobe.before = before ? arena_strdup(arena, before) : NULL;
	p->modprobe.after = after ? arena_strdup(arena, after) : NULL;
	p->modprobe.text = after ? "write " FILE_NAME ", which has vfio-pci loaded with the declared card types" :
				   "remove " FILE_NAME ", as no card type is declared any more";
	return arena->failed ? -ENOMEM : 0;
}

int persist_modprobe(struct persist *p, bool wanted, struct vfioadm_error **err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_free_ char *before = NULL;
	int r = declared_generated_text(p->ctx->root, BOOTFILES_MODPROBE, &before);

	if (r == -ENOMEM)
		return error_oom(err);
	if (r < 0)
		return wanted ? fail_unreadable(r, err) : 0;
	if (before && !bootfiles_modprobe_is_ours(before))
		return wanted ? fail_not_ours(err) : 0;
	if (!before && !wanted)
		return 0;
	if (make_text(p, &text) < 0)
		return error_oom(err);
	if (streq_null(before, text.len ? text.s : NULL))
		return 0;
	return change_to(p, before, text.len ? text.s : NULL) < 0 ? error_oom(err) : 0;
}

const struct declare_change *persist_modprobe_change(const struct persist *p)
{
	return p->modprobe.text ? &p->modprobe : NULL;
}

bool modprobe_is_ours(const char *root, const char *source)
{
	_cleanup_free_ char *now = NULL;
	const char *line = str_after(source, FILE_NAME);

	return root && line && *line == ':' && declared_generated_text(root, BOOTFILES_MODPROBE, &now) == 0 && now &&
	       bootfiles_modprobe_is_ours(now);
}
