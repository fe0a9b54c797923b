/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines that say where a scenario makes sense; elsewhere it is skipped, with the reason. */
#include <string.h>

#include "fake/fake.h"
#include "fake/recorder.h"
#include "runner.h"

static int skip(struct runner *run, const char *why, const char *what)
{
	runner_failed(run, "%s %s", why, what);
	return SKIPPED;
}

static int need_host(struct runner *run, const char *what)
{
	bool fake = run->fake != NULL;

	return streq(what, fake ? "fake" : "live") ? 0 : skip(run, "only for a host that is", what);
}

static int need_file(struct runner *run, const char *what)
{
	return host_exists(recorder_inner(run->host), what + (what[0] == '/'))
		       ? 0
		       : skip(run, "there is no", what);
}

static int need_no_file(struct runner *run, const char *what)
{
	return host_exists(recorder_inner(run->host), what + (what[0] == '/'))
		       ? skip(run, "there is already", what)
		       : 0;
}

static int need_iommu(struct runner *run, const char *what)
{
	_cleanup_strv_ struct strv names = {0};
	struct host *h = recorder_inner(run->host);
	bool is = h->ops->list(h, -1, "sys/class/iommu", &names) == 0 && names.n;

	return streq(what, is ? "yes" : "no") ? 0 : skip(run, "wrong host: IOMMU wanted:", what);
}

static int need_builtin(struct runner *run, const char *driver)
{
	_cleanup_free_ char *dir = str_format("sys/bus/pci/drivers/%s", driver);
	_cleanup_free_ char *module = str_format("sys/bus/pci/drivers/%s/module", driver);
	struct host *h = recorder_inner(run->host);
	_cleanup_strv_ struct strv names = {0};
	_cleanup_free_ char *link = NULL;

	if (!dir || !module || !host_exists(h, dir))
		return skip(run, "there is no driver", driver);
	/* Parameters give a built-in driver a module link too; only a loaded module has sections. */
	link = str_format("%s/initstate", module);
	return link && host_exists(h, link) ? skip(run, "a module here:", driver) : 0;
}

static int need_bound(struct runner *run, const char *address)
{
	const struct function_state *s = snapshot_find(&run->start, address);

	return s && !streq(s->driver, "none") ? 0 : skip(run, "no driver is bound to", address);
}

static int need_unbound(struct runner *run, const char *address)
{
	const struct function_state *s = snapshot_find(&run->start, address);

	return s && streq(s->driver, "none") ? 0 : skip(run, "a driver is bound to", address);
}

int line_requires(struct runner *run, const struct strv *words)
{
	static const struct {
		const char *name;
		int (*fn)(struct runner *run, const char *what);
	} kinds[] = {
		{"host", need_host},	   {"file", need_file},	      {"no-file", need_no_file},
		{"iommu", need_iommu},	   {"builtin", need_builtin}, {"bound", need_bound},
		{"unbound", need_unbound},
	};

	for (size_t i = 0; words->n > 2 && i < ARRAY_SIZE(kinds); i++) {
		int r = 0;

		if (!streq(words->items[1], kinds[i].name))
			continue;
		for (size_t j = 2; r == 0 && j < words->n; j++)
			r = kinds[i].fn(run, words->items[j]);
		return r;
	}
	return runner_failed(run, "cannot require \"%s\"", words->n > 1 ? words->items[1] : "");
}
