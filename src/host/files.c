/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "host/files.h"

ssize_t files_read(int fd, char *buf, size_t size, bool once)
{
	size_t have = 0;
	char more;
	ssize_t n;

	while (have < size - 1) {
		n = read(fd, buf + have, size - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		if (n == 0 || (once && have < size - 1)) {
			buf[have] = '\0';
			return (ssize_t)have;
		}
	}
	buf[have] = '\0';
	n = read(fd, &more, 1);
	if (n < 0)
		return -errno;
	return n ? -EFBIG : (ssize_t)have;
}

int files_read_whole(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	size_t have = 0, room = 16384;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > FILES_MAP_MAX)
		return -EFBIG;
	/* procfs says 0; elsewhere the second read finds the end. */
	if (st.st_size > 0)
		room = (size_t)st.st_size + 2;
	for (;;) {
		char *grown = realloc(data, room);

		if (!grown)
			return -ENOMEM;
		data = grown;
		n = read(fd, data + have, room - have - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		have += (size_t)n;
		if (n == 0)
			break;
		if (have > FILES_MAP_MAX)
			return -EFBIG;
		if (room - have < 4096)
			room *= 2;
	}
	data[have] = '\0';
	*ret = TAKE_PTR(data);
	*ret_size = have;
	return 0;
}

static bool is_dot(const char *name)
{
	return streq(name, ".") || streq(name, "..");
}

/* Not through a DIR: a search lists a directory for each process, and that doubles the calls. */
int files_each(int fd, int (*fn)(const char *name, void *userdata), void *userdata)
{
	_cleanup_close_ int dir = fd;
	_Alignas(struct dirent64) char buf[8192];
	ssize_t n;

	while ((n = getdents64(dir, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *e = (const void *)(buf + at);
			int r;

			at += e->d_reclen;
			r = is_dot(e->d_name) ? 0 : fn(e->d_name, userdata);
			if (r != 0)
				return r;
		}
	}
	return n < 0 ? -errno : 0;
}

static int take_name(const char *name, void *userdata)
{
	struct strv *names = userdata;

	return names->n >= FILES_LIST_MAX ? -EFBIG : strv_add(names, name);
}

int files_list(int fd, struct strv *ret)
{
	_cleanup_strv_ struct strv names = {0};
	int r = files_each(fd, take_name, &names);

	if (r < 0)
		return r;
	*ret = names;
	names = (struct strv){0};
	return 0;
}

ssize_t files_readlink(int dir, const char *name, char *buf, size_t size)
{
	ssize_t n = readlinkat(dir, name, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}
