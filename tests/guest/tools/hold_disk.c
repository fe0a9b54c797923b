/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold-disk DISK COMMAND AFTERWARDS: has a claim's helper hold the disk, runs a command meanwhile, and
 * another one when it was let go. Says what holding it answered.
 */
#include <string.h>

#include "host/host.h"

static void run(const char *command)
{
	fflush(stdout);
	if (system(command) < 0)
		perror(command);
}

int main(int argc, char **argv)
{
	struct host *h;
	pid_t holder;
	int r;

	if (argc != 4)
		return 2;
	r = host_live_new(NULL, &h);
	if (r == 0)
		r = h->ops->claim(h, "/run/vfioadm-hold", "run", "name", &holder);
	if (r == 0)
		r = h->ops->hold(h, "name", argv[1]);
	printf("hold: %s\n", r < 0 ? strerrorname_np(-r) : "ok");
	if (r < 0)
		return 1;
	run(argv[2]);
	h->ops->let_go(h, "name");
	run(argv[3]);
	h->ops->unclaim(h, (const char *const[]){"name"}, 1);
	host_free(h);
	return 0;
}
