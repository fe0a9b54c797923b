/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <string.h>

#include "fuzz.h"
#include "memory_host.h"

static struct memory_host *memory_of(struct host *h)
{
	return (struct memory_host *)h;
}

/* The number of a file that is no device is free for this. */
void memory_host_break(struct node *n, int error)
{
	if (n->type == NODE_FILE || n->type == NODE_DIR)
		n->minor = (unsigned)error;
}

static void report(struct memory_host *m, struct node *start, const char *name)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;

	if (!m->touched)
		return;
	dir = start ? node_path(start) : strdup("");
	path = dir ? str_format("%s%s%s", dir, *dir ? "/" : "", name) : NULL;
	FUZZ_CHECK(path);
	m->touched(path, m->userdata);
}

static int look(struct memory_host *m, host_dir dir, const char *name, bool follow,
		struct node **ret)
{
	struct node *start = NULL;

	if (dir >= 0) {
		/* An observer that uses a directory it has closed is broken. */
		FUZZ_CHECK((size_t)dir < m->n_dirs && m->dirs[dir]);
		start = m->dirs[dir];
	}
	report(m, start, name);
	*ret = tree_lookup(m->tree, start, name, follow);
	if (!*ret)
		return -ENOENT;
	return (*ret)->type == NODE_FILE || (*ret)->type == NODE_DIR ? -(int)(*ret)->minor : 0;
}

static host_dir memory_dir_open(struct host *h, const char *path)
{
	struct memory_host *m = memory_of(h);
	struct node **grown, *n;
	size_t i = 0;
	int r = look(m, -1, path, true, &n);

	if (r < 0)
		return r;
	if (n->type != NODE_DIR)
		return -ENOTDIR;
	while (i < m->n_dirs && m->dirs[i])
		i++;
	if (i == m->n_dirs) {
		grown = reallocarray(m->dirs, i + 1, sizeof(struct node *));
		FUZZ_CHECK(grown);
		m->dirs = grown;
		m->n_dirs++;
	}
	m->dirs[i] = n;
	return (host_dir)i;
}

static void memory_dir_close(struct host *h, host_dir dir)
{
	struct memory_host *m = memory_of(h);

	if (dir < 0)
		return;
	FUZZ_CHECK((size_t)dir < m->n_dirs && m->dirs[dir]);
	m->dirs[dir] = NULL;
}

static ssize_t copy_out(const struct node *n, char *buf, size_t size, int too_long)
{
	if (n->size >= size)
		return too_long;
	memcpy(buf, n->data, n->size);
	buf[n->size] = '\0';
	return (ssize_t)n->size;
}

static ssize_t memory_read(struct host *h, host_dir dir, const char *name, char *buf, size_t size)
{
	struct node *n;
	int r = look(memory_of(h), dir, name, true, &n);

	if (r < 0)
		return r;
	if (n->type != NODE_FILE)
		return n->type == NODE_DIR ? -EISDIR : -EINVAL;
	return n->write_only ? -EACCES : copy_out(n, buf, size, -EFBIG);
}

static ssize_t memory_readlink(struct host *h, host_dir dir, const char *name, char *buf,
			       size_t size)
{
	struct node *n;
	int r = look(memory_of(h), dir, name, false, &n);

	if (r < 0)
		return r;
	/* The file system never hands out an empty one. */
	if (n->type != NODE_LINK || !n->size)
		return -EINVAL;
	return copy_out(n, buf, size, -ENAMETOOLONG);
}

static int memory_list(struct host *h, host_dir dir, const char *name, struct strv *ret)
{
	struct strv names = {0};
	struct node *n;
	int r = look(memory_of(h), dir, name, true, &n);

	if (r < 0)
		return r;
	if (n->type != NODE_DIR)
		return -ENOTDIR;
	/* Backwards: no file system promises an order. */
	for (size_t i = n->n; i-- > 0;)
		FUZZ_CHECK(strv_add(&names, n->children[i]->name) == 0);
	*ret = names;
	return 0;
}

static int memory_resolve(struct host *h, const char *path, char **ret)
{
	struct node *n;
	int r = look(memory_of(h), -1, path, true, &n);

	if (r < 0)
		return r;
	*ret = node_path(n);
	return *ret ? 0 : -ENOMEM;
}

static int memory_incarnation(struct host *h, host_dir dir, const char *name, uint64_t *ret)
{
	struct node *n;
	int r = look(memory_of(h), dir, name, true, &n);

	if (r == 0)
		*ret = n->ino;
	return r;
}

static int memory_map(struct host *h, const char *path, const char **ret, size_t *ret_size)
{
	struct node *n;
	int r = look(memory_of(h), -1, path, true, &n);

	if (r < 0)
		return r;
	if (n->type != NODE_FILE)
		return n->type == NODE_DIR ? -EISDIR : -EINVAL;
	*ret = fuzz_string((uint8_t *)n->data, n->size);
	*ret_size = n->size;
	return 0;
}

