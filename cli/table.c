/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "table.h"

static size_t terminal_width(FILE *out)
{
	struct winsize ws;

	if (isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		return ws.ws_col;
	return 0;
}

struct libscols_table *table_new(struct cli *cli)
{
	size_t width = terminal_width(cli->out);
	struct libscols_table *table;

	/* Widths and the lines of trees depend on the character set; nothing else of a locale is used. */
	setlocale(LC_CTYPE, "");
	table = scols_new_table();
	if (!table)
		return NULL;
	scols_table_set_stream(table, cli->out);
	scols_table_enable_colors(table, cli->color);
	scols_table_enable_noencoding(table, 1); /* what comes in has been escaped */
	/* A file or a pipe gets everything: there, somebody may look for what would have been cut. */
	scols_table_set_termforce(table, width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (width)
		scols_table_set_termwidth(table, width);
	return table;
}

int table_add_column(struct libscols_table *table, const struct field *f, bool tree)
{
	int flags = 0;

	if (f->flags & FIELD_CUT)
		flags |= SCOLS_FL_TRUNC;
	if (tree)
		flags |= SCOLS_FL_TREE;
	return scols_table_new_column(table, f->head, 0, flags) ? 0 : -ENOMEM;
}

/*
 * libsmartcols 2.38 cuts a text for ever when it holds a character without a width: one that the locale's
 * character set does not have, as all but ASCII in the C locale. Such a character becomes '?'.
 */
static void replace_unprintable(char *s)
{
	mbstate_t state = {};
	char *to = s;

	while (*s) {
		wchar_t wc = 0;
		size_t n = mbrtowc(&wc, s, MB_CUR_MAX, &state);

		if (n == (size_t)-1 || n == (size_t)-2 || wcwidth(wc) < 0) {
			bool invalid = n == (size_t)-1 || n == (size_t)-2;

			*to++ = '?';
			s += invalid ? 1 : n;
			state = (mbstate_t){};
			continue;
		}
		memmove(to, s, n);
		to += n;
		s += n;
	}
	*to = '\0';
}

int table_set(struct cli *cli, struct libscols_line *line, size_t column, char *text,
	      enum cli_color color)
{
	struct libscols_cell *cell;
	int r;

	if (!text)
		return -ENOMEM;
	replace_unprintable(text);
	r = scols_line_refer_data(line, column, text);
	if (r < 0) {
		free(text);
		return r;
	}
	cell = color != COLOR_NONE && cli->color ? scols_line_get_cell(line, column) : NULL;
	return cell ? scols_cell_set_color(cell, cli_color(cli, color)) : 0;
}

enum cli_color table_color(const struct field *f, const struct vfioadm_function *function)
{
	if (f->offset == offsetof(struct vfioadm_function, driver))
		return function->vfio.state == VFIOADM_KNOWN && function->vfio.value ? COLOR_VFIO
										     : COLOR_NONE;
	if (f == field_find(&function_fields, "verdict"))
		return cli_verdict_color(function->verdict);
	return COLOR_NONE;
}

int table_add_function(struct cli *cli, struct libscols_table *table, struct libscols_line *parent,
		       const struct field *const *columns, size_t n_columns,
		       const struct vfioadm_function *function, struct libscols_line **ret_line)
{
	struct libscols_line *line = scols_table_new_line(table, parent);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < n_columns; i++) {
		int r = table_set(cli, line, i, field_text_dup(columns[i], function),
				  table_color(columns[i], function));

		if (r < 0)
			return r;
	}
	if (ret_line)
		*ret_line = line;
	return 0;
}

int table_print(struct libscols_table *table)
{
	return scols_print_table(table);
}
