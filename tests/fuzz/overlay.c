/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "overlay.h"

enum { NAME_LONGEST = 255, DEPTH_MOST = 64 };

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a, folded to three bytes */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return (h >> 24 ^ h) & 0xffffff;
}

/* ---- which paths there are ---- */

/* "a//b/." is "a/b"; false: a path with ".." has another name, and the root none. */
static bool plain_path(const char *path, char *out)
{
	char *begin = out;
	unsigned depth = 0;

	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len > NAME_LONGEST || (len == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (len && !(len == 1 && path[0] == '.')) {
			if (out != begin)
				*out++ = '/';
			memcpy(out, path, len);
			out += len;
			depth++;
		}
		path += len;
	}
	*out = '\0';
	return out != begin && depth < DEPTH_MOST;
}

void overlay_learn(const char *path, void *userdata)
{
	struct overlay_base *base = userdata;
	_cleanup_free_ char *plain = malloc(strlen(path) + 1);

	FUZZ_CHECK(plain);
	if (!plain_path(path, plain))
		return;
	if (base->n_paths == base->room) {
		base->room = base->room ? base->room * 2 : 1024;
		base->paths = reallocarray(base->paths, base->room, sizeof(*base->paths));
		FUZZ_CHECK(base->paths);
	}
	base->paths[base->n_paths++] = (struct path){hash_of(plain), plain};
	plain = NULL;
}

static int compare_paths(const void *x, const void *y)
{
	const struct path *a = x, *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return strcmp(a->name, b->name);
}

void overlay_learned(struct overlay_base *base)
{
	size_t n = 0;

	FUZZ_CHECK(base->n_paths);
	qsort(base->paths, base->n_paths, sizeof(*base->paths), compare_paths);
	for (size_t i = 0; i < base->n_paths; i++) {
		if (n && streq(base->paths[n - 1].name, base->paths[i].name))
			free(base->paths[i].name);
		else
			base->paths[n++] = base->paths[i];
	}
	base->n_paths = n;
}

