/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing declared state: a power cut at any step leaves the old or the new file. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/ini.h"
#include "store/declared_private.h"

enum { GENERATED_MAX = 4 * 1024 * 1024 };

static int file_name_of(const char *name, char buf[NAME_MAX + 1])
{
	if (!declaration_name_valid(name))
		return -EINVAL;
	snprintf(buf, NAME_MAX + 1, "%s%s", name, DECLARED_SUFFIX);
	return 0;
}

int declared_text(const char *root, const char *name, char **ret)
{
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *text = NULL;
	char file[NAME_MAX + 1];
	size_t size = 0;
	int r = file_name_of(name, file);

	if (r < 0)
		return r;
	dir = declared_open_below(root, DECLARED_ETC, DECLARED_TRUSTED);
	r = dir < 0 ? dir : file_read_trusted(dir, file, INI_FILE_MAX, &text, &size);
	if (r == -ENOENT || (r == -ELOOP && declared_is_masking_link(dir, file)) || (r == 0 && !size)) {
		*ret = NULL;
		return 0;
	}
	if (r == 0 && strlen(text) != size)
		r = -EBADMSG;
	if (r == 0)
		*ret = TAKE_PTR(text);
	return r;
}

static int on_leftover(void *userdata, const char *name)
{
	static const char suffix[] = DECLARED_SUFFIX ".new";
	size_t n = strlen(name);

	if (*name == '.' && n >= strlen(suffix) && streq(name + n - strlen(suffix), suffix))
		unlinkat(*(int *)userdata, name, 0);
	return 0;
}

int declared_write(const char *root, const char *name, const char *text)
{
	_cleanup_close_ int dir = -1;
	char file[NAME_MAX + 1];
	int r = file_name_of(name, file);

	if (r < 0)
		return r;
	if (text && strlen(text) > INI_FILE_MAX)
		return -EFBIG;
	dir = declared_open_below(root, DECLARED_ETC, text ? DECLARED_MAKE : DECLARED_TRUSTED);
	if (dir < 0)
		return dir == -ENOENT && !text ? 0 : dir;
	r = file_list(dir, on_leftover, &dir);
	if (r < 0)
		return r;
	return text ? file_replace(dir, file, text, strlen(text)) : file_remove(dir, file);
}

int declared_generated_text(const char *root, const char *path, char **ret)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0), *text = NULL;
	_cleanup_close_ int dir = -1;
	size_t size = 0;
	int r;

	if (!parent)
		return -ENOMEM;
	dir = declared_open_below(root, parent, DECLARED_TRUSTED);
	r = dir < 0 ? dir : file_read_trusted(dir, slash ? slash + 1 : path, GENERATED_MAX, &text, &size);
	if (r == 0 && strlen(text) != size)
		r = -EBADMSG;
	if (r == 0)
		*ret = TAKE_PTR(text);
	else if (r == -ENOENT)
		*ret = NULL;
	return r == -ENOENT ? 0 : r;
}

/* 1, 0 or a negative errno. What is no plain file, or too large to be ours, is another content. */
static int same_content(int dir, const char *name, const char *content)
{
	_cleanup_free_ char *now = NULL;
	size_t size = 0;
	int r = file_read_all(dir, name, GENERATED_MAX, &now, &size);

	if (r == -ENOENT)
		return !content;
	if (r == -ENOMEM)
		return r;
	return r == 0 && content && size == strlen(content) && memcmp(now, content, size) == 0;
}

bool declared_is_mask(const char *root, const char *name)
{
	_cleanup_close_ int dir = -1;
	char file[NAME_MAX + 1];
	struct stat st;

	if (file_name_of(name, file) < 0)
		return false;
	dir = declared_open_below(root, DECLARED_ETC, DECLARED_TRUSTED);
	if (dir < 0 || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return (S_ISREG(st.st_mode) && !st.st_size) || declared_is_masking_link(dir, file);
}

int declared_hides(const char *root, const char *name)
{
	static const char *const behind[] = { "run/vfioadm.d", "usr/lib/vfioadm.d" };
	char file[NAME_MAX + 1];

	if (file_name_of(name, file) < 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		_cleanup_close_ int dir = declared_open_below(root, behind[i], DECLARED_ANY);

		if (dir == -ENOMEM)
			return dir;
		if (dir >= 0 && faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return 1;
	}
	return 0;
}

int declared_same_generated(const char *root, const char *path, const char *content)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_close_ int dir = -1;

	if (!parent)
		return -ENOMEM;
	dir = declared_open_below(root, parent, DECLARED_TRUSTED);
	if (dir == -ENOENT)
		return !content;
	return dir < 0 ? dir : same_content(dir, slash ? slash + 1 : path, content);
}

int declared_write_generated(const char *root, const char *path, const char *content, bool *ret_changed)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0), *left = NULL;
	_cleanup_close_ int dir = -1;
	int same;

	left = str_format(".%s.new", name);
	if (!parent || !left)
		return -ENOMEM;
	if (!*parent || !*name || streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	dir = declared_open_below(root, parent, content ? DECLARED_MAKE : DECLARED_TRUSTED);
	if (dir == -ENOENT && !content)
		same = 1;
	else
		same = dir < 0 ? dir : same_content(dir, name, content);
	if (same == 0) {
		int r = content ? file_replace(dir, name, content, strlen(content)) : file_remove(dir, name);

		/* Where only the directory could not be synced the file is the new one. */
		if (r < 0 && ret_changed)
			*ret_changed = same_content(dir, name, content) == 1;
		if (r < 0)
			return r;
	}
	if (same < 0)
		return same;
	/* Of a writer that was killed. */
	if (dir >= 0)
		unlinkat(dir, left, 0);
	if (ret_changed)
		*ret_changed = !same;
	return 0;
}
