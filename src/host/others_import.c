/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others bind, as claims for import. */
#include <string.h>

#include "host/others.h"
#include "host/uses_private.h"
#include "model/inventory.h"

struct importing {
	int (*fn)(const struct foreign_claim *c, void *userdata);
	void *userdata;
	char *modules; /* the first line that loads vfio-pci with IDs */
};

static enum foreign_kind claim_kind(enum other_kind kind)
{
	switch (kind) {
	case OTHER_MODULES:
		return FOREIGN_MODULES;
	case OTHER_UNRAID:
		return FOREIGN_UNRAID;
	case OTHER_RULE:
		return FOREIGN_RULE;
	case OTHER_HOOK:
		return FOREIGN_HOOK;
	case OTHER_SETTING:
		return FOREIGN_SETTING;
	case OTHER_PROXMOX:
		return FOREIGN_PROXMOX;
	case OTHER_MAPPING:
		return FOREIGN_MAPPING;
	case OTHER_SCRIPT:
		break;
	}
	return FOREIGN_SCRIPT;
}

static size_t name_functions(const struct other_slot *s, char *text)
{
	size_t n = 0;

	text[n++] = '[';
	for (unsigned i = 0; i < 8; i++)
		if (s->functions >> i & 1)
			text[n++] = (char)('0' + i);
	text[n++] = ']';
	return n;
}

/* "0000:01:00.0", "0000:01:00" for all functions, "0000:01:00.[13]" for some, "10de:2184"; "": nothing. */
static void name_other(const struct other *o, char text[CARDTYPE_MAX])
{
	size_t n;

	text[0] = '\0';
	if (o->names == OTHER_TYPE && o->type.vendor == CARDTYPE_ANY)
		snprintf(text, CARDTYPE_MAX, "every function of class %06x", (unsigned)o->type.class_code);
	else if (o->names == OTHER_TYPE)
		cardtype_format(&o->type, text);
	if (o->names != OTHER_SLOT)
		return;
	address_format(&o->slot.address, text);
	if (o->slot.functions == 1u << o->slot.address.function)
		return;
	n = strlen(text) - 1;
	if (o->slot.functions == 0xff)
		n--;
	else
		n += name_functions(&o->slot, text + n);
	text[n] = '\0';
}

/* The module is loaded once: a later line for it comes to nothing. */
static int note_line(struct importing *m, const struct other *o, const char *place, struct foreign_claim *c)
{
	c->what = o->text;
	c->no_effect = o->without_effect ? o->detail : NULL;
	if (c->no_effect)
		return 0;
	if (m->modules && !streq(m->modules, place))
		c->no_effect = "vfio-pci is loaded by an earlier line already";
	if (!m->modules)
		m->modules = strdup(place);
	return m->modules ? 0 : -ENOMEM;
}

static int on_other(const struct other *o, void *userdata)
{
	struct importing *m = userdata;
	_cleanup_free_ char *place = o->line ? str_format("%s:%u", o->path, o->line) : strdup(o->path);
	struct foreign_claim c = { .kind = claim_kind(o->kind), .source = place, .owner = o->owner };
	char what[CARDTYPE_MAX];
	int r = 0;

	if (!place)
		return -ENOMEM;
	name_other(o, what);
	c.what = *what ? what : NULL;
	if (o->kind == OTHER_MODULES)
		r = note_line(m, o, place, &c);
	if (o->kind == OTHER_UNRAID) {
		c.owner = o->text;
		c.driver = "vfio-pci";
	}
	return r < 0 ? r : m->fn(&c, m->userdata);
}

int others_import(struct host *h, int (*fn)(const struct foreign_claim *c, void *userdata), void *userdata)
{
	struct importing m = { .fn = fn, .userdata = userdata };
	int r = others_each(h, on_other, &m);

	free(m.modules);
	return r;
}
