/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Another root, with all that a hostile one may hold. */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/files.h"
#include "host/path.h"
#include "tmp_tree.h"

/* ---- the two ways to open, which must agree ---- */

enum { INODE = 1 }; /* in place of a result: the inode of the file "a/b/file" */

static const struct {
	const char *path;
	int flags;
	int result;
} opened[] = {
	{"a/b/file", 0, INODE},
	{"a/./b//file", 0, INODE},
	{"a/b/../b/file", 0, INODE},
	{"/a/b/file", 0, INODE},
	{"../../../a/b/file", 0, INODE},
	{"relative", 0, INODE},
	{"absolute", 0, INODE},
	{"through-dir/file", 0, INODE},
	{"climber", 0, INODE},
	{"chain1", 0, INODE},
	{"a/up/b/file", 0, INODE},
	{"relative", O_NOFOLLOW, 0},
	{"", O_DIRECTORY, 0},
	{"a", O_DIRECTORY, 0},
	{"missing", 0, -ENOENT},
	{"a/missing/file", 0, -ENOENT},
	{"outside", 0, -ENOENT},
	{"outside-relative", 0, -ENOENT},
	{"outside-dir/passwd", 0, -ENOENT},
	{"a/b/file/x", 0, -ENOTDIR},
	{"a/b/file", O_DIRECTORY, -ENOTDIR},
	{"circle1", 0, -ELOOP},
	{"self", 0, -ELOOP},
};

static void fill(struct tmp_tree *t)
{
	tmp_file(t, "a/b/file", "inside\n");
	tmp_link(t, "relative", "a/b/file");
	tmp_link(t, "absolute", "/a/b/file");
	tmp_link(t, "through-dir", "/a/b");
	tmp_link(t, "climber", "../../../../../../../a/b/file");
	tmp_link(t, "chain1", "chain2");
	tmp_link(t, "chain2", "a/../relative");
	tmp_link(t, "a/up", "..//a");
	tmp_link(t, "outside", "/etc/passwd");
	tmp_link(t, "outside-relative", "../../../../../../etc/passwd");
	tmp_link(t, "outside-dir", "/etc");
	tmp_link(t, "circle1", "circle2");
	tmp_link(t, "circle2", "circle1");
	tmp_link(t, "self", "self/x");
}

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void check_opening(struct tmp_tree *t, bool walk)
{
	int root = open(t->dir, O_PATH | O_DIRECTORY);
	int file = openat(root, "a/b/file", O_PATH);

	assert_true(root >= 0 && file >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(opened); i++) {
		int flags = O_PATH | opened[i].flags;
		int fd = walk ? path_open_walk(root, opened[i].path, flags, NULL)
			      : path_open_kernel(root, opened[i].path, flags);

		if (fd < 0 ? fd != opened[i].result : opened[i].result < 0)
			fail_msg("%s: %d", opened[i].path, fd);
		if (opened[i].result == INODE)
			assert_int_equal(inode_of(fd), inode_of(file));
		if (fd >= 0)
			close(fd);
	}
	close(root);
	close(file);
}

static void test_walk(void **state)
{
	fill(*state);
	check_opening(*state, true);
}

static void test_kernel(void **state)
{
	int fd = path_open_kernel(AT_FDCWD, ".", O_PATH);

	if (fd == -ENOSYS || fd == -EPERM)
		skip();
	close(fd);
	fill(*state);
	check_opening(*state, false);
}

static void test_walk_is_bounded(void **state)
{
	struct tmp_tree *t = *state;
	char path[4096] = "", name[16];
	int root;

	/* Deeper than a walk holds descriptors for. */
	for (int i = 0; i < 100; i++)
		strcat(path, "d/");
	tmp_dir(t, path);
	/* Forty-one links, each of which leads to the next. */
	for (int i = 0; i < 41; i++) {
		char target[16];

		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i + 1);
		tmp_link(t, name, target);
	}
	tmp_file(t, "l41", "");
	root = open(t->dir, O_PATH | O_DIRECTORY);
	assert_int_equal(path_open_walk(root, path, O_PATH, NULL), -ENAMETOOLONG);
	assert_int_equal(path_open_walk(root, "l0", O_PATH, NULL), -ELOOP);
	/* A name that no file can have. */
	memset(path, 'x', 300);
	path[300] = '\0';
	assert_int_equal(path_open_walk(root, path, O_PATH, NULL), -ENAMETOOLONG);
	close(root);
}

static void test_walk_resolves(void **state)
{
	struct tmp_tree *t = *state;
	int root, fd;
	char *path;

	fill(t);
	root = open(t->dir, O_PATH | O_DIRECTORY);
	fd = path_open_walk(root, "a/up/../through-dir/file", O_PATH, &path);
	assert_true(fd >= 0);
	assert_string_equal(path, "a/b/file");
	free(path);
	close(fd);
	close(root);
}

/* ---- the host ---- */

