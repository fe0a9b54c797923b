/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/stat.h>

#include "inventory_builder.h"
#include "tmp_tree.h"
#include "base/error.h"
#include "base/file.h"
#include "base/ini.h"
#include "store/declared.h"

#define GOOD(uid) "[Match]\nUID=" uid "\n"

static const char *path_of(const struct tmp_tree *t, const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", t->dir, path);
	return full;
}

/* "name:driver name:driver | problem problem | masked", driver standing for which file it came from. */
static const char *summary(const struct declared *d)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < d->found.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%s", i ? " " : "", d->found.items[i].name,
				      d->found.items[i].match[MATCH_UID]);
	for (size_t i = 0; i < d->n_problems; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : " | ", d->problems[i].name);
	STRV_FOREACH (i, &d->masked)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : " || ", d->masked.items[i]);
	return text;
}

static struct declared read_tree(const struct tmp_tree *t, bool trusted)
{
	struct vfioadm_error *err = NULL;
	struct declared d;

	assert_int_equal(declared_read(t->dir, trusted, &d, &err), 0);
	assert_null(err);
	return d;
}

static void assert_tree(const struct tmp_tree *t, const char *expected)
{
	_cleanup_declared_ struct declared d = read_tree(t, true);

	assert_string_equal(summary(&d), expected);
}

/* The only problem is this. */
static void assert_problem(const struct tmp_tree *t, bool trusted, const char *message, const char *hint,
			   const char *path)
{
	_cleanup_declared_ struct declared d = read_tree(t, trusted);

	assert_int_equal(d.n_problems, 1);
	assert_error(d.problems[0].error, VFIOADM_E_CONFIG, message, hint);
	assert_string_equal(vfioadm_error_path(d.problems[0].error), path);
	assert_int_equal(vfioadm_error_exit(d.problems[0].error), VFIOADM_EXIT_USAGE);
}

static void test_nothing(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_error_ struct vfioadm_error *err = NULL;
	struct declared d;

	assert_tree(t, "");
	tmp_dir(t, "etc/vfioadm.d");
	assert_tree(t, "");
	assert_int_equal(declared_read(path_of(t, "no/such/root"), true, &d, &err), -EIO);
	assert_int_equal(vfioadm_error_code(err), VFIOADM_E_IO);
	assert_int_equal(vfioadm_error_errno(err), ENOENT);
	assert_string_equal(vfioadm_error_path(err), path_of(t, "no/such/root"));
}

