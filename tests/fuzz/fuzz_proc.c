/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that call themselves what they like, and hold open what they like. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "host/processes.h"
#include "memory_host.h"

static void check_processes(const struct processes *all)
{
	char text[128];

	fuzz_check_text("unseen", all->unseen, false);
	for (size_t i = 0; i < all->n; i++) {
		FUZZ_CHECK(all->items[i].pid > 0 &&
			   (!i || all->items[i - 1].pid < all->items[i].pid));
		FUZZ_CHECK(processes_find(all, all->items[i].pid) == &all->items[i]);
		process_describe(&all->items[i], text, sizeof(text));
		fuzz_check_text("process", text, false);
	}
	for (size_t i = 0; i < all->n_openers; i++) {
		const struct opener *o = &all->openers[i];

		FUZZ_CHECK(o->process >= all->items && o->process < all->items + all->n);
		FUZZ_CHECK(!i || all->openers[i - 1].process <= o->process);
		FUZZ_CHECK(o->path && !(o->block && o->character));
		fuzz_check_text("path", o->path, false);
	}
	FUZZ_CHECK(!processes_find(all, 0));
}

/* "proc/NAME" for a file, with '>' before it for a link. */
static void put(struct memory_host *m, const char *name, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = str_format("proc/%s", name + (*name == '>')),
			    *text = fuzz_string(data, size);

	FUZZ_CHECK(path);
	/* A link of an earlier part may lead nowhere: then there is nothing below it. */
	if (*name != '>')
		(void)!tree_file(m->tree, NULL, path, text, size);
	else if (*text)
		(void)!tree_link(m->tree, NULL, path, text);
}

/* The files in this order, parted by bytes 0xff, as many as there are. The first byte: live or not. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"100/stat",
		">100/fd/0",
		">100/fd/1",
		"101/stat",
		">101/fd/3",
		">100/ns/mnt",
		">100/ns/net",
		">self",
		">self/ns/pid",
		"101/task/102/stat",
		">101/task/102/fd/1",
		"100/environ",
		"100/fdinfo/0",
		">1/ns/net",
		"sys/kernel/random/boot_id",
	};
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = 0xff};
	struct memory_host *m = memory_host_new(NULL);
	struct arena arena = {0};
	struct processes all;
	const uint8_t *part;
	size_t len;

	FUZZ_CHECK(m);
	m->host.live = size && (data[0] & 1);
	FUZZ_CHECK(tree_device(m->tree, "dev/nvme0n1", NODE_BLOCK, 259, 0));
	FUZZ_CHECK(tree_device(m->tree, "dev/dri/card0", NODE_CHAR, 226, 0));
	FUZZ_CHECK(tree_file(m->tree, NULL, "sys/class/block/nvme0n1/dev", "259:0\n", 6));
	for (size_t i = 0; i < ARRAY_SIZE(names) && fuzz_next_part(&parts, &part, &len); i++)
		put(m, names[i], i || !len ? part : part + 1, i || !len ? len : len - 1);
	FUZZ_CHECK(processes_read(&m->host, &arena, &all) == 0);
	check_processes(&all);
	arena_free(&arena);
	host_free(&m->host);
	return 0;
}
