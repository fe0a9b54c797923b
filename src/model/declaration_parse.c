/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One file of declared state: its sections and keys, and what they say together. */
#include <string.h>

#include "base/error.h"
#include "base/ini.h"
#include "model/declaration_private.h"

static const char *const section_names[N_SECTIONS] = {
	[MATCH] = "Match", [LAST_SEEN] = "LastSeen", [ASSIGN] = "Assign", [NODE] = "Node", [SR_IOV] = "SR-IOV",
};

/* N_DECLARATION_KEYS: there is none. */
static size_t find_key(enum section section, const char *name)
{
	size_t i = 0;

	while (i < N_DECLARATION_KEYS &&
	       (declaration_keys[i].section != section || !streq(declaration_keys[i].name, name)))
		i++;
	return i;
}

/* Of a key that is there. */
static unsigned line_of(const struct parser *p, enum section section, const char *name)
{
	return p->key_line[find_key(section, name)];
}

static unsigned match_line(const struct parser *p, enum match_key key)
{
	return line_of(p, MATCH, match_key_name(key));
}

static int begin_section(struct parser *p, const char *name)
{
	char shown[INI_SHOW_MAX];
	enum section s = 0;

	while (s < N_SECTIONS && !streq(section_names[s], name))
		s++;
	if (s == N_SECTIONS) {
		ini_error(p->file, p->line, p->err, "There is no section [%s].", ini_show(name, shown));
		error_hint(p->err, "The sections are [Match], [LastSeen], [Assign], [Node] and [SR-IOV].");
		return -EBADMSG;
	}
	if (p->section_line[s])
		return ini_error(p->file, p->line, p->err, "[%s] was there already, in line %u.", section_names[s],
				 p->section_line[s]);
	p->section = s;
	p->section_line[s] = p->line;
	return 0;
}

static int unknown_key(struct parser *p, const char *name)
{
	_cleanup_strbuf_ struct strbuf names = { 0 };
	char shown[INI_SHOW_MAX];

	for (size_t i = 0; i < N_DECLARATION_KEYS; i++) {
		if (declaration_keys[i].section == p->section)
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", declaration_keys[i].name);
	}
	ini_error(p->file, p->line, p->err, "[%s] has no key \"%s\".", section_names[p->section],
		  ini_show(name, shown));
	for (size_t i = 0; i < N_DECLARATION_KEYS; i++)
		if (streq(declaration_keys[i].name, name))
			error_hint(p->err, "%s belongs into [%s].", name, section_names[declaration_keys[i].section]);
	if (names.s && !names.failed)
		error_hint(p->err, "Its keys are: %s.", names.s);
	return -EBADMSG;
}

static int bad_value(struct parser *p)
{
	char shown[INI_SHOW_MAX];

	if (*p->value)
		ini_error(p->file, p->line, p->err, "%s=%s is not %s.", p->row->name, ini_show(p->value, shown),
			  p->row->expected);
	else
		ini_error(p->file, p->line, p->err, "%s has no value: it must be %s.", p->row->name,
			  p->row->expected);
	if (strstr(p->value, " #") || strstr(p->value, " ;"))
		error_hint(p->err, "Comments have lines of their own.");
	else
		error_hint(p->err, "Write for example %s=%s.", p->row->name, p->row->example);
	return -EBADMSG;
}

static int read_key(struct parser *p, const char *name)
{
	size_t i = find_key(p->section, name);
	int r;

	if (i == N_DECLARATION_KEYS)
		return unknown_key(p, name);
	if (p->key_line[i])
		return ini_error(p->file, p->line, p->err, "%s was there already, in line %u.", name,
				 p->key_line[i]);
	p->key_line[i] = p->line;
	p->row = &declaration_keys[i];
	r = *p->value ? p->row->take(p) : -EINVAL;
	if (r == -ENOMEM)
		return error_oom(p->err);
	return r == -EINVAL ? bad_value(p) : r;
}

static int on_line(void *userdata, unsigned line, const char *section, const char *key, const char *value,
		   struct vfioadm_error **err)
{
	struct parser *p = userdata;

	p->line = line;
	p->value = value;
	p->err = err;
	return key ? read_key(p, key) : begin_section(p, section);
}

