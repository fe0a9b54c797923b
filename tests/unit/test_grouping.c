/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who will share a group that is not there yet. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "inventory_builder.h"
#include "model/grouping.h"

enum { NO_GROUP = -1, BRIDGE = 0x060400, NIC = 0x020000 };

/*
 *   00:01.0 root port        00:02.0 root port                    00:03.0 root port
 *   +- 01:00.0 .1 .2         +- 02:00.0 upstream                  +- 06:00.0 bridge to PCI
 *                               +- 03:00.0 down  +- 04:00.0          +- 07:01.0, 07:02.0
 *                               +- 03:01.0 down  +- 05:00.0, VF 05:00.1
 */
static const struct {
	const char *address, *parent;
	uint32_t class_code;
	bool port, conventional, multifunction;
} there[] = {
	{"0000:00:01.0", NULL, BRIDGE, true},
	{"0000:00:02.0", NULL, BRIDGE, true},
	{"0000:00:03.0", NULL, BRIDGE, true},
	{"0000:01:00.0", "0000:00:01.0", NIC, .multifunction = true},
	{"0000:01:00.1", "0000:00:01.0", NIC, .multifunction = true},
	{"0000:01:00.2", "0000:00:01.0", NIC, .multifunction = true},
	{"0000:02:00.0", "0000:00:02.0", BRIDGE},
	{"0000:03:00.0", "0000:02:00.0", BRIDGE, true},
	{"0000:03:01.0", "0000:02:00.0", BRIDGE, true},
	{"0000:04:00.0", "0000:03:00.0", NIC},
	{"0000:05:00.0", "0000:03:01.0", NIC},
	{"0000:05:00.1", "0000:03:01.0", NIC},
	{"0000:06:00.0", "0000:00:03.0", BRIDGE, .conventional = true},
	{"0000:07:01.0", "0000:06:00.0", NIC},
	{"0000:07:02.0", "0000:06:00.0", NIC},
};

struct host_of {
	struct vfioadm_inventory *inv;
	struct place places[ARRAY_SIZE(there)];
};

static struct place *place_of(struct host_of *h, const char *address)
{
	ssize_t i = inventory_index(h->inv, address);

	assert_true(i >= 0);
	return &h->places[i];
}

/* All ports keep apart; nothing has a group yet. */
static void build(struct host_of *h)
{
	*h = (struct host_of){.inv = build_inventory()};
	for (size_t i = 0; i < ARRAY_SIZE(there); i++)
		build_function(h->inv, there[i].address, 0x8086, 0x1234, there[i].class_code);
	build_finish(h->inv);
	for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
		struct vfioadm_function *f = inventory_get(h->inv, there[i].address);

		f->iommu_group = (struct vfioadm_uint){0};
		f->companions = (struct vfioadm_list){0};
		*place_of(h, there[i].address) = (struct place){
			.parent = there[i].parent ? inventory_index(h->inv, there[i].parent) : -1,
			.pcie = true,
			.port = there[i].port,
			.conventional = there[i].conventional,
			.multifunction = there[i].multifunction,
			.acs = there[i].port ? ACS_ON : ACS_OFF,
		};
	}
}

static void has_group(struct host_of *h, const char *address, unsigned group)
{
	inventory_get(h->inv, address)->iommu_group = uint_known(group);
	inventory_get(h->inv, address)->companions.state = VFIOADM_NONE;
}

