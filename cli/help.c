/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "cli.h"
#include "field.h"

static void print_option(struct cli *cli, const struct cli_option *o)
{
	char left[64], letter[6] = "    ";
	const char *open = o->has_arg == ARG_OPTIONAL	? "[="
			   : o->has_arg == ARG_REQUIRED ? " "
							: "";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, o->name, open, o->arg ? o->arg : "",
		 o->has_arg == ARG_OPTIONAL ? "]" : "");
	fprintf(cli->out, "  %-32s %s\n", left, o->help);
}

static void print_options(struct cli *cli, uint64_t set, bool global)
{
	for (size_t i = 0; i < OPT_N; i++) {
		if ((set & OPT_BIT(i)) && cli_options[i].help && cli_options[i].global == global)
			print_option(cli, &cli_options[i]);
	}
}

int help_overview(struct cli *cli)
{
	fprintf(cli->out,
		"usage: vfioadm [OPTION...] [VERB [ARGUMENT...]]\n\n"
		"Gives PCI functions to virtual machines through VFIO, and takes them back.\n\n"
		"Verbs:\n");
	for (size_t i = 0; i < cli_n_verbs; i++) {
		const struct cli_verb *v = &cli_verbs[i];
		char left[40];

		snprintf(left, sizeof(left), "%s %s", v->name, v->args ? v->args : "");
		if (strlen(left) > 20)
			fprintf(cli->out, "  %s\n  %20s %s\n", left, "", v->help);
		else
			fprintf(cli->out, "  %-20s %s\n", left, v->help);
	}
	fprintf(cli->out, "\nOptions of every verb:\n");
	print_options(cli, cli_verb_options(NULL), true);
	fprintf(cli->out, "\nWithout a verb, vfioadm lists. See also vfioadm help VERB, "
			  "vfioadm(1) and\n"
			  "vfioadm-VERB(1).\n");
	return VFIOADM_EXIT_DONE;
}

static void print_columns(struct cli *cli)
{
	fprintf(cli->out, "\nColumns (* shown by default):\n");
	for (size_t i = 0; i < function_fields.n; i++) {
		const struct field *f = &function_fields.fields[i];

		if (f->head)
			fprintf(cli->out, "  %c %-18s %s\n", f->flags & FIELD_COLUMN ? '*' : ' ',
				f->key, f->help);
	}
}

int help_verb(struct cli *cli, const struct cli_verb *verb)
{
	fprintf(cli->out, "usage: vfioadm %s [OPTION...]%s%s\n\n%c%s.\n", verb->name,
		verb->args ? " " : "", verb->args ? verb->args : "", toupper(verb->help[0]),
		verb->help + 1);
	if (verb->description)
		fprintf(cli->out, "%s", verb->description);
	if (verb->options & ~OPT_BIT(OPT_OPTIONS)) {
		fprintf(cli->out, "\nOptions:\n");
		print_options(cli, verb->options, false);
	}
	fprintf(cli->out, "\nOptions of every verb:\n");
	print_options(cli, cli_verb_options(NULL), true);
	if (verb->options & OPT_BIT(OPT_COLUMNS))
		print_columns(cli);
	return VFIOADM_EXIT_DONE;
}

/* For the tests that hold manual pages and completions against the program: one option a line. */
static int print_option_names(struct cli *cli, const struct cli_verb *verb)
{
	const char *names[OPT_N];
	size_t n = cli_option_names(cli_verb_options(verb), names);

	for (size_t i = 0; i < n; i++)
		fprintf(cli->out, "--%s\n", names[i]);
	return VFIOADM_EXIT_DONE;
}

static int print_verb_names(struct cli *cli)
{
	for (size_t i = 0; i < cli_n_verbs; i++)
		fprintf(cli->out, "%s\n", cli_verbs[i].name);
	return VFIOADM_EXIT_DONE;
}

int verb_help(struct cli *cli)
{
	const struct cli_verb *verb;

	if (!cli->n_operands)
		return cli_has(cli, OPT_OPTIONS) ? print_verb_names(cli) : help_overview(cli);
	verb = cli_verb_find(cli->operands[0]);
	if (!verb || cli->n_operands > 1)
		return cli_usage(cli, NULL, "help takes one verb, not '%s'",
				 cli->operands[verb ? 1 : 0]);
	return cli_has(cli, OPT_OPTIONS) ? print_option_names(cli, verb) : help_verb(cli, verb);
}
