/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "list.h"

/* ---- JSON -------------------------------------------------------------------------------------- */

static int show_json(struct cli *cli, const struct vfioadm_inventory *inventory,
		     const size_t *selected, size_t n)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_bool(&j, "complete", vfioadm_inventory_complete(inventory));
	list_json_iommu(&j, inventory);
	json_array(&j, "functions", true);
	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_function *f =
			vfioadm_inventory_function(inventory, selected[i]);

		json_object(&j, NULL, true);
		fields_json(&j, &function_fields, FIELD_IN_SHOW, f->facets, f);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	json_end(&j);
	return VFIOADM_EXIT_DONE;
}

/* ---- text -------------------------------------------------------------------------------------- */

enum { LABEL_WIDTH = 20 };

static void print_label(struct cli *cli, const char *label)
{
	const char *colon = *label ? ":" : "";

	fprintf(cli->out, "    %s%s%*s", label, colon,
		(int)(LABEL_WIDTH - strlen(label) - strlen(colon)), "");
}

static void print_escaped(struct cli *cli, const char *s)
{
	_cleanup_text_ struct text t = {};

	text_add_escaped(&t, s);
	if (t.len && !t.failed)
		fputs(t.s, cli->out);
}

/* One item a line, the further ones below the first. */
static void print_lines(struct cli *cli, const struct vfioadm_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			print_label(cli, "");
		print_escaped(cli, list->items[i]);
		fputc('\n', cli->out);
	}
}

static enum cli_color field_color(const struct field *field, const struct vfioadm_function *f)
{
	if (strcmp(field->key, "verdict") == 0)
		return cli_verdict_color(f->verdict);
	if (strcmp(field->key, "driver") == 0 && f->vfio.state == VFIOADM_KNOWN && f->vfio.value)
		return COLOR_VFIO;
	return COLOR_NONE;
}

static void print_field(struct cli *cli, const struct field *field,
			const struct vfioadm_function *f)
{
	enum cli_color color = field_color(field, f);
	char *text;

	print_label(cli, field->label);
	if (strcmp(field->key, "reserved_regions") == 0 &&
	    f->reserved_regions.state == VFIOADM_KNOWN) {
		print_lines(cli, &f->reserved_regions);
		return;
	}
	text = field_text_dup(field, f);
	fprintf(cli->out, "%s%s%s\n", cli_color(cli, color), text ? text : "?",
		cli_color_end(cli, color));
	free(text);
}

static bool field_applies(const struct field *field, const struct vfioadm_function *f)
{
	if (!(field->flags & FIELD_SHOWN) || (field->facet & f->facets) != field->facet)
		return false;
	return !(field->flags & FIELD_QUIET) || field_state(field, f) != VFIOADM_NONE;
}

static void print_companions(struct cli *cli, const struct vfioadm_inventory *inventory,
			     const struct vfioadm_function *f)
{
	const struct field *name = field_find(&function_fields, "name");
	const struct field *driver = field_find(&function_fields, "driver");

	print_label(cli, "Companions");
	if (f->companions.state != VFIOADM_KNOWN) {
		fprintf(cli->out, "%s\n", f->companions.state == VFIOADM_NONE ? "-" : "?");
		return;
	}
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *c;
		_cleanup_text_ struct text t = {};

		c = vfioadm_inventory_find(inventory, f->companions.items[i]);
		if (i)
			print_label(cli, "");
		text_add_escaped(&t, f->companions.items[i]);
		if (c) {
			text_add(&t, " ", 1);
			field_text(&t, name, c);
			text_addf(&t, ", %sdriver ", c->bridge ? "bridge, " : "");
			field_text(&t, driver, c);
		}
		fprintf(cli->out, "%s\n", t.failed ? f->companions.items[i] : t.s);
	}
}

