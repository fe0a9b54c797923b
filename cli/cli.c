/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cli.h"

#define CHANGE (OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_FORCE))

const struct cli_verb cli_verbs[] = {
	{
		.name = "list",
		.help = "list every assignable function, and what prevents assigning it",
		.description = "The table is cut to the width of a terminal, and complete "
			       "everywhere else.\n"
			       "In it, ? is a value that could not be read, - one that is known "
			       "not to exist.\n",
		.options = OPT_BIT(OPT_ALL) | OPT_BIT(OPT_TREE) | OPT_BIT(OPT_ENABLED) |
			   OPT_BIT(OPT_USERS) | OPT_BIT(OPT_COLUMNS),
		.run = verb_list,
	},
	{
		.name = "show",
		.args = "SELECTOR...",
		.operand = "SELECTOR",
		.min_operands = 1,
		.help = "everything known about a function and its IOMMU group",
		.options = OPT_BIT(OPT_ALL_MATCHING),
		.run = verb_show,
	},
	{
		.name = "check",
		.args = "SELECTOR...",
		.operand = "SELECTOR",
		.min_operands = 1,
		.help = "look for what prevents moving a function, and what to do",
		.description =
			"Looks at all users of the functions and of those that must move along, and "
			"changes\n"
			"nothing. With --force it tells what would remain. Exit status 3: it is "
			"refused.\n"
			"Only root sees all of it; what could not be looked at is listed.\n",
		.options = OPT_BIT(OPT_GROUP) | OPT_BIT(OPT_ALL_MATCHING) | OPT_BIT(OPT_FORCE),
		.run = verb_check,
	},
	{
		.name = "enable",
		.args = "ID...",
		.operand = "ID",
		.min_operands = 1,
		.help = "give a card type to vfio-pci: all functions with this ID, now and later",
		.description =
			"An ID is vendor:device[:subvendor[:subdevice[:class[:mask]]]], in hex.\n"
			"Functions without a driver are taken at once, others once they are "
			"unbound.\n",
		.options = CHANGE | OPT_BIT(OPT_PERSIST) | OPT_BIT(OPT_MODPROBE),
		.run = verb_enable,
	},
	{
		.name = "disable",
		.args = "ID...",
		.operand = "ID",
		.min_operands = 1,
		.help = "take a card type back; functions that are bound stay bound",
		.options = OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_PERSIST),
		.run = verb_disable,
	},
	{
		.name = "assign",
		.args = "SELECTOR...",
		.operand = "SELECTOR",
		.min_operands = 1,
		.help = "bind functions to a VFIO driver, all of them or none",
		.options = CHANGE | OPT_BIT(OPT_GROUP) | OPT_BIT(OPT_DRIVER) |
			   OPT_BIT(OPT_ALL_MATCHING) | OPT_BIT(OPT_PERSIST),
		.run = verb_assign,
	},
	{
		.name = "release",
		.args = "SELECTOR...",
		.operand = "SELECTOR",
		.min_operands = 1,
		.help = "give functions back to the driver that they had before",
		.options =
			CHANGE | OPT_BIT(OPT_GROUP) | OPT_BIT(OPT_PARK) | OPT_BIT(OPT_ALL_MATCHING) |
			OPT_BIT(OPT_PERSIST),
		.run = verb_release,
	},
	{
		.name = "status",
		.help = "compare the host with its declarations",
		.description = "The declarations are in /etc/vfioadm.d, see vfioadm.conf(5).\n"
			       "Exit status 3: something differs.\n",
		.run = verb_status,
	},
	{
		.name = "plan",
		.args = "[NAME...]",
		.any_operands = true,
		.help = "print what apply would do",
		.description =
			"NAME is that of a file in /etc/vfioadm.d, without .conf; the default is all of them.\n",
		.options = OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_ATOMIC) | OPT_BIT(OPT_ONLY),
		.run = verb_plan,
	},
	{
		.name = "apply",
		.args = "[NAME...]",
		.any_operands = true,
		.help = "bring the host into its declared state, one transaction per declaration",
		.description =
			"NAME is that of a file in /etc/vfioadm.d, without .conf; the default is all of them.\n"
			"A declaration that cannot be applied does not stop the others.\n",
		.options = CHANGE | OPT_BIT(OPT_ATOMIC) | OPT_BIT(OPT_ONLY) | OPT_BIT(OPT_BOOT),
		.run = verb_apply,
	},
	{
		.name = "config",
		.args = "check|list [FILE...]",
		.any_operands = true,
		.help = "look for errors in files of declared state, or list the files",
		.description = "check without files looks at all that are in force.\n",
		.options = OPT_BIT(OPT_INITRAMFS),
		.run = verb_config,
	},
	{
		.name = "import",
		.help = "declare what driverctl, module parameters and libvirt keep over reboots",
		.description = "Prints the files that would be written; with --persist it writes them, as one\n"
			       "transaction. No device is moved, and nothing of the other tools is changed: it\n"
			       "prints how to remove the same there.\n",
		.options = OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_PERSIST),
		.run = verb_import,
	},
	{
		.name = "settle",
		.help = "finish or undo what an interrupted run left",
		.description =
			"Forward when every function already has its final driver, else back.\n"
			"Every changing verb does this first. Status 7: the kernel still holds\n"
			"a step; it settles by itself once that returns.\n",
		.options = OPT_BIT(OPT_DRY_RUN),
		.run = verb_settle,
	},
	{
		.name = "help",
		.args = "[VERB]",
		.any_operands = true,
		.help = "this overview, or the help of a verb",
		.options = OPT_BIT(OPT_OPTIONS),
		.run = verb_help,
	},
};
const size_t cli_n_verbs = ARRAY_SIZE(cli_verbs);
_Static_assert(ARRAY_SIZE(cli_verbs) <= CLI_MAX_VERBS, "CLI_MAX_VERBS");

