/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A directory as root: links in it, absolute, with ".." and in circles, must never lead out. What the kernel
 * resolves and what is done without openat2() must agree. Real files, for only they are followed.
 *
 *   input ::= LINK 0 LINK 0 … PATH, each link the target of one of the names below
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "fuzz.h"
#include "host/host.h"
#include "host/path.h"

static const char *const links[] = {"a", "d/b", "d/e/c", "d/f"};
enum { PARTS = ARRAY_SIZE(links) + 1 };

/* TOP/secret is outside, TOP/root is the root. */
static char top[] = "/dev/shm/vfioadm-fuzz-XXXXXX";
static int top_fd = -1, root_fd = -1;
static dev_t secret_device;
static ino_t secret_inode;

static void remove_links(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		(void)unlinkat(root_fd, links[i], 0);
}

static void remove_files(void)
{
	remove_links();
	(void)unlinkat(root_fd, "d/e/file", 0);
	(void)unlinkat(root_fd, "d/e", AT_REMOVEDIR);
	(void)unlinkat(root_fd, "d", AT_REMOVEDIR);
	(void)unlinkat(top_fd, "root", AT_REMOVEDIR);
	(void)unlinkat(top_fd, "secret", 0);
	(void)rmdir(top);
}

static void put(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	FUZZ_CHECK(fd >= 0 && write(fd, name, strlen(name)) > 0);
}

static void make_files(void)
{
	struct stat st;

	if (top_fd >= 0)
		return;
	FUZZ_CHECK(mkdtemp(top));
	top_fd = open(top, O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(top_fd >= 0 && mkdirat(top_fd, "root", 0755) == 0);
	root_fd = openat(top_fd, "root", O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(root_fd >= 0 && mkdirat(root_fd, "d", 0755) == 0);
	FUZZ_CHECK(mkdirat(root_fd, "d/e", 0755) == 0);
	put(root_fd, "d/e/file");
	put(top_fd, "secret");
	FUZZ_CHECK(fstatat(top_fd, "secret", &st, 0) == 0);
	secret_device = st.st_dev;
	secret_inode = st.st_ino;
	atexit(remove_files);
}

/* Every directory above is the root: from there up is outside. */
static bool is_inside(int fd)
{
	char link[64], path[PATH_MAX];
	_cleanup_free_ char *root = str_format("%s/root", top);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	FUZZ_CHECK(n > 0 && root);
	path[n] = '\0';
	return streq(path, root) || (str_after(path, root) && path[strlen(root)] == '/');
}

static void check_open(const char *path, int flags)
{
	_cleanup_close_ int walked = -1, kernel = -1;
	_cleanup_free_ char *resolved = NULL;
	struct stat a, b;

	walked = path_open_walk(root_fd, path, O_PATH | flags, &resolved);
	kernel = path_open_kernel(root_fd, path, O_PATH | flags);
	if (walked >= 0) {
		FUZZ_CHECK(is_inside(walked) && fstat(walked, &a) == 0);
		FUZZ_CHECK(a.st_dev == secret_device && a.st_ino != secret_inode);
		FUZZ_CHECK(resolved && resolved[0] != '/' && !strstr(resolved, ".."));
	}
	FUZZ_CHECK((walked >= 0) == (resolved != NULL));
	if (kernel == -ENOSYS || kernel == -EPERM || kernel == -EAGAIN)
		return;
	/* The walk stops at 64 directories, the kernel at the length of the path. */
	if (walked == -ENAMETOOLONG || kernel == -ENAMETOOLONG)
		return;
	FUZZ_CHECK((walked >= 0) == (kernel >= 0));
	if (walked >= 0) {
		FUZZ_CHECK(fstat(kernel, &b) == 0);
		FUZZ_CHECK(a.st_dev == b.st_dev && a.st_ino == b.st_ino);
	}
}

/* The same through the table of operations. */
static void check_host(const char *path)
{
	_cleanup_free_ char *root = str_format("%s/root", top), *resolved = NULL;
	_cleanup_strv_ struct strv names = {0};
	struct host *h;
	char buf[64];
	uint64_t number;
	const char *data;
	size_t size;
	host_dir dir;

	FUZZ_CHECK(root && host_root_new(root, &h, NULL) == 0);
	if (h->ops->read(h, -1, path, buf, sizeof(buf)) >= 0)
		FUZZ_CHECK(streq(buf, "d/e/file"));
	(void)h->ops->readlink(h, -1, path, buf, sizeof(buf));
	(void)!h->ops->list(h, -1, path, &names);
	(void)!h->ops->resolve(h, path, &resolved);
	(void)!h->ops->incarnation(h, -1, path, &number);
	if (h->ops->map(h, path, &data, &size) >= 0) {
		FUZZ_CHECK(streq(data, "d/e/file"));
		h->ops->unmap(h, data, size);
	}
	dir = h->ops->dir_open(h, path);
	for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(links); i++)
		if (h->ops->read(h, dir, links[i], buf, sizeof(buf)) >= 0)
			FUZZ_CHECK(streq(buf, "d/e/file"));
	h->ops->dir_close(h, dir);
	host_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = '\0'};
	const uint8_t *part;
	size_t len;

	make_files();
	remove_links();
	for (size_t i = 0; i < PARTS && fuzz_next_part(&parts, &part, &len); i++) {
		_cleanup_free_ char *text = fuzz_string(part, len);

		if (i < ARRAY_SIZE(links) && !parts.done) {
			if (*text)
				(void)!symlinkat(text, root_fd, links[i]);
			continue;
		}
		check_open(text, 0);
		check_open(text, O_NOFOLLOW);
		check_host(text);
		break;
	}
	return 0;
}
