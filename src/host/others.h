/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_OTHERS_H
#define VFIOADM_HOST_OTHERS_H

#include "host/host.h"
#include "model/address.h"
#include "model/cardtype.h"

/*
 * Who else on the host binds functions, at boot or when a guest starts: udev rules, scripts, units, and files of
 * other managers (Unraid, Proxmox VE). Only files are read, nothing is run.
 */

enum other_kind {
	OTHER_RULE,	/* a udev rule */
	OTHER_SCRIPT,	/* run at boot: of the initramfs, an init script, a unit, a cron job */
	OTHER_HOOK,	/* run when a guest starts or stops */
	OTHER_SETTING,	/* a parameter of another driver: pci-stub.ids=, xen-pciback.hide= */
	OTHER_MODULES,	/* vfio-pci's parameter ids in a list of modules to load: text is one ID */
	OTHER_UNRAID,	/* BIND= of Unraid */
	OTHER_PROXMOX,	/* a virtual machine (owner, detail) of Proxmox VE */
	OTHER_MAPPING,	/* a resource mapping (owner) of Proxmox VE */
};

/** All functions of a slot, or some: bit N is function N. */
struct other_slot {
	struct address address; /* its function counts only where one is meant */
	unsigned functions;
};

enum other_names { OTHER_NOTHING, OTHER_SLOT, OTHER_TYPE };

struct other {
	enum other_kind kind;
	const char *path; /* without a leading slash */
	unsigned line;
	enum other_names names; /* OTHER_NOTHING: it computes what it binds */
	struct other_slot slot;
	struct cardtype type;
	const char *owner;  /* virtual machine, mapping, module */
	const char *detail; /* "hostpci0" */
	const char *text;   /* what is written there, where that may be wrong */
	bool autostart;
	bool without_effect; /* nothing reads it that way on this host; detail says why */
};

typedef int (*other_fn)(const struct other *o, void *userdata);

/** What driverctl does to vfio-pci's card types, by its script or, where that is not there, its version. */
struct driverctl {
	bool gives_type; /* set-override gives vfio-pci the device's card type as well (0.115) */
	bool takes_back; /* unset-override takes it back (0.121) */
};
int driverctl_look(struct host *h, struct driverctl *ret) MUST_CHECK;

/** Calls fn for each; stops at a negative result and returns it. -ENOMEM, -E2BIG: more than are looked at. */
int others_each(struct host *h, other_fn fn, void *userdata) MUST_CHECK;

struct foreign_claim;
/** The same as claims (their strings hold for the call). -ENOMEM, -E2BIG. */
int others_import(struct host *h, int (*fn)(const struct foreign_claim *c, void *userdata), void *userdata) MUST_CHECK;

/** Does the address belong to what is named? */
bool other_is_about(const struct other *o, const struct vfioadm_function *f);

/* ---- what its files share ---- */

enum {
	OTHERS_TEXT_MAX = 65536,
	OTHERS_LINE_MAX = 4096,
	OTHERS_FILES_MAX = 8192,
};

struct others {
	struct host *h;
	other_fn fn;
	void *userdata;
	unsigned files; /* that were read */
	char text[OTHERS_TEXT_MAX];
	char called[OTHERS_TEXT_MAX]; /* a script that one of them runs */
};

/** A text file's beginning, bounded. 1: there; 0: no such file, or not to be read; -ENOMEM, -E2BIG. */
int others_read(struct others *o, const char *path, char text[OTHERS_TEXT_MAX]) MUST_CHECK;
/** Sorted names; none where there is no such directory. -ENOMEM. */
int others_list(struct others *o, const char *path, struct strv *ret) MUST_CHECK;
bool others_ends_in(const char *name, const char *suffix);
/** The next line, joined where a backslash ends it; NULL: none. *number becomes that of its first line. */
const char *others_line(const char *p, char line[OTHERS_LINE_MAX], unsigned *number, unsigned *next);

int others_scripts(struct others *o) MUST_CHECK;  /* others_scripts.c */
int others_managers(struct others *o) MUST_CHECK; /* others_managers.c */
int others_modules(struct others *o) MUST_CHECK;  /* others_modules.c */

/* ---- the text of one script or rule (others_scan.c) ---- */

struct others_text {
	struct other about; /* kind and path */
	bool cron;	    /* only lines with @reboot are run at boot */
	bool rule;	    /* a udev rule: ATTR{vendor} and ATTR{device} name a card type */
	bool any_slot;	    /* an address alone binds: what is not about binding names none */
	bool any_node_name; /* "pci_0000_01_00_0" alone binds */
	unsigned first_line; /* of the text in its file; 0 is 1 */
	bool quiet;	    /* that it computes what it binds is not worth a word */
	/* Does the program at this path bind what it is called with? NULL: nothing is followed. -ENOMEM, 0, 1. */
	int (*calls)(const char *path, void *userdata);
	void *calls_data;
	/* The text of a file with settings that a script may read: 1, 0: none, -ENOMEM. NULL: none is read. */
	int (*settings)(const char *path, char **ret_text, void *userdata);
	/* Set: a line binds what is named nowhere in the text. */
	unsigned open_line;
};

/** Card types that a rule names by attributes, MODALIAS or class. Returns how many. */
size_t others_rule_types(const char *line, struct cardtype *types, size_t max);
int others_scan(struct others_text *t, const char *text, other_fn fn, void *userdata) MUST_CHECK;
/** Length of what names functions at p, 0: nothing does. "0000:01:00.0", "01:00.*", "pci_0000_01_00_0", … */
size_t others_read_slot(const char *p, struct other_slot *ret);

#endif
