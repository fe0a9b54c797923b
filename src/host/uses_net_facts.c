/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds and addresses of interfaces: from the kernel through netlink, else from /proc/net. */
#include <arpa/inet.h>
#include <string.h>

#include "host/uses_net.h"

enum { FACTS_MAX = 65536 };

struct building {
	struct uses *u;
	struct net_fact *items;
	size_t n, room;
};

static int compare_facts(const void *x, const void *y)
{
	return strcmp(((const struct net_fact *)x)->name, ((const struct net_fact *)y)->name);
}

const struct net_fact *net_facts_find(const struct net_facts *facts, const char *name)
{
	struct net_fact key = { .name = name };

	return facts->n ? bsearch(&key, facts->items, facts->n, sizeof(key), compare_facts) : NULL;
}

void net_fact_addresses(const struct net_fact *fact, const char *before, char *buf, size_t size)
{
	buf[0] = '\0';
	if (!fact || !fact->n_addresses)
		return;
	if (fact->n_addresses == 1)
		snprintf(buf, size, "%s address %s", before, fact->address);
	else
		snprintf(buf, size, "%s address %s (and %u more)", before, fact->address,
			 fact->n_addresses - 1);
}

static struct net_fact *new_fact(struct building *b)
{
	if (b->n == b->room) {
		size_t room = b->room ? b->room * 2 : 32;
		struct net_fact *grown = reallocarray(b->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		b->items = grown;
		b->room = room;
	}
	b->items[b->n] = (struct net_fact){ 0 };
	return &b->items[b->n++];
}

static int keep(struct building *b, const struct net_fact *fact)
{
	struct net_fact *kept = new_fact(b);
	struct arena *arena = &b->u->inv->arena;

	if (!kept)
		return -ENOMEM;
	*kept = *fact;
	kept->name = arena_strdup(arena, fact->name);
	kept->parent = fact->parent ? arena_strdup(arena, fact->parent) : NULL;
	kept->kind = fact->kind ? arena_strdup(arena, fact->kind) : NULL;
	kept->address = fact->address ? arena_strdup(arena, fact->address) : NULL;
	return arena->failed ? -ENOMEM : 0;
}

/* ---- netlink ---- */

static const char *unless_dash(const char *s)
{
	return streq(s, "-") ? NULL : s;
}

bool net_line_parse(char *line, struct net_fact *ret, unsigned *ret_flags)
{
	char *fields[6], *rest;
	uint64_t flags, n;
	size_t i = 0;

	for (char *word = strtok_r(line, " ", &rest); word && i < 6; word = strtok_r(NULL, " ", &rest))
		fields[i++] = word;
	if (i < 6 || str_to_u64(fields[1], 16, UINT32_MAX, &flags) < 0 ||
	    str_to_u64(fields[4], 10, UINT32_MAX, &n) < 0)
		return false;
	*ret = (struct net_fact){
		.name = fields[0],
		.parent = unless_dash(fields[2]),
		.kind = unless_dash(fields[3]),
		.address = unless_dash(fields[5]),
		.n_addresses = unless_dash(fields[5]) ? (unsigned)n : 0,
	};
	*ret_flags = (unsigned)flags;
	return true;
}

static int from_netlink(struct building *b)
{
	_cleanup_strv_ struct strv lines = { 0 };
	int r = b->u->h->ops->net_links ? b->u->h->ops->net_links(b->u->h, NULL, &lines) : -EOPNOTSUPP;

	for (size_t i = 0; r == 0 && i < lines.n && b->n < FACTS_MAX; i++) {
		struct net_fact fact;
		unsigned flags;

		if (net_line_parse(lines.items[i], &fact, &flags))
			r = keep(b, &fact);
	}
	return r;
}

/* ---- /proc/net ---- */

static int count_address(struct building *b, const char *interface, const char *address)
{
	struct net_fact fact = { .name = interface, .n_addresses = 1, .address = address };

	for (size_t i = 0; i < b->n; i++)
		if (streq(b->items[i].name, interface)) {
			b->items[i].n_addresses++;
			return 0;
		}
	return b->n < FACTS_MAX ? keep(b, &fact) : 0;
}

struct seen_addresses {
	uint32_t items[1024];
	size_t n;
};

static bool seen_already(struct seen_addresses *seen, uint32_t address)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->items[i] == address)
			return true;
	if (seen->n < ARRAY_SIZE(seen->items))
		seen->items[seen->n++] = address;
	return false;
}

