/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The running kernel, read only: what holds on any machine. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/live.h"
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

/* Only what the kernel itself has written is quoted, and only of the device that is meant. */
static void test_log_records(void **state)
{
	static const struct {
		const char *record, *text;
	} records[] = {
		{"6,339,5140900,-;vfio-pci 0000:01:00.0: probe failed", "vfio-pci 0000:01:00.0: probe failed"},
		{"0,1,1,-;x", "x"},
		{"7,1,1,c;x", "x"},
		{"12,340,5140901,-;vfioadm: 0000:01:00.0 assigned", NULL}, /* user.warning */
		{"30,341,5140902,-;systemd[1]: 0000:01:00.0", NULL},	  /* daemon.info */
		{"8,1,1,-;x", NULL},
		{"-1,1,1,-;x", NULL},
		{",1,1,-;x", NULL},
		{"6 no record", NULL},
		{"", NULL},
	};
	static const struct {
		const char *record, *needle;
		bool mentioned;
	} mentions[] = {
		{"igb 0000:01:00.0: x", "0000:01:00.0", true},
		{"igb 10000:01:00.0: x", "0000:01:00.0", false},
		{"igb 10000:01:00.0: 0000:01:00.0", "0000:01:00.0", true},
		{"igb x\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0", "0000:01:00.0", true},
		{"igb x\n DEVICE=+pci:10000:01:00.0", "0000:01:00.0", false},
		{"igb 0000:01:00.1: x", "0000:01:00.0", false},
		{"x", "", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		const char *text = live_log_text(records[i].record);

		assert_int_equal(!text, !records[i].text);
		if (text)
			assert_string_equal(text, records[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(mentions); i++)
		assert_int_equal(live_log_mentions(mentions[i].record, mentions[i].needle), mentions[i].mentioned);
}

/* How it sleeps is not what it waits for. */
static void test_frames(void **state)
{
	static const char *const sleeping[] = {"schedule", "__schedule", "schedule_timeout", "process_timeout",
					       "wait_woken", "__wait_for_common", "io_schedule_timeout",
					       "wait_for_completion_timeout", "__mutex_lock.constprop.0"};
	static const char *const telling[] = {"vfio_unregister_group_dev [vfio]", "nvme_remove [nvme]", "device_del",
					      "unbind_store", "blk_mq_freeze_queue_wait"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sleeping); i++)
		assert_true(live_only_sleeps(sleeping[i]));
	for (size_t i = 0; i < ARRAY_SIZE(telling); i++)
		assert_false(live_only_sleeps(telling[i]));
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
		cmocka_unit_test(test_log_records),
		cmocka_unit_test(test_frames),
		cmocka_unit_test_setup_teardown(test_no_helper, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
