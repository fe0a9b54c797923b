/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where groups come late: what decides who will share one, read from the tree and configuration space. */
#include <limits.h>

#include "host/observe_private.h"
#include "model/grouping.h"

enum {
	CONFIG_MAX = 4096,
	HEADER = 64,
	STATUS_AT = 0x06,
	HAS_CAPABILITIES = 0x10,
	TYPE_AT = 0x0e,
	MULTIFUNCTION = 0x80,
	CAPABILITIES_AT = 0x34,
	PCI_EXPRESS = 0x10,
	EXTENDED_AT = 0x100,
	ACS = 0x000d,
	ACS_CAPABILITY = 4,
	ACS_CONTROL = 6,
};

/* What PCI Express calls the function. */
enum { ROOT_PORT = 4, DOWNSTREAM_PORT = 6, TO_PCI = 7, FROM_PCI = 8 };

static unsigned get16(const unsigned char *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static uint32_t get32(const unsigned char *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

/* 0: not there, or not to be seen: to others than root the file ends with the header. */
static size_t find_capability(const unsigned char *config, size_t size, unsigned id)
{
	size_t at = config[CAPABILITIES_AT] & ~3u;

	if (!(get16(config + STATUS_AT) & HAS_CAPABILITIES))
		return 0;
	/* A list that turns in a circle ends as well. */
	for (unsigned i = 0; i < 48 && at >= HEADER && at + 4 <= size && at < EXTENDED_AT; i++) {
		if (config[at] == id)
			return at;
		at = config[at + 1] & ~3u;
	}
	return 0;
}

static size_t find_extended(const unsigned char *config, size_t size, unsigned id)
{
	size_t at = EXTENDED_AT;

	for (unsigned i = 0; i < 960 && at >= EXTENDED_AT && at + 8 <= size; i++) {
		uint32_t head = get32(config + at);

		if (!head || head == UINT32_MAX)
			return 0;
		if ((head & 0xffff) == id)
			return at;
		at = head >> 20 & ~3u;
	}
	return 0;
}

static enum acs acs_of(const unsigned char *config, size_t size)
{
	size_t at = find_extended(config, size, ACS);
	unsigned wanted;

	if (size <= EXTENDED_AT)
		return ACS_UNKNOWN;
	if (!at)
		return ACS_OFF;
	/* What the function does not offer is not asked of it. */
	wanted = get16(config + at + ACS_CAPABILITY) & ACS_REQUIRED;
	return (get16(config + at + ACS_CONTROL) & wanted) == wanted ? ACS_ON : ACS_OFF;
}

static void place_by_config(struct place *p, const unsigned char *config, size_t size, bool bridge)
{
	size_t express = find_capability(config, size, PCI_EXPRESS);
	unsigned type;

	p->multifunction |= config[TYPE_AT] & MULTIFUNCTION;
	if (size <= HEADER)
		return;
	type = express ? get16(config + express + 2) >> 4 & 0xf : 0;
	p->pcie = express;
	p->port = express && (type == ROOT_PORT || type == DOWNSTREAM_PORT);
	p->conventional = bridge && (!express || type == TO_PCI || type == FROM_PCI);
	p->acs = acs_of(config, size);
}

struct topology {
	struct host *h;
	struct vfioadm_inventory *inv;
	struct place *places;
	bool *bridge, *matters;
};

/* Without root the capabilities cannot be seen: only PCI Express has a link, and ports have the driver of ports. */
static void place_by_attributes(struct topology *t, host_dir dir, size_t i)
{
	const struct vfioadm_function *f = &t->inv->functions[i];
	struct place *p = &t->places[i];
	char text[32];

	p->pcie = host_read_text(t->h, dir, "current_link_speed", text, sizeof(text)) >= 0;
	p->port = p->pcie && str_is(&f->driver, "pcieport");
	p->conventional = t->bridge[i] && !p->pcie;
}

static void look_at_place(struct topology *t, size_t i)
{
	const struct vfioadm_function *f = &t->inv->functions[i];
	unsigned char config[CONFIG_MAX + 1];
	char path[OBSERVE_PATH_MAX], power[16];
	host_dir dir;
	ssize_t n;

	device_path(path, f->address, "");
	dir = t->h->ops->dir_open(t->h, path);
	if (dir < 0)
		return;
	place_by_attributes(t, dir, i);
	/* Reading the configuration of a function in D3cold switches its power on. */
	if (host_read_text(t->h, dir, "power_state", power, sizeof(power)) > 0 &&
	    streq(power, "D3cold"))
		n = -EAGAIN;
	else
		n = t->h->ops->read(t->h, dir, "config", (char *)config, sizeof(config));
	t->h->ops->dir_close(t->h, dir);
	if (n >= HEADER)
		place_by_config(&t->places[i], config, (size_t)n, t->bridge[i]);
	if (f->vendor.state == VFIOADM_KNOWN && t->places[i].acs != ACS_ON && !t->places[i].port &&
	    grouping_is_quirk(f->vendor.value, f->device.value))
		t->places[i].acs = ACS_ON;
}

/* Names of the directory that a function's own is in: that of its bridge, or of the root bus. */
static int find_parent(struct topology *t, size_t i)
{
	_cleanup_free_ char *real = NULL;
	char path[OBSERVE_PATH_MAX];
	struct address a;
	char *slash;
	int r;

	device_path(path, t->inv->functions[i].address, "");
	t->places[i].parent = -1;
	r = t->h->ops->resolve(t->h, path, &real);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	slash = strrchr(real, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	/* The next directory up, not any above it: a domain of its own (VMD) begins between two of them. */
	slash = strrchr(real, '/');
	if (slash && address_parse(slash + 1, &a) == 0)
		t->places[i].parent = inventory_index(t->inv, slash + 1);
	return 0;
}

/* In a root that somebody made up, functions can be each other's bridge. */
static void break_circles(struct topology *t)
{
	enum { DEEPEST = 256 };

	for (size_t i = 0; i < t->inv->n_functions; i++) {
		unsigned steps = 0;

		for (ssize_t b = t->places[i].parent; b >= 0 && steps < DEEPEST;
		     b = t->places[b].parent)
			steps++;
		if (steps == DEEPEST)
			t->places[i].parent = -1;
	}
}

static bool is_multifunction(const struct vfioadm_inventory *inv, size_t i)
{
	const struct vfioadm_function *f = &inv->functions[i];

	/* Virtual functions are no functions of one device to the kernel. */
	if (f->physfn.state == VFIOADM_KNOWN)
		return false;
	return f->function > 0 ||
	       (i + 1 < inv->n_functions && inv->functions[i + 1].physfn.state != VFIOADM_KNOWN &&
		inventory_same_slot(f, &inv->functions[i + 1]));
}

static void mark_device(struct topology *t, size_t i)
{
	const struct vfioadm_function *functions = t->inv->functions;
	size_t first = i;

	while (first > 0 && inventory_same_slot(&functions[first - 1], &functions[i]))
		first--;
	for (size_t k = first;
	     k < t->inv->n_functions && inventory_same_slot(&functions[k], &functions[i]); k++)
		t->matters[k] = true;
}

/* Only what bears on a group to come is worth a look: the device itself, and the bridges above. */
static void mark(struct topology *t)
{
	for (size_t i = 0; i < t->inv->n_functions; i++) {
		if (t->inv->functions[i].iommu_group.state != VFIOADM_UNKNOWN)
			continue;
		for (ssize_t f = (ssize_t)i; f >= 0; f = t->places[f].parent)
			mark_device(t, (size_t)f);
	}
}

int observe_topology(struct host *h, struct vfioadm_inventory *inv)
{
	size_t n = inv->n_functions;
	_cleanup_free_ struct place *places = calloc(n + 1, sizeof(*places));
	_cleanup_free_ bool *bridge = calloc(n + 1, sizeof(*bridge)),
			    *matters = calloc(n + 1, sizeof(*matters));
	struct topology t = {h, inv, places, bridge, matters};
	int r = places && bridge && matters ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = find_parent(&t, i);
		if (r == 0 && places[i].parent >= 0)
			bridge[places[i].parent] = true;
	}
	if (r < 0)
		return r;
	break_circles(&t);
	for (size_t i = 0; i < n; i++)
		places[i].multifunction = is_multifunction(inv, i);
	mark(&t);
	for (size_t i = 0; i < n; i++)
		if (matters[i])
			look_at_place(&t, i);
	return grouping_predict(inv, places);
}
