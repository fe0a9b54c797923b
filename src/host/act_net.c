/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <linux/smc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/str.h"
#include "host/act_net.h"
#include "host/netlink.h"

enum {
	RECEIVE_SIZE = 64 * 1024,
	TRIES = 5,
	LINE_MAX_SIZE = 256,
	SMC_DEVICES_MAX = 256,
};

/* ---- sockets ---- */

/*
 * Only a namespace is opened: the path may be a process's own link, which could lead to anything by now, and
 * opening some devices starts something.
 */
static int open_namespace(const char *path)
{
	_cleanup_free_ char *absolute = str_format("/%s", path);
	_cleanup_close_ int found = absolute ? fd_above(open(absolute, O_PATH | O_CLOEXEC)) : -1;
	struct statfs fs;
	char link[32];
	int fd;

	if (!absolute)
		return -ENOMEM;
	if (found < 0 || fstatfs(found, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = fd_above(open(link, O_RDONLY | O_CLOEXEC));
	return fd < 0 ? -errno : fd;
}

static int open_socket(int protocol)
{
	int fd = fd_above(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));

	return fd < 0 ? -errno : fd;
}

/* A socket stays in the namespace in which it was made; we are there for this one call only. */
static int open_socket_in(const char *netns, int protocol)
{
	_cleanup_close_ int own = -1, other = -1;
	int fd;

	if (!*netns)
		return open_socket(protocol);
	own = fd_above(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	if (own < 0)
		return -errno;
	other = open_namespace(netns);
	if (other < 0)
		return other;
	if (setns(other, CLONE_NEWNET) < 0)
		return -errno;
	fd = open_socket(protocol);
	/* In a foreign namespace nothing more may be done. */
	if (setns(own, CLONE_NEWNET) < 0)
		raise(SIGKILL);
	return fd;
}

/* ---- question and answer ---- */

typedef int (*answer_fn)(const void *data, size_t size, void *userdata);

static ssize_t receive(int fd, char *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec part = { buf, size };
		struct msghdr msg = { .msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &part,
				      .msg_iovlen = 1 };
		ssize_t n = recvmsg(fd, &msg, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* In a container its root may write to us; only the kernel has number 0. */
		if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
	}
}

static int ask(int fd, const void *request, size_t size, answer_fn fn, void *userdata)
{
	static const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_cleanup_free_ char *buf = malloc(RECEIVE_SIZE);
	int r = NETLINK_MORE;

	if (!buf)
		return -ENOMEM;
	if (sendto(fd, request, size, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	while (r == NETLINK_MORE) {
		ssize_t n = receive(fd, buf, RECEIVE_SIZE);

		r = n <= 0 ? (n < 0 ? (int)n : -EBADMSG) : fn(buf, (size_t)n, userdata);
	}
	return r < 0 ? r : 0;
}

struct line_buffer {
	char *text;
	size_t size, used, skip, n;
	bool full;
};

static void add_line(struct line_buffer *b, const char *line, size_t len)
{
	if (b->n++ < b->skip || b->full)
		return;
	if (len >= b->size - b->used) {
		b->full = true;
		return;
	}
	memcpy(b->text + b->used, line, len);
	b->used += len;
}

/* ---- interfaces ---- */

static int take_links(const void *data, size_t size, void *userdata)
{
	return netlink_parse_links(data, size, userdata);
}

static int take_addresses(const void *data, size_t size, void *userdata)
{
	return netlink_parse_addresses(data, size, userdata);
}

static int dump(int fd, uint16_t type, answer_fn fn, struct netlink_links *links)
{
	struct {
		struct nlmsghdr head;
		struct rtgenmsg message;
	} request = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.message)),
			  .nlmsg_type = type,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			  .nlmsg_seq = type },
		.message = { .rtgen_family = AF_UNSPEC },
	};

	return ask(fd, &request, sizeof(request), fn, links);
}

