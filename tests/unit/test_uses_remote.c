/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from other machines, and the way to it. */
#include <arpa/inet.h>
#include <string.h>

#include "host/uses_remote_private.h"
#include "uses_tree.h"

#define NIC "8086 10d3 8086 a01f 020000"
#define A   "pci0000:00/0000:01:00.0"
#define B   "pci0000:00/0000:02:00.0"

static const char *routes; /* "10.9.0.1=eth1 eth0;10.8.0.1=" */
static unsigned n_asked;
static int route_error;

static int fake_route(struct host *h, const char *destination, const char *from, char *ret, size_t size)
{
	const char *p = strstr(routes, destination);

	n_asked += strcmp(destination, "::") != 0 && strcmp(destination, "0.0.0.0") != 0;
	if (route_error)
		return route_error;
	if (!p || p[strlen(destination)] != '=')
		return -ENETUNREACH;
	p += strlen(destination) + 1;
	snprintf(ret, size, "%.*s", (int)strcspn(p, ";"), p);
	return 0;
}

static void nic(struct tmp_tree *t, const char *place, const char *name, int group)
{
	char path[256];

	tmp_function(t, place, NIC, "e1000e", group);
	snprintf(path, sizeof(path), "%s/net", place);
	tmp_class(t, "net", path, name);
	snprintf(path, sizeof(path), "sys/devices/%s/net/%s/flags", place, name);
	tmp_file(t, path, "0x1003\n");
}

static void two_nics(struct tmp_tree *t, const char *mounts)
{
	nic(t, A, "eth0", 1);
	nic(t, B, "eth1", 2);
	tmp_file(t, "proc/self/mountinfo", mounts);
	uses_process(t, 1, "init");
	tmp_link(t, "proc/1/ns/mnt", "mnt:[1]");
	tmp_link(t, "proc/self/ns/mnt", "mnt:[1]");
}

static void look(struct tmp_tree *t, const char *known)
{
	struct host_ops ops;
	const struct host_ops *real;

	tmp_observe(t);
	real = t->host->ops;
	ops = *real;
	ops.route_to = known ? fake_route : NULL;
	routes = known;
	n_asked = 0;
	t->host->ops = &ops;
	uses_search_observed(t, "0000:01:00.0 0000:02:00.0");
	t->host->ops = real;
}

static const char *unseen(struct tmp_tree *t, const char *address)
{
	const struct vfioadm_list *list = &tmp_get(t, address)->unseen;

	for (size_t i = 0; i < list->n; i++)
		if (strstr(list->items[i], "may be reached through it"))
			return list->items[i];
	return "";
}

/* Of several ways of one route both are used; many mounts of one server ask once. */
static void test_route_asked_once(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - nfs4 10.9.0.1:/root rw,addr=10.9.0.1\n"
		    "31 1 0:31 / /srv rw - nfs4 10.9.0.1:/srv rw,addr=10.9.0.1\n");
	look(t, "10.9.0.1=eth1 eth0");
	assert_int_equal(n_asked, 1);
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root-filesystem"),
			    "root-filesystem 10.9.0.1:/root: mounted at /, reached at 10.9.0.1 through eth0");
	assert_string_equal(uses_of_code(t, "0000:02:00.0", "in-use-mount"),
			    "in-use-mount 10.9.0.1:/srv: mounted at /srv, reached at 10.9.0.1 through eth1");
}

static void test_no_way(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - nfs4 store:/root rw\n");
	look(t, "");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root"), "");
	assert_string_equal(unseen(t, "0000:01:00.0"),
			    "store:/root, mounted at /, may be reached through it: the address of the server \"store\" is "
			    "not known here.");
	tmp_file(t, "etc/hosts", "10.7.0.1 store\n");
	look(t, "");
	assert_string_equal(unseen(t, "0000:02:00.0"),
			    "store:/root, mounted at /, may be reached through it: no route to 10.7.0.1 is known here.");
	/* What is down carries nothing. */
	tmp_file(t, "sys/devices/" B "/net/eth1/flags", "0x1002\n");
	look(t, "");
	assert_string_equal(unseen(t, "0000:02:00.0"), "");
	assert_string_not_equal(unseen(t, "0000:01:00.0"), "");
}

/* The kernel does not answer: its tables are read, and it is not asked again. */
static void test_late(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - nfs4 10.9.0.1:/root rw,addr=10.9.0.1\n"
		    "31 1 0:31 / /srv rw - nfs4 10.9.0.2:/srv rw,addr=10.9.0.2\n");
	tmp_file(t, "proc/net/route", "eth1 0000090A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n");
	route_error = -ETIMEDOUT;
	look(t, "");
	route_error = 0;
	assert_int_equal(n_asked, 1);
	assert_string_equal(uses_of_code(t, "0000:02:00.0", "root-filesystem"),
			    "root-filesystem 10.9.0.1:/root: mounted at /, reached at 10.9.0.1 through eth1");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root-filesystem"), "");
}

