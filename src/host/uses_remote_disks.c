/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks that a network or a fabric leads to: which server each kind names, and where. */
#include <limits.h>
#include <strings.h>

#include "host/uses_private.h"
#include "host/uses_remote_private.h"

enum { NBD_PORT = 10809 };

/* ---- iSCSI ---- */

/* "…/host8/session1/target8:0:0/…": the number behind a word. */
static bool number_in_link(const char *link, const char *word, unsigned *ret)
{
	const char *p = strstr(link, word);
	int end = 0;

	return p && sscanf(p + strlen(word), "%9u%n", ret, &end) == 1 && p[strlen(word) + (size_t)end] == '/';
}

static bool read_class(struct uses *u, const char *class, const char *name, const char *file, char *buf,
		       size_t size)
{
	char path[NAME_MAX + 128];

	snprintf(path, sizeof(path), "sys/class/%s/%s/%s", class, name, file);
	return host_read_text(u->h, -1, path, buf, size) > 0 && !streq(buf, "<NULL>") && !streq(buf, "(null)");
}

/* A session that is bound to an interface does not ask the routes. */
static int follow_connection(struct uses *u, const char *connection, const char *interface,
			     struct remote_ends *ends)
{
	char address[256], path[96];

	if (!read_class(u, "iscsi_connection", connection, "address", address, sizeof(address)) &&
	    !read_class(u, "iscsi_connection", connection, "persistent_address", address, sizeof(address))) {
		remote_open(ends, "the iSCSI session does not tell its target's address");
		return 0;
	}
	snprintf(path, sizeof(path), "sys/class/net/%.64s", interface);
	if (*interface && !strchr(interface, '/') && host_exists(u->h, path))
		return remote_follow_interface(u, interface, address, ends);
	return remote_follow_server(u, address, ends);
}

static int follow_iscsi(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
			size_t size)
{
	_cleanup_strv_ struct strv names = { 0 };
	char name[64], text[256], interface[64] = "";
	unsigned session = 0, number = 0, n = 0;
	int r;

	number_in_link(disk->link, "/session", &session);
	snprintf(name, sizeof(name), "session%u", session);
	snprintf(words, size, "iSCSI%s%s",
		 read_class(u, "iscsi_session", name, "targetname", text, sizeof(text)) ? ", " : "", text);
	if (!strchr(words, ','))
		snprintf(words, size, "iSCSI");
	if (number_in_link(disk->link, "/host", &number)) {
		snprintf(name, sizeof(name), "host%u", number);
		if (!read_class(u, "iscsi_host", name, "netdev", interface, sizeof(interface)))
			interface[0] = '\0';
	}
	r = u->h->ops->list(u->h, -1, "sys/class/iscsi_connection", &names);
	if (r == -ENOMEM)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (sscanf(names.items[i], "connection%9u:", &number) != 1 || number != session)
			continue;
		n++;
		r = follow_connection(u, names.items[i], interface, ends);
	}
	if (r == 0 && !n)
		remote_open(ends, "the iSCSI session %u shows no connection", session);
	return r;
}

/* ---- NVMe over fabrics ---- */

