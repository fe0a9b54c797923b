/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfioadm-helper: started by the library, see base/helper.h; of no use by hand. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "flow/settle.h"
#include "helper/claim.h"
#include "helper/limits.h"
#include "helper/privileges.h"
#include "host/act.h"

static int64_t serve_request(struct claim *claim, uint32_t operation, const char *path, const char *data,
			     size_t data_size, char *reply, size_t size, size_t *ret_size)
{
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

static int64_t serve(void *userdata, uint32_t operation, const char *path, const char *data,
		     size_t data_size, char *reply, size_t size, size_t *ret_size)
{
	int64_t r;

	privileges_for(operation);
	r = serve_request(userdata, operation, path, data, data_size, reply, size, ret_size);
	privileges_drop();
	return r;
}

static bool has_journal(const char *run_dir, const char *run)
{
	_cleanup_close_ int dir = file_open_trusted_dir(AT_FDCWD, run_dir, false);
	_cleanup_close_ int journals = dir < 0 ? -1 : file_open_trusted_dir(dir, "journal", false);

	return journals >= 0 && faccessat(journals, run, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * By exec, so that the name of the process says what it does, and nothing is left of what it was. Its file
 * need not be there any more: an update may have replaced it while the kernel held the write.
 */
static void settle_run(char *run_dir, char *run)
{
	char *const argv[] = {(char *)"vfioadm-helper", (char *)"settle", run_dir, run, NULL};

	close(HELPER_FD);
	execv("/proc/self/exe", argv);
	(void)!settle_late(run_dir, run);
}

/* Its lock goes first: settling takes it again, as it takes those of the run's other functions. */
static void gone(void *userdata)
{
	struct claim *claim = userdata;
	_cleanup_free_ char *run_dir = TAKE_PTR(claim->run_dir), *run = TAKE_PTR(claim->run);

	privileges_all();
	claim_end(claim);
	if (run_dir && run && has_journal(run_dir, run))
		settle_run(run_dir, run);
}

static void copied(void *userdata)
{
	claim_forget(userdata);
}

int main(int argc, char **argv)
{
	struct claim claim = CLAIM_NONE;
	const struct helper_server server = {
		.serve = serve,
		.gone = gone,
		.copied = copied,
		.userdata = &claim,
	};

	fd_open_standard();
	limits_lift();
	if (argc == 4 && strcmp(argv[1], "settle") == 0)
		return settle_late(argv[2], argv[3]);
	if (argc != 1 || fcntl(HELPER_FD, F_GETFD) < 0) {
		fputs("vfioadm-helper is started by vfioadm itself and cannot be used by hand.\n",
		      stderr);
		return 2;
	}
	privileges_drop();
	return helper_main(&server);
}
