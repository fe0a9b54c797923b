/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names from hwdb.bin, as systemd-hwdb writes it and as somebody may have twisted it. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "host/hwdb.h"
#include "tmp_tree.h"

/* ---- a writer of the format, as small as can be ---- */

struct writer {
	unsigned char data[8192];
	size_t used, strings; /* strings grow from their own start */
	size_t value_size;
};

enum { STRINGS_AT = 4096, HEAD_SIZE = 80 };

static void put64(struct writer *w, size_t at, uint64_t v)
{
	v = htole64(v);
	memcpy(w->data + at, &v, 8);
}

static uint64_t put_string(struct writer *w, const char *s)
{
	size_t at = w->strings;

	memcpy(w->data + at, s, strlen(s) + 1);
	w->strings += strlen(s) + 1;
	return at;
}

struct test_value {
	const char *key, *value;
	uint16_t priority;
	uint32_t line;
};

struct test_child {
	char c;
	uint64_t node;
};

static uint64_t put_node(struct writer *w, const char *prefix, const struct test_child *children,
			 unsigned n_children, const struct test_value *values, unsigned n_values)
{
	size_t at = w->used;

	put64(w, at, prefix ? put_string(w, prefix) : 0);
	w->data[at + 8] = (unsigned char)n_children;
	put64(w, at + 16, n_values);
	w->used += 24;
	for (unsigned i = 0; i < n_children; i++, w->used += 16) {
		w->data[w->used] = (unsigned char)children[i].c;
		put64(w, w->used + 8, children[i].node);
	}
	for (unsigned i = 0; i < n_values; i++, w->used += w->value_size) {
		put64(w, w->used, put_string(w, values[i].key));
		put64(w, w->used + 8, put_string(w, values[i].value));
		if (w->value_size >= 32) {
			uint32_t line = htole32(values[i].line);
			uint16_t priority = htole16(values[i].priority);

			memcpy(w->data + w->used + 24, &line, 4);
			memcpy(w->data + w->used + 28, &priority, 2);
		}
	}
	assert_true(w->used < STRINGS_AT && w->strings < sizeof(w->data));
	return at;
}

static size_t put_head(struct writer *w, uint64_t root)
{
	memcpy(w->data, "KSLPHHRH", 8);
	put64(w, 8, 252);
	put64(w, 16, w->strings);
	put64(w, 24, HEAD_SIZE);
	put64(w, 32, 24);
	put64(w, 40, 16);
	put64(w, 48, w->value_size);
	put64(w, 56, root);
	put64(w, 64, w->used - HEAD_SIZE);
	put64(w, 72, w->strings - STRINGS_AT);
	return w->strings;
}

#define VENDOR	 " ID_VENDOR_FROM_DATABASE"
#define MODEL	 " ID_MODEL_FROM_DATABASE"
#define SUBCLASS " ID_PCI_SUBCLASS_FROM_DATABASE"

/*
 * pci:v00001B36*                                      vendor
 * pci:v00001B36d00000010*                             model
 * pci:v00001B36d00000010sv00001AF4sd00001100*         model (card)
 * pci:v*d*sv*sd*bc01sc08*                             subclass
 * pci:v*d*sv*sd*bc01sc08i02*                          interface
 */
static size_t build(struct writer *w, size_t value_size)
{
	struct test_value v;
	struct test_child c[2];
	uint64_t card, model, vendor, any, root;

	memset(w, 0, sizeof(*w));
	w->used = HEAD_SIZE;
	w->strings = STRINGS_AT;
	w->value_size = value_size;
	v = (struct test_value){MODEL, "QEMU NVM Express Controller (QEMU Virtual Machine)", 1, 30};
	card = put_node(w, "v00001AF4sd00001100*", NULL, 0, &v, 1);
	v = (struct test_value){MODEL, "QEMU NVM Express Controller", 1, 20};
	c[0] = (struct test_child){'*', put_node(w, NULL, NULL, 0, &v, 1)};
	c[1] = (struct test_child){'s', card};
	model = put_node(w, "00000010", c, 2, NULL, 0);
	v = (struct test_value){VENDOR, "Red Hat, Inc.", 1, 10};
	c[0] = (struct test_child){'*', put_node(w, NULL, NULL, 0, &v, 1)};
	c[1] = (struct test_child){'d', model};
	vendor = put_node(w, "0001B36", c, 2, NULL, 0);
	v = (struct test_value){" ID_PCI_INTERFACE_FROM_DATABASE", "NVM Express", 1, 50};
	c[1] = (struct test_child){'i', put_node(w, "02*", NULL, 0, &v, 1)};
	v = (struct test_value){SUBCLASS, "Non-Volatile memory controller", 1, 40};
	c[0] = (struct test_child){'*', put_node(w, NULL, NULL, 0, &v, 1)};
	any = put_node(w, "d*sv*sd*bc01sc08", c, 2, NULL, 0);
	c[0] = (struct test_child){'*', any};
	c[1] = (struct test_child){'0', vendor};
	root = put_node(w, "pci:v", c, 2, NULL, 0);
	return put_head(w, root);
}