/* "nn-0x20000090fa942779:pn-0x10000090fa942779": the port of ours. */
static int follow_fibre_channel(struct uses *u, const char *address, struct remote_ends *ends)
{
	_cleanup_strv_ struct strv names = { 0 };
	char host[128], port[64], link[PATH_MAX], path[NAME_MAX + 64];
	const char *name;
	int r;

	ends->kind = REMOTE_FIBRE_CHANNEL;
	if (!remote_option(address, "host_traddr=", host, sizeof(host)) || !(name = strstr(host, "pn-"))) {
		remote_open(ends, "the controller does not tell its Fibre Channel port");
		return 0;
	}
	name += strlen("pn-");
	r = u->h->ops->list(u->h, -1, "sys/class/fc_host", &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		if (!read_class(u, "fc_host", names.items[i], "port_name", port, sizeof(port)) ||
		    strcasecmp(port, name) != 0)
			continue;
		snprintf(path, sizeof(path), "sys/class/fc_host/%s", names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		remote_follow_link(u, link, ends);
		return 0;
	}
	remote_open(ends, "the Fibre Channel port %s is not to be seen", name);
	return r == -ENOMEM ? r : 0;
}

/* Over TCP the controller's address is told under a lock that the kernel holds while a connection stops. */
static int follow_controller(struct uses *u, const char *controller, struct remote_ends *ends, char *words,
			     size_t size)
{
	char path[NAME_MAX + 64], address[512], transport[32] = "", text[REMOTE_SERVER_MAX];

	if (!read_class(u, "nvme", controller, "transport", transport, sizeof(transport)))
		snprintf(transport, sizeof(transport), "?");
	snprintf(words, size, "NVMe/%s", transport);
	snprintf(path, sizeof(path), "sys/class/nvme/%s/address", controller);
	if (u->h->ops->read_locked(u->h, path, address, sizeof(address)) < 0) {
		remote_open(ends, "the address of the controller %.40s could not be read", controller);
		return 0;
	}
	str_rstrip(address);
	if (streq(transport, "fc"))
		return follow_fibre_channel(u, address, ends);
	if (streq(transport, "loop")) {
		remote_open(ends, "this host itself is the target, and where that has its data from is not known");
		return 0;
	}
	if (!remote_option(address, "traddr=", text, sizeof(text))) {
		remote_open(ends, "the controller %.40s does not tell its address", controller);
		return 0;
	}
	if (remote_option(address, "host_iface=", path, 64))
		return remote_follow_interface(u, path, text, ends);
	return remote_follow_server(u, text, ends);
}

struct nvme {
	struct uses *u;
	struct remote_ends *ends;
	char *words;
	size_t size;
	unsigned n;
};

static int on_path(const struct block_carrier *c, void *userdata)
{
	struct nvme *nvme = userdata;

	nvme->n++;
	if (c->function >= 0 || !c->controller)
		return 0;
	return follow_controller(nvme->u, c->controller, nvme->ends, nvme->words, nvme->size);
}

static int follow_nvme(struct uses *u, const struct blocks *b, const struct block *disk,
		       struct remote_ends *ends, char *words, size_t size)
{
	struct nvme nvme = { u, ends, words, size, 0 };
	unsigned number;
	int r = blocks_each_carrier(b, disk, on_path, &nvme);

	if (r < 0 || nvme.n)
		return r;
	/* Without multipath the disk is a child of its controller. */
	if (number_in_link(disk->link, "/ctl/nvme", &number)) {
		char controller[32];

		snprintf(controller, sizeof(controller), "nvme%u", number);
		return follow_controller(u, controller, ends, words, size);
	}
	remote_open(ends, "no controller of it is to be seen");
	return 0;
}

/* ---- NBD, and block devices of programs ---- */

static bool read_block(struct uses *u, const char *name, const char *file, char *buf, size_t size)
{
	return read_class(u, "block", name, file, buf, size);
}

/* The program that connected it, if it stayed; else the connections to the port of NBD. */
static int follow_nbd(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		      size_t size)
{
	char text[64], backend[128];
	uint64_t pid = 0;
	size_t n = 0;
	int r = 0;

	if (read_block(u, disk->name, "backend", backend, sizeof(backend)))
		snprintf(words, size, "NBD, %s", backend);
	else
		snprintf(words, size, "NBD");
	if (read_block(u, disk->name, "pid", text, sizeof(text)) &&
	    str_to_u64(text, 10, INT_MAX, &pid) == 0 && pid)
		r = remote_follow_process(u, (int)pid, ends, &n);
	if (r == 0 && !n)
		r = remote_follow_ports(u, NBD_PORT, NBD_PORT, ends, &n);
	if (r == 0 && !n)
		remote_open(ends, "no connection of its client is to be seen");
	return r;
}

/* A ublk device is what the program says that has its control node open. */
static const struct opener *ublk_server(const struct uses *u, const char *name)
{
	char path[64], node[64];

	snprintf(path, sizeof(path), "/dev/ublkc%.16s", name + strlen("ublkb"));
	snprintf(node, sizeof(node), "ublk-char/ublkc%.16s", name + strlen("ublkb"));
	for (size_t i = 0; u->procs && i < u->procs->n_openers; i++)
		if (opener_is_node(u->h, &u->procs->openers[i], node, path))
			return &u->procs->openers[i];
	return NULL;
}

static int follow_ublk(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		       size_t size)
{
	const struct opener *o = ublk_server(u, disk->name);
	char who[128] = "";
	size_t n = 0;
	int r;

	if (!o) {
		remote_open(ends, "the program that serves it is not to be seen");
		return 0;
	}
	process_describe(o->process, who, sizeof(who));
	snprintf(words, size, "ublk, served by %s", who);
	r = remote_follow_process(u, o->process->pid, ends, &n);
	/* What it has open on this host is found as that. */
	if (r == 0 && !n)
		ends->elsewhere = true;
	return r;
}

/* ---- Ceph ---- */

/* config_info is the line by which it was added: "192.0.2.1:6789,192.0.2.2:6789 name=admin,… pool image -" */
static int follow_rbd(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		      size_t size)
{
	char path[96], text[2048], pool[128] = "?", *rest;
	int r = 0;

	snprintf(path, sizeof(path), "sys/bus/rbd/devices/%.16s/pool", disk->name + strlen("rbd"));
	(void)!host_read_text(u->h, -1, path, pool, sizeof(pool));
	snprintf(words, size, "RBD, pool %s", pool);
	snprintf(path, sizeof(path), "sys/bus/rbd/devices/%.16s/config_info", disk->name + strlen("rbd"));
	if (host_read_text(u->h, -1, path, text, sizeof(text)) <= 0) {
		remote_open(ends, "which monitors it uses is not known here");
		return 0;
	}
	text[strcspn(text, " ")] = '\0';
	for (char *word = strtok_r(text, ",", &rest); r == 0 && word; word = strtok_r(NULL, ",", &rest))
		r = remote_follow_server(u, word, ends);
	return r < 0 ? r : remote_follow_ceph_connections(u, ends, &(size_t){ 0 });
}

/* ---- ATA over Ethernet: "eth0,eth1" ---- */

static int follow_aoe(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		      size_t size)
{
	char text[512], *rest;
	int r = 0;

	snprintf(words, size, "ATA over Ethernet");
	if (!read_block(u, disk->name, "netif", text, sizeof(text))) {
		remote_open(ends, "the interfaces that it is reached through are not known here");
		return 0;
	}
	for (char *word = strtok_r(text, ", ", &rest); r == 0 && word; word = strtok_r(NULL, ", ", &rest))
		r = remote_follow_interface(u, word, disk->name + strlen("etherd!"), ends);
	return r;
}

/* ---- a SCSI host on top of an interface (FCoE) ---- */

static int follow_interface_in_link(struct uses *u, const struct block *disk, struct remote_ends *ends,
				    char *words, size_t size)
{
	const char *name = strstr(disk->link, "/net/") + strlen("/net/");
	char interface[64];

	snprintf(words, size, "%s", strstr(disk->link, "/rport-") || strstr(disk->link, "/ctlr_") ?
					    "Fibre Channel over Ethernet" : "over Ethernet");
	snprintf(interface, sizeof(interface), "%.*s", (int)strcspn(name, "/"), name);
	return remote_follow_interface(u, interface, "its target", ends);
}

/* ---- RNBD: "ip:192.0.2.2@ip:192.0.2.1" is a path of its session ---- */

static int follow_rnbd(struct uses *u, const struct block *disk, struct remote_ends *ends, char *words,
		       size_t size)
{
	_cleanup_strv_ struct strv paths = { 0 };
	char session[NAME_MAX + 1], path[NAME_MAX * 2 + 96];
	unsigned n = 0;
	int r;

	snprintf(words, size, "RNBD");
	snprintf(path, sizeof(path), "sys/class/block/%.32s/rnbd/session", disk->name);
	if (host_read_text(u->h, -1, path, session, sizeof(session)) <= 0 || strchr(session, '/')) {
		remote_open(ends, "its session is not known here");
		return 0;
	}
	snprintf(path, sizeof(path), "sys/class/rtrs-client/%s/paths", session);
	r = u->h->ops->list(u->h, -1, path, &paths);
	if (r == -ENOMEM)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		const char *server = strstr(paths.items[i], "@ip:");

		if (!server)
			continue;
		n++;
		r = remote_follow_server(u, server + strlen("@ip:"), ends);
	}
	if (r == 0 && !n)
		remote_open(ends, "the paths of its session are not known here");
	return r;
}