static void test_precedence(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_declared_ struct declared d = { 0 };

	tmp_file(t, "usr/lib/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "usr/lib/vfioadm.d/b.conf", GOOD("2"));
	tmp_file(t, "usr/lib/vfioadm.d/c.conf", GOOD("3"));
	tmp_file(t, "run/vfioadm.d/b.conf", GOOD("12"));
	tmp_file(t, "run/vfioadm.d/c.conf", GOOD("13"));
	tmp_file(t, "etc/vfioadm.d/c.conf", GOOD("23"));
	/* Bytewise, as drop-ins are ordered everywhere, and whichever directory they come from. */
	tmp_file(t, "etc/vfioadm.d/B.conf", GOOD("24"));
	tmp_file(t, "etc/vfioadm.d/9.conf", GOOD("25"));
	tmp_file(t, "etc/vfioadm.d/10.conf", GOOD("26"));
	assert_tree(t, "10:0026 9:0025 B:0024 a:0001 b:0012 c:0023");
	d = read_tree(t, true);
	assert_string_equal(d.found.items[4].file, "/run/vfioadm.d/b.conf");
	assert_string_equal(d.found.items[5].file, "/etc/vfioadm.d/c.conf");
}

static void test_masks(void **state)
{
	struct tmp_tree *t = *state;

	tmp_file(t, "usr/lib/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "run/vfioadm.d/b.conf", GOOD("2"));
	tmp_file(t, "usr/lib/vfioadm.d/b.conf", GOOD("3"));
	tmp_file(t, "etc/vfioadm.d/c.conf", GOOD("4"));
	tmp_file(t, "etc/vfioadm.d/a.conf", "");
	tmp_link(t, "etc/vfioadm.d/b.conf", "/dev/null");
	assert_tree(t, "c:0004 || a b");
	tmp_remove(t, "etc/vfioadm.d/b.conf");
	assert_tree(t, "b:0002 c:0004 || a");
	/* A mask below what is there masks nothing. */
	tmp_file(t, "run/vfioadm.d/c.conf", "");
	assert_tree(t, "b:0002 c:0004 || a");
}

/* A file that cannot be used still hides: what it was to replace must not come back. */
static void test_bad_hides(void **state)
{
	struct tmp_tree *t = *state;

	tmp_file(t, "usr/lib/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "usr/lib/vfioadm.d/b.conf", GOOD("2"));
	tmp_file(t, "etc/vfioadm.d/a.conf", "[Match]\nUID=x\n");
	assert_tree(t, "b:0002 | a");
	assert_problem(t, true,
		       "/etc/vfioadm.d/a.conf:2: UID=x is not a hexadecimal number from 1 to ffff.",
		       "Write for example UID=10.", "/etc/vfioadm.d/a.conf:2");
}

static void test_links(void **state)
{
	static const char *const targets[] = { "b.conf", "/dev/nul", "/dev/null0", "/dev/zero", "nowhere",
					       "/etc/passwd" };
	struct tmp_tree *t = *state;

	tmp_file(t, "etc/vfioadm.d/b.conf", GOOD("2"));
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		tmp_link(t, "etc/vfioadm.d/a.conf", targets[i]);
		assert_tree(t, "b:0002 | a");
		for (int trusted = 0; trusted < 2; trusted++)
			assert_problem(t, trusted,
				       "/etc/vfioadm.d/a.conf is a symbolic link, which is not followed.",
				       "Put a file there; a link to /dev/null masks what other directories say.",
				       "/etc/vfioadm.d/a.conf");
		tmp_remove(t, "etc/vfioadm.d/a.conf");
	}
}

/* What it would hide of the others is not known. */
static void test_linked_directory(void **state)
{
	struct tmp_tree *t = *state;
	int r;

	tmp_file(t, "elsewhere/a.conf", GOOD("1"));
	tmp_file(t, "run/vfioadm.d/b.conf", GOOD("2"));
	tmp_link(t, "etc/vfioadm.d", "../elsewhere");
	for (int trusted = 0; trusted < 2; trusted++) {
		_cleanup_declared_ struct declared d = read_tree(t, trusted);

		assert_string_equal(summary(&d), " | /etc/vfioadm.d");
	}
	r = declared_write(t->dir, "x", GOOD("3"));
	assert_true(r == -ENOTDIR || r == -ELOOP);
	assert_int_not_equal(access(path_of(t, "elsewhere/x.conf"), F_OK), 0);
}

#define UNTRUSTED                                                                                              \
	" belongs to another user or can be written by others, so what it says cannot be trusted."
#define UNTRUSTED_HINT "Make it belong to root, and writable by nobody else."

static void test_untrusted_file(void **state)
{
	static const mode_t modes[] = { 0664, 0646, 0666, 0620, 0602 };
	struct tmp_tree *t = *state;
	const char *path;

	tmp_file(t, "etc/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "usr/lib/vfioadm.d/a.conf", GOOD("2"));
	path = path_of(t, "etc/vfioadm.d/a.conf");
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_declared_ struct declared other = { 0 };

		assert_int_equal(chmod(path, modes[i]), 0);
		assert_tree(t, " | a");
		assert_problem(t, true, "/etc/vfioadm.d/a.conf" UNTRUSTED, UNTRUSTED_HINT,
			       "/etc/vfioadm.d/a.conf");
		/* Another root is looked at, not believed: whose files they are does not matter. */
		other = read_tree(t, false);
		assert_string_equal(summary(&other), "a:0001");
	}
	/* Nor does such a file mask. */
	tmp_file(t, "etc/vfioadm.d/a.conf", "");
	assert_int_equal(chmod(path, 0666), 0);
	assert_tree(t, " | a");
	assert_int_equal(chmod(path, 0600), 0);
	assert_tree(t, " || a");
	if (geteuid() != 0)
		skip();
	tmp_file(t, "etc/vfioadm.d/a.conf", GOOD("1"));
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_tree(t, " | a");
	assert_int_equal(chown(path, 0, 65534), 0);
	assert_tree(t, "a:0001");
}

static void test_untrusted_directory(void **state)
{
	static const char *const dirs[] = { "etc", "etc/vfioadm.d" };
	struct tmp_tree *t = *state;
	_cleanup_free_ char *text = NULL;

	tmp_file(t, "etc/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "run/vfioadm.d/b.conf", GOOD("2"));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		assert_int_equal(chmod(path_of(t, dirs[i]), 0775), 0);
		assert_tree(t, " | /etc/vfioadm.d");
		assert_problem(t, true, "/etc/vfioadm.d" UNTRUSTED, UNTRUSTED_HINT, "/etc/vfioadm.d");
		assert_int_equal(declared_text(t->dir, "a", &text), -EPERM);
		assert_int_equal(declared_write(t->dir, "a", GOOD("3")), -EPERM);
		assert_int_equal(declared_write(t->dir, "a", NULL), -EPERM);
		assert_int_equal(chmod(path_of(t, dirs[i]), 0755), 0);
		assert_tree(t, "a:0001 b:0002");
	}
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path_of(t, "etc/vfioadm.d"), 65534, 0), 0);
	assert_tree(t, " | /etc/vfioadm.d");
}

