/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is made can be read by all, but for locks, whatever umask vfioadm runs with. */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "persist_fixture.h"
#include "store/declared.h"
#include "store/store.h"

static unsigned n_files, n_dirs, n_locks;

static int look(const char *path, const struct stat *st, int type, struct FTW *at)
{
	unsigned mode = st->st_mode & 07777;

	/* The two that the test has made. */
	if (at->level == 0)
		return 0;
	if (type == FTW_D) {
		n_dirs++;
		assert_int_equal(mode, 0755);
	} else if (streq(path + at->base, "lock")) {
		n_locks++;
		assert_int_equal(mode, 0600);
	} else {
		n_files++;
		assert_int_equal(mode, 0644);
	}
	return 0;
}

static void look_at_all(const struct persist_test *t)
{
	n_files = n_dirs = n_locks = 0;
	assert_int_equal(nftw(t->run_dir, look, 16, FTW_PHYS), 0);
	assert_int_equal(nftw(t->root, look, 16, FTW_PHYS), 0);
}

static void made_with(struct persist_test *t, mode_t mask)
{
	struct vfioadm_options o = {.persist = true, .modprobe = true};
	mode_t before = umask(mask);

	done(t, vfioadm_plan_assign, TWIN0, true);
	done(t, vfioadm_plan_assign, NIC, false);
	assert_int_equal(plan(t, vfioadm_plan_enable, "1b36:0010", o), 0);
	assert_int_equal(vfioadm_plan_run(t->ctx, t->plan, &t->err), 0);
	assert_int_equal(hold_set(t->run_dir, MULTI0), 0);
	umask(before);
	look_at_all(t);
	/* Record, enabled, mark; two declarations, rules, modprobe.d. */
	assert_true(n_files >= 7);
	assert_true(n_dirs >= 6);
	assert_int_equal(n_locks, 1);
}

static void test_none(void **state)
{
	made_with(*state, 0);
}

static void test_tight(void **state)
{
	made_with(*state, 077);
}

static void test_all(void **state)
{
	made_with(*state, 0777 & ~S_IRWXU);
}

static void test_odd(void **state)
{
	made_with(*state, 027);
}

/* One that was made otherwise is for root alone from then on. */
static void test_lock_of_others(void **state)
{
	struct persist_test *t = *state;
	_cleanup_free_ char *path = str_format("%s/lock", t->run_dir);
	struct store s = STORE_CLOSED;
	struct stat st;
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(store_open_locked(&s, t->run_dir, "test", 0, -1, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	store_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_none), TEST(test_tight),	    TEST(test_all),
		TEST(test_odd),	 TEST(test_lock_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
