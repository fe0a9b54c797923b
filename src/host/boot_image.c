/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The initramfs of the running host. Which tool makes it, and what boots it, is known to a script of ours
 * (vfioadm-initramfs), which gets one line and answers with what the tools say and a last line of its own.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/spawn.h"
#include "config.h"
#include "host/live.h"

enum {
	ANSWER_FD = 3,
	ANSWER_MAX = 4096,
	/* Of each kernel that is installed. */
	ASK_MS = 3 * 60 * 1000,      /* an initramfs is decompressed and listed */
	REBUILD_MS = 30 * 60 * 1000, /* dracut on a slow machine takes minutes */
};

static const char answer_mark[] = "vfioadm-initramfs: ";

/* Keeps the end: the last lines are what counts. */
static void keep_end(char *text, size_t *len, const char *more, size_t n)
{
	if (n >= ANSWER_MAX) {
		more += n - (ANSWER_MAX - 1);
		n = ANSWER_MAX - 1;
	}
	if (*len + n >= ANSWER_MAX) {
		size_t drop = *len + n - (ANSWER_MAX - 1);

		memmove(text, text + drop, *len - drop);
		*len -= drop;
	}
	memcpy(text + *len, more, n);
	*len += n;
	text[*len] = '\0';
}

static int read_answer(int fd, int64_t end, char text[ANSWER_MAX])
{
	char more[1024];
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - clock_ms();
		ssize_t n;
		int r = poll(&p, 1, left > 0 ? (int)left : 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIME;
		n = read(fd, more, sizeof(more));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno != ECONNRESET ? -errno : 0;
		keep_end(text, &len, more, (size_t)n);
	}
}

static int send_request(int fd, const char *request)
{
	size_t n = strlen(request);

	return send(fd, request, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -errno;
}

static int ask(const char *request, unsigned timeout_ms, char text[ANSWER_MAX])
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int r = spawn_socket(SOCK_STREAM, ANSWER_FD, &ours, &theirs);

	if (r == 0)
		r = send_request(ours, request);
	if (r == 0)
		r = spawn_detached(VFIOADM_INITRAMFS, theirs, ANSWER_FD);
	if (r < 0)
		return r;
	/* Or its end would not be seen. */
	close(TAKE_FD(theirs));
	return read_answer(ours, clock_ms() + timeout_ms, text);
}

/* The script's own last word; NULL: it did not get that far. What is before it stays in text. */
static const char *last_word(char *text)
{
	char *mark = NULL;

	for (char *p = text; (p = strstr(p, answer_mark)); p++)
		if (p == text || p[-1] == '\n')
			mark = p;
	if (!mark)
		return NULL;
	mark[strcspn(mark, "\n")] = '\0';
	if (mark > text)
		mark[-1] = '\0';
	else
		*text = '\0';
	return mark + sizeof(answer_mark) - 1;
}

/* The tool's last line that says something. */
static void keep_last_line(struct host *h, char *text)
{
	char *line = text, *last = text;

	while ((line = strsep(&text, "\n")))
		if (*line)
			last = line;
	snprintf(h->image_error, sizeof(h->image_error), "%s", host_clean_text(last));
}

int live_image_has(struct host *h, const char *const *modules, size_t n)
{
	_cleanup_strbuf_ struct strbuf request = { 0 };
	char text[ANSWER_MAX];
	const char *word;
	int r;

	h->image_error[0] = '\0';
	strbuf_addf(&request, "has");
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&request, " %s", modules[i]);
	strbuf_addf(&request, "\n");
	if (request.failed)
		return -ENOMEM;
	r = ask(request.s, ASK_MS, text);
	word = r < 0 ? NULL : last_word(text);
	if (!word)
		return r < 0 ? r : -ENOENT;
	keep_last_line(h, text);
	return streq(word, "yes") ? 1 : streq(word, "no") ? 0 : streq(word, "unknown") ? -ENODATA : -ENOENT;
}

void live_reload_rules(struct host *h)
{
	char text[ANSWER_MAX];

	/* Where no udev runs there is nobody to be told, and whoever cannot be told finds out a little later. */
	if (host_exists(h, "run/udev/control"))
		(void)!ask("reload-rules\n", ASK_MS, text);
}

int live_rebuild_image(struct host *h, bool back)
{
	char text[ANSWER_MAX];
	const char *word;
	int r = ask(back ? "rebuild-back\n" : "rebuild\n", REBUILD_MS, text);

	h->image_error[0] = '\0';
	if (r < 0)
		return r;
	word = last_word(text);
	if (word && (streq(word, "done") || streq(word, "kept")))
		return streq(word, "kept");
	keep_last_line(h, text);
	return -EREMOTEIO;
}