static int read_links(const char *netns, struct netlink_links *links)
{
	int r = -EAGAIN;

	/* The list may change while it is written. */
	for (int try = 0; r == -EAGAIN && try < TRIES; try++) {
		_cleanup_close_ int fd = open_socket_in(netns, NETLINK_ROUTE);

		netlink_links_clear(links);
		links->with_parent = *netns;
		r = fd < 0 ? fd : dump(fd, RTM_GETLINK, take_links, links);
		if (r == 0 && links->n)
			r = dump(fd, RTM_GETADDR, take_addresses, links);
	}
	return r;
}

/* A host of containers has an end of a cable for each of them, and they are no one's user. */
static bool is_of_interest(const struct netlink_link *link, bool own)
{
	return link->parent[0] || (own && (link->n_addresses || !streq(link->kind, "veth")));
}

static const char *or_dash(const char *s)
{
	return *s ? s : "-";
}

int64_t act_net_links(const char *netns, const char *skip, char *reply, size_t size, size_t *ret_size)
{
	struct line_buffer b = { .text = reply, .size = size };
	struct netlink_links links = { 0 };
	uint64_t have = 0;
	int r = str_to_u64(skip, 10, NETLINK_LINKS_MAX, &have);

	b.skip = (size_t)have;
	if (r == 0)
		r = read_links(netns, &links);
	for (size_t i = 0; r == 0 && i < links.n; i++) {
		const struct netlink_link *link = &links.items[i];
		char line[LINE_MAX_SIZE], parent[NETLINK_PARENT_MAX + NETLINK_NAME_MAX + 2] = "-";
		int n;

		if (!is_of_interest(link, !*netns))
			continue;
		if (link->parent[0] && link->bus[0])
			snprintf(parent, sizeof(parent), "%s/%s", link->bus, link->parent);
		n = snprintf(line, sizeof(line), "%s %x %s %s %u %s\n", link->name, link->flags, parent,
			     or_dash(link->kind), link->n_addresses, or_dash(link->address));
		add_line(&b, line, (size_t)n);
	}
	netlink_links_clear(&links);
	*ret_size = b.used;
	return r < 0 ? r : (int64_t)b.n;
}

/* ---- routes ---- */

struct route_request {
	struct nlmsghdr head;
	struct rtmsg message;
	char attributes[2 * RTA_LENGTH(sizeof(struct in6_addr))];
};

static int family_of(const char *text, void *address)
{
	if (inet_pton(AF_INET, text, address) == 1)
		return AF_INET;
	return inet_pton(AF_INET6, text, address) == 1 ? AF_INET6 : AF_UNSPEC;
}

static void add_address(struct route_request *q, uint16_t type, const void *address, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->head.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), address, size);
	q->head.nlmsg_len = NLMSG_ALIGN(q->head.nlmsg_len) + RTA_LENGTH(size);
}

static int take_route(const void *data, size_t size, void *userdata)
{
	return netlink_parse_route(data, size, userdata);
}

/* match: the route itself, with all interfaces that it balances over, and not what one packet would do. */
static int look_up(const char *destination, const char *from, bool match, struct netlink_route *ret)
{
	struct route_request q = {
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
			  .nlmsg_type = RTM_GETROUTE,
			  .nlmsg_flags = NLM_F_REQUEST },
		.message = { .rtm_flags = match ? RTM_F_FIB_MATCH : 0 },
	};
	_cleanup_close_ int fd = open_socket(NETLINK_ROUTE);
	uint8_t address[sizeof(struct in6_addr)], source[sizeof(struct in6_addr)];
	int family = family_of(destination, address);
	size_t size = family == AF_INET ? 4 : 16;

	*ret = (struct netlink_route){ 0 };
	if (family == AF_UNSPEC)
		return -EINVAL;
	if (fd < 0)
		return fd;
	q.message.rtm_family = (unsigned char)family;
	q.message.rtm_dst_len = (unsigned char)(size * 8);
	add_address(&q, RTA_DST, address, size);
	if (*from && family_of(from, source) == family) {
		q.message.rtm_src_len = (unsigned char)(size * 8);
		add_address(&q, RTA_SRC, source, size);
	}
	return ask(fd, &q, q.head.nlmsg_len, take_route, ret);
}

