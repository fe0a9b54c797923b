/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PCI functions that one of libvirt's files names. A scanner for exactly that, since an XML library
 * would cost every start of the command its loading. It knows elements, attributes, comments, CDATA and the
 * predefined entities; it gives up at a document type, which libvirt never writes.
 */
#include <ctype.h>
#include <limits.h>

#include "host/others.h"
#include "host/uses_private.h"

enum {
	DEPTH_MAX = 64,
	VALUE_MAX = 256,
	ARGUMENT_MAX = 2048,
};

struct slice {
	const char *s;
	size_t n;
};

enum token_kind { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_TEXT };

struct token {
	enum token_kind kind;
	struct slice name, attributes; /* of an element */
	struct slice text;
	bool empty; /* "<a/>" */
	bool literal; /* CDATA: entities are none */
};

struct level {
	struct slice name;
	bool claims;  /* its source names a function */
	bool managed;
};

struct scan {
	const char *p, *end;
	struct level levels[DEPTH_MAX];
	size_t depth;
	char name[VALUE_MAX];
	size_t name_length;
	int (*fn)(const struct libvirt_claim *c, void *userdata); /* NULL: only the name is looked for */
	void *userdata;
};

static bool is(struct slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.s, text, s.n) == 0;
}

/* ---- tokens ---- */

static bool starts(const struct scan *x, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(x->end - x->p) >= n && memcmp(x->p, text, n) == 0;
}

/* To behind the next occurrence; at the end of the text when there is none. */
static struct slice up_to(struct scan *x, const char *text)
{
	const char *found = memmem(x->p, (size_t)(x->end - x->p), text, strlen(text));
	struct slice s = { x->p, (size_t)((found ? found : x->end) - x->p) };

	x->p = found ? found + strlen(text) : x->end;
	return s;
}

static size_t name_length(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && !isspace((unsigned char)*p) && !strchr("/>=\"'<", *p))
		p++;
	return (size_t)(p - start);
}

/* A '>' within quotes ends no element. */
static const char *end_of_tag(const char *p, const char *end)
{
	char quote = 0;

	for (; p < end; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p;
	}
	return NULL;
}

static struct token read_tag(struct scan *x)
{
	struct token t = { .kind = x->p[1] == '/' ? TOKEN_CLOSE : TOKEN_OPEN };
	const char *start = x->p + (t.kind == TOKEN_CLOSE ? 2 : 1);
	const char *end = end_of_tag(start, x->end);

	if (!end)
		return (struct token){ 0 };
	t.name = (struct slice){ start, name_length(start, end) };
	t.empty = t.kind == TOKEN_OPEN && end > start && end[-1] == '/';
	t.attributes.s = start + t.name.n;
	t.attributes.n = (size_t)(end - t.attributes.s) - t.empty;
	x->p = end + 1;
	return t.name.n ? t : (struct token){ 0 };
}

static struct token read_token(struct scan *x)
{
	while (x->p < x->end) {
		if (starts(x, "<!--")) {
			x->p += 4;
			up_to(x, "-->");
		} else if (starts(x, "<?")) {
			up_to(x, "?>");
		} else if (starts(x, "<![CDATA[")) {
			x->p += 9;
			return (struct token){ .kind = TOKEN_TEXT, .text = up_to(x, "]]>"), .literal = true };
		} else if (starts(x, "<!") || (*x->p == '<' && x->end - x->p < 2)) {
			break;
		} else if (*x->p == '<') {
			return read_tag(x);
		} else {
			const char *next = memchr(x->p, '<', (size_t)(x->end - x->p));
			struct slice text = { x->p, (size_t)((next ? next : x->end) - x->p) };

			x->p += text.n;
			return (struct token){ .kind = TOKEN_TEXT, .text = text };
		}
	}
	return (struct token){ 0 };
}

/* ---- text ---- */

static size_t put_utf8(uint64_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The character of "amp", "#38" or "#x26"; 0: none that is known. */
static uint64_t entity(struct slice name)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };
	char digits[12];
	uint64_t code;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (is(name, known[i].name))
			return (uint64_t)known[i].c;
	if (name.n < 2 || name.n >= sizeof(digits) || name.s[0] != '#')
		return 0;
	memcpy(digits, name.s + 1, name.n - 1);
	digits[name.n - 1] = '\0';
	if (digits[0] == 'x')
		return str_to_u64(digits + 1, 16, 0x10ffff, &code) < 0 ? 0 : code;
	return str_to_u64(digits, 10, 0x10ffff, &code) < 0 ? 0 : code;
}

