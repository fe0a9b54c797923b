/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scripts and rules that bind functions: which lines do, and which functions or card types they name. Nothing
 * is run, so this looks for the files of sysfs and the commands that bind, and for addresses beside them.
 */
#include <ctype.h>
#include <string.h>

#include "host/others.h"

enum { SEEN_MAX = 64, TYPES_MAX = 16 };

struct scan {
	struct others_text *t;
	other_fn fn;
	void *userdata;
	struct other_slot seen[SEEN_MAX]; /* each is told of once for a file */
	size_t n_seen;
	size_t emitted;
	bool open_types; /* the line that names nothing takes card types */
};

/* ---- addresses ---- */

static bool hex_field(const char **p, size_t digits, uint32_t *ret)
{
	char text[9] = "";
	uint64_t value;

	for (size_t i = 0; i < digits; i++)
		if (!isxdigit((unsigned char)(*p)[i]))
			return false;
	memcpy(text, *p, digits);
	if (str_to_u64(text, 16, UINT32_MAX, &value) < 0)
		return false;
	*p += digits;
	*ret = (uint32_t)value;
	return true;
}

/* ':' may be quoted for a shell or for systemd. */
static bool separator(const char **p, char c)
{
	if (**p == '\\' && (*p)[1] == c)
		++*p;
	if (**p != c)
		return false;
	++*p;
	return true;
}

/* "[01]", "[0-3]", "{0,1}" */
static size_t function_set(const char *p, unsigned *ret)
{
	char close = *p == '[' ? ']' : '}';
	const char *start = p++;

	*ret = 0;
	for (; *p && *p != close; p++) {
		if (*p >= '0' && *p <= '7')
			*ret |= 1u << (*p - '0');
		if (*p >= '0' && *p <= '7' && p[1] == '-' && p[2] >= *p && p[2] <= '7')
			for (char c = *p; c <= p[2]; c++)
				*ret |= 1u << (c - '0');
		else if (!strchr("01234567,-.", *p))
			return 0;
	}
	return *p && *ret ? (size_t)(p + 1 - start) : 0;
}

static size_t function_number(const char *p, struct other_slot *s)
{
	if (*p >= '0' && *p <= '7') {
		s->address.function = (uint8_t)(*p - '0');
		s->functions = 1u << s->address.function;
		return 1;
	}
	s->functions = 0xff;
	if (*p == '*' || *p == '?')
		return 1;
	return *p == '[' || *p == '{' ? function_set(p, &s->functions) : 0;
}

static size_t read_node_name(const char *p, struct other_slot *ret)
{
	const char *start = p;
	uint32_t domain, bus, slot, function;

	p += strlen("pci_");
	if (!hex_field(&p, 4, &domain) || !separator(&p, '_') || !hex_field(&p, 2, &bus) || !separator(&p, '_') ||
	    !hex_field(&p, 2, &slot) || !separator(&p, '_') || !hex_field(&p, 1, &function) || slot > 0x1f ||
	    function > 7 || isalnum((unsigned char)*p))
		return 0;
	*ret = (struct other_slot){ { domain, (uint8_t)bus, (uint8_t)slot, (uint8_t)function }, 1u << function };
	return (size_t)(p - start);
}

size_t others_read_slot(const char *p, struct other_slot *ret)
{
	const char *start = p;
	struct other_slot s = { 0 };
	uint32_t domain = 0, bus, slot;
	size_t digits = strspn(p, "0123456789abcdefABCDEF"), n;

	if (str_after(p, "pci_"))
		return read_node_name(p, ret);
	if (digits >= 4 && digits <= 8 && (!hex_field(&p, digits, &domain) || !separator(&p, ':')))
		return 0;
	if (!hex_field(&p, 2, &bus) || !separator(&p, ':') || !hex_field(&p, 2, &slot) || slot > 0x1f ||
	    !separator(&p, '.'))
		return 0;
	s.address = (struct address){ domain, (uint8_t)bus, (uint8_t)slot, 0 };
	n = function_number(p, &s);
	p += n;
	if (!n || isalnum((unsigned char)*p) || (*p == ':' && isxdigit((unsigned char)p[1])))
		return 0;
	*ret = s;
	return (size_t)(p - start);
}

/* "10de:2184", "10de 2184", "0x10de 0x2184" */
static size_t read_type(const char *p, struct cardtype *ret)
{
	const char *start = p;
	uint32_t vendor, device;

	p += str_after(p, "0x") ? 2 : 0;
	if (!hex_field(&p, 4, &vendor) || (*p != ':' && *p != ' '))
		return 0;
	p++;
	p += str_after(p, "0x") ? 2 : 0;
	if (!hex_field(&p, 4, &device) || isalnum((unsigned char)*p) || *p == '.')
		return 0;
	*ret = (struct cardtype){ vendor, device, CARDTYPE_ANY, CARDTYPE_ANY, 0, 0 };
	return (size_t)(p - start);
}

