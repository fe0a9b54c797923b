/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container is told from a host by what a change would leave behind, not by what it is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "fake/fake.h"
#include "fake_root.h"
#include "flow/flow.h"
#include "host/observe.h"

#define HOST_PID	   "d proc/self/ns\nl pid pid:[4026531836]\n"
#define OTHER_PID	   "d proc/self/ns\nl pid pid:[4026532999]\n"
#define MOUNTS(who, lines) "d proc/" who "\nt mountinfo\n" lines
#define ROOT		   "\t1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
#define RUN		   "\t2 1 0:25 / /run rw,nosuid shared:3 - tmpfs tmpfs rw\n"
#define OWN_ROOT	   "\t1 0 0:50 / / rw - overlay overlay rw\n"
#define OTHER_RUN	   "\t2 1 0:77 / /run rw,nosuid - tmpfs tmpfs rw\n"

static int look(const char *more, struct vfioadm_error **err)
{
	_cleanup_free_ char *text = str_format("%s%s", FAKE_ROOT, more);
	struct vfioadm_uint fact;
	struct host *h;
	int r;

	assert_int_equal(fake_new_text(text, NULL, &h), 0);
	assert_int_equal(observe_container_without_run(h, &fact), 0);
	r = ready_to_change(h, false, err);
	assert_int_equal(r < 0, uint_is(&fact, 1));
	/* Planning without carrying out hurts nobody. */
	assert_int_equal(ready_to_change(h, true, NULL), 0);
	host_free(h);
	return r;
}

static void test_hosts(void **state)
{
	static const char *const hosts[] = {
		"", /* nothing can be told */
		HOST_PID,
		/* The marker of an image that was booted as a machine. */
		HOST_PID "l mnt mnt:[4026531840]\nd proc/1/ns\nl mnt mnt:[4026531840]\n"
			 "d .\nf .dockerenv \n",
		/* A service with mounts of its own, but not on /run. */
		HOST_PID "l mnt mnt:[4026532111]\nd proc/1/ns\nl mnt mnt:[4026531840]\n" MOUNTS(
			"self", ROOT RUN "\t3 1 8:1 /tmp/x /tmp rw - ext4 /dev/sda1 rw\n")
			MOUNTS("1", ROOT RUN),
		/* A container in the host's PID namespace, with the host's directory. */
		HOST_PID "l mnt mnt:[4026532111]\nd proc/1/ns\nl mnt mnt:[4026531840]\n" MOUNTS(
			"self", "\t1 0 0:50 / / rw - overlay overlay rw\n" OTHER_RUN
				"\t3 2 0:25 /vfioadm /run/vfioadm rw - tmpfs tmpfs rw\n")
			MOUNTS("1", ROOT RUN),
		OTHER_PID MOUNTS("self", "\t1 0 0:50 / / rw - overlay overlay rw\n" OTHER_RUN
					 "\t3 2 0:25 /vfioadm /run/vfioadm rw - tmpfs tmpfs rw\n"),
		/* Where /run is no mount of its own. */
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 8:1 /run/vfioadm /run/vfioadm rw - ext4 /dev/sda1 rw\n"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		assert_int_equal(look(hosts[i], NULL), 0);
}

static void test_containers(void **state)
{
	static const char *const containers[] = {
		OTHER_PID,
		OTHER_PID MOUNTS("self", "\t1 0 0:50 / / rw - overlay overlay rw\n"),
		OTHER_PID MOUNTS("self", "\t1 0 0:50 / / rw - overlay overlay rw\n" OTHER_RUN),
		/* Its name only begins like ours. */
		OTHER_PID MOUNTS("self", ROOT "\t3 1 0:25 / /run/vfio rw - tmpfs tmpfs rw\n"),
		HOST_PID "l mnt mnt:[4026532111]\nd proc/1/ns\nl mnt mnt:[4026531840]\n" MOUNTS(
			"self", "\t1 0 0:50 / / rw - overlay overlay rw\n" OTHER_RUN)
			MOUNTS("1", ROOT RUN),
		/* Volumes of its own: of podman and docker, in memory, of Kubernetes. */
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 8:1 /var/lib/docker/volumes/vfioadm/_data /run/vfioadm rw - ext4 a rw\n"),
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 0:88 / /run/vfioadm rw - tmpfs tmpfs rw\n"),
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 8:1 /kubelet/pods/1/kubernetes.io~empty-dir/vfioadm /run/vfioadm rw - "
					 "ext4 a rw\n"),
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 0:25 /other /run/vfioadm rw - tmpfs tmpfs rw\n"),
		OTHER_PID MOUNTS("self", OWN_ROOT "\t3 1 8:1 /vfioadm /run/vfioadm rw - ext4 a rw\n"),
		/* Another directory of the host's /run. */
		HOST_PID "l mnt mnt:[4026532111]\nd proc/1/ns\nl mnt mnt:[4026531840]\n" MOUNTS(
			"self", OWN_ROOT OTHER_RUN "\t3 2 0:25 /vfioadm2 /run/vfioadm rw - tmpfs tmpfs rw\n")
			MOUNTS("1", ROOT RUN),
		HOST_PID "l mnt mnt:[4026532111]\nd proc/1/ns\nl mnt mnt:[4026531840]\n" MOUNTS(
			"self", OWN_ROOT OTHER_RUN "\t3 2 0:25 / /run/vfioadm rw - tmpfs tmpfs rw\n")
			MOUNTS("1", ROOT RUN),
	};

	for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
		_cleanup_error_ struct vfioadm_error *err = NULL;

		assert_true(look(containers[i], &err) < 0);
		assert_int_equal(vfioadm_error_code(err), VFIOADM_E_CONTAINER);
		assert_int_equal(vfioadm_error_exit(err), VFIOADM_EXIT_NOT_READY);
		assert_non_null(strstr(vfioadm_error_message(err), "/run/vfioadm"));
		assert_non_null(vfioadm_error_hint(err));
	}
}

static void test_fact(void **state)
{
	struct vfioadm_inventory *inv;
	struct host *h;

	assert_int_equal(fake_new_text(FAKE_ROOT OTHER_PID, NULL, &h), 0);
	assert_int_equal(observe_host(h, &inv, NULL), 0);
	assert_true(uint_is(&inv->facts.container_without_run, 1));
	vfioadm_inventory_free(inv);
	/* What is looked at is another root: whether we are in a container says nothing about it. */
	h->live = false;
	assert_int_equal(observe_host(h, &inv, NULL), 0);
	assert_int_equal(inv->facts.container_without_run.state, VFIOADM_UNKNOWN);
	vfioadm_inventory_free(inv);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_fact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