/* ---- which there are ---- */

static bool is_numbered(const char *name, const char *prefix)
{
	const char *rest = str_after(name, prefix);

	return rest && *rest >= '0' && *rest <= '9';
}

/* A pid is there as long as it is connected; so is a size. */
static bool is_connected(const struct blocks *b, const struct block *disk)
{
	char path[NAME_MAX + 16], text[64];
	uint64_t size = 0;

	snprintf(path, sizeof(path), "%s/pid", disk->name);
	if (host_read_text(b->h, b->dir, path, text, sizeof(text)) > 0)
		return true;
	snprintf(path, sizeof(path), "%s/size", disk->name);
	return host_read_uint(b->h, b->dir, path, 10, &size) == 0 && size;
}

static bool has_fabric_path(const struct blocks *b, const struct block *disk);

bool uses_is_remote_disk(const struct blocks *b, const struct block *disk)
{
	unsigned number;

	if (!disk->link || disk->disk >= 0 || disk->hidden || disk->function >= 0)
		return false;
	if (is_numbered(disk->name, "nbd"))
		return is_connected(b, disk);
	if (is_numbered(disk->name, "rbd") || is_numbered(disk->name, "rnbd") || is_numbered(disk->name, "ublkb") ||
	    is_numbered(disk->name, "drbd") || str_after(disk->name, "etherd!"))
		return true;
	if (strstr(disk->link, "/nvme-subsystem/"))
		return has_fabric_path(b, disk);
	return strstr(disk->link, "/nvme-fabrics/") || strstr(disk->link, "/net/") ||
	       number_in_link(disk->link, "/session", &number);
}