/* "  |-- 192.0.2.2" and below it "     /32 host LOCAL": an address of ours, in whatever table. */
static int ipv4_addresses(struct building *b, const char *trie, const char *routes)
{
	bool big = b->u->inv->facts.machine == MACHINE_S390;
	struct seen_addresses seen = { .n = 0 };
	struct in_addr address = { 0 };
	bool have = false;
	int r = 0;

	for (const char *p = trie; r == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char word[64] = "", interface[64], text[80];
		unsigned prefix = 0;

		if (sscanf(p, " |-- %15[0-9.]", word) == 1) {
			have = inet_pton(AF_INET, word, &address) == 1;
			continue;
		}
		if (sscanf(p, " /32 host %15s", word) != 1 || !streq(word, "LOCAL") || !have ||
		    seen_already(&seen, address.s_addr) ||
		    !net_table_connected(routes, (const uint8_t *)&address, big, interface, &prefix))
			continue;
		inet_ntop(AF_INET, &address, word, sizeof(word));
		snprintf(text, sizeof(text), "%s/%u", word, prefix);
		r = count_address(b, interface, text);
	}
	return r;
}

/* "fd000000000000000000000000000002 02 40 00 80     eth0"; scopes 10 and 20 are loopback and link. */
static int ipv6_addresses(struct building *b, const char *text)
{
	int r = 0;

	for (const char *p = text; r == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char hex[33], interface[64], readable[INET6_ADDRSTRLEN], address[80];
		unsigned prefix, scope;
		struct in6_addr in6;

		if (sscanf(p, "%32[0-9a-f] %*x %2x %2x %*x %63s", hex, &prefix, &scope, interface) != 4 ||
		    strlen(hex) != 32 || scope == 0x10 || scope == 0x20)
			continue;
		for (size_t i = 0; i < 16; i++) {
			unsigned v = 0;

			(void)sscanf(hex + 2 * i, "%2x", &v);
			in6.s6_addr[i] = (uint8_t)v;
		}
		inet_ntop(AF_INET6, &in6, readable, sizeof(readable));
		snprintf(address, sizeof(address), "%s/%u", readable, prefix);
		r = count_address(b, interface, address);
	}
	return r;
}

static const char *map(struct uses *u, const char *path, size_t *ret_size)
{
	const char *text = NULL;

	return u->h->ops->map(u->h, path, &text, ret_size) < 0 ? NULL : text;
}

static void unmap(struct uses *u, const char *text, size_t size)
{
	if (text)
		u->h->ops->unmap(u->h, text, size);
}

static int from_proc(struct building *b)
{
	size_t trie_size = 0, route_size = 0, six_size = 0;
	const char *trie = map(b->u, "proc/net/fib_trie", &trie_size);
	const char *route = map(b->u, "proc/net/route", &route_size);
	const char *six = map(b->u, "proc/net/if_inet6", &six_size);
	int r = trie && route ? ipv4_addresses(b, trie, route) : 0;

	if (r == 0 && six)
		r = ipv6_addresses(b, six);
	unmap(b->u, trie, trie_size);
	unmap(b->u, route, route_size);
	unmap(b->u, six, six_size);
	return r;
}

/* ---- both ---- */

int net_facts_read(struct uses *u, struct net_facts *ret)
{
	struct building b = { .u = u };
	int r = from_netlink(&b);

	*ret = (struct net_facts){ .unknown = r == -ETIMEDOUT };
	if (r == -ETIMEDOUT)
		r = uses_unseen(u, -1,
				"The addresses of network interfaces could not be read: the kernel did not answer "
				"in time.");
	else if (r < 0 && r != -ENOMEM)
		r = from_proc(&b);
	if (r == 0) {
		ret->items = arena_alloc(&u->inv->arena, (b.n + 1) * sizeof(*ret->items));
		r = ret->items ? 0 : -ENOMEM;
	}
	if (r == 0) {
		if (b.n)
			memcpy(ret->items, b.items, b.n * sizeof(*b.items));
		ret->n = b.n;
		qsort(ret->items, ret->n, sizeof(*ret->items), compare_facts);
	}
	free(b.items);
	return r;
}
