/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole hostile host: captured ones with files changed (overlay.h), looked at by everything that looks at
 * a host. What comes out must be text that can be shown, and JSON where JSON was asked for; nothing may
 * crash, leak, take long or be written.
 *
 *   input ::= BASE COMMAND OPERAND changes
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/ctx.h"
#include "fuzz.h"
#include "host/observe.h"
#include "overlay.h"
#include "policy/check.h"

/* cli.h has helpers of its own, under the names that the library's have. */
int cli_run(struct vfioadm_ctx *ctx, int argc, char **argv, FILE *out, FILE *err);
/* What the fuzzer brings. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);

enum { HEAD = 3, FLAG_LIVE = 4, FLAG_UNPRIVILEGED = 8, WORDS_MAX = 8 };

#define OPERAND "%"

enum { COMMAND_SHOW = 8 };

static const char *const commands[][WORDS_MAX] = {
	{NULL}, /* the library, see look_at_all() */
	{"list", "--all", "--json"},
	{"list", "--all"},
	{"list", "--tree", "--verbose"},
	{"list", "--tree=topology", "--all"},
	{"list", "--verbose"},
	{"list", "--enabled"},
	{"show", "--json", OPERAND},
	[COMMAND_SHOW] = {"show", OPERAND},
	{"show", "--all-matching", OPERAND},
	{"check", "--json", OPERAND},
	{"check", OPERAND},
	{"assign", "--dry-run", "--json", OPERAND},
	{"assign", "--dry-run", OPERAND},
	{"assign", "--dry-run", "--group", OPERAND},
	{"assign", "--dry-run", "--all-matching", "--force", "in-use-mount", "--json", OPERAND},
	{"release", "--dry-run", "--json", OPERAND},
	{"release", "--dry-run", "--park", OPERAND},
	{"enable", "--dry-run", "--json", "8086:10d3"},
	{"enable", "--dry-run", "1b36:0010"},
	{"disable", "--dry-run", "--json", "8086:10d3"},
	{"settle", "--dry-run", "--json"},
};

static const char *const operands[] = {
	"eth0",
	"nvme0n1",
	"/dev/nvme0n1",
	"/dev/dm-0",
	"/dev/sda",
	"8086:10d3",
	"1b36:0010",
	"group=1",
	"uid=12",
	"fid=0x105",
	"serial=00-11-22-ff-fe-33-44-55",
	"0000:00:1f.2",
	"0000:01:00.0",
	"0000:05:00.0",
	"0000:03:00.0",
};

/* What no capture has is in extra.root, for all of them. */
static const char *const base_files[] = {
	"busy.root",
	"../roots/s390x.root",
	"../roots/in-use.root",
	"../roots/assigned.root",
};
static struct overlay_base bases[ARRAY_SIZE(base_files)];
/* Of all bases, for the second half of the operands. */
static struct strv addresses;

static struct memory_host *host_of(struct overlay_base *base, uint8_t flags)
{
	struct memory_host *m = memory_host_new(&base->tree);

	FUZZ_CHECK(m);
	m->host.live = flags & FLAG_LIVE;
	m->host.unprivileged = flags & FLAG_UNPRIVILEGED;
	return m;
}

/* ---- the library ---- */

static void look_at_function(struct host *h, struct vfioadm_inventory *inv,
			     struct vfioadm_function *f)
{
	_cleanup_strv_ struct strv holders = {0};
	char driver[256], override[256];
	struct vfioadm_list *lists[] = {
		&f->net,	  &f->block, &f->reset_methods, &f->virtfns, &f->reserved_regions,
		&f->vfio_variants};

	FUZZ_CHECK(observe_function(h, inv, f, ~(unsigned)VFIOADM_FACET_USERS) == 0);
	FUZZ_CHECK(observe_holders(h, f->address, &holders) == 0);
	(void)observe_driver(h, f->address, driver, sizeof(driver));
	(void)observe_override(h, f->address, override, sizeof(override));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		FUZZ_CHECK((lists[i]->state == VFIOADM_KNOWN) == (lists[i]->n > 0));
		for (size_t k = 0; k < lists[i]->n; k++)
			fuzz_check_text("list", lists[i]->items[k], false);
	}
}

static void check_users(const struct vfioadm_function *f)
{
	for (size_t i = 0; i < f->n_users; i++) {
		fuzz_check_text("what", f->users[i]->what, false);
		fuzz_check_text("why", f->users[i]->why, false);
		FUZZ_CHECK(f->users[i]->what && f->users[i]->why && f->users[i]->code);
	}
	for (size_t i = 0; i < f->unseen.n; i++)
		fuzz_check_text("unseen", f->unseen.items[i], false);
}

static void look_at_all(struct host *h)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = NULL;
	struct vfioadm_error *err = NULL;
	_cleanup_free_ bool *wanted = NULL;

	if (observe_host(h, &inv, &err) < 0) {
		fuzz_check_error(err);
		return;
	}
	wanted = malloc(inv->n_functions + 1);
	FUZZ_CHECK(wanted);
	memset(wanted, true, inv->n_functions);
	for (size_t i = 0; i < inv->n_functions; i++)
		look_at_function(h, inv, &inv->functions[i]);
	FUZZ_CHECK(observe_uses(h, inv, wanted) == 0);
	FUZZ_CHECK(check_verdicts(inv) == 0);
	for (size_t i = 0; i < inv->n_functions; i++) {
		fuzz_check_text("verdict", inv->functions[i].verdict_reason, false);
		check_users(&inv->functions[i]);
	}
}

