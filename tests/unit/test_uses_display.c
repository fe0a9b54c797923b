/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures, who draws them, and the consoles of the host. */
#include <string.h>

#include "host/uses_private.h"
#include "uses_tree.h"

#define VGA    "1234 1111 1af4 1100 030000"
#define SERIAL "1b36 0002 1af4 1100 070002"
#define TESLA  "10de 20b5 10de 1533 030200"
#define DEV0   "pci0000:00/0000:01:00.0"
#define DEV1   "pci0000:00/0000:02:00.0"
#define FIRST  "0000:01:00.0"
#define SECOND "0000:02:00.0"
#define BOTH   FIRST " " SECOND

/* Two cards; the first is the boot display. */
static void fill(struct tmp_tree *t)
{
	tmp_function(t, DEV0, VGA, "i915", 1);
	tmp_function(t, DEV1, VGA, "amdgpu", 2);
	tmp_file(t, "sys/devices/" DEV0 "/boot_vga", "1\n");
	tmp_file(t, "sys/devices/" DEV1 "/boot_vga", "0\n");
	uses_process(t, 1, "init");
}

static void add_console(struct tmp_tree *t, const char *name, const char *what, const char *bound)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/class/vtconsole/%s/name", name);
	tmp_file(t, path, what);
	snprintf(path, sizeof(path), "sys/class/vtconsole/%s/bind", name);
	tmp_file(t, path, bound);
}

static void assert_code(struct tmp_tree *t, const char *code, const char *first, const char *second)
{
	uses_search(t, BOTH);
	assert_string_equal(uses_of_code(t, FIRST, code), first);
	assert_string_equal(uses_of_code(t, SECOND, code), second);
}

static void test_nothing(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_node(t, "drm", DEV0 "/drm", "card0", "226:0", true);
	add_console(t, "vtcon0", "(S) dummy device\n", "1\n");
	assert_code(t, "", "", "");
}

static void test_drawing(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_node(t, "drm", DEV0 "/drm", "card0", "226:0", true);
	uses_node(t, "drm", DEV1 "/drm", "card1", "226:1", true);
	uses_node(t, "drm", DEV1 "/drm", "renderD129", "226:129", true);
	uses_process(t, 900, "Xorg");
	uses_open(t, 900, 14, "/dev/dri/card1");
	uses_open(t, 900, 15, "/dev/dri/card1");
	uses_process(t, 901, "firefox");
	uses_open(t, 901, 14, "/dev/dri/renderD129");
	assert_code(t, "", "",
		    "in-use-display Xorg (pid 900): has /dev/dri/card1 open; "
		    "in-use-display firefox (pid 901): has /dev/dri/renderD129 open");
}

/* A card without connectors draws for nobody: that is computing. */
static void test_drawing_without_screen(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, TESLA, "nouveau", 1);
	tmp_function(t, DEV1, "1da3 1020 1da3 1020 120000", "habanalabs", 2);
	uses_node(t, "drm", DEV0 "/drm", "renderD128", "226:128", true);
	uses_node(t, "accel", DEV1 "/accel", "accel0", "261:0", true);
	uses_process(t, 901, "blender");
	uses_open(t, 901, 14, "/dev/dri/renderD128");
	uses_process(t, 902, "python3");
	uses_open(t, 902, 14, "/dev/accel/accel0");
	assert_code(t, "", "in-use-gpu blender (pid 901): has /dev/dri/renderD128 open",
		    "in-use-gpu python3 (pid 902): has /dev/accel/accel0 open");
}

static void add_connector(struct tmp_tree *t, const char *place, const char *name, const char *status,
			  const char *enabled)
{
	char path[256];

	tmp_class(t, "drm", place, name);
	snprintf(path, sizeof(path), "sys/class/drm/%s/status", name);
	tmp_file(t, path, status);
	snprintf(path, sizeof(path), "sys/class/drm/%s/enabled", name);
	tmp_file(t, path, enabled);
}

static void test_connectors(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	add_connector(t, DEV0 "/drm/card0", "card0-HDMI-A-1", "connected\n", "enabled\n");
	add_connector(t, DEV0 "/drm/card0", "card0-DP-1", "connected\n", "disabled\n");
	add_connector(t, DEV1 "/drm/card1", "card1-DP-2", "disconnected\n", "enabled\n");
	add_connector(t, DEV1 "/drm/card1", "card1-DP-3", "disconnected\n", "disabled\n");
	assert_code(t, "", "in-use-display card0-HDMI-A-1: shows a picture", "");
}

static void test_framebuffer_console(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	tmp_class(t, "graphics", DEV1 "/graphics", "fb0");
	add_console(t, "vtcon0", "(S) dummy device\n", "0\n");
	add_console(t, "vtcon1", "(M) frame buffer device\n", "1\n");
	assert_code(t, "in-use-console", "", "in-use-console fb0: carries the text consoles of the host");
	/* With one on each card it may be the first one, or that of the boot display. */
	tmp_class(t, "graphics", DEV0 "/graphics", "fb1");
	assert_code(t, "in-use-console", "in-use-console fb1: carries the text consoles of the host",
		    "in-use-console fb0: carries the text consoles of the host");
	tmp_file(t, "proc/cmdline", "quiet fbcon=map:11 splash\n");
	assert_code(t, "in-use-console", "in-use-console fb1: carries the text consoles of the host", "");
	tmp_remove(t, "proc/cmdline");
	tmp_file(t, "sys/devices/" DEV0 "/boot_vga", "0\n");
	assert_code(t, "in-use-console", "", "in-use-console fb0: carries the text consoles of the host");
	/* Taken off: echo 0 > bind */
	tmp_file(t, "sys/class/vtconsole/vtcon1/bind", "0\n");
	assert_code(t, "in-use-console", "", "");
}