static void memory_unmap(struct host *h, const char *data, size_t size)
{
	(void)h;
	FUZZ_CHECK(data[size] == '\0');
	free((void *)(uintptr_t)data);
}

static int memory_device_number(struct host *h, const char *path, bool *ret_block,
				unsigned *ret_major, unsigned *ret_minor)
{
	struct node *n;
	int r = look(memory_of(h), -1, path, true, &n);

	if (r < 0)
		return r;
	if (n->type != NODE_CHAR && n->type != NODE_BLOCK)
		return -ENOTBLK;
	*ret_block = n->type == NODE_BLOCK;
	*ret_major = n->major;
	*ret_minor = n->minor;
	return 0;
}

static bool memory_is_ours(struct host *h, pid_t pid)
{
	(void)h;
	return pid == 2;
}

/* ---- what it never does ---- */

static int memory_write(struct host *h, const char *claim, const char *path, const char *data,
			size_t size)
{
	(void)h;
	(void)claim;
	(void)path;
	(void)data;
	(void)size;
	FUZZ_CHECK(!"something was written");
	return -EROFS;
}

static int memory_load_module(struct host *h, const char *module, const char *options)
{
	(void)h;
	(void)module;
	(void)options;
	FUZZ_CHECK(!"a module was loaded");
	return -EROFS;
}

/* ---- answers ---- */

static ssize_t memory_read_locked(struct host *h, const char *path, char *buf, size_t size)
{
	return memory_read(h, -1, path, buf, size);
}

static int answer_lines(struct host *h, const char *path, struct strv *ret)
{
	struct strv lines = {0};
	struct node *n;
	int r = look(memory_of(h), -1, path, true, &n);
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (r < 0 || n->type != NODE_FILE)
		return r == -ENOENT || r == 0 ? -EOPNOTSUPP : r;
	text = fuzz_string((uint8_t *)n->data, n->size);
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			FUZZ_CHECK(strv_add(&lines, line) == 0);
	*ret = lines;
	return 0;
}

static int memory_net_links(struct host *h, const char *netns, struct strv *ret)
{
	return answer_lines(h, netns ? "answers/links-elsewhere" : "answers/links", ret);
}

static int memory_route_to(struct host *h, const char *destination, const char *from,
			   char *ret_interfaces, size_t size)
{
	ssize_t n = host_read_text(h, -1, "answers/route", ret_interfaces, size);

	(void)destination;
	(void)from;
	return n == -ENOENT ? -EOPNOTSUPP : n < 0 ? (int)n : 0;
}

static int memory_smc_devices(struct host *h, struct strv *ret)
{
	return answer_lines(h, "answers/smc", ret);
}

static int memory_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6])
{
	char bytes[7];
	ssize_t n = memory_read(h, -1, "answers/mac", bytes, sizeof(bytes));

	(void)interface;
	if (n != 6)
		return -EOPNOTSUPP;
	memcpy(ret_mac, bytes, 6);
	return 0;
}

static int memory_log_position(struct host *h, uint64_t *ret_position)
{
	(void)h;
	(void)ret_position;
	return -EOPNOTSUPP;
}

static int memory_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret)
{
	(void)position;
	(void)needle;
	return answer_lines(h, "answers/log", ret);
}

static void memory_free(struct host *h)
{
	struct memory_host *m = memory_of(h);

	for (size_t i = 0; i < m->n_dirs; i++)
		FUZZ_CHECK(!m->dirs[i]); /* left open */
	free(m->dirs);
	if (m->tree == &m->own)
		tree_clear(m->tree);
	free(m);
}

static const struct host_ops memory_ops = {
	.name = "memory",
	.dir_open = memory_dir_open,
	.dir_close = memory_dir_close,
	.read = memory_read,
	.readlink = memory_readlink,
	.list = memory_list,
	.resolve = memory_resolve,
	.incarnation = memory_incarnation,
	.map = memory_map,
	.unmap = memory_unmap,
	.device_number = memory_device_number,
	.is_ours = memory_is_ours,
	.write = memory_write,
	.read_locked = memory_read_locked,
	.load_module = memory_load_module,
	.net_links = memory_net_links,
	.route_to = memory_route_to,
	.smc_devices = memory_smc_devices,
	.permanent_mac = memory_permanent_mac,
	.log_position = memory_log_position,
	.log_lines = memory_log_lines,
	.free = memory_free,
};

struct memory_host *memory_host_new(struct tree *tree)
{
	struct memory_host *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->host = (struct host){
		.ops = &memory_ops, .cancel_fd = -1, .timeout_ms = 1000, .display_root = ""};
	m->tree = tree ? tree : &m->own;
	if (!tree && tree_init(m->tree) < 0) {
		free(m);
		return NULL;
	}
	return m;
}
