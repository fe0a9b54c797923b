/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keyboards, sound, computing, mediated devices. */
#include <string.h>

#include "host/uses_private.h"
#include "uses_tree.h"

#define XHCI   "1b36 000d 1af4 1100 0c0330"
#define AUDIO  "8086 2668 1af4 1100 040300"
#define GPU    "10de 2204 10de 1454 030000"
#define RADEON "1002 73bf 1002 0e3a 030000"
#define DEV0   "pci0000:00/0000:01:00.0"
#define DEV1   "pci0000:00/0000:02:00.0"
#define FIRST  "0000:01:00.0"
#define SECOND "0000:02:00.0"
#define BOTH   FIRST " " SECOND

#define KEYS_OF_KEYBOARD "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n"
#define KEYS_OF_MOUSE	 "1f0000 0 0 0 0\n"
#define KEYS_OF_POWER	 "10000000000000 0\n"
#define KEYS_OF_KEYPAD	 "f8e0000 10c80\n"

static void assert_both(struct tmp_tree *t, const char *first, const char *second)
{
	uses_search(t, BOTH);
	assert_string_equal(uses_text(t, FIRST), first);
	assert_string_equal(uses_text(t, SECOND), second);
}

/* ---- keyboards ---- */

static void add_input(struct tmp_tree *t, const char *place, const char *input, const char *name,
		      const char *keys)
{
	char path[256];

	tmp_class(t, "input", place, input);
	snprintf(path, sizeof(path), "sys/class/input/%s/name", input);
	tmp_file(t, path, name);
	snprintf(path, sizeof(path), "sys/class/input/%s/capabilities/key", input);
	tmp_file(t, path, keys);
}

static void fill_usb(struct tmp_tree *t)
{
	tmp_function(t, DEV0, XHCI, "xhci_hcd", 1);
	tmp_function(t, DEV1, XHCI, "xhci_hcd", 2);
	add_input(t, DEV0 "/usb1/1-1/1-1:1.0/0003:0627:0001.0001/input", "input3", "ACME Keyboard\n",
		  KEYS_OF_KEYBOARD);
	add_input(t, DEV1 "/usb2/2-1/2-1:1.0/input", "input4", "ACME Mouse\n", KEYS_OF_MOUSE);
	add_input(t, DEV1 "/usb2/2-2/2-2:1.0/input", "input5", "ACME Keypad\n", KEYS_OF_KEYPAD);
	add_input(t, "platform/PNP0C0C:00/input", "input0", "Power Button\n", KEYS_OF_POWER);
	uses_process(t, 1, "init");
}

static void test_only_keyboard(void **state)
{
	struct tmp_tree *t = *state;

	fill_usb(t);
	assert_both(t, "in-use-keyboard ACME Keyboard: is the only keyboard of the host", "");
	/* One that a program has invented is none to type on. */
	add_input(t, "virtual/input", "input9", "ydotoold\n", KEYS_OF_KEYBOARD);
	assert_both(t, "in-use-keyboard ACME Keyboard: is the only keyboard of the host", "");
}

static void test_another_keyboard(void **state)
{
	struct tmp_tree *t = *state;

	fill_usb(t);
	add_input(t, "platform/i8042/serio0/input", "input1", "AT Translated Set 2 keyboard\n",
		  KEYS_OF_KEYBOARD);
	assert_both(t, "", "");
}

/* Behind the other controller: that helps as long as that one stays. */
static void test_two_controllers(void **state)
{
	struct tmp_tree *t = *state;

	fill_usb(t);
	add_input(t, DEV1 "/usb2/2-3/2-3:1.0/input", "input6", "Second Keyboard\n", KEYS_OF_KEYBOARD);
	uses_search(t, FIRST);
	assert_string_equal(uses_text(t, FIRST), "");
	assert_both(t, "in-use-keyboard ACME Keyboard: is a keyboard of the host, and none would be left",
		    "in-use-keyboard Second Keyboard: is a keyboard of the host, and none would be left");
}

/* A kernel of 32 bits has shorter words. */
static void test_short_words(void **state)
{
	struct tmp_tree *t = *state;

	fill_usb(t);
	tmp_file(t, "sys/class/input/input3/capabilities/key", "7 ff9f207a c14057ff febeffdf fffffffe\n");
	assert_both(t, "in-use-keyboard ACME Keyboard: is the only keyboard of the host", "");
	tmp_file(t, "sys/class/input/input3/capabilities/key", "rubbish\n");
	assert_both(t, "", "");
}

/* ---- sound ---- */

static void fill_sound(struct tmp_tree *t)
{
	tmp_function(t, DEV0, AUDIO, "snd_hda_intel", 1);
	tmp_function(t, DEV1, AUDIO, "snd_hda_intel", 2);
	uses_node(t, "sound", DEV0 "/sound/card0", "controlC0", "116:2", true);
	uses_node(t, "sound", DEV0 "/sound/card0", "pcmC0D0p", "116:3", true);
	uses_node(t, "sound", DEV1 "/sound/card1", "controlC1", "116:5", true);
	uses_node(t, "sound", DEV1 "/sound/card1", "pcmC1D0c", "116:6", true);
	tmp_file(t, "proc/asound/card1/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 77\n");
	tmp_file(t, "proc/asound/card0/pcm0p/sub0/status", "closed\n");
	uses_process(t, 1, "init");
}

static void test_sound(void **state)
{
	struct tmp_tree *t = *state;

	fill_sound(t);
	uses_process(t, 55, "wireplumber");
	uses_open(t, 55, 3, "/dev/snd/controlC0");
	uses_open(t, 55, 4, "/dev/snd/pcmC0D0p");
	uses_open(t, 55, 5, "/dev/snd/seq");
	assert_both(t, "in-use-sound wireplumber (pid 55): has /dev/snd/controlC0 open", "");
}

