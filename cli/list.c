/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "list.h"
#include "table.h"
#include "vanished.h"

bool list_includes(const struct cli *cli, const struct vfioadm_function *f)
{
	/* A part of the host that was given away all the same is of interest to anybody. */
	bool candidate = f->host_part == VFIOADM_PART_NONE || (f->vfio.state == VFIOADM_KNOWN && f->vfio.value);

	return (!f->bridge && candidate) || cli_has(cli, OPT_ALL);
}

void list_say_iommu(struct cli *cli, const struct vfioadm_inventory *inventory)
{
	struct vfioadm_uint iommu = vfioadm_inventory_iommu(inventory);

	if (iommu.state == VFIOADM_KNOWN && !iommu.value && !cli->quiet)
		cli_say(cli, "this host has no active IOMMU, so nothing can be assigned",
			vfioadm_inventory_iommu_advice(inventory));
}

void list_json_iommu(struct json *j, const struct vfioadm_inventory *inventory)
{
	struct vfioadm_uint iommu = vfioadm_inventory_iommu(inventory);

	if (iommu.state == VFIOADM_KNOWN) {
		json_bool(j, "iommu", iommu.value != 0);
		return;
	}
	json_array(j, "unknown", false);
	json_string(j, NULL, "iommu");
	json_array_end(j);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void standby_json(struct json *j, const struct vfioadm_inventory *inventory)
{
	size_t n = vfioadm_inventory_n_slots(inventory);

	if (!n)
		return;
	json_array(j, "standby", true);
	for (size_t i = 0; i < n; i++) {
		json_object(j, NULL, false);
		fields_json(j, &slot_fields, FIELD_ALWAYS, 0, vfioadm_inventory_slot(inventory, i));
		json_object_end(j);
	}
	json_array_end(j);
}

static int list_json(struct cli *cli, const struct vfioadm_inventory *inventory, const struct vfioadm_settlement *gone)
{
	size_t n = vfioadm_inventory_n_functions(inventory);
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	json_bool(&j, "complete", vfioadm_inventory_complete(inventory));
	list_json_iommu(&j, inventory);
	json_array(&j, "functions", true);
	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inventory, i);

		if (!list_includes(cli, f))
			continue;
		json_object(&j, NULL, false);
		fields_json(&j, &function_fields, FIELD_IN_LIST, f->facets, f);
		json_object_end(&j);
	}
	json_array_end(&j);
	standby_json(&j, inventory);
	vanished_json(&j, gone, false);
	json_object_end(&j);
	json_end(&j);
	return VFIOADM_EXIT_DONE;
}

/* ---- columns ----------------------------------------------------------------------------------- */

/* Columns that only some hosts have anything to say in. */
static bool column_applies(const struct cli *cli, const struct field *f,
			   const struct vfioadm_inventory *inventory)
{
	size_t n = vfioadm_inventory_n_functions(inventory);

	if (f->flags & FIELD_COLUMN)
		return true;
	if (cli->verbose && strcmp(f->key, "verdict_reason") == 0)
		return true;
	if (strcmp(f->key, "uid") != 0 && strcmp(f->key, "fid") != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct vfioadm_function *function = vfioadm_inventory_function(inventory, i);

		if (list_includes(cli, function) && field_state(f, function) == VFIOADM_KNOWN)
			return true;
	}
	return false;
}

static int named_columns(struct cli *cli, const struct field *columns[LIST_MAX_COLUMNS],
			 size_t *ret_n)
{
	_cleanup_free_ char *names = strdup(cli->columns);
	const char *keys[LIST_MAX_COLUMNS];
	char *save = NULL;
	size_t n = 0, n_keys = 0;

	if (!names)
		return cli_oom(cli);
	for (size_t i = 0; i < function_fields.n; i++) {
		if (function_fields.fields[i].head)
			keys[n_keys++] = function_fields.fields[i].key;
	}
	for (char *name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		const struct field *f = field_find(&function_fields, name);
		const char *best = nearest(name, keys, n_keys);

		if (f && f->head && n < LIST_MAX_COLUMNS)
			columns[n++] = f;
		else if (f && f->head)
			return cli_usage(cli, NULL, "list: too many columns");
		else if (best)
			return cli_usage(cli, NULL, "list: no column '%s', did you mean '%s'?",
					 name, best);
		else
			return cli_usage(cli, NULL, "list: no column '%s', see vfioadm list --help",
					 name);
	}
	if (!n)
		return cli_usage(cli, NULL,
				 "list: --columns names no column, see vfioadm list --help");
	*ret_n = n;
	return 0;
}

