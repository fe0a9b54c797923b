/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections of the host: where a device or a file system does not name its servers, its sockets do. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "host/uses_remote_private.h"

enum {
	SOCKETS_MAX = 1024,
	TCP_ESTABLISHED = 1,
};

/* Addresses are printed as numbers of the machine, four bytes at a time. */
static bool parse_address(const char *hex, bool big, char *ret)
{
	size_t n = strspn(hex, "0123456789ABCDEFabcdef");
	uint8_t bytes[16];

	if ((n != 8 && n != 32) || hex[n] != ':')
		return false;
	for (size_t i = 0; i < n / 8; i++) {
		char word[9];
		uint32_t v;

		memcpy(word, hex + 8 * i, 8);
		word[8] = '\0';
		v = (uint32_t)strtoul(word, NULL, 16);
		for (unsigned k = 0; k < 4; k++)
			bytes[4 * i + k] = (uint8_t)(v >> (big ? 24 - 8 * k : 8 * k));
	}
	return inet_ntop(n == 8 ? AF_INET : AF_INET6, bytes, ret, INET6_ADDRSTRLEN);
}

/* "0: 0700090A:0334 0100090A:0801 01 00000000:00000000 02:00000A5C 00000000 0 0 23456 …" */
bool remote_parse_connection(const char *line, bool big, char *ret_address, unsigned *ret_port,
			     uint64_t *ret_inode)
{
	unsigned long long inode;
	char peer[48];
	unsigned state;

	if (sscanf(line, " %*u: %*47s %47s %2x %*s %*s %*s %*u %*u %19llu", peer, &state, &inode) != 3 ||
	    state != TCP_ESTABLISHED || !parse_address(peer, big, ret_address) ||
	    sscanf(strchr(peer, ':') + 1, "%4x", ret_port) != 1)
		return false;
	*ret_inode = inode;
	return true;
}

struct connections {
	struct uses *u;
	struct remote_ends *ends;
	const uint64_t *inodes; /* of a process; NULL: those to these ports */
	size_t n_inodes;
	unsigned first, last;
	size_t n;
};

static bool is_meant(const struct connections *c, unsigned port, uint64_t inode)
{
	if (!c->inodes)
		return port >= c->first && port <= c->last;
	for (size_t i = 0; i < c->n_inodes; i++)
		if (c->inodes[i] == inode)
			return true;
	return false;
}

static int look_at_table(struct connections *c, const char *path, bool *ret_there)
{
	bool big = c->u->inv->facts.machine == MACHINE_S390;
	struct host *h = c->u->h;
	const char *text;
	size_t size;
	int r = h->ops->map(h, path, &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	*ret_there = true;
	for (const char *p = text; r == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char address[INET6_ADDRSTRLEN], line[256];
		unsigned port;
		uint64_t inode;

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
		if (!remote_parse_connection(line, big, address, &port, &inode) || !is_meant(c, port, inode))
			continue;
		c->n++;
		r = remote_follow_address(c->u, address, c->ends);
	}
	h->ops->unmap(h, text, size);
	return r;
}

static int look(struct connections *c, int pid)
{
	static const char *const tables[] = { "tcp", "tcp6" };
	char path[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tables); i++) {
		bool there = false;

		/* As the process sees them: it may be in another network namespace. */
		snprintf(path, sizeof(path), "proc/%d/net/%s", pid, tables[i]);
		if (pid)
			r = look_at_table(c, path, &there);
		snprintf(path, sizeof(path), "proc/net/%s", tables[i]);
		if (r == 0 && !there)
			r = look_at_table(c, path, &there);
	}
	return r;
}

/* The sockets of a process by number. */
static int read_sockets(struct uses *u, int pid, uint64_t *inodes, size_t *ret_n)
{
	_cleanup_strv_ struct strv fds = { 0 };
	char path[64], target[64];
	int r;

	snprintf(path, sizeof(path), "proc/%d/fd", pid);
	r = u->h->ops->list(u->h, -1, path, &fds);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &fds) {
		unsigned long long inode;

		if (snprintf(path, sizeof(path), "proc/%d/fd/%s", pid, fds.items[i]) >= (int)sizeof(path) ||
		    u->h->ops->readlink(u->h, -1, path, target, sizeof(target)) < 0 ||
		    sscanf(target, "socket:[%19llu]", &inode) != 1 || *ret_n >= SOCKETS_MAX)
			continue;
		inodes[(*ret_n)++] = inode;
	}
	return 0;
}

int remote_follow_process(struct uses *u, int pid, struct remote_ends *ends, size_t *ret_n)
{
	_cleanup_free_ uint64_t *inodes = calloc(SOCKETS_MAX, sizeof(*inodes));
	struct connections c = { .u = u, .ends = ends, .inodes = inodes };
	int r = inodes ? read_sockets(u, pid, inodes, &c.n_inodes) : -ENOMEM;

	*ret_n = 0;
	if (r < 0 || !c.n_inodes)
		return r;
	r = look(&c, pid);
	*ret_n = c.n;
	return r;
}

int remote_follow_ports(struct uses *u, unsigned first, unsigned last, struct remote_ends *ends, size_t *ret_n)
{
	struct connections c = { .u = u, .ends = ends, .first = first, .last = last };
	int r = look(&c, 0);

	*ret_n = c.n;
	return r;
}
