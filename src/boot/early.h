/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BOOT_EARLY_H
#define VFIOADM_BOOT_EARLY_H

#include <stdbool.h>

#include "base/str.h"

struct host;

/*
 * The boot's first program: gives declared functions to their VFIO drivers before anything loads a module, in the
 * initramfs and once more in the host. It takes no lock and writes no journal: nothing else of vfioadm runs yet,
 * and what it leaves undone the boot unit does later. Whatever happens, the boot goes on, and soon.
 */
enum early_level { EARLY_ERROR = 3, EARLY_WARNING = 4, EARLY_NOTICE = 5, EARLY_INFO = 6 }; /* as syslog's */

struct early {
	struct host *host;
	const char *root;    /* of the declarations: "/" */
	const char *run_dir; /* "/run/vfioadm" */
	bool trusted;        /* believe only files that root alone could write */
	bool initramfs;
	unsigned step_ms;    /* deadline of what may block, of one of it and of all; 0: none */
	unsigned total_ms;
	void (*log)(void *userdata, enum early_level level, const char *line);
	void *userdata;
};

/* An emulated machine under load was seen to take five seconds for vfio-pci and what it needs. */
enum { EARLY_STEP_MS = 10000, EARLY_TOTAL_MS = 15000 };

/** false: the kernel command line says vfioadm.disable, or this kernel runs to save a crash. */
bool early_enabled(const struct early *e);

/**
 * Claims what is declared and has no driver yet. 0; 1: something that is declared was left as it was, as the log
 * says; or a negative errno, when it did not even come to look.
 */
int early_claim(const struct early *e);

/**
 * The root file system does not appear: what was claimed in this boot is given to its native drivers. Returns as
 * above.
 */
int early_give_back(const struct early *e);

/** Modules that claiming would load on this host, without duplicates; for what makes an initramfs. */
int early_modules(const struct early *e, struct strv *ret) MUST_CHECK;
/** Those of the host that the same functions would have otherwise: what modprobe.d says of them counts as well. */
int early_host_modules(const struct early *e, struct strv *ret) MUST_CHECK;

#endif
