/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink's answers, as kernels write them and as nobody should. */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/smc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"
#include "host/netlink.h"

/* ---- writing messages ---- */

static uint8_t buf[8192];
static size_t len, message;

static void put(const void *data, size_t size)
{
	assert_true(len + size + 4 <= sizeof(buf));
	memcpy(buf + len, data, size);
	len += size;
	while (len % 4)
		buf[len++] = 0;
}

static void set_length(size_t n)
{
	uint32_t v = (uint32_t)n;

	memcpy(buf + message, &v, sizeof(v));
}

static void begin(uint16_t type, const void *head, size_t size)
{
	struct nlmsghdr h = { .nlmsg_type = type };

	message = len;
	put(&h, sizeof(h));
	put(head, size);
	set_length(len - message);
}

static size_t attribute(uint16_t type, const void *data, size_t size)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type };
	size_t at = len;

	put(&a, sizeof(a));
	put(data, size);
	set_length(len - message);
	return at;
}

/* What follows until end_nest() is inside. */
static size_t nest(uint16_t type)
{
	return attribute(type | NLA_F_NESTED, "", 0);
}

static void end_nest(size_t at)
{
	uint16_t n = (uint16_t)(len - at);

	memcpy(buf + at, &n, sizeof(n));
	set_length(len - message);
}

static void string(uint16_t type, const char *s)
{
	attribute(type, s, strlen(s) + 1);
}

static void number(uint16_t type, uint32_t v)
{
	attribute(type, &v, sizeof(v));
}

static void finish(int32_t code)
{
	begin(NLMSG_DONE, &code, sizeof(code));
}

static int start(void **state)
{
	memset(buf, 0xee, sizeof(buf));
	len = 0;
	return 0;
}

static void link_message(int index, const char *name, unsigned flags)
{
	struct ifinfomsg head = { .ifi_index = index, .ifi_flags = flags };

	begin(RTM_NEWLINK, &head, sizeof(head));
	string(IFLA_IFNAME, name);
}

static void address_message(unsigned index, const char *text, unsigned prefix, unsigned scope, uint16_t type)
{
	bool six = strchr(text, ':');
	struct ifaddrmsg head = {
		.ifa_family = six ? AF_INET6 : AF_INET,
		.ifa_prefixlen = (unsigned char)prefix,
		.ifa_scope = (unsigned char)scope,
		.ifa_index = index,
	};
	uint8_t bytes[16];

	assert_int_equal(inet_pton(head.ifa_family, text, bytes), 1);
	begin(RTM_NEWADDR, &head, sizeof(head));
	attribute(type, bytes, six ? 16 : 4);
}

/* ---- interfaces ---- */

static void test_links(void **state)
{
	struct netlink_links links = { 0 };
	size_t info;

	link_message(1, "lo", 0x49);
	link_message(2, "eth0", 0x1043);
	string(IFLA_PARENT_DEV_NAME, "0000:01:00.0");
	string(IFLA_PARENT_DEV_BUS_NAME, "pci");
	number(IFLA_MTU, 1500);
	link_message(7, "eth0.5", 0x1002);
	info = nest(IFLA_LINKINFO);
	string(IFLA_INFO_KIND, "vlan");
	end_nest(info);
	begin(RTM_DELLINK, "", 0);
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_MORE);
	start(NULL);
	link_message(8, "br0", 3);
	finish(0);
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_END);
	assert_int_equal(links.n, 4);
	assert_string_equal(links.items[0].name, "lo");
	assert_string_equal(links.items[0].parent, "");
	assert_int_equal(links.items[1].flags, 0x1043);
	assert_int_equal(links.items[1].index, 2);
	assert_string_equal(links.items[1].bus, "pci");
	assert_string_equal(links.items[1].parent, "0000:01:00.0");
	assert_string_equal(links.items[2].kind, "vlan");
	assert_string_equal(links.items[3].name, "br0");
	netlink_links_clear(&links);
}

