/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module index as depmod(8) writes it, in its text form. libkmod opens by path, so it is of no use for
 * another root; and for a question to the running host its libraries (libcrypto and more) cost more than
 * reading the text. Loading is another matter: see kmod.c.
 */
#include <limits.h>

#include "host/host.h"
#include "host/modules_private.h"
#include "model/inventory.h"

/* ---- reading the index ---- */

static int map_below(struct host *h, const char *dir, const char *name, struct text_file *ret)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return h->ops->map(h, path, &ret->data, &ret->size);
}

/* "lib/modules/RELEASE" of the kernel that the root's proc tells, else the only one that is there. */
static int index_dir(struct host *h, char dir[PATH_MAX])
{
	_cleanup_strv_ struct strv kernels = {0};
	char release[256];
	int r;

	if (host_read_text(h, -1, "proc/sys/kernel/osrelease", release, sizeof(release)) > 0 &&
	    !strchr(release, '/') && release[0] != '.') {
		snprintf(dir, PATH_MAX, "lib/modules/%s", release);
		if (host_exists(h, dir))
			return 0;
	}
	r = h->ops->list(h, -1, "lib/modules", &kernels);
	if (r < 0)
		return r;
	if (kernels.n != 1)
		return -ENOENT;
	snprintf(dir, PATH_MAX, "lib/modules/%s", kernels.items[0]);
	return 0;
}

int modules_open(struct host *h, struct host_modules **ret)
{
	struct host_modules *m = h->modules;

	if (!m) {
		m = h->modules = calloc(1, sizeof(*m));
		if (!m)
			return -ENOMEM;
		if (index_dir(h, m->dir) == 0) {
			m->found = map_below(h, m->dir, "modules.alias", &m->alias) == 0;
			map_below(h, m->dir, "modules.dep", &m->dep);
			map_below(h, m->dir, "modules.builtin", &m->builtin);
			map_below(h, m->dir, "modules.builtin.modinfo", &m->modinfo);
		} else {
			m->dir[0] = '\0';
		}
	}
	*ret = m;
	return m->found ? 0 : -ENOENT;
}

int modules_conf(struct host *h, const struct modprobe_conf **ret)
{
	struct host_modules *m;
	int r = modules_open(h, &m);

	if (r == -ENOMEM)
		return r;
	if (!m->conf_read) {
		modprobe_conf_clear(&m->conf);
		r = modprobe_conf_read(h, *m->dir ? m->dir : NULL, &m->conf);
		if (r < 0)
			return r;
		m->conf_read = true;
	}
	*ret = &m->conf;
	return 0;
}

void modules_refresh(struct host *h)
{
	if (h->modules)
		h->modules->conf_read = false;
}

void host_modules_free(struct host *h, struct host_modules *m)
{
	if (!m)
		return;
	struct text_file *files[] = {&m->alias, &m->dep, &m->builtin, &m->modinfo};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i]->data)
			h->ops->unmap(h, files[i]->data, files[i]->size);
	modprobe_conf_clear(&m->conf);
	free(m);
}

/* ---- single modules ---- */

/* Does this file, "kernel/drivers/vfio/vfio-pci.ko.xz", hold the module? */
static bool is_file_of(const char *path, size_t n, const char *module)
{
	const char *base = memrchr(path, '/', n), *end = path + n;

	for (base = base ? base + 1 : path; base < end && *base != '.' && *module; base++, module++)
		if ((*base == '-' ? '_' : *base) != (*module == '-' ? '_' : *module))
			return false;
	return !*module && base < end && *base == '.';
}

/* Its line in modules.dep or modules.builtin; NULL: there is none. */
static const char *find_line(const struct text_file *file, const char *module)
{
	for (const char *line = file->data; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (is_file_of(line, strcspn(line, ":\n"), module))
			return line;
		line = *end ? end + 1 : end;
	}
	return NULL;
}

bool modules_builtin(struct host *h, const char *module)
{
	struct host_modules *m = NULL;
	char path[PATH_MAX];

	if (modules_open(h, &m) == 0 && find_line(&m->builtin, module))
		return true;
	/* Without that list: what is built in and has parameters is below sys/module, but was never loaded. */
	if (m && m->builtin.data)
		return false;
	snprintf(path, sizeof(path), "sys/module/%s/parameters", module);
	if (!host_exists(h, path))
		return false;
	snprintf(path, sizeof(path), "sys/module/%s/initstate", module);
	return !host_exists(h, path);
}

bool modules_drives_pci(struct host *h, const char *module)
{
	struct host_modules *m;
	size_t len = strlen(module);

	if (driver_name_is_vfio(module) || driver_name_equal(module, "pci_stub"))
		return true;
	if (modules_open(h, &m) < 0)
		return false;
	for (const char *line = m->alias.data; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (str_after(line, "alias pci:") && (size_t)(end - line) > len && end[-(ssize_t)len - 1] == ' ' &&
		    memcmp(end - len, module, len) == 0)
			return true;
		line = *end ? end + 1 : end;
	}
	return false;
}

/* The name of the module whose file this is: "kernel/drivers/vfio/vfio-pci.ko.xz". */
static char *module_of_path(const char *path, size_t n)
{
	const char *base = memrchr(path, '/', n);
	char *name;

	base = base ? base + 1 : path;
	name = strndup(base, n - (size_t)(base - path));
	if (!name)
		return NULL;
	name[strcspn(name, ".")] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

static int add_needed(const char *rest, struct strv *ret)
{
	while (*rest && *rest != '\n') {
		size_t n = strcspn(rest, " \n");
		int r = n ? strv_take(ret, module_of_path(rest, n)) : 0;

		if (r < 0)
			return r;
		rest += n + (rest[n] == ' ');
	}
	return 0;
}

int modules_needed(struct host *h, const char *module, struct strv *ret)
{
	struct host_modules *m;
	int r = modules_open(h, &m);
	const char *line = r == 0 ? find_line(&m->dep, module) : NULL;

	if (!line)
		return r;
	line += strcspn(line, ":\n");
	return *line == ':' ? add_needed(line + 1, ret) : 0;
}