/* What is no file, endless, or has a name that must not be shown. */
static void test_odd_files(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_free_ char *large = malloc(INI_FILE_MAX + 2);

	tmp_dir(t, "etc/vfioadm.d/a.conf");
	assert_problem(t, true, "/etc/vfioadm.d/a.conf is not a file.", NULL, "/etc/vfioadm.d/a.conf");
	tmp_remove(t, "etc/vfioadm.d/a.conf");
	tmp_fifo(t, "etc/vfioadm.d/a.conf");
	assert_problem(t, true, "/etc/vfioadm.d/a.conf is not a file.", NULL, "/etc/vfioadm.d/a.conf");
	tmp_remove(t, "etc/vfioadm.d/a.conf");
	memset(large, '\n', INI_FILE_MAX + 1);
	large[INI_FILE_MAX + 1] = '\0';
	tmp_file(t, "etc/vfioadm.d/a.conf", large);
	assert_problem(t, true, "/etc/vfioadm.d/a.conf:1: The file is larger than 65536 bytes.", NULL,
		       "/etc/vfioadm.d/a.conf:1");
	tmp_remove(t, "etc/vfioadm.d/a.conf");
	tmp_file(t, "etc/vfioadm.d/a\x1b[31m \xff.conf", GOOD("1"));
	assert_problem(t, true,
		       "/etc/vfioadm.d/a?[31m ?.conf has a name that cannot be used: it must be shorter than 128 "
		       "characters, of letters, digits and \"-_.:@\".",
		       NULL, "/etc/vfioadm.d/a?[31m ?.conf");
}

/* Of others, or of a writer that was killed. */
static void test_ignored(void **state)
{
	struct tmp_tree *t = *state;

	tmp_file(t, "etc/vfioadm.d/a.conf", GOOD("1"));
	tmp_file(t, "etc/vfioadm.d/.a.conf.new", "[Match");
	tmp_file(t, "etc/vfioadm.d/.hidden.conf", GOOD("2"));
	tmp_file(t, "etc/vfioadm.d/a.conf~", GOOD("3"));
	tmp_file(t, "etc/vfioadm.d/a.conf.dpkg-new", GOOD("4"));
	tmp_file(t, "etc/vfioadm.d/README", "words");
	tmp_file(t, "etc/vfioadm.d/.conf", GOOD("5"));
	tmp_file(t, "etc/vfioadm.d/conf", GOOD("6"));
	assert_tree(t, "a:0001");
}

static void test_twins(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_declared_ struct declared d = { 0 };

	tmp_file(t, "usr/lib/vfioadm.d/a.conf", "\n[Match]\nVendor=8086\nDevice=10d3\n");
	tmp_file(t, "etc/vfioadm.d/b.conf", "# c\n\n[Match]\nDevice=0x10D3\nVendor=8086\nMultiple=yes\n");
	tmp_file(t, "etc/vfioadm.d/c.conf", "[Match]\nVendor=8086\nDevice=10d3\nClass=020000\n");
	assert_problem(t, true,
		       "/etc/vfioadm.d/b.conf:3: /usr/lib/vfioadm.d/a.conf has the same [Match], and comes first.",
		       "Remove one of both, or mask it with an empty file of its name in /etc/vfioadm.d.",
		       "/etc/vfioadm.d/b.conf:3");
	d = read_tree(t, true);
	assert_int_equal(d.found.n, 2);
	assert_string_equal(d.found.items[0].name, "a");
	assert_string_equal(d.found.items[1].name, "c");
}

