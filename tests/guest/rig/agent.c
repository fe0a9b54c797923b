/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Serves requests of the host over one byte stream; qemu.py is the other end.
 *
 * Frame, both ways: type (1 byte), three zero bytes, id (u32), length (u32), payload; big-endian.
 *
 *   host to guest                             guest to host
 *   R  run: timeout ms, argc, envc (u32 each) O  stdout bytes of request id
 *      then the strings with their NULs,      X  stderr bytes of request id
 *      then what the command reads on stdin   E  end of request: status (i32), flags (u32)
 *   K  send a signal (u32) to request id      D  bytes of a file
 *   W  write a file: mode (u32), path, bytes  H  hello: flow control (u32), uptime text
 *   G  get a file: path                       A  that many bytes were taken (u32)
 *
 * The upper bit of a type from the guest says that the payload is compressed by zlib: a UART
 * takes 5 us a byte under emulation.
 *
 * A UART has no flow control that QEMU honours and the tty layer drops what does not fit, so the
 * host keeps no more than a window of bytes that were not acknowledged by A.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_ZLIB
#include <zlib.h>
#endif

#include "agent.h"

#define MAX_JOBS       64
#define CHUNK	       16384
#define ACK_EVERY      1024
#define COMPRESSED     0x80
#define COMPRESS_FROM  128 /* shorter payloads are not worth it */
#define MAX_FRAME      (256U << 20)
#define LINGER_MS      150  /* how long a finished command's pipes may stay open and silent */
#define LINGER_BYTES   (256U << 10) /* more than two full pipes can hold */
#define UNKILLABLE_MS  1500 /* how long to wait for a killed command */

enum { FLAG_TIMEOUT = 1, FLAG_UNKILLABLE = 2, FLAG_NOT_STARTED = 4 };

struct header {
	uint8_t type, zero[3];
	uint32_t id, length;
};

struct job {
	uint32_t id;
	pid_t pid;	  /* 0: slot is free */
	int out, err;	  /* -1: closed */
	int64_t deadline; /* 0: none */
	int64_t give_up;  /* after the kill, or after the exit */
	size_t after_exit; /* bytes forwarded since the exit */
	int status;
	bool exited, timed_out;
};

static struct job jobs[MAX_JOBS];
static int channel = -1;
static bool flow_control; /* the channel is a UART */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= w;
	}
	return 0;
}

/* Length of the compressed payload in out, or 0 if it does not get shorter. */
static size_t compressed(const void *data, size_t n, unsigned char *out, size_t room)
{
#ifdef WITH_ZLIB
	uLongf size = room;

	if (flow_control && n >= COMPRESS_FROM && n <= CHUNK &&
	    compress2(out, &size, data, n, Z_BEST_SPEED) == Z_OK && size < n)
		return size;
#else
	(void)data, (void)n, (void)out, (void)room;
#endif
	return 0;
}

static void send_frame(char type, uint32_t id, const void *data, size_t n)
{
	static unsigned char packed[CHUNK + 1024];
	size_t size = compressed(data, n, packed, sizeof(packed));
	struct header h = { .type = size ? type | COMPRESSED : type, .id = htobe32(id) };

	if (channel < 0)
		return;
	h.length = htobe32(size ? size : n);
	write_all(channel, &h, sizeof(h));
	write_all(channel, size ? packed : data, size ? size : n);
}

static void send_end(uint32_t id, int32_t status, uint32_t flags)
{
	uint32_t v[2] = { htobe32((uint32_t)status), htobe32(flags) };

	send_frame('E', id, v, sizeof(v));
}

static uint32_t take_u32(const char **p, const char *end)
{
	uint32_t v = 0;

	if (end - *p >= 4) {
		memcpy(&v, *p, 4);
		*p += 4;
	}
	return be32toh(v);
}

static const char *take_string(const char **p, const char *end)
{
	const char *s = *p, *nul = memchr(s, '\0', end - s);

	if (!nul)
		return NULL;
	*p = nul + 1;
	return s;
}

/* Commands */

