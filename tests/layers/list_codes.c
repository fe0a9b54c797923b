/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of finding codes as the library has it, one row a line, for check_codes. */
#include <stdio.h>
#include <vfioadm.h>

int main(void)
{
	static const char *const severities[] = {
		[VFIOADM_WARNS] = "warns",
		[VFIOADM_REFUSES] = "refuses",
		[VFIOADM_BLOCKS] = "blocks",
	};

	for (size_t i = 0; i < vfioadm_n_codes(); i++) {
		const struct vfioadm_code_info *info = vfioadm_code_info(i);

		printf("%s\t%s\t%s\t%s\t%s\t%s\n", info->code, severities[info->severity],
		       info->forceable ? "forceable" : "", info->kind ? info->kind : "", info->meaning,
		       info->remedy);
	}
	return 0;
}
