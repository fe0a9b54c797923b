/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests on the model share: see fake_root.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake/fake.h"
#include "fake_root.h"

int fake_setup(void **state)
{
	struct host *h;

	if (fake_new_text(FAKE_ROOT, NULL, &h) < 0)
		return -1;
	*state = h;
	return 0;
}

int fake_teardown(void **state)
{
	host_free(*state);
	return 0;
}

int put(struct host *h, const char *path, const char *text)
{
	_cleanup_free_ char *full = str_format("sys/bus/pci/%s", path);

	return h->ops->write(h, NULL, full, text, strlen(text));
}

const char *driver_of(struct host *h, const char *address)
{
	static char buf[256];
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/driver", address);

	return host_link_name(h, -1, path, buf, sizeof(buf)) < 0 ? "" : buf;
}

const char *override_of(struct host *h, const char *address)
{
	static char buf[5000];
	_cleanup_free_ char *path = str_format("sys/bus/pci/devices/%s/driver_override", address);

	return host_read_text(h, -1, path, buf, sizeof(buf)) < 0 ? "?" : buf;
}

void control(struct host *h, const char *line)
{
	assert_int_equal(fake_control(h, line), 0);
}

void load_vfio(struct host *h)
{
	assert_int_equal(h->ops->load_module(h, "vfio-pci", NULL), 0);
}

/* Override, unbind, bind: what vfioadm does. */
void to_vfio(struct host *h, const char *address, const char *native)
{
	_cleanup_free_ char *override = str_format("devices/%s/driver_override", address);
	_cleanup_free_ char *unbind = str_format("drivers/%s/unbind", native);

	assert_int_equal(put(h, override, "vfio-pci"), 0);
	if (*native)
		assert_int_equal(put(h, unbind, address), 0);
	assert_int_equal(put(h, "drivers/vfio-pci/bind", address), 0);
	assert_string_equal(driver_of(h, address), "vfio-pci");
}
