/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfioadm-helper: started by the library, see base/helper.h; of no use by hand. */
#include <fcntl.h>
#include <stdio.h>

#include "helper/claim.h"
#include "host/act.h"

static int64_t serve(void *userdata, uint32_t operation, const char *path, const char *data,
		     size_t data_size, char *reply, size_t size, size_t *ret_size)
{
	struct claim *claim = userdata;

	switch (operation) {
	case ACT_CLAIM:
		return claim_take(claim, path, data, data_size, reply, size, ret_size);
	case ACT_END:
		claim_end(claim);
		return 0;
	case ACT_HOLD:
		return claim_hold(claim, path);
	case ACT_LET_GO:
		claim_let_go(claim);
		return 0;
	default:
		return act_serve(operation, path, data, data_size, reply, size, ret_size);
	}
}

static void gone(void *userdata)
{
	claim_end(userdata);
}

static void copied(void *userdata)
{
	claim_forget(userdata);
}

int main(void)
{
	struct claim claim = CLAIM_NONE;
	const struct helper_server server = {
		.serve = serve,
		.gone = gone,
		.copied = copied,
		.userdata = &claim,
	};

	if (fcntl(HELPER_FD, F_GETFD) < 0) {
		fputs("vfioadm-helper is started by vfioadm itself and cannot be used by hand.\n", stderr);
		return 2;
	}
	return helper_main(&server);
}
