/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "policy/select_private.h"

enum {
	QUOTE_MAX = 64,
	INTERFACE_MAX = 15, /* IFNAMSIZ without the NUL */
};

const char selector_usage[] =
	"Write an address (0000:01:00.0), vendor:device, one of group=, uid=, fid=, pchid=, "
	"serial=, "
	"mac=, path= with a value, a path below /dev/, or a network interface.";

char *selector_quote(const char *text)
{
	_cleanup_strbuf_ struct strbuf b = {0};

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (p - text == QUOTE_MAX) {
			strbuf_addf(&b, "...");
			break;
		}
		if (c < 0x20 || c >= 0x7f)
			strbuf_addf(&b, "\\x%02x", c);
		else
			strbuf_add(&b, p, 1);
	}
	return strbuf_take(&b);
}

/* `"TEXT" WHY.` */
int selector_reject(const char *text, struct vfioadm_error **err, const char *fmt, ...)
{
	_cleanup_free_ char *quoted = selector_quote(text), *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		why = NULL;
	va_end(ap);
	if (!quoted || !why)
		return error_oom(err);
	return error_set(err, -EINVAL, VFIOADM_E_BAD_SELECTOR, "\"%s\" %s.", quoted, why);
}

void selector_suggest(struct vfioadm_error **err, const char *what)
{
	_cleanup_free_ char *quoted = selector_quote(what);

	if (quoted)
		error_hint(err, "Did you mean %s?", quoted);
}

static void did_you_mean_address(struct vfioadm_error **err, const struct address *a)
{
	char buf[ADDRESS_MAX];

	address_format(a, buf);
	selector_suggest(err, buf);
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* As address_guess(), and the ways in which other tools wrap an address. */
static bool guess_address(const char *text, struct address *ret)
{
	_cleanup_free_ char *whole = NULL;
	const char *digits = text;
	bool wrapped = false;
	size_t bus;

	/* libvirt's pci_0000_01_00_0, udev's pci-0000:01:00.0, Xorg's PCI:1:0:0 */
	if (strncasecmp(text, "pci", 3) == 0 && text[3] && strchr("_-:@", text[3])) {
		digits = text + 4;
		wrapped = true;
	}
	/* bb:dd, the function forgotten */
	bus = strspn(digits, HEX);
	if (bus >= 1 && bus <= 2 && digits[bus] == ':') {
		size_t slot = strspn(digits + bus + 1, HEX);

		if (slot >= 1 && slot <= 2 && !digits[bus + 1 + slot]) {
			whole = str_format("%s.0", digits);
			return whole && address_guess(whole, ret);
		}
	}
	/*
	 * Without a colon this may be the name of an interface, which may hold '.', '-' and '_' as well:
	 * only what begins with a number and has four groups, or two digits for the slot, is no name.
	 */
	if (!wrapped && !strchr(text, ':')) {
		size_t groups = 1;

		for (const char *p = text; *p; p++)
			groups += *p == '.' || *p == '-' || *p == '_';
		if (!isdigit((unsigned char)text[0]) ||
		    (groups != 4 &&
		     !(groups == 3 && strspn(text, HEX) == 2 && strspn(text + 3, HEX) == 2)))
			return false;
	}
	return address_guess(digits, ret);
}

/* Has the outline of an address; says which field cannot be. */
static int reject_outline(const char *text, struct vfioadm_error **err)
{
	static const struct {
		const char *name, *range;
		uint64_t max;
	} fields[] = {
		{"function", "0 to 7", 7},
		{"device", "00 to 1f", 0x1f},
		{"bus", "00 to ff", 0xff},
	};
	_cleanup_free_ char *rest = strdup(text);
	int r;

	if (!rest)
		return error_oom(err);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *field = strrchr(rest, i == 0 ? '.' : ':');
		uint64_t v;

		if (str_to_u64(field ? field + 1 : rest, 16, UINT64_MAX, &v) < 0)
			break;
		if (v > fields[i].max)
			return selector_reject(
				text, err,
				"is not a PCI address: its %s number \"%s\" is not in the range %s",
				fields[i].name, field ? field + 1 : rest, fields[i].range);
		if (!field)
			break;
		*field = '\0';
	}
	r = selector_reject(text, err, "is not a PCI address of the form dddd:bb:dd.f");
	error_hint(err, "'vfioadm list' shows the address of each function.");
	return r;
}

