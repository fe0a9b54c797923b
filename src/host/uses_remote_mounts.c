/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File systems that another machine serves: which server each kind names, and where. */
#include <limits.h>
#include <string.h>

#include "host/uses_private.h"
#include "host/uses_remote_private.h"

enum {
	CEPH_PORT_MSGR2 = 3300,
	CEPH_PORT_MONITOR = 6789,
	CEPH_PORT_FIRST = 6800, /* OSDs and metadata servers */
	CEPH_PORT_LAST = 7568,
};

bool remote_option(const char *options, const char *key, char *ret, size_t size)
{
	for (const char *p = options; *p; p += strcspn(p, ","), p += *p == ',') {
		const char *value = str_after(p, key);

		if (!value)
			continue;
		snprintf(ret, size, "%.*s", (int)strcspn(value, ","), value);
		return true;
	}
	return false;
}

/* ---- one server ---- */

/* "server:/export", "[2001:db8::1]:/export", "user@server:dir", "//server/share", "https://server:8443/x" */
static bool server_of_source(const char *source, char *ret, size_t size)
{
	const char *scheme = strstr(source, "://"), *p = source, *end, *at;

	if (scheme)
		p = scheme + strlen("://");
	else if (str_after(source, "//"))
		p += strlen("//");
	end = p + strcspn(p, "/");
	at = memrchr(p, '@', (size_t)(end - p));
	p = at ? at + 1 : p;
	if (*p == '[') {
		p++;
		end = p + strcspn(p, "]");
	} else if (p != source && !at) {
		end = p + strcspn(p, ":/");
	} else {
		end = memchr(p, ':', (size_t)(end - p));
		if (!end)
			return false;
	}
	if (end == p || (size_t)(end - p) >= size)
		return false;
	snprintf(ret, size, "%.*s", (int)(end - p), p);
	return true;
}

/* The kernel's own word is the address that it has connected to. */
static int follow_option_or_source(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	char server[256];

	if (remote_option(m->super, "addr=", server, sizeof(server)) ||
	    server_of_source(m->source, server, sizeof(server)))
		return remote_follow_server(u, server, ends);
	remote_open(ends, "it does not say which server it comes from");
	return 0;
}

/* ---- several servers ---- */

static int follow_list(struct uses *u, const char *list, const char *separators, struct remote_ends *ends,
		       unsigned *ret_n)
{
	_cleanup_free_ char *copy = strdup(list);
	char *rest;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *word = strtok_r(copy, separators, &rest); r == 0 && word;
	     word = strtok_r(NULL, separators, &rest)) {
		r = remote_follow_server(u, word, ends);
		++*ret_n;
	}
	return r;
}

/* What is read and written goes to other servers than the monitors; the kernel is connected to those in use. */
int remote_follow_ceph_connections(struct uses *u, struct remote_ends *ends, size_t *ret_n)
{
	static const struct {
		unsigned first, last;
	} ports[] = {
		{ CEPH_PORT_MSGR2, CEPH_PORT_MSGR2 },
		{ CEPH_PORT_MONITOR, CEPH_PORT_MONITOR },
		{ CEPH_PORT_FIRST, CEPH_PORT_LAST },
	};
	int r = 0;

	*ret_n = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(ports); i++) {
		size_t n = 0;

		r = remote_follow_ports(u, ports[i].first, ports[i].last, ends, &n);
		*ret_n += n;
	}
	return r;
}

/* "192.0.2.1:6789,192.0.2.2:6789:/dir", or "user@fsid.name=/dir" and mon_addr=192.0.2.1:3300/192.0.2.2 */
static int follow_ceph(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	char monitors[1024];
	unsigned named = 0;
	size_t n = 0;
	int r = remote_follow_ceph_connections(u, ends, &n);

	if (r < 0)
		return r;
	if (remote_option(m->super, "mon_addr=", monitors, sizeof(monitors)))
		return follow_list(u, monitors, "/", ends, &named);
	if (!strchr(m->source, '=')) {
		const char *end = strstr(m->source, ":/");

		snprintf(monitors, sizeof(monitors), "%.*s",
			 (int)(end ? end - m->source : (ptrdiff_t)strcspn(m->source, "/")), m->source);
		r = follow_list(u, monitors, ",", ends, &named);
	}
	if (r == 0 && !named && !n)
		remote_open(ends, "which monitors it uses is not known here");
	return r;
}