static int stdin_of(const char *data, size_t n)
{
	int fd;

	if (!n)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write_all(fd, data, n) < 0) {
		close(fd);
		return -1;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void child(const char **argv, const char **env, size_t envc, int in, int out, int err)
{
	sigset_t none;

	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < envc; i++)
		putenv((char *)env[i]);
	execvp(argv[0], (char **)argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static struct job *free_job(void)
{
	for (size_t i = 0; i < MAX_JOBS; i++)
		if (!jobs[i].pid)
			return &jobs[i];
	return NULL;
}

static int start(struct job *j, const char **argv, const char **env, size_t envc, int in)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return -ENFILE;
	}
	j->pid = fork();
	if (j->pid == 0)
		child(argv, env, envc, in, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	j->out = out[0];
	j->err = err[0];
	fcntl(j->out, F_SETFL, O_NONBLOCK);
	fcntl(j->err, F_SETFL, O_NONBLOCK);
	return j->pid < 0 ? -EAGAIN : 0;
}

static void do_run(uint32_t id, const char *p, const char *end)
{
	uint32_t timeout = take_u32(&p, end), argc = take_u32(&p, end), envc = take_u32(&p, end);
	const char *argv[256] = { NULL }, *env[256] = { NULL };
	struct job *j = free_job();
	int in;

	if (!j || !argc || argc > 255 || envc > 255) {
		send_end(id, 126, FLAG_NOT_STARTED);
		return;
	}
	for (uint32_t i = 0; i < argc + envc; i++) {
		const char *s = take_string(&p, end);

		if (!s) {
			send_end(id, 126, FLAG_NOT_STARTED);
			return;
		}
		*(i < argc ? &argv[i] : &env[i - argc]) = s;
	}
	in = stdin_of(p, end - p);
	*j = (struct job){ .id = id, .deadline = timeout ? now_ms() + timeout : 0 };
	if (start(j, argv, env, envc, in) < 0) {
		j->pid = 0;
		send_end(id, 126, FLAG_NOT_STARTED);
	}
	if (in >= 0)
		close(in);
}

static void do_kill(uint32_t id, const char *p, const char *end)
{
	int sig = take_u32(&p, end);

	for (size_t i = 0; i < MAX_JOBS; i++)
		if (jobs[i].pid && jobs[i].id == id && !jobs[i].exited)
			kill(-jobs[i].pid, sig);
}

/* Forward what the pipe has; false when it ended. */
static bool forward(struct job *j, int fd, char type)
{
	static char buf[CHUNK];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0) {
		send_frame(type, j->id, buf, n);
		/* What the command left in its pipes is still its output. */
		if (j->exited && (j->after_exit += n) < LINGER_BYTES)
			j->give_up = now_ms() + LINGER_MS;
		return true;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void drain(struct job *j, int *fd, char type)
{
	if (*fd >= 0 && !forward(j, *fd, type)) {
		close(*fd);
		*fd = -1;
	}
}

static void finish(struct job *j, uint32_t flags)
{
	int status = WIFSIGNALED(j->status) ? -WTERMSIG(j->status) : WEXITSTATUS(j->status);

	if (j->out >= 0)
		close(j->out);
	if (j->err >= 0)
		close(j->err);
	send_end(j->id, status, flags | (j->timed_out ? FLAG_TIMEOUT : 0));
	j->pid = 0;
}

/* Deadlines, and the end of commands; returns when to look again (-1: no need). */
static int look_after(struct job *j)
{
	int64_t now = now_ms(), next = 0;

	if (j->exited && j->out < 0 && j->err < 0) {
		finish(j, 0);
		return -1;
	}
	if (j->give_up && now >= j->give_up) {
		/* A descendant keeps the pipes, or the command sleeps where no signal reaches. */
		finish(j, j->exited ? 0 : FLAG_UNKILLABLE);
		return -1;
	}
	if (!j->exited && j->deadline && now >= j->deadline && !j->timed_out) {
		j->timed_out = true;
		kill(-j->pid, SIGKILL);
		kill(j->pid, SIGKILL);
		j->give_up = now + UNKILLABLE_MS;
	}
	next = j->give_up ? j->give_up : j->timed_out ? 0 : j->deadline;
	return next ? (int)(next - now > 0 ? next - now : 0) : -1;
}

/* As first process, everything orphaned ends up here too. */
static void reap(int shell)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == shell)
			guest_poweroff();
		for (size_t i = 0; i < MAX_JOBS; i++) {
			struct job *j = &jobs[i];

			if (j->pid != pid || j->exited)
				continue;
			j->exited = true;
			j->status = status;
			j->give_up = now_ms() + LINGER_MS;
		}
	}
}

/* Files */

static void do_put(uint32_t id, const char *p, const char *end)
{
	uint32_t mode = take_u32(&p, end);
	const char *path = take_string(&p, end);
	int fd, r = 0;

	if (!path) {
		send_end(id, EINVAL, 0);
		return;
	}
	/* Replaced rather than overwritten: the old file may be a program that runs. */
	if (strncmp(path, "/sys/", 5) && strncmp(path, "/proc/", 6) && strncmp(path, "/dev/", 5))
		unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0) {
		send_end(id, errno, 0);
		return;
	}
	fchmod(fd, mode);
	r = write_all(fd, p, end - p);
	close(fd);
	send_end(id, -r, 0);
}

