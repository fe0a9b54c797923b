/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_POLICY_PLANNER_H
#define VFIOADM_POLICY_PLANNER_H

#include "model/plan.h"
#include "policy/select.h"

/*
 * From an inventory and a request to ordered steps. No I/O: what the planner must know about drivers
 * and records is gathered before by flow and handed in.
 */

/** Per selected function, gathered by flow; same order as the selection. */
struct plan_input {
	const struct vfioadm_function *function;
	uint64_t incarnation;
	const char *driver;          /* assign: VFIO driver; release: native driver to bind, NULL: none */
	const char *module;          /* to load first; release without a name: whose driver it will be */
	/* What an earlier assign found, in the plan's arena; NULL: no (valid) record. */
	const struct record *record;
	const char *boot_id;
	bool left_over; /* release: not assigned, but kept from its host driver (plan_is_left_over()) */
	const char *why_none; /* release: why no driver is known, NULL: there is none */
	bool pf_on_vfio; /* release --park: the kernel has set its override on purpose, and that stays */
};

/**
 * Is there something to release: bound to a VFIO driver, or assigned by us and then left without a driver
 * ("modprobe -r vfio_pci" does that to every function it has).
 */
bool plan_is_assigned(const struct plan_input *in);

/**
 * Is a function that nobody assigned kept from the host: by an override that was left over, by a driver for programs
 * (uio_pci_generic, igb_uio, pci-stub), or (named) by having no driver at all?
 */
bool plan_is_left_over(const struct vfioadm_function *f, bool named);

int plan_assign(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n) MUST_CHECK;
int plan_release(struct vfioadm_plan *plan, const struct plan_input *inputs, size_t n, bool park)
	MUST_CHECK;

/**
 * Card types; the first n_new of them are given to the driver, the others it holds already under another
 * ID. held is what it holds as far as it is recorded: the undo must leave that. taken lists the functions
 * (indexes into inv) that vfio-pci takes at once.
 * load: vfio-pci is not registered, so it is loaded with the IDs.
 */
int plan_enable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		const struct cardtype *types, size_t n, size_t n_new, const struct cardtype *held,
		size_t n_held, const struct selection *taken, bool load) MUST_CHECK;
/** registered: the driver is there, so it may hold the IDs; else they are only forgotten. */
int plan_disable(struct vfioadm_plan *plan, const struct vfioadm_inventory *inv,
		 const struct cardtype *types, size_t n, bool registered) MUST_CHECK;

/**
 * vfio-pci's step of loading gets these configured card types, and behind them what it has already, as far as the
 * module's parameter holds them. -ENOMEM.
 */
int plan_load_with(struct vfioadm_plan *plan, struct step *step, const struct cardtype *types, size_t n) MUST_CHECK;

/**
 * Which functions does vfio-pci take at once when it is given these types: those without a driver, not
 * bridges, whose override does not name another driver. -ENOMEM.
 */
int plan_enable_taken(const struct vfioadm_inventory *inv, const struct cardtype *types, size_t n,
		      struct selection *ret) MUST_CHECK;
bool cardtypes_match(const struct cardtype *types, size_t n, const struct vfioadm_function *f);

/** A file of declared state that changes. Strings hang in the plan's arena. */
struct declare_change {
	const char *name;
	const char *before, *after; /* its text; NULL: there is none */
	const char *text;           /* the step in words */
};
/** Behind all other steps. modprobe: that file (without a name), or NULL. rebuild: the initramfs has part in it. */
int plan_declare(struct vfioadm_plan *plan, const struct declare_change *changes, size_t n,
		 const struct declare_change *modprobe, bool rebuild) MUST_CHECK;
/**
 * What is made from the declarations is made anew; rebuild: the initramfs as well. image_current: no initramfs is
 * left behind.
 */
int plan_renew(struct vfioadm_plan *plan, bool image_current, const struct declare_change *modprobe, bool rebuild)
	MUST_CHECK;
/** Before all other steps of a release (hold), or behind those of an assign. */
int plan_hold(struct vfioadm_plan *plan, const char *device, bool hold) MUST_CHECK;

#endif