static int find_route(const char *destination, const char *from, struct netlink_route *ret)
{
	int r = look_up(destination, from, true, ret);

	/* Our address may have gone meanwhile, and routes can be had without it. */
	if (r == -EINVAL && *from)
		r = look_up(destination, "", true, ret);
	if (r == 0 && ret->n == 0)
		r = look_up(destination, from, false, ret);
	return r;
}

/* The default route is found by an address that nobody has. */
static int find_default(bool six, struct netlink_route *ret)
{
	int r = find_route(six ? "2001:db8::1" : "203.0.113.1", "", ret);

	return r == 0 && ret->prefix > 0 ? -ENETUNREACH : r;
}

int64_t act_net_route(const char *destination, const char *from, char *reply, size_t size, size_t *ret_size)
{
	bool four = streq(destination, "0.0.0.0"), six = streq(destination, "::");
	struct netlink_route route;
	size_t used = 0;
	int r = four || six ? find_default(six, &route) : find_route(destination, from, &route);

	if (r < 0)
		return r;
	for (size_t i = 0; i < route.n; i++) {
		char name[IF_NAMESIZE];
		size_t n;

		if (!if_indextoname((unsigned)route.hops[i], name))
			continue;
		n = strlen(name);
		if (n + 1 > size - used)
			return -EMSGSIZE;
		if (used)
			reply[used++] = ' ';
		memcpy(reply + used, name, n);
		used += n;
	}
	*ret_size = used;
	return used ? 0 : -ENETUNREACH;
}

/* ---- SMC ---- */

struct generic_request {
	struct nlmsghdr head;
	struct genlmsghdr message;
};

static int ask_generic(int fd, uint16_t family, uint8_t command, answer_fn fn, void *userdata)
{
	struct generic_request q = {
		.head = { .nlmsg_len = sizeof(q),
			  .nlmsg_type = family,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.message = { .cmd = command, .version = 1 },
	};

	return ask(fd, &q, sizeof(q), fn, userdata);
}

static int take_family(const void *data, size_t size, void *userdata)
{
	return netlink_parse_family(data, size, SMC_GENL_FAMILY_NAME, userdata);
}

struct smc_list {
	struct netlink_smc items[SMC_DEVICES_MAX];
	size_t n;
};

static int take_smc(const void *data, size_t size, void *userdata)
{
	struct smc_list *list = userdata;

	return netlink_parse_smc(data, size, list->items, ARRAY_SIZE(list->items), &list->n);
}

/* All families are listed: asking for one by name would load its module. */
static int read_smc(struct smc_list *list)
{
	static const uint8_t commands[] = { SMC_NETLINK_GET_DEV_SMCD, SMC_NETLINK_GET_DEV_SMCR };
	_cleanup_close_ int fd = open_socket(NETLINK_GENERIC);
	uint16_t family = 0;
	int r = fd < 0 ? fd : ask_generic(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, take_family, &family);

	if (r == 0 && !family)
		r = -EOPNOTSUPP;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commands); i++)
		r = ask_generic(fd, family, commands[i], take_smc, list);
	return r;
}

int64_t act_net_smc(char *reply, size_t size, size_t *ret_size)
{
	struct line_buffer b = { .text = reply, .size = size };
	struct smc_list *list = calloc(1, sizeof(*list));
	int r = list ? read_smc(list) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		char line[LINE_MAX_SIZE];
		int n = snprintf(line, sizeof(line), "%s %u\n", list->items[i].pci, list->items[i].uses);

		add_line(&b, line, (size_t)n);
	}
	free(list);
	*ret_size = b.used;
	return r < 0 ? r : b.full ? -EMSGSIZE : 0;
}