static void test_many(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_declared_ struct declared d = { 0 };
	char path[64], text[64];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "etc/vfioadm.d/%03u.conf", i);
		snprintf(text, sizeof(text), GOOD("%x"), i + 1);
		tmp_file(t, path, text);
	}
	d = read_tree(t, true);
	assert_int_equal(d.found.n, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(d.found.items[i].number[MATCH_UID], i + 1);
}

static void test_too_many(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_declared_ struct declared d = { 0 };
	int dir;

	tmp_dir(t, "etc/vfioadm.d");
	dir = open(path_of(t, "etc/vfioadm.d"), O_RDONLY | O_DIRECTORY);
	for (unsigned i = 0; i <= DECLARED_MAX; i++) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "%u.conf", i);
		fd = openat(dir, name, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	close(dir);
	tmp_file(t, "run/vfioadm.d/a.conf", GOOD("1"));
	d = read_tree(t, true);
	assert_int_equal(d.masked.n, DECLARED_MAX);
	/* The mask of it may be one that was left out. */
	assert_int_equal(d.found.n, 0);
	assert_int_equal(d.n_problems, 1);
	assert_error(d.problems[0].error, VFIOADM_E_CONFIG,
		     "/etc/vfioadm.d has more than 1024 files: not all of them count.", NULL);
}

static void test_check_file(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_error_ struct vfioadm_error *err = NULL, *link = NULL, *none = NULL;
	_cleanup_free_ char *message = NULL;

	tmp_file(t, "a.conf", GOOD("1"));
	assert_int_equal(declared_check_file(path_of(t, "a.conf"), &err), 0);
	/* Wherever it lies, and whosever it is. */
	assert_int_equal(chmod(path_of(t, "a.conf"), 0666), 0);
	assert_int_equal(declared_check_file(path_of(t, "a.conf"), &err), 0);
	tmp_file(t, "a.conf", "");
	assert_int_equal(declared_check_file(path_of(t, "a.conf"), &err), 0);
	assert_null(err);
	tmp_file(t, "a.conf", "[Match]\n");
	assert_int_equal(declared_check_file(path_of(t, "a.conf"), &err), -EBADMSG);
	message = str_format("%s:1: [Match] does not tell one card from others.", path_of(t, "a.conf"));
	assert_string_equal(vfioadm_error_message(err), message);
	tmp_link(t, "b.conf", "a.conf");
	assert_int_equal(declared_check_file(path_of(t, "b.conf"), &link), -ELOOP);
	assert_int_equal(vfioadm_error_code(link), VFIOADM_E_CONFIG);
	tmp_link(t, "mask.conf", "/dev/null");
	assert_int_equal(declared_check_file(path_of(t, "mask.conf"), NULL), 0);
	assert_int_equal(declared_check_file(path_of(t, "c.conf"), &none), -ENOENT);
	assert_non_null(strstr(vfioadm_error_message(none), "c.conf cannot be read: No such file"));
}

/* ---- writing ---- */

static void assert_text(const struct tmp_tree *t, const char *name, const char *expected)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(declared_text(t->dir, name, &text), 0);
	assert_true(streq_null(text, expected));
}

static bool exists(const struct tmp_tree *t, const char *path)
{
	struct stat st;

	return lstat(path_of(t, path), &st) == 0;
}

