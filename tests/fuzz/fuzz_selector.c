/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Selectors: syntax, what they match in an inventory, and what is said when they match nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz.h"
#include "policy/select.h"

enum { FUNCTIONS = 6 };

static void fill(struct vfioadm_function *f, unsigned i)
{
	static const char *const addresses[FUNCTIONS] = {"0000:00:02.0", "0000:01:00.0",
							 "0000:01:00.1", "0000:02:00.0",
							 "0001:00:00.0", "10000:e1:00.0"};
	struct address a;

	if (address_parse(addresses[i], &a) < 0)
		abort();
	*f = (struct vfioadm_function){
		.facets = ~0u,
		.address = addresses[i],
		.domain = a.domain,
		.bus = a.bus,
		.slot = a.slot,
		.function = a.function,
		.vendor = uint_known(0x8086),
		.device = uint_known(i == 3 ? 0x1521 : 0x10d3),
		.subsystem_vendor = uint_known(0x1af4),
		.subsystem_device = i == 2 ? uint_none() : uint_known(0x1100),
		.class_code = uint_known(i ? 0x020000 : 0x060400),
		.bridge = !i,
		.iommu_group = i == 4 ? uint_none() : uint_known(i / 2 + 1),
		.uid = i == 4 ? uint_known(0x12) : uint_none(),
		.fid = i == 4 ? uint_known(0x105) : uint_none(),
		.pchid = i == 4 ? uint_known(0x1a) : uint_none(),
		.serial = i == 3 ? str_known("00-11-22-ff-fe-33-44-55") : str_none(),
		.nvme_serial = i == 5 ? str_known("TWIN1") : str_none(),
		.mac = i == 1 ? str_known("52:54:00:12:34:56") : (struct vfioadm_str){0},
		.path = str_known(i == 1 ? "pci-0000:00:1c.0/00.0" : "pci-0000:00:1d.0"),
	};
}

static struct vfioadm_inventory *inventory(void)
{
	struct vfioadm_inventory *inv = inventory_new();

	if (!inv || !(inv->functions = calloc(FUNCTIONS, sizeof(*inv->functions))))
		abort();
	inv->n_functions = FUNCTIONS;
	for (unsigned i = 0; i < FUNCTIONS; i++)
		fill(&inv->functions[i], i);
	if (inventory_finish(inv) < 0)
		abort();
	return inv;
}

static void check_selected(const struct vfioadm_inventory *inv, const struct selector *s, size_t n,
			   bool all)
{
	_cleanup_selection_ struct selection found = {0};
	struct vfioadm_error *err = NULL;
	int r = select_functions(inv, s, n, all, &found, &err);

	if (r < 0) {
		fuzz_check_error(err);
		return;
	}
	FUZZ_CHECK(!err && found.n > 0);
	for (size_t i = 0; i < found.n; i++) {
		bool wanted = false;

		FUZZ_CHECK(found.items[i] < inv->n_functions);
		for (size_t k = 0; k < n; k++)
			wanted |= selector_match(&s[k], &inv->functions[found.items[i]]);
		FUZZ_CHECK(wanted);
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(found.items[k] != found.items[i]);
	}
}

/* Up to four selectors, parted by newlines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = '\n'};
	_cleanup_inventory_ struct vfioadm_inventory *inv = inventory();
	struct selector parsed[4];
	char *texts[4] = {0};
	const uint8_t *part;
	size_t len, n = 0;

	while (n < ARRAY_SIZE(parsed) && fuzz_next_part(&parts, &part, &len)) {
		struct vfioadm_error *err = NULL;
		char *s = fuzz_string(part, len);

		if (selector_parse(s, &parsed[n], &err) < 0) {
			/* What was typed is told in a form that can be shown. */
			fuzz_check_text("message", vfioadm_error_message(err), false);
			fuzz_check_text("hint", vfioadm_error_hint(err), false);
			fuzz_check_error(err);
			free(s);
			continue;
		}
		FUZZ_CHECK(!err);
		(void)selector_facets(&parsed[n]);
		texts[n++] = s;
	}
	if (n) {
		check_selected(inv, parsed, n, false);
		check_selected(inv, parsed, n, true);
	}
	for (size_t i = 0; i < n; i++)
		free(texts[i]);
	return 0;
}