static void test_strange_names(void **state)
{
	struct netlink_links links = { 0 };

	link_message(1, "a name", 0);
	link_message(2, "bell\a", 0);
	link_message(3, "0123456789012345", 0);
	link_message(4, "", 0);
	link_message(5, "ok", 0);
	string(IFLA_PARENT_DEV_NAME, "with blank");
	attribute(IFLA_PARENT_DEV_BUS_NAME, "pci", 3); /* without NUL */
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_MORE);
	assert_int_equal(links.n, 3);
	assert_string_equal(links.items[0].name, "a?name");
	assert_string_equal(links.items[1].name, "bell?");
	assert_string_equal(links.items[2].name, "ok");
	assert_string_equal(links.items[2].parent, "with?blank");
	assert_string_equal(links.items[2].bus, "pci");
	netlink_links_clear(&links);
}

static void test_addresses(void **state)
{
	struct netlink_links links = { 0 };

	link_message(2, "eth0", 3);
	link_message(3, "eth1", 3);
	link_message(4, "ppp0", 3);
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_MORE);
	start(NULL);
	address_message(2, "192.0.2.1", 24, RT_SCOPE_UNIVERSE, IFA_LOCAL);
	address_message(2, "192.0.2.2", 24, RT_SCOPE_UNIVERSE, IFA_LOCAL);
	address_message(2, "fe80::1", 64, RT_SCOPE_LINK, IFA_ADDRESS);
	address_message(3, "fd00::1", 64, RT_SCOPE_UNIVERSE, IFA_ADDRESS);
	address_message(3, "169.254.1.1", 16, RT_SCOPE_LINK, IFA_LOCAL);
	address_message(4, "10.0.0.2", 32, RT_SCOPE_UNIVERSE, IFA_ADDRESS);
	attribute(IFA_LOCAL, "\x0a\0\0\1", 4);
	address_message(99, "192.0.2.7", 24, RT_SCOPE_UNIVERSE, IFA_LOCAL);
	finish(0);
	assert_int_equal(netlink_parse_addresses(buf, len, &links), NETLINK_END);
	assert_int_equal(links.items[0].n_addresses, 2);
	assert_string_equal(links.items[0].address, "192.0.2.1/24");
	assert_int_equal(links.items[1].n_addresses, 2);
	assert_string_equal(links.items[1].address, "fd00::1/64");
	/* Our own end, not the peer's. */
	assert_string_equal(links.items[2].address, "10.0.0.1/32");
	netlink_links_clear(&links);
}

static void test_short_addresses(void **state)
{
	struct ifaddrmsg head = { .ifa_family = AF_INET, .ifa_index = 2 };
	struct netlink_links links = { 0 };
	uint8_t big[64] = { 0 };

	link_message(2, "eth0", 3);
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_MORE);
	start(NULL);
	begin(RTM_NEWADDR, &head, sizeof(head));
	begin(RTM_NEWADDR, &head, sizeof(head));
	attribute(IFA_LOCAL, "\x0a", 1);
	begin(RTM_NEWADDR, &head, sizeof(head));
	attribute(IFA_LOCAL, big, sizeof(big));
	begin(RTM_NEWADDR, &head, sizeof(head));
	attribute(IFA_LOCAL, big, 16);
	head.ifa_family = 77;
	begin(RTM_NEWADDR, &head, sizeof(head));
	attribute(IFA_LOCAL, big, 4);
	assert_int_equal(netlink_parse_addresses(buf, len, &links), NETLINK_MORE);
	assert_int_equal(links.items[0].n_addresses, 0);
	start(NULL);
	begin(RTM_NEWADDR, &head, 4);
	assert_int_equal(netlink_parse_addresses(buf, len, &links), -EBADMSG);
	netlink_links_clear(&links);
}

/* ---- ends and errors ---- */