static void test_write(void **state)
{
	struct tmp_tree *t = *state;
	mode_t mask = umask(0);
	struct stat st;

	tmp_dir(t, "etc");
	assert_int_equal(chmod(path_of(t, "etc"), 0755), 0);
	assert_text(t, "a", NULL);
	/* There is nothing to remove, and nothing is made for that. */
	assert_int_equal(declared_write(t->dir, "a", NULL), 0);
	assert_false(exists(t, "etc/vfioadm.d"));
	assert_int_equal(declared_write(t->dir, "a", GOOD("1")), 0);
	umask(mask);
	assert_int_equal(stat(path_of(t, "etc/vfioadm.d"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(path_of(t, "etc/vfioadm.d/a.conf"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_text(t, "a", GOOD("1"));
	assert_int_equal(declared_write(t->dir, "a", GOOD("2")), 0);
	assert_text(t, "a", GOOD("2"));
	assert_tree(t, "a:0002");
	assert_int_equal(declared_write(t->dir, "a", NULL), 0);
	assert_text(t, "a", NULL);
	assert_int_equal(declared_write(t->dir, "a", NULL), 0);
	assert_tree(t, "");
}

static void test_text(void **state)
{
	static const char *const bad[] = { "", ".a", "../a", "a/b", "a b" };
	struct tmp_tree *t = *state;
	_cleanup_free_ char *text = NULL;

	tmp_file(t, "etc/vfioadm.d/a.conf", "");
	tmp_link(t, "etc/vfioadm.d/b.conf", "/dev/null");
	tmp_link(t, "etc/vfioadm.d/c.conf", "a.conf");
	tmp_data(t, "etc/vfioadm.d/d.conf", "a\0b", 3);
	/* Only what /etc says is ours to change. */
	tmp_file(t, "run/vfioadm.d/e.conf", GOOD("1"));
	assert_text(t, "a", NULL);
	assert_text(t, "b", NULL);
	assert_text(t, "e", NULL);
	assert_int_equal(declared_text(t->dir, "c", &text), -ELOOP);
	assert_int_equal(declared_text(t->dir, "d", &text), -EBADMSG);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(declared_text(t->dir, bad[i], &text), -EINVAL);
		assert_int_equal(declared_write(t->dir, bad[i], GOOD("1")), -EINVAL);
		assert_int_equal(declared_write(t->dir, bad[i], NULL), -EINVAL);
	}
	assert_null(text);
}

/* Old or new, never nothing; a link is replaced and not written through. */
static void test_write_is_whole(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_free_ char *text = NULL, *large = malloc(INI_FILE_MAX + 2);
	int fd;

	tmp_file(t, "secret", "secret");
	tmp_link(t, "etc/vfioadm.d/a.conf", "../../secret");
	tmp_link(t, "etc/vfioadm.d/.a.conf.new", "../../secret");
	tmp_file(t, "etc/vfioadm.d/.b.conf.new", "[Mat");
	tmp_file(t, "etc/vfioadm.d/.c.conf.new.conf.new", "[Mat");
	tmp_file(t, "etc/vfioadm.d/.c.conf.newer", "of others");
	assert_int_equal(declared_write(t->dir, "a", GOOD("1")), 0);
	assert_text(t, "a", GOOD("1"));
	assert_false(exists(t, "etc/vfioadm.d/.a.conf.new"));
	assert_false(exists(t, "etc/vfioadm.d/.b.conf.new"));
	assert_false(exists(t, "etc/vfioadm.d/.c.conf.new.conf.new"));
	assert_true(exists(t, "etc/vfioadm.d/.c.conf.newer"));
	fd = open(t->dir, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_read_all(fd, "secret", 100, &text, NULL), 0);
	close(fd);
	assert_string_equal(text, "secret");
	/* Removing sweeps as well. */
	tmp_file(t, "etc/vfioadm.d/.b.conf.new", "[Mat");
	assert_int_equal(declared_write(t->dir, "no", NULL), 0);
	assert_false(exists(t, "etc/vfioadm.d/.b.conf.new"));
	/* What the reader would refuse is not written. */
	memset(large, '#', INI_FILE_MAX + 1);
	large[INI_FILE_MAX + 1] = '\0';
	assert_int_equal(declared_write(t->dir, "a", large), -EFBIG);
	assert_text(t, "a", GOOD("1"));
	/* The last step fails: nothing of it is left. */
	tmp_dir(t, "etc/vfioadm.d/d.conf");
	assert_int_equal(declared_write(t->dir, "d", GOOD("1")), -EISDIR);
	assert_false(exists(t, "etc/vfioadm.d/.d.conf.new"));
}

#define RULES "etc/udev/rules.d/61-x.rules"

static void test_generated(void **state)
{
	struct tmp_tree *t = *state;
	struct stat before, after;
	bool changed = true;

	assert_int_equal(declared_write_generated(t->dir, RULES, NULL, &changed), 0);
	assert_false(changed);
	assert_false(exists(t, "etc"));
	assert_int_equal(declared_write_generated(t->dir, RULES, "one\n", &changed), 0);
	assert_true(changed);
	assert_int_equal(stat(path_of(t, RULES), &before), 0);
	assert_int_equal(before.st_size, 4);
	tmp_file(t, "etc/udev/rules.d/.61-x.rules.new", "o");
	assert_int_equal(declared_write_generated(t->dir, RULES, "one\n", &changed), 0);
	assert_false(changed);
	assert_int_equal(stat(path_of(t, RULES), &after), 0);
	assert_true(before.st_ino == after.st_ino);
	assert_false(exists(t, "etc/udev/rules.d/.61-x.rules.new"));
	/* As long, but another. */
	assert_int_equal(declared_write_generated(t->dir, RULES, "two\n", &changed), 0);
	assert_true(changed);
	assert_int_equal(declared_write_generated(t->dir, RULES, "two", NULL), 0);
	tmp_remove(t, RULES);
	tmp_link(t, RULES, "/dev/null");
	assert_int_equal(declared_write_generated(t->dir, RULES, "two\n", &changed), 0);
	assert_true(changed);
	assert_int_equal(lstat(path_of(t, RULES), &after), 0);
	assert_true(S_ISREG(after.st_mode));
	assert_int_equal(declared_write_generated(t->dir, RULES, NULL, &changed), 0);
	assert_true(changed);
	assert_false(exists(t, RULES));
	assert_int_equal(declared_write_generated(t->dir, RULES, NULL, &changed), 0);
	assert_false(changed);
}

static void test_generated_stays_below(void **state)
{
	static const char *const bad[] = { "",	   "x",	      "/etc/x",	    "etc/../x", "../x",
					   "etc/", "etc/..",  "etc/./x",    "etc//x" };
	struct tmp_tree *t = *state;

	tmp_dir(t, "etc");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(declared_write_generated(t->dir, bad[i], "x", NULL), -EINVAL);
		assert_int_equal(declared_write_generated(t->dir, bad[i], NULL, NULL), -EINVAL);
	}
	assert_int_equal(chmod(path_of(t, "etc"), 0777), 0);
	assert_int_equal(declared_write_generated(t->dir, RULES, "x", NULL), -EPERM);
}

/* ---- holds ---- */

static void test_holds(void **state)
{
	struct tmp_tree *t = *state;
	_cleanup_free_ char *run = str_format("%s/run/vfioadm", t->dir);

	tmp_dir(t, "run");
	assert_false(hold_is_set(run, "0000:01:00.0"));
	assert_int_equal(hold_drop(run, "0000:01:00.0"), 0);
	assert_false(exists(t, "run/vfioadm"));
	assert_int_equal(hold_set(run, "01:0A.0"), 0);
	/* In the kernel's spelling, since rules look for that. */
	assert_true(exists(t, "run/vfioadm/hold/0000:01:0a.0"));
	assert_true(hold_is_set(run, "0000:01:0a.0"));
	assert_true(hold_is_set(run, "1:0a.0") == false);
	assert_false(hold_is_set(run, "0000:01:0a.1"));
	assert_int_equal(hold_set(run, "0000:01:0a.0"), 0);
	assert_int_equal(hold_drop(run, "0000:01:0a.0"), 0);
	assert_false(hold_is_set(run, "0000:01:0a.0"));
	assert_int_equal(hold_drop(run, "0000:01:0a.0"), 0);
	assert_int_equal(hold_set(run, "../../evil"), -EINVAL);
	assert_int_equal(hold_drop(run, "../../evil"), -EINVAL);
	assert_false(hold_is_set(run, ".."));
	assert_int_equal(chmod(path_of(t, "run/vfioadm/hold"), 0777), 0);
	assert_int_equal(hold_set(run, "0000:01:0a.0"), -EPERM);
	assert_int_equal(hold_drop(run, "0000:01:0a.0"), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tmp_setup, tmp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),	    TEST(test_precedence),	    TEST(test_masks),
		TEST(test_bad_hides),	    TEST(test_links),		    TEST(test_linked_directory),
		TEST(test_untrusted_file),  TEST(test_untrusted_directory), TEST(test_odd_files),
		TEST(test_ignored),	    TEST(test_twins),		    TEST(test_many),
		TEST(test_too_many),	    TEST(test_check_file),	    TEST(test_write),
		TEST(test_text),	    TEST(test_write_is_whole),	    TEST(test_generated),
		TEST(test_generated_stays_below), TEST(test_holds),
	};

	/* What is made by hand must not be writable by others because of who runs this. */
	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
