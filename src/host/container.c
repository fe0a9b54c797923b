/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What vfioadm remembers lies in the host's /run. A container with a /run of its own would not see what
 * was done before, and what it does would be forgotten with it.
 */
#include "host/observe_private.h"

/* The kernel's own number for the namespace that it boots with (PROC_PID_INIT_INO). */
static const char initial_pid_ns[] = "pid:[4026531836]";
static const char run_path[] = "/run/vfioadm";

enum { PLACE_MAX = 4096 };

/* Both in the same name space of that kind? UNKNOWN: one of them cannot be read. */
static struct vfioadm_uint same_namespace(struct host *h, const char *a, const char *b)
{
	char one[64], other[64];

	if (h->ops->readlink(h, -1, a, one, sizeof(one)) < 0 ||
	    h->ops->readlink(h, -1, b, other, sizeof(other)) < 0)
		return (struct vfioadm_uint){0};
	return uint_known(streq(one, other));
}

static int read_mounts(struct host *h, const char *path, struct mount_table *ret)
{
	const char *text;
	size_t size;
	int r = h->ops->map(h, path, &text, &size);

	if (r < 0)
		return r;
	r = mounts_parse(text, ret);
	h->ops->unmap(h, text, size);
	return r;
}

/* Where in its file system the directory is. */
static void place_in(const struct mount *m, char *buf, size_t size)
{
	const char *root = streq(m->root, "/") ? "" : m->root;
	const char *rest = streq(m->point, "/") ? run_path : run_path + strlen(m->point);

	snprintf(buf, size, "%s%s", root, rest);
}

static bool is_same_place(const struct mount *a, const struct mount *b)
{
	char one[PLACE_MAX], other[PLACE_MAX];

	place_in(a, one, sizeof(one));
	place_in(b, other, sizeof(other));
	return a->major == b->major && a->minor == b->minor && streq(one, other);
}

/* The same part of the same file system, whatever it is mounted on. */
static int compare_with_init(struct host *h, struct vfioadm_uint *ret)
{
	struct mount_table ours = {0}, its = {0};
	int r = read_mounts(h, "proc/self/mountinfo", &ours);

	if (r == 0)
		r = read_mounts(h, "proc/1/mountinfo", &its);
	if (r == 0) {
		const struct mount *a = mounts_of_path(&ours, run_path);
		const struct mount *b = mounts_of_path(&its, run_path);

		if (a && b)
			*ret = uint_known(!is_same_place(a, b));
	}
	mounts_free(&ours);
	mounts_free(&its);
	return r == -ENOMEM ? r : 0;
}

/* A volume of the container's own has another name in its file system, or is none of memory. */
static bool looks_like_hosts(const struct mount *m)
{
	char place[PLACE_MAX];
	bool memory = streq(m->type, "tmpfs") || streq(m->type, "ramfs");

	place_in(m, place, sizeof(place));
	/* /run is a mount of its own on most hosts. */
	return streq(place, run_path) || (memory && streq(place, "/vfioadm"));
}

/* The host's init is not to be seen from here: somebody must have put it there by name. */
static int look_for_mount(struct host *h, struct vfioadm_uint *ret)
{
	struct mount_table ours = {0};
	int r = read_mounts(h, "proc/self/mountinfo", &ours);
	const struct mount *m = r == 0 ? mounts_of_path(&ours, run_path) : NULL;

	*ret = uint_known(!m || !streq(m->point, run_path) || !looks_like_hosts(m));
	mounts_free(&ours);
	return r == -ENOMEM ? r : 0;
}

int observe_container_without_run(struct host *h, struct vfioadm_uint *ret)
{
	struct vfioadm_uint same;
	char ns[64];

	*ret = (struct vfioadm_uint){0};
	if (!h->live || h->ops->readlink(h, -1, "proc/self/ns/pid", ns, sizeof(ns)) < 0)
		return 0;
	if (!streq(ns, initial_pid_ns))
		return look_for_mount(h, ret);
	/* A file like /.dockerenv proves nothing: it comes along where an image is booted as a machine. */
	same = same_namespace(h, "proc/self/ns/mnt", "proc/1/ns/mnt");
	if (uint_is(&same, 1)) {
		*ret = uint_known(0);
		return 0;
	}
	return same.state == VFIOADM_KNOWN ? compare_with_init(h, ret) : 0;
}
