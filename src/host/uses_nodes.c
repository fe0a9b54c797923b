/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/uses.h"

int uses_nodes(struct uses *u)
{
	return 0;
}

int uses_each_node(struct uses *u, size_t function,
		   int (*fn)(struct uses *u, size_t function, const struct uses_node *node))
{
	return 0;
}
