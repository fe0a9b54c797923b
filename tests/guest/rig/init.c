/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First process of the test guest: mounts, loads the drivers of the hardware that is there,
 * then serves commands (agent.c). One static program, because forks are slow under emulation.
 * Started with --service under a distribution's own init it only serves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define MARKER	       "/run/vfioadm-test-guest"
#define PORT_NAME      "vfioadm.agent"
#define SETTLE_SECONDS 30 /* on a busy machine each driver takes seconds */
#define MAX_ALIASES    4096

static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

void guest_options(struct options *ret)
{
	char line[4096], *word, *save = NULL;

	*ret = (struct options){ .channel = "ttyS1", .term = "linux", .rows = 24, .cols = 80 };
	if (read_line("/proc/cmdline", line, sizeof(line)) < 0)
		return;
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		sscanf(word, "rig.channel=%63s", ret->channel);
		sscanf(word, "rig.term=%31s", ret->term);
		sscanf(word, "rig.rows=%d", &ret->rows);
		sscanf(word, "rig.cols=%d", &ret->cols);
		sscanf(word, "rig.root=%31s", ret->root);
		if (strcmp(word, "rig.shell") == 0)
			ret->shell = true;
		if (strcmp(word, "rig.nocoldplug") == 0)
			ret->nocoldplug = true;
	}
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir, *data;
	} mounts[] = {
		{ "proc", "/proc", NULL },	     { "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", "mode=0755" }, { "devpts", "/dev/pts", "mode=0620,ptmxmode=0666" },
		{ "tmpfs", "/dev/shm", "mode=1777" }, { "tmpfs", "/run", "mode=0755" },
		{ "tmpfs", "/tmp", "mode=1777" },    { "debugfs", "/sys/kernel/debug", NULL },
		{ "cgroup2", "/sys/fs/cgroup", NULL },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 0755);
		/* EBUSY: the kernel mounted it; the optional ones may not be in this kernel. */
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, mounts[i].data);
	}
	/* No udev here to make these. */
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

/* Coldplug: what udev does at boot, in one pass per bus level. */

struct aliases {
	char *argv[MAX_ALIASES + 8];
	size_t n, done;
};

static void add_alias(struct aliases *a, const char *alias)
{
	if (!*alias || a->n >= MAX_ALIASES)
		return;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->argv[i], alias) == 0)
			return;
	a->argv[a->n++] = strdup(alias);
}

static void collect(struct aliases *a, int dirfd, int depth)
{
	DIR *dir = fdopendir(dirfd);
	struct dirent *e;

	if (!dir) {
		close(dirfd);
		return;
	}
	while ((e = readdir(dir))) {
		int fd;

		if (e->d_type == DT_DIR && e->d_name[0] != '.' && depth < 24) {
			fd = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd >= 0)
				collect(a, fd, depth + 1);
		} else if (strcmp(e->d_name, "modalias") == 0) {
			char buf[512];
			ssize_t n = -1;

			fd = openat(dirfd, "modalias", O_RDONLY | O_CLOEXEC);
			if (fd >= 0) {
				n = read(fd, buf, sizeof(buf) - 1);
				close(fd);
			}
			if (n > 0) {
				buf[n] = '\0';
				buf[strcspn(buf, "\n")] = '\0';
				add_alias(a, buf);
			}
		}
	}
	closedir(dir);
}

