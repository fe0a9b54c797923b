/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ask.h"
#include "base/clock.h"
#include "base/helper.h"
#include "base/spawn.h"

enum { TURN_MS = 50, LAST_MS = 1000 };

struct answer {
	char *text;
	size_t size, len;
};

/* Keeps the end: the last lines are what counts. */
static void keep_end(struct answer *a, const char *more, size_t n)
{
	size_t room = a->size - 1;

	if (n > room) {
		more += n - room;
		n = room;
	}
	if (a->len + n > room) {
		size_t drop = a->len + n - room;

		memmove(a->text, a->text + drop, a->len - drop);
		a->len -= drop;
	}
	memcpy(a->text + a->len, more, n);
	a->len += n;
	a->text[a->len] = '\0';
}

/* 1: there is something; 0: not yet. In short turns, for after the first wish to stop its eventfd stays readable. */
static int wait_turn(const struct ask *ask, int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = end - clock_ms();
	int r;

	if (ask->stops && cancel_count(ask->cancel_fd) >= ask->stops)
		return -ECANCELED;
	r = poll(&p, 1, left > TURN_MS ? TURN_MS : left > 0 ? (int)left : 0);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r > 0 ? 1 : left <= 0 ? -ETIME : 0;
}

static int read_answer(const struct ask *ask, int fd, struct answer *a)
{
	int64_t end = clock_ms() + ask->patience_ms;
	char more[1024];

	for (;;) {
		int r = wait_turn(ask, fd, end);
		ssize_t n;

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		n = read(fd, more, sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno != ECONNRESET ? -errno : 0;
		keep_end(a, more, (size_t)n);
		end = clock_ms() + ask->patience_ms;
	}
}

static bool has_closed(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char rest[1024];

	while (poll(&p, 1, 0) > 0)
		if (read(fd, rest, sizeof(rest)) <= 0)
			return true;
	return false;
}

/*
 * A group that somebody is in keeps its number: it is nobody else's. Its members are init's to wait for, which may be
 * late, so what is left when the program itself has ended gets no more than a moment.
 */
static void end_group(const struct ask *ask, int fd, pid_t group, int process)
{
	int64_t end = clock_ms() + ask->end_ms;
	bool closed = false;

	if (kill(-group, SIGTERM) < 0)
		return;
	/* A zombie of ours is in it as well. */
	while (!(spawn_reap(process, 0) && kill(-group, 0) < 0) && clock_ms() < end) {
		if (!closed && has_closed(fd)) {
			closed = true;
			end = clock_ms() + LAST_MS;
		}
		clock_pause();
	}
	(void)!kill(-group, SIGKILL);
}

static int start(const struct ask *ask, int *ret_fd, pid_t *ret_group, int *ret_process)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	size_t n = strlen(ask->request);
	int r = spawn_socket(SOCK_STREAM, ASK_FD, &ours, &theirs);

	if (r == 0 && send(ours, ask->request, n, MSG_NOSIGNAL) != (ssize_t)n)
		r = -errno;
	if (r == 0)
		r = spawn_detached(ask->program, theirs, ASK_FD, ret_group, ret_process);
	if (r < 0)
		return r;
	/* Or its end would not be seen. */
	close(TAKE_FD(theirs));
	*ret_fd = TAKE_FD(ours);
	return 0;
}

int ask_program(const struct ask *ask, char *text, size_t size)
{
	struct answer answer = { .text = text, .size = size };
	_cleanup_close_ int fd = -1, process = -1;
	pid_t group = 0;
	int r = start(ask, &fd, &group, &process);

	text[0] = '\0';
	if (r < 0)
		return r;
	r = read_answer(ask, fd, &answer);
	if (r == -ECANCELED && ask->leave)
		return -ETIMEDOUT;
	if (r < 0)
		end_group(ask, fd, group, process);
	/* It has closed its end, or was killed. */
	(void)!spawn_reap(process, LAST_MS);
	return r;
}
