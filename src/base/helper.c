/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/helper.h"
#include "base/spawn.h"

struct helper {
	char *program;
	int fd; /* -1: none is running */
	int starting; /* -1: none; else it was started, and has not said that it is there */
	bool foreign; /* of another version */
	bool copied;  /* by a copy of another one */
	bool child;   /* of one that is a child of this process, as the copy will be */
	bool awaited; /* a reply, to what was sent last */
	pid_t pid;
	pid_t stuck;
	int process; /* its pidfd, if it is to be reaped here; -1: it is not */
	int *left;   /* those of helpers that were left, and may not have ended */
	size_t n_left;
};

/* For what ends at once when its socket is closed. */
enum { END_MS = 1000 };

int helper_new(const char *program, struct helper **ret)
{
	struct helper *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->fd = h->starting = h->process = -1;
	h->program = strdup(program);
	if (!h->program) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

/* Who is no parent of its helpers has nothing to keep. */
static void keep_process(struct helper *h, int process)
{
	if (process < 0)
		return;
	if (h->process >= 0)
		close(h->process);
	h->process = process;
	if (spawn_reap(process, 0))
		close(TAKE_FD(h->process));
}

static void add_left(struct helper *h, int process)
{
	int *grown = reallocarray(h->left, h->n_left + 1, sizeof(*grown));

	if (!grown) {
		close(process);
		return;
	}
	h->left = grown;
	h->left[h->n_left++] = process;
}

void helper_reap(struct helper *h, unsigned timeout_ms)
{
	int64_t end = clock_ms() + timeout_ms;
	size_t n = 0;

	for (size_t i = 0; i < h->n_left; i++) {
		int64_t rest = end - clock_ms();

		if (spawn_reap(h->left[i], rest > 0 ? (unsigned)rest : 0))
			close(h->left[i]);
		else
			h->left[n++] = h->left[i];
	}
	h->n_left = n;
}

pid_t helper_stuck_pid(const struct helper *h)
{
	return h->stuck;
}

pid_t helper_pid(const struct helper *h)
{
	return h->pid;
}

bool helper_is_foreign(const struct helper *h)
{
	return h->foreign;
}

uint64_t cancel_count(int cancel_fd)
{
	uint64_t n;

	if (cancel_fd < 0 || read(cancel_fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	/* Reading resets an eventfd's counter: put it back for whoever asks next. */
	if (write(cancel_fd, &n, sizeof(n)) != sizeof(n))
		return n;
	return n;
}

/* 0: something can be received; -ETIMEDOUT. */
static int wait_reply(int fd, unsigned timeout_ms, int cancel_fd)
{
	int64_t end = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int64_t left = end - clock_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		/* After the first wish to stop its eventfd stays readable: look at it in short turns. */
		n = poll(p, 2, (int)(left < 50 ? left : 50));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && p[0].revents)
			return 0;
		if (n > 0 && (p[1].revents & POLLIN)) {
			if (cancel_count(cancel_fd) >= 2)
				return -ETIMEDOUT;
			n = poll(p, 1, (int)(left < 50 ? left : 50));
			if (n > 0)
				return 0;
		}
	}
}

/* What keeps a program from being started must not pass for what a request met, which was not even sent. */
static int not_to_be_had(int r, int cancel_fd)
{
	static const int reasons[] = { ENOENT, EACCES, EPERM, ENOEXEC, ENOTDIR, ELOOP, EPIPE, ETIMEDOUT };

	if (r == -ETIMEDOUT && cancel_count(cancel_fd))
		return -ECANCELED;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (r == -reasons[i])
			return -ENOPKG;
	return r;
}

/* Its first message is the errno of exec, or a greeting. All that is not ours is another version's. */
static int check_hello(struct helper *h, const struct helper_hello *hello, ssize_t n)
{
	if (n == (ssize_t)sizeof(hello->pid) && hello->pid <= 0)
		return (int)hello->pid;
	if (n <= 0)
		return -EPIPE;
	if (n == (ssize_t)sizeof(*hello) && hello->version == helper_version() && hello->pid > 0)
		return 0;
	h->foreign = true;
	return -ENOPKG;
}

static int wait_ready(struct helper *h, int fd, unsigned timeout_ms, int cancel_fd)
{
	_cleanup_close_ int ours = fd;
	struct helper_hello hello = { 0 };
	struct iovec part = { &hello, sizeof(hello) };
	int r = wait_reply(ours, timeout_ms, cancel_fd), process;

	h->foreign = false;
	if (r < 0)
		return r;
	/* MSG_TRUNC: the length that it has, not the one that fits. */
	r = check_hello(h, &hello, spawn_receive(ours, &part, 1, MSG_DONTWAIT | MSG_TRUNC, &process));
	keep_process(h, process);
	if (r < 0)
		return r;
	h->pid = (pid_t)hello.pid;
	h->fd = TAKE_FD(ours);
	return 0;
}

static void helper_abandon(struct helper *h)
{
	/* A copy is made by another one, and who it is only itself can tell. */
	if (h->starting >= 0 && h->child)
		(void)!wait_ready(h, TAKE_FD(h->starting), END_MS, -1);
	if (h->fd >= 0)
		close(h->fd);
	if (h->starting >= 0)
		close(h->starting);
	if (h->process >= 0)
		add_left(h, TAKE_FD(h->process));
	h->fd = h->starting = -1;
	h->pid = 0;
	h->awaited = false;
}

static void release(struct helper *h)
{
	for (size_t i = 0; i < h->n_left; i++)
		close(h->left[i]);
	free(h->left);
	free(h->program);
	free(h);
}

void helper_free(struct helper *h)
{
	if (!h)
		return;
	helper_abandon(h);
	helper_reap(h, END_MS);
	release(h);
}

void helper_leave(struct helper *h, struct helper *heir)
{
	helper_abandon(h);
	while (h->n_left)
		add_left(heir, h->left[--h->n_left]);
	helper_reap(heir, 0);
	release(h);
}

static int begin_start(struct helper *h)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int r = spawn_socket(SOCK_SEQPACKET, HELPER_FD, &ours, &theirs), process = -1;

	helper_abandon(h);
	helper_reap(h, 0);
	/* Their end is closed here, or that it is gone would not be seen. */
	if (r == 0)
		r = spawn_detached(h->program, theirs, HELPER_FD, NULL, &process);
	keep_process(h, process);
	if (r == 0)
		h->starting = TAKE_FD(ours);
	h->copied = h->child = false;
	return r;
}