/* ---- what cannot be together ---- */

static int check_card_type(struct parser *p)
{
	const struct declaration *d = &p->d;

	for (enum match_key key = MATCH_CARD_TYPE + 1; key < N_MATCH_KEYS; key++)
		if (d->match[key])
			return ini_error(p->file, match_line(p, key), p->err,
					 "CardType already selects the functions, so %s cannot stand beside it.",
					 match_key_name(key));
	if (line_of(p, MATCH, "Multiple") && !d->multiple)
		return ini_error(p->file, line_of(p, MATCH, "Multiple"), p->err,
				 "CardType means all functions of a type, so Multiple cannot be no.");
	if (d->driver && !streq(d->driver, "vfio-pci"))
		return ini_error(p->file, line_of(p, ASSIGN, "Driver"), p->err,
				 "A card type is given to vfio-pci and to no other driver.");
	if (d->vfs.state == VFIOADM_KNOWN)
		return ini_error(p->file, line_of(p, SR_IOV, "VFs"), p->err,
				 "A card type is given to vfio-pci, which creates no virtual functions.");
	p->d.multiple = true;
	return 0;
}

/* NvmeSerial and MACAddress are there only while a driver of the host is, so they find nothing at boot. */
static int check_identity(struct parser *p)
{
	const struct declaration *d = &p->d;

	for (enum match_key key = 0; key <= MATCH_ADDRESS; key++)
		if (d->match[key])
			return 0;
	for (enum match_key key = MATCH_NVME_SERIAL; key <= MATCH_MAC; key++) {
		if (!d->match[key])
			continue;
		ini_error(p->file, match_line(p, key), p->err,
			  "%s can be read only while a driver of the host has the device, so it cannot be all "
			  "that tells the card from others.",
			  match_key_name(key));
		error_hint(p->err, "Add a Path or a Serial, as \"vfioadm show\" prints them.");
		return -EBADMSG;
	}
	if (d->match[MATCH_VENDOR] && d->match[MATCH_DEVICE])
		return 0;
	ini_error(p->file, p->section_line[MATCH], p->err, "[Match] does not tell one card from others.");
	error_hint(p->err, "It needs one of UID, FID, PCHID, Serial, VF, Path, Address or CardType, or Vendor and "
			   "Device.");
	return -EBADMSG;
}

static int check_whole(struct parser *p)
{
	const struct declaration *d = &p->d;

	if (!p->section_line[MATCH]) {
		ini_error(p->file, 1, p->err, "There is no section [Match], so it declares no device.");
		error_hint(p->err, "An empty file masks one of the same name in a directory behind this one.");
		return -EBADMSG;
	}
	if (p->section_line[SR_IOV] && d->vfs.state != VFIOADM_KNOWN)
		return ini_error(p->file, p->section_line[SR_IOV], p->err,
				 "[SR-IOV] does not say how many VFs there are to be.");
	if (d->match[MATCH_CARD_TYPE])
		return check_card_type(p);
	if (d->match[MATCH_VF] && d->vfs.state == VFIOADM_KNOWN)
		return ini_error(p->file, line_of(p, SR_IOV, "VFs"), p->err,
				 "A virtual function cannot have virtual functions.");
	if (d->multiple && d->vfs.state == VFIOADM_KNOWN)
		return ini_error(p->file, line_of(p, SR_IOV, "VFs"), p->err,
				 "[SR-IOV] is about one physical function, so Multiple cannot be yes.");
	return check_identity(p);
}

int declaration_parse(const char *name, const char *file, const char *text, size_t size, struct arena *arena,
		      struct declaration *ret, struct vfioadm_error **err)
{
	struct parser p = { .file = file, .arena = arena, .err = err };
	int r;

	p.d.node_mode = p.d.vfs = uint_none();
	r = ini_parse(file, text, size, on_line, &p, err);
	if (r == 0)
		r = check_whole(&p);
	if (r < 0)
		return r;
	p.d.line = p.section_line[MATCH];
	p.d.name = arena_strdup(arena, name);
	p.d.file = arena_strdup(arena, file);
	if (!p.d.name || !p.d.file)
		return error_oom(err);
	*ret = p.d;
	return 0;
}
