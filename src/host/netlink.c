/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <linux/smc.h>
#include <string.h>

#include "base/str.h"
#include "host/netlink.h"

/* ---- messages and attributes ---- */

struct attribute {
	uint16_t type;
	const uint8_t *data;
	size_t size;
};

typedef int (*message_fn)(uint16_t type, const uint8_t *payload, size_t size, void *userdata);
typedef int (*attribute_fn)(const struct attribute *a, void *userdata);

static size_t aligned(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

static int error_of(const uint8_t *payload, size_t size)
{
	int32_t code;

	if (size < sizeof(code))
		return -EBADMSG;
	memcpy(&code, payload, sizeof(code));
	/* Zero acknowledges; what is no errno must not become a success. */
	return code == 0 ? NETLINK_END : code < 0 && code >= -4095 ? code : -EBADMSG;
}

/* NLMSG_DONE may carry an errno: the dump broke off. */
static int end_of_dump(const uint8_t *payload, size_t size)
{
	return size < sizeof(int32_t) ? NETLINK_END : error_of(payload, size);
}

static int message(const struct nlmsghdr *head, const uint8_t *payload, message_fn fn, void *userdata)
{
	size_t size = head->nlmsg_len - sizeof(*head);

	/* What is listed has changed meanwhile: something may be missing. */
	if (head->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EAGAIN;
	if (head->nlmsg_type == NLMSG_DONE)
		return end_of_dump(payload, size);
	if (head->nlmsg_type == NLMSG_ERROR)
		return error_of(payload, size);
	return fn(head->nlmsg_type, payload, size, userdata);
}

static int each_message(const void *data, size_t size, message_fn fn, void *userdata)
{
	const uint8_t *p = data;

	while (size) {
		struct nlmsghdr head;
		int r;

		if (size < sizeof(head))
			return -EBADMSG;
		memcpy(&head, p, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > size)
			return -EBADMSG;
		r = message(&head, p + sizeof(head), fn, userdata);
		if (r != 0)
			return r;
		if (aligned(head.nlmsg_len) >= size)
			break;
		p += aligned(head.nlmsg_len);
		size -= aligned(head.nlmsg_len);
	}
	return NETLINK_MORE;
}

/* What is left at the end and is no attribute is dropped, as the kernel itself does. */
static int each_attribute(const uint8_t *p, size_t size, attribute_fn fn, void *userdata)
{
	while (size >= sizeof(struct nlattr)) {
		struct nlattr head;
		struct attribute a;
		int r;

		memcpy(&head, p, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > size)
			return 0;
		a.type = head.nla_type & NLA_TYPE_MASK;
		a.data = p + sizeof(head);
		a.size = head.nla_len - sizeof(head);
		r = fn(&a, userdata);
		if (r != 0)
			return r;
		if (aligned(head.nla_len) >= size)
			break;
		p += aligned(head.nla_len);
		size -= aligned(head.nla_len);
	}
	return 0;
}

/* A word for a line of ours; the kernel allows control characters in the names of interfaces. */
static void take_text(const struct attribute *a, char *buf, size_t room)
{
	size_t n = strnlen((const char *)a->data, a->size);

	if (n >= room)
		n = 0;
	for (size_t i = 0; i < n; i++)
		buf[i] = a->data[i] <= ' ' || a->data[i] == 0x7f ? '?' : (char)a->data[i];
	buf[n] = '\0';
}

static uint32_t take_u32(const struct attribute *a)
{
	uint32_t v = 0;

	if (a->size >= sizeof(v))
		memcpy(&v, a->data, sizeof(v));
	return v;
}

/* ---- interfaces ---- */

static int info_attribute(const struct attribute *a, void *userdata)
{
	struct netlink_link *link = userdata;

	if (a->type == IFLA_INFO_KIND)
		take_text(a, link->kind, sizeof(link->kind));
	return 0;
}

static int link_attribute(const struct attribute *a, void *userdata)
{
	struct netlink_link *link = userdata;

	switch (a->type) {
	case IFLA_IFNAME:
		take_text(a, link->name, sizeof(link->name));
		break;
	case IFLA_PARENT_DEV_NAME:
		take_text(a, link->parent, sizeof(link->parent));
		break;
	case IFLA_PARENT_DEV_BUS_NAME:
		take_text(a, link->bus, sizeof(link->bus));
		break;
	case IFLA_LINKINFO:
		return each_attribute(a->data, a->size, info_attribute, link);
	default:
		break;
	}
	return 0;
}

static struct netlink_link *new_link(struct netlink_links *links)
{
	if (links->n == links->room) {
		size_t room = links->room ? links->room * 2 : 32;
		struct netlink_link *grown = reallocarray(links->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		links->items = grown;
		links->room = room;
	}
	links->items[links->n] = (struct netlink_link){ 0 };
	return &links->items[links->n];
}

static int link_message(uint16_t type, const uint8_t *payload, size_t size, void *userdata)
{
	struct netlink_links *links = userdata;
	struct ifinfomsg head;
	struct netlink_link *link;

	if (type != RTM_NEWLINK)
		return 0;
	if (size < sizeof(head))
		return -EBADMSG;
	if (links->n >= NETLINK_LINKS_MAX)
		return -EFBIG;
	link = new_link(links);
	if (!link)
		return -ENOMEM;
	memcpy(&head, payload, sizeof(head));
	link->index = head.ifi_index;
	link->flags = head.ifi_flags;
	if (size > aligned(sizeof(head)))
		(void)!each_attribute(payload + aligned(sizeof(head)), size - aligned(sizeof(head)),
				      link_attribute, link);
	links->n += link->name[0] && (link->parent[0] || !links->with_parent);
	return 0;
}

int netlink_parse_links(const void *data, size_t size, struct netlink_links *links)
{
	return each_message(data, size, link_message, links);
}

void netlink_links_clear(struct netlink_links *links)
{
	free(links->items);
	*links = (struct netlink_links){ 0 };
}

/* ---- addresses ---- */

struct address {
	struct ifaddrmsg head;
	uint8_t local[16], address[16];
	size_t local_size, address_size;
};

static int address_attribute(const struct attribute *a, void *userdata)
{
	struct address *address = userdata;
	bool local = a->type == IFA_LOCAL;

	if ((!local && a->type != IFA_ADDRESS) || a->size > sizeof(address->local))
		return 0;
	memcpy(local ? address->local : address->address, a->data, a->size);
	*(local ? &address->local_size : &address->address_size) = a->size;
	return 0;
}

static void count_address(const struct address *a, struct netlink_link *link)
{
	/* Of a point-to-point interface IFA_ADDRESS is the peer's. */
	const uint8_t *bytes = a->local_size ? a->local : a->address;
	size_t size = a->local_size ? a->local_size : a->address_size;
	char text[INET6_ADDRSTRLEN];

	if (size != (a->head.ifa_family == AF_INET ? 4 : 16) ||
	    !inet_ntop(a->head.ifa_family, bytes, text, sizeof(text)))
		return;
	if (a->head.ifa_family == AF_INET6 && a->head.ifa_scope >= RT_SCOPE_LINK)
		return;
	if (link->n_addresses++ == 0)
		snprintf(link->address, sizeof(link->address), "%s/%u", text, a->head.ifa_prefixlen);
}

static int address_message(uint16_t type, const uint8_t *payload, size_t size, void *userdata)
{
	struct netlink_links *links = userdata;
	struct address a = { 0 };

	if (type != RTM_NEWADDR)
		return 0;
	if (size < sizeof(a.head))
		return -EBADMSG;
	memcpy(&a.head, payload, sizeof(a.head));
	if (a.head.ifa_family != AF_INET && a.head.ifa_family != AF_INET6)
		return 0;
	if (size > aligned(sizeof(a.head)))
		(void)!each_attribute(payload + aligned(sizeof(a.head)), size - aligned(sizeof(a.head)),
				      address_attribute, &a);
	for (size_t i = 0; i < links->n; i++)
		if ((unsigned)links->items[i].index == a.head.ifa_index) {
			count_address(&a, &links->items[i]);
			break;
		}
	return 0;
}

int netlink_parse_addresses(const void *data, size_t size, struct netlink_links *links)
{
	return each_message(data, size, address_message, links);
}

/* ---- routes ---- */

static void add_hop(struct netlink_route *route, int index)
{
	for (size_t i = 0; i < route->n; i++)
		if (route->hops[i] == index)
			return;
	if (index > 0 && route->n < NETLINK_HOPS_MAX)
		route->hops[route->n++] = index;
}

static void add_hops(struct netlink_route *route, const uint8_t *p, size_t size)
{
	while (size >= sizeof(struct rtnexthop)) {
		struct rtnexthop hop;

		memcpy(&hop, p, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > size)
			return;
		add_hop(route, hop.rtnh_ifindex);
		if (aligned(hop.rtnh_len) >= size)
			return;
		p += aligned(hop.rtnh_len);
		size -= aligned(hop.rtnh_len);
	}
}

static int route_attribute(const struct attribute *a, void *userdata)
{
	struct netlink_route *route = userdata;

	if (a->type == RTA_OIF)
		add_hop(route, (int)take_u32(a));
	else if (a->type == RTA_MULTIPATH)
		add_hops(route, a->data, a->size);
	return 0;
}

static int route_message(uint16_t type, const uint8_t *payload, size_t size, void *userdata)
{
	struct netlink_route *route = userdata;
	struct rtmsg head;

	if (type != RTM_NEWROUTE)
		return 0;
	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, payload, sizeof(head));
	route->prefix = head.rtm_dst_len;
	/* A route that says "unreachable" or "prohibited" leads nowhere. */
	if (head.rtm_type != RTN_UNICAST)
		return -ENETUNREACH;
	if (size > aligned(sizeof(head)))
		(void)!each_attribute(payload + aligned(sizeof(head)), size - aligned(sizeof(head)),
				      route_attribute, route);
	/* One route is the whole answer: nothing follows it. */
	return NETLINK_END;
}

int netlink_parse_route(const void *data, size_t size, struct netlink_route *ret)
{
	return each_message(data, size, route_message, ret);
}

/* ---- generic netlink ---- */

struct family {
	const char *name;
	char found[GENL_NAMSIZ + 1];
	uint16_t number, *ret;
};

static int family_attribute(const struct attribute *a, void *userdata)
{
	struct family *family = userdata;

	if (a->type == CTRL_ATTR_FAMILY_NAME)
		take_text(a, family->found, sizeof(family->found));
	else if (a->type == CTRL_ATTR_FAMILY_ID && a->size >= sizeof(family->number))
		memcpy(&family->number, a->data, sizeof(family->number));
	return 0;
}

static int family_message(uint16_t type, const uint8_t *payload, size_t size, void *userdata)
{
	struct family *family = userdata;

	if (type != GENL_ID_CTRL || size < GENL_HDRLEN)
		return 0;
	family->found[0] = '\0';
	family->number = 0;
	(void)!each_attribute(payload + GENL_HDRLEN, size - GENL_HDRLEN, family_attribute, family);
	if (streq(family->found, family->name) && family->number >= NLMSG_MIN_TYPE)
		*family->ret = family->number;
	return 0;
}

int netlink_parse_family(const void *data, size_t size, const char *name, uint16_t *ret)
{
	struct family family = { .name = name, .ret = ret };

	return each_message(data, size, family_message, &family);
}

struct smc {
	struct netlink_smc *items, *item;
	size_t room, *n;
};

static int smc_attribute(const struct attribute *a, void *userdata)
{
	struct netlink_smc *item = userdata;

	if (a->type == SMC_NLA_DEV_USE_CNT)
		item->uses = take_u32(a);
	else if (a->type == SMC_NLA_DEV_PCI_ID)
		take_text(a, item->pci, sizeof(item->pci));
	return 0;
}

static int smc_device(const struct attribute *a, void *userdata)
{
	struct netlink_smc item = { 0 };
	struct smc *smc = userdata;

	if (a->type != SMC_GEN_DEV_SMCD && a->type != SMC_GEN_DEV_SMCR)
		return 0;
	(void)!each_attribute(a->data, a->size, smc_attribute, &item);
	if (!item.uses || !item.pci[0])
		return 0;
	if (*smc->n >= smc->room)
		return -EFBIG;
	smc->items[(*smc->n)++] = item;
	return 0;
}

static int smc_message(uint16_t type, const uint8_t *payload, size_t size, void *userdata)
{
	if (type < NLMSG_MIN_TYPE || size < GENL_HDRLEN)
		return 0;
	return each_attribute(payload + GENL_HDRLEN, size - GENL_HDRLEN, smc_device, userdata);
}

int netlink_parse_smc(const void *data, size_t size, struct netlink_smc *items, size_t room, size_t *n)
{
	struct smc smc = { .items = items, .room = room, .n = n };

	return each_message(data, size, smc_message, &smc);
}
