/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_MODPROBE_CONF_H
#define VFIOADM_HOST_MODPROBE_CONF_H

#include "base/str.h"
#include "model/inventory.h"

struct host;

/*
 * modprobe.d and the kernel command line, read as kmod reads them (modprobe.d(5); libkmod-config.c): which files
 * count, what a line is, which names are normalised. The one reader of both; what they mean for one module is
 * module_setup.h.
 */
enum modprobe_kind {
	MODPROBE_ALIAS,     /* name: pattern, value: module */
	MODPROBE_OPTIONS,   /* name: module, value: text that is handed to the kernel */
	MODPROBE_BLACKLIST, /* name: module */
	MODPROBE_INSTALL,   /* name: pattern, value: command */
	MODPROBE_REMOVE,
	MODPROBE_SOFTDEP, /* name: pattern, value: "pre: … post: …" */
	MODPROBE_WEAKDEP,
	MODPROBE_KERNEL_BLACKLIST, /* module_blacklist= of the kernel itself; name: module */
};

struct modprobe_line {
	enum modprobe_kind kind;
	const char *name, *value; /* never NULL */
	const char *source;       /* "/etc/modprobe.d/vfio.conf:3", "/proc/cmdline" */
	bool command_line;
};

struct modprobe_conf {
	struct arena arena;
	struct modprobe_line *lines; /* in the order in which kmod reads them: the command line last */
	size_t n;
	struct {
		const char *path;
		int error; /* positive */
	} *unread;
	size_t n_unread;
	char *command_line; /* as the kernel has it, NULL: not known */
	bool cut;           /* there is more than is looked at */
};

/**
 * All of it. index: "lib/modules/RELEASE", whose modules.softdep and modules.weakdep count as well; NULL: none. What
 * cannot be read is listed. -ENOMEM.
 */
int modprobe_conf_read(struct host *h, const char *index, struct modprobe_conf *ret) MUST_CHECK;
void modprobe_conf_clear(struct modprobe_conf *c);
#define _cleanup_modprobe_conf_ CLEANUP(modprobe_conf_clear)

/** One file's text, and the command line's; they add to what is there. -ENOMEM. */
int modprobe_conf_parse(struct modprobe_conf *c, const char *path, const char *text, size_t size) MUST_CHECK;
int modprobe_conf_parse_command_line(struct modprobe_conf *c, const char *text) MUST_CHECK;

/**
 * The next parameter of a text that the kernel gets, cut in place as next_arg() of its lib/cmdline.c does: blanks part,
 * quotes hold together and are no part of a value. *ret_value is NULL without "=". false: there is none.
 */
bool modprobe_next_parameter(char **rest, char **ret_name, char **ret_value);

#endif
