/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pass over /proc, which processes fill with what they like. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "host/processes.h"
#include "tmp_tree.h"

static struct arena arena;
static struct processes procs;

static int teardown(void **state)
{
	arena_free(&arena);
	arena = (struct arena){ 0 };
	return tmp_teardown(state);
}

static void stat_line(struct tmp_tree *t, const char *pid, const char *comm, const char *rest)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "proc/%s/stat", pid);
	snprintf(text, sizeof(text), "%s (%s) %s 0 0 20 0 %d 0 55 0\n", pid, comm, rest,
		 str_after(rest, "Z") ? 4 : 1);
	tmp_file(t, path, text);
}

static void process(struct tmp_tree *t, const char *pid, const char *comm, const char *parent)
{
	char path[64], rest[128];

	snprintf(rest, sizeof(rest), "S %s 1 1 0 -1 4194560 0 0 0 0 0 0", parent);
	stat_line(t, pid, comm, rest);
	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	tmp_dir(t, path);
	snprintf(path, sizeof(path), "proc/%s/ns/mnt", pid);
	tmp_link(t, path, "mnt:[4026531841]");
	snprintf(path, sizeof(path), "proc/%s/ns/net", pid);
	tmp_link(t, path, "net:[4026531840]");
}

static void file_of(struct tmp_tree *t, const char *pid, const char *fd, const char *target)
{
	char path[128];

	snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, fd);
	tmp_link(t, path, target);
}

static void read_all(struct tmp_tree *t)
{
	arena_free(&arena);
	arena = (struct arena){ 0 };
	assert_int_equal(processes_read(tmp_open(t), &arena, &procs), 0);
}

/* "name(pid)->path b259:0" of each, " " between. */
static const char *openers(void)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < procs.n_openers; i++) {
		const struct opener *o = &procs.openers[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d:%s", n ? " " : "", o->process->pid,
				      o->path);
		if (o->block || o->character)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "=%c%u:%u", o->block ? 'b' : 'c',
					      o->major, o->minor);
	}
	return text;
}

static void test_names_and_parents(void **state)
{
	struct tmp_tree *t = *state;
	const struct process *p;
	char text[128];

	process(t, "1", "systemd", "0");
	process(t, "20", "a) S 7 (b)", "1");
	process(t, "300", "evil\033[31m\nname\xff", "20");
	process(t, "4194303", "last", "300");
	read_all(t);
	assert_null(procs.unseen);
	assert_int_equal(procs.n, 4);
	p = processes_find(&procs, 20);
	assert_non_null(p);
	assert_string_equal(p->name, "a) S 7 (b)");
	assert_int_equal(p->parent, 1);
	assert_true(p->fds_seen);
	assert_true(p->mnt_ns == 4026531841 && p->net_ns == 4026531840);
	p = processes_find(&procs, 300);
	assert_string_equal(p->name, "evil?[31m?name?");
	assert_int_equal(p->parent, 20);
	assert_int_equal(processes_find(&procs, 4194303)->parent, 300);
	assert_null(processes_find(&procs, 2));
	process_describe(p, text, sizeof(text));
	assert_string_equal(text, "evil?[31m?name? (pid 300)");
	for (size_t i = 1; i < procs.n; i++)
		assert_true(procs.items[i - 1].pid < procs.items[i].pid);
}

static void test_what_is_no_process(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "99999999999999999999", "huge", "0");
	process(t, "4294967297", "wraps", "0");
	process(t, "007", "agent", "0");
	process(t, "0", "zero", "0");
	process(t, "-5", "minus", "0");
	process(t, "12x", "letter", "0");
	tmp_file(t, "proc/77", "a file");
	tmp_file(t, "proc/meminfo", "");
	read_all(t);
	assert_int_equal(procs.n, 1);
	assert_null(procs.unseen);
}

static void test_kernel_threads_are_left_out(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "2", "kthreadd", "0");
	stat_line(t, "2", "kthreadd", "S 0 0 0 0 -1 2129984 0 0 0 0 0 0");
	file_of(t, "2", "0", "/dev/vfio/1");
	read_all(t);
	assert_int_equal(procs.n, 1);
	assert_int_equal(procs.n_openers, 0);
}

