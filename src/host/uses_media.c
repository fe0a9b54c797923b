/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keyboards, sound, computing on graphics cards, and mediated devices. */
#include <ctype.h>
#include <limits.h>

#include "host/uses_private.h"

/* ---- keyboards ---- */

/* Q to P, Enter, A and S, among the first 32 keys: a keypad or a power button has not all of them. */
#define KEYBOARD_KEYS UINT64_C(0xd3ff0000)

/* Minor numbers of NVIDIA's cards; those behind are for control and modes. */
enum { NVIDIA_CARDS = 254 };

/* "4 2000000 3803078 f800d001 feffffdfffefffff fffffffffffffffe": the last word has the first keys. */
static bool is_keyboard(const char *keys)
{
	const char *last = strrchr(keys, ' ');
	uint64_t word;

	return str_to_u64(last ? last + 1 : keys, 16, UINT64_MAX, &word) == 0 && (word & KEYBOARD_KEYS) == KEYBOARD_KEYS;
}

struct keyboard {
	char *name;
	ssize_t function;
};

struct keyboards {
	struct keyboard *items;
	size_t n;
	bool another; /* one that hangs behind nothing that is wanted */
};

static void keyboards_clear(struct keyboards *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->items[i].name);
	free(k->items);
}

/* What programs invent (uinput) is no keyboard that somebody could type on. */
static int read_keyboard(struct uses *u, const char *input, struct keyboards *k)
{
	char path[NAME_MAX + 48], link[PATH_MAX], text[1024];
	struct keyboard *one = &k->items[k->n];

	snprintf(path, sizeof(path), "sys/class/input/%s", input);
	if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0 || strstr(link, "/virtual/"))
		return 0;
	snprintf(path, sizeof(path), "sys/class/input/%s/capabilities/key", input);
	if (host_read_text(u->h, -1, path, text, sizeof(text)) <= 0 || !is_keyboard(text))
		return 0;
	one->function = function_of_link(u->inv, link);
	if (one->function < 0 || !uses_wants(u, (size_t)one->function)) {
		k->another = true;
		return 0;
	}
	snprintf(path, sizeof(path), "sys/class/input/%s/name", input);
	if (host_read_text(u->h, -1, path, text, sizeof(text)) <= 0)
		snprintf(text, sizeof(text), "%s", input);
	one->name = strdup(text);
	if (!one->name)
		return -ENOMEM;
	k->n++;
	return 0;
}

static int add_keyboards(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct keyboards k = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/class/input", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	k.items = calloc(names.n + 1, sizeof(*k.items));
	r = k.items ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && !k.another && i < names.n; i++)
		if (str_after(names.items[i], "input"))
			r = read_keyboard(u, names.items[i], &k);
	for (size_t i = 0; r == 0 && !k.another && i < k.n; i++)
		r = uses_add(u, (size_t)k.items[i].function, "in-use-keyboard", k.items[i].name,
			     k.n > 1 ? "is a keyboard of the host, and none would be left" :
				       "is the only keyboard of the host");
	keyboards_clear(&k);
	return r;
}

/* ---- sound ---- */

/* "pcmC0D1p" of card 0 is proc/asound/card0/pcm1p. */
static bool pcm_directory(const char *node, char *path, size_t size)
{
	unsigned card, device;
	char way;
	int end = 0;

	if (sscanf(node, "pcmC%4uD%4u%c%n", &card, &device, &way, &end) != 3 || !end || node[end] ||
	    (way != 'p' && way != 'c'))
		return false;
	snprintf(path, size, "proc/asound/card%u/pcm%u%c", card, device, way);
	return true;
}

/*
 * Where not every process can be looked at: whether a stream runs can be read by everybody. The file takes
 * the lock of the device.
 */
static int add_if_running(struct uses *u, size_t function, const char *node)
{
	_cleanup_strv_ struct strv names = { 0 };
	char place[64], path[NAME_MAX + 96], text[1024];
	int r;

	if (!pcm_directory(node, place, sizeof(place)))
		return 0;
	r = u->h->ops->list(u->h, -1, place, &names);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; i < names.n; i++) {
		if (!str_after(names.items[i], "sub"))
			continue;
		snprintf(path, sizeof(path), "%s/%s/status", place, names.items[i]);
		if (u->h->ops->read_locked(u->h, path, text, sizeof(text)) > 0 &&
		    strstr(text, "state: RUNNING"))
			return uses_add(u, function, "in-use-sound", node, "is playing or recording");
	}
	return 0;
}

static int add_running_streams(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/class/sound", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 32], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "sys/class/sound/%s", names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0 && uses_wants(u, (size_t)f))
			r = add_if_running(u, (size_t)f, names.items[i]);
	}
	return r;
}

/* A sound server keeps the control node open as long as it uses the card at all. */
static int add_sound(struct uses *u)
{
	const struct open_nodes *open;
	int r = uses_open_nodes(u, &open);

	for (size_t i = 0; r == 0 && i < open->n; i++)
		if (streq(open->items[i].subsystem, "sound"))
			r = uses_add_opener(u, open->items[i].function, "in-use-sound",
					    open->items[i].opener);
	return r == 0 && u->procs->unseen ? add_running_streams(u) : r;
}

/* ---- computing on graphics cards ---- */

