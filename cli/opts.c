/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* clang-format off */
const struct cli_option cli_options[OPT_N] = {
	[OPT_JSON] = { "json", 0, ARG_NONE, NULL, "print one JSON object", true },
	[OPT_SYSROOT] = { "sysroot", 0, ARG_REQUIRED, "DIR", "look at the host whose files are below DIR",
			  true },
	[OPT_TIMEOUT] = { "timeout", 0, ARG_REQUIRED, "SECONDS",
			  "deadline of each step that can block (30)", true },
	[OPT_LOCK_WAIT] = { "lock-wait", 0, ARG_REQUIRED, "SECONDS",
			    "how long to wait for another run to end (0)", true },
	[OPT_QUIET] = { "quiet", 'q', ARG_NONE, NULL, "print errors and refusals only", true },
	[OPT_VERBOSE] = { "verbose", 'v', ARG_NONE, NULL, "print more: reasons, and what is written where",
			  true },
	[OPT_COLOR] = { "color", 0, ARG_REQUIRED, "WHEN", "auto, always or never", true },
	[OPT_VERSION] = { "version", 'V', ARG_NONE, NULL, "print the version", true },
	[OPT_HELP] = { "help", 'h', ARG_NONE, NULL, "print this help", true },
	[OPT_HELPER] = { "helper", 0, ARG_REQUIRED, "PATH", NULL, true },
	[OPT_ALL] = { "all", 0, ARG_NONE, NULL, "also bridges, host bridges and the IOMMU", false },
	[OPT_TREE] = { "tree", 0, ARG_OPTIONAL, "groups|topology",
		       "as a tree: IOMMU groups (default), or what is plugged into what", false },
	[OPT_ENABLED] = { "enabled", 0, ARG_NONE, NULL, "the card types given to vfio-pci instead", false },
	[OPT_USERS] = { "users", 0, ARG_NONE, NULL, "look for users as thoroughly as check does", false },
	[OPT_COLUMNS] = { "columns", 0, ARG_REQUIRED, "NAME[,NAME...]", "show these columns", false },
	[OPT_DRY_RUN] = { "dry-run", 'n', ARG_NONE, NULL, "print the steps, change nothing", false },
	[OPT_GROUP] = { "group", 0, ARG_NONE, NULL, "take the whole IOMMU group along", false },
	[OPT_DRIVER] = { "driver", 0, ARG_REQUIRED, "auto|vfio-pci|NAME", "VFIO driver to bind to (auto)",
			 false },
	[OPT_ALL_MATCHING] = { "all-matching", 0, ARG_NONE, NULL,
			       "a selector may name several functions", false },
	[OPT_PARK] = { "park", 0, ARG_NONE, NULL, "leave it without a driver", false },
	[OPT_FORCE] = { "force", 0, ARG_REQUIRED, "CODE[,CODE...]", "override these findings", false },
	[OPT_PERSIST] = { "persist", 0, ARG_NONE, NULL, "over reboots too: write its declaration, or remove it", false },
	[OPT_MODPROBE] = { "modprobe", 0, ARG_NONE, NULL, "with --persist: also by /etc/modprobe.d/vfioadm.conf", false },
	[OPT_ATOMIC] = { "atomic", 0, ARG_NONE, NULL, "all declarations or none, in one transaction", false },
	[OPT_BOOT] = { "boot", 0, ARG_NONE, NULL, "as the boot does it, see the manual page", false },
	[OPT_ONLY] = { "only", 0, ARG_REQUIRED, "ADDRESS", "only the declarations of this function", false },
	[OPT_INITRAMFS] = { "initramfs", 0, ARG_NONE, NULL, "only files that belong into the initramfs", false },
	[OPT_OPTIONS] = { "options", 0, ARG_NONE, NULL, NULL, false },
};
/* clang-format on */

uint64_t cli_verb_options(const struct cli_verb *verb)
{
	uint64_t set = verb ? verb->options : 0;

	for (size_t i = 0; i < OPT_N; i++) {
		if (cli_options[i].global)
			set |= OPT_BIT(i);
	}
	return set;
}

size_t cli_option_names(uint64_t set, const char *names[OPT_N])
{
	size_t n = 0;

	for (size_t i = 0; i < OPT_N; i++) {
		if ((set & OPT_BIT(i)) && cli_options[i].help)
			names[n++] = cli_options[i].name;
	}
	return n;
}

/* ---- values ------------------------------------------------------------------------------------ */

static int parse_seconds(struct cli *cli, enum cli_opt opt, const char *s, unsigned *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || value > INT_MAX / 1000)
		return cli_usage(cli, NULL, "--%s takes a number of seconds, not '%s'",
				 cli_options[opt].name, s);
	*ret = (unsigned)value;
	return 0;
}

