/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_LIST_H
#define VFIOADM_CLI_LIST_H

#include "cli.h"
#include "field.h"

enum { LIST_MAX_COLUMNS = 64 };

/** Is it listed at all? Bridges only with --all. */
bool list_includes(const struct cli *cli, const struct vfioadm_function *f);
/** The columns that were asked for, or those that suit this host. An exit status. */
int list_columns(struct cli *cli, const struct vfioadm_inventory *inventory,
		 const struct field *columns[LIST_MAX_COLUMNS], size_t *ret_n);
/** s390: functions that are not configured. */
void list_standby(struct cli *cli, const struct vfioadm_inventory *inventory);
/** Says that the host has no IOMMU, where that is known. */
void list_say_iommu(struct cli *cli, const struct vfioadm_inventory *inventory);
/** The key "iommu", or "unknown" naming it. */
void list_json_iommu(struct json *j, const struct vfioadm_inventory *inventory);

int list_enabled(struct cli *cli);
int list_tree(struct cli *cli, const struct vfioadm_inventory *inventory);

#endif
