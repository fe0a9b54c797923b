/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake/fault.h"
#include "flow/settle.h"
#include "sweep.h"

enum {
	LINES_MAX =
		4, /* runs of vfioadm that are swept in one scenario: some repeat the same for ever */
	NTH_MAX = 2000,
};

static const char usage[] =
	"usage: scenario-sweep --host fake:ROOT --faults|--kills [--every N] SCENARIO|DIRECTORY…\n"
	"  --every N   only each N-th case, not the same at each command\n";

/* ---- settling ---- */

/* Another process, which has nothing but what the first one left. */
int sweep_another(struct runner *run, struct sweep *sweep)
{
	struct vfioadm_ctx *ctx = NULL;
	struct host *h = NULL;
	int r = fake_attach(run->fake, &h);

	if (r == 0)
		r = ctx_new_with_host(h, run->ctx->run_dir, &ctx);
	if (r == 0)
		r = runner_set_root(ctx);
	if (r != 0)
		return r;
	/* The old one is lost, as memory is with a process. */
	run->ctx = ctx;
	sweep->actor = h;
	return vfioadm_ctx_set_timeout(ctx, 1);
}

static struct sweep *the_sweep;

static int settle_late_one(struct host *h, const char *run_dir, const char *name, void *userdata)
{
	_cleanup_store_ struct store store = STORE_CLOSED;
	struct runner *run = userdata;
	struct vfioadm_ctx *ctx = NULL;
	struct host *other = NULL;
	int r = fake_attach(run->fake, &other);

	(void)h;
	if (r == 0)
		r = ctx_new_with_host(other, run_dir, &ctx);
	if (r == 0)
		r = runner_set_root(ctx);
	if (r != 0)
		return r;
	the_sweep->actor = other;
	r = store_open_locked(&store, run_dir, "late settling", 1000, -1, NULL);
	if (r == 0)
		r = settle_run_late(ctx, &store, name, 1000);
	vfioadm_ctx_unref(ctx);
	return r;
}

static int run_verb(struct runner *run, const char *verb)
{
	_cleanup_strv_ struct strv words = {0};
	int r = strv_add(&words, "vfioadm");

	if (r == 0)
		r = strv_add(&words, verb);
	return r == 0 ? run_vfioadm(run, &words) : r;
}

static int check_settled(struct runner *run, struct sweep *sweep,
			 const struct world_excuses *excuses)
{
	_cleanup_strv_ struct strv after = {0};
	_cleanup_free_ char *undone = NULL, *finished = NULL;
	int r = world_take(run, &after);

	if (r < 0)
		return r;
	undone = world_difference(run, &sweep->before, &after, excuses);
	finished = undone ? world_difference(run, &sweep->wanted, &after, excuses) : NULL;
	if (undone && finished)
		return runner_failed(run, "settled, but %s (undone), and %s (finished)", undone,
				     finished);
	if (world_journals(run))
		return runner_failed(run, "settled, but %zu journals are left",
				     world_journals(run));
	if (fake_of(run->fake)->m->n_claims)
		return runner_failed(run, "settled, but %s is still claimed",
				     fake_of(run->fake)->m->claims[0]->name);
	return 0;
}

int sweep_late(struct runner *run, struct sweep *sweep)
{
	struct host *actor = sweep->actor;
	int r = fake_run_late(run->fake, settle_late_one, run);

	sweep->actor = actor;
	return r;
}

int sweep_settle(struct runner *run, struct sweep *sweep, bool late,
		 const struct world_excuses *excuses)
{
	int r = fake_control(run->fake, "resume");

	if (r == 0 && late)
		r = sweep_late(run, sweep);
	if (r < 0)
		return runner_failed(run, "the helpers could not settle: %s", strerror(-r));
	r = sweep_another(run, sweep);
	if (r == 0)
		r = run_verb(run, "settle");
	if (r < 0)
		return r;
	if (run->status)
		return runner_failed(run, "settle ended with %d", run->status);
	return check_settled(run, sweep, excuses);
}

bool sweep_fault_came(struct runner *run)
{
	const struct machine *m = fake_of(run->fake)->m;

	for (size_t i = 0; i < m->n_faults; i++)
		if (m->faults[i].done)
			return true;
	return false;
}

/* ---- processes ---- */

static int copy_file(int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC), to = -1;
	char buf[4096];
	ssize_t n;

	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (from < 0 || to < 0)
		return -errno;
	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return -EIO;
	return n < 0 ? -errno : 0;
}

