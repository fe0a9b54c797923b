/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What shows a picture, who draws, and where the consoles of the host are. */
#include <ctype.h>
#include <limits.h>

#include "host/uses_private.h"

/* Nobody has that many screens; a hostile root may. */
enum { FRAMEBUFFERS_MAX = 64 };

struct framebuffer {
	unsigned number;
	ssize_t function;
};

struct display {
	struct uses *u;
	struct framebuffer fbs[FRAMEBUFFERS_MAX];
	size_t n_fbs;
	ssize_t boot;
	bool on_framebuffer, on_vga; /* where the text consoles are */
};

static bool class_is(const struct vfioadm_function *f, unsigned shift, uint64_t value)
{
	return f->class_code.state == VFIOADM_KNOWN && f->class_code.value >> shift == value;
}

ssize_t boot_display_of(struct uses *u)
{
	for (size_t i = 0; i < u->inv->n_functions; i++) {
		const struct vfioadm_function *f = &u->inv->functions[i];
		char path[OBSERVE_PATH_MAX];
		uint64_t boot;

		if (!class_is(f, 8, 0x0300))
			continue;
		device_path(path, f->address, "boot_vga");
		if (host_read_uint(u->h, -1, path, 10, &boot) == 0 && boot == 1)
			return (ssize_t)i;
	}
	return -1;
}

/* The firmware's framebuffer hangs below a platform device, in newer kernels below the function. */
static ssize_t function_of_screen(const struct display *d, const char *link)
{
	ssize_t f = function_of_link(d->u->inv, link);

	return f >= 0 || !strstr(link, "-framebuffer.") ? f : d->boot;
}

static bool wants(const struct display *d, ssize_t function)
{
	return function >= 0 && uses_wants(d->u, (size_t)function);
}

/* ---- pictures ---- */

/* A Tesla has DRM nodes but no screen: what is done with it is computing. */
static const char *code_of_drawing(const struct vfioadm_function *f)
{
	return class_is(f, 16, 0x03) && !class_is(f, 8, 0x0302) ? "in-use-display" : "in-use-gpu";
}

static int add_drm_openers(struct uses *u)
{
	const struct open_nodes *open;
	int r = uses_open_nodes(u, &open);

	for (size_t i = 0; r == 0 && i < open->n; i++) {
		const struct open_node *n = &open->items[i];

		if (streq(n->subsystem, "drm") || streq(n->subsystem, "accel"))
			r = uses_add_opener(u, n->function, code_of_drawing(&u->inv->functions[n->function]),
					    n->opener);
	}
	return r;
}

/* Neither file takes a lock of the card. */
static int add_connector(struct display *d, const char *name)
{
	char path[NAME_MAX + 48], link[PATH_MAX], text[32];
	ssize_t f;

	snprintf(path, sizeof(path), "sys/class/drm/%s", name);
	if (d->u->h->ops->readlink(d->u->h, -1, path, link, sizeof(link)) < 0)
		return 0;
	f = function_of_screen(d, link);
	if (!wants(d, f))
		return 0;
	snprintf(path, sizeof(path), "sys/class/drm/%s/status", name);
	if (host_read_text(d->u->h, -1, path, text, sizeof(text)) < 0 || streq(text, "disconnected"))
		return 0;
	snprintf(path, sizeof(path), "sys/class/drm/%s/enabled", name);
	if (host_read_text(d->u->h, -1, path, text, sizeof(text)) < 0 || !streq(text, "enabled"))
		return 0;
	return uses_add(d->u, (size_t)f, "in-use-display", name, "shows a picture");
}

static int add_connectors(struct display *d)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = d->u->h->ops->list(d->u->h, -1, "sys/class/drm", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		/* "card0-HDMI-A-1" */
		if (str_after(names.items[i], "card") && strchr(names.items[i], '-'))
			r = add_connector(d, names.items[i]);
	return r;
}

/* ---- framebuffers ---- */

static int read_framebuffers(struct display *d)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct host *h = d->u->h;
	int r = h->ops->list(h, -1, "sys/class/graphics", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; i < names.n && d->n_fbs < FRAMEBUFFERS_MAX; i++) {
		const char *digits = str_after(names.items[i], "fb");
		char path[NAME_MAX + 32], link[PATH_MAX];
		uint64_t number;

		if (!digits || str_to_u64(digits, 10, 255, &number) < 0)
			continue;
		snprintf(path, sizeof(path), "sys/class/graphics/%s", names.items[i]);
		if (h->ops->readlink(h, -1, path, link, sizeof(link)) >= 0)
			d->fbs[d->n_fbs++] = (struct framebuffer){ (unsigned)number,
								   function_of_screen(d, link) };
	}
	return 0;
}