/* Processes cannot be looked at, but streams can. */
static void test_running_stream(void **state)
{
	struct tmp_tree *t = *state;

	fill_sound(t);
	tmp_link(t, "proc/self/ns/pid", "pid:[4026532999]");
	assert_both(t, "", "in-use-sound pcmC1D0c: is playing or recording");
	tmp_file(t, "proc/asound/card1/pcm0c/sub0/status", "state: SETUP\n");
	assert_both(t, "", "");
}

/* ---- computing ---- */

static void fill_nvidia(struct tmp_tree *t)
{
	tmp_function(t, DEV0, GPU, "nvidia", 1);
	tmp_function(t, DEV1, GPU, "nvidia", 2);
	tmp_file(t, "proc/driver/nvidia/gpus/" FIRST "/information",
		 "Model: \t\t ACME\nIRQ:   \t\t 152\nDevice Minor: \t 1\nGPU Excluded:\t No\n");
	tmp_file(t, "proc/driver/nvidia/gpus/" SECOND "/information", "Model: \t\t ACME\nDevice Minor: \t 0\n");
	/* Where nothing else has numbers: in reality these have no place in sysfs. */
	uses_node(t, "nvidia", "virtual/nvidia", "nvidia0", "195:0", false);
	uses_node(t, "nvidia", "virtual/nvidia", "nvidia1", "195:1", false);
	uses_node(t, "nvidia", "virtual/nvidia", "nvidiactl", "195:255", false);
	uses_node(t, "nvidia", "virtual/nvidia", "nvidia-uvm", "511:0", false);
	uses_process(t, 1, "init");
}

static void test_nvidia(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvidia(t);
	uses_process(t, 60, "python3");
	uses_open(t, 60, 3, "/dev/nvidiactl");
	uses_open(t, 60, 4, "/dev/nvidia-uvm");
	uses_open(t, 60, 5, "/dev/nvidia1");
	assert_both(t, "in-use-gpu python3 (pid 60): has /dev/nvidia1 open", "");
}

/* Only the node for all cards: it may be any. */
static void test_nvidia_control(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvidia(t);
	uses_process(t, 60, "nvidia-smi");
	uses_open(t, 60, 3, "/dev/nvidiactl");
	assert_both(t, "in-use-gpu nvidia-smi (pid 60): has /dev/nvidiactl open",
		    "in-use-gpu nvidia-smi (pid 60): has /dev/nvidiactl open");
}

static void test_nvidia_without_number(void **state)
{
	struct tmp_tree *t = *state;

	fill_nvidia(t);
	tmp_file(t, "proc/driver/nvidia/gpus/" FIRST "/information", "Model: \t\t ACME\n");
	uses_process(t, 60, "python3");
	uses_open(t, 60, 5, "/dev/nvidia0");
	assert_both(t, "in-use-gpu python3 (pid 60): has /dev/nvidia0 open",
		    "in-use-gpu python3 (pid 60): has /dev/nvidia0 open");
	/* A card on another driver is not meant. */
	tmp_function(t, DEV0, GPU, "nouveau", 1);
	assert_both(t, "", "in-use-gpu python3 (pid 60): has /dev/nvidia0 open");
}

static void test_kfd(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, RADEON, "amdgpu", 1);
	tmp_function(t, DEV1, GPU, "nouveau", 2);
	uses_node(t, "kfd", "virtual/kfd", "kfd", "235:0", true);
	uses_process(t, 61, "rocminfo");
	uses_open(t, 61, 5, "/dev/kfd");
	assert_both(t, "in-use-gpu rocminfo (pid 61): has /dev/kfd open", "");
}

/* ---- mediated devices ---- */

#define UUID "b1ae8bf6-38b9-4c55-9d0f-4e2c9d2b8c11"

static void test_mdev(void **state)
{
	struct tmp_tree *t = *state;

	tmp_function(t, DEV0, "8086 5912 8086 2063 030000", "i915", 1);
	tmp_function(t, DEV1, "8086 5912 8086 2063 030000", "i915", 2);
	uses_process(t, 1, "init");
	tmp_link(t, "sys/bus/mdev/devices/" UUID, "../../../devices/" DEV1 "/" UUID);
	tmp_link(t, "sys/bus/mdev/devices/c1", "../../../devices/virtual/mdpy/c1");
	tmp_dir(t, "sys/devices/" DEV1 "/" UUID);
	assert_both(t, "", "in-use-mdev " UUID ": is a mediated device of it");
	tmp_link(t, "sys/devices/" DEV1 "/" UUID "/driver", "../../../../bus/mdev/drivers/vfio_mdev");
	assert_both(t, "", "in-use-mdev " UUID ": is a mediated device of it, bound to vfio_mdev");
	tmp_link(t, "sys/devices/" DEV1 "/" UUID "/iommu_group", "../../../../kernel/iommu_groups/33");
	uses_process(t, 62, "qemu");
	uses_open(t, 62, 5, "/dev/vfio/33");
	assert_both(t, "", "in-use-mdev " UUID ": is a mediated device of it, and qemu (pid 62) has that open");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_only_keyboard),
		TEST(test_another_keyboard),
		TEST(test_two_controllers),
		TEST(test_short_words),
		TEST(test_sound),
		TEST(test_running_stream),
		TEST(test_nvidia),
		TEST(test_nvidia_control),
		TEST(test_nvidia_without_number),
		TEST(test_kfd),
		TEST(test_mdev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