static void test_which_files_are_kept(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "30", "qemu", "1");
	tmp_class(t, "block", "virtual/block", "nvme0n1");
	tmp_file(t, "sys/devices/virtual/block/nvme0n1/dev", "259:3\n");
	tmp_class(t, "sound", "virtual/sound", "pcmC0D0p");
	tmp_file(t, "sys/devices/virtual/sound/pcmC0D0p/dev", "116:2\n");
	tmp_file(t, "dev/plain", "no node");
	file_of(t, "30", "0", "/dev/nvme0n1");
	file_of(t, "30", "1", "pipe:[123]");
	file_of(t, "30", "2", "socket:[5]");
	file_of(t, "30", "3", "/dev/snd/pcmC0D0p");
	file_of(t, "30", "4", "/dev/plain");
	file_of(t, "30", "5", "/var/log/x");
	file_of(t, "30", "6", "anon_inode:[vfio-device]");
	file_of(t, "30", "7", "anon_inode:[eventfd]");
	file_of(t, "30", "8", "/dev/vfio/12");
	file_of(t, "30", "9", "/sys/devices/pci0000:00/0000:00:03.0/resource0_wc");
	file_of(t, "30", "10", "/sys/devices/pci0000:00/0000:00:03.0/config");
	file_of(t, "30", "11", "/sys/devices/pci0000:00/0000:00:03.0/vendor");
	file_of(t, "30", "12", "net:[4026532001]");
	file_of(t, "30", "x", "/dev/nvme0n1");
	file_of(t, "30", "99999999999", "/dev/nvme0n1");
	file_of(t, "30", "13", "/dev/nvme0n1");
	file_of(t, "30", "14", "/");
	file_of(t, "30", "15", "/dev/");
	file_of(t, "30", "16", "/dev/vfio/\033]0;x");
	read_all(t);
	assert_null(procs.unseen);
	/* In whatever order the directory has them; the disk that is open twice is told once. */
	assert_int_equal(procs.n_openers, 8);
	assert_non_null(strstr(openers(), "30:/dev/nvme0n1=b259:3"));
	assert_non_null(strstr(openers(), "30:/dev/snd/pcmC0D0p=c116:2"));
	assert_non_null(strstr(openers(), "30:anon_inode:[vfio-device]"));
	assert_non_null(strstr(openers(), "30:/dev/vfio/12"));
	assert_non_null(strstr(openers(), "/resource0_wc"));
	assert_non_null(strstr(openers(), "/config"));
	assert_non_null(strstr(openers(), "30:net:[4026532001]"));
	assert_non_null(strstr(openers(), "30:/dev/vfio/?]0;x"));
}

static unsigned n_numbers_asked;

static int counted_number(struct host *h, const char *path, bool *ret_block, unsigned *ret_major,
			  unsigned *ret_minor)
{
	*ret_block = true;
	*ret_major = 8;
	*ret_minor = n_numbers_asked++;
	return 0;
}

static void read_counted(struct tmp_tree *t)
{
	struct host *h = tmp_open(t);
	const struct host_ops *real = h->ops;
	struct host_ops ops = *real;

	n_numbers_asked = 0;
	ops.device_number = counted_number;
	h->ops = &ops;
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	h->ops = real;
}

