/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In place of a fuzzer: runs the target over files, or over all files of a directory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static int run_file(const char *path)
{
	_cleanup_strbuf_ struct strbuf text = {0};
	_cleanup_free_ uint8_t *exact = NULL;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char buf[4096];
	size_t n;

	if (!f)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), f)))
		strbuf_add(&text, buf, n);
	if (text.failed || ferror(f))
		return -EIO;
	/* As long as the input and no longer: valgrind and the sanitizer watch its end. */
	exact = malloc(text.len ? text.len : 1);
	if (!exact)
		return -ENOMEM;
	if (text.len)
		memcpy(exact, text.s, text.len);
	/* Whatever ends the program, the last name is the one to look at. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, text.len);
	return 0;
}

static int run_directory(const char *path, unsigned *n)
{
	_cleanup_closedir_ DIR *d = opendir(path);
	_cleanup_strv_ struct strv files = {0};
	struct dirent *e;
	int r = d ? 0 : -errno;

	while (r == 0 && (e = readdir(d)))
		if (e->d_name[0] != '.')
			r = strv_take(&files, str_format("%s/%s", path, e->d_name));
	strv_sort(&files);
	for (size_t i = 0; r == 0 && i < files.n; i++, (*n)++)
		r = run_file(files.items[i]);
	return r;
}

int main(int argc, char **argv)
{
	unsigned n = 0;
	struct stat st;

	LLVMFuzzerInitialize(&argc, &argv);
	/* Whatever the corpus has: nothing, and one byte. */
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	LLVMFuzzerTestOneInput((const uint8_t *)"\n", 1);
	for (int i = 1; i < argc; i++) {
		int r = stat(argv[i], &st) < 0 ? -errno
			: S_ISDIR(st.st_mode)  ? run_directory(argv[i], &n)
					       : run_file(argv[i]);

		n += r == 0 && !S_ISDIR(st.st_mode);
		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	printf("%u inputs\n", n);
	if (argc > 1 && !n)
		fprintf(stderr, "there are none\n");
	return argc > 1 && !n;
}
