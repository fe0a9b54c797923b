/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>

#include "fake/recorder.h"
#include "runner.h"

/* vendor and device of a function, joined by sep */
static int put_id(struct runner *run, const char *address, char sep, struct strbuf *out)
{
	struct host *h = recorder_inner(run->host);
	_cleanup_free_ char *vendor = str_format("sys/bus/pci/devices/%s/vendor", address);
	_cleanup_free_ char *device = str_format("sys/bus/pci/devices/%s/device", address);
	uint64_t v, d;

	if (!vendor || !device || host_read_uint(h, -1, vendor, 16, &v) < 0 ||
	    host_read_uint(h, -1, device, 16, &d) < 0)
		return -ENODEV;
	strbuf_addf(out, "%04x%c%04x", (unsigned)v, sep, (unsigned)d);
	return 0;
}

static int put_link(struct runner *run, const char *address, const char *link, struct strbuf *out)
{
	struct host *h = recorder_inner(run->host);
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/%s", address, link);
	char name[256];

	if (!path || host_link_name(h, -1, path, name, sizeof(name)) < 0)
		return -ENODEV;
	strbuf_addf(out, "%s", name);
	return 0;
}

/* A network interface or disk below the function: the first name in a directory. */
static int put_child(struct runner *run, const char *address, const char *dir, struct strbuf *out)
{
	struct host *h = recorder_inner(run->host);
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/%s", address, dir);
	_cleanup_strv_ struct strv names = {0};

	if (!path || h->ops->list(h, -1, path, &names) < 0 || !names.n)
		return -ENODEV;
	strv_sort(&names);
	strbuf_addf(out, "%s", names.items[0]);
	return 0;
}

static int put_property(struct runner *run, const char *address, const char *what,
			struct strbuf *out)
{
	const struct function_state *s = snapshot_find(&run->start, address);

	if (!*what)
		strbuf_addf(out, "%s", address);
	else if (streq(what, "id"))
		return put_id(run, address, ':', out);
	else if (streq(what, "new_id"))
		return put_id(run, address, ' ', out);
	else if (streq(what, "driver"))
		strbuf_addf(out, "%s", s ? s->driver : "none");
	else if (streq(what, "group"))
		return put_link(run, address, "iommu_group", out);
	else if (str_after(what, "virtfn"))
		return put_link(run, address, what, out);
	else if (streq(what, "net"))
		return put_child(run, address, "net", out);
	else if (streq(what, "nvme"))
		return put_child(run, address, "nvme", out);
	else
		return -EINVAL;
	return 0;
}

/* At '$'; moves behind the name. */
static int substitute(struct runner *run, const char **p, struct strbuf *out)
{
	bool braced = (*p)[1] == '{';
	const char *name = *p + (braced ? 2 : 1);
	size_t len = 0, end;
	_cleanup_free_ char *what = NULL;
	const char *address;

	while (isalnum((unsigned char)name[len]))
		len++;
	end = len;
	if (braced) {
		end += strcspn(name + len, "}");
		if (name[end] != '}')
			return runner_failed(run, "no } behind ${");
	}
	what = strndup(name + len + (name[len] == '.' && braced), braced ? end - len : 0);
	if (!what)
		return -ENOMEM;
	what[strcspn(what, "}")] = '\0';
	address = roles_address(&run->roles, name, len);
	if (!address)
		return runner_failed(run, "no function has the role %.*s here", (int)len, name);
	*p = name + end + braced;
	if (put_property(run, address, what, out) < 0)
		return runner_failed(run, "%s has no \"%s\"", address, what);
	return 0;
}

static int put_escape(const char **p, struct strbuf *out)
{
	char c = (*p)[1];

	if (!c)
		return -EINVAL;
	c = c == 'n' ? '\n' : c;
	strbuf_add(out, &c, 1);
	*p += 2;
	return 0;
}

static int one_word(struct runner *run, const char **p, struct strv *ret)
{
	_cleanup_strbuf_ struct strbuf word = {0};
	bool quoted = false;
	int r = 0;

	while (r == 0 && **p && (quoted || !isblank((unsigned char)**p))) {
		if (**p == '"') {
			quoted = !quoted;
			(*p)++;
		} else if (**p == '$') {
			r = substitute(run, p, &word);
		} else if (**p == '\\') {
			r = put_escape(p, &word);
		} else {
			strbuf_add(&word, (*p)++, 1);
		}
	}
	if (r != 0)
		return r;
	return quoted ? runner_failed(run, "a quote without its end")
		      : strv_take(ret, strbuf_take(&word));
}

int words_split(struct runner *run, const char *line, struct strv *ret)
{
	struct strv words = {0};
	int r = 0;

	for (const char *p = line; r == 0;) {
		while (isblank((unsigned char)*p))
			p++;
		if (!*p || *p == '#')
			break;
		r = one_word(run, &p, &words);
	}
	if (r != 0) {
		strv_clear(&words);
		return r;
	}
	*ret = words;
	return 0;
}