/* The path with this hash, else the next one. */
static const char *path_by_hash(const struct overlay_base *base, const uint8_t id[3])
{
	uint32_t hash = (uint32_t)id[0] << 16 | (uint32_t)id[1] << 8 | id[2];
	size_t low = 0, high = base->n_paths;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (base->paths[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return base->paths[low == base->n_paths ? 0 : low].name;
}

/* ---- changes, and how to take them back ---- */

struct undo {
	struct undo *next;
	struct node *
		dir; /* where something has come, gone or been replaced; NULL: content is another */
	char *name;
	struct node *before; /* detached; NULL: there was none */
	struct node *file;
	char *data;
	size_t size;
	unsigned minor;
};

static struct undo *add_undo(struct overlay_base *base)
{
	struct undo *u = calloc(1, sizeof(*u));

	FUZZ_CHECK(u);
	u->next = base->undo;
	base->undo = u;
	return u;
}

/* What the path will change is its first name that is not a directory yet, or its last one. */
static void clear_the_way(struct overlay_base *base, const char *path)
{
	struct node *dir = base->tree.root, *n;
	struct undo *u;
	size_t len;

	for (;;) {
		_cleanup_free_ char *name = NULL;

		len = strcspn(path, "/");
		name = strndup(path, len);
		FUZZ_CHECK(name);
		n = path[len] ? tree_lookup(&base->tree, dir, name, true) : NULL;
		if (!n || n->type != NODE_DIR)
			break;
		dir = n;
		path += len + 1;
	}
	u = add_undo(base);
	u->dir = dir;
	u->name = strndup(path, len);
	FUZZ_CHECK(u->name);
	u->before = node_child(dir, u->name);
	if (u->before)
		node_detach(u->before);
}

static void keep_content(struct overlay_base *base, struct node *file)
{
	struct undo *u = add_undo(base);

	u->file = file;
	u->minor = file->minor;
	u->size = file->size;
	u->data = file->data ? fuzz_string((uint8_t *)file->data, file->size) : NULL;
}

static void undo_one(struct overlay_base *base, struct undo *u)
{
	if (u->dir) {
		tree_remove(&base->tree, node_child(u->dir, u->name));
		if (u->before)
			FUZZ_CHECK(node_attach(&base->tree, u->dir, u->before) == 0);
	} else {
		free(u->file->data);
		u->file->data = u->data;
		u->file->size = u->size;
		u->file->minor = u->minor;
	}
	free(u->name);
	free(u);
}

void overlay_undo(struct overlay_base *base)
{
	while (base->undo) {
		struct undo *u = base->undo;

		base->undo = u->next;
		undo_one(base, u);
	}
	tree_forget_removed(&base->tree);
}

/* A path stays within what a file system holds. */
static bool fits(const char *path)
{
	unsigned depth = 0;

	for (const char *p = path; (p = strchr(p, '/')); p++)
		depth++;
	return depth < DEPTH_MOST && strlen(path) < 1024;
}

static void put_file(struct overlay_base *base, const char *path, const uint8_t *data, size_t size)
{
	if (!fits(path))
		return;
	clear_the_way(base, path);
	(void)!tree_file(&base->tree, NULL, path, size ? (const char *)data : "", size);
}

static void put_link(struct overlay_base *base, const char *path, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target = fuzz_string(data, size);

	if (!*target || !fits(path))
		return;
	clear_the_way(base, path);
	(void)!tree_link(&base->tree, NULL, path, target);
}

static void put_directory(struct overlay_base *base, const char *path)
{
	if (!fits(path))
		return;
	clear_the_way(base, path);
	(void)!tree_mkdir(&base->tree, NULL, path);
}

/* A child of path, with the name that the payload begins with. */
static char *child_path(const char *path, const uint8_t **data, size_t *size)
{
	size_t len = strnlen((const char *)*data, *size);
	_cleanup_free_ char *name = fuzz_string(*data, len);

	*data += len;
	*size -= len;
	if (*size) {
		(*data)++;
		(*size)--;
	}
	if (!*name || len > NAME_LONGEST || strchr(name, '/') || streq(name, ".") ||
	    streq(name, ".."))
		return NULL;
	return str_format("%s/%s", path, name);
}

static void add(struct overlay_base *base, enum overlay_kind kind, const char *path,
		const uint8_t *data, size_t size)
{
	_cleanup_free_ char *child = child_path(path, &data, &size);

	if (!child)
		return;
	if (kind == OVERLAY_ADD_FILE)
		put_file(base, child, data, size);
	else if (kind == OVERLAY_ADD_LINK)
		put_link(base, child, data, size);
	else
		put_directory(base, child);
}

static void put_long(struct overlay_base *base, const char *path, const uint8_t *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	size_t want = (size_t)1 << (size ? data[0] % 18 : 0);

	while (size > 1 && text.len < want)
		strbuf_add(&text, (const char *)data + 1, size - 1);
	put_file(base, path, (const uint8_t *)text.s, text.len);
}

static void append(struct overlay_base *base, const char *path, const uint8_t *data, size_t size)
{
	struct node *n = tree_lookup(&base->tree, NULL, path, true);
	_cleanup_strbuf_ struct strbuf text = {0};

	if (!n || n->type != NODE_FILE || !size)
		return;
	keep_content(base, n);
	strbuf_add(&text, n->data, n->size);
	strbuf_add(&text, (const char *)data, size);
	FUZZ_CHECK(node_set(n, text.s, text.len) == 0);
}

static void put_copies(struct overlay_base *base, const char *path, const uint8_t *data,
		       size_t size)
{
	for (unsigned i = 0; size > 1 && i < data[0]; i++) {
		_cleanup_free_ char *child = str_format("%s/x%u", path, i);

		FUZZ_CHECK(child);
		put_link(base, child, data + 1, size - 1);
	}
}

static void link_to(struct overlay_base *base, const char *path, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target =
		size >= 3 ? str_format("/%s", path_by_hash(base, data)) : NULL;

	if (target)
		put_link(base, path, (const uint8_t *)target, strlen(target));
}

static void break_path(struct overlay_base *base, const char *path, const uint8_t *data,
		       size_t size)
{
	struct node *n = tree_lookup(&base->tree, NULL, path, false);

	/* Out of memory is another test's subject: it ends everything. */
	if (!n || !size || data[0] % 128 == ENOMEM)
		return;
	keep_content(base, n);
	memory_host_break(n, data[0] % 128);
}

static void change(struct overlay_base *base, const uint8_t *data, size_t size)
{
	const char *path = path_by_hash(base, data + 1);
	enum overlay_kind kind = data[0] % OVERLAY_KINDS;

	data += OVERLAY_HEAD;
	size -= OVERLAY_HEAD;
	switch (kind) {
	case OVERLAY_FILE:
		put_file(base, path, data, size);
		break;
	case OVERLAY_LINK:
		put_link(base, path, data, size);
		break;
	case OVERLAY_REMOVE:
		clear_the_way(base, path);
		break;
	case OVERLAY_DIRECTORY:
		put_directory(base, path);
		break;
	case OVERLAY_ADD_FILE:
	case OVERLAY_ADD_LINK:
	case OVERLAY_ADD_DIRECTORY:
		add(base, kind, path, data, size);
		break;
	case OVERLAY_BREAK:
		break_path(base, path, data, size);
		break;
	case OVERLAY_LONG:
		put_long(base, path, data, size);
		break;
	case OVERLAY_LINK_TO:
		link_to(base, path, data, size);
		break;
	case OVERLAY_APPEND:
		append(base, path, data, size);
		break;
	case OVERLAY_COPIES:
		put_copies(base, path, data, size);
		break;
	case OVERLAY_KINDS:
		break;
	}
}

void overlay_apply(struct overlay_base *base, const uint8_t *data, size_t size)
{
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = OVERLAY_SEPARATOR};
	const uint8_t *part;
	size_t len;

	while (fuzz_next_part(&parts, &part, &len))
		if (len >= OVERLAY_HEAD)
			change(base, part, len);
}

/* ---- for the search ---- */

size_t overlay_mutate(const struct overlay_base *base, uint8_t *data, size_t size, size_t room,
		      unsigned seed, size_t (*mutate)(uint8_t *data, size_t size, size_t room))
{
	const struct path *path = &base->paths[(seed >> 8) % base->n_paths];
	struct node *n = tree_lookup((struct tree *)&base->tree, NULL, path->name, false);
	bool link = n && n->type == NODE_LINK;
	size_t begin = size;

	if (room - size < 64)
		return 0;
	data[size++] = OVERLAY_SEPARATOR;
	data[size++] = link ? OVERLAY_LINK : (seed & 7) ? OVERLAY_FILE : (uint8_t)(seed >> 3);
	data[size++] = (uint8_t)(path->hash >> 16);
	data[size++] = (uint8_t)(path->hash >> 8);
	data[size++] = (uint8_t)path->hash;
	if (n && n->data && n->size && n->size < 2048 && n->size < room - size - 32) {
		memcpy(data + size, n->data, n->size);
		size += mutate(data + size, n->size, room - size);
	} else {
		size += mutate(data + size, 0, room - size > 64 ? 64 : room - size);
	}
	return size > room ? begin : size;
}
