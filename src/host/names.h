/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_NAMES_H
#define VFIOADM_HOST_NAMES_H

struct host;
struct host_names;

void host_names_free(struct host *h, struct host_names *names);

#endif