static void do_get(uint32_t id, const char *p, const char *end)
{
	const char *path = take_string(&p, end);
	static char buf[CHUNK];
	ssize_t n;
	int fd, saved;

	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0) {
		send_end(id, path ? errno : EINVAL, 0);
		return;
	}
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		send_frame('D', id, buf, n);
	saved = n < 0 ? errno : 0;
	close(fd);
	send_end(id, saved, 0);
}

/* The channel */

static void dispatch(const struct header *h, const char *p)
{
	uint32_t id = be32toh(h->id);
	const char *end = p + be32toh(h->length);

	switch (h->type) {
	case 'R':
		do_run(id, p, end);
		break;
	case 'K':
		do_kill(id, p, end);
		break;
	case 'W':
		do_put(id, p, end);
		break;
	case 'G':
		do_get(id, p, end);
		break;
	}
}

struct input {
	char *data;
	size_t n, room;
	uint32_t unacked;
};

static void say_hello(void)
{
	char text[64];
	uint32_t v = htobe32(flow_control);

	memcpy(text, &v, 4);
	int n = snprintf(text + 4, sizeof(text) - 4, "%lld", (long long)now_ms());

	send_frame('H', 0, text, 4 + n);
}

static int receive(struct input *in)
{
	ssize_t n;
	size_t used = 0;

	if (in->room - in->n < CHUNK) {
		size_t room = in->room ? in->room * 2 : 4 * CHUNK;
		char *data = realloc(in->data, room);

		if (!data)
			return -ENOMEM;
		in->data = data;
		in->room = room;
	}
	n = read(channel, in->data + in->n, in->room - in->n);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -ENOTCONN;
	in->n += n;
	in->unacked += n;
	while (in->n - used >= sizeof(struct header)) {
		struct header h;

		memcpy(&h, in->data + used, sizeof(h));
		if (be32toh(h.length) > MAX_FRAME)
			return -EPROTO;
		if (in->n - used < sizeof(h) + be32toh(h.length))
			break;
		dispatch(&h, in->data + used + sizeof(h));
		used += sizeof(h) + be32toh(h.length);
	}
	memmove(in->data, in->data + used, in->n - used);
	in->n -= used;
	if (flow_control && (in->unacked >= ACK_EVERY || used)) {
		uint32_t v = htobe32(in->unacked);

		send_frame('A', 0, &v, sizeof(v));
		in->unacked = 0;
	}
	return 0;
}

static int wait_events(struct pollfd *fds, int sigfd)
{
	int timeout = -1, n = 0;

	for (size_t i = 0; i < MAX_JOBS; i++) {
		int t = jobs[i].pid ? look_after(&jobs[i]) : -1;

		if (t >= 0 && (timeout < 0 || t < timeout))
			timeout = t;
	}
	fds[n++] = (struct pollfd){ .fd = sigfd, .events = POLLIN };
	fds[n++] = (struct pollfd){ .fd = channel, .events = POLLIN };
	for (size_t i = 0; i < MAX_JOBS; i++) {
		struct job *j = &jobs[i];

		fds[n++] = (struct pollfd){ .fd = j->pid ? j->out : -1, .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = j->pid ? j->err : -1, .events = POLLIN };
	}
	return poll(fds, n, timeout);
}

int agent_serve(int fd, bool uart, int shell)
{
	struct pollfd fds[2 + 2 * MAX_JOBS];
	struct signalfd_siginfo info;
	struct input in = { NULL };
	sigset_t set;
	int sigfd, r;

	channel = fd;
	flow_control = uart;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	/* What busybox's halt, poweroff and reboot send to the first process. */
	if (getpid() == 1) {
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
		sigaddset(&set, SIGTERM);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	say_hello();
	reap(shell);
	for (;;) {
		if (wait_events(fds, sigfd) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents) {
			while (read(sigfd, &info, sizeof(info)) > 0)
				if (info.ssi_signo != SIGCHLD)
					guest_poweroff();
			reap(shell);
		}
		for (size_t i = 0; i < MAX_JOBS; i++) {
			struct job *j = &jobs[i];

			if (j->pid && fds[2 + 2 * i].revents)
				drain(j, &j->out, 'O');
			if (j->pid && fds[3 + 2 * i].revents)
				drain(j, &j->err, 'X');
		}
		if (fds[1].revents) {
			r = receive(&in);
			/* virtio: the host end is closed for a moment at each hang-up */
			if (r < 0 && !shell)
				return r;
			if (r < 0)
				channel = -1;
		}
	}
}