static void print_users(struct cli *cli, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		const struct vfioadm_user *u = f->users[i];
		_cleanup_text_ struct text t = {};

		print_label(cli, i ? "" : "In use");
		text_add_escaped(&t, u->kind ? u->kind : "?");
		text_add(&t, " ", 1);
		text_add_escaped(&t, u->what ? u->what : "?");
		if (u->why) {
			text_add(&t, " ", 1);
			text_add_escaped(&t, u->why);
		}
		fprintf(cli->out, "%s%s\n", t.failed ? "?" : t.s,
			u->severity == VFIOADM_BLOCKS	? " (cannot be overridden)"
			: u->severity == VFIOADM_WARNS	? " (only a warning)"
							: "");
	}
}

static void print_bars(struct cli *cli, const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_bars; i++) {
		const struct vfioadm_bar *b = f->bars[i];
		_cleanup_text_ struct text t = {};
		char label[16];

		if (b->index == 6)
			snprintf(label, sizeof(label), "ROM");
		else
			snprintf(label, sizeof(label), "BAR %u", b->index);
		print_label(cli, label);
		text_add_size(&t, b->size);
		text_addf(&t, " of %s",
			  b->io		? "I/O ports"
			  : b->is_64bit ? "64-bit memory"
					: "memory");
		if (b->prefetchable)
			text_addf(&t, ", prefetchable");
		if (b->start)
			text_addf(&t, ", at 0x%" PRIx64, b->start);
		else
			text_addf(&t, ", no address assigned");
		if (!t.failed)
			fprintf(cli->out, "%s\n", t.s);
	}
	if (!f->n_bars) {
		print_label(cli, "BARs");
		fprintf(cli->out, "-\n");
	}
}

static bool has_companion(const struct vfioadm_inventory *inventory, const struct vfioadm_function *f,
			  enum vfioadm_verdict verdict)
{
	for (size_t i = 0; i < f->companions.n; i++) {
		const struct vfioadm_function *other = vfioadm_inventory_find(inventory, f->companions.items[i]);

		if (other && other->verdict == verdict)
			return true;
	}
	return false;
}

/* Only what would not be refused is named. */
static void print_release(struct cli *cli, const struct vfioadm_inventory *inventory, const struct vfioadm_function *f)
{
	bool group = has_companion(inventory, f, VFIOADM_VERDICT_ASSIGNED), used = f->virtfns.n;
	/* One that does not answer is given to no driver of the host. */
	bool dead = (f->facets & VFIOADM_FACET_DETAIL) && (f->header_type.state == VFIOADM_NONE ||
							   (f->header_type.state == VFIOADM_KNOWN &&
							    f->header_type.value > 2));

	for (size_t i = 0; i < f->n_users; i++)
		used = used || f->users[i]->severity != VFIOADM_WARNS;
	print_label(cli, "To give it back");
	if (used)
		fprintf(cli->out, "stop what uses it, see vfioadm check %s\n", f->address);
	else
		fprintf(cli->out, "vfioadm release %s%s%s\n", dead ? "--park " : "", group ? "--group " : "", f->address);
}

static void print_assign_group(struct cli *cli, const struct vfioadm_inventory *inventory,
			       const struct vfioadm_function *f)
{
	print_label(cli, "To assign it");
	if (has_companion(inventory, f, VFIOADM_VERDICT_IN_USE))
		fprintf(cli->out, "stop what uses its group, see vfioadm check --group %s\n", f->address);
	else
		fprintf(cli->out, "vfioadm assign --group %s\n", f->address);
}

static void print_advice(struct cli *cli, const struct vfioadm_inventory *inventory,
			 const struct vfioadm_function *f)
{
	struct vfioadm_uint iommu = vfioadm_inventory_iommu(inventory);
	const char *advice = vfioadm_inventory_iommu_advice(inventory);

	switch (f->verdict) {
	case VFIOADM_VERDICT_ASSIGNED:
		print_release(cli, inventory, f);
		break;
	case VFIOADM_VERDICT_ASSIGNABLE:
		print_label(cli, "To assign it");
		fprintf(cli->out, "vfioadm assign %s\n", f->address);
		break;
	case VFIOADM_VERDICT_NEEDS_GROUP:
		print_assign_group(cli, inventory, f);
		break;
	case VFIOADM_VERDICT_IN_USE:
		print_label(cli, "To assign it");
		fprintf(cli->out, "stop what uses it, see vfioadm check %s\n",
			f->address);
		break;
	case VFIOADM_VERDICT_NOT_ASSIGNABLE:
		if (iommu.state == VFIOADM_KNOWN && !iommu.value && advice) {
			print_label(cli, "To change that");
			print_escaped(cli, advice);
			fputc('\n', cli->out);
		}
		break;
	case VFIOADM_VERDICT_UNKNOWN:
		break;
	}
}

