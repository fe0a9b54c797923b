/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "tree.h"

enum { MAX_LINKS = 40 };

static struct node *node_new(struct tree *t, enum node_type type, const char *name, size_t len)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->type = type;
	n->name = strndup(name, len);
	n->ino = t->next_ino++;
	if (!n->name) {
		free(n);
		return NULL;
	}
	return n;
}

static void node_free(struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		node_free(n->children[i]);
	free(n->children);
	free(n->name);
	free(n->data);
	free(n);
}

int tree_init(struct tree *t)
{
	*t = (struct tree){.next_ino = 1};
	t->root = node_new(t, NODE_DIR, "", 0);
	return t->root ? 0 : -ENOMEM;
}

void tree_forget_removed(struct tree *t)
{
	while (t->graveyard) {
		struct node *n = t->graveyard;

		t->graveyard = n->next_dead;
		node_free(n);
	}
}

void tree_clear(struct tree *t)
{
	tree_forget_removed(t);
	if (t->root)
		node_free(t->root);
	*t = (struct tree){0};
}

/* Where name is, or would have to be. */
static size_t child_slot(const struct node *dir, const char *name, size_t len, bool *ret_found)
{
	size_t low = 0, high = dir->n;

	*ret_found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *have = dir->children[mid]->name;
		int c = strncmp(have, name, len);

		if (c == 0 && have[len])
			c = 1;
		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct node *child_n(const struct node *dir, const char *name, size_t len)
{
	bool found;
	size_t i = child_slot(dir, name, len, &found);

	return found ? dir->children[i] : NULL;
}

struct node *node_child(const struct node *dir, const char *name)
{
	return dir && dir->type == NODE_DIR ? child_n(dir, name, strlen(name)) : NULL;
}

static int insert_child(struct node *dir, struct node *n)
{
	bool found;
	size_t i = child_slot(dir, n->name, strlen(n->name), &found);

	if (found)
		return -EEXIST;
	if (dir->n == dir->room) {
		size_t room = dir->room ? dir->room * 2 : 8;
		struct node **grown = reallocarray(dir->children, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		dir->children = grown;
		dir->room = room;
	}
	memmove(dir->children + i + 1, dir->children + i, (dir->n - i) * sizeof(*dir->children));
	dir->children[i] = n;
	dir->n++;
	n->parent = dir;
	return 0;
}

static struct node *walk(struct tree *t, struct node *at, const char *path, bool follow,
			 unsigned *links)
{
	if (*path == '/')
		at = t->root;
	while (at) {
		size_t len;
		struct node *next;
		bool last;

		path += strspn(path, "/");
		if (!*path)
			return at;
		if (at->type != NODE_DIR || at->dead)
			return NULL;
		len = strcspn(path, "/");
		last = path[len + strspn(path + len, "/")] == '\0';
		if (len == 1 && path[0] == '.')
			next = at;
		else if (len == 2 && path[0] == '.' && path[1] == '.')
			next = at->parent ? at->parent : at;
		else
			next = child_n(at, path, len);
		path += len;
		if (next && next->type == NODE_LINK && (!last || follow)) {
			if (++*links > MAX_LINKS)
				return NULL;
			next = walk(t, at, next->data, true, links);
		}
		at = next;
	}
	return NULL;
}

struct node *tree_lookup(struct tree *t, struct node *start, const char *path, bool follow)
{
	unsigned links = 0;

	return walk(t, start ? start : t->root, path, follow, &links);
}

char *node_path(const struct node *node)
{
	char *s = strdup("");

	for (; s && node && node->parent; node = node->parent) {
		char *longer = str_format("%s%s%s", node->name, *s ? "/" : "", s);

		free(s);
		s = longer;
	}
	return s;
}

bool node_is_below(const struct node *node, const struct node *dir)
{
	for (; node; node = node->parent)
		if (node == dir)
			return true;
	return false;
}

static struct node *make(struct tree *t, struct node *dir, enum node_type type, const char *name,
			 size_t len)
{
	struct node *n = node_new(t, type, name, len);

	if (n && insert_child(dir, n) < 0) {
		node_free(n);
		return NULL;
	}
	return n;
}

struct node *tree_mkdir(struct tree *t, struct node *start, const char *path)
{
	struct node *at = start ? start : t->root;

	for (;;) {
		size_t len;
		struct node *next;

		path += strspn(path, "/");
		if (!*path)
			return at;
		len = strcspn(path, "/");
		next = child_n(at, path, len);
		if (next && next->type == NODE_LINK)
			next = tree_lookup(t, at, next->name, true);
		if (!next)
			next = make(t, at, NODE_DIR, path, len);
		if (!next || next->type != NODE_DIR)
			return NULL;
		at = next;
		path += len;
	}
}

/* The leaf of path, newly made; what had its name goes. */
static struct node *leaf(struct tree *t, struct node *start, const char *path, enum node_type type)
{
	const char *slash = strrchr(path, '/');
	struct node *dir = start ? start : t->root;

	if (slash) {
		_cleanup_free_ char *parent = strndup(path, (size_t)(slash - path));

		if (!parent)
			return NULL;
		dir = tree_mkdir(t, dir, parent);
		path = slash + 1;
	}
	if (!dir)
		return NULL;
	tree_remove(t, node_child(dir, path));
	return make(t, dir, type, path, strlen(path));
}

struct node *tree_file(struct tree *t, struct node *start, const char *path, const char *data,
		       size_t size)
{
	struct node *n = leaf(t, start, path, NODE_FILE);

	return n && node_set(n, data, size) == 0 ? n : NULL;
}

struct node *tree_link(struct tree *t, struct node *start, const char *path, const char *target)
{
	struct node *n = leaf(t, start, path, NODE_LINK);

	return n && node_set(n, target, strlen(target)) == 0 ? n : NULL;
}

struct node *tree_link_to(struct tree *t, struct node *dir, const char *name, const struct node *to)
{
	_cleanup_strbuf_ struct strbuf target = {0};
	_cleanup_free_ char *from = node_path(dir), *path = node_path(to);
	size_t common = 0;

	if (!from || !path)
		return NULL;
	for (size_t i = 0;; i++) {
		bool end_a = from[i] == '\0' || from[i] == '/',
		     end_b = path[i] == '\0' || path[i] == '/';

		if (end_a && end_b)
			common = i + (path[i] == '/');
		if (from[i] != path[i] || !from[i])
			break;
	}
	for (const char *p = from + (common < strlen(from) ? common : strlen(from)); *p;) {
		strbuf_addf(&target, "../");
		p += strcspn(p, "/");
		p += *p == '/';
	}
	strbuf_addf(&target, "%s", path + common);
	return target.failed ? NULL : tree_link(t, dir, name, target.s);
}

struct node *tree_device(struct tree *t, const char *path, enum node_type type, unsigned major,
			 unsigned minor)
{
	struct node *n = leaf(t, NULL, path, type);

	if (n) {
		n->major = major;
		n->minor = minor;
	}
	return n;
}

int node_set(struct node *file, const char *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	copy[size] = '\0';
	free(file->data);
	file->data = copy;
	file->size = size;
	return 0;
}

int node_printf(struct node *file, const char *fmt, ...)
{
	_cleanup_free_ char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s = NULL;
		return -ENOMEM;
	}
	return node_set(file, s, (size_t)n);
}

static void mark(struct tree *t, struct node *n, bool dead)
{
	n->dead = dead;
	if (!dead)
		n->ino = t->next_ino++;
	for (size_t i = 0; i < n->n; i++)
		mark(t, n->children[i], dead);
}

void node_detach(struct node *node)
{
	struct node *dir = node->parent;
	bool found;
	size_t i;

	if (dir) {
		i = child_slot(dir, node->name, strlen(node->name), &found);
		dir->n--;
		memmove(dir->children + i, dir->children + i + 1,
			(dir->n - i) * sizeof(*dir->children));
		node->parent = NULL;
	}
	mark(NULL, node, true);
}

int node_attach(struct tree *t, struct node *dir, struct node *node)
{
	int r = insert_child(dir, node);

	if (r == 0)
		mark(t, node, false);
	return r;
}

void tree_remove(struct tree *t, struct node *node)
{
	if (!node)
		return;
	node_detach(node);
	node->next_dead = t->graveyard;
	t->graveyard = node;
}

int node_rename(struct node *detached, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		return -ENOMEM;
	free(detached->name);
	detached->name = copy;
	return 0;
}