void helper_prepare(struct helper *h)
{
	if (h->fd < 0 && h->starting < 0)
		(void)!begin_start(h);
}

static int helper_start(struct helper *h, unsigned timeout_ms, int cancel_fd)
{
	int r;

	if (h->starting >= 0) {
		r = wait_ready(h, TAKE_FD(h->starting), timeout_ms, cancel_fd);
		/* What was to be copied may have died; a fresh one comes all the same. */
		if (r == 0 || r == -ETIMEDOUT || !h->copied)
			return r;
	}
	r = begin_start(h);
	return r < 0 ? r : wait_ready(h, TAKE_FD(h->starting), timeout_ms, cancel_fd);
}

/* One that died with requests unread resets the connection. */
static int socket_error(void)
{
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* pass: a descriptor that goes along, and then this is not waited for; -1: none. */
static int send_request(int fd, uint32_t operation, const char *path, const void *request, size_t size,
			int pass)
{
	struct helper_request head = { operation, (uint32_t)size, (uint32_t)strlen(path) + 1,
				       helper_version() };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)path, head.path_size },
		{ (void *)request, size },
	};

	if (sizeof(head) + head.path_size + size > HELPER_MESSAGE_MAX)
		return -E2BIG;
	return spawn_send(fd, parts, ARRAY_SIZE(parts), pass, pass >= 0 ? MSG_DONTWAIT : 0) < 0 ? socket_error() : 0;
}

static int receive_reply(int fd, int64_t *ret_result, void *data, size_t size, size_t *ret_size)
{
	struct helper_reply head;
	struct iovec parts[] = { { &head, sizeof(head) }, { data, size } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return socket_error();
	if ((size_t)n < sizeof(head))
		return -EPIPE;
	*ret_result = head.result;
	if (ret_size)
		*ret_size = (size_t)n - sizeof(head);
	return 0;
}

int helper_send(struct helper *h, uint32_t operation, const char *path, const void *request, size_t size)
{
	int r;

	/* The reply to the one before would be taken for the reply to this one. */
	if (h->awaited)
		helper_abandon(h);
	r = h->fd < 0 ? -EBADF : send_request(h->fd, operation, path, request, size, -1);
	/* Of what is too large nothing was sent. */
	if (r < 0 && r != -E2BIG)
		helper_abandon(h);
	h->awaited = r == 0;
	return r;
}

int helper_receive(struct helper *h, unsigned timeout_ms, int cancel_fd, int64_t *ret_result, void *data, size_t size,
		   size_t *ret_size)
{
	int r;

	if (!h->awaited)
		return -EBADF;
	h->awaited = false;
	r = wait_reply(h->fd, timeout_ms, cancel_fd);
	if (r == 0)
		r = receive_reply(h->fd, ret_result, data, size, ret_size);
	if (r == -ETIMEDOUT)
		h->stuck = h->pid;
	if (r < 0)
		helper_abandon(h);
	return r;
}

void helper_await(struct helper *h, unsigned timeout_ms, int cancel_fd)
{
	if (h->starting >= 0)
		(void)!wait_ready(h, TAKE_FD(h->starting), timeout_ms, cancel_fd);
}

int helper_call(struct helper *h, uint32_t operation, const char *path, const void *request,
		size_t request_size, unsigned timeout_ms, int cancel_fd, int64_t *ret_result, void *data,
		size_t size, size_t *ret_size)
{
	int r = 0;

	if (h->fd < 0)
		r = not_to_be_had(helper_start(h, timeout_ms, cancel_fd), cancel_fd);
	if (r == 0)
		r = helper_send(h, operation, path, request, request_size);
	if (r < 0)
		return r;
	return helper_receive(h, timeout_ms, cancel_fd, ret_result, data, size, ret_size);
}

int helper_copy(struct helper *from, struct helper *h)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int r;

	if (from->fd < 0 || h->fd >= 0 || h->starting >= 0)
		return -EBADF;
	r = spawn_socket(SOCK_SEQPACKET, HELPER_FD, &ours, &theirs);
	if (r == 0)
		r = send_request(from->fd, HELPER_COPY, "", NULL, 0, theirs);
	if (r == -EPIPE)
		helper_abandon(from);
	if (r < 0)
		return r;
	h->starting = TAKE_FD(ours);
	h->copied = true;
	h->child = from->process >= 0;
	return 0;
}
