/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Few writes for a long list, and a program that reads it wakes up as rarely. */
static char out_buffer[32 * 1024];

/* Closed ones would be the next files that are opened, and what is printed would go there. */
static void open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct vfioadm_ctx *ctx = NULL;
	int r, status;

	open_standard_files();
	setvbuf(stdout, out_buffer, _IOFBF, sizeof(out_buffer));
	r = vfioadm_ctx_new(&ctx);
	if (r < 0) {
		fprintf(stderr, "vfioadm: cannot start: %s\n", strerror(-r));
		return VFIOADM_EXIT_FAILED;
	}
	status = cli_run(ctx, argc, argv, stdout, stderr);
	vfioadm_ctx_unref(ctx);
	return status;
}
