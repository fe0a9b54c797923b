/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"
#include "sweep.h"

#define MARKER "/run/vfioadm-test-guest"

static const char usage[] =
	"usage: runner --host fake:ROOT|live [options] SCENARIO|DIRECTORY…\n"
	"  --host fake:ROOT    a captured root (directory or archive) under a model of the kernel\n"
	"  --host live         the running kernel; only in a guest of the test rig\n"
	"  --model FILE        lines for the model\n"
	"  --sweep             each fault at each operation of the lines that begin with sweep\n"
	"  --fresh             start the model anew for each scenario\n"
	"  --map FILE          roles, \"NAME ADDRESS\" per line, instead of finding them\n"
	"  --transcript FILE   what was done and what came of it\n"
	"  --helper PATH       the helper program, for builds that are not installed\n"
	"  --run-dir DIR       where vfioadm keeps its records\n"
	"  --roles             print the roles and end\n";

struct options {
	const char *host, *model, *map, *transcript, *helper, *run_dir;
	bool fresh, roles, sweep;
};

static int read_file(const char *path, char **ret)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char buf[4096];
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		strbuf_add(&text, buf, n);
	*ret = strbuf_take(&text);
	return *ret ? 0 : -ENOMEM;
}

static bool says_qemu(const char *path)
{
	_cleanup_free_ char *text = NULL;

	return read_file(path, &text) == 0 && strstr(text, "QEMU");
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

static void record(void *userdata, const char *line)
{
	runner_note(userdata, "%s", line);
}

static int make_host(struct runner *run, const struct options *o)
{
	const char *root = str_after(o->host, "fake:");
	_cleanup_free_ char *model = NULL;
	struct host *inner;
	int r = o->model ? read_file(o->model, &model) : 0;

	if (r < 0)
		return r;
	if (root)
		r = fake_new(root, model, &inner);
	else
		r = host_live_new(o->helper, &inner);
	if (r < 0)
		return r;
	run->fake = root ? inner : NULL;
	return recorder_new(inner, record, run, &run->host);
}

static int start(struct runner *run, const struct options *o)
{
	int r = make_host(run, o);

	if (r < 0)
		return r;
	r = ctx_new_with_host(run->host, o->run_dir, &run->ctx);
	if (r < 0) {
		host_free(run->host);
		return r;
	}
	r = o->map ? roles_read(o->map, &run->roles) : roles_find(run->host, &run->roles);
	return r;
}

static void stop(struct runner *run)
{
	run->ctx = vfioadm_ctx_unref(run->ctx);
	roles_clear(&run->roles);
}

static void remove_records(const char *dir)
{
	_cleanup_free_ char *records = str_format("%s/records", dir);
	const char *dirs[] = {records, dir};

	for (size_t i = 0; records && i < ARRAY_SIZE(dirs); i++) {
		_cleanup_closedir_ DIR *d = opendir(dirs[i]);
		struct dirent *e;

		while (d && (e = readdir(d)))
			if (e->d_name[0] != '.')
				(void)unlinkat(dirfd(d), e->d_name, 0);
		(void)rmdir(dirs[i]);
	}
}

/* A directory stands for the scenarios in it. */
static int add_files(const char *path, struct strv *files)
{
	_cleanup_closedir_ DIR *d = opendir(path);
	struct strv found = {0};
	struct dirent *e;
	int r = 0;

	if (!d)
		return strv_add(files, path);
	while (r == 0 && (e = readdir(d)))
		if (str_after(e->d_name + strcspn(e->d_name, "."), ".scn"))
			r = strv_take(&found, str_format("%s/%s", path, e->d_name));
	strv_sort(&found);
	STRV_FOREACH (i, &found)
		if (r == 0)
			r = strv_add(files, found.items[i]);
	strv_clear(&found);
	return r;
}

static int restart(struct runner *run, const struct options *o)
{
	stop(run);
	remove_records(o->run_dir);
	return start(run, o);
}

static int run_file(struct runner *run, const char *path)
{
	_cleanup_free_ char *text = NULL;
	const char *slash = strrchr(path, '/');
	int r = read_file(path, &text);

	if (r < 0) {
		fprintf(stderr, "runner: %s: %s\n", path, strerror(-r));
		return r;
	}
	return (int)scenario_run(run, slash ? slash + 1 : path, text);
}

/* The same file with every fault; each run has a model of its own. */
static int sweep_file(struct runner *run, const struct options *o, const char *path, int counts[3])
{
	struct sweep sweep = {0};
	unsigned failed = 0, n = 0;
	char name[64];
	int r = 0;

	run->sweep = &sweep;
	run->quiet = true;
	for (size_t kind = 0; r == 0 && kind < sweep_n_kinds(); kind++) {
		for (sweep.nth = kind ? 1 : 0; r >= 0 && sweep.nth <= sweep.operations;
		     sweep.nth++) {
			sweep.kind = kind;
			r = restart(run, o);
			if (r == 0)
				r = run_file(run, path);
			if (r < 0 || r == SKIPPED || (r && !sweep.nth))
				break;
			if (r == FAILED)
				printf("  with %s\n", sweep_name(&sweep, name));
			failed += r == FAILED;
			n++;
			r = 0;
		}
	}
	snapshot_clear(&sweep.wanted);
	run->sweep = NULL;
	if (r < 0)
		return r;
	counts[r ? r : failed ? FAILED : PASSED]++;
	if (n)
		printf("%s %s: %u runs, %u not as they should be\n", failed ? "FAIL" : "ok", path,
		       n, failed);
	return 0;
}

static int run_all(struct runner *run, const struct options *o, char **paths, int n)
{
	_cleanup_strv_ struct strv files = {0};
	int counts[3] = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = add_files(paths[i], &files);
	STRV_FOREACH (i, &files) {
		if (o->sweep) {
			r = sweep_file(run, o, files.items[i], counts);
			if (r < 0)
				return r;
			continue;
		}
		if (r == 0 && i && o->fresh)
			r = restart(run, o);
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
		{"sweep", no_argument, NULL, 's'},
		{"roles", no_argument, NULL, 'o'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'h':
			o->host = optarg;
			break;
		case 'm':
			o->model = optarg;
			break;
		case 'p':
			o->map = optarg;
			break;
		case 't':
			o->transcript = optarg;
			break;
		case 'e':
			o->helper = optarg;
			break;
		case 'r':
			o->run_dir = optarg;
			break;
		case 'f':
			o->fresh = true;
			break;
		case 's':
			o->sweep = true;
			break;
		case 'o':
			o->roles = true;
			break;
		default:
			return -EINVAL;
		}
	return o->host ? 0 : -EINVAL;
}

static int check_options(struct options *o, char *temporary)
{
	bool live = streq(o->host, "live");

	if (!live && !str_after(o->host, "fake:"))
		return -EINVAL;
	if (live && !may_change_this_machine()) {
		fprintf(stderr, "runner: this is no guest of the test rig; nothing was touched\n");
		exit(3);
	}
	if (live && (o->fresh || o->sweep)) {
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
	char temporary[] = "/tmp/vfioadm-scenarios-XXXXXX";
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
	r = start(&run, &o);
	if (r < 0)
		fprintf(stderr, "runner: %s: %s\n", o.host, strerror(-r));
	else if (o.roles)
		for (size_t i = 0; i < run.roles.n; i++)
			printf("%s %s\n", run.roles.items[i].name, run.roles.items[i].address);
	else
		r = run_all(&run, &o, argv + optind, argc - optind);
	stop(&run);
	if (run.fake || !streq(o.host, "live"))
		remove_records(o.run_dir);
	if (run.transcript && fclose(run.transcript) != 0)
		r = -errno;
	return r < 0 ? 2 : r;
}
