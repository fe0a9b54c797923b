/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claims of a live host, with real processes: what a helper holds, for whom it works, and what it does
 * when nobody waits for it any more. What blocks in the kernel is here the opening of a FIFO.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "flow/flow.h"
#include "subreaper.h"
#include "tmp_tree.h"

#define FUNCTION "0000:01:00.0"
#define OTHER	 "0000:02:00.0"

static const char *program;
static char dir[64];

/* ---- a run directory ---- */

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static int setup(void **state)
{
	strcpy(dir, "/tmp/vfioadm-claims-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	/* A test that failed may have left a helper behind that waits for a reader. */
	int fd = open(in_dir("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char command[128];

	if (fd >= 0)
		close(fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_journal(const char *run)
{
	char name[64];

	(void)!mkdir(in_dir("journal"), 0755);
	snprintf(name, sizeof(name), "journal/%s", run);
	put(name, "whatever it says\n");
}

static struct host *new_host(void)
{
	struct host *h;

	assert_int_equal(host_live_new(program, &h), 0);
	h->timeout_ms = 20000;
	return h;
}

static void unclaim(struct host *h, const char *name)
{
	h->ops->unclaim(h, &name, 1);
}

static int claim(struct host *h, const char *name)
{
	pid_t holder;

	return h->ops->claim(h, dir, "run1", name, &holder);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rest(void)
{
	static const struct timespec turn = {.tv_nsec = 5000000};

	nanosleep(&turn, NULL);
}

static pid_t holder_of(const char *name)
{
	struct file_lock_holder holder = {0};
	int fd = open(in_dir("locks"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? 0 : file_lock_holder(fd, name, &holder);

	close(fd);
	assert_true(r >= 0);
	return r ? holder.pid : 0;
}

static bool soon(bool (*is)(void))
{
	double end = now() + 60; /* Other tests may have the processors. */

	while (!is() && now() < end)
		rest();
	return is();
}

static bool is_free(void)
{
	return !holder_of(FUNCTION);
}

static bool is_settled(void)
{
	return access(in_dir("settled-run1"), F_OK) == 0;
}

static bool has_ended(pid_t pid)
{
	double end = now() + 15;

	while (kill(pid, 0) == 0 && now() < end)
		rest();
	return kill(pid, 0) < 0;
}

/* The capabilities that it had, see late_double.c. */
static uint64_t settled_with(void)
{
	unsigned long long found = 1;
	FILE *f = fopen(in_dir("capabilities"), "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "CapEff: %llx", &found), 1);
	fclose(f);
	return found;
}

/* What it would have done it has done by now. */
static void assert_never_settled(void)
{
	double end = now() + 0.3;

	while (now() < end)
		rest();
	assert_false(is_settled());
}

/* ---- a write that the kernel does not let go ---- */

static void make_fifo(void)
{
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
}

static int write_to(struct host *h, const char *name, const char *file)
{
	return h->ops->write(h, name, in_dir(file) + 1, "text", 4);
}

static void write_stuck(struct host *h, const char *name)
{
	unsigned before = h->timeout_ms;

	h->timeout_ms = 150;
	assert_int_equal(write_to(h, name, "fifo"), -ETIMEDOUT);
	h->timeout_ms = before;
}

static void let_it_return(void)
{
	int fd = open(in_dir("fifo"), O_RDONLY | O_CLOEXEC);
	char text[8];

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
}

/* ---- tests ---- */

static void test_two_claimers(void **state)
{
	struct host *one = new_host(), *two = new_host();
	pid_t holder = 0;

	assert_int_equal(claim(one, FUNCTION), 0);
	assert_int_equal(claim(one, FUNCTION), -EALREADY);
	assert_int_equal(two->ops->claim(two, dir, "run2", FUNCTION, &holder), -EAGAIN);
	assert_true(holder > 0);
	assert_int_equal(holder, holder_of(FUNCTION));
	assert_true(one->ops->is_ours(one, holder));
	assert_false(two->ops->is_ours(two, holder));
	/* Another name is nobody's. */
	assert_int_equal(claim(two, OTHER), 0);
	unclaim(one, FUNCTION);
	assert_true(is_free());
	assert_int_equal(claim(two, FUNCTION), 0);
	unclaim(two, FUNCTION);
	unclaim(two, OTHER);
	unclaim(two, "never claimed");
	host_free(one);
	host_free(two);
}

static void test_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", ".hidden", "a/b", "../x", "a b", "\n"};
	struct host *h = new_host();
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(claim(h, names[i]), -EINVAL);
	assert_int_equal(h->ops->claim(h, dir, "../run", FUNCTION, NULL), -EINVAL);
	assert_int_equal(h->ops->claim(h, "tmp", "run1", FUNCTION, NULL), -EINVAL);
	assert_int_equal(claim(h, "host"), 0);
	assert_int_equal(stat(in_dir("locks"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	unclaim(h, "host");
	/* What others can write to says nothing. */
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(claim(h, FUNCTION), -EPERM);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(unlink(in_dir("locks/host")), 0);
	assert_int_equal(symlink("../elsewhere", in_dir("locks/host")), 0);
	assert_int_equal(claim(h, "host"), -ELOOP);
	assert_int_not_equal(access(in_dir("elsewhere"), F_OK), 0);
	host_free(h);
}

/* One function: one process. More: one each, and what is about none of them has its own. */
static void test_processes(void **state)
{
	struct host *h = new_host();
	pid_t first, second;
	char text[16];

	put("file", "old");
	assert_int_equal(h->ops->read_locked(h, in_dir("file") + 1, text, sizeof(text)), 3);
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	first = holder_of(FUNCTION);
	second = holder_of(OTHER);
	assert_int_not_equal(first, second);
	assert_int_not_equal(getsid(first), getsid(0));
	assert_int_not_equal(getsid(second), getsid(0));
	assert_int_equal(write_to(h, FUNCTION, "file"), 0);
	assert_int_equal(write_to(h, OTHER, "file"), 0);
	assert_int_equal(write_to(h, NULL, "file"), 0);
	assert_int_equal(h->ops->read_locked(h, in_dir("file") + 1, text, sizeof(text)), 4);
	/* A copy does not hold what the other one holds. */
	unclaim(h, FUNCTION);
	assert_true(is_free());
	assert_int_equal(holder_of(OTHER), second);
	assert_int_equal(kill(second, SIGKILL), 0);
	while (holder_of(OTHER))
		rest();
	/* Without its lock nothing is written any more. */
	assert_int_equal(write_to(h, OTHER, "file"), -EPIPE);
	assert_int_equal(write_to(h, OTHER, "file"), -EPIPE);
	unclaim(h, OTHER);
	assert_int_equal(claim(h, OTHER), 0);
	assert_int_equal(write_to(h, OTHER, "file"), 0);
	unclaim(h, OTHER);
	host_free(h);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* How many helpers run. */
static size_t count_helpers(void)
{
	_cleanup_free_ char *wanted = realpath(program, NULL);
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	assert_non_null(proc);
	while ((entry = readdir(proc))) {
		char path[300], target[512];
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%s/exe", entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		n += strcmp(target, wanted) == 0;
	}
	closedir(proc);
	return n;
}

static size_t wanted_helpers;

static bool are_as_many(void)
{
	return count_helpers() == wanted_helpers;
}

static void assert_helpers(size_t n)
{
	wanted_helpers = n;
	(void)soon(are_as_many);
	assert_int_equal(count_helpers(), n);
}

static const char *watched;

static bool is_watched_free(void)
{
	return !holder_of(watched);
}

/* Begun before they are claimed; what is not claimed in the end is gone when the run is over. */
static void test_prepared(void **state)
{
	static const char *const names[] = {FUNCTION, OTHER, "0000:03:00.0"};
	struct host *h = new_host();
	pid_t pids[3];

	assert_helpers(0);
	h->ops->prepare(h, 5);
	assert_helpers(5);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(claim(h, names[i]), 0);
		pids[i] = holder_of(names[i]);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(pids[i], pids[k]);
	}
	h->ops->unclaim(h, names, 3);
	/* A copy that was being made meanwhile drops at once what it was born with. */
	for (size_t i = 0; i < 3; i++) {
		watched = names[i];
		assert_true(soon(is_watched_free));
	}
	assert_int_equal(h->ops->hold(h, names[2], "sda"), -EBADF);
	assert_helpers(1);
	/* As when a plan was refused. */
	h->ops->prepare(h, 3);
	assert_helpers(3);
	h->ops->unclaim(h, NULL, 0);
	assert_helpers(1);
	h->ops->prepare(h, 3);
	host_free(h);
	assert_helpers(0);
}

/* The one that is to be copied dies before it has made a copy: programs are started as if there had been none. */
static void test_nothing_to_copy(void **state)
{
	struct host *h = new_host();
	pid_t pid;

	assert_int_equal(claim(h, FUNCTION), 0);
	pid = holder_of(FUNCTION);
	unclaim(h, FUNCTION);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	h->ops->prepare(h, 3);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(has_ended(pid));
	assert_int_equal(claim(h, FUNCTION), -EPIPE);
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	assert_int_not_equal(holder_of(OTHER), holder_of(FUNCTION));
	host_free(h);
	assert_true(soon(is_free));
}

/* It was made from one that holds a lock, which goes with that one alone. */
static void test_copy_of_a_holder(void **state)
{
	struct host *h = new_host();

	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	assert_int_equal(kill(holder_of(FUNCTION), SIGKILL), 0);
	assert_true(soon(is_free));
	assert_int_not_equal(holder_of(OTHER), 0);
	host_free(h);
}

static void test_orderly_end(void **state)
{
	struct host *h = new_host();

	make_journal("run1");
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(write_to(h, FUNCTION, "journal/run1"), 0);
	unclaim(h, FUNCTION);
	host_free(h);
	assert_never_settled();
	assert_true(is_free());
}

/* As it is when a process exits in the middle. */
static void test_left_behind(void **state)
{
	struct host *h = new_host();

	assert_int_equal(claim(h, FUNCTION), 0);
	host_free(h);
	assert_true(soon(is_free));
	assert_never_settled(); /* no journal: nothing was begun */
	h = new_host();
	make_journal("run1");
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	unclaim(h, OTHER);
	host_free(h);
	assert_true(soon(is_settled));
	assert_true(is_free());
}

static void test_stuck(void **state)
{
	struct host *h = new_host(), *other = new_host();
	double begin = now();
	char text[16];
	pid_t holder;

	make_fifo();
	put("file", "old");
	make_journal("run1");
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	holder = holder_of(FUNCTION);
	write_stuck(h, FUNCTION);
	assert_true(now() - begin < 10);
	/* At once, whatever the deadline; nobody else does it either. */
	assert_int_equal(write_to(h, FUNCTION, "file"), -ETIMEDOUT);
	assert_int_equal(h->ops->read_locked(h, "sys/bus/pci/devices/" FUNCTION "/driver_override",
					     text, sizeof(text)),
			 -ETIMEDOUT);
	assert_int_equal(h->ops->hold(h, FUNCTION, "sda"), -ETIMEDOUT);
	assert_int_equal(write_to(h, OTHER, "file"), 0);
	assert_int_equal(write_to(h, NULL, "file"), 0);
	assert_int_equal(claim(other, FUNCTION), -EAGAIN);
	unclaim(h, OTHER);
	unclaim(h, FUNCTION);
	assert_int_equal(claim(h, FUNCTION), -EAGAIN);
	assert_int_equal(holder_of(FUNCTION), holder);
	assert_never_settled();
	let_it_return();
	assert_true(soon(is_settled));
	assert_true(is_free());
	assert_int_equal(claim(other, FUNCTION), 0);
	unclaim(other, FUNCTION);
	host_free(h);
	host_free(other);
}

static void test_stuck_without_journal(void **state)
{
	struct host *h = new_host();

	make_fifo();
	assert_int_equal(claim(h, FUNCTION), 0);
	write_stuck(h, FUNCTION);
	let_it_return();
	assert_true(soon(is_free));
	/* The run goes on without this function. */
	assert_int_equal(write_to(h, FUNCTION, "fifo"), -ETIMEDOUT);
	host_free(h);
	assert_never_settled();
}

static void test_stuck_in(void **state)
{
	struct host *h = new_host();
	struct strv frames = {0};
	char path[64], text[4096];

	make_fifo();
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(h->ops->stuck_in(h, FUNCTION, &frames), -ENOENT);
	snprintf(path, sizeof(path), "proc/%d/stack", (int)holder_of(FUNCTION));
	write_stuck(h, FUNCTION);
	/* Root's, and in a container nobody's. */
	if (h->ops->read(h, -1, path, text, sizeof(text)) > 0) {
		assert_int_equal(h->ops->stuck_in(h, FUNCTION, &frames), 0);
		assert_true(frames.n > 0);
		STRV_FOREACH (i, &frames) {
			assert_true(*frames.items[i]);
			assert_null(strpbrk(frames.items[i], "+<>\n"));
		}
	}
	strv_clear(&frames);
	let_it_return();
	host_free(h);
}

static void test_hold(void **state)
{
	struct host *h = new_host();

	assert_int_equal(h->ops->hold(h, FUNCTION, "sda"), -EBADF);
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(h->ops->hold(h, FUNCTION, ""), -EINVAL);
	assert_int_equal(h->ops->hold(h, FUNCTION, "../mem"), -EINVAL);
	assert_int_equal(h->ops->hold(h, FUNCTION, "no-such-disk"), -ENOENT);
	/* A node, but no disk. */
	assert_int_equal(h->ops->hold(h, FUNCTION, "null"), -ENOENT);
	h->ops->let_go(h, FUNCTION);
	unclaim(h, FUNCTION);
	host_free(h);
}

/* ---- a caller that is killed ---- */

/* Claims, says so, and waits for its end; stuck: with a write in the kernel. */
static pid_t start_caller(bool stuck, int out)
{
	struct host *h;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (host_live_new(program, &h) < 0 || claim(h, FUNCTION) < 0)
		_exit(1);
	if (stuck) {
		h->timeout_ms = 150;
		if (write_to(h, FUNCTION, "fifo") != -ETIMEDOUT)
			_exit(2);
	}
	if (write(out, "y", 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

static void kill_caller(bool stuck)
{
	int fds[2], status;
	pid_t pid;
	char c;

	make_fifo();
	make_journal("run1");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = start_caller(stuck, fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	assert_true(holder_of(FUNCTION) > 0);
	assert_false(is_settled());
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Nobody has kept it open: it was the caller's. */
	assert_int_equal(read(fds[0], &c, 1), 0);
	close(fds[0]);
}

static void test_killed(void **state)
{
	kill_caller(false);
	assert_true(soon(is_settled));
	assert_true(is_free());
}

static void test_killed_while_stuck(void **state)
{
	kill_caller(true);
	assert_never_settled();
	assert_true(holder_of(FUNCTION) > 0);
	let_it_return();
	assert_true(soon(is_settled));
	assert_true(is_free());
}

/* out=$(…) returns when the caller does. */
static void test_output_is_not_kept(void **state)
{
	struct host *h;
	int fds[2], status;
	double begin = now();
	pid_t pid;
	char c;

	make_fifo();
	assert_int_equal(pipe(fds), 0); /* not close-on-exec, as standard output is not */
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		if (host_live_new(program, &h) < 0 || claim(h, FUNCTION) < 0)
			_exit(1);
		h->timeout_ms = 150;
		_exit(write_to(h, FUNCTION, "fifo") == -ETIMEDOUT ? 0 : 2);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 0);
	assert_true(now() - begin < 10);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Valgrind has its own idea of the status, for what the child has not freed. */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1 && WEXITSTATUS(status) != 2);
	assert_true(holder_of(FUNCTION) > 0);
	close(fds[0]);
	let_it_return();
	assert_true(soon(is_free));
}

/* In a container whose PID 1 this is, nothing is left of a run: of copies, of a killed one, of one that was stuck. */
static void test_reaped(void **state)
{
	static const char *const names[] = {FUNCTION, OTHER, "0000:03:00.0"};
	pid_t own = become_subreaper();
	struct host *h = new_host();
	siginfo_t info = {0};

	h->ops->prepare(h, 5);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(claim(h, names[i]), 0);
	assert_int_equal(kill(holder_of(OTHER), SIGKILL), 0);
	make_fifo();
	write_stuck(h, FUNCTION);
	h->ops->unclaim(h, names, 3);
	let_it_return();
	assert_true(soon(is_free));
	/* The next run finds it ended. */
	assert_int_equal(claim(h, OTHER), 0);
	unclaim(h, OTHER);
	assert_int_equal(waitid(P_PID, (id_t)own, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	assert_int_equal(info.si_pid, own);
	host_free(h);
	/* As a process that exits in the middle of it. */
	h = new_host();
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(claim(h, names[i]), 0);
	host_free(h);
	assert_nothing_left(own);
}

/* ---- limits ---- */

struct named_limit {
	int resource;
	rlim_t low;
	const char *name;
};
static const struct named_limit low_limits[] = {
	{RLIMIT_FSIZE, 16, "Max file size"},
	{RLIMIT_CPU, 1000, "Max cpu time"},
	{RLIMIT_NOFILE, 64, "Max open files"},
};

/* "Max file size             unlimited            unlimited            bytes" */
static void read_limit(pid_t pid, const char *name, char soft[32], char hard[32])
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = strncmp(line, name, strlen(name)) == 0 &&
			sscanf(line + strlen(name), "%31s %31s", soft, hard) == 2;
	fclose(f);
	assert_true(found);
}

static bool ignores(pid_t pid, int signal)
{
	char path[64], line[256];
	unsigned long long set = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "SigIgn: %llx", &set) == 1)
			break;
	fclose(f);
	return set >> (signal - 1) & 1;
}

/* Low soft limits of the caller end none of its helpers, the first or a copy; nor do hard ones where they may be lifted. */
static void test_limits(void **state)
{
	struct rlimit before[ARRAY_SIZE(low_limits)];
	struct host *h = new_host();

	for (size_t i = 0; i < ARRAY_SIZE(low_limits); i++) {
		struct rlimit low;

		assert_int_equal(getrlimit(low_limits[i].resource, &before[i]), 0);
		low = before[i];
		low.rlim_cur = low_limits[i].low;
		assert_int_equal(setrlimit(low_limits[i].resource, &low), 0);
	}
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	for (size_t i = 0; i < ARRAY_SIZE(low_limits); i++)
		assert_int_equal(setrlimit(low_limits[i].resource, &before[i]), 0);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(low_limits); i++) {
		char soft[32], hard[32];
		pid_t pid = holder_of(i % 2 ? OTHER : FUNCTION);

		read_limit(pid, low_limits[i / 2].name, soft, hard);
		assert_string_equal(soft, hard);
		assert_true(ignores(pid, SIGXFSZ) && ignores(pid, SIGXCPU));
	}
	unclaim(h, FUNCTION);
	unclaim(h, OTHER);
	host_free(h);
}

/* ---- privileges ---- */

static uint64_t capabilities(pid_t pid, const char *set)
{
	char path[64], line[256];
	unsigned long long found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, set, strlen(set)) == 0)
			assert_int_equal(sscanf(line + strlen(set), ": %llx", &found), 1);
	fclose(f);
	return found;
}

/* Idle it can do nothing as root that others cannot; at work what the step needs; what it was given it has for settling. */
static void test_privileges(void **state)
{
	static const uint64_t beyond = 1ull << CAP_CHOWN | 1ull << CAP_KILL | 1ull << CAP_SETUID | 1ull << CAP_SYS_PTRACE |
				       1ull << CAP_SYS_MODULE | 1ull << CAP_MKNOD | 1ull << CAP_SYS_BOOT |
				       1ull << CAP_SYS_TIME;
	struct host *h = new_host();
	uint64_t permitted = capabilities(getpid(), "CapPrm");
	pid_t first, second;

	make_fifo();
	make_journal("run1");
	put("file", "old");
	assert_int_equal(claim(h, FUNCTION), 0);
	assert_int_equal(claim(h, OTHER), 0);
	first = holder_of(FUNCTION);
	second = holder_of(OTHER);
	assert_int_equal(write_to(h, OTHER, "file"), 0);
	assert_int_equal(capabilities(first, "CapEff"), 0);
	assert_int_equal(capabilities(second, "CapEff"), 0);
	assert_int_equal(capabilities(second, "CapPrm"), permitted);
	write_stuck(h, FUNCTION);
	assert_int_equal(capabilities(first, "CapEff") & beyond, 0);
	assert_int_equal(!(capabilities(first, "CapEff") & 1ull << CAP_SYS_ADMIN), !(permitted & 1ull << CAP_SYS_ADMIN));
	unclaim(h, OTHER);
	let_it_return();
	/* With all of them again. */
	assert_true(soon(is_settled));
	assert_int_equal(settled_with(), permitted);
	host_free(h);
}

/* A program of another version is named, with what is to be done; nothing is held, and nothing was asked of it. */
static void test_foreign_helper(void **state)
{
	struct vfioadm_error *err = NULL;
	const char *path = in_dir("foreign");
	struct host *h;

	put("foreign", "#!/bin/sh\nprintf 'hello' >&3\nexec cat <&3\n");
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(host_live_new(path, &h), 0);
	h->timeout_ms = 20000;
	assert_int_equal(claim(h, FUNCTION), -ENOPKG);
	assert_true(h->helper_missing && h->helper_foreign);
	assert_int_equal(access(in_dir("locks"), F_OK), -1);
	assert_int_equal(ready_no_helper(h, &err), -ENOPKG);
	assert_non_null(strstr(vfioadm_error_message(err), "is of another version"));
	assert_non_null(strstr(vfioadm_error_message(err), path));
	assert_non_null(strstr(vfioadm_error_hint(err), "Reinstall vfioadm"));
	vfioadm_error_free(err);
	host_free(h);
	/* One that is not there at all is another matter. */
	assert_int_equal(host_live_new(in_dir("nowhere"), &h), 0);
	assert_int_equal(claim(h, FUNCTION), -ENOPKG);
	assert_true(h->helper_missing && !h->helper_foreign);
	host_free(h);
}

static size_t descriptors_of(struct host *h)
{
	DIR *proc = opendir("/proc"), *fds;
	struct dirent *e;
	char path[300];
	size_t n = 0;

	assert_non_null(proc);
	while ((e = readdir(proc))) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid <= 0 || !h->ops->is_ours(h, pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
		fds = opendir(path);
		assert_non_null(fds);
		while (readdir(fds))
			n++;
		closedir(fds);
	}
	closedir(proc);
	return n;
}

/* Everybody can make network namespaces by the thousand, and each of them is asked. */
static void test_namespaces_leave_nothing_open(void **state)
{
	struct host *h = new_host();
	struct strv lines = { 0 };
	size_t before;

	(void)!h->ops->net_links(h, "proc/self/ns/net", &lines);
	strv_clear(&lines);
	before = descriptors_of(h);
	assert_true(before > 0);
	for (int i = 0; i < 40; i++) {
		(void)!h->ops->net_links(h, i % 2 ? "proc/self/ns/net" : "proc/self/ns/mnt", &lines);
		strv_clear(&lines);
		/* What is no namespace must not stay open either. */
		assert_int_equal(h->ops->net_links(h, "dev/null", &lines), -EINVAL);
	}
	assert_int_equal(descriptors_of(h), before);
	host_free(h);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_two_claimers),
		T(test_refused),
		T(test_processes),
		T(test_prepared),
		T(test_nothing_to_copy),
		T(test_copy_of_a_holder),
		T(test_orderly_end),
		T(test_left_behind),
		T(test_stuck),
		T(test_stuck_without_journal),
		T(test_stuck_in),
		T(test_hold),
		T(test_killed),
		T(test_killed_while_stuck),
		T(test_output_is_not_kept),
		T(test_limits),
		T(test_privileges),
		T(test_foreign_helper),
		T(test_reaped),
		T(test_namespaces_leave_nothing_open),
	};

	if (argc < 2)
		return 2;
	program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
