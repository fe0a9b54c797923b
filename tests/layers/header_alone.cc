/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* … and can be used from C++. */
#include <vfioadm.h>

int main()
{
	return vfioadm_version() ? 0 : 1;
}