static void test_errors(void **state)
{
	struct netlink_links links = { 0 };
	int32_t code = -EPERM;
	uint16_t flags = NLM_F_DUMP_INTR;

	begin(NLMSG_ERROR, &code, sizeof(code));
	assert_int_equal(netlink_parse_links(buf, len, &links), -EPERM);
	start(NULL);
	code = 0;
	begin(NLMSG_ERROR, &code, sizeof(code));
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_END);
	start(NULL);
	code = 5;
	begin(NLMSG_ERROR, &code, sizeof(code));
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	start(NULL);
	code = INT32_MIN;
	begin(NLMSG_ERROR, &code, sizeof(code));
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	start(NULL);
	begin(NLMSG_ERROR, &code, 2);
	set_length(len - message - 2);
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	start(NULL);
	finish(-ENOBUFS);
	assert_int_equal(netlink_parse_links(buf, len, &links), -ENOBUFS);
	start(NULL);
	begin(NLMSG_DONE, "", 0);
	assert_int_equal(netlink_parse_links(buf, len, &links), NETLINK_END);
	/* The list changed while it was written. */
	start(NULL);
	link_message(2, "eth0", 3);
	memcpy(buf + offsetof(struct nlmsghdr, nlmsg_flags), &flags, sizeof(flags));
	assert_int_equal(netlink_parse_links(buf, len, &links), -EAGAIN);
	netlink_links_clear(&links);
}

/* Every length that is cut or wrong, with the memory checkers watching. */
static void test_cut_anywhere(void **state)
{
	struct netlink_links links = { 0 };
	size_t whole, info;

	link_message(2, "eth0", 3);
	string(IFLA_PARENT_DEV_NAME, "0000:01:00.0");
	info = nest(IFLA_LINKINFO);
	string(IFLA_INFO_KIND, "vlan");
	end_nest(info);
	address_message(2, "192.0.2.1", 24, RT_SCOPE_UNIVERSE, IFA_LOCAL);
	whole = len;
	for (size_t n = 0; n <= whole; n++) {
		uint8_t *copy = malloc(n + 1);

		memcpy(copy, buf, n);
		(void)!netlink_parse_links(copy, n, &links);
		(void)!netlink_parse_addresses(copy, n, &links);
		free(copy);
	}
	for (size_t at = 0; at < whole; at++)
		for (unsigned v = 0; v < 256; v += 15) {
			uint8_t *copy = malloc(whole);

			memcpy(copy, buf, whole);
			copy[at] = (uint8_t)v;
			(void)!netlink_parse_links(copy, whole, &links);
			(void)!netlink_parse_addresses(copy, whole, &links);
			free(copy);
			netlink_links_clear(&links);
		}
	netlink_links_clear(&links);
}

static void test_bad_lengths(void **state)
{
	struct netlink_links links = { 0 };

	assert_int_equal(netlink_parse_links(buf, 0, &links), NETLINK_MORE);
	assert_int_equal(netlink_parse_links(buf, 3, &links), -EBADMSG);
	link_message(2, "eth0", 3);
	set_length(0);
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	set_length(len + 1);
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	set_length(sizeof(struct nlmsghdr) + 4);
	assert_int_equal(netlink_parse_links(buf, len, &links), -EBADMSG);
	assert_int_equal(links.n, 0);
	netlink_links_clear(&links);
}

/* ---- routes ---- */

static void route_message(unsigned prefix, unsigned type)
{
	struct rtmsg head = { .rtm_family = AF_INET,
			      .rtm_dst_len = (unsigned char)prefix,
			      .rtm_type = (unsigned char)type };

	begin(RTM_NEWROUTE, &head, sizeof(head));
}

