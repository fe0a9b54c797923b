/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/check.h"
#include "tmp_tree.h"

static void full_path(const struct tmp_tree *t, const char *path, char out[PATH_MAX])
{
	assert_true(snprintf(out, PATH_MAX, "%s/%s", t->dir, path) < PATH_MAX);
}

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
}

int tmp_setup(void **state)
{
	struct tmp_tree *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	strcpy(t->dir, "/tmp/vfioadm-unit-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	*state = t;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void forget(struct tmp_tree *t)
{
	vfioadm_inventory_free(t->inv);
	t->inv = NULL;
	host_free(t->host);
	t->host = NULL;
}

int tmp_teardown(void **state)
{
	struct tmp_tree *t = *state;

	forget(t);
	nftw(t->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	return 0;
}

void tmp_dir(struct tmp_tree *t, const char *path)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	make_parents(full);
	mkdir(full, 0755);
	assert_int_equal(access(full, F_OK), 0);
}

void tmp_data(struct tmp_tree *t, const char *path, const void *data, size_t size)
{
	char full[PATH_MAX];
	FILE *f;

	full_path(t, path, full);
	make_parents(full);
	f = fopen(full, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

void tmp_file(struct tmp_tree *t, const char *path, const char *text)
{
	tmp_data(t, path, text, strlen(text));
}

void tmp_link(struct tmp_tree *t, const char *path, const char *target)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	make_parents(full);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

void tmp_fifo(struct tmp_tree *t, const char *path)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	make_parents(full);
	assert_int_equal(mkfifo(full, 0644), 0);
}

void tmp_remove(struct tmp_tree *t, const char *path)
{
	char full[PATH_MAX];

	full_path(t, path, full);
	assert_int_equal(nftw(full, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* "../" for each directory between a file at path and the root. */
static void up_from(const char *path, char out[PATH_MAX])
{
	out[0] = '\0';
	for (; (path = strchr(path, '/')); path++)
		strcat(out, "../");
}

static void link_to(struct tmp_tree *t, const char *path, const char *target)
{
	char up[PATH_MAX], full[PATH_MAX * 2];

	up_from(path, up);
	snprintf(full, sizeof(full), "%s%s", up, target);
	tmp_link(t, path, full);
}

void tmp_function(struct tmp_tree *t, const char *place, const char *ids, const char *driver,
		  int group)
{
	unsigned vendor, device, subvendor, subdevice, class;
	const char *address = strrchr(place, '/') + 1;
	char path[1024], text[1024];

	assert_int_equal(
		sscanf(ids, "%x %x %x %x %x", &vendor, &device, &subvendor, &subdevice, &class), 5);
	snprintf(path, sizeof(path), "sys/devices/%s/modalias", place);
	snprintf(text, sizeof(text), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", vendor,
		 device, subvendor, subdevice, class >> 16, class >> 8 & 0xff, class & 0xff);
	tmp_file(t, path, text);
	snprintf(path, sizeof(path), "sys/devices/%s/revision", place);
	tmp_file(t, path, "0x02\n");
	snprintf(path, sizeof(path), "sys/devices/%s/numa_node", place);
	tmp_file(t, path, "-1\n");
	snprintf(path, sizeof(path), "sys/devices/%s/vendor", place);
	snprintf(text, sizeof(text), "0x%04x\n", vendor);
	tmp_file(t, path, text);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", address);
	snprintf(text, sizeof(text), "sys/devices/%s", place);
	link_to(t, path, text);
	if (driver) {
		snprintf(text, sizeof(text), "sys/bus/pci/drivers/%s", driver);
		tmp_dir(t, text);
		snprintf(path, sizeof(path), "sys/devices/%s/driver", place);
		link_to(t, path, text);
	}
	if (group >= 0) {
		snprintf(text, sizeof(text), "sys/kernel/iommu_groups/%d", group);
		tmp_dir(t, text);
		snprintf(path, sizeof(path), "sys/devices/%s/iommu_group", place);
		link_to(t, path, text);
	}
}

void tmp_class(struct tmp_tree *t, const char *class, const char *place, const char *name)
{
	char path[512], target[512];

	snprintf(target, sizeof(target), "sys/devices/%s/%s", place, name);
	tmp_dir(t, target);
	snprintf(path, sizeof(path), "sys/class/%s/%s", class, name);
	link_to(t, path, target);
}

struct host *tmp_open(struct tmp_tree *t)
{
	forget(t);
	assert_int_equal(host_root_new(t->dir, &t->host, NULL), 0);
	return t->host;
}

struct vfioadm_inventory *tmp_observe(struct tmp_tree *t)
{
	struct host *h = tmp_open(t);

	assert_int_equal(observe_host(h, &t->inv, NULL), 0);
	assert_int_equal(check_verdicts(t->inv), 0);
	return t->inv;
}

struct vfioadm_function *tmp_get(struct tmp_tree *t, const char *address)
{
	struct vfioadm_function *f = inventory_get(t->inv, address);

	assert_non_null(f);
	return f;
}

const char *users_of(const struct vfioadm_function *f)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->n_users; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s %s: %s", i ? ", " : "",
				      f->users[i]->forceable ? "" : "!", f->users[i]->kind,
				      f->users[i]->what, f->users[i]->why);
	return text;
}

const char *items_of(const struct vfioadm_list *list)
{
	static char text[4096];
	size_t n = 0;

	if (list->state != VFIOADM_KNOWN)
		return list->state == VFIOADM_NONE ? "-" : "?";
	assert_true(list->n > 0);
	for (size_t i = 0; i < list->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? "," : "",
				      list->items[i]);
	return text;
}

const char *text_of(const struct vfioadm_str *s)
{
	if (s->state == VFIOADM_KNOWN)
		return s->value;
	assert_null(s->value);
	return s->state == VFIOADM_NONE ? "-" : "?";
}