/* It is gone once a driver of the card's own has come: then nothing of it can be lost. */
static int add_firmware_framebuffer(struct display *d)
{
	static const char *const kinds[] = { "efi-framebuffer.", "simple-framebuffer.",
					     "vesa-framebuffer." };
	_cleanup_strv_ struct strv names = { 0 };
	struct host *h = d->u->h;
	int r = h->ops->list(h, -1, "sys/bus/platform/devices", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 48], link[PATH_MAX];
		bool is_one = false;
		ssize_t f;

		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			is_one |= str_after(names.items[i], kinds[k]) != NULL;
		snprintf(path, sizeof(path), "sys/bus/platform/devices/%s", names.items[i]);
		if (!is_one || h->ops->readlink(h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_screen(d, link);
		if (wants(d, f))
			r = uses_add(d->u, (size_t)f, "framebuffer-lost", names.items[i],
				     "is the firmware's framebuffer on it; vfio-pci removes that for good, "
				     "and the screen stays dark");
	}
	return r;
}

/* ---- text consoles ---- */

/* "(M) frame buffer device", "(S) VGA+". The name needs no lock, whether it is bound that of the consoles. */
static int read_console_driver(struct display *d, const char *name)
{
	char path[NAME_MAX + 48], text[64], bound[16];
	bool framebuffer, vga;
	ssize_t n;

	snprintf(path, sizeof(path), "sys/class/vtconsole/%s/name", name);
	if (host_read_text(d->u->h, -1, path, text, sizeof(text)) <= 0)
		return 0;
	framebuffer = strstr(text, "frame buffer device");
	vga = strstr(text, "VGA") || strstr(text, "EGA");
	if (!framebuffer && !vga)
		return 0;
	snprintf(path, sizeof(path), "sys/class/vtconsole/%s/bind", name);
	n = d->u->h->ops->read_locked(d->u->h, path, bound, sizeof(bound));
	if (n < 0)
		return n == -ENOMEM ? -ENOMEM :
		       n == -ENOENT ? 0 :
				      uses_unseen(d->u, -1,
						  "Whether the text consoles are on a display could not be read "
						  "(/%s): %s.",
						  path, strerror((int)-n));
	d->on_framebuffer |= framebuffer && bound[0] == '1';
	d->on_vga |= vga && bound[0] == '1';
	return 0;
}

static int read_console_drivers(struct display *d)
{
	_cleanup_strv_ struct strv names = { 0 };
	int r = d->u->h->ops->list(d->u->h, -1, "sys/class/vtconsole", &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	strv_sort(&names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = read_console_driver(d, names.items[i]);
	return r;
}

/*
 * The kernel does not say on which framebuffer the consoles are. They go to the first one, or to that of the
 * boot display where the kernel looks for it, unless fbcon=map: on the command line says otherwise.
 */
static bool carries_consoles(const struct display *d, const char *map, const struct framebuffer *fb)
{
	unsigned first = UINT_MAX;

	if (map) {
		for (; isdigit((unsigned char)*map); map++)
			if ((unsigned)(*map - '0') == fb->number)
				return true;
		return false;
	}
	for (size_t i = 0; i < d->n_fbs; i++)
		if (d->fbs[i].number < first)
			first = d->fbs[i].number;
	return fb->number == first || (fb->function >= 0 && fb->function == d->boot);
}

static int add_framebuffer_consoles(struct display *d)
{
	char cmdline[4097];
	const char *map = NULL;
	int r = 0;

	if (host_read_text(d->u->h, -1, "proc/cmdline", cmdline, sizeof(cmdline)) > 0)
		map = strstr(cmdline, "fbcon=map:");
	if (map)
		map += strlen("fbcon=map:");
	for (size_t i = 0; r == 0 && i < d->n_fbs; i++) {
		const struct framebuffer *fb = &d->fbs[i];
		char name[16];

		snprintf(name, sizeof(name), "fb%u", fb->number);
		if (wants(d, fb->function) && carries_consoles(d, map, fb))
			r = uses_add(d->u, (size_t)fb->function, "in-use-console", name,
				     "carries the text consoles of the host");
	}
	return r;
}

static int add_text_consoles(struct display *d)
{
	bool ours = wants(d, d->boot);
	int r;

	for (size_t i = 0; i < d->n_fbs; i++)
		ours |= wants(d, d->fbs[i].function);
	/* Asking may wait for the lock of the consoles: only if it matters. */
	r = ours ? read_console_drivers(d) : 0;
	if (r == 0 && d->on_framebuffer)
		r = add_framebuffer_consoles(d);
	if (r == 0 && d->on_vga && wants(d, d->boot))
		r = uses_add(d->u, (size_t)d->boot, "in-use-console", "VGA text mode",
			     "carries the text consoles of the host");
	return r;
}

/* ---- serial consoles ---- */

/* "tty0 ttyS0"; where that is missing, the first words of the lines of proc/consoles. Both take locks. */
static int read_consoles(struct uses *u, struct strv *ret)
{
	static const char *const files[] = { "sys/class/tty/console/active", "proc/consoles" };
	const char *separators;
	char text[4097], *rest;
	ssize_t n = -ENOENT;
	size_t i;

	for (i = 0; n == -ENOENT && i < ARRAY_SIZE(files); i++)
		n = u->h->ops->read_locked(u->h, files[i], text, sizeof(text));
	if (n == -ENOENT || n == -ENOMEM)
		return n == -ENOMEM ? -ENOMEM : 0;
	if (n < 0)
		return uses_unseen(u, -1, "Which consoles the host has could not be read (/%s): %s.",
				   files[i - 1], strerror((int)-n));
	separators = i == 1 ? " \n" : "\n";
	for (char *word = strtok_r(text, separators, &rest); word; word = strtok_r(NULL, separators, &rest)) {
		word[strcspn(word, " \t")] = '\0';
		if (strv_add(ret, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* virtio's console is a device without a parent: any function that has ports may be it. */
static int add_virtio_console(struct uses *u, const char *tty)
{
	static const char place[] = "sys/bus/virtio/drivers/virtio_console";
	_cleanup_strv_ struct strv names = { 0 };
	int r = u->h->ops->list(u->h, -1, place, &names);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char path[NAME_MAX + 48], link[PATH_MAX];
		ssize_t f;

		snprintf(path, sizeof(path), "%s/%s", place, names.items[i]);
		if (!str_after(names.items[i], "virtio") ||
		    u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
			continue;
		f = function_of_link(u->inv, link);
		if (f >= 0 && uses_wants(u, (size_t)f))
			r = uses_add(u, (size_t)f, "in-use-console", tty,
				     "is a console of the host, and may be a port of it");
	}
	return r;
}

static int add_console(struct uses *u, const char *tty)
{
	char path[NAME_MAX + 32], link[PATH_MAX];
	ssize_t f;

	if (strchr(tty, '/') || strlen(tty) > 64 || tty[0] == '.')
		return 0;
	snprintf(path, sizeof(path), "sys/class/tty/%s", tty);
	if (u->h->ops->readlink(u->h, -1, path, link, sizeof(link)) < 0)
		return 0;
	f = function_of_link(u->inv, link);
	if (f >= 0 && uses_wants(u, (size_t)f))
		return uses_add(u, (size_t)f, "in-use-console", tty, "is a console of the host");
	return f < 0 && str_after(tty, "hvc") ? add_virtio_console(u, tty) : 0;
}

static int add_serial_consoles(struct uses *u)
{
	_cleanup_strv_ struct strv consoles = { 0 };
	int r;

	/* Serial and virtio ports are of class 07, others hang behind USB: else nothing need wait for the lock. */
	if (!uses_want_class(u, 0x070000, 0xff0000) && !uses_want_class(u, 0x0c0300, 0xffff00))
		return 0;
	r = read_consoles(u, &consoles);
	for (size_t i = 0; r == 0 && i < consoles.n; i++)
		r = add_console(u, consoles.items[i]);
	return r;
}

int uses_display(struct uses *u)
{
	struct display d = { .u = u };
	int r = add_serial_consoles(u);

	if (r == 0)
		r = add_drm_openers(u);
	if (r < 0 || !uses_want_class(u, 0x030000, 0xff0000))
		return r;
	d.boot = boot_display_of(u);
	r = read_framebuffers(&d);
	if (r == 0)
		r = add_connectors(&d);
	if (r == 0)
		r = add_firmware_framebuffer(&d);
	return r < 0 ? r : add_text_consoles(&d);
}
