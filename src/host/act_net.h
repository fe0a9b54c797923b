/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_HOST_ACT_NET_H
#define VFIOADM_HOST_ACT_NET_H

#include <stddef.h>
#include <stdint.h>

/*
 * The helper program's questions to the kernel's network: they may wait for the rtnl lock, and some are asked
 * in another network namespace. Replies are text, a line for each answer.
 */

/** skip: how many lines the caller has already, as text. Returns how many there are in all. */
int64_t act_net_links(const char *netns, const char *skip, char *reply, size_t size, size_t *ret_size);
/** from: "" or our own address. Names of interfaces, blanks between. */
int64_t act_net_route(const char *destination, const char *from, char *reply, size_t size, size_t *ret_size);
int64_t act_net_smc(char *reply, size_t size, size_t *ret_size);

#endif
