/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file of declared state: what is refused is refused in words that can be shown, what is accepted means the
 * same when it is written and read again, and never more functions of a host than it may mean.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/ini.h"
#include "fuzz.h"
#include "policy/match.h"

#define FILE_NAME "/etc/vfioadm.d/fuzz.conf"

enum { FUNCTIONS = 7 };

/* What the first byte of the input changes of the host. */
enum {
	SAME_SERIAL = 1 << 0,
	SERIAL_UNREAD = 1 << 1,
	NO_SERIAL = 1 << 2,
	UID_NOT_UNIQUE = 1 << 3,
	IDS_UNREAD = 1 << 4,
	MAC_UNREAD = 1 << 5,
	SAME_PATH = 1 << 6,
	INDEX_UNREAD = 1 << 7,
};

static const struct {
	const char *address, *path, *serial, *physfn;
	unsigned device, uid;
} host[FUNCTIONS] = {
	{ "0000:01:00.0", "pci-0000:00:1c.0/00.0", "00-11-22-ff-fe-33-44-55", NULL, 0x10d3, 0 },
	{ "0000:01:00.1", "pci-0000:00:1c.0/00.1", "00-11-22-ff-fe-33-44-56", NULL, 0x10d3, 0 },
	{ "0000:02:00.0", "pci-0000:00:1c.1/00.0", "00-11-22-ff-fe-33-44-57", NULL, 0x10d3, 0 },
	{ "0000:03:00.0", "pci-0000:00:1c.2/00.0", NULL, NULL, 0x10c9, 0 },
	{ "0000:03:10.0", "pci-0000:00:1c.2/00.0/virtfn0", NULL, "0000:03:00.0", 0x10ca, 0 },
	{ "0010:00:00.0", "pci-0010:00:00.0", NULL, NULL, 0x10c9, 0x10 },
	{ "10000:e1:00.0", "pci-0000:00:0e.0/06.0/00.0", NULL, NULL, 0x10d3, 0 },
};

static void fill(struct vfioadm_function *f, size_t i, unsigned changes)
{
	struct address a;

	FUZZ_CHECK(address_parse(host[i].address, &a) == 0);
	*f = (struct vfioadm_function){
		.facets = ~0u,
		.address = host[i].address,
		.domain = a.domain,
		.bus = a.bus,
		.slot = a.slot,
		.function = a.function,
		.vendor = uint_known(0x8086),
		.device = uint_known(host[i].device),
		.subsystem_vendor = uint_known(0x1af4),
		.subsystem_device = i == 2 ? uint_none() : uint_known(0x1100),
		.class_code = uint_known(i == 6 ? 0x010802 : 0x020000),
		.uid = host[i].uid ? uint_known(host[i].uid) : uint_none(),
		.fid = host[i].uid ? uint_known(0x105) : uint_none(),
		.pchid = host[i].uid ? uint_known(0x1a) : uint_none(),
		.uid_is_unique = uint_known(!(changes & UID_NOT_UNIQUE)),
		.physfn = host[i].physfn ? str_known(host[i].physfn) : str_none(),
		.vf_index = host[i].physfn ? uint_known(0) : uint_none(),
		.path = str_known(host[i].path),
		.serial = host[i].serial ? str_known(host[i].serial) : str_none(),
		.nvme_serial = i == 6 ? str_known("TWIN1") : str_none(),
		.mac = i == 1 ? str_known("52:54:00:12:34:56") : str_none(),
		.vendor_name = str_known("Intel"),
		.device_name = i ? str_known("a name \\") : str_none(),
	};
	if (i == 1 && (changes & SAME_SERIAL))
		f->serial = str_known(host[0].serial);
	if (i == 1 && (changes & SERIAL_UNREAD))
		f->serial.state = VFIOADM_UNKNOWN;
	if (i == 2 && (changes & NO_SERIAL))
		f->serial = str_none();
	if (i == 2 && (changes & IDS_UNREAD))
		f->vendor.state = f->device.state = f->subsystem_vendor.state = VFIOADM_UNKNOWN;
	if (i == 1 && (changes & MAC_UNREAD))
		f->mac.state = VFIOADM_UNKNOWN;
	if (i == 6 && (changes & SAME_PATH))
		f->path = str_known(host[0].path);
	if (i == 4 && (changes & INDEX_UNREAD))
		f->vf_index.state = VFIOADM_UNKNOWN;
}

static struct vfioadm_inventory *inventory(unsigned changes)
{
	struct vfioadm_inventory *inv = inventory_new();

	FUZZ_CHECK(inv && (inv->functions = calloc(FUNCTIONS, sizeof(*inv->functions))));
	inv->n_functions = FUNCTIONS;
	for (size_t i = 0; i < FUNCTIONS; i++)
		fill(&inv->functions[i], i, changes);
	FUZZ_CHECK(inventory_finish(inv) == 0);
	return inv;
}

static bool same(const struct declaration *a, const struct declaration *b)
{
	for (size_t i = 0; i < N_MATCH_KEYS; i++)
		if (a->number[i] != b->number[i])
			return false;
	return declaration_same_match(a, b) && cardtype_equal(&a->type, &b->type) && a->vf_index == b->vf_index &&
	       streq_null(a->vf_of, b->vf_of) && a->multiple == b->multiple &&
	       streq_null(a->seen_address, b->seen_address) && streq_null(a->seen_name, b->seen_name) &&
	       streq_null(a->driver, b->driver) && a->whole_group == b->whole_group &&
	       streq_null(a->node_user, b->node_user) && streq_null(a->node_group, b->node_group) &&
	       a->node_mode.state == b->node_mode.state && a->node_mode.value == b->node_mode.value &&
	       a->vfs.state == b->vfs.state && a->vfs.value == b->vfs.value;
}

