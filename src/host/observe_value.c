/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/observe_private.h"

int value_text(struct vfioadm_inventory *inv, struct vfioadm_str *ret, const char *text)
{
	char *copy;

	*ret = str_none();
	if (!text || !*text)
		return 0;
	copy = arena_strdup(&inv->arena, text);
	if (!copy)
		return -ENOMEM;
	*ret = str_known(host_clean_text(copy));
	return 0;
}

int value_read_text(struct host *h, struct vfioadm_inventory *inv, host_dir dir, const char *name,
		    struct vfioadm_str *ret)
{
	char buf[4097];
	ssize_t n = host_read_text(h, dir, name, buf, sizeof(buf));

	if (n >= 0)
		return value_text(inv, ret, buf);
	ret->state = n == -ENOENT ? VFIOADM_NONE : VFIOADM_UNKNOWN;
	return n == -ENOMEM ? -ENOMEM : 0;
}

int value_read_uint(struct host *h, host_dir dir, const char *name, unsigned base,
		    struct vfioadm_uint *ret)
{
	uint64_t v;
	int r = host_read_uint(h, dir, name, base, &v);

	if (r == 0)
		*ret = uint_known(v);
	else
		ret->state = r == -ENOENT ? VFIOADM_NONE : VFIOADM_UNKNOWN;
	return r;
}

int value_list(struct vfioadm_inventory *inv, struct vfioadm_list *ret, const struct strv *items)
{
	const char **copy;

	*ret = (struct vfioadm_list){.state = VFIOADM_NONE};
	if (!items->n)
		return 0;
	copy = arena_alloc(&inv->arena, items->n * sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	STRV_FOREACH (i, items) {
		char *s = arena_strdup(&inv->arena, items->items[i]);

		if (!s)
			return -ENOMEM;
		copy[i] = host_clean_text(s);
	}
	*ret = (struct vfioadm_list){VFIOADM_KNOWN, items->n, copy};
	return 0;
}

void device_path(char path[OBSERVE_PATH_MAX], const char *address, const char *rest)
{
	snprintf(path, OBSERVE_PATH_MAX, PCI_DEVICES "/%s%s%s", address, *rest ? "/" : "", rest);
}

static bool is_address(const char *s, size_t len, char buf[ADDRESS_MAX])
{
	struct address a;

	if (len < sizeof("0000:00:00.0") - 1 || len >= ADDRESS_MAX)
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return address_parse(buf, &a) == 0;
}

bool last_address(const char *path, char ret_address[ADDRESS_MAX], const char **ret_rest)
{
	const char *end = path + strlen(path);

	while (end > path) {
		const char *slash = memrchr(path, '/', (size_t)(end - path));
		const char *start = slash ? slash + 1 : path;

		if (is_address(start, (size_t)(end - start), ret_address)) {
			if (ret_rest)
				*ret_rest = *end ? end + 1 : end;
			return true;
		}
		end = slash ? slash : path;
	}
	return false;
}

ssize_t function_of_link(const struct vfioadm_inventory *inv, const char *link)
{
	char address[ADDRESS_MAX];

	return last_address(link, address, NULL) ? inventory_index(inv, address) : -1;
}
