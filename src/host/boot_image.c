/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The initramfs of the running host. Which tool makes it, and what boots it, is known to a script of ours
 * (vfioadm-initramfs), which gets one line and answers with what the tools say and a last line of its own.
 */
#include <string.h>

#include "base/ask.h"
#include "base/helper.h"
#include "config.h"
#include "host/live.h"

enum {
	ANSWER_MAX = 4096,
	ASK_MS = 3 * 60 * 1000,   /* an initramfs is decompressed and listed, of each kernel that is installed */
	END_MS = 20 * 1000,	  /* what it is told to stop in: zipl, which does not listen, takes seconds */
};

static const char answer_mark[] = "vfioadm-initramfs: ";

static int ask(struct host *h, const char *request, unsigned patience_ms, uint64_t stops, bool leave,
	       char text[ANSWER_MAX])
{
	const struct ask question = {
		.program = VFIOADM_INITRAMFS,
		.request = request,
		.patience_ms = patience_ms,
		.end_ms = END_MS,
		.cancel_fd = h->cancel_fd,
		.stops = stops,
		.leave = leave,
	};

	return ask_program(&question, text, ANSWER_MAX);
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
	r = ask(h, request.s, ASK_MS, 1, false, text);
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
		(void)!ask(h, "reload-rules\n", ASK_MS, 0, false, text);
}

/* Where it waits for another one, nothing was begun yet. */
static int outcome(struct host *h, int r, char *text)
{
	const char *word = last_word(text);

	if (r == -ECANCELED && word && streq(word, "waiting"))
		return -EINTR;
	if (r < 0)
		return r;
	if (word && (streq(word, "done") || streq(word, "kept")))
		return streq(word, "kept");
	if (word && streq(word, "busy"))
		return -EBUSY;
	keep_last_line(h, text);
	return -EREMOTEIO;
}

int live_rebuild_image(struct host *h, bool back)
{
	char text[ANSWER_MAX], request[64] = "rebuild-back\n";
	/* A rebuild is stopped by the first wish; what takes it back goes on, and one more wish ends the waiting. */
	uint64_t stops = back ? cancel_count(h->cancel_fd) + 1 : 1;
	int r;

	h->image_error[0] = '\0';
	if (!back)
		snprintf(request, sizeof(request), "rebuild %u\n", h->timeout_ms / 1000);
	r = ask(h, request, HOST_REBUILD_TIMES * h->timeout_ms, stops, back, text);
	return outcome(h, r, text);
}
