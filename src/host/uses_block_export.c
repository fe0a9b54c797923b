/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks that the kernel serves to others: NVMe over Fabrics (nvmet), SCSI targets (LIO), USB gadgets, RNBD, clusters. */
#include <limits.h>

#include "host/uses_block.h"

#define NVMET "sys/kernel/config/nvmet/subsystems"
#define LIO   "sys/kernel/config/target/core"
#define GADGETS "sys/kernel/config/usb_gadget"
#define RNBD	"sys/devices/virtual/rnbd-server/ctl/devices"
#define CLUSTERS "sys/kernel/config/cluster"

/* A few kinds of names, each below the other; longer ones are none of ours. */
enum { CONFIG_PATH_MAX = 1024 };

static int list_config(struct block_search *s, const char *path, struct strv *ret)
{
	int r = s->u->h->ops->list(s->u->h, -1, path, ret);

	strv_sort(ret);
	/* No such module, or configfs is not mounted. */
	if (r == -ENOMEM || r == -ENOENT || r == -ENOTDIR)
		return r == -ENOMEM ? r : 0;
	return r < 0 ? block_unseen(s, "/%s could not be read: %s.", path, strerror(-r)) : 0;
}

static bool read_config(struct block_search *s, const char *dir, const char *file, char *buf, size_t size)
{
	char path[CONFIG_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return host_read_text(s->u->h, -1, path, buf, size) > 0;
}

static bool is_enabled(struct block_search *s, const char *dir)
{
	char text[32];

	return read_config(s, dir, "enable", text, sizeof(text)) && streq(text, "1");
}

struct export {
	const char *as;	  /* "exported by LIO as iblock_0/disk" */
	const char *file; /* NULL: the disk itself */
};

static int note_file(struct block_search *s, struct block *d, void *userdata)
{
	const struct export *e = userdata;

	return block_note(s, d, "in-use-export", "holding %s, which is %s", e->file, e->as);
}

static int note_path(struct block_search *s, const char *path, const char *as)
{
	struct export e = { as, path };
	struct block *d;
	int r;

	if (!str_after(path, "/dev/"))
		return block_each_of_path(s, path, note_file, &e);
	r = block_resolve(s, path, &d);
	return r == 0 && d ? block_note(s, d, "in-use-export", "%s", as) : r;
}

/* ---- nvmet ---- */

static int look_at_namespaces(struct block_search *s, const char *subsystem)
{
	_cleanup_strv_ struct strv names = { 0 };
	char dir[CONFIG_PATH_MAX], path[PATH_MAX], as[NAME_MAX * 2 + 64];
	int r;

	snprintf(dir, sizeof(dir), NVMET "/%s/namespaces", subsystem);
	r = list_config(s, dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		snprintf(dir, sizeof(dir), NVMET "/%s/namespaces/%s", subsystem, names.items[i]);
		if (!is_enabled(s, dir) || !read_config(s, dir, "device_path", path, sizeof(path)))
			continue;
		snprintf(as, sizeof(as), "exported over NVMe over Fabrics as %s, namespace %s", subsystem,
			 names.items[i]);
		r = note_path(s, path, as);
	}
	return r;
}

/* The whole controller is handed through: "/dev/nvme0". */
static int look_at_passthrough(struct block_search *s, const char *subsystem)
{
	char dir[CONFIG_PATH_MAX], node[PATH_MAX], path[NAME_MAX + 32], link[PATH_MAX];
	const char *name;
	ssize_t f;

	snprintf(dir, sizeof(dir), NVMET "/%s/passthru", subsystem);
	if (!is_enabled(s, dir) || !read_config(s, dir, "device_path", node, sizeof(node)))
		return 0;
	name = str_after(node, "/dev/");
	if (!name || strchr(name, '/') || strlen(name) > NAME_MAX)
		return 0;
	snprintf(path, sizeof(path), "sys/class/nvme/%s", name);
	if (s->u->h->ops->readlink(s->u->h, -1, path, link, sizeof(link)) < 0)
		return 0;
	f = function_of_link(s->u->inv, link);
	return f < 0 ? 0 :
		       uses_add(s->u, (size_t)f, "in-use-export", name,
				"exported over NVMe over Fabrics as %s (passthrough)", subsystem);
}

static int look_at_nvmet(struct block_search *s)
{
	_cleanup_strv_ struct strv subsystems = { 0 };
	int r = list_config(s, NVMET, &subsystems);

	for (size_t i = 0; r == 0 && i < subsystems.n; i++) {
		r = look_at_namespaces(s, subsystems.items[i]);
		if (r == 0)
			r = look_at_passthrough(s, subsystems.items[i]);
	}
	return r;
}

/* ---- LIO ---- */

static int look_at_backstores(struct block_search *s, const char *adapter)
{
	_cleanup_strv_ struct strv names = { 0 };
	char dir[CONFIG_PATH_MAX], path[PATH_MAX], as[NAME_MAX * 2 + 64];
	int r;

	snprintf(dir, sizeof(dir), LIO "/%s", adapter);
	r = list_config(s, dir, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		snprintf(dir, sizeof(dir), LIO "/%s/%s", adapter, names.items[i]);
		/* Attributes of the adapter lie between its backstores and have no such files. */
		if (!is_enabled(s, dir) || !read_config(s, dir, "udev_path", path, sizeof(path)))
			continue;
		snprintf(as, sizeof(as), "exported by the kernel's SCSI target (LIO) as %s/%s", adapter,
			 names.items[i]);
		r = note_path(s, path, as);
	}
	return r;
}

static int look_at_lio(struct block_search *s)
{
	static const char *const kinds[] = { "iblock_", "fileio_", "pscsi_" };
	_cleanup_strv_ struct strv adapters = { 0 };
	int r = list_config(s, LIO, &adapters);

	for (size_t i = 0; r == 0 && i < adapters.n; i++)
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(kinds); k++)
			if (str_after(adapters.items[i], kinds[k]))
				r = look_at_backstores(s, adapters.items[i]);
	return r;
}