/* "10.1.1.5@tcp,10.1.1.6@tcp:10.1.1.7@tcp:/name" */
static int follow_lustre(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	const char *end = strstr(m->source, ":/");
	char servers[1024];
	unsigned n = 0;
	int r;

	snprintf(servers, sizeof(servers), "%.*s", (int)(end ? end - m->source : 0), m->source);
	r = follow_list(u, servers, ",:", ends, &n);
	if (r == 0 && !n)
		remote_open(ends, "it does not say which server it comes from");
	return r;
}

/* Every address in a table of the kernel's AFS client; the fields before them differ by version. */
static int follow_afs(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	_cleanup_free_ char *copy = NULL;
	const char *text;
	char *rest;
	size_t size;
	int r = u->h->ops->map(u->h, "proc/net/afs/servers", &text, &size);

	if (r == -ENOMEM)
		return r;
	if (r >= 0) {
		copy = strdup(text);
		u->h->ops->unmap(u->h, text, size);
		if (!copy)
			return -ENOMEM;
	}
	r = 0;
	for (char *word = copy ? strtok_r(copy, " \t\n", &rest) : NULL; r == 0 && word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		char address[REMOTE_SERVER_MAX];

		if (strpbrk(word, ".:") && remote_address_of(word, address, sizeof(address)))
			r = remote_follow_address(u, address, ends);
	}
	if (r == 0 && !ends->n && !ends->elsewhere)
		remote_open(ends, "which servers %.100s comes from is not known here", m->source);
	return r;
}

/* ---- from the machine that this is a guest of ---- */

static bool tag_is(struct uses *u, const char *path, const char *tag)
{
	char text[256];

	return host_read_text(u->h, -1, path, text, sizeof(text)) >= 0 && streq(text, tag);
}

/* The devices of a virtio driver; one whose tag cannot be read is the one when there is no other. */
static int follow_virtio(struct uses *u, const char *driver, const char *tag, struct remote_ends *ends)
{
	_cleanup_strv_ struct strv names = { 0 };
	char path[NAME_MAX + 96], link[PATH_MAX], only[PATH_MAX] = "";
	struct host *h = u->h;
	unsigned n = 0;
	int r;

	snprintf(path, sizeof(path), "sys/bus/virtio/drivers/%s", driver);
	r = h->ops->list(h, -1, path, &names);
	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		if (!str_after(names.items[i], "virtio"))
			continue;
		snprintf(path, sizeof(path), "sys/bus/virtio/devices/%s", names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
			continue;
		n++;
		memcpy(only, link, sizeof(only));
		snprintf(path, sizeof(path), "sys/bus/virtio/devices/%s/mount_tag", names.items[i]);
		if (!tag_is(u, path, tag))
			continue;
		remote_follow_link(u, link, ends);
		return 0;
	}
	ends->kind = REMOTE_VIRTIO;
	if (n == 1)
		remote_follow_link(u, only, ends);
	else
		remote_open(ends, "which virtio device has the tag \"%.100s\" is not known here", tag);
	return 0;
}

/* From 6.9 on /sys/fs/virtiofs/N has tag and device. */
static int follow_virtiofs(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	_cleanup_strv_ struct strv names = { 0 };
	char path[NAME_MAX + 64], link[PATH_MAX];
	struct host *h = u->h;
	int r = h->ops->list(h, -1, "sys/fs/virtiofs", &names);

	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		snprintf(path, sizeof(path), "sys/fs/virtiofs/%s/tag", names.items[i]);
		if (!tag_is(u, path, m->source))
			continue;
		snprintf(path, sizeof(path), "sys/fs/virtiofs/%s/device", names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
			continue;
		remote_follow_link(u, link, ends);
		return 0;
	}
	return follow_virtio(u, "virtiofs", m->source, ends);
}