static void test_routes(void **state)
{
	struct rtnexthop hops[] = { { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 },
				    { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 5 },
				    { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4 } };
	struct netlink_route route = { 0 };

	route_message(24, RTN_UNICAST);
	number(RTA_OIF, 3);
	assert_int_equal(netlink_parse_route(buf, len, &route), NETLINK_END);
	assert_int_equal(route.prefix, 24);
	assert_int_equal(route.n, 1);
	assert_int_equal(route.hops[0], 3);

	start(NULL);
	route = (struct netlink_route){ 0 };
	route_message(0, RTN_UNICAST);
	attribute(RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(netlink_parse_route(buf, len, &route), NETLINK_END);
	assert_int_equal(route.n, 2);
	assert_int_equal(route.hops[1], 5);

	start(NULL);
	route = (struct netlink_route){ 0 };
	hops[1].rtnh_len = 3;
	route_message(0, RTN_UNICAST);
	attribute(RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(netlink_parse_route(buf, len, &route), NETLINK_END);
	assert_int_equal(route.n, 1);

	start(NULL);
	route_message(0, RTN_UNREACHABLE);
	assert_int_equal(netlink_parse_route(buf, len, &route), -ENETUNREACH);
	start(NULL);
	route_message(32, RTN_LOCAL);
	assert_int_equal(netlink_parse_route(buf, len, &route), -ENETUNREACH);
}

static void test_many_hops(void **state)
{
	struct rtnexthop hops[64];
	struct netlink_route route = { 0 };

	for (int i = 0; i < 64; i++)
		hops[i] = (struct rtnexthop){ .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = i };
	route_message(0, RTN_UNICAST);
	attribute(RTA_MULTIPATH, hops, sizeof(hops));
	assert_int_equal(netlink_parse_route(buf, len, &route), NETLINK_END);
	assert_int_equal(route.n, NETLINK_HOPS_MAX);
	assert_int_equal(route.hops[0], 1);
}

/* ---- generic netlink ---- */

static void family(const char *name, uint16_t id)
{
	struct genlmsghdr head = { .cmd = CTRL_CMD_NEWFAMILY };

	begin(GENL_ID_CTRL, &head, sizeof(head));
	attribute(CTRL_ATTR_FAMILY_ID, &id, sizeof(id));
	string(CTRL_ATTR_FAMILY_NAME, name);
}

static void test_family(void **state)
{
	uint16_t found = 0;

	family("nlctrl", 16);
	family("SMC_PNETID", 30);
	family("SMC_GEN_NETLINK", 31);
	family("SMC_GEN_NETLINK2", 32);
	assert_int_equal(netlink_parse_family(buf, len, "SMC_GEN_NETLINK", &found), NETLINK_MORE);
	assert_int_equal(found, 31);
	found = 0;
	assert_int_equal(netlink_parse_family(buf, len, "SMC", &found), NETLINK_MORE);
	assert_int_equal(found, 0);
	/* A number of the protocol itself is no family. */
	start(NULL);
	family("SMC_GEN_NETLINK", 3);
	assert_int_equal(netlink_parse_family(buf, len, "SMC_GEN_NETLINK", &found), NETLINK_MORE);
	assert_int_equal(found, 0);
}

static void smc(uint16_t kind, uint32_t uses, const char *pci)
{
	struct genlmsghdr head = { .cmd = SMC_NETLINK_GET_DEV_SMCD };
	size_t device;

	begin(31, &head, sizeof(head));
	device = nest(kind);
	number(SMC_NLA_DEV_USE_CNT, uses);
	string(SMC_NLA_DEV_PCI_ID, pci);
	end_nest(device);
}

static void test_smc(void **state)
{
	struct netlink_smc found[2];
	size_t n = 0;

	smc(SMC_GEN_DEV_SMCD, 3, "0001:00:00.0");
	smc(SMC_GEN_DEV_SMCR, 0, "0002:00:00.0");
	smc(SMC_GEN_LGR_SMCD, 9, "0003:00:00.0");
	smc(SMC_GEN_DEV_SMCR, 1, "0004:00:00.0");
	finish(0);
	assert_int_equal(netlink_parse_smc(buf, len, found, 2, &n), NETLINK_END);
	assert_int_equal(n, 2);
	assert_string_equal(found[0].pci, "0001:00:00.0");
	assert_int_equal(found[0].uses, 3);
	assert_string_equal(found[1].pci, "0004:00:00.0");
	/* No more than there is room for. */
	assert_int_equal(netlink_parse_smc(buf, len, found, 2, &n), -EFBIG);
	assert_int_equal(n, 2);
}

#define TEST(fn) cmocka_unit_test_setup(fn, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_links),	   TEST(test_strange_names), TEST(test_addresses),
		TEST(test_short_addresses), TEST(test_errors),	     TEST(test_cut_anywhere),
		TEST(test_bad_lengths),	   TEST(test_routes),	     TEST(test_many_hops),
		TEST(test_family),	   TEST(test_smc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
