/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * use-devices WHAT …: uses devices in ways that no small tool does.
 *
 *   ovs add|del NAME [IF]  an Open vSwitch datapath with an interface in it
 *   kdump on|off           loads a crash kernel (of nothing but zeros: it must not crash)
 *   claim DISK             claims it and lets nobody see that it is open: the file is on its way through a
 *                          socket; says "ready" and stays until killed
 *   claims DISK            0: nobody has claimed it
 *   nbd serve ADDRESS       a disk of zeros for one client on NBD's port; says "ready"
 *   nbd connect ADDRESS DEV connects a node of NBD to it and stays until killed
 *   mounts ADDRESS DIR     mounts and unmounts the NVMe disk of a function until SIGTERM, then tells on
 *                          stdout how often it got it, how often not, and how often the disk was taken
 *                          away while it was mounted
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/kexec.h>
#include <linux/nbd.h>
#include <linux/netlink.h>
#include <linux/openvswitch.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(call, what)                                                                          \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			die(what);                                                                 \
	} while (0)

static void die(const char *what)
{
	fprintf(stderr, "use-devices: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- Open vSwitch ---- */

struct message {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	char payload[1024];
};

static void put(struct message *m, const void *data, size_t size)
{
	memcpy((char *)m + m->nl.nlmsg_len, data, size);
	m->nl.nlmsg_len += NLMSG_ALIGN(size);
}

static void put_attribute(struct message *m, int type, const void *data, size_t size)
{
	struct nlattr a = {.nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = (uint16_t)type};

	put(m, &a, sizeof(a));
	put(m, data, size);
}

static struct message message(uint16_t family, uint8_t command, uint8_t version)
{
	return (struct message){
		.nl = {.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		       .nlmsg_type = family,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.genl = {.cmd = command, .version = version},
	};
}

/* Sends it; the first answer that is no plain acknowledgement goes to *ret. */
static void talk(int fd, const struct message *m, struct message *ret)
{
	_Alignas(struct nlmsghdr) char buf[8192];

	CHECK(send(fd, m, m->nl.nlmsg_len, 0), "send");
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		CHECK(n, "recv");
		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR) {
				if (ret)
					memcpy(ret, h,
					       h->nlmsg_len < sizeof(*ret) ? h->nlmsg_len
									   : sizeof(*ret));
				continue;
			}
			errno = -e->error;
			if (e->error)
				die("netlink");
			return;
		}
	}
}

static uint16_t family(int fd, const char *name)
{
	struct message m = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1), answer = {0};
	char *p = answer.payload;

	put_attribute(&m, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	talk(fd, &m, &answer);
	while (p < (char *)&answer + answer.nl.nlmsg_len) {
		struct nlattr *a = (struct nlattr *)p;

		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(uint16_t *)(p + NLA_HDRLEN);
		p += NLA_ALIGN(a->nla_len);
	}
	errno = ENOENT;
	die(name);
	return 0;
}

static int use_ovs(const char *verb, const char *name, const char *interface)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	uint32_t none = 0, type = OVS_VPORT_TYPE_NETDEV;
	struct ovs_header header = {0};
	struct message m;

	CHECK(fd, "socket");
	if (strcmp(verb, "del") == 0) {
		header.dp_ifindex = (int)if_nametoindex(name);
		m = message(family(fd, OVS_DATAPATH_FAMILY), OVS_DP_CMD_DEL, OVS_DATAPATH_VERSION);
		put(&m, &header, sizeof(header));
		talk(fd, &m, NULL);
		return 0;
	}
	m = message(family(fd, OVS_DATAPATH_FAMILY), OVS_DP_CMD_NEW, OVS_DATAPATH_VERSION);
	put(&m, &header, sizeof(header));
	put_attribute(&m, OVS_DP_ATTR_NAME, name, strlen(name) + 1);
	put_attribute(&m, OVS_DP_ATTR_UPCALL_PID, &none, sizeof(none));
	talk(fd, &m, NULL);

	header.dp_ifindex = (int)if_nametoindex(name);
	m = message(family(fd, OVS_VPORT_FAMILY), OVS_VPORT_CMD_NEW, OVS_VPORT_VERSION);
	put(&m, &header, sizeof(header));
	put_attribute(&m, OVS_VPORT_ATTR_NAME, interface, strlen(interface) + 1);
	put_attribute(&m, OVS_VPORT_ATTR_TYPE, &type, sizeof(type));
	put_attribute(&m, OVS_VPORT_ATTR_UPCALL_PID, &none, sizeof(none));
	talk(fd, &m, NULL);
	return 0;
}

