/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_TABLE_H
#define VFIOADM_CLI_TABLE_H

#include <libsmartcols.h>

#include "cli.h"
#include "field.h"

/* Tables and trees through libsmartcols. Text that is put in must have been escaped. */

struct libscols_table *table_new(struct cli *cli);
static inline void cleanup_table_p(struct libscols_table **table)
{
	scols_unref_table(*table);
}
#define _cleanup_table_ CLEANUP(cleanup_table_p)

/** tree: this column draws the tree. 0 or a negative errno. */
int table_add_column(struct libscols_table *table, const struct field *f, bool tree);
/** Takes text (NULL is -ENOMEM). */
int table_set(struct cli *cli, struct libscols_line *line, size_t column, char *text,
	      enum cli_color color);
int table_print(struct libscols_table *table);
/** Colour of a function's field, COLOR_NONE for most. */
enum cli_color table_color(const struct field *f, const struct vfioadm_function *function);
/** One line per call; parent may be NULL. */
int table_add_function(struct cli *cli, struct libscols_table *table, struct libscols_line *parent,
		       const struct field *const *columns, size_t n_columns,
		       const struct vfioadm_function *function, struct libscols_line **ret_line);

#endif
