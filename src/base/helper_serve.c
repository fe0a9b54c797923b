/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main loop of a helper program. */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/helper.h"
#include "base/spawn.h"
#include "protocol.h"

/* FNV-1a of what both were made from. */
uint32_t helper_version(void)
{
	uint32_t hash = 2166136261u;

	for (const char *s = VFIOADM_PROTOCOL; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619u;
	return hash;
}

static bool request_valid(const char *message, size_t n, struct helper_request *head)
{
	if (n < sizeof(*head))
		return false;
	memcpy(head, message, sizeof(*head));
	return head->version == helper_version() && head->path_size >= 1 &&
	       n == sizeof(*head) + (size_t)head->path_size + head->size &&
	       message[sizeof(*head) + head->path_size - 1] == '\0';
}

/* Length as of recv(); *ret_fd: a descriptor that came along, or -1. */
static ssize_t receive(char *message, size_t size, int *ret_fd)
{
	struct iovec part = {message, size};

	return spawn_receive(HELPER_FD, &part, 1, 0, ret_fd);
}

/* process: for who may have to wait for this one's end, or -1. */
static bool say_ready(int process)
{
	struct helper_hello hello = { .pid = getpid(), .version = helper_version() };
	struct iovec part = { &hello, sizeof(hello) };

	return spawn_send(HELPER_FD, &part, 1, process, 0) == sizeof(hello);
}

static void serve_copy(const struct helper_server *server, int fd)
{
	_cleanup_close_ int self = -1;

	if (fd < 0 || spawn_copy(fd, HELPER_FD) == 0)
		return;
	/* From here on this is the copy. */
	if (server->copied)
		server->copied(server->userdata);
	/* Only this one knows both its process and its caller. */
	self = spawn_self();
	if (!say_ready(self))
		_exit(1);
}

static int end(const struct helper_server *server)
{
	if (server->gone)
		server->gone(server->userdata);
	return 0;
}

int helper_main(const struct helper_server *server)
{
	static char message[HELPER_MESSAGE_MAX + 1], reply[HELPER_MESSAGE_MAX];

	if (!say_ready(-1))
		return 1;
	for (;;) {
		_cleanup_close_ int fd = -1;
		ssize_t n = receive(message, HELPER_MESSAGE_MAX, &fd);
		struct helper_reply answer;
		struct helper_request head;
		size_t size = 0;
		const char *path = message + sizeof(head);

		/* No orderly end: who asked has died, or given up while an answer was on its way. */
		if (n <= 0)
			return end(server);
		message[n] = '\0';
		if (!request_valid(message, (size_t)n, &head))
			return 1;
		if (head.operation == HELPER_COPY) {
			serve_copy(server, fd);
			continue;
		}
		answer.result = server->serve(server->userdata, head.operation, path, path + head.path_size,
					      head.size, reply + sizeof(answer),
					      sizeof(reply) - sizeof(answer), &size);
		memcpy(reply, &answer, sizeof(answer));
		if (send(HELPER_FD, reply, sizeof(answer) + size, MSG_NOSIGNAL) < 0)
			return end(server);
	}
}