/* ---- a crash kernel ---- */

static unsigned long crash_area(void)
{
	unsigned long start = 0;
	char line[256];
	FILE *f = fopen("/proc/iomem", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, ": Crash kernel"))
			start = strtoul(line, NULL, 16);
	if (f)
		fclose(f);
	return start;
}

static int use_kdump(const char *verb)
{
	static char zeros[4096];
	unsigned long start = crash_area();
	struct kexec_segment segment = {zeros, sizeof(zeros), (void *)start, sizeof(zeros)};
	bool on = strcmp(verb, "on") == 0;

	CHECK(syscall(SYS_kexec_load, start, on ? 1UL : 0UL, &segment,
		      KEXEC_ON_CRASH | KEXEC_ARCH_DEFAULT),
	      "kexec_load");
	return 0;
}

/* ---- claims ---- */

static int use_claim(const char *disk, bool stay)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec byte = {(char *)"", 1};
	struct msghdr m = {.msg_iov = &byte,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int fd, pair[2];

	CHECK(fd = open(disk, O_RDONLY | O_EXCL | O_CLOEXEC), disk);
	if (!stay)
		return 0;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	CHECK(sendmsg(pair[0], &m, 0), "sendmsg");
	close(fd);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

/* ---- mounting without end ---- */

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void sleep_us(long us)
{
	struct timespec t = {.tv_nsec = us * 1000};

	nanosleep(&t, NULL);
}

/* The disk that is to be mounted: with multipath the one below the controller is hidden. */
static bool find_disk(const char *address, char *buf, size_t size)
{
	char path[128], controller[32] = "";
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/nvme", address);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			snprintf(controller, sizeof(controller), "%.31s", e->d_name);
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "/sys/class/nvme/%s", controller);
	dir = *controller ? opendir(path) : NULL;
	while (dir && !found && (e = readdir(dir))) {
		int subsystem, path_number, ns;

		if (sscanf(e->d_name, "nvme%dc%dn%d", &subsystem, &path_number, &ns) == 3 ||
		    sscanf(e->d_name, "nvme%dn%d", &subsystem, &ns) == 2) {
			snprintf(buf, size, "nvme%dn%d", subsystem, ns);
			found = true;
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Nobody may begin to take it away while it is mounted. */
static bool still_there(const char *address, const char *disk)
{
	char path[128], target[256] = "";

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	if (readlink(path, target, sizeof(target) - 1) < 0 || !strstr(target, "/nvme"))
		return false;
	snprintf(path, sizeof(path), "/sys/block/%s/dev", disk);
	return access(path, F_OK) == 0;
}

static int use_mounts(const char *address, const char *dir)
{
	struct sigaction sa = {.sa_handler = on_term};
	unsigned got = 0, refused = 0, absent = 0, torn = 0;
	char disk[64], node[80];

	sigaction(SIGTERM, &sa, NULL);
	srand(1);
	while (!stop) {
		if (!find_disk(address, disk, sizeof(disk))) {
			absent++;
		} else {
			snprintf(node, sizeof(node), "/dev/%s", disk);
			if (mount(node, dir, "ext4", 0, NULL) == 0) {
				got++;
				sleep_us(rand() % 60000);
				torn += !still_there(address, disk);
				CHECK(umount(dir), "umount");
			} else {
				refused++;
			}
		}
		sleep_us(rand() % 60000);
	}
	printf("got=%u refused=%u absent=%u torn=%u\n", got, refused, absent, torn);
	return 0;
}

/* ---- NBD ---- */

enum { NBD_PORT = 10809, NBD_SIZE = 16 << 20 };

static struct sockaddr_in nbd_address(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(NBD_PORT)};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		die("address");
	return a;
}

static void transfer(int fd, void *data, size_t size, bool out)
{
	for (size_t n = 0; n < size;) {
		ssize_t r = out ? write(fd, (char *)data + n, size - n) : read(fd, (char *)data + n, size - n);

		if (r <= 0)
			exit(0);
		n += (size_t)r;
	}
}

/* A disk of zeros, for one client, without the handshake: the kernel has no part in that. */
static int nbd_serve(const char *address)
{
	static unsigned char disk[NBD_SIZE];
	struct sockaddr_in a = nbd_address(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0), on = 1, fd;
	struct nbd_request request;

	CHECK(setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	CHECK(bind(listening, (struct sockaddr *)&a, sizeof(a)), "bind");
	CHECK(listen(listening, 1), "listen");
	puts("ready");
	fflush(stdout);
	CHECK(fd = accept(listening, NULL, NULL), "accept");
	for (;;) {
		struct nbd_reply reply = {.magic = htonl(NBD_REPLY_MAGIC)};
		uint64_t from;
		uint32_t size, type;

		transfer(fd, &request, sizeof(request), false);
		from = be64toh(request.from);
		size = ntohl(request.len);
		type = ntohl(request.type) & 0xffff;
		memcpy(reply.handle, request.handle, sizeof(reply.handle));
		if (type == NBD_CMD_DISC)
			return 0;
		if (from > NBD_SIZE || size > NBD_SIZE - from)
			reply.error = htonl(EINVAL);
		if (type == NBD_CMD_WRITE)
			transfer(fd, disk + (reply.error ? 0 : from), size, false);
		transfer(fd, &reply, sizeof(reply), true);
		if (type == NBD_CMD_READ && !reply.error)
			transfer(fd, disk + from, size, true);
	}
}

/* Stays until it is killed: the kernel works on the device in its name. */
static int nbd_connect(const char *address, const char *node)
{
	struct sockaddr_in a = nbd_address(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0), nbd = open(node, O_RDWR | O_CLOEXEC);

	CHECK(nbd, node);
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect");
	CHECK(ioctl(nbd, NBD_SET_BLKSIZE, 4096UL), "NBD_SET_BLKSIZE");
	CHECK(ioctl(nbd, NBD_SET_SIZE_BLOCKS, NBD_SIZE / 4096UL), "NBD_SET_SIZE_BLOCKS");
	CHECK(ioctl(nbd, NBD_SET_SOCK, fd), "NBD_SET_SOCK");
	ioctl(nbd, NBD_DO_IT);
	ioctl(nbd, NBD_CLEAR_SOCK);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "ovs") == 0 && argc >= 4)
		return use_ovs(argv[2], argv[3], argc > 4 ? argv[4] : "");
	if (strcmp(what, "kdump") == 0 && argc == 3)
		return use_kdump(argv[2]);
	if ((strcmp(what, "claim") == 0 || strcmp(what, "claims") == 0) && argc == 3)
		return use_claim(argv[2], strcmp(what, "claim") == 0);
	if (strcmp(what, "nbd") == 0 && argc == 4 && strcmp(argv[2], "serve") == 0)
		return nbd_serve(argv[3]);
	if (strcmp(what, "nbd") == 0 && argc == 5 && strcmp(argv[2], "connect") == 0)
		return nbd_connect(argv[3], argv[4]);
	if (strcmp(what, "mounts") == 0 && argc == 4)
		return use_mounts(argv[2], argv[3]);
	fputs("use-devices: see use_devices.c\n", stderr);
	return 2;
}
