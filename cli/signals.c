/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stddef.h>

#include "cli.h"

/* The one thing that a signal handler can reach. */
static struct vfioadm_ctx *volatile cancel_ctx;
static volatile sig_atomic_t stopped;

static void on_signal(int signal UNUSED)
{
	struct vfioadm_ctx *ctx = cancel_ctx;

	stopped = 1;
	if (ctx)
		vfioadm_ctx_cancel(ctx);
}

void signals_begin(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	/* setrlimit(2), RLIMIT_FSIZE: what cannot be written is an error (EFBIG) like any other. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

/* Sent again with each further second, up to the hard limit: that is still one wish to stop, and undoing takes time. */
static void on_cpu_limit(int signal)
{
	static volatile sig_atomic_t reached;

	if (!reached)
		on_signal(signal);
	reached = 1;
}

void signals_arm(struct vfioadm_ctx *ctx)
{
	struct sigaction cpu = {.sa_handler = on_cpu_limit, .sa_flags = SA_RESTART};
	/* What waits in poll() is interrupted whatever SA_RESTART says; what prints goes on. */
	struct sigaction cancel = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	cancel_ctx = ctx;
	sigaction(SIGINT, &cancel, NULL);
	sigaction(SIGTERM, &cancel, NULL);
	sigaction(SIGXCPU, &cpu, NULL);
	/* The interface that moves may carry the terminal: losing it must not stop us half-way. */
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

bool signals_stopped(void)
{
	bool was = stopped;

	stopped = 0;
	return was;
}

void signals_disarm(void)
{
	/* The handler stays: a signal from now on must not hide what came of the change. */
	cancel_ctx = NULL;
}
