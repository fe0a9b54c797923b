/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which helper process does what: each claimed name has one of its own, so that what sleeps in the kernel
 * for one function keeps nobody from another. The first claim takes over the helper that runs already;
 * further ones are copies of an idle one, made beside whatever is done until they are claimed where it is
 * known how many there will be. A run on one function thus costs the start of one process.
 */
#include <fcntl.h>
#include <string.h>

#include "host/act.h"
#include "host/live.h"

enum {
	STACK_MAX = 16384,
	FRAMES_MAX = 32,
	REAP_MS = 200, /* what was asked to end ends at once; what is stuck is reaped by a later run */
};

static struct live_claim *find_claim(struct live_host *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->n_claims; i++)
		if (strncmp(l->claims[i].name, name, len) == 0 && !l->claims[i].name[len])
			return &l->claims[i];
	return NULL;
}

static struct live_claim *claim_of(struct host *h, const char *name)
{
	return name ? find_claim(live_of(h), name, strlen(name)) : NULL;
}

/* The function that a path is about: "sys/bus/pci/devices/ADDRESS/…". */
static struct live_claim *claim_of_path(struct host *h, const char *path)
{
	const char *address = str_after(path, "sys/bus/pci/devices/");

	return address ? find_claim(live_of(h), address, strcspn(address, "/")) : NULL;
}

/* 0: its helper serves; -ETIMEDOUT: it was left to itself, and has the lock; -EPIPE: it died, and has not. */
static int gone(const struct live_claim *c)
{
	if (helper_pid(c->helper))
		return 0;
	return helper_stuck_pid(c->helper) == c->pid ? -ETIMEDOUT : -EPIPE;
}

/* ---- helpers ---- */

static struct helper *idle_helper(struct live_host *l)
{
	if (helper_pid(l->helper))
		return l->helper;
	for (size_t i = 0; i < l->n_claims; i++)
		if (helper_pid(l->claims[i].helper))
			return l->claims[i].helper;
	return NULL;
}

static int copy_helper(struct live_host *l, struct helper **ret)
{
	struct helper *idle = idle_helper(l);
	int r = helper_new(l->program, ret);

	/* When that fails it is started by its first request, as any other. */
	if (r == 0 && idle)
		(void)!helper_copy(idle, *ret);
	return r;
}

/* The one that was begun first is ready first. */
static int take_spare(struct live_host *l, struct helper **ret)
{
	if (!l->n_spares)
		return copy_helper(l, ret);
	*ret = l->spares[0];
	l->n_spares--;
	memmove(l->spares, l->spares + 1, l->n_spares * sizeof(*l->spares));
	return 0;
}

struct helper *live_helper(struct host *h)
{
	struct live_host *l = live_of(h);
	struct helper *new;

	if (!helper_pid(l->helper) && l->n_claims && take_spare(l, &new) == 0) {
		helper_leave(l->helper, new);
		l->helper = new;
	}
	return l->helper;
}

/* The helper that runs is the first claim's. */
void live_prepare(struct host *h, size_t claims)
{
	struct live_host *l = live_of(h);

	helper_prepare(l->helper);
	if (claims > 1)
		helper_await(l->helper, h->timeout_ms, h->cancel_fd);
	while (helper_pid(l->helper) && l->n_spares + 1 < claims && l->n_spares < LIVE_SPARES_MAX &&
	       copy_helper(l, &l->spares[l->n_spares]) == 0)
		l->n_spares++;
}

static void drop_spares(struct live_host *l)
{
	while (l->n_spares)
		helper_leave(l->spares[--l->n_spares], l->helper);
}

/* For a claim: the one that runs, or a new one. */
static int take_helper(struct host *h, struct helper **ret)
{
	struct live_host *l = live_of(h);
	struct helper *new = NULL;
	int r;

	helper_await(l->helper, h->timeout_ms, h->cancel_fd);
	if (!helper_pid(l->helper))
		return take_spare(l, ret);
	r = helper_new(l->program, &new);
	if (r < 0)
		return r;
	*ret = l->helper;
	l->helper = new;
	return 0;
}

static void give_helper_back(struct live_host *l, struct helper *helper)
{
	if (helper_pid(l->helper) || !helper_pid(helper)) {
		helper_leave(helper, l->helper);
		return;
	}
	helper_leave(l->helper, helper);
	l->helper = helper;
}

/* ---- claims ---- */

static void drop_claim(struct live_host *l, struct live_claim *c)
{
	size_t i = (size_t)(c - l->claims);

	free(c->name);
	l->n_claims--;
	memmove(c, c + 1, (l->n_claims - i) * sizeof(*c));
}

int live_claim(struct host *h, const char *run_dir, const char *run, const char *name,
	       pid_t *ret_holder)
{
	struct live_host *l = live_of(h);
	_cleanup_free_ char *copy = strdup(name);
	struct live_claim *grown;
	struct helper *helper;
	int r;

	if (claim_of(h, name))
		return -EALREADY;
	grown = reallocarray(l->claims, l->n_claims + 1, sizeof(*grown));
	if (grown)
		l->claims = grown;
	if (!grown || !copy)
		return -ENOMEM;
	r = take_helper(h, &helper);
	if (r < 0)
		return r;
	r = act_claim(helper, h, run_dir, run, name, ret_holder);
	if (r < 0) {
		give_helper_back(l, helper);
		return r;
	}
	l->claims[l->n_claims++] = (struct live_claim){
		.name = TAKE_PTR(copy),
		.helper = helper,
		.pid = helper_pid(helper),
	};
	return 0;
}

static void unclaim_one(struct host *h, const char *name)
{
	struct live_host *l = live_of(h);
	struct live_claim *c = claim_of(h, name);
	struct helper *helper;

	if (!c)
		return;
	helper = c->helper;
	act_ended(helper, h);
	drop_claim(l, c);
	give_helper_back(l, helper);
}

