/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfioadm-helper: started by the library, see base/helper.h; of no use by hand. */
#include <stdio.h>
#include <fcntl.h>

#include "host/act.h"

int main(void)
{
	if (fcntl(HELPER_FD, F_GETFD) < 0) {
		fputs("vfioadm-helper is started by vfioadm itself and cannot be used by hand.\n", stderr);
		return 2;
	}
	return helper_main(act_serve);
}
