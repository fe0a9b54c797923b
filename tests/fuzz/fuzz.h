/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_FUZZ_H
#define VFIOADM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

/*
 * What the fuzz targets have in common. A target is one file with LLVMFuzzerTestOneInput(). Built with
 * -Dfuzz=enabled it searches by itself; in every other build replay.c runs it over its corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/** Optional: once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

/** Not an assert(): it counts in every build. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fuzz_failed(__FILE__, __LINE__, #condition);                               \
	} while (0)
_Noreturn void fuzz_failed(const char *file, int line, const char *what);

/** The input as a string that ends with its last byte: a read behind it is one outside. free() it. */
char *fuzz_string(const uint8_t *data, size_t size);

/** The next part of the input, up to the separator or its end. false: there is none. */
struct fuzz_parts {
	const uint8_t *rest;
	size_t size;
	uint8_t separator;
	bool done;
};
bool fuzz_next_part(struct fuzz_parts *parts, const uint8_t **ret, size_t *ret_size);

/* check.c; what is not as it must be ends the program */

/** UTF-8 without control characters; lines: but newlines. NULL is fine. */
void fuzz_check_text(const char *what, const char *text, bool lines);
/** One value in JSON, and a newline. */
void fuzz_check_json(const char *what, const char *text);
/** Message and hint are sentences that can be shown; frees the error. */
struct vfioadm_error;
void fuzz_check_error(struct vfioadm_error *error);

#endif