/* ---- what binds ---- */

/* Drivers of other buses have files of the same names. */
static bool about_other_bus(const char *line)
{
	const char *bus = strstr(line, "/bus/");

	for (; bus; bus = strstr(bus + 1, "/bus/"))
		if (str_after(bus, "/bus/pci/"))
			return false;
	return strstr(line, "/bus/");
}

static bool loads_with_ids(const char *line)
{
	return (strstr(line, "vfio-pci") || strstr(line, "vfio_pci")) && strstr(line, "ids=");
}

static bool binds_types(const char *line)
{
	return strstr(line, "new_id") || loads_with_ids(line);
}

static bool names_slot(const char *line)
{
	struct other_slot s;

	for (const char *p = line; *p; p++)
		if ((p == line || !isalnum((unsigned char)p[-1])) && others_read_slot(p, &s))
			return true;
	return false;
}

static bool writes_binding(const struct others_text *t, const char *line)
{
	static const char *const words[] = { "driver_override", "new_id", "vfio-pci-bind", "vfio_pci_bind",
					     "set-override", "dpdk-devbind", "nodedev-detach", "nodedev-reattach" };

	if (about_other_bus(line))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(line, words[i]))
			return true;
	if (t->any_node_name && strstr(line, "pci_") && names_slot(line))
		return true;
	if (t->any_slot && names_slot(line))
		return true;
	/* "mount --bind" and the like have no slash there. */
	if ((strstr(line, "/bind") || strstr(line, "/unbind") || strstr(line, "]bind}") || strstr(line, "]unbind}") ||
	     strstr(line, "drivers_probe")) &&
	    (strstr(line, "pci/dr") || strstr(line, "vfio") || names_slot(line)))
		return true;
	return loads_with_ids(line);
}

/* ---- findings ---- */

static bool seen_before(struct scan *s, const struct other_slot *slot)
{
	for (size_t i = 0; i < s->n_seen; i++)
		if (address_compare(&s->seen[i].address, &slot->address) == 0 &&
		    (s->seen[i].functions & slot->functions) == slot->functions)
			return true;
	if (s->n_seen < SEEN_MAX)
		s->seen[s->n_seen++] = *slot;
	return false;
}

static int emit(struct scan *s, struct other *o, unsigned line)
{
	s->emitted++;
	if (o->names == OTHER_SLOT && seen_before(s, &o->slot))
		return 0;
	o->line = line;
	return s->fn(o, s->userdata);
}

/* How many were named, or negative. */
static int emit_named(struct scan *s, const char *line, unsigned number, bool types)
{
	int n = 0;

	for (const char *p = line; *p;) {
		struct other o = s->t->about;
		bool start = p == line || !(isalnum((unsigned char)p[-1]) || p[-1] == ':' || p[-1] == '_');
		size_t length = start ? others_read_slot(p, &o.slot) : 0;
		int r;

		o.names = length ? OTHER_SLOT : OTHER_TYPE;
		if (!length && types && start)
			length = read_type(p, &o.type);
		if (!length) {
			p++;
			continue;
		}
		r = emit(s, &o, number);
		if (r < 0)
			return r;
		n++;
		p += length;
	}
	return n;
}

/* ATTR{vendor}=="0x10de", ATTR{device}=="0x2184", … How many, or negative. */
static int emit_attributes(struct scan *s, const char *text, unsigned number)
{
	struct cardtype types[TYPES_MAX];
	size_t n = s->t->rule ? others_rule_types(text, types, TYPES_MAX) : 0;

	for (size_t i = 0; i < n; i++) {
		struct other o = s->t->about;
		int r;

		o.names = OTHER_TYPE;
		o.type = types[i];
		r = emit(s, &o, number);
		if (r < 0)
			return r;
	}
	return (int)n;
}

/* ---- lines ---- */

static bool is_comment(const char *line)
{
	line += strspn(line, " \t");
	return *line == '#' || *line == ';' || !*line;
}

/* " # …" behind a command; in quotes it is none. */
static void cut_comment(char *line)
{
	char quote = '\0';

	for (char *p = line; *p; p++) {
		if (quote)
			quote = *p == quote ? '\0' : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '#' && p > line && isspace((unsigned char)p[-1]))
			*p = '\0';
		if (!*p)
			return;
	}
}

