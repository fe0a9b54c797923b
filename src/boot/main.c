/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfioadm-early: see boot/early.h. Run by initramfs hooks and vfioadm-early.service, of little use by hand. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "boot/early.h"
#include "config.h"
#include "host/host.h"

enum verb { CLAIM, GIVE_BACK, MODULES, HOST_MODULES, ENABLED };

static const char help[] =
	"vfioadm-early [--strict] [--initramfs]   give declared functions to VFIO before drivers are loaded\n"
	"vfioadm-early --give-back                give what was claimed in this boot to its native drivers\n"
	"vfioadm-early --modules                  print the modules that claiming needs\n"
	"vfioadm-early --host-modules             print the modules that the same functions would have without VFIO\n"
	"vfioadm-early --enabled                  status 0: not turned off on the kernel command line\n"
	"\n"
	"Started at boot, see vfioadm.conf(5). What it does is in the kernel log. Its status is 0 whatever happens,\n"
	"so that the boot goes on; with --strict it is 1 when something declared was left as it was.\n";

/*
 * To the kernel log, where it is in order with what drivers say, and kept until somebody collects it. The kernel
 * takes ten lines in five seconds from each open file, so each line has one of its own.
 */
static void log_line(void *userdata, enum early_level level, const char *line)
{
	_cleanup_close_ int fd = fd_above(open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY));
	char text[900];
	int n = snprintf(text, sizeof(text), "<%d>vfioadm: %s\n", level, line);

	(void)userdata;
	/* One write is one line. Not by stdio, which seeks first: this file cannot. */
	if (n < 0 || n >= (int)sizeof(text) || fd < 0 || write(fd, text, (size_t)n) != n)
		fprintf(stderr, "vfioadm: %s\n", line);
}

/* Whoever makes an image is told by 'vfioadm config' what is wrong with declarations. */
static void log_nothing(void *userdata, enum early_level level, const char *line)
{
	(void)userdata;
	(void)level;
	(void)line;
}

static int print_modules(const struct early *e, bool of_host)
{
	_cleanup_strv_ struct strv modules = { 0 };
	int r = of_host ? early_host_modules(e, &modules) : early_modules(e, &modules);

	STRV_FOREACH(i, &modules)
		puts(modules.items[i]);
	return r < 0 || fflush(stdout) != 0 ? 1 : 0;
}

static int run(enum verb verb, struct early *e, bool strict)
{
	int r = 0;

	switch (verb) {
	case CLAIM:
		r = early_claim(e);
		break;
	case GIVE_BACK:
		r = early_give_back(e);
		break;
	case MODULES:
	case HOST_MODULES:
		e->log = log_nothing;
		return print_modules(e, verb == HOST_MODULES);
	case ENABLED:
		return early_enabled(e) ? 0 : 1;
	}
	return strict && r ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "give-back", no_argument, NULL, 'g' }, { "modules", no_argument, NULL, 'm' },
		{ "enabled", no_argument, NULL, 'e' },   { "strict", no_argument, NULL, 's' },
		{ "initramfs", no_argument, NULL, 'i' }, { "helper", required_argument, NULL, 'H' },
		{ "host-modules", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },      { "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct early e = {
		.root = "/",
		.run_dir = "/run/vfioadm",
		.trusted = true,
		.step_ms = EARLY_STEP_MS,
		.total_ms = EARLY_TOTAL_MS,
		.log = log_line,
	};
	const char *helper = NULL;
	enum verb verb = CLAIM;
	bool strict = false;
	int option, r;

	fd_open_standard();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'g':
			verb = GIVE_BACK;
			break;
		case 'm':
			verb = MODULES;
			break;
		case 'n':
			verb = HOST_MODULES;
			break;
		case 'e':
			verb = ENABLED;
			break;
		case 's':
			strict = true;
			break;
		case 'i':
			e.initramfs = true;
			break;
		case 'H':
			helper = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'v':
			puts("vfioadm-early " VFIOADM_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vfioadm-early takes no arguments; see --help.\n");
		return 2;
	}
	r = host_live_new(helper, &e.host);
	if (r < 0) {
		log_line(NULL, EARLY_ERROR, "The host cannot be looked at.");
		return strict ? 1 : 0;
	}
	e.initramfs |= host_exists(e.host, "etc/initrd-release");
	r = run(verb, &e, strict);
	host_free(e.host);
	return r;
}
