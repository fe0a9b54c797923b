/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/helper.h"

struct helper {
	char *program;
	int fd; /* -1: none is running */
	pid_t pid;
	pid_t stuck;
};

int helper_new(const char *program, struct helper **ret)
{
	struct helper *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->fd = -1;
	h->program = strdup(program);
	if (!h->program) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

static void helper_abandon(struct helper *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->pid = 0;
}

void helper_free(struct helper *h)
{
	if (!h)
		return;
	helper_abandon(h);
	free(h->program);
	free(h);
}

pid_t helper_stuck_pid(const struct helper *h)
{
	return h->stuck;
}

/* The child gets the socket as descriptor 3, /dev/null below it, and nothing else. */
static int describe_files(posix_spawn_file_actions_t *files, int fd)
{
	int r = posix_spawn_file_actions_adddup2(files, fd, HELPER_FD);

	for (int i = 0; !r && i < HELPER_FD; i++)
		r = posix_spawn_file_actions_addopen(files, i, "/dev/null", O_RDWR, 0);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(files, HELPER_FD + 1);
	return r;
}

static int describe_process(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const char *program, int fd)
{
	char *const argv[] = { (char *)program, NULL };
	/* Nothing of the caller's environment may change what a privileged helper does. */
	char *const envp[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int r;

	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attr)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	r = describe_files(&files, fd);
	if (!r)
		r = describe_process(&attr);
	if (!r)
		r = posix_spawn(&pid, program, &files, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		return -r;
	/* The program forks at once and leaves its parent, so this does not wait for its work. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
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
	int64_t end = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int64_t left = end - now_ms();
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

/* What keeps a program from being started must not pass for what a request met. */
static int not_to_be_had(int r)
{
	static const int reasons[] = { ENOENT, EACCES, EPERM, ENOEXEC, ENOTDIR, ELOOP, EPIPE };

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (r == -reasons[i])
			return -ENOPKG;
	return r;
}

/* The helper's first message is its process number: it has detached and is ready. */
static int helper_start(struct helper *h, unsigned timeout_ms, int cancel_fd)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int64_t pid;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	/* dup2 onto itself would keep close-on-exec: keep clear of the descriptors that the child sets up. */
	if (theirs <= HELPER_FD) {
		int moved = fcntl(theirs, F_DUPFD_CLOEXEC, HELPER_FD + 1);

		if (moved < 0)
			return -errno;
		close(theirs);
		theirs = moved;
	}
	r = spawn(h->program, theirs);
	if (r < 0)
		return r;
	close(TAKE_FD(theirs));
	r = wait_reply(ours, timeout_ms, cancel_fd);
	if (r < 0)
		return r;
	if (recv(ours, &pid, sizeof(pid), MSG_DONTWAIT) != sizeof(pid)) {
		/* Where spawning is emulated, a failed exec is only seen from the socket's end. */
		return access(h->program, X_OK) < 0 ? -errno : -EPIPE;
	}
	h->pid = (pid_t)pid;
	h->fd = TAKE_FD(ours);
	return 0;
}

static int send_request(int fd, uint32_t operation, const char *path, const void *request, size_t size)
{
	struct helper_request head = { operation, (uint32_t)size, (uint32_t)strlen(path) + 1, 0 };
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)path, head.path_size },
		{ (void *)request, size },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };

	if (sizeof(head) + head.path_size + size > HELPER_MESSAGE_MAX)
		return -E2BIG;
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_reply(int fd, int64_t *ret_result, void *data, size_t size, size_t *ret_size)
{
	struct helper_reply head;
	struct iovec parts[] = { { &head, sizeof(head) }, { data, size } };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = size ? 2 : 1 };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof(head))
		return -EPIPE;
	*ret_result = head.result;
	if (ret_size)
		*ret_size = (size_t)n - sizeof(head);
	return 0;
}

int helper_call(struct helper *h, uint32_t operation, const char *path, const void *request,
		size_t request_size, unsigned timeout_ms, int cancel_fd, int64_t *ret_result, void *data,
		size_t size, size_t *ret_size)
{
	int r = 0;

	if (h->fd < 0)
		r = not_to_be_had(helper_start(h, timeout_ms, cancel_fd));
	if (r < 0)
		return r;
	r = send_request(h->fd, operation, path, request, request_size);
	if (r == 0)
		r = wait_reply(h->fd, timeout_ms, cancel_fd);
	if (r == 0)
		r = receive_reply(h->fd, ret_result, data, size, ret_size);
	if (r == -ETIMEDOUT)
		h->stuck = h->pid;
	if (r < 0)
		helper_abandon(h);
	return r;
}

static bool request_valid(const char *message, size_t n, struct helper_request *head)
{
	if (n < sizeof(*head))
		return false;
	memcpy(head, message, sizeof(*head));
	return head->path_size >= 1 && n == sizeof(*head) + (size_t)head->path_size + head->size &&
	       message[sizeof(*head) + head->path_size - 1] == '\0';
}

int helper_main(helper_serve_fn serve)
{
	static char message[HELPER_MESSAGE_MAX + 1], reply[HELPER_MESSAGE_MAX];
	int64_t pid = fork();

	/* The caller reaps the parent at once; the child belongs to init, so nobody owes it a wait. */
	if (pid != 0)
		return pid < 0;
	pid = getpid();
	if (send(HELPER_FD, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid))
		return 1;
	for (;;) {
		ssize_t n = recv(HELPER_FD, message, HELPER_MESSAGE_MAX, 0);
		struct helper_reply answer;
		struct helper_request head;
		size_t size = 0;
		const char *path = message + sizeof(head);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		message[n] = '\0';
		if (!request_valid(message, (size_t)n, &head))
			return 1;
		answer.result = serve(head.operation, path, path + head.path_size, head.size,
				      reply + sizeof(answer), sizeof(reply) - sizeof(answer), &size);
		memcpy(reply, &answer, sizeof(answer));
		if (send(HELPER_FD, reply, sizeof(answer) + size, MSG_NOSIGNAL) < 0)
			return 0; /* the caller has given up waiting: nobody is left to tell */
	}
}
