/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The running kernel, read only: what holds on any machine. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/observe_private.h"
#include "tmp_tree.h"

static int setup(void **state)
{
	struct host *h;

	/* The helper is started by the first operation that needs it, so never here. */
	assert_int_equal(host_live_new("/nonexistent/helper", &h), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	host_free(*state);
	return 0;
}

static int count(const struct mount *m, void *userdata)
{
	*(size_t *)userdata += streq(m->point, "/proc");
	return 0;
}

static void test_reading(void **state)
{
	struct host *h = *state;
	struct strv names = {0};
	struct stat st;
	host_dir dir;
	char buf[64], *resolved, small[4];
	const char *text;
	size_t size, n = 0;
	uint64_t inode;

	assert_true(h->live);
	assert_int_equal(h->unprivileged, geteuid() != 0);
	/* Long, and handed over in pieces. */
	assert_int_equal(h->ops->map(h, "proc/self/mountinfo", &text, &size), 0);
	assert_int_equal(strlen(text), size);
	assert_int_equal(mounts_each(text, count, &n), 0);
	assert_true(n > 0);
	h->ops->unmap(h, text, size);

	assert_true(host_read_text(h, -1, "proc/sys/kernel/ostype", buf, sizeof(buf)) == 5);
	assert_string_equal(buf, "Linux");
	assert_int_equal(h->ops->read(h, -1, "proc/sys/kernel/ostype", small, sizeof(small)),
			 -EFBIG);
	assert_int_equal(h->ops->read(h, -1, "proc/self/nothing", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(h->ops->read(h, -1, "proc", buf, sizeof(buf)), -EISDIR);

	dir = h->ops->dir_open(h, "proc/sys/kernel");
	assert_true(dir >= 0);
	assert_true(host_read_text(h, dir, "ostype", buf, sizeof(buf)) == 5);
	assert_int_equal(h->ops->list(h, dir, ".", &names), 0);
	assert_true(strv_has(&names, "ostype") && !strv_has(&names, "."));
	strv_clear(&names);
	h->ops->dir_close(h, dir);
	assert_int_equal(h->ops->dir_open(h, "proc/sys/kernel/ostype"), -ENOTDIR);

	assert_int_equal(stat("/proc/sys/kernel", &st), 0);
	assert_int_equal(h->ops->incarnation(h, -1, "proc/sys/kernel", &inode), 0);
	assert_int_equal(inode, st.st_ino);
	assert_int_equal(h->ops->resolve(h, "proc/sys/../sys/kernel", &resolved), 0);
	assert_string_equal(resolved, "proc/sys/kernel");
	free(resolved);
	assert_true(host_exists(h, "proc/self") && !host_exists(h, "proc/nothing"));
	assert_true(host_link_name(h, -1, "proc/self", buf, sizeof(buf)) > 0);
	assert_int_equal(atoi(buf), getpid());
}

static void test_device_number(void **state)
{
	struct host *h = *state;
	unsigned major, minor;
	bool block;

	assert_int_equal(h->ops->device_number(h, "dev/null", &block, &major, &minor), 0);
	assert_false(block);
	assert_int_equal(major, 1);
	assert_int_equal(minor, 3);
	assert_int_equal(h->ops->device_number(h, "proc", &block, &major, &minor), -ENOTBLK);
}

static void test_queries(void **state)
{
	struct host *h = *state;
	struct strv lines = {0};
	uint64_t position;
	uint8_t mac[6];

	assert_true(h->ops->permanent_mac(h, "lo", mac) < 0);
	assert_int_equal(h->ops->permanent_mac(h, "an-interface-with-a-long-name", mac),
			 -ENAMETOOLONG);
	assert_int_equal(h->ops->log_lines(h, 0, "x", &lines), -EBADF);
	if (h->ops->log_position(h, &position) < 0)
		return; /* not root, or in a container */
	assert_int_equal(position, 0);
	assert_int_equal(h->ops->log_lines(h, position, "\001 in no line", &lines), 0);
	assert_int_equal(lines.n, 0);
}

static void test_no_helper(void **state)
{
	struct host *h = *state;
	char buf[16];

	assert_true(h->ops->read_locked(h, "proc/sys/kernel/ostype", buf, sizeof(buf)) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_helper, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