/* "trans=virtio": the source is a tag; "trans=tcp" and "rdma": an address; "fd": what a program has given. */
static int follow_9p(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	char transport[32] = "";

	remote_option(m->super, "trans=", transport, sizeof(transport));
	if (streq(transport, "virtio") || !*transport)
		return follow_virtio(u, "9pnet_virtio", m->source, ends);
	if (streq(transport, "tcp") || streq(transport, "rdma"))
		return remote_follow_server(u, m->source, ends);
	/* Of a hypervisor that gives no PCI functions for it, or of a USB gadget. */
	if (streq(transport, "xen") || streq(transport, "usbg"))
		ends->elsewhere = true;
	else
		remote_open(ends, "a program of this host connects it (trans=%s)", transport);
	return 0;
}

/* ---- through FUSE ---- */

/* Reading a command line waits for the process's memory map, so that is for the helper. */
static bool mentions(struct uses *u, int pid, const struct mount *m)
{
	char path[64], text[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	n = u->h->ops->read_locked(u->h, path, text, sizeof(text));
	if (n == -EFBIG)
		n = sizeof(text) - 1;
	for (ssize_t i = 0; n > 0 && i < n; i += (ssize_t)strnlen(text + i, (size_t)(n - i)) + 1)
		if (strstr(text + i, m->source) || strstr(text + i, m->point))
			return true;
	return false;
}

/* The program that has /dev/fuse open, and what it has started: sshfs leaves the connection to ssh. */
static int follow_fuse_programs(struct uses *u, const struct mount *m, struct remote_ends *ends, size_t *ret_n)
{
	const struct processes *procs = u->procs;
	int r = 0;

	for (size_t i = 0; r == 0 && procs && i < procs->n_openers; i++) {
		const struct opener *o = &procs->openers[i];
		size_t n = 0;

		if (!opener_is_node(u->h, o, "misc/fuse", "/dev/fuse") || !mentions(u, o->process->pid, m))
			continue;
		r = remote_follow_process(u, o->process->pid, ends, &n);
		*ret_n += n;
		for (size_t k = 0; r == 0 && k < procs->n; k++) {
			if (procs->items[k].parent != o->process->pid)
				continue;
			r = remote_follow_process(u, procs->items[k].pid, ends, &n);
			*ret_n += n;
		}
	}
	return r;
}

static int follow_fuse(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	struct remote_ends named = { .kind = REMOTE_NETWORK };
	char server[256];
	size_t n = 0;
	int r = follow_fuse_programs(u, m, ends, &n);

	if (r < 0 || !server_of_source(m->source, server, sizeof(server))) {
		if (r == 0 && !n)
			remote_open(ends, "the program that serves it has no connection that can be seen");
		return r;
	}
	r = remote_follow_server(u, server, n ? &named : ends);
	/* The connections say more than a name does. */
	for (size_t i = 0; r == 0 && n && i < named.n; i++)
		r = remote_follow_address(u, named.items[i].server, ends);
	return r;
}

/* ---- on shared disks ---- */

static int follow_file(struct uses *u, const char *path, const char *before, struct remote_ends *ends)
{
	char text[256], *rest;
	int r = 0;

	if (host_read_text(u->h, -1, path, text, sizeof(text)) <= 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &rest); r == 0 && line; line = strtok_r(NULL, "\n", &rest)) {
		char address[REMOTE_SERVER_MAX];
		const char *value = str_after(line, before);

		value = value ? value + strspn(value, " ") : line;
		if (remote_address_of(value, address, sizeof(address)))
			r = remote_follow_address(u, address, ends);
	}
	return r;
}

