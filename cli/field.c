/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "field.h"

static const void *at(const struct field *f, const void *object)
{
	return (const char *)object + f->offset;
}

enum vfioadm_state field_state(const struct field *f, const void *object)
{
	const void *p = at(f, object);

	switch (f->type) {
	case FIELD_STR:
		return ((const struct vfioadm_str *)p)->state;
	case FIELD_UINT:
	case FIELD_HEX:
	case FIELD_YES:
		return ((const struct vfioadm_uint *)p)->state;
	case FIELD_LIST:
		return ((const struct vfioadm_list *)p)->state;
	case FIELD_CSTR:
		return *(const char *const *)p ? VFIOADM_KNOWN : VFIOADM_NONE;
	case FIELD_ERRNO:
		return *(const int *)p ? VFIOADM_KNOWN : VFIOADM_NONE;
	case FIELD_BOOL:
	case FIELD_U64:
	case FIELD_UNSIGNED:
		break;
	case FIELD_SPECIAL:
		return f->state ? f->state(object) : VFIOADM_KNOWN;
	}
	return VFIOADM_KNOWN;
}

static void list_json(struct json *j, const struct field *f, const struct vfioadm_list *list)
{
	json_array(j, f->key, false);
	for (size_t i = 0; list->state == VFIOADM_KNOWN && i < list->n; i++)
		json_string(j, NULL, list->items[i]);
	json_array_end(j);
}

static void known_json(struct json *j, const struct field *f, const void *object)
{
	const void *p = at(f, object);

	switch (f->type) {
	case FIELD_STR:
		json_string(j, f->key, ((const struct vfioadm_str *)p)->value);
		break;
	case FIELD_UINT:
		json_uint(j, f->key, ((const struct vfioadm_uint *)p)->value);
		break;
	case FIELD_HEX:
		json_hex(j, f->key, ((const struct vfioadm_uint *)p)->value, f->digits);
		break;
	case FIELD_YES:
		json_bool(j, f->key, ((const struct vfioadm_uint *)p)->value != 0);
		break;
	case FIELD_LIST:
		list_json(j, f, p);
		break;
	case FIELD_CSTR:
		json_string(j, f->key, *(const char *const *)p);
		break;
	case FIELD_BOOL:
		json_bool(j, f->key, *(const bool *)p);
		break;
	case FIELD_ERRNO:
		json_uint(j, f->key, (uint64_t) * (const int *)p);
		break;
	case FIELD_U64:
		json_uint(j, f->key, *(const uint64_t *)p);
		break;
	case FIELD_UNSIGNED:
		json_uint(j, f->key, *(const unsigned *)p);
		break;
	case FIELD_SPECIAL:
		f->json(j, f, object);
		break;
	}
}

static bool wanted(const struct field *f, unsigned flags, unsigned facets)
{
	return (f->flags & flags) && (f->facet & facets) == f->facet &&
	       (f->type != FIELD_SPECIAL || f->json);
}

void fields_json(struct json *j, const struct field_table *table, unsigned flags, unsigned facets,
		 const void *object)
{
	bool unknown = false;

	for (size_t i = 0; i < table->n; i++) {
		const struct field *f = &table->fields[i];
		enum vfioadm_state state;

		if (!wanted(f, flags, facets))
			continue;
		state = field_state(f, object);
		if (state == VFIOADM_UNKNOWN)
			unknown = true;
		else if (state == VFIOADM_NONE && f->type != FIELD_LIST)
			json_null(j, f->key);
		else
			known_json(j, f, object);
	}
	if (!unknown)
		return;
	json_array(j, "unknown", false);
	for (size_t i = 0; i < table->n; i++) {
		const struct field *f = &table->fields[i];

		if (wanted(f, flags, facets) && field_state(f, object) == VFIOADM_UNKNOWN)
			json_string(j, NULL, f->key);
	}
	json_array_end(j);
}

static void list_text(struct text *t, const struct vfioadm_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			text_add(t, ", ", 2);
		text_add_escaped(t, list->items[i]);
	}
}

static void known_text(struct text *t, const struct field *f, const void *object)
{
	const void *p = at(f, object);

	switch (f->type) {
	case FIELD_STR:
		text_add_escaped(t, ((const struct vfioadm_str *)p)->value);
		break;
	case FIELD_UINT:
		text_addf(t, "%" PRIu64, ((const struct vfioadm_uint *)p)->value);
		break;
	case FIELD_HEX:
		text_addf(t, "%s%0*" PRIx64, f->flags & FIELD_PREFIX ? "0x" : "", (int)f->digits,
			  ((const struct vfioadm_uint *)p)->value);
		break;
	case FIELD_YES:
		text_addf(t, "%s", ((const struct vfioadm_uint *)p)->value ? "yes" : "no");
		break;
	case FIELD_LIST:
		list_text(t, p);
		break;
	case FIELD_CSTR:
		text_add_escaped(t, *(const char *const *)p);
		break;
	case FIELD_BOOL:
		text_addf(t, "%s", *(const bool *)p ? "yes" : "no");
		break;
	case FIELD_ERRNO:
		text_addf(t, "%s", strerror(*(const int *)p));
		break;
	case FIELD_U64:
		text_addf(t, "%" PRIu64, *(const uint64_t *)p);
		break;
	case FIELD_UNSIGNED:
		text_addf(t, "%u", *(const unsigned *)p);
		break;
	case FIELD_SPECIAL:
		break;
	}
}

void field_text(struct text *t, const struct field *f, const void *object)
{
	enum vfioadm_state state = field_state(f, object);

	if (f->text)
		f->text(t, f, object);
	else if (state == VFIOADM_UNKNOWN)
		text_add(t, "?", 1);
	else if (state == VFIOADM_NONE)
		text_add(t, "-", 1);
	else
		known_text(t, f, object);
}

char *field_text_dup(const struct field *f, const void *object)
{
	struct text t = {};

	field_text(&t, f, object);
	return text_take(&t);
}

const struct field *field_find(const struct field_table *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return &table->fields[i];
	}
	return NULL;
}

void text_add_size(struct text *t, uint64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	uint64_t n = bytes;
	size_t unit = 0;

	while (n && n % 1024 == 0 && unit + 1 < ARRAY_SIZE(units)) {
		n /= 1024;
		unit++;
	}
	text_addf(t, "%" PRIu64 " %s", n, units[unit]);
	if (unit)
		text_addf(t, " (%" PRIu64 " bytes)", bytes);
}
