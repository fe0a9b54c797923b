/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads a captured root, as a directory tree or as one archive file (tests/roots/format.md). */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tree.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Undoes \\ \n \t \xNN in place; returns the new length or -EINVAL. */
static ssize_t unescape(char *s, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '\\') {
			s[out++] = s[i];
			continue;
		}
		if (++i >= len)
			return -EINVAL;
		switch (s[i]) {
		case '\\':
			s[out++] = '\\';
			break;
		case 'n':
			s[out++] = '\n';
			break;
		case 't':
			s[out++] = '\t';
			break;
		case 'x':
			if (i + 2 >= len)
				return -EINVAL;
			high = hex_digit(s[i + 1]);
			low = hex_digit(s[i + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			s[out++] = (char)(high << 4 | low);
			i += 2;
			break;
		default:
			return -EINVAL;
		}
	}
	s[out] = '\0';
	return (ssize_t)out;
}

/* "86800d10 z12 ff": bytes in hex, zN is a run of N zero bytes. */
static int parse_binary(const char *s, struct strbuf *out)
{
	while (*s) {
		if (isspace((unsigned char)*s)) {
			s++;
		} else if (*s == 'z') {
			char *end;
			unsigned long n = strtoul(s + 1, &end, 10);

			if (end == s + 1 || n > 1 << 20)
				return -EINVAL;
			while (n--)
				strbuf_add(out, "", 1);
			s = end;
		} else {
			int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);
			char byte = (char)(high << 4 | low);

			if (low < 0)
				return -EINVAL;
			strbuf_add(out, &byte, 1);
			s += 2;
		}
	}
	return out->failed ? -ENOMEM : 0;
}

struct parser {
	struct tree *t;
	struct node *dir;  /* of the last "d" line */
	struct node *text; /* of the last "t" line, while its lines follow */
	struct strbuf lines;
};

static int end_text(struct parser *p)
{
	int r = 0;

	if (p->text)
		r = node_set(p->text, p->lines.s ? p->lines.s : "", p->lines.len);
	p->text = NULL;
	strbuf_clear(&p->lines);
	return r;
}

static int add_file(struct parser *p, const char *name, char *value, char kind)
{
	_cleanup_strbuf_ struct strbuf content = {0};
	struct node *n;
	int r;

	if (kind == 'x') {
		r = parse_binary(value, &content);
		if (r < 0)
			return r;
	} else {
		ssize_t len = unescape(value, strlen(value));

		if (len < 0)
			return -EINVAL;
		strbuf_add(&content, value, (size_t)len);
		if (kind == 'f')
			strbuf_add(&content, "\n", 1);
	}
	n = tree_file(p->t, p->dir, name, content.s ? content.s : "", content.len);
	if (!n)
		return -ENOMEM;
	n->write_only = kind == 'w';
	if (kind == 't')
		p->text = n;
	return 0;
}

static int add_device(struct parser *p, const char *name, const char *value, char kind)
{
	_cleanup_free_ char *dir = node_path(p->dir), *path = NULL;
	unsigned major, minor;

	if (!dir || sscanf(value, "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	path = str_format("%s/%s", dir, name);
	return path && tree_device(p->t, path, kind == 'b' ? NODE_BLOCK : NODE_CHAR, major, minor)
		       ? 0
		       : -ENOMEM;
}

static int parse_line(struct parser *p, char *line)
{
	char kind = line[0], *name, *value;
	int r;

	if (kind == '\t') {
		if (!p->text)
			return -EINVAL;
		strbuf_addf(&p->lines, "%s\n", line + 1);
		return p->lines.failed ? -ENOMEM : 0;
	}
	r = end_text(p);
	if (r < 0 || kind == '\0' || kind == '#')
		return r;
	if (line[1] != ' ')
		return -EINVAL;
	name = line + 2;
	value = name + strcspn(name, " ");
	if (*value)
		*value++ = '\0';
	if (unescape(name, strlen(name)) <= 0)
		return -EINVAL;
	switch (kind) {
	case 'd':
		p->dir = tree_mkdir(p->t, NULL, streq(name, ".") ? "" : name);
		return p->dir ? 0 : -EINVAL;
	case 'f':
	case 'F':
	case 't':
	case 'w':
	case 'x':
		return add_file(p, name, value, kind);
	case 'l':
		if (unescape(value, strlen(value)) <= 0)
			return -EINVAL;
		return tree_link(p->t, p->dir, name, value) ? 0 : -ENOMEM;
	case 'c':
	case 'b':
		return add_device(p, name, value, kind);
	default:
		return -EINVAL;
	}
}

int tree_load_text(struct tree *t, const char *text, size_t size, unsigned *ret_line)
{
	_cleanup_free_ char *copy = strndup(text, size);
	struct parser p = {.t = t, .dir = t->root};
	char *rest = copy, *line;
	unsigned n = 0;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		n++;
		r = parse_line(&p, line);
	}
	if (r == 0)
		r = end_text(&p);
	strbuf_clear(&p.lines);
	if (r == -EINVAL)
		*ret_line = n;
	return r;
}

static int read_all(int fd, struct strbuf *out)
{
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(out, buf, (size_t)n);
	if (n < 0)
		return -errno;
	return out->failed ? -ENOMEM : 0;
}

static int load_regular(struct tree *t, struct node *dir, int dirfd, const char *name, mode_t mode)
{
	_cleanup_strbuf_ struct strbuf content = {0};
	_cleanup_close_ int fd = -1;
	bool write_only = !(mode & 0444);
	struct node *n;
	int r;

	if (!write_only) {
		fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		r = read_all(fd, &content);
		if (r < 0)
			return r;
	}
	n = tree_file(t, dir, name, content.s ? content.s : "", content.len);
	if (!n)
		return -ENOMEM;
	n->write_only = write_only;
	return 0;
}

static int load_link(struct tree *t, struct node *dir, int dirfd, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return tree_link(t, dir, name, target) ? 0 : -ENOMEM;
}

static int load_dir(struct tree *t, struct node *dir, int fd);

static int load_entry(struct tree *t, struct node *dir, int dirfd, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		dir = tree_mkdir(t, dir, name);
		if (!dir) {
			close(fd);
			return -ENOMEM;
		}
		return load_dir(t, dir, fd);
	case S_IFLNK:
		return load_link(t, dir, dirfd, name);
	case S_IFREG:
		return load_regular(t, dir, dirfd, name, st.st_mode);
	case S_IFCHR:
	case S_IFBLK: {
		_cleanup_free_ char *base = node_path(dir), *path = NULL;

		path = base ? str_format("%s/%s", base, name) : NULL;
		return path && tree_device(t, path, S_ISBLK(st.st_mode) ? NODE_BLOCK : NODE_CHAR,
					   major(st.st_rdev), minor(st.st_rdev))
			       ? 0
			       : -ENOMEM;
	}
	default:
		return 0;
	}
}

/* Owns fd. */
static int load_dir(struct tree *t, struct node *dir, int fd)
{
	_cleanup_closedir_ DIR *d = fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		close(fd);
		return -errno;
	}
	while (r == 0 && (e = readdir(d)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = load_entry(t, dir, dirfd(d), e->d_name);
	return r;
}

int tree_load(struct tree *t, const char *path)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	unsigned line = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return load_dir(t, t->root, TAKE_FD(fd));
	r = read_all(fd, &text);
	if (r < 0)
		return r;
	r = tree_load_text(t, text.s ? text.s : "", text.len, &line);
	if (r == -EINVAL)
		fprintf(stderr, "%s:%u: not a line of a captured root\n", path, line);
	return r;
}
