/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <limits.h>

#include "host/host.h"
#include "host/modules.h"
#include "host/names.h"

int host_starved(struct host *h, int r)
{
	bool starved = h->starved;

	h->starved = false;
	return r >= 0 && starved ? -ENOMEM : r;
}

struct host_fault *host_watch(struct host *h, struct host_fault *fault)
{
	struct host_fault *before = h->watch;

	h->watch = fault;
	return before;
}

bool host_answered(ssize_t r)
{
	/* ENOTCONN: the address of an iSCSI session that has lost its connection. */
	static const int answers[] = { ENOENT, ENOTDIR, ENODEV, ENXIO,	 EINVAL,  EISDIR,
				       ESRCH,  ENODATA, EFBIG,	EOPNOTSUPP, ENOTBLK, ENAMETOOLONG, ELOOP, EXDEV,
				       ENOTCONN };

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (r == -answers[i])
			return true;
	return r >= 0;
}

/* "proc/12/…" */
static bool is_of_process(const char *path)
{
	const char *rest = str_after(path, "proc/");

	return rest && *rest >= '0' && *rest <= '9';
}

ssize_t host_note(struct host *h, const char *dir, const char *name, ssize_t r)
{
	const char *first = dir ? dir : name;

	if (!h->watch || h->watch->error || host_answered(r) || is_of_process(first) ||
	    (!str_after(first, "sys/") && !str_after(first, "proc/")))
		return r;
	h->watch->error = (int)-r;
	snprintf(h->watch->path, sizeof(h->watch->path), "%s%s%s", dir ? dir : "", dir ? "/" : "", name);
	host_clean_text(h->watch->path);
	return r;
}

ssize_t host_read_text(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	ssize_t n = h->ops->read(h, dir, name, buf, size);

	if (n < 0)
		return n;
	/* What lies behind a NUL byte is no text. */
	n = (ssize_t)strnlen(buf, (size_t)n);
	while (n && isspace((unsigned char)buf[n - 1]))
		n--;
	buf[n] = '\0';
	return n;
}

int host_read_uint(struct host *h, host_dir dir, const char *name, unsigned base, uint64_t *ret)
{
	char buf[64];
	ssize_t n = host_read_text(h, dir, name, buf, sizeof(buf));

	if (n < 0)
		return n == -EFBIG ? -EINVAL : (int)n;
	return str_to_u64(buf, base, UINT64_MAX, ret) < 0 ? -EINVAL : 0;
}

ssize_t host_link_name(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = h->ops->readlink(h, dir, name, target, sizeof(target));
	const char *base;

	if (n < 0)
		return n;
	base = strrchr(target, '/');
	base = base ? base + 1 : target;
	if (!*base)
		return -EINVAL;
	n = (ssize_t)strlen(base);
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	memcpy(buf, base, (size_t)n + 1);
	return n;
}

const char host_module_command[] = "modprobe.d has a command for it instead, which loads nothing";

void host_prepare(struct host *h, size_t claims)
{
	if (h->ops->prepare)
		h->ops->prepare(h, claims);
}

bool host_exists(struct host *h, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = h->ops->readlink(h, -1, path, target, sizeof(target));

	/* -EINVAL says that it is there and is no link. */
	return n >= 0 || n == -EINVAL;
}

int host_each(struct host *h, host_dir dir, const char *name, int (*fn)(const char *name, void *userdata),
	      void *userdata)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r;

	if (h->ops->each)
		return h->ops->each(h, dir, name, fn, userdata);
	r = h->ops->list(h, dir, name, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = fn(names.items[i], userdata);
	return r;
}

char *host_clean_text(char *s)
{
	for (char *p = s; *p;) {
		size_t len = str_character(p, 4);

		if (len)
			p += len;
		else
			*p++ = '?';
	}
	return s;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	host_names_free(h, h->names);
	host_modules_free(h, h->modules);
	h->ops->free(h);
}