/* An interface that is no PCI function (a channel-attached one, a USB gadget) is an end as well. */
static void test_elsewhere(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - nfs4 10.9.0.1:/root rw,addr=10.9.0.1\n");
	tmp_class(t, "net", "css0/0.0.0009/0.0.f500/net", "enc1");
	tmp_class(t, "net", "virtual/net", "bond0");
	tmp_link(t, "sys/devices/virtual/net/bond0/lower_enc1", "x");
	look(t, "10.9.0.1=bond0");
	assert_string_equal(unseen(t, "0000:01:00.0"), "");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root"), "");
	/* Links in a circle end. */
	tmp_class(t, "net", "virtual/net", "x0");
	tmp_link(t, "sys/devices/virtual/net/x0/lower_x1", "x");
	tmp_class(t, "net", "virtual/net", "x1");
	tmp_link(t, "sys/devices/virtual/net/x1/lower_x0", "x");
	look(t, "10.9.0.1=x0");
	assert_non_null(strstr(unseen(t, "0000:01:00.0"), "x0, which is not attached to a PCI function"));
}

/* A tag names the virtio function; where none has it, those that it may be are not looked at. */
static void test_virtio(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, A, "1af4 105a 1af4 1100 018000", "virtio-pci", 1);
	tmp_function(t, B, "1af4 105a 1af4 1100 018000", "virtio-pci", 2);
	uses_process(t, 1, "init");
	tmp_file(t, "proc/self/mountinfo", "30 1 0:30 / / rw - virtiofs rootfs rw\n");
	tmp_file(t, "sys/fs/virtiofs/2/tag", "rootfs\n");
	tmp_link(t, "sys/fs/virtiofs/2/device", "../../../devices/" B "/virtio1");
	look(t, NULL);
	assert_string_equal(uses_of_code(t, "0000:02:00.0", "root-filesystem"),
			    "root-filesystem rootfs: mounted at /");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root-filesystem"), "");
	assert_string_equal(unseen(t, "0000:01:00.0"), "");

	tmp_remove(t, "sys/fs/virtiofs/2/tag");
	tmp_dir(t, "sys/bus/virtio/drivers/virtiofs/virtio0");
	tmp_link(t, "sys/bus/virtio/devices/virtio0", "../../../devices/" A "/virtio0");
	look(t, NULL);
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root-filesystem"),
			    "root-filesystem rootfs: mounted at /");
	tmp_dir(t, "sys/bus/virtio/drivers/virtiofs/virtio1");
	tmp_link(t, "sys/bus/virtio/devices/virtio1", "../../../devices/" B "/virtio1");
	look(t, NULL);
	assert_string_not_equal(unseen(t, "0000:01:00.0"), "");
	assert_string_not_equal(unseen(t, "0000:02:00.0"), "");

	tmp_file(t, "proc/self/mountinfo", "30 1 0:30 / / rw - 9p rootfs rw,trans=virtio\n");
	tmp_dir(t, "sys/bus/virtio/drivers/9pnet_virtio/virtio0");
	tmp_dir(t, "sys/bus/virtio/drivers/9pnet_virtio/virtio1");
	tmp_link(t, "sys/bus/virtio/devices/virtio1", "../../../devices/" B "/virtio1");
	tmp_file(t, "sys/devices/" B "/virtio1/mount_tag", "rootfs");
	look(t, NULL);
	assert_string_equal(uses_of_code(t, "0000:02:00.0", "root-filesystem"),
			    "root-filesystem rootfs: mounted at /");
	assert_string_equal(unseen(t, "0000:01:00.0"), "");
}

