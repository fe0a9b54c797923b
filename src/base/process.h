/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIOADM_BASE_PROCESS_H
#define VFIOADM_BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/** Was it killed, or has it begun to exit? What it had open closes in a moment. false also where that is not seen. */
bool process_is_ending(pid_t pid);

/** The same from the text of /proc/PID/stat and /proc/PID/status. */
bool process_stat_is_ending(const char *stat);
bool process_status_is_killed(const char *status);

#endif
