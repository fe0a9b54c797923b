/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inventory_builder.h"
#include "base/error.h"
#include "base/ini.h"
#include "base/str.h"

#define FILE_NAME "/etc/vfioadm.d/a.conf"

static struct strbuf seen;
static unsigned stop_at;

static int note(void *userdata, unsigned line, const char *section, const char *key, const char *value,
		struct vfioadm_error **err)
{
	assert_string_equal(userdata, "mine");
	if (key)
		strbuf_addf(&seen, "%u [%s] %s=%s|", line, section, key, value);
	else
		strbuf_addf(&seen, "%u [%s]|", line, section);
	assert_true(key || !value);
	if (line == stop_at)
		return ini_error(FILE_NAME, line, err, "Stop %s.", "here");
	return 0;
}

static int parse(const char *text, size_t size, struct vfioadm_error **err)
{
	strbuf_clear(&seen);
	return ini_parse(FILE_NAME, text, size, note, (void *)"mine", err);
}

static void expect(const char *text, const char *events)
{
	_cleanup_error_ struct vfioadm_error *err = NULL;

	assert_int_equal(parse(text, strlen(text), &err), 0);
	assert_null(err);
	assert_string_equal(seen.s ? seen.s : "", events);
}

static void test_good(void **state)
{
	expect("", "");
	expect("\n\n \t \n# comment = x\n;[comment]\n", "");
	expect("[Match]\nPath=pci-0000:00:1c.0/00.0\n",
	       "1 [Match]|2 [Match] Path=pci-0000:00:1c.0/00.0|");
	/* White space around names and values is cut; what is inside stays. */
	expect("[A] \t\nkey \t = \t a  b \t\n", "1 [A]|2 [A] key=a  b|");
	expect("[A]\nkey=\nkey= \n", "1 [A]|2 [A] key=|3 [A] key=|");
	expect("[A]\nkey=a=b\n[B]\nx==", "1 [A]|2 [A] key=a=b|3 [B]|4 [B] x==|");
	/* No quoting, no comment behind a value: it is all value. */
	expect("[A]\nk=\"v\" # c", "1 [A]|2 [A] k=\"v\" # c|");
	expect("[A]\nk=\xc3\xa0\n", "1 [A]|2 [A] k=\xc3\xa0|");
	/* Comments may have tabs, and a backslash at their end continues nothing. */
	expect("# a\tb \\\n[A]\n", "2 [A]|");
	expect("[two words]\n", "1 [two words]|");
}

static void test_longest(void **state)
{
	char text[INI_LINE_MAX + 8];
	struct vfioadm_error *err = NULL;

	memset(text, '#', sizeof(text));
	text[INI_LINE_MAX] = '\n';
	assert_int_equal(parse(text, INI_LINE_MAX + 1, NULL), 0);
	assert_int_equal(parse(text, INI_LINE_MAX, NULL), 0);
	text[INI_LINE_MAX] = '#';
	assert_int_equal(parse(text, INI_LINE_MAX + 1, &err), -EBADMSG);
	assert_error(err, VFIOADM_E_CONFIG, FILE_NAME ":1: The line is longer than 1024 bytes.", NULL);
	vfioadm_error_free(err);
}

static void test_largest(void **state)
{
	_cleanup_free_ char *text = malloc(INI_FILE_MAX + 1);
	struct vfioadm_error *err = NULL;

	memset(text, '\n', INI_FILE_MAX + 1);
	assert_int_equal(parse(text, INI_FILE_MAX, NULL), 0);
	assert_int_equal(parse(text, INI_FILE_MAX + 1, &err), -EBADMSG);
	assert_error(err, VFIOADM_E_CONFIG, FILE_NAME ":1: The file is larger than 65536 bytes.", NULL);
	vfioadm_error_free(err);
}