/* ---- USB gadgets ---- */

static int look_at_luns(struct block_search *s, const char *function, const char *as)
{
	_cleanup_strv_ struct strv luns = { 0 };
	char dir[CONFIG_PATH_MAX], path[PATH_MAX];
	int r = list_config(s, function, &luns);

	for (size_t i = 0; r == 0 && i < luns.n; i++) {
		snprintf(dir, sizeof(dir), "%.900s/%.100s", function, luns.items[i]);
		if (str_after(luns.items[i], "lun.") && read_config(s, dir, "file", path, sizeof(path)))
			r = note_path(s, path, as);
	}
	return r;
}

/* The file is open as long as it is named there, whether a host is connected or not. */
static int look_at_gadgets(struct block_search *s)
{
	_cleanup_strv_ struct strv gadgets = { 0 };
	int r = list_config(s, GADGETS, &gadgets);

	for (size_t i = 0; r == 0 && i < gadgets.n; i++) {
		_cleanup_strv_ struct strv functions = { 0 };
		char dir[CONFIG_PATH_MAX], function[CONFIG_PATH_MAX], as[NAME_MAX + 64];

		snprintf(dir, sizeof(dir), GADGETS "/%s/functions", gadgets.items[i]);
		snprintf(as, sizeof(as), "exported as USB storage by the gadget %s", gadgets.items[i]);
		r = list_config(s, dir, &functions);
		for (size_t k = 0; r == 0 && k < functions.n; k++) {
			snprintf(function, sizeof(function), "%.600s/%.255s", dir, functions.items[k]);
			if (str_after(functions.items[k], "mass_storage."))
				r = look_at_luns(s, function, as);
		}
	}
	return r;
}

/* ---- RNBD ---- */

static int look_at_rnbd(struct block_search *s)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = list_config(s, RNBD, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[CONFIG_PATH_MAX], name[NAME_MAX + 1];
		const struct block *d;

		snprintf(path, sizeof(path), RNBD "/%s/block_dev", names.items[i]);
		d = host_link_name(s->u->h, -1, path, name, sizeof(name)) >= 0 ? blocks_find(&s->blocks, name) : NULL;
		if (d)
			r = block_note(s, d, "in-use-export", "exported over RNBD");
	}
	return r;
}

/* ---- OCFS2: without its heartbeat a node of the cluster resets itself ---- */

static int look_at_regions(struct block_search *s, const char *cluster)
{
	_cleanup_strv_ struct strv regions = { 0 };
	char dir[CONFIG_PATH_MAX], path[CONFIG_PATH_MAX], name[NAME_MAX + 1];
	int r;

	snprintf(dir, sizeof(dir), CLUSTERS "/%s/heartbeat", cluster);
	r = list_config(s, dir, &regions);
	for (size_t i = 0; r == 0 && i < regions.n; i++) {
		const struct block *d;

		snprintf(path, sizeof(path), "%.700s/%.255s", dir, regions.items[i]);
		d = read_config(s, path, "dev", name, sizeof(name)) ? blocks_find(&s->blocks, name) : NULL;
		if (d)
			r = block_note(s, d, "in-use-claimed", "used for the heartbeat of the cluster %s, without which "
			       "this host resets itself", cluster);
	}
	return r;
}

static int look_at_heartbeats(struct block_search *s)
{
	_cleanup_strv_ struct strv clusters = { 0 };
	int r = list_config(s, CLUSTERS, &clusters);

	for (size_t i = 0; r == 0 && i < clusters.n; i++)
		r = look_at_regions(s, clusters.items[i]);
	return r;
}

int block_exports(struct block_search *s)
{
	int r = look_at_nvmet(s);

	if (r == 0)
		r = look_at_lio(s);
	if (r == 0)
		r = look_at_gadgets(s);
	if (r == 0)
		r = look_at_rnbd(s);
	return r == 0 ? look_at_heartbeats(s) : r;
}
