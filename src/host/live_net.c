/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel's network is asked through the helper: see act_net.c for the other side. */
#include "host/act.h"
#include "host/live.h"

enum {
	/* Nothing is being changed here: a lock that is held for longer is told as something not seen. */
	PATIENCE_MS = 5000,
	PAGES_MAX = 1024,
};

static int call(struct host *h, enum act_operation op, const char *path, const char *data,
		int64_t *ret_result, char *reply, size_t size)
{
	unsigned patience = h->timeout_ms < PATIENCE_MS ? h->timeout_ms : PATIENCE_MS;
	size_t n = 0;
	struct helper *helper = live_helper(h);
	int r = helper_call(helper, op, path, data, strlen(data), patience, h->cancel_fd,
			    ret_result, reply, size - 1, &n);

	act_note(h, helper, r);
	if (r == 0)
		reply[n] = '\0';
	return r < 0 ? r : *ret_result < 0 ? (int)*ret_result : 0;
}

static int add_lines(char *text, struct strv *ret)
{
	char *rest;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strv_add(ret, line) < 0)
			return -ENOMEM;
	return 0;
}

int live_net_links(struct host *h, const char *netns, struct strv *ret)
{
	_cleanup_strv_ struct strv lines = { 0 };
	char reply[HELPER_MESSAGE_MAX], skip[24];
	int64_t all = 1;

	/* An answer holds a few hundred lines. */
	for (int page = 0; (int64_t)lines.n < all && page < PAGES_MAX; page++) {
		size_t before = lines.n;
		int r;

		snprintf(skip, sizeof(skip), "%zu", lines.n);
		r = call(h, ACT_NET_LINKS, netns ? netns : "", skip, &all, reply, sizeof(reply));
		if (r == 0)
			r = add_lines(reply, &lines);
		if (r < 0)
			return r;
		if (lines.n == before)
			break;
	}
	*ret = lines;
	lines = (struct strv){ 0 };
	return 0;
}

int live_route_to(struct host *h, const char *destination, const char *from, char *ret_interfaces, size_t size)
{
	char reply[HELPER_MESSAGE_MAX];
	int64_t result;
	int r = call(h, ACT_ROUTE, destination, from ? from : "", &result, reply, sizeof(reply));

	if (r == 0 && (size_t)snprintf(ret_interfaces, size, "%s", reply) >= size)
		r = -EMSGSIZE;
	return r;
}

int live_smc_devices(struct host *h, struct strv *ret)
{
	_cleanup_strv_ struct strv lines = { 0 };
	char reply[HELPER_MESSAGE_MAX];
	int64_t result;
	int r;

	/* Asking would not load it either, but costs a process's turn. */
	if (!host_exists(h, "sys/module/smc") && !host_exists(h, "proc/sys/net/smc"))
		return -EOPNOTSUPP;
	r = call(h, ACT_SMC, "", "", &result, reply, sizeof(reply));

	if (r == 0)
		r = add_lines(reply, &lines);
	if (r < 0)
		return r;
	*ret = lines;
	lines = (struct strv){ 0 };
	return 0;
}