/* What goes into rules of udev: nothing that ends a string there, and nothing that stands for something else. */
static void check_plain(const char *s)
{
	FUZZ_CHECK(!s || (*s && !strpbrk(s, "\"'\\$%*?[]|{},= \t\n")));
}

static void check_declaration(const struct declaration *d)
{
	FUZZ_CHECK(streq(d->name, "fuzz") && streq(d->file, FILE_NAME) && d->line > 0);
	check_plain(d->driver);
	check_plain(d->node_user);
	check_plain(d->node_group);
	check_plain(d->vf_of);
	check_plain(d->seen_address);
	for (enum match_key key = MATCH_UID; key < N_MATCH_KEYS; key++)
		if (key != MATCH_VF && key != MATCH_NVME_SERIAL)
			check_plain(d->match[key]);
	FUZZ_CHECK(d->node_mode.state != VFIOADM_KNOWN || !(d->node_mode.value & ~(uint64_t)0660));
	FUZZ_CHECK(d->vfs.state != VFIOADM_KNOWN || (d->vfs.value && d->vfs.value <= UINT16_MAX));
	FUZZ_CHECK(!d->match[MATCH_CARD_TYPE] || d->multiple);
	FUZZ_CHECK(!d->match[MATCH_VF] == !d->vf_of);
}

static char *written(const struct declaration *d)
{
	struct strbuf text = { 0 };

	declaration_format(d, &text);
	FUZZ_CHECK(!text.failed && text.len <= INI_FILE_MAX);
	fuzz_check_text("the file", text.s, true);
	return strbuf_take(&text);
}

static void check_round_trip(const struct declaration *d, struct arena *arena)
{
	_cleanup_free_ char *once = written(d), *twice = NULL;
	struct vfioadm_error *err = NULL;
	struct declaration again;

	FUZZ_CHECK(declaration_parse(d->name, FILE_NAME, once, strlen(once), arena, &again, &err) == 0);
	FUZZ_CHECK(!err && same(d, &again));
	twice = written(&again);
	FUZZ_CHECK(streq(once, twice));
}

static void check_match(const struct declaration *d, const struct vfioadm_inventory *inv)
{
	struct match m;

	FUZZ_CHECK(match_declaration(d, inv, &m) == 0);
	for (size_t i = 0; i < m.functions.n; i++) {
		FUZZ_CHECK(m.functions.items[i] < inv->n_functions);
		FUZZ_CHECK(match_candidate(d, &inv->functions[m.functions.items[i]]));
	}
	switch (m.outcome) {
	case MATCH_FOUND:
		FUZZ_CHECK(m.functions.n == 1 || (m.functions.n && d->multiple));
		FUZZ_CHECK(!m.moved || d->seen_address);
		break;
	case MATCH_AMBIGUOUS:
		FUZZ_CHECK(m.functions.n > 1 && !d->multiple);
		break;
	case MATCH_UNCERTAIN:
		FUZZ_CHECK(m.functions.n && m.unread < N_MATCH_KEYS && d->match[m.unread]);
		break;
	case MATCH_FOREIGN:
		FUZZ_CHECK(!m.functions.n && vfioadm_inventory_find(inv, m.there));
		break;
	case MATCH_MISSING:
		FUZZ_CHECK(!m.functions.n && !m.there);
		break;
	}
	match_clear(&m);
}

/* Whatever can be known of a host, a name that we give means what it was given to. */
static void check_identities(const struct vfioadm_inventory *inv, struct arena *arena)
{
	for (size_t i = 0; i < inv->n_functions; i++) {
		struct declaration d;
		enum match_key key;
		enum trust trust;
		struct match m;

		if (identity_of(inv, &inv->functions[i], arena, &d, &key, &trust) < 0) {
			FUZZ_CHECK(inv->functions[i].vendor.state != VFIOADM_KNOWN);
			continue;
		}
		check_round_trip(&d, arena);
		FUZZ_CHECK(match_declaration(&d, inv, &m) == 0);
		FUZZ_CHECK(m.outcome == MATCH_FOUND && m.functions.n == 1 && m.functions.items[0] == i);
		match_clear(&m);
	}
}

/* The first byte changes the host, the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory(size ? data[0] : 0);
	_cleanup_free_ char *text = fuzz_string(size ? data + 1 : data, size ? size - 1 : 0);
	struct vfioadm_error *err = NULL;
	struct arena arena = { 0 };
	struct declaration d;

	if (declaration_parse("fuzz", FILE_NAME, text, size ? size - 1 : 0, &arena, &d, &err) < 0) {
		fuzz_check_text("message", vfioadm_error_message(err), false);
		fuzz_check_text("hint", vfioadm_error_hint(err), false);
		FUZZ_CHECK(vfioadm_error_code(err) == VFIOADM_E_CONFIG);
		FUZZ_CHECK(str_after(vfioadm_error_path(err), FILE_NAME ":"));
		fuzz_check_error(err);
	} else {
		FUZZ_CHECK(!err);
		check_declaration(&d);
		check_round_trip(&d, &arena);
		check_match(&d, inv);
		check_identities(inv, &arena);
	}
	arena_free(&arena);
	return 0;
}
