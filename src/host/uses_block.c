/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/uses.h"

int uses_block(struct uses *u)
{
	return 0;
}
