/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "host/hwdb.h"

/*
 * The file: a head, then the nodes of a trie over the patterns, then strings. A node is followed by its
 * children (sorted by their character) and then its values. All numbers are little-endian; entries may be
 * larger than what is known of them.
 */
struct head {
	uint8_t signature[8];
	uint64_t tool_version, file_size, head_size;
	uint64_t node_size, child_size, value_size;
	uint64_t root, nodes_size, strings_size;
};

struct node {
	uint64_t prefix; /* characters that follow before the children branch; 0: none */
	uint8_t n_children;
	uint8_t padding[7];
	uint64_t n_values;
};

struct child {
	uint8_t c;
	uint8_t padding[7];
	uint64_t node;
};

struct value {
	uint64_t key, value;
};

/* The longer form of a value, written since systemd 234. */
struct value_origin {
	struct value value;
	uint64_t file;
	uint32_t line;
	uint16_t file_priority;
	uint16_t padding;
};

enum {
	ENTRY_MAX = 256,
	DEPTH_MAX = 256,    /* longer than any pattern */
	STEPS_MAX = 100000, /* a lookup takes some hundred; a trie made to trap takes for ever */
};

struct search {
	const struct hwdb *db;
	struct hwdb_property *properties;
	size_t n;
	unsigned steps, depth;
};

static bool entry_size_ok(uint64_t size, size_t least)
{
	return size >= least && size <= ENTRY_MAX;
}

int hwdb_open(const char *data, size_t size, struct hwdb *ret)
{
	struct hwdb db;
	struct head head;

	/* The last byte is NUL: whatever string starts inside ends inside. */
	if (size < sizeof(head) || data[size - 1] != '\0')
		return -EBADMSG;
	memcpy(&head, data, sizeof(head));
	if (memcmp(head.signature, "KSLPHHRH", sizeof(head.signature)) != 0 ||
	    le64toh(head.file_size) != size)
		return -EBADMSG;
	db = (struct hwdb){
		.data = data,
		.size = size,
		.node_size = le64toh(head.node_size),
		.child_size = le64toh(head.child_size),
		.value_size = le64toh(head.value_size),
		.root = le64toh(head.root),
	};
	if (!entry_size_ok(db.node_size, sizeof(struct node)) ||
	    !entry_size_ok(db.child_size, sizeof(struct child)) ||
	    !entry_size_ok(db.value_size, sizeof(struct value)))
		return -EBADMSG;
	*ret = db;
	return 0;
}

static const char *string_at(const struct hwdb *db, uint64_t offset)
{
	return offset < db->size ? db->data + offset : NULL;
}

/* Where entry i of a table lies, NULL: outside. */
static const char *entry_at(const struct hwdb *db, uint64_t table, uint64_t i, uint64_t entry_size)
{
	if (table > db->size || (db->size - table) / entry_size <= i)
		return NULL;
	return db->data + table + i * entry_size;
}

static void take_value(struct search *s, const char *entry)
{
	struct value_origin v = {0};
	uint64_t priority = 0;
	const char *key, *value;

	memcpy(&v, entry, s->db->value_size >= sizeof(v) ? sizeof(v) : sizeof(v.value));
	priority = (uint64_t)le16toh(v.file_priority) << 32 | le32toh(v.line);
	key = string_at(s->db, le64toh(v.value.key));
	value = string_at(s->db, le64toh(v.value.value));
	if (!key || !value)
		return;
	/* Keys start with a blank, which tells properties from other things a rule may hold. */
	if (*key++ != ' ')
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct hwdb_property *p = &s->properties[i];

		if (strcmp(p->key, key) == 0 && (!p->value || priority >= p->priority)) {
			p->value = value;
			p->priority = priority;
		}
	}
}

static void search_node(struct search *s, uint64_t offset, const char *text);

static void search_children(struct search *s, const struct node *node, uint64_t table,
			    const char *text)
{
	for (unsigned i = 0; i < node->n_children; i++) {
		const char *entry = entry_at(s->db, table, i, s->db->child_size);
		struct child child;

		/* Children that lead nowhere cost time as well. */
		if (!entry || ++s->steps > STEPS_MAX)
			return;
		memcpy(&child, entry, sizeof(child));
		if (child.c == '*')
			for (const char *t = text; s->steps <= STEPS_MAX; t++) {
				s->steps++;
				search_node(s, le64toh(child.node), t);
				if (!*t)
					break;
			}
		else if (*text && (child.c == '?' || child.c == (uint8_t)*text))
			search_node(s, le64toh(child.node), text + 1);
	}
}

/* What lies behind the prefix of a node: its values when the text ends here, and its children. */
static void search_behind(struct search *s, const struct node *node, uint64_t offset,
			  const char *text)
{
	uint64_t children = offset + s->db->node_size;
	uint64_t values = children + node->n_children * s->db->child_size;

	for (uint64_t i = 0; !*text && i < le64toh(node->n_values); i++) {
		const char *entry = entry_at(s->db, values, i, s->db->value_size);

		if (!entry || ++s->steps > STEPS_MAX)
			break;
		take_value(s, entry);
	}
	search_children(s, node, children, text);
}

static void search_prefix(struct search *s, const struct node *node, uint64_t offset,
			  const char *prefix, const char *text);

static void search_star(struct search *s, const struct node *node, uint64_t offset,
			const char *prefix, const char *text)
{
	if (s->depth >= DEPTH_MAX)
		return;
	s->depth++;
	for (;; text++) {
		search_prefix(s, node, offset, prefix, text);
		if (!*text)
			break;
	}
	s->depth--;
}

static void search_prefix(struct search *s, const struct node *node, uint64_t offset,
			  const char *prefix, const char *text)
{
	for (; *prefix; prefix++, text++) {
		if (++s->steps > STEPS_MAX)
			return;
		if (*prefix == '*') {
			search_star(s, node, offset, prefix + 1, text);
			return;
		}
		if (!*text || *prefix == '[' || (*prefix != '?' && *prefix != *text))
			return;
	}
	search_behind(s, node, offset, text);
}

static void search_node(struct search *s, uint64_t offset, const char *text)
{
	const char *entry = entry_at(s->db, offset, 0, s->db->node_size), *prefix = "";
	struct node node;

	if (!entry || ++s->steps > STEPS_MAX || s->depth >= DEPTH_MAX)
		return;
	memcpy(&node, entry, sizeof(node));
	if (node.prefix)
		prefix = string_at(s->db, le64toh(node.prefix));
	if (!prefix)
		return;
	s->depth++;
	search_prefix(s, &node, offset, prefix, text);
	s->depth--;
}

void hwdb_lookup(const struct hwdb *db, const char *text, struct hwdb_property *properties,
		 size_t n)
{
	struct search s = {.db = db, .properties = properties, .n = n};

	for (size_t i = 0; i < n; i++) {
		properties[i].value = NULL;
		properties[i].priority = 0;
	}
	search_node(&s, db->root, text);
}