/* The same path of the same mount namespace is asked for once. */
static void test_each_path_once(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "2", "a", "1");
	process(t, "3", "b", "1");
	file_of(t, "1", "0", "/dev/sda");
	file_of(t, "2", "0", "/dev/sda");
	file_of(t, "3", "0", "/dev/sda");
	read_counted(t);
	assert_string_equal(openers(), "1:/dev/sda=b8:0 2:/dev/sda=b8:0 3:/dev/sda=b8:0");
	/* In another namespace it is another file, and so is one that was deleted each time. */
	tmp_link(t, "proc/2/ns/mnt", "mnt:[4026532999]");
	read_counted(t);
	assert_string_equal(openers(), "1:/dev/sda=b8:0 2:/dev/sda=b8:1 3:/dev/sda=b8:0");
	tmp_remove(t, "proc/2/ns/mnt");
	tmp_remove(t, "proc/3/ns/mnt");
	read_counted(t);
	assert_string_equal(openers(), "1:/dev/sda=b8:0 2:/dev/sda=b8:1 3:/dev/sda=b8:2");
	process(t, "2", "a", "1");
	process(t, "3", "b", "1");
	file_of(t, "2", "0", "/dev/sdb (deleted)");
	file_of(t, "3", "0", "/dev/sdb (deleted)");
	read_counted(t);
	assert_string_equal(openers(),
			    "1:/dev/sda=b8:0 2:/dev/sdb (deleted)=b8:1 3:/dev/sdb (deleted)=b8:2");
	/* What is shown alike is not the same. */
	file_of(t, "2", "0", "/dev/x\001");
	file_of(t, "3", "0", "/dev/x\002");
	read_counted(t);
	assert_string_equal(openers(), "1:/dev/sda=b8:0 2:/dev/x?=b8:1 3:/dev/x?=b8:2");
}

static void test_own_process_is_left_out(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "50", "vfioadm", "1");
	file_of(t, "50", "3", "/dev/vfio/1");
	read_all(t);
	assert_int_equal(procs.n, 2);
	assert_int_equal(procs.own_net_ns, 4026531840);
	tmp_link(t, "proc/self", "50");
	tmp_link(t, "proc/50/ns/net", "net:[4026532222]");
	read_all(t);
	assert_int_equal(procs.n, 1);
	assert_int_equal(procs.n_openers, 0);
	assert_int_equal(procs.own_pid, 50);
	assert_true(procs.own_net_ns == 4026532222);
}

static bool is_thirty(struct host *h, pid_t pid)
{
	return pid == 30;
}

static void test_is_ours(void **state)
{
	struct tmp_tree *t = *state;
	const struct host_ops *real;
	struct host_ops ops;
	struct host *h;

	process(t, "1", "init", "0");
	process(t, "30", "vfioadm-helper", "1");
	h = tmp_open(t);
	real = h->ops;
	ops = *real;
	ops.is_ours = is_thirty;
	h->ops = &ops;
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	h->ops = real;
	assert_int_equal(procs.n, 1);
	assert_int_equal(procs.items[0].pid, 1);
}

/* The first thread has left the process; its files are those of the second one. */
static void test_first_thread_has_ended(void **state)
{
	struct tmp_tree *t = *state;

	process(t, "1", "init", "0");
	process(t, "40", "dpdk", "1");
	stat_line(t, "40", "dpdk", "Z 1 1 1 0 -1 4194560 0 0 0 0 0 0");
	tmp_dir(t, "proc/40/task/40/fd");
	tmp_link(t, "proc/40/task/41/fd/7", "/dev/vfio/3");
	tmp_dir(t, "proc/40/task/nonsense");
	read_all(t);
	assert_string_equal(openers(), "40:/dev/vfio/3");
	assert_null(procs.unseen);
}

static void test_what_cannot_be_seen(void **state)
{
	struct tmp_tree *t = *state;

	/* No /proc at all, and one without a process. */
	read_all(t);
	assert_string_equal(procs.unseen, "there are none in /proc");
	assert_int_equal(procs.n, 0);
	tmp_file(t, "proc/stat", "");
	read_all(t);
	assert_string_equal(procs.unseen, "there are none in /proc");

	process(t, "7", "x", "1");
	tmp_remove(t, "proc/7/fd");
	read_all(t);
	assert_string_equal(procs.unseen, "the open files of x (pid 7) cannot be read");
	assert_false(procs.items[0].fds_seen);

	tmp_link(t, "proc/self/ns/pid", "pid:[4026532999]");
	read_all(t);
	assert_string_equal(procs.unseen,
			    "this is another PID namespace than the host's, and the open files of x (pid 7) "
			    "cannot be read");
	tmp_link(t, "proc/self/ns/pid", "pid:[4026531836]");
	tmp_dir(t, "proc/7/fd");
	read_all(t);
	assert_null(procs.unseen);
}

static ssize_t (*real_readlink)(struct host *h, host_dir dir, const char *name, char *buf, size_t size);

static ssize_t protected_links(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	return str_after(name, "fd/") ? -EACCES : real_readlink(h, dir, name, buf, size);
}

