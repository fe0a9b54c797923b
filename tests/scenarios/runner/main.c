/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "runner.h"

#define MARKER "/run/vfioadm-test-guest"

static const char usage[] =
	"usage: runner --host fake:ROOT|live [options] SCENARIO|DIRECTORY…\n"
	"  --host fake:ROOT    a captured root (directory or archive) under a model of the kernel\n"
	"  --host live         the running kernel; only in a guest of the test rig\n"
	"  --model FILE        lines for the model\n"
	"  --fresh             start the model anew for each scenario\n"
	"  --map FILE          roles, \"NAME ADDRESS\" per line, instead of finding them\n"
	"  --transcript FILE   what was done and what came of it\n"
	"  --helper PATH       the helper program, for builds that are not installed\n"
	"  --run-dir DIR       where vfioadm keeps its records\n"
	"  --roles             print the roles and end\n";

struct options {
	struct runner_options runner;
	const char *transcript;
	bool fresh, roles;
};

static bool says_qemu(const char *path)
{
	_cleanup_free_ char *text = NULL;

	return runner_read_file(path, &text) == 0 && strstr(text, "QEMU");
}

/*
 * Nothing but a guest made for tests may be changed: the marker and the machine must both say so. Not every
 * kernel shows the firmware's name of the machine; under software emulation the processor tells too.
 */
static bool may_change_this_machine(void)
{
	return access(MARKER, F_OK) == 0 &&
	       (says_qemu("/sys/class/dmi/id/sys_vendor") || says_qemu("/proc/sysinfo") ||
		says_qemu("/proc/cpuinfo"));
}

static int run_file(struct runner *run, const char *path)
{
	_cleanup_free_ char *text = NULL;
	const char *slash = strrchr(path, '/');
	int r = runner_read_file(path, &text);

	if (r < 0) {
		fprintf(stderr, "runner: %s: %s\n", path, strerror(-r));
		return r;
	}
	return (int)scenario_run(run, slash ? slash + 1 : path, text);
}

static int run_all(struct runner *run, const struct options *o, char **paths, int n)
{
	_cleanup_strv_ struct strv files = {0};
	int counts[3] = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = runner_add_files(paths[i], &files);
	STRV_FOREACH (i, &files) {
		if (r == 0 && i && o->fresh)
			r = runner_restart(run, &o->runner);
		if (r < 0)
			return r;
		r = run_file(run, files.items[i]);
		if (r < 0)
			return r;
		counts[r]++;
		r = 0;
	}
	printf("%d passed, %d failed, %d skipped\n", counts[PASSED], counts[FAILED],
	       counts[SKIPPED]);
	return r < 0 ? r : counts[FAILED] ? 1 : 0;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"host", required_argument, NULL, 'h'},
		{"model", required_argument, NULL, 'm'},
		{"map", required_argument, NULL, 'p'},
		{"transcript", required_argument, NULL, 't'},
		{"helper", required_argument, NULL, 'e'},
		{"run-dir", required_argument, NULL, 'r'},
		{"fresh", no_argument, NULL, 'f'},
		{"roles", no_argument, NULL, 'o'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'h':
			o->runner.host = optarg;
			break;
		case 'm':
			o->runner.model = optarg;
			break;
		case 'p':
			o->runner.map = optarg;
			break;
		case 't':
			o->transcript = optarg;
			break;
		case 'e':
			o->runner.helper = optarg;
			break;
		case 'r':
			o->runner.run_dir = optarg;
			break;
		case 'f':
			o->fresh = true;
			break;
		case 'o':
			o->roles = true;
			break;
		default:
			return -EINVAL;
		}
	return o->runner.host ? 0 : -EINVAL;
}

static int check_options(struct options *options, char *temporary)
{
	struct runner_options *o = &options->runner;
	bool live = streq(o->host, "live");

	if (!live && !str_after(o->host, "fake:"))
		return -EINVAL;
	if (live && !may_change_this_machine()) {
		fprintf(stderr, "runner: this is no guest of the test rig; nothing was touched\n");
		exit(3);
	}
	if (live && options->fresh) {
		fprintf(stderr, "runner: a kernel cannot be started anew\n");
		return -EINVAL;
	}
	if (!o->run_dir && live)
		o->run_dir = RUN_DIR;
	if (!o->run_dir)
		o->run_dir = mkdtemp(temporary);
	return o->run_dir ? 0 : -errno;
}

int main(int argc, char **argv)
{
	/* In memory: each step of a run is synced. */
	char temporary[] = "/dev/shm/vfioadm-scenarios-XXXXXX";
	struct options o = {0};
	struct runner run = {0};
	int r = parse(argc, argv, &o);

	if (r == 0)
		r = check_options(&o, temporary);
	if (r < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.transcript && !(run.transcript = fopen(o.transcript, "we"))) {
		fprintf(stderr, "runner: %s: %s\n", o.transcript, strerror(errno));
		return 2;
	}
	r = runner_start(&run, &o.runner);
	if (r < 0)
		fprintf(stderr, "runner: %s: %s\n", o.runner.host, strerror(-r));
	else if (o.roles)
		for (size_t i = 0; i < run.roles.n; i++)
			printf("%s %s\n", run.roles.items[i].name, run.roles.items[i].address);
	else
		r = run_all(&run, &o, argv + optind, argc - optind);
	runner_stop(&run);
	if (run.fake || !streq(o.runner.host, "live"))
		runner_remove_files(o.runner.run_dir);
	if (run.transcript && fclose(run.transcript) != 0)
		r = -errno;
	return r < 0 ? 2 : r;
}