static void test_vga_console(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	add_console(t, "vtcon0", "(S) VGA+\n", "1\n");
	assert_code(t, "", "in-use-console VGA text mode: carries the text consoles of the host", "");
	tmp_file(t, "sys/class/vtconsole/vtcon0/bind", "0\n");
	assert_code(t, "", "", "");
}

/* What cannot be read is said. */
static void test_console_unreadable(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	add_console(t, "vtcon0", "(S) VGA+\n", "1\n");
	tmp_remove(t, "sys/class/vtconsole/vtcon0/bind");
	tmp_dir(t, "sys/class/vtconsole/vtcon0/bind");
	assert_code(t, "", "", "");
	assert_non_null(strstr(items_of(&tmp_get(t, FIRST)->unseen),
			       "Whether the text consoles are on a display could not be read "
			       "(/sys/class/vtconsole/vtcon0/bind): Is a directory."));
	assert_false(t->inv->complete);
}

static void test_firmware_framebuffer(void **state)
{
	struct tmp_tree *t = *state;
	const char *lost = "framebuffer-lost efi-framebuffer.0: is the firmware's framebuffer on it; vfio-pci "
			   "removes that for good, and the screen stays dark";

	fill(t);
	tmp_remove(t, "sys/devices/" DEV0 "/driver");
	tmp_link(t, "sys/bus/platform/devices/serial8250", "../../../devices/platform/serial8250");
	assert_code(t, "", "", "");
	tmp_link(t, "sys/bus/platform/devices/efi-framebuffer.0", "../../../devices/platform/efi-framebuffer.0");
	assert_code(t, "", lost, "");
	/* From 6.12 on it is a child of the card, whichever is the boot display. */
	tmp_link(t, "sys/bus/platform/devices/efi-framebuffer.0",
		 "../../../devices/" DEV1 "/efi-framebuffer.0");
	assert_code(t, "", "", lost);
}

/* simpledrm draws on the firmware's framebuffer: so do its clients. */
static void test_drawing_on_firmware_framebuffer(void **state)
{
	struct tmp_tree *t = *state;

	fill(t);
	uses_node(t, "drm", "platform/simple-framebuffer.0/drm", "card0", "226:0", true);
	tmp_class(t, "graphics", "platform/simple-framebuffer.0/graphics", "fb0");
	add_console(t, "vtcon1", "(M) frame buffer device\n", "1\n");
	uses_process(t, 900, "weston");
	uses_open(t, 900, 14, "/dev/dri/card0");
	uses_search(t, BOTH);
	assert_string_equal(uses_text(t, FIRST),
			    "in-use-display fb0: is the framebuffer of the boot display; "
			    "in-use-display weston (pid 900): has /dev/dri/card0 open; "
			    "in-use-console fb0: carries the text consoles of the host");
	assert_string_equal(uses_text(t, SECOND), "");
}

static void test_serial_console(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, SERIAL, "serial", 1);
	tmp_function(t, DEV1, SERIAL, "serial", 2);
	uses_node(t, "tty", DEV0 "/tty", "ttyS4", "4:68", true);
	uses_node(t, "tty", DEV1 "/tty", "ttyS5", "4:69", true);
	uses_process(t, 1, "init");
	tmp_file(t, "sys/class/tty/console/active", "tty0 ttyS5\n");
	assert_code(t, "", "", "in-use-console ttyS5: is a console of the host");
	tmp_remove(t, "sys/class/tty/console");
	assert_code(t, "", "", "");
	tmp_file(t, "proc/consoles", "ttyS4                -W- (EC   p a)    4:68\ntty0 -WU (E  )  4:1\n");
	assert_code(t, "", "in-use-console ttyS4: is a console of the host", "");
}

static void test_virtio_console(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, "1af4 1043 1af4 1100 078000", "virtio-pci", 1);
	tmp_function(t, DEV1, SERIAL, "serial", 2);
	tmp_link(t, "sys/bus/virtio/drivers/virtio_console/virtio0", "../../../../devices/" DEV0 "/virtio0");
	tmp_link(t, "sys/bus/virtio/drivers/virtio_console/module", "../../../../module/virtio_console");
	tmp_class(t, "tty", "virtual/tty", "hvc0");
	uses_process(t, 1, "init");
	tmp_file(t, "sys/class/tty/console/active", "tty0\n");
	assert_code(t, "", "", "");
	tmp_file(t, "sys/class/tty/console/active", "tty0 hvc0\n");
	assert_code(t, "", "in-use-console hvc0: is a console of the host, and may be a port of it", "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_drawing),
		TEST(test_drawing_without_screen),
		TEST(test_connectors),
		TEST(test_framebuffer_console),
		TEST(test_vga_console),
		TEST(test_console_unreadable),
		TEST(test_firmware_framebuffer),
		TEST(test_drawing_on_firmware_framebuffer),
		TEST(test_serial_console),
		TEST(test_virtio_console),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
