/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "base/str.h"

static void test_compare(void **state)
{
	assert_true(streq("a", "a"));
	assert_false(streq("a", "b"));
	assert_true(streq_null(NULL, NULL));
	assert_false(streq_null(NULL, "a"));
	assert_false(streq_null("a", NULL));
	assert_true(streq_null("a", "a"));
	assert_false(streq_null("a", "A"));
}

static void test_after(void **state)
{
	assert_string_equal(str_after("/dev/x", "/dev/"), "x");
	assert_string_equal(str_after("/dev/", "/dev/"), "");
	assert_string_equal(str_after("x", ""), "x");
	assert_null(str_after("/de", "/dev/"));
	assert_null(str_after("", "x"));
}

static void test_rstrip(void **state)
{
	char text[] = " a b \t\n", blank[] = " \n", empty[] = "";

	assert_string_equal(str_rstrip(text), " a b");
	assert_string_equal(str_rstrip(blank), "");
	assert_string_equal(str_rstrip(empty), "");
}

static void test_to_u64(void **state)
{
	static const struct {
		const char *s;
		unsigned base;
		uint64_t max;
		int r;
		uint64_t value;
	} cases[] = {
		{"0", 10, UINT64_MAX, 0, 0},
		{"007", 10, UINT64_MAX, 0, 7},
		{"18446744073709551615", 10, UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", 10, UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", 10, UINT64_MAX, -ERANGE, 0},
		{"ffffffffffffffff", 16, UINT64_MAX, 0, UINT64_MAX},
		{"10000000000000000", 16, UINT64_MAX, -ERANGE, 0},
		{"0xFf", 16, UINT64_MAX, 0, 255},
		{"0XfF", 16, UINT64_MAX, 0, 255},
		{"0x", 16, UINT64_MAX, -EINVAL, 0},
		{"0x10", 10, UINT64_MAX, -EINVAL, 0},
		{"", 10, UINT64_MAX, -EINVAL, 0},
		{"", 16, UINT64_MAX, -EINVAL, 0},
		{"+1", 10, UINT64_MAX, -EINVAL, 0},
		{"-1", 10, UINT64_MAX, -EINVAL, 0},
		{" 1", 10, UINT64_MAX, -EINVAL, 0},
		{"1 ", 10, UINT64_MAX, -EINVAL, 0},
		{"1\n", 10, UINT64_MAX, -EINVAL, 0},
		{"a", 10, UINT64_MAX, -EINVAL, 0},
		{"g", 16, UINT64_MAX, -EINVAL, 0},
		{"@", 16, UINT64_MAX, -EINVAL, 0},
		{"/", 16, UINT64_MAX, -EINVAL, 0},
		{":", 16, UINT64_MAX, -EINVAL, 0},
		{"255", 10, 255, 0, 255},
		{"256", 10, 255, -ERANGE, 0},
		{"\xc3\xa9", 16, UINT64_MAX, -EINVAL, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 4711;
		int r = str_to_u64(cases[i].s, cases[i].base, cases[i].max, &v);

		assert_int_equal(r, cases[i].r);
		/* Untouched on failure. */
		assert_int_equal(v, r ? 4711 : cases[i].value);
	}
}

static void test_strv(void **state)
{
	_cleanup_strv_ struct strv v = {0};

	assert_false(strv_has(&v, "a"));
	strv_sort(&v);
	assert_int_equal(strv_add(&v, "nvme10"), 0);
	assert_int_equal(strv_add(&v, "nvme9"), 0);
	assert_int_equal(strv_take(&v, str_format("nvme%d", 1)), 0);
	assert_int_equal(strv_take(&v, NULL), -ENOMEM);
	assert_int_equal(v.n, 3);
	assert_null(v.items[3]);
	assert_true(strv_has(&v, "nvme9"));
	assert_false(strv_has(&v, "nvme"));
	/* Numbers count as numbers. */
	strv_sort(&v);
	assert_string_equal(v.items[0], "nvme1");
	assert_string_equal(v.items[1], "nvme9");
	assert_string_equal(v.items[2], "nvme10");
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(strv_take(&v, str_format("%u", i)), 0);
	assert_int_equal(v.n, 1003);
	assert_string_equal(v.items[1002], "999");
	assert_null(v.items[1003]);
	strv_clear(&v);
	assert_int_equal(v.n, 0);
	assert_null(v.items);
}

static void test_strbuf(void **state)
{
	_cleanup_strbuf_ struct strbuf b = {0};
	_cleanup_free_ char *empty = NULL, *text = NULL, *large = NULL;

	empty = strbuf_take(&b);
	assert_string_equal(empty, "");
	strbuf_addf(&b, "%s-%d", "a", 5);
	strbuf_add(&b, "xyz", 2);
	strbuf_add(&b, "", 0);
	assert_int_equal(b.len, 5);
	assert_string_equal(b.s, "a-5xy");
	text = strbuf_take(&b);
	assert_string_equal(text, "a-5xy");
	assert_null(b.s);
	assert_int_equal(b.len, 0);
	for (unsigned i = 0; i < 10000; i++)
		strbuf_addf(&b, "%04u", i);
	assert_int_equal(b.len, 40000);
	large = strbuf_take(&b);
	assert_int_equal(strlen(large), 40000);
	assert_memory_equal(large + 39996, "9999", 5);
	assert_memory_equal(large + 4936, "1234", 4);
}

static void test_strbuf_failure_is_sticky(void **state)
{
	struct strbuf b = {0};

	strbuf_addf(&b, "before");
	b.failed = true;
	strbuf_addf(&b, "behind");
	strbuf_add(&b, "behind", 6);
	assert_string_equal(b.s, "before");
	assert_null(strbuf_take(&b));
	/* Empty and usable again. */
	assert_false(b.failed);
	assert_null(b.s);
}

static void test_character(void **state)
{
	static const struct {
		const char *s;
		size_t n, len;
	} cases[] = {
		{ "a", 1, 1 },
		{ "~", 4, 1 },
		{ "", 0, 0 },
		{ "", 4, 0 },
		{ "\t", 1, 0 },
		{ "\x1f", 1, 0 },
		{ "\x7f", 1, 0 },
		{ "\xc2\x9b", 2, 0 }, /* CSI in one character */
		{ "\xc2\xa0", 2, 2 },
		{ "\xc3\xa4", 2, 2 },
		{ "\xc3\xa4", 1, 0 },
		{ "\xc3", 4, 0 },
		{ "\xc1\xa1", 2, 0 }, /* longer than need be */
		{ "\xe2\x82\xac", 3, 3 },
		{ "\xe0\x82\xac", 3, 0 },
		{ "\xed\xa0\x80", 3, 0 }, /* half of a pair */
		{ "\xf0\x9f\x98\x80", 4, 4 },
		{ "\xf4\x90\x80\x80", 4, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
		{ "\x80", 1, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(str_character(cases[i].s, cases[i].n), cases[i].len);
}

static void test_take_and_cleanup(void **state)
{
	char *p = strdup("x");
	_cleanup_free_ char *q = TAKE_PTR(p);
	int fd = 5, taken = TAKE_FD(fd);

	assert_null(p);
	assert_string_equal(q, "x");
	assert_int_equal(fd, -1);
	assert_int_equal(taken, 5);
	errno = EXDEV;
	{
		_cleanup_close_ int bad = 1 << 20;
		_cleanup_close_ int none = -1;

		(void)bad;
		(void)none;
	}
	/* close() failed behind our back. */
	assert_int_equal(errno, EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_rstrip),
		cmocka_unit_test(test_to_u64),
		cmocka_unit_test(test_strv),
		cmocka_unit_test(test_strbuf),
		cmocka_unit_test(test_strbuf_failure_is_sticky),
		cmocka_unit_test(test_character),
		cmocka_unit_test(test_take_and_cleanup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
