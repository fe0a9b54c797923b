/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "model/declaration.h"

enum { NAME_MAX_BYTES = 127, SEEN_NAME_MAX = 200 };

void declarations_clear(struct declarations *d)
{
	free(d->items);
	arena_free(&d->arena);
	*d = (struct declarations){ 0 };
}

bool declaration_same_match(const struct declaration *a, const struct declaration *b)
{
	for (size_t i = 0; i < N_MATCH_KEYS; i++)
		if (!streq_null(a->match[i], b->match[i]))
			return false;
	return true;
}

bool declaration_name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@";
	size_t n = strlen(name);

	return n && n <= NAME_MAX_BYTES && *name != '.' && strspn(name, allowed) == n;
}

char *declaration_clean_name(struct arena *arena, const char *text)
{
	char *clean = arena_alloc(arena, SEEN_NAME_MAX + 1);
	size_t left = strlen(text), n = 0;

	if (!clean)
		return NULL;
	while (left) {
		size_t len = str_character(text, left), step = len ? len : 1;

		if (n + step > SEEN_NAME_MAX)
			break;
		if (len)
			memcpy(clean + n, text, len);
		else
			clean[n] = ' ';
		/* White space at the head would be cut by the reader. */
		n += n || clean[n] != ' ' ? step : 0;
		text += step;
		left -= step;
	}
	/* A backslash at the end would continue the line for others. */
	while (n && (clean[n - 1] == ' ' || clean[n - 1] == '\\'))
		n--;
	clean[n] = '\0';
	return clean;
}

static void format_match(const struct declaration *d, struct strbuf *out)
{
	strbuf_addf(out, "[Match]\n");
	for (enum match_key key = 0; key < N_MATCH_KEYS; key++)
		if (d->match[key])
			strbuf_addf(out, "%s=%s\n", match_key_name(key), d->match[key]);
	if (d->multiple && !d->match[MATCH_CARD_TYPE])
		strbuf_addf(out, "Multiple=yes\n");
}

static void format_last_seen(const struct declaration *d, struct strbuf *out)
{
	if (!d->seen_address && !d->seen_name)
		return;
	strbuf_addf(out, "\n[LastSeen]\n");
	if (d->seen_address)
		strbuf_addf(out, "Address=%s\n", d->seen_address);
	if (d->seen_name)
		strbuf_addf(out, "Name=%s\n", d->seen_name);
}

static void format_assign(const struct declaration *d, struct strbuf *out)
{
	strbuf_addf(out, "\n[Assign]\nDriver=%s\n", d->driver ? d->driver : "auto");
	if (d->whole_group)
		strbuf_addf(out, "IommuGroup=whole\n");
}

static void format_node(const struct declaration *d, struct strbuf *out)
{
	bool mode = d->node_mode.state == VFIOADM_KNOWN;

	if (!d->node_user && !d->node_group && !mode)
		return;
	strbuf_addf(out, "\n[Node]\n");
	if (d->node_user)
		strbuf_addf(out, "User=%s\n", d->node_user);
	if (d->node_group)
		strbuf_addf(out, "Group=%s\n", d->node_group);
	if (mode)
		strbuf_addf(out, "Mode=%04o\n", (unsigned)d->node_mode.value);
}

void declaration_format(const struct declaration *d, struct strbuf *out)
{
	strbuf_addf(out, DECLARATION_HEAD);
	format_match(d, out);
	format_last_seen(d, out);
	format_assign(d, out);
	format_node(d, out);
	if (d->vfs.state == VFIOADM_KNOWN)
		strbuf_addf(out, "\n[SR-IOV]\nVFs=%llu\n", (unsigned long long)d->vfs.value);
}
