/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "host/observe_private.h"
#include "host/open_files.h"

/* ---- devices ---- */

void open_files_begin(struct host *h, struct open_files *files)
{
	struct host_file f;

	*files = (struct open_files){ 0 };
	if (h->ops->file(h, -1, "sys", true, &f) == 0)
		files->sysfs = f.device;
	if (h->ops->file(h, -1, "proc", true, &f) == 0)
		files->proc = f.device;
}

/* "fd/12" is told of in "fdinfo/12", "task/13/fd/12" in "task/13/fdinfo/12". */
static bool is_for_its_path_only(struct host *h, host_dir dir, const char *path)
{
	const char *number = strrchr(path, '/');
	char info[128], text[2048];
	const char *flags;

	if (!number)
		return false;
	snprintf(info, sizeof(info), "%.*sinfo%s", (int)(number - path), path, number);
	if (h->ops->read(h, dir, info, text, sizeof(text)) <= 0)
		return false;
	flags = strstr(text, "flags:");
	return flags && (strtoul(flags + strlen("flags:"), NULL, 8) & O_PATH);
}

/*
 * Everybody may open any path with O_PATH, and has no device open by that. The link in "fd" has no permissions then;
 * nor has one that was opened for ioctl() alone, for which the device was opened all the same.
 */
static bool is_opened(struct host *h, host_dir dir, const char *path)
{
	struct host_file link;

	return h->ops->file(h, dir, path, false, &link) < 0 || link.mode & 0600 || !is_for_its_path_only(h, dir, path);
}

int open_file_look(struct host *h, host_dir dir, const char *path, struct host_file *ret)
{
	int r = h->ops->file(h, dir, path, true, ret);
	char link[16];
	ssize_t n;

	if (r < 0) {
		/* A file server of a user may answer anything of its files, which are no devices. */
		n = h->ops->readlink(h, dir, path, link, sizeof(link));
		return n == -EACCES || n == -EPERM ? (int)n : 0;
	}
	if (S_ISCHR(ret->mode) || S_ISBLK(ret->mode))
		return is_opened(h, dir, path);
	/* Files of the kernel's own are on no block device; what has no inode of its own has no type either. */
	return (S_ISREG(ret->mode) || !(ret->mode & S_IFMT)) && ret->device >> 32 == 0;
}

/* ---- files that reach registers ---- */

bool open_file_reaches_registers(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	if (str_after(path, "/proc/bus/pci/"))
		return true;
	return str_after(path, "/sys/devices/") &&
	       (str_after(name, "resource") || streq(name, "config") || streq(name, "rom"));
}

/* The list of resources tells of registers, and "resource0_resize" sets their size: neither reaches them. */
static bool is_resource(const char *name)
{
	const char *rest = str_after(name, "resource");

	return rest && *rest >= '0' && *rest <= '5' && (!rest[1] || streq(rest + 1, "_wc"));
}

/* "02/00.0" of /proc/bus/pci */
static bool is_proc_name(const char *name)
{
	return strlen(name) == 4 && name[2] == '.';
}

struct sought {
	uint64_t device;
	bool is_kernels;
};

static int look_at_mount(const struct mount *m, void *userdata)
{
	struct sought *s = userdata;

	if (((uint64_t)m->major << 32 | m->minor) == s->device)
		s->is_kernels |= streq(m->type, "sysfs") || streq(m->type, "proc");
	return 0;
}

/* A container has a sysfs of its own, with the same files. The kernel says what is mounted there. */
static bool is_of_kernel(struct host *h, struct open_files *files, uint64_t device, int pid)
{
	struct sought s = { .device = device };
	char path[64];
	const char *text;
	size_t size;

	if (device == files->sysfs || device == files->proc)
		return true;
	for (size_t i = 0; i < files->n && i < ARRAY_SIZE(files->others); i++)
		if (files->others[i].device == device)
			return files->others[i].is_kernels;
	snprintf(path, sizeof(path), "proc/%d/mountinfo", pid);
	if (h->ops->map(h, path, &text, &size) < 0)
		return false;
	if (mounts_each(text, look_at_mount, &s) < 0)
		s.is_kernels = true;
	h->ops->unmap(h, text, size);
	files->others[files->n % ARRAY_SIZE(files->others)].device = device;
	files->others[files->n++ % ARRAY_SIZE(files->others)].is_kernels = s.is_kernels;
	return s.is_kernels;
}

/* To read the configuration space drives nothing, and everybody may. */
static bool is_written(struct host *h, host_dir dir, const char *path)
{
	struct host_file link;

	return h->ops->file(h, dir, path, false, &link) < 0 || link.mode & 0200;
}

bool open_file_is_kept(struct host *h, struct open_files *files, host_dir dir, const char *path,
		       const struct host_file *f, const char *link, int pid)
{
	const char *name = strrchr(link, '/') + 1;
	bool config = streq(name, "config") || is_proc_name(name);
	/* Where a file is mounted on another, it has the name of that: the modes are those of few files. */
	bool resource = is_resource(name) || streq(name, "rom") ||
			(f->device == files->sysfs && (f->mode & 0777) == 0600);

	return (config || resource) && is_of_kernel(h, files, f->device, pid) &&
	       (resource || is_written(h, dir, path));
}