static int copy_below(int from, int to)
{
	_cleanup_closedir_ DIR *d = from < 0 ? NULL : fdopendir(from);
	struct dirent *e;
	int r = d && to >= 0 ? 0 : -errno;

	while (r == 0 && (e = readdir(d))) {
		_cleanup_close_ int below = -1;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (e->d_type != DT_DIR) {
			r = copy_file(dirfd(d), to, e->d_name);
			continue;
		}
		if (mkdirat(to, e->d_name, 0755) < 0)
			return -errno;
		below = openat(to, e->d_name, O_DIRECTORY | O_CLOEXEC);
		r = copy_below(openat(dirfd(d), e->d_name, O_DIRECTORY | O_CLOEXEC), below);
	}
	return r;
}

/* Each process has the files as they are now for itself. */
static int own_files(struct runner *run, char *directory)
{
	_cleanup_close_ int to = -1;

	if (!mkdtemp(directory))
		return -errno;
	to = open(directory, O_DIRECTORY | O_CLOEXEC);
	if (access(run->ctx->run_dir, F_OK) == 0) {
		int r = copy_below(open(run->ctx->run_dir, O_DIRECTORY | O_CLOEXEC), to);

		if (r < 0)
			return r;
	}
	free(run->ctx->run_dir);
	run->ctx->run_dir = strdup(directory);
	return run->ctx->run_dir ? runner_set_root(run->ctx) : -ENOMEM;
}

/* The run without a fault: what comes of it, and how much there is to disturb. */
static int run_plain(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
		     unsigned nth, const struct strv *command)
{
	_cleanup_strv_ struct strv wanted = {0};
	_cleanup_strbuf_ struct strbuf text = {0};
	unsigned first = fake_operations(run->fake);
	int r;

	(void)c;
	(void)nth;
	kill_points_begin(0);
	r = run_vfioadm(run, command);
	sweep->shared->points = kill_points_end();
	sweep->shared->operations = fake_operations(run->fake) - first;
	sweep->shared->status = run->status;
	if (r == 0)
		r = world_take(run, &wanted);
	STRV_FOREACH (i, &wanted)
		strbuf_addf(&text, "%s\n", wanted.items[i]);
	if (r < 0 || text.failed || text.len >= sizeof(sweep->shared->wanted))
		return r < 0 ? r : -ENOMEM;
	memcpy(sweep->shared->wanted, text.s, text.len + 1);
	return 0;
}

static const struct sweep_case plain = {"nothing", run_plain, NULL, 0};

static void tell(struct runner *run, const struct sweep_case *c, unsigned nth,
		 const struct strv *command, int r)
{
	printf("FAIL %s, line %u:", run->name, run->line);
	STRV_FOREACH (i, command)
		printf(" %s", command->items[i]);
	printf(", %s %u: %s\n", c->name, nth,
	       run->reason ? run->reason : strerror(r < 0 ? -r : EIO));
	if (run->out && *run->out)
		printf("  stdout: %s", run->out);
	if (run->err && *run->err)
		printf("  stderr: %s", run->err);
}

static _Noreturn void in_child(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			       unsigned nth, const struct strv *command)
{
	char directory[] = "/dev/shm/vfioadm-sweep-XXXXXX";
	int r = own_files(run, directory);

	run->transcript = NULL;
	sweep->actor = run->fake;
	if (r == 0)
		r = c->run(run, sweep, c, nth, command);
	if (r != 0)
		tell(run, c, nth, command, r);
	runner_remove_files(directory);
	fflush(stdout);
	_exit(r != 0);
}

/* 0, or 1: it was not as it should be; a process that crashed is that as well. */
static int in_a_process(struct runner *run, struct sweep *sweep, const struct sweep_case *c,
			unsigned nth, const struct strv *command)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	sweep->shared->fired = false;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		in_child(run, sweep, c, nth, command);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (WIFSIGNALED(status))
		printf("FAIL %s, line %u, %s %u: signal %d\n", run->name, run->line, c->name, nth,
		       WTERMSIG(status));
	return !WIFEXITED(status) || WEXITSTATUS(status);
}

/* ---- at each vfioadm ---- */

static int split_wanted(struct sweep *sweep)
{
	char *rest = sweep->shared->wanted, *line;
	int r = 0;

	strv_clear(&sweep->wanted);
	while (r == 0 && (line = strsep(&rest, "\n")))
		if (*line)
			r = strv_add(&sweep->wanted, line);
	return r;
}

