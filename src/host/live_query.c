/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "host/live.h"

/* ---- network interfaces ---- */

int live_permanent_mac(struct host *h, const char *interface, uint8_t ret_mac[6])
{
	union {
		struct ethtool_perm_addr head;
		uint8_t room[sizeof(struct ethtool_perm_addr) + 32];
	} request = {.head = {.cmd = ETHTOOL_GPERMADDR, .size = 32}};
	static const uint8_t none[6];
	struct ifreq ifr = {0};
	_cleanup_close_ int fd = -1;

	if (strlen(interface) >= sizeof(ifr.ifr_name))
		return -ENAMETOOLONG;
	/* Any socket will do (net/socket.c, sock_do_ioctl()), and this kind our units allow. */
	fd = fd_above(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, interface, strlen(interface));
	ifr.ifr_data = (void *)&request;
	if (ioctl(fd, SIOCETHTOOL, &ifr) < 0)
		return -errno;
	/* Another size is no Ethernet; zeros are a driver that does not know its address. */
	if (request.head.size != 6 || memcmp(request.head.data, none, 6) == 0)
		return -ENODATA;
	memcpy(ret_mac, request.head.data, 6);
	return 0;
}

/* ---- kernel log ---- */

enum { LOG_LINES_MAX = 4096, LOG_RECORD_MAX = 8192 };

static int log_keep(struct kernel_log *log, const char *line)
{
	/* Whoever asks looks at what came last. */
	if (log->lines.n >= LOG_LINES_MAX) {
		size_t drop = LOG_LINES_MAX / 2;

		for (size_t i = 0; i < drop; i++)
			free(log->lines.items[i]);
		memmove(log->lines.items, log->lines.items + drop,
			(log->lines.n - drop + 1) * sizeof(*log->lines.items));
		log->lines.n -= drop;
		log->first += drop;
	}
	return strv_add(&log->lines, line);
}

/*
 * A record is "priority,number,time,flags;text\n KEY=value…". The priority has the facility in its higher bits: 0 is
 * the kernel. Whoever else writes to /dev/kmsg has another (devkmsg_write()), and may say what he likes.
 */
const char *live_log_text(const char *record)
{
	enum { SEVERITIES = 8 };
	const char *text = strchr(record, ';');
	char *end;
	unsigned long priority = strtoul(record, &end, 10);

	return text && end != record && *end == ',' && priority < SEVERITIES ? text + 1 : NULL;
}

static bool is_address_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool live_log_mentions(const char *record, const char *needle)
{
	size_t n = strlen(needle);

	for (const char *at = strstr(record, needle); n && at; at = strstr(at + 1, needle))
		if ((at == record || !is_address_char(at[-1])) && !is_address_char(at[n]))
			return true;
	return false;
}

/* Reads what the kernel wrote since. */
static int log_drain(struct kernel_log *log)
{
	/* More than the kernel's buffer holds: whoever writes faster than we read must not keep us here. */
	enum { DRAIN_MAX = 100000 };
	char record[LOG_RECORD_MAX];

	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = read(log->fd, record, sizeof(record) - 1);
		const char *text;
		int r;

		/* EPIPE: records were overwritten before they were read; the next read goes on behind. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			return 0;
		record[n] = '\0';
		text = live_log_text(record);
		r = text ? log_keep(log, text) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int live_log_position(struct host *h, uint64_t *ret_position)
{
	struct kernel_log *log = &live_of(h)->log;
	int r;

	if (log->fd < 0) {
		_cleanup_close_ int fd = fd_above(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

		if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
			return -errno;
		log->fd = TAKE_FD(fd);
	}
	r = log_drain(log);
	if (r == 0)
		*ret_position = log->first + log->lines.n;
	return r;
}

int live_log_lines(struct host *h, uint64_t position, const char *needle, struct strv *ret)
{
	struct kernel_log *log = &live_of(h)->log;
	_cleanup_strv_ struct strv found = {0};
	int r = log->fd < 0 ? -EBADF : log_drain(log);

	for (size_t i = position > log->first ? position - log->first : 0;
	     r == 0 && i < log->lines.n; i++) {
		const char *record = log->lines.items[i];

		/* The address may also stand in the record's DEVICE=+pci:… line. */
		if (!live_log_mentions(record, needle))
			continue;
		r = strv_take(&found, strndup(record, strcspn(record, "\n")));
		if (r == 0)
			host_clean_text(found.items[found.n - 1]);
	}
	if (r < 0)
		return r;
	*ret = found;
	found = (struct strv){0};
	return 0;
}

void live_query_free(struct live_host *l)
{
	if (l->log.fd >= 0)
		close(l->log.fd);
	strv_clear(&l->log.lines);
}
