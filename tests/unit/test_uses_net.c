/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who uses the network interfaces of a function: addresses, routes, members, other namespaces. */
#include <string.h>

#include "host/observe.h"
#include "host/uses_net.h"
#include "tmp_tree.h"

#define NIC  "8086 10d3 8086 a01f 020000"
#define NVME "1b36 0010 1af4 1100 010802"
#define VMD  "8086 9a0b 8086 0000 010400"

#define DEV0 "pci0000:00/0000:01:00.0"
#define DEV1 "pci0000:00/0000:02:00.0"

/* ---- a host that answers through netlink as well ---- */

struct answer {
	const char *question, *text; /* lines; NULL: fails with errno */
	int error;
};

static const struct answer *answers;
static unsigned n_links_asked;
static struct host_ops ops;
static const struct host_ops *real_ops;

static const struct answer *answer_to(const char *question)
{
	for (const struct answer *a = answers; a->question; a++)
		if (streq(a->question, question))
			return a;
	return NULL;
}

static int fake_net_links(struct host *h, const char *netns, struct strv *ret)
{
	const struct answer *a = answer_to(netns ? netns : "links");
	char text[2048], *rest;

	n_links_asked++;
	if (!a || !a->text)
		return a ? a->error : -ENOENT;
	snprintf(text, sizeof(text), "%s", a->text);
	*ret = (struct strv){ 0 };
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		assert_int_equal(strv_add(ret, line), 0);
	return 0;
}

static int fake_route_to(struct host *h, const char *destination, const char *from, char *ret, size_t size)
{
	char question[128];
	const struct answer *a;

	snprintf(question, sizeof(question), "%s%s%s", destination, from ? " from " : "", from ? from : "");
	a = answer_to(question);
	if (!a || !a->text)
		return a ? a->error : -ENETUNREACH;
	snprintf(ret, size, "%s", a->text);
	return 0;
}

/* Observes, then searches for all functions. with: NULL leaves the host as another root. */
static void look(struct tmp_tree *t, const struct answer *with)
{
	bool wanted[16];

	tmp_observe(t);
	answers = with;
	n_links_asked = 0;
	real_ops = t->host->ops;
	if (with) {
		ops = *real_ops;
		ops.net_links = fake_net_links;
		ops.route_to = fake_route_to;
		t->host->ops = &ops;
	}
	memset(wanted, true, sizeof(wanted));
	assert_true(t->inv->n_functions <= ARRAY_SIZE(wanted));
	assert_int_equal(observe_uses(t->host, t->inv, wanted), 0);
	t->host->ops = real_ops;
}

static const char *uses_of(struct tmp_tree *t, const char *address)
{
	const struct vfioadm_function *f = tmp_get(t, address);
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->n_users; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s: %s", i ? "\n" : "",
				      f->users[i]->code, f->users[i]->what, f->users[i]->why);
	return text;
}

static const char *unseen_of(struct tmp_tree *t, const char *address)
{
	const struct vfioadm_list *list = &tmp_get(t, address)->unseen;
	static char text[2048];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "\n" : "", list->items[i]);
	return text;
}

#define assert_uses(t, address, text) assert_string_equal(uses_of(t, address), text)

static void interface(struct tmp_tree *t, const char *place, const char *name, const char *flags)
{
	char path[512], where[256];

	snprintf(where, sizeof(where), "%s/net", place);
	tmp_class(t, "net", where, name);
	snprintf(path, sizeof(path), "sys/devices/%s/net/%s/flags", place, name);
	tmp_file(t, path, flags);
}

/* upper stands on lower: the links that the kernel makes on both sides. */
static void stack(struct tmp_tree *t, const char *lower, const char *upper)
{
	char path[512], target[512];

	snprintf(path, sizeof(path), "sys/class/net/%s/upper_%s", lower, upper);
	snprintf(target, sizeof(target), "../../../devices/virtual/net/%s", upper);
	tmp_link(t, path, target);
	snprintf(path, sizeof(path), "sys/class/net/%s/lower_%s", upper, lower);
	tmp_link(t, path, "x");
}