static int sweep_cases(struct runner *run, struct sweep *sweep, const struct strv *command)
{
	for (size_t i = 0; i < sweep->n_cases; i++) {
		const struct sweep_case *c = &sweep->first[i];

		for (unsigned nth = 1 + (unsigned)(i + sweep->lines) % sweep->every; nth <= NTH_MAX;
		     nth += sweep->every) {
			int r = in_a_process(run, sweep, c, nth, command);

			if (r < 0)
				return r;
			if (!r && !sweep->shared->fired)
				break;
			sweep->cases++;
			sweep->failed += r > 0;
			if (r && !sweep->shared->fired)
				break;
		}
	}
	return 0;
}

static int sweep_line(struct runner *run, const struct strv *command)
{
	struct sweep *sweep = the_sweep;
	int r;

	if (!sweep->budget)
		return 0;
	strv_clear(&sweep->before);
	r = world_take(run, &sweep->before);
	if (r == 0)
		r = in_a_process(run, sweep, &plain, 0, command);
	if (r > 0)
		return runner_failed(run, "cannot be swept");
	/* What only looks is another test's subject. */
	if (r < 0 || !sweep->shared->points)
		return r;
	r = split_wanted(sweep);
	sweep->budget--;
	sweep->lines++;
	return r < 0 ? r : sweep_cases(run, sweep, command);
}

/* ---- all scenarios ---- */

static int sweep_files(struct runner *run, const struct runner_options *o, const struct strv *files,
		       int counts[3])
{
	STRV_FOREACH (i, files) {
		_cleanup_free_ char *text = NULL;
		const char *slash = strrchr(files->items[i], '/');
		int r = runner_read_file(files->items[i], &text);

		the_sweep->budget = LINES_MAX;
		if (r == 0)
			r = runner_restart(run, o);
		if (r < 0) {
			fprintf(stderr, "scenario-sweep: %s: %s\n", files->items[i], strerror(-r));
			return r;
		}
		counts[scenario_run(run, slash ? slash + 1 : files->items[i], text)]++;
	}
	return 0;
}

static int parse(int argc, char **argv, struct runner_options *o, struct sweep *sweep)
{
	static const struct option longs[] = {
		{"host", required_argument, NULL, 'h'},
		{"faults", no_argument, NULL, 'f'},
		{"kills", no_argument, NULL, 'k'},
		{"every", required_argument, NULL, 'e'},
		{0},
	};
	uint64_t every = 1;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'h') {
			o->host = optarg;
		} else if (c == 'f') {
			sweep->first = sweep_faults;
			sweep->n_cases = sweep_n_faults;
		} else if (c == 'k') {
			sweep->first = sweep_kills;
			sweep->n_cases = sweep_n_kills;
		} else if (c != 'e' || str_to_u64(optarg, 10, 1000, &every) < 0 || !every) {
			return -EINVAL;
		}
	}
	sweep->every = (unsigned)every;
	return o->host && str_after(o->host, "fake:") && sweep->first ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	char directory[] = "/dev/shm/vfioadm-sweep-XXXXXX";
	_cleanup_strv_ struct strv files = {0};
	struct runner_options o = {0};
	struct runner run = {.quiet = true, .before_vfioadm = sweep_line};
	static struct sweep sweep; /* seen from the line that is swept */
	int counts[3] = {0};
	int r = parse(argc, argv, &o, &sweep);

	if (r < 0) {
		fputs(usage, stderr);
		return 2;
	}
	the_sweep = &sweep;
	sweep.shared = mmap(NULL, sizeof(*sweep.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	o.run_dir = mkdtemp(directory);
	if (sweep.shared == MAP_FAILED || !o.run_dir)
		return 2;
	r = runner_start(&run, &o);
	for (int i = optind; r == 0 && i < argc; i++)
		r = runner_add_files(argv[i], &files);
	if (r == 0)
		r = sweep_files(&run, &o, &files, counts);
	runner_stop(&run);
	runner_remove_files(o.run_dir);
	strv_clear(&sweep.before);
	strv_clear(&sweep.wanted);
	printf("%u cases at %u commands of %d scenarios, %u not as they should be; %d scenarios "
	       "failed, "
	       "%d skipped\n",
	       sweep.cases, sweep.lines, counts[PASSED], sweep.failed, counts[FAILED],
	       counts[SKIPPED]);
	return r < 0 ? 2 : counts[FAILED] || sweep.failed || !sweep.cases;
}
