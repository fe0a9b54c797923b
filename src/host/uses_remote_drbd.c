/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DRBD: the kernel tells no address, its configuration does (drbd.conf(5)). */
#include <stdlib.h>

#include "host/uses_private.h"
#include "host/uses_remote_private.h"

enum { WORDS_MAX = 16384 };

/* A token: a word, or one of "{};". Comments are left out, quotes taken off. false: the end. */
static bool next_token(const char **p, char token[256])
{
	const char *s = *p;
	size_t n = 0;

	for (;;) {
		s += strspn(s, " \t\r\n");
		if (*s != '#')
			break;
		s += strcspn(s, "\n");
	}
	if (*s && strchr("{};", *s)) {
		token[n++] = *s++;
	} else if (*s == '"') {
		for (s++; *s && *s != '"'; s++)
			if (n < 255)
				token[n++] = *s;
		s += *s == '"';
	} else {
		for (; *s && !strchr(" \t\r\n{};#\"", *s); s++)
			if (n < 255)
				token[n++] = *s;
	}
	token[n] = '\0';
	*p = s;
	return n || *s;
}

struct resource {
	bool ours; /* it has the device that is asked for */
	struct strv addresses;
};

/* "device /dev/drbd0 minor 0;", "device minor 1;" */
static bool is_device(const char *token, const char *before, unsigned minor)
{
	char name[32];

	snprintf(name, sizeof(name), "/dev/drbd%u", minor);
	if (streq(token, name))
		return true;
	snprintf(name, sizeof(name), "%u", minor);
	return streq(before, "minor") && streq(token, name);
}

/* "address 10.1.1.31:7789;", "address ipv6 [fd00::1]:7789;" */
static int take_address(struct resource *resource, const char *token)
{
	char address[REMOTE_SERVER_MAX];

	if (!remote_address_of(token, address, sizeof(address)) || strv_has(&resource->addresses, address))
		return 0;
	return strv_add(&resource->addresses, address);
}

static int follow_resource(struct uses *u, const struct resource *resource, struct remote_ends *ends,
			   size_t *ret_n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < resource->addresses.n; i++) {
		struct remote_ends one = { .kind = REMOTE_NETWORK };

		r = remote_follow_address(u, resource->addresses.items[i], &one);
		/* One of them is our own: no interface leads to it. */
		if (r < 0 || one.open[0])
			continue;
		++*ret_n;
		r = remote_follow_address(u, resource->addresses.items[i], ends);
	}
	return r;
}

/* resource NAME { … on HOST { device …; address …; } } */
static int scan(struct uses *u, const char *text, unsigned minor, struct remote_ends *ends, size_t *ret_n)
{
	struct resource resource = { 0 };
	char token[256] = "", before[256] = "", key[256] = "";
	unsigned depth = 0;
	bool first = true;
	int r = 0;

	for (unsigned n = 0; r == 0 && n < WORDS_MAX && next_token(&text, token); n++) {
		if (streq(token, "{")) {
			depth++;
		} else if (streq(token, "}")) {
			depth -= depth > 0;
			if (depth == 0 && resource.ours)
				r = follow_resource(u, &resource, ends, ret_n);
			if (depth == 0) {
				strv_clear(&resource.addresses);
				resource = (struct resource){ 0 };
			}
		} else if (depth && !first && streq(key, "device")) {
			resource.ours |= is_device(token, before, minor);
		} else if (depth && !first && (streq(key, "address") || streq(before, "address"))) {
			r = take_address(&resource, token);
		}
		if (first)
			memcpy(key, token, sizeof(key));
		memcpy(before, token, sizeof(before));
		first = strchr("{};", token[0]) && !token[1];
	}
	strv_clear(&resource.addresses);
	return r;
}

static int scan_file(struct uses *u, const char *path, unsigned minor, struct remote_ends *ends, size_t *ret_n)
{
	const char *text;
	size_t size;
	int r = u->h->ops->map(u->h, path, &text, &size);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = scan(u, text, minor, ends, ret_n);
	u->h->ops->unmap(u->h, text, size);
	return r;
}

int remote_follow_drbd(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		       size_t size)
{
	static const char *const dirs[] = { "etc/drbd.d", "var/lib/linstor.d" };
	unsigned minor = (unsigned)strtoul(disk->name + strlen("drbd"), NULL, 10);
	size_t n = 0;
	int r;

	snprintf(words, size, "DRBD");
	r = scan_file(u, "etc/drbd.conf", minor, ends, &n);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++) {
		_cleanup_strv_ struct strv names = { 0 };

		r = u->h->ops->list(u->h, -1, dirs[i], &names);
		if (r < 0) {
			r = r == -ENOMEM ? r : 0;
			continue;
		}
		r = 0;
		for (size_t k = 0; r == 0 && k < names.n; k++) {
			char path[NAME_MAX + 64];

			snprintf(path, sizeof(path), "%s/%s", dirs[i], names.items[k]);
			r = scan_file(u, path, minor, ends, &n);
		}
	}
	if (r == 0 && !n)
		remote_open(ends, "no address of its peers is found in /etc/drbd.d");
	return r;
}