static int set_color(struct cli *cli, const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (strcmp(when, "always") == 0)
		cli->color = true;
	else if (strcmp(when, "never") == 0)
		cli->color = false;
	else if (strcmp(when, "auto") == 0)
		cli->color = isatty(fileno(cli->out)) && !(no && *no) &&
			     !(term && strcmp(term, "dumb") == 0);
	else
		return cli_usage(cli, NULL, "--color takes auto, always or never, not '%s'", when);
	return 0;
}

static bool is_code_list(const char *s)
{
	bool start = true;

	for (; *s; s++) {
		if (start && !(*s >= 'a' && *s <= 'z'))
			return false;
		if (*s != ',' && *s != '-' && !(*s >= 'a' && *s <= 'z') &&
		    !(*s >= '0' && *s <= '9'))
			return false;
		start = *s == ',';
	}
	return !start;
}

static int add_force(struct cli *cli, const char *list)
{
	/* "--force 0000:01:00.0": codes were left out, and what follows is what they were meant for. */
	if (!is_code_list(list)) {
		cli->bare_force = true;
		return 0;
	}
	text_addf(&cli->force_text, "%s%s", cli->force_text.len ? "," : "", list);
	return 0;
}

/* Cuts "a,b,c" into strings, once no further --force can come. */
static int end_force(struct cli *cli)
{
	char *save = NULL;

	if (cli->force_text.failed)
		return cli_oom(cli);
	if (!cli->force_text.len)
		return 0;
	cli->force = calloc(cli->force_text.len, sizeof(*cli->force));
	if (!cli->force)
		return cli_oom(cli);
	for (char *code = strtok_r(cli->force_text.s, ",", &save); code;
	     code = strtok_r(NULL, ",", &save))
		cli->force[cli->n_force++] = code;
	return 0;
}

static int set_tree(struct cli *cli, const char *value)
{
	if (!value || strcmp(value, "groups") == 0)
		cli->tree = TREE_GROUPS;
	else if (strcmp(value, "topology") == 0)
		cli->tree = TREE_TOPOLOGY;
	else
		return cli_usage(cli, NULL, "--tree takes groups or topology, not '%s'", value);
	return 0;
}

static int set_sysroot(struct cli *cli, const char *dir)
{
	struct vfioadm_error *error = NULL;
	int r;

	r = vfioadm_ctx_set_sysroot(cli->ctx, dir, &error);
	return r < 0 ? cli_error(cli, error, r) : 0;
}

static int set_timeout(struct cli *cli, const char *value)
{
	unsigned seconds = 0;
	int status;

	status = parse_seconds(cli, OPT_TIMEOUT, value, &seconds);
	if (!status && vfioadm_ctx_set_timeout(cli->ctx, seconds) < 0)
		return cli_usage(cli, NULL, "--timeout takes at least 1 second, at most 86400, not '%s'", value);
	return status;
}

static int set_lock_wait(struct cli *cli, const char *value)
{
	unsigned seconds = 0;
	int status;

	status = parse_seconds(cli, OPT_LOCK_WAIT, value, &seconds);
	if (!status && vfioadm_ctx_set_lock_wait(cli->ctx, seconds) < 0)
		return cli_usage(cli, NULL, "--lock-wait takes 0 to 86400 seconds, not '%s'", value);
	return status;
}

/* Written as the kernel writes it: what is shorter, or in capitals, would never be equal. */
static int set_only(struct cli *cli, const char *value)
{
	unsigned domain = 0, bus = 0, device = 0, function = 0;
	bool short_form = strchr(value, ':') == strrchr(value, ':');
	int n, end = 0;

	n = short_form ? sscanf(value, "%2x:%2x.%1x%n", &bus, &device, &function, &end) + 1 :
			 sscanf(value, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end);
	if (n != 4 || value[end] || strspn(value, "0123456789abcdefABCDEF:.") != strlen(value) || device > 31 ||
	    function > 7)
		return cli_usage(cli, "vfioadm list shows the functions",
				 "--only takes the address of a function, like 0000:01:00.0, not '%s'", value);
	snprintf(cli->only_text, sizeof(cli->only_text), "%04x:%02x:%02x.%x", domain, bus, device, function);
	cli->only = cli->only_text;
	return 0;
}

static int set_helper(struct cli *cli, const char *path)
{
	int r = vfioadm_ctx_set_helper(cli->ctx, path);

	if (r < 0)
		return cli_usage(cli, NULL, "--helper %s: %s", path, strerror(-r));
	return 0;
}