/* Its files can be counted, but not looked at. */
static void test_protected_process(void **state)
{
	struct tmp_tree *t = *state;
	const struct host_ops *real;
	struct host_ops ops;
	struct host *h;

	process(t, "1", "init", "0");
	process(t, "7", "x", "1");
	file_of(t, "7", "3", "/dev/vfio/1");
	h = tmp_open(t);
	real = h->ops;
	real_readlink = real->readlink;
	ops = *real;
	ops.readlink = protected_links;
	h->ops = &ops;
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	h->ops = real;
	assert_string_equal(procs.unseen, "the open files of x (pid 7) cannot be read");
	assert_false(processes_find(&procs, 7)->fds_seen);
	assert_true(processes_find(&procs, 1)->fds_seen);
}

static void test_broken_stat(void **state)
{
	struct tmp_tree *t = *state;
	char big[5000];

	process(t, "5", "x", "1");
	tmp_file(t, "proc/5/stat", "5 x) S 1");
	read_all(t);
	assert_string_equal(procs.items[0].name, "?");
	tmp_file(t, "proc/5/stat", ")(");
	read_all(t);
	assert_string_equal(procs.items[0].name, "?");
	memset(big, '(', sizeof(big));
	tmp_data(t, "proc/5/stat", big, sizeof(big));
	read_all(t);
	assert_string_equal(procs.items[0].name, "?");
	tmp_link(t, "proc/5/ns/net", "net:[]");
	tmp_link(t, "proc/5/ns/mnt", "][");
	read_all(t);
	assert_true(procs.items[0].net_ns == 0 && procs.items[0].mnt_ns == 0);
}

/* ---- as many files as anybody can open ---- */

enum { MANY = 70000 };

static int many_files(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
		      void *userdata)
{
	char number[16];
	struct strv names = { 0 };
	int r = 0;

	if (!streq(name, "fd")) {
		assert_int_equal(h->ops->list(h, dir, name, &names), 0);
		for (size_t i = 0; r == 0 && i < names.n; i++)
			r = fn(names.items[i], userdata);
		strv_clear(&names);
		return r;
	}
	for (int i = 0; r == 0 && i < MANY; i++) {
		snprintf(number, sizeof(number), "%d", i);
		r = fn(number, userdata);
	}
	return r;
}

static ssize_t many_links(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	if (!str_after(name, "fd/"))
		return real_readlink(h, dir, name, buf, size);
	return snprintf(buf, size, "%s", streq(name, "fd/69999") ? "/dev/vfio/9" : "socket:[1]");
}

/* None is the one too many, and the last one counts. */
static void test_many_files(void **state)
{
	struct tmp_tree *t = *state;
	const struct host_ops *real;
	struct host_ops ops;
	struct host *h;

	process(t, "1", "init", "0");
	h = tmp_open(t);
	real = h->ops;
	real_readlink = real->readlink;
	ops = *real;
	ops.each = many_files;
	ops.readlink = many_links;
	h->ops = &ops;
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	h->ops = real;
	assert_null(procs.unseen);
	assert_null(procs.cut);
	assert_string_equal(openers(), "1:/dev/vfio/9");
}

/* ---- the running system, only looked at ---- */

/* Runs fn in a process of its own, which stays until the other end of the pipe is closed. 0: it could not be made so. */
static pid_t neighbour(bool (*fn)(void), int *ret_end)
{
	int ready[2], end[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(end[1]);
		/* Ours are none of its making. */
		close(0);
		close(1);
		close(2);
		c = fn() ? 'y' : 'n';
		(void)!write(ready[1], &c, 1);
		(void)!read(end[0], &c, 1);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*ret_end = end[1];
	if (c == 'y')
		return pid;
	close(end[1]);
	waitpid(pid, NULL, 0);
	return 0;
}

static void end_neighbour(pid_t pid, int end)
{
	close(end);
	waitpid(pid, NULL, 0);
}

static void read_running(void)
{
	struct host *h;

	arena_free(&arena);
	arena = (struct arena){ 0 };
	assert_int_equal(host_live_new(NULL, &h), 0);
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	host_free(h);
}

/* "path=c1:7" of each, in the order of the descriptors. */
static const char *openers_of(pid_t pid)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < procs.n_openers; i++) {
		const struct opener *o = &procs.openers[i];

		/* Tests are given it by those who run them. */
		if (o->process->pid == pid && !streq(o->path, "/dev/null"))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=%c%u:%u", n ? " " : "", o->path,
					      o->block ? 'b' : o->character ? 'c' : '-', o->major, o->minor);
	}
	return text;
}

