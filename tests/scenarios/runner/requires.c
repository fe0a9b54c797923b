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

/* A module that could be loaded, by modules.dep. */
static int need_module(struct runner *run, const char *name)
{
	struct host *h = recorder_inner(run->host);
	char release[128];
	_cleanup_free_ char *path = NULL, *wanted = NULL;
	const char *text;
	size_t size;
	bool found = false;

	if (host_read_text(h, -1, "proc/sys/kernel/osrelease", release, sizeof(release)) < 0)
		return skip(run, "no release, so no module", name);
	path = str_format("lib/modules/%s/modules.dep", release);
	wanted = str_format("/%s.ko", name);
	if (!path || !wanted)
		return -ENOMEM;
	if (h->ops->map(h, path, &text, &size) == 0) {
		found = strstr(text, wanted) != NULL;
		h->ops->unmap(h, text, size);
	}
	return found ? 0 : skip(run, "no module", name);
}

static int group_of(struct runner *run, const char *address, char group[32])
{
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/iommu_group", address);

	return path && host_link_name(recorder_inner(run->host), -1, path, group, 32) >= 0
		       ? 0
		       : -ENODEV;
}

/* The function shares its group with another one. */
static int need_companions(struct runner *run, const char *address)
{
	_cleanup_strv_ struct strv names = {0};
	_cleanup_free_ char *path = NULL;
	struct host *h = recorder_inner(run->host);
	char group[32];

	if (group_of(run, address, group) < 0)
		return skip(run, "no IOMMU group has", address);
	path = str_format("sys/kernel/iommu_groups/%s/devices", group);
	if (!path || h->ops->list(h, -1, path, &names) < 0 || names.n < 2)
		return skip(run, "alone in its group is", address);
	return 0;
}

int line_requires(struct runner *run, const struct strv *words)
{
	static const struct {
		const char *name;
		int (*fn)(struct runner *run, const char *what);
	} kinds[] = {
		{"host", need_host},
		{"file", need_file},
		{"no-file", need_no_file},
		{"iommu", need_iommu},
		{"builtin", need_builtin},
		{"bound", need_bound},
		{"unbound", need_unbound},
		{"module", need_module},
		{"companions", need_companions},
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
