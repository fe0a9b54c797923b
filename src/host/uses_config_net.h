/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_USES_CONFIG_NET_H
#define VFIOADM_HOST_USES_CONFIG_NET_H

#include "host/uses_private.h"

/* Interfaces that are down, and the files by which the host would use them. */

struct config_nic {
	size_t function;
	const char *name;
	char mac[32]; /* "" when it has none */
	struct strv places; /* "/etc/netplan/01.yaml:4", one for each file */
};

struct config_search {
	struct uses *u;
	struct config_nic *items;
	size_t n;
};

/** The interface is named there. Once for each file; line 0: the file as such. -ENOMEM. */
int config_nic_add(struct config_nic *nic, const char *path, unsigned line) MUST_CHECK;
/** Does a pattern (or, with mac, an address) mean this interface? */
bool config_nic_is(const struct config_nic *nic, const char *word);
/** A text file; *ret NULL when there is none. What cannot be read is told. free() it. -ENOMEM. */
int config_read(struct uses *u, const char *path, char **ret) MUST_CHECK;

/* Each kind of file (uses_config_nic_files.c, uses_config_networkd.c); 0 or -ENOMEM. */
int config_ifupdown(struct config_search *s) MUST_CHECK;
int config_word_files(struct config_search *s) MUST_CHECK; /* ifcfg-*, dhcpcd.conf, netctl and others */
int config_netplan(struct config_search *s) MUST_CHECK;
int config_network_manager(struct config_search *s) MUST_CHECK;
int config_networkd(struct config_search *s) MUST_CHECK;
int config_command_line(struct config_search *s) MUST_CHECK;

/**
 * Files of systemd: those in dirs whose names end in one of suffixes (NULL behind the last one). The first one of a
 * name counts, also where it is a mask. kind is the index of the suffix. A negative errno of one ends the walk and is
 * returned, as is -ENOMEM.
 */
typedef int config_file_fn(void *data, const char *path, const char *name, size_t kind);
int config_each_file(struct uses *u, const char *const *dirs, size_t n_dirs, const char *const *suffixes,
		     config_file_fn *one, void *data) MUST_CHECK;

/** The next "KEY=VALUE" or "[SECTION]" line of an INI file, changed in place; false: the end. */
struct config_ini {
	char *rest;
	unsigned line;
	const char *section, *key, *value;
};
bool config_ini_next(struct config_ini *ini);

#endif