static bool put(const char *path, bool keep)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);

	return fd >= 0 && (keep || close(fd) == 0);
}

static bool put_text(const char *file, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0;
}

static bool map_to_root(const char *file, unsigned id)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1", id);
	return put_text(file, text);
}

/* As any user may: a user and a mount namespace of his own, with what he likes in /dev and /sys. */
static bool show_false_names(void)
{
	int real = open("/dev/full", O_RDONLY | O_CLOEXEC);
	unsigned uid = geteuid(), gid = getegid();

	return real >= 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && map_to_root("uid_map", uid) &&
	       put_text("setgroups", "deny") && map_to_root("gid_map", gid) &&
	       mount("x", "/dev", "tmpfs", 0, NULL) == 0 &&
	       mount("x", "/sys", "tmpfs", 0, NULL) == 0 && mkdir("/dev/vfio", 0755) == 0 &&
	       mkdir("/dev/vfio/devices", 0755) == 0 && mkdir("/dev/dri", 0755) == 0 &&
	       mkdir("/sys/devices", 0755) == 0 && mkdir("/sys/devices/pci0000:00", 0755) == 0 &&
	       mkdir("/sys/devices/pci0000:00/0000:00:01.0", 0755) == 0 && put("/dev/vfio/noiommu-15", true) &&
	       put("/dev/vfio/1", true) && put("/dev/vfio/devices/vfio0", true) && put("/dev/kfd", true) &&
	       put("/dev/nvidia0", true) && put("/dev/dri/card0", true) && put("/dev/nvme0n1", true) &&
	       put("/dev/fuse", true) && put("/sys/devices/pci0000:00/0000:00:01.0/resource0", true) &&
	       put("/sys/devices/pci0000:00/0000:00:01.0/config", true) &&
	       put("/sys/devices/pci0000:00/0000:00:01.0/rom", true) && unlink("/dev/vfio/devices/vfio0") == 0;
}

static void test_false_names(void **state)
{
	int end;
	pid_t pid = neighbour(show_false_names, &end);

	(void)state;
	if (!pid)
		skip();
	read_running();
	/* The one that is what it says, by its number. */
	assert_string_equal(openers_of(pid), "/dev/full=c1:7");
	end_neighbour(pid, end);
}

/* Everybody may open any path so, and has not opened what is there. */
static bool open_paths_only(void)
{
	return open("/dev/full", O_PATH | O_CLOEXEC) >= 0 && open("/dev/zero", O_RDWR | O_CLOEXEC) >= 0 &&
	       open("/proc/1/stat", O_RDONLY | O_CLOEXEC) >= 0;
}

static void test_paths_only(void **state)
{
	int end;
	pid_t pid = neighbour(open_paths_only, &end);

	(void)state;
	assert_true(pid > 0);
	read_running();
	assert_string_equal(openers_of(pid), "/dev/zero=c1:5");
	end_neighbour(pid, end);
}

/* Whoever may read sysfs may read these, and drives nothing by it. */
static bool read_config_space(void)
{
	DIR *d = opendir("/sys/bus/pci/devices");
	struct dirent *e;
	char path[300];
	bool any = false;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", e->d_name);
		any |= open(path, O_RDONLY | O_CLOEXEC) >= 0;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", e->d_name);
		any |= open(path, O_RDONLY | O_CLOEXEC) >= 0;
	}
	return any;
}

static void test_read_only_config(void **state)
{
	int end;
	pid_t pid = neighbour(read_config_space, &end);

	(void)state;
	if (!pid)
		skip();
	read_running();
	assert_string_equal(openers_of(pid), "");
	end_neighbour(pid, end);
}

