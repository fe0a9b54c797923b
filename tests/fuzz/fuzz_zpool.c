/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zpool.cache, which an interrupted write or a bad disk may have cut anywhere. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "host/zpool_cache.h"

static int check_path(const char *pool, const char *path, void *userdata)
{
	unsigned *n = userdata;

	FUZZ_CHECK(memchr(pool, '\0', 256) && memchr(path, '\0', 1024));
	/* Every ninth is one too many. */
	return ++*n % 9 ? 0 : -ECANCELED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n = 0, before;
	int r = zpool_cache_each(data, size, check_path, &n);

	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -ECANCELED);
	/* What stands before a cut is read all the same, and never more than that. */
	before = n;
	n = 0;
	r = zpool_cache_each(data, size / 2, check_path, &n);
	FUZZ_CHECK((r == 0 || r == -EBADMSG || r == -ECANCELED) && n <= before);
	return 0;
}
