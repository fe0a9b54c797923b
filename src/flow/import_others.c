/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* import: what is said of rules, scripts and other managers. */
#include <string.h>

#include "flow/import_others.h"
#include "model/cardtype.h"

bool others_is_named(const struct foreign_claim *c)
{
	switch (c->kind) {
	case FOREIGN_RULE:
	case FOREIGN_SCRIPT:
	case FOREIGN_HOOK:
	case FOREIGN_SETTING:
	case FOREIGN_PROXMOX:
	case FOREIGN_MAPPING:
		return true;
	default:
		return false;
	}
}

static char *free_form(const struct foreign_claim *c, const char *subject, const char *when)
{
	if (!c->what)
		return str_format("%s binds functions%s and computes which ones. It is not imported: declare the "
				  "functions, then remove it.", subject, when);
	return str_format("%s binds %s%s. It has no fixed form and is not imported: declare the function, then remove "
			  "the line.", subject, c->what, when);
}

char *others_reason(const struct foreign_claim *c)
{
	switch (c->kind) {
	case FOREIGN_RULE:
		return free_form(c, "A udev rule", "");
	case FOREIGN_HOOK:
		return free_form(c, "A script", " when a guest starts or stops");
	case FOREIGN_SETTING:
		return str_format("%s takes %s at each boot. It is no VFIO driver; it only keeps other drivers away.",
				  c->owner, c->what);
	case FOREIGN_PROXMOX:
		return str_format("Virtual machine %s of Proxmox VE has %s. Proxmox VE binds it itself when the "
				  "machine starts.", c->owner, c->what);
	case FOREIGN_MAPPING:
		return str_format("Proxmox VE offers %s to virtual machines as \"%s\" and binds it itself when one "
				  "starts.", c->what, c->owner);
	default:
		return free_form(c, "A script or setting", " at each boot");
	}
}

/* Without ":LINE". */
static int path_length(const char *source)
{
	const char *colon = strrchr(source, ':');

	return colon ? (int)(colon - source) : (int)strlen(source);
}

char *others_hint(const struct foreign_claim *c)
{
	if (c->kind == FOREIGN_UNRAID)
		return str_format("Remove %s from BIND= in %.*s.", c->what, path_length(c->source), c->source);
	return str_format("Remove \"ids=\" from line %s of %.*s%s.", c->source + path_length(c->source) + 1,
			  path_length(c->source), c->source,
			  strstr(c->source, "/initramfs-tools/") ? ", then rebuild the initramfs (update-initramfs -u)" :
								   "");
}

bool others_expects_another(const struct foreign_claim *c, const struct vfioadm_function *f)
{
	struct cardtype type;

	return c->kind == FOREIGN_UNRAID && c->owner && cardtype_parse(c->owner, &type, NULL) == 0 &&
	       f->vendor.state == VFIOADM_KNOWN && f->device.state == VFIOADM_KNOWN && !cardtype_matches(&type, f);
}

/* From 0.115 on the whole card type goes along, and 0.115 never takes it back. */
static const char *driverctl_type(const struct foreign_claims *all, const struct foreign_claim *c)
{
	if (!all->driverctl_gives_type || !streq(c->driver, "vfio-pci"))
		return "";
	return all->driverctl_takes_back ?
		       " driverctl has given vfio-pci the whole card type, until \"driverctl unset-override\" or a "
		       "reboot; the declaration is about this function alone." :
		       " driverctl has given vfio-pci the whole card type, until a reboot; the declaration is about this "
		       "function alone.";
}

char *driverctl_hint(const struct foreign_claims *all, const struct foreign_claim *c, const char *name, bool present)
{
	if (!present)
		return str_format("Run \"rm %s\". The device is not there, and \"driverctl unset-override\" refuses "
				  "that before driverctl 0.121.", c->source);
	return str_format("Remove %s, which leaves the device where it is. \"driverctl unset-override %s\" does so "
			  "too, but takes the device from its driver at once; then 'vfioadm apply %s' brings it "
			  "back.%s", c->source, c->what, name, driverctl_type(all, c));
}