static int on_fabric(const struct block_carrier *c, void *userdata)
{
	*(bool *)userdata |= c->function < 0;
	return 0;
}

static bool has_fabric_path(const struct blocks *b, const struct block *disk)
{
	bool found = false;

	return blocks_each_carrier(b, disk, on_fabric, &found) >= 0 && found;
}

int remote_follow_disk(struct uses *u, const struct blocks *b, const struct block *disk,
		       struct remote_ends *ends, char *words, size_t size)
{
	words[0] = '\0';
	if (is_numbered(disk->name, "nbd"))
		return follow_nbd(u, disk, ends, words, size);
	if (is_numbered(disk->name, "rbd"))
		return follow_rbd(u, disk, ends, words, size);
	if (is_numbered(disk->name, "rnbd"))
		return follow_rnbd(u, disk, ends, words, size);
	if (is_numbered(disk->name, "ublkb"))
		return follow_ublk(u, disk, ends, words, size);
	if (is_numbered(disk->name, "drbd"))
		return remote_follow_drbd(u, disk, ends, words, size);
	if (str_after(disk->name, "etherd!"))
		return follow_aoe(u, disk, ends, words, size);
	if (strstr(disk->link, "/nvme-subsystem/") || strstr(disk->link, "/nvme-fabrics/"))
		return follow_nvme(u, b, disk, ends, words, size);
	if (strstr(disk->link, "/net/"))
		return follow_interface_in_link(u, disk, ends, words, size);
	return follow_iscsi(u, disk, ends, words, size);
}