const struct cli_verb *cli_verb_find(const char *name)
{
	for (size_t i = 0; i < cli_n_verbs; i++) {
		if (strcmp(cli_verbs[i].name, name) == 0)
			return &cli_verbs[i];
	}
	return NULL;
}

/* `vfioadm list | head` is nobody's failure; a full disk is. */
static bool reader_is_gone(FILE *out)
{
	struct pollfd p = {.fd = fileno(out), .events = POLLOUT};

	return p.fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

static int finish_output(struct cli *cli, int status)
{
	int errnum;

	errno = 0;
	if (fflush(cli->out) == 0 && !ferror(cli->out))
		return status;
	errnum = errno;
	clearerr(cli->out);
	if (errnum == EPIPE || reader_is_gone(cli->out))
		return status;
	cli_sayf(cli, NULL, "cannot write to standard output%s%s", errnum ? ": " : "",
		 errnum ? strerror(errnum) : "");
	/* What a changing verb did is what its status tells, whether it could be printed or not. */
	if (status || (cli->verb && (cli->verb->options & OPT_BIT(OPT_DRY_RUN)) &&
		       !cli_has(cli, OPT_DRY_RUN)))
		return status;
	return VFIOADM_EXIT_FAILED;
}

static int dispatch(struct cli *cli)
{
	if (cli_has(cli, OPT_HELP))
		return cli->verb_given ? help_verb(cli, cli->verb) : help_overview(cli);
	if (cli_has(cli, OPT_VERSION)) {
		fprintf(cli->out, "vfioadm %s\n", vfioadm_version());
		return VFIOADM_EXIT_DONE;
	}
	return cli->verb->run(cli);
}

int cli_run(struct vfioadm_ctx *ctx, int argc, char **argv, FILE *out, FILE *err)
{
	struct cli cli = {.ctx = ctx, .out = out, .err = err};
	int status;

	signals_begin();
	if (cli_parse(&cli, argc, argv, &status) == 0)
		status = dispatch(&cli);
	free(cli.force);
	text_clear(&cli.force_text);
	return finish_output(&cli, status);
}