static int follow_nodes(struct uses *u, const char *dir, const char *file, const char *before,
			struct remote_ends *ends)
{
	_cleanup_strv_ struct strv nodes = { 0 };
	int r = u->h->ops->list(u->h, -1, dir, &nodes);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	STRV_FOREACH (i, &nodes) {
		char path[NAME_MAX * 2 + 128], local[NAME_MAX * 2 + 128];
		uint64_t is_local = 0;

		snprintf(local, sizeof(local), "%s/%s/local", dir, nodes.items[i]);
		if (host_read_uint(u->h, -1, local, 10, &is_local) == 0 && is_local)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", dir, nodes.items[i], file);
		r = follow_file(u, path, before, ends);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Their disks are followed as such; the other nodes of the cluster must be reached for each lock. */
static int follow_cluster(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	_cleanup_strv_ struct strv clusters = { 0 };
	int r = follow_nodes(u, "sys/kernel/config/dlm/cluster/comms", "addr_list", "AF_INET6", ends);

	(void)m;
	if (r == 0)
		r = follow_nodes(u, "sys/kernel/config/dlm/cluster/comms", "addr_list", "AF_INET", ends);
	if (r < 0)
		return r;
	r = u->h->ops->list(u->h, -1, "sys/kernel/config/cluster", &clusters);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = 0;
	for (size_t i = 0; r == 0 && i < clusters.n; i++) {
		char dir[NAME_MAX + 64];

		snprintf(dir, sizeof(dir), "sys/kernel/config/cluster/%s/node", clusters.items[i]);
		r = follow_nodes(u, dir, "ipv4_address", "", ends);
	}
	return r;
}

/* ---- the kinds ---- */

static int follow_unknown(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	(void)u;
	remote_open(ends, "file systems of the type %.40s do not say which servers they use", m->type);
	return 0;
}

static const struct {
	const char *type;
	int (*follow)(struct uses *u, const struct mount *m, struct remote_ends *ends);
} types[] = {
	{ "9p", follow_9p },
	{ "afs", follow_afs },
	{ "beegfs", follow_unknown },
	{ "ceph", follow_ceph },
	{ "cifs", follow_option_or_source },
	{ "coda", follow_unknown },
	{ "gfs2", follow_cluster },
	{ "gpfs", follow_unknown },
	{ "lustre", follow_lustre },
	{ "ncpfs", follow_option_or_source },
	{ "nfs", follow_option_or_source },
	{ "nfs4", follow_option_or_source },
	{ "ocfs2", follow_cluster },
	{ "orangefs", follow_option_or_source },
	{ "panfs", follow_option_or_source },
	{ "pvfs2", follow_option_or_source },
	{ "quobyte", follow_unknown },
	{ "smb3", follow_option_or_source },
	{ "smbfs", follow_option_or_source },
	{ "virtiofs", follow_virtiofs },
	{ "wekafs", follow_unknown },
};

/* These have no server in their source at times. */
static const char *const fuse_types[] = {
	"beegfs",  "blobfuse", "blobfuse2", "ceph",	"ceph-fuse", "curlftpfs", "cvmfs2", "davfs",
	"fuse_dfs", "gcsfuse", "glusterfs", "goofys",	"hdfs",	     "juicefs",	  "lizardfs", "mfs",
	"moosefs", "mount-s3", "quobyte",   "rclone",	"s3fs",	     "saunafs",	  "seaweedfs", "smbnetfs",
	"sshfs",
};

static bool is_remote_fuse(const struct mount *m)
{
	const char *name = str_after(m->type, "fuse.");
	char server[256];

	if (!name && !streq(m->type, "fuse"))
		return false;
	for (size_t i = 0; name && i < ARRAY_SIZE(fuse_types); i++)
		if (streq(name, fuse_types[i]))
			return true;
	/* The source is what any user says: "host:/dir" is believed, a name of this host's own is not there. */
	return m->source[0] != '/' && server_of_source(m->source, server, sizeof(server));
}

bool uses_is_remote_mount(const struct mount *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(m->type, types[i].type))
			return types[i].follow != follow_cluster;
	return is_remote_fuse(m);
}

int remote_follow_mount(struct uses *u, const struct mount *m, struct remote_ends *ends)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(m->type, types[i].type))
			return types[i].follow(u, m, ends);
	return is_remote_fuse(m) ? follow_fuse(u, m, ends) : 0;
}

int uses_remote_mount(struct uses *u, const struct mount *m, const char *code, const char *text,
		      bool *ret_ended)
{
	struct remote_ends ends = { .kind = REMOTE_NETWORK };
	int r = remote_follow_mount(u, m, &ends);

	if (ret_ended)
		*ret_ended = remote_ended(&ends);
	return r < 0 ? r : remote_add(u, &ends, code, m->source, text);
}