/* 0, or an exit status that is not 0. */
static int take_option(struct cli *cli, enum cli_opt opt, const char *value)
{
	cli->given |= OPT_BIT(opt);
	switch (opt) {
	case OPT_JSON:
		cli->json = true;
		return 0;
	case OPT_QUIET:
		cli->quiet = true;
		return 0;
	case OPT_VERBOSE:
		cli->verbose = true;
		return 0;
	case OPT_COLOR:
		return set_color(cli, value);
	case OPT_SYSROOT:
		return set_sysroot(cli, value);
	case OPT_TIMEOUT:
		return set_timeout(cli, value);
	case OPT_LOCK_WAIT:
		return set_lock_wait(cli, value);
	case OPT_HELPER:
		return set_helper(cli, value);
	case OPT_TREE:
		return set_tree(cli, value);
	case OPT_COLUMNS:
		cli->columns = value;
		return 0;
	case OPT_DRIVER:
		cli->driver = value;
		return 0;
	case OPT_ONLY:
		return set_only(cli, value);
	case OPT_FORCE:
		return add_force(cli, value);
	default:
		return 0; /* that it was given says it all */
	}
}

/* ---- the command line -------------------------------------------------------------------------- */

enum { LONG_BASE = 256 };

struct getopt_tables {
	struct option longs[OPT_N + 1];
	char letters[2 * OPT_N + 3];
};

/* In full: a hidden option must not make the beginning of another one ambiguous. */
static bool is_spelled_out(const struct cli_option *o, int argc, char **argv)
{
	size_t length = strlen(o->name);

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--", 2) == 0 && strcspn(argv[i] + 2, "=") == length &&
		    strncmp(argv[i] + 2, o->name, length) == 0)
			return true;
	return false;
}

static void fill_tables(struct getopt_tables *t, uint64_t set, bool until_verb, int argc, char **argv)
{
	size_t n = 0, l = 0;

	if (until_verb)
		t->letters[l++] = '+';
	t->letters[l++] = ':'; /* tells a missing value from an unknown option */
	for (size_t i = 0; i < OPT_N; i++) {
		const struct cli_option *o = &cli_options[i];

		if (!(set & OPT_BIT(i)) || (!o->help && !is_spelled_out(o, argc, argv)))
			continue;
		t->longs[n++] = (struct option){
			.name = o->name,
			.has_arg = o->has_arg == ARG_NONE	? no_argument
				   : o->has_arg == ARG_REQUIRED ? required_argument
								: optional_argument,
			.val = LONG_BASE + (int)i,
		};
		if (o->letter)
			t->letters[l++] = o->letter;
	}
	t->longs[n] = (struct option){};
	t->letters[l] = '\0';
}

/* An option of a verb that stands in front of it. */
static int misplaced(struct cli *cli, const char *option)
{
	return cli_usage(cli, "only options that every verb has may stand before it",
			 "--%s must follow the verb that it belongs to", option);
}

/* A beginning that several options have: getopt_long() takes one that only one option has. */
static int ambiguous_long(struct cli *cli, const char *name, const char *const *names, size_t n)
{
	const char *verb = cli->verb ? cli->verb->name : NULL;
	_cleanup_text_ struct text t = {};
	size_t found = 0, length = strcspn(name + 2, "=");

	for (size_t i = 0; length && i < n; i++)
		if (strncmp(names[i], name + 2, length) == 0)
			text_addf(&t, "%s--%s", found++ ? ", " : "", names[i]);
	if (found < 2)
		return 0;
	if (t.failed)
		return cli_oom(cli);
	return cli_usage(cli, NULL, "%s%soption %s is ambiguous: %s", verb ? verb : "", verb ? ": " : "", name, t.s);
}

static int unknown_long(struct cli *cli, const char *arg)
{
	const char *names[OPT_N], *best, *verb = cli->verb ? cli->verb->name : NULL;
	char name[64];
	int status;
	size_t n;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(arg, "="), arg);
	for (size_t i = 0; !verb && i < OPT_N; i++) {
		if (cli_options[i].help && strcmp(name + 2, cli_options[i].name) == 0)
			return misplaced(cli, cli_options[i].name);
	}
	n = cli_option_names(cli_verb_options(cli->verb ? cli->verb : cli_verb_find("list")),
			     names);
	status = ambiguous_long(cli, name, names, n);
	if (status)
		return status;
	best = strlen(name) > 2 ? nearest(name + 2, names, n) : NULL;
	if (best)
		return cli_usage(cli, NULL, "%s%sunknown option %s, did you mean --%s?",
				 verb ? verb : "", verb ? ": " : "", name, best);
	return cli_usage(cli, NULL, "%s%sunknown option %s, see vfioadm %s%s--help",
			 verb ? verb : "", verb ? ": " : "", name, verb ? verb : "",
			 verb ? " " : "");
}