static void virtual_interface(struct tmp_tree *t, const char *name)
{
	interface(t, "virtual", name, "0x1003\n");
}

static void process(struct tmp_tree *t, int pid, const char *comm, int parent, unsigned netns)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0\n", pid, comm,
		 parent);
	tmp_file(t, path, text);
	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	tmp_dir(t, path);
	snprintf(path, sizeof(path), "proc/%d/ns/net", pid);
	snprintf(text, sizeof(text), "net:[%u]", netns);
	tmp_link(t, path, text);
}

/* init (1), sshd (10), shell (20), sudo (30), and us (40). */
static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, NIC, "igb", 1);
	tmp_function(t, DEV1, NIC, "igb", 2);
	interface(t, DEV0, "eth0", "0x1003\n");
	interface(t, DEV1, "eth1", "0x1002\n");
	interface(t, "virtual", "lo", "0x9\n");
	tmp_file(t, "proc/self/mountinfo", "");
	process(t, 1, "systemd", 0, 100);
	process(t, 10, "sshd", 1, 100);
	process(t, 20, "bash", 10, 100);
	process(t, 30, "sudo", 20, 100);
	process(t, 40, "vfioadm", 30, 100);
	tmp_remove(t, "proc/self");
	tmp_link(t, "proc/self", "40");
	tmp_file(t, "proc/40/mountinfo", "");
	tmp_file(t, "proc/40/environ", "PATH=/bin");
}

/* ---- addresses ---- */

