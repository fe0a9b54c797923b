/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc/zfs/zpool.cache: a list of names and values (nvlist) in XDR, one nested list for each pool, in which the
 * devices are a tree ("vdev_tree", "children") of further lists.
 */
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "host/zpool_cache.h"

enum {
	DEPTH_MAX = 16,
	NAME_SIZE = 256,
	PATH_SIZE = 1024,

	/* data_type_t of libnvpair */
	TYPE_STRING = 9,
	TYPE_NVLIST = 19,
	TYPE_NVLIST_ARRAY = 20,
};

struct scan {
	const unsigned char *p, *end;
	int (*fn)(const char *pool, const char *path, void *userdata);
	void *userdata;
	char pool[NAME_SIZE];
};

static bool take_uint(struct scan *s, uint32_t *ret)
{
	uint32_t v;

	if (s->end - s->p < 4)
		return false;
	memcpy(&v, s->p, 4);
	s->p += 4;
	*ret = be32toh(v);
	return true;
}

/* A length, that many bytes, and zeros up to a multiple of four. */
static bool take_string(struct scan *s, char *buf, size_t size)
{
	uint32_t len;

	if (!take_uint(s, &len) || len > (size_t)(s->end - s->p))
		return false;
	snprintf(buf, size, "%.*s", (int)(len < size ? len : size - 1), (const char *)s->p);
	len = (len + 3) & ~3u;
	s->p = len > (size_t)(s->end - s->p) ? s->end : s->p + len;
	return true;
}

static int scan_list(struct scan *s, unsigned depth);

static int scan_value(struct scan *s, const char *name, uint32_t type, uint32_t n, unsigned depth)
{
	char text[PATH_SIZE];

	/* The names at the top are those of the pools. */
	if (depth == 0)
		snprintf(s->pool, sizeof(s->pool), "%s", name);
	if (type == TYPE_STRING && streq(name, "path"))
		return take_string(s, text, sizeof(text)) ? s->fn(s->pool, text, s->userdata) : -EBADMSG;
	if (type != TYPE_NVLIST && type != TYPE_NVLIST_ARRAY)
		return 0;
	for (uint32_t i = 0; i < (type == TYPE_NVLIST ? 1 : n); i++) {
		int r = scan_list(s, depth + 1);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Version and flags, then pairs, each with its size, name, type and number of values; two zeros end it. */
static int scan_list(struct scan *s, unsigned depth)
{
	uint32_t version, flags;

	if (depth > DEPTH_MAX || !take_uint(s, &version) || !take_uint(s, &flags))
		return -EBADMSG;
	for (;;) {
		const unsigned char *start = s->p, *end = s->end;
		uint32_t size, decoded, type, n;
		char name[NAME_SIZE];
		int r;

		if (!take_uint(s, &size) || !take_uint(s, &decoded))
			return -EBADMSG;
		if (!size && !decoded)
			return 0;
		if (size < 8 || size > (size_t)(end - start))
			return -EBADMSG;
		s->end = start + size;
		if (!take_string(s, name, sizeof(name)) || !take_uint(s, &type) || !take_uint(s, &n))
			return -EBADMSG;
		r = scan_value(s, name, type, n, depth);
		if (r < 0)
			return r;
		s->p = start + size;
		s->end = end;
	}
}

int zpool_cache_each(const void *data, size_t size, int (*fn)(const char *pool, const char *path, void *userdata),
		     void *userdata)
{
	const unsigned char *p = data;
	struct scan s = { .fn = fn, .userdata = userdata };

	/* Some systems keep an empty file where no pool is to be imported at boot. */
	if (!size)
		return 0;
	/* The encoding (1: XDR), the byte order of who wrote it, and two bytes that are reserved. */
	if (size < 4 || p[0] != 1)
		return -EBADMSG;
	s.p = p + 4;
	s.end = p + size;
	return scan_list(&s, 0);
}