/* ---- card types -------------------------------------------------------------------------------- */

struct id_shape selector_id_shape(const char *s)
{
	struct id_shape shape = {0, true, true};

	for (;; s++) {
		bool prefixed = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
		size_t digits;

		s += prefixed ? 2 : 0;
		digits = strspn(s, HEX);
		if (*s == '*' && shape.fields >= 2) {
			digits = 1;
		} else {
			shape.hex &= digits >= 1 && digits <= 4;
			shape.exact &= digits == 4 || (prefixed && digits);
		}
		shape.fields++;
		s += digits;
		if (*s != ':')
			break;
	}
	shape.hex &= *s == '\0' && shape.fields >= 2;
	shape.exact &= shape.hex;
	return shape;
}

/* Digits were left out: the same with four in each field. */
static void suggest_padded(const char *text, struct vfioadm_error **err)
{
	char buf[CARDTYPE_MAX];
	struct cardtype type;

	if (cardtype_parse(text, &type, NULL) < 0)
		return;
	cardtype_format(&type, buf);
	selector_suggest(err, buf);
}

static int reject_short_id(const char *text, struct vfioadm_error **err)
{
	int r = selector_reject(
		text, err, "is not vendor:device: each of these IDs has four hexadecimal digits");
	suggest_padded(text, err);
	return r;
}

static int reject_id_count(const char *text, size_t fields, struct vfioadm_error **err)
{
	int r = selector_reject(text, err,
				"has %zu IDs, but a selector takes vendor:device or "
				"vendor:device:subvendor:subdevice",
				fields);
	if (fields == 3)
		error_hint(err, "Did you mean %s:*?", text);
	else
		error_hint(err,
			   "Leave out what stands behind the subdevice; class and mask are for "
			   "'vfioadm enable' only.");
	return r;
}

/* ---- paths and interfaces ---------------------------------------------------------------------- */

static int parse_absolute(const char *text, struct selector *s, struct vfioadm_error **err)
{
	const char *name = str_after(text, "/dev/"), *last = strrchr(text, '/') + 1;
	struct address a;
	int r;

	if (name && name[strspn(name, "/")]) {
		s->kind = SELECT_NODE;
		return 0;
	}
	r = selector_reject(text, err, "is not the path of a device node below /dev/");
	if (address_parse(last, &a) == 0)
		did_you_mean_address(err, &a);
	else
		error_hint(err, "%s", selector_usage);
	return r;
}

/* dev_valid_name() in the kernel, said in words; NULL: it can be the name of an interface. */
static const char *interface_fault(const char *s)
{
	if (strlen(s) > INTERFACE_MAX)
		return "a network interface's name has at most 15 characters";
	if (streq(s, ".") || streq(s, ".."))
		return "no network interface is called so";
	for (; *s; s++)
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s))
			return "a network interface's name holds no '/', no ':' and no blank";
	return NULL;
}

/* The same with one character for another; did you mean that? */
static bool suggest_id_of_fields(const char *text, struct vfioadm_error **err)
{
	_cleanup_free_ char *joined = strdup(text);

	if (!joined)
		return false;
	for (char *p = joined; *p; p++)
		if (*p == ' ')
			*p = ':';
	if (!selector_id_shape(joined).exact)
		return false;
	selector_suggest(err, joined);
	return true;
}

static bool suggest_key_with_colon(const char *text, struct vfioadm_error **err)
{
	const char *colon = strchr(text, ':');
	const struct key *key = colon ? selector_key(text, (size_t)(colon - text)) : NULL;
	_cleanup_free_ char *quoted = key && colon[1] ? selector_quote(colon + 1) : NULL;

	if (quoted)
		error_hint(err, "Did you mean %s=%s?", key->name, quoted);
	return quoted;
}