/* A program by its absolute path, as units, cron jobs and rules call it. */
static int calls_binder(const struct scan *s, const char *line)
{
	for (const char *p = line; s->t->calls && (p = strchr(p, '/'));) {
		size_t n = strcspn(p, " \t\"';|&(){}<>");
		char path[256];
		int r;

		if ((p > line && !strchr(" \t\"'=-@!+:;(", p[-1])) || n >= sizeof(path) || n < 2) {
			p += n ? n : 1;
			continue;
		}
		snprintf(path, sizeof(path), "%.*s", (int)n, p);
		r = s->t->calls(path, s->t->calls_data);
		if (r)
			return r;
		p += n;
	}
	return 0;
}

/* 1: it binds. */
static int is_binding(const struct scan *s, const char *line)
{
	return writes_binding(s->t, line) ? 1 : calls_binder(s, line);
}

static int look_at_line(struct scan *s, const char *line, unsigned number)
{
	int r = is_binding(s, line), n;

	if (r <= 0)
		return r;
	n = emit_named(s, line, number, true);
	/* Which slot is meant says more than which card is to be in it. */
	if (n == 0)
		n = emit_attributes(s, line, number);
	if (n == 0 && !s->t->open_line) {
		s->t->open_line = number;
		s->open_types = binds_types(line);
	}
	return n < 0 ? n : 0;
}

/* What a variable holds, a tag marks or a loop goes over stands on other lines. */
static int look_elsewhere(struct scan *s, const char *line, unsigned number)
{
	int r = writes_binding(s->t, line) ? 0 : emit_named(s, line, number, s->open_types);

	if (r == 0)
		r = emit_attributes(s, line, number);
	return r < 0 ? r : 0;
}

static int each_line(struct scan *s, const char *text, int (*fn)(struct scan *s, const char *line, unsigned number))
{
	unsigned number = 0, next = s->t->first_line ? s->t->first_line : 1;
	char line[OTHERS_LINE_MAX];
	int r = 0;

	for (const char *p = text; r == 0 && (p = others_line(p, line, &number, &next));) {
		if (is_comment(line) || (s->t->cron && !strstr(line, "@reboot")))
			continue;
		if (!s->t->rule)
			cut_comment(line);
		r = fn(s, line, number);
	}
	return r;
}

/* ". /etc/vfio.conf", "EnvironmentFile=-/etc/default/vfio": what is computed may be set there. */
static int settings_file(struct scan *s, const char *path)
{
	char *text;
	int r = s->t->settings(path, &text, s->t->calls_data);

	if (r <= 0)
		return r;
	s->t->about.path = path + 1;
	s->t->first_line = 0;
	r = each_line(s, text, look_elsewhere);
	return r;
}

static int look_at_settings(struct scan *s, const char *text)
{
	const char *own = s->t->about.path, *name = strrchr(own, '/');
	char path[256];
	int r = 0;

	for (const char *p = text; r == 0 && !s->emitted && s->t->settings && (p = strstr(p, "/etc/"));) {
		size_t n = strcspn(p, " \t\r\n\"';|&(){}<>");

		if (n < sizeof(path) && (p == text || strchr(" \t\"'=-", p[-1]))) {
			snprintf(path, sizeof(path), "%.*s", (int)n, p);
			r = settings_file(s, path);
		}
		p += n;
	}
	/* Scripts of OpenRC and sysvinit have them under their own name. */
	for (size_t i = 0; r == 0 && !s->emitted && s->t->settings && name && i < 2; i++) {
		if (snprintf(path, sizeof(path), "/etc/%s%s", i ? "default" : "conf.d", name) < (int)sizeof(path))
			r = settings_file(s, path);
	}
	s->t->about.path = own;
	return r;
}

/* "vfio@0000:01:00.0.service": the instance of a template is in its name. */
static int look_at_name(struct scan *s, unsigned number)
{
	const char *at = s->t->about.path ? strchr(s->t->about.path, '@') : NULL;
	int r = at ? emit_named(s, at + 1, number, false) : 0;

	return r < 0 ? r : 0;
}

int others_scan(struct others_text *t, const char *text, other_fn fn, void *userdata)
{
	struct scan s = { .t = t, .fn = fn, .userdata = userdata };
	struct other nothing = t->about;
	int r;

	t->open_line = 0;
	r = each_line(&s, text, look_at_line);
	if (r < 0 || !t->open_line)
		return r;
	r = look_at_name(&s, t->open_line);
	if (r == 0 && !s.emitted)
		r = each_line(&s, text, look_elsewhere);
	/* ATTR{vendor}!="0x10de", GOTO="end" on one line, and the device on another. */
	if (r == 0 && !s.emitted)
		r = emit_attributes(&s, text, t->open_line);
	if (r >= 0 && !s.emitted)
		r = look_at_settings(&s, text);
	if (r < 0 || s.emitted) {
		t->open_line = 0;
		return r < 0 ? r : 0;
	}
	return t->quiet ? 0 : emit(&s, &nothing, t->open_line);
}