#define WHOLE "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"

static void look(const struct hwdb *db, const char *text, struct hwdb_property p[4])
{
	p[0].key = "ID_VENDOR_FROM_DATABASE";
	p[1].key = "ID_MODEL_FROM_DATABASE";
	p[2].key = "ID_PCI_SUBCLASS_FROM_DATABASE";
	p[3].key = "ID_PCI_INTERFACE_FROM_DATABASE";
	hwdb_lookup(db, text, p, 4);
}

static void test_lookup(void **state)
{
	static const size_t value_sizes[] = {16, 32, 40};
	struct hwdb_property p[4];
	static struct writer w;
	struct hwdb db;

	for (size_t i = 0; i < ARRAY_SIZE(value_sizes); i++) {
		size_t size = build(&w, value_sizes[i]);

		assert_int_equal(hwdb_open((char *)w.data, size, &db), 0);
		look(&db, WHOLE, p);
		assert_string_equal(p[0].value, "Red Hat, Inc.");
		assert_string_equal(p[1].value,
				    "QEMU NVM Express Controller (QEMU Virtual Machine)");
		assert_string_equal(p[2].value, "Non-Volatile memory controller");
		assert_string_equal(p[3].value, "NVM Express");
		look(&db, "pci:v00001B36d00000010", p);
		assert_string_equal(p[1].value, "QEMU NVM Express Controller");
		assert_null(p[2].value);
		look(&db, "pci:v00001B36d00000011sv00001AF4sd00001100bc02sc08i02", p);
		assert_string_equal(p[0].value, "Red Hat, Inc.");
		assert_null(p[1].value);
		assert_null(p[2].value);
		look(&db, "usb:v1", p);
		assert_null(p[0].value);
		look(&db, "", p);
		assert_null(p[0].value);
	}
}

/* Of two values the one of the later file wins, and in one file that of the later line. */
static void test_priority(void **state)
{
	static const struct test_value values[] = {
		{MODEL, "second file", 2, 1},
		{MODEL, "first file", 1, 99},
		{VENDOR, "line 5", 1, 5},
		{VENDOR, "line 7", 1, 7},
		{VENDOR, "line 6", 1, 6},
		{"ID_PCI_SUBCLASS_FROM_DATABASE", "no property", 1, 8},
	};
	static struct writer w;
	struct hwdb_property p[4];
	struct hwdb db;
	size_t size;

	memset(&w, 0, sizeof(w));
	w.used = HEAD_SIZE;
	w.strings = STRINGS_AT;
	w.value_size = 32;
	size = put_head(&w, put_node(&w, "p?i:x*", NULL, 0, values, ARRAY_SIZE(values)));
	assert_int_equal(hwdb_open((char *)w.data, size, &db), 0);
	look(&db, "pci:x", p);
	assert_string_equal(p[0].value, "line 7");
	assert_string_equal(p[1].value, "second file");
	assert_null(p[2].value);
	look(&db, "pi:x", p);
	assert_null(p[0].value);
}

static void test_not_a_database(void **state)
{
	static struct writer w;
	struct hwdb db;
	size_t size = build(&w, 32);

	assert_int_equal(hwdb_open("", 0, &db), -EBADMSG);
	assert_int_equal(hwdb_open((char *)w.data, HEAD_SIZE - 1, &db), -EBADMSG);
	assert_int_equal(hwdb_open((char *)w.data, size - 1, &db), -EBADMSG);
	assert_int_equal(hwdb_open((char *)w.data, size + 1, &db), -EBADMSG);
	w.data[size - 1] = 'x';
	assert_int_equal(hwdb_open((char *)w.data, size, &db), -EBADMSG);
	w.data[size - 1] = '\0';
	put64(&w, 32, 16);
	assert_int_equal(hwdb_open((char *)w.data, size, &db), -EBADMSG);
	put64(&w, 32, UINT64_MAX);
	assert_int_equal(hwdb_open((char *)w.data, size, &db), -EBADMSG);
	put64(&w, 32, 24);
	w.data[0] = 'k';
	assert_int_equal(hwdb_open((char *)w.data, size, &db), -EBADMSG);
}

/*
 * Every byte of it changed in some ways, in memory of exactly its size: what is read outside is found by
 * the sanitizer and by valgrind, what does not end by the clock.
 */