static int parse_interface(const char *text, struct selector *s, struct vfioadm_error **err)
{
	const char *fault = interface_fault(text);
	const char *node = str_after(text, "dev/");
	_cleanup_free_ char *path = NULL;
	int r;

	if (!fault) {
		s->kind = SELECT_INTERFACE;
		return 0;
	}
	path = node && *node ? str_format("/%s", text) : NULL;
	if (strchr(text, ':'))
		r = selector_reject(text, err,
				    "is neither a PCI address (dddd:bb:dd.f) nor vendor:device");
	else
		r = selector_reject(text, err, "names nothing: %s", fault);
	if (path)
		selector_suggest(err, path);
	else if (!suggest_key_with_colon(text, err) && !suggest_id_of_fields(text, err))
		error_hint(err, "%s", selector_usage);
	return r;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static int reject_blanks(const char *text, struct vfioadm_error **err)
{
	_cleanup_free_ char *copy = strdup(text + strspn(text, " \t\r\n\v\f"));
	struct selector other;
	struct address a;
	int r;

	if (!copy)
		return error_oom(err);
	str_rstrip(copy);
	if (!*copy) {
		r = selector_reject(text, err, "is empty and names no function");
		error_hint(err, "%s", selector_usage);
		return r;
	}
	r = selector_reject(text, err, "has blanks around it");
	if (selector_parse(copy, &other, NULL) == 0)
		selector_suggest(err, copy);
	else if (guess_address(copy, &a))
		did_you_mean_address(err, &a);
	else
		error_hint(err, "%s", selector_usage);
	return r;
}

/* Words with ':' or of digits: an ID, else what looks like one of the things that we know. */
static int parse_digits(const char *text, struct selector *s, struct vfioadm_error **err)
{
	struct id_shape shape = selector_id_shape(text);
	struct address a;
	uint64_t bytes;
	char separator;
	int r;

	if (shape.exact && (shape.fields == 2 || shape.fields == 4)) {
		s->kind = SELECT_CARDTYPE;
		return cardtype_parse(text, &s->type, err);
	}
	if (shape.exact)
		return reject_id_count(text, shape.fields, err);
	if (guess_address(text, &a)) {
		r = selector_reject(text, err, "is not written as a PCI address (dddd:bb:dd.f)");
		did_you_mean_address(err, &a);
		return r;
	}
	if (shape.hex && (shape.fields == 2 || shape.fields == 4))
		return reject_short_id(text, err);
	if (strspn(text, HEX ":.") == strlen(text) && strchr(text, ':') && strchr(text, '.'))
		return reject_outline(text, err);
	if ((selector_parse_bytes(text, 6, &bytes, &separator) && separator) ||
	    (selector_parse_bytes(text, 8, &bytes, &separator) && separator)) {
		const char *key = strlen(text) == 17 ? "mac" : "serial";

		r = selector_reject(text, err, "looks like %s and needs its key",
				    strlen(text) == 17 ? "a MAC address"
						       : "a device serial number");
		error_hint(err, "Did you mean %s=%s?", key, text);
		return r;
	}
	return parse_interface(text, s, err);
}

int selector_parse(const char *text, struct selector *ret, struct vfioadm_error **err)
{
	struct selector s = {.text = text};
	const char *equals = strchr(text, '=');
	size_t n = strlen(text);
	int r;

	if (!n || isspace((unsigned char)text[0]) || isspace((unsigned char)text[n - 1]))
		return reject_blanks(text, err);
	if (address_parse(text, &s.address) == 0) {
		s.kind = SELECT_ADDRESS;
		r = 0;
	} else if (text[0] == '/') {
		r = parse_absolute(text, &s, err);
	} else if (equals) {
		r = selector_parse_key(text, equals, &s, err);
	} else {
		r = parse_digits(text, &s, err);
	}
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}