#define NO_LINE                                                                                                \
	" is neither a section (\"[Match]\"), nor a key with a value (\"Path=...\"), nor a comment (\"# ...\")."

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		unsigned line;
		const char *message, *hint;
	} cases[] = {
		{ "[A]\nk=a\0b\n", 10, 2, "There is a NUL byte in this line.", NULL },
		{ "\0", 1, 1, "There is a NUL byte in this line.", NULL },
		{ "[A]\r\nk=v\r\n", 0, 1, "The line ends in a carriage return.",
		  "Store the file with the line ends of Unix." },
		{ "# a\rb\n", 0, 1, "There is a control character in this line.", NULL },
		{ "\n#\x1b[31m\n", 0, 2, "There is a control character in this line.", NULL },
		{ "#\x7f\n", 0, 1, "There is a control character in this line.", NULL },
		{ "#\xc2\x9b\n", 0, 1, "There is a control character in this line.", NULL },
		{ "#\xff\n", 0, 1, "Byte ff in this line is no UTF-8.", NULL },
		{ "#\xc3", 0, 1, "Byte c3 in this line is no UTF-8.", NULL },
		{ "#\xc2", 0, 1, "Byte c2 in this line is no UTF-8.", NULL },
		{ "[A]\n\nk=\xc3(\n", 0, 3, "Byte c3 in this line is no UTF-8.", NULL },
		{ "\xef\xbb\xbf[A]\n", 0, 1, "The file begins with a byte order mark.",
		  "Store the file as UTF-8 without that mark." },
		{ "k=v\n", 0, 1, "The key stands before the first section.",
		  "Write a line like \"[Match]\" before it." },
		{ "[A]\nkey\n", 0, 2, "\"key\"" NO_LINE, NULL },
		{ "[A]\nkey\tk\n", 0, 2, "\"key?k\"" NO_LINE, NULL },
		{ "[A]\n0123456789012345678901234567890123456789012345678901234567890123\n", 0, 2,
		  "\"012345678901234567890123456789012345678901234567890123456789...\"" NO_LINE, NULL },
		{ "[A]\n=v\n", 0, 2, "There is no key before the \"=\".", NULL },
		{ "[A]\nk=a\tb\n", 0, 2, "There is a control character in this line.", NULL },
		{ "[A]\nk\tk=a\n", 0, 2, "There is a control character in this line.", NULL },
		{ "[A]\nk=v\n w\n", 0, 3, "The line begins with white space.",
		  "There are no continued lines: begin each at its margin." },
		{ "[A]\n\tk=v\n", 0, 2, "The line begins with white space.",
		  "There are no continued lines: begin each at its margin." },
		{ " # comment\n", 0, 1, "The line begins with white space.",
		  "There are no continued lines: begin each at its margin." },
		{ "[A]\nk=v\\\nw\n", 0, 2, "The line ends in a backslash.",
		  "There are no continued lines: write all of it in one." },
		{ "[A]\nk=v\\ \nw\n", 0, 2, "The line ends in a backslash.",
		  "There are no continued lines: write all of it in one." },
		{ "[]\n", 0, 1, "\"[]\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
		{ "[\n", 0, 1, "\"[\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
		{ "[A] # x\n", 0, 1, "\"[A] # x\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
		{ "[A]]\n", 0, 1, "\"[A]]\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
		{ "[[A]\n", 0, 1, "\"[[A]\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
		{ "[A\tB]\n", 0, 1, "\"[A?B]\" is no section: a line like \"[Match]\" is.",
		  "Comments have lines of their own." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
		_cleanup_free_ char *copy = malloc(size), *message = NULL, *path = NULL;
		_cleanup_error_ struct vfioadm_error *err = NULL;

		/* Nothing behind it, so that memory checkers see a read too far. */
		memcpy(copy, cases[i].text, size);
		assert_int_equal(parse(copy, size, &err), -EBADMSG);
		path = str_format(FILE_NAME ":%u", cases[i].line);
		message = str_format("%s: %s", path, cases[i].message);
		assert_error(err, VFIOADM_E_CONFIG, message, cases[i].hint);
		assert_string_equal(vfioadm_error_path(err), path);
		assert_int_equal(vfioadm_error_exit(err), VFIOADM_EXIT_USAGE);
		assert_int_equal(parse(copy, size, NULL), -EBADMSG);
	}
}

static void test_callback_ends_it(void **state)
{
	static const char text[] = "[A]\nk=v\n[B]\nk=v\n\xff";
	struct vfioadm_error *err = NULL;

	for (stop_at = 1; stop_at <= 4; stop_at++) {
		assert_int_equal(parse(text, sizeof(text) - 1, &err), -EBADMSG);
		assert_non_null(strstr(vfioadm_error_message(err), ": Stop here."));
	}
	assert_string_equal(seen.s, "1 [A]|2 [A] k=v|3 [B]|4 [B] k=v|");
	stop_at = 0;
	assert_int_equal(parse(text, sizeof(text) - 1, &err), -EBADMSG);
	assert_error(err, VFIOADM_E_CONFIG, FILE_NAME ":5: Byte ff in this line is no UTF-8.", NULL);
	vfioadm_error_free(err);
}

static void test_show(void **state)
{
	static const struct {
		const char *value, *shown;
	} cases[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a\tb\x1b\xff", "a?b??" },
		{ "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "123456789012345678901234567890123456789012345678901234567890123",
		  "123456789012345678901234567890123456789012345678901234567890123" },
		{ "1234567890123456789012345678901234567890123456789012345678901234",
		  "123456789012345678901234567890123456789012345678901234567890..." },
		/* Never half of a character. */
		{ "12345678901234567890123456789012345678901234567890123456789\xe2\x82\xac____",
		  "12345678901234567890123456789012345678901234567890123456789..." },
	};
	char buf[INI_SHOW_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(ini_show(cases[i].value, buf), cases[i].shown);
}

static int clear(void **state)
{
	strbuf_clear(&seen);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	    cmocka_unit_test(test_longest),
		cmocka_unit_test(test_largest),	    cmocka_unit_test(test_bad),
		cmocka_unit_test(test_callback_ends_it), cmocka_unit_test(test_show),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