int list_columns(struct cli *cli, const struct vfioadm_inventory *inventory,
		 const struct field *columns[LIST_MAX_COLUMNS], size_t *ret_n)
{
	size_t n = 0;

	if (cli->columns)
		return named_columns(cli, columns, ret_n);
	for (size_t i = 0; i < function_fields.n; i++) {
		const struct field *f = &function_fields.fields[i];

		if (f->head && column_applies(cli, f, inventory) && n < LIST_MAX_COLUMNS)
			columns[n++] = f;
	}
	*ret_n = n;
	return 0;
}

/* ---- text -------------------------------------------------------------------------------------- */

void list_standby(struct cli *cli, const struct vfioadm_inventory *inventory)
{
	for (size_t i = 0; i < vfioadm_inventory_n_slots(inventory); i++) {
		const struct vfioadm_slot *slot = vfioadm_inventory_slot(inventory, i);
		_cleanup_text_ struct text t = {};

		if (slot->fid.state == VFIOADM_KNOWN)
			text_addf(&t, "fid 0x%08" PRIx64, slot->fid.value);
		else {
			text_add(&t, "slot ", 5);
			text_add_escaped(&t, slot->name);
		}
		text_addf(&t, " - configure with: echo 1 > /sys/bus/pci/slots/");
		text_add_escaped(&t, slot->name);
		if (!t.failed)
			fprintf(cli->out, "standby: %s/power\n", t.s);
	}
}

static int list_table(struct cli *cli, const struct vfioadm_inventory *inventory)
{
	const struct field *columns[LIST_MAX_COLUMNS];
	size_t n = vfioadm_inventory_n_functions(inventory), n_columns = 0, shown = 0;
	_cleanup_table_ struct libscols_table *table = NULL;
	int status, r = 0;

	status = list_columns(cli, inventory, columns, &n_columns);
	if (status)
		return status;
	table = table_new(cli);
	if (!table)
		return cli_oom(cli);
	for (size_t i = 0; i < n_columns && r >= 0; i++)
		r = table_add_column(table, columns[i], false);
	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct vfioadm_function *f = vfioadm_inventory_function(inventory, i);

		if (!list_includes(cli, f))
			continue;
		shown++;
		r = table_add_function(cli, table, NULL, columns, n_columns, f, NULL);
	}
	if (r >= 0 && shown)
		r = table_print(table);
	if (r == -ENOMEM)
		return cli_oom(cli);
	if (!shown && !cli->quiet)
		cli_say(cli, n ? "nothing but bridges and parts of the host here" : "no PCI functions here",
			n ? "vfioadm list --all shows them" : NULL);
	return VFIOADM_EXIT_DONE;
}

static int list_text(struct cli *cli, const struct vfioadm_inventory *inventory)
{
	int status;

	status = cli->tree == TREE_NONE ? list_table(cli, inventory) : list_tree(cli, inventory);
	if (status)
		return status;
	list_standby(cli, inventory);
	list_say_iommu(cli, inventory);
	return VFIOADM_EXIT_DONE;
}

static int check_options(struct cli *cli)
{
	static const struct {
		enum cli_opt a, b;
	} conflicts[] = {
		{OPT_ENABLED, OPT_ALL},	 {OPT_ENABLED, OPT_TREE}, {OPT_ENABLED, OPT_COLUMNS},
		{OPT_ENABLED, OPT_USERS},
		{OPT_JSON, OPT_COLUMNS}, {OPT_JSON, OPT_TREE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
		if (cli_has(cli, conflicts[i].a) && cli_has(cli, conflicts[i].b))
			return cli_usage(cli, NULL, "list: --%s and --%s exclude each other",
					 cli_options[conflicts[i].a].name,
					 cli_options[conflicts[i].b].name);
	}
	return 0;
}

int verb_list(struct cli *cli)
{
	unsigned facets = VFIOADM_FACET_BASIC | VFIOADM_FACET_NAMES;
	struct vfioadm_inventory *inventory = NULL;
	struct vfioadm_settlement *gone;
	struct vfioadm_error *error = NULL;
	int r, status;

	status = check_options(cli);
	if (status)
		return status;
	if (cli_has(cli, OPT_ENABLED))
		return list_enabled(cli);
	/* Who is plugged into whom is told by the bridge path. */
	if (cli->tree == TREE_TOPOLOGY)
		facets |= VFIOADM_FACET_PATH;
	if (cli_has(cli, OPT_USERS))
		facets |= VFIOADM_FACET_USERS;
	r = vfioadm_observe(cli->ctx, facets, &inventory, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	gone = vanished_find(cli);
	status = cli->json ? list_json(cli, inventory, gone) : list_text(cli, inventory);
	if (!cli->json)
		vanished_say(cli, gone);
	vfioadm_settlement_free(gone);
	vfioadm_inventory_free(inventory);
	return status;
}