/* What a section has besides its fields. */
static void print_extras(struct cli *cli, const struct vfioadm_inventory *inventory,
			 const struct vfioadm_function *f, const char *section)
{
	if (strcmp(section, "IOMMU group") == 0)
		print_companions(cli, inventory, f);
	else if (strcmp(section, "Users") == 0)
		print_users(cli, f);
	else if (strcmp(section, "Memory and ports") == 0)
		print_bars(cli, f);
	else if (strcmp(section, "Verdict") == 0)
		print_advice(cli, inventory, f);
}

/* Sections that say nothing on most machines: there, each value is known not to exist. */
static bool section_applies(const char *section, const struct vfioadm_function *f)
{
	bool always = strcmp(section, "s390") != 0 && strcmp(section, "SR-IOV") != 0;

	for (size_t i = 0; i < function_fields.n; i++) {
		const struct field *field = &function_fields.fields[i];

		if (!field->section || strcmp(field->section, section) != 0 ||
		    (field->facet & f->facets) != field->facet)
			continue;
		if (always || field_state(field, f) == VFIOADM_KNOWN)
			return true;
	}
	return false;
}

static void print_section(struct cli *cli, const struct vfioadm_inventory *inventory,
			  const struct vfioadm_function *f, const char *section)
{
	if (!section_applies(section, f))
		return;
	fprintf(cli->out, "  %s%s%s\n", cli_color(cli, COLOR_HEAD), section,
		cli_color_end(cli, COLOR_HEAD));
	for (size_t i = 0; i < function_fields.n; i++) {
		const struct field *field = &function_fields.fields[i];

		if (field->section && strcmp(field->section, section) == 0 &&
		    field_applies(field, f))
			print_field(cli, field, f);
	}
	print_extras(cli, inventory, f, section);
}

static void print_function(struct cli *cli, const struct vfioadm_inventory *inventory,
			   const struct vfioadm_function *f)
{
	const struct field *name = field_find(&function_fields, "name");
	_cleanup_free_ char *text = field_text_dup(name, f);
	const char *last = "";

	fprintf(cli->out, "%s%s%s %s\n", cli_color(cli, COLOR_HEAD), f->address,
		cli_color_end(cli, COLOR_HEAD), text ? text : "");
	for (size_t i = 0; i < function_fields.n; i++) {
		const char *section = function_fields.fields[i].section;

		if (!section || strcmp(section, last) == 0)
			continue;
		print_section(cli, inventory, f, section);
		last = section;
	}
}

int verb_show(struct cli *cli)
{
	struct vfioadm_inventory *inventory = NULL;
	_cleanup_free_ size_t *selected = NULL;
	struct vfioadm_error *error = NULL;
	int r, status = VFIOADM_EXIT_DONE;
	size_t n;

	r = vfioadm_observe_selected(cli->ctx, cli->operands, cli->n_operands,
				     cli_has(cli, OPT_ALL_MATCHING), &inventory, &selected, &n,
				     &error);
	if (r < 0)
		return cli_error(cli, error, r);
	if (cli->json) {
		status = show_json(cli, inventory, selected, n);
	} else {
		for (size_t i = 0; i < n; i++) {
			if (i)
				fputc('\n', cli->out);
			print_function(cli, inventory,
				       vfioadm_inventory_function(inventory, selected[i]));
		}
		list_say_iommu(cli, inventory);
	}
	vfioadm_inventory_free(inventory);
	return status;
}