/* Adds text to a buffer, what does not fit is dropped. */
static size_t add_text(char *buf, size_t size, size_t used, struct slice text, bool literal)
{
	for (size_t i = 0; i < text.n && used + 5 < size; i++) {
		const char *end = literal || text.s[i] != '&' ?
					  NULL :
					  memchr(text.s + i, ';', text.n - i < 16 ? text.n - i : 16);
		uint64_t code = 0;

		if (end)
			code = entity((struct slice){ text.s + i + 1, (size_t)(end - text.s) - i - 1 });
		if (code) {
			used += put_utf8(code, buf + used);
			i = (size_t)(end - text.s);
		} else if (text.s[i]) {
			buf[used++] = text.s[i];
		}
	}
	buf[used] = '\0';
	return used;
}

/* The decoded value of an attribute, or "". */
static void attribute_text(const struct token *t, const char *name, char *value, size_t size)
{
	const char *p = t->attributes.s, *end = p + t->attributes.n;

	value[0] = '\0';
	while (p < end) {
		struct slice found;
		const char *close;

		found = (struct slice){ p, name_length(p, end) };
		if (!found.n) {
			p++;
			continue;
		}
		p += found.n;
		while (p < end && isspace((unsigned char)*p))
			p++;
		if (p >= end || *p != '=')
			continue;
		p++;
		while (p < end && isspace((unsigned char)*p))
			p++;
		if (p >= end || (*p != '"' && *p != '\''))
			return;
		close = memchr(p + 1, *p, (size_t)(end - p - 1));
		if (!close)
			return;
		if (is(found, name)) {
			add_text(value, size, 0, (struct slice){ p + 1, (size_t)(close - p - 1) }, false);
			return;
		}
		p = close + 1;
	}
}

static void attribute(const struct token *t, const char *name, char value[VALUE_MAX])
{
	attribute_text(t, name, value, VALUE_MAX);
}

static bool attribute_is(const struct token *t, const char *name, const char *want)
{
	char value[VALUE_MAX];

	attribute(t, name, value);
	return streq(value, want);
}

/* As libvirt reads it: "0x1a", "26", and with a leading zero octal. */
static bool attribute_number(const struct token *t, const char *name, uint64_t max, uint64_t *ret)
{
	char value[VALUE_MAX];
	unsigned base = 10;

	attribute(t, name, value);
	if (value[0] == '0' && value[1])
		base = value[1] == 'x' || value[1] == 'X' ? 16 : 8;
	return str_to_u64(value, base, max, ret) == 0;
}

/* ---- claims ---- */

/* How many levels stand above the domain or network itself: one in the status of a running domain. */
static size_t base_of(const struct scan *x)
{
	return x->depth && (is(x->levels[0].name, "domstatus") || is(x->levels[0].name, "networkstatus"));
}

/* Is the innermost element NAME, so many levels below the domain or network? */
static bool at(const struct scan *x, size_t below, const char *root, const char *name)
{
	size_t base = base_of(x);

	return x->depth == base + below + 1 && is(x->levels[base].name, root) &&
	       is(x->levels[x->depth - 1].name, name);
}

static bool in_devices(const struct scan *x)
{
	size_t base = base_of(x);

	return x->depth > base + 2 && is(x->levels[base].name, "domain") &&
	       is(x->levels[base + 1].name, "devices");
}

/* Does this element claim what its source names? */
static bool is_claim(const struct scan *x, const struct token *t)
{
	if (at(x, 1, "network", "forward"))
		return attribute_is(t, "mode", "hostdev");
	if (!in_devices(x))
		return false;
	if (at(x, 2, "domain", "hostdev"))
		return attribute_is(t, "type", "pci") && (attribute_is(t, "mode", "subsystem") ||
							  attribute_is(t, "mode", ""));
	if (at(x, 2, "domain", "disk"))
		return attribute_is(t, "type", "nvme");
	/* What a network gave to the interface stands in "actual". */
	if (at(x, 2, "domain", "interface") || (at(x, 3, "domain", "actual") && is(x->levels[x->depth - 2].name, "interface")))
		return attribute_is(t, "type", "hostdev");
	return false;
}

static int emit(struct scan *x, const struct token *t, bool network, bool managed)
{
	struct libvirt_claim c = { .name = x->name, .network = network, .managed = managed };
	uint64_t domain = 0, bus = 0, slot = 0, function = 0;

	if (!attribute_is(t, "type", "") && !attribute_is(t, "type", "pci"))
		return 0;
	if (!attribute_number(t, "bus", 0xff, &bus) || !attribute_number(t, "slot", 0x1f, &slot))
		return 0;
	if (!attribute_is(t, "domain", "") && !attribute_number(t, "domain", UINT32_MAX, &domain))
		return 0;
	if (!attribute_is(t, "function", "") && !attribute_number(t, "function", 7, &function))
		return 0;
	c.address = (struct address){ (uint32_t)domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)function };
	return x->fn(&c, x->userdata);
}

static int emit_pf(struct scan *x, const struct token *t, bool managed)
{
	struct libvirt_claim c = { .name = x->name, .network = true, .managed = managed };
	char value[VALUE_MAX];

	attribute(t, "dev", value);
	c.pf = value;
	return value[0] ? x->fn(&c, x->userdata) : 0;
}

