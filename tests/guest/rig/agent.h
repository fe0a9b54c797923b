/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* What the kernel command line tells the guest program (rig.NAME=VALUE words). */
struct options {
	char channel[64]; /* "ttyS1", or "virtio" for the virtio-serial port */
	char term[32];	  /* TERM of the interactive shell */
	char root[32];	  /* disk to move the root file system to, "nvme0n1" */
	int rows, cols;
	bool shell;	 /* interactive shell on the console */
	bool nocoldplug; /* leave all drivers unloaded */
};

/* init.c: what a distribution's early userspace would do */
void guest_options(struct options *ret);
void guest_init(const struct options *opt);
int guest_open_channel(const struct options *opt);
int guest_spawn_shell(const struct options *opt);
void guest_poweroff(void) __attribute__((noreturn));

/* agent.c: serve requests until the channel ends; shell is the pid to power off with, or 0 */
int agent_serve(int fd, bool uart, int shell);