/* ---- the command ---- */

static const char *operand_of(uint8_t which)
{
	if (which < ARRAY_SIZE(operands))
		return operands[which];
	which -= ARRAY_SIZE(operands);
	return addresses.n ? addresses.items[which % addresses.n] : "0000:00:00.0";
}

static void run_command(struct memory_host *m, const char *const *command, const char *operand)
{
	char *argv[WORDS_MAX + 2] = {strdup("vfioadm")}, *texts[2] = {0};
	size_t sizes[2];
	FILE *out = open_memstream(&texts[0], &sizes[0]),
	     *err = open_memstream(&texts[1], &sizes[1]);
	struct vfioadm_ctx *ctx;
	bool json = false;
	int argc = 1, status;

	FUZZ_CHECK(out && err && ctx_new_with_host(&m->host, "/nonexistent/vfioadm", &ctx) == 0);
	for (; argc <= WORDS_MAX && command[argc - 1]; argc++) {
		const char *word = command[argc - 1];

		json |= streq(word, "--json");
		argv[argc] = strdup(streq(word, OPERAND) ? operand : word);
	}
	status = cli_run(ctx, argc, argv, out, err);
	fclose(out);
	fclose(err);
	vfioadm_ctx_unref(ctx);
	FUZZ_CHECK(status >= 0 && status <= VFIOADM_EXIT_BUSY);
	FUZZ_CHECK(status != VFIOADM_EXIT_UNSETTLED);
	if (json && *texts[0])
		fuzz_check_json("standard output", texts[0]);
	else
		fuzz_check_text("standard output", texts[0], true);
	FUZZ_CHECK(*texts[0] || *texts[1] || status == VFIOADM_EXIT_DONE);
	fuzz_check_text("standard error", texts[1], true);
	free(texts[0]);
	free(texts[1]);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

/* About half of all bytes mean the library: that is where the files are read. */
static size_t command_of(uint8_t byte)
{
	if (byte < ARRAY_SIZE(commands))
		return byte;
	return byte & 1 ? 0 : byte / 2 % ARRAY_SIZE(commands);
}

static void run(struct memory_host *m, uint8_t command, uint8_t operand)
{
	const char *const *words = commands[command_of(command)];

	if (*words) {
		run_command(m, words, operand_of(operand));
	} else {
		look_at_all(&m->host);
		host_free(&m->host);
	}
}

/* ---- for the fuzzer ---- */

static void learn_addresses(struct overlay_base *base)
{
	struct node *dir = tree_lookup(&base->tree, NULL, "sys/bus/pci/devices", true);

	FUZZ_CHECK(dir);
	for (size_t i = 0; i < dir->n; i++)
		if (!strv_has(&addresses, dir->children[i]->name))
			FUZZ_CHECK(strv_add(&addresses, dir->children[i]->name) == 0);
}

static void learn_run(struct overlay_base *base, uint8_t flags, uint8_t command, uint8_t operand)
{
	struct memory_host *m = host_of(base, flags);

	m->touched = overlay_learn;
	m->userdata = base;
	run(m, command, operand);
}

/* Whatever the real host is asked for can be asked of a hostile one. */
static void learn_paths(struct overlay_base *base)
{
	for (unsigned flags = 0; flags <= FLAG_LIVE; flags += FLAG_LIVE) {
		for (unsigned command = 0; command < ARRAY_SIZE(commands); command++)
			learn_run(base, (uint8_t)flags, (uint8_t)command, 0);
		for (unsigned operand = 1; operand < ARRAY_SIZE(operands); operand++)
			learn_run(base, (uint8_t)flags, COMMAND_SHOW, (uint8_t)operand);
	}
	overlay_learned(base);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		_cleanup_free_ char *path = str_format(FUZZ_SOURCE "/%s", base_files[i]);

		FUZZ_CHECK(path && tree_init(&bases[i].tree) == 0);
		FUZZ_CHECK(tree_load(&bases[i].tree, path) == 0);
		FUZZ_CHECK(tree_load(&bases[i].tree, FUZZ_SOURCE "/extra.root") == 0);
		learn_addresses(&bases[i]);
		learn_paths(&bases[i]);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct overlay_base *base;

	if (size < HEAD)
		return 0;
	base = &bases[data[0] % 4 % ARRAY_SIZE(bases)];
	overlay_apply(base, data + HEAD, size - HEAD);
	run(host_of(base, data[0]), data[1], data[2]);
	overlay_undo(base);
	return 0;
}

#ifdef FUZZING
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	size_t changed = 0;

	if (size >= HEAD && seed % 3 == 0)
		changed = overlay_mutate(&bases[data[0] % 4 % ARRAY_SIZE(bases)], data, size, room,
					 seed / 3, LLVMFuzzerMutate);
	return changed ? changed : LLVMFuzzerMutate(data, size, room);
}
#endif
