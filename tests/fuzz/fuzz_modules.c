/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* depmod's index in its text form, modprobe's blacklists, and the patterns in them. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fuzz.h"
#include "host/modules.h"
#include "host/observe_private.h"
#include "memory_host.h"

#define MODALIAS "v00008086d000010D3sv00001AF4sd00001100bc02sc00i00"
#define DEVICE	 "sys/bus/pci/devices/0000:01:00.0"

static void put(struct memory_host *m, const char *path, const char *text)
{
	FUZZ_CHECK(tree_file(m->tree, NULL, path, text, strlen(text)));
}

static void check_list(const struct vfioadm_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		FUZZ_CHECK(*list->items[i]);
		fuzz_check_text("module", list->items[i], false);
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(!driver_name_equal(list->items[i], list->items[k]) ||
				   strchr(list->items[i], '?'));
	}
}

static void look_up(struct host *h)
{
	_cleanup_inventory_ struct vfioadm_inventory *inv = NULL;
	static const char *const drivers[] = {"vfio-pci", "e1000e", "mlx5_vfio_pci"};
	enum driver_presence presence;
	char module[256];

	FUZZ_CHECK(observe_host(h, &inv, NULL) == 0 && inv->n_functions == 1);
	FUZZ_CHECK(observe_function(h, inv, &inv->functions[0], VFIOADM_FACET_DRIVERS) == 0);
	check_list(&inv->functions[0].host_drivers);
	check_list(&inv->functions[0].vfio_variants);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		(void)observe_driver_presence(h, drivers[i], &presence, module, sizeof(module));
	(void)observe_module_driver(h, "e1000e", module, sizeof(module));
}

/* Without brackets and backslashes both must say the same. */
static void check_glob(const char *pattern, const char *text)
{
	bool hit = modules_glob(pattern, text);

	if (strlen(pattern) < 30 && !strpbrk(pattern, "[]\\"))
		FUZZ_CHECK(hit == (fnmatch(pattern, text, 0) == 0));
}

/* Five files, parted by bytes 0xff. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"lib/modules/6.1.0/modules.alias", "lib/modules/6.1.0/modules.builtin.modinfo",
		"lib/modules/6.1.0/modules.dep", "lib/modules/6.1.0/modules.builtin",
		"etc/modprobe.d/a.conf"};
	struct fuzz_parts parts = {.rest = data, .size = size, .separator = 0xff};
	struct memory_host *m = memory_host_new(NULL);
	const uint8_t *part;
	size_t len;

	FUZZ_CHECK(m);
	put(m, DEVICE "/modalias", "pci:" MODALIAS);
	put(m, DEVICE "/revision", "0x00");
	put(m, "sys/module/e1000e/refcnt", "0");
	FUZZ_CHECK(tree_mkdir(m->tree, NULL, "lib/modules/6.1.0"));
	for (size_t i = 0; i < ARRAY_SIZE(names) && fuzz_next_part(&parts, &part, &len); i++) {
		_cleanup_free_ char *text = fuzz_string(part, len);

		if (i == 0)
			check_glob(text, "pci:" MODALIAS);
		FUZZ_CHECK(tree_file(m->tree, NULL, names[i], text, len));
	}
	look_up(&m->host);
	host_free(&m->host);
	return 0;
}
