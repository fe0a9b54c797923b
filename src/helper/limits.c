/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/macro.h"
#include "helper/limits.h"

/* lift: the hard limit too, for which CAP_SYS_RESOURCE is needed. */
static const struct {
	int resource;
	bool lift;
} limits[] = {
	{ RLIMIT_FSIZE, true }, { RLIMIT_CPU, true },	  { RLIMIT_AS, true },
	{ RLIMIT_DATA, true },	{ RLIMIT_RTTIME, true },  { RLIMIT_NOFILE, false },
	{ RLIMIT_NPROC, false },
};

static void lift(int resource, bool hard_too)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return;
	if (hard_too && now.rlim_max != RLIM_INFINITY && setrlimit(resource, &none) == 0)
		return;
	if (now.rlim_cur == now.rlim_max)
		return;
	now.rlim_cur = now.rlim_max;
	(void)!setrlimit(resource, &now);
}

void limits_lift(void)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		lift(limits[i].resource, limits[i].lift);
	/* Of what stays: a write fails with EFBIG; and from the soft limit of time to the hard one there is time left. */
	(void)!sigaction(SIGXFSZ, &ignore, NULL);
	(void)!sigaction(SIGXCPU, &ignore, NULL);
}