static void test_twisted(void **state)
{
	static const unsigned char masks[] = {0xff, 0x01, 0x80};
	static struct writer w;
	size_t size = build(&w, 32);
	char *copy = malloc(size);

	assert_non_null(copy);
	for (size_t at = 0; at < size; at++) {
		/* Between the nodes and the strings there is nothing. */
		if (at >= w.used && at < STRINGS_AT)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
			struct hwdb_property p[4];
			struct hwdb db;

			memcpy(copy, w.data, size);
			copy[at] = (char)(copy[at] ^ masks[i]);
			if (hwdb_open(copy, size, &db) < 0)
				continue;
			look(&db, WHOLE, p);
			for (size_t k = 0; k < 4; k++)
				assert_true(!p[k].value || strlen(p[k].value) < size);
		}
	}
	free(copy);
}

/* A trie that runs in circles, and prefixes made of stars. */
static void test_traps(void **state)
{
	static struct writer w;
	struct hwdb_property p[4];
	struct test_child c[2] = {{'*', HEAD_SIZE}, {'?', HEAD_SIZE}};
	char stars[1001];
	struct hwdb db;
	size_t size;

	memset(&w, 0, sizeof(w));
	w.used = HEAD_SIZE;
	w.strings = STRINGS_AT;
	w.value_size = 32;
	assert_int_equal(put_node(&w, NULL, c, 2, NULL, 0), HEAD_SIZE);
	w.strings++; /* no string, but the NUL that ends the file */
	size = put_head(&w, HEAD_SIZE);
	assert_int_equal(hwdb_open((char *)w.data, size, &db), 0);
	look(&db, WHOLE, p);
	assert_null(p[0].value);

	memset(&w, 0, sizeof(w));
	w.used = HEAD_SIZE;
	w.strings = STRINGS_AT;
	w.value_size = 32;
	memset(stars, '*', sizeof(stars) - 1);
	stars[sizeof(stars) - 1] = '\0';
	put_node(&w, stars, c, 2, NULL, 0);
	size = put_head(&w, HEAD_SIZE);
	assert_int_equal(hwdb_open((char *)w.data, size, &db), 0);
	look(&db, WHOLE, p);
	assert_null(p[0].value);
}

/* ---- to the inventory ---- */

static void test_names(void **state)
{
	struct tmp_tree *t = *state;
	static struct writer w;
	const struct vfioadm_function *f;
	size_t size = build(&w, 32);

	tmp_function(t, "pci0000:00/0000:00:03.0", "1b36 0010 1af4 1100 010802", NULL, 1);
	tmp_function(t, "pci0000:00/0000:00:04.0", "1b36 0010 1af4 1100 010802", NULL, 2);
	tmp_function(t, "pci0000:00/0000:00:05.0", "1b36 0010 0000 0000 010801", NULL, 3);
	tmp_function(t, "pci0000:00/0000:00:06.0", "ffff 0001 0000 0000 ff0000", NULL, 4);
	tmp_data(t, "usr/lib/udev/hwdb.bin", w.data, size);
	tmp_observe(t);
	assert_int_equal(observe_names(t->host, t->inv), 0);
	for (int i = 3; i <= 4; i++) {
		f = tmp_get(t, i == 3 ? "0000:00:03.0" : "0000:00:04.0");
		assert_true(f->facets & VFIOADM_FACET_NAMES);
		assert_string_equal(text_of(&f->vendor_name), "Red Hat, Inc.");
		assert_string_equal(text_of(&f->device_name), "QEMU NVM Express Controller");
		assert_string_equal(text_of(&f->subsystem_name), "QEMU Virtual Machine");
		assert_string_equal(text_of(&f->class_name),
				    "Non-Volatile memory controller (NVM Express)");
	}
	/* Equal kinds share their names. */
	assert_ptr_equal(tmp_get(t, "0000:00:03.0")->device_name.value, f->device_name.value);
	f = tmp_get(t, "0000:00:05.0");
	assert_string_equal(text_of(&f->device_name), "QEMU NVM Express Controller");
	assert_string_equal(text_of(&f->subsystem_name), "-");
	assert_string_equal(text_of(&f->class_name), "Non-Volatile memory controller");
	f = tmp_get(t, "0000:00:06.0");
	assert_string_equal(text_of(&f->vendor_name), "-");
	assert_string_equal(text_of(&f->device_name), "-");
	assert_string_equal(text_of(&f->class_name), "-");
}

/* A root's own database that cannot be read is not replaced by another one. */
static void test_damaged(void **state)
{
	struct tmp_tree *t = *state;
	struct vfioadm_function *f;

	tmp_function(t, "pci0000:00/0000:00:03.0", "1b36 0010 1af4 1100 010802", NULL, 1);
	tmp_file(t, "etc/udev/hwdb.bin", "KSLPHHRH and nothing more");
	tmp_observe(t);
	f = tmp_get(t, "0000:00:03.0");
	assert_int_equal(observe_function(t->host, t->inv, f, VFIOADM_FACET_NAMES), 0);
	assert_string_equal(text_of(&f->device_name), "?");
	assert_string_equal(text_of(&f->class_name), "?");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_not_a_database),
		cmocka_unit_test(test_twisted),
		cmocka_unit_test(test_traps),
		TEST(test_names),
		TEST(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