/* "qemu:commandline", whatever the document calls the name space. */
static bool is_local(struct slice name, const char *local)
{
	const char *colon = memchr(name.s, ':', name.n);
	size_t skip = colon ? (size_t)(colon - name.s) + 1 : 0;

	return colon && is((struct slice){ name.s + skip, name.n - skip }, local);
}

static bool is_argument(const struct scan *x)
{
	size_t base = base_of(x);

	return x->depth == base + 3 && is(x->levels[base].name, "domain") &&
	       is_local(x->levels[base + 1].name, "commandline") && is_local(x->levels[base + 2].name, "arg");
}

/* Behind "host=" or "sysfsdev=" of an option, or behind the same key in JSON. */
static const char *argument_host(const char *argument)
{
	static const char *const keys[] = { "host", "sysfsdev" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t n = strlen(keys[i]);

		for (const char *p = argument; (p = strstr(p, keys[i])); p += n) {
			const char *rest = p + n;

			if (p == argument || !strchr(",\"{", p[-1]))
				continue;
			rest += *rest == '"';
			rest += strspn(rest, " \t\n");
			if (*rest == '=' || *rest == ':')
				return rest + 1;
		}
	}
	return NULL;
}

static bool is_vfio_device(const char *argument)
{
	if (str_after(argument, "vfio-pci,") || str_after(argument, "vfio-pci-nohotplug,"))
		return true;
	return *argument == '{' && (strstr(argument, "\"vfio-pci\"") || strstr(argument, "\"vfio-pci-nohotplug\""));
}

/* A device that QEMU is given beside what libvirt knows of: libvirt binds nothing for it. */
static int emit_argument(struct scan *x, const struct token *t)
{
	struct libvirt_claim c = { .name = x->name };
	char value[ARGUMENT_MAX];
	struct other_slot slot;
	const char *p;

	attribute_text(t, "value", value, sizeof(value));
	p = is_vfio_device(value) ? argument_host(value) : NULL;
	if (!p)
		return 0;
	for (; *p && *p != ',' && *p != '}'; p++) {
		if ((isxdigit((unsigned char)*p) && !isxdigit((unsigned char)p[-1])) && others_read_slot(p, &slot)) {
			c.address = slot.address;
			return x->fn(&c, x->userdata);
		}
	}
	return 0;
}

/* An element has been entered; what it stands in says what it means. */
static int entered(struct scan *x, const struct token *t)
{
	struct level *self = &x->levels[x->depth - 1];
	const struct level *parent = x->depth > 1 ? self - 1 : NULL, *above = x->depth > 2 ? self - 2 : NULL;

	self->claims = is_claim(x, t);
	self->managed = attribute_is(t, "managed", "yes");
	if (!x->fn || !parent)
		return 0;
	if (is_argument(x))
		return emit_argument(x, t);
	if (parent->claims && is(parent->name, "forward") && is(t->name, "address"))
		return emit(x, t, true, parent->managed);
	if (parent->claims && is(parent->name, "forward") && is(t->name, "pf"))
		return emit_pf(x, t, parent->managed);
	if (above && above->claims && is(parent->name, "source") && is(t->name, "address"))
		return emit(x, t, false, parent->managed || above->managed);
	return 0;
}

static int open_element(struct scan *x, const struct token *t)
{
	int r;

	if (x->depth == DEPTH_MAX)
		return 1;
	x->levels[x->depth++] = (struct level){ .name = t->name };
	r = entered(x, t);
	x->depth -= t->empty;
	return r;
}

/* 1: no well-formed text. */
static int close_element(struct scan *x, const struct token *t)
{
	const struct level *l = x->depth ? &x->levels[x->depth - 1] : NULL;

	if (!l || l->name.n != t->name.n || memcmp(l->name.s, t->name.s, t->name.n) != 0)
		return 1;
	x->depth--;
	return 0;
}

static int scan_all(struct scan *x, const char *text, size_t size)
{
	struct token t;
	int r = 0;

	x->p = text;
	x->end = text + size;
	x->depth = 0;
	while (r == 0 && (t = read_token(x)).kind != TOKEN_END) {
		if (t.kind == TOKEN_OPEN)
			r = open_element(x, &t);
		else if (t.kind == TOKEN_CLOSE)
			r = close_element(x, &t);
		else if (!x->fn && (at(x, 1, "domain", "name") || at(x, 1, "network", "name")))
			x->name_length = add_text(x->name, sizeof(x->name), x->name_length, t.text, t.literal);
	}
	return r < 0 ? r : 0;
}

int libvirt_scan(const char *text, size_t size, int (*fn)(const struct libvirt_claim *c, void *userdata),
		 void *userdata)
{
	struct scan *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	r = scan_all(x, text, size);
	x->fn = fn;
	x->userdata = userdata;
	if (r == 0)
		r = scan_all(x, text, size);
	free(x);
	return r;
}