/* All at once, and then each is waited for: who comes next shall find none of the locks. */
void live_unclaim(struct host *h, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct live_claim *c = claim_of(h, names[i]);

		if (c && !gone(c))
			act_end(c->helper);
	}
	for (size_t i = 0; i < n; i++)
		unclaim_one(h, names[i]);
	if (live_of(h)->n_claims)
		return;
	drop_spares(live_of(h));
	helper_reap(live_of(h)->helper, REAP_MS);
}

int live_hold(struct host *h, const char *name, const char *disk)
{
	struct live_claim *c = claim_of(h, name);

	if (!c || gone(c))
		return c ? gone(c) : -EBADF;
	c->holds = true;
	return act_hold(c->helper, h, disk);
}

void live_let_go(struct host *h, const char *name)
{
	struct live_claim *c = claim_of(h, name);

	if (c && c->holds && !gone(c))
		(void)!act_let_go(c->helper, h);
}

bool live_is_ours(struct host *h, pid_t pid)
{
	struct live_host *l = live_of(h);

	if (pid == helper_pid(l->helper) || pid == helper_stuck_pid(l->helper))
		return true;
	for (size_t i = 0; i < l->n_claims; i++)
		if (l->claims[i].pid == pid)
			return true;
	return false;
}

void live_claims_free(struct live_host *l)
{
	for (size_t i = 0; i < l->n_claims; i++) {
		free(l->claims[i].name);
		helper_leave(l->claims[i].helper, l->helper);
	}
	drop_spares(l);
	free(l->claims);
	helper_free(l->helper);
	free(l->program);
}

/* ---- requests ---- */

int live_write(struct host *h, const char *claim, const char *path, const char *data, size_t size)
{
	struct live_claim *c = claim_of(h, claim);

	if (!c)
		return act_write(live_helper(h), h, path, data, size);
	/* A second process for the same function is what claims are there to prevent. */
	return gone(c) ? gone(c) : act_write(c->helper, h, path, data, size);
}

ssize_t live_read_locked(struct host *h, const char *path, char *buf, size_t size)
{
	struct live_claim *c = claim_of_path(h, path);

	if (!c)
		return act_read(live_helper(h), h, path, buf, size);
	/* It holds the device's lock: another process would only join it. */
	return gone(c) ? gone(c) : act_read(c->helper, h, path, buf, size);
}

int live_own_node(struct host *h, const char *claim, const char *path, const char *owner, bool look_only)
{
	struct live_claim *c = claim_of(h, claim);

	if (!c)
		return act_own_node(live_helper(h), h, path, owner, look_only);
	return gone(c) ? gone(c) : act_own_node(c->helper, h, path, owner, look_only);
}

int live_load_module(struct host *h, const char *module, const char *options)
{
	struct live_claim *c = claim_of(h, "host");

	if (!c)
		return act_load_module(live_helper(h), h, module, options);
	return gone(c) ? gone(c) : act_load_module(c->helper, h, module, options);
}

/* ---- what is stuck ---- */

/* "[<0>] vfio_unregister_group_dev+0x8b/0x140 [vfio]": where in the function says nothing to a reader. */
static char *frame_name(char *line)
{
	char *name = strstr(line, "] "), *offset, *module;

	name = name ? name + 2 : line;
	offset = strchr(name, '+');
	if (!offset)
		return name;
	module = strchr(offset, ' ');
	*offset = '\0';
	if (module)
		memmove(offset, module, strlen(module) + 1);
	return name;
}

/* How one sleeps, which is the same for all who do: what one waits for is further out. */
bool live_only_sleeps(const char *frame)
{
	static const char *const beginnings[] = {
		"schedule", "__schedule", "preempt_schedule", "io_schedule", "context_switch", "process_timeout",
		"wait_woken", "wait_for_completion", "__wait_for", "do_wait_for_common", "__wait_on_bit", "wait_on_bit",
		"prepare_to_wait", "finish_wait", "autoremove_wake", "__mutex_lock", "mutex_lock",
		"__rwsem", "rwsem_down", "down_read", "down_write", "msleep", "usleep_range",
	};

	for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
		if (str_after(frame, beginnings[i]))
			return true;
	return false;
}

static int read_stack(struct host *h, pid_t pid, struct strv *ret)
{
	char path[64], text[STACK_MAX], *rest = text, *line;
	ssize_t n;
	int r = 0;

	snprintf(path, sizeof(path), "proc/%d/stack", (int)pid);
	n = host_read_text(h, -1, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	while (r == 0 && (line = strsep(&rest, "\n")) && ret->n < FRAMES_MAX)
		if (*line && !live_only_sleeps(line = host_clean_text(frame_name(line))))
			r = strv_add(ret, line);
	return r;
}

/* For root only; the one function that it sleeps in may be had by more. */
static int read_wchan(struct host *h, pid_t pid, struct strv *ret)
{
	char path[64], text[128];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%d/wchan", (int)pid);
	n = host_read_text(h, -1, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	return streq(text, "0") || !*text || live_only_sleeps(text) ? -ENODATA : strv_add(ret, host_clean_text(text));
}

int live_stuck_in(struct host *h, const char *name, struct strv *ret)
{
	_cleanup_strv_ struct strv frames = {0};
	struct live_claim *c = claim_of(h, name);
	int r;

	if (!c || gone(c) != -ETIMEDOUT)
		return -ENOENT;
	r = read_stack(h, c->pid, &frames);
	if (r != -ENOMEM && !frames.n)
		r = read_wchan(h, c->pid, &frames);
	if (r < 0)
		return r;
	*ret = frames;
	frames = (struct strv){0};
	return 0;
}
