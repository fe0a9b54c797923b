/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "list.h"
#include "table.h"

static int enabled_json(struct cli *cli, const struct vfioadm_enabled *enabled)
{
	struct json j;

	json_begin(&j, cli->out);
	json_object(&j, NULL, true);
	json_uint(&j, "version", 1);
	/* Never complete: what others wrote to new_id cannot be read back. */
	json_bool(&j, "complete", false);
	json_array(&j, "enabled", true);
	for (size_t i = 0; i < vfioadm_enabled_n(enabled); i++) {
		json_object(&j, NULL, false);
		fields_json(&j, &enabled_fields, FIELD_ALWAYS, 0, vfioadm_enabled_id(enabled, i));
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	json_end(&j);
	return VFIOADM_EXIT_DONE;
}

static int enabled_table(struct cli *cli, const struct vfioadm_enabled *enabled)
{
	_cleanup_table_ struct libscols_table *table = table_new(cli);
	int r = table ? 0 : -1;

	for (size_t i = 0; i < enabled_fields.n && r >= 0; i++)
		r = table_add_column(table, &enabled_fields.fields[i], false);
	for (size_t i = 0; i < vfioadm_enabled_n(enabled) && r >= 0; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			return cli_oom(cli);
		for (size_t k = 0; k < enabled_fields.n && r >= 0; k++)
			r = table_set(cli, line, k,
				      field_text_dup(&enabled_fields.fields[k],
						     vfioadm_enabled_id(enabled, i)),
				      COLOR_NONE);
	}
	if (r < 0)
		return cli_oom(cli);
	if (vfioadm_enabled_n(enabled))
		table_print(table);
	else
		fprintf(cli->out, "no card types are known to be enabled\n");
	if (!cli->quiet)
		fprintf(cli->out,
			"The kernel does not tell which IDs vfio-pci holds: these are the ones "
			"that "
			"vfioadm\nrecorded and that its module was loaded with; others may have "
			"added more.\n");
	return VFIOADM_EXIT_DONE;
}

int list_enabled(struct cli *cli)
{
	struct vfioadm_enabled *enabled = NULL;
	struct vfioadm_error *error = NULL;
	int r, status;

	r = vfioadm_enabled_list(cli->ctx, &enabled, &error);
	if (r < 0)
		return cli_error(cli, error, r);
	status = cli->json ? enabled_json(cli, enabled) : enabled_table(cli, enabled);
	vfioadm_enabled_free(enabled);
	return status;
}