/* Nodes of NVIDIA's driver have no place in sysfs: "/dev/nvidia3" is the card with that minor number. */
static bool nvidia_number(const struct uses *u, const struct opener *o, unsigned *ret)
{
	const char *digits = str_after(o->path, "/dev/nvidia");
	uint64_t n;

	if (processes_know_files(u->h)) {
		*ret = o->minor;
		return o->minor < NVIDIA_CARDS &&
		       (opener_is_of(u->h, o, "nvidia") || opener_is_of(u->h, o, "nvidia-frontend"));
	}
	if (!digits || str_to_u64(digits, 10, NVIDIA_CARDS - 1, &n) < 0)
		return false;
	*ret = (unsigned)n;
	return true;
}

static bool is_nvidia(const struct uses *u, const struct opener *o)
{
	if (processes_know_files(u->h))
		return opener_is_of(u->h, o, "nvidia*");
	return str_after(o->path, "/dev/nvidia") && o->character;
}

/* With a numbered node open it is those cards that it computes with. */
static bool names_its_cards(const struct uses *u, const struct process *p)
{
	unsigned number;

	for (size_t i = 0; i < u->procs->n_openers; i++)
		if (u->procs->openers[i].process == p && is_nvidia(u, &u->procs->openers[i]) &&
		    nvidia_number(u, &u->procs->openers[i], &number))
			return true;
	return false;
}

/* "Device Minor: \t 0". NVIDIA's files take its driver's locks. */
static struct vfioadm_uint nvidia_minor(struct uses *u, const char *address)
{
	struct vfioadm_uint none = { 0 };
	char path[96], text[4097], *line;
	uint64_t n;

	snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", address);
	if (u->h->ops->read_locked(u->h, path, text, sizeof(text)) <= 0)
		return none;
	line = strstr(text, "Device Minor:");
	if (!line)
		return none;
	line += strlen("Device Minor:");
	line += strspn(line, " \t");
	line[strspn(line, "0123456789")] = '\0';
	return str_to_u64(line, 10, 255, &n) == 0 ? uint_known(n) : none;
}

/* Without the card's number every numbered node may be it. */
static int add_nvidia(struct uses *u, size_t function)
{
	struct vfioadm_uint minor = { 0 };
	bool asked = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->procs->n_openers; i++) {
		const struct opener *o = &u->procs->openers[i];
		unsigned number;

		if (!is_nvidia(u, o))
			continue;
		if (!asked)
			minor = nvidia_minor(u, u->inv->functions[function].address);
		asked = true;
		if (nvidia_number(u, o, &number) ?
			    minor.state == VFIOADM_KNOWN && minor.value != number :
			    names_its_cards(u, o->process))
			continue;
		r = uses_add_opener(u, function, "in-use-gpu", o);
	}
	return r;
}

static int add_kfd(struct uses *u, size_t function)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->procs->n_openers; i++)
		if (u->procs->openers[i].character &&
		    opener_is_node(u->h, &u->procs->openers[i], "kfd/kfd", "/dev/kfd"))
			r = uses_add_opener(u, function, "in-use-gpu", &u->procs->openers[i]);
	return r;
}

static int add_computing(struct uses *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->inv->n_functions; i++) {
		const struct vfioadm_function *f = &u->inv->functions[i];

		if (!uses_wants(u, i))
			continue;
		if (str_is(&f->driver, "nvidia"))
			r = add_nvidia(u, i);
		else if (str_is(&f->driver, "amdgpu"))
			r = add_kfd(u, i);
	}
	return r;
}

/* ---- mediated devices ---- */

/* The guest has its mediated device open by the group that the device has for itself. */
static const struct opener *opener_of_group(const struct uses *u, const char *group)
{
	char node[64], path[64];

	snprintf(node, sizeof(node), "vfio/%.32s", group);
	snprintf(path, sizeof(path), "/dev/vfio/%.32s", group);
	for (size_t i = 0; i < u->procs->n_openers; i++)
		if (opener_is_node(u->h, &u->procs->openers[i], node, path))
			return &u->procs->openers[i];
	return NULL;
}

static int add_mdev(struct uses *u, size_t function, const char *uuid)
{
	char path[NAME_MAX + 64], driver[NAME_MAX + 1], group[NAME_MAX + 1], who[128];
	const struct opener *o = NULL;

	snprintf(path, sizeof(path), "sys/bus/mdev/devices/%s/iommu_group", uuid);
	if (host_link_name(u->h, -1, path, group, sizeof(group)) > 0)
		o = opener_of_group(u, group);
	if (o) {
		process_describe(o->process, who, sizeof(who));
		return uses_add(u, function, "in-use-mdev", uuid,
				"is a mediated device of it, and %s has that open", who);
	}
	snprintf(path, sizeof(path), "sys/bus/mdev/devices/%s/driver", uuid);
	if (host_link_name(u->h, -1, path, driver, sizeof(driver)) > 0)
		return uses_add(u, function, "in-use-mdev", uuid, "is a mediated device of it, bound to %s",
				driver);
	return uses_add(u, function, "in-use-mdev", uuid, "is a mediated device of it");
}

static int add_mdevs(struct uses *u)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, "sys/bus/mdev/devices", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 48], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "sys/bus/mdev/devices/%s", names.items[i]);
		if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0 && uses_wants(u, (size_t)f))
			r = add_mdev(u, (size_t)f, names.items[i]);
	}
	return r;
}

int uses_media(struct uses *u)
{
	int r = add_keyboards(u);

	if (r == 0)
		r = add_sound(u);
	if (r == 0)
		r = add_computing(u);
	return r < 0 ? r : add_mdevs(u);
}
