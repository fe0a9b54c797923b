/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "policy/select_private.h"

/* Selectors of the form key=value. */

enum { KEY_MAX = 16 }; /* longer words are not compared with our keys */

static const struct key keys[] = {
	{"group", SELECT_GROUP, 10, INT32_MAX, "7"},
	{"uid", SELECT_UID, 16, 0xffff, "10"},
	{"fid", SELECT_FID, 16, UINT32_MAX, "100"},
	{"pchid", SELECT_PCHID, 16, 0xffff, "1c0"},
	{"serial", SELECT_SERIAL, 0, 0, "00-11-22-ff-fe-33-44-55"},
	{"mac", SELECT_MAC, 0, 0, "52:54:00:12:34:56"},
	{"path", SELECT_PATH, 0, 0, "pci-0000:00:1c.0/00.0"},
};

/* What other tools and the kernel's files call them. */
static const struct {
	const char *alias, *key;
} aliases[] = {
	{"iommu_group", "group"}, {"iommu-group", "group"},    {"iommugroup", "group"},
	{"iommu", "group"},	  {"function_id", "fid"},      {"dsn", "serial"},
	{"sn", "serial"},	  {"serial_number", "serial"}, {"hwaddr", "mac"},
};

bool selector_parse_bytes(const char *s, unsigned n, uint64_t *ret, char *ret_separator)
{
	char separator = s[0] && s[1] && (s[2] == ':' || s[2] == '-') ? s[2] : '\0';
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		char pair[3] = {0};
		uint64_t byte;

		if (i && separator && *s++ != separator)
			return false;
		if (strspn(s, HEX) < 2)
			return false;
		memcpy(pair, s, 2);
		if (str_to_u64(pair, 16, 0xff, &byte) < 0)
			return false;
		v = v << 8 | byte;
		s += 2;
	}
	if (*s)
		return false;
	*ret = v;
	if (ret_separator)
		*ret_separator = separator;
	return true;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance, case ignored; both shorter than KEY_MAX. */
static size_t edit_distance(const char *a, size_t n, const char *b)
{
	size_t row[KEY_MAX + 1], m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t above = row[j];

			row[j] = min3(row[j] + 1, row[j - 1] + 1,
				      diagonal + (lower(a[i - 1]) != b[j - 1]));
			diagonal = above;
		}
	}
	return row[m];
}

static const char *nearest_key(const char *word, size_t n)
{
	const char *best = NULL;
	size_t best_distance = 3; /* two slips of the finger at most */

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (n == strlen(aliases[i].alias) && strncasecmp(word, aliases[i].alias, n) == 0)
			return aliases[i].key;
	for (size_t i = 0; i < ARRAY_SIZE(keys) && n < KEY_MAX; i++) {
		size_t distance = edit_distance(word, n, keys[i].name);

		/* Not when more than half of the word would have to change. */
		if (distance < best_distance && distance * 2 <= n) {
			best = keys[i].name;
			best_distance = distance;
		}
	}
	return best;
}

const struct key *selector_key(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (n == strlen(keys[i].name) && strncmp(word, keys[i].name, n) == 0)
			return &keys[i];
	return NULL;
}

static int reject_key(const char *text, const char *equals, struct vfioadm_error **err)
{
	_cleanup_free_ char *word = strndup(text, (size_t)(equals - text));
	_cleanup_free_ char *quoted = word ? selector_quote(word) : NULL;
	_cleanup_free_ char *value = selector_quote(equals + 1);
	const char *near = nearest_key(text, (size_t)(equals - text));
	struct id_shape shape = selector_id_shape(equals + 1);
	struct address a;
	int r;

	if (!quoted || !value)
		return error_oom(err);
	if (*quoted)
		r = selector_reject(text, err,
				    "has the key \"%s\", but the keys are group, uid, fid, pchid, "
				    "serial, mac and path",
				    quoted);
	else
		r = selector_reject(text, err, "has no key before the \"=\"");
	if (near)
		error_hint(err, "Did you mean %s=%s?", near, value);
	else if (address_parse(equals + 1, &a) == 0 || shape.exact ||
		 str_after(equals + 1, "/dev/"))
		error_hint(err, "Did you mean %s?", value);
	else
		error_hint(err, "%s", selector_usage);
	return r;
}

static int parse_number(const struct key *key, const char *text, const char *value, uint64_t *ret,
			struct vfioadm_error **err)
{
	const char *kind = key->base == 16 ? "hexadecimal" : "decimal";
	int r = str_to_u64(value, key->base, key->max, ret);
	_cleanup_free_ char *quoted = NULL;

	if (r == 0)
		return 0;
	quoted = selector_quote(value);
	if (!quoted)
		return error_oom(err);
	if (r == -ERANGE && key->base == 16)
		r = selector_reject(text, err, "is out of range: the greatest %s is %" PRIx64,
				    key->name, key->max);
	else if (r == -ERANGE)
		r = selector_reject(text, err, "is out of range: the greatest %s is %" PRIu64,
				    key->name, key->max);
	else
		r = selector_reject(text, err, "needs a %s number behind %s=, and \"%s\" is none",
				    kind, key->name, quoted);
	error_hint(err, "Write for example %s=%s.", key->name, key->example);
	return r;
}

int selector_parse_key(const char *text, const char *equals, struct selector *s,
		       struct vfioadm_error **err)
{
	const struct key *key = selector_key(text, (size_t)(equals - text));
	int r;

	if (!key)
		return reject_key(text, equals, err);
	s->kind = key->kind;
	s->value = equals + 1;
	if (!*s->value) {
		r = selector_reject(text, err, "has no value behind the \"=\"");
		error_hint(err, "Write for example %s=%s.", key->name, key->example);
		return r;
	}
	if (key->base)
		return parse_number(key, text, s->value, &s->number, err);
	if (key->kind == SELECT_MAC && !selector_parse_bytes(s->value, 6, &s->number, NULL)) {
		r = selector_reject(text, err, "does not name a MAC address of six bytes");
		error_hint(err, "Write for example %s=%s.", key->name, key->example);
		return r;
	}
	return 0;
}
