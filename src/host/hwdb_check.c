/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "host/names.h"

/* The head of hwdb.bin; all numbers are little-endian. */
struct hwdb_head {
	uint8_t signature[8];
	uint64_t tool_version, file_size, header_size;
	uint64_t node_size, child_size, value_size;
	uint64_t root;
};

struct hwdb_node {
	uint64_t prefix;
	uint8_t n_children;
	uint8_t padding[7];
	uint64_t n_values;
};

struct hwdb_child {
	uint8_t c;
	uint8_t padding[7];
	uint64_t node;
};

struct hwdb_value {
	uint64_t key, value;
};

enum {
	HWDB_ENTRY_MAX = 256, /* entries may grow, but not without end */
	HWDB_DEPTH_MAX = 512, /* the lookup recurses as deep as the tree */
};

struct hwdb {
	const char *data;
	size_t size;
	uint64_t node_size, child_size, value_size;
	size_t visits_left; /* a tree that runs in circles has more nodes than room */
};

static bool string_ok(const struct hwdb *db, uint64_t offset)
{
	/* The last byte is NUL, so whatever starts inside ends inside. */
	return le64toh(offset) < db->size;
}

static bool values_ok(const struct hwdb *db, const char *at, uint64_t n)
{
	struct hwdb_value value;

	for (; n; n--, at += db->value_size) {
		memcpy(&value, at, sizeof(value));
		if (!string_ok(db, value.key) || !string_ok(db, value.value))
			return false;
	}
	return true;
}

static bool node_ok(struct hwdb *db, uint64_t offset, unsigned depth)
{
	struct hwdb_node node;
	struct hwdb_child child;
	uint64_t n_values, room;
	const char *at;

	if (depth > HWDB_DEPTH_MAX || !db->visits_left--)
		return false;
	if (offset > db->size || db->size - offset < db->node_size)
		return false;
	memcpy(&node, db->data + offset, sizeof(node));
	n_values = le64toh(node.n_values);
	room = db->size - offset - db->node_size;
	if (room < node.n_children * db->child_size)
		return false;
	room -= node.n_children * db->child_size;
	if (n_values > room / db->value_size || (node.prefix && !string_ok(db, node.prefix)))
		return false;
	at = db->data + offset + db->node_size;
	if (!values_ok(db, at + node.n_children * db->child_size, n_values))
		return false;
	for (unsigned i = 0; i < node.n_children; i++, at += db->child_size) {
		memcpy(&child, at, sizeof(child));
		if (!node_ok(db, le64toh(child.node), depth + 1))
			return false;
	}
	return true;
}

static bool entry_size_ok(uint64_t size, size_t least)
{
	return size >= least && size <= HWDB_ENTRY_MAX && size % 8 == 0;
}

bool hwdb_check(const char *data, size_t size)
{
	struct hwdb_head head;
	struct hwdb db = { .data = data, .size = size };

	/* Two more numbers, the sizes of the parts, end the head of every version. */
	if (size < sizeof(head) + 16 || data[size - 1] != '\0')
		return false;
	memcpy(&head, data, sizeof(head));
	if (memcmp(head.signature, "KSLPHHRH", 8) != 0 || le64toh(head.file_size) != size)
		return false;
	db.node_size = le64toh(head.node_size);
	db.child_size = le64toh(head.child_size);
	db.value_size = le64toh(head.value_size);
	if (!entry_size_ok(db.node_size, sizeof(struct hwdb_node)) ||
	    !entry_size_ok(db.child_size, sizeof(struct hwdb_child)) ||
	    !entry_size_ok(db.value_size, sizeof(struct hwdb_value)))
		return false;
	db.visits_left = size / db.node_size;
	return node_ok(&db, le64toh(head.root), 0);
}