static int bad_option(struct cli *cli, char **argv, int c)
{
	if (c == ':') {
		const struct cli_option *o = &cli_options[optopt - LONG_BASE];

		if (optopt - LONG_BASE == OPT_FORCE) {
			cli->given |= OPT_BIT(OPT_FORCE);
			cli->bare_force = true;
			return 0;
		}
		return cli_usage(cli, NULL, "--%s needs a value: --%s %s", o->name, o->name,
				 o->arg);
	}
	if (optopt >= LONG_BASE)
		return cli_usage(cli, NULL, "--%s takes no value",
				 cli_options[optopt - LONG_BASE].name);
	if (optopt)
		return cli_usage(cli, NULL, "unknown option -%c, see vfioadm %s%s--help", optopt,
				 cli->verb ? cli->verb->name : "", cli->verb ? " " : "");
	return unknown_long(cli, argv[optind - 1]);
}

static int letter_to_option(int c)
{
	for (int i = 0; i < OPT_N; i++) {
		if (cli_options[i].letter == c)
			return i;
	}
	return -1;
}

/* One pass over argv; optind is left at the first operand. */
static int parse_options(struct cli *cli, int argc, char **argv, uint64_t set, bool until_verb)
{
	struct getopt_tables tables;
	int c, status;

	fill_tables(&tables, set, until_verb, argc, argv);
	optind = 0; /* makes glibc forget an earlier run */
	opterr = 0;
	while ((c = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			status = bad_option(cli, argv, c);
		else
			status = take_option(
				cli, c >= LONG_BASE ? c - LONG_BASE : letter_to_option(c), optarg);
		if (status)
			return status;
	}
	return 0;
}

static int find_verb(struct cli *cli, const char *name)
{
	const char *names[CLI_MAX_VERBS], *best;

	cli->verb = cli_verb_find(name);
	cli->verb_given = cli->verb;
	if (cli->verb)
		return 0;
	for (size_t i = 0; i < cli_n_verbs; i++)
		names[i] = cli_verbs[i].name;
	best = nearest(name, names, cli_n_verbs);
	if (best)
		return cli_usage(cli, NULL, "unknown verb '%s', did you mean '%s'?", name, best);
	return cli_usage(cli, NULL, "unknown verb '%s', see vfioadm --help", name);
}

static int check_operands(struct cli *cli)
{
	const struct cli_verb *v = cli->verb;

	if (cli_has(cli, OPT_HELP) || cli_has(cli, OPT_VERSION))
		return 0;
	if (cli->n_operands < v->min_operands && cli_has(cli, OPT_FORCE))
		return cli_usage(cli, "codes come first: --force CODE[,CODE...]",
				 "%s needs at least one %s", v->name, v->operand);
	if (cli->n_operands < v->min_operands)
		return cli_usage(cli,
				 strcmp(v->operand, "ID") == 0
					 ? "an ID is vendor:device in hex, vfioadm list shows them"
					 : "vfioadm list shows the functions, vfioadm(1) the ways "
					   "to name one",
				 "%s needs at least one %s", v->name, v->operand);
	if (cli->n_operands && !v->min_operands && !v->any_operands)
		return cli_usage(cli, NULL, "%s: unexpected argument '%s'", v->name,
				 cli->operands[0]);
	return 0;
}

static int begin_verb(struct cli *cli, const char *name)
{
	uint64_t early = cli->given & ~cli_verb_options(NULL);

	if (early)
		return misplaced(cli, cli_options[__builtin_ctzll(early)].name);
	return find_verb(cli, name);
}

int cli_parse(struct cli *cli, int argc, char **argv, int *ret_status)
{
	const struct cli_verb *list = cli_verb_find("list");
	int status;

	status = set_color(cli, "auto");
	/* A program that asked for JSON gets it, also about what is wrong in front of --json. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		cli->json = cli->json || strcmp(argv[i], "--json") == 0;
	/* Without a verb it is list, with all its options. */
	if (!status)
		status = parse_options(cli, argc, argv, cli_verb_options(list), true);
	if (!status && optind < argc) {
		status = begin_verb(cli, argv[optind]);
		argc -= optind;
		argv += optind;
		if (!status)
			status = parse_options(cli, argc, argv, cli_verb_options(cli->verb), false);
	} else if (!status) {
		cli->verb = list;
	}
	if (!status)
		status = end_force(cli);
	if (!status) {
		cli->operands = (const char *const *)argv + optind;
		cli->n_operands = (size_t)(argc - optind);
		status = check_operands(cli);
	}
	*ret_status = status;
	return status ? -EINVAL : 0;
}
