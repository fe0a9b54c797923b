/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public header needs no other before it. */
#include <vfioadm.h>

int main(void)
{
	return vfioadm_version() ? 0 : 1;
}
