/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "inventory_builder.h"
#include "policy/codes.h"

static void test_table(void **state)
{
	const char *last = "";

	assert_true(vfioadm_n_codes() > 50);
	for (size_t i = 0; i < vfioadm_n_codes(); i++) {
		const struct vfioadm_code_info *info = vfioadm_code_info(i);

		/* Sorted, or the search misses some. */
		assert_true(strcmp(last, info->code) < 0);
		last = info->code;
		assert_ptr_equal(code_info(info->code), info);
		assert_true(strspn(info->code, "abcdefghijklmnopqrstuvwxyz-") == strlen(info->code));
		assert_true(info->severity == VFIOADM_WARNS || info->severity == VFIOADM_REFUSES ||
			    info->severity == VFIOADM_BLOCKS);
		/* What blocks is never forced, and what warns needs no force. */
		assert_true(!info->forceable || info->severity == VFIOADM_REFUSES);
		assert_true(*info->meaning);
		/* A sentence, or nothing. */
		assert_true(!*info->remedy || info->remedy[strlen(info->remedy) - 1] == '.');
		assert_true(*info->remedy || info->severity == VFIOADM_WARNS);
	}
	assert_null(vfioadm_code_info(vfioadm_n_codes()));
}

static void test_search(void **state)
{
	assert_null(code_info(NULL));
	assert_null(code_info(""));
	assert_null(code_info("in-use-"));
	assert_null(code_info("zzz"));
	assert_string_equal(code_info("in-use")->kind, "other");
	assert_string_equal(code_info("auxiliary")->kind, "net");
	assert_null(code_info("variant")->kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_search)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