static void modprobe(char **names, size_t n)
{
	char *argv[MAX_ALIASES + 8] = { (char *)"modprobe", (char *)"-abq", (char *)"--" };
	pid_t pid;

	memcpy(argv + 3, names, n * sizeof(*names));
	argv[3 + n] = NULL;
	pid = fork();
	if (pid == 0) {
		/* An alias without a module is normal; the noise is not wanted. */
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execv("/sbin/modprobe", argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static bool load_new(struct aliases *a)
{
	int fd = open("/sys/devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		collect(a, fd, 0);
	if (a->done == a->n)
		return false;
	modprobe(a->argv + a->done, a->n - a->done);
	a->done = a->n;
	return true;
}

/* NVMe probes asynchronously: bound is not the same as ready. */
static bool nvme_ready(void)
{
	DIR *dir = opendir("/sys/bus/pci/drivers/nvme");
	struct dirent *e;
	bool ready = true;

	if (!dir)
		return true;
	while (ready && (e = readdir(dir))) {
		char path[600], state[32];
		DIR *sub;
		struct dirent *c;

		if (!strchr(e->d_name, ':'))
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/drivers/nvme/%s/nvme", e->d_name);
		sub = opendir(path);
		ready = false;
		while (sub && (c = readdir(sub))) {
			if (c->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/sys/class/nvme/%.32s/state", c->d_name);
			ready = read_line(path, state, sizeof(state)) == 0 &&
				strcmp(state, "live") == 0;
		}
		if (sub)
			closedir(sub);
	}
	closedir(dir);
	return ready;
}

/* New devices (USB behind a controller, disks behind USB) need drivers too: loop until calm. */
static void coldplug(void)
{
	static struct aliases a;
	time_t end = time(NULL) + SETTLE_SECONDS;
	char before[32] = "", now[32] = "";

	for (int calm = 0; calm < 3 && time(NULL) < end;) {
		bool loaded = load_new(&a);

		read_line("/sys/kernel/uevent_seqnum", now, sizeof(now));
		calm = loaded || strcmp(before, now) || !nvme_ready() ? 0 : calm + 1;
		memcpy(before, now, sizeof(before));
		sleep_ms(30);
	}
	if (!nvme_ready())
		say("rig: an NVMe controller is not ready after %d s", SETTLE_SECONDS);
}

/* Moves to a disk for good, as an initramfs does: a host whose root file system is on it. */
static void move_root(const char *disk)
{
	char script[512];

	snprintf(script, sizeof(script),
		 "/usr/sbin/mke2fs -q -F -t ext4 -O ^has_journal /dev/%s && mkdir /new && "
		 "mount -t ext4 /dev/%s /new && cp -a /bin /sbin /lib /lib64 /etc /root /usr /new && "
		 "cd /new && mkdir -p var mnt proc sys dev run tmp && ln -s /run var/run && "
		 "for d in proc sys dev run tmp; do mount --move /$d $d || exit 1; done", disk, disk);
	if (system(script) || chdir("/new") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/"))
		say("rig: no root on %s: %s", disk, strerror(errno));
}

void guest_init(const struct options *opt)
{
	int fd;

	/* Before /dev is mounted there may be no console at all. */
	fd = open("/dev/console", O_RDWR);
	if (fd >= 0) {
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		if (fd > 2)
			close(fd);
	}
	sethostname("guest", 5);
	loopback_up();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	mkdir("/root", 0700);
	mkdir("/run/lock", 0755);
	mkdir("/var", 0755);
	symlink("/run", "/var/run");
	if (!opt->nocoldplug)
		coldplug();
	if (*opt->root)
		move_root(opt->root);
	fd = open(MARKER, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0)
		close(fd);
}

static int open_virtio_port(void)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *e;
	int fd = -1;

	while (dir && fd < 0 && (e = readdir(dir))) {
		char path[300], name[64];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		if (read_line(path, name, sizeof(name)) < 0 || strcmp(name, PORT_NAME))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	return fd;
}

int guest_open_channel(const struct options *opt)
{
	char path[80];
	struct termios t;
	int fd;

	if (strcmp(opt->channel, "virtio") == 0)
		return open_virtio_port();
	snprintf(path, sizeof(path), "/dev/%s", opt->channel);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		cfsetspeed(&t, B115200);
		t.c_cflag |= CLOCAL | CREAD;
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* The console proper cannot be a controlling terminal; the tty behind it can. */
static int open_console_tty(void)
{
	char line[128], path[140];

	if (read_line("/sys/class/tty/console/active", line, sizeof(line)) < 0)
		return -1;
	char *last = strrchr(line, ' ');

	snprintf(path, sizeof(path), "/dev/%s", last ? last + 1 : line);
	return open(path, O_RDWR);
}

int guest_spawn_shell(const struct options *opt)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	int fd = open_console_tty();

	if (fd >= 0) {
		struct winsize w = { .ws_row = opt->rows, .ws_col = opt->cols };

		ioctl(fd, TIOCSCTTY, 1);
		ioctl(fd, TIOCSWINSZ, &w);
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
		if (fd > 2)
			close(fd);
	}
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("TERM", opt->term, 1);
	chdir("/root");
	execl("/bin/sh", "-sh", NULL);
	_exit(127);
}

void guest_poweroff(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	bool service = argc > 1 && strcmp(argv[1], "--service") == 0;
	struct options opt;
	int fd, shell = 0;

	if (!service) {
		mount_all();
		guest_options(&opt);
		guest_init(&opt);
	} else {
		guest_options(&opt);
	}
	/* The port of a virtio device can take a moment to appear. */
	for (int i = 0; (fd = guest_open_channel(&opt)) < 0 && i < 200; i++)
		sleep_ms(20);
	if (fd < 0 && !opt.shell) {
		say("rig: no channel %s: %s", opt.channel, strerror(errno));
		guest_poweroff();
	}
	if (opt.shell && !service)
		shell = guest_spawn_shell(&opt);
	agent_serve(fd, strcmp(opt.channel, "virtio") != 0, shell);
	if (!service)
		guest_poweroff();
	return 0;
}
