/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_CLI_JSON_H
#define VFIOADM_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A writer of JSON that keeps nothing: what is added goes to the stream at once. A tree of values
 * (json-c) was measured at four times the time for a host with 136 functions, and holds all of it.
 *
 * key is NULL inside arrays and for the outermost value.
 */
struct json {
	FILE *out;
	unsigned depth;
	uint32_t filled; /* bit per depth: a value has been written, the next needs a comma */
	uint32_t lines;	 /* bit per depth: each value on its own line */
};

void json_begin(struct json *j, FILE *out);
/** Ends the outermost value with a newline. */
void json_end(struct json *j);

/** lines: each member on its own line, which a container inside a one-line container never gets. */
void json_object(struct json *j, const char *key, bool lines);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key, bool lines);
void json_array_end(struct json *j);

void json_null(struct json *j, const char *key);
void json_bool(struct json *j, const char *key, bool value);
void json_uint(struct json *j, const char *key, uint64_t value);
/** NULL gives null. Bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *j, const char *key, const char *value);
/** As a string of at least that many lower-case hex digits. */
void json_hex(struct json *j, const char *key, uint64_t value, unsigned digits);

#endif