static void check_reading(struct tmp_tree *t)
{
	struct host *h = tmp_open(t);
	struct strv names = {0};
	host_dir dir;
	char buf[64], *resolved;
	uint64_t v;

	assert_false(h->live);
	assert_int_equal(h->ops->read(h, -1, "a/b/file", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "inside\n");
	assert_int_equal(host_read_text(h, -1, "climber", buf, sizeof(buf)), 6);
	assert_int_equal(h->ops->read(h, -1, "outside", buf, sizeof(buf)), -ENOENT);

	dir = h->ops->dir_open(h, "through-dir");
	assert_true(dir >= 0);
	assert_int_equal(h->ops->read(h, dir, "file", buf, sizeof(buf)), 7);
	/* From a directory that is open there is no way out either. */
	assert_int_equal(h->ops->read(h, dir, "to-outside", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(h->ops->read(h, dir, "to-file", buf, sizeof(buf)), 7);
	assert_int_equal(h->ops->read(h, dir, "../../../../../../etc/passwd", buf, sizeof(buf)),
			 -ENOENT);
	assert_int_equal(h->ops->read(h, dir, "..", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(h->ops->list(h, dir, ".", &names), 0);
	strv_sort(&names);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.items[0], "file");
	strv_clear(&names);
	h->ops->dir_close(h, dir);

	assert_int_equal(h->ops->readlink(h, -1, "absolute", buf, sizeof(buf)), 9);
	assert_string_equal(buf, "/a/b/file");
	assert_int_equal(h->ops->readlink(h, -1, "a/b/file", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(h->ops->readlink(h, -1, "through-dir/to-file", buf, sizeof(buf)), 14);
	assert_int_equal(h->ops->readlink(h, -1, "absolute", buf, 9), -ENAMETOOLONG);
	assert_int_equal(host_link_name(h, -1, "absolute", buf, sizeof(buf)), 4);
	assert_string_equal(buf, "file");

	assert_int_equal(h->ops->resolve(h, "chain1", &resolved), 0);
	assert_string_equal(resolved, "a/b/file");
	free(resolved);
	assert_int_equal(h->ops->incarnation(h, -1, "relative", &v), 0);
	assert_true(v != 0);
	assert_true(host_exists(h, "a/b"));
	assert_true(host_exists(h, "outside"));
	assert_false(host_exists(h, "outside-dir/passwd"));
}

static void fill_more(struct tmp_tree *t)
{
	fill(t);
	tmp_link(t, "a/b/to-outside", "/etc/passwd");
	tmp_link(t, "a/b/to-file", "../../a/b/file");
}

static void test_reading(void **state)
{
	fill_more(*state);
	check_reading(*state);
}

static int forbid_openat2(unsigned error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

/* As in a container whose filter is older than openat2(), or on a kernel before 5.6. */
static void check_without_openat2(struct tmp_tree *t, unsigned error)
{
	int status, fd = path_open_kernel(AT_FDCWD, ".", O_PATH);
	pid_t pid;

	/* Then test_reading has gone that way. */
	if (fd == -ENOSYS || fd == -EPERM)
		skip();
	close(fd);
	fill_more(t);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* A failure must not run the other tests in here. */
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		if (forbid_openat2(error) < 0)
			_exit(77);
		if (path_open_kernel(AT_FDCWD, ".", O_PATH) != -(int)error)
			_exit(77);
		check_reading(t);
		tmp_teardown((void **)&t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	/* No seccomp (user-mode emulation): the walk alone is tested above. */
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_enosys(void **state)
{
	check_without_openat2(*state, ENOSYS);
}

static void test_eperm(void **state)
{
	check_without_openat2(*state, EPERM);
}

static void test_special_files(void **state)
{
	struct tmp_tree *t = *state;
	struct host *h;
	char buf[64], device[128];
	const char *data;
	size_t size;

	tmp_fifo(t, "dir/fifo");
	tmp_link(t, "to-fifo", "dir/fifo");
	snprintf(device, sizeof(device), "%s/node", t->dir);
	h = tmp_open(t);
	alarm(20); /* a FIFO that is waited for ends the test, not the patience */
	assert_int_equal(h->ops->read(h, -1, "dir/fifo", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(h->ops->read(h, -1, "to-fifo", buf, sizeof(buf)), -EINVAL);
	assert_int_equal(h->ops->map(h, "dir/fifo", &data, &size), -EINVAL);
	assert_int_equal(h->ops->read(h, -1, "dir", buf, sizeof(buf)), -EISDIR);
	assert_true(h->ops->dir_open(h, "dir/fifo") == -ENOTDIR);
	/* A terminal or a watchdog must not even be opened. */
	if (mknod(device, S_IFCHR | 0666, makedev(1, 5)) == 0) {
		unsigned major, minor;
		bool block;

		assert_int_equal(h->ops->read(h, -1, "node", buf, sizeof(buf)), -EINVAL);
		assert_int_equal(h->ops->device_number(h, "node", &block, &major, &minor), 0);
		assert_false(block);
		assert_int_equal(major, 1);
		assert_int_equal(minor, 5);
	}
	assert_int_equal(h->ops->device_number(h, "dir", NULL, NULL, NULL), -ENOTBLK);
	alarm(0);
}

static void test_large_files(void **state)
{
	struct tmp_tree *t = *state;
	char path[128], buf[16];
	const char *data;
	struct host *h;
	size_t size;

	tmp_file(t, "exact", "0123456789abcde");
	tmp_file(t, "over", "0123456789abcdef");
	tmp_data(t, "binary", "a\0b", 3);
	tmp_file(t, "sparse", "");
	snprintf(path, sizeof(path), "%s/sparse", t->dir);
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	h = tmp_open(t);
	assert_int_equal(h->ops->read(h, -1, "exact", buf, sizeof(buf)), 15);
	assert_int_equal(h->ops->read(h, -1, "over", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(h->ops->read(h, -1, "sparse", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(h->ops->map(h, "sparse", &data, &size), -EFBIG);
	assert_int_equal(h->ops->read(h, -1, "binary", buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "a\0b", 4);
	assert_int_equal(h->ops->map(h, "binary", &data, &size), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(data, "a\0b", 4);
	h->ops->unmap(h, data, size);
}

static void test_never_changes(void **state)
{
	struct tmp_tree *t = *state;
	struct host *h;
	uint64_t position;
	uint8_t mac[6];

	tmp_file(t, "file", "as before");
	h = tmp_open(t);
	assert_int_equal(h->ops->write(h, NULL, "file", "x", 1), -EROFS);
	assert_int_equal(h->ops->load_module(h, "vfio_pci", NULL), -EROFS);
	assert_int_equal(h->ops->permanent_mac(h, "lo", mac), -EOPNOTSUPP);
	assert_int_equal(h->ops->log_position(h, &position), -EOPNOTSUPP);
}

static void test_no_root(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_error *err = NULL;
	struct host *h;
	char path[128];

	tmp_file(t, "file", "");
	snprintf(path, sizeof(path), "%s/file", t->dir);
	assert_int_equal(host_root_new(path, &h, &err), -ENOTDIR);
	assert_int_equal(vfioadm_error_code(err), VFIOADM_E_BAD_ROOT);
	assert_string_equal(vfioadm_error_path(err), path);
	vfioadm_error_free(err);
	err = NULL;
	snprintf(path, sizeof(path), "%s/nothing", t->dir);
	assert_int_equal(host_root_new(path, &h, &err), -ENOENT);
	vfioadm_error_free(err);
}

/* ---- helpers over the table ---- */

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
		int result;
		uint64_t value;
	} rows[] = {
		{"0x8086\n", 16, 0, 0x8086}, {"10\n", 10, 0, 10},
		{"ff", 16, 0, 255},	     {"-1\n", 10, -EINVAL, 0},
		{"\n", 10, -EINVAL, 0},	     {"", 10, -EINVAL, 0},
		{"7 8", 10, -EINVAL, 0},     {"99999999999999999999", 10, -EINVAL, 0},
	};
	struct tmp_tree *t = *state;
	struct host *h = tmp_open(t);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 0;

		tmp_file(t, "n", rows[i].text);
		assert_int_equal(host_read_uint(h, -1, "n", rows[i].base, &v), rows[i].result);
		assert_int_equal(v, rows[i].value);
	}
	assert_int_equal(host_read_uint(h, -1, "none", 10, &(uint64_t){0}), -ENOENT);
}

/* A failure that says what is there is no doubt; all others are. */
static void test_answered(void **state)
{
	static const int doubts[] = { EACCES, EPERM, EIO, EMFILE, ENFILE, ENOMEM, EBUSY, EAGAIN, EINTR, ETIMEDOUT, ESTALE };
	static const int answers[] = { ENOENT, ENODEV, ENXIO, EINVAL, EOPNOTSUPP, ENOTCONN };

	(void)state;
	assert_true(host_answered(0));
	assert_true(host_answered(12));
	for (size_t i = 0; i < ARRAY_SIZE(doubts); i++)
		assert_false(host_answered(-doubts[i]));
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		assert_true(host_answered(-answers[i]));
}

static void test_clean_text(void **state)
{
	static const char *const rows[][2] = {
		{"plain", "plain"},
		{"K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x98\x80",
		 "K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"a\033[31mb\a\n", "a?[31mb??"},
		{"\x7f", "?"},
		{"\xc2\x9b"
		 "31m",
		 "??31m"}, /* CSI in one character */
		{"\xff\xfe", "??"},
		{"\xc0\xaf", "??"}, /* over-long '/' */
		{"\xe0\x80\xaf", "???"},
		{"\xed\xa0\x80", "???"}, /* half a surrogate pair */
		{"\xf5\x80\x80\x80", "????"},
		{"\xe2\x82", "??"}, /* cut */
		{"\xc3", "?"},
		{"", ""},
	};
	char buf[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		strcpy(buf, rows[i][0]);
		assert_string_equal(host_clean_text(buf), rows[i][1]);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_walk),	  TEST(test_kernel),	    TEST(test_walk_is_bounded),
		TEST(test_walk_resolves), TEST(test_reading),	    TEST(test_enosys),
		TEST(test_eperm),	  TEST(test_special_files), TEST(test_large_files),
		TEST(test_never_changes), TEST(test_no_root),	    TEST(test_numbers),
		TEST(test_clean_text),
		TEST(test_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
