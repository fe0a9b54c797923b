/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program without standard input, output or error: what the library keeps open is nowhere there. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "store/store.h"
#include "child_exit.h"
#include "tmp_tree.h"

static const char *tree_dir;

/* The bit of each of 0 to 2 that is open. */
static unsigned standard_open(void)
{
	unsigned open = 0;

	for (int i = 0; i <= STDERR_FILENO; i++)
		open |= fcntl(i, F_GETFD) >= 0 ? 1u << i : 0;
	return open;
}

static void in_child(void (*fn)(unsigned before))
{
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status = -1;

		assert_true(pid >= 0);
		if (pid == 0) {
			for (int i = 0; i <= STDERR_FILENO; i++)
				if (closed & 1u << i)
					close(i);
			fn(standard_open());
			child_exit(100);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* In the child, where nothing can be printed. */
#define CHILD_TRUE(a, number)                                                                      \
	do {                                                                                       \
		if (!(a))                                                                          \
			child_exit(number);                                                             \
	} while (0)

static void keep_context(unsigned before)
{
	struct vfioadm_ctx *ctx = NULL;
	struct vfioadm_inventory *inv = NULL;

	CHILD_TRUE(vfioadm_ctx_new(&ctx) == 0, 1);
	CHILD_TRUE(standard_open() == before, 2);
	CHILD_TRUE(vfioadm_ctx_set_sysroot(ctx, tree_dir, NULL) == 0, 3);
	CHILD_TRUE(standard_open() == before, 4);
	CHILD_TRUE(vfioadm_observe(ctx, VFIOADM_FACET_BASIC | VFIOADM_FACET_USERS, &inv, NULL) == 0,
		   5);
	CHILD_TRUE(standard_open() == before, 6);
	vfioadm_inventory_free(inv);
	vfioadm_ctx_unref(ctx);
	CHILD_TRUE(standard_open() == before, 7);
	child_exit(0);
}

static void keep_files(unsigned before)
{
	struct store store = STORE_CLOSED;
	struct host *h = NULL;
	char run_dir[96];
	int ours = -1, theirs = -1, self;

	snprintf(run_dir, sizeof(run_dir), "%s/run", tree_dir);
	CHILD_TRUE(store_open_locked(&store, run_dir, "test", 5000, -1, NULL) == 0, 1);
	CHILD_TRUE(store.dir > STDERR_FILENO && store.lock > STDERR_FILENO, 2);
	CHILD_TRUE(spawn_socket(SOCK_SEQPACKET, 3, &ours, &theirs) == 0, 3);
	CHILD_TRUE(ours > STDERR_FILENO && theirs > 3, 4);
	self = spawn_self();
	/* valgrind 3.19 has no pidfd_open(). */
	CHILD_TRUE(self > STDERR_FILENO || (self < 0 && errno == ENOSYS), 5);
	CHILD_TRUE(host_live_new(NULL, &h) == 0, 6);
	CHILD_TRUE(h->ops->dir_open(h, "proc") > STDERR_FILENO, 7);
	CHILD_TRUE(standard_open() == before, 8);
	child_exit(0);
}

/* Through a socket a descriptor gets the lowest number that is free. */
static void keep_received(unsigned before)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	int ours = -1, theirs = -1, came = -1;

	CHILD_TRUE(spawn_socket(SOCK_SEQPACKET, 3, &ours, &theirs) == 0, 1);
	CHILD_TRUE(spawn_send(ours, &part, 1, ours, 0) == 1, 2);
	CHILD_TRUE(spawn_receive(theirs, &part, 1, 0, &came) == 1, 3);
	CHILD_TRUE(came > STDERR_FILENO, 4);
	CHILD_TRUE(fcntl(came, F_GETFD) == FD_CLOEXEC, 5);
	CHILD_TRUE(standard_open() == before, 6);
	child_exit(0);
}

static void program_opens(unsigned before)
{
	char target[64];

	fd_open_standard();
	CHILD_TRUE(standard_open() == 7, 1);
	for (int i = 0; i <= STDERR_FILENO; i++) {
		char link[32];
		ssize_t n;

		if (before & 1u << i)
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", i);
		n = readlink(link, target, sizeof(target) - 1);
		CHILD_TRUE(n > 0, 2);
		target[n] = '\0';
		CHILD_TRUE(strcmp(target, "/dev/null") == 0, 3);
		/* What is started inherits them. */
		CHILD_TRUE(fcntl(i, F_GETFD) == 0, 4);
	}
	child_exit(0);
}

static void test_context(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, "pci0000:00/0000:00:01.0", "8086 10d3 8086 0000 020000", "e1000e", 1);
	tree_dir = t->dir;
	in_child(keep_context);
}

static void test_files(void **state)
{
	tree_dir = ((struct tmp_tree *)*state)->dir;
	in_child(keep_files);
}

static void test_received(void **state)
{
	in_child(keep_received);
}

static void test_programs(void **state)
{
	in_child(program_opens);
}

static void test_above(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd > STDERR_FILENO);
	assert_int_equal(fd_above(fd), fd);
	close(fd);
	errno = EXDEV;
	assert_int_equal(fd_above(-1), -1);
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_context, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_files, tmp_setup, tmp_teardown),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
