/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "host/observe.h"

int observe_module_driver(struct host *h, const char *module, char *ret_driver, size_t size)
{
	_cleanup_strv_ struct strv names = { 0 };
	const char *found = NULL;
	char path[256];
	int r;

	/* Links "BUS:DRIVER", made by module_add_driver(). */
	if (snprintf(path, sizeof(path), "sys/module/%s/drivers", module) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	r = h->ops->list(h, -1, path, &names);
	if (r < 0)
		return r;
	STRV_FOREACH(i, &names) {
		const char *driver = str_after(names.items[i], "pci:");

		if (!driver)
			continue;
		if (found)
			return -ENOENT;
		found = driver;
	}
	if (!found || strlen(found) >= size)
		return -ENOENT;
	strcpy(ret_driver, found);
	return 0;
}