static void test_nothing_but_up(void **state)
{
	static const struct answer with[] = { { "links", "eth0 1043 pci/0000:01:00.0 - 0 -\n", 0 }, { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	look(t, with);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up");
	assert_uses(t, "0000:02:00.0", "");
	assert_string_equal(unseen_of(t, "0000:01:00.0"), "");
	assert_true(t->inv->complete);
}

static void test_addresses(void **state)
{
	static const struct answer with[] = {
		{ "links",
		  "lo 49 - - 1 127.0.0.1/8\n"
		  "eth0 1043 pci/0000:01:00.0 - 3 192.0.2.1/24\n"
		  "eth1 1002 pci/0000:02:00.0 - 1 192.0.2.9/24\n"
		  "broken line\n"
		  "eth9 zz - - 1 192.0.2.1/24\n",
		  0 },
		{ 0 }
	};
	struct tmp_tree *t = *state;

	fill(t);
	look(t, with);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up and has address 192.0.2.1/24 (and 2 more)");
	/* An address does nothing while the interface is down. */
	assert_uses(t, "0000:02:00.0", "");
}

/* Without netlink the same comes from the tables that another root has. */
static void test_addresses_of_another_root(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/net/route",
		 "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
		 "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
	tmp_file(t, "proc/net/fib_trie",
		 "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
		 "     +-- 192.0.2.0/24 2 0 2\n        |-- 192.0.2.0\n           /24 link UNICAST\n"
		 "        |-- 192.0.2.5\n           /32 host LOCAL\n"
		 "        |-- 192.0.2.255\n           /32 link BROADCAST\n"
		 "     |-- 203.0.113.8\n        /32 host LOCAL\n"
		 "Local:\n        |-- 192.0.2.5\n           /32 host LOCAL\n");
	tmp_file(t, "proc/net/if_inet6",
		 "00000000000000000000000000000001 01 80 10 80       lo\n"
		 "fe800000000000005054000000000001 02 40 20 80     eth0\n"
		 "fd00000000000000000000000000000a 02 40 00 80     eth0\n"
		 "zz00000000000000000000000000000a 02 40 00 80     eth0\n");
	look(t, NULL);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up and has address 192.0.2.5/24 (and 1 more)");
}

static void test_no_answer_in_time(void **state)
{
	static const struct answer with[] = { { "links", NULL, -ETIMEDOUT },
					      { "0.0.0.0", NULL, -ETIMEDOUT },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	process(t, 50, "nginx", 1, 777);
	look(t, with);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up");
	assert_non_null(strstr(unseen_of(t, "0000:01:00.0"), "did not answer in time"));
	assert_non_null(strstr(unseen_of(t, "0000:01:00.0"), "network namespace"));
	assert_non_null(strstr(unseen_of(t, "0000:01:00.0"), "routes"));
	/* Not asked again for each namespace. */
	assert_int_equal(n_links_asked, 1);
	assert_false(t->inv->complete);
}

/* ---- members ---- */

static void test_members(void **state)
{
	static const struct answer with[] = {
		{ "links",
		  "br0 1003 - bridge 1 192.0.2.7/24\n"
		  "eth1.5 1003 - vlan 0 -\n",
		  0 },
		{ 0 }
	};
	struct tmp_tree *t = *state;

	fill(t);
	virtual_interface(t, "br0");
	tmp_dir(t, "sys/devices/virtual/net/br0/bridge");
	virtual_interface(t, "eth1.5");
	stack(t, "eth0", "br0");
	tmp_link(t, "sys/class/net/eth0/master", "../../../../virtual/net/br0");
	stack(t, "eth1", "eth1.5");
	look(t, with);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\n"
		    "in-use-net-member eth0: is a port of the bridge br0, which has address 192.0.2.7/24");
	assert_uses(t, "0000:02:00.0", "in-use-net-member eth1: carries the VLAN interface eth1.5");
}

static void test_kinds_by_sysfs(void **state)
{
	static const char *const cases[][3] = {
		{ "sys/class/net/up/bridge", "up", "is a port of the bridge up" },
		{ "sys/class/net/up/bonding", "up", "is part of the bond up" },
		{ "sys/class/net/up/macvtap", "up", "carries the macvtap interface up" },
		{ "proc/net/vlan/up", "up", "carries the VLAN interface up" },
		{ "sys/class/net/up/device", "up", "is the fast path (failover) of up" },
		{ "sys/class/net/ovs-system/x", "ovs-system", "is a port of the Open vSwitch behind ovs-system" },
		{ "sys/class/net/up/statistics", "up", "stands below the interface up" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		void *one = NULL;
		struct tmp_tree *t;
		char wanted[256];

		tmp_setup(&one);
		t = one;
		fill(t);
		virtual_interface(t, cases[i][1]);
		tmp_dir(t, cases[i][0]);
		/* A master alone, without the link "upper_…". */
		tmp_link(t, "sys/class/net/eth1/master", i ? "../../../virtual/net/up" : "../up");
		if (streq(cases[i][1], "ovs-system"))
			tmp_link(t, "sys/class/net/eth1/master", "../../../virtual/net/ovs-system");
		look(t, NULL);
		snprintf(wanted, sizeof(wanted), "in-use-net-member eth1: %s", cases[i][2]);
		assert_uses(t, "0000:02:00.0", wanted);
		tmp_teardown(&one);
	}
}

static void test_stacks(void **state)
{
	static const struct answer with[] = {
		{ "links",
		  "bond0 1003 - bond 0 -\n"
		  "br0 1003 - bridge 2 192.0.2.7/24\n",
		  0 },
		{ "0.0.0.0", "br0", 0 },
		{ 0 }
	};
	struct tmp_tree *t = *state;

	fill(t);
	virtual_interface(t, "bond0");
	virtual_interface(t, "br0");
	stack(t, "eth0", "bond0");
	stack(t, "eth1", "bond0");
	stack(t, "bond0", "br0");
	/* In circles: no kernel does that, but a root may say so. */
	stack(t, "br0", "eth0");
	stack(t, "br0", "bond0");
	look(t, with);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\n"
		    "in-use-net-member eth0: is part of the bond bond0; above it br0 has address 192.0.2.7/24 "
		    "(and 1 more)\n"
		    "in-use-default-route eth0: carries the default route through br0");
	assert_non_null(strstr(uses_of(t, "0000:02:00.0"),
			       "in-use-default-route eth1: carries the default route through br0"));
}

/* A virtio NIC's own failover interface goes with it; that of another function does not. */
static void test_failover(void **state)
{
	static const struct answer with[] = { { "links",
						"eth5 1002 virtio/virtio0 - 0 -\neth1 1002 - - 0 -\n", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	interface(t, DEV1, "eth5", "0x1002\n");
	tmp_link(t, "sys/class/net/eth1/master", "../eth5");
	tmp_link(t, "sys/class/net/eth0/master", "../../../../0000:02:00.0/net/eth5");
	look(t, with);
	assert_uses(t, "0000:02:00.0", "");
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\nin-use-net-member eth0: is the fast path (failover) of eth5");
}

/* ---- routes ---- */

static void test_default_routes(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "0.0.0.0", "eth0 eth1", 0 },
					      { "::", "eth1", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	look(t, with);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\nin-use-default-route eth0: carries the default route");
	assert_uses(t, "0000:02:00.0",
		    "in-use-default-route eth1: carries the default routes (IPv4 and IPv6)");
}

#define ROUTE_HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define ZERO	   "00000000000000000000000000000000"

static void test_default_routes_of_another_root(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	/* One that is down, one that rejects, one that is not the default route, and the real ones. */
	tmp_file(t, "proc/net/route",
		 ROUTE_HEAD "eth0\t00000000\t010200C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n"
			    "eth0\t00000000\t010200C0\t0203\t0\t0\t0\t00000000\t0\t0\t0\n"
			    "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
			    "eth1\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n");
	tmp_file(t, "proc/net/ipv6_route",
		 ZERO " 00 " ZERO " 00 " ZERO " ffffffff 00000001 00000000 00200200       lo\n"
		      ZERO " 00 " ZERO " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003  "
		      "   eth0\n");
	look(t, NULL);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\nin-use-default-route eth0: carries the default route (IPv6)");
	assert_uses(t, "0000:02:00.0", "in-use-default-route eth1: carries the default route");
}

static void ssh(struct tmp_tree *t, int pid, const char *value)
{
	char path[64], text[256];
	int n;

	snprintf(path, sizeof(path), "proc/%d/environ", pid);
	n = snprintf(text, sizeof(text), "PATH=/bin%cSSH_CONNECTION=%s%cHOME=/", 0, value, 0);
	tmp_data(t, path, text, (size_t)n);
}

static void test_ssh(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "198.51.100.7 from 192.0.2.1", "eth0", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	/* sudo has dropped it; the shell has it. */
	ssh(t, 20, "198.51.100.7 50000 192.0.2.1 22");
	look(t, with);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\n"
		    "in-use-ssh-route eth0: carries your ssh session with 198.51.100.7");
	assert_uses(t, "0000:02:00.0", "");
	/* Of somebody who is no ancestor of ours. */
	tmp_file(t, "proc/20/environ", "");
	process(t, 60, "bash", 10, 100);
	ssh(t, 60, "198.51.100.7 50000 192.0.2.1 22");
	look(t, with);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up");
	/* "ssh host vfioadm …": the shell has become us. */
	ssh(t, 40, "198.51.100.7 50000 192.0.2.1 22");
	look(t, with);
	assert_non_null(strstr(uses_of(t, "0000:01:00.0"), "in-use-ssh-route"));
}

static void test_ssh_through_a_bridge(void **state)
{
	static const struct answer with[] = { { "links", "br0 1003 - bridge 0 -\n", 0 },
					      { "fd00::9 from fd00::1", "br0", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	virtual_interface(t, "br0");
	stack(t, "eth1", "br0");
	ssh(t, 30, "fd00::9 50000 fd00::1 22");
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-member eth1: is a port of the bridge br0\n"
		    "in-use-ssh-route eth1: carries your ssh session with fd00::9 through br0");
	/* A link-local peer says itself where it is. */
	ssh(t, 30, "fe80::9%eth1 50000 fe80::1%eth1 22");
	look(t, with);
	assert_non_null(strstr(uses_of(t, "0000:02:00.0"),
			       "in-use-ssh-route eth1: carries your ssh session with fe80::9"));
}

static void test_ssh_by_tables(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_file(t, "proc/net/route",
		 ROUTE_HEAD "eth1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
			    "eth0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
			    "eth1\t000033C6\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n");
	ssh(t, 20, "::ffff:198.51.100.7 50000 192.0.2.1 22");
	look(t, NULL);
	assert_uses(t, "0000:01:00.0",
		    "in-use-net eth0: is up\n"
		    "in-use-ssh-route eth0: carries your ssh session with 198.51.100.7");
	assert_uses(t, "0000:02:00.0", "in-use-default-route eth1: carries the default route");
}

static void test_hostile_environment(void **state)
{
	static const struct answer with[] = { { "links", "", 0 }, { "1.2.3.4", "eth0", 0 }, { 0 } };
	static const char *const values[] = { "",
					      "1.2.3.4",
					      "1.2.3.4 x 5.6.7.8 22",
					      "nonsense 1 2 3",
					      "%eth0 1 2 3",
					      "1.2.3.4; 1 192.0.2.1 22" };
	struct tmp_tree *t = *state;
	char big[4096];

	fill(t);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ssh(t, 20, values[i]);
		look(t, with);
		assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up");
	}
	/* One that goes on without an end. */
	snprintf(big, sizeof(big), "SSH_CONNECTION=%04000d", 1);
	tmp_data(t, "proc/20/environ", big, strlen(big));
	/* Parents that run in circles. */
	process(t, 10, "sshd", 30, 100);
	look(t, with);
	assert_uses(t, "0000:01:00.0", "in-use-net eth0: is up");
}

/* ---- other network namespaces ---- */

/* eth1 has gone: its function has a driver and no interface. */
static void fill_without(struct tmp_tree *t)
{
	fill(t);
	tmp_remove(t, "sys/class/net/eth1");
	tmp_remove(t, "sys/devices/" DEV1 "/net");
}

static void test_namespace_of_a_process(void **state)
{
	static const struct answer with[] = {
		{ "links", "", 0 },
		{ "proc/50/ns/net", "eth7 1043 pci/0000:02:00.0 - 1 10.0.0.2/8\nx0 2 pci/0000:77:00.0 - 0 -\n", 0 },
		{ 0 }
	};
	struct tmp_tree *t = *state;

	fill_without(t);
	process(t, 50, "ngi\033nx", 1, 777);
	process(t, 51, "worker", 50, 777);
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth7: is up in the network namespace of ngi?nx (pid 50) and has address "
		    "10.0.0.2/8");
	assert_string_equal(unseen_of(t, "0000:02:00.0"), "");
	/* Ours, and one other. */
	assert_int_equal(n_links_asked, 2);
}

static void test_named_namespace(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "run/netns/blue", "eth7 1002 virtio/virtio3 - 0 -\n", 0 },
					      { "run/a b", "eth8 1003 pci/0000:02:00.0 - 0 -\n", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill_without(t);
	tmp_file(t, "proc/40/mountinfo",
		 "22 27 0:4 mnt:[4026532100] /run/other rw - nsfs nsfs rw\n"
		 "23 27 0:4 net:[4026532177] /run/netns/blue rw shared:1 - nsfs nsfs rw\n"
		 "24 27 0:4 net:[4026532177] /run/again rw shared:1 - nsfs nsfs rw\n"
		 "25 27 0:4 net:[4026532188] /run/a\\040b rw - nsfs nsfs rw\n"
		 "26 27 0:4 net:[100] /run/netns/ours rw - nsfs nsfs rw\n"
		 "27 27 8:1 net:[4026532199] /run/netns/fake rw - ext4 /dev/sda1 rw\n");
	tmp_link(t, "sys/bus/virtio/devices/virtio3", "../../../devices/" DEV1 "/virtio3");
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth7: is in the network namespace blue\n"
		    "in-use-net-namespace eth8: is up in the network namespace /run/a b");
	assert_int_equal(n_links_asked, 3);
}

/* Who has a namespace with a name is not told twice; a name of nobody's making is not told at all. */
static void test_named_and_used_namespace(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "proc/50/ns/net", "eth7 1002 pci/0000:02:00.0 - 0 -\n", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill_without(t);
	process(t, 50, "nginx", 1, 777);
	tmp_file(t, "proc/40/mountinfo", "23 27 0:4 net:[777] /run/docker/netns/1a2b3c rw - nsfs nsfs rw\n");
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth7: is in the network namespace of nginx (pid 50)");
	tmp_file(t, "proc/40/mountinfo", "23 27 0:4 net:[777] /var/run/netns/blue rw - nsfs nsfs rw\n");
	look(t, with);
	assert_uses(t, "0000:02:00.0", "in-use-net-namespace eth7: is in the network namespace blue");
}

static void test_namespace_held_open(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "proc/50/fd/9", "eth7 1002 pci/0000:02:00.0 - 0 -\n", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill_without(t);
	process(t, 50, "crun", 1, 100);
	tmp_link(t, "proc/50/fd/9", "net:[888]");
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth7: is in a network namespace that crun (pid 50) holds open");
}

static void test_namespace_that_cannot_be_seen(void **state)
{
	static const struct answer with[] = { { "links", "", 0 }, { "proc/50/ns/net", NULL, -EPERM }, { 0 } };
	static const char missing[] =
		"0000:02:00.0 is bound to igb, but no network interface of it is to be seen: it may be in a "
		"network namespace that could not be looked into.";
	struct tmp_tree *t = *state;

	fill_without(t);
	look(t, with);
	assert_string_equal(unseen_of(t, "0000:02:00.0"), missing);
	assert_string_equal(unseen_of(t, "0000:01:00.0"), "");
	assert_uses(t, "0000:02:00.0", "");
	process(t, 50, "nginx", 1, 777);
	look(t, with);
	assert_non_null(strstr(unseen_of(t, "0000:02:00.0"), missing));
	assert_string_equal(unseen_of(t, "0000:01:00.0"),
			    "The network namespace of nginx (pid 50) could not be looked into: it is not allowed here.");
}

/* A namespace that could not be looked into for any reason but its end may have the card. */
static void test_namespace_that_fails(void **state)
{
	static const struct {
		int error;
		const char *says;
		bool refuses;
	} answers_of[] = {
		{ -EMFILE, "The network namespace of nginx (pid 50) could not be looked into: Too many open files.", true },
		{ -ENFILE, "The network namespace of nginx (pid 50) could not be looked into: Too many open files in "
			   "system.", true },
		{ -EIO, "The network namespace of nginx (pid 50) could not be looked into: Input/output error.", true },
		{ -EFBIG, "The network namespace of nginx (pid 50) could not be looked into: File too large.", true },
		{ -EPIPE, "The network namespace of nginx (pid 50) could not be looked into: Broken pipe.", true },
		{ -EBADMSG, "The network namespace of nginx (pid 50) could not be looked into: Bad message.", true },
		/* Who changes his own interfaces all the time keeps nobody else from his. */
		{ -EAGAIN, "The network namespace of nginx (pid 50) could not be looked into: Resource temporarily "
			   "unavailable.", false },
		{ -ENOENT, "", false },
		{ -ESRCH, "", false },
	};
	struct tmp_tree *t = *state;

	fill(t);
	process(t, 50, "nginx", 1, 777);
	for (size_t i = 0; i < ARRAY_SIZE(answers_of); i++) {
		const struct answer with[] = { { "links", "", 0 },
					       { "proc/50/ns/net", NULL, answers_of[i].error },
					       { 0 } };

		look(t, with);
		assert_string_equal(unseen_of(t, "0000:02:00.0"), answers_of[i].says);
		assert_int_equal(tmp_get(t, "0000:02:00.0")->n_unseen_minor, *answers_of[i].says && !answers_of[i].refuses);
	}
}

static void test_several_namespaces_that_fail(void **state)
{
	static const struct answer with[] = { { "links", "", 0 },
					      { "proc/50/ns/net", NULL, -EAGAIN },
					      { "proc/51/ns/net", NULL, -EMFILE },
					      { "proc/52/ns/net", NULL, -EPERM },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill(t);
	process(t, 50, "busy", 1, 777);
	process(t, 51, "nginx", 1, 778);
	process(t, 52, "other", 1, 779);
	look(t, with);
	assert_string_equal(unseen_of(t, "0000:02:00.0"),
			    "The network namespace of nginx (pid 51) could not be looked into: Too many open files, nor "
			    "could 2 others.");
	assert_int_equal(tmp_get(t, "0000:02:00.0")->n_unseen_minor, 0);
}

/* Each user can make more than any number that is written down; the card is in the last one. */
static void test_more_namespaces_than_any_limit(void **state)
{
	enum { SPACES = 1500 };
	static const struct answer with[] = { { "links", "", 0 },
					      { "proc/50/fd/2499", "eth7 1003 pci/0000:02:00.0 - 0 -\n", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;

	fill_without(t);
	process(t, 50, "crun", 1, 100);
	for (int i = 0; i < SPACES; i++) {
		char path[64], target[64];

		snprintf(path, sizeof(path), "proc/50/fd/%d", 1000 + i);
		snprintf(target, sizeof(target), "net:[%d]", 5000 + i);
		tmp_link(t, path, target);
	}
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth7: is up in a network namespace that crun (pid 50) holds open");
	assert_string_equal(unseen_of(t, "0000:02:00.0"), "");
	assert_int_equal(n_links_asked, SPACES + 1);
}

static void test_drivers_without_interfaces(void **state)
{
	struct tmp_tree *t = *state;

	fill_without(t);
	tmp_remove(t, "sys/devices/" DEV1 "/driver");
	look(t, NULL);
	assert_string_equal(unseen_of(t, "0000:02:00.0"), "");
	tmp_link(t, "sys/devices/" DEV1 "/driver", "../../../bus/pci/drivers/pci-stub");
	look(t, NULL);
	assert_string_equal(unseen_of(t, "0000:02:00.0"), "");
	tmp_link(t, "sys/devices/" DEV1 "/driver", "../../../bus/pci/drivers/virtio-pci");
	tmp_dir(t, "sys/devices/" DEV1 "/virtio3");
	look(t, NULL);
	assert_string_equal(unseen_of(t, "0000:02:00.0"), "");
	tmp_link(t, "sys/devices/" DEV1 "/virtio3/driver", "../../../../bus/virtio/drivers/virtio_net");
	look(t, NULL);
	assert_non_null(strstr(unseen_of(t, "0000:02:00.0"), "bound to virtio-pci"));
}

/* A sysfs that was mounted in another namespace than ours shows nothing of ours. */
static void test_sysfs_of_another_namespace(void **state)
{
	static const struct answer with[] = { { "links", "eth1 1002 pci/0000:02:00.0 - 0 -\n", 0 }, { 0 } };
	struct tmp_tree *t = *state;

	fill_without(t);
	look(t, with);
	assert_uses(t, "0000:02:00.0",
		    "in-use-net-namespace eth1: is in the network namespace of this command");
}

/* ---- who is not asked about ---- */

static void test_no_network_function(void **state)
{
	static const struct answer with[] = { { "links", "", 0 }, { 0 } };
	struct tmp_tree *t = *state;
	bool wanted[3] = { false, true, false };

	fill(t);
	tmp_function(t, "pci0000:00/0000:01:00.1", NVME, "nvme", 3);
	process(t, 50, "nginx", 1, 777);
	look(t, with);
	assert_true(n_links_asked > 0);
	/* Sorted: 01:00.0, 01:00.1, 02:00.0. */
	n_links_asked = 0;
	t->host->ops = &ops;
	assert_int_equal(observe_uses(t->host, t->inv, wanted), 0);
	t->host->ops = real_ops;
	assert_int_equal(n_links_asked, 0);
}

static void test_behind_vmd(void **state)
{
	static const struct answer with[] = { { "links", "eth5 1003 - - 1 192.0.2.1/24\n", 0 },
					      { "0.0.0.0", "eth5", 0 },
					      { 0 } };
	struct tmp_tree *t = *state;
	bool wanted[4] = { true, false, false, false };

	fill(t);
	tmp_function(t, "pci0000:00/0000:00:0e.0", VMD, "vmd", 7);
	tmp_function(t, "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0", NIC, "igb", 7);
	interface(t, "pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0", "eth5", "0x1003\n");
	look(t, with);
	/* Once more with the controller alone. */
	tmp_observe(t);
	real_ops = t->host->ops;
	t->host->ops = &ops;
	assert_int_equal(observe_uses(t->host, t->inv, wanted), 0);
	t->host->ops = real_ops;
	assert_uses(t, "0000:00:0e.0",
		    "in-use-net eth5: is up and has address 192.0.2.1/24\n"
		    "in-use-default-route eth5: carries the default route");
}

/* ---- the tables ---- */

static void lookup(const char *text, const char *address, size_t size, bool big, const char *expected)
{
	char found[64];

	net_table_lookup(text, (const uint8_t *)address, size, big, found);
	assert_string_equal(found, expected);
}

static void test_tables(void **state)
{
	static const char little[] = ROUTE_HEAD "a\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n"
						"b\t0000010A\t00000000\t0001\t0\t0\t0\t0080FFFF\t0\t0\t0\n"
						"c\t0100010A\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n"
						"d\t0000000A\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0\n";
	static const char big[] = ROUTE_HEAD "a\t0A000000\t00000000\t0001\t0\t0\t0\tFF000000\t0\t0\t0\n"
					     "b\t0A010000\t00000000\t0001\t0\t0\t0\tFFFF8000\t0\t0\t0\n";
	static const char six[] =
		"fd000000000000000000000000000000 08 " ZERO " 00 " ZERO " 00000400 1 0 00000001     a\n"
		"fd000000000000010000000000000000 40 " ZERO " 00 " ZERO " 00000400 1 0 00000001     b\n"
		"fd00 40 " ZERO " 00 " ZERO " 00000400 1 0 00000001     c\n"
		"fd000000000000010000000000000000 ff " ZERO " 00 " ZERO " 00000400 1 0 00000001     d\n";
	char long_line[2048];

	lookup(little, "\x0a\x02\x00\x01", 4, false, "a");
	lookup(little, "\x0a\x01\x7f\x01", 4, false, "b");
	lookup(little, "\x0a\x01\x80\x01", 4, false, "a");
	lookup(little, "\x0a\x01\x00\x01", 4, false, "c");
	lookup(little, "\x0b\x01\x00\x01", 4, false, "");
	lookup(big, "\x0a\x01\x7f\x01", 4, true, "b");
	lookup(big, "\x0a\x01\x80\x01", 4, true, "a");
	lookup("", "\x0a\x01\x80\x01", 4, true, "");
	lookup(six, "\xfd\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1", 16, false, "b");
	lookup(six, "\xfd\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1", 16, false, "a");
	lookup(six, "\xfe\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1", 16, false, "");
	memset(long_line, 'x', sizeof(long_line));
	strcpy(long_line + sizeof(long_line) - 80, "\na\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0");
	lookup(long_line, "\x0a\x02\x00\x01", 4, false, "a");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_but_up),
		TEST(test_addresses),
		TEST(test_addresses_of_another_root),
		TEST(test_no_answer_in_time),
		TEST(test_members),
		cmocka_unit_test(test_kinds_by_sysfs),
		TEST(test_stacks),
		TEST(test_failover),
		TEST(test_default_routes),
		TEST(test_default_routes_of_another_root),
		TEST(test_ssh),
		TEST(test_ssh_through_a_bridge),
		TEST(test_ssh_by_tables),
		TEST(test_hostile_environment),
		TEST(test_namespace_of_a_process),
		TEST(test_named_namespace),
		TEST(test_named_and_used_namespace),
		TEST(test_namespace_held_open),
		TEST(test_namespace_that_cannot_be_seen),
		TEST(test_namespace_that_fails),
		TEST(test_several_namespaces_that_fail),
		TEST(test_more_namespaces_than_any_limit),
		TEST(test_drivers_without_interfaces),
		TEST(test_sysfs_of_another_namespace),
		TEST(test_no_network_function),
		TEST(test_behind_vmd),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