static void test_address_of(void **state)
{
	static const struct {
		const char *text, *address;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1:6789", "192.0.2.1" },
		{ "[2001:db8::1]:6789", "2001:db8::1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "v2:192.0.2.1:3300", "192.0.2.1" },
		{ "192.0.2.1@tcp1", "192.0.2.1" },
		{ "fe80::1%eth0", "fe80::1%eth0" },
		{ "192.0.2.1;", NULL },
		{ "server", NULL },
		{ "[2001:db8::1", NULL },
		{ "", NULL },
		{ "[]", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char address[REMOTE_SERVER_MAX] = "";
		bool is = remote_address_of(rows[i].text, address, sizeof(address));

		assert_int_equal(is, rows[i].address != NULL);
		if (is)
			assert_string_equal(address, rows[i].address);
	}
}

static void test_connections(void **state)
{
	static const char four[] = "   0: 0700090A:D431 0100090A:0801 01 00000000:00000000 02:000A5C00 00000000     0        0 "
				   "4711 2 0 20 4 30 10 -1";
	static const char six[] = "   1: 00000000000000000000000001000000:D431 B80D0120000000000000000001000000:0801 01 "
				  "00000000:00000000 00:00000000 00000000 0 0 12 1";
	char address[INET6_ADDRSTRLEN];
	unsigned port;
	uint64_t inode;

	assert_true(remote_parse_connection(four, false, address, &port, &inode));
	assert_string_equal(address, "10.9.0.1");
	assert_int_equal(port, 2049);
	assert_int_equal(inode, 4711);
	assert_true(remote_parse_connection(six, false, address, &port, &inode));
	assert_string_equal(address, "2001:db8::1");
	assert_true(remote_parse_connection("0: 0A090007:D431 0A090001:0801 01 0:0 0:0 0 0 0 5 2", true, address, &port,
					    &inode));
	assert_string_equal(address, "10.9.0.1");
	/* Listening, a title, and what is no line. */
	assert_false(remote_parse_connection("0: 0700090A:D431 00000000:0000 0A 0:0 0:0 0 0 0 5 2", false, address, &port,
					     &inode));
	assert_false(remote_parse_connection("  sl  local_address rem_address   st", false, address, &port, &inode));
	assert_false(remote_parse_connection("0: x 0100090:0801 01 0:0 0:0 0 0 0 5", false, address, &port, &inode));
	assert_false(remote_parse_connection("", false, address, &port, &inode));
}

/* Whose disks they are, and where a way must not be looked for: a unit that is not connected, a local disk. */
static void test_which_disks(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - tmpfs x rw\n");
	tmp_class(t, "block", "virtual/block", "nbd0");
	tmp_file(t, "sys/devices/virtual/block/nbd0/size", "0\n");
	tmp_class(t, "block", "virtual/block", "loop0");
	tmp_class(t, "block", "platform/host2/target2:0:0/2:0:0:0/block", "sdb");
	look(t, "");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "in-use-remote"), "");
	assert_string_equal(unseen(t, "0000:01:00.0"), "");
	/* Connected by a program that has gone, with no connection to the port: not followed. */
	tmp_file(t, "sys/devices/virtual/block/nbd0/pid", "4000\n");
	look(t, "");
	assert_string_equal(unseen(t, "0000:01:00.0"),
			    "/dev/nbd0, connected (NBD), may be reached through it: no connection of its client is to be seen.");
	tmp_file(t, "proc/net/tcp6", " 0: 0:D431 0000000000000000FFFF00000100090A:2A39 01 0:0 0:0 0 0 0 0 1\n");
	look(t, "10.9.0.1=eth1");
	assert_string_equal(uses_of_code(t, "0000:02:00.0", "in-use-remote"),
			    "in-use-remote-disk /dev/nbd0: connected (NBD), reached at 10.9.0.1 through eth1");
	assert_string_equal(unseen(t, "0000:01:00.0"), "");
}

/* In the namespace of the first process / is the host's; in others it is a container's. */
static void test_elsewhere_mounted(void **state)
{
	struct tmp_tree *t = *state;

	two_nics(t, "30 1 0:30 / / rw - tmpfs x rw\n");
	tmp_link(t, "proc/1/ns/mnt", "mnt:[2]");
	tmp_file(t, "proc/1/mountinfo", "30 1 0:31 / / rw - nfs4 10.9.0.1:/root rw,addr=10.9.0.1\n");
	uses_process(t, 70, "pod");
	tmp_link(t, "proc/70/ns/mnt", "mnt:[3]");
	tmp_file(t, "proc/70/mountinfo", "30 1 0:32 / / rw - nfs4 10.9.0.1:/pod rw,addr=10.9.0.1\n");
	look(t, "10.9.0.1=eth0");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "root-filesystem"),
			    "root-filesystem 10.9.0.1:/root: mounted at / in the mount namespace of init (pid 1), "
			    "reached at 10.9.0.1 through eth0");
	assert_string_equal(uses_of_code(t, "0000:01:00.0", "in-use-mount-namespace"),
			    "in-use-mount-namespace 10.9.0.1:/pod: mounted at / in the mount namespace of pod (pid 70), "
			    "reached at 10.9.0.1 through eth0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_route_asked_once, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_no_way, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_late, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_virtio, tmp_setup, tmp_teardown),
		cmocka_unit_test(test_address_of),
		cmocka_unit_test(test_connections),
		cmocka_unit_test_setup_teardown(test_which_disks, tmp_setup, tmp_teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere_mounted, tmp_setup, tmp_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
