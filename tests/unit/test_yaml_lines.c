/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As much of YAML as netplan's files have; anything else must only not be misread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host/yaml_lines.h"

static char seen[4096];

static int on_entry(const struct yaml_entry *e, void *userdata)
{
	size_t n = strlen(seen);

	assert_true(e->depth > 0 && e->depth <= YAML_DEPTH_MAX);
	n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%u ", e->line);
	for (unsigned i = 0; i < e->depth && n < sizeof(seen); i++)
		n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%s%s", i ? "/" : "", e->path[i]);
	if (n < sizeof(seen))
		snprintf(seen + n, sizeof(seen) - n, "=%s\n", e->value);
	return userdata ? -1 : 0;
}

static const char *read_yaml(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	seen[0] = '\0';
	assert_int_equal(yaml_each(copy, on_entry, NULL), 0);
	free(copy);
	return seen;
}

/* A mapping has no mapping for a key; the rest is not read, and nothing is read twice. */
static void test_bracket_as_key(void **state)
{
	assert_string_equal(read_yaml("a: {{b: c}}\nd: e\n"), "1 a=\n");
	assert_string_equal(read_yaml("a: {b: {[c], d}}\n"), "1 a=\n1 a/b=\n");
	assert_string_equal(read_yaml("a: {b, {c}}\n"), "1 a=\n1 a/b=\n");
}

static void test_blocks(void **state)
{
	assert_string_equal(read_yaml("# a comment\n"
				      "network:\n"
				      "  version: 2 # two\n"
				      "  'ethernets':\n"
				      "    \"en:0\":\n"
				      "      match: &m\n"
				      "        macaddress: \"02:00:00:00:00:01\"\n"
				      "      routes:\n"
				      "      - to: default\n"
				      "        via: 192.0.2.1\n"
				      "      addresses:\n"
				      "        - 192.0.2.2/24\n"
				      "        - \"fd00::1/64\"\n"
				      "  bridges: {br0: {interfaces: [en0, \"en1\"]}, br1: {}}\n"),
			    "2 network=\n3 network/version=2\n4 network/ethernets=\n5 network/ethernets/en:0=\n"
			    "6 network/ethernets/en:0/match=\n7 network/ethernets/en:0/match/macaddress=02:00:00:00:00:01\n"
			    "8 network/ethernets/en:0/routes=\n9 network/ethernets/en:0/routes/to=default\n"
			    "10 network/ethernets/en:0/routes/via=192.0.2.1\n11 network/ethernets/en:0/addresses=\n"
			    "12 network/ethernets/en:0/addresses=192.0.2.2/24\n13 network/ethernets/en:0/addresses=fd00::1/64\n"
			    "14 network/bridges=\n14 network/bridges/br0=\n14 network/bridges/br0/interfaces=\n"
			    "14 network/bridges/br0/interfaces=en0\n14 network/bridges/br0/interfaces=en1\n"
			    "14 network/bridges/br1=\n");
	/* Brackets over several lines, a block of text, an own document. */
	assert_string_equal(read_yaml("a: {b: 1,\n    # no\n    c: [x,\n y]}\nd: |\n  e: f\n\n  g\nh: i\n---\nj: k"),
			    "1 a=\n1 a/b=1\n3 a/c=\n3 a/c=x\n4 a/c=y\n5 d=\n9 h=i\n11 j=k\n");
	assert_string_equal(read_yaml("{\"a\": {\"b\": \"it's\", c: 'it''s'}}"), "1 a=\n1 a/b=it's\n1 a/c=it's\n");
}

static void test_strange(void **state)
{
	static const char *const texts[] = {
		"",	 "\n",	    "{",      "}",	 "[[[[[[[[[[[[[[[[[[[[[[[[[[", "a: {b", "a: {b: c", "a: [b: c: d]", "- ",
		"-",	 "- - - -", "a: \"b", "\"a: b\n", "'a': 'b\n'", "\t\ta: b\n",  ": b\n",	"a: |\n", "a: |",    "a: !t &x",
		"a: {:", "a: {,,}", "a: [,]", "\"a\\",  "a: \"b\\",   "a: {\"",      "a:{b}", "a: &", "a: #",   "#",
	};
	char deep[1024] = "";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		read_yaml(texts[i]);
	for (size_t i = 0; i < 20; i++)
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "%*sk%zu:\n", (int)i, "", i);
	read_yaml(deep);
	assert_non_null(strstr(seen, "k11="));
	assert_null(strstr(seen, "k12"));
	/* A caller's no ends it. */
	{
		char text[] = "a: b\nc: d\n";

		seen[0] = '\0';
		assert_int_equal(yaml_each(text, on_entry, seen), -1);
		assert_string_equal(seen, "1 a=b\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_blocks), cmocka_unit_test(test_bracket_as_key), cmocka_unit_test(test_strange) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
