/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Card types that vfio-pci is configured with (ids= in modprobe.d or on the kernel command line). Loading it for what is
 * declared must not move what is not: where nothing but us loads vfio-pci at boot, types that would take such
 * functions are left out, as 'vfioadm assign' leaves them out. Where the host itself loads it, they are its wish.
 */
#include <string.h>

#include "boot/private.h"
#include "host/module_setup.h"
#include "host/modules_at_boot.h"

/* A function that has this type and no driver, and that nobody has declared to be assigned. */
static const struct vfioadm_function *would_take(struct run *run, const struct cardtype *type)
{
	for (size_t i = 0; i < run->inv->n_functions; i++) {
		const struct vfioadm_function *f = &run->inv->functions[i];

		if (!inventory_never_taken(f) && cardtype_matches(type, f) && !run_is_claimed(run, f) &&
		    run_is_free(run, f))
			return f;
	}
	return NULL;
}

struct sorted {
	struct strbuf kept; /* "ids=…" */
	struct strv left;
};

static void sorted_clear(struct sorted *s)
{
	strbuf_clear(&s->kept);
	strv_clear(&s->left);
}

static int sort_type(struct run *run, const struct module_parameter *ids, const struct cardtype *type, struct sorted *s)
{
	const struct vfioadm_function *f = would_take(run, type);
	char text[CARDTYPE_MAX];

	if (!f) {
		cardtype_format_parameter(type, text);
		strbuf_addf(&s->kept, "%s%s", s->kept.s[s->kept.len - 1] == '=' ? "" : ",", text);
		return s->kept.failed ? -ENOMEM : 0;
	}
	cardtype_format(type, text);
	run_log(run, EARLY_NOTICE,
		"vfio-pci is loaded without the card type %s of %s: it would take %s, which is not declared, and nothing "
		"else loads vfio-pci now.",
		text, ids->source, f->address);
	return strv_add(&s->left, text);
}

static int sort_types(struct run *run, const struct module_parameter *ids, struct sorted *s)
{
	_cleanup_free_ char *list = strdup(ids->value);
	char *rest = list, *id;
	int r = list ? 0 : -ENOMEM;

	strbuf_addf(&s->kept, "ids=");
	while (r == 0 && !s->kept.failed && (id = strsep(&rest, ","))) {
		struct cardtype type;
		bool exact;

		if (cardtype_parse_parameter(id, &type, &exact) == 0)
			r = sort_type(run, ids, &type, s);
	}
	return s->kept.failed ? -ENOMEM : r;
}

int run_configured_types(struct run *run, const char *module, char **ret_options)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	CLEANUP(sorted_clear) struct sorted s = { 0 };
	const struct module_parameter *ids;
	bool wanted;
	int r;

	*ret_options = NULL;
	if (!driver_name_equal(module, "vfio_pci"))
		return 0;
	r = module_setup_read(run->h, module, &setup);
	ids = r == 0 ? module_setup_find(&setup, "ids") : NULL;
	if (!ids || !ids->value || !*ids->value)
		return r;
	r = modules_at_boot(run->h, module, run->e->initramfs, &wanted);
	if (r < 0 || wanted)
		return r;
	r = sort_types(run, ids, &s);
	if (r < 0 || !s.left.n)
		return r;
	/* The host may load it later, and cannot load it twice. */
	if (run->e->initramfs && notes_write_types(run, &s.left) < 0)
		run_log(run, EARLY_WARNING, "Which card types vfio-pci was loaded without could not be noted.");
	*ret_options = strbuf_take(&s.kept);
	return *ret_options ? 0 : -ENOMEM;
}

/* ---- what the initramfs has left out ---- */

static void add_type(struct run *run, const struct strv *left, const struct cardtype *type, const char *source)
{
	char text[CARDTYPE_MAX], id[CARDTYPE_MAX];
	int r;

	cardtype_format(type, text);
	if (!strv_has(left, text) || run_declared_otherwise(run, type, NULL))
		return;
	cardtype_format_new_id(type, id);
	r = run_step(run);
	if (r == 0)
		r = run_write_driver(run, "vfio-pci", "new_id", id);
	if (r == 0 || r == -EEXIST)
		run_log(run, EARLY_NOTICE, "vfio-pci has card type %s now, as %s says.", text, source);
	else
		run_log(run, EARLY_WARNING, "%s of %s could not be given to vfio-pci: %s.", text, source, strerror(-r));
}

static void add_types(struct run *run, const struct module_parameter *ids)
{
	_cleanup_free_ char *list = strdup(ids->value);
	char *rest = list, *id;

	while (rest && (id = strsep(&rest, ","))) {
		struct cardtype type;
		bool exact;

		if (cardtype_parse_parameter(id, &type, &exact) == 0)
			add_type(run, &run->left_types, &type, ids->source);
	}
}

int run_add_left_types(struct run *run)
{
	_cleanup_module_setup_ struct module_setup setup = { 0 };
	const struct module_parameter *ids;
	bool wanted;
	int r;

	if (!run->left_types.n || run->e->initramfs)
		return 0;
	/* Once, when the host would have loaded it: what is done by hand later stays. */
	r = notes_drop_types(run);
	if (r == 0)
		r = modules_at_boot(run->h, "vfio_pci", false, &wanted);
	if (r == 0 && wanted)
		r = module_setup_read(run->h, "vfio_pci", &setup);
	ids = r == 0 && wanted ? module_setup_find(&setup, "ids") : NULL;
	if (ids && ids->value)
		add_types(run, ids);
	return r;
}
