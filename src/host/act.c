/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "host/act.h"

void act_note(struct host *h, const struct helper *helper, int r)
{
	if (r != -ENOPKG)
		return;
	h->helper_missing = true;
	h->helper_foreign = helper_is_foreign(helper);
}

static int call(struct helper *helper, struct host *h, enum act_operation op, const char *path,
		const void *data, size_t size, int64_t *ret_result, void *reply, size_t room,
		size_t *ret_size)
{
	int r = helper_call(helper, op, path, data, size, h->timeout_ms, h->cancel_fd, ret_result, reply,
			    room, ret_size);

	act_note(h, helper, r);
	return r;
}

/* What was answered is not taken for what was not. */
static int outcome(int r, int64_t result)
{
	if (r < 0)
		return r;
	return result == -ETIMEDOUT ? -ETIME : (int)result;
}

int act_write(struct helper *helper, struct host *h, const char *path, const char *data, size_t size)
{
	int64_t result = 0;
	int r = call(helper, h, ACT_WRITE, path, data, size, &result, NULL, 0, NULL);

	return outcome(r, result);
}

ssize_t act_read(struct helper *helper, struct host *h, const char *path, char *buf, size_t size)
{
	int64_t result = 0;
	size_t n = 0;
	int r = call(helper, h, ACT_READ, path, NULL, 0, &result, buf, size - 1, &n);

	r = outcome(r, result);
	if (r < 0)
		return r;
	buf[n] = '\0';
	return (ssize_t)n;
}

int act_load_module(struct helper *helper, struct host *h, const char *module, const char *options)
{
	int64_t result = 0;
	int r = call(helper, h, ACT_LOAD_MODULE, module, options, options ? strlen(options) : 0, &result,
		     NULL, 0, NULL);

	return outcome(r, result);
}

int act_own_node(struct helper *helper, struct host *h, const char *path, const char *owner, bool look_only)
{
	int64_t result = 0;
	int r = call(helper, h, look_only ? ACT_LOOK_AT_NODE : ACT_OWN_NODE, path, owner, strlen(owner), &result,
		     NULL, 0, NULL);

	return outcome(r, result);
}

int act_claim(struct helper *helper, struct host *h, const char *run_dir, const char *run, const char *name,
	      pid_t *ret_holder)
{
	_cleanup_strbuf_ struct strbuf names = { 0 };
	char holder[32];
	int64_t result = 0;
	size_t n = 0;
	int r;

	strbuf_add(&names, name, strlen(name) + 1);
	strbuf_add(&names, run, strlen(run) + 1);
	if (names.failed)
		return -ENOMEM;
	r = call(helper, h, ACT_CLAIM, run_dir, names.s, names.len, &result, holder, sizeof(holder) - 1, &n);
	r = outcome(r, result);
	holder[n] = '\0';
	if (r == -EAGAIN && ret_holder)
		*ret_holder = (pid_t)atoi(holder);
	return r;
}

static int plain_call(struct helper *helper, struct host *h, enum act_operation op, const char *path)
{
	int64_t result = 0;
	int r = call(helper, h, op, path, NULL, 0, &result, NULL, 0, NULL);

	return outcome(r, result);
}

void act_end(struct helper *helper)
{
	(void)!helper_send(helper, ACT_END, "", NULL, 0);
}

void act_ended(struct helper *helper, struct host *h)
{
	int64_t result;

	(void)!helper_receive(helper, h->timeout_ms, h->cancel_fd, &result, NULL, 0, NULL);
}

int act_hold(struct helper *helper, struct host *h, const char *disk)
{
	return plain_call(helper, h, ACT_HOLD, disk);
}

int act_let_go(struct helper *helper, struct host *h)
{
	return plain_call(helper, h, ACT_LET_GO, "");
}

void act_announce(const char *text)
{
	static const struct sockaddr_un log = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	_cleanup_close_ int fd = fd_above(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	char line[1024];
	int n;

	if (fd < 0)
		return;
	/* <29>: facility daemon, severity notice. */
	n = snprintf(line, sizeof(line), "<29>vfioadm: %s", text);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	(void)!sendto(fd, line, (size_t)n, MSG_NOSIGNAL, (const struct sockaddr *)&log, sizeof(log));
}
