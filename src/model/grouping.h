/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_MODEL_GROUPING_H
#define VFIOADM_MODEL_GROUPING_H

#include "model/inventory.h"

/*
 * Which functions will share an IOMMU group, where the kernel makes it only when a driver is first tried. The rules
 * are those of pci_device_group(): behind a conventional bridge all have the bridge's ID; below a port that does not
 * send transactions up (ACS) functions are in the group of that port; functions of one device that do not keep
 * transactions apart are together.
 */

enum acs {
	ACS_UNKNOWN = 0,
	ACS_OFF, /* no capability, or what the kernel requires is not switched on */
	ACS_ON,
};

/** Where a function is; item i is about the inventory's function i. */
struct place {
	ssize_t parent; /* index of the bridge above, -1: on a root bus, or not known */
	bool pcie;
	bool conventional; /* a bridge to a PCI or PCI-X bus */
	bool port;	   /* root port or downstream port */
	bool multifunction;
	enum acs acs;
};

/** The order of ACS Control's bits that the kernel wants on: source validation, redirects, upstream forwarding. */
enum { ACS_REQUIRED = 0x01 | 0x04 | 0x08 | 0x10 };

/** Functions that keep apart without the capability (the makers have said so), as the kernel takes them. */
bool grouping_is_quirk(uint64_t vendor, uint64_t device);

/**
 * Adds to the companions of functions those of the group to come: only where a function has no group yet, and not
 * where groups that are there contradict the rules. -ENOMEM.
 */
int grouping_predict(struct vfioadm_inventory *inv, const struct place *places) MUST_CHECK;

#endif