/* Companions with blanks between, "?": not known, "-": none. */
static void assert_with(struct host_of *h, const char *address, const char *expected)
{
	const struct vfioadm_list *list = &inventory_get(h->inv, address)->companions;
	_cleanup_strbuf_ struct strbuf text = {0};

	for (size_t i = 0; i < list->n; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", list->items[i]);
	if (list->state != VFIOADM_KNOWN)
		strbuf_addf(&text, "%s", list->state == VFIOADM_NONE ? "-" : "?");
	assert_string_equal(text.s, expected);
}

static void predict(struct host_of *h)
{
	assert_int_equal(grouping_predict(h->inv, h->places), 0);
}

static void end(struct host_of *h)
{
	vfioadm_inventory_free(h->inv);
}

static void test_one_card(void **state)
{
	struct host_of h;

	build(&h);
	has_group(&h, "0000:01:00.1", 5);
	predict(&h);
	assert_with(&h, "0000:01:00.0", "0000:01:00.1 0000:01:00.2");
	/* The group that is there grows. */
	assert_with(&h, "0000:01:00.1", "0000:01:00.0 0000:01:00.2");
	end(&h);

	/* Two of three keep apart. */
	build(&h);
	place_of(&h, "0000:01:00.0")->acs = place_of(&h, "0000:01:00.1")->acs = ACS_ON;
	predict(&h);
	assert_with(&h, "0000:01:00.0", "?");
	assert_with(&h, "0000:01:00.1", "?");
	assert_with(&h, "0000:01:00.2", "?");
	end(&h);

	/* One does, the others do not. */
	build(&h);
	place_of(&h, "0000:01:00.0")->acs = ACS_ON;
	predict(&h);
	assert_with(&h, "0000:01:00.0", "?");
	assert_with(&h, "0000:01:00.1", "0000:01:00.2");
	end(&h);
}

static void test_bridge_to_pci(void **state)
{
	struct host_of h;

	build(&h);
	predict(&h);
	assert_with(&h, "0000:07:01.0", "0000:06:00.0 0000:07:02.0");
	/* The bridge has a group already, by its driver. */
	end(&h);
	build(&h);
	has_group(&h, "0000:06:00.0", 3);
	predict(&h);
	assert_with(&h, "0000:06:00.0", "0000:07:01.0 0000:07:02.0");
	assert_with(&h, "0000:07:02.0", "0000:06:00.0 0000:07:01.0");
	end(&h);
}

static void test_switch(void **state)
{
	struct host_of h;

	build(&h);
	predict(&h);
	assert_with(&h, "0000:04:00.0", "?");
	assert_with(&h, "0000:05:00.0", "?");
	end(&h);

	/* Without ACS: with its own port, not with what is behind the other one. */
	build(&h);
	place_of(&h, "0000:03:00.0")->acs = place_of(&h, "0000:03:01.0")->acs = ACS_OFF;
	predict(&h);
	assert_with(&h, "0000:04:00.0", "0000:03:00.0");
	assert_with(&h, "0000:05:00.0", "0000:03:01.0 0000:05:00.1");
	end(&h);

	/* On one of its ports only. */
	build(&h);
	place_of(&h, "0000:03:01.0")->acs = ACS_OFF;
	predict(&h);
	assert_with(&h, "0000:04:00.0", "?");
	assert_with(&h, "0000:05:00.1", "0000:03:01.0 0000:05:00.0");
	end(&h);

	/* The root port does not send up: all below it is one. */
	build(&h);
	place_of(&h, "0000:00:02.0")->acs = ACS_OFF;
	predict(&h);
	assert_with(
		&h, "0000:04:00.0",
		"0000:00:02.0 0000:02:00.0 0000:03:00.0 0000:03:01.0 0000:05:00.0 0000:05:00.1");
	end(&h);

	/* What a port does cannot be seen: the kernel switches it on where it can. */
	build(&h);
	place_of(&h, "0000:03:00.0")->acs = ACS_UNKNOWN;
	predict(&h);
	assert_with(&h, "0000:04:00.0", "?");
	end(&h);
}

/* What is there contradicts the rules: then it is not foreseen from them. */
static void test_other_groups(void **state)
{
	struct host_of h;

	build(&h);
	has_group(&h, "0000:01:00.0", 5);
	has_group(&h, "0000:01:00.1", 6);
	predict(&h);
	assert_with(&h, "0000:01:00.0", "-");
	assert_with(&h, "0000:01:00.2", "?");
	end(&h);

	/* All have theirs: nothing is to come. */
	build(&h);
	for (unsigned i = 0; i < 3; i++)
		has_group(&h, there[3 + i].address, 5);
	predict(&h);
	assert_with(&h, "0000:01:00.0", "-");
	end(&h);

	/* Who is with one of them for another reason (an alias) comes along. */
	build(&h);
	has_group(&h, "0000:01:00.1", 5);
	has_group(&h, "0000:04:00.0", 5);
	inventory_get(h.inv, "0000:01:00.1")->companions = build_list(h.inv, "0000:04:00.0");
	inventory_get(h.inv, "0000:04:00.0")->companions = build_list(h.inv, "0000:01:00.1");
	predict(&h);
	assert_with(&h, "0000:01:00.0", "0000:01:00.1 0000:01:00.2 0000:04:00.0");
	assert_with(&h, "0000:04:00.0", "0000:01:00.0 0000:01:00.1 0000:01:00.2");
	end(&h);
}

/* A conventional function keeps nothing apart, but alone it has nobody to be apart from. */
static void test_conventional(void **state)
{
	struct host_of h;

	build(&h);
	place_of(&h, "0000:04:00.0")->pcie = false;
	place_of(&h, "0000:01:00.0")->pcie = place_of(&h, "0000:01:00.1")->pcie = false;
	place_of(&h, "0000:01:00.1")->acs = place_of(&h, "0000:01:00.2")->acs = ACS_ON;
	predict(&h);
	assert_with(&h, "0000:04:00.0", "?");
	assert_with(&h, "0000:01:00.0", "0000:01:00.1");
	assert_with(&h, "0000:01:00.2", "?");
	end(&h);
}

static void test_quirks(void **state)
{
	assert_true(grouping_is_quirk(0x8086, 0x1521));
	assert_true(grouping_is_quirk(0x1924, 0x0903));
	assert_false(grouping_is_quirk(0x8086, 0x10d3));
	assert_false(grouping_is_quirk(0x10de, 0x1521));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_card),     cmocka_unit_test(test_bridge_to_pci),
		cmocka_unit_test(test_switch),	     cmocka_unit_test(test_other_groups),
		cmocka_unit_test(test_conventional), cmocka_unit_test(test_quirks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