static bool open_many(bool as_nobody)
{
	for (int i = 0; i < 400; i++)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return false;
	if (open("/dev/full", O_RDONLY | O_CLOEXEC) < 0)
		return false;
	return !as_nobody || (setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
			      setresuid(65534, 65534, 65534) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
}

static bool many_as_we_are(void)
{
	return open_many(false);
}

static bool many_as_nobody(void)
{
	return open_many(true);
}

/* Of who could open any device all are looked at, of others the first ones; and that is said of the right one. */
static void test_who_could_open(void **state)
{
	int end, other_end = -1;
	pid_t pid = neighbour(many_as_we_are, &end), other;
	char who[64];

	(void)state;
	assert_true(pid > 0);
	if (geteuid() != 0) {
		end_neighbour(pid, end);
		skip();
	}
	read_running();
	assert_non_null(strstr(openers_of(pid), "/dev/full=c1:7"));
	end_neighbour(pid, end);
	other = neighbour(many_as_nobody, &other_end);
	if (!other)
		skip();
	read_running();
	snprintf(who, sizeof(who), "(pid %d)", (int)other);
	/* Where a node is open to all there is nobody who could not. */
	if (procs.cut) {
		/* The first of several is named: another test may run one of the kind. */
		if (!strstr(procs.cut, " other"))
			assert_non_null(strstr(procs.cut, who));
		assert_string_equal(openers_of(other), "");
	} else {
		assert_non_null(strstr(openers_of(other), "/dev/full=c1:7"));
	}
	end_neighbour(other, other_end);
}

static const struct opener *own_opener(int fd)
{
	for (size_t i = 0; i < procs.n_openers; i++)
		if (procs.openers[i].process->pid == getpid() && procs.openers[i].fd == fd)
			return &procs.openers[i];
	return NULL;
}

static ssize_t nobody(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	static ssize_t (*real)(struct host *h, host_dir dir, const char *name, char *buf, size_t size);

	if (!h) {
		memcpy(&real, buf, sizeof(real));
		return 0;
	}
	return dir < 0 && streq(name, "proc/self") ? -ENOENT : real(h, dir, name, buf, size);
}

static void test_running_system(void **state)
{
	int fd = open("/dev/full", O_RDONLY | O_CLOEXEC), plain = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	struct host_ops ops;
	struct host *h;

	assert_true(fd >= 0 && plain >= 0);
	assert_int_equal(host_live_new(NULL, &h), 0);
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	assert_null(own_opener(fd));
	assert_null(processes_find(&procs, getpid()));
	assert_int_equal(procs.own_pid, getpid());
	assert_true(procs.own_net_ns && procs.own_mnt_ns);
	assert_int_equal(processes_find(&procs, getppid()) != NULL, 1);

	/* The same once more, with nobody left out. */
	ops = *h->ops;
	nobody(NULL, -1, NULL, (char *)&ops.readlink, 0);
	ops.readlink = nobody;
	h->ops = &ops;
	assert_int_equal(processes_read(h, &arena, &procs), 0);
	assert_non_null(own_opener(fd));
	assert_true(own_opener(fd)->character);
	assert_int_equal(own_opener(fd)->major, 1);
	assert_int_equal(own_opener(fd)->minor, 7);
	assert_string_equal(own_opener(fd)->path, "/dev/full");
	assert_null(own_opener(plain));
	assert_true(processes_find(&procs, getpid())->net_ns == procs.own_net_ns);
	assert_int_equal(processes_find(&procs, getpid())->parent, getppid());
	host_free(h);
	close(fd);
	close(plain);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tmp_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names_and_parents),
		TEST(test_what_is_no_process),
		TEST(test_kernel_threads_are_left_out),
		TEST(test_which_files_are_kept),
		TEST(test_each_path_once),
		TEST(test_own_process_is_left_out),
		TEST(test_is_ours),
		TEST(test_first_thread_has_ended),
		TEST(test_what_cannot_be_seen),
		TEST(test_protected_process),
		TEST(test_broken_stat),
		TEST(test_running_system),
		TEST(test_many_files),
		TEST(test_false_names),
		TEST(test_paths_only),
		TEST(test_read_only_config),
		TEST(test_who_could_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
